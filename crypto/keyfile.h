/* keyfile.h - one key file a node, encrypted at rest: AES-256-GCM under scrypt of the unlock secret, parameters fixed
 * in the program and never read from the file (N = 2^15: the unlock secret is 32 random bytes, not a human's password).
 *
 *   "TSKKEY1\n" || salt16 || nonce12 || GCM( CBOR of the keys ) || tag16
 *
 * What it does not protect against: whoever can read the default unlock file, which lies in the same folder (0600).
 * --unlock-file or $CREDENTIALS_DIRECTORY/unlock put the secret elsewhere. docs/THREATS.md says so.
 */
#ifndef TSK_CRYPTO_KEYFILE_H
#define TSK_CRYPTO_KEYFILE_H

#include "crypto/hpke.h"
#include "crypto/sign.h"

struct tsk_node_seal { uint64_t year; struct tsk_key32 sk; struct tsk_pk pk; uint8_t id8[8]; };

/* In the secure heap as long as it lives. */
struct tsk_node_keys {
    struct tsk_key32 sign_seed;
    struct tsk_key32 store;  /* master key of the sealed rows */
    struct tsk_key32 staff;  /* key of the staff pseudonyms */
    struct tsk_node_seal seal[TSK_SEAL_KEYS_MAX]; size_t seal_n;
    uint8_t tls_key[512]; size_t tls_key_n; /* PKCS #8 DER, P-256 */
};

TSK_MUST_USE enum tsk_err tsk_node_keys_new(uint64_t year,
                                            struct tsk_node_keys **ret_keys); /* free with tsk_node_keys_free */
void tsk_node_keys_free(struct tsk_node_keys *k);
/* A further sealing key, next year's. TSK_E_LIMIT when TSK_SEAL_KEYS_MAX are kept. */
TSK_MUST_USE enum tsk_err tsk_node_keys_add_seal(struct tsk_node_keys *k, uint64_t year);

#define TSK_KEYFILE_CAP 4096
TSK_MUST_USE enum tsk_err tsk_keyfile_seal(const struct tsk_node_keys *k, struct tsk_slice unlock, uint8_t *buf,
                                           size_t cap, struct tsk_slice *ret_bytes);
/* TSK_E_KEYS for a wrong secret or any changed byte. */
TSK_MUST_USE enum tsk_err tsk_keyfile_open(struct tsk_slice bytes, struct tsk_slice unlock,
                                           struct tsk_node_keys **ret_keys);

/* Keyed pseudonym of a member of staff: HMAC(staff key, "tasuki/1 staff" || name)[:16]. */
TSK_MUST_USE enum tsk_err tsk_staff_pseudonym(const struct tsk_node_keys *k, const char *name, struct tsk_id16 *ret_id);

#endif
