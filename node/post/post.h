/* post.h - mailboxes over NNG (docs/PROTOCOL.md section 6): wire, post office, outbox, inbox.
 *
 * Threads: NNG's callbacks only push to ctx->queue. Every function here is called by the writer thread.
 *   wire.c     with dial.c, closer.c, wire_tls.c, plain.c, call.c the only files with <nng/...>: listeners, one dialed socket a
 *              peer, pools of contexts, own deadlines
 *   mailbox.c  the post office role: put, fetch, confirm on the store
 *   outbox.c   records to parcels, resending with backoff and jitter, receipts
 *   inbox.c    mail to records, numbers received, gaps, drain
 */
#ifndef TSK_NODE_POST_POST_H
#define TSK_NODE_POST_POST_H

#include "node/post/batch.h"

/* ---- life ---- */
/* Opens the control socket (ipc, 0660) and, when conf.listen is set and the roster has this node's certificate, the
 * peers' listener. tsk_post_roster is called again after every new roster (certificate, peers). */
TSK_MUST_USE enum tsk_err tsk_post_open(struct tsk_ctx *ctx);
TSK_MUST_USE enum tsk_err tsk_post_roster(struct tsk_ctx *ctx);
/* Ends all calls and connections. Where NNG is stuck it sets ctx->stuck, and its threads may still hold the queue. */
void tsk_post_close(struct tsk_ctx *ctx);

/* Handles WIRE, PUT_DONE, MAIL, CONFIRMED, LINK. Records found are handed to ctx->admit. Takes nothing: the loop frees m. */
TSK_MUST_USE enum tsk_err tsk_post_event(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_msg *m);

/* After a commit, and when a timer is due: sends what is due (puts, fetches, confirms), answers long polls. */
void tsk_post_pump(struct tsk_ctx *ctx);
/* NNG has stopped taking connections away, and nothing but a new process helps (closer.c). */
bool tsk_post_stuck(void);
/* Milliseconds until tsk_post_pump should be called again, at most 60000. */
uint64_t tsk_post_wait_ms(const struct tsk_ctx *ctx);

/* Answers a control or wire request; takes nothing; `handle` is used up. */
void tsk_wire_reply(struct tsk_ctx *ctx, void *handle, struct tsk_slice bytes);

/* ---- outbox ---- */
/* Called by tsk_batch_end: groups b->out by peer (urgent first, bundles whole, at most 128 records and
 * TSK_PARCEL_MAX bytes), numbers, chains and stores the parcels. Receipts alone travel under seq 0. */
TSK_MUST_USE enum tsk_err tsk_outbox_flush(struct tsk_ctx *ctx, struct tsk_batch *b);
/* Asked by tsk_batch_send before it takes `o`: whether it and what b already holds of its bundle make one parcel.
 * TSK_E_LIMIT. */
TSK_MUST_USE enum tsk_err tsk_outbox_fits(const struct tsk_batch *b, const struct tsk_outgoing *o);
/* A receipt of `from` for the record: the parcel's row goes when its last record is answered. `ret_known` false: we sent
 * no such record. */
TSK_MUST_USE enum tsk_err tsk_outbox_receipted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *from,
                                               const struct tsk_id32 *id, bool *ret_known);
/* At start: every parcel not yet receipted is due again. */
TSK_MUST_USE enum tsk_err tsk_outbox_load(struct tsk_ctx *ctx, struct tsk_batch *b);
/* Deletes what was answered and not yet deleted: called by tsk_batch_end when a batch writes anyway, and by the timer. */
TSK_MUST_USE enum tsk_err tsk_outbox_sweep(struct tsk_ctx *ctx, struct tsk_batch *b);
uint64_t tsk_outbox_waiting(const struct tsk_ctx *ctx);

/* ---- inbox ---- */
/* Section 6: nothing opens unless an own post office was drained to its end within the last 15 minutes (one's own
 * always is, once `from` was heard after the start, or 90 s later) and no number of `from` is missing. TSK_E_RETRY, and
 * `ret_missing` names the post office's or the sender's partner id. */
TSK_MUST_USE enum tsk_err tsk_inbox_drained(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *from,
                                            size_t from_n, char ret_missing[TSK_PARTNER_ID_CAP]);

/* Whether a number of the parcel's sender below the parcel's own is not here whole; true for a parcel without a
 * number, or with one below the sender's floor. */
TSK_MUST_USE enum tsk_err tsk_inbox_lacks_before(struct tsk_txn *t, const struct tsk_inner *inner, bool *ret_lacks);

/* Whether numbers of `from` that it has receipts for were lost here after record `record_no` was stored: this node was
 * restored from a backup, and a stop may be among them. */
TSK_MUST_USE enum tsk_err tsk_inbox_forgot(struct tsk_batch *b, const struct tsk_kid *from, uint64_t record_no,
                                           bool *ret_forgot);

/* ---- what the board and `status` show of a peer ---- */
struct tsk_peer_state {
    uint64_t last_contact;   /* 0 = never: a record or receipt of it arrived, or it answered */
    uint64_t waiting;        /* parcels for it without a receipt */
    bool connected;          /* to one of its post offices now */
    uint64_t roster_seq;     /* that it named last: unsigned, a hint */
};
TSK_MUST_USE enum tsk_err tsk_peer_state(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer,
                                         struct tsk_peer_state *ret_s);

/* ---- the client side of the control socket, for the command line ---- */
/* Sends one request to ipc://D/control.sock and waits for the answer; waits up to `wait_s` for the node to be there.
 * Returns memory (free). TSK_E_NOTREADY. */
TSK_MUST_USE enum tsk_err tsk_control_call(const char *dir, struct tsk_slice request, unsigned wait_s, uint8_t **ret_p,
                                           size_t *ret_n);

#endif
