/* hostile_order.c - statuses out of turn, and a stranger's word on other people's referrals; see hostile.h. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/hostile.h"

static long send_one(struct tsk_slice record, const struct tsk_id32 *id)
{
    struct load l = {0};
    load_add(&l, record);
    send_load(&l);
    return answer_of(id);
}

/* ---- statuses of the hostile sender ---- */
static long say(const struct tsk_id32 *ref, uint64_t seq, const struct tsk_id32 *prev, enum tsk_state state,
                struct tsk_id32 *ret_id)
{
    struct tsk_status s = {.referral = *ref, .seq = seq, .state = state, .time = wall()};
    if (prev != NULL)
        s.prev = *prev;
    if (state == TSK_ST_CLOSED || state == TSK_ST_NOTCONNECTED || state == TSK_ST_DECLINED) {
        s.has_reason = true;
        s.reason = tsk_code(state == TSK_ST_DECLINED ? "D1" : "O12");
    }
    tsk_random(s.id.b, sizeof s.id.b);
    struct tsk_slice bytes = sign_own(TSK_REC_STATUS, &s, ret_id);
    return send_one(bytes, ret_id);
}

static struct world token(void)
{
    struct world w;
    world_begin(&w, 1);
    expect("a token", send_one(w.referral, &w.ref), 0);
    return w;
}

void attack_order(void)
{
    static const enum tsk_state foreign[] = {TSK_ST_ACKED, TSK_ST_ACCEPTED, TSK_ST_CONNECTED, TSK_ST_DECLINED};
    struct tsk_id32 id, first, link = {{7}};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        struct world w = token();
        expect("the sender says what is the recipient's to say", say(&w.ref, 1, NULL, foreign[i], &id), 0);
        expect_text("  and moves nothing", history(&w.r.id, "state"), "arrived");
    }
    struct world w = token();
    expect("handed before accepted", say(&w.ref, 1, NULL, TSK_ST_HANDED, &first), 0);
    expect("  then closed", say(&w.ref, 2, &first, TSK_ST_CLOSED, &id), 0);
    expect_text("  moves nothing", history(&w.r.id, "state"), "arrived");
    w = token();
    expect("a recall behind a gap", say(&w.ref, 2, &link, TSK_ST_RECALLED, &id), 0);
    expect_text("  waits", history(&w.r.id, "state"), "arrived");
    w = token();
    expect("a chain whose link is false", say(&w.ref, 1, NULL, TSK_ST_EXPIRED, &first), 0);
    expect("  ", say(&w.ref, 2, &link, TSK_ST_CLOSED, &id), 0);
    expect_text("  stands before the false link", history(&w.r.id, "state"), "expired");
    w = token();
    expect("two first words", say(&w.ref, 1, NULL, TSK_ST_RECALLED, &first), 0);
    expect("  that contradict", say(&w.ref, 1, NULL, TSK_ST_ERROR, &id), 0);
    expect_text("  leave the sender responsible", history(&w.r.id, "responsible"), tsk_self_entry(&H.ctx)->m.partner);
    expect("a status of no referral", say(&link, 1, NULL, TSK_ST_RECALLED, &id), -1);
    w = token();
    struct world copy = w;
    copy.r.reply_by++;
    copy.referral = sign_own(TSK_REC_REFERRAL, &copy.r, &copy.ref);
    expect("another token under the same number is kept", send_one(copy.referral, &copy.ref), 0);
    world_seal(&w, "C6", 3, TSK_ANY);
    world_grant(&w);
    world_sign(&w, w.who.sign);
    struct load l = {0};
    world_load(&w, &l);
    send_load(&l);
    expect("  and neither opens", strcmp(opens(&w, "C6"), "ok") == 0, 0);
}

/* ---- a stranger ---- */
static json_t *ask(const char *verb, const char *name, const char *value)
{
    char text[300];
    uint8_t *p = NULL;
    size_t n = 0;
    int len = snprintf(text, sizeof text, "{\"verb\":\"%s\",\"%s\":\"%s\"}", verb, name, value);
    must(tsk_control_call(H.victim_dir, (struct tsk_slice){(uint8_t *)text, (size_t)len}, 5, &p, &n), verb);
    json_t *a = json_loadb((const char *)p, n, 0, NULL);
    free(p);
    if (a == NULL || json_object_get(a, "error") != NULL)
        die("%s was refused", verb);
    return a;
}

/* The victim's own export: the first record of the row. */
static bool find(const json_t *export, enum tsk_rec r, struct tsk_slice *ret_bytes, struct tsk_id32 *ret_id)
{
    const json_t *list = json_object_get(export, "records"), *v;
    size_t i;
    json_array_foreach(list, i, v) {
        const char *hex = json_string_value(json_object_get(v, "record"));
        size_t n = hex == NULL ? 0 : strlen(hex) / 2;
        uint8_t *p = keep(NULL, n);
        struct tsk_envelope env;
        must(tsk_unhex(hex, p, n), "record");
        if (tsk_cose_parse((struct tsk_slice){p, n}, &env) != TSK_OK || env.rec != r)
            continue;
        must(tsk_record_id(&env, &H.ctx.members->net, ret_id), "id");
        *ret_bytes = (struct tsk_slice){p, n};
        return true;
    }
    return false;
}

/* The recipient of an honest sender's referral says things out of turn. Nothing moves but what the table allows, and the
 * sender stays responsible until its own machine has handed over. */
void attack_recipient(const char *referral_hex)
{
    struct tsk_slice token;
    struct tsk_id32 ref, first, id, link = {{5}};
    struct tsk_id16 ref16;
    must(tsk_unhex(referral_hex, ref16.b, sizeof ref16.b), "referral");
    for (int i = 0; i < 100 && !got_record(TSK_REC_REFERRAL, &token, &ref); i++)
        fetch_mail();
    if (!got_record(TSK_REC_REFERRAL, &token, &ref))
        die("the token did not come");
    expect("the recipient accepts before it has acknowledged", say(&ref, 1, NULL, TSK_ST_ACCEPTED, &first), 0);
    expect_text("  moves nothing", history(&ref16, "state"), "arrived");
    expect("  is connected behind that", say(&ref, 2, &first, TSK_ST_CONNECTED, &id), 0);
    expect_text("  moves nothing", history(&ref16, "state"), "arrived");
    expect("  hands over to itself", say(&ref, 3, &id, TSK_ST_HANDED, &first), 0);
    expect("  withdraws in the sender's place", say(&ref, 4, &first, TSK_ST_WITHDRAWN, &id), 0);
    expect("  recalls in the sender's place", say(&ref, 5, &id, TSK_ST_RECALLED, &first), 0);
    expect_text("  moves nothing", history(&ref16, "state"), "arrived");
    expect_text("  and the sender is responsible", history(&ref16, "responsible"), H.victim->m.partner);
    struct tsk_status s = {.referral = ref, .seq = 6, .prev = first, .state = TSK_ST_ACKED, .time = wall(), .seen = link};
    tsk_random(s.id.b, sizeof s.id.b);
    struct tsk_slice bytes = sign_own(TSK_REC_STATUS, &s, &id);
    expect("acknowledges after what the sender never said", send_one(bytes, &id), 0);
    expect_text("  moves nothing", history(&ref16, "state"), "arrived");
    expect("a true acknowledgement", say(&ref, 7, &id, TSK_ST_ACKED, &first), 0);
    expect_text("  moves", history(&ref16, "state"), "acked");
    struct tsk_open open = {.grant = link, .item = link, .epk = {{9}}, .time = wall(), .staff_n = 1, .purpose = tsk_code("P1")};
    tsk_random(open.id.b, sizeof open.id.b);
    bytes = sign_own(TSK_REC_OPEN, &open, &id);
    expect("opens what it was never given", send_one(bytes, &id), -1);
    struct tsk_withdraw wd = {.form = TSK_STOP_REFERRAL, .target = ref, .time = wall(), .by = TSK_BY_CODE, .code = {1}};
    tsk_random(wd.id.b, sizeof wd.id.b);
    bytes = sign_own(TSK_REC_WITHDRAW, &wd, &id);
    expect("a code for a whole referral", send_one(bytes, &id), 6);
    expect("forks its own chain", say(&ref, 7, &link, TSK_ST_DECLINED, &id), 0);
    expect_text("  and the sender is still responsible", history(&ref16, "responsible"), H.victim->m.partner);
}

static void staff_stop(const struct tsk_id32 *grant, struct tsk_withdraw *w)
{
    *w = (struct tsk_withdraw){.form = TSK_STOP_GRANT, .target = *grant, .time = wall(), .by = TSK_BY_STAFF,
                               .reason = tsk_code("S1")};
    tsk_random(w->id.b, sizeof w->id.b);
}

/* A member that is no party of the referral, and somehow knows all of its records. */
void attack_stranger(const char *referral_hex, const char *grant_hex, const char *purpose)
{
    struct tsk_slice referral, item, grant, bytes;
    struct tsk_id32 ref, item_id, grant_id, id;
    struct tsk_id16 ref16;
    json_t *export = ask("export", "referral", referral_hex);
    (void)grant_hex;
    if (!find(export, TSK_REC_REFERRAL, &referral, &ref) || !find(export, TSK_REC_ITEM, &item, &item_id) ||
        !find(export, TSK_REC_GRANT, &grant, &grant_id))
        die("the referral has no grant yet");
    must(tsk_unhex(referral_hex, ref16.b, sizeof ref16.b), "referral");
    const char *state = history(&ref16, "state");

    expect("a stranger sends a record that is known", send_one(grant, &grant_id), 0);
    expect("  says that it is accepted", say(&ref, 1, NULL, TSK_ST_ACCEPTED, &id), 2);
    expect("  or recalled", say(&ref, 1, NULL, TSK_ST_RECALLED, &id), 2);
    struct tsk_open open = {.grant = grant_id, .item = item_id, .epk = {{9}}, .time = wall(), .staff_n = 1,
                            .purpose = tsk_code(purpose)};
    bytes = sign_own(TSK_REC_OPEN, &open, &id);
    expect("  says that it opened", send_one(bytes, &id), 2);
    struct tsk_deleted d = {.grant = grant_id, .items = {item_id}, .items_n = 1, .time = wall(), .how = 1};
    bytes = sign_own(TSK_REC_DELETED, &d, &id);
    expect("  says that it destroyed the keys", send_one(bytes, &id), 2);
    struct world w;
    world_begin(&w, 1);
    w.ref = ref;
    world_seal(&w, "C6", 3, TSK_ANY);
    struct load l = {0};
    load_add(&l, w.who.record);
    load_add(&l, w.item_bytes);
    l.cts[l.cts_n++] = w.ct;
    send_load(&l);
    expect("  adds an item", answer_of(&w.item), 2);
    w.r.id = ref16;
    w.referral = sign_own(TSK_REC_REFERRAL, &w.r, &id);
    expect("  sends a token under the same number", send_one(w.referral, &id), 5);
    struct tsk_withdraw wd;
    staff_stop(&grant_id, &wd);
    wd.form = TSK_STOP_REFERRAL;
    wd.target = ref;
    wd.reason = tsk_code("S9");
    bytes = sign_own(TSK_REC_WITHDRAW, &wd, &id);
    expect("  says that the referral has ended", send_one(bytes, &id), 4);
    staff_stop(&grant_id, &wd);
    wd.by = TSK_BY_HOLDER;
    bytes = sign_as(TSK_REC_WITHDRAW, &wd, w.who.sign, &id);
    expect("  stops with a card of its own", send_one(bytes, &id), 6);
    struct tsk_cosign c = {.id = {{3}}, .target = grant_id, .role = TSK_COSIGN_CAPTURE, .time = wall()};
    bytes = sign_own(TSK_REC_COSIGN, &c, &id);
    expect("  cosigns: kept, and counts for nothing", send_one(bytes, &id), 0);
    struct tsk_receipt *r = keep(NULL, sizeof *r);
    *r = (struct tsk_receipt){.to = *them(), .lines = {{ref, 2}}, .lines_n = 1, .time = wall()};
    bytes = sign_own(TSK_REC_RECEIPT, r, &id);
    expect("  receipts what it was never sent", send_one(bytes, &id), -1);
    expect_text("after all that the state is as before", history(&ref16, "state"), state);
    json_decref(export);
}
