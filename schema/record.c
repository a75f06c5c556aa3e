/* Whole records: the rows of records.def over the interpreters of shape_read.c, shape_write.c and shape_walk.c.
 * Encoding trusts nobody: what was written is read back, so that encode and decode cannot disagree about what a
 * record may be. */
#include "schema/record.h"

#include <string.h>

#include "schema/shapes.h"

/* ---- rows ---- */
enum { PARCEL_NO, PARCEL_YES };
struct rec_row {
    const char *name, *typ;
    size_t max, size;
    enum tsk_form form;
    enum tsk_signer signer;
    bool in_parcel;
};
static const struct rec_row ROWS[TSK_REC_COUNT] = {
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) \
    [TSK_REC_##NAME] = {#name, "tasuki-" #name, max_len, sizeof(struct tsk_##name), TSK_FORM_##form, \
                        TSK_SIGNER_##signer, PARCEL_##parcel},
#include "schema/records.def"
#undef TSK_RECORD
};

/* Room for any record, to read back what was written. */
union any_record {
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) struct tsk_##name name;
#include "schema/records.def"
#undef TSK_RECORD
    struct tsk_item_core core;
};

const char *tsk_rec_name(enum tsk_rec r) { return ROWS[r].name; }
const char *tsk_rec_typ(enum tsk_rec r) { return ROWS[r].typ; }
size_t tsk_rec_max(enum tsk_rec r) { return ROWS[r].max; }
size_t tsk_rec_size(enum tsk_rec r) { return ROWS[r].size; }
enum tsk_form tsk_rec_form(enum tsk_rec r) { return ROWS[r].form; }
enum tsk_signer tsk_rec_signer(enum tsk_rec r) { return ROWS[r].signer; }
bool tsk_rec_in_parcel(enum tsk_rec r) { return ROWS[r].in_parcel; }

enum tsk_err tsk_rec_by_typ(struct tsk_slice typ, enum tsk_rec *ret_r)
{
    for (size_t r = 0; r < TSK_REC_COUNT; r++) {
        if (tsk_slice_eq(typ, (struct tsk_slice){(const uint8_t *)ROWS[r].typ, strlen(ROWS[r].typ)})) {
            *ret_r = (enum tsk_rec)r;
            return TSK_OK;
        }
    }
    return TSK_E_WRONGTYPE;
}

struct tsk_code tsk_code(const char *text)
{
    struct tsk_code c = {{0}};
    size_t n = strlen(text);
    if (n < sizeof c.s)
        memcpy(c.s, text, n);
    return c;
}

bool tsk_code_eq(struct tsk_code a, struct tsk_code b)
{
    return strncmp(a.s, b.s, sizeof a.s) == 0;
}

/* ---- whole records ---- */
static enum tsk_err decode(const struct tsk_shape *s, struct tsk_slice bytes, size_t max, void *ret, size_t size)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    memset(ret, 0, size);
    if (bytes.n > max)
        tsk_cbor_fail(&in, TSK_E_MALFORMED);
    tsk_shape_read_map(&in, s, ret);
    enum tsk_err e = tsk_cbor_done(&in);
    if (e != TSK_OK)
        memset(ret, 0, size); /* no half record for a caller who forgets to look */
    return e;
}

enum tsk_err tsk_rec_decode(enum tsk_rec r, struct tsk_slice bytes, void *ret_struct)
{
    return decode(tsk_shapes[r], bytes, ROWS[r].max, ret_struct, ROWS[r].size);
}

static enum tsk_err encode(const struct tsk_shape *s, const void *record, size_t size, size_t max, uint8_t *buf,
                           size_t cap, struct tsk_slice *ret_bytes)
{
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, buf, cap);
    if (!tsk_shape_write(&out, s, true, record))
        return TSK_E_MALFORMED;
    struct tsk_slice bytes;
    TSK_TRY(tsk_cbor_out_done(&out, &bytes));
    union any_record back;
    TSK_TRY(decode(s, bytes, max, &back, size));
    *ret_bytes = bytes;
    return TSK_OK;
}

enum tsk_err tsk_rec_encode(enum tsk_rec r, const void *record, uint8_t *buf, size_t cap, struct tsk_slice *ret_bytes)
{
    return encode(tsk_shapes[r], record, ROWS[r].size, ROWS[r].max, buf, cap, ret_bytes);
}

enum tsk_err tsk_item_core_encode(const struct tsk_item_core *core, uint8_t *buf, size_t cap,
                                  struct tsk_slice *ret_bytes)
{
    return encode(&tsk_shape_item_core, core, sizeof *core, ROWS[TSK_REC_ITEM].max, buf, cap, ret_bytes);
}

/* ---- seqs ---- */
bool tsk_seq_next(struct tsk_seq *seq, const struct tsk_field *element, void *ret_value, size_t size)
{
    if (seq->n == 0)
        return false;
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, seq->bytes);
    union tsk_element room;
    memset(&room, 0, sizeof room);
    tsk_shape_read_value(&in, element, &room);
    if (in.err != TSK_OK)
        return false;
    memcpy(ret_value, &room, size);
    *seq = (struct tsk_seq){{in.p, (size_t)(in.end - in.p)}, seq->n - 1};
    return true;
}

bool tsk_seq_next_text(struct tsk_seq *seq, struct tsk_slice *ret_text)
{
    return tsk_seq_next(seq, &tsk_element_text, ret_text, sizeof *ret_text);
}

bool tsk_seq_next_bytes(struct tsk_seq *seq, struct tsk_slice *ret_bytes)
{
    return tsk_seq_next(seq, &tsk_element_bytes, ret_bytes, sizeof *ret_bytes);
}

bool tsk_seq_next_member(struct tsk_seq *seq, struct tsk_member *ret_member)
{
    return tsk_seq_next(seq, &tsk_element_member, ret_member, sizeof *ret_member);
}

bool tsk_seq_next_partner(struct tsk_seq *seq, struct tsk_partner *ret_partner)
{
    return tsk_seq_next(seq, &tsk_element_partner, ret_partner, sizeof *ret_partner);
}

bool tsk_seq_next_mail(struct tsk_seq *seq, struct tsk_mail *ret_mail)
{
    return tsk_seq_next(seq, &tsk_element_mail, ret_mail, sizeof *ret_mail);
}

/* Writes one element and reads it back where it was really written (a writer that only measures has no bytes). */
static enum tsk_err put_element(struct tsk_cbor_out *out, const struct tsk_field *element, const void *value)
{
    size_t start = out->n;
    if (!tsk_shape_write_value(out, element, value))
        return TSK_E_MALFORMED;
    if (out->n > out->cap)
        return out->p == NULL ? TSK_OK : TSK_E_LIMIT;
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, (struct tsk_slice){out->p + start, out->n - start});
    union tsk_element room;
    memset(&room, 0, sizeof room);
    tsk_shape_read_value(&in, element, &room);
    return tsk_cbor_done(&in);
}

enum tsk_err tsk_member_encode(struct tsk_cbor_out *out, const struct tsk_member *m)
{
    return put_element(out, &tsk_element_member, m);
}

enum tsk_err tsk_partner_encode(struct tsk_cbor_out *out, const struct tsk_partner *p)
{
    return put_element(out, &tsk_element_partner, p);
}

void tsk_mail_encode(struct tsk_cbor_out *out, const struct tsk_mail *m)
{
    (void)tsk_shape_write_value(out, &tsk_element_mail, m);
}
