/* The states, their words, and what the event of each must carry. */
#include "schema/status.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"

#define WIRE_MAX (TSK_ST_COUNT - 1)

/* ---- words ---- */

START_TEST(states_have_names_and_words)
{
    for (unsigned s = 1; s <= WIRE_MAX; s++) {
        enum tsk_state st = (enum tsk_state)s;
        ck_assert_int_eq(tsk_state_by_name(tsk_state_name(st)), st);
        for (int ui = 0; ui < 3; ui++)
            ck_assert(tsk_state_text(st, (enum tsk_ui)ui)[0] != '\0');
        ck_assert(tsk_state_fhir(st)[0] != '\0');
        ck_assert(tsk_state_in_hand(st) == (!tsk_state_final(st) && !tsk_state_ended(st)));
    }
    ck_assert_int_eq(TSK_ST_COUNT, WIRE_MAX + 1);
    ck_assert_int_eq(tsk_state_by_name("none"), TSK_ST_NONE);
    ck_assert_int_eq(tsk_state_by_name("Acked"), TSK_ST_NONE);
    ck_assert_str_eq(tsk_state_name((enum tsk_state)99), "none");
    ck_assert(!tsk_state_final(TSK_ST_NONE) && !tsk_state_ended(TSK_ST_NONE) && !tsk_state_in_hand(TSK_ST_NONE));
}
END_TEST

START_TEST(final_and_ended_as_the_protocol_lists_them)
{
    static const char final[] = " closed cancelled rerouted error consent_no ";
    static const char ended[] = " declined notconnected recalled cancelled rerouted withdrawn expired error ";
    for (unsigned s = 1; s <= WIRE_MAX; s++) {
        char word[40];
        snprintf(word, sizeof word, " %s ", tsk_state_name((enum tsk_state)s));
        ck_assert_msg(tsk_state_final((enum tsk_state)s) == (strstr(final, word) != NULL), "%s", word);
        ck_assert_msg(tsk_state_ended((enum tsk_state)s) == (strstr(ended, word) != NULL), "%s", word);
    }
}
END_TEST

/* ---- fields ---- */

static bool fields_oracle(const struct tsk_status *s)
{
    const char *reason = s->has_reason ? s->reason.s : "";
    bool none = !s->has_reason && !s->has_answers && !s->has_at && !s->has_recommend && !s->has_item;
    bool only_reason = !s->has_answers && !s->has_at && !s->has_recommend && !s->has_item;
    switch (s->state) {
    case TSK_ST_DECLINED:
        return strcmp(reason, "D1") == 0 && !s->has_answers && !s->has_at && !s->has_item;
    case TSK_ST_NEED_INFO:
        return (strcmp(reason, "C7") == 0 || strcmp(reason, "tel") == 0) && only_reason;
    case TSK_ST_ANSWERED:
        return (strcmp(reason, "given") == 0 || strcmp(reason, "tel") == 0) && s->has_answers && !s->has_at &&
               !s->has_recommend;
    case TSK_ST_APPOINTED:
        return s->has_at && !s->has_reason && !s->has_answers && !s->has_recommend && !s->has_item;
    case TSK_ST_CONNECTED:
        return (!s->has_reason || strcmp(reason, "O12") == 0) && only_reason;
    case TSK_ST_NOTCONNECTED:
    case TSK_ST_CLOSED:
        return strcmp(reason, "O12") == 0 && only_reason;
    case TSK_ST_ACKED:
    case TSK_ST_ACCEPTED:
    case TSK_ST_UNACCEPTED:
    case TSK_ST_HANDED:
    case TSK_ST_RECALLED:
    case TSK_ST_CANCEL_REQUESTED:
    case TSK_ST_CANCELLED:
    case TSK_ST_REROUTED:
    case TSK_ST_WITHDRAWN:
    case TSK_ST_EXPIRED:
    case TSK_ST_ERROR:
        return none;
    default:
        return false;
    }
}

START_TEST(fields_over_the_whole_product)
{
    static const char *const reasons[] = {"", "D1", "D8", "C7", "C10", "tel", "given", "O12", "O10", "S1"};
    unsigned good = 0;
    for (unsigned state = 0; state <= WIRE_MAX + 2; state++)
        for (size_t r = 0; r < sizeof reasons / sizeof *reasons; r++)
            for (unsigned bits = 0; bits < 32; bits++) {
                struct tsk_status s = {.state = state, .has_reason = r > 0, .has_answers = bits & 1,
                                       .has_at = bits & 2, .has_recommend = bits & 4, .has_item = bits & 8,
                                       .has_staff = bits & 16};
                strcpy(s.reason.s, reasons[r]);
                bool ok = fields_oracle(&s);
                ck_err(tsk_status_fields(&s), ok ? TSK_OK : TSK_E_MALFORMED);
                good += ok;
            }
    ck_assert_uint_gt(good, 0);
}
END_TEST

static TCase *words(void)
{
    TCase *t = tcase_create("words");
    tcase_add_test(t, states_have_names_and_words);
    tcase_add_test(t, final_and_ended_as_the_protocol_lists_them);
    tcase_add_test(t, fields_over_the_whole_product);
    return t;
}

TSK_TEST_MAIN("status", words)
