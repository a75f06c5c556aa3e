/* node.conf: what stands there is taken or refused by line, never guessed. */
#include "node/core/conf.h"

#include "node/core/folder.h"
#include "tests/check.h"
#include "tests/node/temp.h"

static void write_conf(const char *bytes, size_t n)
{
    ck_ok(tsk_file_write(temp_path("node.conf"), (struct tsk_slice){(const uint8_t *)bytes, n}, 0600));
}

START_TEST(defaults_come_back)
{
    struct tsk_conf a, b;
    unsigned line = 99;
    tsk_conf_defaults(&a);
    ck_assert_uint_eq(a.map_gb, 16);
    ck_assert_uint_eq(a.commit_gap_ms, 2);
    ck_assert_str_eq(a.listen, "");
    strcpy(a.partner, "X001");
    ck_ok(tsk_conf_write(temp_dir, &a));
    ck_ok(tsk_conf_read(temp_dir, &b, &line));
    ck_assert_uint_eq(line, 0);
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert_uint_eq(mode_of(temp_path("node.conf")), 0600);
}
END_TEST

START_TEST(every_value_comes_back)
{
    struct tsk_conf a, b;
    unsigned line;
    tsk_conf_defaults(&a);
    strcpy(a.partner, "01100-JS1");
    memset(a.listen, 'u', 255);
    strcpy(a.listen, "ipc:///tmp/with = and # in it");
#define TSK_CONF_NUM(field, value) a.field = (value);
#define TSK_CONF_STR(field, value)
#define TSK_CONF(field, TYPE, key, dflt, min, max, what) TSK_CONF_##TYPE(field, max)
#include "node/core/conf.def"
#undef TSK_CONF
    memset(a.listen + strlen(a.listen), 0, sizeof a.listen - strlen(a.listen));
    ck_ok(tsk_conf_write(temp_dir, &a));
    ck_ok(tsk_conf_read(temp_dir, &b, &line));
    ck_assert_mem_eq(&a, &b, sizeof a);
}
END_TEST

/* What reading would refuse is not written: every number one beyond its bounds, and texts. */
START_TEST(unreadable_is_not_written)
{
    struct tsk_conf good, bad;
    tsk_conf_defaults(&good);
    strcpy(good.partner, "X001");
#undef TSK_CONF_NUM
#define TSK_CONF_NUM(field, value) \
    bad = good;                    \
    bad.field = (value) + 1;       \
    ck_err(tsk_conf_write(temp_dir, &bad), TSK_E_USAGE);
#define TSK_CONF(field, TYPE, key, dflt, min, max, what) TSK_CONF_##TYPE(field, max)
#include "node/core/conf.def"
#undef TSK_CONF
    bad = good;
    bad.partner[0] = '\0';
    ck_err(tsk_conf_write(temp_dir, &bad), TSK_E_USAGE);
    bad = good;
    strcpy(bad.listen, "tls+tcp://a\nmap_gb = 1");
    ck_err(tsk_conf_write(temp_dir, &bad), TSK_E_USAGE);
    ck_assert_int_ne(access(temp_path("node.conf"), F_OK), 0);
}
END_TEST

static const struct { const char *text; unsigned line; } bad[] = {
    {"", 1},
    {"# only a comment\n", 2},
    {"listen = x\n", 2},
    {"partner =\n", 1},
    {"partner = 0123456789ABCDEF\n", 1},
    {"partner = X001\nnosuch = 1\n", 2},
    {"partner = X001\npartner = X002\n", 2},
    {"partner = X001\nmap_gb = 1\n\n# two\nmap_gb = 1\n", 5},
    {"partner = X001\nmap_gb\n", 2},
    {"partner = X001\nmap_gb 1\n", 2},
    {"partner = X001\nmap_gb =\n", 2},
    {"partner = X001\nmap_gb = 0\n", 2},
    {"partner = X001\nmap_gb = 1025\n", 2},
    {"partner = X001\nmap_gb = -1\n", 2},
    {"partner = X001\nmap_gb = +1\n", 2},
    {"partner = X001\nmap_gb = 0x10\n", 2},
    {"partner = X001\nmap_gb = 1.5\n", 2},
    {"partner = X001\nmap_gb = 1 # one\n", 2},
    {"partner = X001\nmap_gb = 18446744073709551617\n", 2},
    {"partner = X001\nlog_level = 4\n", 2},
    {"partner = X001\nMAP_GB = 1\n", 2},
    {"partner = X001\n= 1\n", 2},
    {"partner = X\x01Y\n", 1},
    {"partner = X\tY\n", 1},
};

START_TEST(refused_by_line)
{
    struct tsk_conf c, untouched;
    unsigned line = 99;
    memset(&c, 0x5a, sizeof c);
    untouched = c;
    write_conf(bad[_i].text, strlen(bad[_i].text));
    ck_err(tsk_conf_read(temp_dir, &c, &line), TSK_E_BADFILE);
    ck_assert_uint_eq(line, bad[_i].line);
    ck_assert_mem_eq(&c, &untouched, sizeof c);
}
END_TEST

START_TEST(forms_of_a_line)
{
    static const char *const good[] = {
        "partner=X001\nmap_gb=3",
        "  partner =\tX001  \r\n\r\n   # comment\r\n\tmap_gb = 3\r\n",
        "\n\nmap_gb = 003\npartner = X001\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct tsk_conf c;
        unsigned line;
        write_conf(good[i], strlen(good[i]));
        ck_ok(tsk_conf_read(temp_dir, &c, &line));
        ck_assert_str_eq(c.partner, "X001");
        ck_assert_uint_eq(c.map_gb, 3);
        ck_assert_uint_eq(c.mailbox_mb, 256);
    }
}
END_TEST

START_TEST(not_a_text)
{
    struct tsk_conf c;
    unsigned line = 99;
    ck_err(tsk_conf_read(temp_dir, &c, &line), TSK_E_BADFILE);
    ck_assert_uint_eq(line, 0);
    write_conf("partner = X001\n\0map_gb = 1\n", 27);
    ck_err(tsk_conf_read(temp_dir, &c, &line), TSK_E_BADFILE);
    char *big = malloc(70000);
    memset(big, '\n', 70000);
    write_conf(big, 70000);
    ck_err(tsk_conf_read(temp_dir, &c, &line), TSK_E_BADFILE);
    free(big);
}
END_TEST

/* Every truncation of a good file is read whole or refused, and never read outside. */
START_TEST(truncations)
{
    struct tsk_conf c;
    unsigned line;
    uint8_t *text;
    size_t n;
    tsk_conf_defaults(&c);
    strcpy(c.partner, "X001");
    ck_ok(tsk_conf_write(temp_dir, &c));
    ck_ok(tsk_file_read(temp_path("node.conf"), 65536, &text, &n));
    for (size_t i = 0; i < n; i += 7) {
        write_conf((const char *)text, i);
        enum tsk_err e = tsk_conf_read(temp_dir, &c, &line);
        ck_assert(e == TSK_OK || (e == TSK_E_BADFILE && line > 0));
    }
    free(text);
}
END_TEST

static TCase *conf_case(void)
{
    TCase *c = tcase_create("conf");
    tcase_add_checked_fixture(c, temp_setup, temp_teardown);
    tcase_add_test(c, defaults_come_back);
    tcase_add_test(c, every_value_comes_back);
    tcase_add_test(c, unreadable_is_not_written);
    tcase_add_loop_test(c, refused_by_line, 0, sizeof bad / sizeof *bad);
    tcase_add_test(c, forms_of_a_line);
    tcase_add_test(c, not_a_text);
    tcase_add_test(c, truncations);
    return c;
}

TSK_TEST_MAIN_NOFORK("conf", conf_case)
