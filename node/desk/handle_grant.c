/* handle_grant.c - the family's signed yes, or no. Checked in the order of docs/PROTOCOL.md section 8, G0 to G10. */
#include "node/core/log.h"
#include "node/desk/handle.h"
#include "schema/codes.h"

/* What the checks gather on their way. */
struct view {
    const struct tsk_grant *g;
    struct tsk_case c;
    struct tsk_holder_at holder;
    struct tsk_case_item items[TSK_ITEMS_MAX]; /* in the order of the grant */
    uint64_t now;
};

static bool given(const struct view *v)
{
    return v->g->state == TSK_GRANT_GIVEN;
}

/* ---- finding what it speaks of ---- */
/* Whether the item came before the grant in the same parcel: if it is not here, it was refused. */
static bool came_along(struct tsk_ctx *ctx, const struct tsk_admitted *a, const struct tsk_id32 *item,
                       struct tsk_slice *ret_payload)
{
    struct tsk_seq seq = a->in->inner != NULL ? a->in->inner->records : (struct tsk_seq){0};
    struct tsk_slice bytes;
    struct tsk_envelope env;
    struct tsk_id32 id;
    while (tsk_seq_next_bytes(&seq, &bytes) && bytes.p != a->in->bytes.p)
        if (tsk_cose_parse(bytes, &env) == TSK_OK && env.rec == TSK_REC_ITEM &&
            tsk_record_id(&env, &ctx->members->net, &id) == TSK_OK && tsk_id32_eq(&id, item)) {
            *ret_payload = env.payload;
            return true;
        }
    return false;
}

/* An item that was asked for again takes its grant with it; one refused for good does, too. The grant is not kept until
 * then: a disk full of grants for nothing would be the recipient's loss, one parcel that waits is the sender's. */
static enum tsk_err item_missing(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a,
                                 const struct tsk_id32 *item)
{
    struct tsk_slice payload;
    struct tsk_item it;
    if (!came_along(ctx, a, item, &payload))
        return tsk_missing(b, a);
    bool waits = tsk_rec_decode(TSK_REC_ITEM, payload, &it) == TSK_OK && tsk_item_ahead(ctx, b, &it.core);
    return waits ? TSK_E_RETRY : TSK_E_NOTGRANTED;
}

static enum tsk_err find_items(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a, struct view *v)
{
    for (size_t i = 0; i < v->g->items_n; i++) {
        struct tsk_place at = {0};
        enum tsk_err e = tsk_item_find(b->txn, &v->g->items[i].item, &at);
        if (e == TSK_E_UNKNOWN)
            return item_missing(ctx, b, a, &v->g->items[i].item);
        TSK_TRY(e);
        if (at.case_no != v->c.no)
            return TSK_E_NOTGRANTED; /* an item of another referral */
        TSK_TRY(tsk_item_load(b->txn, &v->c, at.index, &v->items[i]));
    }
    return TSK_OK;
}

static enum tsk_err find_case(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a, struct view *v)
{
    enum tsk_err e = tsk_case_by_ref(b->txn, &v->g->referral, &v->c);
    if (e == TSK_E_UNKNOWN)
        return tsk_kid_eq(&v->g->recipient, tsk_self(ctx)) ? tsk_missing(b, a) : TSK_E_NOTGRANTED;
    TSK_TRY(e);
    if (!tsk_kid_eq(&v->g->sender, tsk_case_sender(ctx, &v->c)) ||
        !tsk_kid_eq(&v->g->recipient, tsk_case_recipient(ctx, &v->c)))
        return TSK_E_NOTGRANTED;
    if (v->c.grants_n >= TSK_GRANTS_MAX)
        return a->own ? TSK_E_LIMIT : TSK_E_MALFORMED;
    return find_items(ctx, b, a, v);
}

/* ---- G0: the rule ---- */
/* The role in the grant is the kind of the card: a guardian who says "I am the child" is refused here. */
static enum tsk_err check_role(const struct view *v)
{
    bool child = v->holder.holder.kind == TSK_HOLDER_CHILD;
    bool both = v->g->items_n > 0;
    for (size_t i = 0; i < v->g->items_n; i++)
        both = both && v->items[i].item.core.require == TSK_ALL;
    if (v->g->role != (child ? 1 : 2))
        return TSK_E_RULE;
    return tsk_code_eq(v->g->basis, tsk_code(child ? "B1" : "B2")) || (both && tsk_code_eq(v->g->basis, tsk_code("B3")))
               ? TSK_OK : TSK_E_RULE;
}

/* Which kinds hold the item, beside this grant's. */
static enum tsk_err other_kinds(struct tsk_batch *b, const struct view *v, const struct tsk_item_core *core, bool *ret_child,
                                bool *ret_guardian)
{
    bool child = false, guardian = false;
    for (size_t i = 0; i < core->holders_n; i++) {
        struct tsk_holder_at h;
        if (tsk_kid_eq(&core->holders[i], &v->holder.kid))
            continue;
        enum tsk_err e = tsk_holder_load(b->txn, &core->holders[i], &h);
        if (e == TSK_E_UNKNOWN)
            continue;
        TSK_TRY(e);
        *(h.holder.kind == TSK_HOLDER_CHILD ? &child : &guardian) = true;
    }
    *ret_child = child;
    *ret_guardian = guardian;
    return TSK_OK;
}

/* A grant is taken when the rule is content with it alone, or with it and those that the item's other holders may still
 * give: a young child's assent, the second of two. Nothing is released until they are there. */
static enum tsk_err check_rule(struct tsk_ctx *ctx, struct tsk_batch *b, const struct view *v, const struct tsk_item_core *core)
{
    bool is_child = v->holder.holder.kind == TSK_HOLDER_CHILD, child, guardian;
    enum tsk_err alone = tsk_rule_of(ctx, b, &v->c, core, v->now, is_child, !is_child);
    if (alone != TSK_E_RULE)
        return alone;
    TSK_TRY(other_kinds(b, v, core, &child, &guardian));
    return tsk_rule_of(ctx, b, &v->c, core, v->now, child || is_child, guardian || !is_child);
}

/* ---- G1, G2, G4 for each item ---- */
static enum tsk_err check_items(struct tsk_ctx *ctx, struct tsk_batch *b, const struct view *v)
{
    for (size_t i = 0; i < v->g->items_n && given(v); i++)
        TSK_TRY(check_rule(ctx, b, v, &v->items[i].item.core));
    for (size_t i = 0; i < v->g->items_n; i++) {
        if (!tsk_item_holds(&v->items[i].item.core, &v->g->holder))
            return TSK_E_WRONGHOLDER;
        TSK_TRY(tsk_grant_covers(v->g, &v->items[i].item.core, &v->items[i].id));
    }
    for (size_t i = 0; i < v->g->items_n && given(v); i++)
        TSK_TRY(tsk_grant_times(v->g, &v->items[i].item.core, v->holder.holder.kind));
    return TSK_OK;
}

/* What only the sender knows: the day on which a guardian's word ends. */
static enum tsk_err check_end(const struct view *v)
{
    bool guardian = v->holder.holder.kind == TSK_HOLDER_GUARDIAN;
    if (!given(v))
        return TSK_OK;
    if (v->now >= v->g->expires)
        return TSK_E_EXPIRED;
    return guardian && v->c.age_18 != 0 && v->g->expires > v->c.age_18 ? TSK_E_AGECHANGED : TSK_OK;
}

/* ---- G5, G7 ---- */
/* A grant names no roster: one whose words are unknown may have been heard under a newer one than ours, unless it is older
 * than ours. */
static enum tsk_err check_words(struct tsk_ctx *ctx, const struct tsk_admitted *a, const struct view *v)
{
    struct tsk_seq notices = ctx->members->r.notices;
    struct tsk_slice hash;
    bool known = false;
    while (tsk_seq_next_bytes(&notices, &hash))
        known = known || (hash.n == 32 && memcmp(hash.p, v->g->notice_hash, 32) == 0);
    if (!known)
        return !a->own && tsk_maybe_newer(ctx, v->g->time) ? TSK_E_RETRY : TSK_E_NOTGRANTED;
    return tsk_code_find(TSK_LIST_PURPOSE, v->g->purpose.s) != NULL ? TSK_OK : TSK_E_PURPOSE;
}

/* ---- the wraps that belong to it ---- */
static enum tsk_err find_wraps(const struct tsk_admitted *a, struct tsk_slice *ret_bytes)
{
    const struct tsk_grant *g = a->record;
    const struct tsk_incoming *in = a->in;
    if (in->inner == NULL)
        return TSK_E_MALFORMED;
    return tsk_part_find(in->inner->wraps, in->hashes != NULL ? in->hashes->wraps : NULL, 0, g->wraps_hash, ret_bytes);
}

static bool key_known(const struct tsk_entry *to, const uint8_t id8[8])
{
    for (size_t i = 0; i < to->m.seal_n; i++)
        if (memcmp(to->m.seal[i].id8, id8, 8) == 0)
            return true;
    return false;
}

static enum tsk_err check_wraps(struct tsk_ctx *ctx, const struct tsk_admitted *a)
{
    const struct tsk_grant *g = a->record;
    const struct tsk_entry *to = tsk_member_by_kid(ctx->members, &g->recipient, 0);
    struct tsk_slice bytes;
    struct tsk_wraps w;
    TSK_TRY(find_wraps(a, &bytes));
    TSK_TRY(tsk_rec_decode(TSK_REC_WRAPS, bytes, &w));
    if (memcmp(w.id.b, g->id.b, sizeof w.id.b) != 0 || w.wraps_n != g->items_n)
        return TSK_E_NOTGRANTED; /* the wraps of another grant */
    for (size_t i = 0; i < w.wraps_n; i++) /* both are sets in the same order */
        if (!tsk_id32_eq(&w.wraps[i].item, &g->items[i].item))
            return TSK_E_NOTGRANTED;
    for (size_t i = 0; i < w.wraps_n; i++)
        if (to == NULL || !key_known(to, w.wraps[i].key_id8))
            return TSK_E_UNKNOWNPEER;
    return TSK_OK;
}

/* ---- G8, at the sender: no yes over what has ended or was stopped ---- */
static enum tsk_err check_stands(struct tsk_batch *b, const struct tsk_admitted *a, const struct view *v)
{
    struct tsk_case_grant g = {.grant = *v->g, .id = a->id};
    if (tsk_state_ended(v->c.state) || tsk_state_final(v->c.state))
        return TSK_E_STATE;
    for (size_t i = 0; i < v->g->items_n && given(v); i++) {
        bool stopped;
        TSK_TRY(tsk_pair_stopped(b->txn, &v->c, &g, &v->items[i].id, true, &stopped));
        if (stopped)
            return TSK_E_WITHDRAWN;
    }
    return TSK_OK;
}

static enum tsk_err check_roster(struct tsk_ctx *ctx, const struct tsk_admitted *a, const struct view *v)
{
    if (v->now < ctx->members->r.valid_until)
        return TSK_OK;
    return a->own ? TSK_E_ROSTEREXPIRED : TSK_E_RETRY; /* at the recipient the queues keep until a new roster is there */
}

static enum tsk_err check_found(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a, const struct view *v)
{
    TSK_TRY(check_role(v));
    TSK_TRY(check_items(ctx, b, v));
    TSK_TRY(check_end(v));
    TSK_TRY(check_words(ctx, a, v));
    TSK_TRY(check_roster(ctx, a, v));
    if (v->holder.holder.state >= TSK_HOLDER_STOPPED)
        return TSK_E_CARDSTOPPED;
    if (a->own)
        TSK_TRY(check_stands(b, a, v));
    if (!given(v))
        return TSK_OK;
    TSK_TRY(tsk_second_organisation(ctx, b, &v->c, v->g, &a->id, &v->holder.holder));
    return check_wraps(ctx, a);
}

enum tsk_err tsk_check_grant(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    struct view *v = tsk_txn_alloc(b->txn, sizeof *v);
    struct tsk_rowkey taken;
    if (v == NULL)
        return TSK_E_NOMEM;
    v->g = a->record;
    taken = tsk_row_id(TSK_T_GRANT_16, v->g->id.b, sizeof v->g->id.b);
    if (!tsk_kid_eq(&v->g->holder, &a->env.kid))
        return TSK_E_MALFORMED;
    if (a->own && !tsk_kid_eq(&v->g->how_node, tsk_self(ctx)))
        return TSK_E_MALFORMED;
    if (!a->own && !given(v))
        return TSK_E_WRONGTYPE; /* a refusal never leaves the sender */
    if (tsk_has(b->txn, &taken))
        return TSK_E_STALE;
    TSK_TRY(tsk_now(ctx, b, &v->now));
    TSK_TRY(tsk_holder_load(b->txn, &v->g->holder, &v->holder));
    TSK_TRY(find_case(ctx, b, a, v));
    if (a->own && v->c.side != TSK_SIDE_SENDER)
        return TSK_E_FORBIDDEN; /* cards sign at the sender's, for now */
    return check_found(ctx, b, a, v);
}

/* ---- storing ---- */
static enum tsk_err store(struct tsk_batch *b, const struct tsk_admitted *a, struct tsk_case *c, uint64_t *ret_index)
{
    const struct tsk_grant *g = a->record;
    struct tsk_place place = {c->no, c->grants_n++};
    struct tsk_grant_at row = {.record_no = a->no, .first_at = b->now, .id = a->id, .sent = !a->own};
    struct tsk_rowkey k = tsk_row_at(TSK_T_GRANT, c->no, place.index), id = tsk_row_id(TSK_T_GRANT_ID, a->id.b, sizeof a->id.b);
    struct tsk_rowkey id16 = tsk_row_id(TSK_T_GRANT_16, g->id.b, sizeof g->id.b);
    TSK_TRY(tsk_row_save(b->txn, &k, &tsk_shape_grant_row, &row));
    TSK_TRY(tsk_row_save(b->txn, &id, &tsk_shape_place, &place));
    TSK_TRY(tsk_row_save(b->txn, &id16, &tsk_shape_place, &place));
    c->released = c->released || !a->own;
    TSK_TRY(tsk_case_save(b->txn, c));
    if (g->state == TSK_GRANT_GIVEN) {
        struct tsk_rowkey wraps = tsk_row_at(TSK_T_WRAPS, c->no, place.index);
        struct tsk_slice bytes;
        TSK_TRY(find_wraps(a, &bytes));
        TSK_TRY(tsk_put(b->txn, &wraps, bytes));
    }
    *ret_index = place.index;
    return TSK_OK;
}

static enum tsk_err use_holder(struct tsk_batch *b, const struct tsk_kid *kid, uint64_t case_no)
{
    struct tsk_holder_at h;
    TSK_TRY(tsk_holder_load(b->txn, kid, &h));
    if (h.case_no != 0)
        return TSK_OK;
    h.case_no = case_no;
    return tsk_holder_save(b->txn, &h);
}

/* This node stood by when the card signed: it says so in the same transaction, then sends what has become free. */
static enum tsk_err captured(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a, uint64_t case_no)
{
    struct tsk_cosign cosign = {.target = a->id, .role = TSK_COSIGN_CAPTURE, .time = b->now};
    struct tsk_id32 id;
    struct tsk_case c;
    bool released;
    tsk_random(cosign.id.b, sizeof cosign.id.b);
    TSK_TRY(tsk_author(ctx, b, TSK_REC_COSIGN, &cosign, NULL, &id));
    TSK_TRY(tsk_case_load(b->txn, case_no, &c));
    return tsk_release(ctx, b, &c, &released);
}

enum tsk_err tsk_act_grant(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_grant *g = a->record;
    struct tsk_case c;
    uint64_t index;
    TSK_TRY(tsk_case_by_ref(b->txn, &g->referral, &c));
    TSK_TRY(store(b, a, &c, &index));
    TSK_TRY(use_holder(b, &g->holder, c.no));
    TSK_TRY(tsk_stops_meet(ctx, b, TSK_STOP_GRANT, a->id.b));
    TSK_TRY(tsk_stops_meet(ctx, b, TSK_STOP_HOLDER, g->holder.b));
    TSK_TRY(tsk_stops_meet(ctx, b, TSK_STOP_REFERRAL, c.ref.b));
    TSK_TRY(tsk_case_load(b->txn, c.no, &c));
    TSK_TRY(tsk_wraps_cut(ctx, b, &c));
    if (a->own && g->state == TSK_GRANT_GIVEN)
        TSK_TRY(captured(ctx, b, a, c.no));
    return tsk_settle(ctx, b, c.no);
}
