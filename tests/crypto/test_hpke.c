#include "crypto/algs.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "tests/crypto/crypto_test.h"
#include "tests/vectors/rfc9180.h"

#include <openssl/opensslv.h>
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
#include <openssl/hpke.h>
#endif

#define CASES ((int)(sizeof rfc9180_cases / sizeof *rfc9180_cases))

START_TEST(derive_key_pair)
{
    const struct rfc9180_case *c = &rfc9180_cases[_i];
    const char *rows[][3] = {{c->ikm_e, c->sk_e, c->pk_e}, {c->ikm_r, c->sk_r, c->pk_r}};
    for (size_t i = 0; i < 2; i++) {
        struct tsk_key32 sk;
        struct tsk_pk pk;
        struct hexed ikm = hexed(rows[i][0]);
        ck_ok(tsk_kem_derive(HEX_SLICE(ikm), &sk, &pk));
        ck_assert_mem_eq(sk.b, hexed(rows[i][1]).b, 32);
        ck_assert_mem_eq(pk.b, hexed(rows[i][2]).b, 32);
    }
}
END_TEST

START_TEST(base_setup)
{
    const struct rfc9180_case *c = &rfc9180_cases[_i];
    struct hexed ikm = hexed(c->ikm_e), info = hexed(c->info), aad = hexed(c->aad), pt = hexed(c->pt),
                 ct = hexed(c->ct);
    struct hexed key = hexed(c->key), nonce = hexed(c->base_nonce);
    struct tsk_pk to;
    uint8_t enc[32], out[64];
    memcpy(to.b, hexed(c->pk_r).b, 32);
    ck_ok(tsk_hpke_seal_eph((enum tsk_aead)c->aead, &to, HEX_SLICE(ikm), HEX_SLICE(info), HEX_SLICE(aad), HEX_SLICE(pt),
                            enc, out));
    ck_assert_mem_eq(enc, hexed(c->pk_e).b, 32);
    ck_assert_mem_eq(out, ct.b, ct.n);
    /* the RFC's own key and base nonce open it: the key schedule is the RFC's */
    ck_ok(tsk_aead_open((enum tsk_aead)c->aead, key.b, nonce.b, HEX_SLICE(aad), HEX_SLICE(ct), out));
    ck_assert_mem_eq(out, pt.b, pt.n);
    struct tsk_kem_key *kem;
    ck_ok(tsk_kem_new(hexed(c->sk_r).b, &kem));
    ck_assert_mem_eq(tsk_kem_pk(kem)->b, to.b, 32);
    memset(out, 0, sizeof out);
    ck_ok(tsk_hpke_open((enum tsk_aead)c->aead, kem, enc, HEX_SLICE(info), HEX_SLICE(aad), HEX_SLICE(ct), out));
    ck_assert_mem_eq(out, pt.b, pt.n);
    tsk_kem_free(kem);
}
END_TEST

static const enum tsk_aead aeads[] = {TSK_AEAD_AES128GCM, TSK_AEAD_AES256GCM, TSK_AEAD_CHACHA20POLY1305};

static struct tsk_kem_key *kem_of(uint8_t fill)
{
    uint8_t sk[32];
    struct tsk_kem_key *k;
    memset(sk, fill, sizeof sk);
    ck_ok(tsk_kem_new(sk, &k));
    return k;
}

START_TEST(every_flip_is_refused)
{
    struct tsk_kem_key *kem = kem_of(7), *other = kem_of(8);
    uint8_t enc[32], info[] = "info", aad[] = "aad", pt[32] = {1, 2, 3}, ct[48], out[32];
    ck_ok(tsk_hpke_seal(aeads[_i], tsk_kem_pk(kem), TSK_SLICE(info), TSK_SLICE(aad), TSK_SLICE(pt), enc, ct));
    struct { uint8_t *p; size_t n; } inputs[] = {{enc, 32}, {info, 4}, {aad, 3}, {ct, 48}};
    for (size_t i = 0; i < 4; i++)
        for (size_t bit = 0; bit < inputs[i].n * 8; bit++) {
            inputs[i].p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_err(tsk_hpke_open(aeads[_i], kem, enc, TSK_SLICE(info), TSK_SLICE(aad), TSK_SLICE(ct), out),
                   TSK_E_BADSIG);
            inputs[i].p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    for (size_t n = 0; n < sizeof ct; n++)
        ck_err(tsk_hpke_open(aeads[_i], kem, enc, TSK_SLICE(info), TSK_SLICE(aad), (struct tsk_slice){ct, n}, out),
               TSK_E_BADSIG);
    for (size_t j = 0; j < 3; j++) /* the suite is part of the key */
        ck_err(tsk_hpke_open(aeads[j], kem, enc, TSK_SLICE(info), TSK_SLICE(aad), TSK_SLICE(ct), out),
               j == (size_t)_i ? TSK_OK : TSK_E_BADSIG);
    ck_err(tsk_hpke_open(aeads[_i], other, enc, TSK_SLICE(info), TSK_SLICE(aad), TSK_SLICE(ct), out), TSK_E_BADSIG);
    ck_ok(tsk_hpke_open(aeads[_i], kem, enc, TSK_SLICE(info), TSK_SLICE(aad), TSK_SLICE(ct), out));
    ck_assert_mem_eq(out, pt, sizeof pt);
    tsk_kem_free(kem);
    tsk_kem_free(other);
}
END_TEST

START_TEST(fresh_each_time)
{
    struct tsk_kem_key *kem = kem_of(9);
    uint8_t enc[2][32], ct[2][20], out[4];
    for (size_t i = 0; i < 2; i++)
        ck_ok(tsk_hpke_seal(TSK_AEAD_AES256GCM, tsk_kem_pk(kem), TEXT_SLICE(""), TEXT_SLICE(""), TEXT_SLICE("same"),
                            enc[i], ct[i]));
    ck_assert_mem_ne(enc[0], enc[1], 32);
    ck_assert_mem_ne(ct[0], ct[1], 20);
    ck_ok(tsk_hpke_open(TSK_AEAD_AES256GCM, kem, enc[1], TEXT_SLICE(""), TEXT_SLICE(""), TSK_SLICE(ct[1]), out));
    ck_assert_mem_eq(out, "same", 4);
    tsk_kem_free(kem);
}
END_TEST

/* u = 0, 1, p - 1, two of order 8, and the same numbers written as p, p + 1, 2 p - 1 = p - 1 with the top bit, ... */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
};

START_TEST(low_order_is_refused_both_ways)
{
    struct tsk_kem_key *kem = kem_of(3);
    struct tsk_pk pk;
    struct tsk_key32 dh;
    uint8_t enc[32] = {0}, ct[48] = {0}, out[32];
    memcpy(pk.b, hexed(low_order[_i]).b, 32);
    ck_err(tsk_x25519_admit(&pk), TSK_E_UNKNOWNPEER);
    ck_err(tsk_hpke_seal(TSK_AEAD_AES256GCM, &pk, TEXT_SLICE(""), TEXT_SLICE(""), TEXT_SLICE("x"), enc, ct),
           TSK_E_UNKNOWNPEER);
    ck_err(tsk_hpke_open(TSK_AEAD_AES256GCM, kem, pk.b, TEXT_SLICE(""), TEXT_SLICE(""), TSK_SLICE(ct), out),
           TSK_E_BADSIG);
    if (_i < 8) /* the last one only looks like the third */
        ck_err(tsk_x25519(kem, &pk, &dh), TSK_E_BADSIG);
    tsk_kem_free(kem);
}
END_TEST

START_TEST(admits_by_number)
{
    struct tsk_pk pk = {{9}};
    ck_ok(tsk_x25519_admit(&pk));
    pk.b[31] = 0x80; /* the top bit is never set in a canonical key */
    ck_err(tsk_x25519_admit(&pk), TSK_E_UNKNOWNPEER);
    memset(pk.b, 0xff, 32);
    pk.b[31] = 0x7f;
    for (unsigned low = 0; low < 256; low++) {
        pk.b[0] = (uint8_t)low;
        ck_err(tsk_x25519_admit(&pk), low < 0xec ? TSK_OK : TSK_E_UNKNOWNPEER); /* 0xec is p - 1, of order 4 */
    }
    for (size_t i = 1; i < 31; i++) {
        pk.b[i] = 0xfe; /* now below p whatever the lowest byte */
        ck_ok(tsk_x25519_admit(&pk));
        pk.b[i] = 0xff;
    }
}
END_TEST

START_TEST(unknown_aead)
{
    struct tsk_kem_key *kem = kem_of(3);
    uint8_t enc[32] = {0}, ct[64];
    ck_err(tsk_hpke_seal((enum tsk_aead)0, tsk_kem_pk(kem), TEXT_SLICE(""), TEXT_SLICE(""), TEXT_SLICE("x"), enc, ct),
           TSK_E_BUG);
    ck_err(tsk_hpke_seal((enum tsk_aead)4, tsk_kem_pk(kem), TEXT_SLICE(""), TEXT_SLICE(""), TEXT_SLICE("x"), enc, ct),
           TSK_E_BUG);
    tsk_kem_free(kem);
}
END_TEST

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
/* OpenSSL's own HPKE opens what tasuki sealed, and the other way round. */
START_TEST(against_openssl)
{
    OSSL_HPKE_SUITE suite = {OSSL_HPKE_KEM_ID_X25519, OSSL_HPKE_KDF_ID_HKDF_SHA256, (uint16_t)aeads[_i]};
    struct hexed ikm = hexed(rfc9180_cases[0].ikm_r);
    EVP_PKEY *priv = NULL;
    uint8_t pub[32], enc[32], ct[48], out[64], pt[32] = {4, 5, 6}, info[] = "i", aad[] = "a";
    size_t pub_n = sizeof pub, enc_n = sizeof enc, ct_n = sizeof ct, out_n = sizeof out;
    ck_assert_int_eq(OSSL_HPKE_keygen(suite, pub, &pub_n, &priv, ikm.b, ikm.n, NULL, NULL), 1);
    struct tsk_key32 sk;
    struct tsk_pk pk;
    struct tsk_kem_key *kem;
    ck_ok(tsk_kem_derive(HEX_SLICE(ikm), &sk, &pk));
    ck_ok(tsk_kem_new(sk.b, &kem));
    ck_assert_mem_eq(pub, pk.b, 32);
    ck_ok(tsk_hpke_seal(aeads[_i], &pk, TSK_SLICE(info), TSK_SLICE(aad), TSK_SLICE(pt), enc, ct));
    OSSL_HPKE_CTX *r = OSSL_HPKE_CTX_new(OSSL_HPKE_MODE_BASE, suite, OSSL_HPKE_ROLE_RECEIVER, NULL, NULL);
    ck_assert_int_eq(OSSL_HPKE_decap(r, enc, 32, priv, info, sizeof info), 1);
    ck_assert_int_eq(OSSL_HPKE_open(r, out, &out_n, aad, sizeof aad, ct, sizeof ct), 1);
    ck_assert_uint_eq(out_n, sizeof pt);
    ck_assert_mem_eq(out, pt, sizeof pt);
    OSSL_HPKE_CTX *s = OSSL_HPKE_CTX_new(OSSL_HPKE_MODE_BASE, suite, OSSL_HPKE_ROLE_SENDER, NULL, NULL);
    ck_assert_int_eq(OSSL_HPKE_encap(s, enc, &enc_n, pub, pub_n, info, sizeof info), 1);
    ck_assert_int_eq(OSSL_HPKE_seal(s, ct, &ct_n, aad, sizeof aad, pt, sizeof pt), 1);
    ck_ok(tsk_hpke_open(aeads[_i], kem, enc, TSK_SLICE(info), TSK_SLICE(aad), TSK_SLICE(ct), out));
    ck_assert_mem_eq(out, pt, sizeof pt);
    OSSL_HPKE_CTX_free(r);
    OSSL_HPKE_CTX_free(s);
    EVP_PKEY_free(priv);
    tsk_kem_free(kem);
}
END_TEST
#endif

static TCase *vectors(void)
{
    TCase *tc = crypto_case("vectors");
    tcase_add_loop_test(tc, derive_key_pair, 0, CASES);
    tcase_add_loop_test(tc, base_setup, 0, CASES);
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    tcase_add_loop_test(tc, against_openssl, 0, 3);
#endif
    return tc;
}

static TCase *refusals(void)
{
    TCase *tc = crypto_case("refusals");
    tcase_add_loop_test(tc, every_flip_is_refused, 0, 3);
    tcase_add_test(tc, fresh_each_time);
    tcase_add_loop_test(tc, low_order_is_refused_both_ways, 0, (int)(sizeof low_order / sizeof *low_order));
    tcase_add_test(tc, admits_by_number);
    tcase_add_test(tc, unknown_aead);
    return tc;
}

TSK_TEST_MAIN("hpke", vectors, refusals)
