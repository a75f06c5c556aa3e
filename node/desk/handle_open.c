/* handle_open.c - the recipient opened a category: a fact that the sender, and so the family, can read. */
#include "node/desk/handle.h"

/* The grant and the item it names, which must belong together. TSK_E_RETRY while one is not here. */
static enum tsk_err find_pair(struct tsk_batch *b, const struct tsk_open *o, struct tsk_case *ret_c,
                              struct tsk_case_grant *ret_g, struct tsk_case_item *ret_i)
{
    struct tsk_place grant = {0}, item = {0};
    enum tsk_err e = tsk_grant_find(b->txn, &o->grant, &grant);
    if (e == TSK_OK)
        e = tsk_item_find(b->txn, &o->item, &item);
    if (e == TSK_E_UNKNOWN)
        return TSK_E_RETRY;
    TSK_TRY(e);
    if (grant.case_no != item.case_no)
        return TSK_E_NOTGRANTED;
    TSK_TRY(tsk_case_load(b->txn, grant.case_no, ret_c));
    TSK_TRY(tsk_grant_load(b->txn, ret_c, grant.index, ret_g));
    return tsk_item_load(b->txn, ret_c, item.index, ret_i);
}

enum tsk_err tsk_check_open(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_open *o = a->record;
    struct tsk_case c;
    struct tsk_case_grant g;
    struct tsk_case_item it;
    TSK_TRY(find_pair(b, o, &c, &g, &it));
    if (!tsk_kid_eq(&a->env.kid, tsk_case_recipient(ctx, &c)))
        return TSK_E_UNKNOWNPEER;
    TSK_TRY(tsk_grant_covers(&g.grant, &it.item.core, &it.id));
    return tsk_code_eq(o->purpose, g.grant.purpose) ? TSK_OK : TSK_E_PURPOSE;
}

enum tsk_err tsk_act_open(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_open *o = a->record;
    struct tsk_place place = {0};
    struct tsk_case c;
    (void)ctx;
    TSK_TRY(tsk_grant_find(b->txn, &o->grant, &place));
    TSK_TRY(tsk_case_load(b->txn, place.case_no, &c));
    struct tsk_rowkey k = tsk_row_no(TSK_T_OPENING, c.no);
    tsk_row_u64(&k, c.openings_n++);
    TSK_TRY(tsk_put_u64(b->txn, &k, a->no));
    TSK_TRY(tsk_case_save(b->txn, &c));
    return a->own ? tsk_route(b, &c.peer, a, false) : TSK_OK;
}
