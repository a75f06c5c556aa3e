/* The batch and the open node: effects after the commit and never before, undone ones never, memory that outlives the
 * transaction; a node's folder opened whole or not at all, and its roster followed. */
#include "node/post/batch.h"

#include "tests/check.h"
#include "tests/node/rosters.h"
#include "tests/node/temp.h"

static struct tsk_ctx ctx;
static struct tsk_batch b;
static struct made *d;
static uint64_t now;
static uint8_t keys_file[TSK_KEYFILE_CAP]; /* made once: scrypt takes its time */
static size_t keys_n;
static struct tsk_pk self_pk;
static struct tsk_seal_key self_seal;

static uint64_t test_clock(void)
{
    return now;
}

static void write_file(const char *name, const void *p, size_t n)
{
    ck_ok(tsk_file_write(temp_path(name), (struct tsk_slice){p, n}, 0600));
}

static void make_keys(void)
{
    struct tsk_node_keys *k;
    struct tsk_signer_key *signer;
    struct tsk_slice sealed;
    if (keys_n > 0)
        return;
    ck_ok(tsk_node_keys_new(2026, &k));
    ck_ok(tsk_signer_new(k->sign_seed.b, &signer));
    self_pk = *tsk_signer_pk(signer);
    self_seal.year = k->seal[0].year;
    self_seal.pk = k->seal[0].pk;
    memcpy(self_seal.id8, k->seal[0].id8, 8);
    ck_ok(tsk_keyfile_seal(k, (struct tsk_slice){(const uint8_t *)"secret", 6}, keys_file, sizeof keys_file, &sealed));
    keys_n = sealed.n;
    tsk_signer_free(signer);
    tsk_node_keys_free(k);
}

/* A folder as `tasuki node new` leaves it. */
static void setup_folder(void)
{
    static const char conf[] = "partner = Z00001\nmap_gb = 1\n";
    ck_ok(tsk_crypto_init());
    temp_setup();
    make_keys();
    write_file("keys", keys_file, keys_n);
    write_file("unlock", "secret", 6);
    write_file("node.conf", conf, sizeof conf - 1);
    now = MADE_FROM + 10;
    d = made_new(2);
    d->members[0].sign_pk = self_pk;
    ck_ok(tsk_kid_of(&self_pk, &d->members[0].kid));
    d->members[0].posts[0] = d->members[0].kid;
    d->members[0].seal[0] = self_seal;
    memset(&ctx, 0, sizeof ctx);
    ctx.lock_fd = -1;
}

static void setup(void)
{
    setup_folder();
    ck_ok(tsk_ctx_open(temp_dir, NULL, &ctx));
    ctx.clock = test_clock;
}

static void teardown(void)
{
    tsk_ctx_close(&ctx);
    made_free(d);
    temp_teardown();
}

static void install(void)
{
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1));
    ck_ok(tsk_roster_install(temp_dir, bytes, NULL));
    free((void *)(uintptr_t)bytes.p);
}

/* ---- effects ---- */
static char told[256];          /* what effects said, in their order */
static enum tsk_err told_err;

static void tell(struct tsk_ctx *c, void *arg, enum tsk_err committed)
{
    ck_assert_ptr_eq(c, &ctx);
    strcat(told, arg);
    told_err = committed;
}

static void effect(const char *word)
{
    char *arg = tsk_keep(b.txn, word, strlen(word) + 1);
    ck_ok(tsk_batch_effect(&b, tell, arg));
}

static void put(uint64_t n)
{
    struct tsk_rowkey k = tsk_row(TSK_T_CASE);
    tsk_row_u64(&k, n);
    ck_ok(tsk_put_u64(b.txn, &k, n));
}

static bool has(uint64_t n)
{
    struct tsk_txn *t;
    struct tsk_rowkey k = tsk_row(TSK_T_CASE);
    tsk_row_u64(&k, n);
    ck_ok(tsk_txn_begin(ctx.store, false, &t));
    bool there = tsk_has(t, &k);
    tsk_txn_abort(t);
    return there;
}

static void begin(void)
{
    told[0] = '\0';
    told_err = TSK_E_BUG;
    ck_ok(tsk_batch_begin(&ctx, &b));
}

/* The commit is seen from inside the effect. */
static void look(struct tsk_ctx *c, void *arg, enum tsk_err committed)
{
    (void)c;
    *(bool *)arg = has(1);
    ck_assert_int_eq(committed, TSK_OK);
}

START_TEST(effects_come_after_the_commit)
{
    bool seen = false;
    begin();
    ck_assert_uint_eq(b.now, now);
    put(1);
    ck_ok(tsk_batch_effect(&b, look, &seen));
    effect("a");
    effect("b");
    ck_assert_str_eq(told, "");
    ck_ok(tsk_batch_end(&ctx, &b));
    ck_assert_str_eq(told, "ab");
    ck_assert_int_eq(told_err, TSK_OK);
    ck_assert(seen);
    ck_assert_ptr_null(b.txn);
    ck_assert_uint_eq(b.effects_n, 0);
}
END_TEST

START_TEST(many_effects)
{
    char want[201] = "";
    begin();
    for (int i = 0; i < 200; i++) {
        const char digit[2] = {(char)('0' + i % 10), 0};
        effect(digit);
        strcat(want, digit);
    }
    ck_ok(tsk_batch_end(&ctx, &b));
    ck_assert_str_eq(told, want);
}
END_TEST

START_TEST(aborted)
{
    begin();
    put(1);
    effect("a");
    tsk_batch_abort(&ctx, &b, TSK_E_DISKFULL);
    ck_assert_str_eq(told, "a");
    ck_assert_int_eq(told_err, TSK_E_DISKFULL);
    ck_assert(!has(1));
    begin();
    effect("b");
    tsk_batch_abort(&ctx, &b, TSK_OK); /* nobody may be told that it was stored */
    ck_assert_int_eq(told_err, TSK_E_BUG);
}
END_TEST

/* A write that failed inside is not committed even where its handler overlooked it. */
START_TEST(failed_inside)
{
    struct tsk_rowkey k = tsk_row(TSK_T_CASE);
    uint8_t zeros[201] = {0};
    tsk_row_bytes(&k, zeros, sizeof zeros);
    begin();
    put(1);
    effect("a");
    ck_err(tsk_put_u64(b.txn, &k, 1), TSK_E_BUG);
    ck_err(tsk_batch_end(&ctx, &b), TSK_E_BUG);
    ck_assert_str_eq(told, "a");
    ck_assert_int_eq(told_err, TSK_E_BUG);
    ck_assert(!has(1));
}
END_TEST

START_TEST(savepoints)
{
    struct tsk_outgoing o = {.record = {(const uint8_t *)"r", 1}};
    begin();
    put(1);
    effect("a");
    ck_ok(tsk_batch_save(&b));
    put(2);
    effect("b");
    ck_ok(tsk_batch_send(&b, &o));
    ck_ok(tsk_batch_save(&b));
    put(3);
    effect("c");
    ck_ok(tsk_batch_send(&b, &o));
    ck_ok(tsk_batch_keep(&b));
    ck_assert_uint_eq(b.out_n, 2);
    tsk_batch_undo(&b); /* and what was kept inside it */
    ck_assert_uint_eq(b.out_n, 0);
    ck_ok(tsk_batch_save(&b));
    put(4);
    effect("d");
    ck_ok(tsk_batch_keep(&b));
    ck_ok(tsk_batch_end(&ctx, &b));
    ck_assert_str_eq(told, "ad");
    ck_assert(has(1) && !has(2) && !has(3) && has(4));
}
END_TEST

START_TEST(savepoint_misuse)
{
    begin();
    ck_err(tsk_batch_keep(&b), TSK_E_BUG);
    tsk_batch_undo(&b);
    for (int i = 0; i < 8; i++)
        ck_ok(tsk_batch_save(&b));
    ck_err(tsk_batch_save(&b), TSK_E_BUG);
    put(1);
    effect("a");
    ck_err(tsk_batch_end(&ctx, &b), TSK_E_BUG); /* one was left open */
    ck_assert_int_eq(told_err, TSK_E_BUG);
    ck_assert(!has(1));
}
END_TEST

START_TEST(sending_copies)
{
    uint8_t record[300], ct[3000], wraps[30];
    memset(record, 1, sizeof record);
    memset(ct, 2, sizeof ct);
    memset(wraps, 3, sizeof wraps);
    struct tsk_outgoing o = {.record = TSK_SLICE(record), .ct = TSK_SLICE(ct), .wraps = TSK_SLICE(wraps), .urgent = true};
    begin();
    for (uint64_t i = 0; i < 150; i++) {
        o.bundle = tsk_batch_bundle(&b);
        ck_assert_uint_eq(o.bundle, i + 1);
        o.id.b[0] = (uint8_t)i;
        ck_ok(tsk_batch_send(&b, &o));
    }
    memset(record, 9, sizeof record);
    memset(ct, 9, sizeof ct);
    memset(wraps, 9, sizeof wraps);
    ck_assert_uint_eq(b.out_n, 150);
    for (uint64_t i = 0; i < 150; i++) {
        ck_assert_uint_eq(b.out[i].id.b[0], i);
        ck_assert_uint_eq(b.out[i].bundle, i + 1);
        ck_assert(b.out[i].urgent && !b.out[i].receipt);
        ck_assert(b.out[i].record.p[299] == 1 && b.out[i].ct.p[2999] == 2 && b.out[i].wraps.p[29] == 3);
    }
    tsk_batch_abort(&ctx, &b, TSK_E_BUG);
}
END_TEST

START_TEST(one_batch_at_a_time)
{
    struct tsk_batch other;
    begin();
    ck_err(tsk_batch_begin(&ctx, &other), TSK_E_BUG);
    ck_err(tsk_ctx_reload(&ctx), TSK_E_NOROSTER);
    ck_ok(tsk_batch_end(&ctx, &b));
}
END_TEST

/* ---- the open node ---- */
START_TEST(opened)
{
    struct tsk_ctx other = {.lock_fd = -7};
    ck_assert_ptr_null(ctx.members);
    ck_assert_ptr_null(tsk_self_entry(&ctx));
    ck_assert_str_eq(ctx.conf.partner, "Z00001");
    ck_assert_mem_eq(tsk_self(&ctx), &d->members[0].kid, 32);
    ck_assert_mem_eq(tsk_kem_pk(ctx.kems[0]), &self_seal.pk, 32);
    ck_assert_ptr_null(ctx.kems[1]);
    ck_err(tsk_ctx_open(temp_dir, NULL, &other), TSK_E_LOCKED);
    ck_assert_int_eq(other.lock_fd, -7);
    tsk_ctx_close(&ctx);
    tsk_ctx_close(&ctx); /* harmless */
    ck_ok(tsk_ctx_open(temp_dir, temp_path("unlock"), &ctx));
}
END_TEST

/* What is missing or wrong is named, and the lock is free again afterwards. */
START_TEST(not_opened)
{
    static const struct { const char *file, *content; enum tsk_err want; } wrong[] = {
        {"node.conf", NULL, TSK_E_BADFILE}, {"node.conf", "x", TSK_E_BADFILE}, {"keys", NULL, TSK_E_KEYS},
        {"keys", "x", TSK_E_KEYS},          {"unlock", NULL, TSK_E_KEYS},      {"unlock", "wrong", TSK_E_KEYS},
        {"roots", "x", TSK_E_BADFILE},      {"db", "x", TSK_E_DISK},
    };
    struct tsk_ctx other;
    tsk_ctx_close(&ctx);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *path = temp_path(wrong[i].file), *aside = temp_path("aside");
        bool was = rename(path, aside) == 0;
        if (wrong[i].content != NULL)
            write_file(wrong[i].file, wrong[i].content, strlen(wrong[i].content));
        enum tsk_err e = tsk_ctx_open(temp_dir, NULL, &other);
        ck_assert_msg(e == wrong[i].want, "%s: %s", wrong[i].file, tsk_err_name(e));
        unlink(temp_path(wrong[i].file));
        if (was)
            ck_assert_int_eq(rename(temp_path("aside"), temp_path(wrong[i].file)), 0);
    }
    ck_ok(tsk_ctx_open(temp_dir, NULL, &ctx));
}
END_TEST

static uint64_t kept_rosters(void)
{
    struct tsk_txn *t;
    struct tsk_rowkey prefix = tsk_row(TSK_T_ROSTER);
    uint64_t n;
    ck_ok(tsk_txn_begin(ctx.store, false, &t));
    ck_ok(tsk_count(t, &prefix, &n));
    tsk_txn_abort(t);
    return n;
}

START_TEST(roster_is_followed)
{
    ck_err(tsk_ctx_reload(&ctx), TSK_E_NOROSTER);
    install();
    ck_ok(tsk_ctx_reload(&ctx));
    ck_assert_str_eq(tsk_self_entry(&ctx)->m.partner, "Z00001");
    ck_assert_uint_eq(kept_rosters(), 1);
    ck_ok(tsk_ctx_reload(&ctx)); /* nothing new */
    ck_assert_uint_eq(kept_rosters(), 1);
    made_next(d);
    d->members[0].has_until = true;
    d->members[0].until = now + 5;
    install();
    ck_ok(tsk_ctx_reload(&ctx));
    ck_assert_uint_eq(ctx.members->r.seq, 2);
    ck_assert_uint_eq(kept_rosters(), 2);
    ck_assert_ptr_nonnull(tsk_self_entry(&ctx));
    now += 5;
    ck_assert_ptr_null(tsk_self_entry(&ctx)); /* it has left */
    tsk_ctx_close(&ctx);
    ck_ok(tsk_ctx_open(temp_dir, NULL, &ctx));
    ck_assert_uint_eq(ctx.members->r.seq, 2);
    ck_assert_uint_eq(kept_rosters(), 2);
}
END_TEST

/* An older folder, or another history, put under a running or a stopped node. */
START_TEST(roster_never_goes_back)
{
    install();
    uint8_t *p, *roots;
    size_t n, roots_n;
    ck_ok(tsk_file_read(temp_path("roster.cose"), 1 << 21, &p, &n));
    ck_ok(tsk_file_read(temp_path("roots"), 4096, &roots, &roots_n));
    made_next(d);
    struct tsk_roster second = d->r;
    install();
    ck_ok(tsk_ctx_reload(&ctx));
    write_file("roster.cose", p, n);
    ck_err(tsk_ctx_reload(&ctx), TSK_E_ROSTEROLD);
    ck_assert_uint_eq(ctx.members->r.seq, 2); /* the old one stays */
    tsk_ctx_close(&ctx);
    ck_err(tsk_ctx_open(temp_dir, NULL, &ctx), TSK_E_ROSTEROLD);

    ck_ok(tsk_file_write(temp_path("roots"), (struct tsk_slice){roots, roots_n}, 0600));
    d->r = second;
    d->r.time++; /* an honest root never signs a second roster 2 */
    install();
    ck_err(tsk_ctx_open(temp_dir, NULL, &ctx), TSK_E_FORK);
    free(p);
    free(roots);
    write_file("roster.cose", "x", 1);
    ck_err(tsk_ctx_open(temp_dir, NULL, &ctx), TSK_E_MALFORMED);
}
END_TEST

static TCase *batch_case(void)
{
    TCase *c = tcase_create("batch");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, effects_come_after_the_commit);
    tcase_add_test(c, many_effects);
    tcase_add_test(c, aborted);
    tcase_add_test(c, failed_inside);
    tcase_add_test(c, savepoints);
    tcase_add_test(c, savepoint_misuse);
    tcase_add_test(c, sending_copies);
    tcase_add_test(c, one_batch_at_a_time);
    return c;
}

static TCase *ctx_case(void)
{
    TCase *c = tcase_create("ctx");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, opened);
    tcase_add_test(c, not_opened);
    tcase_add_test(c, roster_is_followed);
    tcase_add_test(c, roster_never_goes_back);
    return c;
}

TSK_TEST_MAIN_NOFORK("batch", batch_case, ctx_case)
