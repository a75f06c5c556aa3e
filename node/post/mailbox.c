/* mailbox.c - the post office: put, fetch, confirm on the store.
 *
 * An office sees who writes to whom and how much, never what. It may lose everything without anything being lost: the
 * sender keeps each parcel until the recipient's receipt is there. What it says it has stored, it has committed. */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "node/post/mailbox.h"

/* ---- requests ---- */
struct request {
    void *handle;     /* NULL: a put of this node to itself */
    uint64_t ticket;  /* of that put */
    bool member;      /* the signature was a member's: it may hear which roster is in use here */
    bool answered;    /* or it will be, by a poll */
    enum tsk_err err;
    struct tsk_slice parts[2];
    size_t parts_n;
};

static void answer(struct tsk_ctx *ctx, struct request *q, enum tsk_err e)
{
    struct tsk_reply r = {.code = tsk_err_wire(e)};
    uint8_t buf[256];
    struct tsk_slice bytes;
    if (q->answered)
        return;
    q->answered = true;
    if (q->member)
        tsk_reply_roster(ctx, &r);
    if (tsk_rec_encode(TSK_REC_REPLY, &r, buf, sizeof buf, &bytes) != TSK_OK)
        bytes.n = 0;
    if (q->handle != NULL) {
        tsk_wire_reply(ctx, q->handle, bytes);
        return;
    }
    struct tsk_msg *m = tsk_wire_msg(TSK_EV_PUT_DONE, bytes.p, bytes.n);
    if (m == NULL)
        return;
    m->peer = *tsk_self(ctx);
    m->num = q->ticket;
    tsk_queue_push(ctx->queue, m);
}

static void run_answer(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    struct request *q = arg;
    if (ctx->post != NULL)
        answer(ctx, q, committed != TSK_OK && q->err == TSK_OK ? committed : q->err);
}

static enum tsk_err fresh(uint64_t time, uint64_t now)
{
    if (time > now + TSK_FRESH_S)
        return TSK_E_CLOCK;
    return time + TSK_FRESH_S < now ? TSK_E_STALE : TSK_OK;
}

/* What every request must be: a member's, for this office, of now. */
static enum tsk_err admitted(struct tsk_ctx *ctx, struct tsk_batch *b, struct request *q, enum tsk_rec r, void *ret_struct,
                             const struct tsk_kid *post, const uint64_t *time, const struct tsk_entry **ret_signer)
{
    if (ctx->members == NULL)
        return TSK_E_RETRY;
    TSK_TRY(tsk_signed_by_member(ctx, r, q->parts[0], b->now, ret_struct, ret_signer));
    q->member = true;
    if (!tsk_kid_eq(post, tsk_self(ctx)))
        return TSK_E_WRONGTYPE;
    return fresh(*time, b->now);
}

/* ---- put ---- */
static struct tsk_bucket *bucket_of(const struct tsk_ctx *ctx, const struct tsk_entry *sender)
{
    size_t i = (size_t)(sender - ctx->members->entries);
    return i < ctx->post->buckets_n ? &ctx->post->buckets[i] : NULL;
}

static enum tsk_err rate(struct tsk_ctx *ctx, const struct tsk_entry *sender)
{
    struct tsk_bucket *k = bucket_of(ctx, sender);
    if (k == NULL)
        return TSK_E_RETRY;
    uint64_t now = tsk_mono_ms(), full = ctx->conf.mailbox_rate * 1000;
    k->tokens_milli += (now - k->at_ms) * ctx->conf.mailbox_rate;
    k->tokens_milli = k->tokens_milli < full ? k->tokens_milli : full;
    k->at_ms = now;
    if (k->tokens_milli < 1000)
        return TSK_E_RATE;
    k->tokens_milli -= 1000;
    return TSK_OK;
}

/* An office cannot see what is a stop: a mark on the outside would tell it that a family has said no. What it sees is the
 * size, and a stop is small. So in the reserve it takes small parcels of every kind until half of it is used, and of each
 * sender a quarter of that half: whoever fills his own keeps nobody else's stops out. Half of a share is for parcels of
 * one block: a sender's own consents must not keep its stops out. Counted in memory; what was confirmed is given back. */
#define ONE_BLOCK (4096 + 256) /* a stop, a status, a token; heads and tag are less than 256 */
#define SMALL_PARCEL (5 * 4096 + 256) /* the stops of a whole card have 3 blocks, the largest receipt 5 */
#define SHARE_LEAST (16 * 1024)

static enum tsk_err share_take(const struct tsk_ctx *ctx, struct tsk_bucket *k, uint64_t bytes, bool one_block)
{
    uint64_t share = tsk_store_use(ctx->store).reserve / 2 / 4;
    share = share > SHARE_LEAST ? share : SHARE_LEAST;
    if (k->reserve + bytes > (one_block ? share : share / 2))
        return TSK_E_NOROOM;
    k->reserve += bytes;
    return TSK_OK;
}

/* What comes for this node itself does not pile up: the inbox takes it, or the part of it that there is room for. */
static enum tsk_err room(struct tsk_ctx *ctx, const struct tsk_batch *b, const struct request *q,
                         const struct tsk_entry *sender, bool own)
{
    struct tsk_bucket *k = bucket_of(ctx, sender);
    uint64_t bytes = q->parts[0].n + q->parts[1].n;
    if (k == NULL)
        return TSK_E_RETRY;
    if (tsk_room(b->txn, TSK_GROW_BULK, bytes) == TSK_OK) {
        k->reserve = 0;
        return TSK_OK;
    }
    if (q->parts[1].n > SMALL_PARCEL)
        return TSK_E_NOROOM;
    TSK_TRY(tsk_room(b->txn, TSK_GROW_SMALL, bytes));
    return own ? TSK_OK : share_take(ctx, k, bytes, q->parts[1].n <= ONE_BLOCK);
}

static void share_give_back(void *arg, const struct tsk_kid *sender, uint64_t bytes)
{
    const struct tsk_ctx *ctx = arg;
    const struct tsk_entry *e = tsk_member_by_kid(ctx->members, sender, 0);
    struct tsk_bucket *k = e == NULL ? NULL : bucket_of(ctx, e);
    if (k != NULL)
        k->reserve = k->reserve > bytes ? k->reserve - bytes : 0;
}

static void run_came(struct tsk_ctx *ctx, void *owner, enum tsk_err committed)
{
    if (committed == TSK_OK && ctx->post != NULL)
        tsk_poll_wake(ctx->post, owner);
}

static enum tsk_err put_keep(struct tsk_ctx *ctx, struct tsk_batch *b, const struct request *q, const struct tsk_put *put,
                             const struct tsk_kid *sender)
{
    struct tsk_mail mail = {.put = q->parts[0], .parcel = q->parts[1]};
    TSK_TRY(tsk_mail_store(b->txn, &put->to, sender, put->parcel_hash, &mail, ctx->conf.mailbox_mb << 20));
    void *owner = tsk_keep(b->txn, &put->to, sizeof put->to);
    return owner == NULL ? TSK_E_NOMEM : tsk_batch_effect(b, run_came, owner);
}

static enum tsk_err do_put(struct tsk_ctx *ctx, struct tsk_batch *b, struct request *q)
{
    struct tsk_put put;
    const struct tsk_entry *signer;
    uint8_t hash[32];
    TSK_TRY(admitted(ctx, b, q, TSK_REC_PUT, &put, &put.post, &put.time, &signer));
    if (q->parts[1].n > TSK_PARCEL_MAX)
        return TSK_E_MALFORMED;
    if (tsk_mail_known(b->txn, &put.to, &signer->m.kid, put.parcel_hash))
        return TSK_OK;
    TSK_TRY(rate(ctx, signer)); /* before the hash: rubbish costs its sender, too */
    TSK_TRY(tsk_sha256(&q->parts[1], 1, hash));
    if (memcmp(hash, put.parcel_hash, sizeof hash) != 0)
        return TSK_E_MALFORMED;
    const struct tsk_entry *to = tsk_member_by_kid(ctx->members, &put.to, b->now);
    if (to == NULL || !tsk_hosts(to, tsk_self(ctx)))
        return TSK_E_UNKNOWNPEER;
    bool own = tsk_kid_eq(&put.to, tsk_self(ctx));
    TSK_TRY(room(ctx, b, q, signer, own));
    if (own)
        return tsk_inbox_mail(ctx, b, q->parts[0], q->parts[1]);
    return put_keep(ctx, b, q, &put, &signer->m.kid);
}

/* ---- fetch and confirm: the owner's alone ---- */
static enum tsk_err owned(struct tsk_ctx *ctx, const struct tsk_entry *owner)
{
    return tsk_hosts(owner, tsk_self(ctx)) ? TSK_OK : TSK_E_UNKNOWNPEER;
}

static uint64_t clip(uint64_t v, uint64_t max)
{
    return v < max ? v : max;
}

/* Answered by the pump, after the commit: what this batch put in must not be shown before it stands. */
static enum tsk_err do_fetch(struct tsk_ctx *ctx, struct tsk_batch *b, struct request *q)
{
    struct tsk_fetch f;
    const struct tsk_entry *owner;
    struct tsk_mail_head head;
    TSK_TRY(admitted(ctx, b, q, TSK_REC_FETCH, &f, &f.post, &f.time, &owner));
    TSK_TRY(owned(ctx, owner));
    TSK_TRY(tsk_mail_head_make(b->txn, &owner->m.kid, &head));
    TSK_TRY(tsk_peer_heard(ctx, b, &owner->m.kid, 0));
    struct tsk_poll poll = {.owner = owner->m.kid, .handle = q->handle, .epoch = f.epoch, .after = f.after,
                            .max = clip(f.max, TSK_FETCH_MAX), .ready = true,
                            .until_ms = tsk_mono_ms() + clip(f.wait_ms, TSK_FETCH_WAIT_MS)};
    TSK_TRY(tsk_poll_add(ctx, &poll));
    q->answered = true;
    return TSK_OK;
}

static enum tsk_err do_confirm(struct tsk_ctx *ctx, struct tsk_batch *b, struct request *q)
{
    struct tsk_confirm c;
    const struct tsk_entry *owner;
    struct tsk_mail_head head;
    TSK_TRY(admitted(ctx, b, q, TSK_REC_CONFIRM, &c, &c.post, &c.time, &owner));
    TSK_TRY(owned(ctx, owner));
    TSK_TRY(tsk_mail_head_make(b->txn, &owner->m.kid, &head));
    if (memcmp(head.epoch.b, c.epoch.b, sizeof head.epoch.b) != 0)
        return TSK_E_STALE;
    return tsk_mail_confirm(b->txn, &owner->m.kid, &head, c.up_to, share_give_back, ctx);
}

/* ---- in ---- */
static enum tsk_err parts_of(const struct tsk_msg *m, struct request *q)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, (struct tsk_slice){m->p, m->n});
    uint64_t n = tsk_cbor_array(&in);
    if (n < 1 || n > 2)
        return TSK_E_MALFORMED;
    for (q->parts_n = 0; q->parts_n < n; q->parts_n++)
        q->parts[q->parts_n] = tsk_cbor_bytes(&in);
    return tsk_cbor_done(&in) == TSK_OK ? TSK_OK : TSK_E_MALFORMED;
}

static enum tsk_err request_run(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m, struct request *q)
{
    struct tsk_envelope env;
    TSK_TRY(parts_of(m, q));
    TSK_TRY(tsk_cose_parse(q->parts[0], &env));
    if (env.rec == TSK_REC_PUT && q->parts_n == 2)
        return do_put(ctx, b, q);
    if (q->parts_n == 1 && q->handle != NULL && env.rec == TSK_REC_FETCH)
        return do_fetch(ctx, b, q);
    if (q->parts_n == 1 && env.rec == TSK_REC_CONFIRM)
        return do_confirm(ctx, b, q);
    return TSK_E_WRONGTYPE;
}

static void note_refusal(struct tsk_ctx *ctx, const struct request *q)
{
    unsigned unsaid;
    if (q->err == TSK_E_NOROOM)
        return; /* the store has said it once, and will say when it is over */
    if (tsk_log_due(&ctx->post->refused[q->err], &unsaid))
        tsk_log(TSK_LOG_WARN, "request_refused", "err=%s member=%d unsaid=%u", tsk_err_name(q->err), q->member, unsaid);
}

enum tsk_err tsk_mailbox_request(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m)
{
    struct request *q = tsk_txn_alloc(b->txn, sizeof *q);
    if (q == NULL) {
        answer(ctx, &(struct request){.handle = m->handle, .ticket = m->num}, TSK_E_NOMEM);
        return TSK_E_NOMEM;
    }
    *q = (struct request){.handle = m->handle, .ticket = m->num};
    enum tsk_err e = tsk_batch_effect(b, run_answer, q);
    if (e == TSK_OK)
        e = request_run(ctx, b, m, q);
    q->err = e;
    if (e == TSK_OK)
        return TSK_OK;
    note_refusal(ctx, q);
    if (tsk_err_class(e) != TSK_CLASS_LOCAL)
        return TSK_OK;
    answer(ctx, q, e); /* the batch will fail, and this effect may be undone with it */
    return e;
}
