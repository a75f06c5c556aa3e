/* The consent rule over its whole product, against the protocol's sentences written a second time; grants; stops. */
#include "schema/cbor.h"
#include "schema/consent.h"

#include <stdlib.h>
#include <string.h>

#include "schema/codes.h"
#include "schema/date.h"
#include "tests/check.h"

static struct tsk_code code(const char *text)
{
    struct tsk_code c = {{0}};
    memcpy(c.s, text, strlen(text));
    return c;
}

static bool one_of(const char *text, const char *a, const char *b, const char *c, const char *d)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0 || strcmp(text, d) == 0;
}

/* ---- the rule ---- */

static bool learning_alone(const struct tsk_consent_case *c)
{
    for (size_t i = 0; i < c->needs_n; i++)
        if (!one_of(c->needs[i].s, "N07", "N08", "N24", "N07"))
            return false;
    return c->needs_n > 0 && one_of(c->recipient_type.s, "T06", "T07", "T08", "T15") &&
           one_of(c->category.s, "C1", "C6", "C1", "C6");
}

static bool grants_suffice(const struct tsk_consent_case *c)
{
    if (strcmp(c->category.s, "C8") == 0 || c->age_class == 4)
        return c->by_child;
    if (c->age_class == 1)
        return c->by_guardian;
    if (c->policy == 1)
        return c->by_child || c->by_guardian;
    if (c->age_class == 2)
        return learning_alone(c) ? c->by_child : c->by_child && c->by_guardian;
    return c->by_child && (c->by_guardian || !one_of(c->category.s, "C2", "C5", "C2", "C5"));
}

static enum tsk_err oracle(const struct tsk_consent_case *c)
{
    bool known = (c->policy == 1 || c->policy == 2) && c->age_class >= 1 && c->age_class <= 4 &&
                 c->category.s[0] == 'C' && c->category.s[1] >= '1' && c->category.s[1] <= '9' &&
                 c->category.s[2] == '\0' && c->recipient_type.s[0] == 'T' && atoi(c->recipient_type.s + 1) >= 1 &&
                 atoi(c->recipient_type.s + 1) <= 18 && strlen(c->recipient_type.s) == 3;
    if (!known)
        return TSK_E_RULE;
    if (c->child_stop)
        return TSK_E_WITHDRAWN;
    if (c->now >= c->class_until)
        return TSK_E_AGECHANGED;
    return grants_suffice(c) ? TSK_OK : TSK_E_RULE;
}

static const struct need_set { const char *needs[3]; size_t n; } need_sets[] = {
    {{"N07"}, 1}, {{"N08", "N24"}, 2}, {{"N07", "N08", "N24"}, 3}, {{"N01"}, 1}, {{"N07", "N01"}, 2}, {{NULL}, 0},
    {{"N0"}, 1},  {{""}, 1}};

static void ck_flags(struct tsk_consent_case *c, unsigned *ret_ok)
{
    for (unsigned bits = 0; bits < 8; bits++)
        for (c->now = 999; c->now <= 1001; c->now++) {
            c->by_child = bits & 1;
            c->by_guardian = bits & 2;
            c->child_stop = bits & 4;
            enum tsk_err want = oracle(c);
            ck_err(tsk_consent_rule(c), want);
            *ret_ok += want == TSK_OK;
        }
}

static void ck_types(struct tsk_consent_case *c, unsigned *ret_ok)
{
    static const char *const strange[] = {"", "T00", "T19", "T1", "t08"};
    size_t types, sets = sizeof need_sets / sizeof *need_sets;
    const struct tsk_code_row *type = tsk_codes(TSK_LIST_ORG_TYPE, &types);
    for (size_t t = 0; t < types + 5; t++)
        for (size_t s = 0; s < sets; s++) {
            struct tsk_code needs[3];
            for (size_t i = 0; i < need_sets[s].n; i++)
                needs[i] = code(need_sets[s].needs[i]);
            c->needs = needs;
            c->needs_n = need_sets[s].n;
            c->recipient_type = code(t < types ? type[t].id : strange[t - types]);
            ck_flags(c, ret_ok);
        }
}

START_TEST(the_rule_over_the_whole_product)
{
    static const char *const categories[] = {"C1", "C2", "C3", "C4",  "C5", "C6", "C7",
                                             "C8", "C9", "",   "C10", "c1", "C0", "N07"};
    unsigned ok = 0;
    for (uint64_t policy = 0; policy <= 3; policy++)
        for (uint64_t age_class = 0; age_class <= 5; age_class++)
            for (size_t k = 0; k < sizeof categories / sizeof *categories; k++) {
                struct tsk_consent_case c = {.policy = policy, .age_class = age_class, .class_until = 1000,
                                             .category = code(categories[k])};
                ck_types(&c, &ok);
            }
    ck_assert_uint_gt(ok, 1000);
}
END_TEST

START_TEST(the_table_is_dated)
{
    static const char *const since[] = {
#define TSK_POLICY(version, since, age_class, categories, types, needs, who) since,
#include "schema/policy.def"
#undef TSK_POLICY
    };
    struct tsk_date d;
    for (size_t i = 0; i < sizeof since / sizeof *since; i++)
        ck_ok(tsk_date_parse(since[i], &d));
}
END_TEST

/* ---- holders ---- */

static enum tsk_err holders_oracle(const struct tsk_consent_case *c, bool child, bool guardian)
{
    uint64_t policy = c->policy, age_class = c->age_class;
    const char *category = c->category.s;
    bool c8 = strcmp(category, "C8") == 0;
    if (policy < 1 || policy > 2 || age_class < 1 || age_class > 4 || strcmp(category, "C10") == 0)
        return TSK_E_HOLDERS;
    if (c8 || age_class == 4)
        return child ? TSK_OK : TSK_E_HOLDERS;
    if (age_class == 1)
        return guardian ? TSK_OK : TSK_E_HOLDERS;
    if (policy == 1)
        return child || guardian ? TSK_OK : TSK_E_HOLDERS;
    if (age_class == 2) /* alone: only where the exception is met */
        return child && (guardian || learning_alone(c)) ? TSK_OK : TSK_E_HOLDERS;
    return child && (guardian || !one_of(category, "C2", "C5", "C2", "C5")) ? TSK_OK : TSK_E_HOLDERS;
}

static void ck_holders(const struct tsk_consent_case *c)
{
    for (unsigned a = 0; a <= 3; a++)
        for (unsigned b = 0; b <= 3; b++) {
            uint64_t kinds[] = {a, b};
            bool keep[] = {a % 2 == 0, b % 2 == 1}, was[] = {keep[0], keep[1]};
            bool child = a == 1 || b == 1, guardian = a == 2 || b == 2;
            bool no_guardian = c->age_class == 4 || strcmp(c->category.s, "C8") == 0;
            enum tsk_err want = holders_oracle(c, child, guardian);
            ck_err(tsk_consent_holders(c, kinds, 2, keep), want);
            for (size_t i = 0; i < 2; i++)
                ck_assert(keep[i] == (want != TSK_OK ? was[i] : kinds[i] == 1 || (kinds[i] == 2 && !no_guardian)));
        }
}

START_TEST(holders_over_the_whole_product)
{
    static const char *const categories[] = {"C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10"};
    static const char *const types[] = {"T06", "T01", "T15"}, *const needs[] = {"N07", "N01", "N24"};
    struct tsk_consent_case c = {.needs_n = 1};
    for (c.policy = 0; c.policy <= 3; c.policy++)
        for (c.age_class = 0; c.age_class <= 5; c.age_class++)
            for (size_t k = 0; k < 10; k++)
                for (size_t t = 0; t < 9; t++) {
                    struct tsk_code need = code(needs[t / 3]);
                    c.category = code(categories[k]);
                    c.recipient_type = code(types[t % 3]);
                    c.needs = &need;
                    ck_holders(&c);
                }
    struct tsk_code need = code("N07");
    c = (struct tsk_consent_case){.policy = 1, .age_class = 2, .category = code("C1"), .recipient_type = code("T06"),
                                  .needs = &need, .needs_n = 1};
    ck_err(tsk_consent_holders(&c, NULL, 0, NULL), TSK_E_HOLDERS);
}
END_TEST

/* One item more than what a child alone may say of itself. */
START_TEST(content_of_a_child_alone)
{
    static const struct {
        uint64_t policy, age_class, second;
        const char *need, *category, *more;
        enum tsk_err want;
    } rows[] = {
        {2, 2, 0, "N07", "C1", NULL, TSK_OK},      {2, 2, 0, "N07", "C1", "c1.how", TSK_OK},
        {2, 2, 0, "N07", "C1", "c1.name", TSK_E_HOLDERS}, {2, 2, 0, "N07", "C1", "c1.tel", TSK_E_HOLDERS},
        {2, 2, 2, "N07", "C1", "c1.name", TSK_OK}, {2, 2, 1, "N07", "C1", "c1.name", TSK_E_HOLDERS},
        {2, 2, 0, "N01", "C1", "c1.name", TSK_OK}, {2, 2, 0, "N07", "C6", "c1.name", TSK_OK},
        {2, 3, 0, "N07", "C1", "c1.name", TSK_OK}, {1, 2, 0, "N07", "C1", "c1.name", TSK_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tsk_code need = code(rows[i].need);
        struct tsk_consent_case c = {.policy = rows[i].policy, .age_class = rows[i].age_class,
                                     .category = code(rows[i].category), .recipient_type = code("T06"),
                                     .needs = &need, .needs_n = 1};
        uint64_t kinds[] = {1, rows[i].second};
        uint8_t buf[64];
        struct tsk_cbor_out out;
        struct tsk_slice content, key = {NULL, 0};
        tsk_cbor_out_init(&out, buf, sizeof buf);
        tsk_cbor_put_map(&out, rows[i].more != NULL ? 2 : 1);
        tsk_cbor_put_str(&out, "c1.call");
        tsk_cbor_put_str(&out, "Haru");
        if (rows[i].more != NULL) {
            tsk_cbor_put_str(&out, rows[i].more);
            tsk_cbor_put_str(&out, "x");
        }
        ck_ok(tsk_cbor_out_done(&out, &content));
        ck_err(tsk_consent_content(&c, kinds, rows[i].second != 0 ? 2 : 1, content, &key), rows[i].want);
        if (rows[i].want != TSK_OK)
            ck_assert(key.n == strlen(rows[i].more) && memcmp(key.p, rows[i].more, key.n) == 0);
    }
    struct tsk_code need = code("N07");
    struct tsk_consent_case c = {.policy = 2, .age_class = 2, .category = code("C1"), .recipient_type = code("T06"),
                                 .needs = &need, .needs_n = 1};
    struct tsk_slice key;
    const struct tsk_slice cut = {(const uint8_t *)"\xa1", 1};
    ck_assert_int_ne(tsk_consent_content(&c, (const uint64_t[]){1}, 1, cut, &key), TSK_OK);
}
END_TEST

/* ---- grants ---- */

static struct tsk_id32 id32(unsigned char v)
{
    struct tsk_id32 id;
    memset(id.b, v, sizeof id.b);
    return id;
}

static struct tsk_kid kid(unsigned char v)
{
    struct tsk_kid k;
    memset(k.b, v, sizeof k.b);
    return k;
}

START_TEST(times_of_a_grant)
{
    const uint64_t day = TSK_DAY_S, at = 1000000;
    static const struct { uint64_t expires, destroy, until, class, kind; enum tsk_err want; } rows[] = {
        {1, 396, 396, 2, 1, TSK_OK},
        {365, 396, 396, 2, 2, TSK_OK},
        {365, 365, 365, 3, 2, TSK_OK},
        {0, 396, 396, 2, 1, TSK_E_EXPIRED},
        {366, 396, 396, 2, 1, TSK_E_RULE},
        {365, 364, 396, 2, 1, TSK_E_EXPIRED},
        {365, 396, 364, 2, 1, TSK_E_AGECHANGED},
        {365, 396, 396, 4, 1, TSK_OK},
        {365, 396, 396, 4, 2, TSK_E_RULE}, /* a guardian for an adult */
        {365, 396, 396, 2, 0, TSK_E_RULE},
        {365, 396, 396, 2, 3, TSK_E_RULE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tsk_grant g = {.time = at, .expires = at + rows[i].expires * day};
        struct tsk_item_core item = {.destroy_after = at + rows[i].destroy * day,
                                     .class_until = at + rows[i].until * day,
                                     .age_class = rows[i].class};
        ck_err(tsk_grant_times(&g, &item, rows[i].kind), rows[i].want);
        g.expires++;
        if (rows[i].want == TSK_OK && rows[i].expires == 365)
            ck_assert_int_ne(tsk_grant_times(&g, &item, rows[i].kind), TSK_OK);
    }
    struct tsk_grant backwards = {.time = UINT64_MAX, .expires = 5};
    struct tsk_item_core item = {.destroy_after = UINT64_MAX, .class_until = UINT64_MAX, .age_class = 1};
    ck_err(tsk_grant_times(&backwards, &item, TSK_HOLDER_GUARDIAN), TSK_E_EXPIRED);
    backwards = (struct tsk_grant){.time = 0, .expires = UINT64_MAX};
    ck_err(tsk_grant_times(&backwards, &item, TSK_HOLDER_GUARDIAN), TSK_E_RULE);
}
END_TEST

static void fixture(struct tsk_grant *g, struct tsk_item_core *item)
{
    *g = (struct tsk_grant){.holder = kid(1), .state = TSK_GRANT_GIVEN, .sender = kid(2), .recipient = kid(3),
                            .items = {{id32(10), code("C1")}, {id32(11), code("C6")}}, .items_n = 2,
                            .referral = id32(4)};
    *item = (struct tsk_item_core){.referral = id32(4), .sender = kid(2), .holders = {kid(9), kid(1)}, .holders_n = 2,
                                   .category = code("C6")};
}

START_TEST(what_a_grant_names)
{
    struct tsk_grant g;
    struct tsk_item_core item;
    struct tsk_id32 id = id32(11);
    fixture(&g, &item);
    ck_ok(tsk_grant_covers(&g, &item, &id));
    for (int wrong = 0; wrong < 8; wrong++) {
        fixture(&g, &item);
        id = id32(11);
        switch (wrong) {
        case 0: id = id32(12); break;
        case 1: id = id32(10); break;                /* that one is C1 */
        case 2: item.category = code("C1"); break;
        case 3: item.referral.b[31] ^= 1; break;     /* an item of another referral */
        case 4: item.sender.b[0] ^= 1; break;
        case 5: item.holders_n = 1; break;           /* somebody else's item */
        case 6: g.items_n = 1; break;
        default: g.holder.b[5] ^= 1; break;
        }
        ck_err(tsk_grant_covers(&g, &item, &id), TSK_E_NOTGRANTED);
    }
}
END_TEST

/* ---- stops ---- */

static struct tsk_stop stop(uint64_t form, unsigned char target)
{
    return (struct tsk_stop){.w = {.form = form, .target = id32(target), .by = TSK_BY_HOLDER}, .id = id32(77)};
}

START_TEST(what_a_stop_covers)
{
    struct tsk_grant g, target;
    struct tsk_item_core item;
    fixture(&g, &item);
    struct tsk_id32 grant_id = id32(50), item_id = id32(11);
    /* form x target: 50 this grant, 4 its referral, 1 its holder, 11 the item, 60 another grant, 0 nothing at all */
    static const unsigned char targets[] = {50, 4, 1, 11, 60, 0};
    for (uint64_t form = 1; form <= 4; form++)
        for (size_t t = 0; t < sizeof targets; t++) {
            struct tsk_stop s = stop(form, targets[t]);
            ck_assert(tsk_stop_covers(&s, &g, &grant_id, &item_id, NULL) == (t == form - 1));
        }
    struct tsk_stop strange = stop(5, 0);
    ck_assert(tsk_stop_covers(&strange, &g, &grant_id, &item_id, NULL));
    /* a stop of another grant over the same pair, whoever signed that one */
    struct tsk_stop s = stop(TSK_STOP_GRANT, 60);
    target = g;
    target.holder = kid(8);
    ck_assert(tsk_stop_covers(&s, &g, &grant_id, &item_id, &target));
    target.recipient = kid(30); /* the same item at another agency */
    ck_assert(!tsk_stop_covers(&s, &g, &grant_id, &item_id, &target));
    target.recipient = g.recipient;
    target.items_n = 1; /* another item */
    ck_assert(!tsk_stop_covers(&s, &g, &grant_id, &item_id, &target));
    target.items_n = 0;
    ck_assert(!tsk_stop_covers(&s, &g, &grant_id, &item_id, &target));
}
END_TEST

START_TEST(what_lifts_a_stop)
{
    struct tsk_grant g;
    struct tsk_item_core item;
    struct tsk_kid successor = kid(1), stranger = kid(40);
    fixture(&g, &item);
    for (uint64_t form = 1; form <= 4; form++) {
        struct tsk_stop s = stop(form, 60);
        g.lifts_n = 0;
        ck_assert(!tsk_stop_lifted(&s, &g, NULL)); /* a second grant alone lifts nothing */
        g.lifts[0] = id32(76);
        g.lifts[1] = id32(77);
        g.lifts_n = 1;
        ck_assert(!tsk_stop_lifted(&s, &g, NULL));
        g.lifts_n = 2;
        ck_assert(tsk_stop_lifted(&s, &g, NULL));
        g.state = TSK_GRANT_REFUSED;
        ck_assert(!tsk_stop_lifted(&s, &g, NULL));
        g.state = TSK_GRANT_GIVEN;
        s.child = true;
        s.child_holder = kid(1);
        ck_assert(tsk_stop_lifted(&s, &g, NULL));
        s.child_holder = kid(20); /* a guardian's grant over a child's stop */
        ck_assert(!tsk_stop_lifted(&s, &g, NULL));
        ck_assert(!tsk_stop_lifted(&s, &g, &stranger));
        ck_assert(tsk_stop_lifted(&s, &g, &successor));
        s.w.by = TSK_BY_STAFF;
        s.w.reason = code("S9");
        ck_assert(tsk_stop_lifted(&s, &g, &successor) == (form != TSK_STOP_REFERRAL));
        s.w.reason = code("S1");
        ck_assert(tsk_stop_lifted(&s, &g, &successor));
    }
}
END_TEST

static TCase *rule(void)
{
    TCase *t = tcase_create("rule");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_rule_over_the_whole_product);
    tcase_add_test(t, the_table_is_dated);
    tcase_add_test(t, holders_over_the_whole_product);
    tcase_add_test(t, content_of_a_child_alone);
    return t;
}

static TCase *grants(void)
{
    TCase *t = tcase_create("grants");
    tcase_add_test(t, times_of_a_grant);
    tcase_add_test(t, what_a_grant_names);
    return t;
}

static TCase *stops(void)
{
    TCase *t = tcase_create("stops");
    tcase_add_test(t, what_a_stop_covers);
    tcase_add_test(t, what_lifts_a_stop);
    return t;
}

TSK_TEST_MAIN("consent", rule, grants, stops)
