/* wires.h - callers of the control socket, and one server with one dial, for the tests of wire.c. */
#ifndef TSK_TESTS_NODE_WIRES_H
#define TSK_TESTS_NODE_WIRES_H

#include "tests/node/net.h"

#include <pthread.h>

#include "node/post/inside.h"

static struct net net;
static const struct net_spec alone[] = {{"01100-AA", NULL, {NULL}}};

static inline void echo(struct net_node *node, struct tsk_msg *m)
{
    node->receipts++;
    node->admitted = m->num2;
    tsk_wire_reply(&node->ctx, m->handle, (struct tsk_slice){m->p, m->n});
    tsk_wire_reply(&node->ctx, m->handle, (struct tsk_slice){m->p, m->n}); /* used up: must do nothing */
}

struct caller {
    pthread_t thread;
    char dir[256];
    size_t n;
    unsigned wait_s;
    enum tsk_err err;
    bool same;
    _Atomic bool done;
};

static inline void *call(void *arg)
{
    struct caller *c = arg;
    uint8_t *p = malloc(c->n + 1), *answer = NULL;
    size_t answer_n = 0;
    for (size_t i = 0; i < c->n; i++)
        p[i] = (uint8_t)(i * 7 + c->n);
    c->err = tsk_control_call(c->dir, (struct tsk_slice){p, c->n}, c->wait_s, &answer, &answer_n);
    c->same = c->err == TSK_OK && answer_n == c->n && memcmp(answer, p, c->n) == 0 && answer[answer_n] == 0;
    free(answer);
    free(p);
    c->done = true;
    return NULL;
}

static inline void call_start(struct caller *c, const char *dir, size_t n, unsigned wait_s)
{
    *c = (struct caller){.n = n, .wait_s = wait_s};
    snprintf(c->dir, sizeof c->dir, "%s", dir);
    ck_assert_int_eq(pthread_create(&c->thread, NULL, call, c), 0);
}

static inline bool call_over(struct net *n, void *arg)
{
    (void)n;
    return ((struct caller *)arg)->done;
}

/* ---- servers and dials by themselves ---- */
struct pair {
    struct tsk_queue *queue;
    struct tsk_server *server;
    struct tsk_dial *dial;
    struct tsk_kid kid;
    char url[300];
    uint64_t limit;
};

static inline void pair_open_max(struct pair *p, size_t pool, size_t recv_max)
{
    memset(p, 0, sizeof *p);
    net_make(&net, alone, 1, false);
    struct net_node *a = net_start(&net, 0);
    p->queue = a->ctx.queue;
    snprintf(p->url, sizeof p->url, "ipc://%s/w.sock", net.dir);
    memset(p->kid.b, 9, sizeof p->kid.b);
    tsk_server_free(a->ctx.post->peers_server); /* ours in its place, so that tsk_wire_reply finds it */
    ck_ok(tsk_server_new(p->queue, TSK_EV_WIRE, recv_max, &p->server));
    a->ctx.post->peers_server = p->server;
    ck_ok(tsk_server_grow(p->server, pool));
    ck_ok(tsk_server_listen(p->server, p->url, NULL, 0600));
    ck_ok(tsk_dial_new(p->queue, &p->kid, p->url, NULL, 1000, &p->dial));
}

static inline void pair_open(struct pair *p, size_t pool)
{
    pair_open_max(p, pool, TSK_WIRE_MAX);
}

static inline void pair_close(struct pair *p)
{
    tsk_dial_free(p->dial);
    net_end(&net);
}

/* The next message of the kind; others are dropped. */
static inline struct tsk_msg *await(struct pair *p, enum tsk_event_kind kind)
{
    uint64_t until = tsk_mono_ms() + NET_LIMIT_MS;
    static struct tsk_msg *rest;
    while (tsk_mono_ms() < until) {
        size_t n;
        if (rest == NULL)
            rest = tsk_queue_take(p->queue, 10, &n);
        while (rest != NULL) {
            struct tsk_msg *m = rest;
            rest = m->next;
            if (m->kind == kind)
                return m;
            tsk_msg_free(m);
        }
    }
    ck_abort_msg("no message of kind %d", kind);
    return NULL;
}

static inline void up(struct pair *p)
{
    ck_ok(tsk_dial_start(p->dial));
    struct tsk_msg *m = await(p, TSK_EV_LINK);
    for (; m->num == 0; m = await(p, TSK_EV_LINK))
        tsk_msg_free(m); /* of the connection before */
    ck_assert_mem_eq(m->peer.b, p->kid.b, 32);
    tsk_msg_free(m);
    ck_assert(tsk_dial_up(p->dial));
}

static const uint8_t hello[] = "hello";
static const struct tsk_slice parts[] = {{hello, 5}, {hello, 2}};

#endif
