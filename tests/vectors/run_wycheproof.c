/* run_wycheproof.c - C2SP's Wycheproof sets for the primitives in use. */
#include "crypto/algs.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "tests/vectors/run.h"

static bool valid(const json_t *test)
{
    return strcmp(text_of(test, "result"), "valid") == 0;
}

static void ed25519(struct set *s, const json_t *group, const json_t *test)
{
    BYTES pk_bytes = hex_of(json_object_get(group, "publicKey"), "pk"), msg = hex_of(test, "msg"),
          sig = hex_of(test, "sig");
    struct tsk_pk pk;
    bool good = false; /* a signature of another length is refused by its place in the envelope */
    if (pk_bytes.n == 32 && sig.n == 64) {
        memcpy(pk.b, pk_bytes.p, 32);
        good = tsk_verify_once(&pk, SLICE(msg), sig.p) == TSK_OK;
    }
    set_case(s, good == valid(test), "tcId", num_of(test, "tcId"));
}

/* "Acceptable" cases are those of the twist, of numbers not reduced, and of small order: RFC 7748 defines their result,
 * and tasuki takes neither unreduced numbers nor zero results. */
static void x25519(struct set *s, const json_t *group, const json_t *test)
{
    (void)group;
    BYTES pub = hex_of(test, "public"), priv = hex_of(test, "private"), want = hex_of(test, "shared");
    struct tsk_kem_key *kem = NULL;
    struct tsk_pk pk;
    struct tsk_key32 dh = {{0}};
    memcpy(pk.b, pub.p, 32);
    bool zero = has_flag(test, "ZeroSharedSecret");
    bool refused = tsk_x25519_admit(&pk) != TSK_OK;
    bool ok = tsk_kem_new(priv.p, &kem) == TSK_OK;
    enum tsk_err e = ok ? tsk_x25519(kem, &pk, &dh) : TSK_E_BUG;
    ok = ok && (zero ? e == TSK_E_BADSIG && refused : e == TSK_OK && memcmp(dh.b, want.p, 32) == 0);
    ok = ok && (refused || !has_flag(test, "NonCanonicalPublic")) && (!refused || !valid(test));
    set_case(s, ok, "tcId", num_of(test, "tcId"));
    tsk_kem_free(kem);
}

static void aead(struct set *s, enum tsk_aead which, const json_t *group, const json_t *test)
{
    if (num_of(group, "keySize") != 256 || num_of(group, "ivSize") != 96 || num_of(group, "tagSize") != 128) {
        set_skip(s, "another length of key, nonce or tag");
        return;
    }
    BYTES key = hex_of(test, "key"), iv = hex_of(test, "iv"), aad = hex_of(test, "aad"), msg = hex_of(test, "msg");
    BYTES ct = hex_of(test, "ct"), tag = hex_of(test, "tag");
    uint8_t *whole = malloc(ct.n + 16), *out = malloc(ct.n + 16);
    memcpy(whole, ct.p, ct.n);
    memcpy(whole + ct.n, tag.p, 16);
    bool opens = tsk_aead_open(which, key.p, iv.p, SLICE(aad), (struct tsk_slice){whole, ct.n + 16}, out) == TSK_OK;
    bool ok = opens == valid(test) && (!opens || memcmp(out, msg.p, msg.n) == 0);
    bool seals = tsk_aead_seal(which, key.p, iv.p, SLICE(aad), SLICE(msg), out) == TSK_OK;
    ok = ok && seals && (memcmp(out, whole, ct.n + 16) == 0) == valid(test);
    set_case(s, ok, "tcId", num_of(test, "tcId"));
    free(whole);
    free(out);
}

static void aes_gcm(struct set *s, const json_t *group, const json_t *test)
{
    aead(s, TSK_AEAD_AES256GCM, group, test);
}

static void chacha20_poly1305(struct set *s, const json_t *group, const json_t *test)
{
    aead(s, TSK_AEAD_CHACHA20POLY1305, group, test);
}

static void hkdf(struct set *s, const json_t *group, const json_t *test)
{
    (void)group;
    BYTES ikm = hex_of(test, "ikm"), salt = hex_of(test, "salt"), info = hex_of(test, "info"),
          want = hex_of(test, "okm");
    size_t size = (size_t)num_of(test, "size");
    uint8_t *out = calloc(1, size + 1);
    bool done = tsk_hkdf(SLICE(salt), SLICE(ikm), SLICE(info), out, size) == TSK_OK;
    bool good = done && want.n == size && memcmp(out, want.p, size) == 0;
    set_case(s, good == valid(test), "tcId", num_of(test, "tcId"));
    free(out);
}

static void hmac(struct set *s, const json_t *group, const json_t *test)
{
    BYTES key = hex_of(test, "key"), msg = hex_of(test, "msg"), tag = hex_of(test, "tag");
    uint8_t mac[32];
    bool good = tsk_hmac256(SLICE(key), SLICE(msg), mac) == TSK_OK && tag.n == (size_t)num_of(group, "tagSize") / 8 &&
                tag.n <= 32 && memcmp(mac, tag.p, tag.n) == 0;
    set_case(s, good == valid(test), "tcId", num_of(test, "tcId"));
}

#define SET(name, each)                                                        \
    void run_##name(struct set *s)                                             \
    {                                                                          \
        wycheproof(s, "wycheproof/testvectors_v1/" #name "_test.json", each);  \
    }
SET(ed25519, ed25519)
SET(x25519, x25519)
SET(aes_gcm, aes_gcm)
SET(chacha20_poly1305, chacha20_poly1305)
SET(hkdf_sha256, hkdf)
SET(hmac_sha256, hmac)
