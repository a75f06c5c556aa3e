#include "node/cli/detail.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

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
