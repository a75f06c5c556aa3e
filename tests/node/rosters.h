/* rosters.h - small rosters made for tests: fictional agencies, keys from seeds, signed by any set of roots. */
#ifndef TSK_TESTS_NODE_ROSTERS_H
#define TSK_TESTS_NODE_ROSTERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "tests/check.h"

#define MADE_FROM 1700000000

struct made {                 /* what a test may change before made_encode() */
    struct tsk_roster r;
    struct tsk_member *members; size_t members_n;
    struct tsk_partner *partners; size_t partners_n;
    uint8_t *members_buf, *partners_buf, *payload_buf;
};

static inline struct tsk_signer_key *made_signer(unsigned n)
{
    uint8_t seed[32] = {(uint8_t)n, (uint8_t)(n >> 8), 0x7a};
    struct tsk_signer_key *k;
    ck_ok(tsk_signer_new(seed, &k));
    return k;
}

static inline struct tsk_pk made_pk(unsigned n)
{
    struct tsk_signer_key *k = made_signer(n);
    struct tsk_pk pk = *tsk_signer_pk(k);
    tsk_signer_free(k);
    return pk;
}

static inline void made_seal_key(struct tsk_seal_key *ret_k, unsigned n, uint64_t year)
{
    uint8_t ikm[4] = {(uint8_t)n, (uint8_t)(n >> 8), 'x', (uint8_t)year};
    struct tsk_key32 sk;
    ret_k->year = year;
    ck_ok(tsk_kem_derive(TSK_SLICE(ikm), &sk, &ret_k->pk));
    ck_ok(tsk_id8_of(&ret_k->pk, ret_k->id8));
}

/* Agency n with its own post office; its URL is set at encoding. */
static inline void made_member(struct made *d, unsigned n)
{
    struct tsk_member *m = &d->members[d->members_n++];
    struct tsk_partner *p = &d->partners[d->partners_n++];
    static uint8_t url[] = {0x73, 't', 'l', 's', '+', 't', 'c', 'p', ':',
                            '/', '/', 'l', 'o', 'c', 'a', 'l', ':', '7', '0', '0'};
    memset(m, 0, sizeof *m);
    memset(p, 0, sizeof *p);
    snprintf(m->partner, sizeof m->partner, "Z%05u", n);
    m->sign_pk = made_pk(1000 + n);
    ck_ok(tsk_kid_of(&m->sign_pk, &m->kid));
    made_seal_key(&m->seal[0], n, 2026);
    m->seal_n = 1;
    m->posts[0] = m->kid;
    m->posts_n = 1;
    m->urls = (struct tsk_seq){{url, sizeof url}, 1};
    m->roles = TSK_ROLE_SENDER | TSK_ROLE_RECIPIENT | TSK_ROLE_POSTOFFICE;
    m->from = MADE_FROM;
    strcpy(p->id, m->partner);
    p->type = tsk_code("T01");
    p->name = (struct tsk_slice){(const uint8_t *)"架空の相談室", 18};
    p->hours = (struct tsk_slice){(const uint8_t *)"9-17", 4};
}

/* `n` agencies, one root (number 1), genesis. */
static inline struct made *made_new(unsigned n)
{
    struct made *d = calloc(1, sizeof *d);
    d->members = calloc(n + 2, sizeof *d->members);
    d->partners = calloc(n + 2, sizeof *d->partners);
    size_t cap = tsk_rec_max(TSK_REC_ROSTER);
    d->members_buf = malloc(cap);
    d->partners_buf = malloc(cap);
    d->payload_buf = malloc(cap);
    d->r = (struct tsk_roster){.seq = 1, .time = MADE_FROM, .valid_until = MADE_FROM + 30 * 86400, .roots_n = 1, .threshold = 1,
                               .name = {(const uint8_t *)"test", 4}, .min_suite = 1, .min_mode = 1, .policy = 1};
    d->r.roots[0] = made_pk(1);
    for (unsigned i = 1; i <= n; i++)
        made_member(d, i);
    return d;
}

static inline void made_free(struct made *d)
{
    free(d->members);
    free(d->partners);
    free(d->members_buf);
    free(d->partners_buf);
    free(d->payload_buf);
    free(d);
}

static inline int made_pk_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct tsk_pk));
}

/* Roots numbered 1..255, ended by 0, and how many must sign. */
static inline void made_roots(struct made *d, const unsigned *numbers, uint64_t threshold)
{
    for (d->r.roots_n = 0; numbers[d->r.roots_n] != 0; d->r.roots_n++)
        d->r.roots[d->r.roots_n] = made_pk(numbers[d->r.roots_n]);
    qsort(d->r.roots, d->r.roots_n, sizeof d->r.roots[0], made_pk_order);
    d->r.threshold = threshold;
}

static inline struct tsk_slice made_payload(struct made *d)
{
    struct tsk_cbor_out out;
    struct tsk_slice payload;
    size_t cap = tsk_rec_max(TSK_REC_ROSTER);
    tsk_cbor_out_init(&out, d->members_buf, cap);
    for (size_t i = 0; i < d->members_n; i++)
        ck_ok(tsk_member_encode(&out, &d->members[i]));
    ck_ok(tsk_cbor_out_done(&out, &d->r.members.bytes));
    d->r.members.n = d->members_n;
    tsk_cbor_out_init(&out, d->partners_buf, cap);
    for (size_t i = 0; i < d->partners_n; i++)
        ck_ok(tsk_partner_encode(&out, &d->partners[i]));
    ck_ok(tsk_cbor_out_done(&out, &d->r.partners.bytes));
    d->r.partners.n = d->partners_n;
    ck_ok(tsk_rec_encode(TSK_REC_ROSTER, &d->r, d->payload_buf, cap, &payload));
    return payload;
}

static inline int made_sig_order(const void *a, const void *b)
{
    return memcmp(((const struct tsk_roster_sig *)a)->kid.b, ((const struct tsk_roster_sig *)b)->kid.b, 32);
}

/* The whole roster signed by the numbered roots; memory to free. */
static inline struct tsk_slice made_encode(struct made *d, const unsigned *signers)
{
    struct tsk_slice payload = made_payload(d), bytes;
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    size_t n = 0;
    for (; signers[n] != 0; n++) {
        struct tsk_signer_key *k = made_signer(signers[n]);
        ck_ok(tsk_roster_sign(payload, k, &sigs[n]));
        tsk_signer_free(k);
    }
    qsort(sigs, n, sizeof sigs[0], made_sig_order);
    size_t cap = payload.n + 1024;
    uint8_t *buf = malloc(cap);
    ck_ok(tsk_roster_join(payload, sigs, n, buf, cap, &bytes));
    ck_assert_ptr_eq(bytes.p, buf);
    return bytes;
}

/* Turns `d` into its successor: next seq, prev and net named. */
static inline void made_next(struct made *d)
{
    struct tsk_slice payload = made_payload(d);
    struct tsk_id32 id;
    ck_ok(tsk_roster_id(payload, &id));
    if (d->r.seq == 1)
        ck_ok(tsk_net_of(payload, &d->r.net));
    d->r.prev = id;
    d->r.seq++;
}

#define SIGNED_BY(...) ((const unsigned[]){__VA_ARGS__, 0})

#endif
