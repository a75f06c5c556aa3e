/* The values that the tables allow, field by field: every range, length, count, set and code list at its edges and one
 * beyond, over the whole table; then what concerns more than one field, rule by rule. */
#include "schema/shapes.h"

#include <string.h>

#include "tests/check.h"
#include "tests/examples.h"

#define BIG (TSK_PARCEL_MAX + 4096)

static struct tsk_example example, saved;
static uint8_t buf[BIG], filler[BIG];

/* Encodes the record at hand and says what came of it; what was taken must decode to the same bytes. */
static enum tsk_err tried(enum tsk_rec r)
{
    static uint8_t again[BIG];
    static struct tsk_example back;
    struct tsk_slice bytes, same;
    enum tsk_err e = tsk_rec_encode(r, &example.rec, buf, sizeof buf, &bytes);
    if (e != TSK_OK) {
        ck_assert_msg(e == TSK_E_MALFORMED || e == TSK_E_SUITE, "%s: %s", tsk_rec_name(r), tsk_err_name(e));
        return e;
    }
    ck_ok(tsk_rec_decode(r, bytes, &back.rec));
    ck_ok(tsk_rec_encode(r, &back.rec, again, sizeof again, &same));
    ck_assert(tsk_slice_eq(bytes, same));
    return TSK_OK;
}

/* ---- every field of a record's own struct, tuples and choices included ---- */
typedef unsigned field_test(enum tsk_rec r, const struct tsk_field *f, uint8_t *base);

static unsigned each_field(enum tsk_rec r, const struct tsk_shape *s, uint8_t *base, field_test *test);

static unsigned one_field(enum tsk_rec r, const struct tsk_field *f, uint8_t *base, field_test *test)
{
    unsigned n = test(r, f, base);
    if (f->kind == TSK_K_TUPLE || f->kind == TSK_K_MAP)
        n += each_field(r, f->shape, base + f->offset, test);
    if (f->kind == TSK_K_CHOICE)
        n += each_field(r, f->choices[tsk_num_at(base, f->offset) - 1], base, test);
    if (f->kind == TSK_K_ARRAY && tsk_count_at(base, f->count) > 0)
        n += one_field(r, f->element, base + f->offset, test);
    return n;
}

static unsigned each_field(enum tsk_rec r, const struct tsk_shape *s, uint8_t *base, field_test *test)
{
    unsigned n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (tsk_field_present(&s->fields[i], base))
            n += one_field(r, &s->fields[i], base, test);
    return n;
}

/* Runs the test over every field of every variant of row r; the example is put back after each. */
static unsigned over_all(enum tsk_rec r, field_test *test)
{
    unsigned n = 0;
    for (unsigned v = 0; tsk_example_fill(r, v, &example); v++) {
        memcpy(&saved.rec, &example.rec, sizeof saved.rec);
        n += each_field(r, tsk_shapes[r], (uint8_t *)&example.rec, test);
        ck_assert(memcmp(&saved.rec, &example.rec, sizeof saved.rec) == 0);
        ck_ok(tried(r));
    }
    return n;
}

static void restore(void)
{
    memcpy(&example.rec, &saved.rec, sizeof saved.rec);
}

static unsigned try_uint(enum tsk_rec r, const struct tsk_field *f, uint8_t *base)
{
    if (f->kind != TSK_K_UINT)
        return 0;
    const uint64_t beyond[] = {f->max + 1, f->min - 1, UINT64_MAX}, within[] = {f->min, f->max};
    for (size_t i = 0; i < 3; i++) {
        if (beyond[i] >= f->min && beyond[i] <= f->max)
            continue;
        memcpy(base + f->offset, &beyond[i], 8);
        ck_assert_msg(tried(r) == TSK_E_MALFORMED, "%s %s %llu", tsk_rec_name(r), f->name, (unsigned long long)beyond[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        memcpy(base + f->offset, &within[i], 8);
        (void)tried(r); /* whether it is taken may depend on other fields */
    }
    restore();
    return 1;
}

static unsigned try_string(enum tsk_rec r, const struct tsk_field *f, uint8_t *base)
{
    if (f->kind != TSK_K_BYTES && f->kind != TSK_K_TEXT)
        return 0;
    memset(filler, 'x', sizeof filler);
    struct tsk_slice *s = (struct tsk_slice *)(void *)(base + f->offset);
    for (size_t n = f->min; n <= f->max; n = n == f->max ? n + 1 : f->max) {
        *s = (struct tsk_slice){filler, n};
        ck_assert_msg(tried(r) == TSK_OK, "%s %s %zu", tsk_rec_name(r), f->name, n);
    }
    *s = (struct tsk_slice){filler, f->max + 1};
    ck_err(tried(r), TSK_E_MALFORMED);
    if (f->min > 0) {
        *s = (struct tsk_slice){filler, f->min - 1};
        ck_err(tried(r), TSK_E_MALFORMED);
    }
    if (f->kind == TSK_K_TEXT) {
        *s = (struct tsk_slice){(const uint8_t *)"ab\xed\xa0\x80", 5};
        ck_err(tried(r), TSK_E_MALFORMED);
    }
    restore();
    return 1;
}

static unsigned try_id(enum tsk_rec r, const struct tsk_field *f, uint8_t *base)
{
    static const char *const BAD[] = {"", "x001", "X 01", "X_01", "X.01", "X001\n", "\xe3\x81\x82", "ABCDEFGHIJKLMNOP"};
    if (f->kind != TSK_K_ID)
        return 0;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        strncpy((char *)base + f->offset, BAD[i], f->size);
        ck_assert_msg(tried(r) == TSK_E_MALFORMED, "%s %s '%s'", tsk_rec_name(r), f->name, BAD[i]);
    }
    strncpy((char *)base + f->offset, "A-0123456789-ZZ", f->size);
    ck_err(tried(r), TSK_OK);
    restore();
    return 1;
}

static unsigned try_code(enum tsk_rec r, const struct tsk_field *f, uint8_t *base)
{
    static const char *const BAD[] = {"", "C 1", "C-1", "\xc3\xa9", "12345678"};
    if (f->kind != TSK_K_CODE)
        return 0;
    for (size_t i = f->min == 0 ? 1 : 0; i < sizeof BAD / sizeof *BAD; i++) {
        strncpy((char *)base + f->offset, BAD[i], f->size);
        ck_assert_msg(tried(r) == TSK_E_MALFORMED, "%s %s '%s'", tsk_rec_name(r), f->name, BAD[i]);
    }
    if (f->rule != NULL) {
        size_t n;
        const struct tsk_code_row *rows = tsk_codes(f->rule->list, &n);
        for (size_t i = 0; i < n; i++) { /* each code of the list, where order or another field does not forbid it */
            strncpy((char *)base + f->offset, rows[i].id, f->size);
            bool may = (rows[i].flags & f->rule->must) == f->rule->must && (rows[i].flags & f->rule->never) == 0;
            enum tsk_err e = tried(r);
            ck_assert_msg(may || e == TSK_E_MALFORMED, "%s %s '%s'", tsk_rec_name(r), f->name, rows[i].id);
        }
        strncpy((char *)base + f->offset, "Z99", f->size);
        ck_err(tried(r), TSK_E_MALFORMED);
    }
    restore();
    return 1;
}

static unsigned try_count(enum tsk_rec r, const struct tsk_field *f, uint8_t *base)
{
    if (f->kind != TSK_K_ARRAY)
        return 0;
    const size_t bad[] = {f->max + 1, f->min - 1, SIZE_MAX, SIZE_MAX / f->size};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bad[i] >= f->min && bad[i] <= f->max)
            continue;
        memcpy(base + f->count, &bad[i], sizeof bad[i]);
        ck_assert_msg(tried(r) == TSK_E_MALFORMED, "%s %s %zu", tsk_rec_name(r), f->name, bad[i]);
    }
    restore();
    return 1;
}

static unsigned try_set(enum tsk_rec r, const struct tsk_field *f, uint8_t *base)
{
    uint8_t keep[512];
    if (f->kind != TSK_K_ARRAY || !f->set || tsk_count_at(base, f->count) < 2)
        return 0;
    uint8_t *a = base + f->offset, *b = a + f->size;
    ck_assert_uint_le(f->size, sizeof keep);
    memcpy(keep, a, f->size);
    memcpy(a, b, f->size);
    ck_assert_msg(tried(r) == TSK_E_MALFORMED, "%s %s twice", tsk_rec_name(r), f->name);
    memcpy(b, keep, f->size);
    ck_assert_msg(tried(r) == TSK_E_MALFORMED, "%s %s unsorted", tsk_rec_name(r), f->name);
    restore();
    return 1;
}

/* As many copies of its first element as a seq may hold, and one more. */
static unsigned try_seq(enum tsk_rec r, const struct tsk_field *f, uint8_t *base)
{
    struct tsk_seq *seq = (struct tsk_seq *)(void *)(base + f->offset), first;
    if (f->kind != TSK_K_SEQ || seq->n == 0)
        return 0;
    first = *seq;
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, seq->bytes);
    struct tsk_slice one = tsk_cbor_any(&in);
    for (size_t n = f->max; n <= f->max + 1; n++) {
        ck_assert_uint_le(n * one.n, sizeof filler);
        for (size_t i = 0; i < n; i++)
            memcpy(filler + i * one.n, one.p, one.n);
        *seq = (struct tsk_seq){{filler, n * one.n}, n};
        bool fits = n <= f->max && n * one.n + 2048 < tsk_rec_max(r);
        ck_assert_msg(tried(r) == (fits ? TSK_OK : TSK_E_MALFORMED), "%s %s %zu", tsk_rec_name(r), f->name, n);
    }
    if (f->min > 0) {
        *seq = (struct tsk_seq){{filler, 0}, 0};
        ck_err(tried(r), TSK_E_MALFORMED);
    }
    /* a count that lies, and elements that are none */
    *seq = (struct tsk_seq){first.bytes, first.n + 1};
    ck_err(tried(r), TSK_E_MALFORMED);
    *seq = (struct tsk_seq){first.bytes, first.n - 1};
    ck_err(tried(r), TSK_E_MALFORMED);
    *seq = (struct tsk_seq){{(const uint8_t *)"\xf6", 1}, 1};
    ck_err(tried(r), TSK_E_MALFORMED);
    *seq = (struct tsk_seq){{(const uint8_t *)"\x18\x01", 2}, 1};
    ck_err(tried(r), TSK_E_MALFORMED);
    restore();
    return 1;
}

static unsigned over_every_row(field_test *test)
{
    unsigned n = 0;
    for (int r = 0; r < TSK_REC_COUNT; r++)
        n += over_all((enum tsk_rec)r, test);
    return n;
}

START_TEST(numbers) { ck_assert_uint_gt(over_every_row(try_uint), 60); } END_TEST
START_TEST(strings) { ck_assert_uint_gt(over_every_row(try_string), 8); } END_TEST
START_TEST(partner_ids) { ck_assert_uint_gt(over_every_row(try_id), 4); } END_TEST
START_TEST(codes) { ck_assert_uint_gt(over_every_row(try_code), 20); } END_TEST
START_TEST(counts) { ck_assert_uint_gt(over_every_row(try_count), 20); } END_TEST
START_TEST(sets) { ck_assert_uint_gt(over_every_row(try_set), 12); } END_TEST
START_TEST(seqs) { ck_assert_uint_gt(over_every_row(try_seq), 12); } END_TEST

/* Tables that would confuse the reader: keys must rise, optional elements of a tuple stand last. */
static void check_shape(const struct tsk_shape *s, bool map)
{
    ck_assert_uint_gt(s->n, 0);
    for (size_t i = 0; i < s->n; i++) {
        const struct tsk_field *f = &s->fields[i];
        if (map)
            ck_assert(f->key > 0 && f->key < 24 && (i == 0 || f->key > s->fields[i - 1].key));
        else
            ck_assert(f->key == 0 && (i == 0 || f->optional || !s->fields[i - 1].optional));
        ck_assert(f->kind > TSK_K_CODE || f->name != NULL);
        if (f->kind == TSK_K_TUPLE || f->kind == TSK_K_MAP || f->kind == TSK_K_NESTED)
            check_shape(f->shape, f->kind != TSK_K_TUPLE);
        for (size_t c = 0; f->kind == TSK_K_CHOICE && c < f->max; c++) {
            check_shape(f->choices[c], false);
            ck_assert_uint_eq(f->choices[c]->fields[0].min, c + 1);
        }
    }
}

START_TEST(tables_are_sound)
{
    for (int r = 0; r < TSK_REC_COUNT; r++)
        check_shape(tsk_shapes[r], true);
    check_shape(tsk_element_member.shape, true);
    check_shape(tsk_element_partner.shape, true);
    check_shape(tsk_element_mail.shape, false);
}
END_TEST

/* Every map begins with its version, except what only travels inside or as an answer. */
START_TEST(records_begin_with_their_version)
{
    for (int r = 0; r < TSK_REC_COUNT; r++) {
        const struct tsk_field *f = &tsk_shapes[r]->fields[0];
        bool bare = r == TSK_REC_PARCEL || r == TSK_REC_INNER || r == TSK_REC_REPLY || r == TSK_REC_ITEM;
        ck_assert(bare || (f->kind == TSK_K_CONST && f->key == 1 && f->min == 1));
    }
    ck_assert(tsk_shape_item_core.fields[0].kind == TSK_K_CONST);
}
END_TEST

/* ---- rules over more than one field: a change to an example, and what must come of it ---- */
static void item_core_again(void)
{
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, example.room, 4096);
    ck_assert(tsk_shape_write(&out, &tsk_shape_item_core, true, &example.rec.item.core));
    example.rec.item.core_bytes = (struct tsk_slice){example.room, out.n};
}

static void zero(void *p, size_t n) { memset(p, 0, n); }
#define R example.rec
static void nothing(void) {}
static void member_edit(void (*edit)(struct tsk_member *))
{
    static uint8_t room[8192], element[4096];
    struct tsk_cbor_out own, out;
    struct tsk_member m = {0};
    tsk_cbor_out_init(&own, element, sizeof element);
    tsk_cbor_out_init(&out, room, sizeof room);
    tsk_example_member(&m, 0, 1, &own);
    edit(&m);
    (void)tsk_shape_write_value(&out, &tsk_element_member, &m);
    R.roster.members = (struct tsk_seq){{room, out.n}, 1};
}
static void m_none(struct tsk_member *m) { (void)m; }
static void m_posts(struct tsk_member *m) { m->posts[1] = m->posts[0]; }
static void m_posts_swapped(struct tsk_member *m) { struct tsk_kid k = m->posts[0]; m->posts[0] = m->posts[1]; m->posts[1] = k; }
static void m_until(struct tsk_member *m) { m->until = m->from; }
static void member_plain(void) { member_edit(m_none); }
static void member_posts_twice(void) { member_edit(m_posts); }
static void member_posts_swapped(void) { member_edit(m_posts_swapped); }
static void member_left_before(void) { member_edit(m_until); }
static void roster_net_zero(void) { zero(&R.roster.net, 16); }
static void roster_prev_zero(void) { zero(&R.roster.prev, 32); }
static void roster_seq_1(void) { R.roster.seq = 1; }
static void roster_seq_2(void) { R.roster.seq = 2; }
static void roster_ended(void) { R.roster.valid_until = R.roster.time; }
static void roster_threshold(void) { R.roster.threshold = R.roster.roots_n + 1; }
static void holder_suite_2(void) { R.holder.suite = 2; }
static void holder_no_successor(void) { R.holder.has_other = false; }
static void holder_stopped(void) { R.holder.state = TSK_HOLDER_STOPPED; R.holder.has_other = false; }
static void referral_late(void) { R.referral.reply_by = R.referral.created - 1; }
static void referral_n16(void) { R.referral.needs[1] = tsk_code("N16"); }
static void referral_n15(void) { R.referral.needs[1] = tsk_code("N15"); }
static void referral_u0(void) { R.referral.urgency = tsk_code("U0"); }
static void referral_ward(void) { R.referral.ward = tsk_code("011020"); }
static void item_core_same(void) { item_core_again(); }
static void item_suite_2(void) { R.item.core.suite = 2; item_core_again(); }
static void item_mode_2(void) { R.item.core.mode = 2; item_core_again(); }
static void item_ends_first(void) { R.item.core.destroy_after = R.item.core.created; item_core_again(); }
static void item_holders_unsorted(void)
{
    struct tsk_kid k = R.item.core.holders[0];
    R.item.core.holders[0] = R.item.core.holders[1];
    R.item.core.holders[1] = k;
    item_core_again();
}
static void item_wrap_missing(void) { R.item.wraps_n = 1; }
static void item_wraps_swapped(void) { struct tsk_wrap w = R.item.wraps[0]; R.item.wraps[0] = R.item.wraps[1]; R.item.wraps[1] = w; }
static void item_wrap_of_another(void) { R.item.wraps[1].holder.b[31] ^= 1; }
static void item_core_tail(void) { R.item.core_bytes.n++; }
static void item_core_cut(void) { R.item.core_bytes.n--; }
static void grant_other_kid(void) { R.grant.role_kid.b[0] ^= 1; }
static void grant_state_2(void) { R.grant.state = 2; }
static void grant_no_items(void) { R.grant.items_n = 0; }
static void grant_no_items_p4(void) { R.grant.items_n = 0; R.grant.purpose = tsk_code("P4"); }
static void grant_refused_with_wraps(void) { R.grant.state = TSK_GRANT_REFUSED; }
static void grant_refused(void) { R.grant.state = TSK_GRANT_REFUSED; zero(R.grant.wraps_hash, 32); }
static void grant_basis_law(void) { R.grant.basis = tsk_code("L1"); }
static void status_prev_zero(void) { zero(&R.status.prev, 32); }
static void status_first(void) { R.status.seq = 1; }
static void status_first_zero(void) { R.status.seq = 1; zero(&R.status.prev, 32); }
static void status_arrived(void) { R.status.state = 5; }
static void receipt_code_9(void) { R.receipt.lines[1].code = 9; }
static void receipt_code_10(void) { R.receipt.lines[1].code = 10; }
static void receipt_code_11(void) { R.receipt.lines[1].code = 11; }
static void receipt_code_12(void) { R.receipt.lines[1].code = 12; }
static void receipt_code_13(void) { R.receipt.lines[1].code = 13; }
static void open_one_person_twice(void) { R.open.staff[1] = R.open.staff[0]; }
static void withdraw_by_0(void) { R.withdraw.by = 0; }
static void withdraw_by_4(void) { R.withdraw.by = 4; }
static void withdraw_no_reason(void) { R.withdraw.reason = tsk_code(""); }
static void withdraw_alone(void) { R.withdraw.has_behalf = false; }

static const struct { enum tsk_rec r; void (*change)(void); enum tsk_err want; const char *why; } RULES[] = {
#define RULE(rec, change, want) {TSK_REC_##rec, change, want, #change}
    RULE(ROSTER, nothing, TSK_OK), RULE(ROSTER, member_plain, TSK_OK), RULE(ROSTER, member_posts_twice, TSK_E_MALFORMED),
    RULE(ROSTER, member_posts_swapped, TSK_OK), RULE(ROSTER, member_left_before, TSK_E_MALFORMED),
    RULE(ROSTER, roster_net_zero, TSK_E_MALFORMED), RULE(ROSTER, roster_prev_zero, TSK_E_MALFORMED),
    RULE(ROSTER, roster_seq_1, TSK_E_MALFORMED), RULE(ROSTER, roster_seq_2, TSK_OK),
    RULE(ROSTER, roster_ended, TSK_E_MALFORMED), RULE(ROSTER, roster_threshold, TSK_E_MALFORMED),
    RULE(HOLDER, holder_suite_2, TSK_E_SUITE), RULE(HOLDER, holder_no_successor, TSK_E_MALFORMED),
    RULE(HOLDER, holder_stopped, TSK_OK),
    RULE(REFERRAL, referral_late, TSK_E_MALFORMED), RULE(REFERRAL, referral_n16, TSK_E_MALFORMED),
    RULE(REFERRAL, referral_n15, TSK_OK), RULE(REFERRAL, referral_u0, TSK_E_MALFORMED),
    RULE(REFERRAL, referral_ward, TSK_E_MALFORMED),
    RULE(ITEM, item_core_same, TSK_OK), RULE(ITEM, item_suite_2, TSK_E_SUITE), RULE(ITEM, item_mode_2, TSK_E_MALFORMED),
    RULE(ITEM, item_ends_first, TSK_E_MALFORMED), RULE(ITEM, item_holders_unsorted, TSK_E_MALFORMED),
    RULE(ITEM, item_wrap_missing, TSK_E_MALFORMED), RULE(ITEM, item_wraps_swapped, TSK_E_MALFORMED),
    RULE(ITEM, item_wrap_of_another, TSK_E_MALFORMED), RULE(ITEM, item_core_tail, TSK_E_MALFORMED),
    RULE(ITEM, item_core_cut, TSK_E_MALFORMED),
    RULE(GRANT, grant_other_kid, TSK_E_MALFORMED), RULE(GRANT, grant_state_2, TSK_E_MALFORMED),
    RULE(GRANT, grant_no_items, TSK_E_MALFORMED), RULE(GRANT, grant_no_items_p4, TSK_OK),
    RULE(GRANT, grant_refused_with_wraps, TSK_E_MALFORMED), RULE(GRANT, grant_refused, TSK_OK),
    RULE(GRANT, grant_basis_law, TSK_E_MALFORMED),
    RULE(STATUS, status_prev_zero, TSK_E_MALFORMED), RULE(STATUS, status_first, TSK_E_MALFORMED),
    RULE(STATUS, status_first_zero, TSK_OK), RULE(STATUS, status_arrived, TSK_E_MALFORMED),
    RULE(RECEIPT, receipt_code_9, TSK_E_MALFORMED), RULE(RECEIPT, receipt_code_10, TSK_OK),
    RULE(RECEIPT, receipt_code_11, TSK_E_MALFORMED), RULE(RECEIPT, receipt_code_12, TSK_OK),
    RULE(RECEIPT, receipt_code_13, TSK_E_MALFORMED),
    RULE(OPEN, open_one_person_twice, TSK_E_MALFORMED),
    RULE(WITHDRAW, withdraw_by_0, TSK_E_MALFORMED), RULE(WITHDRAW, withdraw_by_4, TSK_E_MALFORMED),
    RULE(WITHDRAW, withdraw_no_reason, TSK_E_MALFORMED), RULE(WITHDRAW, withdraw_alone, TSK_OK),
};

START_TEST(rules)
{
    ck_assert(tsk_example_fill(RULES[_i].r, 1, &example));
    RULES[_i].change();
    enum tsk_err e = tried(RULES[_i].r);
    ck_assert_msg(e == RULES[_i].want, "%s: %s", RULES[_i].why, tsk_err_name(e));
}
END_TEST

START_TEST(cores_alone)
{
    struct tsk_slice bytes;
    ck_assert(tsk_example_fill(TSK_REC_ITEM, 1, &example));
    ck_ok(tsk_item_core_encode(&R.item.core, buf, sizeof buf, &bytes));
    ck_assert(tsk_slice_eq(bytes, R.item.core_bytes));
    ck_err(tsk_item_core_encode(&R.item.core, buf, bytes.n - 1, &bytes), TSK_E_LIMIT);
    R.item.core.suite = 2;
    ck_err(tsk_item_core_encode(&R.item.core, buf, sizeof buf, &bytes), TSK_E_SUITE);
    R.item.core.suite = 1;
    R.item.core.category = tsk_code("C77");
    ck_err(tsk_item_core_encode(&R.item.core, buf, sizeof buf, &bytes), TSK_E_MALFORMED);
}
END_TEST

START_TEST(elements_are_checked_where_they_are_written)
{
    uint8_t element[4096];
    struct tsk_cbor_out own, out;
    struct tsk_member m = {0};
    tsk_cbor_out_init(&own, element, sizeof element);
    tsk_example_member(&m, 0, 1, &own);
    tsk_cbor_out_init(&out, NULL, 0);
    ck_ok(tsk_member_encode(&out, &m));
    size_t need = out.n;
    tsk_cbor_out_init(&out, buf, need - 1);
    ck_err(tsk_member_encode(&out, &m), TSK_E_LIMIT);
    tsk_cbor_out_init(&out, buf, need);
    ck_ok(tsk_member_encode(&out, &m));
    m.roles = 0;
    tsk_cbor_out_init(&out, buf, sizeof buf);
    ck_err(tsk_member_encode(&out, &m), TSK_E_MALFORMED);
    m.roles = 1;
    m.seal_n = TSK_SEAL_KEYS_MAX + 1;
    ck_err(tsk_member_encode(&out, &m), TSK_E_MALFORMED);
    struct tsk_partner p = {0};
    tsk_example_partner(&p, 1, 1, &own);
    ck_ok(tsk_partner_encode(&out, &p));
    p.type = tsk_code("T99");
    ck_err(tsk_partner_encode(&out, &p), TSK_E_MALFORMED);
}
END_TEST

static TCase *product(void)
{
    TCase *t = tcase_create("product");
    tcase_add_test(t, numbers);
    tcase_add_test(t, strings);
    tcase_add_test(t, partner_ids);
    tcase_add_test(t, codes);
    tcase_add_test(t, counts);
    tcase_add_test(t, sets);
    tcase_add_test(t, seqs);
    tcase_add_test(t, tables_are_sound);
    tcase_add_test(t, records_begin_with_their_version);
    tcase_set_timeout(t, 300);
    return t;
}

static TCase *rules_over_fields(void)
{
    TCase *t = tcase_create("rules");
    tcase_add_loop_test(t, rules, 0, (int)(sizeof RULES / sizeof *RULES));
    tcase_add_test(t, cores_alone);
    tcase_add_test(t, elements_are_checked_where_they_are_written);
    return t;
}

TSK_TEST_MAIN("shapes", product, rules_over_fields)
