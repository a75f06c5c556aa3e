/* handle_cosign.c - a second signature about another record, which may come before it. */
#include "node/desk/handle.h"

bool tsk_same_organisation(const struct tsk_ctx *ctx, const struct tsk_kid *a, const struct tsk_kid *b)
{
    const struct tsk_entry *x = tsk_member_by_kid(ctx->members, a, 0), *y = tsk_member_by_kid(ctx->members, b, 0);
    return tsk_kid_eq(a, b) || (x != NULL && y != NULL && strcmp(x->m.partner, y->m.partner) == 0);
}

enum tsk_err tsk_cosigned(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_id32 *target, uint64_t role,
                          const struct tsk_kid *by, const struct tsk_kid *other_than, bool *ret_found)
{
    struct tsk_rowkey prefix = tsk_row_id(TSK_T_COSIGN, target->b, sizeof target->b);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    bool found = false;
    enum tsk_err e = TSK_OK;
    tsk_walk_init(&w, &prefix, NULL);
    while (!found && (e = tsk_walk_next(b->txn, &w, &tail, &value)) == TSK_OK) {
        struct tsk_stored r;
        struct tsk_cosign cosign;
        TSK_TRY(tsk_record_get(b->txn, tsk_be64(value.p), &r));
        if (r.env.rec != TSK_REC_COSIGN)
            continue;
        TSK_TRY(tsk_record_as(&r, TSK_REC_COSIGN, &cosign));
        found = cosign.role == role && (by == NULL || tsk_kid_eq(by, &r.env.kid)) &&
                (other_than == NULL || !tsk_same_organisation(ctx, other_than, &r.env.kid));
    }
    *ret_found = found;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

enum tsk_err tsk_check_cosign(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    (void)ctx;
    (void)b;
    (void)a;
    return TSK_OK; /* who signed and in which role is judged where it counts */
}

enum tsk_err tsk_act_cosign(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_cosign *cosign = a->record;
    struct tsk_rowkey k = tsk_row_id(TSK_T_COSIGN, cosign->target.b, sizeof cosign->target.b);
    struct tsk_place place = {0};
    struct tsk_case c;
    struct tsk_case_grant g;
    bool known;
    /* One word a signer and role: a second one says nothing new, and all are walked whenever the grant is looked at. */
    TSK_TRY(tsk_cosigned(ctx, b, &cosign->target, cosign->role, &a->env.kid, NULL, &known));
    if (known)
        return TSK_OK;
    tsk_row_bytes(&k, a->id.b, sizeof a->id.b);
    TSK_TRY(tsk_put_u64(b->txn, &k, a->no));
    enum tsk_err e = tsk_grant_find(b->txn, &cosign->target, &place);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    TSK_TRY(tsk_case_load(b->txn, place.case_no, &c));
    TSK_TRY(tsk_grant_load(b->txn, &c, place.index, &g));
    if (c.side == TSK_SIDE_SENDER && g.sent) /* the grant has gone: its cosign goes after it */
        TSK_TRY(tsk_route(b, &c.peer, a, false));
    return TSK_OK; /* nothing to settle: what a cosign makes live is asked for at every opening, and stands in no summary */
}
