/* mails.h - parcels made by hand, for the tests of the inbox. */
#ifndef TSK_TESTS_NODE_MAILS_H
#define TSK_TESTS_NODE_MAILS_H

#include "tests/node/net.h"

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "node/post/inside.h"

/* BB keeps its own mailbox; DD's lies at PO, which is never started here. */
static const struct net_spec specs[] = {
    {"01100-AA", NULL, {NULL}}, {"01100-BB", NULL, {NULL}}, {"01100-DD", NULL, {"01100-PO"}}, {"01100-PO", "ipc", {NULL}}};
enum { AA, BB, DD, PO };

static struct net net;
static struct tsk_ctx *aa, *bb;

static inline void setup(void)
{
    net_make(&net, specs, 4, false);
    for (size_t i = 0; i < 4; i++) {
        net_open(&net, i);
        ck_ok(tsk_post_open(&net.nodes[i]->ctx));
    }
    aa = &net.nodes[AA]->ctx;
    bb = &net.nodes[BB]->ctx;
}

static inline void teardown(void)
{
    net_end(&net);
}

/* ---- parcels made by hand ---- */
struct mail { uint8_t put[1024]; size_t put_n; uint8_t *parcel; size_t parcel_n; struct tsk_id32 ids[4]; };

struct make {
    uint64_t seq, floor;
    size_t n;                 /* records, at most 4 */
    const struct tsk_kid *from, *put_to; /* NULL: as it should be */
    struct tsk_slice record;  /* in the place of made ones */
};

static inline struct tsk_slice inner_of(const struct make *how, struct mail *m, uint8_t *buf, size_t cap)
{
    static uint8_t records[16384];
    uint8_t one[2048];
    struct tsk_cbor_out ro;
    struct tsk_slice bytes;
    struct tsk_inner inner = {.from = how->from != NULL ? *how->from : *tsk_self(aa), .seq = how->seq, .floor = how->floor};
    tsk_cbor_out_init(&ro, records, sizeof records);
    for (size_t i = 0; i < how->n; i++) {
        struct tsk_outgoing o = net_record(net.nodes[AA], tsk_self(bb), one);
        tsk_cbor_put_bytes(&ro, how->record.n > 0 ? how->record : o.record);
        m->ids[i] = o.id;
    }
    inner.records = (struct tsk_seq){{records, ro.n}, how->n};
    ck_ok(tsk_rec_encode(TSK_REC_INNER, &inner, buf, cap, &bytes));
    return bytes;
}

static inline void sign_put(struct mail *m, const struct tsk_put *put)
{
    struct tsk_slice bytes;
    struct tsk_id32 id;
    ck_ok(tsk_record_sign(TSK_REC_PUT, put, aa->signer, &aa->members->net, m->put, sizeof m->put, &bytes, &id));
    m->put_n = bytes.n;
}

static inline struct mail make(const struct make *how)
{
    static uint8_t buf[20000];
    struct mail m = {0};
    struct tsk_put put = {.time = net_clock(), .post = *tsk_self(bb), .to = how->put_to != NULL ? *how->put_to : *tsk_self(bb)};
    const struct tsk_entry *e = tsk_member_by_kid(aa->members, tsk_self(bb), net_clock());
    struct tsk_slice inner = inner_of(how, &m, buf, sizeof buf), parcel;
    size_t cap = tsk_parcel_cap(inner.n, false);
    tsk_random(put.id.b, sizeof put.id.b);
    m.parcel = malloc(cap);
    ck_ok(tsk_parcel_seal(tsk_self(aa), tsk_self(bb), tsk_member_seal_key(e, net_clock()), &put.id, &aa->members->net,
                          inner, false, m.parcel, cap, &parcel));
    m.parcel_n = parcel.n;
    ck_ok(tsk_sha256(&parcel, 1, put.parcel_hash));
    sign_put(&m, &put);
    return m;
}

static inline struct mail counted(uint64_t seq, uint64_t floor, size_t n)
{
    return make(&(struct make){.seq = seq, .floor = floor, .n = n});
}

static inline enum tsk_err take(const struct mail *m)
{
    struct tsk_batch b;
    ck_ok(tsk_batch_begin(bb, &b));
    enum tsk_err e = tsk_inbox_mail(bb, &b, (struct tsk_slice){m->put, m->put_n}, (struct tsk_slice){m->parcel, m->parcel_n});
    if (tsk_err_class(e) != TSK_CLASS_LOCAL)
        ck_ok(tsk_batch_end(bb, &b));
    else
        tsk_batch_abort(bb, &b, e);
    return e;
}

static inline void take_and_free(struct mail m)
{
    ck_ok(take(&m));
    free(m.parcel);
}

static inline enum tsk_err ready(struct tsk_ctx *ctx, const struct tsk_kid *from, size_t n, char who[TSK_PARTNER_ID_CAP])
{
    struct tsk_batch b;
    ck_ok(tsk_batch_begin(ctx, &b));
    enum tsk_err e = tsk_inbox_drained(ctx, &b, from, n, who);
    tsk_batch_abort(ctx, &b, TSK_E_RETRY);
    return e;
}

static inline enum tsk_err gap(void)
{
    char who[TSK_PARTNER_ID_CAP] = "";
    enum tsk_err e = ready(bb, tsk_self(aa), 1, who);
    if (e != TSK_OK)
        ck_assert_str_eq(who, "01100-AA");
    return e;
}

/* The receipt that BB has queued last, as AA will read it; false: none. */
static inline bool receipt_of(uint64_t no, struct tsk_receipt *ret_r)
{
    struct tsk_txn *t;
    struct tsk_out_body body;
    struct tsk_inner inner;
    struct tsk_envelope env;
    struct tsk_slice bytes;
    ck_ok(tsk_txn_begin(bb->store, false, &t));
    bool there = tsk_out_body_load(t, tsk_self(aa), TSK_OUT_UNCOUNTED | no, &body) == TSK_OK;
    if (there) {
        ck_ok(tsk_rec_decode(TSK_REC_INNER, body.inner, &inner));
        ck_assert_uint_eq(inner.records.n, 1);
        ck_assert(tsk_seq_next_bytes(&inner.records, &bytes));
        ck_ok(tsk_cose_parse(bytes, &env));
        ck_ok(tsk_rec_decode(TSK_REC_RECEIPT, env.payload, ret_r));
    }
    tsk_txn_abort(t);
    return there;
}

#define RECEIPTS net_rows(net.nodes[BB], TSK_T_OUT)

#endif
