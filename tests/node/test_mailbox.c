/* test_mailbox.c - the post office as a stranger meets it: requests over a real socket, answers decoded. */
#include "tests/node/mailbox.h"

/* ---- the plain way ---- */
START_TEST(put_fetch_confirm)
{
    struct tsk_put p = put_for(BB, STR("one"));
    struct signed_record s = sign(AA, TSK_REC_PUT, &p);
    struct tsk_reply r = ask_parts((struct tsk_slice[]){{s.b, s.n}, STR("one")}, 2);
    ck_assert_uint_eq(r.code, 0);
    ck_assert_uint_eq(r.roster_seq, 1);
    ck_assert_mem_eq(r.roster_id.b, net.prev.b, 32);
    ck_assert_uint_eq(put_plain(CC, BB, STR("two")), 0);
    r = fetch_plain(BB, 0);
    ck_assert_uint_eq(r.code, 0);
    ck_assert_uint_eq(r.end, 2);
    ck_assert_uint_eq(r.mail.n, 2);
    struct tsk_mail m;
    ck_assert(tsk_seq_next_mail(&r.mail, &m));
    ck_assert_uint_eq(m.n, 1);
    ck_assert(tsk_slice_eq(m.parcel, STR("one")));
    ck_assert(tsk_slice_eq(m.put, (struct tsk_slice){s.b, s.n}));
    ck_assert(tsk_seq_next_mail(&r.mail, &m));
    ck_assert(tsk_slice_eq(m.parcel, STR("two")));
    struct tsk_id16 epoch = r.epoch;
    ck_assert_uint_eq(fetch_plain(BB, 1).mail.n, 1);
    ck_assert_uint_eq(confirm(BB, epoch, 1), 0);
    ck_assert_uint_eq(MAILS, 1);
    ck_assert_uint_eq(fetch_plain(BB, 0).mail.n, 1);
    ck_assert_uint_eq(confirm(BB, epoch, 1), 0); /* again: nothing more */
    ck_assert_uint_eq(MAILS, 1);
    ck_assert_uint_eq(confirm(BB, epoch, TSK_NUMBER_MAX), 0);
    ck_assert_uint_eq(MAILS, 0);
    r = fetch_plain(BB, 2);
    ck_assert_uint_eq(r.mail.n, 0);
    ck_assert_uint_eq(r.end, 2);
    ck_assert_uint_eq(put_plain(AA, BB, STR("three")), 0);
    ck_assert_uint_eq(fetch_plain(BB, 2).end, 3); /* numbers never go back */
}
END_TEST

START_TEST(same_parcel_again)
{
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(put_plain(AA, BB, STR("same")), 0);
    ck_assert_uint_eq(MAILS, 1);
    ck_assert_uint_eq(put_plain(AA, DD, STR("same")), 0); /* another mailbox */
    ck_assert_uint_eq(MAILS, 2);
    ck_assert_uint_eq(put_plain(CC, BB, STR("same")), 0); /* another's word for it: the first must not stand in for it */
    ck_assert_uint_eq(MAILS, 3);
    ck_assert_uint_eq(confirm(BB, fetch_plain(BB, 0).epoch, 2), 0);
    ck_assert_uint_eq(put_plain(AA, BB, STR("same")), 0); /* its receipt was lost: it goes again */
    ck_assert_uint_eq(MAILS, 2);
}
END_TEST

/* ---- refused puts change nothing ---- */
struct wrong { const char *what; void (*change)(struct tsk_put *p); uint64_t code; };

static void other_hash(struct tsk_put *p) { p->parcel_hash[31] ^= 1; }
static void stale(struct tsk_put *p) { p->time -= TSK_FRESH_S + 2; }
static void future(struct tsk_put *p) { p->time += TSK_FRESH_S + 60; }
static void other_post(struct tsk_put *p) { p->post = net.nodes[AA]->kid; }
static void nobody(struct tsk_put *p) { p->to.b[0] ^= 1; }
static void not_here(struct tsk_put *p) { p->to = net.nodes[CC]->kid; }

START_TEST(wrong_puts)
{
    static const struct wrong wrong[] = {
        {"hash", other_hash, 1}, {"stale", stale, 5},   {"future", future, 13},
        {"post", other_post, 4}, {"nobody", nobody, 2}, {"not here", not_here, 2},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct tsk_put p = put_for(BB, STR("x"));
        wrong[i].change(&p);
        uint64_t code = put(AA, &p, STR("x"));
        ck_assert_msg(code == wrong[i].code, "%s: %u", wrong[i].what, (unsigned)code);
    }
    ck_assert_uint_eq(MAILS, 0);
    struct tsk_put p = put_for(BB, STR("x"));
    p.time -= TSK_FRESH_S - 5; /* just fresh */
    ck_assert_uint_eq(put(AA, &p, STR("x")), 0);
}
END_TEST

START_TEST(every_byte_of_a_put_counts)
{
    struct tsk_put p = put_for(BB, STR("x"));
    struct signed_record s = sign(AA, TSK_REC_PUT, &p);
    for (size_t i = 0; i < s.n; i++) {
        s.b[i] ^= (uint8_t)(1u << (i % 8));
        struct tsk_reply r = ask_parts((struct tsk_slice[]){{s.b, s.n}, STR("x")}, 2);
        ck_assert_uint_ge(r.code, 1);
        ck_assert_uint_le(r.code, 4);
        ck_assert_uint_eq(r.roster_seq, 0); /* nothing else is told to a stranger */
        s.b[i] ^= (uint8_t)(1u << (i % 8));
    }
    for (size_t n = 0; n < s.n; n += 7)
        ck_assert_uint_eq(ask_parts((struct tsk_slice[]){{s.b, n}, STR("x")}, 2).code, 1);
    ck_assert_uint_eq(MAILS, 0);
    ck_assert_uint_eq(ask_parts((struct tsk_slice[]){{s.b, s.n}, STR("x")}, 2).code, 0);
}
END_TEST

START_TEST(strangers)
{
    struct tsk_put p = put_for(BB, STR("x"));
    struct tsk_signer_key *own = net.nodes[AA]->ctx.signer, *stranger;
    ck_ok(tsk_signer_new((uint8_t[32]){7}, &stranger));
    net.nodes[AA]->ctx.signer = stranger;
    ck_assert_uint_eq(put(AA, &p, STR("x")), 2);
    ck_assert_uint_eq(fetch_plain(AA, 0).code, 2);
    ck_assert_uint_eq(confirm(AA, (struct tsk_id16){{0}}, 1), 2);
    net.nodes[AA]->ctx.signer = own;
    tsk_signer_free(stranger);
    struct tsk_id16 net_id = net.nodes[AA]->ctx.members->net;
    net.nodes[AA]->ctx.members->net.b[3] ^= 1; /* a signature for another network */
    ck_assert_uint_eq(put(AA, &p, STR("x")), 3);
    net.nodes[AA]->ctx.members->net = net_id;
    ck_assert_uint_eq(MAILS, 0);
}
END_TEST

START_TEST(wrong_shapes)
{
    struct tsk_put p = put_for(BB, STR("x"));
    struct tsk_fetch f = fetch_from(0);
    struct signed_record s = sign(AA, TSK_REC_PUT, &p), g = sign(BB, TSK_REC_FETCH, &f);
    struct tsk_slice sp = {s.b, s.n}, gp = {g.b, g.n};
    ck_assert_uint_eq(ask_parts(&sp, 1).code, 4);
    ck_assert_uint_eq(ask_parts((struct tsk_slice[]){gp, STR("x")}, 2).code, 4);
    ck_assert_uint_eq(ask_parts((struct tsk_slice[]){sp, STR("x"), STR("x")}, 3).code, 1);
    ck_assert_uint_eq(ask_parts(NULL, 0).code, 1);
    ck_assert_uint_eq(ask_parts(&(struct tsk_slice){NULL, 0}, 1).code, 1);
    struct tsk_cosign c = {.role = 1, .time = net_clock()};
    struct signed_record o = sign(AA, TSK_REC_COSIGN, &c);
    ck_assert_uint_eq(ask_parts(&(struct tsk_slice){o.b, o.n}, 1).code, 4);
    ck_assert_uint_eq(MAILS, 0);
}
END_TEST

/* ---- whose mailbox ---- */
START_TEST(only_the_owner)
{
    ck_assert_uint_eq(put_plain(AA, BB, STR("for BB")), 0);
    struct tsk_id16 epoch = fetch_plain(BB, 0).epoch;
    ck_assert_uint_eq(fetch_plain(CC, 0).code, 2);          /* has no mailbox here */
    ck_assert_uint_eq(confirm(CC, epoch, 1), 2);
    ck_assert_uint_eq(fetch_plain(DD, 0).mail.n, 0);        /* has one, and sees its own */
    ck_assert_uint_eq(confirm(DD, epoch, 1), 5);
    ck_assert_uint_eq(confirm(BB, (struct tsk_id16){{0}}, 1), 5);
    ck_assert_uint_eq(MAILS, 1);
    struct tsk_fetch f = fetch_from(0);
    f.post = net.nodes[AA]->kid; /* a fetch meant for another office, replayed here */
    ck_assert_uint_eq(fetch(BB, &f).code, 4);
    f = fetch_from(0);
    f.time -= TSK_FRESH_S + 2;
    ck_assert_uint_eq(fetch(BB, &f).code, 5);
}
END_TEST

/* Whoever runs another post office of the owner's could have mail thrown away here by what was said there. */
START_TEST(a_confirm_is_for_one_office)
{
    ck_assert_uint_eq(put_plain(AA, BB, STR("for BB")), 0);
    struct tsk_confirm c = {.time = net_clock(), .post = net.nodes[AA]->kid, .epoch = fetch_plain(BB, 0).epoch, .up_to = 1};
    struct signed_record s = sign(BB, TSK_REC_CONFIRM, &c);
    ck_assert_uint_eq(ask_parts(&(struct tsk_slice){s.b, s.n}, 1).code, 4);
    c.post = net.nodes[PO]->kid;
    c.time -= TSK_FRESH_S + 2; /* one of its own, kept and said again later */
    s = sign(BB, TSK_REC_CONFIRM, &c);
    ck_assert_uint_eq(ask_parts(&(struct tsk_slice){s.b, s.n}, 1).code, 5);
    ck_assert_uint_eq(MAILS, 1);
    c.time = net_clock();
    s = sign(BB, TSK_REC_CONFIRM, &c);
    ck_assert_uint_eq(ask_parts(&(struct tsk_slice){s.b, s.n}, 1).code, 0);
    ck_assert_uint_eq(MAILS, 0);
}
END_TEST

START_TEST(epochs)
{
    ck_assert_uint_eq(put_plain(AA, BB, STR("x")), 0);
    struct tsk_fetch f = fetch_from(0);
    f.epoch.b[0] = 1; /* of a store that was lost */
    f.wait_ms = 20000;
    struct tsk_reply r = fetch(BB, &f);
    ck_assert_uint_eq(r.code, 0);
    ck_assert_uint_eq(r.mail.n, 0);
    ck_assert_uint_eq(r.end, 1);
    f = fetch_from(0);
    f.epoch = r.epoch;
    ck_assert_uint_eq(fetch(BB, &f).mail.n, 1);
}
END_TEST

/* ---- waiting ---- */
static bool poll_waits(struct net *n, void *arg)
{
    (void)arg;
    return n->nodes[PO]->ctx.post->polls_n == 1 && !n->nodes[PO]->ctx.post->polls[0].ready;
}

static void wait_start(size_t who, uint64_t after, uint64_t wait_ms, uint64_t no, enum tsk_event_kind kind)
{
    struct tsk_fetch f = fetch_from(after);
    f.wait_ms = wait_ms;
    struct signed_record s = sign(who, TSK_REC_FETCH, &f);
    ck_ok(tsk_dial_call(dial, kind, no, &(struct tsk_slice){s.b, s.n}, 1, 60000));
}

START_TEST(long_poll)
{
    uint64_t no = 1000;
    wait_start(BB, 0, 25000, no, TSK_EV_MAIL);
    net_run(&net, poll_waits, NULL);
    ck_assert_uint_eq(put_plain(AA, DD, STR("for another")), 0);
    ck_assert(poll_waits(&net, NULL));
    struct tsk_put p = put_for(BB, STR("at last"));
    struct signed_record s = sign(AA, TSK_REC_PUT, &p);
    ck_ok(tsk_dial_call(dial, TSK_EV_PUT_DONE, 1, (struct tsk_slice[]){{s.b, s.n}, STR("at last")}, 2, 30000));
    net_run(&net, got, &no);
    ck_assert_uint_eq(reply().mail.n, 1);
    ck_assert_uint_eq(net.nodes[PO]->ctx.post->polls_n, 0);
}
END_TEST

START_TEST(long_poll_ends)
{
    uint64_t no = 1000;
    wait_start(BB, 0, 30, no, TSK_EV_MAIL);
    net_run(&net, got, &no);
    ck_assert_uint_eq(reply().code, 0);
    ck_assert_uint_eq(reply().mail.n, 0);
    wait_start(BB, 0, 25000, no, TSK_EV_MAIL);
    net_run(&net, poll_waits, NULL);
    wait_start(BB, 0, 25000, no + 1, TSK_EV_CONFIRMED); /* the owner comes again: the old one ends */
    net_run(&net, got, &no);
    ck_assert_uint_eq(reply().code, 13);
    ck_assert_uint_eq(net.nodes[PO]->ctx.post->polls_n, 1);
}
END_TEST

/* ---- our own faults ---- */
static enum tsk_err disk(struct net_node *n, const struct tsk_envelope *e)
{
    (void)n, (void)e;
    return TSK_E_DISK;
}

START_TEST(own_fault_is_no_refusal)
{
    struct net_node *po = net.nodes[PO];
    uint8_t buf[2048];
    struct tsk_inner inner = {.from = net.nodes[AA]->kid, .seq = 1, .floor = 1};
    struct tsk_outgoing o = net_record(net.nodes[AA], &po->kid, buf);
    uint8_t records[2100], enc[4096];
    struct tsk_cbor_out ro;
    struct tsk_slice bytes;
    tsk_cbor_out_init(&ro, records, sizeof records);
    tsk_cbor_put_bytes(&ro, o.record);
    inner.records = (struct tsk_seq){{records, ro.n}, 1};
    ck_ok(tsk_rec_encode(TSK_REC_INNER, &inner, enc, sizeof enc, &bytes));
    struct tsk_batch b;
    struct tsk_out_head h = {0};
    struct tsk_out_body body;
    struct tsk_ctx *aa = &net.nodes[AA]->ctx;
    ck_ok(tsk_batch_begin(aa, &b));
    ck_ok(tsk_out_seal(aa, b.txn, &po->kid, 1, net_clock(), bytes, false, &h));
    ck_ok(tsk_out_body_load(b.txn, &po->kid, 1, &body));
    struct tsk_put p = {.id = h.put_id, .time = net_clock(), .post = po->kid, .to = po->kid};
    memcpy(p.parcel_hash, h.hash, 32);
    po->verdict = disk;
    ck_assert_uint_eq(put(AA, &p, body.parcel), 13);
    ck_assert_int_eq(po->batch_err, TSK_E_DISK);
    po->verdict = NULL;
    ck_assert_uint_eq(po->admitted, 0);
    ck_assert_uint_eq(put(AA, &p, body.parcel), 0); /* the same parcel, when the disk is well again */
    ck_assert_uint_eq(po->admitted, 1);
    tsk_batch_abort(aa, &b, TSK_E_RETRY);
}
END_TEST

static TCase *suite(void)
{
    TCase *t = tcase_create("mailbox");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, put_fetch_confirm);
    tcase_add_test(t, same_parcel_again);
    tcase_add_test(t, wrong_puts);
    tcase_add_test(t, every_byte_of_a_put_counts);
    tcase_add_test(t, strangers);
    tcase_add_test(t, wrong_shapes);
    tcase_add_test(t, only_the_owner);
    tcase_add_test(t, a_confirm_is_for_one_office);
    tcase_add_test(t, epochs);
    tcase_add_test(t, long_poll);
    tcase_add_test(t, long_poll_ends);
    tcase_add_test(t, own_fault_is_no_refusal);
    return t;
}

TSK_TEST_MAIN_NOFORK("mailbox", suite)
