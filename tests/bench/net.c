/* net.c - a network of two nodes in a folder on a disk, made by the real programs. */
#include <arpa/inet.h>
#include <ftw.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"

/* ---- folders ---- */
static void fs_name(const char *dir, char *ret_fs, size_t cap)
{
    char line[2048], mount[1024], type[64], real[4096];
    size_t best = 0;
    FILE *f = fopen("/proc/mounts", "r");
    snprintf(ret_fs, cap, "unknown");
    while (f != NULL && realpath(dir, real) != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%*s %1023s %63s", mount, type) != 2)
            continue;
        size_t n = strcmp(mount, "/") == 0 ? 0 : strlen(mount);
        bool inside = strncmp(real, mount, n) == 0 && (real[n] == '/' || real[n] == '\0');
        if (inside && n >= best) {
            best = n;
            snprintf(ret_fs, cap, "%s", type);
        }
    }
    if (f != NULL)
        fclose(f);
}

/* Not TMPDIR: that may be memory, and a commit to memory proves nothing. Short, for local sockets allow 107 bytes. */
bool bench_folder(char ret_dir[200], char *ret_fs, size_t cap)
{
    const char *base = getenv("BENCH_DIR");
    int n = snprintf(ret_dir, 200, "%s/tsk-bench.XXXXXX", base != NULL ? base : "/var/tmp");
    if (n < 0 || n > 60 || mkdtemp(ret_dir) == NULL)
        return false;
    fs_name(ret_dir, ret_fs, cap);
    return true;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void bench_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the network ---- */
static unsigned free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
              getsockname(fd, (struct sockaddr *)&a, &n) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ntohs(a.sin_port) : 0;
}

static bool node_new(const struct bench_net *n, const char *tasuki, const char *dir, const char *id, const char *over)
{
    char url[340];
    if (strcmp(over, "ipc") == 0)
        snprintf(url, sizeof url, "ipc://%s/%s.sock", n->dir, id);
    else
        snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", free_port());
    return bench_run((const char *[]){tasuki, "node", "new", "--dir", dir, "--id", id, "--role", "sender,recipient",
                                      "--listen", url, NULL}, n->log);
}

static bool roster(const struct bench_net *n, const char *tasuki)
{
    char r[300], cose[320];
    snprintf(r, sizeof r, "%s/R", n->dir);
    snprintf(cose, sizeof cose, "%s/roster.cose", r);
    return bench_run((const char *[]){tasuki, "roster", "new", "--dir", r, "--name", "bench", NULL}, n->log) &&
           bench_run((const char *[]){tasuki, "roster", "admit", "--dir", r, n->sender, n->recipient, NULL}, n->log) &&
           bench_run((const char *[]){tasuki, "roster", "install", "--dir", n->sender, cose, NULL}, n->log) &&
           bench_run((const char *[]){tasuki, "roster", "install", "--dir", n->recipient, cose, NULL}, n->log);
}

bool bench_net_new(struct bench_net *n, const char *build, const char *dir, const char *over)
{
    char tasuki[600];
    static unsigned count;
    *n = (struct bench_net){.daemon.pid = -1};
    snprintf(n->dir, sizeof n->dir, "%s/n%u", dir, ++count);
    snprintf(n->sender, sizeof n->sender, "%s/S", n->dir);
    snprintf(n->recipient, sizeof n->recipient, "%s/T", n->dir);
    snprintf(n->log, sizeof n->log, "%s/log", n->dir);
    snprintf(tasuki, sizeof tasuki, "%s/tasuki", build);
    return mkdir(n->dir, 0700) == 0 && node_new(n, tasuki, n->sender, BENCH_SENDER, over) &&
           node_new(n, tasuki, n->recipient, BENCH_RECIPIENT, over) && roster(n, tasuki);
}

bool bench_daemon(struct bench_net *n, const char *build, const char *node_dir)
{
    char tasukid[600];
    snprintf(tasukid, sizeof tasukid, "%s/tasukid", build);
    return bench_spawn(&n->daemon, (const char *[]){tasukid, "--dir", node_dir, NULL}, false, n->log);
}

uint64_t bench_commits(const char *node_dir)
{
    char path[400];
    MDB_env *env = NULL;
    MDB_envinfo info = {0};
    snprintf(path, sizeof path, "%s/db", node_dir);
    if (mdb_env_create(&env) != 0)
        return 0;
    if (mdb_env_open(env, path, MDB_RDONLY | MDB_NOLOCK, 0) == 0)
        mdb_env_info(env, &info);
    mdb_env_close(env);
    return info.me_last_txnid;
}
