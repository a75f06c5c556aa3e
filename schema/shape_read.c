/* Bytes to struct. Reading needs no separate pass for determinism: heads are shortest by cbor.c, keys are read in the
 * order of the table, sets are compared as they go by, and nothing is skipped. */
#include <string.h>

#include "schema/shapes.h"

static void *at(void *base, size_t offset)
{
    return (uint8_t *)base + offset;
}

/* ---- leaves ---- */
static bool is_id_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool is_code_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool all_chars(struct tsk_slice s, bool (*is)(uint8_t))
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(s.p[i]))
            return false;
    return true;
}

/* `text` is at most 7 characters, none of them NUL. */
static bool in_list(const struct tsk_code_rule *rule, struct tsk_slice text)
{
    if (rule == NULL || text.n == 0)
        return true;
    struct tsk_code code = {{0}};
    memcpy(code.s, text.p, text.n);
    const struct tsk_code_row *row = tsk_code_find(rule->list, code.s);
    return row != NULL && (row->flags & rule->must) == rule->must && (row->flags & rule->never) == 0;
}

static bool within(const struct tsk_field *f, uint64_t v)
{
    return v >= f->min && v <= f->max;
}

/* An empty string may have no address. */
static bool put(void *p, struct tsk_slice v)
{
    if (v.n > 0)
        memcpy(p, v.p, v.n);
    return true;
}

static bool leaf_set(const struct tsk_field *f, void *base, const struct tsk_leaf *v)
{
    void *p = at(base, f->offset);
    switch (f->kind) {
    case TSK_K_CONST:
        return v->num == f->min;
    case TSK_K_UINT:
        memcpy(p, &v->num, sizeof v->num);
        return within(f, v->num);
    case TSK_K_FIXED:
        return v->bytes.n == f->size && put(p, v->bytes);
    case TSK_K_ID:
    case TSK_K_CODE:
        if (!within(f, v->bytes.n) || !all_chars(v->bytes, f->kind == TSK_K_ID ? is_id_char : is_code_char) ||
            !in_list(f->rule, v->bytes))
            return false;
        memset(p, 0, f->size);
        return put(p, v->bytes);
    default: /* BYTES, TEXT */
        *(struct tsk_slice *)p = v->bytes;
        return within(f, v->bytes.n);
    }
}

static enum tsk_cbor_type leaf_type(const struct tsk_field *f)
{
    static const enum tsk_cbor_type TYPE[] = {
        [TSK_K_CONST] = TSK_CBOR_UINT, [TSK_K_UINT] = TSK_CBOR_UINT, [TSK_K_FIXED] = TSK_CBOR_BYTES,
        [TSK_K_BYTES] = TSK_CBOR_BYTES, [TSK_K_TEXT] = TSK_CBOR_TEXT, [TSK_K_ID] = TSK_CBOR_TEXT,
        [TSK_K_CODE] = TSK_CBOR_TEXT,
    };
    return TYPE[f->kind];
}

/* ---- containers ---- */
static void require(struct tsk_cbor_in *in, bool ok)
{
    if (!ok)
        tsk_cbor_fail(in, TSK_E_MALFORMED);
}

static void read_leaf(struct tsk_cbor_in *in, const struct tsk_field *f, void *base)
{
    struct tsk_leaf v = {leaf_type(f), 0, {NULL, 0}};
    if (v.type == TSK_CBOR_UINT)
        v.num = tsk_cbor_uint(in);
    else
        v.bytes = v.type == TSK_CBOR_BYTES ? tsk_cbor_bytes(in) : tsk_cbor_text(in);
    if (in->err == TSK_OK)
        require(in, leaf_set(f, base, &v));
}

static void finish(struct tsk_cbor_in *in, const struct tsk_shape *s, const void *base)
{
    if (in->err == TSK_OK && s->check != NULL)
        tsk_cbor_fail(in, s->check(base));
}

void tsk_shape_read_map(struct tsk_cbor_in *in, const struct tsk_shape *s, void *base)
{
    uint64_t pairs = tsk_cbor_map(in);
    uint64_t key = pairs > 0 ? tsk_cbor_uint(in) : 0;
    for (size_t i = 0; i < s->n && in->err == TSK_OK; i++) {
        const struct tsk_field *f = &s->fields[i];
        bool there = pairs > 0 && key == f->key;
        require(in, there || f->optional);
        if (!there)
            continue;
        if (f->optional)
            *(bool *)at(base, f->has) = true;
        tsk_shape_read_value(in, f, base);
        key = --pairs > 0 ? tsk_cbor_uint(in) : 0;
    }
    require(in, pairs == 0);
    finish(in, s, base);
}

static void read_tuple(struct tsk_cbor_in *in, const struct tsk_shape *s, uint64_t n, void *base)
{
    require(in, n <= s->n);
    for (size_t i = 0; i < s->n && in->err == TSK_OK; i++) {
        const struct tsk_field *f = &s->fields[i];
        require(in, i < n || f->optional);
        if (i >= n)
            continue;
        if (f->optional)
            *(bool *)at(base, f->has) = true;
        tsk_shape_read_value(in, f, base);
    }
    finish(in, s, base);
}

static void read_choice(struct tsk_cbor_in *in, const struct tsk_field *f, void *base)
{
    uint64_t n = tsk_cbor_array(in);
    struct tsk_cbor_in ahead = *in;
    uint64_t which = tsk_cbor_uint(&ahead);
    require(in, n > 0 && ahead.err == TSK_OK && which >= 1 && which <= f->max);
    if (in->err != TSK_OK)
        return;
    memcpy(at(base, f->offset), &which, sizeof which);
    read_tuple(in, f->choices[which - 1], n, base);
}

/* In a set every element's encoding is greater than the one before; none is the beginning of another. */
static void check_order(struct tsk_cbor_in *in, struct tsk_slice *last, const uint8_t *start)
{
    struct tsk_slice now = {start, (size_t)(in->p - start)};
    if (in->err == TSK_OK && last->n > 0)
        require(in, memcmp(last->p, now.p, last->n < now.n ? last->n : now.n) < 0);
    *last = now;
}

static void read_array(struct tsk_cbor_in *in, const struct tsk_field *f, void *base)
{
    uint64_t n = tsk_cbor_array(in);
    require(in, within(f, n));
    struct tsk_slice last = {NULL, 0};
    for (size_t i = 0; i < n && in->err == TSK_OK; i++) {
        const uint8_t *start = in->p;
        tsk_shape_read_value(in, f->element, at(base, f->offset + i * f->size));
        if (f->set)
            check_order(in, &last, start);
    }
    size_t kept = in->err == TSK_OK ? (size_t)n : 0;
    memcpy(at(base, f->count), &kept, sizeof kept);
}

static void read_seq(struct tsk_cbor_in *in, const struct tsk_field *f, void *base)
{
    uint64_t n = tsk_cbor_array(in);
    require(in, within(f, n));
    const uint8_t *start = in->p;
    for (uint64_t i = 0; i < n && in->err == TSK_OK; i++) {
        union tsk_element room;
        memset(&room, 0, sizeof room);
        tsk_shape_read_value(in, f->element, &room);
    }
    *(struct tsk_seq *)at(base, f->offset) = (struct tsk_seq){{start, (size_t)(in->p - start)}, n};
}

static void read_nested(struct tsk_cbor_in *in, const struct tsk_field *f, void *base)
{
    struct tsk_slice bytes = tsk_cbor_bytes(in);
    require(in, within(f, bytes.n));
    if (in->err != TSK_OK)
        return;
    *(struct tsk_slice *)at(base, f->bytes) = bytes;
    struct tsk_cbor_in inner;
    tsk_cbor_in_init(&inner, bytes);
    tsk_shape_read_map(&inner, f->shape, at(base, f->offset));
    tsk_cbor_fail(in, tsk_cbor_done(&inner));
}

void tsk_shape_read_value(struct tsk_cbor_in *in, const struct tsk_field *f, void *base)
{
    switch (f->kind) {
    case TSK_K_ARRAY:
        read_array(in, f, base);
        return;
    case TSK_K_TUPLE:
        read_tuple(in, f->shape, tsk_cbor_array(in), at(base, f->offset));
        return;
    case TSK_K_CHOICE:
        read_choice(in, f, base);
        return;
    case TSK_K_MAP:
        tsk_shape_read_map(in, f->shape, at(base, f->offset));
        return;
    case TSK_K_NESTED:
        read_nested(in, f, base);
        return;
    case TSK_K_SEQ:
        read_seq(in, f, base);
        return;
    default:
        read_leaf(in, f, base);
        return;
    }
}
