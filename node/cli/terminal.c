#include "node/cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "schema/date.h"

void tsk_terminal_wipe(struct tsk_terminal *t)
{
    tsk_card_wipe(&t->card);
    tsk_card_root_wipe(&t->root);
    tsk_wipe(t->pin, sizeof t->pin);
    tsk_members_free(t->members);
    t->members = NULL;
}

static const char *value_at(const struct tsk_cli *c, enum tsk_flag f, size_t index)
{
    size_t at = 0;
    const char *value = tsk_arg_next(&c->args, f, &at);
    while (value && index-- > 0)
        value = tsk_arg_next(&c->args, f, &at);
    return value;
}

enum tsk_err tsk_terminal_line(struct tsk_cli *c, enum tsk_flag f, size_t index, char *ret_text, size_t cap)
{
    TSK_HEAP *p = NULL;
    size_t n = 0;
    TSK_TRY(tsk_want_file(c, value_at(c, f, index), cap - 1, &p, &n));
    if (n > 0 && p[n - 1] == '\n')
        n--;
    if (n > 0 && p[n - 1] == '\r')
        n--;
    bool binary = memchr(p, '\0', n) != NULL;
    if (!binary) {
        memcpy(ret_text, p, n);
        ret_text[n] = '\0';
    }
    tsk_wipe(p, n);
    return binary ? tsk_refuse(c, TSK_E_BADFILE, "%s", value_at(c, f, index)) : TSK_OK;
}

enum tsk_err tsk_terminal_pin(struct tsk_cli *c, size_t index, struct tsk_terminal *t)
{
    char text[256];
    TSK_TRY(tsk_terminal_line(c, TSK_F_PIN_FILE, index, text, sizeof text));
    enum tsk_err e = tsk_pin_normalise(text, t->pin, sizeof t->pin);
    tsk_wipe(text, sizeof text);
    return e;
}

enum tsk_err tsk_terminal_node(struct tsk_cli *c, struct tsk_terminal *t)
{
    json_t *got = NULL;
    TSK_TRY(tsk_ask_node(c, tsk_request("info"), &got));
    TSK_JSON *info = got;
    TSK_TRY(tsk_junhex(info, "kid", t->node.b, sizeof t->node.b));
    TSK_TRY(tsk_roster_load(c->dir, &t->members));
    return tsk_card_id(&t->card, tsk_js(info, "partner"), &t->card_id);
}

enum tsk_err tsk_terminal_open(struct tsk_cli *c, size_t index, struct tsk_terminal *ret_t)
{
    char text[256];
    TSK_TRY(tsk_terminal_pin(c, index, ret_t));
    TSK_TRY(tsk_terminal_line(c, TSK_F_CARD_FILE, index, text, sizeof text));
    enum tsk_err e = tsk_card_parse(text, &ret_t->card);
    tsk_wipe(text, sizeof text);
    TSK_TRY(e);
    return tsk_terminal_node(c, ret_t);
}

enum tsk_err tsk_terminal_unlock(struct tsk_terminal *t)
{
    return tsk_card_unlock(&t->card, t->pin, TSK_SCRYPT_N, &t->root);
}

static void copy_name(char *ret_text, struct tsk_slice name)
{
    if (name.n > 0 && name.n <= TSK_NAME_MAX)
        memcpy(ret_text, name.p, name.n);
}

struct tsk_who tsk_terminal_who(const struct tsk_terminal *t, const struct tsk_kid *kid)
{
    struct tsk_who who = {.id = {0}};
    const struct tsk_entry *e = tsk_member_by_kid(t->members, kid, 0);
    if (e) {
        memcpy(who.id, e->m.partner, sizeof who.id);
        copy_name(who.name, e->org.name);
        copy_name(who.kana, e->org.kana);
        copy_name(who.name_en, e->org.name_en);
        copy_name(who.hours, e->org.hours);
        who.ward = e->org.ward;
        who.hidden = e->org.flags & 1;
    } else {
        tsk_hex(kid->b, 7, who.id);
        memcpy(who.name, who.id, 15);
    }
    return who;
}

const char *tsk_who_in(const struct tsk_who *w, const char *lang)
{
    const char *name = strcmp(lang, "ja-Hira") == 0 ? w->kana : strcmp(lang, "en") == 0 ? w->name_en : "";
    return *name ? name : w->name;
}

/* ---- a referral on the table ---- */
void tsk_sitting_wipe(struct tsk_sitting *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct tsk_sitting_item *it = &s->items[i];
        tsk_key32_wipe(&it->part);
        if (it->plain)
            tsk_wipe(it->plain, it->ct_n);
        free(it->plain);
        free(it->ct);
        free(it->bytes);
    }
    free(s->items);
    free(s->bytes);
    json_decref(s->begin);
    tsk_holder_keys_wipe(&s->keys);
    memset(s, 0, sizeof *s);
}

static enum tsk_err read_referral(const struct tsk_terminal *t, struct tsk_sitting *s)
{
    struct tsk_envelope env;
    size_t n = 0;
    struct tsk_id32 claimed;
    TSK_TRY(tsk_junhex_any(json_object_get(s->begin, "referral_record"), &s->bytes, &n));
    TSK_TRY(tsk_cose_parse((struct tsk_slice){s->bytes, n}, &env));
    if (env.rec != TSK_REC_REFERRAL)
        return TSK_E_WRONGTYPE;
    TSK_TRY(tsk_rec_decode(TSK_REC_REFERRAL, env.payload, &s->referral));
    TSK_TRY(tsk_record_id(&env, &t->members->net, &s->ref));
    TSK_TRY(tsk_junhex(s->begin, "referral_id32", claimed.b, sizeof claimed.b));
    bool same = memcmp(&claimed, &s->ref, sizeof claimed) == 0 && memcmp(&env.kid, &s->referral.sender, sizeof env.kid) == 0;
    return same ? TSK_OK : TSK_E_BADSIG;
}

/* The holder among those of this card id whose keys card and PIN derive. */
static enum tsk_err find_holder(const struct tsk_terminal *t, struct tsk_sitting *s)
{
    const json_t *holders = json_object_get(s->begin, "holders");
    size_t i;
    json_t *h;
    json_array_foreach(holders, i, h) {
        struct tsk_id16 tweak;
        struct tsk_kid kid;
        TSK_TRY(tsk_junhex(h, "tweak", tweak.b, sizeof tweak.b));
        TSK_TRY(tsk_junhex(h, "kid", kid.b, sizeof kid.b));
        struct tsk_holder_keys keys = {0};
        TSK_TRY(tsk_holder_derive(&t->root, &tweak, &keys));
        if (memcmp(tsk_signer_kid(keys.sign), &kid, sizeof kid) == 0) {
            s->keys = keys;
            s->kind = strcmp(tsk_js(h, "kind"), "child") == 0 ? TSK_HOLDER_CHILD : TSK_HOLDER_GUARDIAN;
            return TSK_OK;
        }
        tsk_holder_keys_wipe(&keys);
    }
    return TSK_E_WRONGHOLDER;
}

static bool holder_of(const struct tsk_item_core *core, const struct tsk_kid *kid)
{
    for (size_t i = 0; i < core->holders_n; i++)
        if (memcmp(&core->holders[i], kid, sizeof *kid) == 0)
            return true;
    return false;
}

/* Where all cards together open an item (seats.c), one alone can only check that the ciphertext is the one that was sealed. */
static enum tsk_err check_hash(const struct tsk_sitting_item *it)
{
    uint8_t hash[32];
    struct tsk_slice ct = {it->ct, it->ct_n};
    TSK_TRY(tsk_sha256(&ct, 1, hash));
    return it->ct_n == it->item.ct_len && memcmp(hash, it->item.ct_hash, sizeof hash) == 0 ? TSK_OK : TSK_E_BADSIG;
}

static enum tsk_err open_item(const struct tsk_terminal *t, const struct tsk_sitting *s, struct tsk_sitting_item *it)
{
    const struct tsk_kid *me = tsk_signer_kid(s->keys.sign);
    it->mine = holder_of(&it->item.core, me);
    if (!it->mine)
        return TSK_OK;
    TSK_TRY(tsk_item_unwrap(&it->item, me, s->keys.kem, &t->members->net, &it->part));
    if (it->item.core.require == TSK_ALL && it->item.core.holders_n > 1) {
        it->missing = it->item.core.holders_n - 1;
        return check_hash(it);
    }
    it->plain = malloc(it->ct_n);
    if (!it->plain)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_item_open(&it->item, &it->part, 1, NULL, (struct tsk_slice){it->ct, it->ct_n}, it->plain, &it->content));
    return tsk_cbor_check(it->content);
}

static enum tsk_err read_item(const struct tsk_terminal *t, const struct tsk_sitting *s, const json_t *o,
                              struct tsk_sitting_item *it)
{
    struct tsk_envelope env;
    size_t n = 0;
    TSK_TRY(tsk_junhex_any(json_object_get(o, "record"), &it->bytes, &n));
    TSK_TRY(tsk_junhex_any(json_object_get(o, "ct"), &it->ct, &it->ct_n));
    TSK_TRY(tsk_cose_parse((struct tsk_slice){it->bytes, n}, &env));
    if (env.rec != TSK_REC_ITEM)
        return TSK_E_WRONGTYPE;
    it->lifts = json_object_get(o, "lifts");
    TSK_TRY(tsk_rec_decode(TSK_REC_ITEM, env.payload, &it->item));
    TSK_TRY(tsk_record_id(&env, &t->members->net, &it->id));
    const struct tsk_item_core *core = &it->item.core;
    if (!tsk_id32_eq(&core->referral, &s->ref) || !tsk_kid_eq(&core->sender, &s->referral.sender))
        return TSK_E_BADSIG;
    return open_item(t, s, it);
}

static enum tsk_err read_items(const struct tsk_terminal *t, struct tsk_sitting *s)
{
    const json_t *items = json_object_get(s->begin, "items");
    s->items = calloc(json_array_size(items) + 1, sizeof *s->items);
    if (!s->items)
        return TSK_E_NOMEM;
    size_t i;
    json_t *o;
    json_array_foreach(items, i, o) {
        s->n = i + 1;
        TSK_TRY(read_item(t, s, o, &s->items[i]));
    }
    return TSK_OK;
}

enum tsk_err tsk_sitting_open(struct tsk_cli *c, struct tsk_terminal *t, const char *referral, struct tsk_sitting *ret_s)
{
    TSK_TRY(tsk_ask_node(c, json_pack("{s:s,s:s,s:o}", "verb", "consent_begin", "referral", referral, "card_id",
                                      tsk_jhex(t->card_id.b, sizeof t->card_id.b)), &ret_s->begin));
    TSK_TRY(read_referral(t, ret_s));
    TSK_TRY(tsk_terminal_unlock(t));
    TSK_TRY(find_holder(t, ret_s));
    const struct tsk_notice *notice = NULL; /* asked for before anything is opened */
    TSK_TRY(tsk_notice_want(c, ret_s->kind, &notice));
    ret_s->class_until = tsk_jn(ret_s->begin, "class_until");
    ret_s->age_18 = tsk_jn(ret_s->begin, "age_18");
    return read_items(t, ret_s);
}

/* Whether the rule would have made somebody of this kind a holder: the node shows a card its own items only. */
static bool may_hold(const struct tsk_sitting *s, const char *category)
{
    static const uint64_t kinds[] = {TSK_HOLDER_CHILD, TSK_HOLDER_GUARDIAN}; /* as if both had been chosen */
    struct tsk_consent_case of = {.policy = s->referral.policy, .age_class = tsk_jn(s->begin, "age_class"),
                                  .needs = s->referral.needs, .needs_n = s->referral.needs_n, .category = tsk_code(category),
                                  .recipient_type = tsk_code(tsk_js(json_object_get(s->begin, "recipient"), "type"))};
    bool keep[2] = {false, false};
    return tsk_consent_holders(&of, kinds, 2, keep) == TSK_OK && keep[s->kind == TSK_HOLDER_GUARDIAN];
}

enum tsk_err tsk_sitting_find(struct tsk_cli *c, const struct tsk_sitting *s, const char *category,
                              const struct tsk_sitting_item **ret_item)
{
    const struct tsk_sitting_item *found = NULL;
    for (size_t i = 0; i < s->n; i++) {
        const struct tsk_item_core *core = &s->items[i].item.core;
        if (tsk_code_eq(core->category, tsk_code(category)) && (!found || core->created >= found->item.core.created))
            found = &s->items[i];
    }
    if (!found || !found->mine)
        return tsk_refuse(c, found || !may_hold(s, category) ? TSK_E_RULE : TSK_E_UNKNOWN, "%s", category);
    *ret_item = found;
    return TSK_OK;
}

uint64_t tsk_sitting_cap(const struct tsk_sitting *s, uint64_t now, enum tsk_err *ret_why)
{
    uint64_t cap = now + TSK_GRANT_MAX_S;
    *ret_why = TSK_E_USAGE;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].mine && s->items[i].item.core.destroy_after < cap)
            cap = s->items[i].item.core.destroy_after;
    uint64_t birthdays[] = {s->class_until, s->kind == TSK_HOLDER_GUARDIAN ? s->age_18 : 0};
    for (size_t i = 0; i < 2; i++)
        if (birthdays[i] != 0 && birthdays[i] < cap) {
            cap = birthdays[i];
            *ret_why = TSK_E_AGECHANGED;
        }
    return cap;
}

/* ---- the notice ---- */
enum tsk_err tsk_terminal_flags(struct tsk_cli *c)
{
    const char *lang = tsk_flag(c, TSK_F_LANG), *purpose = tsk_flag(c, TSK_F_PURPOSE);
    TSK_TRY(tsk_want_choice(c, TSK_F_HOW, "1|2"));
    if (purpose)
        TSK_TRY(tsk_want_code(c, TSK_F_PURPOSE, TSK_LIST_PURPOSE, purpose));
    bool known = !lang || tsk_notice_find(TSK_HOLDER_CHILD, lang) || tsk_notice_find(TSK_HOLDER_GUARDIAN, lang);
    return known ? TSK_OK : tsk_refuse(c, TSK_E_USAGE, "--lang %s", lang);
}

enum tsk_err tsk_notice_want(struct tsk_cli *c, uint64_t kind, const struct tsk_notice **ret_notice)
{
    const char *lang = tsk_flag(c, TSK_F_LANG);
    const struct tsk_notice *n = tsk_notice_find(kind, lang ? lang : kind == TSK_HOLDER_CHILD ? "ja-Hira" : "ja");
    if (!n)
        return tsk_refuse(c, TSK_E_USAGE, "--lang %s", lang ? lang : "");
    *ret_notice = n;
    return TSK_OK;
}

char *tsk_notice_fill(const struct tsk_notice *n, const char *agency, const char *categories, const char *until)
{
    const struct { const char *mark, *text; } MARKS[] = {{"{agency}", agency}, {"{categories}", categories},
                                                         {"{until}", until}};
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    for (const char *p = n->text; f && *p;) {
        size_t i = 0;
        while (i < 3 && strncmp(p, MARKS[i].mark, strlen(MARKS[i].mark)) != 0)
            i++;
        fprintf(f, "%.*s", i < 3 ? (int)strlen(MARKS[i].text) : 1, i < 3 ? MARKS[i].text : p);
        p += i < 3 ? strlen(MARKS[i].mark) : 1;
    }
    return f && fclose(f) == 0 ? text : NULL;
}
