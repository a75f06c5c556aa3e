/* mail_rows.c - a mailbox in the store: a head with its epoch and size, mail by number, and its hashes. */
#include <stdlib.h>
#include <string.h>

#include "node/post/mailbox.h"

#define PAGE_BYTES (8 * 1024 * 1024)
#define MAIL_EXTRA 96 /* hash, heads */

static struct tsk_rowkey owner_key(enum tsk_table table, const struct tsk_kid *owner)
{
    struct tsk_rowkey k = tsk_row(table);
    tsk_row_bytes(&k, owner->b, sizeof owner->b);
    return k;
}

/* By sender, too: whoever gets hold of a parcel must not be able to put it first under a name that does not open it. */
static struct tsk_rowkey hash_key(const struct tsk_kid *owner, const struct tsk_kid *sender, const uint8_t *hash)
{
    struct tsk_rowkey k = tsk_row(TSK_T_MAIL_HASH);
    tsk_row_bytes(&k, owner->b, 16);
    tsk_row_bytes(&k, sender->b, 16);
    tsk_row_bytes(&k, hash, 16);
    return k;
}

/* ---- the head ---- */
enum tsk_err tsk_mail_head_load(struct tsk_txn *t, const struct tsk_kid *owner, struct tsk_mail_head *ret_h)
{
    struct tsk_rowkey k = owner_key(TSK_T_MAIL_HEAD, owner);
    struct tsk_slice v;
    TSK_TRY(tsk_get(t, &k, &v));
    struct tsk_mail_head h = {0};
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, v);
    uint64_t n = tsk_cbor_array(&in);
    struct tsk_slice epoch = tsk_cbor_bytes(&in);
    h.newest = tsk_cbor_uint(&in);
    h.bytes = tsk_cbor_uint(&in);
    if (tsk_cbor_done(&in) != TSK_OK || n != 3 || epoch.n != sizeof h.epoch.b)
        return TSK_E_BUG;
    memcpy(h.epoch.b, epoch.p, epoch.n);
    *ret_h = h;
    return TSK_OK;
}

static enum tsk_err head_save(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_mail_head *h)
{
    uint8_t buf[64];
    struct tsk_cbor_out out;
    struct tsk_slice v;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_array(&out, 3);
    tsk_cbor_put_bytes(&out, TSK_SLICE(h->epoch.b));
    tsk_cbor_put_uint(&out, h->newest);
    tsk_cbor_put_uint(&out, h->bytes);
    TSK_TRY(tsk_cbor_out_done(&out, &v));
    struct tsk_rowkey k = owner_key(TSK_T_MAIL_HEAD, owner);
    return tsk_put(t, &k, v);
}

enum tsk_err tsk_mail_head_make(struct tsk_txn *t, const struct tsk_kid *owner, struct tsk_mail_head *ret_h)
{
    enum tsk_err e = tsk_mail_head_load(t, owner, ret_h);
    if (e != TSK_E_UNKNOWN)
        return e;
    struct tsk_mail_head h = {0};
    tsk_random(h.epoch.b, sizeof h.epoch.b);
    TSK_TRY(head_save(t, owner, &h));
    *ret_h = h;
    return TSK_OK;
}

/* ---- what each sender has in it ---- */
static struct tsk_rowkey from_key(const struct tsk_kid *owner, const struct tsk_kid *sender)
{
    struct tsk_rowkey k = tsk_row(TSK_T_MAIL_FROM);
    tsk_row_bytes(&k, owner->b, 16);
    tsk_row_bytes(&k, sender->b, 16);
    return k;
}

static enum tsk_err from_load(struct tsk_txn *t, const struct tsk_rowkey *k, uint64_t *ret_bytes)
{
    uint64_t bytes = 0;
    enum tsk_err e = tsk_get_u64(t, k, &bytes);
    if (e != TSK_OK && e != TSK_E_UNKNOWN)
        return e;
    *ret_bytes = bytes;
    return TSK_OK;
}

/* One sender gets a quarter of the room, and always room for one piece: it cannot shut the others' stops out. */
static enum tsk_err from_add(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_kid *sender, uint64_t more,
                             uint64_t max_bytes)
{
    struct tsk_rowkey k = from_key(owner, sender);
    uint64_t held;
    TSK_TRY(from_load(t, &k, &held));
    if (held > 0 && held + more > max_bytes / 4)
        return TSK_E_RETRY;
    return tsk_put_u64(t, &k, held + more);
}

static enum tsk_err from_drop(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_kid *sender, uint64_t gone)
{
    struct tsk_rowkey k = from_key(owner, sender);
    uint64_t held;
    TSK_TRY(from_load(t, &k, &held));
    return held > gone ? tsk_put_u64(t, &k, held - gone) : tsk_del(t, &k);
}

/* ---- mail ---- */
bool tsk_mail_known(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_kid *sender, const uint8_t hash[32])
{
    struct tsk_rowkey k = hash_key(owner, sender, hash);
    return tsk_has(t, &k);
}

struct row { const uint8_t *hash; struct tsk_slice put, parcel; };

static enum tsk_err row_read(struct tsk_slice v, struct row *ret_r)
{
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, v);
    uint64_t n = tsk_cbor_array(&in);
    struct tsk_slice hash = tsk_cbor_bytes(&in);
    struct row r = {.hash = hash.p, .put = tsk_cbor_bytes(&in)};
    r.parcel = tsk_cbor_bytes(&in);
    if (tsk_cbor_done(&in) != TSK_OK || n != 3 || hash.n != 32)
        return TSK_E_BUG;
    *ret_r = r;
    return TSK_OK;
}

/* What a piece counts for the quota, when it comes and when it goes. */
static uint64_t weight(struct tsk_slice put, struct tsk_slice parcel)
{
    return put.n + parcel.n + MAIL_EXTRA;
}

static enum tsk_err row_save(struct tsk_txn *t, const struct tsk_kid *owner, uint64_t number, const uint8_t hash[32],
                             const struct tsk_mail *mail)
{
    size_t cap = mail->put.n + mail->parcel.n + MAIL_EXTRA;
    uint8_t *buf = tsk_txn_alloc(t, cap);
    if (buf == NULL)
        return TSK_E_NOMEM;
    struct tsk_cbor_out out;
    struct tsk_slice v;
    tsk_cbor_out_init(&out, buf, cap);
    tsk_cbor_put_array(&out, 3);
    tsk_cbor_put_bytes(&out, (struct tsk_slice){hash, 32});
    tsk_cbor_put_bytes(&out, mail->put);
    tsk_cbor_put_bytes(&out, mail->parcel);
    TSK_TRY(tsk_cbor_out_done(&out, &v));
    struct tsk_rowkey k = owner_key(TSK_T_MAIL, owner);
    tsk_row_u64(&k, number);
    return tsk_put(t, &k, v);
}

enum tsk_err tsk_mail_store(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_kid *sender,
                            const uint8_t hash[32], const struct tsk_mail *mail, uint64_t max_bytes)
{
    struct tsk_mail_head h;
    uint64_t more = weight(mail->put, mail->parcel);
    TSK_TRY(tsk_mail_head_make(t, owner, &h));
    if (h.bytes + more > max_bytes)
        return TSK_E_RETRY;
    TSK_TRY(from_add(t, owner, sender, more, max_bytes));
    h.newest++;
    h.bytes += more;
    TSK_TRY(row_save(t, owner, h.newest, hash, mail));
    struct tsk_rowkey k = hash_key(owner, sender, hash);
    TSK_TRY(tsk_put_u64(t, &k, h.newest));
    return head_save(t, owner, &h);
}

static enum tsk_err row_drop(struct tsk_txn *t, const struct tsk_kid *owner, const struct tsk_kid *sender, uint64_t number,
                             const uint8_t hash[32])
{
    struct tsk_rowkey k = owner_key(TSK_T_MAIL, owner), known = hash_key(owner, sender, hash);
    tsk_row_u64(&k, number);
    TSK_TRY(tsk_del(t, &k));
    return tsk_del(t, &known);
}

enum tsk_err tsk_mail_confirm(struct tsk_txn *t, const struct tsk_kid *owner, struct tsk_mail_head *head,
                              uint64_t up_to, tsk_mail_gone *gone, void *arg)
{
    struct tsk_rowkey prefix = owner_key(TSK_T_MAIL, owner);
    struct tsk_walk w;
    struct tsk_slice tail, v;
    tsk_walk_init(&w, &prefix, NULL);
    enum tsk_err e;
    while ((e = tsk_walk_next(t, &w, &tail, &v)) == TSK_OK) {
        uint64_t number = tail.n == 8 ? tsk_be64(tail.p) : UINT64_MAX;
        struct row r;
        struct tsk_envelope env;
        uint8_t hash[32];
        if (number > up_to)
            break;
        TSK_TRY(row_read(v, &r));
        if (tsk_cose_parse(r.put, &env) != TSK_OK)
            return TSK_E_BUG;
        uint64_t bytes = weight(r.put, r.parcel);
        memcpy(hash, r.hash, sizeof hash);
        TSK_TRY(from_drop(t, owner, &env.kid, bytes));
        TSK_TRY(row_drop(t, owner, &env.kid, number, hash));
        head->bytes = head->bytes > bytes ? head->bytes - bytes : 0;
        gone(arg, &env.kid, bytes);
    }
    return e == TSK_OK || e == TSK_E_UNKNOWN ? head_save(t, owner, head) : e;
}

/* ---- a page of it ---- */
static enum tsk_err page_add(struct tsk_mail_page *page, uint64_t number, const struct row *r)
{
    size_t need = page->n + r->put.n + r->parcel.n + MAIL_EXTRA;
    if (need > page->cap) {
        size_t cap = need > 2 * page->cap ? need : 2 * page->cap;
        uint8_t *more = realloc(page->p, cap);
        if (more == NULL)
            return TSK_E_NOMEM;
        page->p = more;
        page->cap = cap;
    }
    struct tsk_mail mail = {.n = number, .put = r->put, .parcel = r->parcel};
    struct tsk_cbor_out out;
    struct tsk_slice done;
    tsk_cbor_out_init(&out, page->p + page->n, page->cap - page->n);
    tsk_mail_encode(&out, &mail);
    TSK_TRY(tsk_cbor_out_done(&out, &done));
    page->n += done.n;
    page->count++;
    return TSK_OK;
}

static enum tsk_err page_fill(struct tsk_txn *t, struct tsk_walk *w, uint64_t max, struct tsk_mail_page *page)
{
    struct tsk_slice tail, v;
    enum tsk_err e = TSK_OK;
    while (page->count < max && (e = tsk_walk_next(t, w, &tail, &v)) == TSK_OK) {
        struct row r;
        TSK_TRY(row_read(v, &r));
        if (page->count > 0 && page->n + weight(r.put, r.parcel) > PAGE_BYTES)
            return TSK_OK;
        TSK_TRY(page_add(page, tail.n == 8 ? tsk_be64(tail.p) : 0, &r));
    }
    return e == TSK_E_UNKNOWN ? TSK_OK : e;
}

enum tsk_err tsk_mail_page(struct tsk_txn *t, const struct tsk_kid *owner, uint64_t after, uint64_t max,
                           struct tsk_mail_page *ret_page)
{
    struct tsk_rowkey prefix = owner_key(TSK_T_MAIL, owner), from = prefix;
    tsk_row_u64(&from, after + 1);
    struct tsk_walk w;
    tsk_walk_init(&w, &prefix, &from);
    struct tsk_mail_page page = {0};
    enum tsk_err e = page_fill(t, &w, max, &page);
    if (e == TSK_OK)
        *ret_page = page;
    else
        free(page.p);
    return e;
}
