/* send.c - the schedule in memory and the puts in flight: which parcel goes to which post office, and when again.
 *
 * An unanswered put is tried again after 1 s, 2 s, 4 s ... up to conf.retry_s, and at once when the connection comes
 * back. A parcel that an office has stored but its owner has not receipted is put again after a minute, doubling to six
 * hours: the office may have lost its disk. Jobs of parcels that were receipted meanwhile find no row and are dropped. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "node/post/inside.h"

#define TRY_MS 1000
#define STORED_MS 60000
#define STORED_MAX_MS (6 * 3600 * 1000)
#define PUT_CAP 1024

/* ---- peers ---- */
static struct tsk_out_peer *peer_find(struct tsk_post *p, const struct tsk_kid *kid)
{
    for (size_t i = 0; i < p->peers_n; i++)
        if (tsk_kid_eq(&p->peers[i].kid, kid))
            return &p->peers[i];
    return NULL;
}

static struct tsk_out_peer *peer_get(struct tsk_post *p, const struct tsk_kid *kid)
{
    struct tsk_out_peer *found = peer_find(p, kid);
    if (found != NULL)
        return found;
    struct tsk_out_peer *more = realloc(p->peers, (p->peers_n + 1) * sizeof *more);
    if (more == NULL)
        return NULL;
    p->peers = more;
    p->peers[p->peers_n] = (struct tsk_out_peer){.kid = *kid};
    return &p->peers[p->peers_n++];
}

/* ---- the schedule ---- */
static bool job_add(struct tsk_office *o, const struct tsk_job *job)
{
    return tsk_heap_push(job->urgent ? &o->urgent : &o->normal, job) == TSK_OK;
}

/* Lost for lack of memory: the row stays, and the next start finds it. */
static void job_lost(const struct tsk_kid *peer)
{
    tsk_log(TSK_LOG_ERROR, "schedule_failed", "peer=%s err=%s", TSK_SHORT(*peer), tsk_err_name(TSK_E_NOMEM));
}

void tsk_schedule_add(struct tsk_ctx *ctx, const struct tsk_kid *peer, uint64_t seq, bool urgent)
{
    struct tsk_post *p = ctx->post;
    struct tsk_out_peer *to = peer_get(p, peer);
    if (to == NULL) {
        job_lost(peer);
        return;
    }
    if (seq < TSK_OUT_UNCOUNTED) {
        to->waiting++;
        p->waiting++;
    }
    struct tsk_job job = {.seq = seq, .peer = (uint32_t)(to - p->peers), .urgent = urgent};
    const struct tsk_entry *e = tsk_member_by_kid(ctx->members, peer, ctx->clock());
    if (e == NULL && to->waiting <= 1) /* once, not for each of many */
        tsk_log(TSK_LOG_WARN, "peer_left", "peer=%s seq=%llu", TSK_SHORT(*peer), (unsigned long long)seq);
    for (size_t i = 0; e != NULL && i < e->m.posts_n; i++) {
        struct tsk_office *o = tsk_office_get(ctx, &e->m.posts[i]);
        if (o == NULL || !job_add(o, &job))
            job_lost(peer);
    }
}

void tsk_schedule_whole(struct tsk_ctx *ctx, const struct tsk_kid *peer)
{
    struct tsk_out_peer *to = peer_find(ctx->post, peer);
    if (to == NULL || to->waiting == 0)
        return;
    to->waiting--;
    ctx->post->waiting--;
}

void tsk_schedule_wake(struct tsk_ctx *ctx, const struct tsk_kid *office)
{
    struct tsk_office *o = tsk_office_find(ctx, office);
    if (o == NULL)
        return;
    tsk_heap_wake(&o->urgent, tsk_mono_ms());
    tsk_heap_wake(&o->normal, tsk_mono_ms());
}

/* Tickets go too: what they were for is scheduled again, and an office knows a parcel that it has by its hash. */
static void schedule_clear(struct tsk_post *p)
{
    for (size_t i = 0; i < p->offices_n; i++) {
        tsk_heap_clear(&p->offices[i]->urgent);
        tsk_heap_clear(&p->offices[i]->normal);
        p->offices[i]->in_flight = 0;
    }
    p->tickets_n = 0;
    p->peers_n = 0;
    p->waiting = 0;
}

enum tsk_err tsk_schedule_load(struct tsk_ctx *ctx, struct tsk_txn *t)
{
    schedule_clear(ctx->post);
    struct tsk_rowkey prefix = tsk_row(TSK_T_OUT);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    struct tsk_out_head h;
    tsk_walk_init(&w, &prefix, NULL);
    enum tsk_err e;
    while ((e = tsk_walk_next(t, &w, &tail, &value)) == TSK_OK) {
        struct tsk_kid peer;
        if (tail.n != sizeof peer.b + 8)
            return TSK_E_BUG;
        memcpy(peer.b, tail.p, sizeof peer.b);
        uint64_t seq = tsk_be64(tail.p + sizeof peer.b);
        TSK_TRY(tsk_out_head_read(value, &h));
        tsk_schedule_add(ctx, &peer, seq, h.urgent);
    }
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

enum tsk_err tsk_outbox_load(struct tsk_ctx *ctx, struct tsk_batch *b)
{
    if (ctx->members != NULL)
        TSK_TRY(tsk_schedule_load(ctx, b->txn));
    ctx->post->loaded = true;
    return TSK_OK;
}

uint64_t tsk_outbox_waiting(const struct tsk_ctx *ctx)
{
    return ctx->post != NULL ? ctx->post->waiting : 0;
}

/* ---- puts in flight ---- */
static enum tsk_err ticket_add(struct tsk_post *p, const struct tsk_kid *office, const struct tsk_job *job,
                               uint64_t *ret_no)
{
    if (p->tickets_n == p->tickets_cap) {
        size_t cap = p->tickets_cap > 0 ? 2 * p->tickets_cap : 16;
        struct tsk_ticket *more = realloc(p->tickets, cap * sizeof *more);
        if (more == NULL)
            return TSK_E_NOMEM;
        p->tickets = more;
        p->tickets_cap = cap;
    }
    *ret_no = ++p->next_ticket;
    p->tickets[p->tickets_n++] = (struct tsk_ticket){*ret_no, *office, *job};
    return TSK_OK;
}

static bool ticket_take(struct tsk_post *p, uint64_t no, struct tsk_ticket *ret_t)
{
    for (size_t i = 0; i < p->tickets_n; i++) {
        if (p->tickets[i].no != no)
            continue;
        *ret_t = p->tickets[i];
        p->tickets[i] = p->tickets[--p->tickets_n];
        return true;
    }
    return false;
}

/* ---- sending ---- */
static bool key_stands(const struct tsk_entry *e, const uint8_t id8[8])
{
    for (size_t i = 0; i < e->m.seal_n; i++)
        if (memcmp(e->m.seal[i].id8, id8, 8) == 0)
            return true;
    return false;
}

/* Only where the peer's key left the roster (or came to it) since the parcel was sealed. */
static enum tsk_err reseal(struct tsk_ctx *ctx, const struct tsk_kid *peer, uint64_t seq, struct tsk_out_head *h)
{
    struct tsk_txn *t = NULL;
    struct tsk_out_body body;
    TSK_TRY(tsk_txn_begin(ctx->store, true, &t));
    enum tsk_err e = tsk_out_body_load(t, peer, seq, &body);
    if (e == TSK_OK) {
        const uint8_t *inner = tsk_keep(t, body.inner.p, body.inner.n);
        e = inner == NULL ? TSK_E_NOMEM
                          : tsk_out_seal(ctx, t, peer, seq, ctx->clock(), (struct tsk_slice){inner, body.inner.n},
                                         body.has_cts, h);
    }
    if (e == TSK_OK)
        return tsk_txn_commit(t);
    tsk_txn_abort(t);
    return e;
}

static enum tsk_err put_sign(struct tsk_ctx *ctx, const struct tsk_office *o, const struct tsk_kid *to,
                             const struct tsk_out_head *h, uint8_t buf[PUT_CAP], struct tsk_slice *ret_put)
{
    struct tsk_put put = {.id = h->put_id, .time = ctx->clock(), .post = o->kid, .to = *to};
    struct tsk_id32 id;
    memcpy(put.parcel_hash, h->hash, sizeof put.parcel_hash);
    return tsk_record_sign(TSK_REC_PUT, &put, ctx->signer, &ctx->members->net, buf, PUT_CAP, ret_put, &id);
}

/* To this node's own post office: through the own queue, so that there is one way in. */
static enum tsk_err put_local(struct tsk_ctx *ctx, const struct tsk_slice parts[2], uint64_t ticket)
{
    size_t cap = parts[0].n + parts[1].n + 32;
    uint8_t *p = malloc(cap);
    struct tsk_msg *m = tsk_wire_msg(TSK_EV_WIRE, NULL, 0);
    struct tsk_cbor_out out;
    struct tsk_slice whole;
    tsk_cbor_out_init(&out, p, p != NULL ? cap : 0);
    tsk_cbor_put_array(&out, 2);
    tsk_cbor_put_bytes(&out, parts[0]);
    tsk_cbor_put_bytes(&out, parts[1]);
    if (p == NULL || m == NULL || tsk_cbor_out_done(&out, &whole) != TSK_OK) {
        free(p);
        free(m);
        return TSK_E_NOMEM;
    }
    m->p = p;
    m->n = whole.n;
    m->num = ticket;
    tsk_queue_push(ctx->queue, m);
    return TSK_OK;
}

static enum tsk_err put_start(struct tsk_ctx *ctx, struct tsk_office *o, const struct tsk_job *job,
                              const struct tsk_slice parts[2])
{
    uint64_t no = 0;
    TSK_TRY(ticket_add(ctx->post, &o->kid, job, &no));
    enum tsk_err e = o->local ? put_local(ctx, parts, no)
                              : tsk_dial_call(o->dial, TSK_EV_PUT_DONE, no, parts, 2, TSK_CALL_LIMIT_MS);
    if (e == TSK_OK)
        o->in_flight++;
    else
        ctx->post->tickets_n--; /* the one just added */
    return e;
}

/* TSK_E_UNKNOWN: there is nothing to send (receipted, or nobody to seal it for); the job is over. */
static enum tsk_err job_send(struct tsk_ctx *ctx, struct tsk_txn *t, struct tsk_office *o, const struct tsk_job *job,
                             const struct tsk_out_head *h)
{
    const struct tsk_kid *peer = &ctx->post->peers[job->peer].kid;
    struct tsk_out_body body;
    uint8_t buf[PUT_CAP];
    struct tsk_slice parts[2];
    TSK_TRY(tsk_out_body_load(t, peer, job->seq, &body));
    if (body.parcel.n == 0)
        return TSK_E_UNKNOWN;
    TSK_TRY(put_sign(ctx, o, peer, h, buf, &parts[0]));
    parts[1] = body.parcel;
    return put_start(ctx, o, job, parts);
}

static enum tsk_err job_run(struct tsk_ctx *ctx, struct tsk_office *o, const struct tsk_job *job)
{
    const struct tsk_kid *peer = &ctx->post->peers[job->peer].kid;
    const struct tsk_entry *e = tsk_member_by_kid(ctx->members, peer, ctx->clock());
    struct tsk_out_head h;
    struct tsk_txn *t = NULL;
    if (e == NULL || !tsk_hosts(e, &o->kid))
        return TSK_E_UNKNOWN;
    TSK_TRY(tsk_txn_begin(ctx->store, false, &t));
    enum tsk_err err = tsk_out_head_load(t, peer, job->seq, &h);
    if (err == TSK_OK && !key_stands(e, h.key_id8)) {
        tsk_txn_abort(t);
        TSK_TRY(reseal(ctx, peer, job->seq, &h));
        TSK_TRY(tsk_txn_begin(ctx->store, false, &t));
    }
    if (err == TSK_OK)
        err = job_send(ctx, t, o, job, &h);
    tsk_txn_abort(t);
    return err;
}

static bool office_free(const struct tsk_office *o)
{
    return o->local ? o->in_flight < TSK_DIAL_PUTS : tsk_dial_free_for(o->dial, TSK_EV_PUT_DONE);
}

/* Urgent first, always: a stop overtakes whatever waits. */
static bool job_next(struct tsk_office *o, uint64_t now_ms, struct tsk_job *ret_job)
{
    if (o->urgent.n > 0 && o->urgent.jobs[0].due_ms <= now_ms)
        return tsk_heap_pop(&o->urgent, ret_job);
    if (o->normal.n > 0 && o->normal.jobs[0].due_ms <= now_ms)
        return tsk_heap_pop(&o->normal, ret_job);
    return false;
}

static void job_again(struct tsk_ctx *ctx, struct tsk_office *o, struct tsk_job job)
{
    uint64_t cap = job.stored ? STORED_MAX_MS : ctx->conf.retry_s * 1000;
    job.due_ms = tsk_mono_ms() + tsk_backoff_ms(job.stored ? STORED_MS : TRY_MS, cap, job.tries);
    job.tries = job.tries < UINT8_MAX ? (uint8_t)(job.tries + 1) : job.tries;
    if (!job_add(o, &job))
        job_lost(&ctx->post->peers[job.peer].kid);
}

void tsk_send_pump(struct tsk_ctx *ctx, struct tsk_office *o)
{
    struct tsk_job job;
    uint64_t now_ms = tsk_mono_ms();
    while (office_free(o) && job_next(o, now_ms, &job)) {
        enum tsk_err e = job_run(ctx, o, &job);
        if (e == TSK_OK || e == TSK_E_UNKNOWN)
            continue;
        tsk_log(TSK_LOG_ERROR, "send_failed", "post=%s err=%s", TSK_SHORT(o->kid), tsk_err_name(e));
        job_again(ctx, o, job);
    }
}

uint64_t tsk_send_due(const struct tsk_office *o)
{
    uint64_t urgent = o->urgent.n > 0 ? o->urgent.jobs[0].due_ms : UINT64_MAX;
    uint64_t normal = o->normal.n > 0 ? o->normal.jobs[0].due_ms : UINT64_MAX;
    if (!office_free(o))
        return UINT64_MAX; /* an answer will wake the loop */
    return urgent < normal ? urgent : normal;
}

/* ---- answers ---- */
static enum tsk_err put_stored(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_ticket *k,
                               uint64_t roster_seq)
{
    struct tsk_office *o = tsk_office_find(ctx, &k->office);
    struct tsk_job job = k->job;
    TSK_TRY(tsk_peer_heard(ctx, b, &k->office, roster_seq));
    if (job.seq >= TSK_OUT_UNCOUNTED)
        return tsk_out_gone(ctx, b, &ctx->post->peers[job.peer].kid, job.seq);
    job.tries = job.stored ? job.tries : 0;
    job.stored = true;
    if (o != NULL)
        job_again(ctx, o, job);
    return TSK_OK;
}

enum tsk_err tsk_put_answered(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m)
{
    struct tsk_ticket k;
    struct tsk_reply r = {.code = tsk_err_wire(TSK_E_RETRY)};
    if (!ticket_take(ctx->post, m->num, &k))
        return TSK_OK;
    struct tsk_office *o = tsk_office_find(ctx, &k.office);
    if (o != NULL && o->in_flight > 0)
        o->in_flight--;
    if (m->n > 0 && tsk_rec_decode(TSK_REC_REPLY, (struct tsk_slice){m->p, m->n}, &r) != TSK_OK)
        r.code = tsk_err_wire(TSK_E_MALFORMED);
    if (m->n > 0 && r.code == 0)
        return put_stored(ctx, b, &k, r.roster_seq);
    tsk_log(TSK_LOG_WARN, "put_refused", "post=%s peer=%s err=%s answered=%d", TSK_SHORT(k.office),
            TSK_SHORT(ctx->post->peers[k.job.peer].kid), tsk_err_name(tsk_err_from_wire((unsigned)r.code)), m->n > 0);
    k.job.stored = false;
    if (o != NULL)
        job_again(ctx, o, k.job);
    return TSK_OK;
}
