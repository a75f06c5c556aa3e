/* Log lines: one write, one line, nothing that a peer says can end or forge one. */
#include "node/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/check.h"
#include "tests/node/temp.h"

static int saved_stderr;
static char text[1 << 20];

static void capture(void)
{
    int fd = open(temp_path("log"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    saved_stderr = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
    close(fd);
}

/* What was logged since capture(); NUL-ended. */
static const char *captured(void)
{
    ck_assert_int_ge(dup2(saved_stderr, STDERR_FILENO), 0);
    close(saved_stderr);
    FILE *f = fopen(temp_path("log"), "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

START_TEST(a_line)
{
    struct tsk_id32 id = {{0xab, 0xcd, 0xef, 0x01, 0xff}};
    capture();
    errno = 77;
    tsk_log(TSK_LOG_WARN, "put_refused", "peer=%s ref=%s err=e.rate", "01102-KK", TSK_SHORT(id));
    ck_assert_int_eq(errno, 77);
    const char *line = captured();
    ck_assert_int_eq(strncmp(line, "time=2", 6), 0);
    ck_assert_int_eq(line[25], ' ');
    ck_assert_str_eq(line + 25, " level=warn event=put_refused peer=01102-KK ref=abcdef01 err=e.rate\n");
}
END_TEST

START_TEST(levels)
{
    for (int lowest = TSK_LOG_ERROR; lowest <= TSK_LOG_DEBUG; lowest++)
        for (int level = TSK_LOG_ERROR; level <= TSK_LOG_DEBUG; level++) {
            tsk_log_level((enum tsk_level)lowest);
            capture();
            tsk_log((enum tsk_level)level, "x", NULL);
            const char *line = captured();
            ck_assert_int_eq(*line != '\0', level <= lowest);
        }
    tsk_log_level(TSK_LOG_INFO);
}
END_TEST

START_TEST(bad_event_names)
{
    static const char *const bad[] = {"", "Upper", "two words", "a=b", "a\nb", "日本",
                                      "a_name_that_is_far_too_long_for_an_event_1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        capture();
        tsk_log(TSK_LOG_ERROR, bad[i], "n=%d", 1);
        const char *line = captured();
        ck_assert_ptr_nonnull(strstr(line, " level=error event=bad_event n=1\n"));
    }
}
END_TEST

START_TEST(no_second_line)
{
    capture();
    tsk_log(TSK_LOG_ERROR, "x", "peer=%s", "a\nevent=forged\r\t\x7f");
    const char *line = captured();
    ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
    ck_assert_ptr_nonnull(strstr(line, "peer=a?event=forged???\n"));
}
END_TEST

START_TEST(every_length_is_one_line)
{
    static char filler[3000];
    memset(filler, 'x', sizeof filler);
    for (int n = 900; n < 1100; n++) {
        capture();
        tsk_log(TSK_LOG_ERROR, "x", "v=%.*s", n, filler);
        const char *line = captured();
        size_t len = strlen(line);
        ck_assert_uint_le(len, 1024);
        ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
    }
}
END_TEST

/* Every byte alone, and the printable ones unchanged. */
START_TEST(escaping)
{
    for (unsigned c = 0; c < 256; c++) {
        uint8_t b = (uint8_t)c;
        struct tsk_escaped e = tsk_log_text((struct tsk_slice){&b, 1});
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        ck_assert_uint_eq(strlen(e.s), plain ? 3 : 6);
        for (const char *p = e.s; *p != '\0'; p++)
            ck_assert(*p >= 0x20 && *p < 0x7f);
        ck_assert_ptr_eq(strchr(e.s + 1, '"'), e.s + strlen(e.s) - 1);
    }
    ck_assert_str_eq(tsk_log_text((struct tsk_slice){NULL, 0}).s, "\"\"");
}
END_TEST

START_TEST(escaping_cuts)
{
    uint8_t long_text[1000];
    memset(long_text, 0xe3, sizeof long_text);
    for (size_t n = 60; n < sizeof long_text; n++) {
        struct tsk_escaped e = tsk_log_text((struct tsk_slice){long_text, n});
        ck_assert_uint_lt(strlen(e.s), sizeof e.s);
        ck_assert_int_eq(strcmp(e.s + strlen(e.s) - 3, "...") == 0, n > 64);
    }
}
END_TEST

/* A line a second for each cause, and the next one says how many were held back. */
START_TEST(a_gate)
{
    static struct tsk_gate gate, other;
    unsigned unsaid = 99;
    ck_assert(tsk_log_due(&gate, &unsaid));
    ck_assert_uint_eq(unsaid, 0);
    for (int i = 0; i < 128; i++)
        ck_assert(!tsk_log_due(&gate, &unsaid));
    ck_assert(tsk_log_due(&other, &unsaid));
    gate.last_ms -= 1000; /* a second later */
    ck_assert(tsk_log_due(&gate, &unsaid));
    ck_assert_uint_eq(unsaid, 128);
    gate.last_ms -= 1000;
    ck_assert(tsk_log_due(&gate, &unsaid));
    ck_assert_uint_eq(unsaid, 0);
}
END_TEST

static void *log_many(void *arg)
{
    for (int i = 0; i < 500; i++)
        tsk_log(TSK_LOG_ERROR, "thread", "id=%s filler=%s", (const char *)arg, "0123456789012345678901234567890123456789");
    return NULL;
}

START_TEST(threads_do_not_mix)
{
    pthread_t a, b;
    capture();
    ck_assert_int_eq(pthread_create(&a, NULL, log_many, "a"), 0);
    ck_assert_int_eq(pthread_create(&b, NULL, log_many, "b"), 0);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    captured();
    size_t lines = 0;
    for (char *p = text, *end; *p != '\0'; p = end + 1, lines++) {
        end = strchr(p, '\n');
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        ck_assert_int_eq(strncmp(p, "time=", 5), 0);
        ck_assert_str_eq(p + strlen(p) - 40, "0123456789012345678901234567890123456789");
    }
    ck_assert_uint_eq(lines, 1000);
}
END_TEST

static TCase *log_case(void)
{
    TCase *c = tcase_create("log");
    tcase_add_checked_fixture(c, temp_setup, temp_teardown);
    tcase_add_test(c, a_line);
    tcase_add_test(c, levels);
    tcase_add_test(c, bad_event_names);
    tcase_add_test(c, no_second_line);
    tcase_add_test(c, every_length_is_one_line);
    tcase_add_test(c, escaping);
    tcase_add_test(c, escaping_cuts);
    tcase_add_test(c, a_gate);
    tcase_add_test(c, threads_do_not_mix);
    return c;
}

TSK_TEST_MAIN_NOFORK("log", log_case)
