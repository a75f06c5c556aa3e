#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/tls.h"
#include "tests/crypto/crypto_test.h"

#define FROM UINT64_C(1800000000)
#define UNTIL (FROM + UINT64_C(400) * 86400)
static const char dns[] = "01102-kk.node.tasuki.internal";

struct der { uint8_t buf[2048]; struct tsk_slice der; };

/* A network's CA, and a node's key and request. */
struct pki { struct der ca_key, ca, key, csr; };

static void pki_init(struct pki *p)
{
    ck_ok(tsk_tls_key_new(p->ca_key.buf, 2048, &p->ca_key.der));
    ck_ok(tsk_tls_key_new(p->key.buf, 2048, &p->key.der));
    ck_ok(tsk_tls_ca_new(p->ca_key.der, "例のネットワーク", FROM, UNTIL, p->ca.buf, 2048, &p->ca.der));
    ck_ok(tsk_tls_csr(p->key.der, dns, p->csr.buf, 2048, &p->csr.der));
}

static enum tsk_err issue(const struct pki *p, struct der *ret)
{
    return tsk_tls_issue(p->ca_key.der, p->ca.der, p->csr.der, dns, FROM, UNTIL, ret->buf, sizeof ret->buf, &ret->der);
}

static X509 *parse(struct tsk_slice der)
{
    const uint8_t *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    ck_assert_ptr_nonnull(x);
    ck_assert_ptr_eq(p, der.p + der.n);
    return x;
}

/* X509_V_OK or why not, as a TLS peer would check it. */
static int chain(X509 *ca, X509 *leaf, const char *host, int purpose, uint64_t at)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, ca);
    X509_STORE_CTX_init(ctx, store, leaf, NULL);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set1_host(param, host, 0);
    X509_VERIFY_PARAM_set_time(param, (time_t)at);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_purpose(param, purpose);
    int e = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return e;
}

START_TEST(names)
{
    char name[64];
    tsk_tls_dns("01102-KK", name);
    ck_assert_str_eq(name, dns);
    tsk_tls_dns("X001", name);
    ck_assert_str_eq(name, "x001.node.tasuki.internal");
}
END_TEST

START_TEST(a_peer_accepts_it)
{
    struct pki p;
    struct der cert;
    pki_init(&p);
    ck_ok(issue(&p, &cert));
    X509 *ca = parse(p.ca.der), *leaf = parse(cert.der);
    ck_assert_int_eq(chain(ca, leaf, dns, X509_PURPOSE_SSL_SERVER, FROM), X509_V_OK);
    ck_assert_int_eq(chain(ca, leaf, dns, X509_PURPOSE_SSL_CLIENT, FROM), X509_V_OK);
    ck_assert_int_eq(chain(ca, leaf, dns, X509_PURPOSE_SSL_SERVER, FROM - 86400), X509_V_OK); /* a clock behind */
    ck_assert_int_eq(chain(ca, leaf, dns, X509_PURPOSE_SSL_SERVER, FROM - 86402), X509_V_ERR_CERT_NOT_YET_VALID);
    ck_assert_int_eq(chain(ca, leaf, dns, X509_PURPOSE_SSL_SERVER, UNTIL + 1), X509_V_ERR_CERT_HAS_EXPIRED);
    ck_assert_int_eq(chain(ca, leaf, "x001.node.tasuki.internal", X509_PURPOSE_SSL_SERVER, FROM),
                     X509_V_ERR_HOSTNAME_MISMATCH);
    ck_assert_int_eq(chain(ca, leaf, dns, X509_PURPOSE_SMIME_SIGN, FROM), X509_V_ERR_INVALID_PURPOSE);
    ck_assert_int_eq(chain(leaf, ca, NULL, X509_PURPOSE_ANY, FROM) == X509_V_OK, 0);
    X509_free(ca);
    X509_free(leaf);
}
END_TEST

START_TEST(what_is_in_it)
{
    struct pki p;
    struct der cert;
    char cn[64];
    pki_init(&p);
    ck_ok(issue(&p, &cert));
    X509 *ca = parse(p.ca.der), *leaf = parse(cert.der);
    ck_assert_int_eq(X509_check_ca(ca), 1);
    ck_assert_int_eq(X509_check_ca(leaf), 0);
    ck_assert_uint_eq(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    ck_assert_uint_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    ck_assert_uint_eq(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER | XKU_SSL_CLIENT);
    ck_assert_int_eq(X509_get_signature_nid(leaf), NID_ecdsa_with_SHA256);
    ck_assert_int_gt(X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, cn, sizeof cn), 0);
    ck_assert_str_eq(cn, dns);
    ck_assert_int_eq(X509_NAME_cmp(X509_get_issuer_name(leaf), X509_get_subject_name(ca)), 0);
    GENERAL_NAMES *sans = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    ck_assert_int_eq(sk_GENERAL_NAME_num(sans), 1);
    GENERAL_NAMES_free(sans);
    X509_free(ca);
    X509_free(leaf);
}
END_TEST

START_TEST(serials_are_random)
{
    struct pki p;
    struct der a, b;
    pki_init(&p);
    ck_ok(issue(&p, &a));
    ck_ok(issue(&p, &b));
    X509 *x = parse(a.der), *y = parse(b.der);
    ck_assert_int_ne(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)), 0);
    ck_assert_int_eq(X509_get0_serialNumber(x)->length, 16);
    X509_free(x);
    X509_free(y);
}
END_TEST

/* The name is the registrar's to give, whatever the request says. */
START_TEST(the_request_names_nothing)
{
    struct pki p;
    struct der cert;
    pki_init(&p);
    ck_ok(tsk_tls_csr(p.key.der, "someone-else.node.tasuki.internal", p.csr.buf, 2048, &p.csr.der));
    ck_ok(issue(&p, &cert));
    X509 *leaf = parse(cert.der);
    ck_assert_int_eq(X509_check_host(leaf, dns, 0, 0, NULL), 1);
    ck_assert_int_eq(X509_check_host(leaf, "someone-else.node.tasuki.internal", 0, 0, NULL), 0);
    X509_free(leaf);
}
END_TEST

START_TEST(changed_requests_are_refused)
{
    struct pki p;
    struct der cert;
    pki_init(&p);
    for (size_t bit = 0; bit < p.csr.der.n * 8; bit++) {
        p.csr.buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_msg(issue(&p, &cert) != TSK_OK, "bit %zu", bit);
        p.csr.buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    size_t n = p.csr.der.n;
    for (p.csr.der.n = 0; p.csr.der.n < n; p.csr.der.n++)
        ck_err(issue(&p, &cert), TSK_E_MALFORMED);
    p.csr.der.n = n + 1;
    ck_err(issue(&p, &cert), TSK_E_MALFORMED);
    p.csr.der.n = n;
    ck_ok(issue(&p, &cert));
}
END_TEST

/* A request by a key of another kind, well signed. */
static void foreign_csr(struct der *d, EVP_PKEY *key, const EVP_MD *md)
{
    X509_REQ *req = X509_REQ_new();
    X509_REQ_set_version(req, X509_REQ_VERSION_1);
    X509_REQ_set_pubkey(req, key);
    ck_assert_int_gt(X509_REQ_sign(req, key, md), 0);
    uint8_t *out = d->buf;
    d->der = (struct tsk_slice){d->buf, (size_t)i2d_X509_REQ(req, &out)};
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

START_TEST(only_p256)
{
    struct pki p;
    struct der cert;
    pki_init(&p);
    foreign_csr(&p.csr, EVP_EC_gen("P-384"), EVP_sha256());
    ck_err(issue(&p, &cert), TSK_E_MALFORMED);
    foreign_csr(&p.csr, EVP_EC_gen("secp256k1"), EVP_sha256());
    ck_err(issue(&p, &cert), TSK_E_MALFORMED);
    foreign_csr(&p.csr, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
    ck_err(issue(&p, &cert), TSK_E_MALFORMED);
    foreign_csr(&p.csr, EVP_EC_gen("P-256"), EVP_sha256());
    ck_ok(issue(&p, &cert));
}
END_TEST

START_TEST(names_that_would_say_more)
{
    static const char *const bad[] = {"", "a,DNS:b", "A.b", "a b", "a\nb", "a:b", "*.b", "ü.b",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct pki p;
    struct der d;
    pki_init(&p);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_err(tsk_tls_csr(p.key.der, bad[i], d.buf, 2048, &d.der), TSK_E_MALFORMED);
        ck_err(tsk_tls_issue(p.ca_key.der, p.ca.der, p.csr.der, bad[i], FROM, UNTIL, d.buf, 2048, &d.der),
               TSK_E_MALFORMED);
    }
}
END_TEST

START_TEST(wrong_keys_and_little_room)
{
    struct pki p, q;
    struct der d = {.der = {NULL, 7}};
    pki_init(&p);
    pki_init(&q);
    ck_err(tsk_tls_issue(q.ca_key.der, p.ca.der, p.csr.der, dns, FROM, UNTIL, d.buf, 2048, &d.der), TSK_E_KEYS);
    ck_err(tsk_tls_issue(p.csr.der, p.ca.der, p.csr.der, dns, FROM, UNTIL, d.buf, 2048, &d.der), TSK_E_MALFORMED);
    ck_err(tsk_tls_issue(p.ca_key.der, p.csr.der, p.csr.der, dns, FROM, UNTIL, d.buf, 2048, &d.der), TSK_E_MALFORMED);
    ck_err(tsk_tls_issue(p.ca_key.der, p.ca.der, p.csr.der, dns, FROM, UNTIL, d.buf, 100, &d.der), TSK_E_LIMIT);
    ck_err(tsk_tls_key_new(d.buf, 100, &d.der), TSK_E_LIMIT);
    ck_err(tsk_tls_csr(p.key.der, dns, d.buf, 100, &d.der), TSK_E_LIMIT);
    ck_assert_uint_eq(d.der.n, 7);
    ck_ok(issue(&p, &d));
    X509 *ca = parse(q.ca.der), *leaf = parse(d.der);
    ck_assert_int_ne(chain(ca, leaf, dns, X509_PURPOSE_SSL_SERVER, FROM), X509_V_OK); /* another network */
    X509_free(ca);
    X509_free(leaf);
}
END_TEST

START_TEST(pem)
{
    struct pki p;
    char text[4096];
    pki_init(&p);
    ck_ok(tsk_tls_pem("CERTIFICATE", p.ca.der, text, sizeof text));
    size_t n = strlen(text);
    BIO *bio = BIO_new_mem_buf(text, (int)n);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL), *want = parse(p.ca.der);
    ck_assert_ptr_nonnull(x);
    ck_assert_int_eq(X509_cmp(x, want), 0);
    BIO_free(bio);
    X509_free(x);
    X509_free(want);
    ck_ok(tsk_tls_pem("PRIVATE KEY", p.key.der, text, sizeof text));
    bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(key);
    BIO_free(bio);
    EVP_PKEY_free(key);
    for (size_t len = 1; len <= 200; len++) { /* the size asked for is the size needed */
        ck_ok(tsk_tls_pem("X", (struct tsk_slice){p.ca.buf, len}, text, sizeof text));
        size_t need = strlen(text) + 1;
        ck_ok(tsk_tls_pem("X", (struct tsk_slice){p.ca.buf, len}, text, need));
        ck_err(tsk_tls_pem("X", (struct tsk_slice){p.ca.buf, len}, text, need - 1), TSK_E_LIMIT);
    }
}
END_TEST

static TCase *tls(void)
{
    TCase *tc = crypto_case("tls");
    tcase_add_test(tc, names);
    tcase_add_test(tc, a_peer_accepts_it);
    tcase_add_test(tc, what_is_in_it);
    tcase_add_test(tc, serials_are_random);
    tcase_add_test(tc, the_request_names_nothing);
    tcase_add_test(tc, changed_requests_are_refused);
    tcase_add_test(tc, only_p256);
    tcase_add_test(tc, names_that_would_say_more);
    tcase_add_test(tc, wrong_keys_and_little_room);
    tcase_add_test(tc, pem);
    return tc;
}

TSK_TEST_MAIN("tls", tls)
