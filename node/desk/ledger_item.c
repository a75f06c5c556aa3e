/* ledger_item.c - items, grants, wraps, holders and cards; see ledger.h. */
#include "node/desk/ledger_row.h"

/* ---- items ---- */
enum tsk_err tsk_item_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t index, struct tsk_case_item *ret_i)
{
    struct tsk_rowkey k = tsk_row_at(TSK_T_ITEM, c->no, index);
    struct tsk_item_at row = {0};
    struct tsk_stored r;
    TSK_TRY(tsk_row_load(t, &k, &tsk_shape_item_row, &row));
    TSK_TRY(tsk_record_get(t, row.record_no, &r));
    TSK_TRY(tsk_record_as(&r, TSK_REC_ITEM, &ret_i->item));
    ret_i->id = row.id;
    ret_i->index = index;
    ret_i->record_no = row.record_no;
    ret_i->disputed = row.disputed;
    ret_i->sent = row.sent;
    return TSK_OK;
}

enum tsk_err tsk_item_ct(struct tsk_txn *t, const struct tsk_case *c, uint64_t index, struct tsk_slice *ret_ct)
{
    struct tsk_rowkey k = tsk_row_at(TSK_T_CT, c->no, index);
    struct tsk_slice ct;
    TSK_TRY(tsk_get(t, &k, &ct));
    const void *kept = tsk_keep(t, ct.p, ct.n);
    if (kept == NULL)
        return TSK_E_NOMEM;
    *ret_ct = (struct tsk_slice){kept, ct.n};
    return TSK_OK;
}

static enum tsk_err find_place(struct tsk_txn *t, enum tsk_table table, const void *id, size_t n, struct tsk_place *ret_p)
{
    struct tsk_rowkey k = tsk_row_id(table, id, n);
    return tsk_row_load(t, &k, &tsk_shape_place, ret_p);
}

enum tsk_err tsk_item_find(struct tsk_txn *t, const struct tsk_id32 *id, struct tsk_place *ret_p)
{
    return find_place(t, TSK_T_ITEM_ID, id->b, sizeof id->b, ret_p);
}

/* ---- grants ---- */
enum tsk_err tsk_grant_find(struct tsk_txn *t, const struct tsk_id32 *id, struct tsk_place *ret_p)
{
    return find_place(t, TSK_T_GRANT_ID, id->b, sizeof id->b, ret_p);
}

enum tsk_err tsk_grant_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t index, struct tsk_case_grant *ret_g)
{
    struct tsk_rowkey k = tsk_row_at(TSK_T_GRANT, c->no, index);
    struct tsk_grant_at row = {0};
    struct tsk_stored r;
    TSK_TRY(tsk_row_load(t, &k, &tsk_shape_grant_row, &row));
    TSK_TRY(tsk_record_get(t, row.record_no, &r));
    TSK_TRY(tsk_record_as(&r, TSK_REC_GRANT, &ret_g->grant));
    ret_g->id = row.id;
    ret_g->index = index;
    ret_g->record_no = row.record_no;
    ret_g->first_at = row.first_at;
    ret_g->disputed = row.disputed;
    ret_g->sent = row.sent;
    return TSK_OK;
}

enum tsk_err tsk_grant_by_id(struct tsk_txn *t, const struct tsk_id16 *id, struct tsk_case *ret_c,
                             struct tsk_case_grant *ret_g)
{
    struct tsk_place place = {0};
    TSK_TRY(find_place(t, TSK_T_GRANT_16, id->b, sizeof id->b, &place));
    TSK_TRY(tsk_case_load(t, place.case_no, ret_c));
    return tsk_grant_load(t, ret_c, place.index, ret_g);
}

enum tsk_err tsk_wraps_load(struct tsk_txn *t, const struct tsk_case *c, uint64_t grant_index, struct tsk_wraps *ret_w)
{
    struct tsk_rowkey k = tsk_row_at(TSK_T_WRAPS, c->no, grant_index);
    struct tsk_slice bytes;
    TSK_TRY(tsk_get(t, &k, &bytes));
    return tsk_rec_decode(TSK_REC_WRAPS, bytes, ret_w); /* holds no slices: nothing to keep */
}

/* ---- holders ---- */
static const struct tsk_row_field holder_fields[] = {
    TSK_F_FIXED(tsk_holder_at, kid),
    TSK_F_FIXED(tsk_holder_at, holder.sign_pk),
    TSK_F_U64(tsk_holder_at, holder.suite),
    TSK_F_FIXED(tsk_holder_at, holder.kem_pk),
    TSK_F_U64(tsk_holder_at, holder.kind),
    TSK_F_U64(tsk_holder_at, holder.state),
    TSK_F_U64(tsk_holder_at, holder.time),
    TSK_F_FIXED(tsk_holder_at, holder.enrolled_by),
    TSK_F_BOOL(tsk_holder_at, holder.has_other),
    TSK_F_FIXED(tsk_holder_at, holder.other),
    TSK_F_FIXED(tsk_holder_at, holder.pop),
    TSK_F_U64(tsk_holder_at, record_no),
    TSK_F_FIXED(tsk_holder_at, card),
    TSK_F_FIXED(tsk_holder_at, tweak),
    TSK_F_U64(tsk_holder_at, case_no),
    TSK_F_U64(tsk_holder_at, stopped_at),
};
static const struct tsk_row_shape holder_shape = TSK_SHAPE(holder_fields);

enum tsk_err tsk_holder_load(struct tsk_txn *t, const struct tsk_kid *kid, struct tsk_holder_at *ret_h)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_HOLDER, kid->b, sizeof kid->b);
    struct tsk_holder_at h = {0};
    TSK_TRY(tsk_row_load(t, &k, &holder_shape, &h));
    *ret_h = h;
    return TSK_OK;
}

enum tsk_err tsk_holder_save(struct tsk_txn *t, const struct tsk_holder_at *h)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_HOLDER, h->kid.b, sizeof h->kid.b);
    TSK_TRY(tsk_row_save(t, &k, &holder_shape, h));
    if (tsk_is_zero(h->card.b, sizeof h->card.b))
        return TSK_OK;
    struct tsk_rowkey card = tsk_row_id(TSK_T_CARD, h->card.b, sizeof h->card.b);
    tsk_row_bytes(&card, h->kid.b, sizeof h->kid.b);
    return tsk_put_u64(t, &card, h->case_no);
}

void tsk_card_walk_init(struct tsk_walk *w, const struct tsk_id16 *card)
{
    struct tsk_rowkey prefix = tsk_row_id(TSK_T_CARD, card->b, sizeof card->b);
    tsk_walk_init(w, &prefix, NULL);
}

enum tsk_err tsk_card_walk(struct tsk_txn *t, struct tsk_walk *w, struct tsk_holder_at *ret_h)
{
    struct tsk_slice tail, value;
    struct tsk_kid kid;
    TSK_TRY(tsk_walk_next(t, w, &tail, &value));
    if (tail.n != sizeof kid.b)
        return TSK_E_BUG;
    memcpy(kid.b, tail.p, sizeof kid.b);
    return tsk_holder_load(t, &kid, ret_h);
}
