#include "schema/err.h"

#include <string.h>

#include "tests/check.h"

START_TEST(every_row_has_words_and_a_name_that_leads_back)
{
    for (int i = 0; i < TSK_ERR_COUNT; i++) {
        enum tsk_err e = (enum tsk_err)i;
        ck_assert_int_eq(tsk_err_from_name(tsk_err_name(e)), e);
        ck_assert(e == TSK_OK || strncmp(tsk_err_name(e), "e.", 2) == 0);
        for (enum tsk_ui ui = TSK_UI_JA; ui <= TSK_UI_EN; ui++)
            ck_assert_uint_gt(strlen(tsk_err_text(e, ui)), 0);
    }
}
END_TEST

START_TEST(names_are_unique)
{
    for (int i = 0; i < TSK_ERR_COUNT; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(tsk_err_name((enum tsk_err)i), tsk_err_name((enum tsk_err)j));
}
END_TEST

START_TEST(unknown_names_and_values_are_bugs)
{
    ck_assert_int_eq(tsk_err_from_name("e.nosuch"), TSK_E_BUG);
    ck_assert_int_eq(tsk_err_from_name(""), TSK_E_BUG);
    ck_assert_str_eq(tsk_err_name((enum tsk_err)TSK_ERR_COUNT), "e.bug");
    ck_assert_str_eq(tsk_err_name((enum tsk_err)-1), "e.bug");
    ck_assert_int_eq(tsk_err_exit((enum tsk_err)TSK_ERR_COUNT), 3);
}
END_TEST

/* Section 8 of the protocol, written out again so that an edited row shows. */
START_TEST(wire_numbers_are_those_of_section_8)
{
    static const enum tsk_err WIRE[] = {
        TSK_OK, TSK_E_MALFORMED, TSK_E_UNKNOWNPEER, TSK_E_BADSIG, TSK_E_WRONGTYPE, TSK_E_STALE, TSK_E_NOTGRANTED,
        TSK_E_EXPIRED, TSK_E_WITHDRAWN, TSK_E_NOTLOGGED, TSK_E_CARDSTOPPED, TSK_E_RATE, TSK_E_SUITE, TSK_E_RETRY,
    };
    for (unsigned w = 0; w < sizeof WIRE / sizeof *WIRE; w++) {
        ck_assert_uint_eq(tsk_err_wire(WIRE[w]), w);
        ck_assert_int_eq(tsk_err_from_wire(w), WIRE[w]);
    }
    ck_assert_int_eq(tsk_err_from_wire(14), TSK_E_MALFORMED);
    ck_assert_int_eq(tsk_err_from_wire((unsigned)-1), TSK_E_MALFORMED);
}
END_TEST

/* A fault of ours, taken for a refusal for good, would lose the peer's record. */
START_TEST(our_own_faults_ask_for_a_retry)
{
    for (int i = 0; i < TSK_ERR_COUNT; i++) {
        enum tsk_err e = (enum tsk_err)i;
        ck_assert_uint_le(tsk_err_wire(e), 13);
        if (tsk_err_class(e) == TSK_CLASS_LOCAL)
            ck_assert_msg(tsk_err_wire(e) == 13, "%s", tsk_err_name(e));
        if (e != TSK_OK)
            ck_assert_msg(tsk_err_wire(e) != 0, "%s", tsk_err_name(e));
    }
}
END_TEST

START_TEST(exit_status_follows_the_class)
{
    ck_assert_int_eq(tsk_err_exit(TSK_OK), 0);
    ck_assert_int_eq(tsk_err_exit(TSK_E_NOCONSENT), 1);
    ck_assert_int_eq(tsk_err_exit(TSK_E_MALFORMED), 1);
    ck_assert_int_eq(tsk_err_exit(TSK_E_UNKNOWN), 1);
    ck_assert_int_eq(tsk_err_exit(TSK_E_USAGE), 2);
    ck_assert_int_eq(tsk_err_exit(TSK_E_BADFILE), 2);
    ck_assert_int_eq(tsk_err_exit(TSK_E_NOTREADY), 3);
    ck_assert_int_eq(tsk_err_exit(TSK_E_DISKFULL), 3);
    ck_assert_int_eq(tsk_err_exit(TSK_E_BUG), 3);
}
END_TEST

static TCase *table(void)
{
    TCase *t = tcase_create("table");
    tcase_add_test(t, every_row_has_words_and_a_name_that_leads_back);
    tcase_add_test(t, names_are_unique);
    tcase_add_test(t, unknown_names_and_values_are_bugs);
    tcase_add_test(t, wire_numbers_are_those_of_section_8);
    tcase_add_test(t, our_own_faults_ask_for_a_retry);
    tcase_add_test(t, exit_status_follows_the_class);
    return t;
}

TSK_TEST_MAIN("err", table)
