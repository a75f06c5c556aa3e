/* ledger_row.c - see ledger_row.h. */
#include "node/desk/ledger_row.h"

#define ROW_MAX 4096

static void put_field(struct tsk_cbor_out *out, const struct tsk_row_field *f, const uint8_t *row)
{
    const uint8_t *p = row + f->offset;
    uint64_t v = 0;
    unsigned e = 0;
    size_t n = 0;
    switch (f->kind) {
    case TSK_ROW_U64:
        memcpy(&v, p, sizeof v);
        tsk_cbor_put_uint(out, v);
        break;
    case TSK_ROW_BOOL:
        tsk_cbor_put_bool(out, *(const bool *)p);
        break;
    case TSK_ROW_ENUM:
        memcpy(&e, p, sizeof e);
        tsk_cbor_put_uint(out, e);
        break;
    case TSK_ROW_FIXED:
        tsk_cbor_put_bytes(out, (struct tsk_slice){p, f->size});
        break;
    case TSK_ROW_LIST:
        memcpy(&n, row + f->count, sizeof n);
        tsk_cbor_put_bytes(out, (struct tsk_slice){p, n * f->size});
        break;
    }
}

static void get_bytes(struct tsk_cbor_in *in, const struct tsk_row_field *f, uint8_t *row)
{
    struct tsk_slice s = tsk_cbor_bytes(in);
    size_t n = s.n / f->size;
    bool list = f->kind == TSK_ROW_LIST;
    if (list ? s.n % f->size != 0 || n > f->max : s.n != f->size) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        return;
    }
    if (s.n > 0)
        memcpy(row + f->offset, s.p, s.n);
    if (list)
        memcpy(row + f->count, &n, sizeof n);
}

static void get_field(struct tsk_cbor_in *in, const struct tsk_row_field *f, uint8_t *row)
{
    uint64_t v = 0;
    unsigned e = 0;
    switch (f->kind) {
    case TSK_ROW_U64:
        v = tsk_cbor_uint(in);
        memcpy(row + f->offset, &v, sizeof v);
        break;
    case TSK_ROW_BOOL:
        *(bool *)(row + f->offset) = tsk_cbor_bool(in);
        break;
    case TSK_ROW_ENUM:
        e = (unsigned)tsk_cbor_uint(in);
        memcpy(row + f->offset, &e, sizeof e);
        break;
    case TSK_ROW_FIXED:
    case TSK_ROW_LIST:
        get_bytes(in, f, row);
        break;
    }
}

enum tsk_err tsk_row_save(struct tsk_txn *t, const struct tsk_rowkey *k, const struct tsk_row_shape *shape, const void *row)
{
    uint8_t buf[ROW_MAX];
    struct tsk_cbor_out out;
    struct tsk_slice bytes;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_array(&out, shape->n);
    for (size_t i = 0; i < shape->n; i++)
        put_field(&out, &shape->fields[i], row);
    TSK_TRY(tsk_cbor_out_done(&out, &bytes));
    return tsk_put(t, k, bytes);
}

enum tsk_err tsk_row_parse(struct tsk_slice bytes, const struct tsk_row_shape *shape, void *ret_row)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    if (tsk_cbor_array(&in) != shape->n)
        return TSK_E_BUG;
    for (size_t i = 0; i < shape->n; i++)
        get_field(&in, &shape->fields[i], ret_row);
    return tsk_cbor_done(&in) == TSK_OK ? TSK_OK : TSK_E_BUG;
}

enum tsk_err tsk_row_load(struct tsk_txn *t, const struct tsk_rowkey *k, const struct tsk_row_shape *shape, void *ret_row)
{
    struct tsk_slice bytes;
    TSK_TRY(tsk_get(t, k, &bytes));
    return tsk_row_parse(bytes, shape, ret_row);
}

struct tsk_rowkey tsk_row_no(enum tsk_table table, uint64_t no)
{
    struct tsk_rowkey k = tsk_row(table);
    tsk_row_u64(&k, no);
    return k;
}

struct tsk_rowkey tsk_row_at(enum tsk_table table, uint64_t no, uint64_t index)
{
    struct tsk_rowkey k = tsk_row_no(table, no);
    tsk_row_u8(&k, (uint8_t)index);
    return k;
}

struct tsk_rowkey tsk_row_id(enum tsk_table table, const void *id, size_t n)
{
    struct tsk_rowkey k = tsk_row(table);
    tsk_row_bytes(&k, id, n);
    return k;
}

struct tsk_rowkey tsk_row_stop(uint64_t form, const void *target32, const struct tsk_id32 *id)
{
    struct tsk_rowkey k = tsk_row(TSK_T_STOP);
    tsk_row_u8(&k, (uint8_t)form);
    tsk_row_bytes(&k, target32, 32);
    if (id != NULL)
        tsk_row_bytes(&k, id->b, sizeof id->b);
    return k;
}

static const struct tsk_row_field item_fields[] = {
    TSK_F_U64(tsk_item_at, record_no),
    TSK_F_FIXED(tsk_item_at, id),
    TSK_F_BOOL(tsk_item_at, disputed),
    TSK_F_BOOL(tsk_item_at, sent),
};
static const struct tsk_row_field grant_fields[] = {
    TSK_F_U64(tsk_grant_at, record_no),
    TSK_F_U64(tsk_grant_at, first_at),
    TSK_F_FIXED(tsk_grant_at, id),
    TSK_F_BOOL(tsk_grant_at, disputed),
    TSK_F_BOOL(tsk_grant_at, sent),
};
static const struct tsk_row_field stop_fields[] = {
    TSK_F_U64(tsk_stop_at, record_no),
    TSK_F_FIXED(tsk_stop_at, from),
    TSK_F_BOOL(tsk_stop_at, settled),
    TSK_F_BOOL(tsk_stop_at, effective),
};
static const struct tsk_row_field place_fields[] = {
    TSK_F_U64(tsk_place, case_no),
    TSK_F_U64(tsk_place, index),
};
const struct tsk_row_shape tsk_shape_item_row = TSK_SHAPE(item_fields);
const struct tsk_row_shape tsk_shape_grant_row = TSK_SHAPE(grant_fields);
const struct tsk_row_shape tsk_shape_stop_row = TSK_SHAPE(stop_fields);
const struct tsk_row_shape tsk_shape_place = TSK_SHAPE(place_fields);
