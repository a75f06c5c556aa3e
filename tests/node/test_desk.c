/* test_desk.c - whole stories between the nodes, and the property that order and repetition change nothing. */
#include "tests/node/desk_acts.h"

static struct person child, guardian;
static struct person *const both[] = {&child, &guardian};

static void setup_policy(uint64_t policy)
{
    desk_open(policy);
    person_new(&child, TSK_HOLDER_CHILD, S);
    person_new(&guardian, TSK_HOLDER_GUARDIAN, S);
}
static void setup(void) { setup_policy(1); }
static void teardown(void)
{
    person_free(&child);
    person_free(&guardian);
    desk_close();
}

static void check_states(const struct tsk_id16 *id, enum tsk_state state)
{
    ck_assert_str_eq(tsk_state_name(state_of(S, id)), tsk_state_name(state));
    ck_assert_str_eq(tsk_state_name(state_of(R, id)), tsk_state_name(state));
}

/* Never two responsible at once by what the two know; and once everything is delivered, the same one. */
static void check_one(const struct tsk_id16 *id)
{
    struct tsk_case s = look_case(S, id), r = look_case(R, id);
    ck_assert_int_eq(s.token, r.token);
    ck_assert_int_eq(s.duty, r.duty);
}

START_TEST(story_s1)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1 C6 C4");
    struct given g;
    ck_assert_int_eq(state_of(S, &id), TSK_ST_QUEUED);
    carry();
    check_states(&id, TSK_ST_ARRIVED);
    ck_assert(look_case(S, &id).arrived);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_NOCONSENT);
    ck_assert_uint_eq(look_case(R, &id).items_n, 0);
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL));
    carry();
    ck_ok(give(&id, &child, &WORDS("C1 C6"), &g));
    carry();
    ck_assert_uint_eq(look_case(R, &id).items_n, 2); /* what was not chosen never leaves */
    ck_assert_int_eq(look_case(R, &id).consent, TSK_CONSENT_GIVEN);
    ck_assert_int_eq(look_case(S, &id).consent, TSK_CONSENT_PARTLY);
    ck_ok(try_open(&id, "C1", "P1"));
    ck_ok(try_open(&id, "C6", "P1"));
    ck_err(try_open(&id, "C4", "P1"), TSK_E_NOTGRANTED);
    ck_err(try_open(&id, "C1", "P2"), TSK_E_PURPOSE);
    ck_ok(say(R, &id, TSK_ST_ACCEPTED, NULL));
    ck_assert(look_case(R, &id).waits_handed);
    carry();
    check_states(&id, TSK_ST_HANDED);
    ck_assert_int_eq(look_case(S, &id).token, TSK_SIDE_RECIPIENT);
    ck_ok(say(R, &id, TSK_ST_APPOINTED, NULL));
    ck_ok(say(R, &id, TSK_ST_CONNECTED, NULL));
    carry();
    check_states(&id, TSK_ST_CONNECTED);
    ck_assert_uint_eq(look_case(S, &id).openings_n, 2);
    ck_ok(stop_grant(S, &g, &child, NULL));
    carry();
    check_states(&id, TSK_ST_WITHDRAWN);
    check_one(&id);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
    ck_err(say(R, &id, TSK_ST_CLOSED, "O12"), TSK_E_FORBIDDEN);
    ck_ok(say(S, &id, TSK_ST_CLOSED, "O22"));
    carry();
    check_states(&id, TSK_ST_CLOSED);
}
END_TEST

START_TEST(declined_and_rerouted)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1"), other;
    struct plan to_third = PLAN;
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    ck_ok(say(R, &id, TSK_ST_DECLINED, "D2"));
    carry();
    check_states(&id, TSK_ST_DECLINED);
    ck_assert_int_eq(look_case(S, &id).token, TSK_SIDE_SENDER);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_STATE);
    ck_ok(say(S, &id, TSK_ST_REROUTED, NULL));
    to_third.to = T;
    other = refer(&to_third, both, 2, "C1");
    carry();
    check_states(&id, TSK_ST_REROUTED);
    ck_assert_int_eq(state_of(T, &other), TSK_ST_ARRIVED);
    ck_assert_uint_eq(look_case(T, &other).grants_n, 0); /* no grant moves */
}
END_TEST

START_TEST(recall_crosses_accept)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    carry();
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL));
    carry();
    ck_ok(say(R, &id, TSK_ST_ACCEPTED, NULL));
    ck_ok(say(S, &id, TSK_ST_RECALLED, NULL));
    carry();
    check_states(&id, TSK_ST_RECALLED);
    check_one(&id);
    ck_assert_int_eq(look_case(S, &id).token, TSK_SIDE_SENDER);
}
END_TEST

START_TEST(recall_after_handed)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    carry();
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL));
    ck_ok(say(R, &id, TSK_ST_ACCEPTED, NULL));
    carry();
    ck_err(say(S, &id, TSK_ST_RECALLED, NULL), TSK_E_ACCEPTED);
    ck_err(say(S, &id, TSK_ST_ACKED, NULL), TSK_E_FORBIDDEN);
    ck_err(say(R, &id, TSK_ST_ACKED, NULL), TSK_E_STATE);
}
END_TEST

START_TEST(held_until_consent)
{
    struct plan hold = PLAN;
    struct given g;
    hold.hold = true;
    struct tsk_id16 id = refer(&hold, both, 2, "C1");
    ck_assert_int_eq(state_of(S, &id), TSK_ST_CONSENT_WAIT);
    ck_assert_uint_eq(desk.letters_n, 0);
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    check_states(&id, TSK_ST_ARRIVED);
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

START_TEST(held_and_refused)
{
    struct plan hold = PLAN;
    struct words no = WORDS("C1");
    struct given g;
    hold.hold = true;
    no.state = TSK_GRANT_REFUSED;
    struct tsk_id16 id = refer(&hold, both, 2, "C1");
    ck_ok(give(&id, &child, &no, &g));
    ck_assert_int_eq(state_of(S, &id), TSK_ST_CONSENT_WAIT); /* the other may still say yes */
    ck_ok(give(&id, &guardian, &no, &g));
    ck_assert_int_eq(state_of(S, &id), TSK_ST_CONSENT_NO);
    ck_assert_uint_eq(desk.letters_n, 0);
}
END_TEST

START_TEST(refusal_is_invisible)
{
    struct words no = WORDS("C1");
    struct given g;
    no.state = TSK_GRANT_REFUSED;
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    carry();
    ck_ok(give(&id, &child, &no, &g));
    struct tsk_withdraw w = {.form = TSK_STOP_ITEM};
    struct tsk_txn *t;
    struct tsk_case c = look_case(S, &id);
    struct tsk_case_item it;
    ck_ok(tsk_txn_begin(desk.ctx[S].store, false, &t));
    ck_ok(tsk_item_load(t, &c, 0, &it));
    w.target = it.id;
    tsk_txn_abort(t);
    ck_ok(stop(S, &w, &child, NULL));
    ck_assert_uint_eq(desk.letters_n, 0);
    check_states(&id, TSK_ST_ARRIVED);
    ck_err(give(&id, &guardian, &WORDS("C1"), &g), TSK_E_WITHDRAWN); /* the child's no is stronger */
    ck_assert_uint_eq(desk.letters_n, 0);
}
END_TEST

START_TEST(all_of_them)
{
    struct plan all = PLAN;
    struct given g;
    all.require = TSK_ALL;
    struct tsk_id16 id = refer(&all, both, 2, "C1 C6");
    carry();
    ck_ok(give(&id, &guardian, &WORDS("C1 C6"), &g));
    ck_assert_uint_eq(desk.letters_n, 0); /* the last one opens the gate */
    ck_assert_int_eq(look_case(S, &id).consent, TSK_CONSENT_PARTLY);
    struct words two = WORDS("C1");
    two.basis = "B3";
    ck_ok(give(&id, &child, &two, &g));
    ck_assert_uint_eq(desk.letters_n, 0); /* the guardian's grant names C6, too, and the child has not said so */
    ck_ok(give(&id, &child, &WORDS("C1 C6"), &g));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
    ck_ok(try_open(&id, "C6", "P1"));
    ck_ok(stop_grant(S, &g, &guardian, NULL)); /* either holder stops both */
    carry();
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
    check_states(&id, TSK_ST_WITHDRAWN);
}
END_TEST

START_TEST(expiry)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct tsk_batch b;
    carry();
    uint64_t due = look_case(S, &id).reply_by + 30 * DAY;
    desk_now = due - 1;
    begin(S, &b);
    ck_ok(tsk_tick(&desk.ctx[S], &b));
    finish(S, &b);
    check_states(&id, TSK_ST_ARRIVED);
    desk_now = due;
    begin(S, &b);
    ck_ok(tsk_tick(&desk.ctx[S], &b));
    finish(S, &b);
    carry();
    check_states(&id, TSK_ST_EXPIRED);
    begin(S, &b);
    ck_ok(tsk_tick(&desk.ctx[S], &b)); /* once */
    finish(S, &b);
    ck_assert_uint_eq(desk.letters_n, 0);
}
END_TEST

START_TEST(no_expiry_after_handed)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct tsk_batch b;
    carry();
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL));
    ck_ok(say(R, &id, TSK_ST_ACCEPTED, NULL));
    carry();
    desk_now += 100 * DAY;
    begin(S, &b);
    ck_ok(tsk_tick(&desk.ctx[S], &b));
    finish(S, &b);
    carry();
    check_states(&id, TSK_ST_HANDED);
}
END_TEST

START_TEST(stop_while_handing_over)
{
    /* The stop reaches the recipient before `handed` does: whoever holds the token in the end says `withdrawn`, once. */
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL));
    ck_ok(say(R, &id, TSK_ST_ACCEPTED, NULL));
    while (look_case(S, &id).state != TSK_ST_HANDED) {
        struct letter l = first_letter();
        deliver(&l, NULL);
        free(l.p);
    }
    ck_ok(stop_grant(S, &g, &child, NULL));
    for (size_t i = 0; i < desk.letters_n; i++)
        if (desk.letters[i].urgent) {
            deliver(&desk.letters[i], NULL);
            drop_letter(i);
            break;
        }
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
    ck_assert_int_eq(state_of(R, &id), TSK_ST_ACCEPTED);
    carry();
    check_states(&id, TSK_ST_WITHDRAWN);
    check_one(&id);
    ck_assert_int_eq(look_case(S, &id).token, TSK_SIDE_SENDER);
}
END_TEST

/* ---- order and repetition change nothing ---- */
static void one_script(unsigned *seed, unsigned step, const struct tsk_id16 *id, struct given *g)
{
    enum tsk_err e = TSK_OK;
    switch (step) {
    case 0: ck_ok(give(id, &child, &WORDS("C1 C6"), g)); break;
    case 1: e = say(R, id, TSK_ST_ACKED, NULL); break;
    case 2: e = say(R, id, TSK_ST_ACCEPTED, NULL); break;
    case 3: e = draw(seed, 2) ? say(R, id, TSK_ST_APPOINTED, NULL) : say(R, id, TSK_ST_UNACCEPTED, NULL); break;
    case 4: e = draw(seed, 2) ? say(S, id, TSK_ST_RECALLED, NULL) : say(R, id, TSK_ST_DECLINED, "D2"); break;
    case 5: ck_ok(stop_grant(draw(seed, 2) ? S : R, g, NULL, NULL)); break;
    default: break;
    }
    ck_assert_int_ne(tsk_err_class(e), TSK_CLASS_LOCAL);
}

/* A few letters in any order between two steps, then all of them in any order: both sides must tell one story. */
START_TEST(any_order)
{
    unsigned seed = 7919u * (unsigned)(_i + 1);
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1 C6");
    struct given g;
    carry();
    bool stops = _i % 3 != 0, ends = _i % 4 == 1;
    for (unsigned step = 0; step < 6; step++) {
        if ((step == 5 && !stops) || (step == 4 && !ends))
            continue;
        if (step == 5 && look_case(R, &id).grants_n == 0)
            carry_shuffled(&seed); /* the recipient's staff can only stop what it has */
        one_script(&seed, step, &id, &g);
        for (unsigned n = draw(&seed, 4); n > 0 && desk.letters_n > 0; n--) {
            size_t i = draw(&seed, (unsigned)desk.letters_n);
            if (deliver(&desk.letters[i], NULL))
                drop_letter(i);
        }
    }
    carry_shuffled(&seed);
    struct tsk_case s = look_case(S, &id), r = look_case(R, &id);
    ck_assert_msg(s.state == r.state, "seed %d: %s %s", _i, tsk_state_name(s.state), tsk_state_name(r.state));
    check_one(&id);
    ck_assert(s.arrived && s.released && r.released);
    ck_assert_uint_eq(r.items_n, 2);
    enum tsk_err e = try_open(&id, "C1", "P1");
    if (stops)
        ck_assert_msg(e == TSK_E_WITHDRAWN || e == TSK_E_STATE, "%s", tsk_err_name(e));
    else if (tsk_state_ended(r.state))
        ck_err(e, TSK_E_STATE);
    else
        ck_ok(e);
    if (stops && !tsk_state_ended(s.state))
        ck_abort_msg("a stopped case goes on as %s", tsk_state_name(s.state));
}
END_TEST

static TCase *stories(void)
{
    TCase *tc = tcase_create("stories");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, story_s1);
    tcase_add_test(tc, declined_and_rerouted);
    tcase_add_test(tc, recall_crosses_accept);
    tcase_add_test(tc, recall_after_handed);
    tcase_add_test(tc, held_until_consent);
    tcase_add_test(tc, held_and_refused);
    tcase_add_test(tc, refusal_is_invisible);
    tcase_add_test(tc, all_of_them);
    tcase_add_test(tc, expiry);
    tcase_add_test(tc, no_expiry_after_handed);
    tcase_add_test(tc, stop_while_handing_over);
    tcase_add_loop_test(tc, any_order, 0, 120);
    return tc;
}

TSK_TEST_MAIN("desk", stories)
