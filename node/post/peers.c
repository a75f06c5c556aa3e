/* peers.c - whom this node talks to: post offices (dialed on first need) and the PEER rows. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "crypto/hash.h"
#include "crypto/tls.h"
#include "node/post/inside.h"

#define CONTACT_EVERY_S 60
#define PEER_ROW_CAP 128
#define SPARE_CONNECTIONS 64 /* beyond one for each member: old ones that nobody has closed yet */

bool tsk_hosts(const struct tsk_entry *owner, const struct tsk_kid *office)
{
    for (size_t i = 0; i < owner->m.posts_n; i++)
        if (tsk_kid_eq(&owner->m.posts[i], office))
            return true;
    return false;
}

/* ---- PEER rows ---- */
static struct tsk_rowkey peer_key(const struct tsk_kid *peer)
{
    struct tsk_rowkey k = tsk_row(TSK_T_PEER);
    tsk_row_bytes(&k, peer->b, sizeof peer->b);
    return k;
}

enum tsk_err tsk_peer_load(struct tsk_txn *t, const struct tsk_kid *peer, struct tsk_peer_row *ret_row)
{
    struct tsk_rowkey k = peer_key(peer);
    struct tsk_slice v;
    enum tsk_err e = tsk_get(t, &k, &v);
    if (e == TSK_E_UNKNOWN) {
        *ret_row = (struct tsk_peer_row){.out_next = 1, .in_floor = 1};
        return TSK_OK;
    }
    TSK_TRY(e);
    struct tsk_peer_row row = {0};
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, v);
    if (tsk_cbor_array(&in) != 7)
        tsk_cbor_fail(&in, TSK_E_BUG);
    row.out_next = tsk_cbor_uint(&in);
    struct tsk_slice prev = tsk_cbor_bytes(&in);
    row.in_high = tsk_cbor_uint(&in);
    row.in_floor = tsk_cbor_uint(&in);
    row.contact_at = tsk_cbor_uint(&in);
    row.roster_seq = tsk_cbor_uint(&in);
    row.in_forgot = tsk_cbor_uint(&in);
    if (tsk_cbor_done(&in) != TSK_OK || prev.n != sizeof row.out_prev.b)
        return TSK_E_BUG;
    memcpy(row.out_prev.b, prev.p, prev.n);
    *ret_row = row;
    return TSK_OK;
}

enum tsk_err tsk_peer_save(struct tsk_txn *t, const struct tsk_kid *peer, const struct tsk_peer_row *row)
{
    uint8_t buf[PEER_ROW_CAP];
    struct tsk_cbor_out out;
    struct tsk_slice v;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_array(&out, 7);
    tsk_cbor_put_uint(&out, row->out_next);
    tsk_cbor_put_bytes(&out, TSK_SLICE(row->out_prev.b));
    tsk_cbor_put_uint(&out, row->in_high);
    tsk_cbor_put_uint(&out, row->in_floor);
    tsk_cbor_put_uint(&out, row->contact_at);
    tsk_cbor_put_uint(&out, row->roster_seq);
    tsk_cbor_put_uint(&out, row->in_forgot);
    TSK_TRY(tsk_cbor_out_done(&out, &v));
    struct tsk_rowkey k = peer_key(peer);
    return tsk_put(t, &k, v);
}

static uint64_t opened_at(const struct tsk_ctx *ctx)
{
    return ctx->post != NULL ? ctx->post->opened_at : 0;
}

bool tsk_peer_settled(const struct tsk_ctx *ctx, const struct tsk_peer_row *row, uint64_t now)
{
    uint64_t since = opened_at(ctx);
    return row->contact_at >= since || now >= since + TSK_SETTLE_S;
}

enum tsk_err tsk_peer_heard(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer, uint64_t roster_seq)
{
    struct tsk_peer_row row;
    TSK_TRY(tsk_peer_load(b->txn, peer, &row));
    if (b->now < row.contact_at + CONTACT_EVERY_S && b->now >= row.contact_at && row.contact_at >= opened_at(ctx) &&
        (roster_seq == 0 || roster_seq == row.roster_seq))
        return TSK_OK;
    row.contact_at = b->now;
    row.roster_seq = roster_seq != 0 ? roster_seq : row.roster_seq; /* the last, not the highest: nobody signs it */
    return tsk_peer_save(b->txn, peer, &row);
}

/* ---- post offices ---- */
struct tsk_office *tsk_office_find(struct tsk_ctx *ctx, const struct tsk_kid *kid)
{
    for (size_t i = 0; i < ctx->post->offices_n; i++)
        if (tsk_kid_eq(&ctx->post->offices[i]->kid, kid))
            return ctx->post->offices[i];
    return NULL;
}

static struct tsk_office *office_add(struct tsk_post *p, const struct tsk_kid *kid)
{
    size_t n = p->offices_n + 1;
    struct tsk_office **more = realloc(p->offices, n * sizeof *more); // NOLINT(bugprone-sizeof-expression) - pointers
    if (more == NULL)
        return NULL;
    p->offices = more;
    struct tsk_office *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->kid = *kid;
    p->offices[p->offices_n++] = o;
    return o;
}

/* What a dial depends on; when it changes the dial is made anew. */
static enum tsk_err dial_hash(const char *url, const struct tsk_wire_tls *tls, uint8_t ret_h[32])
{
    struct tsk_slice parts[] = {{(const uint8_t *)url, strlen(url) + 1}, tls->ca, tls->cert};
    return tsk_sha256(parts, 3, ret_h);
}

static enum tsk_err office_dial(struct tsk_ctx *ctx, struct tsk_office *o, const struct tsk_entry *e)
{
    const struct tsk_entry *self = tsk_self_entry(ctx);
    if (e == NULL || e->url == NULL || self == NULL) {
        tsk_dial_free(o->dial);
        o->dial = NULL;
        tsk_log(TSK_LOG_WARN, "post_unreachable", "post=%s why=no_url", TSK_SHORT(o->kid));
        return TSK_OK;
    }
    char dns[64];
    uint8_t hash[32];
    tsk_tls_dns(e->m.partner, dns);
    struct tsk_wire_tls tls = {.ca = ctx->members->r.tls_ca, .cert = self->m.tls_cert, .server_name = dns,
                               .key = {ctx->keys->tls_key, ctx->keys->tls_key_n}};
    TSK_TRY(dial_hash(e->url, &tls, hash));
    if (o->dial != NULL && memcmp(hash, o->dialed, sizeof hash) == 0)
        return TSK_OK;
    tsk_dial_free(o->dial);
    o->dial = NULL;
    bool ipc = strncmp(e->url, "ipc://", 6) == 0;
    TSK_TRY(tsk_dial_new(ctx->queue, &o->kid, e->url, ipc ? NULL : &tls, ctx->conf.retry_s * 1000, &o->dial));
    memcpy(o->dialed, hash, sizeof hash);
    return tsk_dial_start(o->dial);
}

struct tsk_office *tsk_office_get(struct tsk_ctx *ctx, const struct tsk_kid *kid)
{
    struct tsk_office *o = tsk_office_find(ctx, kid);
    if (o != NULL)
        return o;
    o = office_add(ctx->post, kid);
    if (o == NULL)
        return NULL;
    o->local = tsk_kid_eq(kid, tsk_self(ctx));
    if (!o->local && office_dial(ctx, o, tsk_member_by_kid(ctx->members, kid, ctx->clock())) != TSK_OK)
        tsk_log(TSK_LOG_WARN, "post_unreachable", "post=%s why=dial", TSK_SHORT(*kid));
    return o;
}

bool tsk_office_up(const struct tsk_office *o)
{
    return o->local || (o->dial != NULL && tsk_dial_up(o->dial));
}

/* ---- the roster ---- */
static enum tsk_err listen_hash(const struct tsk_ctx *ctx, const struct tsk_wire_tls *tls, uint8_t ret_h[32])
{
    return dial_hash(ctx->conf.listen, tls, ret_h);
}

/* Half of the descriptors; the other half is for staff, the store, and the offices that this node dials. */
static size_t connections_max(const struct tsk_ctx *ctx)
{
    struct rlimit l = {.rlim_cur = 1024};
    size_t wanted = ctx->members->n + SPARE_CONNECTIONS;
    (void)getrlimit(RLIMIT_NOFILE, &l);
    return l.rlim_cur / 2 < wanted ? (size_t)l.rlim_cur / 2 : wanted;
}

static void limit_peers(struct tsk_ctx *ctx)
{
    tsk_server_limit(ctx->post->peers_server, ctx->conf.address_max, connections_max(ctx));
}

static enum tsk_err listen_peers(struct tsk_ctx *ctx)
{
    const struct tsk_entry *self = tsk_self_entry(ctx);
    struct tsk_post *p = ctx->post;
    if (ctx->conf.listen[0] == 0 || self == NULL)
        return TSK_OK;
    struct tsk_wire_tls tls = {.ca = ctx->members->r.tls_ca, .cert = self->m.tls_cert,
                               .key = {ctx->keys->tls_key, ctx->keys->tls_key_n}};
    uint8_t hash[32];
    TSK_TRY(listen_hash(ctx, &tls, hash));
    TSK_TRY(tsk_server_grow(p->peers_server, TSK_PEER_POOL + ctx->members->n));
    limit_peers(ctx);
    if (memcmp(hash, p->listening, sizeof hash) == 0)
        return TSK_OK;
    TSK_TRY(tsk_server_listen(p->peers_server, ctx->conf.listen, &tls, 0660));
    memcpy(p->listening, hash, sizeof hash);
    tsk_log(TSK_LOG_INFO, "listening", "roster=%llu connections=%zu", (unsigned long long)ctx->members->r.seq,
            connections_max(ctx));
    return TSK_OK;
}

static enum tsk_err buckets_new(struct tsk_ctx *ctx)
{
    struct tsk_bucket *more = calloc(ctx->members->n + 1, sizeof *more);
    if (more == NULL)
        return TSK_E_NOMEM;
    for (size_t i = 0; i < ctx->members->n; i++)
        more[i] = (struct tsk_bucket){.tokens_milli = ctx->conf.mailbox_rate * 1000, .at_ms = tsk_mono_ms()};
    free(ctx->post->buckets);
    ctx->post->buckets = more;
    ctx->post->buckets_n = ctx->members->n;
    return TSK_OK;
}

static enum tsk_err own_offices(struct tsk_ctx *ctx)
{
    const struct tsk_entry *self = tsk_self_entry(ctx);
    for (size_t i = 0; i < ctx->post->offices_n; i++)
        ctx->post->offices[i]->own = false;
    for (size_t i = 0; self != NULL && i < self->m.posts_n; i++) {
        struct tsk_office *o = tsk_office_get(ctx, &self->m.posts[i]);
        if (o == NULL)
            return TSK_E_NOMEM;
        o->own = !o->local;
    }
    return TSK_OK;
}

static enum tsk_err schedule_again(struct tsk_ctx *ctx)
{
    struct tsk_txn *t = NULL;
    TSK_TRY(tsk_txn_begin(ctx->store, false, &t));
    enum tsk_err e = tsk_schedule_load(ctx, t);
    tsk_txn_abort(t);
    return e;
}

enum tsk_err tsk_post_roster(struct tsk_ctx *ctx)
{
    struct tsk_post *p = ctx->post;
    if (ctx->members == NULL || memcmp(p->roster_id.b, ctx->members->id.b, sizeof p->roster_id.b) == 0)
        return TSK_OK;
    TSK_TRY(buckets_new(ctx));
    TSK_TRY(listen_peers(ctx));
    for (size_t i = 0; i < p->offices_n; i++)
        if (!p->offices[i]->local)
            TSK_TRY(office_dial(ctx, p->offices[i], tsk_member_by_kid(ctx->members, &p->offices[i]->kid, ctx->clock())));
    TSK_TRY(own_offices(ctx));
    if (p->loaded)
        TSK_TRY(schedule_again(ctx));
    p->roster_id = ctx->members->id;
    return TSK_OK;
}

/* ---- what the board sees ---- */
static uint64_t waiting_for(const struct tsk_post *p, const struct tsk_kid *peer)
{
    for (size_t i = 0; i < p->peers_n; i++)
        if (tsk_kid_eq(&p->peers[i].kid, peer))
            return p->peers[i].waiting;
    return 0;
}

enum tsk_err tsk_peer_state(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer,
                            struct tsk_peer_state *ret_s)
{
    struct tsk_peer_row row;
    TSK_TRY(tsk_peer_load(b->txn, peer, &row));
    struct tsk_peer_state s = {.last_contact = row.contact_at, .roster_seq = row.roster_seq,
                               .waiting = waiting_for(ctx->post, peer)};
    const struct tsk_entry *e = ctx->members != NULL ? tsk_member_by_kid(ctx->members, peer, b->now) : NULL;
    for (size_t i = 0; e != NULL && i < e->m.posts_n; i++) {
        struct tsk_office *o = tsk_office_find(ctx, &e->m.posts[i]);
        s.connected = s.connected || (o != NULL && tsk_office_up(o));
    }
    *ret_s = s;
    return TSK_OK;
}
