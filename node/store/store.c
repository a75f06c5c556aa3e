/* store.c - the environment.
 *
 * After a failed commit LMDB may hold a doubt: its meta page may have reached the file although the write answered an
 * error, and the environment refuses everything from then on (MDB_PANIC). So the file is asked. Does it not show the
 * transaction, nothing was changed, as the caller is told. Does it show it, a further small commit is tried: if that
 * succeeds, the transaction is durable with it, and the commit succeeded after all. If that fails too, no answer would
 * be honest: the store is dead, every later call says TSK_E_DISK, and the process has to be started anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/sign.h"
#include "node/core/folder.h"
#include "node/store/inside.h"

#define LOCK_BYTES 8192 /* lock.mdb for LMDB's 126 readers */

/* LMDB calls a short write EIO; on a full disk it is a full disk. */
static bool disk_full(const struct tsk_store *s)
{
    struct statvfs fs;
    return statvfs(s->path, &fs) == 0 && fs.f_bavail < 16;
}

enum tsk_err tsk_store_err(const struct tsk_store *s, int rc)
{
    switch (rc) {
    case MDB_SUCCESS: return TSK_OK;
    case MDB_NOTFOUND: return TSK_E_UNKNOWN;
    case ENOSPC: case EDQUOT: case EFBIG: case MDB_MAP_FULL: return TSK_E_DISKFULL;
    case ENOMEM: case MDB_TXN_FULL: return TSK_E_NOMEM;
    case MDB_VERSION_MISMATCH: return TSK_E_STOREVERSION;
    case EINVAL: case MDB_BAD_TXN: case MDB_BAD_VALSIZE: case MDB_BAD_RSLOT: case MDB_BAD_DBI: return TSK_E_BUG;
    default: return disk_full(s) ? TSK_E_DISKFULL : TSK_E_DISK;
    }
}

/* ---- keys ---- */
static enum tsk_err derive(const struct tsk_key32 *master, uint8_t prefix, uint8_t *ret_key, size_t n)
{
    uint8_t info[64];
    size_t label_n = TSK_CTX_STORE.n;
    if (label_n >= sizeof info)
        return TSK_E_BUG;
    memcpy(info, TSK_CTX_STORE.p, label_n);
    info[label_n] = prefix;
    return tsk_hkdf((struct tsk_slice){NULL, 0}, TSK_SLICE(master->b), (struct tsk_slice){info, label_n + 1}, ret_key, n);
}

/* The check value stands under prefix 0, which is no table. */
static enum tsk_err derive_all(struct tsk_store *s, const struct tsk_key32 *master)
{
    s->keys = tsk_secure_alloc(TSK_T_COUNT * sizeof *s->keys);
    if (s->keys == NULL)
        return TSK_E_NOMEM;
    for (enum tsk_table t = 0; t < TSK_T_COUNT; t++)
        TSK_TRY(derive(master, tsk_table_prefix(t), s->keys[t].b, sizeof s->keys[t].b));
    return derive(master, 0, s->check, sizeof s->check);
}

/* ---- opening ---- */
/* LMDB only extends lock.mdb and writes through its map: on a completely full disk that is SIGBUS, unless the blocks
 * are asked for before. */
static enum tsk_err preallocate_lock(const struct tsk_store *s)
{
    char path[sizeof s->path + 16];
    snprintf(path, sizeof path, "%s/lock.mdb", s->path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return tsk_store_err(s, errno);
    int rc = posix_fallocate(fd, 0, LOCK_BYTES);
    close(fd);
    return tsk_store_err(s, rc == EINVAL ? EIO : rc);
}

static enum tsk_err make_folder(const struct tsk_store *s)
{
    if (mkdir(s->path, 0700) == 0)
        return chmod(s->path, 0700) == 0 ? TSK_OK : TSK_E_DISK; /* whatever the umask took away */
    return errno == EEXIST ? TSK_OK : tsk_store_err(s, errno);
}

static int env_open_new(struct tsk_store *s, MDB_env *env)
{
    MDB_txn *txn;
    int rc = mdb_env_set_mapsize(env, s->map_bytes);
    if (rc == 0)
        rc = mdb_env_open(env, s->path, MDB_NOTLS, 0600);
    if (rc == 0)
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &s->dbi);
    mdb_txn_abort(txn);
    return rc;
}

static enum tsk_err env_open(struct tsk_store *s)
{
    TSK_TRY(preallocate_lock(s));
    MDB_env *env;
    int rc = mdb_env_create(&env);
    if (rc != 0)
        return tsk_store_err(s, rc);
    rc = env_open_new(s, env);
    if (rc != 0) {
        mdb_env_close(env);
        return tsk_store_err(s, rc);
    }
    s->env = env;
    return TSK_OK;
}

static void env_close(struct tsk_store *s)
{
    if (s->env != NULL)
        mdb_env_close(s->env);
    s->env = NULL;
}

/* ---- version ---- */
static struct tsk_rowkey meta_key(const char *name)
{
    struct tsk_rowkey k = tsk_row(TSK_T_META);
    tsk_row_bytes(&k, name, strlen(name));
    return k;
}

static enum tsk_err write_version(struct tsk_txn *t)
{
    struct tsk_rowkey version = meta_key("version"), check = meta_key("check");
    TSK_TRY(tsk_put_u64(t, &version, TSK_STORE_VERSION));
    return tsk_put(t, &check, TSK_SLICE(t->store->check));
}

static enum tsk_err check_version(struct tsk_txn *t)
{
    struct tsk_rowkey version = meta_key("version"), check = meta_key("check");
    struct tsk_slice kept;
    uint64_t v;
    if (tsk_get_u64(t, &version, &v) != TSK_OK || v != TSK_STORE_VERSION)
        return TSK_E_STOREVERSION;
    TSK_TRY(tsk_get(t, &check, &kept));
    return tsk_slice_eq(kept, TSK_SLICE(t->store->check)) ? TSK_OK : TSK_E_KEYS;
}

static enum tsk_err version(struct tsk_store *s)
{
    MDB_stat stat;
    int rc = mdb_env_stat(s->env, &stat);
    if (rc != 0)
        return tsk_store_err(s, rc);
    struct tsk_txn *t;
    bool fresh = stat.ms_entries == 0;
    TSK_TRY(tsk_txn_begin(s, fresh, &t));
    enum tsk_err e = fresh ? write_version(t) : check_version(t);
    if (e == TSK_OK && fresh)
        return tsk_txn_commit(t);
    tsk_txn_abort(t);
    return e;
}

/* ---- healing ---- */
static bool stands(const struct tsk_store *s, size_t id)
{
    MDB_envinfo info;
    return mdb_env_info(s->env, &info) != 0 || info.me_last_txnid >= id;
}

/* A commit of our own: the pages of transaction `id` were synced before its meta page was written, so a meta page
 * after it that is known to be on disk makes it durable. */
static int commit_on_top(struct tsk_store *s, size_t id)
{
    struct tsk_rowkey k = meta_key("mended");
    MDB_val key = {k.n, k.b}, value = {sizeof id, &id};
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_put(txn, s->dbi, &key, &value, 0);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

enum tsk_err tsk_store_commit_failed(struct tsk_store *s, size_t id, int rc)
{
    enum tsk_err e = tsk_store_err(s, rc);
    if (rc == MDB_MAP_FULL)
        return e; /* refused before anything was written */
    if (s->open_n > 0) { /* a reader holds the map: no reopening under its feet */
        s->dead = stands(s, id);
        return e;
    }
    env_close(s);
    if (env_open(s) != TSK_OK) {
        s->dead = true;
        return e;
    }
    if (!stands(s, id))
        return e;
    if (commit_on_top(s, id) == 0)
        return TSK_OK;
    s->dead = true;
    return e;
}

bool tsk_store_dead(const struct tsk_store *s)
{
    return s->dead;
}

int tsk_store_begin(struct tsk_store *s, bool write, MDB_txn **ret_txn)
{
    unsigned flags = write ? 0 : MDB_RDONLY;
    int rc = mdb_txn_begin(s->env, NULL, flags, ret_txn);
    if (rc != MDB_PANIC || s->open_n > 0)
        return rc;
    env_close(s); /* a reader had kept it from being opened anew when the commit failed */
    if (env_open(s) != TSK_OK) {
        s->dead = true;
        return rc;
    }
    return mdb_txn_begin(s->env, NULL, flags, ret_txn);
}

/* The file's bytes are synced by LMDB, the names on the way to it by nobody: at every start, because the one before may
 * have ended between the two. */
static enum tsk_err sync_names(const struct tsk_store *s, const char *dir)
{
    TSK_TRY(tsk_folder_sync(s->path));
    return tsk_folder_sync(dir);
}

/* ---- the pair ---- */
static uint64_t map_bytes(uint64_t map_gb)
{
    uint64_t gb = sizeof(size_t) == 4 || map_gb == 0 ? 1 : map_gb;
    return gb << 30;
}

static enum tsk_err open_all(struct tsk_store *s, const char *dir, const struct tsk_key32 *master)
{
    int n = snprintf(s->path, sizeof s->path, "%s/db", dir);
    if (n < 0 || (size_t)n >= sizeof s->path)
        return TSK_E_USAGE;
    TSK_TRY(derive_all(s, master));
    TSK_TRY(make_folder(s));
    TSK_TRY(env_open(s));
    TSK_TRY(version(s));
    return sync_names(s, dir);
}

enum tsk_err tsk_store_open(const char *dir, const struct tsk_key32 *master, uint64_t map_gb, struct tsk_store **ret_s)
{
    TSK_TRY(tsk_crypto_init());
    struct tsk_store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return TSK_E_NOMEM;
    s->map_bytes = map_bytes(map_gb);
    enum tsk_err e = open_all(s, dir, master);
    if (e != TSK_OK) {
        tsk_store_close(s);
        return e;
    }
    *ret_s = s;
    return TSK_OK;
}

void tsk_store_close(struct tsk_store *s)
{
    if (s == NULL)
        return;
    env_close(s);
    tsk_secure_free(s->keys, TSK_T_COUNT * sizeof *s->keys);
    free(s);
}
