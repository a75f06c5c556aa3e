/* live.c - may this category be opened now, and by which grants? All checks G of docs/PROTOCOL.md section 8. */
#include "node/desk/handle.h"

/* ---- stops ---- */
static bool is_ended_stop(const struct tsk_stop *s)
{
    return s->w.form == TSK_STOP_REFERRAL && s->w.by == TSK_BY_STAFF && tsk_code_eq(s->w.reason, tsk_code("S9"));
}

static bool names(const struct tsk_grant *g, const struct tsk_id32 *item_id)
{
    for (size_t i = 0; i < g->items_n; i++)
        if (tsk_id32_eq(&g->items[i].item, item_id))
            return true;
    return false;
}

/* The grant that a stop of form 1 names, from what was read or from the store; TSK_E_UNKNOWN if it is none of the case. */
static enum tsk_err target_of(struct tsk_txn *t, const struct tsk_ground *ground, const struct tsk_stop *s,
                              struct tsk_case_grant *ret_g)
{
    struct tsk_place at = {0};
    for (uint64_t i = 0; ground->grants != NULL && i < ground->c->grants_n; i++)
        if (tsk_id32_eq(&ground->grants[i].id, &s->w.target)) {
            *ret_g = ground->grants[i];
            return TSK_OK;
        }
    if (ground->grants != NULL)
        return TSK_E_UNKNOWN;
    TSK_TRY(tsk_grant_find(t, &s->w.target, &at));
    return at.case_no == ground->c->no ? tsk_grant_load(t, ground->c, at.index, ret_g) : TSK_E_UNKNOWN;
}

static enum tsk_err covers_by_grant(struct tsk_txn *t, const struct tsk_ground *ground, const struct tsk_stop *s,
                                    const struct tsk_case_grant *g, const struct tsk_id32 *item_id, bool *ret_covers)
{
    struct tsk_case_grant target;
    enum tsk_err e = target_of(t, ground, s, &target);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    *ret_covers = target.grant.state == TSK_GRANT_GIVEN && tsk_stop_covers(s, &g->grant, &g->id, item_id, &target.grant);
    return TSK_OK;
}

static enum tsk_err covers_by_holder(struct tsk_txn *t, const struct tsk_ground *ground, const struct tsk_stop *s,
                                     const struct tsk_id32 *item_id, bool *ret_covers)
{
    struct tsk_case_grant one;
    for (uint64_t i = 0; !*ret_covers && i < ground->c->grants_n; i++) {
        const struct tsk_case_grant *other = ground->grants != NULL ? &ground->grants[i] : &one;
        if (ground->grants == NULL)
            TSK_TRY(tsk_grant_load(t, ground->c, i, &one));
        *ret_covers = tsk_stop_aims_at(&s->w, other) && names(&other->grant, item_id);
    }
    return TSK_OK;
}

/* A stop of form 1 acts over the pairs of the grant it names, one of form 3 over those of the holder's grants, whoever
 * signed the grant that would open them: so any of those grants that names the item makes it covered. */
static enum tsk_err covers(struct tsk_txn *t, const struct tsk_ground *ground, const struct tsk_stop *s,
                           const struct tsk_case_grant *g, const struct tsk_id32 *item_id, bool *ret_covers)
{
    bool hit = tsk_stop_covers(s, &g->grant, &g->id, item_id, NULL);
    if (!hit && s->w.form == TSK_STOP_GRANT)
        TSK_TRY(covers_by_grant(t, ground, s, g, item_id, &hit));
    if (!hit && s->w.form == TSK_STOP_HOLDER)
        TSK_TRY(covers_by_holder(t, ground, s, item_id, &hit));
    *ret_covers = hit;
    return TSK_OK;
}

static enum tsk_err stands(struct tsk_txn *t, const struct tsk_ground *ground, const struct tsk_stop *s,
                           const struct tsk_case_grant *g, const struct tsk_id32 *item_id, bool *ret_stands)
{
    struct tsk_holder_at child = {0};
    bool covered;
    TSK_TRY(covers(t, ground, s, g, item_id, &covered));
    if (covered && s->child)
        TSK_TRY(tsk_holder_load(t, &s->child_holder, &child));
    bool followed = child.holder.state == TSK_HOLDER_REPLACED && child.holder.has_other;
    *ret_stands = covered && !tsk_stop_lifted(s, &g->grant, followed ? &child.holder.other : NULL);
    return TSK_OK;
}

enum tsk_err tsk_ground_stopped(struct tsk_txn *t, const struct tsk_ground *ground, const struct tsk_case_grant *g,
                                const struct tsk_id32 *item_id, bool ended, bool *ret_stopped)
{
    bool stopped = false;
    for (size_t i = 0; !stopped && i < ground->stops_n; i++)
        if (ended || !is_ended_stop(&ground->stops[i]))
            TSK_TRY(stands(t, ground, &ground->stops[i], g, item_id, &stopped));
    *ret_stopped = stopped;
    return TSK_OK;
}

enum tsk_err tsk_ground_load(struct tsk_txn *t, const struct tsk_case *c, struct tsk_ground *ret_ground)
{
    struct tsk_ground ground = {.c = c};
    ground.grants = tsk_txn_alloc(t, (c->grants_n + 1) * sizeof *ground.grants);
    if (ground.grants == NULL)
        return TSK_E_NOMEM;
    for (uint64_t i = 0; i < c->grants_n; i++)
        TSK_TRY(tsk_grant_load(t, c, i, &ground.grants[i]));
    TSK_TRY(tsk_case_stops(t, c, &ground.stops, &ground.stops_n));
    *ret_ground = ground;
    return TSK_OK;
}

enum tsk_err tsk_pair_stopped(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_case_grant *g,
                              const struct tsk_id32 *item_id, bool ended, bool *ret_stopped)
{
    struct tsk_ground ground = {.c = c};
    TSK_TRY(tsk_stops_of(t, c, item_id, &ground.stops, &ground.stops_n));
    return tsk_ground_stopped(t, &ground, g, item_id, ended, ret_stopped);
}

enum tsk_err tsk_stop_liftable(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_stop *s,
                               const struct tsk_kid *holder, const struct tsk_id32 *item_id, bool *ret_liftable)
{
    struct tsk_case_grant g = {.grant = {.holder = *holder, .role_kid = *holder, .state = TSK_GRANT_GIVEN, .referral = c->ref,
                                         .recipient = c->peer, .lifts = {s->id}, .lifts_n = 1}};
    struct tsk_ground ground = {.c = c};
    bool covered, stood;
    TSK_TRY(covers(t, &ground, s, &g, item_id, &covered));
    TSK_TRY(stands(t, &ground, s, &g, item_id, &stood));
    *ret_liftable = covered && !stood;
    return TSK_OK;
}

/* ---- the rule ---- */
enum tsk_err tsk_rule_of(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, const struct tsk_item_core *item,
                         uint64_t now, bool by_child, bool by_guardian)
{
    const struct tsk_entry *to = tsk_member_by_kid(ctx->members, tsk_case_recipient(ctx, c), 0);
    struct tsk_referral r;
    if (to == NULL)
        return TSK_E_RULE;
    TSK_TRY(tsk_case_referral(b->txn, c, &r));
    struct tsk_consent_case rule = {
        .policy = r.policy, .age_class = item->age_class, .class_until = item->class_until,
        .needs = r.needs, .needs_n = r.needs_n, .category = item->category, .recipient_type = to->org.type,
        .by_child = by_child, .by_guardian = by_guardian, .now = now,
        /* child_stop: a stop acts on every grant over its pair, so a grant that still stands is one that lifts it */
    };
    return tsk_consent_rule(&rule);
}

enum tsk_err tsk_second_organisation(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c,
                                     const struct tsk_grant *g, const struct tsk_id32 *grant_id, const struct tsk_holder *h)
{
    const struct tsk_kid *recipient = tsk_case_recipient(ctx, c);
    bool found = true;
    if (tsk_same_organisation(ctx, &h->enrolled_by, recipient) || tsk_same_organisation(ctx, &g->how_node, recipient))
        TSK_TRY(tsk_cosigned(ctx, b, grant_id, TSK_COSIGN_ORGANISATION, NULL, recipient, &found));
    return found ? TSK_OK : TSK_E_RULE;
}

/* ---- one grant over one item ---- */
static enum tsk_err has_wrap(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_case_grant *g,
                             const struct tsk_id32 *item_id)
{
    struct tsk_wraps w;
    enum tsk_err e = tsk_wraps_load(t, c, g->index, &w);
    if (e == TSK_E_UNKNOWN)
        return TSK_E_WITHDRAWN;
    TSK_TRY(e);
    for (size_t i = 0; i < w.wraps_n; i++)
        if (tsk_id32_eq(&w.wraps[i].item, item_id))
            return TSK_OK;
    return TSK_E_WITHDRAWN; /* destroyed for good: a stop that was lifted needs a new grant with new wraps */
}

/* The recipient was restored from a backup: a stop that came after this grant may be among what it has forgotten. */
static enum tsk_err not_forgotten(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_case_grant *g)
{
    bool by_peer, by_node;
    if (c->side != TSK_SIDE_RECIPIENT)
        return TSK_OK;
    TSK_TRY(tsk_inbox_forgot(b, &c->peer, g->record_no, &by_peer));
    TSK_TRY(tsk_inbox_forgot(b, &g->grant.how_node, g->record_no, &by_node));
    return by_peer || by_node ? TSK_E_FORGOTTEN : TSK_OK;
}

static enum tsk_err check_grant(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_ground *ground,
                                const struct tsk_case_item *it, const struct tsk_case_grant *g,
                                const struct tsk_code *purpose, uint64_t now, struct tsk_holder_at *ret_h)
{
    const struct tsk_case *c = ground->c;
    bool stopped, captured;
    if (g->disputed || it->disputed)
        return TSK_E_FORK;
    TSK_TRY(tsk_ground_stopped(b->txn, ground, g, &it->id, true, &stopped));
    if (stopped)
        return TSK_E_WITHDRAWN;
    if (now >= g->grant.expires)
        return TSK_E_EXPIRED;
    TSK_TRY(not_forgotten(b, c, g));
    if (purpose != NULL && !tsk_code_eq(*purpose, g->grant.purpose))
        return TSK_E_PURPOSE;
    TSK_TRY(has_wrap(b->txn, c, g, &it->id));
    TSK_TRY(tsk_holder_load(b->txn, &g->grant.holder, ret_h));
    if (ret_h->holder.state >= TSK_HOLDER_STOPPED && g->record_no > ret_h->record_no)
        return TSK_E_CARDSTOPPED; /* G7: records are numbered in the order in which they were stored */
    TSK_TRY(tsk_second_organisation(ctx, b, c, &g->grant, &g->id, &ret_h->holder));
    TSK_TRY(tsk_cosigned(ctx, b, &g->id, TSK_COSIGN_CAPTURE, &g->grant.how_node, NULL, &captured));
    return captured ? TSK_OK : TSK_E_RETRY;
}

/* ---- all grants over one item ---- */
struct look {
    struct tsk_live *live;
    enum tsk_err why;            /* of the newest grant that does not stand */
    bool covered;                /* some grant names the item */
    bool by_child, by_guardian;
};

static enum tsk_err look_at(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_ground *ground,
                            const struct tsk_code *purpose, uint64_t now, struct look *look, const struct tsk_case_grant *g)
{
    struct tsk_live *l = look->live;
    struct tsk_holder_at h = {0};
    enum tsk_err e;
    if (g->grant.state != TSK_GRANT_GIVEN || tsk_grant_covers(&g->grant, &l->item.item.core, &l->item.id) != TSK_OK)
        return TSK_OK;
    e = check_grant(ctx, b, ground, &l->item, g, purpose, now, &h);
    if (tsk_err_class(e) == TSK_CLASS_LOCAL)
        return e;
    if (e != TSK_OK)
        look->why = look->covered ? look->why : e;
    look->covered = true;
    bool same = l->grants_n == 0 || tsk_code_eq(l->grants[0].grant.purpose, g->grant.purpose);
    for (size_t i = 0; i < l->grants_n; i++)
        same = same && !tsk_kid_eq(&l->grants[i].grant.holder, &g->grant.holder); /* the newest of each holder */
    if (e != TSK_OK || !same || l->grants_n == TSK_HOLDERS_MAX)
        return TSK_OK;
    l->grants[l->grants_n++] = *g;
    *(h.holder.kind == TSK_HOLDER_CHILD ? &look->by_child : &look->by_guardian) = true;
    return TSK_OK;
}

enum tsk_err tsk_live_item(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, uint64_t index,
                           const struct tsk_code *purpose, struct tsk_live *ret_l)
{
    struct look look = {.live = ret_l, .why = TSK_E_NOTGRANTED};
    struct tsk_ground ground;
    uint64_t now;
    ret_l->grants_n = 0;
    TSK_TRY(tsk_now(ctx, b, &now));
    TSK_TRY(tsk_item_load(b->txn, c, index, &ret_l->item));
    TSK_TRY(tsk_ground_load(b->txn, c, &ground));
    for (uint64_t i = c->grants_n; i-- > 0;)
        TSK_TRY(look_at(ctx, b, &ground, purpose, now, &look, &ground.grants[i]));
    if (ret_l->grants_n == 0)
        return look.why;
    if (ret_l->item.item.core.require == TSK_ALL && ret_l->grants_n < ret_l->item.item.core.holders_n)
        return TSK_E_NOCONSENT; /* other holders are still to be asked */
    return tsk_rule_of(ctx, b, c, &ret_l->item.item.core, now, look.by_child, look.by_guardian);
}

/* ---- a category ---- */
/* `closed` lets what was granted run on after a meeting, and nothing after an end of another kind. The stop that says so
 * may be missing: the history says it as well. */
static enum tsk_err check_story(struct tsk_batch *b, const struct tsk_case *c)
{
    struct tsk_case_story *story;
    TSK_TRY(tsk_case_story(b->txn, c, &story));
    for (size_t i = 0; i < story->p.order_n; i++) {
        const struct tsk_event *e = &story->chain[story->p.order[i].side].events[story->p.order[i].index];
        if (!e->overtaken && !e->waiting && tsk_state_ended(e->after))
            return TSK_E_STATE;
    }
    return TSK_OK;
}

static enum tsk_err check_case(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c)
{
    struct tsk_case_grant g;
    bool given = false;
    uint64_t now;
    TSK_TRY(tsk_now(ctx, b, &now));
    if (ctx->members == NULL)
        return TSK_E_NOROSTER;
    if (now >= ctx->members->r.valid_until)
        return TSK_E_ROSTEREXPIRED;
    if (c->disputed)
        return TSK_E_FORK;
    if (tsk_state_ended(c->state))
        return c->state == TSK_ST_WITHDRAWN ? TSK_E_WITHDRAWN : TSK_E_STATE;
    if (c->state == TSK_ST_CLOSED)
        TSK_TRY(check_story(b, c));
    for (uint64_t i = 0; !given && i < c->grants_n; i++) {
        TSK_TRY(tsk_grant_load(b->txn, c, i, &g));
        given = g.grant.state == TSK_GRANT_GIVEN;
    }
    return given ? TSK_OK : TSK_E_NOCONSENT;
}

enum tsk_err tsk_live(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, struct tsk_code category,
                      const struct tsk_code *purpose, struct tsk_live *ret_l)
{
    enum tsk_err why = TSK_E_NOTGRANTED;
    bool looked = false;
    struct tsk_live *l = tsk_txn_alloc(b->txn, sizeof *l);
    if (l == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(check_case(ctx, b, c));
    for (uint64_t i = c->items_n; i-- > 0;) { /* the newest sealing first */
        TSK_TRY(tsk_item_load(b->txn, c, i, &l->item));
        if (!tsk_code_eq(l->item.item.core.category, category))
            continue;
        enum tsk_err e = tsk_live_item(ctx, b, c, i, purpose, l);
        if (tsk_err_class(e) == TSK_CLASS_LOCAL)
            return e;
        why = looked && e != TSK_OK ? why : e;
        looked = true;
        if (e == TSK_OK)
            break;
    }
    TSK_TRY(why);
    if (tsk_code_eq(category, tsk_code("C8"))) /* safety needs two persons, who cannot be shown yet */
        return TSK_E_TWOPERSON;
    *ret_l = *l;
    return TSK_OK;
}
