/* One target a row of records.def (-DTSK_FUZZ_REC=TSK_REC_X): whatever decodes is deterministic CBOR, can be walked,
 * and encodes to the same bytes in a buffer of just that size. */
#include <stdlib.h>
#include <string.h>

#include "tests/examples.h"

#define NEED(ok) do { if (!(ok)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(void *arg, const char *path, enum tsk_cbor_type type, struct tsk_slice bytes, uint64_t num)
{
    uint64_t *sum = arg;
    *sum += strlen(path) + (uint64_t)type + num;
    for (size_t i = 0; i < bytes.n; i++)
        *sum += bytes.p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tsk_example e;
    struct tsk_slice bytes = {data, size}, same;
    if (tsk_rec_decode(TSK_FUZZ_REC, bytes, &e.rec) != TSK_OK)
        return 0;
    uint8_t *again = malloc(size);
    volatile uint64_t kept;
    uint64_t sum = 0;
    NEED(again != NULL);
    NEED(tsk_cbor_check(bytes) == TSK_OK);
    NEED(tsk_rec_encode(TSK_FUZZ_REC, &e.rec, again, size, &same) == TSK_OK);
    NEED(tsk_slice_eq(bytes, same));
    tsk_rec_walk(TSK_FUZZ_REC, &e.rec, touch, &sum);
    kept = sum;
    (void)kept;
    free(again);
    return 0;
}
