/* verb_refer.h - a referral in the making: what `refer` was given, or what `reroute` takes over, checked whole before
 * anything is signed. */
#ifndef TSK_NODE_DESK_VERB_REFER_H
#define TSK_NODE_DESK_VERB_REFER_H

#include "node/desk/verb_util.h"
#include "schema/date.h"

#define TSK_DETAILS_MAX 9 /* categories */

struct tsk_detail { struct tsk_code category; struct tsk_buf content; bool keep[TSK_HOLDERS_MAX]; };

struct tsk_plan {
    uint64_t now;
    const struct tsk_entry *to;
    struct tsk_referral referral;                      /* needs, urgency, age band, ward; the rest when it is made */
    char birth[16];
    uint64_t birth_asked, age_class, class_until, age_18, require;
    bool hold;
    struct tsk_holder_at holders[TSK_HOLDERS_MAX]; size_t holders_n; /* one unused holder a card, sorted by kid */
    struct tsk_detail details[TSK_DETAILS_MAX]; size_t details_n;
    struct tsk_id32 salt;                              /* of a re-route */
};
void tsk_plan_wipe(struct tsk_plan *p);
#define TSK_PLAN TSK_WIPED(tsk_plan_wipe) struct tsk_plan

/* ---- reading and checking (verb_plan.c); the first that does not fit is named ---- */
/* `to` is a node of role recipient and not this one; the roster is in force; this node may send. */
TSK_MUST_USE enum tsk_err tsk_plan_to(struct tsk_call *call, struct tsk_plan *p);
/* Needs, urgency, age band, ward. */
TSK_MUST_USE enum tsk_err tsk_plan_codes(struct tsk_call *call, struct tsk_plan *p);
/* `asked`: when it was given. TSK_E_USAGE, TSK_E_AGECHANGED (an age only, a year ago). */
TSK_MUST_USE enum tsk_err tsk_plan_birth(struct tsk_call *call, const char *birth, uint64_t asked,
                                           struct tsk_plan *p);
/* One unused holder of each card. TSK_E_UNKNOWN, TSK_E_HOLDERS. */
TSK_MUST_USE enum tsk_err tsk_plan_holders(struct tsk_call *call, const struct tsk_id16 *cards, size_t n, struct tsk_plan *p);
/* Content fits its form, and somebody can consent to it. TSK_E_DETAIL, TSK_E_HOLDERS, TSK_E_LIMIT. */
TSK_MUST_USE enum tsk_err tsk_plan_details(struct tsk_call *call, struct tsk_plan *p);
/* No open referral to the same agency with the same cards and one of the needs. TSK_E_DUPLICATE names it. */
TSK_MUST_USE enum tsk_err tsk_plan_duplicate(struct tsk_call *call, const struct tsk_plan *p);

/* ---- making it (verb_make.c) ---- */
/* Signs the token, the used holders and the sealed items, fills the case, and sends the token unless it is held. The
 * plan's `referral.link` is to be set. */
TSK_MUST_USE enum tsk_err tsk_plan_make(struct tsk_call *call, struct tsk_plan *p, struct tsk_case *ret_c);
/* Whether the ward lies outside the districts that the roster gives this node. */
bool tsk_ward_outside(const struct tsk_entry *self, struct tsk_code ward);

#endif
