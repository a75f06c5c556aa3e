/* batch.h - one turn of the writer thread: one LMDB write transaction, and what may leave the machine only after it
 * has been committed. Handlers add to the batch; the loop commits and then lets the effects go. */
#ifndef TSK_NODE_POST_BATCH_H
#define TSK_NODE_POST_BATCH_H

#include "node/store/ctx.h"
#include "node/store/store.h"

/* What happens after the commit. `run` is called once with TSK_OK, or with the error when the batch failed (then a
 * reply says so, and nothing is sent); not at all if it was added since a save that was undone. Effects run in the
 * order in which they were added and must not begin a batch. Memory: `arg` may lie in the transaction's allocation
 * (tsk_keep, tsk_txn_alloc), which stays until the last effect has run. */
typedef void tsk_effect(struct tsk_ctx *ctx, void *arg, enum tsk_err committed);

/* A record waiting to be put into a parcel for `to` at the end of the batch. */
struct tsk_outgoing {
    struct tsk_kid to;
    struct tsk_id32 id;
    struct tsk_slice record;             /* kept in the transaction's memory */
    struct tsk_slice ct, wraps;          /* of an item, of a grant; empty otherwise */
    bool urgent;                         /* stops, recalls and card stops go first */
    bool receipt;                        /* needs no receipt itself */
    uint64_t bundle;                     /* records of one bundle (not 0) travel in one parcel */
};

struct tsk_batch {
    struct tsk_txn *txn;
    uint64_t now;                        /* UTC seconds of the own clock when the batch began */
    struct tsk_outgoing *out; size_t out_n, out_cap;
    struct { tsk_effect *run; void *arg; } *effects; size_t effects_n, effects_cap;
    struct { size_t out_n, effects_n; } saves[8]; size_t saves_n;
    uint64_t bundles;
};

TSK_MUST_USE enum tsk_err tsk_batch_begin(struct tsk_ctx *ctx, struct tsk_batch *b);
/* Composes the parcels (tsk_outbox_flush), commits, runs the effects either way. The result is the commit's. */
enum tsk_err tsk_batch_end(struct tsk_ctx *ctx, struct tsk_batch *b);
/* Gives the batch up because of `why`, a fault of class LOCAL from a handler: nothing is stored or sent, and every
 * effect runs with `why`. After end or abort the batch is empty. */
void tsk_batch_abort(struct tsk_ctx *ctx, struct tsk_batch *b, enum tsk_err why);

/* Savepoints of rows, records to send and effects alike; at most 8 within each other. */
TSK_MUST_USE enum tsk_err tsk_batch_save(struct tsk_batch *b);
TSK_MUST_USE enum tsk_err tsk_batch_keep(struct tsk_batch *b);
void tsk_batch_undo(struct tsk_batch *b);

TSK_MUST_USE enum tsk_err tsk_batch_effect(struct tsk_batch *b, tsk_effect *run, void *arg);
/* Copies what it is given. TSK_E_LIMIT: with the rest of its bundle it is more than a parcel holds. */
TSK_MUST_USE enum tsk_err tsk_batch_send(struct tsk_batch *b, const struct tsk_outgoing *o);
uint64_t tsk_batch_bundle(struct tsk_batch *b); /* a new bundle number */

#endif
