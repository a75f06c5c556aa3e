/* bench.h - `make bench`: what one node hands to another in a second, beside what the same calls cost in a bare loop.
 *
 * One program, several processes: it starts itself anew for each part, so that no part's threads or memory disturb
 * another's, and reads one line of `key=value` words from each.
 *   bench BUILD                       the whole run
 *   bench load DIR TO                 a node that keeps N handoffs to TO in flight; commands on standard input
 *   bench floor END FILE CASE...      a bare loop of one end
 *   bench primitives DIR              one line of microseconds
 *   bench fill DIR TO N OPEN          a store with N referrals, OPEN of them in hand
 * Nothing here fails for being slow.
 */
#ifndef TSK_TESTS_BENCH_H
#define TSK_TESTS_BENCH_H

#include <stdio.h>
#include <sys/types.h>

#include "node/post/batch.h"

#define BENCH_SENDER "01100-YC"
#define BENCH_RECIPIENT "01102-KK"

/* Ends this process with a line about what went wrong. */
void bench_must(enum tsk_err e, const char *what);
void bench_die(const char *what) __attribute__((noreturn));
uint64_t bench_ns(void);
/* The number after " key=" in a line; -1 if it is not there. */
double bench_field(const char *line, const char *key);

/* ---- child.c: other processes, by their id ---- */
struct bench_child { pid_t pid; FILE *in, *out; }; /* its standard input and output; NULL if not wanted */
extern volatile int bench_stopped;                 /* SIGINT or SIGTERM came */
bool bench_spawn(struct bench_child *c, const char *const *argv, bool pipes, const char *log);
/* The next line of it; false at its end. */
bool bench_line(struct bench_child *c, char *buf, size_t cap);
/* Closes its standard input, sends `sig` (0: none), waits. True when it ended with exit status 0. */
bool bench_end(struct bench_child *c, int sig);
/* Runs to the end in silence; what it says goes to `log`. */
bool bench_run(const char *const *argv, const char *log);
extern char bench_self[512];

/* ---- net.c: folders, a network of two nodes, the recipient's daemon ---- */
struct bench_net { char dir[256], sender[300], recipient[300], log[300]; struct bench_child daemon; };
/* A folder on a disk; `ret_fs` its file system as the kernel names it. */
bool bench_folder(char ret_dir[200], char *ret_fs, size_t cap);
void bench_remove(const char *dir);
/* Two nodes made by `tasuki` itself; `over` is "tls" or "ipc". */
bool bench_net_new(struct bench_net *n, const char *build, const char *dir, const char *over);
bool bench_daemon(struct bench_net *n, const char *build, const char *node_dir);
/* Durable commits that a store has seen since it was made. */
uint64_t bench_commits(const char *node_dir);

/* ---- family.c: what three items and a grant add at the sender ---- */
struct bench_family;
/* At least `unused` holders that no referral has used; `f` NULL makes a family of its own. */
struct bench_family *bench_family_more(struct bench_family *f, struct tsk_ctx *ctx, size_t unused);
/* A referral with three items, and the card's grant over them, all in this batch. TSK_E_HOLDERS when all are used. */
TSK_MUST_USE enum tsk_err bench_family_refer(struct bench_family *f, struct tsk_ctx *ctx, struct tsk_batch *b,
                                             const struct tsk_entry *to, struct tsk_id32 *ret_grant);

/* ---- the parts ---- */
int bench_load(const char *dir, const char *to);
int bench_floor(int argc, char **argv);
int bench_primitives(const char *dir);
int bench_fill(const char *dir, const char *to, unsigned long n, unsigned long open_n);
/* points.c; `build` has tasukid and tasuki. */
void bench_handoffs(const char *build, const char *dir, double seconds, const char *only);
/* stock.c */
void bench_stock(const char *build, const char *dir);

#endif
