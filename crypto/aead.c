/* aead.c - authenticated encryption with OpenSSL's three AEADs; tasuki itself uses AES-256-GCM. */
#include <limits.h>

#include "crypto/algs.h"
#include "crypto/hash.h"

enum { TAG = 16 };

static bool known(enum tsk_aead aead)
{
    return aead == TSK_AEAD_AES128GCM || aead == TSK_AEAD_AES256GCM || aead == TSK_AEAD_CHACHA20POLY1305;
}

/* `cipher` and `key` NULL: those that the context has. */
static bool sealed(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *nonce,
                   struct tsk_slice aad, struct tsk_slice pt, uint8_t *ret_ct)
{
    int n;
    return aad.n <= INT_MAX && EVP_CipherInit_ex2(ctx, cipher, key, nonce, 1, NULL) == 1 &&
           (aad.n == 0 || EVP_CipherUpdate(ctx, NULL, &n, aad.p, (int)aad.n) == 1) &&
           (pt.n == 0 || EVP_CipherUpdate(ctx, ret_ct, &n, pt.p, (int)pt.n) == 1) &&
           EVP_CipherFinal_ex(ctx, ret_ct + pt.n, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, ret_ct + pt.n) == 1;
}

static enum tsk_err opened(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *nonce,
                           struct tsk_slice aad, struct tsk_slice ct, uint8_t *ret_pt)
{
    size_t pt_n = ct.n - TAG;
    uint8_t none[TAG]; /* GCM writes nothing at the end, but must be given a place to do so */
    int n;
    if (aad.n > INT_MAX || EVP_CipherInit_ex2(ctx, cipher, key, nonce, 0, NULL) != 1 ||
        (aad.n > 0 && EVP_CipherUpdate(ctx, NULL, &n, aad.p, (int)aad.n) != 1) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(uintptr_t)(ct.p + pt_n)) != 1)
        return TSK_E_CRYPTO;
    if ((pt_n == 0 || EVP_CipherUpdate(ctx, ret_pt, &n, ct.p, (int)pt_n) == 1) &&
        EVP_CipherFinal_ex(ctx, none, &n) == 1)
        return TSK_OK;
    if (pt_n > 0)
        tsk_wipe(ret_pt, pt_n); /* EVP has written unauthenticated text there */
    return TSK_E_BADSIG;
}

enum tsk_err tsk_aead_seal(enum tsk_aead aead, const uint8_t *key, const uint8_t nonce[12], struct tsk_slice aad,
                           struct tsk_slice pt, uint8_t *ret_ct)
{
    if (!known(aead) || pt.n > INT_MAX - TAG)
        return TSK_E_BUG;
    TSK_OWNS(EVP_CIPHER_CTX) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    return ctx != NULL && sealed(ctx, tsk_algs()->aead[aead], key, nonce, aad, pt, ret_ct) ? TSK_OK : TSK_E_CRYPTO;
}

enum tsk_err tsk_aead_open(enum tsk_aead aead, const uint8_t *key, const uint8_t nonce[12], struct tsk_slice aad,
                           struct tsk_slice ct, uint8_t *ret_pt)
{
    if (!known(aead))
        return TSK_E_BUG;
    if (ct.n < TAG || ct.n > INT_MAX)
        return TSK_E_BADSIG;
    TSK_OWNS(EVP_CIPHER_CTX) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    return ctx == NULL ? TSK_E_CRYPTO : opened(ctx, tsk_algs()->aead[aead], key, nonce, aad, ct, ret_pt);
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

/* ---- many texts under one key ---- */
struct tsk_gcm { EVP_CIPHER_CTX *ctx; };

void tsk_gcm_free(struct tsk_gcm *g)
{
    if (g == NULL)
        return;
    EVP_CIPHER_CTX_free(g->ctx); /* OpenSSL wipes what it frees of a cipher */
    free(g);
}

static void gcm_drop(struct tsk_gcm **g)
{
    tsk_gcm_free(*g);
}

enum tsk_err tsk_gcm_new(const uint8_t key[32], struct tsk_gcm **ret_g)
{
    TSK_WIPED(gcm_drop) struct tsk_gcm *g = calloc(1, sizeof *g);
    if (g == NULL)
        return TSK_E_NOMEM;
    g->ctx = EVP_CIPHER_CTX_new();
    if (g->ctx == NULL || EVP_CipherInit_ex2(g->ctx, tsk_algs()->aead[TSK_AEAD_AES256GCM], key, NULL, 1, NULL) != 1)
        return TSK_E_CRYPTO;
    *ret_g = g;
    g = NULL;
    return TSK_OK;
}

enum tsk_err tsk_gcm_seal_more(struct tsk_gcm *g, const uint8_t nonce[12], struct tsk_slice aad, struct tsk_slice pt,
                               uint8_t *ret_ct)
{
    if (pt.n > INT_MAX - TAG)
        return TSK_E_BUG;
    return sealed(g->ctx, NULL, NULL, nonce, aad, pt, ret_ct) ? TSK_OK : TSK_E_CRYPTO;
}

enum tsk_err tsk_gcm_open_more(struct tsk_gcm *g, const uint8_t nonce[12], struct tsk_slice aad, struct tsk_slice ct,
                               uint8_t *ret_pt)
{
    if (ct.n < TAG || ct.n > INT_MAX)
        return TSK_E_BADSIG;
    return opened(g->ctx, NULL, NULL, nonce, aad, ct, ret_pt);
}
