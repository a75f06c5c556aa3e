/* queue.h - the one way into the writer thread: NNG callbacks and the signal thread only enqueue; the loop takes all. */
#ifndef TSK_NODE_CORE_QUEUE_H
#define TSK_NODE_CORE_QUEUE_H

#include "schema/record.h"

enum tsk_event_kind {
    TSK_EV_CONTROL,  /* a request on the control socket; answer through `handle` */
    TSK_EV_WIRE,     /* put, fetch or confirm from a peer; answer through `handle` */
    TSK_EV_PUT_DONE, /* a post office answered our put (or it failed: bytes empty) */
    TSK_EV_MAIL,     /* a post office answered our fetch (or it failed: bytes empty) */
    TSK_EV_CONFIRMED,
    TSK_EV_LINK,     /* a connection to `peer` came up (num 1) or went down (num 0) */
    TSK_EV_SIGNAL,   /* num = SIGTERM, SIGHUP */
};

struct tsk_msg {             /* heap; owned by whoever holds it; free with tsk_msg_free */
    struct tsk_msg *next;
    enum tsk_event_kind kind;
    void *handle;            /* of the wire, to answer through; NULL otherwise */
    struct tsk_kid peer;     /* PUT_DONE, MAIL, CONFIRMED, LINK: the post office */
    uint64_t num, num2;      /* PUT_DONE: outbox ticket; CONTROL: uid of the caller */
    uint64_t at_ms;          /* monotonic, when it was enqueued */
    uint8_t *p; size_t n;    /* bytes, malloc'ed, owned */
};
void tsk_msg_free(struct tsk_msg *m);

struct tsk_queue;
struct tsk_queue *tsk_queue_new(void);
void tsk_queue_free(struct tsk_queue *q);
void tsk_queue_push(struct tsk_queue *q, struct tsk_msg *m);      /* takes m; any thread */
/* All that is there, oldest first, waiting at most `wait_ms` for the first; NULL on time-out. */
struct tsk_msg *tsk_queue_take(struct tsk_queue *q, uint64_t wait_ms, size_t *ret_n);

uint64_t tsk_mono_ms(void);
uint64_t tsk_wall_s(void);

#endif
