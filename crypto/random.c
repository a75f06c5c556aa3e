/* random.c - alone in its file, so that the maker of docs/vectors can link a counted source in its place: nothing in
 * the product itself can switch the source.
 *
 * A call of RAND_bytes costs more than the cipher under the nonce that it draws, and every sealed row needs a nonce. So
 * short draws (nonces, ids) come from a page drawn ahead; keys and whatever else is longer come straight from the
 * generator and never lie here. Each thread has a page of its own, bytes are wiped as they are handed out, and a child
 * of fork begins with none, so that no two processes ever hand out the same. */
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

#define SHORT 16 /* bytes of an id; a nonce has 12 */
#define PAGE 1024

static _Thread_local struct { uint8_t b[PAGE]; size_t left; } page; /* what is left stands at the start */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* In the child, where only the thread that forked lives on. */
static void forget(void)
{
    tsk_wipe(page.b, sizeof page.b);
    page.left = 0;
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, forget) != 0)
        abort();
}

static void draw(uint8_t *out, size_t n)
{
    while (n > 0) {
        int step = n > 1 << 20 ? 1 << 20 : (int)n;
        if (RAND_bytes(out, step) != 1)
            abort();
        out += step;
        n -= (size_t)step;
    }
}

void tsk_random(void *p, size_t n)
{
    if (n > SHORT) {
        draw(p, n);
        return;
    }
    if (pthread_once(&once, watch_forks) != 0)
        abort();
    if (page.left < n) {
        draw(page.b, sizeof page.b);
        page.left = sizeof page.b;
    }
    page.left -= n;
    memcpy(p, page.b + page.left, n);
    tsk_wipe(page.b + page.left, n);
}
