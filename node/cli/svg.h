/* svg.h - the printed card: A7, neutral, nothing on it says what it is for or whose it is. */
#ifndef TSK_NODE_CLI_SVG_H
#define TSK_NODE_CLI_SVG_H

#include "node/cli/cli.h"

/* Writes the card (its text as QR code and in groups, a blank line for the owner's own mark) to `path`, mode 0600.
 * TSK_E_DISK, TSK_E_DISKFULL. */
TSK_MUST_USE enum tsk_err tsk_card_svg(struct tsk_cli *c, const char *path, const char *card_text);

#endif
