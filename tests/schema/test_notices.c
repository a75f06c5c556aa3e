/* The words a family hears: all there, the same facts to fill in, readable for whom they are meant. */
#include "schema/consent.h"

#include <string.h>

#include "tests/check.h"

/* The next scalar of UTF-8 that is known to be well formed. */
static unsigned scalar(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    unsigned c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (unsigned i = 1; i < n; i++)
        c = c << 6 | (s[i] & 0x3fu);
    *p += n;
    return c;
}

static bool is_kanji(unsigned c)
{
    return (c >= 0x3400 && c <= 0x9fff) || c == 0x3005 || (c >= 0xf900 && c <= 0xfaff) || c >= 0x20000;
}

static bool is_kana(unsigned c)
{
    return c >= 0x3041 && c <= 0x30ff;
}

START_TEST(every_row_is_there)
{
    static const struct { uint64_t kind; const char *lang; } want[] = {{TSK_HOLDER_CHILD, "ja-Hira"},
                                                                       {TSK_HOLDER_CHILD, "ja"},
                                                                       {TSK_HOLDER_CHILD, "en"},
                                                                       {TSK_HOLDER_GUARDIAN, "ja"},
                                                                       {TSK_HOLDER_GUARDIAN, "en"}};
    size_t n;
    const struct tsk_notice *rows = tsk_notices(&n);
    ck_assert_uint_eq(n, 5);
    for (size_t i = 0; i < n; i++) {
        const struct tsk_notice *row = tsk_notice_find(want[i].kind, want[i].lang);
        ck_assert_ptr_nonnull(row);
        ck_assert_uint_eq(row->version, want[i].kind == TSK_HOLDER_CHILD ? 3 : 2);
        ck_assert(tsk_utf8_ok((const uint8_t *)rows[i].text, strlen(rows[i].text), NULL));
    }
    ck_assert_ptr_null(tsk_notice_find(TSK_HOLDER_GUARDIAN, "ja-Hira"));
    ck_assert_ptr_null(tsk_notice_find(TSK_HOLDER_CHILD, "vi"));
    ck_assert_ptr_null(tsk_notice_find(TSK_HOLDER_CHILD, ""));
    ck_assert_ptr_null(tsk_notice_find(3, "ja"));
}
END_TEST

START_TEST(the_same_places_to_fill)
{
    static const char *const places[] = {"{agency}", "{until}", "{categories}"};
    size_t n;
    const struct tsk_notice *rows = tsk_notices(&n);
    for (size_t i = 0; i < n; i++) {
        size_t braces = 0, agency = 0;
        for (const char *p = strchr(rows[i].text, '{'); p != NULL; p = strchr(p + 1, '{')) {
            size_t known = 0;
            for (size_t k = 0; k < 3; k++)
                known += strncmp(p, places[k], strlen(places[k])) == 0;
            ck_assert_uint_eq(known, 1);
            agency += strncmp(p, "{agency}", 8) == 0;
            braces++;
        }
        ck_assert_uint_eq(braces, 5);
        ck_assert_uint_eq(agency, 3);
        ck_assert_ptr_nonnull(strstr(rows[i].text, "{until}"));
        ck_assert_ptr_nonnull(strstr(rows[i].text, "{categories}"));
    }
}
END_TEST

START_TEST(kana_alone_for_the_youngest)
{
    const char *p = tsk_notice_find(TSK_HOLDER_CHILD, "ja-Hira")->text;
    while (*p != '\0') {
        if (*p == '{') {
            p += strcspn(p, "}");
            continue;
        }
        unsigned c = scalar(&p);
        bool mark = c == 0x3001 || c == 0x3002 || c == 0x300c || c == 0x300d; /* 、。「」 */
        bool ascii = c == ' ' || c == '\n' || c == ':' || c == '}' || (c >= '0' && c <= '9');
        ck_assert_msg(is_kana(c) || mark || ascii, "U+%04X", c);
    }
}
END_TEST

START_TEST(a_reading_after_every_kanji)
{
    const char *p = tsk_notice_find(TSK_HOLDER_CHILD, "ja")->text;
    while (*p != '\0') {
        if (!is_kanji(scalar(&p)))
            continue;
        unsigned c = scalar(&p);
        while (is_kanji(c))
            c = scalar(&p);
        ck_assert_uint_eq(c, '(');
        size_t n = 0;
        for (c = scalar(&p); c != ')'; c = scalar(&p), n++)
            ck_assert_msg(is_kana(c), "U+%04X", c);
        ck_assert_uint_gt(n, 0);
    }
}
END_TEST

START_TEST(every_promise_is_made)
{
    static const struct { uint64_t kind; const char *lang, *facts[8]; } want[] = {
        {TSK_HOLDER_CHILD, "ja-Hira", {"だけ", "ことわっても", "カード", "ばんごう", "でんわ", "おとな", "きろく", "かぎ"}},
        {TSK_HOLDER_CHILD, "ja", {"だけ", "断(ことわ)っても", "カード", "番号", "電話", "大人", "記録", "鍵"}},
        {TSK_HOLDER_CHILD, "en", {"only", "say no", "card", "code", "telephone", "any adult", "written down", "key"}},
        {TSK_HOLDER_GUARDIAN, "ja", {"限ります", "不利益", "カード", "コード", "電話", "職員", "記録", "鍵"}},
        {TSK_HOLDER_GUARDIAN, "en",
         {"only", "say no", "card", "code", "telephone", "any member of staff", "recorded", "key"}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        for (size_t k = 0; k < 8; k++)
            ck_assert_msg(strstr(tsk_notice_find(want[i].kind, want[i].lang)->text, want[i].facts[k]) != NULL, "%s %s",
                          want[i].lang, want[i].facts[k]);
}
END_TEST

static TCase *notices(void)
{
    TCase *t = tcase_create("notices");
    tcase_add_test(t, every_row_is_there);
    tcase_add_test(t, the_same_places_to_fill);
    tcase_add_test(t, kana_alone_for_the_youngest);
    tcase_add_test(t, a_reading_after_every_kanji);
    tcase_add_test(t, every_promise_is_made);
    return t;
}

TSK_TEST_MAIN("notices", notices)
