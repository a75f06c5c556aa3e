/* wire.c - the answering side of NNG: a rep socket and a pool of contexts.
 *
 * A slot is in one place at a time: with NNG (receiving or sending, its callback comes) or with the writer thread (held,
 * tsk_wire_reply comes). The queue's lock hands it over, so its fields need none of their own. A slot lives as long as its
 * server, and a server as long as the post: a request can therefore outlive its connection and its listener.
 *
 * A handle is not the slot but the number of one request in it. Answering twice (a batch that failed and was run again)
 * must never answer somebody else's request that has come into the slot meanwhile. */
#include "node/post/wire.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/transport/ipc/ipc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "node/post/callers.h"
#include "node/post/inside.h"
#include "node/post/plain.h"
#include "node/post/strangers.h"
#include "node/post/wire_tls.h"

#define SLOTS_MAX (1u << 14)
#define PEER_PIPE_MAX 32    /* requests of one connection in work: a quarter of the pool; our own dials have ten at most */
#define CONTROL_PIPE_MAX 8
#define CONTROL_REPLY_MS 10000
#define HELD_MAX 8 /* requests of the largest size: what may wait for the writer thread at a time, in bytes */

enum slot_state { SLOT_RECEIVING, SLOT_HELD, SLOT_SENDING };

struct slot {
    struct tsk_server *server;
    size_t index;
    nng_ctx ctx;
    nng_aio *aio;
    enum slot_state state;
    atomic_uint pipe;   /* whose request is in work here; 0: it waits for one */
    size_t bytes;       /* of the request it holds */
    uintptr_t taken;    /* requests so far */
    uintptr_t answered; /* the last of them that was answered; the writer thread's alone */
};

struct tsk_server {
    struct tsk_queue *queue;
    enum tsk_event_kind kind;
    nng_socket socket;
    nng_listener listener;
    bool listens;
    struct slot *slots[SLOTS_MAX]; /* never moved: NNG's threads look through them */
    atomic_size_t slots_n;
    size_t pipe_max;
    nng_duration reply_ms; /* an answer that is not taken for so long ends its connection */
    atomic_uint closing;   /* the connection that was closed last */
    size_t held_max;
    atomic_size_t held; /* bytes of all requests that are not answered yet */
    struct tsk_callers callers;
    struct tsk_strangers strangers;
    size_t strangers_max;
    int port;           /* 0: it listens on no network */
};

struct tsk_msg *tsk_wire_msg(enum tsk_event_kind kind, const void *p, size_t n)
{
    struct tsk_msg *m = calloc(1, sizeof *m);
    uint8_t *copy = n > 0 ? malloc(n) : NULL;
    if (m == NULL || (n > 0 && copy == NULL)) {
        free(copy);
        free(m);
        return NULL;
    }
    if (n > 0)
        memcpy(copy, p, n);
    m->kind = kind;
    m->p = copy;
    m->n = n;
    return m;
}

static void slot_receive(struct slot *s)
{
    s->state = SLOT_RECEIVING;
    atomic_store(&s->pipe, 0);
    nng_aio_set_timeout(s->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(s->ctx, s->aio);
}

/* Bit 0 is set (never NULL), bit 1 tells the server, 14 bits the slot, the rest counts. */
static void *handle_of(struct slot *s)
{
    uintptr_t peers = s->server->kind == TSK_EV_WIRE;
    s->taken++;
    return (void *)(s->taken << 16 | (uintptr_t)s->index << 2 | peers << 1 | 1);
}

/* The slot of a handle that has not been answered, NULL otherwise. */
static struct slot *slot_of(const struct tsk_post *p, void *handle)
{
    uintptr_t v = (uintptr_t)handle, count = v >> 16;
    struct tsk_server *server = (v & 2) != 0 ? p->peers_server : p->control;
    size_t index = (v >> 2) & (SLOTS_MAX - 1);
    if ((v & 1) == 0 || server == NULL || index >= server->slots_n)
        return NULL;
    if ((intptr_t)((count - server->slots[index]->answered) << 16) <= 0) /* the count may have wrapped */
        return NULL;
    server->slots[index]->answered = count;
    return server->slots[index];
}

/* Peers send and get what is sealed; on the control socket it is words of staff and opened content. */
static bool is_plain(const struct slot *s)
{
    return s->server->kind == TSK_EV_CONTROL;
}

static void message_free(const struct slot *s, nng_msg *m)
{
    if (is_plain(s))
        tsk_plain_free(m);
    else
        nng_msg_free(m);
}

static nng_msg *message_new(const struct slot *s, struct tsk_slice bytes)
{
    nng_msg *m = NULL;
    if (is_plain(s))
        return tsk_plain_new(bytes);
    if (nng_msg_alloc(&m, 0) == 0 && nng_msg_append(m, bytes.p, bytes.n) == 0)
        return m;
    nng_msg_free(m);
    return NULL;
}

static void slot_send(struct slot *s, struct tsk_slice bytes)
{
    nng_msg *out = message_new(s, bytes);
    if (out == NULL) {
        slot_receive(s);
        return;
    }
    s->state = SLOT_SENDING;
    nng_aio_set_timeout(s->aio, s->server->reply_ms);
    nng_aio_set_msg(s->aio, out);
    nng_ctx_send(s->ctx, s->aio);
}

static void slot_forget(struct slot *s)
{
    atomic_fetch_sub(&s->server->held, s->bytes);
    s->bytes = 0;
}

/* ---- one connection must not take all slots ---- */
static void pipe_close(void *arg)
{
    nng_pipe_close((nng_pipe){.id = (uint32_t)(uintptr_t)arg});
}

/* By the closer, because an NNG callback must not wait; once, however many of its requests still come in. */
static void pipe_end(struct tsk_server *server, unsigned pipe, const char *why)
{
    if (atomic_exchange(&server->closing, pipe) == pipe)
        return;
    static struct tsk_gate gate;
    unsigned unsaid;
    if (tsk_log_due(&gate, &unsaid))
        tsk_log(TSK_LOG_WARN, "connection_ended", "why=%s unsaid=%u", why, unsaid);
    tsk_closer_take(pipe_close, (void *)(uintptr_t)pipe);
}

static size_t pipe_count(const struct tsk_server *server, unsigned pipe)
{
    size_t n = 0, all = atomic_load(&server->slots_n);
    for (size_t i = 0; i < all; i++)
        n += atomic_load_explicit(&server->slots[i]->pipe, memory_order_relaxed) == pipe;
    return n;
}

bool tsk_server_room(const struct tsk_server *s)
{
    return atomic_load(&s->slots_n) == 0 || pipe_count(s, 0) > 0;
}

/* A peer that goes on asking and takes no answers, or sends without end. */
static bool slot_crowded(struct slot *s)
{
    nng_msg *in = nng_aio_get_msg(s->aio);
    unsigned pipe = (unsigned)nng_pipe_id(nng_msg_get_pipe(in));
    atomic_store(&s->pipe, pipe);
    if (pipe_count(s->server, pipe) <= s->server->pipe_max)
        return false;
    pipe_end(s->server, pipe, "requests");
    message_free(s, in);
    slot_receive(s);
    return true;
}

/* Nobody's signature was looked at yet, so what may wait is bounded; beyond it the peer is told to come again. */
static bool slot_refuse(struct slot *s)
{
    struct tsk_reply r = {.code = tsk_err_wire(TSK_E_RETRY)};
    uint8_t buf[64];
    struct tsk_slice bytes = {0};
    nng_msg *in = nng_aio_get_msg(s->aio);
    s->bytes = nng_msg_len(in);
    if (atomic_fetch_add(&s->server->held, s->bytes) + s->bytes <= s->server->held_max)
        return false;
    slot_forget(s);
    message_free(s, in);
    if (tsk_rec_encode(TSK_REC_REPLY, &r, buf, sizeof buf, &bytes) == TSK_OK)
        slot_send(s, bytes);
    else
        slot_receive(s);
    return true;
}

/* Hands the request over. False: out of memory, the request is dropped as if the network had lost it. */
static bool slot_push(struct slot *s)
{
    nng_msg *in = nng_aio_get_msg(s->aio);
    struct tsk_msg *m = tsk_wire_msg(s->server->kind, nng_msg_body(in), nng_msg_len(in));
    if (m != NULL) {
        m->handle = handle_of(s);
        m->num2 = UINT64_MAX;
        if (s->server->kind == TSK_EV_CONTROL)
            nng_pipe_get_uint64(nng_msg_get_pipe(in), NNG_OPT_IPC_PEER_UID, &m->num2);
        s->state = SLOT_HELD;
        tsk_queue_push(s->server->queue, m);
    } else {
        slot_forget(s);
    }
    message_free(s, in);
    return m != NULL;
}

static uint32_t pipe_of(nng_msg *in)
{
    return (uint32_t)nng_pipe_id(nng_msg_get_pipe(in));
}

static void slot_done(void *arg)
{
    struct slot *s = arg;
    int rc = nng_aio_result(s->aio);
    if (s->state == SLOT_SENDING && rc != 0)
        message_free(s, nng_aio_get_msg(s->aio)); /* a message that was not sent is still ours */
    if (s->state == SLOT_RECEIVING && rc == 0)
        tsk_callers_heard(&s->server->callers, pipe_of(nng_aio_get_msg(s->aio)), tsk_mono_ms());
    if (rc == NNG_ECLOSED || rc == NNG_ECANCELED)
        return;
    if (s->state == SLOT_SENDING && rc == NNG_ETIMEDOUT)
        pipe_end(s->server, atomic_load(&s->pipe), "answers");
    if (s->state == SLOT_RECEIVING && rc == 0 && (slot_crowded(s) || slot_refuse(s) || slot_push(s)))
        return;
    slot_receive(s);
}

void tsk_wire_reply(struct tsk_ctx *ctx, void *handle, struct tsk_slice bytes)
{
    struct slot *s = ctx->post != NULL ? slot_of(ctx->post, handle) : NULL;
    if (s == NULL)
        return;
    slot_forget(s);
    slot_send(s, bytes);
}

/* ---- connections ---- */
static struct tsk_address address_of(nng_pipe p)
{
    struct tsk_address a = {{0}, 0};
    nng_sockaddr sa;
    if (nng_pipe_get_addr(p, NNG_OPT_REMADDR, &sa) != 0)
        return a;
    if (sa.s_family == NNG_AF_INET) {
        a = (struct tsk_address){{[10] = 0xff, [11] = 0xff}, ntohs(sa.s_in.sa_port)};
        memcpy(a.ip + 12, &sa.s_in.sa_addr, 4);
    } else if (sa.s_family == NNG_AF_INET6) {
        a.port = ntohs(sa.s_in6.sa_port);
        memcpy(a.ip, sa.s_in6.sa_addr, sizeof a.ip);
    }
    return a;
}

static void note_full(uint32_t id, uint32_t goes)
{
    static struct tsk_gate gate;
    unsigned unsaid;
    if (tsk_log_due(&gate, &unsaid))
        tsk_log(TSK_LOG_WARN, "connections_full", "refused=%d unsaid=%u", id == goes, unsaid);
}

/* Closed here it never becomes part of the socket; another is left to the closer. */
static void pipe_came(nng_pipe p, nng_pipe_ev ev, void *arg)
{
    struct tsk_server *s = arg;
    struct tsk_address from = address_of(p);
    uint32_t id = (uint32_t)nng_pipe_id(p), goes = tsk_callers_come(&s->callers, id, &from, tsk_mono_ms());
    (void)ev;
    if (goes == 0)
        return;
    note_full(id, goes);
    if (goes == id)
        nng_pipe_close(p);
    else
        tsk_closer_take(pipe_close, (void *)(uintptr_t)goes);
}

static void pipe_gone(nng_pipe p, nng_pipe_ev ev, void *arg)
{
    struct tsk_server *s = arg;
    (void)ev;
    tsk_callers_gone(&s->callers, (uint32_t)nng_pipe_id(p));
    tsk_closer_probe();
}

void tsk_server_limit(struct tsk_server *s, size_t each, size_t all)
{
    tsk_callers_limit(&s->callers, each, all);
    s->strangers_max = all / 2;
}

void tsk_server_tidy(struct tsk_server *s)
{
    static struct tsk_gate gate;
    unsigned unsaid;
    uint64_t now = tsk_mono_ms();
    for (uint32_t id; (id = tsk_callers_silent(&s->callers, now)) != 0;)
        tsk_closer_take(pipe_close, (void *)(uintptr_t)id);
    size_t ended = s->port != 0 ? tsk_strangers_end(&s->strangers, (uint16_t)s->port, &s->callers, s->strangers_max, now) : 0;
    if (ended > 0 && tsk_log_due(&gate, &unsaid))
        tsk_log(TSK_LOG_WARN, "strangers_ended", "n=%zu unsaid=%u", ended, unsaid);
}

uint64_t tsk_server_due(const struct tsk_server *s)
{
    return s->port != 0 ? s->strangers.due_ms : UINT64_MAX;
}

/* ---- life ---- */
static int server_open(struct tsk_server *s, size_t recv_max)
{
    int rc = nng_socket_set_size(s->socket, NNG_OPT_RECVMAXSZ, recv_max);
    if (rc == 0)
        rc = nng_pipe_notify(s->socket, NNG_PIPE_EV_ADD_PRE, pipe_came, s);
    if (rc == 0)
        rc = nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, pipe_gone, s);
    if (rc == 0 && tsk_strangers_init(&s->strangers) != TSK_OK)
        rc = NNG_ENOFILES;
    return rc;
}

enum tsk_err tsk_server_new(struct tsk_queue *queue, enum tsk_event_kind kind, size_t recv_max,
                            struct tsk_server **ret_s)
{
    struct tsk_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return TSK_E_NOMEM;
    s->queue = queue;
    s->kind = kind;
    s->pipe_max = kind == TSK_EV_WIRE ? PEER_PIPE_MAX : CONTROL_PIPE_MAX;
    s->reply_ms = kind == TSK_EV_WIRE ? TSK_CALL_LIMIT_MS : CONTROL_REPLY_MS; /* a peer gives up after as long */
    s->held_max = kind == TSK_EV_WIRE ? HELD_MAX * recv_max : SIZE_MAX;
    tsk_callers_init(&s->callers);
    int rc = nng_rep0_open(&s->socket);
    if (rc != 0) {
        tsk_callers_wipe(&s->callers);
        free(s);
        tsk_log(TSK_LOG_ERROR, "socket_failed", "nng=%d", rc);
        return TSK_E_NETWORK;
    }
    if (server_open(s, recv_max) != 0) {
        tsk_server_free(s);
        return TSK_E_NETWORK;
    }
    *ret_s = s;
    return TSK_OK;
}

static struct slot *slot_new(struct tsk_server *server)
{
    struct slot *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->server = server;
    s->index = server->slots_n;
    if (nng_aio_alloc(&s->aio, slot_done, s) != 0) {
        free(s);
        return NULL;
    }
    if (nng_ctx_open(&s->ctx, server->socket) != 0) {
        nng_aio_free(s->aio);
        free(s);
        return NULL;
    }
    return s;
}

enum tsk_err tsk_server_grow(struct tsk_server *s, size_t pool)
{
    pool = pool < SLOTS_MAX ? pool : SLOTS_MAX;
    if (pool <= s->slots_n)
        return TSK_OK;
    for (size_t n = s->slots_n; n < pool; n++) {
        struct slot *one = slot_new(s);
        if (one == NULL)
            return TSK_E_NOMEM;
        s->slots[n] = one;
        s->slots_n = n + 1; /* not before it is there */
        slot_receive(one);
    }
    return TSK_OK;
}

static void listener_close(void *arg)
{
    const struct tsk_server *s = arg;
    nng_listener_close(s->listener);
}

/* Waits, because the same address may be wanted again at once; where NNG is stuck it is not to be had. */
void tsk_server_mute(struct tsk_server *s)
{
    if (!s->listens)
        return;
    s->listens = false;
    tsk_closer_take(listener_close, s);
    if (!tsk_closer_done(TSK_CLOSER_LIMIT_MS))
        tsk_log(TSK_LOG_ERROR, "transport_stuck", "while=muting");
}

static int listener_prepare(nng_listener l, bool ipc, const struct tsk_wire_tls *tls, int mode)
{
    return ipc ? nng_listener_set_int(l, NNG_OPT_IPC_PERMISSIONS, mode) : tsk_tls_listener(l, tls);
}

enum tsk_err tsk_server_listen(struct tsk_server *s, const char *url, const struct tsk_wire_tls *tls, int mode)
{
    bool ipc = strncmp(url, "ipc://", 6) == 0;
    if (ipc && strlen(url) - 6 > TSK_IPC_PATH_MAX) {
        tsk_log(TSK_LOG_ERROR, "path_too_long", "bytes=%zu max=%d", strlen(url) - 6, TSK_IPC_PATH_MAX);
        return TSK_E_USAGE;
    }
    tsk_server_mute(s);
    nng_listener l = NNG_LISTENER_INITIALIZER;
    int rc = nng_listener_create(&l, s->socket, url);
    if (rc != 0) {
        tsk_log(TSK_LOG_ERROR, "listen_failed", "nng=%d why=\"%s\"", rc, nng_strerror(rc));
        return TSK_E_NETWORK;
    }
    rc = listener_prepare(l, ipc, tls, mode);
    if (rc == 0)
        rc = nng_listener_start(l, 0);
    if (rc != 0) {
        nng_listener_close(l);
        tsk_log(TSK_LOG_ERROR, "listen_failed", "nng=%d why=\"%s\"", rc, nng_strerror(rc));
        return TSK_E_NETWORK;
    }
    s->listener = l;
    s->listens = true;
    s->port = 0;
    (void)nng_listener_get_int(l, NNG_OPT_TCP_BOUND_PORT, &s->port); /* a local socket has none */
    return TSK_OK;
}

static void server_close(void *arg)
{
    struct tsk_server *s = arg;
    nng_close(s->socket); /* every aio ends with NNG_ECLOSED */
    for (size_t i = 0; i < s->slots_n; i++) {
        nng_aio_stop(s->slots[i]->aio);
        nng_aio_free(s->slots[i]->aio);
        free(s->slots[i]);
    }
    tsk_strangers_wipe(&s->strangers);
    tsk_callers_wipe(&s->callers);
    free(s);
}

void tsk_server_free(struct tsk_server *s)
{
    if (s != NULL)
        tsk_closer_take(server_close, s);
}
