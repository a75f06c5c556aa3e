/* ledger_case.c - cases and their status chains; see ledger.h. */
#include "node/desk/ledger_row.h"

static const struct tsk_row_field case_fields[] = {
    TSK_F_U64(tsk_case, no),
    TSK_F_ENUM(tsk_case, side),
    TSK_F_FIXED(tsk_case, id),
    TSK_F_FIXED(tsk_case, ref),
    TSK_F_FIXED(tsk_case, peer),
    TSK_F_U64(tsk_case, record_no),
    TSK_F_BOOL(tsk_case, sent),
    TSK_F_BOOL(tsk_case, arrived),
    TSK_F_BOOL(tsk_case, hold),
    TSK_F_U64(tsk_case, sent_at),
    TSK_F_U64(tsk_case, arrived_at),
    TSK_F_U64(tsk_case, updated_at),
    TSK_F_U64(tsk_case, reply_by),
    TSK_F_ENUM(tsk_case, state),
    TSK_F_ENUM(tsk_case, token),
    TSK_F_ENUM(tsk_case, duty),
    TSK_F_BOOL(tsk_case, handed),
    TSK_F_BOOL(tsk_case, waits_handed),
    TSK_F_FIXED(tsk_case, birth),
    TSK_F_U64(tsk_case, birth_asked),
    TSK_F_U64(tsk_case, age_class),
    TSK_F_U64(tsk_case, class_until),
    TSK_F_U64(tsk_case, age_18),
    TSK_F_U64(tsk_case, require),
    TSK_F_LIST(tsk_case, holders),
    TSK_F_FIXED(tsk_case, link_salt),
    TSK_F_BOOL(tsk_case, outside_district),
    TSK_F_FIXED(tsk_case, rerouted_to),
    TSK_F_U64(tsk_case, items_n),
    TSK_F_U64(tsk_case, grants_n),
    TSK_F_U64(tsk_case, openings_n),
    TSK_F_BOOL(tsk_case, released),
    TSK_F_BOOL(tsk_case, disputed),
    TSK_F_ENUM(tsk_case, consent),
    TSK_F_U64(tsk_case, consent_until),
    TSK_F_LIST(tsk_case, granted),
};
static const struct tsk_row_shape case_shape = TSK_SHAPE(case_fields);

enum tsk_err tsk_case_load(struct tsk_txn *t, uint64_t no, struct tsk_case *ret_c)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_CASE, no);
    struct tsk_case c = {0};
    TSK_TRY(tsk_row_load(t, &k, &case_shape, &c));
    *ret_c = c;
    return TSK_OK;
}

enum tsk_err tsk_case_next(struct tsk_txn *t, struct tsk_case *ret_c)
{
    struct tsk_case c = {0};
    TSK_TRY(tsk_next(t, "case", &c.no));
    *ret_c = c;
    return TSK_OK;
}

/* The sender's board keeps what someone must still close or re-route; the recipient's work ends with the referral. */
static bool listed(const struct tsk_case *c)
{
    return c->side == TSK_SIDE_SENDER ? !tsk_state_final(c->state) : tsk_state_in_hand(c->state);
}

static struct tsk_rowkey in_hand_row(const struct tsk_case *c)
{
    struct tsk_rowkey k = tsk_row(TSK_T_IN_HAND);
    tsk_row_u8(&k, (uint8_t)c->side);
    tsk_row_u64(&k, c->no);
    return k;
}

enum tsk_err tsk_case_save(struct tsk_txn *t, const struct tsk_case *c)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_CASE, c->no), hand = in_hand_row(c);
    TSK_TRY(tsk_row_save(t, &k, &case_shape, c));
    if (!listed(c))
        return tsk_del(t, &hand);
    return tsk_has(t, &hand) ? TSK_OK : tsk_put(t, &hand, (struct tsk_slice){(const uint8_t *)"", 0});
}

enum tsk_err tsk_case_by_id(struct tsk_txn *t, const struct tsk_id16 *id, struct tsk_case *ret_c)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_CASE_ID, id->b, sizeof id->b);
    struct tsk_case c;
    uint64_t no;
    TSK_TRY(tsk_get_u64(t, &k, &no));
    TSK_TRY(tsk_case_load(t, no, &c));
    if (memcmp(c.id.b, id->b, sizeof c.id.b) != 0)
        return TSK_E_BUG; /* the index is not sealed: a damaged row must not lead to another family */
    *ret_c = c;
    return TSK_OK;
}

enum tsk_err tsk_case_by_ref(struct tsk_txn *t, const struct tsk_id32 *ref, struct tsk_case *ret_c)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_RECORD_ID, ref->b, sizeof ref->b);
    struct tsk_slice row;
    TSK_TRY(tsk_get(t, &k, &row));
    return row.n == 16 ? tsk_case_load(t, tsk_be64(row.p + 8), ret_c) : TSK_E_UNKNOWN; /* another record's id */
}

enum tsk_err tsk_case_referral(struct tsk_txn *t, const struct tsk_case *c, struct tsk_referral *ret_r)
{
    struct tsk_stored s;
    TSK_TRY(tsk_record_get(t, c->record_no, &s));
    return tsk_record_as(&s, TSK_REC_REFERRAL, ret_r);
}

void tsk_case_walk_init(struct tsk_walk *w, enum tsk_side side)
{
    struct tsk_rowkey prefix = tsk_row(TSK_T_IN_HAND);
    tsk_row_u8(&prefix, (uint8_t)side);
    tsk_walk_init(w, &prefix, NULL);
}

enum tsk_err tsk_case_walk(struct tsk_txn *t, struct tsk_walk *w, struct tsk_case *ret_c)
{
    struct tsk_slice tail, value;
    TSK_TRY(tsk_walk_next(t, w, &tail, &value));
    if (tail.n != 8)
        return TSK_E_BUG;
    enum tsk_err e = tsk_case_load(t, tsk_be64(tail.p), ret_c);
    return e == TSK_E_UNKNOWN ? TSK_E_BUG : e; /* a case that is gone is no end of the list */
}

/* ---- status chains ---- */
static struct tsk_rowkey status_row(uint64_t case_no, enum tsk_side side)
{
    struct tsk_rowkey k = tsk_row_no(TSK_T_STATUS, case_no);
    tsk_row_u8(&k, (uint8_t)side);
    return k;
}

#define FORKS_MAX 4 /* more contradictions prove nothing more */

enum tsk_err tsk_status_append(struct tsk_txn *t, uint64_t case_no, enum tsk_side side, uint64_t seq, uint64_t record_no,
                               bool *ret_fork)
{
    struct tsk_rowkey k = status_row(case_no, side);
    struct tsk_slice row = {NULL, 0};
    uint8_t nos[FORKS_MAX * 8];
    size_t n = 0;
    enum tsk_err e;
    tsk_row_u64(&k, seq);
    e = tsk_get(t, &k, &row);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    n = e == TSK_OK ? row.n : 0;
    *ret_fork = n > 0;
    if (n + 8 > sizeof nos)
        return TSK_OK;
    if (n > 0)
        memcpy(nos, row.p, n);
    for (size_t i = 0; i < 8; i++)
        nos[n + i] = (uint8_t)(record_no >> (56 - 8 * i));
    return tsk_put(t, &k, (struct tsk_slice){nos, n + 8});
}

static enum tsk_err load_event(struct tsk_txn *t, const struct tsk_case *c, uint64_t no, struct tsk_event *ret_e)
{
    struct tsk_stored r;
    TSK_TRY(tsk_record_get(t, no, &r));
    ret_e->id = r.id;
    TSK_TRY(tsk_record_as(&r, TSK_REC_STATUS, &ret_e->status));
    return memcmp(ret_e->status.referral.b, c->ref.b, sizeof c->ref.b) == 0 ? TSK_OK : TSK_E_BUG;
}

/* Record numbers of one chain in the order of their seq. `ret_fork`: one seq holds several. */
static enum tsk_err chain_numbers(struct tsk_txn *t, const struct tsk_rowkey *prefix, uint64_t *nos, size_t cap,
                                  size_t *ret_n, bool *ret_fork)
{
    struct tsk_walk w;
    struct tsk_slice tail, value;
    size_t n = 0;
    bool fork = false;
    enum tsk_err e = TSK_OK;
    tsk_walk_init(&w, prefix, NULL);
    while (n < cap && (e = tsk_walk_next(t, &w, &tail, &value)) == TSK_OK) {
        fork = fork || value.n > 8;
        for (size_t i = 0; i + 8 <= value.n && n < cap; i += 8)
            nos[n++] = tsk_be64(value.p + i);
    }
    *ret_n = n;
    *ret_fork = fork;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err load_chain(struct tsk_txn *t, const struct tsk_case *c, enum tsk_side side, struct tsk_chain *ret_chain)
{
    struct tsk_rowkey prefix = status_row(c->no, side);
    uint64_t nos[TSK_STATUS_MAX + FORKS_MAX];
    size_t n;
    struct tsk_chain chain = {0};
    TSK_TRY(chain_numbers(t, &prefix, nos, sizeof nos / sizeof *nos, &n, &chain.fork));
    if (n > 0) {
        chain.events = tsk_txn_alloc(t, n * sizeof *chain.events);
        if (chain.events == NULL)
            return TSK_E_NOMEM;
    }
    for (; chain.n < n; chain.n++)
        TSK_TRY(load_event(t, c, nos[chain.n], &chain.events[chain.n]));
    *ret_chain = chain;
    return TSK_OK;
}

enum tsk_err tsk_case_story(struct tsk_txn *t, const struct tsk_case *c, struct tsk_case_story **ret_s)
{
    struct tsk_case_story *s = tsk_txn_alloc(t, sizeof *s);
    if (s == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(load_chain(t, c, TSK_SIDE_SENDER, &s->chain[TSK_SIDE_SENDER]));
    TSK_TRY(load_chain(t, c, TSK_SIDE_RECIPIENT, &s->chain[TSK_SIDE_RECIPIENT]));
    tsk_progress_replay(&s->chain[TSK_SIDE_SENDER], &s->chain[TSK_SIDE_RECIPIENT], c->arrived, &s->p);
    *ret_s = s;
    return TSK_OK;
}
