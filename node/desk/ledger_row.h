/* ledger_row.h - private to node/desk/ledger*.c: store rows as CBOR arrays, one table of fields a row.
 *
 * A row is the array of its fields in the order of the table; fewer, more, or other elements are refused (TSK_E_BUG: the
 * store was written by another version, and meta/version rules that). To add a field: one line in its table, and a new
 * TSK_STORE_VERSION. */
#ifndef TSK_NODE_DESK_LEDGER_ROW_H
#define TSK_NODE_DESK_LEDGER_ROW_H

#include <string.h>

#include "node/desk/ledger.h"

enum tsk_row_kind {
    TSK_ROW_U64,
    TSK_ROW_BOOL,
    TSK_ROW_ENUM,
    TSK_ROW_FIXED, /* byte string of `size` bytes */
    TSK_ROW_LIST,  /* byte string of the used elements of `size` bytes each; their number (size_t) at `count` */
};
struct tsk_row_field { enum tsk_row_kind kind; size_t offset, size, count, max; };
struct tsk_row_shape { const struct tsk_row_field *fields; size_t n; };

#define TSK_F_U64(s, f) {TSK_ROW_U64, offsetof(struct s, f), sizeof(uint64_t), 0, 0}
#define TSK_F_BOOL(s, f) {TSK_ROW_BOOL, offsetof(struct s, f), sizeof(bool), 0, 0}
#define TSK_F_ENUM(s, f) {TSK_ROW_ENUM, offsetof(struct s, f), sizeof(unsigned), 0, 0}
#define TSK_F_FIXED(s, f) {TSK_ROW_FIXED, offsetof(struct s, f), sizeof(((struct s *)0)->f), 0, 0}
#define TSK_F_LIST(s, f)                                                                                       \
    {TSK_ROW_LIST, offsetof(struct s, f), sizeof(((struct s *)0)->f[0]), offsetof(struct s, f##_n),            \
     sizeof(((struct s *)0)->f) / sizeof(((struct s *)0)->f[0])}
#define TSK_SHAPE(table) {table, sizeof(table) / sizeof *(table)}

TSK_MUST_USE enum tsk_err tsk_row_save(struct tsk_txn *t, const struct tsk_rowkey *k, const struct tsk_row_shape *shape,
                                       const void *row);
/* Zeroes nothing: members that are no fields of the row stay as they are. TSK_E_UNKNOWN. */
TSK_MUST_USE enum tsk_err tsk_row_load(struct tsk_txn *t, const struct tsk_rowkey *k, const struct tsk_row_shape *shape,
                                       void *ret_row);
TSK_MUST_USE enum tsk_err tsk_row_parse(struct tsk_slice bytes, const struct tsk_row_shape *shape, void *ret_row);

/* Keys. */
struct tsk_rowkey tsk_row_no(enum tsk_table table, uint64_t no);
struct tsk_rowkey tsk_row_at(enum tsk_table table, uint64_t no, uint64_t index); /* index u8 */
struct tsk_rowkey tsk_row_id(enum tsk_table table, const void *id, size_t n);

/* ---- rows that only the ledger and the handlers know ---- */
struct tsk_item_at { uint64_t record_no; struct tsk_id32 id; bool disputed, sent; };
struct tsk_grant_at { uint64_t record_no, first_at; struct tsk_id32 id; bool disputed, sent; };
struct tsk_stop_at {
    uint64_t record_no;
    struct tsk_kid from;  /* the peer that brought it: counts while its target is unknown */
    bool settled;         /* target and signer are here, and the stop was checked against them */
    bool effective;       /* the other party has it */
};
extern const struct tsk_row_shape tsk_shape_item_row, tsk_shape_grant_row, tsk_shape_stop_row, tsk_shape_place;

/* STOP rows: by (form, target). Form 0 lists stops by a signer whose holder record is not here yet. */
#define TSK_STOP_UNVERIFIED 0
struct tsk_rowkey tsk_row_stop(uint64_t form, const void *target32, const struct tsk_id32 *id);

/* STATUS rows hold the record numbers of one seq: one, or more when the author forked its chain. */
TSK_MUST_USE enum tsk_err tsk_status_append(struct tsk_txn *t, uint64_t case_no, enum tsk_side side, uint64_t seq,
                                            uint64_t record_no, bool *ret_fork);
TSK_MUST_USE enum tsk_err tsk_case_next(struct tsk_txn *t, struct tsk_case *ret_c); /* draws a number; rest zeroed */
/* Names the case of a stored referral beside its record, for tsk_case_by_ref. */
TSK_MUST_USE enum tsk_err tsk_record_opens(struct tsk_txn *t, const struct tsk_id32 *id, uint64_t no, uint64_t case_no);
TSK_MUST_USE enum tsk_err tsk_record_put(struct tsk_txn *t, uint64_t no, uint64_t now, struct tsk_slice bytes,
                                         const struct tsk_id32 *id);
/* Loads the stop that a STOP row names, and works out whose it is. */
TSK_MUST_USE enum tsk_err tsk_stop_load(struct tsk_txn *t, uint64_t record_no, const struct tsk_id32 *id,
                                        struct tsk_stop *ret_s);

#endif
