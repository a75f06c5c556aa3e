/* plain.h - private to node/post/: messages of NNG whose bytes are words of staff or what was opened. NNG frees without
 * wiping, so what it frees must be such that nothing stays. */
#ifndef TSK_NODE_POST_PLAIN_H
#define TSK_NODE_POST_PLAIN_H

#include <nng/nng.h>

#include "schema/record.h"

/* A copy of the bytes, for NNG to send and free; NULL: out of memory. Free with tsk_plain_free while it is still ours. */
nng_msg *tsk_plain_new(struct tsk_slice bytes);
/* Wipes the body, which must be nobody else's, and frees. NULL is allowed. */
void tsk_plain_free(nng_msg *m);

#endif
