/* signed.c - the one check of a put, fetch or confirm, in the order of docs/PROTOCOL.md section 8. */
#include "crypto/sign.h"
#include "node/post/inside.h"

enum tsk_err tsk_signed_by_member(struct tsk_ctx *ctx, enum tsk_rec r, struct tsk_slice bytes, uint64_t now,
                                  void *ret_struct, const struct tsk_entry **ret_signer)
{
    struct tsk_envelope env;
    if (bytes.n > tsk_rec_max(r))
        return TSK_E_MALFORMED;
    TSK_TRY(tsk_cose_parse(bytes, &env));
    if (env.rec != r)
        return TSK_E_WRONGTYPE;
    const struct tsk_entry *e = tsk_member_by_kid(ctx->members, &env.kid, now);
    if (e == NULL)
        return TSK_E_UNKNOWNPEER;
    TSK_TRY(tsk_record_verify(&env, e->verifier, &ctx->members->net));
    TSK_TRY(tsk_rec_decode(r, env.payload, ret_struct));
    *ret_signer = e;
    return TSK_OK;
}
