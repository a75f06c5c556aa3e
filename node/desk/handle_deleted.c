/* handle_deleted.c - the recipient destroyed what could have opened an item. Kept beside the grant's cosigns. */
#include "node/desk/handle.h"

static enum tsk_err find_case(struct tsk_batch *b, const struct tsk_id32 *grant, struct tsk_case *ret_c)
{
    struct tsk_place place = {0};
    TSK_TRY(tsk_grant_find(b->txn, grant, &place));
    return tsk_case_load(b->txn, place.case_no, ret_c);
}

enum tsk_err tsk_check_deleted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_deleted *d = a->record;
    struct tsk_case c;
    enum tsk_err e = find_case(b, &d->grant, &c);
    if (e == TSK_E_UNKNOWN)
        return TSK_E_RETRY;
    TSK_TRY(e);
    return tsk_kid_eq(&a->env.kid, tsk_case_recipient(ctx, &c)) ? TSK_OK : TSK_E_UNKNOWNPEER;
}

enum tsk_err tsk_act_deleted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_deleted *d = a->record;
    struct tsk_rowkey k = tsk_row_id(TSK_T_COSIGN, d->grant.b, sizeof d->grant.b);
    struct tsk_case c;
    (void)ctx;
    tsk_row_bytes(&k, a->id.b, sizeof a->id.b);
    TSK_TRY(tsk_put_u64(b->txn, &k, a->no));
    TSK_TRY(find_case(b, &d->grant, &c));
    return a->own ? tsk_route(b, &c.peer, a, false) : TSK_OK;
}
