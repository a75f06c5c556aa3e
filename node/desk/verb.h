/* verb.h - what staff (and the command line, and later the pages) can ask of a running node. One row a verb in verbs.def;
 * requests and answers are JSON objects. Checked and carried out inside the batch's transaction, in a savepoint of its
 * own: a verb that refuses has changed nothing. */
#ifndef TSK_NODE_DESK_VERB_H
#define TSK_NODE_DESK_VERB_H

#include <jansson.h>

#include "node/desk/admit.h"
#include "schema/codes.h"

struct tsk_call {
    struct tsk_ctx *ctx;
    struct tsk_batch *b;     /* NULL for reload alone */
    json_t *in;              /* the request's members; borrowed, not to be changed */
    json_t *out;             /* the answer's members, filled by the verb */
    struct tsk_id16 staff;   /* keyed pseudonym of who asks */
    enum tsk_ui ui;
    char what[96];           /* on refusal: the key, flag, office or agency that the words should name; may stay empty */
    const char *next;        /* on refusal: what to do next, where next.def cannot know; static words, or NULL */
    bool keep;               /* a refusal whose records must stay all the same (the stop after a wrong age class) */
};
typedef enum tsk_err tsk_verb(struct tsk_call *call);

#define TSK_VERB(name, fn, roster) tsk_verb fn;
#include "node/desk/verbs.def"
#undef TSK_VERB

/* Reads the request, carries it out, and gives the answer or the refusal (json_decref). `uid` of who asks. What it says
 * is true only once the batch is committed. Fails on LOCAL faults only: then the batch must not be committed. */
TSK_MUST_USE enum tsk_err tsk_verb_answer(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_slice request, uint64_t uid,
                                          json_t **ret_out);

/* Whether the request in `m` must run outside of any batch (reload: it changes what a batch borrows). tsk_verb_run and
 * tsk_verb_answer then take a NULL batch, and the answer goes out at once. */
bool tsk_verb_alone(const struct tsk_msg *m);

/* Runs the request in `m` and queues the answer as an effect of the batch: it goes out after the commit, or is wiped
 * and replaced by the commit's error. Never fails but on LOCAL faults. */
TSK_MUST_USE enum tsk_err tsk_verb_run(struct tsk_ctx *ctx, struct tsk_batch *b, struct tsk_msg *m);

/* Answers `m` with the error alone, outside of any batch. */
void tsk_verb_refuse(struct tsk_ctx *ctx, struct tsk_msg *m, enum tsk_err e);

/* D/roster.cose and what of D/node.conf can change while the node runs; then the post looks at its peers again. A file
 * that cannot be used is refused and the old one stays. */
TSK_MUST_USE enum tsk_err tsk_desk_reload(struct tsk_ctx *ctx);

/* The loop of the writer thread; returns when a SIGTERM or SIGINT was handled, after its last commit. */
TSK_MUST_USE enum tsk_err tsk_loop(struct tsk_ctx *ctx);

/* Whether staff may give this outcome with the event ("connected"): the rule of `act`, for those who offer a choice. */
bool tsk_outcome_fits(const char *event, const struct tsk_code_row *row);

/* {"error":{"code","text","what"?,"sent":false,"next"}}; the words of `next` stand in next.def. */
json_t *tsk_error_json(enum tsk_err e, enum tsk_ui ui, const char *what, bool sent);

#endif
