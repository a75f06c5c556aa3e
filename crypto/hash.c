#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "crypto/algs.h"

enum tsk_err tsk_sha256(const struct tsk_slice *parts, size_t parts_n, uint8_t ret_h[32])
{
    TSK_OWNS(EVP_MD_CTX) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex2(ctx, tsk_algs()->sha256, NULL) != 1)
        return TSK_E_CRYPTO;
    for (size_t i = 0; i < parts_n; i++)
        if (EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) != 1)
            return TSK_E_CRYPTO;
    return EVP_DigestFinal_ex(ctx, ret_h, NULL) == 1 ? TSK_OK : TSK_E_CRYPTO;
}

/* A copy of the prepared context saves naming the digest anew at every call. An empty key is as many zeros as one likes
 * (RFC 2104), but OpenSSL takes a key of no bytes for "the key from before". */
enum tsk_err tsk_hmac_parts(struct tsk_slice key, const struct tsk_slice *parts, size_t parts_n, uint8_t ret_mac[32])
{
    static const uint8_t zeros[32];
    size_t mac_n;
    if (parts_n > TSK_HMAC_PARTS)
        return TSK_E_BUG;
    if (key.n == 0)
        key = TSK_SLICE(zeros);
    TSK_OWNS(EVP_MAC_CTX) EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(tsk_algs()->hmac);
    if (ctx == NULL || EVP_MAC_init(ctx, key.p, key.n, NULL) != 1)
        return TSK_E_CRYPTO;
    for (size_t i = 0; i < parts_n; i++)
        if (EVP_MAC_update(ctx, parts[i].p, parts[i].n) != 1)
            return TSK_E_CRYPTO;
    return EVP_MAC_final(ctx, ret_mac, &mac_n, 32) == 1 ? TSK_OK : TSK_E_CRYPTO;
}

enum tsk_err tsk_hmac256(struct tsk_slice key, struct tsk_slice msg, uint8_t ret_mac[32])
{
    return tsk_hmac_parts(key, &msg, 1, ret_mac);
}

enum tsk_err tsk_hkdf_extract(struct tsk_slice salt, struct tsk_slice ikm, uint8_t ret_prk[32])
{
    return tsk_hmac_parts(salt, &ikm, 1, ret_prk);
}

enum tsk_err tsk_hkdf_expand_parts(const uint8_t prk[32], const struct tsk_slice *info, size_t info_n,
                                   uint8_t *ret_okm, size_t ret_n)
{
    if (info_n + 2 > TSK_HMAC_PARTS || ret_n > 255 * 32)
        return TSK_E_BUG;
    TSK_KEY32 block = {{0}};
    uint8_t counter = 1;
    struct tsk_slice parts[TSK_HMAC_PARTS] = {{block.b, 0}}; /* T(0) is empty */
    for (size_t i = 0; i < info_n; i++)
        parts[1 + i] = info[i];
    parts[1 + info_n] = (struct tsk_slice){&counter, 1};
    for (size_t done = 0; done < ret_n; done += 32, counter++) {
        TSK_TRY(tsk_hmac_parts((struct tsk_slice){prk, 32}, parts, info_n + 2, block.b));
        memcpy(ret_okm + done, block.b, ret_n - done < 32 ? ret_n - done : 32);
        parts[0].n = 32;
    }
    return TSK_OK;
}

enum tsk_err tsk_hkdf_expand(const uint8_t prk[32], struct tsk_slice info, uint8_t *ret_okm, size_t ret_n)
{
    return tsk_hkdf_expand_parts(prk, &info, 1, ret_okm, ret_n);
}

enum tsk_err tsk_hkdf(struct tsk_slice salt, struct tsk_slice ikm, struct tsk_slice info, uint8_t *ret_okm,
                      size_t ret_n)
{
    TSK_KEY32 prk;
    TSK_TRY(tsk_hkdf_extract(salt, ikm, prk.b));
    return tsk_hkdf_expand(prk.b, info, ret_okm, ret_n);
}

enum tsk_err tsk_scrypt(struct tsk_slice password, struct tsk_slice salt, uint64_t n, uint8_t *ret_key, size_t ret_n)
{
    if (n > UINT64_C(1) << 20)
        return TSK_E_LIMIT;
    uint32_t r = 8, p = 1;
    uint64_t maxmem = 128 * r * (n + p + 2); /* the table of N blocks and what OpenSSL counts around it */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)(uintptr_t)password.p, password.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p, salt.n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &maxmem),
        OSSL_PARAM_construct_end(),
    };
    TSK_OWNS(EVP_KDF_CTX) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(tsk_algs()->scrypt);
    return ctx != NULL && EVP_KDF_derive(ctx, ret_key, ret_n, params) == 1 ? TSK_OK : TSK_E_CRYPTO;
}
