/* Several cards at one table. What all holders must consent to is cut into as many parts as there are cards: only where
 * every card is here can the family read what it is asked about. */
#include <stdlib.h>
#include <string.h>

#include "node/cli/terminal.h"

void tsk_seats_wipe(struct tsk_seats *s)
{
    for (size_t i = 0; i < s->n; i++) {
        tsk_sitting_wipe(&s->v[i].s);
        tsk_terminal_wipe(&s->v[i].t);
    }
    free(s->v);
    memset(s, 0, sizeof *s);
}

/* ---- joining ---- */
struct parts { struct tsk_key32 v[TSK_HOLDERS_MAX]; size_t n; };

static void parts_wipe(struct parts *p)
{
    tsk_wipe(p, sizeof *p);
}

static void gather(const struct tsk_seats *all, const struct tsk_id32 *item, struct parts *p)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; all->v[i].here && k < all->v[i].s.n; k++) {
            const struct tsk_sitting_item *it = &all->v[i].s.items[k];
            if (it->mine && tsk_id32_eq(&it->id, item) && p->n < TSK_HOLDERS_MAX)
                p->v[p->n++] = it->part;
        }
}

static enum tsk_err join(const struct tsk_seats *all, struct tsk_sitting_item *it)
{
    TSK_WIPED(parts_wipe) struct parts p = {.n = 0};
    gather(all, &it->id, &p);
    it->missing = it->item.core.holders_n > p.n ? it->item.core.holders_n - p.n : 0;
    if (it->missing > 0)
        return TSK_OK;
    it->plain = malloc(it->ct_n);
    if (!it->plain)
        return TSK_E_NOMEM;
    TSK_TRY(tsk_item_open(&it->item, p.v, p.n, NULL, (struct tsk_slice){it->ct, it->ct_n}, it->plain, &it->content));
    return tsk_cbor_check(it->content);
}

static enum tsk_err join_all(struct tsk_seats *all)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->v[i].s.n; k++)
            if (all->v[i].s.items[k].missing > 0)
                TSK_TRY(join(all, &all->v[i].s.items[k]));
    return TSK_OK;
}

/* ---- sitting down ---- */
static bool sits_already(const struct tsk_seats *s, const struct tsk_id16 *card)
{
    for (size_t i = 0; i + 1 < s->n; i++)
        if (memcmp(&s->v[i].t.card_id, card, sizeof *card) == 0)
            return true;
    return false;
}

static enum tsk_err sit_down(struct tsk_cli *c, const char *referral, bool every, struct tsk_seats *s)
{
    struct tsk_seat *seat = &s->v[s->n++];
    TSK_TRY(tsk_terminal_open(c, s->n - 1, &seat->t));
    if (sits_already(s, &seat->t.card_id))
        return tsk_refuse_next(c, TSK_E_USAGE, "--card-file",
                               tsk_words(c, "同じカードが2回指定されています。ひとり1枚のカードを、暗証番号と同じ順で指定してください。",
                                         "One card is named twice. Name each person's card once, in the order of the PINs."));
    enum tsk_err e = tsk_sitting_open(c, &seat->t, referral, &seat->s);
    seat->here = e == TSK_OK;
    if (e != TSK_E_WRONGHOLDER || every)
        return e;
    json_decref(c->refusal);
    c->refusal = NULL;
    tsk_sitting_wipe(&seat->s);
    return TSK_OK;
}

static enum tsk_err check_pairs(struct tsk_cli *c, size_t cards)
{
    size_t pins = tsk_arg_count(&c->args, TSK_F_PIN_FILE);
    if (cards > TSK_HOLDERS_MAX)
        return tsk_refuse(c, TSK_E_LIMIT, "--card-file");
    if (cards == pins)
        return TSK_OK;
    return tsk_refuse_next(c, TSK_E_USAGE, cards > pins ? "--pin-file" : "--card-file",
                           tsk_words(c, "カード1枚ごとに暗証番号を1つ、同じ順で指定してください。",
                                     "Give one PIN file for each card, in the same order."));
}

enum tsk_err tsk_seats_open(struct tsk_cli *c, const char *referral, bool every, struct tsk_seats *ret_s)
{
    size_t n = tsk_arg_count(&c->args, TSK_F_CARD_FILE);
    bool any = false;
    TSK_TRY(check_pairs(c, n));
    ret_s->v = calloc(n, sizeof *ret_s->v);
    if (!ret_s->v)
        return TSK_E_NOMEM;
    while (ret_s->n < n) {
        TSK_TRY(sit_down(c, referral, every, ret_s));
        any = any || ret_s->v[ret_s->n - 1].here;
    }
    return any ? join_all(ret_s) : TSK_E_WRONGHOLDER;
}
