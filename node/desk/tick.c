/* tick.c - what falls due: referrals that nobody took on in time. */
#include "node/desk/handle.h"

static enum tsk_err expire(struct tsk_ctx *ctx, struct tsk_batch *b, uint64_t case_no)
{
    struct tsk_case c;
    struct tsk_status s = {.state = TSK_ST_EXPIRED};
    struct tsk_id32 id;
    TSK_TRY(tsk_case_load(b->txn, case_no, &c));
    enum tsk_err e = tsk_say(ctx, b, &c, &s, &id);
    return tsk_err_class(e) == TSK_CLASS_LOCAL ? e : TSK_OK; /* taken on, or over, or disputed: then nothing expires */
}

enum tsk_err tsk_tick(struct tsk_ctx *ctx, struct tsk_batch *b)
{
    struct tsk_rowkey prefix = tsk_row(TSK_T_DEADLINE);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    uint64_t now;
    enum tsk_err e;
    if (ctx->members == NULL)
        return TSK_OK;
    TSK_TRY(tsk_now(ctx, b, &now));
    for (int side = TSK_SIDE_SENDER; side <= TSK_SIDE_RECIPIENT; side++)
        TSK_TRY(tsk_ended_forget(b->txn, (enum tsk_side)side, now - TSK_ENDED_SHOWN_S));
    tsk_walk_init(&w, &prefix, NULL);
    while ((e = tsk_walk_next(b->txn, &w, &tail, &value)) == TSK_OK) {
        if (tail.n != 16)
            return TSK_E_BUG;
        uint64_t due = tsk_be64(tail.p), case_no = tsk_be64(tail.p + 8);
        struct tsk_rowkey k = tsk_row_id(TSK_T_DEADLINE, tail.p, tail.n);
        if (due > now)
            return TSK_OK;
        TSK_TRY(expire(ctx, b, case_no));
        TSK_TRY(tsk_del(b->txn, &k));
    }
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}
