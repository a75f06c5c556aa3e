/* What a family decides with its card: see, give, refuse. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "node/cli/terminal.h"
#include "node/desk/json.h"
#include "schema/date.h"

#define RETENTION_DAYS 90

struct tsk_family_words { const char *lang; enum tsk_ui ui; const char *granted, *others, *latest; };

/* ---- show ---- */
/* Content of one item for the eyes of the card's owner; null where other cards are needed to open it. */
static json_t *content_of(const struct tsk_sitting_item *it)
{
    json_t *content = NULL;
    if (it->content.n == 0 || tsk_json_content(it->content, &content) != TSK_OK)
        return json_null();
    return content;
}

static bool listed(const json_t *list, const char *text)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
        if (json_is_string(v) && strcmp(json_string_value(v), text) == 0)
            return true;
    return false;
}

static enum tsk_err show_items(const struct tsk_sitting *s, json_t *list)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct tsk_sitting_item *it = &s->items[i];
        const char *category = it->item.core.category.s;
        if (it->mine &&
            json_array_append_new(list, json_pack("{s:s,s:o,s:b}", "category", category, "content", content_of(it), "granted",
                                                  listed(json_object_get(s->begin, "granted"), category))) != 0)
            return TSK_E_NOMEM;
    }
    return TSK_OK;
}

static void last_day(uint64_t cap, char ret_day[16])
{
    tsk_date_format(tsk_date_add_days(tsk_date_of(cap), -1), ret_day);
}

/* Nothing is chosen yet when the notice is read: what stands in the places of categories and last day. */
static const struct { uint64_t kind; const char *lang, *categories, *until; } OPEN_WORDS[] = {
    {TSK_HOLDER_CHILD, "ja-Hira", "あなたが えらんだ もの", "あなたが きめる ひ"},
    {TSK_HOLDER_CHILD, "ja", "あなたが選(えら)んだもの", "あなたが決(き)める日(ひ)"},
    {TSK_HOLDER_CHILD, "en", "what you choose", "the day you choose"},
    {TSK_HOLDER_GUARDIAN, "ja", "お選びになるもの", "お決めになる日"},
    {TSK_HOLDER_GUARDIAN, "en", "what you choose", "the day you choose"},
};

static enum tsk_err show_rest(struct tsk_cli *c, const struct tsk_terminal *t, const struct tsk_sitting *s)
{
    const struct tsk_notice *notice = NULL;
    enum tsk_err why;
    char day[16];
    struct tsk_who who = tsk_terminal_who(t, &s->referral.recipient), from = tsk_terminal_who(t, &s->referral.sender);
    last_day(tsk_sitting_cap(s, (uint64_t)time(NULL), &why), day);
    TSK_TRY(tsk_notice_want(c, s->kind, &notice));
    size_t w = 0;
    while (OPEN_WORDS[w].kind != notice->kind || strcmp(OPEN_WORDS[w].lang, notice->lang) != 0)
        if (++w == sizeof OPEN_WORDS / sizeof *OPEN_WORDS)
            return TSK_E_BUG;
    char *text = tsk_notice_fill(notice, who.name, OPEN_WORDS[w].categories, OPEN_WORDS[w].until);
    json_t *more = text ? json_pack("{s:s,s:{s:s,s:s},s:{s:s,s:s},s:s,s:{s:s,s:I,s:s}}", "kind",
                                    s->kind == TSK_HOLDER_CHILD ? "child" : "guardian", "recipient", "partner", who.id, "name",
                                    who.name, "sender", "partner", from.id, "name", from.name, "latest", day, "notice", "lang",
                                    notice->lang, "version", (json_int_t)notice->version, "text", text)
                        : NULL;
    free(text);
    enum tsk_err e = more && json_object_update(c->out, more) == 0 ? TSK_OK : TSK_E_NOMEM;
    json_decref(more);
    return e;
}

enum tsk_err tsk_cli_consent_show(struct tsk_cli *c)
{
    TSK_TERMINAL t = {0};
    TSK_SITTING s = {0};
    json_t *list = json_array();
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    if (json_object_set_new(c->out, "referral", json_string(tsk_word(c, 0))) != 0 ||
        json_object_set_new(c->out, "categories", list) != 0)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_terminal_open(c, &t));
    enum tsk_err e = tsk_sitting_open(c, &t, tsk_word(c, 0), &s);
    /* A wrong PIN and a card that has nothing here look the same: nothing. */
    if (e == TSK_E_WRONGHOLDER)
        return TSK_OK;
    TSK_TRY(e);
    TSK_TRY(show_items(&s, list));
    return show_rest(c, &t, &s);
}

/* Around the notice people read its language, whatever the language of the screen. */
static const struct tsk_family_words SHOWN[] = {
    {"ja-Hira", TSK_UI_EASY, " (もう「いいです」と いいました)",
     "  ここには でません。ほかの ひとの カードも そろって ひらく しくみです。なにが かいて あるか、コーディネーターに きいて ください。",
     "いちばん おそくて この ひまで"},
    {"ja", TSK_UI_JA, " (同意ずみ)",
     "  ここには表示できません。ほかの人のカードとそろったときだけ開く仕組みです。何が書かれているかは、コーディネーターにお聞きください。",
     "選べるいちばん遅い日"},
    {"en", TSK_UI_EN, " (you have said yes)",
     "  It cannot be shown here: it opens only together with the other cards. Ask the coordinator what is written in it.",
     "The latest day that can be chosen"},
};

static const struct tsk_family_words *words_for(const char *lang, bool child)
{
    const char *want = child && strcmp(lang, "ja") == 0 ? "ja-Hira" : lang;
    size_t i = 0;
    while (i + 1 < sizeof SHOWN / sizeof *SHOWN && strcmp(SHOWN[i].lang, want) != 0)
        i++;
    return &SHOWN[i];
}

static void show_category(struct tsk_cli *c, const json_t *o, const struct tsk_family_words *w)
{
    const char *category = tsk_js(o, "category");
    enum tsk_ui ui = c->ui;
    printf("%s %s%s\n", category, tsk_code_text(TSK_LIST_CATEGORY, category, w->ui),
           json_is_true(json_object_get(o, "granted")) ? w->granted : "");
    c->ui = w->ui;
    if (json_is_null(json_object_get(o, "content")))
        puts(w->others);
    else
        tsk_content_print(c, json_object_get(o, "content"));
    c->ui = ui;
}

void tsk_show_consent_show(struct tsk_cli *c)
{
    const json_t *list = json_object_get(c->out, "categories"), *notice = json_object_get(c->out, "notice");
    if (json_array_size(list) == 0) {
        puts(tsk_words(c, "このカードと暗証番号で見られるものはありません。カードと暗証番号を確かめてください。",
                       "There is nothing that this card and PIN can see. Check the card and the PIN."));
        return;
    }
    const char *lang = tsk_js(notice, "lang");
    const struct tsk_family_words *w = words_for(lang, strcmp(tsk_js(c->out, "kind"), "child") == 0);
    char day[48];
    size_t i;
    json_t *o;
    printf("%s\n", tsk_js(notice, "text"));
    json_array_foreach(list, i, o)
        show_category(c, o, w);
    tsk_day_words(w->lang, tsk_js(c->out, "latest"), day);
    printf("%s: %s (%s)\n", w->latest, day, tsk_js(c->out, "latest"));
}

/* ---- give and refuse ---- */
static int by_item(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct tsk_id32)); /* the item's id comes first in both structs */
}

/* The chosen items, each once, in the order that the record wants. */
static enum tsk_err choose(struct tsk_cli *c, const struct tsk_sitting *s, struct tsk_grant *g,
                           const struct tsk_sitting_item *ret_chosen[TSK_ITEMS_MAX])
{
    size_t at = 0;
    for (const char *category; (category = tsk_arg_next(&c->args, TSK_F_CATEGORY, &at)) != NULL;) {
        const struct tsk_sitting_item *it = NULL;
        bool twice = false;
        TSK_TRY(tsk_want_code(c, TSK_F_CATEGORY, TSK_LIST_CATEGORY, category));
        TSK_TRY(tsk_sitting_find(c, s, category, &it));
        for (size_t i = 0; i < g->items_n; i++)
            twice = twice || ret_chosen[i] == it;
        if (twice)
            continue;
        if (g->items_n == TSK_ITEMS_MAX)
            return TSK_E_LIMIT;
        ret_chosen[g->items_n] = it;
        g->items[g->items_n++] = (struct tsk_grant_item){it->id, it->item.core.category};
    }
    qsort(g->items, g->items_n, sizeof g->items[0], by_item);
    return TSK_OK;
}

static bool lifts_already(const struct tsk_grant *g, const struct tsk_id32 *id)
{
    for (size_t i = 0; i < g->lifts_n; i++)
        if (tsk_id32_eq(&g->lifts[i], id))
            return true;
    return false;
}

static enum tsk_err lift_one(struct tsk_cli *c, const struct tsk_sitting_item *it, const json_t *stop, struct tsk_grant *g)
{
    struct tsk_id32 id;
    if (!json_is_string(stop) || tsk_unhex(json_string_value(stop), id.b, sizeof id.b) != TSK_OK)
        return TSK_E_MALFORMED;
    if (lifts_already(g, &id))
        return TSK_OK;
    if (g->lifts_n == TSK_LIFTS_MAX)
        return tsk_refuse(c, TSK_E_LIMIT, "%s", it->item.core.category.s);
    g->lifts[g->lifts_n++] = id;
    return TSK_OK;
}

/* A new yes takes back every stop over what was chosen, and over nothing else. */
static enum tsk_err lift(struct tsk_cli *c, const struct tsk_sitting_item *const *chosen, struct tsk_grant *g)
{
    for (size_t i = 0; i < g->items_n; i++) {
        size_t k;
        json_t *stop;
        json_array_foreach(chosen[i]->lifts, k, stop)
            TSK_TRY(lift_one(c, chosen[i], stop, g));
    }
    qsort(g->lifts, g->lifts_n, sizeof g->lifts[0], by_item);
    return TSK_OK;
}

static enum tsk_err set_notice(struct tsk_cli *c, const struct tsk_sitting *s, struct tsk_grant *g)
{
    const struct tsk_notice *n = NULL;
    char hex[65];
    TSK_TRY(tsk_notice_want(c, s->kind, &n));
    struct tsk_slice text = {(const uint8_t *)n->text, strlen(n->text)};
    TSK_TRY(tsk_sha256(&text, 1, g->notice_hash));
    tsk_hex(g->notice_hash, sizeof g->notice_hash, hex);
    /* Another version of the program may know a text that this network does not use. */
    if (!listed(json_object_get(s->begin, "notices_ok"), hex))
        return tsk_refuse(c, TSK_E_USAGE, "--lang %s", n->lang);
    g->notice_lang = (struct tsk_slice){(const uint8_t *)n->lang, strlen(n->lang)};
    g->notice_version = n->version;
    return TSK_OK;
}

static enum tsk_err until_refused(struct tsk_cli *c, enum tsk_err e, const char *day, const char *ja, const char *en)
{
    char what[64], next[256];
    snprintf(what, sizeof what, "--until %.40s", day);
    snprintf(next, sizeof next, tsk_words(c, ja, en), day);
    return tsk_refuse_next(c, e, what, next);
}

/* Never cut short in silence: the family chose a day, and it is that day or none. */
static enum tsk_err set_expiry(struct tsk_cli *c, const struct tsk_sitting *s, struct tsk_grant *g)
{
    const char *text = tsk_flag(c, TSK_F_UNTIL);
    struct tsk_date date;
    enum tsk_err why;
    char latest[16];
    uint64_t cap = tsk_sitting_cap(s, g->time, &why);
    if (!text) { /* a refusal */
        g->expires = cap;
        return TSK_OK;
    }
    if (tsk_date_parse(text, &date) != TSK_OK)
        return tsk_refuse(c, TSK_E_USAGE, "--until %s", text);
    g->expires = tsk_date_until(date);
    if (g->expires <= g->time)
        return until_refused(c, TSK_E_USAGE, text, "%s はもう過ぎています。きょうか、それより後の日にしてください。",
                             "%s is over. Choose today or a later day.");
    if (g->expires <= cap)
        return TSK_OK;
    last_day(cap, latest);
    return why == TSK_E_AGECHANGED
               ? until_refused(c, why, latest, "%s までの日にしてください。その後は年代の区分が変わるので、あらためて聞きます。",
                               "Choose a day up to %s: after that the age class changes, and consent is asked for again.")
               : until_refused(c, why, latest, "%s までの日にしてください。それより長い同意は受けられません。",
                               "Choose a day up to %s: no consent may last longer.");
}

static enum tsk_err fill_grant(struct tsk_cli *c, const struct tsk_terminal *t, const struct tsk_sitting *s, uint64_t state,
                               uint8_t ret_code[16], struct tsk_grant *g)
{
    const char *purpose = tsk_flag(c, TSK_F_PURPOSE), *how = tsk_flag(c, TSK_F_HOW);
    bool child = s->kind == TSK_HOLDER_CHILD;
    g->holder = g->role_kid = *tsk_signer_kid(s->keys.sign);
    g->role = s->kind;
    g->state = state;
    /* The node's time never goes back; a consent older than what it has seen would be refused. */
    g->time = (uint64_t)time(NULL) > tsk_jn(s->begin, "now") ? (uint64_t)time(NULL) : tsk_jn(s->begin, "now");
    g->sender = s->referral.sender;
    g->recipient = s->referral.recipient;
    g->purpose = tsk_code(purpose ? purpose : "P1");
    g->retention_days = RETENTION_DAYS;
    g->basis = tsk_code(child ? "B1" : "B2");
    g->how = how && strcmp(how, "1") == 0 ? TSK_HOW_PHONE : TSK_HOW_TABLET;
    g->how_node = t->node;
    g->referral = s->ref;
    tsk_random(g->id.b, sizeof g->id.b);
    TSK_TRY(set_notice(c, s, g));
    TSK_TRY(set_expiry(c, s, g));
    TSK_TRY(tsk_wd_code(&t->root, &g->id, ret_code));
    return tsk_wd_hash(&g->id, ret_code, g->code_hash);
}

/* The holder's part of each chosen item, sealed to the recipient's key as the root-signed roster has it. */
static enum tsk_err wrap(const struct tsk_terminal *t, const struct tsk_sitting_item *const *chosen, struct tsk_grant *g,
                         uint8_t *buf, size_t cap, struct tsk_slice *ret_wraps)
{
    const struct tsk_entry *to = tsk_member_by_kid(t->members, &g->recipient, g->time);
    struct tsk_wraps w = {.id = g->id, .wraps_n = g->items_n};
    if (!to)
        return TSK_E_UNKNOWNPEER;
    for (size_t i = 0; i < g->items_n; i++)
        TSK_TRY(tsk_rewrap(&chosen[i]->part, &g->id, &g->holder, &chosen[i]->id, &g->recipient,
                           tsk_member_seal_key(to, g->time), &t->members->net, &w.wraps[i]));
    qsort(w.wraps, w.wraps_n, sizeof w.wraps[0], by_item);
    TSK_TRY(tsk_rec_encode(TSK_REC_WRAPS, &w, buf, cap, ret_wraps));
    return tsk_sha256(ret_wraps, 1, g->wraps_hash);
}

/* A child's no stands against everyone: a stop over each item, whoever grants it. */
static enum tsk_err stop_items(const struct tsk_terminal *t, const struct tsk_sitting *s, const struct tsk_grant *g,
                               json_t *list)
{
    for (size_t i = 0; i < g->items_n; i++) {
        uint8_t buf[2048];
        struct tsk_slice bytes;
        struct tsk_id32 id;
        struct tsk_withdraw w = {.form = TSK_STOP_ITEM, .target = g->items[i].item, .time = g->time, .by = TSK_BY_HOLDER};
        tsk_random(w.id.b, sizeof w.id.b);
        TSK_TRY(tsk_record_sign(TSK_REC_WITHDRAW, &w, s->keys.sign, &t->members->net, buf, sizeof buf, &bytes, &id));
        if (json_array_append_new(list, tsk_jhex(bytes.p, bytes.n)) != 0)
            return TSK_E_NOMEM;
    }
    return TSK_OK;
}

static enum tsk_err send_grant(struct tsk_cli *c, const struct tsk_terminal *t, const struct tsk_sitting *s,
                               const struct tsk_grant *g, struct tsk_slice wraps)
{
    uint8_t buf[16384];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    TSK_JSON *withdraws = json_array();
    TSK_TRY(tsk_record_sign(TSK_REC_GRANT, g, s->keys.sign, &t->members->net, buf, sizeof buf, &bytes, &id));
    if (g->state == TSK_GRANT_REFUSED && s->kind == TSK_HOLDER_CHILD)
        TSK_TRY(stop_items(t, s, g, withdraws));
    json_t *request = json_pack("{s:s,s:o,s:O}", "verb", "consent_put", "grant", tsk_jhex(bytes.p, bytes.n),
                                "withdraws", withdraws);
    if (request && wraps.n > 0)
        json_object_set_new(request, "wraps", tsk_jhex(wraps.p, wraps.n));
    return tsk_ask_out(c, request);
}

static enum tsk_err decide(struct tsk_cli *c, uint64_t state)
{
    TSK_TERMINAL t = {0};
    TSK_SITTING s = {0};
    struct tsk_grant g = {0};
    const struct tsk_sitting_item *chosen[TSK_ITEMS_MAX] = {NULL};
    uint8_t code[16], buf[16384];
    char code_text[40];
    struct tsk_slice wraps = {NULL, 0};
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    TSK_TRY(tsk_want_choice(c, TSK_F_HOW, "1|2"));
    if (tsk_flag(c, TSK_F_PURPOSE))
        TSK_TRY(tsk_want_code(c, TSK_F_PURPOSE, TSK_LIST_PURPOSE, tsk_flag(c, TSK_F_PURPOSE)));
    TSK_TRY(tsk_terminal_open(c, &t));
    TSK_TRY(tsk_sitting_open(c, &t, tsk_word(c, 0), &s));
    TSK_TRY(choose(c, &s, &g, chosen));
    TSK_TRY(fill_grant(c, &t, &s, state, code, &g));
    if (state == TSK_GRANT_GIVEN)
        TSK_TRY(lift(c, chosen, &g));
    if (state == TSK_GRANT_GIVEN)
        TSK_TRY(wrap(&t, chosen, &g, buf, sizeof buf, &wraps));
    TSK_TRY(send_grant(c, &t, &s, &g, wraps));
    if (state == TSK_GRANT_REFUSED)
        return json_object_set_new(c->out, "kind", json_string(s.kind == TSK_HOLDER_CHILD ? "child" : "guardian")) == 0 ? TSK_OK
                                                                                                                  : TSK_E_NOMEM;
    tsk_wd_code_text(code, code_text);
    json_t *receipt = tsk_receipt_json(c, &t, &g, code_text, "given");
    return json_object_set_new(c->out, "code", json_string(code_text)) == 0 &&
           json_object_set_new(c->out, "receipt", receipt) == 0
               ? TSK_OK
               : TSK_E_NOMEM;
}

enum tsk_err tsk_cli_consent_give(struct tsk_cli *c)
{
    return decide(c, TSK_GRANT_GIVEN);
}

void tsk_show_consent_give(struct tsk_cli *c)
{
    puts(json_is_true(json_object_get(c->out, "released"))
             ? tsk_words(c, "同意を受け取りました。選んだ種類だけを送ります。", "Consent taken. Only what was chosen is sent.")
             : tsk_words(c, "同意を受け取りました。まだ送りません。ほかの人の同意がそろったら送ります。",
                         "Consent taken. Nothing is sent yet: it waits until the others have said yes as well."));
    puts(tsk_words(c, "控えを家族に渡してください。取り消しコードはここには残りません。",
                   "Give the receipt to the family. The withdrawal code is not kept here."));
    tsk_receipt_print(json_object_get(c->out, "receipt"));
}

enum tsk_err tsk_cli_consent_refuse(struct tsk_cli *c)
{
    return decide(c, TSK_GRANT_REFUSED);
}

void tsk_show_consent_refuse(struct tsk_cli *c)
{
    puts(tsk_words(c, "「渡さない」という返事を受け取りました。まだ渡していなければ、断ったことは相手の機関に知らせません。",
                   "The answer \"no\" is taken. Where nothing was given yet, the agency is not told that anybody refused."));
    puts(strcmp(tsk_js(c->out, "kind"), "child") == 0
             ? tsk_words(c, "本人の「いや」なので、ほかの人が同意しても渡しません。", "It is the child's no: it is not given, whoever else says yes.")
             : tsk_words(c, "前に出した同意を止めるときは、tasuki consent withdraw を使ってください。",
                         "A consent given before is stopped by tasuki consent withdraw."));
}
