/* hostile.h - a member of the roster who keeps to no rule: any record, any parcel, any request, over the real wire. */
#ifndef TSK_TESTS_SYSTEM_HOSTILE_H
#define TSK_TESTS_SYSTEM_HOSTILE_H

#include "crypto/card.h"
#include "crypto/seal.h"
#include "node/post/post.h"
#include "node/post/wire.h"
#include "node/store/ctx.h"
#include "schema/status.h"

/* ---- the run ---- */
struct hostile {
    struct tsk_ctx ctx;              /* of the hostile node's own folder: its keys and the roster */
    struct tsk_dial *to, *office;    /* the victim; the hostile node's own post office */
    const struct tsk_entry *victim;
    const char *victim_dir;
    uint64_t seq;                    /* numbers used towards the victim */
    struct tsk_slice content;        /* what world_seal seals; empty: a true C6 */
    unsigned passed, failed;
};
extern struct hostile H;

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);
void must(enum tsk_err e, const char *what);
/* One line of the report: passes when got == want. */
void expect(const char *name, long got, long want);
void expect_text(const char *name, const char *got, const char *want);

void hostile_open(const char *dir, const char *victim, const char *victim_dir);
const struct tsk_kid *me(void);
const struct tsk_kid *them(void);
uint64_t wall(void);
void *keep(const void *p, size_t n); /* lives to the end of the run */

/* ---- what it sends ---- */
#define LOAD_MAX TSK_PARCEL_RECORDS_MAX
struct load {
    struct tsk_slice records[LOAD_MAX], cts[LOAD_MAX], wraps[LOAD_MAX];
    size_t records_n, cts_n, wraps_n;
    uint64_t seq, floor; /* 0: the next number, in order */
    const struct tsk_kid *from;
};
void load_add(struct load *l, struct tsk_slice record);
/* A put with its parts as given; the code of the reply, -1 for none. */
long put_raw(struct tsk_slice put, struct tsk_slice parcel);
/* The same of one byte string, or of what is no request at all. */
long ask_raw(struct tsk_slice part);
struct tsk_slice put_of(struct tsk_slice parcel, const struct tsk_put *like);
struct tsk_slice parcel_of(const struct load *l, const struct tsk_id16 *put_id);
/* Sends the load with a harmless record behind it, and waits for the receipt of that: whatever has no line then was
 * not answered. Returns the code of the put. */
long send_load(struct load *l);
/* The receipt line of a record sent before: its code, -1 for no line. */
long answer_of(const struct tsk_id32 *id);
void lines_forget(void); /* all receipts so far */
/* Newest record of this row that has come to the hostile node. */
bool got_record(enum tsk_rec r, struct tsk_slice *ret_bytes, struct tsk_id32 *ret_id);
void fetch_mail(void);

/* ---- what it makes ---- */
struct tsk_slice sign_as(enum tsk_rec r, const void *record, struct tsk_signer_key *key, struct tsk_id32 *ret_id);
struct tsk_slice sign_own(enum tsk_rec r, const void *record, struct tsk_id32 *ret_id);

struct person {
    struct tsk_signer_key *sign;
    struct tsk_kem_key *kem;
    struct tsk_holder h;
    struct tsk_kid kid;
    struct tsk_slice record;
    struct tsk_id32 id;
};
struct person person_new(uint64_t kind, const struct tsk_kid *enrolled_by);

struct world { /* a referral to the victim with one item, one holder and one grant: all true unless somebody edits it */
    struct person who;
    struct tsk_referral r;
    struct tsk_id32 ref;
    struct tsk_slice referral;
    struct tsk_item it;
    struct tsk_id32 item;
    struct tsk_slice item_bytes, ct;
    struct tsk_grant g;
    struct tsk_id32 grant;
    struct tsk_slice grant_bytes, wraps, cosign;
};
void world_begin(struct world *w, uint64_t kind);                      /* person and referral */
void world_seal(struct world *w, const char *category, uint64_t age_class, uint64_t require);
void world_grant(struct world *w);                                     /* fills g, wraps; unsigned */
void world_wraps(struct world *w, const struct tsk_kid *to, const struct tsk_seal_key *key, const struct tsk_id16 *id);
void world_sign(struct world *w, struct tsk_signer_key *key);          /* grant and the capture cosign */
struct world world_new(void);                                          /* all of it, class 3, C6 */
void world_load(const struct world *w, struct load *l);                /* referral, holder, item, cosign, grant */

/* ---- what the victim's staff see ---- */
/* Asks the control socket; the error's code, "ok", or "none" if there was no answer. */
const char *control(const char *request, size_t n);
const char *opens(const struct world *w, const char *category);
/* The text or number of a member of `history`. */
const char *history(const struct tsk_id16 *referral, const char *name);
long control_ms(void); /* how long `status` takes */

/* ---- the attacks ---- */
void attack_consent(void);
void attack_holders(void);
void attack_wire(void);
void attack_numbers(void);
void attack_stops(void);
void attack_order(void);
void attack_stranger(const char *referral_hex, const char *grant_hex, const char *item_hex);
void attack_control(void);
void attack_escape(void);
void attack_recipient(const char *referral_hex);
void attack_flood(const char *what, unsigned n);
#endif
