/* room.c - how full the store is, and what may still be written.
 *
 * LMDB writes every page anew that it changes, so a store without a free page cannot even delete: the withdrawal of a
 * consent would fail for lack of room. The last part of the room is therefore a reserve. What makes the store grow is
 * refused before it is touched; what ends something may use it up.
 *
 * Pages in use are what the two trees say of themselves (LMDB counts them with every change), so asking costs nothing and
 * free pages in the middle of the file count as free. The room is the map or, where that is less, what the file occupies
 * and what its disk has left: the file is sparse, and a disk may be full long before the map is. */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "node/core/log.h"
#include "node/store/inside.h"

#define RESERVE_LEAST (UINT64_C(1) << 20) /* a stop rewrites some 40 pages, and twice as many wait to be free again */
#define META_PAGES 2

static uint64_t pages(const MDB_stat *st)
{
    return st->ms_branch_pages + st->ms_leaf_pages + st->ms_overflow_pages;
}

/* As the transaction would leave it. */
static uint64_t used_in(const struct tsk_store *s, MDB_txn *txn)
{
    MDB_stat rows, freelist;
    if (mdb_stat(txn, s->dbi, &rows) != 0 || mdb_stat(txn, 0, &freelist) != 0) /* 0: LMDB's list of free pages */
        return 0;
    return (META_PAGES + pages(&rows) + pages(&freelist)) * rows.ms_psize;
}

static uint64_t max_of(const struct tsk_store *s)
{
    MDB_envinfo info;
    mdb_filehandle_t fd;
    struct stat st;
    struct statvfs fs;
    uint64_t map = mdb_env_info(s->env, &info) == 0 ? info.me_mapsize : s->map_bytes;
    if (mdb_env_get_fd(s->env, &fd) != 0 || fstat(fd, &st) != 0 || fstatvfs(fd, &fs) != 0)
        return map;
    uint64_t disk = (uint64_t)st.st_blocks * 512 + (uint64_t)fs.f_bavail * fs.f_frsize;
    return disk < map ? disk : map;
}

static uint64_t reserve_of(uint64_t max)
{
    uint64_t reserve = max / 10 > RESERVE_LEAST ? max / 10 : RESERVE_LEAST;
    return reserve < max / 4 ? reserve : max / 4;
}

/* Said once for each time that the mark is passed, never for each refusal. */
static void set_full(struct tsk_room *r, bool full)
{
    if (r->full == full)
        return;
    r->full = full;
    tsk_log(full ? TSK_LOG_WARN : TSK_LOG_INFO, full ? "store_full" : "store_has_room", "used=%llu max=%llu",
            (unsigned long long)r->used, (unsigned long long)r->max);
}

/* Not full again only a quarter of the reserve below the mark: a store that moves around it would say so all day. */
static uint64_t low_mark(const struct tsk_room *r)
{
    return r->max - r->reserve - r->reserve / 4;
}

void tsk_room_look(struct tsk_store *s, MDB_txn *txn)
{
    struct tsk_room *r = &s->room;
    int gone;
    (void)mdb_reader_check(s->env, &gone); /* a backup that was killed would keep every page from being used again */
    r->used = used_in(s, txn);
    r->max = max_of(s);
    r->reserve = reserve_of(r->max);
    set_full(r, r->used > r->max - r->reserve || (r->full && r->used > low_mark(r)));
}

enum tsk_err tsk_room(const struct tsk_txn *t, enum tsk_grow grow, uint64_t more)
{
    struct tsk_room *r = &t->store->room;
    uint64_t kept = grow == TSK_GROW_BULK ? r->reserve : r->reserve / 2;
    if (grow == TSK_GROW_STOP)
        return TSK_OK;
    uint64_t used = used_in(t->store, tsk_txn_top(t));
    bool fits = used <= r->max - kept && more <= r->max - kept - used;
    if (fits && !(grow == TSK_GROW_BULK && r->full))
        return TSK_OK;
    if (grow == TSK_GROW_BULK && used > low_mark(r)) {
        r->used = used;
        set_full(r, true);
    }
    return TSK_E_NOROOM;
}

struct tsk_use tsk_store_use(const struct tsk_store *s)
{
    const struct tsk_room *r = &s->room;
    return (struct tsk_use){.used = r->used, .max = r->max, .reserve = r->reserve, .full = r->full || r->hit};
}
