/* check.h - the one main() of every Check program: TSK_TEST_MAIN("name", case1, case2, ...) where each argument is a
 * function `TCase *case1(void)`. Programs that touch NNG or LMDB run unforked
 * (TSK_TEST_MAIN_NOFORK): NNG aborts in a forked child. */
#ifndef TSK_TESTS_CHECK_H
#define TSK_TESTS_CHECK_H

#include <check.h>
#include <stdlib.h>

#define TSK_TEST_MAIN(name, ...) TSK_TEST_MAIN_AS(CK_FORK_GETENV, name, __VA_ARGS__)
#define TSK_TEST_MAIN_NOFORK(name, ...) TSK_TEST_MAIN_AS(CK_NOFORK, name, __VA_ARGS__)
#define TSK_TEST_MAIN_AS(fork_status, name, ...)                            \
    int main(void)                                                          \
    {                                                                       \
        TCase *(*cases_[])(void) = {__VA_ARGS__};                           \
        Suite *suite_ = suite_create(name);                                 \
        for (size_t i_ = 0; i_ < sizeof cases_ / sizeof *cases_; i_++)      \
            suite_add_tcase(suite_, cases_[i_]());                          \
        SRunner *runner_ = srunner_create(suite_);                          \
        srunner_set_fork_status(runner_, fork_status);                      \
        srunner_run_all(runner_, CK_ENV);                                   \
        int failed_ = srunner_ntests_failed(runner_);                       \
        srunner_free(runner_);                                              \
        return failed_ == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                  \
    }

/* Asserts that a call gives TSK_OK, and names the error where it does not. */
#define ck_ok(expr)                                                                       \
    do {                                                                                  \
        enum tsk_err ck_err_ = (expr);                                                    \
        ck_assert_msg(ck_err_ == TSK_OK, "%s: %s", #expr, tsk_err_name(ck_err_));         \
    } while (0)
#define ck_err(expr, want)                                                                \
    do {                                                                                  \
        enum tsk_err ck_err_ = (expr);                                                    \
        ck_assert_msg(ck_err_ == (want), "%s: %s, want %s", #expr, tsk_err_name(ck_err_), \
                      tsk_err_name(want));                                                \
    } while (0)

#endif
