/* test_verbs_refer.c - the verb `refer`: what must be right before anything is signed, and what leaves when it is. */
#include "node/desk/json.h"
#include "tests/node/desk_world.h"

#define ID "00112233445566778899aabbccddeeff"

static struct world_card child, mother;

static json_t *refer(void)
{
    const char *hex = world_content("c1.how", "電話", "c1.kana", "ほし ひかり", "c1.name", "星 ひかり(架空)", "c1.birth",
                                    "2015-04-02", NULL);
    json_t *in = json_pack("{s:s,s:s,s:[s],s:s,s:s,s:[s,s],s:s,s:[o]}", "verb", "refer", "to", "X001", "needs", "N07",
                           "age_band", "A3", "ward", "011029", "holders", child.hex, mother.hex, "birth", "2015-04-02",
                           "details", world_detail("C1", hex));
    const char *school = world_content("c3.school", "みほん小学校(架空)", NULL);
    json_array_append_new(json_object_get(in, "details"), world_detail("C3", school));
    return in;
}

static json_t *with(const char *member, json_t *value)
{
    json_t *in = refer();
    json_object_set_new(in, member, value);
    return in;
}

static void family(size_t holders)
{
    world_card(&child, TSK_HOLDER_CHILD, S, holders);
    world_card(&mother, TSK_HOLDER_GUARDIAN, S, holders);
}

START_TEST(refer_names_what_does_not_fit)
{
    family(4);
    world_refused(S, with("to", json_string("X999")), "e.unknownpeer", "X999");
    world_refused(S, with("to", json_string("X005")), "e.unknownpeer", "X005"); /* a member, but no recipient */
    world_refused(S, with("to", json_string("01100-YC")), "e.usage", "01100-YC");
    world_refused(S, with("needs", json_array()), "e.usage", "needs");
    world_refused(S, with("needs", json_pack("[s]", "N77")), "e.usage", "N77");
    world_refused(S, with("needs", json_pack("[s,s]", "N07", "N07")), "e.usage", "N07");
    world_refused(S, with("needs", json_pack("[s,s,s,s,s,s,s,s,s]", "N01", "N02", "N03", "N04", "N05", "N06", "N07", "N08",
                                             "N09")), "e.usage", "needs");
    world_refused(S, with("urgency", json_string("U9")), "e.usage", "urgency");
    world_refused(S, with("age_band", json_string("A9")), "e.usage", "age_band");
    world_refused(S, with("ward", json_string("011002")), "e.usage", "ward"); /* the city is no ward */
    world_refused(S, with("require", json_string("some")), "e.usage", "require");
    world_refused(S, with("birth", json_string("2015-02-30")), "e.usage", "birth");
    world_refused(S, with("birth", json_string("yesterday, or the day before")), "e.usage", "birth");
    world_refused(S, with("holders", json_array()), "e.usage", "holders");
    world_refused(S, with("holders", json_pack("[s]", ID)), "e.unknown", ID);
    world_refused(S, with("holders", json_pack("[s,s]", child.hex, child.hex)), "e.usage", "holders");
    world_refused(T, refer(), "e.unknown", NULL); /* T knows no such card */
}
END_TEST

START_TEST(refer_asks_who_could_consent)
{
    family(2);
    world_refused(S, with("holders", json_pack("[s]", child.hex)), "e.holders", NULL);       /* 11 years: class 1 */
    json_t *in = with("holders", json_pack("[s]", mother.hex));                              /* 19 years: class 4 */
    json_object_set_new(in, "birth", json_string("2007-04-02"));
    json_object_set_new(in, "details", json_array());
    world_refused(S, in, "e.holders", NULL);
    in = with("holders", json_pack("[s]", mother.hex));                                      /* C8 is the child's alone */
    json_array_append_new(json_object_get(in, "details"), world_detail("C8", world_content("c8.code", "ひまわり", NULL)));
    world_refused(S, in, "e.holders", "C8");
    in = with("holders", json_pack("[s]", child.hex)); /* 13 years, rule version 2: alone, but with no address */
    json_object_set_new(in, "birth", json_string("2013-05-05"));
    const char *more = world_content("c1.how", "電話", "c1.addr", "見本 1", "c1.call", "はる", NULL);
    json_object_set_new(in, "details", json_pack("[o]", world_detail("C1", more)));
    world_node[S].members->r.policy = 2;
    world_refused(S, in, "e.holders", "c1.addr");
}
END_TEST

START_TEST(refer_checks_details)
{
    family(2);
    json_t *bad[] = {
        world_detail("C7", "a0"), world_detail("C77", "a0"), world_detail("C1", world_content("c1.nick", "x", NULL)),
        world_detail("C3", "ff"), world_detail("C3", "a1"), world_detail("C2", world_content("c2.care", "x", NULL))};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        world_refused(S, with("details", json_pack("[o]", bad[i])), "e.detail", NULL);
    const char *other = world_content("c1.how", "電話", "c1.kana", "ほし", "c1.name", "星", "c1.birth", "2015-04-03", NULL);
    world_refused(S, with("details", json_pack("[o]", world_detail("C1", other))), "e.detail", "c1.birth");
    const char *school = world_content("c3.school", "みほん小学校(架空)", NULL);
    json_t *twice = json_pack("[o,o]", world_detail("C3", school), world_detail("C3", school));
    world_refused(S, with("details", twice), "e.detail", "C3");
    json_t *odd = json_pack("[{s:s}]", "category", "C3");
    world_refused(S, with("details", odd), "e.usage", "content");
}
END_TEST

static const char *born(const char *birth)
{
    return world_content("c1.how", "電話", "c1.kana", "ほし", "c1.name", "星", "c1.birth", birth, NULL);
}

/* The same in substance, or not at all: 11 years old on this day. */
START_TEST(refer_takes_an_age_that_fits_the_day)
{
    static const struct { const char *birth, *detail; bool fits; } ROWS[] = {
        {"2015-04-02", "~11", true}, {"~11", "2015-04-02", true}, {"~11", "~11", true}, {"2015-04-02", "~12", false},
        {"~10", "2015-04-02", false}, {"~11", "~10", false}, {"2015-04-02", "2015-04-01", false}};
    static const char *const NEEDS[] = {"N01", "N02", "N03", "N04", "N05", "N06", "N07"};
    family(7);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        json_t *in = with("details", json_pack("[o]", world_detail("C1", born(ROWS[i].detail))));
        json_object_set_new(in, "birth", json_string(ROWS[i].birth));
        json_object_set_new(in, "needs", json_pack("[s]", NEEDS[i]));
        if (ROWS[i].fits)
            json_decref(world_do(S, in));
        else
            world_refused(S, in, "e.detail", "c1.birth");
    }
}
END_TEST

START_TEST(refer_says_that_a_card_was_stopped)
{
    family(1);
    json_decref(world_do(S, json_pack("{s:s,s:s}", "verb", "card_stop", "card_id", child.hex)));
    world_refused(S, refer(), "e.cardstopped", child.hex);
}
END_TEST

START_TEST(refer_sends_the_token_alone)
{
    family(4);
    json_t *out = world_do(S, refer());
    ck_assert_str_eq(world_str(out, "state"), "queued");
    ck_assert_uint_gt((uint64_t)json_integer_value(json_object_get(out, "reply_by")), world_now);
    ck_assert(json_is_false(json_object_get(out, "outside_district")));
    ck_assert_uint_eq(world_waiting(), 1);
    ck_assert_uint_eq(world_letters->o.ct.n, 0);
    char *id = strdup(world_str(out, "referral"));
    json_decref(out);
    world_refused(S, refer(), "e.duplicate", id);
    json_t *other = with("needs", json_pack("[s,s]", "N08", "N03"));
    json_object_set_new(other, "ward", json_string("011037"));
    out = world_do(S, other);
    ck_assert(json_is_true(json_object_get(out, "outside_district"))); /* noted, not refused */
    json_decref(out);
    out = world_do(S, with("holders", json_pack("[s]", mother.hex))); /* other cards: another family as far as we know */
    json_decref(out);
    free(id);
}
END_TEST

START_TEST(holders_are_used_up)
{
    family(1);
    json_decref(world_do(S, refer()));
    world_refused(S, with("needs", json_pack("[s]", "N08")), "e.holders", child.hex);
    json_decref(world_do(S, world_enrol(&child, S, 1, false)));
    world_refused(S, with("needs", json_pack("[s]", "N08")), "e.holders", mother.hex);
    json_decref(world_do(S, world_enrol(&mother, S, 1, false)));
    json_decref(world_do(S, with("needs", json_pack("[s]", "N08"))));
}
END_TEST

START_TEST(a_held_referral_sends_nothing)
{
    family(1);
    json_t *out = world_do(S, with("hold", json_true()));
    ck_assert_str_eq(world_str(out, "state"), "consent_wait");
    ck_assert_uint_eq(world_waiting(), 0);
    json_decref(out);
}
END_TEST


static TCase *case_refer(void)
{
    TCase *tc = tcase_create("refer");
    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, refer_names_what_does_not_fit);
    tcase_add_test(tc, refer_asks_who_could_consent);
    tcase_add_test(tc, refer_checks_details);
    tcase_add_test(tc, refer_takes_an_age_that_fits_the_day);
    tcase_add_test(tc, refer_says_that_a_card_was_stopped);
    tcase_add_test(tc, refer_sends_the_token_alone);
    tcase_add_test(tc, holders_are_used_up);
    tcase_add_test(tc, a_held_referral_sends_nothing);
    return tc;
}

TSK_TEST_MAIN("verbs: refer", case_refer)
