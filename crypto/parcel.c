/* parcel.c - the sealed envelope between two nodes: all that a post office sees is to whom, from whom, and a size
 * class. */
#include <string.h>

#include "crypto/algs.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

enum { TAG = TSK_HPKE_TAG, ENVELOPE = 128 }; /* map of 4: kid, id8, enc and the head of ct take at most 96 bytes */

static size_t pad4096(size_t n)
{
    return (n + TSK_PARCEL_PAD - 1) / TSK_PARCEL_PAD * TSK_PARCEL_PAD;
}

static size_t pad_power(size_t n)
{
    size_t padded = TSK_CONTENT_PAD;
    while (padded < n)
        padded *= 2;
    return padded;
}

static size_t padded_n(size_t inner_n, bool has_cts)
{
    return has_cts ? pad_power(inner_n) : pad4096(inner_n);
}

size_t tsk_parcel_cap(size_t inner_n, bool has_cts)
{
    return padded_n(inner_n, has_cts) + TAG + ENVELOPE;
}

struct parcel_aad { uint8_t b[32 + 32 + 16]; };

static struct parcel_aad parcel_aad(const struct tsk_kid *from, const struct tsk_kid *to, const struct tsk_id16 *put_id)
{
    struct parcel_aad aad;
    memcpy(aad.b, from->b, 32);
    memcpy(aad.b + 32, to->b, 32);
    memcpy(aad.b + 64, put_id->b, 16);
    return aad;
}

enum tsk_err tsk_parcel_seal(const struct tsk_kid *from, const struct tsk_kid *to, const struct tsk_seal_key *key,
                             const struct tsk_id16 *put_id, const struct tsk_id16 *net, struct tsk_slice inner,
                             bool has_cts, uint8_t *buf, size_t cap, struct tsk_slice *ret_parcel)
{
    if (inner.n == 0 || inner.n > TSK_PARCEL_MAX)
        return TSK_E_LIMIT;
    size_t n = padded_n(inner.n, has_cts);
    TSK_WIPED(tsk_heap_drop) uint8_t *ct = calloc(1, n + TAG);
    if (ct == NULL)
        return TSK_E_NOMEM;
    struct parcel_aad aad = parcel_aad(from, to, put_id);
    struct tsk_parcel parcel = {.to = *to, .ct = {ct, n + TAG}};
    struct tsk_info info;
    memcpy(ct, inner.p, inner.n); /* encrypted in place below, so nothing readable is left to free */
    tsk_info_init(&info, TSK_CTX_PARCEL, net);
    TSK_TRY(tsk_id8_of(&key->pk, parcel.key_id8));
    TSK_TRY(tsk_hpke_seal(TSK_AEAD_AES256GCM, &key->pk, (struct tsk_slice){info.b, info.n}, TSK_SLICE(aad.b),
                          (struct tsk_slice){ct, n}, parcel.enc, ct));
    return tsk_rec_encode(TSK_REC_PARCEL, &parcel, buf, cap, ret_parcel);
}

/* The one encoded map at the start, when only zeros follow and as many as sealing would have put there. */
static enum tsk_err unpad(struct tsk_slice plain, struct tsk_slice *ret_inner)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, plain);
    struct tsk_slice inner = tsk_cbor_any(&in);
    if (in.err != TSK_OK || inner.n == 0 || (plain.n != pad4096(inner.n) && plain.n != pad_power(inner.n)))
        return TSK_E_BADSIG;
    uint8_t any = 0;
    for (size_t i = inner.n; i < plain.n; i++)
        any |= plain.p[i];
    if (any != 0)
        return TSK_E_BADSIG;
    *ret_inner = inner;
    return TSK_OK;
}

enum tsk_err tsk_parcel_open(const struct tsk_parcel *parcel, const struct tsk_kid *from, const struct tsk_id16 *put_id,
                             struct tsk_kem_key *key, const struct tsk_id16 *net, uint8_t *ret_plain,
                             struct tsk_slice *ret_inner)
{
    struct parcel_aad aad = parcel_aad(from, &parcel->to, put_id);
    struct tsk_info info;
    uint8_t id8[8];
    TSK_TRY(tsk_id8_of(tsk_kem_pk(key), id8));
    if (!tsk_equal(id8, parcel->key_id8, sizeof id8) || parcel->ct.n <= TAG)
        return TSK_E_BADSIG;
    tsk_info_init(&info, TSK_CTX_PARCEL, net);
    TSK_TRY(tsk_hpke_open(TSK_AEAD_AES256GCM, key, parcel->enc, (struct tsk_slice){info.b, info.n}, TSK_SLICE(aad.b),
                          parcel->ct, ret_plain));
    return unpad((struct tsk_slice){ret_plain, parcel->ct.n - TAG}, ret_inner);
}
