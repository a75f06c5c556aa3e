#include "crypto/hpke.h"

#include <string.h>

#include "crypto/algs.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

/* Whoever only opens needs no more than this; a derivation copies `derive`, so that threads may share the key. */
struct tsk_kem_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *derive;
    struct tsk_pk pk;
};

static void kem_drop(struct tsk_kem_key **k)
{
    tsk_kem_free(*k);
}

void tsk_kem_free(struct tsk_kem_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_CTX_free(k->derive);
    EVP_PKEY_free(k->pkey);
    free(k);
}

enum tsk_err tsk_kem_new(const uint8_t sk[32], struct tsk_kem_key **ret_key)
{
    TSK_WIPED(kem_drop) struct tsk_kem_key *k = calloc(1, sizeof *k);
    if (k == NULL)
        return TSK_E_NOMEM;
    size_t pk_n = sizeof k->pk.b;
    k->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, sk, 32);
    k->derive = k->pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    if (k->derive == NULL || EVP_PKEY_derive_init(k->derive) != 1 ||
        EVP_PKEY_get_raw_public_key(k->pkey, k->pk.b, &pk_n) != 1)
        return TSK_E_CRYPTO;
    *ret_key = k;
    k = NULL;
    return TSK_OK;
}

const struct tsk_pk *tsk_kem_pk(const struct tsk_kem_key *k)
{
    return &k->pk;
}

enum tsk_err tsk_x25519(const struct tsk_kem_key *key, const struct tsk_pk *peer, struct tsk_key32 *ret_dh)
{
    static const uint8_t zeros[32];
    TSK_KEY32 dh;
    size_t n = sizeof dh.b;
    TSK_OWNS(EVP_PKEY) EVP_PKEY *pk = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer->b, 32);
    TSK_OWNS(EVP_PKEY_CTX) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->derive);
    if (pk == NULL || ctx == NULL || EVP_PKEY_derive_set_peer_ex(ctx, pk, 0) != 1)
        return TSK_E_CRYPTO;
    /* OpenSSL refuses an all-zero result itself; whether a later one still does is not left to it. */
    if (EVP_PKEY_derive(ctx, dh.b, &n) != 1 || n != sizeof dh.b || tsk_equal(dh.b, zeros, sizeof zeros))
        return TSK_E_BADSIG;
    *ret_dh = dh;
    return TSK_OK;
}

/* ---- labels of RFC 9180 section 4 ---- */
static const uint8_t kem_suite[] = {'K', 'E', 'M', 0x00, 0x20};

static enum tsk_err extract(struct tsk_slice suite, struct tsk_slice salt, struct tsk_slice label, struct tsk_slice ikm,
                            uint8_t ret_prk[32])
{
    const struct tsk_slice parts[] = {TSK_STR("HPKE-v1"), suite, label, ikm};
    return tsk_hmac_parts(salt, parts, 4, ret_prk);
}

static enum tsk_err expand(struct tsk_slice suite, const uint8_t prk[32], struct tsk_slice label, struct tsk_slice info,
                           uint8_t *ret_okm, uint8_t ret_n)
{
    const uint8_t len[] = {0, ret_n};
    const struct tsk_slice parts[] = {TSK_SLICE(len), TSK_STR("HPKE-v1"), suite, label, info};
    return tsk_hkdf_expand_parts(prk, parts, 5, ret_okm, ret_n);
}

static enum tsk_err derive_sk(struct tsk_slice ikm, struct tsk_key32 *ret_sk)
{
    const struct tsk_slice none = {NULL, 0};
    TSK_KEY32 prk;
    TSK_TRY(extract(TSK_SLICE(kem_suite), none, TSK_STR("dkp_prk"), ikm, prk.b));
    return expand(TSK_SLICE(kem_suite), prk.b, TSK_STR("sk"), none, ret_sk->b, 32);
}

enum tsk_err tsk_kem_derive(struct tsk_slice ikm, struct tsk_key32 *ret_sk, struct tsk_pk *ret_pk)
{
    TSK_KEY32 sk;
    TSK_TRY(derive_sk(ikm, &sk));
    TSK_WIPED(kem_drop) struct tsk_kem_key *k = NULL;
    TSK_TRY(tsk_kem_new(sk.b, &k));
    *ret_sk = sk;
    *ret_pk = k->pk;
    return TSK_OK;
}

/* Encap and Decap of DHKEM differ in whose keys stand where; the shared secret binds enc and the recipient's key. */
static enum tsk_err kem_secret(const struct tsk_kem_key *own, const struct tsk_pk *peer, const uint8_t enc[32],
                               const struct tsk_pk *to, struct tsk_key32 *ret_shared)
{
    TSK_KEY32 dh, prk;
    uint8_t context[64];
    TSK_TRY(tsk_x25519(own, peer, &dh));
    memcpy(context, enc, 32);
    memcpy(context + 32, to->b, 32);
    TSK_TRY(extract(TSK_SLICE(kem_suite), (struct tsk_slice){NULL, 0}, TSK_STR("eae_prk"), TSK_SLICE(dh.b), prk.b));
    return expand(TSK_SLICE(kem_suite), prk.b, TSK_STR("shared_secret"), TSK_SLICE(context), ret_shared->b, 32);
}

struct schedule { uint8_t key[32], nonce[12]; };

static void schedule_wipe(struct schedule *s)
{
    tsk_wipe(s, sizeof *s);
}

/* KeySchedule of RFC 9180 5.1 in base mode: mode byte 0, no PSK; the nonce of sequence number 0 is the base nonce. */
static enum tsk_err key_schedule(enum tsk_aead aead, const struct tsk_key32 *shared, struct tsk_slice info,
                                 struct schedule *ret_s)
{
    const uint8_t suite_bytes[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, (uint8_t)aead};
    const struct tsk_slice suite = TSK_SLICE(suite_bytes), none = {NULL, 0};
    uint8_t context[1 + 32 + 32] = {0};
    TSK_KEY32 secret;
    TSK_TRY(extract(suite, none, TSK_STR("psk_id_hash"), none, context + 1));
    TSK_TRY(extract(suite, none, TSK_STR("info_hash"), info, context + 33));
    TSK_TRY(extract(suite, TSK_SLICE(shared->b), TSK_STR("secret"), none, secret.b));
    TSK_TRY(
        expand(suite, secret.b, TSK_STR("key"), TSK_SLICE(context), ret_s->key, aead == TSK_AEAD_AES128GCM ? 16 : 32));
    return expand(suite, secret.b, TSK_STR("base_nonce"), TSK_SLICE(context), ret_s->nonce, 12);
}

static enum tsk_err seal_with(enum tsk_aead aead, const struct tsk_pk *to, const struct tsk_key32 *sk_e,
                              struct tsk_slice info, struct tsk_slice aad, struct tsk_slice pt, uint8_t ret_enc[32],
                              uint8_t *ret_ct)
{
    TSK_WIPED(kem_drop) struct tsk_kem_key *eph = NULL;
    TSK_KEY32 shared;
    TSK_WIPED(schedule_wipe) struct schedule s;
    TSK_TRY(tsk_x25519_admit(to));
    TSK_TRY(tsk_kem_new(sk_e->b, &eph));
    TSK_TRY(kem_secret(eph, to, eph->pk.b, to, &shared));
    TSK_TRY(key_schedule(aead, &shared, info, &s));
    TSK_TRY(tsk_aead_seal(aead, s.key, s.nonce, aad, pt, ret_ct));
    memcpy(ret_enc, eph->pk.b, 32);
    return TSK_OK;
}

enum tsk_err tsk_hpke_seal(enum tsk_aead aead, const struct tsk_pk *to, struct tsk_slice info, struct tsk_slice aad,
                           struct tsk_slice pt, uint8_t ret_enc[32], uint8_t *ret_ct)
{
    TSK_KEY32 sk_e; /* random bytes are as good a private key as ones derived from random bytes, and 4 HMACs cheaper */
    tsk_random(sk_e.b, sizeof sk_e.b);
    return seal_with(aead, to, &sk_e, info, aad, pt, ret_enc, ret_ct);
}

enum tsk_err tsk_hpke_seal_eph(enum tsk_aead aead, const struct tsk_pk *to, struct tsk_slice ikm_e,
                               struct tsk_slice info, struct tsk_slice aad, struct tsk_slice pt, uint8_t ret_enc[32],
                               uint8_t *ret_ct)
{
    TSK_KEY32 sk_e;
    TSK_TRY(derive_sk(ikm_e, &sk_e));
    return seal_with(aead, to, &sk_e, info, aad, pt, ret_enc, ret_ct);
}

enum tsk_err tsk_hpke_open(enum tsk_aead aead, struct tsk_kem_key *key, const uint8_t enc[32], struct tsk_slice info,
                           struct tsk_slice aad, struct tsk_slice ct, uint8_t *ret_pt)
{
    struct tsk_pk peer;
    TSK_KEY32 shared;
    TSK_WIPED(schedule_wipe) struct schedule s;
    memcpy(peer.b, enc, sizeof peer.b);
    TSK_TRY(kem_secret(key, &peer, enc, &key->pk, &shared));
    TSK_TRY(key_schedule(aead, &shared, info, &s));
    return tsk_aead_open(aead, s.key, s.nonce, aad, ct, ret_pt);
}

void tsk_info_init(struct tsk_info *info, struct tsk_slice label, const struct tsk_id16 *net)
{
    memcpy(info->b, label.p, label.n); /* the longest label of contexts.def has 24 bytes */
    memcpy(info->b + label.n, net->b, sizeof net->b);
    info->n = label.n + sizeof net->b;
}
