/* json.h - what the verbs need of JSON, strict: a request has exactly the members its verb names, each of its kind; an
 * answer is built without a look at every call, and a shortage of memory shows at the end.
 *
 * Requests carry what describes a family (the details of `refer`), answers too (the content of `open`): once
 * tsk_json_init was called, every block that jansson frees is wiped first.
 */
#ifndef TSK_NODE_DESK_JSON_H
#define TSK_NODE_DESK_JSON_H

#include <jansson.h>

#include "node/store/store.h"
#include "schema/codes.h"

#define TSK_WHAT_CAP 96              /* bytes of the key, flag or agency that a refusal names, and its NUL */
#define TSK_JSON_MAX (64u << 20)     /* bytes of one request */
#define TSK_JSON_TEXT_MAX 1000       /* bytes of a plain text member */
#define TSK_JSON_LIST_MAX 64         /* elements of a list member */

enum tsk_jkind {
    TSK_J_TEXT,  /* text, 1..TSK_JSON_TEXT_MAX bytes */
    TSK_J_NOTE,  /* text of any length: the verb keeps what fits */
    TSK_J_BOOL,
    TSK_J_TIME,  /* UTC seconds, or RFC 3339 text (without offset: Tokyo) */
    TSK_J_CODE,  /* text of at most 7 bytes, not empty */
    TSK_J_CODES, /* list of codes */
    TSK_J_ID16,  /* 32 lower-case hex digits */
    TSK_J_ID16S, /* list of them */
    TSK_J_ID32,  /* 64 lower-case hex digits; also keys */
    TSK_J_HEX,   /* lower-case hex of any length, not empty */
    TSK_J_HEXES, /* list of them */
    TSK_J_LIST,  /* list of objects; the verb looks into them with tsk_json_fields */
};
struct tsk_jfield { const char *name; enum tsk_jkind kind; bool optional; };

/* Idempotent, any thread. */
void tsk_json_init(void);
/* Whether a member could not be built since the last call of this function, for want of memory. */
bool tsk_json_short(void);

/* TSK_E_USAGE for a member that `fields` does not know, that has the wrong kind, or that is missing; `ret_what` names it.
 * (jansson walks no const object.) */
TSK_MUST_USE enum tsk_err tsk_json_fields(json_t *in, const struct tsk_jfield *fields, size_t n,
                                          char ret_what[TSK_WHAT_CAP]);
/* Copies as much of `text` as fits, whole characters only. */
void tsk_text_cut(char *ret_text, size_t cap, const char *text);
static inline void tsk_what(char ret_what[TSK_WHAT_CAP], const char *text)
{
    tsk_text_cut(ret_what, TSK_WHAT_CAP, text);
}

/* ---- reading members that tsk_json_fields has seen; false, NULL, empty if the member is not there ---- */
bool tsk_json_has(const json_t *in, const char *name);
const char *tsk_json_text(const json_t *in, const char *name);
bool tsk_json_flag(const json_t *in, const char *name);
bool tsk_json_time(const json_t *in, const char *name, uint64_t *ret_at);
struct tsk_code tsk_json_code(const json_t *in, const char *name);
bool tsk_json_bytes(const json_t *in, const char *name, void *ret_p, size_t n); /* of ID16 and ID32 */
/* Hex to bytes in the transaction's memory; text NULL: an empty slice. TSK_E_NOMEM. */
TSK_MUST_USE enum tsk_err tsk_json_unhex(struct tsk_txn *t, const char *text, struct tsk_slice *ret_bytes);

/* ---- building ---- */
void tsk_json_put(json_t *out, const char *name, json_t *value); /* takes value; NULL counts as a shortage of memory */
void tsk_json_put_text(json_t *out, const char *name, const char *text);
void tsk_json_put_slice(json_t *out, const char *name, struct tsk_slice utf8);
void tsk_json_put_num(json_t *out, const char *name, uint64_t v);
void tsk_json_put_flag(json_t *out, const char *name, bool v);
void tsk_json_put_code(json_t *out, const char *name, struct tsk_code code);
void tsk_json_put_hex(json_t *out, const char *name, const void *p, size_t n);
json_t *tsk_json_hex(const void *p, size_t n); /* a new string; NULL: no memory */
void tsk_json_add(json_t *list, json_t *value); /* takes value */

/* A deterministic CBOR content map as JSON: text, bool, lists and maps of them. TSK_E_MALFORMED for anything else. */
TSK_MUST_USE enum tsk_err tsk_json_content(struct tsk_slice cbor, json_t **ret_content);
/* Whether an item of a content map, as JSON, has a need or an urgency that is an emergency (N16, U0), in whatever case of
 * letters: that is never written down. */
bool tsk_content_danger(const json_t *content);
/* Whether `text` is such a code. */
bool tsk_code_danger(const char *text);
/* The text under `key` of a content map; false if it is not there or no text. Points into `cbor`. */
bool tsk_content_text(struct tsk_slice cbor, const char *key, struct tsk_slice *ret_text);

#endif
