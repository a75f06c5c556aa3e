/* What people read instead of codes, ids and seconds. */
#include <stdlib.h>
#include <string.h>

#include "node/cli/cli.h"
#include "schema/date.h"
#include "schema/status.h"

void tsk_time_words(uint64_t at, char ret_text[32])
{
    if (at == 0) {
        snprintf(ret_text, 32, "%s", TSK_TEXT_NONE);
        return;
    }
    tsk_time_format(at, ret_text);
    ret_text[10] = ' ';
    ret_text[16] = '\0'; /* to the minute */
}

void tsk_day_words(const char *lang, const char *day, char ret_text[48])
{
    struct tsk_date d;
    const char *form = strcmp(lang, "ja-Hira") == 0 ? "%dねん %dがつ %dにち"
                       : strcmp(lang, "ja") == 0    ? "%d年%d月%d日"
                                                    : "%04d-%02d-%02d";
    if (tsk_date_parse(day, &d) == TSK_OK)
        snprintf(ret_text, 48, form, d.year, d.month, d.day);
    else
        snprintf(ret_text, 48, "%.40s", day);
}

static bool listed(const json_t *codes, const char *id)
{
    size_t i;
    json_t *v;
    json_array_foreach(codes, i, v)
        if (json_is_string(v) && strcmp(json_string_value(v), id) == 0)
            return true;
    return false;
}

void tsk_codes_words(enum tsk_list list, const json_t *codes, enum tsk_ui ui, bool both, char *ret_text, size_t cap)
{
    size_t at = 0, rows_n;
    const struct tsk_code_row *rows = tsk_codes(list, &rows_n);
    snprintf(ret_text, cap, "%s", TSK_TEXT_NONE);
    for (size_t i = 0; i < rows_n; i++) {
        if (!listed(codes, rows[i].id))
            continue;
        const char *between = at == 0 ? "" : ui == TSK_UI_EN ? ", " : "、";
        int n = snprintf(ret_text + at, cap - at, "%s%s%s%s", between, both ? rows[i].id : "", both ? " " : "",
                         tsk_code_text(list, rows[i].id, ui));
        if (n < 0 || (size_t)n >= cap - at) {
            ret_text[at] = '\0'; /* whole words only */
            return;
        }
        at += (size_t)n;
    }
}

void tsk_reason_words(const struct tsk_cli *c, const char *code, char *ret_text, size_t cap)
{
    static const enum tsk_list LISTS[] = {TSK_LIST_DECLINE, TSK_LIST_OUTCOME, TSK_LIST_CATEGORY, TSK_LIST_ANSWER,
                                          TSK_LIST_STOP_REASON};
    const struct tsk_code_row *row = NULL;
    for (size_t i = 0; !row && i < sizeof LISTS / sizeof *LISTS; i++)
        row = tsk_code_find(LISTS[i], code);
    if (!row)
        snprintf(ret_text, cap, "%s", code);
    else if (code[0] >= 'a' && code[0] <= 'z') /* a code that is a word itself */
        snprintf(ret_text, cap, "%s", tsk_words(c, row->ja, row->en));
    else
        snprintf(ret_text, cap, "%s %s", code, tsk_words(c, row->ja, row->en));
}

void tsk_who_words(struct tsk_cli *c, const char *partner, char ret_text[TSK_WHO_CAP])
{
    struct tsk_partner org;
    if (!c->names_asked && c->dir && tsk_roster_load(c->dir, &c->names) != TSK_OK)
        c->names = NULL;
    c->names_asked = true;
    if (c->names && tsk_partner_find(c->names, partner, &org)) {
        struct tsk_slice name = c->ui == TSK_UI_EN && org.name_en.n > 0 ? org.name_en : org.name;
        snprintf(ret_text, TSK_WHO_CAP, "%s %.*s", partner, (int)name.n, (const char *)name.p);
    } else {
        snprintf(ret_text, TSK_WHO_CAP, "%s", *partner ? partner : TSK_TEXT_NONE);
    }
}

const char *tsk_state_words(const struct tsk_cli *c, const char *name)
{
    enum tsk_state s = tsk_state_by_name(name);
    return s == TSK_ST_NONE ? name : tsk_state_text(s, c->ui);
}
