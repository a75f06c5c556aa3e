/* fetch.c - mail from an own post office that another node runs: one long poll always, one confirm when there is something.
 *
 * What was fetched is confirmed only after the commit that holds it. Drained means: since this start, an answer reached
 * the end that the office named; a first fetch therefore does not wait.
 *
 * The numbers are the office's, and it may have lied about them, or was restored from a backup: the row only saves
 * fetching twice, and what an office that is honest again says overrules it. Whatever is confirmed is gone there, so the
 * fetch begins at 0 when nothing waits for a confirm, and always on a new connection; nothing is confirmed on a
 * connection before it has brought an answer. */
#include <string.h>

#include "crypto/sign.h"
#include "node/post/inside.h"

#define ASK_CAP 1024
#define AGAIN_MS 1000

/* ---- FETCH row ---- */
struct fetch_row { struct tsk_id16 epoch; uint64_t after, confirmed; };

static struct tsk_rowkey fetch_key(const struct tsk_kid *office)
{
    struct tsk_rowkey k = tsk_row(TSK_T_FETCH);
    tsk_row_bytes(&k, office->b, sizeof office->b);
    return k;
}

static enum tsk_err fetch_load(struct tsk_txn *t, const struct tsk_kid *office, struct fetch_row *ret_row)
{
    struct tsk_rowkey k = fetch_key(office);
    struct tsk_slice v;
    enum tsk_err e = tsk_get(t, &k, &v);
    if (e == TSK_E_UNKNOWN) {
        *ret_row = (struct fetch_row){0};
        return TSK_OK;
    }
    TSK_TRY(e);
    struct fetch_row row;
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, v);
    uint64_t n = tsk_cbor_array(&in);
    struct tsk_slice epoch = tsk_cbor_bytes(&in);
    row.after = tsk_cbor_uint(&in);
    row.confirmed = tsk_cbor_uint(&in);
    if (tsk_cbor_done(&in) != TSK_OK || n != 3 || epoch.n != sizeof row.epoch.b)
        return TSK_E_BUG;
    memcpy(row.epoch.b, epoch.p, epoch.n);
    *ret_row = row;
    return TSK_OK;
}

static enum tsk_err fetch_save(struct tsk_txn *t, const struct tsk_kid *office, const struct fetch_row *row)
{
    uint8_t buf[64];
    struct tsk_cbor_out out;
    struct tsk_slice v;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_array(&out, 3);
    tsk_cbor_put_bytes(&out, TSK_SLICE(row->epoch.b));
    tsk_cbor_put_uint(&out, row->after);
    tsk_cbor_put_uint(&out, row->confirmed);
    TSK_TRY(tsk_cbor_out_done(&out, &v));
    struct tsk_rowkey k = fetch_key(office);
    return tsk_put(t, &k, v);
}

static enum tsk_err fetch_now(struct tsk_ctx *ctx, const struct tsk_kid *office, struct fetch_row *ret_row)
{
    struct tsk_txn *t = NULL;
    TSK_TRY(tsk_txn_begin(ctx->store, false, &t));
    enum tsk_err e = fetch_load(t, office, ret_row);
    tsk_txn_abort(t);
    return e;
}

/* ---- asking ---- */
static enum tsk_err ask(struct tsk_ctx *ctx, struct tsk_office *o, enum tsk_event_kind kind, enum tsk_rec r,
                        const void *record, uint64_t limit_ms)
{
    uint8_t buf[ASK_CAP];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    TSK_TRY(tsk_record_sign(r, record, ctx->signer, &ctx->members->net, buf, sizeof buf, &bytes, &id));
    return tsk_dial_call(o->dial, kind, ++ctx->post->next_ticket, &bytes, 1, limit_ms);
}

static enum tsk_err fetch_ask(struct tsk_ctx *ctx, struct tsk_office *o)
{
    struct fetch_row row;
    struct tsk_fetch f = {.time = ctx->clock(), .post = o->kid, .max = TSK_FETCH_MAX,
                          .wait_ms = o->drained_at != 0 && o->met ? TSK_FETCH_WAIT_MS : 0};
    TSK_TRY(fetch_now(ctx, &o->kid, &row));
    tsk_random(f.id.b, sizeof f.id.b);
    f.epoch = row.epoch;
    f.after = o->met && row.after > row.confirmed ? row.after : 0;
    TSK_TRY(ask(ctx, o, TSK_EV_MAIL, TSK_REC_FETCH, &f, f.wait_ms + TSK_CALL_LIMIT_MS));
    o->fetch_ticket = ctx->post->next_ticket;
    o->fetch_after = f.after;
    return TSK_OK;
}

static enum tsk_err confirm_ask(struct tsk_ctx *ctx, struct tsk_office *o)
{
    struct fetch_row row;
    TSK_TRY(fetch_now(ctx, &o->kid, &row));
    o->confirm_wanted = row.after > row.confirmed;
    if (!o->confirm_wanted)
        return TSK_OK;
    struct tsk_confirm c = {.time = ctx->clock(), .post = o->kid, .epoch = row.epoch, .up_to = row.after};
    tsk_random(c.id.b, sizeof c.id.b);
    TSK_TRY(ask(ctx, o, TSK_EV_CONFIRMED, TSK_REC_CONFIRM, &c, TSK_CALL_LIMIT_MS));
    o->confirming = true;
    o->confirm_up_to = row.after;
    o->confirm_epoch = row.epoch;
    return TSK_OK;
}

void tsk_fetch_pump(struct tsk_ctx *ctx, struct tsk_office *o)
{
    uint64_t now = tsk_mono_ms();
    if (!o->own || o->dial == NULL)
        return;
    if (o->fetch_ticket == 0 && o->fetch_due_ms <= now && tsk_dial_free_for(o->dial, TSK_EV_MAIL) &&
        fetch_ask(ctx, o) != TSK_OK)
        o->fetch_due_ms = now + AGAIN_MS;
    if (o->confirm_wanted && !o->confirming && o->confirm_due_ms <= now &&
        tsk_dial_free_for(o->dial, TSK_EV_CONFIRMED) && confirm_ask(ctx, o) != TSK_OK)
        o->confirm_due_ms = now + AGAIN_MS;
}

uint64_t tsk_fetch_due(const struct tsk_office *o)
{
    uint64_t fetch = o->own && o->fetch_ticket == 0 ? o->fetch_due_ms : UINT64_MAX;
    uint64_t confirm = o->own && o->confirm_wanted && !o->confirming ? o->confirm_due_ms : UINT64_MAX;
    return fetch < confirm ? fetch : confirm;
}

/* ---- answers ---- */
struct drained { struct tsk_kid office; bool whole; uint64_t at; };

static void run_fetched(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    const struct drained *d = arg;
    struct tsk_office *o = ctx->post != NULL ? tsk_office_find(ctx, &d->office) : NULL;
    if (o == NULL || committed != TSK_OK)
        return;
    o->fetch_due_ms = 0;
    o->fetch_tries = 0;
    o->met = true;
    o->confirm_wanted = true;
    if (d->whole)
        o->drained_at = d->at;
}

/* What was asked for, in its order, and nothing beyond the end that the same answer names. */
static enum tsk_err numbers_check(const struct tsk_reply *r, uint64_t after)
{
    struct tsk_seq seq = r->mail;
    struct tsk_mail mail;
    while (tsk_seq_next_mail(&seq, &mail)) {
        if (mail.n <= after || mail.n > r->end)
            return TSK_E_MALFORMED;
        after = mail.n;
    }
    return TSK_OK;
}

static void back_to(struct fetch_row *row, uint64_t after)
{
    row->after = after;
    row->confirmed = row->confirmed < after ? row->confirmed : after;
}

/* The row as this answer lets it stand: numbers of another epoch mean nothing, and none lies beyond the end. */
static void row_fit(const struct tsk_kid *office, const struct tsk_reply *r, struct fetch_row *row)
{
    if (memcmp(row->epoch.b, r->epoch.b, sizeof row->epoch.b) != 0) {
        tsk_log(TSK_LOG_INFO, "mailbox_new", "post=%s", TSK_SHORT(*office));
        *row = (struct fetch_row){.epoch = r->epoch};
    }
    if (row->after > r->end) {
        tsk_log(TSK_LOG_WARN, "mailbox_back", "post=%s after=%llu end=%llu", TSK_SHORT(*office),
                (unsigned long long)row->after, (unsigned long long)r->end);
        back_to(row, 0);
    }
}

static enum tsk_err mail_all(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_reply *r, struct fetch_row *row)
{
    struct tsk_seq seq = r->mail;
    struct tsk_mail mail;
    while (tsk_seq_next_mail(&seq, &mail)) {
        enum tsk_err e = tsk_inbox_mail(ctx, b, mail.put, mail.parcel);
        if (tsk_err_class(e) == TSK_CLASS_LOCAL)
            return e; /* what found no room is confirmed all the same: the sender has it, and a stop may lie behind it */
        if (mail.n <= row->after)
            back_to(row, mail.n - 1); /* never seen, or never confirmed: either way it is still there */
        row->after = mail.n;
    }
    return TSK_OK;
}

static enum tsk_err fetched(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_office *o,
                            const struct tsk_reply *r)
{
    static const struct tsk_id16 none;
    struct fetch_row row;
    struct drained d = {.office = o->kid, .at = b->now};
    TSK_TRY(fetch_load(b->txn, &o->kid, &row));
    bool first = memcmp(row.epoch.b, none.b, sizeof none.b) == 0;
    bool same = memcmp(row.epoch.b, r->epoch.b, sizeof row.epoch.b) == 0;
    bool beyond = row.after > r->end && same;
    row_fit(&o->kid, r, &row);
    TSK_TRY(mail_all(ctx, b, r, &row));
    /* To an epoch that it no longer knows an office gives nothing, and nothing after a lost `after` is no answer. */
    bool answer = r->mail.n > 0 || ((first || same) && !beyond);
    d.whole = answer && row.after == r->end;
    if (answer && r->mail.n == 0 && row.after < r->end)
        row.after = row.confirmed = r->end; /* confirmed before this node was restored: asked once more, from there */
    TSK_TRY(fetch_save(b->txn, &o->kid, &row));
    TSK_TRY(tsk_peer_heard(ctx, b, &o->kid, r->roster_seq));
    struct drained *kept = tsk_keep(b->txn, &d, sizeof d);
    return kept == NULL ? TSK_E_NOMEM : tsk_batch_effect(b, run_fetched, kept);
}

static enum tsk_err reply_of(const struct tsk_msg *m, struct tsk_reply *ret_r)
{
    if (m->n == 0)
        return TSK_E_NETWORK;
    TSK_TRY(tsk_rec_decode(TSK_REC_REPLY, (struct tsk_slice){m->p, m->n}, ret_r));
    return ret_r->code == 0 ? TSK_OK : tsk_err_from_wire((unsigned)ret_r->code);
}

enum tsk_err tsk_fetch_answered(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m)
{
    struct tsk_office *o = tsk_office_find(ctx, &m->peer);
    struct tsk_reply r;
    if (o == NULL || o->fetch_ticket != m->num)
        return TSK_OK;
    o->fetch_ticket = 0;
    /* Until the commit says otherwise this one failed, and the next try waits. */
    o->fetch_due_ms = tsk_mono_ms() + tsk_backoff_ms(AGAIN_MS, ctx->conf.retry_s * 1000, o->fetch_tries++);
    enum tsk_err e = reply_of(m, &r);
    if (e == TSK_OK)
        e = numbers_check(&r, o->fetch_after);
    if (e == TSK_OK)
        return fetched(ctx, b, o, &r);
    tsk_log(TSK_LOG_WARN, "fetch_failed", "post=%s err=%s", TSK_SHORT(m->peer), tsk_err_name(e));
    return TSK_OK;
}

enum tsk_err tsk_confirm_answered(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_msg *m)
{
    struct tsk_office *o = tsk_office_find(ctx, &m->peer);
    struct tsk_reply r;
    struct fetch_row row;
    if (o == NULL || !o->confirming)
        return TSK_OK;
    o->confirming = false;
    o->confirm_due_ms = tsk_mono_ms() + AGAIN_MS;
    enum tsk_err e = reply_of(m, &r);
    if (e != TSK_OK) {
        tsk_log(TSK_LOG_WARN, "confirm_failed", "post=%s err=%s", TSK_SHORT(m->peer), tsk_err_name(e));
        return TSK_OK;
    }
    TSK_TRY(fetch_load(b->txn, &m->peer, &row));
    if (memcmp(row.epoch.b, o->confirm_epoch.b, sizeof row.epoch.b) == 0 && row.confirmed < o->confirm_up_to &&
        o->confirm_up_to <= row.after) /* it may have gone back meanwhile */
        row.confirmed = o->confirm_up_to;
    o->confirm_due_ms = 0;
    return fetch_save(b->txn, &m->peer, &row);
}
