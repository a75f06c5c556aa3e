/* verb_history.c - everything that was said and done about one referral, and its signed records for an auditor. */
#include <string.h>

#include "node/desk/verb_util.h"

#define NOTE_CAP 65536

static const struct tsk_jfield fields[] = {{"referral", TSK_J_ID16, false}};

/* ---- what the other agency could not take ---- */
/* A receipt has refused the record for good: nothing will happen by itself any more, so somebody has to be told, and what to
 * do. TSK_REC_COUNT: for every other record. */
static const struct { enum tsk_rec rec; const char *ja, *en; } after_refusal[] = {
    {TSK_REC_REFERRAL, "相手の機関に電話し、取り下げて(tasuki recall)つなぎを作り直してください。",
     "Telephone the agency, take the referral back (tasuki recall) and make it anew."},
    {TSK_REC_GRANT, "相手の機関に電話し、家族にもう一度同意を聞いてください。",
     "Telephone the agency, and ask the family for the consent once more."},
    {TSK_REC_WITHDRAW, "すぐに相手の機関に電話して、止めてもらってください。", "Telephone the agency at once and ask them to stop."},
    {TSK_REC_COUNT, "相手の機関に電話して伝え、管理者に知らせてください。", "Telephone the agency, and tell the administrator."},
};

static enum tsk_err put_refused(const struct tsk_call *call, const struct tsk_case *c, uint64_t record_no, enum tsk_rec rec,
                                json_t *o)
{
    uint64_t code;
    size_t i = 0;
    TSK_TRY(tsk_refusal_get(call->b->txn, c->no, record_no, &code));
    if (code == 0)
        return TSK_OK;
    while (after_refusal[i].rec != rec && after_refusal[i].rec != TSK_REC_COUNT)
        i++;
    enum tsk_err why = tsk_err_from_wire((unsigned)code);
    json_t *r = json_object();
    tsk_json_put_text(r, "code", tsk_err_name(why));
    tsk_json_put_text(r, "text", tsk_err_text(why, call->ui));
    tsk_json_put_text(r, "next", call->ui == TSK_UI_EN ? after_refusal[i].en : after_refusal[i].ja);
    tsk_json_put(o, "refused", r);
    return TSK_OK;
}

static enum tsk_err put_refused_of(const struct tsk_call *call, const struct tsk_case *c, const struct tsk_id32 *id, json_t *o)
{
    struct tsk_stored r;
    TSK_TRY(tsk_record_find(call->b->txn, id, &r));
    return put_refused(call, c, r.no, r.env.rec, o);
}

/* ---- events ---- */
/* What no status says: the token left, and the other machine's receipt came. Both rest on the referral itself. */
static enum tsk_err add_derived(const struct tsk_call *call, json_t *list, const struct tsk_case *c, const char *state,
                        enum tsk_side by, uint64_t time)
{
    json_t *o = json_object();
    tsk_json_add(list, o);
    tsk_json_put_text(o, "state", state);
    tsk_json_put_text(o, "by", tsk_partner_of_side(call->ctx, c, by));
    tsk_json_put_num(o, "time", time);
    tsk_json_put_hex(o, "id", c->ref.b, sizeof c->ref.b);
    tsk_json_put_flag(o, "derived", true);
    return put_refused(call, c, c->record_no, TSK_REC_REFERRAL, o);
}

static enum tsk_err add_event(const struct tsk_call *call, json_t *list, const struct tsk_case *c, enum tsk_side side,
                      const struct tsk_event *e)
{
    const struct tsk_status *s = &e->status;
    json_t *o = json_object();
    tsk_json_add(list, o);
    tsk_json_put_text(o, "state", tsk_state_name((enum tsk_state)s->state));
    tsk_json_put_text(o, "by", tsk_partner_of_side(call->ctx, c, side));
    tsk_json_put_num(o, "time", s->time);
    tsk_json_put_hex(o, "id", e->id.b, sizeof e->id.b);
    if (e->overtaken)
        tsk_json_put_flag(o, "overtaken", true);
    if (e->waiting)
        tsk_json_put_flag(o, "waiting", true);
    if (s->has_reason)
        tsk_json_put_code(o, "reason", s->reason);
    if (s->has_at)
        tsk_json_put_num(o, "at", s->at);
    if (s->has_recommend)
        tsk_json_put_text(o, "recommend", s->recommend);
    return put_refused_of(call, c, &e->id, o);
}

static enum tsk_err put_events(struct tsk_call *call, const struct tsk_case *c)
{
    struct tsk_case_story *story;
    json_t *list = json_array();
    tsk_json_put(call->out, "events", list);
    TSK_TRY(tsk_case_story(call->b->txn, c, &story));
    if (c->side == TSK_SIDE_SENDER && c->sent)
        TSK_TRY(add_derived(call, list, c, "queued", TSK_SIDE_SENDER, c->sent_at));
    if (c->arrived)
        TSK_TRY(add_derived(call, list, c, "arrived", TSK_SIDE_RECIPIENT, c->arrived_at));
    for (size_t i = 0; i < story->p.order_n; i++) {
        enum tsk_side side = story->p.order[i].side;
        TSK_TRY(add_event(call, list, c, side, &story->chain[side].events[story->p.order[i].index]));
    }
    return TSK_OK;
}

/* ---- consents, stops, openings ---- */
static enum tsk_err put_consents(struct tsk_call *call, const struct tsk_case *c, uint64_t now)
{
    json_t *list = json_array();
    tsk_json_put(call->out, "consents", list);
    for (uint64_t i = 0; i < c->grants_n; i++) {
        struct tsk_case_grant g;
        const char *state;
        struct tsk_holder_at h;
        TSK_TRY(tsk_grant_load(call->b->txn, c, i, &g));
        TSK_TRY(tsk_holder_load(call->b->txn, &g.grant.holder, &h));
        TSK_TRY(tsk_grant_state(call, c, &g, now, &state));
        json_t *o = json_object(), *categories = json_array();
        tsk_json_add(list, o);
        tsk_json_put_hex(o, "grant", g.grant.id.b, sizeof g.grant.id.b);
        tsk_json_put_text(o, "state", state);
        tsk_json_put_text(o, "kind", h.holder.kind == TSK_HOLDER_CHILD ? "child" : "guardian");
        for (size_t k = 0; k < g.grant.items_n; k++)
            tsk_json_add(categories, json_string(g.grant.items[k].category.s));
        tsk_json_put(o, "categories", categories);
        tsk_json_put_code(o, "purpose", g.grant.purpose);
        tsk_json_put_num(o, "expires", g.grant.expires);
        tsk_json_put_num(o, "time", g.grant.time);
        TSK_TRY(put_refused(call, c, g.record_no, TSK_REC_GRANT, o));
    }
    return TSK_OK;
}

/* What staff said about a stop. It was typed here and is shown here alone: the record carries a code. */
static enum tsk_err put_note(const struct tsk_call *call, const struct tsk_id32 *id, json_t *o)
{
    struct tsk_stored r;
    char *note = tsk_txn_alloc(call->b->txn, NOTE_CAP);
    if (note == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_record_find(call->b->txn, id, &r));
    enum tsk_err e = tsk_note_get(call->b->txn, r.no, note, NOTE_CAP);
    if (e == TSK_OK)
        tsk_json_put_text(o, "note", note);
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err put_stops(struct tsk_call *call, const struct tsk_case *c)
{
    static const char *const forms[] = {[TSK_STOP_GRANT] = "grant", [TSK_STOP_REFERRAL] = "referral",
                                        [TSK_STOP_HOLDER] = "holder", [TSK_STOP_ITEM] = "item"};
    static const char *const bys[] = {[TSK_BY_HOLDER] = "holder", [TSK_BY_CODE] = "code", [TSK_BY_STAFF] = "staff"};
    struct tsk_stop *stops;
    size_t n;
    json_t *list = json_array();
    tsk_json_put(call->out, "stops", list);
    TSK_TRY(tsk_case_stops(call->b->txn, c, &stops, &n));
    for (size_t i = 0; i < n; i++) {
        bool effective;
        TSK_TRY(tsk_stop_effective(call->b->txn, &stops[i], &effective));
        json_t *o = json_object();
        tsk_json_add(list, o);
        tsk_json_put_hex(o, "id", stops[i].id.b, sizeof stops[i].id.b);
        tsk_json_put_text(o, "form", forms[stops[i].w.form]);
        tsk_json_put_text(o, "by", bys[stops[i].w.by]);
        if (stops[i].w.by == TSK_BY_STAFF)
            tsk_json_put_code(o, "reason", stops[i].w.reason);
        tsk_json_put_num(o, "time", stops[i].w.time);
        tsk_json_put_flag(o, "effective", effective || c->side == TSK_SIDE_RECIPIENT);
        TSK_TRY(put_refused_of(call, c, &stops[i].id, o));
        TSK_TRY(put_note(call, &stops[i].id, o));
    }
    return TSK_OK;
}

/* The category stands in the item, which at the sender's is its own and at the recipient's came with the grant. */
static enum tsk_err category_of(struct tsk_txn *t, const struct tsk_case *c, const struct tsk_id32 *item,
                                struct tsk_code *ret_category)
{
    struct tsk_place place = {0};
    struct tsk_case_item i;
    TSK_TRY(tsk_item_find(t, item, &place));
    TSK_TRY(tsk_item_load(t, c, place.index, &i));
    *ret_category = i.item.core.category;
    return TSK_OK;
}

static enum tsk_err put_openings(struct tsk_call *call, const struct tsk_case *c)
{
    json_t *list = json_array();
    tsk_json_put(call->out, "openings", list);
    for (uint64_t i = 0; i < c->openings_n; i++) {
        struct tsk_open open;
        struct tsk_stored r;
        struct tsk_code category;
        TSK_TRY(tsk_opening_load(call->b->txn, c, i, &open, &r));
        TSK_TRY(category_of(call->b->txn, c, &open.item, &category));
        json_t *o = json_object();
        tsk_json_add(list, o);
        tsk_json_put_code(o, "category", category);
        tsk_json_put_text(o, "by", tsk_partner_of(call->ctx, &r.env.kid));
        tsk_json_put_num(o, "time", open.time);
        tsk_json_put_code(o, "purpose", open.purpose);
        tsk_json_put_hex(o, "id", open.id.b, sizeof open.id.b);
    }
    return TSK_OK;
}

enum tsk_err tsk_verb_history(struct tsk_call *call)
{
    static const uint8_t none[16];
    struct tsk_case c;
    uint64_t now;
    TSK_TRY(TSK_CALL_FIELDS(call, fields));
    TSK_TRY(tsk_call_case(call, &c));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    tsk_put_case(call, call->out, &c);
    if (memcmp(c.rerouted_to.b, none, sizeof none) != 0)
        tsk_json_put_hex(call->out, "rerouted_to", c.rerouted_to.b, sizeof c.rerouted_to.b);
    TSK_TRY(put_events(call, &c));
    TSK_TRY(put_consents(call, &c, now));
    TSK_TRY(put_stops(call, &c));
    return put_openings(call, &c);
}

/* ---- export ---- */
/* Signed records and the roster that says whose they are: no ciphertext, no wraps, no tweaks, no keys. */
enum tsk_err tsk_verb_export(struct tsk_call *call)
{
    struct tsk_case c;
    uint64_t *nos;
    size_t n;
    TSK_TRY(TSK_CALL_FIELDS(call, fields));
    TSK_TRY(tsk_call_case(call, &c));
    TSK_TRY(tsk_case_records(call->b->txn, &c, &nos, &n));
    json_t *list = json_array();
    tsk_json_put(call->out, "records", list);
    for (size_t i = 0; i < n; i++) {
        struct tsk_stored r;
        TSK_TRY(tsk_record_get(call->b->txn, nos[i], &r));
        json_t *o = json_object();
        tsk_json_add(list, o);
        tsk_json_put_text(o, "type", tsk_rec_name(r.env.rec));
        tsk_json_put_hex(o, "id32", r.id.b, sizeof r.id.b);
        tsk_json_put_hex(o, "record", r.bytes.p, r.bytes.n);
    }
    tsk_json_put_hex(call->out, "roster", call->ctx->members->bytes, call->ctx->members->bytes_n);
    return TSK_OK;
}
