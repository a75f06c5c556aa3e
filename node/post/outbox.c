/* outbox.c - records into parcels at the end of a batch, and receipts that let them go.
 *
 * A peer's parcels are numbered without gaps and each names the hash of the one before, so that the recipient sees what
 * is missing, and a sender restored from an old backup is seen too. Receipts ride along; a parcel of receipts alone has
 * no number, for nobody answers it. */
#include <string.h>

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "node/post/inside.h"

#define RECORD_EXTRA 16 /* heads of the three byte strings that a record may take */
#define INNER_EXTRA 160 /* the map around them */

/* ---- what fits ---- */
struct load { size_t n, bytes; bool cts; };

static void load_add(struct load *l, const struct tsk_outgoing *o)
{
    l->n++;
    l->bytes += o->record.n + o->ct.n + o->wraps.n + RECORD_EXTRA;
    l->cts = l->cts || o->ct.n > 0;
}

static bool load_fits(const struct load *l)
{
    return l->n <= TSK_PARCEL_RECORDS_MAX && l->bytes + INNER_EXTRA <= TSK_PARCEL_MAX &&
           tsk_parcel_cap(l->bytes + INNER_EXTRA, l->cts) <= TSK_PARCEL_MAX;
}

static bool same_unit(const struct tsk_outgoing *a, const struct tsk_outgoing *b)
{
    return a == b || (a->bundle != 0 && a->bundle == b->bundle && tsk_kid_eq(&a->to, &b->to));
}

enum tsk_err tsk_outbox_fits(const struct tsk_batch *b, const struct tsk_outgoing *o)
{
    struct load l = {0};
    load_add(&l, o);
    for (size_t i = 0; i < b->out_n && o->bundle != 0; i++)
        if (same_unit(&b->out[i], o))
            load_add(&l, &b->out[i]);
    return load_fits(&l) ? TSK_OK : TSK_E_LIMIT;
}

/* ---- one parcel ---- */
struct parcel { const struct tsk_outgoing *records[TSK_PARCEL_RECORDS_MAX]; struct load load; };

static bool receipts_only(const struct parcel *p)
{
    for (size_t i = 0; i < p->load.n; i++)
        if (!p->records[i]->receipt)
            return false;
    return true;
}

enum part { PART_RECORD, PART_CT, PART_WRAPS };

static struct tsk_slice part_of(const struct tsk_outgoing *o, enum part part)
{
    return part == PART_RECORD ? o->record : part == PART_CT ? o->ct : o->wraps;
}

static uint64_t seq_write(struct tsk_cbor_out *out, const struct parcel *p, enum part part)
{
    uint64_t n = 0;
    for (size_t i = 0; i < p->load.n; i++) {
        struct tsk_slice v = part_of(p->records[i], part);
        if (v.n == 0)
            continue;
        tsk_cbor_put_bytes(out, v);
        n++;
    }
    return n;
}

static enum tsk_err seq_build(struct tsk_txn *t, const struct parcel *p, enum part part, struct tsk_seq *ret_seq)
{
    struct tsk_cbor_out measure, out;
    tsk_cbor_out_init(&measure, NULL, 0);
    struct tsk_seq seq = {.n = seq_write(&measure, p, part)};
    uint8_t *buf = tsk_txn_alloc(t, measure.n + 1);
    if (buf == NULL)
        return TSK_E_NOMEM;
    tsk_cbor_out_init(&out, buf, measure.n);
    seq_write(&out, p, part);
    TSK_TRY(tsk_cbor_out_done(&out, &seq.bytes));
    *ret_seq = seq;
    return TSK_OK;
}

/* The lowest number that the peer has not receipted whole: `seq` itself when nothing older waits. */
static enum tsk_err floor_of(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq, uint64_t *ret_floor)
{
    struct tsk_rowkey prefix = tsk_row(TSK_T_OUT);
    tsk_row_bytes(&prefix, peer->b, sizeof peer->b);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    tsk_walk_init(&w, &prefix, NULL);
    enum tsk_err e = tsk_walk_next(t, &w, &tail, &value);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    uint64_t first = e == TSK_OK && tail.n == 8 ? tsk_be64(tail.p) : seq;
    *ret_floor = first < seq ? first : seq;
    return TSK_OK;
}

static enum tsk_err inner_build(struct tsk_ctx *ctx, struct tsk_txn *t, const struct parcel *p, struct tsk_inner *inner,
                                struct tsk_slice *ret_bytes)
{
    inner->from = *tsk_self(ctx);
    TSK_TRY(seq_build(t, p, PART_RECORD, &inner->records));
    TSK_TRY(seq_build(t, p, PART_CT, &inner->cts));
    TSK_TRY(seq_build(t, p, PART_WRAPS, &inner->wraps));
    size_t cap = p->load.bytes + INNER_EXTRA;
    uint8_t *buf = tsk_txn_alloc(t, cap);
    return buf == NULL ? TSK_E_NOMEM : tsk_rec_encode(TSK_REC_INNER, inner, buf, cap, ret_bytes);
}

/* ---- OUT_ID: which parcels wait for the receipt of a record ---- */
static struct tsk_rowkey id_key(const struct tsk_id32 *id, const struct tsk_kid *peer)
{
    struct tsk_rowkey k = tsk_row(TSK_T_OUT_ID);
    tsk_row_bytes(&k, id->b, sizeof id->b);
    tsk_row_bytes(&k, peer->b, 16);
    return k;
}

/* Adds `seq` to the row unless it is its last; `ret_new` says which. */
static enum tsk_err id_wait(struct tsk_txn *t, const struct tsk_id32 *id, const struct tsk_kid *peer, uint64_t seq,
                            bool *ret_new)
{
    struct tsk_rowkey k = id_key(id, peer);
    struct tsk_slice old = {0};
    enum tsk_err e = tsk_get(t, &k, &old);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    if (old.n >= 8 && tsk_be64(old.p + old.n - 8) == seq) {
        *ret_new = false;
        return TSK_OK;
    }
    uint8_t *row = tsk_txn_alloc(t, old.n + 8);
    if (row == NULL)
        return TSK_E_NOMEM;
    if (old.n > 0)
        memcpy(row, old.p, old.n);
    for (unsigned i = 0; i < 8; i++)
        row[old.n + i] = (uint8_t)(seq >> (56 - 8 * i));
    TSK_TRY(tsk_put(t, &k, (struct tsk_slice){row, old.n + 8}));
    *ret_new = true;
    return TSK_OK;
}

static enum tsk_err ids_wait(struct tsk_txn *t, const struct parcel *p, uint64_t seq, uint64_t *ret_left)
{
    uint64_t left = 0;
    for (size_t i = 0; i < p->load.n; i++) {
        bool fresh = false;
        if (!p->records[i]->receipt)
            TSK_TRY(id_wait(t, &p->records[i]->id, &p->records[i]->to, seq, &fresh));
        left += fresh;
    }
    *ret_left = left;
    return TSK_OK;
}

/* ---- storing it ---- */
struct added { struct tsk_kid peer; uint64_t seq; bool urgent; };

static void run_added(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    const struct added *a = arg;
    if (committed == TSK_OK && ctx->post != NULL)
        tsk_schedule_add(ctx, &a->peer, a->seq, a->urgent);
}

static enum tsk_err announce(struct tsk_batch *b, const struct tsk_kid *peer, uint64_t seq, bool urgent)
{
    struct added a = {*peer, seq, urgent};
    struct added *kept = tsk_keep(b->txn, &a, sizeof a);
    return kept == NULL ? TSK_E_NOMEM : tsk_batch_effect(b, run_added, kept);
}

static enum tsk_err counted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer, const struct parcel *p,
                            struct tsk_inner *inner, struct tsk_out_head *h, struct tsk_slice *ret_bytes)
{
    struct tsk_peer_row row;
    TSK_TRY(tsk_peer_load(b->txn, peer, &row));
    inner->seq = row.out_next;
    inner->prev = row.out_prev;
    TSK_TRY(floor_of(b->txn, peer, inner->seq, &inner->floor));
    TSK_TRY(inner_build(ctx, b->txn, p, inner, ret_bytes));
    TSK_TRY(ids_wait(b->txn, p, inner->seq, &h->left));
    row.out_next++;
    TSK_TRY(tsk_sha256(ret_bytes, 1, row.out_prev.b));
    return tsk_peer_save(b->txn, peer, &row);
}

static enum tsk_err parcel_store(struct tsk_ctx *ctx, struct tsk_batch *b, const struct parcel *p)
{
    const struct tsk_kid *peer = &p->records[0]->to;
    struct tsk_inner inner = {0};
    struct tsk_out_head h = {.created = b->now, .urgent = p->records[0]->urgent};
    struct tsk_slice bytes;
    uint64_t row_seq;
    if (receipts_only(p)) {
        TSK_TRY(tsk_next(b->txn, "receipts", &row_seq));
        row_seq |= TSK_OUT_UNCOUNTED;
        TSK_TRY(inner_build(ctx, b->txn, p, &inner, &bytes));
    } else {
        TSK_TRY(counted(ctx, b, peer, p, &inner, &h, &bytes));
        row_seq = inner.seq;
    }
    TSK_TRY(tsk_out_seal(ctx, b->txn, peer, row_seq, b->now, bytes, inner.cts.n > 0, &h));
    return announce(b, peer, row_seq, h.urgent);
}

/* ---- filling parcels ---- */
enum pass { PASS_URGENT, PASS_NORMAL, PASS_RECEIPTS, PASS_COUNT };

/* Receipts go last, so that they fill what room the counted parcels have left. */
static bool in_pass(const struct tsk_outgoing *o, enum pass pass)
{
    return pass == (o->receipt ? PASS_RECEIPTS : o->urgent ? PASS_URGENT : PASS_NORMAL);
}

static enum tsk_err parcel_close(struct tsk_ctx *ctx, struct tsk_batch *b, struct parcel *p)
{
    if (p->load.n > 0)
        TSK_TRY(parcel_store(ctx, b, p));
    *p = (struct parcel){0};
    return TSK_OK;
}

/* Adds out[first] with the rest of its bundle; what does not fit any more begins a new parcel. */
static enum tsk_err unit_add(struct tsk_ctx *ctx, struct tsk_batch *b, size_t first, bool *done, struct parcel *p)
{
    struct load whole = p->load;
    for (size_t i = first; i < b->out_n; i++)
        if (same_unit(&b->out[i], &b->out[first]))
            load_add(&whole, &b->out[i]);
    if (!load_fits(&whole)) {
        if (p->load.n == 0)
            return TSK_E_LIMIT;
        TSK_TRY(parcel_close(ctx, b, p));
        return unit_add(ctx, b, first, done, p);
    }
    for (size_t i = first; i < b->out_n; i++) {
        if (!same_unit(&b->out[i], &b->out[first]))
            continue;
        p->records[p->load.n] = &b->out[i];
        load_add(&p->load, &b->out[i]);
        done[i] = true;
    }
    return TSK_OK;
}

static enum tsk_err peer_flush(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer, bool *done)
{
    struct parcel p = {0};
    for (enum pass pass = 0; pass < PASS_COUNT; pass++) {
        for (size_t i = 0; i < b->out_n; i++)
            if (!done[i] && in_pass(&b->out[i], pass) && tsk_kid_eq(&b->out[i].to, peer))
                TSK_TRY(unit_add(ctx, b, i, done, &p));
        if (pass == PASS_URGENT)
            TSK_TRY(parcel_close(ctx, b, &p)); /* nothing rides with a stop */
    }
    return parcel_close(ctx, b, &p);
}

enum tsk_err tsk_outbox_flush(struct tsk_ctx *ctx, struct tsk_batch *b)
{
    if (b->out_n > 0 || tsk_txn_writes(b->txn) > 0)
        TSK_TRY(tsk_outbox_sweep(ctx, b));
    if (b->out_n == 0)
        return TSK_OK;
    if (ctx->members == NULL)
        return TSK_E_NOROSTER;
    bool *done = tsk_txn_alloc(b->txn, b->out_n * sizeof *done);
    if (done == NULL)
        return TSK_E_NOMEM;
    for (size_t i = 0; i < b->out_n; i++)
        if (!done[i])
            TSK_TRY(peer_flush(ctx, b, &b->out[i].to, done));
    return TSK_OK;
}

/* ---- receipts ---- */
static void run_whole(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    if (committed == TSK_OK && ctx->post != NULL)
        tsk_schedule_whole(ctx, arg);
}

static enum tsk_err parcel_receipted(struct tsk_batch *b, const struct tsk_kid *peer, uint64_t seq)
{
    struct tsk_out_head h;
    enum tsk_err e = tsk_out_head_load(b->txn, peer, seq, &h);
    if (e == TSK_E_UNKNOWN)
        return TSK_OK;
    TSK_TRY(e);
    if (h.left > 1) {
        h.left--;
        return tsk_out_head_save(b->txn, peer, seq, &h);
    }
    TSK_TRY(tsk_out_drop(b->txn, peer, seq));
    void *kept = tsk_keep(b->txn, peer, sizeof *peer);
    return kept == NULL ? TSK_E_NOMEM : tsk_batch_effect(b, run_whole, kept);
}

enum tsk_err tsk_outbox_receipted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *from,
                                  const struct tsk_id32 *id, bool *ret_known)
{
    (void)ctx;
    struct tsk_rowkey k = id_key(id, from);
    struct tsk_slice v;
    enum tsk_err e = tsk_get(b->txn, &k, &v);
    if (e == TSK_E_UNKNOWN) {
        *ret_known = false;
        return TSK_OK;
    }
    TSK_TRY(e);
    const uint8_t *seqs = tsk_keep(b->txn, v.p, v.n);
    if (seqs == NULL)
        return TSK_E_NOMEM;
    for (size_t at = 0; at + 8 <= v.n; at += 8)
        TSK_TRY(parcel_receipted(b, from, tsk_be64(seqs + at)));
    TSK_TRY(tsk_del(b->txn, &k));
    *ret_known = true;
    return TSK_OK;
}
