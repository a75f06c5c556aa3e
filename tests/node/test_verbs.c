/* test_verbs.c - the verbs as a terminal sees them: what they refuse, by which name, and that a refusal changes no row.
 * `refer` has a file
 * of its own, test_verbs_refer.c; the way of a referral from consent to withdrawal stands in test_verbs_flow.c. */
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
    {"{'verb':'card_info','card_id':'" ID "'}", ""},
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

START_TEST(danger_in_a_detail_is_danger_too)
{
    static const char *const SAID[] = {"c6.needs", "N16", "c6.urgency", "U0", "c6.urgency", "u0"};
    for (size_t i = 0; i < 6; i += 2) {
        json_t *in = json_pack("{s:s,s:[o]}", "verb", "refer", "details",
                               world_detail("C6", world_content(SAID[i], SAID[i + 1], NULL)));
        char *text = json_dumps(in, JSON_COMPACT);
        emergency(text);
        free(text);
        json_decref(in);
    }
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
    world_refused(S, world_enrol(&c, S, 1, false), "e.exists", "child"); /* a card is one person's */
}
END_TEST

static json_t *card_info(const char *card)
{
    return json_pack("{s:s,s:s}", "verb", "card_info", "card_id", card);
}

/* By one tweak and its key the terminal sees whether card and PIN are those that were enrolled. */
START_TEST(a_card_is_known_by_one_of_its_holders)
{
    struct world_card c;
    struct tsk_id16 tweak;
    struct tsk_holder_keys keys = {0};
    char pk[65];
    world_card(&c, TSK_HOLDER_GUARDIAN, S, 3);
    json_t *out = world_do(S, card_info(c.hex));
    ck_assert_str_eq(world_str(out, "kind"), "guardian");
    ck_assert_int_eq(json_integer_value(json_object_get(out, "holders")), 3);
    ck_ok(tsk_unhex(world_str(out, "tweak"), tweak.b, sizeof tweak.b));
    ck_ok(tsk_holder_derive(&c.root, &tweak, &keys));
    tsk_hex(tsk_signer_pk(keys.sign)->b, 32, pk);
    ck_assert_str_eq(world_str(out, "sign_pk"), pk);
    tsk_holder_keys_wipe(&keys);
    json_decref(out);
    out = world_do(S, card_info(ID));
    ck_assert_int_eq(json_integer_value(json_object_get(out, "holders")), 0);
    ck_assert_ptr_null(json_object_get(out, "sign_pk"));
    json_decref(out);
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
    tcase_add_test(tc, danger_in_a_detail_is_danger_too);
    tcase_add_test(tc, info_and_status);
    return tc;
}

static TCase *case_cards(void)
{
    TCase *tc = tcase_create("cards");
    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, cards_are_enrolled_once_and_added_to);
    tcase_add_test(tc, a_card_is_known_by_one_of_its_holders);
    tcase_add_test(tc, holders_prove_their_keys);
    tcase_add_test(tc, a_stopped_card_stays_stopped);
    return tc;
}

TSK_TEST_MAIN("verbs", case_words, case_no_roster, case_requests, case_cards)
