/* stop_items.c - a stop of a grant that never left, over items that have gone under another holder's. */
#include "node/desk/handle.h"

/* A stop of this grant acts here on whatever others signed over its items. Over there nobody knows the grant, and it names
 * categories that were not chosen together: so this node stops, for the same holder, those of its items that went. */
static bool lifts(const struct tsk_grant *g, const struct tsk_id32 *stop)
{
    for (size_t i = 0; i < g->lifts_n; i++)
        if (tsk_id32_eq(&g->lifts[i], stop))
            return true;
    return false;
}

/* Does a stop of this holder over the item stand already, which no grant over there lifts? */
static enum tsk_err item_stopped_for(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_id32 *item,
                                     const struct tsk_kid *holder, bool *ret_stopped)
{
    struct tsk_stop *stops;
    struct tsk_case_grant g;
    size_t n;
    bool stopped = false;
    TSK_TRY(tsk_stops_of(b->txn, c, item, &stops, &n));
    for (size_t i = 0; !stopped && i < n; i++) {
        stopped = stops[i].w.form == TSK_STOP_ITEM && tsk_kid_eq(&stops[i].child_holder, holder);
        for (uint64_t j = 0; stopped && j < c->grants_n; j++) {
            TSK_TRY(tsk_grant_load(b->txn, c, j, &g));
            stopped = !(g.sent && lifts(&g.grant, &stops[i].id));
        }
    }
    *ret_stopped = stopped;
    return TSK_OK;
}

static enum tsk_err stop_item(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, const struct tsk_stop *s,
                              const struct tsk_id32 *item)
{
    struct tsk_withdraw w = {.form = TSK_STOP_ITEM, .target = *item, .time = b->now, .by = TSK_BY_STAFF, .staff = s->w.staff,
                             .behalf = s->child_holder};
    struct tsk_place at = {0};
    struct tsk_case_item it;
    struct tsk_id32 id;
    bool stopped;
    TSK_TRY(tsk_item_find(b->txn, item, &at));
    TSK_TRY(tsk_item_load(b->txn, c, at.index, &it));
    TSK_TRY(item_stopped_for(b, c, item, &s->child_holder, &stopped));
    if (!it.sent || stopped)
        return TSK_OK;
    w.reason = s->w.by == TSK_BY_STAFF ? s->w.reason : tsk_code("S6");
    w.has_behalf = !tsk_is_zero(s->child_holder.b, sizeof s->child_holder.b);
    tsk_random(w.id.b, sizeof w.id.b);
    return tsk_author(ctx, b, TSK_REC_WITHDRAW, &w, NULL, &id);
}

enum tsk_err tsk_stop_what_went(struct tsk_ctx *ctx, struct tsk_batch *b, uint64_t case_no, uint64_t record_no,
                                const struct tsk_id32 *id)
{
    struct tsk_case c;
    struct tsk_case_grant g;
    struct tsk_stop s;
    if (case_no == 0)
        return TSK_OK;
    TSK_TRY(tsk_case_load(b->txn, case_no, &c));
    if (c.side != TSK_SIDE_SENDER)
        return TSK_OK;
    TSK_TRY(tsk_stop_load(b->txn, record_no, id, &s));
    for (uint64_t i = 0; i < c.grants_n; i++) {
        TSK_TRY(tsk_grant_load(b->txn, &c, i, &g));
        for (size_t k = 0; k < g.grant.items_n && !g.sent && tsk_stop_aims_at(&s.w, &g); k++)
            TSK_TRY(stop_item(ctx, b, &c, &s, &g.grant.items[k].item));
    }
    return TSK_OK;
}
