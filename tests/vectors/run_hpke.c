/* run_hpke.c - RFC 9180 appendix A through the single-shot calls, and OpenSSL's own HPKE as the other side. */
#include <openssl/opensslv.h>

#include "crypto/algs.h"
#include "crypto/hpke.h"
#include "tests/vectors/run.h"

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
#include <openssl/hpke.h>
#endif

static bool same(struct bytes want, const uint8_t *got)
{
    return memcmp(want.p, got, want.n) == 0;
}

static void key_pair(struct set *s, const json_t *e, const char *ikm_name, const char *sk_name, const char *pk_name,
                     long long id)
{
    BYTES ikm = hex_of(e, ikm_name), sk = hex_of(e, sk_name), pk = hex_of(e, pk_name);
    struct tsk_key32 got_sk;
    struct tsk_pk got_pk;
    bool ok = tsk_kem_derive(SLICE(ikm), &got_sk, &got_pk) == TSK_OK;
    set_case(s, ok && same(sk, got_sk.b) && same(pk, got_pk.b), ikm_name, id);
}

static void single_shot(struct set *s, const json_t *e, const json_t *x, long long id)
{
    enum tsk_aead aead = (enum tsk_aead)num_of(e, "aead_id");
    BYTES ikm = hex_of(e, "ikmE"), enc = hex_of(e, "enc"), pk = hex_of(e, "pkRm"), sk = hex_of(e, "skRm");
    BYTES info = hex_of(e, "info"), key = hex_of(e, "key"), nonce = hex_of(e, "base_nonce");
    BYTES aad = hex_of(x, "aad"), pt = hex_of(x, "pt"), ct = hex_of(x, "ct");
    uint8_t got_enc[32], got[256];
    struct tsk_pk to;
    memcpy(to.b, pk.p, 32);
    bool ok = tsk_hpke_seal_eph(aead, &to, SLICE(ikm), SLICE(info), SLICE(aad), SLICE(pt), got_enc, got) == TSK_OK;
    set_case(s, ok && same(enc, got_enc) && same(ct, got), "seal", id);
    ok = tsk_aead_open(aead, key.p, nonce.p, SLICE(aad), SLICE(ct), got) == TSK_OK;
    set_case(s, ok && same(pt, got), "key schedule", id);
    struct tsk_kem_key *kem = NULL;
    ok = tsk_kem_new(sk.p, &kem) == TSK_OK &&
         tsk_hpke_open(aead, kem, enc.p, SLICE(info), SLICE(aad), SLICE(ct), got) == TSK_OK;
    set_case(s, ok && same(pt, got), "open", id);
    ct.p[0] ^= 1;
    set_case(s, tsk_hpke_open(aead, kem, enc.p, SLICE(info), SLICE(aad), SLICE(ct), got) == TSK_E_BADSIG, "changed",
             id);
    tsk_kem_free(kem);
}

void run_hpke(struct set *s)
{
    json_t *root = load("hpke/rfc9180-appendix-a.json"), *e;
    size_t i;
    json_array_foreach(root, i, e) {
        long long aead = num_of(e, "aead_id");
        if (num_of(e, "mode") != 0 || num_of(e, "kem_id") != 0x20 || num_of(e, "kdf_id") != 1 || aead < 1 || aead > 3) {
            set_skip(s, "setups of another mode, KEM, KDF or AEAD");
            continue;
        }
        key_pair(s, e, "ikmE", "skEm", "pkEm", (long long)i);
        key_pair(s, e, "ikmR", "skRm", "pkRm", (long long)i);
        single_shot(s, e, json_array_get(json_object_get(e, "encryptions"), 0), (long long)i);
    }
    json_decref(root);
}

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
struct peer { OSSL_HPKE_SUITE suite; EVP_PKEY *priv; struct tsk_kem_key *kem; };

static bool openssl_opens(const struct peer *p, enum tsk_aead aead, struct tsk_slice pt)
{
    uint8_t enc[32], ct[128], out[128];
    size_t out_n = sizeof out;
    OSSL_HPKE_CTX *r = OSSL_HPKE_CTX_new(OSSL_HPKE_MODE_BASE, p->suite, OSSL_HPKE_ROLE_RECEIVER, NULL, NULL);
    bool ok = tsk_hpke_seal(aead, tsk_kem_pk(p->kem), TSK_STR("info"), TSK_STR("aad"), pt, enc, ct) == TSK_OK &&
              OSSL_HPKE_decap(r, enc, 32, p->priv, (const uint8_t *)"info", 4) == 1 &&
              OSSL_HPKE_open(r, out, &out_n, (const uint8_t *)"aad", 3, ct, pt.n + 16) == 1 && out_n == pt.n &&
              memcmp(out, pt.p, pt.n) == 0;
    OSSL_HPKE_CTX_free(r);
    return ok;
}

static bool openssl_seals(const struct peer *p, enum tsk_aead aead, struct tsk_slice pt)
{
    uint8_t enc[32], ct[128], out[128];
    size_t enc_n = sizeof enc, ct_n = sizeof ct;
    OSSL_HPKE_CTX *s = OSSL_HPKE_CTX_new(OSSL_HPKE_MODE_BASE, p->suite, OSSL_HPKE_ROLE_SENDER, NULL, NULL);
    bool ok = OSSL_HPKE_encap(s, enc, &enc_n, tsk_kem_pk(p->kem)->b, 32, (const uint8_t *)"info", 4) == 1 &&
              OSSL_HPKE_seal(s, ct, &ct_n, (const uint8_t *)"aad", 3, pt.p, pt.n) == 1 &&
              tsk_hpke_open(aead, p->kem, enc, TSK_STR("info"), TSK_STR("aad"), (struct tsk_slice){ct, ct_n}, out) ==
                  TSK_OK &&
              memcmp(out, pt.p, pt.n) == 0;
    OSSL_HPKE_CTX_free(s);
    return ok;
}

void run_hpke_openssl(struct set *s)
{
    static const uint8_t text[64] = {1, 2, 3};
    for (uint16_t aead = 1; aead <= 3; aead++)
        for (long long i = 0; i < 20; i++) {
            struct peer p = {.suite = {OSSL_HPKE_KEM_ID_X25519, OSSL_HPKE_KDF_ID_HKDF_SHA256, aead}};
            struct tsk_slice pt = {text, (size_t)i * 3 + 1};
            struct tsk_pk pk;
            TSK_KEY32 ikm, sk;
            uint8_t pub[32];
            size_t pub_n = sizeof pub;
            tsk_random(ikm.b, sizeof ikm.b);
            bool ok = OSSL_HPKE_keygen(p.suite, pub, &pub_n, &p.priv, ikm.b, 32, NULL, NULL) == 1 &&
                      tsk_kem_derive(TSK_SLICE(ikm.b), &sk, &pk) == TSK_OK && tsk_kem_new(sk.b, &p.kem) == TSK_OK;
            set_case(s, ok && memcmp(pub, pk.b, 32) == 0, "key pair", i);
            set_case(s, ok && openssl_opens(&p, (enum tsk_aead)aead, pt), "opened by OpenSSL", i);
            set_case(s, ok && openssl_seals(&p, (enum tsk_aead)aead, pt), "sealed by OpenSSL", i);
            tsk_kem_free(p.kem);
            EVP_PKEY_free(p.priv);
        }
}
#else
void run_hpke_openssl(struct set *s)
{
    set_skip(s, "this OpenSSL has no HPKE of its own: 3.2 and later have");
}
#endif
