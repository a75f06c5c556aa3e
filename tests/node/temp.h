/* temp.h - a folder of its own for each test, and its removal. Short paths: ipc sockets allow 107 bytes. */
#ifndef TSK_TESTS_NODE_TEMP_H
#define TSK_TESTS_NODE_TEMP_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temp_dir[512];

static inline void temp_setup(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(temp_dir, sizeof temp_dir, "%s/tsk.XXXXXX", base != NULL && strlen(base) < 400 ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(temp_dir));
}

static inline int temp_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void temp_teardown(void)
{
    nftw(temp_dir, temp_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* temp_dir/name in one of a few static buffers. */
static inline const char *temp_path(const char *name)
{
    static char paths[4][1024];
    static unsigned next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof paths[0], "%s/%s", temp_dir, name);
    return p;
}

static inline unsigned mode_of(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return (unsigned)st.st_mode & 07777;
}

#endif
