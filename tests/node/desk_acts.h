/* desk_acts.h - what people do at the nodes of desk.h: enrol, refer, grant, stop, open, and throw any record at a node. */
#ifndef TSK_TESTS_NODE_DESK_ACTS_H
#define TSK_TESTS_NODE_DESK_ACTS_H

#include "tests/node/desk.h"

/* ---- persons ---- */
static inline void person_new(struct person *p, uint64_t kind, int node)
{
    struct tsk_card card;
    struct tsk_batch b;
    struct tsk_id16 tweak;
    memset(p, 0, sizeof *p);
    p->kind = kind;
    tsk_card_new(&card);
    ck_ok(tsk_card_unlock(&card, "123456", 2, &p->root));
    tsk_random(tweak.b, 16);
    ck_ok(tsk_holder_derive(&p->root, &tweak, &p->keys));
    p->kid = *tsk_signer_kid(p->keys.sign);
    p->holder = (struct tsk_holder){.sign_pk = *tsk_signer_pk(p->keys.sign), .suite = 1, .kem_pk = *tsk_kem_pk(p->keys.kem),
                                    .kind = kind, .state = 1, .time = desk_now, .enrolled_by = *tsk_self(&desk.ctx[node])};
    ck_ok(tsk_holder_pop_sign(&p->holder, p->keys.sign, net_id()));
    struct tsk_holder_at at = {.kid = p->kid, .holder = p->holder};
    ck_ok(tsk_card_id(&card, "Z00001", &at.card));
    at.tweak = tweak;
    begin(S, &b);
    ck_ok(tsk_holder_save(b.txn, &at));
    finish(S, &b);
}

static inline void person_free(struct person *p)
{
    tsk_holder_keys_wipe(&p->keys);
    tsk_card_root_wipe(&p->root);
}

/* ---- referring ---- */
struct plan {
    uint64_t age_class, require;
    bool hold;
    int to;
    uint64_t class_until, age_18;
    const char *need;
};
#define PLAN ((struct plan){.age_class = 2, .require = TSK_ANY, .to = R, .need = "N07"})

static inline enum tsk_err add_item(struct tsk_batch *b, const struct tsk_case *c, const struct plan *plan,
                                    struct person *const *people, size_t n, const char *category)
{
    struct tsk_item_core core = {.referral = c->ref, .sender = *tsk_self(&desk.ctx[S]), .require = plan->require,
                                 .category = tsk_code(category), .suite = 1, .mode = 1, .created = desk_now,
                                 .destroy_after = desk_now + 396 * DAY, .age_class = plan->age_class,
                                 .class_until = plan->class_until != 0 ? plan->class_until : desk_now + 396 * DAY,
                                 .roster_seq = desk.ctx[S].members->r.seq};
    struct tsk_pk kems[TSK_HOLDERS_MAX];
    uint8_t core_buf[4096], ct[1024], cbor[1100];
    struct tsk_item item;
    struct tsk_cbor_out out;
    struct tsk_inner inner = {.cts.n = 1};
    struct tsk_id32 id;
    for (size_t i = 0; i < n; i++) /* holders are a set: in the order of their kids */
        if (!(strcmp(category, "C8") == 0 && people[i]->kind == TSK_HOLDER_GUARDIAN)) {
            size_t at = core.holders_n++;
            for (; at > 0 && memcmp(&core.holders[at - 1], &people[i]->kid, 32) > 0; at--) {
                core.holders[at] = core.holders[at - 1];
                kems[at] = kems[at - 1];
            }
            core.holders[at] = people[i]->kid;
            kems[at] = people[i]->holder.kem_pk;
        }
    struct tsk_slice content = {(const uint8_t *)category, strlen(category)};
    ck_ok(tsk_item_seal(&core, kems, net_id(), content, core_buf, sizeof core_buf, &item, ct));
    tsk_cbor_out_init(&out, cbor, sizeof cbor);
    tsk_cbor_put_bytes(&out, (struct tsk_slice){ct, item.ct_len});
    ck_ok(tsk_cbor_out_done(&out, &inner.cts.bytes));
    return tsk_author(&desk.ctx[S], b, TSK_REC_ITEM, &item, &inner, &id);
}

/* What the verb `refer` does. Categories in one string: "C1 C6". */
static inline struct tsk_id16 refer(const struct plan *plan, struct person *const *people, size_t n, const char *categories)
{
    struct tsk_referral r = {.sender = *tsk_self(&desk.ctx[S]), .recipient = *tsk_self(&desk.ctx[plan->to]), .needs_n = 1,
                             .created = desk_now, .policy = desk.made->r.policy};
    struct tsk_batch b;
    struct tsk_id32 id;
    struct tsk_case c;
    char words[64], *at = words;
    tsk_random(r.id.b, 16);
    tsk_random(r.link.b, 32);
    r.needs[0] = tsk_code(plan->need);
    r.urgency = tsk_code("U3");
    r.age_band = tsk_code("A3");
    r.ward = tsk_code("011029");
    ck_ok(tsk_reply_by(r.urgency, r.created, &r.reply_by));
    begin(S, &b);
    ck_ok(tsk_author(&desk.ctx[S], &b, TSK_REC_REFERRAL, &r, NULL, &id));
    ck_ok(tsk_case_by_id(b.txn, &r.id, &c));
    c.age_class = plan->age_class;
    c.class_until = plan->class_until;
    c.age_18 = plan->age_18;
    c.require = plan->require;
    c.hold = plan->hold;
    for (size_t i = 0; i < n; i++)
        c.holders[c.holders_n++] = people[i]->kid;
    ck_ok(tsk_case_save(b.txn, &c));
    snprintf(words, sizeof words, "%s", categories);
    for (char *w; (w = strsep(&at, " ")) != NULL && *w != '\0';)
        ck_ok(add_item(&b, &c, plan, people, n, w));
    ck_ok(tsk_case_load(b.txn, c.no, &c));
    if (!plan->hold)
        ck_ok(tsk_case_send(&desk.ctx[S], &b, &c));
    finish(S, &b);
    return r.id;
}

/* ---- looking ---- */
static inline struct tsk_case look_case(int node, const struct tsk_id16 *id)
{
    struct tsk_txn *t;
    struct tsk_case c;
    ck_ok(tsk_txn_begin(desk.ctx[node].store, false, &t));
    ck_ok(tsk_case_by_id(t, id, &c));
    tsk_txn_abort(t);
    return c;
}

static inline enum tsk_state state_of(int node, const struct tsk_id16 *id) { return look_case(node, id).state; }

/* Opens the category at R as the verb does, up to the plaintext. */
static inline enum tsk_err try_open(const struct tsk_id16 *id, const char *category, const char *purpose)
{
    struct tsk_ctx *ctx = &desk.ctx[R];
    struct tsk_batch b;
    struct tsk_case c;
    struct tsk_code p = tsk_code(purpose);
    struct tsk_live *l = calloc(1, sizeof *l);
    struct tsk_key32 parts[TSK_HOLDERS_MAX];
    struct tsk_slice ct, text;
    uint8_t content[2048];
    begin(R, &b);
    enum tsk_err e = tsk_case_by_id(b.txn, id, &c);
    if (e == TSK_OK)
        e = tsk_live(ctx, &b, &c, tsk_code(category), &p, l);
    for (size_t i = 0; e == TSK_OK && i < l->grants_n; i++) {
        struct tsk_wraps w;
        ck_ok(tsk_wraps_load(b.txn, &c, l->grants[i].index, &w));
        for (size_t k = 0; k < w.wraps_n; k++)
            if (memcmp(&w.wraps[k].item, &l->item.id, 32) == 0)
                ck_ok(tsk_rewrap_open(&w.wraps[k], &w.id, &l->grants[i].grant.holder, tsk_self(ctx), ctx->kems[0], net_id(),
                                      &parts[i]));
    }
    if (e == TSK_OK) {
        size_t n = l->item.item.core.require == TSK_ALL ? l->grants_n : 1;
        struct tsk_open o = {.grant = l->grants[0].id, .item = l->item.id, .time = desk_now, .staff_n = 1, .purpose = p};
        struct tsk_id32 open_id;
        ck_ok(tsk_item_ct(b.txn, &c, l->item.index, &ct));
        ck_ok(tsk_item_open(&l->item.item, parts, n, NULL, ct, content, &text));
        ck_assert_mem_eq(text.p, category, strlen(category));
        tsk_random(o.id.b, 16);
        tsk_random(o.epk.b, 32);
        ck_ok(tsk_author(ctx, &b, TSK_REC_OPEN, &o, NULL, &open_id));
    }
    finish(R, &b);
    free(l);
    return e;
}

/* ---- statuses ---- */
static inline enum tsk_err say(int node, const struct tsk_id16 *id, enum tsk_state state, const char *reason)
{
    struct tsk_batch b;
    struct tsk_case c;
    struct tsk_id32 sid;
    struct tsk_status s = {.state = state, .has_reason = reason != NULL, .has_at = state == TSK_ST_APPOINTED, .at = desk_now};
    if (reason != NULL)
        s.reason = tsk_code(reason);
    begin(node, &b);
    enum tsk_err e = tsk_case_by_id(b.txn, id, &c);
    if (e == TSK_OK)
        e = tsk_say(&desk.ctx[node], &b, &c, &s, &sid);
    finish(node, &b);
    return e;
}

/* ---- granting: what the terminal does ---- */
struct words {
    const char *categories, *purpose, *basis;
    uint64_t state, days, role;
    const struct tsk_id32 *lifts; size_t lifts_n;
    void (*spoil)(struct tsk_grant *g, struct tsk_wraps *w);      /* before the wraps are hashed */
    void (*spoil_signed)(struct tsk_grant *g);                    /* after, before signing */
};
#define WORDS(cats) ((struct words){.categories = (cats), .purpose = "P1", .state = 1, .days = 100})

struct given { struct tsk_id16 id; struct tsk_id32 id32; uint8_t code[16]; };

static inline int item_order(const void *a, const void *b) { return memcmp(a, b, 32); }

static inline void fill_items(struct tsk_batch *b, const struct tsk_case *c, const struct person *p, const struct words *w,
                              struct tsk_grant *g, struct tsk_wraps *wraps)
{
    const struct tsk_entry *to = tsk_member_by_kid(desk.ctx[S].members, &c->peer, 0);
    for (uint64_t i = 0; i < c->items_n; i++) {
        struct tsk_case_item it;
        struct tsk_key32 part;
        ck_ok(tsk_item_load(b->txn, c, i, &it));
        if (strstr(w->categories, it.item.core.category.s) == NULL)
            continue;
        g->items[g->items_n++] = (struct tsk_grant_item){it.id, it.item.core.category};
        if (w->state != TSK_GRANT_GIVEN || tsk_item_unwrap(&it.item, &p->kid, p->keys.kem, net_id(), &part) != TSK_OK)
            memset(&part, 7, sizeof part);
        ck_ok(tsk_rewrap(&part, &g->id, &p->kid, &it.id, &c->peer, &to->m.seal[0], net_id(), &wraps->wraps[wraps->wraps_n++]));
    }
    qsort(g->items, g->items_n, sizeof g->items[0], item_order);
    qsort(wraps->wraps, wraps->wraps_n, sizeof wraps->wraps[0], item_order);
}

static inline enum tsk_err give(const struct tsk_id16 *id, const struct person *p, const struct words *w, struct given *ret_g)
{
    struct tsk_batch b;
    struct tsk_case c;
    struct tsk_grant g = {.holder = p->kid, .role = w->role != 0 ? w->role : p->kind, .role_kid = p->kid, .state = w->state,
                          .time = desk_now, .expires = desk_now + w->days * DAY, .sender = *tsk_self(&desk.ctx[S]),
                          .notice_hash = {0x11}, .notice_lang = {(const uint8_t *)"ja", 2}, .notice_version = 1,
                          .retention_days = 90, .how = 2, .how_node = *tsk_self(&desk.ctx[S])};
    struct tsk_wraps wraps = {0};
    struct tsk_inner inner = {0};
    struct tsk_cbor_out out;
    static uint8_t wraps_buf[16384], wraps_cbor[16500], buf[16384];
    struct tsk_slice wraps_bytes, bytes;
    struct tsk_id32 rid;
    begin(S, &b);
    ck_ok(tsk_case_by_id(b.txn, id, &c));
    tsk_random(g.id.b, 16);
    wraps.id = g.id;
    g.recipient = c.peer;
    g.referral = c.ref;
    g.purpose = tsk_code(w->purpose);
    g.basis = tsk_code(w->basis != NULL ? w->basis : p->kind == TSK_HOLDER_CHILD ? "B1" : "B2");
    for (; g.lifts_n < w->lifts_n; g.lifts_n++)
        g.lifts[g.lifts_n] = w->lifts[g.lifts_n];
    ck_ok(tsk_wd_code(&p->root, &g.id, ret_g->code));
    ck_ok(tsk_wd_hash(&g.id, ret_g->code, g.code_hash));
    fill_items(&b, &c, p, w, &g, &wraps);
    if (w->spoil != NULL)
        w->spoil(&g, &wraps);
    if (w->state == TSK_GRANT_GIVEN) {
        ck_ok(tsk_rec_encode(TSK_REC_WRAPS, &wraps, wraps_buf, sizeof wraps_buf, &wraps_bytes));
        ck_ok(tsk_sha256(&wraps_bytes, 1, g.wraps_hash));
        tsk_cbor_out_init(&out, wraps_cbor, sizeof wraps_cbor);
        tsk_cbor_put_bytes(&out, wraps_bytes);
        ck_ok(tsk_cbor_out_done(&out, &inner.wraps.bytes));
        inner.wraps.n = 1;
    }
    if (w->spoil_signed != NULL)
        w->spoil_signed(&g);
    ck_ok(tsk_record_sign(TSK_REC_GRANT, &g, p->keys.sign, net_id(), buf, sizeof buf, &bytes, &rid));
    ck_ok(tsk_batch_save(&b));
    enum tsk_err e = tsk_bring(&desk.ctx[S], &b, bytes, &inner, &ret_g->id32);
    if (e == TSK_OK)
        ck_ok(tsk_batch_keep(&b));
    else
        tsk_batch_undo(&b);
    ret_g->id = g.id;
    ret_g->id32 = rid;
    finish(S, &b);
    return e;
}

/* ---- stopping ---- */
static inline enum tsk_err stop(int node, struct tsk_withdraw *w, const struct person *by, struct tsk_id32 *ret_id)
{
    struct tsk_batch b;
    uint8_t buf[4096];
    struct tsk_slice bytes;
    struct tsk_id32 id = {{0}};
    enum tsk_err e;
    tsk_random(w->id.b, 16);
    w->time = desk_now;
    begin(node, &b);
    ck_ok(tsk_batch_save(&b));
    if (by != NULL) {
        w->by = TSK_BY_HOLDER;
        ck_ok(tsk_record_sign(TSK_REC_WITHDRAW, w, by->keys.sign, net_id(), buf, sizeof buf, &bytes, &id));
        e = tsk_bring(&desk.ctx[node], &b, bytes, NULL, &id);
    } else {
        e = tsk_author(&desk.ctx[node], &b, TSK_REC_WITHDRAW, w, NULL, &id);
    }
    if (e == TSK_OK)
        ck_ok(tsk_batch_keep(&b));
    else
        tsk_batch_undo(&b);
    finish(node, &b);
    if (ret_id != NULL)
        *ret_id = id;
    return e;
}

static inline enum tsk_err stop_grant(int node, const struct given *g, const struct person *by, struct tsk_id32 *ret_id)
{
    struct tsk_withdraw w = {.form = TSK_STOP_GRANT, .target = g->id32, .by = TSK_BY_STAFF};
    w.reason = tsk_code("S1");
    return stop(node, &w, by, ret_id);
}

/* ---- a record of anyone's, straight to a node ---- */
static inline enum tsk_err throw_at(int node, int from, enum tsk_rec r, const void *record, struct tsk_signer_key *key,
                                    const struct tsk_inner *inner)
{
    struct tsk_batch b;
    uint8_t buf[16384];
    struct tsk_incoming in = {.from = *tsk_self(&desk.ctx[from]), .inner = inner};
    struct tsk_id32 id;
    bool is_receipt;
    ck_ok(tsk_record_sign(r, record, key, net_id(), buf, sizeof buf, &in.bytes, &id));
    begin(node, &b);
    ck_ok(tsk_batch_save(&b));
    enum tsk_err e = tsk_admit_record(&desk.ctx[node], &b, &in, &id, &is_receipt);
    if (e == TSK_OK)
        ck_ok(tsk_batch_keep(&b));
    else
        tsk_batch_undo(&b);
    finish(node, &b);
    return e;
}

/* Every row of a node's store, counted: what a refusal must leave as it was. */
static inline uint64_t rows_of(int node)
{
    struct tsk_txn *t;
    uint64_t sum = 0;
    ck_ok(tsk_txn_begin(desk.ctx[node].store, false, &t));
    for (int table = 0; table < TSK_T_COUNT; table++) {
        struct tsk_rowkey k = tsk_row((enum tsk_table)table);
        uint64_t n;
        ck_ok(tsk_count(t, &k, &n));
        sum += n;
    }
    tsk_txn_abort(t);
    return sum;
}

#endif
