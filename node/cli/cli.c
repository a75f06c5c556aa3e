/* From the words of a shell to one verb, and from its outcome to what is printed and to the exit status. */
#include "node/cli/detail.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "node/desk/json.h"
#include "node/desk/verb.h"

#define WAIT_S 10
#define WAIT_MAX_S 86400

static const struct tsk_cli_verb VERBS[] = {
#define TSK_CLI(function, name, node, least, most, flags, usage, ja, en, group, example) \
    {name, tsk_cli_##function, tsk_show_##function, node, least, most, flags, usage, ja, en, TSK_GROUP_##group, example},
#include "node/cli/cli.def"
#undef TSK_CLI
};

const struct tsk_cli_verb *tsk_cli_verbs(size_t *ret_n)
{
    *ret_n = sizeof VERBS / sizeof *VERBS;
    return VERBS;
}

const char *tsk_words(const struct tsk_cli *c, const char *ja, const char *en)
{
    return c->ui == TSK_UI_EN ? en : ja;
}

enum tsk_err tsk_refuse(struct tsk_cli *c, enum tsk_err e, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    tsk_arg_what(c->what, "%s", text);
    return e;
}

enum tsk_err tsk_refuse_next(struct tsk_cli *c, enum tsk_err e, const char *what, const char *next)
{
    tsk_arg_what(c->what, "%s", what);
    json_t *answer = tsk_error_json(e, c->ui, c->what, false);
    json_object_set_new(json_object_get(answer, "error"), "next", json_string(next));
    json_decref(c->refusal);
    c->refusal = answer;
    return e;
}

/* ---- what is asked for before the words are understood: how to say that they are not ---- */
/* As POSIX has it: the first of the three that says something. */
static enum tsk_ui ui_of_env(void)
{
    static const char *const NAMES[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *lang = NULL;
    for (size_t i = 0; i < 3 && (!lang || !*lang); i++)
        lang = getenv(NAMES[i]);
    return lang && strncmp(lang, "ja", 2) == 0 ? TSK_UI_JA : TSK_UI_EN;
}

static void look_ahead(struct tsk_cli *c, int argc, char **argv)
{
    c->ui = ui_of_env();
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *ui = strncmp(argv[i], "--ui=", 5) == 0 ? argv[i] + 5
                         : strcmp(argv[i], "--ui") == 0 && i + 1 < argc ? argv[i + 1] : "";
        c->json = c->json || strcmp(argv[i], "--json") == 0;
        c->ui = strcmp(ui, "ja") == 0 ? TSK_UI_JA : strcmp(ui, "en") == 0 ? TSK_UI_EN : c->ui;
    }
}

static enum tsk_err common_flags(struct tsk_cli *c)
{
    TSK_TRY(tsk_want_choice(c, TSK_F_UI, "ja|en"));
    c->dir = tsk_flag(c, TSK_F_DIR);
    c->wait_s = WAIT_S;
    const char *wait = tsk_flag(c, TSK_F_WAIT);
    if (!wait)
        return TSK_OK;
    size_t n = strspn(wait, "0123456789");
    unsigned long s = n > 0 && n < 7 && wait[n] == '\0' ? strtoul(wait, NULL, 10) : WAIT_MAX_S + 1;
    if (s > WAIT_MAX_S)
        return tsk_refuse(c, TSK_E_USAGE, "--wait %s", wait);
    c->wait_s = (unsigned)s;
    return TSK_OK;
}

/* ---- danger ---- */
static bool list_danger(const char *list)
{
    for (;; list++) {
        char code[16];
        size_t n = strcspn(list, ",");
        snprintf(code, sizeof code, "%.*s", (int)(n < sizeof code ? n : 0), list);
        if (tsk_code_danger(code))
            return true;
        list += n;
        if (*list == '\0')
            return false;
    }
}

/* The value of argv[i] if it is --need or --urgency, however it is written. */
static const char *need_at(int argc, char **argv, int i)
{
    bool named = strncmp(argv[i], "--need", 6) == 0 || strncmp(argv[i], "--urgency", 9) == 0;
    const char *eq = named ? strchr(argv[i], '=') : NULL;
    return eq ? eq + 1 : named && i + 1 < argc ? argv[i + 1] : "";
}

/* Someone in danger is not to be kept busy with forms: before the words are understood, and nothing is asked of the node, so
 * that nothing can be stored, sent or logged. */
static enum tsk_err no_danger(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *detail = strncmp(argv[i], "--detail=", 9) == 0                  ? argv[i] + 9
                             : strcmp(argv[i], "--detail") == 0 && i + 1 < argc ? argv[i + 1]
                                                                                : "";
        if (list_danger(need_at(argc, argv, i)) || tsk_detail_danger(detail))
            return TSK_E_EMERGENCY;
    }
    return TSK_OK;
}

/* "tasuki --ui ja inbox": the verb comes first, which "not understood: --dir" would not tell anybody. */
static enum tsk_err parse(struct tsk_cli *c, int argc, char **argv)
{
    enum tsk_err e = tsk_args_parse(argc, argv, &c->args, c->what);
    if (e != TSK_E_USAGE || c->args.verb || argc < 2 || argv[1][0] != '-')
        return e;
    return tsk_refuse_next(c, e, argv[1], tsk_words(c, "操作を先に書いてください。例: tasuki inbox --dir npo --ui ja。操作の一覧: tasuki help",
                                                    "Put the verb first, as in: tasuki inbox --dir npo "
                                                    "--ui en. All verbs: tasuki help"));
}

static enum tsk_err run(struct tsk_cli *c, int argc, char **argv)
{
    TSK_TRY(no_danger(argc, argv));
    TSK_TRY(parse(c, argc, argv));
    if (c->args.has[TSK_F_VERSION])
        return json_object_set_new(c->out, "version", json_string(TSK_VERSION)) == 0 ? TSK_OK : TSK_E_NOMEM;
    TSK_TRY(common_flags(c));
    if (c->args.has[TSK_F_HELP] || !c->args.verb)
        return tsk_cli_help(c);
    TSK_TRY(tsk_args_complete(&c->args, c->what));
    TSK_TRY(tsk_crypto_init());
    return c->args.verb->run(c);
}

/* ---- what is printed ---- */
static void print_refusal(const struct tsk_cli *c, const json_t *error)
{
    const char *what = tsk_js(error, "what"), *text = tsk_js(error, "text"), *next = tsk_js(error, "next");
    fprintf(stderr, "%s", text);
    if (*what && !strstr(text, what))
        fprintf(stderr, ": %s", tsk_state_words(c, what));
    fprintf(stderr, " (%s)\n%s\n", tsk_js(error, "code"),
            json_is_true(json_object_get(error, "sent"))
                ? tsk_words(c, "送信されたものがあります。", "Something was sent.")
                : tsk_words(c, "何も送っていません。", "Nothing was sent."));
    if (*next)
        fprintf(stderr, "%s\n", next);
}

/* Our own "not understood" says what the flag is and which codes it takes. */
static void point_at_usage(struct tsk_cli *c, enum tsk_err e)
{
    char *next = e == TSK_E_USAGE && !c->refusal ? tsk_usage_next(c, c->what) : NULL;
    if (next) {
        char what[TSK_ARG_WHAT_CAP];
        memcpy(what, c->what, sizeof what);
        (void)tsk_refuse_next(c, e, what, next);
    }
    free(next);
}

static void refuse(struct tsk_cli *c, enum tsk_err e)
{
    point_at_usage(c, e);
    TSK_JSON *answer = c->refusal ? json_incref(c->refusal) : tsk_error_json(e, c->ui, c->what, false);
    const json_t *error = json_object_get(answer, "error");
    if (!c->json) {
        print_refusal(c, error);
        return;
    }
    /* What a family's card has opened by then is not for a screen that says no. */
    if (!c->partly)
        json_object_clear(c->out);
    if (json_object_set(c->out, "error", (json_t *)(uintptr_t)error) == 0)
        json_dumpf(c->out, stdout, JSON_COMPACT);
    fputc('\n', stdout);
}

static void show(struct tsk_cli *c)
{
    if (c->json) {
        json_dumpf(c->out, stdout, JSON_COMPACT);
        fputc('\n', stdout);
    } else if (c->args.has[TSK_F_VERSION]) {
        printf("tasuki %s\n", tsk_js(c->out, "version"));
    } else if (c->args.has[TSK_F_HELP] || !c->args.verb) {
        tsk_show_help(c);
    } else {
        c->args.verb->show(c);
    }
}

int tsk_cli_main(int argc, char **argv)
{
    tsk_json_init();
    struct tsk_cli c = {.program = argv[0], .out = json_object()};
    look_ahead(&c, argc, argv);
    enum tsk_err e = c.out ? run(&c, argc, argv) : TSK_E_NOMEM;
    if (e == TSK_OK)
        show(&c);
    else
        refuse(&c, e);
    bool unwritten = fflush(stdout) != 0 || ferror(stdout) != 0;
    tsk_args_free(&c.args);
    tsk_members_free(c.names);
    json_decref(c.refusal);
    json_decref(c.out);
    return e == TSK_OK && unwritten ? tsk_err_exit(TSK_E_DISK) : tsk_err_exit(e);
}
