/* test_mailbox_limits.c - what a post office takes from one sender and for one owner, and how much it gives at once. */
#include "tests/node/mailbox.h"

/* ---- limits ---- */
static bool rate_over(struct net *n, void *arg)
{
    (void)n;
    uint8_t b[8];
    tsk_random(b, sizeof b);
    return (*(uint64_t *)arg = put_plain(AA, BB, TSK_SLICE(b))) == 0;
}

START_TEST(rate_of_a_sender)
{
    uint64_t ok = 0, refused = 0, code = 99;
    net.nodes[PO]->ctx.conf.mailbox_rate = 5;
    for (uint8_t i = 0; i < 200 && refused == 0; i++) {
        uint64_t c = put_plain(AA, BB, (struct tsk_slice){&i, 1});
        ok += c == 0;
        refused += c == 11;
    }
    ck_assert_uint_ge(ok, 5);
    ck_assert_uint_eq(refused, 1);
    ck_assert_uint_eq(MAILS, ok);
    ck_assert_uint_eq(put_plain(CC, BB, STR("others are not slowed")), 0);
    ck_assert_uint_eq(put_plain(AA, BB, (struct tsk_slice){&(uint8_t){0}, 1}), 0); /* known already: costs nothing */
    net_run(&net, rate_over, &code);
}
END_TEST

/* Rubbish is paid for before it is hashed. */
START_TEST(rate_of_rubbish)
{
    struct tsk_put p = put_for(BB, STR("said"));
    uint64_t code = 1;
    net.nodes[PO]->ctx.conf.mailbox_rate = 5;
    for (int i = 0; i < 200 && code == 1; i++)
        code = put(AA, &p, STR("sent"));
    ck_assert_uint_eq(code, 11);
    ck_assert_uint_eq(MAILS, 0);
}
END_TEST

START_TEST(quota_of_a_sender)
{
    static uint8_t big[600 * 1024];
    net.nodes[PO]->ctx.conf.mailbox_mb = 4; /* a quarter: one of these, not two */
    ck_assert_uint_eq(put_plain(AA, BB, TSK_SLICE(big)), 0);
    big[0] = 1;
    ck_assert_uint_eq(put_plain(AA, BB, TSK_SLICE(big)), 13);
    ck_assert_uint_eq(put_plain(AA, DD, TSK_SLICE(big)), 0); /* each mailbox by itself */
    ck_assert_uint_eq(put_plain(CC, BB, TSK_SLICE(big)), 0); /* others have their own share */
    ck_assert_uint_eq(net_rows(net.nodes[PO], TSK_T_MAIL_FROM), 3);
    struct tsk_id16 epoch = fetch_plain(BB, 0).epoch;
    ck_assert_uint_eq(confirm(BB, epoch, 1), 0); /* AA's */
    big[0] = 2;
    ck_assert_uint_eq(put_plain(CC, BB, TSK_SLICE(big)), 13);
    ck_assert_uint_eq(put_plain(AA, BB, TSK_SLICE(big)), 0);
    ck_assert_uint_eq(confirm(BB, epoch, TSK_NUMBER_MAX), 0);
    ck_assert_uint_eq(net_rows(net.nodes[PO], TSK_T_MAIL_FROM), 1);
}
END_TEST

START_TEST(quota_of_a_mailbox)
{
    static uint8_t big[600 * 1024];
    net.nodes[PO]->ctx.conf.mailbox_mb = 1;
    ck_assert_uint_eq(put_plain(AA, BB, TSK_SLICE(big)), 0);
    big[0] = 1;
    ck_assert_uint_eq(put_plain(AA, BB, TSK_SLICE(big)), 13);
    ck_assert_uint_eq(MAILS, 1); /* nothing was dropped for it */
    ck_assert_uint_eq(put_plain(AA, DD, TSK_SLICE(big)), 0);
    big[0] = 0;
    ck_assert_uint_eq(put_plain(AA, BB, TSK_SLICE(big)), 0); /* it is there */
    ck_assert_uint_eq(confirm(BB, fetch_plain(BB, 0).epoch, 1), 0);
    big[0] = 1;
    ck_assert_uint_eq(put_plain(AA, BB, TSK_SLICE(big)), 0);
}
END_TEST

START_TEST(pages)
{
    size_t n = 3 * 1024 * 1024;
    uint8_t *p = calloc(1, n);
    for (uint8_t i = 0; i < 4; i++) {
        p[0] = i;
        ck_assert_uint_eq(put_plain(AA, BB, (struct tsk_slice){p, n}), 0);
    }
    ck_assert_uint_eq(fetch_plain(BB, 0).mail.n, 2); /* about 8 MiB */
    ck_assert_uint_eq(fetch_plain(BB, 3).mail.n, 1);
    for (uint8_t i = 0; i < 70; i++)
        ck_assert_uint_eq(put_plain(AA, DD, (struct tsk_slice){&i, 1}), 0);
    struct tsk_reply r = fetch_plain(DD, 0);
    ck_assert_uint_eq(r.mail.n, TSK_FETCH_MAX);
    ck_assert_uint_eq(r.end, 70);
    struct tsk_fetch f = fetch_from(60);
    f.max = 3;
    ck_assert_uint_eq(fetch(DD, &f).mail.n, 3);
    free(p);
}
END_TEST

static TCase *suite(void)
{
    TCase *t = tcase_create("limits");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, rate_of_a_sender);
    tcase_add_test(t, rate_of_rubbish);
    tcase_add_test(t, quota_of_a_sender);
    tcase_add_test(t, quota_of_a_mailbox);
    tcase_add_test(t, pages);
    return t;
}

TSK_TEST_MAIN_NOFORK("mailbox_limits", suite)
