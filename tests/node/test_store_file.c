/* The store's file in other hands: sealed rows open as they were written or not at all, and other stores are told apart.
 * A raw LMDB handle plays whoever edits the file. */
#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>

#include "tests/node/stores.h"
#include "tests/node/synced.h"

/* LMDB syncs the file; that the file and its folder can be found again is ours to see to, whenever it is opened. */
START_TEST(names_are_durable)
{
    synced_n = 0;
    reopen();
    ck_assert(synced(temp_dir) && synced(temp_path("db")));
}
END_TEST

static MDB_env *raw_env;
static MDB_dbi raw_dbi;

static MDB_txn *raw_begin(void)
{
    MDB_txn *txn;
    tsk_store_close(s);
    s = NULL;
    ck_assert_int_eq(mdb_env_create(&raw_env), 0);
    ck_assert_int_eq(mdb_env_set_mapsize(raw_env, 1 << 30), 0);
    ck_assert_int_eq(mdb_env_open(raw_env, temp_path("db"), 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(raw_env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &raw_dbi), 0);
    return txn;
}

static void raw_end(MDB_txn *txn)
{
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(raw_env);
}

static size_t raw_get(MDB_txn *txn, const struct tsk_rowkey *k, uint8_t *buf, size_t cap)
{
    MDB_val key = {k->n, (void *)(uintptr_t)k->b}, v;
    ck_assert_int_eq(mdb_get(txn, raw_dbi, &key, &v), 0);
    ck_assert_uint_le(v.mv_size, cap);
    memcpy(buf, v.mv_data, v.mv_size);
    return v.mv_size;
}

static void raw_put(MDB_txn *txn, const struct tsk_rowkey *k, const uint8_t *p, size_t n)
{
    MDB_val key = {k->n, (void *)(uintptr_t)k->b}, v = {n, (void *)(uintptr_t)p};
    ck_assert_int_eq(mdb_put(txn, raw_dbi, &key, &v, 0), 0);
}

static const char secret[] = "canary";
enum { STORED = 12 + sizeof secret - 1 + 16 };

/* One row for every bit, each with that bit turned. */
START_TEST(sealed_bit_flips)
{
    struct tsk_txn *t = begin(true);
    for (uint64_t bit = 0; bit < STORED * 8; bit++)
        put(t, TSK_T_CASE, bit, secret);
    put(t, TSK_T_CASE, 9999, secret);
    ck_ok(tsk_txn_commit(t));
    MDB_txn *raw = raw_begin();
    for (uint64_t bit = 0; bit < STORED * 8; bit++) {
        struct tsk_rowkey k = row(TSK_T_CASE, bit);
        uint8_t v[STORED];
        ck_assert_uint_eq(raw_get(raw, &k, v, sizeof v), STORED);
        v[bit / 8] ^= (uint8_t)(1u << bit % 8);
        raw_put(raw, &k, v, sizeof v);
    }
    raw_end(raw);
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
    t = begin(true);
    expect(t, TSK_T_CASE, 9999, secret);
    for (uint64_t bit = 0; bit < STORED * 8; bit++) {
        struct tsk_rowkey k = row(TSK_T_CASE, bit);
        struct tsk_slice v = {NULL, 77};
        ck_err(tsk_get(t, &k, &v), TSK_E_BUG);
        ck_assert_uint_eq(v.n, 77);
    }
    tsk_txn_abort(t);
}
END_TEST

START_TEST(sealed_truncations)
{
    struct tsk_txn *t = begin(true);
    for (uint64_t n = 0; n <= STORED; n++)
        put(t, TSK_T_CASE, n, secret);
    ck_ok(tsk_txn_commit(t));
    MDB_txn *raw = raw_begin();
    for (uint64_t n = 0; n <= STORED; n++) {
        struct tsk_rowkey k = row(TSK_T_CASE, n);
        uint8_t v[STORED];
        raw_get(raw, &k, v, sizeof v);
        raw_put(raw, &k, v, n);
    }
    raw_end(raw);
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
    t = begin(false);
    for (uint64_t n = 0; n <= STORED; n++) {
        struct tsk_rowkey k = row(TSK_T_CASE, n);
        struct tsk_slice v;
        ck_err(tsk_get(t, &k, &v), n == STORED ? TSK_OK : TSK_E_BUG);
    }
    tsk_txn_abort(t);
}
END_TEST

/* A sealed value opens under its own key of its own table only, and the walk says so too. */
START_TEST(sealed_rows_do_not_move)
{
    struct tsk_txn *t = begin(true);
    struct tsk_rowkey a = row(TSK_T_CASE, 1), b = row(TSK_T_CASE, 2), c = row(TSK_T_NOTE, 1);
    struct tsk_slice v, tail;
    struct tsk_walk w;
    uint8_t bytes[STORED];
    put(t, TSK_T_CASE, 1, secret);
    ck_ok(tsk_txn_commit(t));
    MDB_txn *raw = raw_begin();
    raw_get(raw, &a, bytes, sizeof bytes);
    raw_put(raw, &b, bytes, sizeof bytes);
    raw_put(raw, &c, bytes, sizeof bytes);
    raw_end(raw);
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
    t = begin(false);
    ck_ok(tsk_get(t, &a, &v));
    ck_err(tsk_get(t, &b, &v), TSK_E_BUG);
    ck_err(tsk_get(t, &c, &v), TSK_E_BUG);
    struct tsk_rowkey cases = tsk_row(TSK_T_CASE);
    tsk_walk_init(&w, &cases, NULL);
    ck_ok(tsk_walk_next(t, &w, &tail, &v));
    ck_err(tsk_walk_next(t, &w, &tail, &v), TSK_E_BUG);
    tsk_txn_abort(t);
}
END_TEST

/* Equal texts look different each time, sealed ones never stand in the file, plain ones do (so the search works). */
START_TEST(sealed_at_rest)
{
    static const char needle[] = "0123456789-family-name-0123456789";
    struct tsk_txn *t = begin(true);
    struct tsk_rowkey a = row(TSK_T_CASE, 1);
    uint8_t first[100], second[100];
    put(t, TSK_T_CASE, 1, needle);
    ck_ok(tsk_txn_commit(t));
    MDB_txn *raw = raw_begin();
    size_t n = raw_get(raw, &a, first, sizeof first);
    raw_end(raw);
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
    for (int plain = 0; plain < 2; plain++) {
        t = begin(true);
        put(t, TSK_T_CASE, 1, needle);
        if (plain)
            put(t, TSK_T_STATUS, 1, needle);
        ck_ok(tsk_txn_commit(t));
        int fd = open(temp_path("db/data.mdb"), O_RDONLY);
        off_t size = lseek(fd, 0, SEEK_END);
        void *file = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
        ck_assert_int_eq(memmem(file, (size_t)size, needle, sizeof needle - 1) != NULL, plain);
        munmap(file, (size_t)size);
        close(fd);
    }
    raw = raw_begin();
    ck_assert_uint_eq(raw_get(raw, &a, second, sizeof second), n);
    ck_assert_mem_ne(first, second, n);
    raw_end(raw);
}
END_TEST

/* ---- which store ---- */
static void raw_version(uint64_t v, bool there)
{
    struct tsk_rowkey k = tsk_row(TSK_T_META);
    tsk_row_bytes(&k, "version", 7);
    MDB_txn *raw = raw_begin();
    MDB_val key = {k.n, k.b};
    uint8_t be[8];
    for (int i = 7; i >= 0; i--, v >>= 8)
        be[i] = (uint8_t)v;
    if (there)
        raw_put(raw, &k, be, sizeof be);
    else
        ck_assert_int_eq(mdb_del(raw, raw_dbi, &key, NULL), 0);
    raw_end(raw);
}

START_TEST(versions)
{
    static const uint64_t other[] = {0, TSK_STORE_VERSION + 1, 1000, UINT64_MAX};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        raw_version(other[i], true);
        ck_err(tsk_store_open(temp_dir, &master, 1, &s), TSK_E_STOREVERSION);
        ck_assert_ptr_null(s);
    }
    raw_version(0, false);
    ck_err(tsk_store_open(temp_dir, &master, 1, &s), TSK_E_STOREVERSION); /* other rows, but no version */
    raw_version(TSK_STORE_VERSION, true);
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
}
END_TEST

START_TEST(another_master)
{
    struct tsk_key32 wrong = master;
    wrong.b[31] ^= 1;
    tsk_store_close(s);
    s = NULL;
    ck_err(tsk_store_open(temp_dir, &wrong, 1, &s), TSK_E_KEYS);
    ck_assert_ptr_null(s);
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
}
END_TEST

START_TEST(not_a_store)
{
    char longest[5000];
    struct tsk_store *other = NULL;
    ck_err(tsk_store_open(temp_path("none"), &master, 1, &other), TSK_E_DISK);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    ck_err(tsk_store_open(longest, &master, 1, &other), TSK_E_USAGE);
    ck_assert_int_eq(mkdir(temp_path("bad"), 0700), 0);
    ck_assert_int_eq(mkdir(temp_path("bad/db"), 0700), 0);
    FILE *f = fopen(temp_path("bad/db/data.mdb"), "w");
    for (int i = 0; i < 10000; i++)
        fputc('x', f);
    fclose(f);
    ck_err(tsk_store_open(temp_path("bad"), &master, 1, &other), TSK_E_DISK);
    ck_assert_ptr_null(other);
    tsk_store_close(NULL);
}
END_TEST

START_TEST(modes)
{
    mode_t old = umask(0);
    ck_assert_int_eq(mkdir(temp_path("m"), 0700), 0);
    struct tsk_store *other;
    ck_ok(tsk_store_open(temp_path("m"), &master, 1, &other));
    tsk_store_close(other);
    umask(old);
    ck_assert_uint_eq(mode_of(temp_path("m/db")), 0700);
    ck_assert_uint_eq(mode_of(temp_path("m/db/data.mdb")), 0600);
    ck_assert_uint_eq(mode_of(temp_path("m/db/lock.mdb")), 0600);
    struct stat st;
    ck_assert_int_eq(stat(temp_path("m/db/lock.mdb"), &st), 0);
    ck_assert_int_ge(st.st_blocks * 512, 8192); /* not sparse */
}
END_TEST

static TCase *file_case(void)
{
    TCase *c = tcase_create("file");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, names_are_durable);
    tcase_add_test(c, sealed_bit_flips);
    tcase_add_test(c, sealed_truncations);
    tcase_add_test(c, sealed_rows_do_not_move);
    tcase_add_test(c, sealed_at_rest);
    tcase_add_test(c, versions);
    tcase_add_test(c, another_master);
    tcase_add_test(c, not_a_store);
    tcase_add_test(c, modes);
    return c;
}

TSK_TEST_MAIN_NOFORK("store_file", file_case)
