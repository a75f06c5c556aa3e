/* err.h - one enum for every outcome, and the words for each.
 *
 * Every function that can fail returns `enum tsk_err`, and the compiler insists that the caller looks.
 * Out-parameters (`ret_x`) are untouched when the result is not TSK_OK. The class decides exit status,
 * reply, retry and alarm; the rows, with their words, stand in err.def.
 */
#ifndef TSK_SCHEMA_ERR_H
#define TSK_SCHEMA_ERR_H

enum tsk_err {
#define TSK_ERR(name, cls, wire, text, ja, easy, en) TSK_E_##name,
#include "schema/err.def"
#undef TSK_ERR
    TSK_ERR_COUNT,
};
#define TSK_OK TSK_E_OK

enum tsk_err_class {
    TSK_CLASS_NONE,
    TSK_CLASS_USAGE,  /* exit 2 */
    TSK_CLASS_POLICY, /* exit 1 */
    TSK_CLASS_PEER,   /* exit 1 */
    TSK_CLASS_LOCAL,  /* exit 3 */
};

enum tsk_ui { TSK_UI_JA, TSK_UI_EASY, TSK_UI_EN };

#define TSK_MUST_USE __attribute__((warn_unused_result))

/* Return early with the first failure. */
#define TSK_TRY(expr)                          \
    do {                                       \
        enum tsk_err tsk_try_err_ = (expr);    \
        if (tsk_try_err_ != TSK_OK)            \
            return tsk_try_err_;               \
    } while (0)

enum tsk_err_class tsk_err_class(enum tsk_err e);

/* The stable name, "e.noconsent". Static. */
const char *tsk_err_name(enum tsk_err e);

/* The sentence in the language asked for. Static. */
const char *tsk_err_text(enum tsk_err e, enum tsk_ui ui);

/* The number on the wire, 1..13; 0 for TSK_OK; 13 (retry) for what has no number, since a fault of ours must
 * never be taken for a refusal for good. */
unsigned tsk_err_wire(enum tsk_err e);

/* The error of a wire number (the first row that carries it), TSK_E_MALFORMED for a number that none carries. */
enum tsk_err tsk_err_from_wire(unsigned wire);

/* The error of a name ("e.unknown"), TSK_E_BUG for none. */
enum tsk_err tsk_err_from_name(const char *name);

/* 0 done; 1 refused by the rules or a peer; 2 usage or unreadable file; 3 local fault. */
int tsk_err_exit(enum tsk_err e);

#endif
