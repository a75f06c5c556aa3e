#include "schema/err.h"

#include <stddef.h>
#include <string.h>

#define WIRE_RETRY 13

struct err_row {
    enum tsk_err_class cls;
    int wire; /* -1 = has none */
    const char *name;
    const char *text[3]; /* by enum tsk_ui */
};

static const struct err_row ROWS[TSK_ERR_COUNT] = {
#define TSK_ERR(NAME, CLASS, number, id, ja, easy, en) \
    [TSK_E_##NAME] = {TSK_CLASS_##CLASS, number, id, {[TSK_UI_JA] = ja, [TSK_UI_EASY] = easy, [TSK_UI_EN] = en}},
#include "schema/err.def"
#undef TSK_ERR
};

/* A value that is no row is our own fault, and is named so rather than read past the table. */
static const struct err_row *row_of(enum tsk_err e)
{
    return (unsigned)e < TSK_ERR_COUNT ? &ROWS[e] : &ROWS[TSK_E_BUG];
}

enum tsk_err_class tsk_err_class(enum tsk_err e)
{
    return row_of(e)->cls;
}

const char *tsk_err_name(enum tsk_err e)
{
    return row_of(e)->name;
}

const char *tsk_err_text(enum tsk_err e, enum tsk_ui ui)
{
    return row_of(e)->text[(unsigned)ui <= TSK_UI_EN ? ui : TSK_UI_EN];
}

unsigned tsk_err_wire(enum tsk_err e)
{
    int wire = row_of(e)->wire;
    return wire < 0 ? WIRE_RETRY : (unsigned)wire;
}

enum tsk_err tsk_err_from_wire(unsigned wire)
{
    for (size_t i = 0; i < TSK_ERR_COUNT; i++)
        if (ROWS[i].wire >= 0 && (unsigned)ROWS[i].wire == wire)
            return (enum tsk_err)i;
    return TSK_E_MALFORMED;
}

enum tsk_err tsk_err_from_name(const char *name)
{
    for (size_t i = 0; i < TSK_ERR_COUNT; i++)
        if (strcmp(ROWS[i].name, name) == 0)
            return (enum tsk_err)i;
    return TSK_E_BUG;
}

int tsk_err_exit(enum tsk_err e)
{
    static const int EXIT_OF[] = {
        [TSK_CLASS_NONE] = 0, [TSK_CLASS_USAGE] = 2, [TSK_CLASS_POLICY] = 1, [TSK_CLASS_PEER] = 1,
        [TSK_CLASS_LOCAL] = 3,
    };
    return EXIT_OF[tsk_err_class(e)];
}
