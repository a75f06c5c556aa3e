/* verb_consent.c - the terminal's two questions: what is there to consent to, and here is what the family signed.
 * Card, PIN and content stay at the terminal; the daemon gives ciphertext and takes signatures. */
#include <string.h>

#include "node/desk/handle.h"
#include "node/desk/verb_util.h"

/* ---- begin ---- */
static const struct tsk_jfield begin_fields[] = {{"referral", TSK_J_ID16, false}, {"card_id", TSK_J_ID16, false}};

/* The holders of this card on this referral: one, or none for a card that has no part in it. */
static enum tsk_err holder_of_card(struct tsk_call *call, const struct tsk_case *c, struct tsk_holder_at *ret_h)
{
    struct tsk_id16 card;
    tsk_json_bytes(call->in, "card_id", card.b, sizeof card.b);
    for (size_t i = 0; i < c->holders_n; i++) {
        struct tsk_holder_at h;
        TSK_TRY(tsk_holder_load(call->b->txn, &c->holders[i], &h));
        if (memcmp(h.card.b, card.b, sizeof card.b) != 0)
            continue;
        *ret_h = h;
        return h.stopped_at != 0 ? TSK_E_CARDSTOPPED : TSK_OK;
    }
    return TSK_E_WRONGHOLDER;
}

/* What a grant of this holder may be for: its items, and the stops over each that the grant has to name. */
struct offer { const struct tsk_case *c; const struct tsk_kid *kid; struct tsk_stop *stops; size_t stops_n; json_t *list; };

static enum tsk_err put_lifts(struct tsk_call *call, const struct offer *of, const struct tsk_id32 *item_id, json_t *o)
{
    json_t *list = json_array();
    tsk_json_put(o, "lifts", list);
    for (size_t i = 0; i < of->stops_n; i++) {
        bool liftable;
        TSK_TRY(tsk_stop_liftable(call->b->txn, of->c, &of->stops[i], of->kid, item_id, &liftable));
        if (liftable)
            tsk_json_add(list, tsk_json_hex(of->stops[i].id.b, sizeof of->stops[i].id.b));
    }
    return TSK_OK;
}

static enum tsk_err add_item(struct tsk_call *call, const struct offer *of, const struct tsk_case_item *item)
{
    struct tsk_stored r;
    struct tsk_slice ct;
    enum tsk_err e = tsk_item_ct(call->b->txn, of->c, item->index, &ct);
    if (e == TSK_E_UNKNOWN)
        return TSK_OK; /* destroyed: nothing left to consent to */
    TSK_TRY(e);
    TSK_TRY(tsk_record_get(call->b->txn, item->record_no, &r));
    json_t *o = json_object();
    tsk_json_add(of->list, o);
    tsk_json_put_hex(o, "record", r.bytes.p, r.bytes.n);
    tsk_json_put_hex(o, "ct", ct.p, ct.n);
    tsk_json_put_code(o, "category", item->item.core.category);
    tsk_json_put(o, "categories", tsk_codes_json(&item->item.core.category, 1));
    return put_lifts(call, of, &item->id, o);
}

static enum tsk_err put_items(struct tsk_call *call, const struct tsk_case *c, const struct tsk_kid *kid)
{
    struct offer of = {.c = c, .kid = kid, .list = json_array()};
    tsk_json_put(call->out, "items", of.list);
    TSK_TRY(tsk_case_stops(call->b->txn, c, &of.stops, &of.stops_n));
    for (uint64_t i = 0; i < c->items_n; i++) {
        struct tsk_case_item item;
        TSK_TRY(tsk_item_load(call->b->txn, c, i, &item));
        if (tsk_item_holds(&item.item.core, kid) && !item.disputed)
            TSK_TRY(add_item(call, &of, &item));
    }
    return TSK_OK;
}

static void put_recipient(struct tsk_call *call, const struct tsk_entry *e, uint64_t now)
{
    const struct tsk_seal_key *key = tsk_member_seal_key(e, now);
    json_t *o = json_object(), *seal = json_object();
    tsk_json_put_num(seal, "year", key->year);
    tsk_json_put_hex(seal, "id8", key->id8, sizeof key->id8);
    tsk_json_put_hex(seal, "pk", key->pk.b, sizeof key->pk.b);
    tsk_json_put_text(o, "partner", e->m.partner);
    tsk_json_put_slice(o, "name", e->org.name);
    tsk_json_put_code(o, "type", e->org.type);
    tsk_json_put_hex(o, "kid", e->m.kid.b, sizeof e->m.kid.b);
    tsk_json_put(o, "seal", seal);
    tsk_json_put(call->out, "recipient", o);
}

static void put_holder(struct tsk_call *call, const struct tsk_holder_at *h)
{
    json_t *o = json_object(), *list = json_array();
    tsk_json_put_hex(o, "kid", h->kid.b, sizeof h->kid.b);
    tsk_json_put_hex(o, "tweak", h->tweak.b, sizeof h->tweak.b);
    tsk_json_put_text(o, "kind", h->holder.kind == TSK_HOLDER_CHILD ? "child" : "guardian");
    tsk_json_add(list, o);
    tsk_json_put(call->out, "holders", list);
}

static void put_notices(struct tsk_call *call)
{
    struct tsk_seq seq = call->ctx->members->r.notices;
    struct tsk_slice hash;
    json_t *list = json_array();
    tsk_json_put(call->out, "notices_ok", list);
    while (tsk_seq_next_bytes(&seq, &hash))
        tsk_json_add(list, tsk_json_hex(hash.p, hash.n));
}

static enum tsk_err put_granted(struct tsk_call *call, const struct tsk_case *c, const struct tsk_kid *kid, uint64_t now)
{
    json_t *list = json_array();
    tsk_json_put(call->out, "granted", list);
    for (uint64_t i = 0; i < c->grants_n; i++) {
        struct tsk_case_grant g;
        const char *state;
        TSK_TRY(tsk_grant_load(call->b->txn, c, i, &g));
        TSK_TRY(tsk_grant_state(call, c, &g, now, &state));
        if (strcmp(state, "live") != 0 || memcmp(g.grant.holder.b, kid->b, sizeof kid->b) != 0)
            continue;
        for (size_t k = 0; k < g.grant.items_n; k++)
            tsk_json_add(list, json_string(g.grant.items[k].category.s));
    }
    return TSK_OK;
}

/* An expired roster stops new grants, but nobody is kept from looking, or from saying no. */
static enum tsk_err begin_check(struct tsk_call *call, const struct tsk_case *c)
{
    if (tsk_state_ended(c->state) || tsk_state_final(c->state))
        return tsk_call_fail(call, TSK_E_STATE, tsk_state_name(c->state));
    return TSK_OK;
}

enum tsk_err tsk_verb_consent_begin(struct tsk_call *call)
{
    struct tsk_case c;
    struct tsk_holder_at h = {0};
    struct tsk_stored r;
    uint64_t now;
    TSK_TRY(TSK_CALL_FIELDS(call, begin_fields));
    TSK_TRY(tsk_call_case_of(call, TSK_SIDE_SENDER, &c));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    TSK_TRY(holder_of_card(call, &c, &h));
    TSK_TRY(begin_check(call, &c));
    const struct tsk_entry *to = tsk_member_by_kid(call->ctx->members, &c.peer, now);
    if (to == NULL)
        return tsk_call_fail(call, TSK_E_UNKNOWNPEER, tsk_partner_of(call->ctx, &c.peer));
    TSK_TRY(tsk_record_get(call->b->txn, c.record_no, &r));
    tsk_json_put_hex(call->out, "referral_record", r.bytes.p, r.bytes.n);
    tsk_json_put_hex(call->out, "referral_id32", c.ref.b, sizeof c.ref.b);
    tsk_json_put_hex(call->out, "sender", tsk_self(call->ctx)->b, sizeof tsk_self(call->ctx)->b);
    tsk_json_put_num(call->out, "age_class", c.age_class);
    tsk_json_put_num(call->out, "class_until", c.class_until);
    tsk_json_put_num(call->out, "age_18", c.age_18);
    tsk_json_put_text(call->out, "require", c.require == TSK_ALL ? "all" : "any");
    tsk_json_put_num(call->out, "now", now);
    put_recipient(call, to, now);
    put_holder(call, &h);
    put_notices(call);
    TSK_TRY(put_items(call, &c, &h.kid));
    return put_granted(call, &c, &h.kid, now);
}

/* ---- put ---- */
static const struct tsk_jfield put_fields[] = {
    {"grant", TSK_J_HEX, false}, {"wraps", TSK_J_HEX, true}, {"withdraws", TSK_J_HEXES, true}, {"also", TSK_J_LIST, true}};
#define MORE_FIELDS_N (TSK_FIELDS_N(put_fields) - 1) /* in `also` there is no further one */

static enum tsk_err record_in(struct tsk_call *call, const char *hex, enum tsk_rec want, struct tsk_slice *ret_bytes,
                              struct tsk_envelope *ret_env)
{
    struct tsk_slice bytes;
    if (hex == NULL || strlen(hex) > 2 * TSK_RECORD_MAX)
        return TSK_E_LIMIT;
    TSK_TRY(tsk_json_unhex(call->b->txn, hex, &bytes));
    TSK_TRY(tsk_cose_parse(bytes, ret_env));
    *ret_bytes = bytes;
    return ret_env->rec == want ? TSK_OK : TSK_E_WRONGTYPE;
}

/* The grant must be for a referral that this node sent: consent is captured at the sender's. */
static enum tsk_err grant_in(struct tsk_call *call, const json_t *in, struct tsk_slice *ret_bytes, struct tsk_grant *ret_g,
                             struct tsk_case *ret_c)
{
    struct tsk_envelope env;
    TSK_TRY(record_in(call, tsk_json_text(in, "grant"), TSK_REC_GRANT, ret_bytes, &env));
    TSK_TRY(tsk_rec_decode(TSK_REC_GRANT, env.payload, ret_g));
    TSK_TRY(tsk_case_by_ref(call->b->txn, &ret_g->referral, ret_c));
    return ret_c->side == TSK_SIDE_SENDER ? TSK_OK : TSK_E_FORBIDDEN;
}

static enum tsk_err bring_grant(struct tsk_call *call, const json_t *in, struct tsk_slice grant)
{
    struct tsk_inner inner = {0};
    struct tsk_slice wraps;
    struct tsk_id32 id;
    TSK_TRY(tsk_json_unhex(call->b->txn, tsk_json_text(in, "wraps"), &wraps));
    TSK_TRY(tsk_seq_of(call->b->txn, &wraps, wraps.n > 0 ? 1 : 0, &inner.wraps));
    return tsk_bring(call->ctx, call->b, grant, &inner, &id);
}

static enum tsk_err bring_withdraws(struct tsk_call *call, const json_t *in)
{
    const json_t *list = json_object_get(in, "withdraws");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct tsk_slice bytes;
        struct tsk_envelope env;
        struct tsk_id32 id;
        TSK_TRY(record_in(call, json_string_value(json_array_get(list, i)), TSK_REC_WITHDRAW, &bytes, &env));
        TSK_TRY(tsk_bring(call->ctx, call->b, bytes, NULL, &id));
    }
    return TSK_OK;
}

/* There is nobody to give it to where the token itself was refused. */
static enum tsk_err give_check(struct tsk_call *call, const struct tsk_case *c, uint64_t now)
{
    uint64_t refused;
    TSK_TRY(tsk_refusal_get(call->b->txn, c->no, c->record_no, &refused));
    if (refused != 0)
        return tsk_call_fail(call, TSK_E_STATE, tsk_partner_of(call->ctx, &c->peer));
    return tsk_call_roster_fresh(call, now);
}

static enum tsk_err put_one(struct tsk_call *call, const json_t *in, struct tsk_id16 *ret_id)
{
    struct tsk_slice grant;
    struct tsk_grant g;
    struct tsk_case c;
    uint64_t now;
    TSK_TRY(grant_in(call, in, &grant, &g, &c));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    TSK_TRY(begin_check(call, &c));
    if (g.state == TSK_GRANT_GIVEN)
        TSK_TRY(give_check(call, &c, now));
    TSK_TRY(bring_grant(call, in, grant));
    TSK_TRY(bring_withdraws(call, in));
    *ret_id = g.id;
    return TSK_OK;
}

/* `also`: the other cards at the same table. Should one be refused, the dispatcher undoes them all. */
enum tsk_err tsk_verb_consent_put(struct tsk_call *call)
{
    struct tsk_id16 ids[TSK_HOLDERS_MAX];
    struct tsk_case c = {0};
    struct tsk_case_grant stored;
    bool released = true;
    TSK_TRY(TSK_CALL_FIELDS(call, put_fields));
    json_t *also = json_object_get(call->in, "also");
    size_t n = 1 + json_array_size(also);
    if (n > TSK_HOLDERS_MAX)
        return tsk_call_fail(call, TSK_E_LIMIT, "also");
    TSK_TRY(put_one(call, call->in, &ids[0]));
    for (size_t i = 1; i < n; i++) {
        TSK_TRY(tsk_json_fields(json_array_get(also, i - 1), put_fields, MORE_FIELDS_N, call->what));
        TSK_TRY(put_one(call, json_array_get(also, i - 1), &ids[i]));
    }
    for (size_t i = 0; i < n; i++) {
        TSK_TRY(tsk_grant_by_id(call->b->txn, &ids[i], &c, &stored));
        released = released && stored.sent;
    }
    tsk_json_put_hex(call->out, "grant", ids[0].b, sizeof ids[0].b);
    tsk_json_put_flag(call->out, "released", released);
    tsk_json_put_text(call->out, "state", tsk_state_name(c.state));
    return TSK_OK;
}
