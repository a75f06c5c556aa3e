/* test_post.c - whole nodes in one process, over real NNG: ipc and TLS, post offices in between, ends that go away. */
#include "tests/node/net.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "node/post/inside.h"

static struct net net;

/* ---- conditions ---- */
struct want { size_t node; uint64_t admitted; };

static bool admitted(struct net *n, void *arg)
{
    const struct want *w = arg;
    return n->nodes[w->node]->admitted >= w->admitted;
}

static bool idle(struct net *n, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < n->n; i++)
        if (n->nodes[i]->open && (tsk_outbox_waiting(&n->nodes[i]->ctx) > 0 ||
                                  net_rows(n->nodes[i], TSK_T_OUT) > n->nodes[i]->ctx.post->gone_n))
            return false;
    return true;
}

static bool drained(struct net *n, void *arg)
{
    struct net_node *node = n->nodes[*(size_t *)arg];
    char who[TSK_PARTNER_ID_CAP];
    struct tsk_batch b;
    ck_ok(tsk_batch_begin(&node->ctx, &b));
    enum tsk_err e = tsk_inbox_drained(&node->ctx, &b, NULL, 0, who);
    tsk_batch_abort(&node->ctx, &b, TSK_E_RETRY);
    return e == TSK_OK;
}

static void start_all(void)
{
    for (size_t i = 0; i < net.n; i++)
        net_start(&net, i);
}

static void exactly(size_t node, uint64_t n)
{
    ck_assert_uint_eq(net.nodes[node]->admitted, n);
    ck_assert_uint_eq(net_rows(net.nodes[node], TSK_T_RECORD_ID), n);
}

/* A batch that writes one row of its own, or none, and is given up unless it `ends`. */
static void batch(size_t node, bool writes, bool ends)
{
    struct tsk_ctx *ctx = &net.nodes[node]->ctx;
    struct tsk_rowkey k = tsk_row(TSK_T_META);
    struct tsk_batch b;
    tsk_row_bytes(&k, "test", 4);
    ck_ok(tsk_batch_begin(ctx, &b));
    if (writes)
        ck_ok(tsk_put_u64(b.txn, &k, 1));
    if (ends)
        ck_ok(tsk_batch_end(ctx, &b));
    else
        tsk_batch_abort(ctx, &b, TSK_E_DISK);
}

/* ---- everybody reachable ---- */
static const struct net_spec direct_ipc[] = {{"01100-AA", "ipc", {NULL}}, {"01100-BB", "ipc", {NULL}}};
static const struct net_spec direct_tls[] = {{"01100-AA", "tls", {NULL}}, {"01100-BB", "tls", {NULL}}};

static void both_ways(const struct net_spec *specs, bool tls)
{
    net_make(&net, specs, 2, tls);
    start_all();
    net_send(net.nodes[0], &net.nodes[1]->kid, 300, false, NULL);
    net_send(net.nodes[1], &net.nodes[0]->kid, 5, false, NULL);
    net_run(&net, admitted, (&(struct want){1, 300}));
    net_run(&net, admitted, (&(struct want){0, 5}));
    net_run(&net, idle, NULL);
    exactly(1, 300);
    exactly(0, 5);
    batch(0, true, true);
    ck_assert_uint_eq(net_rows(net.nodes[0], TSK_T_OUT_BODY), 0);
    ck_assert_uint_eq(net_rows(net.nodes[0], TSK_T_OUT_ID), 0);
    ck_assert_uint_eq(net.nodes[0]->receipts, 3); /* 128 + 128 + 44 records */
    net_end(&net);
}

/* What an office has of receipts alone goes with the next batch that writes, and only when that stands. */
START_TEST(answered_receipts_go_along)
{
    net_make(&net, direct_ipc, 2, false);
    start_all();
    for (uint64_t i = 1; i <= 2; i++) { /* the first answer is noted as a contact, and so has a batch that writes */
        net_send(net.nodes[0], &net.nodes[1]->kid, 1, false, NULL);
        net_run(&net, admitted, (&(struct want){1, i}));
        net_run(&net, idle, NULL);
    }
    const struct tsk_post *post = net.nodes[1]->ctx.post;
    ck_assert_uint_eq(post->gone_n, 1);
    batch(1, false, true);
    batch(1, true, false);
    ck_assert_uint_eq(post->gone_n, 1);
    ck_assert_uint_eq(net_rows(net.nodes[1], TSK_T_OUT), 1);
    batch(1, true, true);
    ck_assert_uint_eq(post->gone_n, 0);
    ck_assert_uint_eq(net_rows(net.nodes[1], TSK_T_OUT) + net_rows(net.nodes[1], TSK_T_OUT_BODY), 0);
    net_end(&net);
}
END_TEST

START_TEST(over_ipc)
{
    both_ways(direct_ipc, false);
}
END_TEST

START_TEST(over_tls)
{
    both_ways(direct_tls, true);
}
END_TEST

/* ---- strangers at the port ---- */
#define STRANGERS 8
static int strangers[STRANGERS];

static void strangers_come(const struct net_node *node)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                               .sin_port = htons((uint16_t)atoi(strrchr(node->url, ':') + 1))};
    for (int i = 0; i < STRANGERS; i++) {
        strangers[i] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(strangers[i], (struct sockaddr *)&name, sizeof name), 0);
    }
}

static bool strangers_ended(struct net *n, void *arg)
{
    int ended = 0, *wanted = arg;
    char byte;
    (void)n;
    for (int i = 0; i < STRANGERS; i++)
        ended += recv(strangers[i], &byte, 1, MSG_DONTWAIT) == 0;
    return ended >= *wanted;
}

/* Who never begins the handshake is ended, here for being too many; whoever got through it is not. */
START_TEST(tls_strangers)
{
    net_make(&net, direct_tls, 2, true);
    start_all();
    struct net_node *a = net.nodes[0], *b = net.nodes[1];
    net_send(a, &b->kid, 1, false, NULL);
    net_run(&net, admitted, (&(struct want){1, 1}));
    tsk_server_limit(b->ctx.post->peers_server, 8, 4);
    strangers_come(b);
    net_run(&net, strangers_ended, &(int){STRANGERS - 2});
    ck_assert(!strangers_ended(&net, &(int){STRANGERS - 1}));
    ck_assert(tsk_office_up(tsk_office_find(&a->ctx, &b->kid)));
    net_send(a, &b->kid, 1, false, NULL);
    net_run(&net, admitted, (&(struct want){1, 2}));
    for (int i = 0; i < STRANGERS; i++)
        close(strangers[i]);
    net_end(&net);
}
END_TEST

/* Each connection of a member can hold a half-sent request: so many of one address, and those that are there stay. */
START_TEST(tls_so_many_of_one_address)
{
    struct tsk_dial *more[3];
    char dns[64];
    size_t least = SIZE_MAX;
    net_make(&net, direct_tls, 2, true);
    start_all();
    struct net_node *a = net.nodes[0], *b = net.nodes[1];
    tsk_server_limit(b->ctx.post->peers_server, 3, 100);
    net_send(a, &b->kid, 1, false, NULL);
    net_run(&net, admitted, (&(struct want){1, 1}));
    tsk_tls_dns(b->partner, dns);
    struct tsk_wire_tls tls = {.ca = {net.ca, net.ca_n}, .cert = {a->cert, a->cert_n}, .server_name = dns,
                               .key = {a->keys->tls_key, a->keys->tls_key_n}};
    for (size_t i = 0; i < 3; i++) {
        ck_ok(tsk_dial_new(a->ctx.queue, &b->kid, b->url, &tls, 1000, &more[i]));
        ck_ok(tsk_dial_start(more[i]));
    }
    for (uint64_t from = tsk_mono_ms(), now = from; now < from + 1500; now = tsk_mono_ms()) {
        net_turns(&net);
        size_t up = 0;
        for (size_t i = 0; i < 3; i++)
            up += tsk_dial_up(more[i]);
        if (now > from + 500 && up < least)
            least = up; /* who is refused sees a connection for a moment */
    }
    ck_assert_uint_eq(least, 2);
    ck_assert(tsk_office_up(tsk_office_find(&a->ctx, &b->kid)));
    for (size_t i = 0; i < 3; i++)
        tsk_dial_free(more[i]);
    net_end(&net);
}
END_TEST

/* A certificate of another name, or of another authority, gets no connection. */
START_TEST(tls_wrong_name)
{
    net_make(&net, direct_tls, 2, true);
    struct net_node *b = net.nodes[1];
    memcpy(b->cert, net.nodes[0]->cert, net.nodes[0]->cert_n);
    b->cert_n = net.nodes[0]->cert_n;
    /* b shows a's certificate (with a's key, so that TLS itself is sound) */
    net_roster(&net, true);
    net_start(&net, 0);
    net_open(&net, 1);
    memcpy(b->ctx.keys->tls_key, net.nodes[0]->keys->tls_key, sizeof b->ctx.keys->tls_key);
    b->ctx.keys->tls_key_n = net.nodes[0]->keys->tls_key_n;
    ck_ok(tsk_post_open(&b->ctx));
    net_send(net.nodes[0], &b->kid, 1, false, NULL);
    ck_assert(!net_try(&net, admitted, &(struct want){1, 1}, 1500));
    net_end(&net);
}
END_TEST

/* ---- a mailbox at another's ---- */
static const struct net_spec between[] = {
    {"01100-AA", NULL, {"01100-PO"}}, {"01100-BB", NULL, {"01100-PO"}}, {"01100-PO", "ipc", {NULL}}};
static const struct net_spec between_tls[] = {
    {"01100-AA", NULL, {"01100-PO"}}, {"01100-BB", NULL, {"01100-PO"}}, {"01100-PO", "tls", {NULL}}};

static void through_office(const struct net_spec *specs, bool tls)
{
    net_make(&net, specs, 3, tls);
    start_all();
    ck_assert(!drained(&net, &(size_t){1}));
    net_send(net.nodes[0], &net.nodes[1]->kid, 10, false, NULL);
    net_send(net.nodes[1], &net.nodes[2]->kid, 4, false, NULL);
    net_send(net.nodes[2], &net.nodes[0]->kid, 3, false, NULL); /* its mailbox lies at the sender's own office */
    net_run(&net, admitted, (&(struct want){1, 10}));
    net_run(&net, admitted, (&(struct want){2, 4}));
    net_run(&net, admitted, (&(struct want){0, 3}));
    net_run(&net, idle, NULL);
    net_run(&net, drained, &(size_t){1});
    exactly(1, 10);
    exactly(2, 4);
    exactly(0, 3);
    net_end(&net);
}

static bool mailboxes_empty(struct net *n, void *arg)
{
    (void)arg;
    return net_rows(n->nodes[2], TSK_T_MAIL) == 0 && net_rows(n->nodes[2], TSK_T_MAIL_HASH) == 0;
}

START_TEST(office_ipc)
{
    through_office(between, false);
}
END_TEST

START_TEST(office_tls)
{
    through_office(between_tls, true);
}
END_TEST

START_TEST(recipient_off_for_a_while)
{
    net_make(&net, between, 3, false);
    net_start(&net, 0);
    net_start(&net, 2);
    for (int i = 0; i < 5; i++)
        net_send(net.nodes[0], &net.nodes[1]->kid, 3, false, NULL);
    uint64_t until = tsk_mono_ms() + NET_LIMIT_MS;
    while (net_rows(net.nodes[2], TSK_T_MAIL) < 5 && tsk_mono_ms() < until)
        net_turns(&net);
    ck_assert_uint_eq(net_rows(net.nodes[2], TSK_T_MAIL), 5);
    ck_assert_uint_eq(tsk_outbox_waiting(&net.nodes[0]->ctx), 5); /* kept until the recipient itself says so */
    net_stop(&net, 0); /* and off again before the recipient comes */
    net_start(&net, 1);
    net_run(&net, admitted, (&(struct want){1, 15}));
    net_start(&net, 0);
    ck_assert_uint_eq(tsk_outbox_waiting(&net.nodes[0]->ctx), 5);
    net_run(&net, idle, NULL);
    net_run(&net, mailboxes_empty, NULL);
    exactly(1, 15);
    net_end(&net);
}
END_TEST

/* ---- two offices, one gone ---- */
static const struct net_spec two[] = {{"01100-AA", "ipc", {NULL}}, {"01100-BB", NULL, {"01100-P1", "01100-P2"}},
                                      {"01100-P1", "ipc", {NULL}}, {"01100-P2", "ipc", {NULL}}};

START_TEST(two_offices)
{
    net_make(&net, two, 4, false);
    start_all();
    net_send(net.nodes[0], &net.nodes[1]->kid, 7, false, NULL);
    net_run(&net, admitted, (&(struct want){1, 7}));
    net_run(&net, idle, NULL);
    uint64_t until = tsk_mono_ms() + NET_LIMIT_MS;
    while (net.nodes[1]->again < 7 && tsk_mono_ms() < until)
        net_turns(&net); /* the copy from the other office */
    ck_assert_uint_ge(net.nodes[1]->again, 7);
    exactly(1, 7);
    net_end(&net);
}
END_TEST

START_TEST(two_offices_one_gone)
{
    net_make(&net, two, 4, false);
    net_start(&net, 0);
    net_start(&net, 1);
    net_start(&net, 3);
    net_send(net.nodes[0], &net.nodes[1]->kid, 7, false, NULL);
    net_run(&net, admitted, (&(struct want){1, 7}));
    net_run(&net, idle, NULL);
    net_run(&net, drained, &(size_t){1});
    exactly(1, 7);
    net_end(&net);
}
END_TEST

/* An office loses its disk: what it held comes again from the sender, for no receipt came. */
START_TEST(office_loses_its_store)
{
    char db[400], path[512];
    net_make(&net, between, 3, false);
    net_start(&net, 0);
    net_start(&net, 2);
    net_send(net.nodes[0], &net.nodes[1]->kid, 2, false, NULL);
    uint64_t until = tsk_mono_ms() + NET_LIMIT_MS;
    while (net_rows(net.nodes[2], TSK_T_MAIL) < 1 && tsk_mono_ms() < until)
        net_turns(&net);
    net_stop(&net, 2);
    snprintf(db, sizeof db, "%s/db", net.nodes[2]->dir);
    snprintf(path, sizeof path, "%s/data.mdb", db);
    ck_assert_int_eq(unlink(path), 0);
    net_start(&net, 2);
    net_start(&net, 1);
    net_stop(&net, 0);
    net_start(&net, 0); /* what waits is due again at the start; it would be after a minute anyway */
    net_run(&net, admitted, (&(struct want){1, 2}));
    net_run(&net, idle, NULL);
    exactly(1, 2);
    /* and once more, with a recipient that knew the old epoch */
    net_stop(&net, 2);
    ck_assert_int_eq(unlink(path), 0);
    net_start(&net, 2);
    net_send(net.nodes[0], &net.nodes[1]->kid, 2, false, NULL);
    net_run(&net, admitted, (&(struct want){1, 4}));
    net_run(&net, idle, NULL);
    exactly(1, 4);
    net_end(&net);
}
END_TEST

/* ---- ends that go away ---- */
START_TEST(restarts_all_the_way)
{
    net_make(&net, between, 3, false);
    start_all();
    for (size_t round = 0; round < 12; round++) {
        net_send(net.nodes[0], &net.nodes[1]->kid, 4, false, NULL);
        for (size_t turns = 0; turns < 3 + round; turns++)
            net_turns(&net);
        size_t who = round % 3;
        net_stop(&net, who);
        for (size_t turns = 0; turns < 3; turns++)
            net_turns(&net);
        net_start(&net, who);
    }
    net_run(&net, admitted, (&(struct want){1, 48}));
    net_run(&net, idle, NULL);
    exactly(1, 48);
    net_end(&net);
}
END_TEST

START_TEST(office_comes_back)
{
    net_make(&net, direct_ipc, 2, false);
    net_start(&net, 0);
    net_send(net.nodes[0], &net.nodes[1]->kid, 3, false, NULL);
    for (int i = 0; i < 20; i++)
        net_turns(&net);
    struct tsk_batch b;
    struct tsk_peer_state s;
    ck_ok(tsk_batch_begin(&net.nodes[0]->ctx, &b));
    ck_ok(tsk_peer_state(&net.nodes[0]->ctx, &b, &net.nodes[1]->kid, &s));
    ck_ok(tsk_batch_end(&net.nodes[0]->ctx, &b));
    ck_assert_uint_eq(s.waiting, 1);
    ck_assert_uint_eq(s.last_contact, 0);
    ck_assert(!s.connected);
    net_start(&net, 1);
    net_run(&net, idle, NULL);
    exactly(1, 3);
    ck_ok(tsk_batch_begin(&net.nodes[0]->ctx, &b));
    ck_ok(tsk_peer_state(&net.nodes[0]->ctx, &b, &net.nodes[1]->kid, &s));
    ck_ok(tsk_batch_end(&net.nodes[0]->ctx, &b));
    ck_assert_uint_eq(s.waiting, 0);
    ck_assert_uint_ge(s.last_contact, net.from);
    ck_assert_uint_eq(s.roster_seq, 1);
    ck_assert(s.connected);
    ck_ok(tsk_batch_begin(&net.nodes[0]->ctx, &b)); /* what nobody signs can be taken back, and is not for ever */
    for (uint64_t seq = 9; seq >= 3; seq -= 3) {
        ck_ok(tsk_peer_heard(&net.nodes[0]->ctx, &b, &net.nodes[1]->kid, seq));
        ck_ok(tsk_peer_heard(&net.nodes[0]->ctx, &b, &net.nodes[1]->kid, 0));
        ck_ok(tsk_peer_state(&net.nodes[0]->ctx, &b, &net.nodes[1]->kid, &s));
        ck_assert_uint_eq(s.roster_seq, seq);
    }
    tsk_batch_abort(&net.nodes[0]->ctx, &b, TSK_E_RETRY);
    net_end(&net);
}
END_TEST

/* ---- a new roster while parcels wait ---- */
START_TEST(new_post_office_by_roster)
{
    net_make(&net, between, 3, false);
    net_start(&net, 0);
    net_start(&net, 1);
    net_send(net.nodes[0], &net.nodes[1]->kid, 2, false, NULL); /* the office never comes */
    net_url(&net, net.nodes[1], "ipc");
    net.specs[1].posts[0] = "01100-BB";
    net_roster(&net, true);
    for (size_t i = 0; i < 2; i++) {
        struct tsk_ctx *c = &net.nodes[i]->ctx;
        if (i == 1)
            snprintf(c->conf.listen, sizeof c->conf.listen, "%s", net.nodes[1]->url);
        ck_ok(tsk_ctx_reload(c));
        ck_ok(tsk_post_roster(c));
        ck_ok(tsk_post_roster(c)); /* twice is once */
    }
    net_run(&net, admitted, (&(struct want){1, 2}));
    exactly(1, 2);
    net_end(&net);
}
END_TEST

static TCase *direct(void)
{
    TCase *t = tcase_create("direct");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, answered_receipts_go_along);
    tcase_add_test(t, over_ipc);
    tcase_add_test(t, over_tls);
    tcase_add_test(t, tls_strangers);
    tcase_add_test(t, tls_so_many_of_one_address);
    tcase_add_test(t, tls_wrong_name);
    tcase_add_test(t, office_comes_back);
    return t;
}

static TCase *offices(void)
{
    TCase *t = tcase_create("offices");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, office_ipc);
    tcase_add_test(t, office_tls);
    tcase_add_test(t, recipient_off_for_a_while);
    tcase_add_test(t, two_offices);
    tcase_add_test(t, two_offices_one_gone);
    tcase_add_test(t, office_loses_its_store);
    tcase_add_test(t, restarts_all_the_way);
    tcase_add_test(t, new_post_office_by_roster);
    return t;
}

TSK_TEST_MAIN_NOFORK("post", direct, offices)
