/* consent.c - who may say yes to what, and what a stop stops; see consent.h. */
#include "schema/consent.h"

#include <string.h>

#include "schema/cbor.h"
#include "schema/codes.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the rule ---- */

enum yes { YES_CHILD, YES_GUARDIAN, YES_EITHER, YES_BOTH };

struct policy_row {
    uint64_t version, age_class;
    const char *categories, *types, *needs;
    enum yes yes;
};

/* The date says since when a version is in use; which one a referral follows stands in the referral. */
static const struct policy_row policy_rows[] = {
#define TSK_POLICY(version, since, age_class, categories, types, needs, who) \
    {version, age_class, categories, types, needs, YES_##who},
#include "schema/policy.def"
#undef TSK_POLICY
};

/* Whether the code is one of the words; no words at all mean any. */
static bool among(const char *words, const char *code)
{
    size_t n = strlen(code);
    if (words[0] == '\0')
        return true;
    for (const char *p = words; n > 0 && *p != '\0'; p += strspn(p, " ")) {
        size_t word_n = strcspn(p, " ");
        if (word_n == n && memcmp(p, code, n) == 0)
            return true;
        p += word_n;
    }
    return false;
}

static bool needs_among(const struct policy_row *row, const struct tsk_consent_case *c)
{
    if (row->needs[0] == '\0')
        return true;
    for (size_t i = 0; i < c->needs_n; i++)
        if (!among(row->needs, c->needs[i].s))
            return false;
    return c->needs_n > 0; /* no need named is no reason for an exception */
}

static bool row_fits(const struct policy_row *row, uint64_t version, uint64_t age_class, struct tsk_code category)
{
    return row->version == version && (row->age_class == 0 || row->age_class == age_class) &&
           among(row->categories, category.s);
}

static bool says_yes(enum yes yes, bool child, bool guardian)
{
    switch (yes) {
    case YES_CHILD:
        return child;
    case YES_GUARDIAN:
        return guardian;
    case YES_EITHER:
        return child || guardian;
    case YES_BOTH:
        return child && guardian;
    }
    return false;
}

static bool known_class(uint64_t age_class)
{
    return age_class >= 1 && age_class <= 4;
}

/* The row that decides; NULL if there is none, and the answer is no. */
static const struct policy_row *row_of(const struct tsk_consent_case *c)
{
    if (!known_class(c->age_class) || tsk_code_find(TSK_LIST_CATEGORY, c->category.s) == NULL ||
        tsk_code_find(TSK_LIST_ORG_TYPE, c->recipient_type.s) == NULL)
        return NULL;
    for (const struct policy_row *row = policy_rows; row < policy_rows + COUNT(policy_rows); row++)
        if (row_fits(row, c->policy, c->age_class, c->category) && among(row->types, c->recipient_type.s) &&
            needs_among(row, c))
            return row;
    return NULL;
}

enum tsk_err tsk_consent_rule(const struct tsk_consent_case *c)
{
    const struct policy_row *row = row_of(c);
    if (row == NULL)
        return TSK_E_RULE;
    if (c->child_stop)
        return TSK_E_WITHDRAWN;
    if (c->now >= c->class_until)
        return TSK_E_AGECHANGED;
    return says_yes(row->yes, c->by_child, c->by_guardian) ? TSK_OK : TSK_E_RULE;
}

/* A key that can never open the item lawfully is not made: safety is kept from guardians, an adult speaks alone. */
static bool may_hold(uint64_t kind, uint64_t age_class, struct tsk_code category)
{
    if (kind == TSK_HOLDER_GUARDIAN)
        return age_class != 4 && strcmp(category.s, "C8") != 0;
    return kind == TSK_HOLDER_CHILD;
}

static void kinds_among(const struct tsk_consent_case *c, const uint64_t *kinds, size_t kinds_n, bool *ret_child,
                        bool *ret_guardian)
{
    *ret_child = *ret_guardian = false;
    for (size_t i = 0; i < kinds_n; i++)
        if (may_hold(kinds[i], c->age_class, c->category))
            *(kinds[i] == TSK_HOLDER_CHILD ? ret_child : ret_guardian) = true;
}

enum tsk_err tsk_consent_holders(const struct tsk_consent_case *c, const uint64_t *kinds, size_t kinds_n, bool *ret_keep)
{
    const struct policy_row *row = row_of(c);
    bool child, guardian;
    kinds_among(c, kinds, kinds_n, &child, &guardian);
    if (row == NULL || !says_yes(row->yes, child, guardian))
        return TSK_E_HOLDERS;
    for (size_t i = 0; i < kinds_n; i++)
        ret_keep[i] = may_hold(kinds[i], c->age_class, c->category);
    return TSK_OK;
}

enum tsk_err tsk_consent_content(const struct tsk_consent_case *c, const uint64_t *kinds, size_t kinds_n,
                                 struct tsk_slice content, struct tsk_slice *ret_key)
{
    const struct policy_row *row = row_of(c);
    struct tsk_cbor_in in;
    bool child, guardian;
    kinds_among(c, kinds, kinds_n, &child, &guardian);
    if (row == NULL || row->needs[0] == '\0' || strcmp(c->category.s, "C1") != 0 || guardian)
        return TSK_OK;
    tsk_cbor_in_init(&in, content);
    for (uint64_t n = tsk_cbor_map(&in); n > 0 && in.err == TSK_OK; n--) {
        struct tsk_slice key = tsk_cbor_text(&in);
        (void)tsk_cbor_any(&in);
        if (in.err == TSK_OK && !(key.n == 7 && memcmp(key.p, "c1.call", 7) == 0) &&
            !(key.n == 6 && memcmp(key.p, "c1.how", 6) == 0)) {
            *ret_key = key;
            return TSK_E_HOLDERS;
        }
    }
    return in.err;
}

/* ---- what a grant says ---- */

static bool same32(const uint8_t a[32], const uint8_t b[32])
{
    return memcmp(a, b, 32) == 0;
}

enum tsk_err tsk_grant_times(const struct tsk_grant *g, const struct tsk_item_core *item, uint64_t kind)
{
    if (kind != TSK_HOLDER_CHILD && (kind != TSK_HOLDER_GUARDIAN || item->age_class == 4))
        return TSK_E_RULE;
    if (g->time >= g->expires || g->expires > item->destroy_after)
        return TSK_E_EXPIRED;
    if (g->expires - g->time > TSK_GRANT_MAX_S)
        return TSK_E_RULE;
    return g->expires > item->class_until ? TSK_E_AGECHANGED : TSK_OK;
}

bool tsk_item_holds(const struct tsk_item_core *item, const struct tsk_kid *kid)
{
    for (size_t i = 0; i < item->holders_n; i++)
        if (tsk_kid_eq(&item->holders[i], kid))
            return true;
    return false;
}

static const struct tsk_grant_item *find_item(const struct tsk_grant *g, const struct tsk_id32 *item_id)
{
    for (size_t i = 0; i < g->items_n; i++)
        if (same32(g->items[i].item.b, item_id->b))
            return &g->items[i];
    return NULL;
}

enum tsk_err tsk_grant_covers(const struct tsk_grant *g, const struct tsk_item_core *item,
                              const struct tsk_id32 *item_id)
{
    const struct tsk_grant_item *named = find_item(g, item_id);
    bool ok = named != NULL && tsk_code_eq(named->category, item->category) && tsk_item_holds(item, &g->holder) &&
              same32(g->sender.b, item->sender.b) && same32(g->referral.b, item->referral.b);
    return ok ? TSK_OK : TSK_E_NOTGRANTED;
}

/* ---- stops ---- */

bool tsk_stop_covers(const struct tsk_stop *s, const struct tsk_grant *grant, const struct tsk_id32 *grant_id,
                     const struct tsk_id32 *item_id, const struct tsk_grant *target_grant)
{
    const uint8_t *target = s->w.target.b;
    switch (s->w.form) {
    case TSK_STOP_GRANT:
        if (same32(target, grant_id->b))
            return true;
        return target_grant != NULL && find_item(target_grant, item_id) != NULL &&
               same32(target_grant->recipient.b, grant->recipient.b);
    case TSK_STOP_REFERRAL:
        return same32(target, grant->referral.b);
    case TSK_STOP_HOLDER:
        return same32(target, grant->holder.b);
    case TSK_STOP_ITEM:
        return same32(target, item_id->b);
    default:
        return true; /* what is not understood opens nothing */
    }
}

bool tsk_stop_lifted(const struct tsk_stop *s, const struct tsk_grant *grant, const struct tsk_kid *successor)
{
    bool named = false;
    if (grant->state != TSK_GRANT_GIVEN)
        return false;
    if (s->w.form == TSK_STOP_REFERRAL && s->w.by == TSK_BY_STAFF && strcmp(s->w.reason.s, "S9") == 0)
        return false;
    for (size_t i = 0; i < grant->lifts_n; i++)
        named = named || same32(grant->lifts[i].b, s->id.b);
    if (!named || !s->child)
        return named;
    return same32(grant->holder.b, s->child_holder.b) || (successor != NULL && same32(grant->holder.b, successor->b));
}
