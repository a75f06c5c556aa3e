#include "crypto/sign.h"

#include <sodium.h>
#include <string.h>

#include "crypto/algs.h"
#include "crypto/hash.h"

#define TSK_CONTEXT(name, label, why)                                                                                  \
    const struct tsk_slice TSK_CTX_##name = {(const uint8_t *)label, sizeof(label) - 1};
#include "crypto/contexts.def"
#undef TSK_CONTEXT

/* `ready` is initialised once and copied for each call: that costs 0.1 us against 2 for a new one, works alike on every
 * OpenSSL (3.5 refuses a second signature on one context), and lets threads share a key. */
struct tsk_signer_key {
    EVP_MD_CTX *ready;
    struct tsk_pk pk;
    struct tsk_kid kid;
};

struct tsk_verifier {
    EVP_MD_CTX *ready;
    struct tsk_kid kid;
};

/* ---- which public keys are let in ---- */

/* L - 1, little-endian, L being the order of the main subgroup. */
static const uint8_t ed25519_order_less_1[32] = {
    0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10,
};

/* (L - 1) P = -P holds for points of order L and for the identity; -P is P with the other sign bit, which for the
 * identity is no point. So one equation says all: canonical (the product is), in the main subgroup, not of small order.
 * libsodium's own test of the subgroup let a point with a component of order 2 pass for years (CVE-2025-69277). */
enum tsk_err tsk_ed25519_admit(const struct tsk_pk *pk)
{
    uint8_t product[32], minus[32];
    memcpy(minus, pk->b, sizeof minus);
    minus[31] ^= 0x80;
    if (crypto_scalarmult_ed25519_noclamp(product, ed25519_order_less_1, pk->b) != 0)
        return TSK_E_UNKNOWNPEER;
    return memcmp(product, minus, sizeof minus) == 0 ? TSK_OK : TSK_E_UNKNOWNPEER;
}

/* The u-coordinates below p that the clamped scalar maps to 0, on the curve and on its twist: 0, 1, p - 1 and the two
 * of order 8 (their other encodings are not canonical). */
static const uint8_t x25519_low_order[][32] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
     0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
     0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

/* Below p = 2^255 - 19: of the numbers with 255 bits only those from p on end in 0x7f, 30 times 0xff, and >= 0xed. */
static bool below_p(const uint8_t u[32])
{
    if (u[31] != 0x7f || u[0] < 0xed)
        return u[31] <= 0x7f;
    for (size_t i = 1; i < 31; i++)
        if (u[i] != 0xff)
            return true;
    return false;
}

enum tsk_err tsk_x25519_admit(const struct tsk_pk *pk)
{
    if (!below_p(pk->b))
        return TSK_E_UNKNOWNPEER;
    for (size_t i = 0; i < sizeof x25519_low_order / sizeof *x25519_low_order; i++)
        if (memcmp(pk->b, x25519_low_order[i], 32) == 0)
            return TSK_E_UNKNOWNPEER;
    return TSK_OK;
}

/* ---- names of keys and networks ---- */
enum tsk_err tsk_kid_of(const struct tsk_pk *pk, struct tsk_kid *ret_kid)
{
    uint8_t cose_key[40];
    tsk_cose_key(pk, cose_key);
    return tsk_sha256(&TSK_SLICE(cose_key), 1, ret_kid->b);
}

enum tsk_err tsk_id8_of(const struct tsk_pk *pk, uint8_t ret_id8[8])
{
    uint8_t h[32];
    TSK_TRY(tsk_sha256(&TSK_SLICE(pk->b), 1, h));
    memcpy(ret_id8, h, 8);
    return TSK_OK;
}

enum tsk_err tsk_net_of(struct tsk_slice genesis_payload, struct tsk_id16 *ret_net)
{
    const struct tsk_slice parts[] = {TSK_CTX_NET, genesis_payload};
    uint8_t h[32];
    TSK_TRY(tsk_sha256(parts, 2, h));
    memcpy(ret_net->b, h, sizeof ret_net->b);
    return TSK_OK;
}

/* ---- raw signatures ---- */
static void signer_drop(struct tsk_signer_key **k)
{
    tsk_signer_free(*k);
}

void tsk_signer_free(struct tsk_signer_key *k)
{
    if (k == NULL)
        return;
    EVP_MD_CTX_free(k->ready);
    free(k);
}

enum tsk_err tsk_signer_new(const uint8_t seed[32], struct tsk_signer_key **ret_key)
{
    TSK_WIPED(signer_drop) struct tsk_signer_key *k = calloc(1, sizeof *k);
    if (k == NULL)
        return TSK_E_NOMEM;
    size_t pk_n = sizeof k->pk.b;
    TSK_OWNS(EVP_PKEY) EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, 32);
    k->ready = EVP_MD_CTX_new();
    if (pkey == NULL || k->ready == NULL || EVP_PKEY_get_raw_public_key(pkey, k->pk.b, &pk_n) != 1 ||
        EVP_DigestSignInit_ex(k->ready, NULL, NULL, NULL, NULL, pkey, NULL) != 1)
        return TSK_E_CRYPTO;
    TSK_TRY(tsk_kid_of(&k->pk, &k->kid));
    *ret_key = k;
    k = NULL;
    return TSK_OK;
}

const struct tsk_pk *tsk_signer_pk(const struct tsk_signer_key *k)
{
    return &k->pk;
}

const struct tsk_kid *tsk_signer_kid(const struct tsk_signer_key *k)
{
    return &k->kid;
}

enum tsk_err tsk_sign_raw(struct tsk_signer_key *k, struct tsk_slice msg, uint8_t ret_sig[64])
{
    size_t n = 64;
    TSK_OWNS(EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_MD_CTX_copy_ex(ctx, k->ready) != 1 || EVP_DigestSign(ctx, ret_sig, &n, msg.p, msg.n) != 1)
        return TSK_E_CRYPTO;
    return n == 64 ? TSK_OK : TSK_E_CRYPTO;
}

void tsk_verifier_drop(struct tsk_verifier **v)
{
    tsk_verifier_free(*v);
}

void tsk_verifier_free(struct tsk_verifier *v)
{
    if (v == NULL)
        return;
    EVP_MD_CTX_free(v->ready);
    free(v);
}

enum tsk_err tsk_verifier_new(const struct tsk_pk *pk, struct tsk_verifier **ret_v)
{
    TSK_TRY(tsk_ed25519_admit(pk));
    return tsk_verifier_again(pk, ret_v);
}

enum tsk_err tsk_verifier_again(const struct tsk_pk *pk, struct tsk_verifier **ret_v)
{
    TSK_VERIFIER *v = calloc(1, sizeof *v);
    if (v == NULL)
        return TSK_E_NOMEM;
    TSK_OWNS(EVP_PKEY) EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, pk->b, 32);
    v->ready = EVP_MD_CTX_new();
    if (pkey == NULL || v->ready == NULL || EVP_DigestVerifyInit_ex(v->ready, NULL, NULL, NULL, NULL, pkey, NULL) != 1)
        return TSK_E_CRYPTO;
    TSK_TRY(tsk_kid_of(pk, &v->kid));
    *ret_v = v;
    v = NULL;
    return TSK_OK;
}

const struct tsk_kid *tsk_verifier_kid(const struct tsk_verifier *v)
{
    return &v->kid;
}

enum tsk_err tsk_verify_raw(struct tsk_verifier *v, struct tsk_slice msg, const uint8_t sig[64])
{
    TSK_OWNS(EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_MD_CTX_copy_ex(ctx, v->ready) != 1)
        return TSK_E_CRYPTO;
    return EVP_DigestVerify(ctx, sig, 64, msg.p, msg.n) == 1 ? TSK_OK : TSK_E_BADSIG;
}

enum tsk_err tsk_verify_once(const struct tsk_pk *pk, struct tsk_slice msg, const uint8_t sig[64])
{
    TSK_VERIFIER *v = NULL;
    TSK_TRY(tsk_verifier_new(pk, &v));
    return tsk_verify_raw(v, msg, sig);
}
