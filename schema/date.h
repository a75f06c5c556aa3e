/* date.h - civil dates, Asia/Tokyo and business hours as pure arithmetic (no locale, no tz database, no clock).
 * Asia/Tokyo is UTC+9 all year. Times are UTC seconds. */
#ifndef TSK_SCHEMA_DATE_H
#define TSK_SCHEMA_DATE_H

#include "schema/record.h"

struct tsk_date { int year, month, day; }; /* 2026, 1..12, 1..31 */

/* "2027-03-31", a day that exists, years 1900..2200. TSK_E_USAGE otherwise. */
TSK_MUST_USE enum tsk_err tsk_date_parse(const char *text, struct tsk_date *ret_date);

/* The first second of that day in Tokyo, and the day in Tokyo of a time. */
int64_t tsk_date_start(struct tsk_date d);
struct tsk_date tsk_date_of(uint64_t at);
struct tsk_date tsk_date_add_days(struct tsk_date d, int days);
int tsk_date_weekday(struct tsk_date d); /* 0 Sunday .. 6 */

/* `--until DATE` is inclusive: the first second of the next day. */
uint64_t tsk_date_until(struct tsk_date d);

/* RFC 3339 date-time; without an offset it is Tokyo's. "2026-08-20T10:30", seconds optional, "Z" or "+09:00".
 * TSK_E_USAGE otherwise. */
TSK_MUST_USE enum tsk_err tsk_time_parse(const char *text, uint64_t *ret_at);

/* "2026-08-20T10:30:00+09:00" and NUL: 26 bytes. */
void tsk_time_format(uint64_t at, char ret_text[32]);
/* "2026-08-20" and NUL. */
void tsk_date_format(struct tsk_date d, char ret_text[16]);

/* Adds business hours: Monday to Friday 10-18 in Asia/Tokyo. */
uint64_t tsk_business_add(uint64_t from, unsigned hours);
/* The one function from urgency ("U1".."U4") to the time by which an answer is due. TSK_E_USAGE for others. */
TSK_MUST_USE enum tsk_err tsk_reply_by(struct tsk_code urgency, uint64_t created, uint64_t *ret_at);

/* ---- age (DOMAIN 2.1; civil code: an age is reached at the start of the birthday; 29 February counts from 1 March) ----
 * `birth` is a date, or "~NN" an age only (then the younger class in doubt: the age may be reached tomorrow). */
struct tsk_birth { bool by_age; struct tsk_date date; int age; uint64_t asked_at; };
TSK_MUST_USE enum tsk_err tsk_birth_parse(const char *text, uint64_t now, struct tsk_birth *ret_birth);

/* Age class 1..4 at `now`, and `until`: the first day of the month after the birthday that changes it (Tokyo), or
 * `destroy_after` for class 4 and the unborn. capacity_age is 15 (codes: capacity_age).
 * For an age only, the class is that of `age`, and `until` is one year after `asked_at` at most. */
void tsk_age_class(const struct tsk_birth *b, uint64_t now, uint64_t destroy_after, int capacity_age,
                   uint64_t *ret_class, uint64_t *ret_until);
/* The 18th birthday (0 when only an age is known or it is past): a guardian's grant ends there. */
uint64_t tsk_age_18(const struct tsk_birth *b);

#endif
