/* callers.h - private to node/post/: who is connected to a listener, and who must go. No NNG here, and no clock. Any
 * thread. */
#ifndef TSK_NODE_POST_CALLERS_H
#define TSK_NODE_POST_CALLERS_H

#include <pthread.h>

#include "schema/record.h"

#define TSK_CALLER_REST_MS 60000    /* silent so long: may be closed to make room. A poll says something every 30 s */
#define TSK_CALLER_SILENT_MS 600000 /* silent so long: is closed. Who has something to say dials again */

/* An address and port, IPv4 as mapped into IPv6; all zeros: a local socket, which has none. */
struct tsk_address { uint8_t ip[16]; uint16_t port; };

struct tsk_caller {
    uint32_t id;
    struct tsk_address from;
    uint64_t heard_ms; /* its last whole message, or when it came */
};
struct tsk_callers {
    pthread_mutex_t lock;
    struct tsk_caller *list;
    size_t n, cap, each, all;
};

/* Without limits. Free with wipe. */
void tsk_callers_init(struct tsk_callers *c);
void tsk_callers_wipe(struct tsk_callers *c);
/* At most `each` of one address (of one /64 of IPv6), which local sockets do not have, and `all` together. */
void tsk_callers_limit(struct tsk_callers *c, size_t each, size_t all);

/* Somebody came. Who must go for it: nobody (0), one that rests (its id, no longer listed), or `id` itself (not listed). */
uint32_t tsk_callers_come(struct tsk_callers *c, uint32_t id, const struct tsk_address *from, uint64_t now_ms);
/* A whole message of it came. */
void tsk_callers_heard(struct tsk_callers *c, uint32_t id, uint64_t now_ms);
void tsk_callers_gone(struct tsk_callers *c, uint32_t id);
/* One that was silent too long, no longer listed; 0: none. */
uint32_t tsk_callers_silent(struct tsk_callers *c, uint64_t now_ms);
bool tsk_callers_know(struct tsk_callers *c, const struct tsk_address *from);

#endif
