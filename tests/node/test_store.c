/* The store: rows stay, savepoints nest, walks stand on moving ground. A copy of the rows in plain memory is the judge of
 * long random runs. What a hand in the file may do is in test_store_file.c, a failing disk in test_store_faults.c. */
#include "tests/node/stores.h"

/* ---- rows ---- */
START_TEST(rows_stay)
{
    struct tsk_txn *t = begin(true);
    for (enum tsk_table table = 0; table < TSK_T_COUNT; table++) {
        put(t, table, 1, "one");
        put(t, table, 2, "");
        put(t, table, 3, "three");
        put(t, table, 3, "changed");
    }
    ck_ok(tsk_txn_commit(t));
    for (int round = 0; round < 2; round++) {
        for (int write = 0; write < 2; write++) {
            t = begin(write);
            for (enum tsk_table table = 0; table < TSK_T_COUNT; table++) {
                expect(t, table, 1, "one");
                expect(t, table, 2, "");
                expect(t, table, 3, "changed");
                expect(t, table, 4, NULL);
            }
            tsk_txn_abort(t);
        }
        reopen();
    }
}
END_TEST

START_TEST(abort_changes_nothing)
{
    struct tsk_txn *t = begin(true);
    put(t, TSK_T_CASE, 1, "stays");
    ck_ok(tsk_txn_commit(t));
    t = begin(true);
    put(t, TSK_T_CASE, 1, "other");
    put(t, TSK_T_CASE, 2, "new");
    tsk_txn_abort(t);
    t = begin(true);
    expect(t, TSK_T_CASE, 1, "stays");
    expect(t, TSK_T_CASE, 2, NULL);
    tsk_txn_abort(t);
}
END_TEST

START_TEST(deleting)
{
    struct tsk_txn *t = begin(true);
    struct tsk_rowkey k = row(TSK_T_CASE, 1);
    ck_ok(tsk_del(t, &k));
    put(t, TSK_T_CASE, 1, "x");
    ck_ok(tsk_del(t, &k));
    expect(t, TSK_T_CASE, 1, NULL);
    ck_ok(tsk_txn_commit(t));
    t = begin(false);
    expect(t, TSK_T_CASE, 1, NULL);
    tsk_txn_abort(t);
}
END_TEST

START_TEST(big_values)
{
    static const size_t sizes[] = {0, 1, 2000, 4095, 4096, 4097, 1 << 20, 10 << 20};
    uint8_t *big = malloc(10 << 20);
    for (size_t i = 0; i < 10 << 20; i++)
        big[i] = (uint8_t)(i >> 8 ^ i);
    struct tsk_txn *t = begin(true);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int table = 0; table < 2; table++) {
            struct tsk_rowkey k = row(table ? TSK_T_OUT : TSK_T_CT, i);
            ck_ok(tsk_put(t, &k, (struct tsk_slice){big, sizes[i]}));
        }
    ck_ok(tsk_txn_commit(t));
    t = begin(false);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int table = 0; table < 2; table++) {
            struct tsk_rowkey k = row(table ? TSK_T_OUT : TSK_T_CT, i);
            struct tsk_slice v;
            ck_ok(tsk_get(t, &k, &v));
            ck_assert(tsk_slice_eq(v, (struct tsk_slice){big, sizes[i]}));
        }
    tsk_txn_abort(t);
    free(big);
}
END_TEST

/* A value read in a writing transaction survives the writes that follow, up to the next read. */
START_TEST(values_survive_writes)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        enum tsk_table table = sealed ? TSK_T_CASE : TSK_T_STATUS;
        struct tsk_txn *t = begin(true);
        struct tsk_rowkey k = row(table, 5);
        struct tsk_slice v;
        put(t, table, 5, "the value");
        ck_ok(tsk_get(t, &k, &v));
        for (uint64_t i = 0; i < 500; i++)
            put(t, table, i, "something else, longer than before");
        ck_assert_mem_eq(v.p, "the value", 9);
        ck_ok(tsk_put(t, &k, v)); /* and may be written back */
        expect(t, table, 5, "the value");
        tsk_txn_abort(t);
    }
}
END_TEST

START_TEST(kept_memory)
{
    struct tsk_txn *t = begin(true);
    uint8_t *p[300];
    for (size_t i = 0; i < 300; i++) {
        size_t n = i * 531 % 90000;
        p[i] = tsk_txn_alloc(t, n);
        ck_assert_uint_eq((uintptr_t)p[i] % 16, 0);
        for (size_t j = 0; j < n; j++)
            if (p[i][j] != 0)
                ck_abort_msg("piece %zu is not zeroed", i);
        memset(p[i], (int)i, n);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < i * 531 % 90000; j++)
            if (p[i][j] != (uint8_t)i)
                ck_abort_msg("piece %zu overlaps another", i);
    ck_assert_mem_eq(tsk_keep(t, "abc", 4), "abc", 4);
    ck_assert_ptr_nonnull(tsk_keep(t, NULL, 0));
    ck_assert_ptr_null(tsk_txn_alloc(t, SIZE_MAX));
    struct tsk_memory *m = tsk_txn_memory(t);
    ck_assert_ptr_null(tsk_txn_alloc(t, 1));
    tsk_txn_abort(t);
    ck_assert_uint_eq(p[299][0], 299 % 256); /* outlives its transaction */
    tsk_memory_free(m);
}
END_TEST

/* ---- misuse ---- */
START_TEST(overlong_keys)
{
    uint8_t bytes[300] = {0};
    struct tsk_txn *t = begin(true);
    struct tsk_slice v;
    uint64_t n;
    struct tsk_walk w;
    struct tsk_rowkey longest = tsk_row(TSK_T_CASE), k = tsk_row(TSK_T_CASE);
    tsk_row_bytes(&longest, bytes, 199);
    ck_ok(tsk_put(t, &longest, str("fits")));
    ck_ok(tsk_get(t, &longest, &v));
    tsk_row_bytes(&k, bytes, 200);
    ck_err(tsk_get(t, &k, &v), TSK_E_BUG);
    ck_err(tsk_count(t, &k, &n), TSK_E_BUG);
    tsk_walk_init(&w, &k, NULL);
    ck_err(tsk_walk_next(t, &w, &v, &v), TSK_E_BUG);
    ck_assert(!tsk_has(t, &k));
    tsk_row_u8(&k, 1); /* stays refused */
    ck_err(tsk_put(t, &k, str("x")), TSK_E_BUG);
    ck_err(tsk_txn_commit(t), TSK_E_BUG); /* whoever overlooked it */
    t = begin(true);
    ck_assert(!tsk_has(t, &longest));
    ck_err(tsk_del(t, &k), TSK_E_BUG);
    tsk_txn_abort(t);
}
END_TEST

START_TEST(writing_without_right)
{
    struct tsk_txn *t = begin(false);
    struct tsk_rowkey k = row(TSK_T_CASE, 1);
    uint64_t n;
    ck_err(tsk_put(t, &k, str("x")), TSK_E_BUG);
    ck_err(tsk_del(t, &k), TSK_E_BUG);
    ck_err(tsk_next(t, "case", &n), TSK_E_BUG);
    ck_err(tsk_txn_save(t), TSK_E_BUG);
    tsk_txn_abort(t);
}
END_TEST

START_TEST(one_writer)
{
    struct tsk_txn *t = begin(true), *other;
    ck_err(tsk_txn_begin(s, true, &other), TSK_E_BUG);
    ck_ok(tsk_txn_begin(s, false, &other));
    put(t, TSK_T_CASE, 1, "x");
    expect(other, TSK_T_CASE, 1, NULL);
    ck_ok(tsk_txn_commit(t));
    expect(other, TSK_T_CASE, 1, NULL); /* a reader sees one state */
    tsk_txn_abort(other);
    t = begin(true);
    expect(t, TSK_T_CASE, 1, "x");
    tsk_txn_abort(t);
}
END_TEST

/* ---- savepoints ---- */
START_TEST(savepoints)
{
    struct tsk_txn *t = begin(true);
    put(t, TSK_T_CASE, 1, "outer");
    ck_ok(tsk_txn_save(t));
    put(t, TSK_T_CASE, 1, "inner");
    put(t, TSK_T_CASE, 2, "inner");
    ck_ok(tsk_txn_save(t));
    put(t, TSK_T_CASE, 3, "innermost");
    ck_ok(tsk_txn_keep(t));
    expect(t, TSK_T_CASE, 3, "innermost");
    tsk_txn_undo(t); /* takes the kept one with it */
    expect(t, TSK_T_CASE, 1, "outer");
    expect(t, TSK_T_CASE, 2, NULL);
    expect(t, TSK_T_CASE, 3, NULL);
    ck_ok(tsk_txn_save(t));
    put(t, TSK_T_CASE, 4, "kept");
    ck_ok(tsk_txn_keep(t));
    ck_ok(tsk_txn_commit(t));
    reopen();
    t = begin(false);
    expect(t, TSK_T_CASE, 1, "outer");
    expect(t, TSK_T_CASE, 2, NULL);
    expect(t, TSK_T_CASE, 4, "kept");
    tsk_txn_abort(t);
}
END_TEST

START_TEST(savepoint_misuse)
{
    struct tsk_txn *t = begin(true);
    ck_err(tsk_txn_keep(t), TSK_E_BUG);
    tsk_txn_undo(t);
    for (int i = 0; i < 8; i++)
        ck_ok(tsk_txn_save(t));
    ck_err(tsk_txn_save(t), TSK_E_BUG);
    put(t, TSK_T_CASE, 1, "deep");
    ck_err(tsk_txn_commit(t), TSK_E_BUG); /* left open: nothing of it counts */
    t = begin(true);
    expect(t, TSK_T_CASE, 1, NULL);
    ck_ok(tsk_txn_save(t));
    ck_ok(tsk_txn_save(t));
    tsk_txn_abort(t); /* with savepoints open */
    t = begin(true);
    expect(t, TSK_T_CASE, 1, NULL);
    tsk_txn_abort(t);
}
END_TEST

/* ---- walking ---- */
static uint64_t walk(struct tsk_txn *t, const struct tsk_rowkey *prefix, const struct tsk_rowkey *from, uint64_t *ret_sum)
{
    struct tsk_walk w;
    struct tsk_slice tail, value;
    uint64_t n = 0;
    enum tsk_err e;
    *ret_sum = 0;
    tsk_walk_init(&w, prefix, from);
    while ((e = tsk_walk_next(t, &w, &tail, &value)) == TSK_OK) {
        n++;
        *ret_sum = *ret_sum * 31 + tsk_be64(tail.p);
    }
    ck_assert_int_eq(e, TSK_E_UNKNOWN);
    ck_err(tsk_walk_next(t, &w, &tail, &value), TSK_E_UNKNOWN); /* still */
    return n;
}

START_TEST(walking)
{
    struct tsk_txn *t = begin(true);
    struct tsk_rowkey cases = tsk_row(TSK_T_CASE), none = tsk_row(TSK_T_NOTE);
    struct tsk_rowkey from = row(TSK_T_CASE, 300), gap = row(TSK_T_CASE, 301);
    uint64_t sum, want = 0, n;
    for (uint64_t i = 0; i < 600; i += 2) /* past one byte: the order is of numbers */
        put(t, TSK_T_CASE, i, "c");
    put(t, TSK_T_CASE_ID, 1, "neighbour");
    put(t, TSK_T_ITEM, 1, "neighbour");
    for (uint64_t i = 0; i < 600; i += 2)
        want = want * 31 + i;
    ck_assert_uint_eq(walk(t, &cases, NULL, &sum), 300);
    ck_assert_uint_eq(sum, want);
    ck_assert_uint_eq(walk(t, &cases, &from, &sum), 150); /* 300 itself counts */
    ck_assert_uint_eq(walk(t, &cases, &gap, &sum), 149);
    ck_assert_uint_eq(walk(t, &none, NULL, &sum), 0);
    ck_ok(tsk_count(t, &cases, &n));
    ck_assert_uint_eq(n, 300);
    ck_ok(tsk_count(t, &none, &n));
    ck_assert_uint_eq(n, 0);
    ck_ok(tsk_count(t, &from, &n));
    ck_assert_uint_eq(n, 1);
    tsk_txn_abort(t);
}
END_TEST

/* A prefix of all ones has no successor of its length. */
START_TEST(walking_the_last_prefix)
{
    struct tsk_txn *t = begin(true);
    struct tsk_rowkey prefix = tsk_row(TSK_T_MISCONDUCT);
    struct tsk_slice tail, v;
    struct tsk_walk w;
    for (int i = 0; i < 8; i++)
        tsk_row_u8(&prefix, 0xff);
    struct tsk_rowkey k = prefix;
    tsk_row_u8(&k, 0xff);
    ck_ok(tsk_put(t, &prefix, str("itself")));
    ck_ok(tsk_put(t, &k, str("last")));
    tsk_walk_init(&w, &prefix, NULL);
    ck_ok(tsk_walk_next(t, &w, &tail, &v));
    ck_assert_uint_eq(tail.n, 0);
    ck_ok(tsk_walk_next(t, &w, &tail, &v));
    ck_assert_uint_eq(tail.n, 1);
    ck_assert_mem_eq(v.p, "last", 4);
    ck_err(tsk_walk_next(t, &w, &tail, &v), TSK_E_UNKNOWN);
    tsk_txn_abort(t);
}
END_TEST

START_TEST(walking_while_rows_change)
{
    struct tsk_txn *t = begin(true);
    struct tsk_rowkey prefix = tsk_row(TSK_T_CASE);
    struct tsk_walk w;
    struct tsk_slice tail, v;
    uint64_t seen = 0, last = 0;
    for (uint64_t i = 0; i < 1000; i++)
        put(t, TSK_T_CASE, i * 10, "row");
    tsk_walk_init(&w, &prefix, NULL);
    while (tsk_walk_next(t, &w, &tail, &v) == TSK_OK) {
        uint64_t n = tsk_be64(tail.p);
        ck_assert(seen == 0 || n > last);
        last = n;
        seen++;
        struct tsk_rowkey k = row(TSK_T_CASE, n), behind = row(TSK_T_CASE, n + 10);
        ck_ok(tsk_del(t, &k));               /* the one it stands on */
        if (n % 30 == 0)
            ck_ok(tsk_del(t, &behind));      /* the one that would come */
        if (n % 10 == 0)
            put(t, TSK_T_CASE, n + 5, "new"); /* one that comes in between */
        if (n > 0)
            put(t, TSK_T_CASE, n - 1, "late"); /* one that it is past */
        if (n % 70 == 0) { /* and savepoints come and go */
            ck_ok(tsk_txn_save(t));
            put(t, TSK_T_CASE, n + 7, "undone");
            tsk_txn_undo(t);
        }
    }
    /* multiples of 10 without those deleted ahead: 0, 20, 30, 50, ...; each of them brings its n + 5 */
    ck_assert_uint_eq(seen, 2 * (1000 - 333));
    tsk_txn_abort(t);
}
END_TEST

START_TEST(counters)
{
    uint64_t v;
    for (uint64_t want = 1; want < 4; want++) {
        struct tsk_txn *t = begin(true);
        ck_ok(tsk_next(t, "case", &v));
        ck_assert_uint_eq(v, want);
        ck_ok(tsk_txn_commit(t));
        t = begin(true);
        ck_ok(tsk_next(t, "case", &v));
        tsk_txn_abort(t); /* not taken */
        reopen();
    }
    struct tsk_txn *t = begin(true);
    ck_ok(tsk_next(t, "record", &v));
    ck_assert_uint_eq(v, 1);
    ck_ok(tsk_next(t, "version", &v)); /* not the store's own row */
    ck_assert_uint_eq(v, 1);
    ck_ok(tsk_txn_commit(t));
    reopen();
}
END_TEST

START_TEST(numbers)
{
    static const uint64_t values[] = {0, 1, 255, 256, UINT64_C(1) << 53, UINT64_MAX};
    struct tsk_txn *t = begin(true);
    struct tsk_rowkey k = row(TSK_T_CASE_ID, 1);
    uint64_t v = 42;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        ck_ok(tsk_put_u64(t, &k, values[i]));
        ck_ok(tsk_get_u64(t, &k, &v));
        ck_assert_uint_eq(v, values[i]);
    }
    ck_ok(tsk_put(t, &k, str("1234567")));
    ck_err(tsk_get_u64(t, &k, &v), TSK_E_BUG);
    ck_ok(tsk_del(t, &k));
    ck_err(tsk_get_u64(t, &k, &v), TSK_E_UNKNOWN);
    tsk_txn_abort(t);
}
END_TEST

/* ---- against a model ---- */
enum { ROWS = 40, LEVELS = 5 };
static uint32_t seed;
static uint32_t dice(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

struct model { uint32_t v[ROWS]; }; /* 0: no row */

static void compare(struct tsk_txn *t, const struct model *m)
{
    uint64_t n, want = 0;
    struct tsk_rowkey prefix = tsk_row(TSK_T_GRANT), k;
    for (uint64_t i = 0; i < ROWS; i++) {
        uint64_t v = 0;
        k = row(TSK_T_GRANT, i);
        enum tsk_err e = tsk_get_u64(t, &k, &v);
        ck_assert_int_eq(e, m->v[i] == 0 ? TSK_E_UNKNOWN : TSK_OK);
        ck_assert_uint_eq(v, m->v[i]);
        want += m->v[i] != 0;
    }
    ck_ok(tsk_count(t, &prefix, &n));
    ck_assert_uint_eq(n, want);
}

START_TEST(random_runs)
{
    struct model stack[LEVELS + 1] = {0}, committed = {{0}};
    seed = (uint32_t)_i + 1;
    for (int round = 0; round < 12; round++) {
        struct tsk_txn *t = begin(true);
        size_t depth = 0;
        stack[0] = committed;
        for (int step = 0; step < 120; step++) {
            uint32_t i = dice(ROWS), what = dice(10);
            struct tsk_rowkey k = row(TSK_T_GRANT, i);
            if (what < 4) {
                stack[depth].v[i] = dice(1000) + 1;
                ck_ok(tsk_put_u64(t, &k, stack[depth].v[i]));
            } else if (what < 6) {
                stack[depth].v[i] = 0;
                ck_ok(tsk_del(t, &k));
            } else if (what == 6 && depth < LEVELS) {
                ck_ok(tsk_txn_save(t));
                stack[depth + 1] = stack[depth];
                depth++;
            } else if (what == 7 && depth > 0) {
                ck_ok(tsk_txn_keep(t));
                stack[depth - 1] = stack[depth];
                depth--;
            } else if (what == 8 && depth > 0) {
                tsk_txn_undo(t);
                depth--;
            } else if (what == 9) {
                compare(t, &stack[depth]);
            }
        }
        for (; depth > 0; depth--)
            tsk_txn_undo(t);
        if (dice(3) == 0) {
            tsk_txn_abort(t);
        } else {
            ck_ok(tsk_txn_commit(t));
            committed = stack[0];
        }
        if (dice(4) == 0)
            reopen();
        t = begin(false);
        compare(t, &committed);
        tsk_txn_abort(t);
    }
}
END_TEST

static TCase *rows_case(void)
{
    TCase *c = tcase_create("rows");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, rows_stay);
    tcase_add_test(c, abort_changes_nothing);
    tcase_add_test(c, deleting);
    tcase_add_test(c, big_values);
    tcase_add_test(c, values_survive_writes);
    tcase_add_test(c, kept_memory);
    tcase_add_test(c, overlong_keys);
    tcase_add_test(c, writing_without_right);
    tcase_add_test(c, one_writer);
    tcase_add_test(c, savepoints);
    tcase_add_test(c, savepoint_misuse);
    tcase_add_test(c, walking);
    tcase_add_test(c, walking_the_last_prefix);
    tcase_add_test(c, walking_while_rows_change);
    tcase_add_test(c, counters);
    tcase_add_test(c, numbers);
    tcase_add_loop_test(c, random_runs, 0, 10);
    return c;
}

TSK_TEST_MAIN_NOFORK("store", rows_case)
