/* test_wire.c - the control socket, NNG's servers and dials: answers, limits, closing under load. */
#include "tests/node/wires.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

START_TEST(control_answers)
{
    static const size_t sizes[] = {0, 1, 100, 65536, 5000000};
    net_make(&net, alone, 1, false);
    struct net_node *a = net_start(&net, 0);
    a->control = echo;
    struct stat st;
    char path[300];
    snprintf(path, sizeof path, "%s/control.sock", a->dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0660);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct caller c;
        call_start(&c, a->dir, sizes[i], 5);
        net_run(&net, call_over, &c);
        pthread_join(c.thread, NULL);
        ck_ok(c.err);
        ck_assert(c.same);
        ck_assert_uint_eq(a->admitted, getuid());
    }
    net_end(&net);
}
END_TEST

START_TEST(control_many_at_once)
{
    struct caller c[48];
    net_make(&net, alone, 1, false);
    struct net_node *a = net_start(&net, 0);
    a->control = echo;
    for (size_t i = 0; i < 48; i++)
        call_start(&c[i], a->dir, 10 + i, 10);
    for (size_t i = 0; i < 48; i++) {
        net_run(&net, call_over, &c[i]);
        pthread_join(c[i].thread, NULL);
        ck_assert(c[i].same);
    }
    ck_assert_uint_eq(a->receipts, 48);
    net_end(&net);
}
END_TEST

START_TEST(control_waits_for_the_node)
{
    struct caller c;
    net_make(&net, alone, 1, false);
    call_start(&c, net.nodes[0]->dir, 9, 10);
    net_start(&net, 0)->control = echo;
    net_run(&net, call_over, &c);
    pthread_join(c.thread, NULL);
    ck_assert(c.same);
    net_end(&net);
}
END_TEST

START_TEST(control_without_a_node)
{
    uint8_t *p = NULL;
    size_t n = 77;
    net_make(&net, alone, 1, false);
    ck_err(tsk_control_call(net.nodes[0]->dir, TSK_SLICE((uint8_t[]){1}), 0, &p, &n), TSK_E_NOTREADY);
    ck_assert_ptr_null(p);
    ck_assert_uint_eq(n, 77);
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[199] = 0;
    ck_err(tsk_control_call(longest, TSK_SLICE((uint8_t[]){1}), 0, &p, &n), TSK_E_USAGE);
    net_end(&net);
}
END_TEST

/* The request is taken and never answered; the node goes. The caller must hear of it, and the request not come again. */
static uint64_t taken;
static void swallow(struct net_node *node, struct tsk_msg *m)
{
    (void)node, (void)m;
    taken++;
}

static bool was_taken(struct net *n, void *arg)
{
    (void)n, (void)arg;
    return taken > 0;
}

START_TEST(control_node_dies)
{
    struct caller c;
    net_make(&net, alone, 1, false);
    taken = 0;
    net_start(&net, 0)->control = swallow;
    call_start(&c, net.nodes[0]->dir, 5, 10);
    net_run(&net, was_taken, NULL);
    net_stop(&net, 0);
    pthread_join(c.thread, NULL);
    ck_err(c.err, TSK_E_NETWORK);
    struct net_node *a = net_start(&net, 0);
    a->control = swallow;
    for (int i = 0; i < 50; i++)
        net_turn(a, 2);
    ck_assert_uint_eq(taken, 1);
    net_end(&net);
}
END_TEST

START_TEST(dial_asks)
{
    static const uint8_t wire[] = {0x82, 0x45, 'h', 'e', 'l', 'l', 'o', 0x42, 'h', 'e'};
    struct pair p;
    pair_open(&p, 4);
    ck_assert(!tsk_dial_free_for(p.dial, TSK_EV_PUT_DONE));
    up(&p);
    ck_ok(tsk_dial_call(p.dial, TSK_EV_PUT_DONE, 42, parts, 2, 5000));
    struct tsk_msg *q = await(&p, TSK_EV_WIRE);
    ck_assert_uint_eq(q->n, sizeof wire);
    ck_assert_mem_eq(q->p, wire, sizeof wire);
    tsk_wire_reply(&net.nodes[0]->ctx, q->handle, TSK_SLICE(wire));
    tsk_msg_free(q);
    struct tsk_msg *r = await(&p, TSK_EV_PUT_DONE);
    ck_assert_uint_eq(r->num, 42);
    ck_assert_uint_eq(r->n, sizeof wire);
    ck_assert_mem_eq(r->peer.b, p.kid.b, 32);
    tsk_msg_free(r);
    ck_assert(tsk_dial_deadline(p.dial) == UINT64_MAX);
    pair_close(&p);
}
END_TEST

/* Puts fill their own contexts and never those of fetch and confirm. */
START_TEST(dial_pools)
{
    struct pair p;
    pair_open(&p, 32);
    up(&p);
    for (uint64_t i = 0; i < TSK_DIAL_PUTS; i++) {
        ck_assert(tsk_dial_free_for(p.dial, TSK_EV_PUT_DONE));
        ck_ok(tsk_dial_call(p.dial, TSK_EV_PUT_DONE, i, parts, 1, 5000));
    }
    ck_assert(!tsk_dial_free_for(p.dial, TSK_EV_PUT_DONE));
    ck_assert(tsk_dial_free_for(p.dial, TSK_EV_MAIL));
    ck_ok(tsk_dial_call(p.dial, TSK_EV_MAIL, 100, parts, 1, 5000));
    ck_assert(!tsk_dial_free_for(p.dial, TSK_EV_MAIL));
    ck_assert(tsk_dial_free_for(p.dial, TSK_EV_CONFIRMED));
    struct tsk_msg *held[TSK_DIAL_PUTS + 1];
    for (int i = 0; i <= TSK_DIAL_PUTS; i++)
        held[i] = await(&p, TSK_EV_WIRE);
    for (int i = 0; i <= TSK_DIAL_PUTS; i++) {
        tsk_wire_reply(&net.nodes[0]->ctx, held[i]->handle, TSK_SLICE(hello));
        tsk_msg_free(held[i]);
    }
    tsk_msg_free(await(&p, TSK_EV_PUT_DONE));
    pair_close(&p);
}
END_TEST

/* A server that never answers: closing ends every call with its one message, and dialing anew works. */
START_TEST(dial_stop_fails_all)
{
    struct pair p;
    bool seen[TSK_DIAL_PUTS] = {0};
    pair_open(&p, 32);
    up(&p);
    for (uint64_t i = 0; i < TSK_DIAL_PUTS; i++)
        ck_ok(tsk_dial_call(p.dial, TSK_EV_PUT_DONE, i, parts, 2, 0));
    ck_assert_uint_le(tsk_dial_deadline(p.dial), tsk_mono_ms());
    tsk_msg_free(await(&p, TSK_EV_WIRE));
    tsk_dial_stop(p.dial);
    ck_assert(!tsk_dial_up(p.dial));
    for (int i = 0; i < TSK_DIAL_PUTS; i++) {
        struct tsk_msg *r = await(&p, TSK_EV_PUT_DONE);
        ck_assert_uint_eq(r->n, 0);
        ck_assert(!seen[r->num]);
        seen[r->num] = true;
        tsk_msg_free(r);
    }
    up(&p);
    ck_assert(tsk_dial_free_for(p.dial, TSK_EV_PUT_DONE));
    pair_close(&p);
}
END_TEST

/* ---- the closer ---- */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_gate(void *arg)
{
    pthread_mutex_lock(&gate);
    (*(int *)arg)++;
    pthread_mutex_unlock(&gate);
}

/* While something is being closed without end, the writer thread goes on: it stops, dials anew, asks and is answered;
 * and from its deadline on everybody can see that it is stuck. */
START_TEST(closer_waits_alone)
{
    struct pair p;
    int through = 0;
    pair_open(&p, 4);
    up(&p);
    ck_ok(tsk_dial_call(p.dial, TSK_EV_PUT_DONE, 1, parts, 2, 5000));
    tsk_msg_free(await(&p, TSK_EV_WIRE));
    uint64_t before = tsk_mono_ms();
    while (tsk_closer_deadline() != UINT64_MAX) /* a probe may still be due */
        ck_assert(!tsk_post_stuck() && tsk_mono_ms() < before + NET_LIMIT_MS);
    pthread_mutex_lock(&gate);
    before = tsk_mono_ms();
    tsk_closer_take(wait_at_gate, &through);
    while (tsk_closer_deadline() == UINT64_MAX)
        ck_assert(tsk_mono_ms() < before + NET_LIMIT_MS);
    ck_assert_uint_ge(tsk_closer_deadline(), before + TSK_CLOSER_LIMIT_MS);
    ck_assert_uint_le(tsk_closer_deadline(), tsk_mono_ms() + TSK_CLOSER_LIMIT_MS);
    tsk_dial_stop(p.dial);
    ck_assert(!tsk_closer_done(20));
    up(&p);
    ck_ok(tsk_dial_call(p.dial, TSK_EV_MAIL, 2, parts, 2, 5000));
    struct tsk_msg *q = await(&p, TSK_EV_WIRE);
    tsk_wire_reply(&net.nodes[0]->ctx, q->handle, TSK_SLICE(hello));
    tsk_msg_free(q);
    tsk_msg_free(await(&p, TSK_EV_MAIL));
    ck_assert_int_eq(through, 0);
    pthread_mutex_unlock(&gate);
    struct tsk_msg *r = await(&p, TSK_EV_PUT_DONE); /* the call of the socket that was let go */
    ck_assert(r->num == 1 && r->n == 0);
    tsk_msg_free(r);
    ck_assert(tsk_closer_done(5000));
    ck_assert_int_eq(through, 1);
    pair_close(&p);
}
END_TEST

/* Eight of the largest are held; who comes then hears 13 at once, until one of them was answered. */
START_TEST(server_holds_so_much)
{
    static const uint8_t full[61] = {1}; /* 64 bytes as it is sent, 4 more for its number */
    const struct tsk_slice part = TSK_SLICE(full);
    struct tsk_msg *held[TSK_DIAL_PUTS], *m;
    struct tsk_reply r;
    struct pair p;
    pair_open_max(&p, 16, 68);
    up(&p);
    for (uint64_t i = 0; i < TSK_DIAL_PUTS; i++)
        ck_ok(tsk_dial_call(p.dial, TSK_EV_PUT_DONE, i, &part, 1, 60000));
    for (uint64_t i = 0; i < TSK_DIAL_PUTS; i++)
        held[i] = await(&p, TSK_EV_WIRE);
    for (uint64_t i = 0; i < 3; i++) {
        ck_ok(tsk_dial_call(p.dial, TSK_EV_MAIL, 1, &part, 1, 60000));
        m = await(&p, TSK_EV_MAIL);
        ck_ok(tsk_rec_decode(TSK_REC_REPLY, (struct tsk_slice){m->p, m->n}, &r));
        ck_assert_uint_eq(r.code, 13);
        tsk_msg_free(m);
    }
    for (uint64_t i = 0; i < TSK_DIAL_PUTS; i++) {
        tsk_wire_reply(&net.nodes[0]->ctx, held[i]->handle, TSK_SLICE(hello));
        tsk_msg_free(held[i]);
    }
    ck_ok(tsk_dial_call(p.dial, TSK_EV_MAIL, 2, &part, 1, 60000));
    tsk_msg_free(await(&p, TSK_EV_WIRE));
    pair_close(&p);
}
END_TEST

/* A connection like NNG's, with the first eight bytes of both sides exchanged; -1: it was closed. */
static int raw_connect(const struct pair *p)
{
    static const uint8_t req[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    uint8_t rep[8], byte;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", p->url + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct timeval limit = {.tv_usec = 300000};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    ck_assert_int_eq(send(fd, req, sizeof req, MSG_NOSIGNAL), sizeof req);
    ck_assert_int_eq(recv(fd, rep, sizeof rep, MSG_WAITALL), sizeof rep);
    if (recv(fd, &byte, 1, 0) < 0)
        return fd;
    close(fd);
    return -1;
}

/* Who comes beyond the limit is refused, whoever is there is served on, and who goes makes room. */
START_TEST(server_has_so_many_callers)
{
    struct pair p;
    pair_open(&p, 4);
    tsk_server_limit(p.server, 1, 3);
    up(&p);
    int one = raw_connect(&p), two = raw_connect(&p);
    ck_assert(one >= 0 && two >= 0);
    ck_assert_int_eq(raw_connect(&p), -1);
    ck_ok(tsk_dial_call(p.dial, TSK_EV_MAIL, 1, parts, 1, 5000));
    tsk_msg_free(await(&p, TSK_EV_WIRE));
    close(one);
    int three = -1;
    for (uint64_t until = tsk_mono_ms() + NET_LIMIT_MS; three < 0 && tsk_mono_ms() < until;)
        three = raw_connect(&p);
    ck_assert_int_ge(three, 0);
    close(two);
    close(three);
    pair_close(&p);
}
END_TEST

START_TEST(server_moves_its_ear)
{
    struct pair p;
    char other[320];
    pair_open(&p, 2);
    up(&p);
    ck_ok(tsk_dial_call(p.dial, TSK_EV_MAIL, 1, parts, 1, 5000));
    struct tsk_msg *q = await(&p, TSK_EV_WIRE);
    snprintf(other, sizeof other, "%s2", p.url);
    ck_ok(tsk_server_listen(p.server, other, NULL, 0600));
    tsk_wire_reply(&net.nodes[0]->ctx, q->handle, TSK_SLICE(hello)); /* its connection is gone; no harm */
    tsk_msg_free(q);
    char longest[200];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "ipc:///", 7);
    longest[199] = 0;
    ck_err(tsk_server_listen(p.server, longest, NULL, 0600), TSK_E_USAGE);
    ck_err(tsk_server_listen(p.server, "ipc:///nowhere/at/all", NULL, 0600), TSK_E_NETWORK);
    ck_err(tsk_server_listen(p.server, "gopher://x", NULL, 0600), TSK_E_NETWORK);
    ck_err(tsk_server_listen(p.server, "tls+tcp://127.0.0.1:0", NULL, 0600), TSK_E_NETWORK);
    pair_close(&p);
}
END_TEST

static TCase *control(void)
{
    TCase *t = tcase_create("control");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, control_answers);
    tcase_add_test(t, control_many_at_once);
    tcase_add_test(t, control_waits_for_the_node);
    tcase_add_test(t, control_without_a_node);
    tcase_add_test(t, control_node_dies);
    return t;
}

static TCase *dials(void)
{
    TCase *t = tcase_create("dials");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, dial_asks);
    tcase_add_test(t, dial_pools);
    tcase_add_test(t, dial_stop_fails_all);
    tcase_add_test(t, closer_waits_alone);
    tcase_add_test(t, server_holds_so_much);
    tcase_add_test(t, server_has_so_many_callers);
    tcase_add_test(t, server_moves_its_ear);
    return t;
}

TSK_TEST_MAIN_NOFORK("wire", control, dials)
