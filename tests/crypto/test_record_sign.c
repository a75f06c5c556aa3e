#include <sodium.h>

#include "crypto/hash.h"
#include "crypto/sign.h"
#include "tests/crypto/crypto_test.h"

static const struct tsk_id16 net = {{'n', 'e', 't'}};
static const struct tsk_id16 other_net = {{'N', 'e', 't'}};

static struct tsk_signer_key *signer_n(uint8_t n)
{
    uint8_t seed[32] = {n, 0x5e};
    struct tsk_signer_key *k;
    ck_ok(tsk_signer_new(seed, &k));
    return k;
}

static struct tsk_verifier *verifier_of(const struct tsk_signer_key *k)
{
    struct tsk_verifier *v;
    ck_ok(tsk_verifier_new(tsk_signer_pk(k), &v));
    return v;
}

/* A signed example, everything needed to verify it, and its bytes in `buf`. */
struct example {
    struct tsk_signer_key *key;
    struct tsk_verifier *v;
    uint8_t buf[2048];
    struct tsk_slice bytes;
    struct tsk_id32 id;
};

static void example_init(struct example *x)
{
    struct tsk_put put = {.id = {{1}}, .time = 1800000000, .post = {{2}}, .parcel_hash = {3}, .to = {{4}}};
    x->key = signer_n(1);
    x->v = verifier_of(x->key);
    ck_ok(tsk_record_sign(TSK_REC_PUT, &put, x->key, &net, x->buf, sizeof x->buf, &x->bytes, &x->id));
}

static void example_free(struct example *x)
{
    tsk_verifier_free(x->v);
    tsk_signer_free(x->key);
}

static enum tsk_err check(struct tsk_slice bytes, struct tsk_verifier *v, const struct tsk_id16 *n)
{
    struct tsk_envelope env;
    TSK_TRY(tsk_cose_parse(bytes, &env));
    return tsk_record_verify(&env, v, n);
}

START_TEST(signs_and_verifies)
{
    struct example x;
    example_init(&x);
    struct tsk_envelope env;
    struct tsk_id32 id;
    struct tsk_put put;
    ck_ok(tsk_cose_parse((struct tsk_slice){x.buf, x.bytes.n}, &env));
    ck_assert_int_eq(env.rec, TSK_REC_PUT);
    ck_assert_mem_eq(env.kid.b, tsk_signer_kid(x.key)->b, 32);
    ck_ok(tsk_record_verify(&env, x.v, &net));
    ck_ok(tsk_record_id(&env, &net, &id));
    ck_assert_mem_eq(id.b, x.id.b, 32);
    ck_ok(tsk_rec_decode(TSK_REC_PUT, env.payload, &put));
    ck_assert_uint_eq(put.time, 1800000000);
    example_free(&x);
}
END_TEST

START_TEST(every_bit_of_the_envelope_counts)
{
    struct example x;
    example_init(&x);
    for (size_t bit = 0; bit < x.bytes.n * 8; bit++) {
        x.buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_msg(check((struct tsk_slice){x.buf, x.bytes.n}, x.v, &net) != TSK_OK, "bit %zu", bit);
        x.buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < x.bytes.n; n++)
        ck_assert(check((struct tsk_slice){x.buf, n}, x.v, &net) != TSK_OK);
    ck_assert(check((struct tsk_slice){x.buf, x.bytes.n + 1}, x.v, &net) != TSK_OK);
    ck_ok(check((struct tsk_slice){x.buf, x.bytes.n}, x.v, &net));
    example_free(&x);
}
END_TEST

START_TEST(wrong_network_or_signer)
{
    struct example x;
    example_init(&x);
    struct tsk_signer_key *k2 = signer_n(2);
    struct tsk_verifier *v2 = verifier_of(k2);
    struct tsk_envelope env;
    struct tsk_id32 id;
    ck_err(check(x.bytes, x.v, &other_net), TSK_E_BADSIG);
    ck_err(check(x.bytes, v2, &net), TSK_E_UNKNOWNPEER);
    ck_ok(tsk_cose_parse(x.bytes, &env));
    ck_ok(tsk_record_id(&env, &other_net, &id));
    ck_assert_mem_ne(id.b, x.id.b, 32); /* ids of two networks never meet */
    env.kid = *tsk_signer_kid(k2);      /* a record passed off as another's */
    ck_err(tsk_record_verify(&env, v2, &net), TSK_E_BADSIG);
    tsk_verifier_free(v2);
    tsk_signer_free(k2);
    example_free(&x);
}
END_TEST

START_TEST(another_type_is_another_signature)
{
    struct example x;
    example_init(&x);
    struct tsk_envelope env;
    ck_ok(tsk_cose_parse(x.bytes, &env));
    for (int r = 0; r < TSK_REC_COUNT; r++) {
        if (r == TSK_REC_PUT || tsk_rec_form((enum tsk_rec)r) != TSK_FORM_SIGNED)
            continue;
        env.rec = (enum tsk_rec)r;
        ck_err(tsk_record_verify(&env, x.v, &net), TSK_E_BADSIG);
    }
    example_free(&x);
}
END_TEST

/* Ed25519 with another nonce: as good a signature, which stock signers never make. */
static void sign_again(const uint8_t seed[32], struct tsk_slice msg, const uint8_t pk[32], uint8_t ret_sig[64])
{
    uint8_t h[64], a[32], r[32] = {42}, k[32], ka[32];
    crypto_hash_sha512_state st;
    crypto_hash_sha512(h, seed, 32);
    memcpy(a, h, 32);
    a[0] &= 248;
    a[31] = (uint8_t)((a[31] & 127) | 64);
    crypto_scalarmult_ed25519_base_noclamp(ret_sig, r);
    crypto_hash_sha512_init(&st);
    crypto_hash_sha512_update(&st, ret_sig, 32);
    crypto_hash_sha512_update(&st, pk, 32);
    crypto_hash_sha512_update(&st, msg.p, msg.n);
    crypto_hash_sha512_final(&st, h);
    crypto_core_ed25519_scalar_reduce(k, h);
    crypto_core_ed25519_scalar_mul(ka, k, a);
    crypto_core_ed25519_scalar_add(ret_sig + 32, ka, r);
}

START_TEST(two_signatures_one_id)
{
    struct example x;
    example_init(&x);
    struct tsk_envelope env, env2;
    struct tsk_id32 id2;
    struct tsk_slice tbs, bytes2;
    uint8_t seed[32] = {1, 0x5e}, buf[2048], buf2[2048], sig[64];
    ck_ok(tsk_cose_parse(x.bytes, &env));
    ck_ok(tsk_cose_sig_structure(env.rec, &env.kid, &net, env.payload, buf, sizeof buf, &tbs));
    sign_again(seed, tbs, tsk_signer_pk(x.key)->b, sig);
    ck_assert_mem_ne(sig, env.sig, 64);
    ck_ok(tsk_cose_build(env.rec, &env.kid, env.payload, sig, buf2, sizeof buf2, &bytes2));
    ck_ok(check(bytes2, x.v, &net));
    ck_ok(tsk_cose_parse(bytes2, &env2));
    ck_ok(tsk_record_id(&env2, &net, &id2));
    ck_assert_mem_eq(id2.b, x.id.b, 32);
    example_free(&x);
}
END_TEST

START_TEST(only_signed_rows_and_enough_room)
{
    struct example x;
    example_init(&x);
    struct tsk_put put = {.id = {{1}}, .time = 1800000000};
    struct tsk_slice bytes = {NULL, 77};
    struct tsk_id32 id = {{9}};
    uint8_t buf[2048];
    ck_err(tsk_record_sign(TSK_REC_WRAPS, &put, x.key, &net, buf, sizeof buf, &bytes, &id), TSK_E_BUG);
    ck_err(tsk_record_sign(TSK_REC_ROSTER, &put, x.key, &net, buf, sizeof buf, &bytes, &id), TSK_E_BUG);
    for (size_t cap = 0; cap < x.bytes.n; cap++)
        ck_err(tsk_record_sign(TSK_REC_PUT, &put, x.key, &net, buf, cap, &bytes, &id), TSK_E_LIMIT);
    ck_assert_uint_eq(bytes.n, 77); /* untouched */
    ck_assert_uint_eq(id.b[0], 9);
    example_free(&x);
}
END_TEST

/* ---- the roster ---- */
enum { ROOTS = 3 };
static const uint8_t payload[] = "stands for a roster's payload";

struct roots { struct tsk_signer_key *key[ROOTS]; struct tsk_pk pk[ROOTS]; struct tsk_roster_sig sig[ROOTS]; };

static struct roots roots(void)
{
    struct roots r;
    for (uint8_t i = 0; i < ROOTS; i++) {
        r.key[i] = signer_n((uint8_t)(10 + i));
        r.pk[i] = *tsk_signer_pk(r.key[i]);
        ck_ok(tsk_roster_sign(TSK_SLICE(payload), r.key[i], &r.sig[i]));
        ck_assert_mem_eq(r.sig[i].kid.b, tsk_signer_kid(r.key[i])->b, 32);
    }
    return r;
}

static void roots_free(struct roots *r)
{
    for (size_t i = 0; i < ROOTS; i++)
        tsk_signer_free(r->key[i]);
}

/* Every set of signatures against every threshold: good exactly when there are enough. */
START_TEST(roster_threshold)
{
    struct roots r = roots();
    struct tsk_id32 id, want;
    ck_ok(tsk_roster_id(TSK_SLICE(payload), &want));
    for (unsigned set = 0; set < 1u << ROOTS; set++)
        for (uint64_t threshold = 0; threshold <= ROOTS + 1; threshold++) {
            struct tsk_roster_sig sigs[ROOTS];
            size_t n = 0;
            for (size_t i = 0; i < ROOTS; i++)
                if (set >> i & 1)
                    sigs[n++] = r.sig[i];
            enum tsk_err e = tsk_roster_verify(TSK_SLICE(payload), sigs, n, r.pk, ROOTS, threshold, &id);
            ck_err(e, threshold > 0 && n >= threshold ? TSK_OK : TSK_E_ROSTERROOT);
            if (e == TSK_OK)
                ck_assert_mem_eq(id.b, want.b, 32);
        }
    ck_ok(tsk_roster_verify(TSK_SLICE(payload), r.sig, 1, r.pk, 1, 1, &id));
    roots_free(&r);
}
END_TEST

START_TEST(roster_counts_roots_once)
{
    struct roots r = roots();
    struct tsk_id32 id;
    const struct tsk_roster_sig twice[] = {r.sig[0], r.sig[0]};
    const struct tsk_pk same[] = {r.pk[0], r.pk[0]};
    ck_err(tsk_roster_verify(TSK_SLICE(payload), twice, 2, r.pk, ROOTS, 2, &id), TSK_E_ROSTERROOT);
    ck_err(tsk_roster_verify(TSK_SLICE(payload), twice, 2, same, 2, 2, &id), TSK_E_ROSTERROOT);
    ck_ok(tsk_roster_verify(TSK_SLICE(payload), twice, 2, same, 2, 1, &id));
    roots_free(&r);
}
END_TEST

START_TEST(roster_foreign_root)
{
    struct roots r = roots();
    struct tsk_signer_key *foreign = signer_n(99);
    struct tsk_roster_sig sigs[2] = {r.sig[0]};
    struct tsk_id32 id;
    ck_ok(tsk_roster_sign(TSK_SLICE(payload), foreign, &sigs[1]));
    ck_err(tsk_roster_verify(TSK_SLICE(payload), sigs + 1, 1, r.pk, ROOTS, 1, &id), TSK_E_ROSTERROOT);
    ck_err(tsk_roster_verify(TSK_SLICE(payload), sigs, 2, r.pk, ROOTS, 2, &id), TSK_E_ROSTERROOT);
    sigs[1].kid = r.sig[1].kid; /* claims to be a root */
    ck_err(tsk_roster_verify(TSK_SLICE(payload), sigs, 2, r.pk, ROOTS, 2, &id), TSK_E_ROSTERROOT);
    ck_ok(tsk_roster_verify(TSK_SLICE(payload), sigs, 2, r.pk, ROOTS, 1, &id)); /* nor does it do harm */
    tsk_signer_free(foreign);
    roots_free(&r);
}
END_TEST

START_TEST(roster_flips)
{
    struct roots r = roots();
    struct tsk_id32 id, id2;
    uint8_t copy[sizeof payload];
    memcpy(copy, payload, sizeof copy);
    ck_ok(tsk_roster_id(TSK_SLICE(copy), &id));
    for (size_t bit = 0; bit < sizeof copy * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_err(tsk_roster_verify(TSK_SLICE(copy), r.sig, ROOTS, r.pk, ROOTS, 1, &id2), TSK_E_ROSTERROOT);
        ck_ok(tsk_roster_id(TSK_SLICE(copy), &id2));
        ck_assert_mem_ne(id.b, id2.b, 32);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < sizeof r.sig[0] * 8; bit++) {
        ((uint8_t *)&r.sig[0])[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_err(tsk_roster_verify(TSK_SLICE(payload), r.sig, 1, r.pk, ROOTS, 1, &id2), TSK_E_ROSTERROOT);
        ((uint8_t *)&r.sig[0])[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    roots_free(&r);
}
END_TEST

START_TEST(network_id)
{
    struct tsk_id16 got;
    uint8_t h[32], msg[] = "tasuki/1 netpayload";
    crypto_hash_sha256(h, msg, sizeof msg - 1);
    ck_ok(tsk_net_of(TEXT_SLICE("payload"), &got));
    ck_assert_mem_eq(got.b, h, 16);
}
END_TEST

static TCase *records(void)
{
    TCase *tc = crypto_case("records");
    tcase_add_test(tc, signs_and_verifies);
    tcase_add_test(tc, every_bit_of_the_envelope_counts);
    tcase_add_test(tc, wrong_network_or_signer);
    tcase_add_test(tc, another_type_is_another_signature);
    tcase_add_test(tc, two_signatures_one_id);
    tcase_add_test(tc, only_signed_rows_and_enough_room);
    return tc;
}

static TCase *roster(void)
{
    TCase *tc = crypto_case("roster");
    tcase_add_test(tc, roster_threshold);
    tcase_add_test(tc, roster_counts_roots_once);
    tcase_add_test(tc, roster_foreign_root);
    tcase_add_test(tc, roster_flips);
    tcase_add_test(tc, network_id);
    return tc;
}

TSK_TEST_MAIN("record_sign", records, roster)
