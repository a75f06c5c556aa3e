/* taken.h - what every codec test asks: was it taken, and if so, is it the same bytes again? */
#ifndef TSK_TESTS_SCHEMA_TAKEN_H
#define TSK_TESTS_SCHEMA_TAKEN_H

#include "tests/check.h"
#include "tests/examples.h"

#define TAKEN_CAP (TSK_PARCEL_MAX + 4096)

static struct tsk_example example, back; /* the record at hand, and what came back */
static uint8_t buf[TAKEN_CAP], again[TAKEN_CAP];

/* Decodes; whatever is taken must be deterministic CBOR and encode to the same bytes. Says whether it was taken. */
static inline bool taken(enum tsk_rec r, struct tsk_slice bytes)
{
    struct tsk_slice same;
    enum tsk_err e = tsk_rec_decode(r, bytes, &back.rec);
    if (e != TSK_OK) {
        ck_assert_msg(e == TSK_E_MALFORMED || e == TSK_E_SUITE, "%s: %s", tsk_rec_name(r), tsk_err_name(e));
        return false;
    }
    ck_ok(tsk_cbor_check(bytes));
    ck_ok(tsk_rec_encode(r, &back.rec, again, sizeof again, &same));
    ck_assert_msg(tsk_slice_eq(same, bytes), "%s encodes to other bytes", tsk_rec_name(r));
    return true;
}

/* Encodes the record at hand and says what came of it; what was taken must decode to the same bytes. */
static inline enum tsk_err tried(enum tsk_rec r)
{
    struct tsk_slice bytes, same;
    enum tsk_err e = tsk_rec_encode(r, &example.rec, buf, sizeof buf, &bytes);
    if (e != TSK_OK) {
        ck_assert_msg(e == TSK_E_MALFORMED || e == TSK_E_SUITE, "%s: %s", tsk_rec_name(r), tsk_err_name(e));
        return e;
    }
    ck_ok(tsk_rec_decode(r, bytes, &back.rec));
    ck_ok(tsk_rec_encode(r, &back.rec, again, sizeof again, &same));
    ck_assert(tsk_slice_eq(bytes, same));
    return TSK_OK;
}

#endif
