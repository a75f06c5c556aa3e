/* verb_util.c - see verb_util.h. */
#include <stdlib.h>
#include <string.h>

#include "node/desk/handle.h"
#include "node/desk/verb_util.h"

enum tsk_err tsk_call_fail(struct tsk_call *call, enum tsk_err e, const char *what)
{
    tsk_what(call->what, what);
    return e;
}

enum tsk_err tsk_call_fail_next(struct tsk_call *call, enum tsk_err e, const char *what, const char *ja, const char *en)
{
    call->next = call->ui == TSK_UI_EN ? en : ja;
    return tsk_call_fail(call, e, what);
}

const char *tsk_partner_of(const struct tsk_ctx *ctx, const struct tsk_kid *kid)
{
    const struct tsk_entry *e = tsk_member_by_kid(ctx->members, kid, 0);
    return e == NULL ? "?" : e->m.partner;
}

const char *tsk_partner_of_side(const struct tsk_ctx *ctx, const struct tsk_case *c, enum tsk_side side)
{
    return tsk_partner_of(ctx, side == c->side ? tsk_self(ctx) : &c->peer);
}

enum tsk_err tsk_call_case(struct tsk_call *call, struct tsk_case *ret_c)
{
    struct tsk_id16 id;
    if (!tsk_json_bytes(call->in, "referral", id.b, sizeof id.b))
        return tsk_call_fail(call, TSK_E_USAGE, "referral");
    enum tsk_err e = tsk_case_by_id(call->b->txn, &id, ret_c);
    return e == TSK_E_UNKNOWN ? tsk_call_fail(call, e, tsk_json_text(call->in, "referral")) : e;
}

enum tsk_err tsk_call_case_of(struct tsk_call *call, enum tsk_side side, struct tsk_case *ret_c)
{
    struct tsk_case c;
    TSK_TRY(tsk_call_case(call, &c));
    if (c.side != side)
        return tsk_call_fail(call, TSK_E_FORBIDDEN, tsk_partner_of(call->ctx, &c.peer));
    *ret_c = c;
    return TSK_OK;
}

enum tsk_err tsk_call_roster_fresh(struct tsk_call *call, uint64_t now)
{
    return call->ctx->members->r.valid_until <= now ? TSK_E_ROSTEREXPIRED : TSK_OK;
}

void tsk_put_case(const struct tsk_call *call, json_t *out, const struct tsk_case *c)
{
    tsk_json_put_hex(out, "referral", c->id.b, sizeof c->id.b);
    tsk_json_put_text(out, "state", tsk_state_name(c->state));
    if (c->token == TSK_SIDE_NOBODY)
        tsk_json_put(out, "responsible", json_null());
    else
        tsk_json_put_text(out, "responsible", tsk_partner_of_side(call->ctx, c, c->token));
}

json_t *tsk_codes_json(const struct tsk_code *codes, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        tsk_json_add(list, json_stringn(codes[i].s, strnlen(codes[i].s, sizeof codes[i].s)));
    return list;
}

enum tsk_err tsk_grant_state(struct tsk_call *call, const struct tsk_case *c, const struct tsk_case_grant *g, uint64_t now,
                             const char **ret_state)
{
    if (g->grant.state == TSK_GRANT_REFUSED) {
        *ret_state = "refused";
        return TSK_OK;
    }
    uint64_t code;
    TSK_TRY(tsk_refusal_get(call->b->txn, c->no, g->record_no, &code));
    if (code != 0) {
        *ret_state = "not_taken";
        return TSK_OK;
    }
    bool all = g->grant.items_n > 0;
    for (size_t i = 0; i < g->grant.items_n && all; i++)
        TSK_TRY(tsk_pair_stopped(call->b->txn, c, g, &g->grant.items[i].item, true, &all));
    *ret_state = all ? "stopped" : g->grant.expires <= now ? "expired" : "live";
    return TSK_OK;
}

enum tsk_err tsk_seq_of(struct tsk_txn *t, const struct tsk_slice *parts, size_t n, struct tsk_seq *ret_seq)
{
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, NULL, 0);
    for (size_t i = 0; i < n; i++)
        tsk_cbor_put_bytes(&out, parts[i]);
    size_t cap = out.n;
    uint8_t *p = tsk_txn_alloc(t, cap + 1);
    if (p == NULL)
        return TSK_E_NOMEM;
    tsk_cbor_out_init(&out, p, cap);
    for (size_t i = 0; i < n; i++)
        tsk_cbor_put_bytes(&out, parts[i]);
    struct tsk_slice bytes;
    TSK_TRY(tsk_cbor_out_done(&out, &bytes));
    *ret_seq = (struct tsk_seq){bytes, n};
    return TSK_OK;
}

enum tsk_err tsk_buf_new(size_t n, struct tsk_buf *ret_b)
{
    uint8_t *p = malloc(n + 1);
    if (p == NULL)
        return TSK_E_NOMEM;
    ret_b->p = p;
    ret_b->n = n;
    return TSK_OK;
}

void tsk_buf_drop(struct tsk_buf *b)
{
    if (b->p != NULL)
        tsk_wipe(b->p, b->n);
    free(b->p);
}
