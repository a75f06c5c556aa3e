/* settle.c - after any change on a case: its summary anew, and what this node's machine has to say by itself. */
#include "node/desk/handle.h"

const struct tsk_kid *tsk_case_sender(const struct tsk_ctx *ctx, const struct tsk_case *c)
{
    return c->side == TSK_SIDE_SENDER ? tsk_self(ctx) : &c->peer;
}

const struct tsk_kid *tsk_case_recipient(const struct tsk_ctx *ctx, const struct tsk_case *c)
{
    return c->side == TSK_SIDE_RECIPIENT ? tsk_self(ctx) : &c->peer;
}

/* ---- what the family has said ---- */
struct tally { size_t standing, stopped; };

static void add_category(struct tsk_case *c, struct tsk_code category)
{
    for (size_t i = 0; i < c->granted_n; i++)
        if (tsk_code_eq(c->granted[i], category))
            return;
    if (c->granted_n < TSK_ITEMS_MAX)
        c->granted[c->granted_n++] = category;
}

static enum tsk_err count_grant(struct tsk_batch *b, struct tsk_case *c, const struct tsk_ground *ground,
                                const struct tsk_case_grant *g, struct tally *tally)
{
    size_t open = 0;
    uint64_t code;
    if (g->grant.state != TSK_GRANT_GIVEN || g->disputed)
        return TSK_OK;
    TSK_TRY(tsk_refusal_get(b->txn, c->no, g->record_no, &code));
    if (code != 0) /* the other agency has not got it */
        return TSK_OK;
    for (size_t i = 0; i < g->grant.items_n; i++) {
        bool stopped;
        TSK_TRY(tsk_ground_stopped(b->txn, ground, g, &g->grant.items[i].item, false, &stopped));
        if (!stopped)
            add_category(c, g->grant.items[i].category);
        open += !stopped;
    }
    if (open > 0 && g->grant.expires > c->consent_until)
        c->consent_until = g->grant.expires;
    if (g->grant.expires > b->now)
        *(open > 0 ? &tally->standing : &tally->stopped) += 1;
    return TSK_OK;
}

/* Has this holder refused the item, and not granted since? A grant that stands is counted elsewhere. */
static enum tsk_err refused_by(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_kid *holder,
                               const struct tsk_id32 *item, bool *ret_refused)
{
    struct tsk_case_grant g;
    bool refused = false;
    for (uint64_t i = 0; i < c->grants_n; i++) {
        TSK_TRY(tsk_grant_load(b->txn, c, i, &g));
        for (size_t j = 0; j < g.grant.items_n && tsk_kid_eq(&g.grant.holder, holder); j++)
            if (tsk_id32_eq(&g.grant.items[j].item, item))
                refused = g.grant.state == TSK_GRANT_REFUSED;
    }
    *ret_refused = refused;
    return TSK_OK;
}

static enum tsk_err refused_by_all(struct tsk_batch *b, const struct tsk_case *c, bool *ret_refused)
{
    struct tsk_case_item item;
    bool refused = c->items_n > 0 && c->grants_n > 0;
    for (uint64_t i = 0; refused && i < c->items_n; i++) {
        TSK_TRY(tsk_item_load(b->txn, c, i, &item));
        for (size_t j = 0; refused && j < item.item.core.holders_n; j++)
            TSK_TRY(refused_by(b, c, &item.item.core.holders[j], &item.id, &refused));
    }
    *ret_refused = refused;
    return TSK_OK;
}

static enum tsk_err all_sent(struct tsk_batch *b, const struct tsk_case *c, bool *ret_all)
{
    struct tsk_item_at row = {0};
    bool all = true;
    for (uint64_t i = 0; i < c->items_n; i++) {
        struct tsk_rowkey k = tsk_row_at(TSK_T_ITEM, c->no, i);
        TSK_TRY(tsk_row_load(b->txn, &k, &tsk_shape_item_row, &row));
        all = all && row.sent;
    }
    *ret_all = all;
    return TSK_OK;
}

static enum tsk_err sum_up_consent(struct tsk_batch *b, struct tsk_case *c)
{
    struct tally tally = {0};
    struct tsk_ground ground;
    bool yes = true;
    c->consent_until = 0;
    c->granted_n = 0;
    TSK_TRY(tsk_ground_load(b->txn, c, &ground));
    for (uint64_t i = 0; i < c->grants_n; i++)
        TSK_TRY(count_grant(b, c, &ground, &ground.grants[i], &tally));
    if (tally.standing > 0) {
        if (c->side == TSK_SIDE_SENDER)
            TSK_TRY(all_sent(b, c, &yes));
        c->consent = yes ? TSK_CONSENT_GIVEN : TSK_CONSENT_PARTLY;
    } else if (tally.stopped > 0) {
        c->consent = TSK_CONSENT_STOPPED;
    } else {
        TSK_TRY(refused_by_all(b, c, &yes));
        c->consent = yes ? TSK_CONSENT_REFUSED
                     : c->side == TSK_SIDE_SENDER && c->items_n > 0 ? TSK_CONSENT_WAIT : TSK_CONSENT_NONE;
    }
    return TSK_OK;
}

/* A held referral has not left: what it waits for is the sender's own affair. */
static void sum_up_state(struct tsk_case *c, const struct tsk_progress *p)
{
    c->state = p->state;
    c->token = p->token;
    c->duty = p->duty;
    c->handed = p->handed;
    c->waits_handed = p->waits_handed;
    if (c->hold && !c->sent && p->state == TSK_ST_QUEUED)
        c->state = c->consent == TSK_CONSENT_REFUSED ? TSK_ST_CONSENT_NO : TSK_ST_CONSENT_WAIT;
}

/* ---- what follows ---- */
/* Content has gone, and the last grant that stood was stopped. Before content has gone a stop is as silent as a refusal. */
static bool is_over(const struct tsk_case *c)
{
    return c->consent == TSK_CONSENT_STOPPED && c->released;
}

/* Our newest word has not taken effect yet: saying more before it has would not help. */
static bool waits(const struct tsk_chain *own)
{
    return own->n > 0 && own->events[own->n - 1].waiting;
}

static enum tsk_err say_what_follows(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c,
                                     const struct tsk_case_story *story)
{
    struct tsk_status s = {0};
    struct tsk_id32 id;
    const struct tsk_progress *p = &story->p;
    if (c->disputed || story->chain[c->side].fork || waits(&story->chain[c->side]))
        return TSK_OK;
    if (is_over(c) && p->token == c->side && tsk_progress_may(p, c->side, TSK_ST_WITHDRAWN) == TSK_OK)
        s.state = TSK_ST_WITHDRAWN;
    else if (!is_over(c) && c->side == TSK_SIDE_SENDER && tsk_progress_may(p, c->side, TSK_ST_HANDED) == TSK_OK)
        s.state = TSK_ST_HANDED;
    return s.state == TSK_ST_NONE ? TSK_OK : tsk_say(ctx, b, c, &s, &id);
}

enum tsk_err tsk_settle(struct tsk_ctx *ctx, struct tsk_batch *b, uint64_t case_no)
{
    struct tsk_case c;
    struct tsk_case_story *story;
    TSK_TRY(tsk_case_load(b->txn, case_no, &c));
    enum tsk_state before = c.state;
    TSK_TRY(tsk_case_story(b->txn, &c, &story));
    TSK_TRY(sum_up_consent(b, &c));
    sum_up_state(&c, &story->p);
    c.updated_at = b->now;
    TSK_TRY(tsk_case_save(b->txn, &c));
    /* Whoever sees a referral end stops all of it in the same transaction, so that no late grant revives it. Not only the
     * author of the status does: one that waited for `handed` takes effect when the other side speaks. */
    if (tsk_state_ended(c.state) && !tsk_state_ended(before))
        TSK_TRY(tsk_stop_ended(ctx, b, &c));
    return say_what_follows(ctx, b, &c, story);
}
