#include "crypto/seal.h"

#include <string.h>

#include "crypto/algs.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

enum { LEN = 4, TAG = TSK_HPKE_TAG, MIB = 1024 * 1024 };

/* A content key is used once, for one message; so its nonce may be all zero. */
static const uint8_t nonce0[12];

size_t tsk_seal_ct_len(size_t plaintext_n)
{
    if (plaintext_n > TSK_PLAINTEXT_MAX)
        return 0;
    size_t need = LEN + plaintext_n, padded = TSK_CONTENT_PAD;
    while (padded < need && padded < MIB)
        padded *= 2;
    if (padded < need)
        padded = (need + MIB - 1) / MIB * MIB;
    return padded + TAG;
}

/* ---- the content key ---- */
struct content_key { struct tsk_key32 ck; uint8_t core[32], commit[32]; };

static void content_key_wipe(struct content_key *k)
{
    tsk_key32_wipe(&k->ck);
}

/* CK and its commitment from both halves; `s2` NULL is the 32 zero bytes of mode 1. */
static enum tsk_err content_key(struct tsk_slice core_bytes, const struct tsk_key32 *s1, const struct tsk_key32 *s2,
                                struct content_key *ret_k)
{
    static const struct tsk_key32 no_s2;
    const struct tsk_slice halves[] = {TSK_SLICE(s1->b), TSK_SLICE((s2 == NULL ? &no_s2 : s2)->b)};
    const struct tsk_slice core = TSK_SLICE(ret_k->core);
    TSK_KEY32 prk;
    TSK_TRY(tsk_sha256(&core_bytes, 1, ret_k->core));
    TSK_TRY(tsk_hmac_parts(TSK_CTX_CK, halves, 2, prk.b));
    TSK_TRY(tsk_hkdf_expand(prk.b, core, ret_k->ck.b, sizeof ret_k->ck.b));
    return tsk_hkdf(TSK_CTX_CKC, TSK_SLICE(ret_k->ck.b), core, ret_k->commit, sizeof ret_k->commit);
}

/* Suite 1 and card mode are what this program has; an unknown number is never guessed at. */
static enum tsk_err supported(const struct tsk_item_core *core, bool has_s2)
{
    bool known = core->suite == TSK_SUITE_1 && core->mode == TSK_MODE_CARD && !has_s2;
    return known ? TSK_OK : TSK_E_SUITE;
}

static enum tsk_err part_commit(const uint8_t core[32], const struct tsk_key32 *part, uint8_t ret_commit[32])
{
    const struct tsk_slice parts[] = {TSK_CTX_S1C, {core, 32}, TSK_SLICE(part->b)};
    return tsk_sha256(parts, 3, ret_commit);
}

/* ---- sealing ---- */
struct parts { struct tsk_key32 k[TSK_HOLDERS_MAX]; };

static void parts_wipe(struct parts *p)
{
    tsk_wipe(p, sizeof *p);
}

static void xor_into(struct tsk_key32 *sum, const struct tsk_key32 *part)
{
    for (size_t i = 0; i < sizeof sum->b; i++)
        sum->b[i] ^= part->b[i];
}

/* any: each holder gets all of s1. all: random parts, the last one such that together they make s1. */
static void split(const struct tsk_key32 *s1, uint64_t require, size_t n, struct parts *ret_parts)
{
    ret_parts->k[n - 1] = *s1;
    for (size_t i = 0; i + 1 < n; i++) {
        ret_parts->k[i] = *s1;
        if (require == TSK_ALL) {
            tsk_random(ret_parts->k[i].b, sizeof ret_parts->k[i].b);
            xor_into(&ret_parts->k[n - 1], &ret_parts->k[i]);
        }
    }
}

struct wrap_aad { uint8_t b[64]; };

static struct wrap_aad holder_aad(const uint8_t core[32], const struct tsk_kid *holder)
{
    struct wrap_aad aad;
    memcpy(aad.b, core, 32);
    memcpy(aad.b + 32, holder->b, 32);
    return aad;
}

static enum tsk_err wrap(const uint8_t core[32], const struct tsk_kid *holder, const struct tsk_pk *kem,
                         const struct tsk_id16 *net, const struct tsk_key32 *part, struct tsk_wrap *ret_wrap)
{
    struct tsk_info info;
    struct wrap_aad aad = holder_aad(core, holder);
    tsk_info_init(&info, TSK_CTX_WRAP_HOLDER, net);
    ret_wrap->holder = *holder;
    TSK_TRY(part_commit(core, part, ret_wrap->s1_commit));
    return tsk_hpke_seal(TSK_AEAD_AES256GCM, kem, (struct tsk_slice){info.b, info.n}, TSK_SLICE(aad.b),
                         TSK_SLICE(part->b), ret_wrap->enc, ret_wrap->ct);
}

/* Padded and encrypted where it lies. */
static enum tsk_err seal_content(const struct content_key *k, struct tsk_slice content, uint8_t *ret_ct)
{
    size_t padded = tsk_seal_ct_len(content.n) - TAG;
    const uint8_t len[LEN] = {(uint8_t)(content.n >> 24), (uint8_t)(content.n >> 16), (uint8_t)(content.n >> 8),
                              (uint8_t)content.n};
    memcpy(ret_ct, len, LEN);
    if (content.n > 0)
        memcpy(ret_ct + LEN, content.p, content.n);
    memset(ret_ct + LEN + content.n, 0, padded - LEN - content.n);
    return tsk_gcm_seal(k->ck.b, nonce0, TSK_SLICE(k->core), (struct tsk_slice){ret_ct, padded}, ret_ct);
}

enum tsk_err tsk_item_seal(struct tsk_item_core *core, const struct tsk_pk *kems, const struct tsk_id16 *net,
                           struct tsk_slice content, uint8_t *core_buf, size_t core_cap, struct tsk_item *ret_item,
                           uint8_t *ret_ct)
{
    size_t ct_len = tsk_seal_ct_len(content.n);
    if (ct_len == 0)
        return TSK_E_LIMIT;
    if (core->holders_n < 1 || core->holders_n > TSK_HOLDERS_MAX)
        return TSK_E_HOLDERS;
    TSK_TRY(supported(core, false));
    struct tsk_item item = {.ct_len = ct_len, .wraps_n = core->holders_n};
    TSK_WIPED(content_key_wipe) struct content_key k;
    TSK_WIPED(parts_wipe) struct parts parts;
    TSK_KEY32 s1;
    tsk_random(s1.b, sizeof s1.b);
    tsk_random(core->id.b, sizeof core->id.b);
    TSK_TRY(tsk_item_core_encode(core, core_buf, core_cap, &item.core_bytes));
    TSK_TRY(content_key(item.core_bytes, &s1, NULL, &k));
    split(&s1, core->require, core->holders_n, &parts);
    for (size_t i = 0; i < core->holders_n; i++)
        TSK_TRY(wrap(k.core, &core->holders[i], &kems[i], net, &parts.k[i], &item.wraps[i]));
    TSK_TRY(seal_content(&k, content, ret_ct));
    TSK_TRY(tsk_sha256(&(struct tsk_slice){ret_ct, ct_len}, 1, item.ct_hash));
    memcpy(item.ck_commit, k.commit, sizeof item.ck_commit);
    item.core = *core;
    *ret_item = item;
    return TSK_OK;
}

/* ---- opening ---- */
enum tsk_err tsk_item_unwrap(const struct tsk_item *item, const struct tsk_kid *holder, struct tsk_kem_key *kem,
                             const struct tsk_id16 *net, struct tsk_key32 *ret_part)
{
    const struct tsk_wrap *w = NULL;
    for (size_t i = 0; i < item->wraps_n; i++)
        if (tsk_equal(item->wraps[i].holder.b, holder->b, sizeof holder->b))
            w = &item->wraps[i];
    if (w == NULL)
        return TSK_E_WRONGHOLDER;
    TSK_TRY(supported(&item->core, false));
    uint8_t core[32], commit[32];
    struct tsk_info info;
    TSK_KEY32 part;
    TSK_TRY(tsk_sha256(&item->core_bytes, 1, core));
    struct wrap_aad aad = holder_aad(core, holder);
    tsk_info_init(&info, TSK_CTX_WRAP_HOLDER, net);
    TSK_TRY(tsk_hpke_open(TSK_AEAD_AES256GCM, kem, w->enc, (struct tsk_slice){info.b, info.n}, TSK_SLICE(aad.b),
                          TSK_SLICE(w->ct), part.b));
    TSK_TRY(part_commit(core, &part, commit));
    if (!tsk_equal(commit, w->s1_commit, sizeof commit))
        return TSK_E_BADSIG;
    *ret_part = part;
    return TSK_OK;
}

/* The plaintext inside the padded text, or TSK_E_BADSIG where length and zeros are not what sealing makes: another
 * padding would be a channel of its own. */
static enum tsk_err unpad(const uint8_t *padded, size_t padded_n, struct tsk_slice *ret_slice)
{
    size_t n = (size_t)padded[0] << 24 | (size_t)padded[1] << 16 | (size_t)padded[2] << 8 | padded[3];
    if (tsk_seal_ct_len(n) != padded_n + TAG)
        return TSK_E_BADSIG;
    uint8_t any = 0;
    for (size_t i = LEN + n; i < padded_n; i++)
        any |= padded[i];
    if (any != 0)
        return TSK_E_BADSIG;
    *ret_slice = (struct tsk_slice){padded + LEN, n};
    return TSK_OK;
}

static enum tsk_err join(const struct tsk_item *item, const struct tsk_key32 *parts, size_t parts_n,
                         struct tsk_key32 *ret_s1)
{
    size_t want = item->core.require == TSK_ALL ? item->core.holders_n : 1;
    if (parts_n != want || parts_n == 0)
        return TSK_E_BADSIG;
    *ret_s1 = parts[0];
    for (size_t i = 1; i < parts_n; i++)
        xor_into(ret_s1, &parts[i]);
    return TSK_OK;
}

/* Everything that can be checked before decryption is, so that a wrong part or ciphertext costs no GCM. */
enum tsk_err tsk_item_open(const struct tsk_item *item, const struct tsk_key32 *parts, size_t parts_n,
                           const struct tsk_key32 *s2, struct tsk_slice ct, uint8_t *ret_content,
                           struct tsk_slice *ret_slice)
{
    TSK_WIPED(content_key_wipe) struct content_key k;
    TSK_KEY32 s1 = {{0}};
    uint8_t ct_hash[32];
    TSK_TRY(supported(&item->core, s2 != NULL));
    TSK_TRY(join(item, parts, parts_n, &s1));
    TSK_TRY(content_key(item->core_bytes, &s1, s2, &k));
    TSK_TRY(tsk_sha256(&ct, 1, ct_hash));
    bool same = tsk_equal(k.commit, item->ck_commit, sizeof k.commit) &&
                tsk_equal(ct_hash, item->ct_hash, sizeof ct_hash) && ct.n == item->ct_len;
    if (!same || ct.n < TSK_CONTENT_PAD + TAG)
        return TSK_E_BADSIG;
    TSK_TRY(tsk_gcm_open(k.ck.b, nonce0, TSK_SLICE(k.core), ct, ret_content));
    enum tsk_err e = unpad(ret_content, ct.n - TAG, ret_slice);
    if (e != TSK_OK)
        tsk_wipe(ret_content, ct.n - TAG);
    return e;
}

/* ---- consent: the same part, for one agency ---- */
struct rewrap_aad { uint8_t b[16 + 32 + 32 + 32]; };

static struct rewrap_aad rewrap_aad(const struct tsk_id16 *record_id, const struct tsk_kid *holder,
                                    const struct tsk_id32 *item_id, const struct tsk_kid *recipient)
{
    struct rewrap_aad aad;
    memcpy(aad.b, record_id->b, 16);
    memcpy(aad.b + 16, holder->b, 32);
    memcpy(aad.b + 48, item_id->b, 32);
    memcpy(aad.b + 80, recipient->b, 32);
    return aad;
}

enum tsk_err tsk_rewrap(const struct tsk_key32 *part, const struct tsk_id16 *record_id, const struct tsk_kid *holder,
                        const struct tsk_id32 *item_id, const struct tsk_kid *recipient, const struct tsk_seal_key *to,
                        const struct tsk_id16 *net, struct tsk_rewrap *ret_wrap)
{
    struct tsk_rewrap w = {.item = *item_id};
    struct tsk_info info;
    struct rewrap_aad aad = rewrap_aad(record_id, holder, item_id, recipient);
    tsk_info_init(&info, TSK_CTX_WRAP_RECIPIENT, net);
    TSK_TRY(tsk_id8_of(&to->pk, w.key_id8));
    TSK_TRY(tsk_hpke_seal(TSK_AEAD_AES256GCM, &to->pk, (struct tsk_slice){info.b, info.n}, TSK_SLICE(aad.b),
                          TSK_SLICE(part->b), w.enc, w.ct));
    *ret_wrap = w;
    return TSK_OK;
}

enum tsk_err tsk_rewrap_open(const struct tsk_rewrap *wrap, const struct tsk_id16 *record_id,
                             const struct tsk_kid *holder, const struct tsk_kid *recipient, struct tsk_kem_key *key,
                             const struct tsk_id16 *net, struct tsk_key32 *ret_part)
{
    struct tsk_info info;
    struct rewrap_aad aad = rewrap_aad(record_id, holder, &wrap->item, recipient);
    TSK_KEY32 part;
    uint8_t id8[8];
    TSK_TRY(tsk_id8_of(tsk_kem_pk(key), id8));
    if (!tsk_equal(id8, wrap->key_id8, sizeof id8))
        return TSK_E_BADSIG;
    tsk_info_init(&info, TSK_CTX_WRAP_RECIPIENT, net);
    TSK_TRY(tsk_hpke_open(TSK_AEAD_AES256GCM, key, wrap->enc, (struct tsk_slice){info.b, info.n}, TSK_SLICE(aad.b),
                          TSK_SLICE(wrap->ct), part.b));
    *ret_part = part;
    return TSK_OK;
}
