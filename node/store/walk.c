/* walk.c - rows in order, how many, and counters.
 *
 * A walk holds no cursor: each step looks for the first key past the one it gave last, so rows may come and go between
 * two steps, and savepoints may be opened and undone. */
#include <string.h>

#include "node/store/inside.h"

static bool begins_with(const MDB_val *key, const struct tsk_rowkey *prefix)
{
    return key->mv_size >= prefix->n && memcmp(key->mv_data, prefix->b, prefix->n) == 0;
}

static bool same_key(const MDB_val *key, const struct tsk_rowkey *k)
{
    return key->mv_size == k->n && memcmp(key->mv_data, k->b, k->n) == 0;
}

void tsk_walk_init(struct tsk_walk *w, const struct tsk_rowkey *prefix, const struct tsk_rowkey *from)
{
    *w = (struct tsk_walk){.prefix = *prefix, .at = from != NULL ? *from : *prefix, .from_given = from != NULL};
}

/* The first row at or, once started, past w->at. */
static int seek(MDB_cursor *c, const struct tsk_walk *w, MDB_val *key, MDB_val *stored)
{
    *key = (MDB_val){w->at.n, (void *)(uintptr_t)w->at.b};
    int rc = mdb_cursor_get(c, key, stored, MDB_SET_RANGE);
    if (rc == 0 && w->started && same_key(key, &w->at))
        rc = mdb_cursor_get(c, key, stored, MDB_NEXT);
    return rc;
}

static enum tsk_err step(struct tsk_txn *t, MDB_cursor *c, struct tsk_walk *w, struct tsk_slice *ret_value)
{
    MDB_val key, stored;
    int rc = seek(c, w, &key, &stored);
    if (rc != 0)
        return tsk_store_err(t->store, rc);
    if (!begins_with(&key, &w->prefix))
        return TSK_E_UNKNOWN;
    if (key.mv_size > sizeof w->at.b)
        return TSK_E_BUG;
    struct tsk_slice value;
    TSK_TRY(tsk_row_text(t, &key, &stored, &value));
    memcpy(w->at.b, key.mv_data, key.mv_size);
    w->at.n = key.mv_size;
    w->started = true;
    *ret_value = value;
    return TSK_OK;
}

enum tsk_err tsk_walk_next(struct tsk_txn *t, struct tsk_walk *w, struct tsk_slice *ret_tail, struct tsk_slice *ret_value)
{
    MDB_cursor *c;
    if (w->prefix.n > sizeof w->prefix.b || w->at.n > sizeof w->at.b)
        return TSK_E_BUG;
    int rc = mdb_cursor_open(tsk_txn_top(t), t->store->dbi, &c);
    if (rc != 0)
        return tsk_store_err(t->store, rc);
    enum tsk_err e = step(t, c, w, ret_value);
    mdb_cursor_close(c);
    if (e == TSK_OK)
        *ret_tail = (struct tsk_slice){w->at.b + w->prefix.n, w->at.n - w->prefix.n};
    return e;
}

enum tsk_err tsk_count(struct tsk_txn *t, const struct tsk_rowkey *prefix, uint64_t *ret_n)
{
    MDB_cursor *c;
    MDB_val key = {prefix->n, (void *)(uintptr_t)prefix->b}, stored;
    if (prefix->n > sizeof prefix->b)
        return TSK_E_BUG;
    int rc = mdb_cursor_open(tsk_txn_top(t), t->store->dbi, &c);
    if (rc != 0)
        return tsk_store_err(t->store, rc);
    uint64_t n = 0;
    for (rc = mdb_cursor_get(c, &key, &stored, MDB_SET_RANGE); rc == 0 && begins_with(&key, prefix);
         rc = mdb_cursor_get(c, &key, &stored, MDB_NEXT))
        n++;
    mdb_cursor_close(c);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return tsk_store_err(t->store, rc);
    *ret_n = n;
    return TSK_OK;
}

enum tsk_err tsk_next(struct tsk_txn *t, const char *counter, uint64_t *ret_v)
{
    struct tsk_rowkey k = tsk_row(TSK_T_META);
    uint64_t v = 0;
    tsk_row_bytes(&k, "next ", 5); /* keeps counters apart from the store's own rows */
    tsk_row_bytes(&k, counter, strlen(counter));
    enum tsk_err e = tsk_get_u64(t, &k, &v);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    TSK_TRY(tsk_put_u64(t, &k, v + 1));
    *ret_v = v + 1;
    return TSK_OK;
}
