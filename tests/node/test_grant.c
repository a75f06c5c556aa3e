/* test_grant.c - which grants are taken, which are refused, and what happens when their parts come in the wrong order. */
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

/* ---- grants, as the sender's terminal brings them ---- */
static struct tsk_id32 foreign_item;
static void spoil_role(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->role = 3 - g->role; }
static void spoil_basis(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->basis = tsk_code("B3"); }
static void spoil_notice(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->notice_hash[0] ^= 1; }
static void spoil_recipient(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->recipient = *tsk_self(&desk.ctx[T]); }
static void spoil_category(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->items[0].category = tsk_code("C6"); }
static void spoil_referral(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->referral.b[0] ^= 1; }
static void spoil_wraps_id(struct tsk_grant *g, struct tsk_wraps *w) { (void)g; w->id.b[0] ^= 1; }
static void spoil_wraps_key(struct tsk_grant *g, struct tsk_wraps *w) { (void)g; w->wraps[0].key_id8[0] ^= 1; }
static void spoil_wraps_item(struct tsk_grant *g, struct tsk_wraps *w) { (void)g; w->wraps[0].item.b[0] ^= 1; }
static void spoil_wraps_hash(struct tsk_grant *g) { g->wraps_hash[0] ^= 1; }
static void spoil_node(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->how_node = *tsk_self(&desk.ctx[R]); }
static void spoil_holder(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->holder = g->role_kid = guardian.kid; }
static void spoil_past(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->time -= 2 * DAY; g->expires = desk_now; }
static void spoil_long(struct tsk_grant *g, struct tsk_wraps *w) { (void)w; g->expires = g->time + TSK_GRANT_MAX_S + 1; }
static void spoil_other_item(struct tsk_grant *g, struct tsk_wraps *w)
{
    g->items[0].item = w->wraps[0].item = foreign_item;
}

static const struct { const char *what; void (*spoil)(struct tsk_grant *, struct tsk_wraps *);
                      void (*spoil_signed)(struct tsk_grant *); enum tsk_err want; } bad_grants[] = {
    {"role unlike the card's kind", spoil_role, NULL, TSK_E_RULE},
    {"both, where one is enough", spoil_basis, NULL, TSK_E_RULE},
    {"unknown notice", spoil_notice, NULL, TSK_E_NOTGRANTED},
    {"another recipient", spoil_recipient, NULL, TSK_E_NOTGRANTED},
    {"another category", spoil_category, NULL, TSK_E_NOTGRANTED},
    {"unknown referral", spoil_referral, NULL, TSK_E_NOTGRANTED},
    {"wraps of another grant", spoil_wraps_id, NULL, TSK_E_NOTGRANTED},
    {"a key that is not the recipient's", spoil_wraps_key, NULL, TSK_E_UNKNOWNPEER},
    {"wraps of another item", spoil_wraps_item, NULL, TSK_E_NOTGRANTED},
    {"other wraps than it names", NULL, spoil_wraps_hash, TSK_E_MALFORMED},
    {"taken elsewhere", spoil_node, NULL, TSK_E_MALFORMED},
    {"someone else's name", spoil_holder, NULL, TSK_E_MALFORMED},
    {"over already", spoil_past, NULL, TSK_E_EXPIRED},
    {"longer than a year", spoil_long, NULL, TSK_E_RULE},
    {"an item of another referral", spoil_other_item, NULL, TSK_E_NOTGRANTED},
};

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

START_TEST(grant_refused)
{
    struct tsk_id16 other = refer(&PLAN, both, 2, "C1"), id = refer(&PLAN, both, 2, "C1");
    struct words w = WORDS("C1");
    struct given g;
    find_item(&other, 0, &foreign_item);
    carry();
    uint64_t rows = rows_of(S);
    w.spoil = bad_grants[_i].spoil;
    w.spoil_signed = bad_grants[_i].spoil_signed;
    enum tsk_err e = give(&id, &child, &w, &g);
    ck_assert_msg(e == bad_grants[_i].want, "%s: %s", bad_grants[_i].what, tsk_err_name(e));
    ck_assert_uint_eq(rows_of(S), rows);
    ck_assert_uint_eq(desk.letters_n, 0);
    ck_ok(give(&id, &child, &WORDS("C1"), &g)); /* nothing was lost by the attempt */
}
END_TEST

START_TEST(grant_by_the_wrong_person)
{
    struct person stranger;
    struct plan adult = PLAN, small = PLAN;
    struct person *const alone[] = {&child};
    struct given g;
    adult.age_class = 4;
    small.age_class = 1;
    person_new(&stranger, TSK_HOLDER_CHILD, S);
    struct tsk_id16 grown = refer(&adult, both, 2, "C1"), little = refer(&small, both, 2, "C1"),
                    any = refer(&PLAN, both, 2, "C1 C8");
    struct tsk_id16 orphan = refer(&small, alone, 1, "C1");
    ck_err(give(&grown, &guardian, &WORDS("C1"), &g), TSK_E_RULE);
    ck_err(give(&orphan, &child, &WORDS("C1"), &g), TSK_E_RULE); /* no guardian holds it: this can never be enough */
    ck_err(give(&any, &guardian, &WORDS("C8"), &g), TSK_E_WRONGHOLDER); /* guardians are no holders of safety */
    ck_err(give(&any, &stranger, &WORDS("C1"), &g), TSK_E_WRONGHOLDER);
    ck_ok(give(&grown, &child, &WORDS("C1"), &g));
    ck_ok(give(&little, &guardian, &WORDS("C1"), &g));
    ck_ok(give(&any, &child, &WORDS("C1 C8"), &g));
    person_free(&stranger);
}
END_TEST

START_TEST(grant_capped)
{
    struct plan p = PLAN;
    struct words w = WORDS("C1");
    struct given g;
    p.class_until = desk_now + 50 * DAY;
    p.age_18 = desk_now + 20 * DAY;
    struct tsk_id16 id = refer(&p, both, 2, "C1");
    w.days = 51;
    ck_err(give(&id, &child, &w, &g), TSK_E_AGECHANGED);
    w.days = 21;
    ck_err(give(&id, &guardian, &w, &g), TSK_E_AGECHANGED); /* a guardian's word ends on the 18th birthday */
    w.days = 20;
    ck_ok(give(&id, &guardian, &w, &g));
    w.days = 50;
    ck_ok(give(&id, &child, &w, &g));
}
END_TEST

START_TEST(grant_by_a_stopped_card)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct tsk_holder h = child.holder;
    struct given g;
    h.state = TSK_HOLDER_STOPPED;
    ck_ok(throw_at(S, R, TSK_REC_HOLDER, &h, desk.ctx[R].signer, NULL)); /* any member, at once */
    ck_err(give(&id, &child, &WORDS("C1"), &g), TSK_E_CARDSTOPPED);
    h.state = TSK_HOLDER_ACTIVE;
    ck_ok(throw_at(S, S, TSK_REC_HOLDER, &h, desk.ctx[S].signer, NULL)); /* the highest state counts */
    ck_err(give(&id, &child, &WORDS("C1"), &g), TSK_E_CARDSTOPPED);
}
END_TEST

START_TEST(holder_refused)
{
    struct tsk_holder h = child.holder;
    h.pop[0] ^= 1;
    ck_err(throw_at(R, S, TSK_REC_HOLDER, &h, desk.ctx[S].signer, NULL), TSK_E_BADSIG);
    h = child.holder;
    h.kind = TSK_HOLDER_GUARDIAN;
    ck_err(throw_at(R, S, TSK_REC_HOLDER, &h, desk.ctx[S].signer, NULL), TSK_E_BADSIG);
    ck_err(throw_at(R, T, TSK_REC_HOLDER, &child.holder, desk.ctx[T].signer, NULL), TSK_E_WRONGTYPE); /* not enrolled there */
    h = child.holder;
    h.sign_pk = (struct tsk_pk){{1}}; /* the identity: of small order */
    ck_err(throw_at(R, S, TSK_REC_HOLDER, &h, desk.ctx[S].signer, NULL), TSK_E_UNKNOWNPEER);
    h = child.holder;
    h.state = TSK_HOLDER_REPLACED;
    h.has_other = true;
    ck_err(throw_at(R, S, TSK_REC_HOLDER, &h, desk.ctx[S].signer, NULL), TSK_E_RETRY); /* without a second organisation */
    ck_ok(throw_at(R, S, TSK_REC_HOLDER, &child.holder, desk.ctx[S].signer, NULL));
    h = child.holder;
    h.kind = TSK_HOLDER_GUARDIAN;
    ck_ok(tsk_holder_pop_sign(&h, child.keys.sign, net_id()));
    ck_err(throw_at(R, S, TSK_REC_HOLDER, &h, desk.ctx[S].signer, NULL), TSK_E_STALE); /* the kind never changes */
}
END_TEST

START_TEST(recipient_enrolled)
{
    struct person p;
    struct given g;
    person_new(&p, TSK_HOLDER_CHILD, R);
    struct person *const one[] = {&p};
    struct tsk_id16 id = refer(&PLAN, one, 1, "C1");
    carry();
    ck_err(give(&id, &p, &WORDS("C1"), &g), TSK_E_RULE);
    ck_assert_uint_eq(desk.letters_n, 0);
    person_free(&p);
}
END_TEST

/* Under the recipient's earlier kid, or at its second node: still the recipient. */
START_TEST(recipient_enrolled_under_another_kid)
{
    struct tsk_members *m = desk.ctx[S].members;
    const char *recipient = tsk_member_by_kid(m, tsk_self(&desk.ctx[R]), 0)->m.partner;
    struct person p;
    struct given g;
    person_new(&p, TSK_HOLDER_CHILD, T);
    struct person *const one[] = {&p};
    struct tsk_id16 id = refer(&PLAN, one, 1, "C1");
    carry();
    ck_err(give(&id, &p, &WORDS("C1"), &g), TSK_E_WRONGTYPE); /* T is a second organisation; only its record is missing */
    for (size_t i = 0; i < m->n; i++)
        if (memcmp(&m->entries[i].m.kid, tsk_self(&desk.ctx[T]), 32) == 0)
            memcpy(m->entries[i].m.partner, recipient, sizeof m->entries[i].m.partner);
    ck_err(give(&id, &p, &WORDS("C1"), &g), TSK_E_RULE);
    ck_assert_uint_eq(desk.letters_n, 0);
    person_free(&p);
}
END_TEST

START_TEST(grant_after_the_end)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    ck_ok(say(S, &id, TSK_ST_RECALLED, NULL));
    ck_err(give(&id, &child, &WORDS("C1"), &g), TSK_E_STATE);
}
END_TEST

START_TEST(grant_with_an_old_roster)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    desk_now = desk.made->r.valid_until;
    ck_assert_int_ne(give(&id, &child, &WORDS("C1"), &g), TSK_OK);
    desk_now = MADE_FROM + 10 * DAY;
    desk.ctx[S].members->r.valid_until = desk_now;
    ck_err(give(&id, &child, &WORDS("C1"), &g), TSK_E_ROSTEREXPIRED);
}
END_TEST

/* The last day moved by whoever carries the grant: a year instead of a hundred days, under the family's old signature. */
START_TEST(grant_with_an_edited_end)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    uint64_t ends = desk_now + 100 * DAY, later = desk_now + 365 * DAY;
    struct given g;
    enum tsk_err last;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct letter *l = &desk.letters[0];
    uint8_t was[5] = {0x1a}, is[5] = {0x1a};
    for (int i = 0; i < 4; i++) {
        was[1 + i] = (uint8_t)(ends >> (24 - 8 * i));
        is[1 + i] = (uint8_t)(later >> (24 - 8 * i));
    }
    uint8_t *at = memmem(l->p, l->inner.n, was, sizeof was);
    ck_assert_ptr_nonnull(at);
    memcpy(at, is, sizeof is);
    ck_assert(deliver(l, &last));
    ck_err(last, TSK_E_BADSIG);
    ck_assert_uint_eq(look_case(R, &id).grants_n, 0);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_NOCONSENT);
    memcpy(at, was, sizeof was);
    ck_assert(deliver(&desk.letters[0], &last));
    ck_ok(last);
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

/* ---- a grant twice, and before its items ---- */
static struct tsk_id16 same_id;
static void spoil_same_id(struct tsk_grant *g, struct tsk_wraps *w) { g->id = w->id = same_id; }

START_TEST(grant_twice)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct words w = WORDS("C1");
    struct given g;
    same_id = (struct tsk_id16){{42}};
    w.spoil = spoil_same_id;
    ck_ok(give(&id, &child, &w, &g));
    w.days = 50;
    ck_err(give(&id, &child, &w, &g), TSK_E_FORK); /* at home one is told at once */
    ck_err(give(&id, &guardian, &w, &g), TSK_E_STALE);
}
END_TEST

/* A letter with only some of the records of another: those whose type is (not) `rec`. */
static bool deliver_part(const struct letter *l, enum tsk_rec rec, bool with)
{
    static uint8_t records[1 << 16];
    struct tsk_cbor_out out;
    struct tsk_inner inner;
    struct tsk_slice bytes;
    struct letter part = *l;
    ck_ok(tsk_rec_decode(TSK_REC_INNER, l->inner, &inner));
    struct tsk_seq seq = inner.records;
    tsk_cbor_out_init(&out, records, sizeof records);
    inner.records.n = 0;
    while (tsk_seq_next_bytes(&seq, &bytes)) {
        struct tsk_envelope env;
        ck_ok(tsk_cose_parse(bytes, &env));
        if ((env.rec == rec) == with) {
            tsk_cbor_put_bytes(&out, bytes);
            inner.records.n++;
        }
    }
    ck_ok(tsk_cbor_out_done(&out, &inner.records.bytes));
    part.p = malloc(1 << 18);
    ck_ok(tsk_rec_encode(TSK_REC_INNER, &inner, part.p, 1 << 18, &part.inner));
    bool whole = deliver(&part, NULL);
    free(part.p);
    return whole;
}

START_TEST(grant_before_its_items)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    desk.seq[S][R]++; /* a number that is still on its way */
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    ck_assert_uint_eq(desk.letters_n, 1);
    struct letter l = desk.letters[0];
    ck_assert(!deliver_part(&l, TSK_REC_ITEM, false)); /* it must come again: no number is settled by it */
    uint64_t rows = rows_of(R);
    ck_assert(!deliver_part(&l, TSK_REC_GRANT, true));
    ck_assert_uint_eq(rows_of(R), rows); /* nothing is kept of it */
    ck_assert_uint_eq(look_case(R, &id).grants_n, 0);
    ck_err(try_open(&id, "C1", "P1"), TSK_E_NOCONSENT);
    ck_assert(deliver_part(&l, TSK_REC_ITEM, true));
    ck_assert(deliver(&l, NULL));
    ck_assert_uint_eq(look_case(R, &id).grants_n, 1);
    ck_ok(try_open(&id, "C1", "P1"));
    carry();
}
END_TEST

/* Its item was refused for good: so is the grant, or its parcel would come for ever and hold up all that follows. */
START_TEST(grant_of_a_refused_item)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    desk.ctx[R].members->r.min_mode = 2;
    ck_assert(deliver(&desk.letters[0], NULL));
    ck_assert_uint_eq(look_case(R, &id).items_n, 0);
    ck_assert_uint_eq(look_case(R, &id).grants_n, 0);
    desk.ctx[R].members->r.min_mode = 1;
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

/* All that its sender sent before is here, and the item is not: it will not come. */
START_TEST(grant_whose_items_never_come)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    ck_assert(deliver_part(&desk.letters[0], TSK_REC_ITEM, false));
    ck_assert_uint_eq(look_case(R, &id).grants_n, 0);
    drop_letter(0);
    carry(); /* the receipt */
    ck_assert_int_eq(look_case(S, &id).consent, TSK_CONSENT_WAIT);
    ck_assert_uint_eq(look_case(S, &id).granted_n, 0);
}
END_TEST

/* The token was refused for good, and all that came with it must not wait for it. */
START_TEST(bundle_of_a_refused_token)
{
    struct plan held = PLAN;
    struct given g;
    held.hold = true;
    struct tsk_id16 id = refer(&held, both, 2, "C1");
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    desk.ctx[R].members->r.policy = 2;
    ck_assert(deliver(&desk.letters[0], NULL));
    drop_letter(0);
    carry();
    ck_assert_int_eq(look_case(S, &id).consent, TSK_CONSENT_WAIT);
}
END_TEST

/* A refused item is here alone again: the next grant takes it along. */
START_TEST(refused_item_goes_again)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    desk.ctx[R].members->r.min_mode = 2;
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    ck_assert_uint_eq(look_case(R, &id).items_n, 0);
    ck_assert_int_eq(look_case(S, &id).consent, TSK_CONSENT_WAIT);
    desk.ctx[R].members->r.min_mode = 1;
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    carry();
    ck_assert_int_eq(look_case(S, &id).consent, TSK_CONSENT_GIVEN);
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

/* A yes that never got there is no half of two: the other half does not leave for it. */
START_TEST(refused_grant_is_no_half)
{
    struct plan all = PLAN;
    struct words w = WORDS("C1");
    struct given g;
    all.require = TSK_ALL;
    w.basis = "B3";
    struct tsk_id16 id = refer(&all, both, 2, "C1");
    carry();
    ck_ok(give(&id, &guardian, &w, &g));
    ck_ok(give(&id, &child, &w, &g));
    desk.ctx[R].members->r.min_mode = 2;
    carry();
    desk.ctx[R].members->r.min_mode = 1;
    ck_ok(give(&id, &child, &w, &g));
    ck_assert_uint_eq(desk.letters_n, 0);
    ck_ok(give(&id, &guardian, &w, &g));
    carry();
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

/* Heard in words that only a newer roster names: it waits for that roster, and no longer than to the next one. */
START_TEST(grant_in_words_to_come)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct tsk_roster *r = &desk.ctx[R].members->r;
    struct tsk_seq words = r->notices;
    struct given g;
    enum tsk_err last;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    r->notices.n = 0;
    ck_assert(!deliver(&desk.letters[0], NULL));
    ck_assert_uint_eq(look_case(R, &id).grants_n, 0);
    uint64_t made_at = r->time;
    r->time = desk_now + 2 * DAY;
    ck_assert(deliver(&desk.letters[0], &last));
    ck_err(last, TSK_E_NOTGRANTED);
    r->time = made_at;
    r->notices = words;
    ck_assert(deliver(&desk.letters[0], &last));
    ck_ok(last);
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

START_TEST(grant_without_its_cosign)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct letter l = desk.letters[0];
    ck_assert(deliver_part(&l, TSK_REC_COSIGN, false));
    ck_err(try_open(&id, "C1", "P1"), TSK_E_RETRY); /* not live until the capturing node's word is here */
    ck_assert(deliver_part(&l, TSK_REC_COSIGN, true));
    ck_ok(try_open(&id, "C1", "P1"));
}
END_TEST

START_TEST(grant_without_its_holder)
{
    struct tsk_id16 id = refer(&PLAN, both, 2, "C1");
    struct given g;
    enum tsk_err last = TSK_OK;
    carry();
    ck_ok(give(&id, &child, &WORDS("C1"), &g));
    struct letter l = desk.letters[0];
    ck_assert(deliver_part(&l, TSK_REC_GRANT, true)); /* refused for good: nobody knows who signed */
    ck_assert_uint_eq(look_case(R, &id).grants_n, 0);
    ck_assert(deliver(&l, &last));
    ck_ok(last);
}
END_TEST

static TCase *grants(void)
{
    TCase *tc = tcase_create("grants");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    const TTest *const tests[] = {
        grant_by_the_wrong_person, grant_capped, grant_by_a_stopped_card, holder_refused, recipient_enrolled,
        recipient_enrolled_under_another_kid,
        grant_after_the_end, grant_with_an_edited_end, grant_with_an_old_roster, grant_twice, grant_before_its_items,
        grant_of_a_refused_item,
        grant_whose_items_never_come, bundle_of_a_refused_token, refused_item_goes_again, refused_grant_is_no_half,
        grant_in_words_to_come,
        grant_without_its_cosign, grant_without_its_holder,
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    tcase_add_loop_test(tc, grant_refused, 0, (int)(sizeof bad_grants / sizeof *bad_grants));
    return tc;
}

TSK_TEST_MAIN("grants", grants)
