/* The words of a command line against the tables: every verb, every flag, and what must be refused. */
#include "node/cli/args.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"

struct parsed { struct tsk_args a; char what[TSK_ARG_WHAT_CAP]; enum tsk_err e; };

/* Parses words separated by "|". */
static void parse(struct parsed *p, const char *line)
{
    static char copy[65536];
    char *argv[2048] = {"tasuki"}, *rest = copy;
    int argc = 1;
    ck_assert(strlen(line) < sizeof copy);
    strcpy(copy, line);
    for (char *word; *copy && (word = strsep(&rest, "|")) != NULL && argc < 2047;)
        argv[argc++] = word;
    p->e = tsk_args_parse(argc, argv, &p->a, p->what);
}

static void refuses(const char *line, const char *what)
{
    struct parsed p;
    parse(&p, line);
    ck_assert_msg(p.e == TSK_E_USAGE, "%s: %s", line, tsk_err_name(p.e));
    ck_assert_str_eq(p.what, what);
    tsk_args_free(&p.a);
}

static void takes(struct parsed *p, const char *line)
{
    parse(p, line);
    ck_assert_msg(p->e == TSK_OK, "%s: %s %s", line, tsk_err_name(p->e), p->what);
}

START_TEST(flags_stand_anywhere_after_the_verb)
{
    static const char *const LINES[] = {
        "open|--dir|D|AA|C1|--purpose|P1", "open|AA|--dir|D|C1|--purpose|P1", "open|AA|C1|--purpose=P1|--dir=D",
        "open|--purpose|P1|--dir|D|AA|C1", "open|--purpose=P1|AA|--dir=D|--|C1",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        struct parsed p;
        size_t at = 0;
        takes(&p, LINES[i]);
        ck_ok(tsk_args_complete(&p.a, p.what));
        ck_assert_str_eq(tsk_arg(&p.a, TSK_F_DIR), "D");
        ck_assert_str_eq(tsk_arg(&p.a, TSK_F_PURPOSE), "P1");
        ck_assert_str_eq(tsk_arg_next(&p.a, TSK_F_NONE, &at), "AA");
        ck_assert_str_eq(tsk_arg_next(&p.a, TSK_F_NONE, &at), "C1");
        ck_assert_ptr_null(tsk_arg_next(&p.a, TSK_F_NONE, &at));
        tsk_args_free(&p.a);
    }
}
END_TEST

START_TEST(lists_repeat_or_take_commas)
{
    static const char *const LINES[] = {
        "refer|--need|N07|--need|N08|--need|N09", "refer|--need=N07,N08,N09", "refer|--need|N07,N08|--hold|--need=N09"};
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        struct parsed p;
        char joined[64] = "";
        size_t at = 0;
        takes(&p, LINES[i]);
        ck_assert_uint_eq(tsk_arg_count(&p.a, TSK_F_NEED), 3);
        for (const char *v; (v = tsk_arg_next(&p.a, TSK_F_NEED, &at)) != NULL;)
            strcat(joined, v);
        ck_assert_str_eq(joined, "N07N08N09");
        tsk_args_free(&p.a);
    }
    refuses("refer|--need|N07,,N08", "--need");
    refuses("refer|--need|,N08", "--need");
    refuses("refer|--need|N07,", "--need");
    refuses("refer|--need=", "--need");
}
END_TEST

/* A card and a PIN for each person, where a verb is for several; files are no lists. */
START_TEST(pairs_repeat_where_the_verb_says_so)
{
    struct parsed p;
    size_t at = 0;
    takes(&p, "consent|show|AA|--card-file|a,b|--pin-file|x|--card-file=c|--pin-file=y");
    ck_assert_uint_eq(tsk_arg_count(&p.a, TSK_F_CARD_FILE), 2);
    ck_assert_str_eq(tsk_arg_next(&p.a, TSK_F_CARD_FILE, &at), "a,b");
    ck_assert_str_eq(tsk_arg_next(&p.a, TSK_F_CARD_FILE, &at), "c");
    tsk_args_free(&p.a);
    refuses("receipt|AA|--card-file|a|--card-file|b", "--card-file");
    refuses("card|new|--pin-file|a|--pin-file|b", "--pin-file");
    refuses("consent|show|AA|--lang|en|--lang|ja", "--lang");
}
END_TEST

START_TEST(what_the_tables_do_not_know_is_named)
{
    refuses("", "");
    refuses("nonsense", "nonsense");
    refuses("roster", "roster");
    refuses("roster|nonsense", "roster");
    refuses("card|--json", "card");
    refuses("inbox|--bogus", "--bogus");
    refuses("inbox|--bogus=1", "--bogus");
    refuses("inbox|-d|x", "-d");
}
END_TEST

START_TEST(values_missing_twice_or_too_many)
{
    refuses("inbox|--dir", "--dir");
    refuses("inbox|--dir|--json", "--dir");
    refuses("inbox|--dir=", "--dir");
    refuses("inbox|--dir|A|--dir|B", "--dir");
    refuses("inbox|--json=1", "--json");
    refuses("inbox|--need|N07", "--need");
    refuses("--dir|D", "--dir");
    struct parsed p;
    takes(&p, "consent|withdraw|AA|--staff-reason=--really");
    ck_assert_str_eq(tsk_arg(&p.a, TSK_F_STAFF_REASON), "--really");
    tsk_args_free(&p.a);
}
END_TEST

START_TEST(standard_input_once)
{
    refuses("consent|give|AA|--card-file|-|--pin-file|-", "-");
    refuses("refer|--detail|C1=-|--detail|C2=-", "-");
    refuses("verify|-|--roster|-", "-");
    struct parsed p;
    takes(&p, "consent|give|AA|--card-file|c|--pin-file|-");
    ck_assert_str_eq(tsk_arg(&p.a, TSK_F_PIN_FILE), "-");
    tsk_args_free(&p.a);
}
END_TEST

START_TEST(double_dash_ends_the_flags)
{
    struct parsed p;
    takes(&p, "verify|--|--roster|-x");
    ck_assert_uint_eq(tsk_arg_count(&p.a, TSK_F_NONE), 2);
    ck_assert(!p.a.has[TSK_F_ROSTER]);
    tsk_args_free(&p.a);
}
END_TEST

/* Every verb: found by its own name, its flags exist, and each flag that must be there is missed by name. */
START_TEST(every_row_of_the_table)
{
    size_t n;
    const struct tsk_cli_verb *verbs = tsk_cli_verbs(&n);
    for (size_t i = 0; i < n; i++) {
        char line[128], flags[256], *rest = flags;
        struct parsed p;
        snprintf(line, sizeof line, "%s", verbs[i].name);
        if (strchr(line, ' '))
            *strchr(line, ' ') = '|';
        takes(&p, line);
        ck_assert_ptr_eq(p.a.verb, &verbs[i]);
        enum tsk_err e = tsk_args_complete(&p.a, p.what);
        ck_assert_int_eq(e, strchr(verbs[i].flags, '!') || verbs[i].least > 0 ? TSK_E_USAGE : TSK_OK);
        tsk_args_free(&p.a);
        snprintf(flags, sizeof flags, "%s", verbs[i].flags);
        for (char *name; *verbs[i].flags && (name = strsep(&rest, " ")) != NULL;) {
            bool known = false;
            name[strcspn(name, "!+")] = '\0';
            for (int f = 0; f < TSK_F_COUNT; f++)
                known = known || strcmp(tsk_flag_rows[f].name, name) == 0;
            ck_assert_msg(known, "%s: --%s", verbs[i].name, name);
        }
    }
}
END_TEST

/* The product: each flag at each verb is taken or refused by name, as the verb's row says. */
START_TEST(every_flag_at_every_verb)
{
    size_t n;
    const struct tsk_cli_verb *verbs = tsk_cli_verbs(&n);
    for (size_t i = 0; i < n; i++)
        for (int f = 0; f < TSK_F_COUNT; f++) {
            char line[160], padded[300], key[64], flag[64];
            const struct tsk_flag_row *row = &tsk_flag_rows[f];
            struct parsed p;
            snprintf(line, sizeof line, "%s|--%s%s", verbs[i].name, row->name, row->kind == TSK_FLAG_BOOL ? "" : "=v");
            char *space = strchr(line, ' ');
            if (space)
                *space = '|';
            snprintf(padded, sizeof padded, " %s ", verbs[i].flags);
            for (char *c = padded; *c; c++)
                *c = *c == '!' ? ' ' : *c;
            snprintf(key, sizeof key, " %s ", row->name);
            parse(&p, line);
            bool fits = row->everywhere || strstr(padded, key) != NULL;
            ck_assert_msg(p.e == (fits ? TSK_OK : TSK_E_USAGE), "%s: %s", line, tsk_err_name(p.e));
            snprintf(flag, sizeof flag, "--%s", row->name);
            if (!fits)
                ck_assert_str_eq(p.what, flag);
            tsk_args_free(&p.a);
        }
}
END_TEST

START_TEST(words_least_and_most)
{
    struct parsed p;
    takes(&p, "history|--dir|D");
    ck_err(tsk_args_complete(&p.a, p.what), TSK_E_USAGE);
    tsk_args_free(&p.a);
    takes(&p, "history|--dir|D|A|B");
    ck_err(tsk_args_complete(&p.a, p.what), TSK_E_USAGE);
    tsk_args_free(&p.a);
    takes(&p, "history|A");
    ck_err(tsk_args_complete(&p.a, p.what), TSK_E_USAGE);
    ck_assert_str_eq(p.what, "--dir");
    tsk_args_free(&p.a);
}
END_TEST

START_TEST(long_words_are_cut_at_a_character)
{
    char what[TSK_ARG_WHAT_CAP];
    for (int shift = 0; shift < 4; shift++) {
        tsk_arg_what(what, "%.*s%s", shift, "abc", "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよ");
        size_t n = strlen(what);
        ck_assert_uint_lt(n, TSK_ARG_WHAT_CAP);
        ck_assert_uint_gt(n, TSK_ARG_WHAT_CAP - 5);
        ck_assert_uint_eq((n - (size_t)(shift > 3 ? 3 : shift)) % 3, 0);
    }
}
END_TEST

static TCase *args_case(void)
{
    TCase *tc = tcase_create("args");
    tcase_add_test(tc, flags_stand_anywhere_after_the_verb);
    tcase_add_test(tc, lists_repeat_or_take_commas);
    tcase_add_test(tc, pairs_repeat_where_the_verb_says_so);
    tcase_add_test(tc, what_the_tables_do_not_know_is_named);
    tcase_add_test(tc, values_missing_twice_or_too_many);
    tcase_add_test(tc, standard_input_once);
    tcase_add_test(tc, double_dash_ends_the_flags);
    tcase_add_test(tc, every_row_of_the_table);
    tcase_add_test(tc, every_flag_at_every_verb);
    tcase_add_test(tc, words_least_and_most);
    tcase_add_test(tc, long_words_are_cut_at_a_character);
    return tc;
}

TSK_TEST_MAIN("args", args_case)
