#include "node/core/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/secret.h"

#define WAIT_MAX_MS (24 * 3600 * 1000) /* keeps the deadline far from overflow */

struct tsk_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct tsk_msg *head, **tail;
    size_t n;
};

void tsk_msg_free(struct tsk_msg *m)
{
    if (m == NULL)
        return;
    if (m->p != NULL)
        tsk_wipe(m->p, m->n); /* a control request may name a family */
    free(m->p);
    free(m);
}

/* The wait must not jump when somebody sets the wall clock. */
static bool cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(cond, &attr) == 0;
    pthread_condattr_destroy(&attr);
    return ok;
}

struct tsk_queue *tsk_queue_new(void)
{
    struct tsk_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    if (!cond_init(&q->filled)) {
        free(q);
        return NULL;
    }
    if (pthread_mutex_init(&q->lock, NULL) != 0) {
        pthread_cond_destroy(&q->filled);
        free(q);
        return NULL;
    }
    q->tail = &q->head;
    return q;
}

void tsk_queue_free(struct tsk_queue *q)
{
    if (q == NULL)
        return;
    while (q->head != NULL) {
        struct tsk_msg *m = q->head;
        q->head = m->next;
        tsk_msg_free(m);
    }
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

void tsk_queue_push(struct tsk_queue *q, struct tsk_msg *m)
{
    m->next = NULL;
    m->at_ms = tsk_mono_ms();
    pthread_mutex_lock(&q->lock);
    *q->tail = m;
    q->tail = &m->next;
    q->n++;
    pthread_cond_signal(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

static struct timespec deadline(uint64_t wait_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (wait_ms > WAIT_MAX_MS)
        wait_ms = WAIT_MAX_MS;
    t.tv_sec += (time_t)(wait_ms / 1000);
    t.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

struct tsk_msg *tsk_queue_take(struct tsk_queue *q, uint64_t wait_ms, size_t *ret_n)
{
    struct timespec until = deadline(wait_ms);
    pthread_mutex_lock(&q->lock);
    while (q->head == NULL && wait_ms > 0)
        if (pthread_cond_timedwait(&q->filled, &q->lock, &until) != 0)
            break;
    struct tsk_msg *all = q->head;
    *ret_n = q->n;
    q->head = NULL;
    q->tail = &q->head;
    q->n = 0;
    pthread_mutex_unlock(&q->lock);
    return all;
}

uint64_t tsk_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t tsk_wall_s(void)
{
    return (uint64_t)time(NULL);
}
