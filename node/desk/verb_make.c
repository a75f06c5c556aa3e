/* verb_make.c - a checked plan becomes a referral: token, holders, sealed items, case (verb_refer.h). */
#include <string.h>

#include "crypto/seal.h"
#include "node/desk/verb_refer.h"

bool tsk_ward_outside(const struct tsk_entry *self, struct tsk_code ward)
{
    struct tsk_seq districts = self->m.districts;
    struct tsk_slice id;
    bool any = false;
    while (tsk_seq_next_text(&districts, &id)) {
        char text[32] = "";
        if (id.n >= sizeof text)
            continue;
        memcpy(text, id.p, id.n);
        const struct tsk_district *d = tsk_district_find(text);
        any = true;
        if (d != NULL && strcmp(d->ward, ward.s) == 0)
            return false;
    }
    return any;
}

static enum tsk_err make_token(struct tsk_call *call, struct tsk_plan *p, struct tsk_id32 *ret_ref)
{
    struct tsk_referral *r = &p->referral;
    tsk_random(r->id.b, sizeof r->id.b);
    r->sender = *tsk_self(call->ctx);
    r->recipient = p->to->m.kid;
    r->created = p->now;
    r->policy = call->ctx->members->r.policy;
    TSK_TRY(tsk_reply_by(r->urgency, r->created, &r->reply_by));
    return tsk_author(call->ctx, call->b, TSK_REC_REFERRAL, r, NULL, ret_ref);
}

static enum tsk_err fill_case(struct tsk_call *call, const struct tsk_plan *p, const struct tsk_id32 *ref)
{
    struct tsk_case c;
    TSK_TRY(tsk_case_by_ref(call->b->txn, ref, &c));
    memcpy(c.birth, p->birth, sizeof c.birth);
    c.birth_asked = p->birth_asked;
    c.age_class = p->age_class;
    c.class_until = p->class_until;
    c.age_18 = p->age_18;
    c.require = p->require;
    c.hold = p->hold;
    c.state = p->hold ? TSK_ST_CONSENT_WAIT : c.state;
    c.link_salt = p->salt;
    c.outside_district = tsk_ward_outside(tsk_self_entry(call->ctx), p->referral.ward);
    c.holders_n = p->holders_n;
    for (size_t i = 0; i < p->holders_n; i++)
        c.holders[i] = p->holders[i].kid;
    return tsk_case_save(call->b->txn, &c);
}

/* From here on these keys belong to this one referral; their signed record stays here until a grant takes it along. */
static enum tsk_err use_holder(struct tsk_call *call, const struct tsk_plan *p, const struct tsk_kid *kid, uint64_t case_no)
{
    struct tsk_holder_at h;
    struct tsk_id32 id;
    TSK_TRY(tsk_holder_load(call->b->txn, kid, &h));
    h.holder.time = p->now;
    TSK_TRY(tsk_author(call->ctx, call->b, TSK_REC_HOLDER, &h.holder, NULL, &id));
    TSK_TRY(tsk_holder_load(call->b->txn, kid, &h));
    h.case_no = case_no;
    return tsk_holder_save(call->b->txn, &h);
}

static void fill_core(const struct tsk_call *call, const struct tsk_plan *p, const struct tsk_detail *d,
                      const struct tsk_id32 *ref, struct tsk_item_core *core, struct tsk_pk *kems)
{
    *core = (struct tsk_item_core){
        .referral = *ref, .sender = *tsk_self(call->ctx), .require = p->require, .category = d->category,
        .suite = TSK_SUITE_1, .mode = TSK_MODE_CARD, .created = p->now, .destroy_after = p->now + TSK_ITEM_LIFE_S,
        .age_class = p->age_class, .class_until = p->class_until, .roster_seq = call->ctx->members->r.seq};
    for (size_t i = 0; i < p->holders_n; i++) {
        if (!d->keep[i])
            continue;
        kems[core->holders_n] = p->holders[i].holder.kem_pk;
        core->holders[core->holders_n++] = p->holders[i].kid;
    }
}

static enum tsk_err make_item(struct tsk_call *call, const struct tsk_plan *p, const struct tsk_detail *d,
                              const struct tsk_id32 *ref)
{
    struct tsk_item_core core;
    struct tsk_pk kems[TSK_HOLDERS_MAX];
    struct tsk_item item;
    struct tsk_inner inner = {0};
    struct tsk_id32 id;
    uint8_t core_buf[2048];
    size_t ct_n = tsk_seal_ct_len(d->content.n);
    uint8_t *ct = tsk_txn_alloc(call->b->txn, ct_n);
    if (ct == NULL)
        return TSK_E_NOMEM;
    fill_core(call, p, d, ref, &core, kems);
    TSK_TRY(tsk_item_seal(&core, kems, &call->ctx->members->net, (struct tsk_slice){d->content.p, d->content.n}, core_buf,
                          sizeof core_buf, &item, ct));
    TSK_TRY(tsk_seq_of(call->b->txn, &(struct tsk_slice){ct, ct_n}, 1, &inner.cts));
    return tsk_author(call->ctx, call->b, TSK_REC_ITEM, &item, &inner, &id);
}

enum tsk_err tsk_plan_make(struct tsk_call *call, struct tsk_plan *p, struct tsk_case *ret_c)
{
    struct tsk_id32 ref;
    struct tsk_case c;
    TSK_TRY(make_token(call, p, &ref));
    TSK_TRY(fill_case(call, p, &ref));
    TSK_TRY(tsk_case_by_ref(call->b->txn, &ref, &c));
    for (size_t i = 0; i < p->holders_n; i++)
        TSK_TRY(use_holder(call, p, &p->holders[i].kid, c.no));
    for (size_t i = 0; i < p->details_n; i++)
        TSK_TRY(make_item(call, p, &p->details[i], &ref));
    TSK_TRY(tsk_case_by_ref(call->b->txn, &ref, &c));
    if (!p->hold)
        TSK_TRY(tsk_case_send(call->ctx, call->b, &c));
    return tsk_case_by_ref(call->b->txn, &ref, ret_c);
}
