/* codes.c - the code lists, read from their tables; see codes.h. */
#include "schema/codes.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct tsk_code_row code_rows[] = {
#define TSK_CODE(list, id, ja, easy, en, flags, num, num2) {id, ja, easy, en, flags, num, num2},
#include "schema/codes.def"
#undef TSK_CODE
};

/* The list of each row above: lists are contiguous, so a list is found by its first row and its length. */
static const uint8_t code_lists[] = {
#define TSK_CODE(list, id, ja, easy, en, flags, num, num2) TSK_LIST_##list,
#include "schema/codes.def"
#undef TSK_CODE
};

static const struct tsk_district district_rows[] = {
#define TSK_DISTRICT(id, ward, name, phase) {id, ward, name, phase},
#include "schema/districts.def"
#undef TSK_DISTRICT
};

static const struct tsk_partner_row partner_rows[] = {
#define TSK_PARTNER(id, type, name, kana, en, ward, needs, hours, network, node, note, hidden, fictional) \
    {id, type, name, kana, en, ward, needs, hours, network, node, note, hidden, fictional},
#include "schema/partners.def"
#undef TSK_PARTNER
};

static const struct tsk_item_row item_rows[] = {
#define TSK_ITEM(id, category, ja, en, type, max, required, values) \
    {id, category, ja, en, TSK_ITEM_##type, max, required, values},
#include "schema/items.def"
#undef TSK_ITEM
};

const struct tsk_code_row *tsk_codes(enum tsk_list list, size_t *ret_n)
{
    size_t first = 0, n = 0;
    while (first < COUNT(code_lists) && code_lists[first] != (uint8_t)list)
        first++;
    while (first + n < COUNT(code_lists) && code_lists[first + n] == (uint8_t)list)
        n++;
    *ret_n = n;
    return n == 0 ? NULL : &code_rows[first];
}

const struct tsk_code_row *tsk_code_find(enum tsk_list list, const char *id)
{
    size_t n;
    const struct tsk_code_row *rows = tsk_codes(list, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].id, id) == 0)
            return &rows[i];
    return NULL;
}

const char *tsk_code_text(enum tsk_list list, const char *id, enum tsk_ui ui)
{
    const struct tsk_code_row *row = tsk_code_find(list, id);
    if (row == NULL)
        return id;
    return ui == TSK_UI_JA ? row->ja : ui == TSK_UI_EASY ? row->easy : row->en;
}

const struct tsk_district *tsk_districts(size_t *ret_n)
{
    *ret_n = COUNT(district_rows);
    return district_rows;
}

const struct tsk_district *tsk_district_find(const char *id)
{
    for (size_t i = 0; i < COUNT(district_rows); i++)
        if (strcmp(district_rows[i].id, id) == 0)
            return &district_rows[i];
    return NULL;
}

const struct tsk_partner_row *tsk_sample_partners(size_t *ret_n)
{
    *ret_n = COUNT(partner_rows);
    return partner_rows;
}

const struct tsk_item_row *tsk_item_rows(size_t *ret_n)
{
    *ret_n = COUNT(item_rows);
    return item_rows;
}

const struct tsk_item_row *tsk_item_row_find(const char *id)
{
    for (size_t i = 0; i < COUNT(item_rows); i++)
        if (strcmp(item_rows[i].id, id) == 0)
            return &item_rows[i];
    return NULL;
}
