#include "schema/cose.h"

#include <string.h>

#include "tests/check.h"
#include "tests/examples.h"

static struct tsk_example example;
static uint8_t payload_buf[TSK_EXAMPLE_CAP], buf[TSK_EXAMPLE_CAP];
static uint8_t sig[64];
static struct tsk_kid kid;
static struct tsk_id16 net;

static void setup(void)
{
    memset(sig, 0x5a, sizeof sig);
    memset(kid.b, 0xaa, sizeof kid.b);
    memset(net.b, 0x11, sizeof net.b);
}

static struct tsk_slice payload_of(enum tsk_rec r)
{
    struct tsk_slice payload;
    ck_ok(tsk_example_encode(r, 0, &example, payload_buf, &payload));
    return payload;
}

static struct tsk_slice envelope_of(enum tsk_rec r)
{
    struct tsk_slice bytes;
    ck_ok(tsk_cose_build(r, &kid, payload_of(r), sig, buf, sizeof buf, &bytes));
    return bytes;
}

START_TEST(every_signed_row_goes_there_and_back)
{
    enum tsk_rec r = (enum tsk_rec)_i;
    struct tsk_slice payload = payload_of(r), bytes = envelope_of(r);
    struct tsk_envelope env;
    if (tsk_rec_form(r) != TSK_FORM_SIGNED) {
        ck_err(tsk_cose_parse(bytes, &env), TSK_E_WRONGTYPE);
        return;
    }
    ck_ok(tsk_cbor_check(bytes));
    ck_assert_uint_le(bytes.n, payload.n + TSK_COSE_OVERHEAD);
    ck_ok(tsk_cose_parse(bytes, &env));
    ck_assert_int_eq(env.rec, r);
    ck_assert(memcmp(&env.kid, &kid, sizeof kid) == 0);
    ck_assert(tsk_slice_eq(env.payload, payload));
    ck_assert(memcmp(env.sig, sig, 64) == 0);
}
END_TEST

START_TEST(the_bytes_are_those_of_the_profile)
{
    static const uint8_t PAYLOAD[] = {0xa1, 0x01, 0x01};
    char hex[1024];
    struct tsk_slice bytes;
    ck_ok(tsk_cose_build(TSK_REC_OPEN, &kid, TSK_SLICE(PAYLOAD), sig, buf, sizeof buf, &bytes));
    tsk_hex(bytes.p, bytes.n, hex);
    ck_assert_str_eq(hex,
        "d284" "5833" "a3" "0132" "045820" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "106b" "746173756b692d6f70656e" "a0" "43a10101" "5840"
        "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
        "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    ck_ok(tsk_cose_sig_structure(TSK_REC_OPEN, &kid, &net, TSK_SLICE(PAYLOAD), buf, sizeof buf, &bytes));
    tsk_hex(bytes.p, bytes.n, hex);
    ck_assert_str_eq(hex,
        "84" "6a5369676e617475726531" "5833" "a3" "0132" "045820"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "106b" "746173756b692d6f70656e"
        "5818" "746173756b692f31" "11111111111111111111111111111111" "43a10101");
}
END_TEST

START_TEST(envelope_truncated_or_with_a_tail)
{
    struct tsk_slice bytes = envelope_of(TSK_REC_STATUS);
    struct tsk_envelope env = {.rec = TSK_REC_COUNT};
    for (size_t n = 0; n < bytes.n; n++)
        ck_err(tsk_cose_parse((struct tsk_slice){bytes.p, n}, &env), TSK_E_MALFORMED);
    buf[bytes.n] = 0;
    ck_err(tsk_cose_parse((struct tsk_slice){bytes.p, bytes.n + 1}, &env), TSK_E_MALFORMED);
    ck_assert_int_eq(env.rec, TSK_REC_COUNT);
}
END_TEST

/* Whatever is still taken after a change builds to the very bytes that were taken. */
START_TEST(envelope_with_any_bit_flipped)
{
    static uint8_t again[TSK_EXAMPLE_CAP];
    struct tsk_slice bytes = envelope_of(TSK_REC_STATUS), back;
    unsigned refused = 0;
    for (size_t i = 0; i < bytes.n * 8; i++) {
        struct tsk_envelope env;
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
        if (tsk_cose_parse(bytes, &env) == TSK_OK) {
            ck_ok(tsk_cose_build(env.rec, &env.kid, env.payload, env.sig, again, sizeof again, &back));
            ck_assert(tsk_slice_eq(back, bytes));
        } else {
            refused++;
        }
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    ck_assert_uint_gt(refused, 100);
}
END_TEST

/* The envelope as another implementation might write it, in hex; <..> is a byte string of 24 to 255 bytes. */
static const struct { const char *why; const char *bytes; enum tsk_err want; } FORMS[] = {
#define K31 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KID "045820" K31 "aa"
#define TYP "106b746173756b692d6f70656e"
#define S63 "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a" \
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
#define PAY "43a10101"
#define SIG "<" S63 "5a>"
#define REST "a0" PAY SIG
    {"as it must be", "d284<a30132" KID TYP ">" REST, TSK_OK},
    {"no tag", "84<a30132" KID TYP ">" REST, TSK_E_MALFORMED},
    {"tag 17", "d184<a30132" KID TYP ">" REST, TSK_E_MALFORMED},
    {"tag twice", "d2d284<a30132" KID TYP ">" REST, TSK_E_MALFORMED},
    {"tag in a long head", "d81284<a30132" KID TYP ">" REST, TSK_E_MALFORMED},
    {"indefinite array", "d29f<a30132" KID TYP ">" REST "ff", TSK_E_MALFORMED},
    {"alg EdDSA (-8)", "d284<a30127" KID TYP ">" REST, TSK_E_MALFORMED},
    {"alg positive", "d284<a30112" KID TYP ">" REST, TSK_E_MALFORMED},
    {"alg in a long head", "d284<a3013812" KID TYP ">" REST, TSK_E_MALFORMED},
    {"protected unsorted", "d284<a3" KID "0132" TYP ">" REST, TSK_E_MALFORMED},
    {"protected without typ", "d284<a20132" KID ">" REST, TSK_E_MALFORMED},
    {"protected without kid", "d284<a20132" "1078" "25" S63 ">" REST, TSK_E_MALFORMED},
    {"protected with a fourth header", "d284<a40132" KID TYP "181801>" REST, TSK_E_MALFORMED},
    {"protected with crit", "d284<a401320281" "10" KID TYP ">" REST, TSK_E_MALFORMED},
    {"protected with a tail", "d284<a30132" KID TYP "00>" REST, TSK_E_MALFORMED},
    {"protected as a map", "d284a30132" KID TYP REST, TSK_E_MALFORMED},
    {"protected empty", "d28440" REST, TSK_E_MALFORMED},
    {"kid of 31 bytes", "d284<a3013204581f" K31 TYP ">" REST, TSK_E_MALFORMED},
    {"kid of 33 bytes", "d284<a30132045821" K31 "aaaa" TYP ">" REST, TSK_E_MALFORMED},
    {"typ as bytes", "d284<a30132" KID "104b746173756b692d6f70656e>" REST, TSK_E_MALFORMED},
    {"typ as a number", "d284<a30132" KID "1001>" REST, TSK_E_MALFORMED},
    {"typ unknown", "d284<a30132" KID "106b746173756b692d6f70656f>" REST, TSK_E_WRONGTYPE},
    {"typ in another case", "d284<a30132" KID "106b746173756b692d6f70654e>" REST, TSK_E_WRONGTYPE},
    {"typ empty", "d284<a30132" KID "1060>" REST, TSK_E_WRONGTYPE},
    {"typ of the roster", "d284<a30132" KID "106d746173756b692d726f73746572>" REST, TSK_E_WRONGTYPE},
    {"typ of a plain message", "d284<a30132" KID "106c746173756b692d696e6e6572>" REST, TSK_E_WRONGTYPE},
    {"unprotected kid", "d284<a30132" KID TYP ">a1044101" PAY SIG, TSK_E_MALFORMED},
    {"unprotected as an array", "d284<a30132" KID TYP ">80" PAY SIG, TSK_E_MALFORMED},
    {"payload detached", "d284<a30132" KID TYP ">a0f6" SIG, TSK_E_MALFORMED},
    {"payload as a map", "d284<a30132" KID TYP ">a0a10101" SIG, TSK_E_MALFORMED},
    {"signature of 63 bytes", "d284<a30132" KID TYP ">a0" PAY "<" S63 ">", TSK_E_MALFORMED},
    {"signature of 65 bytes", "d284<a30132" KID TYP ">a0" PAY "<" S63 "5a5a>", TSK_E_MALFORMED},
    {"signature empty", "d284<a30132" KID TYP ">a0" PAY "40", TSK_E_MALFORMED},
    {"three parts", "d283<a30132" KID TYP ">a0" PAY, TSK_E_MALFORMED},
    {"five parts", "d285<a30132" KID TYP ">" REST "00", TSK_E_MALFORMED},
};

static struct tsk_slice assemble(const char *p, uint8_t bytes[512])
{
    size_t n = 0, open = 0;
    for (; *p != '\0'; p++) {
        if (*p == '<') {
            open = n;
            bytes[n++] = 0x58;
            n++;
        } else if (*p == '>') {
            ck_assert_uint_ge(n - open - 2, 24);
            bytes[open + 1] = (uint8_t)(n - open - 2);
        } else {
            char two[3] = {p[0], p[1], '\0'};
            ck_ok(tsk_unhex(two, &bytes[n++], 1));
            p++;
        }
    }
    return (struct tsk_slice){bytes, n};
}

START_TEST(forms_that_others_write)
{
    uint8_t bytes[512];
    struct tsk_envelope env;
    enum tsk_err e = tsk_cose_parse(assemble(FORMS[_i].bytes, bytes), &env);
    ck_assert_msg(e == FORMS[_i].want, "%s: %s", FORMS[_i].why, tsk_err_name(e));
}
END_TEST

START_TEST(sizes_at_the_cap_and_over_it)
{
    static uint8_t big[TSK_RECORD_MAX + 1024], out[TSK_RECORD_MAX + 2048];
    for (int r = 0; r < TSK_REC_COUNT; r++) {
        struct tsk_slice bytes;
        struct tsk_envelope env;
        if (tsk_rec_form((enum tsk_rec)r) != TSK_FORM_SIGNED)
            continue;
        ck_ok(tsk_cose_build((enum tsk_rec)r, &kid, (struct tsk_slice){big, 500}, sig, out, sizeof out, &bytes));
        size_t fit = 500 + tsk_rec_max((enum tsk_rec)r) - bytes.n;
        ck_ok(tsk_cose_build((enum tsk_rec)r, &kid, (struct tsk_slice){big, fit}, sig, out, sizeof out, &bytes));
        ck_assert_uint_eq(bytes.n, tsk_rec_max((enum tsk_rec)r));
        ck_ok(tsk_cose_parse(bytes, &env));
        ck_ok(tsk_cose_build((enum tsk_rec)r, &kid, (struct tsk_slice){big, fit + 1}, sig, out, sizeof out, &bytes));
        ck_err(tsk_cose_parse(bytes, &env), TSK_E_MALFORMED);
    }
}
END_TEST

START_TEST(buffers_too_small_are_a_limit)
{
    struct tsk_slice payload = payload_of(TSK_REC_STATUS), ok, bytes = {NULL, 7};
    ck_ok(tsk_cose_build(TSK_REC_STATUS, &kid, payload, sig, buf, sizeof buf, &ok));
    ck_err(tsk_cose_build(TSK_REC_STATUS, &kid, payload, sig, buf, ok.n - 1, &bytes), TSK_E_LIMIT);
    ck_ok(tsk_cose_sig_structure(TSK_REC_STATUS, &kid, &net, payload, buf, sizeof buf, &ok));
    ck_assert_uint_le(ok.n, payload.n + TSK_COSE_OVERHEAD);
    ck_err(tsk_cose_sig_structure(TSK_REC_STATUS, &kid, &net, payload, buf, ok.n - 1, &bytes), TSK_E_LIMIT);
    ck_assert_uint_eq(bytes.n, 7);
}
END_TEST

/* ---- the roster's form ---- */
static struct tsk_slice roster_of(size_t n, struct tsk_slice payload)
{
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    for (size_t i = 0; i < n; i++) {
        memset(&sigs[i], (int)(i + 1), sizeof sigs[i]);
    }
    struct tsk_slice bytes;
    ck_ok(tsk_roster_join(payload, sigs, n, buf, sizeof buf, &bytes));
    return bytes;
}

START_TEST(rosters_go_there_and_back)
{
    struct tsk_slice payload = payload_of(TSK_REC_ROSTER), back, again;
    for (size_t n = 1; n <= TSK_ROOTS_MAX; n++) {
        static uint8_t copy[TSK_EXAMPLE_CAP];
        struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
        size_t sigs_n = 0;
        struct tsk_slice bytes = roster_of(n, payload);
        ck_ok(tsk_cbor_check(bytes));
        ck_ok(tsk_roster_split(bytes, &back, sigs, &sigs_n));
        ck_assert_uint_eq(sigs_n, n);
        ck_assert(tsk_slice_eq(back, payload));
        ck_ok(tsk_roster_join(back, sigs, sigs_n, copy, sizeof copy, &again));
        ck_assert(tsk_slice_eq(again, bytes));
    }
}
END_TEST

START_TEST(rosters_changed_are_refused_or_the_same_bytes)
{
    static uint8_t copy[TSK_EXAMPLE_CAP];
    struct tsk_slice bytes = roster_of(3, payload_of(TSK_REC_ROSTER)), back, again;
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    size_t n = 77;
    for (size_t cut = 0; cut < bytes.n; cut++)
        ck_err(tsk_roster_split((struct tsk_slice){bytes.p, cut}, &back, sigs, &n), TSK_E_MALFORMED);
    ck_assert_uint_eq(n, 77);
    for (size_t i = 0; i < bytes.n * 8; i++) {
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
        if (tsk_roster_split(bytes, &back, sigs, &n) == TSK_OK) {
            ck_ok(tsk_roster_join(back, sigs, n, copy, sizeof copy, &again));
            ck_assert(tsk_slice_eq(again, bytes));
        }
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
}
END_TEST

START_TEST(roster_signatures_are_a_sorted_set_of_one_to_eight)
{
    static const struct { size_t n; uint8_t first, second; enum tsk_err want; } ROWS[] = {
        {0, 1, 2, TSK_E_MALFORMED}, {2, 1, 2, TSK_OK}, {2, 2, 1, TSK_E_MALFORMED}, {2, 1, 1, TSK_E_MALFORMED},
    };
    struct tsk_slice payload = payload_of(TSK_REC_ROSTER), bytes, back;
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX + 1], out[TSK_ROOTS_MAX];
    size_t n;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        memset(&sigs[0], ROWS[i].first, sizeof sigs[0]);
        memset(&sigs[1], ROWS[i].second, sizeof sigs[1]);
        ck_err(tsk_roster_join(payload, sigs, ROWS[i].n, buf, sizeof buf, &bytes), ROWS[i].want);
    }
    for (size_t i = 0; i <= TSK_ROOTS_MAX; i++)
        memset(&sigs[i], (int)i, sizeof sigs[i]);
    ck_err(tsk_roster_join(payload, sigs, TSK_ROOTS_MAX + 1, buf, sizeof buf, &bytes), TSK_E_MALFORMED);
    /* the same orders, written by a hand that does not care */
    for (unsigned row = 0; row < 3; row++) {
        struct tsk_cbor_out w;
        tsk_cbor_out_init(&w, buf, sizeof buf);
        tsk_cbor_put_array(&w, 2);
        tsk_cbor_put_bytes(&w, payload);
        size_t count = row == 0 ? 0 : row == 1 ? 9 : 2;
        tsk_cbor_put_array(&w, count);
        for (size_t i = 0; i < count; i++) {
            struct tsk_roster_sig s;
            memset(&s, row == 2 ? 5 : (int)i, sizeof s);
            tsk_cbor_put_array(&w, 2);
            tsk_cbor_put_bytes(&w, TSK_SLICE(s.kid.b));
            tsk_cbor_put_bytes(&w, TSK_SLICE(s.sig));
        }
        ck_ok(tsk_cbor_out_done(&w, &bytes));
        ck_err(tsk_roster_split(bytes, &back, out, &n), TSK_E_MALFORMED);
    }
}
END_TEST

START_TEST(the_key_that_a_kid_is_the_hash_of)
{
    struct tsk_pk pk;
    uint8_t key[40];
    char hex[81];
    memset(pk.b, 0xcd, sizeof pk.b);
    tsk_cose_key(&pk, key);
    tsk_hex(key, sizeof key, hex);
    ck_assert_str_eq(hex, "a301012006215820" "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd");
    ck_ok(tsk_cbor_check(TSK_SLICE(key)));
}
END_TEST

static TCase *envelopes(void)
{
    TCase *t = tcase_create("envelopes");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_loop_test(t, every_signed_row_goes_there_and_back, 0, TSK_REC_COUNT);
    tcase_add_test(t, the_bytes_are_those_of_the_profile);
    tcase_add_test(t, envelope_truncated_or_with_a_tail);
    tcase_add_test(t, envelope_with_any_bit_flipped);
    tcase_add_loop_test(t, forms_that_others_write, 0, (int)(sizeof FORMS / sizeof *FORMS));
    tcase_add_test(t, sizes_at_the_cap_and_over_it);
    tcase_add_test(t, buffers_too_small_are_a_limit);
    return t;
}

static TCase *rosters(void)
{
    TCase *t = tcase_create("rosters");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, rosters_go_there_and_back);
    tcase_add_test(t, rosters_changed_are_refused_or_the_same_bytes);
    tcase_add_test(t, roster_signatures_are_a_sorted_set_of_one_to_eight);
    tcase_add_test(t, the_key_that_a_kid_is_the_hash_of);
    return t;
}

TSK_TEST_MAIN("cose", envelopes, rosters)
