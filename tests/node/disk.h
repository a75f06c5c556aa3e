/* disk.h - a disk of any size under the stores of a test: `disk_bytes` (0: the real one) is what store files may occupy in
 * all. Stands between the program and the system. */
#ifndef TSK_TESTS_NODE_DISK_H
#define TSK_TESTS_NODE_DISK_H

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "node/store/store.h"
#include "tests/check.h"

static uint64_t disk_bytes;

/* ISO C has no way from an object pointer to a function. */
static inline void disk_real(const char *name, void *ret_function)
{
    void *p = dlsym(RTLD_NEXT, name);
    ck_assert_ptr_nonnull(p);
    memcpy(ret_function, &p, sizeof p);
}

int fstat(int fd, struct stat *st)
{
    int (*real)(int, struct stat *);
    disk_real("fstat", &real);
    int rc = real(fd, st);
    if (disk_bytes != 0)
        st->st_blocks = 0;
    return rc;
}

int fstatvfs(int fd, struct statvfs *fs)
{
    int (*real)(int, struct statvfs *);
    disk_real("fstatvfs", &real);
    int rc = real(fd, fs);
    if (disk_bytes != 0) {
        fs->f_frsize = 1;
        fs->f_bavail = disk_bytes;
    }
    return rc;
}

/* As the next write transaction will see it. */
static inline struct tsk_use disk_use(struct tsk_store *s)
{
    struct tsk_txn *t;
    ck_ok(tsk_txn_begin(s, true, &t));
    tsk_txn_abort(t);
    return tsk_store_use(s);
}

/* A disk on which this store is in its reserve, with most of that left. */
static inline void disk_nearly_full(struct tsk_store *s)
{
    disk_bytes = disk_use(s).used * 13 / 10;
    ck_assert(disk_use(s).full);
}

#endif
