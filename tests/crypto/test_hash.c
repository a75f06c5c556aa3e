#include <sys/wait.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "tests/crypto/crypto_test.h"
#include "tests/vectors/hashes.h"

START_TEST(sha256_examples)
{
    uint8_t h[32];
    struct tsk_slice msg = TEXT_SLICE(sha_cases[_i].msg);
    struct hexed want = hexed(sha_cases[_i].h);
    ck_ok(tsk_sha256(&msg, 1, h));
    ck_assert_mem_eq(h, want.b, 32);
    for (size_t cut = 0; cut <= msg.n; cut++) { /* pieces hash like the whole */
        struct tsk_slice parts[] = {{msg.p, cut}, {msg.p + cut, msg.n - cut}};
        ck_ok(tsk_sha256(parts, 2, h));
        ck_assert_mem_eq(h, want.b, 32);
    }
}
END_TEST

START_TEST(sha256_of_nothing)
{
    uint8_t h[32];
    ck_ok(tsk_sha256(NULL, 0, h));
    ck_assert_mem_eq(h, hexed(sha_cases[0].h).b, 32);
}
END_TEST

START_TEST(hmac_rfc4231)
{
    uint8_t mac[32];
    struct hexed key = hexed(rfc4231_cases[_i].key), msg = hexed(rfc4231_cases[_i].msg);
    ck_ok(tsk_hmac256(HEX_SLICE(key), HEX_SLICE(msg), mac));
    ck_assert_mem_eq(mac, hexed(rfc4231_cases[_i].mac).b, 32);
    for (size_t bit = 0; bit < key.n * 8; bit++) { /* another key, another mac */
        key.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_ok(tsk_hmac256(HEX_SLICE(key), HEX_SLICE(msg), mac));
        ck_assert_mem_ne(mac, hexed(rfc4231_cases[_i].mac).b, 32);
        key.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(hkdf_rfc5869)
{
    const struct hkdf_case *c = &rfc5869_cases[_i];
    struct hexed salt = hexed(c->salt), ikm = hexed(c->ikm), info = hexed(c->info), okm = hexed(c->okm);
    uint8_t prk[32], out[512];
    ck_ok(tsk_hkdf_extract(HEX_SLICE(salt), HEX_SLICE(ikm), prk));
    ck_assert_mem_eq(prk, hexed(c->prk).b, 32);
    for (size_t n = 1; n <= okm.n;
         n++) { /* a shorter output is a prefix of a longer one, and nothing is written past it */
        memset(out, 0xa5, sizeof out);
        ck_ok(tsk_hkdf(HEX_SLICE(salt), HEX_SLICE(ikm), HEX_SLICE(info), out, n));
        ck_assert_mem_eq(out, okm.b, n);
        ck_assert_uint_eq(out[n], 0xa5);
    }
}
END_TEST

START_TEST(hkdf_limit)
{
    static uint8_t out[255 * 32 + 1];
    uint8_t prk[32] = {1};
    ck_ok(tsk_hkdf_expand(prk, TEXT_SLICE("x"), out, sizeof out - 1));
    ck_err(tsk_hkdf_expand(prk, TEXT_SLICE("x"), out, sizeof out), TSK_E_BUG);
}
END_TEST

START_TEST(scrypt_rfc7914)
{
    uint8_t key[64];
    ck_ok(tsk_scrypt(TEXT_SLICE("pleaseletmein"), TEXT_SLICE("SodiumChloride"), 16384, key, sizeof key));
    ck_assert_mem_eq(key, hexed(rfc7914_key).b, 64);
    ck_ok(tsk_scrypt(TEXT_SLICE("pleaseletmeiN"), TEXT_SLICE("SodiumChloride"), 16384, key, sizeof key));
    ck_assert_mem_ne(key, hexed(rfc7914_key).b, 64);
}
END_TEST

START_TEST(scrypt_bounds)
{
    uint8_t key[32];
    ck_ok(tsk_scrypt(TEXT_SLICE("p"), TEXT_SLICE("s"), UINT64_C(1) << 17, key, sizeof key)); /* maxmem suffices */
    ck_err(tsk_scrypt(TEXT_SLICE("p"), TEXT_SLICE("s"), 1000, key, sizeof key), TSK_E_CRYPTO); /* no power of two */
    ck_err(tsk_scrypt(TEXT_SLICE("p"), TEXT_SLICE("s"), UINT64_C(1) << 40, key, sizeof key), TSK_E_LIMIT);
}
END_TEST

static void flip(uint8_t *p, size_t bit)
{
    p[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

START_TEST(gcm_nist)
{
    const struct gcm_case *c = &gcm_cases[_i];
    struct hexed key = hexed(c->key), nonce = hexed(c->nonce), aad = hexed(c->aad), pt = hexed(c->pt),
                 ct = hexed(c->ct);
    uint8_t out[128];
    ck_ok(tsk_gcm_seal(key.b, nonce.b, HEX_SLICE(aad), HEX_SLICE(pt), out));
    ck_assert_mem_eq(out, ct.b, ct.n);
    ck_ok(tsk_gcm_open(key.b, nonce.b, HEX_SLICE(aad), HEX_SLICE(ct), out));
    ck_assert_mem_eq(out, pt.b, pt.n);
    memcpy(out, pt.b, pt.n); /* in place */
    ck_ok(tsk_gcm_seal(key.b, nonce.b, HEX_SLICE(aad), (struct tsk_slice){out, pt.n}, out));
    ck_assert_mem_eq(out, ct.b, ct.n);
    ck_ok(tsk_gcm_open(key.b, nonce.b, HEX_SLICE(aad), (struct tsk_slice){out, ct.n}, out));
    ck_assert_mem_eq(out, pt.b, pt.n);
}
END_TEST

START_TEST(gcm_refuses_every_flip_and_cut)
{
    const struct gcm_case *c = &gcm_cases[_i];
    struct hexed key = hexed(c->key), nonce = hexed(c->nonce), aad = hexed(c->aad), ct = hexed(c->ct),
                 pt = hexed(c->pt);
    struct hexed *inputs[] = {&key, &nonce, &aad, &ct};
    static const uint8_t zeros[128];
    uint8_t out[128];
    for (size_t i = 0; i < 4; i++)
        for (size_t bit = 0; bit < inputs[i]->n * 8; bit++) {
            flip(inputs[i]->b, bit);
            memset(out, 0xa5, sizeof out);
            ck_err(tsk_gcm_open(key.b, nonce.b, HEX_SLICE(aad), HEX_SLICE(ct), out), TSK_E_BADSIG);
            ck_assert_mem_eq(out, zeros, pt.n); /* nothing unauthenticated is left behind */
            flip(inputs[i]->b, bit);
        }
    for (size_t n = 0; n < ct.n; n++)
        ck_err(tsk_gcm_open(key.b, nonce.b, HEX_SLICE(aad), (struct tsk_slice){ct.b, n}, out), TSK_E_BADSIG);
    ck_ok(tsk_gcm_open(key.b, nonce.b, HEX_SLICE(aad), HEX_SLICE(ct), out));
}
END_TEST

START_TEST(secrets)
{
    uint8_t a[32] = {1}, b[32] = {1}, r1[64] = {0}, r2[64] = {0}, zeros[64] = {0};
    ck_assert(tsk_equal(a, b, 32));
    for (size_t bit = 0; bit < 256; bit++) {
        flip(b, bit);
        ck_assert(!tsk_equal(a, b, 32));
        flip(b, bit);
    }
    tsk_random(r1, 64);
    tsk_random(r2, 64);
    ck_assert_mem_ne(r1, r2, 64);
    tsk_wipe(r1, 64);
    ck_assert_mem_eq(r1, zeros, 64);
    uint8_t *s = tsk_secure_alloc(100);
    ck_assert_ptr_nonnull(s);
    tsk_secure_free(s, 100);
    ck_assert_ptr_null(tsk_secure_alloc((size_t)1 << 30)); /* used up: no fall-back to plain memory */
    ck_ok(tsk_crypto_init());
}
END_TEST

/* Short draws come from a page drawn ahead: none twice, not a byte beyond what was asked for, over many pages. */
START_TEST(short_draws)
{
    static uint8_t seen[1000][16];
    for (size_t i = 0; i < 1000; i++) {
        uint8_t guarded[18] = {0};
        size_t n = 12 + i % 5;
        tsk_random(guarded + 1, n);
        ck_assert_uint_eq(guarded[0], 0);
        ck_assert_uint_eq(guarded[n + 1], 0);
        memcpy(seen[i], guarded + 1, 12);
        for (size_t k = 0; k < i; k++)
            ck_assert_mem_ne(seen[k], seen[i], 12);
    }
}
END_TEST

/* A nonce that two processes share would be the worst of faults. */
START_TEST(short_draws_after_fork)
{
    uint8_t mine[16], childs[16];
    int ends[2], status = 0;
    tsk_random(mine, 1); /* there is a page to share now */
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        tsk_random(childs, sizeof childs);
        _exit(write(ends[1], childs, sizeof childs) == sizeof childs ? 0 : 1);
    }
    ck_assert_int_gt(pid, 0);
    tsk_random(mine, sizeof mine);
    ck_assert_int_eq(read(ends[0], childs, sizeof childs), sizeof childs);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_mem_ne(mine, childs, sizeof mine);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static TCase *hashes(void)
{
    TCase *tc = crypto_case("hashes");
    tcase_add_loop_test(tc, sha256_examples, 0, COUNT(sha_cases));
    tcase_add_test(tc, sha256_of_nothing);
    tcase_add_loop_test(tc, hmac_rfc4231, 0, COUNT(rfc4231_cases));
    tcase_add_loop_test(tc, hkdf_rfc5869, 0, COUNT(rfc5869_cases));
    tcase_add_test(tc, hkdf_limit);
    tcase_add_test(tc, scrypt_rfc7914);
    tcase_add_test(tc, scrypt_bounds);
    tcase_add_test(tc, secrets);
    tcase_add_test(tc, short_draws);
    tcase_add_test(tc, short_draws_after_fork);
    return tc;
}

/* One context for all: neither the text before, nor its direction, nor its refusal shows in the next. */
START_TEST(gcm_of_many_texts)
{
    uint8_t key[32] = {1}, nonce[12] = {2}, pt[100], ct[116], want[116], out[100];
    struct tsk_gcm *g = NULL;
    memset(pt, 'p', sizeof pt);
    ck_ok(tsk_gcm_new(key, &g));
    for (size_t n = 0; n <= sizeof pt; n += 7) {
        struct tsk_slice text = {pt, n}, aad = {pt, n % 5 * 9}, sealed = {ct, n + 16};
        nonce[0]++;
        ck_ok(tsk_gcm_seal(key, nonce, aad, text, want));
        ck_ok(tsk_gcm_seal_more(g, nonce, aad, text, ct));
        ck_assert_mem_eq(ct, want, n + 16);
        ck_ok(tsk_gcm_open_more(g, nonce, aad, sealed, out));
        ck_assert_mem_eq(out, pt, n);
        flip(ct, 8 * n);
        memset(out, 0xa5, sizeof out);
        ck_err(tsk_gcm_open_more(g, nonce, aad, sealed, out), TSK_E_BADSIG);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(out[i], 0);
        ck_err(tsk_gcm_open_more(g, nonce, aad, (struct tsk_slice){ct, 15}, out), TSK_E_BADSIG);
    }
    tsk_gcm_free(g);
    tsk_gcm_free(NULL);
}
END_TEST

static TCase *gcm(void)
{
    TCase *tc = crypto_case("gcm");
    tcase_add_loop_test(tc, gcm_nist, 0, COUNT(gcm_cases));
    tcase_add_loop_test(tc, gcm_refuses_every_flip_and_cut, 0, COUNT(gcm_cases));
    tcase_add_test(tc, gcm_of_many_texts);
    return tc;
}

TSK_TEST_MAIN("hash", hashes, gcm)
