/* admit.c - the one way in: see admit.h. The order of the checks is the order of docs/PROTOCOL.md section 8. */
#include <assert.h>

#include "crypto/sign.h"
#include "node/core/log.h"
#include "node/desk/handle.h"

/* Room for any record that a parcel may carry. */
union any_record {
#define ANY_YES(name) struct tsk_##name name;
#define ANY_NO(name)
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) ANY_##parcel(name)
#include "schema/records.def"
#undef TSK_RECORD
#undef ANY_YES
#undef ANY_NO
};

/* The dispatcher's table: a row without its two functions does not link. */
static const struct { tsk_handler *check, *act; } handlers[TSK_REC_COUNT] = {
#define HANDLER_YES(name) {tsk_check_##name, tsk_act_##name}
#define HANDLER_NO(name) {NULL, NULL}
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) [TSK_REC_##NAME] = HANDLER_##parcel(name),
#include "schema/records.def"
#undef TSK_RECORD
};
static_assert(sizeof handlers / sizeof *handlers == TSK_REC_COUNT, "one handler a record");

/* Which role a node needs to send a record (0: any member), and where the record keeps its own id and its time. A holder
 * has no id of its own: its kid and its state name it. A record that may travel and has no line here does not compile. */
#define NO_ID SIZE_MAX
/* The two at the end: how it grows the store when a peer sends it, and when it is made here. Nothing that ends something
 * is refused for lack of room, and what this machine says by itself belongs to what was taken already. */
#define AT(name, id, time) offsetof(struct tsk_##name, id), offsetof(struct tsk_##name, time)
#define RULE_holder {0, NO_ID, offsetof(struct tsk_holder, time), TSK_GROW_BULK, TSK_GROW_STOP}
#define RULE_referral {TSK_ROLE_SENDER, AT(referral, id, created), TSK_GROW_BULK, TSK_GROW_BULK}
#define RULE_item {TSK_ROLE_SENDER, AT(item, core.id, core.created), TSK_GROW_BULK, TSK_GROW_BULK}
#define RULE_grant {0, AT(grant, id, time), TSK_GROW_BULK, TSK_GROW_BULK}
#define RULE_withdraw {0, AT(withdraw, id, time), TSK_GROW_STOP, TSK_GROW_STOP}
#define RULE_status {0, AT(status, id, time), TSK_GROW_SMALL, TSK_GROW_STOP}
#define RULE_receipt {0, AT(receipt, id, time), TSK_GROW_STOP, TSK_GROW_STOP}
#define RULE_open {TSK_ROLE_RECIPIENT, AT(open, id, time), TSK_GROW_SMALL, TSK_GROW_SMALL}
#define RULE_cosign {TSK_ROLE_SENDER, AT(cosign, id, time), TSK_GROW_SMALL, TSK_GROW_STOP}
#define RULE_deleted {TSK_ROLE_RECIPIENT, AT(deleted, id, time), TSK_GROW_STOP, TSK_GROW_STOP}

static const struct { uint64_t role; size_t id, time; enum tsk_grow sent, made; } rules[TSK_REC_COUNT] = {
#define ROW_YES(name) RULE_##name
#define ROW_NO(name) {0, NO_ID, 0, TSK_GROW_BULK, TSK_GROW_BULK}
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) [TSK_REC_##NAME] = ROW_##parcel(name),
#include "schema/records.def"
#undef TSK_RECORD
};

/* ---- time ---- */
static struct tsk_rowkey floor_row(void)
{
    return tsk_row_id(TSK_T_META, "floor", 5);
}

static enum tsk_err load_floor(struct tsk_batch *b, uint64_t *ret_floor)
{
    struct tsk_rowkey k = floor_row();
    enum tsk_err e = tsk_get_u64(b->txn, &k, ret_floor);
    if (e == TSK_E_UNKNOWN)
        *ret_floor = 0;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err raise_floor(struct tsk_batch *b, uint64_t time)
{
    struct tsk_rowkey k = floor_row();
    uint64_t floor;
    TSK_TRY(load_floor(b, &floor));
    return time > floor ? tsk_put_u64(b->txn, &k, time) : TSK_OK;
}

enum tsk_err tsk_now(struct tsk_ctx *ctx, struct tsk_batch *b, uint64_t *ret_now)
{
    uint64_t floor;
    (void)ctx;
    TSK_TRY(load_floor(b, &floor));
    *ret_now = floor > b->now ? floor : b->now;
    return TSK_OK;
}

static uint64_t time_of(const struct tsk_admitted *a)
{
    uint64_t time;
    memcpy(&time, (const uint8_t *)a->record + rules[a->env.rec].time, sizeof time);
    return time;
}

/* What stops acts whatever its time: a stop must never wait for a clock. */
static bool stops(const struct tsk_admitted *a)
{
    const struct tsk_holder *h = a->record;
    return a->env.rec == TSK_REC_WITHDRAW || (a->env.rec == TSK_REC_HOLDER && h->state == TSK_HOLDER_STOPPED);
}

/* A family's no is no growth. */
static bool refuses(const struct tsk_admitted *a)
{
    return a->env.rec == TSK_REC_GRANT && ((const struct tsk_grant *)a->record)->state == TSK_GRANT_REFUSED;
}

static enum tsk_err check_room(const struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_inner *inner = a->in->inner;
    uint64_t along = inner == NULL ? 0 : inner->cts.bytes.n + inner->wraps.bytes.n;
    enum tsk_grow grow = a->own ? rules[a->env.rec].made : rules[a->env.rec].sent;
    return stops(a) || refuses(a) ? TSK_OK : tsk_room(b->txn, grow, a->in->bytes.n + along);
}

static enum tsk_err check_time(struct tsk_batch *b, const struct tsk_admitted *a)
{
    if (time_of(a) <= b->now + TSK_CLOCK_AHEAD_S || stops(a))
        return TSK_OK;
    tsk_log(TSK_LOG_WARN, "clock_ahead", "id=%s author=%s ahead_s=%llu", TSK_SHORT(a->id), TSK_SHORT(a->env.kid),
            (unsigned long long)(time_of(a) - b->now));
    return TSK_E_RETRY;
}

/* ---- R4, R5: who signed ---- */
static enum tsk_err by_node(struct tsk_ctx *ctx, const struct tsk_admitted *a, bool just_signed)
{
    if ((a->author->m.roles & rules[a->env.rec].role) != rules[a->env.rec].role)
        return TSK_E_WRONGTYPE;
    return just_signed ? TSK_OK : tsk_record_verify(&a->env, a->author->verifier, &ctx->members->net);
}

static enum tsk_err by_holder(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_admitted *a)
{
    struct tsk_holder_at h;
    TSK_VERIFIER *v = NULL;
    enum tsk_err e = tsk_holder_load(b->txn, &a->env.kid, &h);
    if (e == TSK_E_UNKNOWN && a->env.rec == TSK_REC_WITHDRAW) {
        a->unverified = true;
        return TSK_OK;
    }
    if (e == TSK_E_UNKNOWN)
        return TSK_E_UNKNOWNPEER;
    TSK_TRY(e);
    TSK_TRY(tsk_verifier_again(&h.holder.sign_pk, &v));
    return tsk_record_verify(&a->env, v, &ctx->members->net);
}

static enum tsk_err check_author(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_admitted *a, bool just_signed)
{
    enum tsk_signer signer = tsk_rec_signer(a->env.rec);
    if (signer != TSK_SIGNER_HOLDER) /* a stop counts also when its node has left the network meanwhile */
        a->author = tsk_member_by_kid(ctx->members, &a->env.kid, a->env.rec == TSK_REC_WITHDRAW ? 0 : b->now);
    if (a->author != NULL)
        return by_node(ctx, a, just_signed);
    return signer == TSK_SIGNER_NODE ? TSK_E_UNKNOWNPEER : by_holder(ctx, b, a);
}

/* ---- R7: one id, one record ---- */
static struct tsk_rowkey author_row(const struct tsk_admitted *a)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_RECORD_KEY, a->env.kid.b, 16);
    tsk_row_bytes(&k, (const uint8_t *)a->record + rules[a->env.rec].id, 16);
    return k;
}

/* A referral has no row of its own here: CASE_ID names it, since no two authors can share one. */
static enum tsk_err first_referral(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a,
                                   struct tsk_id32 *ret_first)
{
    struct tsk_id16 id;
    struct tsk_case c;
    memcpy(id.b, (const uint8_t *)a->record + rules[a->env.rec].id, sizeof id.b);
    TSK_TRY(tsk_case_by_id(b->txn, &id, &c));
    if (!tsk_kid_eq(tsk_case_sender(ctx, &c), &a->env.kid))
        return TSK_E_UNKNOWN;
    *ret_first = c.ref;
    return TSK_OK;
}

static enum tsk_err first_record(struct tsk_batch *b, const struct tsk_admitted *a, struct tsk_id32 *ret_first)
{
    struct tsk_rowkey k = author_row(a);
    struct tsk_slice first;
    TSK_TRY(tsk_get(b->txn, &k, &first));
    if (first.n != sizeof ret_first->b)
        return TSK_E_BUG;
    memcpy(ret_first->b, first.p, first.n);
    return TSK_OK;
}

static enum tsk_err find_conflict(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_admitted *a,
                                  struct tsk_id32 *ret_first)
{
    if (rules[a->env.rec].id == NO_ID)
        return TSK_OK;
    enum tsk_err e = first_record(b, a, ret_first);
    if (e == TSK_E_UNKNOWN)
        e = first_referral(ctx, b, a, ret_first);
    a->conflict = e == TSK_OK;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err dispute_case(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_id32 *first)
{
    struct tsk_case c;
    TSK_TRY(tsk_case_by_ref(b->txn, first, &c));
    c.disputed = true;
    TSK_TRY(tsk_case_save(b->txn, &c));
    return tsk_settle(ctx, b, c.no);
}

static enum tsk_err dispute_item(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_id32 *first)
{
    struct tsk_place at = {0};
    struct tsk_item_at row = {0};
    TSK_TRY(tsk_item_find(b->txn, first, &at));
    struct tsk_rowkey k = tsk_row_at(TSK_T_ITEM, at.case_no, at.index);
    TSK_TRY(tsk_row_load(b->txn, &k, &tsk_shape_item_row, &row));
    row.disputed = true;
    TSK_TRY(tsk_row_save(b->txn, &k, &tsk_shape_item_row, &row));
    return tsk_settle(ctx, b, at.case_no);
}

static enum tsk_err dispute_grant(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_id32 *first)
{
    struct tsk_place at = {0};
    struct tsk_grant_at row = {0};
    TSK_TRY(tsk_grant_find(b->txn, first, &at));
    struct tsk_rowkey k = tsk_row_at(TSK_T_GRANT, at.case_no, at.index);
    TSK_TRY(tsk_row_load(b->txn, &k, &tsk_shape_grant_row, &row));
    row.disputed = true;
    TSK_TRY(tsk_row_save(b->txn, &k, &tsk_shape_grant_row, &row));
    return tsk_settle(ctx, b, at.case_no);
}

typedef enum tsk_err dispute(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_id32 *first);
/* Records that neither act once there are two; the others are stored beside the first, as their handlers say. */
static dispute *const disputes[TSK_REC_COUNT] = {
    [TSK_REC_REFERRAL] = dispute_case,
    [TSK_REC_ITEM] = dispute_item,
    [TSK_REC_GRANT] = dispute_grant,
};

static enum tsk_err keep_both(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a,
                              const struct tsk_id32 *first)
{
    struct tsk_rowkey k = tsk_row_id(TSK_T_MISCONDUCT, a->id.b, sizeof a->id.b);
    if (a->own)
        return TSK_E_FORK;
    if (tsk_has(b->txn, &k))
        return TSK_OK;
    TSK_TRY(tsk_put(b->txn, &k, a->in->bytes));
    enum tsk_err e = disputes[a->env.rec](ctx, b, first);
    return e == TSK_E_UNKNOWN ? TSK_OK : e; /* the first was of another type: there is nothing to flag */
}

/* ---- R9 ---- */
static enum tsk_err store(struct tsk_batch *b, struct tsk_admitted *a)
{
    TSK_TRY(tsk_record_put(b->txn, a->no, b->now, a->in->bytes, &a->id));
    if (rules[a->env.rec].id != NO_ID && !a->conflict && a->env.rec != TSK_REC_REFERRAL) {
        struct tsk_rowkey k = author_row(a);
        TSK_TRY(tsk_put(b->txn, &k, TSK_SLICE(a->id.b)));
    }
    return stops(a) ? TSK_OK : raise_floor(b, time_of(a));
}

/* What could not be verified may be a forgery under the id of the record that comes now, since ids cover no signature:
 * which of the two is true is seen when their signer is known, and until then the second must come again. */
static enum tsk_err known_before(struct tsk_batch *b, const struct tsk_admitted *a)
{
    struct tsk_stored first;
    if (!a->unverified)
        return TSK_OK;
    TSK_TRY(tsk_record_find(b->txn, &a->id, &first));
    return tsk_slice_eq(first.bytes, a->in->bytes) ? TSK_OK : TSK_E_RETRY;
}

static void note_conflict(const struct tsk_admitted *a, const struct tsk_id32 *first)
{
    static struct tsk_gate gate;
    unsigned unsaid;
    if (tsk_log_due(&gate, &unsaid))
        tsk_log(TSK_LOG_WARN, "conflict", "type=%s id=%s first=%s author=%s unsaid=%u", tsk_rec_name(a->env.rec),
                TSK_SHORT(a->id), TSK_SHORT(*first), TSK_SHORT(a->env.kid), unsaid);
}

static enum tsk_err handle(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_admitted *a)
{
    struct tsk_rowkey known = tsk_row_id(TSK_T_RECORD_ID, a->id.b, sizeof a->id.b);
    struct tsk_id32 first;
    if (tsk_has(b->txn, &known))
        return known_before(b, a);
    TSK_TRY(check_room(b, a));
    TSK_TRY(find_conflict(ctx, b, a, &first));
    if (a->conflict)
        note_conflict(a, &first);
    if (a->conflict && disputes[a->env.rec] != NULL)
        return keep_both(ctx, b, a, &first);
    TSK_TRY(check_time(b, a));
    TSK_TRY(handlers[a->env.rec].check(ctx, b, a));
    TSK_TRY(tsk_next(b->txn, "record", &a->no));
    TSK_TRY(store(b, a));
    return handlers[a->env.rec].act(ctx, b, a);
}

/* `just_signed`: by us, and `ret_id` is its id already. */
static enum tsk_err admit(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in, bool just_signed,
                          struct tsk_id32 *ret_id, bool *ret_is_receipt)
{
    struct tsk_admitted a = {.in = in, .own = tsk_kid_eq(&in->from, tsk_self(ctx))};
    union any_record record;
    if (ctx->members == NULL)
        return TSK_E_NOROSTER;
    if (in->bytes.n > TSK_RECORD_MAX)
        return TSK_E_MALFORMED;
    TSK_TRY(tsk_cose_parse(in->bytes, &a.env));
    if (!tsk_rec_in_parcel(a.env.rec))
        return TSK_E_WRONGTYPE;
    if (!just_signed)
        TSK_TRY(tsk_record_id(&a.env, &ctx->members->net, ret_id));
    a.id = *ret_id;
    *ret_is_receipt = a.env.rec == TSK_REC_RECEIPT;
    if (in->bytes.n > tsk_rec_max(a.env.rec))
        return TSK_E_MALFORMED;
    TSK_TRY(check_author(ctx, b, &a, just_signed));
    TSK_TRY(tsk_rec_decode(a.env.rec, a.env.payload, &record));
    a.record = &record;
    return handle(ctx, b, &a);
}

enum tsk_err tsk_admit_record(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in, struct tsk_id32 *ret_id,
                              bool *ret_is_receipt)
{
    return admit(ctx, b, in, false, ret_id, ret_is_receipt);
}

enum tsk_err tsk_author(struct tsk_ctx *ctx, struct tsk_batch *b, enum tsk_rec r, const void *record,
                        const struct tsk_inner *inner, struct tsk_id32 *ret_id)
{
    struct tsk_incoming in = {.from = *tsk_self(ctx), .inner = inner};
    struct tsk_id32 id;
    bool is_receipt;
    uint8_t *buf = tsk_txn_alloc(b->txn, tsk_rec_max(r));
    if (buf == NULL)
        return TSK_E_NOMEM;
    if (ctx->members == NULL)
        return TSK_E_NOROSTER;
    TSK_TRY(tsk_record_sign(r, record, ctx->signer, &ctx->members->net, buf, tsk_rec_max(r), &in.bytes, &id));
    TSK_TRY(admit(ctx, b, &in, true, &id, &is_receipt));
    *ret_id = id;
    return TSK_OK;
}

enum tsk_err tsk_bring(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_slice record, const struct tsk_inner *inner,
                       struct tsk_id32 *ret_id)
{
    struct tsk_incoming in = {.from = *tsk_self(ctx), .bytes = record, .inner = inner};
    struct tsk_id32 id;
    bool is_receipt;
    TSK_TRY(admit(ctx, b, &in, false, &id, &is_receipt));
    *ret_id = id;
    return TSK_OK;
}

/* ---- sending ---- */
enum tsk_err tsk_route(struct tsk_batch *b, const struct tsk_kid *to, const struct tsk_admitted *a, bool urgent)
{
    struct tsk_outgoing o = {.to = *to, .id = a->id, .record = a->in->bytes, .urgent = urgent};
    return tsk_batch_send(b, &o);
}

enum tsk_err tsk_route_stored(struct tsk_batch *b, const struct tsk_kid *to, uint64_t record_no, bool urgent, uint64_t bundle)
{
    struct tsk_stored r;
    TSK_TRY(tsk_record_get(b->txn, record_no, &r));
    struct tsk_outgoing o = {.to = *to, .id = r.id, .record = r.bytes, .urgent = urgent, .bundle = bundle};
    return tsk_batch_send(b, &o);
}
