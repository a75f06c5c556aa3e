/* hpke.h - HPKE base mode, single shot (RFC 9180): DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001, AEAD by
 * parameter. */
#ifndef TSK_CRYPTO_HPKE_H
#define TSK_CRYPTO_HPKE_H

#include "crypto/secret.h"
#include "schema/record.h"

enum tsk_aead { TSK_AEAD_AES128GCM = 1, TSK_AEAD_AES256GCM = 2, TSK_AEAD_CHACHA20POLY1305 = 3 };

#define TSK_HPKE_TAG 16

/* A private X25519 key, parsed once. Immutable: threads may use one at the same time. */
struct tsk_kem_key;
TSK_MUST_USE enum tsk_err tsk_kem_new(const uint8_t sk[32], struct tsk_kem_key **ret_key); /* free with tsk_kem_free */
void tsk_kem_free(struct tsk_kem_key *k);
const struct tsk_pk *tsk_kem_pk(const struct tsk_kem_key *k);

/* X25519 (RFC 7748) itself; HPKE does this inside. TSK_E_BADSIG when the result is all zero. */
TSK_MUST_USE enum tsk_err tsk_x25519(const struct tsk_kem_key *key, const struct tsk_pk *peer,
                                     struct tsk_key32 *ret_dh);

/* DeriveKeyPair of RFC 9180 7.1.3. */
TSK_MUST_USE enum tsk_err tsk_kem_derive(struct tsk_slice ikm, struct tsk_key32 *ret_sk, struct tsk_pk *ret_pk);

/* A fresh single-shot context a message. `ret_ct` takes pt.n + 16. The ephemeral key comes from tsk_random; the _eph
 * form takes its ikm, for the RFC's vectors and docs/vectors only. TSK_E_UNKNOWNPEER if tsk_x25519_admit refuses `to`.
 */
TSK_MUST_USE enum tsk_err tsk_hpke_seal(enum tsk_aead aead, const struct tsk_pk *to, struct tsk_slice info,
                                        struct tsk_slice aad, struct tsk_slice pt, uint8_t ret_enc[32],
                                        uint8_t *ret_ct);
TSK_MUST_USE enum tsk_err tsk_hpke_seal_eph(enum tsk_aead aead, const struct tsk_pk *to, struct tsk_slice ikm_e,
                                            struct tsk_slice info, struct tsk_slice aad, struct tsk_slice pt,
                                            uint8_t ret_enc[32], uint8_t *ret_ct);
/* `ret_pt` takes ct.n - 16. TSK_E_BADSIG for anything that does not open; an all-zero shared secret is refused. */
TSK_MUST_USE enum tsk_err tsk_hpke_open(enum tsk_aead aead, struct tsk_kem_key *key, const uint8_t enc[32],
                                        struct tsk_slice info, struct tsk_slice aad, struct tsk_slice ct,
                                        uint8_t *ret_pt);

/* label || net, the `info` of every tasuki HPKE use. */
struct tsk_info { uint8_t b[64]; size_t n; };
void tsk_info_init(struct tsk_info *info, struct tsk_slice label, const struct tsk_id16 *net);

#endif
