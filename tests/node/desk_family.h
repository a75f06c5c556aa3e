/* desk_family.h - a made-up family at the sender's node of desk_world.h, a referral for it, and the terminal's part of a
 * consent: what `tasuki consent` does with card and PIN. */
#ifndef TSK_TESTS_NODE_DESK_FAMILY_H
#define TSK_TESTS_NODE_DESK_FAMILY_H

#include "node/desk/json.h"
#include "tests/node/desk_world.h"

static struct world_card child, mother;
static char referral[33], grant[33];
static char code[40];

static inline json_t *ask2(const char *verb, const char *member, const char *value)
{
    return json_pack("{s:s,s:s}", "verb", verb, member, value);
}

static inline json_t *opening(const char *category, const char *purpose)
{
    return json_pack("{s:s,s:s,s:s,s:s}", "verb", "open", "referral", referral, "category", category, "purpose", purpose);
}

static inline void refer(const char *to, bool hold)
{
    const char *c1 = world_content("c1.how", "電話", "c1.kana", "ほし ひかり", "c1.name", "星 ひかり(架空)", "c1.birth",
                                   "2013-04-02", NULL);
    json_t *in = json_pack("{s:s,s:s,s:[s],s:s,s:s,s:[s,s],s:s,s:[o],s:b}", "verb", "refer", "to", to, "needs", "N07",
                           "age_band", "A4", "ward", "011029", "holders", child.hex, mother.hex, "birth", "2013-04-02",
                           "details", world_detail("C1", c1), "hold", hold);
    json_t *details = json_object_get(in, "details");
    json_array_append_new(details, world_detail("C3", world_content("c3.school", "みほん中学校(架空)", NULL)));
    json_array_append_new(details, world_detail("C8", world_content("c8.code", "ひまわり", NULL)));
    json_t *out = world_do(S, in);
    snprintf(referral, sizeof referral, "%s", world_str(out, "referral"));
    json_decref(out);
    world_deliver();
}

static inline void flow_setup(void)
{
    world_setup();
    world_card(&child, TSK_HOLDER_CHILD, S, 6);
    world_card(&mother, TSK_HOLDER_GUARDIAN, S, 6);
}

/* ---- the terminal's part ---- */
struct terminal {
    json_t *begun;
    struct tsk_holder_keys keys;
    struct tsk_grant g;
    struct tsk_wraps w;
};

static inline struct tsk_slice hex_bytes(const char *hex, uint8_t *buf, size_t cap)
{
    size_t n = strlen(hex) / 2;
    ck_assert_uint_le(n, cap);
    ck_ok(tsk_unhex(hex, buf, n));
    return (struct tsk_slice){buf, n};
}

static inline json_t *begin(const struct world_card *card)
{
    return json_pack("{s:s,s:s,s:s}", "verb", "consent_begin", "referral", referral, "card_id", card->hex);
}

static inline void wrap_item(struct terminal *t, const json_t *item)
{
    static uint8_t record[8192];
    struct tsk_envelope env;
    struct tsk_item it;
    struct tsk_key32 part;
    struct tsk_seal_key to;
    struct tsk_id32 id;
    const json_t *recipient = json_object_get(t->begun, "recipient");
    const struct tsk_id16 *net = &world_node[S].members->net;
    ck_ok(tsk_cose_parse(hex_bytes(world_str(item, "record"), record, sizeof record), &env));
    ck_ok(tsk_record_id(&env, net, &id));
    ck_ok(tsk_rec_decode(TSK_REC_ITEM, env.payload, &it));
    ck_ok(tsk_item_unwrap(&it, tsk_signer_kid(t->keys.sign), t->keys.kem, net, &part));
    to.year = 2026;
    hex_bytes(world_str(json_object_get(recipient, "seal"), "pk"), to.pk.b, 32);
    hex_bytes(world_str(json_object_get(recipient, "seal"), "id8"), to.id8, 8);
    hex_bytes(world_str(recipient, "kid"), t->g.recipient.b, 32);
    size_t at = t->g.items_n++;
    while (at > 0 && memcmp(id.b, t->g.items[at - 1].item.b, 32) < 0) {
        t->g.items[at] = t->g.items[at - 1];
        t->w.wraps[at] = t->w.wraps[at - 1];
        at--;
    }
    t->g.items[at] = (struct tsk_grant_item){id, it.core.category};
    ck_ok(tsk_rewrap(&part, &t->g.id, tsk_signer_kid(t->keys.sign), &id, &t->g.recipient, &to, net, &t->w.wraps[at]));
    t->w.wraps_n = t->g.items_n;
}

static inline void fill_grant(struct terminal *t, const struct world_card *card, uint64_t state)
{
    struct tsk_grant *g = &t->g;
    const struct tsk_notice *notice = tsk_notice_find(card->kind, card->kind == TSK_HOLDER_CHILD ? "ja-Hira" : "ja");
    struct tsk_slice text = {(const uint8_t *)notice->text, strlen(notice->text)};
    uint8_t wd[16];
    ck_ok(tsk_sha256(&text, 1, g->notice_hash));
    g->notice_lang = (struct tsk_slice){(const uint8_t *)notice->lang, strlen(notice->lang)};
    g->notice_version = notice->version;
    g->holder = g->role_kid = *tsk_signer_kid(t->keys.sign);
    g->role = card->kind == TSK_HOLDER_CHILD ? 1 : 2;
    g->basis = tsk_code(card->kind == TSK_HOLDER_CHILD ? "B1" : "B2");
    g->state = state;
    g->time = world_now;
    g->expires = world_now + 100 * 86400;
    g->sender = g->how_node = *tsk_self(&world_node[S]);
    g->how = TSK_HOW_TABLET;
    g->purpose = tsk_code("P1");
    g->retention_days = 90;
    hex_bytes(world_str(t->begun, "referral_id32"), g->referral.b, 32);
    ck_ok(tsk_wd_code(&card->root, &g->id, wd));
    ck_ok(tsk_wd_hash(&g->id, wd, g->code_hash));
    tsk_wd_code_text(wd, code);
    tsk_hex(g->id.b, 16, grant);
}

/* The consent_put request of a card for some categories ("C1C3"); state 1 given, 3 refused. */
static inline json_t *consent(const struct world_card *card, const char *categories, uint64_t state)
{
    struct terminal t = {.begun = world_do(S, begin(card))};
    static uint8_t wraps[16384], record[16384];
    static char wraps_hex[32769], record_hex[32769];
    struct tsk_slice w, r;
    struct tsk_id16 tweak;
    struct tsk_id32 id;
    size_t i;
    json_t *item;
    hex_bytes(world_str(json_array_get(json_object_get(t.begun, "holders"), 0), "tweak"), tweak.b, 16);
    ck_ok(tsk_holder_derive(&card->root, &tweak, &t.keys));
    tsk_random(t.g.id.b, 16);
    t.w.id = t.g.id;
    json_array_foreach(json_object_get(t.begun, "items"), i, item)
        if (strstr(categories, world_str(item, "category")) != NULL)
            wrap_item(&t, item);
    fill_grant(&t, card, state);
    json_t *in = json_pack("{s:s}", "verb", "consent_put");
    if (state == TSK_GRANT_GIVEN) {
        ck_ok(tsk_rec_encode(TSK_REC_WRAPS, &t.w, wraps, sizeof wraps, &w));
        ck_ok(tsk_sha256(&w, 1, t.g.wraps_hash));
        tsk_hex(w.p, w.n, wraps_hex);
        json_object_set_new(in, "wraps", json_string(wraps_hex));
    }
    ck_ok(tsk_record_sign(TSK_REC_GRANT, &t.g, t.keys.sign, &world_node[S].members->net, record, sizeof record, &r, &id));
    tsk_hex(r.p, r.n, record_hex);
    json_object_set_new(in, "grant", json_string(record_hex));
    tsk_holder_keys_wipe(&t.keys);
    json_decref(t.begun);
    return in;
}

static inline void consented(const char *categories)
{
    refer("X001", false);
    json_t *out = world_do(S, consent(&child, categories, TSK_GRANT_GIVEN));
    ck_assert(json_is_true(json_object_get(out, "released")));
    ck_assert_str_eq(world_str(out, "grant"), grant);
    json_decref(out);
    world_deliver();
}

#endif
