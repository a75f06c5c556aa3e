/* not_yet.c - "not now" or "never": what is asked for again, because something that it rests on is still on its way.
 *
 * Whatever is asked for again holds its parcel's number open, and while a number is missing nothing of that sender opens, of
 * no family. So "not now" is said only where waiting can help, and has an end. */
#include "node/desk/handle.h"

/* The sender's clock may have been this far behind when it made a record under a roster that had just come. */
#define CLOCK_BEHIND_S UINT64_C(86400)

/* The item or the referral that a record names is not here. It may be in a lower number that is still on its way, or waits
 * itself; when none is missing it was refused, and will not come again. */
enum tsk_err tsk_missing(struct tsk_batch *b, const struct tsk_admitted *a)
{
    bool lacks = true;
    if (a->own)
        return TSK_E_UNKNOWN;
    if (a->in->inner != NULL)
        TSK_TRY(tsk_inbox_lacks_before(b->txn, a->in->inner, &lacks));
    return lacks ? TSK_E_RETRY : TSK_E_NOTGRANTED;
}

bool tsk_maybe_newer(const struct tsk_ctx *ctx, uint64_t made_at)
{
    return made_at + CLOCK_BEHIND_S >= ctx->members->r.time;
}

/* Its sender lives under a newer roster, which is on its way here too: the old one cannot judge it. A time that is still to
 * come makes R8 ask for it again in the same way. */
bool tsk_item_ahead(const struct tsk_ctx *ctx, const struct tsk_batch *b, const struct tsk_item_core *core)
{
    bool newer = core->roster_seq > ctx->members->r.seq && tsk_maybe_newer(ctx, core->created);
    return newer || core->created > b->now + TSK_CLOCK_AHEAD_S;
}
