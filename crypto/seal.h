/* seal.h - sealing a category for the family's cards, and re-wrapping it for one agency on consent (section 4).
 *
 * The content key CK comes from two halves: s1, which only the family's cards can open, and s2, which in mode 2 the
 * keepers hold; in mode 1 (card) s2 is 32 zero bytes. The sender erases s1 when it has sealed: from then on it
 * cannot open the item either.
 */
#ifndef TSK_CRYPTO_SEAL_H
#define TSK_CRYPTO_SEAL_H

#include "crypto/hpke.h"

/* Bytes of the ciphertext for a plaintext of n bytes: padded, and 16 of tag. 0 if n is over TSK_PLAINTEXT_MAX. */
size_t tsk_seal_ct_len(size_t plaintext_n);

/* Fills ret_item from `core` (all of its fields set but id, which is drawn here) and seals `content`. `kems` are the
 * holders' KEM public keys in the order of core->holders. `core_buf` keeps the encoded core that ret_item borrows.
 * `ret_ct` takes tsk_seal_ct_len(content.n). Policy any: the whole s1 to each holder; all: XOR parts. */
TSK_MUST_USE enum tsk_err tsk_item_seal(struct tsk_item_core *core, const struct tsk_pk *kems,
                                        const struct tsk_id16 *net, struct tsk_slice content, uint8_t *core_buf,
                                        size_t core_cap, struct tsk_item *ret_item, uint8_t *ret_ct);

/* What a holder's key opens: its part of s1, checked against s1_commit. TSK_E_WRONGHOLDER if this key is not a
 * holder, TSK_E_BADSIG if the wrap does not open or does not meet its commitment. */
TSK_MUST_USE enum tsk_err tsk_item_unwrap(const struct tsk_item *item, const struct tsk_kid *holder,
                                          struct tsk_kem_key *kem, const struct tsk_id16 *net,
                                          struct tsk_key32 *ret_part);

/* Joins parts (one for any; one for each holder for all), checks ck_commit, H(ct), GCM and the padding, and gives the
 * plaintext in `ret_content` (ct.n bytes of room; ret_slice points into it). TSK_E_BADSIG for any mismatch. `s2` NULL =
 * mode 1. */
TSK_MUST_USE enum tsk_err tsk_item_open(const struct tsk_item *item, const struct tsk_key32 *parts, size_t parts_n,
                                        const struct tsk_key32 *s2, struct tsk_slice ct, uint8_t *ret_content,
                                        struct tsk_slice *ret_slice);

/* Re-wrap a holder's part for the recipient: aad record_id16 || holder kid || item id32 || recipient kid. */
TSK_MUST_USE enum tsk_err tsk_rewrap(const struct tsk_key32 *part, const struct tsk_id16 *record_id,
                                     const struct tsk_kid *holder, const struct tsk_id32 *item_id,
                                     const struct tsk_kid *recipient, const struct tsk_seal_key *to,
                                     const struct tsk_id16 *net, struct tsk_rewrap *ret_wrap);
TSK_MUST_USE enum tsk_err tsk_rewrap_open(const struct tsk_rewrap *wrap, const struct tsk_id16 *record_id,
                                          const struct tsk_kid *holder, const struct tsk_kid *recipient,
                                          struct tsk_kem_key *key, const struct tsk_id16 *net,
                                          struct tsk_key32 *ret_part);

/* ---- parcels ---- */
/* Pads `inner` (an encoded tsk_inner) and seals it: zero bytes to a multiple of 4096 without ciphertexts, else to
 * 256 * 2^k. `buf` takes the encoded parcel; tsk_parcel_cap says how much that is at most. */
size_t tsk_parcel_cap(size_t inner_n, bool has_cts);
TSK_MUST_USE enum tsk_err tsk_parcel_seal(const struct tsk_kid *from, const struct tsk_kid *to,
                                          const struct tsk_seal_key *key, const struct tsk_id16 *put_id,
                                          const struct tsk_id16 *net, struct tsk_slice inner, bool has_cts,
                                          uint8_t *buf, size_t cap, struct tsk_slice *ret_parcel);
/* `ret_plain` takes parcel->ct.n bytes; ret_inner points into it, padding checked to be zero and cut off. */
TSK_MUST_USE enum tsk_err tsk_parcel_open(const struct tsk_parcel *parcel, const struct tsk_kid *from,
                                          const struct tsk_id16 *put_id, struct tsk_kem_key *key,
                                          const struct tsk_id16 *net, uint8_t *ret_plain, struct tsk_slice *ret_inner);

#endif
