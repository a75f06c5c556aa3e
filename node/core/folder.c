#include "node/core/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNLOCK_CAP 4096

static enum tsk_err disk_err(int e)
{
    return e == ENOSPC || e == EDQUOT || e == EFBIG ? TSK_E_DISKFULL : TSK_E_DISK;
}

enum tsk_err tsk_path(const char *dir, const char *name, char ret_path[TSK_PATH_CAP])
{
    char path[TSK_PATH_CAP];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (*dir == '\0' || n < 0 || (size_t)n >= sizeof path)
        return TSK_E_USAGE;
    memcpy(ret_path, path, sizeof path);
    return TSK_OK;
}

/* ---- the folder ---- */
enum tsk_err tsk_folder_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return disk_err(errno);
    int rc = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return rc == 0 ? TSK_OK : disk_err(rc);
}

/* The new name is on disk only once its folder is. */
static enum tsk_err sync_folder_of(const char *path)
{
    char dir[TSK_PATH_CAP + 16];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') /* a folder's name may end with it */
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    snprintf(dir, sizeof dir, "%.*s", n == 0 ? 1 : (int)n, n == 0 ? "." : path);
    return tsk_folder_sync(dir);
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return false;
    size_t n = 0;
    while (readdir(d) != NULL) /* "." and ".." count */
        n++;
    closedir(d);
    return n <= 2;
}

enum tsk_err tsk_folder_new(const char *dir)
{
    if (mkdir(dir, 0700) != 0) {
        if (errno != EEXIST)
            return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? TSK_E_BADFILE : disk_err(errno);
        if (!is_empty(dir))
            return TSK_E_EXISTS;
    }
    if (chmod(dir, 0700) != 0) /* whatever the umask took away, or an older folder allows */
        return TSK_E_BADFILE;
    return sync_folder_of(dir);
}

enum tsk_err tsk_folder_lock(const char *dir, int *ret_fd)
{
    char path[TSK_PATH_CAP];
    TSK_TRY(tsk_path(dir, "lock", path));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? TSK_E_DISKFULL : TSK_E_BADFILE;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum tsk_err e = errno == EWOULDBLOCK ? TSK_E_LOCKED : TSK_E_BADFILE;
        close(fd);
        return e;
    }
    *ret_fd = fd;
    return TSK_OK;
}

/* ---- reading ---- */
struct buffer { uint8_t *p; size_t n, cap; };

static void buffer_drop(struct buffer *b)
{
    if (b->p != NULL)
        tsk_wipe(b->p, b->cap); /* the file may be a key, a card or a PIN */
    free(b->p);
}

static bool grow(struct buffer *b)
{
    struct buffer bigger = {malloc(b->cap * 2 + 4096), b->n, b->cap * 2 + 4096};
    if (bigger.p == NULL)
        return false;
    if (b->n > 0)
        memcpy(bigger.p, b->p, b->n);
    buffer_drop(b);
    *b = bigger;
    return true;
}

static enum tsk_err read_all(int fd, size_t cap, struct buffer *b)
{
    for (;;) {
        if (b->cap - b->n < 2 && !grow(b))
            return TSK_E_NOMEM;
        ssize_t got = read(fd, b->p + b->n, b->cap - b->n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return TSK_E_BADFILE;
        if (got == 0)
            break;
        b->n += (size_t)got;
        if (b->n > cap)
            return TSK_E_BADFILE;
    }
    b->p[b->n] = 0;
    return TSK_OK;
}

enum tsk_err tsk_file_read(const char *path, size_t cap, uint8_t **ret_p, size_t *ret_n)
{
    TSK_WIPED(buffer_drop) struct buffer b = {NULL, 0, 0};
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return TSK_E_BADFILE;
    enum tsk_err e = read_all(fd, cap, &b);
    if (!standard)
        close(fd);
    if (e != TSK_OK)
        return e;
    *ret_p = b.p;
    *ret_n = b.n;
    b.p = NULL;
    return TSK_OK;
}

/* ---- writing ---- */
static int write_all(int fd, struct tsk_slice bytes)
{
    while (bytes.n > 0) {
        ssize_t done = write(fd, bytes.p, bytes.n);
        if (done < 0 && errno != EINTR)
            return errno;
        if (done > 0)
            bytes = (struct tsk_slice){bytes.p + done, bytes.n - (size_t)done};
    }
    return 0;
}

/* 0 or errno. */
static int fill(int fd, struct tsk_slice bytes, unsigned mode)
{
    int rc = fchmod(fd, (mode_t)mode) == 0 ? write_all(fd, bytes) : errno;
    if (rc == 0 && fsync(fd) != 0)
        rc = errno;
    if (close(fd) != 0 && rc == 0)
        rc = errno;
    return rc;
}

enum tsk_err tsk_file_write(const char *path, struct tsk_slice bytes, unsigned mode)
{
    char temp[TSK_PATH_CAP + 16];
    if (strlen(path) >= TSK_PATH_CAP)
        return TSK_E_USAGE;
    snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return disk_err(errno);
    int rc = fill(fd, bytes, mode);
    if (rc == 0 && rename(temp, path) != 0)
        rc = errno;
    if (rc != 0) {
        unlink(temp);
        return disk_err(rc);
    }
    return sync_folder_of(path);
}

/* ---- keys ---- */
static enum tsk_err unlock_path(const char *dir, const char *unlock_file, char ret_path[TSK_PATH_CAP])
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (unlock_file != NULL) {
        size_t n = strlen(unlock_file);
        if (n >= TSK_PATH_CAP)
            return TSK_E_USAGE;
        memcpy(ret_path, unlock_file, n + 1);
        return TSK_OK;
    }
    if (credentials != NULL && tsk_path(credentials, "unlock", ret_path) == TSK_OK && access(ret_path, F_OK) == 0)
        return TSK_OK;
    return tsk_path(dir, "unlock", ret_path);
}

enum tsk_err tsk_folder_keys(const char *dir, const char *unlock_file, struct tsk_node_keys **ret_keys)
{
    char keys_path[TSK_PATH_CAP], unlock[TSK_PATH_CAP];
    TSK_TRY(tsk_path(dir, "keys", keys_path));
    TSK_TRY(unlock_path(dir, unlock_file, unlock));
    TSK_WIPED(buffer_drop) struct buffer sealed = {NULL, 0, 0}, secret = {NULL, 0, 0};
    if (tsk_file_read(keys_path, TSK_KEYFILE_CAP, &sealed.p, &sealed.n) != TSK_OK)
        return TSK_E_KEYS;
    sealed.cap = sealed.n;
    if (tsk_file_read(unlock, UNLOCK_CAP, &secret.p, &secret.n) != TSK_OK)
        return TSK_E_KEYS;
    secret.cap = secret.n;
    if (secret.n == 0)
        return TSK_E_KEYS;
    return tsk_keyfile_open((struct tsk_slice){sealed.p, sealed.n}, (struct tsk_slice){secret.p, secret.n}, ret_keys);
}
