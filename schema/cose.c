#include "schema/cose.h"

#include <string.h>

#define HEADER_ALG 1
#define HEADER_KID 4
#define HEADER_TYP 16
#define ALG_ED25519 (-19)
#define TAG_SIGN1 18
#define PROTECTED_CAP 80
#define AAD_LABEL "tasuki/1"
#define AAD_LABEL_LEN 8

static void put_protected(struct tsk_cbor_out *out, const char *typ, const struct tsk_kid *kid)
{
    tsk_cbor_put_map(out, 3);
    tsk_cbor_put_uint(out, HEADER_ALG);
    tsk_cbor_put_int(out, ALG_ED25519);
    tsk_cbor_put_uint(out, HEADER_KID);
    tsk_cbor_put_bytes(out, TSK_SLICE(kid->b));
    tsk_cbor_put_uint(out, HEADER_TYP);
    tsk_cbor_put_str(out, typ);
}

/* The protected bytes of row r and kid, in the caller's buffer. */
static struct tsk_slice protected_bytes(enum tsk_rec r, const struct tsk_kid *kid, uint8_t buf[PROTECTED_CAP])
{
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, buf, PROTECTED_CAP);
    put_protected(&out, tsk_rec_typ(r), kid);
    return (struct tsk_slice){buf, out.n};
}

/* Takes kid and typ from where they should stand; that all else is as it must be, rebuilding them shows. */
static enum tsk_err read_protected(struct tsk_slice bytes, struct tsk_kid *ret_kid, struct tsk_slice *ret_typ)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    (void)tsk_cbor_map(&in);
    (void)tsk_cbor_uint(&in);
    (void)tsk_cbor_int(&in);
    (void)tsk_cbor_uint(&in);
    struct tsk_slice kid = tsk_cbor_bytes(&in);
    (void)tsk_cbor_uint(&in);
    struct tsk_slice typ = tsk_cbor_text(&in);
    TSK_TRY(tsk_cbor_done(&in));
    if (kid.n != sizeof ret_kid->b)
        return TSK_E_MALFORMED;
    memcpy(ret_kid->b, kid.p, kid.n);
    *ret_typ = typ;
    return TSK_OK;
}

/* The four parts of 18([ protected, {}, payload, signature64 ]). */
static enum tsk_err read_parts(struct tsk_slice bytes, struct tsk_slice *ret_protected, struct tsk_slice *ret_payload,
                               struct tsk_slice *ret_sig)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    tsk_cbor_tag(&in, TAG_SIGN1);
    if (tsk_cbor_array(&in) != 4)
        return TSK_E_MALFORMED;
    struct tsk_slice protected = tsk_cbor_bytes(&in);
    if (tsk_cbor_map(&in) != 0)
        return TSK_E_MALFORMED;
    struct tsk_slice payload = tsk_cbor_bytes(&in), sig = tsk_cbor_bytes(&in);
    TSK_TRY(tsk_cbor_done(&in));
    if (sig.n != 64)
        return TSK_E_MALFORMED;
    *ret_protected = protected;
    *ret_payload = payload;
    *ret_sig = sig;
    return TSK_OK;
}

enum tsk_err tsk_cose_parse(struct tsk_slice bytes, struct tsk_envelope *ret_env)
{
    struct tsk_envelope env = {0};
    struct tsk_slice protected, sig, typ;
    uint8_t buf[PROTECTED_CAP];
    if (bytes.n > TSK_RECORD_MAX)
        return TSK_E_MALFORMED;
    TSK_TRY(read_parts(bytes, &protected, &env.payload, &sig));
    TSK_TRY(read_protected(protected, &env.kid, &typ));
    TSK_TRY(tsk_rec_by_typ(typ, &env.rec));
    /* A roster has its own form, and what is plain is never signed: their typs in an envelope are no record's. */
    if (tsk_rec_form(env.rec) != TSK_FORM_SIGNED)
        return TSK_E_WRONGTYPE;
    if (bytes.n > tsk_rec_max(env.rec) || !tsk_slice_eq(protected, protected_bytes(env.rec, &env.kid, buf)))
        return TSK_E_MALFORMED;
    env.sig = sig.p;
    *ret_env = env;
    return TSK_OK;
}

enum tsk_err tsk_cose_sig_structure(enum tsk_rec r, const struct tsk_kid *kid, const struct tsk_id16 *net,
                                    struct tsk_slice payload, uint8_t *buf, size_t cap, struct tsk_slice *ret_bytes)
{
    uint8_t protected[PROTECTED_CAP], aad[AAD_LABEL_LEN + sizeof net->b];
    memcpy(aad, AAD_LABEL, AAD_LABEL_LEN);
    memcpy(aad + AAD_LABEL_LEN, net->b, sizeof net->b);
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, buf, cap);
    tsk_cbor_put_array(&out, 4);
    tsk_cbor_put_str(&out, "Signature1");
    tsk_cbor_put_bytes(&out, protected_bytes(r, kid, protected));
    tsk_cbor_put_bytes(&out, TSK_SLICE(aad));
    tsk_cbor_put_bytes(&out, payload);
    return tsk_cbor_out_done(&out, ret_bytes);
}

enum tsk_err tsk_cose_build(enum tsk_rec r, const struct tsk_kid *kid, struct tsk_slice payload, const uint8_t sig[64],
                            uint8_t *buf, size_t cap, struct tsk_slice *ret_bytes)
{
    uint8_t protected[PROTECTED_CAP];
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, buf, cap);
    tsk_cbor_put_tag(&out, TAG_SIGN1);
    tsk_cbor_put_array(&out, 4);
    tsk_cbor_put_bytes(&out, protected_bytes(r, kid, protected));
    tsk_cbor_put_map(&out, 0);
    tsk_cbor_put_bytes(&out, payload);
    tsk_cbor_put_bytes(&out, (struct tsk_slice){sig, 64});
    return tsk_cbor_out_done(&out, ret_bytes);
}

/* ---- the roster ---- */
static bool kid_less(const struct tsk_kid *a, const struct tsk_kid *b)
{
    return memcmp(a->b, b->b, sizeof a->b) < 0;
}

static enum tsk_err read_roster_sig(struct tsk_cbor_in *in, struct tsk_roster_sig *ret_sig)
{
    if (tsk_cbor_array(in) != 2)
        return TSK_E_MALFORMED;
    struct tsk_slice kid = tsk_cbor_bytes(in), sig = tsk_cbor_bytes(in);
    if (kid.n != sizeof ret_sig->kid.b || sig.n != sizeof ret_sig->sig)
        return TSK_E_MALFORMED;
    memcpy(ret_sig->kid.b, kid.p, kid.n);
    memcpy(ret_sig->sig, sig.p, sig.n);
    return TSK_OK;
}

enum tsk_err tsk_roster_split(struct tsk_slice bytes, struct tsk_slice *ret_payload,
                              struct tsk_roster_sig ret_sigs[TSK_ROOTS_MAX], size_t *ret_sigs_n)
{
    struct tsk_roster_sig sigs[TSK_ROOTS_MAX];
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    if (bytes.n > tsk_rec_max(TSK_REC_ROSTER) || tsk_cbor_array(&in) != 2)
        return TSK_E_MALFORMED;
    struct tsk_slice payload = tsk_cbor_bytes(&in);
    uint64_t n = tsk_cbor_array(&in);
    if (n < 1 || n > TSK_ROOTS_MAX)
        return TSK_E_MALFORMED;
    for (size_t i = 0; i < n; i++) {
        TSK_TRY(read_roster_sig(&in, &sigs[i]));
        if (i > 0 && !kid_less(&sigs[i - 1].kid, &sigs[i].kid))
            return TSK_E_MALFORMED;
    }
    TSK_TRY(tsk_cbor_done(&in));
    memcpy(ret_sigs, sigs, n * sizeof *sigs);
    *ret_sigs_n = (size_t)n;
    *ret_payload = payload;
    return TSK_OK;
}

enum tsk_err tsk_roster_join(struct tsk_slice payload, const struct tsk_roster_sig *sigs, size_t sigs_n, uint8_t *buf,
                             size_t cap, struct tsk_slice *ret_bytes)
{
    if (sigs_n < 1 || sigs_n > TSK_ROOTS_MAX)
        return TSK_E_MALFORMED;
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, buf, cap);
    tsk_cbor_put_array(&out, 2);
    tsk_cbor_put_bytes(&out, payload);
    tsk_cbor_put_array(&out, sigs_n);
    for (size_t i = 0; i < sigs_n; i++) {
        if (i > 0 && !kid_less(&sigs[i - 1].kid, &sigs[i].kid))
            return TSK_E_MALFORMED;
        tsk_cbor_put_array(&out, 2);
        tsk_cbor_put_bytes(&out, TSK_SLICE(sigs[i].kid.b));
        tsk_cbor_put_bytes(&out, TSK_SLICE(sigs[i].sig));
    }
    return tsk_cbor_out_done(&out, ret_bytes);
}

void tsk_cose_key(const struct tsk_pk *pk, uint8_t ret_bytes[40])
{
    static const uint8_t HEAD[8] = {0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20};
    memcpy(ret_bytes, HEAD, sizeof HEAD);
    memcpy(ret_bytes + sizeof HEAD, pk->b, sizeof pk->b);
}
