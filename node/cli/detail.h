/* detail.h - details of a referral: the flat JSON of a file to the content map that is sealed, and content to words. */
#ifndef TSK_NODE_CLI_DETAIL_H
#define TSK_NODE_CLI_DETAIL_H

#include "node/cli/cli.h"

#define TSK_DETAIL_FILE_MAX (TSK_PLAINTEXT_MAX + 65536)

/* A flat JSON object of item ids to deterministic CBOR: strings to text, booleans to bool, lists to arrays, tables to
 * arrays of maps. Checked against the category's items. TSK_E_DETAIL names the key. `ret_p` is memory (free; the caller
 * wipes it). */
TSK_MUST_USE enum tsk_err tsk_detail_pack(struct tsk_cli *c, const char *category, const json_t *content, uint8_t **ret_p,
                                          size_t *ret_n);

/* What an item may hold, in words: "1 男、2 女", "a date such as 2016-06-01". */
void tsk_item_form(const struct tsk_cli *c, const struct tsk_item_row *row, char *ret_text, size_t cap);

/* Whether one of the details `C1=FILE.json,...` says that somebody is in danger (N16, U0). Looks into regular files only:
 * what can be read once is read later. */
bool tsk_detail_danger(const char *pairs);

#endif
