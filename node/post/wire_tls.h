/* wire_tls.h - private to the NNG files: mutual TLS on a listener or a dialer.
 *
 * Portable over NNG 1.5.2 and 1.10: TLS 1.2 to 1.3, both sides show a certificate of the roster's CA, and the dialer
 * always names whom it expects (1.5.2 would check no name, 1.10 would refuse). Returns an NNG error, 0 = done. */
#ifndef TSK_NODE_POST_WIRE_TLS_H
#define TSK_NODE_POST_WIRE_TLS_H

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

#include "node/post/wire.h"

int tsk_tls_listener(nng_listener l, const struct tsk_wire_tls *tls);
/* A configuration for dialing; shared by all dialers of one peer. Free with nng_tls_config_free. */
int tsk_tls_client(const struct tsk_wire_tls *tls, nng_tls_config **ret_config);

#endif
