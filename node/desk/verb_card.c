/* verb_card.c - cards at this node: their fresh holder keys come in, and a lost card is stopped by anybody on the staff.
 * The daemon sees public keys, possession signatures and tweaks; never the card or the PIN. */
#include <string.h>

#include "crypto/card.h"
#include "node/desk/verb_util.h"

/* What is known of a card from its holders. */
struct card { size_t holders_n, unused_n; uint64_t kind; bool stopped; struct tsk_id16 tweak; struct tsk_pk sign_pk; };

static enum tsk_err card_look(struct tsk_txn *t, const struct tsk_id16 *id, struct card *ret_card)
{
    struct card c = {0};
    struct tsk_walk w;
    struct tsk_holder_at h;
    enum tsk_err e;
    tsk_card_walk_init(&w, id);
    while ((e = tsk_card_walk(t, &w, &h)) == TSK_OK) {
        c.holders_n++;
        c.tweak = h.tweak;
        c.sign_pk = h.holder.sign_pk;
        c.kind = h.holder.kind;
        c.stopped = c.stopped || h.stopped_at != 0;
        c.unused_n += h.case_no == 0 && h.stopped_at == 0;
    }
    if (e != TSK_E_UNKNOWN)
        return e;
    *ret_card = c;
    return TSK_OK;
}

static const char *kind_name(uint64_t kind)
{
    return kind == TSK_HOLDER_CHILD ? "child" : "guardian";
}

/* ---- info ---- */
static const struct tsk_jfield info_fields[] = {{"card_id", TSK_J_ID16, false}};

enum tsk_err tsk_verb_card_info(struct tsk_call *call)
{
    struct tsk_id16 id;
    struct card card;
    TSK_TRY(TSK_CALL_FIELDS(call, info_fields));
    tsk_json_bytes(call->in, "card_id", id.b, sizeof id.b);
    TSK_TRY(card_look(call->b->txn, &id, &card));
    tsk_json_put_hex(call->out, "card_id", id.b, sizeof id.b);
    tsk_json_put_num(call->out, "holders", card.holders_n);
    tsk_json_put_num(call->out, "unused", card.unused_n);
    tsk_json_put_flag(call->out, "stopped", card.stopped);
    if (card.holders_n == 0)
        return TSK_OK;
    tsk_json_put_text(call->out, "kind", kind_name(card.kind));
    tsk_json_put_hex(call->out, "tweak", card.tweak.b, sizeof card.tweak.b);
    tsk_json_put_hex(call->out, "sign_pk", card.sign_pk.b, sizeof card.sign_pk.b);
    return TSK_OK;
}

/* ---- enrol ---- */
static const struct tsk_jfield enrol_fields[] = {
    {"card_id", TSK_J_ID16, false}, {"kind", TSK_J_TEXT, false}, {"new", TSK_J_BOOL, false}, {"holders", TSK_J_LIST, false}};
static const struct tsk_jfield holder_fields[] = {
    {"sign_pk", TSK_J_ID32, false}, {"kem_pk", TSK_J_ID32, false}, {"pop", TSK_J_HEX, false}, {"tweak", TSK_J_ID16, false}};

static enum tsk_err kind_of(struct tsk_call *call, uint64_t *ret_kind)
{
    const char *kind = tsk_json_text(call->in, "kind");
    if (strcmp(kind, "child") != 0 && strcmp(kind, "guardian") != 0)
        return tsk_call_fail(call, TSK_E_USAGE, "kind");
    *ret_kind = kind[0] == 'c' ? TSK_HOLDER_CHILD : TSK_HOLDER_GUARDIAN;
    return TSK_OK;
}

/* Both keys are admitted here, once, and possession is proven: an item is sealed to them later without a second look. */
static enum tsk_err enrol_one(struct tsk_call *call, json_t *in, const struct tsk_id16 *card, uint64_t kind,
                              uint64_t now)
{
    TSK_TRY(tsk_json_fields(in, holder_fields, TSK_FIELDS_N(holder_fields), call->what));
    struct tsk_holder_at h = {.card = *card}, known;
    h.holder = (struct tsk_holder){.suite = TSK_SUITE_1, .kind = kind, .state = TSK_HOLDER_ACTIVE, .time = now,
                                   .enrolled_by = *tsk_self(call->ctx)};
    tsk_json_bytes(in, "sign_pk", h.holder.sign_pk.b, sizeof h.holder.sign_pk.b);
    tsk_json_bytes(in, "kem_pk", h.holder.kem_pk.b, sizeof h.holder.kem_pk.b);
    tsk_json_bytes(in, "tweak", h.tweak.b, sizeof h.tweak.b);
    if (!tsk_json_bytes(in, "pop", h.holder.pop, sizeof h.holder.pop))
        return tsk_call_fail(call, TSK_E_USAGE, "pop");
    TSK_TRY(tsk_ed25519_admit(&h.holder.sign_pk));
    TSK_TRY(tsk_x25519_admit(&h.holder.kem_pk));
    TSK_TRY(tsk_holder_pop_check(&h.holder, &call->ctx->members->net));
    TSK_TRY(tsk_kid_of(&h.holder.sign_pk, &h.kid));
    enum tsk_err e = tsk_holder_load(call->b->txn, &h.kid, &known);
    if (e == TSK_OK)
        return TSK_E_EXISTS;
    return e == TSK_E_UNKNOWN ? tsk_holder_save(call->b->txn, &h) : e;
}

static enum tsk_err enrol_check(struct tsk_call *call, const struct card *card, uint64_t kind)
{
    size_t n = json_array_size(json_object_get(call->in, "holders"));
    if (n == 0 || n > TSK_HOLDERS_PER_ENROL)
        return tsk_call_fail(call, TSK_E_USAGE, "holders");
    if (tsk_json_flag(call->in, "new") && card->holders_n > 0)
        return tsk_call_fail(call, TSK_E_EXISTS, tsk_json_text(call->in, "card_id"));
    if (card->holders_n > 0 && card->kind != kind)
        return tsk_call_fail_next(call, TSK_E_EXISTS, kind_name(card->kind),
                                  "このカードは、ここではもう一方の種類(本人か保護者)で登録されています。--kind を確かめてください。"
                                  "人が違うときは、その人のカードを作ってください。",
                                  "Here this card is enrolled as one of the other kind. "
                                  "Check --kind; another person needs a card of their own.");
    return card->stopped ? TSK_E_CARDSTOPPED : TSK_OK;
}

enum tsk_err tsk_verb_card_enrol(struct tsk_call *call)
{
    struct tsk_id16 id;
    struct card card;
    uint64_t kind = 0, now;
    TSK_TRY(TSK_CALL_FIELDS(call, enrol_fields));
    TSK_TRY(kind_of(call, &kind));
    tsk_json_bytes(call->in, "card_id", id.b, sizeof id.b);
    TSK_TRY(card_look(call->b->txn, &id, &card));
    TSK_TRY(enrol_check(call, &card, kind));
    TSK_TRY(tsk_room(call->b->txn, TSK_GROW_BULK, 0));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    const json_t *list = json_object_get(call->in, "holders");
    for (size_t i = 0; i < json_array_size(list); i++)
        TSK_TRY(enrol_one(call, json_array_get(list, i), &id, kind, now));
    TSK_TRY(card_look(call->b->txn, &id, &card));
    tsk_json_put_hex(call->out, "card_id", id.b, sizeof id.b);
    tsk_json_put_num(call->out, "unused", card.unused_n);
    return TSK_OK;
}

/* ---- stop ---- */
static const struct tsk_jfield stop_fields[] = {{"card_id", TSK_J_ID16, false}};

/* A holder that was never used is known to nobody else: it is stopped here alone, and no record of it leaves. */
static enum tsk_err stop_one(struct tsk_call *call, const struct tsk_kid *kid, uint64_t now)
{
    struct tsk_holder_at h;
    TSK_TRY(tsk_holder_load(call->b->txn, kid, &h));
    if (h.record_no != 0) {
        struct tsk_holder next = h.holder;
        struct tsk_id32 id;
        next.state = TSK_HOLDER_STOPPED;
        next.time = now;
        TSK_TRY(tsk_author(call->ctx, call->b, TSK_REC_HOLDER, &next, NULL, &id));
        TSK_TRY(tsk_holder_load(call->b->txn, kid, &h));
    }
    if (h.stopped_at == 0)
        h.stopped_at = now;
    h.holder.state = TSK_HOLDER_STOPPED;
    return tsk_holder_save(call->b->txn, &h);
}

enum tsk_err tsk_verb_card_stop(struct tsk_call *call)
{
    struct tsk_id16 id;
    struct card card;
    struct tsk_walk w;
    struct tsk_holder_at h;
    uint64_t now, stopped = 0;
    enum tsk_err e;
    TSK_TRY(TSK_CALL_FIELDS(call, stop_fields));
    tsk_json_bytes(call->in, "card_id", id.b, sizeof id.b);
    TSK_TRY(card_look(call->b->txn, &id, &card));
    if (card.holders_n == 0)
        return tsk_call_fail(call, TSK_E_UNKNOWN, tsk_json_text(call->in, "card_id"));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    tsk_card_walk_init(&w, &id);
    while ((e = tsk_card_walk(call->b->txn, &w, &h)) == TSK_OK)
        if (h.stopped_at == 0) {
            TSK_TRY(stop_one(call, &h.kid, now));
            stopped++;
        }
    if (e != TSK_E_UNKNOWN)
        return e;
    tsk_json_put_hex(call->out, "card_id", id.b, sizeof id.b);
    tsk_json_put_num(call->out, "stopped", stopped);
    return TSK_OK;
}
