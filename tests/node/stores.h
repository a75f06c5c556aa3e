/* stores.h - one open store for each test, and short ways to write and expect its rows. */
#ifndef TSK_TESTS_NODE_STORES_H
#define TSK_TESTS_NODE_STORES_H

#include "node/store/store.h"
#include "tests/check.h"
#include "tests/node/temp.h"

static struct tsk_key32 master = {{1, 2, 3}};
static struct tsk_store *s;

static inline void setup(void)
{
    temp_setup();
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
}

static inline void teardown(void)
{
    tsk_store_close(s);
    s = NULL;
    temp_teardown();
}

static inline void reopen(void)
{
    tsk_store_close(s);
    s = NULL;
    ck_ok(tsk_store_open(temp_dir, &master, 1, &s));
}

static inline struct tsk_slice str(const char *text)
{
    return (struct tsk_slice){(const uint8_t *)text, strlen(text)};
}

static inline struct tsk_rowkey row(enum tsk_table t, uint64_t n)
{
    struct tsk_rowkey k = tsk_row(t);
    tsk_row_u64(&k, n);
    return k;
}

static inline void put(struct tsk_txn *t, enum tsk_table table, uint64_t n, const char *text)
{
    struct tsk_rowkey k = row(table, n);
    ck_ok(tsk_put(t, &k, str(text)));
}

/* NULL: the row must not be there. */
static inline void expect(struct tsk_txn *t, enum tsk_table table, uint64_t n, const char *text)
{
    struct tsk_rowkey k = row(table, n);
    struct tsk_slice v;
    ck_assert_int_eq(tsk_has(t, &k), text != NULL);
    if (text == NULL) {
        ck_err(tsk_get(t, &k, &v), TSK_E_UNKNOWN);
        return;
    }
    ck_ok(tsk_get(t, &k, &v));
    ck_assert_uint_eq(v.n, strlen(text));
    ck_assert(v.n == 0 || memcmp(v.p, text, v.n) == 0);
}

static inline struct tsk_txn *begin(bool write)
{
    struct tsk_txn *t;
    ck_ok(tsk_txn_begin(s, write, &t));
    return t;
}

#endif
