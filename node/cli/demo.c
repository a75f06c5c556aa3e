/* demo: the folder, the five nodes of the pilot, the telling, and the end. */
#include "node/cli/demo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct tsk_demo_node NODES[TSK_DEMO_NODES] = {
    [TSK_YC] = {.id = "01100-YC", .roles = "sender,recipient,postoffice", .ja = "若者支援総合センター(コーディネーター)",
                .en = "Youth support centre (coordinator)", .listens = true},
    [TSK_KK] = {.id = "01102-KK", .roles = "sender,recipient", .ja = "北区 健康・子ども課", .en = "Kita-ku ward office"},
    [TSK_X001] = {.id = "X001", .roles = "sender,recipient", .ja = "あおぞら学習室(架空の NPO)",
                  .en = "Aozora study room (NPO, fictional)", .listens = true},
    [TSK_JS1] = {.id = "01100-JS1", .roles = "sender,recipient", .ja = "児童相談所", .en = "Child consultation centre",
                 .listens = true},
    [TSK_X005] = {.id = "X005", .roles = "sender,recipient", .ja = "ゆりがはら居場所ネット(架空の NPO)",
                  .en = "Yurigahara (another NPO, fictional)"},
};

void tsk_demo_step(struct tsk_demo *d, const char *ja, const char *en)
{
    printf("\n[%u] %s\n", ++d->step, tsk_words(d->c, ja, en));
    fflush(stdout);
}

void tsk_demo_say(const struct tsk_demo *d, const char *ja, const char *en)
{
    printf("     %s\n", tsk_words(d->c, ja, en));
}

bool tsk_demo_check(struct tsk_demo *d, bool ok, const char *ja, const char *en)
{
    d->checks++;
    d->failed += !ok;
    printf("  %s  %s\n", ok ? "ok" : "NG", tsk_words(d->c, ja, en));
    fflush(stdout);
    /* What went wrong is in the last answer; everybody in it is made up. */
    size_t n = json_array_size(d->answers);
    if (!ok && n > 0) {
        json_dumpf(json_array_get(d->answers, n - 1), stderr, JSON_COMPACT);
        fputc('\n', stderr);
    }
    return ok;
}

/* ---- the network ---- */
static bool make_node(struct tsk_demo *d, struct tsk_demo_node *n)
{
    char url[64];
    snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", tsk_demo_port());
    json_t *a = tsk_demo_do(d, "node", "new", "--dir", n->dir, "--id", n->id, "--role", n->roles,
                            n->listens ? "--listen" : "--post", n->listens ? url : NODES[TSK_YC].id, NULL);
    return strcmp(tsk_js(a, "partner"), n->id) == 0;
}

static bool make_network(struct tsk_demo *d)
{
    char r[TSK_PATH_CAP], roster[TSK_PATH_CAP + 16];
    if (tsk_path(d->dir, "registrar", r) != TSK_OK)
        return false;
    snprintf(roster, sizeof roster, "%s/roster.cose", r);
    json_t *a = tsk_demo_do(d, "roster", "new", "--dir", r, "--name", tsk_words(d->c, "試し運転", "Pilot"), NULL);
    bool ok = *tsk_js(a, "fingerprint") != '\0';
    for (int i = 0; i < TSK_DEMO_NODES; i++)
        ok = make_node(d, &d->nodes[i]) && ok;
    a = tsk_demo_do(d, "roster", "admit", "--dir", r, d->nodes[0].dir, d->nodes[1].dir, d->nodes[2].dir, d->nodes[3].dir,
                    d->nodes[4].dir, NULL);
    ok = tsk_jn(a, "members") == TSK_DEMO_NODES && ok;
    for (int i = 0; i < TSK_DEMO_NODES; i++)
        ok = tsk_jn(tsk_demo_do(d, "roster", "install", "--dir", d->nodes[i].dir, roster, "--root",
                                tsk_js(a, "fingerprint"), NULL),
                    "seq") == 2 && ok;
    return ok;
}

static bool start_all(struct tsk_demo *d)
{
    bool ok = true;
    for (int i = 0; i < TSK_DEMO_NODES; i++)
        d->nodes[i].pid = tsk_demo_start(d, d->nodes[i].dir);
    for (int i = 0; ok && i < TSK_DEMO_NODES; i++) {
        ok = json_is_true(json_object_get(tsk_demo_at(d, (enum tsk_demo_who)i, "status", NULL), "ready"));
        printf("     %-10s %s\n", d->nodes[i].id, tsk_words(d->c, d->nodes[i].ja, d->nodes[i].en));
    }
    return ok;
}

static bool stop_all(struct tsk_demo *d)
{
    bool ok = true;
    for (int i = 0; i < TSK_DEMO_NODES; i++)
        if (d->nodes[i].pid > 0)
            ok = tsk_demo_stop(d->nodes[i].pid) && ok;
    return ok;
}

/* ---- the whole ---- */
static void tell(struct tsk_demo *d)
{
    tsk_demo_step(d, "登録者が名簿を作り、5つの機関のノードを載せます。", "The registrar makes the roster and admits five agencies.");
    if (!tsk_demo_check(d, make_network(d), "名簿に5つの機関が載り、どのノードも同じ根の指紋を確かめました。",
                        "The roster has five agencies; every node has checked the root's fingerprint."))
        return;
    tsk_demo_step(d, "5つのノードを動かします。", "Five nodes start, each a process with a store of its own.");
    if (tsk_demo_check(d, start_all(d), "5つとも動いています。", "All five are ready."))
        tsk_demo_story(d);
}

static enum tsk_err make_folder(struct tsk_cli *c, struct tsk_demo *d)
{
    const char *keep = tsk_flag(c, TSK_F_KEEP), *tmp = getenv("TMPDIR");
    if (keep) {
        enum tsk_err e = tsk_folder_new(keep);
        char *real = e == TSK_OK ? realpath(keep, NULL) : NULL;
        bool fits = real && snprintf(d->dir, sizeof d->dir, "%s", real) < (int)sizeof d->dir - 64;
        free(real);
        return e != TSK_OK ? e : fits ? TSK_OK : tsk_refuse(c, TSK_E_USAGE, "--keep");
    }
    int n = snprintf(d->dir, sizeof d->dir, "%s/tasuki-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    return n < (int)sizeof d->dir - 64 && mkdtemp(d->dir) ? TSK_OK : TSK_E_DISK;
}

/* tasuki and tasukid stand side by side, in build/ as in /usr/local/bin. */
static enum tsk_err find_programs(struct tsk_demo *d)
{
    ssize_t n = readlink("/proc/self/exe", d->bin, sizeof d->bin - 1);
    if (n <= 0)
        return TSK_E_BUG;
    d->bin[n] = '\0';
    *strrchr(d->bin, '/') = '\0';
    return TSK_OK;
}

enum tsk_err tsk_cli_demo(struct tsk_cli *c)
{
    struct tsk_demo d = {.c = c};
    memcpy(d.nodes, NODES, sizeof d.nodes);
    TSK_TRY(find_programs(&d));
    TSK_TRY(make_folder(c, &d));
    for (int i = 0; i < TSK_DEMO_NODES; i++)
        TSK_TRY(tsk_path(d.dir, NODES[i].id, d.nodes[i].dir));
    d.answers = json_array();
    tsk_demo_signals();
    /* With --json the telling goes aside: standard output is for the one object. */
    int out = c->json ? dup(STDOUT_FILENO) : -1;
    if (out >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    tell(&d);
    tsk_demo_check(&d, stop_all(&d), "5つのノードは、言われて行儀よく止まりました。", "All five nodes ended cleanly when asked.");
    fflush(stdout);
    if (out >= 0) {
        dup2(out, STDOUT_FILENO);
        close(out);
    }
    json_decref(d.answers);
    if (!tsk_flag(c, TSK_F_KEEP))
        tsk_demo_remove(d.dir);
    json_object_set_new(c->out, "checks", json_integer(d.checks));
    json_object_set_new(c->out, "failed", json_integer(d.failed));
    if (tsk_demo_broken_off() || d.failed > 0)
        return tsk_refuse(c, TSK_E_BUG, "%u / %u", d.failed, d.checks);
    return TSK_OK;
}

void tsk_show_demo(struct tsk_cli *c)
{
    if (c->ui == TSK_UI_EN)
        printf("\n%llu checks passed\n", (unsigned long long)tsk_jn(c->out, "checks"));
    else
        printf("\n%llu 項目を確かめました\n", (unsigned long long)tsk_jn(c->out, "checks"));
}
