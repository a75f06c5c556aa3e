/* seeds DIR - writes every example as a seed: DIR/record_<name>/<name>-<variant>, and into DIR/cbor and DIR/cose what
 * those targets begin with. The folders must be there. */
#include <stdio.h>
#include <stdlib.h>

#include "schema/cose.h"
#include "tests/examples.h"

static struct tsk_example example;
static uint8_t buf[TSK_EXAMPLE_CAP], wrapped[TSK_EXAMPLE_CAP];

static void save(const char *dir, const char *target, const char *name, unsigned variant, struct tsk_slice bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s-%u", dir, target, name, variant);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void save_wrapped(const char *dir, enum tsk_rec r, unsigned variant, struct tsk_slice payload)
{
    static const struct tsk_kid KID = {{7}};
    static const struct tsk_roster_sig SIGS[2] = {{.kid = {{1}}}, {.kid = {{2}}}};
    static const uint8_t SIG[64] = {9};
    struct tsk_slice bytes;
    enum tsk_err e = r == TSK_REC_ROSTER
                         ? tsk_roster_join(payload, SIGS, 2, wrapped, sizeof wrapped, &bytes)
                         : tsk_cose_build(r, &KID, payload, SIG, wrapped, sizeof wrapped, &bytes);
    if (e == TSK_OK)
        save(dir, "cose", tsk_rec_name(r), variant, bytes);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    for (int i = 0; i < TSK_REC_COUNT; i++) {
        enum tsk_rec r = (enum tsk_rec)i;
        char target[64];
        struct tsk_slice bytes;
        snprintf(target, sizeof target, "record_%s", tsk_rec_name(r));
        for (unsigned v = 0; tsk_example_encode(r, v, &example, buf, &bytes) == TSK_OK; v++) {
            save(argv[1], target, tsk_rec_name(r), v, bytes);
            save(argv[1], "cbor", tsk_rec_name(r), v, bytes);
            save_wrapped(argv[1], r, v, bytes);
        }
    }
    return 0;
}
