/* out_rows.c - a parcel going out, as it lies in the store.
 *
 * The head is small and changes with every receipt; the body is large and is written once. The sealed parcel is kept so
 * that sending it again is byte for byte the same and a post office knows it by its hash; the inner is kept so that it
 * can be sealed anew when the peer's key has left the roster. */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "node/post/inside.h"

#define HEAD_CAP 128

static struct tsk_rowkey out_key(enum tsk_table table, const struct tsk_kid *peer, uint64_t seq)
{
    struct tsk_rowkey k = tsk_row(table);
    tsk_row_bytes(&k, peer->b, sizeof peer->b);
    tsk_row_u64(&k, seq);
    return k;
}

static void take(struct tsk_cbor_in *in, void *ret_p, size_t n)
{
    struct tsk_slice v = tsk_cbor_bytes(in);
    if (v.n == n)
        memcpy(ret_p, v.p, n);
    else
        tsk_cbor_fail(in, TSK_E_BUG);
}

enum tsk_err tsk_out_head_read(struct tsk_slice v, struct tsk_out_head *ret_h)
{
    struct tsk_out_head h = {0};
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, v);
    if (tsk_cbor_array(&in) != 6)
        tsk_cbor_fail(&in, TSK_E_BUG);
    h.created = tsk_cbor_uint(&in);
    h.left = tsk_cbor_uint(&in);
    h.urgent = tsk_cbor_bool(&in);
    take(&in, h.put_id.b, sizeof h.put_id.b);
    take(&in, h.key_id8, sizeof h.key_id8);
    take(&in, h.hash, sizeof h.hash);
    if (tsk_cbor_done(&in) != TSK_OK)
        return TSK_E_BUG;
    *ret_h = h;
    return TSK_OK;
}

enum tsk_err tsk_out_head_load(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq, struct tsk_out_head *ret_h)
{
    struct tsk_rowkey k = out_key(TSK_T_OUT, peer, seq);
    struct tsk_slice v;
    TSK_TRY(tsk_get(t, &k, &v));
    return tsk_out_head_read(v, ret_h);
}

enum tsk_err tsk_out_head_save(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq,
                               const struct tsk_out_head *h)
{
    uint8_t buf[HEAD_CAP];
    struct tsk_cbor_out out;
    struct tsk_slice v;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_array(&out, 6);
    tsk_cbor_put_uint(&out, h->created);
    tsk_cbor_put_uint(&out, h->left);
    tsk_cbor_put_bool(&out, h->urgent);
    tsk_cbor_put_bytes(&out, TSK_SLICE(h->put_id.b));
    tsk_cbor_put_bytes(&out, TSK_SLICE(h->key_id8));
    tsk_cbor_put_bytes(&out, TSK_SLICE(h->hash));
    TSK_TRY(tsk_cbor_out_done(&out, &v));
    struct tsk_rowkey k = out_key(TSK_T_OUT, peer, seq);
    return tsk_put(t, &k, v);
}

enum tsk_err tsk_out_body_load(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq, struct tsk_out_body *ret_b)
{
    struct tsk_rowkey k = out_key(TSK_T_OUT_BODY, peer, seq);
    struct tsk_slice v;
    TSK_TRY(tsk_get(t, &k, &v));
    struct tsk_out_body b;
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, v);
    if (tsk_cbor_array(&in) != 3)
        tsk_cbor_fail(&in, TSK_E_BUG);
    b.inner = tsk_cbor_bytes(&in);
    b.parcel = tsk_cbor_bytes(&in);
    b.has_cts = tsk_cbor_bool(&in);
    if (tsk_cbor_done(&in) != TSK_OK)
        return TSK_E_BUG;
    *ret_b = b;
    return TSK_OK;
}

static enum tsk_err body_save(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq, const struct tsk_out_body *b)
{
    size_t cap = b->inner.n + b->parcel.n + 32;
    uint8_t *buf = tsk_txn_alloc(t, cap);
    if (buf == NULL)
        return TSK_E_NOMEM;
    struct tsk_cbor_out out;
    struct tsk_slice v;
    tsk_cbor_out_init(&out, buf, cap);
    tsk_cbor_put_array(&out, 3);
    tsk_cbor_put_bytes(&out, b->inner);
    tsk_cbor_put_bytes(&out, b->parcel);
    tsk_cbor_put_bool(&out, b->has_cts);
    TSK_TRY(tsk_cbor_out_done(&out, &v));
    struct tsk_rowkey k = out_key(TSK_T_OUT_BODY, peer, seq);
    return tsk_put(t, &k, v);
}

enum tsk_err tsk_out_drop(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq)
{
    struct tsk_rowkey head = out_key(TSK_T_OUT, peer, seq), body = out_key(TSK_T_OUT_BODY, peer, seq);
    TSK_TRY(tsk_del(t, &head));
    return tsk_del(t, &body);
}

/* ---- what nobody needs any more ---- */
/* In memory alone: after a crash such a parcel is sent once more, and a receipt that comes twice says nothing new. */
enum tsk_err tsk_out_gone(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer, uint64_t seq)
{
    struct tsk_post *p = ctx->post;
    if (p->gone_n == p->gone_cap) {
        size_t cap = p->gone_cap > 0 ? 2 * p->gone_cap : 16;
        struct tsk_gone *more = realloc(p->gone, cap * sizeof *more);
        if (more == NULL)
            return tsk_out_drop(b->txn, peer, seq);
        p->gone = more;
        p->gone_cap = cap;
    }
    p->gone[p->gone_n++] = (struct tsk_gone){*peer, seq};
    return TSK_OK;
}

/* Nothing is added between the sweep, at the end of a batch, and this. */
static void run_swept(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    (void)arg;
    if (committed == TSK_OK && ctx->post != NULL)
        ctx->post->gone_n = 0;
}

enum tsk_err tsk_outbox_sweep(struct tsk_ctx *ctx, struct tsk_batch *b)
{
    const struct tsk_post *p = ctx->post;
    if (p == NULL || p->gone_n == 0)
        return TSK_OK;
    for (size_t i = 0; i < p->gone_n; i++)
        TSK_TRY(tsk_out_drop(b->txn, &p->gone[i].peer, p->gone[i].seq));
    return tsk_batch_effect(b, run_swept, NULL);
}

/* A peer without a key (it left, or was never there) gets an empty parcel: sealed when the roster has one again. */
static enum tsk_err body_seal(struct tsk_ctx *ctx, struct tsk_txn *t, const struct tsk_kid *peer, uint64_t now,
                              struct tsk_out_head *h, struct tsk_out_body *b)
{
    const struct tsk_entry *to = tsk_member_by_kid(ctx->members, peer, now);
    const struct tsk_seal_key *key = to != NULL ? tsk_member_seal_key(to, now) : NULL;
    if (key == NULL)
        return TSK_OK;
    size_t cap = tsk_parcel_cap(b->inner.n, b->has_cts);
    uint8_t *buf = tsk_txn_alloc(t, cap);
    if (buf == NULL)
        return TSK_E_NOMEM;
    tsk_random(h->put_id.b, sizeof h->put_id.b);
    memcpy(h->key_id8, key->id8, sizeof h->key_id8);
    TSK_TRY(tsk_parcel_seal(tsk_self(ctx), peer, key, &h->put_id, &ctx->members->net, b->inner, b->has_cts, buf, cap,
                            &b->parcel));
    return tsk_sha256(&b->parcel, 1, h->hash);
}

enum tsk_err tsk_out_seal(struct tsk_ctx *ctx, struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq, uint64_t now,
                          struct tsk_slice inner, bool has_cts, struct tsk_out_head *h)
{
    struct tsk_out_body b = {.inner = inner, .has_cts = has_cts};
    TSK_TRY(body_seal(ctx, t, peer, now, h, &b));
    TSK_TRY(body_save(t, peer, seq, &b));
    return tsk_out_head_save(t, peer, seq, h);
}
