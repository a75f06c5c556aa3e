/* aead.c - authenticated encryption with OpenSSL's three AEADs; tasuki itself uses AES-256-GCM. */
#include <limits.h>

#include "crypto/algs.h"
#include "crypto/hash.h"

enum { TAG = 16 };

/* A context with key and nonce set and the associated data taken in; NULL on a fault. `seal` is EVP's enc flag. */
static EVP_CIPHER_CTX *start(enum tsk_aead aead, const uint8_t *key, const uint8_t *nonce, struct tsk_slice aad,
                             int seal)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    bool ok = ctx != NULL && aad.n <= INT_MAX &&
              EVP_CipherInit_ex2(ctx, tsk_algs()->aead[aead], key, nonce, seal, NULL) == 1 &&
              (aad.n == 0 || EVP_CipherUpdate(ctx, NULL, &n, aad.p, (int)aad.n) == 1);
    if (!ok) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool known(enum tsk_aead aead)
{
    return aead == TSK_AEAD_AES128GCM || aead == TSK_AEAD_AES256GCM || aead == TSK_AEAD_CHACHA20POLY1305;
}

enum tsk_err tsk_aead_seal(enum tsk_aead aead, const uint8_t *key, const uint8_t nonce[12], struct tsk_slice aad,
                           struct tsk_slice pt, uint8_t *ret_ct)
{
    if (!known(aead) || pt.n > INT_MAX - TAG)
        return TSK_E_BUG;
    TSK_OWNS(EVP_CIPHER_CTX) EVP_CIPHER_CTX *ctx = start(aead, key, nonce, aad, 1);
    int n;
    bool ok = ctx != NULL && (pt.n == 0 || EVP_CipherUpdate(ctx, ret_ct, &n, pt.p, (int)pt.n) == 1) &&
              EVP_CipherFinal_ex(ctx, ret_ct + pt.n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, ret_ct + pt.n) == 1;
    return ok ? TSK_OK : TSK_E_CRYPTO;
}

enum tsk_err tsk_aead_open(enum tsk_aead aead, const uint8_t *key, const uint8_t nonce[12], struct tsk_slice aad,
                           struct tsk_slice ct, uint8_t *ret_pt)
{
    if (!known(aead))
        return TSK_E_BUG;
    if (ct.n < TAG || ct.n > INT_MAX)
        return TSK_E_BADSIG;
    size_t pt_n = ct.n - TAG;
    uint8_t none[TAG]; /* GCM writes nothing at the end, but must be given a place to do so */
    TSK_OWNS(EVP_CIPHER_CTX) EVP_CIPHER_CTX *ctx = start(aead, key, nonce, aad, 0);
    int n;
    if (ctx == NULL || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(uintptr_t)(ct.p + pt_n)) != 1)
        return TSK_E_CRYPTO;
    if ((pt_n == 0 || EVP_CipherUpdate(ctx, ret_pt, &n, ct.p, (int)pt_n) == 1) &&
        EVP_CipherFinal_ex(ctx, none, &n) == 1)
        return TSK_OK;
    if (pt_n > 0)
        tsk_wipe(ret_pt, pt_n); /* EVP has written unauthenticated text there */
    return TSK_E_BADSIG;
}

enum tsk_err tsk_gcm_seal(const uint8_t key[32], const uint8_t nonce[12], struct tsk_slice aad, struct tsk_slice pt,
                          uint8_t *ret_ct)
{
    return tsk_aead_seal(TSK_AEAD_AES256GCM, key, nonce, aad, pt, ret_ct);
}

enum tsk_err tsk_gcm_open(const uint8_t key[32], const uint8_t nonce[12], struct tsk_slice aad, struct tsk_slice ct,
                          uint8_t *ret_pt)
{
    return tsk_aead_open(TSK_AEAD_AES256GCM, key, nonce, aad, ct, ret_pt);
}
