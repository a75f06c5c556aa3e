/* detail.h - details of a referral: the flat JSON of a file to the content map that is sealed, and content to words. */
#ifndef TSK_NODE_CLI_DETAIL_H
#define TSK_NODE_CLI_DETAIL_H

#include "node/cli/cli.h"

/* A flat JSON object of item ids to deterministic CBOR: strings to text, booleans to bool, lists to arrays, tables to
 * arrays of maps. Checked against the category's items. TSK_E_DETAIL names the key. `ret_p` is memory (free; the caller
 * wipes it). */
TSK_MUST_USE enum tsk_err tsk_detail_pack(struct tsk_cli *c, const char *category, const json_t *content, uint8_t **ret_p,
                                          size_t *ret_n);

#endif
