/* test_verbs_flow.c - a referral through the verbs of two nodes: who may say what, and when; and the lists of what is in
 * hand. What the family says stands in test_verbs_consent.c. */
#include "tests/node/desk_family.h"

static json_t *act(const char *event)
{
    return json_pack("{s:s,s:s,s:s}", "verb", "act", "referral", referral, "event", event);
}

static json_t *act_with(const char *event, const char *member, const char *value)
{
    json_t *in = act(event);
    json_object_set_new(in, member, json_string(value));
    return in;
}

/* Says it, brings it over, and both sides agree on the state. */
static void said(int node, json_t *in, const char *state)
{
    json_decref(world_do(node, in));
    world_deliver();
    for (int i = S; i <= R; i++) {
        json_t *out = world_do(i, ask2("history", "referral", referral));
        ck_assert_msg(strcmp(world_str(out, "state"), state) == 0, "node %d: %s, want %s", i, world_str(out, "state"), state);
        json_decref(out);
    }
}

static const char *responsible(int node)
{
    static char who[TSK_PARTNER_ID_CAP];
    json_t *out = world_do(node, ask2("history", "referral", referral));
    const json_t *r = json_object_get(out, "responsible");
    snprintf(who, sizeof who, "%s", json_is_null(r) ? "-" : json_string_value(r));
    json_decref(out);
    return who;
}

/* ---- status ---- */
START_TEST(plain_way)
{
    refer("X001", false);
    ck_assert_str_eq(responsible(R), "01100-YC");
    world_refused(S, act("acked"), "e.forbidden", "arrived");
    world_refused(R, act("accepted"), "e.state", "arrived");
    said(R, act("acked"), "acked");
    world_refused(R, act("acked"), "e.state", "acked");
    said(R, act("accepted"), "handed");
    ck_assert_str_eq(responsible(S), "X001");
    world_refused(S, act("recalled"), "e.accepted", "handed");
    said(R, act_with("appointed", "at", "2026-10-01T10:30"), "appointed");
    said(R, act("connected"), "connected");
    said(R, act_with("closed", "outcome", "O90"), "closed");
    ck_assert_str_eq(responsible(S), "-");
    world_refused(R, act("acked"), "e.state", "closed");
    json_t *out = world_do(S, ask2("history", "referral", referral));
    static const char *const want[] = {"queued", "arrived", "acked", "accepted", "handed", "appointed", "connected", "closed"};
    ck_assert_uint_eq(json_array_size(json_object_get(out, "events")), 8);
    for (size_t i = 0; i < 8; i++) {
        const json_t *event = json_array_get(json_object_get(out, "events"), i);
        ck_assert_str_eq(world_str(event, "state"), want[i]);
        ck_assert_str_eq(world_str(event, "by"), i == 0 || i == 4 ? "01100-YC" : "X001");
    }
    json_decref(out);
    out = world_do(S, ask2("export", "referral", referral));
    ck_assert_uint_ge(json_array_size(json_object_get(out, "records")), 7);
    ck_assert_uint_gt(strlen(world_str(out, "roster")), 1000);
    json_decref(out);
}
END_TEST

START_TEST(act_takes_what_belongs_to_the_event)
{
    static const struct { const char *event, *member, *value, *what; } rows[] = {
        {"nothing", "at", "2026-10-01T10:30", "event"}, {"handed", "reason", "D1", "event"},
        {"withdrawn", "reason", "D1", "event"},         {"rerouted", "reason", "D1", "event"},
        {"acked", "reason", "D1", "reason"},            {"acked", "outcome", "O12", "outcome"},
        {"acked", "recommend", "X005", "recommend"},    {"acked", "at", "2026-10-01T10:30", "at"},
        {"declined", "recommend", "X005", "reason"},    {"declined", "reason", "O12", "reason"},
        {"declined", "reason", "D8", "reason"},         {"declined", "outcome", "O12", "outcome"},
        {"need_info", "reason", "given", "reason"},     {"need_info", "at", "2026-10-01T10:30", "reason"},
        {"answered", "reason", "C1", "reason"},         {"appointed", "at", "soon", "at"},
        {"appointed", "reason", "D1", "reason"},        {"connected", "outcome", "D1", "outcome"},
        {"notconnected", "at", "2026-10-01T10:30", "outcome"}, {"closed", "reason", "D1", "reason"},
        {"connected", "outcome", "O21", "outcome"},     {"notconnected", "outcome", "O12", "outcome"},
        {"closed", "outcome", "O77", "outcome"}};
    refer("X001", false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        world_refused(R, act_with(rows[i].event, rows[i].member, rows[i].value), "e.usage", rows[i].what);
    json_t *in = act_with("declined", "reason", "D1");
    json_object_set_new(in, "recommend", json_string("X005")); /* only D3 recommends */
    world_refused(R, in, "e.usage", "recommend");
    in = act_with("declined", "reason", "D3");
    json_object_set_new(in, "recommend", json_string("X777"));
    world_refused(R, in, "e.unknownpeer", "X777");
    world_refused(R, act("appointed"), "e.usage", "at");
    world_refused(S, act_with("answered", "reason", "tel"), "e.state", "arrived");
}
END_TEST

START_TEST(question_and_answer)
{
    refer("X001", false);
    said(R, act("acked"), "acked");
    said(R, act_with("need_info", "reason", "C2"), "need_info");
    world_refused(R, act_with("answered", "reason", "tel"), "e.forbidden", "need_info");
    world_refused(S, act_with("answered", "reason", "given"), "e.noconsent", "given"); /* nothing was */
    said(S, act_with("answered", "reason", "tel"), "acked");
    world_refused(S, act_with("answered", "reason", "tel"), "e.state", NULL);
}
END_TEST

START_TEST(decline_and_reroute)
{
    refer("X001", false);
    char old[33];
    snprintf(old, sizeof old, "%s", referral);
    json_t *reroute = json_pack("{s:s,s:s,s:s}", "verb", "reroute", "referral", referral, "to", "X001");
    world_refused(S, json_incref(reroute), "e.state", "arrived");
    world_refused(R, json_incref(reroute), "e.forbidden", NULL);
    json_t *in = act_with("declined", "reason", "D3");
    json_object_set_new(in, "recommend", json_string("X005"));
    said(R, in, "declined");
    json_object_set_new(reroute, "to", json_string("X005"));
    world_refused(S, json_incref(reroute), "e.unknownpeer", "X005"); /* no recipient */
    json_object_set_new(reroute, "to", json_string("X001"));
    json_t *out = world_do(S, reroute);
    ck_assert_str_eq(world_str(out, "from"), old);
    ck_assert(json_is_true(json_object_get(out, "details_needed")));
    snprintf(referral, sizeof referral, "%s", world_str(out, "referral"));
    json_decref(out);
    world_deliver();
    out = world_do(S, ask2("history", "referral", old));
    ck_assert_str_eq(world_str(out, "state"), "rerouted");
    ck_assert_str_eq(world_str(out, "rerouted_to"), referral);
    json_decref(out);
    said(R, act("acked"), "acked");
}
END_TEST

/* Of the referral that was made. */
static uint64_t class_until(void)
{
    struct tsk_batch b;
    struct tsk_id16 id;
    struct tsk_case c;
    ck_ok(tsk_unhex(referral, id.b, sizeof id.b));
    ck_ok(tsk_batch_begin(&world_node[S], &b));
    ck_ok(tsk_case_by_id(b.txn, &id, &c));
    ck_ok(tsk_batch_end(&world_node[S], &b));
    return c.class_until;
}

static uint64_t class_until_of(json_t *out)
{
    snprintf(referral, sizeof referral, "%s", world_str(out, "referral"));
    json_decref(out);
    return class_until();
}

/* Who was "about 17" three weeks ago is three weeks older in the next referral. */
START_TEST(an_age_ages_through_a_reroute)
{
    uint64_t until = class_until_of(
        world_do(S, json_pack("{s:s,s:s,s:[s],s:s,s:s,s:[s],s:s,s:[]}", "verb", "refer", "to", "X001", "needs", "N07",
                              "age_band", "A4", "ward", "011029", "holders", child.hex, "birth", "~17", "details")));
    for (int again = 0; again < 2; again++) {
        world_deliver();
        said(R, act_with("declined", "reason", "D2"), "declined");
        world_now += 10 * 86400;
        json_t *in = json_pack("{s:s,s:s,s:s}", "verb", "reroute", "referral", referral, "to", "X001");
        ck_assert_uint_eq(class_until_of(world_do(S, in)), until);
    }
}
END_TEST

START_TEST(recall_wins_before_handed)
{
    refer("X001", false);
    world_refused(R, act("recalled"), "e.forbidden", NULL);
    said(S, act("recalled"), "recalled");
    world_refused(R, act("acked"), "e.state", "recalled");
    world_refused(S, begin(&child), "e.state", "recalled");
    said(S, act_with("closed", "outcome", "O99"), "closed");
}
END_TEST

/* ---- lists ---- */
static void many(size_t n)
{
    struct tsk_batch b;
    ck_ok(tsk_batch_begin(&world_node[S], &b));
    for (size_t i = 0; i < n; i++) {
        struct tsk_referral r = {.sender = *tsk_self(&world_node[S]), .recipient = *tsk_self(&world_node[R]), .needs_n = 1,
                                 .urgency = tsk_code("U3"), .age_band = tsk_code("A3"), .ward = tsk_code("011029"),
                                 .created = world_now, .reply_by = world_now + 1000 + (i * 7919) % 5000, .policy = 1};
        struct tsk_id32 id;
        struct tsk_case c;
        r.needs[0] = tsk_code("N07");
        tsk_random(r.id.b, 16);
        tsk_random(r.link.b, 32);
        ck_ok(tsk_author(&world_node[S], &b, TSK_REC_REFERRAL, &r, NULL, &id));
        ck_ok(tsk_case_by_ref(b.txn, &id, &c));
        c.state = i % 3 == 0 ? TSK_ST_NEED_INFO : TSK_ST_QUEUED;
        ck_ok(tsk_case_save(b.txn, &c));
    }
    ck_ok(tsk_batch_end(&world_node[S], &b));
}

static void check_ended(int node, const char *verb, const char *state, bool ended)
{
    json_t *out = world_do(node, json_pack("{s:s}", "verb", verb));
    const json_t *list = json_object_get(out, "referrals"), *last = json_array_get(list, json_array_size(list) - 1);
    ck_assert_str_eq(world_str(last, "referral"), referral);
    ck_assert_str_eq(world_str(last, "state"), state);
    ck_assert_int_eq(json_is_true(json_object_get(last, "ended")), ended);
    ck_assert(!ended || json_is_false(json_object_get(last, "our_turn")));
    json_decref(out);
}

static size_t lines_n(int node, const char *verb)
{
    json_t *out = world_do(node, json_pack("{s:s}", "verb", verb));
    size_t n = json_array_size(json_object_get(out, "referrals"));
    json_decref(out);
    return n;
}

/* What is over does not just disappear: for a week it stands last, with the word for its end. */
START_TEST(what_ended_stays_for_a_week)
{
    struct tsk_batch b;
    refer("X001", false);
    world_deliver();
    said(S, act("recalled"), "recalled");
    check_ended(R, "inbox", "recalled", true);
    check_ended(S, "board", "recalled", false); /* somebody must still close it */
    said(S, act_with("closed", "outcome", "O99"), "closed");
    check_ended(S, "board", "closed", true);
    check_ended(R, "inbox", "closed", true);
    ck_assert_uint_eq(lines_n(R, "inbox"), 1);
    world_now += 6 * 86400;
    ck_assert_uint_eq(lines_n(R, "inbox"), 1);
    world_now += 2 * 86400;
    ck_assert_uint_eq(lines_n(R, "inbox"), 0);
    ck_assert_uint_eq(lines_n(S, "board"), 0);
    struct world_hash before = world_rows(R);
    ck_ok(tsk_batch_begin(&world_node[R], &b));
    ck_ok(tsk_tick(&world_node[R], &b)); /* and its row goes */
    ck_ok(tsk_batch_end(&world_node[R], &b));
    struct world_hash after = world_rows(R);
    ck_assert_int_ne(memcmp(&before, &after, sizeof after), 0);
}
END_TEST

static int place_of(const json_t *line)
{
    return json_is_true(json_object_get(line, "overdue")) ? 0 : json_is_true(json_object_get(line, "our_turn")) ? 1 : 2;
}

START_TEST(board_puts_late_first_then_our_turn_then_time)
{
    many(900);
    world_now += 3000;
    uint64_t began = tsk_mono_ms();
    json_t *out = world_do(S, json_pack("{s:s}", "verb", "board"));
    uint64_t took = tsk_mono_ms() - began;
    const json_t *list = json_object_get(out, "referrals");
    ck_assert_uint_eq(json_array_size(list), 900);
    size_t late_n = 0;
    for (size_t i = 0; i < 900; i++)
        late_n += json_is_true(json_object_get(json_array_get(list, i), "overdue"));
    ck_assert_uint_gt(late_n, 100);
    for (size_t i = 0; i < 900; i++) {
        const json_t *line = json_array_get(list, i), *next = json_array_get(list, i + 1);
        bool ours = json_is_true(json_object_get(line, "our_turn")), late = json_is_true(json_object_get(line, "overdue"));
        json_int_t due = json_integer_value(json_object_get(line, "reply_by"));
        ck_assert_int_eq(late, !ours && due < (json_int_t)world_now);
        ck_assert_int_eq(place_of(line), i < late_n ? 0 : i < late_n + 300 ? 1 : 2);
        if (next != NULL && place_of(next) == place_of(line))
            ck_assert_int_le(due, json_integer_value(json_object_get(next, "reply_by")));
        ck_assert_str_eq(world_str(line, "to"), "X001");
    }
    printf("board of 900: %u ms\n", (unsigned)took);
    json_decref(out);
}
END_TEST

static TCase *case_flow(void)
{
    TCase *tc = tcase_create("flow");
    tcase_add_checked_fixture(tc, flow_setup, world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, plain_way);
    tcase_add_test(tc, act_takes_what_belongs_to_the_event);
    tcase_add_test(tc, question_and_answer);
    tcase_add_test(tc, decline_and_reroute);
    tcase_add_test(tc, an_age_ages_through_a_reroute);
    tcase_add_test(tc, recall_wins_before_handed);
    tcase_add_test(tc, what_ended_stays_for_a_week);
    tcase_add_test(tc, board_puts_late_first_then_our_turn_then_time);
    return tc;
}

TSK_TEST_MAIN("verbs flow", case_flow)
