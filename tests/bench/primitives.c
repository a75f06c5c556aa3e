/* primitives.c - what one of each costs on this machine now, in microseconds. */
#include <fcntl.h>
#include <lmdb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "tests/bench/bench.h"

#define ROUND_NS 150000000ull
#define INFO ((struct tsk_slice){(const uint8_t *)"tasuki bench: label and network", 31})

static struct {
    struct tsk_signer_key *signer;
    struct tsk_verifier *verifier;
    struct tsk_kem_key *kem;
    uint8_t msg[300], sig[64], plain[4096], enc[32], ct[4096 + TSK_HPKE_TAG];
    int fd;
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t key;
} p;

static void do_sign(void)
{
    bench_must(tsk_sign_raw(p.signer, TSK_SLICE(p.msg), p.sig), "sign");
}

static void do_verify(void)
{
    bench_must(tsk_verify_raw(p.verifier, TSK_SLICE(p.msg), p.sig), "verify");
}

static void do_seal(void)
{
    bench_must(tsk_hpke_seal(TSK_AEAD_AES256GCM, tsk_kem_pk(p.kem), INFO, INFO, TSK_SLICE(p.plain), p.enc, p.ct),
               "seal");
}

static void do_open(void)
{
    bench_must(tsk_hpke_open(TSK_AEAD_AES256GCM, p.kem, p.enc, INFO, INFO, TSK_SLICE(p.ct), p.plain), "open");
}

static void do_gcm(void)
{
    static uint8_t ct[2048 + 16];
    bench_must(tsk_gcm_seal(p.plain, p.msg, INFO, (struct tsk_slice){p.plain, 2048}, ct), "gcm");
}

static void do_fdatasync(void)
{
    if (write(p.fd, p.plain, sizeof p.plain) != (ssize_t)sizeof p.plain || fdatasync(p.fd) != 0)
        bench_die("fdatasync");
}

/* One record of 2 KiB under a key that grows: the cheapest durable commit that LMDB has. */
static void do_lmdb(void)
{
    MDB_txn *t;
    uint8_t key[8];
    for (int i = 0; i < 8; i++)
        key[i] = (uint8_t)(p.key >> (56 - 8 * i));
    p.key++;
    MDB_val k = {sizeof key, key}, v = {2048, p.plain};
    if (mdb_txn_begin(p.env, NULL, 0, &t) != 0 || mdb_put(t, p.dbi, &k, &v, MDB_APPEND) != 0 || mdb_txn_commit(t) != 0)
        bench_die("lmdb");
}

static void lmdb_open(const char *dir)
{
    MDB_txn *t;
    char path[400];
    snprintf(path, sizeof path, "%s/lmdb", dir);
    if (mkdir(path, 0700) != 0 || mdb_env_create(&p.env) != 0 || mdb_env_set_mapsize(p.env, 1u << 30) != 0 ||
        mdb_env_open(p.env, path, 0, 0600) != 0 || mdb_txn_begin(p.env, NULL, 0, &t) != 0 ||
        mdb_dbi_open(t, NULL, 0, &p.dbi) != 0 || mdb_txn_commit(t) != 0)
        bench_die("lmdb");
}

/* The best of three rounds: the machine's other work only ever adds. */
static double cost_us(void (*one)(void))
{
    double best = 0;
    for (int round = 0; round < 3; round++) {
        uint64_t n = 0, start = bench_ns(), now = start;
        for (; now - start < ROUND_NS / 3; now = bench_ns(), n++)
            one();
        double us = (double)(now - start) / 1000 / (double)n;
        best = best == 0 || us < best ? us : best;
    }
    return best;
}

/* In this order: what is verified was signed, what is opened was sealed. */
static const struct { const char *name; void (*one)(void); int digits; } rows[] = {
    {"sign", do_sign, 1},         {"verify", do_verify, 1}, {"hpke_seal_4k", do_seal, 1},
    {"hpke_open_4k", do_open, 1}, {"gcm_2k", do_gcm, 2},    {"fdatasync_4k", do_fdatasync, 0},
    {"lmdb_commit", do_lmdb, 0},
};

int bench_primitives(const char *dir)
{
    char path[400];
    uint8_t seed[32];
    bench_must(tsk_crypto_init(), "crypto");
    tsk_random(seed, sizeof seed);
    bench_must(tsk_signer_new(seed, &p.signer), "key");
    bench_must(tsk_verifier_new(tsk_signer_pk(p.signer), &p.verifier), "key");
    bench_must(tsk_kem_new(seed, &p.kem), "key");
    snprintf(path, sizeof path, "%s/appended", dir);
    p.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (p.fd < 0)
        bench_die(path);
    lmdb_open(dir);
    printf("primitives");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf(" %s=%.*fus", rows[i].name, rows[i].digits, cost_us(rows[i].one));
    putchar('\n');
    return 0;
}
