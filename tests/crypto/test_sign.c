#include <pthread.h>
#include <sodium.h>

#include "crypto/sign.h"
#include "tests/crypto/crypto_test.h"
#include "tests/vectors/rfc8032.h"

#define CASES ((int)(sizeof rfc8032_cases / sizeof *rfc8032_cases))

static struct tsk_signer_key *signer_of(const char *seed)
{
    struct tsk_signer_key *k;
    ck_ok(tsk_signer_new(hexed(seed).b, &k));
    return k;
}

START_TEST(rfc8032)
{
    const struct rfc8032_case *c = &rfc8032_cases[_i];
    struct tsk_signer_key *k = signer_of(c->seed);
    struct tsk_verifier *v;
    struct hexed msg = hexed(c->msg);
    uint8_t sig[64];
    ck_assert_mem_eq(tsk_signer_pk(k)->b, hexed(c->pk).b, 32);
    ck_ok(tsk_verifier_new(tsk_signer_pk(k), &v));
    for (int again = 0; again < 3; again++) { /* one key signs and verifies as often as it likes */
        ck_ok(tsk_sign_raw(k, HEX_SLICE(msg), sig));
        ck_assert_mem_eq(sig, hexed(c->sig).b, 64);
        ck_ok(tsk_verify_raw(v, HEX_SLICE(msg), sig));
    }
    ck_ok(tsk_verify_once(tsk_signer_pk(k), HEX_SLICE(msg), sig));
    tsk_verifier_free(v);
    tsk_signer_free(k);
}
END_TEST

START_TEST(every_flip_is_refused)
{
    struct tsk_signer_key *k = signer_of(rfc8032_cases[_i].seed);
    struct tsk_verifier *v;
    struct hexed msg = hexed(rfc8032_cases[_i].msg), sig = hexed(rfc8032_cases[_i].sig);
    ck_ok(tsk_verifier_new(tsk_signer_pk(k), &v));
    struct hexed *inputs[] = {&msg, &sig};
    for (size_t i = 0; i < 2; i++)
        for (size_t bit = 0; bit < inputs[i]->n * 8; bit++) {
            inputs[i]->b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_err(tsk_verify_raw(v, HEX_SLICE(msg), sig.b), TSK_E_BADSIG);
            inputs[i]->b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    ck_ok(tsk_verify_raw(v, HEX_SLICE(msg), sig.b)); /* a refusal leaves no trace in the verifier */
    tsk_verifier_free(v);
    tsk_signer_free(k);
}
END_TEST

START_TEST(another_key_is_refused)
{
    struct hexed msg = hexed(rfc8032_cases[1].msg), sig = hexed(rfc8032_cases[1].sig);
    struct tsk_pk pk;
    memcpy(pk.b, hexed(rfc8032_cases[0].pk).b, 32);
    ck_err(tsk_verify_once(&pk, HEX_SLICE(msg), sig.b), TSK_E_BADSIG);
}
END_TEST

/* S + L is the same signature to a careless verifier. */
START_TEST(malleated_s_is_refused)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                      0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    struct hexed msg = hexed(rfc8032_cases[1].msg), sig = hexed(rfc8032_cases[1].sig);
    struct tsk_pk pk;
    memcpy(pk.b, hexed(rfc8032_cases[1].pk).b, 32);
    sodium_add(sig.b + 32, order, 32);
    ck_err(tsk_verify_once(&pk, HEX_SLICE(msg), sig.b), TSK_E_BADSIG);
}
END_TEST

/* The 8 points of small order, and every other way to write them or a number below 19 + 2^255 - 19. */
static const char *const bad_points[] = {
    "0100000000000000000000000000000000000000000000000000000000000000", /* order 1 */
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* order 2 */
    "0000000000000000000000000000000000000000000000000000000000000000", /* order 4 */
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", /* order 8 */
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080", /* the same, not canonical */
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

START_TEST(small_order_is_not_admitted)
{
    struct tsk_pk pk;
    struct tsk_verifier *v = NULL;
    uint8_t forged[64] = {1}; /* R = identity, S = 0: OpenSSL alone would verify this under the identity as key */
    memcpy(pk.b, hexed(bad_points[_i]).b, 32);
    ck_err(tsk_ed25519_admit(&pk), TSK_E_UNKNOWNPEER);
    ck_err(tsk_verifier_new(&pk, &v), TSK_E_UNKNOWNPEER);
    ck_assert_ptr_null(v);
    ck_err(tsk_verify_once(&pk, TEXT_SLICE("any message"), forged), TSK_E_UNKNOWNPEER);
}
END_TEST

/* A good key plus a point of small order has the same holder, who could be caught saying two things with one signature.
 */
START_TEST(mixed_order_is_not_admitted)
{
    struct tsk_pk pk, mixed, small;
    memcpy(pk.b, hexed(rfc8032_cases[0].pk).b, 32);
    memcpy(small.b, hexed(bad_points[_i]).b, 32);
    ck_ok(tsk_ed25519_admit(&pk));
    ck_assert_int_eq(crypto_core_ed25519_add(mixed.b, pk.b, small.b), 0);
    ck_err(tsk_ed25519_admit(&mixed), _i == 0 ? TSK_OK : TSK_E_UNKNOWNPEER);
}
END_TEST

START_TEST(admits_exactly_the_main_subgroup)
{
    struct tsk_pk pk;
    for (unsigned y = 0; y < 256; y++)
        for (unsigned top = 0; top < 2; top++) {
            pk = (struct tsk_pk){{(uint8_t)y}};
            pk.b[31] = (uint8_t)(top << 7);
            ck_err(tsk_ed25519_admit(&pk), crypto_core_ed25519_is_valid_point(pk.b) ? TSK_OK : TSK_E_UNKNOWNPEER);
        }
    for (unsigned y = 0; y < 19; y++) { /* p .. p + 18: never canonical */
        memset(pk.b, 0xff, 32);
        pk.b[31] = 0x7f;
        pk.b[0] = (uint8_t)(0xed + y);
        ck_err(tsk_ed25519_admit(&pk), TSK_E_UNKNOWNPEER);
    }
    for (unsigned i = 0; i < 64; i++) {
        uint8_t seed[32] = {(uint8_t)i, 1};
        struct tsk_signer_key *k;
        ck_ok(tsk_signer_new(seed, &k));
        ck_ok(tsk_ed25519_admit(tsk_signer_pk(k)));
        tsk_signer_free(k);
    }
}
END_TEST

START_TEST(names_of_keys)
{
    struct tsk_pk pk;
    struct tsk_kid kid;
    uint8_t id8[8], h[32];
    memcpy(pk.b, hexed(rfc8032_cases[0].pk).b, 32);
    uint8_t cose_key[40] = {0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20};
    memcpy(cose_key + 8, pk.b, 32);
    crypto_hash_sha256(h, cose_key, sizeof cose_key);
    ck_ok(tsk_kid_of(&pk, &kid));
    ck_assert_mem_eq(kid.b, h, 32);
    crypto_hash_sha256(h, pk.b, 32);
    ck_ok(tsk_id8_of(&pk, id8));
    ck_assert_mem_eq(id8, h, 8);
    struct tsk_signer_key *k = signer_of(rfc8032_cases[0].seed);
    struct tsk_verifier *v;
    ck_ok(tsk_verifier_new(&pk, &v));
    ck_assert_mem_eq(tsk_signer_kid(k)->b, kid.b, 32);
    ck_assert_mem_eq(tsk_verifier_kid(v)->b, kid.b, 32);
    tsk_verifier_free(v);
    tsk_signer_free(k);
}
END_TEST

/* Objects are shared by threads without a lock (run under TSan too). */
struct shared { struct tsk_signer_key *k; struct tsk_verifier *v; };

static void *sign_and_verify(void *arg)
{
    struct shared *s = arg;
    for (uint8_t i = 0; i < 50; i++) {
        uint8_t sig[64];
        if (tsk_sign_raw(s->k, (struct tsk_slice){&i, 1}, sig) != TSK_OK ||
            tsk_verify_raw(s->v, (struct tsk_slice){&i, 1}, sig) != TSK_OK)
            return arg;
    }
    return NULL;
}

START_TEST(threads_share_keys)
{
    struct shared s = {.k = signer_of(rfc8032_cases[0].seed)};
    ck_ok(tsk_verifier_new(tsk_signer_pk(s.k), &s.v));
    pthread_t t[4];
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, sign_and_verify, &s), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        pthread_join(t[i], &failed);
        ck_assert_ptr_null(failed);
    }
    tsk_verifier_free(s.v);
    tsk_signer_free(s.k);
}
END_TEST

static TCase *raw(void)
{
    TCase *tc = crypto_case("raw");
    tcase_add_loop_test(tc, rfc8032, 0, CASES);
    tcase_add_loop_test(tc, every_flip_is_refused, 0, CASES);
    tcase_add_test(tc, another_key_is_refused);
    tcase_add_test(tc, malleated_s_is_refused);
    tcase_add_test(tc, names_of_keys);
    tcase_add_test(tc, threads_share_keys);
    return tc;
}

static TCase *admission(void)
{
    TCase *tc = crypto_case("admission");
    tcase_add_loop_test(tc, small_order_is_not_admitted, 0, (int)(sizeof bad_points / sizeof *bad_points));
    tcase_add_loop_test(tc, mixed_order_is_not_admitted, 0, 8);
    tcase_add_test(tc, admits_exactly_the_main_subgroup);
    return tc;
}

TSK_TEST_MAIN("sign", raw, admission)
