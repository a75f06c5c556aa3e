/* The queue: nothing lost, order kept, nobody waits who need not. */
#include "node/core/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/check.h"

static struct tsk_msg *msg(uint64_t num)
{
    struct tsk_msg *m = calloc(1, sizeof *m);
    ck_assert_ptr_nonnull(m);
    m->kind = TSK_EV_SIGNAL;
    m->num = num;
    m->p = malloc(8);
    m->n = 8;
    return m;
}

/* Frees the list; the number of messages in it. */
static size_t drop(struct tsk_msg *m)
{
    size_t n = 0;
    for (struct tsk_msg *next; m != NULL; m = next, n++) {
        next = m->next;
        tsk_msg_free(m);
    }
    return n;
}

START_TEST(takes_all_oldest_first)
{
    struct tsk_queue *q = tsk_queue_new();
    uint64_t before = tsk_mono_ms(), num = 0;
    for (uint64_t i = 0; i < 100; i++)
        tsk_queue_push(q, msg(i));
    size_t n = 0;
    struct tsk_msg *all = tsk_queue_take(q, 1000, &n);
    ck_assert_uint_eq(n, 100);
    for (struct tsk_msg *m = all; m != NULL; m = m->next, num++) {
        ck_assert_uint_eq(m->num, num);
        ck_assert(m->at_ms >= before && m->at_ms <= tsk_mono_ms());
    }
    ck_assert_uint_eq(drop(all), 100);
    tsk_queue_push(q, msg(7));
    all = tsk_queue_take(q, 0, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(all->num, 7);
    drop(all);
    tsk_queue_free(q);
}
END_TEST

START_TEST(time_out_is_null)
{
    struct tsk_queue *q = tsk_queue_new();
    size_t n = 99;
    uint64_t start = tsk_mono_ms();
    ck_assert_ptr_null(tsk_queue_take(q, 0, &n));
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_null(tsk_queue_take(q, 20, &n));
    ck_assert_uint_ge(tsk_mono_ms() - start, 19);
    tsk_queue_free(q);
}
END_TEST

START_TEST(old_next_is_cut)
{
    struct tsk_queue *q = tsk_queue_new();
    struct tsk_msg *a = msg(1), *b = msg(2);
    size_t n;
    a->next = b; /* as it came out of an earlier take */
    tsk_queue_push(q, a);
    struct tsk_msg *all = tsk_queue_take(q, 0, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_ptr_null(all->next);
    drop(all);
    tsk_msg_free(b);
    tsk_queue_free(q);
}
END_TEST

START_TEST(free_takes_what_is_left)
{
    struct tsk_queue *q = tsk_queue_new();
    for (uint64_t i = 0; i < 10; i++)
        tsk_queue_push(q, msg(i));
    tsk_queue_free(q); /* valgrind and ASan look for the ten */
    tsk_queue_free(NULL);
    tsk_msg_free(NULL);
}
END_TEST

/* ---- threads ---- */
enum { PUSHERS = 4, EACH = 2000 };
struct pusher { struct tsk_queue *q; uint64_t id; };

static void *push_many(void *arg)
{
    const struct pusher *p = arg;
    for (uint64_t i = 0; i < EACH; i++) {
        struct tsk_msg *m = calloc(1, sizeof *m);
        m->num = i;
        m->num2 = p->id;
        tsk_queue_push(p->q, m);
    }
    return NULL;
}

START_TEST(threads_keep_their_order)
{
    struct tsk_queue *q = tsk_queue_new();
    struct pusher pushers[PUSHERS];
    pthread_t threads[PUSHERS];
    uint64_t expected[PUSHERS] = {0};
    size_t total = 0;
    for (uint64_t i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){q, i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, push_many, &pushers[i]), 0);
    }
    while (total < PUSHERS * EACH) {
        size_t n;
        struct tsk_msg *all = tsk_queue_take(q, 10000, &n);
        ck_assert_ptr_nonnull(all);
        for (struct tsk_msg *m = all; m != NULL; m = m->next)
            ck_assert_uint_eq(m->num, expected[m->num2]++);
        ck_assert_uint_eq(drop(all), n);
        total += n;
    }
    for (size_t i = 0; i < PUSHERS; i++)
        pthread_join(threads[i], NULL);
    tsk_queue_free(q);
}
END_TEST

static void *push_one(void *arg)
{
    tsk_queue_push(arg, msg(5));
    return NULL;
}

START_TEST(waiting_ends_at_once)
{
    struct tsk_queue *q = tsk_queue_new();
    pthread_t t;
    size_t n;
    uint64_t start = tsk_mono_ms();
    ck_assert_int_eq(pthread_create(&t, NULL, push_one, q), 0);
    struct tsk_msg *m = tsk_queue_take(q, UINT64_MAX, &n);
    ck_assert_ptr_nonnull(m);
    ck_assert_uint_lt(tsk_mono_ms() - start, 60000);
    drop(m);
    pthread_join(t, NULL);
    tsk_queue_free(q);
}
END_TEST

START_TEST(clocks)
{
    ck_assert_uint_gt(tsk_wall_s(), 1600000000);
    uint64_t a = tsk_mono_ms(), b = tsk_mono_ms();
    ck_assert_uint_le(a, b);
}
END_TEST

static TCase *queue_case(void)
{
    TCase *c = tcase_create("queue");
    tcase_add_test(c, takes_all_oldest_first);
    tcase_add_test(c, time_out_is_null);
    tcase_add_test(c, old_next_is_cut);
    tcase_add_test(c, free_takes_what_is_left);
    tcase_add_test(c, threads_keep_their_order);
    tcase_add_test(c, waiting_ends_at_once);
    tcase_add_test(c, clocks);
    return c;
}

TSK_TEST_MAIN_NOFORK("queue", queue_case)
