/* tasukid.c - the node: opens folder D, runs the writer's loop until it is told to stop.
 *
 *   tasukid --dir D [--foreground] [--unlock-file F] [--check]
 *
 * It never forks: NNG does not survive a fork, and a service manager needs none. SIGTERM and SIGINT end it after the
 * transaction in hand (exit 0); SIGHUP makes it read D/node.conf and D/roster.cose again. Where NNG has got stuck
 * (node/post/closer.c) it closes its store and starts itself anew in the same process: same pid, nothing lost.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/core/log.h"
#include "node/desk/verb.h"

#define DESCRIPTORS 16384

struct options { const char *dir, *unlock_file; bool check, version, help; };

static const struct option long_options[] = {
    {"dir", required_argument, NULL, 'd'}, {"unlock-file", required_argument, NULL, 'u'},
    {"check", no_argument, NULL, 'c'},     {"foreground", no_argument, NULL, 'f'},
    {"version", no_argument, NULL, 'v'},   {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static void usage(FILE *to)
{
    fputs("tasukid --dir D [--foreground] [--unlock-file F] [--check]\n"
          "  --dir D          the node's folder (tasuki node new)\n"
          "  --unlock-file F  what opens D/keys; else $CREDENTIALS_DIRECTORY/unlock, else D/unlock\n"
          "  --check          opens everything but the sockets, says what is wrong, and ends\n"
          "  --foreground     accepted; it never goes to the background\n"
          "SIGTERM, SIGINT end it; SIGHUP reads node.conf and the roster again.\n", to);
}

static bool parse(int argc, char **argv, struct options *ret_o)
{
    int c;
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (c == 'd')
            ret_o->dir = optarg;
        else if (c == 'u')
            ret_o->unlock_file = optarg;
        else if (c == 'c')
            ret_o->check = true;
        else if (c == 'v')
            ret_o->version = true;
        else if (c == 'h')
            ret_o->help = true;
        else if (c != 'f')
            return false;
    }
    return optind == argc && (ret_o->dir != NULL || ret_o->version || ret_o->help);
}

/* ---- signals ---- */
static void signal_set(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
}

/* Before anything starts a thread: all of them inherit the mask, so that only the waiter below sees a signal. */
static bool signals_block(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    signal_set(&set);
    return sigaction(SIGPIPE, &ignore, NULL) == 0 && pthread_sigmask(SIG_BLOCK, &set, NULL) == 0;
}

static void *signals_wait(void *arg)
{
    struct tsk_queue *queue = arg;
    sigset_t set;
    int num;
    signal_set(&set);
    for (;;) {
        if (sigwait(&set, &num) != 0)
            continue;
        struct tsk_msg *m = calloc(1, sizeof *m);
        if (m == NULL)
            continue;
        m->kind = TSK_EV_SIGNAL;
        m->num = (uint64_t)num;
        tsk_queue_push(queue, m);
    }
    return NULL;
}

/* ---- life ---- */
/* Ready = the roster is there and this node is in it. Before that it waits for `tasuki roster install`. */
static void log_started(const struct tsk_ctx *ctx)
{
    tsk_log(TSK_LOG_INFO, "started", "version=%s partner=%s kid=%s", TSK_VERSION, ctx->conf.partner,
            TSK_SHORT(*tsk_self(ctx)));
    if (ctx->members == NULL)
        tsk_log(TSK_LOG_WARN, "waiting", "for=roster");
    else if (tsk_self_entry(ctx) == NULL)
        tsk_log(TSK_LOG_WARN, "waiting", "for=admission seq=%llu", (unsigned long long)ctx->members->r.seq);
    else
        tsk_log(TSK_LOG_INFO, "ready", "seq=%llu", (unsigned long long)ctx->members->r.seq);
}

static enum tsk_err run_post(struct tsk_ctx *ctx)
{
    TSK_TRY(tsk_post_open(ctx));
    log_started(ctx);
    enum tsk_err e = tsk_loop(ctx);
    tsk_post_close(ctx);
    return e;
}

/* The waiter borrows the queue, so it ends before the queue does; sigwait() is a place where it can be cancelled. */
static enum tsk_err run(struct tsk_ctx *ctx)
{
    pthread_t waiter;
    if (pthread_create(&waiter, NULL, signals_wait, ctx->queue) != 0)
        return TSK_E_NOMEM;
    enum tsk_err e = run_post(ctx);
    pthread_cancel(waiter);
    pthread_join(waiter, NULL);
    return e;
}

/* The same program file, also after an update has put another in its place. Signals stay blocked and pending. */
static void start_anew(char **argv)
{
    tsk_log(TSK_LOG_WARN, "transport_stuck", "next=start_anew");
    fflush(NULL);
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        execv("/proc/self/exe", argv);
    tsk_log(TSK_LOG_ERROR, "start_failed", "errno=%d", errno);
}

/* What the system allows is often more than what it gives at first. Not without end: each costs memory. */
static void descriptors_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= DESCRIPTORS)
        return;
    rlim_t before = l.rlim_cur;
    l.rlim_cur = l.rlim_max < DESCRIPTORS ? l.rlim_max : DESCRIPTORS;
    if (l.rlim_cur > before && setrlimit(RLIMIT_NOFILE, &l) == 0)
        tsk_log(TSK_LOG_INFO, "descriptors", "n=%llu", (unsigned long long)l.rlim_cur);
}

static enum tsk_err serve(const struct options *o, bool *ret_stuck)
{
    static struct tsk_ctx ctx;
    TSK_TRY(tsk_crypto_init());
    TSK_TRY(tsk_ctx_open(o->dir, o->unlock_file, &ctx));
    ctx.admit = tsk_admit_record;
    tsk_log_level((enum tsk_level)ctx.conf.log_level);
    enum tsk_err e = TSK_OK;
    if (o->check)
        tsk_log(TSK_LOG_INFO, "checked", "partner=%s roster=%d", ctx.conf.partner, ctx.members != NULL);
    else
        e = run(&ctx);
    *ret_stuck = ctx.stuck && !ctx.stopping;
    tsk_ctx_close(&ctx);
    return e;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    if (!parse(argc, argv, &o)) {
        usage(stderr);
        return 2;
    }
    if (o.help || o.version) {
        if (o.help)
            usage(stdout);
        else
            puts("tasukid " TSK_VERSION);
        return 0;
    }
    umask(077);
    descriptors_raise();
    if (!signals_block())
        return 3;
    bool stuck = false;
    enum tsk_err e = serve(&o, &stuck);
    if (e == TSK_OK && stuck) {
        start_anew(argv);
        e = TSK_E_NETWORK;
    }
    tsk_log(e == TSK_OK ? TSK_LOG_INFO : TSK_LOG_ERROR, "stopped", "err=%s", tsk_err_name(e));
    fflush(NULL);
    _exit(e == TSK_OK ? 0 : tsk_err_class(e) == TSK_CLASS_USAGE ? 2 : 3);
}
