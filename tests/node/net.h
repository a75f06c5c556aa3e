/* net.h - a small network for tests: a root, a roster, nodes with real folders, keys, stores and (if wanted) TLS.
 *
 *   struct net net;                               one at a time
 *   net_make(&net, specs, n, tls);                folders under $TMPDIR, roster 1 installed everywhere
 *   net_open(&net, i);                            tsk_ctx_open: no sockets;  net_start(&net, i): and the post
 *   net_run(&net, cond, arg);                     turns the loops of all open nodes until cond, at most 20 s
 *   net_end(&net);                                closes and removes everything
 *
 * The clock is net_clock: the real one plus net_skew_s. Every node admits with net_admit, which knows two things: a
 * receipt goes to the outbox; any other record of a member is stored once (RECORD_ID) and counted. Programs that use
 * this run unforked. */
#ifndef TSK_TESTS_NODE_NET_H
#define TSK_TESTS_NODE_NET_H

#include <arpa/inet.h>
#include <check.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/keyfile.h"
#include "crypto/sign.h"
#include "crypto/tls.h"
#include "node/core/log.h"
#include "node/post/post.h"
#include "tests/check.h"

#define NET_MAX 8
#define NET_LIMIT_MS 20000

struct net_spec {
    const char *partner;
    const char *url;      /* "ipc" or "tls": made up; NULL: only dials out */
    const char *posts[2]; /* partner ids; none: itself */
};

struct net_node {
    struct tsk_ctx ctx; /* first, so that a ctx is its node */
    bool open;
    char dir[256], partner[TSK_PARTNER_ID_CAP], url[TSK_URL_MAX];
    struct tsk_node_keys *keys;
    struct tsk_kid kid;
    struct tsk_pk pk;
    uint8_t cert[TSK_DER_MAX];
    size_t cert_n;
    uint64_t admitted, again, receipts, refused; /* counted by net_admit; those of a batch that failed stay counted */
    struct tsk_id32 order[256];                  /* first admissions in their order */
    enum tsk_err (*verdict)(struct net_node *node, const struct tsk_envelope *env); /* NULL: TSK_OK */
    enum tsk_err batch_err;                      /* of the last batch that failed */
    void (*control)(struct net_node *node, struct tsk_msg *m);
};

struct net {
    char dir[128];
    struct net_spec specs[NET_MAX];
    struct net_node *nodes[NET_MAX];
    size_t n;
    bool tls;
    struct tsk_signer_key *root;
    uint8_t ca_key[2048], ca[2048];
    size_t ca_key_n, ca_n;
    uint64_t seq;
    struct tsk_id16 net;
    struct tsk_id32 prev;
    uint8_t *roster; /* as installed last */
    size_t roster_n;
    uint64_t from;
};

static int64_t net_skew_s __attribute__((unused));

static inline uint64_t net_clock(void)
{
    return (uint64_t)((int64_t)tsk_wall_s() + net_skew_s);
}

/* ---- admitting ---- */
static inline enum tsk_err net_receipt(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_envelope *env)
{
    struct tsk_receipt r;
    TSK_TRY(tsk_rec_decode(TSK_REC_RECEIPT, env->payload, &r));
    for (size_t i = 0; i < r.lines_n; i++) {
        bool known = false;
        TSK_TRY(tsk_outbox_receipted(ctx, b, &env->kid, &r.lines[i].id, &known));
    }
    ((struct net_node *)ctx)->receipts++;
    return TSK_OK;
}

static inline enum tsk_err net_store(struct net_node *node, struct tsk_batch *b, const struct tsk_id32 *id)
{
    struct tsk_rowkey k = tsk_row(TSK_T_RECORD_ID);
    tsk_row_bytes(&k, id->b, sizeof id->b);
    if (tsk_has(b->txn, &k)) {
        node->again++;
        return TSK_OK;
    }
    node->order[node->admitted++ % 256] = *id;
    return tsk_put_u64(b->txn, &k, 1);
}

static inline enum tsk_err net_admit(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in,
                                     struct tsk_id32 *ret_id, bool *ret_is_receipt)
{
    struct net_node *node = (struct net_node *)ctx;
    struct tsk_envelope env;
    TSK_TRY(tsk_cose_parse(in->bytes, &env));
    const struct tsk_entry *e = tsk_member_by_kid(ctx->members, &env.kid, b->now);
    if (e == NULL)
        return TSK_E_UNKNOWNPEER;
    TSK_TRY(tsk_record_verify(&env, e->verifier, &ctx->members->net));
    TSK_TRY(tsk_record_id(&env, &ctx->members->net, ret_id));
    enum tsk_err verdict = node->verdict != NULL ? node->verdict(node, &env) : TSK_OK;
    if (verdict != TSK_OK) {
        node->refused++;
        return verdict;
    }
    *ret_is_receipt = env.rec == TSK_REC_RECEIPT;
    return *ret_is_receipt ? net_receipt(ctx, b, &env) : net_store(node, b, ret_id);
}

/* ---- making ---- */
static inline struct net_node *net_node(struct net *net, const char *partner)
{
    for (size_t i = 0; i < net->n; i++)
        if (strcmp(net->nodes[i]->partner, partner) == 0)
            return net->nodes[i];
    ck_abort_msg("no node %s", partner);
    return NULL;
}

static inline void net_file(const char *dir, const char *name, struct tsk_slice bytes)
{
    char path[TSK_PATH_CAP];
    ck_ok(tsk_path(dir, name, path));
    ck_ok(tsk_file_write(path, bytes, 0600));
}

static inline unsigned net_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void net_url(struct net *net, struct net_node *node, const char *kind)
{
    if (kind == NULL)
        node->url[0] = 0;
    else if (strcmp(kind, "ipc") == 0)
        snprintf(node->url, sizeof node->url, "ipc://%s/%s.sock", net->dir, node->partner);
    else
        snprintf(node->url, sizeof node->url, "tls+tcp://127.0.0.1:%u", net_port());
}

static inline void net_certify(struct net *net, struct net_node *node)
{
    uint8_t csr[2048];
    char dns[64];
    struct tsk_slice req, cert;
    struct tsk_slice key = {node->keys->tls_key, node->keys->tls_key_n};
    tsk_tls_dns(node->partner, dns);
    ck_ok(tsk_tls_csr(key, dns, csr, sizeof csr, &req));
    ck_ok(tsk_tls_issue((struct tsk_slice){net->ca_key, net->ca_key_n}, (struct tsk_slice){net->ca, net->ca_n}, req, dns,
                        net->from, net->from + 86400, node->cert, sizeof node->cert, &cert));
    node->cert_n = cert.n;
}

static inline void net_keys(struct net_node *node)
{
    uint8_t unlock[32], buf[TSK_KEYFILE_CAP];
    struct tsk_slice bytes;
    struct tsk_signer_key *signer;
    ck_ok(tsk_node_keys_new(2026, &node->keys));
    tsk_random(unlock, sizeof unlock);
    ck_ok(tsk_keyfile_seal(node->keys, TSK_SLICE(unlock), buf, sizeof buf, &bytes));
    net_file(node->dir, "unlock", TSK_SLICE(unlock));
    net_file(node->dir, "keys", bytes);
    ck_ok(tsk_signer_new(node->keys->sign_seed.b, &signer));
    node->pk = *tsk_signer_pk(signer);
    node->kid = *tsk_signer_kid(signer);
    tsk_signer_free(signer);
}

static inline void net_node_make(struct net *net, size_t i)
{
    struct net_node *node = calloc(1, sizeof *node);
    struct tsk_conf conf;
    net->nodes[i] = node;
    snprintf(node->partner, sizeof node->partner, "%s", net->specs[i].partner);
    snprintf(node->dir, sizeof node->dir, "%s/%s", net->dir, node->partner);
    ck_ok(tsk_folder_new(node->dir));
    net_url(net, node, net->specs[i].url);
    net_keys(node);
    if (net->tls)
        net_certify(net, node);
    tsk_conf_defaults(&conf);
    snprintf(conf.partner, sizeof conf.partner, "%s", node->partner);
    snprintf(conf.listen, sizeof conf.listen, "%s", node->url);
    conf.retry_s = 1;
    conf.map_gb = 1; /* valgrind has 128 GiB of addresses for all nodes */
    ck_ok(tsk_conf_write(node->dir, &conf));
}

static inline int net_by_id8(const void *a, const void *b)
{
    const struct tsk_seal_key *x = a, *y = b;
    return x->year < y->year ? -1 : x->year > y->year ? 1 : memcmp(x->id8, y->id8, 8);
}

static inline void net_member(struct net *net, size_t i, struct tsk_cbor_out *out)
{
    const struct net_node *node = net->nodes[i];
    struct tsk_member m = {.kid = node->kid, .sign_pk = node->pk, .seal_n = node->keys->seal_n, .from = net->from,
                           .tls_cert = {node->cert, node->cert_n},
                           .roles = TSK_ROLE_SENDER | TSK_ROLE_RECIPIENT | TSK_ROLE_POSTOFFICE};
    uint8_t url[TSK_URL_MAX + 8];
    struct tsk_cbor_out urls;
    memcpy(m.partner, node->partner, sizeof m.partner);
    for (size_t k = 0; k < m.seal_n; k++) {
        m.seal[k] = (struct tsk_seal_key){.year = node->keys->seal[k].year, .pk = node->keys->seal[k].pk};
        memcpy(m.seal[k].id8, node->keys->seal[k].id8, 8);
    }
    qsort(m.seal, m.seal_n, sizeof m.seal[0], net_by_id8);
    for (size_t k = 0; k < 2 && net->specs[i].posts[k] != NULL; k++)
        m.posts[m.posts_n++] = net_node(net, net->specs[i].posts[k])->kid;
    if (m.posts_n == 0)
        m.posts[m.posts_n++] = node->kid;
    tsk_cbor_out_init(&urls, url, sizeof url);
    if (node->url[0] != 0) {
        tsk_cbor_put_str(&urls, node->url);
        m.urls = (struct tsk_seq){{url, urls.n}, 1};
    }
    ck_ok(tsk_member_encode(out, &m));
}

static inline void net_partner(const struct net_node *node, struct tsk_cbor_out *out)
{
    struct tsk_partner p = {.type = tsk_code("T01"), .name = {(const uint8_t *)"TEST", 4}, .flags = 2};
    memcpy(p.id, node->partner, sizeof p.id);
    ck_ok(tsk_partner_encode(out, &p));
}

/* Signs the roster that follows, from the specs and nodes as they are; `install`: at every node's folder. */
static inline void net_roster(struct net *net, bool install)
{
    static uint8_t members[65536], partners[8192], payload[131072], bytes[140000];
    struct tsk_cbor_out mo, po;
    struct tsk_roster r = {.net = net->net, .seq = net->seq + 1, .prev = net->prev, .time = net->from,
                           .valid_until = net->from + TSK_ROSTER_LIFE_S, .name = {(const uint8_t *)"net", 3},
                           .roots = {*tsk_signer_pk(net->root)}, .roots_n = 1, .threshold = 1,
                           .tls_ca = {net->ca, net->ca_n}, .min_suite = 1, .min_mode = 1, .policy = 1};
    tsk_cbor_out_init(&mo, members, sizeof members);
    tsk_cbor_out_init(&po, partners, sizeof partners);
    for (size_t i = 0; i < net->n; i++) {
        net_member(net, i, &mo);
        net_partner(net->nodes[i], &po);
    }
    r.members = (struct tsk_seq){{members, mo.n}, net->n};
    r.partners = (struct tsk_seq){{partners, po.n}, net->n};
    struct tsk_slice p, whole;
    struct tsk_roster_sig sig;
    ck_ok(tsk_rec_encode(TSK_REC_ROSTER, &r, payload, sizeof payload, &p));
    ck_ok(tsk_roster_sign(p, net->root, &sig));
    ck_ok(tsk_roster_join(p, &sig, 1, bytes, sizeof bytes, &whole));
    if (net->seq == 0)
        ck_ok(tsk_net_of(p, &net->net));
    ck_ok(tsk_roster_id(p, &net->prev));
    net->seq++;
    net->roster = bytes;
    net->roster_n = whole.n;
    for (size_t i = 0; i < net->n && install; i++)
        ck_ok(tsk_roster_install(net->nodes[i]->dir, whole, NULL));
}

static inline void net_authority(struct net *net, bool tls)
{
    uint8_t seed[32];
    struct tsk_slice key, ca;
    tsk_random(seed, sizeof seed);
    ck_ok(tsk_signer_new(seed, &net->root));
    net->tls = tls;
    if (!tls)
        return;
    ck_ok(tsk_tls_key_new(net->ca_key, sizeof net->ca_key, &key));
    net->ca_key_n = key.n;
    ck_ok(tsk_tls_ca_new(key, "tasuki test", net->from, net->from + 86400, net->ca, sizeof net->ca, &ca));
    net->ca_n = ca.n;
}

static inline void net_make(struct net *net, const struct net_spec *specs, size_t n, bool tls)
{
    const char *base = getenv("TMPDIR");
    memset(net, 0, sizeof *net);
    net_skew_s = 0;
    tsk_log_level(getenv("NET_LOG") != NULL ? TSK_LOG_DEBUG : TSK_LOG_ERROR);
    ck_ok(tsk_crypto_init());
    snprintf(net->dir, sizeof net->dir, "%s/net.XXXXXX", base != NULL && strlen(base) < 40 ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(net->dir));
    net->from = tsk_wall_s() - 3600;
    net->n = n;
    memcpy(net->specs, specs, n * sizeof *specs);
    net_authority(net, tls);
    for (size_t i = 0; i < n; i++)
        net_node_make(net, i);
    net_roster(net, true);
}

/* ---- life ---- */
static inline struct net_node *net_open(struct net *net, size_t i)
{
    struct net_node *node = net->nodes[i];
    ck_ok(tsk_ctx_open(node->dir, NULL, &node->ctx));
    node->ctx.clock = net_clock;
    node->ctx.admit = net_admit;
    node->open = true;
    return node;
}

static inline struct net_node *net_start(struct net *net, size_t i)
{
    struct net_node *node = net_open(net, i);
    struct tsk_batch b;
    ck_ok(tsk_post_open(&node->ctx));
    ck_ok(tsk_batch_begin(&node->ctx, &b));
    ck_ok(tsk_outbox_load(&node->ctx, &b));
    ck_ok(tsk_batch_end(&node->ctx, &b));
    tsk_post_pump(&node->ctx);
    return node;
}

static inline void net_stop(struct net *net, size_t i)
{
    struct net_node *node = net->nodes[i];
    if (!node->open)
        return;
    tsk_post_close(&node->ctx);
    tsk_ctx_close(&node->ctx);
    node->open = false;
}

static inline int net_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void net_end(struct net *net)
{
    for (size_t i = 0; i < net->n; i++) {
        net_stop(net, i);
        tsk_node_keys_free(net->nodes[i]->keys);
        free(net->nodes[i]);
    }
    tsk_signer_free(net->root);
    nftw(net->dir, net_unlink, 16, FTW_DEPTH | FTW_PHYS);
    memset(net, 0, sizeof *net);
}

/* ---- the loop of a node, one turn ---- */
static inline void net_events(struct net_node *node, struct tsk_batch *b, struct tsk_msg *m)
{
    if (m->kind == TSK_EV_CONTROL) {
        if (node->control != NULL)
            node->control(node, m);
        return;
    }
    ck_ok(tsk_batch_save(b));
    enum tsk_err e = tsk_post_event(&node->ctx, b, m);
    if (e == TSK_OK) {
        ck_ok(tsk_batch_keep(b));
        return;
    }
    node->batch_err = e;
    tsk_batch_undo(b);
}

static inline size_t net_turn(struct net_node *node, uint64_t wait_ms)
{
    size_t n = 0;
    struct tsk_batch b;
    struct tsk_msg *m = tsk_queue_take(node->ctx.queue, wait_ms, &n);
    if (m != NULL) {
        ck_ok(tsk_batch_begin(&node->ctx, &b));
        while (m != NULL) {
            struct tsk_msg *next = m->next;
            net_events(node, &b, m);
            tsk_msg_free(m);
            m = next;
        }
        enum tsk_err e = tsk_batch_end(&node->ctx, &b);
        node->batch_err = e != TSK_OK ? e : node->batch_err;
    }
    tsk_post_pump(&node->ctx);
    return n;
}

static inline void net_turns(struct net *net)
{
    for (size_t i = 0; i < net->n; i++)
        if (net->nodes[i]->open)
            net_turn(net->nodes[i], 1);
}

typedef bool net_cond(struct net *net, void *arg);

static inline bool net_try(struct net *net, net_cond *cond, void *arg, uint64_t limit_ms)
{
    uint64_t until = tsk_mono_ms() + limit_ms;
    while (!cond(net, arg)) {
        if (tsk_mono_ms() > until)
            return false;
        net_turns(net);
    }
    return true;
}

#define net_run(net, cond, arg) ck_assert_msg(net_try(net, cond, arg, NET_LIMIT_MS), "not reached: %s", #cond)

/* ---- records ---- */
/* A signed record of the node (a cosign over nothing), as something to send. */
static inline struct tsk_outgoing net_record(struct net_node *node, const struct tsk_kid *to, uint8_t buf[2048])
{
    struct tsk_cosign c = {.role = TSK_COSIGN_CAPTURE, .time = net_clock()};
    struct tsk_outgoing o = {.to = *to};
    tsk_random(c.id.b, sizeof c.id.b);
    tsk_random(c.target.b, sizeof c.target.b);
    ck_ok(tsk_record_sign(TSK_REC_COSIGN, &c, node->ctx.signer, &node->ctx.members->net, buf, 2048, &o.record, &o.id));
    return o;
}

/* Sends `n` records in a batch of its own; `ret_last` may be NULL. */
static inline void net_send(struct net_node *node, const struct tsk_kid *to, size_t n, bool urgent,
                            struct tsk_id32 *ret_last)
{
    uint8_t buf[2048];
    struct tsk_batch b;
    ck_ok(tsk_batch_begin(&node->ctx, &b));
    for (size_t i = 0; i < n; i++) {
        struct tsk_outgoing o = net_record(node, to, buf);
        o.urgent = urgent;
        ck_ok(tsk_batch_send(&b, &o));
        if (ret_last != NULL)
            *ret_last = o.id;
    }
    ck_ok(tsk_batch_end(&node->ctx, &b));
    tsk_post_pump(&node->ctx);
}

static inline uint64_t net_rows(struct net_node *node, enum tsk_table table)
{
    struct tsk_txn *t;
    uint64_t n = 0;
    struct tsk_rowkey prefix = tsk_row(table);
    ck_ok(tsk_txn_begin(node->ctx.store, false, &t));
    ck_ok(tsk_count(t, &prefix, &n));
    tsk_txn_abort(t);
    return n;
}

#endif
