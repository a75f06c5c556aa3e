/* test_verbs_consent.c - consent, opening and stopping through the verbs of two nodes: nothing opens before the family
 * has said so, nothing but what it chose, and nothing any more after it has said stop. */
#include "tests/node/desk_family.h"

START_TEST(nothing_opens_before_consent)
{
    refer("X001", false);
    world_refused(R, opening("C1", "P1"), "e.noconsent", NULL);
    world_refused(S, opening("C1", "P1"), "e.forbidden", NULL);
    world_refused(R, opening("C99", "P1"), "e.usage", "category");
    world_refused(R, opening("C1", "P9"), "e.usage", "purpose");
    world_refused(R, begin(&child), "e.forbidden", NULL);
    struct world_card stranger;
    world_card(&stranger, TSK_HOLDER_CHILD, S, 1);
    world_refused(S, begin(&stranger), "e.wrongholder", NULL);
    json_t *out = world_do(R, json_pack("{s:s}", "verb", "inbox"));
    const json_t *line = json_array_get(json_object_get(out, "referrals"), 0);
    ck_assert_str_eq(world_str(line, "consent"), "none");
    ck_assert_uint_eq(json_array_size(json_object_get(line, "categories")), 0);
    ck_assert_str_eq(world_str(line, "from"), "01100-YC");
    json_decref(out);
}
END_TEST

START_TEST(what_is_granted_opens_and_nothing_else)
{
    consented("C1C8");
    json_t *out = world_do(R, opening("C1", "P1"));
    ck_assert_str_eq(world_str(json_object_get(out, "content"), "c1.name"), "星 ひかり(架空)");
    char *first = strdup(world_str(out, "open"));
    json_decref(out);
    out = world_do(R, opening("C1", "P1"));
    ck_assert_str_ne(world_str(out, "open"), first); /* a new record each time */
    json_decref(out);
    free(first);
    world_refused(R, opening("C3", "P1"), "e.notgranted", NULL);
    world_refused(R, opening("C1", "P2"), "e.purpose", NULL);
    world_refused(R, opening("C8", "P1"), "e.twoperson", NULL);
    world_deliver();
    out = world_do(S, ask2("history", "referral", referral));
    ck_assert_uint_eq(json_array_size(json_object_get(out, "openings")), 2);
    ck_assert_str_eq(world_str(json_array_get(json_object_get(out, "openings"), 0), "category"), "C1");
    ck_assert_str_eq(world_str(json_array_get(json_object_get(out, "openings"), 0), "by"), "X001");
    json_decref(out);
    world_now += 101 * 86400;
    world_refused(R, opening("C1", "P1"), "e.rosterexpired", NULL);
}
END_TEST

START_TEST(consent_put_takes_no_foreign_grant)
{
    refer("X001", false);
    json_t *in = consent(&child, "C1", TSK_GRANT_GIVEN);
    world_refused(R, json_incref(in), "e.forbidden", NULL);
    world_refused(T, json_incref(in), "e.unknown", NULL);
    json_t *edited = json_deep_copy(in);
    char *hex = strdup(world_str(edited, "grant"));
    size_t n = strlen(hex);
    hex[n - 1] = hex[n - 1] == '0' ? '1' : '0'; /* in the signature */
    json_object_set_new(edited, "grant", json_string(hex));
    world_refused(S, edited, "e.badsig", NULL);
    free(hex);
    json_t *bare = json_deep_copy(in);
    json_object_del(bare, "wraps");
    world_refused(S, bare, "e.malformed", NULL);
    world_refused(S, json_pack("{s:s,s:s}", "verb", "consent_put", "grant", "00"), "e.malformed", NULL);
    json_t *guardian = consent(&mother, "C1", TSK_GRANT_GIVEN);
    json_object_set(guardian, "wraps", json_object_get(in, "wraps"));
    world_refused(S, guardian, "e.malformed", NULL); /* the wraps of another grant */
    json_t *late = json_deep_copy(in); /* good but for its last part: nothing of it stays, and nothing leaves */
    json_object_set_new(late, "withdraws", json_pack("[O]", json_object_get(in, "grant")));
    world_refused(S, late, "e.wrongtype", NULL);
    json_decref(world_do(S, in));
}
END_TEST

/* Several cards at one table: one request, and what is wrong with the last of them undoes them all. */
START_TEST(several_cards_together_or_not_at_all)
{
    refer("X001", false);
    json_t *both = consent(&child, "C1", TSK_GRANT_GIVEN), *more = consent(&mother, "C1", TSK_GRANT_GIVEN);
    json_object_del(more, "verb");
    json_object_set_new(both, "also", json_pack("[o]", more));
    json_t *bad = json_deep_copy(both), *bad_more = json_array_get(json_object_get(bad, "also"), 0);
    json_object_set(bad_more, "wraps", json_object_get(bad, "wraps"));
    world_refused(S, bad, "e.malformed", NULL);
    bad = json_deep_copy(both);
    json_object_set_new(json_array_get(json_object_get(bad, "also"), 0), "also", json_array());
    world_refused(S, bad, "e.usage", "also");
    json_t *out = world_do(S, ask2("history", "referral", referral));
    ck_assert_uint_eq(json_array_size(json_object_get(out, "consents")), 0);
    json_decref(out);
    ck_assert_uint_eq(world_waiting(), 0);
    out = world_do(S, both);
    ck_assert(json_is_true(json_object_get(out, "released")));
    json_decref(out);
    out = world_do(S, ask2("history", "referral", referral));
    ck_assert_uint_eq(json_array_size(json_object_get(out, "consents")), 2);
    json_decref(out);
}
END_TEST

START_TEST(a_refusal_stays_at_home)
{
    refer("X001", false);
    json_t *out = world_do(S, consent(&mother, "C1C3", TSK_GRANT_REFUSED));
    ck_assert(json_is_false(json_object_get(out, "released")));
    json_decref(out);
    ck_assert_uint_eq(world_waiting(), 0);
    world_refused(R, opening("C1", "P1"), "e.noconsent", NULL);
    out = world_do(S, ask2("grant_info", "grant", grant));
    ck_assert_str_eq(world_str(out, "state"), "refused");
    json_decref(out);
}
END_TEST

START_TEST(withdraw_by_code)
{
    consented("C1C3");
    json_t *out = world_do(S, ask2("grant_info", "grant", grant));
    ck_assert_str_eq(world_str(out, "state"), "live");
    ck_assert_uint_eq(strlen(world_str(out, "tweak")), 32);
    json_decref(out);
    out = world_do(R, ask2("grant_info", "grant", grant));
    ck_assert(json_object_get(out, "tweak") == NULL); /* no tweak away from home */
    json_decref(out);
    json_t *wrong = json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "code", "AAAA-AAAA");
    world_refused(S, wrong, "e.wrongcode", NULL);
    char other[40];
    memcpy(other, code, sizeof other);
    other[0] = code[0] == 'A' ? 'B' : 'A'; /* well formed, and not this grant's */
    wrong = json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "code", other);
    world_refused(S, wrong, "e.wrongcode", NULL);
    wrong = json_pack("{s:s,s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "code", code, "reason", "x");
    world_refused(S, wrong, "e.usage", "record, code, reason");
    world_refused(S, ask2("withdraw", "grant", grant), "e.usage", "record, code, reason");
    out = world_do(S, json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "code", code));
    ck_assert_str_eq(world_str(out, "state"), "accepted_here");
    json_decref(out);
    out = world_do(S, ask2("history", "referral", referral));
    ck_assert(json_is_false(json_object_get(json_array_get(json_object_get(out, "stops"), 0), "effective")));
    json_decref(out);
    world_deliver();
    world_refused(R, opening("C1", "P1"), "e.withdrawn", NULL);
    out = world_do(S, ask2("history", "referral", referral));
    ck_assert(json_is_true(json_object_get(json_array_get(json_object_get(out, "stops"), 0), "effective")));
    ck_assert_str_eq(world_str(json_array_get(json_object_get(out, "consents"), 0), "state"), "stopped");
    json_decref(out);
}
END_TEST

START_TEST(any_staff_stops_at_once)
{
    static const char said_text[] = "母からの電話(架空)";
    consented("C1C3");
    world_now += 40 * 86400; /* the roster has expired: that stops no stop */
    json_t *in = json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "reason", said_text);
    json_t *out = world_do(R, in);
    ck_assert_str_eq(world_str(out, "state"), "effective");
    json_decref(out);
    for (const struct letter *l = world_letters; l != NULL; l = l->next) /* what was said does not travel */
        ck_assert_ptr_null(memmem(l->o.record.p, l->o.record.n, said_text, sizeof said_text - 1));
    out = world_do(R, ask2("history", "referral", referral));
    ck_assert_str_eq(world_str(json_array_get(json_object_get(out, "stops"), 0), "by"), "staff");
    ck_assert_str_eq(world_str(json_array_get(json_object_get(out, "stops"), 0), "reason"), "S6");
    ck_assert_str_eq(world_str(json_array_get(json_object_get(out, "stops"), 0), "note"), said_text);
    json_decref(out);
    world_deliver();
    out = world_do(S, ask2("history", "referral", referral));
    ck_assert(json_object_get(json_array_get(json_object_get(out, "stops"), 0), "note") == NULL);
    json_decref(out);
}
END_TEST

/* A stop is never refused for its reason: what is too long is cut, what only nodes say is a word like any other. */
START_TEST(no_reason_keeps_a_stop_away)
{
    char longest[4000] = "";
    for (size_t i = 0; i + 3 < sizeof longest; i += 3)
        memcpy(longest + i, "母", 4);
    const char *const REASONS[] = {longest, "S9"};
    consented("C1C3");
    for (size_t i = 0; i < 2; i++) {
        json_decref(world_do(R, json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "reason", REASONS[i])));
        json_t *out = world_do(R, ask2("history", "referral", referral));
        ck_assert_str_eq(world_str(json_array_get(json_object_get(out, "stops"), i), "reason"), "S6");
        json_decref(out);
    }
}
END_TEST

START_TEST(a_stop_before_it_in_the_batch_wins)
{
    struct tsk_batch b;
    json_t *out;
    char text[300];
    consented("C1");
    ck_ok(tsk_batch_begin(&world_node[R], &b));
    int n = snprintf(text, sizeof text, "{\"verb\":\"withdraw\",\"grant\":\"%s\",\"reason\":\"S2\"}", grant);
    ck_ok(tsk_verb_answer(&world_node[R], &b, (struct tsk_slice){(uint8_t *)text, (size_t)n}, 0, &out));
    ck_assert_str_eq(world_code(out), "ok");
    json_decref(out);
    n = snprintf(text, sizeof text, "{\"verb\":\"open\",\"referral\":\"%s\",\"category\":\"C1\",\"purpose\":\"P1\"}", referral);
    ck_ok(tsk_verb_answer(&world_node[R], &b, (struct tsk_slice){(uint8_t *)text, (size_t)n}, 0, &out));
    ck_assert_str_eq(world_code(out), "e.withdrawn");
    json_decref(out);
    world_collect(R, &b);
    ck_ok(tsk_batch_end(&world_node[R], &b));
}
END_TEST

static void check_lifts(const struct world_card *card, const char *category, size_t want)
{
    json_t *begun = world_do(S, begin(card)), *item;
    size_t i;
    json_array_foreach(json_object_get(begun, "items"), i, item)
        if (strcmp(world_str(item, "category"), category) == 0) {
            ck_assert_uint_eq(json_array_size(json_object_get(item, "lifts")), want);
            want = SIZE_MAX;
        }
    ck_assert_msg(want == SIZE_MAX, "%s is not offered", category);
    json_decref(begun);
}

/* What a card may lift is offered beside the item it stands over, to the card that may lift it. */
START_TEST(stops_are_offered_by_item)
{
    char first[33];
    refer("X001", false);
    json_decref(world_do(S, consent(&child, "C8", TSK_GRANT_GIVEN)));
    json_decref(world_do(S, consent(&child, "C1", TSK_GRANT_GIVEN)));
    snprintf(first, sizeof first, "%s", grant);
    json_decref(world_do(S, consent(&mother, "C1C3", TSK_GRANT_GIVEN)));
    for (int n = 0; n < 2; n++) /* on the child's behalf; once is enough */
        json_decref(world_do(S, json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", first, "reason", "S1")));
    json_decref(world_do(S, json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "code", code)));
    check_lifts(&child, "C1", 2);
    check_lifts(&child, "C3", 1);
    check_lifts(&child, "C8", 0);
    check_lifts(&mother, "C1", 1);
    check_lifts(&mother, "C3", 1);
}
END_TEST

/* A clock set back is named as what it is, and nothing opens by it; a little behind its peers it may be. */
START_TEST(nothing_opens_by_a_clock_set_back)
{
    consented("C1");
    world_now -= 500;
    json_decref(world_do(R, opening("C1", "P1")));
    world_now -= 2 * 86400;
    world_refused(R, opening("C1", "P1"), "e.clock", NULL);
    world_now += 2 * 86400 + 500;
    json_decref(world_do(R, opening("C1", "P1")));
}
END_TEST

static json_t *board_line(json_t **ret_out)
{
    *ret_out = world_do(S, json_pack("{s:s}", "verb", "board"));
    return json_array_get(json_object_get(*ret_out, "referrals"), 0);
}

/* Nothing more happens by itself: a person must see that the yes never got there, why, and what to do. */
START_TEST(what_the_agency_could_not_take_is_shown)
{
    struct tsk_id32 id;
    refer("X001", false);
    world_deliver();
    json_decref(world_do(S, consent(&child, "C1", TSK_GRANT_GIVEN)));
    json_t *out = world_do(S, ask2("grant_info", "grant", grant)), *line;
    ck_ok(tsk_unhex(world_str(out, "grant_id32"), id.b, sizeof id.b));
    json_decref(out);
    world_answered(R, S, &id, 6);
    out = world_do(S, ask2("history", "referral", referral));
    const json_t *given = json_array_get(json_object_get(out, "consents"), 0), *why = json_object_get(given, "refused");
    ck_assert_str_eq(world_str(given, "state"), "not_taken");
    ck_assert_str_eq(world_str(why, "code"), "e.notgranted");
    ck_assert_uint_gt(strlen(world_str(why, "text")), 10);
    ck_assert_uint_gt(strlen(world_str(why, "next")), 10);
    json_decref(out);
    line = board_line(&out);
    ck_assert(json_is_true(json_object_get(line, "not_taken")));
    ck_assert_str_eq(world_str(line, "consent"), "wait");
    ck_assert_uint_eq(json_array_size(json_object_get(line, "categories")), 0);
    json_decref(out);
    while (world_letters != NULL) { /* lost on the way, for this test */
        struct letter *l = world_letters;
        world_letters = l->next;
        world_drop_letter(l);
    }
    world_tail = &world_letters;
    json_decref(world_do(S, consent(&child, "C1", TSK_GRANT_GIVEN))); /* asked again, and taken */
    line = board_line(&out);
    ck_assert(json_is_false(json_object_get(line, "not_taken")));
    ck_assert_uint_eq(json_array_size(json_object_get(line, "categories")), 1);
    json_decref(out);
}
END_TEST

/* The token itself: there is nobody to give a consent to. */
START_TEST(no_consent_for_a_refused_token)
{
    struct tsk_id32 id;
    refer("X001", true);
    json_decref(world_do(S, consent(&child, "C1", TSK_GRANT_GIVEN))); /* the token leaves with it */
    json_t *out = world_do(S, ask2("history", "referral", referral));
    ck_ok(tsk_unhex(world_str(json_array_get(json_object_get(out, "events"), 0), "id"), id.b, sizeof id.b));
    json_decref(out);
    world_answered(R, S, &id, 5);
    out = world_do(S, ask2("history", "referral", referral));
    const json_t *first = json_array_get(json_object_get(out, "events"), 0);
    ck_assert_str_eq(world_str(json_object_get(first, "refused"), "code"), "e.stale");
    json_decref(out);
    world_refused(S, consent(&child, "C3", TSK_GRANT_GIVEN), "e.state", "X001");
    json_decref(world_do(S, consent(&child, "C3", TSK_GRANT_REFUSED))); /* nobody is kept from saying no */
}
END_TEST

/* Staff stops a mother's consent: unless they say that it was for her, it is the child's stop, and she cannot lift it. */
START_TEST(staff_stops_for_the_child)
{
    static const char *const whose[] = {NULL, "child", "guardian"};
    refer("X001", false);
    json_decref(world_do(S, consent(&child, "C8", TSK_GRANT_GIVEN))); /* stands, so that the referral goes on */
    json_decref(world_do(S, consent(&mother, "C1C3", TSK_GRANT_GIVEN)));
    json_t *in = json_pack("{s:s,s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, "reason", "S1", "for", "uncle");
    world_refused(S, in, "e.usage", "for");
    in = json_pack("{s:s,s:s,s:s,s:s*}", "verb", "withdraw", "grant", grant, "reason", "S1", "for", whose[_i]);
    json_decref(world_do(S, in));
    check_lifts(&child, "C1", 1);
    check_lifts(&mother, "C1", _i == 2 ? 1 : 0);
    check_lifts(&mother, "C3", _i == 2 ? 1 : 0);
}
END_TEST

START_TEST(a_held_token_goes_with_consent)
{
    refer("X001", true);
    world_refused(R, ask2("history", "referral", referral), "e.unknown", referral);
    json_decref(world_do(S, consent(&child, "C1", TSK_GRANT_GIVEN)));
    world_deliver();
    json_decref(world_do(R, opening("C1", "P1")));
}
END_TEST

/* A sender that lies about the age: its item says class 3, the content says eleven years. */
static void false_age(void)
{
    struct tsk_ctx *ctx = &world_node[S];
    struct tsk_batch b;
    struct tsk_case c;
    struct tsk_id16 id;
    struct tsk_pk kems[TSK_HOLDERS_MAX];
    struct tsk_item_core core = {.sender = *tsk_self(ctx), .require = TSK_ANY, .category = tsk_code("C1"), .suite = 1,
                                 .mode = 1, .created = world_now, .destroy_after = world_now + TSK_ITEM_LIFE_S, .age_class = 3,
                                 .class_until = world_now + 300 * 86400, .roster_seq = 1};
    struct tsk_item item;
    struct tsk_id32 item_id;
    uint8_t core_buf[2048], ct[1024], content[512], *mem;
    const char *hex = world_content("c1.how", "電話", "c1.kana", "ほし", "c1.name", "星(架空)", "c1.birth", "2015-04-02", NULL);
    ck_ok(tsk_unhex(referral, id.b, 16));
    ck_ok(tsk_batch_begin(ctx, &b));
    ck_ok(tsk_case_by_id(b.txn, &id, &c));
    core.referral = c.ref;
    core.holders_n = c.holders_n;
    for (size_t i = 0; i < c.holders_n; i++) {
        struct tsk_holder_at h;
        ck_ok(tsk_holder_load(b.txn, &c.holders[i], &h));
        core.holders[i] = c.holders[i];
        kems[i] = h.holder.kem_pk;
    }
    ck_ok(tsk_item_seal(&core, kems, &ctx->members->net, hex_bytes(hex, content, sizeof content), core_buf, sizeof core_buf,
                        &item, ct));
    struct tsk_inner inner = {.cts = world_seq((struct tsk_slice){ct, tsk_seal_ct_len(strlen(hex) / 2)}, &mem)};
    ck_ok(tsk_author(ctx, &b, TSK_REC_ITEM, &item, &inner, &item_id));
    free(mem);
    ck_ok(tsk_batch_end(ctx, &b));
}

START_TEST(a_false_age_stops_the_referral)
{
    json_t *in = json_pack("{s:s,s:s,s:[s],s:s,s:s,s:[s,s],s:s}", "verb", "refer", "to", "X001", "needs", "N08", "age_band",
                           "A4", "ward", "011029", "holders", child.hex, mother.hex, "birth", "2013-04-02");
    json_t *out = world_do(S, in);
    snprintf(referral, sizeof referral, "%s", world_str(out, "referral"));
    json_decref(out);
    false_age();
    json_decref(world_do(S, consent(&child, "C1", TSK_GRANT_GIVEN)));
    world_deliver();
    out = world_ask(R, opening("C1", "P1"));
    ck_assert_str_eq(world_code(out), "e.agechanged");
    ck_assert_str_eq(world_what(out), "c1.birth");
    json_decref(out);
    world_deliver();
    world_refused(R, opening("C1", "P1"), "e.withdrawn", NULL);
    out = world_do(S, ask2("history", "referral", referral));
    ck_assert_uint_eq(json_array_size(json_object_get(out, "openings")), 0); /* nothing was shown */
    bool found = false;
    for (size_t i = 0; i < json_array_size(json_object_get(out, "stops")); i++)
        found = found || strcmp(world_str(json_array_get(json_object_get(out, "stops"), i), "reason"), "S8") == 0;
    ck_assert(found);
    json_decref(out);
}
END_TEST

START_TEST(a_stopped_card_grants_no_more)
{
    refer("X001", false);
    json_t *in = consent(&child, "C1", TSK_GRANT_GIVEN);
    json_decref(world_do(S, ask2("card_stop", "card_id", child.hex)));
    world_refused(S, begin(&child), "e.cardstopped", NULL);
    world_refused(S, in, "e.cardstopped", NULL);
}
END_TEST

static TCase *case_consent(void)
{
    TCase *tc = tcase_create("consent");
    tcase_add_checked_fixture(tc, flow_setup, world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, nothing_opens_before_consent);
    tcase_add_test(tc, what_is_granted_opens_and_nothing_else);
    tcase_add_test(tc, consent_put_takes_no_foreign_grant);
    tcase_add_test(tc, several_cards_together_or_not_at_all);
    tcase_add_test(tc, a_refusal_stays_at_home);
    tcase_add_test(tc, withdraw_by_code);
    tcase_add_loop_test(tc, staff_stops_for_the_child, 0, 3);
    tcase_add_test(tc, any_staff_stops_at_once);
    tcase_add_test(tc, no_reason_keeps_a_stop_away);
    tcase_add_test(tc, a_stop_before_it_in_the_batch_wins);
    tcase_add_test(tc, stops_are_offered_by_item);
    tcase_add_test(tc, what_the_agency_could_not_take_is_shown);
    tcase_add_test(tc, no_consent_for_a_refused_token);
    tcase_add_test(tc, nothing_opens_by_a_clock_set_back);
    tcase_add_test(tc, a_held_token_goes_with_consent);
    tcase_add_test(tc, a_false_age_stops_the_referral);
    tcase_add_test(tc, a_stopped_card_grants_no_more);
    return tc;
}

TSK_TEST_MAIN("verbs consent", case_consent)
