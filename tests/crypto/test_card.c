#include <stdio.h>

#include "crypto/card.h"
#include "crypto/hash.h"
#include "tests/crypto/crypto_test.h"

enum { FAST_N = 1 << 10 }; /* scrypt cost in these tests */
static const struct tsk_id16 net = {{'n', 'e', 't'}};
static const struct tsk_id16 other_net = {{'N', 'e', 't'}};
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static struct tsk_card sample_card(void)
{
    struct tsk_card c;
    for (uint8_t i = 0; i < 32; i++)
        c.cs.b[i] = (uint8_t)(i * 7 + 1);
    return c;
}

START_TEST(text_there_and_back)
{
    struct tsk_card card, back;
    char text[TSK_CARD_TEXT_CAP];
    for (int i = 0; i < 50; i++) {
        tsk_card_new(&card);
        ck_ok(tsk_card_text(&card, text));
        ck_assert_uint_eq(strlen(text), 61);
        ck_assert_mem_eq(text, "TSK1:", 5);
        ck_ok(tsk_card_parse(text, &back));
        ck_assert_mem_eq(card.cs.b, back.cs.b, 32);
    }
}
END_TEST

START_TEST(text_as_people_type_it)
{
    struct tsk_card card = sample_card(), back;
    char text[TSK_CARD_TEXT_CAP], typed[200], *t = typed;
    ck_ok(tsk_card_text(&card, text));
    for (const char *c = text; *c != '\0'; c++) {
        *t++ = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        *t++ = " -\t\n\r"[(c - text) % 5];
    }
    *t = '\0';
    ck_ok(tsk_card_parse(typed, &back));
    ck_assert_mem_eq(card.cs.b, back.cs.b, 32);
}
END_TEST

START_TEST(every_changed_character_is_caught)
{
    struct tsk_card card = sample_card(), back;
    char text[TSK_CARD_TEXT_CAP], changed[TSK_CARD_TEXT_CAP];
    ck_ok(tsk_card_text(&card, text));
    for (size_t i = 0; text[i] != '\0'; i++)
        for (int c = 1; c < 256; c++) {
            memcpy(changed, text, sizeof text);
            changed[i] = (char)c;
            bool same = c == text[i] || (c >= 'a' && c <= 'z' && c - 'a' + 'A' == text[i]);
            ck_err(tsk_card_parse(changed, &back), same ? TSK_OK : TSK_E_BADCARD);
        }
}
END_TEST

START_TEST(every_cut_swap_and_addition_is_caught)
{
    struct tsk_card card = sample_card(), back;
    char text[TSK_CARD_TEXT_CAP], changed[3 * TSK_CARD_TEXT_CAP];
    ck_ok(tsk_card_text(&card, text));
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        snprintf(changed, sizeof changed, "%.*s", (int)i, text); /* cut short */
        ck_err(tsk_card_parse(changed, &back), TSK_E_BADCARD);
        snprintf(changed, sizeof changed, "%.*s%s", (int)i, text, text + i + 1); /* one missing */
        ck_err(tsk_card_parse(changed, &back), TSK_E_BADCARD);
        snprintf(changed, sizeof changed, "%.*sA%s", (int)i, text, text + i); /* one more */
        ck_err(tsk_card_parse(changed, &back), TSK_E_BADCARD);
        if (i + 1 < n && text[i] != text[i + 1]) { /* two exchanged */
            memcpy(changed, text, n + 1);
            changed[i] = text[i + 1];
            changed[i + 1] = text[i];
            ck_err(tsk_card_parse(changed, &back), TSK_E_BADCARD);
        }
    }
}
END_TEST

/* The last of 52 characters carries one bit; with another checksum to match, the four bits below it must still be 0. */
START_TEST(one_text_for_one_card)
{
    struct tsk_card card = sample_card(), back;
    char text[TSK_CARD_TEXT_CAP];
    ck_ok(tsk_card_text(&card, text));
    size_t last = 5 + 51, v = (size_t)(strchr(letters, text[last]) - letters);
    ck_assert_uint_eq(v & 15, 0);
    for (size_t low = 1; low < 16; low++) {
        text[last] = letters[v | low];
        ck_err(tsk_card_parse(text, &back), TSK_E_BADCARD);
    }
    ck_err(tsk_card_parse("", &back), TSK_E_BADCARD);
    ck_err(tsk_card_parse("TSK2:", &back), TSK_E_BADCARD);
}
END_TEST

START_TEST(pins)
{
    static const struct { const char *in, *out; } good[] = {
        {"123456", "123456"},
        {"0000000000", "0000000000"},
        {"１２３４５６", "123456"},
        {"12３4５6７", "1234567"},
        {"０９０９０９", "090909"},
    };
    static const char *const bad[] = {"",
                                      "1",
                                      "12345",
                                      "１２３４５",
                                      "12345a",
                                      "123 456",
                                      "123456\n",
                                      " 123456",
                                      "-123456",
                                      "12345６\xef",
                                      "12345\xef\xbc",
                                      "12345\xef\xbc\x9a",
                                      "12345\xef\xbc\x8f",
                                      "12345\xe0\xbc\x90",
                                      "一二三四五六",
                                      "٠١٢٣٤٥"};
    char pin[32];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_ok(tsk_pin_normalise(good[i].in, pin, sizeof pin));
        ck_assert_str_eq(pin, good[i].out);
        ck_err(tsk_pin_normalise(good[i].in, pin, strlen(good[i].out)), TSK_E_BADPIN);
        ck_ok(tsk_pin_normalise(good[i].in, pin, strlen(good[i].out) + 1));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(pin, "kept", 5);
        ck_err(tsk_pin_normalise(bad[i], pin, sizeof pin), TSK_E_BADPIN);
        ck_assert_str_eq(pin, "kept");
    }
}
END_TEST

START_TEST(card_ids_differ_by_partner)
{
    struct tsk_card card = sample_card(), other = sample_card();
    struct tsk_id16 a, b, c, again;
    other.cs.b[31] ^= 1;
    ck_ok(tsk_card_id(&card, "X001", &a));
    ck_ok(tsk_card_id(&card, "X001", &again));
    ck_ok(tsk_card_id(&card, "X002", &b));
    ck_ok(tsk_card_id(&other, "X001", &c));
    ck_assert_mem_eq(a.b, again.b, 16);
    ck_assert_mem_ne(a.b, b.b, 16);
    ck_assert_mem_ne(a.b, c.b, 16);
}
END_TEST

/* Section 3 said again with the plain calls: HKDF("tasuki/1 card", cs || scrypt(...), "tasuki/1 root") and on. */
START_TEST(derivations_as_written)
{
    struct tsk_card card = sample_card();
    struct tsk_card_root root;
    uint8_t salt[32], both[64], want[32], code[16];
    struct tsk_slice s = TEXT_SLICE("tasuki/1 card");
    ck_ok(tsk_card_unlock(&card, "123456", FAST_N, &root));
    ck_ok(tsk_hkdf(s, TSK_SLICE(card.cs.b), TEXT_SLICE("tasuki/1 pin salt"), salt, 32));
    memcpy(both, card.cs.b, 32);
    ck_ok(tsk_scrypt(TEXT_SLICE("123456"), (struct tsk_slice){salt, 16}, FAST_N, both + 32, 32));
    ck_ok(tsk_hkdf(s, TSK_SLICE(both), TEXT_SLICE("tasuki/1 root"), want, 32));
    ck_assert_mem_eq(root.root.b, want, 32);

    struct tsk_id16 tweak = {"tweaktweaktweak"};
    struct tsk_holder_keys k;
    struct tsk_signer_key *sign;
    struct tsk_key32 sk;
    struct tsk_pk pk;
    uint8_t label[40] = "tasuki/1 sign";
    memcpy(label + 13, tweak.b, 16);
    ck_ok(tsk_holder_derive(&root, &tweak, &k));
    ck_ok(tsk_hkdf(s, TSK_SLICE(root.root.b), (struct tsk_slice){label, 29}, want, 32));
    ck_ok(tsk_signer_new(want, &sign));
    ck_assert_mem_eq(tsk_signer_pk(k.sign)->b, tsk_signer_pk(sign)->b, 32);
    memcpy(label, "tasuki/1 kem\x01", 13);
    ck_ok(tsk_hkdf(s, TSK_SLICE(root.root.b), (struct tsk_slice){label, 29}, want, 32));
    ck_ok(tsk_kem_derive(TSK_SLICE(want), &sk, &pk));
    ck_assert_mem_eq(tsk_kem_pk(k.kem)->b, pk.b, 32);

    memcpy(label, "tasuki/1 wd", 11);
    memcpy(label + 11, tweak.b, 16);
    ck_ok(tsk_hkdf(s, TSK_SLICE(root.root.b), (struct tsk_slice){label, 27}, want, 32));
    ck_ok(tsk_wd_code(&root, &tweak, code));
    ck_assert_mem_eq(code, want, 16);
    tsk_signer_free(sign);
    tsk_holder_keys_wipe(&k);
    ck_assert_ptr_null(k.sign);
    tsk_holder_keys_wipe(&k);
}
END_TEST

START_TEST(any_pin_opens_something_else)
{
    struct tsk_card card = sample_card();
    struct tsk_card_root a, b;
    struct tsk_id16 tweak = {{1}}, tweak2 = {{2}};
    struct tsk_holder_keys ka, kb, kc;
    ck_ok(tsk_card_unlock(&card, "123456", FAST_N, &a));
    ck_ok(tsk_card_unlock(&card, "123457", FAST_N, &b));
    ck_assert_mem_ne(a.root.b, b.root.b, 32);
    ck_ok(tsk_holder_derive(&a, &tweak, &ka));
    ck_ok(tsk_holder_derive(&b, &tweak, &kb));
    ck_ok(tsk_holder_derive(&a, &tweak2, &kc));
    ck_assert_mem_ne(tsk_signer_pk(ka.sign)->b, tsk_signer_pk(kb.sign)->b, 32);
    ck_assert_mem_ne(tsk_signer_pk(ka.sign)->b, tsk_signer_pk(kc.sign)->b, 32);
    ck_assert_mem_ne(tsk_kem_pk(ka.kem)->b, tsk_kem_pk(kb.kem)->b, 32);
    ck_assert_mem_ne(tsk_kem_pk(ka.kem)->b, tsk_kem_pk(kc.kem)->b, 32);
    tsk_holder_keys_wipe(&ka);
    tsk_holder_keys_wipe(&kb);
    tsk_holder_keys_wipe(&kc);
}
END_TEST

static void pop_example(struct tsk_holder *h, struct tsk_holder_keys *k)
{
    struct tsk_card_root root = {{{5}}};
    struct tsk_id16 tweak = {{6}};
    ck_ok(tsk_holder_derive(&root, &tweak, k));
    *h = (struct tsk_holder){.sign_pk = *tsk_signer_pk(k->sign),
                             .suite = TSK_SUITE_1,
                             .kem_pk = *tsk_kem_pk(k->kem),
                             .kind = TSK_HOLDER_CHILD,
                             .state = TSK_HOLDER_ACTIVE,
                             .time = 1800000000,
                             .enrolled_by = {{7}}};
    ck_ok(tsk_holder_pop_sign(h, k->sign, &net));
}

START_TEST(possession)
{
    struct tsk_holder h, t;
    struct tsk_holder_keys k;
    pop_example(&h, &k);
    ck_ok(tsk_holder_pop_check(&h, &net));
    ck_err(tsk_holder_pop_check(&h, &other_net), TSK_E_BADSIG);
    t = h;
    t.kind = TSK_HOLDER_GUARDIAN;
    ck_err(tsk_holder_pop_check(&t, &net), TSK_E_BADSIG);
    t = h;
    t.suite = 2;
    ck_err(tsk_holder_pop_check(&t, &net), TSK_E_BADSIG);
    t = h; /* later states keep the proof: state and time are not in it */
    t.state = TSK_HOLDER_STOPPED;
    t.time++;
    ck_ok(tsk_holder_pop_check(&t, &net));
    tsk_holder_keys_wipe(&k);
}
END_TEST

START_TEST(possession_flips)
{
    struct tsk_holder h;
    struct tsk_holder_keys k;
    pop_example(&h, &k);
    struct {
        uint8_t *p;
        size_t n;
    } fields[] = {{h.sign_pk.b, 32}, {h.kem_pk.b, 32}, {h.enrolled_by.b, 32}, {h.pop, 64}};
    for (size_t i = 0; i < 4; i++)
        for (size_t bit = 0; bit < fields[i].n * 8; bit++) {
            fields[i].p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_err(tsk_holder_pop_check(&h, &net), TSK_E_BADSIG);
            fields[i].p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    ck_ok(tsk_holder_pop_check(&h, &net));
    h.sign_pk.b[0] ^= 1;
    ck_err(tsk_holder_pop_sign(&h, k.sign, &net), TSK_E_BUG); /* not the key of this record */
    tsk_holder_keys_wipe(&k);
}
END_TEST

START_TEST(withdrawal_codes)
{
    struct tsk_card_root root = {{{5}}}, other = {{{6}}};
    struct tsk_id16 id = {{1}}, id2 = {{2}};
    uint8_t code[16], c2[16], back[16], h[32], h2[32];
    char text[40];
    ck_ok(tsk_wd_code(&root, &id, code));
    ck_ok(tsk_wd_code(&root, &id2, c2));
    ck_assert_mem_ne(code, c2, 16);
    ck_ok(tsk_wd_code(&other, &id, c2));
    ck_assert_mem_ne(code, c2, 16);
    ck_ok(tsk_wd_hash(&id, code, h));
    ck_ok(tsk_wd_hash(&id2, code, h2));
    ck_assert_mem_ne(h, h2, 32);
    ck_ok(tsk_wd_hash(&id, c2, h2));
    ck_assert_mem_ne(h, h2, 32);
    tsk_wd_code_text(code, text);
    ck_assert_uint_eq(strlen(text), 32);
    for (size_t i = 4; i < 32; i += 5)
        ck_assert_int_eq(text[i], '-');
    ck_ok(tsk_wd_code_parse(text, back));
    ck_assert_mem_eq(back, code, 16);
    for (size_t n = 0; n < 32; n++) {
        char cut[40];
        snprintf(cut, sizeof cut, "%.*s", (int)n, text);
        ck_err(tsk_wd_code_parse(cut, back), TSK_E_WRONGCODE);
    }
    text[0] = '1';
    ck_err(tsk_wd_code_parse(text, back), TSK_E_WRONGCODE);
}
END_TEST

static TCase *text(void)
{
    TCase *tc = crypto_case("text");
    tcase_add_test(tc, text_there_and_back);
    tcase_add_test(tc, text_as_people_type_it);
    tcase_add_test(tc, every_changed_character_is_caught);
    tcase_add_test(tc, every_cut_swap_and_addition_is_caught);
    tcase_add_test(tc, one_text_for_one_card);
    tcase_add_test(tc, pins);
    tcase_add_test(tc, withdrawal_codes);
    return tc;
}

static TCase *keys(void)
{
    TCase *tc = crypto_case("keys");
    tcase_add_test(tc, card_ids_differ_by_partner);
    tcase_add_test(tc, derivations_as_written);
    tcase_add_test(tc, any_pin_opens_something_else);
    tcase_add_test(tc, possession);
    tcase_add_test(tc, possession_flips);
    return tc;
}

TSK_TEST_MAIN("card", text, keys)
