#include "node/store/ctx.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/core/log.h"

const struct tsk_kid *tsk_self(const struct tsk_ctx *ctx)
{
    return tsk_signer_kid(ctx->signer);
}

const struct tsk_entry *tsk_self_entry(const struct tsk_ctx *ctx)
{
    return ctx->members == NULL ? NULL : tsk_member_by_kid(ctx->members, tsk_self(ctx), ctx->clock());
}

/* ---- the rosters that were in force ---- */
static enum tsk_err newest_kept(struct tsk_txn *t, uint64_t *ret_seq, struct tsk_slice *ret_bytes)
{
    struct tsk_rowkey prefix = tsk_row(TSK_T_ROSTER);
    struct tsk_walk w;
    struct tsk_slice tail;
    tsk_walk_init(&w, &prefix, NULL);
    *ret_seq = 0;
    for (;;) { /* one a month at most: a short walk */
        enum tsk_err e = tsk_walk_next(t, &w, &tail, ret_bytes);
        if (e == TSK_E_UNKNOWN)
            return TSK_OK;
        TSK_TRY(e);
        if (tail.n != 8)
            return TSK_E_BUG;
        *ret_seq = tsk_be64(tail.p);
    }
}

/* By content: other signatures under the same payload make no other roster. */
static enum tsk_err same_roster(struct tsk_slice kept, const struct tsk_members *m)
{
    struct tsk_slice payload;
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    size_t sigs_n;
    struct tsk_id32 id;
    TSK_TRY(tsk_roster_split(kept, &payload, sigs, &sigs_n));
    TSK_TRY(tsk_roster_id(payload, &id));
    return tsk_equal(id.b, m->id.b, sizeof id.b) ? TSK_OK : TSK_E_FORK;
}

static enum tsk_err keep_roster(struct tsk_txn *t, const struct tsk_members *m)
{
    uint64_t newest;
    struct tsk_slice kept;
    TSK_TRY(newest_kept(t, &newest, &kept));
    if (m->r.seq < newest)
        return TSK_E_ROSTEROLD;
    if (m->r.seq == newest)
        return same_roster(kept, m);
    struct tsk_rowkey k = tsk_row(TSK_T_ROSTER);
    tsk_row_u64(&k, m->r.seq);
    return tsk_put(t, &k, (struct tsk_slice){m->bytes, m->bytes_n});
}

static enum tsk_err remember(struct tsk_store *s, const struct tsk_members *m)
{
    struct tsk_txn *t;
    TSK_TRY(tsk_txn_begin(s, true, &t));
    enum tsk_err e = keep_roster(t, m);
    if (e == TSK_OK)
        return tsk_txn_commit(t);
    tsk_txn_abort(t);
    return e;
}

static enum tsk_err take(struct tsk_ctx *ctx, struct tsk_members *next)
{
    if (ctx->members != NULL)
        TSK_TRY(tsk_members_follow(ctx->members, next));
    TSK_TRY(remember(ctx->store, next));
    tsk_members_free(ctx->members);
    ctx->members = next;
    return TSK_OK;
}

enum tsk_err tsk_ctx_reload(struct tsk_ctx *ctx)
{
    struct tsk_members *next;
    TSK_TRY(tsk_roster_load(ctx->dir, &next));
    enum tsk_err e = take(ctx, next);
    if (e != TSK_OK)
        tsk_members_free(next);
    return e;
}

/* ---- opening ---- */
static enum tsk_err open_conf(struct tsk_ctx *ctx)
{
    unsigned line;
    enum tsk_err e = tsk_conf_read(ctx->dir, &ctx->conf, &line);
    if (e != TSK_OK)
        tsk_log(TSK_LOG_ERROR, "conf_refused", "line=%u err=%s", line, tsk_err_name(e));
    return e;
}

static enum tsk_err open_keys(struct tsk_ctx *ctx, const char *unlock_file)
{
    TSK_TRY(tsk_folder_keys(ctx->dir, unlock_file, &ctx->keys));
    TSK_TRY(tsk_signer_new(ctx->keys->sign_seed.b, &ctx->signer));
    for (size_t i = 0; i < ctx->keys->seal_n; i++)
        TSK_TRY(tsk_kem_new(ctx->keys->seal[i].sk.b, &ctx->kems[i]));
    return TSK_OK;
}

static enum tsk_err open_all(struct tsk_ctx *ctx, const char *unlock_file)
{
    TSK_TRY(open_conf(ctx));
    TSK_TRY(tsk_folder_lock(ctx->dir, &ctx->lock_fd));
    TSK_TRY(open_keys(ctx, unlock_file));
    TSK_TRY(tsk_store_open(ctx->dir, &ctx->keys->store, ctx->conf.map_gb, &ctx->store));
    ctx->queue = tsk_queue_new();
    if (ctx->queue == NULL)
        return TSK_E_NOMEM;
    enum tsk_err e = tsk_ctx_reload(ctx);
    return e == TSK_E_NOROSTER ? TSK_OK : e;
}

enum tsk_err tsk_ctx_open(const char *dir, const char *unlock_file, struct tsk_ctx *ret_ctx)
{
    struct tsk_ctx ctx = {.clock = tsk_wall_s, .lock_fd = -1};
    TSK_TRY(tsk_crypto_init());
    int n = snprintf(ctx.dir, sizeof ctx.dir, "%s", dir);
    if (n <= 0 || (size_t)n >= sizeof ctx.dir)
        return TSK_E_USAGE;
    enum tsk_err e = open_all(&ctx, unlock_file);
    if (e != TSK_OK) {
        tsk_ctx_close(&ctx);
        return e;
    }
    *ret_ctx = ctx;
    return TSK_OK;
}

void tsk_ctx_close(struct tsk_ctx *ctx)
{
    if (!ctx->stuck)
        tsk_queue_free(ctx->queue);
    tsk_members_free(ctx->members);
    tsk_store_close(ctx->store);
    for (size_t i = 0; i < TSK_SEAL_KEYS_MAX; i++)
        tsk_kem_free(ctx->kems[i]);
    tsk_signer_free(ctx->signer);
    tsk_node_keys_free(ctx->keys);
    if (ctx->lock_fd >= 0)
        close(ctx->lock_fd);
    memset(ctx, 0, sizeof *ctx);
    ctx->lock_fd = -1;
}
