/* test_inbox_rubbish.c - mail that is logged and dropped, and of which nothing else comes. */
#include <fcntl.h>
#include <sys/stat.h>

#include "node/core/log.h"
#include "tests/node/mails.h"

/* ---- rubbish: logged, dropped, and nothing else ---- */
static void nothing_came_of(const struct mail *m)
{
    ck_ok(take(m));
    ck_assert_uint_eq(net.nodes[BB]->admitted, 0);
    ck_assert_uint_eq(RECEIPTS, 0);
    ck_assert_uint_eq(net_rows(net.nodes[BB], TSK_T_PEER), 0);
}

START_TEST(every_bit_of_a_parcel_counts)
{
    struct mail m = counted(1, 1, 1);
    for (size_t i = 0; i < m.put_n; i++) {
        m.put[i] ^= (uint8_t)(1u << (i % 8));
        nothing_came_of(&m);
        m.put[i] ^= (uint8_t)(1u << (i % 8));
    }
    for (size_t i = 0; i < m.parcel_n; i += i < 128 ? 1 : 61) {
        m.parcel[i] ^= (uint8_t)(1u << (i % 8));
        nothing_came_of(&m);
        m.parcel[i] ^= (uint8_t)(1u << (i % 8));
    }
    ck_ok(take(&m));
    ck_assert_uint_eq(net.nodes[BB]->admitted, 1);
    free(m.parcel);
}
END_TEST

/* The office (or anyone with the put) signs the hash of changed bytes itself: the seal is then what refuses. */
START_TEST(every_bit_under_the_seal)
{
    struct mail m = counted(1, 1, 1);
    struct tsk_envelope env;
    struct tsk_put put;
    ck_ok(tsk_cose_parse((struct tsk_slice){m.put, m.put_n}, &env));
    ck_ok(tsk_rec_decode(TSK_REC_PUT, env.payload, &put));
    for (size_t i = 0; i < m.parcel_n; i += i < 128 ? 1 : 61) {
        m.parcel[i] ^= (uint8_t)(1u << (i % 8));
        ck_ok(tsk_sha256(&(struct tsk_slice){m.parcel, m.parcel_n}, 1, put.parcel_hash));
        sign_put(&m, &put);
        nothing_came_of(&m);
        m.parcel[i] ^= (uint8_t)(1u << (i % 8));
    }
    ck_ok(tsk_sha256(&(struct tsk_slice){m.parcel, m.parcel_n}, 1, put.parcel_hash));
    put.id.b[0] ^= 1; /* another put id than it was sealed under */
    sign_put(&m, &put);
    nothing_came_of(&m);
    free(m.parcel);
}
END_TEST

START_TEST(false_inners)
{
    const struct make wrong[] = {
        {.seq = 1, .floor = 1, .n = 1, .from = tsk_self(&net.nodes[DD]->ctx)},  /* says it is another's */
        {.seq = 1, .floor = 1, .n = 1, .put_to = tsk_self(&net.nodes[DD]->ctx)}, /* the put was for another */
        {.seq = 1, .floor = 2, .n = 1},                                        /* a floor above itself */
        {.seq = 1, .floor = 0, .n = 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct mail m = make(&wrong[i]);
        nothing_came_of(&m);
        free(m.parcel);
    }
}
END_TEST

/* However often it comes, it is told about once a second. */
START_TEST(few_lines_about_much_rubbish)
{
    static const uint8_t rotten[] = {0xff, 0xff};
    char path[300];
    snprintf(path, sizeof path, "%s/log", net.dir);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600), kept = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
    tsk_log_level(TSK_LOG_WARN);
    uint64_t from = tsk_mono_ms();
    for (uint64_t i = 1; i <= 200; i++) {
        struct mail m = make(&(struct make){.seq = i, .floor = i, .n = 1, .record = TSK_SLICE(rotten)});
        ck_ok(take(&m));
        m.parcel[m.parcel_n / 2] ^= 1;
        ck_ok(take(&m));
        free(m.parcel);
    }
    uint64_t lines = 4 * ((tsk_mono_ms() - from) / 1000 + 1);
    tsk_log_level(TSK_LOG_ERROR);
    ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
    close(kept);
    struct stat st;
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_gt(st.st_size, 0);
    ck_assert_uint_le((uint64_t)st.st_size, lines * 200);
    close(fd);
}
END_TEST

START_TEST(replayed_by_another_member)
{
    struct mail m = counted(1, 1, 1);
    struct tsk_envelope env;
    struct tsk_put put;
    ck_ok(tsk_cose_parse((struct tsk_slice){m.put, m.put_n}, &env));
    ck_ok(tsk_rec_decode(TSK_REC_PUT, env.payload, &put));
    aa = &net.nodes[PO]->ctx; /* PO signs AA's put as its own */
    sign_put(&m, &put);
    aa = &net.nodes[AA]->ctx;
    nothing_came_of(&m);
    free(m.parcel);
}
END_TEST

/* A record that cannot even be parsed takes nothing with it, and no receipt can name it. */
START_TEST(a_rotten_record_among_good)
{
    static const uint8_t rotten[] = {0xff, 0xff};
    take_and_free(make(&(struct make){.seq = 1, .floor = 1, .n = 1, .record = TSK_SLICE(rotten)}));
    ck_assert_uint_eq(RECEIPTS, 0);
    ck_ok(gap()); /* refused for good: it holds nothing up */
}
END_TEST

static TCase *rubbish(void)
{
    TCase *t = tcase_create("rubbish");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_bit_of_a_parcel_counts);
    tcase_add_test(t, every_bit_under_the_seal);
    tcase_add_test(t, false_inners);
    tcase_add_test(t, few_lines_about_much_rubbish);
    tcase_add_test(t, replayed_by_another_member);
    tcase_add_test(t, a_rotten_record_among_good);
    return t;
}

TSK_TEST_MAIN_NOFORK("inbox_rubbish", rubbish)
