/* verb.c - from the bytes of a request to the bytes of an answer.
 *
 * Order: size -> strict JSON -> emergency -> who asks -> known verb -> roster there -> the verb, in a savepoint of its
 * own. A refusal undoes the savepoint, so a verb may author record after record and still refuse at the end. Whatever
 * the verb says goes out only after the commit.
 *
 * Emergency comes before everything else, even before the verb's name is looked up: need N16 or urgency U0 anywhere in
 * a request is answered with the telephone numbers, and leaves no trace: no row, no record, no log line, no answer that
 * differs by what else the request held.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "node/core/log.h"
#include "node/desk/json.h"
#include "node/desk/verb_util.h"

/* ---- the words of a refusal ---- */
/* Twice the same row, or a row that err.def does not have, does not compile; a missing one does not either. */
enum {
#define TSK_NEXT(name, ja, en) NEXT_##name,
#include "node/desk/next.def"
#undef TSK_NEXT
    NEXT_COUNT,
};
_Static_assert((int)NEXT_COUNT == (int)TSK_ERR_COUNT, "next.def has a row for every row of err.def");

static const struct { const char *ja, *en; } next_words[TSK_ERR_COUNT] = {
#define TSK_NEXT(name, ja, en) [TSK_E_##name] = {(ja), (en)},
#include "node/desk/next.def"
#undef TSK_NEXT
};

json_t *tsk_error_json(enum tsk_err e, enum tsk_ui ui, const char *what, bool sent)
{
    json_t *error = json_object(), *out = json_object();
    tsk_json_put_text(error, "code", tsk_err_name(e));
    tsk_json_put_text(error, "text", tsk_err_text(e, ui));
    if (what != NULL && what[0] != '\0')
        tsk_json_put_text(error, "what", what);
    tsk_json_put_flag(error, "sent", sent);
    tsk_json_put_text(error, "next", ui == TSK_UI_EN ? next_words[e].en : next_words[e].ja);
    tsk_json_put(out, "error", error);
    return out;
}

/* ---- the request ---- */
static const struct verb { const char *name; tsk_verb *run; bool roster; } verbs[] = {
#define TSK_VERB(name, fn, roster) {#name, (fn), (roster)},
#include "node/desk/verbs.def"
#undef TSK_VERB
};

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static bool is_text(const json_t *v, const char *text)
{
    return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

/* What was written into a detail says it just as well. */
static bool in_details(const json_t *in)
{
    const json_t *details = json_object_get(in, "details");
    bool danger = false;
    for (size_t i = 0; i < json_array_size(details) && !danger; i++) {
        const char *hex = json_string_value(json_object_get(json_array_get(details, i), "content"));
        TSK_SECRET struct tsk_buf b = {0};
        json_t *content = NULL;
        if (hex == NULL || tsk_buf_new(strlen(hex) / 2, &b) != TSK_OK || tsk_unhex(hex, b.p, b.n) != TSK_OK ||
            tsk_json_content((struct tsk_slice){b.p, b.n}, &content) != TSK_OK)
            continue;
        danger = tsk_content_danger(content);
        json_decref(content);
    }
    return danger;
}

/* The code lists mark N16; U0 is the one urgency without a time to answer by. */
static bool is_emergency(const json_t *in)
{
    const json_t *needs = json_object_get(in, "needs");
    for (size_t i = 0; i < json_array_size(needs); i++) {
        const char *s = json_string_value(json_array_get(needs, i));
        const struct tsk_code_row *row = s == NULL ? NULL : tsk_code_find(TSK_LIST_NEED, s);
        if (row != NULL && (row->flags & TSK_CODE_EMERGENCY) != 0)
            return true;
    }
    return is_text(needs, "N16") || is_text(json_object_get(in, "urgency"), "U0") || in_details(in);
}

static enum tsk_ui ui_of(const json_t *in)
{
    const json_t *ui = json_object_get(in, "ui");
    return is_text(ui, "en") ? TSK_UI_EN : is_text(ui, "easy") ? TSK_UI_EASY : TSK_UI_JA;
}

static enum tsk_err check_ui(const json_t *in, char ret_what[TSK_WHAT_CAP])
{
    const json_t *ui = json_object_get(in, "ui");
    if (ui == NULL || is_text(ui, "ja") || is_text(ui, "en") || is_text(ui, "easy"))
        return TSK_OK;
    tsk_what(ret_what, "ui");
    return TSK_E_USAGE;
}

/* "uid:" keeps a login apart from a name that somebody typed. */
static void login_name(uint64_t uid, char *ret_name, size_t cap)
{
    char buf[4096];
    struct passwd pw, *found = NULL;
    if (getpwuid_r((uid_t)uid, &pw, buf, sizeof buf, &found) == 0 && found != NULL)
        snprintf(ret_name, cap, "uid:%s", found->pw_name);
    else
        snprintf(ret_name, cap, "uid:%llu", (unsigned long long)uid);
}

static enum tsk_err staff_of(struct tsk_call *call, uint64_t uid)
{
    const json_t *staff = json_object_get(call->in, "staff");
    if (uid == UINT64_MAX)
        return TSK_E_FORBIDDEN; /* who asks cannot be said */
    if (staff != NULL) {
        size_t n = json_string_length(staff);
        if (n == 0 || n > TSK_JSON_TEXT_MAX || strncmp(json_string_value(staff), "uid:", 4) == 0) {
            tsk_what(call->what, "staff");
            return TSK_E_USAGE;
        }
        return tsk_staff_pseudonym(call->ctx->keys, json_string_value(staff), &call->staff);
    }
    char name[300];
    login_name(uid, name, sizeof name);
    return tsk_staff_pseudonym(call->ctx->keys, name, &call->staff);
}

static enum tsk_err find_verb(struct tsk_call *call, json_t *in, uint64_t uid, const struct verb **ret_verb)
{
    const json_t *name = json_object_get(in, "verb");
    TSK_TRY(check_ui(in, call->what));
    const struct verb *verb = json_is_string(name) ? verb_find(json_string_value(name)) : NULL;
    if (verb == NULL) {
        tsk_what(call->what, json_is_string(name) ? json_string_value(name) : "verb");
        return TSK_E_USAGE;
    }
    TSK_TRY(staff_of(call, uid));
    if (verb->roster && (call->ctx->members == NULL || tsk_self_entry(call->ctx) == NULL))
        return TSK_E_NOROSTER;
    json_object_del(in, "verb");
    json_object_del(in, "ui");
    json_object_del(in, "staff");
    *ret_verb = verb;
    return TSK_OK;
}

/* ---- carrying it out ---- */
static bool runs_alone(const struct verb *verb)
{
    return verb->run == tsk_verb_reload;
}

static enum tsk_err run_in_savepoint(struct tsk_call *call, const struct verb *verb)
{
    if (runs_alone(verb) != (call->b == NULL))
        return TSK_E_BUG;
    if (call->b == NULL)
        return verb->run(call);
    TSK_TRY(tsk_batch_save(call->b));
    enum tsk_err e = verb->run(call);
    if (tsk_json_short() && e == TSK_OK)
        e = TSK_E_NOMEM;
    if (e == TSK_OK || (call->keep && tsk_err_class(e) != TSK_CLASS_LOCAL)) {
        TSK_TRY(tsk_batch_keep(call->b));
        return e;
    }
    tsk_batch_undo(call->b);
    return e;
}

static enum tsk_err carry_out(struct tsk_call *call, json_t *in, uint64_t uid)
{
    if (is_emergency(in))
        return TSK_E_EMERGENCY;
    if (!json_is_object(in))
        return TSK_E_USAGE;
    const struct verb *verb = NULL;
    enum tsk_err e = find_verb(call, in, uid, &verb);
    if (e == TSK_OK)
        e = run_in_savepoint(call, verb);
    if (e != TSK_OK)
        tsk_log(tsk_err_class(e) == TSK_CLASS_LOCAL ? TSK_LOG_ERROR : TSK_LOG_INFO, "refused", "verb=%s err=%s",
                verb == NULL ? "-" : verb->name, tsk_err_name(e));
    return e;
}

static json_t *parse(struct tsk_slice request)
{
    json_error_t where;
    if (request.n == 0 || request.n > TSK_JSON_MAX)
        return NULL;
    return json_loadb((const char *)request.p, request.n, JSON_REJECT_DUPLICATES, &where);
}

/* Refused before anything was touched, so nobody else's work need be done again; to staff it is the same full disk. */
static enum tsk_err to_staff(enum tsk_err e)
{
    return e == TSK_E_NOROOM ? TSK_E_DISKFULL : e;
}

static enum tsk_err answer(struct tsk_call *call, struct tsk_slice request, uint64_t uid, json_t **ret_out)
{
    tsk_json_init();
    (void)tsk_json_short();
    json_t *in = parse(request);
    if (in == NULL && tsk_json_short())
        return TSK_E_NOMEM;
    call->in = in;
    call->out = json_object();
    call->ui = ui_of(in);
    enum tsk_err e = in != NULL ? carry_out(call, in, uid) : request.n > TSK_JSON_MAX ? TSK_E_LIMIT : TSK_E_USAGE;
    json_decref(in);
    call->in = NULL;
    if (tsk_err_class(e) == TSK_CLASS_LOCAL) {
        json_decref(call->out);
        return e;
    }
    if (e != TSK_OK) {
        json_decref(call->out);
        call->out = tsk_error_json(to_staff(e), call->ui, call->what, false);
        if (call->next != NULL)
            tsk_json_put_text(json_object_get(call->out, "error"), "next", call->next);
    }
    *ret_out = call->out;
    return TSK_OK;
}

enum tsk_err tsk_verb_answer(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_slice request, uint64_t uid,
                             json_t **ret_out)
{
    struct tsk_call call = {.ctx = ctx, .b = b};
    return answer(&call, request, uid, ret_out);
}

/* ---- the answer on its way out ---- */
struct reply { void *handle; enum tsk_ui ui; uint8_t *p; size_t n; };

static void send_error(struct tsk_ctx *ctx, void *handle, enum tsk_err e, enum tsk_ui ui)
{
    char text[2048];
    json_t *out = tsk_error_json(e, ui, NULL, false);
    size_t n = json_dumpb(out, text, sizeof text, JSON_COMPACT);
    tsk_wire_reply(ctx, handle, (struct tsk_slice){(const uint8_t *)text, n <= sizeof text ? n : 0});
    json_decref(out);
}

static void reply_effect(struct tsk_ctx *ctx, void *arg, enum tsk_err committed)
{
    struct reply *r = arg;
    if (committed == TSK_OK)
        tsk_wire_reply(ctx, r->handle, (struct tsk_slice){r->p, r->n});
    else
        send_error(ctx, r->handle, committed, r->ui);
    tsk_wipe(r->p, r->n);
}

static enum tsk_err queue_reply(struct tsk_batch *b, const json_t *out, struct reply r)
{
    r.n = json_dumpb(out, NULL, 0, JSON_COMPACT);
    r.p = tsk_txn_alloc(b->txn, r.n + 1);
    if (r.p == NULL || r.n == 0)
        return TSK_E_NOMEM;
    json_dumpb(out, (char *)r.p, r.n, JSON_COMPACT);
    void *kept = tsk_keep(b->txn, &r, sizeof r);
    return kept == NULL ? TSK_E_NOMEM : tsk_batch_effect(b, reply_effect, kept);
}

#define ALONE_MAX 4096 /* bytes: larger requests are not even looked into, so that this costs nothing */

bool tsk_verb_alone(const struct tsk_msg *m)
{
    if (m->n > ALONE_MAX)
        return false;
    json_t *in = parse((struct tsk_slice){m->p, m->n});
    const json_t *name = json_object_get(in, "verb");
    const struct verb *verb = json_is_string(name) ? verb_find(json_string_value(name)) : NULL;
    bool alone = verb != NULL && runs_alone(verb);
    json_decref(in);
    return alone;
}

static enum tsk_err reply_now(struct tsk_ctx *ctx, void *handle, const json_t *out)
{
    char text[ALONE_MAX];
    size_t n = json_dumpb(out, text, sizeof text, JSON_COMPACT);
    if (n == 0 || n > sizeof text)
        return TSK_E_BUG;
    tsk_wire_reply(ctx, handle, (struct tsk_slice){(const uint8_t *)text, n});
    return TSK_OK;
}

enum tsk_err tsk_verb_run(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_msg *m)
{
    struct tsk_call call = {.ctx = ctx, .b = b};
    json_t *out;
    TSK_TRY(answer(&call, (struct tsk_slice){m->p, m->n}, m->num2, &out));
    enum tsk_err e = b == NULL ? reply_now(ctx, m->handle, out)
                               : queue_reply(b, out, (struct reply){m->handle, call.ui, NULL, 0});
    json_decref(out);
    return e;
}

void tsk_verb_refuse(struct tsk_ctx *ctx, struct tsk_msg *m, enum tsk_err e)
{
    tsk_json_init();
    json_t *in = parse((struct tsk_slice){m->p, m->n});
    send_error(ctx, m->handle, e, ui_of(in));
    json_decref(in);
}
