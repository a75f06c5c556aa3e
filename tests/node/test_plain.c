/* test_plain.c - what stays in memory of words on the control socket: nothing. */
#include "tests/node/net.h"

#include <pthread.h>
#include <sys/uio.h>

#include "crypto/secret.h"
#include "node/post/inside.h"

static struct net net;
static const struct net_spec alone[] = {{"01100-AA", NULL, {NULL}}};

static void echo(struct net_node *node, struct tsk_msg *m)
{
    tsk_wire_reply(&node->ctx, m->handle, (struct tsk_slice){m->p, m->n});
}

struct caller {
    pthread_t thread;
    char dir[256];
    size_t n;
    enum tsk_err err;
    bool same;
    _Atomic bool done;
};

static bool call_over(struct net *n, void *arg)
{
    (void)n;
    return ((struct caller *)arg)->done;
}

#define WORD_N 61
#define RUN_N (5 * WORD_N) /* less may be registers, which the loader saves when a function is called first */
static uint8_t word_at(size_t i)
{
    return (uint8_t)(0x80 | ((i % WORD_N) * 5 + 3)); /* no text, and nowhere written down */
}

/* The word again and again, from its beginning. */
static bool word_in(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + RUN_N <= n; i++) {
        size_t k = 0;
        while (k < RUN_N && p[i + k] == word_at(k))
            k++;
        if (k == RUN_N)
            return true;
    }
    return false;
}

static bool keeps_what_is_freed(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return getenv("RUN") != NULL; /* under valgrind */
#endif
}

/* How many pages of what this program may write to hold it. */
static size_t pages_with_word(void)
{
    static uint8_t page[4096];
    char line[512];
    size_t found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from, to;
        if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || strstr(line, " rw") == NULL)
            continue;
        for (uintptr_t at = from; at < to; at += sizeof page) {
            struct iovec here = {page, sizeof page}, there = {(void *)at, sizeof page};
            uintptr_t own = (uintptr_t)page;
            if ((at + sizeof page > own && at < own + sizeof page) ||
                process_vm_readv(getpid(), &here, 1, &there, 1, 0) != (ssize_t)sizeof page)
                continue;
            found += word_in(page, sizeof page);
        }
    }
    fclose(maps);
    return found;
}

static void *call_and_forget(void *arg)
{
    struct caller *c = arg;
    uint8_t *p = malloc(c->n), *answer = NULL;
    size_t answer_n = 0;
    for (size_t i = 0; i < c->n; i++)
        p[i] = word_at(i);
    c->err = tsk_control_call(c->dir, (struct tsk_slice){p, c->n}, 5, &answer, &answer_n);
    c->same = c->err == TSK_OK && answer_n == c->n && memcmp(answer, p, c->n) == 0;
    tsk_wipe(p, c->n);
    tsk_wipe(answer, answer_n);
    free(p);
    free(answer);
    c->done = true;
    return NULL;
}

/* Words of staff, and what was opened, are nowhere in the program once they were answered: not in NNG's messages either,
 * neither here nor on the command line's side. */
START_TEST(control_leaves_nothing)
{
    static const size_t sizes[] = {700, 1000, 5000, 60000, 2000000};
    net_make(&net, alone, 1, false);
    struct net_node *a = net_start(&net, 0);
    a->control = echo;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int again = 0; again < 3; again++) {
            struct caller c = {.n = sizes[i]};
            snprintf(c.dir, sizeof c.dir, "%s", a->dir);
            ck_assert_int_eq(pthread_create(&c.thread, NULL, call_and_forget, &c), 0);
            net_run(&net, call_over, &c);
            pthread_join(c.thread, NULL);
            ck_assert(c.same);
            if (!keeps_what_is_freed())
                ck_assert_uint_eq(pages_with_word(), 0);
        }
    net_end(&net);
}
END_TEST

static TCase *plain(void)
{
    TCase *t = tcase_create("plain");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, control_leaves_nothing);
    return t;
}

TSK_TEST_MAIN_NOFORK("plain", plain)
