/* members.h - the roster in force, verified and indexed. Immutable once built; a new roster is a new object. */
#ifndef TSK_NODE_CORE_MEMBERS_H
#define TSK_NODE_CORE_MEMBERS_H

#include "crypto/sign.h"

struct tsk_entry {              /* one node of the roster */
    struct tsk_member m;        /* borrows the roster's bytes */
    struct tsk_partner org;     /* its organisation's row; type and name always there */
    struct tsk_verifier *verifier;
    const char *url;            /* first URL, or NULL: it only dials out */
};

struct tsk_members {
    uint8_t *bytes; size_t bytes_n; /* the whole roster as installed; everything below borrows it */
    struct tsk_roster r;
    struct tsk_id32 id;
    struct tsk_id16 net;            /* r.net, or of the genesis itself */
    struct tsk_entry *entries; size_t n;            /* sorted by kid */
    struct tsk_partner *partners; size_t partners_n; /* the directory, sorted by id */
};

/* Verifies `bytes` by `threshold` of `roots` (NULL: by its own roots, for a first look), indexes it.
 * Takes a copy of bytes. TSK_E_MALFORMED (also: a kid that is not its key's, a key or id8 that is not admitted, two nodes
 * of one organisation at one time, a post office without that role, a node without a directory row), TSK_E_ROSTERROOT.
 * Free with tsk_members_free. */
TSK_MUST_USE enum tsk_err tsk_members_new(struct tsk_slice bytes, const struct tsk_pk *roots, size_t roots_n,
                                          uint64_t threshold, struct tsk_members **ret_m);
/* The same for a roster that was verified before: `bytes` must be the roster `id` (TSK_E_ROSTERROOT), its signatures are
 * not looked at. For the node's own copy, once the roots that signed it have handed over. */
TSK_MUST_USE enum tsk_err tsk_members_known(struct tsk_slice bytes, const struct tsk_id32 *id, struct tsk_members **ret_m);
void tsk_members_free(struct tsk_members *m);

/* NULL if there is none, or it has left (until <= now) or not begun. `now` 0 = whenever. */
const struct tsk_entry *tsk_member_by_kid(const struct tsk_members *m, const struct tsk_kid *kid, uint64_t now);
const struct tsk_entry *tsk_member_by_partner(const struct tsk_members *m, const char *partner, uint64_t now);
/* The directory row of an organisation, node or not; false if none. */
bool tsk_partner_find(const struct tsk_members *m, const char *partner, struct tsk_partner *ret_p);
/* The sealing key of the entry for this year (UTC of now), else its newest. */
const struct tsk_seal_key *tsk_member_seal_key(const struct tsk_entry *e, uint64_t now);

/* Whether `next` may follow `cur`: signed by cur's roots and threshold (done by the caller through tsk_members_new),
 * same net (TSK_E_WRONGTYPE), seq greater (TSK_E_ROSTEROLD), equal seq and other content TSK_E_FORK (the same content
 * TSK_OK: nothing new), seq + 1 must name cur as prev (TSK_E_FORK). */
TSK_MUST_USE enum tsk_err tsk_members_follow(const struct tsk_members *cur, const struct tsk_members *next);

/* D/roster.cose, and the pins in D/roots (0600), a text file of `key = value` lines:
 *     roster = <id32, hex>       the roster in D/roster.cose, verified when it was installed
 *     threshold = 2              how many of the roots below must sign the next one
 *     root = <key, hex>          one line for each root that the roster names, sorted
 * The first install pins what the roster itself names; `root_fp` (or NULL) then insists on the hex SHA-256 of the sorted
 * roots that sign, spaces and case ignored (TSK_E_ROSTERROOT). Every later roster must be signed by the roots that the
 * installed one names, and follow it; its own roots take their place. The same roster again: TSK_OK, nothing changes.
 * Lost D/roster.cose: the next install is judged by D/roots. Lost D/roots: the next install is a first one, so the folder
 * must be kept from other users. Used by `tasuki roster install` and by the daemon. */
TSK_MUST_USE enum tsk_err tsk_roster_install(const char *dir, struct tsk_slice bytes, const char *root_fp);
TSK_MUST_USE enum tsk_err tsk_roster_load(const char *dir, struct tsk_members **ret_m); /* TSK_E_NOROSTER */
/* Hex SHA-256 over the sorted root keys. */
TSK_MUST_USE enum tsk_err tsk_roster_fingerprint(const struct tsk_members *m, char ret_hex[65]);

#endif
