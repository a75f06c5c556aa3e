/* bench.c - what runs, in which order, and in which process (bench.h). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(3);
}

void bench_must(enum tsk_err e, const char *what)
{
    if (e == TSK_OK)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, tsk_err_name(e));
    exit(3);
}

uint64_t bench_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double bench_field(const char *line, const char *key)
{
    char want[32];
    snprintf(want, sizeof want, " %s=", key);
    const char *at = strstr(line, want);
    return at != NULL ? strtod(at + strlen(want), NULL) : -1;
}

static void stop(int sig)
{
    (void)sig;
    bench_stopped = 1;
}

/* No SA_RESTART: whoever waits for a child's line wakes, and everything is ended and removed. */
static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = stop}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

static bool wanted(const char *only, const char *name)
{
    return !bench_stopped && (only == NULL || strcmp(only, name) == 0);
}

static void primitives(const char *dir)
{
    char line[512], log[300];
    struct bench_child c;
    snprintf(log, sizeof log, "%s/log", dir);
    if (bench_spawn(&c, (const char *[]){bench_self, "primitives", dir, NULL}, true, log) &&
        bench_line(&c, line, sizeof line))
        fputs(line, stdout);
    bench_end(&c, 0);
}

static int whole(const char *build)
{
    char dir[200], fs[64];
    const char *only = getenv("BENCH_ONLY"), *seconds = getenv("BENCH_SECONDS");
    double s = seconds != NULL ? strtod(seconds, NULL) : 5;
    if (!bench_folder(dir, fs, sizeof fs))
        bench_die("no folder: BENCH_DIR must be a short path that can be written to");
    catch_signals();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("bench disk=%s fs=%s cpus=%ld seconds=%.1f%s\n", dir, fs, sysconf(_SC_NPROCESSORS_ONLN), s,
           strcmp(fs, "tmpfs") == 0 ? " (memory: nothing here is durable)" : "");
    if (wanted(only, "primitives"))
        primitives(dir);
    bench_handoffs(build, dir, s > 0.5 ? s : 0.5, only);
    if (wanted(only, "store"))
        bench_stock(build, dir);
    bench_remove(dir);
    return bench_stopped ? 130 : 0;
}

static int part(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "load") == 0)
        return bench_load(argv[2], argv[3]);
    if (argc > 2 && strcmp(argv[1], "floor") == 0)
        return bench_floor(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "primitives") == 0)
        return bench_primitives(argv[2]);
    if (argc == 6 && strcmp(argv[1], "fill") == 0)
        return bench_fill(argv[2], argv[3], strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
    return 2;
}

int main(int argc, char **argv)
{
    ssize_t n = readlink("/proc/self/exe", bench_self, sizeof bench_self - 1);
    if (n <= 0 || argc < 2)
        return 2;
    bench_self[n] = '\0';
    return argc == 2 ? whole(argv[1]) : part(argc, argv);
}
