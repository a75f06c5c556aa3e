/* The store on a failing disk. This program stands between LMDB and the system: the n-th write or sync fails, for every
 * n, once or from then on, or succeeds and says that it failed. Whatever the disk does, a commit that answered TSK_OK is
 * there after reopening, one that answered an error is not, older rows are, and a store in doubt says nothing at all. */
#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>
#include <sys/uio.h>

#include "node/store/store.h"
#include "tests/check.h"
#include "tests/node/temp.h"

/* ---- the disk ---- */
enum how {
    ONCE,      /* one call fails */
    FROM_THEN, /* and every later one */
    LIE,       /* one call does its work and answers an error; the next fails; then all is well */
    SHORT,     /* one write stops half way, as on a disk that fills up; every later one fails */
};
static struct { bool on; enum how how; int at, err, calls; } disk;

enum verdict { PASS, FAIL, PASS_AND_FAIL, HALF };
static enum verdict verdict(void)
{
    if (!disk.on)
        return PASS;
    int n = ++disk.calls;
    if (n == disk.at)
        return disk.how == LIE ? PASS_AND_FAIL : disk.how == SHORT ? HALF : FAIL;
    bool later = n > disk.at && (disk.how == FROM_THEN || disk.how == SHORT);
    return later || (n == disk.at + 1 && disk.how == LIE) ? FAIL : PASS;
}

static ssize_t answer(enum verdict v, ssize_t result)
{
    if (v == PASS || v == HALF)
        return result;
    errno = disk.err;
    return -1;
}

/* ISO C has no way from an object pointer to a function. */
static void real_of(const char *name, void *ret_function)
{
    void *p = dlsym(RTLD_NEXT, name);
    ck_assert_ptr_nonnull(p);
    memcpy(ret_function, &p, sizeof p);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t);
    real_of("pwrite", &real);
    enum verdict v = verdict();
    return answer(v, v == FAIL ? -1 : real(fd, p, v == HALF ? n / 2 : n, at));
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    ssize_t (*real)(int, const struct iovec *, int);
    real_of("writev", &real);
    enum verdict v = verdict();
    return answer(v, v == FAIL ? -1 : real(fd, iov, v == HALF ? n / 2 : n));
}

int fdatasync(int fd)
{
    int (*real)(int);
    real_of("fdatasync", &real);
    enum verdict v = verdict();
    return (int)answer(v == HALF ? FAIL : v, v == FAIL || v == HALF ? -1 : real(fd));
}

static int fallocate_answer;
int posix_fallocate(int fd, off_t at, off_t n)
{
    int (*real)(int, off_t, off_t);
    real_of("posix_fallocate", &real);
    return fallocate_answer != 0 ? fallocate_answer : real(fd, at, n);
}

static size_t small_map;
int mdb_env_set_mapsize(MDB_env *env, size_t n)
{
    int (*real)(MDB_env *, size_t);
    real_of("mdb_env_set_mapsize", &real);
    return real(env, small_map != 0 ? small_map : n);
}

static void disk_fails(enum how how, int at, int err)
{
    disk.how = how;
    disk.at = at;
    disk.err = err;
    disk.calls = 0;
    disk.on = true;
}

static int disk_works(void)
{
    disk.on = false;
    return disk.calls;
}

/* ---- the store ---- */
static struct tsk_key32 master = {{7}};
static struct tsk_store *s;

static void setup(void)
{
    temp_setup();
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
}

static void teardown(void)
{
    disk_works();
    small_map = 0;
    tsk_store_close(s);
    s = NULL;
    temp_teardown();
}

static void reopen(void)
{
    tsk_store_close(s);
    s = NULL;
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
}

/* Row n, big enough for pages of its own, in a transaction of its own. */
static enum tsk_err store_row(uint64_t n)
{
    static uint8_t value[20000];
    struct tsk_txn *t;
    struct tsk_rowkey k = tsk_row(TSK_T_CASE);
    tsk_row_u64(&k, n);
    TSK_TRY(tsk_txn_begin(s, true, &t));
    enum tsk_err e = tsk_put(t, &k, TSK_SLICE(value));
    if (e == TSK_OK)
        return tsk_txn_commit(t);
    tsk_txn_abort(t);
    return e;
}

static enum tsk_err row_is(uint64_t n, bool *ret_there)
{
    struct tsk_txn *t;
    struct tsk_rowkey k = tsk_row(TSK_T_CASE);
    struct tsk_slice v;
    tsk_row_u64(&k, n);
    TSK_TRY(tsk_txn_begin(s, false, &t));
    enum tsk_err e = tsk_get(t, &k, &v);
    tsk_txn_abort(t);
    *ret_there = e == TSK_OK;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static bool there(uint64_t n)
{
    bool is;
    ck_ok(row_is(n, &is));
    return is;
}

/* One commit under the fault. Whether the fault came at all. */
static bool round_of(enum how how, int at, int err)
{
    static uint64_t n = 100;
    bool is = false;
    n += 2;
    ck_ok(store_row(n));
    disk_fails(how, at, err);
    enum tsk_err e = store_row(n + 1);
    int calls = disk_works();
    ck_assert(e == TSK_OK || e == TSK_E_DISK || e == TSK_E_DISKFULL);
    enum tsk_err alive = row_is(n + 1, &is);
    if (alive == TSK_OK) {
        ck_assert_msg(is == (e == TSK_OK), "fault %d at %d: %s, row %d", how, at, tsk_err_name(e), is);
        ck_ok(store_row(50)); /* and it goes on */
    } else {
        ck_assert_int_eq(alive, TSK_E_DISK); /* in doubt: says nothing, and the caller was told of an error */
        ck_assert_int_ne(e, TSK_OK);
        ck_err(store_row(50), TSK_E_DISK);
    }
    reopen();
    ck_assert(there(n));
    ck_assert_msg(alive != TSK_OK || there(n + 1) == (e == TSK_OK), "fault %d at %d", how, at);
    ck_ok(store_row(50));
    return calls >= at;
}

static const int errnos[] = {EIO, ENOSPC};

START_TEST(every_call_fails)
{
    enum how how = (enum how)(_i / 2);
    int at = 1;
    while (round_of(how, at, errnos[_i % 2]))
        at++;
    ck_assert_int_gt(at, 3); /* pages, sync, meta page */
}
END_TEST

START_TEST(full_disk_is_named)
{
    disk_fails(FROM_THEN, 1, ENOSPC);
    ck_err(store_row(1), TSK_E_DISKFULL);
    disk_works();
    disk_fails(ONCE, 1, EIO);
    ck_err(store_row(1), TSK_E_DISK);
    disk_works();
    ck_assert(!there(1));
    ck_ok(store_row(1));
    ck_assert(there(1));
}
END_TEST

/* The meta page arrives although its write answered an error: the commit stands, and says so. */
START_TEST(a_lying_disk)
{
    int stood = 0;
    for (int at = 1; at < 12; at++) {
        disk_fails(LIE, at, EIO);
        enum tsk_err e = store_row((uint64_t)at);
        int calls = disk_works();
        ck_assert_int_eq(there((uint64_t)at), e == TSK_OK);
        stood += calls > at && e == TSK_OK;
        reopen();
        ck_assert_int_eq(there((uint64_t)at), e == TSK_OK);
    }
    ck_assert_int_gt(stood, 0);
}
END_TEST

/* A reader holds the map while a commit fails: it goes on reading its state, and the store recovers after it. */
START_TEST(failure_under_a_reader)
{
    for (int at = 1; at < 8; at++) {
        struct tsk_txn *reader;
        struct tsk_rowkey k = tsk_row(TSK_T_CASE);
        uint64_t n;
        ck_ok(store_row(1));
        ck_ok(tsk_txn_begin(s, false, &reader));
        disk_fails(ONCE, at, EIO);
        enum tsk_err e = store_row(1000 + (uint64_t)at);
        disk_works();
        ck_ok(tsk_count(reader, &k, &n));
        tsk_txn_abort(reader);
        ck_assert_int_eq(there(1000 + (uint64_t)at), e == TSK_OK);
        ck_ok(store_row(2));
        reopen();
        ck_assert_int_eq(there(1000 + (uint64_t)at), e == TSK_OK);
    }
}
END_TEST

/* A map of 1 MiB, filled to its end: the row that no longer fits takes nothing with it, and what fits still goes in. */
START_TEST(full_map)
{
    uint64_t n = 0;
    enum tsk_err e;
    small_map = 1 << 20;
    reopen();
    while ((e = store_row(n)) == TSK_OK)
        n++;
    ck_assert_int_eq(e, TSK_E_DISKFULL);
    ck_assert_uint_gt(n, 20);
    for (int again = 0; again < 3; again++) {
        struct tsk_txn *t;
        struct tsk_rowkey small = tsk_row(TSK_T_STATUS), k = tsk_row(TSK_T_CASE);
        uint8_t value[20000] = {0};
        ck_err(store_row(n), TSK_E_DISKFULL);
        ck_ok(tsk_txn_begin(s, true, &t));
        ck_ok(tsk_put_u64(t, &small, 1));
        tsk_row_u64(&k, n);
        ck_err(tsk_put(t, &k, TSK_SLICE(value)), TSK_E_DISKFULL);
        ck_err(tsk_txn_commit(t), TSK_E_DISKFULL); /* nothing of the batch, although LMDB would have */
        ck_assert(!there(n) && there(n - 1));
        ck_ok(tsk_txn_begin(s, true, &t));
        ck_assert(!tsk_has(t, &small));
        tsk_txn_abort(t);
    }
    small_map = 0; /* more room was given */
    reopen();
    ck_ok(store_row(n));
    for (uint64_t i = 0; i <= n; i++)
        ck_assert(there(i));
}
END_TEST

/* A disk without one free block at the first start: an answer, not a signal. */
START_TEST(full_at_first_start)
{
    struct tsk_store *other = NULL;
    ck_assert_int_eq(mkdir(temp_path("n"), 0700), 0);
    fallocate_answer = ENOSPC;
    ck_err(tsk_store_open(temp_path("n"), &master, 1, &other), TSK_E_DISKFULL);
    fallocate_answer = EINVAL;
    ck_err(tsk_store_open(temp_path("n"), &master, 1, &other), TSK_E_DISK);
    fallocate_answer = 0;
    for (int at = 1; at < 10; at++) {
        disk_fails(FROM_THEN, at, ENOSPC);
        enum tsk_err e = tsk_store_open(temp_path("n"), &master, 1, &other);
        int calls = disk_works();
        if (e == TSK_OK)
            tsk_store_close(other);
        ck_assert_int_eq(e, calls < at ? TSK_OK : TSK_E_DISKFULL);
        ck_ok(tsk_store_open(temp_path("n"), &master, 1, &other)); /* space again */
        tsk_store_close(other);
        other = NULL;
        ck_assert_int_eq(remove(temp_path("n/db/data.mdb")), 0);
    }
}
END_TEST

static TCase *faults_case(void)
{
    TCase *c = tcase_create("faults");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, every_call_fails, 0, 8);
    tcase_add_test(c, full_disk_is_named);
    tcase_add_test(c, a_lying_disk);
    tcase_add_test(c, failure_under_a_reader);
    tcase_add_test(c, full_map);
    tcase_add_test(c, full_at_first_start);
    return c;
}

TSK_TEST_MAIN_NOFORK("store_faults", faults_case)
