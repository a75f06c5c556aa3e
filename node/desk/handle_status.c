/* handle_status.c - the two chains of signed statuses, and what follows from one at once. */
#include "node/core/log.h"
#include "node/desk/handle.h"

static enum tsk_err find_side(struct tsk_ctx *ctx, const struct tsk_case *c, const struct tsk_kid *kid, enum tsk_side *ret_side)
{
    if (tsk_kid_eq(kid, tsk_case_sender(ctx, c)))
        *ret_side = TSK_SIDE_SENDER;
    else if (tsk_kid_eq(kid, tsk_case_recipient(ctx, c)))
        *ret_side = TSK_SIDE_RECIPIENT;
    else
        return TSK_E_UNKNOWNPEER;
    return TSK_OK;
}

enum tsk_err tsk_check_status(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_status *s = a->record;
    struct tsk_case c;
    enum tsk_side side;
    enum tsk_err e = tsk_case_by_ref(b->txn, &s->referral, &c);
    if (e == TSK_E_UNKNOWN)
        return a->own ? e : TSK_E_RETRY; /* its token may be on its way by another post office */
    TSK_TRY(e);
    TSK_TRY(tsk_status_fields(s));
    return find_side(ctx, &c, &a->env.kid, &side);
}

/* Urgent: what takes a referral back must overtake what goes forward. */
static bool is_urgent(const struct tsk_status *s)
{
    return s->state == TSK_ST_RECALLED || s->state == TSK_ST_WITHDRAWN;
}

enum tsk_err tsk_act_status(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_status *s = a->record;
    struct tsk_case c;
    enum tsk_side side;
    bool fork;
    uint64_t refused;
    TSK_TRY(tsk_case_by_ref(b->txn, &s->referral, &c));
    TSK_TRY(find_side(ctx, &c, &a->env.kid, &side));
    TSK_TRY(tsk_refusal_get(b->txn, c.no, c.record_no, &refused));
    TSK_TRY(tsk_status_append(b->txn, c.no, side, s->seq, a->no, &fork));
    if (fork)
        tsk_log(TSK_LOG_WARN, "fork", "referral=%s author=%s seq=%llu", TSK_SHORT(c.id), TSK_SHORT(a->env.kid),
                (unsigned long long)s->seq);
    if (a->own && c.sent && refused == 0) /* whoever refused the token would wait for it, and open nothing of ours till then */
        TSK_TRY(tsk_route(b, &c.peer, a, is_urgent(s)));
    return tsk_settle(ctx, b, c.no);
}
