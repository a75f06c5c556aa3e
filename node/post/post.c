/* post.c - life of the post, and its turns in the writer's loop: events come in, and what is due goes out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/post/inside.h"

static enum tsk_err control_open(struct tsk_ctx *ctx)
{
    char url[TSK_PATH_CAP + 32];
    snprintf(url, sizeof url, "ipc://%s/control.sock", ctx->dir);
    TSK_TRY(tsk_server_new(ctx->queue, TSK_EV_CONTROL, TSK_CONTROL_MAX, &ctx->post->control));
    TSK_TRY(tsk_server_grow(ctx->post->control, TSK_CONTROL_POOL));
    return tsk_server_listen(ctx->post->control, url, NULL, 0660);
}

static enum tsk_err post_open(struct tsk_ctx *ctx)
{
    TSK_TRY(control_open(ctx));
    TSK_TRY(tsk_server_new(ctx->queue, TSK_EV_WIRE, TSK_WIRE_MAX, &ctx->post->peers_server));
    return tsk_post_roster(ctx);
}

enum tsk_err tsk_post_open(struct tsk_ctx *ctx)
{
    ctx->post = calloc(1, sizeof *ctx->post);
    if (ctx->post == NULL)
        return TSK_E_NOMEM;
    ctx->post->opened_at = ctx->clock();
    enum tsk_err e = post_open(ctx);
    if (e != TSK_OK)
        tsk_post_close(ctx);
    return e;
}

static void office_free(struct tsk_office *o)
{
    tsk_dial_free(o->dial);
    tsk_heap_clear(&o->urgent);
    tsk_heap_clear(&o->normal);
    free(o);
}

void tsk_post_close(struct tsk_ctx *ctx)
{
    struct tsk_post *p = ctx->post;
    if (p == NULL)
        return;
    tsk_server_free(p->control);
    tsk_server_free(p->peers_server);
    for (size_t i = 0; i < p->offices_n; i++)
        office_free(p->offices[i]);
    free(p->offices);
    free(p->peers);
    free(p->tickets);
    free(p->polls);
    free(p->buckets);
    free(p->gone);
    free(p);
    ctx->post = NULL;
    ctx->stuck = !tsk_closer_done(tsk_post_stuck() ? 0 : TSK_CLOSER_LIMIT_MS);
}

static enum tsk_err link_changed(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m)
{
    (void)b;
    struct tsk_office *o = tsk_office_find(ctx, &m->peer);
    tsk_log(TSK_LOG_INFO, m->num != 0 ? "link_up" : "link_down", "post=%s", TSK_SHORT(m->peer));
    if (o == NULL || m->num == 0)
        return TSK_OK;
    o->met = o->confirm_wanted = false;
    tsk_schedule_wake(ctx, &o->kid);
    o->fetch_due_ms = o->confirm_due_ms = 0;
    o->fetch_tries = 0;
    return TSK_OK;
}

enum tsk_err tsk_post_event(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_msg *m)
{
    static enum tsk_err (*const handlers[])(struct tsk_ctx *, struct tsk_batch *, const struct tsk_msg *) = {
        [TSK_EV_WIRE] = tsk_mailbox_request,      [TSK_EV_PUT_DONE] = tsk_put_answered,
        [TSK_EV_MAIL] = tsk_fetch_answered,       [TSK_EV_CONFIRMED] = tsk_confirm_answered,
        [TSK_EV_LINK] = link_changed,
    };
    if ((size_t)m->kind >= sizeof handlers / sizeof *handlers || handlers[m->kind] == NULL)
        return TSK_E_BUG;
    return handlers[m->kind](ctx, b, m);
}

/* NNG's own timers never end a call; this does, for all calls of the socket at once. */
static void office_limits(struct tsk_office *o)
{
    if (o->dial == NULL)
        return;
    if (tsk_dial_deadline(o->dial) <= tsk_mono_ms()) {
        tsk_log(TSK_LOG_WARN, "post_silent", "post=%s", TSK_SHORT(o->kid));
        tsk_dial_stop(o->dial);
    }
    if (tsk_dial_start(o->dial) != TSK_OK)
        tsk_log(TSK_LOG_WARN, "post_unreachable", "post=%s why=dial", TSK_SHORT(o->kid));
}

bool tsk_post_stuck(void)
{
    return tsk_closer_deadline() <= tsk_mono_ms();
}

void tsk_post_pump(struct tsk_ctx *ctx)
{
    if (ctx->post == NULL || ctx->members == NULL)
        return;
    tsk_server_tidy(ctx->post->peers_server);
    tsk_mailbox_pump(ctx);
    for (size_t i = 0; i < ctx->post->offices_n; i++) {
        struct tsk_office *o = ctx->post->offices[i];
        office_limits(o);
        if (!tsk_office_up(o))
            continue;
        tsk_send_pump(ctx, o);
        tsk_fetch_pump(ctx, o);
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t office_due(const struct tsk_office *o)
{
    uint64_t due = o->dial != NULL ? tsk_dial_deadline(o->dial) : UINT64_MAX;
    if (!tsk_office_up(o))
        return due;
    return least(due, least(tsk_send_due(o), tsk_fetch_due(o)));
}

uint64_t tsk_post_wait_ms(const struct tsk_ctx *ctx)
{
    uint64_t now = tsk_mono_ms();
    if (ctx->post == NULL || ctx->members == NULL)
        return TSK_IDLE_MS;
    uint64_t due = least(now + TSK_IDLE_MS, least(tsk_mailbox_due(ctx), tsk_closer_deadline()));
    due = least(due, tsk_server_due(ctx->post->peers_server));
    for (size_t i = 0; i < ctx->post->offices_n; i++)
        due = least(due, office_due(ctx->post->offices[i]));
    return due > now ? due - now : 0;
}
