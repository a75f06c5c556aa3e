/* hostile.c - attacks on a running tasukid by a member of its roster.
 *
 *   hostile DIR VICTIM VICTIM_DIR GROUP [WORDS]
 *
 * DIR is the folder of an admitted node whose daemon does not run; VICTIM listens on ipc. Each attack is a line: what
 * was done, what the victim answered (a receipt's code, -1 no line; or the code of its staff's refusal). Exit 1 if one
 * was answered otherwise than docs/PROTOCOL.md says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/hostile.h"

/* ---- consent ---- */
static long sent(struct world *w)
{
    struct load l = {0};
    world_load(w, &l);
    send_load(&l);
    return answer_of(&w->grant);
}

static struct world plain(uint64_t kind, const char *category, uint64_t age_class)
{
    struct world w;
    world_begin(&w, kind);
    world_seal(&w, category, age_class, TSK_ANY);
    world_grant(&w);
    return w;
}

/* A true grant but for one edit, which `edit` makes before it is signed. */
typedef void edit(struct world *w);
static void edit_nothing(struct world *w) { (void)w; }
static void edit_role(struct world *w) { w->g.role = 3 - w->g.role; w->g.basis = tsk_code(w->g.role == 1 ? "B1" : "B2"); }
static void edit_basis(struct world *w) { w->g.basis = tsk_code("B3"); }
static void edit_recipient(struct world *w) { w->g.recipient = *me(); }
static void edit_sender(struct world *w) { w->g.sender = *them(); }
static void edit_at_recipient(struct world *w) { w->g.how_node = *them(); }
static void edit_no_time(struct world *w) { w->g.expires = w->g.time; }
static void edit_long(struct world *w) { w->g.expires = w->g.time + TSK_GRANT_MAX_S + 1; }
static void edit_past(struct world *w) { w->g.time -= 10 * TSK_DAY_S; w->g.expires = w->g.time + TSK_DAY_S; }
static void edit_notice(struct world *w) { w->g.notice_hash[0] ^= 1; }
static void edit_category(struct world *w) { w->g.items[0].category = tsk_code("C1"); }
static void edit_future(struct world *w) { w->g.time += 700; }
static void edit_refusal(struct world *w) { w->g.state = TSK_GRANT_REFUSED; memset(w->g.wraps_hash, 0, 32); }
static void edit_wraps_id(struct world *w)
{
    struct tsk_id16 other = {{9}};
    world_wraps(w, them(), tsk_member_seal_key(H.victim, wall()), &other);
}
static void edit_wraps_hash(struct world *w) { w->g.wraps_hash[5] ^= 1; }
static void edit_wraps_key(struct world *w)
{
    world_wraps(w, them(), tsk_member_seal_key(tsk_self_entry(&H.ctx), wall()), &w->g.id);
}

static const struct {
    const char *name;
    uint64_t kind;
    const char *category;
    uint64_t age_class;
    edit *edit;
    long want;
} grants[] = {
    {"a true grant", 1, "C6", 3, edit_nothing, 0},
    {"a guardian's true grant", 2, "C6", 3, edit_nothing, 0},
    {"a guardian says that it is the child", 2, "C6", 3, edit_role, 6},
    {"a child says that it is the guardian", 1, "C6", 1, edit_role, 6},
    {"a basis of both by one", 1, "C6", 3, edit_basis, 6},
    {"a child under 12 alone", 1, "C6", 1, edit_nothing, 6},
    {"a guardian of an adult", 2, "C6", 4, edit_nothing, 6},
    {"a guardian on safety", 2, "C8", 3, edit_nothing, 6},
    {"for another recipient", 1, "C6", 3, edit_recipient, 6},
    {"of another sender", 1, "C6", 3, edit_sender, 6},
    {"captured at the recipient, no second organisation", 1, "C6", 3, edit_at_recipient, 6},
    {"that ends when it begins", 1, "C6", 3, edit_no_time, 7},
    {"for more than a year", 1, "C6", 3, edit_long, 6},
    {"that has ended", 1, "C6", 3, edit_past, 7},
    {"on a notice that a newer roster may name", 1, "C6", 3, edit_notice, -1},
    {"of another category than the item", 1, "C6", 3, edit_category, 6},
    {"from a clock 700 s ahead", 1, "C6", 3, edit_future, -1},
    {"a refusal on the wire", 1, "C6", 3, edit_refusal, 4},
    {"wraps of another grant", 1, "C6", 3, edit_wraps_id, 6},
    {"wraps that the grant does not name", 1, "C6", 3, edit_wraps_hash, 1},
    {"wraps for a key that is not the recipient's", 1, "C6", 3, edit_wraps_key, 2},
};

static void grant_table(void)
{
    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++) {
        struct world w = plain(grants[i].kind, grants[i].category, grants[i].age_class);
        grants[i].edit(&w);
        world_sign(&w, w.who.sign);
        expect(grants[i].name, sent(&w), grants[i].want);
        const char *open = opens(&w, grants[i].category);
        if (grants[i].want == 0)
            expect_text("  and it opens", open, "ok");
        else
            expect(strcmp(open, "ok") == 0 ? "  but it OPENS" : "  and nothing opens", strcmp(open, "ok") == 0, 0);
    }
}

static void signatures(void)
{
    struct world w = plain(1, "C6", 3);
    struct person stranger = person_new(1, me());
    struct load l = {0};
    world_sign(&w, stranger.sign);
    expect("signed by a card that nobody knows", sent(&w), 2);
    w = plain(1, "C6", 3);
    world_sign(&w, stranger.sign);
    load_add(&l, stranger.record);
    world_load(&w, &l);
    send_load(&l);
    expect("signed by another card", answer_of(&w.grant), 1);
    w = plain(1, "C6", 3);
    world_sign(&w, H.ctx.signer);
    expect("signed by a node", sent(&w), 2);
    w = world_new();
    uint8_t *edited = keep(w.grant_bytes.p, w.grant_bytes.n);
    edited[w.grant_bytes.n - 1] ^= 1;
    struct tsk_slice whole = w.grant_bytes;
    w.grant_bytes.p = edited;
    expect("with one bit of the signature flipped", sent(&w), 3);
    w.grant_bytes = whole;
    expect("the true one after it", sent(&w), 0);
    expect_text("  and it opens", opens(&w, "C6"), "ok");
}

static void borrowed(void)
{
    struct world a = world_new(), b = plain(1, "C6", 3);
    expect("a family", sent(&a), 0);
    b.g.items[0].item = a.item;
    world_sign(&b, b.who.sign);
    expect("a grant over another referral's item", sent(&b), 6);
    b = plain(1, "C6", 3);
    b.g.referral = a.ref;
    world_sign(&b, b.who.sign);
    expect("a grant for another referral", sent(&b), 6);
    b = plain(1, "C6", 3);
    struct person other = person_new(1, me());
    struct load l = {0};
    b.g.holder = b.g.role_kid = other.kid;
    world_sign(&b, other.sign);
    load_add(&l, other.record);
    world_load(&b, &l);
    send_load(&l);
    expect("a card that is no holder of the item", answer_of(&b.grant), 6);
    b = plain(1, "C6", 3);
    world_wraps(&b, me(), tsk_member_seal_key(H.victim, wall()), &b.g.id);
    world_sign(&b, b.who.sign);
    expect("wraps bound to another recipient are seen only when opened", sent(&b), 0);
    expect_text("  and do not open", opens(&b, "C6"), "e.badsig");
}

static void reused(void)
{
    struct world w = world_new();
    expect("a family", sent(&w), 0);
    struct world again = w;
    again.g.expires += 60;
    world_sign(&again, again.who.sign);
    expect("another grant under the same number is kept", sent(&again), 0);
    expect_text("  and neither opens", opens(&w, "C6"), "e.fork");
    w = world_new();
    expect("a family", sent(&w), 0);
    struct load l = {0};
    struct world item = w;
    item.it.ck_commit[0] ^= 1;
    item.item_bytes = sign_own(TSK_REC_ITEM, &item.it, &item.item);
    load_add(&l, item.item_bytes);
    l.cts[l.cts_n++] = item.ct;
    send_load(&l);
    expect("another item under the same number is kept", answer_of(&item.item), 0);
    expect_text("  and neither opens", opens(&w, "C6"), "e.fork");
}

static void capture(void)
{
    struct world w = world_new();
    w.cosign = w.referral;
    expect("a grant without the capturing node's word", sent(&w), 0);
    expect_text("  does not open", opens(&w, "C6"), "e.retry");
    w = plain(1, "C6", 3);
    w.g.how_node = H.ctx.members->entries[0].m.kid;
    for (size_t i = 0; i < H.ctx.members->n; i++)
        if (memcmp(&H.ctx.members->entries[i].m.kid, me(), sizeof(struct tsk_kid)) != 0 &&
            memcmp(&H.ctx.members->entries[i].m.kid, them(), sizeof(struct tsk_kid)) != 0)
            w.g.how_node = H.ctx.members->entries[i].m.kid;
    world_sign(&w, w.who.sign);
    expect("captured at a node that says nothing of it", sent(&w), 0);
    expect_text("  does not open", opens(&w, "C6"), "e.retry");
    w = plain(1, "C8", 3);
    world_sign(&w, w.who.sign);
    expect("a child's true grant on safety", sent(&w), 0);
    expect_text("  needs two persons", opens(&w, "C8"), "e.twoperson");
}

static void content(void)
{
    struct world w = world_new();
    struct load l = {0};
    w.ct.p = keep(w.ct.p, w.ct.n);
    ((uint8_t *)(uintptr_t)w.ct.p)[0] ^= 1;
    expect("a ciphertext that the item does not name takes its grant with it", sent(&w), 6);
    expect_text("  and nothing opens", opens(&w, "C6"), "e.noconsent");
    w = plain(1, "C6", 3);
    w.it.ck_commit[0] ^= 1;
    w.item_bytes = sign_own(TSK_REC_ITEM, &w.it, &w.item);
    w.g.items[0].item = w.item;
    world_wraps(&w, them(), tsk_member_seal_key(H.victim, wall()), &w.g.id);
    world_sign(&w, w.who.sign);
    expect("an item whose key commitment is false", sent(&w), 0);
    expect_text("  does not open", opens(&w, "C6"), "e.badsig");
    w = world_new();
    load_add(&l, w.referral);
    load_add(&l, w.who.record);
    load_add(&l, w.grant_bytes);
    l.wraps[l.wraps_n++] = w.wraps;
    send_load(&l);
    expect("a grant whose item is withheld, and no number missing", answer_of(&w.grant), 6);
    expect_text("  and nothing opens", opens(&w, "C6"), "e.noconsent");
}

/* The child is of another age than the sender says: seen when C1 is opened, and that stops the referral. */
static void age(void)
{
    static const uint8_t born[] = "\xa1\x68" "c1.birth" "\x6a" "2020-04-01";
    H.content = (struct tsk_slice){born, sizeof born - 1};
    struct world w = plain(1, "C1", 3);
    H.content = (struct tsk_slice){NULL, 0};
    world_sign(&w, w.who.sign);
    expect("a small child as one of 15", sent(&w), 0);
    expect_text("  does not open", opens(&w, "C1"), "e.agechanged");
    expect_text("  and is stopped by that", opens(&w, "C1"), "e.withdrawn");
}

/* Content that takes over the terminal of whoever reads it; the number of the referral is the last line. */
void attack_escape(void)
{
    static const uint8_t evil[] = "\xa1\x68" "c6.words" "\x6b" "\033[2J\033]0;x\007\x7f";
    struct world w = world_new(); /* the numbers jump, since others were attacked meanwhile: what came before opens no more */
    expect("something before it", sent(&w), 0);
    H.content = (struct tsk_slice){evil, sizeof evil - 1};
    w = world_new();
    char id[33];
    expect("content with escapes", sent(&w), 0);
    tsk_hex(w.r.id.b, sizeof w.r.id.b, id);
    printf("REF %s\n", id);
}

void attack_consent(void)
{
    age();
    grant_table();
    signatures();
    borrowed();
    reused();
    capture();
    content();
}

/* ---- the run ---- */
static int usage(void)
{
    fprintf(stderr, "hostile DIR VICTIM VICTIM_DIR consent|holders|wire|numbers|stops|order|control|escape|\n"
                    "    recipient REF|stranger REF GRANT PURPOSE|flood forks|stops|pending|disk|crumbs N\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*run)(void); } groups[] = {
        {"consent", attack_consent}, {"holders", attack_holders}, {"wire", attack_wire}, {"numbers", attack_numbers},
        {"stops", attack_stops}, {"order", attack_order}, {"control", attack_control},
        {"escape", attack_escape},
    };
    if (argc < 5)
        return usage();
    hostile_open(argv[1], argv[2], argv[3]);
    bool known = false;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (strcmp(argv[4], groups[i].name) == 0) {
            groups[i].run();
            known = true;
        }
    if (strcmp(argv[4], "stranger") == 0 && argc == 8)
        attack_stranger(argv[5], argv[6], argv[7]);
    else if (strcmp(argv[4], "recipient") == 0 && argc == 6)
        attack_recipient(argv[5]);
    else if (strcmp(argv[4], "flood") == 0 && argc == 7)
        attack_flood(argv[5], (unsigned)atoi(argv[6]));
    else if (!known)
        return usage();
    printf("%s: %u passed, %u failed\n", argv[4], H.passed, H.failed);
    fflush(NULL);
    _Exit(H.failed == 0 ? 0 : 1);
}
