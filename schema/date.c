/* date.c - civil dates by counting days; see date.h. */
#include "schema/date.h"

#include <stdio.h>
#include <string.h>

#include "schema/codes.h"

#define TOKYO_S (9 * 3600)
#define OPEN_S (10 * 3600)
#define CLOSE_S (18 * 3600)
#define WEEK_HOURS 40 /* five days of eight hours */
#define BORN_WITHIN_DAYS 366

/* ---- days ---- */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1 January of year 1 to that of `year`. */
static int64_t days_before_year(int year)
{
    int64_t y = year - 1;
    return y * 365 + y / 4 - y / 100 + y / 400;
}

/* Days since 1970-01-01. */
static int64_t day_number(struct tsk_date d)
{
    int64_t n = days_before_year(d.year) - days_before_year(1970);
    for (int m = 1; m < d.month; m++)
        n += month_days(d.year, m);
    return n + d.day - 1;
}

static struct tsk_date date_of_number(int64_t number)
{
    int64_t n = number + days_before_year(1970);
    struct tsk_date d = {(int)(n * 400 / 146097) + 1, 1, 1}; /* 146097 days are 400 years; right, or one off */
    while (days_before_year(d.year) > n)
        d.year--;
    while (days_before_year(d.year + 1) <= n)
        d.year++;
    n -= days_before_year(d.year);
    for (; n >= month_days(d.year, d.month); d.month++)
        n -= month_days(d.year, d.month);
    d.day = (int)n + 1;
    return d;
}

/* Years past any record's time would leave the range of int. */
static int64_t tokyo_seconds(uint64_t at)
{
    return (int64_t)(at > TSK_TIME_MAX ? TSK_TIME_MAX : at) + TOKYO_S;
}

int64_t tsk_date_start(struct tsk_date d)
{
    return day_number(d) * TSK_DAY_S - TOKYO_S;
}

struct tsk_date tsk_date_of(uint64_t at)
{
    return date_of_number(tokyo_seconds(at) / TSK_DAY_S);
}

struct tsk_date tsk_date_add_days(struct tsk_date d, int days)
{
    return date_of_number(day_number(d) + days);
}

int tsk_date_weekday(struct tsk_date d)
{
    return (int)(((day_number(d) + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

static uint64_t time_or_zero(int64_t at)
{
    return at < 0 ? 0 : (uint64_t)at;
}

uint64_t tsk_date_until(struct tsk_date d)
{
    return time_or_zero(tsk_date_start(d) + TSK_DAY_S);
}

/* ---- text ---- */

/* Reads exactly `n` digits and moves on. */
static bool take_number(const char **p, size_t n, int *ret_v)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9')
            return false;
        v = v * 10 + (c - '0');
    }
    *p += n;
    *ret_v = v;
    return true;
}

static bool take_char(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static bool take_date(const char **p, struct tsk_date *ret_date)
{
    struct tsk_date d;
    if (!take_number(p, 4, &d.year) || !take_char(p, '-') || !take_number(p, 2, &d.month) || !take_char(p, '-') ||
        !take_number(p, 2, &d.day))
        return false;
    if (d.year < 1900 || d.year > 2200 || d.month < 1 || d.month > 12 || d.day < 1 ||
        d.day > month_days(d.year, d.month))
        return false;
    *ret_date = d;
    return true;
}

enum tsk_err tsk_date_parse(const char *text, struct tsk_date *ret_date)
{
    struct tsk_date d;
    if (!take_date(&text, &d) || *text != '\0')
        return TSK_E_USAGE;
    *ret_date = d;
    return TSK_OK;
}

/* "10:30", "10:30:15", "10:30:15.250": the second of the day; a fraction is cut off. */
static bool take_clock(const char **p, int *ret_s)
{
    int h, m, s = 0;
    if (!take_number(p, 2, &h) || !take_char(p, ':') || !take_number(p, 2, &m))
        return false;
    if (take_char(p, ':')) {
        if (!take_number(p, 2, &s))
            return false;
        if (take_char(p, '.')) {
            size_t n = strspn(*p, "0123456789");
            if (n == 0)
                return false;
            *p += n;
        }
    }
    *ret_s = h * 3600 + m * 60 + s;
    return h < 24 && m < 60 && s < 60;
}

/* Seconds east of Greenwich; no offset at all means Tokyo. */
static bool take_offset(const char **p, int *ret_s)
{
    int sign = **p == '-' ? -1 : 1, h, m;
    *ret_s = TOKYO_S;
    if (**p == '\0')
        return true;
    if (take_char(p, 'Z') || take_char(p, 'z')) {
        *ret_s = 0;
        return true;
    }
    if (!take_char(p, '+') && !take_char(p, '-'))
        return false;
    if (!take_number(p, 2, &h) || !take_char(p, ':') || !take_number(p, 2, &m) || h > 23 || m > 59)
        return false;
    *ret_s = sign * (h * 3600 + m * 60);
    return true;
}

enum tsk_err tsk_time_parse(const char *text, uint64_t *ret_at)
{
    struct tsk_date d;
    int clock_s, offset_s;
    if (!take_date(&text, &d) || (!take_char(&text, 'T') && !take_char(&text, 't')))
        return TSK_E_USAGE;
    if (!take_clock(&text, &clock_s) || !take_offset(&text, &offset_s) || *text != '\0')
        return TSK_E_USAGE;
    int64_t at = day_number(d) * TSK_DAY_S + clock_s - offset_s;
    if (at < 0)
        return TSK_E_USAGE;
    *ret_at = (uint64_t)at;
    return TSK_OK;
}

void tsk_time_format(uint64_t at, char ret_text[32])
{
    struct tsk_date d = tsk_date_of(at);
    unsigned s = (unsigned)(tokyo_seconds(at) % TSK_DAY_S);
    snprintf(ret_text, 32, "%04d-%02d-%02dT%02u:%02u:%02u+09:00", d.year, d.month, d.day, s / 3600 % 24, s / 60 % 60,
             s % 60);
}

void tsk_date_format(struct tsk_date d, char ret_text[16])
{
    snprintf(ret_text, 16, "%04d-%02d-%02d", d.year, d.month, d.day);
}

/* ---- business hours ---- */

static bool is_business_day(int64_t number)
{
    int weekday = tsk_date_weekday(date_of_number(number));
    return weekday >= 1 && weekday <= 5;
}

/* The same moment inside opening hours, or the next opening; Tokyo seconds. */
static int64_t next_open(int64_t t)
{
    int64_t day = t / TSK_DAY_S, s = t % TSK_DAY_S;
    if (is_business_day(day) && s < CLOSE_S)
        return day * TSK_DAY_S + (s < OPEN_S ? OPEN_S : s);
    do
        day++;
    while (!is_business_day(day));
    return day * TSK_DAY_S + OPEN_S;
}

uint64_t tsk_business_add(uint64_t from, unsigned hours)
{
    int64_t t = next_open(tokyo_seconds(from));
    if (hours == 0)
        return (uint64_t)(t - TOKYO_S);
    /* Whole weeks at once; never the last hour, so that a full week ends at Friday's closing and not on Monday. */
    t += (int64_t)((hours - 1) / WEEK_HOURS) * 7 * TSK_DAY_S;
    int64_t left = (int64_t)((hours - 1) % WEEK_HOURS + 1) * 3600;
    for (;;) {
        int64_t today = CLOSE_S - t % TSK_DAY_S;
        if (left <= today)
            return (uint64_t)(t + left - TOKYO_S);
        left -= today;
        t = next_open(t + today);
    }
}

enum tsk_err tsk_reply_by(struct tsk_code urgency, uint64_t created, uint64_t *ret_at)
{
    const struct tsk_code_row *row = tsk_code_find(TSK_LIST_URGENCY, urgency.s);
    if (row == NULL || (row->flags & TSK_CODE_EMERGENCY))
        return TSK_E_USAGE;
    *ret_at = tsk_business_add(created, (unsigned)row->num);
    return TSK_OK;
}

/* ---- age ---- */

static bool date_before(struct tsk_date a, struct tsk_date b)
{
    return day_number(a) < day_number(b);
}

/* The day on which that age begins. */
static struct tsk_date birthday(struct tsk_date birth, int age)
{
    struct tsk_date d = {birth.year + age, birth.month, birth.day};
    if (d.day > month_days(d.year, d.month))
        d = (struct tsk_date){d.year, 3, 1};
    return d;
}

static bool parse_age(const char *text, int *ret_age)
{
    size_t n = strlen(text);
    return (n == 1 || n == 2) && take_number(&text, n, ret_age);
}

enum tsk_err tsk_birth_parse(const char *text, uint64_t now, struct tsk_birth *ret_birth)
{
    struct tsk_birth b = {.asked_at = now};
    if (text[0] == '~') {
        if (!parse_age(text + 1, &b.age))
            return TSK_E_USAGE;
        b.by_age = true;
    } else {
        TSK_TRY(tsk_date_parse(text, &b.date));
        /* A later day is an expected birth; beyond a year it is a slip of the pen. */
        if (date_before(tsk_date_add_days(tsk_date_of(now), BORN_WITHIN_DAYS), b.date))
            return TSK_E_USAGE;
    }
    *ret_birth = b;
    return TSK_OK;
}

/* Which birthdays end the classes 1, 2, 3. */
static int class_end(uint64_t age_class, int capacity_age)
{
    return age_class == 1 ? 12 : age_class == 2 ? capacity_age : 18;
}

static bool has_age(const struct tsk_birth *b, struct tsk_date today, int age)
{
    return b->by_age ? b->age >= age : !date_before(today, birthday(b->date, age));
}

static uint64_t month_after(struct tsk_date d)
{
    struct tsk_date next = {d.month == 12 ? d.year + 1 : d.year, d.month == 12 ? 1 : d.month + 1, 1};
    return time_or_zero(tsk_date_start(next));
}

void tsk_age_class(const struct tsk_birth *b, uint64_t now, uint64_t destroy_after, int capacity_age,
                   uint64_t *ret_class, uint64_t *ret_until)
{
    struct tsk_date today = tsk_date_of(now);
    uint64_t age_class = 1;
    while (age_class < 4 && has_age(b, today, class_end(age_class, capacity_age)))
        age_class++;
    *ret_class = age_class;
    if (age_class == 4 || (!b->by_age && date_before(today, b->date)))
        *ret_until = destroy_after;
    else if (b->by_age)
        *ret_until = b->asked_at + 365 * TSK_DAY_S;
    else
        *ret_until = month_after(birthday(b->date, class_end(age_class, capacity_age)));
}

uint64_t tsk_age_18(const struct tsk_birth *b)
{
    if (b->by_age)
        return 0;
    uint64_t at = time_or_zero(tsk_date_start(birthday(b->date, 18)));
    return at <= b->asked_at ? 0 : at;
}
