/* ledger_stop.c - which stops touch what; see ledger.h. */
#include <stdlib.h>

#include "node/desk/ledger_row.h"

static enum tsk_err is_child(struct tsk_txn *t, const struct tsk_kid *kid, bool *ret_child)
{
    struct tsk_holder_at h = {0};
    enum tsk_err e = tsk_holder_load(t, kid, &h);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    *ret_child = e == TSK_OK && h.holder.kind == TSK_HOLDER_CHILD;
    return TSK_OK;
}

/* Whose stop it is: the signer's; with a code, the one whose grant it stops; by staff, the one on whose behalf, else the
 * holder that it stops. */
static enum tsk_err stop_owner(struct tsk_txn *t, const struct tsk_envelope *env, const struct tsk_withdraw *w,
                               struct tsk_kid *ret_kid)
{
    struct tsk_kid kid = {{0}};
    struct tsk_place place = {0};
    struct tsk_case c = {0};
    struct tsk_case_grant g;
    if (w->by == TSK_BY_HOLDER)
        kid = env->kid;
    else if (w->has_behalf)
        kid = w->behalf;
    else if (w->form == TSK_STOP_HOLDER)
        memcpy(kid.b, w->target.b, sizeof kid.b);
    else if (w->by == TSK_BY_CODE) {
        enum tsk_err e = tsk_grant_find(t, &w->target, &place);
        if (e == TSK_OK) {
            c.no = place.case_no;
            TSK_TRY(tsk_grant_load(t, &c, place.index, &g));
            kid = g.grant.holder;
        } else if (e != TSK_E_UNKNOWN) {
            return e;
        }
    }
    *ret_kid = kid;
    return TSK_OK;
}

enum tsk_err tsk_stop_load(struct tsk_txn *t, uint64_t record_no, const struct tsk_id32 *id, struct tsk_stop *ret_s)
{
    struct tsk_stored r;
    struct tsk_stop s = {.id = *id};
    TSK_TRY(tsk_record_get(t, record_no, &r));
    TSK_TRY(tsk_record_as(&r, TSK_REC_WITHDRAW, &s.w));
    TSK_TRY(stop_owner(t, &r.env, &s.w, &s.child_holder));
    TSK_TRY(is_child(t, &s.child_holder, &s.child));
    *ret_s = s;
    return TSK_OK;
}

/* ---- lists ---- */
struct list { struct tsk_txn *t; struct tsk_stop *stops; size_t n, cap; };

static bool listed(const struct list *l, const struct tsk_id32 *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (memcmp(l->stops[i].id.b, id->b, sizeof id->b) == 0)
            return true;
    return false;
}

static enum tsk_err add(struct list *l, uint64_t record_no, const struct tsk_id32 *id)
{
    if (listed(l, id))
        return TSK_OK;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 8 : 2 * l->cap;
        struct tsk_stop *more = tsk_txn_alloc(l->t, cap * sizeof *more);
        if (more == NULL)
            return TSK_E_NOMEM;
        if (l->n > 0)
            memcpy(more, l->stops, l->n * sizeof *more);
        l->stops = more;
        l->cap = cap;
    }
    TSK_TRY(tsk_stop_load(l->t, record_no, id, &l->stops[l->n]));
    l->n++;
    return TSK_OK;
}

static enum tsk_err add_target(struct list *l, enum tsk_stop_form form, const void *target32)
{
    struct tsk_rowkey prefix = tsk_row_stop(form, target32, NULL);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    struct tsk_stop_at row = {0};
    struct tsk_id32 id;
    enum tsk_err e;
    tsk_walk_init(&w, &prefix, NULL);
    while ((e = tsk_walk_next(l->t, &w, &tail, &value)) == TSK_OK) {
        if (tail.n != sizeof id.b)
            return TSK_E_BUG;
        memcpy(id.b, tail.p, sizeof id.b);
        TSK_TRY(tsk_row_parse(value, &tsk_shape_stop_row, &row));
        TSK_TRY(add(l, row.record_no, &id));
    }
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

/* Stops of the referral, of its grants, and of whoever signed them. */
static enum tsk_err add_case(struct list *l, const struct tsk_case *c)
{
    struct tsk_case_grant g;
    TSK_TRY(add_target(l, TSK_STOP_REFERRAL, c->ref.b));
    for (uint64_t i = 0; i < c->grants_n; i++) {
        TSK_TRY(tsk_grant_load(l->t, c, i, &g));
        TSK_TRY(add_target(l, TSK_STOP_GRANT, g.id.b));
        TSK_TRY(add_target(l, TSK_STOP_HOLDER, g.grant.holder.b));
    }
    return TSK_OK;
}

enum tsk_err tsk_stops_of(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_id32 *item_id,
                          struct tsk_stop **ret_stops, size_t *ret_n)
{
    struct list l = {.t = t};
    TSK_TRY(add_case(&l, c));
    TSK_TRY(add_target(&l, TSK_STOP_ITEM, item_id->b));
    *ret_stops = l.stops;
    *ret_n = l.n;
    return TSK_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct tsk_stop *x = a, *y = b;
    if (x->w.time != y->w.time)
        return x->w.time < y->w.time ? -1 : 1;
    return memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

enum tsk_err tsk_case_stops(struct tsk_txn *t, const struct tsk_case *c, struct tsk_stop **ret_stops, size_t *ret_n)
{
    struct list l = {.t = t};
    struct tsk_rowkey k;
    struct tsk_item_at row = {0};
    TSK_TRY(add_case(&l, c));
    for (uint64_t i = 0; i < c->items_n; i++) {
        k = tsk_row_at(TSK_T_ITEM, c->no, i);
        TSK_TRY(tsk_row_load(t, &k, &tsk_shape_item_row, &row));
        TSK_TRY(add_target(&l, TSK_STOP_ITEM, row.id.b));
    }
    for (size_t i = 0; i < c->holders_n; i++)
        TSK_TRY(add_target(&l, TSK_STOP_HOLDER, c->holders[i].b));
    if (l.n > 0)
        qsort(l.stops, l.n, sizeof *l.stops, by_time);
    *ret_stops = l.stops;
    *ret_n = l.n;
    return TSK_OK;
}

bool tsk_stop_aims_at(const struct tsk_withdraw *w, const struct tsk_case_grant *g)
{
    if (g->grant.state != TSK_GRANT_GIVEN)
        return false;
    return (w->form == TSK_STOP_GRANT && memcmp(w->target.b, g->id.b, sizeof g->id.b) == 0) ||
           (w->form == TSK_STOP_HOLDER && memcmp(w->target.b, g->grant.holder.b, sizeof g->grant.holder.b) == 0);
}

static enum tsk_err item_stops_arrived(struct tsk_txn *t, const struct tsk_id32 *item, bool *ret_arrived)
{
    struct tsk_rowkey prefix = tsk_row_stop(TSK_STOP_ITEM, item->b, NULL);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    bool arrived = true;
    enum tsk_err e = TSK_OK;
    tsk_walk_init(&w, &prefix, NULL);
    while (arrived && (e = tsk_walk_next(t, &w, &tail, &value)) == TSK_OK) {
        struct tsk_stop_at row = {0};
        TSK_TRY(tsk_row_parse(value, &tsk_shape_stop_row, &row));
        arrived = row.effective;
    }
    *ret_arrived = arrived;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err case_aimed_at(struct tsk_txn *t, const struct tsk_withdraw *w, struct tsk_case *ret_c)
{
    struct tsk_place at = {0};
    struct tsk_holder_at h = {0};
    struct tsk_kid kid;
    memcpy(kid.b, w->target.b, sizeof kid.b);
    TSK_TRY(w->form == TSK_STOP_GRANT ? tsk_grant_find(t, &w->target, &at) : tsk_holder_load(t, &kid, &h));
    return tsk_case_load(t, w->form == TSK_STOP_GRANT ? at.case_no : h.case_no, ret_c);
}

/* A grant that never left is stopped over there item by item: all of those stops must have arrived. */
static enum tsk_err stand_ins_arrived(struct tsk_txn *t, const struct tsk_stop *s, bool *ret_arrived)
{
    struct tsk_case c = {0};
    struct tsk_case_grant g;
    bool arrived = true;
    if (s->w.form == TSK_STOP_GRANT || s->w.form == TSK_STOP_HOLDER) {
        enum tsk_err e = case_aimed_at(t, &s->w, &c);
        if (e != TSK_OK && e != TSK_E_UNKNOWN)
            return e;
    }
    for (uint64_t i = 0; arrived && i < c.grants_n; i++) {
        TSK_TRY(tsk_grant_load(t, &c, i, &g));
        for (size_t k = 0; arrived && k < g.grant.items_n && !g.sent && tsk_stop_aims_at(&s->w, &g); k++)
            TSK_TRY(item_stops_arrived(t, &g.grant.items[k].item, &arrived));
    }
    *ret_arrived = arrived;
    return TSK_OK;
}

enum tsk_err tsk_stop_effective(struct tsk_txn *t, const struct tsk_stop *s, bool *ret_effective)
{
    struct tsk_rowkey k = tsk_row_stop(s->w.form, s->w.target.b, &s->id);
    struct tsk_stop_at row = {0};
    TSK_TRY(tsk_row_load(t, &k, &tsk_shape_stop_row, &row));
    *ret_effective = row.effective;
    return row.effective ? stand_ins_arrived(t, s, ret_effective) : TSK_OK;
}
