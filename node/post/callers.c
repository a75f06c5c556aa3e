/* callers.c - see callers.h.
 *
 * Each connection may hold a half-sent request of the largest size, and NNG tells nobody: it can only be bounded by their
 * number. Nor does NNG say whose certificate it was (1.5.2), so they are counted by address. A newcomer takes the place of
 * the one that was silent longest, if it was silent for long: a dead connection of its own, or somebody who only waits. */
#include "node/post/callers.h"

#include <stdlib.h>
#include <string.h>

void tsk_callers_init(struct tsk_callers *c)
{
    *c = (struct tsk_callers){.each = SIZE_MAX, .all = SIZE_MAX};
    pthread_mutex_init(&c->lock, NULL);
}

void tsk_callers_wipe(struct tsk_callers *c)
{
    pthread_mutex_destroy(&c->lock);
    free(c->list);
}

void tsk_callers_limit(struct tsk_callers *c, size_t each, size_t all)
{
    pthread_mutex_lock(&c->lock);
    c->each = each;
    c->all = all;
    pthread_mutex_unlock(&c->lock);
}

static bool is_local(const struct tsk_address *a)
{
    static const struct tsk_address none;
    return memcmp(a->ip, none.ip, sizeof none.ip) == 0;
}

/* Who has one address of IPv6 has the 2^64 of its network. */
static bool same_place(const struct tsk_address *a, const struct tsk_address *b)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool four = memcmp(a->ip, mapped, sizeof mapped) == 0;
    return memcmp(a->ip, b->ip, four ? 16 : 8) == 0;
}

/* How many there are (of the place of `of`, or all when NULL), and the most silent of them. */
static size_t count(struct tsk_callers *c, const struct tsk_address *of, struct tsk_caller **ret_most)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct tsk_caller *one = &c->list[i];
        if (of != NULL && !same_place(of, &one->from))
            continue;
        if (n++ == 0 || one->heard_ms < (*ret_most)->heard_ms)
            *ret_most = one;
    }
    return n;
}

static void take_out(struct tsk_callers *c, struct tsk_caller *one)
{
    *one = c->list[--c->n];
}

static bool put_in(struct tsk_callers *c, const struct tsk_caller *one)
{
    if (c->n == c->cap) {
        size_t cap = c->cap * 2 + 16;
        struct tsk_caller *more = realloc(c->list, cap * sizeof *more);
        if (more == NULL)
            return false;
        c->list = more;
        c->cap = cap;
    }
    c->list[c->n++] = *one;
    return true;
}

static uint32_t come(struct tsk_callers *c, const struct tsk_caller *one)
{
    struct tsk_caller *most = NULL;
    uint32_t goes = 0;
    if ((!is_local(&one->from) && count(c, &one->from, &most) >= c->each) || count(c, NULL, &most) >= c->all) {
        if (most == NULL || one->heard_ms - most->heard_ms < TSK_CALLER_REST_MS)
            return one->id;
        goes = most->id;
        take_out(c, most);
    }
    return put_in(c, one) ? goes : one->id;
}

uint32_t tsk_callers_come(struct tsk_callers *c, uint32_t id, const struct tsk_address *from, uint64_t now_ms)
{
    pthread_mutex_lock(&c->lock);
    uint32_t goes = come(c, &(struct tsk_caller){id, *from, now_ms});
    pthread_mutex_unlock(&c->lock);
    return goes;
}

static struct tsk_caller *find(const struct tsk_callers *c, uint32_t id)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->list[i].id == id)
            return &c->list[i];
    return NULL;
}

void tsk_callers_heard(struct tsk_callers *c, uint32_t id, uint64_t now_ms)
{
    pthread_mutex_lock(&c->lock);
    struct tsk_caller *one = find(c, id);
    if (one != NULL)
        one->heard_ms = now_ms;
    pthread_mutex_unlock(&c->lock);
}

void tsk_callers_gone(struct tsk_callers *c, uint32_t id)
{
    pthread_mutex_lock(&c->lock);
    struct tsk_caller *one = find(c, id);
    if (one != NULL)
        take_out(c, one);
    pthread_mutex_unlock(&c->lock);
}

uint32_t tsk_callers_silent(struct tsk_callers *c, uint64_t now_ms)
{
    struct tsk_caller *most = NULL;
    uint32_t id = 0;
    pthread_mutex_lock(&c->lock);
    if (count(c, NULL, &most) > 0 && now_ms - most->heard_ms >= TSK_CALLER_SILENT_MS) {
        id = most->id;
        take_out(c, most);
    }
    pthread_mutex_unlock(&c->lock);
    return id;
}

bool tsk_callers_know(struct tsk_callers *c, const struct tsk_address *from)
{
    bool known = false;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n && !known; i++)
        known = c->list[i].from.port == from->port && memcmp(c->list[i].from.ip, from->ip, sizeof from->ip) == 0;
    pthread_mutex_unlock(&c->lock);
    return known;
}
