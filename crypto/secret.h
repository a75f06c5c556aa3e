/* secret.h - bytes that must not leak: never passed by value, wiped by their cleanup attribute. Randomness comes in
 * through here too, so that tests can see every place that draws it. */
#ifndef TSK_CRYPTO_SECRET_H
#define TSK_CRYPTO_SECRET_H

#include "schema/bytes.h"

struct tsk_key32 { uint8_t b[32]; };

#define TSK_WIPED(fn) __attribute__((cleanup(fn)))
#define TSK_KEY32 TSK_WIPED(tsk_key32_wipe) struct tsk_key32

void tsk_key32_wipe(struct tsk_key32 *k);
void tsk_wipe(void *p, size_t n);

/* Once a process, before anything else: OpenSSL's secure heap (CRYPTO_secure_malloc_init), no core dumps, algorithms
 * fetched, libsodium ready. Idempotent. TSK_E_CRYPTO. */
TSK_MUST_USE enum tsk_err tsk_crypto_init(void);

/* Long-lived secrets: secure heap. NULL when it is used up. Free wipes. */
void *tsk_secure_alloc(size_t n);
void tsk_secure_free(void *p, size_t n);

/* The system's generator. Aborts the process if it fails: going on without randomness would be worse. */
void tsk_random(void *p, size_t n);

/* Constant time. */
bool tsk_equal(const void *a, const void *b, size_t n);

#endif
