/* help: what there is to do, by who does it; of one verb its flags, the codes that they take, and an example. Also what
 * a refusal of words points at. */
#include <stdlib.h>
#include <string.h>

#include "node/cli/cli.h"
#include "node/desk/verb.h"

static const struct { const char *name, *ja, *en; } GROUPS[TSK_GROUP_COUNT] = {
    [TSK_GROUP_COORDINATOR] = {"coordinator", "コーディネーター(送り元)", "Coordinator (sender)"},
    [TSK_GROUP_AGENCY] = {"agency", "受け手の機関", "Agency (recipient)"},
    [TSK_GROUP_FAMILY] = {"family", "家族と(本人・保護者のカードで)", "With the family (by their card)"},
    [TSK_GROUP_EVERYONE] = {"everyone", "だれでも", "Everyone"},
    [TSK_GROUP_REGISTRAR] = {"registrar", "登録者・管理者", "Registrar and administrator"},
};

/* A verb of NULL: every verb that takes the flag. */
static const struct { enum tsk_flag flag; const char *verb; enum tsk_list list; } LISTS[] = {
    {TSK_F_NEED, NULL, TSK_LIST_NEED}, {TSK_F_AGE_BAND, NULL, TSK_LIST_AGE_BAND}, {TSK_F_WARD, NULL, TSK_LIST_WARD},
    {TSK_F_URGENCY, NULL, TSK_LIST_URGENCY}, {TSK_F_DETAIL, NULL, TSK_LIST_CATEGORY}, {TSK_F_CATEGORY, NULL, TSK_LIST_CATEGORY},
    {TSK_F_PURPOSE, NULL, TSK_LIST_PURPOSE}, {TSK_F_OUTCOME, NULL, TSK_LIST_OUTCOME},
    {TSK_F_STAFF_REASON, NULL, TSK_LIST_STOP_REASON}, {TSK_F_REASON, "decline", TSK_LIST_DECLINE},
    {TSK_F_REASON, "need-info", TSK_LIST_CATEGORY}, {TSK_F_REASON, "answer", TSK_LIST_ANSWER},
    {TSK_F_REASON, "connect", TSK_LIST_OUTCOME}, {TSK_F_REASON, "not-connected", TSK_LIST_OUTCOME},
    {TSK_F_REASON, "close", TSK_LIST_OUTCOME},
};

enum tsk_list tsk_flag_list(const struct tsk_cli_verb *verb, enum tsk_flag f)
{
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++)
        if (LISTS[i].flag == f && (!LISTS[i].verb || strcmp(LISTS[i].verb, verb->name) == 0))
            return LISTS[i].list;
    return TSK_LIST_COUNT;
}

bool tsk_code_offered(const struct tsk_cli_verb *verb, enum tsk_flag f, const struct tsk_code_row *row)
{
    bool outcome = f == TSK_F_OUTCOME || (f == TSK_F_REASON && tsk_flag_list(verb, f) == TSK_LIST_OUTCOME);
    if (outcome)
        return tsk_outcome_fits(tsk_act_event(verb->name), row);
    return f != TSK_F_STAFF_REASON || strcmp(row->id, "S9") != 0;
}

/* ---- which verbs ---- */
static bool asked_for(const struct tsk_cli *c, const char *name)
{
    if (c->args.verb && c->args.has[TSK_F_HELP])
        return strcmp(name, c->args.verb->name) == 0;
    size_t n = c->args.verb ? tsk_arg_count(&c->args, TSK_F_NONE) : 0;
    if (n == 0)
        return true;
    char words[64];
    snprintf(words, sizeof words, "%s%s%s", tsk_word(c, 0), n > 1 ? " " : "", n > 1 ? tsk_word(c, 1) : "");
    size_t len = strlen(words);
    return strncmp(name, words, len) == 0 && (name[len] == '\0' || name[len] == ' ');
}

enum tsk_err tsk_cli_help(struct tsk_cli *c)
{
    size_t n;
    const struct tsk_cli_verb *verbs = tsk_cli_verbs(&n);
    json_t *list = json_array();
    if (json_object_set_new(c->out, "verbs", list) != 0)
        return TSK_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (asked_for(c, verbs[i].name) &&
            json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s}", "verb", verbs[i].name, "usage", verbs[i].usage,
                                                  "help", tsk_words(c, verbs[i].ja, verbs[i].en), "group",
                                                  GROUPS[verbs[i].group].name, "example", verbs[i].example)) != 0)
            return TSK_E_NOMEM;
    return json_array_size(list) > 0 ? TSK_OK : tsk_refuse(c, TSK_E_USAGE, "%s", tsk_word(c, 0));
}

/* ---- all of them ---- */
static void show_group(const struct tsk_cli *c, enum tsk_cli_group group)
{
    const char *cells[128];
    size_t n, rows = 0;
    const struct tsk_cli_verb *verbs = tsk_cli_verbs(&n);
    printf("\n%s\n", tsk_words(c, GROUPS[group].ja, GROUPS[group].en));
    for (size_t i = 0; i < n && rows < 42; i++)
        if (verbs[i].group == group) {
            const char *row[3] = {"  ", verbs[i].name, tsk_words(c, verbs[i].ja, verbs[i].en)};
            memcpy(cells + 3 * rows++, row, sizeof row);
        }
    tsk_table_print(stdout, cells, rows, 3);
}

static void show_all(const struct tsk_cli *c)
{
    puts(tsk_words(c, "使い方: tasuki 操作 --dir フォルダー ...   くわしくは tasuki help 操作(例 tasuki help refer)\n"
                      "いま危ないときは使わず、110番(警察)・189番(児童相談所)に電話してください。",
                   "Use: tasuki VERB --dir FOLDER ...   More: tasuki help VERB (for example tasuki help refer)\n"
                   "If someone is in danger now, do not use this: call 110 (police) or 189 (child consultation centre)."));
    for (int g = 0; g < TSK_GROUP_COUNT; g++)
        show_group(c, (enum tsk_cli_group)g);
}

/* ---- one of them ---- */
static void show_flag(const struct tsk_cli *c, enum tsk_flag f, bool must)
{
    char name[64];
    const struct tsk_flag_row *row = &tsk_flag_rows[f];
    snprintf(name, sizeof name, "--%s %s", row->name, row->value);
    size_t w = tsk_width(name);
    printf("    %s%*s  %s%s\n", name, (int)(w < 30 ? 30 - w : 0), "", must ? tsk_words(c, "[必ず] ", "[needed] ") : "",
           tsk_words(c, row->ja, row->en));
}

static void show_codes(const struct tsk_cli *c, const struct tsk_cli_verb *v, enum tsk_flag f)
{
    size_t n = 0;
    enum tsk_list list = tsk_flag_list(v, f);
    if (list == TSK_LIST_COUNT)
        return;
    if (f == TSK_F_REASON && list == TSK_LIST_OUTCOME) { /* they stand under --outcome */
        printf("        %s\n", tsk_words(c, "--outcome と同じ(どちらか一方)", "the same as --outcome; give one of the two"));
        return;
    }
    const struct tsk_code_row *rows = tsk_codes(list, &n);
    for (size_t i = 0; i < n; i++)
        if (tsk_code_offered(v, f, &rows[i]))
            printf("        %-6s %s\n", rows[i].id, tsk_words(c, rows[i].ja, rows[i].en));
    if (list == TSK_LIST_CATEGORY && f == TSK_F_REASON)
        printf("        %-6s %s\n", "tel", tsk_words(c, "電話で話したい", "by telephone"));
}

static void show_verb(const struct tsk_cli *c, const struct tsk_cli_verb *v)
{
    printf("tasuki %s %s\n    %s\n", v->name, v->usage, tsk_words(c, v->ja, v->en));
    for (int f = 0; f < TSK_F_COUNT; f++) {
        bool must;
        if (!tsk_verb_takes(v, (enum tsk_flag)f, &must))
            continue;
        show_flag(c, (enum tsk_flag)f, must);
        show_codes(c, v, (enum tsk_flag)f);
    }
    printf("    %s: tasuki %s %s\n\n", tsk_words(c, "例", "Example"), v->name, v->example);
}

void tsk_show_help(struct tsk_cli *c)
{
    size_t n, i;
    const struct tsk_cli_verb *verbs = tsk_cli_verbs(&n);
    bool all = json_array_size(json_object_get(c->out, "verbs")) == n;
    if (all)
        show_all(c);
    for (i = 0; !all && i < n; i++)
        if (asked_for(c, verbs[i].name))
            show_verb(c, &verbs[i]);
    puts(tsk_words(c, all ? "\nどの操作でも使えるもの" : "どの操作でも使えるもの", all ? "\nFor every verb" : "For every verb"));
    for (int f = 0; f < TSK_F_COUNT; f++)
        if (tsk_flag_rows[f].everywhere)
            show_flag(c, (enum tsk_flag)f, false);
}

/* ---- what to do after words that were not understood ---- */
enum { SHORT_LIST = 16 };

/* "--until DATE" and "--until" both name the flag. */
static enum tsk_flag flag_named(const char *what)
{
    if (strncmp(what, "--", 2) != 0)
        return TSK_F_NONE;
    size_t n = strcspn(what + 2, " ");
    for (int f = 0; f < TSK_F_COUNT; f++)
        if (strlen(tsk_flag_rows[f].name) == n && strncmp(what + 2, tsk_flag_rows[f].name, n) == 0)
            return (enum tsk_flag)f;
    return TSK_F_NONE;
}

/* Whether there were codes to say. */
static bool say_codes(const struct tsk_cli *c, enum tsk_flag f, FILE *out)
{
    size_t n = 0;
    const char *between = "";
    enum tsk_list list = c->args.verb ? tsk_flag_list(c->args.verb, f) : TSK_LIST_COUNT;
    const struct tsk_code_row *rows = list == TSK_LIST_COUNT ? NULL : tsk_codes(list, &n);
    if (n == 0 || n > SHORT_LIST)
        return false;
    fprintf(out, "%s", tsk_words(c, "使えるもの: ", "One of: "));
    for (size_t i = 0; i < n; i++) {
        if (!tsk_code_offered(c->args.verb, f, &rows[i]))
            continue;
        fprintf(out, "%s%s %s", between, rows[i].id, tsk_words(c, rows[i].ja, rows[i].en));
        between = tsk_words(c, "、", ", ");
    }
    fprintf(out, "%s", f == TSK_F_REASON && list == TSK_LIST_CATEGORY ? tsk_words(c, "、tel 電話で話したい。", ", tel by telephone.")
                                                                      : tsk_words(c, "。", "."));
    return true;
}

/* "--outcome" alone, and it is not there: that is what is wrong. Else what the flag is. */
static void say_flag(const struct tsk_cli *c, enum tsk_flag f, const char *what, FILE *out)
{
    const struct tsk_flag_row *row = &tsk_flag_rows[f];
    bool missing = !c->args.has[f] && !strchr(what, ' ');
    if (missing)
        fprintf(out, tsk_words(c, "--%s がありません。", "--%s is missing. "), row->name);
    else
        fprintf(out, "--%s: %s%s", row->name, tsk_words(c, row->ja, row->en), tsk_words(c, "。", ". "));
    if (!say_codes(c, f, out) && missing)
        fprintf(out, "%s%s", tsk_words(c, row->ja, row->en), tsk_words(c, "。", "."));
    fputc(' ', out);
}

char *tsk_usage_next(const struct tsk_cli *c, const char *what)
{
    char *text = NULL;
    size_t n = 0;
    enum tsk_flag f = flag_named(what);
    FILE *out = open_memstream(&text, &n);
    if (!out)
        return NULL;
    const struct tsk_flag_row *row = f == TSK_F_NONE ? NULL : &tsk_flag_rows[f];
    bool must;
    if (row && c->args.verb && (row->everywhere || tsk_verb_takes(c->args.verb, f, &must)))
        say_flag(c, f, what, out);
    const char *verb = c->args.verb && strcmp(c->args.verb->name, "help") != 0 ? c->args.verb->name : "";
    fprintf(out, "%s: tasuki help%s%s", tsk_words(c, "使い方", "How to use it"), *verb ? " " : "", verb);
    return fclose(out) == 0 ? text : NULL;
}
