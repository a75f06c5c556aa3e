/* json.c - see json.h. */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "node/desk/json.h"
#include "schema/date.h"

static _Thread_local bool json_short;

static void *json_alloc(size_t n)
{
    void *p = malloc(n);
    if (p == NULL)
        json_short = true;
    return p;
}

/* The usable size, and not a header of our own: what was made before tsk_json_init may be freed after it. */
static void json_free(void *p)
{
    if (p != NULL)
        tsk_wipe(p, malloc_usable_size(p));
    free(p);
}

static void set_alloc(void)
{
    json_set_alloc_funcs(json_alloc, json_free);
}

void tsk_json_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_alloc);
}

bool tsk_json_short(void)
{
    bool s = json_short;
    json_short = false;
    return s;
}

void tsk_text_cut(char *ret_text, size_t cap, const char *text)
{
    size_t n = strlen(text);
    if (n >= cap) {
        n = cap - 1;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    }
    memmove(ret_text, text, n);
    ret_text[n] = '\0';
}

/* ---- the kinds ---- */
static bool is_hex(const json_t *v, size_t digits)
{
    const char *s = json_string_value(v);
    if (s == NULL)
        return false;
    size_t n = json_string_length(v);
    return (digits == 0 ? n > 0 && n % 2 == 0 : n == digits) && strspn(s, "0123456789abcdef") == n;
}

static bool is_text(const json_t *v, size_t max)
{
    return json_is_string(v) && json_string_length(v) > 0 && json_string_length(v) <= max;
}

static bool is_time(const json_t *v)
{
    uint64_t at = 0;
    if (json_is_string(v))
        return tsk_time_parse(json_string_value(v), &at) == TSK_OK;
    return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < (json_int_t)TSK_TIME_MAX;
}

static bool is_kind(const json_t *v, enum tsk_jkind kind);

static bool is_list_of(const json_t *v, enum tsk_jkind kind)
{
    if (!json_is_array(v) || json_array_size(v) > TSK_JSON_LIST_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!is_kind(json_array_get(v, i), kind))
            return false;
    return true;
}

static bool is_list_of_objects(const json_t *v)
{
    if (!json_is_array(v) || json_array_size(v) > TSK_JSON_LIST_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!json_is_object(json_array_get(v, i)))
            return false;
    return true;
}

static bool is_kind(const json_t *v, enum tsk_jkind kind)
{
    switch (kind) {
    case TSK_J_TEXT: return is_text(v, TSK_JSON_TEXT_MAX);
    case TSK_J_NOTE: return json_string_length(v) > 0;
    case TSK_J_BOOL: return json_is_boolean(v);
    case TSK_J_TIME: return is_time(v);
    case TSK_J_CODE: return is_text(v, sizeof(struct tsk_code) - 1);
    case TSK_J_CODES: return is_list_of(v, TSK_J_CODE);
    case TSK_J_ID16: return is_hex(v, 32);
    case TSK_J_ID16S: return is_list_of(v, TSK_J_ID16);
    case TSK_J_ID32: return is_hex(v, 64);
    case TSK_J_HEX: return is_hex(v, 0);
    case TSK_J_HEXES: return is_list_of(v, TSK_J_HEX);
    case TSK_J_LIST: return is_list_of_objects(v);
    }
    return false;
}

static const struct tsk_jfield *field_find(const struct tsk_jfield *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

enum tsk_err tsk_json_fields(json_t *in, const struct tsk_jfield *fields, size_t n, char ret_what[TSK_WHAT_CAP])
{
    const char *name;
    json_t *v;
    json_object_foreach(in, name, v) {
        const struct tsk_jfield *f = field_find(fields, n, name);
        if (f == NULL || !is_kind(v, f->kind)) {
            tsk_what(ret_what, name);
            return TSK_E_USAGE;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (!fields[i].optional && json_object_get(in, fields[i].name) == NULL) {
            tsk_what(ret_what, fields[i].name);
            return TSK_E_USAGE;
        }
    return TSK_OK;
}

/* ---- reading ---- */
bool tsk_json_has(const json_t *in, const char *name)
{
    return json_object_get(in, name) != NULL;
}

const char *tsk_json_text(const json_t *in, const char *name)
{
    return json_string_value(json_object_get(in, name));
}

bool tsk_json_flag(const json_t *in, const char *name)
{
    return json_is_true(json_object_get(in, name));
}

bool tsk_json_time(const json_t *in, const char *name, uint64_t *ret_at)
{
    const json_t *v = json_object_get(in, name);
    if (v == NULL)
        return false;
    if (json_is_string(v))
        return tsk_time_parse(json_string_value(v), ret_at) == TSK_OK;
    *ret_at = (uint64_t)json_integer_value(v);
    return true;
}

struct tsk_code tsk_json_code(const json_t *in, const char *name)
{
    const char *s = tsk_json_text(in, name);
    return tsk_code(s == NULL ? "" : s);
}

bool tsk_json_bytes(const json_t *in, const char *name, void *ret_p, size_t n)
{
    const char *s = tsk_json_text(in, name);
    return s != NULL && tsk_unhex(s, ret_p, n) == TSK_OK;
}

enum tsk_err tsk_json_unhex(struct tsk_txn *t, const char *text, struct tsk_slice *ret_bytes)
{
    size_t n = text == NULL ? 0 : strlen(text) / 2;
    uint8_t *p = tsk_txn_alloc(t, n + 1);
    if (p == NULL)
        return TSK_E_NOMEM;
    if (n > 0)
        TSK_TRY(tsk_unhex(text, p, n));
    *ret_bytes = (struct tsk_slice){p, n};
    return TSK_OK;
}

/* ---- building ---- */
void tsk_json_put(json_t *out, const char *name, json_t *value)
{
    if (json_object_set_new(out, name, value) != 0)
        json_short = true;
}

void tsk_json_add(json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        json_short = true;
}

void tsk_json_put_text(json_t *out, const char *name, const char *text)
{
    tsk_json_put(out, name, json_string(text));
}

void tsk_json_put_slice(json_t *out, const char *name, struct tsk_slice utf8)
{
    tsk_json_put(out, name, json_stringn(utf8.p == NULL ? "" : (const char *)utf8.p, utf8.n));
}

void tsk_json_put_num(json_t *out, const char *name, uint64_t v)
{
    tsk_json_put(out, name, json_integer((json_int_t)v));
}

void tsk_json_put_flag(json_t *out, const char *name, bool v)
{
    tsk_json_put(out, name, json_boolean(v));
}

void tsk_json_put_code(json_t *out, const char *name, struct tsk_code code)
{
    tsk_json_put(out, name, json_stringn(code.s, strnlen(code.s, sizeof code.s)));
}

json_t *tsk_json_hex(const void *p, size_t n)
{
    char *text = json_alloc(2 * n + 1);
    if (text == NULL)
        return NULL;
    tsk_hex(p, n, text);
    json_t *v = json_stringn_nocheck(text, 2 * n);
    json_free(text);
    return v;
}

void tsk_json_put_hex(json_t *out, const char *name, const void *p, size_t n)
{
    tsk_json_put(out, name, tsk_json_hex(p, n));
}

/* ---- content ---- */
static json_t *content_value(struct tsk_cbor_in *in, unsigned depth);

static json_t *content_list(struct tsk_cbor_in *in, unsigned depth)
{
    json_t *list = json_array();
    uint64_t n = tsk_cbor_array(in);
    for (uint64_t i = 0; i < n && in->err == TSK_OK; i++)
        tsk_json_add(list, content_value(in, depth + 1));
    return list;
}

static json_t *content_map(struct tsk_cbor_in *in, unsigned depth)
{
    json_t *map = json_object();
    uint64_t n = tsk_cbor_map(in);
    for (uint64_t i = 0; i < n && in->err == TSK_OK; i++) {
        char key[64];
        struct tsk_slice k = tsk_cbor_text(in);
        if (k.n >= sizeof key)
            tsk_cbor_fail(in, TSK_E_MALFORMED);
        json_t *v = content_value(in, depth + 1);
        if (in->err == TSK_OK) {
            memcpy(key, k.p, k.n);
            key[k.n] = '\0';
            tsk_json_put(map, key, v);
        } else {
            json_decref(v);
        }
    }
    return map;
}

/* Always a value, so that a failure in the middle needs no path of its own: the reader keeps the error. */
static json_t *content_value(struct tsk_cbor_in *in, unsigned depth)
{
    enum tsk_cbor_type type = depth < TSK_CBOR_DEPTH ? tsk_cbor_peek(in) : TSK_CBOR_NONE;
    if (type == TSK_CBOR_MAP)
        return content_map(in, depth);
    if (type == TSK_CBOR_ARRAY)
        return content_list(in, depth);
    if (type == TSK_CBOR_BOOL)
        return json_boolean(tsk_cbor_bool(in));
    if (type != TSK_CBOR_TEXT)
        tsk_cbor_fail(in, TSK_E_MALFORMED);
    struct tsk_slice s = tsk_cbor_text(in);
    return json_stringn(s.n == 0 ? "" : (const char *)s.p, s.n);
}

enum tsk_err tsk_json_content(struct tsk_slice cbor, json_t **ret_content)
{
    TSK_TRY(tsk_cbor_check(cbor));
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, cbor);
    json_t *v = content_value(&in, 0);
    enum tsk_err e = tsk_cbor_done(&in);
    if (e == TSK_OK && !json_is_object(v))
        e = TSK_E_MALFORMED;
    if (e != TSK_OK) {
        json_decref(v);
        return e;
    }
    *ret_content = v;
    return TSK_OK;
}

bool tsk_code_danger(const char *text)
{
    char code[sizeof(struct tsk_code)] = "";
    if (strlen(text) >= sizeof code)
        return false;
    for (size_t i = 0; text[i] != '\0'; i++)
        code[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
    const struct tsk_code_row *need = tsk_code_find(TSK_LIST_NEED, code), *urgency = tsk_code_find(TSK_LIST_URGENCY, code);
    return (need != NULL && (need->flags & TSK_CODE_EMERGENCY) != 0) ||
           (urgency != NULL && (urgency->flags & TSK_CODE_EMERGENCY) != 0);
}

static bool value_danger(const json_t *v)
{
    if (json_is_string(v))
        return tsk_code_danger(json_string_value(v));
    for (size_t i = 0; i < json_array_size(v); i++)
        if (json_is_string(json_array_get(v, i)) && tsk_code_danger(json_string_value(json_array_get(v, i))))
            return true;
    return false;
}

bool tsk_content_danger(const json_t *content)
{
    size_t n;
    const struct tsk_item_row *rows = tsk_item_rows(&n);
    for (size_t i = 0; i < n; i++)
        if (rows[i].values != NULL && (strcmp(rows[i].values, "@needs") == 0 || strcmp(rows[i].values, "@urgency") == 0) &&
            value_danger(json_object_get(content, rows[i].id)))
            return true;
    return false;
}

bool tsk_content_text(struct tsk_slice cbor, const char *key, struct tsk_slice *ret_text)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, cbor);
    uint64_t n = tsk_cbor_peek(&in) == TSK_CBOR_MAP ? tsk_cbor_map(&in) : 0;
    for (uint64_t i = 0; i < n && in.err == TSK_OK; i++) {
        struct tsk_slice k = tsk_cbor_text(&in);
        if (tsk_slice_eq(k, (struct tsk_slice){(const uint8_t *)key, strlen(key)}) &&
            tsk_cbor_peek(&in) == TSK_CBOR_TEXT) {
            *ret_text = tsk_cbor_text(&in);
            return in.err == TSK_OK;
        }
        (void)tsk_cbor_any(&in);
    }
    return false;
}
