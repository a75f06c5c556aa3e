/* racer.c - a stop races openings, over the control sockets of two running nodes.
 *
 *   racer SENDER RECIPIENT CARD PIN ROUNDS SEED REFERRAL...
 *
 * Each round: the card grants one category again (the terminal's own code and keys, unlocked once a referral), two
 * threads open it at the recipient as fast as they can, and at a random moment it is stopped: by staff or by code, at
 * the recipient or at the sender, or by the card. Then:
 *   - no opening that was asked for after the stop was answered (at the sender: was effective) is answered with content;
 *   - in the order in which the recipient stored its records, no opening of a grant comes after its stop;
 *   - every opening that was answered is stored.
 * A last category stays granted throughout, so that the referral goes on.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "node/cli/terminal.h"
#include "node/post/post.h"

#define OPENERS 2
#define TRIES_MAX 4096
#define CATEGORIES 2
#define ROUNDS_A_CATEGORY 16 /* all of them stay well below TSK_GRANTS_MAX, and below TSK_LIFTS_MAX */
#define ROUNDS_A_REFERRAL (CATEGORIES * ROUNDS_A_CATEGORY)
static const char *const CATEGORY[CATEGORIES + 1] = {"C1", "C2", "C6"};
enum stop { STAFF_THERE, CODE_THERE, STAFF_HERE, CODE_HERE, CARD_HERE, STOPS };

static struct { struct tsk_cli cli; const char *here, *there; unsigned seed, round; unsigned long opened, refused, late; } g;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("FAILED in round %u: ", g.round);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    fflush(NULL);
    _Exit(1);
}

static void must(enum tsk_err e, const char *what)
{
    if (e != TSK_OK)
        die("%s: %s %s", what, tsk_err_name(e), g.cli.what);
}

static uint64_t mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void rest_us(unsigned us)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

/* ---- asking ---- */
static json_t *ask(const char *dir, json_t *request)
{
    uint8_t *p = NULL;
    size_t n = 0;
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    must(tsk_control_call(dir, (struct tsk_slice){(const uint8_t *)text, strlen(text)}, 10, &p, &n), text);
    json_t *answer = json_loadb((const char *)p, n, 0, NULL);
    if (!json_is_object(answer))
        die("no JSON object");
    free(text);
    free(p);
    return answer;
}

static const char *refusal(const json_t *answer)
{
    const json_t *e = json_object_get(answer, "error");
    return e == NULL ? NULL : json_string_value(json_object_get(e, "code"));
}

static json_t *get(const char *dir, json_t *request)
{
    const char *verb = json_string_value(json_object_get(request, "verb"));
    json_t *answer = ask(dir, json_incref(request));
    if (refusal(answer) != NULL)
        die("%s was refused: %s", verb, json_dumps(answer, 0));
    json_decref(request);
    return answer;
}

/* ---- openings ---- */
struct try { uint64_t asked, answered; bool ok; char id[33]; };
struct opener { const char *referral, *category; struct try *tries; size_t n; };
static _Atomic bool over;

/* `early`: the first grant of the category may not be there yet. */
static bool open_once(const char *referral, const char *category, bool early, struct try *t)
{
    t->asked = mono_ns();
    json_t *a = ask(g.there, json_pack("{s:s,s:s,s:s,s:s}", "verb", "open", "referral", referral, "category",
                                       category, "purpose", "P1"));
    t->answered = mono_ns();
    const char *no = refusal(a);
    t->ok = no == NULL;
    if (t->ok)
        snprintf(t->id, sizeof t->id, "%s", json_string_value(json_object_get(a, "open")));
    else if (strcmp(no, "e.withdrawn") != 0 && !(early && strcmp(no, "e.notgranted") == 0))
        die("refused as %s, not as withdrawn", no);
    json_decref(a);
    return t->ok;
}

static void *open_on(void *arg)
{
    struct opener *o = arg;
    while (!over && o->n < TRIES_MAX)
        rest_us(open_once(o->referral, o->category, false, &o->tries[o->n++]) ? 500 : 2000);
    return NULL;
}

/* ---- the card ---- */
struct table {
    struct tsk_terminal t;
    struct tsk_sitting s;
    const char *referral;
    struct tsk_id32 lifts[CATEGORIES][TSK_LIFTS_MAX]; /* what each category's next grant has to lift */
    size_t lifts_n[CATEGORIES], known_n;
    struct tsk_id32 known[ROUNDS_A_REFERRAL];
};

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct tsk_id32));
}

static json_t *begin(const struct table *w)
{
    return get(g.here, json_pack("{s:s,s:s,s:o}", "verb", "consent_begin", "referral", w->referral, "card_id",
                                 tsk_jhex(w->t.card_id.b, sizeof w->t.card_id.b)));
}

static bool is_known(const struct table *w, const struct tsk_id32 *id)
{
    for (size_t i = 0; i < w->known_n; i++)
        if (memcmp(&w->known[i], id, sizeof *id) == 0)
            return true;
    return false;
}

static const json_t *lifts_of(const json_t *begun, const char *category)
{
    const json_t *items = json_object_get(begun, "items"), *it;
    for (size_t i = 0; (it = json_array_get(items, i)) != NULL; i++)
        if (strcmp(tsk_js(it, "category"), category) == 0)
            return json_object_get(it, "lifts");
    return NULL;
}

/* The stop of the round, once it is at the sender too: the one that was not there before. */
static void learn_stop(struct table *w, size_t category)
{
    for (unsigned tries = 0; tries < 5000; tries++) {
        json_t *b = begin(w), *v;
        size_t i;
        json_array_foreach(lifts_of(b, CATEGORY[category]), i, v) {
            struct tsk_id32 id;
            must(tsk_unhex(json_string_value(v), id.b, sizeof id.b), "lifts");
            if (is_known(w, &id))
                continue;
            w->known[w->known_n++] = id;
            w->lifts[category][w->lifts_n[category]++] = id;
            json_decref(b);
            return;
        }
        json_decref(b);
        rest_us(5000);
    }
    die("the stop of %s did not come to the sender", CATEGORY[category]);
}

static void fill_grant(struct table *w, size_t category, const struct tsk_sitting_item *it, struct tsk_grant *ret_g)
{
    const struct tsk_notice *notice = NULL;
    enum tsk_err why;
    *ret_g = (struct tsk_grant){
        .holder = *tsk_signer_kid(w->s.keys.sign), .role_kid = *tsk_signer_kid(w->s.keys.sign), .role = w->s.kind,
        .state = TSK_GRANT_GIVEN, .time = (uint64_t)time(NULL), .sender = w->s.referral.sender,
        .recipient = w->s.referral.recipient,
        .purpose = tsk_code("P1"), .retention_days = 90, .basis = tsk_code("B1"), .how = TSK_HOW_TABLET, .how_node = w->t.node,
        .referral = w->s.ref, .items_n = 1};
    ret_g->items[0] = (struct tsk_grant_item){it->id, it->item.core.category};
    ret_g->expires = tsk_sitting_cap(&w->s, ret_g->time, &why);
    tsk_random(ret_g->id.b, sizeof ret_g->id.b);
    must(tsk_notice_want(&g.cli, w->s.kind, &notice), "notice");
    struct tsk_slice text = {(const uint8_t *)notice->text, strlen(notice->text)};
    must(tsk_sha256(&text, 1, ret_g->notice_hash), "notice");
    ret_g->notice_lang = (struct tsk_slice){(const uint8_t *)notice->lang, strlen(notice->lang)};
    ret_g->notice_version = notice->version;
    if (category < CATEGORIES) {
        ret_g->lifts_n = w->lifts_n[category];
        memcpy(ret_g->lifts, w->lifts[category], ret_g->lifts_n * sizeof ret_g->lifts[0]);
        qsort(ret_g->lifts, ret_g->lifts_n, sizeof ret_g->lifts[0], by_bytes);
    }
}

struct given { struct tsk_id16 id; struct tsk_id32 id32; uint8_t code[16]; };

static struct given give(struct table *w, size_t category)
{
    const struct tsk_sitting_item *it = NULL;
    const struct tsk_entry *to = tsk_member_by_kid(w->t.members, &w->s.referral.recipient, 0);
    struct tsk_wraps wraps = {.wraps_n = 1};
    struct tsk_grant grant;
    struct given given;
    struct tsk_slice wraps_bytes, bytes;
    uint8_t wraps_buf[4096], buf[16384];
    must(tsk_sitting_find(&g.cli, &w->s, CATEGORY[category], &it), "item");
    fill_grant(w, category, it, &grant);
    wraps.id = given.id = grant.id;
    must(tsk_wd_code(&w->t.root, &grant.id, given.code), "code");
    must(tsk_wd_hash(&grant.id, given.code, grant.code_hash), "code");
    must(tsk_rewrap(&it->part, &grant.id, &grant.holder, &it->id, &grant.recipient, tsk_member_seal_key(to, grant.time),
                    &w->t.members->net, &wraps.wraps[0]), "wrap");
    must(tsk_rec_encode(TSK_REC_WRAPS, &wraps, wraps_buf, sizeof wraps_buf, &wraps_bytes), "wraps");
    must(tsk_sha256(&wraps_bytes, 1, grant.wraps_hash), "wraps");
    must(tsk_record_sign(TSK_REC_GRANT, &grant, w->s.keys.sign, &w->t.members->net, buf, sizeof buf, &bytes,
                         &given.id32), "grant");
    json_decref(get(g.here, json_pack("{s:s,s:o,s:o}", "verb", "consent_put", "grant", tsk_jhex(bytes.p, bytes.n), "wraps",
                                      tsk_jhex(wraps_bytes.p, wraps_bytes.n))));
    return given;
}

/* ---- the stop ---- */
static json_t *by_card(const struct table *w, const struct given *given)
{
    uint8_t buf[2048];
    struct tsk_slice bytes;
    struct tsk_id32 id;
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = given->id32, .time = (uint64_t)time(NULL), .by = TSK_BY_HOLDER};
    tsk_random(wd.id.b, sizeof wd.id.b);
    must(tsk_record_sign(TSK_REC_WITHDRAW, &wd, w->s.keys.sign, &w->t.members->net, buf, sizeof buf, &bytes, &id), "stop");
    return tsk_jhex(bytes.p, bytes.n);
}

/* At the sender a stop is effective when the recipient's receipt for it is stored. */
static bool is_effective(const struct table *w)
{
    json_t *h = get(g.here, json_pack("{s:s,s:s}", "verb", "history", "referral", w->referral)), *v;
    size_t i;
    bool effective = false;
    json_array_foreach(json_object_get(h, "stops"), i, v) {
        struct tsk_id32 id;
        must(tsk_unhex(json_string_value(json_object_get(v, "id")), id.b, sizeof id.b), "stop");
        effective = effective || (!is_known(w, &id) && json_is_true(json_object_get(v, "effective")));
    }
    json_decref(h);
    return effective;
}

/* Returns when it was known to be in force at the recipient. */
static uint64_t stop(const struct table *w, const struct given *given, enum stop how)
{
    char grant[33], code[40];
    bool there = how == STAFF_THERE || how == CODE_THERE;
    tsk_hex(given->id.b, sizeof given->id.b, grant);
    tsk_wd_code_text(given->code, code);
    json_t *r = json_pack("{s:s,s:s}", "verb", "withdraw", "grant", grant);
    if (how == CARD_HERE)
        json_object_set_new(r, "record", by_card(w, given));
    else if (how == CODE_HERE || how == CODE_THERE)
        json_object_set_new(r, "code", json_string(code));
    else
        json_object_set_new(r, "reason", json_string("S1"));
    json_decref(get(there ? g.there : g.here, r));
    for (unsigned tries = 0; !there && !is_effective(w); tries++) {
        if (tries > 5000)
            die("a stop did not become effective");
        rest_us(8000);
    }
    return mono_ns();
}

/* ---- one round ---- */
static void judge(const struct opener *o, uint64_t in_force)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct try *t = &o->tries[i];
        if (t->ok && t->asked > in_force)
            die("opened although it was asked for %lu us after the stop was in force",
                (unsigned long)((t->asked - in_force) / 1000));
        g.opened += t->ok;
        g.refused += !t->ok;
        g.late += t->ok && t->answered > in_force;
    }
}

static void wait_open(struct table *w, size_t category)
{
    struct try t;
    for (unsigned tries = 0; !open_once(w->referral, CATEGORY[category], w->lifts_n[category] == 0, &t); tries++) {
        if (tries > 5000)
            die("a grant of %s did not come to the recipient", CATEGORY[category]);
        rest_us(4000);
    }
    g.opened++;
}

static void race(struct table *w, unsigned round, struct try *tries)
{
    pthread_t threads[OPENERS];
    struct opener openers[OPENERS];
    size_t category = (round / ROUNDS_A_CATEGORY) % CATEGORIES;
    struct given given = give(w, category);
    wait_open(w, category);
    over = false;
    for (size_t i = 0; i < OPENERS; i++) {
        openers[i] = (struct opener){w->referral, CATEGORY[category], tries + i * TRIES_MAX, 0};
        pthread_create(&threads[i], NULL, open_on, &openers[i]);
    }
    rest_us((unsigned)rand_r(&g.seed) % 4000);
    uint64_t in_force = stop(w, &given, (enum stop)(round % STOPS));
    rest_us(2000);
    over = true;
    for (size_t i = 0; i < OPENERS; i++) {
        pthread_join(threads[i], NULL);
        judge(&openers[i], in_force);
    }
    learn_stop(w, category);
}

/* ---- what the recipient stored, in its order ---- */

static void check_order(const struct table *w, unsigned long opened)
{
    json_t *x = get(g.there, json_pack("{s:s,s:s}", "verb", "export", "referral", w->referral)), *v;
    struct tsk_id32 stopped[ROUNDS_A_REFERRAL];
    size_t i, stopped_n = 0, openings = 0;
    json_array_foreach(json_object_get(x, "records"), i, v) {
        uint8_t *p = NULL;
        size_t n = 0;
        struct tsk_envelope env;
        must(tsk_junhex_any(json_object_get(v, "record"), &p, &n), "record");
        must(tsk_cose_parse((struct tsk_slice){p, n}, &env), "record");
        struct tsk_withdraw wd;
        struct tsk_open open;
        if (env.rec == TSK_REC_WITHDRAW && stopped_n < ROUNDS_A_REFERRAL) {
            must(tsk_rec_decode(TSK_REC_WITHDRAW, env.payload, &wd), "stop");
            stopped[stopped_n++] = wd.target;
        } else if (env.rec == TSK_REC_OPEN) {
            must(tsk_rec_decode(TSK_REC_OPEN, env.payload, &open), "opening");
            openings++;
            for (size_t k = 0; k < stopped_n; k++)
                if (memcmp(&stopped[k], &open.grant, sizeof open.grant) == 0)
                    die("record %zu is an opening of a grant that an earlier record stops", i);
        }
        free(p);
    }
    json_decref(x);
    if (openings != opened || stopped_n != w->known_n)
        die("%zu openings stored, %lu answered; %zu stops stored, %zu made", openings, opened, stopped_n, w->known_n);
}

static unsigned referral(const char *id, unsigned rounds, struct try *tries)
{
    struct table w = {.referral = id};
    unsigned long before = g.opened;
    unsigned n = rounds < ROUNDS_A_REFERRAL ? rounds : ROUNDS_A_REFERRAL;
    must(tsk_terminal_open(&g.cli, 0, &w.t), "card");
    must(tsk_sitting_open(&g.cli, &w.t, id, &w.s), "referral");
    give(&w, CATEGORIES);
    for (unsigned i = 0; i < n; i++, g.round++)
        race(&w, i, tries);
    check_order(&w, g.opened - before);
    tsk_sitting_wipe(&w.s);
    tsk_terminal_wipe(&w.t);
    return n;
}

int main(int argc, char **argv)
{
    if (argc < 8)
        return 2;
    char *words[] = {argv[0], "consent", "show", argv[7], "--dir", argv[1], "--card-file", argv[3], "--pin-file", argv[4]};
    unsigned rounds = (unsigned)atoi(argv[5]), done = 0;
    struct try *tries = calloc(OPENERS * TRIES_MAX, sizeof *tries);
    g.here = g.cli.dir = argv[1];
    g.there = argv[2];
    g.seed = (unsigned)strtoul(argv[6], NULL, 10);
    g.cli.wait_s = 10;
    g.cli.ui = TSK_UI_EN;
    must(tsk_crypto_init(), "crypto");
    must(tsk_args_parse(10, words, &g.cli.args, g.cli.what), "words");
    for (int i = 7; i < argc && done < rounds; i++)
        done += referral(argv[i], rounds - done, tries);
    printf("%u rounds, %lu openings (%lu answered while the stop was being answered), %lu refusals\n", done, g.opened,
           g.late, g.refused);
    fflush(NULL);
    _Exit(done == rounds ? 0 : 1);
}
