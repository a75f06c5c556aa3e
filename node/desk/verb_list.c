/* verb_list.c - inbox and board: what is in hand, first what is overdue, then what waits for this node, then by the time
 * to answer by; last, for a week, what has ended.
 *
 * A list costs one case row and one referral record a line; the family's answer stands summed up in the case row, so 900
 * open referrals need no replay and no look at a single grant. */
#include <stdlib.h>
#include <string.h>

#include "node/desk/verb_util.h"

struct line { struct tsk_case c; bool mine, overdue, ended; };
struct contact { struct tsk_kid kid; uint64_t last; };
struct lines { struct line *v; size_t n, cap; struct contact *peers; size_t peers_n, peers_cap; };

/* In hand, and not of these: the recipient is to act. */
static bool sender_acts(enum tsk_state s)
{
    return s < TSK_ST_QUEUED || s == TSK_ST_NEED_INFO || s == TSK_ST_WITHDRAWN || tsk_state_ended(s);
}

static bool overdue(const struct tsk_case *c, uint64_t now)
{
    return (c->state == TSK_ST_QUEUED || c->state == TSK_ST_ARRIVED) && c->reply_by < now;
}

static enum tsk_err collect(struct tsk_txn *t, enum tsk_side side, uint64_t now, struct lines *l)
{
    struct tsk_walk w;
    enum tsk_err e;
    tsk_case_walk_init(&w, side);
    for (;;) {
        l->v = tsk_txn_grow(t, l->v, l->n, &l->cap, sizeof *l->v);
        if (l->v == NULL)
            return TSK_E_NOMEM;
        struct line *line = &l->v[l->n];
        e = tsk_case_walk(t, &w, &line->c);
        if (e != TSK_OK)
            return e == TSK_E_UNKNOWN ? TSK_OK : e;
        line->mine = sender_acts(line->c.state) == (side == TSK_SIDE_SENDER);
        line->overdue = overdue(&line->c, now);
        line->ended = false;
        l->n++;
    }
}

static bool has_line(const struct lines *l, uint64_t case_no)
{
    for (size_t i = l->n; i-- > 0 && l->v[i].ended;)
        if (l->v[i].c.no == case_no)
            return true;
    return false;
}

/* What has ended in these days, after all that is in hand. */
static enum tsk_err collect_ended(struct tsk_txn *t, enum tsk_side side, uint64_t now, struct lines *l)
{
    struct tsk_walk w;
    enum tsk_err e;
    tsk_ended_walk_init(&w, side, now - TSK_ENDED_SHOWN_S);
    for (;;) {
        l->v = tsk_txn_grow(t, l->v, l->n, &l->cap, sizeof *l->v);
        if (l->v == NULL)
            return TSK_E_NOMEM;
        struct line *line = &l->v[l->n];
        e = tsk_ended_walk(t, &w, &line->c);
        if (e != TSK_OK)
            return e == TSK_E_UNKNOWN ? TSK_OK : e;
        line->mine = line->overdue = false;
        line->ended = true;
        l->n += !has_line(l, line->c.no);
    }
}

static int by_turn_and_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->ended != y->ended)
        return x->ended ? 1 : -1;
    if (x->overdue != y->overdue)
        return x->overdue ? -1 : 1;
    if (x->mine != y->mine)
        return x->mine ? -1 : 1;
    if (x->c.reply_by != y->c.reply_by)
        return x->c.reply_by < y->c.reply_by ? -1 : 1;
    return x->c.no < y->c.no ? -1 : x->c.no > y->c.no;
}

/* Asked once a peer: 900 lines are about a few dozen agencies. */
static enum tsk_err last_contact(struct tsk_call *call, struct lines *l, const struct tsk_kid *peer, uint64_t *ret_at)
{
    struct tsk_peer_state s;
    for (size_t i = 0; i < l->peers_n; i++)
        if (memcmp(l->peers[i].kid.b, peer->b, sizeof peer->b) == 0) {
            *ret_at = l->peers[i].last;
            return TSK_OK;
        }
    TSK_TRY(tsk_peer_state(call->ctx, call->b, peer, &s));
    l->peers = tsk_txn_grow(call->b->txn, l->peers, l->peers_n, &l->peers_cap, sizeof *l->peers);
    if (l->peers == NULL)
        return TSK_E_NOMEM;
    l->peers[l->peers_n++] = (struct contact){*peer, s.last_contact};
    *ret_at = s.last_contact;
    return TSK_OK;
}

static const char *consent_name(const struct tsk_case *c, uint64_t now)
{
    static const char *const names[] = {[TSK_CONSENT_NONE] = "none",       [TSK_CONSENT_WAIT] = "wait",
                                        [TSK_CONSENT_PARTLY] = "partly",   [TSK_CONSENT_GIVEN] = "given",
                                        [TSK_CONSENT_REFUSED] = "refused", [TSK_CONSENT_STOPPED] = "stopped"};
    bool live = c->consent == TSK_CONSENT_GIVEN || c->consent == TSK_CONSENT_PARTLY;
    return live && c->consent_until != 0 && c->consent_until <= now ? "expired" : names[c->consent];
}

/* A stop that the other party does not have yet. Only cases that were stopped are looked into. */
static enum tsk_err stop_waits(struct tsk_call *call, const struct tsk_case *c, bool *ret_waits)
{
    struct tsk_stop *stops;
    size_t n = 0;
    *ret_waits = false;
    if (c->side != TSK_SIDE_SENDER || (c->consent != TSK_CONSENT_STOPPED && c->state != TSK_ST_WITHDRAWN))
        return TSK_OK;
    TSK_TRY(tsk_case_stops(call->b->txn, c, &stops, &n));
    for (size_t i = 0; i < n && !*ret_waits; i++) {
        bool effective;
        TSK_TRY(tsk_stop_effective(call->b->txn, &stops[i], &effective));
        *ret_waits = !effective;
    }
    return TSK_OK;
}

/* A newer yes that was taken makes up for one that was not. */
static enum tsk_err made_up_for(struct tsk_txn *t, const struct tsk_case *c, uint64_t record_no, bool *ret_made_up)
{
    bool taken = false;
    for (uint64_t i = c->grants_n; !taken && i-- > 0;) {
        struct tsk_case_grant g;
        uint64_t code;
        TSK_TRY(tsk_grant_load(t, c, i, &g));
        TSK_TRY(tsk_refusal_get(t, c->no, g.record_no, &code));
        taken = g.record_no > record_no && g.grant.state == TSK_GRANT_GIVEN && g.sent && code == 0;
    }
    *ret_made_up = taken;
    return TSK_OK;
}

/* Whether something of the case was refused for good by the other agency: almost always there is no such row at all. */
static enum tsk_err not_taken(struct tsk_txn *t, const struct tsk_case *c, bool *ret_not_taken)
{
    struct tsk_walk w;
    struct tsk_stored r;
    uint64_t no;
    bool made_up;
    enum tsk_err e;
    *ret_not_taken = false;
    tsk_refusal_walk_init(&w, c->no);
    while (!*ret_not_taken && (e = tsk_refusal_walk(t, &w, &no)) == TSK_OK) {
        TSK_TRY(tsk_record_get(t, no, &r));
        if (r.env.rec == TSK_REC_ITEM) /* its grant was refused with it */
            continue;
        made_up = false;
        if (r.env.rec == TSK_REC_GRANT)
            TSK_TRY(made_up_for(t, c, no, &made_up));
        *ret_not_taken = !made_up;
    }
    return *ret_not_taken || e == TSK_E_UNKNOWN ? TSK_OK : e;
}

static enum tsk_err add_line(struct tsk_call *call, struct lines *l, const struct line *line, uint64_t now, json_t *list)
{
    const struct tsk_case *c = &line->c;
    struct tsk_referral r;
    uint64_t contact;
    bool waits, refused;
    TSK_TRY(stop_waits(call, c, &waits));
    TSK_TRY(not_taken(call->b->txn, c, &refused));
    TSK_TRY(tsk_case_referral(call->b->txn, c, &r));
    TSK_TRY(last_contact(call, l, &c->peer, &contact));
    json_t *o = json_object();
    tsk_json_add(list, o);
    tsk_put_case(call, o, c);
    tsk_json_put_text(o, c->side == TSK_SIDE_SENDER ? "to" : "from", tsk_partner_of(call->ctx, &c->peer));
    tsk_json_put(o, "needs", tsk_codes_json(r.needs, r.needs_n));
    tsk_json_put_code(o, "urgency", r.urgency);
    tsk_json_put_code(o, "age_band", r.age_band);
    tsk_json_put_code(o, "ward", r.ward);
    tsk_json_put_num(o, "reply_by", c->reply_by);
    tsk_json_put_flag(o, "overdue", line->overdue);
    tsk_json_put_flag(o, "our_turn", line->mine);
    tsk_json_put_flag(o, "ended", line->ended);
    tsk_json_put_text(o, "consent", consent_name(c, now));
    tsk_json_put_flag(o, "stop_waits", waits);
    tsk_json_put_flag(o, "not_taken", refused);
    tsk_json_put(o, "categories", tsk_codes_json(c->granted, c->granted_n));
    tsk_json_put_flag(o, "waits_handed", c->waits_handed);
    tsk_json_put_num(o, "created", r.created);
    tsk_json_put_num(o, "updated_at", c->updated_at);
    tsk_json_put_num(o, "last_contact", contact);
    return TSK_OK;
}

static enum tsk_err list(struct tsk_call *call, enum tsk_side side)
{
    struct lines l = {0};
    uint64_t now;
    TSK_TRY(tsk_json_fields(call->in, NULL, 0, call->what));
    TSK_TRY(tsk_now(call->ctx, call->b, &now));
    TSK_TRY(collect(call->b->txn, side, now, &l));
    TSK_TRY(collect_ended(call->b->txn, side, now, &l));
    if (l.n > 0)
        qsort(l.v, l.n, sizeof *l.v, by_turn_and_time);
    json_t *rows = json_array();
    tsk_json_put(call->out, "referrals", rows);
    for (size_t i = 0; i < l.n; i++)
        TSK_TRY(add_line(call, &l, &l.v[i], now, rows));
    return TSK_OK;
}

enum tsk_err tsk_verb_inbox(struct tsk_call *call)
{
    return list(call, TSK_SIDE_RECIPIENT);
}

enum tsk_err tsk_verb_board(struct tsk_call *call)
{
    return list(call, TSK_SIDE_SENDER);
}
