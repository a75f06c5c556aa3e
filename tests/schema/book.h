/* book.h - two chains of statuses to write on, for the tests of the merge. Ids are numbers, not hashes. */
#ifndef TSK_TESTS_SCHEMA_BOOK_H
#define TSK_TESTS_SCHEMA_BOOK_H

#include <string.h>

#include "schema/status.h"

#define S TSK_SIDE_SENDER
#define R TSK_SIDE_RECIPIENT
#define N TSK_SIDE_NOBODY
#define WIRE_MAX (TSK_ST_COUNT - 1)

struct book {
    struct tsk_event events[2][TSK_STATUS_MAX + 8];
    struct tsk_chain chain[2];
    unsigned ids;
    bool arrived;
    struct tsk_progress p;
};

static inline void book_init(struct book *b)
{
    memset(b, 0, sizeof *b);
    b->chain[S].events = b->events[S];
    b->chain[R].events = b->events[R];
    b->arrived = true;
}

static inline struct tsk_id32 new_id(struct book *b)
{
    struct tsk_id32 id = {{0}};
    unsigned v = ++b->ids;
    memcpy(id.b, &v, sizeof v);
    id.b[31] = 1;
    return id;
}

/* `seen_n`: how many of the other's events the author has seen. */
static inline struct tsk_event *sign(struct book *b, enum tsk_side side, uint64_t state, size_t seen_n)
{
    struct tsk_chain *c = &b->chain[side], *other = &b->chain[!side];
    struct tsk_event *e = &c->events[c->n];
    memset(e, 0, sizeof *e);
    e->id = new_id(b);
    e->status.state = state;
    e->status.seq = c->n + 1;
    if (c->n > 0)
        e->status.prev = c->events[c->n - 1].id;
    if (seen_n > 0)
        e->status.seen = other->events[seen_n - 1].id;
    c->n++;
    return e;
}

static inline const struct tsk_progress *replay(struct book *b)
{
    tsk_progress_replay(&b->chain[S], &b->chain[R], b->arrived, &b->p);
    return &b->p;
}

#endif
