#include "schema/cbor.h"

#include <string.h>

#define MAJOR_SIMPLE 7
#define BYTE_FALSE 0xf4
#define BYTE_TRUE 0xf5
#define TAG_SIGN1 18
#define HEAD_MAX 9

/* ---- reading ---- */
void tsk_cbor_in_init(struct tsk_cbor_in *in, struct tsk_slice bytes)
{
    static const uint8_t NOTHING[1];
    /* NULL + 0 is undefined: an empty range gets an address of its own. */
    in->p = bytes.n > 0 ? bytes.p : NOTHING;
    in->end = in->p + bytes.n;
    in->err = TSK_OK;
}

void tsk_cbor_fail(struct tsk_cbor_in *in, enum tsk_err e)
{
    if (in->err == TSK_OK)
        in->err = e;
}

static size_t left(const struct tsk_cbor_in *in)
{
    return (size_t)(in->end - in->p);
}

enum tsk_cbor_type tsk_cbor_peek(const struct tsk_cbor_in *in)
{
    if (in->err != TSK_OK || left(in) == 0)
        return TSK_CBOR_NONE;
    if (in->p[0] >> 5 != MAJOR_SIMPLE)
        return (enum tsk_cbor_type)(in->p[0] >> 5);
    return in->p[0] == BYTE_FALSE || in->p[0] == BYTE_TRUE ? TSK_CBOR_BOOL : TSK_CBOR_NONE;
}

/* Reads the head of an item of type `want` and gives its argument; 0 and a noted error for anything else. */
static uint64_t head(struct tsk_cbor_in *in, enum tsk_cbor_type want)
{
    if (in->err != TSK_OK || tsk_cbor_peek(in) != want) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        return 0;
    }
    unsigned info = in->p[0] & 31;
    if (info < 24) {
        in->p++;
        return info;
    }
    size_t width = info <= 27 ? (size_t)1 << (info - 24) : SIZE_MAX; /* 28-31: reserved, indefinite */
    if (width > 8 || left(in) - 1 < width) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        return 0;
    }
    uint64_t v = 0;
    for (size_t i = 1; i <= width; i++)
        v = v << 8 | in->p[i];
    /* Shortest head: the value must not fit into half the width (or into the first byte). */
    uint64_t smaller = width == 1 ? 23 : (UINT64_C(1) << (4 * width)) - 1;
    if (v <= smaller) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        return 0;
    }
    in->p += 1 + width;
    return v;
}

uint64_t tsk_cbor_uint(struct tsk_cbor_in *in)
{
    return head(in, TSK_CBOR_UINT);
}

int64_t tsk_cbor_int(struct tsk_cbor_in *in)
{
    bool negative = tsk_cbor_peek(in) == TSK_CBOR_NINT;
    uint64_t v = head(in, negative ? TSK_CBOR_NINT : TSK_CBOR_UINT);
    if (v > INT64_MAX) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        return 0;
    }
    if (in->err != TSK_OK)
        return 0;
    return negative ? -1 - (int64_t)v : (int64_t)v;
}

bool tsk_cbor_bool(struct tsk_cbor_in *in)
{
    if (tsk_cbor_peek(in) != TSK_CBOR_BOOL) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        return false;
    }
    return *in->p++ == BYTE_TRUE;
}

static struct tsk_slice string(struct tsk_cbor_in *in, enum tsk_cbor_type want)
{
    uint64_t n = head(in, want);
    if (n > left(in))
        tsk_cbor_fail(in, TSK_E_MALFORMED);
    if (in->err != TSK_OK)
        return (struct tsk_slice){NULL, 0};
    struct tsk_slice s = {in->p, (size_t)n};
    in->p += n;
    return s;
}

struct tsk_slice tsk_cbor_bytes(struct tsk_cbor_in *in)
{
    return string(in, TSK_CBOR_BYTES);
}

struct tsk_slice tsk_cbor_text(struct tsk_cbor_in *in)
{
    struct tsk_slice s = string(in, TSK_CBOR_TEXT);
    if (tsk_utf8_ok(s.p, s.n, NULL))
        return s;
    tsk_cbor_fail(in, TSK_E_MALFORMED);
    return (struct tsk_slice){NULL, 0};
}

/* An element is one byte at least, so a count beyond the bytes left is false before anyone loops over it. */
static uint64_t count(struct tsk_cbor_in *in, enum tsk_cbor_type want, size_t element_min)
{
    uint64_t n = head(in, want);
    if (n <= left(in) / element_min)
        return n;
    tsk_cbor_fail(in, TSK_E_MALFORMED);
    return 0;
}

uint64_t tsk_cbor_array(struct tsk_cbor_in *in)
{
    return count(in, TSK_CBOR_ARRAY, 1);
}

uint64_t tsk_cbor_map(struct tsk_cbor_in *in)
{
    return count(in, TSK_CBOR_MAP, 2);
}

void tsk_cbor_tag(struct tsk_cbor_in *in, uint64_t expected)
{
    if (head(in, TSK_CBOR_TAG) != expected)
        tsk_cbor_fail(in, TSK_E_MALFORMED);
}

/* ---- whole items by the full rules ---- */
static void walk(struct tsk_cbor_in *in, unsigned depth);

static void walk_map(struct tsk_cbor_in *in, unsigned depth)
{
    struct tsk_slice last = {NULL, 0};
    for (uint64_t n = tsk_cbor_map(in); n > 0 && in->err == TSK_OK; n--) {
        const uint8_t *start = in->p;
        walk(in, depth);
        struct tsk_slice key = {start, (size_t)(in->p - start)};
        /* No encoding is the beginning of another, so the shorter length decides nothing that memcmp did not. */
        size_t both = key.n < last.n ? key.n : last.n;
        if (last.n > 0 && memcmp(last.p, key.p, both) >= 0)
            tsk_cbor_fail(in, TSK_E_MALFORMED);
        last = key;
        walk(in, depth);
    }
}

/* `depth` = how many more containers may be entered. */
static void walk(struct tsk_cbor_in *in, unsigned depth)
{
    enum tsk_cbor_type type = tsk_cbor_peek(in);
    bool container = type == TSK_CBOR_ARRAY || type == TSK_CBOR_MAP || type == TSK_CBOR_TAG;
    if (type == TSK_CBOR_NONE || (container && depth == 0)) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        return;
    }
    switch (type) {
    case TSK_CBOR_BYTES:
        (void)tsk_cbor_bytes(in);
        return;
    case TSK_CBOR_TEXT:
        (void)tsk_cbor_text(in);
        return;
    case TSK_CBOR_ARRAY:
        for (uint64_t n = tsk_cbor_array(in); n > 0 && in->err == TSK_OK; n--)
            walk(in, depth - 1);
        return;
    case TSK_CBOR_MAP:
        walk_map(in, depth - 1);
        return;
    case TSK_CBOR_TAG:
        tsk_cbor_tag(in, TAG_SIGN1);
        walk(in, depth - 1);
        return;
    case TSK_CBOR_BOOL:
        (void)tsk_cbor_bool(in);
        return;
    default: /* integers: the whole 64 bits, wider than tsk_cbor_int gives */
        (void)head(in, type);
        return;
    }
}

struct tsk_slice tsk_cbor_any(struct tsk_cbor_in *in)
{
    const uint8_t *start = in->p;
    walk(in, TSK_CBOR_DEPTH);
    if (in->err != TSK_OK)
        return (struct tsk_slice){NULL, 0};
    return (struct tsk_slice){start, (size_t)(in->p - start)};
}

enum tsk_err tsk_cbor_done(const struct tsk_cbor_in *in)
{
    if (in->err != TSK_OK)
        return in->err;
    return left(in) == 0 ? TSK_OK : TSK_E_MALFORMED;
}

enum tsk_err tsk_cbor_check(struct tsk_slice bytes)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    (void)tsk_cbor_any(&in);
    return tsk_cbor_done(&in);
}

/* ---- writing ---- */
void tsk_cbor_out_init(struct tsk_cbor_out *out, uint8_t *p, size_t cap)
{
    *out = (struct tsk_cbor_out){p, cap, 0};
}

void tsk_cbor_put_raw(struct tsk_cbor_out *out, struct tsk_slice encoded)
{
    if (encoded.n > 0 && out->n <= out->cap && encoded.n <= out->cap - out->n)
        memcpy(out->p + out->n, encoded.p, encoded.n);
    out->n += encoded.n;
}

static void put_head(struct tsk_cbor_out *out, enum tsk_cbor_type type, uint64_t v)
{
    uint8_t b[HEAD_MAX];
    size_t width = v < 24 ? 0 : v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
    unsigned info = width == 0 ? (unsigned)v : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
    b[0] = (uint8_t)((unsigned)type << 5 | info);
    for (size_t i = width; i > 0; i--, v >>= 8)
        b[i] = (uint8_t)v;
    tsk_cbor_put_raw(out, (struct tsk_slice){b, 1 + width});
}

void tsk_cbor_put_uint(struct tsk_cbor_out *out, uint64_t v)
{
    put_head(out, TSK_CBOR_UINT, v);
}

void tsk_cbor_put_int(struct tsk_cbor_out *out, int64_t v)
{
    if (v >= 0)
        put_head(out, TSK_CBOR_UINT, (uint64_t)v);
    else
        put_head(out, TSK_CBOR_NINT, (uint64_t)(-1 - v));
}

void tsk_cbor_put_bool(struct tsk_cbor_out *out, bool v)
{
    uint8_t b = v ? BYTE_TRUE : BYTE_FALSE;
    tsk_cbor_put_raw(out, (struct tsk_slice){&b, 1});
}

void tsk_cbor_put_bytes(struct tsk_cbor_out *out, struct tsk_slice v)
{
    put_head(out, TSK_CBOR_BYTES, v.n);
    tsk_cbor_put_raw(out, v);
}

void tsk_cbor_put_text(struct tsk_cbor_out *out, struct tsk_slice v)
{
    put_head(out, TSK_CBOR_TEXT, v.n);
    tsk_cbor_put_raw(out, v);
}

void tsk_cbor_put_str(struct tsk_cbor_out *out, const char *text)
{
    tsk_cbor_put_text(out, (struct tsk_slice){(const uint8_t *)text, strlen(text)});
}

void tsk_cbor_put_array(struct tsk_cbor_out *out, uint64_t n)
{
    put_head(out, TSK_CBOR_ARRAY, n);
}

void tsk_cbor_put_map(struct tsk_cbor_out *out, uint64_t n)
{
    put_head(out, TSK_CBOR_MAP, n);
}

void tsk_cbor_put_tag(struct tsk_cbor_out *out, uint64_t tag)
{
    put_head(out, TSK_CBOR_TAG, tag);
}

enum tsk_err tsk_cbor_out_done(const struct tsk_cbor_out *out, struct tsk_slice *ret_bytes)
{
    if (out->n > out->cap)
        return TSK_E_LIMIT;
    *ret_bytes = (struct tsk_slice){out->p, out->n};
    return TSK_OK;
}
