/* test_inbox.c - mail into records: what is opened, admitted and receipted, and what a gap stops. */
#include "tests/node/mails.h"

/* ---- what comes in ---- */
START_TEST(records_and_their_receipt)
{
    struct tsk_receipt r;
    struct mail m = counted(1, 1, 4);
    ck_ok(take(&m));
    ck_assert_uint_eq(net.nodes[BB]->admitted, 4);
    ck_assert_uint_eq(RECEIPTS, 1);
    ck_assert(receipt_of(1, &r));
    ck_assert_uint_eq(r.lines_n, 4);
    ck_assert_mem_eq(r.to.b, tsk_self(aa)->b, 32);
    for (size_t i = 0; i < 4; i++) {
        bool found = false;
        for (size_t k = 0; k < 4; k++)
            found = found || (memcmp(r.lines[k].id.b, m.ids[i].b, 32) == 0 && r.lines[k].code == 0);
        ck_assert(found);
    }
    ck_ok(gap());
    free(m.parcel);
}
END_TEST

START_TEST(a_lost_receipt_is_given_again)
{
    struct mail m = counted(1, 1, 2);
    for (uint64_t i = 1; i <= 3; i++) {
        ck_ok(take(&m));
        ck_assert_uint_eq(RECEIPTS, i);
    }
    ck_assert_uint_eq(net.nodes[BB]->admitted, 2);
    ck_assert_uint_eq(net.nodes[BB]->again, 4);
    ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_RECORD_ID), 2);
    free(m.parcel);
}
END_TEST

START_TEST(one_record_twice_in_a_parcel)
{
    uint8_t buf[2048];
    struct tsk_receipt r;
    struct tsk_outgoing o = net_record(net.nodes[AA], tsk_self(bb), buf);
    take_and_free(make(&(struct make){.seq = 1, .floor = 1, .n = 3, .record = o.record}));
    ck_assert(receipt_of(1, &r));
    ck_assert_uint_eq(r.lines_n, 1);
    ck_assert_uint_eq(net.nodes[BB]->admitted, 1);
}
END_TEST

START_TEST(no_receipt_for_receipts)
{
    uint8_t buf[TSK_RECORD_MAX];
    struct tsk_receipt r = {.to = *tsk_self(bb), .lines_n = 1, .time = net_clock()};
    struct tsk_slice bytes;
    struct tsk_id32 id;
    ck_ok(tsk_record_sign(TSK_REC_RECEIPT, &r, aa->signer, &aa->members->net, buf, sizeof buf, &bytes, &id));
    take_and_free(make(&(struct make){.seq = 0, .floor = 0, .n = 1, .record = bytes}));
    ck_assert_uint_eq(net.nodes[BB]->receipts, 1);
    ck_assert_uint_eq(RECEIPTS, 0);
    ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_IN_SEQ), 0); /* not counted */
    ck_ok(gap());
}
END_TEST

/* ---- every verdict there is ---- */
static enum tsk_err verdict;
static enum tsk_err says(struct net_node *n, const struct tsk_envelope *e)
{
    (void)n, (void)e;
    return verdict;
}

static bool is_for_good(unsigned wire)
{
    static const unsigned for_good[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12};
    for (size_t i = 0; i < sizeof for_good / sizeof *for_good; i++)
        if (for_good[i] == wire)
            return true;
    return false;
}

START_TEST(verdicts)
{
    uint64_t receipts = 0;
    uint64_t seq = 1;
    net.nodes[BB]->verdict = says;
    for (int e = 1; e < TSK_ERR_COUNT; e++) {
        struct tsk_receipt r;
        verdict = (enum tsk_err)e;
        struct mail m = counted(seq, seq, 1);
        enum tsk_err got = take(&m);
        if (tsk_err_class(verdict) == TSK_CLASS_LOCAL) {
            ck_assert_int_eq(got, verdict); /* nothing is confirmed, nothing noted */
        } else if (is_for_good(tsk_err_wire(verdict))) {
            ck_ok(got);
            ck_assert(receipt_of(++receipts, &r));
            ck_assert_uint_eq(r.lines[0].code, tsk_err_wire(verdict));
            ck_assert_mem_eq(r.lines[0].id.b, m.ids[0].b, 32);
            ck_ok(gap());
            seq++;
        } else { /* where there was no room its office is told, so that it comes again soon */
            ck_assert_int_eq(got, verdict == TSK_E_NOROOM ? TSK_E_NOROOM : TSK_OK);
            ck_err(gap(), TSK_E_RETRY);
            seq++;
        }
        ck_assert_uint_eq(RECEIPTS, receipts);
        free(m.parcel);
    }
    ck_assert_uint_gt(receipts, 10);
    ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_RECORD_ID), 0);
}
END_TEST

static enum tsk_err second_later(struct net_node *n, const struct tsk_envelope *e)
{
    (void)e;
    return n->admitted == 1 ? TSK_E_RETRY : TSK_OK;
}

START_TEST(not_now_is_asked_again)
{
    struct tsk_receipt r;
    struct mail m = counted(1, 1, 2);
    net.nodes[BB]->verdict = second_later;
    ck_ok(take(&m));
    ck_assert(receipt_of(1, &r));
    ck_assert_uint_eq(r.lines_n, 1);
    ck_err(gap(), TSK_E_RETRY);
    net.nodes[BB]->verdict = NULL;
    ck_ok(take(&m));
    ck_assert(receipt_of(2, &r));
    ck_assert_uint_eq(r.lines_n, 2);
    ck_ok(gap());
    net.nodes[BB]->verdict = second_later; /* whole once is whole for ever */
    net.nodes[BB]->admitted = 1;
    ck_ok(take(&m));
    ck_ok(gap());
    free(m.parcel);
}
END_TEST

/* A handler that has written, sent and promised before it refuses: none of it may stay, nor anything go with it. */
static const struct tsk_id32 *refused_id;
static unsigned ran;
static void run_count(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    (void)ctx, (void)arg, (void)committed;
    ran++;
}

static enum tsk_err stains(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in, struct tsk_id32 *ret_id,
                           bool *ret_is_receipt)
{
    struct tsk_outgoing o = {.to = *tsk_self(aa), .record = in->bytes};
    TSK_TRY(net_admit(ctx, b, in, ret_id, ret_is_receipt));
    TSK_TRY(tsk_batch_effect(b, run_count, NULL));
    if (memcmp(ret_id->b, refused_id->b, sizeof ret_id->b) != 0)
        return TSK_OK;
    o.id = *ret_id;
    TSK_TRY(tsk_batch_send(b, &o));
    return TSK_E_STALE;
}

START_TEST(a_refusal_that_has_written)
{
    for (size_t at = 0; at < 3; at++) {
        struct mail m = counted(at + 1, at + 1, 3);
        struct tsk_receipt r;
        bb->admit = stains;
        refused_id = &m.ids[at];
        ran = 0;
        ck_ok(take(&m));
        ck_assert_uint_eq(ran, 2);
        ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_RECORD_ID), 2 * (at + 1));
        ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_OUT_ID), 0);
        ck_assert(receipt_of(at + 1, &r));
        ck_assert_uint_eq(r.lines_n, 3);
        for (size_t i = 0; i < 3; i++)
            ck_assert_uint_eq(r.lines[i].code, memcmp(r.lines[i].id.b, m.ids[at].b, 32) == 0 ? tsk_err_wire(TSK_E_STALE) : 0);
        ck_ok(gap());
        free(m.parcel);
    }
}
END_TEST

/* ---- gaps ---- */
START_TEST(gaps)
{
    net_skew_s = TSK_SETTLE_S / 2;
    ck_err(gap(), TSK_E_RETRY); /* just started: a stop may be on its way to this very office */
    net_skew_s = TSK_SETTLE_S;
    ck_ok(gap()); /* nothing ever came: nothing is missing */
    net_skew_s = 0;
    take_and_free(counted(1, 1, 1));
    ck_ok(gap());
    struct mail two = counted(2, 1, 1);
    take_and_free(counted(3, 1, 1));
    ck_err(gap(), TSK_E_RETRY);
    take_and_free(counted(5, 1, 1));
    ck_ok(take(&two));
    ck_err(gap(), TSK_E_RETRY); /* 4 */
    take_and_free(counted(4, 1, 1));
    ck_ok(gap());
    take_and_free(counted(9, 9, 1)); /* the sender says: below 9 all is settled */
    ck_ok(gap());
    ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_IN_SEQ), 1);
    ck_ok(take(&two)); /* an old one comes again: a floor does not go back */
    ck_ok(gap());
    ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_IN_SEQ), 1);
    take_and_free(counted(11, 9, 1));
    ck_err(gap(), TSK_E_RETRY);
    struct tsk_kid other = *tsk_self(&net.nodes[DD]->ctx);
    char who[TSK_PARTNER_ID_CAP];
    net_skew_s = TSK_SETTLE_S; /* not heard since the start, but it had its time */
    ck_ok(ready(bb, &other, 1, who)); /* gaps of others stop nothing */
    struct tsk_kid both[] = {other, *tsk_self(aa)};
    ck_err(ready(bb, both, 2, who), TSK_E_RETRY);
    free(two.parcel);
}
END_TEST

START_TEST(first_seen_in_the_middle)
{
    take_and_free(counted(7, 3, 1));
    ck_err(gap(), TSK_E_RETRY);
    for (uint64_t seq = 3; seq < 7; seq++)
        take_and_free(counted(seq, 3, 1));
    ck_ok(gap());
}
END_TEST

/* A number with other content counts by that content: the whole one of before does not stand for it, nor come over it. */
START_TEST(number_used_again)
{
    struct mail before = counted(1, 1, 1), after = counted(1, 1, 1);
    ck_ok(take(&before));
    ck_ok(gap());
    verdict = TSK_E_RETRY;
    net.nodes[BB]->verdict = says;
    ck_ok(take(&after));
    ck_err(gap(), TSK_E_RETRY);
    net.nodes[BB]->verdict = NULL;
    ck_ok(take(&before));
    ck_err(gap(), TSK_E_RETRY);
    ck_ok(take(&after));
    ck_ok(gap());
    free(before.parcel);
    free(after.parcel);
}
END_TEST

/* ---- numbers that this node has given receipts for and does not know ---- */
static bool forgot(const struct tsk_kid *from, uint64_t record_no)
{
    struct tsk_batch b;
    bool f = false;
    ck_ok(tsk_batch_begin(bb, &b));
    ck_ok(tsk_inbox_forgot(&b, from, record_no, &f));
    tsk_batch_abort(bb, &b, TSK_E_RETRY);
    return f;
}

START_TEST(floors_of_a_good_sender)
{
    take_and_free(counted(1, 1, 1));
    take_and_free(counted(3, 1, 1));
    take_and_free(counted(2, 1, 1));
    take_and_free(counted(5, 4, 1));
    take_and_free(counted(4, 1, 1));
    take_and_free(counted(6, 6, 1));
    take_and_free(counted(2, 1, 1)); /* a late copy */
    take_and_free(counted(7, 6, 1));
    take_and_free(counted(8, 8, 1));
    ck_assert(!forgot(tsk_self(aa), 0));
}
END_TEST

START_TEST(floor_beyond_what_was_noted)
{
    take_and_free(counted(1, 1, 1));
    take_and_free(counted(4, 4, 1)); /* it has receipts for 2 and 3 */
    ck_ok(gap());
    ck_assert(forgot(tsk_self(aa), 0));
    ck_assert(!forgot(tsk_self(aa), 1)); /* what is stored from now on */
    ck_assert(!forgot(&net.nodes[DD]->kid, 0));
    take_and_free(counted(5, 5, 1));
    ck_assert(forgot(tsk_self(aa), 0));
    ck_assert(!forgot(tsk_self(aa), 1));
}
END_TEST

START_TEST(floor_over_a_gap)
{
    take_and_free(counted(1, 1, 1));
    take_and_free(counted(6, 2, 1)); /* made before it had the receipts */
    ck_err(gap(), TSK_E_RETRY);
    take_and_free(counted(7, 6, 1));
    ck_assert(forgot(tsk_self(aa), 0));
}
END_TEST

/* ---- drained ---- */
START_TEST(own_office_always_is)
{
    char who[TSK_PARTNER_ID_CAP];
    ck_ok(ready(bb, NULL, 0, who));
    net_skew_s = 10 * 86400;
    ck_ok(ready(bb, NULL, 0, who));
}
END_TEST

static bool drained(struct net *n, void *arg)
{
    char who[TSK_PARTNER_ID_CAP];
    (void)arg;
    return ready(&n->nodes[DD]->ctx, NULL, 0, who) == TSK_OK;
}

START_TEST(office_elsewhere)
{
    char who[TSK_PARTNER_ID_CAP] = "";
    struct tsk_ctx *dd = &net.nodes[DD]->ctx;
    ck_err(ready(dd, NULL, 0, who), TSK_E_RETRY);
    ck_assert_str_eq(who, "01100-PO");
    net_run(&net, drained, NULL);
    net_stop(&net, PO);
    net_skew_s = TSK_DRAIN_FRESH_S - 60;
    ck_ok(ready(dd, NULL, 0, who));
    net_skew_s = TSK_DRAIN_FRESH_S + 60;
    ck_err(ready(dd, NULL, 0, who), TSK_E_RETRY);
    net_skew_s = -3600; /* a clock set back proves nothing */
    ck_err(ready(dd, NULL, 0, who), TSK_E_RETRY);
    net_skew_s = 0;
    ck_ok(ready(dd, NULL, 0, who));
    net_stop(&net, DD);
    net_open(&net, DD);
    ck_ok(tsk_post_open(dd));
    ck_err(ready(dd, NULL, 0, who), TSK_E_RETRY); /* since this start nothing was */
}
END_TEST

static TCase *coming(void)
{
    TCase *t = tcase_create("coming");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, records_and_their_receipt);
    tcase_add_test(t, a_lost_receipt_is_given_again);
    tcase_add_test(t, one_record_twice_in_a_parcel);
    tcase_add_test(t, no_receipt_for_receipts);
    tcase_add_test(t, verdicts);
    tcase_add_test(t, a_refusal_that_has_written);
    tcase_add_test(t, not_now_is_asked_again);
    return t;
}

static TCase *draining(void)
{
    TCase *t = tcase_create("draining");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, gaps);
    tcase_add_test(t, first_seen_in_the_middle);
    tcase_add_test(t, number_used_again);
    tcase_add_test(t, floors_of_a_good_sender);
    tcase_add_test(t, floor_beyond_what_was_noted);
    tcase_add_test(t, floor_over_a_gap);
    tcase_add_test(t, own_office_always_is);
    tcase_add_test(t, office_elsewhere);
    return t;
}

TSK_TEST_MAIN_NOFORK("inbox", coming, draining)
