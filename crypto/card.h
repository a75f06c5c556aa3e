/* card.h - the family's card: its text, its PIN, and the fresh holder keys it acts under (docs/PROTOCOL.md section 3).
 * Used by the command line (and, in the same shape, by the browser); the daemon sees public keys, possession
 * signatures and tweaks only. */
#ifndef TSK_CRYPTO_CARD_H
#define TSK_CRYPTO_CARD_H

#include "crypto/hpke.h"
#include "crypto/sign.h"

#define TSK_CARD_TEXT_CAP 64 /* "TSK1:" + 52 + 4 and NUL = 62 */

struct tsk_card { struct tsk_key32 cs; };
struct tsk_card_root { struct tsk_key32 root; };
void tsk_card_wipe(struct tsk_card *c);
void tsk_card_root_wipe(struct tsk_card_root *r);

void tsk_card_new(struct tsk_card *ret_card);
TSK_MUST_USE enum tsk_err tsk_card_text(const struct tsk_card *card, char ret_text[TSK_CARD_TEXT_CAP]);
/* Ignores white space, hyphens and case. TSK_E_BADCARD for a wrong length, letter or checksum. */
TSK_MUST_USE enum tsk_err tsk_card_parse(const char *text, struct tsk_card *ret_card);

/* HKDF(S, cs, "tasuki/1 handle" || partner id)[:16]: another at each node. Needs no PIN. */
TSK_MUST_USE enum tsk_err tsk_card_id(const struct tsk_card *card, const char *partner, struct tsk_id16 *ret_id);

/* 6 or more digits; full-width digits are mapped; nothing else. `ret_pin` takes cap bytes with NUL. TSK_E_BADPIN. */
TSK_MUST_USE enum tsk_err tsk_pin_normalise(const char *text, char *ret_pin, size_t cap);

/* The root of card and PIN: scrypt with N = 2^17, 128 MiB, most of a second. Any PIN gives some root. `scrypt_n` is
 * 1 << 17 everywhere but in unit tests. */
TSK_MUST_USE enum tsk_err tsk_card_unlock(const struct tsk_card *card, const char *pin, uint64_t scrypt_n,
                                          struct tsk_card_root *ret_root);
#define TSK_SCRYPT_N (UINT64_C(1) << 17)

struct tsk_holder_keys {
    struct tsk_id16 tweak;
    struct tsk_signer_key *sign; /* freed by tsk_holder_keys_wipe */
    struct tsk_kem_key *kem;
};
void tsk_holder_keys_wipe(struct tsk_holder_keys *k);
TSK_MUST_USE enum tsk_err tsk_holder_derive(const struct tsk_card_root *root, const struct tsk_id16 *tweak,
                                            struct tsk_holder_keys *ret_keys);

/* Possession: sig64 by the holder over "tasuki/1 holder-pop" || net || H({1,2,3,4,7}) of the holder record. Fills key
 * 10 from keys 2, 3, 4 and 7, or checks it (TSK_E_BADSIG) under a signing key that the caller has admitted: under one of
 * small order anything verifies. */
TSK_MUST_USE enum tsk_err tsk_holder_pop_sign(struct tsk_holder *h, struct tsk_signer_key *key,
                                              const struct tsk_id16 *net);
TSK_MUST_USE enum tsk_err tsk_holder_pop_check(const struct tsk_holder *h, const struct tsk_id16 *net);

/* The withdrawal code of a grant, and the hash that the grant carries. */
TSK_MUST_USE enum tsk_err tsk_wd_code(const struct tsk_card_root *root, const struct tsk_id16 *record_id,
                                      uint8_t ret_code[16]);
TSK_MUST_USE enum tsk_err tsk_wd_hash(const struct tsk_id16 *record_id, const uint8_t code[16], uint8_t ret_hash[32]);
/* base32 in groups of 4, "ABCD-EFGH-...": 33 bytes with NUL; and back, ignoring spaces, hyphens and case.
 * TSK_E_WRONGCODE for what is no code. */
void tsk_wd_code_text(const uint8_t code[16], char ret_text[40]);
TSK_MUST_USE enum tsk_err tsk_wd_code_parse(const char *text, uint8_t ret_code[16]);

#endif
