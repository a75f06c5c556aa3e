/* txn.c - transactions, savepoints, and the memory that lives as long as they do. */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "node/store/inside.h"

#define CHUNK_BYTES (64 * 1024)

/* ---- memory ---- */
/* Chunks, newest first. Kept values are opened rows: all of it is wiped at the end. */
struct chunk { struct chunk *next; size_t cap, used; alignas(max_align_t) uint8_t bytes[]; };
struct tsk_memory { struct chunk *chunks; };

struct tsk_memory *tsk_memory_new(void)
{
    return calloc(1, sizeof(struct tsk_memory));
}

void tsk_memory_free(struct tsk_memory *m)
{
    if (m == NULL)
        return;
    while (m->chunks != NULL) {
        struct chunk *c = m->chunks;
        m->chunks = c->next;
        tsk_wipe(c->bytes, c->used);
        free(c);
    }
    free(m);
}

static struct chunk *chunk_with(struct tsk_memory *m, size_t n)
{
    if (m->chunks != NULL && m->chunks->cap - m->chunks->used >= n)
        return m->chunks;
    size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
    struct chunk *c = malloc(sizeof *c + cap);
    if (c == NULL)
        return NULL;
    *c = (struct chunk){.cap = cap, .next = m->chunks};
    if (n > CHUNK_BYTES && m->chunks != NULL) { /* the older one has room left for small pieces: it stays in front */
        c->next = m->chunks->next;
        m->chunks->next = c;
    } else {
        m->chunks = c;
    }
    return c;
}

void *tsk_memory_alloc(struct tsk_memory *m, size_t n)
{
    const size_t unit = alignof(max_align_t);
    if (n > SIZE_MAX / 2)
        return NULL;
    size_t rounded = n == 0 ? unit : (n + unit - 1) / unit * unit;
    struct chunk *c = chunk_with(m, rounded);
    if (c == NULL)
        return NULL;
    uint8_t *p = c->bytes + c->used;
    c->used += rounded;
    return memset(p, 0, rounded);
}

void *tsk_txn_alloc(struct tsk_txn *t, size_t n)
{
    return t->memory == NULL ? NULL : tsk_memory_alloc(t->memory, n);
}

void *tsk_txn_grow(struct tsk_txn *t, void *array, size_t n, size_t *cap, size_t element_size)
{
    if (n < *cap)
        return array;
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *bigger = tsk_txn_alloc(t, more * element_size);
    if (bigger == NULL)
        return NULL;
    if (n > 0)
        memcpy(bigger, array, n * element_size);
    *cap = more;
    return bigger;
}

void *tsk_keep(struct tsk_txn *t, const void *p, size_t n)
{
    void *copy = tsk_txn_alloc(t, n);
    if (copy != NULL && n > 0)
        memcpy(copy, p, n);
    return copy;
}

struct tsk_memory *tsk_txn_memory(struct tsk_txn *t)
{
    struct tsk_memory *m = t->memory;
    t->memory = NULL;
    return m;
}

enum tsk_err tsk_scratch_need(struct tsk_scratch *s, size_t n)
{
    if (n <= s->cap)
        return TSK_OK;
    size_t cap = n < 4096 ? 4096 : n;
    uint8_t *p = malloc(cap);
    if (p == NULL)
        return TSK_E_NOMEM;
    tsk_scratch_wipe(s);
    *s = (struct tsk_scratch){p, cap};
    return TSK_OK;
}

void tsk_scratch_wipe(struct tsk_scratch *s)
{
    if (s->p != NULL)
        tsk_wipe(s->p, s->cap);
    free(s->p);
    *s = (struct tsk_scratch){NULL, 0};
}

/* ---- transactions ---- */
static void txn_free(struct tsk_txn *t)
{
    t->store->open_n--;
    if (t->write)
        t->store->writing = false;
    tsk_memory_free(t->memory);
    tsk_scratch_wipe(&t->text);
    for (enum tsk_table i = 0; i < TSK_T_COUNT; i++)
        tsk_gcm_free(t->gcm[i]);
    free(t);
}

enum tsk_err tsk_txn_begin(struct tsk_store *s, bool write, struct tsk_txn **ret_t)
{
    if (s->dead)
        return TSK_E_DISK;
    if (write && s->writing)
        return TSK_E_BUG;
    struct tsk_txn *t = calloc(1, sizeof *t);
    if (t == NULL)
        return TSK_E_NOMEM;
    t->store = s;
    t->write = write;
    t->memory = tsk_memory_new();
    int rc = t->memory == NULL ? ENOMEM : tsk_store_begin(s, write, &t->stack[0]);
    s->open_n++;
    s->writing = s->writing || write;
    if (rc != 0) {
        txn_free(t);
        return tsk_store_err(s, rc);
    }
    if (write)
        tsk_room_look(s, t->stack[0]);
    *ret_t = t;
    return TSK_OK;
}

void tsk_txn_abort(struct tsk_txn *t)
{
    for (size_t i = t->depth + 1; i > 0; i--)
        mdb_txn_abort(t->stack[i - 1]);
    txn_free(t);
}

enum tsk_err tsk_txn_commit(struct tsk_txn *t)
{
    struct tsk_store *s = t->store;
    enum tsk_err e = t->depth > 0 ? TSK_E_BUG : t->failed; /* a savepoint left open is a caller's mistake */
    if (e != TSK_OK) {
        tsk_txn_abort(t);
        return e;
    }
    size_t id = mdb_txn_id(t->stack[0]);
    int rc = mdb_txn_commit(t->stack[0]);
    bool write = t->write, wrote = t->writes > 0;
    txn_free(t);
    if (rc != 0)
        e = write ? tsk_store_commit_failed(s, id, rc) : tsk_store_err(s, rc);
    if (wrote)
        s->room.hit = e == TSK_E_DISKFULL;
    return e;
}

/* ---- savepoints ---- */
enum tsk_err tsk_txn_save(struct tsk_txn *t)
{
    if (!t->write || t->depth == TSK_SAVES_MAX)
        return TSK_E_BUG;
    int rc = mdb_txn_begin(t->store->env, tsk_txn_top(t), 0, &t->stack[t->depth + 1]);
    if (rc != 0)
        return tsk_store_err(t->store, rc);
    t->depth++;
    return TSK_OK;
}

enum tsk_err tsk_txn_keep(struct tsk_txn *t)
{
    if (t->depth == 0)
        return TSK_E_BUG;
    int rc = mdb_txn_commit(tsk_txn_top(t));
    t->depth--;
    if (rc == 0)
        return TSK_OK;
    t->failed = tsk_store_err(t->store, rc);
    return t->failed;
}

void tsk_txn_undo(struct tsk_txn *t)
{
    if (t->depth == 0)
        return;
    mdb_txn_abort(tsk_txn_top(t));
    t->depth--;
}

uint64_t tsk_txn_writes(const struct tsk_txn *t)
{
    return t->writes;
}
