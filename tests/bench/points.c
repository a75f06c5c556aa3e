/* points.c - handoffs with N in flight, each between two measurements of its floor. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define PROBE_MS 1000

/* What a run was like; `cpu`, in microseconds a referral, hardly depends on what else the machine does. */
struct shape { double rate, p50, p99, held, per_parcel, commit_s, commit_r, bytes, refused, done, cpu_s, cpu_r; };
struct bottom { double rate, cpu_s, cpu_r; };
struct point { const char *name, *kind, *over; unsigned n; };

/* ---- one run ---- */
static bool ask(struct bench_child *c, char *line, size_t cap, const char *command)
{
    fprintf(c->in, "%s\n", command);
    fflush(c->in);
    return bench_line(c, line, cap);
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* Of all its threads. */
static double cpu_us(pid_t pid)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    const char *after = f != NULL && fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
    if (f != NULL)
        fclose(f);
    if (after == NULL || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        return 0;
    return (double)(user + sys) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* Batch sizes are what happened: parcels are counted by their receipts, commits by the stores themselves. */
static bool run(struct bench_net *net, struct bench_child *load, unsigned n, unsigned ms, struct shape *ret_s)
{
    char line[512], command[64];
    uint64_t s0 = bench_commits(net->sender), r0 = bench_commits(net->recipient);
    double cpu_s = cpu_us(load->pid), cpu_r = cpu_us(net->daemon.pid);
    snprintf(command, sizeof command, "run %u %u", n, ms);
    if (!ask(load, line, sizeof line, command))
        return false;
    double done = bench_field(line, "done");
    *ret_s = (struct shape){
        .rate = bench_field(line, "rate"), .p50 = bench_field(line, "p50"), .p99 = bench_field(line, "p99"),
        .per_parcel = fmax(1, ratio(done, bench_field(line, "receipts"))), .bytes = fmax(1, bench_field(line, "bytes")),
        .commit_s = ratio(done, (double)(bench_commits(net->sender) - s0)),
        .commit_r = ratio(done, (double)(bench_commits(net->recipient) - r0)),
        .refused = bench_field(line, "refused"), .done = done, .held = bench_field(line, "held"),
        .cpu_s = ratio(cpu_us(load->pid) - cpu_s, done), .cpu_r = ratio(cpu_us(net->daemon.pid) - cpu_r, done)};
    return done > 0 && ret_s->commit_s > 0 && ret_s->commit_r > 0;
}

/* Holders for the run to come, so that making them costs it nothing. A token needs none. */
static bool prepare(struct bench_child *load, const struct point *p, double rate, unsigned ms)
{
    char line[64], command[64];
    if (strcmp(p->kind, "family") != 0)
        return true;
    snprintf(command, sizeof command, "prepare %.0f", 3.0 * p->n + 1.5 * rate * (ms + 1000) / 1000);
    return ask(load, line, sizeof line, command);
}

/* ---- the floor ---- */
static bool floor_start(struct bench_child *c, const char *dir, const char *end, const char *kind,
                        const struct shape *s, double per_commit, unsigned ms)
{
    char file[300], parcel[32], commit[32], bytes[32], time[32], log[300];
    snprintf(file, sizeof file, "%s/floor-%s", dir, end);
    snprintf(log, sizeof log, "%s/floor-log", dir);
    snprintf(parcel, sizeof parcel, "%.3f", s->per_parcel);
    snprintf(commit, sizeof commit, "%.3f", per_commit);
    snprintf(bytes, sizeof bytes, "%.0f", s->bytes);
    snprintf(time, sizeof time, "%u", ms);
    const char *argv[] = {bench_self, "floor", end, file, kind, parcel, commit, bytes, time, NULL};
    return bench_spawn(c, argv, true, log);
}

static double floor_result(struct bench_child *c, double *ret_cpu)
{
    char line[128] = "";
    double rate = bench_line(c, line, sizeof line) ? bench_field(line, "rate") : -1;
    *ret_cpu = bench_field(line, "cpu");
    bench_end(c, 0);
    return rate;
}

/* The slower of the two ends at the same time; for one in flight, one after another. Rate -1: it did not run. */
static struct bottom bottom(const char *dir, const struct point *p, const struct shape *s, unsigned ms)
{
    struct bench_child a, b;
    struct bottom f = {.rate = -1};
    if (p->n == 1) {
        if (floor_start(&a, dir, "lone", p->kind, s, 1e9, ms)) /* it commits by itself */
            f.rate = floor_result(&a, &f.cpu_s);
        return f;
    }
    if (!floor_start(&a, dir, "sender", p->kind, s, s->commit_s, ms))
        return f;
    bool both = floor_start(&b, dir, "recipient", p->kind, s, s->commit_r, ms);
    double x = floor_result(&a, &f.cpu_s), y = both ? floor_result(&b, &f.cpu_r) : -1;
    f.rate = x < y ? x : y;
    return f;
}

/* ---- a point ---- */
static void say(const struct point *p, const struct shape *s, const struct bottom *f)
{
    printf("%s inflight=%u rate=%.0f/s p50=%.2fms p99=%.2fms floor=%.0f/s ratio=%.2f", p->name, p->n, s->rate, s->p50,
           s->p99, f->rate, ratio(s->rate, f->rate));
    printf(" over=%s parcel=%.1f commit=%.1f,%.1f", p->over, s->per_parcel, s->commit_s, s->commit_r);
    printf(" held=%.0f", s->held);
    printf(" cpu=%.0f,%.0fus floor_cpu=%.0f,%.0fus", s->cpu_s, s->cpu_r, f->cpu_s, f->cpu_r);
    if (s->refused > 0)
        printf(" refused=%.0f", s->refused);
    putchar('\n');
    fflush(stdout);
}

static struct bottom mean(const struct bottom *a, const struct bottom *b)
{
    return (struct bottom){(a->rate + b->rate) / 2, (a->cpu_s + b->cpu_s) / 2, (a->cpu_r + b->cpu_r) / 2};
}

static bool measure(const char *dir, struct bench_net *net, struct bench_child *load, const struct point *p,
                    double seconds)
{
    struct shape probe, s;
    unsigned ms = (unsigned)(seconds * 1000), floor_ms = ms / 4 > 300 ? ms / 4 : 300;
    if (!prepare(load, p, 500, PROBE_MS) || !run(net, load, p->n, PROBE_MS, &probe))
        return false;
    struct bottom before = bottom(dir, p, &probe, floor_ms);
    if (!prepare(load, p, probe.rate, ms) || !run(net, load, p->n, ms, &s))
        return false;
    struct bottom after = bottom(dir, p, &s, floor_ms);
    if (before.rate < 0 || after.rate < 0)
        return false;
    struct bottom both = mean(&before, &after);
    say(p, &s, &both);
    return true;
}

/* All points of one kind share a network: what lies in a store from before is part of life. */
static bool network(const char *build, const char *dir, const struct point *points, size_t n, double seconds)
{
    struct bench_net net;
    struct bench_child load = {.pid = -1};
    const char *argv[] = {bench_self, "load", net.sender, BENCH_RECIPIENT, NULL};
    if (!bench_net_new(&net, build, dir, points[0].over))
        return false;
    bool ok = bench_daemon(&net, build, net.recipient) && bench_spawn(&load, argv, true, net.log);
    for (size_t i = 0; ok && i < n; i++)
        ok = measure(dir, &net, &load, &points[i], seconds);
    bench_end(&load, 0);
    bench_end(&net.daemon, SIGTERM);
    if (!ok && !bench_stopped)
        bench_run((const char *[]){"/bin/sh", "-c", "tail -n 20 \"$0\" >&2", net.log, NULL}, "/dev/stderr");
    bench_remove(net.dir);
    return ok;
}

void bench_handoffs(const char *build, const char *dir, double seconds, const char *only)
{
    static const struct point tokens[] = {
        {"handoff", "token", "tls", 1}, {"handoff", "token", "tls", 64}, {"handoff", "token", "tls", 512}};
    static const struct point local[] = {{"handoff", "token", "ipc", 512}};
    static const struct point families[] = {{"handoff+consent", "family", "tls", 1},
                                            {"handoff+consent", "family", "tls", 64},
                                            {"handoff+consent", "family", "tls", 512}};
    static const struct { const char *name; const struct point *points; size_t n; } groups[] = {
        {"handoff", tokens, 3}, {"ipc", local, 1}, {"consent", families, 3}};
    for (size_t i = 0; i < 3 && !bench_stopped; i++)
        if ((only == NULL || strcmp(only, groups[i].name) == 0) &&
            !network(build, dir, groups[i].points, groups[i].n, seconds) && !bench_stopped)
            printf("%s: not measured\n", groups[i].name);
}
