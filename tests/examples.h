/* examples.h - examples of every record in several variants, for tests, fuzz seeds and benchmarks. All is made up.
 *
 *   static struct tsk_example e;                          (large: not on the stack)
 *   for (unsigned v = 0; tsk_example_fill(r, v, &e); v++) ... &e.rec is the struct of row r ...
 *
 * Variants: 0 the least a record may hold, 1 every optional field and two of everything, 2 the caps; some records have
 * more (a refusal, each way to withdraw). tsk_example_fill gives false when the row has no such variant.
 */
#ifndef TSK_TESTS_EXAMPLES_H
#define TSK_TESTS_EXAMPLES_H

#include <stdio.h>
#include <string.h>

#include "schema/record.h"

#define TSK_EXAMPLE_CAP (512 * 1024) /* bytes that any encoded example fits into */

struct tsk_example {
    union {
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) struct tsk_##name name;
#include "schema/records.def"
#undef TSK_RECORD
    } rec;
    struct tsk_cbor_out out; /* where seqs and nested bytes stand */
    uint8_t room[TSK_EXAMPLE_CAP];
};

/* How many of something with bounds lo..hi a variant has. */
static inline size_t tsk_example_n(unsigned variant, size_t lo, size_t hi)
{
    if (variant == 0)
        return lo;
    return variant == 2 || hi < 2 ? hi : 2;
}

/* Fixed bytes that differ from field to field, and increase with i. */
static inline void tsk_example_bytes(void *p, size_t n, unsigned tag, size_t i)
{
    memset(p, (int)(0x10 + tag), n);
    ((uint8_t *)p)[0] = (uint8_t)(1 + i);
}
#define TSK_EXAMPLE(field, tag) tsk_example_bytes(&(field), sizeof(field), (tag), 0)
#define TSK_EXAMPLE_I(field, tag, i) tsk_example_bytes(&(field), sizeof(field), (tag), (i))

static inline struct tsk_slice tsk_example_text(const char *text)
{
    return (struct tsk_slice){(const uint8_t *)text, strlen(text)};
}

/* n texts "<format with i>" as a seq in the example's room. */
static inline struct tsk_seq tsk_example_texts(struct tsk_cbor_out *out, size_t n, const char *format)
{
    size_t start = out->n;
    for (unsigned i = 0; i < n; i++) {
        char text[64];
        snprintf(text, sizeof text, format, i + 1);
        tsk_cbor_put_str(out, text);
    }
    return (struct tsk_seq){{out->p + start, out->n - start}, n};
}

static inline struct tsk_seq tsk_example_strings(struct tsk_cbor_out *out, size_t n, size_t len, unsigned tag)
{
    size_t start = out->n;
    uint8_t bytes[64];
    for (size_t i = 0; i < n; i++) {
        tsk_example_bytes(bytes, len, tag, i);
        tsk_cbor_put_bytes(out, (struct tsk_slice){bytes, len});
    }
    return (struct tsk_seq){{out->p + start, out->n - start}, n};
}

static inline void tsk_example_seal(struct tsk_seal_key *seal, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        seal[i].year = 2026 + i;
        TSK_EXAMPLE_I(seal[i].id8, 1, i);
        TSK_EXAMPLE_I(seal[i].pk, 2, i);
    }
}

static inline bool tsk_example_join(unsigned v, struct tsk_example *e)
{
    static const uint8_t CSR[300] = {0x30, 0x82, 0x01, 0x28};
    struct tsk_join *r = &e->rec.join;
    TSK_EXAMPLE(r->id, 1);
    r->time = 1790000000;
    strcpy(r->partner, v == 0 ? "X001" : "01100-JS1");
    TSK_EXAMPLE(r->sign_pk, 2);
    tsk_example_seal(r->seal, r->seal_n = tsk_example_n(v, 1, TSK_SEAL_KEYS_MAX));
    r->csr = TSK_SLICE(CSR);
    r->urls = tsk_example_texts(&e->out, tsk_example_n(v, 0, TSK_URLS_MAX), "tls+tcp://node%u.example:4310");
    r->roles = v == 0 ? TSK_ROLE_SENDER : 63;
    r->posts = tsk_example_texts(&e->out, tsk_example_n(v, 0, TSK_POSTS_MAX), "0110%u-KK");
    r->districts = tsk_example_texts(&e->out, tsk_example_n(v, 0, TSK_DISTRICTS_MAX), "01101-%02u");
    return v <= 2;
}

static inline void tsk_example_member(struct tsk_member *m, size_t i, unsigned v, struct tsk_cbor_out *out)
{
    static const uint8_t CERT[200] = {0x30, 0x81, 0xc5};
    snprintf(m->partner, sizeof m->partner, "0110%u-KK", (unsigned)i % 10);
    TSK_EXAMPLE_I(m->kid, 3, i);
    TSK_EXAMPLE_I(m->sign_pk, 4, i);
    tsk_example_seal(m->seal, m->seal_n = tsk_example_n(v, 1, TSK_SEAL_KEYS_MAX));
    m->posts_n = tsk_example_n(v, 1, TSK_POSTS_MAX);
    for (size_t p = 0; p < m->posts_n; p++)
        TSK_EXAMPLE_I(m->posts[p], 3, p);
    m->urls = tsk_example_texts(out, tsk_example_n(v, 0, TSK_URLS_MAX), "tls+tcp://node%u.example:4310");
    m->tls_cert = v == 0 ? (struct tsk_slice){NULL, 0} : TSK_SLICE(CERT);
    m->roles = v == 0 ? TSK_ROLE_SENDER : TSK_ROLE_SENDER | TSK_ROLE_RECIPIENT;
    m->districts = tsk_example_texts(out, tsk_example_n(v, 0, TSK_DISTRICTS_MAX), "01101-%02u");
    m->from = 1790000000;
    m->has_until = m->has_succeeds = v > 0;
    m->until = v > 0 ? 1790000001 : 0;
    if (v > 0)
        TSK_EXAMPLE(m->succeeds, 5);
}

static inline void tsk_example_partner(struct tsk_partner *p, size_t i, unsigned v, struct tsk_cbor_out *out)
{
    snprintf(p->id, sizeof p->id, "X%03u", (unsigned)i);
    p->type = tsk_code("T08");
    p->name = tsk_example_text("NPO法人 ほしぞら(見本)");
    p->kana = tsk_example_text(v == 0 ? "" : "ほしぞら");
    p->name_en = tsk_example_text(v == 0 ? "" : "NPO Hoshizora (sample)");
    p->ward = tsk_code(v == 0 ? "" : "011029");
    p->needs = tsk_example_texts(out, tsk_example_n(v, 0, 8), "N%02u");
    p->hours = tsk_example_text("10:00-18:00 月-金");
    p->flags = v == 0 ? 0 : 3;
}

/* Elements stand in the room themselves; what they borrow stands before them. */
static inline bool tsk_example_roster(unsigned v, struct tsk_example *e)
{
    static uint8_t element_room[64 * 1024];
    static const uint8_t CA[120] = {0x30, 0x76};
    struct tsk_roster *r = &e->rec.roster;
    bool genesis = v == 0;
    r->seq = genesis ? 1 : 2;
    if (!genesis) {
        TSK_EXAMPLE(r->net, 1);
        TSK_EXAMPLE(r->prev, 2);
    }
    r->time = 1790000000;
    r->valid_until = r->time + TSK_ROSTER_LIFE_S;
    r->name = tsk_example_text("見本のつなぎ網");
    r->roots_n = tsk_example_n(v, 1, TSK_ROOTS_MAX);
    for (size_t i = 0; i < r->roots_n; i++)
        TSK_EXAMPLE_I(r->roots[i], 3, i);
    r->threshold = r->roots_n;
    r->tls_ca = TSK_SLICE(CA);
    r->members.n = tsk_example_n(v, 0, 20);
    size_t start = e->out.n;
    for (size_t i = 0; i < r->members.n; i++) {
        struct tsk_cbor_out own;
        struct tsk_member m = {0};
        tsk_cbor_out_init(&own, element_room, sizeof element_room);
        tsk_example_member(&m, i, i == 0 ? 0 : v, &own);
        if (tsk_member_encode(&e->out, &m) != TSK_OK)
            return false;
    }
    r->members.bytes = (struct tsk_slice){e->out.p + start, e->out.n - start};
    r->partners.n = tsk_example_n(v, 0, 20);
    start = e->out.n;
    for (size_t i = 0; i < r->partners.n; i++) {
        struct tsk_cbor_out own;
        struct tsk_partner p = {0};
        tsk_cbor_out_init(&own, element_room, sizeof element_room);
        tsk_example_partner(&p, i, i == 0 ? 0 : v, &own);
        if (tsk_partner_encode(&e->out, &p) != TSK_OK)
            return false;
    }
    r->partners.bytes = (struct tsk_slice){e->out.p + start, e->out.n - start};
    r->min_suite = r->min_mode = r->policy = 1;
    r->notices = tsk_example_strings(&e->out, tsk_example_n(v, 0, 8), 32, 4);
    return v <= 2;
}

static inline bool tsk_example_holder(unsigned v, struct tsk_example *e)
{
    struct tsk_holder *r = &e->rec.holder;
    TSK_EXAMPLE(r->sign_pk, 1);
    r->suite = 1;
    TSK_EXAMPLE(r->kem_pk, 2);
    r->kind = v == 0 ? TSK_HOLDER_CHILD : TSK_HOLDER_GUARDIAN;
    r->state = v == 0 ? TSK_HOLDER_ACTIVE : TSK_HOLDER_REPLACED;
    r->time = 1790000000;
    TSK_EXAMPLE(r->enrolled_by, 3);
    r->has_other = v > 0;
    if (r->has_other)
        TSK_EXAMPLE(r->other, 4);
    TSK_EXAMPLE(r->pop, 5);
    return v <= 1;
}

static inline bool tsk_example_referral(unsigned v, struct tsk_example *e)
{
    struct tsk_referral *r = &e->rec.referral;
    TSK_EXAMPLE(r->id, 1);
    TSK_EXAMPLE(r->sender, 2);
    TSK_EXAMPLE(r->recipient, 3);
    r->needs_n = tsk_example_n(v, 1, TSK_NEEDS_MAX);
    for (size_t i = 0; i < r->needs_n; i++)
        snprintf(r->needs[i].s, sizeof r->needs[i].s, "N%02u", (unsigned)(i + 1) % 100);
    r->urgency = tsk_code("U3");
    r->age_band = tsk_code("A3");
    r->ward = tsk_code("011029");
    r->created = 1790000000;
    r->reply_by = 1790200000;
    r->policy = 1;
    TSK_EXAMPLE(r->link, 4);
    return v <= 2;
}

static inline bool tsk_example_item(unsigned v, struct tsk_example *e)
{
    struct tsk_item *r = &e->rec.item;
    struct tsk_item_core *c = &r->core;
    TSK_EXAMPLE(c->id, 1);
    TSK_EXAMPLE(c->referral, 2);
    TSK_EXAMPLE(c->sender, 3);
    c->holders_n = tsk_example_n(v, 1, TSK_HOLDERS_MAX);
    for (size_t i = 0; i < c->holders_n; i++)
        TSK_EXAMPLE_I(c->holders[i], 4, i);
    c->require = v == 0 ? TSK_ANY : TSK_ALL;
    c->category = tsk_code("C1");
    c->suite = TSK_SUITE_1;
    c->mode = TSK_MODE_CARD;
    c->created = 1790000000;
    c->destroy_after = c->created + TSK_ITEM_LIFE_S;
    c->age_class = v == 0 ? 1 : 4;
    c->class_until = 1800000000;
    c->roster_seq = 1;
    if (tsk_item_core_encode(c, e->room, 4096, &r->core_bytes) != TSK_OK)
        return false;
    TSK_EXAMPLE(r->ct_hash, 5);
    r->ct_len = 272;
    TSK_EXAMPLE(r->ck_commit, 6);
    r->wraps_n = c->holders_n;
    for (size_t i = 0; i < r->wraps_n; i++) {
        r->wraps[i].holder = c->holders[i];
        TSK_EXAMPLE_I(r->wraps[i].s1_commit, 7, i);
        TSK_EXAMPLE_I(r->wraps[i].enc, 8, i);
        TSK_EXAMPLE_I(r->wraps[i].ct, 9, i);
    }
    return v <= 2;
}

/* Variant 3 is a refusal, variant 4 the same-family purpose without items. */
static inline bool tsk_example_grant(unsigned v, struct tsk_example *e)
{
    struct tsk_grant *r = &e->rec.grant;
    TSK_EXAMPLE(r->id, 1);
    TSK_EXAMPLE(r->holder, 2);
    r->role = v == 0 ? 1 : 2;
    r->role_kid = r->holder;
    r->state = v == 3 ? TSK_GRANT_REFUSED : TSK_GRANT_GIVEN;
    r->time = 1790000000;
    r->expires = 1800000000;
    TSK_EXAMPLE(r->sender, 3);
    TSK_EXAMPLE(r->recipient, 4);
    r->purpose = tsk_code(v == 4 ? "P4" : "P1");
    r->items_n = v == 4 ? 0 : tsk_example_n(v, 1, TSK_ITEMS_MAX);
    for (size_t i = 0; i < r->items_n; i++) {
        TSK_EXAMPLE_I(r->items[i].item, 5, i);
        r->items[i].category = tsk_code(i % 2 == 0 ? "C1" : "C6");
    }
    TSK_EXAMPLE(r->notice_hash, 6);
    r->notice_lang = tsk_example_text("ja-Hira");
    r->notice_version = 1;
    r->retention_days = 365;
    TSK_EXAMPLE(r->code_hash, 7);
    r->basis = tsk_code(v == 0 ? "B1" : "B2");
    r->how = TSK_HOW_TABLET;
    TSK_EXAMPLE(r->how_node, 8);
    r->lifts_n = tsk_example_n(v, 0, TSK_LIFTS_MAX);
    for (size_t i = 0; i < r->lifts_n; i++)
        TSK_EXAMPLE_I(r->lifts[i], 9, i);
    TSK_EXAMPLE(r->referral, 10);
    if (v != 3)
        TSK_EXAMPLE(r->wraps_hash, 11);
    return v <= 4;
}

static inline bool tsk_example_wraps(unsigned v, struct tsk_example *e)
{
    struct tsk_wraps *r = &e->rec.wraps;
    TSK_EXAMPLE(r->id, 1);
    r->wraps_n = tsk_example_n(v, 1, TSK_ITEMS_MAX);
    for (size_t i = 0; i < r->wraps_n; i++) {
        TSK_EXAMPLE_I(r->wraps[i].item, 2, i);
        TSK_EXAMPLE_I(r->wraps[i].key_id8, 3, i);
        TSK_EXAMPLE_I(r->wraps[i].enc, 4, i);
        TSK_EXAMPLE_I(r->wraps[i].ct, 5, i);
    }
    return v <= 2;
}

/* 0 by card, 1 by staff on behalf of a holder, 2 by code, 3 by staff alone. */
static inline bool tsk_example_withdraw(unsigned v, struct tsk_example *e)
{
    static const uint64_t BY[] = {TSK_BY_HOLDER, TSK_BY_STAFF, TSK_BY_CODE, TSK_BY_STAFF};
    struct tsk_withdraw *r = &e->rec.withdraw;
    if (v > 3)
        return false;
    TSK_EXAMPLE(r->id, 1);
    r->form = v + 1;
    TSK_EXAMPLE(r->target, 2);
    r->time = 1790000000;
    r->by = BY[v];
    if (r->by == TSK_BY_CODE)
        TSK_EXAMPLE(r->code, 3);
    if (r->by == TSK_BY_STAFF) {
        r->reason = tsk_code("S1");
        TSK_EXAMPLE(r->staff, 4);
    }
    r->has_behalf = v == 1;
    if (r->has_behalf)
        TSK_EXAMPLE(r->behalf, 5);
    return true;
}

static inline bool tsk_example_status(unsigned v, struct tsk_example *e)
{
    struct tsk_status *r = &e->rec.status;
    bool all = v > 0;
    TSK_EXAMPLE(r->id, 1);
    TSK_EXAMPLE(r->referral, 2);
    r->seq = v == 0 ? 1 : v == 1 ? 2 : TSK_STATUS_MAX;
    r->state = v == 0 ? 6 : v == 1 ? 12 : 23;
    r->time = 1790000000;
    r->has_item = r->has_reason = r->has_staff = r->has_answers = r->has_at = r->has_recommend = all;
    if (all) {
        TSK_EXAMPLE(r->prev, 3);
        TSK_EXAMPLE(r->item, 4);
        r->reason = tsk_code("D3");
        TSK_EXAMPLE(r->staff, 5);
        TSK_EXAMPLE(r->answers, 6);
        TSK_EXAMPLE(r->seen, 7);
        r->at = 1790300000;
        strcpy(r->recommend, "01102-KK");
    }
    return v <= 2;
}

static inline bool tsk_example_receipt(unsigned v, struct tsk_example *e)
{
    struct tsk_receipt *r = &e->rec.receipt;
    TSK_EXAMPLE(r->id, 1);
    TSK_EXAMPLE(r->to, 2);
    r->lines_n = tsk_example_n(v, 1, TSK_PARCEL_RECORDS_MAX);
    for (size_t i = 0; i < r->lines_n; i++) {
        TSK_EXAMPLE_I(r->lines[i].id, 3, i);
        r->lines[i].code = i % 9;
    }
    r->time = 1790000000;
    return v <= 2;
}

static inline bool tsk_example_open(unsigned v, struct tsk_example *e)
{
    struct tsk_open *r = &e->rec.open;
    TSK_EXAMPLE(r->id, 1);
    TSK_EXAMPLE(r->grant, 2);
    TSK_EXAMPLE(r->item, 3);
    TSK_EXAMPLE(r->epk, 4);
    r->time = 1790000000;
    r->staff_n = tsk_example_n(v, 1, 2);
    for (size_t i = 0; i < r->staff_n; i++)
        TSK_EXAMPLE_I(r->staff[i], 5, i);
    r->purpose = tsk_code("P1");
    return v <= 1;
}

static inline bool tsk_example_cosign(unsigned v, struct tsk_example *e)
{
    struct tsk_cosign *r = &e->rec.cosign;
    TSK_EXAMPLE(r->id, 1);
    TSK_EXAMPLE(r->target, 2);
    r->role = v == 0 ? TSK_COSIGN_CAPTURE : TSK_COSIGN_OUTSIDE;
    r->time = 1790000000;
    TSK_EXAMPLE(r->staff, 3);
    return v <= 1;
}

static inline bool tsk_example_deleted(unsigned v, struct tsk_example *e)
{
    struct tsk_deleted *r = &e->rec.deleted;
    TSK_EXAMPLE(r->id, 1);
    TSK_EXAMPLE(r->grant, 2);
    r->items_n = tsk_example_n(v, 1, TSK_ITEMS_MAX);
    for (size_t i = 0; i < r->items_n; i++)
        TSK_EXAMPLE_I(r->items[i], 3, i);
    r->time = 1790000000;
    r->how = v == 0 ? 1 : 2;
    return v <= 2;
}

static inline bool tsk_example_put(unsigned v, struct tsk_example *e)
{
    struct tsk_put *r = &e->rec.put;
    TSK_EXAMPLE(r->id, 1);
    r->time = v == 0 ? 1 : TSK_TIME_MAX;
    TSK_EXAMPLE(r->post, 2);
    TSK_EXAMPLE(r->parcel_hash, 3);
    TSK_EXAMPLE(r->to, 4);
    return v <= 1;
}

static inline bool tsk_example_fetch(unsigned v, struct tsk_example *e)
{
    struct tsk_fetch *r = &e->rec.fetch;
    TSK_EXAMPLE(r->id, 1);
    r->time = 1790000000;
    TSK_EXAMPLE(r->post, 2);
    r->after = v == 0 ? 0 : TSK_NUMBER_MAX;
    r->max = v == 0 ? 1 : TSK_FETCH_MAX;
    r->wait_ms = v == 0 ? 0 : TSK_FETCH_WAIT_MS;
    return v <= 1;
}

static inline bool tsk_example_confirm(unsigned v, struct tsk_example *e)
{
    struct tsk_confirm *r = &e->rec.confirm;
    TSK_EXAMPLE(r->id, 1);
    r->time = 1790000000;
    TSK_EXAMPLE(r->post, 2);
    TSK_EXAMPLE(r->epoch, 3);
    r->up_to = v == 0 ? 0 : TSK_NUMBER_MAX;
    return v <= 1;
}

static inline bool tsk_example_parcel(unsigned v, struct tsk_example *e)
{
    struct tsk_parcel *r = &e->rec.parcel;
    TSK_EXAMPLE(r->to, 1);
    TSK_EXAMPLE(r->key_id8, 2);
    TSK_EXAMPLE(r->enc, 3);
    r->ct = (struct tsk_slice){e->room, v == 0 ? 1 : 4096 + 16};
    return v <= 1;
}

static inline bool tsk_example_inner(unsigned v, struct tsk_example *e)
{
    struct tsk_inner *r = &e->rec.inner;
    TSK_EXAMPLE(r->from, 1);
    r->seq = v == 0 ? 0 : 7;
    r->floor = v == 0 ? 0 : 5;
    if (v > 0)
        TSK_EXAMPLE(r->prev, 2);
    r->records = tsk_example_strings(&e->out, tsk_example_n(v, 1, TSK_PARCEL_RECORDS_MAX), 40, 3);
    r->cts = tsk_example_strings(&e->out, tsk_example_n(v, 0, TSK_PARCEL_RECORDS_MAX), 60, 4);
    r->wraps = tsk_example_strings(&e->out, tsk_example_n(v, 0, TSK_PARCEL_RECORDS_MAX), 50, 5);
    return v <= 2;
}

static inline bool tsk_example_reply(unsigned v, struct tsk_example *e)
{
    static const uint8_t PUT[90] = {0xd2}, PARCEL[200] = {0xa4};
    struct tsk_reply *r = &e->rec.reply;
    r->code = v == 0 ? 0 : 13;
    r->roster_seq = v;
    TSK_EXAMPLE(r->roster_id, 1);
    TSK_EXAMPLE(r->epoch, 2);
    r->end = 70;
    r->mail.n = tsk_example_n(v, 0, TSK_FETCH_MAX);
    for (size_t i = 0; i < r->mail.n; i++)
        tsk_mail_encode(&e->out, &(struct tsk_mail){i + 1, TSK_SLICE(PUT), TSK_SLICE(PARCEL)});
    r->mail.bytes = (struct tsk_slice){e->out.p, e->out.n};
    return v <= 2;
}

/* False if the row has no such variant. */
static inline bool tsk_example_fill(enum tsk_rec r, unsigned variant, struct tsk_example *e)
{
    static bool (*const FILL[TSK_REC_COUNT])(unsigned, struct tsk_example *) = {
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) [TSK_REC_##NAME] = tsk_example_##name,
#include "schema/records.def"
#undef TSK_RECORD
    };
    memset(&e->rec, 0, sizeof e->rec);
    memset(e->room, 0, 8192);
    tsk_cbor_out_init(&e->out, e->room, sizeof e->room);
    return FILL[r](variant, e);
}

/* The encoded example in `buf` (TSK_EXAMPLE_CAP bytes); TSK_E_UNKNOWN if there is no such variant. */
static inline enum tsk_err tsk_example_encode(enum tsk_rec r, unsigned variant, struct tsk_example *e, uint8_t *buf,
                                              struct tsk_slice *ret_bytes)
{
    if (!tsk_example_fill(r, variant, e))
        return TSK_E_UNKNOWN;
    return tsk_rec_encode(r, &e->rec, buf, TSK_EXAMPLE_CAP, ret_bytes);
}

#endif
