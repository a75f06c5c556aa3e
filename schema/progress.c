/* progress.c - the table of moves, and the merge of two signed chains into one history; see status.h. */
#include "schema/status.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the table of moves ---- */

enum who { WHO_S, WHO_R, WHO_SH, WHO_H };
enum to {
#define TSK_STATE(name, wire, text, who, kind, ja, easy, en, fhir) TO_##name = (wire),
#include "schema/states.def"
#undef TSK_STATE
    TO_LEFT,
    TO_WAIT,
};
enum token { TOKEN_KEEP, TOKEN_SENDER, TOKEN_RECIPIENT, TOKEN_NOBODY };

struct move {
    enum tsk_state from, event;
    enum who who;
    enum to to;
    enum token token;
};

static const struct move moves[] = {
#define TSK_MOVE(from, event, who, to, token) {TSK_ST_##from, TSK_ST_##event, WHO_##who, TO_##to, TOKEN_##token},
#include "schema/transitions.def"
#undef TSK_MOVE
};

static bool who_is(enum who who, enum tsk_side side, enum tsk_side token)
{
    switch (who) {
    case WHO_S:
        return side == TSK_SIDE_SENDER;
    case WHO_R:
        return side == TSK_SIDE_RECIPIENT;
    case WHO_SH:
        return side == TSK_SIDE_SENDER && token == TSK_SIDE_SENDER;
    case WHO_H:
        return side == token;
    }
    return false;
}

static const struct move *find_move(enum tsk_state from, uint64_t event, enum tsk_side side, enum tsk_side token)
{
    for (size_t i = 0; i < COUNT(moves); i++)
        if (moves[i].from == from && (uint64_t)moves[i].event == event && who_is(moves[i].who, side, token))
            return &moves[i];
    return NULL;
}

/* ---- replay ---- */

/* Where in the other chain the event is that this one had seen, counted from 1; 0 = it had seen none. */
enum { SEEN_LOST = TSK_STATUS_MAX + 1, SEEN_LATER = TSK_STATUS_MAX + 2 };

struct merge {
    struct tsk_chain *chain[2];
    size_t use[2];                        /* events that may be looked at: up to a gap, fork or broken link */
    size_t taken[2];
    uint16_t seen[2][TSK_STATUS_MAX];
    size_t accepted_at;                   /* recipient's events taken when the last `accepted` took effect */
    struct tsk_progress *p;
};

static size_t capped(const struct tsk_chain *c)
{
    return c->n < TSK_STATUS_MAX ? c->n : TSK_STATUS_MAX;
}

static bool same_seq_as_next(const struct tsk_chain *c, size_t i)
{
    return i + 1 < capped(c) && c->events[i].status.seq == c->events[i + 1].status.seq;
}

/* How far the chain can be followed. `ret_gap`: it ends at a missing seq, so the rest may still come. */
static size_t usable(const struct tsk_chain *c, bool *ret_gap)
{
    static const struct tsk_id32 none;
    size_t i = 0, fork = 0;
    for (; i < capped(c); i++) {
        const struct tsk_status *s = &c->events[i].status;
        if (s->seq != i + 1 || !tsk_id32_eq(&s->prev, i == 0 ? &none : &c->events[i - 1].id) || same_seq_as_next(c, i))
            break;
    }
    *ret_gap = i < capped(c) && c->events[i].status.seq > i + 1;
    while (fork < capped(c) && !same_seq_as_next(c, fork))
        fork++;
    /* Told of a fork whose second record is not here, nobody can say from where on to doubt. */
    return c->fork && fork == capped(c) ? 0 : i;
}

/* Resolves key 12 of every event of one chain. Authors see ever later events: search on from the last hit. */
static void resolve_seen(struct merge *m, int side, bool other_gap)
{
    static const struct tsk_id32 none;
    const struct tsk_chain *other = m->chain[!side];
    size_t n = capped(other), at = 0;
    for (size_t i = 0; i < m->use[side]; i++) {
        const struct tsk_id32 *seen = &m->chain[side]->events[i].status.seen;
        size_t tries = 0;
        for (; tries < n && !tsk_id32_eq(seen, &other->events[at].id); tries++)
            at = at + 1 < n ? at + 1 : 0;
        if (tsk_id32_eq(seen, &none))
            m->seen[side][i] = 0;
        else if (tries < n)
            m->seen[side][i] = (uint16_t)(at < m->use[!side] ? at + 1 : SEEN_LATER);
        else
            m->seen[side][i] = other_gap ? SEEN_LATER : SEEN_LOST;
    }
}

static const struct move *next_move(const struct merge *m, enum tsk_side side)
{
    const struct tsk_event *e = &m->chain[side]->events[m->taken[side]];
    return find_move(m->p->state, e->status.state, side, m->p->token);
}

/* An event that names what the other never signed is looked at once, and moves nothing. */
static bool is_lost(const struct merge *m, enum tsk_side side)
{
    return m->seen[side][m->taken[side]] == SEEN_LOST;
}

static bool is_ready(const struct merge *m, enum tsk_side side)
{
    if (m->taken[side] == m->use[side])
        return false;
    return is_lost(m, side) || m->seen[side][m->taken[side]] <= m->taken[!side];
}

/* The recipient's next event stands still until the token has been handed over. */
static bool recipient_waits(const struct merge *m)
{
    if (!is_ready(m, TSK_SIDE_RECIPIENT) || is_lost(m, TSK_SIDE_RECIPIENT))
        return false;
    const struct move *move = next_move(m, TSK_SIDE_RECIPIENT);
    return move != NULL && move->to == TO_WAIT;
}

static enum tsk_side pick(const struct merge *m)
{
    bool sender = is_ready(m, TSK_SIDE_SENDER), recipient = is_ready(m, TSK_SIDE_RECIPIENT);
    if (recipient && recipient_waits(m)) {
        /* A sender that hands over, or takes back, after it saw the waiting event must not wait for it in turn. */
        recipient = false;
        sender = m->taken[TSK_SIDE_SENDER] < m->use[TSK_SIDE_SENDER] &&
                 m->seen[TSK_SIDE_SENDER][m->taken[TSK_SIDE_SENDER]] != SEEN_LATER;
    }
    if (sender && recipient)
        return m->p->token == TSK_SIDE_RECIPIENT ? TSK_SIDE_RECIPIENT : TSK_SIDE_SENDER;
    return sender ? TSK_SIDE_SENDER : recipient ? TSK_SIDE_RECIPIENT : TSK_SIDE_NOBODY;
}

static void apply(struct tsk_progress *p, const struct move *move)
{
    static const enum tsk_side holder[] = {
        [TOKEN_SENDER] = TSK_SIDE_SENDER,
        [TOKEN_RECIPIENT] = TSK_SIDE_RECIPIENT,
        [TOKEN_NOBODY] = TSK_SIDE_NOBODY,
    };
    enum tsk_state from = p->state;
    p->state = move->to == TO_LEFT ? p->left : (enum tsk_state)move->to;
    p->left = p->state == TSK_ST_NEED_INFO ? from : TSK_ST_NONE;
    p->handed = p->handed || p->state == TSK_ST_HANDED;
    if (move->token != TOKEN_KEEP)
        p->token = holder[move->token];
    if (p->token != TSK_SIDE_NOBODY)
        p->duty = p->token;
}

static void note_order(struct tsk_progress *p, enum tsk_side side, size_t index)
{
    p->order[p->order_n].side = side;
    p->order[p->order_n].index = index;
    p->order_n++;
}

static void take(struct merge *m, enum tsk_side side)
{
    struct tsk_event *e = &m->chain[side]->events[m->taken[side]];
    const struct move *move = is_lost(m, side) ? NULL : next_move(m, side);
    e->overtaken = move == NULL;
    if (move != NULL)
        apply(m->p, move);
    if (move != NULL && move->event == TSK_ST_ACCEPTED)
        m->accepted_at = m->taken[side];
    e->after = m->p->state;
    note_order(m->p, side, m->taken[side]);
    m->taken[side]++;
}

/* What stays behind a gap, a fork, or the missing `handed` is shown last, each chain in its own order. */
static void leave(struct merge *m, enum tsk_side side)
{
    const struct tsk_chain *c = m->chain[side];
    for (size_t i = m->taken[side]; i < capped(c); i++) {
        bool broken = i >= m->use[side] && c->events[i].status.seq <= i + 1;
        c->events[i].overtaken = broken;
        c->events[i].waiting = !broken;
        c->events[i].after = m->p->state;
        note_order(m->p, side, i);
    }
}

/* The state that the recipient's waiting events will lead to, so that it can go on signing sensibly. */
static enum tsk_state look_ahead(const struct merge *m)
{
    struct tsk_progress later = {.state = m->p->state, .left = m->p->left, .token = m->p->token};
    if (m->p->state == TSK_ST_ACCEPTED && m->taken[TSK_SIDE_RECIPIENT] < m->use[TSK_SIDE_RECIPIENT])
        apply(&later, find_move(TSK_ST_ACCEPTED, TSK_ST_HANDED, TSK_SIDE_SENDER, TSK_SIDE_SENDER));
    for (size_t i = m->taken[TSK_SIDE_RECIPIENT]; later.handed && i < m->use[TSK_SIDE_RECIPIENT]; i++) {
        uint64_t event = m->chain[TSK_SIDE_RECIPIENT]->events[i].status.state;
        const struct move *move = find_move(later.state, event, TSK_SIDE_RECIPIENT, later.token);
        if (move != NULL && move->to != TO_WAIT)
            apply(&later, move);
    }
    return later.state;
}

static void mark_waiting(const struct merge *m)
{
    for (size_t i = m->accepted_at; m->p->waits_handed && i < m->taken[TSK_SIDE_RECIPIENT]; i++) {
        struct tsk_event *e = &m->chain[TSK_SIDE_RECIPIENT]->events[i];
        e->waiting = !e->overtaken;
    }
}

static void start_chain(struct merge *m, enum tsk_side side)
{
    const struct tsk_chain *c = m->chain[side];
    size_t n = capped(c);
    m->p->next_seq[side] = 1;
    if (n > 0) {
        m->p->next_seq[side] = (size_t)c->events[n - 1].status.seq + 1;
        m->p->last[side] = c->events[n - 1].id;
    }
    for (size_t i = 0; i < c->n; i++) {
        c->events[i].overtaken = false;
        c->events[i].waiting = i >= n;
        c->events[i].after = TSK_ST_NONE;
    }
}

void tsk_progress_replay(struct tsk_chain *sender, struct tsk_chain *recipient, bool arrived,
                         struct tsk_progress *ret_p)
{
    struct merge m = {.chain = {sender, recipient}, .p = ret_p};
    bool gap[2];
    memset(ret_p, 0, sizeof *ret_p);
    ret_p->token = ret_p->duty = TSK_SIDE_SENDER;
    for (int side = 0; side < 2; side++) {
        start_chain(&m, (enum tsk_side)side);
        m.use[side] = usable(m.chain[side], &gap[side]);
    }
    /* Whoever signs about a referral has it: no need to wait for the receipt as well. */
    ret_p->state = arrived || m.use[TSK_SIDE_RECIPIENT] > 0 ? TSK_ST_ARRIVED : TSK_ST_QUEUED;
    resolve_seen(&m, TSK_SIDE_SENDER, gap[TSK_SIDE_RECIPIENT]);
    resolve_seen(&m, TSK_SIDE_RECIPIENT, gap[TSK_SIDE_SENDER]);
    for (enum tsk_side side = pick(&m); side != TSK_SIDE_NOBODY; side = pick(&m))
        take(&m, side);
    ret_p->waits_handed = ret_p->state == TSK_ST_ACCEPTED || ret_p->left == TSK_ST_ACCEPTED;
    ret_p->ahead = look_ahead(&m);
    mark_waiting(&m);
    leave(&m, TSK_SIDE_SENDER);
    leave(&m, TSK_SIDE_RECIPIENT);
}

/* ---- may this be signed? ---- */

static bool says_at_all(enum tsk_side side, enum tsk_state event)
{
    for (size_t i = 0; i < COUNT(moves); i++)
        if (moves[i].event == event && who_is(moves[i].who, side, side))
            return true;
    return false;
}

enum tsk_err tsk_progress_may(const struct tsk_progress *p, enum tsk_side side, enum tsk_state next)
{
    enum tsk_side other = side == TSK_SIDE_SENDER ? TSK_SIDE_RECIPIENT : TSK_SIDE_SENDER;
    enum tsk_state from = side == TSK_SIDE_RECIPIENT ? p->ahead : p->state;
    if (p->next_seq[side] > TSK_STATUS_MAX)
        return TSK_E_LIMIT;
    if (find_move(from, next, side, p->token) != NULL)
        return TSK_OK;
    if (side == TSK_SIDE_SENDER && next == TSK_ST_RECALLED && tsk_state_in_hand(p->state) &&
        p->token == TSK_SIDE_RECIPIENT)
        return TSK_E_ACCEPTED;
    bool others = find_move(p->state, next, other, p->token) != NULL ||
                  (!says_at_all(side, next) && says_at_all(other, next));
    return others ? TSK_E_FORBIDDEN : TSK_E_STATE;
}
