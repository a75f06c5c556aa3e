/* schedule.c - a binary heap of jobs, and how long to wait for the next try. */
#include <stdlib.h>

#include "crypto/secret.h"
#include "node/post/inside.h"

static bool before(const struct tsk_job *a, const struct tsk_job *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void swap(struct tsk_job *a, struct tsk_job *b)
{
    struct tsk_job t = *a;
    *a = *b;
    *b = t;
}

static void sift_down(struct tsk_heap *h, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->n; child++)
            if (before(&h->jobs[child], &h->jobs[least]))
                least = child;
        if (least == i)
            return;
        swap(&h->jobs[i], &h->jobs[least]);
        i = least;
    }
}

enum tsk_err tsk_heap_push(struct tsk_heap *h, const struct tsk_job *job)
{
    if (h->n == h->cap) {
        size_t cap = h->cap > 0 ? 2 * h->cap : 16;
        struct tsk_job *more = realloc(h->jobs, cap * sizeof *more);
        if (more == NULL)
            return TSK_E_NOMEM;
        h->jobs = more;
        h->cap = cap;
    }
    size_t i = h->n++;
    h->jobs[i] = *job;
    for (; i > 0 && before(&h->jobs[i], &h->jobs[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&h->jobs[i], &h->jobs[(i - 1) / 2]);
    return TSK_OK;
}

bool tsk_heap_pop(struct tsk_heap *h, struct tsk_job *ret_job)
{
    if (h->n == 0)
        return false;
    *ret_job = h->jobs[0];
    h->jobs[0] = h->jobs[--h->n];
    sift_down(h, 0);
    return true;
}

void tsk_heap_wake(struct tsk_heap *h, uint64_t now_ms)
{
    for (size_t i = 0; i < h->n; i++)
        if (!h->jobs[i].stored && h->jobs[i].due_ms > now_ms)
            h->jobs[i].due_ms = now_ms;
    for (size_t i = h->n / 2; i-- > 0;)
        sift_down(h, i);
}

void tsk_heap_clear(struct tsk_heap *h)
{
    free(h->jobs);
    *h = (struct tsk_heap){0};
}

uint64_t tsk_backoff_ms(uint64_t base_ms, uint64_t cap_ms, unsigned tries)
{
    uint64_t ms = base_ms;
    for (unsigned i = 0; i < tries && ms < cap_ms; i++)
        ms *= 2;
    ms = ms < cap_ms ? ms : cap_ms;
    uint32_t r;
    tsk_random(&r, sizeof r);
    return ms - ms / 4 + r % (ms / 2 + 1);
}
