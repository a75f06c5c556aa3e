/* test_outbox_send.c - when the outbox sends: the schedule, and parcels that go out whole with an office that comes late. */
#include "tests/node/net.h"

#include "node/post/inside.h"

static const struct net_spec specs[] = {{"01100-AA", "ipc", {NULL}}, {"01100-BB", "ipc", {NULL}}, {"01100-CC", "ipc", {NULL}}};
enum { AA, BB, CC };

static struct net net;
static struct tsk_ctx *aa;

static void setup(void)
{
    net_make(&net, specs, 3, false);
    for (size_t i = 0; i < 3; i++)
        net_open(&net, i);
    aa = &net.nodes[AA]->ctx;
}

static void teardown(void)
{
    net_end(&net);
}

/* ---- the schedule ---- */
START_TEST(heap_in_order)
{
    struct tsk_heap h = {0};
    struct tsk_job job, last = {0};
    ck_assert_uint_eq(sizeof(struct tsk_job), 24);
    ck_assert(!tsk_heap_pop(&h, &job));
    for (uint64_t i = 0; i < 5000; i++) {
        uint32_t r;
        tsk_random(&r, sizeof r);
        job = (struct tsk_job){.due_ms = r % 100, .seq = i};
        ck_ok(tsk_heap_push(&h, &job));
    }
    for (size_t i = 0; i < 5000; i++) {
        ck_assert(tsk_heap_pop(&h, &job));
        ck_assert(i == 0 || last.due_ms < job.due_ms || (last.due_ms == job.due_ms && last.seq < job.seq));
        last = job;
    }
    ck_assert(!tsk_heap_pop(&h, &job));
    for (uint64_t i = 0; i < 100; i++)
        ck_ok(tsk_heap_push(&h, &(struct tsk_job){.due_ms = 1000 + i, .seq = 100 - i, .stored = i % 2 == 0}));
    tsk_heap_wake(&h, 7);
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert(tsk_heap_pop(&h, &job));
        ck_assert_uint_eq(job.stored, i >= 50); /* what is stored waits on */
        ck_assert_uint_eq(job.due_ms == 7, i < 50);
    }
    tsk_heap_clear(&h);
}
END_TEST

START_TEST(backoff)
{
    for (unsigned tries = 0; tries < 80; tries++) {
        uint64_t base = tries < 6 ? UINT64_C(1000) << tries : 60000;
        base = base < 60000 ? base : 60000;
        for (int i = 0; i < 20; i++) {
            uint64_t ms = tsk_backoff_ms(1000, 60000, tries);
            ck_assert_uint_ge(ms, base - base / 4);
            ck_assert_uint_le(ms, base + base / 4);
        }
    }
}
END_TEST

/* ---- whole, with an office that comes late ---- */
struct want { size_t node; uint64_t n; };
static bool admitted(struct net *n, void *arg)
{
    const struct want *w = arg;
    return n->nodes[w->node]->admitted >= w->n;
}

static bool idle(struct net *n, void *arg)
{
    (void)arg;
    return net_rows(n->nodes[AA], TSK_T_OUT) == 0;
}

static void restart(size_t i)
{
    net_stop(&net, i);
    net_start(&net, i);
}

START_TEST(a_stop_overtakes)
{
    struct tsk_id32 stop;
    size_t at = 99;
    restart(AA);
    for (int i = 0; i < 40; i++)
        net_send(net.nodes[AA], &net.nodes[BB]->kid, 1, false, NULL);
    net_send(net.nodes[AA], &net.nodes[BB]->kid, 1, true, &stop);
    restart(BB);
    net_run(&net, admitted, (&(struct want){BB, 41}));
    for (size_t i = 0; i < 41; i++)
        if (memcmp(net.nodes[BB]->order[i].b, stop.b, 32) == 0)
            at = i;
    ck_assert_uint_lt(at, TSK_DIAL_PUTS); /* with the first handful, whatever order the network makes of it */
}
END_TEST

START_TEST(sealed_anew_for_a_new_key)
{
    restart(AA);
    net_send(net.nodes[AA], &net.nodes[BB]->kid, 2, false, NULL);
    /* BB comes back with another sealing key, and the roster says so */
    struct net_node *bb = net.nodes[BB];
    struct tsk_node_keys *fresh;
    uint8_t unlock[32], buf[TSK_KEYFILE_CAP];
    struct tsk_slice bytes;
    ck_ok(tsk_node_keys_new(2026, &fresh));
    memcpy(bb->keys->seal, fresh->seal, sizeof fresh->seal);
    bb->keys->seal_n = fresh->seal_n;
    tsk_node_keys_free(fresh);
    tsk_random(unlock, sizeof unlock);
    ck_ok(tsk_keyfile_seal(bb->keys, TSK_SLICE(unlock), buf, sizeof buf, &bytes));
    net_file(bb->dir, "unlock", TSK_SLICE(unlock));
    net_file(bb->dir, "keys", bytes);
    net_roster(&net, true);
    net_stop(&net, BB);
    ck_ok(tsk_ctx_reload(aa));
    ck_ok(tsk_post_roster(aa));
    net_start(&net, BB);
    net_run(&net, admitted, (&(struct want){BB, 2}));
    net_run(&net, idle, NULL);
    ck_assert_uint_eq(bb->admitted, 2);
}
END_TEST

/* Who left the roster keeps its parcels waiting here, unsent; who returns gets them. */
START_TEST(left_and_back)
{
    restart(AA);
    net_send(net.nodes[AA], &net.nodes[BB]->kid, 2, false, NULL);
    struct net_node *cc = net.nodes[CC], *bb = net.nodes[BB];
    net.n = 1; /* AA alone */
    net_roster(&net, true);
    ck_ok(tsk_ctx_reload(aa));
    ck_ok(tsk_post_roster(aa));
    net_send(net.nodes[AA], &bb->kid, 1, false, NULL); /* not even a key for it */
    ck_assert_uint_eq(tsk_outbox_waiting(aa), 2);
    tsk_post_pump(aa);
    net.n = 3;
    net.nodes[BB] = bb;
    net.nodes[CC] = cc;
    net_stop(&net, BB);
    net_stop(&net, CC);
    net_roster(&net, false);
    struct tsk_slice whole = {net.roster, net.roster_n};
    ck_ok(tsk_roster_install(net.nodes[AA]->dir, whole, NULL));
    char path[400];
    for (size_t i = BB; i <= CC; i++) { /* they missed the one in between: set up afresh */
        snprintf(path, sizeof path, "%s/roster.cose", net.nodes[i]->dir);
        ck_assert_int_eq(unlink(path), 0);
        snprintf(path, sizeof path, "%s/roots", net.nodes[i]->dir);
        ck_assert_int_eq(unlink(path), 0);
        ck_ok(tsk_roster_install(net.nodes[i]->dir, whole, NULL));
    }
    ck_ok(tsk_ctx_reload(aa));
    ck_ok(tsk_post_roster(aa));
    net_start(&net, BB);
    net_run(&net, admitted, (&(struct want){BB, 3}));
    net_run(&net, idle, NULL);
}
END_TEST

static TCase *schedule(void)
{
    TCase *t = tcase_create("schedule");
    tcase_add_test(t, heap_in_order);
    tcase_add_test(t, backoff);
    return t;
}

static TCase *sending(void)
{
    TCase *t = tcase_create("sending");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_stop_overtakes);
    tcase_add_test(t, sealed_anew_for_a_new_key);
    tcase_add_test(t, left_and_back);
    return t;
}

TSK_TEST_MAIN_NOFORK("outbox_send", schedule, sending)
