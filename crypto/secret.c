#include "crypto/secret.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "crypto/algs.h"

#define SECURE_HEAP (1024 * 1024) /* bytes: a node's keys take 4 KiB, a card's 32 holders 4 KiB more */
#define SECURE_MIN 32

static struct tsk_algs algs;
static enum tsk_err init_result;
static pthread_once_t init_once = PTHREAD_ONCE_INIT;

void tsk_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

void tsk_key32_wipe(struct tsk_key32 *k)
{
    OPENSSL_cleanse(k->b, sizeof k->b);
}

bool tsk_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void *tsk_secure_alloc(size_t n)
{
    void *p = OPENSSL_secure_zalloc(n);
    if (p != NULL && !CRYPTO_secure_allocated(p)) { /* without its heap OpenSSL falls back to malloc */
        OPENSSL_free(p);
        return NULL;
    }
    return p;
}

void tsk_secure_free(void *p, size_t n)
{
    if (p != NULL)
        OPENSSL_secure_clear_free(p, n);
}

/* Both ways: the limit alone does not stop a core that the kernel pipes to a program. */
static bool forbid_cores(void)
{
    const struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

static EVP_MAC_CTX *prepare_hmac(void)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* the context holds its own reference */
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

static bool fetch_all(void)
{
    algs.hmac = prepare_hmac();
    algs.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algs.scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    algs.aead[TSK_AEAD_AES128GCM] = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    algs.aead[TSK_AEAD_AES256GCM] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    algs.aead[TSK_AEAD_CHACHA20POLY1305] = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    return algs.sha256 != NULL && algs.hmac != NULL && algs.scrypt != NULL && algs.aead[1] != NULL &&
           algs.aead[2] != NULL && algs.aead[3] != NULL;
}

/* The heap's first call answers 2 where memory cannot be locked (a small limit, a container): still apart and wiped. */
static void init(void)
{
    bool heap = CRYPTO_secure_malloc_initialized() || CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN) != 0;
    init_result = heap && forbid_cores() && sodium_init() >= 0 && fetch_all() ? TSK_OK : TSK_E_CRYPTO;
}

enum tsk_err tsk_crypto_init(void)
{
    if (pthread_once(&init_once, init) != 0)
        return TSK_E_CRYPTO;
    return init_result;
}

const struct tsk_algs *tsk_algs(void)
{
    if (tsk_crypto_init() != TSK_OK)
        abort();
    return &algs;
}
