/* gen.c - makes the JSON files of docs/vectors from fixed seeds: one child's card, one referral, one item, one grant, its
 * wraps.
 *
 *   gen FOLDER
 *
 * The values go through the same functions as the product's. Only the source of randomness is replaced, by a
 * counter under SHA-256: this program defines tsk_random itself, so the library's own is not linked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/card.h"
#include "crypto/hash.h"
#include "crypto/seal.h"

#define MUST(expr)                                                                                    \
    do {                                                                                              \
        enum tsk_err must_ = (expr);                                                                  \
        if (must_ != TSK_OK) {                                                                        \
            fprintf(stderr, "gen: line %d: %s: %s\n", __LINE__, #expr, tsk_err_name(must_));          \
            exit(1);                                                                                  \
        }                                                                                             \
    } while (0)

#define CREATED 1785542400u /* 2026-08-01T00:00:00Z */

void tsk_random(void *p, size_t n)
{
    static uint8_t counter[8];
    uint8_t *out = p;
    while (n > 0) {
        uint8_t block[32];
        const struct tsk_slice parts[] = {{(const uint8_t *)"tasuki test vectors", 19}, TSK_SLICE(counter)};
        MUST(tsk_sha256(parts, 2, block));
        for (int i = 7; i >= 0 && ++counter[i] == 0; i--)
            ;
        size_t take = n < sizeof block ? n : sizeof block;
        memcpy(out, block, take);
        out += take;
        n -= take;
    }
}

/* ---- JSON, one member a line ---- */
static void open_json(const char *dir, const char *name, FILE **ret_f)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    *ret_f = fopen(path, "w");
    if (*ret_f == NULL) {
        perror(path);
        exit(1);
    }
    fputs("{\n", *ret_f);
}

static void hex(FILE *f, const char *name, const void *p, size_t n)
{
    fprintf(f, "  \"%s\": \"", name);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", ((const uint8_t *)p)[i]);
    fputs("\",\n", f);
}

static void text(FILE *f, const char *name, const char *value)
{
    fprintf(f, "  \"%s\": \"%s\",\n", name, value);
}

static void close_json(FILE *f, const char *what)
{
    fprintf(f, "  \"what\": \"%s\"\n}\n", what);
    if (fclose(f) != 0)
        exit(1);
}

/* ---- the cast ---- */
struct cast {
    struct tsk_id16 net;
    uint8_t node_seed[32], agency_seed[32];
    struct tsk_signer_key *node, *agency;
    struct tsk_key32 seal_sk;
    struct tsk_seal_key seal;
    struct tsk_card card;
    struct tsk_card_root root;
    struct tsk_holder_keys holder;
    struct tsk_id32 referral_id, item_id;
};

static void make_cast(struct cast *c)
{
    tsk_random(c->net.b, 16);
    tsk_random(c->node_seed, 32);
    tsk_random(c->agency_seed, 32);
    MUST(tsk_signer_new(c->node_seed, &c->node));
    MUST(tsk_signer_new(c->agency_seed, &c->agency));
    uint8_t ikm[32];
    tsk_random(ikm, sizeof ikm);
    MUST(tsk_kem_derive(TSK_SLICE(ikm), &c->seal_sk, &c->seal.pk));
    c->seal.year = 2026;
    MUST(tsk_id8_of(&c->seal.pk, c->seal.id8));
    tsk_card_new(&c->card);
    MUST(tsk_card_unlock(&c->card, "246810", TSK_SCRYPT_N, &c->root));
    struct tsk_id16 tweak;
    tsk_random(tweak.b, 16);
    MUST(tsk_holder_derive(&c->root, &tweak, &c->holder));
}

static void write_keys(const char *dir, const struct cast *c)
{
    FILE *f;
    open_json(dir, "keys.json", &f);
    char card[TSK_CARD_TEXT_CAP];
    struct tsk_id16 card_id;
    MUST(tsk_card_text(&c->card, card));
    MUST(tsk_card_id(&c->card, "01100-YC", &card_id));
    hex(f, "net", c->net.b, 16);
    text(f, "partner", "01100-YC");
    text(f, "card", card);
    text(f, "pin", "246810");
    hex(f, "card_secret", c->card.cs.b, 32);
    hex(f, "card_id", card_id.b, 16);
    hex(f, "card_root", c->root.root.b, 32);
    hex(f, "tweak", c->holder.tweak.b, 16);
    hex(f, "holder_sign_pk", tsk_signer_pk(c->holder.sign)->b, 32);
    hex(f, "holder_kid", tsk_signer_kid(c->holder.sign)->b, 32);
    hex(f, "holder_kem_pk", tsk_kem_pk(c->holder.kem)->b, 32);
    hex(f, "node_sign_seed", c->node_seed, 32);
    hex(f, "node_sign_pk", tsk_signer_pk(c->node)->b, 32);
    hex(f, "node_kid", tsk_signer_kid(c->node)->b, 32);
    hex(f, "agency_kid", tsk_signer_kid(c->agency)->b, 32);
    hex(f, "agency_seal_sk", c->seal_sk.b, 32);
    hex(f, "agency_seal_pk", c->seal.pk.b, 32);
    hex(f, "agency_seal_id8", c->seal.id8, 8);
    close_json(f, "one card, one holder, the sender's signing key, the recipient's sealing key");
}

static struct tsk_slice sign(enum tsk_rec r, const void *record, struct tsk_signer_key *key, const struct cast *c,
                             struct tsk_id32 *ret_id)
{
    uint8_t *buf = malloc(tsk_rec_max(r));
    struct tsk_slice bytes;
    MUST(tsk_record_sign(r, record, key, &c->net, buf, tsk_rec_max(r), &bytes, ret_id));
    return bytes;
}

static struct tsk_slice make_referral(struct cast *c)
{
    struct tsk_referral r = {.needs = {{"N07"}}, .needs_n = 1, .urgency = {"U3"}, .age_band = {"A4"}, .ward = {"011029"},
                             .created = CREATED, .reply_by = CREATED + 432000, .policy = 1};
    tsk_random(r.id.b, 16);
    tsk_random(r.link.b, 32);
    r.sender = *tsk_signer_kid(c->node);
    r.recipient = *tsk_signer_kid(c->agency);
    return sign(TSK_REC_REFERRAL, &r, c->node, c, &c->referral_id);
}

/* {"c1.call": "ゆい", "c1.how": "..."}: an invented child. */
static struct tsk_slice content(uint8_t *buf, size_t cap)
{
    struct tsk_cbor_out out;
    struct tsk_slice bytes;
    tsk_cbor_out_init(&out, buf, cap);
    tsk_cbor_put_map(&out, 2);
    tsk_cbor_put_str(&out, "c1.how");
    tsk_cbor_put_str(&out, "放課後に児童会館で");
    tsk_cbor_put_str(&out, "c1.call");
    tsk_cbor_put_str(&out, "ゆい");
    MUST(tsk_cbor_out_done(&out, &bytes));
    return bytes;
}

static void write_item(const char *dir, struct cast *c, struct tsk_key32 *ret_part)
{
    FILE *f;
    open_json(dir, "item.json", &f);
    struct tsk_slice referral = make_referral(c);
    struct tsk_item_core core = {.referral = c->referral_id, .holders_n = 1, .require = TSK_ANY, .category = {"C1"},
                                 .suite = 1, .mode = 1, .created = CREATED, .destroy_after = CREATED + TSK_ITEM_LIFE_S,
                                 .age_class = 2, .class_until = CREATED + 200 * TSK_DAY_S, .roster_seq = 2};
    core.sender = *tsk_signer_kid(c->node);
    core.holders[0] = *tsk_signer_kid(c->holder.sign);
    uint8_t plain[512], core_buf[2048];
    struct tsk_slice pt = content(plain, sizeof plain);
    size_t ct_n = tsk_seal_ct_len(pt.n);
    uint8_t *ct = malloc(ct_n);
    struct tsk_item item = {0};
    MUST(tsk_item_seal(&core, tsk_kem_pk(c->holder.kem), &c->net, pt, core_buf, sizeof core_buf, &item, ct));
    struct tsk_slice record = sign(TSK_REC_ITEM, &item, c->node, c, &c->item_id);
    MUST(tsk_item_unwrap(&item, tsk_signer_kid(c->holder.sign), c->holder.kem, &c->net, ret_part));
    hex(f, "referral", referral.p, referral.n);
    hex(f, "referral_id32", c->referral_id.b, 32);
    hex(f, "item", record.p, record.n);
    hex(f, "item_id32", c->item_id.b, 32);
    hex(f, "ct", ct, ct_n);
    hex(f, "s1", ret_part->b, 32);
    hex(f, "content", pt.p, pt.n);
    close_json(f, "a referral and one category C1 sealed to the holder of keys.json");
    free((void *)(uintptr_t)referral.p);
    free((void *)(uintptr_t)record.p);
    free(ct);
}

static void fill_grant(struct cast *c, struct tsk_grant *g, uint8_t ret_code[16])
{
    tsk_random(g->id.b, 16);
    g->holder = g->role_kid = *tsk_signer_kid(c->holder.sign);
    g->role = 1;
    g->state = TSK_GRANT_GIVEN;
    g->time = CREATED + 3600;
    g->expires = CREATED + 150 * TSK_DAY_S;
    g->sender = g->how_node = *tsk_signer_kid(c->node);
    g->recipient = *tsk_signer_kid(c->agency);
    g->purpose = tsk_code("P1");
    g->items[0] = (struct tsk_grant_item){c->item_id, {"C1"}};
    g->items_n = 1;
    g->notice_lang = (struct tsk_slice){(const uint8_t *)"ja-Hira", 7};
    g->notice_version = 1;
    g->retention_days = 90;
    g->basis = tsk_code("B1");
    g->how = TSK_HOW_TABLET;
    g->referral = c->referral_id;
    const struct tsk_slice notice = {(const uint8_t *)"notice", 6};
    MUST(tsk_sha256(&notice, 1, g->notice_hash));
    MUST(tsk_wd_code(&c->root, &g->id, ret_code));
    MUST(tsk_wd_hash(&g->id, ret_code, g->code_hash));
}

static void write_grant(const char *dir, struct cast *c, const struct tsk_key32 *part)
{
    struct tsk_grant g = {0};
    uint8_t code[16], buf[4096];
    char code_text[40];
    fill_grant(c, &g, code);
    struct tsk_wraps w = {.id = g.id, .wraps_n = 1};
    MUST(tsk_rewrap(part, &g.id, &g.holder, &c->item_id, &g.recipient, &c->seal, &c->net, &w.wraps[0]));
    struct tsk_slice wraps;
    MUST(tsk_rec_encode(TSK_REC_WRAPS, &w, buf, sizeof buf, &wraps));
    MUST(tsk_sha256(&wraps, 1, g.wraps_hash));
    struct tsk_id32 id;
    struct tsk_slice record = sign(TSK_REC_GRANT, &g, c->holder.sign, c, &id);
    tsk_wd_code_text(code, code_text);

    FILE *f;
    open_json(dir, "grant.json", &f);
    hex(f, "grant", record.p, record.n);
    hex(f, "grant_id32", id.b, 32);
    hex(f, "grant_id16", g.id.b, 16);
    text(f, "withdrawal_code", code_text);
    close_json(f, "the holder's grant over the item of item.json, until 2026-12-29");
    open_json(dir, "wraps.json", &f);
    hex(f, "wraps", wraps.p, wraps.n);
    close_json(f, "the wraps that the grant's key 20 binds: s1 for the recipient's sealing key");
    free((void *)(uintptr_t)record.p);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: gen FOLDER\n", stderr);
        return 2;
    }
    struct cast c = {0};
    struct tsk_key32 part;
    MUST(tsk_crypto_init());
    make_cast(&c);
    write_keys(argv[1], &c);
    write_item(argv[1], &c, &part);
    write_grant(argv[1], &c, &part);
    tsk_key32_wipe(&part);
    tsk_card_root_wipe(&c.root);
    tsk_card_wipe(&c.card);
    tsk_holder_keys_wipe(&c.holder);
    tsk_signer_free(c.node);
    tsk_signer_free(c.agency);
    return 0;
}
