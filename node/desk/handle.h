/* handle.h - private to node/desk: the two functions of each record's row, and what they share.
 *
 * check_x reads and may refuse; act_x runs after the record is stored, writes, and fails on LOCAL faults only.
 * Whatever an act changes on a case, it ends with tsk_settle, which brings the summary up to date and lets this node's
 * machine say what it has to: `handed`, or `withdrawn`. */
#ifndef TSK_NODE_DESK_HANDLE_H
#define TSK_NODE_DESK_HANDLE_H

#include "node/desk/admit.h"
#include "node/desk/ledger_row.h"

#define TSK_HANDLE_YES(name) tsk_handler tsk_check_##name, tsk_act_##name;
#define TSK_HANDLE_NO(name)
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) TSK_HANDLE_##parcel(name)
#include "schema/records.def"
#undef TSK_RECORD
#undef TSK_HANDLE_YES
#undef TSK_HANDLE_NO

/* ---- cases ---- */
/* Summary anew from the records, saved; then `handed` or `withdrawn` where it is this machine's to say. */
TSK_MUST_USE enum tsk_err tsk_settle(struct tsk_ctx *ctx, struct tsk_batch *b, uint64_t case_no);
const struct tsk_kid *tsk_case_sender(const struct tsk_ctx *ctx, const struct tsk_case *c);
const struct tsk_kid *tsk_case_recipient(const struct tsk_ctx *ctx, const struct tsk_case *c);

/* ---- sending ---- */
TSK_MUST_USE enum tsk_err tsk_route(struct tsk_batch *b, const struct tsk_kid *to, const struct tsk_admitted *a, bool urgent);
/* A stored record, in a bundle (0: none). */
TSK_MUST_USE enum tsk_err tsk_route_stored(struct tsk_batch *b, const struct tsk_kid *to, uint64_t record_no, bool urgent,
                                           uint64_t bundle);

/* ---- what came along ---- */
/* The part (ciphertext or wraps) of a parcel with this hash, and of this length (0: any); `cache` of the parcel, or NULL.
 * TSK_E_MALFORMED without one. */
TSK_MUST_USE enum tsk_err tsk_part_find(struct tsk_seq parts, struct tsk_part_hash cache[TSK_PARCEL_RECORDS_MAX], uint64_t len,
                                        const uint8_t hash[32], struct tsk_slice *ret_part);

/* ---- what is not here yet (not_yet.c) ---- */
/* What the record names is not here: TSK_E_RETRY while it may come, TSK_E_NOTGRANTED when its sender has nothing more on its
 * way, TSK_E_UNKNOWN for our own. */
TSK_MUST_USE enum tsk_err tsk_missing(struct tsk_batch *b, const struct tsk_admitted *a);
/* Whether a record of this time may have been made under a roster newer than ours: one from before our roster was not. So
 * waiting for a newer roster ends at the latest with the next one. */
bool tsk_maybe_newer(const struct tsk_ctx *ctx, uint64_t made_at);
/* Whether the item waits for a newer roster (or for the time), and with it the grants that name it. */
bool tsk_item_ahead(const struct tsk_ctx *ctx, const struct tsk_batch *b, const struct tsk_item_core *core);

/* The holder with its signed record: signed now, where the card was enrolled here and is used for the first time. */
TSK_MUST_USE enum tsk_err tsk_holder_signed(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *kid,
                                            struct tsk_holder_at *ret_h);

/* ---- grants ---- */
/* All stops and grants of a case, read once for many questions: an adversary chooses how many there are. */
struct tsk_ground {
    const struct tsk_case *c;
    struct tsk_case_grant *grants; /* all of the case; NULL: not read */
    struct tsk_stop *stops; size_t stops_n;
};
TSK_MUST_USE enum tsk_err tsk_ground_load(struct tsk_txn *t, const struct tsk_case *c, struct tsk_ground *ret_ground);
TSK_MUST_USE enum tsk_err tsk_ground_stopped(struct tsk_txn *t, const struct tsk_ground *ground,
                                             const struct tsk_case_grant *g, const struct tsk_id32 *item_id, bool ended,
                                             bool *ret_stopped);
/* Whether a stop stands over (item, recipient) for this grant: one question. `ended`: count the stops that only say that
 * the referral ended. */
TSK_MUST_USE enum tsk_err tsk_pair_stopped(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_case_grant *g,
                                           const struct tsk_id32 *item_id, bool ended, bool *ret_stopped);
/* Sender: whether the stop acts over (item, recipient), and a grant of this holder would lift it by naming it. */
TSK_MUST_USE enum tsk_err tsk_stop_liftable(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_stop *s,
                                            const struct tsk_kid *holder, const struct tsk_id32 *item_id, bool *ret_liftable);
/* Two kids of one partner, now or earlier: a renewed key makes no second organisation. */
bool tsk_same_organisation(const struct tsk_ctx *ctx, const struct tsk_kid *a, const struct tsk_kid *b);
/* Whether a member has cosigned the target in this role: `by` NULL or exactly this one, and of another organisation than
 * `other_than` (NULL: any). */
TSK_MUST_USE enum tsk_err tsk_cosigned(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_id32 *target, uint64_t role,
                                       const struct tsk_kid *by, const struct tsk_kid *other_than, bool *ret_found);
/* G9: a holder that the recipient enrolled, or a grant taken on its device, needs a second organisation. */
TSK_MUST_USE enum tsk_err tsk_second_organisation(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c,
                                                  const struct tsk_grant *g, const struct tsk_id32 *grant_id,
                                                  const struct tsk_holder *h);
/* G0 for an item with the kinds given. */
TSK_MUST_USE enum tsk_err tsk_rule_of(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c,
                                      const struct tsk_item_core *item, uint64_t now, bool by_child, bool by_guardian);
/* tsk_live for one item, without the two persons of C8: what the sender asks before it releases. */
TSK_MUST_USE enum tsk_err tsk_live_item(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, uint64_t index,
                                        const struct tsk_code *purpose, struct tsk_live *ret_l);
/* Destroys the wraps over pairs that are stopped; the recipient tells the sender so. */
TSK_MUST_USE enum tsk_err tsk_wraps_cut(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c);

/* ---- stops ---- */
/* A target has come: stops that waited for it are checked, false ones dropped and logged. */
TSK_MUST_USE enum tsk_err tsk_stops_meet(struct tsk_ctx *ctx, struct tsk_batch *b, enum tsk_stop_form form,
                                         const void *target32);
/* A holder record has come: the signatures of its stops are checked. */
TSK_MUST_USE enum tsk_err tsk_stops_verify(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_holder_at *h);
/* Sender: for a stop of a grant that never left, a stop for the same holder of each of its items that did. */
TSK_MUST_USE enum tsk_err tsk_stop_what_went(struct tsk_ctx *ctx, struct tsk_batch *b, uint64_t case_no, uint64_t record_no,
                                             const struct tsk_id32 *id);
/* The referral has ended: a stop over all of it, by this node, unless one of the two parties has said so before. */
TSK_MUST_USE enum tsk_err tsk_stop_ended(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c);
/* A receipt names a stop: it stands at the other party, too. */
TSK_MUST_USE enum tsk_err tsk_stop_receipted(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_stored *r);

#endif
