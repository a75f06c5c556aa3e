/* consent.h - the consent rule (check G0), the checks of a grant that need no cryptography, and what a stop covers.
 * Pure functions; the dated policy table stands in consent.c (policy.def). Default: no.
 *
 * Sources: the city's sentence 原則、本人または保護者の同意を得た上で (press release of 2018-07-31, 5 (7) ⑤), DOMAIN 2.1,
 * docs/PROTOCOL.md section 5.
 */
#ifndef TSK_SCHEMA_CONSENT_H
#define TSK_SCHEMA_CONSENT_H

#include "schema/record.h"

/* What the rule looks at. */
struct tsk_consent_case {
    uint64_t policy;              /* version of the rule, 1 or 2; any other = no */
    uint64_t age_class;           /* 1..4 */
    uint64_t class_until;         /* from here on the rule says no until re-sealed */
    const struct tsk_code *needs; size_t needs_n;
    struct tsk_code category;
    struct tsk_code recipient_type; /* T01.. of the roster's directory */
    bool by_child, by_guardian;   /* a live grant of a holder of this kind stands for this item and recipient */
    bool child_stop;              /* a stop by, for, or with the code of a child's holder stands, not lifted by that child */
    uint64_t now;
};

/* TSK_OK = may be opened. Otherwise TSK_E_RULE, TSK_E_AGECHANGED, TSK_E_WITHDRAWN (a child's stop). */
TSK_MUST_USE enum tsk_err tsk_consent_rule(const struct tsk_consent_case *c);

/* Which kinds may be holders of an item at all: a guardian is left out of C8; a class 4 item has only the person;
 * TSK_E_HOLDERS when nobody is left who could ever satisfy the rule (for instance a child alone in class 1, or in class 2
 * for needs or a recipient where a guardian must agree, too). Of the case: version, class, needs, category, type. */
TSK_MUST_USE enum tsk_err tsk_consent_holders(const struct tsk_consent_case *c, const uint64_t *kinds, size_t kinds_n,
                                              bool *ret_keep);

/* What a child alone may have sealed in C1 where a row that depends on needs and recipient lets it consent alone: what it
 * wants to be called and how to reach it (DOMAIN 2.1). A category is sealed whole, so the sender looks before it seals.
 * TSK_E_HOLDERS, and `ret_key` is the first key that needs a guardian's card, too; TSK_OK wherever this does not apply. */
TSK_MUST_USE enum tsk_err tsk_consent_content(const struct tsk_consent_case *c, const uint64_t *kinds, size_t kinds_n,
                                              struct tsk_slice content, struct tsk_slice *ret_key);

/* G4, and the caps: time < expires <= time + 365 d, <= destroy_after, <= class_until; no guardian for class 4.
 * TSK_E_EXPIRED, TSK_E_AGECHANGED (past class_until), TSK_E_RULE.
 * The cap at the 18th birthday is the sender's, who alone knows it (tsk_age_18). */
TSK_MUST_USE enum tsk_err tsk_grant_times(const struct tsk_grant *g, const struct tsk_item_core *item, uint64_t kind);

/* Does this grant name this item with this category, for this referral, sender and recipient? (G1 signer is a holder
 * of the item, G2) TSK_E_NOTGRANTED otherwise. A refusal names items too: its state is the caller's to look at. */
TSK_MUST_USE enum tsk_err tsk_grant_covers(const struct tsk_grant *g, const struct tsk_item_core *item,
                                           const struct tsk_id32 *item_id);

/* ---- stops ---- */
/* One stop, with what the caller knows about it. */
struct tsk_stop {
    struct tsk_withdraw w;
    struct tsk_id32 id;           /* of the withdraw record */
    bool child;                   /* by, for, or with the code of a child's holder */
    struct tsk_kid child_holder;  /* that holder, when `child` */
};

/* Whether the item is sealed for this holder. */
bool tsk_item_holds(const struct tsk_item_core *item, const struct tsk_kid *kid);

/* Whether the stop covers the pair (item, recipient) that the grant would open: form 1 the pairs of the grant it
 * names (`target_grant`, NULL when not stored), 2 every item of the referral, 3 every grant signed by the holder,
 * 4 the item. A form-1 stop acts on every grant over such a pair, whoever signed it. */
bool tsk_stop_covers(const struct tsk_stop *s, const struct tsk_grant *grant, const struct tsk_id32 *grant_id,
                     const struct tsk_id32 *item_id, const struct tsk_grant *target_grant);

/* Whether the grant lifts the stop: it names it in key 18, and a child's stop is lifted only by that child's holder
 * or its successor (`successor` may be NULL). A stop of form 2 "ended" (reason S9) is never lifted. */
bool tsk_stop_lifted(const struct tsk_stop *s, const struct tsk_grant *grant, const struct tsk_kid *successor);

/* Words for a notice that the family hears before it decides; the text that a grant's notice hash covers. */
struct tsk_notice { uint64_t version; uint64_t kind; const char *lang; const char *text; };
/* Rows in notices.def: child ja-Hira and en, guardian ja and en (and child ja with the reading in brackets). NULL if none. */
const struct tsk_notice *tsk_notices(size_t *ret_n);
const struct tsk_notice *tsk_notice_find(uint64_t kind, const char *lang);

#endif
