/* The registrar: a network begins with a roster of organisations and no nodes; each admission makes the next roster. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "node/cli/registrar.h"
#include "node/core/folder.h"
#include "schema/consent.h"

#define ROSTER_MAX 2097152
#define CA_LIFE_S (10u * 365 * TSK_DAY_S)
#define BACKDATED_S TSK_DAY_S /* machines whose clocks differ must not find a certificate of the future */

void tsk_root_drop(struct tsk_root *r)
{
    tsk_signer_free(r->key);
}

enum tsk_err tsk_root_open(struct tsk_cli *c, struct tsk_root *ret_root)
{
    char path[TSK_PATH_CAP];
    TSK_HEAP *text = NULL;
    size_t n = 0;
    TSK_KEY32 seed;
    TSK_TRY(tsk_path(c->dir, "root.key", path));
    TSK_TRY(tsk_want_file(c, path, 256, &text, &n));
    text[strcspn((char *)text, "\r\n")] = '\0';
    enum tsk_err e = tsk_unhex((const char *)text, seed.b, sizeof seed.b);
    tsk_wipe(text, n);
    return e == TSK_OK ? tsk_signer_new(seed.b, &ret_root->key) : tsk_refuse(c, TSK_E_BADFILE, "%s", path);
}

enum tsk_err tsk_roster_put(struct tsk_cli *c, const struct tsk_root *root, const struct tsk_roster *r)
{
    char path[TSK_PATH_CAP];
    struct tsk_slice payload, bytes;
    struct tsk_roster_sig sig;
    TSK_HEAP *buf = malloc(ROSTER_MAX), *whole = malloc(ROSTER_MAX);
    if (!buf || !whole)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_rec_encode(TSK_REC_ROSTER, r, buf, ROSTER_MAX, &payload));
    TSK_TRY(tsk_roster_sign(payload, root->key, &sig));
    TSK_TRY(tsk_roster_join(payload, &sig, 1, whole, ROSTER_MAX, &bytes));
    /* What no node would install is not written. */
    TSK_MEMBERS *m = NULL;
    TSK_TRY(tsk_members_new(bytes, tsk_signer_pk(root->key), 1, 1, &m));
    TSK_TRY(tsk_path(c->dir, "roster.cose", path));
    return tsk_file_write(path, bytes, 0644);
}

enum tsk_err tsk_registrar_lock(struct tsk_cli *c, int *ret_fd)
{
    static const struct timespec tick = {.tv_nsec = 50000000};
    enum tsk_err e = tsk_folder_lock(c->dir, ret_fd);
    for (unsigned long ticks = 20ul * c->wait_s; e == TSK_E_LOCKED && ticks > 0; ticks--) {
        nanosleep(&tick, NULL);
        e = tsk_folder_lock(c->dir, ret_fd);
    }
    if (e == TSK_E_LOCKED)
        return tsk_refuse_next(c, e, c->dir, tsk_words(c, "いま、ほかの人がこの名簿に署名しています。終わってから、もう一度やり直してください。",
                                                       "Somebody else is signing this roster right now. "
                                                       "Try again when they are done."));
    return e == TSK_OK ? e : tsk_refuse(c, e, "%s", c->dir);
}

/* What both verbs answer: read back from the file, as a node would. */
static enum tsk_err answer(struct tsk_cli *c)
{
    char path[TSK_PATH_CAP], fp[65];
    TSK_HEAP *bytes = NULL;
    size_t n = 0;
    TSK_MEMBERS *m = NULL;
    TSK_TRY(tsk_path(c->dir, "roster.cose", path));
    TSK_TRY(tsk_want_file(c, path, ROSTER_MAX, &bytes, &n));
    TSK_TRY(tsk_members_new((struct tsk_slice){bytes, n}, NULL, 0, 1, &m));
    TSK_TRY(tsk_roster_fingerprint(m, fp));
    json_decref(c->out);
    c->out = json_pack("{s:s,s:I,s:o,s:I,s:I,s:I,s:s}", "roster", path, "seq", (json_int_t)m->r.seq, "net",
                       tsk_jhex(m->net.b, sizeof m->net.b), "policy", (json_int_t)m->r.policy, "members", (json_int_t)m->n,
                       "valid_until", (json_int_t)m->r.valid_until, "fingerprint", fp);
    return c->out ? TSK_OK : TSK_E_NOMEM;
}

static void show_roster(struct tsk_cli *c)
{
    const char *fp = tsk_js(c->out, "fingerprint");
    printf("%s: %s  (%s %llu, %s %llu)\n%s:\n   ", tsk_words(c, "名簿", "Roster"), tsk_js(c->out, "roster"),
           tsk_words(c, "第", "no."), (unsigned long long)tsk_jn(c->out, "seq"), tsk_words(c, "機関", "nodes"),
           (unsigned long long)tsk_jn(c->out, "members"),
           tsk_words(c, "根の指紋(電話などで読み合わせてください)", "Fingerprint of the root (compare it by telephone)"));
    for (size_t i = 0; i < strlen(fp); i += 4)
        printf(" %.4s", fp + i);
    putchar('\n');
}

/* ---- roster new ---- */
static enum tsk_err new_keys(struct tsk_cli *c, uint64_t now, uint8_t *ca_buf, size_t cap, struct tsk_slice *ret_ca)
{
    TSK_KEY32 seed;
    char path[TSK_PATH_CAP], hex[2 * sizeof seed.b + 1];
    uint8_t key_buf[2048];
    struct tsk_slice key;
    tsk_random(seed.b, sizeof seed.b);
    tsk_hex(seed.b, sizeof seed.b, hex);
    hex[sizeof hex - 1] = '\n';
    enum tsk_err e = tsk_path(c->dir, "root.key", path);
    if (e == TSK_OK)
        e = tsk_file_write(path, (struct tsk_slice){(const uint8_t *)hex, sizeof hex}, 0600);
    tsk_wipe(hex, sizeof hex);
    TSK_TRY(e);
    TSK_TRY(tsk_tls_key_new(key_buf, sizeof key_buf, &key));
    e = tsk_path(c->dir, "ca.key", path);
    if (e == TSK_OK)
        e = tsk_file_write(path, key, 0600);
    if (e == TSK_OK)
        e = tsk_tls_ca_new(key, "tasuki", now - BACKDATED_S, now + CA_LIFE_S, ca_buf, cap, ret_ca);
    tsk_wipe(key_buf, sizeof key_buf);
    return e;
}

static bool named(struct tsk_seq before, const uint8_t hash[32])
{
    struct tsk_slice b;
    bool found = false;
    while (!found && tsk_seq_next_bytes(&before, &b))
        found = b.n == 32 && memcmp(b.p, hash, 32) == 0;
    return found;
}

enum tsk_err tsk_notices_put(struct tsk_seq before, struct tsk_elements *e)
{
    size_t n;
    struct tsk_seq old = before;
    for (struct tsk_slice b; tsk_seq_next_bytes(&old, &b); e->n++)
        tsk_cbor_put_bytes(&e->out, b);
    const struct tsk_notice *rows = tsk_notices(&n);
    for (size_t i = 0; i < n; i++) {
        uint8_t hash[32];
        struct tsk_slice text = {(const uint8_t *)rows[i].text, strlen(rows[i].text)};
        TSK_TRY(tsk_sha256(&text, 1, hash));
        if (named(before, hash))
            continue;
        tsk_cbor_put_bytes(&e->out, TSK_SLICE(hash));
        e->n++;
    }
    return TSK_OK;
}

#define TSK_ELEMENTS __attribute__((cleanup(tsk_elements_drop))) struct tsk_elements

static enum tsk_err write_genesis(struct tsk_cli *c, const struct tsk_elements *partners)
{
    uint8_t ca_buf[TSK_DER_MAX];
    TSK_ELEMENTS notices = {0};
    __attribute__((cleanup(tsk_root_drop))) struct tsk_root root = {0};
    uint64_t now = (uint64_t)time(NULL);
    char key_path[TSK_PATH_CAP];
    TSK_TRY(tsk_path(c->dir, "root.key", key_path));
    const char *name = tsk_flag(c, TSK_F_NAME), *policy = tsk_flag(c, TSK_F_POLICY);
    struct tsk_roster r = {.seq = 1, .time = now, .valid_until = now + TSK_ROSTER_LIFE_S,
                           .name = {(const uint8_t *)name, strlen(name)}, .roots_n = 1, .threshold = 1,
                           .partners = tsk_elements_seq(partners), .min_suite = TSK_SUITE_1, .min_mode = TSK_MODE_CARD,
                           .policy = policy && strcmp(policy, "2") == 0 ? 2 : 1};
    TSK_TRY(tsk_elements_init(&notices, 65536));
    TSK_TRY(tsk_notices_put((struct tsk_seq){0}, &notices));
    r.notices = tsk_elements_seq(&notices);
    TSK_FD lock = -1;
    TSK_TRY(tsk_folder_new(c->dir));
    TSK_TRY(tsk_registrar_lock(c, &lock));
    if (faccessat(AT_FDCWD, key_path, F_OK, 0) == 0) /* somebody was quicker */
        return TSK_E_EXISTS;
    TSK_TRY(new_keys(c, now, ca_buf, sizeof ca_buf, &r.tls_ca));
    TSK_TRY(tsk_root_open(c, &root));
    r.roots[0] = *tsk_signer_pk(root.key);
    return tsk_roster_put(c, &root, &r);
}

enum tsk_err tsk_cli_roster_new(struct tsk_cli *c)
{
    TSK_ELEMENTS partners = {0};
    const char *file = tsk_flag(c, TSK_F_PARTNERS), *name = tsk_flag(c, TSK_F_NAME);
    if (strlen(name) > TSK_NAME_MAX || !tsk_utf8_ok((const uint8_t *)name, strlen(name), NULL))
        return tsk_refuse(c, TSK_E_USAGE, "--name");
    TSK_TRY(tsk_want_choice(c, TSK_F_POLICY, "1|2"));
    TSK_TRY(tsk_elements_init(&partners, ROSTER_MAX / 2));
    TSK_TRY(file ? tsk_partners_file(c, file, &partners) : tsk_partners_sample(&partners));
    enum tsk_err e = write_genesis(c, &partners);
    if (e != TSK_OK && e != TSK_E_EXISTS && e != TSK_E_LOCKED)
        tsk_folder_undo(c->dir, "root.key ca.key roster.cose lock");
    return e == TSK_OK ? answer(c) : e;
}

void tsk_show_roster_new(struct tsk_cli *c)
{
    show_roster(c);
    puts(tsk_words(c, "root.key と ca.key は、この機械の外に出さず、写しを金庫に置いてください。",
                   "Keep root.key and ca.key off the network, and a copy of them in a safe."));
}

enum tsk_err tsk_cli_roster_admit(struct tsk_cli *c)
{
    TSK_FD lock = -1;
    TSK_TRY(tsk_registrar_lock(c, &lock));
    TSK_TRY(tsk_admit_nodes(c, (uint64_t)time(NULL)));
    return answer(c);
}

void tsk_show_roster_admit(struct tsk_cli *c)
{
    show_roster(c);
}

/* ---- roster install ---- */
/* A node that runs takes it at once; one that does not run reads it when it starts. */
static enum tsk_err tell_node(struct tsk_cli *c, bool *ret_running)
{
    json_t *got = NULL;
    c->wait_s = 0;
    enum tsk_err e = tsk_ask_node(c, tsk_request("reload"), &got);
    json_decref(got);
    *ret_running = e != TSK_E_NOTREADY;
    return e == TSK_E_NOTREADY ? TSK_OK : e;
}

enum tsk_err tsk_cli_roster_install(struct tsk_cli *c)
{
    TSK_HEAP *bytes = NULL;
    size_t n = 0;
    bool running = false;
    char fp[65];
    TSK_MEMBERS *m = NULL;
    struct stat st;
    if (stat(c->dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return tsk_refuse(c, TSK_E_BADFILE, "%s", c->dir);
    TSK_TRY(tsk_want_file(c, tsk_word(c, 0), ROSTER_MAX, &bytes, &n));
    enum tsk_err e = tsk_roster_install(c->dir, (struct tsk_slice){bytes, n}, tsk_flag(c, TSK_F_ROOT));
    if (e == TSK_E_MALFORMED || e == TSK_E_BADFILE)
        return tsk_refuse(c, TSK_E_BADFILE, "%s", tsk_word(c, 0));
    TSK_TRY(e);
    TSK_TRY(tsk_roster_load(c->dir, &m));
    TSK_TRY(tsk_roster_fingerprint(m, fp));
    TSK_TRY(tell_node(c, &running));
    char path[TSK_PATH_CAP];
    TSK_TRY(tsk_path(c->dir, "roster.cose", path));
    json_decref(c->out);
    c->out = json_pack("{s:s,s:I,s:o,s:I,s:s,s:b}", "roster", path, "seq", (json_int_t)m->r.seq, "net",
                       tsk_jhex(m->net.b, sizeof m->net.b), "members", (json_int_t)m->n, "fingerprint", fp, "running", running);
    return c->out ? TSK_OK : TSK_E_NOMEM;
}

void tsk_show_roster_install(struct tsk_cli *c)
{
    show_roster(c);
    if (json_is_true(json_object_get(c->out, "running")))
        puts(tsk_words(c, "動いているノードに反映しました。", "The running node has taken it."));
}
