#include "crypto/keyfile.h"

#include <string.h>

#include "crypto/algs.h"
#include "crypto/hash.h"
#include "crypto/tls.h"
#include "schema/cbor.h"

enum { MAGIC = 8, SALT = 16, NONCE = 12, HEAD = MAGIC + SALT + NONCE, TAG = 16 };
static const char magic[] = "TSKKEY1\n";
#define SCRYPT_N (UINT64_C(1) << 15)

/* The keys as CBOR, on their way into or out of the file. */
struct body { uint8_t b[TSK_KEYFILE_CAP]; };

static void body_drop(struct body **p)
{
    tsk_secure_free(*p, sizeof **p);
}

static void keys_drop(struct tsk_node_keys **p)
{
    tsk_node_keys_free(*p);
}

void tsk_node_keys_free(struct tsk_node_keys *k)
{
    tsk_secure_free(k, sizeof *k);
}

/* Public half and name follow from the private key. */
static enum tsk_err complete(struct tsk_node_seal *s)
{
    struct tsk_kem_key *kem = NULL;
    TSK_TRY(tsk_kem_new(s->sk.b, &kem));
    s->pk = *tsk_kem_pk(kem);
    tsk_kem_free(kem);
    return tsk_id8_of(&s->pk, s->id8);
}

enum tsk_err tsk_node_keys_add_seal(struct tsk_node_keys *k, uint64_t year)
{
    if (k->seal_n == TSK_SEAL_KEYS_MAX)
        return TSK_E_LIMIT;
    struct tsk_node_seal *s = &k->seal[k->seal_n];
    tsk_random(s->sk.b, sizeof s->sk.b);
    TSK_TRY(complete(s));
    s->year = year;
    k->seal_n++;
    return TSK_OK;
}

enum tsk_err tsk_node_keys_new(uint64_t year, struct tsk_node_keys **ret_keys)
{
    TSK_WIPED(keys_drop) struct tsk_node_keys *k = tsk_secure_alloc(sizeof *k);
    struct tsk_slice tls;
    if (k == NULL)
        return TSK_E_NOMEM;
    tsk_random(k->sign_seed.b, sizeof k->sign_seed.b);
    tsk_random(k->store.b, sizeof k->store.b);
    tsk_random(k->staff.b, sizeof k->staff.b);
    TSK_TRY(tsk_node_keys_add_seal(k, year));
    TSK_TRY(tsk_tls_key_new(k->tls_key, sizeof k->tls_key, &tls));
    k->tls_key_n = tls.n;
    *ret_keys = k;
    k = NULL;
    return TSK_OK;
}

/* ---- keys <-> CBOR: {1: sign seed, 2: store, 3: staff, 4: [+[year, sk]], 5: TLS key} ---- */
static enum tsk_err encode(const struct tsk_node_keys *k, struct body *body, struct tsk_slice *ret_bytes)
{
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, body->b, sizeof body->b);
    tsk_cbor_put_map(&out, 5);
    tsk_cbor_put_uint(&out, 1);
    tsk_cbor_put_bytes(&out, TSK_SLICE(k->sign_seed.b));
    tsk_cbor_put_uint(&out, 2);
    tsk_cbor_put_bytes(&out, TSK_SLICE(k->store.b));
    tsk_cbor_put_uint(&out, 3);
    tsk_cbor_put_bytes(&out, TSK_SLICE(k->staff.b));
    tsk_cbor_put_uint(&out, 4);
    tsk_cbor_put_array(&out, k->seal_n);
    for (size_t i = 0; i < k->seal_n; i++) {
        tsk_cbor_put_array(&out, 2);
        tsk_cbor_put_uint(&out, k->seal[i].year);
        tsk_cbor_put_bytes(&out, TSK_SLICE(k->seal[i].sk.b));
    }
    tsk_cbor_put_uint(&out, 5);
    tsk_cbor_put_bytes(&out, (struct tsk_slice){k->tls_key, k->tls_key_n});
    return tsk_cbor_out_done(&out, ret_bytes);
}

static void want_key(struct tsk_cbor_in *in, uint64_t key)
{
    if (tsk_cbor_uint(in) != key)
        tsk_cbor_fail(in, TSK_E_MALFORMED);
}

static void get_key32(struct tsk_cbor_in *in, struct tsk_key32 *k)
{
    struct tsk_slice b = tsk_cbor_bytes(in);
    if (b.n == sizeof k->b)
        memcpy(k->b, b.p, b.n);
    else
        tsk_cbor_fail(in, TSK_E_MALFORMED);
}

static void get_seals(struct tsk_cbor_in *in, struct tsk_node_keys *k)
{
    k->seal_n = (size_t)tsk_cbor_array(in);
    if (k->seal_n > TSK_SEAL_KEYS_MAX) {
        tsk_cbor_fail(in, TSK_E_MALFORMED);
        k->seal_n = 0;
    }
    for (size_t i = 0; i < k->seal_n; i++) {
        if (tsk_cbor_array(in) != 2)
            tsk_cbor_fail(in, TSK_E_MALFORMED);
        k->seal[i].year = tsk_cbor_uint(in);
        get_key32(in, &k->seal[i].sk);
    }
}

static enum tsk_err decode(struct tsk_slice bytes, struct tsk_node_keys *k)
{
    struct tsk_cbor_in in;
    TSK_TRY(tsk_cbor_check(bytes));
    tsk_cbor_in_init(&in, bytes);
    if (tsk_cbor_map(&in) != 5)
        tsk_cbor_fail(&in, TSK_E_MALFORMED);
    want_key(&in, 1);
    get_key32(&in, &k->sign_seed);
    want_key(&in, 2);
    get_key32(&in, &k->store);
    want_key(&in, 3);
    get_key32(&in, &k->staff);
    want_key(&in, 4);
    get_seals(&in, k);
    want_key(&in, 5);
    struct tsk_slice tls = tsk_cbor_bytes(&in);
    if (tls.n > sizeof k->tls_key)
        return TSK_E_MALFORMED;
    TSK_TRY(tsk_cbor_done(&in));
    memcpy(k->tls_key, tls.p, tls.n);
    k->tls_key_n = tls.n;
    for (size_t i = 0; i < k->seal_n; i++)
        TSK_TRY(complete(&k->seal[i]));
    return TSK_OK;
}

/* ---- the file ---- */
static enum tsk_err file_key(struct tsk_slice unlock, const uint8_t *salt, struct tsk_key32 *ret_key)
{
    uint8_t labelled[64];
    memcpy(labelled, TSK_CTX_KEYFILE.p, TSK_CTX_KEYFILE.n);
    memcpy(labelled + TSK_CTX_KEYFILE.n, salt, SALT);
    return tsk_scrypt(unlock, (struct tsk_slice){labelled, TSK_CTX_KEYFILE.n + SALT}, SCRYPT_N, ret_key->b, 32);
}

enum tsk_err tsk_keyfile_seal(const struct tsk_node_keys *k, struct tsk_slice unlock, uint8_t *buf, size_t cap,
                              struct tsk_slice *ret_bytes)
{
    TSK_WIPED(body_drop) struct body *body = tsk_secure_alloc(sizeof *body);
    struct tsk_slice plain;
    TSK_KEY32 key;
    if (body == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(encode(k, body, &plain));
    if (cap < HEAD + plain.n + TAG)
        return TSK_E_LIMIT;
    memcpy(buf, magic, MAGIC);
    tsk_random(buf + MAGIC, SALT + NONCE);
    TSK_TRY(file_key(unlock, buf + MAGIC, &key));
    TSK_TRY(tsk_gcm_seal(key.b, buf + MAGIC + SALT, (struct tsk_slice){buf, HEAD}, plain, buf + HEAD));
    *ret_bytes = (struct tsk_slice){buf, HEAD + plain.n + TAG};
    return TSK_OK;
}

enum tsk_err tsk_keyfile_open(struct tsk_slice bytes, struct tsk_slice unlock, struct tsk_node_keys **ret_keys)
{
    TSK_WIPED(body_drop) struct body *body = tsk_secure_alloc(sizeof *body);
    TSK_WIPED(keys_drop) struct tsk_node_keys *k = tsk_secure_alloc(sizeof *k);
    TSK_KEY32 key;
    if (body == NULL || k == NULL)
        return TSK_E_NOMEM;
    if (bytes.n < HEAD + TAG || bytes.n > HEAD + sizeof body->b + TAG || memcmp(bytes.p, magic, MAGIC) != 0)
        return TSK_E_KEYS;
    size_t plain_n = bytes.n - HEAD - TAG;
    TSK_TRY(file_key(unlock, bytes.p + MAGIC, &key));
    enum tsk_err e = tsk_gcm_open(key.b, bytes.p + MAGIC + SALT, (struct tsk_slice){bytes.p, HEAD},
                                  (struct tsk_slice){bytes.p + HEAD, plain_n + TAG}, body->b);
    if (e != TSK_OK)
        return e == TSK_E_BADSIG ? TSK_E_KEYS : e;
    e = decode((struct tsk_slice){body->b, plain_n}, k);
    if (e != TSK_OK)
        return e == TSK_E_MALFORMED ? TSK_E_KEYS : e;
    *ret_keys = k;
    k = NULL;
    return TSK_OK;
}

enum tsk_err tsk_staff_pseudonym(const struct tsk_node_keys *k, const char *name, struct tsk_id16 *ret_id)
{
    const struct tsk_slice parts[] = {TSK_CTX_STAFF, {(const uint8_t *)name, strlen(name)}};
    uint8_t mac[32];
    TSK_TRY(tsk_hmac_parts(TSK_SLICE(k->staff.b), parts, 2, mac));
    memcpy(ret_id->b, mac, sizeof ret_id->b);
    return TSK_OK;
}
