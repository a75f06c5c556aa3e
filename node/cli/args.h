/* args.h - the words after the program's name, read by the tables cli.def and flags.def. Pure: touches no file.
 *
 * Flags stand anywhere after the verb, as `--flag value` or `--flag=value`; list flags repeat or take commas, others
 * repeat where the verb says so; `-` is
 * standard input, at most once; `--` ends the flags. Whatever the tables do not know is refused by name. */
#ifndef TSK_NODE_CLI_ARGS_H
#define TSK_NODE_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/err.h"

enum tsk_flag {
#define TSK_FLAG(NAME, name, kind, everywhere, value, ja, en) TSK_F_##NAME,
#include "node/cli/flags.def"
#undef TSK_FLAG
    TSK_F_COUNT,
    TSK_F_NONE = TSK_F_COUNT, /* a word that is no flag */
};
enum tsk_flag_kind { TSK_FLAG_BOOL, TSK_FLAG_VALUE, TSK_FLAG_LIST };
struct tsk_flag_row { const char *name; enum tsk_flag_kind kind; bool everywhere; const char *value, *ja, *en; };
extern const struct tsk_flag_row tsk_flag_rows[TSK_F_COUNT];

struct tsk_cli;
enum tsk_cli_group { TSK_GROUP_COORDINATOR, TSK_GROUP_AGENCY, TSK_GROUP_FAMILY, TSK_GROUP_EVERYONE, TSK_GROUP_REGISTRAR,
                     TSK_GROUP_COUNT };
struct tsk_cli_verb {
    const char *name;
    enum tsk_err (*run)(struct tsk_cli *c);
    void (*show)(struct tsk_cli *c);
    bool node;
    unsigned least, most;
    const char *flags, *usage, *ja, *en;
    enum tsk_cli_group group;
    const char *example;
};
/* The verbs of cli.def. Static. */
const struct tsk_cli_verb *tsk_cli_verbs(size_t *ret_n);
/* The verb that `words` begin with, one or two of them; NULL if none. `ret_used` = how many words it took. */
const struct tsk_cli_verb *tsk_cli_verb_find(char *const *words, size_t n, size_t *ret_used);

struct tsk_arg { enum tsk_flag flag; char *text; };
struct tsk_args {
    const struct tsk_cli_verb *verb;
    bool has[TSK_F_COUNT];
    struct tsk_arg *list; size_t n; /* values and words in the order in which they came; texts are copies */
};

#define TSK_ARG_WHAT_CAP 96

/* Reads argv[1..]. TSK_E_USAGE, and `ret_what` names the word at fault; TSK_E_NOMEM. Free with tsk_args_free, also
 * after an error. `ret_args->verb` is NULL when only --version or --help stand there. Does not ask whether what must be
 * there is there: see tsk_args_complete. */
TSK_MUST_USE enum tsk_err tsk_args_parse(int argc, char **argv, struct tsk_args *ret_args, char ret_what[TSK_ARG_WHAT_CAP]);
void tsk_args_free(struct tsk_args *a);

/* The flags that the verb must have, and the number of its words. TSK_E_USAGE. */
TSK_MUST_USE enum tsk_err tsk_args_complete(const struct tsk_args *a, char ret_what[TSK_ARG_WHAT_CAP]);

/* Whether the verb takes the flag besides those for all; *ret_must: it must be there. */
bool tsk_verb_takes(const struct tsk_cli_verb *v, enum tsk_flag f, bool *ret_must);

/* The value of a flag, or the next one of a list: start with *at = 0. NULL = no more. TSK_F_NONE: the words. */
const char *tsk_arg(const struct tsk_args *a, enum tsk_flag f);
const char *tsk_arg_next(const struct tsk_args *a, enum tsk_flag f, size_t *at);
size_t tsk_arg_count(const struct tsk_args *a, enum tsk_flag f);

/* Cuts to what fits, at a character's boundary. */
void tsk_arg_what(char ret_what[TSK_ARG_WHAT_CAP], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
