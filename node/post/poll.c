/* poll.c - fetches that wait for mail, answered after a commit from what is committed. */
#include <stdlib.h>
#include <string.h>

#include "node/post/mailbox.h"

#define REPLY_EXTRA 256

void tsk_reply_roster(const struct tsk_ctx *ctx, struct tsk_reply *r)
{
    r->roster_seq = ctx->members->r.seq;
    r->roster_id = ctx->members->id;
}

static void reply_send(struct tsk_ctx *ctx, void *handle, struct tsk_reply *r)
{
    size_t cap = r->mail.bytes.n + REPLY_EXTRA;
    uint8_t *buf = malloc(cap);
    struct tsk_slice bytes = {buf, 0};
    tsk_reply_roster(ctx, r);
    if (buf != NULL && tsk_rec_encode(TSK_REC_REPLY, r, buf, cap, &bytes) != TSK_OK)
        bytes.n = 0; /* an empty answer is no answer: the owner asks again */
    tsk_wire_reply(ctx, handle, bytes);
    free(buf);
}

static bool zeros(const struct tsk_id16 *id)
{
    static const struct tsk_id16 none;
    return memcmp(id->b, none.b, sizeof none.b) == 0;
}

/* True if it was answered; otherwise it goes on waiting. */
static bool poll_try(struct tsk_ctx *ctx, struct tsk_txn *t, const struct tsk_poll *poll, bool last)
{
    struct tsk_mail_head head = {0};
    struct tsk_mail_page page = {0};
    struct tsk_reply r = {0};
    enum tsk_err e = tsk_mail_head_load(t, &poll->owner, &head);
    bool other = !zeros(&poll->epoch) && memcmp(poll->epoch.b, head.epoch.b, sizeof head.epoch.b) != 0;
    if (e == TSK_OK && !other)
        e = tsk_mail_page(t, &poll->owner, poll->after, poll->max, &page);
    if (e == TSK_OK && page.count == 0 && !other && !last)
        return false;
    r.code = tsk_err_wire(e == TSK_E_UNKNOWN ? TSK_E_RETRY : e);
    r.epoch = head.epoch;
    r.end = head.newest;
    r.mail = (struct tsk_seq){{page.p, page.n}, page.count};
    reply_send(ctx, poll->handle, &r);
    free(page.p);
    return true;
}

static void poll_empty(struct tsk_ctx *ctx, const struct tsk_poll *poll)
{
    struct tsk_reply r = {.code = tsk_err_wire(TSK_E_RETRY)};
    reply_send(ctx, poll->handle, &r);
}

enum tsk_err tsk_poll_add(struct tsk_ctx *ctx, const struct tsk_poll *poll)
{
    struct tsk_post *p = ctx->post;
    for (size_t i = 0; i < p->polls_n; i++) {
        if (!tsk_kid_eq(&p->polls[i].owner, &poll->owner))
            continue;
        poll_empty(ctx, &p->polls[i]); /* its connection is gone: the owner has come again */
        p->polls[i] = *poll;
        return TSK_OK;
    }
    if (p->polls_n == p->polls_cap) {
        size_t cap = p->polls_cap > 0 ? 2 * p->polls_cap : 16;
        struct tsk_poll *more = realloc(p->polls, cap * sizeof *more);
        if (more == NULL)
            return TSK_E_NOMEM;
        p->polls = more;
        p->polls_cap = cap;
    }
    p->polls[p->polls_n++] = *poll;
    return TSK_OK;
}

void tsk_poll_wake(struct tsk_post *p, const struct tsk_kid *owner)
{
    for (size_t i = 0; i < p->polls_n; i++)
        if (tsk_kid_eq(&p->polls[i].owner, owner))
            p->polls[i].ready = true;
}

static bool poll_due(const struct tsk_poll *poll, uint64_t now_ms)
{
    return poll->ready || poll->until_ms <= now_ms;
}

static bool any_due(const struct tsk_post *p, uint64_t now_ms)
{
    for (size_t i = 0; i < p->polls_n; i++)
        if (poll_due(&p->polls[i], now_ms))
            return true;
    return false;
}

void tsk_mailbox_pump(struct tsk_ctx *ctx)
{
    struct tsk_post *p = ctx->post;
    uint64_t now_ms = tsk_mono_ms();
    struct tsk_txn *t = NULL;
    if (!any_due(p, now_ms) || tsk_txn_begin(ctx->store, false, &t) != TSK_OK)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < p->polls_n; i++) {
        struct tsk_poll *poll = &p->polls[i];
        bool last = poll->until_ms <= now_ms;
        if (poll_due(poll, now_ms) && poll_try(ctx, t, poll, last))
            continue;
        poll->ready = false;
        p->polls[kept++] = *poll;
    }
    p->polls_n = kept;
    tsk_txn_abort(t);
}

/* What is ready is not counted: it is answered by the pump after the commit that made it so. */
uint64_t tsk_mailbox_due(const struct tsk_ctx *ctx)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < ctx->post->polls_n; i++)
        if (ctx->post->polls[i].until_ms < due)
            due = ctx->post->polls[i].until_ms;
    return due;
}
