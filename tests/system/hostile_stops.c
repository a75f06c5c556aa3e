/* hostile_stops.c - cards and stops: false ones must do nothing, true ones must win in any order; see hostile.h. */
#include <string.h>

#include "tests/system/hostile.h"

static long send_one(struct tsk_slice record, const struct tsk_id32 *id)
{
    struct load l = {0};
    load_add(&l, record);
    send_load(&l);
    return answer_of(id);
}

static void deliver(const struct world *w)
{
    struct load l = {0};
    world_load(w, &l);
    send_load(&l);
}

/* ---- holders ---- */
static long send_holder(struct tsk_holder *h, const struct person *p, bool pop)
{
    struct tsk_id32 id;
    if (pop)
        must(tsk_holder_pop_sign(h, p->sign, &H.ctx.members->net), "possession");
    struct tsk_slice bytes = sign_own(TSK_REC_HOLDER, h, &id);
    return send_one(bytes, &id);
}

void attack_holders(void)
{
    struct person p = person_new(TSK_HOLDER_GUARDIAN, me());
    struct tsk_holder h = p.h;
    expect("a true holder", send_holder(&h, &p, true), 0);
    h.kind = TSK_HOLDER_CHILD;
    expect("a guardian's card becomes a child's", send_holder(&h, &p, true), 5);
    h = p.h;
    h.kind = TSK_HOLDER_CHILD;
    expect("  or with the old proof of possession", send_holder(&h, &p, false), 3);
    p = person_new(1, me());
    h = p.h;
    h.pop[3] ^= 1;
    expect("a false proof of possession", send_holder(&h, &p, false), 3);
    p = person_new(1, them());
    expect("a card that another node enrolled", send_one(p.record, &p.id), 4);
    p = person_new(1, me());
    h = p.h;
    h.state = TSK_HOLDER_REPLACED;
    h.has_other = true;
    expect("a replaced card without a second organisation", send_holder(&h, &p, true), -1);
    p = person_new(1, me());
    h = p.h;
    memset(&h.kem_pk, 0, sizeof h.kem_pk);
    expect("a KEM key of small order", send_holder(&h, &p, true), 2);
    p = person_new(1, me());
    h = p.h;
    memset(&h.sign_pk, 0, sizeof h.sign_pk);
    h.sign_pk.b[0] = 1;
    memset(h.pop, 0, sizeof h.pop); /* under the identity this signature verifies any message */
    h.pop[0] = 1;
    expect("a signing key of small order", send_holder(&h, &p, false), 2);
    struct world w = world_new();
    h = w.who.h;
    h.state = TSK_HOLDER_STOPPED;
    expect("a card is stopped before its grant comes", send_holder(&h, &w.who, false), 0);
    deliver(&w);
    expect("  which is refused", answer_of(&w.grant), 10);
    expect("  and opens nothing", strcmp(opens(&w, "C6"), "ok") == 0, 0);
}

/* ---- stops ---- */
static struct tsk_slice stop(struct tsk_withdraw *w, struct tsk_signer_key *key, struct tsk_id32 *ret_id)
{
    tsk_random(w->id.b, sizeof w->id.b);
    w->time = w->time == 0 ? wall() : w->time;
    if (w->by == TSK_BY_STAFF && w->reason.s[0] == 0)
        w->reason = tsk_code("S1");
    return sign_as(TSK_REC_WITHDRAW, w, key, ret_id);
}

static const uint8_t CODE[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct world with_code(void)
{
    struct world w = world_new();
    must(tsk_wd_hash(&w.g.id, CODE, w.g.code_hash), "code");
    world_sign(&w, w.who.sign);
    return w;
}

static void codes(void)
{
    struct world w = with_code();
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = w.grant, .by = TSK_BY_CODE};
    struct tsk_id32 id;
    struct tsk_slice bytes = stop(&wd, H.ctx.signer, &id);
    expect("a wrong code before its grant is kept", send_one(bytes, &id), 0);
    deliver(&w);
    expect_text("  and dropped when the grant comes", opens(&w, "C6"), "ok");
    bytes = stop(&wd, H.ctx.signer, &id);
    expect("a wrong code", send_one(bytes, &id), 6);
    expect_text("  stops nothing", opens(&w, "C6"), "ok");
    w = with_code();
    wd.target = w.grant;
    memcpy(wd.code, CODE, sizeof CODE);
    bytes = stop(&wd, H.ctx.signer, &id);
    expect("the code before its grant", send_one(bytes, &id), 0);
    deliver(&w);
    expect_text("  stops it", opens(&w, "C6"), "e.withdrawn");
}

static void by_cards(void)
{
    struct world w = world_new();
    struct person other = person_new(1, me());
    struct tsk_id32 id;
    deliver(&w);
    expect("another card", send_one(other.record, &other.id), 0);
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = w.grant, .by = TSK_BY_HOLDER};
    struct tsk_slice bytes = stop(&wd, other.sign, &id);
    expect("another family's card stops", send_one(bytes, &id), 6);
    wd.form = TSK_STOP_ITEM;
    wd.target = w.item;
    bytes = stop(&wd, other.sign, &id);
    expect("  or an item", send_one(bytes, &id), 6);
    wd = (struct tsk_withdraw){.form = TSK_STOP_GRANT, .target = w.grant, .by = TSK_BY_STAFF};
    bytes = stop(&wd, w.who.sign, &id);
    expect("a card says that it is staff", send_one(bytes, &id), 1);
    wd.by = TSK_BY_HOLDER;
    bytes = stop(&wd, H.ctx.signer, &id);
    expect("staff say that they are a card", send_one(bytes, &id), 1);
    expect_text("  all of which stop nothing", opens(&w, "C6"), "ok");
    bytes = stop(&wd, w.who.sign, &id);
    expect("the true card", send_one(bytes, &id), 0);
    expect_text("  stops", opens(&w, "C6"), "e.withdrawn");
    struct world again = w;
    world_grant(&again);
    world_sign(&again, again.who.sign);
    deliver(&again);
    expect_text("  and a new grant that does not lift it opens nothing", opens(&w, "C6"), "e.withdrawn");
}

/* A stop acts whenever it arrives: after the token and before the items, and before the token. */
static void in_any_order(uint64_t form, const char *name, bool token_first)
{
    struct world w = world_new();
    struct tsk_withdraw wd = {.form = form, .by = TSK_BY_HOLDER};
    struct load l = {0};
    struct tsk_id32 id;
    wd.target = form == TSK_STOP_GRANT ? w.grant : form == TSK_STOP_REFERRAL ? w.ref : w.item;
    if (form == TSK_STOP_HOLDER)
        memcpy(wd.target.b, w.who.kid.b, sizeof wd.target.b);
    if (token_first)
        load_add(&l, w.referral);
    load_add(&l, w.who.record);
    struct tsk_slice bytes = stop(&wd, w.who.sign, &id);
    load_add(&l, bytes);
    send_load(&l);
    expect(name, answer_of(&id), 0);
    deliver(&w);
    expect_text(token_first ? "  after the token, before the items, it stops" : "  before everything else it stops",
                opens(&w, "C6"), "e.withdrawn");
}

/* A copy with a false signature must not take the true one's place. */
static void false_copy(void)
{
    struct world w = world_new();
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = w.grant, .by = TSK_BY_HOLDER};
    struct tsk_id32 id;
    struct tsk_slice bytes = stop(&wd, w.who.sign, &id);
    uint8_t *copy = keep(bytes.p, bytes.n);
    copy[bytes.n - 1] ^= 1;
    expect("a copy of a stop with a false signature comes first", send_one((struct tsk_slice){copy, bytes.n}, &id), 0);
    deliver(&w);
    expect_text("  it stops nothing", opens(&w, "C6"), "ok");
    expect("  the true one comes", send_one(bytes, &id), 0);
    expect_text("  and stops", opens(&w, "C6"), "e.withdrawn");
}

/* The same, and the true one comes while nobody can tell the two apart. */
static void false_copy_between(void)
{
    struct world w = world_new();
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = w.grant, .by = TSK_BY_HOLDER};
    struct tsk_id32 id;
    struct tsk_slice bytes = stop(&wd, w.who.sign, &id);
    uint8_t *copy = keep(bytes.p, bytes.n);
    copy[bytes.n - 1] ^= 1;
    expect("a false copy of a stop", send_one((struct tsk_slice){copy, bytes.n}, &id), 0);
    struct load l = {.wraps_n = 0};
    load_add(&l, bytes);
    lines_forget();
    send_load(&l);
    bool again = answer_of(&id) < 0;
    deliver(&w);
    if (again) /* as a true sender would: what has no line is sent again, what has one is not */
        (void)send_one(bytes, &id);
    expect_text("  and the true one, both before the card is known: it stops", opens(&w, "C6"), "e.withdrawn");
}

/* False stops must not fill the room that a true one needs. */
static void crowd(void)
{
    struct world w = with_code();
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = w.grant, .by = TSK_BY_CODE};
    struct tsk_id32 id;
    struct load l = {0};
    for (unsigned i = 0; i <= TSK_LIFTS_MAX + 1; i++)
        load_add(&l, stop(&wd, H.ctx.signer, &id));
    send_load(&l);
    memcpy(wd.code, CODE, sizeof CODE);
    struct tsk_slice bytes = stop(&wd, H.ctx.signer, &id);
    expect("a true code behind many false ones", send_one(bytes, &id), 0);
    deliver(&w);
    expect_text("  stops", opens(&w, "C6"), "e.withdrawn");
}

/* ---- time ---- */
static void times(void)
{
    struct world w = world_new(), far = world_new();
    struct tsk_id32 id;
    struct tsk_cosign c = {.role = TSK_COSIGN_OUTSIDE, .time = wall() + 590};
    deliver(&w);
    struct tsk_slice bytes = sign_own(TSK_REC_COSIGN, &c, &id);
    expect("a record 590 s ahead", send_one(bytes, &id), 0);
    c = (struct tsk_cosign){.id = {{1}}, .role = TSK_COSIGN_OUTSIDE, .time = wall() + 1100};
    bytes = sign_own(TSK_REC_COSIGN, &c, &id);
    expect("  lets no record 1100 s ahead follow", send_one(bytes, &id), -1);
    deliver(&far);
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = far.grant, .by = TSK_BY_HOLDER, .time = TSK_TIME_MAX - 1};
    bytes = stop(&wd, far.who.sign, &id);
    expect("a stop of the year 36812", send_one(bytes, &id), 0);
    expect_text("  stops", opens(&far, "C6"), "e.withdrawn");
    expect_text("  and ends nobody else's consent", opens(&w, "C6"), "ok");
}

void attack_stops(void)
{
    codes();
    by_cards();
    false_copy();
    false_copy_between();
    crowd();
    for (int token_first = 0; token_first < 2; token_first++) {
        in_any_order(TSK_STOP_GRANT, "a stop of a grant by its card", token_first);
        in_any_order(TSK_STOP_REFERRAL, "a stop of a referral by a card", token_first);
        in_any_order(TSK_STOP_HOLDER, "a stop of a holder by its card", token_first);
        in_any_order(TSK_STOP_ITEM, "a stop of an item by its card", token_first);
    }
    times();
}
