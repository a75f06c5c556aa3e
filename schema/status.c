/* status.c - the states, and what an event of each must carry; see status.h. The merge is in progress.c. */
#include "schema/status.h"

#include <string.h>

#include "schema/codes.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- states ---- */

enum kind { KIND_OPEN, KIND_ENDED, KIND_FINAL, KIND_DONE };
enum author { AUTHOR_L, AUTHOR_M, AUTHOR_S, AUTHOR_R, AUTHOR_H };

struct state_row {
    const char *name, *ja, *easy, *en, *fhir;
    enum author who;
    enum kind kind;
};

static const struct state_row state_rows[TSK_ST_COUNT] = {
    [TSK_ST_NONE] = {"none", "", "", "", "", AUTHOR_L, KIND_OPEN},
#define TSK_STATE(name, wire, text, who, kind, ja, easy, en, fhir) \
    [wire] = {text, ja, easy, en, fhir, AUTHOR_##who, KIND_##kind},
#include "schema/states.def"
#undef TSK_STATE
};

/* Numbers come from outside: what no row has is "none". */
static const struct state_row *state_row(enum tsk_state s)
{
    return &state_rows[(unsigned)s < TSK_ST_COUNT ? s : TSK_ST_NONE];
}

const char *tsk_state_name(enum tsk_state s)
{
    return state_row(s)->name;
}

const char *tsk_state_text(enum tsk_state s, enum tsk_ui ui)
{
    const struct state_row *row = state_row(s);
    return ui == TSK_UI_JA ? row->ja : ui == TSK_UI_EASY ? row->easy : row->en;
}

const char *tsk_state_fhir(enum tsk_state s)
{
    return state_row(s)->fhir;
}

enum tsk_state tsk_state_by_name(const char *name)
{
    for (unsigned s = TSK_ST_NONE + 1; s < TSK_ST_COUNT; s++)
        if (strcmp(state_rows[s].name, name) == 0)
            return (enum tsk_state)s;
    return TSK_ST_NONE;
}

bool tsk_state_final(enum tsk_state s)
{
    enum kind kind = state_row(s)->kind;
    return kind == KIND_FINAL || kind == KIND_DONE;
}

bool tsk_state_ended(enum tsk_state s)
{
    enum kind kind = state_row(s)->kind;
    return kind == KIND_ENDED || kind == KIND_FINAL;
}

bool tsk_state_in_hand(enum tsk_state s)
{
    return state_row(s) != &state_rows[TSK_ST_NONE] && state_row(s)->kind == KIND_OPEN;
}

/* ---- what an event carries ---- */

struct field_row {
    enum tsk_state state;
    enum tsk_list reasons; /* TSK_LIST_COUNT: takes none */
    const char *also;      /* one more reason, or NULL */
    bool must_reason, must_answers, must_at, may_recommend, may_item;
};

static const struct field_row field_rows[] = {
    {TSK_ST_DECLINED, TSK_LIST_DECLINE, NULL, .must_reason = true, .may_recommend = true},
    {TSK_ST_NEED_INFO, TSK_LIST_CATEGORY, "tel", .must_reason = true},
    {TSK_ST_ANSWERED, TSK_LIST_ANSWER, NULL, .must_reason = true, .must_answers = true, .may_item = true},
    {TSK_ST_APPOINTED, TSK_LIST_COUNT, NULL, .must_at = true},
    {TSK_ST_CONNECTED, TSK_LIST_OUTCOME, NULL, .must_reason = false},
    {TSK_ST_NOTCONNECTED, TSK_LIST_OUTCOME, NULL, .must_reason = true},
    {TSK_ST_CLOSED, TSK_LIST_OUTCOME, NULL, .must_reason = true},
};
static const struct field_row no_fields = {TSK_ST_NONE, TSK_LIST_COUNT, NULL, .must_reason = false};

static const struct field_row *field_row(uint64_t state)
{
    for (size_t i = 0; i < COUNT(field_rows); i++)
        if ((uint64_t)field_rows[i].state == state)
            return &field_rows[i];
    return &no_fields;
}

static bool reason_ok(const struct field_row *row, const struct tsk_status *s)
{
    if (!s->has_reason)
        return !row->must_reason;
    return tsk_code_find(row->reasons, s->reason.s) != NULL ||
           (row->also != NULL && strcmp(s->reason.s, row->also) == 0);
}

enum tsk_err tsk_status_fields(const struct tsk_status *s)
{
    if (s->state == TSK_ST_NONE || s->state >= TSK_ST_COUNT)
        return TSK_E_MALFORMED;
    enum author who = state_rows[s->state].who;
    const struct field_row *row = field_row(s->state);
    bool ok = who != AUTHOR_L && who != AUTHOR_M && reason_ok(row, s) && s->has_answers == row->must_answers &&
              s->has_at == row->must_at && (!s->has_recommend || row->may_recommend) && (!s->has_item || row->may_item);
    return ok ? TSK_OK : TSK_E_MALFORMED;
}
