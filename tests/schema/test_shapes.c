/* The values that the tables allow, field by field: every range, length, count, set and code list at its edges and one
 * beyond, over the whole table. */
#include <string.h>

#include "schema/shapes.h"
#include "tests/schema/taken.h"

static struct tsk_example saved;
static uint8_t filler[TAKEN_CAP];

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
        ck_assert_msg(tried(r) == TSK_E_MALFORMED, "%s %s %llu", tsk_rec_name(r), f->name,
                      (unsigned long long)beyond[i]);
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
        bool fits = n + 1024 < tsk_rec_max(r); /* a parcel's ciphertext alone may be as large as the whole parcel */
        ck_assert_msg(tried(r) == (fits ? TSK_OK : TSK_E_MALFORMED), "%s %s %zu", tsk_rec_name(r), f->name, n);
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

/* Which arrays are sets, and which keep the order that their author chose: a list of its own, to be changed by hand. */
START_TEST(sets_are_these)
{
    static const struct { enum tsk_rec r; const char *sets, *lists; } ROWS[] = {
        {TSK_REC_JOIN, "seal ", "urls posts districts "}, {TSK_REC_ROSTER, "roots ", "members partners notices "},
        {TSK_REC_REFERRAL, "needs ", ""}, {TSK_REC_ITEM, "", "wraps "}, {TSK_REC_GRANT, "items lifts ", ""},
        {TSK_REC_WRAPS, "wraps ", ""}, {TSK_REC_RECEIPT, "lines ", ""}, {TSK_REC_OPEN, "", "staff "},
        {TSK_REC_DELETED, "items ", ""}, {TSK_REC_INNER, "", "records cts wraps "}, {TSK_REC_REPLY, "", "mail "},
    };
    for (int r = 0; r < TSK_REC_COUNT; r++) {
        char in_sets[256] = "", in_lists[256] = "";
        const char *want_sets = "", *want_lists = "";
        for (size_t i = 0; i < tsk_shapes[r]->n; i++) {
            const struct tsk_field *f = &tsk_shapes[r]->fields[i];
            if (f->kind == TSK_K_ARRAY || f->kind == TSK_K_SEQ)
                strcat(strcat(f->set ? in_sets : in_lists, f->name), " ");
        }
        for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
            want_sets = ROWS[i].r == (enum tsk_rec)r ? ROWS[i].sets : want_sets;
            want_lists = ROWS[i].r == (enum tsk_rec)r ? ROWS[i].lists : want_lists;
        }
        ck_assert_str_eq(in_sets, want_sets);
        ck_assert_str_eq(in_lists, want_lists);
    }
    ck_assert(tsk_shape_item_core.fields[4].set);
    ck_assert(tsk_element_member.shape->fields[3].set && !tsk_element_member.shape->fields[4].set);
}
END_TEST

START_TEST(a_roster_over_its_size)
{
    static uint8_t element[1024], one[1024];
    struct tsk_cbor_out own, out;
    struct tsk_partner p = {0};
    struct tsk_slice bytes;
    ck_assert(tsk_example_fill(TSK_REC_ROSTER, 1, &example));
    tsk_cbor_out_init(&own, element, sizeof element);
    tsk_example_partner(&p, 1, 1, &own);
    memset(filler, 'x', TSK_NAME_MAX);
    p.hours = (struct tsk_slice){filler, TSK_NAME_MAX};
    tsk_cbor_out_init(&out, one, sizeof one);
    ck_ok(tsk_partner_encode(&out, &p));
    for (size_t i = 0; i < TSK_PARTNERS_MAX; i++)
        memcpy(filler + i * out.n, one, out.n);
    size_t n = (tsk_rec_max(TSK_REC_ROSTER) - 4096) / out.n;
    ck_assert_uint_lt(n + 100, TSK_PARTNERS_MAX);
    example.rec.roster.partners = (struct tsk_seq){{filler, n * out.n}, n};
    ck_ok(tsk_rec_encode(TSK_REC_ROSTER, &example.rec, buf, sizeof buf, &bytes));
    n += 100;
    example.rec.roster.partners = (struct tsk_seq){{filler, n * out.n}, n};
    ck_err(tsk_rec_encode(TSK_REC_ROSTER, &example.rec, buf, sizeof buf, &bytes), TSK_E_MALFORMED);
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
    tcase_add_test(t, sets_are_these);
    tcase_add_test(t, a_roster_over_its_size);
    tcase_add_test(t, records_begin_with_their_version);
    tcase_set_timeout(t, 300);
    return t;
}

TSK_TEST_MAIN("shapes", product)
