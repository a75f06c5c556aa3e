/* demo.h - the pilot as a story: real daemons, the real command line, and checks that can fail.
 *
 * Everything lives in one folder made for it; daemons are children of this process, are asked to end by their pid, and
 * are told by the kernel when this process dies. */
#ifndef TSK_NODE_CLI_DEMO_H
#define TSK_NODE_CLI_DEMO_H

#include <sys/types.h>

#include "node/cli/cli.h"
#include "node/core/folder.h"

#define TSK_DEMO_NODES 5
#define TSK_DEMO_ARGS 48

struct tsk_demo_node { const char *id, *roles, *ja, *en; bool listens; char dir[TSK_PATH_CAP]; pid_t pid; };
struct tsk_demo {
    struct tsk_cli *c;
    char dir[TSK_PATH_CAP], bin[TSK_PATH_CAP]; /* bin = where tasuki and tasukid stand */
    struct tsk_demo_node nodes[TSK_DEMO_NODES];
    json_t *answers;                           /* keeps every answer alive until the end */
    unsigned step, checks, failed;
};
enum tsk_demo_who { TSK_YC, TSK_KK, TSK_X001, TSK_JS1, TSK_X005 };

/* ---- demo_run.c ---- */
/* Runs `tasuki <words...> --json` and gives its answer (borrowed; {} if it gave none). The list ends with NULL. */
json_t *tsk_demo_do(struct tsk_demo *d, ...) __attribute__((sentinel));
/* The same at a node: `--dir` of it is added. */
json_t *tsk_demo_at(struct tsk_demo *d, enum tsk_demo_who who, ...) __attribute__((sentinel));
/* Runs it without --json and prints what people see, indented. */
void tsk_demo_see(struct tsk_demo *d, enum tsk_demo_who who, ...) __attribute__((sentinel));
const char *tsk_demo_code(const json_t *answer); /* of its error, "" if there is none */

/* Starts tasukid on the folder; its log goes to <dir>.log. */
pid_t tsk_demo_start(struct tsk_demo *d, const char *dir);
/* Whether it has ended by itself within `ms`; then *ret_status is its wait status. */
bool tsk_demo_ended(pid_t pid, unsigned ms, int *ret_status);
/* Asks it to end and waits for it; true if it ended well. */
bool tsk_demo_stop(pid_t pid);
/* A port of this machine that nobody listens on. */
unsigned tsk_demo_port(void);
/* Whether somebody pressed Ctrl-C. */
bool tsk_demo_broken_off(void);
void tsk_demo_signals(void);

/* ---- demo_files.c ---- */
TSK_MUST_USE enum tsk_err tsk_demo_write(const struct tsk_demo *d, const char *name, const char *text);
/* Number of places in all files under `dir` where one of the texts stands. */
unsigned tsk_demo_search(const char *dir, const char *const *texts, size_t n);
void tsk_demo_remove(const char *dir);
TSK_MUST_USE enum tsk_err tsk_demo_copy(const char *from, const char *to);

/* ---- demo.c: telling ---- */
void tsk_demo_step(struct tsk_demo *d, const char *ja, const char *en);
void tsk_demo_say(const struct tsk_demo *d, const char *ja, const char *en);
bool tsk_demo_check(struct tsk_demo *d, bool ok, const char *ja, const char *en);

/* ---- demo_story.c ---- */
void tsk_demo_story(struct tsk_demo *d);

#endif
