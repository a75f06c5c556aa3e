/* record.h - the shape of every record and message, as C structs, and the one codec that reads and writes them all.
 *
 * The codec is driven by a table of fields per record (shapes.c): integer keys, exact keys, ranges, caps, sets sorted
 * bytewise. Nothing is allocated: fixed bytes are copied, `struct tsk_slice` members point into the decoded input, and
 * `struct tsk_seq` members are arrays checked element by element at decoding and walked later with tsk_seq_next().
 * decode(encode(x)) == x and encode(decode(b)) == b, or decoding fails with TSK_E_MALFORMED.
 *
 * docs/PROTOCOL.md sections 3-6 is the text these structs follow; the comments give its key numbers.
 * All times are UTC seconds. Codes are text, exactly as in the code lists ("N07", "C1", "A3"), NUL-padded.
 */
#ifndef TSK_SCHEMA_RECORD_H
#define TSK_SCHEMA_RECORD_H

#include <string.h>

#include "schema/cbor.h"
#include "schema/limits.h"

enum tsk_rec {
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) TSK_REC_##NAME,
#include "schema/records.def"
#undef TSK_RECORD
    TSK_REC_COUNT,
};

enum tsk_form { TSK_FORM_SIGNED, TSK_FORM_ROSTER, TSK_FORM_PLAIN };
enum tsk_signer { TSK_SIGNER_NODE, TSK_SIGNER_HOLDER, TSK_SIGNER_EITHER, TSK_SIGNER_SELF, TSK_SIGNER_NOBODY };

struct tsk_code { char s[8]; }; /* "N07", NUL-padded; also a ward ("011029") */

struct tsk_kid { uint8_t b[32]; };  /* RFC 9679 thumbprint of an Ed25519 COSE_Key */
struct tsk_id32 { uint8_t b[32]; }; /* SHA-256 of a record's Sig_structure: names a signed record */
struct tsk_id16 { uint8_t b[16]; }; /* chosen at random by the author */
struct tsk_pk { uint8_t b[32]; };   /* Ed25519 or X25519 public key */

static inline bool tsk_kid_eq(const struct tsk_kid *a, const struct tsk_kid *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}
static inline bool tsk_id32_eq(const struct tsk_id32 *a, const struct tsk_id32 *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* An array inside a record, checked when the record was decoded. `bytes` = the elements, without the array's head. */
struct tsk_seq {
    struct tsk_slice bytes; /* borrows from the record's bytes */
    uint64_t n;             /* elements */
};

/* ---- section 3: who ---- */
struct tsk_seal_key { uint64_t year; uint8_t id8[8]; struct tsk_pk pk; };

struct tsk_join {                       /* typ tasuki-join, signed with the key it carries, net = 16 zero bytes */
    struct tsk_id16 id;                 /* 2 */
    uint64_t time;                      /* 3 */
    char partner[TSK_PARTNER_ID_CAP];   /* 4 */
    struct tsk_pk sign_pk;              /* 5 */
    struct tsk_seal_key seal[TSK_SEAL_KEYS_MAX]; size_t seal_n; /* 6: [+[year, id8, pk]] */
    struct tsk_slice csr;               /* 7: PKCS #10, DER, P-256 */
    struct tsk_seq urls;                /* 8: [*text] where it listens; empty = only dials out */
    uint64_t roles;                     /* 9: bits of enum tsk_role */
    struct tsk_seq posts;               /* 10: [*text] partner ids of its post offices; empty = itself */
    struct tsk_seq districts;           /* 11: [*text] */
};

enum tsk_role {
    TSK_ROLE_SENDER = 1, TSK_ROLE_RECIPIENT = 2, TSK_ROLE_POSTOFFICE = 4, TSK_ROLE_KEEPER = 8,
    TSK_ROLE_WITNESS = 16, TSK_ROLE_REGISTRAR = 32,
};

struct tsk_member {                     /* a node in the roster */
    char partner[TSK_PARTNER_ID_CAP];   /* 1 */
    struct tsk_kid kid;                 /* 2 = thumbprint of 3 */
    struct tsk_pk sign_pk;              /* 3 */
    struct tsk_seal_key seal[TSK_SEAL_KEYS_MAX]; size_t seal_n; /* 4 */
    struct tsk_kid posts[TSK_POSTS_MAX]; size_t posts_n;        /* 5: one or two post offices */
    struct tsk_seq urls;                /* 6: [*text] */
    struct tsk_slice tls_cert;          /* 7: DER, P-256, signed by the roster's TLS key at `roster admit` */
    uint64_t roles;                     /* 8 */
    struct tsk_seq districts;           /* 9: [*text], of the districts table */
    uint64_t from;                      /* 10 */
    bool has_until; uint64_t until;     /* ?11 left the network then */
    bool has_succeeds; struct tsk_kid succeeds; /* ?12 same organisation, earlier key */
};

struct tsk_partner {                    /* an organisation in the directory, HSDS terms: organization + service_at_location */
    char id[TSK_PARTNER_ID_CAP];        /* 1 */
    struct tsk_code type;               /* 2: T01.. */
    struct tsk_slice name;              /* 3: ja, text */
    struct tsk_slice kana;              /* 4: text, may be empty */
    struct tsk_slice name_en;           /* 5: text, may be empty */
    struct tsk_code ward;               /* 6: 6 digits, or empty = whole city */
    struct tsk_seq needs;               /* 7: [*text] N.. served */
    struct tsk_slice hours;             /* 8: text */
    uint64_t flags;                     /* 9: 1 hidden from the directory, 2 fictional sample */
};

/* [payload, [+[root kid, sig64]]], see tsk_roster_split; net for the AAD = 16 zero bytes. */
struct tsk_roster {
    struct tsk_id16 net;                /* 2: zeros in the genesis payload */
    uint64_t seq;                       /* 3: genesis = 1 */
    struct tsk_id32 prev;               /* 4: id32 of the roster before; zeros at genesis */
    uint64_t time, valid_until;         /* 5, 6 */
    struct tsk_slice name;              /* 7: text */
    struct tsk_pk roots[TSK_ROOTS_MAX]; size_t roots_n; /* 8: root public keys, sorted */
    uint64_t threshold;                 /* 9 */
    struct tsk_slice tls_ca;            /* 10: DER */
    struct tsk_seq members;             /* 11: [*member] */
    struct tsk_seq partners;            /* 12: [*partner] */
    uint64_t min_suite;                 /* 13 */
    uint64_t min_mode;                  /* 14: lowest mode of every category; 1 card, 2 keepers */
    uint64_t policy;                    /* 15: version of the consent rule */
    struct tsk_seq notices;             /* 16: [*bytes32] hashes of the notice texts in use */
    uint64_t keepers[3];                /* 17: [n, t, f] */
    uint64_t witnesses[2];              /* 18: [w, k] */
};

enum tsk_holder_kind { TSK_HOLDER_CHILD = 1, TSK_HOLDER_GUARDIAN = 2 };
enum tsk_holder_state { TSK_HOLDER_ACTIVE = 1, TSK_HOLDER_STOPPED = 2, TSK_HOLDER_REPLACED = 3 };

struct tsk_holder {                     /* typ tasuki-holder */
    struct tsk_pk sign_pk;              /* 2 */
    uint64_t suite; struct tsk_pk kem_pk; /* 3: [suite, kem pk] */
    uint64_t kind;                      /* 4 */
    uint64_t state;                     /* 5 */
    uint64_t time;                      /* 6 */
    struct tsk_kid enrolled_by;         /* 7 */
    bool has_other; struct tsk_kid other; /* ?8 successor or predecessor */
    uint8_t pop[64];                    /* 10: by the holder, see tsk_holder_pop_message */
};

/* ---- section 5: what is said ---- */
struct tsk_referral {                   /* typ tasuki-referral: the token */
    struct tsk_id16 id;                 /* 2 */
    struct tsk_kid sender, recipient;   /* 3, 4 */
    struct tsk_code needs[TSK_NEEDS_MAX]; size_t needs_n; /* 5: set */
    struct tsk_code urgency, age_band, ward; /* 6, 7, 8 */
    uint64_t created, reply_by;         /* 9, 10 */
    uint64_t policy;                    /* 11: version of the consent rule */
    struct tsk_id32 link;               /* 12 */
};

enum tsk_all { TSK_ANY = 1, TSK_ALL = 2 };

struct tsk_item_core {
    struct tsk_id16 id;                 /* 2 */
    struct tsk_id32 referral;           /* 3 */
    struct tsk_kid sender;              /* 4 */
    struct tsk_kid holders[TSK_HOLDERS_MAX]; size_t holders_n; /* 5: set */
    uint64_t require;                   /* 6: enum tsk_all */
    struct tsk_code category;           /* 7 */
    uint64_t suite, mode;               /* 8, 9 */
    uint64_t created, destroy_after;    /* 10, 11 */
    uint64_t age_class, class_until;    /* 13: [class 1..4, until] */
    uint64_t roster_seq;                /* 14 */
    /* key 12 (keepers: t, epoch, kids) belongs to mode 2 and is refused until keepers exist */
};

struct tsk_wrap { struct tsk_kid holder; uint8_t s1_commit[32], enc[32], ct[48]; };

struct tsk_item {                       /* typ tasuki-item */
    struct tsk_slice core_bytes;        /* 1: the encoded item-core; core = H(core_bytes) */
    struct tsk_item_core core;          /* filled at decoding from core_bytes; encoding writes core_bytes */
    uint8_t ct_hash[32];                /* 2 */
    uint64_t ct_len;                    /* 3 */
    uint8_t ck_commit[32];              /* 4 */
    struct tsk_wrap wraps[TSK_HOLDERS_MAX]; size_t wraps_n; /* 5: one for each holder, in their order */
};

struct tsk_grant_item { struct tsk_id32 item; struct tsk_code category; };
enum tsk_grant_state { TSK_GRANT_GIVEN = 1, TSK_GRANT_REFUSED = 3 };
enum tsk_how { TSK_HOW_PHONE = 1, TSK_HOW_TABLET = 2 };

struct tsk_grant {                      /* typ tasuki-grant, signed by the holder */
    struct tsk_id16 id;                 /* 2: record_id */
    struct tsk_kid holder;              /* 3 */
    uint64_t role; struct tsk_kid role_kid; /* 4: [1 self / 2 guardian, kid] */
    uint64_t state;                     /* 6 (5 is always 1, explicit) */
    uint64_t time, expires;             /* 7, 8: from time, until before expires */
    struct tsk_kid sender, recipient;   /* 9, 10 */
    struct tsk_code purpose;            /* 11 */
    struct tsk_grant_item items[TSK_ITEMS_MAX]; size_t items_n; /* 12: set */
    uint8_t notice_hash[32]; struct tsk_slice notice_lang; uint64_t notice_version; /* 13 */
    uint64_t retention_days;            /* 14 */
    uint8_t code_hash[32];              /* 15 */
    struct tsk_code basis;              /* 16: B1..B3 */
    uint64_t how; struct tsk_kid how_node; /* 17 */
    struct tsk_id32 lifts[TSK_LIFTS_MAX]; size_t lifts_n; /* 18: set of stop ids */
    struct tsk_id32 referral;           /* 19 */
    uint8_t wraps_hash[32];             /* 20 = H(wraps); zeros in a refusal */
};

struct tsk_rewrap { struct tsk_id32 item; uint8_t key_id8[8], enc[32], ct[48]; };
struct tsk_wraps {
    struct tsk_id16 id;                 /* 2: the grant's record_id */
    struct tsk_rewrap wraps[TSK_ITEMS_MAX]; size_t wraps_n; /* 3: set */
};

enum tsk_stop_form { TSK_STOP_GRANT = 1, TSK_STOP_REFERRAL = 2, TSK_STOP_HOLDER = 3, TSK_STOP_ITEM = 4 };
enum tsk_stop_by { TSK_BY_HOLDER = 1, TSK_BY_CODE = 2, TSK_BY_STAFF = 3 };

struct tsk_withdraw {                   /* typ tasuki-withdraw */
    struct tsk_id16 id;                 /* 2 */
    uint64_t form; struct tsk_id32 target; /* 3: [form, 32 bytes] */
    uint64_t time;                      /* 7 (6 is always 2) */
    uint64_t by;                        /* 8: [1] / [2, code16] / [3, reason, pseudonym16, ?on-behalf kid] */
    uint8_t code[16];                   /* by 2 */
    struct tsk_code reason;             /* by 3: S1 asked by phone.., a code list; free text stays at the node */
    struct tsk_id16 staff;              /* by 3 */
    bool has_behalf; struct tsk_kid behalf; /* by 3 */
};

struct tsk_status {                     /* typ tasuki-status */
    struct tsk_id16 id;                 /* 2 */
    struct tsk_id32 referral;           /* 3 */
    uint64_t seq;                       /* 4: from 1, each author's own */
    struct tsk_id32 prev;               /* 5: id32 of the author's status before; zeros at seq 1 */
    uint64_t state;                     /* 6: wire number of states.def */
    uint64_t time;                      /* 7 */
    bool has_item; struct tsk_id32 item;     /* ?8 */
    bool has_reason; struct tsk_code reason; /* ?9: D.., O.., C.., "tel", "given", "no" */
    bool has_staff; struct tsk_id16 staff;   /* ?10 */
    bool has_answers; struct tsk_id32 answers; /* ?11 */
    struct tsk_id32 seen;               /* 12: newest id32 of the other author seen; zeros = none */
    bool has_at; uint64_t at;           /* ?13 */
    bool has_recommend; char recommend[TSK_PARTNER_ID_CAP]; /* ?14 */
};

struct tsk_receipt_line { struct tsk_id32 id; uint64_t code; };
struct tsk_receipt {                    /* typ tasuki-receipt */
    struct tsk_id16 id;                 /* 2 */
    struct tsk_kid to;                  /* 3 */
    struct tsk_receipt_line lines[TSK_PARCEL_RECORDS_MAX]; size_t lines_n; /* 4: set */
    uint64_t time;                      /* 5 */
};

struct tsk_open {                       /* typ tasuki-open */
    struct tsk_id16 id;                 /* 2 */
    struct tsk_id32 grant, item;        /* 3, 4 */
    struct tsk_pk epk;                  /* 5: fresh; unused in mode 1 but always there */
    uint64_t time;                      /* 6 */
    struct tsk_id16 staff[2]; size_t staff_n; /* 7: one or two pseudonyms */
    struct tsk_code purpose;            /* 8 */
};

enum tsk_cosign_role { TSK_COSIGN_CAPTURE = 1, TSK_COSIGN_ORGANISATION = 2, TSK_COSIGN_STAFF = 3, TSK_COSIGN_OUTSIDE = 4 };
struct tsk_cosign {                     /* typ tasuki-cosign */
    struct tsk_id16 id;                 /* 2 (the PROTOCOL draft has none; R7 needs one) */
    struct tsk_id32 target;             /* 3 */
    uint64_t role;                      /* 4 */
    uint64_t time;                      /* 5 */
    struct tsk_id16 staff;              /* 6 */
};

struct tsk_deleted {                    /* typ tasuki-deleted */
    struct tsk_id16 id;                 /* 2 */
    struct tsk_id32 grant;              /* 3 */
    struct tsk_id32 items[TSK_ITEMS_MAX]; size_t items_n; /* 4: set */
    uint64_t time;                      /* 5 */
    uint64_t how;                       /* 6: 1 key destroyed, 2 nothing was kept */
};

/* ---- section 6: what carries it ---- */
struct tsk_put {                        /* typ tasuki-put; one id16 a parcel, one put a post office */
    struct tsk_id16 id; uint64_t time; struct tsk_kid post; uint8_t parcel_hash[32]; /* 2, 3, 4, 5 */
    struct tsk_kid to;                  /* 6: the mailbox, so that a refused parcel needs no decoding */
};
struct tsk_fetch {                      /* typ tasuki-fetch */
    struct tsk_id16 id; uint64_t time; struct tsk_kid post; struct tsk_id16 epoch; /* 2, 3, 4, 5 */
    uint64_t after, max, wait_ms;       /* 6, 7, 8 */
};
struct tsk_confirm {                    /* typ tasuki-confirm */
    struct tsk_id16 id; uint64_t time; struct tsk_kid post; struct tsk_id16 epoch; /* 2, 3, 4, 5 */
    uint64_t up_to;                     /* 6 */
};
struct tsk_parcel {                     /* plain map; HPKE to the recipient, aad = from kid || to kid || put id16 */
    struct tsk_kid to; uint8_t key_id8[8], enc[32]; struct tsk_slice ct; /* 1, 2, 3, 4 */
};
struct tsk_inner {                      /* inside a parcel, then zero bytes up to the padded length */
    struct tsk_kid from;                /* 1 */
    uint64_t seq, floor;                /* 2, 4: seq 0 = receipts alone; floor = lowest seq not yet receipted whole */
    struct tsk_id32 prev;               /* 3: H(inner of seq - 1), zeros for the first; shows a sender restored from backup */
    struct tsk_seq records;             /* 5: [*bytes] 1..128 encoded signed records */
    struct tsk_seq cts;                 /* 6: [*bytes] ciphertexts of the items among them */
    struct tsk_seq wraps;               /* 7: [*bytes] encoded wraps of the grants among them */
};
struct tsk_mail { uint64_t n; struct tsk_slice put, parcel; };
struct tsk_reply {                      /* answer of a post office to put, confirm and fetch */
    uint64_t code;                      /* 1: wire number of an error, 0 done */
    uint64_t roster_seq; struct tsk_id32 roster_id; /* 2: [seq, id32] in use there */
    struct tsk_id16 epoch;              /* 3: of this mailbox; a post office that lost its store has another */
    uint64_t end;                       /* 4: newest number in the mailbox */
    struct tsk_seq mail;                /* 5: [*[n, put, parcel]] */
};

/* ---- the codec ---- */
const char *tsk_rec_name(enum tsk_rec r);          /* "referral" */
const char *tsk_rec_typ(enum tsk_rec r);           /* "tasuki-referral", the COSE typ */
size_t tsk_rec_max(enum tsk_rec r);                /* bytes */
size_t tsk_rec_size(enum tsk_rec r);               /* sizeof its struct */
enum tsk_form tsk_rec_form(enum tsk_rec r);
enum tsk_signer tsk_rec_signer(enum tsk_rec r);
bool tsk_rec_in_parcel(enum tsk_rec r);
TSK_MUST_USE enum tsk_err tsk_rec_by_typ(struct tsk_slice typ, enum tsk_rec *ret_r);

/* Payload bytes (not the COSE envelope) to struct, and back. `ret_struct` is the struct of the row `r`, zeroed first.
 * Decoding borrows `bytes`. Errors: TSK_E_MALFORMED; encode also TSK_E_LIMIT when `cap` is too small,
 * and TSK_E_MALFORMED for a struct that decoding would refuse. */
TSK_MUST_USE enum tsk_err tsk_rec_decode(enum tsk_rec r, struct tsk_slice bytes, void *ret_struct);
TSK_MUST_USE enum tsk_err tsk_rec_encode(enum tsk_rec r, const void *record, uint8_t *buf, size_t cap,
                                         struct tsk_slice *ret_bytes);
/* Just the core, which is hashed and sealed before the item exists. */
TSK_MUST_USE enum tsk_err tsk_item_core_encode(const struct tsk_item_core *core, uint8_t *buf, size_t cap,
                                               struct tsk_slice *ret_bytes);

/* Walks a seq: each call gives the next element, false at the end. Elements were checked at decoding. */
bool tsk_seq_next_text(struct tsk_seq *seq, struct tsk_slice *ret_text);
bool tsk_seq_next_bytes(struct tsk_seq *seq, struct tsk_slice *ret_bytes);
bool tsk_seq_next_member(struct tsk_seq *seq, struct tsk_member *ret_member);
bool tsk_seq_next_partner(struct tsk_seq *seq, struct tsk_partner *ret_partner);
bool tsk_seq_next_mail(struct tsk_seq *seq, struct tsk_mail *ret_mail);

/* Building a seq: encode the elements one after another with these into a writer of your own; count them. */
TSK_MUST_USE enum tsk_err tsk_member_encode(struct tsk_cbor_out *out, const struct tsk_member *m);
TSK_MUST_USE enum tsk_err tsk_partner_encode(struct tsk_cbor_out *out, const struct tsk_partner *p);
void tsk_mail_encode(struct tsk_cbor_out *out, const struct tsk_mail *m);

/* A record's fields as human-readable lines "key name: value" would need a printer; `tasuki verify` and the fuzzers use
 * this walk over the shape instead: calls `each` for every leaf in order. */
typedef void tsk_rec_each(void *arg, const char *path, enum tsk_cbor_type type, struct tsk_slice bytes, uint64_t num);
void tsk_rec_walk(enum tsk_rec r, const void *record, tsk_rec_each *each, void *arg);

/* Code helpers. */
struct tsk_code tsk_code(const char *text);                    /* longer than 7: empty */
bool tsk_code_eq(struct tsk_code a, struct tsk_code b);

#endif
