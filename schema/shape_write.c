/* Struct to bytes, and the leaves of a struct. Writing judges only what it must to stay inside the struct (a count
 * beyond its array, a choice that is none); everything else is judged by reading back what was written. */
#include <string.h>

#include "schema/shapes.h"

static const void *at(const void *base, size_t offset)
{
    return (const uint8_t *)base + offset;
}

uint64_t tsk_num_at(const void *base, size_t offset)
{
    uint64_t v;
    memcpy(&v, at(base, offset), sizeof v);
    return v;
}

size_t tsk_count_at(const void *base, size_t offset)
{
    size_t v;
    memcpy(&v, at(base, offset), sizeof v);
    return v;
}

bool tsk_field_present(const struct tsk_field *f, const void *base)
{
    return !f->optional || *(const bool *)at(base, f->has);
}

struct tsk_leaf tsk_leaf_get(const struct tsk_field *f, const void *base)
{
    const void *p = at(base, f->offset);
    switch (f->kind) {
    case TSK_K_CONST:
        return (struct tsk_leaf){TSK_CBOR_UINT, f->min, {NULL, 0}};
    case TSK_K_UINT:
        return (struct tsk_leaf){TSK_CBOR_UINT, tsk_num_at(base, f->offset), {NULL, 0}};
    case TSK_K_FIXED:
        return (struct tsk_leaf){TSK_CBOR_BYTES, 0, {p, f->size}};
    case TSK_K_BYTES:
        return (struct tsk_leaf){TSK_CBOR_BYTES, 0, *(const struct tsk_slice *)p};
    case TSK_K_TEXT:
        return (struct tsk_leaf){TSK_CBOR_TEXT, 0, *(const struct tsk_slice *)p};
    case TSK_K_ID:
    case TSK_K_CODE:
        return (struct tsk_leaf){TSK_CBOR_TEXT, 0, {p, strnlen(p, f->size)}};
    default: /* containers are no leaves */
        return (struct tsk_leaf){TSK_CBOR_NONE, 0, {NULL, 0}};
    }
}

/* ---- writing ---- */
bool tsk_shape_write(struct tsk_cbor_out *out, const struct tsk_shape *s, bool keys, const void *base)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += tsk_field_present(&s->fields[i], base);
    if (keys)
        tsk_cbor_put_map(out, n);
    else
        tsk_cbor_put_array(out, n);
    for (size_t i = 0; i < s->n; i++) {
        const struct tsk_field *f = &s->fields[i];
        if (!tsk_field_present(f, base))
            continue;
        if (keys)
            tsk_cbor_put_uint(out, f->key);
        if (!tsk_shape_write_value(out, f, base))
            return false;
    }
    return true;
}

static bool write_array(struct tsk_cbor_out *out, const struct tsk_field *f, const void *base)
{
    size_t n = tsk_count_at(base, f->count);
    if (n > f->max)
        return false;
    tsk_cbor_put_array(out, n);
    for (size_t i = 0; i < n; i++)
        if (!tsk_shape_write_value(out, f->element, at(base, f->offset + i * f->size)))
            return false;
    return true;
}

static bool write_seq(struct tsk_cbor_out *out, const struct tsk_field *f, const void *base)
{
    const struct tsk_seq *seq = at(base, f->offset);
    tsk_cbor_put_array(out, seq->n);
    tsk_cbor_put_raw(out, seq->bytes);
    return true;
}

static bool write_choice(struct tsk_cbor_out *out, const struct tsk_field *f, const void *base)
{
    uint64_t which = tsk_num_at(base, f->offset);
    return which >= 1 && which <= f->max && tsk_shape_write(out, f->choices[which - 1], false, base);
}

static bool write_leaf(struct tsk_cbor_out *out, const struct tsk_field *f, const void *base)
{
    struct tsk_leaf v = tsk_leaf_get(f, base);
    if (v.type == TSK_CBOR_UINT)
        tsk_cbor_put_uint(out, v.num);
    else if (v.type == TSK_CBOR_BYTES)
        tsk_cbor_put_bytes(out, v.bytes);
    else
        tsk_cbor_put_text(out, v.bytes);
    return true;
}

bool tsk_shape_write_value(struct tsk_cbor_out *out, const struct tsk_field *f, const void *base)
{
    switch (f->kind) {
    case TSK_K_ARRAY:
        return write_array(out, f, base);
    case TSK_K_TUPLE:
        return tsk_shape_write(out, f->shape, false, at(base, f->offset));
    case TSK_K_CHOICE:
        return write_choice(out, f, base);
    case TSK_K_MAP:
        return tsk_shape_write(out, f->shape, true, at(base, f->offset));
    case TSK_K_NESTED:
        tsk_cbor_put_bytes(out, *(const struct tsk_slice *)at(base, f->bytes));
        return true;
    case TSK_K_SEQ:
        return write_seq(out, f, base);
    default:
        return write_leaf(out, f, base);
    }
}
