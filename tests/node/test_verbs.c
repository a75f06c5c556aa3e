/* test_verbs.c - the verbs as a terminal sees them: what they refuse, by which name, and that a refusal changes no row.
 * The way of a referral from consent to withdrawal stands in test_verbs_flow.c. */
#include <fcntl.h>

#include "node/core/log.h"
#include "node/desk/json.h"
#include "tests/node/desk_world.h"

/* ---- words ---- */
START_TEST(every_refusal_says_what_next)
{
    for (int e = 0; e < TSK_ERR_COUNT; e++)
        for (enum tsk_ui ui = TSK_UI_JA; ui <= TSK_UI_EN; ui++) {
            json_t *out = tsk_error_json((enum tsk_err)e, ui, e % 2 == 0 ? "x" : NULL, false);
            json_t *error = json_object_get(out, "error");
            ck_assert_uint_eq(json_object_size(out), 1);
            ck_assert_str_eq(world_code(out), tsk_err_name((enum tsk_err)e));
            ck_assert_uint_gt(strlen(world_str(error, "next")), 3);
            ck_assert_uint_gt(strlen(world_str(error, "text")), 3);
            ck_assert(json_is_false(json_object_get(error, "sent")));
            ck_assert_int_eq(json_object_get(error, "what") != NULL, e % 2 == 0);
            json_decref(out);
        }
}
END_TEST

START_TEST(what_is_cut_between_characters)
{
    char what[TSK_WHAT_CAP], text[400];
    for (size_t n = 0; n < 120; n++) {
        memset(text, 'a', n);
        text[n] = '\0';
        for (int i = 0; i < 20; i++)
            strcat(text, "襷");
        tsk_what(what, text);
        ck_assert_uint_lt(strlen(what), TSK_WHAT_CAP);
        ck_assert(tsk_utf8_ok((const uint8_t *)what, strlen(what), NULL));
        ck_assert_int_eq(strncmp(what, text, strlen(what)), 0);
    }
}
END_TEST

/* ---- the request ---- */
static void refused_text(const char *text, size_t n, const char *code, const char *what)
{
    struct world_hash before = world_rows(S);
    json_t *out = world_ask_text(S, text, n);
    struct world_hash after = world_rows(S);
    ck_assert_msg(strcmp(world_code(out), code) == 0, "%.*s: %s", (int)n, text, world_code(out));
    ck_assert_str_eq(world_what(out), what);
    ck_assert_mem_eq(&before, &after, sizeof before);
    json_decref(out);
}

START_TEST(no_prefix_of_a_request_is_a_request)
{
    static const char text[] = "{\"verb\":\"status\",\"ui\":\"en\",\"staff\":\"a\"}";
    for (size_t n = 0; n < sizeof text - 1; n++)
        refused_text(text, n, "e.usage", "");
    json_t *out = world_ask_text(S, text, sizeof text - 1);
    ck_assert_str_eq(world_code(out), "ok");
    json_decref(out);
}
END_TEST

START_TEST(malformed_requests_are_refused)
{
    static const struct { const char *text, *what; } rows[] = {
        {"[]", ""}, {"7", ""}, {"\"status\"", ""}, {"{}", "verb"}, {"{\"verb\":7}", "verb"}, {"{\"verb\":null}", "verb"},
        {"{\"verb\":\"nothing\"}", "nothing"}, {"{\"verb\":\"STATUS\"}", "STATUS"},
        {"{\"verb\":\"status\",\"verb\":\"status\"}", ""}, {"{\"verb\":\"status\"} x", ""},
        {"{\"verb\":\"status\\u0000\"}", ""},
        {"{\"verb\":\"status\",\"ui\":\"fr\"}", "ui"}, {"{\"verb\":\"status\",\"ui\":1}", "ui"},
        {"{\"verb\":\"status\",\"staff\":\"\"}", "staff"}, {"{\"verb\":\"status\",\"staff\":7}", "staff"},
        {"{\"verb\":\"status\",\"staff\":\"uid:root\"}", "staff"},
        {"{\"verb\":\"status\",\"more\":7}", "more"}, {"{\"verb\":\"status\",\"\":7}", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused_text(rows[i].text, strlen(rows[i].text), "e.usage", rows[i].what);
}
END_TEST

START_TEST(too_large_a_request_is_refused)
{
    size_t n = (size_t)TSK_JSON_MAX + 1;
    char *text = malloc(n);
    memset(text, ' ', n);
    memcpy(text, "{\"verb\":\"status\"}", 17);
    refused_text(text, n, "e.limit", "");
    json_t *out = world_ask_text(S, text, n - 1);
    ck_assert_str_eq(world_code(out), "ok");
    json_decref(out);
    free(text);
}
END_TEST

/* ---- exact members ---- */
#define ID "00112233445566778899aabbccddeeff"
static const struct { const char *text, *optional; } shapes[] = {
    {"{'verb':'info'}", ""},
    {"{'verb':'status'}", ""},
    {"{'verb':'inbox'}", ""},
    {"{'verb':'board'}", ""},
    {"{'verb':'card_enrol','card_id':'" ID "','kind':'child','new':true,'holders':[]}", ""},
    {"{'verb':'card_stop','card_id':'" ID "'}", ""},
    {"{'verb':'refer','to':'X001','needs':['N07'],'age_band':'A3','ward':'011029','holders':['" ID "'],'birth':'2015-04-02',"
     "'details':[],'urgency':'U3','require':'any','hold':false}", "details urgency require hold"},
    {"{'verb':'history','referral':'" ID "'}", ""},
    {"{'verb':'export','referral':'" ID "'}", ""},
    {"{'verb':'act','referral':'" ID "','event':'acked','reason':'D1','outcome':'O12','recommend':'X001','at':1}",
     "reason outcome recommend at"},
    {"{'verb':'reroute','referral':'" ID "','to':'X001','holders':['" ID "'],'details':[],'hold':true}",
     "holders details hold"},
    {"{'verb':'consent_begin','referral':'" ID "','card_id':'" ID "'}", ""},
    {"{'verb':'consent_put','grant':'00','wraps':'00','withdraws':['00']}", "wraps withdraws"},
    {"{'verb':'grant_info','grant':'" ID "'}", ""},
    {"{'verb':'withdraw','grant':'" ID "','record':'00','code':'A','reason':'x'}", "record code reason"},
    {"{'verb':'open','referral':'" ID "','category':'C1','purpose':'P1'}", ""},
};

static json_t *shape(size_t i)
{
    char text[1000];
    snprintf(text, sizeof text, "%s", shapes[i].text);
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *in = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(in);
    return in;
}

static void each_member(size_t i, const char *name)
{
    json_t *never[] = {json_null(), json_real(1.5), json_object(), json_pack("[n]"), json_pack("[[]]"), json_string("")};
    for (size_t k = 0; k < sizeof never / sizeof *never; k++) {
        json_t *in = shape(i);
        json_object_set_new(in, name, never[k]);
        world_refused(S, in, "e.usage", name);
    }
    if (strstr(shapes[i].optional, name) == NULL) {
        json_t *in = shape(i);
        json_object_del(in, name);
        world_refused(S, in, "e.usage", name);
    }
}

START_TEST(members_are_exact)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        json_t *whole = shape(i), *v;
        const char *name;
        json_object_foreach(whole, name, v)
            if (strcmp(name, "verb") != 0)
                each_member(i, name);
        json_object_set_new(whole, "strange", json_true());
        world_refused(S, whole, "e.usage", "strange");
    }
}
END_TEST

START_TEST(upper_case_and_odd_ids_are_no_ids)
{
    static const char *const bad[] = {"00112233445566778899AABBCCDDEEFF", "00112233445566778899aabbccddeef", ID "00", "zz"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        world_refused(S, json_pack("{s:s,s:s}", "verb", "history", "referral", bad[i]), "e.usage", "referral");
    world_refused(S, json_pack("{s:s,s:s}", "verb", "history", "referral", ID), "e.unknown", ID);
    world_refused(S, json_pack("{s:s,s:s}", "verb", "grant_info", "grant", ID), "e.unknown", ID);
    world_refused(S, json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", ID, "reason", "x"), "e.unknown", ID);
}
END_TEST

/* ---- emergency ---- */
static void emergency(const char *text)
{
    char log[1024] = "";
    const char *path = temp_path("log");
    int kept = dup(2), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(fd, 2);
    tsk_log_level(TSK_LOG_DEBUG);
    struct world_hash before = world_rows(S);
    json_t *out = world_ask_text(S, text, strlen(text));
    struct world_hash after = world_rows(S);
    dup2(kept, 2);
    close(kept);
    ck_assert_int_eq(pread(fd, log, sizeof log, 0), 0);
    close(fd);
    ck_assert_mem_eq(&before, &after, sizeof before);
    ck_assert_str_eq(world_code(out), "e.emergency");
    ck_assert_str_eq(world_what(out), "");
    const char *words = world_str(json_object_get(out, "error"), "text");
    ck_assert(strstr(words, "110") != NULL && strstr(words, "189") != NULL);
    ck_assert_uint_eq(world_waiting(), 0);
    json_decref(out);
}

START_TEST(danger_leads_to_the_telephone_before_anything)
{
    emergency("{\"verb\":\"refer\",\"needs\":[\"N07\",\"N16\"]}");
    emergency("{\"verb\":\"refer\",\"needs\":[\"N16\",7],\"garbage\":true}");
    emergency("{\"verb\":\"refer\",\"needs\":\"N16\"}");
    emergency("{\"verb\":\"refer\",\"urgency\":\"U0\",\"ui\":\"en\"}");
    emergency("{\"verb\":\"no such verb\",\"urgency\":\"U0\",\"ui\":\"easy\",\"staff\":\"\"}");
    emergency("{\"needs\":[\"N16\"]}");
}
END_TEST

START_TEST(without_a_roster_only_the_status_answers)
{
    json_t *out = world_do(S, json_pack("{s:s}", "verb", "status"));
    ck_assert(json_is_false(json_object_get(out, "ready")));
    ck_assert(json_is_null(json_object_get(out, "roster")));
    ck_assert_str_eq(world_str(out, "partner"), "01100-YC");
    json_decref(out);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        json_t *in = shape(i);
        if (strcmp(world_str(in, "verb"), "status") == 0)
            json_decref(in);
        else
            world_refused(S, in, "e.noroster", "");
    }
    emergency("{\"verb\":\"refer\",\"urgency\":\"U0\"}");
}
END_TEST

START_TEST(info_and_status)
{
    json_t *out = world_do(S, json_pack("{s:s}", "verb", "info"));
    ck_assert_str_eq(world_str(out, "partner"), "01100-YC");
    ck_assert_int_eq(json_integer_value(json_object_get(out, "roster_seq")), 1);
    ck_assert_uint_eq(strlen(world_str(json_object_get(json_object_get(out, "self"), "seal"), "pk")), 64);
    json_decref(out);
    out = world_do(S, json_pack("{s:s}", "verb", "status"));
    ck_assert(json_is_true(json_object_get(out, "ready")));
    ck_assert_uint_eq(json_array_size(json_object_get(out, "peers")), NODES - 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(out, "clock"), "now")), (json_int_t)world_now);
    json_decref(out);
}
END_TEST

/* ---- cards ---- */
START_TEST(cards_are_enrolled_once_and_added_to)
{
    struct world_card c, other;
    world_card(&c, TSK_HOLDER_CHILD, S, 3);
    world_card(&other, TSK_HOLDER_GUARDIAN, S, 0);
    world_refused(S, world_enrol(&c, S, 1, true), "e.exists", c.hex);
    json_t *out = world_do(S, world_enrol(&c, S, 2, false));
    ck_assert_int_eq(json_integer_value(json_object_get(out, "unused")), 5);
    json_decref(out);
    out = world_do(S, world_enrol(&other, S, 32, false));
    ck_assert_int_eq(json_integer_value(json_object_get(out, "unused")), 32);
    json_decref(out);
    world_refused(S, world_enrol(&other, S, 33, false), "e.usage", "holders");
    world_refused(S, world_enrol(&other, S, 0, false), "e.usage", "holders");
    c.kind = TSK_HOLDER_GUARDIAN;
    world_refused(S, world_enrol(&c, S, 1, false), "e.usage", "kind");
}
END_TEST

static json_t *spoiled(const struct world_card *c, const char *member, const char *value)
{
    json_t *in = world_enrol(c, S, 2, true);
    json_t *second = json_array_get(json_object_get(in, "holders"), 1);
    json_object_set_new(second, member, json_string(value));
    return in;
}

START_TEST(holders_prove_their_keys)
{
    struct world_card c;
    world_card(&c, TSK_HOLDER_CHILD, S, 0);
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char one[] = "0100000000000000000000000000000000000000000000000000000000000000";
    char pop[129];
    memset(pop, 'a', 128);
    pop[128] = '\0';
    world_refused(S, spoiled(&c, "sign_pk", one), "e.unknownpeer", NULL);
    world_refused(S, spoiled(&c, "kem_pk", zeros), "e.unknownpeer", NULL);
    world_refused(S, spoiled(&c, "pop", pop), "e.badsig", NULL);
    world_refused(S, spoiled(&c, "pop", "aa"), "e.usage", "pop");
    world_refused(S, spoiled(&c, "extra", "aa"), "e.usage", "extra");
    json_t *in = world_enrol(&c, R, 1, true); /* signed for another node */
    world_refused(S, in, "e.badsig", NULL);
    in = world_enrol(&c, S, 1, true);
    json_object_set_new(in, "kind", json_string("guardian")); /* and for another kind */
    world_refused(S, in, "e.badsig", NULL);
    in = world_enrol(&c, S, 1, true);
    json_array_append(json_object_get(in, "holders"), json_array_get(json_object_get(in, "holders"), 0));
    world_refused(S, in, "e.exists", NULL);
}
END_TEST

static json_t *stop(const char *card)
{
    return json_pack("{s:s,s:s}", "verb", "card_stop", "card_id", card);
}

START_TEST(a_stopped_card_stays_stopped)
{
    struct world_card c;
    world_card(&c, TSK_HOLDER_CHILD, S, 2);
    world_refused(S, stop(ID), "e.unknown", ID);
    for (json_int_t want = 2; want >= 0; want -= 2) { /* once more changes nothing */
        json_t *out = world_do(S, stop(c.hex));
        ck_assert_int_eq(json_integer_value(json_object_get(out, "stopped")), want);
        json_decref(out);
    }
    world_refused(S, world_enrol(&c, S, 1, false), "e.cardstopped", NULL);
    ck_assert_uint_eq(world_waiting(), 0); /* nobody has heard of these keys, and nobody does now */
}
END_TEST

/* ---- refer ---- */
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
    world_refused(S, with("to", json_string("01100-YC")), "e.usage", "to");
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

START_TEST(refer_sends_the_token_alone)
{
    family(4);
    json_t *out = world_do(S, refer());
    ck_assert_str_eq(world_str(out, "state"), "queued");
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


static TCase *case_words(void)
{
    TCase *tc = tcase_create("words");
    tcase_add_test(tc, every_refusal_says_what_next);
    tcase_add_test(tc, what_is_cut_between_characters);
    return tc;
}

static void setup_without_roster(void)
{
    world_open(false);
}

static TCase *case_no_roster(void)
{
    TCase *tc = tcase_create("no roster");
    tcase_add_checked_fixture(tc, setup_without_roster, world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, without_a_roster_only_the_status_answers);
    return tc;
}

static TCase *case_requests(void)
{
    TCase *tc = tcase_create("requests");
    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, no_prefix_of_a_request_is_a_request);
    tcase_add_test(tc, malformed_requests_are_refused);
    tcase_add_test(tc, too_large_a_request_is_refused);
    tcase_add_test(tc, members_are_exact);
    tcase_add_test(tc, upper_case_and_odd_ids_are_no_ids);
    tcase_add_test(tc, danger_leads_to_the_telephone_before_anything);
    tcase_add_test(tc, info_and_status);
    return tc;
}

static TCase *case_cards(void)
{
    TCase *tc = tcase_create("cards and referrals");
    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, cards_are_enrolled_once_and_added_to);
    tcase_add_test(tc, holders_prove_their_keys);
    tcase_add_test(tc, a_stopped_card_stays_stopped);
    tcase_add_test(tc, refer_names_what_does_not_fit);
    tcase_add_test(tc, refer_asks_who_could_consent);
    tcase_add_test(tc, refer_checks_details);
    tcase_add_test(tc, refer_sends_the_token_alone);
    tcase_add_test(tc, holders_are_used_up);
    tcase_add_test(tc, a_held_referral_sends_nothing);
    return tc;
}

TSK_TEST_MAIN("verbs", case_words, case_no_roster, case_requests, case_cards)
