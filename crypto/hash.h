/* hash.h - SHA-256 (FIPS 180-4), HMAC, HKDF (RFC 5869) and scrypt (RFC 7914), on OpenSSL EVP with algorithms fetched
 * once. */
#ifndef TSK_CRYPTO_HASH_H
#define TSK_CRYPTO_HASH_H

#include "crypto/secret.h"

/* H over up to any number of pieces, one after another. TSK_E_CRYPTO only on a fault of the library. */
TSK_MUST_USE enum tsk_err tsk_sha256(const struct tsk_slice *parts, size_t parts_n, uint8_t ret_h[32]);

TSK_MUST_USE enum tsk_err tsk_hmac256(struct tsk_slice key, struct tsk_slice msg, uint8_t ret_mac[32]);

/* HKDF extract and expand with SHA-256; `ret_n` <= 255 * 32. An empty salt is 32 zero bytes (RFC 5869 2.2). */
TSK_MUST_USE enum tsk_err tsk_hkdf(struct tsk_slice salt, struct tsk_slice ikm, struct tsk_slice info,
                                   uint8_t *ret_okm, size_t ret_n);
TSK_MUST_USE enum tsk_err tsk_hkdf_extract(struct tsk_slice salt, struct tsk_slice ikm, uint8_t ret_prk[32]);
TSK_MUST_USE enum tsk_err tsk_hkdf_expand(const uint8_t prk[32], struct tsk_slice info, uint8_t *ret_okm, size_t ret_n);

/* EVP_KDF SCRYPT, r = 8, p = 1, maxmem named. N = 2^17 takes 128 MiB: command line and browser only, never the daemon.
 */
TSK_MUST_USE enum tsk_err tsk_scrypt(struct tsk_slice password, struct tsk_slice salt, uint64_t n, uint8_t *ret_key,
                                     size_t ret_n);

/* AES-256-GCM with a 12-byte nonce (NIST SP 800-38D). `ret_ct` takes pt.n + 16 bytes (the tag last); the opened text
 * takes ct.n - 16. In place is allowed (ret == in). Opening a changed text: TSK_E_BADSIG, and the output is wiped. */
TSK_MUST_USE enum tsk_err tsk_gcm_seal(const uint8_t key[32], const uint8_t nonce[12], struct tsk_slice aad,
                                       struct tsk_slice pt, uint8_t *ret_ct);
TSK_MUST_USE enum tsk_err tsk_gcm_open(const uint8_t key[32], const uint8_t nonce[12], struct tsk_slice aad,
                                       struct tsk_slice ct, uint8_t *ret_pt);

/* The same for many texts under one key: its schedule is made once, which for a row of the store costs more than the
 * cipher. The schedule lies in ordinary memory until tsk_gcm_free(), which wipes it: keep one for a transaction, not
 * for a process. Not for two threads at once. */
struct tsk_gcm;
TSK_MUST_USE enum tsk_err tsk_gcm_new(const uint8_t key[32], struct tsk_gcm **ret_g);
void tsk_gcm_free(struct tsk_gcm *g);
TSK_MUST_USE enum tsk_err tsk_gcm_seal_more(struct tsk_gcm *g, const uint8_t nonce[12], struct tsk_slice aad,
                                            struct tsk_slice pt, uint8_t *ret_ct);
TSK_MUST_USE enum tsk_err tsk_gcm_open_more(struct tsk_gcm *g, const uint8_t nonce[12], struct tsk_slice aad,
                                            struct tsk_slice ct, uint8_t *ret_pt);

#endif
