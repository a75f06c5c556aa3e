/* test_verbs_room.c - a node whose store is nearly full: what would make it grow is refused, at home in so many words and
 * from peers as not now; whoever wants to stop can; and afterwards it goes on as if nothing had been. */
#include "tests/node/desk_family.h"
#include "tests/node/disk.h"

static void teardown(void)
{
    disk_bytes = 0;
    world_teardown();
}

static void nearly_full(int node)
{
    disk_nearly_full(world_node[node].store);
}

/* So that not even the small change of a referral fits, and yet some pages are left for stops. */
static void half_used(int node)
{
    disk_bytes = disk_use(world_node[node].store).used * 21 / 20;
}

static json_t *referring(const char *need)
{
    return json_pack("{s:s,s:s,s:[s],s:s,s:s,s:[s,s],s:s}", "verb", "refer", "to", "X001", "needs", need, "age_band", "A4",
                     "ward", "011029", "holders", child.hex, mother.hex, "birth", "2013-04-02");
}

static json_t *acting(const char *event)
{
    return json_pack("{s:s,s:s,s:s}", "verb", "act", "referral", referral, "event", event);
}

static json_t *withdrawing(const char *member, const char *value)
{
    return json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", grant, member, value);
}

static void done(int node, json_t *in)
{
    json_decref(world_do(node, in));
}

/* The first letter that waits, thrown at its node but not used up. */
static enum tsk_err first_letter(void)
{
    struct letter *l = world_letters;
    uint8_t *cts, *wraps;
    struct tsk_id32 id;
    struct tsk_inner inner = {.cts = world_seq(l->o.ct, &cts), .wraps = world_seq(l->o.wraps, &wraps)};
    enum tsk_err e = world_admit(world_find(&l->o.to), l->from, l->o.record, &inner, &id);
    free(cts);
    free(wraps);
    return e;
}

static size_t in_hand(void)
{
    json_t *out = world_do(R, json_pack("{s:s}", "verb", "inbox"));
    size_t n = json_array_size(json_object_get(out, "referrals"));
    json_decref(out);
    return n;
}

static bool says_full(int node)
{
    json_t *out = world_do(node, json_pack("{s:s}", "verb", "status"));
    const json_t *store = json_object_get(out, "store");
    bool full = json_is_true(json_object_get(store, "full"));
    ck_assert_int_gt(json_integer_value(json_object_get(store, "used")), 0);
    ck_assert_int_ge(json_integer_value(json_object_get(store, "max")), json_integer_value(json_object_get(store, "used")));
    json_decref(out);
    return full;
}

START_TEST(no_new_referral_and_no_new_card)
{
    struct world_card other;
    world_card(&other, TSK_HOLDER_CHILD, S, 0);
    ck_assert(!says_full(S));
    nearly_full(S);
    ck_assert(says_full(S));
    world_refused(S, referring("N07"), "e.diskfull", "");
    world_refused(S, world_enrol(&other, S, 1, true), "e.diskfull", "");
    world_refused(S, world_enrol(&child, S, 1, false), "e.diskfull", "");
    disk_bytes = 0;
    ck_assert(!says_full(S));
    done(S, referring("N07"));
    done(S, world_enrol(&other, S, 1, true));
}
END_TEST

START_TEST(no_new_consent_but_every_no)
{
    refer("X001", false);
    json_t *in = consent(&child, "C1", TSK_GRANT_GIVEN);
    nearly_full(S);
    world_refused(S, in, "e.diskfull", "");
    done(S, consent(&mother, "C1C3", TSK_GRANT_REFUSED));
    disk_bytes = 0;
    done(S, consent(&child, "C1", TSK_GRANT_GIVEN));
}
END_TEST

/* In turn by code, by staff at either side, by stopping the card: also where nothing else is taken any more. */
START_TEST(stopping_goes_through)
{
    consented("C1C3");
    half_used(S);
    world_refused(S, referring("N08"), "e.diskfull", "");
    switch (_i) {
    case 0: done(S, withdrawing("code", code)); break;
    case 1: done(S, withdrawing("reason", "S1")); break;
    case 2: done(R, withdrawing("reason", "S1")); break;
    default: done(S, ask2("card_stop", "card_id", child.hex));
    }
    if (_i != 3) { /* a stopped card ends no grant that was stored before */
        disk_bytes = 0; /* the answers to a stop are small change: they may come later */
        world_deliver();
        world_refused(R, opening("C1", "P1"), "e.withdrawn", NULL);
    }
}
END_TEST

START_TEST(a_stop_is_taken_from_a_peer)
{
    consented("C1");
    done(S, withdrawing("code", code));
    half_used(R);
    ck_ok(first_letter());
    disk_bytes = 0;
    world_refused(R, opening("C1", "P1"), "e.withdrawn", NULL);
    world_deliver();
}
END_TEST

START_TEST(a_referral_waits_at_its_sender)
{
    done(S, referring("N07"));
    size_t waiting = world_waiting();
    nearly_full(R);
    ck_err(first_letter(), TSK_E_NOROOM);
    ck_assert_uint_eq(tsk_err_wire(TSK_E_NOROOM), 13); /* no line in the receipt: it comes again */
    ck_assert_uint_eq(in_hand(), 0);
    disk_bytes = 0;
    ck_assert_uint_eq(world_waiting(), waiting);
    world_deliver();
    ck_assert_uint_eq(in_hand(), 1);
}
END_TEST

/* What is under way goes on in the first half of the reserve; in the second a peer's words wait, one's own do not. */
START_TEST(what_is_under_way_goes_on)
{
    consented("C1");
    nearly_full(R);
    done(R, opening("C1", "P1"));
    done(R, acting("acked"));
    nearly_full(S);
    world_deliver();
    half_used(R);
    world_refused(R, opening("C1", "P1"), "e.diskfull", "");
    done(R, acting("accepted"));
    half_used(S);
    ck_err(first_letter(), TSK_E_NOROOM);
    disk_bytes = 0;
    world_deliver();
    json_t *out = world_do(S, ask2("history", "referral", referral));
    ck_assert_str_eq(world_str(out, "state"), "handed");
    json_decref(out);
}
END_TEST

static TCase *room_case(void)
{
    TCase *c = tcase_create("room");
    tcase_add_checked_fixture(c, flow_setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, no_new_referral_and_no_new_card);
    tcase_add_test(c, no_new_consent_but_every_no);
    tcase_add_loop_test(c, stopping_goes_through, 0, 4);
    tcase_add_test(c, a_stop_is_taken_from_a_peer);
    tcase_add_test(c, a_referral_waits_at_its_sender);
    tcase_add_test(c, what_is_under_way_goes_on);
    return c;
}

TSK_TEST_MAIN_NOFORK("verbs_room", room_case)
