/* The moves over their whole product, and what crosses on the way. */
#include <stdio.h>

#include "tests/check.h"
#include "tests/schema/book.h"

/* "r:acked s:recalled": each sees everything before it. */
static void play(struct book *b, const char *path)
{
    for (const char *p = path; *p != '\0'; p += strspn(p, " ")) {
        char name[32] = {0};
        size_t n = strcspn(p, " ");
        memcpy(name, p + 2, n - 2);
        enum tsk_side side = p[0] == 's' ? S : R;
        ck_assert_msg(tsk_state_by_name(name) != TSK_ST_NONE, "%s", name);
        sign(b, side, tsk_state_by_name(name), b->chain[!side].n);
        p += n;
    }
}

static void ck_now(struct book *b, enum tsk_state state, enum tsk_side token)
{
    const struct tsk_progress *p = replay(b);
    ck_assert_str_eq(tsk_state_name(p->state), tsk_state_name(state));
    ck_assert_int_eq(p->token, token);
}

/* ---- the whole product of state, event and side ---- */

/* What may follow, written from the protocol's table by hand: "side:event>state,holder" or "side:event~" (it waits). */
static const struct context { const char *path; enum tsk_side token; const char *then; } contexts[] = {
    {"", S, "r:acked>acked,s r:declined>declined,s s:recalled>recalled,s s:expired>expired,s s:error>error,n "
            "s:withdrawn>withdrawn,s"},
    {"r:acked", S, "r:need_info>need_info,s r:accepted>accepted,s r:declined>declined,s s:recalled>recalled,s "
                   "s:expired>expired,s s:withdrawn>withdrawn,s"},
    {"r:acked r:need_info", S, "s:answered>acked,s r:declined>declined,s s:recalled>recalled,s s:expired>expired,s "
                               "s:withdrawn>withdrawn,s"},
    {"r:acked r:need_info s:answered", S, "r:need_info>need_info,s r:accepted>accepted,s r:declined>declined,s "
                                          "s:recalled>recalled,s s:expired>expired,s s:withdrawn>withdrawn,s"},
    {"r:acked r:accepted", S, "r:need_info>need_info,s r:unaccepted>acked,s r:declined>declined,s s:handed>handed,r "
                              "r:appointed~ r:connected~ r:notconnected~ s:recalled>recalled,s "
                              "s:withdrawn>withdrawn,s"},
    {"r:acked r:accepted r:need_info", S, "s:answered>accepted,s r:declined>declined,s s:recalled>recalled,s "
                                          "s:expired>expired,s s:withdrawn>withdrawn,s"},
    {"r:acked r:accepted r:unaccepted", S, "r:need_info>need_info,s r:accepted>accepted,s r:declined>declined,s "
                                           "s:recalled>recalled,s s:expired>expired,s s:withdrawn>withdrawn,s"},
    {"r:acked r:accepted s:handed", R, "r:need_info>need_info,r r:unaccepted>acked,s r:declined>declined,s "
                                       "r:appointed>appointed,r r:connected>connected,r "
                                       "r:notconnected>notconnected,s r:withdrawn>withdrawn,s"},
    {"r:acked r:accepted s:handed r:need_info", R, "s:answered>handed,r r:declined>declined,s r:withdrawn>withdrawn,s"},
    {"r:acked r:accepted s:handed r:unaccepted", S, "r:need_info>need_info,s r:accepted>accepted,s "
                                                    "r:declined>declined,s s:recalled>recalled,s s:expired>expired,s "
                                                    "s:withdrawn>withdrawn,s"},
    {"r:acked r:accepted s:handed r:appointed", R, "r:need_info>need_info,r r:unaccepted>acked,s "
                                                   "r:declined>declined,s r:appointed>appointed,r "
                                                   "r:connected>connected,r r:notconnected>notconnected,s "
                                                   "r:withdrawn>withdrawn,s"},
    {"r:acked r:accepted s:handed r:appointed r:need_info", R, "s:answered>appointed,r r:declined>declined,s "
                                                               "r:withdrawn>withdrawn,s"},
    {"r:acked r:accepted s:handed r:connected", R, "r:closed>closed,n r:withdrawn>withdrawn,s"},
    {"r:acked r:accepted s:handed r:connected r:closed", N, ""},
    {"r:acked r:accepted s:handed r:notconnected", S, "s:closed>closed,n"},
    {"r:acked r:accepted s:handed r:connected r:withdrawn", S, "s:closed>closed,n"},
    {"s:withdrawn", S, "s:closed>closed,n"},
    {"r:declined", S, "s:closed>closed,n s:rerouted>rerouted,n"},
    {"s:recalled", S, "s:closed>closed,n s:rerouted>rerouted,n"},
    {"s:expired", S, "s:closed>closed,n s:rerouted>rerouted,n"},
    {"s:error", N, ""},
    {"s:recalled s:rerouted", N, ""},
    {"s:recalled s:closed", N, ""},
};

static const char *expected(const struct context *c, enum tsk_side side, enum tsk_state event)
{
    char word[40];
    size_t n = (size_t)snprintf(word, sizeof word, "%c:%s", side == S ? 's' : 'r', tsk_state_name(event));
    for (const char *p = c->then; *p != '\0'; p += strspn(p, " ")) {
        if (strncmp(p, word, n) == 0 && (p[n] == '>' || p[n] == '~'))
            return p + n;
        p += strcspn(p, " ");
    }
    return NULL;
}

static void ck_step(const struct context *c, enum tsk_side side, enum tsk_state event)
{
    static struct book b;
    const char *want = expected(c, side, event);
    book_init(&b);
    play(&b, c->path);
    struct tsk_progress before = *replay(&b);
    struct tsk_event *e = sign(&b, side, event, b.chain[!side].n);
    replay(&b);
    ck_assert_int_eq(before.token, c->token);
    if (want == NULL || want[0] == '~') {
        ck_assert_msg(e->overtaken == (want == NULL), "%s, %d: %s", c->path, side, tsk_state_name(event));
        ck_assert(e->waiting == (want != NULL));
        ck_assert(b.p.state == before.state && b.p.token == before.token && b.p.duty == before.duty);
        return;
    }
    char text[40];
    snprintf(text, sizeof text, ">%s,%c", tsk_state_name(b.p.state), "srn"[b.p.token]);
    ck_assert_msg(strncmp(want, text, strcspn(want, " ")) == 0 && want[strlen(text) - 1] == text[strlen(text) - 1],
                  "%s, %d: %s gives %s", c->path, side, tsk_state_name(event), text);
    ck_assert(!e->overtaken && e->after == b.p.state);
    ck_assert_int_eq(b.p.duty, b.p.token == N ? (enum tsk_side)before.token : b.p.token);
}

static bool is_word_of(const char *words, enum tsk_state s)
{
    char word[40];
    snprintf(word, sizeof word, " %s ", tsk_state_name(s));
    return strstr(words, word) != NULL;
}

static enum tsk_err may_oracle(const struct context *c, enum tsk_side side, enum tsk_state event, enum tsk_state now)
{
    static const char only[2][120] = {
        " answered handed recalled rerouted expired error ",
        " acked need_info accepted unaccepted declined appointed connected notconnected "};
    if (expected(c, side, event) != NULL)
        return TSK_OK;
    if (event == TSK_ST_RECALLED && side == S && c->token == R && tsk_state_in_hand(now))
        return TSK_E_ACCEPTED;
    if (expected(c, !side, event) != NULL || is_word_of(only[!side], event))
        return TSK_E_FORBIDDEN;
    return TSK_E_STATE;
}

START_TEST(every_state_event_and_side)
{
    static struct book b;
    for (size_t c = 0; c < sizeof contexts / sizeof *contexts; c++)
        for (int side = 0; side < 2; side++)
            for (unsigned event = 0; event <= WIRE_MAX + 1; event++) {
                ck_step(&contexts[c], (enum tsk_side)side, (enum tsk_state)event);
                book_init(&b);
                play(&b, contexts[c].path);
                enum tsk_state now = replay(&b)->state;
                ck_err(tsk_progress_may(&b.p, (enum tsk_side)side, (enum tsk_state)event),
                       may_oracle(&contexts[c], (enum tsk_side)side, (enum tsk_state)event, now));
            }
}
END_TEST

START_TEST(queued_until_it_arrives)
{
    static struct book b;
    book_init(&b);
    b.arrived = false;
    ck_now(&b, TSK_ST_QUEUED, S);
    ck_ok(tsk_progress_may(&b.p, S, TSK_ST_RECALLED));
    ck_ok(tsk_progress_may(&b.p, S, TSK_ST_ERROR));
    ck_err(tsk_progress_may(&b.p, R, TSK_ST_ACKED), TSK_E_STATE);
    ck_err(tsk_progress_may(&b.p, S, TSK_ST_CLOSED), TSK_E_STATE);
    play(&b, "r:acked"); /* a person there looked at it: it is there */
    ck_now(&b, TSK_ST_ACKED, S);
    ck_err(tsk_progress_may(&b.p, S, TSK_ST_ERROR), TSK_E_STATE);
}
END_TEST

/* ---- what crosses on the way ---- */

START_TEST(recall_beats_a_crossing_accept)
{
    static struct book b;
    book_init(&b);
    play(&b, "r:acked");
    sign(&b, S, TSK_ST_RECALLED, 1);
    struct tsk_event *accepted = sign(&b, R, TSK_ST_ACCEPTED, 0);
    ck_now(&b, TSK_ST_RECALLED, S);
    ck_assert(accepted->overtaken && !accepted->waiting && !b.p.waits_handed);
}
END_TEST

START_TEST(handed_goes_before_what_crosses_it)
{
    static const struct { enum tsk_state event, after; enum tsk_side token; } rows[] = {
        {TSK_ST_DECLINED, TSK_ST_DECLINED, S},         {TSK_ST_UNACCEPTED, TSK_ST_ACKED, S},
        {TSK_ST_APPOINTED, TSK_ST_APPOINTED, R},       {TSK_ST_NEED_INFO, TSK_ST_NEED_INFO, R},
        {TSK_ST_NOTCONNECTED, TSK_ST_NOTCONNECTED, S}, {TSK_ST_CONNECTED, TSK_ST_CONNECTED, R}};
    static struct book b;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        book_init(&b);
        play(&b, "r:acked r:accepted");
        sign(&b, R, rows[i].event, 0);
        sign(&b, S, TSK_ST_HANDED, 2);
        ck_now(&b, rows[i].after, rows[i].token);
        ck_assert(b.p.handed && b.p.order_n == 4);
        ck_assert(b.p.order[2].side == S && b.p.order[3].side == R);
    }
}
END_TEST

START_TEST(meeting_waits_for_handed)
{
    static struct book b;
    book_init(&b);
    play(&b, "r:acked r:accepted r:appointed r:connected");
    ck_now(&b, TSK_ST_ACCEPTED, S);
    ck_assert(b.p.waits_handed && !b.p.handed && b.p.ahead == TSK_ST_CONNECTED);
    ck_assert(!b.events[R][0].waiting && b.events[R][1].waiting && b.events[R][2].waiting && b.events[R][3].waiting);
    ck_ok(tsk_progress_may(&b.p, R, TSK_ST_CLOSED));
    ck_err(tsk_progress_may(&b.p, R, TSK_ST_APPOINTED), TSK_E_STATE);
    ck_err(tsk_progress_may(&b.p, R, TSK_ST_WITHDRAWN), TSK_E_FORBIDDEN); /* the token is still the sender's */
    ck_ok(tsk_progress_may(&b.p, S, TSK_ST_HANDED));
    ck_ok(tsk_progress_may(&b.p, S, TSK_ST_RECALLED));
    /* The sender saw all four at once: its `handed` must not wait for what waits for it. */
    sign(&b, S, TSK_ST_HANDED, 4);
    ck_now(&b, TSK_ST_CONNECTED, R);
    ck_assert(!b.events[R][1].waiting && !b.events[R][3].waiting && !b.p.waits_handed && b.p.ahead == b.p.state);
    for (size_t i = 0; i < 4; i++)
        ck_assert(!b.events[R][i].overtaken);
}
END_TEST

START_TEST(recall_after_seeing_a_waiting_event)
{
    static struct book b;
    book_init(&b);
    play(&b, "r:acked r:accepted r:appointed");
    sign(&b, S, TSK_ST_RECALLED, 3);
    ck_now(&b, TSK_ST_RECALLED, S);
    ck_assert(b.events[R][2].overtaken && !b.events[R][1].overtaken);
}
END_TEST

START_TEST(answers_return_to_where_they_came_from)
{
    static struct book b;
    book_init(&b);
    play(&b, "r:acked r:accepted");
    sign(&b, R, TSK_ST_NEED_INFO, 0);
    sign(&b, S, TSK_ST_HANDED, 2); /* crosses the question, so the question was put by the holder */
    sign(&b, S, TSK_ST_ANSWERED, 3);
    ck_now(&b, TSK_ST_HANDED, R);
    book_init(&b);
    play(&b, "r:acked r:accepted r:need_info s:handed"); /* too late: the question came first */
    ck_now(&b, TSK_ST_NEED_INFO, S);
    ck_assert(b.events[S][0].overtaken && b.p.waits_handed);
    play(&b, "s:answered s:handed");
    ck_now(&b, TSK_ST_HANDED, R);
}
END_TEST

START_TEST(gaps_wait)
{
    static struct book b;
    book_init(&b);
    play(&b, "r:acked r:accepted s:handed r:connected");
    memmove(&b.events[R][1], &b.events[R][2], sizeof b.events[R][0]); /* `accepted` is not here */
    b.chain[R].n = 2;
    ck_now(&b, TSK_ST_ACKED, S);
    ck_assert(b.events[R][1].waiting && !b.events[R][1].overtaken);
    ck_assert(b.events[S][0].waiting); /* it had seen what is missing */
    ck_assert_uint_eq(b.p.next_seq[R], 4);
    ck_assert_uint_eq(b.p.order_n, 3);
}
END_TEST

START_TEST(forks_and_broken_links_move_nothing)
{
    static struct book b;
    for (int way = 0; way < 3; way++) {
        book_init(&b);
        play(&b, "r:acked r:accepted s:handed r:declined");
        if (way == 0) { /* two records with seq 3 */
            sign(&b, R, TSK_ST_CONNECTED, 1)->status.seq = 3;
            b.chain[R].fork = true;
        } else if (way == 1) {
            b.events[R][2].status.prev.b[0] ^= 1;
        } else {
            b.chain[R].fork = true; /* its second record was not kept */
        }
        ck_now(&b, way == 2 ? TSK_ST_ARRIVED : TSK_ST_HANDED, way == 2 ? S : R);
        ck_assert(b.events[R][2].overtaken && !b.events[R][2].waiting);
    }
}
END_TEST

START_TEST(what_was_never_signed_is_seen_by_nobody)
{
    static struct book b;
    book_init(&b);
    sign(&b, R, TSK_ST_ACKED, 0)->status.seen.b[3] = 9; /* rubbish */
    sign(&b, S, TSK_ST_RECALLED, 1);
    ck_now(&b, TSK_ST_RECALLED, S); /* and cannot hold the sender up */
    ck_assert(b.events[R][0].overtaken);
    book_init(&b);
    play(&b, "r:connected r:closed r:accepted r:acked r:accepted"); /* rubbish order */
    ck_now(&b, TSK_ST_ACCEPTED, S);
    ck_assert(b.events[R][0].overtaken && b.events[R][1].overtaken && b.events[R][2].overtaken);
}
END_TEST

START_TEST(the_longest_chains)
{
    static struct book b;
    book_init(&b);
    play(&b, "r:acked r:accepted s:handed");
    while (b.chain[R].n < TSK_STATUS_MAX)
        sign(&b, R, TSK_ST_APPOINTED, 1);
    ck_now(&b, TSK_ST_APPOINTED, R);
    ck_err(tsk_progress_may(&b.p, R, TSK_ST_CONNECTED), TSK_E_LIMIT);
    struct tsk_event *beyond = sign(&b, R, TSK_ST_CONNECTED, 1);
    ck_now(&b, TSK_ST_APPOINTED, R);
    ck_assert(beyond->waiting && b.p.order_n == TSK_STATUS_MAX + 1);
    for (int i = 0; i < 2000; i++)
        replay(&b);
}
END_TEST

static TCase *moves(void)
{
    TCase *t = tcase_create("moves");
    tcase_add_test(t, every_state_event_and_side);
    tcase_add_test(t, queued_until_it_arrives);
    return t;
}

static TCase *crossing(void)
{
    TCase *t = tcase_create("crossing");
    tcase_add_test(t, recall_beats_a_crossing_accept);
    tcase_add_test(t, handed_goes_before_what_crosses_it);
    tcase_add_test(t, meeting_waits_for_handed);
    tcase_add_test(t, recall_after_seeing_a_waiting_event);
    tcase_add_test(t, answers_return_to_where_they_came_from);
    tcase_add_test(t, gaps_wait);
    tcase_add_test(t, forks_and_broken_links_move_nothing);
    tcase_add_test(t, what_was_never_signed_is_seen_by_nobody);
    tcase_add_test(t, the_longest_chains);
    return t;
}

TSK_TEST_MAIN("progress", moves, crossing)
