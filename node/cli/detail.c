#include "node/cli/detail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/secret.h"
#include "node/core/folder.h"
#include "node/desk/json.h"

#define DEPTH_MAX 4 /* map of arrays of maps of text */

/* RFC 8949 4.2.1: keys in the order of their encoding, which for text means the shorter first. */
static int by_encoding(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = strlen(x), m = strlen(y);
    return n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

static bool put(struct tsk_cbor_out *out, const json_t *v, int depth);

static bool put_map(struct tsk_cbor_out *out, const json_t *o, int depth)
{
    size_t n = json_object_size(o), i = 0;
    const char **keys = calloc(n + 1, sizeof *keys), *key;
    json_t *v;
    if (!keys)
        return false;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
        keys[i++] = key;
    qsort(keys, n, sizeof *keys, by_encoding);
    tsk_cbor_put_map(out, n);
    bool ok = true;
    for (i = 0; ok && i < n; i++) {
        tsk_cbor_put_str(out, keys[i]);
        ok = put(out, json_object_get(o, keys[i]), depth + 1);
    }
    free(keys);
    return ok;
}

static bool put_array(struct tsk_cbor_out *out, const json_t *a, int depth)
{
    tsk_cbor_put_array(out, json_array_size(a));
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!put(out, json_array_get(a, i), depth + 1))
            return false;
    return true;
}

/* Numbers and null stand for no item of the lists. */
static bool put(struct tsk_cbor_out *out, const json_t *v, int depth)
{
    if (depth > DEPTH_MAX)
        return false;
    switch (json_typeof(v)) {
    case JSON_STRING:
        tsk_cbor_put_text(out, (struct tsk_slice){(const uint8_t *)json_string_value(v), json_string_length(v)});
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        tsk_cbor_put_bool(out, json_is_true(v));
        return true;
    case JSON_ARRAY:
        return put_array(out, v, depth);
    case JSON_OBJECT:
        return put_map(out, v, depth);
    default:
        return false;
    }
}

/* The first item whose value is of no kind that a detail knows. */
static enum tsk_err name_bad_value(struct tsk_cli *c, const json_t *content)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)content, key, v) {
        struct tsk_cbor_out out;
        tsk_cbor_out_init(&out, NULL, 0);
        if (!put(&out, v, 1))
            return tsk_refuse(c, TSK_E_DETAIL, "%s", key);
    }
    return TSK_OK;
}

enum tsk_err tsk_detail_pack(struct tsk_cli *c, const char *category, const json_t *content, uint8_t **ret_p, size_t *ret_n)
{
    struct tsk_cbor_out out;
    struct tsk_slice bytes;
    char key[32] = "";
    TSK_TRY(name_bad_value(c, content));
    tsk_cbor_out_init(&out, NULL, 0);
    if (!put(&out, content, 0))
        return TSK_E_NOMEM;
    if (out.n > TSK_PLAINTEXT_MAX)
        return tsk_refuse(c, TSK_E_LIMIT, "%s", category);
    size_t n = out.n;
    uint8_t *p = malloc(n);
    if (!p)
        return TSK_E_NOMEM;
    tsk_cbor_out_init(&out, p, n);
    enum tsk_err e = put(&out, content, 0) ? tsk_cbor_out_done(&out, &bytes) : TSK_E_NOMEM;
    if (e == TSK_OK && tsk_detail_check(tsk_code(category), bytes, key) != TSK_OK)
        e = tsk_refuse(c, TSK_E_DETAIL, "%s", *key ? key : category);
    if (e != TSK_OK) {
        tsk_wipe(p, n);
        free(p);
        return e;
    }
    *ret_p = p;
    *ret_n = n;
    return TSK_OK;
}

/* ---- forms ---- */
/* "1=男|2=女" as "1 男、2 女". */
static void values_words(const struct tsk_cli *c, const char *values, FILE *out)
{
    for (const char *p = values; *p; p++)
        if (*p == '=')
            fputc(' ', out);
        else if (*p == '|')
            fputs(tsk_words(c, "、", ", "), out);
        else
            fputc(*p, out);
}

/* "relation:text20|lives_together:bool" as the columns of one row. */
static void columns_words(const struct tsk_cli *c, const char *values, FILE *out)
{
    static const struct { const char *type, *ja, *en; } TYPES[] = {
        {"text", "ことば", "text"}, {"bool", "true か false", "true or false"}, {"date", "日付", "a date"}, {"@", "番号", "a code"}};
    const char *between = "";
    fputs(tsk_words(c, "行をならべたリスト。1行の項目: ", "a list of rows, each with: "), out);
    for (const char *p = values; *p; p += *p == '|') {
        size_t n = strcspn(p, ":"), i = 0;
        while (i + 1 < sizeof TYPES / sizeof *TYPES && strncmp(p + n + 1, TYPES[i].type, strlen(TYPES[i].type)) != 0)
            i++;
        fprintf(out, "%s%.*s (%s)", between, (int)n, p, tsk_words(c, TYPES[i].ja, TYPES[i].en));
        between = tsk_words(c, "、", ", ");
        p += strcspn(p, "|");
    }
}

static void form_words(const struct tsk_cli *c, const struct tsk_item_row *row, FILE *out)
{
    const char *values = row->values ? row->values : "";
    if (row->type == TSK_ITEM_TABLE)
        columns_words(c, values, out);
    else if (row->type == TSK_ITEM_DATE)
        fputs(*values ? tsk_words(c, "日付(例 2016-06-01)、または年齢(例 ~10)", "a date such as 2016-06-01, or an age such as ~10")
                      : tsk_words(c, "日付(例 2016-06-01)", "a date such as 2016-06-01"), out);
    else if (*values == '@')
        fputs(strcmp(values, "@urgency") == 0 ? "U1, U2, U3, U4 (tasuki help refer: --urgency)"
                                              : "N01, N02, ... (tasuki help refer: --need)", out);
    else if (row->type == TSK_ITEM_BOOL)
        fputs(tsk_words(c, "true か false", "true or false"), out);
    else if (row->type == TSK_ITEM_TEXT)
        fprintf(out, tsk_words(c, "%u 字までのことば", "text of at most %u characters"), row->max);
    else if (row->type == TSK_ITEM_TEL)
        fputs(tsk_words(c, "電話番号(数字とハイフン)", "a telephone number"), out);
    else if (row->type == TSK_ITEM_LANG)
        fputs(tsk_words(c, "ことばの記号(例 ja、en、vi)", "a language tag such as ja, en, vi"), out);
    else
        values_words(c, values, out);
    if (row->type == TSK_ITEM_CODES)
        fputs(tsk_words(c, " のリスト(例 [\"1\"])", " as a list, such as [\"1\"]"), out);
}

void tsk_item_form(const struct tsk_cli *c, const struct tsk_item_row *row, char *ret_text, size_t cap)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out) {
        form_words(c, row, out);
        fclose(out);
    }
    tsk_text_cut(ret_text, cap, text ? text : "");
    free(text);
}

/* ---- danger ---- */
static bool file_danger(const char *path)
{
    struct stat st;
    TSK_HEAP *text = NULL;
    size_t n = 0;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || tsk_file_read(path, TSK_DETAIL_FILE_MAX, &text, &n) != TSK_OK)
        return false;
    json_t *content = json_loadb((const char *)text, n, 0, NULL);
    bool danger = tsk_content_danger(content);
    json_decref(content);
    tsk_wipe(text, n);
    return danger;
}

bool tsk_detail_danger(const char *pairs)
{
    for (;; pairs++) {
        char path[TSK_PATH_CAP];
        size_t n = strcspn(pairs, ",");
        const char *eq = memchr(pairs, '=', n);
        size_t len = eq ? (size_t)(pairs + n - eq) - 1 : 0;
        if (len > 0 && len < sizeof path) {
            snprintf(path, sizeof path, "%.*s", (int)len, eq + 1);
            if (file_danger(path))
                return true;
        }
        pairs += n;
        if (*pairs == '\0')
            return false;
    }
}

/* What a family wrote reaches a terminal: what would steer it (C0, DEL, C1) is shown as "?"; a new line as " / ". */
void tsk_text_print(const char *text)
{
    for (const uint8_t *p = (const uint8_t *)text; *p != 0; p++) {
        bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
        if (*p == '\n')
            printf(" / ");
        else if (*p < 0x20 || *p == 0x7f || c1)
            putchar('?');
        else
            putchar(*p);
        p += c1;
    }
}

/* ---- content to words ---- */
/* "1=男|2=女" or "@needs": the word of a code. */
static void print_code(const struct tsk_cli *c, const struct tsk_item_row *row, const char *code)
{
    const char *values = row && row->values ? row->values : "";
    if (values[0] == '@') {
        enum tsk_list list = strcmp(values, "@urgency") == 0 ? TSK_LIST_URGENCY : TSK_LIST_NEED;
        tsk_text_print(code);
        if (tsk_code_find(list, code) != NULL)
            printf(" %s", tsk_code_text(list, code, c->ui));
        return;
    }
    size_t n = strlen(code);
    for (const char *p = values; p && *p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strncmp(p, code, n) == 0 && p[n] == '=') {
            printf("%.*s", (int)strcspn(p + n + 1, "|"), p + n + 1);
            return;
        }
    tsk_text_print(code);
}

static void print_value(const struct tsk_cli *c, const struct tsk_item_row *row, const json_t *v)
{
    size_t i;
    json_t *e;
    const char *key;
    if (json_is_string(v)) {
        if (row && (row->type == TSK_ITEM_CODE || row->type == TSK_ITEM_CODES))
            print_code(c, row, json_string_value(v));
        else
            tsk_text_print(json_string_value(v));
    } else if (json_is_boolean(v)) {
        printf("%s", json_is_true(v) ? tsk_words(c, "はい", "yes") : tsk_words(c, "いいえ", "no"));
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, e) {
            printf("%s", i > 0 ? " / " : "");
            print_value(c, row, e);
        }
    } else {
        const char *between = "";
        json_object_foreach((json_t *)(uintptr_t)v, key, e) {
            printf("%s", between);
            tsk_text_print(key);
            putchar('=');
            print_value(c, NULL, e);
            between = " ";
        }
    }
}

void tsk_content_print(struct tsk_cli *c, const json_t *content)
{
    size_t n;
    const struct tsk_item_row *rows = tsk_item_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_object_get(content, rows[i].id);
        if (!v)
            continue;
        printf("  %s: ", tsk_words(c, rows[i].ja, rows[i].en));
        print_value(c, &rows[i], v);
        putchar('\n');
    }
}
