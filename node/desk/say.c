/* say.c - this side's next status. */
#include "node/desk/handle.h"

/* The newest event of the other author that this side has acted on. One behind a gap does not count: naming it would make our
 * word wait for the missing one, too. */
static struct tsk_id32 seen_of(const struct tsk_chain *other)
{
    struct tsk_id32 seen = {{0}};
    for (size_t i = 0; i < other->n && other->events[i].status.seq == i + 1; i++)
        seen = other->events[i].id;
    return seen;
}

enum tsk_err tsk_say(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_case *c, struct tsk_status *s,
                     struct tsk_id32 *ret_id)
{
    struct tsk_case_story *story;
    enum tsk_side other = c->side == TSK_SIDE_SENDER ? TSK_SIDE_RECIPIENT : TSK_SIDE_SENDER;
    TSK_TRY(tsk_case_story(b->txn, c, &story));
    if (c->disputed || story->chain[c->side].fork)
        return TSK_E_FORK;
    TSK_TRY(tsk_progress_may(&story->p, c->side, (enum tsk_state)s->state));
    tsk_random(s->id.b, sizeof s->id.b);
    s->referral = c->ref;
    s->seq = story->p.next_seq[c->side];
    s->prev = story->p.last[c->side];
    s->seen = seen_of(&story->chain[other]);
    s->time = b->now;
    TSK_TRY(tsk_status_fields(s));
    return tsk_author(ctx, b, TSK_REC_STATUS, s, NULL, ret_id);
}
