/* algs.h - private to crypto/: the OpenSSL algorithms, fetched once, and the composable forms of the public calls.
 *
 * Fetching per call costs as much as hashing a short message. What is fetched is immutable afterwards and shared by all
 * threads; every call makes its own context (a copy of a prepared one where that is cheaper), so nothing here locks. */
#ifndef TSK_CRYPTO_ALGS_H
#define TSK_CRYPTO_ALGS_H

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdlib.h>

#include "crypto/hpke.h"

struct tsk_algs {
    EVP_MD *sha256;
    EVP_MAC_CTX *hmac;    /* HMAC-SHA256, without a key yet: copied by each call */
    EVP_KDF *scrypt;
    EVP_CIPHER *aead[4];  /* by enum tsk_aead; [0] is not used */
};

/* Initialises if nobody did. Aborts if that fails: whoever checked tsk_crypto_init() never sees it. */
const struct tsk_algs *tsk_algs(void);

/* HMAC and HKDF over pieces, so that labels and contexts need no buffer: at most TSK_HMAC_PARTS of them, two fewer as
 * info. TSK_E_BUG for more. */
#define TSK_HMAC_PARTS 8
TSK_MUST_USE enum tsk_err tsk_hmac_parts(struct tsk_slice key, const struct tsk_slice *parts, size_t parts_n,
                                         uint8_t ret_mac[32]);
TSK_MUST_USE enum tsk_err tsk_hkdf_expand_parts(const uint8_t prk[32], const struct tsk_slice *info, size_t info_n,
                                                uint8_t *ret_okm, size_t ret_n);

/* tsk_gcm_seal() and tsk_gcm_open() for each AEAD of HPKE. `key` has the AEAD's length, 16 or 32 bytes. */
TSK_MUST_USE enum tsk_err tsk_aead_seal(enum tsk_aead aead, const uint8_t *key, const uint8_t nonce[12],
                                        struct tsk_slice aad, struct tsk_slice pt, uint8_t *ret_ct);
TSK_MUST_USE enum tsk_err tsk_aead_open(enum tsk_aead aead, const uint8_t *key, const uint8_t nonce[12],
                                        struct tsk_slice aad, struct tsk_slice ct, uint8_t *ret_pt);

/* A label of contexts.def and other text as bytes. */
#define TSK_STR(literal) ((struct tsk_slice){(const uint8_t *)(literal), sizeof(literal) - 1})

/* `TSK_OWNS(EVP_PKEY) EVP_PKEY *k = ...;` frees at the end of the block. */
#define TSK_OWNS(type) TSK_WIPED(tsk_##type##_drop)
#define TSK_DROP(type, free_fn)                        \
    static inline void tsk_##type##_drop(type **p)     \
    {                                                  \
        free_fn(*p);                                   \
    }
TSK_DROP(EVP_MD_CTX, EVP_MD_CTX_free)
TSK_DROP(EVP_MAC_CTX, EVP_MAC_CTX_free)
TSK_DROP(EVP_KDF_CTX, EVP_KDF_CTX_free)
TSK_DROP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
TSK_DROP(EVP_PKEY, EVP_PKEY_free)
TSK_DROP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
static inline void tsk_heap_drop(uint8_t **p)
{
    free(*p);
}

#endif
