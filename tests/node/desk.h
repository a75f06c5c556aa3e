/* desk.h - three nodes without a network: each with its own store, records carried from one to another in memory, in any
 * order, as often as a test likes. S sends, R receives, T is a third agency. Sample persons are fictional. */
#ifndef TSK_TESTS_NODE_DESK_H
#define TSK_TESTS_NODE_DESK_H

#include "crypto/card.h"
#include "crypto/hash.h"
#include "crypto/keyfile.h"
#include "crypto/seal.h"
#include "schema/date.h"
#include "node/core/log.h"
#include "node/desk/admit.h"
#include "node/desk/ledger_row.h"
#include "tests/node/rosters.h"
#include "tests/node/temp.h"

enum { S, R, T, NODES };
#define DAY UINT64_C(86400)
#define LETTERS 512

static uint64_t desk_now;
static inline uint64_t desk_clock(void) { return desk_now; }

struct letter { int from, to; uint8_t *p; struct tsk_slice inner; bool receipt, urgent; };
struct desk {
    struct tsk_ctx ctx[NODES];
    struct letter letters[LETTERS]; size_t letters_n;
    uint64_t seq[NODES][NODES]; /* of the last letter from, to */
    struct tsk_slice roster;
    struct made *made;
    uint8_t notices_buf[64];
};
struct person {                 /* a card's key for one referral */
    uint64_t kind;
    struct tsk_card_root root;
    struct tsk_holder_keys keys;
    struct tsk_kid kid;
    struct tsk_holder holder;
};

static struct desk desk;

static inline const struct tsk_id16 *net_id(void) { return &desk.ctx[S].members->net; }

/* ---- building ---- */
static inline void desk_member(int i)
{
    struct tsk_ctx *ctx = &desk.ctx[i];
    struct tsk_member *m = &desk.made->members[i];
    ck_ok(tsk_node_keys_new(2026, &ctx->keys));
    ck_ok(tsk_signer_new(ctx->keys->sign_seed.b, &ctx->signer));
    ck_ok(tsk_kem_new(ctx->keys->seal[0].sk.b, &ctx->kems[0]));
    m->sign_pk = *tsk_signer_pk(ctx->signer);
    m->kid = m->posts[0] = *tsk_signer_kid(ctx->signer);
    m->seal[0].pk = ctx->keys->seal[0].pk;
    memcpy(m->seal[0].id8, ctx->keys->seal[0].id8, 8);
}

static inline void desk_open(uint64_t policy)
{
    uint8_t hash[32] = {0x11};
    struct tsk_cbor_out out;
    temp_setup();
    ck_ok(tsk_crypto_init());
    tsk_log_level(TSK_LOG_ERROR);
    memset(&desk, 0, sizeof desk);
    desk_now = MADE_FROM + 10 * DAY;
    desk.made = made_new(NODES);
    for (int i = 0; i < NODES; i++)
        desk_member(i);
    desk.made->members[T].roles = TSK_ROLE_RECIPIENT | TSK_ROLE_POSTOFFICE;
    desk.made->r.policy = policy;
    desk.made->r.valid_until = MADE_FROM + 1000 * DAY;
    tsk_cbor_out_init(&out, desk.notices_buf, sizeof desk.notices_buf);
    tsk_cbor_put_bytes(&out, TSK_SLICE(hash));
    ck_ok(tsk_cbor_out_done(&out, &desk.made->r.notices.bytes));
    desk.made->r.notices.n = 1;
    desk.roster = made_encode(desk.made, SIGNED_BY(1));
    for (int i = 0; i < NODES; i++) {
        struct tsk_ctx *ctx = &desk.ctx[i];
        char name[2] = {(char)('0' + i), 0};
        ck_assert_int_eq(mkdir(temp_path(name), 0700), 0);
        ck_ok(tsk_store_open(temp_path(name), &ctx->keys->store, 1, &ctx->store));
        ck_ok(tsk_members_new(desk.roster, NULL, 0, 0, &ctx->members));
        ctx->clock = desk_clock;
        ctx->admit = tsk_admit_record;
    }
}

static inline void desk_close(void)
{
    for (int i = 0; i < NODES; i++) {
        tsk_store_close(desk.ctx[i].store);
        tsk_members_free(desk.ctx[i].members);
        tsk_kem_free(desk.ctx[i].kems[0]);
        tsk_signer_free(desk.ctx[i].signer);
        tsk_node_keys_free(desk.ctx[i].keys);
    }
    for (size_t i = 0; i < desk.letters_n; i++)
        free(desk.letters[i].p);
    free((void *)(uintptr_t)desk.roster.p);
    made_free(desk.made);
    temp_teardown();
}

/* ---- letters ---- */
static inline void put_seq(struct tsk_cbor_out *out, const struct tsk_slice *v, struct tsk_seq *ret_seq)
{
    size_t before = out->n;
    if (v->n > 0)
        tsk_cbor_put_bytes(out, *v);
    ret_seq->bytes.p = ret_seq->bytes.p == NULL ? out->p + before : ret_seq->bytes.p;
    ret_seq->bytes.n += out->n - before;
    ret_seq->n += v->n > 0;
}

/* The records from `first` on that share its peer and bundle, as the inner part of one parcel. */
static inline void post_letter(int from, struct tsk_batch *b, size_t first, bool *done)
{
    static uint8_t parts[3][1 << 16];
    struct tsk_inner in = {.from = *tsk_self(&desk.ctx[from]), .floor = 1};
    struct tsk_seq *seqs[3] = {&in.records, &in.cts, &in.wraps};
    struct tsk_cbor_out outs[3];
    struct letter *l = &desk.letters[desk.letters_n++];
    ck_assert_uint_lt(desk.letters_n, LETTERS);
    for (int k = 0; k < 3; k++) {
        tsk_cbor_out_init(&outs[k], parts[k], sizeof parts[k]);
        seqs[k]->bytes.p = parts[k];
    }
    for (size_t i = first; i < b->out_n; i++) {
        const struct tsk_outgoing *o = &b->out[i];
        bool together = i == first || (o->bundle != 0 && o->bundle == b->out[first].bundle);
        if (done[i] || !together || memcmp(&o->to, &b->out[first].to, 32) != 0)
            continue;
        const struct tsk_slice *v[3] = {&o->record, &o->ct, &o->wraps};
        for (int k = 0; k < 3; k++)
            put_seq(&outs[k], v[k], seqs[k]);
        l->urgent = o->urgent;
        done[i] = true;
    }
    size_t cap = 1 << 18;
    l->p = malloc(cap);
    l->from = from;
    l->to = 0;
    while (memcmp(tsk_self(&desk.ctx[l->to]), &b->out[first].to, 32) != 0)
        l->to++;
    in.seq = ++desk.seq[from][l->to];
    ck_ok(tsk_rec_encode(TSK_REC_INNER, &in, l->p, cap, &l->inner));
}

static inline void begin(int n, struct tsk_batch *b) { ck_ok(tsk_batch_begin(&desk.ctx[n], b)); }

static inline void finish(int n, struct tsk_batch *b)
{
    bool done[256] = {false};
    ck_assert_uint_le(b->out_n, 256);
    for (size_t i = 0; i < b->out_n; i++)
        if (!done[i])
            post_letter(n, b, i, done);
    ck_ok(tsk_batch_end(&desk.ctx[n], b));
}

static int line_order(const void *a, const void *b) { return memcmp(a, b, 32); }

static inline void post_receipt(int from, int to, struct tsk_receipt *r)
{
    uint8_t buf[16384];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    struct tsk_batch b = {0};
    bool done[1] = {false};
    struct tsk_outgoing o = {.to = *tsk_self(&desk.ctx[to])};
    tsk_random(r->id.b, 16);
    r->to = o.to;
    r->time = desk_now;
    qsort(r->lines, r->lines_n, sizeof r->lines[0], line_order);
    ck_ok(tsk_record_sign(TSK_REC_RECEIPT, r, desk.ctx[from].signer, net_id(), buf, sizeof buf, &bytes, &id));
    o.record = bytes;
    b.out = &o;
    b.out_n = 1;
    post_letter(from, &b, 0, done);
    desk.letters[desk.letters_n - 1].receipt = true;
}

/* The number of a letter that is here whole, as node/post/inbox.c notes it. */
static inline void note_number(struct tsk_batch *b, const struct tsk_inner *inner)
{
    uint8_t row[33] = {1};
    struct tsk_rowkey k = tsk_row_id(TSK_T_IN_SEQ, inner->from.b, sizeof inner->from.b);
    tsk_row_u64(&k, inner->seq);
    ck_ok(tsk_put(b->txn, &k, TSK_SLICE(row)));
}

/* Hands a letter over; true when nothing in it has to come again. `ret_last`: what the last record was told (may be NULL). */
static inline bool deliver(const struct letter *l, enum tsk_err *ret_last)
{
    struct tsk_ctx *ctx = &desk.ctx[l->to];
    struct tsk_batch b;
    struct tsk_inner inner;
    struct tsk_receipt r = {0};
    bool whole = true;
    int from = l->from, to = l->to;
    ck_ok(tsk_rec_decode(TSK_REC_INNER, l->inner, &inner));
    struct tsk_incoming in = {.from = inner.from, .inner = &inner};
    struct tsk_seq seq = inner.records;
    begin(to, &b);
    while (tsk_seq_next_bytes(&seq, &in.bytes)) {
        struct tsk_id32 id;
        bool is_receipt = false;
        ck_ok(tsk_batch_save(&b));
        uint64_t writes = tsk_txn_writes(b.txn);
        enum tsk_err e = ctx->admit(ctx, &b, &in, &id, &is_receipt);
        ck_assert_msg(e == TSK_OK || tsk_txn_writes(b.txn) == writes, "%s after a write", tsk_err_name(e));
        ck_assert_msg(tsk_err_class(e) != TSK_CLASS_LOCAL, "local fault %s", tsk_err_name(e));
        if (e == TSK_OK)
            ck_ok(tsk_batch_keep(&b));
        else
            tsk_batch_undo(&b);
        unsigned wire = tsk_err_wire(e);
        bool answered = wire != 9 && wire != 11 && wire != 13;
        whole = whole && answered;
        if (answered && !is_receipt) {
            r.lines[r.lines_n].id = id;
            r.lines[r.lines_n++].code = wire;
        }
        if (ret_last != NULL)
            *ret_last = e;
    }
    if (whole)
        note_number(&b, &inner);
    finish(to, &b);
    if (r.lines_n > 0)
        post_receipt(to, from, &r);
    return whole;
}

static inline void drop_letter(size_t i)
{
    free(desk.letters[i].p);
    desk.letters[i] = desk.letters[--desk.letters_n];
}

/* The oldest letter, taken out. A loop: valgrind mistakes a checked memmove for a memcpy that overlaps. */
static inline struct letter first_letter(void)
{
    struct letter l = desk.letters[0];
    desk.letters_n--;
    for (size_t i = 0; i < desk.letters_n; i++)
        desk.letters[i] = desk.letters[i + 1];
    return l;
}

/* Carries everything that is under way, oldest first, until nothing is. */
static inline void carry(void)
{
    for (unsigned rounds = 0; desk.letters_n > 0; rounds++) {
        struct letter l = first_letter();
        ck_assert_uint_lt(rounds, 1000);
        bool done = deliver(&l, NULL);
        if (done)
            free(l.p);
        else
            desk.letters[desk.letters_n++] = l;
    }
}

/* The same in an order drawn from `seed`, with every fourth letter handed over twice. */
static inline unsigned draw(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % n;
}

static inline void carry_shuffled(unsigned *seed)
{
    for (unsigned rounds = 0; desk.letters_n > 0; rounds++) {
        size_t i = draw(seed, (unsigned)desk.letters_n);
        struct letter l = desk.letters[i];
        ck_assert_uint_lt(rounds, 5000);
        bool twice = draw(seed, 4) == 0 && desk.letters_n < LETTERS / 2, done;
        desk.letters[i] = desk.letters[--desk.letters_n];
        done = deliver(&l, NULL);
        if (twice || !done)
            desk.letters[desk.letters_n++] = l;
        else
            free(l.p);
    }
}

#endif
