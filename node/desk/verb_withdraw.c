/* verb_withdraw.c - a grant as it stands, and stopping it: with the card, with the code of the receipt, or by any member
 * of staff at either side. Stopping is easier than starting: no state of the referral, no expired roster, no missing
 * contact refuses it. */
#include <string.h>

#include "crypto/card.h"
#include "node/desk/verb_util.h"

static enum tsk_err grant_of(struct tsk_call *call, struct tsk_case *ret_c, struct tsk_case_grant *ret_g)
{
    struct tsk_id16 id;
    tsk_json_bytes(call->in, "grant", id.b, sizeof id.b);
    enum tsk_err e = tsk_grant_by_id(call->b->txn, &id, ret_c, ret_g);
    return e == TSK_E_UNKNOWN ? tsk_call_fail(call, e, tsk_json_text(call->in, "grant")) : e;
}

/* ---- grant_info ---- */
static const struct tsk_jfield info_fields[] = {{"grant", TSK_J_ID16, false}};

enum tsk_err tsk_verb_grant_info(struct tsk_call *call)
{
    static const struct tsk_id16 none;
    struct tsk_case c;
    struct tsk_case_grant g;
    struct tsk_stored r;
    struct tsk_holder_at h = {0};
    uint64_t now;
    const char *state;
    TSK_TRY(TSK_CALL_FIELDS(call, info_fields));
    TSK_TRY(grant_of(call, &c, &g));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    TSK_TRY(tsk_record_get(call->b->txn, g.record_no, &r));
    TSK_TRY(tsk_grant_state(call, &c, &g, now, &state));
    enum tsk_err e = tsk_holder_load(call->b->txn, &g.grant.holder, &h);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    json_t *categories = json_array();
    for (size_t i = 0; i < g.grant.items_n; i++)
        tsk_json_add(categories, json_string(g.grant.items[i].category.s));
    tsk_json_put_hex(call->out, "record", r.bytes.p, r.bytes.n);
    tsk_json_put_hex(call->out, "grant_id32", g.id.b, sizeof g.id.b);
    tsk_json_put_hex(call->out, "referral", c.id.b, sizeof c.id.b);
    tsk_json_put_hex(call->out, "holder", g.grant.holder.b, sizeof g.grant.holder.b);
    if (memcmp(h.card.b, none.b, sizeof none.b) != 0) /* a tweak leaves for a terminal of the node where the card is at home */
        tsk_json_put_hex(call->out, "tweak", h.tweak.b, sizeof h.tweak.b);
    tsk_json_put(call->out, "categories", categories);
    tsk_json_put_text(call->out, "recipient", tsk_partner_of(call->ctx, &g.grant.recipient));
    tsk_json_put_text(call->out, "sender", tsk_partner_of(call->ctx, &g.grant.sender));
    tsk_json_put_text(call->out, "state", state);
    tsk_json_put_num(call->out, "now", now);
    return TSK_OK;
}

/* ---- withdraw ---- */
static enum tsk_err lifted_by_none(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_stop *s, bool *ret_none)
{
    struct tsk_case_grant g;
    bool lifted = false;
    for (uint64_t i = 0; !lifted && i < c->grants_n; i++) {
        TSK_TRY(tsk_grant_load(t, c, i, &g));
        for (size_t k = 0; k < g.grant.lifts_n; k++)
            lifted = lifted || memcmp(g.grant.lifts[k].b, s->id.b, sizeof s->id.b) == 0;
    }
    *ret_none = !lifted;
    return TSK_OK;
}

static const struct tsk_jfield fields[] = {
    {"grant", TSK_J_ID16, false}, {"record", TSK_J_HEX, true}, {"code", TSK_J_TEXT, true}, {"reason", TSK_J_NOTE, true},
    {"for", TSK_J_TEXT, true}};

static enum tsk_err by_record(struct tsk_call *call, const struct tsk_case_grant *g, struct tsk_withdraw *ret_w)
{
    struct tsk_slice bytes;
    struct tsk_envelope env;
    struct tsk_id32 id;
    TSK_TRY(tsk_json_unhex(call->b->txn, tsk_json_text(call->in, "record"), &bytes));
    TSK_TRY(tsk_cose_parse(bytes, &env));
    if (env.rec != TSK_REC_WITHDRAW)
        return TSK_E_WRONGTYPE;
    TSK_TRY(tsk_rec_decode(TSK_REC_WITHDRAW, env.payload, ret_w));
    bool this_grant = ret_w->form == TSK_STOP_GRANT && memcmp(ret_w->target.b, g->id.b, sizeof g->id.b) == 0;
    bool its_holder = ret_w->form == TSK_STOP_HOLDER &&
                      memcmp(ret_w->target.b, g->grant.holder.b, sizeof g->grant.holder.b) == 0;
    if (!this_grant && !its_holder)
        return tsk_call_fail(call, TSK_E_USAGE, "record");
    return tsk_bring(call->ctx, call->b, bytes, NULL, &id);
}

static enum tsk_err author(struct tsk_call *call, const struct tsk_case_grant *g, struct tsk_withdraw *w,
                           struct tsk_id32 *ret_id)
{
    tsk_random(w->id.b, sizeof w->id.b);
    w->form = TSK_STOP_GRANT;
    w->target = g->id;
    TSK_TRY(tsk_now(call->ctx, call->b, &w->time));
    return tsk_author(call->ctx, call->b, TSK_REC_WITHDRAW, w, NULL, ret_id);
}

/* A stop of this grant, by the same kind of author and for the same holder, that stands over all that it was given for: one
 * more would change nothing, and each costs whoever says yes again a line. One that some grant has lifted since does not
 * count. */
static enum tsk_err stop_again(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g,
                               const struct tsk_withdraw *w, bool *ret_again, struct tsk_stop *ret_s)
{
    struct tsk_stop *stops;
    size_t n;
    bool again = false;
    TSK_TRY(tsk_case_stops(call->b->txn, c, &stops, &n));
    for (size_t i = 0; !again && i < n; i++) {
        if (stops[i].w.form != TSK_STOP_GRANT || stops[i].w.by != w->by ||
            memcmp(stops[i].w.target.b, g->id.b, sizeof g->id.b) != 0 ||
            (w->has_behalf && !tsk_kid_eq(&stops[i].w.behalf, &w->behalf)))
            continue;
        TSK_TRY(lifted_by_none(call->b->txn, c, &stops[i], &again));
        *ret_s = stops[i];
    }
    *ret_again = again;
    return TSK_OK;
}

/* Whether it is this grant's code is the handler's question, as for a stop that comes from elsewhere. */
static enum tsk_err by_code(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g,
                            struct tsk_withdraw *w)
{
    struct tsk_id32 id;
    struct tsk_stop before;
    uint8_t hash[32];
    bool again;
    w->by = TSK_BY_CODE;
    if (tsk_wd_code_parse(tsk_json_text(call->in, "code"), w->code) != TSK_OK)
        return TSK_E_WRONGCODE;
    TSK_TRY(tsk_wd_hash(&g->grant.id, w->code, hash));
    TSK_TRY(stop_again(call, c, g, w, &again, &before));
    if (!again || !tsk_equal(hash, g->grant.code_hash, sizeof hash))
        return author(call, g, w, &id);
    w->id = before.w.id;
    return TSK_OK;
}

/* A holder of this kind of one of the grant's items. Not every card's kind is known at the recipient: one that is not may be
 * the child's. */
static enum tsk_err holder_of_kind(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g,
                                   uint64_t kind, struct tsk_kid *ret_kid)
{
    bool found = false;
    for (size_t i = 0; i < g->grant.items_n && !found; i++) {
        struct tsk_place at = {0};
        struct tsk_case_item it;
        TSK_TRY(tsk_item_find(call->b->txn, &g->grant.items[i].item, &at));
        TSK_TRY(tsk_item_load(call->b->txn, c, at.index, &it));
        for (size_t k = 0; k < it.item.core.holders_n && !found; k++) {
            struct tsk_holder_at h = {0};
            enum tsk_err e = tsk_holder_load(call->b->txn, &it.item.core.holders[k], &h);
            if (e != TSK_OK && e != TSK_E_UNKNOWN)
                return e;
            found = e == TSK_OK && h.holder.kind == kind;
            if (found || (e == TSK_E_UNKNOWN && kind == TSK_HOLDER_CHILD))
                *ret_kid = it.item.core.holders[k];
        }
    }
    return TSK_OK;
}

/* A child of the first age class decides nothing alone: its stop could be lifted by nobody. */
static enum tsk_err child_decides(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g,
                                  bool *ret_yes)
{
    struct tsk_place at = {0};
    struct tsk_case_item it;
    *ret_yes = false;
    if (g->grant.items_n == 0)
        return TSK_OK;
    TSK_TRY(tsk_item_find(call->b->txn, &g->grant.items[0].item, &at));
    TSK_TRY(tsk_item_load(call->b->txn, c, at.index, &it));
    *ret_yes = it.item.core.age_class > 1;
    return TSK_OK;
}

/* For whom staff stops it decides who may lift it: a child's stop only the child. Where nobody said so it is the child's, if
 * it is of an age to decide, so that a guardian cannot undo what a child asked for by telephone; else the grant's holder's. */
static enum tsk_err stopped_for(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g,
                                struct tsk_kid *ret_kid)
{
    bool said = tsk_json_has(call->in, "for"), decides;
    const char *who = said ? tsk_json_text(call->in, "for") : "child";
    struct tsk_holder_at h;
    bool child = strcmp(who, "child") == 0;
    uint64_t kind = child ? TSK_HOLDER_CHILD : TSK_HOLDER_GUARDIAN;
    if (!child && strcmp(who, "guardian") != 0)
        return tsk_call_fail(call, TSK_E_USAGE, "for");
    *ret_kid = g->grant.holder;
    TSK_TRY(child_decides(call, c, g, &decides));
    if (!said && !decides)
        return TSK_OK;
    TSK_TRY(tsk_holder_load(call->b->txn, ret_kid, &h));
    return h.holder.kind == kind ? TSK_OK : holder_of_kind(call, c, g, kind, ret_kid);
}

/* What was said stays here, sealed; a code travels. A reason that is a code of the list is that code, any other is S6
 * (other): a stop is never refused for its reason, and no reason that nobody gave is signed. Words are always kept, with a
 * stop of their own. */
static enum tsk_err by_staff(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g,
                             struct tsk_withdraw *w)
{
    char reason[TSK_JSON_TEXT_MAX + 1];
    tsk_text_cut(reason, sizeof reason, tsk_json_text(call->in, "reason"));
    /* S9 is what the node says when a referral ends; of a person it is a word like any other. */
    bool is_code = tsk_code_find(TSK_LIST_STOP_REASON, reason) != NULL && strcmp(reason, "S9") != 0;
    struct tsk_id32 id;
    struct tsk_stored r;
    struct tsk_stop before;
    bool again;
    w->by = TSK_BY_STAFF;
    w->reason = tsk_code(is_code ? reason : "S6");
    w->staff = call->staff;
    w->has_behalf = true;
    TSK_TRY(stopped_for(call, c, g, &w->behalf));
    TSK_TRY(stop_again(call, c, g, w, &again, &before));
    if (again && is_code) {
        w->id = before.w.id;
        return TSK_OK;
    }
    TSK_TRY(author(call, g, w, &id));
    if (is_code)
        return TSK_OK;
    TSK_TRY(tsk_record_find(call->b->txn, &id, &r));
    return tsk_note_put(call->b->txn, r.no, reason);
}

enum tsk_err tsk_verb_withdraw(struct tsk_call *call)
{
    struct tsk_case c;
    struct tsk_case_grant g;
    struct tsk_withdraw w = {0};
    TSK_TRY(TSK_CALL_FIELDS(call, fields));
    if (tsk_json_has(call->in, "record") + tsk_json_has(call->in, "code") + tsk_json_has(call->in, "reason") != 1)
        return tsk_call_fail(call, TSK_E_USAGE, "record, code, reason");
    if (tsk_json_has(call->in, "for") && !tsk_json_has(call->in, "reason")) /* a card, or a code, says itself whose it is */
        return tsk_call_fail(call, TSK_E_USAGE, "for");
    TSK_TRY(grant_of(call, &c, &g));
    if (tsk_json_has(call->in, "record"))
        TSK_TRY(by_record(call, &g, &w));
    else if (tsk_json_has(call->in, "code"))
        TSK_TRY(by_code(call, &c, &g, &w));
    else
        TSK_TRY(by_staff(call, &c, &g, &w));
    tsk_json_put_hex(call->out, "withdraw", w.id.b, sizeof w.id.b);
    tsk_json_put_hex(call->out, "grant", g.grant.id.b, sizeof g.grant.id.b);
    tsk_json_put_text(call->out, "state", c.side == TSK_SIDE_RECIPIENT ? "effective" : "accepted_here");
    return TSK_OK;
}
