/* hostile_wire.c - requests, parcels, numbers and the control socket; see hostile.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "tests/system/hostile.h"

static struct tsk_put put_now(void)
{
    struct tsk_put put = {.time = wall(), .post = *them(), .to = *them()};
    tsk_random(put.id.b, sizeof put.id.b);
    return put;
}

static struct tsk_slice some_parcel(const struct tsk_put *put)
{
    struct load l = {.seq = 1, .floor = 1};
    struct tsk_cosign c = {.role = TSK_COSIGN_OUTSIDE, .time = wall()};
    struct tsk_id32 id;
    tsk_random(c.id.b, sizeof c.id.b);
    load_add(&l, sign_own(TSK_REC_COSIGN, &c, &id));
    return parcel_of(&l, &put->id);
}

/* ---- put ---- */
static long try_put(const struct tsk_put *put)
{
    struct tsk_slice parcel = some_parcel(put);
    return put_raw(put_of(parcel, put), parcel);
}

static void puts_all(void)
{
    struct tsk_put put = put_now();
    put.time -= 400;
    expect("a put 400 s old", try_put(&put), 5);
    put = put_now();
    put.time += 400;
    expect("a put 400 s ahead", try_put(&put), 13);
    put = put_now();
    put.post = *me();
    expect("a put for another post office", try_put(&put), 4);
    put = put_now();
    put.to = *me();
    expect("a put to a mailbox that is not here", try_put(&put), H.to == H.office ? 0 : 2);
    put = put_now();
    tsk_random(put.to.b, sizeof put.to.b);
    expect("a put to nobody", try_put(&put), 2);
    put = put_now();
    struct tsk_slice parcel = some_parcel(&put), ok = put_of(parcel, &put);
    struct tsk_slice cut = {parcel.p, parcel.n - 1};
    expect("a parcel that is not the put's", put_raw(ok, cut), 1);
    uint8_t *edited = keep(ok.p, ok.n);
    edited[ok.n - 1] ^= 1;
    expect("a put with a false signature", put_raw((struct tsk_slice){edited, ok.n}, parcel), 3);
    uint8_t seed[32];
    struct tsk_signer_key *stranger;
    struct tsk_id32 id;
    tsk_random(seed, sizeof seed);
    must(tsk_signer_new(seed, &stranger), "key");
    must(tsk_sha256(&parcel, 1, put.parcel_hash), "hash");
    expect("a put of no member", put_raw(sign_as(TSK_REC_PUT, &put, stranger, &id), parcel), 2);
    expect("a put without a parcel", ask_raw(ok), 4);
    expect("the true one", put_raw(ok, parcel), 0);
    expect("  again", put_raw(ok, parcel), 0);
}

static void rubbish(void)
{
    static uint8_t deep[2000], zeros[1 << 20];
    struct tsk_put put = put_now();
    struct tsk_slice parcel = some_parcel(&put), ok = put_of(parcel, &put);
    memset(deep, 0x81, sizeof deep);
    expect("nothing", ask_raw((struct tsk_slice){zeros, 0}), 1);
    expect("arrays in arrays", ask_raw(TSK_SLICE(deep)), 1);
    expect("a MiB of zeros", ask_raw(TSK_SLICE(zeros)), 1);
    unsigned wrong = 0;
    for (size_t n = 0; n < ok.n; n += 3) {
        long code = put_raw((struct tsk_slice){ok.p, n}, parcel);
        wrong += code != 1 && code != 4;
    }
    expect("puts cut short that were taken", wrong, 0);
    for (size_t bit = 0; bit < ok.n * 8; bit += 5) {
        uint8_t *edited = keep(ok.p, ok.n);
        edited[bit / 8] ^= (uint8_t)(1 << bit % 8);
        wrong += put_raw((struct tsk_slice){edited, ok.n}, parcel) <= 0;
    }
    expect("puts with a bit flipped that were taken", wrong, 0);
    struct tsk_id32 id;
    struct person p = person_new(1, me());
    expect("a holder as a request", ask_raw(p.record), 4);
    struct tsk_confirm c = {.time = wall(), .post = *them(), .epoch = {{1}}, .up_to = TSK_NUMBER_MAX};
    expect("a confirm of an epoch that never was", ask_raw(sign_own(TSK_REC_CONFIRM, &c, &id)), H.to == H.office ? 5 : 2);
}

/* Parcels that the office takes and the inbox must not: told apart by what their record does afterwards. */
static void parcels(void)
{
    struct world w;
    struct load l = {.seq = H.seq + 1, .floor = H.seq + 2};
    world_begin(&w, 1);
    load_add(&l, w.referral);
    struct tsk_put put = put_now();
    struct tsk_slice parcel = parcel_of(&l, &put.id);
    expect("a floor above its own number", put_raw(put_of(parcel, &put), parcel), 0);
    expect_text("  is not looked into", history(&w.r.id, "state"), "");
    l.floor = l.seq;
    l.from = them();
    parcel = parcel_of(&l, &put.id);
    expect("a parcel in another's name", put_raw(put_of(parcel, &put), parcel), 0);
    expect_text("  is not looked into", history(&w.r.id, "state"), "");
    l.from = NULL;
    parcel = parcel_of(&l, &put.id);
    put.id.b[0] ^= 1;
    expect("a parcel under another put", put_raw(put_of(parcel, &put), parcel), 0);
    expect_text("  is not looked into", history(&w.r.id, "state"), "");
    uint8_t *edited = keep(parcel.p, parcel.n);
    put.id.b[0] ^= 1;
    edited[parcel.n / 2] ^= 1;
    parcel.p = edited;
    expect("a parcel with a bit flipped", put_raw(put_of(parcel, &put), parcel), 0);
    expect_text("  is not looked into", history(&w.r.id, "state"), "");
    struct load all = {0};
    uint8_t junk[64] = {0xd2, 0x84};
    struct tsk_id32 id = {{0}};
    load_add(&all, TSK_SLICE(junk));
    load_add(&all, w.referral);
    load_add(&all, put_of(parcel, &put));
    send_load(&all);
    expect("rubbish and a put among the records take nothing with them", answer_of(&w.ref), 0);
    (void)id;
}

void attack_wire(void)
{
    puts_all();
    rubbish();
    parcels();
}

/* ---- numbers; last, for they spoil the hostile node's own ---- */
void attack_numbers(void)
{
    struct world w = world_new();
    struct load l = {.seq = H.seq + 2, .floor = H.seq + 1};
    world_load(&w, &l);
    send_load(&l);
    expect("a grant while a number of its sender is missing", answer_of(&w.grant), 0);
    expect_text("  does not open", opens(&w, "C6"), "e.retry");
    l = (struct load){.seq = H.seq + 1, .floor = H.seq + 1};
    send_load(&l);
    H.seq += 2;
    expect_text("  and opens when that is here", opens(&w, "C6"), "ok");
    l = (struct load){.seq = TSK_NUMBER_MAX, .floor = 1};
    expect("number 2^53", send_load(&l), 0);
    expect_text("  is a gap of the hostile node's own", opens(&w, "C6"), "e.retry");
    l = (struct load){.seq = TSK_NUMBER_MAX, .floor = TSK_NUMBER_MAX};
    expect("a floor of 2^53", send_load(&l), 0);
    expect_text("  says that much was missed, and closes what was granted before", opens(&w, "C6"), "e.forgotten");
}

/* ---- the control socket ---- */
static const char *status_of_victim(void)
{
    static const char status[] = "{\"verb\":\"status\"}";
    return control(status, sizeof status - 1);
}

void attack_control(void)
{
    static const struct { const char *name, *text, *want; } requests[] = {
        {"no JSON", "tasuki", "e.usage"},
        {"an array", "[]", "e.usage"},
        {"a key twice", "{\"verb\":\"status\",\"verb\":\"open\"}", "e.usage"},
        {"two objects", "{\"verb\":\"status\"}{}", "e.usage"},
        {"bytes that are no UTF-8", "{\"verb\":\"sta\xff\"}", "e.usage"},
        {"a NUL in a key", "{\"verb\":\"status\",\"a\\u0000b\":1}", "e.usage"},
        {"a NUL in the verb", "{\"verb\":\"status\\u0000x\"}", "e.usage"},
        {"a number too large", "{\"verb\":\"status\",\"n\":1e999}", "e.usage"},
        {"a verb that is a list", "{\"verb\":[\"status\"]}", "e.usage"},
        {"a member too many", "{\"verb\":\"status\",\"x\":1}", "e.usage"},
        {"staff that is a number", "{\"verb\":\"status\",\"staff\":7}", "e.usage"},
        {"a language that nobody speaks", "{\"verb\":\"status\",\"ui\":\"xx\"}", "e.usage"},
        {"a referral of nobody",
         "{\"verb\":\"open\",\"referral\":\"00000000000000000000000000000000\",\"category\":\"C1\",\"purpose\":\"P1\"}",
         "e.unknown"},
        {"a referral in capitals", "{\"verb\":\"history\",\"referral\":\"0000000000000000000000000000000A\"}", "e.usage"},
        {"a stop of nothing",
         "{\"verb\":\"withdraw\",\"grant\":\"00000000000000000000000000000000\",\"reason\":\"S1\"}", "e.unknown"},
        {"a consent of half a byte", "{\"verb\":\"consent_put\",\"grant\":\"0\",\"wraps\":\"00\"}", "e.usage"},
        {"a consent of rubbish", "{\"verb\":\"consent_put\",\"grant\":\"d284\",\"wraps\":\"a0\"}", "e.malformed"},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        expect_text(requests[i].name, control(requests[i].text, strlen(requests[i].text)), requests[i].want);
    size_t n = 4u << 20;
    char *big = malloc(n);
    if (big == NULL)
        die("out of memory");
    memset(big, '[', n);
    expect_text("four million brackets", control(big, n), "e.usage");
    memset(big, 'a', n);
    memcpy(big, "{\"verb\":\"", 9);
    memcpy(big + n - 2, "\"}", 2);
    expect_text("a verb of 4 MiB", control(big, n), "e.usage");
    static const char long_reason[] = "{\"verb\":\"withdraw\",\"grant\":\"00000000000000000000000000000000\",\"reason\":\"";
    memset(big, 'a', n);
    memcpy(big, long_reason, sizeof long_reason - 1);
    memcpy(big + n - 2, "\"}", 2);
    expect_text("a reason of 4 MiB, of a grant that is not there", control(big, n), "e.unknown");
    free(big);
    expect_text("and the node still answers", status_of_victim(), "ok");
}

/* ---- floods: what one member can cost the others ---- */
static struct tsk_slice flood_one(const char *what, const struct world *w, unsigned i)
{
    struct tsk_id32 id;
    if (strcmp(what, "forks") == 0) {
        struct tsk_status s = {.referral = w->ref, .seq = 1 + i % TSK_STATUS_MAX, .state = TSK_ST_RECALLED, .time = wall()};
        s.prev.b[0] = s.seq > 1;
        tsk_random(s.id.b, sizeof s.id.b);
        return sign_own(TSK_REC_STATUS, &s, &id);
    }
    struct tsk_withdraw wd = {.form = TSK_STOP_GRANT, .target = w->grant, .time = wall(), .by = TSK_BY_STAFF,
                              .reason = tsk_code("S1")};
    tsk_random(wd.id.b, sizeof wd.id.b);
    return sign_own(TSK_REC_WITHDRAW, &wd, &id);
}

/* Pending grants need wraps of their own; each is made with its grant. */
static void flood_pending(struct load *l, const struct world *w)
{
    struct world other = *w;
    struct tsk_wraps wraps;
    struct tsk_id32 id;
    uint8_t *buf = keep(NULL, 512);
    must(tsk_rec_decode(TSK_REC_WRAPS, w->wraps, &wraps), "wraps");
    tsk_random(other.g.items[0].item.b, 32);
    tsk_random(other.g.referral.b, 32);
    tsk_random(other.g.id.b, sizeof other.g.id.b);
    wraps.id = other.g.id;
    wraps.wraps[0].item = other.g.items[0].item;
    must(tsk_rec_encode(TSK_REC_WRAPS, &wraps, buf, 512, &l->wraps[l->wraps_n]), "wraps");
    must(tsk_sha256(&l->wraps[l->wraps_n++], 1, other.g.wraps_hash), "wraps");
    load_add(l, sign_as(TSK_REC_GRANT, &other.g, w->who.sign, &id));
}

/* Items that nobody will ever open, each of `size` bytes: fills the disk of whoever takes them. */
static void flood_disk(unsigned n, size_t size)
{
    static uint8_t ct[15u << 20];
    struct world w;
    struct load l = {0};
    world_begin(&w, 1);
    load_add(&l, w.referral);
    load_add(&l, w.who.record);
    send_load(&l);
    world_seal(&w, "C6", 3, TSK_ANY);
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++) {
        l = (struct load){.seq = ++H.seq};
        tsk_random(ct, 64);
        w.ct = (struct tsk_slice){ct, size};
        must(tsk_sha256(&w.ct, 1, w.it.ct_hash), "hash");
        w.it.ct_len = w.ct.n;
        tsk_random(w.it.core.id.b, sizeof w.it.core.id.b);
        must(tsk_item_core_encode(&w.it.core, keep(NULL, 4096), 4096, &w.it.core_bytes), "core");
        w.item_bytes = sign_own(TSK_REC_ITEM, &w.it, &w.item);
        load_add(&l, w.item_bytes);
        l.cts[l.cts_n++] = w.ct;
        struct tsk_put put = put_now();
        l.floor = l.seq;
        struct tsk_slice parcel = parcel_of(&l, &put.id);
        taken += put_raw(put_of(parcel, &put), parcel) == 0;
    }
    printf("%u of %u parcels of %zu bytes were taken\n", taken, n, size);
}

/* The smallest parcels, for what room the large ones have left. send_load puts a record into each. */
static void flood_crumbs(unsigned n)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++) {
        struct load l = {0};
        taken += send_load(&l) == 0;
    }
    printf("%u of %u parcels of one record were taken\n", taken, n);
}

void attack_flood(const char *what, unsigned n)
{
    if (strcmp(what, "disk") == 0) {
        flood_disk(n, 15u << 20);
        return;
    }
    if (strcmp(what, "crumbs") == 0) {
        flood_crumbs(n);
        return;
    }
    struct world w = world_new();
    struct load l = {0};
    world_load(&w, &l);
    send_load(&l);
    long before = control_ms();
    uint64_t from = tsk_mono_ms(), slowest = 0;
    for (unsigned i = 0; i < n;) {
        uint64_t began = tsk_mono_ms();
        l = (struct load){0};
        for (; i < n && l.records_n < LOAD_MAX - 1; i++) {
            if (strcmp(what, "pending") == 0)
                flood_pending(&l, &w);
            else
                load_add(&l, flood_one(what, &w, i));
        }
        send_load(&l);
        slowest = tsk_mono_ms() - began > slowest ? tsk_mono_ms() - began : slowest;
    }
    struct world probe = world_new();
    uint64_t began = tsk_mono_ms();
    l = (struct load){0};
    world_load(&probe, &l);
    send_load(&l);
    uint64_t after = tsk_mono_ms() - began;
    printf("%u %s took %llu ms, the slowest parcel %llu ms; a referral after them %llu ms; "
           "status %ld ms before, %ld ms after\n", n, what,
           (unsigned long long)(tsk_mono_ms() - from), (unsigned long long)slowest, (unsigned long long)after, before,
           control_ms());
    expect_text("a true referral still opens", opens(&probe, "C6"), "ok");
    expect("no parcel held the node up for three seconds", slowest < 3000 && after < 3000, 1);
}
