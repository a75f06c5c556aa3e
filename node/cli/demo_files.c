/* The story's files: what is planted, and the search for it. */
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/demo.h"

#define FILE_MAX (1u << 30)

enum tsk_err tsk_demo_write(const struct tsk_demo *d, const char *name, const char *text)
{
    char path[TSK_PATH_CAP];
    TSK_TRY(tsk_path(d->dir, name, path));
    return tsk_file_write(path, (struct tsk_slice){(const uint8_t *)text, strlen(text)}, 0600);
}

/* nftw() hands nothing through to its function. */
static struct { const char *const *texts; size_t n; unsigned hits; } search;

static int search_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    TSK_HEAP *p = NULL;
    size_t n = 0;
    if (type != FTW_F || !S_ISREG(st->st_mode) || tsk_file_read(path, FILE_MAX, &p, &n) != TSK_OK)
        return 0;
    for (size_t i = 0; i < search.n; i++)
        search.hits += memmem(p, n, search.texts[i], strlen(search.texts[i])) != NULL;
    return 0;
}

unsigned tsk_demo_search(const char *dir, const char *const *texts, size_t n)
{
    search.texts = texts;
    search.n = n;
    search.hits = 0;
    return nftw(dir, search_file, 16, FTW_PHYS) == 0 ? search.hits : 1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void tsk_demo_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

enum tsk_err tsk_demo_copy(const char *from, const char *to)
{
    TSK_HEAP *p = NULL;
    size_t n = 0;
    TSK_TRY(tsk_file_read(from, FILE_MAX, &p, &n));
    return tsk_file_write(to, (struct tsk_slice){p, n}, 0600);
}
