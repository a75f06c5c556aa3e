/* wire_tls.c - certificates and the node's key, in PEM for the moment that NNG reads them. */
#include "node/post/wire_tls.h"

#include "crypto/secret.h"
#include "crypto/tls.h"

#define PEM_CAP (2 * TSK_DER_MAX)

struct pem { char s[PEM_CAP]; };

static void pem_wipe(struct pem *p)
{
    tsk_wipe(p, sizeof *p);
}

static int config_fill(nng_tls_config *c, const struct tsk_wire_tls *tls)
{
    struct pem ca, cert;
    TSK_WIPED(pem_wipe) struct pem key;
    if (tsk_tls_pem("CERTIFICATE", tls->ca, ca.s, sizeof ca.s) != TSK_OK ||
        tsk_tls_pem("CERTIFICATE", tls->cert, cert.s, sizeof cert.s) != TSK_OK ||
        tsk_tls_pem("PRIVATE KEY", tls->key, key.s, sizeof key.s) != TSK_OK)
        return NNG_EINVAL;
    int rc = nng_tls_config_version(c, NNG_TLS_1_2, NNG_TLS_1_3);
    if (rc == 0)
        rc = nng_tls_config_ca_chain(c, ca.s, NULL);
    if (rc == 0)
        rc = nng_tls_config_own_cert(c, cert.s, key.s, NULL);
    if (rc == 0)
        rc = nng_tls_config_auth_mode(c, NNG_TLS_AUTH_MODE_REQUIRED);
    if (rc == 0 && tls->server_name != NULL)
        rc = nng_tls_config_server_name(c, tls->server_name);
    return rc;
}

static int config_new(nng_tls_mode mode, const struct tsk_wire_tls *tls, nng_tls_config **ret_config)
{
    nng_tls_config *c = NULL;
    int rc = tls == NULL ? NNG_EINVAL : nng_tls_config_alloc(&c, mode);
    if (rc != 0)
        return rc;
    rc = config_fill(c, tls);
    if (rc != 0)
        nng_tls_config_free(c);
    else
        *ret_config = c;
    return rc;
}

int tsk_tls_listener(nng_listener l, const struct tsk_wire_tls *tls)
{
    nng_tls_config *c = NULL;
    int rc = config_new(NNG_TLS_MODE_SERVER, tls, &c);
    if (rc != 0)
        return rc;
    rc = nng_listener_set_ptr(l, NNG_OPT_TLS_CONFIG, c);
    nng_tls_config_free(c); /* the listener holds its own */
    return rc;
}

int tsk_tls_client(const struct tsk_wire_tls *tls, nng_tls_config **ret_config)
{
    return config_new(NNG_TLS_MODE_CLIENT, tls, ret_config);
}
