/* test_live.c - when may a category be opened: the clock, the rule by age, stops and what lifts them. */
#include "node/post/inside.h"
#include "tests/node/desk_acts.h"

static struct person child, guardian;
static struct person *const both[] = {&child, &guardian};

static void setup_policy(uint64_t policy)
{
    desk_open(policy);
    person_new(&child, TSK_HOLDER_CHILD, S);
    person_new(&guardian, TSK_HOLDER_GUARDIAN, S);
}
static void setup_1(void) { setup_policy(1); }
static void setup_2(void) { setup_policy(2); }
static void teardown(void)
{
    person_free(&child);
    person_free(&guardian);
    desk_close();
}

static void stop_withdrawn(const struct tsk_id16 *id)
{
    ck_err(try_open(id, "C1", "P1"), TSK_E_WITHDRAWN);
}

/* ---- the clock ---- */
START_TEST(expires)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct words w = WORDS("C1");
    struct given g;
    w.days = 10;
    ck_ok(give(&id, &child, &w, &g));
    carry();
    desk_now += 10 * DAY - 1;
    ck_ok(try_open(&id, "C1", "P1"));
    desk_now += 1;
    ck_err(try_open(&id, "C1", "P1"), TSK_E_EXPIRED);
}
END_TEST

START_TEST(clock_set_back)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct words w = WORDS("C1");
    struct given g;
    w.days = 10;
    ck_ok(give(&id, &child, &w, &g));
    carry();
    desk_now += 10 * DAY;
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL)); /* a signed time past the end is on disk now */
    desk_now -= 5 * DAY;
    ck_err(try_open(&id, "C1", "P1"), TSK_E_EXPIRED);
}
END_TEST

START_TEST(birthday)
{
    struct plan p = PLAN;
    struct given g;
    struct words w = WORDS("C1");
    p.class_until = desk_now + 30 * DAY;
    w.days = 30;
    struct tsk_id16 id = refer(&p, both, 2, "C1");
    ck_ok(give(&id, &child, &w, &g));
    carry();
    desk_now += 30 * DAY;
    enum tsk_err e = try_open(&id, "C1", "P1");
    ck_assert(e == TSK_E_EXPIRED || e == TSK_E_AGECHANGED);
}
END_TEST

START_TEST(roster_expired)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    desk.ctx[R].members->r.valid_until = desk_now;
    ck_err(try_open(&id, "C1", "P1"), TSK_E_ROSTEREXPIRED);
}
END_TEST

/* ---- who said so ---- */
START_TEST(safety_needs_two)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1 C8");
    struct given g;
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    ck_err(try_open(&id, "C8", "P1"), TSK_E_NOTGRANTED);
    ck_ok(give(&id, &child, &WORDS("C8"), &g));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
    ck_err(try_open(&id, "C8", "P1"), TSK_E_TWOPERSON);
}
END_TEST

/* Version 1 over age class and signer: is the grant taken, and does it open C1? */
static const struct { uint64_t age_class; bool by_child; enum tsk_err taken, opens; } rule_1[] = {
    {1, true, TSK_OK, TSK_E_NOCONSENT}, /* a young child's assent: kept, and nothing leaves for it */
    {1, false, TSK_OK, TSK_OK},
    {2, true, TSK_OK, TSK_OK},
    {2, false, TSK_OK, TSK_OK},
    {3, true, TSK_OK, TSK_OK},
    {3, false, TSK_OK, TSK_OK},
    {4, true, TSK_OK, TSK_OK},
    {4, false, TSK_E_RULE, TSK_E_NOCONSENT},
};

START_TEST(version_1)
{
    struct plan p = PLAN;
    struct given g;
    p.age_class = rule_1[_i].age_class;
    struct tsk_id16 id = refer(&p, both, 2, "C1");
    enum tsk_err e = give(&id, rule_1[_i].by_child ? &child : &guardian, &WORDS("C1"), &g);
    carry();
    ck_err(e, rule_1[_i].taken);
    ck_err(try_open(&id, "C1", "P1"), rule_1[_i].opens);
    ck_assert_uint_eq(look_case(R, &id).items_n, rule_1[_i].opens == TSK_OK ? 1 : 0);
}
END_TEST

START_TEST(assent_and_consent)
{
    struct plan p = PLAN;
    struct given g;
    p.age_class = 1;
    struct tsk_id16 id = refer(&p, both, 2, "C1");
    carry();
    ck_ok(give(&id, _i == 0 ? &child : &guardian, &WORDS("C1"), &g));
    carry();
    ck_ok(give(&id, _i == 0 ? &guardian : &child, &WORDS("C1"), &g));
    carry();
    ck_assert_uint_eq(look_case(R, &id).grants_n, 2); /* both words are there */
    ck_ok(try_open(&id, "C1", "P1"));
    ck_ok(stop_grant(S, &g, &child, NULL)); /* and the child's no is enough */
    carry();
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
}
END_TEST

START_TEST(version_2_both)
{
    struct plan p = PLAN;
    struct given g;
    p.need = "N01"; /* money: no exception for a child of 12 */
    struct tsk_id16 id = refer(&p, both, 2, "C1");
    carry();
    ck_ok(give(&id, _i == 0 ? &guardian : &child, &WORDS("C1"), &g));
    ck_assert_uint_eq(desk.letters_n, 0); /* policy any, but the rule wants both: nothing leaves for one alone */
    ck_ok(give(&id, _i == 0 ? &child : &guardian, &WORDS("C1"), &g));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

/* ---- stops ---- */
static void granted(struct tsk_id16 *ret_id, const struct person *by, struct given *ret_g)
{
    *ret_id = refer(&PLAN, both, 2, "C1 C6");
    ck_ok(give(ret_id, by, &WORDS("C1 C6"), ret_g));
    carry();
    ck_ok(try_open(ret_id, "C1", "P1"));
}

static struct tsk_id32 item_id(const struct tsk_id16 *id, uint64_t index)
{
    struct tsk_txn *t;
    struct tsk_case c = look_case(S, id);
    struct tsk_case_item it;
    ck_ok(tsk_txn_begin(desk.ctx[S].store, false, &t));
    ck_ok(tsk_item_load(t, &c, index, &it));
    tsk_txn_abort(t);
    return it.id;
}

/* Each form, by whoever may: the other side learns of it, and the way back is closed for good. */
START_TEST(every_form)
{
    static const uint64_t forms[] = {TSK_STOP_GRANT, TSK_STOP_REFERRAL, TSK_STOP_HOLDER, TSK_STOP_ITEM};
    struct tsk_id16 id;
    struct given g;
    struct tsk_withdraw w = {.form = forms[_i % 4], .by = TSK_BY_STAFF};
    int node = _i / 4 % 2 == 0 ? S : R;
    bool by_card = _i / 8 == 1;
    granted(&id, &child, &g);
    w.reason = tsk_code("S2");
    w.target = w.form == TSK_STOP_GRANT ? g.id32 : w.form == TSK_STOP_REFERRAL ? look_case(S, &id).ref : item_id(&id, 0);
    if (w.form == TSK_STOP_HOLDER)
        memcpy(w.target.b, child.kid.b, 32);
    ck_ok(stop(node, &w, by_card ? &child : NULL, NULL));
    if (node == R)
        stop_withdrawn(&id);
    carry();
    stop_withdrawn(&id);
    bool rest = w.form == TSK_STOP_ITEM; /* C6 is left */
    ck_err(try_open(&id, "C6", "P1"), rest ? TSK_OK : TSK_E_WITHDRAWN);
    ck_assert_int_eq(state_of(S, &id), rest ? TSK_ST_ARRIVED : TSK_ST_WITHDRAWN);
    ck_assert_int_eq(state_of(R, &id), rest ? TSK_ST_ARRIVED : TSK_ST_WITHDRAWN);
    ck_assert_int_eq(look_case(S, &id).consent, rest ? TSK_CONSENT_GIVEN : TSK_CONSENT_STOPPED);
    ck_assert_uint_eq(look_case(S, &id).granted_n, rest ? 1 : 0);
}
END_TEST

START_TEST(effective_when_received)
{
    struct tsk_id16 id;
    struct given g;
    struct tsk_stop *stops;
    size_t n;
    bool effective;
    struct tsk_txn *t;
    granted(&id, &child, &g);
    for (int late = 1; late >= 0; late--) {
        if (late)
            ck_ok(stop_grant(S, &g, &child, NULL));
        else
            carry();
        struct tsk_case c = look_case(S, &id);
        ck_ok(tsk_txn_begin(desk.ctx[S].store, false, &t));
        ck_ok(tsk_case_stops(t, &c, &stops, &n));
        bool found = false;
        for (size_t i = 0; i < n; i++)
            if (stops[i].w.form == TSK_STOP_GRANT) {
                ck_ok(tsk_stop_effective(t, &stops[i], &effective));
                ck_assert_int_eq(effective, !late);
                ck_assert(stops[i].child);
                found = true;
            }
        ck_assert(found);
        tsk_txn_abort(t);
    }
}
END_TEST

/* Parcels of the sender, or of the node that captured the grant, were lost at R: what it had until then opens no more. */
static void lose(int from)
{
    struct tsk_ctx *ctx = &desk.ctx[R];
    struct tsk_peer_row row;
    struct tsk_batch b;
    ck_ok(tsk_batch_begin(ctx, &b));
    ck_ok(tsk_peer_load(b.txn, tsk_self(&desk.ctx[from]), &row));
    ck_ok(tsk_next(b.txn, "record", &row.in_forgot));
    ck_ok(tsk_peer_save(b.txn, tsk_self(&desk.ctx[from]), &row));
    ck_ok(tsk_batch_end(ctx, &b));
}

START_TEST(forgotten_at_the_recipient)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct words w = WORDS("C1");
    struct given g;
    ck_ok(give(&id, &child, &w, &g));
    carry();
    lose(T);
    ck_ok(try_open(&id, "C1", "P1")); /* somebody else's */
    lose(S);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_FORGOTTEN);
    ck_ok(give(&id, &child, &w, &g));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
    lose(S);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_FORGOTTEN);
}
END_TEST

/* One card's stop over an item does not end the referral while another item is open; a new grant lifts it. */
START_TEST(lifted_by_a_new_grant)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1 C6");
    struct given g, h;
    struct tsk_id32 sid;
    struct words w = WORDS("C1");
    ck_ok(give(&id, &guardian, &WORDS("C1"), &g));
    ck_ok(give(&id, &child, &WORDS("C6"), &h));
    carry();
    ck_ok(stop_grant(S, &g, _i == 0 ? &child : &guardian, &sid));
    carry();
    stop_withdrawn(&id);
    ck_ok(try_open(&id, "C6", "P1"));
    ck_err(give(&id, &guardian, &w, &g), TSK_E_WITHDRAWN); /* it does not name the stop */
    w.lifts = &sid;
    w.lifts_n = 1;
    if (_i == 0)
        ck_err(give(&id, &guardian, &w, &g), TSK_E_WITHDRAWN); /* a child's stop is the child's to lift */
    ck_ok(give(&id, _i == 0 ? &child : &guardian, &w, &g));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
    ck_assert_int_eq(state_of(R, &id), TSK_ST_ARRIVED);
}
END_TEST

/* Given and stopped again until the referral holds no more grants: every new one lifts all stops before it. */
START_TEST(given_and_stopped_to_the_limit)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1 C6");
    struct tsk_id32 stops[TSK_GRANTS_MAX];
    struct words w = WORDS("C1");
    struct given g;
    ck_ok(give(&id, &child, &WORDS("C6"), &g));
    w.lifts = stops;
    for (size_t n = 1; n < TSK_GRANTS_MAX; n++) {
        if (n > 1) {
            ck_ok(stop_grant(S, &g, &child, &stops[w.lifts_n++]));
            qsort(stops, w.lifts_n, sizeof *stops, item_order);
        }
        ck_ok(give(&id, &child, &w, &g));
        carry();
        ck_ok(try_open(&id, "C1", "P1"));
    }
    ck_assert_uint_eq(w.lifts_n, TSK_GRANTS_MAX - 2);
    ck_assert_uint_eq(look_case(S, &id).grants_n, TSK_GRANTS_MAX);
    uint64_t rows = rows_of(S);
    ck_err(give(&id, &child, &w, &g), TSK_E_LIMIT);
    ck_assert_uint_eq(rows_of(S), rows);
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

/* How many stops of a form a node has over the case, and whether all of them are effective, or a child's. */
static size_t stops_of_form(int node, const struct tsk_id16 *id, uint64_t form, bool *ret_effective, bool *ret_child)
{
    struct tsk_stop *stops;
    struct tsk_txn *t;
    size_t n, found = 0;
    struct tsk_case c = look_case(node, id);
    *ret_effective = *ret_child = true;
    ck_ok(tsk_txn_begin(desk.ctx[node].store, false, &t));
    ck_ok(tsk_case_stops(t, &c, &stops, &n));
    for (size_t i = 0; i < n; i++)
        if (stops[i].w.form == form) {
            bool effective;
            ck_ok(tsk_stop_effective(t, &stops[i], &effective));
            *ret_effective = *ret_effective && effective;
            *ret_child = *ret_child && stops[i].child;
            found++;
        }
    tsk_txn_abort(t);
    return found;
}

/* A guardian's C1 has gone; the child's C1 and C6 stay, for the rule wants the guardian's word on C6, too. The child's stop
 * of what nobody over there has heard of stops C1 there all the same: by card, by code, by telephone, over the whole card. */
START_TEST(stopped_before_it_left)
{
    struct plan p = PLAN;
    struct given g, h;
    bool effective, is_child;
    p.age_class = 1;
    struct tsk_id16 id = refer(&p, both, 2, "C1 C6");
    ck_ok(give(&id, &guardian, &WORDS("C1"), &g));
    ck_ok(give(&id, &child, &WORDS("C1 C6"), &h));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
    ck_assert_uint_eq(look_case(R, &id).grants_n, 1);
    struct tsk_withdraw w = {.form = _i == 3 ? TSK_STOP_HOLDER : TSK_STOP_GRANT, .target = h.id32, .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    w.has_behalf = _i == 2;
    w.behalf = child.kid;
    if (_i == 3)
        memcpy(w.target.b, child.kid.b, 32);
    if (_i == 1) {
        w = (struct tsk_withdraw){.form = TSK_STOP_GRANT, .target = h.id32, .by = TSK_BY_CODE};
        memcpy(w.code, h.code, 16);
    }
    uint64_t form = w.form;
    ck_ok(stop(S, &w, _i == 0 ? &child : NULL, NULL));
    ck_assert_uint_eq(stops_of_form(S, &id, form, &effective, &is_child), 1);
    ck_assert(!effective); /* until the other side has what stands in for it */
    carry();
    stops_of_form(S, &id, form, &effective, &is_child);
    ck_assert(effective);
    stop_withdrawn(&id);
    ck_assert_uint_eq(stops_of_form(R, &id, TSK_STOP_ITEM, &effective, &is_child), 1); /* C6 is not heard of over there */
    ck_assert(is_child); /* nor can a guardian lift it there */
    ck_ok(stop(S, &w, _i == 0 ? &child : NULL, NULL));
    carry();
    ck_assert_uint_eq(stops_of_form(R, &id, TSK_STOP_ITEM, &effective, &is_child), 1); /* once is enough */
}
END_TEST

START_TEST(card_stopped_later)
{
    struct tsk_id16 id;
    struct given g;
    struct tsk_batch b;
    struct tsk_id32 rid;
    struct tsk_holder h = child.holder;
    granted(&id, &child, &g);
    carry();
    h.state = TSK_HOLDER_STOPPED;
    begin(S, &b);
    ck_ok(tsk_author(&desk.ctx[S], &b, TSK_REC_HOLDER, &h, NULL, &rid));
    finish(S, &b);
    ck_assert_uint_eq(desk.letters_n, 1);
    carry();
    ck_ok(try_open(&id, "C1", "P1")); /* stopping a card does not end what was granted before */
    ck_err(give(&id, &child, &WORDS("C1"), &g), TSK_E_CARDSTOPPED);
    ck_ok(give(&id, &guardian, &WORDS("C1"), &g));
}
END_TEST

START_TEST(another_agency_with_a_copy)
{
    struct tsk_id16 id;
    struct given g;
    struct tsk_txn *t;
    struct tsk_case c;
    struct tsk_wraps w;
    struct tsk_key32 part;
    granted(&id, &child, &g);
    c = look_case(R, &id);
    ck_ok(tsk_txn_begin(desk.ctx[R].store, false, &t));
    ck_ok(tsk_wraps_load(t, &c, 0, &w));
    tsk_txn_abort(t);
    ck_err(tsk_rewrap_open(&w.wraps[0], &w.id, &child.kid, tsk_self(&desk.ctx[T]), desk.ctx[T].kems[0], net_id(), &part),
           TSK_E_BADSIG);
}
END_TEST

static TCase *live_1(void)
{
    TCase *tc = tcase_create("version 1");
    tcase_add_checked_fixture(tc, setup_1, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, expires);
    tcase_add_test(tc, clock_set_back);
    tcase_add_test(tc, birthday);
    tcase_add_test(tc, roster_expired);
    tcase_add_test(tc, safety_needs_two);
    tcase_add_loop_test(tc, version_1, 0, 8);
    tcase_add_loop_test(tc, assent_and_consent, 0, 2);
    tcase_add_loop_test(tc, every_form, 0, 16);
    tcase_add_test(tc, effective_when_received);
    tcase_add_test(tc, forgotten_at_the_recipient);
    tcase_add_loop_test(tc, lifted_by_a_new_grant, 0, 2);
    tcase_add_test(tc, given_and_stopped_to_the_limit);
    tcase_add_loop_test(tc, stopped_before_it_left, 0, 4);
    tcase_add_test(tc, card_stopped_later);
    tcase_add_test(tc, another_agency_with_a_copy);
    return tc;
}

static TCase *live_2(void)
{
    TCase *tc = tcase_create("version 2");
    tcase_add_checked_fixture(tc, setup_2, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, version_2_both, 0, 2);
    return tc;
}

TSK_TEST_MAIN("live", live_1, live_2)
