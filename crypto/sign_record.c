/* sign_record.c - whole records and rosters: the bytes that schema/ builds, signed and verified. */
#include "crypto/sign.h"

#include <string.h>

#include "crypto/algs.h"
#include "crypto/hash.h"

static const struct tsk_id16 no_net; /* 16 zero bytes: a roster makes the network, so it cannot name it */

/* The Sig_structure on the heap, owned by `*ret_buf`: a roster's may be two MiB. */
static enum tsk_err to_be_signed(enum tsk_rec r, const struct tsk_kid *kid, const struct tsk_id16 *net,
                                 struct tsk_slice payload, uint8_t **ret_buf, struct tsk_slice *ret_tbs)
{
    size_t cap = payload.n + TSK_COSE_OVERHEAD;
    *ret_buf = malloc(cap);
    if (*ret_buf == NULL)
        return TSK_E_NOMEM;
    return tsk_cose_sig_structure(r, kid, net, payload, *ret_buf, cap, ret_tbs);
}

enum tsk_err tsk_record_sign(enum tsk_rec r, const void *record, struct tsk_signer_key *key, const struct tsk_id16 *net,
                             uint8_t *buf, size_t cap, struct tsk_slice *ret_bytes, struct tsk_id32 *ret_id)
{
    if (tsk_rec_form(r) != TSK_FORM_SIGNED)
        return TSK_E_BUG;
    TSK_WIPED(tsk_heap_drop) uint8_t *payload_buf = malloc(tsk_rec_max(r));
    TSK_WIPED(tsk_heap_drop) uint8_t *tbs_buf = NULL;
    struct tsk_slice payload, tbs, bytes;
    struct tsk_id32 id;
    uint8_t sig[64];
    if (payload_buf == NULL)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_rec_encode(r, record, payload_buf, tsk_rec_max(r), &payload));
    TSK_TRY(to_be_signed(r, tsk_signer_kid(key), net, payload, &tbs_buf, &tbs));
    TSK_TRY(tsk_sha256(&tbs, 1, id.b));
    TSK_TRY(tsk_sign_raw(key, tbs, sig));
    TSK_TRY(tsk_cose_build(r, tsk_signer_kid(key), payload, sig, buf, cap, &bytes));
    *ret_bytes = bytes;
    *ret_id = id;
    return TSK_OK;
}

enum tsk_err tsk_record_verify(const struct tsk_envelope *env, struct tsk_verifier *v, const struct tsk_id16 *net)
{
    if (!tsk_equal(env->kid.b, tsk_verifier_kid(v)->b, sizeof env->kid.b))
        return TSK_E_UNKNOWNPEER;
    TSK_WIPED(tsk_heap_drop) uint8_t *buf = NULL;
    struct tsk_slice tbs;
    TSK_TRY(to_be_signed(env->rec, &env->kid, net, env->payload, &buf, &tbs));
    return tsk_verify_raw(v, tbs, env->sig);
}

enum tsk_err tsk_record_id(const struct tsk_envelope *env, const struct tsk_id16 *net, struct tsk_id32 *ret_id)
{
    TSK_WIPED(tsk_heap_drop) uint8_t *buf = NULL;
    struct tsk_slice tbs;
    TSK_TRY(to_be_signed(env->rec, &env->kid, net, env->payload, &buf, &tbs));
    return tsk_sha256(&tbs, 1, ret_id->b);
}

/* ---- the roster ---- */
enum tsk_err tsk_roster_id(struct tsk_slice payload, struct tsk_id32 *ret_id)
{
    static const struct tsk_kid nobody; /* several roots sign, each under its own kid; the roster is one */
    TSK_WIPED(tsk_heap_drop) uint8_t *buf = NULL;
    struct tsk_slice tbs;
    TSK_TRY(to_be_signed(TSK_REC_ROSTER, &nobody, &no_net, payload, &buf, &tbs));
    return tsk_sha256(&tbs, 1, ret_id->b);
}

enum tsk_err tsk_roster_sign(struct tsk_slice payload, struct tsk_signer_key *root, struct tsk_roster_sig *ret_sig)
{
    TSK_WIPED(tsk_heap_drop) uint8_t *buf = NULL;
    struct tsk_slice tbs;
    struct tsk_roster_sig s = {.kid = *tsk_signer_kid(root)};
    TSK_TRY(to_be_signed(TSK_REC_ROSTER, &s.kid, &no_net, payload, &buf, &tbs));
    TSK_TRY(tsk_sign_raw(root, tbs, s.sig));
    *ret_sig = s;
    return TSK_OK;
}

/* TSK_E_BADSIG when none of the signatures is a good one of this root. */
static enum tsk_err signed_by(const struct tsk_pk *root, struct tsk_slice payload, const struct tsk_roster_sig *sigs,
                              size_t sigs_n)
{
    struct tsk_kid kid;
    TSK_WIPED(tsk_heap_drop) uint8_t *buf = NULL;
    struct tsk_slice tbs;
    TSK_TRY(tsk_kid_of(root, &kid));
    TSK_TRY(to_be_signed(TSK_REC_ROSTER, &kid, &no_net, payload, &buf, &tbs));
    enum tsk_err e = TSK_E_BADSIG;
    for (size_t i = 0; i < sigs_n && e == TSK_E_BADSIG; i++)
        if (memcmp(sigs[i].kid.b, kid.b, sizeof kid.b) == 0)
            e = tsk_verify_once(root, tbs, sigs[i].sig);
    return e;
}

static bool seen_before(const struct tsk_pk *roots, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (memcmp(roots[j].b, roots[i].b, sizeof roots[i].b) == 0)
            return true;
    return false;
}

/* Counted by root, not by signature, so that neither a repeated signature nor a repeated root counts twice. */
enum tsk_err tsk_roster_verify(struct tsk_slice payload, const struct tsk_roster_sig *sigs, size_t sigs_n,
                               const struct tsk_pk *roots, size_t roots_n, uint64_t threshold, struct tsk_id32 *ret_id)
{
    uint64_t good = 0;
    for (size_t i = 0; i < roots_n; i++) {
        enum tsk_err e = seen_before(roots, i) ? TSK_E_BADSIG : signed_by(&roots[i], payload, sigs, sigs_n);
        if (tsk_err_class(e) == TSK_CLASS_LOCAL)
            return e;
        good += e == TSK_OK;
    }
    if (threshold == 0 || good < threshold)
        return TSK_E_ROSTERROOT;
    return tsk_roster_id(payload, ret_id);
}
