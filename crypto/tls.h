/* tls.h - the P-256 certificates that NNG's TLS needs (Debian 12's Mbed TLS takes no Ed25519). Transport only: who a
 * record comes from is decided by its signature. DNS name of a node: <lower-case id>.node.tasuki.internal */
#ifndef TSK_CRYPTO_TLS_H
#define TSK_CRYPTO_TLS_H

#include "crypto/secret.h"

/* All keys PKCS #8 DER, certificates and requests DER. `cap` of the buffers >= 2048. */
TSK_MUST_USE enum tsk_err tsk_tls_key_new(uint8_t *buf, size_t cap, struct tsk_slice *ret_der);
TSK_MUST_USE enum tsk_err tsk_tls_ca_new(struct tsk_slice key, const char *name, uint64_t from, uint64_t until,
                                         uint8_t *buf, size_t cap, struct tsk_slice *ret_cert);
TSK_MUST_USE enum tsk_err tsk_tls_csr(struct tsk_slice key, const char *dns, uint8_t *buf, size_t cap,
                                      struct tsk_slice *ret_csr);
/* Signs the request for exactly this DNS name (SAN), whatever names the request itself carries; checks its signature
 * and that it is P-256. */
TSK_MUST_USE enum tsk_err tsk_tls_issue(struct tsk_slice ca_key, struct tsk_slice ca_cert, struct tsk_slice csr,
                                        const char *dns, uint64_t from, uint64_t until, uint8_t *buf, size_t cap,
                                        struct tsk_slice *ret_cert);
/* PEM, NUL-ended, as NNG wants it. `kind`: "CERTIFICATE" or "PRIVATE KEY". */
TSK_MUST_USE enum tsk_err tsk_tls_pem(const char *kind, struct tsk_slice der, char *buf, size_t cap);
/* "01102-kk.node.tasuki.internal" */
void tsk_tls_dns(const char *partner, char ret_dns[64]);

#endif
