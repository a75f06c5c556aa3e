#include "schema/bytes.h"

#include <string.h>

#include "tests/check.h"

START_TEST(slices_compare_by_length_and_content)
{
    static const uint8_t A[] = "abc", B[] = "abd";
    ck_assert(tsk_slice_eq((struct tsk_slice){A, 3}, (struct tsk_slice){A, 3}));
    ck_assert(tsk_slice_eq((struct tsk_slice){A, 2}, (struct tsk_slice){B, 2}));
    ck_assert(tsk_slice_eq((struct tsk_slice){NULL, 0}, (struct tsk_slice){A, 0}));
    ck_assert(!tsk_slice_eq((struct tsk_slice){A, 3}, (struct tsk_slice){B, 3}));
    ck_assert(!tsk_slice_eq((struct tsk_slice){A, 3}, (struct tsk_slice){A, 2}));
}
END_TEST

START_TEST(hex_goes_there_and_back)
{
    uint8_t all[256], back[256];
    char text[513];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    for (size_t n = 0; n <= sizeof all; n++) {
        tsk_hex(all, n, text);
        ck_assert_uint_eq(strlen(text), 2 * n);
        ck_ok(tsk_unhex(text, back, n));
        ck_assert(n == 0 || memcmp(all, back, n) == 0);
    }
    tsk_hex((const uint8_t *)"\x00\xaf\x10", 3, text);
    ck_assert_str_eq(text, "00af10");
}
END_TEST

START_TEST(hex_refuses_everything_else_and_leaves_the_bytes)
{
    static const char *const BAD[] = {"", "0", "00", "000", "00000", "000g", "00AF", " 0000", "0000 ", "0x00", "00-0"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        uint8_t b[2] = {7, 7};
        ck_err(tsk_unhex(BAD[i], b, 2), TSK_E_USAGE);
        ck_assert(b[0] == 7 && b[1] == 7);
    }
}
END_TEST

/* RFC 4648 section 10, the padding left out. */
START_TEST(base32_values_of_the_rfc)
{
    static const struct { const char *plain, *coded; } ROWS[] = {
        {"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"}, {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"},
        {"foobar", "MZXW6YTBOI"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char text[32];
        uint8_t back[8] = {0};
        size_t n = strlen(ROWS[i].plain);
        tsk_base32((const uint8_t *)ROWS[i].plain, n, text);
        ck_assert_str_eq(text, ROWS[i].coded);
        ck_ok(tsk_unbase32(text, back, n));
        ck_assert(memcmp(back, ROWS[i].plain, n) == 0);
    }
}
END_TEST

START_TEST(base32_goes_there_and_back_at_every_length)
{
    uint8_t b[64], back[64];
    char text[128];
    for (size_t n = 0; n <= sizeof b; n++) {
        for (size_t i = 0; i < n; i++)
            b[i] = (uint8_t)(i * 37 + n * 11 + 5);
        tsk_base32(b, n, text);
        ck_assert_uint_eq(strlen(text), (8 * n + 4) / 5);
        ck_ok(tsk_unbase32(text, back, n));
        ck_assert(n == 0 || memcmp(b, back, n) == 0);
        ck_assert(n == 0 || tsk_unbase32(text, back, n - 1) == TSK_E_USAGE);
        ck_err(tsk_unbase32(text, back, n + 1), TSK_E_USAGE);
    }
}
END_TEST

START_TEST(base32_takes_what_people_type)
{
    uint8_t b[3];
    ck_ok(tsk_unbase32("mzxw6", b, 3));
    ck_assert(memcmp(b, "foo", 3) == 0);
    ck_ok(tsk_unbase32(" MZ-xw 6-", b, 3));
    ck_assert(memcmp(b, "foo", 3) == 0);
}
END_TEST

START_TEST(base32_refuses_everything_else_and_leaves_the_bytes)
{
    /* the last but two: unused low bits set; one character too many, one too few */
    static const char *const BAD[] = {"", "MZXW", "MZXW1", "MZXW8", "MZXW0", "MZXW=",
                                      "MZXW6=", "MZXW\xc3", "MZ_W6", "MZXW7",
                                      "MZXW6A", "MZXW6AA"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        uint8_t b[3] = {7, 7, 7};
        ck_assert_msg(tsk_unbase32(BAD[i], b, 3) == TSK_E_USAGE, "%s", BAD[i]);
        ck_assert(b[0] == 7 && b[1] == 7 && b[2] == 7);
    }
}
END_TEST

static size_t encode_scalar(uint32_t v, uint8_t b[4])
{
    if (v < 0x80) {
        b[0] = (uint8_t)v;
        return 1;
    }
    size_t n = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, v >>= 6)
        b[i] = (uint8_t)(0x80 | (v & 0x3f));
    b[0] = (uint8_t)((0xf00u >> n) | v);
    return n;
}

/* The whole product: every value that four bytes can be made to carry, allowed exactly where RFC 3629 allows it. */
START_TEST(utf8_takes_every_scalar_and_no_surrogate)
{
    uint8_t b[4];
    for (uint32_t v = 0; v < 0x120000; v++) {
        size_t n = encode_scalar(v, b), scalars = 9;
        bool want = v < 0x110000 && !(v >= 0xd800 && v < 0xe000);
        ck_assert_msg(tsk_utf8_ok(b, n, &scalars) == want, "%x", (unsigned)v);
        ck_assert_uint_eq(scalars, want ? 1 : 9);
        ck_assert(n == 1 || !tsk_utf8_ok(b, n - 1, NULL));
    }
}
END_TEST

START_TEST(kana_holds_no_kanji)
{
    static const struct { const char *text; bool ok; } CASES[] = {
        {"", true}, {"さっぽろし (ためし)・NPO ー", true}, {"カタカナ", true}, {"札幌", false}, {"あ々", false}, {"まる〇", false},
        {"\xf0\xa0\xae\xb7のや", false}, {"\xef\xa4\x80", false}, {"\xe3\x81", false}, {"a\xff", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        ck_assert_msg(tsk_kana_ok((struct tsk_slice){(const uint8_t *)CASES[i].text, strlen(CASES[i].text)}) == CASES[i].ok,
                      "%s", CASES[i].text);
}
END_TEST

START_TEST(utf8_refuses_overlong_forms_and_stray_bytes)
{
    static const char *const BAD[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xf5\x80\x80\x80", "\xff", "\xfe", "a\xc3", "\xc3(", "\xe3\x81", "\xe3\x81(", "\xe3(\x82",
        "\xf0\x9f\x98(", "\xed\xa0\x80",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        ck_assert_msg(!tsk_utf8_ok((const uint8_t *)BAD[i], strlen(BAD[i]), NULL), "row %zu", i);
}
END_TEST

START_TEST(utf8_counts_scalars)
{
    static const char TEXT[] = "つなぐ tasuki 襷\xf0\x9f\x8e\x8b";
    size_t n = 0;
    ck_assert(tsk_utf8_ok((const uint8_t *)TEXT, sizeof TEXT - 1, &n));
    ck_assert_uint_eq(n, 3 + 8 + 2);
    ck_assert(tsk_utf8_ok(NULL, 0, &n));
    ck_assert_uint_eq(n, 0);
}
END_TEST

static TCase *forms(void)
{
    TCase *t = tcase_create("forms");
    tcase_add_test(t, slices_compare_by_length_and_content);
    tcase_add_test(t, hex_goes_there_and_back);
    tcase_add_test(t, hex_refuses_everything_else_and_leaves_the_bytes);
    tcase_add_test(t, base32_values_of_the_rfc);
    tcase_add_test(t, base32_goes_there_and_back_at_every_length);
    tcase_add_test(t, base32_takes_what_people_type);
    tcase_add_test(t, base32_refuses_everything_else_and_leaves_the_bytes);
    tcase_add_test(t, utf8_takes_every_scalar_and_no_surrogate);
    tcase_add_test(t, utf8_refuses_overlong_forms_and_stray_bytes);
    tcase_add_test(t, utf8_counts_scalars);
    tcase_add_test(t, kana_holds_no_kanji);
    tcase_set_timeout(t, 60);
    return t;
}

TSK_TEST_MAIN("bytes", forms)
