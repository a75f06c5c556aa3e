/* status.h - the status table and the responsibility token (docs/PROTOCOL.md section 9) as a pure function.
 *
 * Each author (sender, recipient) signs a chain of statuses (seq from 1, prev). Whoever has both chains gets the same
 * answer: at every moment exactly one agency is responsible, and the signed history proves which.
 *
 * The two chains are merged: an event is taken only after the event of the other author that it had seen (key 12).
 * Where both next events could go first (they crossed on the way) the one of the present token holder goes first.
 * An event that the table does not allow at its turn is kept and shown as overtaken; it moves nothing.
 * Gaps wait: what comes after a missing seq is not looked at. A fork (two records with one seq) moves nothing from there on,
 * and nothing at all moves in a chain marked as forked whose second record is not among its events; a wrong `prev` counts
 * as a fork. An event that had seen what the other author never signed is overtaken, so that rubbish holds nobody up.
 * appointed, connected, notconnected signed before `handed` is here stand still, and all that follows in their chain.
 */
#ifndef TSK_SCHEMA_STATUS_H
#define TSK_SCHEMA_STATUS_H

#include "schema/record.h"

enum tsk_state {
    TSK_ST_NONE = 0,
#define TSK_STATE(name, wire, text, who, kind, ja, easy, en, fhir) TSK_ST_##name = (wire),
#include "schema/states.def"
#undef TSK_STATE
    TSK_ST_COUNT
};
enum tsk_side { TSK_SIDE_SENDER = 0, TSK_SIDE_RECIPIENT = 1, TSK_SIDE_NOBODY = 2 };

const char *tsk_state_name(enum tsk_state s);                  /* "arrived" */
const char *tsk_state_text(enum tsk_state s, enum tsk_ui ui);
const char *tsk_state_fhir(enum tsk_state s);                  /* FHIR Task.status */
enum tsk_state tsk_state_by_name(const char *name);            /* TSK_ST_NONE for none */
bool tsk_state_final(enum tsk_state s);                        /* closed, cancelled, rerouted, error, consent_no */
bool tsk_state_ended(enum tsk_state s);                        /* nothing may open any more: declined, notconnected, recalled,
                                                                  cancelled, rerouted, withdrawn, expired, error */
bool tsk_state_in_hand(enum tsk_state s);                      /* still counts as an open referral (neither final nor ended) */

/* What one status event needs beside its state: checked when a person or machine makes it and when it arrives.
 * TSK_E_MALFORMED if a needed field is missing or a field is there that this state does not take:
 *   declined: reason D.., may recommend; need_info: reason C.. or "tel"; answered: "given", "no", "tel" and answers, may
 *   name an item;
 *   appointed: at; connected: optional outcome; notconnected, closed: reason O..; others none. */
TSK_MUST_USE enum tsk_err tsk_status_fields(const struct tsk_status *s);

struct tsk_event {
    struct tsk_status status; /* borrows nothing that dies: status holds no slices */
    struct tsk_id32 id;
    bool overtaken;           /* out: kept, shown, moved nothing */
    bool waiting;             /* out: accepted or later of the recipient, before `handed` is here; or behind a gap */
    enum tsk_state after;     /* out: state after this event */
};

/* Sorted by seq; fork: two records with one seq were seen. */
struct tsk_chain { struct tsk_event *events; size_t n; bool fork; };

struct tsk_progress {
    enum tsk_state state;
    enum tsk_state left;        /* the state that need_info left, to return to */
    enum tsk_side token;        /* who is responsible; TSK_SIDE_NOBODY after a final state */
    enum tsk_side duty;         /* last holder: keeps the duty of the record */
    bool handed;                /* `handed` has taken effect at some time */
    bool waits_handed;          /* the recipient accepted, the sender's `handed` is not here yet */
    enum tsk_state ahead;       /* what the recipient's waiting events will lead to; = state when none waits */
    size_t next_seq[2];         /* the seq that each author signs next */
    struct tsk_id32 last[2];    /* id32 of each author's newest status, zeros = none */
    size_t order_n;             /* events in merged order, in `order` */
    struct { enum tsk_side side; size_t index; } order[TSK_STATUS_MAX * 2];
};

/* Replays both chains. `arrived`: the recipient's receipt (code 0) is known, or this is the recipient. Fills the out
 * fields of the events. Cost is linear in the events. */
void tsk_progress_replay(struct tsk_chain *sender, struct tsk_chain *recipient, bool arrived, struct tsk_progress *ret_p);

/* May `side` sign `next` now? The table's question, asked before signing. TSK_OK; TSK_E_STATE; TSK_E_ACCEPTED for a
 * recall after `handed`; TSK_E_FORBIDDEN when it is the other side's to say; TSK_E_LIMIT after TSK_STATUS_MAX of its own. */
TSK_MUST_USE enum tsk_err tsk_progress_may(const struct tsk_progress *p, enum tsk_side side, enum tsk_state next);

#endif
