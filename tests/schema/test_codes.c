/* The code lists: whole, well formed, in agreement with each other. */
#include "schema/codes.h"

#include <string.h>

#include "tests/check.h"

static const size_t list_sizes[TSK_LIST_COUNT] = {
    [TSK_LIST_CATEGORY] = 9,  [TSK_LIST_NEED] = 26,    [TSK_LIST_URGENCY] = 5,     [TSK_LIST_DECLINE] = 8,
    [TSK_LIST_OUTCOME] = 15,  [TSK_LIST_BASIS] = 8,    [TSK_LIST_ORG_TYPE] = 18,   [TSK_LIST_AGE_BAND] = 7,
    [TSK_LIST_PURPOSE] = 4,   [TSK_LIST_STOP_REASON] = 8, [TSK_LIST_ROLE] = 8,     [TSK_LIST_WARD] = 10,
    [TSK_LIST_ANSWER] = 3,
};

static bool has_kanji(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if (*p >= 0xe4 && *p <= 0xe9) /* lead bytes of U+4000..U+9FFF */
            return true;
    return false;
}

START_TEST(lists_are_whole)
{
    for (unsigned l = 0; l < TSK_LIST_COUNT; l++) {
        size_t n;
        const struct tsk_code_row *rows = tsk_codes((enum tsk_list)l, &n);
        ck_assert_uint_eq(n, list_sizes[l]);
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_lt(strlen(rows[i].id), sizeof(struct tsk_code));
            ck_assert(rows[i].ja[0] != '\0' && rows[i].easy[0] != '\0' && rows[i].en[0] != '\0');
            ck_assert_msg(!has_kanji(rows[i].easy), "%s easy has kanji", rows[i].id);
            ck_assert(tsk_code_find((enum tsk_list)l, rows[i].id) == &rows[i]); /* so no id stands twice */
        }
    }
}
END_TEST

START_TEST(lists_do_not_mix)
{
    size_t n;
    ck_assert_ptr_null(tsk_codes(TSK_LIST_COUNT, &n));
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_COUNT, "C1"));
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_NEED, "C1"));
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_CATEGORY, "c1"));
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_CATEGORY, ""));
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_CATEGORY, "C10"));
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_WARD, "011002")); /* the city */
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_WARD, "010006")); /* the prefecture */
    ck_assert_ptr_null(tsk_code_find(TSK_LIST_NEED, "N25"));
}
END_TEST

START_TEST(flags_mark_the_right_rows)
{
    static const struct { enum tsk_list list; unsigned flag; const char *ids; } want[] = {
        {TSK_LIST_CATEGORY, TSK_CODE_SPECIAL, "C4 C8 C9"},
        {TSK_LIST_NEED, TSK_CODE_EMERGENCY, "N16"},
        {TSK_LIST_URGENCY, TSK_CODE_EMERGENCY, "U0"},
        {TSK_LIST_OUTCOME, TSK_CODE_GOOD, "O11 O12 O13 O14 O15 O31 O90"},
        {TSK_LIST_BASIS, TSK_CODE_OPENS, "B1 B2 B3"},
    };
    for (unsigned l = 0; l < TSK_LIST_COUNT; l++) {
        size_t n;
        const struct tsk_code_row *rows = tsk_codes((enum tsk_list)l, &n);
        for (size_t i = 0; i < n; i++) {
            unsigned flags = 0;
            for (size_t w = 0; w < sizeof want / sizeof *want; w++)
                if (want[w].list == l && strstr(want[w].ids, rows[i].id) != NULL)
                    flags |= want[w].flag;
            ck_assert_msg(rows[i].flags == flags, "%s", rows[i].id);
        }
    }
}
END_TEST

START_TEST(urgency_carries_its_hours)
{
    static const struct { const char *id; int hours, days; } want[] = {
        {"U0", 0, 0}, {"U1", 2, 0}, {"U2", 8, 3}, {"U3", 16, 5}, {"U4", 24, 15}};
    for (size_t i = 0; i < 5; i++) {
        const struct tsk_code_row *row = tsk_code_find(TSK_LIST_URGENCY, want[i].id);
        ck_assert_int_eq(row->num, want[i].hours);
        ck_assert_int_eq(row->num2, want[i].days);
    }
}
END_TEST

START_TEST(texts_in_three_languages)
{
    ck_assert_str_eq(tsk_code_text(TSK_LIST_NEED, "N07", TSK_UI_JA), "学習");
    ck_assert_str_eq(tsk_code_text(TSK_LIST_NEED, "N07", TSK_UI_EASY), "べんきょう");
    ck_assert_str_eq(tsk_code_text(TSK_LIST_NEED, "N07", TSK_UI_EN), "Learning");
    ck_assert_str_eq(tsk_code_text(TSK_LIST_NEED, "N98", TSK_UI_EN), "N98");
}
END_TEST

START_TEST(districts_lie_in_wards)
{
    static const struct { const char *ward; size_t n; } want[] = {
        {"011011", 16}, {"011029", 11}, {"011037", 10}, {"011045", 8}, {"011088", 6},
        {"011053", 9},  {"011100", 5},  {"011061", 10}, {"011070", 8}, {"011096", 7}};
    size_t n, pilot = 0, naebo = 0;
    const struct tsk_district *rows = tsk_districts(&n);
    ck_assert_uint_eq(n, 90);
    for (size_t w = 0; w < sizeof want / sizeof *want; w++) {
        size_t in_ward = 0;
        for (size_t i = 0; i < n; i++)
            in_ward += strcmp(rows[i].ward, want[w].ward) == 0;
        ck_assert_uint_eq(in_ward, want[w].n);
    }
    for (size_t i = 0; i < n; i++) {
        ck_assert_ptr_nonnull(tsk_code_find(TSK_LIST_WARD, rows[i].ward));
        ck_assert_ptr_eq(tsk_district_find(rows[i].id), &rows[i]);
        ck_assert(strncmp(rows[i].id, rows[i].ward, 5) == 0);
        pilot += strcmp(rows[i].phase, "2018-08") == 0;
        naebo += strcmp(rows[i].name, "苗穂地区") == 0;
    }
    ck_assert_uint_eq(pilot, 10);
    ck_assert_uint_eq(naebo, 2);
    ck_assert_ptr_null(tsk_district_find("苗穂地区"));
    ck_assert_ptr_null(tsk_district_find("01101-17"));
}
END_TEST

START_TEST(partners_use_known_codes)
{
    size_t n, hidden = 0, fictional = 0;
    const struct tsk_partner_row *rows = tsk_sample_partners(&n);
    ck_assert_uint_eq(n, 35);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_lt(strlen(rows[i].id), TSK_PARTNER_ID_CAP);
        ck_assert_uint_eq(strspn(rows[i].id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"), strlen(rows[i].id));
        ck_assert_ptr_nonnull(tsk_code_find(TSK_LIST_ORG_TYPE, rows[i].type));
        ck_assert(rows[i].ward[0] == '\0' || tsk_code_find(TSK_LIST_WARD, rows[i].ward) != NULL);
        for (const char *p = rows[i].needs; *p != '\0'; p += strspn(p, " ")) {
            char need[8] = {0};
            ck_assert_uint_eq(strcspn(p, " "), 3);
            ck_assert_ptr_nonnull(tsk_code_find(TSK_LIST_NEED, memcpy(need, p, 3)));
            p += 3;
        }
        hidden += rows[i].hidden;
        fictional += rows[i].fictional;
        ck_assert(rows[i].hidden == (strcmp(rows[i].id, "X016") == 0));
        ck_assert(rows[i].fictional == (strstr(rows[i].name, "架空") != NULL));
        ck_assert_msg(*rows[i].kana != '\0' && *rows[i].name_en != '\0', "%s", rows[i].id);
        ck_assert_msg(tsk_kana_ok((struct tsk_slice){(const uint8_t *)rows[i].kana, strlen(rows[i].kana)}), "%s", rows[i].id);
        ck_assert_msg(!tsk_kana_ok((struct tsk_slice){(const uint8_t *)rows[i].name, strlen(rows[i].name)}), "%s", rows[i].id);
        for (const char *p = rows[i].name_en; *p != '\0'; p++)
            ck_assert_msg(*p >= ' ' && *p <= '~', "%s", rows[i].id);
    }
    ck_assert_uint_eq(hidden, 1);
    ck_assert_uint_eq(fictional, 18);
}
END_TEST

START_TEST(items_belong_to_categories)
{
    static const size_t want[] = {11, 5, 5, 7, 7, 6, 4, 5, 3};
    size_t n, categories;
    const struct tsk_item_row *rows = tsk_item_rows(&n);
    const struct tsk_code_row *c = tsk_codes(TSK_LIST_CATEGORY, &categories);
    ck_assert_uint_eq(n, 53);
    for (size_t k = 0; k < categories; k++) {
        size_t in_category = 0;
        for (size_t i = 0; i < n; i++)
            in_category += strcmp(rows[i].category, c[k].id) == 0;
        ck_assert_uint_eq(in_category, want[k]);
    }
    for (size_t i = 0; i < n; i++) {
        bool listed = rows[i].type == TSK_ITEM_CODE || rows[i].type == TSK_ITEM_CODES || rows[i].type == TSK_ITEM_TABLE;
        ck_assert_ptr_eq(tsk_item_row_find(rows[i].id), &rows[i]);
        ck_assert(rows[i].id[0] == 'c' && rows[i].id[1] == rows[i].category[1]);
        ck_assert(rows[i].ja[0] != '\0' && rows[i].en[0] != '\0');
        ck_assert_msg(!listed || rows[i].values != NULL, "%s", rows[i].id);
        ck_assert_msg((rows[i].type != TSK_ITEM_TEXT) || rows[i].max > 0, "%s", rows[i].id);
    }
    ck_assert_ptr_null(tsk_item_row_find("c1.nothing"));
}
END_TEST

static TCase *lists(void)
{
    TCase *t = tcase_create("lists");
    tcase_add_test(t, lists_are_whole);
    tcase_add_test(t, lists_do_not_mix);
    tcase_add_test(t, flags_mark_the_right_rows);
    tcase_add_test(t, urgency_carries_its_hours);
    tcase_add_test(t, texts_in_three_languages);
    return t;
}

static TCase *tables(void)
{
    TCase *t = tcase_create("tables");
    tcase_add_test(t, districts_lie_in_wards);
    tcase_add_test(t, partners_use_known_codes);
    tcase_add_test(t, items_belong_to_categories);
    return t;
}

TSK_TEST_MAIN("codes", lists, tables)
