/* bytes.h - borrowed byte ranges, and the two text forms that people and files see: hex and base32. */
#ifndef TSK_SCHEMA_BYTES_H
#define TSK_SCHEMA_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/err.h"

/* A borrowed range of bytes; whoever fills it says whose memory it is. */
struct tsk_slice {
    const uint8_t *p;
    size_t n; /* bytes */
};

#define TSK_SLICE(array) ((struct tsk_slice){(array), sizeof(array)})

bool tsk_slice_eq(struct tsk_slice a, struct tsk_slice b);
bool tsk_is_zero(const uint8_t *p, size_t n); /* nothing but zeros; not constant time */

/* Lower-case hex; `ret_text` takes 2 * n + 1 bytes. */
void tsk_hex(const uint8_t *p, size_t n, char *ret_text);

/* Exactly 2 * n lower-case hex digits, nothing else. TSK_E_USAGE otherwise. */
TSK_MUST_USE enum tsk_err tsk_unhex(const char *text, uint8_t *ret_p, size_t n);

/* RFC 4648 base32, upper case, no padding; `ret_text` takes (8 * n + 4) / 5 + 1 bytes. */
void tsk_base32(const uint8_t *p, size_t n, char *ret_text);

/* Accepts lower case, and ignores spaces and hyphens; the unused low bits of the last character must be 0.
 * Exactly n bytes must come out. TSK_E_USAGE otherwise. */
TSK_MUST_USE enum tsk_err tsk_unbase32(const char *text, uint8_t *ret_p, size_t n);

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms), and how many
 * Unicode scalars they hold (`ret_scalars` may be NULL). */
bool tsk_utf8_ok(const uint8_t *p, size_t n, size_t *ret_scalars);

/* Whether the text is well formed and holds no kanji: what stands in the place of a name where a child reads. */
bool tsk_kana_ok(struct tsk_slice text);

#endif
