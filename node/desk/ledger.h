/* ledger.h - what a node knows: records as they were signed, and one case a referral that sums them up.
 * Records are the truth; a case row can always be derived from them again. */
#ifndef TSK_NODE_DESK_LEDGER_H
#define TSK_NODE_DESK_LEDGER_H

#include "node/post/post.h"
#include "schema/consent.h"
#include "schema/status.h"

/* ---- records ---- */
struct tsk_stored {            /* a record in the store; slices live as long as the transaction */
    uint64_t no, first_at;     /* record no; first stored at */
    struct tsk_slice bytes;
    struct tsk_id32 id;
    struct tsk_envelope env;   /* parsed from bytes */
};
TSK_MUST_USE enum tsk_err tsk_record_get(struct tsk_txn *t, uint64_t no, struct tsk_stored *ret_r);
/* TSK_E_UNKNOWN */
TSK_MUST_USE enum tsk_err tsk_record_find(struct tsk_txn *t, const struct tsk_id32 *id, struct tsk_stored *ret_r);
/* Decodes the payload of a stored record of row `r` into its struct. */
TSK_MUST_USE enum tsk_err tsk_record_as(const struct tsk_stored *s, enum tsk_rec r, void *ret_struct);

/* Free text that stays at this node, beside a record: what was said. TSK_E_UNKNOWN if none. */
TSK_MUST_USE enum tsk_err tsk_note_put(struct tsk_txn *t, uint64_t record_no, const char *text);
TSK_MUST_USE enum tsk_err tsk_note_get(struct tsk_txn *t, uint64_t record_no, char *ret_text, size_t cap);

/* A record of the case that the other agency has refused for good, and the code of its receipt. */
TSK_MUST_USE enum tsk_err tsk_refusal_put(struct tsk_txn *t, uint64_t case_no, uint64_t record_no, uint64_t code);
/* TSK_OK with 0 if it was not refused */
TSK_MUST_USE enum tsk_err tsk_refusal_get(struct tsk_txn *t, uint64_t case_no, uint64_t record_no, uint64_t *ret_code);
/* Record numbers of a case that were refused: `w` over tsk_refusal_walk_init, TSK_E_UNKNOWN at the end. */
void tsk_refusal_walk_init(struct tsk_walk *w, uint64_t case_no);
TSK_MUST_USE enum tsk_err tsk_refusal_walk(struct tsk_txn *t, struct tsk_walk *w, uint64_t *ret_record_no);

/* ---- cases ---- */
/* What the family has said, for lists: kept up to date with every grant, refusal and stop. `consent_until` passes by itself. */
enum tsk_consent_state {
    TSK_CONSENT_NONE,    /* nothing to consent to, or (recipient) nothing has come */
    TSK_CONSENT_WAIT,    /* sender: nobody has answered yet */
    TSK_CONSENT_PARTLY,  /* sender: something was granted, not all of it, or another holder is still to be asked */
    TSK_CONSENT_GIVEN,
    TSK_CONSENT_REFUSED, /* every holder refused everything */
    TSK_CONSENT_STOPPED, /* the last live grant was stopped */
};

struct tsk_case {
    uint64_t no;
    enum tsk_side side;              /* which side this node is on */
    struct tsk_id16 id;              /* referral id as people see it */
    struct tsk_id32 ref;             /* its id32 */
    struct tsk_kid peer;             /* the other agency */
    uint64_t record_no;              /* of the referral */
    bool sent, arrived;              /* the token left / the recipient's receipt is here (recipient: always true) */
    bool hold;                       /* sender: waits for consent before the token goes */
    uint64_t sent_at, arrived_at, updated_at;
    uint64_t reply_by;               /* copied from the referral */
    /* summary of the last replay */
    enum tsk_state state; enum tsk_side token, duty; bool handed, waits_handed;
    /* sender only: what stays here */
    char birth[16];                  /* as given: a date or ~NN */
    uint64_t birth_asked;            /* when it was given: an age ages, also through a re-route */
    uint64_t age_class, class_until, age_18;
    uint64_t require;                /* enum tsk_all */
    /* as chosen (a guardian is left out of a C8 item all the same) */
    struct tsk_kid holders[TSK_HOLDERS_MAX]; size_t holders_n;
    struct tsk_id32 link_salt;
    bool outside_district;           /* the ward is not one of the sender's districts: noted, not refused */
    struct tsk_id16 rerouted_to;     /* zeros = none */
    /* both */
    uint64_t items_n, grants_n, openings_n;
    bool released;                   /* sender: a bundle with content has gone; recipient: has come */
    bool disputed;                   /* R7: another referral under the same id; nothing acts until a person decides */
    enum tsk_consent_state consent;
    uint64_t consent_until;          /* the last end of the live grants; 0 = none */
    struct tsk_code granted[TSK_ITEMS_MAX]; size_t granted_n; /* categories with a grant that stands (not yet stopped) */
};
TSK_MUST_USE enum tsk_err tsk_case_load(struct tsk_txn *t, uint64_t no, struct tsk_case *ret_c);
TSK_MUST_USE enum tsk_err tsk_case_save(struct tsk_txn *t, const struct tsk_case *c); /* and the IN_HAND row by its state */
/* TSK_E_UNKNOWN */
TSK_MUST_USE enum tsk_err tsk_case_by_id(struct tsk_txn *t, const struct tsk_id16 *id, struct tsk_case *ret_c);
/* TSK_E_UNKNOWN */
TSK_MUST_USE enum tsk_err tsk_case_by_ref(struct tsk_txn *t, const struct tsk_id32 *ref, struct tsk_case *ret_c);
TSK_MUST_USE enum tsk_err tsk_case_referral(struct tsk_txn *t, const struct tsk_case *c, struct tsk_referral *ret_r);
/* Cases in hand of a side, oldest first; TSK_E_UNKNOWN at the end. */
TSK_MUST_USE enum tsk_err tsk_case_walk(struct tsk_txn *t, struct tsk_walk *w, struct tsk_case *ret_c);
void tsk_case_walk_init(struct tsk_walk *w, enum tsk_side side);

/* Cases that have left the list of a side, by the time at which they did; TSK_E_UNKNOWN at the end. What ended must not just
 * be gone: whoever had it in hand would not know why. One that ended twice comes twice. */
#define TSK_ENDED_SHOWN_S UINT64_C(604800)
void tsk_ended_walk_init(struct tsk_walk *w, enum tsk_side side, uint64_t since);
TSK_MUST_USE enum tsk_err tsk_ended_walk(struct tsk_txn *t, struct tsk_walk *w, struct tsk_case *ret_c);
TSK_MUST_USE enum tsk_err tsk_ended_forget(struct tsk_txn *t, enum tsk_side side, uint64_t before);

/* Both status chains, replayed; chains live in the transaction's memory. */
struct tsk_case_story { struct tsk_chain chain[2]; struct tsk_progress p; };
TSK_MUST_USE enum tsk_err tsk_case_story(struct tsk_txn *t, const struct tsk_case *c, struct tsk_case_story **ret_s);

/* ---- items, grants, holders, stops of a case ---- */
struct tsk_case_item { struct tsk_item item; struct tsk_id32 id; uint64_t index, record_no; bool disputed, sent; };
TSK_MUST_USE enum tsk_err tsk_item_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t index,
                                        struct tsk_case_item *ret_i);
TSK_MUST_USE enum tsk_err tsk_item_ct(struct tsk_txn *t, const struct tsk_case *c, uint64_t index, struct tsk_slice *ret_ct);
struct tsk_case_grant { struct tsk_grant grant; struct tsk_id32 id; uint64_t index, record_no, first_at; bool disputed, sent; };
TSK_MUST_USE enum tsk_err tsk_grant_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t index,
                                        struct tsk_case_grant *ret_g);
/* By the id16 that people see; also gives its case. TSK_E_UNKNOWN. */
TSK_MUST_USE enum tsk_err tsk_grant_by_id(struct tsk_txn *t, const struct tsk_id16 *id, struct tsk_case *ret_c,
                                        struct tsk_case_grant *ret_g);
/* Where an item or a grant stands, by id32. TSK_E_UNKNOWN. */
struct tsk_place { uint64_t case_no, index; };
TSK_MUST_USE enum tsk_err tsk_item_find(struct tsk_txn *t, const struct tsk_id32 *id, struct tsk_place *ret_p);
TSK_MUST_USE enum tsk_err tsk_grant_find(struct tsk_txn *t, const struct tsk_id32 *id, struct tsk_place *ret_p);
/* Openings of a case, `n` from 0 to openings_n - 1. */
TSK_MUST_USE enum tsk_err tsk_opening_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t n, struct tsk_open *ret_o,
                                           struct tsk_stored *ret_r);
/* TSK_E_UNKNOWN once destroyed */
TSK_MUST_USE enum tsk_err tsk_wraps_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t grant_index,
                                        struct tsk_wraps *ret_w);

struct tsk_holder_at {               /* the row of a holder at this node */
    struct tsk_kid kid;
    struct tsk_holder holder;        /* newest state */
    uint64_t record_no;              /* its signed record; 0 while unused and unsigned */
    struct tsk_id16 card, tweak;     /* zeros at nodes where the card is not enrolled */
    uint64_t case_no;                /* the one referral it was used for; 0 = free */
    uint64_t stopped_at;             /* first known here; 0 = not stopped */
};
TSK_MUST_USE enum tsk_err tsk_holder_load(struct tsk_txn *t, const struct tsk_kid *kid, struct tsk_holder_at *ret_h);
TSK_MUST_USE enum tsk_err tsk_holder_save(struct tsk_txn *t, const struct tsk_holder_at *h);
/* Holders of a card, one call each; TSK_E_UNKNOWN at the end. */
void tsk_card_walk_init(struct tsk_walk *w, const struct tsk_id16 *card);
TSK_MUST_USE enum tsk_err tsk_card_walk(struct tsk_txn *t, struct tsk_walk *w, struct tsk_holder_at *ret_h);

/* Every stop that could touch the pair (item of the case, its recipient): of the case, the item, its grants, their holders. */
TSK_MUST_USE enum tsk_err tsk_stops_of(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_id32 *item_id,
                                       struct tsk_stop **ret_stops, size_t *ret_n);

/* Whether the stop is aimed at this grant, given by the family: form 1 names it, form 3 its signer. */
bool tsk_stop_aims_at(const struct tsk_withdraw *w, const struct tsk_case_grant *g);

/* The same for the whole case, each stop once, oldest first. `effective`: the other party's receipt for it is stored here
 * (or it came from there), and for the stops over items that stand in for it over there. */
TSK_MUST_USE enum tsk_err tsk_case_stops(struct tsk_txn *t, const struct tsk_case *c, struct tsk_stop **ret_stops,
                                        size_t *ret_n);
TSK_MUST_USE enum tsk_err tsk_stop_effective(struct tsk_txn *t, const struct tsk_stop *s, bool *ret_effective);

/* Record numbers of everything signed about a case: referral, holders, items, grants, cosigns, deletions, stops, statuses,
 * openings; sorted, each once. What `export` writes. */
TSK_MUST_USE enum tsk_err tsk_case_records(struct tsk_txn *t, const struct tsk_case *c, uint64_t **ret_nos, size_t *ret_n);

#endif
