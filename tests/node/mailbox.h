/* mailbox.h - a client of a post office over a real socket, for the tests of mailboxes. */
#ifndef TSK_TESTS_NODE_MAILBOX_H
#define TSK_TESTS_NODE_MAILBOX_H

#include "tests/node/net.h"

#include "crypto/hash.h"
#include "node/post/inside.h"

/* PO keeps the mailboxes of BB and DD; AA and CC keep their own. */
static const struct net_spec specs[] = {{"01100-AA", NULL, {NULL}}, {"01100-BB", NULL, {"01100-PO"}},
                                        {"01100-CC", NULL, {NULL}}, {"01100-DD", NULL, {"01100-PO"}},
                                        {"01100-PO", "ipc", {NULL}}};
enum { AA, BB, CC, DD, PO };

static struct net net;
static struct tsk_queue *queue; /* of the test, as a client */
static struct tsk_dial *dial;
static struct tsk_msg *last;
static uint64_t ticket;

static inline bool dial_is_up(struct net *n, void *arg)
{
    (void)n, (void)arg;
    return tsk_dial_up(dial);
}

static inline void setup(void)
{
    struct tsk_kid kid = {{1}};
    net_make(&net, specs, 5, false);
    for (size_t i = 0; i < PO; i++)
        net_open(&net, i);
    net_start(&net, PO);
    queue = tsk_queue_new();
    ck_ok(tsk_dial_new(queue, &kid, net.nodes[PO]->url, NULL, 1000, &dial));
    ck_ok(tsk_dial_start(dial));
    net_run(&net, dial_is_up, NULL);
}

static inline void teardown(void)
{
    tsk_dial_free(dial);
    ck_assert(tsk_closer_done(NET_LIMIT_MS));
    tsk_queue_free(queue);
    tsk_msg_free(last);
    last = NULL;
    net_end(&net);
}

/* ---- asking ---- */
static inline bool got(struct net *n, void *arg)
{
    (void)n;
    size_t count;
    struct tsk_msg *m = tsk_queue_take(queue, 0, &count);
    while (m != NULL) {
        struct tsk_msg *next = m->next;
        m->next = NULL;
        if (m->kind != TSK_EV_LINK && m->num == *(uint64_t *)arg) {
            tsk_msg_free(last);
            last = m;
            for (; next != NULL; next = m) {
                m = next->next;
                tsk_msg_free(next);
            }
            return true;
        }
        tsk_msg_free(m);
        m = next;
    }
    return false;
}

static inline struct tsk_reply reply(void)
{
    struct tsk_reply r;
    ck_ok(tsk_rec_decode(TSK_REC_REPLY, (struct tsk_slice){last->p, last->n}, &r));
    return r;
}

static inline struct tsk_reply ask_parts(const struct tsk_slice *parts, size_t n)
{
    uint64_t no = ++ticket;
    ck_ok(tsk_dial_call(dial, TSK_EV_PUT_DONE, no, parts, n, 30000));
    net_run(&net, got, &no);
    return reply();
}

struct signed_record { uint8_t b[1024]; size_t n; };

static inline struct signed_record sign(size_t who, enum tsk_rec r, const void *record)
{
    struct signed_record s;
    struct tsk_slice bytes;
    struct tsk_id32 id;
    struct tsk_ctx *c = &net.nodes[who]->ctx;
    ck_ok(tsk_record_sign(r, record, c->signer, &c->members->net, s.b, sizeof s.b, &bytes, &id));
    s.n = bytes.n;
    return s;
}

static inline struct tsk_put put_for(size_t to, struct tsk_slice parcel)
{
    struct tsk_put p = {.time = net_clock(), .post = net.nodes[PO]->kid, .to = net.nodes[to]->kid};
    tsk_random(p.id.b, sizeof p.id.b);
    ck_ok(tsk_sha256(&parcel, 1, p.parcel_hash));
    return p;
}

static inline uint64_t put(size_t who, const struct tsk_put *p, struct tsk_slice parcel)
{
    struct signed_record s = sign(who, TSK_REC_PUT, p);
    return ask_parts((struct tsk_slice[]){{s.b, s.n}, parcel}, 2).code;
}

static inline uint64_t put_plain(size_t who, size_t to, struct tsk_slice parcel)
{
    struct tsk_put p = put_for(to, parcel);
    return put(who, &p, parcel);
}

static inline struct tsk_fetch fetch_from(uint64_t after)
{
    struct tsk_fetch f = {.time = net_clock(), .post = net.nodes[PO]->kid, .after = after, .max = 64};
    tsk_random(f.id.b, sizeof f.id.b);
    return f;
}

static inline struct tsk_reply fetch(size_t who, const struct tsk_fetch *f)
{
    struct signed_record s = sign(who, TSK_REC_FETCH, f);
    return ask_parts(&(struct tsk_slice){s.b, s.n}, 1);
}

static inline struct tsk_reply fetch_plain(size_t who, uint64_t after)
{
    struct tsk_fetch f = fetch_from(after);
    return fetch(who, &f);
}

static inline uint64_t confirm(size_t who, struct tsk_id16 epoch, uint64_t up_to)
{
    struct tsk_confirm c = {.time = net_clock(), .post = net.nodes[PO]->kid, .epoch = epoch, .up_to = up_to};
    struct signed_record s = sign(who, TSK_REC_CONFIRM, &c);
    return ask_parts(&(struct tsk_slice){s.b, s.n}, 1).code;
}

#define STR(text) ((struct tsk_slice){(const uint8_t *)(text), sizeof(text) - 1})
#define MAILS net_rows(net.nodes[PO], TSK_T_MAIL)

#endif
