/* inside.h - private to node/post/: what its files share. Everything here belongs to the writer thread.
 *
 * What must survive lies in the store and is changed inside the batch; what stands here in memory (schedule, tickets,
 * polls) follows by effects after the commit, and can be rebuilt from the store at any time. */
#ifndef TSK_NODE_POST_INSIDE_H
#define TSK_NODE_POST_INSIDE_H

#include "node/core/log.h"
#include "node/post/post.h"
#include "node/post/wire.h"

#define TSK_PEER_POOL 128    /* requests of peers held or in work; one more for each member, whose long poll holds one */
#define TSK_CONTROL_POOL 32
#define TSK_CALL_LIMIT_MS 30000
#define TSK_IDLE_MS 60000
#define TSK_OUT_UNCOUNTED (UINT64_C(1) << 63) /* OUT rows from here on are receipts alone: seq 0 on the wire */

/* ---- schedule.c: when which parcel goes to which post office ---- */
struct tsk_job {          /* one parcel to one post office; 24 bytes, for there may be 100,000 of them */
    uint64_t due_ms, seq; /* seq as in the OUT row */
    uint32_t peer;        /* index in tsk_post.peers */
    uint8_t tries;
    bool urgent, stored;  /* stored: the office has it, the receipt is missing */
};
struct tsk_heap { struct tsk_job *jobs; size_t n, cap; }; /* earliest due first, then lowest seq */
TSK_MUST_USE enum tsk_err tsk_heap_push(struct tsk_heap *h, const struct tsk_job *job);
bool tsk_heap_pop(struct tsk_heap *h, struct tsk_job *ret_job);
/* Everything not yet stored is due now. */
void tsk_heap_wake(struct tsk_heap *h, uint64_t now_ms);
void tsk_heap_clear(struct tsk_heap *h);
/* base * 2^tries, at most cap, +-25 %. */
uint64_t tsk_backoff_ms(uint64_t base_ms, uint64_t cap_ms, unsigned tries);

/* ---- peers.c: post offices and peers ---- */
struct tsk_office {
    struct tsk_kid kid;
    bool local;               /* this node itself: puts go through the own queue */
    bool own;                 /* holds this node's mailbox, elsewhere */
    struct tsk_dial *dial;    /* NULL: local, or no URL in the roster */
    uint8_t dialed[32];       /* hash of what the dial was made from */
    struct tsk_heap urgent, normal;
    size_t in_flight;         /* puts without an answer */
    /* fetching, when own */
    uint64_t fetch_ticket;    /* 0: none outstanding */
    uint64_t fetch_after;     /* of the fetch outstanding */
    bool met;                 /* this connection has brought a fetch's answer */
    uint64_t fetch_due_ms, confirm_due_ms;
    unsigned fetch_tries;
    bool confirming, confirm_wanted;
    uint64_t confirm_up_to;   /* of the confirm in flight */
    struct tsk_id16 confirm_epoch;
    uint64_t drained_at;      /* UTC; 0: not since the start */
};
/* NULL: out of memory. Makes it, and dials it when the roster has a URL. */
struct tsk_office *tsk_office_get(struct tsk_ctx *ctx, const struct tsk_kid *kid);
struct tsk_office *tsk_office_find(struct tsk_ctx *ctx, const struct tsk_kid *kid);
bool tsk_office_up(const struct tsk_office *o);

struct tsk_peer_row {         /* PEER */
    uint64_t out_next;        /* number of the next counted parcel to it, from 1 */
    struct tsk_id32 out_prev; /* H(inner) of the one before */
    uint64_t in_high, in_floor;
    uint64_t contact_at, roster_seq;
    uint64_t in_forgot;       /* record number: of what came before it some may be lost here; 0: nothing was lost */
};
TSK_MUST_USE enum tsk_err tsk_peer_load(struct tsk_txn *t, const struct tsk_kid *peer, struct tsk_peer_row *ret_row);
TSK_MUST_USE enum tsk_err tsk_peer_save(struct tsk_txn *t, const struct tsk_kid *peer, const struct tsk_peer_row *row);
/* It was heard of: persisted once a minute, and at once the first time after a start. `roster_seq` 0: it named none; the
 * last named is kept, a hint for people and nothing else. */
TSK_MUST_USE enum tsk_err tsk_peer_heard(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer,
                                         uint64_t roster_seq);
/* Heard since this node started, or it started so long ago that a peer with something to say has tried again. */
bool tsk_peer_settled(const struct tsk_ctx *ctx, const struct tsk_peer_row *row, uint64_t now);
bool tsk_hosts(const struct tsk_entry *owner, const struct tsk_kid *office); /* is it one of owner's post offices */

/* ---- the post of a node ---- */
struct tsk_out_peer { struct tsk_kid kid; uint64_t waiting; }; /* parcels counted and not receipted */
struct tsk_gone { struct tsk_kid peer; uint64_t seq; }; /* a parcel that nobody needs any more, its rows still stored */
struct tsk_ticket { uint64_t no; struct tsk_kid office; struct tsk_job job; }; /* a put in flight */
struct tsk_poll {             /* a fetch that waits for mail; at most one an owner */
    struct tsk_kid owner;
    void *handle;
    struct tsk_id16 epoch;    /* as the owner named it */
    uint64_t after, max, until_ms;
    bool ready;
};
struct tsk_bucket { uint64_t tokens_milli, at_ms, reserve; }; /* reserve: bytes of it in this store's reserve */

struct tsk_post {
    struct tsk_server *control, *peers_server;
    uint8_t listening[32];    /* hash of what the listener was made from */
    struct tsk_id32 roster_id;
    struct tsk_office **offices; size_t offices_n;
    struct tsk_out_peer *peers; size_t peers_n;
    struct tsk_ticket *tickets; size_t tickets_n, tickets_cap;
    struct tsk_poll *polls; size_t polls_n, polls_cap;
    struct tsk_gone *gone; size_t gone_n, gone_cap;
    struct tsk_bucket *buckets; size_t buckets_n; /* in the order of the roster's entries */
    uint64_t next_ticket, waiting;
    struct tsk_gate refused[TSK_ERR_COUNT];       /* lines about requests */
    bool loaded;
    uint64_t opened_at;                           /* UTC seconds; what was heard before is not news */
};

/* ---- send.c ---- */
/* The schedule anew from the OUT rows. */
TSK_MUST_USE enum tsk_err tsk_schedule_load(struct tsk_ctx *ctx, struct tsk_txn *t);
void tsk_schedule_add(struct tsk_ctx *ctx, const struct tsk_kid *peer, uint64_t seq, bool urgent);
void tsk_schedule_whole(struct tsk_ctx *ctx, const struct tsk_kid *peer);
void tsk_schedule_wake(struct tsk_ctx *ctx, const struct tsk_kid *office);
void tsk_send_pump(struct tsk_ctx *ctx, struct tsk_office *o);
uint64_t tsk_send_due(const struct tsk_office *o); /* monotonic ms of the next thing to send; UINT64_MAX */
TSK_MUST_USE enum tsk_err tsk_put_answered(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m);

/* ---- out_rows.c ---- */
struct tsk_out_head {         /* OUT */
    uint64_t created, left;   /* records not yet receipted; 0: receipts alone */
    bool urgent;
    struct tsk_id16 put_id;
    uint8_t key_id8[8], hash[32]; /* zeros: the peer has no key */
};
struct tsk_out_body { struct tsk_slice inner, parcel; bool has_cts; }; /* OUT_BODY */
TSK_MUST_USE enum tsk_err tsk_out_head_read(struct tsk_slice value, struct tsk_out_head *ret_h);
TSK_MUST_USE enum tsk_err tsk_out_head_load(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq,
                                            struct tsk_out_head *ret_h);
TSK_MUST_USE enum tsk_err tsk_out_head_save(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq,
                                            const struct tsk_out_head *h);
TSK_MUST_USE enum tsk_err tsk_out_body_load(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq,
                                            struct tsk_out_body *ret_b);
TSK_MUST_USE enum tsk_err tsk_out_drop(struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq);
/* The same, not worth a commit of its own: with the next batch that writes (tsk_outbox_sweep). */
TSK_MUST_USE enum tsk_err tsk_out_gone(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *peer, uint64_t seq);
/* Seals the inner for the peer's key of today and stores head and body; `h` gets put_id, key_id8 and hash. */
TSK_MUST_USE enum tsk_err tsk_out_seal(struct tsk_ctx *ctx, struct tsk_txn *t, const struct tsk_kid *peer, uint64_t seq,
                                       uint64_t now, struct tsk_slice inner, bool has_cts, struct tsk_out_head *h);

/* ---- mailbox.c ---- */
TSK_MUST_USE enum tsk_err tsk_mailbox_request(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m);
void tsk_mailbox_pump(struct tsk_ctx *ctx);
uint64_t tsk_mailbox_due(const struct tsk_ctx *ctx);

/* ---- fetch.c ---- */
TSK_MUST_USE enum tsk_err tsk_fetch_answered(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m);
TSK_MUST_USE enum tsk_err tsk_confirm_answered(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m);
void tsk_fetch_pump(struct tsk_ctx *ctx, struct tsk_office *o);
uint64_t tsk_fetch_due(const struct tsk_office *o);

/* ---- inbox.c ---- */
/* One piece of mail for this node: TSK_OK also for rubbish, which is logged and dropped. TSK_E_NOROOM: some of it was not
 * taken, and must come again; what it has changed stands. Otherwise only class LOCAL fails. */
TSK_MUST_USE enum tsk_err tsk_inbox_mail(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_slice put,
                                         struct tsk_slice parcel);

/* Parses, finds the member that signed it, verifies, decodes. The order is that of docs/PROTOCOL.md section 8. */
TSK_MUST_USE enum tsk_err tsk_signed_by_member(struct tsk_ctx *ctx, enum tsk_rec r, struct tsk_slice bytes, uint64_t now,
                                               void *ret_struct, const struct tsk_entry **ret_signer);

#endif
