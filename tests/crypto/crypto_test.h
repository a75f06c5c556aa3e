/* crypto_test.h - what the crypto tests share: hex, fixed bytes, and a case that starts with tsk_crypto_init(). */
#ifndef TSK_TESTS_CRYPTO_TEST_H
#define TSK_TESTS_CRYPTO_TEST_H

#include <string.h>

#include "crypto/secret.h"
#include "tests/check.h"

/* Bytes out of hex, with room for the longest vector. */
struct hexed { uint8_t b[512]; size_t n; };

static inline struct hexed hexed(const char *text)
{
    struct hexed h = {.n = strlen(text) / 2};
    ck_assert_uint_le(h.n, sizeof h.b);
    ck_ok(tsk_unhex(text, h.b, h.n));
    return h;
}

#define HEX_SLICE(h) ((struct tsk_slice){(h).b, (h).n})
#define TEXT_SLICE(s) ((struct tsk_slice){(const uint8_t *)(s), strlen(s)})

static inline void crypto_setup(void)
{
    ck_ok(tsk_crypto_init());
}

static inline TCase *crypto_case(const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_add_checked_fixture(tc, crypto_setup, NULL);
    tcase_set_timeout(tc, 300);
    return tc;
}

#endif
