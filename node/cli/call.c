/* What every verb needs: the values of its flags, its files, and the node's answer. */
#include <stdlib.h>
#include <string.h>

#include "node/cli/cli.h"
#include "node/post/post.h"

json_t *tsk_request(const char *verb)
{
    return json_pack("{s:s}", "verb", verb);
}

/* The node's refusal keeps its own words; only the code decides what we do. */
static enum tsk_err refusal_of(struct tsk_cli *c, json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    if (!error)
        return TSK_OK;
    enum tsk_err e = tsk_err_from_name(tsk_js(error, "code"));
    json_decref(c->refusal);
    c->refusal = json_incref(answer);
    return e == TSK_OK ? TSK_E_BUG : e;
}

enum tsk_err tsk_ask_node(struct tsk_cli *c, json_t *request, json_t **ret_answer)
{
    TSK_JSON *req = request;
    if (!req || json_object_set_new(req, "ui", json_string(c->ui == TSK_UI_EN ? "en" : "ja")) != 0)
        return TSK_E_NOMEM;
    const char *staff = tsk_flag(c, TSK_F_STAFF);
    if (staff && json_object_set_new(req, "staff", json_string(staff)) != 0)
        return TSK_E_USAGE;
    char *text = json_dumps(req, JSON_COMPACT);
    if (!text)
        return TSK_E_NOMEM;
    size_t text_n = strlen(text);
    TSK_HEAP *reply = NULL;
    size_t reply_n = 0;
    enum tsk_err e = tsk_control_call(c->dir, (struct tsk_slice){(const uint8_t *)text, text_n}, c->wait_s, &reply,
                                      &reply_n);
    tsk_wipe(text, text_n);
    free(text);
    TSK_TRY(e);
    TSK_JSON *answer = json_loadb((const char *)reply, reply_n, JSON_REJECT_DUPLICATES, NULL);
    tsk_wipe(reply, reply_n);
    if (!json_is_object(answer))
        return TSK_E_BUG;
    TSK_TRY(refusal_of(c, answer));
    *ret_answer = json_incref(answer);
    return TSK_OK;
}

enum tsk_err tsk_ask_out(struct tsk_cli *c, json_t *request)
{
    json_t *answer = NULL;
    TSK_TRY(tsk_ask_node(c, request, &answer));
    json_decref(c->out);
    c->out = answer;
    return TSK_OK;
}

const char *tsk_word(const struct tsk_cli *c, size_t index)
{
    size_t at = 0;
    const char *text = tsk_arg_next(&c->args, TSK_F_NONE, &at);
    while (index-- > 0)
        text = tsk_arg_next(&c->args, TSK_F_NONE, &at);
    return text;
}

enum tsk_err tsk_want_id(struct tsk_cli *c, const char *text, size_t n)
{
    uint8_t id[32];
    if (tsk_unhex(text, id, n) == TSK_OK)
        return TSK_OK;
    char next[160];
    snprintf(next, sizeof next, tsk_words(c, "番号は %zu けたの 0-9 と a-f です。一覧や控えから写してください。",
                                          "An id is %zu digits 0-9 and a-f; copy it from the list or the receipt."), 2 * n);
    return tsk_refuse_next(c, TSK_E_USAGE, text, next);
}

enum tsk_err tsk_want_code(struct tsk_cli *c, enum tsk_flag f, enum tsk_list list, const char *text)
{
    const struct tsk_code_row *row = tsk_code_find(list, text);
    if (row && tsk_code_offered(c->args.verb, f, row))
        return TSK_OK;
    if (f == TSK_F_NONE)
        return tsk_refuse(c, TSK_E_USAGE, "%s", text);
    return tsk_refuse(c, TSK_E_USAGE, "--%s %s", tsk_flag_rows[f].name, text);
}

enum tsk_err tsk_want_choice(struct tsk_cli *c, enum tsk_flag f, const char *choices)
{
    const char *text = tsk_flag(c, f);
    if (!text)
        return TSK_OK;
    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strlen(text) == strcspn(p, "|") && strncmp(p, text, strlen(text)) == 0)
            return TSK_OK;
    return tsk_refuse(c, TSK_E_USAGE, "--%s %s", tsk_flag_rows[f].name, text);
}

bool tsk_partner_id_ok(const char *id)
{
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return n > 0 && n < TSK_PARTNER_ID_CAP && id[n] == '\0';
}

enum tsk_err tsk_want_file(struct tsk_cli *c, const char *path, size_t cap, uint8_t **ret_p, size_t *ret_n)
{
    enum tsk_err e = tsk_file_read(path, cap, ret_p, ret_n);
    return e == TSK_E_BADFILE ? tsk_refuse(c, e, "%s", path) : e;
}

const char *tsk_js(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

uint64_t tsk_jn(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));
    return n > 0 ? (uint64_t)n : 0;
}

json_t *tsk_jhex(const uint8_t *p, size_t n)
{
    char *text = malloc(2 * n + 1);
    if (!text)
        return NULL;
    tsk_hex(p, n, text);
    json_t *s = json_string(text);
    free(text);
    return s;
}

enum tsk_err tsk_junhex(const json_t *o, const char *key, uint8_t *ret_p, size_t n)
{
    return tsk_unhex(tsk_js(o, key), ret_p, n) == TSK_OK ? TSK_OK : TSK_E_MALFORMED;
}

enum tsk_err tsk_junhex_any(const json_t *value, uint8_t **ret_p, size_t *ret_n)
{
    const char *text = json_string_value(value);
    size_t n = text ? strlen(text) / 2 : 0;
    uint8_t *p = malloc(n + 1);
    if (!p)
        return TSK_E_NOMEM;
    if (!text || n == 0 || tsk_unhex(text, p, n) != TSK_OK) {
        free(p);
        return TSK_E_MALFORMED;
    }
    *ret_p = p;
    *ret_n = n;
    return TSK_OK;
}

void tsk_jjoin(const json_t *array, const char *between, char *ret_text, size_t cap)
{
    size_t at = 0, i;
    json_t *v;
    ret_text[0] = '\0';
    json_array_foreach(array, i, v) {
        int n = snprintf(ret_text + at, cap - at, "%s%s", i > 0 ? between : "",
                         json_string_value(v) ? json_string_value(v) : "");
        if (n < 0 || (size_t)n >= cap - at)
            return;
        at += (size_t)n;
    }
    if (at == 0)
        snprintf(ret_text, cap, "%s", TSK_TEXT_NONE);
}
