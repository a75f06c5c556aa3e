/* Records as maps: keys missing, doubled, out of order, unknown, in long heads, with values of other types and lengths;
 * and what stands on the wire, written down a second time. */
#include <string.h>

#include "schema/shapes.h"
#include "tests/schema/taken.h"

static uint8_t changed[TSK_EXAMPLE_CAP];

/* ---- the top map, pair by pair ---- */
#define PAIRS_MAX 24
struct pairs { size_t n; struct tsk_slice key[PAIRS_MAX], value[PAIRS_MAX]; };

static struct pairs split(struct tsk_slice bytes)
{
    struct pairs p = {0};
    struct tsk_cbor_in in;
    tsk_cbor_in_init(&in, bytes);
    p.n = tsk_cbor_map(&in);
    ck_assert_uint_le(p.n, PAIRS_MAX - 1);
    for (size_t i = 0; i < p.n; i++) {
        p.key[i] = tsk_cbor_any(&in);
        p.value[i] = tsk_cbor_any(&in);
    }
    ck_ok(tsk_cbor_done(&in));
    return p;
}

static struct tsk_slice join(const struct pairs *p)
{
    struct tsk_cbor_out out;
    struct tsk_slice bytes;
    tsk_cbor_out_init(&out, changed, sizeof changed);
    tsk_cbor_put_map(&out, p->n);
    for (size_t i = 0; i < p->n; i++) {
        tsk_cbor_put_raw(&out, p->key[i]);
        tsk_cbor_put_raw(&out, p->value[i]);
    }
    ck_ok(tsk_cbor_out_done(&out, &bytes));
    return bytes;
}

static void insert_pair(struct pairs *p, size_t at, struct tsk_slice key, struct tsk_slice value)
{
    for (size_t i = p->n++; i > at; i--) {
        p->key[i] = p->key[i - 1];
        p->value[i] = p->value[i - 1];
    }
    p->key[at] = key;
    p->value[at] = value;
}

static void remove_pair(struct pairs *p, size_t at)
{
    for (size_t i = at; i + 1 < p->n; i++) {
        p->key[i] = p->key[i + 1];
        p->value[i] = p->value[i + 1];
    }
    p->n--;
}

/* Calls `each` for every example of row r, split into its pairs. */
static void for_examples(enum tsk_rec r, void (*each)(enum tsk_rec, const struct pairs *))
{
    struct tsk_slice bytes;
    for (unsigned v = 0; tsk_example_encode(r, v, &example, buf, &bytes) == TSK_OK; v++) {
        struct pairs p = split(bytes);
        each(r, &p);
    }
}

static void without_each_key(enum tsk_rec r, const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        bool optional = false;
        for (size_t f = 0; f < tsk_shapes[r]->n; f++)
            if (tsk_shapes[r]->fields[f].key == *p->key[i].p)
                optional = tsk_shapes[r]->fields[f].optional;
        struct pairs q = *p;
        remove_pair(&q, i);
        ck_assert_msg(!taken(r, join(&q)) || optional, "%s without key %u", tsk_rec_name(r), *p->key[i].p);
    }
    ck_assert(!taken(r, join(&(struct pairs){.n = 0})));
}

static void with_each_key_twice(enum tsk_rec r, const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        for (size_t at = 0; at <= p->n; at++) {
            struct pairs q = *p;
            insert_pair(&q, at, p->key[i], p->value[i]);
            ck_assert(!taken(r, join(&q)));
        }
    }
}

static void with_keys_out_of_order(enum tsk_rec r, const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        for (size_t j = 0; j < i; j++) {
            struct pairs q = *p;
            q.key[i] = p->key[j], q.value[i] = p->value[j];
            q.key[j] = p->key[i], q.value[j] = p->value[i];
            ck_assert(!taken(r, join(&q)));
        }
    }
}

static void with_unknown_keys(enum tsk_rec r, const struct pairs *p)
{
    for (unsigned key = 0; key < 256; key++) {
        bool known = false;
        size_t at = 0;
        for (size_t f = 0; f < tsk_shapes[r]->n; f++)
            known = known || tsk_shapes[r]->fields[f].key == key;
        uint8_t head[2] = {0x18, (uint8_t)key}, one[1] = {(uint8_t)key}, value[1] = {0x01};
        struct tsk_slice k = key < 24 ? TSK_SLICE(one) : TSK_SLICE(head);
        while (at < p->n && *p->key[at].p < *k.p)
            at++;
        struct pairs q = *p;
        insert_pair(&q, at, k, TSK_SLICE(value));
        ck_assert_msg(known || !taken(r, join(&q)), "%s with key %u", tsk_rec_name(r), key);
    }
    /* a key of another type, at the end where it belongs: -1, h'', "", [], {}, false */
    static const uint8_t OTHER[] = {0x20, 0x40, 0x60, 0x80, 0xa0, 0xf4};
    for (size_t i = 0; i < sizeof OTHER; i++) {
        struct pairs q = *p;
        insert_pair(&q, q.n, (struct tsk_slice){&OTHER[i], 1}, (struct tsk_slice){&OTHER[i], 1});
        ck_assert(!taken(r, join(&q)));
    }
}

static void with_long_heads(enum tsk_rec r, const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct pairs q = *p;
        uint8_t key[2] = {0x18, *p->key[i].p};
        q.key[i] = TSK_SLICE(key);
        ck_assert(!taken(r, join(&q)));
    }
}

static void with_values_of_other_types(enum tsk_rec r, const struct pairs *p)
{
    static const char *const VALUE[] = {
        "00", "1bffffffffffffffff", "20", "40", "60", "6161", "80", "8100", "a0", "a10000", "d200", "f4", "f5", "f6",
        "f90000", "c100", "5f40ff", "9fff", "bfff", "ff", "d29fff",
    };
    for (size_t i = 0; i < p->n; i++) {
        for (size_t v = 0; v < sizeof VALUE / sizeof *VALUE; v++) {
            uint8_t value[16];
            struct pairs q = *p;
            ck_ok(tsk_unhex(VALUE[v], value, strlen(VALUE[v]) / 2));
            q.value[i] = (struct tsk_slice){value, strlen(VALUE[v]) / 2};
            bool same_type = (value[0] >> 5) == (p->value[i].p[0] >> 5) && value[0] < 0xe0;
            ck_assert_msg(!taken(r, join(&q)) || same_type, "%s key %u = %s", tsk_rec_name(r), *p->key[i].p, VALUE[v]);
        }
    }
}

/* A string one byte longer or shorter, in a head of its own right length. */
static void with_strings_of_other_lengths(enum tsk_rec r, const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct tsk_cbor_in in;
        tsk_cbor_in_init(&in, p->value[i]);
        struct tsk_slice s = tsk_cbor_bytes(&in);
        if (in.err != TSK_OK || s.n > 5000)
            continue;
        for (size_t n = s.n > 0 ? s.n - 1 : 0; n <= s.n + 1; n++) {
            static uint8_t value[5016], longer[5001];
            struct tsk_cbor_out out;
            struct pairs q = *p;
            memcpy(longer, s.p, s.n);
            tsk_cbor_out_init(&out, value, sizeof value);
            tsk_cbor_put_bytes(&out, (struct tsk_slice){longer, n});
            q.value[i] = (struct tsk_slice){value, out.n};
            bool fixed = s.n == 8 || s.n == 16 || s.n == 32 || s.n == 64;
            ck_assert_msg(taken(r, join(&q)) == (n == s.n) || !fixed, "%s key %u", tsk_rec_name(r), *p->key[i].p);
        }
    }
}

START_TEST(keys_missing) { for_examples((enum tsk_rec)_i, without_each_key); } END_TEST
START_TEST(keys_twice) { for_examples((enum tsk_rec)_i, with_each_key_twice); } END_TEST
START_TEST(keys_out_of_order) { for_examples((enum tsk_rec)_i, with_keys_out_of_order); } END_TEST
START_TEST(keys_unknown) { for_examples((enum tsk_rec)_i, with_unknown_keys); } END_TEST
START_TEST(keys_in_long_heads) { for_examples((enum tsk_rec)_i, with_long_heads); } END_TEST
START_TEST(values_of_other_types) { for_examples((enum tsk_rec)_i, with_values_of_other_types); } END_TEST
START_TEST(strings_of_other_lengths) { for_examples((enum tsk_rec)_i, with_strings_of_other_lengths); } END_TEST

/* An unknown key in a member whose value is the next member: each part alone looks right. */
START_TEST(unknown_key_inside_a_member)
{
    static uint8_t value[8192];
    struct tsk_slice bytes;
    ck_ok(tsk_example_encode(TSK_REC_ROSTER, 1, &example, buf, &bytes));
    struct pairs p = split(bytes);
    struct tsk_cbor_in in;
    struct tsk_cbor_out out;
    tsk_cbor_in_init(&in, p.value[10]);
    ck_assert_uint_eq(tsk_cbor_array(&in), 2);
    struct tsk_slice first = tsk_cbor_any(&in), second = tsk_cbor_any(&in);
    ck_ok(tsk_cbor_done(&in));
    for (unsigned inside = 0; inside < 2; inside++) {
        tsk_cbor_out_init(&out, value, sizeof value);
        tsk_cbor_put_array(&out, 2);
        tsk_cbor_put_map(&out, (first.p[0] & 31u) + inside);
        tsk_cbor_put_raw(&out, (struct tsk_slice){first.p + 1, first.n - 1});
        if (inside == 1)
            tsk_cbor_put_uint(&out, 20);
        tsk_cbor_put_raw(&out, second);
        p.value[10] = (struct tsk_slice){value, out.n};
        ck_assert_uint_eq(taken(TSK_REC_ROSTER, join(&p)), inside == 0);
    }
}
END_TEST

/* ---- what stands on the wire, written down a second time from docs/PROTOCOL.md ---- */
static void describe(struct tsk_cbor_in *in, char *text)
{
    uint64_t n;
    switch (tsk_cbor_peek(in)) {
    case TSK_CBOR_UINT:
        n = tsk_cbor_uint(in);
        sprintf(text + strlen(text), n < 24 ? "%u" : "u", (unsigned)n);
        return;
    case TSK_CBOR_BYTES:
        sprintf(text + strlen(text), "b%zu", tsk_cbor_bytes(in).n);
        return;
    case TSK_CBOR_TEXT:
        (void)tsk_cbor_text(in);
        strcat(text, "t");
        return;
    case TSK_CBOR_ARRAY:
        n = tsk_cbor_array(in);
        strcat(text, "[");
        for (uint64_t i = 0; i < n; i++) {
            strcat(text, i > 0 ? " " : "");
            describe(in, text);
        }
        strcat(text, "]");
        return;
    default:
        n = tsk_cbor_map(in);
        strcat(text, "{");
        for (uint64_t i = 0; i < n; i++) {
            sprintf(text + strlen(text), "%s%u:", i > 0 ? " " : "", (unsigned)tsk_cbor_uint(in));
            describe(in, text);
        }
        strcat(text, "}");
        return;
    }
}

static const struct { enum tsk_rec r; unsigned variant; const char *wire; } WIRE[] = {
    {TSK_REC_JOIN, 1, "{1:1 2:b16 3:u 4:t 5:b32 6:[[u b8 b32] [u b8 b32]] 7:b300 8:[t t] 9:u 10:[t t] 11:[t t]}"},
    {TSK_REC_ROSTER, 1,
     "{1:1 2:b16 3:2 4:b32 5:u 6:u 7:t 8:[b32 b32] 9:2 10:b120 11:[{1:t 2:b32 3:b32 4:[[u b8 b32]] "
     "5:[b32] 6:[] 7:b0 8:1 9:[] 10:u} {1:t 2:b32 3:b32 4:[[u b8 b32] [u b8 b32]] 5:[b32 b32] 6:[t t] "
     "7:b200 8:3 9:[t t] 10:u 11:u 12:b32}] 12:[{1:t 2:t 3:t 4:t 5:t 6:t 7:[] 8:t 9:0} {1:t 2:t 3:t 4:t "
     "5:t 6:t 7:[t t] 8:t 9:3}] 13:1 14:1 15:1 16:[b32 b32] 17:[0 0 0] 18:[0 0]}"},
    {TSK_REC_HOLDER, 1, "{1:1 2:b32 3:[1 b32] 4:2 5:3 6:u 7:b32 8:b32 10:b64}"},
    {TSK_REC_REFERRAL, 1, "{1:1 2:b16 3:b32 4:b32 5:[t t] 6:t 7:t 8:t 9:u 10:u 11:1 12:b32}"},
    {TSK_REC_ITEM, 1, "{1:b193 2:b32 3:u 4:b32 5:[[b32 b32 b32 b48] [b32 b32 b32 b48]]}"},
    {TSK_REC_GRANT, 1,
     "{1:1 2:b16 3:b32 4:[2 b32] 5:1 6:1 7:u 8:u 9:b32 10:b32 11:t 12:[[b32 t] [b32 t]] 13:[b32 t 1] 14:u "
     "15:b32 16:t 17:[2 b32] 18:[b32 b32] 19:b32 20:b32}"},
    {TSK_REC_WRAPS, 1, "{1:1 2:b16 3:[[b32 b8 b32 b48] [b32 b8 b32 b48]]}"},
    {TSK_REC_WITHDRAW, 0, "{1:1 2:b16 3:[1 b32] 6:2 7:u 8:[1]}"},
    {TSK_REC_WITHDRAW, 1, "{1:1 2:b16 3:[2 b32] 6:2 7:u 8:[3 t b16 b32]}"},
    {TSK_REC_WITHDRAW, 2, "{1:1 2:b16 3:[3 b32] 6:2 7:u 8:[2 b16]}"},
    {TSK_REC_STATUS, 1, "{1:1 2:b16 3:b32 4:2 5:b32 6:12 7:u 8:b32 9:t 10:b16 11:b32 12:b32 13:u 14:t}"},
    {TSK_REC_RECEIPT, 1, "{1:1 2:b16 3:b32 4:[[b32 0] [b32 1]] 5:u}"},
    {TSK_REC_OPEN, 1, "{1:1 2:b16 3:b32 4:b32 5:b32 6:u 7:[b16 b16] 8:t}"},
    {TSK_REC_COSIGN, 1, "{1:1 2:b16 3:b32 4:4 5:u 6:b16}"},
    {TSK_REC_DELETED, 1, "{1:1 2:b16 3:b32 4:[b32 b32] 5:u 6:2}"},
    {TSK_REC_PUT, 1, "{1:1 2:b16 3:u 4:b32 5:b32 6:b32}"},
    {TSK_REC_FETCH, 1, "{1:1 2:b16 3:u 4:b32 5:b16 6:u 7:u 8:u}"},
    {TSK_REC_CONFIRM, 1, "{1:1 2:b16 3:u 4:b32 5:b16 6:u}"},
    {TSK_REC_PARCEL, 1, "{1:b32 2:b8 3:b32 4:b4112}"},
    {TSK_REC_INNER, 1, "{1:b32 2:7 3:b32 4:5 5:[b40 b40] 6:[b60 b60] 7:[b50 b50]}"},
    {TSK_REC_REPLY, 1, "{1:13 2:[1 b32] 3:b16 4:u 5:[[1 b90 b200] [2 b90 b200]]}"},
};

START_TEST(the_wire_is_as_written)
{
    static char text[16384];
    struct tsk_slice bytes;
    struct tsk_cbor_in in;
    ck_ok(tsk_example_encode(WIRE[_i].r, WIRE[_i].variant, &example, buf, &bytes));
    tsk_cbor_in_init(&in, bytes);
    text[0] = '\0';
    describe(&in, text);
    ck_ok(tsk_cbor_done(&in));
    ck_assert_str_eq(text, WIRE[_i].wire);
}
END_TEST

/* ---- how a withdrawal was made, and texts with a NUL inside ---- */
START_TEST(withdraw_choice_as_others_write_it)
{
    static const struct { const char *by; bool ok; } ROWS[] = {
        {"8101", true},
        {"80", false}, {"8100", false}, {"8104", false}, {"820101", false}, {"8102", false}, {"8103", false},
        {"01", false},
        {"8120", false}, {"811801", false}, {"811bffffffffffffffff", false}, {"8181" "01", false},
        {"82024f000102030405060708090a0b0c0d0e", false},
        {"820250000102030405060708090a0b0c0d0e0f", true},
        {"830250000102030405060708090a0b0c0d0e0f01", false},
        {"8303625331" "50000102030405060708090a0b0c0d0e0f", true},
        {"8303625337" "50000102030405060708090a0b0c0d0e0f", false}, /* S7 is no reason */
        {"8303625331" "4f000102030405060708090a0b0c0d0e", false},
        {"8403625331" "50000102030405060708090a0b0c0d0e0f" "50000102030405060708090a0b0c0d0e0f", false},
        {"8403625331" "50000102030405060708090a0b0c0d0e0f" "f6", false},
        {"8403625331" "50000102030405060708090a0b0c0d0e0f"
         "5820000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f", true},
        {"8503625331" "50000102030405060708090a0b0c0d0e0f"
         "5820000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f" "00", false},
    };
    struct tsk_slice bytes;
    ck_ok(tsk_example_encode(TSK_REC_WITHDRAW, 0, &example, buf, &bytes));
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        uint8_t by[128];
        struct pairs p = split(bytes);
        ck_ok(tsk_unhex(ROWS[i].by, by, strlen(ROWS[i].by) / 2));
        p.value[p.n - 1] = (struct tsk_slice){by, strlen(ROWS[i].by) / 2};
        ck_assert_msg(taken(TSK_REC_WITHDRAW, join(&p)) == ROWS[i].ok, "%s", ROWS[i].by);
    }
}
END_TEST

START_TEST(codes_with_a_nul_inside)
{
    static const char *const REASON[] = {"60", "6100", "63443300", "63004433", "63440033", "684433333333333333",
                                         "67443333333333ff", "624420"};
    struct tsk_slice bytes;
    ck_ok(tsk_example_encode(TSK_REC_STATUS, 1, &example, buf, &bytes));
    for (size_t i = 0; i < sizeof REASON / sizeof *REASON; i++) {
        uint8_t reason[16];
        struct pairs p = split(bytes);
        ck_ok(tsk_unhex(REASON[i], reason, strlen(REASON[i]) / 2));
        for (size_t k = 0; k < p.n; k++)
            if (*p.key[k].p == 9)
                p.value[k] = (struct tsk_slice){reason, strlen(REASON[i]) / 2};
        ck_assert_msg(!taken(TSK_REC_STATUS, join(&p)), "%s", REASON[i]);
    }
}
END_TEST

static TCase *maps_changed(void)
{
    TCase *t = tcase_create("maps");
    tcase_add_loop_test(t, keys_missing, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, keys_twice, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, keys_out_of_order, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, keys_unknown, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, keys_in_long_heads, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, values_of_other_types, 0, TSK_REC_COUNT);
    tcase_add_loop_test(t, strings_of_other_lengths, 0, TSK_REC_COUNT);
    tcase_add_test(t, unknown_key_inside_a_member);
    tcase_add_loop_test(t, the_wire_is_as_written, 0, (int)(sizeof WIRE / sizeof *WIRE));
    tcase_add_test(t, withdraw_choice_as_others_write_it);
    tcase_add_test(t, codes_with_a_nul_inside);
    tcase_set_timeout(t, 300);
    return t;
}

TSK_TEST_MAIN("record_maps", maps_changed)
