/* Whatever tsk_cbor_check takes can be read item by item, and written to the same bytes. */
#include <stdlib.h>

#include "schema/cbor.h"

#define NEED(ok) do { if (!(ok)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(struct tsk_cbor_in *in, struct tsk_cbor_out *out, unsigned depth)
{
    NEED(depth <= TSK_CBOR_DEPTH);
    enum tsk_cbor_type type = tsk_cbor_peek(in);
    uint64_t n = 0;
    switch (type) {
    case TSK_CBOR_UINT:
        tsk_cbor_put_uint(out, tsk_cbor_uint(in));
        return;
    case TSK_CBOR_NINT: /* below int64 the reader gives no number: taken as it stands */
        tsk_cbor_put_raw(out, tsk_cbor_any(in));
        return;
    case TSK_CBOR_BYTES:
        tsk_cbor_put_bytes(out, tsk_cbor_bytes(in));
        return;
    case TSK_CBOR_TEXT:
        tsk_cbor_put_text(out, tsk_cbor_text(in));
        return;
    case TSK_CBOR_BOOL:
        tsk_cbor_put_bool(out, tsk_cbor_bool(in));
        return;
    case TSK_CBOR_TAG:
        tsk_cbor_tag(in, 18);
        tsk_cbor_put_tag(out, 18);
        copy(in, out, depth + 1);
        return;
    case TSK_CBOR_ARRAY:
        n = tsk_cbor_array(in);
        tsk_cbor_put_array(out, n);
        break;
    default:
        NEED(type == TSK_CBOR_MAP);
        n = tsk_cbor_map(in);
        tsk_cbor_put_map(out, n);
        n *= 2;
        break;
    }
    for (; n > 0; n--)
        copy(in, out, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsk_slice bytes = {data, size}, same;
    if (tsk_cbor_check(bytes) != TSK_OK)
        return 0;
    uint8_t *again = malloc(size);
    struct tsk_cbor_in in;
    struct tsk_cbor_out out;
    NEED(again != NULL);
    tsk_cbor_in_init(&in, bytes);
    tsk_cbor_out_init(&out, again, size);
    copy(&in, &out, 0);
    NEED(tsk_cbor_done(&in) == TSK_OK);
    NEED(tsk_cbor_out_done(&out, &same) == TSK_OK);
    NEED(tsk_slice_eq(bytes, same));
    free(again);
    return 0;
}
