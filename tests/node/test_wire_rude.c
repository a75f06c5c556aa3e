/* test_wire_rude.c - a connection that asks without end, or takes no answers: the others are heard all the same. */
#include "tests/node/wires.h"

#include <endian.h>
#include <poll.h>
#include <sys/un.h>

static int rude_connect(const char *path)
{
    static const char greeting[8] = "\0SP\0\0\x30\0";
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char theirs[8];
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(write(fd, greeting, 8), 8);
    ck_assert_int_eq(recv(fd, theirs, 8, MSG_WAITALL), 8);
    return fd;
}

static void rude_ask(int fd, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t frame[14] = {1, [8] = 5};
        uint32_t no = htobe32(0x80000000u | i);
        memcpy(frame + 9, &no, sizeof no);
        (void)!send(fd, frame, sizeof frame, MSG_NOSIGNAL);
    }
}

/* It was closed at the other end, which may be while something still lies to be read. */
static bool hung_up(int fd, int wait_ms)
{
    struct pollfd f = {.fd = fd, .events = POLLRDHUP};
    return poll(&f, 1, wait_ms) == 1;
}

static bool has_room(bool room)
{
    uint64_t until = tsk_mono_ms() + 5000;
    while (tsk_server_room(net.nodes[0]->ctx.post->peers_server) != room)
        if (tsk_mono_ms() > until)
            return false;
    return true;
}

START_TEST(server_bounds_a_connection)
{
    struct pair p;
    pair_open(&p, 48);
    int fd = rude_connect(p.url + 6);
    rude_ask(fd, 32);
    for (int i = 0; i < 32; i++)
        tsk_msg_free(await(&p, TSK_EV_WIRE));
    ck_assert(!hung_up(fd, 100));
    rude_ask(fd, 200);
    ck_assert(hung_up(fd, 5000));
    close(fd);
    up(&p); /* the 32 are still in work, and there is room beside them */
    ck_assert(tsk_server_room(p.server));
    ck_ok(tsk_dial_call(p.dial, TSK_EV_MAIL, 1, parts, 1, 5000));
    struct tsk_msg *q = await(&p, TSK_EV_WIRE);
    tsk_wire_reply(&net.nodes[0]->ctx, q->handle, TSK_SLICE(hello));
    tsk_msg_free(q);
    tsk_msg_free(await(&p, TSK_EV_MAIL));
    pair_close(&p);
}
END_TEST

/* While nobody else could come in, an own office does not count as drained. */
START_TEST(server_without_room)
{
    struct pair p;
    struct tsk_msg *held[4];
    char who[TSK_PARTNER_ID_CAP] = "";
    struct tsk_batch b;
    pair_open(&p, 4);
    ck_assert(has_room(true));
    int fd = rude_connect(p.url + 6);
    rude_ask(fd, 4);
    for (int i = 0; i < 4; i++)
        held[i] = await(&p, TSK_EV_WIRE);
    ck_assert(has_room(false));
    ck_ok(tsk_batch_begin(&net.nodes[0]->ctx, &b));
    ck_err(tsk_inbox_drained(&net.nodes[0]->ctx, &b, NULL, 0, who), TSK_E_RETRY);
    ck_assert_str_eq(who, "01100-AA");
    for (int i = 0; i < 4; i++) {
        tsk_wire_reply(&net.nodes[0]->ctx, held[i]->handle, TSK_SLICE(hello));
        tsk_msg_free(held[i]);
    }
    ck_assert(has_room(true));
    ck_ok(tsk_inbox_drained(&net.nodes[0]->ctx, &b, NULL, 0, who));
    tsk_batch_abort(&net.nodes[0]->ctx, &b, TSK_E_RETRY);
    close(fd);
    pair_close(&p);
}
END_TEST

static void answers_big(struct net_node *node, struct tsk_msg *m)
{
    static const uint8_t big[4000000];
    node->receipts++;
    tsk_wire_reply(&node->ctx, m->handle, TSK_SLICE(big));
}

static bool asked_three(struct net *n, void *arg)
{
    (void)arg;
    return n->nodes[0]->receipts == 3;
}

START_TEST(answers_not_taken_end_it)
{
    char path[300];
    struct caller c;
    net_make(&net, alone, 1, false);
    struct net_node *a = net_start(&net, 0);
    a->control = answers_big;
    snprintf(path, sizeof path, "%s/control.sock", a->dir);
    int fd = rude_connect(path);
    rude_ask(fd, 3);
    net_run(&net, asked_three, NULL);
    ck_assert(!hung_up(fd, 2000));
    ck_assert(hung_up(fd, 15000));
    a->control = echo;
    call_start(&c, a->dir, 9, 10);
    net_run(&net, call_over, &c);
    pthread_join(c.thread, NULL);
    ck_assert(c.same);
    close(fd);
    net_end(&net);
}
END_TEST

static TCase *rude(void)
{
    TCase *t = tcase_create("rude");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, server_bounds_a_connection);
    tcase_add_test(t, server_without_room);
    tcase_add_test(t, answers_not_taken_end_it);
    return t;
}

TSK_TEST_MAIN_NOFORK("rude", rude)
