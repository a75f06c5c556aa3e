/* wire.h - private to node/post/: NNG behind servers and dials. No NNG type leaves wire.c, dial.c, closer.c, wire_tls.c,
 * plain.c and call.c.
 *
 * Callbacks of NNG run on its threads: they touch their own slot, push one tsk_msg, and nothing else. Everything else
 * here is called by the writer thread. A call that was started answers with exactly one message, also when it failed
 * (no bytes), also when its socket was closed under it.
 */
#ifndef TSK_NODE_POST_WIRE_H
#define TSK_NODE_POST_WIRE_H

#include "node/core/queue.h"
#include "schema/record.h"

/* A message between nodes carries a parcel and what goes with it. */
#define TSK_WIRE_MAX (TSK_PARCEL_MAX + 64 * 1024)
#define TSK_CONTROL_MAX (64 * 1024 * 1024)
#define TSK_IPC_PATH_MAX 107 /* sun_path less its NUL */

/* Mutual TLS in the terms of docs/PROTOCOL.md section 6; all DER, borrowed for the call. NULL tls: ipc. */
struct tsk_wire_tls {
    struct tsk_slice ca, cert, key;
    const char *server_name; /* dialing: the DNS name that the other side must show; NULL when listening */
};

/* ---- a rep socket with a pool of contexts, each receiving, held by the writer thread, or answering ---- */
struct tsk_server;

/* `kind` is that of the messages pushed (TSK_EV_CONTROL or TSK_EV_WIRE). Of WIRE at most eight times `recv_max` bytes are
 * held at once; who comes beyond that is told 13. A connection with more requests in work than a quarter of a node's pool,
 * or whose answers are not taken in 30 s (CONTROL: 10 s), is closed. TSK_E_NETWORK. Free with tsk_server_free. */
TSK_MUST_USE enum tsk_err tsk_server_new(struct tsk_queue *queue, enum tsk_event_kind kind, size_t recv_max,
                                         struct tsk_server **ret_s);
/* At least `pool` contexts from now on: so many requests may be held at once. */
TSK_MUST_USE enum tsk_err tsk_server_grow(struct tsk_server *s, size_t pool);
/* Whether a request could come in now: not every context is taken. True where there is none. Any thread. */
bool tsk_server_room(const struct tsk_server *s);
/* Listens, in the place of where it listened before. `mode`: permissions of an ipc socket. TSK_E_USAGE for an ipc path
 * over TSK_IPC_PATH_MAX, TSK_E_NETWORK. */
TSK_MUST_USE enum tsk_err tsk_server_listen(struct tsk_server *s, const char *url, const struct tsk_wire_tls *tls,
                                            int mode);
/* At most `each` connections of one address and `all` together (callers.h), and half of that in their handshake. Until it is
 * said there is no limit. */
void tsk_server_limit(struct tsk_server *s, size_t each, size_t all);
/* Closes who was silent too long, and who does not get through the handshake (strangers.h). */
void tsk_server_tidy(struct tsk_server *s);
/* Monotonic time at which to call it again; UINT64_MAX: whenever. */
uint64_t tsk_server_due(const struct tsk_server *s);
/* Stops listening; what is held may still be answered. */
void tsk_server_mute(struct tsk_server *s);
/* Hands it to the closer. The queue must live until tsk_closer_done. */
void tsk_server_free(struct tsk_server *s);

/* ---- a req socket dialed to one post office ---- */
struct tsk_dial;
#define TSK_DIAL_PUTS 8 /* puts in flight; and one fetch, one confirm */

/* Nothing is dialed yet. Keeps copies. TSK_E_NETWORK. Free with tsk_dial_free. */
TSK_MUST_USE enum tsk_err tsk_dial_new(struct tsk_queue *queue, const struct tsk_kid *peer, const char *url,
                                       const struct tsk_wire_tls *tls, uint64_t reconnect_max_ms,
                                       struct tsk_dial **ret_d);
/* The queue must live until tsk_closer_done. */
void tsk_dial_free(struct tsk_dial *d);

/* Opens the socket and starts dialing in the background unless that is done already. TSK_E_NETWORK. */
TSK_MUST_USE enum tsk_err tsk_dial_start(struct tsk_dial *d);
/* Hands the socket to the closer, which gives calls in flight up to 50 ms to be answered; those that are not then fail.
 * Returns at once; tsk_dial_start dials anew. */
void tsk_dial_stop(struct tsk_dial *d);

bool tsk_dial_up(const struct tsk_dial *d);
/* Whether a call of this kind (TSK_EV_PUT_DONE, TSK_EV_MAIL, TSK_EV_CONFIRMED) can start now: up, and a context is free. */
bool tsk_dial_free_for(const struct tsk_dial *d, enum tsk_event_kind kind);
/* Sends the array of `parts` as byte strings. The answer comes as a message of `kind` with peer and num. Must be free. */
TSK_MUST_USE enum tsk_err tsk_dial_call(struct tsk_dial *d, enum tsk_event_kind kind, uint64_t num,
                                        const struct tsk_slice *parts, size_t parts_n, uint64_t limit_ms);
/* Monotonic time at which the oldest call in flight is given up, or the dialing itself; UINT64_MAX: neither. */
uint64_t tsk_dial_deadline(const struct tsk_dial *d);

/* ---- the closer: the one thread that may wait in nng_close, which may never return (closer.c) ---- */
#define TSK_CLOSER_LIMIT_MS 5000

/* Runs close(arg) there, one after the other. Takes arg. Any thread. */
void tsk_closer_take(void (*close)(void *arg), void *arg);
/* A connection went: find out whether NNG still takes connections away. At most once a second. Any thread, also NNG's. */
void tsk_closer_probe(void);
/* Whether everything taken was closed; waits up to `limit_ms` for it. */
bool tsk_closer_done(uint64_t limit_ms);
/* Monotonic time from which on NNG counts as stuck, unless what is being closed is done by then; UINT64_MAX: idle. */
uint64_t tsk_closer_deadline(void);

/* ---- private to the files that include <nng/...> ---- */
/* A queue message holding a copy of the bytes; NULL: out of memory. */
struct tsk_msg *tsk_wire_msg(enum tsk_event_kind kind, const void *p, size_t n);

#endif
