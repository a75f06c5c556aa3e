/* plain.c - see plain.h.
 *
 * What is received is wiped before it is freed. What is sent is freed by NNG, out of our sight; so it lies in a block so
 * large that malloc asks the kernel for it alone and gives it back when it is freed: the kernel clears it. */
#include "node/post/plain.h"

#include <malloc.h>
#include <pthread.h>
#include <string.h>

#include "crypto/secret.h"

#define ALONE_MIN (1 << 20) /* bytes; only those that are written to cost memory */

/* Left to itself malloc raises the limit to the largest block that was freed, and keeps the next one. */
static void pin_limit(void)
{
    mallopt(M_MMAP_THRESHOLD, ALONE_MIN);
}

nng_msg *tsk_plain_new(struct tsk_slice bytes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    nng_msg *m = NULL;
    size_t n = bytes.n < ALONE_MIN ? ALONE_MIN : bytes.n;
    pthread_once(&once, pin_limit);
    if (nng_msg_alloc(&m, n) != 0)
        return NULL;
    if (bytes.n > 0)
        memcpy(nng_msg_body(m), bytes.p, bytes.n);
    if (nng_msg_chop(m, n - bytes.n) == 0)
        return m;
    tsk_plain_free(m);
    return NULL;
}

void tsk_plain_free(nng_msg *m)
{
    if (m == NULL)
        return;
    if (nng_msg_len(m) > 0)
        tsk_wipe(nng_msg_body(m), nng_msg_len(m));
    nng_msg_free(m);
}
