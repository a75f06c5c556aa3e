/* roster admit: the keys that nodes ask to have listed, checked, certified and put into the next roster. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "node/cli/registrar.h"
#include "node/core/folder.h"

#define ROSTER_MAX 2097152
#define CERT_LIFE_S (400u * TSK_DAY_S)
#define BACKDATED_S TSK_DAY_S
#define ROLES_NOW (TSK_ROLE_SENDER | TSK_ROLE_RECIPIENT | TSK_ROLE_POSTOFFICE)

static const struct tsk_id16 NO_NET;

/* One node of the roster that is being made: a member that stays, or one that joins (`bytes` set). */
struct seat {
    struct tsk_member m;
    struct tsk_kid kid_before;   /* of the entry it replaces */
    bool replaced;               /* kid_before is set and differs from m.kid */
    uint8_t *bytes;              /* the join, owned; m's texts point into it */
    struct tsk_join join;
    uint8_t cert[2048];
};
struct seats { struct seat *v; size_t n; };

static void seats_drop(struct seats *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i].bytes);
    free(s->v);
}

static struct seat *seat_of(const struct seats *s, const char *partner)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i].m.partner, partner) == 0)
            return &s->v[i];
    return NULL;
}

/* ---- a join ---- */
static enum tsk_err check_join(const struct tsk_join *j, const struct tsk_envelope *env)
{
    TSK_VERIFIER *v = NULL;
    TSK_TRY(tsk_verifier_new(&j->sign_pk, &v));
    TSK_TRY(tsk_record_verify(env, v, &NO_NET));
    for (size_t i = 0; i < j->seal_n; i++) {
        uint8_t id8[8];
        TSK_TRY(tsk_x25519_admit(&j->seal[i].pk));
        TSK_TRY(tsk_id8_of(&j->seal[i].pk, id8));
        if (memcmp(id8, j->seal[i].id8, sizeof id8) != 0)
            return TSK_E_MALFORMED;
    }
    struct tsk_seq districts = j->districts;
    for (struct tsk_slice text; tsk_seq_next_text(&districts, &text);) {
        char id[32] = "";
        memcpy(id, text.p, text.n < sizeof id ? text.n : 0);
        if (!tsk_district_find(id))
            return TSK_E_MALFORMED;
    }
    return (j->roles & ~(uint64_t)ROLES_NOW) == 0 ? TSK_OK : TSK_E_MALFORMED;
}

static enum tsk_err read_join(struct tsk_cli *c, const char *word, uint8_t **ret_bytes, struct tsk_join *ret_join)
{
    char path[TSK_PATH_CAP];
    struct stat st;
    struct tsk_envelope env;
    TSK_HEAP *bytes = NULL;
    size_t n = 0;
    if (stat(word, &st) == 0 && S_ISDIR(st.st_mode))
        TSK_TRY(tsk_path(word, "join.cose", path));
    else if (snprintf(path, sizeof path, "%s", word) >= (int)sizeof path)
        return tsk_refuse(c, TSK_E_BADFILE, "%s", word);
    TSK_TRY(tsk_want_file(c, path, tsk_rec_max(TSK_REC_JOIN), &bytes, &n));
    enum tsk_err e = tsk_cose_parse((struct tsk_slice){bytes, n}, &env);
    if (e == TSK_OK)
        e = env.rec == TSK_REC_JOIN ? tsk_rec_decode(TSK_REC_JOIN, env.payload, ret_join) : TSK_E_WRONGTYPE;
    if (e == TSK_E_MALFORMED || e == TSK_E_WRONGTYPE)
        return tsk_refuse(c, TSK_E_BADFILE, "%s", path);
    if (e == TSK_OK)
        e = check_join(ret_join, &env);
    if (e != TSK_OK)
        return tsk_refuse(c, e, "%s", path);
    *ret_bytes = bytes;
    bytes = NULL;
    return TSK_OK;
}

/* ---- seats ---- */
static enum tsk_err take_seat(struct tsk_cli *c, struct seats *s, const struct tsk_members *cur, uint8_t *bytes,
                              const struct tsk_join *j, uint64_t now)
{
    struct tsk_partner org;
    struct seat *seat = seat_of(s, j->partner);
    if (!tsk_partner_find(cur, j->partner, &org))
        return tsk_refuse(c, TSK_E_UNKNOWNPEER, "%s", j->partner);
    if (seat && seat->bytes)
        return tsk_refuse(c, TSK_E_USAGE, "%s", j->partner);
    struct tsk_member m = {.sign_pk = j->sign_pk, .seal_n = j->seal_n, .urls = j->urls, .roles = j->roles,
                           .districts = j->districts, .from = now};
    memcpy(m.partner, j->partner, sizeof m.partner);
    memcpy(m.seal, j->seal, sizeof m.seal);
    TSK_TRY(tsk_kid_of(&j->sign_pk, &m.kid));
    if (seat) {
        bool same = memcmp(&seat->m.kid, &m.kid, sizeof m.kid) == 0;
        /* An old join played again would bring an old key back. */
        if (!same && j->time < seat->m.from)
            return tsk_refuse(c, TSK_E_STALE, "%s", j->partner);
        seat->kid_before = seat->m.kid;
        seat->replaced = !same;
        m.from = same ? seat->m.from : now;
        m.has_succeeds = !same || seat->m.has_succeeds;
        m.succeeds = same ? seat->m.succeeds : seat->m.kid;
    } else {
        seat = &s->v[s->n++];
    }
    seat->m = m;
    seat->join = *j;
    seat->bytes = bytes;
    return TSK_OK;
}

static enum tsk_err fill_seats(struct tsk_cli *c, const struct tsk_members *cur, uint64_t now, struct seats *s)
{
    size_t words = tsk_arg_count(&c->args, TSK_F_NONE), at = 0;
    s->v = calloc(cur->n + words + 1, sizeof *s->v);
    if (!s->v)
        return TSK_E_NOMEM;
    for (; s->n < cur->n; s->n++)
        s->v[s->n].m = cur->entries[s->n].m;
    for (const char *word; (word = tsk_arg_next(&c->args, TSK_F_NONE, &at)) != NULL;) {
        uint8_t *bytes = NULL;
        struct tsk_join join = {0};
        TSK_TRY(read_join(c, word, &bytes, &join));
        enum tsk_err e = take_seat(c, s, cur, bytes, &join, now);
        if (e != TSK_OK) {
            free(bytes);
            return e;
        }
    }
    return s->n <= TSK_MEMBERS_MAX ? TSK_OK : TSK_E_LIMIT;
}

/* Post offices are named by organisation; by now every one of them has its seat. Itself unless the join names others. */
static enum tsk_err resolve_posts(struct tsk_cli *c, const struct seats *s, struct seat *seat)
{
    struct tsk_seq posts = seat->join.posts;
    struct tsk_slice text;
    if (posts.n == 0 && seat->m.urls.n == 0)
        return tsk_refuse(c, TSK_E_USAGE, "%s: --post", seat->m.partner);
    while (tsk_seq_next_text(&posts, &text)) {
        char id[TSK_PARTNER_ID_CAP] = "";
        memcpy(id, text.p, text.n < sizeof id ? text.n : 0);
        const struct seat *post = seat_of(s, id);
        if (!post)
            return tsk_refuse(c, TSK_E_UNKNOWNPEER, "%s: --post %s", seat->m.partner, id);
        if ((post->m.roles & TSK_ROLE_POSTOFFICE) == 0 || post->m.urls.n == 0)
            return tsk_refuse(c, TSK_E_FORBIDDEN, "%s: --post %s", seat->m.partner, id);
        seat->m.posts[seat->m.posts_n++] = post->m.kid;
    }
    if (seat->m.posts_n == 0) /* it takes in its own mail; the role is for others' */
        seat->m.posts[seat->m.posts_n++] = seat->m.kid;
    return TSK_OK;
}

/* A post office with a new key stays the post office of those who named it. */
static void follow_posts(const struct seats *s, struct seat *seat)
{
    for (size_t i = 0; i < seat->m.posts_n; i++)
        for (size_t k = 0; k < s->n; k++)
            if (s->v[k].replaced && memcmp(&seat->m.posts[i], &s->v[k].kid_before, sizeof seat->m.posts[i]) == 0)
                seat->m.posts[i] = s->v[k].m.kid;
}

static enum tsk_err certify(struct tsk_cli *c, const struct tsk_members *cur, struct seat *seat, uint64_t now)
{
    char path[TSK_PATH_CAP], dns[64];
    TSK_HEAP *key = NULL;
    size_t n = 0;
    TSK_TRY(tsk_path(c->dir, "ca.key", path));
    TSK_TRY(tsk_want_file(c, path, 2048, &key, &n));
    tsk_tls_dns(seat->m.partner, dns);
    enum tsk_err e = tsk_tls_issue((struct tsk_slice){key, n}, cur->r.tls_ca, seat->join.csr, dns, now - BACKDATED_S,
                                   now + CERT_LIFE_S, seat->cert, sizeof seat->cert, &seat->m.tls_cert);
    tsk_wipe(key, n);
    return e == TSK_OK ? e : tsk_refuse(c, e, "%s", seat->m.partner);
}

static enum tsk_err settle(struct tsk_cli *c, const struct tsk_members *cur, struct seats *s, uint64_t now,
                           struct tsk_elements *ret_members)
{
    for (size_t i = 0; i < s->n; i++) {
        struct seat *seat = &s->v[i];
        if (seat->bytes) {
            TSK_TRY(resolve_posts(c, s, seat));
            TSK_TRY(certify(c, cur, seat, now));
        } else {
            follow_posts(s, seat);
        }
        TSK_TRY(tsk_member_encode(&ret_members->out, &seat->m));
        ret_members->n++;
    }
    return TSK_OK;
}

enum tsk_err tsk_admit_nodes(struct tsk_cli *c, uint64_t now)
{
    char path[TSK_PATH_CAP];
    TSK_HEAP *bytes = NULL;
    size_t n = 0;
    TSK_MEMBERS *cur = NULL;
    __attribute__((cleanup(tsk_root_drop))) struct tsk_root root = {0};
    __attribute__((cleanup(seats_drop))) struct seats seats = {0};
    __attribute__((cleanup(tsk_elements_drop))) struct tsk_elements members = {0}, notices = {0};
    TSK_TRY(tsk_root_open(c, &root));
    TSK_TRY(tsk_path(c->dir, "roster.cose", path));
    TSK_TRY(tsk_want_file(c, path, ROSTER_MAX, &bytes, &n));
    TSK_TRY(tsk_members_new((struct tsk_slice){bytes, n}, tsk_signer_pk(root.key), 1, 1, &cur));
    TSK_TRY(tsk_elements_init(&members, ROSTER_MAX));
    TSK_TRY(fill_seats(c, cur, now, &seats));
    TSK_TRY(settle(c, cur, &seats, now, &members));
    struct tsk_roster next = cur->r;
    next.net = cur->net;
    next.seq = cur->r.seq + 1;
    next.prev = cur->id;
    next.time = now;
    next.valid_until = now + TSK_ROSTER_LIFE_S;
    next.members = tsk_elements_seq(&members);
    TSK_TRY(tsk_elements_init(&notices, 65536));
    TSK_TRY(tsk_notices_put(cur->r.notices, &notices));
    next.notices = tsk_elements_seq(&notices);
    return tsk_roster_put(c, &root, &next);
}
