/* ledger.c - records, notes, openings; see ledger.h. */
#include "node/desk/ledger.h"

#include <stdlib.h>

#include "node/desk/ledger_row.h"

/* ---- records ---- */
/* first stored at (u64), id32, then the record as it was signed: no CBOR, since this row is the one written most. */
#define RECORD_HEAD (8 + 32)

enum tsk_err tsk_record_put(struct tsk_txn *t, uint64_t no, uint64_t now, struct tsk_slice bytes, const struct tsk_id32 *id)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_RECORD, no), by_id = tsk_row_id(TSK_T_RECORD_ID, id->b, sizeof id->b);
    uint8_t *row = tsk_txn_alloc(t, RECORD_HEAD + bytes.n);
    if (row == NULL)
        return TSK_E_NOMEM;
    for (int i = 0; i < 8; i++)
        row[i] = (uint8_t)(now >> (56 - 8 * i));
    memcpy(row + 8, id->b, sizeof id->b);
    memcpy(row + RECORD_HEAD, bytes.p, bytes.n);
    TSK_TRY(tsk_put(t, &k, (struct tsk_slice){row, RECORD_HEAD + bytes.n}));
    return tsk_put_u64(t, &by_id, no);
}

enum tsk_err tsk_record_opens(struct tsk_txn *t, const struct tsk_id32 *id, uint64_t no, uint64_t case_no)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_RECORD_ID, id->b, sizeof id->b);
    uint8_t row[16];
    for (int i = 0; i < 8; i++) {
        row[i] = (uint8_t)(no >> (56 - 8 * i));
        row[8 + i] = (uint8_t)(case_no >> (56 - 8 * i));
    }
    return tsk_put(t, &k, TSK_SLICE(row));
}

static enum tsk_err number_of(struct tsk_txn *t, const struct tsk_id32 *id, uint64_t *ret_no)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_RECORD_ID, id->b, sizeof id->b);
    struct tsk_slice row;
    TSK_TRY(tsk_get(t, &k, &row));
    if (row.n < 8)
        return TSK_E_BUG;
    *ret_no = tsk_be64(row.p);
    return TSK_OK;
}

enum tsk_err tsk_record_get(struct tsk_txn *t, uint64_t no, struct tsk_stored *ret_r)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_RECORD, no);
    struct tsk_slice row;
    struct tsk_stored r = {.no = no};
    TSK_TRY(tsk_get(t, &k, &row));
    if (row.n < RECORD_HEAD)
        return TSK_E_BUG;
    r.first_at = tsk_be64(row.p);
    memcpy(r.id.b, row.p + 8, sizeof r.id.b);
    r.bytes.n = row.n - RECORD_HEAD;
    r.bytes.p = tsk_keep(t, row.p + RECORD_HEAD, r.bytes.n);
    if (r.bytes.p == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_cose_parse(r.bytes, &r.env));
    *ret_r = r;
    return TSK_OK;
}

enum tsk_err tsk_record_find(struct tsk_txn *t, const struct tsk_id32 *id, struct tsk_stored *ret_r)
{
    uint64_t no;
    TSK_TRY(number_of(t, id, &no));
    return tsk_record_get(t, no, ret_r);
}

enum tsk_err tsk_record_as(const struct tsk_stored *s, enum tsk_rec r, void *ret_struct)
{
    if (s->env.rec != r)
        return TSK_E_WRONGTYPE;
    return tsk_rec_decode(r, s->env.payload, ret_struct);
}

/* ---- notes ---- */
enum tsk_err tsk_note_put(struct tsk_txn *t, uint64_t record_no, const char *text)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_NOTE, record_no);
    return tsk_put(t, &k, (struct tsk_slice){(const uint8_t *)text, strlen(text)});
}

enum tsk_err tsk_note_get(struct tsk_txn *t, uint64_t record_no, char *ret_text, size_t cap)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_NOTE, record_no);
    struct tsk_slice v;
    TSK_TRY(tsk_get(t, &k, &v));
    if (v.n >= cap)
        return TSK_E_LIMIT;
    memcpy(ret_text, v.p, v.n);
    ret_text[v.n] = '\0';
    return TSK_OK;
}

/* ---- refusals ---- */
static struct tsk_rowkey refusal_row(uint64_t case_no, uint64_t record_no)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_REFUSED, case_no);
    tsk_row_u64(&k, record_no);
    return k;
}

enum tsk_err tsk_refusal_put(struct tsk_txn *t, uint64_t case_no, uint64_t record_no, uint64_t code)
{
    struct tsk_rowkey k = refusal_row(case_no, record_no);
    return tsk_put_u64(t, &k, code);
}

enum tsk_err tsk_refusal_get(struct tsk_txn *t, uint64_t case_no, uint64_t record_no, uint64_t *ret_code)
{
    struct tsk_rowkey k = refusal_row(case_no, record_no);
    enum tsk_err e = tsk_get_u64(t, &k, ret_code);
    if (e == TSK_E_UNKNOWN)
        *ret_code = 0;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

void tsk_refusal_walk_init(struct tsk_walk *w, uint64_t case_no)
{
    struct tsk_rowkey prefix = tsk_row_no(TSK_T_REFUSED, case_no);
    tsk_walk_init(w, &prefix, NULL);
}

enum tsk_err tsk_refusal_walk(struct tsk_txn *t, struct tsk_walk *w, uint64_t *ret_record_no)
{
    struct tsk_slice tail, value;
    TSK_TRY(tsk_walk_next(t, w, &tail, &value));
    if (tail.n != 8)
        return TSK_E_BUG;
    *ret_record_no = tsk_be64(tail.p);
    return TSK_OK;
}

/* ---- openings ---- */
enum tsk_err tsk_opening_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t n, struct tsk_open *ret_o,
                              struct tsk_stored *ret_r)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_OPENING, c->no);
    struct tsk_stored r;
    uint64_t no;
    tsk_row_u64(&k, n);
    TSK_TRY(tsk_get_u64(t, &k, &no));
    TSK_TRY(tsk_record_get(t, no, &r));
    TSK_TRY(tsk_record_as(&r, TSK_REC_OPEN, ret_o));
    *ret_r = r;
    return TSK_OK;
}

/* ---- everything about a case ---- */
struct list { struct tsk_txn *t; uint64_t *nos; size_t n, cap; };

static enum tsk_err add(struct list *l, uint64_t no)
{
    if (no == 0)
        return TSK_OK;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        uint64_t *more = tsk_txn_alloc(l->t, cap * sizeof *more);
        if (more == NULL)
            return TSK_E_NOMEM;
        if (l->n > 0)
            memcpy(more, l->nos, l->n * sizeof *more);
        l->nos = more;
        l->cap = cap;
    }
    l->nos[l->n++] = no;
    return TSK_OK;
}

/* Rows whose values are record numbers, one after another. */
static enum tsk_err add_rows(struct list *l, const struct tsk_rowkey *prefix)
{
    struct tsk_walk w;
    struct tsk_slice tail, value;
    enum tsk_err e;
    tsk_walk_init(&w, prefix, NULL);
    while ((e = tsk_walk_next(l->t, &w, &tail, &value)) == TSK_OK)
        for (size_t i = 0; i + 8 <= value.n; i += 8)
            TSK_TRY(add(l, tsk_be64(value.p + i)));
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err add_holder(struct list *l, const struct tsk_kid *kid)
{
    struct tsk_holder_at h;
    enum tsk_err e = tsk_holder_load(l->t, kid, &h);
    if (e == TSK_E_UNKNOWN)
        return TSK_OK;
    TSK_TRY(e);
    return add(l, h.record_no);
}

static enum tsk_err add_grants(struct list *l, const struct tsk_case *c)
{
    struct tsk_case_grant g;
    for (uint64_t i = 0; i < c->grants_n; i++) {
        TSK_TRY(tsk_grant_load(l->t, c, i, &g));
        TSK_TRY(add(l, g.record_no));
        TSK_TRY(add_holder(l, &g.grant.holder));
        struct tsk_rowkey about = tsk_row_id(TSK_T_COSIGN, g.id.b, sizeof g.id.b);
        TSK_TRY(add_rows(l, &about));
    }
    return TSK_OK;
}

static enum tsk_err add_stops(struct list *l, const struct tsk_case *c)
{
    struct tsk_stop *stops;
    size_t n;
    TSK_TRY(tsk_case_stops(l->t, c, &stops, &n));
    for (size_t i = 0; i < n; i++) {
        uint64_t no;
        TSK_TRY(number_of(l->t, &stops[i].id, &no));
        TSK_TRY(add(l, no));
    }
    return TSK_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_once_each(struct list *l)
{
    size_t kept = 0;
    if (l->n > 0)
        qsort(l->nos, l->n, sizeof *l->nos, by_number);
    for (size_t i = 0; i < l->n; i++)
        if (kept == 0 || l->nos[kept - 1] != l->nos[i])
            l->nos[kept++] = l->nos[i];
    l->n = kept;
}

enum tsk_err tsk_case_records(struct tsk_txn *t, const struct tsk_case *c, uint64_t **ret_nos, size_t *ret_n)
{
    struct list l = {.t = t};
    struct tsk_rowkey statuses = tsk_row_no(TSK_T_STATUS, c->no), openings = tsk_row_no(TSK_T_OPENING, c->no);
    struct tsk_case_item item;
    TSK_TRY(add(&l, c->record_no));
    for (uint64_t i = 0; i < c->items_n; i++) {
        TSK_TRY(tsk_item_load(t, c, i, &item));
        TSK_TRY(add(&l, item.record_no));
    }
    TSK_TRY(add_grants(&l, c));
    TSK_TRY(add_stops(&l, c));
    TSK_TRY(add_rows(&l, &statuses));
    TSK_TRY(add_rows(&l, &openings));
    sort_once_each(&l);
    *ret_nos = l.nos;
    *ret_n = l.n;
    return TSK_OK;
}
