/* codes.h - the code lists of the programme as data the program uses: categories and their items, needs, urgency,
 * reasons, outcomes, organisation types, age bands, purposes, wards, the 90 districts, the sample directory.
 * Rows stand in codes.def, items.def, districts.def, partners.def. Words in Japanese, easy Japanese, English. */
#ifndef TSK_SCHEMA_CODES_H
#define TSK_SCHEMA_CODES_H

#include "schema/record.h"

enum tsk_list {
    TSK_LIST_CATEGORY,   /* C1..C9; flags TSK_CODE_SPECIAL */
    TSK_LIST_NEED,       /* N01..; flags TSK_CODE_EMERGENCY on N16 */
    TSK_LIST_URGENCY,    /* U0..U4; num = business hours to acknowledge, num2 = business days to first contact */
    TSK_LIST_DECLINE,    /* D1.. */
    TSK_LIST_OUTCOME,    /* O11..; flags TSK_CODE_GOOD */
    TSK_LIST_BASIS,      /* B1..B3, L1..L5; flags TSK_CODE_OPENS on B1-B3 */
    TSK_LIST_ORG_TYPE,   /* T01..T18 */
    TSK_LIST_AGE_BAND,   /* A0..A6 */
    TSK_LIST_PURPOSE,    /* P1..P4 */
    TSK_LIST_STOP_REASON,/* S1 telephone, S2 in person, S3 paper, S4 card lost, S5 forced, S6 other, S8 age found wrong,
                            S9 referral ended */
    TSK_LIST_ROLE,       /* R1..R8 */
    TSK_LIST_WARD,       /* six digits */
    TSK_LIST_ANSWER,     /* "given", "no", "tel" */
    TSK_LIST_COUNT,
};
/* EMERGENCY stands on N16 and U0: never stored, never sent. */
enum { TSK_CODE_SPECIAL = 1, TSK_CODE_EMERGENCY = 2, TSK_CODE_GOOD = 4, TSK_CODE_OPENS = 8 };

struct tsk_code_row { const char *id, *ja, *easy, *en; unsigned flags; int num, num2; };

/* The rows of a list. Static. */
const struct tsk_code_row *tsk_codes(enum tsk_list list, size_t *ret_n);
/* NULL if the list has no such code. */
const struct tsk_code_row *tsk_code_find(enum tsk_list list, const char *id);
const char *tsk_code_text(enum tsk_list list, const char *id, enum tsk_ui ui); /* the id itself if unknown */

/* ---- districts: 90 rows, ids not names (苗穂 exists in two wards) ---- */
struct tsk_district { const char *id, *ward, *name, *phase; };
const struct tsk_district *tsk_districts(size_t *ret_n);
const struct tsk_district *tsk_district_find(const char *id);

/* ---- the sample directory: public offices real, without contact data; private ones fictional ---- */
struct tsk_partner_row {
    const char *id, *type, *name, *kana, *name_en, *ward, *needs, *hours, *network, *node, *note; bool hidden, fictional;
};
const struct tsk_partner_row *tsk_sample_partners(size_t *ret_n);

/* ---- what a detail may say: one row an item ---- */
enum tsk_item_type {
    TSK_ITEM_TEXT,  /* max = Unicode scalars */
    TSK_ITEM_CODE,  /* one of `values` */
    TSK_ITEM_CODES, /* array of `values`, no duplicates, order kept (the first is the most urgent) */
    TSK_ITEM_DATE,  /* "2015-04-02", or "~NN" where the item is a birth date */
    TSK_ITEM_TEL,   /* digits, + ( ) - and spaces, 3..20 */
    TSK_ITEM_BOOL,
    TSK_ITEM_LANG,  /* BCP 47 tag */
    TSK_ITEM_TABLE, /* array of flat maps with the columns of `values`, at most 20 rows */
};
struct tsk_item_row {
    const char *id, *category, *ja, *en;
    enum tsk_item_type type;
    unsigned max;
    bool required;      /* must be there whenever the category is sent */
    const char *values; /* CODE, CODES: "1=男|2=女|..." or "@needs"; DATE: "~" where an age "~NN" will do;
                           TABLE: "relation:text20|age_band:@age_bands|lives_together:bool", of which the first column
                           must be there in each row */
};
const struct tsk_item_row *tsk_item_rows(size_t *ret_n);
const struct tsk_item_row *tsk_item_row_find(const char *id);

/* Checks a content map (CBOR: text keys = item ids, values text / bool / arrays as above, deterministic) against the
 * rows of the category and its completeness rule (C1: name, kana, birth and how, or call and how; the others: the
 * required items; at least one item always). TSK_E_DETAIL, and then `ret_key` names the item that is wrong or
 * missing (the category when nothing at all is there, "" when the bytes are no such map), in printable ASCII.
 * `ret_key` may be NULL. */
TSK_MUST_USE enum tsk_err tsk_detail_check(struct tsk_code category, struct tsk_slice content, char ret_key[32]);

#endif
