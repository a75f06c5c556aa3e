/* store.h - LMDB behind small calls: one database, prefixes from keys.def, sealed rows, savepoints.
 *
 * Durable: a commit returns after fdatasync (no MDB_NOSYNC, no MDB_NOMETASYNC). One writer thread owns the write
 * transaction. Values read are valid until the next call of tsk_get or tsk_walk on the same transaction unless kept with
 * tsk_keep. meta/version is written with a new store; a newer one is refused (TSK_E_STOREVERSION).
 * A store and its transactions belong to one thread.
 * Errors: TSK_E_UNKNOWN no such row; TSK_E_DISK, TSK_E_DISKFULL, TSK_E_NOMEM; TSK_E_BUG a sealed row that does not open,
 * a key over 200 bytes, a second write transaction. A write that fails makes its transaction fail at the commit.
 */
#ifndef TSK_NODE_STORE_STORE_H
#define TSK_NODE_STORE_STORE_H

#include "crypto/secret.h"
#include "schema/record.h"

#define TSK_STORE_VERSION 2

enum tsk_table {
#define TSK_TABLE(NAME, prefix, sealed, key, value) TSK_T_##NAME,
#include "node/store/keys.def"
#undef TSK_TABLE
    TSK_T_COUNT,
};

struct tsk_store;
struct tsk_txn;

/* Opens or makes `dir`/db (0700). `master` seals (borrowed; keys derived from it go to the secure heap); `map_gb` bounds
 * the size (32-bit machines: 1 GiB). TSK_E_STOREVERSION; TSK_E_KEYS for another master. Close with tsk_store_close. */
TSK_MUST_USE enum tsk_err tsk_store_open(const char *dir, const struct tsk_key32 *master, uint64_t map_gb,
                                         struct tsk_store **ret_s);
void tsk_store_close(struct tsk_store *s);
/* See tsk_txn_commit: nothing will succeed any more in this process. */
bool tsk_store_dead(const struct tsk_store *s);

TSK_MUST_USE enum tsk_err tsk_txn_begin(struct tsk_store *s, bool write, struct tsk_txn **ret_t);
/* After commit or abort the transaction is gone. A commit that fails has changed nothing. (Where a failing disk leaves
 * even that in doubt, the store is dead: everything answers TSK_E_DISK until the process is started anew.) */
TSK_MUST_USE enum tsk_err tsk_txn_commit(struct tsk_txn *t);
void tsk_txn_abort(struct tsk_txn *t);

/* Savepoints (LMDB child transactions), nestable: what happened since the last save is kept or undone. */
TSK_MUST_USE enum tsk_err tsk_txn_save(struct tsk_txn *t);
TSK_MUST_USE enum tsk_err tsk_txn_keep(struct tsk_txn *t);
void tsk_txn_undo(struct tsk_txn *t);
/* Grows with every put and deletion: the same before and after means that no row was touched. */
uint64_t tsk_txn_writes(const struct tsk_txn *t);

/* ---- keys: appended piece by piece; at most 200 bytes ---- */
struct tsk_rowkey { uint8_t b[200]; size_t n; };
struct tsk_rowkey tsk_row(enum tsk_table table);
void tsk_row_u8(struct tsk_rowkey *k, uint8_t v);
void tsk_row_u64(struct tsk_rowkey *k, uint64_t v);            /* big-endian: numbers sort */
void tsk_row_bytes(struct tsk_rowkey *k, const void *p, size_t n);

TSK_MUST_USE enum tsk_err tsk_put(struct tsk_txn *t, const struct tsk_rowkey *k, struct tsk_slice value);
TSK_MUST_USE enum tsk_err tsk_get(struct tsk_txn *t, const struct tsk_rowkey *k, struct tsk_slice *ret_value);
TSK_MUST_USE enum tsk_err tsk_del(struct tsk_txn *t, const struct tsk_rowkey *k); /* TSK_OK also if there was none */
bool tsk_has(struct tsk_txn *t, const struct tsk_rowkey *k);

TSK_MUST_USE enum tsk_err tsk_put_u64(struct tsk_txn *t, const struct tsk_rowkey *k, uint64_t v);
TSK_MUST_USE enum tsk_err tsk_get_u64(struct tsk_txn *t, const struct tsk_rowkey *k, uint64_t *ret_v);

/* Copies bytes into memory that lives as long as the transaction. NULL: out of memory. */
void *tsk_keep(struct tsk_txn *t, const void *p, size_t n);
void *tsk_txn_alloc(struct tsk_txn *t, size_t n); /* zeroed, same life */
/* Room in that memory for one more than the `n` elements of `array` (NULL at first). The old array stays where it is, which
 * doubling bounds to as much again. */
void *tsk_txn_grow(struct tsk_txn *t, void *array, size_t n, size_t *cap, size_t element_size);
/* Gives that memory to the caller, so that it outlives the transaction, which must not allocate any more. Free (and
 * wipe) with tsk_memory_free. */
struct tsk_memory;
struct tsk_memory *tsk_txn_memory(struct tsk_txn *t);
void tsk_memory_free(struct tsk_memory *m);

/* Rows whose key begins with `prefix`, in order, from `from` on (NULL: the first). Writing rows of the same table while
 * walking is allowed: each step searches anew past the last key. */
struct tsk_walk { struct tsk_rowkey prefix, at; bool started, from_given; };
void tsk_walk_init(struct tsk_walk *w, const struct tsk_rowkey *prefix, const struct tsk_rowkey *from);
/* TSK_E_UNKNOWN at the end. `ret_tail`: the key's bytes after the prefix. */
TSK_MUST_USE enum tsk_err tsk_walk_next(struct tsk_txn *t, struct tsk_walk *w, struct tsk_slice *ret_tail,
                                        struct tsk_slice *ret_value);
/* Number of rows with the prefix. */
TSK_MUST_USE enum tsk_err tsk_count(struct tsk_txn *t, const struct tsk_rowkey *prefix, uint64_t *ret_n);

/* Next value of a counter in META ("case", "record", ...), from 1, persisted with the transaction. */
TSK_MUST_USE enum tsk_err tsk_next(struct tsk_txn *t, const char *counter, uint64_t *ret_v);

uint64_t tsk_be64(const uint8_t *p);

#endif
