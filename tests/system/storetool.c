/* storetool.c - what tests do to a node's store from outside.
 *
 *   storetool hold DB    keeps a reader open until its standard input ends: no page that is freed meanwhile is used again,
 *                        so every commit needs room on the disk. Says "held" when it is there.
 *   storetool newer DB   the store's version, plus one. The node must not be running.
 */
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

static int hold(MDB_env *env)
{
    MDB_txn *t;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &t) != 0)
        return 1;
    puts("held");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}

static int has(const MDB_val *key, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= key->mv_size; i++)
        if (memcmp((const char *)key->mv_data + i, word, n) == 0)
            return 1;
    return 0;
}

static int newer(MDB_env *env)
{
    MDB_txn *t;
    MDB_dbi db;
    MDB_cursor *c;
    MDB_val k, v;
    if (mdb_txn_begin(env, NULL, 0, &t) != 0 || mdb_dbi_open(t, NULL, 0, &db) != 0 || mdb_cursor_open(t, db, &c) != 0)
        return 1;
    int rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
    while (rc == 0 && !has(&k, "version"))
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    unsigned char number[16];
    if (rc != 0 || v.mv_size == 0 || v.mv_size > sizeof number)
        return 1;
    memcpy(number, v.mv_data, v.mv_size);
    number[v.mv_size - 1]++;
    v.mv_data = number;
    rc = mdb_cursor_put(c, &k, &v, MDB_CURRENT);
    mdb_cursor_close(c);
    return rc != 0 || mdb_txn_commit(t) != 0;
}

int main(int argc, char **argv)
{
    MDB_env *env;
    int read_only = argc == 3 && strcmp(argv[1], "hold") == 0;
    if (argc != 3 || mdb_env_create(&env) != 0 || mdb_env_open(env, argv[2], read_only ? MDB_RDONLY : 0, 0600) != 0)
        return 2;
    return read_only ? hold(env) : newer(env);
}
