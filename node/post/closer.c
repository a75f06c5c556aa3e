/* closer.c - the one thread that may wait in nng_close.
 *
 * NNG (1.5.2 and 1.10.1 alike) reads a message in two steps. A connection that is closed between them loses the second
 * step without a word: whoever waits for it waits for ever, and that is NNG's only reaper thread. From then on no
 * connection of the process is taken away, none that was lost is dialed again, and nng_close never returns. It takes a
 * close and an arriving message at the same moment, as when a peer dies; nothing inside the process mends it.
 *
 * So nothing but this thread waits for NNG, and it finds out: after every connection that went it opens and closes a
 * connection of its own (a probe), which takes a millisecond while the reaper lives. Who sees its deadline pass ends
 * what it does in good order and lets the process start anew (node/tasukid.c). */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "node/core/log.h"
#include "node/post/wire.h"

#define PROBE_URL "inproc://tasuki-closer"
#define PROBE_EVERY_MS 1000

struct job {
    struct job *next;
    void (*close)(void *arg);
    void *arg;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started, busy, probe;
    struct job *first;
    uint64_t busy_ms, probe_ms; /* since when it is busy; when the next probe may be */
} closer = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void wait_ms(uint64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&closer.changed, &closer.lock, &until);
}

/* A connection within the process, so that there is one to take away. */
static void probe(void)
{
    nng_socket here, there;
    if (nng_pair0_open(&here) != 0)
        return;
    if (nng_pair0_open(&there) == 0) {
        if (nng_listen(here, PROBE_URL, NULL, 0) == 0)
            (void)nng_dial(there, PROBE_URL, NULL, 0);
        nng_close(there);
    }
    nng_close(here);
}

static struct job *job_take(void)
{
    struct job *j = closer.first;
    if (j != NULL)
        closer.first = j->next;
    return j;
}

static bool probe_due(void)
{
    return closer.probe && closer.probe_ms <= tsk_mono_ms();
}

static void idle(void)
{
    if (closer.probe)
        wait_ms(PROBE_EVERY_MS);
    else
        pthread_cond_wait(&closer.changed, &closer.lock);
}

/* The lock is held; not while something is closed. */
static void work(struct job *j)
{
    closer.busy = true;
    closer.busy_ms = tsk_mono_ms();
    if (j == NULL)
        closer.probe = false;
    pthread_mutex_unlock(&closer.lock);
    if (j != NULL)
        j->close(j->arg);
    else
        probe();
    free(j);
    pthread_mutex_lock(&closer.lock);
    closer.busy = false;
    closer.probe_ms = tsk_mono_ms() + PROBE_EVERY_MS;
    pthread_cond_broadcast(&closer.changed);
}

static void *closer_thread(void *arg)
{
    (void)arg;
    prctl(PR_SET_NAME, "tasuki-closer"); /* or it would carry the name of whichever of NNG's threads began it */
    pthread_mutex_lock(&closer.lock);
    for (;;) {
        struct job *j = job_take();
        if (j != NULL || probe_due())
            work(j);
        else
            idle();
    }
    return NULL;
}

static bool closer_start(void)
{
    pthread_t thread;
    if (!closer.started) {
        closer.started = pthread_create(&thread, NULL, closer_thread, NULL) == 0;
        if (closer.started)
            pthread_detach(thread);
    }
    return closer.started;
}

void tsk_closer_take(void (*close)(void *arg), void *arg)
{
    struct job *j = calloc(1, sizeof *j);
    pthread_mutex_lock(&closer.lock);
    bool taken = j != NULL && closer_start();
    if (taken) {
        *j = (struct job){NULL, close, arg};
        struct job **end = &closer.first;
        while (*end != NULL)
            end = &(*end)->next;
        *end = j;
        pthread_cond_broadcast(&closer.changed);
    }
    pthread_mutex_unlock(&closer.lock);
    if (!taken) {
        free(j);
        close(arg); /* no memory, no thread: better to wait than to leak */
    }
}

void tsk_closer_probe(void)
{
    pthread_mutex_lock(&closer.lock);
    if (closer_start() && !closer.probe) {
        closer.probe = true;
        pthread_cond_broadcast(&closer.changed);
    }
    pthread_mutex_unlock(&closer.lock);
}

bool tsk_closer_done(uint64_t limit_ms)
{
    uint64_t until = tsk_mono_ms() + limit_ms, now;
    pthread_mutex_lock(&closer.lock);
    while ((closer.busy || closer.first != NULL) && (now = tsk_mono_ms()) < until)
        wait_ms(until - now);
    bool done = !closer.busy && closer.first == NULL;
    pthread_mutex_unlock(&closer.lock);
    return done;
}

uint64_t tsk_closer_deadline(void)
{
    pthread_mutex_lock(&closer.lock);
    bool waiting = closer.probe || closer.first != NULL; /* what has not begun counts from now: look again */
    uint64_t since = closer.busy ? closer.busy_ms : waiting ? tsk_mono_ms() : UINT64_MAX - TSK_CLOSER_LIMIT_MS;
    uint64_t deadline = since + TSK_CLOSER_LIMIT_MS;
    pthread_mutex_unlock(&closer.lock);
    return deadline;
}
