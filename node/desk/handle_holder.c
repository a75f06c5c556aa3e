/* handle_holder.c - a card's key for one referral: who it is, and whether it was stopped. */
#include "crypto/card.h"
#include "node/core/log.h"
#include "node/desk/handle.h"

/* Later states repeat what the first said: a kid never changes its kind, its keys, or where it was enrolled. */
static bool same_holder(const struct tsk_holder *a, const struct tsk_holder *b)
{
    return memcmp(&a->kem_pk, &b->kem_pk, sizeof a->kem_pk) == 0 && a->suite == b->suite && a->kind == b->kind &&
           tsk_kid_eq(&a->enrolled_by, &b->enrolled_by) && memcmp(a->pop, b->pop, sizeof a->pop) == 0;
}

static enum tsk_err check_keys(struct tsk_ctx *ctx, const struct tsk_holder *h)
{
    TSK_TRY(tsk_ed25519_admit(&h->sign_pk));
    TSK_TRY(tsk_x25519_admit(&h->kem_pk));
    return tsk_holder_pop_check(h, &ctx->members->net);
}

static enum tsk_err check_author(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_holder *h = a->record;
    bool cosigned;
    if (h->state == TSK_HOLDER_STOPPED) /* whoever hears of a lost card may stop it */
        return TSK_OK;
    if (!tsk_kid_eq(&h->enrolled_by, &a->env.kid) || (a->author->m.roles & TSK_ROLE_SENDER) == 0)
        return TSK_E_WRONGTYPE;
    if (h->state == TSK_HOLDER_ACTIVE)
        return TSK_OK;
    TSK_TRY(tsk_cosigned(ctx, b, &a->id, TSK_COSIGN_ORGANISATION, NULL, &a->env.kid, &cosigned));
    return cosigned ? TSK_OK : TSK_E_RETRY;
}

enum tsk_err tsk_check_holder(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_holder *h = a->record;
    struct tsk_holder_at known;
    struct tsk_kid kid;
    if (h->suite < ctx->members->r.min_suite)
        return TSK_E_SUITE;
    TSK_TRY(tsk_kid_of(&h->sign_pk, &kid));
    enum tsk_err e = tsk_holder_load(b->txn, &kid, &known);
    bool same = e == TSK_OK && same_holder(h, &known.holder);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    if (!same) /* what is stored was checked when it came, or was enrolled */
        TSK_TRY(check_keys(ctx, h));
    TSK_TRY(check_author(ctx, b, a));
    if (same || e == TSK_E_UNKNOWN)
        return TSK_OK;
    static struct tsk_gate gate;
    unsigned unsaid;
    if (tsk_log_due(&gate, &unsaid))
        tsk_log(TSK_LOG_WARN, "conflict", "type=holder kid=%s author=%s unsaid=%u", TSK_SHORT(kid), TSK_SHORT(a->env.kid),
                unsaid);
    return TSK_E_STALE;
}

enum tsk_err tsk_act_holder(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_holder *h = a->record;
    struct tsk_holder_at at = {0};
    struct tsk_case c;
    TSK_TRY(tsk_kid_of(&h->sign_pk, &at.kid));
    enum tsk_err e = tsk_holder_load(b->txn, &at.kid, &at);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    bool newer = e == TSK_E_UNKNOWN || h->state > at.holder.state || at.record_no == 0;
    if (newer) {
        at.holder = *h;
        at.record_no = a->no;
    }
    if (h->state >= TSK_HOLDER_STOPPED && at.stopped_at == 0)
        at.stopped_at = b->now;
    TSK_TRY(tsk_holder_save(b->txn, &at));
    TSK_TRY(tsk_stops_verify(ctx, b, &at));
    if (!a->own || at.case_no == 0 || h->state == TSK_HOLDER_ACTIVE)
        return TSK_OK;
    /* A holder that the other side has never heard of is not told of by stopping it. */
    TSK_TRY(tsk_case_load(b->txn, at.case_no, &c));
    return c.released ? tsk_route(b, &c.peer, a, true) : TSK_OK;
}

enum tsk_err tsk_holder_signed(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_kid *kid, struct tsk_holder_at *ret_h)
{
    struct tsk_id32 id;
    TSK_TRY(tsk_holder_load(b->txn, kid, ret_h));
    if (ret_h->record_no != 0)
        return TSK_OK;
    TSK_TRY(tsk_author(ctx, b, TSK_REC_HOLDER, &ret_h->holder, NULL, &id));
    return tsk_holder_load(b->txn, kid, ret_h);
}
