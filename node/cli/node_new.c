/* node new: a folder with keys of its own, its settings, and the request to be listed. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/tls.h"
#include "node/cli/registrar.h"
#include "node/core/conf.h"
#include "node/core/folder.h"
#include "schema/date.h"

#define IPC_PATH_MAX 107 /* bytes that a local socket's name may have */

static const struct tsk_id16 NO_NET;
static const struct { const char *name; uint64_t bit; } ROLES[] = {
    {"sender", TSK_ROLE_SENDER}, {"recipient", TSK_ROLE_RECIPIENT}, {"postoffice", TSK_ROLE_POSTOFFICE},
};

static enum tsk_err roles_of(struct tsk_cli *c, uint64_t *ret_roles)
{
    uint64_t roles = 0;
    size_t at = 0;
    for (const char *text; (text = tsk_arg_next(&c->args, TSK_F_ROLE, &at)) != NULL;) {
        size_t i = 0;
        while (i < 3 && strcmp(ROLES[i].name, text) != 0)
            i++;
        if (i == 3)
            return tsk_refuse(c, TSK_E_USAGE, "--role %s", text);
        roles |= ROLES[i].bit;
    }
    *ret_roles = roles;
    return TSK_OK;
}

/* ipc:///absolute/path, or tls+tcp://host:port */
static bool url_ok(const char *url)
{
    if (strlen(url) > 255 || strpbrk(url, " \t\r\n#") != NULL)
        return false;
    if (strncmp(url, "ipc:///", 7) == 0)
        return url[7] != '\0' && strlen(url + 6) <= IPC_PATH_MAX;
    if (strncmp(url, "tls+tcp://", 10) != 0)
        return false;
    const char *host = url + 10, *colon = strrchr(host, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    long port = digits > 0 && digits < 6 && colon[1 + digits] == '\0' ? strtol(colon + 1, NULL, 10) : 0;
    return colon && colon > host && !strchr(host, '/') && port > 0 && port < 65536;
}

/* 0.0.0.0, [::], *: an address to listen on, and none that anybody could dial. */
static bool any_address(const char *url)
{
    const char *host = strstr(url, "://") + 3, *colon = strrchr(host, ':');
    return colon != NULL && host + strspn(host, "0:.[]*") >= colon && host[0] != '/';
}

static enum tsk_err check_listen(struct tsk_cli *c, const char *url)
{
    if (!url_ok(url))
        return tsk_refuse(c, TSK_E_USAGE, "--listen %s", url);
    if (!any_address(url))
        return TSK_OK;
    return tsk_refuse_next(c, TSK_E_USAGE, url, tsk_words(c,
        "相手はここに書いた所へつなぎます。相手から見えるこのコンピューターの名前か番号を書いてください。"
        "すべての口で待つには、あとで node.conf の listen だけを書きかえます。",
        "Peers dial what is written here: give the name or address by which they reach this computer. To listen on every "
        "interface, change `listen` in node.conf afterwards."));
}

static enum tsk_err check_flags(struct tsk_cli *c)
{
    const char *id = tsk_flag(c, TSK_F_ID), *listen = tsk_flag(c, TSK_F_LISTEN);
    size_t posts = tsk_arg_count(&c->args, TSK_F_POST), at = 0;
    if (!tsk_partner_id_ok(id))
        return tsk_refuse(c, TSK_E_USAGE, "--id %s", id);
    if (listen)
        TSK_TRY(check_listen(c, listen));
    if ((!listen && posts == 0) || posts > TSK_POSTS_MAX)
        return tsk_refuse(c, TSK_E_USAGE, "--post");
    for (const char *text; (text = tsk_arg_next(&c->args, TSK_F_POST, &at)) != NULL;)
        if (!tsk_partner_id_ok(text))
            return tsk_refuse(c, TSK_E_USAGE, "--post %s", text);
    at = 0;
    for (const char *text; (text = tsk_arg_next(&c->args, TSK_F_DISTRICT, &at)) != NULL;)
        if (!tsk_district_find(text))
            return tsk_refuse(c, TSK_E_USAGE, "--district %s", text);
    return TSK_OK;
}

/* The values of a list flag, each once, as a seq of texts in `out`. */
static enum tsk_err texts_of(struct tsk_cli *c, enum tsk_flag f, struct tsk_cbor_out *out, struct tsk_seq *ret_seq)
{
    size_t at = 0;
    struct tsk_seq seq = {0};
    for (const char *text; (text = tsk_arg_next(&c->args, f, &at)) != NULL;) {
        size_t before = 0;
        const char *other = tsk_arg_next(&c->args, f, &before);
        while (before < at && strcmp(other, text) != 0)
            other = tsk_arg_next(&c->args, f, &before);
        if (before < at)
            return tsk_refuse(c, TSK_E_USAGE, "--%s %s", tsk_flag_rows[f].name, text);
        tsk_cbor_put_str(out, text);
        seq.n++;
    }
    TSK_TRY(tsk_cbor_out_done(out, &seq.bytes));
    *ret_seq = seq;
    return TSK_OK;
}

static enum tsk_err write_join(struct tsk_cli *c, const struct tsk_node_keys *keys, uint64_t now, struct tsk_kid *ret_kid)
{
    char path[TSK_PATH_CAP], dns[64];
    uint8_t csr[2048], urls[512], posts[64], districts[4096], buf[8192];
    struct tsk_cbor_out out[3];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    struct tsk_join j = {.time = now, .seal_n = keys->seal_n};
    for (size_t i = 0; i < keys->seal_n; i++) {
        j.seal[i] = (struct tsk_seal_key){.year = keys->seal[i].year, .pk = keys->seal[i].pk};
        memcpy(j.seal[i].id8, keys->seal[i].id8, sizeof j.seal[i].id8);
    }
    snprintf(j.partner, sizeof j.partner, "%s", tsk_flag(c, TSK_F_ID));
    tsk_random(j.id.b, sizeof j.id.b);
    tsk_tls_dns(j.partner, dns);
    tsk_cbor_out_init(&out[0], urls, sizeof urls);
    tsk_cbor_out_init(&out[1], posts, sizeof posts);
    tsk_cbor_out_init(&out[2], districts, sizeof districts);
    TSK_TRY(roles_of(c, &j.roles));
    TSK_TRY(texts_of(c, TSK_F_LISTEN, &out[0], &j.urls));
    TSK_TRY(texts_of(c, TSK_F_POST, &out[1], &j.posts));
    TSK_TRY(texts_of(c, TSK_F_DISTRICT, &out[2], &j.districts));
    TSK_TRY(tsk_tls_csr((struct tsk_slice){keys->tls_key, keys->tls_key_n}, dns, csr, sizeof csr, &j.csr));
    struct tsk_signer_key *key = NULL;
    TSK_TRY(tsk_signer_new(keys->sign_seed.b, &key));
    j.sign_pk = *tsk_signer_pk(key);
    *ret_kid = *tsk_signer_kid(key);
    enum tsk_err e = tsk_record_sign(TSK_REC_JOIN, &j, key, &NO_NET, buf, sizeof buf, &bytes, &id);
    tsk_signer_free(key);
    TSK_TRY(e);
    TSK_TRY(tsk_path(c->dir, "join.cose", path));
    return tsk_file_write(path, bytes, 0644);
}

static enum tsk_err write_keys(struct tsk_cli *c, const struct tsk_node_keys *keys)
{
    char path[TSK_PATH_CAP];
    TSK_KEY32 unlock;
    uint8_t buf[TSK_KEYFILE_CAP];
    struct tsk_slice bytes;
    tsk_random(unlock.b, sizeof unlock.b);
    TSK_TRY(tsk_path(c->dir, "unlock", path));
    TSK_TRY(tsk_file_write(path, TSK_SLICE(unlock.b), 0600));
    TSK_TRY(tsk_keyfile_seal(keys, TSK_SLICE(unlock.b), buf, sizeof buf, &bytes));
    TSK_TRY(tsk_path(c->dir, "keys", path));
    return tsk_file_write(path, bytes, 0600);
}

static enum tsk_err fill(struct tsk_cli *c, struct tsk_kid *ret_kid)
{
    struct tsk_conf conf;
    struct tsk_node_keys *keys = NULL;
    uint64_t now = (uint64_t)time(NULL);
    tsk_conf_defaults(&conf);
    snprintf(conf.partner, sizeof conf.partner, "%s", tsk_flag(c, TSK_F_ID));
    snprintf(conf.listen, sizeof conf.listen, "%s", tsk_flag(c, TSK_F_LISTEN) ? tsk_flag(c, TSK_F_LISTEN) : "");
    TSK_TRY(tsk_node_keys_new((uint64_t)tsk_date_of(now).year, &keys));
    enum tsk_err e = write_keys(c, keys);
    if (e == TSK_OK)
        e = tsk_conf_write(c->dir, &conf);
    if (e == TSK_OK)
        e = write_join(c, keys, now, ret_kid);
    tsk_node_keys_free(keys);
    return e;
}

enum tsk_err tsk_cli_node_new(struct tsk_cli *c)
{
    struct tsk_kid kid;
    uint64_t roles;
    TSK_TRY(check_flags(c));
    TSK_TRY(roles_of(c, &roles));
    TSK_TRY(tsk_folder_new(c->dir));
    enum tsk_err e = fill(c, &kid);
    if (e != TSK_OK) {
        tsk_folder_undo(c->dir, "unlock keys node.conf join.cose");
        return e;
    }
    char join[TSK_PATH_CAP];
    TSK_TRY(tsk_path(c->dir, "join.cose", join));
    json_decref(c->out);
    c->out = json_pack("{s:s,s:o,s:s}", "partner", tsk_flag(c, TSK_F_ID), "kid", tsk_jhex(kid.b, sizeof kid.b), "join", join);
    return c->out ? TSK_OK : TSK_E_NOMEM;
}

void tsk_show_node_new(struct tsk_cli *c)
{
    printf("%s  %s\n%s: %s\n", tsk_js(c->out, "partner"), tsk_js(c->out, "kid"),
           tsk_words(c, "次に、これを名簿の登録者に渡してください", "Next, give this to the registrar"), tsk_js(c->out, "join"));
}
