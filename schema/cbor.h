/* cbor.h - strict deterministic CBOR (RFC 8949 section 4.2.1), small enough to read in one sitting.
 *
 * Accepted: unsigned and negative integers, byte and text strings, arrays, maps, tag 18, false and true;
 * definite lengths, shortest heads, map keys sorted bytewise by their encoding and unique, UTF-8 checked,
 * depth <= TSK_CBOR_DEPTH. Refused: everything else. Whatever is accepted encodes back to the same bytes.
 *
 * Both reader and writer keep the first error ("sticky"): call on, and ask once at the end. After an error
 * every read gives 0 / empty. No allocation anywhere.
 */
#ifndef TSK_SCHEMA_CBOR_H
#define TSK_SCHEMA_CBOR_H

#include "schema/bytes.h"

#define TSK_CBOR_DEPTH 8

enum tsk_cbor_type {
    TSK_CBOR_UINT = 0,
    TSK_CBOR_NINT = 1,
    TSK_CBOR_BYTES = 2,
    TSK_CBOR_TEXT = 3,
    TSK_CBOR_ARRAY = 4,
    TSK_CBOR_MAP = 5,
    TSK_CBOR_TAG = 6,
    TSK_CBOR_BOOL = 7,
    TSK_CBOR_NONE = 8, /* nothing left, or an error before */
};

/* ---- reading ---- */
struct tsk_cbor_in {
    const uint8_t *p, *end; /* borrows */
    enum tsk_err err;
};

void tsk_cbor_in_init(struct tsk_cbor_in *in, struct tsk_slice bytes);

/* Type of the next item, without moving. */
enum tsk_cbor_type tsk_cbor_peek(const struct tsk_cbor_in *in);

uint64_t tsk_cbor_uint(struct tsk_cbor_in *in);
int64_t tsk_cbor_int(struct tsk_cbor_in *in); /* unsigned or negative, within int64 */
bool tsk_cbor_bool(struct tsk_cbor_in *in);
struct tsk_slice tsk_cbor_bytes(struct tsk_cbor_in *in); /* points into the input */
struct tsk_slice tsk_cbor_text(struct tsk_cbor_in *in);  /* UTF-8 checked; points into the input; not NUL-ended */
uint64_t tsk_cbor_array(struct tsk_cbor_in *in);         /* number of elements; the reader stands at the first */
uint64_t tsk_cbor_map(struct tsk_cbor_in *in);           /* number of pairs; their order: tsk_cbor_check */
void tsk_cbor_tag(struct tsk_cbor_in *in, uint64_t expected);

/* The whole next item as it stands, checked by the full rules (sorted keys, depth, shortest heads). */
struct tsk_slice tsk_cbor_any(struct tsk_cbor_in *in);

/* Notes an error of the caller's own (a wrong value) unless one is noted already. */
void tsk_cbor_fail(struct tsk_cbor_in *in, enum tsk_err e);

/* TSK_OK if nothing failed and nothing is left over, else the first error (TSK_E_MALFORMED). */
TSK_MUST_USE enum tsk_err tsk_cbor_done(const struct tsk_cbor_in *in);

/* One item, whole and alone, by the full rules: the first thing done to any bytes from outside. */
TSK_MUST_USE enum tsk_err tsk_cbor_check(struct tsk_slice bytes);

/* ---- writing ---- */
struct tsk_cbor_out {
    uint8_t *p;  /* borrows; NULL with cap 0 only measures */
    size_t cap;  /* bytes */
    size_t n;    /* bytes written, or needed once past cap */
};

void tsk_cbor_out_init(struct tsk_cbor_out *out, uint8_t *p, size_t cap);
void tsk_cbor_put_uint(struct tsk_cbor_out *out, uint64_t v);
void tsk_cbor_put_int(struct tsk_cbor_out *out, int64_t v);
void tsk_cbor_put_bool(struct tsk_cbor_out *out, bool v);
void tsk_cbor_put_bytes(struct tsk_cbor_out *out, struct tsk_slice v);
void tsk_cbor_put_text(struct tsk_cbor_out *out, struct tsk_slice v);
void tsk_cbor_put_str(struct tsk_cbor_out *out, const char *text); /* NUL-ended */
void tsk_cbor_put_array(struct tsk_cbor_out *out, uint64_t n);
void tsk_cbor_put_map(struct tsk_cbor_out *out, uint64_t n);       /* the caller writes the keys in order */
void tsk_cbor_put_tag(struct tsk_cbor_out *out, uint64_t tag);
void tsk_cbor_put_raw(struct tsk_cbor_out *out, struct tsk_slice encoded); /* an item already encoded */

/* TSK_OK and the written bytes, or TSK_E_LIMIT if `cap` was too small. */
TSK_MUST_USE enum tsk_err tsk_cbor_out_done(const struct tsk_cbor_out *out, struct tsk_slice *ret_bytes);

#endif
