/* hostile_make.c - records as a true sender would make them, for the attacks to spoil; see hostile.h. */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "schema/consent.h"
#include "tests/system/hostile.h"

struct tsk_slice sign_as(enum tsk_rec r, const void *record, struct tsk_signer_key *key, struct tsk_id32 *ret_id)
{
    struct tsk_slice bytes;
    uint8_t *buf = malloc(tsk_rec_max(r));
    if (buf == NULL)
        die("out of memory");
    must(tsk_record_sign(r, record, key, &H.ctx.members->net, buf, tsk_rec_max(r), &bytes, ret_id), tsk_rec_name(r));
    bytes.p = keep(bytes.p, bytes.n);
    free(buf);
    return bytes;
}

struct tsk_slice sign_own(enum tsk_rec r, const void *record, struct tsk_id32 *ret_id)
{
    return sign_as(r, record, H.ctx.signer, ret_id);
}

struct person person_new(uint64_t kind, const struct tsk_kid *enrolled_by)
{
    struct person p = {0};
    uint8_t seed[32], ikm[32];
    struct tsk_key32 sk;
    tsk_random(seed, sizeof seed);
    tsk_random(ikm, sizeof ikm);
    must(tsk_signer_new(seed, &p.sign), "holder");
    p.kid = *tsk_signer_kid(p.sign);
    p.h = (struct tsk_holder){.sign_pk = *tsk_signer_pk(p.sign), .suite = 1, .kind = kind, .state = TSK_HOLDER_ACTIVE,
                              .time = wall(),
                              .enrolled_by = *enrolled_by};
    must(tsk_kem_derive(TSK_SLICE(ikm), &sk, &p.h.kem_pk), "holder");
    must(tsk_kem_new(sk.b, &p.kem), "holder");
    must(tsk_holder_pop_sign(&p.h, p.sign, &H.ctx.members->net), "holder");
    p.record = sign_own(TSK_REC_HOLDER, &p.h, &p.id);
    return p;
}

void world_begin(struct world *w, uint64_t kind)
{
    *w = (struct world){.who = person_new(kind, me())};
    w->r = (struct tsk_referral){.sender = *me(), .recipient = *them(), .needs_n = 1, .urgency = tsk_code("U3"),
                                 .age_band = tsk_code("A4"),
                                 .ward = tsk_code("011029"), .created = wall(), .reply_by = wall() + 86400,
                                 .policy = H.ctx.members->r.policy};
    w->r.needs[0] = tsk_code("N07");
    tsk_random(w->r.id.b, sizeof w->r.id.b);
    tsk_random(w->r.link.b, sizeof w->r.link.b);
    w->referral = sign_own(TSK_REC_REFERRAL, &w->r, &w->ref);
}

void world_seal(struct world *w, const char *category, uint64_t age_class, uint64_t require)
{
    static const uint8_t words[] = "\xa1\x68" "c6.words" "\x69" "hostile!!";
    struct tsk_slice content = H.content.n > 0 ? H.content : (struct tsk_slice){words, sizeof words - 1};
    struct tsk_item_core core = {.referral = w->ref, .sender = *me(), .holders_n = 1, .require = require,
                                 .category = tsk_code(category),
                                 .suite = 1, .mode = TSK_MODE_CARD, .created = wall(),
                                 .destroy_after = wall() + TSK_ITEM_LIFE_S,
                                 .age_class = age_class, .class_until = wall() + TSK_ITEM_LIFE_S,
                                 .roster_seq = H.ctx.members->r.seq};
    core.holders[0] = w->who.kid;
    size_t ct_n = tsk_seal_ct_len(content.n);
    uint8_t *ct = keep(NULL, ct_n), *core_buf = keep(NULL, 4096);
    must(tsk_item_seal(&core, &w->who.h.kem_pk, &H.ctx.members->net, content, core_buf, 4096,
                       &w->it, ct), "seal");
    w->ct = (struct tsk_slice){ct, ct_n};
    w->item_bytes = sign_own(TSK_REC_ITEM, &w->it, &w->item);
}

void world_wraps(struct world *w, const struct tsk_kid *to, const struct tsk_seal_key *key, const struct tsk_id16 *id)
{
    struct tsk_wraps wraps = {.id = *id, .wraps_n = 1};
    struct tsk_key32 part;
    uint8_t *buf = keep(NULL, 4096);
    must(tsk_item_unwrap(&w->it, &w->who.kid, w->who.kem, &H.ctx.members->net, &part), "unwrap");
    must(tsk_rewrap(&part, id, &w->who.kid, &w->item, to, key, &H.ctx.members->net, &wraps.wraps[0]), "wrap");
    must(tsk_rec_encode(TSK_REC_WRAPS, &wraps, buf, 4096, &w->wraps), "wraps");
    must(tsk_sha256(&w->wraps, 1, w->g.wraps_hash), "wraps");
}

void world_grant(struct world *w)
{
    const struct tsk_notice *notice = tsk_notice_find(w->who.h.kind, w->who.h.kind == TSK_HOLDER_CHILD ? "ja-Hira" : "ja");
    if (notice == NULL)
        die("no notice");
    w->g = (struct tsk_grant){.holder = w->who.kid, .role = w->who.h.kind, .role_kid = w->who.kid,
                              .state = TSK_GRANT_GIVEN, .time = wall(),
                              .expires = wall() + 100 * TSK_DAY_S, .sender = *me(), .recipient = *them(),
                              .purpose = tsk_code("P1"),
                              .items_n = 1, .retention_days = 90,
                              .basis = tsk_code(w->who.h.kind == TSK_HOLDER_CHILD ? "B1" : "B2"),
                              .how = TSK_HOW_TABLET, .how_node = *me(), .referral = w->ref, .notice_version = notice->version};
    struct tsk_slice text = {(const uint8_t *)notice->text, strlen(notice->text)};
    must(tsk_sha256(&text, 1, w->g.notice_hash), "notice");
    w->g.notice_lang = (struct tsk_slice){(const uint8_t *)notice->lang, strlen(notice->lang)};
    w->g.items[0] = (struct tsk_grant_item){w->item, w->it.core.category};
    tsk_random(w->g.id.b, sizeof w->g.id.b);
    world_wraps(w, them(), tsk_member_seal_key(H.victim, wall()), &w->g.id);
}

void world_sign(struct world *w, struct tsk_signer_key *key)
{
    struct tsk_cosign cosign = {.role = TSK_COSIGN_CAPTURE, .time = wall()};
    struct tsk_id32 id;
    w->grant_bytes = sign_as(TSK_REC_GRANT, &w->g, key, &w->grant);
    cosign.target = w->grant;
    tsk_random(cosign.id.b, sizeof cosign.id.b);
    w->cosign = sign_own(TSK_REC_COSIGN, &cosign, &id);
}

struct world world_new(void)
{
    struct world w;
    world_begin(&w, TSK_HOLDER_CHILD);
    world_seal(&w, "C6", 3, TSK_ANY);
    world_grant(&w);
    world_sign(&w, w.who.sign);
    return w;
}

void world_load(const struct world *w, struct load *l)
{
    load_add(l, w->referral);
    load_add(l, w->who.record);
    load_add(l, w->item_bytes);
    load_add(l, w->cosign);
    load_add(l, w->grant_bytes);
    l->cts[l->cts_n++] = w->ct;
    l->wraps[l->wraps_n++] = w->wraps;
}
