/* sign.h - Ed25519 (RFC 8032) under COSE_Sign1: node keys cached, public keys admitted only after the checks of
 * docs/PROTOCOL.md section 2, records signed and verified whole. */
#ifndef TSK_CRYPTO_SIGN_H
#define TSK_CRYPTO_SIGN_H

#include "crypto/secret.h"
#include "schema/cose.h"

/* The labels of contexts.def: TSK_CTX_SIGN and so on. Static. */
#define TSK_CONTEXT(name, label, why) extern const struct tsk_slice TSK_CTX_##name;
#include "crypto/contexts.def"
#undef TSK_CONTEXT

/* 32 bytes, canonical, on the curve, not of small order, in the prime-order subgroup. TSK_E_UNKNOWNPEER otherwise.
 * (OpenSSL takes the 8 small points: with A = R = identity and s = 0 any message verifies.) */
TSK_MUST_USE enum tsk_err tsk_ed25519_admit(const struct tsk_pk *pk);
/* Canonical, and X25519 with it cannot be all zero. */
TSK_MUST_USE enum tsk_err tsk_x25519_admit(const struct tsk_pk *pk);

TSK_MUST_USE enum tsk_err tsk_kid_of(const struct tsk_pk *pk, struct tsk_kid *ret_kid);
/* First 8 bytes of H(pk): names a sealing key. */
TSK_MUST_USE enum tsk_err tsk_id8_of(const struct tsk_pk *pk, uint8_t ret_id8[8]);
/* net = H("tasuki/1 net" || genesis roster payload)[:16] */
TSK_MUST_USE enum tsk_err tsk_net_of(struct tsk_slice genesis_payload, struct tsk_id16 *ret_net);

/* A private signing key, parsed once (parsing per call costs as much as signing). Immutable: threads may share it. */
struct tsk_signer_key;
TSK_MUST_USE enum tsk_err tsk_signer_new(const uint8_t seed[32],
                                         struct tsk_signer_key **ret_key); /* free with tsk_signer_free */
void tsk_signer_free(struct tsk_signer_key *k);
const struct tsk_pk *tsk_signer_pk(const struct tsk_signer_key *k);
const struct tsk_kid *tsk_signer_kid(const struct tsk_signer_key *k);
TSK_MUST_USE enum tsk_err tsk_sign_raw(struct tsk_signer_key *k, struct tsk_slice msg, uint8_t ret_sig[64]);

/* A public key, admitted (0.1 ms) and parsed once. Immutable: threads may share it. */
struct tsk_verifier;
TSK_MUST_USE enum tsk_err tsk_verifier_new(const struct tsk_pk *pk,
                                           struct tsk_verifier **ret_v); /* free with tsk_verifier_free */
/* The same for a key that has been admitted already (a holder's that is stored): parsed alone. */
TSK_MUST_USE enum tsk_err tsk_verifier_again(const struct tsk_pk *pk, struct tsk_verifier **ret_v);
void tsk_verifier_free(struct tsk_verifier *v);
void tsk_verifier_drop(struct tsk_verifier **v);
#define TSK_VERIFIER TSK_WIPED(tsk_verifier_drop) struct tsk_verifier
const struct tsk_kid *tsk_verifier_kid(const struct tsk_verifier *v);
TSK_MUST_USE enum tsk_err tsk_verify_raw(struct tsk_verifier *v, struct tsk_slice msg,
                                         const uint8_t sig[64]); /* TSK_E_BADSIG */
TSK_MUST_USE enum tsk_err tsk_verify_once(const struct tsk_pk *pk, struct tsk_slice msg, const uint8_t sig[64]);

/* Encodes the struct of row `r`, signs it, and gives the whole envelope and its id32. `buf` needs tsk_rec_max(r). */
TSK_MUST_USE enum tsk_err tsk_record_sign(enum tsk_rec r, const void *record, struct tsk_signer_key *key,
                                          const struct tsk_id16 *net, uint8_t *buf, size_t cap,
                                          struct tsk_slice *ret_bytes, struct tsk_id32 *ret_id);
/* R5 on a parsed envelope: TSK_E_UNKNOWNPEER if the verifier's kid is not the envelope's, TSK_E_BADSIG. */
TSK_MUST_USE enum tsk_err tsk_record_verify(const struct tsk_envelope *env, struct tsk_verifier *v,
                                            const struct tsk_id16 *net);
/* id32 = H(Sig_structure): the same record whatever its signature bytes. */
TSK_MUST_USE enum tsk_err tsk_record_id(const struct tsk_envelope *env, const struct tsk_id16 *net,
                                        struct tsk_id32 *ret_id);

/* The roster's own form: signatures of `threshold` distinct roots of `roots` (the pinned or previous ones) over the
 * Sig_structure of typ tasuki-roster with net = 16 zero bytes. TSK_E_ROSTERROOT. */
TSK_MUST_USE enum tsk_err tsk_roster_verify(struct tsk_slice payload, const struct tsk_roster_sig *sigs, size_t sigs_n,
                                            const struct tsk_pk *roots, size_t roots_n, uint64_t threshold,
                                            struct tsk_id32 *ret_id);
TSK_MUST_USE enum tsk_err tsk_roster_sign(struct tsk_slice payload, struct tsk_signer_key *root,
                                          struct tsk_roster_sig *ret_sig);
/* H of the Sig_structure with 32 zero bytes in the place of the kid: several roots sign, and the roster has one id. */
TSK_MUST_USE enum tsk_err tsk_roster_id(struct tsk_slice payload, struct tsk_id32 *ret_id);

#endif
