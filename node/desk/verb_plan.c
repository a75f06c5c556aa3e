/* verb_plan.c - what must be right before a referral is made (verb_refer.h). */
#include <stdio.h>
#include <string.h>

#include "crypto/seal.h"
#include "node/desk/verb_refer.h"

void tsk_plan_wipe(struct tsk_plan *p)
{
    for (size_t i = 0; i < p->details_n; i++)
        tsk_buf_drop(&p->details[i].content);
    p->details_n = 0;
    tsk_wipe(p->birth, sizeof p->birth);
}

enum tsk_err tsk_plan_to(struct tsk_call *call, struct tsk_plan *p)
{
    const char *to = tsk_json_text(call->in, "to");
    const struct tsk_entry *self = tsk_self_entry(call->ctx);
    TSK_TRY(tsk_call_roster_fresh(call, p->now));
    if ((self->m.roles & TSK_ROLE_SENDER) == 0)
        return tsk_call_fail(call, TSK_E_FORBIDDEN, self->m.partner);
    if (strcmp(to, self->m.partner) == 0)
        return tsk_call_fail_next(call, TSK_E_USAGE, self->m.partner,
                                  "自分の機関へはつなげません。ほかの機関の番号を --to に指定してください。",
                                  "You cannot refer to your own agency. Give another agency's id with --to.");
    const struct tsk_entry *e = tsk_member_by_partner(call->ctx->members, to, p->now);
    if (e == NULL || (e->m.roles & TSK_ROLE_RECIPIENT) == 0)
        return tsk_call_fail(call, TSK_E_UNKNOWNPEER, to);
    p->to = e;
    return TSK_OK;
}

/* A set is sorted bytewise; a need named twice is a slip of the hand and is pointed out. */
static enum tsk_err plan_needs(struct tsk_call *call, struct tsk_referral *r)
{
    const json_t *list = json_object_get(call->in, "needs");
    size_t n = json_array_size(list);
    if (n == 0 || n > TSK_NEEDS_MAX)
        return tsk_call_fail(call, TSK_E_USAGE, "needs");
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        struct tsk_code need = tsk_code(id);
        size_t at = r->needs_n;
        while (at > 0 && memcmp(need.s, r->needs[at - 1].s, sizeof need.s) < 0)
            at--;
        if (tsk_code_find(TSK_LIST_NEED, id) == NULL || (at > 0 && tsk_code_eq(r->needs[at - 1], need)))
            return tsk_call_fail(call, TSK_E_USAGE, id);
        memmove(&r->needs[at + 1], &r->needs[at], (r->needs_n - at) * sizeof need);
        r->needs[at] = need;
        r->needs_n++;
    }
    return TSK_OK;
}

static enum tsk_err plan_code(struct tsk_call *call, const char *name, enum tsk_list list, const char *otherwise,
                              struct tsk_code *ret_code)
{
    const char *id = tsk_json_has(call->in, name) ? tsk_json_text(call->in, name) : otherwise;
    if (tsk_code_find(list, id) == NULL)
        return tsk_call_fail(call, TSK_E_USAGE, name);
    *ret_code = tsk_code(id);
    return TSK_OK;
}

enum tsk_err tsk_plan_codes(struct tsk_call *call, struct tsk_plan *p)
{
    struct tsk_referral *r = &p->referral;
    TSK_TRY(plan_needs(call, r));
    TSK_TRY(plan_code(call, "urgency", TSK_LIST_URGENCY, "U3", &r->urgency));
    TSK_TRY(plan_code(call, "age_band", TSK_LIST_AGE_BAND, "", &r->age_band));
    TSK_TRY(plan_code(call, "ward", TSK_LIST_WARD, "", &r->ward));
    p->require = TSK_ANY;
    if (tsk_json_has(call->in, "require")) {
        const char *require = tsk_json_text(call->in, "require");
        if (strcmp(require, "any") != 0 && strcmp(require, "all") != 0)
            return tsk_call_fail(call, TSK_E_USAGE, "require");
        p->require = strcmp(require, "all") == 0 ? TSK_ALL : TSK_ANY;
    }
    p->hold = tsk_json_flag(call->in, "hold");
    return TSK_OK;
}

enum tsk_err tsk_plan_birth(struct tsk_call *call, const char *birth, uint64_t asked, struct tsk_plan *p)
{
    struct tsk_birth b;
    if (strlen(birth) >= sizeof p->birth || tsk_birth_parse(birth, asked, &b) != TSK_OK)
        return tsk_call_fail(call, TSK_E_USAGE, "birth");
    memset(p->birth, 0, sizeof p->birth);
    memcpy(p->birth, birth, strlen(birth));
    tsk_age_class(&b, p->now, p->now + TSK_ITEM_LIFE_S, TSK_CAPACITY_AGE, &p->age_class, &p->class_until);
    p->age_18 = tsk_age_18(&b);
    p->birth_asked = asked;
    if (p->class_until <= p->now)
        return tsk_call_fail(call, TSK_E_AGECHANGED, "birth");
    return TSK_OK;
}

/* ---- holders ---- */
static void hex16(const struct tsk_id16 *id, char ret_text[33])
{
    tsk_hex(id->b, sizeof id->b, ret_text);
}

static enum tsk_err unused_holder(struct tsk_call *call, const struct tsk_id16 *card, struct tsk_holder_at *ret_h)
{
    struct tsk_walk w;
    struct tsk_holder_at h;
    enum tsk_err e;
    bool known = false, stopped = false;
    char id[33];
    tsk_card_walk_init(&w, card);
    while ((e = tsk_card_walk(call->b->txn, &w, &h)) == TSK_OK) {
        known = true;
        stopped = stopped || h.stopped_at != 0;
        if (h.case_no == 0 && h.stopped_at == 0 && h.holder.state == TSK_HOLDER_ACTIVE) {
            *ret_h = h;
            return TSK_OK;
        }
    }
    if (e != TSK_E_UNKNOWN)
        return e;
    hex16(card, id);
    return tsk_call_fail(call, stopped ? TSK_E_CARDSTOPPED : known ? TSK_E_HOLDERS : TSK_E_UNKNOWN, id);
}

static enum tsk_err add_holder(struct tsk_call *call, const struct tsk_id16 *card, struct tsk_plan *p)
{
    struct tsk_holder_at h = {0};
    for (size_t i = 0; i < p->holders_n; i++)
        if (memcmp(p->holders[i].card.b, card->b, sizeof card->b) == 0)
            return tsk_call_fail(call, TSK_E_USAGE, "holders");
    TSK_TRY(unused_holder(call, card, &h));
    size_t at = p->holders_n++;
    for (; at > 0 && memcmp(h.kid.b, p->holders[at - 1].kid.b, sizeof h.kid.b) < 0; at--)
        p->holders[at] = p->holders[at - 1];
    p->holders[at] = h;
    return TSK_OK;
}

/* What the consent rule looks at before anybody has said yes. */
static struct tsk_consent_case rule_case(const struct tsk_call *call, const struct tsk_plan *p, struct tsk_code category,
                                         uint64_t ret_kinds[TSK_HOLDERS_MAX])
{
    for (size_t i = 0; i < p->holders_n; i++)
        ret_kinds[i] = p->holders[i].holder.kind;
    return (struct tsk_consent_case){.policy = call->ctx->members->r.policy, .age_class = p->age_class,
                                     .needs = p->referral.needs, .needs_n = p->referral.needs_n, .category = category,
                                     .recipient_type = p->to->org.type};
}

/* Who of the chosen cards may hold this category. */
static enum tsk_err keep_of(const struct tsk_call *call, const struct tsk_plan *p, struct tsk_code category, bool *ret_keep)
{
    uint64_t kinds[TSK_HOLDERS_MAX];
    struct tsk_consent_case c = rule_case(call, p, category, kinds);
    return tsk_consent_holders(&c, kinds, p->holders_n, ret_keep);
}

/* A child who may ask alone says how it wants to be called and reached, and no more. */
static enum tsk_err content_alone(struct tsk_call *call, const struct tsk_plan *p, struct tsk_code category,
                                  struct tsk_slice content)
{
    uint64_t kinds[TSK_HOLDERS_MAX];
    struct tsk_consent_case c = rule_case(call, p, category, kinds);
    struct tsk_slice key = {NULL, 0};
    char name[32];
    enum tsk_err e = tsk_consent_content(&c, kinds, p->holders_n, content, &key);
    if (e != TSK_E_HOLDERS)
        return e;
    snprintf(name, sizeof name, "%.*s", (int)key.n, (const char *)key.p);
    return tsk_call_fail(call, e, name);
}

/* Whoever is chosen must be able to consent to something common, C1 for one: a child alone in class 1 or a guardian
 * alone for an adult is refused here even where no detail, or C8 alone, comes with it. */
enum tsk_err tsk_plan_holders(struct tsk_call *call, const struct tsk_id16 *cards, size_t n, struct tsk_plan *p)
{
    bool keep[TSK_HOLDERS_MAX];
    if (n == 0 || n > TSK_HOLDERS_MAX)
        return tsk_call_fail(call, TSK_E_USAGE, "holders");
    p->holders_n = 0;
    for (size_t i = 0; i < n; i++)
        TSK_TRY(add_holder(call, &cards[i], p));
    return keep_of(call, p, tsk_code("C1"), keep);
}

/* ---- details ---- */
static const struct tsk_jfield detail_fields[] = {{"category", TSK_J_CODE, false}, {"content", TSK_J_HEX, false}};

static enum tsk_err content_of(const json_t *in, struct tsk_buf *ret_content)
{
    const char *hex = tsk_json_text(in, "content");
    TSK_SECRET struct tsk_buf b = {0};
    TSK_TRY(tsk_buf_new(strlen(hex) / 2, &b));
    TSK_TRY(tsk_unhex(hex, b.p, b.n));
    *ret_content = b;
    b.p = NULL;
    return TSK_OK;
}

static int64_t age_at(const struct tsk_birth *b, uint64_t now)
{
    struct tsk_date today = tsk_date_of(now);
    bool before = today.month < b->date.month || (today.month == b->date.month && today.day < b->date.day);
    return b->by_age ? b->age : today.year - b->date.year - before;
}

/* Two days are the same day; a day and an age agree if that is the age today. */
static bool same_birth(const struct tsk_birth *a, const struct tsk_birth *b, uint64_t now)
{
    bool both = !a->by_age && !b->by_age;
    return age_at(a, now) == age_at(b, now) &&
           (!both || memcmp(&a->date, &b->date, sizeof a->date) == 0);
}

/* The recipient computes the age class again from c1.birth, at the time when the item was made: the two must not be able to
 * differ. Where staff gave an age and the detail has the day, it is the day that counts: it ends the class sooner. */
static enum tsk_err birth_agrees(struct tsk_call *call, struct tsk_plan *p, struct tsk_slice content)
{
    struct tsk_slice text;
    struct tsk_birth given, said;
    char birth[sizeof p->birth] = "";
    if (!tsk_content_text(content, "c1.birth", &text))
        return TSK_OK;
    memcpy(birth, text.p, text.n < sizeof birth ? text.n : 0);
    if (tsk_birth_parse(birth, p->now, &said) != TSK_OK || tsk_birth_parse(p->birth, p->birth_asked, &given) != TSK_OK ||
        !same_birth(&said, &given, p->now))
        return tsk_call_fail_next(call, TSK_E_DETAIL, "c1.birth",
                                  "--birth と c1.birth が食い違っています。どちらが正しいか確かめて、同じ日(または合う年齢)にそろえてください。",
                                  "--birth and c1.birth differ. "
                                  "See which is right, and give the same day, or an age that fits it, in both.");
    return given.by_age && !said.by_age ? tsk_plan_birth(call, birth, p->now, p) : TSK_OK;
}

static enum tsk_err add_detail(struct tsk_call *call, json_t *in, struct tsk_plan *p)
{
    char key[32] = "";
    TSK_TRY(tsk_json_fields(in, detail_fields, TSK_FIELDS_N(detail_fields), call->what));
    struct tsk_code category = tsk_json_code(in, "category");
    if (tsk_code_find(TSK_LIST_CATEGORY, category.s) == NULL)
        return tsk_call_fail(call, TSK_E_DETAIL, category.s);
    for (size_t i = 0; i < p->details_n; i++)
        if (tsk_code_eq(p->details[i].category, category))
            return tsk_call_fail(call, TSK_E_DETAIL, category.s);
    struct tsk_detail *d = &p->details[p->details_n];
    TSK_TRY(content_of(in, &d->content));
    d->category = category;
    p->details_n++;
    struct tsk_slice content = {d->content.p, d->content.n};
    enum tsk_err e = tsk_detail_check(category, content, key);
    if (e != TSK_OK)
        return tsk_call_fail(call, e, key[0] != '\0' ? key : category.s);
    TSK_TRY(birth_agrees(call, p, content));
    e = keep_of(call, p, category, d->keep);
    return e == TSK_OK ? content_alone(call, p, category, content) : tsk_call_fail(call, e, category.s);
}

/* Everything must fit into one parcel, because what one grant releases leaves in one bundle. */
static enum tsk_err fits_parcel(const struct tsk_plan *p)
{
    size_t n = TSK_RECORD_MAX;
    for (size_t i = 0; i < p->details_n; i++) {
        size_t ct = tsk_seal_ct_len(p->details[i].content.n);
        if (ct == 0)
            return TSK_E_LIMIT;
        n += ct + tsk_rec_max(TSK_REC_ITEM);
    }
    return tsk_parcel_cap(n, p->details_n > 0) > TSK_PARCEL_MAX ? TSK_E_LIMIT : TSK_OK;
}

enum tsk_err tsk_plan_details(struct tsk_call *call, struct tsk_plan *p)
{
    const json_t *list = json_object_get(call->in, "details");
    if (json_array_size(list) > TSK_DETAILS_MAX)
        return tsk_call_fail(call, TSK_E_USAGE, "details");
    for (size_t i = 0; i < json_array_size(list); i++)
        TSK_TRY(add_detail(call, json_array_get(list, i), p));
    enum tsk_err e = fits_parcel(p);
    return e == TSK_OK ? TSK_OK : tsk_call_fail(call, e, "details");
}

/* ---- duplicates ---- */
static bool need_shared(const struct tsk_referral *a, const struct tsk_referral *b)
{
    for (size_t i = 0; i < a->needs_n; i++)
        for (size_t k = 0; k < b->needs_n; k++)
            if (tsk_code_eq(a->needs[i], b->needs[k]))
                return true;
    return false;
}

static enum tsk_err cards_same(struct tsk_txn *t, const struct tsk_plan *p, const struct tsk_case *c, bool *ret_same)
{
    bool same = c->holders_n == p->holders_n;
    for (size_t i = 0; i < c->holders_n && same; i++) {
        struct tsk_holder_at h;
        bool found = false;
        TSK_TRY(tsk_holder_load(t, &c->holders[i], &h));
        for (size_t k = 0; k < p->holders_n; k++)
            found = found || memcmp(h.card.b, p->holders[k].card.b, sizeof h.card.b) == 0;
        same = found;
    }
    *ret_same = same;
    return TSK_OK;
}

static enum tsk_err duplicate_of(struct tsk_call *call, const struct tsk_plan *p, const struct tsk_case *c)
{
    struct tsk_referral r;
    char id[33];
    bool same;
    if (c->side != TSK_SIDE_SENDER || !tsk_state_in_hand(c->state) || !tsk_kid_eq(&c->peer, &p->to->m.kid))
        return TSK_OK;
    TSK_TRY(cards_same(call->b->txn, p, c, &same));
    if (!same)
        return TSK_OK;
    TSK_TRY(tsk_case_referral(call->b->txn, c, &r));
    if (!need_shared(&r, &p->referral))
        return TSK_OK;
    hex16(&c->id, id);
    return tsk_call_fail(call, TSK_E_DUPLICATE, id);
}

/* A referral with the same cards has used a holder of the first of them: no other needs to be looked at. */
enum tsk_err tsk_plan_duplicate(struct tsk_call *call, const struct tsk_plan *p)
{
    struct tsk_walk w;
    struct tsk_holder_at h;
    enum tsk_err e;
    tsk_card_walk_init(&w, &p->holders[0].card);
    while ((e = tsk_card_walk(call->b->txn, &w, &h)) == TSK_OK) {
        struct tsk_case c;
        if (h.case_no == 0)
            continue;
        TSK_TRY(tsk_case_load(call->b->txn, h.case_no, &c));
        TSK_TRY(duplicate_of(call, p, &c));
    }
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}
