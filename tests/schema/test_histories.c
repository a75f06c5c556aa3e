/* Random histories: exactly one agency is responsible, whatever crosses, whoever lies. */
#include "tests/check.h"
#include "tests/schema/book.h"

static uint64_t seed_state;
static unsigned rnd(unsigned n)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed_state >> 33) % n;
}

/* What `side` knows: all of its own, the first `known` of the other's. */
static struct tsk_progress view(const struct book *b, enum tsk_side side, size_t known)
{
    static struct book copy;
    copy = *b;
    copy.chain[S].events = copy.events[S];
    copy.chain[R].events = copy.events[R];
    copy.chain[!side].n = known;
    copy.arrived = true;
    return *replay(&copy);
}

static bool same_progress(const struct tsk_progress *a, const struct tsk_progress *b)
{
    return a->state == b->state && a->token == b->token && a->duty == b->duty && a->left == b->left &&
           a->order_n == b->order_n && memcmp(a->order, b->order, sizeof a->order) == 0;
}

static void ck_one_responsible(struct book *b, const size_t known[2])
{
    struct tsk_progress all = *replay(b);
    struct tsk_progress sender = view(b, S, known[S]), recipient = view(b, R, known[R]);
    ck_assert(!(sender.token == S && recipient.token == R));
    if (sender.token == S)
        ck_assert_int_eq(all.token, S);
    if (recipient.token == R)
        ck_assert_int_eq(all.token, R);
    ck_assert(tsk_state_final(all.state) == (all.token == N));
}

START_TEST(one_responsible_whatever_crosses)
{
    static struct book b;
    unsigned reached[TSK_ST_COUNT] = {0};
    for (unsigned round = 0; round < 3000; round++) {
        size_t known[2] = {0, 0};
        seed_state = round;
        book_init(&b);
        for (unsigned step = 0; step < 40; step++) {
            enum tsk_side side = (enum tsk_side)rnd(2);
            if (rnd(3) == 0 && known[side] < b.chain[!side].n) {
                known[side]++;
            } else {
                struct tsk_progress p = view(&b, side, known[side]);
                enum tsk_state event = (enum tsk_state)(1 + rnd(WIRE_MAX));
                if (side == S && p.state == TSK_ST_ACCEPTED && rnd(2))
                    event = TSK_ST_HANDED;
                if (tsk_progress_may(&p, side, event) == TSK_OK)
                    sign(&b, side, event, known[side]);
            }
            ck_one_responsible(&b, known);
        }
        struct tsk_progress sender = view(&b, S, b.chain[R].n), recipient = view(&b, R, b.chain[S].n);
        ck_assert(same_progress(&sender, &recipient));
        reached[sender.state]++;
    }
    ck_assert(reached[TSK_ST_CLOSED] && reached[TSK_ST_REROUTED] && reached[TSK_ST_WITHDRAWN] && reached[TSK_ST_ERROR]);
}
END_TEST

static void spoil(struct book *b, enum tsk_side side)
{
    unsigned others = (unsigned)b->chain[!side].n;
    struct tsk_event *e = sign(b, side, rnd(WIRE_MAX + 3), others > 0 ? rnd(others) : 0);
    switch (rnd(12)) {
    case 0:
        e->status.seen.b[rnd(32)] ^= 1;
        break;
    case 1:
        e->status.prev.b[rnd(32)] ^= 1;
        break;
    case 2:
        e->status.seq = b->chain[side].n > 1 ? e[-1].status.seq + rnd(3) : rnd(3);
        break;
    case 3:
        e->status.seen = e->id;
        break;
    default:
        break;
    }
}

START_TEST(hostile_chains)
{
    static struct book b;
    for (unsigned round = 0; round < 20000; round++) {
        seed_state = round + 77;
        book_init(&b);
        b.arrived = rnd(2);
        for (unsigned n = rnd(24); n > 0; n--)
            spoil(&b, (enum tsk_side)rnd(2));
        b.chain[rnd(2)].fork = rnd(8) == 0;
        struct tsk_progress first = *replay(&b), again = *replay(&b);
        bool handed = false, had[2][32] = {{false}};
        ck_assert(same_progress(&first, &again));
        ck_assert_uint_eq(first.order_n, b.chain[S].n + b.chain[R].n);
        for (size_t i = 0; i < first.order_n; i++) {
            bool *once = &had[first.order[i].side][first.order[i].index];
            const struct tsk_event *e = &b.events[first.order[i].side][first.order[i].index];
            ck_assert(!*once && !(e->waiting && e->overtaken));
            *once = true;
            bool took = first.order[i].side == S && !e->overtaken && !e->waiting;
            handed = handed || (took && e->status.state == TSK_ST_HANDED);
        }
        ck_assert(first.token == S || first.token == R || first.token == N);
        ck_assert(first.duty == S || first.duty == R);
        ck_assert(first.token != R || handed); /* nobody can take the token, only be given it */
        ck_assert_int_eq(first.handed, handed);
    }
}
END_TEST

static TCase *histories(void)
{
    TCase *t = tcase_create("histories");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, one_responsible_whatever_crosses);
    tcase_add_test(t, hostile_chains);
    return t;
}

TSK_TEST_MAIN("histories", histories)
