/* run_formats.c - RFC 8949 appendix A and the cose-wg examples: what tasuki's profile takes and what it must refuse. */
#include "crypto/sign.h"
#include "schema/cbor.h"
#include "tests/vectors/run.h"

/* By the first byte and by whether an encoder would give the same bytes: major types 0 to 5 are in the profile when
 * they are definite and shortest, of the rest only false and true (the set has no tag 18). */
static bool in_profile(const json_t *e, struct bytes b)
{
    if (!json_is_true(json_object_get(e, "roundtrip")) || b.n == 0)
        return false;
    return b.p[0] >> 5 <= 5 || (b.n == 1 && (b.p[0] == 0xf4 || b.p[0] == 0xf5));
}

void run_cbor(struct set *s)
{
    json_t *root = load("cbor/appendix_a.json"), *e;
    size_t i;
    json_array_foreach(root, i, e) {
        BYTES b = hex_of(e, "hex");
        bool taken = tsk_cbor_check(SLICE(b)) == TSK_OK;
        bool ok = taken == in_profile(e, b);
        for (size_t n = 0; n < b.n; n++) /* no beginning of it is an item */
            ok = ok && tsk_cbor_check((struct tsk_slice){b.p, n}) != TSK_OK;
        set_case(s, ok, "item", (long long)i);
    }
    json_decref(root);
}

/* ---- COSE ---- */
static const char skipped[] =
    "signatures of other curves, COSE_Sign, unsorted maps, bytes that a failing example changed";

struct sign1 { struct tsk_slice protected, payload, sig; };

/* The parts of any COSE_Sign1, tagged or not, by the reader that tasuki itself uses. */
static bool split(struct tsk_slice bytes, struct sign1 *ret_parts)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    if (tsk_cbor_peek(&in) == TSK_CBOR_TAG)
        tsk_cbor_tag(&in, 18);
    bool four = tsk_cbor_array(&in) == 4;
    ret_parts->protected = tsk_cbor_bytes(&in);
    tsk_cbor_any(&in);
    ret_parts->payload = tsk_cbor_bytes(&in);
    ret_parts->sig = tsk_cbor_bytes(&in);
    return four && tsk_cbor_done(&in) == TSK_OK;
}

/* Sig_structure of RFC 9052 4.4; an empty protected map is signed as no bytes. */
static struct tsk_slice to_be_signed(const struct sign1 *c, struct tsk_slice external, uint8_t *buf, size_t cap)
{
    struct tsk_cbor_out out;
    struct tsk_slice tbs = {NULL, 0}, none = {NULL, 0};
    bool empty = c->protected.n == 1 && c->protected.p[0] == 0xa0;
    tsk_cbor_out_init(&out, buf, cap);
    tsk_cbor_put_array(&out, 4);
    tsk_cbor_put_str(&out, "Signature1");
    tsk_cbor_put_bytes(&out, empty ? none : c->protected);
    tsk_cbor_put_bytes(&out, external);
    tsk_cbor_put_bytes(&out, c->payload);
    if (tsk_cbor_out_done(&out, &tbs) != TSK_OK)
        abort();
    return tbs;
}

static void check_signature(struct set *s, const json_t *key, const struct sign1 *c, struct tsk_slice tbs, long long id)
{
    BYTES x = hex_of(key, "x_hex");
    struct tsk_pk pk;
    if (strcmp(text_of(key, "crv"), "Ed25519") != 0) {
        set_skip(s, skipped);
        return;
    }
    memcpy(pk.b, x.p, 32);
    set_case(s, x.n == 32 && c->sig.n == 64 && tsk_verify_once(&pk, tbs, c->sig.p) == TSK_OK, "signature", id);
}

static void cose_file(struct set *s, const char *path, long long id)
{
    json_t *root = load(path);
    const json_t *sign0 = json_object_get(json_object_get(root, "input"), "sign0");
    BYTES cbor = hex_of(json_object_get(root, "output"), "cbor"), external = hex_of(sign0, "external");
    BYTES want = hex_of(json_object_get(root, "intermediates"), "ToBeSign_hex");
    struct tsk_envelope env;
    struct sign1 c;
    uint8_t buf[512];
    set_case(s, cbor.n > 0 && tsk_cose_parse(SLICE(cbor), &env) != TSK_OK, "refusal by profile", id);
    if (sign0 == NULL || json_object_get(sign0, "countersign0") != NULL ||
        json_is_true(json_object_get(root, "fail"))) {
        set_skip(s, skipped);
    } else {
        bool ok = split(SLICE(cbor), &c);
        struct tsk_slice tbs = ok ? to_be_signed(&c, SLICE(external), buf, sizeof buf) : (struct tsk_slice){NULL, 0};
        set_case(s, ok && tsk_slice_eq(tbs, SLICE(want)), "Sig_structure", id);
        if (ok)
            check_signature(s, json_object_get(sign0, "key"), &c, tbs, id);
    }
    json_decref(root);
}

void run_cose(struct set *s)
{
    static const char *const files[] = {
        "cose/eddsa-examples/eddsa-01.json",     "cose/eddsa-examples/eddsa-02.json",
        "cose/eddsa-examples/eddsa-sig-01.json", "cose/eddsa-examples/eddsa-sig-02.json",
        "cose/sign1-tests/sign-pass-01.json",    "cose/sign1-tests/sign-pass-02.json",
        "cose/sign1-tests/sign-pass-03.json",    "cose/sign1-tests/sign-fail-01.json",
        "cose/sign1-tests/sign-fail-02.json",    "cose/sign1-tests/sign-fail-03.json",
        "cose/sign1-tests/sign-fail-04.json",    "cose/sign1-tests/sign-fail-06.json",
        "cose/sign1-tests/sign-fail-07.json",    "cose/countersign1/signed1-01.json",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        cose_file(s, files[i], (long long)i);
}
