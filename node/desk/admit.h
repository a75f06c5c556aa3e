/* admit.h - the one way in for every record, whoever made it (docs/PROTOCOL.md section 8).
 *
 * Fixed order: size -> strict decode -> envelope -> known author whose role may send it -> signature -> shape ->
 * known id (idempotent) or conflict (R7) -> time (R8) -> handler of its row, inside the batch's transaction -> stored.
 * Handlers hold no check of these; they hold what is particular to their record. Each row has two: a check, which only reads
 * and may refuse, and, after the record is stored, an act, which fails on LOCAL faults only. So a refusal changes nothing.
 */
#ifndef TSK_NODE_DESK_ADMIT_H
#define TSK_NODE_DESK_ADMIT_H

#include "node/desk/ledger.h"

/* What a handler gets: everything checked, nothing stored yet but through `no`. */
struct tsk_admitted {
    const struct tsk_incoming *in;
    struct tsk_envelope env;
    struct tsk_id32 id;
    uint64_t no;             /* record no under which it will be stored (already drawn) */
    bool own;                /* signed or brought in at this node */
    bool conflict;           /* R7: its author has used this id16 for other bytes before */
    bool unverified;         /* a stop whose signing holder is not known yet: kept, acts, checked when the holder comes */
    const struct tsk_entry *author; /* roster entry of env.kid, NULL when signed by a holder */
    const void *record;      /* the decoded struct of its row */
};
typedef enum tsk_err tsk_handler(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a);

/* The ctx->admit of a node. `ret_id` and `ret_is_receipt` are filled as soon as the envelope could be read, so that a
 * refusal can name the record that it answers. */
enum tsk_err tsk_admit_record(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in,
                              struct tsk_id32 *ret_id, bool *ret_is_receipt);

/* Signs `record` (row r) as this node and admits it like any other; the handler routes it to whom it concerns.
 * `inner`: ciphertexts and wraps that belong to it, or NULL. */
TSK_MUST_USE enum tsk_err tsk_author(struct tsk_ctx *ctx, struct tsk_batch *b, enum tsk_rec r, const void *record,
                                     const struct tsk_inner *inner, struct tsk_id32 *ret_id);
/* Admits a record that a card signed at this node's terminal. */
TSK_MUST_USE enum tsk_err tsk_bring(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_slice record,
                                    const struct tsk_inner *inner, struct tsk_id32 *ret_id);

/* now = the larger of the own clock and the highest verified time seen, persisted (a clock set back gains nothing). */
TSK_MUST_USE enum tsk_err tsk_now(struct tsk_ctx *ctx, struct tsk_batch *b, uint64_t *ret_now);

/* ---- decisions that verbs and handlers share ---- */

/* Section 5 "Live" for one category of a case at this node, all checks G: which item, which grants stand.
 * `purpose` NULL: any. TSK_E_NOCONSENT no grant at all; TSK_E_NOTGRANTED; TSK_E_EXPIRED; TSK_E_WITHDRAWN; TSK_E_RULE;
 * TSK_E_AGECHANGED; TSK_E_PURPOSE; TSK_E_TWOPERSON (C8); TSK_E_STATE (referral ended); TSK_E_ROSTEREXPIRED;
 * TSK_E_FORK (disputed). Policy any: `grants` may hold several, each enough by itself: open with the first. */
struct tsk_live { struct tsk_case_item item; struct tsk_case_grant grants[TSK_HOLDERS_MAX]; size_t grants_n; };
TSK_MUST_USE enum tsk_err tsk_live(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c,
                                   struct tsk_code category, const struct tsk_code *purpose, struct tsk_live *ret_l);

/* Sender: sends what a new grant allows (items, ciphertexts, holders, grants, wraps, cosigns) in one bundle, and the
 * token first if it was held. `ret_released` false: other holders are still to be asked (policy all). */
TSK_MUST_USE enum tsk_err tsk_release(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_case *c, bool *ret_released);

/* Sender: sends the token itself, once; `refer` without --hold does it at once, tsk_release for a held one. */
TSK_MUST_USE enum tsk_err tsk_case_send(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_case *c);

/* Signs the next status of this side. Fills seq, prev, seen, id, referral and time of `s`; the caller gives the rest. */
TSK_MUST_USE enum tsk_err tsk_say(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c,
                                  struct tsk_status *s, struct tsk_id32 *ret_id);

/* Timers: expiry of referrals 30 days after reply_by. Called when a DEADLINE row is due. */
TSK_MUST_USE enum tsk_err tsk_tick(struct tsk_ctx *ctx, struct tsk_batch *b);

#endif
