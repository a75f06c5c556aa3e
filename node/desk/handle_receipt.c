/* handle_receipt.c - the other side's signed word that it has a record, or will not have it. */
#include "node/core/log.h"
#include "node/desk/handle.h"

#include <stdio.h>

enum tsk_err tsk_check_receipt(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_receipt *r = a->record;
    (void)b;
    return tsk_kid_eq(&r->to, tsk_self(ctx)) ? TSK_OK : TSK_E_WRONGTYPE;
}

static enum tsk_err arrived(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_case *c, const struct tsk_receipt *r)
{
    if (c->arrived || c->side != TSK_SIDE_SENDER)
        return TSK_OK;
    c->arrived = true;
    c->arrived_at = r->time;
    TSK_TRY(tsk_case_save(b->txn, c));
    return tsk_settle(ctx, b, c->no);
}

static enum tsk_err note_refusal(struct tsk_batch *b, uint64_t record_no, uint64_t code)
{
    char text[64];
    snprintf(text, sizeof text, "refused %s", tsk_err_name(tsk_err_from_wire((unsigned)code)));
    return tsk_note_put(b->txn, record_no, text);
}

static enum tsk_err line_done(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a,
                              const struct tsk_receipt_line *line)
{
    struct tsk_case c;
    struct tsk_stored sent;
    enum tsk_err e = tsk_case_by_ref(b->txn, &line->id, &c); /* the commonest line is a token's: no record to open */
    if (e == TSK_OK && line->code == 0)
        return tsk_kid_eq(&c.peer, &a->env.kid) ? arrived(ctx, b, &c, a->record) : TSK_OK;
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    e = tsk_record_find(b->txn, &line->id, &sent);
    if (e != TSK_OK)
        return e == TSK_E_UNKNOWN ? TSK_OK : e;
    if (line->code != 0) {
        tsk_log(TSK_LOG_WARN, "refused", "type=%s id=%s by=%s code=%llu", tsk_rec_name(sent.env.rec), TSK_SHORT(line->id),
                TSK_SHORT(a->env.kid), (unsigned long long)line->code);
        return note_refusal(b, sent.no, line->code);
    }
    return sent.env.rec == TSK_REC_WITHDRAW ? tsk_stop_receipted(ctx, b, &sent) : TSK_OK;
}

enum tsk_err tsk_act_receipt(struct tsk_ctx *ctx, struct tsk_batch *b, const struct tsk_admitted *a)
{
    const struct tsk_receipt *r = a->record;
    for (size_t i = 0; i < r->lines_n; i++) {
        bool known = false;
        TSK_TRY(tsk_outbox_receipted(ctx, b, &a->env.kid, &r->lines[i].id, &known));
        if (known)
            TSK_TRY(line_done(ctx, b, a, &r->lines[i]));
    }
    return TSK_OK;
}
