/* test_mailbox_room.c - a post office whose store is nearly full: large parcels wait at their senders, small ones are
 * taken, of each sender a share; fetches and confirms go on, and make the room that lets everything go on. */
#include "tests/node/mailbox.h"
#include "tests/node/disk.h"

#define MIB (UINT64_C(1) << 20)
#define STORE net.nodes[PO]->ctx.store
#define LARGE_BYTES (64 * 1024)

static uint8_t large[LARGE_BYTES], small[4300];

static void setup_room(void)
{
    setup();
    disk_bytes = disk_use(STORE).used + 4 * MIB;
}

static void teardown_room(void)
{
    disk_bytes = 0;
    teardown();
}

/* No two parcels are the same. */
static uint64_t put_large(size_t who, size_t to)
{
    tsk_random(large, 16);
    return put_plain(who, to, TSK_SLICE(large));
}

static uint64_t put_small(size_t who, size_t to)
{
    tsk_random(small, 16);
    return put_plain(who, to, TSK_SLICE(small));
}

static uint64_t fill(size_t who, size_t to)
{
    uint64_t n = 0, code;
    while ((code = put_large(who, to)) == 0)
        n++;
    ck_assert_uint_eq(code, 13);
    return n;
}

START_TEST(large_parcels_wait)
{
    uint64_t n = fill(AA, BB);
    ck_assert_uint_gt(n, 30);
    ck_assert(disk_use(STORE).full);
    ck_assert_uint_eq(put_large(CC, DD), 13);
    ck_assert_uint_eq(put_small(AA, BB), 0); /* a stop of the very sender that filled it */
    ck_assert_uint_eq(put_small(CC, DD), 0);
    ck_assert_uint_eq(MAILS, n + 2); /* nothing was dropped for it */
    static uint8_t limit[5 * 4096 + 257];
    ck_assert_uint_eq(put_plain(CC, DD, (struct tsk_slice){limit, sizeof limit - 1}), 0);
    ck_assert_uint_eq(put_plain(CC, DD, (struct tsk_slice){limit, sizeof limit}), 13);
}
END_TEST

/* A hostile member fills its share with small parcels, and no more; the others still have theirs. */
START_TEST(a_share_each)
{
    uint64_t n = 0, share = disk_use(STORE).reserve / 8;
    fill(AA, BB);
    while (put_small(AA, n % 2 == 0 ? BB : DD) == 0)
        n++;
    ck_assert_uint_le(n * sizeof small, share);
    ck_assert_uint_ge((n + 3) * sizeof small, share);
    ck_assert_uint_eq(put_small(AA, DD), 13);
    ck_assert_uint_eq(put_small(CC, BB), 0);
    ck_assert_uint_eq(put_small(DD, BB), 0);
}
END_TEST

/* Its own consents and receipts, of several blocks, leave half of its share to what has one. */
START_TEST(half_a_share_for_single_blocks)
{
    static uint8_t blocks[2 * 4096 + 200];
    uint64_t n = 0, share = disk_use(STORE).reserve / 8;
    fill(AA, BB);
    do
        tsk_random(blocks, 16);
    while (put_plain(AA, DD, TSK_SLICE(blocks)) == 0 && ++n < 100);
    ck_assert_uint_le(n * sizeof blocks, share / 2);
    ck_assert_uint_ge(n, 3);
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(put_small(AA, DD), 0);
}
END_TEST

START_TEST(what_is_confirmed_is_given_back)
{
    uint64_t n = fill(AA, BB), first = 0;
    while (put_small(AA, DD) == 0)
        first++;
    struct tsk_reply r = fetch_plain(DD, 0);
    ck_assert_uint_eq(r.end, first);
    ck_assert_uint_eq(confirm(DD, r.epoch, 3), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(put_small(AA, DD), 0);
    ck_assert_uint_eq(put_small(AA, DD), 13);
    ck_assert(disk_use(STORE).full);
    ck_assert_uint_eq(confirm(BB, fetch_plain(BB, 0).epoch, n), 0); /* now there is room for everything again */
    ck_assert_uint_eq(put_large(AA, BB), 0);
    ck_assert(!disk_use(STORE).full);
    ck_assert_uint_eq(put_small(AA, DD), 0);
}
END_TEST

/* Half of the reserve is for what is answered, confirmed and deleted, whoever sends how small parcels. */
START_TEST(half_is_kept)
{
    fill(AA, BB);
    disk_bytes = disk_use(STORE).used + disk_use(STORE).reserve / 4;
    ck_assert_uint_eq(put_small(CC, DD), 13);
    ck_assert_uint_eq(put_small(AA, BB), 13);
    struct tsk_reply r = fetch_plain(BB, 0);
    ck_assert_uint_eq(r.code, 0);
    ck_assert_uint_eq(confirm(BB, r.epoch, TSK_NUMBER_MAX), 0);
    ck_assert_uint_eq(MAILS, 0);
    ck_assert_uint_eq(put_large(CC, DD), 0);
}
END_TEST

static TCase *suite(void)
{
    TCase *t = tcase_create("room");
    tcase_add_checked_fixture(t, setup_room, teardown_room);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, large_parcels_wait);
    tcase_add_test(t, a_share_each);
    tcase_add_test(t, half_a_share_for_single_blocks);
    tcase_add_test(t, what_is_confirmed_is_given_back);
    tcase_add_test(t, half_is_kept);
    return t;
}

TSK_TEST_MAIN_NOFORK("mailbox_room", suite)
