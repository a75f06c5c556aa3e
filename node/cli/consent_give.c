/* What a family decides with its cards: give, refuse. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "node/cli/terminal.h"
#include "schema/date.h"

#define RETENTION_DAYS 90

static int by_item(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct tsk_id32)); /* the item's id comes first in both structs */
}

/* What one card signs. */
struct answer {
    const struct tsk_seat *seat;
    struct tsk_grant g;
    const struct tsk_sitting_item *chosen[TSK_ITEMS_MAX];
    uint8_t code[16], wraps_buf[16384];
    struct tsk_slice wraps;
};
struct answers { struct answer *v; size_t n; };

static void answers_wipe(struct answers *a)
{
    if (a->v)
        tsk_wipe(a->v, a->n * sizeof *a->v);
    free(a->v);
}
#define ANSWERS TSK_WIPED(answers_wipe) struct answers

static enum tsk_err choose_one(struct tsk_cli *c, struct answer *a, const char *category)
{
    const struct tsk_sitting_item *it = NULL;
    TSK_TRY(tsk_sitting_find(c, &a->seat->s, category, &it));
    for (size_t i = 0; i < a->g.items_n; i++)
        if (a->chosen[i] == it)
            return TSK_OK;
    if (a->g.items_n == TSK_ITEMS_MAX)
        return TSK_E_LIMIT;
    a->chosen[a->g.items_n] = it;
    a->g.items[a->g.items_n++] = (struct tsk_grant_item){it->id, it->item.core.category};
    return TSK_OK;
}

/* Each category is signed for by every card at the table that has a part in it, and by one at least. */
static enum tsk_err choose(struct tsk_cli *c, struct answers *all)
{
    size_t at = 0;
    for (const char *category; (category = tsk_arg_next(&c->args, TSK_F_CATEGORY, &at)) != NULL;) {
        enum tsk_err why = TSK_OK;
        size_t held = 0;
        TSK_TRY(tsk_want_code(c, TSK_F_CATEGORY, TSK_LIST_CATEGORY, category));
        for (size_t i = 0; i < all->n; i++) {
            enum tsk_err e = choose_one(c, &all->v[i], category);
            held += e == TSK_OK;
            why = e == TSK_OK ? why : e;
        }
        if (held == 0 || why == TSK_E_LIMIT)
            return why;
    }
    for (size_t i = 0; i < all->n; i++)
        qsort(all->v[i].g.items, all->v[i].g.items_n, sizeof all->v[i].g.items[0], by_item);
    return TSK_OK;
}

static bool lifts_already(const struct tsk_grant *g, const struct tsk_id32 *id)
{
    for (size_t i = 0; i < g->lifts_n; i++)
        if (tsk_id32_eq(&g->lifts[i], id))
            return true;
    return false;
}

static enum tsk_err lift_one(struct tsk_cli *c, const struct tsk_sitting_item *it, const json_t *stop, struct tsk_grant *g)
{
    struct tsk_id32 id;
    if (!json_is_string(stop) || tsk_unhex(json_string_value(stop), id.b, sizeof id.b) != TSK_OK)
        return TSK_E_MALFORMED;
    if (lifts_already(g, &id))
        return TSK_OK;
    if (g->lifts_n == TSK_LIFTS_MAX)
        return tsk_refuse(c, TSK_E_LIMIT, "%s", it->item.core.category.s);
    g->lifts[g->lifts_n++] = id;
    return TSK_OK;
}

/* A new yes takes back every stop over what was chosen, and over nothing else. */
static enum tsk_err lift(struct tsk_cli *c, const struct tsk_sitting_item *const *chosen, struct tsk_grant *g)
{
    for (size_t i = 0; i < g->items_n; i++) {
        size_t k;
        json_t *stop;
        json_array_foreach(chosen[i]->lifts, k, stop)
            TSK_TRY(lift_one(c, chosen[i], stop, g));
    }
    qsort(g->lifts, g->lifts_n, sizeof g->lifts[0], by_item);
    return TSK_OK;
}

static enum tsk_err set_notice(struct tsk_cli *c, const struct tsk_sitting *s, struct tsk_grant *g)
{
    const struct tsk_notice *n = NULL;
    char hex[65];
    TSK_TRY(tsk_notice_want(c, s->kind, &n));
    struct tsk_slice text = {(const uint8_t *)n->text, strlen(n->text)};
    TSK_TRY(tsk_sha256(&text, 1, g->notice_hash));
    tsk_hex(g->notice_hash, sizeof g->notice_hash, hex);
    /* Another version of the program may know a text that this network does not use. */
    if (!tsk_terminal_lists(json_object_get(s->begin, "notices_ok"), hex))
        return tsk_refuse(c, TSK_E_USAGE, "--lang %s", n->lang);
    g->notice_lang = (struct tsk_slice){(const uint8_t *)n->lang, strlen(n->lang)};
    g->notice_version = n->version;
    return TSK_OK;
}

/* Names the day that was given; `day` is the one that the next step is about. */
static enum tsk_err until_refused(struct tsk_cli *c, enum tsk_err e, const char *day, const char *ja, const char *en)
{
    char what[64], next[256];
    snprintf(what, sizeof what, "--until %.40s", tsk_flag(c, TSK_F_UNTIL));
    snprintf(next, sizeof next, tsk_words(c, ja, en), day);
    return tsk_refuse_next(c, e, what, next);
}

/* Never cut short in silence: the family chose a day, and it is that day or none. */
static enum tsk_err set_expiry(struct tsk_cli *c, const struct tsk_sitting *s, struct tsk_grant *g)
{
    const char *text = tsk_flag(c, TSK_F_UNTIL);
    struct tsk_date date;
    enum tsk_err why;
    char latest[16];
    uint64_t cap = tsk_sitting_cap(s, g->time, &why);
    if (!text) { /* a refusal */
        g->expires = cap;
        return TSK_OK;
    }
    if (tsk_date_parse(text, &date) != TSK_OK)
        return tsk_refuse(c, TSK_E_USAGE, "--until %s", text);
    g->expires = tsk_date_until(date);
    if (g->expires <= g->time)
        return until_refused(c, TSK_E_USAGE, text, "%s はもう過ぎています。きょうか、それより後の日にしてください。",
                             "%s is over. Choose today or a later day.");
    if (g->expires <= cap)
        return TSK_OK;
    tsk_terminal_last_day(cap, latest);
    return why == TSK_E_AGECHANGED
               ? until_refused(c, why, latest, "%s までの日にしてください。その後は年代の区分が変わるので、あらためて聞きます。",
                               "Choose a day up to %s: after that the age class changes, and consent is asked for again.")
               : until_refused(c, why, latest, "%s までの日にしてください。それより長い同意は受けられません。",
                               "Choose a day up to %s: no consent may last longer.");
}

static enum tsk_err fill_grant(struct tsk_cli *c, const struct tsk_terminal *t, const struct tsk_sitting *s, uint64_t state,
                               uint8_t ret_code[16], struct tsk_grant *g)
{
    const char *purpose = tsk_flag(c, TSK_F_PURPOSE), *how = tsk_flag(c, TSK_F_HOW);
    bool child = s->kind == TSK_HOLDER_CHILD;
    g->holder = g->role_kid = *tsk_signer_kid(s->keys.sign);
    g->role = s->kind;
    g->state = state;
    /* The node's time never goes back; a consent older than what it has seen would be refused. */
    g->time = (uint64_t)time(NULL) > tsk_jn(s->begin, "now") ? (uint64_t)time(NULL) : tsk_jn(s->begin, "now");
    g->sender = s->referral.sender;
    g->recipient = s->referral.recipient;
    g->purpose = tsk_code(purpose ? purpose : "P1");
    g->retention_days = RETENTION_DAYS;
    g->basis = tsk_code(child ? "B1" : "B2");
    g->how = how && strcmp(how, "1") == 0 ? TSK_HOW_PHONE : TSK_HOW_TABLET;
    g->how_node = t->node;
    g->referral = s->ref;
    tsk_random(g->id.b, sizeof g->id.b);
    TSK_TRY(set_notice(c, s, g));
    TSK_TRY(set_expiry(c, s, g));
    TSK_TRY(tsk_wd_code(&t->root, &g->id, ret_code));
    return tsk_wd_hash(&g->id, ret_code, g->code_hash);
}

/* The holder's part of each chosen item, sealed to the recipient's key as the root-signed roster has it. */
static enum tsk_err wrap(const struct tsk_terminal *t, const struct tsk_sitting_item *const *chosen, struct tsk_grant *g,
                         uint8_t *buf, size_t cap, struct tsk_slice *ret_wraps)
{
    const struct tsk_entry *to = tsk_member_by_kid(t->members, &g->recipient, g->time);
    struct tsk_wraps w = {.id = g->id, .wraps_n = g->items_n};
    if (!to)
        return TSK_E_UNKNOWNPEER;
    for (size_t i = 0; i < g->items_n; i++)
        TSK_TRY(tsk_rewrap(&chosen[i]->part, &g->id, &g->holder, &chosen[i]->id, &g->recipient,
                           tsk_member_seal_key(to, g->time), &t->members->net, &w.wraps[i]));
    qsort(w.wraps, w.wraps_n, sizeof w.wraps[0], by_item);
    TSK_TRY(tsk_rec_encode(TSK_REC_WRAPS, &w, buf, cap, ret_wraps));
    return tsk_sha256(ret_wraps, 1, g->wraps_hash);
}

/* A child's no stands against everyone: a stop over each item, whoever grants it. */
static enum tsk_err stop_items(const struct tsk_terminal *t, const struct tsk_sitting *s, const struct tsk_grant *g,
                               json_t *list)
{
    for (size_t i = 0; i < g->items_n; i++) {
        uint8_t buf[2048];
        struct tsk_slice bytes;
        struct tsk_id32 id;
        struct tsk_withdraw w = {.form = TSK_STOP_ITEM, .target = g->items[i].item, .time = g->time, .by = TSK_BY_HOLDER};
        tsk_random(w.id.b, sizeof w.id.b);
        TSK_TRY(tsk_record_sign(TSK_REC_WITHDRAW, &w, s->keys.sign, &t->members->net, buf, sizeof buf, &bytes, &id));
        if (json_array_append_new(list, tsk_jhex(bytes.p, bytes.n)) != 0)
            return TSK_E_NOMEM;
    }
    return TSK_OK;
}

/* {"grant","wraps"?,"withdraws"} of one card. */
static enum tsk_err put_answer(const struct answer *a, json_t *o)
{
    uint8_t buf[16384];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    TSK_JSON *withdraws = json_array();
    const struct tsk_sitting *s = &a->seat->s;
    TSK_TRY(tsk_record_sign(TSK_REC_GRANT, &a->g, s->keys.sign, &a->seat->t.members->net, buf, sizeof buf, &bytes, &id));
    if (a->g.state == TSK_GRANT_REFUSED && s->kind == TSK_HOLDER_CHILD)
        TSK_TRY(stop_items(&a->seat->t, s, &a->g, withdraws));
    bool ok = json_object_set_new(o, "grant", tsk_jhex(bytes.p, bytes.n)) == 0 &&
              json_object_set(o, "withdraws", withdraws) == 0 &&
              (a->wraps.n == 0 || json_object_set_new(o, "wraps", tsk_jhex(a->wraps.p, a->wraps.n)) == 0);
    return ok ? TSK_OK : TSK_E_NOMEM;
}

/* All cards' answers in one request: they are taken together, or none is. */
static enum tsk_err send_answers(struct tsk_cli *c, const struct answers *all)
{
    TSK_JSON *request = tsk_request("consent_put"), *also = json_array();
    bool first = true;
    for (size_t i = 0; i < all->n; i++) {
        if (all->v[i].g.items_n == 0)
            continue;
        json_t *o = first ? request : json_object();
        if (!first && json_array_append_new(also, o) != 0)
            return TSK_E_NOMEM;
        TSK_TRY(put_answer(&all->v[i], o));
        first = false;
    }
    if (json_array_size(also) > 0 && json_object_set(request, "also", also) != 0)
        return TSK_E_NOMEM;
    return tsk_ask_out(c, json_incref(request));
}

static enum tsk_err sign(struct tsk_cli *c, uint64_t state, struct answer *a)
{
    const struct tsk_terminal *t = &a->seat->t;
    TSK_TRY(fill_grant(c, t, &a->seat->s, state, a->code, &a->g));
    if (state != TSK_GRANT_GIVEN)
        return TSK_OK;
    TSK_TRY(lift(c, a->chosen, &a->g));
    return wrap(t, a->chosen, &a->g, a->wraps_buf, sizeof a->wraps_buf, &a->wraps);
}

/* The first card's grant, code and receipt stand in the answer itself as well: there mostly is one card. */
static enum tsk_err put_receipts(struct tsk_cli *c, const struct answers *all)
{
    json_t *list = json_array();
    if (json_object_set_new(c->out, "consents", list) != 0)
        return TSK_E_NOMEM;
    for (size_t i = 0; i < all->n; i++) {
        const struct answer *a = &all->v[i];
        char code[40];
        if (a->g.items_n == 0)
            continue;
        tsk_wd_code_text(a->code, code);
        json_t *o = json_pack("{s:s,s:o,s:s,s:o}", "kind", a->seat->s.kind == TSK_HOLDER_CHILD ? "child" : "guardian", "grant",
                              tsk_jhex(a->g.id.b, sizeof a->g.id.b), "code", code, "receipt",
                              tsk_receipt_json(c, &a->seat->t, &a->g, code, "given"));
        if (json_array_append_new(list, o) != 0)
            return TSK_E_NOMEM;
    }
    const json_t *first = json_array_get(list, 0);
    return json_object_set(c->out, "code", json_object_get(first, "code")) == 0 &&
                   json_object_set(c->out, "receipt", json_object_get(first, "receipt")) == 0
               ? TSK_OK
               : TSK_E_NOMEM;
}

static enum tsk_err put_kind(struct tsk_cli *c, const struct answers *all)
{
    bool child = false;
    for (size_t i = 0; i < all->n; i++)
        child = child || (all->v[i].g.items_n > 0 && all->v[i].seat->s.kind == TSK_HOLDER_CHILD);
    return json_object_set_new(c->out, "kind", json_string(child ? "child" : "guardian")) == 0 ? TSK_OK : TSK_E_NOMEM;
}

static enum tsk_err decide(struct tsk_cli *c, uint64_t state)
{
    TSK_SEATS seats = {0};
    ANSWERS all = {0};
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    TSK_TRY(tsk_terminal_flags(c));
    TSK_TRY(tsk_seats_open(c, tsk_word(c, 0), true, &seats));
    all.v = calloc(seats.n, sizeof *all.v);
    if (!all.v)
        return TSK_E_NOMEM;
    for (all.n = 0; all.n < seats.n; all.n++)
        all.v[all.n].seat = &seats.v[all.n];
    TSK_TRY(choose(c, &all));
    for (size_t i = 0; i < all.n; i++)
        if (all.v[i].g.items_n > 0)
            TSK_TRY(sign(c, state, &all.v[i]));
    TSK_TRY(send_answers(c, &all));
    return state == TSK_GRANT_REFUSED ? put_kind(c, &all) : put_receipts(c, &all);
}

enum tsk_err tsk_cli_consent_give(struct tsk_cli *c)
{
    return decide(c, TSK_GRANT_GIVEN);
}

void tsk_show_consent_give(struct tsk_cli *c)
{
    puts(json_is_true(json_object_get(c->out, "released"))
             ? tsk_words(c, "同意を受け取りました。選んだ種類だけを送ります。", "Consent taken. Only what was chosen is sent.")
             : tsk_words(c, "同意を受け取りました。まだ送りません。ほかの人の同意がそろったら送ります。",
                         "Consent taken. Nothing is sent yet: it waits until the others have said yes as well."));
    puts(tsk_words(c, "控えを家族に渡してください。取り消しコードはここには残りません。",
                   "Give the receipt to the family. The withdrawal code is not kept here."));
    const json_t *list = json_object_get(c->out, "consents");
    for (size_t i = 0; i < json_array_size(list); i++)
        tsk_receipt_print(json_object_get(json_array_get(list, i), "receipt"));
}

enum tsk_err tsk_cli_consent_refuse(struct tsk_cli *c)
{
    return decide(c, TSK_GRANT_REFUSED);
}

void tsk_show_consent_refuse(struct tsk_cli *c)
{
    puts(tsk_words(c, "「渡さない」という返事を受け取りました。まだ渡していなければ、断ったことは相手の機関に知らせません。",
                   "The answer \"no\" is taken. Where nothing was given yet, the agency is not told that anybody refused."));
    puts(strcmp(tsk_js(c->out, "kind"), "child") == 0
             ? tsk_words(c, "本人の「いや」なので、ほかの人が同意しても渡しません。", "It is the child's no: it is not given, whoever else says yes.")
             : tsk_words(c, "前に出した同意を止めるときは、tasuki consent withdraw を使ってください。",
                         "A consent given before is stopped by tasuki consent withdraw."));
}
