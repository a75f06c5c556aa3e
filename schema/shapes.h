/* shapes.h - the tables that drive the codec (shape_read.c, shape_write.c, shape_walk.c): what stands under which key of
 * which record.
 *
 * A shape is a map or a tuple: an ordered list of fields. A field says its key (maps only), its kind, where its value
 * stands in the C struct, and what values are allowed. Arrays and seqs name the field of one element, whose offsets
 * count from the start of the element. To add a field to a record: one member in record.h, one row in shapes.c.
 */
#ifndef TSK_SCHEMA_SHAPES_H
#define TSK_SCHEMA_SHAPES_H

#include "schema/codes.h"

enum tsk_kind {
    /* leaves */
    TSK_K_CONST,  /* uint, always `min`; no member */
    TSK_K_UINT,   /* uint64_t, min..max */
    TSK_K_FIXED,  /* byte string of exactly `size` bytes, copied */
    TSK_K_BYTES,  /* byte string, min..max bytes, struct tsk_slice */
    TSK_K_TEXT,   /* text string, min..max bytes, struct tsk_slice */
    TSK_K_ID,     /* partner id: char[size], min..max characters of [A-Z0-9-], NUL-padded */
    TSK_K_CODE,   /* char[size], min..max characters of [A-Za-z0-9], NUL-padded, in `list` if there is one */
    /* containers */
    TSK_K_ARRAY,  /* C array of elements of `size` bytes, their number at `count`, min..max */
    TSK_K_TUPLE,  /* array of the fields of `shape`, of which optional ones may be missing at the end */
    TSK_K_CHOICE, /* tuple whose first element (1..max, a CONST there, a uint64_t here) selects among `choices` */
    TSK_K_MAP,    /* map of `shape` */
    TSK_K_NESTED, /* byte string holding a map of `shape`; its bytes at `bytes` (struct tsk_slice), its fields here */
    TSK_K_SEQ,    /* struct tsk_seq of elements, min..max, checked now and walked later */
};

/* Which codes of a list may stand in a field. */
struct tsk_code_rule {
    enum tsk_list list;
    unsigned must, never; /* TSK_CODE_ flags that the row must have, and must not have */
};

struct tsk_shape;

struct tsk_field {
    unsigned key;
    enum tsk_kind kind;
    const char *name;
    size_t offset, size;
    uint64_t min, max;
    bool set;           /* ARRAY, SEQ: sorted bytewise by encoding, unique */
    bool optional;      /* a bool at `has` says whether it is there */
    size_t has, count, bytes;
    const struct tsk_code_rule *rule;
    const struct tsk_field *element;
    const struct tsk_shape *shape;
    const struct tsk_shape *const *choices;
};

struct tsk_shape {
    const struct tsk_field *fields;
    size_t n;
    enum tsk_err (*check)(const void *record); /* what concerns more than one field; NULL = nothing */
};

extern const struct tsk_shape *const tsk_shapes[TSK_REC_COUNT];
extern const struct tsk_shape tsk_shape_item_core;

/* Elements of seqs. */
extern const struct tsk_field tsk_element_text, tsk_element_bytes, tsk_element_member, tsk_element_partner,
    tsk_element_mail;

/* ---- the interpreters ---- */
/* Room for one element of a seq. */
union tsk_element {
    struct tsk_slice slice;
    struct tsk_code code;
    struct tsk_member member;
    struct tsk_partner partner;
    struct tsk_mail mail;
    uint8_t fixed[32];
    char id[TSK_PARTNER_ID_CAP];
};

/* shape_read.c: fills the struct at `base`, which was zeroed before; errors stay in the reader. */
void tsk_shape_read_map(struct tsk_cbor_in *in, const struct tsk_shape *s, void *base);
void tsk_shape_read_value(struct tsk_cbor_in *in, const struct tsk_field *f, void *base);

/* shape_write.c: false if the struct cannot be written at all. `keys`: as a map, else as a tuple. */
bool tsk_shape_write(struct tsk_cbor_out *out, const struct tsk_shape *s, bool keys, const void *base);
bool tsk_shape_write_value(struct tsk_cbor_out *out, const struct tsk_field *f, const void *base);

/* The value of a leaf: `num` of integers, `bytes` of strings; type TSK_CBOR_NONE for a container. */
struct tsk_leaf {
    enum tsk_cbor_type type;
    uint64_t num;
    struct tsk_slice bytes;
};
struct tsk_leaf tsk_leaf_get(const struct tsk_field *f, const void *base);
bool tsk_field_present(const struct tsk_field *f, const void *base);
uint64_t tsk_num_at(const void *base, size_t offset);
size_t tsk_count_at(const void *base, size_t offset);

/* record.c: takes the next element off a seq; false at the end. `size` = bytes of the element's C type. */
bool tsk_seq_next(struct tsk_seq *seq, const struct tsk_field *element, void *ret_value, size_t size);

#endif
