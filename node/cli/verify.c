/* verify: anyone with the files and a roster can see who signed what. Needs no node and no secret. */
#include <stdlib.h>
#include <string.h>

#include "node/cli/registrar.h"
#include "node/core/folder.h"

#define FILE_MAX 2097152

static const struct tsk_id16 NO_NET;

/* Keys of family cards, as the holder records among the files vouch for them. */
struct keyring { struct tsk_pk *pks; size_t n; };

struct checker {
    struct tsk_cli *c;
    struct tsk_members *members; /* NULL: no --roster */
    struct keyring holders;
    bool all_ok;
};

static void checker_drop(struct checker *k)
{
    free(k->holders.pks);
    tsk_members_free(k->members);
}

/* ---- fields ---- */
static void add_field(void *arg, const char *path, enum tsk_cbor_type type, struct tsk_slice bytes, uint64_t num)
{
    json_t *fields = arg, *v = NULL;
    if (type == TSK_CBOR_UINT)
        v = json_integer((json_int_t)num);
    else if (type == TSK_CBOR_TEXT)
        v = json_stringn((const char *)bytes.p, bytes.n);
    else
        v = tsk_jhex(bytes.p, bytes.n);
    if (!v)
        return;
    json_t *old = json_object_get(fields, path);
    if (!old) {
        json_object_set_new(fields, path, v);
    } else if (json_is_array(old)) {
        json_array_append_new(old, v);
    } else {
        json_t *list = json_array();
        json_array_append(list, old);
        json_array_append_new(list, v);
        json_object_set_new(fields, path, list);
    }
}

static enum tsk_err add_fields(json_t *o, enum tsk_rec r, struct tsk_slice payload)
{
    void *record = calloc(1, tsk_rec_size(r));
    json_t *fields = json_object();
    if (!record || json_object_set_new(o, "fields", fields) != 0) {
        free(record);
        return TSK_E_NOMEM;
    }
    enum tsk_err e = tsk_rec_decode(r, payload, record);
    if (e == TSK_OK)
        tsk_rec_walk(r, record, add_field, fields);
    free(record);
    return e;
}

/* ---- signatures ---- */
static enum tsk_err verify_with(const struct tsk_envelope *env, const struct tsk_pk *pk, const struct tsk_id16 *net)
{
    TSK_VERIFIER *v = NULL;
    TSK_TRY(tsk_verifier_new(pk, &v));
    return tsk_record_verify(env, v, net);
}

static const struct tsk_pk *holder_of(const struct checker *k, const struct tsk_kid *kid)
{
    for (size_t i = 0; i < k->holders.n; i++) {
        struct tsk_kid of;
        if (tsk_kid_of(&k->holders.pks[i], &of) == TSK_OK && memcmp(&of, kid, sizeof of) == 0)
            return &k->holders.pks[i];
    }
    return NULL;
}

/* TSK_E_UNKNOWNPEER: there is nothing here to check it with. */
static enum tsk_err check_signature(const struct checker *k, const struct tsk_envelope *env, const char **ret_author)
{
    if (env->rec == TSK_REC_JOIN) {
        struct tsk_join j;
        TSK_TRY(tsk_rec_decode(TSK_REC_JOIN, env->payload, &j));
        *ret_author = "";
        return verify_with(env, &j.sign_pk, &NO_NET);
    }
    const struct tsk_entry *e = k->members ? tsk_member_by_kid(k->members, &env->kid, 0) : NULL;
    if (e && tsk_rec_signer(env->rec) != TSK_SIGNER_HOLDER) {
        *ret_author = e->m.partner;
        return tsk_record_verify(env, e->verifier, &k->members->net);
    }
    const struct tsk_pk *pk = holder_of(k, &env->kid);
    bool may = tsk_rec_signer(env->rec) == TSK_SIGNER_HOLDER || tsk_rec_signer(env->rec) == TSK_SIGNER_EITHER;
    if (!k->members || !pk || !may)
        return TSK_E_UNKNOWNPEER;
    *ret_author = "card";
    return verify_with(env, pk, &k->members->net);
}

/* ---- files ---- */
static enum tsk_err set_text(json_t *o, const char *key, const char *text)
{
    return json_object_set_new(o, key, json_string(text)) == 0 ? TSK_OK : TSK_E_NOMEM;
}

static enum tsk_err check_record(const struct checker *k, const struct tsk_envelope *env, json_t *o)
{
    struct tsk_id32 id;
    const char *author = NULL;
    TSK_TRY(set_text(o, "type", tsk_rec_name(env->rec)));
    json_object_set_new(o, "kid", tsk_jhex(env->kid.b, sizeof env->kid.b));
    enum tsk_err e = check_signature(k, env, &author);
    if (author && *author)
        TSK_TRY(set_text(o, "author", author));
    if (k->members && tsk_record_id(env, env->rec == TSK_REC_JOIN ? &NO_NET : &k->members->net, &id) == TSK_OK)
        json_object_set_new(o, "id", tsk_jhex(id.b, sizeof id.b));
    enum tsk_err fields = add_fields(o, env->rec, env->payload);
    return e == TSK_OK ? fields : e;
}

/* A roster: by the roots of --roster if there is one, else by its own, which says only that it is whole. */
static enum tsk_err check_roster(const struct checker *k, struct tsk_slice bytes, json_t *o)
{
    TSK_MEMBERS *m = NULL;
    char fp[65];
    const struct tsk_roster *pins = k->members ? &k->members->r : NULL;
    TSK_TRY(set_text(o, "type", "roster"));
    TSK_TRY(tsk_members_new(bytes, pins ? pins->roots : NULL, pins ? pins->roots_n : 0, pins ? pins->threshold : 1, &m));
    TSK_TRY(tsk_roster_fingerprint(m, fp));
    TSK_TRY(set_text(o, "author", fp));
    json_object_set_new(o, "id", tsk_jhex(m->id.b, sizeof m->id.b));
    json_object_set_new(o, "fields", json_pack("{s:I,s:I}", "seq", (json_int_t)m->r.seq, "members", (json_int_t)m->n));
    return TSK_OK;
}

static enum tsk_err check_bytes(const struct checker *k, struct tsk_slice bytes, json_t *o)
{
    struct tsk_envelope env;
    struct tsk_slice payload;
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    size_t sigs_n;
    if (tsk_roster_split(bytes, &payload, sigs, &sigs_n) == TSK_OK)
        return check_roster(k, bytes, o);
    TSK_TRY(tsk_cose_parse(bytes, &env));
    return check_record(k, &env, o);
}

static const char *verdict(enum tsk_err e)
{
    return e == TSK_OK ? "ok" : e == TSK_E_UNKNOWNPEER ? "unknown" : "bad";
}

static enum tsk_err check_file(struct checker *k, const char *path, json_t *files)
{
    TSK_HEAP *bytes = NULL;
    size_t n = 0;
    TSK_TRY(tsk_want_file(k->c, path, FILE_MAX, &bytes, &n));
    json_t *o = json_object();
    if (json_array_append_new(files, o) != 0)
        return TSK_E_NOMEM;
    TSK_TRY(set_text(o, "file", path));
    enum tsk_err e = check_bytes(k, (struct tsk_slice){bytes, n}, o);
    if (e == TSK_E_MALFORMED) /* cut short, or no record at all: a file that cannot be read, not a signature that is wrong */
        e = TSK_E_BADFILE;
    if (tsk_err_class(e) == TSK_CLASS_LOCAL)
        return e;
    if (e != TSK_OK && k->all_ok) {
        k->all_ok = false;
        if (e == TSK_E_UNKNOWNPEER && !k->members)
            tsk_refuse_next(k->c, e, path, tsk_words(k->c, "--roster F で名簿を指定してください。署名は名簿と照らし合わせて確かめます。",
                                                     "Add --roster F: signatures are checked against the roster."));
        else
            tsk_refuse(k->c, e, "%s", path);
    }
    if (e != TSK_OK)
        TSK_TRY(set_text(o, "code", tsk_err_name(e)));
    return set_text(o, "signature", verdict(e));
}

/* First pass: a holder record that a listed node signed brings the card's key. */
static enum tsk_err learn_holder(struct checker *k, const char *path)
{
    TSK_HEAP *bytes = NULL;
    size_t n = 0;
    struct tsk_envelope env;
    struct tsk_holder h;
    const char *author = NULL;
    if (strcmp(path, "-") == 0) /* can be read once only */
        return TSK_OK;
    TSK_TRY(tsk_want_file(k->c, path, FILE_MAX, &bytes, &n));
    if (tsk_cose_parse((struct tsk_slice){bytes, n}, &env) != TSK_OK || env.rec != TSK_REC_HOLDER ||
        tsk_rec_decode(TSK_REC_HOLDER, env.payload, &h) != TSK_OK || check_signature(k, &env, &author) != TSK_OK)
        return TSK_OK;
    struct tsk_pk *more = realloc(k->holders.pks, (k->holders.n + 1) * sizeof *more);
    if (!more)
        return TSK_E_NOMEM;
    k->holders.pks = more;
    k->holders.pks[k->holders.n++] = h.sign_pk;
    return TSK_OK;
}

static enum tsk_err load_roster(struct checker *k)
{
    TSK_HEAP *bytes = NULL;
    size_t n = 0;
    const char *path = tsk_flag(k->c, TSK_F_ROSTER);
    if (!path)
        return TSK_OK;
    TSK_TRY(tsk_want_file(k->c, path, FILE_MAX, &bytes, &n));
    enum tsk_err e = tsk_members_new((struct tsk_slice){bytes, n}, NULL, 0, 1, &k->members);
    return e == TSK_E_MALFORMED ? tsk_refuse(k->c, TSK_E_BADFILE, "%s", path) : e;
}

static enum tsk_err each_word(struct checker *k, json_t *files)
{
    size_t at = 0;
    for (const char *path; (path = tsk_arg_next(&k->c->args, TSK_F_NONE, &at)) != NULL;)
        TSK_TRY(files ? check_file(k, path, files) : learn_holder(k, path));
    return TSK_OK;
}

enum tsk_err tsk_cli_verify(struct tsk_cli *c)
{
    __attribute__((cleanup(checker_drop))) struct checker k = {.c = c, .all_ok = true};
    json_t *files = json_array();
    c->partly = true;
    if (json_object_set_new(c->out, "files", files) != 0)
        return TSK_E_NOMEM;
    TSK_TRY(load_roster(&k));
    if (k.members) {
        char fp[65];
        TSK_TRY(tsk_roster_fingerprint(k.members, fp));
        TSK_TRY(set_text(c->out, "fingerprint", fp));
        TSK_TRY(each_word(&k, NULL));
    }
    TSK_TRY(each_word(&k, files));
    json_object_set_new(c->out, "ok", json_boolean(k.all_ok));
    if (k.all_ok)
        return TSK_OK;
    if (!c->json)
        tsk_show_verify(c);
    /* The first file at fault gives the code. */
    size_t i;
    json_t *o;
    json_array_foreach(files, i, o)
        if (*tsk_js(o, "code"))
            return tsk_err_from_name(tsk_js(o, "code"));
    return TSK_E_BADSIG;
}

/* What a person reads for a verdict or a kind of record. */
static const struct { const char *name, *ja, *en; } WORDS[] = {
    {"ok", "正しい", "ok"}, {"unknown", "確かめられません", "not checked"}, {"bad", "正しくありません", "bad"},
    {"roster", "名簿", "roster"}, {"join", "参加の申し込み", "join"}, {"referral", "つなぎ", "referral"},
    {"item", "くわしい内容(封)", "item (sealed)"}, {"grant", "同意", "consent"}, {"withdraw", "取り消し", "stop"},
    {"cosign", "見届けの署名", "cosign"}, {"holder", "カードの鍵", "card key"}, {"status", "状況", "status"},
    {"open", "開いた記録", "opening"}, {"deleted", "消した記録", "deletion"}, {"receipt", "受け取り", "receipt"},
    {"card", "カード", "card"},
};

static const char *word_for(const struct tsk_cli *c, const char *name)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp(WORDS[i].name, name) == 0)
            return tsk_words(c, WORDS[i].ja, WORDS[i].en);
    return name;
}

static void print_fingerprint(const struct tsk_cli *c)
{
    const char *fp = tsk_js(c->out, "fingerprint");
    if (*fp == '\0')
        return;
    printf("%s:", tsk_words(c, "名簿の根の指紋(電話などで読み合わせたものと比べてください)",
                            "Fingerprint of the roster's root (compare it with the one read out by telephone)"));
    for (size_t i = 0; i < strlen(fp); i += 4)
        printf(" %.4s", fp + i);
    putchar('\n');
}

void tsk_show_verify(struct tsk_cli *c)
{
    const json_t *files = json_object_get(c->out, "files");
    size_t i, n = json_array_size(files);
    json_t *o;
    const char **cells = calloc((n + 1) * 4, sizeof *cells);
    if (!cells)
        return;
    const char *head[4] = {tsk_words(c, "署名", "Signature"), tsk_words(c, "種類", "Type"), tsk_words(c, "署名した人", "Author"),
                           tsk_words(c, "ファイル", "File")};
    memcpy(cells, head, sizeof head);
    json_array_foreach(files, i, o) {
        const char *row[4] = {word_for(c, tsk_js(o, "signature")), word_for(c, tsk_js(o, "type")),
                              word_for(c, tsk_js(o, "author")), tsk_js(o, "file")};
        memcpy(cells + (i + 1) * 4, row, sizeof row);
    }
    tsk_table_print(stdout, cells, n + 1, 4);
    free(cells);
    print_fingerprint(c);
}
