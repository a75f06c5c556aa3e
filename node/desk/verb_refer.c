/* verb_refer.c - a new referral, and a re-route: the same request to another agency. */
#include <string.h>

#include "crypto/hash.h"
#include "node/desk/verb_refer.h"

static const struct tsk_jfield refer_fields[] = {
    {"to", TSK_J_TEXT, false},     {"needs", TSK_J_CODES, false},    {"age_band", TSK_J_CODE, false},
    {"ward", TSK_J_CODE, false},   {"holders", TSK_J_ID16S, false},  {"birth", TSK_J_TEXT, false},
    {"details", TSK_J_LIST, true}, {"urgency", TSK_J_CODE, true},    {"require", TSK_J_TEXT, true},
    {"hold", TSK_J_BOOL, true}};
static const struct tsk_jfield reroute_fields[] = {
    {"referral", TSK_J_ID16, false}, {"to", TSK_J_TEXT, false}, {"holders", TSK_J_ID16S, true},
    {"details", TSK_J_LIST, true},   {"hold", TSK_J_BOOL, true}};

/* The cards that the request names; 0 and the caller's own choice if it names none. */
static size_t cards_in(const struct tsk_call *call, struct tsk_id16 ret_cards[TSK_JSON_LIST_MAX])
{
    const json_t *list = json_object_get(call->in, "holders");
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++)
        if (tsk_unhex(json_string_value(json_array_get(list, i)), ret_cards[i].b, sizeof ret_cards[i].b) != TSK_OK)
            return 0;
    return n;
}

static void answer(const struct tsk_call *call, const struct tsk_plan *p, const struct tsk_case *c)
{
    tsk_json_put_num(call->out, "reply_by", p->referral.reply_by);
    tsk_json_put_text(call->out, "urgency", p->referral.urgency.s);
    tsk_json_put_hex(call->out, "referral", c->id.b, sizeof c->id.b);
    tsk_json_put_text(call->out, "state", tsk_state_name(c->state));
    tsk_json_put_flag(call->out, "outside_district", c->outside_district);
}

enum tsk_err tsk_verb_refer(struct tsk_call *call)
{
    TSK_PLAN p = {0};
    struct tsk_id16 cards[TSK_JSON_LIST_MAX] = {{{0}}};
    struct tsk_case c;
    TSK_TRY(TSK_CALL_FIELDS(call, refer_fields));
    TSK_TRY(tsk_now(call->ctx, call->b, &p.now));
    TSK_TRY(tsk_plan_to(call, &p));
    TSK_TRY(tsk_plan_codes(call, &p));
    TSK_TRY(tsk_plan_birth(call, tsk_json_text(call->in, "birth"), p.now, &p));
    TSK_TRY(tsk_plan_holders(call, cards, cards_in(call, cards), &p));
    TSK_TRY(tsk_plan_details(call, &p));
    TSK_TRY(tsk_plan_duplicate(call, &p));
    tsk_random(p.referral.link.b, sizeof p.referral.link.b);
    TSK_TRY(tsk_plan_make(call, &p, &c));
    answer(call, &p, &c);
    return TSK_OK;
}

/* ---- re-route ---- */
static bool may_reroute(enum tsk_state s)
{
    return s == TSK_ST_DECLINED || s == TSK_ST_RECALLED || s == TSK_ST_EXPIRED;
}

/* The same cards, under fresh holders: the new agency must not be able to tell that it is the same family. */
static enum tsk_err cards_of(struct tsk_call *call, const struct tsk_case *old, struct tsk_id16 *ret_cards, size_t *ret_n)
{
    for (size_t i = 0; i < old->holders_n; i++) {
        struct tsk_holder_at h;
        TSK_TRY(tsk_holder_load(call->b->txn, &old->holders[i], &h));
        ret_cards[i] = h.card;
    }
    *ret_n = old->holders_n;
    return TSK_OK;
}

static enum tsk_err take_over(struct tsk_call *call, const struct tsk_case *old, struct tsk_plan *p)
{
    struct tsk_referral r;
    TSK_TRY(tsk_case_referral(call->b->txn, old, &r));
    p->referral.needs_n = r.needs_n;
    memcpy(p->referral.needs, r.needs, sizeof r.needs);
    p->referral.urgency = r.urgency;
    p->referral.age_band = r.age_band;
    p->referral.ward = r.ward;
    p->require = old->require;
    p->hold = tsk_json_flag(call->in, "hold");
    tsk_random(p->salt.b, sizeof p->salt.b);
    return tsk_sha256((struct tsk_slice[]){TSK_CTX_LINK, TSK_SLICE(p->salt.b), TSK_SLICE(old->ref.b)}, 3,
                      p->referral.link.b);
}

static enum tsk_err say_rerouted(struct tsk_call *call, const struct tsk_case *old, const struct tsk_case *next)
{
    struct tsk_status s = {.state = TSK_ST_REROUTED, .has_staff = true, .staff = call->staff};
    struct tsk_id32 id;
    struct tsk_case c;
    TSK_TRY(tsk_say(call->ctx, call->b, old, &s, &id));
    TSK_TRY(tsk_case_load(call->b->txn, old->no, &c));
    c.rerouted_to = next->id;
    return tsk_case_save(call->b->txn, &c);
}

/* The sender erased its half of the old items' keys when it sealed them, so it cannot seal them again for somebody
 * else: the worker gives the details once more, and until then the new referral has none. */
enum tsk_err tsk_verb_reroute(struct tsk_call *call)
{
    TSK_PLAN p = {0};
    struct tsk_id16 cards[TSK_JSON_LIST_MAX];
    struct tsk_case old, c;
    TSK_TRY(TSK_CALL_FIELDS(call, reroute_fields));
    TSK_TRY(tsk_call_case_of(call, TSK_SIDE_SENDER, &old));
    if (!may_reroute(old.state))
        return tsk_call_fail(call, TSK_E_STATE, tsk_state_name(old.state));
    TSK_TRY(tsk_now(call->ctx, call->b, &p.now));
    TSK_TRY(tsk_plan_to(call, &p));
    TSK_TRY(take_over(call, &old, &p));
    TSK_TRY(tsk_plan_birth(call, old.birth, old.birth_asked, &p));
    size_t n = cards_in(call, cards);
    if (!tsk_json_has(call->in, "holders"))
        TSK_TRY(cards_of(call, &old, cards, &n));
    TSK_TRY(tsk_plan_holders(call, cards, n, &p));
    TSK_TRY(tsk_plan_details(call, &p));
    TSK_TRY(tsk_plan_duplicate(call, &p));
    TSK_TRY(tsk_plan_make(call, &p, &c));
    TSK_TRY(say_rerouted(call, &old, &c));
    answer(call, &p, &c);
    tsk_json_put_hex(call->out, "from", old.id.b, sizeof old.id.b);
    tsk_json_put_flag(call->out, "details_needed", p.details_n == 0);
    return TSK_OK;
}
