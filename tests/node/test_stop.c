/* test_stop.c - stops: who may, whatever the time, before or after what they stop; forged and false ones. */
#include "tests/node/desk_acts.h"

static struct person child, guardian;
static struct person *const both[] = {&child, &guardian};

static void setup(void)
{
    desk_open(1);
    person_new(&child, TSK_HOLDER_CHILD, S);
    person_new(&guardian, TSK_HOLDER_GUARDIAN, S);
}
static void teardown(void)
{
    person_free(&child);
    person_free(&guardian);
    desk_close();
}

static enum tsk_err throw_bytes(int node, struct tsk_slice bytes)
{
    struct tsk_batch b;
    struct tsk_incoming in = {.from = *tsk_self(&desk.ctx[S]), .bytes = bytes};
    struct tsk_id32 id;
    bool is_receipt;
    begin(node, &b);
    enum tsk_err e = tsk_admit_record(&desk.ctx[node], &b, &in, &id, &is_receipt);
    finish(node, &b);
    return e;
}

/* ---- stops ---- */
START_TEST(stop_refused)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct person stranger;
    struct given g;
    person_new(&stranger, TSK_HOLDER_CHILD, S);
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    uint64_t rows = rows_of(S);
    ck_err(stop_grant(S, &g, &stranger, NULL), TSK_E_WRONGHOLDER);
    struct tsk_withdraw w = {.form = TSK_STOP_GRANT, .target = g.id32, .by = TSK_BY_CODE};
    memcpy(w.code, g.code, 16);
    w.code[3] ^= 1;
    ck_err(stop(S, &w, NULL, NULL), TSK_E_WRONGCODE);
    w.form = TSK_STOP_REFERRAL;
    w.target = look_case(S, &id).ref;
    ck_err(stop(S, &w, NULL, NULL), TSK_E_WRONGCODE); /* a code is a grant's */
    w = (struct tsk_withdraw){.form = TSK_STOP_GRANT, .target = {{5}}, .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    ck_err(stop(S, &w, NULL, NULL), TSK_E_UNKNOWN);
    w = (struct tsk_withdraw){.id = {{1}}, .form = TSK_STOP_REFERRAL, .target = look_case(S, &id).ref, .time = desk_now,
                              .by = TSK_BY_STAFF};
    w.reason = tsk_code("S9");
    ck_err(throw_at(S, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL), TSK_E_WRONGTYPE); /* not T's to end */
    w.by = TSK_BY_HOLDER;
    ck_err(throw_at(S, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL), TSK_E_MALFORMED);
    ck_assert_uint_eq(rows_of(S), rows);
    ck_ok(try_open(&id, "C1", "P1"));
    w = (struct tsk_withdraw){.form = TSK_STOP_GRANT, .target = g.id32, .by = TSK_BY_CODE};
    memcpy(w.code, g.code, 16);
    ck_ok(stop(S, &w, NULL, NULL));
    carry();
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
    person_free(&stranger);
}
END_TEST

START_TEST(stop_from_the_future)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    struct tsk_batch b;
    uint64_t now;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    struct tsk_withdraw w = {.id = {{1}}, .form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now + 1000 * DAY,
                             .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL));
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
    begin(R, &b);
    ck_ok(tsk_now(&desk.ctx[R], &b, &now));
    finish(R, &b);
    ck_assert_uint_eq(now, desk_now); /* it acts, and moves no clock */
    carry();
    ck_assert_int_eq(look_case(S, &id).consent, TSK_CONSENT_STOPPED); /* told on by the recipient */
}
END_TEST

START_TEST(stops_before_their_grant)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1 C6");
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1 C6"), &g));
    ck_assert_uint_eq(desk.letters_n, 1);
    ck_ok(stop_grant(S, &g, _i == 0 ? &child : NULL, NULL));
    for (size_t i = desk.letters_n; i-- > 1;) { /* the stop and what follows first */
        deliver(&desk.letters[i], NULL);
        drop_letter(i);
    }
    ck_assert_uint_eq(look_case(R, &id).grants_n, 0);
    carry();
    ck_assert_uint_eq(look_case(R, &id).grants_n, 1);
    ck_assert_int_eq(state_of(R, &id), TSK_ST_WITHDRAWN);
    ck_assert_int_eq(state_of(S, &id), TSK_ST_WITHDRAWN);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
    struct tsk_txn *t;
    struct tsk_wraps w;
    struct tsk_case c = look_case(R, &id);
    ck_ok(tsk_txn_begin(desk.ctx[R].store, false, &t));
    ck_err(tsk_wraps_load(t, &c, 0, &w), TSK_E_UNKNOWN);
    tsk_txn_abort(t);
}
END_TEST

START_TEST(false_stops_before_their_grant)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct person stranger;
    struct given g;
    person_new(&stranger, TSK_HOLDER_CHILD, S);
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct tsk_withdraw w = {.id = {{1}}, .form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now, .by = TSK_BY_CODE,
                             .code = {7}};
    ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL)); /* kept: the grant is not here */
    w.by = TSK_BY_HOLDER;
    ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, stranger.keys.sign, NULL));
    carry();
    ck_ok(try_open(&id, "C1", "P1")); /* checked when it came, and dropped */
    person_free(&stranger);
}
END_TEST

START_TEST(forged_stop_before_its_holder)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    uint8_t buf[2048];
    struct tsk_slice bytes;
    struct tsk_id32 rid;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct tsk_withdraw w = {.id = {{1}}, .form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now, .by = TSK_BY_HOLDER};
    ck_ok(tsk_record_sign(TSK_REC_WITHDRAW, &w, child.keys.sign, net_id(), buf, sizeof buf, &bytes, &rid));
    buf[bytes.n - 1] ^= 1; /* the signature's last byte */
    ck_ok(throw_bytes(R, bytes));
    carry();
    ck_ok(try_open(&id, "C1", "P1")); /* the holder record came with the grant and showed the forgery */
    buf[bytes.n - 1] ^= 1;
    ck_ok(throw_bytes(R, bytes)); /* the genuine one has the same id32, and must act all the same */
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
}
END_TEST

START_TEST(forged_and_genuine_before_their_holder)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    uint8_t buf[2048];
    struct tsk_slice bytes;
    struct tsk_id32 rid;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct tsk_withdraw w = {.id = {{1}}, .form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now, .by = TSK_BY_HOLDER};
    ck_ok(tsk_record_sign(TSK_REC_WITHDRAW, &w, child.keys.sign, net_id(), buf, sizeof buf, &bytes, &rid));
    buf[bytes.n - 1] ^= 1;
    ck_ok(throw_bytes(R, bytes));
    ck_ok(throw_bytes(R, bytes)); /* the same bytes again are known */
    buf[bytes.n - 1] ^= 1;
    ck_err(throw_bytes(R, bytes), TSK_E_RETRY); /* nobody can tell yet which is true: no receipt for the second */
    carry();
    ck_ok(throw_bytes(R, bytes));
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
}
END_TEST

/* The code is right, and so many wrong ones came before it, all of them before the grant. */
START_TEST(true_stop_behind_false_ones)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct tsk_withdraw w = {.form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now, .by = TSK_BY_CODE};
    for (uint8_t i = 1; i <= 3 * TSK_LIFTS_MAX; i++) {
        w.id.b[0] = w.code[0] = i;
        ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL));
    }
    w.id.b[1] = 1;
    memcpy(w.code, g.code, sizeof w.code);
    ck_ok(throw_at(R, S, TSK_REC_WITHDRAW, &w, desk.ctx[S].signer, NULL));
    carry();
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
}
END_TEST

/* The target is here, the card that signed is not: forged ones must not crowd the true one out either. */
START_TEST(true_stop_behind_forged_ones)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    uint8_t buf[2048];
    struct tsk_slice bytes;
    struct tsk_id32 rid;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    struct tsk_withdraw w = {.form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now, .by = TSK_BY_HOLDER};
    for (uint8_t i = 1; i <= 3 * TSK_LIFTS_MAX; i++) {
        w.id.b[0] = i;
        ck_ok(tsk_record_sign(TSK_REC_WITHDRAW, &w, guardian.keys.sign, net_id(), buf, sizeof buf, &bytes, &rid));
        buf[bytes.n - 1] ^= _i == 0 || i < 3 * TSK_LIFTS_MAX;
        ck_ok(throw_bytes(R, bytes));
    }
    w = (struct tsk_withdraw){.id = {{1}}, .form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now, .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    if (_i == 0) /* the true one is the last card's, or a member's */
        ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL));
    ck_ok(throw_at(R, S, TSK_REC_HOLDER, &guardian.holder, desk.ctx[S].signer, NULL));
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
    struct tsk_rowkey k = tsk_row_stop(TSK_STOP_GRANT, g.id32.b, NULL);
    struct tsk_txn *t;
    uint64_t n;
    ck_ok(tsk_txn_begin(desk.ctx[R].store, false, &t));
    ck_ok(tsk_count(t, &k, &n));
    tsk_txn_abort(t);
    ck_assert_uint_eq(n, 1);
}
END_TEST

/* Over a whole referral, by a card: its recipient cannot know yet whose cards the referral has. */
START_TEST(referral_stopped_before_its_items)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct person stranger;
    struct given g;
    person_new(&stranger, TSK_HOLDER_CHILD, S);
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct tsk_withdraw w = {.id = {{1}}, .form = TSK_STOP_REFERRAL, .target = look_case(S, &id).ref, .time = desk_now,
                             .by = TSK_BY_HOLDER};
    ck_ok(throw_at(R, S, TSK_REC_WITHDRAW, &w, _i == 0 ? child.keys.sign : stranger.keys.sign, NULL));
    carry();
    ck_assert_uint_eq(look_case(R, &id).grants_n, 1);
    ck_err(try_open(&id, "C1", "P1"), _i == 0 ? TSK_E_WITHDRAWN : TSK_OK); /* a stranger's is found false */
    person_free(&stranger);
}
END_TEST

/* Each is answered as stored; rows that no grant could lift are not written. */
START_TEST(one_target_stopped_without_end)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    carry();
    struct tsk_withdraw w = {.form = TSK_STOP_REFERRAL, .target = look_case(R, &id).ref, .time = desk_now, .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    for (uint8_t i = 1; i <= 3 * TSK_LIFTS_MAX; i++) {
        w.id.b[0] = i;
        ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL));
    }
    struct tsk_rowkey k = tsk_row_stop(TSK_STOP_REFERRAL, w.target.b, NULL);
    struct tsk_txn *t;
    uint64_t n;
    ck_ok(tsk_txn_begin(desk.ctx[R].store, false, &t));
    ck_ok(tsk_count(t, &k, &n));
    tsk_txn_abort(t);
    ck_assert_uint_eq(n, TSK_LIFTS_MAX + 1);
}
END_TEST

START_TEST(stop_by_a_node_that_has_left)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct tsk_members *m = desk.ctx[R].members;
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    for (size_t i = 0; i < m->n; i++)
        if (memcmp(&m->entries[i].m.kid, tsk_self(&desk.ctx[T]), 32) == 0) {
            m->entries[i].m.has_until = true;
            m->entries[i].m.until = desk_now - 1;
        }
    struct tsk_cosign cosign = {.target = g.id32, .role = TSK_COSIGN_ORGANISATION, .time = desk_now};
    ck_err(throw_at(R, T, TSK_REC_COSIGN, &cosign, desk.ctx[T].signer, NULL), TSK_E_UNKNOWNPEER);
    ck_ok(try_open(&id, "C1", "P1"));
    struct tsk_withdraw w = {.id = {{1}}, .form = TSK_STOP_GRANT, .target = g.id32, .time = desk_now - DAY, .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL));
    ck_err(try_open(&id, "C1", "P1"), TSK_E_WITHDRAWN);
}
END_TEST

static void forget_stops(int node, const struct tsk_rowkey *prefix)
{
    struct tsk_walk w;
    struct tsk_slice tail, value;
    struct tsk_batch b;
    begin(node, &b);
    tsk_walk_init(&w, prefix, NULL);
    while (tsk_walk_next(b.txn, &w, &tail, &value) == TSK_OK) {
        struct tsk_rowkey k = *prefix;
        tsk_row_bytes(&k, tail.p, tail.n);
        ck_ok(tsk_del(b.txn, &k));
    }
    finish(node, &b);
}

/* A word that waits for `handed` takes effect when the other side speaks: the referral is stopped all the same, and what
 * is closed after it does not open. Nor does it without that stop, by the history alone. */
START_TEST(ended_by_a_word_that_waited)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    struct tsk_txn *t;
    uint64_t n;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL));
    ck_ok(say(R, &id, TSK_ST_ACCEPTED, NULL));
    ck_ok(say(R, &id, TSK_ST_NOTCONNECTED, "O22"));
    ck_assert_int_eq(state_of(R, &id), TSK_ST_ACCEPTED);
    carry();
    ck_err(try_open(&id, "C1", "P1"), TSK_E_STATE);
    ck_ok(say(S, &id, TSK_ST_CLOSED, "O22"));
    carry();
    ck_assert_int_eq(state_of(R, &id), TSK_ST_CLOSED);
    struct tsk_rowkey k = tsk_row_stop(TSK_STOP_REFERRAL, look_case(R, &id).ref.b, NULL);
    for (int node = S; node <= R; node++) {
        ck_ok(tsk_txn_begin(desk.ctx[node].store, false, &t));
        ck_ok(tsk_count(t, &k, &n));
        tsk_txn_abort(t);
        ck_assert_uint_ge(n, 1);
    }
    if (_i == 1)
        forget_stops(R, &k);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_STATE);
}
END_TEST

START_TEST(too_many_unknown_stops)
{
    struct tsk_withdraw w = {.form = TSK_STOP_GRANT, .time = desk_now, .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    for (unsigned i = 0; i < TSK_STOPS_PER_PEER_MAX; i++) {
        w.id.b[0] = w.target.b[0] = (uint8_t)i;
        w.id.b[1] = w.target.b[1] = (uint8_t)(i >> 8);
        ck_ok(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL));
    }
    w.id.b[2] = w.target.b[2] = 1;
    ck_err(throw_at(R, T, TSK_REC_WITHDRAW, &w, desk.ctx[T].signer, NULL), TSK_E_RATE);
    ck_ok(throw_at(R, S, TSK_REC_WITHDRAW, &w, desk.ctx[S].signer, NULL)); /* another peer's own cap */
}
END_TEST

static TCase *stops(void)
{
    TCase *tc = tcase_create("stops");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    const TTest *const tests[] = {
        stop_refused, stop_from_the_future, false_stops_before_their_grant, forged_stop_before_its_holder,
        forged_and_genuine_before_their_holder, true_stop_behind_false_ones,
        too_many_unknown_stops, one_target_stopped_without_end, stop_by_a_node_that_has_left,
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    tcase_add_loop_test(tc, stops_before_their_grant, 0, 2);
    tcase_add_loop_test(tc, referral_stopped_before_its_items, 0, 2);
    tcase_add_loop_test(tc, true_stop_behind_forged_ones, 0, 2);
    tcase_add_loop_test(tc, ended_by_a_word_that_waited, 0, 2);
    return tc;
}

TSK_TEST_MAIN("stops", stops)
