/* rows.c - keys, sealing, and the three things one does to a row. */
#include <string.h>

#include "crypto/hash.h"
#include "node/store/inside.h"

enum { PLAIN, SEALED };

static const struct { uint8_t prefix, sealed; } tables[TSK_T_COUNT] = {
#define TSK_TABLE(NAME, prefix, sealed, key, value) [TSK_T_##NAME] = {prefix, sealed},
#include "node/store/keys.def"
#undef TSK_TABLE
};

enum tsk_table tsk_table_of(uint8_t prefix)
{
    for (enum tsk_table t = 0; t < TSK_T_COUNT; t++)
        if (tables[t].prefix == prefix)
            return t;
    return TSK_T_COUNT;
}

bool tsk_table_sealed(enum tsk_table table)
{
    return tables[table].sealed == SEALED;
}

uint8_t tsk_table_prefix(enum tsk_table table)
{
    return tables[table].prefix;
}

/* ---- keys ---- */
#define OVERLONG SIZE_MAX /* sticky, and refused by every call that takes a key */

struct tsk_rowkey tsk_row(enum tsk_table table)
{
    return (struct tsk_rowkey){.b = {tables[table].prefix}, .n = 1};
}

void tsk_row_bytes(struct tsk_rowkey *k, const void *p, size_t n)
{
    if (k->n > sizeof k->b || n > sizeof k->b - k->n) {
        k->n = OVERLONG;
        return;
    }
    if (n > 0)
        memcpy(k->b + k->n, p, n);
    k->n += n;
}

void tsk_row_u8(struct tsk_rowkey *k, uint8_t v)
{
    tsk_row_bytes(k, &v, 1);
}

static void be64(uint64_t v, uint8_t ret_p[8])
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        ret_p[i] = (uint8_t)v;
}

void tsk_row_u64(struct tsk_rowkey *k, uint64_t v)
{
    uint8_t b[8];
    be64(v, b);
    tsk_row_bytes(k, b, sizeof b);
}

uint64_t tsk_be64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* LMDB only reads through it. */
static MDB_val key_val(const struct tsk_rowkey *k)
{
    return (MDB_val){k->n, (void *)(uintptr_t)k->b};
}

/* ---- sealing ---- */
static enum tsk_err cipher(struct tsk_txn *t, enum tsk_table table, struct tsk_gcm **ret_g)
{
    if (t->gcm[table] == NULL)
        TSK_TRY(tsk_gcm_new(t->store->keys[table].b, &t->gcm[table]));
    *ret_g = t->gcm[table];
    return TSK_OK;
}

/* ---- reading ---- */
static enum tsk_err unseal(struct tsk_txn *t, enum tsk_table table, const MDB_val *key, struct tsk_slice stored,
                           struct tsk_slice *ret_text)
{
    if (stored.n < TSK_SEAL_EXTRA)
        return TSK_E_BUG;
    struct tsk_slice ct = {stored.p + TSK_SEAL_NONCE, stored.n - TSK_SEAL_NONCE};
    struct tsk_gcm *g = NULL;
    TSK_TRY(cipher(t, table, &g));
    TSK_TRY(tsk_scratch_need(&t->text, stored.n));
    enum tsk_err e = tsk_gcm_open_more(g, stored.p, (struct tsk_slice){key->mv_data, key->mv_size}, ct, t->text.p);
    if (e != TSK_OK)
        return e == TSK_E_BADSIG ? TSK_E_BUG : e; /* our own row, changed: no peer's fault */
    *ret_text = (struct tsk_slice){t->text.p, stored.n - TSK_SEAL_EXTRA};
    return TSK_OK;
}

enum tsk_err tsk_row_text(struct tsk_txn *t, const MDB_val *key, const MDB_val *stored, struct tsk_slice *ret_text)
{
    struct tsk_slice s = {stored->mv_data, stored->mv_size};
    enum tsk_table table = tsk_table_of(*(const uint8_t *)key->mv_data);
    if (table == TSK_T_COUNT)
        return TSK_E_BUG;
    if (tsk_table_sealed(table))
        return unseal(t, table, key, s, ret_text);
    if (t->write) { /* the next put may move LMDB's page: what was read must outlive it */
        TSK_TRY(tsk_scratch_need(&t->text, s.n));
        if (s.n > 0)
            memcpy(t->text.p, s.p, s.n);
        s.p = t->text.p;
    }
    *ret_text = s;
    return TSK_OK;
}

enum tsk_err tsk_get(struct tsk_txn *t, const struct tsk_rowkey *k, struct tsk_slice *ret_value)
{
    MDB_val key = key_val(k), stored;
    if (k->n > sizeof k->b)
        return TSK_E_BUG;
    int rc = mdb_get(tsk_txn_top(t), t->store->dbi, &key, &stored);
    if (rc != 0)
        return tsk_store_err(t->store, rc);
    return tsk_row_text(t, &key, &stored, ret_value);
}

bool tsk_has(struct tsk_txn *t, const struct tsk_rowkey *k)
{
    MDB_val key = key_val(k), stored;
    return k->n <= sizeof k->b && mdb_get(tsk_txn_top(t), t->store->dbi, &key, &stored) == 0;
}

/* ---- writing ---- */
/* Whoever overlooks a failed write must not commit the half that went before it. */
static enum tsk_err note(struct tsk_txn *t, enum tsk_err e)
{
    t->writes++;
    t->store->room.hit = t->store->room.hit || e == TSK_E_DISKFULL;
    if (e != TSK_OK && t->failed == TSK_OK)
        t->failed = e;
    return e;
}

/* Straight into LMDB's page, which is reserved at its full length: the text is copied once, by the cipher. */
static enum tsk_err fill(struct tsk_txn *t, enum tsk_table table, const MDB_val *key, struct tsk_slice value, uint8_t *p)
{
    if (!tsk_table_sealed(table)) {
        if (value.n > 0)
            memcpy(p, value.p, value.n);
        return TSK_OK;
    }
    struct tsk_gcm *g = NULL;
    TSK_TRY(cipher(t, table, &g));
    tsk_random(p, TSK_SEAL_NONCE);
    return tsk_gcm_seal_more(g, p, (struct tsk_slice){key->mv_data, key->mv_size}, value, p + TSK_SEAL_NONCE);
}

static enum tsk_err put(struct tsk_txn *t, const struct tsk_rowkey *k, struct tsk_slice value)
{
    enum tsk_table table = tsk_table_of(k->b[0]);
    if (!t->write || k->n > sizeof k->b || table == TSK_T_COUNT)
        return TSK_E_BUG;
    MDB_val key = key_val(k), room = {value.n + (tsk_table_sealed(table) ? TSK_SEAL_EXTRA : 0), NULL};
    int rc = mdb_put(tsk_txn_top(t), t->store->dbi, &key, &room, MDB_RESERVE);
    if (rc != 0)
        return tsk_store_err(t->store, rc);
    return fill(t, table, &key, value, room.mv_data);
}

enum tsk_err tsk_put(struct tsk_txn *t, const struct tsk_rowkey *k, struct tsk_slice value)
{
    return note(t, put(t, k, value));
}

enum tsk_err tsk_del(struct tsk_txn *t, const struct tsk_rowkey *k)
{
    if (!t->write || k->n > sizeof k->b)
        return note(t, TSK_E_BUG);
    MDB_val key = key_val(k);
    int rc = mdb_del(tsk_txn_top(t), t->store->dbi, &key, NULL);
    return rc == MDB_NOTFOUND ? TSK_OK : note(t, tsk_store_err(t->store, rc));
}

enum tsk_err tsk_put_u64(struct tsk_txn *t, const struct tsk_rowkey *k, uint64_t v)
{
    uint8_t b[8];
    be64(v, b);
    return tsk_put(t, k, TSK_SLICE(b));
}

enum tsk_err tsk_get_u64(struct tsk_txn *t, const struct tsk_rowkey *k, uint64_t *ret_v)
{
    struct tsk_slice v = {0};
    TSK_TRY(tsk_get(t, k, &v));
    if (v.n != 8)
        return TSK_E_BUG;
    *ret_v = tsk_be64(v.p);
    return TSK_OK;
}
