/* dial.c - the asking side of NNG: one req socket a post office, a few long-lived contexts.
 *
 * NNG 1.5.2 crashes when single req operations are cancelled or timed out, so nothing here is: whoever waits too long
 * closes the whole socket (tsk_dial_stop), and every call in flight ends with the one message it owes. RESENDTIME is
 * infinite: asking again is the outbox's business, which knows what has been answered meanwhile.
 *
 * A socket and its calls are a session. It holds what its callbacks need, so that it can be let go and closed by the
 * closer's thread while the next one is dialed. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/core/log.h"
#include "node/post/wire_tls.h"

#define CALLS (TSK_DIAL_PUTS + 2)
#define RECONNECT_MIN_MS 100
#define STOP_GRACE_MS 50
#define DIAL_LIMIT_MS 60000 /* without a connection: dialed anew */

struct call {
    struct session *session;
    nng_ctx ctx;
    nng_aio *aio;
    struct tsk_msg *answer; /* made before the call starts, so that it never fails to be told */
    bool receiving;
    uint64_t deadline_ms;
    _Atomic bool busy; /* set by the writer thread, cleared by the callback as its last act but the push */
};

struct session {
    struct tsk_queue *queue;
    struct tsk_kid peer;
    nng_socket socket;
    struct call calls[CALLS];
    _Atomic int pipe;         /* id of the connection, 0 = none */
    _Atomic uint64_t down_ms; /* since when there has been none */
    _Atomic bool let_go;      /* nobody wants to hear of its connection any more */
};

struct tsk_dial {
    struct tsk_queue *queue;
    struct tsk_kid peer;
    char url[TSK_URL_MAX + 1];
    nng_tls_config *tls; /* NULL: ipc */
    uint64_t reconnect_max_ms;
    struct session *session; /* NULL: stopped */
};

/* Which calls of the pool serve a kind: puts must never starve the fetch or the confirm. */
static void pool_of(enum tsk_event_kind kind, size_t *ret_first, size_t *ret_n)
{
    *ret_first = kind == TSK_EV_PUT_DONE ? 0 : kind == TSK_EV_MAIL ? TSK_DIAL_PUTS : TSK_DIAL_PUTS + 1;
    *ret_n = kind == TSK_EV_PUT_DONE ? TSK_DIAL_PUTS : 1;
}

static void call_end(struct call *c, nng_msg *in)
{
    struct tsk_msg *m = c->answer;
    size_t n = in != NULL ? nng_msg_len(in) : 0;
    uint8_t *p = n > 0 ? malloc(n) : NULL;
    if (p != NULL) {
        memcpy(p, nng_msg_body(in), n);
        m->p = p;
        m->n = n;
    }
    nng_msg_free(in);
    c->answer = NULL;
    struct tsk_queue *queue = c->session->queue;
    atomic_store(&c->busy, false);
    tsk_queue_push(queue, m);
}

static void call_step(void *arg)
{
    struct call *c = arg;
    int rc = nng_aio_result(c->aio);
    if (rc == 0 && !c->receiving) {
        c->receiving = true;
        nng_ctx_recv(c->ctx, c->aio);
        return;
    }
    if (rc != 0)
        tsk_closer_probe(); /* its connection went, and where NNG is stuck nobody else says so */
    if (rc != 0 && !c->receiving)
        nng_msg_free(nng_aio_get_msg(c->aio));
    call_end(c, rc == 0 ? nng_aio_get_msg(c->aio) : NULL);
}

/* A connection can go without ever having come (the other side speaks another protocol): ids, not a count. */
static void pipe_changed(nng_pipe p, nng_pipe_ev ev, void *arg)
{
    struct session *s = arg;
    bool up = ev == NNG_PIPE_EV_ADD_POST;
    if (!up) {
        tsk_closer_probe();
        atomic_store(&s->down_ms, tsk_mono_ms()); /* before it shows as down */
    }
    int id = nng_pipe_id(p);
    if (up)
        atomic_store(&s->pipe, id);
    else if (!atomic_compare_exchange_strong(&s->pipe, &id, 0))
        return;
    struct tsk_msg *m = atomic_load(&s->let_go) ? NULL : tsk_wire_msg(TSK_EV_LINK, NULL, 0);
    if (m == NULL)
        return; /* out of memory: the next timer finds out */
    m->peer = s->peer;
    m->num = up;
    tsk_queue_push(s->queue, m);
}

enum tsk_err tsk_dial_new(struct tsk_queue *queue, const struct tsk_kid *peer, const char *url,
                          const struct tsk_wire_tls *tls, uint64_t reconnect_max_ms, struct tsk_dial **ret_d)
{
    if (strlen(url) > TSK_URL_MAX)
        return TSK_E_USAGE;
    struct tsk_dial *d = calloc(1, sizeof *d);
    if (d == NULL)
        return TSK_E_NOMEM;
    d->queue = queue;
    d->peer = *peer;
    memcpy(d->url, url, strlen(url));
    d->reconnect_max_ms = reconnect_max_ms;
    int rc = tls != NULL ? tsk_tls_client(tls, &d->tls) : 0;
    if (rc != 0) {
        free(d);
        tsk_log(TSK_LOG_ERROR, "tls_failed", "nng=%d", rc);
        return TSK_E_NETWORK;
    }
    *ret_d = d;
    return TSK_OK;
}

static int dialer_start(const struct tsk_dial *d, nng_socket socket)
{
    nng_dialer dialer = NNG_DIALER_INITIALIZER;
    int rc = nng_dialer_create(&dialer, socket, d->url);
    if (rc == 0 && d->tls != NULL)
        rc = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, d->tls);
    if (rc == 0)
        rc = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (rc == 0)
        rc = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, (nng_duration)d->reconnect_max_ms);
    return rc != 0 ? rc : nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
}

static int call_open(struct session *s, struct call *c)
{
    c->session = s;
    int rc = nng_aio_alloc(&c->aio, call_step, c);
    if (rc != 0)
        return rc;
    nng_aio_set_timeout(c->aio, NNG_DURATION_INFINITE);
    return nng_ctx_open(&c->ctx, s->socket);
}

static int session_prepare(struct session *s)
{
    int rc = nng_socket_set_size(s->socket, NNG_OPT_RECVMAXSZ, TSK_WIRE_MAX);
    if (rc == 0)
        rc = nng_socket_set_ms(s->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (rc == 0)
        rc = nng_pipe_notify(s->socket, NNG_PIPE_EV_ADD_POST, pipe_changed, s);
    if (rc == 0)
        rc = nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, pipe_changed, s);
    for (size_t i = 0; i < CALLS && rc == 0; i++)
        rc = call_open(s, &s->calls[i]);
    return rc;
}

static bool any_busy(const struct session *s)
{
    for (size_t i = 0; i < CALLS; i++)
        if (atomic_load(&s->calls[i].busy))
            return true;
    return false;
}

/* Closing while an answer arrives is what makes NNG stick (closer.c). What is about to be answered gets a moment to be;
 * who never answers costs no more. */
static void let_answers_in(const struct session *s)
{
    const struct timespec step = {.tv_nsec = 1000000};
    for (int ms = 0; ms < STOP_GRACE_MS && any_busy(s); ms++)
        nanosleep(&step, NULL);
}

static void session_close(void *arg)
{
    struct session *s = arg;
    let_answers_in(s);
    nng_close(s->socket); /* the aios end with NNG_ECLOSED; then it waits for the connection to be taken away */
    for (size_t i = 0; i < CALLS && s->calls[i].aio != NULL; i++) {
        nng_aio_stop(s->calls[i].aio);
        nng_aio_free(s->calls[i].aio);
    }
    free(s);
}

static int session_open(struct tsk_dial *d)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NNG_ENOMEM;
    s->queue = d->queue;
    s->peer = d->peer;
    atomic_store(&s->down_ms, tsk_mono_ms());
    int rc = nng_req0_open(&s->socket);
    if (rc != 0) {
        free(s);
        return rc;
    }
    d->session = s;
    rc = session_prepare(s);
    return rc != 0 ? rc : dialer_start(d, s->socket);
}

enum tsk_err tsk_dial_start(struct tsk_dial *d)
{
    if (d->session != NULL)
        return TSK_OK;
    int rc = session_open(d);
    if (rc == 0)
        return TSK_OK;
    tsk_dial_stop(d);
    tsk_log(TSK_LOG_ERROR, "dial_failed", "post=%s nng=%d", TSK_SHORT(d->peer), rc);
    return TSK_E_NETWORK;
}

void tsk_dial_stop(struct tsk_dial *d)
{
    if (d->session == NULL)
        return;
    atomic_store(&d->session->let_go, true);
    tsk_closer_take(session_close, d->session);
    d->session = NULL;
}

void tsk_dial_free(struct tsk_dial *d)
{
    if (d == NULL)
        return;
    tsk_dial_stop(d);
    if (d->tls != NULL)
        nng_tls_config_free(d->tls);
    free(d);
}

bool tsk_dial_up(const struct tsk_dial *d)
{
    return d->session != NULL && atomic_load(&d->session->pipe) != 0;
}

static struct call *call_find(const struct tsk_dial *d, enum tsk_event_kind kind)
{
    size_t first, n;
    pool_of(kind, &first, &n);
    for (size_t i = first; d->session != NULL && i < first + n; i++)
        if (!atomic_load(&d->session->calls[i].busy))
            return &d->session->calls[i];
    return NULL;
}

bool tsk_dial_free_for(const struct tsk_dial *d, enum tsk_event_kind kind)
{
    return tsk_dial_up(d) && call_find(d, kind) != NULL;
}

static enum tsk_err message_new(const struct tsk_slice *parts, size_t parts_n, nng_msg **ret_m)
{
    struct tsk_cbor_out measure, out;
    struct tsk_slice done;
    nng_msg *m = NULL;
    tsk_cbor_out_init(&measure, NULL, 0);
    tsk_cbor_put_array(&measure, parts_n);
    for (size_t i = 0; i < parts_n; i++)
        tsk_cbor_put_bytes(&measure, parts[i]);
    if (nng_msg_alloc(&m, measure.n) != 0)
        return TSK_E_NOMEM;
    tsk_cbor_out_init(&out, nng_msg_body(m), measure.n);
    tsk_cbor_put_array(&out, parts_n);
    for (size_t i = 0; i < parts_n; i++)
        tsk_cbor_put_bytes(&out, parts[i]);
    if (tsk_cbor_out_done(&out, &done) != TSK_OK) {
        nng_msg_free(m);
        return TSK_E_BUG;
    }
    *ret_m = m;
    return TSK_OK;
}

enum tsk_err tsk_dial_call(struct tsk_dial *d, enum tsk_event_kind kind, uint64_t num, const struct tsk_slice *parts,
                           size_t parts_n, uint64_t limit_ms)
{
    struct call *c = call_find(d, kind);
    if (c == NULL)
        return TSK_E_BUG;
    nng_msg *m = NULL;
    TSK_TRY(message_new(parts, parts_n, &m));
    c->answer = tsk_wire_msg(kind, NULL, 0);
    if (c->answer == NULL) {
        nng_msg_free(m);
        return TSK_E_NOMEM;
    }
    c->answer->peer = d->peer;
    c->answer->num = num;
    c->receiving = false;
    c->deadline_ms = tsk_mono_ms() + limit_ms;
    atomic_store(&c->busy, true);
    nng_aio_set_msg(c->aio, m);
    nng_ctx_send(c->ctx, c->aio);
    return TSK_OK;
}

/* NNG waits without end for the other side of a TLS handshake, which may have vanished: the dialing is limited too. */
uint64_t tsk_dial_deadline(const struct tsk_dial *d)
{
    struct session *s = d->session;
    if (s == NULL)
        return UINT64_MAX;
    uint64_t first = tsk_dial_up(d) ? UINT64_MAX : atomic_load(&s->down_ms) + DIAL_LIMIT_MS;
    for (size_t i = 0; i < CALLS; i++)
        if (atomic_load(&s->calls[i].busy) && s->calls[i].deadline_ms < first)
            first = s->calls[i].deadline_ms;
    return first;
}
