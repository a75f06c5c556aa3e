/* The roster: what is admitted, what may follow what, and who may sign it. */
#include "node/core/members.h"

#include <ctype.h>

#include "node/core/folder.h"
#include "tests/check.h"
#include "tests/node/rosters.h"
#include "tests/node/temp.h"

static struct made *d;

static void setup(void)
{
    ck_ok(tsk_crypto_init());
    temp_setup();
    d = made_new(3);
}

static void teardown(void)
{
    made_free(d);
    temp_teardown();
}

static void drop(struct tsk_slice bytes)
{
    free((void *)(uintptr_t)bytes.p);
}

/* Signs `d`, installs it in temp_dir. */
static enum tsk_err install(const unsigned *signers, const char *fp)
{
    struct tsk_slice bytes = made_encode(d, signers);
    enum tsk_err e = tsk_roster_install(temp_dir, bytes, fp);
    drop(bytes);
    return e;
}

static enum tsk_err try_new(void)
{
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1));
    struct tsk_members *m = NULL;
    enum tsk_err e = tsk_members_new(bytes, NULL, 0, 0, &m);
    ck_assert_int_eq(m != NULL, e == TSK_OK);
    tsk_members_free(m);
    drop(bytes);
    return e;
}

static struct tsk_members *loaded(void)
{
    struct tsk_members *m;
    ck_ok(tsk_roster_load(temp_dir, &m));
    return m;
}

static uint64_t loaded_seq(void)
{
    struct tsk_members *m = loaded();
    uint64_t seq = m->r.seq;
    tsk_members_free(m);
    return seq;
}

/* ---- one roster ---- */
START_TEST(indexed)
{
    d->members[1].has_until = true;
    d->members[1].until = MADE_FROM + 100;
    d->members[2].urls = (struct tsk_seq){{NULL, 0}, 0};
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1)), payload = made_payload(d);
    struct tsk_members *m;
    struct tsk_id16 net;
    struct tsk_partner p;
    struct tsk_kid nobody = {{9}};
    ck_ok(tsk_members_new(bytes, NULL, 0, 0, &m));
    drop(bytes); /* it has its own copy */
    ck_ok(tsk_net_of(payload, &net));
    ck_assert_mem_eq(&m->net, &net, sizeof net);
    for (size_t i = 0; i < 3; i++) {
        const struct tsk_member *want = &d->members[i];
        const struct tsk_entry *e = tsk_member_by_kid(m, &want->kid, 0);
        ck_assert_ptr_nonnull(e);
        ck_assert_ptr_eq(tsk_member_by_partner(m, want->partner, 0), e);
        ck_assert_str_eq(e->m.partner, want->partner);
        ck_assert_str_eq(e->org.id, want->partner);
        ck_assert_uint_eq(e->org.name.n, 18);
        ck_assert_mem_eq(tsk_verifier_kid(e->verifier), &want->kid, 32);
        ck_assert_int_eq(e->url != NULL, i != 2);
        ck_assert(i == 2 || strcmp(e->url, "tls+tcp://local:700") == 0);
        ck_assert_ptr_null(tsk_member_by_kid(m, &want->kid, MADE_FROM - 1)); /* not begun */
        ck_assert_ptr_eq(tsk_member_by_kid(m, &want->kid, MADE_FROM), e);
        ck_assert_ptr_eq(tsk_member_by_kid(m, &want->kid, MADE_FROM + 99), e);
        ck_assert_int_eq(tsk_member_by_kid(m, &want->kid, MADE_FROM + 100) == NULL, i == 1); /* left */
        ck_assert_int_eq(tsk_member_by_partner(m, want->partner, MADE_FROM + 100) == NULL, i == 1);
    }
    ck_assert_ptr_null(tsk_member_by_kid(m, &nobody, 0));
    ck_assert_ptr_null(tsk_member_by_partner(m, "Z9", 0));
    ck_assert(tsk_partner_find(m, "Z00002", &p) && strcmp(p.id, "Z00002") == 0);
    ck_assert(!tsk_partner_find(m, "Z0000", &p));
    ck_assert(!tsk_partner_find(m, "", &p));
    ck_assert(!tsk_partner_find(m, "a name of far more than sixteen bytes", &p));
    tsk_members_free(m);
    tsk_members_free(NULL);
}
END_TEST

START_TEST(no_members_at_all)
{
    d->members_n = d->partners_n = 0;
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1));
    struct tsk_members *m;
    struct tsk_partner p;
    ck_ok(tsk_members_new(bytes, NULL, 0, 0, &m));
    ck_assert_ptr_null(tsk_member_by_kid(m, &d->members[0].kid, 0));
    ck_assert(!tsk_partner_find(m, "Z00001", &p));
    tsk_members_free(m);
    drop(bytes);
}
END_TEST

START_TEST(sealing_key_of_the_year)
{
    struct tsk_entry e = {.m.seal_n = 3, .m.seal = {{.year = 2026}, {.year = 2027}, {.year = 2025}}};
    ck_assert_uint_eq(tsk_member_seal_key(&e, 1767225599)->year, 2025); /* 2025-12-31T23:59:59Z */
    ck_assert_uint_eq(tsk_member_seal_key(&e, 1767225600)->year, 2026);
    ck_assert_uint_eq(tsk_member_seal_key(&e, 1798761600)->year, 2027);
    ck_assert_uint_eq(tsk_member_seal_key(&e, 1830297600)->year, 2027); /* 2028: the newest */
    ck_assert_uint_eq(tsk_member_seal_key(&e, 0)->year, 2027);
}
END_TEST

/* Each row spoils a good roster in one way. */
static void spoil_kid(void) { d->members[0].kid.b[0] ^= 1; d->members[0].posts[0] = d->members[0].kid; }
static void spoil_small_order(void)
{
    memset(&d->members[1].sign_pk, 0, 32);
    d->members[1].sign_pk.b[0] = 1;
    ck_ok(tsk_kid_of(&d->members[1].sign_pk, &d->members[1].kid));
    d->members[1].posts[0] = d->members[1].kid;
}
static void spoil_seal_zero(void)
{
    memset(&d->members[2].seal[0].pk, 0, 32);
    ck_ok(tsk_id8_of(&d->members[2].seal[0].pk, d->members[2].seal[0].id8));
}
static void spoil_id8(void) { d->members[2].seal[0].id8[7] ^= 0x80; }
static void spoil_second_id8(void)
{
    made_seal_key(&d->members[2].seal[1], 77, 2027);
    d->members[2].seal[1].id8[0] ^= 1;
    d->members[2].seal_n = 2;
}
static void spoil_post_role(void)
{
    d->members[1].posts[0] = d->members[2].kid;
    d->members[2].roles = TSK_ROLE_SENDER;
    d->members[2].posts[0] = d->members[0].kid;
}
static void spoil_post_unknown(void) { memset(&d->members[1].posts[0], 0x11, 32); }
static void spoil_no_directory_row(void) { d->partners_n = 2; }
static void spoil_twice_in_directory(void) { d->partners[2] = d->partners[1]; strcpy(d->members[2].partner, "Z00001"); }
static void spoil_same_partner(void) { strcpy(d->members[2].partner, d->members[1].partner); }
static void spoil_overlap(void)
{
    spoil_same_partner();
    d->members[1].has_until = true;
    d->members[1].until = MADE_FROM + 1000;
    d->members[2].from = MADE_FROM + 999;
}
static void spoil_same_kid(void) { d->members[2] = d->members[1]; strcpy(d->members[2].partner, "Z00003"); }
static void spoil_url(void)
{
    static const uint8_t url[] = {0x68, 'i', 'p', 'c', ':', '/', '/', 0, 'x'};
    d->members[0].urls = (struct tsk_seq){{url, sizeof url}, 1};
}
static void (*const spoils[])(void) = {
    spoil_kid, spoil_small_order, spoil_seal_zero, spoil_id8, spoil_second_id8, spoil_post_role, spoil_post_unknown,
    spoil_no_directory_row, spoil_twice_in_directory, spoil_same_partner, spoil_overlap, spoil_same_kid, spoil_url,
};

START_TEST(malformed)
{
    ck_ok(try_new());
    spoils[_i]();
    ck_err(try_new(), TSK_E_MALFORMED);
}
END_TEST

START_TEST(small_order_root)
{
    memset(&d->r.roots[1], 0, 32); /* sorts before the other */
    d->r.roots[1] = d->r.roots[0];
    memset(&d->r.roots[0], 0, 32);
    d->r.roots[0].b[0] = 1;
    d->r.roots_n = 2;
    ck_err(try_new(), TSK_E_MALFORMED);
}
END_TEST

/* The same organisation under a new key, once the old one has left. */
START_TEST(succession)
{
    spoil_overlap();
    d->members[2].from = MADE_FROM + 1000;
    d->members[2].has_succeeds = true;
    d->members[2].succeeds = d->members[1].kid;
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1));
    struct tsk_members *m;
    ck_ok(tsk_members_new(bytes, NULL, 0, 0, &m));
    ck_assert_mem_eq(&tsk_member_by_partner(m, "Z00002", MADE_FROM + 999)->m.kid, &d->members[1].kid, 32);
    ck_assert_mem_eq(&tsk_member_by_partner(m, "Z00002", MADE_FROM + 1000)->m.kid, &d->members[2].kid, 32);
    ck_assert_mem_eq(&tsk_member_by_partner(m, "Z00002", 0)->m.kid, &d->members[2].kid, 32);
    tsk_members_free(m);
    drop(bytes);
}
END_TEST

/* Any changed bit is refused, by shape or by signature; any truncation by shape. */
START_TEST(bits_and_truncations)
{
    d->members_n = d->partners_n = 1;
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1));
    uint8_t *copy = malloc(bytes.n);
    struct tsk_members *m = NULL;
    for (size_t bit = 0; bit < bytes.n * 8; bit += 3) {
        memcpy(copy, bytes.p, bytes.n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum tsk_err e = tsk_members_new((struct tsk_slice){copy, bytes.n}, d->r.roots, 1, 1, &m);
        ck_assert_msg(e == TSK_E_MALFORMED || e == TSK_E_ROSTERROOT, "bit %zu: %s", bit, tsk_err_name(e));
    }
    for (size_t n = 0; n < bytes.n; n++)
        ck_err(tsk_members_new((struct tsk_slice){bytes.p, n}, d->r.roots, 1, 1, &m), TSK_E_MALFORMED);
    ck_assert_ptr_null(m);
    free(copy);
    drop(bytes);
}
END_TEST

START_TEST(by_its_id)
{
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1));
    struct tsk_members *m = NULL;
    struct tsk_id32 id;
    ck_ok(tsk_roster_id(made_payload(d), &id));
    ck_ok(tsk_members_known(bytes, &id, &m));
    tsk_members_free(m);
    m = NULL;
    id.b[31] ^= 1;
    ck_err(tsk_members_known(bytes, &id, &m), TSK_E_ROSTERROOT);
    ck_assert_ptr_null(m);
    drop(bytes);
}
END_TEST

/* ---- the chain ---- */
START_TEST(chain)
{
    struct tsk_members *m = NULL;
    ck_err(tsk_roster_load(temp_dir, &m), TSK_E_NOROSTER);
    ck_ok(install(SIGNED_BY(1), NULL));
    ck_assert_uint_eq(mode_of(temp_path("roster.cose")), 0600);
    ck_assert_uint_eq(mode_of(temp_path("roots")), 0600);
    ck_ok(install(SIGNED_BY(1), NULL)); /* the same again */
    ck_assert_uint_eq(loaded_seq(), 1);
    m = loaded();
    struct tsk_id16 net = m->net;
    tsk_members_free(m);

    d->r.time++;
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_WRONGTYPE); /* another genesis is another network */
    d->r.time--;
    struct tsk_slice genesis = made_encode(d, SIGNED_BY(1));
    made_next(d);
    ck_ok(install(SIGNED_BY(1), NULL));
    ck_assert_uint_eq(loaded_seq(), 2);
    ck_err(tsk_roster_install(temp_dir, genesis, NULL), TSK_E_ROSTEROLD);
    drop(genesis);
    m = loaded();
    ck_assert_mem_eq(&m->net, &net, sizeof net);
    tsk_members_free(m);

    d->r.time++;
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_FORK); /* seq 2 with other content */
    made_next(d);                                    /* names that fork as prev */
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_FORK);
    d->r.seq = 9;                                    /* a gap: the ones between cannot be looked at */
    ck_ok(install(SIGNED_BY(1), NULL));
    ck_assert_uint_eq(loaded_seq(), 9);
    d->r.seq = 8;
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_ROSTEROLD);
    d->r.seq = 10;
    d->r.net.b[0] ^= 1;
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_WRONGTYPE);
    ck_assert_uint_eq(loaded_seq(), 9);
}
END_TEST

START_TEST(wrong_roots)
{
    ck_err(install(SIGNED_BY(2), NULL), TSK_E_ROSTERROOT); /* not even its own */
    ck_assert_int_ne(access(temp_path("roots"), F_OK), 0);
    ck_ok(install(SIGNED_BY(1), NULL));
    made_next(d);
    ck_err(install(SIGNED_BY(2), NULL), TSK_E_ROSTERROOT);
    made_roots(d, SIGNED_BY(2), 1); /* names the root that signs it: still not the pinned one */
    ck_err(install(SIGNED_BY(2), NULL), TSK_E_ROSTERROOT);
    ck_assert_uint_eq(loaded_seq(), 1);
}
END_TEST

START_TEST(two_of_three)
{
    static const unsigned one[][2] = {{1, 0}, {2, 0}, {3, 0}}, two[][3] = {{1, 2, 0}, {1, 3, 0}, {2, 3, 0}};
    made_roots(d, SIGNED_BY(1, 2, 3), 2);
    for (size_t i = 0; i < 3; i++)
        ck_err(install(one[i], NULL), TSK_E_ROSTERROOT);
    ck_err(install(SIGNED_BY(3, 4), NULL), TSK_E_ROSTERROOT);
    ck_ok(install(two[0], NULL));
    ck_ok(install(two[1], NULL)); /* other signatures, the same roster */
    for (size_t i = 0; i < 3; i++) {
        made_next(d);
        ck_err(install(one[i], NULL), TSK_E_ROSTERROOT);
        ck_err(install(((const unsigned[]){one[i][0], 9, 0}), NULL), TSK_E_ROSTERROOT);
        ck_ok(install(two[i], NULL));
    }
    ck_assert_uint_eq(loaded_seq(), 4);
}
END_TEST

/* Roots hand over: the old ones sign the roster that names the new ones, and from then on count no more. */
START_TEST(roots_change)
{
    ck_ok(install(SIGNED_BY(1), NULL));
    made_next(d);
    made_roots(d, SIGNED_BY(5, 6), 2);
    ck_err(install(SIGNED_BY(5, 6), NULL), TSK_E_ROSTERROOT);
    ck_ok(install(SIGNED_BY(1), NULL));
    ck_assert_uint_eq(loaded_seq(), 2); /* although D/roots no longer names who signed it */
    ck_ok(install(SIGNED_BY(1), NULL));
    made_next(d);
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_ROSTERROOT);
    ck_err(install(SIGNED_BY(5), NULL), TSK_E_ROSTERROOT);
    ck_ok(install(SIGNED_BY(5, 6), NULL));
    ck_assert_uint_eq(loaded_seq(), 3);
}
END_TEST

/* ---- what an interruption or a hand in the folder leaves behind ---- */
static void keep(const char *name, uint8_t **ret_p, size_t *ret_n)
{
    ck_ok(tsk_file_read(temp_path(name), 1 << 21, ret_p, ret_n));
}

static void put_back(const char *name, uint8_t *p, size_t n)
{
    ck_ok(tsk_file_write(temp_path(name), (struct tsk_slice){p, n}, 0600));
    free(p);
}

/* Stopped between D/roster.cose and D/roots, and that twice, while the roots hand over. */
START_TEST(interrupted_between_the_files)
{
    uint8_t *p;
    size_t n;
    ck_ok(install(SIGNED_BY(1), NULL));
    keep("roots", &p, &n);
    made_next(d);
    made_roots(d, SIGNED_BY(2), 1);
    ck_ok(install(SIGNED_BY(1), NULL));
    put_back("roots", p, n);
    ck_assert_uint_eq(loaded_seq(), 2);

    made_next(d);
    made_roots(d, SIGNED_BY(3), 1);
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_ROSTERROOT); /* judged by what is installed; mends D/roots on the way */
    keep("roots", &p, &n);
    ck_ok(install(SIGNED_BY(2), NULL));
    put_back("roots", p, n);
    ck_assert_uint_eq(loaded_seq(), 3);
    made_next(d);
    ck_ok(install(SIGNED_BY(3), NULL));
    ck_assert_uint_eq(loaded_seq(), 4);
}
END_TEST

START_TEST(lost_or_damaged_roster)
{
    struct tsk_members *m = NULL;
    ck_ok(install(SIGNED_BY(1), NULL));
    made_next(d);
    made_roots(d, SIGNED_BY(2), 1);
    ck_ok(install(SIGNED_BY(1), NULL));
    ck_assert_int_eq(unlink(temp_path("roster.cose")), 0);
    ck_err(tsk_roster_load(temp_dir, &m), TSK_E_NOROSTER);
    ck_ok(install(SIGNED_BY(1), NULL)); /* the very roster that was pinned */
    ck_assert_uint_eq(loaded_seq(), 2);
    ck_ok(tsk_file_write(temp_path("roster.cose"), (struct tsk_slice){(const uint8_t *)"x", 1}, 0600));
    ck_err(tsk_roster_load(temp_dir, &m), TSK_E_MALFORMED);
    made_next(d);
    ck_err(install(SIGNED_BY(1), NULL), TSK_E_ROSTERROOT);
    ck_ok(install(SIGNED_BY(2), NULL));
    ck_assert_uint_eq(loaded_seq(), 3);
    ck_assert_ptr_null(m);
}
END_TEST

START_TEST(damaged_pins)
{
    static const char *const bad[] = {
        "", "threshold = 1\n", "threshold = 0\nroot = %s\n", "threshold = 2\nroot = %s\n", "threshold = 1x\nroot = %s\n",
        "threshold = 1\nroot = %s0\n", "threshold = 1\nroot = zz\n", "threshold = 1\nrooot = %s\n",
        "threshold = 1\nroot = %s\nroster = 00\n",
    };
    char hex[65], text[512];
    struct tsk_members *m = NULL;
    ck_ok(install(SIGNED_BY(1), NULL));
    tsk_hex(d->r.roots[0].b, 32, hex);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *at = strstr(bad[i], "%s");
        int head = at == NULL ? (int)strlen(bad[i]) : (int)(at - bad[i]);
        int n = snprintf(text, sizeof text, "%.*s%s%s", head, bad[i], at == NULL ? "" : hex, at == NULL ? "" : at + 2);
        ck_ok(tsk_file_write(temp_path("roots"), (struct tsk_slice){(const uint8_t *)text, (size_t)n}, 0600));
        ck_err(tsk_roster_load(temp_dir, &m), TSK_E_BADFILE);
        ck_err(install(SIGNED_BY(1), NULL), TSK_E_BADFILE);
    }
}
END_TEST

/* ---- --root ---- */
START_TEST(fingerprint)
{
    struct tsk_slice bytes = made_encode(d, SIGNED_BY(1));
    struct tsk_members *m;
    char fp[65], typed[200] = "", wrong[66];
    ck_ok(tsk_members_new(bytes, NULL, 0, 0, &m));
    ck_ok(tsk_roster_fingerprint(m, fp));
    tsk_members_free(m);
    drop(bytes);
    ck_assert_uint_eq(strlen(fp), 64);
    for (size_t i = 0, n = 0; i < 64; i++) {
        if (i % 4 == 0)
            typed[n++] = ' ';
        typed[n++] = (char)toupper((unsigned char)fp[i]);
    }
    for (size_t i = 0; i < 64; i += 9) { /* another digit, shorter, longer */
        strcpy(wrong, fp);
        wrong[i] = wrong[i] == '0' ? '1' : '0';
        ck_err(install(SIGNED_BY(1), wrong), TSK_E_ROSTERROOT);
        strcpy(wrong, fp);
        wrong[i] = '\0';
        ck_err(install(SIGNED_BY(1), wrong), TSK_E_ROSTERROOT);
    }
    snprintf(wrong, sizeof wrong, "%s0", fp);
    ck_err(install(SIGNED_BY(1), wrong), TSK_E_ROSTERROOT);
    ck_assert_int_ne(access(temp_path("roots"), F_OK), 0); /* refused: nothing was pinned */
    ck_ok(install(SIGNED_BY(1), typed));
    made_next(d);
    ck_err(install(SIGNED_BY(1), "00"), TSK_E_ROSTERROOT);
    ck_ok(install(SIGNED_BY(1), fp));
}
END_TEST

static TCase *members_case(void)
{
    TCase *c = tcase_create("members");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, indexed);
    tcase_add_test(c, no_members_at_all);
    tcase_add_test(c, sealing_key_of_the_year);
    tcase_add_loop_test(c, malformed, 0, sizeof spoils / sizeof *spoils);
    tcase_add_test(c, small_order_root);
    tcase_add_test(c, succession);
    tcase_add_test(c, bits_and_truncations);
    tcase_add_test(c, by_its_id);
    return c;
}

static TCase *install_case(void)
{
    TCase *c = tcase_create("install");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, chain);
    tcase_add_test(c, wrong_roots);
    tcase_add_test(c, two_of_three);
    tcase_add_test(c, roots_change);
    tcase_add_test(c, interrupted_between_the_files);
    tcase_add_test(c, lost_or_damaged_roster);
    tcase_add_test(c, damaged_pins);
    tcase_add_test(c, fingerprint);
    return c;
}

TSK_TEST_MAIN_NOFORK("members", members_case, install_case)
