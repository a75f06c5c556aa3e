/* release.c - what leaves the sender when consent is there, and what is destroyed when it goes. */
#include "node/desk/handle.h"

/* ---- the token ---- */
static enum tsk_err send_token(struct tsk_batch *b, struct tsk_case *c, uint64_t bundle)
{
    if (c->sent)
        return TSK_OK;
    c->sent = true;
    c->sent_at = b->now;
    TSK_TRY(tsk_case_save(b->txn, c));
    return tsk_route_stored(b, &c->peer, c->record_no, false, bundle);
}

enum tsk_err tsk_case_send(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_case *c)
{
    if (c->sent)
        return TSK_OK;
    TSK_TRY(send_token(b, c, 0));
    TSK_TRY(tsk_settle(ctx, b, c->no));
    return tsk_case_load(b->txn, c->no, c);
}

/* ---- what may go ---- */
/* Which items have all the grants they need, and which grants name only such items: a grant names its categories, so it
 * stays here until every one of them may be known over there. */
struct choice {
    struct tsk_case_grant *grants;                       /* all of the case */
    struct tsk_case_item *items;
    bool stands[TSK_ITEMS_MAX][TSK_GRANTS_MAX];          /* this grant stands over this item */
    bool item[TSK_ITEMS_MAX], grant[TSK_GRANTS_MAX];
};

static enum tsk_err look(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, struct choice *ch)
{
    struct tsk_live *l = tsk_txn_alloc(b->txn, sizeof *l);
    uint64_t code;
    if (l == NULL)
        return TSK_E_NOMEM;
    for (uint64_t i = 0; i < c->grants_n; i++) {
        TSK_TRY(tsk_grant_load(b->txn, c, i, &ch->grants[i]));
        TSK_TRY(tsk_refusal_get(b->txn, c->no, ch->grants[i].record_no, &code));
        ch->grant[i] = ch->grants[i].grant.state == TSK_GRANT_GIVEN && !ch->grants[i].disputed && code == 0;
    }
    for (uint64_t i = 0; i < c->items_n; i++) {
        enum tsk_err e = tsk_live_item(ctx, b, c, i, NULL, l);
        if (tsk_err_class(e) == TSK_CLASS_LOCAL)
            return e;
        ch->items[i] = l->item;
        ch->item[i] = e == TSK_OK;
        for (size_t j = 0; e == TSK_OK && j < l->grants_n; j++)
            ch->stands[i][l->grants[j].index] = true;
    }
    return TSK_OK;
}

static enum tsk_err kinds_left(struct tsk_batch *b, const struct tsk_case *c, const struct choice *ch, uint64_t item,
                               size_t *ret_n, bool *ret_child, bool *ret_guardian)
{
    struct tsk_holder_at h;
    size_t n = 0;
    *ret_child = *ret_guardian = false;
    for (uint64_t j = 0; j < c->grants_n; j++) {
        if (!ch->stands[item][j] || !ch->grant[j])
            continue;
        TSK_TRY(tsk_holder_load(b->txn, &ch->grants[j].grant.holder, &h));
        *(h.holder.kind == TSK_HOLDER_CHILD ? ret_child : ret_guardian) = true;
        n++;
    }
    *ret_n = n;
    return TSK_OK;
}

static enum tsk_err item_still_goes(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, const struct choice *ch,
                                    uint64_t i, bool *ret_goes)
{
    const struct tsk_item_core *core = &ch->items[i].item.core;
    size_t n;
    bool child, guardian;
    uint64_t now;
    TSK_TRY(tsk_now(ctx, b, &now));
    TSK_TRY(kinds_left(b, c, ch, i, &n, &child, &guardian));
    if (n < (core->require == TSK_ALL ? core->holders_n : 1)) {
        *ret_goes = false;
        return TSK_OK;
    }
    enum tsk_err e = tsk_rule_of(ctx, b, c, core, now, child, guardian);
    *ret_goes = e == TSK_OK;
    return tsk_err_class(e) == TSK_CLASS_LOCAL ? e : TSK_OK;
}

static bool grant_still_goes(const struct tsk_case *c, const struct choice *ch, uint64_t j)
{
    const struct tsk_grant *g = &ch->grants[j].grant;
    for (size_t k = 0; k < g->items_n; k++) {
        bool goes = false;
        for (uint64_t i = 0; i < c->items_n; i++)
            goes = goes || (ch->item[i] && ch->stands[i][j] && tsk_id32_eq(&ch->items[i].id, &g->items[k].item));
        if (!goes)
            return false;
    }
    return g->items_n > 0;
}

/* Taking one away may take away others; nothing is ever added, so this ends. */
static enum tsk_err choose(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, struct choice *ch)
{
    bool changed = true;
    TSK_TRY(look(ctx, b, c, ch));
    while (changed) {
        changed = false;
        for (uint64_t j = 0; j < c->grants_n; j++)
            if (ch->grant[j] && !grant_still_goes(c, ch, j))
                ch->grant[j] = false, changed = true;
        for (uint64_t i = 0; i < c->items_n; i++)
            if (ch->item[i]) {
                TSK_TRY(item_still_goes(ctx, b, c, ch, i, &ch->item[i]));
                changed = changed || !ch->item[i];
            }
    }
    return TSK_OK;
}

/* ---- the bundle: holders, items, cosigns, grants ---- */
static enum tsk_err send_holder(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, const struct tsk_kid *kid,
                                uint64_t bundle)
{
    struct tsk_holder_at h;
    TSK_TRY(tsk_holder_signed(ctx, b, kid, &h));
    return tsk_route_stored(b, &c->peer, h.record_no, false, bundle);
}

static enum tsk_err send_item(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_case_item *it, uint64_t bundle)
{
    struct tsk_rowkey k = tsk_row_at(TSK_T_ITEM, c->no, it->index);
    struct tsk_item_at row = {.record_no = it->record_no, .id = it->id, .disputed = it->disputed, .sent = true};
    struct tsk_stored r;
    struct tsk_slice ct;
    TSK_TRY(tsk_record_get(b->txn, it->record_no, &r));
    TSK_TRY(tsk_item_ct(b->txn, c, it->index, &ct));
    struct tsk_outgoing o = {.to = c->peer, .id = it->id, .record = r.bytes, .ct = ct, .bundle = bundle};
    TSK_TRY(tsk_batch_send(b, &o));
    return tsk_row_save(b->txn, &k, &tsk_shape_item_row, &row);
}

static enum tsk_err send_cosigns(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_id32 *grant, uint64_t bundle)
{
    struct tsk_rowkey prefix = tsk_row_id(TSK_T_COSIGN, grant->b, sizeof grant->b);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    enum tsk_err e;
    tsk_walk_init(&w, &prefix, NULL);
    while ((e = tsk_walk_next(b->txn, &w, &tail, &value)) == TSK_OK)
        TSK_TRY(tsk_route_stored(b, &c->peer, tsk_be64(value.p), false, bundle));
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err send_grant(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_case_grant *g, uint64_t bundle)
{
    struct tsk_rowkey k = tsk_row_at(TSK_T_GRANT, c->no, g->index), wraps = tsk_row_at(TSK_T_WRAPS, c->no, g->index);
    struct tsk_grant_at row = {.record_no = g->record_no, .first_at = g->first_at, .id = g->id, .sent = true};
    struct tsk_stored r;
    struct tsk_slice bytes;
    TSK_TRY(tsk_record_get(b->txn, g->record_no, &r));
    TSK_TRY(tsk_get(b->txn, &wraps, &bytes));
    struct tsk_outgoing o = {.to = c->peer, .id = g->id, .record = r.bytes, .wraps = bytes, .bundle = bundle};
    TSK_TRY(tsk_batch_send(b, &o)); /* copies before the next read */
    return tsk_row_save(b->txn, &k, &tsk_shape_grant_row, &row);
}

static bool is_new_grant(const struct choice *ch, uint64_t j)
{
    return ch->grant[j] && !ch->grants[j].sent;
}

static enum tsk_err send_all(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, const struct choice *ch,
                             uint64_t bundle)
{
    for (uint64_t j = 0; j < c->grants_n; j++)
        if (is_new_grant(ch, j))
            TSK_TRY(send_holder(ctx, b, c, &ch->grants[j].grant.holder, bundle));
    for (uint64_t i = 0; i < c->items_n; i++)
        if (ch->item[i] && !ch->items[i].sent)
            TSK_TRY(send_item(b, c, &ch->items[i], bundle));
    for (uint64_t j = 0; j < c->grants_n; j++)
        if (is_new_grant(ch, j))
            TSK_TRY(send_cosigns(b, c, &ch->grants[j].id, bundle));
    for (uint64_t j = 0; j < c->grants_n; j++)
        if (is_new_grant(ch, j))
            TSK_TRY(send_grant(b, c, &ch->grants[j], bundle));
    return TSK_OK;
}

enum tsk_err tsk_release(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_case *c, bool *ret_released)
{
    struct choice *ch = tsk_txn_alloc(b->txn, sizeof *ch);
    bool any = false;
    if (ch == NULL)
        return TSK_E_NOMEM;
    ch->grants = tsk_txn_alloc(b->txn, (c->grants_n + 1) * sizeof *ch->grants);
    ch->items = tsk_txn_alloc(b->txn, (c->items_n + 1) * sizeof *ch->items);
    if (ch->grants == NULL || ch->items == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(choose(ctx, b, c, ch));
    for (uint64_t j = 0; j < c->grants_n; j++)
        any = any || is_new_grant(ch, j);
    if (any) {
        uint64_t bundle = tsk_batch_bundle(b);
        TSK_TRY(send_token(b, c, bundle));
        c->released = true;
        TSK_TRY(tsk_case_save(b->txn, c));
        TSK_TRY(send_all(ctx, b, c, ch, bundle));
        TSK_TRY(tsk_settle(ctx, b, c->no));
        TSK_TRY(tsk_case_load(b->txn, c->no, c));
    }
    *ret_released = any;
    return TSK_OK;
}

/* ---- destroying ---- */
static enum tsk_err say_deleted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, const struct tsk_deleted *d)
{
    struct tsk_id32 id;
    return c->side == TSK_SIDE_RECIPIENT ? tsk_author(ctx, b, TSK_REC_DELETED, d, NULL, &id) : TSK_OK;
}

static enum tsk_err cut_grant(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_ground *ground,
                              const struct tsk_case_grant *g)
{
    const struct tsk_case *c = ground->c;
    struct tsk_rowkey k = tsk_row_at(TSK_T_WRAPS, c->no, g->index);
    struct tsk_deleted d = {.grant = g->id, .time = b->now, .how = 1};
    struct tsk_wraps w;
    size_t kept = 0;
    enum tsk_err e = tsk_wraps_load(b->txn, c, g->index, &w);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    for (size_t i = 0; i < w.wraps_n; i++) {
        bool stopped;
        TSK_TRY(tsk_ground_stopped(b->txn, ground, g, &w.wraps[i].item, true, &stopped));
        if (stopped)
            d.items[d.items_n++] = w.wraps[i].item;
        else
            w.wraps[kept++] = w.wraps[i];
    }
    if (d.items_n == 0)
        return TSK_OK;
    w.wraps_n = kept;
    if (kept == 0) {
        TSK_TRY(tsk_del(b->txn, &k));
    } else {
        struct tsk_slice bytes;
        uint8_t *buf = tsk_txn_alloc(b->txn, tsk_rec_max(TSK_REC_WRAPS));
        if (buf == NULL)
            return TSK_E_NOMEM;
        TSK_TRY(tsk_rec_encode(TSK_REC_WRAPS, &w, buf, tsk_rec_max(TSK_REC_WRAPS), &bytes));
        TSK_TRY(tsk_put(b->txn, &k, bytes));
    }
    tsk_random(d.id.b, sizeof d.id.b);
    return say_deleted(ctx, b, c, &d);
}

enum tsk_err tsk_wraps_cut(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c)
{
    struct tsk_ground ground;
    TSK_TRY(tsk_ground_load(b->txn, c, &ground));
    for (uint64_t i = 0; i < c->grants_n; i++)
        TSK_TRY(cut_grant(ctx, b, &ground, &ground.grants[i]));
    return TSK_OK;
}
