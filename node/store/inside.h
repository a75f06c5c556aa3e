/* inside.h - private to node/store/: what a store and a transaction consist of. The only header with <lmdb.h>.
 *
 *   store.c  the environment: open, version, healing after a failed commit
 *   txn.c    transactions, savepoints and their memory
 *   rows.c   keys, sealing, put / get / del
 *   walk.c   walking, counting, counters
 *   room.c   how full it is
 */
#ifndef TSK_NODE_STORE_INSIDE_H
#define TSK_NODE_STORE_INSIDE_H

#include <lmdb.h>

#include "node/store/store.h"

#define TSK_SAVES_MAX 8  /* savepoints within savepoints */
#define TSK_SEAL_NONCE 12
#define TSK_SEAL_EXTRA 28 /* bytes a sealed row is longer than its text: nonce and tag */

struct tsk_room {
    uint64_t used, max, reserve;     /* bytes */
    bool full;                       /* past the mark */
    bool hit;                        /* the last write met a full disk or map, whatever the numbers say */
};

struct tsk_store {
    MDB_env *env;
    MDB_dbi dbi;
    char path[4096];                 /* of the db folder */
    uint64_t map_bytes;
    struct tsk_key32 *keys;          /* secure heap: one for each table, from the master */
    uint8_t check[8];                /* in META: tells a wrong master key before it seals anything */
    size_t open_n;                   /* transactions alive */
    bool writing;                    /* a second write transaction would wait for the first for ever */
    bool dead;                       /* see tsk_store_commit_failed */
    struct tsk_room room;
};

struct tsk_gcm;
struct tsk_scratch { uint8_t *p; size_t cap; };

struct tsk_txn {
    struct tsk_store *store;
    MDB_txn *stack[1 + TSK_SAVES_MAX]; /* [0] the transaction, above it the savepoints */
    size_t depth;                      /* the one in use */
    bool write;
    enum tsk_err failed;               /* first failed write: such a transaction is never committed */
    uint64_t writes;                   /* puts and deletions, also those undone since */
    struct tsk_memory *memory;
    struct tsk_scratch text;           /* the value read last */
    struct tsk_gcm *gcm[TSK_T_COUNT];  /* ciphers of the tables touched, made on first use */
};

static inline MDB_txn *tsk_txn_top(const struct tsk_txn *t)
{
    return t->stack[t->depth];
}

/* LMDB's result as ours. */
enum tsk_err tsk_store_err(const struct tsk_store *s, int rc);

/* mdb_txn_begin(), on an environment opened anew if the old one had given up. */
int tsk_store_begin(struct tsk_store *s, bool write, MDB_txn **ret_txn);
/* After a commit that answered `rc`: heals the environment and says whether transaction `id` stands after all. */
enum tsk_err tsk_store_commit_failed(struct tsk_store *s, size_t id, int rc);

/* Measures at the beginning of a write transaction. */
void tsk_room_look(struct tsk_store *s, MDB_txn *txn);

/* Whether rows of the table are sealed; `prefix` as in keys.def; TSK_T_COUNT if there is none. */
enum tsk_table tsk_table_of(uint8_t prefix);
bool tsk_table_sealed(enum tsk_table table);
uint8_t tsk_table_prefix(enum tsk_table table);

/* The text of a stored row, in t->text or (plain rows of a reading transaction) in LMDB's own page. */
enum tsk_err tsk_row_text(struct tsk_txn *t, const MDB_val *key, const MDB_val *stored, struct tsk_slice *ret_text);

/* A wiping allocator for what a transaction keeps. */
struct tsk_memory *tsk_memory_new(void);
void *tsk_memory_alloc(struct tsk_memory *m, size_t n);
/* At least `n` bytes; what was there is lost and wiped. */
enum tsk_err tsk_scratch_need(struct tsk_scratch *s, size_t n);
void tsk_scratch_wipe(struct tsk_scratch *s);

#endif
