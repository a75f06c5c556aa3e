/* history: what happened to one referral, in the order in which it counts, and who looked at what. */
#include <string.h>

#include "node/cli/cli.h"

enum tsk_err tsk_cli_history(struct tsk_cli *c)
{
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    return tsk_ask_out(c, json_pack("{s:s,s:s}", "verb", "history", "referral", tsk_word(c, 0)));
}

static void pad(const char *text, size_t width)
{
    size_t w = tsk_width(text);
    printf("%s%*s", text, (int)(w < width ? width - w : 0), "");
}

static size_t widest_who(struct tsk_cli *c, const json_t *list)
{
    size_t width = 0, i;
    json_t *v;
    json_array_foreach(list, i, v) {
        char who[TSK_WHO_CAP];
        tsk_who_words(c, tsk_js(v, "by"), who);
        width = tsk_width(who) > width ? tsk_width(who) : width;
    }
    return width;
}

static void show_event(struct tsk_cli *c, const json_t *e, size_t who_width)
{
    char time[32], at[32], who[TSK_WHO_CAP], reason[192];
    tsk_time_words(tsk_jn(e, "time"), time);
    tsk_who_words(c, tsk_js(e, "by"), who);
    printf("  %s  ", time);
    pad(who, who_width);
    printf("  %s", tsk_state_words(c, tsk_js(e, "state")));
    tsk_reason_words(c, tsk_js(e, "reason"), reason, sizeof reason);
    if (*reason)
        printf(": %s", reason);
    if (*tsk_js(e, "recommend")) {
        tsk_who_words(c, tsk_js(e, "recommend"), who);
        printf(" (%s %s)", tsk_words(c, "すすめる機関", "recommends"), who);
    }
    if (tsk_jn(e, "at") > 0) {
        tsk_time_words(tsk_jn(e, "at"), at);
        printf(": %s", at);
    }
    if (json_is_true(json_object_get(e, "waiting")))
        printf("%s", tsk_words(c, " (前の記録を待っています)", " (waits for an earlier record)"));
    puts(json_is_true(json_object_get(e, "overtaken")) ? tsk_words(c, " (先を越されました)", " (overtaken)") : "");
}

static void show_events(struct tsk_cli *c)
{
    const json_t *events = json_object_get(c->out, "events");
    size_t width = widest_who(c, events), i;
    json_t *e;
    json_array_foreach(events, i, e)
        show_event(c, e, width);
}

/* ---- consents, stops, openings ---- */
struct word { const char *name, *ja, *en; };
static const struct word GRANTS[] = {
    {"live", "有効", "live"}, {"expired", "期限切れ", "expired"}, {"stopped", "取り消し", "stopped"}, {"refused", "渡さない", "refused"},
    {NULL, NULL, NULL},
};
static const struct word STOPS[] = {
    {"grant", "同意を取り消しました", "consent withdrawn"}, {"referral", "つなぎ全体を止めました", "whole referral stopped"},
    {"holder", "カードを止めました", "card stopped"}, {"item", "渡さないと決めました", "refused to share"}, {NULL, NULL, NULL},
};
static const struct word BYS[] = {
    {"holder", "本人側のカードで", "with the card"}, {"code", "控えのコードで", "with the code of the receipt"},
    {"staff", "職員が", "by staff"}, {NULL, NULL, NULL},
};

static const char *word_of(const struct tsk_cli *c, const struct word *rows, const char *name)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, name) == 0)
            return tsk_words(c, rows->ja, rows->en);
    return name;
}

static const struct word KINDS[] = {{"child", "本人", "child"}, {"guardian", "保護者", "guardian"}, {NULL, NULL, NULL}};

static void show_consent(struct tsk_cli *c, const json_t *v)
{
    char until[32], categories[384];
    tsk_codes_words(TSK_LIST_CATEGORY, json_object_get(v, "categories"), c->ui, true, categories, sizeof categories);
    /* It ends with the first second of the day after. */
    tsk_time_words(tsk_jn(v, "expires") > 0 ? tsk_jn(v, "expires") - 1 : 0, until);
    until[strcspn(until, " ")] = '\0';
    bool refused = strcmp(tsk_js(v, "state"), "refused") == 0;
    printf("%s: %s  %s / %s / %s%s%s%s %s\n", word_of(c, KINDS, tsk_js(v, "kind")),
           word_of(c, GRANTS, tsk_js(v, "state")), categories,
           tsk_code_text(TSK_LIST_PURPOSE, tsk_js(v, "purpose"), c->ui),
           refused ? "" : tsk_words(c, "最後の日 ", "last day "), refused ? "" : until, refused ? "" : " / ",
           tsk_words(c, "同意の番号", "grant"), tsk_js(v, "grant"));
}

static void show_stop(struct tsk_cli *c, const json_t *v)
{
    char reason[192];
    tsk_reason_words(c, tsk_js(v, "reason"), reason, sizeof reason);
    /* S9 is what the node itself says when a referral has ended. */
    bool by_itself = strcmp(tsk_js(v, "reason"), "S9") == 0;
    const char *by = by_itself ? tsk_words(c, "自動で", "by itself") : word_of(c, BYS, tsk_js(v, "by"));
    printf("%s%s%s%s%s%s  %s\n", by, tsk_words(c, "", ": "), word_of(c, STOPS, tsk_js(v, "form")),
           *reason ? " (" : "", reason, *reason ? ")" : "",
           json_is_true(json_object_get(v, "effective")) ? tsk_words(c, "止まりました", "stopped")
                                                         : tsk_words(c, "相手にまだ届いていません(電話する)",
                                                                     "has not reached the agency yet: telephone them"));
}

static void show_opening(struct tsk_cli *c, const json_t *v)
{
    char who[TSK_WHO_CAP];
    const char *category = tsk_js(v, "category");
    tsk_who_words(c, tsk_js(v, "by"), who);
    printf("%s  %s %s / %s\n", who, category, tsk_code_text(TSK_LIST_CATEGORY, category, c->ui),
           tsk_code_text(TSK_LIST_PURPOSE, tsk_js(v, "purpose"), c->ui));
}

static void show_part(struct tsk_cli *c, const char *key, const char *title, void (*show)(struct tsk_cli *, const json_t *))
{
    const json_t *list = json_object_get(c->out, key);
    size_t i;
    json_t *v;
    if (json_array_size(list) > 0)
        printf("%s\n", title);
    json_array_foreach(list, i, v) {
        char time[32];
        tsk_time_words(tsk_jn(v, "time"), time);
        printf("  %s  ", time);
        show(c, v);
    }
}

void tsk_show_history(struct tsk_cli *c)
{
    char who[TSK_WHO_CAP];
    tsk_who_words(c, tsk_js(c->out, "responsible"), who);
    printf("%s %s\n%s  %s: %s\n", tsk_words(c, "つなぎ", "Referral"), tsk_js(c->out, "referral"),
           tsk_state_words(c, tsk_js(c->out, "state")), tsk_words(c, "責任", "responsible"), who);
    if (*tsk_js(c->out, "rerouted_to"))
        printf("%s: %s\n", tsk_words(c, "つなぎ直した先の番号", "Went on as"), tsk_js(c->out, "rerouted_to"));
    puts(tsk_words(c, "経過", "Events"));
    show_events(c);
    show_part(c, "consents", tsk_words(c, "同意", "Consents"), show_consent);
    show_part(c, "stops", tsk_words(c, "止めた記録", "Stops"), show_stop);
    show_part(c, "openings", tsk_words(c, "開いた記録", "Openings"), show_opening);
}
