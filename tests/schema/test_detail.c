/* Details against items.def: every type with what it takes and what it refuses, every category's completeness. */
#include "schema/codes.h"

#include <string.h>

#include "tests/check.h"

static uint8_t buf[1 << 16];
static struct tsk_cbor_out out;

static struct tsk_code code(const char *text)
{
    struct tsk_code c = {{0}};
    memcpy(c.s, text, strlen(text));
    return c;
}

static void begin(uint64_t pairs)
{
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_map(&out, pairs);
}

static void put(const char *key, const char *text)
{
    tsk_cbor_put_str(&out, key);
    tsk_cbor_put_str(&out, text);
}

static struct tsk_slice written(void)
{
    struct tsk_slice bytes = {NULL, 0};
    ck_ok(tsk_cbor_out_done(&out, &bytes));
    return bytes;
}

static void ck_takes(const char *category)
{
    char key[32] = "untouched";
    enum tsk_err e = tsk_detail_check(code(category), written(), key);
    ck_assert_msg(e == TSK_OK, "%s: %s", category, key);
    ck_assert_str_eq(key, "untouched");
}

static void ck_refuses(const char *category, const char *want_key)
{
    char key[32] = "untouched";
    ck_err(tsk_detail_check(code(category), written(), key), TSK_E_DETAIL);
    ck_assert_str_eq(key, want_key);
    ck_err(tsk_detail_check(code(category), written(), NULL), TSK_E_DETAIL);
}

/* One text item alone in a category that asks for nothing else. */
static bool takes_text(const char *category, const char *key, const char *text)
{
    char blamed[32] = "";
    begin(1);
    put(key, text);
    enum tsk_err e = tsk_detail_check(code(category), written(), blamed);
    if (e != TSK_OK)
        ck_assert_str_eq(blamed, key);
    return e == TSK_OK;
}

/* ---- types ---- */

START_TEST(texts)
{
    static const char *const good[] = {"a", "二行\nあります", "𠮷田", "\xf0\x9f\x98\x80", "e\xcc\x81", " a ", "\xe2\x80\x8b"};
    static const char *const bad[] = {"", " ", "\n\n", "\xe3\x80\x80", "a\rb", "a\tb", "\x1b[31m", "a\x7f",
        "a\xc2\x85", "a\xc2\x9f",
                                      "\xe2\x80\xaa", "\xe2\x80\xab\x61", "a\xe2\x80\xac", "a\xe2\x80\xad",
        "a\xe2\x80\xae",
                                      "a\xe2\x81\xa6", "a\xe2\x81\xa7", "a\xe2\x81\xa8", "a\xe2\x81\xa9"};
    char text[400 * 4 + 5] = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(takes_text("C4", "c4.illness", good[i]), "%zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!takes_text("C4", "c4.illness", bad[i]), "%zu", i);
    for (size_t i = 0; i < 200; i++) /* 200 scalars of four bytes */
        memcpy(text + 4 * i, "𠮷", 4);
    ck_assert(takes_text("C4", "c4.illness", text));
    strcat(text, "a");
    ck_assert(!takes_text("C4", "c4.illness", text));
    begin(1);
    tsk_cbor_put_str(&out, "c4.illness");
    tsk_cbor_put_bytes(&out, (struct tsk_slice){(const uint8_t *)"abc", 3});
    ck_refuses("C4", "c4.illness");
}
END_TEST

START_TEST(every_text_has_its_length)
{
    size_t n;
    const struct tsk_item_row *rows = tsk_item_rows(&n);
    char text[512];
    for (size_t i = 0; i < n; i++) {
        if (rows[i].type != TSK_ITEM_TEXT || rows[i].required || strcmp(rows[i].category, "C1") == 0 ||
            strcmp(rows[i].category, "C2") == 0 || strcmp(rows[i].category, "C6") == 0)
            continue;
        memset(text, 'x', sizeof text);
        text[rows[i].max] = '\0';
        ck_assert(takes_text(rows[i].category, rows[i].id, text));
        text[rows[i].max] = 'x';
        text[rows[i].max + 1] = '\0';
        ck_assert(!takes_text(rows[i].category, rows[i].id, text));
    }
}
END_TEST

START_TEST(single_codes)
{
    size_t n;
    const struct tsk_item_row *rows = tsk_item_rows(&n);
    static const char *const bad[] = {"", "1=", "11", "x", "1|2", "男", "|", "="};
    for (size_t i = 0; i < n; i++) {
        if (rows[i].type != TSK_ITEM_CODE || rows[i].required || rows[i].category[1] <= '2')
            continue;
        for (char c = '0'; c <= '9'; c++) {
            char text[2] = {c, '\0'}, word[4] = {'|', c, '=', '\0'};
            bool there = strstr(rows[i].values, word) != NULL || strncmp(rows[i].values, word + 1, 2) == 0;
            ck_assert_msg(takes_text(rows[i].category, rows[i].id, text) == there, "%s %c", rows[i].id, c);
        }
        for (size_t b = 0; b < sizeof bad / sizeof *bad; b++)
            ck_assert(!takes_text(rows[i].category, rows[i].id, bad[b]));
    }
    begin(1);
    tsk_cbor_put_str(&out, "c5.job");
    tsk_cbor_put_uint(&out, 1);
    ck_refuses("C5", "c5.job");
}
END_TEST

static bool takes_codes(const char *const *codes, size_t n)
{
    begin(1);
    tsk_cbor_put_str(&out, "c5.benefit");
    tsk_cbor_put_array(&out, n);
    for (size_t i = 0; i < n; i++)
        tsk_cbor_put_str(&out, codes[i]);
    return tsk_detail_check(code("C5"), written(), NULL) == TSK_OK;
}

START_TEST(several_codes)
{
    ck_assert(takes_codes((const char *const[]){"4"}, 1));
    ck_assert(takes_codes((const char *const[]){"9", "2", "1"}, 3));
    ck_assert(takes_codes((const char *const[]){"1", "2", "3", "4", "5", "6", "7", "8", "9"}, 9));
    ck_assert(!takes_codes(NULL, 0));
    ck_assert(!takes_codes((const char *const[]){"2", "2"}, 2));
    ck_assert(!takes_codes((const char *const[]){"1", "0"}, 2));
    ck_assert(!takes_codes((const char *const[]){""}, 1));
    ck_assert(!takes_text("C5", "c5.benefit", "4"));
    begin(1);
    tsk_cbor_put_str(&out, "c5.benefit");
    tsk_cbor_put_array(&out, 1);
    tsk_cbor_put_uint(&out, 4);
    ck_refuses("C5", "c5.benefit");
}
END_TEST

START_TEST(yes_and_no)
{
    for (int v = 0; v < 2; v++) {
        begin(1);
        tsk_cbor_put_str(&out, "c7.plan");
        tsk_cbor_put_bool(&out, v);
        ck_takes("C7");
    }
    ck_assert(!takes_text("C7", "c7.plan", "true"));
    begin(1);
    tsk_cbor_put_str(&out, "c7.plan");
    tsk_cbor_put_uint(&out, 1);
    ck_refuses("C7", "c7.plan");
}
END_TEST

START_TEST(languages)
{
    static const char *const good[] = {"vi", "ja", "zh-Hans", "tl", "ne", "en-US", "fil", "ja-Latn-hepburn",
        "es-419", "VI", "en-a-bbb"};
    static const char *const bad[] = {"", "v", "vi-", "-vi", "vi--x", "vi_VN", "123", "v1", "abcdefghi",
        "vi-abcdefghi", "ベトナム",
                                      "vi ", "en-a", "en-aaaaaaaa-bbbbbbbb-cccccccc-dddddddd"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(takes_text("C9", "c9.lang", good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!takes_text("C9", "c9.lang", bad[i]), "%s", bad[i]);
}
END_TEST

static bool takes_name_with(const char *key, const char *text)
{
    begin(3);
    if (strcmp(key, "c1.tel") == 0) { /* keys of one length stand in the order of their letters */
        put("c1.how", "昼");
        put("c1.tel", text);
        put("c1.call", "そら");
    } else {
        put("c1.how", "昼");
        put("c1.call", "そら");
        put(key, text);
    }
    return tsk_detail_check(code("C1"), written(), NULL) == TSK_OK;
}

START_TEST(telephones)
{
    static const char *const good[] = {"110", "011-000-0000", "+81 11 000 0000", "(011)000-0000",
        "01234567890123456789"};
    static const char *const bad[] = {"", "11", "() -", "+-1", "011-000-000x", "０１１",
        "012345678901234567890", "011\n000"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(takes_name_with("c1.tel", good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!takes_name_with("c1.tel", bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(births)
{
    static const char *const good[] = {"2015-04-02", "2016-02-29", "~9", "~12"};
    static const char *const bad[] = {"", "~", "~100", "2015-02-29", "2015-4-2", "H27.4.2",
        "2015-04-02T00:00", "~1a"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(takes_name_with("c1.birth", good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!takes_name_with("c1.birth", bad[i]), "%s", bad[i]);
}
END_TEST

/* ---- tables ---- */

struct cell { const char *column, *text; };

static bool takes_agencies(const struct cell *cells, size_t n)
{
    begin(1);
    tsk_cbor_put_str(&out, "c7.agencies");
    tsk_cbor_put_array(&out, 1);
    tsk_cbor_put_map(&out, n);
    for (size_t i = 0; i < n; i++)
        put(cells[i].column, cells[i].text);
    return tsk_detail_check(code("C7"), written(), NULL) == TSK_OK;
}

START_TEST(tables)
{
    ck_assert(takes_agencies((struct cell[]){{"agency", "見本会館"}}, 1));
    ck_assert(takes_agencies((struct cell[]){{"since", "2024-04-01"}, {"agency", "見本会館"}, {"contact", "担当"}}, 3));
    ck_assert(!takes_agencies(NULL, 0));
    ck_assert(!takes_agencies((struct cell[]){{"contact", "担当"}}, 1));
    ck_assert(!takes_agencies((struct cell[]){{"agency", ""}}, 1));
    ck_assert(!takes_agencies((struct cell[]){{"agenc", "見本会館"}}, 1));
    ck_assert(!takes_agencies((struct cell[]){{"", "見本会館"}}, 1));
    ck_assert(!takes_agencies((struct cell[]){{"note", "x"}, {"agency", "見本会館"}}, 2));
    ck_assert(!takes_agencies((struct cell[]){{"since", "~9"}, {"agency", "見本会館"}}, 2));
    ck_assert(!takes_agencies(
        (struct cell[]){{"agency", "1234567890123456789012345678901234567890123456789012345678901"}}, 1));
    ck_assert(!takes_text("C7", "c7.agencies", "見本会館"));
}
END_TEST

static void put_members(uint64_t rows, const char *band)
{
    begin(2);
    put("c2.pref", "0");
    tsk_cbor_put_str(&out, "c2.members");
    tsk_cbor_put_array(&out, rows);
    for (uint64_t i = 0; i < rows; i++) {
        tsk_cbor_put_map(&out, 3);
        put("age_band", band);
        put("relation", "きょうだい");
        tsk_cbor_put_str(&out, "lives_together");
        tsk_cbor_put_bool(&out, true);
    }
}

START_TEST(family_tables)
{
    put_members(20, "A3");
    ck_takes("C2");
    put_members(21, "A3");
    ck_refuses("C2", "c2.members");
    put_members(0, "A3");
    ck_refuses("C2", "c2.members");
    put_members(1, "A7");
    ck_refuses("C2", "c2.members");
}
END_TEST

/* ---- whole categories ---- */

/* C6 with one value replaced or, where `text` is NULL, left out. */
static void put_c6(const char *replace, const char *text, const char *need)
{
    static const struct cell cells[] = {{"c6.ask", "週1回の席"}, {"c6.wish", "数学がわかる"}, {"c6.needs", NULL},
                                        {"c6.words", "べんきょうしたい"}, {"c6.urgency", "U3"}};
    begin(text == NULL && replace != NULL ? 4 : 5);
    for (size_t i = 0; i < 5; i++) {
        bool it = replace != NULL && strcmp(replace, cells[i].column) == 0;
        if (it && text == NULL)
            continue;
        if (cells[i].text != NULL) {
            put(cells[i].column, it ? text : cells[i].text);
        } else {
            tsk_cbor_put_str(&out, cells[i].column);
            tsk_cbor_put_array(&out, 2);
            tsk_cbor_put_str(&out, need);
            tsk_cbor_put_str(&out, "N07");
        }
    }
}

START_TEST(the_request)
{
    static const char *const keys[] = {"c6.ask", "c6.wish", "c6.needs", "c6.words", "c6.urgency"};
    put_c6(NULL, NULL, "N09");
    ck_takes("C6");
    for (size_t i = 0; i < 5; i++) {
        put_c6(keys[i], NULL, "N09");
        ck_refuses("C6", keys[i]);
    }
    put_c6(NULL, NULL, "N16"); /* is said by telephone, never written here */
    ck_refuses("C6", "c6.needs");
    put_c6(NULL, NULL, "N07");
    ck_refuses("C6", "c6.needs");
    put_c6("c6.urgency", "U0", "N09");
    ck_refuses("C6", "c6.urgency");
    put_c6("c6.urgency", "U5", "N09");
    ck_refuses("C6", "c6.urgency");
    put_c6("c6.words", " ", "N09");
    ck_refuses("C6", "c6.words");
}
END_TEST

START_TEST(name_and_contact)
{
    static const struct cell full[] = {{"c1.how", "昼"}, {"c1.kana", "そらの みほん"}, {"c1.name", "空野 見本"},
        {"c1.birth", "2015-04-02"}};
    begin(4);
    for (size_t i = 0; i < 4; i++)
        put(full[i].column, full[i].text);
    ck_takes("C1");
    for (size_t without = 0; without < 4; without++) {
        begin(3);
        for (size_t i = 0; i < 4; i++)
            if (i != without)
                put(full[i].column, full[i].text);
        ck_refuses("C1", full[without].column);
    }
    begin(2);
    put("c1.how", "昼");
    put("c1.call", "そら");
    ck_takes("C1");
    begin(1);
    put("c1.call", "そら");
    ck_refuses("C1", "c1.how");
    begin(1);
    put("c1.how", "昼");
    ck_refuses("C1", "c1.name");
}
END_TEST

START_TEST(nothing_at_all)
{
    static const struct { const char *category, *key; } rows[] = {
        {"C1", "c1.name"}, {"C2", "c2.pref"}, {"C3", "C3"}, {"C4", "C4"}, {"C5", "C5"},
        {"C6", "c6.needs"}, {"C7", "C7"}, {"C8", "C8"}, {"C9", "C9"}, {"C10", "C10"}, {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(0);
        ck_refuses(rows[i].category, rows[i].key);
    }
}
END_TEST

START_TEST(keys_that_do_not_belong)
{
    begin(1);
    put("c3.school", "見本小学校");
    ck_refuses("C4", "c3.school");
    begin(1);
    put("c3.schoo", "見本小学校");
    ck_refuses("C3", "c3.schoo");
    begin(1);
    put("", "x");
    ck_refuses("C3", "");
    begin(1);
    put("c3.\x1b[31m\xe2\x80\xae\x61 very long key from outside", "x");
    ck_refuses("C3", "c3.?[31m???a?very?long?key?from");
    begin(1);
    tsk_cbor_put_uint(&out, 3);
    tsk_cbor_put_str(&out, "x");
    ck_refuses("C3", "");
}
END_TEST

START_TEST(bytes_that_are_no_detail)
{
    static const uint8_t raw[][8] = {{0x80}, {0x60}, {0x00}, {0xa0, 0x00}, {0xbf, 0xff}, {0xa1}, {0xf6}};
    static const size_t len[] = {1, 1, 1, 2, 2, 1, 1};
    for (size_t i = 0; i < sizeof len / sizeof *len; i++)
        ck_err(tsk_detail_check(code("C3"), (struct tsk_slice){raw[i], len[i]}, NULL), TSK_E_DETAIL);
    ck_err(tsk_detail_check(code("C3"), (struct tsk_slice){raw[0], 0}, NULL), TSK_E_DETAIL);
    begin(2); /* unsorted, then twice the same */
    put("c3.school", "見本小学校");
    put("c3.grade", "4年");
    ck_err(tsk_detail_check(code("C3"), written(), NULL), TSK_E_DETAIL);
    begin(2);
    put("c3.grade", "4年");
    put("c3.grade", "4年");
    ck_err(tsk_detail_check(code("C3"), written(), NULL), TSK_E_DETAIL);
}
END_TEST

START_TEST(every_truncation_and_every_flipped_bit)
{
    put_c6(NULL, NULL, "N09");
    struct tsk_slice whole = written();
    uint8_t copy[512];
    ck_assert_uint_lt(whole.n, sizeof copy);
    for (size_t n = 0; n < whole.n; n++)
        ck_err(tsk_detail_check(code("C6"), (struct tsk_slice){whole.p, n}, NULL), TSK_E_DETAIL);
    for (size_t bit = 0; bit < whole.n * 8; bit++) {
        char key[32];
        memcpy(copy, whole.p, whole.n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum tsk_err e = tsk_detail_check(code("C6"), (struct tsk_slice){copy, whole.n}, key);
        /* a changed letter may still be a text */
        ck_assert(e == TSK_OK || (e == TSK_E_DETAIL && strlen(key) < sizeof key));
    }
}
END_TEST

static TCase *types(void)
{
    TCase *t = tcase_create("types");
    tcase_add_test(t, texts);
    tcase_add_test(t, every_text_has_its_length);
    tcase_add_test(t, single_codes);
    tcase_add_test(t, several_codes);
    tcase_add_test(t, yes_and_no);
    tcase_add_test(t, languages);
    tcase_add_test(t, telephones);
    tcase_add_test(t, births);
    tcase_add_test(t, tables);
    tcase_add_test(t, family_tables);
    return t;
}

static TCase *categories(void)
{
    TCase *t = tcase_create("categories");
    tcase_add_test(t, the_request);
    tcase_add_test(t, name_and_contact);
    tcase_add_test(t, nothing_at_all);
    tcase_add_test(t, keys_that_do_not_belong);
    tcase_add_test(t, bytes_that_are_no_detail);
    tcase_add_test(t, every_truncation_and_every_flipped_bit);
    return t;
}

TSK_TEST_MAIN("detail", types, categories)
