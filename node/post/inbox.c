/* inbox.c - mail into records: opened, admitted one by one, receipted in one go, its number noted.
 *
 * A parcel that comes twice is handled twice, to the same end: records are known by their id32, and the second receipt
 * may be the one that arrives. */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "node/post/inside.h"

/* ---- opening ---- */
static enum tsk_err key_find(struct tsk_ctx *ctx, const uint8_t id8[8], struct tsk_kem_key **ret_key)
{
    for (size_t i = 0; i < ctx->keys->seal_n; i++) {
        if (memcmp(ctx->keys->seal[i].id8, id8, 8) != 0)
            continue;
        *ret_key = ctx->kems[i];
        return TSK_OK;
    }
    return TSK_E_SUITE;
}

struct opened { struct tsk_inner inner; struct tsk_slice bytes; };

static enum tsk_err parcel_open(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_put *put,
                                const struct tsk_kid *from, struct tsk_slice bytes, struct opened *ret_o)
{
    struct tsk_parcel parcel;
    struct tsk_kem_key *key = NULL;
    struct opened o;
    TSK_TRY(tsk_rec_decode(TSK_REC_PARCEL, bytes, &parcel));
    if (!tsk_kid_eq(&parcel.to, tsk_self(ctx)))
        return TSK_E_WRONGTYPE;
    TSK_TRY(key_find(ctx, parcel.key_id8, &key));
    uint8_t *plain = tsk_txn_alloc(b->txn, parcel.ct.n);
    if (plain == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_parcel_open(&parcel, from, &put->id, key, &ctx->members->net, plain, &o.bytes));
    TSK_TRY(tsk_rec_decode(TSK_REC_INNER, o.bytes, &o.inner));
    if (!tsk_kid_eq(&o.inner.from, from))
        return TSK_E_BADSIG;
    if (o.inner.seq != 0 && (o.inner.floor == 0 || o.inner.floor > o.inner.seq))
        return TSK_E_MALFORMED;
    *ret_o = o;
    return TSK_OK;
}

/* ---- records ---- */
struct outcome {
    struct tsk_receipt receipt;
    bool whole;
    bool noroom;  /* a record was not taken for lack of room */
    bool stained; /* a refusal has left something behind */
};

/* 9, 11 and 13 say "not now"; our own faults never get here. */
static bool for_good(unsigned wire)
{
    return wire != 9 && wire != 11 && wire != 13;
}

static void line_add(struct outcome *o, const struct tsk_id32 *id, unsigned wire)
{
    for (size_t i = 0; i < o->receipt.lines_n; i++)
        if (memcmp(o->receipt.lines[i].id.b, id->b, sizeof id->b) == 0)
            return; /* the same record twice in one parcel */
    o->receipt.lines[o->receipt.lines_n++] = (struct tsk_receipt_line){*id, wire};
}

static enum tsk_err id_of_refused(struct tsk_ctx *ctx, struct tsk_slice bytes, struct tsk_id32 *ret_id, bool *ret_receipt)
{
    struct tsk_envelope env;
    TSK_TRY(tsk_cose_parse(bytes, &env));
    TSK_TRY(tsk_record_id(&env, &ctx->members->net, ret_id));
    *ret_receipt = env.rec == TSK_REC_RECEIPT;
    return TSK_OK;
}

/* In a savepoint of its own, so that one bad record takes nothing with it. */
static enum tsk_err admit_apart(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in,
                                struct tsk_id32 *ret_id, bool *ret_receipt)
{
    TSK_TRY(tsk_batch_save(b));
    enum tsk_err e = ctx->admit(ctx, b, in, ret_id, ret_receipt);
    if (e == TSK_OK)
        return tsk_batch_keep(b);
    tsk_batch_undo(b);
    return e;
}

static enum tsk_err admit(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in, struct outcome *o,
                          struct tsk_id32 *ret_id, bool *ret_receipt)
{
    uint64_t writes = tsk_txn_writes(b->txn);
    size_t out_n = b->out_n, effects_n = b->effects_n;
    enum tsk_err e = ctx->admit(ctx, b, in, ret_id, ret_receipt);
    if (e != TSK_OK && (tsk_txn_writes(b->txn) != writes || b->out_n != out_n || b->effects_n != effects_n))
        o->stained = true;
    return e;
}

static void note_refused(const struct tsk_kid *from, enum tsk_err e)
{
    static struct tsk_gate gates[TSK_ERR_COUNT];
    unsigned unsaid;
    if (tsk_log_due(&gates[e], &unsaid))
        tsk_log(TSK_LOG_WARN, "record_refused", "peer=%s err=%s unsaid=%u", TSK_SHORT(*from), tsk_err_name(e), unsaid);
}

static enum tsk_err record_take(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in, bool apart,
                                struct outcome *o)
{
    struct tsk_id32 id;
    bool receipt = false;
    enum tsk_err e = apart ? admit_apart(ctx, b, in, &id, &receipt) : admit(ctx, b, in, o, &id, &receipt);
    if (tsk_err_class(e) == TSK_CLASS_LOCAL)
        return e;
    unsigned wire = tsk_err_wire(e);
    o->noroom = o->noroom || e == TSK_E_NOROOM;
    if (e != TSK_OK && e != TSK_E_NOROOM) /* a full store has said so once */
        note_refused(&in->from, e);
    if (!for_good(wire)) {
        o->whole = false;
        return TSK_OK;
    }
    if (e != TSK_OK && id_of_refused(ctx, in->bytes, &id, &receipt) != TSK_OK)
        return TSK_OK; /* it has no id that a receipt could name */
    if (!receipt)
        line_add(o, &id, wire);
    return TSK_OK;
}

static enum tsk_err records_each(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_inner *inner, bool apart,
                                 struct outcome *o)
{
    struct tsk_seq seq = inner->records;
    struct tsk_incoming in = {.from = inner->from, .inner = inner};
    if (inner->cts.n + inner->wraps.n > 0) {
        in.hashes = tsk_txn_alloc(b->txn, sizeof *in.hashes);
        if (in.hashes == NULL)
            return TSK_E_NOMEM;
    }
    while (!o->stained && tsk_seq_next_bytes(&seq, &in.bytes))
        TSK_TRY(record_take(ctx, b, &in, apart, o));
    return TSK_OK;
}

/* A savepoint copies every page that is written after it, so one record does not get one: a refusal has written nothing
 * (node/desk/handle.h). Should a handler not have kept to that, the parcel is undone and taken again, each record apart. */
static enum tsk_err records_take(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_inner *inner,
                                 struct outcome *o)
{
    TSK_TRY(tsk_batch_save(b));
    enum tsk_err e = records_each(ctx, b, inner, false, o);
    if (e == TSK_OK && !o->stained)
        return tsk_batch_keep(b);
    tsk_batch_undo(b);
    TSK_TRY(e);
    tsk_log(TSK_LOG_ERROR, "refusal_stained", "peer=%s", TSK_SHORT(inner->from));
    *o = (struct outcome){.whole = true};
    return records_each(ctx, b, inner, true, o);
}

/* ---- the receipt ---- */
static int by_id(const void *a, const void *b)
{
    const struct tsk_receipt_line *x = a, *y = b;
    return memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

static enum tsk_err receipt_send(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *to,
                                 struct tsk_receipt *r)
{
    if (r->lines_n == 0)
        return TSK_OK;
    qsort(r->lines, r->lines_n, sizeof r->lines[0], by_id);
    tsk_random(r->id.b, sizeof r->id.b);
    r->to = *to;
    r->time = b->now;
    size_t cap = tsk_rec_max(TSK_REC_RECEIPT);
    uint8_t *buf = malloc(cap);
    struct tsk_outgoing o = {.to = *to, .receipt = true};
    enum tsk_err e = buf == NULL ? TSK_E_NOMEM
                                 : tsk_record_sign(TSK_REC_RECEIPT, r, ctx->signer, &ctx->members->net, buf, cap,
                                                   &o.record, &o.id);
    if (e == TSK_OK)
        e = tsk_batch_send(b, &o);
    free(buf);
    return e;
}

/* ---- numbers ---- */
struct seen { bool whole; uint8_t hash[32]; };

static struct tsk_rowkey seen_key(const struct tsk_kid *from, uint64_t seq)
{
    struct tsk_rowkey k = tsk_row(TSK_T_IN_SEQ);
    tsk_row_bytes(&k, from->b, sizeof from->b);
    tsk_row_u64(&k, seq);
    return k;
}

static enum tsk_err seen_load(struct tsk_txn *t, const struct tsk_kid *from, uint64_t seq, struct seen *ret_s)
{
    struct tsk_rowkey k = seen_key(from, seq);
    struct tsk_slice v;
    TSK_TRY(tsk_get(t, &k, &v));
    if (v.n != 1 + sizeof ret_s->hash)
        return TSK_E_BUG;
    ret_s->whole = v.p[0] != 0;
    memcpy(ret_s->hash, v.p + 1, sizeof ret_s->hash);
    return TSK_OK;
}

static enum tsk_err seen_save(struct tsk_txn *t, const struct tsk_kid *from, uint64_t seq, const struct seen *s)
{
    uint8_t v[1 + sizeof s->hash];
    struct tsk_rowkey k = seen_key(from, seq);
    v[0] = s->whole;
    memcpy(v + 1, s->hash, sizeof s->hash);
    return tsk_put(t, &k, TSK_SLICE(v));
}

/* Below the sender's floor everything is settled. `ret_n`: how many of those numbers were noted here. */
static enum tsk_err seen_prune(struct tsk_txn *t, const struct tsk_kid *from, uint64_t floor, uint64_t *ret_n)
{
    struct tsk_rowkey prefix = tsk_row(TSK_T_IN_SEQ);
    tsk_row_bytes(&prefix, from->b, sizeof from->b);
    struct tsk_walk w;
    struct tsk_slice tail, v;
    tsk_walk_init(&w, &prefix, NULL);
    enum tsk_err e;
    uint64_t n = 0, seq = 0;
    while ((e = tsk_walk_next(t, &w, &tail, &v)) == TSK_OK) {
        seq = tail.n == 8 ? tsk_be64(tail.p) : UINT64_MAX;
        if (seq >= floor)
            break;
        struct tsk_rowkey k = seen_key(from, seq);
        TSK_TRY(tsk_del(t, &k));
        n++;
    }
    *ret_n = n;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

/* The sender has this node's receipts for everything below its floor. A number there that is not noted here was noted by
 * this node and forgotten: it was restored from a backup. What the parcel said cannot be asked for again, and a stop may
 * have been in it; so what was stored until now opens no more. The number of a record, used up, says until when. */
static enum tsk_err floor_raise(struct tsk_txn *t, const struct tsk_kid *from, uint64_t floor, struct tsk_peer_row *row)
{
    uint64_t n = 0;
    if (floor <= row->in_floor)
        return TSK_OK;
    TSK_TRY(seen_prune(t, from, floor, &n));
    if (n < floor - row->in_floor) {
        TSK_TRY(tsk_next(t, "record", &row->in_forgot));
        tsk_log(TSK_LOG_ERROR, "numbers_lost", "peer=%s from=%llu to=%llu lost=%llu", TSK_SHORT(*from),
                (unsigned long long)row->in_floor, (unsigned long long)floor - 1,
                (unsigned long long)(floor - row->in_floor - n));
    }
    row->in_floor = floor;
    return TSK_OK;
}

enum tsk_err tsk_inbox_forgot(struct tsk_batch *b, const struct tsk_kid *from, uint64_t record_no, bool *ret_forgot)
{
    struct tsk_peer_row row;
    TSK_TRY(tsk_peer_load(b->txn, from, &row));
    *ret_forgot = record_no < row.in_forgot;
    return TSK_OK;
}

static void note_chain(struct tsk_gate *gate, const char *event, const struct tsk_inner *inner)
{
    unsigned unsaid;
    if (tsk_log_due(gate, &unsaid))
        tsk_log(TSK_LOG_WARN, event, "peer=%s seq=%llu unsaid=%u", TSK_SHORT(inner->from),
                (unsigned long long)inner->seq, unsaid);
}

/* A number with other content, or a chain that does not join: the sender was restored from a backup, or worse. */
static void chain_check(struct tsk_txn *t, const struct tsk_inner *inner, const struct seen *now)
{
    static struct tsk_gate reused, broken;
    struct seen other;
    if (seen_load(t, &inner->from, inner->seq, &other) == TSK_OK && memcmp(other.hash, now->hash, 32) != 0)
        note_chain(&reused, "number_reused", inner);
    if (inner->seq > 1 && seen_load(t, &inner->from, inner->seq - 1, &other) == TSK_OK &&
        memcmp(other.hash, inner->prev.b, 32) != 0)
        note_chain(&broken, "chain_broken", inner);
}

/* Whole once is whole for ever, but with that content alone: where a number was used again (the sender was restored) the
 * parcel that was not taken whole decides, so that a gap shows. */
static enum tsk_err seen_note(struct tsk_txn *t, const struct tsk_kid *from, uint64_t seq, struct seen *now)
{
    struct seen old;
    enum tsk_err e = seen_load(t, from, seq, &old);
    if (e == TSK_E_UNKNOWN)
        return seen_save(t, from, seq, now);
    TSK_TRY(e);
    bool same = memcmp(old.hash, now->hash, sizeof now->hash) == 0;
    if (same ? old.whole : !old.whole && now->whole)
        return TSK_OK;
    return seen_save(t, from, seq, now);
}

static enum tsk_err number_note(struct tsk_txn *t, const struct opened *o, bool whole)
{
    const struct tsk_inner *in = &o->inner;
    struct tsk_peer_row row;
    struct seen now = {.whole = whole};
    if (in->seq == 0)
        return TSK_OK;
    TSK_TRY(tsk_sha256(&o->bytes, 1, now.hash));
    chain_check(t, in, &now);
    TSK_TRY(tsk_peer_load(t, &in->from, &row));
    TSK_TRY(floor_raise(t, &in->from, in->floor, &row));
    if (in->seq >= row.in_floor)
        TSK_TRY(seen_note(t, &in->from, in->seq, &now));
    row.in_high = in->seq > row.in_high ? in->seq : row.in_high;
    return tsk_peer_save(t, &in->from, &row);
}

/* ---- mail ---- */
static enum tsk_err parcel_take(struct tsk_ctx *ctx, struct tsk_batch *b, const struct opened *o)
{
    struct outcome *out = tsk_txn_alloc(b->txn, sizeof *out);
    if (out == NULL)
        return TSK_E_NOMEM;
    out->whole = true;
    TSK_TRY(tsk_peer_heard(ctx, b, &o->inner.from, 0));
    TSK_TRY(records_take(ctx, b, &o->inner, out));
    TSK_TRY(number_note(b->txn, o, out->whole));
    TSK_TRY(receipt_send(ctx, b, &o->inner.from, &out->receipt));
    return out->noroom ? TSK_E_NOROOM : TSK_OK;
}

static enum tsk_err mail_take(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_slice put_bytes,
                              struct tsk_slice parcel, const struct tsk_entry **ret_signer)
{
    struct tsk_put put;
    uint8_t hash[32];
    struct opened o;
    /* Whoever was a member when the office took it may have left since: what it said then still counts. */
    TSK_TRY(tsk_signed_by_member(ctx, TSK_REC_PUT, put_bytes, 0, &put, ret_signer));
    TSK_TRY(tsk_sha256(&parcel, 1, hash));
    if (memcmp(hash, put.parcel_hash, sizeof hash) != 0)
        return TSK_E_BADSIG;
    if (!tsk_kid_eq(&put.to, tsk_self(ctx)))
        return TSK_E_WRONGTYPE;
    TSK_TRY(parcel_open(ctx, b, &put, &(*ret_signer)->m.kid, parcel, &o));
    return parcel_take(ctx, b, &o);
}

static void note_dropped(const struct tsk_entry *signer, enum tsk_err e)
{
    static struct tsk_gate gates[TSK_ERR_COUNT];
    unsigned unsaid;
    if (tsk_log_due(&gates[e], &unsaid))
        tsk_log(TSK_LOG_WARN, "mail_dropped", "peer=%s err=%s unsaid=%u",
                signer != NULL ? TSK_SHORT(signer->m.kid) : "none", tsk_err_name(e), unsaid);
}

enum tsk_err tsk_inbox_mail(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_slice put, struct tsk_slice parcel)
{
    const struct tsk_entry *signer = NULL;
    enum tsk_err e = mail_take(ctx, b, put, parcel, &signer);
    if (e == TSK_OK || e == TSK_E_NOROOM || tsk_err_class(e) == TSK_CLASS_LOCAL)
        return e;
    note_dropped(signer, e);
    return TSK_OK;
}

/* ---- drained ---- */
static void missing(char ret_missing[TSK_PARTNER_ID_CAP], const struct tsk_entry *e)
{
    memset(ret_missing, 0, TSK_PARTNER_ID_CAP);
    if (e != NULL)
        memcpy(ret_missing, e->m.partner, TSK_PARTNER_ID_CAP - 1);
}

static bool office_drained(struct tsk_ctx *ctx, const struct tsk_kid *kid, uint64_t now)
{
    const struct tsk_office *o = tsk_office_find(ctx, kid);
    if (tsk_kid_eq(kid, tsk_self(ctx)))
        return tsk_server_room(ctx->post->peers_server); /* else a stop may stand before a closed door */
    return o != NULL && o->drained_at != 0 && o->drained_at <= now && now - o->drained_at <= TSK_DRAIN_FRESH_S;
}

/* Whether a number from `first` to below `end` is not here whole. */
static enum tsk_err gap(struct tsk_txn *t, const struct tsk_kid *from, uint64_t first, uint64_t end, bool *ret_gap)
{
    struct tsk_rowkey prefix = tsk_row(TSK_T_IN_SEQ);
    tsk_row_bytes(&prefix, from->b, sizeof from->b);
    struct tsk_rowkey start = prefix;
    tsk_row_u64(&start, first);
    struct tsk_walk w;
    struct tsk_slice tail, v;
    uint64_t whole = 0;
    enum tsk_err e;
    tsk_walk_init(&w, &prefix, &start);
    while ((e = tsk_walk_next(t, &w, &tail, &v)) == TSK_OK && tail.n == 8 && tsk_be64(tail.p) < end)
        whole += v.n > 0 && v.p[0] != 0;
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    *ret_gap = end > first && whole < end - first;
    return TSK_OK;
}

enum tsk_err tsk_inbox_lacks_before(struct tsk_txn *t, const struct tsk_inner *inner, bool *ret_lacks)
{
    struct tsk_peer_row row;
    TSK_TRY(tsk_peer_load(t, &inner->from, &row));
    if (inner->seq < row.in_floor) { /* no number, or one used again by a sender that was restored: nobody can say */
        *ret_lacks = true;
        return TSK_OK;
    }
    return gap(t, &inner->from, inner->floor > row.in_floor ? inner->floor : row.in_floor, inner->seq, ret_lacks);
}

enum tsk_err tsk_inbox_drained(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *from, size_t from_n,
                               char ret_missing[TSK_PARTNER_ID_CAP])
{
    const struct tsk_entry *self = tsk_self_entry(ctx);
    bool drained = false, elsewhere = false, lacks = false;
    for (size_t i = 0; self != NULL && i < self->m.posts_n; i++) {
        bool fresh = office_drained(ctx, &self->m.posts[i], b->now);
        drained = drained || fresh;
        elsewhere = elsewhere || (fresh && !tsk_kid_eq(&self->m.posts[i], tsk_self(ctx)));
    }
    if (!drained) {
        missing(ret_missing, self != NULL ? tsk_member_by_kid(ctx->members, &self->m.posts[0], 0) : NULL);
        return TSK_E_RETRY;
    }
    for (size_t i = 0; i < from_n; i++) {
        struct tsk_peer_row row;
        TSK_TRY(tsk_peer_load(b->txn, &from[i], &row));
        TSK_TRY(gap(b->txn, &from[i], row.in_floor, row.in_high + 1, &lacks));
        if (!lacks && (elsewhere || tsk_kid_eq(&from[i], tsk_self(ctx)) || tsk_peer_settled(ctx, &row, b->now)))
            continue;
        missing(ret_missing, tsk_member_by_kid(ctx->members, &from[i], 0));
        return TSK_E_RETRY;
    }
    return TSK_OK;
}
