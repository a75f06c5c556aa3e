/* strangers.h - private to node/post/: connections to a port that have not got through their handshake. */
#ifndef TSK_NODE_POST_STRANGERS_H
#define TSK_NODE_POST_STRANGERS_H

#include <dirent.h>

#include "node/post/callers.h"

#define TSK_STRANGER_LIMIT_MS 10000
#define TSK_STRANGERS_MAX 256 /* beyond it, or beyond `most`, nobody gets that long */
#define TSK_STRANGERS_EVERY_MS 2000

struct tsk_stranger { uint64_t inode, since_ms; };
struct tsk_strangers {
    DIR *descriptors; /* kept open, because it is needed most when none is to be had */
    struct tsk_stranger list[TSK_STRANGERS_MAX];
    size_t n;
    uint64_t due_ms;
};

/* Opens what tsk_strangers_end will need. TSK_E_NETWORK. Free with wipe. */
TSK_MUST_USE enum tsk_err tsk_strangers_init(struct tsk_strangers *s);
void tsk_strangers_wipe(struct tsk_strangers *s);
/* When it is due: ends those that are there too long, or too many. How many. */
size_t tsk_strangers_end(struct tsk_strangers *s, uint16_t port, struct tsk_callers *known, size_t most, uint64_t now_ms);
#endif
