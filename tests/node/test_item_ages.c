/* test_item_ages.c - one person has one age: what a sender seals under two of them is not taken. */
#include "tests/node/desk_acts.h"

static struct person child, guardian;
static struct person *const both[] = {&child, &guardian};

static void setup(void)
{
    desk_open(1);
    person_new(&child, TSK_HOLDER_CHILD, S);
    person_new(&guardian, TSK_HOLDER_GUARDIAN, S);
}
static void teardown(void)
{
    person_free(&child);
    person_free(&guardian);
    desk_close();
}

static enum tsk_err seal_more(const struct tsk_id16 *id, const struct plan *plan, const char *category)
{
    struct tsk_case c = look_case(S, id);
    struct tsk_batch b;
    begin(S, &b);
    ck_ok(tsk_batch_save(&b));
    enum tsk_err e = add_item(&b, &c, plan, both, 2, category);
    if (e == TSK_OK)
        ck_ok(tsk_batch_keep(&b));
    else
        tsk_batch_undo(&b);
    finish(S, &b);
    return e;
}

/* Two categories of one person, sealed as if of two ages: the second is refused, unless the first one's class has passed. */
START_TEST(items_of_two_ages)
{
    struct plan p = PLAN, other = PLAN;
    p.class_until = other.class_until = desk_now + 50 * DAY;
    struct tsk_id16 id = refer(&p, both, 2, "C1");
    other.age_class = 1;
    ck_err(seal_more(&id, &other, "C5"), TSK_E_MALFORMED);
    other.age_class = 2;
    other.class_until += 1;
    ck_err(seal_more(&id, &other, "C5"), TSK_E_MALFORMED);
    ck_ok(seal_more(&id, &p, "C5"));
    desk_now += 50 * DAY;
    other.age_class = 3;
    other.class_until = desk_now + 50 * DAY;
    ck_ok(seal_more(&id, &other, "C1"));
}
END_TEST

static TCase *ages(void)
{
    TCase *tc = tcase_create("ages");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, items_of_two_ages);
    return tc;
}

TSK_TEST_MAIN("item ages", ages)
