/* Ciphertexts and wraps of a parcel: found by their hash, and hashed once however many records name them. */
#include "crypto/hash.h"
#include "node/desk/handle.h"
#include "tests/check.h"

#define PARTS 3

static uint8_t bytes[64];
static struct tsk_seq parts;
static uint8_t hashes[PARTS][32];
static const size_t lens[PARTS] = {7, 8, 7};

static void setup(void)
{
    struct tsk_cbor_out out;
    ck_ok(tsk_crypto_init());
    tsk_cbor_out_init(&out, bytes, sizeof bytes);
    for (size_t i = 0; i < PARTS; i++) {
        uint8_t text[8] = {(uint8_t)i, 1, 2, 3, 4, 5, 6, 7};
        struct tsk_slice part = {text, lens[i]};
        ck_ok(tsk_sha256(&part, 1, hashes[i]));
        tsk_cbor_put_bytes(&out, part);
    }
    parts.n = PARTS;
    ck_ok(tsk_cbor_out_done(&out, &parts.bytes));
}

START_TEST(found_by_hash_and_length)
{
    struct tsk_part_hash cache[TSK_PARCEL_RECORDS_MAX] = {{0}};
    struct tsk_part_hash *const caches[] = {NULL, cache, cache};
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < PARTS; i++)
            for (size_t len = 0; len < 10; len++) {
                struct tsk_slice got;
                enum tsk_err want = len == 0 || len == lens[i] ? TSK_OK : TSK_E_MALFORMED;
                ck_err(tsk_part_find(parts, caches[c], len, hashes[i], &got), want);
                if (want != TSK_OK)
                    continue;
                ck_assert_uint_eq(got.n, lens[i]);
                ck_assert_uint_eq(got.p[0], i);
            }
}
END_TEST

START_TEST(none_of_them)
{
    struct tsk_part_hash cache[TSK_PARCEL_RECORDS_MAX] = {{0}};
    struct tsk_slice got;
    for (size_t bit = 0; bit < 256; bit++) {
        hashes[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_err(tsk_part_find(parts, cache, 0, hashes[0], &got), TSK_E_MALFORMED);
        hashes[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_err(tsk_part_find((struct tsk_seq){0}, cache, 0, hashes[0], &got), TSK_E_MALFORMED);
}
END_TEST

/* The bytes change under the cache: whoever hashed again would notice. */
START_TEST(hashed_once)
{
    struct tsk_part_hash cache[TSK_PARCEL_RECORDS_MAX] = {{0}};
    struct tsk_slice got;
    ck_ok(tsk_part_find(parts, cache, 0, hashes[2], &got));
    bytes[1] ^= 1;
    ck_ok(tsk_part_find(parts, cache, 0, hashes[0], &got));
    ck_err(tsk_part_find(parts, NULL, 0, hashes[0], &got), TSK_E_MALFORMED);
    bytes[1] ^= 1;
}
END_TEST

/* What has another length is not even hashed. */
START_TEST(length_first)
{
    struct tsk_part_hash cache[TSK_PARCEL_RECORDS_MAX] = {{0}};
    struct tsk_slice got;
    ck_ok(tsk_part_find(parts, cache, 8, hashes[1], &got));
    ck_assert(!cache[0].known && cache[1].known && !cache[2].known);
}
END_TEST

static TCase *parts_case(void)
{
    TCase *t = tcase_create("parts");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, found_by_hash_and_length);
    tcase_add_test(t, none_of_them);
    tcase_add_test(t, hashed_once);
    tcase_add_test(t, length_first);
    return t;
}

TSK_TEST_MAIN("parts", parts_case)
