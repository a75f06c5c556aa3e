/* terminal.h - the family's side of the table: card and PIN are read here, keys derived here, what would be shared is
 * checked and shown here, and signatures are made here. The node gets public keys, tweaks, signatures and wraps only.
 *
 * A wrong PIN is not an error of its own: it derives other keys, which hold nothing (TSK_E_WRONGHOLDER, the words for a
 * foreign card). */
#ifndef TSK_NODE_CLI_TERMINAL_H
#define TSK_NODE_CLI_TERMINAL_H

#include "crypto/card.h"
#include "crypto/seal.h"
#include "node/cli/cli.h"
#include "node/core/members.h"
#include "schema/consent.h"

/* Card and PIN at one node. */
struct tsk_terminal {
    struct tsk_card card;
    char pin[64];
    struct tsk_card_root root;   /* after tsk_terminal_unlock */
    struct tsk_id16 card_id;     /* at this node */
    struct tsk_kid node;         /* this node */
    struct tsk_members *members; /* the roster of --dir: names, sealing keys, net */
};
void tsk_terminal_wipe(struct tsk_terminal *t);
#define TSK_TERMINAL TSK_WIPED(tsk_terminal_wipe) struct tsk_terminal

/* The line of the file that a flag's value at `index` names: one trailing newline dropped. The caller wipes it.
 * TSK_E_BADFILE. */
TSK_MUST_USE enum tsk_err tsk_terminal_line(struct tsk_cli *c, enum tsk_flag f, size_t index, char *ret_text, size_t cap);
/* --pin-file: one trailing newline dropped, digits normalised. TSK_E_BADPIN. */
TSK_MUST_USE enum tsk_err tsk_terminal_pin(struct tsk_cli *c, size_t index, struct tsk_terminal *t);
/* --card-file and --pin-file at `index`, then what the node is. TSK_E_BADCARD, TSK_E_BADPIN. */
TSK_MUST_USE enum tsk_err tsk_terminal_open(struct tsk_cli *c, size_t index, struct tsk_terminal *ret_t);
/* Who the node is, and the id of t->card there. */
TSK_MUST_USE enum tsk_err tsk_terminal_node(struct tsk_cli *c, struct tsk_terminal *t);
/* The root of card and PIN: most of a second and 128 MiB. */
TSK_MUST_USE enum tsk_err tsk_terminal_unlock(struct tsk_terminal *t);
/* What the roster's directory says of a key's owner; the key's own hex digits cut short, as id and name, if it says nothing.
 * kana, name_en, hours and ward may be empty. */
struct tsk_who {
    char id[TSK_PARTNER_ID_CAP], name[TSK_NAME_MAX + 1], kana[TSK_NAME_MAX + 1], name_en[TSK_NAME_MAX + 1];
    char hours[TSK_NAME_MAX + 1];
    struct tsk_code ward;        /* empty: the whole city */
    bool hidden;                 /* where it is must not be said */
};
struct tsk_who tsk_terminal_who(const struct tsk_terminal *t, const struct tsk_kid *kid);
/* The name for a text in this language (of a notice): kana in ja-Hira, English in en, where there is one. */
const char *tsk_who_in(const struct tsk_who *w, const char *lang);

/* One sealed category of a referral, as this card may see it. */
struct tsk_sitting_item {
    uint8_t *bytes, *ct;         /* owned */
    size_t ct_n;
    struct tsk_item item;        /* borrows bytes */
    struct tsk_id32 id;
    const json_t *lifts;         /* stops over it that a new grant names; the node's answer owns them */
    bool mine;                   /* this card is a holder of it */
    struct tsk_key32 part;       /* of mine: this holder's part of s1, checked against its commitment */
    uint8_t *plain;              /* of mine, if one part opens it: wiped and freed with the sitting */
    struct tsk_slice content;    /* within plain; empty if other cards are needed as well */
    size_t missing;              /* of mine: how many cards more would open it */
};

/* One referral on the table before one card. */
struct tsk_sitting {
    uint8_t *bytes;
    struct tsk_referral referral; /* borrows bytes */
    struct tsk_id32 ref;
    struct tsk_holder_keys keys;  /* this card's holder on this referral */
    uint64_t kind;
    struct tsk_sitting_item *items; size_t n;
    uint64_t class_until, age_18;
    json_t *begin;                /* the node's answer */
};
void tsk_sitting_wipe(struct tsk_sitting *s);
#define TSK_SITTING TSK_WIPED(tsk_sitting_wipe) struct tsk_sitting

/* Asks the node for the referral (32 hex digits), unlocks the card, finds its holder, and checks and opens every item
 * of which it is a holder: commitments, the ciphertext's hash, the seal. TSK_E_WRONGHOLDER; TSK_E_BADSIG if the node's
 * items are not what they claim to be. */
TSK_MUST_USE enum tsk_err tsk_sitting_open(struct tsk_cli *c, struct tsk_terminal *t, const char *referral,
                                           struct tsk_sitting *ret_s);
/* ---- several cards at once: what all of them must consent to, they see together (--require all) ---- */
struct tsk_seat { struct tsk_terminal t; struct tsk_sitting s; bool here; };
struct tsk_seats { struct tsk_seat *v; size_t n; };
void tsk_seats_wipe(struct tsk_seats *s);
#define TSK_SEATS TSK_WIPED(tsk_seats_wipe) struct tsk_seats
/* One seat for each --card-file with the --pin-file in the same place; parts of an item are joined as far as its cards are
 * here. A card (or a wrong PIN) that has no part in the referral: `every`: TSK_E_WRONGHOLDER; else its seat is not `here`,
 * and TSK_E_WRONGHOLDER only where no seat is. TSK_E_USAGE: cards and PINs do not pair, or one card is there twice. */
TSK_MUST_USE enum tsk_err tsk_seats_open(struct tsk_cli *c, const char *referral, bool every, struct tsk_seats *ret_s);

/* The newest item of the category; TSK_E_UNKNOWN if there is none, TSK_E_RULE if this card is no holder of it. */
TSK_MUST_USE enum tsk_err tsk_sitting_find(struct tsk_cli *c, const struct tsk_sitting *s, const char *category,
                                           const struct tsk_sitting_item **ret_item);
/* The last day, in Tokyo, on which a consent given at `now` may end, over all items; `ret_why` TSK_E_AGECHANGED when a
 * birthday sets it, else TSK_E_USAGE. */
uint64_t tsk_sitting_cap(const struct tsk_sitting *s, uint64_t now, enum tsk_err *ret_why);

/* Whether a JSON list has this text; the last day before a first moment that is too late ("2027-03-31"). */
bool tsk_terminal_lists(const json_t *list, const char *text);
void tsk_terminal_last_day(uint64_t cap, char ret_day[16]);

/* --lang, --how and --purpose as far as they can be checked without knowing whose card it is. TSK_E_USAGE. */
TSK_MUST_USE enum tsk_err tsk_terminal_flags(struct tsk_cli *c);
/* The notice of the kind in --lang (default: ja-Hira for a child, ja for a guardian). TSK_E_USAGE. */
TSK_MUST_USE enum tsk_err tsk_notice_want(struct tsk_cli *c, uint64_t kind, const struct tsk_notice **ret_notice);
/* Its text with agency, categories and last day filled in: memory (free), or NULL. */
char *tsk_notice_fill(const struct tsk_notice *n, const char *agency, const char *categories, const char *until);

/* Receipt of a grant in the field names of ISO/IEC TS 27560; `code` is the withdrawal code as text. */
json_t *tsk_receipt_json(struct tsk_cli *c, const struct tsk_terminal *t, const struct tsk_grant *g, const char *code,
                         const char *state);
/* In the language in which the family was asked, whatever the language of the screen; a child's without kanji of ours. */
void tsk_receipt_print(const json_t *receipt);

#endif
