/* test_admit.c - every refusal of the one way in: named, and without a trace in the store. Grants: test_grant.c; stops:
 * test_stop.c. */
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

static struct tsk_referral sample(int from, int to)
{
    struct tsk_referral r = {.sender = *tsk_self(&desk.ctx[from]), .recipient = *tsk_self(&desk.ctx[to]), .needs_n = 1,
                             .created = desk_now, .reply_by = desk_now + DAY, .policy = 1};
    tsk_random(r.id.b, 16);
    tsk_random(r.link.b, 32);
    r.needs[0] = tsk_code("N07");
    r.urgency = tsk_code("U3");
    r.age_band = tsk_code("A3");
    r.ward = tsk_code("011029");
    return r;
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

/* ---- any record ---- */
START_TEST(cut_and_flipped)
{
    struct tsk_referral r = sample(S, R);
    uint8_t buf[2048], bad[2048];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    ck_ok(tsk_record_sign(TSK_REC_REFERRAL, &r, desk.ctx[S].signer, net_id(), buf, sizeof buf, &bytes, &id));
    uint64_t rows = rows_of(R);
    for (size_t n = 0; n < bytes.n; n++)
        ck_err(throw_bytes(R, (struct tsk_slice){bytes.p, n}), TSK_E_MALFORMED);
    for (size_t bit = 0; bit < bytes.n * 8; bit++) {
        memcpy(bad, bytes.p, bytes.n);
        bad[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        enum tsk_err e = throw_bytes(R, (struct tsk_slice){bad, bytes.n});
        ck_assert_msg(e != TSK_OK && tsk_err_class(e) != TSK_CLASS_LOCAL, "bit %zu: %s", bit, tsk_err_name(e));
    }
    ck_assert_uint_eq(rows_of(R), rows);
    ck_ok(throw_bytes(R, bytes));
    rows = rows_of(R);
    ck_ok(throw_bytes(R, bytes)); /* known: said yes to again, and nothing twice */
    ck_assert_uint_eq(rows_of(R), rows);
}
END_TEST

START_TEST(oversize)
{
    static uint8_t big[TSK_RECORD_MAX + 1];
    ck_err(throw_bytes(R, (struct tsk_slice){big, sizeof big}), TSK_E_MALFORMED);
}
END_TEST

START_TEST(other_network)
{
    struct tsk_referral r = sample(S, R);
    struct tsk_id16 net = {{9}};
    uint8_t buf[2048];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    ck_ok(tsk_record_sign(TSK_REC_REFERRAL, &r, desk.ctx[S].signer, &net, buf, sizeof buf, &bytes, &id));
    ck_err(throw_bytes(R, bytes), TSK_E_BADSIG);
}
END_TEST

START_TEST(not_for_parcels)
{
    struct tsk_put put = {.time = desk_now};
    ck_err(throw_at(R, S, TSK_REC_PUT, &put, desk.ctx[S].signer, NULL), TSK_E_WRONGTYPE);
}
END_TEST

START_TEST(strangers_and_roles)
{
    struct tsk_referral r = sample(T, R);
    struct tsk_signer_key *stranger = made_signer(77);
    uint64_t rows = rows_of(R);
    ck_err(throw_at(R, T, TSK_REC_REFERRAL, &r, desk.ctx[T].signer, NULL), TSK_E_WRONGTYPE); /* T may not send */
    r = sample(S, R);
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, stranger, NULL), TSK_E_UNKNOWNPEER);
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, child.keys.sign, NULL), TSK_E_UNKNOWNPEER);
    ck_assert_uint_eq(rows_of(R), rows);
    tsk_signer_free(stranger);
}
END_TEST

START_TEST(clocks)
{
    struct tsk_referral r = sample(S, R);
    struct tsk_batch b;
    uint64_t now;
    r.created = desk_now + 601;
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, desk.ctx[S].signer, NULL), TSK_E_RETRY);
    begin(R, &b);
    ck_ok(tsk_now(&desk.ctx[R], &b, &now));
    finish(R, &b);
    ck_assert_uint_eq(now, desk_now); /* what was refused moved no clock */
    r.created = desk_now + 600;
    ck_ok(throw_at(R, S, TSK_REC_REFERRAL, &r, desk.ctx[S].signer, NULL));
    desk_now -= 5 * DAY; /* set back: gains nothing */
    begin(R, &b);
    ck_ok(tsk_now(&desk.ctx[R], &b, &now));
    finish(R, &b);
    ck_assert_uint_eq(now, r.created);
}
END_TEST

/* ---- referral ---- */
START_TEST(referral_refused)
{
    struct tsk_referral r = sample(S, R);
    struct tsk_signer_key *s = desk.ctx[S].signer;
    uint64_t rows = rows_of(R);
    r.sender = *tsk_self(&desk.ctx[T]);
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, s, NULL), TSK_E_MALFORMED);
    r = sample(S, T);
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, s, NULL), TSK_E_WRONGTYPE);
    r = sample(S, R);
    r.policy = 2;
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, s, NULL), TSK_E_RETRY); /* a newer roster's, which is on its way */
    desk.ctx[R].members->r.time = desk_now + 2 * DAY;
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, s, NULL), TSK_E_STALE); /* ours is newer: it will not come */
    desk.ctx[R].members->r.time = desk.ctx[S].members->r.time;
    desk.ctx[R].members->r.policy = 3;
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, s, NULL), TSK_E_STALE);
    desk.ctx[R].members->r.policy = 1;
    r = sample(R, S);
    ck_err(throw_at(R, S, TSK_REC_REFERRAL, &r, desk.ctx[R].signer, NULL), TSK_E_STALE); /* our own, replayed */
    ck_assert_uint_eq(rows_of(R), rows);
}
END_TEST

START_TEST(referral_id_taken)
{
    struct tsk_referral first = sample(S, T), second = sample(R, T);
    second.id = first.id;
    ck_ok(throw_at(T, S, TSK_REC_REFERRAL, &first, desk.ctx[S].signer, NULL));
    ck_err(throw_at(T, R, TSK_REC_REFERRAL, &second, desk.ctx[R].signer, NULL), TSK_E_STALE);
}
END_TEST

START_TEST(referral_twice)
{
    struct tsk_referral r = sample(S, R);
    ck_ok(throw_at(R, S, TSK_REC_REFERRAL, &r, desk.ctx[S].signer, NULL));
    ck_assert(!look_case(R, &r.id).disputed);
    r.urgency = tsk_code("U1");
    ck_ok(throw_at(R, S, TSK_REC_REFERRAL, &r, desk.ctx[S].signer, NULL)); /* kept as evidence */
    ck_assert(look_case(R, &r.id).disputed);
    ck_err(say(R, &r.id, TSK_ST_ACKED, NULL), TSK_E_FORK);
    uint64_t rows = rows_of(R);
    ck_ok(throw_at(R, S, TSK_REC_REFERRAL, &r, desk.ctx[S].signer, NULL));
    ck_assert_uint_eq(rows_of(R), rows);
}
END_TEST

/* ---- status ---- */
START_TEST(status_refused)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct tsk_status s = {.referral = look_case(S, &id).ref, .seq = 1, .state = TSK_ST_RECALLED, .time = desk_now};
    ck_err(throw_at(R, S, TSK_REC_STATUS, &s, desk.ctx[S].signer, NULL), TSK_E_RETRY); /* its token is not here yet */
    carry();
    ck_err(throw_at(R, T, TSK_REC_STATUS, &s, desk.ctx[T].signer, NULL), TSK_E_UNKNOWNPEER);
    s.state = TSK_ST_DECLINED;
    ck_err(throw_at(S, R, TSK_REC_STATUS, &s, desk.ctx[R].signer, NULL), TSK_E_MALFORMED); /* no reason */
    s.state = TSK_ST_ACCEPTED; /* out of order: kept, and moves nothing */
    ck_ok(throw_at(S, R, TSK_REC_STATUS, &s, desk.ctx[R].signer, NULL));
    ck_assert_int_eq(state_of(S, &id), TSK_ST_ARRIVED);
    ck_assert_int_eq(look_case(S, &id).token, TSK_SIDE_SENDER);
}
END_TEST

START_TEST(status_forked)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    carry();
    struct tsk_status s = {.id = {{1}}, .referral = look_case(S, &id).ref, .seq = 1, .state = TSK_ST_ACKED, .time = desk_now};
    ck_ok(throw_at(S, R, TSK_REC_STATUS, &s, desk.ctx[R].signer, NULL));
    ck_assert_int_eq(state_of(S, &id), TSK_ST_ACKED);
    s.id.b[0] = 2;
    s.state = TSK_ST_DECLINED;
    s.has_reason = true;
    s.reason = tsk_code("D2");
    ck_ok(throw_at(S, R, TSK_REC_STATUS, &s, desk.ctx[R].signer, NULL));
    ck_assert_int_eq(state_of(S, &id), TSK_ST_ARRIVED); /* neither of the two counts */
}
END_TEST

/* More contradictions than are read: answered, and no state comes of them. */
START_TEST(statuses_forked_without_end)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    carry();
    struct tsk_status s = {.referral = look_case(S, &id).ref, .state = TSK_ST_ACKED, .time = desk_now};
    for (uint8_t i = 0; i < 140; i++) {
        s.id.b[0] = (uint8_t)(i + 1);
        s.seq = 1 + i / 2;
        s.prev.b[0] = s.seq > 1;
        ck_ok(throw_at(S, R, TSK_REC_STATUS, &s, desk.ctx[R].signer, NULL));
    }
    for (uint8_t i = 0; i < 10; i++) {
        s.id.b[1] = (uint8_t)(i + 1);
        ck_ok(throw_at(S, R, TSK_REC_STATUS, &s, desk.ctx[R].signer, NULL));
    }
    ck_assert_int_eq(state_of(S, &id), TSK_ST_ARRIVED);
}
END_TEST

/* One id16 for records of two types: the second is kept as evidence, does not act, and flags nothing. */
START_TEST(id_of_another_type)
{
    struct tsk_referral r = sample(S, R), other = sample(S, R);
    ck_ok(throw_at(R, S, TSK_REC_REFERRAL, &r, desk.ctx[S].signer, NULL));
    struct tsk_status s = {.id = other.id, .referral = look_case(R, &r.id).ref, .seq = 1, .state = TSK_ST_RECALLED,
                           .time = desk_now};
    ck_ok(throw_at(R, S, TSK_REC_STATUS, &s, desk.ctx[S].signer, NULL));
    uint64_t rows = rows_of(R);
    ck_ok(throw_at(R, S, TSK_REC_REFERRAL, &other, desk.ctx[S].signer, NULL));
    ck_assert_uint_eq(rows_of(R), rows + 1);
    ck_assert(!look_case(R, &r.id).disputed);
}
END_TEST

/* ---- items ---- */
static struct tsk_item_core core_of(const struct tsk_id16 *id)
{
    return (struct tsk_item_core){.referral = look_case(S, id).ref, .sender = *tsk_self(&desk.ctx[S]), .holders = {child.kid},
                                  .holders_n = 1, .require = 1, .category = tsk_code("C1"), .suite = 1, .mode = 1,
                                  .created = desk_now, .destroy_after = desk_now + 396 * DAY, .age_class = 2,
                                  .class_until = desk_now + DAY, .roster_seq = 1};
}

static enum tsk_err throw_item(int node, struct tsk_item_core *core, int from, bool with_ct)
{
    uint8_t buf[4096], ct[1024], cbor[1100];
    struct tsk_item item;
    struct tsk_cbor_out out;
    struct tsk_inner inner = {.cts.n = 1};
    ck_ok(tsk_item_seal(core, &child.holder.kem_pk, net_id(), TSK_SLICE(((uint8_t[]){'x'})), buf, sizeof buf, &item, ct));
    tsk_cbor_out_init(&out, cbor, sizeof cbor);
    tsk_cbor_put_bytes(&out, (struct tsk_slice){ct, item.ct_len});
    ck_ok(tsk_cbor_out_done(&out, &inner.cts.bytes));
    return throw_at(node, from, TSK_REC_ITEM, &item, desk.ctx[from].signer, with_ct ? &inner : NULL);
}

START_TEST(item_refused)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "");
    struct tsk_item_core core = core_of(&id);
    ck_err(throw_item(R, &core, S, true), TSK_E_RETRY); /* the token first */
    carry();
    uint64_t rows = rows_of(R);
    ck_err(throw_item(R, &core, S, false), TSK_E_MALFORMED);
    core.sender = *tsk_self(&desk.ctx[R]);
    ck_err(throw_item(R, &core, S, true), TSK_E_MALFORMED);
    ck_err(throw_item(S, &core, R, true), TSK_E_UNKNOWNPEER); /* another agency seals for our referral */
    core = core_of(&id);
    core.destroy_after = desk_now + 400 * DAY + 1;
    ck_err(throw_item(R, &core, S, true), TSK_E_MALFORMED);
    core = core_of(&id);
    core.roster_seq = 2;
    ck_err(throw_item(R, &core, S, true), TSK_E_RETRY); /* the roster first */
    ck_err(throw_item(S, &core, S, true), TSK_E_MALFORMED); /* its own roster is there already */
    desk.ctx[R].members->r.time = desk_now + 2 * DAY;
    ck_err(throw_item(R, &core, S, true), TSK_E_MALFORMED); /* sealed before ours was made, it says: no waiting for that */
    desk.ctx[R].members->r.time = desk.ctx[S].members->r.time;
    ck_assert_uint_eq(rows_of(R), rows);
    core = core_of(&id);
    ck_ok(throw_item(R, &core, S, true));
}
END_TEST

/* Consent given under a roster that the recipient does not have yet: the whole bundle waits, and none of it is lost. */
START_TEST(item_before_its_roster)
{
    struct given g;
    enum tsk_err last;
    desk.ctx[S].members->r.seq = 2;
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct letter l = first_letter();
    ck_assert(!deliver(&l, &last));
    ck_err(last, TSK_E_RETRY); /* the grant comes last: it is asked for again, not refused because the item was */
    ck_assert_uint_eq(look_case(R, &id).items_n, 0);
    desk.ctx[R].members->r.seq = 2;
    ck_assert(deliver(&l, &last));
    ck_ok(last);
    free(l.p);
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

static void find_item(const struct tsk_id16 *id, uint64_t index, struct tsk_id32 *ret_id)
{
    struct tsk_txn *t;
    struct tsk_case c = look_case(S, id);
    struct tsk_case_item it;
    ck_ok(tsk_txn_begin(desk.ctx[S].store, false, &t));
    ck_ok(tsk_item_load(t, &c, index, &it));
    *ret_id = it.id;
    tsk_txn_abort(t);
}

/* ---- receipts, openings, deletions ---- */
static bool carries(const struct letter *l, enum tsk_rec rec)
{
    struct tsk_inner inner;
    struct tsk_slice bytes;
    struct tsk_envelope env;
    bool found = false;
    ck_ok(tsk_rec_decode(TSK_REC_INNER, l->inner, &inner));
    struct tsk_seq seq = inner.records;
    while (tsk_seq_next_bytes(&seq, &bytes)) {
        ck_ok(tsk_cose_parse(bytes, &env));
        found = found || env.rec == rec;
    }
    return found;
}

START_TEST(receipts)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct tsk_case c = look_case(S, &id);
    struct tsk_receipt r = {.to = *tsk_self(&desk.ctx[T]), .lines_n = 1, .time = desk_now};
    struct tsk_txn *t;
    uint64_t refused;
    r.lines[0] = (struct tsk_receipt_line){c.ref, 0};
    ck_err(throw_at(S, R, TSK_REC_RECEIPT, &r, desk.ctx[R].signer, NULL), TSK_E_WRONGTYPE);
    r.to = *tsk_self(&desk.ctx[S]);
    ck_ok(throw_at(S, T, TSK_REC_RECEIPT, &r, desk.ctx[T].signer, NULL)); /* T speaks for itself only */
    ck_assert(!look_case(S, &id).arrived);
    r.lines[0].code = 5;
    r.id.b[0] = 1;
    ck_ok(throw_at(S, R, TSK_REC_RECEIPT, &r, desk.ctx[R].signer, NULL));
    ck_assert(!look_case(S, &id).arrived);
    ck_ok(tsk_txn_begin(desk.ctx[S].store, false, &t));
    ck_ok(tsk_refusal_get(t, c.no, c.record_no, &refused));
    ck_assert_uint_eq(refused, 5);
    tsk_txn_abort(t);
    drop_letter(0);
    ck_ok(say(S, &id, TSK_ST_RECALLED, NULL)); /* R would wait for the token of such a status, and open nothing meanwhile */
    for (size_t i = 0; i < desk.letters_n; i++)
        ck_assert(!carries(&desk.letters[i], TSK_REC_STATUS));
}
END_TEST

START_TEST(openings)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1 C6");
    struct tsk_open o = {.time = desk_now, .staff_n = 1, .purpose = tsk_code("P1")};
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    o.grant = g.id32;
    find_item(&id, 1, &o.item);
    ck_err(throw_at(S, R, TSK_REC_OPEN, &o, desk.ctx[R].signer, NULL), TSK_E_NOTGRANTED);
    find_item(&id, 0, &o.item);
    ck_err(throw_at(S, T, TSK_REC_OPEN, &o, desk.ctx[T].signer, NULL), TSK_E_UNKNOWNPEER);
    o.purpose = tsk_code("P2");
    ck_err(throw_at(S, R, TSK_REC_OPEN, &o, desk.ctx[R].signer, NULL), TSK_E_PURPOSE);
    o.grant.b[0] ^= 1;
    ck_err(throw_at(S, R, TSK_REC_OPEN, &o, desk.ctx[R].signer, NULL), TSK_E_RETRY);
    ck_assert_uint_eq(look_case(S, &id).openings_n, 0);
    struct tsk_deleted d = {.grant = g.id32, .items = {o.item}, .items_n = 1, .time = desk_now, .how = 1};
    ck_err(throw_at(S, T, TSK_REC_DELETED, &d, desk.ctx[T].signer, NULL), TSK_E_UNKNOWNPEER);
    ck_ok(throw_at(S, R, TSK_REC_DELETED, &d, desk.ctx[R].signer, NULL));
}
END_TEST

static TCase *admit(void)
{
    TCase *tc = tcase_create("admit");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    const TTest *const tests[] = {
        cut_and_flipped, oversize, other_network, not_for_parcels, strangers_and_roles, clocks, referral_refused,
        referral_id_taken, referral_twice, status_refused, status_forked, statuses_forked_without_end,
        id_of_another_type, item_refused,
        item_before_its_roster,
        receipts, openings,
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    return tc;
}

TSK_TEST_MAIN("admit", admit)
