/* call.c - the command line's side of the control socket: one request, one answer.
 *
 * A request must not run twice because the node was restarted in between. NNG would send it again over a new
 * connection, so the first connection is the only one: when it goes, the call is over. */
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/core/log.h"
#include "node/post/plain.h"
#include "node/post/post.h"
#include "node/post/wire.h"

#define RETRY_MS 20
#define NEVER_MS (24 * 3600 * 1000)

struct call {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    nng_socket socket;
    nng_aio *aio;
    bool sent, done, gone;
    int rc;
};

static void call_note(struct call *c, bool gone, int rc)
{
    pthread_mutex_lock(&c->lock);
    if (gone) {
        c->gone = true;
    } else {
        c->done = true;
        c->rc = rc;
    }
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void pipe_gone(nng_pipe p, nng_pipe_ev ev, void *arg)
{
    (void)p;
    (void)ev;
    call_note(arg, true, 0);
}

static void step_done(void *arg)
{
    struct call *c = arg;
    int rc = nng_aio_result(c->aio);
    if (rc == 0 && !c->sent) {
        c->sent = true;
        nng_recv_aio(c->socket, c->aio);
        return;
    }
    if (rc != 0 && !c->sent)
        tsk_plain_free(nng_aio_get_msg(c->aio));
    call_note(c, false, rc);
}

static int call_open(struct call *c)
{
    int rc = nng_req0_open(&c->socket);
    if (rc != 0)
        return rc;
    rc = nng_socket_set_size(c->socket, NNG_OPT_RECVMAXSZ, TSK_CONTROL_MAX);
    if (rc == 0)
        rc = nng_socket_set_ms(c->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (rc == 0)
        rc = nng_socket_set_ms(c->socket, NNG_OPT_RECONNMINT, NEVER_MS);
    if (rc == 0)
        rc = nng_socket_set_ms(c->socket, NNG_OPT_RECONNMAXT, NEVER_MS);
    if (rc == 0)
        rc = nng_pipe_notify(c->socket, NNG_PIPE_EV_REM_POST, pipe_gone, c);
    if (rc == 0)
        rc = nng_aio_alloc(&c->aio, step_done, c);
    if (rc == 0)
        nng_aio_set_timeout(c->aio, NNG_DURATION_INFINITE);
    else
        nng_close(c->socket);
    return rc;
}

static void call_close(void *arg)
{
    struct call *c = arg;
    nng_close(c->socket);
    nng_aio_stop(c->aio);
    if (c->sent && c->done && c->rc == 0)
        tsk_plain_free(nng_aio_get_msg(c->aio));
    nng_aio_free(c->aio);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct call *call_new(void)
{
    struct call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    if (call_open(c) == 0)
        return c;
    free(c);
    return NULL;
}

/* The node may still be starting: tries until the time is over. */
static enum tsk_err call_dial(struct call *c, const char *url, unsigned wait_s)
{
    uint64_t until = tsk_mono_ms() + UINT64_C(1000) * wait_s;
    while (nng_dial(c->socket, url, NULL, 0) != 0) {
        if (tsk_mono_ms() >= until)
            return TSK_E_NOTREADY;
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    }
    return TSK_OK;
}

static enum tsk_err call_send(struct call *c, struct tsk_slice request)
{
    nng_msg *m = tsk_plain_new(request);
    if (m == NULL)
        return TSK_E_NOMEM;
    nng_aio_set_msg(c->aio, m);
    nng_send_aio(c->socket, c->aio);
    pthread_mutex_lock(&c->lock);
    while (!c->done && !c->gone)
        pthread_cond_wait(&c->changed, &c->lock);
    bool answered = c->done && c->rc == 0;
    pthread_mutex_unlock(&c->lock);
    return answered ? TSK_OK : TSK_E_NETWORK;
}

static enum tsk_err call_take(struct call *c, uint8_t **ret_p, size_t *ret_n)
{
    nng_msg *m = nng_aio_get_msg(c->aio);
    size_t n = nng_msg_len(m);
    uint8_t *p = malloc(n + 1);
    if (p == NULL)
        return TSK_E_NOMEM;
    memcpy(p, nng_msg_body(m), n);
    p[n] = 0;
    *ret_p = p;
    *ret_n = n;
    return TSK_OK;
}

static enum tsk_err call_run(struct call *c, const char *url, struct tsk_slice request, unsigned wait_s,
                             uint8_t **ret_p, size_t *ret_n)
{
    TSK_TRY(call_dial(c, url, wait_s));
    TSK_TRY(call_send(c, request));
    return call_take(c, ret_p, ret_n);
}

enum tsk_err tsk_control_call(const char *dir, struct tsk_slice request, unsigned wait_s, uint8_t **ret_p,
                              size_t *ret_n)
{
    char url[TSK_PATH_CAP + 32];
    int n = snprintf(url, sizeof url, "ipc://%s/control.sock", dir);
    if (n < 0 || (size_t)n >= sizeof url || n - 6 > TSK_IPC_PATH_MAX) {
        tsk_log(TSK_LOG_ERROR, "path_too_long", "bytes=%d max=%d", n - 6, TSK_IPC_PATH_MAX);
        return TSK_E_USAGE;
    }
    struct call *c = call_new();
    if (c == NULL)
        return TSK_E_NETWORK;
    enum tsk_err e = call_run(c, url, request, wait_s, ret_p, ret_n);
    tsk_closer_take(call_close, c);
    (void)tsk_closer_done(TSK_CLOSER_LIMIT_MS); /* the answer counts, not how its connection ends */
    return e;
}
