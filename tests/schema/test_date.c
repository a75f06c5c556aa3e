/* Days, Tokyo time, business hours and ages, against the C library's calendar and against plain counting. */
#include "schema/date.h"

#include <string.h>
#include <time.h>

#include "tests/check.h"

static struct tsk_code code(const char *text)
{
    struct tsk_code c = {{0}};
    memcpy(c.s, text, strlen(text));
    return c;
}

static uint64_t at(const char *text)
{
    uint64_t t = 0;
    ck_ok(tsk_time_parse(text, &t));
    return t;
}

static void ck_time(uint64_t got, const char *want)
{
    char text[32];
    tsk_time_format(got, text);
    ck_assert_str_eq(text, want);
}

START_TEST(every_day_agrees_with_the_c_library)
{
    struct tsk_date d = {1900, 1, 1};
    int days = 0;
    for (; d.year <= 2200; d = tsk_date_add_days(d, 1), days++) {
        time_t noon = (time_t)(tsk_date_start(d) + 12 * 3600 + 9 * 3600);
        struct tm tm;
        gmtime_r(&noon, &tm);
        ck_assert_int_eq(tm.tm_year + 1900, d.year);
        ck_assert_int_eq(tm.tm_mon + 1, d.month);
        ck_assert_int_eq(tm.tm_mday, d.day);
        ck_assert_int_eq(tm.tm_wday, tsk_date_weekday(d));
        if (d.year >= 1971) {
            struct tsk_date first = tsk_date_of((uint64_t)tsk_date_start(d));
            struct tsk_date last = tsk_date_of(tsk_date_until(d) - 1);
            ck_assert(memcmp(&first, &d, sizeof d) == 0 && memcmp(&last, &d, sizeof d) == 0);
        }
        char text[16];
        struct tsk_date back;
        tsk_date_format(d, text);
        ck_ok(tsk_date_parse(text, &back));
        ck_assert(memcmp(&back, &d, sizeof d) == 0);
    }
    ck_assert_int_eq(days, 109938);
    d = tsk_date_add_days(d, -days);
    ck_assert(d.year == 1900 && d.month == 1 && d.day == 1);
}
END_TEST

START_TEST(dates_that_are_none)
{
    static const char *const bad[] = {"", "2027", "2027-3-31", "2027-03-1", "2027-02-29", "2100-02-29",
                                      "1899-12-31", "2201-01-01", "2027-00-10", "2027-13-10", "2027-04-31",
                                      "2027-01-00",
                                      "2027/03/31", " 2027-03-31", "2027-03-31 ", "2027-03-3x", "+027-03-31",
                                      "二〇二七"};
    struct tsk_date d = {1, 2, 3};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_err(tsk_date_parse(bad[i], &d), TSK_E_USAGE);
    ck_assert(d.year == 1 && d.month == 2 && d.day == 3);
    ck_ok(tsk_date_parse("2000-02-29", &d));
}
END_TEST

START_TEST(times_with_and_without_offset)
{
    ck_assert_uint_eq(at("1970-01-01T09:00"), 0);
    ck_assert_uint_eq(at("2026-08-20T10:30"), at("2026-08-20T01:30:00Z"));
    ck_assert_uint_eq(at("2026-08-20T10:30:00.999+09:00"), at("2026-08-19T20:30:00-05:00"));
    ck_assert_uint_eq(at("2026-08-20T10:30:07") - at("2026-08-20T10:30"), 7);
    ck_time(at("2026-12-31T23:59:59"), "2026-12-31T23:59:59+09:00");
    ck_time(at("2026-12-31T15:00:00Z"), "2027-01-01T00:00:00+09:00");
    ck_time(0, "1970-01-01T09:00:00+09:00");
    char text[32];
    tsk_time_format(UINT64_MAX, text); /* must not overflow anything */
    ck_assert_uint_lt(strlen(text), sizeof text);
}
END_TEST

START_TEST(times_that_are_none)
{
    static const char *const bad[] = {
        "2026-08-20",         "2026-08-20T",           "2026-08-20 10:30",     "2026-08-20T24:00",
        "2026-08-20T10:60",   "2026-08-20T10:30:60",   "2026-08-20T10:30:",    "2026-08-20T10:30:00.",
        "2026-08-20T10",      "2026-08-20T10:30+9:00", "2026-08-20T10:30+24:00", "2026-08-20T10:30+09",
        "2026-08-20T10:30ZZ", "2026-08-20T10:30 ",     "2026-02-30T10:30",     "1970-01-01T08:59:59",
        "1969-12-31T23:59Z",  "2026-08-20T10:30+0900", "",                     "10:30"};
    uint64_t t = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_err(tsk_time_parse(bad[i], &t), TSK_E_USAGE);
    ck_assert_uint_eq(t, 5);
}
END_TEST

START_TEST(business_hours_by_example)
{
    static const struct { const char *from; unsigned hours; const char *want; } rows[] = {
        {"2026-11-20T10:00", 0, "2026-11-20T10:00:00+09:00"}, /* a Friday */
        {"2026-11-20T09:59:59", 0, "2026-11-20T10:00:00+09:00"},
        {"2026-11-20T18:00", 0, "2026-11-23T10:00:00+09:00"},
        {"2026-11-20T16:00", 2, "2026-11-20T18:00:00+09:00"},
        {"2026-11-20T16:00:01", 2, "2026-11-23T10:00:01+09:00"},
        {"2026-11-20T17:30", 2, "2026-11-23T11:30:00+09:00"},
        {"2026-11-20T18:30", 2, "2026-11-23T12:00:00+09:00"},
        {"2026-11-21T12:00", 8, "2026-11-23T18:00:00+09:00"},
        {"2026-11-22T23:59:59", 16, "2026-11-24T18:00:00+09:00"},
        {"2026-11-23T10:00", 40, "2026-11-27T18:00:00+09:00"},
        {"2026-11-23T10:00", 41, "2026-11-30T11:00:00+09:00"},
        {"2026-11-25T13:00", 80, "2026-12-09T13:00:00+09:00"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_time(tsk_business_add(at(rows[i].from), rows[i].hours), rows[i].want);
}
END_TEST

static bool is_open(uint64_t t)
{
    int weekday = tsk_date_weekday(tsk_date_of(t));
    uint64_t s = (t + 9 * 3600) % 86400;
    return weekday >= 1 && weekday <= 5 && s >= 10 * 3600 && s < 18 * 3600;
}

START_TEST(business_hours_by_counting)
{
    uint64_t monday = at("2026-11-23T00:00");
    for (uint64_t from = monday; from < monday + 7 * 86400; from += 1800 * 3)
        for (unsigned hours = 1; hours < 90; hours++) {
            uint64_t t = from;
            for (unsigned halves = 0; halves < 2 * hours; t += 1800)
                halves += is_open(t);
            ck_assert_uint_eq(tsk_business_add(from, hours), t);
        }
    ck_assert_uint_gt(tsk_business_add(monday, UINT32_MAX), monday); /* and in no time */
}
END_TEST

START_TEST(reply_by_follows_urgency)
{
    static const struct { const char *u, *want; } rows[] = {{"U1", "2026-11-23T12:00:00+09:00"},
                                                            {"U2", "2026-11-23T18:00:00+09:00"},
                                                            {"U3", "2026-11-24T18:00:00+09:00"},
                                                            {"U4", "2026-11-25T18:00:00+09:00"}};
    static const char *const bad[] = {"U0", "U5", "", "u1", "N07"};
    uint64_t t = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_err(tsk_reply_by(code(bad[i]), at("2026-11-23T10:00"), &t), TSK_E_USAGE);
    ck_assert_uint_eq(t, 7);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_ok(tsk_reply_by(code(rows[i].u), at("2026-11-23T10:00"), &t));
        ck_time(t, rows[i].want);
    }
}
END_TEST

static void ck_class(const char *birth, const char *now, int capacity, uint64_t want_class, const char *want_until)
{
    uint64_t now_at = at(now), age_class = 0, until = 0, destroy_after = now_at + 396 * 86400;
    struct tsk_birth b;
    ck_ok(tsk_birth_parse(birth, now_at, &b));
    tsk_age_class(&b, now_at, destroy_after, capacity, &age_class, &until);
    ck_assert_msg(age_class == want_class, "%s at %s: class %d", birth, now, (int)age_class);
    if (want_until == NULL)
        ck_assert_uint_eq(until, destroy_after);
    else
        ck_time(until, want_until);
}

START_TEST(classes_change_at_the_start_of_the_birthday)
{
    ck_class("2014-11-23", "2026-11-22T23:59:59", 15, 1, "2026-12-01T00:00:00+09:00");
    ck_class("2014-11-23", "2026-11-23T00:00:00", 15, 2, "2029-12-01T00:00:00+09:00");
    ck_class("2011-12-31", "2026-12-30T23:59:59", 15, 2, "2027-01-01T00:00:00+09:00");
    ck_class("2011-12-31", "2026-12-31T00:00:00", 15, 3, "2030-01-01T00:00:00+09:00");
    ck_class("2011-12-31", "2026-12-31T00:00:00", 16, 2, "2028-01-01T00:00:00+09:00");
    ck_class("2008-11-23", "2026-11-22T23:59:59", 15, 3, "2026-12-01T00:00:00+09:00");
    ck_class("2008-11-23", "2026-11-23T00:00:00", 15, 4, NULL);
    ck_class("1970-01-01", "2026-11-23T00:00:00", 15, 4, NULL);
    ck_class("2026-11-22", "2026-11-22T12:00:00", 15, 1, "2038-12-01T00:00:00+09:00");
    ck_class("2027-04-01", "2026-11-22T12:00:00", 15, 1, NULL); /* not born yet */
}
END_TEST

START_TEST(born_on_29_february)
{
    ck_class("2012-02-29", "2024-02-28T23:59:59", 15, 1, "2024-03-01T00:00:00+09:00");
    ck_class("2012-02-29", "2024-02-29T00:00:00", 15, 2, "2027-04-01T00:00:00+09:00");
    ck_class("2012-02-29", "2027-02-28T23:59:59", 15, 2, "2027-04-01T00:00:00+09:00");
    ck_class("2012-02-29", "2027-03-01T00:00:00", 15, 3, "2030-04-01T00:00:00+09:00");
    struct tsk_birth b;
    ck_ok(tsk_birth_parse("2012-02-29", at("2026-11-22T12:00"), &b));
    ck_time(tsk_age_18(&b), "2030-03-01T00:00:00+09:00");
}
END_TEST

START_TEST(an_age_only)
{
    ck_class("~0", "2026-11-22T12:00:00", 15, 1, "2027-11-22T12:00:00+09:00");
    ck_class("~11", "2026-11-22T12:00:00", 15, 1, "2027-11-22T12:00:00+09:00");
    ck_class("~12", "2026-11-22T12:00:00", 15, 2, "2027-11-22T12:00:00+09:00");
    ck_class("~14", "2026-11-22T12:00:00", 15, 2, "2027-11-22T12:00:00+09:00");
    ck_class("~15", "2026-11-22T12:00:00", 15, 3, "2027-11-22T12:00:00+09:00");
    ck_class("~15", "2026-11-22T12:00:00", 16, 2, "2027-11-22T12:00:00+09:00");
    ck_class("~17", "2026-11-22T12:00:00", 15, 3, "2027-11-22T12:00:00+09:00");
    ck_class("~18", "2026-11-22T12:00:00", 15, 4, NULL);
    ck_class("~99", "2026-11-22T12:00:00", 15, 4, NULL);
}
END_TEST

START_TEST(births_that_are_none)
{
    static const char *const bad[] = {"",     "~",     "~-1",        "~100",       "~1x",       "~ 9",
                                      "12",   "~~1",   "2014-02-30", "2028-01-01", "1899-12-31"};
    struct tsk_birth b = {.age = 77};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_err(tsk_birth_parse(bad[i], at("2026-11-22T12:00"), &b), TSK_E_USAGE);
    ck_assert_int_eq(b.age, 77);
}
END_TEST

START_TEST(the_eighteenth_birthday)
{
    struct tsk_birth b;
    ck_ok(tsk_birth_parse("2010-05-06", at("2026-11-22T12:00"), &b));
    ck_time(tsk_age_18(&b), "2028-05-06T00:00:00+09:00");
    ck_ok(tsk_birth_parse("2008-11-22", at("2026-11-22T00:00"), &b));
    ck_assert_uint_eq(tsk_age_18(&b), 0);
    ck_ok(tsk_birth_parse("1920-01-01", at("2026-11-22T00:00"), &b));
    ck_assert_uint_eq(tsk_age_18(&b), 0);
    ck_ok(tsk_birth_parse("~17", at("2026-11-22T00:00"), &b));
    ck_assert_uint_eq(tsk_age_18(&b), 0);
}
END_TEST

static TCase *civil(void)
{
    TCase *t = tcase_create("civil");
    tcase_add_test(t, every_day_agrees_with_the_c_library);
    tcase_add_test(t, dates_that_are_none);
    tcase_add_test(t, times_with_and_without_offset);
    tcase_add_test(t, times_that_are_none);
    return t;
}

static TCase *business(void)
{
    TCase *t = tcase_create("business");
    tcase_add_test(t, business_hours_by_example);
    tcase_add_test(t, business_hours_by_counting);
    tcase_add_test(t, reply_by_follows_urgency);
    return t;
}

static TCase *age(void)
{
    TCase *t = tcase_create("age");
    tcase_add_test(t, classes_change_at_the_start_of_the_birthday);
    tcase_add_test(t, born_on_29_february);
    tcase_add_test(t, an_age_only);
    tcase_add_test(t, births_that_are_none);
    tcase_add_test(t, the_eighteenth_birthday);
    return t;
}

TSK_TEST_MAIN("date", civil, business, age)
