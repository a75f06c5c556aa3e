#include "node/post/batch.h"

#include <string.h>

#include "node/post/post.h"

#define SAVES_MAX (sizeof((struct tsk_batch *)0)->saves / sizeof *((struct tsk_batch *)0)->saves)

enum tsk_err tsk_batch_begin(struct tsk_ctx *ctx, struct tsk_batch *b)
{
    struct tsk_txn *txn;
    TSK_TRY(tsk_txn_begin(ctx->store, true, &txn));
    *b = (struct tsk_batch){.txn = txn, .now = ctx->clock()};
    return TSK_OK;
}

enum tsk_err tsk_batch_effect(struct tsk_batch *b, tsk_effect *run, void *arg)
{
    void *effects = tsk_txn_grow(b->txn, b->effects, b->effects_n, &b->effects_cap, sizeof *b->effects);
    if (effects == NULL)
        return TSK_E_NOMEM;
    b->effects = effects;
    b->effects[b->effects_n].run = run;
    b->effects[b->effects_n].arg = arg;
    b->effects_n++;
    return TSK_OK;
}

static enum tsk_err copy(struct tsk_batch *b, struct tsk_slice *s)
{
    const void *p = tsk_keep(b->txn, s->p, s->n);
    if (p == NULL)
        return TSK_E_NOMEM;
    s->p = p;
    return TSK_OK;
}

enum tsk_err tsk_batch_send(struct tsk_batch *b, const struct tsk_outgoing *o)
{
    struct tsk_outgoing mine = *o;
    TSK_TRY(tsk_outbox_fits(b, o)); /* said to whoever asks for it: at the flush it would take the whole batch with it */
    TSK_TRY(copy(b, &mine.record));
    TSK_TRY(copy(b, &mine.ct));
    TSK_TRY(copy(b, &mine.wraps));
    struct tsk_outgoing *out = tsk_txn_grow(b->txn, b->out, b->out_n, &b->out_cap, sizeof *out);
    if (out == NULL)
        return TSK_E_NOMEM;
    b->out = out;
    b->out[b->out_n++] = mine;
    return TSK_OK;
}

uint64_t tsk_batch_bundle(struct tsk_batch *b)
{
    return ++b->bundles;
}

/* ---- savepoints ---- */
enum tsk_err tsk_batch_save(struct tsk_batch *b)
{
    if (b->saves_n == SAVES_MAX)
        return TSK_E_BUG;
    TSK_TRY(tsk_txn_save(b->txn));
    b->saves[b->saves_n].out_n = b->out_n;
    b->saves[b->saves_n].effects_n = b->effects_n;
    b->saves_n++;
    return TSK_OK;
}

enum tsk_err tsk_batch_keep(struct tsk_batch *b)
{
    if (b->saves_n == 0)
        return TSK_E_BUG;
    b->saves_n--;
    return tsk_txn_keep(b->txn);
}

void tsk_batch_undo(struct tsk_batch *b)
{
    if (b->saves_n == 0)
        return;
    b->saves_n--;
    b->out_n = b->saves[b->saves_n].out_n;
    b->effects_n = b->saves[b->saves_n].effects_n;
    tsk_txn_undo(b->txn);
}

/* ---- the end ---- */
/* The effects' memory is taken from the transaction before that ends, and freed when the last of them has run. */
static enum tsk_err finish(struct tsk_ctx *ctx, struct tsk_batch *b, enum tsk_err so_far)
{
    struct tsk_memory *memory = tsk_txn_memory(b->txn);
    enum tsk_err e = so_far;
    if (e == TSK_OK)
        e = tsk_txn_commit(b->txn);
    else
        tsk_txn_abort(b->txn);
    b->txn = NULL;
    for (size_t i = 0; i < b->effects_n; i++)
        b->effects[i].run(ctx, b->effects[i].arg, e);
    tsk_memory_free(memory);
    memset(b, 0, sizeof *b);
    return e;
}

enum tsk_err tsk_batch_end(struct tsk_ctx *ctx, struct tsk_batch *b)
{
    enum tsk_err e = b->saves_n > 0 ? TSK_E_BUG : tsk_outbox_flush(ctx, b);
    return finish(ctx, b, e);
}

void tsk_batch_abort(struct tsk_ctx *ctx, struct tsk_batch *b, enum tsk_err why)
{
    enum tsk_err e = finish(ctx, b, why == TSK_OK ? TSK_E_BUG : why);
    (void)e;
}
