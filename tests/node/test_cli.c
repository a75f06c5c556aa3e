/* What the command line does without a node: details, columns, notices, receipts, the registrar's files, exit statuses. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "node/cli/demo.h"
#include "node/cli/detail.h"
#include "node/cli/registrar.h"
#include "node/cli/terminal.h"
#include "node/desk/json.h"
#include "tests/check.h"

static char dir[64];

static void setup(void)
{
    ck_ok(tsk_crypto_init());
    strcpy(dir, "/tmp/tasuki-cli-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    tsk_demo_remove(dir);
}

static const char *in_dir(const char *name)
{
    static char paths[64][128];
    static unsigned next;
    char *p = paths[next++ % 64];
    snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    return p;
}

/* ---- details ---- */
static enum tsk_err pack(const char *category, const char *text, char ret_what[TSK_ARG_WHAT_CAP], json_t **ret_back)
{
    struct tsk_cli c = {.ui = TSK_UI_EN};
    json_t *content = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    uint8_t *p = NULL;
    size_t n = 0;
    ck_assert(json_is_object(content));
    enum tsk_err e = tsk_detail_pack(&c, category, content, &p, &n);
    if (e == TSK_OK) {
        ck_ok(tsk_cbor_check((struct tsk_slice){p, n}));
        if (ret_back)
            ck_ok(tsk_json_content((struct tsk_slice){p, n}, ret_back));
    }
    free(p);
    json_decref(content);
    strcpy(ret_what, c.what);
    return e;
}

START_TEST(details_round_trip)
{
    static const struct { const char *category, *text; } ROWS[] = {
        {"C1", "{\"c1.name\":\"見本 はる\",\"c1.kana\":\"みほん\",\"c1.birth\":\"2011-05-05\",\"c1.how\":\"夕方\"}"},
        {"C1", "{\"c1.how\":\"夕方\",\"c1.call\":\"はる\"}"},
        {"C2", "{\"c2.single\":true,\"c2.pref\":\"1\",\"c2.members\":[{\"relation\":\"母\",\"lives_together\":true}]}"},
        {"C6", "{\"c6.needs\":[\"N07\",\"N08\"],\"c6.words\":\"a\",\"c6.wish\":\"b\",\"c6.ask\":\"c\",\"c6.urgency\":\"U3\"}"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char what[TSK_ARG_WHAT_CAP];
        json_t *back = NULL, *want = json_loads(ROWS[i].text, 0, NULL);
        ck_ok(pack(ROWS[i].category, ROWS[i].text, what, &back));
        ck_assert(json_equal(back, want));
        json_decref(back);
        json_decref(want);
    }
}
END_TEST

START_TEST(details_refused_by_key)
{
    static const struct { const char *category, *text, *key; } ROWS[] = {
        {"C2", "{\"c2.pref\":\"1\",\"c2.single\":null}", "c2.single"},
        {"C2", "{\"c2.pref\":1}", "c2.pref"},
        {"C2", "{\"c2.pref\":1.5}", "c2.pref"},
        {"C2", "{\"c2.pref\":\"1\",\"c2.single\":\"yes\"}", "c2.single"},
        {"C2", "{\"c2.pref\":\"7\"}", "c2.pref"},
        {"C2", "{\"c2.pref\":\"1\",\"c1.name\":\"x\"}", "c1.name"},
        {"C2", "{\"c2.pref\":\"1\",\"x\":\"y\"}", "x"},
        {"C2", "{\"c2.single\":true}", "c2.pref"},
        {"C2", "{\"c2.pref\":\"1\",\"c2.care\":[[[[[\"deep\"]]]]]}", "c2.care"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char what[TSK_ARG_WHAT_CAP];
        ck_err(pack(ROWS[i].category, ROWS[i].text, what, NULL), TSK_E_DETAIL);
        ck_assert_str_eq(what, ROWS[i].key);
    }
}
END_TEST

/* ---- columns ---- */
START_TEST(widths)
{
    static const struct { const char *text; size_t width; } ROWS[] = {
        {"", 0}, {"abc", 3}, {"北区", 4}, {"a北b", 4}, {"ｶﾅ", 2}, {"ＡＢ", 4}, {"か\xE3\x82\x99", 2}, {"①", 1}, {"〒", 2}, {"𠮷", 2},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        ck_assert_msg(tsk_width(ROWS[i].text) == ROWS[i].width, "%s: %zu", ROWS[i].text, tsk_width(ROWS[i].text));
}
END_TEST

START_TEST(tables_align)
{
    const char *cells[] = {"状況", "A", "Z", "x", "北区役所", NULL, "届きました", "", "Z"};
    char *text = NULL, *rest;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    tsk_table_print(f, cells, 3, 3);
    fclose(f);
    rest = text;
    const char *first = strsep(&rest, "\n"), *second = strsep(&rest, "\n"), *third = strsep(&rest, "\n");
    ck_assert_uint_eq(tsk_width(first), tsk_width(third));
    ck_assert_uint_eq(tsk_width(first), tsk_width(second) + 1);
    free(text);
}
END_TEST

/* ---- notices ---- */
START_TEST(notices_are_filled)
{
    size_t n;
    const struct tsk_notice *rows = tsk_notices(&n);
    for (size_t i = 0; i < n; i++) {
        char *text = tsk_notice_fill(&rows[i], "機関A", "C1", "2027-03-31");
        ck_assert_ptr_nonnull(text);
        ck_assert_ptr_nonnull(strstr(text, "機関A"));
        ck_assert_ptr_nonnull(strstr(text, "2027-03-31"));
        ck_assert_ptr_null(strpbrk(text, "{}"));
        free(text);
    }
}
END_TEST

/* ---- the whole program, in this process ---- */
static int tasuki(const char *first, ...)
{
    char *argv[32] = {"tasuki"};
    int argc = 1;
    va_list ap;
    va_start(ap, first);
    for (const char *w = first; w && argc < 30; w = va_arg(ap, const char *))
        argv[argc++] = (char *)(uintptr_t)w;
    va_end(ap);
    argv[argc++] = "--json";
    fflush(stdout);
    int out = dup(1);
    ck_assert_ptr_nonnull(freopen(in_dir("out.json"), "w", stdout));
    int rc = tsk_cli_main(argc, argv);
    fflush(stdout);
    dup2(out, 1);
    close(out);
    return rc;
}

static json_t *said(void)
{
    json_t *o = json_load_file(in_dir("out.json"), JSON_REJECT_DUPLICATES, NULL);
    ck_assert(json_is_object(o));
    return o;
}

static void refuses(int rc, int want_rc, const char *code)
{
    json_t *o = said();
    ck_assert_str_eq(tsk_js(json_object_get(o, "error"), "code"), code);
    ck_assert(json_is_false(json_object_get(json_object_get(o, "error"), "sent")));
    ck_assert_int_eq(rc, want_rc);
    json_decref(o);
}

START_TEST(the_registrar)
{
    const char *r = in_dir("R"), *a = in_dir("A"), *b = in_dir("B");
    ck_assert_int_eq(tasuki("roster", "new", "--dir", r, "--name", "ネット", NULL), 0);
    refuses(tasuki("roster", "new", "--dir", r, "--name", "again", NULL), 1, "e.exists");
    ck_assert_int_eq(tasuki("node", "new", "--dir", a, "--id", "01100-YC", "--role", "sender,postoffice", "--listen",
                            "ipc:///tmp/a.sock", NULL), 0);
    ck_assert_int_eq(tasuki("node", "new", "--dir", b, "--id", "X001", "--role", "recipient", "--post", "01100-YC", NULL), 0);
    refuses(tasuki("roster", "admit", "--dir", r, b, NULL), 1, "e.unknownpeer"); /* its post office is not there */
    ck_assert_int_eq(tasuki("roster", "admit", "--dir", r, a, b, NULL), 0);
    json_t *o = said();
    ck_assert_uint_eq(tsk_jn(o, "seq"), 2);
    ck_assert_uint_eq(tsk_jn(o, "members"), 2);
    json_decref(o);
    struct stat st;
    static const char *const SECRET[] = {"R/root.key", "R/ca.key", "A/unlock", "A/keys"};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(stat(in_dir(SECRET[i]), &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
    }
}
END_TEST

/* The same organisation with a new key takes the place of the old one, and those who post there follow. */
START_TEST(a_new_key_succeeds)
{
    struct tsk_members *m = NULL;
    uint8_t *p = NULL;
    size_t n = 0;
    ck_assert_int_eq(tasuki("roster", "new", "--dir", in_dir("R"), "--name", "n", NULL), 0);
    ck_assert_int_eq(tasuki("node", "new", "--dir", in_dir("A"), "--id", "01100-YC", "--role", "sender,postoffice", "--listen",
                            "ipc:///tmp/a.sock", NULL), 0);
    ck_assert_int_eq(tasuki("node", "new", "--dir", in_dir("B"), "--id", "X001", "--role", "recipient", "--post",
                            "01100-YC", NULL), 0);
    ck_assert_int_eq(tasuki("roster", "admit", "--dir", in_dir("R"), in_dir("A"), in_dir("B"), NULL), 0);
    ck_ok(tsk_file_read(in_dir("R/roster.cose"), 1 << 21, &p, &n));
    ck_ok(tsk_members_new((struct tsk_slice){p, n}, NULL, 0, 1, &m));
    struct tsk_kid old = tsk_member_by_partner(m, "01100-YC", 0)->m.kid;
    tsk_members_free(m);
    free(p);
    ck_assert_int_eq(tasuki("node", "new", "--dir", in_dir("A2"), "--id", "01100-YC", "--role", "sender,postoffice", "--listen",
                            "ipc:///tmp/a.sock", NULL), 0);
    ck_assert_int_eq(tasuki("roster", "admit", "--dir", in_dir("R"), in_dir("A2"), NULL), 0);
    ck_ok(tsk_file_read(in_dir("R/roster.cose"), 1 << 21, &p, &n));
    ck_ok(tsk_members_new((struct tsk_slice){p, n}, NULL, 0, 1, &m));
    const struct tsk_entry *a = tsk_member_by_partner(m, "01100-YC", 0), *b = tsk_member_by_partner(m, "X001", 0);
    ck_assert_uint_eq(m->n, 2);
    ck_assert_uint_eq(m->r.seq, 3);
    ck_assert(a->m.has_succeeds);
    ck_assert_mem_eq(&a->m.succeeds, &old, sizeof old);
    ck_assert_mem_ne(&a->m.kid, &old, sizeof old);
    ck_assert_mem_eq(&b->m.posts[0], &a->m.kid, sizeof old);
    tsk_members_free(m);
    free(p);
}
END_TEST

/* Every bit of a join: none of them may be changed. */
START_TEST(a_join_is_whole)
{
    uint8_t *p = NULL;
    size_t n = 0;
    ck_assert_int_eq(tasuki("roster", "new", "--dir", in_dir("R"), "--name", "n", NULL), 0);
    ck_assert_int_eq(tasuki("node", "new", "--dir", in_dir("A"), "--id", "X001", "--role", "recipient", "--listen",
                            "ipc:///tmp/a.sock", NULL), 0);
    ck_ok(tsk_file_read(in_dir("A/join.cose"), 8192, &p, &n));
    for (size_t i = 0; i < n; i += 7) {
        p[i] ^= 0x10;
        ck_ok(tsk_file_write(in_dir("bad.cose"), (struct tsk_slice){p, n}, 0600));
        ck_assert_int_ne(tasuki("roster", "admit", "--dir", in_dir("R"), in_dir("bad.cose"), NULL), 0);
        p[i] ^= 0x10;
    }
    for (size_t cut = 0; cut < n; cut += 61) {
        ck_ok(tsk_file_write(in_dir("bad.cose"), (struct tsk_slice){p, cut}, 0600));
        refuses(tasuki("roster", "admit", "--dir", in_dir("R"), in_dir("bad.cose"), NULL), 2, "e.badfile");
    }
    free(p);
    ck_assert_int_eq(tasuki("roster", "admit", "--dir", in_dir("R"), in_dir("A"), NULL), 0);
}
END_TEST

START_TEST(verify_knows_good_from_bad)
{
    uint8_t *p = NULL;
    size_t n = 0;
    ck_assert_int_eq(tasuki("roster", "new", "--dir", in_dir("R"), "--name", "n", NULL), 0);
    ck_assert_int_eq(tasuki("node", "new", "--dir", in_dir("A"), "--id", "X001", "--role", "recipient", "--listen",
                            "ipc:///tmp/a.sock", NULL), 0);
    ck_assert_int_eq(tasuki("verify", in_dir("A/join.cose"), in_dir("R/roster.cose"), NULL), 0);
    static const char *const FILES[] = {"A/join.cose", "R/roster.cose"};
    for (int i = 0; i < 2; i++) {
        ck_ok(tsk_file_read(in_dir(FILES[i]), 1 << 21, &p, &n));
        p[n - 1] ^= 1;
        ck_ok(tsk_file_write(in_dir("bad.cose"), (struct tsk_slice){p, n}, 0600));
        free(p);
        ck_assert_int_eq(tasuki("verify", in_dir("bad.cose"), NULL), 1);
        json_t *o = said();
        ck_assert_str_eq(tsk_js(json_array_get(json_object_get(o, "files"), 0), "signature"), "bad");
        json_decref(o);
    }
    ck_ok(tsk_file_write(in_dir("bad.cose"), TSK_SLICE(((const uint8_t[]){'x', 'y'})), 0600));
    refuses(tasuki("verify", in_dir("bad.cose"), NULL), 2, "e.badfile");
    refuses(tasuki("verify", in_dir("none"), NULL), 2, "e.badfile");
}
END_TEST

START_TEST(emergency_comes_first)
{
    refuses(tasuki("refer", "--need", "N16", NULL), 1, "e.emergency");
    refuses(tasuki("refer", "--need", "N07,N16", "--dir", in_dir("none"), NULL), 1, "e.emergency");
    refuses(tasuki("refer", "--urgency", "U0", NULL), 1, "e.emergency");
    struct stat st;
    ck_assert_int_ne(stat(in_dir("none"), &st), 0);
}
END_TEST

/* An update's new texts come into force with the next roster, and what was heard before goes on to count. */
START_TEST(notices_grow)
{
    static const uint8_t foreign[] = {0x58, 32, 7};
    uint8_t one[34] = {0};
    memcpy(one, foreign, sizeof foreign);
    struct tsk_elements none = {0}, again = {0}, more = {0};
    ck_ok(tsk_elements_init(&none, 4096));
    ck_ok(tsk_elements_init(&again, 4096));
    ck_ok(tsk_elements_init(&more, 4096));
    ck_ok(tsk_notices_put((struct tsk_seq){0}, &none));
    size_t n;
    ck_assert_ptr_nonnull(tsk_notices(&n));
    ck_assert_uint_eq(none.n, n);
    ck_ok(tsk_notices_put(tsk_elements_seq(&none), &again));
    struct tsk_seq first = tsk_elements_seq(&none), second = tsk_elements_seq(&again);
    ck_assert_uint_eq(again.n, n);
    ck_assert(tsk_slice_eq(first.bytes, second.bytes));
    ck_ok(tsk_notices_put((struct tsk_seq){.bytes = TSK_SLICE(one), .n = 1}, &more));
    ck_assert_uint_eq(more.n, n + 1);
    ck_assert_mem_eq(tsk_elements_seq(&more).bytes.p, one, sizeof one);
    tsk_elements_drop(&none);
    tsk_elements_drop(&again);
    tsk_elements_drop(&more);
}
END_TEST

static TCase *cli_case(void)
{
    TCase *tc = tcase_create("cli");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, details_round_trip);
    tcase_add_test(tc, details_refused_by_key);
    tcase_add_test(tc, widths);
    tcase_add_test(tc, tables_align);
    tcase_add_test(tc, notices_are_filled);
    tcase_add_test(tc, notices_grow);
    tcase_add_test(tc, the_registrar);
    tcase_add_test(tc, a_new_key_succeeds);
    tcase_add_test(tc, a_join_is_whole);
    tcase_add_test(tc, verify_knows_good_from_bad);
    tcase_add_test(tc, emergency_comes_first);
    return tc;
}

TSK_TEST_MAIN("cli", cli_case)
