/* mailbox.h - private to node/post/: the rows of the mailboxes kept here, and the fetches that wait for mail. */
#ifndef TSK_NODE_POST_MAILBOX_H
#define TSK_NODE_POST_MAILBOX_H

#include "node/post/inside.h"

/* ---- mail_rows.c ---- */
struct tsk_mail_head { struct tsk_id16 epoch; uint64_t newest, bytes; };
TSK_MUST_USE enum tsk_err tsk_mail_head_load(struct tsk_txn *t, const struct tsk_kid *owner, struct tsk_mail_head *ret_h);
/* Makes the mailbox, with a new epoch, if there is none: a store that was lost is a new epoch. */
TSK_MUST_USE enum tsk_err tsk_mail_head_make(struct tsk_txn *t, const struct tsk_kid *owner, struct tsk_mail_head *ret_h);
bool tsk_mail_known(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_kid *sender, const uint8_t hash[32]);
/* TSK_E_RETRY when it would hold more than `max_bytes`, or more than a quarter of it from `sender` (but one piece of
 * each always fits); nothing is dropped for it. */
TSK_MUST_USE enum tsk_err tsk_mail_store(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_kid *sender,
                                         const uint8_t hash[32], const struct tsk_mail *mail, uint64_t max_bytes);
/* Deletes what is numbered up to `up_to`, and tells `gone` of each piece. */
typedef void tsk_mail_gone(void *arg, const struct tsk_kid *sender, uint64_t bytes);
TSK_MUST_USE enum tsk_err tsk_mail_confirm(struct tsk_txn *t, const struct tsk_kid *owner, struct tsk_mail_head *head,
                                           uint64_t up_to, tsk_mail_gone *gone, void *arg);
/* At most `max` pieces after `after`, about 8 MiB, at least one if there is any; encoded for a reply. Memory: free. */
struct tsk_mail_page { uint8_t *p; size_t n, cap; uint64_t count; };
TSK_MUST_USE enum tsk_err tsk_mail_page(struct tsk_txn *t, const struct tsk_kid *owner, uint64_t after, uint64_t max,
                                        struct tsk_mail_page *ret_page);

/* ---- poll.c ---- */
/* Takes the handle. A poll of the same owner that still waits is answered empty. */
TSK_MUST_USE enum tsk_err tsk_poll_add(struct tsk_ctx *ctx, const struct tsk_poll *poll);
void tsk_poll_wake(struct tsk_post *p, const struct tsk_kid *owner);
void tsk_reply_roster(const struct tsk_ctx *ctx, struct tsk_reply *r);

#endif
