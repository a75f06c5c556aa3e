/* The everyday verbs: the next step of a referral, how the node is, opening, exporting. */
#include <stdlib.h>
#include <string.h>

#include "node/cli/cli.h"
#include "node/core/folder.h"
#include "schema/date.h"

/* ---- one referral ---- */
static enum tsk_err request_for(struct tsk_cli *c, const char *verb, const char *key, json_t **ret_request)
{
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    json_t *request = json_pack("{s:s,s:s}", "verb", verb, key, tsk_word(c, 0));
    if (!request)
        return TSK_E_NOMEM;
    *ret_request = request;
    return TSK_OK;
}

/* The state that each verb of people asks for, and the member that takes its code. */
static const struct act { const char *verb, *event, *member; bool may_lack; } ACTS[] = {
    {"ack", "acked", NULL, true}, {"accept", "accepted", NULL, true}, {"unaccept", "unaccepted", NULL, true},
    {"decline", "declined", "reason", false}, {"need-info", "need_info", "reason", false},
    {"answer", "answered", "reason", false}, {"appoint", "appointed", NULL, true}, {"connect", "connected", "outcome", true},
    {"not-connected", "notconnected", "outcome", false}, {"close", "closed", "outcome", false},
    {"recall", "recalled", NULL, true},
};

static enum tsk_err add_text(json_t *o, const char *key, const char *text)
{
    return !text || json_object_set_new(o, key, json_string(text)) == 0 ? TSK_OK : TSK_E_USAGE;
}

/* --at; 0 if it is not there. */
static enum tsk_err at_of(struct tsk_cli *c, uint64_t *ret_at)
{
    const char *text = tsk_flag(c, TSK_F_AT);
    char copy[64];
    *ret_at = 0;
    if (!text)
        return TSK_OK;
    snprintf(copy, sizeof copy, "%s", text);
    if (strlen(copy) > 10 && copy[10] == ' ') /* as people write it */
        copy[10] = 'T';
    bool fits = strlen(text) < sizeof copy && tsk_time_parse(copy, ret_at) == TSK_OK;
    return fits ? TSK_OK : tsk_refuse(c, TSK_E_USAGE, "--at %s", text);
}

static enum tsk_err add_at(struct tsk_cli *c, json_t *request)
{
    uint64_t at;
    TSK_TRY(at_of(c, &at));
    if (at == 0)
        return TSK_OK;
    return json_object_set_new(request, "at", json_integer((json_int_t)at)) == 0 ? TSK_OK : TSK_E_NOMEM;
}

static enum tsk_err want_partner(struct tsk_cli *c, enum tsk_flag f)
{
    const char *id = tsk_flag(c, f);
    return !id || tsk_partner_id_ok(id) ? TSK_OK : tsk_refuse(c, TSK_E_USAGE, "--%s %s", tsk_flag_rows[f].name, id);
}

/* The code of --reason or --outcome is looked at here, where the codes that there are can be shown. */
static enum tsk_err want_reason(struct tsk_cli *c)
{
    static const enum tsk_flag FLAGS[] = {TSK_F_REASON, TSK_F_OUTCOME};
    for (size_t i = 0; i < 2; i++) {
        const char *text = tsk_flag(c, FLAGS[i]);
        enum tsk_list list = tsk_flag_list(c->args.verb, FLAGS[i]);
        bool tel = list == TSK_LIST_CATEGORY && text && strcmp(text, "tel") == 0;
        if (text && list != TSK_LIST_COUNT && !tel)
            TSK_TRY(tsk_want_code(c, FLAGS[i], list, text));
    }
    return TSK_OK;
}

static const struct act *act_of(const char *verb)
{
    for (size_t i = 0; i < sizeof ACTS / sizeof *ACTS; i++)
        if (strcmp(ACTS[i].verb, verb) == 0)
            return &ACTS[i];
    return NULL;
}

const char *tsk_act_event(const char *verb)
{
    const struct act *act = act_of(verb);
    return act ? act->event : "";
}

enum tsk_err tsk_cli_act(struct tsk_cli *c)
{
    const struct act *act = act_of(c->args.verb->name);
    if (act == NULL)
        return TSK_E_BUG;
    TSK_TRY(want_partner(c, TSK_F_RECOMMEND));
    json_t *request = NULL;
    TSK_TRY(request_for(c, "act", "referral", &request));
    TSK_JSON *req = request;
    TSK_TRY(add_text(req, "event", act->event));
    const char *code = tsk_flag(c, TSK_F_OUTCOME) ? tsk_flag(c, TSK_F_OUTCOME) : tsk_flag(c, TSK_F_REASON);
    TSK_TRY(want_reason(c));
    if (!code && !act->may_lack)
        return tsk_refuse(c, TSK_E_USAGE, "--%s", act->member);
    if (act->member)
        TSK_TRY(add_text(req, act->member, code));
    TSK_TRY(add_text(req, "recommend", tsk_flag(c, TSK_F_RECOMMEND)));
    TSK_TRY(add_at(c, req));
    return tsk_ask_out(c, json_incref(req));
}

/* What follows from it, where that is easily taken wrong. */
static const struct { const char *verb, *ja, *en; } AFTER[] = {
    {"accept", "送り元の記録が届いて「引き継ぎました」になるまでは、責任は送り元にあります。",
     "Until the sender has confirmed it (\"Handed over\") the sender stays responsible."},
    {"decline", "送り元に知らせます。責任は送り元にあります。", "The sender is told, and is responsible."},
    {"recall", "相手に知らせます。届いていたときは、相手が見た困りごとや年代を、見なかったことにはできません。",
     "The agency is told. If it had arrived, what it has seen (need, age band, ward) it has seen."},
};

static void show_code(struct tsk_cli *c)
{
    char reason[192];
    uint64_t at = 0;
    const char *code = tsk_flag(c, TSK_F_OUTCOME) ? tsk_flag(c, TSK_F_OUTCOME) : tsk_flag(c, TSK_F_REASON);
    if (code) {
        tsk_reason_words(c, code, reason, sizeof reason);
        printf(": %s", reason);
    }
    if (at_of(c, &at) == TSK_OK && at > 0) {
        tsk_time_words(at, reason);
        printf(": %s%s", reason, at < tsk_wall_s() ? tsk_words(c, " (過ぎた日時です。まちがいなら、もう一度 appoint してください)",
                                                               " (in the past: if that is a mistake, appoint again)") : "");
    }
    putchar('\n');
}

void tsk_show_act(struct tsk_cli *c)
{
    char who[TSK_WHO_CAP];
    const struct act *act = act_of(c->args.verb->name);
    if (act == NULL)
        return;
    printf("%s: %s", tsk_words(c, "記録しました", "Recorded"), tsk_state_words(c, act->event));
    show_code(c);
    tsk_who_words(c, tsk_js(c->out, "responsible"), who);
    printf("%s: %s  %s: %s\n", tsk_words(c, "いまの状況", "State now"), tsk_state_words(c, tsk_js(c->out, "state")),
           tsk_words(c, "責任", "responsible"), who);
    for (size_t i = 0; i < sizeof AFTER / sizeof *AFTER; i++)
        if (strcmp(AFTER[i].verb, c->args.verb->name) == 0)
            puts(tsk_words(c, AFTER[i].ja, AFTER[i].en));
}

/* ---- status ---- */
enum tsk_err tsk_cli_status(struct tsk_cli *c)
{
    return tsk_ask_out(c, tsk_request("status"));
}

static void show_store(struct tsk_cli *c)
{
    const json_t *store = json_object_get(c->out, "store");
    double mb = 1024 * 1024, used = (double)tsk_jn(store, "used") / mb, max = (double)tsk_jn(store, "max") / mb;
    printf("%s: %.1f / %.1f MiB\n", tsk_words(c, "保存場所", "Store"), used, max);
    if (json_is_true(json_object_get(store, "full")))
        puts(tsk_words(c, "保存場所がいっぱいです。新しいつなぎと同意は、空きができるまで受け付けません。取り消しは受け付けます。",
                       "The store is full: no new referrals and consents until there is room. Withdrawals are taken."));
}

static void show_peers(struct tsk_cli *c, const json_t *peers)
{
    size_t n = json_array_size(peers);
    struct { char who[TSK_WHO_CAP], contact[32], waiting[24]; } *texts = calloc(n + 1, sizeof *texts);
    const char **cells = calloc((n + 1) * 4, sizeof *cells);
    if (texts && cells) {
        const char *head[] = {tsk_words(c, "相手の機関", "Agency"), tsk_words(c, "いま", "Now"), tsk_words(c, "最終接続", "Last contact"),
                              tsk_words(c, "送信待ち", "Waiting to be sent")};
        memcpy(cells, head, sizeof head);
        for (size_t i = 0; i < n; i++) {
            const json_t *p = json_array_get(peers, i);
            tsk_who_words(c, tsk_js(p, "partner"), texts[i].who);
            tsk_time_words(tsk_jn(p, "last_contact"), texts[i].contact);
            snprintf(texts[i].waiting, sizeof texts[i].waiting, "%llu", (unsigned long long)tsk_jn(p, "waiting"));
            const char *row[] = {texts[i].who,
                                 json_is_true(json_object_get(p, "connected")) ? tsk_words(c, "接続中", "connected")
                                                                               : tsk_words(c, "つながっていません", "not connected"),
                                 tsk_jn(p, "last_contact") ? texts[i].contact : tsk_words(c, "まだありません", "never"),
                                 texts[i].waiting};
            memcpy(cells + (i + 1) * 4, row, sizeof row);
        }
        tsk_table_print(stdout, cells, n + 1, 4);
    }
    free(cells);
    free(texts);
}

void tsk_show_status(struct tsk_cli *c)
{
    const json_t *peers = json_object_get(c->out, "peers"), *roster = json_object_get(c->out, "roster");
    char until[32], who[TSK_WHO_CAP];
    tsk_time_words(tsk_jn(roster, "valid_until"), until);
    tsk_who_words(c, tsk_js(c->out, "partner"), who);
    printf("%s  %s\n", who,
           json_is_true(json_object_get(c->out, "ready")) ? tsk_words(c, "動いています", "ready")
                                                          : tsk_words(c, "まだ使えません", "not ready"));
    printf("%s: %llu\n", tsk_words(c, "送信待ち", "Waiting to be sent"), (unsigned long long)tsk_jn(c->out, "queue"));
    if (json_is_object(roster))
        printf("%s: %llu  %s: %s\n", tsk_words(c, "名簿の版", "Roster"), (unsigned long long)tsk_jn(roster, "seq"),
               tsk_words(c, "使える期限", "valid until"), until);
    else
        puts(tsk_words(c, "名簿: まだ入っていません(tasuki roster install)", "Roster: none yet (tasuki roster install)"));
    show_store(c);
    const json_t *clock = json_object_get(c->out, "clock");
    if (tsk_jn(clock, "now") + TSK_CLOCK_AHEAD_S < tsk_jn(clock, "floor")) {
        tsk_time_words(tsk_jn(clock, "floor"), until);
        printf("!! %s %s\n", tsk_words(c, "このパソコンの時計が遅れています。合わせるまで内容は開けません。少なくともこの時刻は過ぎています:",
                                       "This computer's clock is behind; set it, or nothing opens. It is later than"), until);
    }
    if (json_array_size(peers) > 0)
        show_peers(c, peers);
}

/* ---- open ---- */
enum tsk_err tsk_cli_open(struct tsk_cli *c)
{
    TSK_TRY(tsk_want_code(c, TSK_F_NONE, TSK_LIST_CATEGORY, tsk_word(c, 1)));
    TSK_TRY(tsk_want_code(c, TSK_F_PURPOSE, TSK_LIST_PURPOSE, tsk_flag(c, TSK_F_PURPOSE)));
    json_t *request = NULL;
    TSK_TRY(request_for(c, "open", "referral", &request));
    TSK_JSON *req = request;
    TSK_TRY(add_text(req, "category", tsk_word(c, 1)));
    TSK_TRY(add_text(req, "purpose", tsk_flag(c, TSK_F_PURPOSE)));
    return tsk_ask_out(c, json_incref(req));
}

void tsk_show_open(struct tsk_cli *c)
{
    const char *category = tsk_js(c->out, "category");
    printf("%s %s\n", category, tsk_code_text(TSK_LIST_CATEGORY, category, c->ui));
    tsk_content_print(c, json_object_get(c->out, "content"));
    puts(tsk_words(c, "開いた記録が残りました。家族は、だれがいつ何を開いたかを聞くことができます。",
                   "A record of this opening is kept; the family may ask who opened what, and when."));
}

/* ---- export ---- */
static enum tsk_err save(struct tsk_cli *c, const char *name, const json_t *hex)
{
    char path[TSK_PATH_CAP];
    TSK_HEAP *p = NULL;
    size_t n = 0;
    TSK_TRY(tsk_path(tsk_flag(c, TSK_F_OUT), name, path));
    TSK_TRY(tsk_junhex_any(hex, &p, &n));
    return tsk_file_write(path, (struct tsk_slice){p, n}, 0600);
}

static enum tsk_err save_all(struct tsk_cli *c, const json_t *answer, json_t *files)
{
    const json_t *records = json_object_get(answer, "records");
    size_t i;
    json_t *r;
    json_array_foreach(records, i, r) {
        /* The name of a file is not for the node to choose. */
        char name[64], type[24];
        snprintf(type, sizeof type, "%s", tsk_js(r, "type"));
        if (strspn(type, "abcdefghijklmnopqrstuvwxyz") != strlen(type))
            return TSK_E_BUG;
        snprintf(name, sizeof name, "%03zu-%s.cose", i + 1, type);
        TSK_TRY(save(c, name, json_object_get(r, "record")));
        if (json_array_append_new(files, json_string(name)) != 0)
            return TSK_E_NOMEM;
    }
    TSK_TRY(save(c, "roster.cose", json_object_get(answer, "roster")));
    return json_array_append_new(files, json_string("roster.cose")) == 0 ? TSK_OK : TSK_E_NOMEM;
}

enum tsk_err tsk_cli_export(struct tsk_cli *c)
{
    json_t *request = NULL, *got = NULL;
    TSK_TRY(request_for(c, "export", "referral", &request));
    TSK_TRY(tsk_ask_node(c, request, &got));
    TSK_JSON *answer = got;
    const char *out = tsk_flag(c, TSK_F_OUT);
    /* Two families' records in one folder would be handed on as one. */
    enum tsk_err e = tsk_folder_new(out);
    if (e == TSK_E_EXISTS)
        return tsk_refuse_next(c, e, out, tsk_words(c, "新しいフォルダーか、空のフォルダーを --out に指定してください。",
                                                    "Give a new folder, or an empty one, with --out."));
    if (e != TSK_OK)
        return tsk_refuse(c, e, "%s", out);
    json_t *files = json_array();
    if (json_object_set_new(c->out, "files", files) != 0)
        return TSK_E_NOMEM;
    TSK_TRY(add_text(c->out, "referral", tsk_word(c, 0)));
    TSK_TRY(add_text(c->out, "dir", out));
    return save_all(c, answer, files);
}

void tsk_show_export(struct tsk_cli *c)
{
    printf("%s: %zu %s\n", tsk_js(c->out, "dir"), json_array_size(json_object_get(c->out, "files")),
           tsk_words(c, "個のファイルを書きました。", "files written."));
}
