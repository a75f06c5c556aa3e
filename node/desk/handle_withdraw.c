/* handle_withdraw.c - stops. They are stored whatever else is late; who may stop is checked when the target is there. */
#include "crypto/card.h"
#include "node/core/log.h"
#include "node/desk/handle.h"

/* What a stop is aimed at, as far as it is here. */
struct aim {
    bool known;
    uint64_t case_no;            /* 0: none (a holder not in use) */
    struct tsk_case c;
    struct tsk_case_grant g;     /* form 1 */
    struct tsk_case_item it;     /* form 4 */
    struct tsk_holder_at h;      /* form 3 */
};

/* ---- finding the target ---- */
static enum tsk_err aim_place(struct tsk_batch *b, enum tsk_err found, const struct tsk_place *at, struct aim *aim)
{
    if (found != TSK_OK)
        return found;
    aim->case_no = at->case_no;
    return tsk_case_load(b->txn, at->case_no, &aim->c);
}

static enum tsk_err aim_grant(struct tsk_batch *b, const struct tsk_id32 *target, struct aim *aim)
{
    struct tsk_place at = {0};
    TSK_TRY(aim_place(b, tsk_grant_find(b->txn, target, &at), &at, aim));
    return tsk_grant_load(b->txn, &aim->c, at.index, &aim->g);
}

static enum tsk_err aim_item(struct tsk_batch *b, const struct tsk_id32 *target, struct aim *aim)
{
    struct tsk_place at = {0};
    TSK_TRY(aim_place(b, tsk_item_find(b->txn, target, &at), &at, aim));
    return tsk_item_load(b->txn, &aim->c, at.index, &aim->it);
}

static enum tsk_err aim_referral(struct tsk_batch *b, const struct tsk_id32 *target, struct aim *aim)
{
    TSK_TRY(tsk_case_by_ref(b->txn, target, &aim->c));
    aim->case_no = aim->c.no;
    return TSK_OK;
}

static enum tsk_err aim_holder(struct tsk_batch *b, const struct tsk_id32 *target, struct aim *aim)
{
    struct tsk_kid kid;
    memcpy(kid.b, target->b, sizeof kid.b);
    TSK_TRY(tsk_holder_load(b->txn, &kid, &aim->h));
    aim->case_no = aim->h.case_no;
    return aim->case_no == 0 ? TSK_OK : tsk_case_load(b->txn, aim->case_no, &aim->c);
}

static enum tsk_err take_aim(struct tsk_batch *b, const struct tsk_withdraw *w, struct aim *aim)
{
    static enum tsk_err (*const aims[])(struct tsk_batch *, const struct tsk_id32 *, struct aim *) = {
        [TSK_STOP_GRANT] = aim_grant,
        [TSK_STOP_REFERRAL] = aim_referral,
        [TSK_STOP_HOLDER] = aim_holder,
        [TSK_STOP_ITEM] = aim_item,
    };
    enum tsk_err e = aims[w->form](b, &w->target, aim);
    /* Whose cards a referral has, its recipient learns with the grants: until then a card's stop over all of it stands. */
    bool cards_unknown = w->by == TSK_BY_HOLDER && w->form == TSK_STOP_REFERRAL &&
                         aim->c.side == TSK_SIDE_RECIPIENT && aim->c.grants_n == 0;
    aim->known = e == TSK_OK && !cards_unknown;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

/* ---- may this signer stop this target? ---- */
static enum tsk_err holder_or_successor(struct tsk_batch *b, const struct tsk_kid *holder, const struct tsk_kid *kid,
                                         bool *ret_is)
{
    struct tsk_holder_at h;
    *ret_is = tsk_kid_eq(holder, kid);
    if (*ret_is)
        return TSK_OK;
    enum tsk_err e = tsk_holder_load(b->txn, holder, &h);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    *ret_is = h.holder.state == TSK_HOLDER_REPLACED && h.holder.has_other && tsk_kid_eq(&h.holder.other, kid);
    return TSK_OK;
}

static enum tsk_err is_holder_of(struct tsk_batch *b, const struct tsk_item_core *core, const struct tsk_kid *kid, bool *ret_is)
{
    bool is = false;
    for (size_t i = 0; !is && i < core->holders_n; i++)
        TSK_TRY(holder_or_successor(b, &core->holders[i], kid, &is));
    *ret_is = is;
    return TSK_OK;
}

/* A holder of any item of the case; with `g` only of those that the grant names. */
static enum tsk_err holds_any(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_grant *g,
                              const struct tsk_kid *kid, bool *ret_is)
{
    struct tsk_case_item it;
    bool is = false;
    for (uint64_t i = 0; !is && i < c->items_n; i++) {
        bool named = g == NULL;
        TSK_TRY(tsk_item_load(b->txn, c, i, &it));
        for (size_t j = 0; !named && j < g->items_n; j++)
            named = tsk_id32_eq(&g->items[j].item, &it.id);
        if (named)
            TSK_TRY(is_holder_of(b, &it.item.core, kid, &is));
    }
    *ret_is = is;
    return TSK_OK;
}

static enum tsk_err by_holder(struct tsk_batch *b, const struct tsk_withdraw *w, const struct tsk_kid *kid,
                              const struct aim *aim)
{
    bool is = false;
    switch ((enum tsk_stop_form)w->form) {
    case TSK_STOP_GRANT:
        TSK_TRY(holder_or_successor(b, &aim->g.grant.holder, kid, &is));
        if (!is)
            TSK_TRY(holds_any(b, &aim->c, &aim->g.grant, kid, &is));
        break;
    case TSK_STOP_REFERRAL:
        TSK_TRY(holds_any(b, &aim->c, NULL, kid, &is));
        break;
    case TSK_STOP_HOLDER:
        TSK_TRY(holder_or_successor(b, &aim->h.kid, kid, &is));
        break;
    case TSK_STOP_ITEM:
        TSK_TRY(is_holder_of(b, &aim->it.item.core, kid, &is));
        break;
    }
    return is ? TSK_OK : TSK_E_WRONGHOLDER;
}

static enum tsk_err by_code(const struct tsk_withdraw *w, const struct aim *aim)
{
    uint8_t h[32];
    if (w->form != TSK_STOP_GRANT)
        return TSK_E_WRONGCODE;
    TSK_TRY(tsk_wd_hash(&aim->g.grant.id, w->code, h));
    return tsk_equal(h, aim->g.grant.code_hash, sizeof h) ? TSK_OK : TSK_E_WRONGCODE;
}

static bool says_ended(const struct tsk_withdraw *w)
{
    return w->by == TSK_BY_STAFF && tsk_code_eq(w->reason, tsk_code("S9"));
}

static enum tsk_err may_stop(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_withdraw *w, const struct tsk_kid *kid,
                             const struct aim *aim)
{
    if (!aim->known)
        return TSK_OK;
    if (w->by == TSK_BY_HOLDER)
        return by_holder(b, w, kid, aim);
    if (w->by == TSK_BY_CODE)
        return by_code(w, aim);
    /* Any member may stop for a family; that a referral ended is for its two parties to say. */
    bool party = aim->case_no != 0 && (tsk_kid_eq(kid, tsk_self(ctx)) || tsk_kid_eq(kid, &aim->c.peer));
    return says_ended(w) && !(w->form == TSK_STOP_REFERRAL && party) ? TSK_E_WRONGTYPE : TSK_OK;
}

/* ---- stops whose target or signer is not here: so many a peer ---- */
static struct tsk_rowkey waiting_row(const struct tsk_kid *from)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_META, "stops", 5);
    tsk_row_bytes(&k, from->b, sizeof from->b);
    return k;
}

static enum tsk_err waiting(struct tsk_batch *b, const struct tsk_kid *from, uint64_t *ret_n)
{
    struct tsk_rowkey k = waiting_row(from);
    enum tsk_err e = tsk_get_u64(b->txn, &k, ret_n);
    if (e == TSK_E_UNKNOWN)
        *ret_n = 0;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err waiting_add(struct tsk_batch *b, const struct tsk_kid *from, int by)
{
    struct tsk_rowkey k = waiting_row(from);
    uint64_t n;
    TSK_TRY(waiting(b, from, &n));
    return tsk_put_u64(b->txn, &k, by < 0 ? n - (n > 0) : n + 1);
}

/* ---- the row ---- */
enum tsk_err tsk_check_withdraw(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_withdraw *w = a->record;
    struct aim *aim = tsk_txn_alloc(b->txn, sizeof *aim);
    uint64_t n;
    if (aim == NULL)
        return TSK_E_NOMEM;
    if ((w->by == TSK_BY_HOLDER) != (a->author == NULL))
        return TSK_E_MALFORMED;
    TSK_TRY(take_aim(b, w, aim));
    enum tsk_err e = may_stop(ctx, b, w, &a->env.kid, aim);
    if (e != TSK_OK)
        tsk_log(TSK_LOG_WARN, "false_stop", "id=%s author=%s err=%s", TSK_SHORT(a->id), TSK_SHORT(a->env.kid), tsk_err_name(e));
    TSK_TRY(e);
    if (aim->known && (a->own || !a->unverified))
        return TSK_OK;
    if (a->own)
        return TSK_E_UNKNOWN;
    TSK_TRY(waiting(b, &a->in->from, &n));
    return n < TSK_STOPS_PER_PEER_MAX ? TSK_OK : TSK_E_RATE;
}

/* Does the other party know what is stopped? The recipient is not told of a stop over what it never had: a family that
 * refuses, or stops before anything was sent, is as silent as one that was not asked. */
static enum tsk_err peer_has(struct tsk_batch *b, const struct tsk_withdraw *w, const struct aim *aim, bool *ret_has)
{
    struct tsk_case_grant g;
    bool has = aim->c.side == TSK_SIDE_RECIPIENT || (w->form == TSK_STOP_GRANT && aim->g.sent) ||
               (w->form == TSK_STOP_ITEM && aim->it.sent) ||
               (w->form == TSK_STOP_REFERRAL && (says_ended(w) ? aim->c.sent : aim->c.released));
    for (uint64_t i = 0; w->form == TSK_STOP_HOLDER && !has && i < aim->c.grants_n; i++) {
        TSK_TRY(tsk_grant_load(b->txn, &aim->c, i, &g));
        has = g.sent && memcmp(g.grant.holder.b, w->target.b, sizeof w->target.b) == 0;
    }
    *ret_has = has;
    return TSK_OK;
}

/* Whose stop it is must be seen over there, too: a child's is lifted by nobody else, and it may be the first that the other
 * party hears of this card. */
static enum tsk_err tell_whose(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_withdraw *w,
                               const struct tsk_kid *signer, const struct aim *aim, uint64_t bundle)
{
    struct tsk_holder_at h = {0};
    if (w->by != TSK_BY_HOLDER && !w->has_behalf)
        return TSK_OK;
    const struct tsk_kid *kid = w->by == TSK_BY_HOLDER ? signer : &w->behalf;
    enum tsk_err e = tsk_holder_load(b->txn, kid, &h);
    if (e != TSK_OK || (h.case_no != aim->c.no && h.record_no == 0))
        return e == TSK_E_UNKNOWN ? TSK_OK : e; /* not of this referral, or not here: the stop goes alone */
    TSK_TRY(tsk_holder_signed(ctx, b, kid, &h));
    return tsk_route_stored(b, &aim->c.peer, h.record_no, true, bundle);
}

/* Tells the other party; `ret_effective`: it has the stop, or nothing to stop. */
static enum tsk_err tell(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_withdraw *w, const struct tsk_envelope *env,
                         uint64_t record_no, const struct tsk_kid *from, const struct aim *aim, bool *ret_effective)
{
    bool has;
    TSK_TRY(peer_has(b, w, aim, &has));
    *ret_effective = !has || tsk_kid_eq(from, &aim->c.peer);
    if (*ret_effective)
        return TSK_OK;
    uint64_t bundle = tsk_batch_bundle(b);
    TSK_TRY(tell_whose(ctx, b, w, &env->kid, aim, bundle));
    return tsk_route_stored(b, &aim->c.peer, record_no, true, bundle);
}

/* More stops over one target than any grant can lift change nothing, and would be walked at every question. Those that
 * may yet turn out false do not count: a true one behind them must stay. */
static enum tsk_err stopped_enough(struct tsk_batch *b, const struct tsk_withdraw *w, bool *ret_enough)
{
    struct tsk_rowkey prefix = tsk_row_stop(w->form, w->target.b, NULL);
    struct tsk_walk walk;
    struct tsk_slice tail, value;
    uint64_t n = 0;
    enum tsk_err e;
    tsk_walk_init(&walk, &prefix, NULL);
    while ((e = tsk_walk_next(b->txn, &walk, &tail, &value)) == TSK_OK) {
        struct tsk_stop_at row = {0};
        TSK_TRY(tsk_row_parse(value, &tsk_shape_stop_row, &row));
        n += row.settled;
    }
    *ret_enough = n > TSK_LIFTS_MAX;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

enum tsk_err tsk_act_withdraw(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_withdraw *w = a->record;
    struct tsk_rowkey k = tsk_row_stop(w->form, w->target.b, &a->id);
    struct tsk_stop_at row = {.record_no = a->no, .from = a->in->from};
    struct aim *aim = tsk_txn_alloc(b->txn, sizeof *aim);
    bool enough = false;
    if (aim == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(take_aim(b, w, aim));
    row.settled = aim->known && !a->unverified;
    if (row.settled)
        TSK_TRY(stopped_enough(b, w, &enough));
    if (enough)
        return TSK_OK;
    if (aim->case_no != 0)
        TSK_TRY(tell(ctx, b, w, &a->env, a->no, &a->in->from, aim, &row.effective));
    TSK_TRY(tsk_row_save(b->txn, &k, &tsk_shape_stop_row, &row));
    if (!row.settled)
        TSK_TRY(waiting_add(b, &a->in->from, 1));
    if (a->unverified) {
        struct tsk_rowkey unverified = tsk_row_stop(TSK_STOP_UNVERIFIED, a->env.kid.b, &a->id);
        TSK_TRY(tsk_put_u64(b->txn, &unverified, a->no));
    }
    if (aim->case_no == 0)
        return TSK_OK;
    if (row.settled)
        TSK_TRY(tsk_stop_what_went(ctx, b, aim->case_no, a->no, &a->id));
    if (!a->unverified) /* what cannot be taken back waits until the signature is known to be good */
        TSK_TRY(tsk_wraps_cut(ctx, b, &aim->c));
    return tsk_settle(ctx, b, aim->case_no);
}

static enum tsk_err ended_said(struct tsk_txn *t, const struct tsk_case *c, bool *ret_said)
{
    struct tsk_rowkey prefix = tsk_row_stop(TSK_STOP_REFERRAL, c->ref.b, NULL);
    struct tsk_walk walk;
    struct tsk_slice tail, value;
    bool said = false;
    enum tsk_err e = TSK_OK;
    tsk_walk_init(&walk, &prefix, NULL);
    while (!said && (e = tsk_walk_next(t, &walk, &tail, &value)) == TSK_OK) {
        struct tsk_stop_at row = {0};
        struct tsk_stored r;
        struct tsk_withdraw w;
        TSK_TRY(tsk_row_parse(value, &tsk_shape_stop_row, &row));
        TSK_TRY(tsk_record_get(t, row.record_no, &r));
        TSK_TRY(tsk_record_as(&r, TSK_REC_WITHDRAW, &w));
        said = row.settled && says_ended(&w);
    }
    *ret_said = said;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

enum tsk_err tsk_stop_ended(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c)
{
    struct tsk_withdraw w = {.form = TSK_STOP_REFERRAL, .target = c->ref, .time = b->now, .by = TSK_BY_STAFF};
    struct tsk_id32 id;
    bool said;
    TSK_TRY(ended_said(b->txn, c, &said));
    if (said)
        return TSK_OK;
    tsk_random(w.id.b, sizeof w.id.b);
    w.reason = tsk_code("S9");
    return tsk_author(ctx, b, TSK_REC_WITHDRAW, &w, NULL, &id);
}

enum tsk_err tsk_stop_receipted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_stored *r)
{
    struct tsk_withdraw w;
    struct tsk_stop_at row = {0};
    (void)ctx;
    TSK_TRY(tsk_record_as(r, TSK_REC_WITHDRAW, &w));
    struct tsk_rowkey k = tsk_row_stop(w.form, w.target.b, &r->id);
    enum tsk_err e = tsk_row_load(b->txn, &k, &tsk_shape_stop_row, &row);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    row.effective = true;
    return tsk_row_save(b->txn, &k, &tsk_shape_stop_row, &row);
}

/* ---- what was late has come ---- */
static enum tsk_err drop(struct tsk_batch *b, const struct tsk_stored *r, const struct tsk_withdraw *w,
                         const struct tsk_stop_at *row, enum tsk_err why)
{
    struct tsk_rowkey k = tsk_row_stop(w->form, w->target.b, &r->id);
    struct tsk_rowkey unverified = tsk_row_stop(TSK_STOP_UNVERIFIED, r->env.kid.b, &r->id);
    tsk_log(TSK_LOG_WARN, "false_stop", "id=%s author=%s err=%s", TSK_SHORT(r->id), TSK_SHORT(r->env.kid), tsk_err_name(why));
    TSK_TRY(tsk_del(b->txn, &k));
    TSK_TRY(tsk_del(b->txn, &unverified));
    if (why == TSK_E_BADSIG) { /* the id covers no signature: the genuine record has this id too, and must be let in */
        struct tsk_rowkey id = tsk_row_id(TSK_T_RECORD_ID, r->id.b, sizeof r->id.b);
        struct tsk_rowkey author = tsk_row_id(TSK_T_RECORD_KEY, r->env.kid.b, 16);
        tsk_row_bytes(&author, w->id.b, sizeof w->id.b);
        TSK_TRY(tsk_del(b->txn, &id));
        TSK_TRY(tsk_del(b->txn, &author));
    }
    return row->settled ? TSK_OK : waiting_add(b, &row->from, -1);
}

/* Its target is here and its signature was good: it waits no longer. */
static enum tsk_err settle(struct tsk_batch *b, const struct tsk_stored *r, struct tsk_stop_at *row)
{
    struct tsk_rowkey unverified = tsk_row_stop(TSK_STOP_UNVERIFIED, r->env.kid.b, &r->id);
    if (row->settled || tsk_has(b->txn, &unverified))
        return TSK_OK;
    row->settled = true;
    return waiting_add(b, &row->from, -1);
}

static enum tsk_err meet(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_stop_at *row)
{
    struct tsk_stored r;
    struct tsk_withdraw w;
    struct aim *aim = tsk_txn_alloc(b->txn, sizeof *aim);
    if (aim == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_record_get(b->txn, row->record_no, &r));
    TSK_TRY(tsk_record_as(&r, TSK_REC_WITHDRAW, &w));
    TSK_TRY(take_aim(b, &w, aim));
    enum tsk_err e = may_stop(ctx, b, &w, &r.env.kid, aim);
    if (e != TSK_OK)
        return tsk_err_class(e) == TSK_CLASS_LOCAL ? e : drop(b, &r, &w, row, e);
    if (!aim->known)
        return TSK_OK;
    if (aim->case_no != 0 && !row->effective)
        TSK_TRY(tell(ctx, b, &w, &r.env, r.no, &row->from, aim, &row->effective));
    TSK_TRY(settle(b, &r, row));
    struct tsk_rowkey k = tsk_row_stop(w.form, w.target.b, &r.id);
    TSK_TRY(tsk_row_save(b->txn, &k, &tsk_shape_stop_row, row));
    return row->settled ? tsk_stop_what_went(ctx, b, aim->case_no, r.no, &r.id) : TSK_OK;
}

enum tsk_err tsk_stops_meet(struct tsk_ctx *ctx, struct tsk_batch *b, enum tsk_stop_form form, const void *target32)
{
    struct tsk_rowkey prefix = tsk_row_stop(form, target32, NULL);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    enum tsk_err e;
    tsk_walk_init(&w, &prefix, NULL);
    while ((e = tsk_walk_next(b->txn, &w, &tail, &value)) == TSK_OK) {
        struct tsk_stop_at row = {0};
        TSK_TRY(tsk_row_parse(value, &tsk_shape_stop_row, &row));
        if (!row.settled || !row.effective)
            TSK_TRY(meet(ctx, b, &row));
    }
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err verify(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_holder_at *h, uint64_t record_no)
{
    struct tsk_stored r;
    struct tsk_withdraw w;
    struct tsk_stop_at row = {0};
    struct aim *aim = tsk_txn_alloc(b->txn, sizeof *aim);
    TSK_VERIFIER *v = NULL;
    if (aim == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_record_get(b->txn, record_no, &r));
    TSK_TRY(tsk_record_as(&r, TSK_REC_WITHDRAW, &w));
    struct tsk_rowkey k = tsk_row_stop(w.form, w.target.b, &r.id);
    struct tsk_rowkey unverified = tsk_row_stop(TSK_STOP_UNVERIFIED, h->kid.b, &r.id);
    TSK_TRY(tsk_row_load(b->txn, &k, &tsk_shape_stop_row, &row));
    TSK_TRY(tsk_verifier_again(&h->holder.sign_pk, &v));
    enum tsk_err e = tsk_record_verify(&r.env, v, &ctx->members->net);
    if (tsk_err_class(e) == TSK_CLASS_LOCAL) /* a fault of ours makes no stop false */
        return e;
    TSK_TRY(tsk_del(b->txn, &unverified));
    TSK_TRY(take_aim(b, &w, aim));
    if (e != TSK_OK)
        TSK_TRY(drop(b, &r, &w, &row, e));
    else if (aim->known)
        TSK_TRY(settle(b, &r, &row));
    if (e == TSK_OK)
        TSK_TRY(tsk_row_save(b->txn, &k, &tsk_shape_stop_row, &row));
    if (aim->case_no == 0)
        return TSK_OK;
    if (e == TSK_OK && row.settled)
        TSK_TRY(tsk_stop_what_went(ctx, b, aim->case_no, r.no, &r.id));
    TSK_TRY(tsk_wraps_cut(ctx, b, &aim->c));
    return tsk_settle(ctx, b, aim->case_no);
}

enum tsk_err tsk_stops_verify(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_holder_at *h)
{
    struct tsk_rowkey prefix = tsk_row_stop(TSK_STOP_UNVERIFIED, h->kid.b, NULL);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    enum tsk_err e;
    tsk_walk_init(&w, &prefix, NULL);
    while ((e = tsk_walk_next(b->txn, &w, &tail, &value)) == TSK_OK)
        TSK_TRY(verify(ctx, b, h, tsk_be64(value.p)));
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}
