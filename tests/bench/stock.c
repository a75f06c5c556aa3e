/* stock.c - a store with 100,000 referrals, and how a node starts over it. */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "node/desk/admit.h"
#include "tests/bench/bench.h"

#define N 100000
#define OPEN 900
#define PER_BATCH 2000
#define ASKS 15

/* ---- filling ---- */
/* Signed, stored and indexed like any other; then the case row says how it ended, as receipt and statuses would. */
static enum tsk_err fill_one(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_entry *to, bool open)
{
    struct tsk_referral r = {
        .sender = *tsk_self(ctx), .recipient = to->m.kid, .needs = {tsk_code("N07")}, .needs_n = 1,
        .urgency = tsk_code("U3"), .age_band = tsk_code("A3"), .ward = tsk_code("011029"), .created = b->now,
        .reply_by = b->now + 3 * TSK_DAY_S, .policy = ctx->members->r.policy};
    struct tsk_id32 id;
    struct tsk_case c;
    tsk_random(r.id.b, sizeof r.id.b);
    tsk_random(r.link.b, sizeof r.link.b);
    TSK_TRY(tsk_author(ctx, b, TSK_REC_REFERRAL, &r, NULL, &id));
    TSK_TRY(tsk_case_by_ref(b->txn, &id, &c));
    c.sent = c.arrived = true;
    c.sent_at = c.arrived_at = b->now;
    c.state = open ? TSK_ST_ARRIVED : TSK_ST_CLOSED;
    c.token = open ? TSK_SIDE_SENDER : TSK_SIDE_NOBODY;
    return tsk_case_save(b->txn, &c);
}

int bench_fill(const char *dir, const char *to, unsigned long n, unsigned long open_n)
{
    struct tsk_ctx ctx;
    struct tsk_batch b;
    unsigned long every = open_n > 0 ? n / open_n : n + 1;
    bench_must(tsk_ctx_open(dir, NULL, &ctx), dir);
    const struct tsk_entry *e = tsk_member_by_partner(ctx.members, to, tsk_wall_s());
    if (e == NULL)
        bench_die("no such partner");
    for (unsigned long i = 0; i < n;) {
        bench_must(tsk_batch_begin(&ctx, &b), "begin");
        for (unsigned long k = 0; k < PER_BATCH && i < n; k++, i++)
            bench_must(fill_one(&ctx, &b, e, i % every == 0 && i / every < open_n), "referral");
        bench_must(tsk_batch_end(&ctx, &b), "commit");
    }
    tsk_ctx_close(&ctx);
    return 0;
}

/* ---- asking ---- */
static json_t *answer(const char *dir, const char *verb)
{
    char request[64];
    uint8_t *p = NULL;
    size_t n = 0;
    snprintf(request, sizeof request, "{\"verb\":\"%s\",\"ui\":\"en\"}", verb);
    enum tsk_err e = tsk_control_call(dir, (struct tsk_slice){(const uint8_t *)request, strlen(request)}, 20, &p, &n);
    json_t *o = e == TSK_OK ? json_loadb((const char *)p, n, 0, NULL) : NULL;
    free(p);
    return o;
}

static bool ready(const char *dir)
{
    json_t *o = answer(dir, "status");
    bool yes = json_is_true(json_object_get(o, "ready"));
    json_decref(o);
    return yes;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median, from before the socket is dialed until the answer is read. */
static double board_ms(const char *dir, size_t *ret_lines)
{
    double ms[ASKS];
    for (size_t i = 0; i < ASKS; i++) {
        uint64_t start = bench_ns();
        json_t *o = answer(dir, "board");
        ms[i] = (double)(bench_ns() - start) / 1e6;
        *ret_lines = json_array_size(json_object_get(o, "referrals"));
        json_decref(o);
    }
    qsort(ms, ASKS, sizeof *ms, by_value);
    return ms[ASKS / 2];
}

static double anonymous_mib(pid_t pid)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "Anonymous:", 10) == 0)
            kib = strtod(line + 10, NULL);
    if (f != NULL)
        fclose(f);
    return kib / 1024;
}

static bool filled(const struct bench_net *net)
{
    char n[16], open_n[16];
    snprintf(n, sizeof n, "%d", N);
    snprintf(open_n, sizeof open_n, "%d", OPEN);
    return bench_run((const char *[]){bench_self, "fill", net->sender, BENCH_RECIPIENT, n, open_n, NULL}, net->log);
}

static bool measure(const char *build, struct bench_net *net)
{
    size_t lines = 0;
    uint64_t start = bench_ns();
    if (!bench_daemon(net, build, net->sender) || !ready(net->sender))
        return false;
    double start_ms = (double)(bench_ns() - start) / 1e6, ms = board_ms(net->sender, &lines);
    printf("store n=%d start=%.0fms board%zu=%.1fms anon=%.1fMiB aims: start<1000ms board<50ms anon<64MiB\n", N,
           start_ms, lines, ms, anonymous_mib(net->daemon.pid));
    return true;
}

void bench_stock(const char *build, const char *dir)
{
    struct bench_net net;
    bool ok = bench_net_new(&net, build, dir, "ipc") && filled(&net) && measure(build, &net);
    bench_end(&net.daemon, SIGTERM);
    if (!ok && !bench_stopped)
        puts("store: not measured");
    bench_remove(net.dir);
}
