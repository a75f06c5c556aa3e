/* Stopping: by card, by the code on the receipt, or by any member of staff. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/cli/terminal.h"
#include "node/desk/json.h"

/* A grant as the node has it. */
struct given {
    json_t *info;
    uint8_t *bytes;
    struct tsk_grant grant; /* borrows bytes */
    struct tsk_id32 id;
};

static void given_drop(struct given *g)
{
    json_decref(g->info);
    free(g->bytes);
}
#define GIVEN __attribute__((cleanup(given_drop))) struct given

static enum tsk_err ask_grant(struct tsk_cli *c, const struct tsk_terminal *t, struct given *ret_g)
{
    struct tsk_envelope env;
    size_t n = 0;
    TSK_TRY(tsk_ask_node(c, json_pack("{s:s,s:s}", "verb", "grant_info", "grant", tsk_word(c, 0)), &ret_g->info));
    TSK_TRY(tsk_junhex_any(json_object_get(ret_g->info, "record"), &ret_g->bytes, &n));
    TSK_TRY(tsk_cose_parse((struct tsk_slice){ret_g->bytes, n}, &env));
    if (env.rec != TSK_REC_GRANT)
        return TSK_E_WRONGTYPE;
    TSK_TRY(tsk_rec_decode(TSK_REC_GRANT, env.payload, &ret_g->grant));
    return tsk_record_id(&env, &t->members->net, &ret_g->id);
}

/* By card only where the card is at home: elsewhere the node has no tweak to derive the keys from. */
static enum tsk_err check_home(struct tsk_cli *c, const struct given *g)
{
    char next[512];
    if (*tsk_js(g->info, "tweak"))
        return TSK_OK;
    snprintf(next, sizeof next,
             tsk_words(c, "カードを使えるのは、送り元(%s)のノードです。止めるだけなら、ここで職員のだれでも、すぐに止められます: "
                          "tasuki consent withdraw --dir %s %s --staff-reason S1",
                       "Cards work at the sender's node (%s). To stop it, any member of staff can do so here at once: "
                       "tasuki consent withdraw --dir %s %s --staff-reason S1"),
             tsk_js(g->info, "sender"), c->dir, tsk_word(c, 0));
    return tsk_refuse_next(c, TSK_E_FORBIDDEN, tsk_js(g->info, "sender"), next);
}

/* The keys under which the grant was signed, if this card and PIN derive them. */
static enum tsk_err grant_keys(const struct tsk_terminal *t, const struct given *g, struct tsk_holder_keys *ret_keys)
{
    struct tsk_id16 tweak;
    TSK_TRY(tsk_junhex(g->info, "tweak", tweak.b, sizeof tweak.b));
    TSK_TRY(tsk_holder_derive(&t->root, &tweak, ret_keys));
    return memcmp(tsk_signer_kid(ret_keys->sign), &g->grant.holder, sizeof g->grant.holder) == 0 ? TSK_OK : TSK_E_WRONGHOLDER;
}

/* ---- by card ---- */
static enum tsk_err sign_stop(const struct tsk_terminal *t, const struct given *g, struct tsk_signer_key *key, json_t **ret_hex)
{
    uint8_t buf[2048];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    struct tsk_withdraw w = {.form = TSK_STOP_GRANT, .target = g->id, .time = (uint64_t)time(NULL), .by = TSK_BY_HOLDER};
    tsk_random(w.id.b, sizeof w.id.b);
    TSK_TRY(tsk_record_sign(TSK_REC_WITHDRAW, &w, key, &t->members->net, buf, sizeof buf, &bytes, &id));
    *ret_hex = tsk_jhex(bytes.p, bytes.n);
    return *ret_hex ? TSK_OK : TSK_E_NOMEM;
}

/* Another holder of the same referral may stop it as well: a child what a guardian gave. */
static enum tsk_err sibling_keys(struct tsk_cli *c, struct tsk_terminal *t, const struct given *g, struct tsk_sitting *s)
{
    enum tsk_err e = tsk_sitting_open(c, t, tsk_js(g->info, "referral"), s);
    if (e == TSK_E_WRONGHOLDER || e == TSK_E_UNKNOWN || e == TSK_E_STATE) {
        json_decref(c->refusal);
        c->refusal = NULL;
        return TSK_E_WRONGHOLDER;
    }
    return e;
}

static enum tsk_err by_card(struct tsk_cli *c)
{
    TSK_TERMINAL t = {0};
    GIVEN g = {0};
    TSK_SITTING s = {0};
    TSK_WIPED(tsk_holder_keys_wipe) struct tsk_holder_keys keys = {0};
    json_t *record = NULL;
    if (!tsk_flag(c, TSK_F_CARD_FILE) || !tsk_flag(c, TSK_F_PIN_FILE))
        return tsk_refuse(c, TSK_E_USAGE, "%s", tsk_flag(c, TSK_F_CARD_FILE) ? "--pin-file" : "--card-file");
    TSK_TRY(tsk_terminal_open(c, 0, &t));
    TSK_TRY(ask_grant(c, &t, &g));
    TSK_TRY(check_home(c, &g));
    TSK_TRY(tsk_terminal_unlock(&t));
    enum tsk_err e = grant_keys(&t, &g, &keys);
    if (e == TSK_E_WRONGHOLDER)
        TSK_TRY(sibling_keys(c, &t, &g, &s));
    else
        TSK_TRY(e);
    TSK_TRY(sign_stop(&t, &g, e == TSK_OK ? keys.sign : s.keys.sign, &record));
    return tsk_ask_out(c, json_pack("{s:s,s:s,s:o}", "verb", "withdraw", "grant", tsk_word(c, 0), "record", record));
}

/* ---- by code, by staff ---- */
/* The code as it stands on the receipt; `-` reads it from standard input. */
static enum tsk_err by_code(struct tsk_cli *c)
{
    char text[128];
    uint8_t code[16];
    if (strcmp(tsk_flag(c, TSK_F_CODE), "-") == 0)
        TSK_TRY(tsk_terminal_line(c, TSK_F_CODE, 0, text, sizeof text));
    else
        snprintf(text, sizeof text, "%s", tsk_flag(c, TSK_F_CODE));
    /* A slip of the pen is a wrong code, whatever it is that does not fit. */
    if (tsk_wd_code_parse(text, code) != TSK_OK)
        return TSK_E_WRONGCODE;
    return tsk_ask_out(c, json_pack("{s:s,s:s,s:s}", "verb", "withdraw", "grant", tsk_word(c, 0), "code", text));
}

/* A stop is never refused for its reason: of text that is too long, or in another coding, what can be kept is kept. */
static enum tsk_err by_staff(struct tsk_cli *c, const char *reason)
{
    char text[TSK_JSON_TEXT_MAX + 1];
    tsk_text_cut(text, sizeof text, reason);
    if (!tsk_utf8_ok((const uint8_t *)text, strlen(text), NULL))
        snprintf(text, sizeof text, "S6");
    return tsk_ask_out(c, json_pack("{s:s,s:s,s:s,s:s*}", "verb", "withdraw", "grant", tsk_word(c, 0), "reason", text, "for",
                                    tsk_flag(c, TSK_F_FOR)));
}

enum tsk_err tsk_cli_consent_withdraw(struct tsk_cli *c)
{
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    TSK_TRY(tsk_want_choice(c, TSK_F_FOR, "child|guardian"));
    bool card = tsk_flag(c, TSK_F_CARD_FILE) || tsk_flag(c, TSK_F_PIN_FILE);
    const char *code = tsk_flag(c, TSK_F_CODE), *reason = tsk_flag(c, TSK_F_STAFF_REASON);
    if ((int)card + (code != NULL) + (reason != NULL) != 1)
        return tsk_refuse_next(c, TSK_E_USAGE, "--card-file | --code | --staff-reason",
                               tsk_words(c, "どれか1つだけを指定してください。電話で頼まれたときは --staff-reason S1 です。",
                                         "Give exactly one of them; when asked by telephone: --staff-reason S1."));
    if (!reason && tsk_flag(c, TSK_F_FOR))
        return tsk_refuse(c, TSK_E_USAGE, "--staff-reason");
    if (card)
        return by_card(c);
    if (code)
        return by_code(c);
    return by_staff(c, reason);
}

void tsk_show_consent_withdraw(struct tsk_cli *c)
{
    puts(strcmp(tsk_js(c->out, "state"), "effective") == 0
             ? tsk_words(c, "止まりました。この同意では、もう開けません。", "Stopped: nothing opens by this consent any more.")
             : tsk_words(c, "取り消しを受け付けました。相手の機関に届いたときに止まり、届くまでは開けます。急ぐときは、いま電話して、開かないよう頼んでください。"
                            "届いたかどうかは tasuki history で見られます。",
                         "Taken in. It stops when it reaches the agency, which can open until then: if it is urgent, telephone "
                         "them now and ask them not to. tasuki history shows whether it has arrived."));
    puts(tsk_words(c, "すでに読まれたことは取り消せません。", "What has been read cannot be unread."));
}

/* ---- receipt ---- */
enum tsk_err tsk_cli_receipt(struct tsk_cli *c)
{
    TSK_TERMINAL t = {0};
    GIVEN g = {0};
    TSK_WIPED(tsk_holder_keys_wipe) struct tsk_holder_keys keys = {0};
    uint8_t code[16], hash[32];
    char text[40];
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    TSK_TRY(tsk_want_choice(c, TSK_F_FORMAT, "text|json"));
    TSK_TRY(tsk_terminal_open(c, 0, &t));
    TSK_TRY(ask_grant(c, &t, &g));
    TSK_TRY(check_home(c, &g));
    TSK_TRY(tsk_terminal_unlock(&t));
    TSK_TRY(grant_keys(&t, &g, &keys));
    TSK_TRY(tsk_wd_code(&t.root, &g.grant.id, code));
    TSK_TRY(tsk_wd_hash(&g.grant.id, code, hash));
    if (!tsk_equal(hash, g.grant.code_hash, sizeof hash))
        return TSK_E_BADSIG;
    tsk_wd_code_text(code, text);
    json_t *receipt = tsk_receipt_json(c, &t, &g.grant, text, tsk_js(g.info, "state"));
    return json_object_set_new(c->out, "grant", json_string(tsk_word(c, 0))) == 0 &&
                   json_object_set_new(c->out, "code", json_string(text)) == 0 &&
                   json_object_set_new(c->out, "receipt", receipt) == 0
               ? TSK_OK
               : TSK_E_NOMEM;
}

void tsk_show_receipt(struct tsk_cli *c)
{
    const char *format = tsk_flag(c, TSK_F_FORMAT);
    if (!format || strcmp(format, "json") != 0) {
        tsk_receipt_print(json_object_get(c->out, "receipt"));
        return;
    }
    json_dumpf(json_object_get(c->out, "receipt"), stdout, JSON_INDENT(2));
    putchar('\n');
}
