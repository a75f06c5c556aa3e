/* conf.h - D/node.conf: `key = value` lines, one table (conf.def). Unknown keys and bad values are refused by name. */
#ifndef TSK_NODE_CORE_CONF_H
#define TSK_NODE_CORE_CONF_H

#include "schema/record.h"

/* TSK_CONF(field, TYPE, "key", default, min, max, "what") TYPE: NUM (uint64_t) or STR (char[256]) */
struct tsk_conf {
#define TSK_CONF_NUM(field) uint64_t field;
#define TSK_CONF_STR(field) char field[256];
#define TSK_CONF(field, TYPE, key, dflt, min, max, what) TSK_CONF_##TYPE(field)
#include "node/core/conf.def"
#undef TSK_CONF
#undef TSK_CONF_NUM
#undef TSK_CONF_STR
};

void tsk_conf_defaults(struct tsk_conf *ret_conf);
/* TSK_E_BADFILE; `ret_line` then holds the number of the line at fault (0: file unreadable; one past the last: a key
 * that has no default is missing). Refused: unknown and repeated keys, values outside the table's bounds. Lines that
 * begin with # are comments; a value is the rest of its line, without the spaces around it. */
TSK_MUST_USE enum tsk_err tsk_conf_read(const char *dir, struct tsk_conf *ret_conf, unsigned *ret_line);
/* Writes a commented node.conf with every key of the table. */
TSK_MUST_USE enum tsk_err tsk_conf_write(const char *dir, const struct tsk_conf *conf);

#endif
