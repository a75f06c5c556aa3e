/* What concerns more than one field, rule by rule: a change to an example, and what must come of it. */
#include <string.h>

#include "schema/shapes.h"
#include "tests/schema/taken.h"

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
static void m_posts_swapped(struct tsk_member *m)
{
    struct tsk_kid k = m->posts[0];
    m->posts[0] = m->posts[1];
    m->posts[1] = k;
}
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
static void item_wraps_swapped(void)
{
    struct tsk_wrap w = R.item.wraps[0];
    R.item.wraps[0] = R.item.wraps[1];
    R.item.wraps[1] = w;
}
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
    RULE(ROSTER, nothing, TSK_OK), RULE(ROSTER, member_plain, TSK_OK),
    RULE(ROSTER, member_posts_twice, TSK_E_MALFORMED),
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

static TCase *rules_over_fields(void)
{
    TCase *t = tcase_create("rules");
    tcase_add_loop_test(t, rules, 0, (int)(sizeof RULES / sizeof *RULES));
    tcase_add_test(t, cores_alone);
    tcase_add_test(t, elements_are_checked_where_they_are_written);
    return t;
}

TSK_TEST_MAIN("record_rules", rules_over_fields)
