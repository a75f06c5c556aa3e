/* detail.c - what a detail may say, checked against items.def; see tsk_detail_check in codes.h. */
#include <string.h>

#include "schema/codes.h"
#include "schema/date.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define KEY_CAP 32
#define DATE_TEXT_MAX 10

/* Whatever is here and complete makes the category complete; without a row, its required items do. */
static const struct complete_row {
    const char *category, *when; /* applies if this item is there; NULL always */
    const char *items[4];
} complete_rows[] = {
    {"C1", "c1.call", {"c1.how"}},
    {"C1", NULL, {"c1.name", "c1.kana", "c1.birth", "c1.how"}},
};

/* ---- text ---- */

static bool slice_is(struct tsk_slice s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* The next scalar of checked UTF-8. */
static uint32_t next_scalar(const uint8_t **p)
{
    uint8_t head = *(*p)++;
    uint32_t c = head < 0x80 ? head : head < 0xe0 ? head & 0x1fu : head < 0xf0 ? head & 0x0fu : head & 0x07u;
    for (int more = (head >= 0xc0) + (head >= 0xe0) + (head >= 0xf0); more > 0; more--)
        c = c << 6 | (*(*p)++ & 0x3fu);
    return c;
}

/* Controls would disturb a terminal or a print; bidirectional ones can make a text read as another. */
static bool scalar_ok(uint32_t c)
{
    bool control = (c < 0x20 && c != '\n') || (c >= 0x7f && c <= 0x9f);
    bool bidi = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    return !control && !bidi;
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\n' || c == 0x00a0 || c == 0x3000;
}

/* After an error the reader gives no bytes at all: make that an empty text, which nothing below accepts. */
static struct tsk_slice take_text(struct tsk_cbor_in *in)
{
    struct tsk_slice text = tsk_cbor_text(in);
    return text.p != NULL ? text : (struct tsk_slice){(const uint8_t *)"", 0};
}

static bool text_ok(struct tsk_slice text, size_t max)
{
    size_t scalars;
    bool says_something = false;
    if (!tsk_utf8_ok(text.p, text.n, &scalars) || scalars > max)
        return false;
    for (const uint8_t *p = text.p; scalars > 0; scalars--) {
        uint32_t c = next_scalar(&p);
        if (!scalar_ok(c))
            return false;
        says_something = says_something || !is_blank(c);
    }
    return says_something;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool tel_ok(struct tsk_slice text, size_t max)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (!is_digit(text.p[i]) && (text.p[i] == '\0' || strchr("+()- ", text.p[i]) == NULL))
            return false;
        digits += is_digit(text.p[i]);
    }
    return text.n >= 3 && text.n <= max && digits >= 3;
}

/* The shape of a BCP 47 tag: a language of letters, then subtags of letters and digits; whether it is registered
 * nobody here can know. A single letter opens an extension and cannot stand last. */
static bool lang_ok(struct tsk_slice text, size_t max)
{
    size_t word_n = 0, words = 0;
    if (text.n > max)
        return false;
    for (size_t i = 0; i <= text.n; i++) {
        if (i == text.n || text.p[i] == '-') {
            bool last = i == text.n;
            if (word_n < (last || words == 0 ? 2 : 1) || word_n > 8)
                return false;
            words++;
            word_n = 0;
        } else if (is_letter(text.p[i]) || (words > 0 && is_digit(text.p[i]))) {
            word_n++;
        } else {
            return false;
        }
    }
    return true;
}

static bool date_ok(struct tsk_slice text, bool age_too)
{
    char copy[DATE_TEXT_MAX + 1] = {0};
    struct tsk_date date;
    struct tsk_birth birth;
    if (text.n > DATE_TEXT_MAX || memchr(text.p, '\0', text.n) != NULL)
        return false;
    memcpy(copy, text.p, text.n);
    /* There is no clock here: the end of time lets every day of birth pass that is a day at all. */
    return (age_too ? tsk_birth_parse(copy, TSK_TIME_MAX, &birth) : tsk_date_parse(copy, &date)) == TSK_OK;
}

/* ---- codes ---- */

static const struct { const char *name; enum tsk_list list; } named_lists[] = {
    {"@needs", TSK_LIST_NEED},
    {"@urgency", TSK_LIST_URGENCY},
    {"@age_bands", TSK_LIST_AGE_BAND},
};

static int place_in_list(enum tsk_list list, struct tsk_slice code)
{
    size_t n;
    const struct tsk_code_row *rows = tsk_codes(list, &n);
    for (size_t i = 0; i < n; i++)
        if (slice_is(code, rows[i].id))
            return rows[i].flags & TSK_CODE_EMERGENCY ? -1 : (int)i;
    return -1;
}

/* Place of the code in "1=word|2=word" or in a named list; -1 if it is not there, or is never written down. */
static int place(const char *values, struct tsk_slice code)
{
    for (size_t i = 0; i < COUNT(named_lists); i++)
        if (strcmp(values, named_lists[i].name) == 0)
            return place_in_list(named_lists[i].list, code);
    for (int at = 0;; at++) {
        if (code.n > 0 && strcspn(values, "=|") == code.n && memcmp(values, code.p, code.n) == 0)
            return at;
        values += strcspn(values, "|");
        if (*values == '\0')
            return -1;
        values++;
    }
}

static bool codes_ok(struct tsk_cbor_in *in, const char *values)
{
    uint64_t n = tsk_cbor_array(in), had = 0;
    if (n == 0)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        int at = place(values, take_text(in));
        if (at < 0 || at >= 64 || (had & UINT64_C(1) << at))
            return false;
        had |= UINT64_C(1) << at;
    }
    return true;
}

/* ---- tables ---- */

/* The type of a column in "column:type|...", or NULL. */
static const char *column_type(const char *columns, struct tsk_slice name)
{
    for (;;) {
        size_t n = strcspn(columns, ":");
        if (n == name.n && memcmp(columns, name.p, n) == 0)
            return columns + n + 1;
        columns += strcspn(columns, "|");
        if (*columns == '\0')
            return NULL;
        columns++;
    }
}

static unsigned number_at(const char *digits)
{
    unsigned v = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        v = v * 10 + (unsigned)(*digits - '0');
    return v;
}

static bool cell_ok(struct tsk_cbor_in *in, const char *type)
{
    size_t n = strcspn(type, "|");
    char list[KEY_CAP] = {0};
    if (n == strlen("bool") && strncmp(type, "bool", n) == 0) {
        tsk_cbor_bool(in);
        return true;
    }
    struct tsk_slice text = take_text(in);
    if (n == strlen("date") && strncmp(type, "date", n) == 0)
        return date_ok(text, false);
    if (type[0] == '@' && n < sizeof list)
        return place(memcpy(list, type, n), text) >= 0;
    return text_ok(text, number_at(type + strlen("text")));
}

static bool table_row_ok(struct tsk_cbor_in *in, const char *columns)
{
    uint64_t n = tsk_cbor_map(in);
    bool first = false;
    for (uint64_t i = 0; i < n; i++) {
        const char *type = column_type(columns, take_text(in));
        if (in->err != TSK_OK || type == NULL || !cell_ok(in, type))
            return false;
        first = first || type == columns + strcspn(columns, ":") + 1;
    }
    return first;
}

static bool table_ok(struct tsk_cbor_in *in, const char *columns, unsigned max)
{
    uint64_t n = tsk_cbor_array(in);
    bool ok = n >= 1 && n <= max;
    for (uint64_t i = 0; ok && i < n; i++)
        ok = table_row_ok(in, columns);
    return ok;
}

/* ---- items ---- */

static bool value_ok(struct tsk_cbor_in *in, const struct tsk_item_row *row)
{
    switch (row->type) {
    case TSK_ITEM_TEXT:
        return text_ok(take_text(in), row->max);
    case TSK_ITEM_CODE:
        return place(row->values, take_text(in)) >= 0;
    case TSK_ITEM_CODES:
        return codes_ok(in, row->values);
    case TSK_ITEM_DATE:
        return date_ok(take_text(in), row->values != NULL);
    case TSK_ITEM_TEL:
        return tel_ok(take_text(in), row->max);
    case TSK_ITEM_BOOL:
        tsk_cbor_bool(in);
        return true;
    case TSK_ITEM_LANG:
        return lang_ok(take_text(in), row->max);
    case TSK_ITEM_TABLE:
        return table_ok(in, row->values, row->max);
    }
    return false;
}

static const struct tsk_item_row *find_row(struct tsk_code category, struct tsk_slice key)
{
    size_t n;
    const struct tsk_item_row *rows = tsk_item_rows(&n);
    for (size_t i = 0; i < n; i++)
        if (slice_is(key, rows[i].id) && strcmp(rows[i].category, category.s) == 0)
            return &rows[i];
    return NULL;
}

/* The key came from outside and goes to a screen: printable ASCII, cut to length. */
static enum tsk_err blame(struct tsk_slice key, char *ret_key)
{
    size_t n = 0;
    for (; ret_key != NULL && n < key.n && n < KEY_CAP - 1; n++)
        ret_key[n] = (char)(key.p[n] > 0x20 && key.p[n] < 0x7f ? key.p[n] : '?');
    if (ret_key != NULL)
        ret_key[n] = '\0';
    return TSK_E_DETAIL;
}

static enum tsk_err blame_id(const char *id, char *ret_key)
{
    return blame((struct tsk_slice){(const uint8_t *)id, strlen(id)}, ret_key);
}

/* Which items are there, a bit a row of items.def. */
static bool has_item(uint64_t had, const char *id)
{
    size_t n;
    return (had >> (tsk_item_row_find(id) - tsk_item_rows(&n))) & 1;
}

static enum tsk_err check_complete(struct tsk_code category, uint64_t had, char *ret_key)
{
    size_t n;
    const struct tsk_item_row *rows = tsk_item_rows(&n);
    for (size_t i = 0; i < n; i++)
        if (rows[i].required && strcmp(rows[i].category, category.s) == 0 && !((had >> i) & 1))
            return blame_id(rows[i].id, ret_key);
    for (size_t r = 0; r < COUNT(complete_rows); r++) {
        const struct complete_row *row = &complete_rows[r];
        if (strcmp(row->category, category.s) != 0 || (row->when != NULL && !has_item(had, row->when)))
            continue;
        for (size_t i = 0; i < COUNT(row->items) && row->items[i] != NULL; i++)
            if (!has_item(had, row->items[i]))
                return blame_id(row->items[i], ret_key);
        break;
    }
    return had == 0 ? blame_id(category.s, ret_key) : TSK_OK;
}

enum tsk_err tsk_detail_check(struct tsk_code category, struct tsk_slice content, char ret_key[32])
{
    size_t rows_n;
    const struct tsk_item_row *rows = tsk_item_rows(&rows_n);
    struct tsk_cbor_in in;
    uint64_t had = 0;
    if (tsk_code_find(TSK_LIST_CATEGORY, category.s) == NULL)
        return blame_id(category.s, ret_key);
    if (tsk_cbor_check(content) != TSK_OK)
        return blame_id("", ret_key);
    tsk_cbor_in_init(&in, content);
    uint64_t n = tsk_cbor_map(&in);
    for (uint64_t i = 0; i < n; i++) {
        struct tsk_slice key = take_text(&in);
        const struct tsk_item_row *row = find_row(category, key);
        if (row == NULL || !value_ok(&in, row) || in.err != TSK_OK)
            return blame(key, ret_key);
        had |= UINT64_C(1) << (row - rows);
    }
    if (tsk_cbor_done(&in) != TSK_OK)
        return blame_id("", ret_key);
    return check_complete(category, had, ret_key);
}
