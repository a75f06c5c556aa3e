/* load.c - the sender: a node in this process whose own loop keeps N handoffs in flight.
 *
 * The loop is the daemon's, with one difference: what staff would ask over the control socket is made here, so that the
 * bench measures the handoff and not a second program. Time runs from before the referral is signed until the commit
 * that holds the recipient's verified receipt.
 * Workers do not act in step: at most a quarter of N is made in one batch, and at most one full parcel. Otherwise one
 * end would always rest while the other works, and 64 in flight would measure that.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/core/log.h"
#include "node/desk/admit.h"
#include "tests/bench/bench.h"

#define SLOTS 4096
#define LATENCIES (1u << 20)
#define WARM_MS 300       /* and until each of the N has been handed over once, so that what is counted is steady */
#define WARM_MAX_MS 10000
#define DRAIN_MS 15000
#define PIECE 128         /* tokens in a parcel */
#define FAMILY_PIECE 18   /* families of 7 records in a parcel */

struct slot { bool used; struct tsk_id32 id; uint64_t born_ns; };

static struct {
    struct tsk_ctx ctx;
    const struct tsk_entry *to;
    struct bench_family *family;  /* NULL: tokens alone */
    struct slot slots[SLOTS];
    size_t in_flight, target, piece;
    uint64_t from_ns;             /* what completes before is warming up */
    uint64_t made, done, refused, receipts, bytes;
    uint32_t *latency_us; size_t latency_n;
    uint64_t ended_ms; size_t ended_n;
} l;

/* ---- receipts ---- */
static void line_done(const struct tsk_receipt_line *line, uint64_t now_ns)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &l.slots[i];
        if (!s->used || memcmp(s->id.b, line->id.b, sizeof line->id.b) != 0)
            continue;
        s->used = false;
        l.in_flight--;
        l.done++;
        l.refused += line->code != 0;
        if (now_ns >= l.from_ns && l.latency_n < LATENCIES)
            l.latency_us[l.latency_n++] = (uint32_t)((now_ns - s->born_ns) / 1000);
        return;
    }
}

static void run_receipt(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    const struct tsk_receipt *r = arg;
    uint64_t now = bench_ns();
    (void)ctx;
    bench_must(committed, "commit");
    l.receipts++;
    for (size_t i = 0; i < r->lines_n; i++)
        line_done(&r->lines[i], now);
}

static enum tsk_err admit(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_incoming *in,
                          struct tsk_id32 *ret_id, bool *ret_is_receipt)
{
    struct tsk_envelope env;
    struct tsk_receipt *r = tsk_txn_alloc(b->txn, sizeof *r);
    TSK_TRY(tsk_admit_record(ctx, b, in, ret_id, ret_is_receipt));
    if (!*ret_is_receipt || r == NULL)
        return TSK_OK;
    TSK_TRY(tsk_cose_parse(in->bytes, &env));
    TSK_TRY(tsk_rec_decode(TSK_REC_RECEIPT, env.payload, r));
    return tsk_batch_effect(b, run_receipt, r);
}

/* ---- making ---- */
static enum tsk_err refer(struct tsk_batch *b, struct tsk_id32 *ret_id)
{
    struct tsk_referral r = {
        .sender = *tsk_self(&l.ctx), .recipient = l.to->m.kid, .needs = {tsk_code("N07")}, .needs_n = 1,
        .urgency = tsk_code("U3"), .age_band = tsk_code("A3"), .ward = tsk_code("011029"), .created = b->now,
        .reply_by = b->now + 3 * TSK_DAY_S, .policy = l.ctx.members->r.policy};
    struct tsk_case c;
    tsk_random(r.id.b, sizeof r.id.b);
    tsk_random(r.link.b, sizeof r.link.b);
    TSK_TRY(tsk_author(&l.ctx, b, TSK_REC_REFERRAL, &r, NULL, ret_id));
    TSK_TRY(tsk_case_by_ref(b->txn, ret_id, &c));
    return tsk_case_send(&l.ctx, b, &c);
}

static struct slot *free_slot(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (!l.slots[i].used)
            return &l.slots[i];
    bench_die("no slot");
}

static void make(struct tsk_batch *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slot *s = free_slot();
        s->born_ns = bench_ns();
        enum tsk_err e = l.family != NULL ? bench_family_refer(l.family, &l.ctx, b, l.to, &s->id) : refer(b, &s->id);
        if (e == TSK_E_HOLDERS) {
            l.target = 0; /* what was prepared is used up: the run ends early */
            break;
        }
        bench_must(e, "refer");
        s->used = true;
        l.in_flight++;
        l.made++;
    }
    for (size_t i = 0; i < b->out_n; i++)
        l.bytes += b->out[i].record.n + b->out[i].ct.n + b->out[i].wraps.n;
}

/* ---- the loop ---- */
static size_t room(void)
{
    size_t n = l.target > l.in_flight ? l.target - l.in_flight : 0;
    return n < l.piece ? n : l.piece;
}

static void pace(void)
{
    uint64_t since = tsk_mono_ms() - l.ended_ms, gap = l.ctx.conf.commit_gap_ms;
    if (l.ended_n < 2 || since >= gap)
        return;
    nanosleep(&(struct timespec){.tv_nsec = (long)(gap - since) * 1000000}, NULL);
}

static void free_all(struct tsk_msg *list)
{
    while (list != NULL) {
        struct tsk_msg *next = list->next;
        tsk_msg_free(list);
        list = next;
    }
}

static void turn(void)
{
    size_t n = 0;
    uint64_t wait = tsk_post_wait_ms(&l.ctx);
    pace();
    struct tsk_msg *list = tsk_queue_take(l.ctx.queue, room() > 0 ? 0 : wait < 10 ? wait : 10, &n);
    size_t more = room();
    if (list != NULL || more > 0) {
        struct tsk_batch b;
        bench_must(tsk_batch_begin(&l.ctx, &b), "begin");
        for (struct tsk_msg *m = list; m != NULL; m = m->next)
            if (m->kind != TSK_EV_CONTROL)
                bench_must(tsk_post_event(&l.ctx, &b, m), "event");
        make(&b, more);
        bench_must(tsk_batch_end(&l.ctx, &b), "commit");
        l.ended_ms = tsk_mono_ms();
        l.ended_n = n + more;
    }
    free_all(list);
    tsk_post_pump(&l.ctx);
}

/* ---- runs ---- */
static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double quantile_ms(double q)
{
    return l.latency_n == 0 ? 0 : l.latency_us[(size_t)(q * (double)(l.latency_n - 1))] / 1000.0;
}

static void say_result(double seconds)
{
    double sum_us = 0;
    for (size_t i = 0; i < l.latency_n; i++)
        sum_us += l.latency_us[i];
    qsort(l.latency_us, l.latency_n, sizeof *l.latency_us, by_value);
    printf("run rate=%.1f p50=%.3f p99=%.3f held=%.1f made=%llu done=%llu refused=%llu receipts=%llu bytes=%.0f\n",
           (double)l.latency_n / seconds, quantile_ms(0.5), quantile_ms(0.99), sum_us / 1e6 / seconds,
           (unsigned long long)l.made, (unsigned long long)l.done, (unsigned long long)l.refused,
           (unsigned long long)l.receipts, l.made > 0 ? (double)l.bytes / (double)l.made : 0.0);
    fflush(stdout);
}

static void warm_up(size_t n)
{
    uint64_t start = tsk_mono_ms();
    l.from_ns = UINT64_MAX;
    while (tsk_mono_ms() - start < WARM_MS || (l.done < n && tsk_mono_ms() - start < WARM_MAX_MS))
        turn();
}

static void run(size_t n, uint64_t ms)
{
    size_t parcel = l.family != NULL ? FAMILY_PIECE : PIECE;
    l.made = l.done = l.refused = l.receipts = l.bytes = 0;
    l.latency_n = 0;
    l.target = n;
    l.piece = n < 8 ? 1 : n / 4 < parcel ? n / 4 : parcel;
    warm_up(n);
    l.from_ns = bench_ns();
    while (bench_ns() - l.from_ns < ms * 1000000 && l.target > 0)
        turn();
    double seconds = (double)(bench_ns() - l.from_ns) / 1e9;
    size_t counted = l.latency_n;
    l.target = 0;
    for (uint64_t give_up = bench_ns() + DRAIN_MS * 1000000ull; l.in_flight > 0 && bench_ns() < give_up;)
        turn();
    for (uint64_t rest = bench_ns() + 60000000; bench_ns() < rest;) /* what acknowledges what */
        turn();
    l.latency_n = counted;
    say_result(seconds);
}

/* ---- commands ---- */
static bool command(char *line)
{
    unsigned long n, ms;
    if (sscanf(line, "run %lu %lu", &n, &ms) == 2 && n <= SLOTS)
        run(n, ms);
    else if (sscanf(line, "prepare %lu", &n) == 1) {
        l.family = bench_family_more(l.family, &l.ctx, n);
        puts("prepared");
        fflush(stdout);
    } else
        return false;
    return true;
}

static bool read_command(void)
{
    struct pollfd p = {.fd = 0, .events = POLLIN};
    char line[128];
    if (poll(&p, 1, 0) <= 0)
        return true;
    ssize_t n = read(0, line, sizeof line - 1);
    if (n <= 0)
        return false;
    line[n] = '\0';
    return command(line);
}

int bench_load(const char *dir, const char *to)
{
    bench_must(tsk_ctx_open(dir, NULL, &l.ctx), dir);
    l.ctx.admit = admit;
    tsk_log_level(TSK_LOG_WARN);
    l.latency_us = malloc(LATENCIES * sizeof *l.latency_us);
    l.to = tsk_member_by_partner(l.ctx.members, to, tsk_wall_s());
    if (l.latency_us == NULL || l.to == NULL)
        bench_die("no such partner");
    bench_must(tsk_post_open(&l.ctx), "post");
    while (read_command())
        turn();
    tsk_post_close(&l.ctx);
    tsk_store_close(l.ctx.store);
    fflush(NULL);
    _exit(0);
}
