/* The receipt of a consent, in the field names of ISO/IEC TS 27560:2023 and in plain words. Nothing in it describes the
 * family: it names categories, an agency, days, and how to stop. */
#include <string.h>

#include "node/cli/terminal.h"
#include "schema/date.h"

/* The directory has neither streets nor telephone numbers: a ward, and when the counter is open. */
static const char *address_of(const struct tsk_cli *c, const struct tsk_who *who)
{
    if (who->hidden)
        return tsk_words(c, "非公開", "not public");
    if (*who->ward.s)
        return tsk_code_text(TSK_LIST_WARD, who->ward.s, c->ui);
    return tsk_words(c, "市全域", "the whole city");
}

static json_t *party(const struct tsk_cli *c, const char *role, const char *type, struct tsk_who who)
{
    char contact[TSK_NAME_MAX + 64];
    snprintf(contact, sizeof contact, "%s %s", tsk_words(c, "電話・窓口", "telephone, counter"), who.hours);
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "party_id", who.id, "party_name", who.name, "party_role", role,
                          "party_type", type, "party_address", address_of(c, &who), "party_contact", contact);
    if (*who.kana)
        json_object_set_new(o, "party_name_kana", json_string(who.kana));
    if (*who.name_en)
        json_object_set_new(o, "party_name_en", json_string(who.name_en));
    return o;
}

static json_t *categories_of(const struct tsk_cli *c, const struct tsk_grant *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->items_n; i++) {
        const char *code = g->items[i].category.s;
        const struct tsk_code_row *row = tsk_code_find(TSK_LIST_CATEGORY, code);
        json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:o}", "pii_type", code, "pii_name",
                                              tsk_code_text(TSK_LIST_CATEGORY, code, c->ui), "sensitive",
                                              row && row->flags & TSK_CODE_SPECIAL, "item",
                                              tsk_jhex(g->items[i].item.b, sizeof g->items[i].item.b)));
    }
    return list;
}

static json_t *processing_of(const struct tsk_cli *c, const struct tsk_terminal *t, const struct tsk_grant *g, const char *code)
{
    char lang[TSK_LANG_MAX + 1] = "", days[16];
    memcpy(lang, g->notice_lang.p, g->notice_lang.n < sizeof lang ? g->notice_lang.n : 0);
    snprintf(days, sizeof days, "P%lluD", (unsigned long long)g->retention_days);
    json_t *o = json_pack(
        "{s:o,s:s,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:{s:s,s:s}}", "privacy_notice",
        tsk_jhex(g->notice_hash, sizeof g->notice_hash), "language", lang, "notice_version", (json_int_t)g->notice_version,
        "purpose", tsk_code_text(TSK_LIST_PURPOSE, g->purpose.s, c->ui), "purpose_type", g->purpose.s, "lawful_basis",
        g->basis.s, "collection_method", g->how == TSK_HOW_PHONE ? "own_device" : "agency_tablet", "processing_method",
        "sealed_per_category", "storage_locations", "recipient_node", "pii_information", categories_of(c, g),
        "retention_period", days, "withdrawal_method", "how",
        tsk_words(c, "カード、このコード、電話、窓口のどれでも、理由なしで", "card, this code, telephone or counter, no reason asked"),
        "code", code);
    json_object_set_new(o, "pii_controllers",
                        json_pack("[o]", party(c, "controller", "sender", tsk_terminal_who(t, &g->sender))));
    json_object_set_new(o, "recipient_third_parties",
                        json_pack("[o]", party(c, "third_party", "recipient", tsk_terminal_who(t, &g->recipient))));
    json_object_set_new(o, "jurisdiction", json_string("JP"));
    json_object_set_new(o, "processing_locations", json_string("JP"));
    json_object_set_new(o, "geographic_restrictions", json_string("JP"));
    json_object_set_new(o, "privacy_rights",
                        json_string(tsk_words(c, "見る・直す・止める・だれが開いたかを知る", "see, correct, stop, learn who opened")));
    return o;
}

json_t *tsk_receipt_json(struct tsk_cli *c, const struct tsk_terminal *t, const struct tsk_grant *g, const char *code,
                         const char *state)
{
    char at[32], until[32], last[16], interval[72];
    tsk_time_format(g->time, at);
    tsk_time_format(g->expires, until);
    /* `expires` is the first second after the last day. */
    tsk_date_format(tsk_date_of(g->expires - 1), last);
    snprintf(interval, sizeof interval, "%s/%s", at, until); /* ISO 8601: from, to */
    json_t *event = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "event_time", at, "validity_duration", interval,
                              "valid_until", until, "last_day", last,
                              "event_type", "explicit", "event_state", state, "entity_role",
                              g->role == TSK_HOLDER_CHILD ? "self" : "guardian", "entity_id",
                              tsk_jhex(g->holder.b, sizeof g->holder.b));
    json_t *processing = processing_of(c, t, g, code);
    return json_pack("{s:s,s:o,s:o,s:o,s:[o],s:[o]}", "schema_version", "ISO/IEC TS 27560:2023", "record_id",
                     tsk_jhex(g->id.b, sizeof g->id.b), "receipt_id", tsk_jhex(g->id.b, sizeof g->id.b), "pii_principal_id",
                     tsk_jhex(g->holder.b, sizeof g->holder.b), "pii_processing", processing, "events", event);
}

/* ---- in plain words, in the language in which the family was asked ---- */
enum word { W_TITLE, W_NUMBER, W_TO, W_FROM, W_WHAT, W_PURPOSE, W_GIVEN, W_UNTIL, W_STATE, W_STOP, W_HOW, W_CODE, W_READ,
            W_COUNT };
static const struct family { const char *lang; enum tsk_ui ui; const char *words[W_COUNT]; } FAMILIES[] = {
    {"ja-Hira", TSK_UI_EASY,
     {"「いいです」の ひかえ", "ひかえの ばんごう", "だれに", "どこから", "なにを", "なんの ために", "いつ きめたか", "いつまで", "いま",
      "やめたい とき", "カードを つかう、やめる ばんごうを いう、でんわを する、かかりの おとなに いう。どれでも いいです。わけは いりません。",
      "やめる ばんごう", "やめたら、これからは ひらけません。もう よんだ ひとは、わすれる ことが できません。"}},
    {"ja", TSK_UI_JA,
     {"同意の控え", "控えの番号", "渡す相手", "どこから", "渡すもの", "目的", "同意した日時", "最後の日", "いまの状態", "やめるとき",
      "カード、取り消しコード、電話、窓口のどれでも、理由なしに止められます。", "取り消しコード",
      "止めた後は開けません。すでに読まれたことは取り消せません。"}},
    {"en", TSK_UI_EN,
     {"Receipt of consent", "Number", "To", "From", "What", "What for", "Given", "Last day", "State now", "To stop",
      "by card, withdrawal code, telephone or at the counter; any of them will do, and no reason is asked.", "Withdrawal code",
      "After a stop it cannot be opened. What has been read cannot be unread."}},
};
static const struct { const char *state, *words[3]; } STATES[] = {
    {"given", {"つづいて います", "有効", "in force"}}, {"live", {"つづいて います", "有効", "in force"}},
    {"expired", {"きげんが すぎました", "期限が切れました", "expired"}}, {"stopped", {"やめました", "取り消しました", "stopped"}},
    {"refused", {"つたえません", "渡しません", "refused"}},
};

static size_t family_of(const json_t *processing, const json_t *event)
{
    const char *lang = tsk_js(processing, "language");
    bool child = strcmp(tsk_js(event, "entity_role"), "self") == 0;
    return strcmp(lang, "en") == 0 ? 2 : child ? 0 : 1; /* a child's receipt has no kanji of ours */
}

static const char *state_of(const char *state, size_t family)
{
    for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++)
        if (strcmp(STATES[i].state, state) == 0)
            return STATES[i].words[family];
    return state;
}

static void print_line(const struct family *f, enum word w, const char *text)
{
    printf("  %s: %s\n", f->words[w], text);
}

static void print_party(const struct family *f, enum word w, const json_t *party)
{
    const char *own = f->ui == TSK_UI_EASY ? "party_name_kana" : f->ui == TSK_UI_EN ? "party_name_en" : "party_name";
    const char *name = tsk_js(party, own);
    printf("  %s: %s (%s)\n", f->words[w], *name ? name : tsk_js(party, "party_name"), tsk_js(party, "party_id"));
}

static void print_items(const struct family *f, const json_t *items)
{
    char text[512];
    size_t i;
    json_t *it;
    TSK_JSON *codes = json_array();
    json_array_foreach(items, i, it)
        json_array_append(codes, json_object_get(it, "pii_type"));
    tsk_codes_words(TSK_LIST_CATEGORY, codes, f->ui, true, text, sizeof text);
    print_line(f, W_WHAT, text);
}

static void print_when(const struct family *f, const json_t *event)
{
    uint64_t at = 0;
    char text[32], day[48];
    if (tsk_time_parse(tsk_js(event, "event_time"), &at) == TSK_OK)
        tsk_time_words(at, text);
    else
        snprintf(text, sizeof text, "%s", TSK_TEXT_NONE);
    tsk_day_words(f->lang, tsk_js(event, "last_day"), day);
    print_line(f, W_GIVEN, text);
    print_line(f, W_UNTIL, day);
}

void tsk_receipt_print(const json_t *receipt)
{
    const json_t *p = json_array_get(json_object_get(receipt, "pii_processing"), 0);
    const json_t *event = json_array_get(json_object_get(receipt, "events"), 0);
    const json_t *stop = json_object_get(p, "withdrawal_method");
    size_t family = family_of(p, event);
    const struct family *f = &FAMILIES[family];
    printf("%s\n", f->words[W_TITLE]);
    print_party(f, W_TO, json_array_get(json_object_get(p, "recipient_third_parties"), 0));
    print_party(f, W_FROM, json_array_get(json_object_get(p, "pii_controllers"), 0));
    print_items(f, json_object_get(p, "pii_information"));
    print_line(f, W_PURPOSE, tsk_code_text(TSK_LIST_PURPOSE, tsk_js(p, "purpose_type"), f->ui));
    print_when(f, event);
    print_line(f, W_STATE, state_of(tsk_js(event, "event_state"), family));
    print_line(f, W_STOP, f->words[W_HOW]);
    print_line(f, W_CODE, tsk_js(stop, "code"));
    print_line(f, W_NUMBER, tsk_js(receipt, "record_id"));
    printf("  %s\n", f->words[W_READ]);
}
