#include "crypto/tls.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/algs.h"

TSK_DROP(X509, X509_free)
TSK_DROP(X509_REQ, X509_REQ_free)
TSK_DROP(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

#define BACKDATE_S 86400 /* a peer whose clock is behind must not take a fresh certificate for a future one */

/* ---- DER in and out ---- */
static enum tsk_err key_read(struct tsk_slice der, EVP_PKEY **ret_key)
{
    const uint8_t *p = der.p;
    TSK_OWNS(PKCS8_PRIV_KEY_INFO) PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
    if (info == NULL || p != der.p + der.n)
        return TSK_E_MALFORMED;
    EVP_PKEY *key = EVP_PKCS82PKEY(info);
    if (key == NULL)
        return TSK_E_MALFORMED;
    *ret_key = key;
    return TSK_OK;
}

/* Calls OpenSSL's i2d twice: for the length, then into `buf`. */
#define DER_WRITER(name, type, i2d)                                                                \
    static enum tsk_err name(const type *x, uint8_t *buf, size_t cap, struct tsk_slice *ret_der)   \
    {                                                                                              \
        int n = i2d(x, NULL);                                                                      \
        if (n <= 0)                                                                                \
            return TSK_E_CRYPTO;                                                                   \
        if ((size_t)n > cap)                                                                       \
            return TSK_E_LIMIT;                                                                    \
        uint8_t *p = buf;                                                                          \
        i2d(x, &p);                                                                                \
        *ret_der = (struct tsk_slice){buf, (size_t)n};                                             \
        return TSK_OK;                                                                             \
    }
DER_WRITER(key_write, PKCS8_PRIV_KEY_INFO, i2d_PKCS8_PRIV_KEY_INFO)
DER_WRITER(cert_write, X509, i2d_X509)
DER_WRITER(csr_write, X509_REQ, i2d_X509_REQ)

enum tsk_err tsk_tls_key_new(uint8_t *buf, size_t cap, struct tsk_slice *ret_der)
{
    TSK_OWNS(EVP_PKEY) EVP_PKEY *key = EVP_EC_gen("P-256");
    TSK_OWNS(PKCS8_PRIV_KEY_INFO) PKCS8_PRIV_KEY_INFO *info = key == NULL ? NULL : EVP_PKEY2PKCS8(key);
    return info == NULL ? TSK_E_CRYPTO : key_write(info, buf, cap, ret_der);
}

/* ---- names ---- */
void tsk_tls_dns(const char *partner, char ret_dns[64])
{
    snprintf(ret_dns, 64, "%.32s.node.tasuki.internal", partner);
    for (char *c = ret_dns; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

/* The name goes into OpenSSL's extension language, where a comma would start another name. */
static bool dns_ok(const char *dns)
{
    size_t n = strlen(dns);
    return n > 0 && n < 64 && strspn(dns, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

static bool set_cn(X509_NAME *name, const char *cn)
{
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0) == 1;
}

/* ---- certificates ---- */
struct ext { int nid; const char *value; };

static bool add_exts(X509 *cert, X509 *issuer, const struct ext *exts, size_t n)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (size_t i = 0; i < n; i++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, exts[i].nid, exts[i].value);
        int ok = e != NULL && X509_add_ext(cert, e, -1);
        X509_EXTENSION_free(e);
        if (!ok)
            return false;
    }
    return true;
}

static bool set_serial(X509 *cert)
{
    uint8_t serial[16];
    tsk_random(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); /* positive, and always of the same length */
    BIGNUM *bn = BN_bin2bn(serial, sizeof serial, NULL);
    bool ok = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
    BN_free(bn);
    return ok;
}

/* Everything but issuer, extensions and signature; NULL on a fault. */
static X509 *cert_new(EVP_PKEY *key, const char *cn, uint64_t from, uint64_t until)
{
    X509 *cert = X509_new();
    uint64_t start = from > BACKDATE_S ? from - BACKDATE_S : 0;
    bool ok = cert != NULL && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
              ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)start) != NULL &&
              ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)until) != NULL &&
              set_cn(X509_get_subject_name(cert), cn) && X509_set_pubkey(cert, key);
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}

enum tsk_err tsk_tls_ca_new(struct tsk_slice key, const char *name, uint64_t from, uint64_t until, uint8_t *buf,
                            size_t cap, struct tsk_slice *ret_cert)
{
    static const struct ext exts[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    };
    TSK_OWNS(EVP_PKEY) EVP_PKEY *pkey = NULL;
    TSK_TRY(key_read(key, &pkey));
    TSK_OWNS(X509) X509 *cert = cert_new(pkey, name, from, until);
    bool ok = cert != NULL && X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
              add_exts(cert, cert, exts, 3) && X509_sign(cert, pkey, EVP_sha256()) > 0;
    return ok ? cert_write(cert, buf, cap, ret_cert) : TSK_E_CRYPTO;
}

enum tsk_err tsk_tls_csr(struct tsk_slice key, const char *dns, uint8_t *buf, size_t cap, struct tsk_slice *ret_csr)
{
    if (!dns_ok(dns))
        return TSK_E_MALFORMED;
    TSK_OWNS(EVP_PKEY) EVP_PKEY *pkey = NULL;
    TSK_TRY(key_read(key, &pkey));
    TSK_OWNS(X509_REQ) X509_REQ *req = X509_REQ_new();
    bool ok = req != NULL && X509_REQ_set_version(req, X509_REQ_VERSION_1) &&
              set_cn(X509_REQ_get_subject_name(req), dns) && X509_REQ_set_pubkey(req, pkey) &&
              X509_REQ_sign(req, pkey, EVP_sha256()) > 0;
    return ok ? csr_write(req, buf, cap, ret_csr) : TSK_E_CRYPTO;
}

/* P-256 by name: an explicit curve could hide another one, and Mbed TLS would refuse the certificate anyway. */
static bool is_p256(EVP_PKEY *key)
{
    char group[64] = "";
    int explicit_params = 1;
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0 &&
           EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params) == 1 &&
           explicit_params == 0;
}

/* The requester's key, when it is of the right kind and has signed the request. Borrowed from `req`. */
static enum tsk_err csr_key(X509_REQ *req, EVP_PKEY **ret_key)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(req);
    if (key == NULL || !is_p256(key))
        return TSK_E_MALFORMED;
    if (X509_REQ_verify(req, key) != 1)
        return TSK_E_BADSIG;
    *ret_key = key;
    return TSK_OK;
}

static enum tsk_err issue(EVP_PKEY *ca_key, X509 *ca, EVP_PKEY *key, const char *dns, uint64_t from, uint64_t until,
                          uint8_t *buf, size_t cap, struct tsk_slice *ret_cert)
{
    char san[80];
    snprintf(san, sizeof san, "DNS:%s", dns);
    const struct ext exts[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth,clientAuth"},
        {NID_subject_alt_name, san},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    TSK_OWNS(X509) X509 *cert = cert_new(key, dns, from, until);
    bool ok = cert != NULL && X509_set_issuer_name(cert, X509_get_subject_name(ca)) && add_exts(cert, ca, exts, 6) &&
              X509_sign(cert, ca_key, EVP_sha256()) > 0;
    return ok ? cert_write(cert, buf, cap, ret_cert) : TSK_E_CRYPTO;
}

enum tsk_err tsk_tls_issue(struct tsk_slice ca_key, struct tsk_slice ca_cert, struct tsk_slice csr, const char *dns,
                           uint64_t from, uint64_t until, uint8_t *buf, size_t cap, struct tsk_slice *ret_cert)
{
    if (!dns_ok(dns))
        return TSK_E_MALFORMED;
    const uint8_t *p = ca_cert.p, *q = csr.p;
    TSK_OWNS(EVP_PKEY) EVP_PKEY *signer = NULL;
    TSK_TRY(key_read(ca_key, &signer));
    TSK_OWNS(X509) X509 *ca = d2i_X509(NULL, &p, (long)ca_cert.n);
    TSK_OWNS(X509_REQ) X509_REQ *req = d2i_X509_REQ(NULL, &q, (long)csr.n);
    EVP_PKEY *key;
    if (ca == NULL || p != ca_cert.p + ca_cert.n || req == NULL || q != csr.p + csr.n)
        return TSK_E_MALFORMED;
    if (X509_check_private_key(ca, signer) != 1)
        return TSK_E_KEYS;
    TSK_TRY(csr_key(req, &key));
    return issue(signer, ca, key, dns, from, until, buf, cap, ret_cert);
}

/* ---- PEM ---- */
/* Written out here, since a memory BIO would leave a copy of the private key in freed memory. */
enum tsk_err tsk_tls_pem(const char *kind, struct tsk_slice der, char *buf, size_t cap)
{
    size_t lines = (der.n + 47) / 48, frame = 2 * strlen(kind) + sizeof "-----BEGIN -----\n-----END -----\n";
    if (cap < frame + (der.n + 2) / 3 * 4 + lines)
        return TSK_E_LIMIT;
    char *out = buf + snprintf(buf, cap, "-----BEGIN %s-----\n", kind);
    for (size_t i = 0; i < der.n; i += 48) {
        size_t step = der.n - i < 48 ? der.n - i : 48;
        out += EVP_EncodeBlock((uint8_t *)out, der.p + i, (int)step);
        *out++ = '\n';
    }
    snprintf(out, cap - (size_t)(out - buf), "-----END %s-----\n", kind);
    return TSK_OK;
}
