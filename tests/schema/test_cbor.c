/* The values of RFC 8949 appendix A, judged by the profile; what the profile adds; libcbor as an oracle for whatever
 * is accepted (never for what is refused: it takes more than we do). */
#include "schema/cbor.h"

#include <cbor.h>
#include <string.h>

#include "tests/check.h"
#include "tests/examples.h"

#define HEX_CAP 256

static struct tsk_slice unhex(const char *hex, uint8_t buf[HEX_CAP])
{
    size_t n = strlen(hex) / 2;
    ck_assert_uint_le(n, HEX_CAP);
    ck_ok(tsk_unhex(hex, buf, n));
    return (struct tsk_slice){buf, n};
}

/* The item without its tags: libcbor before 0.10 takes every tag below 21 that it does not know for malformed. */
static void copy_untagged(struct tsk_cbor_in *in, struct tsk_cbor_out *out)
{
    enum tsk_cbor_type type = tsk_cbor_peek(in);
    bool map = type == TSK_CBOR_MAP;
    if (type == TSK_CBOR_TAG) {
        tsk_cbor_tag(in, 18);
        copy_untagged(in, out);
    } else if (map || type == TSK_CBOR_ARRAY) {
        const uint8_t *start = in->p;
        uint64_t n = map ? tsk_cbor_map(in) : tsk_cbor_array(in);
        tsk_cbor_put_raw(out, (struct tsk_slice){start, (size_t)(in->p - start)});
        for (uint64_t i = map ? 2 * n : n; i > 0; i--)
            copy_untagged(in, out);
    } else {
        tsk_cbor_put_raw(out, tsk_cbor_any(in));
    }
}

/* What we take, libcbor must take whole, and write the same. */
static void ask_oracle(struct tsk_slice bytes)
{
    static uint8_t buf[TSK_EXAMPLE_CAP];
    struct tsk_cbor_in in;
    struct tsk_cbor_out out;
    tsk_cbor_in_init(&in, bytes);
    tsk_cbor_out_init(&out, buf, sizeof buf);
    copy_untagged(&in, &out);
    ck_ok(tsk_cbor_out_done(&out, &bytes));
    struct cbor_load_result result;
    cbor_item_t *item = cbor_load(bytes.p, bytes.n, &result);
    char hex[2 * 80 + 1];
    tsk_hex(bytes.p, bytes.n < 80 ? bytes.n : 80, hex);
    ck_assert_msg(item != NULL, "libcbor refuses %s (code %d)", hex, (int)result.error.code);
    ck_assert_uint_eq(result.read, bytes.n);
    unsigned char *again = NULL;
    size_t room = 0, n = cbor_serialize_alloc(item, &again, &room);
    ck_assert_uint_eq(n, bytes.n);
    ck_assert(memcmp(again, bytes.p, n) == 0);
    free(again);
    cbor_decref(&item);
}

/* ---- appendix A ---- */
static const char *const TAKEN[] = {
    "00", "01", "0a", "17", "1818", "1819", "1864", "1903e8", "1a000f4240", "1b000000e8d4a51000", "1bffffffffffffffff",
    "3bffffffffffffffff", "20", "29", "3863", "3903e7", "f4", "f5", "40", "4401020304", "60", "6161", "6449455446",
    "62225c", "62c3bc", "63e6b0b4", "64f0908591", "80", "83010203", "8301820203820405",
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819", "a0", "a201020304", "a26161016162820203",
    "826161a161626163", "a56161614161626142616361436164614461656145",
};

static const char *const REFUSED[] = {
    /* bignums, floats, simple values, tags */
    "c249010000000000000000", "c349010000000000000000", "f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00",
    "f97bff", "fa47c35000", "fa7f7fffff", "fb7e37e43c8800759c", "f90001", "f90400", "f9c400", "fbc010666666666666",
    "f97c00", "f97e00", "f9fc00", "fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000", "fb7ff8000000000000",
    "fbfff0000000000000", "f6", "f7", "f0", "f818", "f8ff", "c074323031332d30332d32315432303a30343a30305a",
    "c11a514b67b0", "c1fb41d452d9e8200000", "d74401020304", "d818456449455446",
    "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
    /* indefinite lengths */
    "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff", "9f01820203820405ff",
    "83018202039f0405ff", "83019f0203ff820405", "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
    "bf61610161629f0203ffff", "826161bf61626163ff", "bf6346756ef563416d7421ff",
};

/* ---- what the profile adds ---- */
static const char *const REFUSED_TOO[] = {
    "", "0000", "00ff", "1800", "1817", "190000", "1900ff", "1a00000000", "1a0000ffff", "1b0000000000000000",
    "1b00000000ffffffff", "3800", "5800", "580100", "7800", "9800", "b800", "b80100", "d812", "d81200", "d2", "d10000",
    "18", "19", "1a", "1b", "1903", "1c", "1d", "1e", "1f", "3f", "41", "4201", "61", "62c3", "81", "8201",
    "a1", "a100",
    "ff", "df", "dc00", "f800", "f814", "f815", "e0", "f3", "a2000000", "a201000000", "a20100", "a201000100",
    "61ff", "62c328", "63eda080", "62c080", "5bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff",
    "7bffffffffffffffff", "9a7fffffff00", "ba7fffffff0000", "9b8000000000000000", "5b7fffffffffffffff00",
    "a2616100614100", "a262616100616200", "a220000000", "a220002000", "a26161000100", "a3000001000000",
};

START_TEST(values_of_appendix_a_that_are_taken)
{
    uint8_t buf[HEX_CAP];
    struct tsk_slice b = unhex(TAKEN[_i], buf);
    ck_assert_msg(tsk_cbor_check(b) == TSK_OK, "%s", TAKEN[_i]);
    ask_oracle(b);
    for (size_t n = 0; n < b.n; n++)
        ck_err(tsk_cbor_check((struct tsk_slice){b.p, n}), TSK_E_MALFORMED);
    buf[b.n] = 0;
    ck_err(tsk_cbor_check((struct tsk_slice){b.p, b.n + 1}), TSK_E_MALFORMED);
}
END_TEST

START_TEST(values_of_appendix_a_that_are_refused)
{
    uint8_t buf[HEX_CAP];
    ck_assert_msg(tsk_cbor_check(unhex(REFUSED[_i], buf)) == TSK_E_MALFORMED, "%s", REFUSED[_i]);
}
END_TEST

START_TEST(what_the_profile_refuses_besides)
{
    uint8_t buf[HEX_CAP];
    ck_assert_msg(tsk_cbor_check(unhex(REFUSED_TOO[_i], buf)) == TSK_E_MALFORMED, "%s", REFUSED_TOO[_i]);
}
END_TEST

START_TEST(depth_is_eight_containers)
{
    for (size_t depth = 0; depth <= 12; depth++) {
        uint8_t arrays[16], maps[32], tags[16];
        memset(arrays, 0x81, depth);
        memset(tags, 0xd2, depth);
        arrays[depth] = tags[depth] = 0;
        for (size_t i = 0; i < depth; i++)
            memcpy(maps + 2 * i, "\xa1\x00", 2);
        maps[2 * depth] = 0;
        enum tsk_err want = depth <= TSK_CBOR_DEPTH ? TSK_OK : TSK_E_MALFORMED;
        ck_err(tsk_cbor_check((struct tsk_slice){arrays, depth + 1}), want);
        ck_err(tsk_cbor_check((struct tsk_slice){tags, depth + 1}), want);
        ck_err(tsk_cbor_check((struct tsk_slice){maps, 2 * depth + 1}), want);
    }
    static uint8_t deep[100000];
    memset(deep, 0x81, sizeof deep);
    ck_err(tsk_cbor_check(TSK_SLICE(deep)), TSK_E_MALFORMED);
}
END_TEST

/* Each width's first and last value, written shortest, read back. */
START_TEST(integers_go_there_and_back)
{
    static const struct { uint64_t v; size_t n; } ROWS[] = {
        {0, 1}, {23, 1}, {24, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 5}, {UINT32_MAX, 5},
        {UINT64_C(1) << 32, 9}, {INT64_MAX, 9}, {UINT64_MAX, 9},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        uint8_t buf[9];
        struct tsk_cbor_out out;
        struct tsk_slice b;
        struct tsk_cbor_in in;
        tsk_cbor_out_init(&out, buf, sizeof buf);
        tsk_cbor_put_uint(&out, ROWS[i].v);
        ck_ok(tsk_cbor_out_done(&out, &b));
        ck_assert_uint_eq(b.n, ROWS[i].n);
        tsk_cbor_in_init(&in, b);
        ck_assert_uint_eq(tsk_cbor_uint(&in), ROWS[i].v);
        ck_ok(tsk_cbor_done(&in));
    }
}
END_TEST

START_TEST(signed_integers_stay_within_int64)
{
    static const int64_t ROWS[] = {0, -1, -19, -24, -25, -256, -257, INT64_MAX, INT64_MIN, -65536, -65537};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        uint8_t buf[9];
        struct tsk_cbor_out out;
        struct tsk_slice b;
        struct tsk_cbor_in in;
        tsk_cbor_out_init(&out, buf, sizeof buf);
        tsk_cbor_put_int(&out, ROWS[i]);
        ck_ok(tsk_cbor_out_done(&out, &b));
        ask_oracle(b);
        tsk_cbor_in_init(&in, b);
        ck_assert_int_eq(tsk_cbor_int(&in), ROWS[i]);
        ck_ok(tsk_cbor_done(&in));
    }
    static const char *const TOO_FAR[] = {"1b8000000000000000", "3b8000000000000000"};
    for (size_t i = 0; i < 2; i++) {
        uint8_t buf[HEX_CAP];
        struct tsk_cbor_in in;
        tsk_cbor_in_init(&in, unhex(TOO_FAR[i], buf));
        ck_assert_int_eq(tsk_cbor_int(&in), 0);
        ck_err(tsk_cbor_done(&in), TSK_E_MALFORMED);
    }
}
END_TEST

/* Every reader against every type: its own gives the value, any other the error and nothing. */
START_TEST(readers_take_their_own_type_only)
{
    static const char *const ITEM[] = {"05", "24", "4101", "6161", "8100", "a10000", "d200", "f5"};
    for (unsigned want = 0; want <= TSK_CBOR_BOOL; want++) {
        for (unsigned is = 0; is <= TSK_CBOR_BOOL; is++) {
            uint8_t buf[HEX_CAP];
            struct tsk_cbor_in in;
            tsk_cbor_in_init(&in, unhex(ITEM[is], buf));
            ck_assert_uint_eq(tsk_cbor_peek(&in), is);
            uint64_t got = 0;
            switch (want) {
            case TSK_CBOR_UINT: got = tsk_cbor_uint(&in); break;
            case TSK_CBOR_NINT: got = (uint64_t)(tsk_cbor_int(&in) < 0); break;
            case TSK_CBOR_BYTES: got = tsk_cbor_bytes(&in).n; break;
            case TSK_CBOR_TEXT: got = tsk_cbor_text(&in).n; break;
            case TSK_CBOR_ARRAY: got = tsk_cbor_array(&in); break;
            case TSK_CBOR_MAP: got = tsk_cbor_map(&in); break;
            case TSK_CBOR_TAG: tsk_cbor_tag(&in, 18); got = in.err == TSK_OK; break;
            default: got = tsk_cbor_bool(&in); break;
            }
            bool fits = want == is || (want == TSK_CBOR_NINT && is == TSK_CBOR_UINT);
            ck_assert_int_eq(in.err, fits ? TSK_OK : TSK_E_MALFORMED);
            if (want != TSK_CBOR_NINT)
                ck_assert_uint_eq(got != 0, fits);
        }
    }
}
END_TEST

START_TEST(the_first_error_stays)
{
    static const uint8_t BYTES[] = {0x01, 0x02};
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, TSK_SLICE(BYTES));
    tsk_cbor_fail(&in, TSK_E_SUITE);
    tsk_cbor_fail(&in, TSK_E_MALFORMED);
    ck_assert_uint_eq(tsk_cbor_peek(&in), TSK_CBOR_NONE);
    ck_assert_uint_eq(tsk_cbor_uint(&in), 0);
    ck_assert_uint_eq(tsk_cbor_any(&in).n, 0);
    ck_assert(!tsk_cbor_bool(&in));
    ck_err(tsk_cbor_done(&in), TSK_E_SUITE);
    ck_assert_ptr_eq(in.p, BYTES);
}
END_TEST

START_TEST(tags_other_than_expected_are_refused)
{
    uint8_t buf[HEX_CAP];
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, unhex("d200", buf));
    tsk_cbor_tag(&in, 17);
    ck_err(tsk_cbor_done(&in), TSK_E_MALFORMED);
    tsk_cbor_in_init(&in, unhex("00", buf));
    tsk_cbor_tag(&in, 0);
    ck_err(tsk_cbor_done(&in), TSK_E_MALFORMED);
}
END_TEST

/* Nobody may be made to loop, or to make room, for elements that cannot be there. */
START_TEST(counts_beyond_the_bytes_are_refused_at_once)
{
    static const struct { const char *hex; bool map; uint64_t n; } ROWS[] = {
        {"820000", false, 2}, {"830000", false, 0}, {"a10000", true, 1}, {"a2000001", true, 0},
        {"9bffffffffffffffff00", false, 0},
        {"bb7fffffffffffffff00", true, 0}, {"9a00010000", false, 0}, {"80", false, 0}, {"a0", true, 0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        uint8_t buf[HEX_CAP];
        struct tsk_cbor_in in;
        tsk_cbor_in_init(&in, unhex(ROWS[i].hex, buf));
        ck_assert_uint_eq(ROWS[i].map ? tsk_cbor_map(&in) : tsk_cbor_array(&in), ROWS[i].n);
        ck_assert_int_eq(in.err, ROWS[i].n > 0 || strlen(ROWS[i].hex) == 2 ? TSK_OK : TSK_E_MALFORMED);
    }
}
END_TEST

START_TEST(the_writer_stops_at_its_cap_and_still_counts)
{
    for (size_t cap = 0; cap <= 12; cap++) {
        uint8_t buf[16];
        memset(buf, 0xee, sizeof buf);
        struct tsk_cbor_out out;
        struct tsk_slice b = {NULL, 99};
        tsk_cbor_out_init(&out, cap > 0 ? buf : NULL, cap);
        tsk_cbor_put_array(&out, 2);
        tsk_cbor_put_str(&out, "tasuki");
        tsk_cbor_put_uint(&out, 300);
        ck_assert_uint_eq(out.n, 11);
        ck_err(tsk_cbor_out_done(&out, &b), cap >= 11 ? TSK_OK : TSK_E_LIMIT);
        ck_assert_uint_eq(b.n, cap >= 11 ? 11 : 99);
        for (size_t i = cap; i < sizeof buf; i++)
            ck_assert_uint_eq(buf[i], 0xee);
    }
}
END_TEST

START_TEST(any_gives_the_item_as_it_stands)
{
    uint8_t buf[HEX_CAP];
    struct tsk_slice b = unhex("8301a20203616104820506", buf);
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, b);
    ck_assert_uint_eq(tsk_cbor_array(&in), 3);
    ck_assert_uint_eq(tsk_cbor_any(&in).n, 1);
    struct tsk_slice map = tsk_cbor_any(&in), tail = tsk_cbor_any(&in);
    ck_assert_uint_eq(map.n, 6);
    ck_assert_ptr_eq(map.p, buf + 2);
    ck_assert_uint_eq(tail.n, 3);
    ck_ok(tsk_cbor_done(&in));
    ck_assert_uint_eq(tsk_cbor_any(&in).n, 0);
    ck_err(tsk_cbor_done(&in), TSK_E_MALFORMED);
}
END_TEST

/* ---- random bytes and mutations, against the oracle ---- */
static uint64_t seed = 0x7461737569;
static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void put_random(struct tsk_cbor_out *out, unsigned depth)
{
    static const uint8_t TEXT[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint32_t n = draw(4);
    switch (draw(depth < 5 ? 8 : 5)) {
    case 0: tsk_cbor_put_uint(out, draw(UINT32_MAX) >> draw(32)); return;
    case 1: tsk_cbor_put_int(out, -(int64_t)draw(70000)); return;
    case 2: tsk_cbor_put_bytes(out, (struct tsk_slice){TEXT, draw(30)}); return;
    case 3: tsk_cbor_put_text(out, (struct tsk_slice){TEXT, draw(30)}); return;
    case 4: tsk_cbor_put_bool(out, draw(2) == 1); return;
    case 5:
        tsk_cbor_put_array(out, n);
        for (uint32_t i = 0; i < n; i++)
            put_random(out, depth + 1);
        return;
    case 6:
        tsk_cbor_put_map(out, n);
        for (uint32_t i = 0; i < n; i++) {
            tsk_cbor_put_uint(out, i * 20);
            put_random(out, depth + 1);
        }
        return;
    default:
        tsk_cbor_put_tag(out, 18);
        put_random(out, depth + 1);
        return;
    }
}

START_TEST(random_items_and_their_mutations_against_the_oracle)
{
    static uint8_t buf[65536];
    unsigned taken = 0, refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        struct tsk_cbor_out out;
        struct tsk_slice b;
        tsk_cbor_out_init(&out, buf, sizeof buf);
        put_random(&out, 0);
        ck_ok(tsk_cbor_out_done(&out, &b));
        ck_ok(tsk_cbor_check(b));
        ask_oracle(b);
        buf[draw((uint32_t)b.n)] ^= (uint8_t)(1u << draw(8));
        if (tsk_cbor_check(b) == TSK_OK) {
            ask_oracle(b);
            taken++;
        } else {
            refused++;
        }
    }
    ck_assert_uint_gt(taken, 1000);
    ck_assert_uint_gt(refused, 1000);
}
END_TEST

START_TEST(records_against_the_oracle)
{
    static struct tsk_example e;
    static uint8_t buf[TSK_EXAMPLE_CAP];
    for (int r = 0; r < TSK_REC_COUNT; r++) {
        struct tsk_slice b;
        for (unsigned v = 0; tsk_example_encode((enum tsk_rec)r, v, &e, buf, &b) == TSK_OK; v++)
            ask_oracle(b);
    }
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof *(a))

static TCase *values(void)
{
    TCase *t = tcase_create("values");
    tcase_add_loop_test(t, values_of_appendix_a_that_are_taken, 0, LEN(TAKEN));
    tcase_add_loop_test(t, values_of_appendix_a_that_are_refused, 0, LEN(REFUSED));
    tcase_add_loop_test(t, what_the_profile_refuses_besides, 0, LEN(REFUSED_TOO));
    return t;
}

static TCase *reading_and_writing(void)
{
    TCase *t = tcase_create("reading and writing");
    tcase_add_test(t, depth_is_eight_containers);
    tcase_add_test(t, integers_go_there_and_back);
    tcase_add_test(t, signed_integers_stay_within_int64);
    tcase_add_test(t, readers_take_their_own_type_only);
    tcase_add_test(t, the_first_error_stays);
    tcase_add_test(t, tags_other_than_expected_are_refused);
    tcase_add_test(t, counts_beyond_the_bytes_are_refused_at_once);
    tcase_add_test(t, the_writer_stops_at_its_cap_and_still_counts);
    tcase_add_test(t, any_gives_the_item_as_it_stands);
    return t;
}

static TCase *oracle(void)
{
    TCase *t = tcase_create("oracle");
    tcase_add_test(t, random_items_and_their_mutations_against_the_oracle);
    tcase_add_test(t, records_against_the_oracle);
    tcase_set_timeout(t, 120);
    return t;
}

TSK_TEST_MAIN("cbor", values, reading_and_writing, oracle)
