/* What a family sees with its card, or with all of its cards together, before it decides (consent_give.c). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/cli/terminal.h"
#include "node/desk/json.h"
#include "schema/date.h"

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

bool tsk_terminal_lists(const json_t *list, const char *text)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
        if (json_is_string(v) && strcmp(json_string_value(v), text) == 0)
            return true;
    return false;
}

/* Whether every card at the table that has a part in the category has said yes to it. */
static bool granted_by_all(const struct tsk_seats *all, const struct tsk_id32 *item, const char *category)
{
    bool granted = true;
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; all->v[i].here && k < all->v[i].s.n; k++)
            if (all->v[i].s.items[k].mine && tsk_id32_eq(&all->v[i].s.items[k].id, item))
                granted = granted && tsk_terminal_lists(json_object_get(all->v[i].s.begin, "granted"), category);
    return granted;
}

static bool shown_before(const struct tsk_seats *all, size_t seat, const struct tsk_id32 *item)
{
    for (size_t i = 0; i < seat; i++)
        for (size_t k = 0; k < all->v[i].s.n; k++)
            if (all->v[i].s.items[k].mine && tsk_id32_eq(&all->v[i].s.items[k].id, item))
                return true;
    return false;
}

static enum tsk_err show_items(const struct tsk_seats *all, size_t seat, json_t *list)
{
    const struct tsk_sitting *s = &all->v[seat].s;
    for (size_t i = 0; i < s->n; i++) {
        const struct tsk_sitting_item *it = &s->items[i];
        const char *category = it->item.core.category.s;
        if (it->mine && !shown_before(all, seat, &it->id) &&
            json_array_append_new(list, json_pack("{s:s,s:o,s:b,s:I}", "category", category, "content", content_of(it),
                                                  "granted", granted_by_all(all, &it->id, category), "missing",
                                                  (json_int_t)it->missing)) != 0)
            return TSK_E_NOMEM;
    }
    return TSK_OK;
}

void tsk_terminal_last_day(uint64_t cap, char ret_day[16])
{
    tsk_date_format(tsk_date_add_days(tsk_date_of(cap), -1), ret_day);
}

/* Nothing is chosen yet when the notice is read: what stands in the places of categories and last day. */
static const struct { uint64_t kind; const char *lang, *categories, *until; } OPEN_WORDS[] = {
    {TSK_HOLDER_CHILD, "ja-Hira", "あなたが えらんだ もの", "あなたが えらんだ さいごの ひ"},
    {TSK_HOLDER_CHILD, "ja", "あなたが選(えら)んだもの", "あなたが決(き)める日(ひ)"},
    {TSK_HOLDER_CHILD, "en", "what you choose", "the day you choose"},
    {TSK_HOLDER_GUARDIAN, "ja", "お選びになるもの", "お決めになる日"},
    {TSK_HOLDER_GUARDIAN, "en", "what you choose", "the day you choose"},
};

static const char *kind_name(const struct tsk_sitting *s)
{
    return s->kind == TSK_HOLDER_CHILD ? "child" : "guardian";
}

/* What this card's owner hears before deciding. */
static enum tsk_err show_notice(struct tsk_cli *c, const struct tsk_seat *seat, json_t *cards)
{
    const struct tsk_notice *notice = NULL;
    struct tsk_who who = tsk_terminal_who(&seat->t, &seat->s.referral.recipient);
    TSK_TRY(tsk_notice_want(c, seat->s.kind, &notice));
    size_t w = 0;
    while (OPEN_WORDS[w].kind != notice->kind || strcmp(OPEN_WORDS[w].lang, notice->lang) != 0)
        if (++w == sizeof OPEN_WORDS / sizeof *OPEN_WORDS)
            return TSK_E_BUG;
    char *text = tsk_notice_fill(notice, tsk_who_in(&who, notice->lang), OPEN_WORDS[w].categories, OPEN_WORDS[w].until);
    json_t *card = text ? json_pack("{s:s,s:{s:s,s:I,s:s}}", "kind", kind_name(&seat->s), "notice", "lang", notice->lang,
                                    "version", (json_int_t)notice->version, "text", text)
                        : NULL;
    free(text);
    return json_array_append_new(cards, card) == 0 ? TSK_OK : TSK_E_NOMEM;
}

/* `kind` and `notice` are those of the first card; `cards` has them all. */
static enum tsk_err show_rest(struct tsk_cli *c, const struct tsk_seat *first, uint64_t cap, json_t *cards)
{
    char day[16];
    struct tsk_who who = tsk_terminal_who(&first->t, &first->s.referral.recipient);
    struct tsk_who from = tsk_terminal_who(&first->t, &first->s.referral.sender);
    tsk_terminal_last_day(cap, day);
    json_t *more = json_pack("{s:{s:s,s:s},s:{s:s,s:s},s:s,s:O}", "recipient", "partner", who.id, "name", who.name, "sender",
                             "partner", from.id, "name", from.name, "latest", day, "cards", cards);
    enum tsk_err e = more && json_object_update(c->out, more) == 0 &&
                             json_object_update(c->out, json_array_get(cards, 0)) == 0
                         ? TSK_OK
                         : TSK_E_NOMEM;
    json_decref(more);
    return e;
}

static enum tsk_err show_all(struct tsk_cli *c, const struct tsk_seats *all, json_t *list)
{
    const struct tsk_seat *first = NULL;
    uint64_t now = (uint64_t)time(NULL), cap = UINT64_MAX;
    TSK_JSON *cards = json_array();
    for (size_t i = 0; i < all->n; i++) {
        enum tsk_err why;
        const struct tsk_seat *seat = &all->v[i];
        if (!seat->here)
            continue;
        first = first ? first : seat;
        uint64_t own = tsk_sitting_cap(&seat->s, now, &why);
        cap = own < cap ? own : cap;
        TSK_TRY(show_items(all, i, list));
        TSK_TRY(show_notice(c, seat, cards));
    }
    return first ? show_rest(c, first, cap, cards) : TSK_E_BUG;
}

enum tsk_err tsk_cli_consent_show(struct tsk_cli *c)
{
    TSK_SEATS all = {0};
    json_t *list = json_array();
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    TSK_TRY(tsk_terminal_flags(c));
    if (json_object_set_new(c->out, "referral", json_string(tsk_word(c, 0))) != 0 ||
        json_object_set_new(c->out, "categories", list) != 0)
        return TSK_E_NOMEM;
    enum tsk_err e = tsk_seats_open(c, tsk_word(c, 0), false, &all);
    /* A wrong PIN and a card that has nothing here look the same: nothing. */
    if (e == TSK_E_WRONGHOLDER)
        return TSK_OK;
    TSK_TRY(e);
    return show_all(c, &all, list);
}

/* Around the notice people read its language, whatever the language of the screen. */
static const struct tsk_family_words SHOWN[] = {
    {"ja-Hira", TSK_UI_EASY, " (もう「いいです」と いいました)",
     "  ここには でません。ほかの ひとの カードも いります。みんなの カードを いっしょに だすと、よめます。",
     "えらべる いちばん おそい ひ"},
    {"ja", TSK_UI_JA, " (同意ずみ)",
     "  ここには表示できません。ほかの人のカードも必要です。全員のカードを一緒に出すと読めます(--card-file と --pin-file を人数分)。",
     "選べるいちばん遅い日"},
    {"en", TSK_UI_EN, " (you have said yes)",
     "  It cannot be shown here: the card of the other holder is needed too. With every card it opens "
     "(--card-file and --pin-file for each).",
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

/* Each text once: two guardians hear the same. */
static void show_notices(const json_t *cards)
{
    for (size_t i = 0; i < json_array_size(cards); i++) {
        const char *text = tsk_js(json_object_get(json_array_get(cards, i), "notice"), "text");
        size_t k = 0;
        while (k < i && strcmp(tsk_js(json_object_get(json_array_get(cards, k), "notice"), "text"), text) != 0)
            k++;
        if (k == i)
            printf("%s\n", text);
    }
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
    show_notices(json_object_get(c->out, "cards"));
    json_array_foreach(list, i, o)
        show_category(c, o, w);
    tsk_day_words(w->lang, tsk_js(c->out, "latest"), day);
    printf("%s: %s (%s)\n", w->latest, day, tsk_js(c->out, "latest"));
}

