#include "node/core/members.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"

/* ---- order ---- */
static int by_kid(const void *a, const void *b)
{
    return memcmp(((const struct tsk_entry *)a)->m.kid.b, ((const struct tsk_entry *)b)->m.kid.b, sizeof(struct tsk_kid));
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct tsk_partner *)a)->id, ((const struct tsk_partner *)b)->id);
}

/* Entries as pointers, those of one organisation in the order of their times. */
static int by_partner_and_time(const void *a, const void *b)
{
    const struct tsk_member *x = &(*(const struct tsk_entry *const *)a)->m, *y = &(*(const struct tsk_entry *const *)b)->m;
    int c = strcmp(x->partner, y->partner);
    return c != 0 ? c : x->from < y->from ? -1 : x->from > y->from;
}

static const struct tsk_entry *find_kid(const struct tsk_members *m, const struct tsk_kid *kid)
{
    struct tsk_entry key = {.m.kid = *kid};
    return m->n == 0 ? NULL : bsearch(&key, m->entries, m->n, sizeof *m->entries, by_kid);
}

static const struct tsk_partner *find_partner(const struct tsk_members *m, const char *id)
{
    struct tsk_partner key = {0};
    size_t n = strlen(id);
    if (n >= sizeof key.id || m->partners_n == 0)
        return NULL;
    memcpy(key.id, id, n + 1);
    return bsearch(&key, m->partners, m->partners_n, sizeof *m->partners, by_id);
}

/* ---- indexing ---- */
static enum tsk_err index_partners(struct tsk_members *m)
{
    struct tsk_seq seq = m->r.partners;
    m->partners = calloc(seq.n + 1, sizeof *m->partners);
    if (m->partners == NULL)
        return TSK_E_NOMEM;
    while (tsk_seq_next_partner(&seq, &m->partners[m->partners_n]))
        m->partners_n++;
    qsort(m->partners, m->partners_n, sizeof *m->partners, by_id);
    for (size_t i = 1; i < m->partners_n; i++)
        if (by_id(&m->partners[i - 1], &m->partners[i]) == 0)
            return TSK_E_MALFORMED;
    return TSK_OK;
}

/* A key that is not admitted makes the roster malformed; only our own faults keep their name. */
static enum tsk_err refused(enum tsk_err e)
{
    return tsk_err_class(e) == TSK_CLASS_LOCAL ? e : TSK_E_MALFORMED;
}

static enum tsk_err check_seal_key(const struct tsk_seal_key *k)
{
    uint8_t id8[8];
    enum tsk_err e = tsk_x25519_admit(&k->pk);
    if (e != TSK_OK)
        return refused(e);
    TSK_TRY(tsk_id8_of(&k->pk, id8));
    return memcmp(id8, k->id8, sizeof id8) == 0 ? TSK_OK : TSK_E_MALFORMED;
}

/* The first URL with its NUL; a URL that carries one inside would be two to whoever dials it. */
static enum tsk_err copy_url(struct tsk_seq urls, const char **ret_url)
{
    struct tsk_slice text;
    if (!tsk_seq_next_text(&urls, &text))
        return TSK_OK;
    if (memchr(text.p, '\0', text.n) != NULL)
        return TSK_E_MALFORMED;
    *ret_url = strndup((const char *)text.p, text.n);
    return *ret_url == NULL ? TSK_E_NOMEM : TSK_OK;
}

static enum tsk_err index_entry(const struct tsk_members *m, struct tsk_entry *e)
{
    const struct tsk_partner *org = find_partner(m, e->m.partner);
    if (org == NULL)
        return TSK_E_MALFORMED;
    e->org = *org;
    enum tsk_err err = tsk_verifier_new(&e->m.sign_pk, &e->verifier);
    if (err != TSK_OK)
        return refused(err);
    if (memcmp(tsk_verifier_kid(e->verifier)->b, e->m.kid.b, sizeof e->m.kid.b) != 0)
        return TSK_E_MALFORMED;
    for (size_t i = 0; i < e->m.seal_n; i++)
        TSK_TRY(check_seal_key(&e->m.seal[i]));
    return copy_url(e->m.urls, &e->url);
}

static enum tsk_err index_entries(struct tsk_members *m)
{
    struct tsk_seq seq = m->r.members;
    m->entries = calloc(seq.n + 1, sizeof *m->entries);
    if (m->entries == NULL)
        return TSK_E_NOMEM;
    while (tsk_seq_next_member(&seq, &m->entries[m->n].m)) {
        m->n++;
        TSK_TRY(index_entry(m, &m->entries[m->n - 1]));
    }
    qsort(m->entries, m->n, sizeof *m->entries, by_kid);
    return TSK_OK;
}

/* ---- what concerns several entries ---- */
static enum tsk_err check_posts(const struct tsk_members *m, const struct tsk_entry *e)
{
    for (size_t i = 0; i < e->m.posts_n; i++) {
        const struct tsk_entry *post = find_kid(m, &e->m.posts[i]);
        if (post == NULL || (post != e && (post->m.roles & TSK_ROLE_POSTOFFICE) == 0)) /* its own needs no role */
            return TSK_E_MALFORMED;
    }
    return TSK_OK;
}

/* One organisation may have an earlier node that left, never two nodes at one time. */
static enum tsk_err check_times(const struct tsk_members *m)
{
    const struct tsk_entry **p = calloc(m->n + 1, sizeof(struct tsk_entry *));
    if (p == NULL)
        return TSK_E_NOMEM;
    for (size_t i = 0; i < m->n; i++)
        p[i] = &m->entries[i];
    qsort(p, m->n, sizeof(struct tsk_entry *), by_partner_and_time);
    enum tsk_err e = TSK_OK;
    for (size_t i = 1; i < m->n; i++) {
        const struct tsk_member *a = &p[i - 1]->m, *b = &p[i]->m;
        if (strcmp(a->partner, b->partner) == 0 && (!a->has_until || a->until > b->from))
            e = TSK_E_MALFORMED;
    }
    free(p);
    return e;
}

static enum tsk_err check_all(const struct tsk_members *m)
{
    for (size_t i = 0; i < m->n; i++) {
        if (i > 0 && by_kid(&m->entries[i - 1], &m->entries[i]) == 0)
            return TSK_E_MALFORMED;
        TSK_TRY(check_posts(m, &m->entries[i]));
    }
    return check_times(m);
}

/* ---- the pair ---- */
static enum tsk_err read_payload(struct tsk_members *m, struct tsk_slice payload)
{
    TSK_TRY(tsk_rec_decode(TSK_REC_ROSTER, payload, &m->r));
    TSK_TRY(tsk_roster_id(payload, &m->id));
    for (size_t i = 0; i < m->r.roots_n; i++) {
        enum tsk_err e = tsk_ed25519_admit(&m->r.roots[i]);
        if (e != TSK_OK)
            return refused(e);
    }
    m->net = m->r.net;
    return m->r.seq == 1 ? tsk_net_of(payload, &m->net) : TSK_OK;
}

/* Who vouches for a roster: some roots, its own roots, or its id. */
struct voucher { const struct tsk_pk *roots; size_t roots_n; uint64_t threshold; const struct tsk_id32 *id; };

static enum tsk_err verify(const struct tsk_members *m, struct tsk_slice payload, const struct tsk_roster_sig *sigs,
                           size_t sigs_n, const struct voucher *v)
{
    struct tsk_id32 id;
    if (v->id != NULL)
        return memcmp(v->id->b, m->id.b, sizeof m->id.b) == 0 ? TSK_OK : TSK_E_ROSTERROOT;
    if (v->roots != NULL)
        return tsk_roster_verify(payload, sigs, sigs_n, v->roots, v->roots_n, v->threshold, &id);
    return tsk_roster_verify(payload, sigs, sigs_n, m->r.roots, m->r.roots_n, m->r.threshold, &id);
}

static enum tsk_err build(struct tsk_members *m, const struct voucher *v)
{
    struct tsk_slice payload;
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    size_t sigs_n;
    TSK_TRY(tsk_roster_split((struct tsk_slice){m->bytes, m->bytes_n}, &payload, sigs, &sigs_n));
    TSK_TRY(read_payload(m, payload));
    TSK_TRY(verify(m, payload, sigs, sigs_n, v));
    TSK_TRY(index_partners(m));
    TSK_TRY(index_entries(m));
    return check_all(m);
}

static enum tsk_err members_new(struct tsk_slice bytes, const struct voucher *v, struct tsk_members **ret_m)
{
    if (bytes.n > tsk_rec_max(TSK_REC_ROSTER))
        return TSK_E_MALFORMED;
    struct tsk_members *m = calloc(1, sizeof *m);
    if (m == NULL)
        return TSK_E_NOMEM;
    m->bytes = malloc(bytes.n + 1);
    m->bytes_n = bytes.n;
    if (m->bytes != NULL && bytes.n > 0)
        memcpy(m->bytes, bytes.p, bytes.n);
    enum tsk_err e = m->bytes == NULL ? TSK_E_NOMEM : build(m, v);
    if (e != TSK_OK) {
        tsk_members_free(m);
        return e;
    }
    *ret_m = m;
    return TSK_OK;
}

enum tsk_err tsk_members_new(struct tsk_slice bytes, const struct tsk_pk *roots, size_t roots_n, uint64_t threshold,
                             struct tsk_members **ret_m)
{
    return members_new(bytes, &(struct voucher){roots, roots_n, threshold, NULL}, ret_m);
}

enum tsk_err tsk_members_known(struct tsk_slice bytes, const struct tsk_id32 *id, struct tsk_members **ret_m)
{
    return members_new(bytes, &(struct voucher){NULL, 0, 0, id}, ret_m);
}

void tsk_members_free(struct tsk_members *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n; i++) {
        tsk_verifier_free(m->entries[i].verifier);
        free((void *)(uintptr_t)m->entries[i].url);
    }
    free(m->entries);
    free(m->partners);
    free(m->bytes);
    free(m);
}

/* ---- asking ---- */
static bool in_force(const struct tsk_entry *e, uint64_t now)
{
    return now == 0 || (e->m.from <= now && (!e->m.has_until || now < e->m.until));
}

const struct tsk_entry *tsk_member_by_kid(const struct tsk_members *m, const struct tsk_kid *kid, uint64_t now)
{
    const struct tsk_entry *e = find_kid(m, kid);
    return e != NULL && in_force(e, now) ? e : NULL;
}

/* Without a time, an organisation's latest node. */
const struct tsk_entry *tsk_member_by_partner(const struct tsk_members *m, const char *partner, uint64_t now)
{
    const struct tsk_entry *found = NULL;
    for (const struct tsk_entry *e = m->entries; e < m->entries + m->n; e++)
        if (strcmp(e->m.partner, partner) == 0 && in_force(e, now) && (found == NULL || e->m.from > found->m.from))
            found = e;
    return found;
}

bool tsk_partner_find(const struct tsk_members *m, const char *partner, struct tsk_partner *ret_p)
{
    const struct tsk_partner *p = find_partner(m, partner);
    if (p != NULL)
        *ret_p = *p;
    return p != NULL;
}

const struct tsk_seal_key *tsk_member_seal_key(const struct tsk_entry *e, uint64_t now)
{
    struct tm tm;
    time_t at = (time_t)now;
    const struct tsk_seal_key *newest = &e->m.seal[0];
    gmtime_r(&at, &tm);
    for (const struct tsk_seal_key *k = e->m.seal; k < e->m.seal + e->m.seal_n; k++) {
        if (k->year == (uint64_t)tm.tm_year + 1900)
            return k;
        if (k->year > newest->year)
            newest = k;
    }
    return newest;
}

enum tsk_err tsk_members_follow(const struct tsk_members *cur, const struct tsk_members *next)
{
    if (memcmp(cur->net.b, next->net.b, sizeof cur->net.b) != 0)
        return TSK_E_WRONGTYPE;
    if (next->r.seq < cur->r.seq)
        return TSK_E_ROSTEROLD;
    if (next->r.seq == cur->r.seq)
        return memcmp(next->id.b, cur->id.b, sizeof cur->id.b) == 0 ? TSK_OK : TSK_E_FORK;
    bool named = memcmp(next->r.prev.b, cur->id.b, sizeof cur->id.b) == 0;
    return named || next->r.seq > cur->r.seq + 1 ? TSK_OK : TSK_E_FORK;
}

/* The codec holds them sorted. */
enum tsk_err tsk_roster_fingerprint(const struct tsk_members *m, char ret_hex[65])
{
    struct tsk_slice all = {m->r.roots[0].b, m->r.roots_n * sizeof m->r.roots[0]};
    uint8_t h[32];
    TSK_TRY(tsk_sha256(&all, 1, h));
    tsk_hex(h, sizeof h, ret_hex);
    return TSK_OK;
}
