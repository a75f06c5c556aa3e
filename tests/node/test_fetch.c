/* test_fetch.c - what an own post office elsewhere may say about its numbers, and what the owner makes of it. */
#include "tests/node/mails.h"

static struct tsk_ctx *dd;
static struct tsk_office *office;
static const struct tsk_id16 epoch = {{7}}, zeros;

static void begin(void)
{
    setup();
    dd = &net.nodes[DD]->ctx;
    office = tsk_office_find(dd, &net.nodes[PO]->kid);
    ck_assert_ptr_nonnull(office);
}

/* The answer to a fetch after `asked`: mail (rubbish, but numbered) and the end that it names. True: drained by it. */
static bool answer(uint64_t asked, uint64_t end, size_t n, const uint64_t *numbers)
{
    uint8_t mails[512], buf[1024];
    struct tsk_cbor_out out;
    struct tsk_slice bytes;
    struct tsk_batch b;
    tsk_cbor_out_init(&out, mails, sizeof mails);
    for (size_t i = 0; i < n; i++)
        tsk_mail_encode(&out, &(struct tsk_mail){.n = numbers[i], .put = TSK_SLICE(epoch.b), .parcel = TSK_SLICE(epoch.b)});
    struct tsk_reply r = {.epoch = epoch, .end = end, .mail = {{mails, out.n}, n}};
    ck_ok(tsk_rec_encode(TSK_REC_REPLY, &r, buf, sizeof buf, &bytes));
    struct tsk_msg m = {.kind = TSK_EV_MAIL, .peer = office->kid, .num = 5, .p = buf, .n = bytes.n};
    office->fetch_ticket = 5;
    office->fetch_after = asked;
    office->drained_at = 0;
    ck_ok(tsk_batch_begin(dd, &b));
    ck_ok(tsk_fetch_answered(dd, &b, &m));
    ck_ok(tsk_batch_end(dd, &b));
    return office->drained_at != 0;
}

struct row { struct tsk_id16 epoch; uint64_t after, confirmed; };

static struct row row_now(void)
{
    struct tsk_rowkey k = tsk_row(TSK_T_FETCH);
    struct row row = {.epoch = zeros};
    struct tsk_cbor_in in;
    struct tsk_slice v;
    struct tsk_txn *t;
    tsk_row_bytes(&k, office->kid.b, sizeof office->kid.b);
    ck_ok(tsk_txn_begin(dd->store, false, &t));
    if (tsk_get(t, &k, &v) == TSK_OK) {
        tsk_cbor_in_init(&in, v);
        ck_assert_uint_eq(tsk_cbor_array(&in), 3);
        memcpy(row.epoch.b, tsk_cbor_bytes(&in).p, sizeof row.epoch.b);
        row.after = tsk_cbor_uint(&in);
        row.confirmed = tsk_cbor_uint(&in);
    }
    tsk_txn_abort(t);
    return row;
}

static void stands_at(uint64_t after, uint64_t confirmed)
{
    ck_assert_uint_eq(row_now().after, after);
    ck_assert_uint_eq(row_now().confirmed, confirmed);
}

static void confirmed(uint64_t up_to)
{
    uint8_t buf[256];
    struct tsk_reply r = {.code = 0};
    struct tsk_slice bytes;
    struct tsk_batch b;
    ck_ok(tsk_rec_encode(TSK_REC_REPLY, &r, buf, sizeof buf, &bytes));
    struct tsk_msg m = {.kind = TSK_EV_CONFIRMED, .peer = office->kid, .p = buf, .n = bytes.n};
    office->confirming = true;
    office->confirm_up_to = up_to;
    office->confirm_epoch = epoch;
    ck_ok(tsk_batch_begin(dd, &b));
    ck_ok(tsk_confirm_answered(dd, &b, &m));
    ck_ok(tsk_batch_end(dd, &b));
}

#define MAIL(...) sizeof((uint64_t[]){__VA_ARGS__}) / 8, (uint64_t[]){__VA_ARGS__}

START_TEST(numbers_of_an_honest_office)
{
    ck_assert(answer(0, 0, 0, NULL)); /* a mailbox that never had mail */
    ck_assert(!answer(0, 3, MAIL(1, 2)));
    stands_at(2, 0);
    ck_assert(answer(2, 3, MAIL(3)));
    confirmed(3);
    stands_at(3, 3);
    ck_assert(answer(0, 3, 0, NULL));
    ck_assert(answer(0, 9, MAIL(4, 9))); /* numbers in between were another's, or confirmed */
    stands_at(9, 3);
}
END_TEST

/* A number beyond the end, one twice, one that was not asked for: nothing of such an answer is taken. */
START_TEST(numbers_that_are_refused)
{
    static const uint64_t far = UINT64_C(1) << 52;
    ck_assert(answer(0, 2, MAIL(1, 2)));
    ck_assert(!answer(2, 3, MAIL(far + 3)));
    ck_assert(!answer(2, 4, MAIL(4, 3)));
    ck_assert(!answer(2, 4, MAIL(3, 3)));
    ck_assert(!answer(2, 4, MAIL(2, 3)));
    stands_at(2, 0);
    ck_assert_uint_gt(office->fetch_due_ms, tsk_mono_ms()); /* and the next try waits */
}
END_TEST

/* It lied once, end and all. Honest again it is believed at once, and drained only by what it says then. */
START_TEST(one_lie_does_not_last)
{
    static const uint64_t far = UINT64_C(1) << 52;
    ck_assert(answer(0, far, MAIL(far)));
    stands_at(far, 0);
    ck_assert(!answer(far, 1, 0, NULL));
    stands_at(0, 0);
    confirmed(far); /* of a confirm that was on its way: it says nothing about what stands now */
    stands_at(0, 0);
    ck_assert(answer(0, 1, MAIL(1)));
    confirmed(1);
    stands_at(1, 1);
    ck_assert(!answer(0, far, 0, NULL)); /* the same lie without mail */
    ck_assert(answer(0, far, 0, NULL));
    ck_assert(answer(0, 2, MAIL(2)));
    stands_at(2, 0);
}
END_TEST

/* Numbers that were told before they were given out: what then lies there is older than `after`, and is taken. */
START_TEST(mail_below_what_was_seen)
{
    ck_assert(answer(0, 7, MAIL(7)));
    confirmed(7);
    stands_at(7, 7);
    ck_assert(answer(0, 7, MAIL(6, 7)));
    stands_at(7, 5); /* and will be confirmed */
}
END_TEST

/* The owner has forgotten what it confirmed (a backup): an empty answer short of the end is not drained, the next is. */
START_TEST(nothing_short_of_the_end)
{
    ck_assert(!answer(0, 57, 0, NULL));
    stands_at(57, 57);
    ck_assert(answer(0, 57, 0, NULL));
}
END_TEST

/* What a connection asks first: from 0, at once, and it confirms nothing. */
START_TEST(a_new_connection_asks_from_the_start)
{
    struct tsk_batch b;
    struct tsk_msg up = {.kind = TSK_EV_LINK, .peer = office->kid, .num = 1};
    ck_assert(answer(0, 3, MAIL(1, 2, 3)));
    ck_assert(office->met && office->confirm_wanted);
    ck_ok(tsk_batch_begin(dd, &b));
    ck_ok(tsk_post_event(dd, &b, &up));
    ck_ok(tsk_batch_end(dd, &b));
    ck_assert(!office->met && !office->confirm_wanted);
}
END_TEST

static TCase *fetches(void)
{
    TCase *t = tcase_create("fetches");
    tcase_add_checked_fixture(t, begin, teardown);
    tcase_add_test(t, numbers_of_an_honest_office);
    tcase_add_test(t, numbers_that_are_refused);
    tcase_add_test(t, one_lie_does_not_last);
    tcase_add_test(t, mail_below_what_was_seen);
    tcase_add_test(t, nothing_short_of_the_end);
    tcase_add_test(t, a_new_connection_asks_from_the_start);
    return t;
}

TSK_TEST_MAIN_NOFORK("fetch", fetches)
