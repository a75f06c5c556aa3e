/* handle_receipt.c - the other side's signed word that it has a record, or will not have it. */
#include "node/core/log.h"
#include "node/desk/handle.h"

enum tsk_err tsk_check_receipt(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_receipt *r = a->record;
    (void)b;
    return tsk_kid_eq(&r->to, tsk_self(ctx)) ? TSK_OK : TSK_E_WRONGTYPE;
}

static enum tsk_err arrived(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_case *c, const struct tsk_receipt *r)
{
    if (c->arrived || c->side != TSK_SIDE_SENDER)
        return TSK_OK;
    c->arrived = true;
    c->arrived_at = r->time;
    TSK_TRY(tsk_case_save(b->txn, c));
    return tsk_settle(ctx, b, c->no);
}

/* ---- refused ---- */
static enum tsk_err case_of_target(struct tsk_txn *t, const struct tsk_withdraw *w, struct tsk_place *ret_at)
{
    struct tsk_case c;
    struct tsk_holder_at h;
    struct tsk_kid kid;
    switch ((enum tsk_stop_form)w->form) {
    case TSK_STOP_GRANT:
        return tsk_grant_find(t, &w->target, ret_at);
    case TSK_STOP_ITEM:
        return tsk_item_find(t, &w->target, ret_at);
    case TSK_STOP_REFERRAL:
        TSK_TRY(tsk_case_by_ref(t, &w->target, &c));
        ret_at->case_no = c.no;
        return TSK_OK;
    case TSK_STOP_HOLDER:
        memcpy(kid.b, w->target.b, sizeof kid.b);
        TSK_TRY(tsk_holder_load(t, &kid, &h));
        ret_at->case_no = h.case_no;
        return h.case_no != 0 ? TSK_OK : TSK_E_UNKNOWN;
    }
    return TSK_E_UNKNOWN;
}

/* The case, and of an item its place there. TSK_E_UNKNOWN for what only helps another record (holder, cosign): that one is
 * refused with it. */
static enum tsk_err place_of(struct tsk_txn *t, const struct tsk_stored *r, struct tsk_place *ret_at)
{
    union { struct tsk_status status; struct tsk_open open; struct tsk_deleted deleted; struct tsk_withdraw withdraw; } u;
    struct tsk_case c;
    if (r->env.rec == TSK_REC_ITEM)
        return tsk_item_find(t, &r->id, ret_at);
    if (r->env.rec == TSK_REC_GRANT)
        return tsk_grant_find(t, &r->id, ret_at);
    if (r->env.rec != TSK_REC_REFERRAL && r->env.rec != TSK_REC_STATUS && r->env.rec != TSK_REC_OPEN &&
        r->env.rec != TSK_REC_DELETED && r->env.rec != TSK_REC_WITHDRAW)
        return TSK_E_UNKNOWN;
    if (r->env.rec != TSK_REC_REFERRAL)
        TSK_TRY(tsk_record_as(r, r->env.rec, &u));
    if (r->env.rec == TSK_REC_OPEN)
        return tsk_grant_find(t, &u.open.grant, ret_at);
    if (r->env.rec == TSK_REC_DELETED)
        return tsk_grant_find(t, &u.deleted.grant, ret_at);
    if (r->env.rec == TSK_REC_WITHDRAW)
        return case_of_target(t, &u.withdraw, ret_at);
    TSK_TRY(tsk_case_by_ref(t, r->env.rec == TSK_REC_STATUS ? &u.status.referral : &r->id, &c));
    ret_at->case_no = c.no;
    return TSK_OK;
}

/* A new grant takes it along once more. Without this it would leave alone, for an item that never comes. */
static enum tsk_err item_is_here_alone(struct tsk_batch *b, const struct tsk_place *at)
{
    struct tsk_rowkey k = tsk_row_at(TSK_T_ITEM, at->case_no, at->index);
    struct tsk_item_at row = {0};
    TSK_TRY(tsk_row_load(b->txn, &k, &tsk_shape_item_row, &row));
    row.sent = false;
    return tsk_row_save(b->txn, &k, &tsk_shape_item_row, &row);
}

static enum tsk_err refused(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_stored *r, uint64_t code)
{
    struct tsk_place at = {0};
    enum tsk_err e = place_of(b->txn, r, &at);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    TSK_TRY(tsk_refusal_put(b->txn, at.case_no, r->no, code));
    if (r->env.rec == TSK_REC_ITEM)
        TSK_TRY(item_is_here_alone(b, &at));
    return tsk_settle(ctx, b, at.case_no);
}

static enum tsk_err line_done(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a,
                              const struct tsk_receipt_line *line)
{
    struct tsk_case c;
    struct tsk_stored sent;
    enum tsk_err e = tsk_case_by_ref(b->txn, &line->id, &c); /* the commonest line is a token's: no record to open */
    if (e == TSK_OK && line->code == 0)
        return tsk_kid_eq(&c.peer, &a->env.kid) ? arrived(ctx, b, &c, a->record) : TSK_OK;
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    e = tsk_record_find(b->txn, &line->id, &sent);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    if (line->code != 0) {
        tsk_log(TSK_LOG_WARN, "refused", "type=%s id=%s by=%s code=%llu", tsk_rec_name(sent.env.rec), TSK_SHORT(line->id),
                TSK_SHORT(a->env.kid), (unsigned long long)line->code);
        return refused(ctx, b, &sent, line->code);
    }
    return sent.env.rec == TSK_REC_WITHDRAW ? tsk_stop_receipted(ctx, b, &sent) : TSK_OK;
}

enum tsk_err tsk_act_receipt(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_receipt *r = a->record;
    for (size_t i = 0; i < r->lines_n; i++) {
        bool known = false;
        TSK_TRY(tsk_outbox_receipted(ctx, b, &a->env.kid, &r->lines[i].id, &known));
        if (known)
            TSK_TRY(line_done(ctx, b, a, &r->lines[i]));
    }
    return TSK_OK;
}
