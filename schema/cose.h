/* cose.h - the bytes of a COSE_Sign1 envelope (RFC 9052) in tasuki's single profile; no cryptography here.
 *
 *   18([ protected, {}, payload, signature64 ])
 *   protected = << {1: -19, 4: kid32, 16: typ} >>      -19 = Ed25519 (RFC 9864), 16 = typ (RFC 9596)
 *   Sig_structure = ["Signature1", protected, external_aad, payload],   external_aad = "tasuki/1" || net16
 * Nothing else is accepted: the verifier rebuilds the protected bytes from kid and typ and compares.
 */
#ifndef TSK_SCHEMA_COSE_H
#define TSK_SCHEMA_COSE_H

#include "schema/record.h"

#define TSK_COSE_OVERHEAD 192 /* bytes of envelope around a payload, at most */

struct tsk_envelope {
    enum tsk_rec rec;        /* by typ */
    struct tsk_kid kid;
    struct tsk_slice payload; /* borrows from the input */
    const uint8_t *sig;       /* 64 bytes, borrows */
};

/* R1-R3 and the typ. Errors: TSK_E_MALFORMED; TSK_E_WRONGTYPE for a typ no row knows. */
TSK_MUST_USE enum tsk_err tsk_cose_parse(struct tsk_slice bytes, struct tsk_envelope *ret_env);

/* What is signed. `buf` needs payload.n + TSK_COSE_OVERHEAD bytes. */
TSK_MUST_USE enum tsk_err tsk_cose_sig_structure(enum tsk_rec r, const struct tsk_kid *kid, const struct tsk_id16 *net,
                                                 struct tsk_slice payload, uint8_t *buf, size_t cap,
                                                 struct tsk_slice *ret_bytes);

/* The envelope around a payload and its signature. */
TSK_MUST_USE enum tsk_err tsk_cose_build(enum tsk_rec r, const struct tsk_kid *kid, struct tsk_slice payload,
                                         const uint8_t sig[64], uint8_t *buf, size_t cap, struct tsk_slice *ret_bytes);

/* The roster's form: [payload, [+[root kid, sig64]]], signatures sorted by kid, at most TSK_ROOTS_MAX. */
struct tsk_roster_sig { struct tsk_kid kid; uint8_t sig[64]; };
TSK_MUST_USE enum tsk_err tsk_roster_split(struct tsk_slice bytes, struct tsk_slice *ret_payload,
                                           struct tsk_roster_sig ret_sigs[TSK_ROOTS_MAX], size_t *ret_sigs_n);
TSK_MUST_USE enum tsk_err tsk_roster_join(struct tsk_slice payload, const struct tsk_roster_sig *sigs, size_t sigs_n,
                                          uint8_t *buf, size_t cap, struct tsk_slice *ret_bytes);

/* The COSE_Key bytes whose SHA-256 is the kid (RFC 9679): a3 01 01 20 06 21 5820 || x. */
void tsk_cose_key(const struct tsk_pk *pk, uint8_t ret_bytes[40]);

#endif
