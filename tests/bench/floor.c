/* floor.c - the same cryptography and the same durable writes in a bare loop, at the batch sizes that a run has shown.
 * No NNG, no CBOR, no index, no roster: what is left is what no program with these promises can save.
 *
 * bench floor sender|recipient|lone FILE token|family PER_PARCEL PER_COMMIT BYTES MS
 *   sender     sign each; seal a parcel, verify a receipt / PER_PARCEL; write and fdatasync / PER_COMMIT
 *   recipient  verify each; open a parcel, sign a receipt / PER_PARCEL; write and fdatasync / PER_COMMIT
 *   lone       all of it one after another with three commits: the least time that one handoff can take
 * A family adds: at the sender 6 more signatures, 3 contents, 3 seals to the card, 3 opens and 3 seals by the card, 1
 * verification; at the recipient 7 verifications (one of them of possession) and the admission of the card's key.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"
#include "tests/bench/bench.h"

#define MSG 480             /* bytes of a token's Sig_structure, about */
#define RECEIPT_LINE 38
#define CHUNK (1u << 20)
#define INFO ((struct tsk_slice){(const uint8_t *)"tasuki bench: label and network", 31})

static struct {
    struct tsk_signer_key *signer;
    struct tsk_verifier *verifier;
    struct tsk_kem_key *kem;
    uint8_t msg[MSG], sig[64], receipt[8192], receipt_sig[64];
    size_t receipt_n, parcel_n;
    uint8_t *plain, *ct, enc[32];
    uint8_t content[1024 + TSK_HPKE_TAG];
    int fd;
    bool family;
    double per_parcel, per_commit, bytes;
} f;

/* ---- the calls ---- */
static void sign_one(void)
{
    f.msg[0]++;
    uint8_t sig[64];
    bench_must(tsk_sign_raw(f.signer, TSK_SLICE(f.msg), sig), "sign");
}

static void verify_one(void)
{
    bench_must(tsk_verify_raw(f.verifier, (struct tsk_slice){f.msg + 1, MSG - 1}, f.sig), "verify");
}

static void seal_parcel(void)
{
    bench_must(tsk_hpke_seal(TSK_AEAD_AES256GCM, tsk_kem_pk(f.kem), INFO, INFO,
                             (struct tsk_slice){f.plain, f.parcel_n}, f.enc, f.ct), "seal");
}

static void open_parcel(void)
{
    bench_must(tsk_hpke_open(TSK_AEAD_AES256GCM, f.kem, f.enc, INFO, INFO,
                             (struct tsk_slice){f.ct, f.parcel_n + TSK_HPKE_TAG}, f.plain), "open");
}

static void sign_receipt(void)
{
    bench_must(tsk_sign_raw(f.signer, (struct tsk_slice){f.receipt, f.receipt_n}, f.receipt_sig), "sign");
}

static void verify_receipt(void)
{
    bench_must(tsk_verify_raw(f.verifier, (struct tsk_slice){f.receipt, f.receipt_n}, f.receipt_sig), "verify");
}

static void commit(double referrals)
{
    size_t left = (size_t)(referrals * f.bytes) + 1;
    while (left > 0) {
        size_t n = left < CHUNK ? left : CHUNK;
        if (write(f.fd, f.plain, n < f.parcel_n ? n : f.parcel_n) < 0)
            bench_die("write");
        left -= n < f.parcel_n ? n : f.parcel_n;
    }
    if (fdatasync(f.fd) != 0)
        bench_die("fdatasync");
}

static void seal_part(const uint8_t part[32], uint8_t ret_enc[32], uint8_t ret_ct[48])
{
    bench_must(tsk_hpke_seal(TSK_AEAD_AES256GCM, tsk_kem_pk(f.kem), INFO, INFO, (struct tsk_slice){part, 32}, ret_enc,
                             ret_ct), "wrap");
}

static void family_sender(void)
{
    uint8_t part[32] = {0}, enc[32], ct[48];
    for (int i = 0; i < 6; i++)
        sign_one();
    for (int i = 0; i < 3; i++) {
        bench_must(tsk_gcm_seal(f.msg, f.msg, INFO, (struct tsk_slice){f.content, 1024}, f.content), "content");
        seal_part(part, enc, ct);
        bench_must(tsk_hpke_open(TSK_AEAD_AES256GCM, f.kem, enc, INFO, INFO, TSK_SLICE(ct), part), "unwrap");
        seal_part(part, enc, ct);
    }
    verify_one();
}

static void family_recipient(void)
{
    bench_must(tsk_ed25519_admit(tsk_signer_pk(f.signer)), "admit");
    for (int i = 0; i < 7; i++)
        verify_one();
}

/* ---- setting up ---- */
static void prepare(const char *file)
{
    uint8_t seed[32];
    tsk_random(seed, sizeof seed);
    bench_must(tsk_signer_new(seed, &f.signer), "key");
    bench_must(tsk_verifier_new(tsk_signer_pk(f.signer), &f.verifier), "key");
    tsk_random(seed, sizeof seed);
    bench_must(tsk_kem_new(seed, &f.kem), "key");
    f.parcel_n = ((size_t)(f.per_parcel * f.bytes) + TSK_PARCEL_PAD) / TSK_PARCEL_PAD * TSK_PARCEL_PAD;
    f.receipt_n = 200 + (size_t)(f.per_parcel * RECEIPT_LINE);
    f.receipt_n = f.receipt_n < sizeof f.receipt ? f.receipt_n : sizeof f.receipt;
    f.plain = calloc(1, f.parcel_n);
    f.ct = calloc(1, f.parcel_n + TSK_HPKE_TAG);
    f.fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f.plain == NULL || f.ct == NULL || f.fd < 0)
        bench_die(file);
    bench_must(tsk_sign_raw(f.signer, (struct tsk_slice){f.msg + 1, MSG - 1}, f.sig), "sign");
    seal_parcel();
    sign_receipt();
}

/* ---- the loops ---- */
static void sender_one(bool parcel)
{
    sign_one();
    if (f.family)
        family_sender();
    if (parcel) {
        seal_parcel();
        verify_receipt();
    }
}

static void recipient_one(bool parcel)
{
    if (parcel)
        open_parcel();
    verify_one();
    if (f.family)
        family_recipient();
    if (parcel)
        sign_receipt();
}

static void lone_one(bool parcel)
{
    (void)parcel;
    sign_one();
    if (f.family)
        family_sender();
    seal_parcel();
    commit(1);
    recipient_one(true);
    commit(1);
    verify_receipt();
}

static double cpu_us(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return 1e6 * (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* `n` referrals carry n / per_parcel parcels and n / per_commit commits. */
static void loop(void (*one)(bool parcel), uint64_t ms)
{
    uint64_t start = bench_ns(), end = start + ms * 1000000;
    double parcels = 0, commits = 0, cpu = cpu_us();
    uint64_t n = 0;
    while (bench_ns() < end) {
        parcels += 1 / f.per_parcel;
        commits += 1 / f.per_commit;
        one(parcels >= 1);
        for (; commits >= 1; commits--)
            commit(f.per_commit > 1 ? f.per_commit : 1);
        parcels -= parcels >= 1;
        n++;
    }
    double seconds = (double)(bench_ns() - start) / 1e9;
    printf("floor rate=%.1f cpu=%.1f\n", (double)n / seconds, (cpu_us() - cpu) / (double)n);
}

int bench_floor(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    f.family = strcmp(argv[2], "family") == 0;
    f.per_parcel = strtod(argv[3], NULL);
    f.per_commit = strtod(argv[4], NULL);
    f.bytes = strtod(argv[5], NULL);
    uint64_t ms = strtoul(argv[6], NULL, 10);
    if (f.per_parcel < 1 || f.per_commit <= 0 || f.bytes < 1)
        return 2;
    bench_must(tsk_crypto_init(), "crypto");
    prepare(argv[1]);
    bool sender = strcmp(argv[0], "sender") == 0, recipient = strcmp(argv[0], "recipient") == 0;
    loop(sender ? sender_one : recipient ? recipient_one : lone_one, ms);
    return 0;
}
