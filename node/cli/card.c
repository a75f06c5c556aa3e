/* Cards: made or read at the terminal, enrolled at the node by public keys. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/svg.h"
#include "node/cli/terminal.h"

static uint64_t kind_of(const struct tsk_cli *c)
{
    return strcmp(tsk_flag(c, TSK_F_KIND), "child") == 0 ? TSK_HOLDER_CHILD : TSK_HOLDER_GUARDIAN;
}

/* One fresh pair of keys, and the proof that the card has them. */
static enum tsk_err derive_one(const struct tsk_terminal *t, uint64_t kind, json_t *list)
{
    TSK_WIPED(tsk_holder_keys_wipe) struct tsk_holder_keys keys = {0};
    struct tsk_id16 tweak;
    tsk_random(tweak.b, sizeof tweak.b);
    TSK_TRY(tsk_holder_derive(&t->root, &tweak, &keys));
    struct tsk_holder h = {.sign_pk = *tsk_signer_pk(keys.sign), .suite = TSK_SUITE_1, .kem_pk = *tsk_kem_pk(keys.kem),
                           .kind = kind, .state = TSK_HOLDER_ACTIVE, .enrolled_by = t->node};
    TSK_TRY(tsk_holder_pop_sign(&h, keys.sign, &t->members->net));
    json_t *o = json_pack("{s:o,s:o,s:o,s:o}", "sign_pk", tsk_jhex(h.sign_pk.b, sizeof h.sign_pk.b), "kem_pk",
                          tsk_jhex(h.kem_pk.b, sizeof h.kem_pk.b), "pop", tsk_jhex(h.pop, sizeof h.pop), "tweak",
                          tsk_jhex(tweak.b, sizeof tweak.b));
    return o && json_array_append_new(list, o) == 0 ? TSK_OK : TSK_E_NOMEM;
}

static enum tsk_err wrong_kind(struct tsk_cli *c, bool child)
{
    return tsk_refuse_next(c, TSK_E_EXISTS, child ? "child" : "guardian",
                           child ? tsk_words(c, "このカードは、ここでは本人のカードとして登録されています。--kind child にしてください。"
                                                "保護者には、保護者のカードを作ってください(tasuki card new)。",
                                             "Here this card is the person's own: give --kind child. A guardian needs "
                                             "a card of their own (tasuki card new).")
                                 : tsk_words(c, "このカードは、ここでは保護者のカードとして登録されています。--kind guardian にしてください。"
                                                "本人には、本人のカードを作ってください(tasuki card new)。",
                                             "Here this card is a guardian's: give --kind guardian. The person needs "
                                             "a card of their own (tasuki card new)."));
}

/* Keys of a mistyped PIN would be keys that nobody can use: of a card that the node knows, card and PIN must derive the one
 * that it shows. */
static enum tsk_err check_known(const struct tsk_terminal *t, const json_t *info)
{
    TSK_WIPED(tsk_holder_keys_wipe) struct tsk_holder_keys keys = {0};
    struct tsk_id16 tweak;
    struct tsk_pk pk;
    TSK_TRY(tsk_junhex(info, "tweak", tweak.b, sizeof tweak.b));
    TSK_TRY(tsk_junhex(info, "sign_pk", pk.b, sizeof pk.b));
    TSK_TRY(tsk_holder_derive(&t->root, &tweak, &keys));
    return memcmp(tsk_signer_pk(keys.sign)->b, pk.b, sizeof pk.b) == 0 ? TSK_OK : TSK_E_WRONGHOLDER;
}

/* What the node knows of the card decides whether it is a new one; *ret_new. Unlocks it. */
static enum tsk_err meet(struct tsk_cli *c, struct tsk_terminal *t, bool *ret_new)
{
    json_t *got = NULL;
    TSK_TRY(tsk_ask_node(c, json_pack("{s:s,s:o}", "verb", "card_info", "card_id", tsk_jhex(t->card_id.b, sizeof t->card_id.b)),
                         &got));
    TSK_JSON *info = got;
    bool known = tsk_jn(info, "holders") > 0, child = strcmp(tsk_js(info, "kind"), "child") == 0;
    if (json_is_true(json_object_get(info, "stopped")))
        return TSK_E_CARDSTOPPED;
    if (known && child != (kind_of(c) == TSK_HOLDER_CHILD))
        return wrong_kind(c, child);
    TSK_TRY(tsk_terminal_unlock(t));
    if (known)
        TSK_TRY(check_known(t, info));
    *ret_new = !known;
    return TSK_OK;
}

/* The answer becomes c->out. */
static enum tsk_err enrol(struct tsk_cli *c, struct tsk_terminal *t)
{
    bool is_new = true;
    TSK_TRY(meet(c, t, &is_new));
    TSK_JSON *list = json_array();
    for (int i = 0; i < TSK_HOLDERS_PER_ENROL; i++)
        TSK_TRY(derive_one(t, kind_of(c), list));
    TSK_TRY(tsk_ask_out(c, json_pack("{s:s,s:o,s:s,s:b,s:O}", "verb", "card_enrol", "card_id",
                                     tsk_jhex(t->card_id.b, sizeof t->card_id.b), "kind", tsk_flag(c, TSK_F_KIND), "new",
                                     is_new, "holders", list)));
    return json_object_set_new(c->out, "kind", json_string(tsk_flag(c, TSK_F_KIND))) == 0 ? TSK_OK : TSK_E_NOMEM;
}

enum tsk_err tsk_cli_card_new(struct tsk_cli *c)
{
    TSK_TERMINAL t = {0};
    char text[TSK_CARD_TEXT_CAP];
    const char *svg = tsk_flag(c, TSK_F_SVG);
    TSK_TRY(tsk_want_choice(c, TSK_F_KIND, "child|guardian"));
    TSK_TRY(tsk_terminal_pin(c, 0, &t));
    tsk_card_new(&t.card);
    TSK_TRY(tsk_terminal_node(c, &t));
    TSK_TRY(tsk_card_text(&t.card, text));
    /* First the print: a card that is enrolled and cannot be printed would be lost. */
    if (svg)
        TSK_TRY(tsk_card_svg(c, svg, text));
    enum tsk_err e = enrol(c, &t);
    if (e == TSK_OK && json_object_set_new(c->out, "card", json_string(text)) != 0)
        e = TSK_E_NOMEM;
    if (e != TSK_OK && svg)
        unlink(svg);
    tsk_wipe(text, sizeof text);
    return e;
}

void tsk_show_card_new(struct tsk_cli *c)
{
    const char *svg = tsk_flag(c, TSK_F_SVG), *pin = tsk_flag(c, TSK_F_PIN_FILE);
    printf("%s: %s\n", tsk_words(c, "カード番号(このノードで)", "Card id at this node"), tsk_js(c->out, "card_id"));
    /* The text is the card: where there is a picture to print, it stays off the screen. */
    if (svg)
        puts(tsk_words(c, "カードは図にあります。", "The card is in the picture."));
    else
        printf("%s: %s\n", tsk_words(c, "カードの文字", "Card"), tsk_js(c->out, "card"));
    puts(tsk_words(c, "カードは本人に渡し、写しを残さないでください。暗証番号を知っていてよいのは本人だけです。",
                   "Give the card to its owner and keep no copy. Nobody but the owner should know the PIN."));
    if (svg)
        printf("%s: %s\n", tsk_words(c, "印刷したら、この図のファイルを消してください", "After printing, delete the file of the picture"), svg);
    if (strcmp(pin, "-") != 0)
        printf("%s: %s\n", tsk_words(c, "暗証番号のファイルを消してください(--pin-file - なら残りません)",
                                     "Delete the file with the PIN (--pin-file - leaves none)"), pin);
}

enum tsk_err tsk_cli_card_enrol(struct tsk_cli *c)
{
    TSK_TERMINAL t = {0};
    TSK_TRY(tsk_want_choice(c, TSK_F_KIND, "child|guardian"));
    TSK_TRY(tsk_terminal_open(c, 0, &t));
    return enrol(c, &t);
}

void tsk_show_card_enrol(struct tsk_cli *c)
{
    printf("%s: %s  %s: %llu\n", tsk_words(c, "カード番号(このノードで)", "Card id at this node"), tsk_js(c->out, "card_id"),
           tsk_words(c, "あと使える回数(つなぎの数)", "referrals it can still be used for"),
           (unsigned long long)tsk_jn(c->out, "unused"));
}

enum tsk_err tsk_cli_card_stop(struct tsk_cli *c)
{
    TSK_TRY(tsk_want_id(c, tsk_word(c, 0), 16));
    return tsk_ask_out(c, json_pack("{s:s,s:s}", "verb", "card_stop", "card_id", tsk_word(c, 0)));
}

void tsk_show_card_stop(struct tsk_cli *c)
{
    printf("%s: %s\n%s\n", tsk_words(c, "カードを止めました", "Card stopped"), tsk_js(c->out, "card_id"),
           tsk_words(c, "前に出した同意はそのままです。止めるときは、同意の番号ごとに tasuki consent withdraw を使ってください。",
                     "Consents given before stand; tasuki consent withdraw stops each of them."));
}
