/* test_loop.c - the writer's loop: answers over the control socket, signals, a fault that costs nobody else anything, a
 * disk that fails at the commit. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "node/desk/json.h"
#include "tests/node/desk_world.h"

/* ---- events by hand ---- */
static void push(enum tsk_event_kind kind, uint64_t num, const char *text)
{
    struct tsk_msg *m = calloc(1, sizeof *m);
    m->kind = kind;
    m->num = num;
    if (text != NULL) {
        m->n = strlen(text);
        m->p = malloc(m->n);
        memcpy(m->p, text, m->n);
    }
    tsk_queue_push(world_node[S].queue, m);
}

static void push_json(json_t *in)
{
    char *text = json_dumps(in, JSON_COMPACT);
    push(TSK_EV_CONTROL, 0, text);
    free(text);
    json_decref(in);
}

static bool enrolled(const struct world_card *c)
{
    json_t *out = world_ask(S, world_enrol(c, S, 1, true));
    bool known = strcmp(world_code(out), "e.exists") == 0;
    json_decref(out);
    return known;
}

START_TEST(ends_on_term_and_int_after_the_last_commit)
{
    static const int nums[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        struct world_card c;
        world_card(&c, TSK_HOLDER_CHILD, S, 0);
        push(TSK_EV_SIGNAL, (uint64_t)nums[i], NULL);
        push_json(world_enrol(&c, S, 1, true)); /* behind the signal, in the same turn */
        ck_ok(tsk_loop(&world_node[S]));
        ck_assert(world_node[S].stopping);
        world_node[S].stopping = false;
        ck_assert(enrolled(&c));
    }
}
END_TEST

#define NO_SUCH_EVENT ((enum tsk_event_kind)99) /* the post calls it a bug: class LOCAL */

START_TEST(a_fault_costs_nobody_else_anything)
{
    struct world_card cards[5];
    for (size_t bad = 0; bad <= 5; bad++) { /* the faulty event at every place in the batch */
        for (size_t i = 0; i < 5; i++) {
            world_card(&cards[i], TSK_HOLDER_CHILD, S, 0);
            if (i == bad)
                push(NO_SUCH_EVENT, 0, NULL);
            push_json(world_enrol(&cards[i], S, 2, true));
        }
        if (bad == 5)
            push(NO_SUCH_EVENT, 0, NULL);
        push(TSK_EV_SIGNAL, SIGTERM, NULL);
        ck_ok(tsk_loop(&world_node[S]));
        world_node[S].stopping = false;
        for (size_t i = 0; i < 5; i++)
            ck_assert(enrolled(&cards[i]));
    }
}
END_TEST

START_TEST(a_refusal_is_no_fault)
{
    struct world_card c;
    world_card(&c, TSK_HOLDER_CHILD, S, 0);
    push(TSK_EV_CONTROL, 0, "{\"verb\":\"nothing\"}");
    push(TSK_EV_CONTROL, 0, "rubbish");
    push_json(world_enrol(&c, S, 1, true));
    push(TSK_EV_SIGNAL, SIGTERM, NULL);
    ck_ok(tsk_loop(&world_node[S]));
    ck_assert(enrolled(&c));
}
END_TEST

/* Who asks is what the socket says of its peer; where it says nothing, nothing is done in nobody's name. */
START_TEST(nobody_is_refused)
{
    static const struct { uint64_t num, uid; bool done; } rows[] = {{0, UINT64_MAX, false}, {UINT64_MAX, 7, true}};
    for (size_t i = 0; i < 2; i++) {
        struct world_card c;
        struct tsk_msg *m = calloc(1, sizeof *m);
        world_card(&c, TSK_HOLDER_CHILD, S, 0);
        json_t *in = world_enrol(&c, S, 1, true);
        *m = (struct tsk_msg){.kind = TSK_EV_CONTROL, .num = rows[i].num, .num2 = rows[i].uid};
        m->p = (uint8_t *)json_dumps(in, JSON_COMPACT);
        m->n = strlen((const char *)m->p);
        json_decref(in);
        tsk_queue_push(world_node[S].queue, m);
        push(TSK_EV_SIGNAL, SIGTERM, NULL);
        ck_ok(tsk_loop(&world_node[S]));
        world_node[S].stopping = false;
        ck_assert_int_eq(enrolled(&c), rows[i].done);
    }
}
END_TEST

/* ---- over the socket ---- */
static pthread_t thread;

static void *run(void *arg)
{
    (void)arg;
    ck_ok(tsk_loop(&world_node[S]));
    return NULL;
}

static void start(void)
{
    world_setup();
    tsk_json_init(); /* before there are two threads */
    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void finish(void)
{
    push(TSK_EV_SIGNAL, SIGTERM, NULL);
    pthread_join(thread, NULL);
    world_teardown();
}

static json_t *call_text(const char *text)
{
    uint8_t *p;
    size_t n;
    ck_ok(tsk_control_call(world_node[S].dir, (struct tsk_slice){(const uint8_t *)text, strlen(text)}, 10, &p, &n));
    json_t *out = json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL);
    free(p);
    ck_assert_ptr_nonnull(out);
    return out;
}

static json_t *call(json_t *in)
{
    char *text = json_dumps(in, JSON_COMPACT);
    json_decref(in);
    json_t *out = call_text(text);
    free(text);
    return out;
}

START_TEST(answers_over_the_socket)
{
    json_t *out = call(json_pack("{s:s}", "verb", "status"));
    ck_assert(json_is_true(json_object_get(out, "ready")));
    json_decref(out);
    out = call_text("not json");
    ck_assert_str_eq(world_code(out), "e.usage");
    json_decref(out);
    out = call(json_pack("{s:s,s:s,s:[s]}", "verb", "refer", "ui", "en", "needs", "N16"));
    ck_assert_str_eq(world_code(out), "e.emergency");
    json_decref(out);
}
END_TEST

static void spoil_conf(const char *line)
{
    char path[TSK_PATH_CAP];
    ck_ok(tsk_path(world_node[S].dir, "node.conf", path));
    FILE *f = fopen(path, "a");
    ck_assert_ptr_nonnull(f);
    fputs(line, f);
    fclose(f);
}

START_TEST(reload_runs_alone_and_keeps_the_old)
{
    json_t *out = call(json_pack("{s:s}", "verb", "reload"));
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(out, "roster"), "seq")), 1);
    json_decref(out);
    out = call(json_pack("{s:s,s:s}", "verb", "reload", "more", "x"));
    ck_assert_str_eq(world_code(out), "e.usage");
    json_decref(out);
    push(TSK_EV_SIGNAL, SIGHUP, NULL);
    spoil_conf("no_such_key = 1\n");
    out = call(json_pack("{s:s}", "verb", "reload"));
    ck_assert_str_eq(world_code(out), "e.badfile");
    json_decref(out);
    push(TSK_EV_SIGNAL, SIGHUP, NULL);
    out = call(json_pack("{s:s}", "verb", "status"));
    ck_assert(json_is_true(json_object_get(out, "ready")));
    json_decref(out);
}
END_TEST

static void file_limit(rlim_t bytes)
{
    struct rlimit l;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes == 0 ? l.rlim_max : bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
}

START_TEST(a_failing_disk_is_said_and_survived)
{
    struct world_card c;
    world_card(&c, TSK_HOLDER_CHILD, S, 0);
    json_t *in = world_enrol(&c, S, 2, true);
    signal(SIGXFSZ, SIG_IGN);
    file_limit(1);
    json_t *out = call(json_incref(in));
    file_limit(0);
    ck_assert_msg(strncmp(world_code(out), "e.disk", 6) == 0, "%s", world_code(out));
    ck_assert(json_is_false(json_object_get(json_object_get(out, "error"), "sent")));
    json_decref(out);
    out = call(in); /* nothing was changed, and the node goes on */
    ck_assert_str_eq(world_code(out), "ok");
    ck_assert_int_eq(json_integer_value(json_object_get(out, "unused")), 2);
    json_decref(out);
}
END_TEST

#define CALLERS 8
#define CALLS 20

static void *caller(void *arg)
{
    const char *text = arg;
    for (int i = 0; i < CALLS; i++) {
        json_t *out = call_text(text);
        ck_assert_str_eq(world_code(out), "ok");
        json_decref(out);
    }
    return NULL;
}

START_TEST(many_callers_at_once)
{
    static char text[] = "{\"verb\":\"info\"}";
    pthread_t t[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, caller, text), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(t[i], NULL);
}
END_TEST

static TCase *case_events(void)
{
    TCase *tc = tcase_create("events");
    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, ends_on_term_and_int_after_the_last_commit);
    tcase_add_test(tc, a_fault_costs_nobody_else_anything);
    tcase_add_test(tc, a_refusal_is_no_fault);
    tcase_add_test(tc, nobody_is_refused);
    return tc;
}

static TCase *case_socket(void)
{
    TCase *tc = tcase_create("socket");
    tcase_add_checked_fixture(tc, start, finish);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, answers_over_the_socket);
    tcase_add_test(tc, reload_runs_alone_and_keeps_the_old);
    tcase_add_test(tc, a_failing_disk_is_said_and_survived);
    tcase_add_test(tc, many_callers_at_once);
    return tc;
}

TSK_TEST_MAIN("loop", case_events, case_socket)
