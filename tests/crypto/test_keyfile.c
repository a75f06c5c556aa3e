#include <openssl/crypto.h>

#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/keyfile.h"
#include "tests/crypto/crypto_test.h"

static const uint8_t unlock[32] = {1, 2, 3, [31] = 4}; /* HMAC does not see zeros at the end of a key */

static struct tsk_node_keys *keys(uint64_t year)
{
    struct tsk_node_keys *k;
    ck_ok(tsk_node_keys_new(year, &k));
    return k;
}

START_TEST(new_keys)
{
    struct tsk_node_keys *a = keys(2026), *b = keys(2026);
    ck_assert_int_eq(CRYPTO_secure_allocated(a), 1);
    ck_assert_mem_ne(a->sign_seed.b, b->sign_seed.b, 32);
    ck_assert_mem_ne(a->store.b, b->store.b, 32);
    ck_assert_mem_ne(a->staff.b, b->staff.b, 32);
    ck_assert_mem_ne(a->store.b, a->staff.b, 32);
    ck_assert_uint_eq(a->seal_n, 1);
    ck_assert_uint_eq(a->seal[0].year, 2026);
    struct tsk_kem_key *kem;
    uint8_t id8[8];
    ck_ok(tsk_kem_new(a->seal[0].sk.b, &kem));
    ck_assert_mem_eq(tsk_kem_pk(kem)->b, a->seal[0].pk.b, 32);
    ck_ok(tsk_id8_of(&a->seal[0].pk, id8));
    ck_assert_mem_eq(id8, a->seal[0].id8, 8);
    ck_assert_uint_gt(a->tls_key_n, 100);
    tsk_kem_free(kem);
    tsk_node_keys_free(a);
    tsk_node_keys_free(b);
    tsk_node_keys_free(NULL);
}
END_TEST

START_TEST(further_years)
{
    struct tsk_node_keys *k = keys(2026);
    for (uint64_t y = 2027; k->seal_n < TSK_SEAL_KEYS_MAX; y++)
        ck_ok(tsk_node_keys_add_seal(k, y));
    ck_err(tsk_node_keys_add_seal(k, 2040), TSK_E_LIMIT);
    ck_assert_uint_eq(k->seal[1].year, 2027);
    ck_assert_mem_ne(k->seal[0].sk.b, k->seal[1].sk.b, 32);
    tsk_node_keys_free(k);
}
END_TEST

START_TEST(file_there_and_back)
{
    struct tsk_node_keys *k = keys(2026), *back;
    struct tsk_slice a, b;
    uint8_t buf[TSK_KEYFILE_CAP], buf2[TSK_KEYFILE_CAP];
    while (k->seal_n < TSK_SEAL_KEYS_MAX)
        ck_ok(tsk_node_keys_add_seal(k, 2026 + k->seal_n));
    ck_ok(tsk_keyfile_seal(k, TSK_SLICE(unlock), buf, sizeof buf, &a));
    ck_ok(tsk_keyfile_seal(k, TSK_SLICE(unlock), buf2, sizeof buf2, &b));
    ck_assert(!tsk_slice_eq(a, b)); /* fresh salt and nonce */
    ck_ok(tsk_keyfile_open(a, TSK_SLICE(unlock), &back));
    ck_assert_int_eq(CRYPTO_secure_allocated(back), 1);
    ck_assert_mem_eq(k->sign_seed.b, back->sign_seed.b, 32);
    ck_assert_mem_eq(k->store.b, back->store.b, 32);
    ck_assert_mem_eq(k->staff.b, back->staff.b, 32);
    ck_assert_uint_eq(back->seal_n, TSK_SEAL_KEYS_MAX);
    for (size_t i = 0; i < back->seal_n; i++) {
        ck_assert_uint_eq(k->seal[i].year, back->seal[i].year);
        ck_assert_mem_eq(k->seal[i].sk.b, back->seal[i].sk.b, 32);
        ck_assert_mem_eq(k->seal[i].pk.b, back->seal[i].pk.b, 32);
        ck_assert_mem_eq(k->seal[i].id8, back->seal[i].id8, 8);
    }
    ck_assert_uint_eq(k->tls_key_n, back->tls_key_n);
    ck_assert_mem_eq(k->tls_key, back->tls_key, k->tls_key_n);
    tsk_node_keys_free(k);
    tsk_node_keys_free(back);
}
END_TEST

START_TEST(nothing_shows_in_the_file)
{
    struct tsk_node_keys *k = keys(2026);
    struct tsk_slice f;
    uint8_t buf[TSK_KEYFILE_CAP];
    ck_ok(tsk_keyfile_seal(k, TSK_SLICE(unlock), buf, sizeof buf, &f));
    ck_assert_mem_eq(f.p, "TSKKEY1\n", 8);
    const uint8_t *secrets[] = {k->sign_seed.b, k->store.b, k->staff.b, k->seal[0].sk.b, k->tls_key};
    for (size_t i = 0; i < 5; i++)
        for (size_t at = 0; at + 8 <= f.n; at++)
            ck_assert_mem_ne(f.p + at, secrets[i], 8);
    tsk_node_keys_free(k);
}
END_TEST

/* scrypt takes 0.1 s a time: one bit of every part of the file here, every bit of the sealed part in test_hash. */
START_TEST(changed_files_are_refused)
{
    struct tsk_node_keys *k = keys(2026), *back = NULL;
    struct tsk_slice f;
    uint8_t buf[TSK_KEYFILE_CAP], wrong[32] = {1, 2, 4};
    ck_ok(tsk_keyfile_seal(k, TSK_SLICE(unlock), buf, sizeof buf, &f));
    const size_t at[] = {0, 7, 8, 23, 24, 35, 36, 60, f.n - 17, f.n - 16, f.n - 1};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        buf[at[i]] ^= 0x10;
        ck_err(tsk_keyfile_open(f, TSK_SLICE(unlock), &back), TSK_E_KEYS);
        buf[at[i]] ^= 0x10;
    }
    ck_err(tsk_keyfile_open(f, TSK_SLICE(wrong), &back), TSK_E_KEYS);
    ck_err(tsk_keyfile_open(f, (struct tsk_slice){unlock, 31}, &back), TSK_E_KEYS);
    const size_t cut[] = {0, 1, 8, 36, 51, 52, f.n - 1};
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
        ck_err(tsk_keyfile_open((struct tsk_slice){buf, cut[i]}, TSK_SLICE(unlock), &back), TSK_E_KEYS);
    static uint8_t big[2 * TSK_KEYFILE_CAP] = "TSKKEY1\n";
    ck_err(tsk_keyfile_open(TSK_SLICE(big), TSK_SLICE(unlock), &back), TSK_E_KEYS);
    ck_assert_ptr_null(back);
    tsk_node_keys_free(k);
}
END_TEST

/* A file that opens but holds something else (written by another program with the same secret). */
START_TEST(strange_content_is_refused)
{
    static const struct {
        const char *hex;
    } bodies[] = {{"a0"}, {"00"}, {"a5"}, {"ff"}, {"a10100"}, {"a501000200030004800540"}};
    uint8_t file[256], salt[32] = "tasuki/1 keyfile", key[32];
    memcpy(file, "TSKKEY1\n", 8);
    memset(file + 8, 0x33, 28);
    memset(salt + 16, 0x33, 16);
    ck_ok(tsk_scrypt(TSK_SLICE(unlock), TSK_SLICE(salt), 1 << 15, key, 32));
    struct tsk_node_keys *back = NULL;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct hexed body = hexed(bodies[i].hex);
        ck_ok(tsk_gcm_seal(key, file + 24, (struct tsk_slice){file, 36}, HEX_SLICE(body), file + 36));
        ck_err(tsk_keyfile_open((struct tsk_slice){file, 36 + body.n + 16}, TSK_SLICE(unlock), &back), TSK_E_KEYS);
    }
    ck_assert_ptr_null(back);
}
END_TEST

START_TEST(too_little_room)
{
    struct tsk_node_keys *k = keys(2026);
    struct tsk_slice f = {NULL, 7};
    uint8_t buf[TSK_KEYFILE_CAP];
    ck_err(tsk_keyfile_seal(k, TSK_SLICE(unlock), buf, 100, &f), TSK_E_LIMIT);
    ck_assert_uint_eq(f.n, 7);
    tsk_node_keys_free(k);
}
END_TEST

START_TEST(pseudonyms)
{
    struct tsk_node_keys *a = keys(2026), *b = keys(2026);
    struct tsk_id16 x, y, again;
    uint8_t mac[32];
    ck_ok(tsk_staff_pseudonym(a, "worker one", &x));
    ck_ok(tsk_staff_pseudonym(a, "worker one", &again));
    ck_assert_mem_eq(x.b, again.b, 16);
    ck_ok(tsk_staff_pseudonym(a, "worker two", &y));
    ck_assert_mem_ne(x.b, y.b, 16);
    ck_ok(tsk_staff_pseudonym(b, "worker one", &y));
    ck_assert_mem_ne(x.b, y.b, 16);
    ck_ok(tsk_hmac256(TSK_SLICE(a->staff.b), TEXT_SLICE("tasuki/1 staffworker one"), mac));
    ck_assert_mem_eq(x.b, mac, 16);
    tsk_node_keys_free(a);
    tsk_node_keys_free(b);
}
END_TEST

static TCase *keyfile(void)
{
    TCase *tc = crypto_case("keyfile");
    tcase_add_test(tc, new_keys);
    tcase_add_test(tc, further_years);
    tcase_add_test(tc, file_there_and_back);
    tcase_add_test(tc, nothing_shows_in_the_file);
    tcase_add_test(tc, changed_files_are_refused);
    tcase_add_test(tc, strange_content_is_refused);
    tcase_add_test(tc, too_little_room);
    tcase_add_test(tc, pseudonyms);
    return tc;
}

TSK_TEST_MAIN("keyfile", keyfile)
