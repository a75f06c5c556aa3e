/* Envelopes and rosters: whatever is taken apart goes together to the same bytes, and so does a payload that
 * decodes. */
#include <stdlib.h>

#include "schema/cose.h"
#include "tests/examples.h"

#define NEED(ok) do { if (!(ok)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void payload(enum tsk_rec r, struct tsk_slice bytes, uint8_t *room, size_t cap)
{
    static struct tsk_example e;
    struct tsk_slice same;
    if (tsk_rec_decode(r, bytes, &e.rec) != TSK_OK)
        return;
    NEED(tsk_rec_encode(r, &e.rec, room, cap, &same) == TSK_OK);
    NEED(tsk_slice_eq(bytes, same));
}

static void envelope(struct tsk_slice bytes, uint8_t *room, size_t cap)
{
    static const struct tsk_id16 NET = {{1}};
    struct tsk_envelope env;
    struct tsk_slice same;
    if (tsk_cose_parse(bytes, &env) != TSK_OK)
        return;
    NEED(tsk_cbor_check(bytes) == TSK_OK);
    NEED(tsk_rec_form(env.rec) == TSK_FORM_SIGNED);
    NEED(tsk_cose_build(env.rec, &env.kid, env.payload, env.sig, room, bytes.n, &same) == TSK_OK);
    NEED(tsk_slice_eq(bytes, same));
    NEED(tsk_cose_sig_structure(env.rec, &env.kid, &NET, env.payload, room, cap, &same) == TSK_OK);
    payload(env.rec, env.payload, room, cap);
}

static void roster(struct tsk_slice bytes, uint8_t *room, size_t cap)
{
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    size_t n;
    struct tsk_slice inside, same;
    if (tsk_roster_split(bytes, &inside, sigs, &n) != TSK_OK)
        return;
    NEED(n >= 1 && n <= TSK_ROOTS_MAX);
    NEED(tsk_roster_join(inside, sigs, n, room, bytes.n, &same) == TSK_OK);
    NEED(tsk_slice_eq(bytes, same));
    payload(TSK_REC_ROSTER, inside, room, cap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsk_slice bytes = {data, size};
    size_t cap = size + TSK_COSE_OVERHEAD;
    uint8_t *room = malloc(cap);
    NEED(room != NULL);
    envelope(bytes, room, cap);
    roster(bytes, room, cap);
    free(room);
    return 0;
}
