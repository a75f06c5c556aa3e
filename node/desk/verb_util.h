/* verb_util.h - what several verbs need: finding the case that a request names, and saying who is who. */
#ifndef TSK_NODE_DESK_VERB_UTIL_H
#define TSK_NODE_DESK_VERB_UTIL_H

#include "node/desk/json.h"
#include "node/desk/verb.h"

/* The age from which consent is the person's own, besides a guardian's (age class 3 begins). */
#define TSK_CAPACITY_AGE 15

#define TSK_FIELDS_N(fields) (sizeof(fields) / sizeof *(fields))
/* The request's own members (verb, ui and staff are the dispatcher's). */
#define TSK_CALL_FIELDS(call, fields) tsk_json_fields((call)->in, (fields), TSK_FIELDS_N(fields), (call)->what)

/* Notes what the words should name, and gives `e` back. */
enum tsk_err tsk_call_fail(struct tsk_call *call, enum tsk_err e, const char *what);
/* The same, with a next step of its own instead of that of next.def: static words. */
enum tsk_err tsk_call_fail_next(struct tsk_call *call, enum tsk_err e, const char *what, const char *ja, const char *en);

/* Every id in an answer that stands for an agency is a partner id; "?" for a key that no roster entry has (any more). */
const char *tsk_partner_of(const struct tsk_ctx *ctx, const struct tsk_kid *kid);
const char *tsk_partner_of_side(const struct tsk_ctx *ctx, const struct tsk_case *c, enum tsk_side side);

/* The case of member "referral". TSK_E_UNKNOWN names the id. */
TSK_MUST_USE enum tsk_err tsk_call_case(struct tsk_call *call, struct tsk_case *ret_c);
/* The same, and this node must be on `side`: TSK_E_FORBIDDEN. */
TSK_MUST_USE enum tsk_err tsk_call_case_of(struct tsk_call *call, enum tsk_side side, struct tsk_case *ret_c);
/* TSK_E_ROSTEREXPIRED; `now` of tsk_now. */
TSK_MUST_USE enum tsk_err tsk_call_roster_fresh(struct tsk_call *call, uint64_t now);

/* "referral", "state", "responsible" (null once final) of a case as it is now. */
void tsk_put_case(const struct tsk_call *call, json_t *out, const struct tsk_case *c);
/* Codes as a list of text. */
json_t *tsk_codes_json(const struct tsk_code *codes, size_t n);

/* What has become of a grant at this node: "refused" (by the family), "not_taken" (by
 * the other agency), "expired", "stopped" (every pair of it), "live". */
TSK_MUST_USE enum tsk_err tsk_grant_state(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g,
                                          uint64_t now, const char **ret_state);
/* Makes a seq of one or more byte strings in the transaction's memory: ciphertexts and wraps beside a record. */
TSK_MUST_USE enum tsk_err tsk_seq_of(struct tsk_txn *t, const struct tsk_slice *parts, size_t n, struct tsk_seq *ret_seq);

/* Content that is never kept: wiped and freed at the end of the block. `TSK_SECRET struct tsk_buf b = {0};` */
struct tsk_buf { uint8_t *p; size_t n; };
TSK_MUST_USE enum tsk_err tsk_buf_new(size_t n, struct tsk_buf *ret_b);
void tsk_buf_drop(struct tsk_buf *b);
#define TSK_SECRET TSK_WIPED(tsk_buf_drop)

#endif
