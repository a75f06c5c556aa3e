/* A new referral: everything that can be checked here is checked before the node is asked. */
#include <string.h>

#include "crypto/secret.h"
#include "node/cli/detail.h"
#include "node/desk/json.h"
#include "schema/date.h"


/* A list flag as a JSON list, each value checked. */
static enum tsk_err list_of(struct tsk_cli *c, enum tsk_flag f, const enum tsk_list *codes, json_t *ret_list)
{
    size_t at = 0;
    for (const char *text; (text = tsk_arg_next(&c->args, f, &at)) != NULL;) {
        TSK_TRY(codes ? tsk_want_code(c, f, *codes, text) : tsk_want_id(c, text, 16));
        if (json_array_append_new(ret_list, json_string(text)) != 0)
            return TSK_E_NOMEM;
    }
    return TSK_OK;
}

/* Ages, in years, that an age band may have (school years and birthdays overlap); -1 is an expected birth. What lies outside
 * is a slip of the pen in one of the two, and what was sent cannot be taken back. */
static const struct { const char *band; int from, to; } BANDS[] = {
    {"A0", -1, 0}, {"A1", 0, 7}, {"A2", 6, 10}, {"A3", 9, 13}, {"A4", 12, 16}, {"A5", 15, 18}, {"A6", 18, 200},
};

static int age_of(const struct tsk_birth *b)
{
    struct tsk_date today = tsk_date_of(tsk_wall_s());
    bool before = today.month < b->date.month || (today.month == b->date.month && today.day < b->date.day);
    return b->by_age ? b->age : today.year - b->date.year - before;
}

static enum tsk_err check_band(struct tsk_cli *c, const struct tsk_birth *b)
{
    int age = age_of(b);
    char what[64], fit[256] = "", next[512];
    for (size_t i = 0, at = 0; i < sizeof BANDS / sizeof *BANDS; i++) {
        if (age < BANDS[i].from || age > BANDS[i].to)
            continue;
        if (strcmp(BANDS[i].band, tsk_flag(c, TSK_F_AGE_BAND)) == 0)
            return TSK_OK;
        int n = snprintf(fit + at, sizeof fit - at, "%s%s %s", at > 0 ? tsk_words(c, "、", ", ") : "", BANDS[i].band,
                         tsk_code_text(TSK_LIST_AGE_BAND, BANDS[i].band, c->ui));
        at += n > 0 && (size_t)n < sizeof fit - at ? (size_t)n : 0;
    }
    snprintf(what, sizeof what, "--age-band %s", tsk_flag(c, TSK_F_AGE_BAND));
    snprintf(next, sizeof next, tsk_words(c, "--birth に合う年代は %s です。どちらが正しいか確かめて、直してください。",
                                          "What fits --birth is %s. See which of "
                                          "the two is right, and correct the other."), fit);
    return tsk_refuse_next(c, TSK_E_USAGE, what, next);
}

static enum tsk_err check_flags(struct tsk_cli *c)
{
    struct tsk_birth birth;
    const char *to = tsk_flag(c, TSK_F_TO), *born = tsk_flag(c, TSK_F_BIRTH);
    if (!tsk_partner_id_ok(to))
        return tsk_refuse(c, TSK_E_USAGE, "--to %s", to);
    TSK_TRY(tsk_want_code(c, TSK_F_AGE_BAND, TSK_LIST_AGE_BAND, tsk_flag(c, TSK_F_AGE_BAND)));
    TSK_TRY(tsk_want_code(c, TSK_F_WARD, TSK_LIST_WARD, tsk_flag(c, TSK_F_WARD)));
    if (tsk_flag(c, TSK_F_URGENCY))
        TSK_TRY(tsk_want_code(c, TSK_F_URGENCY, TSK_LIST_URGENCY, tsk_flag(c, TSK_F_URGENCY)));
    TSK_TRY(tsk_want_choice(c, TSK_F_REQUIRE, "any|all"));
    if (tsk_birth_parse(born, tsk_wall_s(), &birth) != TSK_OK)
        return tsk_refuse(c, TSK_E_USAGE, "--birth %s", born);
    return check_band(c, &birth);
}

/* ---- details ---- */
/* What is wrong with the item that c->what names, and what would be right: the daemon never sees the file. */
static enum tsk_err explain_detail(struct tsk_cli *c, const char *category, const json_t *content)
{
    char key[TSK_ARG_WHAT_CAP], next[1024];
    size_t n, at = 0;
    memcpy(key, c->what, sizeof key);
    const struct tsk_item_row *row = tsk_item_row_find(key), *rows = tsk_item_rows(&n);
    const char *label = row ? tsk_words(c, row->ja, row->en) : "";
    if (row && strcmp(row->category, category) == 0 && json_object_get(content, key)) {
        char form[512];
        tsk_item_form(c, row, form, sizeof form);
        snprintf(next, sizeof next, tsk_words(c, "%s(%s)の値を直してください: %s。", "Correct the value of %s (%s): %s."),
                 key, label, form);
        return tsk_refuse_next(c, TSK_E_DETAIL, key, next);
    }
    if (row && strcmp(row->category, category) == 0) {
        snprintf(next, sizeof next, tsk_words(c, "%s(%s)が足りません。書き足してください。", "%s (%s) is missing; add it."), key, label);
        return tsk_refuse_next(c, TSK_E_DETAIL, key, next);
    }
    int put = snprintf(next, sizeof next, tsk_words(c, "%s に書ける項目: ", "What %s may hold: "), category);
    at = put > 0 ? (size_t)put : 0;
    for (size_t i = 0; i < n && at < sizeof next; i++)
        if (strcmp(rows[i].category, category) == 0)
            at += (size_t)snprintf(next + at, sizeof next - at, "%s (%s) ", rows[i].id, tsk_words(c, rows[i].ja, rows[i].en));
    return tsk_refuse_next(c, TSK_E_DETAIL, key, next);
}

static enum tsk_err read_content(struct tsk_cli *c, const char *path, json_t **ret_content)
{
    TSK_HEAP *text = NULL;
    size_t n = 0;
    json_error_t where;
    char next[160];
    TSK_TRY(tsk_want_file(c, path, TSK_DETAIL_FILE_MAX, &text, &n));
    json_t *content = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, &where);
    tsk_wipe(text, n);
    if (json_is_object(content)) {
        *ret_content = content;
        return TSK_OK;
    }
    snprintf(next, sizeof next, tsk_words(c, "%d 行目の近くを直してください。{\"c1.call\":\"はる\"} のような JSON 1個です。",
                                          "Look near line %d: it must be one JSON object such as {\"c1.call\":\"Haru\"}."),
             content ? 1 : where.line);
    json_decref(content);
    return tsk_refuse_next(c, TSK_E_BADFILE, path, next);
}

/* One `C1=FILE.json`. */
static enum tsk_err add_detail(struct tsk_cli *c, const char *pair, json_t *details)
{
    char category[8] = "";
    const char *eq = strchr(pair, '=');
    if (!eq || eq == pair || (size_t)(eq - pair) >= sizeof category || eq[1] == '\0')
        return tsk_refuse(c, TSK_E_USAGE, "--detail %s", pair);
    memcpy(category, pair, (size_t)(eq - pair));
    TSK_TRY(tsk_want_code(c, TSK_F_DETAIL, TSK_LIST_CATEGORY, category));
    json_t *read = NULL;
    TSK_TRY(read_content(c, eq + 1, &read));
    TSK_JSON *content = read;
    if (tsk_content_danger(content))
        return TSK_E_EMERGENCY;
    TSK_HEAP *packed = NULL;
    size_t n = 0;
    enum tsk_err e = tsk_detail_pack(c, category, content, &packed, &n);
    if (e != TSK_OK)
        return e == TSK_E_DETAIL ? explain_detail(c, category, content) : e;
    json_t *hex = tsk_jhex(packed, n);
    tsk_wipe(packed, n);
    return hex && json_array_append_new(details, json_pack("{s:s,s:o}", "category", category, "content", hex)) == 0 ? TSK_OK
                                                                                                            : TSK_E_NOMEM;
}

static enum tsk_err add_details(struct tsk_cli *c, json_t *details)
{
    size_t at = 0;
    for (const char *pair; (pair = tsk_arg_next(&c->args, TSK_F_DETAIL, &at)) != NULL;)
        TSK_TRY(add_detail(c, pair, details));
    return TSK_OK;
}

/* Cards, details and --hold, for both verbs; a list that was not given is left out. */
static enum tsk_err add_lists(struct tsk_cli *c, json_t *request)
{
    TSK_JSON *holders = json_array(), *details = json_array();
    if (!holders || !details)
        return TSK_E_NOMEM;
    TSK_TRY(list_of(c, TSK_F_HOLDER, NULL, holders));
    TSK_TRY(add_details(c, details));
    bool ok = (json_array_size(holders) == 0 || json_object_set(request, "holders", holders) == 0) &&
              (json_array_size(details) == 0 || json_object_set(request, "details", details) == 0) &&
              (!c->args.has[TSK_F_HOLD] || json_object_set_new(request, "hold", json_true()) == 0);
    return ok ? TSK_OK : TSK_E_NOMEM;
}

enum tsk_err tsk_cli_refer(struct tsk_cli *c)
{
    static const enum tsk_list NEED = TSK_LIST_NEED;
    TSK_TRY(check_flags(c));
    TSK_JSON *needs = json_array();
    TSK_TRY(list_of(c, TSK_F_NEED, &NEED, needs));
    TSK_JSON *request = json_pack("{s:s,s:s,s:O,s:s,s:s,s:s,s:s*,s:s*}", "verb", "refer", "to", tsk_flag(c, TSK_F_TO), "needs",
                                  needs, "age_band", tsk_flag(c, TSK_F_AGE_BAND), "ward", tsk_flag(c, TSK_F_WARD), "birth",
                                  tsk_flag(c, TSK_F_BIRTH), "urgency", tsk_flag(c, TSK_F_URGENCY), "require",
                                  tsk_flag(c, TSK_F_REQUIRE));
    if (!request)
        return TSK_E_NOMEM;
    TSK_TRY(add_lists(c, request));
    return tsk_ask_out(c, json_incref(request));
}

static void show_next_step(const struct tsk_cli *c)
{
    if (tsk_arg_count(&c->args, TSK_F_DETAIL) == 0) {
        puts(tsk_words(c, "くわしい内容はつけていません。あとから足すことはできないので、要るときは取り下げて(recall)作り直してください。",
                       "It has no details. None can be added later: if they are needed, recall it and make it anew."));
        return;
    }
    puts(tsk_words(c, "くわしい内容は封をしてここにあります。家族の同意があるまで、ここから出ません。",
                   "The details stay here, sealed, until the family consents."));
    printf("%s: tasuki consent show --dir %s %s --card-file F --pin-file -\n",
           tsk_words(c, "次に、家族に聞きます", "Next, ask the family"), c->dir, tsk_js(c->out, "referral"));
}

/* A machine that is off rings no bell: what is urgent is said by telephone as well. */
static void show_reply_by(struct tsk_cli *c)
{
    char by[32];
    const char *urgency = tsk_js(c->out, "urgency");
    if (c->args.has[TSK_F_HOLD])
        return;
    tsk_time_words(tsk_jn(c->out, "reply_by"), by);
    printf("%s: %s (%s %s)\n", tsk_words(c, "返事の期限", "Answer due by"), by, urgency,
           tsk_code_text(TSK_LIST_URGENCY, urgency, c->ui));
    if (strcmp(urgency, "U1") == 0 || strcmp(urgency, "U2") == 0)
        puts(tsk_words(c, "急ぎです。つなぎを送ったことを、相手の機関に電話でも伝えてください。",
                       "It is urgent: telephone the agency as well, and say that a referral is on its way."));
}

static void show_sent(struct tsk_cli *c)
{
    char who[TSK_WHO_CAP];
    tsk_who_words(c, tsk_flag(c, TSK_F_TO), who);
    printf("%s: %s  (%s)\n", tsk_words(c, "つなぐ先", "To"), who, tsk_state_words(c, tsk_js(c->out, "state")));
    puts(c->args.has[TSK_F_HOLD]
             ? tsk_words(c, "家族の同意があるまで、相手には何も送りません。", "Nothing at all is sent before the family consents.")
             : tsk_words(c, "いま送るのは、困りごと・急ぎ度・年代・区と、この機関の名前だけです。本人の名前は送りません。",
                         "Sent now: need, urgency, age band, ward and who asks; not the person's name."));
    show_reply_by(c);
}

void tsk_show_refer(struct tsk_cli *c)
{
    printf("%s: %s\n", tsk_words(c, "つなぎ", "Referral"), tsk_js(c->out, "referral"));
    show_sent(c);
    if (json_is_true(json_object_get(c->out, "outside_district")))
        puts(tsk_words(c, "この区は受け持ちの地区の外です(そのまま送れます)。",
                       "The ward lies outside this node's districts (noted, sent all the same)."));
    show_next_step(c);
}

enum tsk_err tsk_cli_reroute(struct tsk_cli *c)
{
    const char *to = tsk_flag(c, TSK_F_TO);
    if (!tsk_partner_id_ok(to))
        return tsk_refuse(c, TSK_E_USAGE, "--to %s", to);
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    TSK_JSON *request = json_pack("{s:s,s:s,s:s}", "verb", "reroute", "referral", tsk_word(c, 0), "to", to);
    if (!request)
        return TSK_E_NOMEM;
    TSK_TRY(add_lists(c, request));
    return tsk_ask_out(c, json_incref(request));
}

void tsk_show_reroute(struct tsk_cli *c)
{
    printf("%s: %s\n", tsk_words(c, "新しいつなぎ", "New referral"), tsk_js(c->out, "referral"));
    show_sent(c);
    puts(tsk_words(c, "家族にあらためて聞いてください。前の同意は移りません。", "Ask the family again: no consent moves along."));
    if (json_is_true(json_object_get(c->out, "details_needed")))
        puts(tsk_words(c, "くわしい内容はついていません(前の内容は送り元でも開けません)。要るときは、これを tasuki recall で取り下げてから、--detail をつけて作り直してください。",
                       "No details: the old ones cannot be opened here. If needed, take this one back "
                       "(tasuki recall) and make it anew with --detail."));
    else
        show_next_step(c);
}
