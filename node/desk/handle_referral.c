/* handle_referral.c - the token: it opens a case on either side. */
#include "node/desk/handle.h"
#include "schema/codes.h"

static enum tsk_err check_parties(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_referral *r = a->record;
    const struct tsk_entry *to = tsk_member_by_kid(ctx->members, &r->recipient, b->now);
    if (!tsk_kid_eq(&r->sender, &a->env.kid) || tsk_kid_eq(&r->sender, &r->recipient))
        return TSK_E_MALFORMED;
    if (a->own != tsk_kid_eq(&r->sender, tsk_self(ctx)))
        return TSK_E_STALE; /* our own token comes back: someone replays it */
    if (!a->own && !tsk_kid_eq(&r->recipient, tsk_self(ctx)))
        return TSK_E_WRONGTYPE;
    if (to != NULL && (to->m.roles & TSK_ROLE_RECIPIENT) != 0)
        return TSK_OK;
    return !a->own && tsk_maybe_newer(ctx, r->created) ? TSK_E_RETRY : TSK_E_UNKNOWNPEER; /* it may make us a recipient */
}

enum tsk_err tsk_check_referral(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_referral *r = a->record;
    struct tsk_rowkey taken = tsk_row_id(TSK_T_CASE_ID, r->id.b, sizeof r->id.b);
    TSK_TRY(check_parties(ctx, b, a));
    if (tsk_has(b->txn, &taken)) /* people know a referral by this id: two senders cannot share one */
        return TSK_E_STALE;
    if (r->policy != ctx->members->r.policy) /* a version to come is a newer roster's; one that has gone was judged by it */
        return r->policy > ctx->members->r.policy && !a->own && tsk_maybe_newer(ctx, r->created) ? TSK_E_RETRY : TSK_E_STALE;
    return tsk_code_find(TSK_LIST_WARD, r->ward.s) != NULL ? TSK_OK : TSK_E_MALFORMED;
}

static enum tsk_err index_case(struct tsk_batch *b, const struct tsk_case *c)
{
    struct tsk_rowkey id = tsk_row_id(TSK_T_CASE_ID, c->id.b, sizeof c->id.b);
    TSK_TRY(tsk_put_u64(b->txn, &id, c->no));
    TSK_TRY(tsk_record_opens(b->txn, &c->ref, c->record_no, c->no));
    if (c->side != TSK_SIDE_SENDER)
        return TSK_OK;
    struct tsk_rowkey due = tsk_row_no(TSK_T_DEADLINE, c->reply_by + TSK_EXPIRE_AFTER_S);
    tsk_row_u64(&due, c->no);
    return tsk_put(b->txn, &due, (struct tsk_slice){(const uint8_t *)"", 0});
}

enum tsk_err tsk_act_referral(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_referral *r = a->record;
    struct tsk_case c;
    (void)ctx;
    TSK_TRY(tsk_case_next(b->txn, &c));
    c.side = a->own ? TSK_SIDE_SENDER : TSK_SIDE_RECIPIENT;
    c.id = r->id;
    c.ref = a->id;
    c.peer = a->own ? r->recipient : r->sender;
    c.record_no = a->no;
    c.reply_by = r->reply_by;
    c.sent = c.arrived = !a->own;
    c.sent_at = a->own ? 0 : r->created;
    c.arrived_at = a->own ? 0 : b->now;
    c.updated_at = b->now;
    c.state = a->own ? TSK_ST_QUEUED : TSK_ST_ARRIVED;
    c.token = c.duty = TSK_SIDE_SENDER;
    c.require = TSK_ANY;
    TSK_TRY(index_case(b, &c));
    TSK_TRY(tsk_case_save(b->txn, &c));
    return tsk_stops_meet(ctx, b, TSK_STOP_REFERRAL, c.ref.b);
}
