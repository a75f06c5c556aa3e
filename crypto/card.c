#include "crypto/card.h"

#include <stdio.h>
#include <string.h>

#include "crypto/algs.h"
#include "crypto/hash.h"

enum { BODY = 52, CHECK = 4 }; /* base32 characters of the secret and of its checksum */
static const char prefix[] = "TSK1:";
enum { PREFIX = sizeof prefix - 1, TEXT = PREFIX + BODY + CHECK };

void tsk_card_wipe(struct tsk_card *c)
{
    tsk_key32_wipe(&c->cs);
}

void tsk_card_root_wipe(struct tsk_card_root *r)
{
    tsk_key32_wipe(&r->root);
}

/* HKDF("tasuki/1 card", ikm, label || extra)[:n], the one way in which anything comes from a card. */
static enum tsk_err derive(const struct tsk_slice *ikm, size_t ikm_n, struct tsk_slice label, struct tsk_slice extra,
                           uint8_t *ret_okm, size_t n)
{
    const struct tsk_slice info[] = {label, extra};
    TSK_KEY32 prk;
    TSK_TRY(tsk_hmac_parts(TSK_CTX_CARD, ikm, ikm_n, prk.b));
    return tsk_hkdf_expand_parts(prk.b, info, 2, ret_okm, n);
}

static enum tsk_err from_root(const struct tsk_card_root *root, struct tsk_slice label, struct tsk_slice extra,
                              uint8_t *ret_okm, size_t n)
{
    return derive(&TSK_SLICE(root->root.b), 1, label, extra, ret_okm, n);
}

/* ---- the card's text ---- */
void tsk_card_new(struct tsk_card *ret_card)
{
    tsk_random(ret_card->cs.b, sizeof ret_card->cs.b);
}

/* 20 bits are the first 4 of the 5 characters of 3 bytes. */
static enum tsk_err checksum(const struct tsk_card *card, char ret_text[CHECK + 1])
{
    const struct tsk_slice parts[] = {TSK_CTX_CARD_CHECK, TSK_SLICE(card->cs.b)};
    uint8_t h[32];
    char text[6];
    TSK_TRY(tsk_sha256(parts, 2, h));
    tsk_base32(h, 3, text);
    memcpy(ret_text, text, CHECK);
    ret_text[CHECK] = '\0';
    return TSK_OK;
}

enum tsk_err tsk_card_text(const struct tsk_card *card, char ret_text[TSK_CARD_TEXT_CAP])
{
    char check[CHECK + 1];
    TSK_TRY(checksum(card, check));
    memcpy(ret_text, prefix, PREFIX);
    tsk_base32(card->cs.b, sizeof card->cs.b, ret_text + PREFIX);
    memcpy(ret_text + PREFIX + BODY, check, sizeof check);
    return TSK_OK;
}

struct compact { char s[TEXT + 1]; };

static void compact_wipe(struct compact *c)
{
    tsk_wipe(c->s, sizeof c->s);
}

/* Upper case, without white space and hyphens; false if what remains has another length than a card's text. */
static bool compact(const char *text, struct compact *ret_c)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (strchr(" \t\r\n-", *text) != NULL)
            continue;
        if (n == TEXT)
            return false;
        ret_c->s[n++] = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
    }
    ret_c->s[n] = '\0';
    return n == TEXT;
}

enum tsk_err tsk_card_parse(const char *text, struct tsk_card *ret_card)
{
    TSK_WIPED(compact_wipe) struct compact c;
    TSK_WIPED(tsk_card_wipe) struct tsk_card card = {0};
    char want[CHECK + 1], given[CHECK + 1];
    if (!compact(text, &c) || memcmp(c.s, prefix, PREFIX) != 0)
        return TSK_E_BADCARD;
    memcpy(given, c.s + PREFIX + BODY, sizeof given);
    c.s[PREFIX + BODY] = '\0';
    if (tsk_unbase32(c.s + PREFIX, card.cs.b, sizeof card.cs.b) != TSK_OK)
        return TSK_E_BADCARD;
    TSK_TRY(checksum(&card, want));
    if (memcmp(want, given, sizeof want) != 0)
        return TSK_E_BADCARD;
    *ret_card = card;
    return TSK_OK;
}

enum tsk_err tsk_card_id(const struct tsk_card *card, const char *partner, struct tsk_id16 *ret_id)
{
    const struct tsk_slice id = {(const uint8_t *)partner, strlen(partner)};
    return derive(&TSK_SLICE(card->cs.b), 1, TSK_CTX_HANDLE, id, ret_id->b, sizeof ret_id->b);
}

/* ---- the PIN and the root ---- */
/* The digit at the start of `s` and the bytes it takes: ASCII, or full-width (U+FF10 to U+FF19). 0 bytes = no digit. */
static size_t digit(const char *s, char *ret_digit)
{
    if (s[0] >= '0' && s[0] <= '9') {
        *ret_digit = s[0];
        return 1;
    }
    const uint8_t *u = (const uint8_t *)s;
    if (u[0] == 0xef && u[1] == 0xbc && u[2] >= 0x90 && u[2] <= 0x99) {
        *ret_digit = (char)('0' + (u[2] - 0x90));
        return 3;
    }
    return 0;
}

enum tsk_err tsk_pin_normalise(const char *text, char *ret_pin, size_t cap)
{
    size_t n = 0;
    char d;
    for (const char *s = text; *s != '\0'; n++) { /* counted and checked first, so that a bad one writes nothing */
        size_t step = digit(s, &d);
        if (step == 0)
            return TSK_E_BADPIN;
        s += step;
    }
    if (n < 6 || n >= cap)
        return TSK_E_BADPIN;
    for (size_t i = 0; i < n; i++)
        text += digit(text, &ret_pin[i]);
    ret_pin[n] = '\0';
    return TSK_OK;
}

enum tsk_err tsk_card_unlock(const struct tsk_card *card, const char *pin, uint64_t scrypt_n,
                             struct tsk_card_root *ret_root)
{
    const struct tsk_slice none = {NULL, 0}, pin_bytes = {(const uint8_t *)pin, strlen(pin)};
    const struct tsk_slice cs = TSK_SLICE(card->cs.b);
    uint8_t salt[16];
    TSK_KEY32 p;
    TSK_TRY(derive(&cs, 1, TSK_CTX_PIN_SALT, none, salt, sizeof salt));
    TSK_TRY(tsk_scrypt(pin_bytes, TSK_SLICE(salt), scrypt_n, p.b, sizeof p.b));
    const struct tsk_slice both[] = {cs, TSK_SLICE(p.b)};
    return derive(both, 2, TSK_CTX_ROOT, none, ret_root->root.b, sizeof ret_root->root.b);
}

/* ---- holders ---- */
void tsk_holder_keys_wipe(struct tsk_holder_keys *k)
{
    tsk_signer_free(k->sign);
    tsk_kem_free(k->kem);
    *k = (struct tsk_holder_keys){0};
}

enum tsk_err tsk_holder_derive(const struct tsk_card_root *root, const struct tsk_id16 *tweak,
                               struct tsk_holder_keys *ret_keys)
{
    TSK_WIPED(tsk_holder_keys_wipe) struct tsk_holder_keys k = {.tweak = *tweak};
    uint8_t suite_tweak[1 + sizeof tweak->b] = {TSK_SUITE_1};
    TSK_KEY32 seed, ikm, sk;
    struct tsk_pk pk;
    memcpy(suite_tweak + 1, tweak->b, sizeof tweak->b);
    TSK_TRY(from_root(root, TSK_CTX_SIGN, TSK_SLICE(tweak->b), seed.b, sizeof seed.b));
    TSK_TRY(from_root(root, TSK_CTX_KEM, TSK_SLICE(suite_tweak), ikm.b, sizeof ikm.b));
    TSK_TRY(tsk_kem_derive(TSK_SLICE(ikm.b), &sk, &pk));
    TSK_TRY(tsk_signer_new(seed.b, &k.sign));
    TSK_TRY(tsk_kem_new(sk.b, &k.kem));
    *ret_keys = k;
    k = (struct tsk_holder_keys){0}; // NOLINT(clang-analyzer-deadcode.DeadStores) - the cleanup attribute reads it
    return TSK_OK;
}

/* "tasuki/1 holder-pop" || net || H({1,2,3,4,7}): what a stolen or mistaken enrolment would have to forge. */
struct pop { uint8_t b[64 + 32]; size_t n; };

static enum tsk_err pop_message(const struct tsk_holder *h, const struct tsk_id16 *net, struct pop *ret_pop)
{
    uint8_t buf[160];
    struct tsk_cbor_out out;
    struct tsk_slice map;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_map(&out, 5);
    tsk_cbor_put_uint(&out, 1);
    tsk_cbor_put_uint(&out, 1);
    tsk_cbor_put_uint(&out, 2);
    tsk_cbor_put_bytes(&out, TSK_SLICE(h->sign_pk.b));
    tsk_cbor_put_uint(&out, 3);
    tsk_cbor_put_array(&out, 2);
    tsk_cbor_put_uint(&out, h->suite);
    tsk_cbor_put_bytes(&out, TSK_SLICE(h->kem_pk.b));
    tsk_cbor_put_uint(&out, 4);
    tsk_cbor_put_uint(&out, h->kind);
    tsk_cbor_put_uint(&out, 7);
    tsk_cbor_put_bytes(&out, TSK_SLICE(h->enrolled_by.b));
    TSK_TRY(tsk_cbor_out_done(&out, &map));
    struct tsk_info head;
    tsk_info_init(&head, TSK_CTX_POP, net);
    memcpy(ret_pop->b, head.b, head.n);
    ret_pop->n = head.n + 32;
    return tsk_sha256(&map, 1, ret_pop->b + head.n);
}

enum tsk_err tsk_holder_pop_sign(struct tsk_holder *h, struct tsk_signer_key *key, const struct tsk_id16 *net)
{
    struct pop pop;
    if (!tsk_equal(tsk_signer_pk(key)->b, h->sign_pk.b, sizeof h->sign_pk.b))
        return TSK_E_BUG;
    TSK_TRY(pop_message(h, net, &pop));
    return tsk_sign_raw(key, (struct tsk_slice){pop.b, pop.n}, h->pop);
}

enum tsk_err tsk_holder_pop_check(const struct tsk_holder *h, const struct tsk_id16 *net)
{
    struct pop pop;
    TSK_VERIFIER *v = NULL;
    TSK_TRY(pop_message(h, net, &pop));
    TSK_TRY(tsk_verifier_again(&h->sign_pk, &v));
    return tsk_verify_raw(v, (struct tsk_slice){pop.b, pop.n}, h->pop);
}

/* ---- the withdrawal code ---- */
enum tsk_err tsk_wd_code(const struct tsk_card_root *root, const struct tsk_id16 *record_id, uint8_t ret_code[16])
{
    return from_root(root, TSK_CTX_WD, TSK_SLICE(record_id->b), ret_code, 16);
}

enum tsk_err tsk_wd_hash(const struct tsk_id16 *record_id, const uint8_t code[16], uint8_t ret_hash[32])
{
    const struct tsk_slice parts[] = {TSK_CTX_WDH, TSK_SLICE(record_id->b), {code, 16}};
    return tsk_sha256(parts, 3, ret_hash);
}

void tsk_wd_code_text(const uint8_t code[16], char ret_text[40])
{
    char plain[27];
    tsk_base32(code, 16, plain);
    snprintf(ret_text, 40, "%.4s-%.4s-%.4s-%.4s-%.4s-%.4s-%.2s", plain, plain + 4, plain + 8, plain + 12, plain + 16,
             plain + 20, plain + 24);
}

enum tsk_err tsk_wd_code_parse(const char *text, uint8_t ret_code[16])
{
    uint8_t code[16];
    if (tsk_unbase32(text, code, sizeof code) != TSK_OK)
        return TSK_E_WRONGCODE;
    memcpy(ret_code, code, sizeof code);
    return TSK_OK;
}
