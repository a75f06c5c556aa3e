/* Records as bytes: every example there and back, and every small change of it refused or the very same bytes again.
 * Changes pair by pair are in test_record_maps.c, values in test_shapes.c, rules over fields in test_record_rules.c. */
#include <string.h>

#include "tests/schema/taken.h"

#define EXHAUSTIVE_MAX 2500 /* bytes of an example that is changed at every place */

static uint8_t changed[TSK_EXAMPLE_CAP];

struct walked { unsigned n; uint64_t sum; };

static void add_leaf(void *arg, const char *path, enum tsk_cbor_type type, struct tsk_slice bytes, uint64_t num)
{
    struct walked *w = arg;
    w->n++;
    w->sum = w->sum * 31 + num + bytes.n + (uint64_t)type;
    for (; *path != '\0'; path++)
        w->sum = w->sum * 31 + (unsigned char)*path;
    for (size_t i = 0; i < bytes.n; i++)
        w->sum = w->sum * 31 + bytes.p[i];
}

START_TEST(examples_go_there_and_back)
{
    enum tsk_rec r = (enum tsk_rec)_i;
    unsigned v = 0;
    for (; tsk_example_fill(r, v, &example); v++) {
        struct tsk_slice bytes;
        ck_ok(tsk_rec_encode(r, &example.rec, buf, sizeof buf, &bytes));
        ck_assert_uint_le(bytes.n, tsk_rec_max(r));
        ck_assert(taken(r, bytes));
        struct walked before = {0}, after = {0};
        tsk_rec_walk(r, &example.rec, add_leaf, &before);
        tsk_rec_walk(r, &back.rec, add_leaf, &after);
        ck_assert_uint_gt(before.n, 3);
        ck_assert_uint_eq(before.n, after.n);
        ck_assert_uint_eq(before.sum, after.sum);
    }
    ck_assert_uint_ge(v, 2);
}
END_TEST

/* Structs without slices must come back bit for bit. */
START_TEST(structs_without_slices_come_back_bit_for_bit)
{
    static const enum tsk_rec FLAT[] = {
        TSK_REC_HOLDER, TSK_REC_REFERRAL, TSK_REC_WRAPS, TSK_REC_WITHDRAW, TSK_REC_STATUS, TSK_REC_RECEIPT,
        TSK_REC_OPEN, TSK_REC_COSIGN, TSK_REC_DELETED, TSK_REC_PUT, TSK_REC_FETCH, TSK_REC_CONFIRM,
    };
    for (size_t i = 0; i < sizeof FLAT / sizeof *FLAT; i++) {
        struct tsk_slice bytes;
        for (unsigned v = 0; tsk_example_encode(FLAT[i], v, &example, buf, &bytes) == TSK_OK; v++) {
            ck_ok(tsk_rec_decode(FLAT[i], bytes, &back.rec));
            ck_assert_msg(memcmp(&example.rec, &back.rec, tsk_rec_size(FLAT[i])) == 0, "%s %u",
                          tsk_rec_name(FLAT[i]), v);
        }
    }
}
END_TEST

START_TEST(truncated_or_with_a_tail)
{
    enum tsk_rec r = (enum tsk_rec)_i;
    struct tsk_slice bytes;
    for (unsigned v = 0; tsk_example_encode(r, v, &example, buf, &bytes) == TSK_OK; v++) {
        for (size_t n = 0; n < bytes.n && bytes.n <= EXHAUSTIVE_MAX; n++)
            ck_assert_msg(!taken(r, (struct tsk_slice){bytes.p, n}), "%s cut at %zu", tsk_rec_name(r), n);
        buf[bytes.n] = 0;
        ck_assert(!taken(r, (struct tsk_slice){bytes.p, bytes.n + 1}));
        buf[bytes.n] = 0xff;
        ck_assert(!taken(r, (struct tsk_slice){bytes.p, bytes.n + 1}));
    }
}
END_TEST

START_TEST(any_byte_deleted_or_doubled)
{
    enum tsk_rec r = (enum tsk_rec)_i;
    struct tsk_slice bytes;
    for (unsigned v = 0; tsk_example_encode(r, v, &example, buf, &bytes) == TSK_OK; v++) {
        for (size_t i = 0; i < bytes.n && bytes.n <= EXHAUSTIVE_MAX; i++) {
            memcpy(changed, buf, i);
            memcpy(changed + i, buf + i + 1, bytes.n - i - 1);
            (void)taken(r, (struct tsk_slice){changed, bytes.n - 1});
            memcpy(changed, buf, i + 1);
            memcpy(changed + i + 1, buf + i, bytes.n - i);
            (void)taken(r, (struct tsk_slice){changed, bytes.n + 1});
        }
    }
}
END_TEST

START_TEST(any_bit_flipped)
{
    enum tsk_rec r = (enum tsk_rec)_i;
    struct tsk_slice bytes;
    unsigned refused = 0;
    for (unsigned v = 0; tsk_example_encode(r, v, &example, buf, &bytes) == TSK_OK; v++) {
        for (size_t i = 0; i < bytes.n * 8 && bytes.n <= EXHAUSTIVE_MAX; i++) {
            buf[i / 8] ^= (uint8_t)(1u << (i % 8));
            refused += !taken(r, bytes);
            buf[i / 8] ^= (uint8_t)(1u << (i % 8));
        }
    }
    ck_assert_uint_gt(refused, 20);
}
END_TEST

/* ---- the rest of the interface ---- */
START_TEST(a_refused_record_leaves_an_empty_struct)
{
    struct tsk_slice bytes;
    struct tsk_referral r;
    ck_ok(tsk_example_encode(TSK_REC_REFERRAL, 1, &example, buf, &bytes));
    memset(&r, 0xee, sizeof r);
    ck_err(tsk_rec_decode(TSK_REC_REFERRAL, (struct tsk_slice){bytes.p, bytes.n - 1}, &r), TSK_E_MALFORMED);
    for (size_t i = 0; i < sizeof r; i++)
        ck_assert_uint_eq(((const uint8_t *)&r)[i], 0);
}
END_TEST

START_TEST(a_buffer_too_small_is_a_limit_and_is_not_overrun)
{
    enum tsk_rec r = (enum tsk_rec)_i;
    struct tsk_slice bytes, none = {NULL, 7};
    ck_ok(tsk_example_encode(r, 1, &example, buf, &bytes));
    for (size_t cap = 0; cap < bytes.n; cap += cap < 20 ? 1 : 13) {
        memset(again, 0xee, bytes.n + 1);
        ck_err(tsk_rec_encode(r, &example.rec, again, cap, &none), TSK_E_LIMIT);
        for (size_t i = cap; i <= bytes.n; i++)
            ck_assert_uint_eq(again[i], 0xee);
    }
    ck_err(tsk_rec_encode(r, &example.rec, again, bytes.n - 1, &none), TSK_E_LIMIT);
    ck_ok(tsk_rec_encode(r, &example.rec, again, bytes.n, &bytes));
    ck_assert_uint_eq(none.n, 7);
}
END_TEST

START_TEST(rows_know_their_typ)
{
    for (int i = 0; i < TSK_REC_COUNT; i++) {
        enum tsk_rec r = (enum tsk_rec)i, found = TSK_REC_COUNT;
        char typ[64];
        snprintf(typ, sizeof typ, "tasuki-%s", tsk_rec_name(r));
        ck_assert_str_eq(tsk_rec_typ(r), typ);
        ck_ok(tsk_rec_by_typ((struct tsk_slice){(const uint8_t *)typ, strlen(typ)}, &found));
        ck_assert_int_eq(found, r);
        ck_err(tsk_rec_by_typ((struct tsk_slice){(const uint8_t *)typ, strlen(typ) - 1}, &found), TSK_E_WRONGTYPE);
        ck_err(tsk_rec_by_typ((struct tsk_slice){(const uint8_t *)typ, strlen(typ) + 1}, &found), TSK_E_WRONGTYPE);
        ck_assert_int_eq(found, r);
        ck_assert(tsk_rec_form(r) != TSK_FORM_SIGNED || tsk_rec_signer(r) != TSK_SIGNER_NOBODY);
        ck_assert(!tsk_rec_in_parcel(r) || tsk_rec_form(r) == TSK_FORM_SIGNED);
        ck_assert(tsk_rec_form(r) != TSK_FORM_SIGNED || tsk_rec_max(r) <= TSK_RECORD_MAX);
    }
    enum tsk_rec none;
    ck_err(tsk_rec_by_typ((struct tsk_slice){NULL, 0}, &none), TSK_E_WRONGTYPE);
}
END_TEST

START_TEST(codes_as_text)
{
    ck_assert_str_eq(tsk_code("N07").s, "N07");
    ck_assert_str_eq(tsk_code("1234567").s, "1234567");
    ck_assert_str_eq(tsk_code("12345678").s, "");
    ck_assert_str_eq(tsk_code("").s, "");
    ck_assert(tsk_code_eq(tsk_code("C1"), tsk_code("C1")));
    ck_assert(!tsk_code_eq(tsk_code("C1"), tsk_code("C2")));
    ck_assert(!tsk_code_eq(tsk_code("C1"), tsk_code("C")));
    ck_assert(!tsk_code_eq(tsk_code(""), tsk_code("C")));
    struct tsk_code junk = {{'C', '1', '\0', 'x'}};
    ck_assert(tsk_code_eq(junk, tsk_code("C1")));
}
END_TEST

START_TEST(seqs_are_walked_to_the_end_and_no_further)
{
    struct tsk_slice bytes, text, record;
    struct tsk_roster r;
    struct tsk_member m;
    struct tsk_partner p;
    ck_ok(tsk_example_encode(TSK_REC_ROSTER, 1, &example, buf, &bytes));
    ck_ok(tsk_rec_decode(TSK_REC_ROSTER, bytes, &r));
    unsigned members = 0, partners = 0, urls = 0, hashes = 0;
    for (; tsk_seq_next_member(&r.members, &m); members++)
        for (; tsk_seq_next_text(&m.urls, &text); urls++)
            ck_assert(text.n > 10 && memcmp(text.p, "tls+tcp://", 10) == 0);
    for (; tsk_seq_next_partner(&r.partners, &p); partners++)
        ck_assert_int_eq(p.id[0], 'X');
    for (; tsk_seq_next_bytes(&r.notices, &record); hashes++)
        ck_assert_uint_eq(record.n, 32);
    ck_assert_uint_eq(members, 2);
    ck_assert_uint_eq(partners, 2);
    ck_assert_uint_eq(urls, 2);
    ck_assert_uint_eq(hashes, 2);
    ck_assert_uint_eq(r.members.n, 0);
    ck_assert_uint_eq(r.members.bytes.n, 0);
    ck_assert(!tsk_seq_next_member(&r.members, &m));

    struct tsk_reply reply;
    struct tsk_mail mail;
    ck_ok(tsk_example_encode(TSK_REC_REPLY, 1, &example, buf, &bytes));
    ck_ok(tsk_rec_decode(TSK_REC_REPLY, bytes, &reply));
    ck_assert(tsk_seq_next_mail(&reply.mail, &mail));
    ck_assert(mail.n == 1 && mail.put.n == 90 && mail.parcel.n == 200);
    ck_assert(tsk_seq_next_mail(&reply.mail, &mail));
    ck_assert(!tsk_seq_next_mail(&reply.mail, &mail));
    ck_assert_uint_eq(mail.n, 2);
}
END_TEST

static void collect(void *arg, const char *path, enum tsk_cbor_type type, struct tsk_slice bytes, uint64_t num)
{
    (void)type, (void)bytes, (void)num;
    strcat(arg, path);
    strcat(arg, " ");
}

START_TEST(walks_name_every_leaf)
{
    static char paths[8192];
    ck_assert(tsk_example_fill(TSK_REC_GRANT, 1, &example));
    tsk_rec_walk(TSK_REC_GRANT, &example.rec, collect, paths);
    ck_assert_ptr_nonnull(strstr(paths, "1.version 2.id 3.holder 4.role 4.role_kid 5.explicit 6.state 7.time "));
    ck_assert_ptr_nonnull(strstr(paths, "12[0].item 12[0].category 12[1].item 12[1].category 13.notice_hash "));
    paths[0] = '\0';
    ck_assert(tsk_example_fill(TSK_REC_ITEM, 0, &example));
    tsk_rec_walk(TSK_REC_ITEM, &example.rec, collect, paths);
    ck_assert_ptr_nonnull(strstr(paths, "1.5[0].kid 1.6.require 1.7.category "));
    paths[0] = '\0';
    ck_assert(tsk_example_fill(TSK_REC_ROSTER, 1, &example));
    tsk_rec_walk(TSK_REC_ROSTER, &example.rec, collect, paths);
    ck_assert_ptr_nonnull(strstr(paths, "11[1].4[1].year 11[1].4[1].id8 11[1].4[1].pk 11[1].5[0].kid "));
    paths[0] = '\0';
    ck_assert(tsk_example_fill(TSK_REC_STATUS, 0, &example));
    tsk_rec_walk(TSK_REC_STATUS, &example.rec, collect, paths);
    ck_assert_str_eq(paths, "1.version 2.id 3.referral 4.seq 5.prev 6.state 7.time 12.seen ");
}
END_TEST

static TCase *bytes_changed(void)
{
    TCase *t = tcase_create("bytes");
    tcase_add_loop_test(t, examples_go_there_and_back, 0, TSK_REC_COUNT);
    tcase_add_test(t, structs_without_slices_come_back_bit_for_bit);
    tcase_add_loop_test(t, truncated_or_with_a_tail, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, any_byte_deleted_or_doubled, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, any_bit_flipped, 0, TSK_REC_COUNT);
    tcase_set_timeout(t, 300);
    return t;
}

static TCase *interface(void)
{
    TCase *t = tcase_create("interface");
    tcase_add_test(t, a_refused_record_leaves_an_empty_struct);
    tcase_add_loop_test(t, a_buffer_too_small_is_a_limit_and_is_not_overrun, 0, TSK_REC_COUNT);
    tcase_add_test(t, rows_know_their_typ);
    tcase_add_test(t, codes_as_text);
    tcase_add_test(t, seqs_are_walked_to_the_end_and_no_further);
    tcase_add_test(t, walks_name_every_leaf);
    return t;
}

TSK_TEST_MAIN("record", bytes_changed, interface)
