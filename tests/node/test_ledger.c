/* test_ledger.c - rows as they are written and read back, and the lists over them. */
#include "tests/node/desk_acts.h"

static struct tsk_store *store;
static struct tsk_txn *txn;

static void setup(void)
{
    struct tsk_key32 master = {{3}};
    ck_ok(tsk_crypto_init());
    temp_setup();
    ck_ok(tsk_store_open(temp_dir, &master, 1, &store));
    ck_ok(tsk_txn_begin(store, true, &txn));
}
static void teardown(void)
{
    tsk_txn_abort(txn);
    tsk_store_close(store);
    temp_teardown();
}

static struct tsk_case sample(uint64_t no, enum tsk_side side, enum tsk_state state)
{
    struct tsk_case c = {.no = no, .side = side, .state = state, .id = {{(uint8_t)no}}, .ref = {{1, (uint8_t)no}},
                         .peer = {{7}}, .record_no = 9, .sent = true, .hold = true, .reply_by = 123456789,
                         .token = TSK_SIDE_RECIPIENT, .birth = "2015-04-02", .age_class = 2, .require = TSK_ALL,
                         .holders = {{{1}}, {{2}}}, .holders_n = 2,
                         .items_n = 3, .grants_n = 4, .released = true, .consent = TSK_CONSENT_PARTLY, .granted_n = 1};
    c.granted[0] = tsk_code("C6");
    return c;
}

START_TEST(case_round)
{
    struct tsk_case c = sample(5, TSK_SIDE_SENDER, TSK_ST_ACKED), back;
    ck_ok(tsk_case_save(txn, &c));
    ck_ok(tsk_case_load(txn, 5, &back));
    ck_assert_mem_eq(&c, &back, sizeof c);
    ck_err(tsk_case_load(txn, 6, &back), TSK_E_UNKNOWN);
    ck_err(tsk_case_by_id(txn, &c.id, &back), TSK_E_UNKNOWN); /* only a token makes it findable */
}
END_TEST

/* A row of another version, shorter, longer or with other elements, is refused and not guessed at. */
START_TEST(strange_rows)
{
    struct tsk_case c = sample(5, TSK_SIDE_SENDER, TSK_ST_ACKED), back;
    struct tsk_rowkey k = tsk_row_no(TSK_T_CASE, 5);
    struct tsk_slice row;
    uint8_t bad[4096];
    ck_ok(tsk_case_save(txn, &c));
    ck_ok(tsk_get(txn, &k, &row));
    size_t n = row.n;
    memcpy(bad, row.p, n);
    for (size_t cut = 0; cut < n; cut++) {
        ck_ok(tsk_put(txn, &k, (struct tsk_slice){bad, cut}));
        ck_err(tsk_case_load(txn, 5, &back), TSK_E_BUG);
    }
    bad[n] = 0;
    ck_ok(tsk_put(txn, &k, (struct tsk_slice){bad, n + 1}));
    ck_err(tsk_case_load(txn, 5, &back), TSK_E_BUG);
    bad[1]++; /* one more element: 0x98 count */
    ck_ok(tsk_put(txn, &k, (struct tsk_slice){bad, n + 1}));
    ck_err(tsk_case_load(txn, 5, &back), TSK_E_BUG);
}
END_TEST

START_TEST(lists_of_work)
{
    /* every state on either side: the sender's board keeps what must still be closed, the inbox what can still be worked on */
    for (int state = TSK_ST_DRAFT; state < TSK_ST_COUNT; state++)
        for (int side = 0; side < 2; side++) {
            struct tsk_case c = sample((uint64_t)(state * 2 + side), (enum tsk_side)side, (enum tsk_state)state), found;
            struct tsk_walk w;
            ck_ok(tsk_case_save(txn, &c));
            bool listed = side == 0 ? !tsk_state_final(c.state) : tsk_state_in_hand(c.state);
            tsk_case_walk_init(&w, c.side);
            enum tsk_err e;
            bool seen = false;
            while ((e = tsk_case_walk(txn, &w, &found)) == TSK_OK)
                seen = seen || found.no == c.no;
            ck_err(e, TSK_E_UNKNOWN);
            ck_assert_int_eq(seen, listed);
            c.state = TSK_ST_CLOSED;
            ck_ok(tsk_case_save(txn, &c));
            tsk_case_walk_init(&w, c.side);
            while ((e = tsk_case_walk(txn, &w, &found)) == TSK_OK)
                ck_assert_uint_ne(found.no, c.no);
        }
}
END_TEST

START_TEST(holder_round)
{
    struct tsk_holder_at h = {.kid = {{1}}, .holder = {.sign_pk = {{2}}, .suite = 1, .kem_pk = {{3}}, .kind = 2, .state = 1,
                              .time = 77, .enrolled_by = {{4}}, .has_other = true, .other = {{5}}, .pop = {6}},
                              .record_no = 8, .card = {{9}}, .tweak = {{10}}, .case_no = 11, .stopped_at = 12}, back;
    struct tsk_walk w;
    ck_ok(tsk_holder_save(txn, &h));
    ck_ok(tsk_holder_load(txn, &h.kid, &back));
    ck_assert_mem_eq(&h, &back, sizeof h);
    h.kid.b[0] = 2;
    ck_ok(tsk_holder_save(txn, &h));
    h.kid.b[0] = 3;
    h.card.b[0] = 8; /* another card */
    ck_ok(tsk_holder_save(txn, &h));
    h.card.b[0] = 9;
    tsk_card_walk_init(&w, &h.card);
    ck_ok(tsk_card_walk(txn, &w, &back));
    ck_assert_uint_eq(back.kid.b[0], 1);
    ck_ok(tsk_card_walk(txn, &w, &back));
    ck_assert_uint_eq(back.kid.b[0], 2);
    ck_err(tsk_card_walk(txn, &w, &back), TSK_E_UNKNOWN);
}
END_TEST

START_TEST(notes)
{
    char text[16];
    ck_err(tsk_note_get(txn, 1, text, sizeof text), TSK_E_UNKNOWN);
    ck_ok(tsk_note_put(txn, 1, "on the phone"));
    ck_ok(tsk_note_get(txn, 1, text, sizeof text));
    ck_assert_str_eq(text, "on the phone");
    ck_err(tsk_note_get(txn, 1, text, 12), TSK_E_LIMIT);
}
END_TEST

START_TEST(forks_are_kept)
{
    bool fork;
    for (uint64_t i = 0; i < 10; i++) {
        ck_ok(tsk_status_append(txn, 1, TSK_SIDE_SENDER, 3, 100 + i, &fork));
        ck_assert_int_eq(fork, i > 0);
    }
    ck_ok(tsk_status_append(txn, 1, TSK_SIDE_SENDER, 4, 1, &fork));
    ck_assert(!fork);
    ck_ok(tsk_status_append(txn, 1, TSK_SIDE_RECIPIENT, 3, 1, &fork));
    ck_assert(!fork);
}
END_TEST

START_TEST(unknown_things)
{
    struct tsk_id32 id = {{1}};
    struct tsk_stored r;
    struct tsk_place p;
    struct tsk_case c = {.no = 1};
    struct tsk_case_item it;
    struct tsk_case_grant g;
    struct tsk_wraps w;
    struct tsk_holder_at h;
    struct tsk_stop *stops = NULL;
    size_t n = 9;
    ck_err(tsk_record_get(txn, 1, &r), TSK_E_UNKNOWN);
    ck_err(tsk_record_find(txn, &id, &r), TSK_E_UNKNOWN);
    ck_err(tsk_case_by_ref(txn, &id, &c), TSK_E_UNKNOWN);
    ck_err(tsk_item_find(txn, &id, &p), TSK_E_UNKNOWN);
    ck_err(tsk_grant_find(txn, &id, &p), TSK_E_UNKNOWN);
    ck_err(tsk_item_load(txn, &c, 0, &it), TSK_E_UNKNOWN);
    ck_err(tsk_grant_load(txn, &c, 0, &g), TSK_E_UNKNOWN);
    ck_err(tsk_grant_by_id(txn, &(struct tsk_id16){{1}}, &c, &g), TSK_E_UNKNOWN);
    ck_err(tsk_wraps_load(txn, &c, 0, &w), TSK_E_UNKNOWN);
    ck_err(tsk_holder_load(txn, &(struct tsk_kid){{1}}, &h), TSK_E_UNKNOWN);
    ck_ok(tsk_stops_of(txn, &c, &id, &stops, &n));
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* ---- over a whole case ---- */
static void setup_desk(void) { desk_open(1); }
static void teardown_desk(void) { desk_close(); }

START_TEST(everything_about_a_case)
{
    struct person child;
    struct given g;
    struct tsk_txn *t;
    uint64_t *nos;
    size_t n, count[TSK_REC_COUNT] = {0};
    person_new(&child, TSK_HOLDER_CHILD, S);
    struct person *const one[] = {&child};
    struct tsk_id16 id = refer(&PLAN, one, 1, "C1 C6");
    carry();
    ck_ok(say(R, &id, TSK_ST_ACKED, NULL));
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
    ck_ok(stop_grant(S, &g, &child, NULL));
    carry();
    struct tsk_case c = look_case(S, &id);
    ck_ok(tsk_txn_begin(desk.ctx[S].store, false, &t));
    ck_ok(tsk_case_records(t, &c, &nos, &n));
    for (size_t i = 0; i < n; i++) {
        struct tsk_stored r;
        struct tsk_id32 rid;
        ck_ok(tsk_record_get(t, nos[i], &r));
        ck_ok(tsk_record_id(&r.env, net_id(), &rid));
        ck_assert_mem_eq(rid.b, r.id.b, 32);
        ck_assert(i == 0 || nos[i - 1] < nos[i]);
        count[r.env.rec]++;
    }
    struct tsk_open o;
    struct tsk_stored r;
    ck_ok(tsk_opening_load(t, &c, 0, &o, &r));
    ck_assert_mem_eq(r.env.kid.b, tsk_self(&desk.ctx[R])->b, 32);
    ck_assert_mem_eq(o.grant.b, g.id32.b, 32);
    ck_err(tsk_opening_load(t, &c, 1, &o, &r), TSK_E_UNKNOWN);
    tsk_txn_abort(t);
    ck_assert_uint_eq(count[TSK_REC_REFERRAL], 1);
    ck_assert_uint_eq(count[TSK_REC_HOLDER], 1);
    ck_assert_uint_eq(count[TSK_REC_ITEM], 2);
    ck_assert_uint_eq(count[TSK_REC_GRANT], 1);
    ck_assert_uint_eq(count[TSK_REC_COSIGN], 1);
    ck_assert_uint_eq(count[TSK_REC_DELETED], 1);
    ck_assert_uint_eq(count[TSK_REC_OPEN], 1);
    ck_assert_uint_eq(count[TSK_REC_STATUS], 2); /* acked, withdrawn */
    ck_assert_uint_eq(count[TSK_REC_WITHDRAW], 3); /* the family's, and each side's "ended" */
    person_free(&child);
}
END_TEST

static TCase *rows(void)
{
    TCase *tc = tcase_create("rows");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, case_round);
    tcase_add_test(tc, strange_rows);
    tcase_add_test(tc, lists_of_work);
    tcase_add_test(tc, holder_round);
    tcase_add_test(tc, notes);
    tcase_add_test(tc, forks_are_kept);
    tcase_add_test(tc, unknown_things);
    return tc;
}

static TCase *whole(void)
{
    TCase *tc = tcase_create("whole case");
    tcase_add_checked_fixture(tc, setup_desk, teardown_desk);
    tcase_add_test(tc, everything_about_a_case);
    return tc;
}

TSK_TEST_MAIN("ledger", rows, whole)
