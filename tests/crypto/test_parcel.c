#include <stdlib.h>

#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/seal.h"
#include "crypto/sign.h"
#include "tests/crypto/crypto_test.h"

static const struct tsk_id16 net = {{'n', 'e', 't'}};
static const struct tsk_id16 other_net = {{'N', 'e', 't'}};
static const struct tsk_kid from = {{1}}, to = {{2}};
static const struct tsk_id16 put_id = {{3}};
static struct tsk_kem_key *kem;
static struct tsk_seal_key key;

static void setup(void)
{
    uint8_t sk[32] = {8, 0x5e};
    ck_ok(tsk_crypto_init());
    ck_ok(tsk_kem_new(sk, &kem));
    key = (struct tsk_seal_key){.year = 2027, .pk = *tsk_kem_pk(kem)};
}

static void teardown(void)
{
    tsk_kem_free(kem);
}

/* One CBOR byte string of n bytes in all stands for an encoded inner. */
static struct tsk_slice inner_of(uint8_t *buf, size_t n)
{
    ck_assert_uint_ge(n, 8);
    memset(buf, 0xee, n);
    size_t head = n - 2 < 256 ? 2 : n - 3 < 65536 ? 3 : 5, len = n - head;
    buf[0] = head == 2 ? 0x58 : head == 3 ? 0x59 : 0x5a;
    for (size_t i = 1; i < head; i++)
        buf[i] = (uint8_t)(len >> 8 * (head - 1 - i));
    return (struct tsk_slice){buf, n};
}

struct sealed { uint8_t *buf; struct tsk_slice bytes; struct tsk_parcel parcel; };

static struct sealed seal(struct tsk_slice inner, bool has_cts)
{
    struct sealed s;
    size_t cap = tsk_parcel_cap(inner.n, has_cts);
    s.buf = malloc(cap);
    ck_ok(tsk_parcel_seal(&from, &to, &key, &put_id, &net, inner, has_cts, s.buf, cap, &s.bytes));
    ck_ok(tsk_rec_decode(TSK_REC_PARCEL, s.bytes, &s.parcel));
    return s;
}

static const struct { size_t inner_n, plain_n, with_cts; } sizes[] = {
    {100, 4096, 256}, {256, 4096, 256}, {259, 4096, 512}, {4095, 4096, 4096}, {4096, 4096, 4096}, {4097, 8192, 8192},
    {9000, 12288, 16384}, {70000, 73728, 131072},
};

START_TEST(there_and_back)
{
    static uint8_t buf[70000];
    struct tsk_slice inner = inner_of(buf, sizes[_i].inner_n), got;
    for (int cts = 0; cts < 2; cts++) {
        struct sealed s = seal(inner, cts);
        uint8_t *plain = malloc(s.parcel.ct.n);
        ck_assert_uint_eq(s.parcel.ct.n, (cts ? sizes[_i].with_cts : sizes[_i].plain_n) + 16);
        ck_ok(tsk_parcel_open(&s.parcel, &from, &put_id, kem, &net, plain, &got));
        ck_assert(tsk_slice_eq(got, inner));
        free(plain);
        free(s.buf);
    }
}
END_TEST

START_TEST(every_flip_is_refused)
{
    uint8_t buf[64], plain[600];
    struct tsk_slice got = {NULL, 7};
    struct sealed s = seal(inner_of(buf, sizeof buf), true);
    uint8_t *ct = malloc(s.parcel.ct.n);
    memcpy(ct, s.parcel.ct.p, s.parcel.ct.n);
    s.parcel.ct.p = ct;
    struct tsk_kid f = from;
    struct tsk_id16 p = put_id, n = net;
    struct { void *p; size_t n; } inputs[] = {{&s.parcel.to, 32}, {s.parcel.key_id8, 8}, {s.parcel.enc, 32},
                                              {ct, s.parcel.ct.n}, {&f, 32}, {&p, 16}, {&n, 16}};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        for (size_t bit = 0; bit < inputs[i].n * 8; bit++) {
            ((uint8_t *)inputs[i].p)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_err(tsk_parcel_open(&s.parcel, &f, &p, kem, &n, plain, &got), TSK_E_BADSIG);
            ((uint8_t *)inputs[i].p)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    for (size_t cut = 0; cut < s.parcel.ct.n; cut++) {
        struct tsk_parcel t = s.parcel;
        t.ct.n = cut;
        ck_err(tsk_parcel_open(&t, &f, &p, kem, &n, plain, &got), TSK_E_BADSIG);
    }
    ck_assert_uint_eq(got.n, 7);
    ck_ok(tsk_parcel_open(&s.parcel, &f, &p, kem, &n, plain, &got));
    free(ct);
    free(s.buf);
}
END_TEST

START_TEST(wrong_network_or_key)
{
    uint8_t buf[64], plain[5000], sk[32] = {9};
    struct tsk_slice got;
    struct tsk_kem_key *other;
    struct sealed s = seal(inner_of(buf, sizeof buf), false);
    ck_ok(tsk_kem_new(sk, &other));
    ck_err(tsk_parcel_open(&s.parcel, &from, &put_id, kem, &other_net, plain, &got), TSK_E_BADSIG);
    ck_err(tsk_parcel_open(&s.parcel, &from, &put_id, other, &net, plain, &got), TSK_E_BADSIG);
    tsk_kem_free(other);
    free(s.buf);
}
END_TEST

/* A sender's own text, sealed as it stands: what padding may not be. */
static enum tsk_err open_plain(const uint8_t *text, size_t n)
{
    struct tsk_parcel parcel = {.to = to};
    struct tsk_info info;
    struct tsk_slice got;
    uint8_t aad[80], *ct = malloc(n + 16), *plain = malloc(n + 16);
    memcpy(aad, from.b, 32);
    memcpy(aad + 32, to.b, 32);
    memcpy(aad + 64, put_id.b, 16);
    tsk_info_init(&info, TEXT_SLICE("tasuki/1 parcel"), &net);
    ck_ok(tsk_id8_of(&key.pk, parcel.key_id8));
    ck_ok(tsk_hpke_seal(TSK_AEAD_AES256GCM, &key.pk, (struct tsk_slice){info.b, info.n}, TSK_SLICE(aad),
                        (struct tsk_slice){text, n}, parcel.enc, ct));
    parcel.ct = (struct tsk_slice){ct, n + 16};
    enum tsk_err e = tsk_parcel_open(&parcel, &from, &put_id, kem, &net, plain, &got);
    free(ct);
    free(plain);
    return e;
}

START_TEST(padding_is_checked)
{
    static uint8_t text[8192];
    inner_of(text, 64);
    ck_ok(open_plain(text, 4096));
    ck_ok(open_plain(text, 256));
    ck_err(open_plain(text, 8192), TSK_E_BADSIG); /* more than needed */
    ck_err(open_plain(text, 512), TSK_E_BADSIG);
    ck_err(open_plain(text, 64), TSK_E_BADSIG); /* none */
    for (size_t i = 64; i < 256; i++) {
        text[i] = 1;
        ck_err(open_plain(text, 256), TSK_E_BADSIG);
        text[i] = 0;
    }
    text[0] = 0xff; /* no CBOR */
    ck_err(open_plain(text, 256), TSK_E_BADSIG);
    ck_err(open_plain(text, 0), TSK_E_BADSIG);
}
END_TEST

START_TEST(bounds)
{
    uint8_t buf[64], out[5000];
    struct tsk_slice inner = inner_of(buf, sizeof buf), got;
    size_t need = tsk_parcel_cap(inner.n, false);
    ck_err(tsk_parcel_seal(&from, &to, &key, &put_id, &net, (struct tsk_slice){buf, 0}, false, out, need, &got),
           TSK_E_LIMIT);
    ck_err(tsk_parcel_seal(&from, &to, &key, &put_id, &net, (struct tsk_slice){buf, TSK_PARCEL_MAX + 1}, false, out,
                           need, &got),
           TSK_E_LIMIT);
    ck_err(tsk_parcel_seal(&from, &to, &key, &put_id, &net, inner, false, out, 4096, &got), TSK_E_LIMIT);
    ck_ok(tsk_parcel_seal(&from, &to, &key, &put_id, &net, inner, false, out, need, &got));
    struct tsk_seal_key zero = {.year = 2027};
    ck_err(tsk_parcel_seal(&from, &to, &zero, &put_id, &net, inner, false, out, need, &got), TSK_E_UNKNOWNPEER);
}
END_TEST

static TCase *parcels(void)
{
    TCase *tc = tcase_create("parcels");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, there_and_back, 0, (int)(sizeof sizes / sizeof *sizes));
    tcase_add_test(tc, every_flip_is_refused);
    tcase_add_test(tc, wrong_network_or_key);
    tcase_add_test(tc, padding_is_checked);
    tcase_add_test(tc, bounds);
    return tc;
}

TSK_TEST_MAIN("parcel", parcels)
