/* log.h - logfmt lines on stderr: `time=... level=... event=put_refused peer=01102-KK err=e.rate`. Ids, enums, numbers;
 * never a name, a code text of a detail, a PIN or a card. A peer's text goes through tsk_log_text, which escapes and cuts. */
#ifndef TSK_NODE_CORE_LOG_H
#define TSK_NODE_CORE_LOG_H

#include "schema/record.h"

enum tsk_level { TSK_LOG_ERROR, TSK_LOG_WARN, TSK_LOG_INFO, TSK_LOG_DEBUG };

void tsk_log_level(enum tsk_level lowest);
void tsk_log(enum tsk_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What a stranger or a hostile peer can cause must not fill the disk with lines about it: one gate for each cause, through
 * which a line a second goes at most. True: write it, and that `ret_unsaid` others were held back before it. Any thread. */
struct tsk_gate { _Atomic uint64_t last_ms; _Atomic unsigned unsaid; };
bool tsk_log_due(struct tsk_gate *g, unsigned *ret_unsaid);

/* First 8 hex digits of an id, for a log line. */
struct tsk_short { char s[9]; };
struct tsk_short tsk_short(const uint8_t *id);
#define TSK_SHORT(id) (tsk_short((id).b).s)

/* Escapes to printable ASCII within quotes, at most 64 bytes of input. */
struct tsk_escaped { char s[264]; };
struct tsk_escaped tsk_log_text(struct tsk_slice text);

#endif
