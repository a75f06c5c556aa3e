/* loop.c - the writer thread: takes what has come in, runs it in one batch, commits, lets the effects go.
 *
 * One batch is one transaction and one fdatasync, whatever it holds. Alone, an event is committed at once; under load the
 * loop waits commit_gap_ms between two commits, so that batches fill by themselves.
 *
 * Within a batch, what came from outside is handled before what staff ask: a stop that has arrived wins over an opening
 * that was asked for at the same moment.
 *
 * A fault of ours (class LOCAL) must cost nobody else anything: the batch is given up unseen - no effect runs, so every
 * request can still be answered - and its events are run again one by one. Only the one that fails again is told.
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "node/core/log.h"
#include "node/desk/verb.h"

#define TICK_MS 30000

struct loop {
    struct tsk_ctx *ctx;
    uint64_t ended_ms;   /* when the last batch ended */
    size_t ended_n;      /* and how many events it held */
    uint64_t tick_ms;    /* when timers are looked at again */
};

/* ---- reload ---- */
static bool same_until_restart(const struct tsk_conf *a, const struct tsk_conf *b)
{
    return strcmp(a->partner, b->partner) == 0 && strcmp(a->listen, b->listen) == 0 && a->map_gb == b->map_gb &&
           a->address_max == b->address_max;
}

static enum tsk_err reload_conf(struct tsk_ctx *ctx)
{
    struct tsk_conf next;
    unsigned line = 0;
    enum tsk_err e = tsk_conf_read(ctx->dir, &next, &line);
    if (e != TSK_OK) {
        tsk_log(TSK_LOG_ERROR, "conf_refused", "line=%u err=%s", line, tsk_err_name(e));
        return e;
    }
    if (!same_until_restart(&ctx->conf, &next))
        tsk_log(TSK_LOG_WARN, "restart_needed", "why=partner,listen,map_gb,address_max");
    ctx->conf.log_level = next.log_level;
    ctx->conf.commit_gap_ms = next.commit_gap_ms;
    ctx->conf.mailbox_mb = next.mailbox_mb;
    ctx->conf.mailbox_rate = next.mailbox_rate;
    ctx->conf.retry_s = next.retry_s;
    tsk_log_level((enum tsk_level)next.log_level);
    return TSK_OK;
}

enum tsk_err tsk_desk_reload(struct tsk_ctx *ctx)
{
    TSK_TRY(reload_conf(ctx));
    enum tsk_err e = tsk_ctx_reload(ctx);
    if (e != TSK_OK) {
        tsk_log(TSK_LOG_ERROR, "roster_refused", "err=%s", tsk_err_name(e));
        return e;
    }
    tsk_log(TSK_LOG_INFO, "roster", "seq=%llu ready=%d", (unsigned long long)ctx->members->r.seq,
            tsk_self_entry(ctx) != NULL);
    return ctx->post == NULL ? TSK_OK : tsk_post_roster(ctx);
}

/* ---- one event ---- */
static enum tsk_err handle(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_msg *m)
{
    enum tsk_err e = m->kind == TSK_EV_CONTROL ? tsk_verb_run(ctx, b, m) : tsk_post_event(ctx, b, m);
    return tsk_err_class(e) == TSK_CLASS_LOCAL ? e : TSK_OK;
}

/* For an event that no batch could be begun for, or whose fault nobody has answered. */
static void refuse(struct tsk_ctx *ctx, struct tsk_msg *m, enum tsk_err e)
{
    struct tsk_reply r = {.code = tsk_err_wire(e)};
    uint8_t buf[256];
    struct tsk_slice bytes;
    tsk_log(TSK_LOG_ERROR, "event_failed", "kind=%d err=%s", (int)m->kind, tsk_err_name(e));
    if (m->kind == TSK_EV_CONTROL)
        tsk_verb_refuse(ctx, m, e);
    else if (m->handle != NULL && tsk_rec_encode(TSK_REC_REPLY, &r, buf, sizeof buf, &bytes) == TSK_OK)
        tsk_wire_reply(ctx, m->handle, bytes);
}

static void end_batch(struct tsk_ctx *ctx, struct tsk_batch *b)
{
    enum tsk_err e = tsk_batch_end(ctx, b);
    if (e != TSK_OK)
        tsk_log(TSK_LOG_ERROR, "commit_failed", "err=%s", tsk_err_name(e));
}

static void run_one(struct tsk_ctx *ctx, struct tsk_msg *m)
{
    struct tsk_batch b;
    enum tsk_err e = tsk_batch_begin(ctx, &b);
    if (e != TSK_OK) {
        refuse(ctx, m, e);
        return;
    }
    e = handle(ctx, &b, m);
    if (e == TSK_OK) {
        end_batch(ctx, &b);
        return;
    }
    tsk_batch_abort(ctx, &b, e);
    tsk_log(TSK_LOG_ERROR, "event_failed", "kind=%d err=%s", (int)m->kind, tsk_err_name(e));
    if (m->kind == TSK_EV_CONTROL) /* a peer's request was answered by the post itself */
        tsk_verb_refuse(ctx, m, e);
}

/* ---- a batch ---- */
static bool in_batch(const struct tsk_msg *m)
{
    return m->kind != TSK_EV_SIGNAL && !(m->kind == TSK_EV_CONTROL && tsk_verb_alone(m));
}

static enum tsk_err run_all(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_msg *list, struct tsk_msg **ret_faulty)
{
    for (int staff = 0; staff < 2; staff++)
        for (struct tsk_msg *m = list; m != NULL; m = m->next) {
            if (!in_batch(m) || (m->kind == TSK_EV_CONTROL) != (staff == 1))
                continue;
            enum tsk_err e = handle(ctx, b, m);
            if (e != TSK_OK) {
                *ret_faulty = m;
                return e;
            }
        }
    return TSK_OK;
}

static void run_each(struct tsk_ctx *ctx, struct tsk_msg *list, const struct tsk_msg *answered)
{
    for (struct tsk_msg *m = list; m != NULL; m = m->next)
        if (m != answered && in_batch(m))
            run_one(ctx, m);
}

static void run_batch(struct tsk_ctx *ctx, struct tsk_msg *list)
{
    struct tsk_batch b;
    struct tsk_msg *faulty = NULL;
    if (tsk_batch_begin(ctx, &b) != TSK_OK) {
        run_each(ctx, list, NULL);
        return;
    }
    enum tsk_err e = run_all(ctx, &b, list, &faulty);
    if (e == TSK_OK) {
        end_batch(ctx, &b);
        return;
    }
    tsk_log(TSK_LOG_ERROR, "batch_given_up", "kind=%d err=%s", (int)faulty->kind, tsk_err_name(e));
    b.effects_n = 0;
    tsk_batch_abort(ctx, &b, e);
    run_each(ctx, list, faulty->kind == TSK_EV_WIRE ? faulty : NULL);
}

/* ---- what runs outside of batches ---- */
static void run_alone(struct tsk_ctx *ctx, struct tsk_msg *list)
{
    for (struct tsk_msg *m = list; m != NULL; m = m->next) {
        if (m->kind != TSK_EV_CONTROL || !tsk_verb_alone(m))
            continue;
        enum tsk_err e = tsk_verb_run(ctx, NULL, m);
        if (e != TSK_OK)
            refuse(ctx, m, e);
    }
}

/* A reload that fails has said why in the log; the old settings and the old roster stay in force. */
static void run_signals(struct tsk_ctx *ctx, struct tsk_msg *list)
{
    for (struct tsk_msg *m = list; m != NULL; m = m->next) {
        if (m->kind != TSK_EV_SIGNAL)
            continue;
        tsk_log(TSK_LOG_INFO, "signal", "num=%llu", (unsigned long long)m->num);
        if (m->num != SIGHUP)
            ctx->stopping = true;
        else if (tsk_desk_reload(ctx) != TSK_OK)
            tsk_log(TSK_LOG_WARN, "reload_refused", "kept=old");
    }
}

static enum tsk_err first_deadline(struct tsk_txn *t, uint64_t *ret_due)
{
    struct tsk_rowkey prefix = tsk_row(TSK_T_DEADLINE);
    struct tsk_walk w;
    struct tsk_slice tail, value;
    tsk_walk_init(&w, &prefix, NULL);
    enum tsk_err e = tsk_walk_next(t, &w, &tail, &value);
    *ret_due = e == TSK_OK && tail.n >= 8 ? tsk_be64(tail.p) : UINT64_MAX;
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err tick(struct loop *l, struct tsk_batch *b)
{
    uint64_t due;
    TSK_TRY(tsk_outbox_sweep(l->ctx, b));
    TSK_TRY(tsk_tick(l->ctx, b));
    TSK_TRY(first_deadline(b->txn, &due));
    uint64_t in_s = due > b->now ? due - b->now : 0;
    if (in_s < TICK_MS / 1000) /* at least a second, so that a row that stays due does not spin */
        l->tick_ms = tsk_mono_ms() + (in_s > 0 ? in_s : 1) * 1000;
    return TSK_OK;
}

static void run_tick(struct loop *l)
{
    struct tsk_batch b;
    if (tsk_mono_ms() < l->tick_ms)
        return;
    l->tick_ms = tsk_mono_ms() + TICK_MS;
    enum tsk_err e = tsk_batch_begin(l->ctx, &b);
    if (e == TSK_OK) {
        e = tick(l, &b);
        if (e == TSK_OK)
            end_batch(l->ctx, &b);
        else
            tsk_batch_abort(l->ctx, &b, e);
    }
    if (e != TSK_OK)
        tsk_log(TSK_LOG_ERROR, "tick_failed", "err=%s", tsk_err_name(e));
}

/* ---- the loop ---- */
/* Only when the last batch was shared and has only just ended: a lone request never waits. */
static void pace(const struct loop *l)
{
    uint64_t since = tsk_mono_ms() - l->ended_ms, gap = l->ctx->conf.commit_gap_ms;
    if (l->ended_n < 2 || since >= gap)
        return;
    struct timespec rest = {.tv_nsec = (long)(gap - since) * 1000000};
    nanosleep(&rest, NULL);
}

static uint64_t wait_ms(const struct loop *l)
{
    uint64_t now = tsk_mono_ms(), tick_in = l->tick_ms > now ? l->tick_ms - now : 0, post = tsk_post_wait_ms(l->ctx);
    return post < tick_in ? post : tick_in;
}

static void free_all(struct tsk_msg *list)
{
    while (list != NULL) {
        struct tsk_msg *next = list->next;
        tsk_msg_free(list);
        list = next;
    }
}

static void turn(struct loop *l)
{
    size_t n = 0, batched = 0;
    struct tsk_msg *list = tsk_queue_take(l->ctx->queue, wait_ms(l), &n);
    for (const struct tsk_msg *m = list; m != NULL; m = m->next)
        batched += in_batch(m);
    run_alone(l->ctx, list);
    if (batched > 0) {
        run_batch(l->ctx, list);
        l->ended_ms = tsk_mono_ms();
        l->ended_n = batched;
    }
    run_signals(l->ctx, list);
    free_all(list);
}

static enum tsk_err load_outbox(struct tsk_ctx *ctx)
{
    struct tsk_batch b;
    TSK_TRY(tsk_batch_begin(ctx, &b));
    enum tsk_err e = tsk_outbox_load(ctx, &b);
    if (e == TSK_OK)
        return tsk_batch_end(ctx, &b);
    tsk_batch_abort(ctx, &b, e);
    return e;
}

enum tsk_err tsk_loop(struct tsk_ctx *ctx)
{
    struct loop l = {.ctx = ctx};
    TSK_TRY(load_outbox(ctx));
    while (!ctx->stopping && !tsk_store_dead(ctx->store) && !tsk_post_stuck()) {
        run_tick(&l);
        tsk_post_pump(ctx);
        pace(&l);
        turn(&l);
    }
    return tsk_store_dead(ctx->store) ? TSK_E_DISK : TSK_OK;
}
