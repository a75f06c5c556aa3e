/* handle_item.c - a sealed category. At the recipient it comes only with its ciphertext, and with the grants for it. */
#include "crypto/hash.h"
#include "node/desk/handle.h"

enum tsk_err tsk_part_find(struct tsk_seq parts, struct tsk_part_hash cache[TSK_PARCEL_RECORDS_MAX], uint64_t len,
                           const uint8_t hash[32], struct tsk_slice *ret_part)
{
    struct tsk_slice part;
    for (size_t i = 0; tsk_seq_next_bytes(&parts, &part); i++) {
        struct tsk_part_hash once = {0}, *h = cache != NULL && i < TSK_PARCEL_RECORDS_MAX ? &cache[i] : &once;
        if (len != 0 && part.n != len)
            continue;
        if (!h->known)
            TSK_TRY(tsk_sha256(&part, 1, h->b));
        h->known = true;
        if (memcmp(h->b, hash, sizeof h->b) == 0) {
            *ret_part = part;
            return TSK_OK;
        }
    }
    return TSK_E_MALFORMED;
}

static enum tsk_err find_ct(const struct tsk_admitted *a, struct tsk_slice *ret_ct)
{
    const struct tsk_item *it = a->record;
    const struct tsk_incoming *in = a->in;
    if (in->inner == NULL)
        return TSK_E_MALFORMED;
    return tsk_part_find(in->inner->cts, in->hashes != NULL ? in->hashes->cts : NULL, it->ct_len, it->ct_hash, ret_ct);
}

/* One person has one age: who must consent to one category cannot differ from who must to another. Only what was sealed
 * after the earlier items' class had passed may carry another. */
static bool same_age(const struct tsk_item_core *a, const struct tsk_item_core *b)
{
    if (a->created >= b->class_until || b->created >= a->class_until)
        return true;
    return a->age_class == b->age_class && (a->age_class == 4 || a->class_until == b->class_until);
}

static enum tsk_err check_ages(struct tsk_batch *b, const struct tsk_case *c, const struct tsk_item_core *core)
{
    struct tsk_case_item other;
    for (uint64_t i = 0; i < c->items_n; i++) {
        TSK_TRY(tsk_item_load(b->txn, c, i, &other));
        if (!same_age(&other.item.core, core))
            return TSK_E_MALFORMED;
    }
    return TSK_OK;
}

enum tsk_err tsk_check_item(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_item_core *core = &((const struct tsk_item *)a->record)->core;
    const struct tsk_roster *roster = &ctx->members->r;
    struct tsk_case c;
    struct tsk_slice ct;
    if (!tsk_kid_eq(&core->sender, &a->env.kid))
        return TSK_E_MALFORMED;
    if (tsk_item_ahead(ctx, b, core))
        return a->own ? TSK_E_MALFORMED : TSK_E_RETRY; /* our own words are never sealed under a roster to come */
    if (core->roster_seq > roster->seq)
        return TSK_E_MALFORMED; /* sealed before our roster was made, it says, and under a newer one */
    if (core->suite < roster->min_suite || core->mode < roster->min_mode)
        return TSK_E_SUITE;
    if (core->destroy_after > core->created + TSK_ITEM_LIFE_MAX_S)
        return TSK_E_MALFORMED;
    enum tsk_err e = tsk_case_by_ref(b->txn, &core->referral, &c);
    if (e == TSK_E_UNKNOWN)
        return tsk_missing(b, a);
    TSK_TRY(e);
    if (!tsk_kid_eq(&a->env.kid, tsk_case_sender(ctx, &c)))
        return TSK_E_UNKNOWNPEER; /* an item of another agency's referral */
    if (c.items_n >= TSK_ITEMS_MAX)
        return TSK_E_MALFORMED;
    TSK_TRY(check_ages(b, &c, core));
    return find_ct(a, &ct);
}

enum tsk_err tsk_act_item(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_item_core *core = &((const struct tsk_item *)a->record)->core;
    struct tsk_case c;
    struct tsk_slice ct;
    TSK_TRY(tsk_case_by_ref(b->txn, &core->referral, &c));
    TSK_TRY(find_ct(a, &ct));
    struct tsk_place place = {c.no, c.items_n++};
    struct tsk_item_at row = {.record_no = a->no, .id = a->id, .sent = !a->own};
    struct tsk_rowkey k = tsk_row_at(TSK_T_ITEM, c.no, place.index), id = tsk_row_id(TSK_T_ITEM_ID, a->id.b, sizeof a->id.b);
    struct tsk_rowkey content = tsk_row_at(TSK_T_CT, c.no, place.index);
    c.released = c.released || !a->own;
    TSK_TRY(tsk_row_save(b->txn, &k, &tsk_shape_item_row, &row));
    TSK_TRY(tsk_row_save(b->txn, &id, &tsk_shape_place, &place));
    TSK_TRY(tsk_put(b->txn, &content, ct));
    TSK_TRY(tsk_case_save(b->txn, &c));
    TSK_TRY(tsk_stops_meet(ctx, b, TSK_STOP_ITEM, a->id.b));
    return tsk_settle(ctx, b, c.no);
}
