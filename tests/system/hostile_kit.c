/* hostile_kit.c - the hostile node's hands: parcels, puts, receipts; see hostile.h. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "tests/system/hostile.h"

struct hostile H;

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("FAILED: ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    fflush(NULL);
    _Exit(2);
}

void must(enum tsk_err e, const char *what)
{
    if (e != TSK_OK)
        die("%s: %s", what, tsk_err_name(e));
}

void expect(const char *name, long got, long want)
{
    bool ok = got == want;
    *(ok ? &H.passed : &H.failed) += 1;
    printf("%s %s: %ld%s\n", ok ? "ok" : "FAILED", name, got, ok ? "" : " is not what it should be");
    if (!ok)
        printf("       want %ld\n", want);
    fflush(stdout);
}

void expect_text(const char *name, const char *got, const char *want)
{
    bool ok = strcmp(got, want) == 0;
    *(ok ? &H.passed : &H.failed) += 1;
    printf("%s %s: %s%s%s\n", ok ? "ok" : "FAILED", name, got, ok ? "" : ", want ", ok ? "" : want);
    fflush(stdout);
}

const struct tsk_kid *me(void)
{
    return tsk_self(&H.ctx);
}

const struct tsk_kid *them(void)
{
    return &H.victim->m.kid;
}

uint64_t wall(void)
{
    return (uint64_t)time(NULL);
}

void *keep(const void *p, size_t n)
{
    static struct kept { struct kept *next; _Alignas(max_align_t) uint8_t bytes[]; } *all;
    struct kept *k = calloc(1, sizeof *k + n + 1);
    if (k == NULL)
        die("out of memory");
    k->next = all;
    all = k;
    if (p != NULL && n > 0)
        memcpy(k->bytes, p, n);
    return k->bytes;
}

/* ---- the wire ---- */
static struct tsk_msg *wait_for(enum tsk_event_kind kind, uint64_t num, unsigned seconds)
{
    uint64_t until = tsk_mono_ms() + 1000u * seconds;
    static struct tsk_msg *early;
    while (tsk_mono_ms() < until) {
        size_t n;
        struct tsk_msg *all = early != NULL ? early : tsk_queue_take(H.ctx.queue, 100, &n);
        early = NULL;
        while (all != NULL) {
            struct tsk_msg *m = all;
            all = m->next;
            if (m->kind == kind && (num == 0 || m->num == num)) {
                early = all;
                return m;
            }
            tsk_msg_free(m);
        }
    }
    return NULL;
}

static struct tsk_dial *dial(const struct tsk_entry *e)
{
    struct tsk_dial *d;
    must(tsk_dial_new(H.ctx.queue, &e->m.kid, e->url, NULL, 1000, &d), "dial");
    must(tsk_dial_start(d), "dial");
    struct tsk_msg *m = wait_for(TSK_EV_LINK, 1, 20);
    if (m == NULL)
        die("no link to %s", e->m.partner);
    tsk_msg_free(m);
    return d;
}

void hostile_open(const char *dir, const char *victim, const char *victim_dir)
{
    must(tsk_crypto_init(), "crypto");
    must(tsk_ctx_open(dir, NULL, &H.ctx), dir);
    const struct tsk_entry *self = tsk_self_entry(&H.ctx);
    H.victim = tsk_member_by_partner(H.ctx.members, victim, wall());
    H.victim_dir = victim_dir;
    if (self == NULL || H.victim == NULL)
        die("not in the roster");
    const struct tsk_entry *office = tsk_member_by_kid(H.ctx.members, &self->m.posts[0], 0);
    H.to = dial(H.victim);
    H.office = office == H.victim ? H.to : dial(office);
    char path[TSK_PATH_CAP];
    uint8_t *p;
    size_t n;
    must(tsk_path(dir, "hostile.seq", path), "path");
    if (tsk_file_read(path, 32, &p, &n) == TSK_OK) {
        H.seq = strtoull((const char *)p, NULL, 10);
        free(p);
    }
}

static void seq_write(void)
{
    char path[TSK_PATH_CAP], text[32];
    must(tsk_path(H.ctx.dir, "hostile.seq", path), "path");
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)H.seq);
    must(tsk_file_write(path, (struct tsk_slice){(uint8_t *)text, (size_t)n}, 0600), "seq");
}

static struct tsk_msg *call(struct tsk_dial *d, enum tsk_event_kind kind, const struct tsk_slice *parts, size_t n)
{
    static uint64_t ticket = 1000;
    for (int i = 0; !tsk_dial_free_for(d, kind) && i < 500; i++) {
        if (!tsk_dial_up(d))
            must(tsk_dial_start(d), "dial");
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    must(tsk_dial_call(d, kind, ++ticket, parts, n, 60000), "call");
    return wait_for(kind, ticket, 60);
}

static long code_of(struct tsk_msg *m)
{
    struct tsk_reply r;
    bool read = m != NULL && m->n > 0 && tsk_rec_decode(TSK_REC_REPLY, (struct tsk_slice){m->p, m->n}, &r) == TSK_OK;
    long code = read ? (long)r.code : -1;
    tsk_msg_free(m);
    return code;
}

long put_raw(struct tsk_slice put, struct tsk_slice parcel)
{
    struct tsk_slice parts[2] = {put, parcel};
    return code_of(call(H.to, TSK_EV_PUT_DONE, parts, 2));
}

long ask_raw(struct tsk_slice part)
{
    return code_of(call(H.to, TSK_EV_PUT_DONE, &part, 1));
}

/* ---- parcels ---- */
void load_add(struct load *l, struct tsk_slice record)
{
    l->records[l->records_n++] = record;
}

static struct tsk_seq seq_of(const struct tsk_slice *v, size_t n)
{
    struct tsk_cbor_out measure, out;
    struct tsk_seq s = {.n = n};
    tsk_cbor_out_init(&measure, NULL, 0);
    for (size_t i = 0; i < n; i++)
        tsk_cbor_put_bytes(&measure, v[i]);
    uint8_t *buf = keep(NULL, measure.n);
    tsk_cbor_out_init(&out, buf, measure.n);
    for (size_t i = 0; i < n; i++)
        tsk_cbor_put_bytes(&out, v[i]);
    must(tsk_cbor_out_done(&out, &s.bytes), "seq");
    return s;
}

struct tsk_slice parcel_of(const struct load *l, const struct tsk_id16 *put_id)
{
    struct tsk_inner inner = {.from = l->from != NULL ? *l->from : *me(), .seq = l->seq, .floor = l->floor};
    inner.records = seq_of(l->records, l->records_n);
    inner.cts = seq_of(l->cts, l->cts_n);
    inner.wraps = seq_of(l->wraps, l->wraps_n);
    size_t cap = inner.records.bytes.n + inner.cts.bytes.n + inner.wraps.bytes.n + 256;
    struct tsk_slice plain, parcel;
    uint8_t *buf = keep(NULL, cap);
    must(tsk_rec_encode(TSK_REC_INNER, &inner, buf, cap, &plain), "inner");
    size_t parcel_cap = tsk_parcel_cap(plain.n, l->cts_n > 0);
    uint8_t *out = keep(NULL, parcel_cap);
    must(tsk_parcel_seal(me(), them(), tsk_member_seal_key(H.victim, wall()), put_id, &H.ctx.members->net, plain,
                         l->cts_n > 0, out,
                         parcel_cap, &parcel), "parcel");
    return parcel;
}

struct tsk_slice put_of(struct tsk_slice parcel, const struct tsk_put *like)
{
    struct tsk_put put = *like;
    struct tsk_id32 id;
    must(tsk_sha256(&parcel, 1, put.parcel_hash), "hash");
    return sign_own(TSK_REC_PUT, &put, &id);
}

/* ---- mail ---- */
static struct { struct tsk_id32 id; long code; } lines[65536];
static size_t lines_n;
static struct { struct tsk_slice bytes; struct tsk_id32 id; enum tsk_rec rec; } got[4096];
static size_t got_n;

static void take_record(struct tsk_slice bytes)
{
    struct tsk_envelope env;
    struct tsk_receipt *r = keep(NULL, sizeof *r);
    must(tsk_cose_parse(bytes, &env), "record");
    if (env.rec != TSK_REC_RECEIPT) {
        if (got_n == sizeof got / sizeof *got)
            return;
        got[got_n].bytes = (struct tsk_slice){keep(bytes.p, bytes.n), bytes.n};
        got[got_n].rec = env.rec;
        must(tsk_record_id(&env, &H.ctx.members->net, &got[got_n++].id), "id");
        return;
    }
    must(tsk_rec_decode(TSK_REC_RECEIPT, env.payload, r), "receipt");
    for (size_t i = 0; i < r->lines_n && lines_n < sizeof lines / sizeof *lines; i++) {
        lines[lines_n].id = r->lines[i].id;
        lines[lines_n++].code = (long)r->lines[i].code;
    }
}

static void take_mail(const struct tsk_mail *mail)
{
    struct tsk_envelope env;
    struct tsk_put put;
    struct tsk_parcel parcel;
    struct tsk_inner inner;
    struct tsk_slice plain, bytes;
    must(tsk_cose_parse(mail->put, &env), "put");
    must(tsk_rec_decode(TSK_REC_PUT, env.payload, &put), "put");
    must(tsk_rec_decode(TSK_REC_PARCEL, mail->parcel, &parcel), "parcel");
    uint8_t *buf = keep(NULL, parcel.ct.n);
    if (tsk_parcel_open(&parcel, &env.kid, &put.id, H.ctx.kems[0], &H.ctx.members->net, buf, &plain) != TSK_OK)
        return; /* one of its own that it sent to itself */
    must(tsk_rec_decode(TSK_REC_INNER, plain, &inner), "inner");
    while (tsk_seq_next_bytes(&inner.records, &bytes))
        take_record(bytes);
}

void fetch_mail(void)
{
    static struct tsk_id16 epoch;
    static uint64_t after;
    struct tsk_fetch f = {.time = wall(), .post = tsk_self_entry(&H.ctx)->m.posts[0], .epoch = epoch, .after = after,
                          .max = TSK_FETCH_MAX,
                          .wait_ms = 200};
    struct tsk_id32 id;
    struct tsk_reply r;
    struct tsk_mail mail;
    tsk_random(f.id.b, sizeof f.id.b);
    struct tsk_slice part = sign_own(TSK_REC_FETCH, &f, &id);
    struct tsk_msg *m = call(H.office, TSK_EV_MAIL, &part, 1);
    if (m == NULL || m->n == 0 || tsk_rec_decode(TSK_REC_REPLY, (struct tsk_slice){m->p, m->n}, &r) != TSK_OK || r.code != 0) {
        tsk_msg_free(m);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        return;
    }
    epoch = r.epoch;
    while (tsk_seq_next_mail(&r.mail, &mail)) {
        take_mail(&mail);
        after = mail.n;
    }
    tsk_msg_free(m);
}

bool got_record(enum tsk_rec r, struct tsk_slice *ret_bytes, struct tsk_id32 *ret_id)
{
    for (size_t i = got_n; i-- > 0;)
        if (got[i].rec == r) {
            *ret_bytes = got[i].bytes;
            *ret_id = got[i].id;
            return true;
        }
    return false;
}

long answer_of(const struct tsk_id32 *id)
{
    for (size_t i = lines_n; i-- > 0;)
        if (memcmp(lines[i].id.b, id->b, sizeof id->b) == 0)
            return lines[i].code;
    return -1;
}

void lines_forget(void)
{
    lines_n = 0;
}

long send_load(struct load *l)
{
    struct tsk_cosign last = {.role = TSK_COSIGN_OUTSIDE, .time = wall()};
    struct tsk_id32 last_id;
    struct tsk_put put = {.time = wall(), .post = *them(), .to = *them()};
    tsk_random(last.id.b, sizeof last.id.b);
    tsk_random(last.target.b, sizeof last.target.b);
    tsk_random(put.id.b, sizeof put.id.b);
    load_add(l, sign_own(TSK_REC_COSIGN, &last, &last_id));
    if (l->seq == 0) {
        l->seq = ++H.seq;
        seq_write();
    }
    l->floor = l->floor == 0 ? l->seq : l->floor;
    struct tsk_slice parcel = parcel_of(l, &put.id);
    long code = put_raw(put_of(parcel, &put), parcel);
    uint64_t until = tsk_mono_ms() + 120000;
    while (code == 0 && answer_of(&last_id) < 0) {
        fetch_mail();
        if (tsk_mono_ms() > until)
            die("no receipt within two minutes");
    }
    return code;
}

/* ---- the victim's staff ---- */
static json_t *control_json(const char *request, size_t n)
{
    uint8_t *p = NULL;
    size_t answer_n = 0;
    if (tsk_control_call(H.victim_dir, (struct tsk_slice){(const uint8_t *)request, n}, 5, &p, &answer_n) != TSK_OK)
        return NULL;
    json_t *a = json_loadb((const char *)p, answer_n, 0, NULL);
    free(p);
    return a;
}

static const char *error_of(json_t *a)
{
    const char *code = json_string_value(json_object_get(json_object_get(a, "error"), "code"));
    const char *kept = a == NULL ? "none" : code == NULL ? "ok" : keep(code, strlen(code));
    json_decref(a);
    return kept;
}

const char *control(const char *request, size_t n)
{
    return error_of(control_json(request, n));
}

const char *opens(const struct world *w, const char *category)
{
    char id[33], text[256];
    tsk_hex(w->r.id.b, sizeof w->r.id.b, id);
    int n = snprintf(text, sizeof text, "{\"verb\":\"open\",\"referral\":\"%s\",\"category\":\"%s\",\"purpose\":\"P1\"}",
                     id, category);
    return control(text, (size_t)n);
}

const char *history(const struct tsk_id16 *referral, const char *name)
{
    char id[33], text[256];
    tsk_hex(referral->b, sizeof referral->b, id);
    int n = snprintf(text, sizeof text, "{\"verb\":\"history\",\"referral\":\"%s\"}", id);
    json_t *a = control_json(text, (size_t)n);
    const char *v = json_string_value(json_object_get(a, name));
    v = v == NULL ? "" : keep(v, strlen(v));
    json_decref(a);
    return v;
}

long control_ms(void)
{
    static const char status[] = "{\"verb\":\"status\"}";
    uint64_t from = tsk_mono_ms();
    if (strcmp(control(status, sizeof status - 1), "ok") != 0)
        return -1;
    return (long)(tsk_mono_ms() - from);
}
