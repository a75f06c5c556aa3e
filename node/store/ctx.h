/* ctx.h - one running node: everything that post and desk share, owned by tasukid.c (or a test), used by the writer thread. */
#ifndef TSK_NODE_STORE_CTX_H
#define TSK_NODE_STORE_CTX_H

#include "node/core/conf.h"
#include "node/core/folder.h"
#include "node/core/members.h"
#include "node/core/queue.h"
#include "node/store/store.h"


struct tsk_batch;
struct tsk_post;
struct tsk_ctx;

/* H of each ciphertext and wraps of a parcel, as far as they were asked for: however many records name them, each is
 * hashed once. */
struct tsk_part_hash { bool known; uint8_t b[32]; };
struct tsk_part_hashes { struct tsk_part_hash cts[TSK_PARCEL_RECORDS_MAX], wraps[TSK_PARCEL_RECORDS_MAX]; };

/* A record that came in a parcel, or was made here. */
struct tsk_incoming {
    struct tsk_kid from;           /* the parcel's author (this node itself for what staff brought in) */
    struct tsk_slice bytes;        /* the encoded record */
    const struct tsk_inner *inner; /* the parcel it came in: ciphertexts and wraps; NULL for what was made here */
    struct tsk_part_hashes *hashes; /* shared by the parcel's records; NULL: hashed anew each time */
};

/* R1-R10 on one record: TSK_OK stored (or known already), else why not. TSK_E_* of class LOCAL aborts the batch. */
typedef enum tsk_err tsk_admit(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in,
                               struct tsk_id32 *ret_id, bool *ret_is_receipt);

struct tsk_ctx {
    char dir[TSK_PATH_CAP];
    struct tsk_conf conf;
    struct tsk_node_keys *keys;
    struct tsk_signer_key *signer;
    struct tsk_kem_key *kems[TSK_SEAL_KEYS_MAX]; /* in the order of keys->seal */
    struct tsk_members *members;                 /* NULL before the first roster */
    struct tsk_store *store;
    struct tsk_queue *queue;
    struct tsk_post *post;
    tsk_admit *admit;                            /* set by desk; called by post for every record of a parcel */
    uint64_t (*clock)(void);                     /* UTC seconds; tests put their own */
    bool stopping;
    bool stuck;                                  /* set by tsk_post_close: NNG's threads did not end and hold the queue */
    int lock_fd;                                 /* D/lock, held as long as this is open */
};

/* This node's kid, partner id and roster entry (NULL entry: not in the roster). */
const struct tsk_kid *tsk_self(const struct tsk_ctx *ctx);
const struct tsk_entry *tsk_self_entry(const struct tsk_ctx *ctx);

/* Opens everything of folder D but the sockets: conf, lock, keys, roster (may be absent), store, queue. Every roster in
 * use is kept in table ROSTER; one that is older than the newest kept is refused (TSK_E_ROSTEROLD, TSK_E_FORK).
 * TSK_E_BADFILE, TSK_E_LOCKED, TSK_E_KEYS and what the parts say; after an error everything is closed again. */
TSK_MUST_USE enum tsk_err tsk_ctx_open(const char *dir, const char *unlock_file, struct tsk_ctx *ret_ctx);
void tsk_ctx_close(struct tsk_ctx *ctx);
/* Reads D/roster.cose again; a roster that does not follow is refused and the old one stays. Not inside a batch. What
 * was borrowed from the old members is gone afterwards. */
TSK_MUST_USE enum tsk_err tsk_ctx_reload(struct tsk_ctx *ctx);

#endif
