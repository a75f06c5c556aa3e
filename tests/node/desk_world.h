/* desk_world.h - three nodes in one process, each with its own folder and store, for tests of the verbs: asked by JSON,
 * fed with each other's records by hand (what would leave in parcels is taken from the batch), on a clock of their own.
 * All persons and cards are made up. */
#ifndef TSK_TESTS_NODE_DESK_WORLD_H
#define TSK_TESTS_NODE_DESK_WORLD_H

#include <stdarg.h>

#include "crypto/card.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "node/desk/verb.h"
#include "node/post/inside.h"
#include "schema/codes.h"
#include "tests/node/rosters.h"
#include "tests/node/temp.h"

enum { S, R, T, NODES };              /* sender, recipient, another agency */
#define WORLD_START UINT64_C(1790000000) /* a Monday of September 2026, 23:13 in Tokyo */

struct letter { struct tsk_outgoing o; int from; struct letter *next; };
static struct tsk_ctx world_node[NODES];
static uint64_t world_now;
static struct letter *world_letters, **world_tail;
static const char *const world_ids[NODES] = {"01100-YC", "X001", "X005"};

static inline uint64_t world_clock(void)
{
    return world_now;
}

/* ---- setting up ---- */
static inline void world_notices(struct made *d, uint8_t *buf, size_t cap)
{
    size_t n;
    const struct tsk_notice *notices = tsk_notices(&n);
    uint8_t h[64][32];
    ck_assert_uint_le(n, 64);
    for (size_t i = 0; i < n; i++) {
        struct tsk_slice text = {(const uint8_t *)notices[i].text, strlen(notices[i].text)};
        ck_ok(tsk_sha256(&text, 1, h[i]));
    }
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, buf, cap);
    for (size_t i = 0; i < n; i++)
        tsk_cbor_put_bytes(&out, TSK_SLICE(h[i]));
    ck_ok(tsk_cbor_out_done(&out, &d->r.notices.bytes));
    d->r.notices.n = n;
}

static inline void world_folder(int i, struct tsk_node_keys **ret_keys)
{
    static const uint8_t unlock[32] = {7};
    uint8_t buf[TSK_KEYFILE_CAP];
    struct tsk_slice sealed;
    struct tsk_conf conf;
    char path[TSK_PATH_CAP];
    ck_ok(tsk_folder_new(temp_path(world_ids[i])));
    ck_ok(tsk_node_keys_new(2026, ret_keys));
    ck_ok(tsk_keyfile_seal(*ret_keys, TSK_SLICE(unlock), buf, sizeof buf, &sealed));
    ck_ok(tsk_path(temp_path(world_ids[i]), "keys", path));
    ck_ok(tsk_file_write(path, sealed, 0600));
    ck_ok(tsk_path(temp_path(world_ids[i]), "unlock", path));
    ck_ok(tsk_file_write(path, TSK_SLICE(unlock), 0600));
    tsk_conf_defaults(&conf);
    snprintf(conf.partner, sizeof conf.partner, "%s", world_ids[i]);
    conf.map_gb = 1;
    ck_ok(tsk_conf_write(temp_path(world_ids[i]), &conf));
}

static inline void world_member(struct made *d, int i, const struct tsk_node_keys *keys)
{
    static const uint8_t districts[] = {0x68, '0', '1', '1', '0', '2', '-', '0', '1'};
    struct tsk_member *m = &d->members[i];
    struct tsk_signer_key *k;
    ck_ok(tsk_signer_new(keys->sign_seed.b, &k));
    m->sign_pk = *tsk_signer_pk(k);
    m->kid = *tsk_signer_kid(k);
    tsk_signer_free(k);
    m->posts[0] = m->kid;
    m->seal[0].year = keys->seal[0].year;
    m->seal[0].pk = keys->seal[0].pk;
    memcpy(m->seal[0].id8, keys->seal[0].id8, 8);
    m->urls = (struct tsk_seq){{NULL, 0}, 0};
    m->roles = i == T ? TSK_ROLE_SENDER | TSK_ROLE_POSTOFFICE : TSK_ROLE_SENDER | TSK_ROLE_RECIPIENT | TSK_ROLE_POSTOFFICE;
    if (i == S)
        m->districts = (struct tsk_seq){TSK_SLICE(districts), 1};
    snprintf(m->partner, sizeof m->partner, "%s", world_ids[i]);
    snprintf(d->partners[i].id, sizeof d->partners[i].id, "%s", world_ids[i]);
    d->partners[i].type = tsk_code("T08");
}

static inline void world_open(bool with_roster)
{
    static uint8_t notices[4096];
    struct tsk_node_keys *keys[NODES];
    temp_setup();
    ck_ok(tsk_crypto_init());
    world_now = WORLD_START;
    world_letters = NULL;
    world_tail = &world_letters;
    struct made *d = made_new(NODES);
    d->r.time = WORLD_START - 86400;
    d->r.valid_until = d->r.time + 30 * 86400;
    world_notices(d, notices, sizeof notices);
    for (int i = 0; i < NODES; i++) {
        world_folder(i, &keys[i]);
        world_member(d, i, keys[i]);
    }
    struct tsk_slice roster = made_encode(d, SIGNED_BY(1));
    for (int i = 0; i < NODES; i++) {
        tsk_node_keys_free(keys[i]);
        if (with_roster)
            ck_ok(tsk_roster_install(temp_path(world_ids[i]), roster, NULL));
        ck_ok(tsk_ctx_open(temp_path(world_ids[i]), NULL, &world_node[i]));
        world_node[i].clock = world_clock;
        world_node[i].admit = tsk_admit_record;
        ck_ok(tsk_post_open(&world_node[i]));
    }
    free((void *)(uintptr_t)roster.p);
    made_free(d);
}

static inline void world_drop_letter(struct letter *l)
{
    free((void *)(uintptr_t)l->o.record.p);
    free((void *)(uintptr_t)l->o.ct.p);
    free((void *)(uintptr_t)l->o.wraps.p);
    free(l);
}

static inline void world_setup(void)
{
    world_open(true);
}

static inline void world_teardown(void)
{
    while (world_letters != NULL) {
        struct letter *next = world_letters->next;
        world_drop_letter(world_letters);
        world_letters = next;
    }
    for (int i = 0; i < NODES; i++) {
        tsk_post_close(&world_node[i]);
        tsk_ctx_close(&world_node[i]);
    }
    temp_teardown();
}

/* ---- letters ---- */
static inline struct tsk_slice world_copy(struct tsk_slice s)
{
    uint8_t *p = malloc(s.n + 1);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return (struct tsk_slice){p, s.n};
}

static inline void world_collect(int from, const struct tsk_batch *b)
{
    for (size_t i = 0; i < b->out_n; i++) {
        struct letter *l = calloc(1, sizeof *l);
        l->o = b->out[i];
        l->o.record = world_copy(b->out[i].record);
        l->o.ct = world_copy(b->out[i].ct);
        l->o.wraps = world_copy(b->out[i].wraps);
        l->from = from;
        *world_tail = l;
        world_tail = &l->next;
    }
}

static inline size_t world_waiting(void)
{
    size_t n = 0;
    for (const struct letter *l = world_letters; l != NULL; l = l->next)
        n++;
    return n;
}

static inline int world_find(const struct tsk_kid *kid)
{
    for (int i = 0; i < NODES; i++)
        if (memcmp(tsk_self(&world_node[i])->b, kid->b, sizeof kid->b) == 0)
            return i;
    ck_abort_msg("a letter for nobody");
}

static inline struct tsk_seq world_seq(struct tsk_slice part, uint8_t **ret_mem)
{
    struct tsk_cbor_out out;
    struct tsk_slice bytes;
    *ret_mem = malloc(part.n + 16);
    tsk_cbor_out_init(&out, *ret_mem, part.n + 16);
    if (part.n > 0)
        tsk_cbor_put_bytes(&out, part);
    ck_ok(tsk_cbor_out_done(&out, &bytes));
    return (struct tsk_seq){bytes, part.n > 0};
}

static inline enum tsk_err world_admit(int to, int from, struct tsk_slice record, const struct tsk_inner *inner,
                                       struct tsk_id32 *ret_id)
{
    struct tsk_batch b;
    bool is_receipt = false;
    struct tsk_incoming in = {.from = *tsk_self(&world_node[from]), .bytes = record, .inner = inner};
    ck_ok(tsk_batch_begin(&world_node[to], &b));
    ck_ok(tsk_peer_heard(&world_node[to], &b, &in.from, 0)); /* as the inbox does for each parcel */
    enum tsk_err e = tsk_admit_record(&world_node[to], &b, &in, ret_id, &is_receipt);
    world_collect(to, &b);
    ck_ok(tsk_batch_end(&world_node[to], &b));
    return e;
}

static inline void world_answered(int by, int to, const struct tsk_id32 *id, uint64_t code)
{
    struct tsk_receipt r = {.to = *tsk_self(&world_node[to]), .lines_n = 1, .time = world_now};
    uint8_t buf[4096];
    struct tsk_slice bytes;
    struct tsk_id32 own;
    tsk_random(r.id.b, sizeof r.id.b);
    r.lines[0] = (struct tsk_receipt_line){*id, code};
    ck_ok(tsk_record_sign(TSK_REC_RECEIPT, &r, world_node[by].signer, &world_node[by].members->net, buf, sizeof buf, &bytes,
                          &own));
    ck_ok(world_admit(to, by, bytes, NULL, &own));
}

static inline void world_receipt(int by, int to, const struct tsk_id32 *id)
{
    world_answered(by, to, id, 0);
}

/* Brings every letter to its node, with a receipt back, until none is left. */
static inline void world_deliver(void)
{
    while (world_letters != NULL) {
        struct letter *l = world_letters;
        uint8_t *cts, *wraps;
        struct tsk_id32 id;
        world_letters = l->next;
        if (world_letters == NULL)
            world_tail = &world_letters;
        struct tsk_inner inner = {.cts = world_seq(l->o.ct, &cts), .wraps = world_seq(l->o.wraps, &wraps)};
        int to = world_find(&l->o.to);
        ck_ok(world_admit(to, l->from, l->o.record, &inner, &id));
        if (!l->o.receipt)
            world_receipt(to, l->from, &id);
        free(cts);
        free(wraps);
        world_drop_letter(l);
    }
}

/* ---- asking ---- */
static inline json_t *world_ask_text(int node, const char *text, size_t n)
{
    struct tsk_batch b;
    json_t *out = NULL;
    ck_ok(tsk_batch_begin(&world_node[node], &b));
    ck_ok(tsk_verb_answer(&world_node[node], &b, (struct tsk_slice){(const uint8_t *)text, n}, 0, &out));
    world_collect(node, &b);
    ck_ok(tsk_batch_end(&world_node[node], &b));
    return out;
}

/* Takes the request. */
static inline json_t *world_ask(int node, json_t *in)
{
    ck_assert_ptr_nonnull(in);
    char *text = json_dumps(in, JSON_COMPACT);
    json_decref(in);
    json_t *out = world_ask_text(node, text, strlen(text));
    free(text);
    return out;
}

static inline const char *world_code(const json_t *out)
{
    const char *s = json_string_value(json_object_get(json_object_get(out, "error"), "code"));
    return s == NULL ? "ok" : s;
}

static inline const char *world_what(const json_t *out)
{
    const char *s = json_string_value(json_object_get(json_object_get(out, "error"), "what"));
    return s == NULL ? "" : s;
}

/* The answer must be no refusal. */
static inline json_t *world_do(int node, json_t *in)
{
    json_t *out = world_ask(node, in);
    ck_assert_msg(json_object_get(out, "error") == NULL, "%s: %s", world_code(out), world_what(out));
    return out;
}

static inline const char *world_str(const json_t *out, const char *name)
{
    const char *s = json_string_value(json_object_get(out, name));
    ck_assert_msg(s != NULL, "no member %s", name);
    return s;
}

/* H over every row of the store: keys and opened values. */
struct world_hash { uint8_t b[32]; };
static inline struct world_hash world_rows(int node)
{
    struct world_hash h = {{0}};
    struct tsk_txn *t;
    ck_ok(tsk_txn_begin(world_node[node].store, true, &t));
    for (int table = 0; table < TSK_T_COUNT; table++) {
        struct tsk_rowkey prefix = tsk_row((enum tsk_table)table);
        struct tsk_walk w;
        struct tsk_slice tail, value;
        enum tsk_err e;
        tsk_walk_init(&w, &prefix, NULL);
        while ((e = tsk_walk_next(t, &w, &tail, &value)) == TSK_OK) {
            uint8_t id = (uint8_t)table;
            struct tsk_slice parts[] = {TSK_SLICE(h.b), {&id, 1}, tail, value};
            uint8_t next[32];
            ck_ok(tsk_sha256(parts, 4, next));
            memcpy(h.b, next, sizeof h.b);
        }
        ck_assert_int_eq(e, TSK_E_UNKNOWN);
    }
    tsk_txn_abort(t);
    return h;
}

/* Refused with this code, naming `what` (NULL: whatever), and nothing has changed or wants to leave. Takes `in`. */
#define world_refused(node, in, code, what)                                                                     \
    do {                                                                                                        \
        struct world_hash before_ = world_rows(node);                                                           \
        size_t letters_ = world_waiting();                                                                      \
        json_t *out_ = world_ask((node), (in));                                                                 \
        const char *what_ = (what);                                                                             \
        ck_assert_str_eq(world_code(out_), (code));                                                             \
        if (what_ != NULL)                                                                                      \
            ck_assert_str_eq(world_what(out_), what_);                                                          \
        struct world_hash after_ = world_rows(node);                                                            \
        ck_assert_msg(memcmp(&before_, &after_, sizeof before_) == 0, "%s changed rows", (code));               \
        ck_assert_uint_eq(letters_, world_waiting());                                                           \
        json_decref(out_);                                                                                      \
    } while (0)

/* ---- cards ---- */
struct world_card { struct tsk_card card; struct tsk_card_root root; struct tsk_id16 id; char hex[33]; uint64_t kind; };

static inline json_t *world_holder(const struct world_card *c, int node)
{
    struct tsk_id16 tweak;
    struct tsk_holder_keys keys = {0};
    struct tsk_holder h = {.suite = TSK_SUITE_1, .kind = c->kind, .state = TSK_HOLDER_ACTIVE,
                           .enrolled_by = *tsk_self(&world_node[node])};
    char sign[65], kem[65], pop[129], tweak_hex[33];
    tsk_random(tweak.b, sizeof tweak.b);
    ck_ok(tsk_holder_derive(&c->root, &tweak, &keys));
    h.sign_pk = *tsk_signer_pk(keys.sign);
    h.kem_pk = *tsk_kem_pk(keys.kem);
    ck_ok(tsk_holder_pop_sign(&h, keys.sign, &world_node[node].members->net));
    tsk_holder_keys_wipe(&keys);
    tsk_hex(h.sign_pk.b, 32, sign);
    tsk_hex(h.kem_pk.b, 32, kem);
    tsk_hex(h.pop, 64, pop);
    tsk_hex(tweak.b, 16, tweak_hex);
    return json_pack("{s:s,s:s,s:s,s:s}", "sign_pk", sign, "kem_pk", kem, "pop", pop, "tweak", tweak_hex);
}

static inline json_t *world_enrol(const struct world_card *c, int node, size_t n, bool first)
{
    json_t *holders = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(holders, world_holder(c, node));
    return json_pack("{s:s,s:s,s:s,s:b,s:o}", "verb", "card_enrol", "card_id", c->hex, "kind",
                     c->kind == TSK_HOLDER_CHILD ? "child" : "guardian", "new", first, "holders", holders);
}

static inline void world_card(struct world_card *c, uint64_t kind, int node, size_t holders)
{
    c->kind = kind;
    tsk_card_new(&c->card);
    ck_ok(tsk_card_unlock(&c->card, "135790", 16, &c->root));
    ck_ok(tsk_card_id(&c->card, world_ids[node], &c->id));
    tsk_hex(c->id.b, 16, c->hex);
    if (holders > 0)
        json_decref(world_do(node, world_enrol(c, node, holders, true)));
}

/* ---- content ---- */
/* A map of texts, keys in their order already, as hex. */
static inline const char *world_content(const char *first, ...)
{
    static char hex[4096];
    uint8_t buf[2000];
    const char *words[32];
    size_t n = 0;
    va_list ap;
    va_start(ap, first);
    for (const char *s = first; s != NULL; s = va_arg(ap, const char *))
        words[n++] = s;
    va_end(ap);
    struct tsk_cbor_out out;
    struct tsk_slice bytes;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    tsk_cbor_put_map(&out, n / 2);
    for (size_t i = 0; i < n; i++)
        tsk_cbor_put_str(&out, words[i]);
    ck_ok(tsk_cbor_out_done(&out, &bytes));
    ck_ok(tsk_cbor_check(bytes));
    tsk_hex(bytes.p, bytes.n, hex);
    return hex;
}

static inline json_t *world_detail(const char *category, const char *hex)
{
    return json_pack("{s:s,s:s}", "category", category, "content", hex);
}

#endif
