/* verb_act.c - what people say about a referral. Which status may follow which, and who may say it, stands in
 * schema/status.c; here stands only what a person gives with each. */
#include <string.h>

#include "node/desk/verb_util.h"

static const struct tsk_jfield act_fields[] = {
    {"referral", TSK_J_ID16, false}, {"event", TSK_J_TEXT, false},    {"reason", TSK_J_CODE, true},
    {"outcome", TSK_J_CODE, true},   {"recommend", TSK_J_TEXT, true}, {"at", TSK_J_TIME, true}};

/* Events that a person may give; machines sign the others (handed, expired, withdrawn), re-routing has its own verb. */
enum { OUTCOME = 1, OPTIONAL = 2, RECOMMENDS = 4, AT = 8, ANSWERS = 16, GOOD = 32, NOT_GOOD = 64 };
static const struct event {
    enum tsk_state state;
    enum tsk_list list;     /* whose codes go with it; TSK_LIST_COUNT: none */
    const char *also;       /* one more value that is no code of the list */
    unsigned flags;
} events[] = {
    {TSK_ST_ACKED, TSK_LIST_COUNT, NULL, 0},
    {TSK_ST_ACCEPTED, TSK_LIST_COUNT, NULL, 0},
    {TSK_ST_UNACCEPTED, TSK_LIST_COUNT, NULL, 0},
    {TSK_ST_RECALLED, TSK_LIST_COUNT, NULL, 0},
    {TSK_ST_ERROR, TSK_LIST_COUNT, NULL, 0},
    {TSK_ST_DECLINED, TSK_LIST_DECLINE, NULL, RECOMMENDS},
    {TSK_ST_NEED_INFO, TSK_LIST_CATEGORY, "tel", 0},
    {TSK_ST_ANSWERED, TSK_LIST_ANSWER, NULL, ANSWERS},
    {TSK_ST_APPOINTED, TSK_LIST_COUNT, NULL, AT},
    {TSK_ST_CONNECTED, TSK_LIST_OUTCOME, NULL, OUTCOME | OPTIONAL | GOOD},
    {TSK_ST_NOTCONNECTED, TSK_LIST_OUTCOME, NULL, OUTCOME | NOT_GOOD},
    {TSK_ST_CLOSED, TSK_LIST_OUTCOME, NULL, OUTCOME},
};

static const struct event *event_find(const char *name)
{
    enum tsk_state state = tsk_state_by_name(name);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i].state == state)
            return &events[i];
    return NULL;
}

static enum tsk_err only_where(struct tsk_call *call, const char *name, bool allowed)
{
    return allowed || !tsk_json_has(call->in, name) ? TSK_OK : tsk_call_fail(call, TSK_E_USAGE, name);
}

/* "Could not be reached" is no way of being connected, and what was signed cannot be taken back. O99 (not known) fits both. */
static bool fits(const struct event *ev, const struct tsk_code_row *row)
{
    bool good = (row->flags & TSK_CODE_GOOD) != 0, unknown = strcmp(row->id, "O99") == 0;
    return unknown || (ev->flags & (good ? NOT_GOOD : GOOD)) == 0;
}

bool tsk_outcome_fits(const char *event, const struct tsk_code_row *row)
{
    const struct event *ev = event_find(event);
    return ev == NULL || (ev->flags & OUTCOME) == 0 || fits(ev, row);
}

/* One field of the status carries reason and outcome; people call it by the name that fits the event. An outcome may
 * also be given as `reason`. */
static enum tsk_err fill_reason(struct tsk_call *call, const struct event *ev, struct tsk_status *s)
{
    bool takes = ev->list != TSK_LIST_COUNT;
    const char *wanted = (ev->flags & OUTCOME) != 0 ? "outcome" : "reason";
    const char *name = tsk_json_has(call->in, "outcome") ? "outcome" : "reason";
    TSK_TRY(only_where(call, "outcome", takes && (ev->flags & OUTCOME) != 0));
    TSK_TRY(only_where(call, "reason", takes && strcmp(name, "reason") == 0));
    const char *value = tsk_json_text(call->in, name);
    if (value == NULL)
        return !takes || (ev->flags & OPTIONAL) != 0 ? TSK_OK : tsk_call_fail(call, TSK_E_USAGE, wanted);
    const struct tsk_code_row *row = tsk_code_find(ev->list, value);
    if (row == NULL ? ev->also == NULL || strcmp(value, ev->also) != 0 : !fits(ev, row))
        return tsk_call_fail(call, TSK_E_USAGE, name);
    s->has_reason = true;
    s->reason = tsk_code(value);
    return TSK_OK;
}

/* Only D3 (another agency fits better) names one, and it must be in the directory. */
static enum tsk_err fill_recommend(struct tsk_call *call, const struct event *ev, struct tsk_status *s)
{
    const char *id = tsk_json_text(call->in, "recommend");
    struct tsk_partner p;
    TSK_TRY(only_where(call, "recommend", (ev->flags & RECOMMENDS) != 0 && strcmp(s->reason.s, "D3") == 0));
    if (id == NULL)
        return TSK_OK;
    if (strlen(id) >= sizeof s->recommend || !tsk_partner_find(call->ctx->members, id, &p))
        return tsk_call_fail(call, TSK_E_UNKNOWNPEER, id);
    s->has_recommend = true;
    memcpy(s->recommend, id, strlen(id) + 1);
    return TSK_OK;
}

static enum tsk_err fill_at(struct tsk_call *call, const struct event *ev, struct tsk_status *s)
{
    TSK_TRY(only_where(call, "at", (ev->flags & AT) != 0));
    if ((ev->flags & AT) == 0)
        return TSK_OK;
    s->has_at = tsk_json_time(call->in, "at", &s->at);
    return s->has_at ? TSK_OK : tsk_call_fail(call, TSK_E_USAGE, "at");
}

/* The newest question of the other side that took effect. */
static enum tsk_err fill_answers(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_story *story,
                                 struct tsk_status *s)
{
    const struct tsk_chain *asked = &story->chain[TSK_SIDE_RECIPIENT];
    if (c->state != TSK_ST_NEED_INFO)
        return tsk_call_fail(call, TSK_E_STATE, tsk_state_name(c->state));
    for (size_t i = asked->n; i > 0; i--)
        if (asked->events[i - 1].status.state == TSK_ST_NEED_INFO && !asked->events[i - 1].overtaken) {
            s->has_answers = true;
            s->answers = asked->events[i - 1].id;
            return TSK_OK;
        }
    return TSK_E_STATE;
}

/* "It was given": then a grant must have left. */
static enum tsk_err check_given(struct tsk_call *call, const struct tsk_case *c)
{
    for (uint64_t i = 0; i < c->grants_n; i++) {
        struct tsk_case_grant g;
        TSK_TRY(tsk_grant_load(call->b->txn, c, i, &g));
        if (g.sent && g.grant.state == TSK_GRANT_GIVEN)
            return TSK_OK;
    }
    return tsk_call_fail_next(call, TSK_E_NOCONSENT, "given",
                              "まだ何も渡していません。家族の同意を受けてから答えてください。電話で答えたときは --reason tel、渡さないときは --reason no です。",
                              "Nothing has been given yet. Answer once the family has consented; "
                              "by telephone it is --reason tel, and --reason no if it is not given.");
}

static enum tsk_err say(struct tsk_call *call, const struct tsk_case *c, const struct event *ev, struct tsk_status *s)
{
    struct tsk_case_story *story;
    struct tsk_id32 id;
    TSK_TRY(tsk_case_story(call->b->txn, c, &story));
    enum tsk_err e = tsk_progress_may(&story->p, c->side, ev->state);
    if (e != TSK_OK)
        return tsk_call_fail(call, e, tsk_state_name(c->state));
    if ((ev->flags & ANSWERS) != 0)
        TSK_TRY(fill_answers(call, c, story, s));
    if ((ev->flags & ANSWERS) != 0 && strcmp(s->reason.s, "given") == 0)
        TSK_TRY(check_given(call, c));
    return tsk_say(call->ctx, call->b, c, s, &id);
}

enum tsk_err tsk_verb_act(struct tsk_call *call)
{
    struct tsk_case c;
    TSK_TRY(TSK_CALL_FIELDS(call, act_fields));
    const struct event *ev = event_find(tsk_json_text(call->in, "event"));
    if (ev == NULL)
        return tsk_call_fail(call, TSK_E_USAGE, "event");
    struct tsk_status s = {.state = ev->state, .has_staff = true, .staff = call->staff};
    TSK_TRY(fill_reason(call, ev, &s));
    TSK_TRY(fill_recommend(call, ev, &s));
    TSK_TRY(fill_at(call, ev, &s));
    TSK_TRY(tsk_call_case(call, &c));
    TSK_TRY(say(call, &c, ev, &s));
    TSK_TRY(tsk_case_load(call->b->txn, c.no, &c));
    tsk_put_case(call, call->out, &c);
    return TSK_OK;
}
