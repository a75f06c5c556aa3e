/* test_outbox.c - records into parcels, numbers and chains, receipts. */
#include "tests/node/net.h"

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "node/post/inside.h"

static const struct net_spec specs[] = {{"01100-AA", "ipc", {NULL}}, {"01100-BB", "ipc", {NULL}}, {"01100-CC", "ipc", {NULL}}};
enum { AA, BB, CC };

static struct net net;
static struct tsk_ctx *aa;
static struct tsk_batch batch;

static void setup(void)
{
    net_make(&net, specs, 3, false);
    for (size_t i = 0; i < 3; i++)
        net_open(&net, i);
    aa = &net.nodes[AA]->ctx;
}

static void teardown(void)
{
    net_end(&net);
}

/* ---- sending and looking ---- */
static struct tsk_id32 queue_record(size_t to, bool urgent, bool receipt, uint64_t bundle)
{
    uint8_t buf[2048];
    struct tsk_outgoing o = net_record(net.nodes[AA], &net.nodes[to]->kid, buf);
    o.urgent = urgent;
    o.receipt = receipt;
    o.bundle = bundle;
    ck_ok(tsk_outbox_fits(&batch, &o));
    ck_ok(tsk_batch_send(&batch, &o));
    return o.id;
}

static void begin(void)
{
    ck_ok(tsk_batch_begin(aa, &batch));
}

static void end(void)
{
    ck_ok(tsk_batch_end(aa, &batch));
}

struct looked { struct tsk_out_head head; struct tsk_inner inner; struct tsk_id32 hash; uint8_t *plain; size_t parcel_n; };

/* Opens a stored parcel with the recipient's key, as the recipient will. */
static struct looked look(size_t to, uint64_t seq)
{
    struct looked l = {0};
    struct tsk_out_body body;
    struct tsk_parcel parcel;
    struct tsk_txn *t;
    struct tsk_slice inner;
    ck_ok(tsk_txn_begin(aa->store, false, &t));
    ck_ok(tsk_out_head_load(t, &net.nodes[to]->kid, seq, &l.head));
    ck_ok(tsk_out_body_load(t, &net.nodes[to]->kid, seq, &body));
    ck_ok(tsk_rec_decode(TSK_REC_PARCEL, body.parcel, &parcel));
    ck_assert_mem_eq(parcel.key_id8, l.head.key_id8, 8);
    l.plain = malloc(parcel.ct.n);
    l.parcel_n = body.parcel.n;
    struct tsk_kem_key *key = NULL;
    for (size_t i = 0; i < net.nodes[to]->keys->seal_n; i++)
        if (memcmp(net.nodes[to]->keys->seal[i].id8, parcel.key_id8, 8) == 0)
            key = net.nodes[to]->ctx.kems[i];
    ck_assert_ptr_nonnull(key);
    ck_ok(tsk_parcel_open(&parcel, tsk_self(aa), &l.head.put_id, key, &aa->members->net, l.plain, &inner));
    ck_assert(tsk_slice_eq(inner, body.inner));
    ck_ok(tsk_rec_decode(TSK_REC_INNER, inner, &l.inner));
    ck_ok(tsk_sha256(&inner, 1, l.hash.b));
    tsk_txn_abort(t);
    return l;
}

static struct tsk_peer_row peer_row(size_t to)
{
    struct tsk_peer_row row;
    begin();
    ck_ok(tsk_peer_load(batch.txn, &net.nodes[to]->kid, &row));
    end();
    return row;
}

/* ---- composing ---- */
START_TEST(numbers_and_chain)
{
    struct tsk_id32 prev = {{0}};
    for (uint64_t seq = 1; seq <= 4; seq++) {
        begin();
        queue_record(BB, false, false, 0);
        queue_record(CC, false, false, 0);
        end();
        struct looked l = look(BB, seq);
        ck_assert_uint_eq(l.inner.seq, seq);
        ck_assert_uint_eq(l.inner.floor, 1);
        ck_assert_mem_eq(l.inner.prev.b, prev.b, 32);
        ck_assert_mem_eq(l.inner.from.b, tsk_self(aa)->b, 32);
        ck_assert_uint_eq(l.inner.records.n, 1);
        ck_assert_uint_eq(l.head.left, 1);
        prev = l.hash;
        free(l.plain);
    }
    ck_assert_uint_eq(peer_row(BB).out_next, 5);
    ck_assert_uint_eq(peer_row(CC).out_next, 5);
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT), 8);
}
END_TEST

START_TEST(at_most_128)
{
    begin();
    for (int i = 0; i < 300; i++)
        queue_record(BB, false, false, 0);
    end();
    static const uint64_t want[] = {128, 128, 44};
    for (uint64_t seq = 1; seq <= 3; seq++) {
        struct looked l = look(BB, seq);
        ck_assert_uint_eq(l.inner.records.n, want[seq - 1]);
        ck_assert_uint_eq(l.head.left, want[seq - 1]);
        ck_assert_uint_eq(l.parcel_n % 4096 < 256, 1); /* padded, and the envelope */
        free(l.plain);
    }
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT_ID), 300);
}
END_TEST

START_TEST(urgent_by_itself_and_first)
{
    begin();
    queue_record(BB, false, false, 0);
    queue_record(BB, false, true, 0);
    queue_record(BB, true, false, 0);
    queue_record(BB, true, false, 0);
    end();
    struct looked l = look(BB, 1);
    ck_assert(l.head.urgent);
    ck_assert_uint_eq(l.inner.records.n, 2);
    free(l.plain);
    l = look(BB, 2);
    ck_assert(!l.head.urgent);
    ck_assert_uint_eq(l.inner.records.n, 2);
    ck_assert_uint_eq(l.head.left, 1); /* the receipt rides along and is not waited for */
    free(l.plain);
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT), 2);
}
END_TEST

START_TEST(receipts_alone_are_not_counted)
{
    begin();
    queue_record(BB, false, true, 0);
    queue_record(BB, false, true, 0);
    end();
    struct looked l = look(BB, TSK_OUT_UNCOUNTED | 1);
    ck_assert_uint_eq(l.inner.seq, 0);
    ck_assert_uint_eq(l.inner.records.n, 2);
    ck_assert_uint_eq(l.head.left, 0);
    free(l.plain);
    ck_assert_uint_eq(peer_row(BB).out_next, 1);
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT_ID), 0);
    begin();
    queue_record(BB, false, false, 0);
    end();
    l = look(BB, 1);
    ck_assert_uint_eq(l.inner.floor, 1); /* receipts alone hold no floor down */
    free(l.plain);
}
END_TEST

/* 130 receipts and one record: none of the parcels may wait for receipts that nobody sends. */
START_TEST(receipts_overflow)
{
    begin();
    for (int i = 0; i < 130; i++)
        queue_record(BB, false, true, 0);
    queue_record(BB, false, false, 0);
    end();
    struct looked l = look(BB, 1);
    ck_assert_uint_eq(l.inner.records.n, 128);
    ck_assert_uint_eq(l.head.left, 1);
    free(l.plain);
    l = look(BB, TSK_OUT_UNCOUNTED | 1);
    ck_assert_uint_eq(l.inner.records.n, 3);
    free(l.plain);
}
END_TEST

START_TEST(bundles_stay_whole)
{
    begin();
    uint64_t one = tsk_batch_bundle(&batch), two = tsk_batch_bundle(&batch);
    for (int i = 0; i < 100; i++)
        queue_record(BB, false, false, 0);
    for (int i = 0; i < 60; i++)
        queue_record(BB, false, false, i % 2 == 0 ? one : two);
    queue_record(CC, false, false, one); /* the same number to another peer is another parcel */
    end();
    static const uint64_t want[] = {100, 60};
    for (uint64_t seq = 1; seq <= 2; seq++) {
        struct looked l = look(BB, seq);
        ck_assert_uint_eq(l.inner.records.n, want[seq - 1]);
        free(l.plain);
    }
}
END_TEST

START_TEST(bundle_too_large)
{
    size_t n = TSK_PARCEL_MAX / 16 * 5; /* one is padded to half the limit, two past it */
    uint8_t *ct = calloc(1, n), buf[2048];
    begin();
    uint64_t bundle = tsk_batch_bundle(&batch);
    struct tsk_outgoing o = net_record(net.nodes[AA], &net.nodes[BB]->kid, buf);
    o.bundle = bundle;
    o.ct = (struct tsk_slice){ct, n};
    ck_ok(tsk_outbox_fits(&batch, &o));
    ck_ok(tsk_batch_send(&batch, &o));
    ck_err(tsk_outbox_fits(&batch, &o), TSK_E_LIMIT);
    o.bundle = 0;
    ck_ok(tsk_outbox_fits(&batch, &o));
    o.bundle = tsk_batch_bundle(&batch);
    for (int i = 0; i < TSK_PARCEL_RECORDS_MAX; i++)
        queue_record(BB, false, false, o.bundle);
    o.ct.n = 0;
    ck_err(tsk_batch_send(&batch, &o), TSK_E_LIMIT); /* told to who sends it, and the batch goes on */
    end();
    struct looked l = look(BB, 1);
    ck_assert_uint_eq(l.inner.cts.n, 1);
    ck_assert_uint_le(l.parcel_n, TSK_PARCEL_MAX);
    free(l.plain);
    free(ct);
}
END_TEST

START_TEST(cts_and_wraps_ride)
{
    uint8_t buf[2048];
    begin();
    struct tsk_outgoing o = net_record(net.nodes[AA], &net.nodes[BB]->kid, buf);
    static const uint8_t ct[] = {1, 2, 3}, wraps[] = {0xa0};
    o.ct = TSK_SLICE(ct);
    o.wraps = TSK_SLICE(wraps);
    ck_ok(tsk_batch_send(&batch, &o));
    end();
    struct looked l = look(BB, 1);
    struct tsk_slice v;
    ck_assert(tsk_seq_next_bytes(&l.inner.cts, &v));
    ck_assert(tsk_slice_eq(v, o.ct));
    ck_assert(tsk_seq_next_bytes(&l.inner.wraps, &v));
    ck_assert(tsk_slice_eq(v, o.wraps));
    ck_assert(tsk_seq_next_bytes(&l.inner.records, &v));
    ck_assert(tsk_slice_eq(v, o.record));
    free(l.plain);
}
END_TEST

START_TEST(a_failed_batch_leaves_nothing)
{
    ck_ok(tsk_post_open(aa));
    begin();
    queue_record(BB, false, false, 0);
    tsk_batch_abort(aa, &batch, TSK_E_DISK);
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT), 0);
    ck_assert_uint_eq(tsk_outbox_waiting(aa), 0);
    begin();
    ck_ok(tsk_batch_save(&batch));
    queue_record(BB, false, false, 0);
    tsk_batch_undo(&batch);
    end();
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT), 0);
    begin();
    queue_record(BB, false, false, 0);
    end();
    ck_assert_uint_eq(tsk_outbox_waiting(aa), 1);
}
END_TEST

/* ---- receipts ---- */
static bool receipted(size_t from, const struct tsk_id32 *id)
{
    bool known = false;
    begin();
    ck_ok(tsk_outbox_receipted(aa, &batch, &net.nodes[from]->kid, id, &known));
    end();
    return known;
}

START_TEST(the_last_receipt_lets_it_go)
{
    struct tsk_id32 ids[3], other = {{9}};
    ck_ok(tsk_post_open(aa));
    begin();
    for (int i = 0; i < 3; i++)
        ids[i] = queue_record(BB, false, false, 0);
    end();
    ck_assert_uint_eq(tsk_outbox_waiting(aa), 1);
    ck_assert(!receipted(BB, &other));
    ck_assert(!receipted(CC, &ids[0])); /* not from whom it went to */
    ck_assert(receipted(BB, &ids[1]));
    ck_assert(!receipted(BB, &ids[1])); /* once is enough */
    ck_assert(receipted(BB, &ids[0]));
    ck_assert_uint_eq(tsk_outbox_waiting(aa), 1);
    ck_assert(receipted(BB, &ids[2]));
    ck_assert_uint_eq(tsk_outbox_waiting(aa), 0);
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT) + net_rows(net.nodes[AA], TSK_T_OUT_BODY) +
                      net_rows(net.nodes[AA], TSK_T_OUT_ID), 0);
}
END_TEST

START_TEST(a_record_in_two_parcels)
{
    uint8_t buf[2048];
    struct tsk_outgoing o = net_record(net.nodes[AA], &net.nodes[BB]->kid, buf);
    for (int i = 0; i < 2; i++) {
        begin();
        ck_ok(tsk_batch_send(&batch, &o));
        ck_ok(tsk_batch_send(&batch, &o)); /* and twice in each */
        end();
    }
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT), 2);
    ck_assert(receipted(BB, &o.id));
    ck_assert_uint_eq(net_rows(net.nodes[AA], TSK_T_OUT), 0);
}
END_TEST

START_TEST(floor_follows_receipts)
{
    struct tsk_id32 ids[3];
    for (int i = 0; i < 3; i++) {
        begin();
        ids[i] = queue_record(BB, false, false, 0);
        end();
    }
    static const struct { int receipt; uint64_t floor; } steps[] = {{1, 1}, {0, 3}, {2, 6}};
    for (uint64_t i = 0; i < 3; i++) {
        ck_assert(receipted(BB, &ids[steps[i].receipt]));
        begin();
        struct tsk_id32 id = queue_record(BB, false, false, 0);
        end();
        struct looked l = look(BB, 4 + i);
        ck_assert_uint_eq(l.inner.floor, steps[i].floor);
        free(l.plain);
        ck_assert(receipted(BB, &id));
    }
}
END_TEST

static TCase *composing(void)
{
    TCase *t = tcase_create("composing");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, numbers_and_chain);
    tcase_add_test(t, at_most_128);
    tcase_add_test(t, urgent_by_itself_and_first);
    tcase_add_test(t, receipts_alone_are_not_counted);
    tcase_add_test(t, receipts_overflow);
    tcase_add_test(t, bundles_stay_whole);
    tcase_add_test(t, bundle_too_large);
    tcase_add_test(t, cts_and_wraps_ride);
    tcase_add_test(t, a_failed_batch_leaves_nothing);
    return t;
}

static TCase *receipts(void)
{
    TCase *t = tcase_create("receipts");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_last_receipt_lets_it_go);
    tcase_add_test(t, a_record_in_two_parcels);
    tcase_add_test(t, floor_follows_receipts);
    return t;
}

TSK_TEST_MAIN_NOFORK("outbox", composing, receipts)
