#include "crypto/hash.h"
#include "crypto/seal.h"
#include "tests/crypto/crypto_test.h"

static const struct tsk_id16 net = {{'n', 'e', 't'}};
static const struct tsk_id16 other_net = {{'N', 'e', 't'}};
enum { HOLDERS = 3, ROOM = 4096 };

static void flip(void *p, size_t bit)
{
    ((uint8_t *)p)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static struct tsk_kem_key *kem_n(uint8_t n)
{
    uint8_t sk[32] = {0x58, n}; /* not in the low bits, which X25519 clears */
    struct tsk_kem_key *k;
    ck_ok(tsk_kem_new(sk, &k));
    return k;
}

/* An item sealed for three holders, and their keys. */
struct sealed {
    struct tsk_kem_key *kem[HOLDERS];
    struct tsk_item item;
    uint8_t core_buf[1024], ct[ROOM];
};

static const char content[] = "{\"c1.name\":\"Example Person\"}";

static void seal(struct sealed *s, uint64_t require, struct tsk_slice text)
{
    struct tsk_item_core core = {
        .referral = {{1}},
        .sender = {{2}},
        .holders_n = HOLDERS,
        .require = require,
        .category = tsk_code("C1"),
        .suite = TSK_SUITE_1,
        .mode = TSK_MODE_CARD,
        .created = 1800000000,
        .destroy_after = 1800000000 + TSK_ITEM_LIFE_S,
        .age_class = 2,
        .class_until = 1810000000,
        .roster_seq = 3,
    };
    struct tsk_pk kems[HOLDERS];
    ck_assert_uint_le(tsk_seal_ct_len(text.n), ROOM);
    for (uint8_t i = 0; i < HOLDERS; i++) {
        s->kem[i] = kem_n(i);
        kems[i] = *tsk_kem_pk(s->kem[i]);
        core.holders[i].b[0] = (uint8_t)(i + 1);
    }
    ck_ok(tsk_item_seal(&core, kems, &net, text, s->core_buf, sizeof s->core_buf, &s->item, s->ct));
    ck_assert_mem_eq(core.id.b, s->item.core.id.b, 16);
}

static void sealed_free(struct sealed *s)
{
    for (size_t i = 0; i < HOLDERS; i++)
        tsk_kem_free(s->kem[i]);
}

static struct tsk_slice ct_of(const struct sealed *s)
{
    return (struct tsk_slice){s->ct, (size_t)s->item.ct_len};
}

static void unwrap_all(struct sealed *s, struct tsk_key32 parts[HOLDERS])
{
    for (size_t i = 0; i < HOLDERS; i++)
        ck_ok(tsk_item_unwrap(&s->item, &s->item.core.holders[i], s->kem[i], &net, &parts[i]));
}

START_TEST(lengths)
{
    ck_assert_uint_eq(tsk_seal_ct_len(0), 256 + 16);
    ck_assert_uint_eq(tsk_seal_ct_len(252), 256 + 16);
    ck_assert_uint_eq(tsk_seal_ct_len(253), 512 + 16);
    ck_assert_uint_eq(tsk_seal_ct_len(508), 512 + 16);
    ck_assert_uint_eq(tsk_seal_ct_len(509), 1024 + 16);
    ck_assert_uint_eq(tsk_seal_ct_len((1 << 20) - 4), (1 << 20) + 16);
    ck_assert_uint_eq(tsk_seal_ct_len((1 << 20) - 3), (2 << 20) + 16);
    ck_assert_uint_eq(tsk_seal_ct_len((2 << 20) - 3), (3 << 20) + 16); /* a multiple of 1 MiB, no power of two */
    ck_assert_uint_eq(tsk_seal_ct_len(TSK_PLAINTEXT_MAX), (11 << 20) + 16);
    ck_assert_uint_eq(tsk_seal_ct_len(TSK_PLAINTEXT_MAX + 1), 0);
    ck_assert_uint_eq(tsk_seal_ct_len(SIZE_MAX), 0);
}
END_TEST

START_TEST(any_holder_opens_alone)
{
    struct sealed s;
    struct tsk_key32 parts[HOLDERS];
    struct tsk_slice got;
    uint8_t room[ROOM];
    seal(&s, TSK_ANY, TEXT_SLICE(content));
    unwrap_all(&s, parts);
    for (size_t i = 0; i < HOLDERS; i++) {
        ck_ok(tsk_item_open(&s.item, &parts[i], 1, NULL, ct_of(&s), room, &got));
        ck_assert_uint_eq(got.n, strlen(content));
        ck_assert_mem_eq(got.p, content, got.n);
    }
    for (size_t n = 0; n <= HOLDERS; n++) /* one part, no more and no fewer */
        ck_err(tsk_item_open(&s.item, parts, n, NULL, ct_of(&s), room, &got), n == 1 ? TSK_OK : TSK_E_BADSIG);
    sealed_free(&s);
}
END_TEST

START_TEST(all_holders_are_needed)
{
    struct sealed s;
    struct tsk_key32 parts[HOLDERS], some[HOLDERS];
    struct tsk_slice got;
    uint8_t room[ROOM];
    seal(&s, TSK_ALL, TEXT_SLICE(content));
    unwrap_all(&s, parts);
    for (unsigned set = 0; set < 1u << HOLDERS; set++) {
        size_t n = 0;
        for (size_t i = 0; i < HOLDERS; i++)
            if (set >> i & 1)
                some[n++] = parts[i];
        ck_err(tsk_item_open(&s.item, some, n, NULL, ct_of(&s), room, &got), n == HOLDERS ? TSK_OK : TSK_E_BADSIG);
    }
    ck_assert_mem_eq(got.p, content, got.n);
    some[0] = some[1] = some[2] = parts[0]; /* one holder three times */
    ck_err(tsk_item_open(&s.item, some, HOLDERS, NULL, ct_of(&s), room, &got), TSK_E_BADSIG);
    sealed_free(&s);
}
END_TEST

START_TEST(every_size_comes_back)
{
    static uint8_t text[2000], room[ROOM];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31 + 1);
    static const size_t sizes[] = {0, 1, 251, 252, 253, 507, 508, 509, 1020, 1021, 2000};
    struct sealed s;
    struct tsk_key32 part;
    struct tsk_slice got;
    seal(&s, TSK_ANY, (struct tsk_slice){text, sizes[_i]});
    ck_assert_uint_eq(s.item.ct_len, tsk_seal_ct_len(sizes[_i]));
    ck_ok(tsk_item_unwrap(&s.item, &s.item.core.holders[1], s.kem[1], &net, &part));
    ck_ok(tsk_item_open(&s.item, &part, 1, NULL, ct_of(&s), room, &got));
    ck_assert_uint_eq(got.n, sizes[_i]);
    ck_assert_mem_eq(got.p, text, got.n);
    sealed_free(&s);
}
END_TEST

/* The bytes by hand: section 4 of the protocol from the plain calls. */
START_TEST(as_written)
{
    struct sealed s;
    struct tsk_key32 part;
    uint8_t core[32], halves[64] = {0}, ck[32], commit[32], room[ROOM];
    static const uint8_t nonce[12];
    seal(&s, TSK_ANY, TEXT_SLICE("abc"));
    ck_ok(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[0], &net, &part));
    ck_ok(tsk_sha256(&s.item.core_bytes, 1, core));
    memcpy(halves, part.b, 32);
    ck_ok(tsk_hkdf(TEXT_SLICE("tasuki/1 ck"), TSK_SLICE(halves), TSK_SLICE(core), ck, 32));
    ck_ok(tsk_hkdf(TEXT_SLICE("tasuki/1 ckc"), TSK_SLICE(ck), TSK_SLICE(core), commit, 32));
    ck_assert_mem_eq(commit, s.item.ck_commit, 32);
    ck_ok(tsk_gcm_open(ck, nonce, TSK_SLICE(core), ct_of(&s), room));
    uint8_t want[256] = {0, 0, 0, 3, 'a', 'b', 'c'};
    ck_assert_mem_eq(room, want, 256);
    struct tsk_slice parts[] = {TEXT_SLICE("tasuki/1 s1c"), TSK_SLICE(core), TSK_SLICE(part.b)};
    ck_ok(tsk_sha256(parts, 3, commit));
    ck_assert_mem_eq(commit, s.item.wraps[0].s1_commit, 32);
    uint8_t aad[64], info[40] = "tasuki/1 wrap-holder", got[32];
    memcpy(aad, core, 32);
    memcpy(aad + 32, s.item.core.holders[0].b, 32);
    memcpy(info + 20, net.b, 16);
    ck_ok(tsk_hpke_open(TSK_AEAD_AES256GCM, s.kem[0], s.item.wraps[0].enc, (struct tsk_slice){info, 36}, TSK_SLICE(aad),
                        TSK_SLICE(s.item.wraps[0].ct), got));
    ck_assert_mem_eq(got, part.b, 32);
    sealed_free(&s);
}
END_TEST

START_TEST(sealed_item_is_a_record)
{
    struct sealed s;
    struct tsk_item back;
    struct tsk_slice bytes, got;
    struct tsk_key32 part;
    uint8_t buf[8192], room[ROOM];
    seal(&s, TSK_ANY, TEXT_SLICE(content));
    ck_ok(tsk_rec_encode(TSK_REC_ITEM, &s.item, buf, sizeof buf, &bytes));
    ck_ok(tsk_rec_decode(TSK_REC_ITEM, bytes, &back));
    ck_ok(tsk_item_unwrap(&back, &back.core.holders[2], s.kem[2], &net, &part));
    ck_ok(tsk_item_open(&back, &part, 1, NULL, ct_of(&s), room, &got));
    ck_assert_mem_eq(got.p, content, got.n);
    sealed_free(&s);
}
END_TEST

START_TEST(fresh_at_every_seal)
{
    struct sealed a, b;
    struct tsk_key32 pa, pb;
    seal(&a, TSK_ANY, TEXT_SLICE(content));
    seal(&b, TSK_ANY, TEXT_SLICE(content));
    ck_ok(tsk_item_unwrap(&a.item, &a.item.core.holders[0], a.kem[0], &net, &pa));
    ck_ok(tsk_item_unwrap(&b.item, &b.item.core.holders[0], b.kem[0], &net, &pb));
    ck_assert_mem_ne(pa.b, pb.b, 32);
    ck_assert_mem_ne(a.item.core.id.b, b.item.core.id.b, 16);
    ck_assert_mem_ne(a.ct, b.ct, 256);
    sealed_free(&a);
    sealed_free(&b);
}
END_TEST

START_TEST(wrong_holder)
{
    struct sealed s;
    struct tsk_key32 part = {{9}};
    struct tsk_kid stranger = {{77}};
    seal(&s, TSK_ANY, TEXT_SLICE(content));
    ck_err(tsk_item_unwrap(&s.item, &stranger, s.kem[0], &net, &part), TSK_E_WRONGHOLDER);
    ck_err(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[1], &net, &part), TSK_E_BADSIG);
    ck_err(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[0], &other_net, &part), TSK_E_BADSIG);
    s.item.wraps[1].holder = s.item.wraps[0].holder; /* another's wrap under one's name */
    s.item.wraps[0].holder = s.item.core.holders[1];
    ck_err(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[0], &net, &part), TSK_E_BADSIG);
    s.item.wraps[0].holder = stranger; /* one's own wrap under a stranger's name */
    ck_err(tsk_item_unwrap(&s.item, &stranger, s.kem[0], &net, &part), TSK_E_BADSIG);
    ck_assert_uint_eq(part.b[0], 9);
    sealed_free(&s);
}
END_TEST

START_TEST(every_flip_in_a_wrap_is_refused)
{
    struct sealed s;
    struct tsk_key32 part;
    seal(&s, TSK_ANY, TEXT_SLICE(content));
    const struct tsk_kid me = s.item.core.holders[0];
    struct tsk_wrap *w = &s.item.wraps[0];
    for (size_t bit = 0; bit < sizeof *w * 8; bit++) {
        flip(w, bit);
        ck_assert(tsk_item_unwrap(&s.item, &me, s.kem[0], &net, &part) != TSK_OK);
        flip(w, bit);
    }
    for (size_t bit = 0; bit < s.item.core_bytes.n * 8; bit++) { /* the core is bound into the wrap */
        flip(s.core_buf, bit);
        ck_err(tsk_item_unwrap(&s.item, &me, s.kem[0], &net, &part), TSK_E_BADSIG);
        flip(s.core_buf, bit);
    }
    ck_ok(tsk_item_unwrap(&s.item, &me, s.kem[0], &net, &part));
    sealed_free(&s);
}
END_TEST

START_TEST(every_flip_at_opening_is_refused)
{
    struct sealed s;
    struct tsk_key32 part;
    struct tsk_slice got = {NULL, 7};
    uint8_t room[ROOM];
    seal(&s, TSK_ANY, TEXT_SLICE(content));
    ck_ok(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[0], &net, &part));
    struct { uint8_t *p; size_t n; } fields[] = {
        {s.core_buf, s.item.core_bytes.n}, {s.item.ct_hash, 32}, {(uint8_t *)&s.item.ct_len, sizeof s.item.ct_len},
        {s.item.ck_commit, 32}, {part.b, 32}, {s.ct, (size_t)s.item.ct_len},
    };
    struct tsk_slice ct = ct_of(&s);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (size_t bit = 0; bit < fields[i].n * 8; bit++) {
            flip(fields[i].p, bit);
            ck_err(tsk_item_open(&s.item, &part, 1, NULL, ct, room, &got), TSK_E_BADSIG);
            flip(fields[i].p, bit);
        }
    for (size_t n = 0; n < ct.n; n++)
        ck_err(tsk_item_open(&s.item, &part, 1, NULL, (struct tsk_slice){ct.p, n}, room, &got), TSK_E_BADSIG);
    ck_assert_uint_eq(got.n, 7);
    ck_ok(tsk_item_open(&s.item, &part, 1, NULL, ct, room, &got));
    sealed_free(&s);
}
END_TEST

/* Whoever knows CK can make a matching hash; the padding rule still holds. */
static enum tsk_err open_padded(struct sealed *s, const struct tsk_key32 *part, const uint8_t *padded, size_t n)
{
    uint8_t core[32], halves[64] = {0}, ck[32], room[ROOM];
    static const uint8_t nonce[12];
    struct tsk_slice got;
    ck_ok(tsk_sha256(&s->item.core_bytes, 1, core));
    memcpy(halves, part->b, 32);
    ck_ok(tsk_hkdf(TEXT_SLICE("tasuki/1 ck"), TSK_SLICE(halves), TSK_SLICE(core), ck, 32));
    ck_ok(tsk_gcm_seal(ck, nonce, TSK_SLICE(core), (struct tsk_slice){padded, n}, s->ct));
    s->item.ct_len = n + 16;
    struct tsk_slice ct = ct_of(s);
    ck_ok(tsk_sha256(&ct, 1, s->item.ct_hash));
    return tsk_item_open(&s->item, part, 1, NULL, ct, room, &got);
}

START_TEST(padding_is_checked)
{
    struct sealed s;
    struct tsk_key32 part;
    uint8_t p[1024] = {0, 0, 0, 3, 'a', 'b', 'c'};
    seal(&s, TSK_ANY, TEXT_SLICE("abc"));
    ck_ok(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[0], &net, &part));
    ck_ok(open_padded(&s, &part, p, 256));
    ck_err(open_padded(&s, &part, p, 512), TSK_E_BADSIG); /* more than needed */
    ck_err(open_padded(&s, &part, p, 255), TSK_E_BADSIG);
    ck_err(open_padded(&s, &part, p, 3), TSK_E_BADSIG);
    ck_err(open_padded(&s, &part, p, 0), TSK_E_BADSIG);
    for (size_t i = 7; i < 256; i++) {
        p[i] = 1; /* not zero */
        ck_err(open_padded(&s, &part, p, 256), TSK_E_BADSIG);
        p[i] = 0;
    }
    for (size_t len = 0; len < 4; len++) {
        p[len] ^= 0x80; /* a length beyond the text */
        ck_err(open_padded(&s, &part, p, 256), len == 3 ? TSK_OK : TSK_E_BADSIG);
        p[len] ^= 0x80;
    }
    sealed_free(&s);
}
END_TEST

START_TEST(what_cannot_be_sealed)
{
    struct sealed s;
    struct tsk_pk kems[TSK_HOLDERS_MAX + 1] = {{{0}}};
    struct tsk_key32 part, s2 = {{0}};
    struct tsk_slice got;
    uint8_t room[ROOM];
    static uint8_t big[TSK_PLAINTEXT_MAX + 1];
    seal(&s, TSK_ANY, TEXT_SLICE(content));
    ck_ok(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[0], &net, &part));
    ck_err(tsk_item_open(&s.item, &part, 1, &s2, ct_of(&s), room, &got),
           TSK_E_SUITE); /* no keepers' half in card mode */
    struct tsk_item_core core = s.item.core;
    struct tsk_item out;
    uint8_t buf[1024];
    ck_err(tsk_item_seal(&core, kems, &net, TEXT_SLICE("x"), buf, sizeof buf, &out, room),
           TSK_E_UNKNOWNPEER); /* zero keys */
    ck_err(tsk_item_seal(&core, kems, &net, TSK_SLICE(big), buf, sizeof buf, &out, room), TSK_E_LIMIT);
    core.suite = 2;
    ck_err(tsk_item_seal(&core, kems, &net, TEXT_SLICE("x"), buf, sizeof buf, &out, room), TSK_E_SUITE);
    core.suite = TSK_SUITE_1;
    core.mode = TSK_MODE_KEEPERS;
    ck_err(tsk_item_seal(&core, kems, &net, TEXT_SLICE("x"), buf, sizeof buf, &out, room), TSK_E_SUITE);
    core.mode = TSK_MODE_CARD;
    core.holders_n = 0;
    ck_err(tsk_item_seal(&core, kems, &net, TEXT_SLICE("x"), buf, sizeof buf, &out, room), TSK_E_HOLDERS);
    core.holders_n = TSK_HOLDERS_MAX + 1;
    ck_err(tsk_item_seal(&core, kems, &net, TEXT_SLICE("x"), buf, sizeof buf, &out, room), TSK_E_HOLDERS);
    s.item.core.suite = 2;
    ck_err(tsk_item_unwrap(&s.item, &s.item.core.holders[0], s.kem[0], &net, &part), TSK_E_SUITE);
    ck_err(tsk_item_open(&s.item, &part, 1, NULL, ct_of(&s), room, &got), TSK_E_SUITE);
    sealed_free(&s);
}
END_TEST

START_TEST(rewrap)
{
    struct tsk_kem_key *kem = kem_n(40), *old = kem_n(41);
    struct tsk_seal_key to = {.year = 2027, .pk = *tsk_kem_pk(kem)};
    struct tsk_key32 part = {{1, 2, 3}}, got = {{9}};
    struct tsk_id16 record = {{4}};
    struct tsk_kid holder = {{5}}, recipient = {{6}};
    struct tsk_id32 item = {{7}};
    struct tsk_rewrap w;
    ck_ok(tsk_rewrap(&part, &record, &holder, &item, &recipient, &to, &net, &w));
    struct { void *p; size_t n; } inputs[] = {{&w, sizeof w}, {&record, 16}, {&holder, 32}, {&recipient, 32}};
    for (size_t i = 0; i < 4; i++)
        for (size_t bit = 0; bit < inputs[i].n * 8; bit++) {
            flip(inputs[i].p, bit);
            ck_err(tsk_rewrap_open(&w, &record, &holder, &recipient, kem, &net, &got), TSK_E_BADSIG);
            flip(inputs[i].p, bit);
        }
    ck_err(tsk_rewrap_open(&w, &record, &holder, &recipient, kem, &other_net, &got), TSK_E_BADSIG);
    ck_err(tsk_rewrap_open(&w, &record, &holder, &recipient, old, &net, &got), TSK_E_BADSIG);
    ck_assert_uint_eq(got.b[0], 9);
    ck_ok(tsk_rewrap_open(&w, &record, &holder, &recipient, kem, &net, &got));
    ck_assert_mem_eq(got.b, part.b, 32);
    memset(to.pk.b, 0, 32);
    ck_err(tsk_rewrap(&part, &record, &holder, &item, &recipient, &to, &net, &w), TSK_E_UNKNOWNPEER);
    tsk_kem_free(kem);
    tsk_kem_free(old);
}
END_TEST

static TCase *items(void)
{
    TCase *tc = crypto_case("items");
    tcase_add_test(tc, lengths);
    tcase_add_test(tc, any_holder_opens_alone);
    tcase_add_test(tc, all_holders_are_needed);
    tcase_add_loop_test(tc, every_size_comes_back, 0, 11);
    tcase_add_test(tc, as_written);
    tcase_add_test(tc, sealed_item_is_a_record);
    tcase_add_test(tc, fresh_at_every_seal);
    return tc;
}

static TCase *refusals(void)
{
    TCase *tc = crypto_case("refusals");
    tcase_add_test(tc, wrong_holder);
    tcase_add_test(tc, every_flip_in_a_wrap_is_refused);
    tcase_add_test(tc, every_flip_at_opening_is_refused);
    tcase_add_test(tc, padding_is_checked);
    tcase_add_test(tc, what_cannot_be_sealed);
    tcase_add_test(tc, rewrap);
    return tc;
}

TSK_TEST_MAIN("seal", items, refusals)
