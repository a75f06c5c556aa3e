/* inbox and board: what is in hand, a row and a note each, what is overdue first, then what waits for this node. */
#include <stdlib.h>
#include <string.h>

#include "node/cli/cli.h"

/* What the sender knows of the family's answer is more than what the recipient does. */
static const struct { const char *name, *ja, *en; } CONSENTS[] = {
    {"none", "まだありません", "none yet"}, {"wait", "家族の返事待ち", "waiting for the family"},
    {"partly", "一部だけ", "partly"}, {"given", "あり", "given"}, {"refused", "渡さない", "refused"},
    {"stopped", "取り消されました", "withdrawn"}, {"expired", "期限が切れました", "expired"},
};

static const char *consent_words(const struct tsk_cli *c, const json_t *r)
{
    const char *name = tsk_js(r, "consent");
    if (json_is_true(json_object_get(r, "stop_waits")))
        return tsk_words(c, "取り消し(相手に未着。電話する)", "withdrawn, NOT there yet: telephone them");
    if (json_is_true(json_object_get(r, "not_taken")))
        return tsk_words(c, "!! 相手の機関が受け取れませんでした(tasuki history を見る)", "!! the agency could not take it: see tasuki history");
    for (size_t i = 0; i < sizeof CONSENTS / sizeof *CONSENTS; i++)
        if (strcmp(CONSENTS[i].name, name) == 0)
            return tsk_words(c, CONSENTS[i].ja, CONSENTS[i].en);
    return name;
}

enum { COLUMNS = 4 };
struct row { char peer[TSK_WHO_CAP], due[32], note[1536]; };

/* Until somebody has acknowledged it there is a time to answer by; afterwards it says nothing any more. */
static void due_words(const json_t *r, char ret_at[32])
{
    const char *state = tsk_js(r, "state");
    bool waits = strcmp(state, "queued") == 0 || strcmp(state, "arrived") == 0;
    tsk_time_words(waits ? tsk_jn(r, "reply_by") : 0, ret_at);
}

/* Whose turn it is, in the first column: what is late is for both to act on, whoever's turn it is. */
static const char *turn_words(const struct tsk_cli *c, const json_t *r, bool sender)
{
    if (json_is_true(json_object_get(r, "ended")))
        return tsk_words(c, "   終わり", "   over");
    if (json_is_true(json_object_get(r, "overdue")))
        return sender ? tsk_words(c, "!! 電話する", "!! PHONE") : tsk_words(c, "!! 遅れ", "!! LATE");
    return json_is_true(json_object_get(r, "our_turn")) ? tsk_words(c, "→ こちら", "-> us")
                                                        : tsk_words(c, "   相手", "   them");
}

static void contact_words(const struct tsk_cli *c, const json_t *r, char *ret_text, size_t cap)
{
    char at[32];
    *ret_text = '\0';
    if (strcmp(tsk_js(r, "state"), "queued") != 0)
        return;
    tsk_time_words(tsk_jn(r, "last_contact"), at);
    snprintf(ret_text, cap, "%s%s %s", tsk_words(c, " / ", " / "), tsk_words(c, "最終接続", "last contact"),
             tsk_jn(r, "last_contact") ? at : tsk_words(c, "まだありません", "never"));
}

static void note_words(const struct tsk_cli *c, const json_t *r, char *ret_text, size_t cap)
{
    char needs[512], categories[384], contact[96];
    const json_t *granted = json_object_get(r, "categories");
    tsk_codes_words(TSK_LIST_NEED, json_object_get(r, "needs"), c->ui, false, needs, sizeof needs);
    tsk_codes_words(TSK_LIST_CATEGORY, granted, c->ui, true, categories, sizeof categories);
    contact_words(c, r, contact, sizeof contact);
    bool some = json_array_size(granted) > 0;
    const char *responsible = tsk_js(r, "responsible");
    snprintf(ret_text, cap, "%s  %s / %s / %s / %s / %s: %s%s%s%s / %s: %s%s", tsk_js(r, "referral"), needs,
             tsk_code_text(TSK_LIST_URGENCY, tsk_js(r, "urgency"), c->ui),
             tsk_code_text(TSK_LIST_AGE_BAND, tsk_js(r, "age_band"), c->ui),
             tsk_code_text(TSK_LIST_WARD, tsk_js(r, "ward"), c->ui), tsk_words(c, "同意", "consent"),
             consent_words(c, r), some ? " (" : "", some ? categories : "", some ? ")" : "",
             tsk_words(c, "責任", "responsible"), *responsible ? responsible : TSK_TEXT_NONE, contact);
}

static void fill_row(struct tsk_cli *c, const json_t *r, struct row *text, const char **cells)
{
    bool sender = *tsk_js(r, "to") != '\0';
    tsk_who_words(c, tsk_js(r, sender ? "to" : "from"), text->peer);
    due_words(r, text->due);
    note_words(c, r, text->note, sizeof text->note);
    const char *row[COLUMNS] = {
        turn_words(c, r, sender),
        json_is_true(json_object_get(r, "waits_handed")) ? tsk_words(c, "引き受けを送っています", "Acceptance on its way")
                                                         : tsk_state_words(c, tsk_js(r, "state")),
        text->peer, text->due,
    };
    memcpy(cells, row, sizeof row);
}

static void show_list(struct tsk_cli *c, const char *peer)
{
    const json_t *list = json_object_get(c->out, "referrals");
    size_t n = json_array_size(list);
    if (n == 0) {
        puts(tsk_words(c, "いま手元にあるつなぎはありません。", "No referral in hand."));
        return;
    }
    struct row *texts = calloc(n, sizeof *texts);
    const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells), **notes = calloc(n + 1, sizeof *notes);
    if (texts && cells && notes) {
        const char *head[COLUMNS] = {tsk_words(c, "だれの番", "Next"), tsk_words(c, "状況", "State"), peer,
                                     tsk_words(c, "返事の期限", "Reply by")};
        memcpy(cells, head, sizeof head);
        for (size_t i = 0; i < n; i++) {
            fill_row(c, json_array_get(list, i), &texts[i], cells + (i + 1) * COLUMNS);
            notes[i + 1] = texts[i].note;
        }
        tsk_table_notes(stdout, cells, notes, n + 1, COLUMNS);
    }
    free(notes);
    free(cells);
    free(texts);
}

enum tsk_err tsk_cli_inbox(struct tsk_cli *c)
{
    return tsk_ask_out(c, tsk_request("inbox"));
}

void tsk_show_inbox(struct tsk_cli *c)
{
    show_list(c, tsk_words(c, "どこから", "From"));
}

enum tsk_err tsk_cli_board(struct tsk_cli *c)
{
    return tsk_ask_out(c, tsk_request("board"));
}

void tsk_show_board(struct tsk_cli *c)
{
    show_list(c, tsk_words(c, "どこへ", "To"));
}
