/* test_room.c - a store that fills up: what is refused when, that stops still fit, and that room made counts as room. */
#include <lmdb.h>
#include <sys/wait.h>

#include "tests/node/disk.h"
#include "tests/node/stores.h"

#define MIB (UINT64_C(1) << 20)

static size_t map_bytes = 4 * MIB;
int mdb_env_set_mapsize(MDB_env *env, size_t n)
{
    int (*real)(MDB_env *, size_t);
    disk_real("mdb_env_set_mapsize", &real);
    return real(env, map_bytes != 0 ? map_bytes : n);
}

/* As whoever writes does it: asks first. */
static enum tsk_err grow(uint64_t n, enum tsk_grow g)
{
    static uint8_t value[20000];
    struct tsk_rowkey k = row(TSK_T_CT, n);
    struct tsk_txn *t = begin(true);
    enum tsk_err e = tsk_room(t, g, sizeof value);
    if (e == TSK_OK)
        e = tsk_put(t, &k, TSK_SLICE(value));
    if (e == TSK_OK)
        return tsk_txn_commit(t);
    tsk_txn_abort(t);
    return e;
}

static uint64_t grow_until(uint64_t n, enum tsk_grow g, enum tsk_err end)
{
    enum tsk_err e;
    while ((e = grow(n, g)) == TSK_OK)
        n++;
    ck_assert_int_eq(e, end);
    return n;
}

static void drop(uint64_t n)
{
    struct tsk_rowkey k = row(TSK_T_CT, n);
    struct tsk_txn *t = begin(true);
    ck_ok(tsk_del(t, &k));
    ck_ok(tsk_txn_commit(t));
}

START_TEST(three_marks)
{
    struct tsk_use u = disk_use(s);
    ck_assert_uint_eq(u.max, 4 * MIB);
    ck_assert_uint_eq(u.reserve, MIB);
    ck_assert(!u.full);
    uint64_t bulk = grow_until(0, TSK_GROW_BULK, TSK_E_NOROOM);
    u = disk_use(s);
    ck_assert(u.full && u.used <= 3 * MIB && u.used > 3 * MIB - 2 * 20000);
    uint64_t small = grow_until(bulk, TSK_GROW_SMALL, TSK_E_NOROOM);
    u = disk_use(s);
    ck_assert(u.used <= 3 * MIB + MIB / 2 && u.used > 3 * MIB + MIB / 2 - 2 * 20000);
    ck_assert_uint_gt(small, bulk);
    for (int i = 0; i < 300; i++) { /* stops and deletions go on and on: their pages are used again */
        ck_ok(grow(small, TSK_GROW_STOP));
        drop(small);
    }
    ck_err(grow(small, TSK_GROW_SMALL), TSK_E_NOROOM);
    ck_err(grow(small, TSK_GROW_BULK), TSK_E_NOROOM);
    uint64_t stop = grow_until(small, TSK_GROW_STOP, TSK_E_DISKFULL); /* to the end of the map */
    ck_assert_uint_gt(stop, small + 10);
    reopen();
    struct tsk_txn *t = begin(false);
    for (uint64_t i = 0; i < stop; i++) {
        struct tsk_rowkey k = row(TSK_T_CT, i);
        ck_assert(tsk_has(t, &k));
    }
    tsk_txn_abort(t);
}
END_TEST

/* The map's file never shrinks; pages that are free in it are room, and the store says so once it has enough. */
START_TEST(room_made_is_room)
{
    uint64_t n = grow_until(0, TSK_GROW_BULK, TSK_E_NOROOM), dropped = 0;
    while (disk_use(s).full) {
        ck_err(grow(n, TSK_GROW_BULK), TSK_E_NOROOM);
        drop(dropped++);
    }
    ck_assert(dropped > 5 && dropped < 30); /* a quarter of the reserve, not a single page */
    ck_ok(grow(n, TSK_GROW_BULK));
    ck_assert(!disk_use(s).full);
    for (uint64_t i = dropped; i <= n; i++)
        drop(i);
    ck_assert_uint_lt(disk_use(s).used, 200000);
    ck_assert_uint_ge(grow_until(0, TSK_GROW_BULK, TSK_E_NOROOM), n - 2); /* as much as the first time */
}
END_TEST

/* A batch of many puts is one transaction: what it has written already counts. */
START_TEST(a_batch_counts_itself)
{
    static uint8_t value[20000];
    struct tsk_txn *t = begin(true);
    enum tsk_err e;
    uint64_t n = 0;
    while ((e = tsk_room(t, TSK_GROW_BULK, sizeof value)) == TSK_OK) {
        struct tsk_rowkey k = row(TSK_T_CT, n++);
        if (n % 7 == 0)
            ck_ok(tsk_txn_save(t));
        ck_ok(tsk_put(t, &k, TSK_SLICE(value)));
        if (n % 7 == 0)
            ck_ok(tsk_txn_keep(t));
    }
    ck_assert_int_eq(e, TSK_E_NOROOM);
    ck_assert_uint_gt(n, 100);
    ck_ok(tsk_txn_commit(t));
    ck_assert_uint_le(disk_use(s).used, 3 * MIB);
}
END_TEST

/* One large piece that does not fit says nothing of smaller ones. */
START_TEST(too_large_is_not_full)
{
    struct tsk_txn *t = begin(true);
    ck_err(tsk_room(t, TSK_GROW_BULK, 3 * MIB), TSK_E_NOROOM);
    ck_err(tsk_room(t, TSK_GROW_BULK, UINT64_MAX), TSK_E_NOROOM);
    ck_ok(tsk_room(t, TSK_GROW_BULK, 2 * MIB));
    ck_ok(tsk_room(t, TSK_GROW_STOP, UINT64_MAX)); /* is never asked */
    tsk_txn_abort(t);
    ck_assert(!tsk_store_use(s).full);
}
END_TEST

/* The map is sparse: what counts is what the disk still gives. */
START_TEST(a_disk_smaller_than_the_map)
{
    disk_bytes = 2 * MIB;
    ck_assert_uint_eq(disk_use(s).max, 2 * MIB);
    ck_assert_uint_eq(disk_use(s).reserve, MIB / 2); /* never more than a quarter */
    uint64_t n = grow_until(0, TSK_GROW_BULK, TSK_E_NOROOM);
    ck_assert(disk_use(s).used <= 3 * MIB / 2);
    ck_ok(grow(n, TSK_GROW_STOP));
    disk_bytes = MIB; /* somebody else fills it: less than is in use */
    ck_assert(disk_use(s).full);
    ck_err(grow(n, TSK_GROW_BULK), TSK_E_NOROOM);
    ck_err(grow(n, TSK_GROW_SMALL), TSK_E_NOROOM);
    disk_bytes = 100 * MIB;
    ck_assert_uint_eq(disk_use(s).max, 4 * MIB);
    ck_ok(grow(n, TSK_GROW_BULK));
}
END_TEST

/* A backup keeps every page that was in use when it began: the numbers see room, the writes meet none. */
START_TEST(a_reader_holds_what_is_free)
{
    struct tsk_txn *reader = begin(false);
    uint64_t n = 0;
    enum tsk_err e;
    while ((e = grow(n % 10, TSK_GROW_STOP)) == TSK_OK)
        n++;
    ck_assert_int_eq(e, TSK_E_DISKFULL);
    struct tsk_use u = tsk_store_use(s);
    ck_assert(u.full && u.used < MIB);
    tsk_txn_abort(reader);
    ck_ok(grow(0, TSK_GROW_STOP));
    ck_assert(!tsk_store_use(s).full);
}
END_TEST

/* It was killed in the middle, and cannot say that it is done. */
START_TEST(a_reader_that_died_holds_nothing)
{
    pid_t pid = fork();
    if (pid == 0) {
        MDB_env *env;
        MDB_txn *txn;
        bool reads = mdb_env_create(&env) == 0 && mdb_env_open(env, temp_path("db"), MDB_RDONLY, 0600) == 0 &&
                     mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0;
        _exit(reads ? 0 : 1);
    }
    int status = 1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    for (uint64_t i = 0; i < 500; i++)
        ck_ok(grow(i % 10, TSK_GROW_STOP));
}
END_TEST

static void no_disk(void)
{
    disk_bytes = 0;
}

static TCase *room_case(void)
{
    TCase *c = tcase_create("room");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_checked_fixture(c, no_disk, no_disk);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, three_marks);
    tcase_add_test(c, room_made_is_room);
    tcase_add_test(c, a_batch_counts_itself);
    tcase_add_test(c, too_large_is_not_full);
    tcase_add_test(c, a_disk_smaller_than_the_map);
    tcase_add_test(c, a_reader_holds_what_is_free);
    tcase_add_test(c, a_reader_that_died_holds_nothing);
    return c;
}

TSK_TEST_MAIN_NOFORK("room", room_case)
