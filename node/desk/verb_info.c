/* verb_info.c - what the node says of itself: info, status, reload. */
#include <string.h>

#include "node/desk/verb_util.h"

static json_t *seal_json(const struct tsk_seal_key *k)
{
    json_t *o = json_object();
    tsk_json_put_num(o, "year", k->year);
    tsk_json_put_hex(o, "id8", k->id8, sizeof k->id8);
    tsk_json_put_hex(o, "pk", k->pk.b, sizeof k->pk.b);
    return o;
}

enum tsk_err tsk_verb_info(struct tsk_call *call)
{
    TSK_TRY(tsk_json_fields(call->in, NULL, 0, call->what));
    const struct tsk_members *m = call->ctx->members;
    const struct tsk_entry *self = tsk_self_entry(call->ctx);
    json_t *keys = json_object();
    tsk_json_put(keys, "seal", seal_json(tsk_member_seal_key(self, call->b->now)));
    tsk_json_put_hex(call->out, "net", m->net.b, sizeof m->net.b);
    tsk_json_put_hex(call->out, "kid", self->m.kid.b, sizeof self->m.kid.b);
    tsk_json_put_text(call->out, "partner", self->m.partner);
    tsk_json_put_num(call->out, "roster_seq", m->r.seq);
    tsk_json_put_num(call->out, "policy", m->r.policy);
    tsk_json_put(call->out, "self", keys);
    return TSK_OK;
}

static enum tsk_err peers_json(struct tsk_call *call, json_t *list)
{
    const struct tsk_members *m = call->ctx->members;
    for (size_t i = 0; m != NULL && i < m->n; i++) {
        struct tsk_peer_state s;
        if (memcmp(m->entries[i].m.kid.b, tsk_self(call->ctx)->b, sizeof m->entries[i].m.kid.b) == 0)
            continue;
        TSK_TRY(tsk_peer_state(call->ctx, call->b, &m->entries[i].m.kid, &s));
        json_t *o = json_object();
        tsk_json_put_text(o, "partner", m->entries[i].m.partner);
        tsk_json_put_flag(o, "connected", s.connected);
        tsk_json_put_num(o, "last_contact", s.last_contact);
        tsk_json_put_num(o, "waiting", s.waiting);
        tsk_json_put_num(o, "roster_seq", s.roster_seq);
        tsk_json_add(list, o);
    }
    return TSK_OK;
}

static json_t *roster_json(const struct tsk_members *m)
{
    if (m == NULL)
        return json_null();
    json_t *o = json_object();
    tsk_json_put_num(o, "seq", m->r.seq);
    tsk_json_put_num(o, "valid_until", m->r.valid_until);
    tsk_json_put_hex(o, "net", m->net.b, sizeof m->net.b);
    return o;
}

static json_t *store_json(const struct tsk_store *s)
{
    struct tsk_use use = tsk_store_use(s);
    json_t *o = json_object();
    tsk_json_put_num(o, "used", use.used);
    tsk_json_put_num(o, "max", use.max);
    tsk_json_put_flag(o, "full", use.full);
    return o;
}

/* Ready = there is a roster and this node is in it: only then can anybody reach it, or it anybody. */
enum tsk_err tsk_verb_status(struct tsk_call *call)
{
    TSK_TRY(tsk_json_fields(call->in, NULL, 0, call->what));
    uint64_t floor;
    TSK_TRY(tsk_now(call->ctx, call->b, &floor));
    json_t *clock = json_object(), *peers = json_array();
    tsk_json_put_num(clock, "now", call->b->now);
    tsk_json_put_num(clock, "floor", floor);
    tsk_json_put_flag(call->out, "ready", call->ctx->members != NULL && tsk_self_entry(call->ctx) != NULL);
    tsk_json_put_text(call->out, "partner", call->ctx->conf.partner);
    tsk_json_put_num(call->out, "queue", tsk_outbox_waiting(call->ctx));
    tsk_json_put(call->out, "peers", peers);
    tsk_json_put(call->out, "clock", clock);
    tsk_json_put(call->out, "store", store_json(call->ctx->store));
    tsk_json_put(call->out, "roster", roster_json(call->ctx->members));
    return peers_json(call, peers);
}

/* Runs outside of any batch: what a batch has borrowed from the old roster would be gone. */
enum tsk_err tsk_verb_reload(struct tsk_call *call)
{
    TSK_TRY(tsk_json_fields(call->in, NULL, 0, call->what));
    TSK_TRY(tsk_desk_reload(call->ctx));
    tsk_json_put(call->out, "roster", roster_json(call->ctx->members));
    return TSK_OK;
}
