/* verb_open.c - one category is opened, once, in front of the person who asked.
 *
 * Everything is done inside the batch's transaction, in this order: live -> clock -> drained -> unwrap -> decrypt ->
 * age checked -> the opening signed and queued to the sender. Only the answer waits for the commit; if the commit
 * fails it is wiped and nobody has seen it. Why here, and not in the effect after the commit: the transaction sees
 * every stop that was handled before it in the same batch, so such a stop wins; an opening whose content does not
 * open, or shows a wrong age class, leaves no record that says it was opened; and the stop that follows a wrong age
 * class is committed with the refusal. Plain text and keys are wiped at the end of this function; the copy in the
 * answer when that is sent.
 */
#include <string.h>

#include "crypto/seal.h"
#include "node/desk/verb_util.h"
#include "schema/date.h"

static const struct tsk_jfield fields[] = {
    {"referral", TSK_J_ID16, false}, {"category", TSK_J_CODE, false}, {"purpose", TSK_J_CODE, false}};

/* With a clock that was set back nobody can say how fresh anything is. As far as peers' clocks may be ahead of ours, what
 * they signed is no sign of that. */
static enum tsk_err clock_agrees(const struct tsk_call *call, uint64_t now)
{
    return now > call->b->now + TSK_CLOCK_AHEAD_S ? TSK_E_CLOCK : TSK_OK;
}

/* The sender of the referral, and whoever captured a grant: nothing of theirs may be missing. */
static enum tsk_err drained(struct tsk_call *call, const struct tsk_case *c, const struct tsk_live *l)
{
    struct tsk_kid from[1 + TSK_HOLDERS_MAX];
    char missing[TSK_PARTNER_ID_CAP] = "";
    size_t n = 0;
    from[n++] = c->peer;
    for (size_t i = 0; i < l->grants_n; i++)
        if (memcmp(l->grants[i].grant.how_node.b, c->peer.b, sizeof c->peer.b) != 0 &&
            memcmp(l->grants[i].grant.how_node.b, tsk_self(call->ctx)->b, sizeof c->peer.b) != 0)
            from[n++] = l->grants[i].grant.how_node;
    enum tsk_err e = tsk_inbox_drained(call->ctx, call->b, from, n, missing);
    return e == TSK_OK ? TSK_OK : tsk_call_fail(call, e, missing);
}

/* ---- keys ---- */
static struct tsk_kem_key *kem_of(const struct tsk_ctx *ctx, const uint8_t id8[8])
{
    for (size_t i = 0; i < ctx->keys->seal_n; i++)
        if (memcmp(ctx->keys->seal[i].id8, id8, 8) == 0)
            return ctx->kems[i];
    return NULL;
}

static enum tsk_err unwrap(struct tsk_call *call, const struct tsk_case *c, const struct tsk_live *l,
                           const struct tsk_case_grant *g, struct tsk_key32 *ret_part)
{
    struct tsk_wraps wraps;
    enum tsk_err e = tsk_wraps_load(call->b->txn, c, g->index, &wraps);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_E_WITHDRAWN : e; /* destroyed with the stop */
    for (size_t i = 0; i < wraps.wraps_n; i++) {
        if (memcmp(wraps.wraps[i].item.b, l->item.id.b, sizeof l->item.id.b) != 0)
            continue;
        struct tsk_kem_key *kem = kem_of(call->ctx, wraps.wraps[i].key_id8);
        if (kem == NULL)
            return TSK_E_BADSIG; /* sealed to a key that is not ours: as good as a wrong wrap */
        return tsk_rewrap_open(&wraps.wraps[i], &g->grant.id, &g->grant.holder, tsk_self(call->ctx), kem,
                               &call->ctx->members->net, ret_part);
    }
    return TSK_E_NOTGRANTED;
}

struct parts { struct tsk_key32 v[TSK_HOLDERS_MAX]; };
static void parts_wipe(struct parts *p)
{
    tsk_wipe(p, sizeof *p);
}

static enum tsk_err decrypt(struct tsk_call *call, const struct tsk_case *c, const struct tsk_live *l,
                            struct tsk_buf *buf, struct tsk_slice *ret_content)
{
    TSK_WIPED(parts_wipe) struct parts parts = {0};
    struct tsk_slice ct;
    size_t n = l->item.item.core.require == TSK_ALL ? l->grants_n : 1;
    for (size_t i = 0; i < n; i++)
        TSK_TRY(unwrap(call, c, l, &l->grants[i], &parts.v[i]));
    TSK_TRY(tsk_item_ct(call->b->txn, c, l->item.index, &ct));
    TSK_TRY(tsk_buf_new(ct.n, buf));
    return tsk_item_open(&l->item.item, parts.v, n, NULL, ct, buf->p, ret_content);
}

/* ---- the age, once more ---- */
static bool age_agrees(const struct tsk_item_core *core, struct tsk_slice content)
{
    struct tsk_slice text;
    struct tsk_birth birth;
    char date[16] = "";
    uint64_t age_class, until;
    if (!tsk_content_text(content, "c1.birth", &text) || text.n >= sizeof date)
        return true;
    memcpy(date, text.p, text.n);
    if (tsk_birth_parse(date, core->created, &birth) != TSK_OK || birth.by_age)
        return true;
    tsk_age_class(&birth, core->created, core->destroy_after, TSK_CAPACITY_AGE, &age_class, &until);
    return age_class == core->age_class;
}

/* The wrong person was asked: the whole referral stops, and that stays although the opening is refused. */
static enum tsk_err stop_referral(struct tsk_call *call, const struct tsk_case *c, uint64_t now)
{
    struct tsk_withdraw w = {.form = TSK_STOP_REFERRAL, .target = c->ref, .time = now, .by = TSK_BY_STAFF,
                             .reason = tsk_code("S8"), .staff = call->staff};
    struct tsk_id32 id;
    tsk_random(w.id.b, sizeof w.id.b);
    TSK_TRY(tsk_author(call->ctx, call->b, TSK_REC_WITHDRAW, &w, NULL, &id));
    call->keep = true;
    return tsk_call_fail(call, TSK_E_AGECHANGED, "c1.birth");
}

/* ---- the record ---- */
/* A fresh key that nobody uses in card mode; keepers will seal their shares to it. */
static enum tsk_err fresh_pk(struct tsk_pk *ret_pk)
{
    TSK_KEY32 ikm, sk;
    tsk_random(ikm.b, sizeof ikm.b);
    return tsk_kem_derive(TSK_SLICE(ikm.b), &sk, ret_pk);
}

static enum tsk_err record(struct tsk_call *call, const struct tsk_live *l, struct tsk_code purpose, uint64_t now,
                           struct tsk_id16 *ret_open)
{
    struct tsk_open o = {.grant = l->grants[0].id, .item = l->item.id, .time = now, .staff_n = 1, .purpose = purpose};
    struct tsk_id32 id;
    tsk_random(o.id.b, sizeof o.id.b);
    o.staff[0] = call->staff;
    TSK_TRY(fresh_pk(&o.epk));
    TSK_TRY(tsk_author(call->ctx, call->b, TSK_REC_OPEN, &o, NULL, &id));
    *ret_open = o.id;
    return TSK_OK;
}

static enum tsk_err code_in(struct tsk_call *call, const char *name, enum tsk_list list, struct tsk_code *ret_code)
{
    *ret_code = tsk_json_code(call->in, name);
    return tsk_code_find(list, ret_code->s) == NULL ? tsk_call_fail(call, TSK_E_USAGE, name) : TSK_OK;
}

enum tsk_err tsk_verb_open(struct tsk_call *call)
{
    struct tsk_case c;
    struct tsk_live l;
    struct tsk_code category, purpose;
    struct tsk_id16 open;
    TSK_SECRET struct tsk_buf buf = {0};
    struct tsk_slice content;
    json_t *shown;
    uint64_t now;
    TSK_TRY(TSK_CALL_FIELDS(call, fields));
    TSK_TRY(code_in(call, "category", TSK_LIST_CATEGORY, &category));
    TSK_TRY(code_in(call, "purpose", TSK_LIST_PURPOSE, &purpose));
    TSK_TRY(tsk_call_case_of(call, TSK_SIDE_RECIPIENT, &c));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    TSK_TRY(tsk_live(call->ctx, call->b, &c, category, &purpose, &l));
    TSK_TRY(clock_agrees(call, now));
    TSK_TRY(drained(call, &c, &l));
    TSK_TRY(decrypt(call, &c, &l, &buf, &content));
    if (!age_agrees(&l.item.item.core, content))
        return stop_referral(call, &c, now);
    TSK_TRY(record(call, &l, purpose, now, &open));
    TSK_TRY(tsk_json_content(content, &shown));
    tsk_json_put(call->out, "content", shown);
    tsk_json_put_hex(call->out, "referral", c.id.b, sizeof c.id.b);
    tsk_json_put_code(call->out, "category", category);
    tsk_json_put_hex(call->out, "open", open.b, sizeof open.b);
    return TSK_OK;
}
