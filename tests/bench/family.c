/* family.c - what consent adds: holders prepared before the clock runs, three sealed items, the card's grant.
 *
 * The card's part (opening its parts of the keys, wrapping them for the recipient, signing) runs in this process too;
 * in life it is another machine's work. The floor counts it as well. */
#include <stdlib.h>
#include <string.h>

#include "crypto/card.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "node/desk/verb_refer.h"
#include "tests/bench/bench.h"

#define ITEMS 3
#define CONTENT 600

struct prepared { struct tsk_holder_keys keys; struct tsk_kid kid; };
struct bench_family {
    struct tsk_card_root root;
    struct prepared *holders; size_t n, used;
    uint8_t content[CONTENT], notice_hash[32];
};

/* ---- before ---- */
static void prepare_one(struct tsk_ctx *ctx, struct tsk_txn *t, const struct tsk_card_root *root, struct prepared *p)
{
    struct tsk_id16 tweak;
    struct tsk_holder_at h = {.holder = {.suite = TSK_SUITE_1, .kind = TSK_HOLDER_CHILD, .state = TSK_HOLDER_ACTIVE,
                                         .time = ctx->clock(), .enrolled_by = *tsk_self(ctx)}};
    tsk_random(tweak.b, sizeof tweak.b);
    tsk_random(h.card.b, sizeof h.card.b);
    bench_must(tsk_holder_derive(root, &tweak, &p->keys), "holder");
    p->kid = *tsk_signer_kid(p->keys.sign);
    h.kid = p->kid;
    h.tweak = tweak;
    h.holder.sign_pk = *tsk_signer_pk(p->keys.sign);
    h.holder.kem_pk = *tsk_kem_pk(p->keys.kem);
    bench_must(tsk_holder_pop_sign(&h.holder, p->keys.sign, &ctx->members->net), "possession");
    bench_must(tsk_holder_save(t, &h), "holder");
}

static struct bench_family *family_new(void)
{
    struct bench_family *f = calloc(1, sizeof *f);
    const struct tsk_notice *notice = tsk_notice_find(TSK_HOLDER_CHILD, "ja-Hira");
    if (f == NULL || notice == NULL)
        bench_die("family");
    struct tsk_slice text = {(const uint8_t *)notice->text, strlen(notice->text)};
    bench_must(tsk_sha256(&text, 1, f->notice_hash), "notice");
    tsk_random(f->root.root.b, sizeof f->root.root.b);
    memset(f->content, 'x', sizeof f->content);
    return f;
}

struct bench_family *bench_family_more(struct bench_family *f, struct tsk_ctx *ctx, size_t unused)
{
    struct tsk_txn *t;
    f = f != NULL ? f : family_new();
    size_t n = f->used + unused;
    if (n <= f->n)
        return f;
    f->holders = realloc(f->holders, n * sizeof *f->holders);
    if (f->holders == NULL)
        bench_die("family");
    bench_must(tsk_txn_begin(ctx->store, true, &t), "begin");
    for (; f->n < n; f->n++)
        prepare_one(ctx, t, &f->root, &f->holders[f->n]);
    bench_must(tsk_txn_commit(t), "commit");
    return f;
}

/* ---- the referral ---- */
static enum tsk_err plan(struct bench_family *f, struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_entry *to,
                         const struct prepared *p, struct tsk_case *ret_c)
{
    static const char *const categories[ITEMS] = {"C1", "C2", "C6"};
    struct tsk_call call = {.ctx = ctx, .b = b};
    struct tsk_plan plan = {.now = b->now, .to = to, .birth = "~13", .age_class = 2, .require = TSK_ANY,
                            .class_until = b->now + TSK_ITEM_LIFE_S, .holders_n = 1, .details_n = ITEMS};
    plan.referral.needs[0] = tsk_code("N07");
    plan.referral.needs_n = 1;
    plan.referral.urgency = tsk_code("U3");
    plan.referral.age_band = tsk_code("A3");
    plan.referral.ward = tsk_code("011029");
    tsk_random(plan.referral.link.b, sizeof plan.referral.link.b);
    TSK_TRY(tsk_holder_load(b->txn, &p->kid, &plan.holders[0]));
    for (size_t i = 0; i < ITEMS; i++) {
        plan.details[i].category = tsk_code(categories[i]);
        plan.details[i].content = (struct tsk_buf){f->content, sizeof f->content};
        plan.details[i].keep[0] = true;
    }
    return tsk_plan_make(&call, &plan, ret_c); /* the content is not the plan's: nothing to wipe */
}

/* ---- the grant ---- */
static int by_item(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct tsk_id32));
}

static void fill_grant(const struct bench_family *f, struct tsk_ctx *ctx, struct tsk_batch *b,
                       const struct tsk_entry *to, const struct prepared *p, const struct tsk_case *c,
                       struct tsk_grant *g)
{
    *g = (struct tsk_grant){
        .holder = p->kid, .role = 1, .role_kid = p->kid, .state = TSK_GRANT_GIVEN, .time = b->now,
        .expires = b->now + 30 * TSK_DAY_S, .sender = *tsk_self(ctx), .recipient = to->m.kid, .purpose = tsk_code("P1"),
        .notice_lang = {(const uint8_t *)"ja-Hira", 7}, .notice_version = 1, .retention_days = 90,
        .basis = tsk_code("B1"), .how = TSK_HOW_TABLET, .how_node = *tsk_self(ctx), .referral = c->ref};
    memcpy(g->notice_hash, f->notice_hash, sizeof g->notice_hash);
    tsk_random(g->id.b, sizeof g->id.b);
    tsk_random(g->code_hash, sizeof g->code_hash);
}

static enum tsk_err wrap_items(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_entry *to,
                               const struct prepared *p, const struct tsk_case *c, struct tsk_grant *g,
                               struct tsk_wraps *w)
{
    struct tsk_case_item item;
    struct tsk_key32 part;
    w->id = g->id;
    for (uint64_t i = 0; i < c->items_n; i++) {
        TSK_TRY(tsk_item_load(b->txn, c, i, &item));
        TSK_TRY(tsk_item_unwrap(&item.item, &p->kid, p->keys.kem, &ctx->members->net, &part));
        TSK_TRY(tsk_rewrap(&part, &g->id, &p->kid, &item.id, &to->m.kid, tsk_member_seal_key(to, b->now),
                           &ctx->members->net, &w->wraps[w->wraps_n++]));
        g->items[g->items_n++] = (struct tsk_grant_item){item.id, item.item.core.category};
    }
    qsort(g->items, g->items_n, sizeof g->items[0], by_item);
    qsort(w->wraps, w->wraps_n, sizeof w->wraps[0], by_item);
    return TSK_OK;
}

static enum tsk_err grant(struct bench_family *f, struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_entry *to,
                          const struct prepared *p, const struct tsk_case *c, struct tsk_id32 *ret_grant)
{
    struct tsk_grant g;
    struct tsk_wraps w = {0};
    struct tsk_inner inner = {0};
    struct tsk_slice wraps, record;
    uint8_t wraps_buf[4096], buf[16384];
    struct tsk_id32 id;
    fill_grant(f, ctx, b, to, p, c, &g);
    TSK_TRY(wrap_items(ctx, b, to, p, c, &g, &w));
    TSK_TRY(tsk_rec_encode(TSK_REC_WRAPS, &w, wraps_buf, sizeof wraps_buf, &wraps));
    TSK_TRY(tsk_sha256(&wraps, 1, g.wraps_hash));
    TSK_TRY(tsk_record_sign(TSK_REC_GRANT, &g, p->keys.sign, &ctx->members->net, buf, sizeof buf, &record, &id));
    TSK_TRY(tsk_seq_of(b->txn, &wraps, 1, &inner.wraps));
    return tsk_bring(ctx, b, record, &inner, ret_grant);
}

enum tsk_err bench_family_refer(struct bench_family *f, struct tsk_ctx *ctx, struct tsk_batch *b,
                                const struct tsk_entry *to, struct tsk_id32 *ret_grant)
{
    struct tsk_case c;
    if (f->used == f->n)
        return TSK_E_HOLDERS;
    struct prepared *p = &f->holders[f->used++];
    TSK_TRY(plan(f, ctx, b, to, p, &c));
    TSK_TRY(grant(f, ctx, b, to, p, &c, ret_grant));
    tsk_holder_keys_wipe(&p->keys);
    return TSK_OK;
}
