#include "node/cli/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct tsk_flag_row tsk_flag_rows[TSK_F_COUNT] = {
#define TSK_FLAG(NAME, name, kind, everywhere, value, ja, en) \
    [TSK_F_##NAME] = {name, TSK_FLAG_##kind, everywhere, value, ja, en},
#include "node/cli/flags.def"
#undef TSK_FLAG
};

void tsk_arg_what(char ret_what[TSK_ARG_WHAT_CAP], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(ret_what, TSK_ARG_WHAT_CAP, fmt, ap);
    va_end(ap);
    if (n < TSK_ARG_WHAT_CAP)
        return;
    size_t end = TSK_ARG_WHAT_CAP - 1;
    while (end > 0 && ((unsigned char)ret_what[end - 1] & 0xC0) == 0x80)
        end--;
    if (end > 0 && ((unsigned char)ret_what[end - 1] & 0x80) != 0)
        end--;
    ret_what[end] = '\0';
}

const struct tsk_cli_verb *tsk_cli_verb_find(char *const *words, size_t n, size_t *ret_used)
{
    size_t verbs_n;
    const struct tsk_cli_verb *verbs = tsk_cli_verbs(&verbs_n);
    for (size_t i = 0; i < verbs_n; i++) {
        const char *second = strchr(verbs[i].name, ' ');
        size_t first_n = second ? (size_t)(second - verbs[i].name) : strlen(verbs[i].name);
        if (n == 0 || strlen(words[0]) != first_n || strncmp(words[0], verbs[i].name, first_n) != 0)
            continue;
        if (second && (n < 2 || strcmp(words[1], second + 1) != 0))
            continue;
        *ret_used = second ? 2 : 1;
        return &verbs[i];
    }
    return NULL;
}

/* Where the verb's list of flags names this one: what stands behind the name; NULL if it does not. */
static const char *marks_of(const struct tsk_cli_verb *verb, const char *flag)
{
    size_t n = strlen(flag);
    for (const char *p = verb->flags; (p = strstr(p, flag)) != NULL; p += n)
        if ((p == verb->flags || p[-1] == ' ') && strchr(" !+", p[n]) != NULL)
            return p + n;
    return NULL;
}

/* Whether the verb takes the flag; *ret_must if it must be there. */
static bool takes(const struct tsk_cli_verb *verb, const char *flag, bool *ret_must)
{
    const char *marks = marks_of(verb, flag);
    if (marks)
        *ret_must = *marks == '!';
    return marks != NULL;
}

static bool may_repeat(const struct tsk_cli_verb *verb, const char *flag)
{
    const char *marks = verb ? marks_of(verb, flag) : NULL;
    return marks && marks[strspn(marks, "!")] == '+';
}

bool tsk_verb_takes(const struct tsk_cli_verb *v, enum tsk_flag f, bool *ret_must)
{
    *ret_must = false;
    return takes(v, tsk_flag_rows[f].name, ret_must);
}

static enum tsk_flag flag_by_name(const char *name, size_t n)
{
    for (int f = 0; f < TSK_F_COUNT; f++)
        if (strlen(tsk_flag_rows[f].name) == n && strncmp(tsk_flag_rows[f].name, name, n) == 0)
            return (enum tsk_flag)f;
    return TSK_F_NONE;
}

static enum tsk_err add(struct tsk_args *a, enum tsk_flag flag, const char *text, size_t n)
{
    char *copy = strndup(text, n);
    if (!copy)
        return TSK_E_NOMEM;
    a->list[a->n++] = (struct tsk_arg){flag, copy};
    return TSK_OK;
}

static enum tsk_err add_list(struct tsk_args *a, enum tsk_flag flag, const char *text)
{
    for (;;) {
        size_t n = strcspn(text, ",");
        if (n == 0)
            return TSK_E_USAGE;
        TSK_TRY(add(a, flag, text, n));
        if (text[n] == '\0')
            return TSK_OK;
        text += n + 1;
    }
}

static enum tsk_err add_value(struct tsk_args *a, enum tsk_flag flag, const char *value)
{
    if (!value || *value == '\0')
        return TSK_E_USAGE;
    if (tsk_flag_rows[flag].kind == TSK_FLAG_LIST) {
        a->has[flag] = true;
        return add_list(a, flag, value);
    }
    if (a->has[flag] && !may_repeat(a->verb, tsk_flag_rows[flag].name))
        return TSK_E_USAGE;
    a->has[flag] = true;
    return add(a, flag, value, strlen(value));
}

/* One flag at argv[*i]; moves *i when the next word is its value. */
static enum tsk_err take_flag(struct tsk_args *a, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2, *eq = strchr(name, '=');
    enum tsk_flag flag = flag_by_name(name, eq ? (size_t)(eq - name) : strlen(name));
    bool must;
    if (flag == TSK_F_NONE)
        return TSK_E_USAGE;
    if (!tsk_flag_rows[flag].everywhere && (!a->verb || !takes(a->verb, tsk_flag_rows[flag].name, &must)))
        return TSK_E_USAGE;
    if (tsk_flag_rows[flag].kind == TSK_FLAG_BOOL) {
        a->has[flag] = true;
        return eq ? TSK_E_USAGE : TSK_OK;
    }
    if (eq)
        return add_value(a, flag, eq + 1);
    /* A value that looks like a flag is a forgotten value; `--flag=--x` says what is meant. */
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
        return TSK_E_USAGE;
    return add_value(a, flag, argv[++*i]);
}

static enum tsk_err take_all(struct tsk_args *a, int argc, char **argv, int i, char ret_what[TSK_ARG_WHAT_CAP])
{
    bool flags_end = false;
    for (; i < argc; i++) {
        bool is_flag = !flags_end && argv[i][0] == '-' && argv[i][1] != '\0';
        if (!is_flag) {
            TSK_TRY(add(a, TSK_F_NONE, argv[i], strlen(argv[i])));
            continue;
        }
        flags_end = strcmp(argv[i], "--") == 0;
        if (flags_end)
            continue;
        int at = i;
        enum tsk_err e = argv[i][1] == '-' ? take_flag(a, argc, argv, &i) : TSK_E_USAGE;
        if (e != TSK_OK) {
            tsk_arg_what(ret_what, "%.*s", (int)strcspn(argv[at], "="), argv[at]);
            return e;
        }
    }
    return TSK_OK;
}

static size_t stdin_uses(const struct tsk_args *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++) {
        const char *eq = a->list[i].flag == TSK_F_DETAIL ? strchr(a->list[i].text, '=') : NULL;
        const char *value = eq ? eq + 1 : a->list[i].text;
        n += strcmp(value, "-") == 0; // NOLINT(clang-analyzer-core.NonNullParamChecker) - add() puts no NULL
    }
    return n;
}

static size_t room(int argc, char **argv)
{
    size_t n = 1;
    for (int i = 0; i < argc; i++) {
        n++;
        for (const char *p = argv[i]; (p = strchr(p, ',')) != NULL; p++)
            n++;
    }
    return n;
}

enum tsk_err tsk_args_parse(int argc, char **argv, struct tsk_args *ret_args, char ret_what[TSK_ARG_WHAT_CAP])
{
    struct tsk_args *a = ret_args;
    memset(a, 0, sizeof *a);
    ret_what[0] = '\0';
    a->list = calloc(room(argc, argv), sizeof *a->list);
    if (!a->list)
        return TSK_E_NOMEM;
    size_t used = 0;
    bool bare = argc > 1 && argv[1][0] == '-';
    if (argc > 1 && !bare) {
        a->verb = tsk_cli_verb_find(argv + 1, (size_t)argc - 1, &used);
        if (!a->verb) {
            tsk_arg_what(ret_what, "%s", argv[1]);
            return TSK_E_USAGE;
        }
    }
    TSK_TRY(take_all(a, argc, argv, 1 + (int)used, ret_what));
    if (!a->verb && !a->has[TSK_F_VERSION] && !a->has[TSK_F_HELP])
        return TSK_E_USAGE;
    if (stdin_uses(a) > 1) {
        tsk_arg_what(ret_what, "-");
        return TSK_E_USAGE;
    }
    return TSK_OK;
}

void tsk_args_free(struct tsk_args *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->list[i].text);
    free(a->list);
    a->list = NULL;
    a->n = 0;
}

enum tsk_err tsk_args_complete(const struct tsk_args *a, char ret_what[TSK_ARG_WHAT_CAP])
{
    for (int f = 0; f < TSK_F_COUNT; f++) {
        bool must = false;
        if (!a->has[f] && takes(a->verb, tsk_flag_rows[f].name, &must) && must) {
            tsk_arg_what(ret_what, "--%s", tsk_flag_rows[f].name);
            return TSK_E_USAGE;
        }
    }
    size_t n = tsk_arg_count(a, TSK_F_NONE);
    if (n >= a->verb->least && n <= a->verb->most)
        return TSK_OK;
    tsk_arg_what(ret_what, "%s %s", a->verb->name, a->verb->usage);
    return TSK_E_USAGE;
}

const char *tsk_arg_next(const struct tsk_args *a, enum tsk_flag f, size_t *at)
{
    while (*at < a->n) {
        const struct tsk_arg *arg = &a->list[(*at)++];
        if (arg->flag == f)
            return arg->text;
    }
    return NULL;
}

const char *tsk_arg(const struct tsk_args *a, enum tsk_flag f)
{
    size_t at = 0;
    return tsk_arg_next(a, f, &at);
}

size_t tsk_arg_count(const struct tsk_args *a, enum tsk_flag f)
{
    size_t n = 0, at = 0;
    while (tsk_arg_next(a, f, &at))
        n++;
    return n;
}
