/* Who may be connected, and who must go: by a clock of our own. And strangers at the port, with real sockets. */
#include "node/post/callers.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/post/strangers.h"
#include "tests/check.h"

static struct tsk_callers c;

static struct tsk_address four(uint8_t last, uint16_t port)
{
    return (struct tsk_address){{[10] = 0xff, 0xff, 10, 0, 0, last}, port};
}

static struct tsk_address six(uint8_t net, uint8_t host)
{
    return (struct tsk_address){{0x20, 1, [7] = net, [15] = host}, 1};
}

static const struct tsk_address local;

static uint32_t come(uint32_t id, struct tsk_address from, uint64_t now)
{
    return tsk_callers_come(&c, id, &from, now);
}

static void setup(void)
{
    tsk_callers_init(&c);
}

static void teardown(void)
{
    tsk_callers_wipe(&c);
}

START_TEST(so_many_of_one_address)
{
    tsk_callers_limit(&c, 2, 100);
    ck_assert_uint_eq(come(1, four(1, 1), 0), 0);
    ck_assert_uint_eq(come(2, four(1, 2), 0), 0);
    ck_assert_uint_eq(come(3, four(1, 3), 0), 3);
    ck_assert_uint_eq(come(4, four(2, 1), 0), 0);
    ck_assert_uint_eq(come(5, six(1, 1), 0), 0);
    ck_assert_uint_eq(come(6, six(1, 2), 0), 0);
    ck_assert_uint_eq(come(7, six(1, 3), 0), 7); /* the same network */
    ck_assert_uint_eq(come(8, six(2, 1), 0), 0);
    for (uint32_t id = 10; id < 60; id++)
        ck_assert_uint_eq(come(id, local, 0), 0);
    tsk_callers_gone(&c, 1);
    tsk_callers_gone(&c, 1);
    ck_assert_uint_eq(come(9, four(1, 4), 0), 0);
    ck_assert_uint_eq(come(3, four(1, 3), 0), 3);
}
END_TEST

START_TEST(so_many_together)
{
    tsk_callers_limit(&c, 2, 3);
    for (uint8_t i = 1; i <= 3; i++)
        ck_assert_uint_eq(come(i, four(i, 1), 0), 0);
    ck_assert_uint_eq(come(4, four(4, 1), 0), 4);
    ck_assert_uint_eq(come(4, local, 0), 4);
}
END_TEST

/* Room is made by the one that was silent longest, and only after a minute. */
START_TEST(a_resting_one_makes_room)
{
    tsk_callers_limit(&c, 2, 3);
    ck_assert_uint_eq(come(1, four(1, 1), 1000), 0);
    ck_assert_uint_eq(come(2, four(1, 2), 2000), 0);
    ck_assert_uint_eq(come(9, four(9, 1), 0), 0); /* the most silent of all, but of another address */
    tsk_callers_heard(&c, 1, 3000);
    tsk_callers_heard(&c, 77, 3000);
    ck_assert_uint_eq(come(3, four(1, 3), 2000 + TSK_CALLER_REST_MS - 1), 3);
    ck_assert_uint_eq(come(3, four(1, 3), 2000 + TSK_CALLER_REST_MS), 2);
    ck_assert(!tsk_callers_know(&c, &(struct tsk_address){{0}, 0}));
    struct tsk_address second = four(1, 2), third = four(1, 3);
    ck_assert(!tsk_callers_know(&c, &second) && tsk_callers_know(&c, &third));
    ck_assert_uint_eq(come(4, four(4, 1), 2000 + TSK_CALLER_REST_MS), 9); /* for lack of room in all */
}
END_TEST

START_TEST(silence_ends)
{
    ck_assert_uint_eq(tsk_callers_silent(&c, UINT64_MAX), 0);
    ck_assert_uint_eq(come(1, four(1, 1), 0), 0);
    ck_assert_uint_eq(come(2, local, 5), 0);
    tsk_callers_heard(&c, 1, 10);
    ck_assert_uint_eq(tsk_callers_silent(&c, 5 + TSK_CALLER_SILENT_MS - 1), 0);
    ck_assert_uint_eq(tsk_callers_silent(&c, 10 + TSK_CALLER_SILENT_MS), 2);
    ck_assert_uint_eq(tsk_callers_silent(&c, 10 + TSK_CALLER_SILENT_MS), 1);
    ck_assert_uint_eq(tsk_callers_silent(&c, 10 + TSK_CALLER_SILENT_MS), 0);
}
END_TEST

/* ---- strangers ---- */
#define GUESTS 6
static struct tsk_strangers s;
static int ear, out[GUESTS], in[GUESTS];
static struct sockaddr_in name;

static void strangers_setup(void)
{
    socklen_t n = sizeof name;
    setup();
    ck_ok(tsk_strangers_init(&s));
    name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ear = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(ear, (struct sockaddr *)&name, n), 0);
    ck_assert_int_eq(listen(ear, GUESTS), 0);
    ck_assert_int_eq(getsockname(ear, (struct sockaddr *)&name, &n), 0);
    for (int i = 0; i < GUESTS; i++) {
        out[i] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(out[i], (struct sockaddr *)&name, sizeof name), 0);
        in[i] = accept(ear, NULL, NULL);
        ck_assert_int_ge(in[i], 0);
    }
}

static void strangers_teardown(void)
{
    for (int i = 0; i < GUESTS; i++)
        close(out[i]), close(in[i]);
    close(ear);
    tsk_strangers_wipe(&s);
    teardown();
}

/* Whether the other side sees the end of it. */
static bool ended(int i)
{
    char byte;
    return recv(out[i], &byte, 1, MSG_DONTWAIT) == 0;
}

static size_t end_at(uint64_t now, size_t most)
{
    return tsk_strangers_end(&s, ntohs(name.sin_port), &c, most, now);
}

START_TEST(strangers_have_so_long)
{
    struct sockaddr_in from;
    socklen_t n = sizeof from;
    ck_assert_int_eq(getsockname(out[2], (struct sockaddr *)&from, &n), 0);
    struct tsk_address known = {{[10] = 0xff, 0xff, 127, 0, 0, 1}, ntohs(from.sin_port)};
    ck_assert_uint_eq(tsk_callers_come(&c, 1, &known, 0), 0);
    ck_assert_uint_eq(end_at(1, 100), 0);
    ck_assert_uint_eq(end_at(TSK_STRANGER_LIMIT_MS, 100), 0);
    ck_assert_uint_eq(end_at(TSK_STRANGER_LIMIT_MS + 1, 100), 0); /* not due */
    ck_assert_uint_eq(end_at(TSK_STRANGER_LIMIT_MS + TSK_STRANGERS_EVERY_MS, 100), GUESTS - 1);
    for (int i = 0; i < GUESTS; i++)
        ck_assert_int_eq(ended(i), i != 2);
}
END_TEST

START_TEST(strangers_are_so_many)
{
    ck_assert_uint_eq(end_at(0, 2), GUESTS - 2);
    int left = 0;
    for (int i = 0; i < GUESTS; i++)
        left += !ended(i);
    ck_assert_int_eq(left, 2);
    ck_assert_uint_eq(tsk_strangers_end(&s, 1, &c, 0, 100000), 0); /* another port */
}
END_TEST

/* When no descriptor is left for a copy it still works. */
START_TEST(strangers_hold_all_descriptors)
{
    int n = 0;
    static int all[1 << 16];
    while (n < (1 << 16) && (all[n] = dup(ear)) >= 0)
        n++;
    ck_assert_uint_eq(end_at(0, 0), GUESTS);
    while (n > 0)
        close(all[--n]);
}
END_TEST

static TCase *callers(void)
{
    TCase *t = tcase_create("callers");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, so_many_of_one_address);
    tcase_add_test(t, so_many_together);
    tcase_add_test(t, a_resting_one_makes_room);
    tcase_add_test(t, silence_ends);
    return t;
}

static TCase *strangers(void)
{
    TCase *t = tcase_create("strangers");
    tcase_add_checked_fixture(t, strangers_setup, strangers_teardown);
    tcase_add_test(t, strangers_have_so_long);
    tcase_add_test(t, strangers_are_so_many);
    tcase_add_test(t, strangers_hold_all_descriptors);
    return t;
}

TSK_TEST_MAIN_NOFORK("callers", callers, strangers)
