/* The table of every record. Read it beside docs/PROTOCOL.md sections 3-6: one row a key, in the order of the keys. */
#include "schema/shapes.h"

#include <string.h>

#include "schema/status.h"

/* ---- how a row is written ---- */
#define AT(S, m) .name = #m, .offset = offsetof(struct tsk_##S, m)
#define SIZE(S, m) .size = sizeof(((struct tsk_##S *)0)->m)
#define OPTIONAL(S, m) .optional = true, .has = offsetof(struct tsk_##S, has_##m)
#define SET .set = true

#define CONST(k, n, v) .key = (k), .kind = TSK_K_CONST, .name = (n), .min = (v)
#define UINT(k, S, m, lo, hi) .key = (k), .kind = TSK_K_UINT, AT(S, m), .min = (lo), .max = (hi)
#define TIME(k, S, m) UINT(k, S, m, 1, TSK_TIME_MAX)
#define FIXED(k, S, m) .key = (k), .kind = TSK_K_FIXED, AT(S, m), SIZE(S, m)
#define BYTES(k, S, m, lo, hi) .key = (k), .kind = TSK_K_BYTES, AT(S, m), .min = (lo), .max = (hi)
#define TEXT(k, S, m, lo, hi) .key = (k), .kind = TSK_K_TEXT, AT(S, m), .min = (lo), .max = (hi)
#define ID(k, S, m) .key = (k), .kind = TSK_K_ID, AT(S, m), SIZE(S, m), .min = 1, .max = TSK_PARTNER_ID_CAP - 1
#define CODE(k, S, m, r) .key = (k), .kind = TSK_K_CODE, AT(S, m), SIZE(S, m), .min = 1, .max = 7, .rule = (r)
#define ARRAY(k, S, m, lo, hi, el) .key = (k), .kind = TSK_K_ARRAY, AT(S, m), .min = (lo), .max = (hi), \
    .size = sizeof(*((struct tsk_##S *)0)->m), .count = offsetof(struct tsk_##S, m##_n), .element = (el)
#define SEQ(k, S, m, lo, hi, el) .key = (k), .kind = TSK_K_SEQ, AT(S, m), .min = (lo), .max = (hi), .element = (el)
#define TUPLE(k, s) .key = (k), .kind = TSK_K_TUPLE, .shape = (s)
#define SHAPE(rows, f) {(rows), sizeof(rows) / sizeof *(rows), (f)}
#define EL_CODE(nm, r) .kind = TSK_K_CODE, .name = (nm), .size = sizeof(struct tsk_code), .min = 1, .max = 7, .rule = (r)
#define EL_ID(nm) .kind = TSK_K_ID, .name = (nm), .size = TSK_PARTNER_ID_CAP, .min = 1, .max = TSK_PARTNER_ID_CAP - 1
#define VERSION {CONST(1, "version", 1)}

/* ---- code lists ---- */
static const struct tsk_code_rule RULE_NEED = {TSK_LIST_NEED, 0, 0};
/* N16 (someone is in danger) and U0 (now) are for the telephone: they are no records. */
static const struct tsk_code_rule RULE_NEED_SENT = {TSK_LIST_NEED, 0, TSK_CODE_EMERGENCY};
static const struct tsk_code_rule RULE_URGENCY = {TSK_LIST_URGENCY, 0, TSK_CODE_EMERGENCY};
static const struct tsk_code_rule RULE_AGE_BAND = {TSK_LIST_AGE_BAND, 0, 0};
static const struct tsk_code_rule RULE_CATEGORY = {TSK_LIST_CATEGORY, 0, 0};
static const struct tsk_code_rule RULE_PURPOSE = {TSK_LIST_PURPOSE, 0, 0};
static const struct tsk_code_rule RULE_BASIS = {TSK_LIST_BASIS, TSK_CODE_OPENS, 0};
static const struct tsk_code_rule RULE_WARD = {TSK_LIST_WARD, 0, 0};
static const struct tsk_code_rule RULE_STOP = {TSK_LIST_STOP_REASON, 0, 0};
static const struct tsk_code_rule RULE_ORG_TYPE = {TSK_LIST_ORG_TYPE, 0, 0};

/* ---- elements ---- */
static const struct tsk_field EL_NEED_SENT = {EL_CODE("need", &RULE_NEED_SENT)};
static const struct tsk_field EL_NEED = {EL_CODE("need", &RULE_NEED)};
static const struct tsk_field EL_PARTNER_ID = {EL_ID("partner")};
static const struct tsk_field EL_DISTRICT = {EL_ID("district")};
static const struct tsk_field EL_URL = {.kind = TSK_K_TEXT, .name = "url", .min = 1, .max = TSK_URL_MAX};
static const struct tsk_field EL_BYTES32 = {.kind = TSK_K_FIXED, .name = "hash", .size = 32};
static const struct tsk_field EL_ID16 = {.kind = TSK_K_FIXED, .name = "pseudonym", .size = 16};
static const struct tsk_field EL_ID32 = {.kind = TSK_K_FIXED, .name = "id", .size = 32};
static const struct tsk_field EL_KID = {.kind = TSK_K_FIXED, .name = "kid", .size = 32};
static const struct tsk_field EL_PK = {.kind = TSK_K_FIXED, .name = "pk", .size = 32};
static const struct tsk_field EL_RECORD = {.kind = TSK_K_BYTES, .name = "record", .min = 1, .max = TSK_RECORD_MAX};
static const struct tsk_field EL_CT = {.kind = TSK_K_BYTES, .name = "ct", .min = 1, .max = TSK_PARCEL_MAX};
static const struct tsk_field EL_WRAPS = {.kind = TSK_K_BYTES, .name = "wraps", .min = 1, .max = TSK_RECORD_MAX};
const struct tsk_field tsk_element_text = {.kind = TSK_K_TEXT, .name = "text", .max = UINT64_MAX};
const struct tsk_field tsk_element_bytes = {.kind = TSK_K_BYTES, .name = "bytes", .max = UINT64_MAX};

/* Tuples inside arrays. */
static const struct tsk_field F_SEAL_KEY[] = {
    {UINT(0, seal_key, year, 2000, 9999)}, {FIXED(0, seal_key, id8)}, {FIXED(0, seal_key, pk)},
};
static const struct tsk_shape S_SEAL_KEY = SHAPE(F_SEAL_KEY, NULL);
static const struct tsk_field EL_SEAL_KEY = {TUPLE(0, &S_SEAL_KEY)};

static const struct tsk_field F_WRAP[] = {
    {FIXED(0, wrap, holder)}, {FIXED(0, wrap, s1_commit)}, {FIXED(0, wrap, enc)}, {FIXED(0, wrap, ct)},
};
static const struct tsk_shape S_WRAP = SHAPE(F_WRAP, NULL);
static const struct tsk_field EL_WRAP = {TUPLE(0, &S_WRAP)};

static const struct tsk_field F_REWRAP[] = {
    {FIXED(0, rewrap, item)}, {FIXED(0, rewrap, key_id8)}, {FIXED(0, rewrap, enc)}, {FIXED(0, rewrap, ct)},
};
static const struct tsk_shape S_REWRAP = SHAPE(F_REWRAP, NULL);
static const struct tsk_field EL_REWRAP = {TUPLE(0, &S_REWRAP)};

static const struct tsk_field F_GRANT_ITEM[] = {
    {FIXED(0, grant_item, item)}, {CODE(0, grant_item, category, &RULE_CATEGORY)},
};
static const struct tsk_shape S_GRANT_ITEM = SHAPE(F_GRANT_ITEM, NULL);
static const struct tsk_field EL_GRANT_ITEM = {TUPLE(0, &S_GRANT_ITEM)};

/* 0 stored; 9, 11 and 13 are answered by no receipt. */
static enum tsk_err check_receipt_line(const void *record)
{
    const struct tsk_receipt_line *l = record;
    return l->code != 9 && l->code != 11 ? TSK_OK : TSK_E_MALFORMED;
}
static const struct tsk_field F_RECEIPT_LINE[] = {
    {FIXED(0, receipt_line, id)}, {UINT(0, receipt_line, code, 0, 12)},
};
static const struct tsk_shape S_RECEIPT_LINE = SHAPE(F_RECEIPT_LINE, check_receipt_line);
static const struct tsk_field EL_RECEIPT_LINE = {TUPLE(0, &S_RECEIPT_LINE)};

static const struct tsk_field F_MAIL[] = {
    {UINT(0, mail, n, 1, TSK_NUMBER_MAX)},
    {BYTES(0, mail, put, 1, TSK_RECORD_MAX)},
    {BYTES(0, mail, parcel, 1, TSK_PARCEL_MAX)},
};
static const struct tsk_shape S_MAIL = SHAPE(F_MAIL, NULL);
const struct tsk_field tsk_element_mail = {TUPLE(0, &S_MAIL)};

/* ---- checks over more than one field ---- */
static enum tsk_err shape_ok(bool ok)
{
    return ok ? TSK_OK : TSK_E_MALFORMED;
}

static enum tsk_err check_member(const void *record)
{
    const struct tsk_member *m = record;
    bool twice = m->posts_n == 2 && memcmp(&m->posts[0], &m->posts[1], sizeof m->posts[0]) == 0;
    return shape_ok(!twice && (!m->has_until || m->until > m->from));
}

static enum tsk_err check_roster(const void *record)
{
    const struct tsk_roster *r = record;
    bool genesis = r->seq == 1;
    return shape_ok(tsk_is_zero(r->net.b, sizeof r->net.b) == genesis && tsk_is_zero(r->prev.b, sizeof r->prev.b) == genesis &&
                    r->valid_until > r->time && r->threshold <= r->roots_n);
}

static enum tsk_err check_holder(const void *record)
{
    const struct tsk_holder *h = record;
    if (h->suite != TSK_SUITE_1)
        return TSK_E_SUITE;
    return shape_ok(h->state != TSK_HOLDER_REPLACED || h->has_other);
}

static enum tsk_err check_referral(const void *record)
{
    const struct tsk_referral *r = record;
    return shape_ok(r->reply_by >= r->created);
}

static enum tsk_err check_item_core(const void *record)
{
    const struct tsk_item_core *c = record;
    if (c->suite != TSK_SUITE_1)
        return TSK_E_SUITE;
    return shape_ok(c->mode == TSK_MODE_CARD && c->destroy_after > c->created);
}

static enum tsk_err check_item(const void *record)
{
    const struct tsk_item *it = record;
    if (it->wraps_n != it->core.holders_n)
        return TSK_E_MALFORMED;
    for (size_t i = 0; i < it->wraps_n; i++)
        if (memcmp(&it->wraps[i].holder, &it->core.holders[i], sizeof it->core.holders[i]) != 0)
            return TSK_E_MALFORMED;
    return TSK_OK;
}

static enum tsk_err check_grant(const void *record)
{
    const struct tsk_grant *g = record;
    bool refused = g->state == TSK_GRANT_REFUSED;
    return shape_ok((refused || g->state == TSK_GRANT_GIVEN) &&
                    memcmp(&g->role_kid, &g->holder, sizeof g->holder) == 0 &&
                    (g->items_n > 0 || tsk_code_eq(g->purpose, tsk_code("P4"))) &&
                    (!refused || tsk_is_zero(g->wraps_hash, sizeof g->wraps_hash)));
}

static enum tsk_err check_status(const void *record)
{
    const struct tsk_status *s = record;
    return shape_ok(tsk_is_zero(s->prev.b, sizeof s->prev.b) == (s->seq == 1));
}

static enum tsk_err check_open(const void *record)
{
    const struct tsk_open *o = record;
    return shape_ok(o->staff_n < 2 || memcmp(&o->staff[0], &o->staff[1], sizeof o->staff[0]) != 0);
}

/* ---- section 3 ---- */
static const struct tsk_field F_JOIN[] = {
    VERSION,
    {FIXED(2, join, id)},
    {TIME(3, join, time)},
    {ID(4, join, partner)},
    {FIXED(5, join, sign_pk)},
    {ARRAY(6, join, seal, 1, TSK_SEAL_KEYS_MAX, &EL_SEAL_KEY), SET},
    {BYTES(7, join, csr, 1, TSK_DER_MAX)},
    {SEQ(8, join, urls, 0, TSK_URLS_MAX, &EL_URL)},
    {UINT(9, join, roles, 1, 63)},
    {SEQ(10, join, posts, 0, TSK_POSTS_MAX, &EL_PARTNER_ID)},
    {SEQ(11, join, districts, 0, TSK_DISTRICTS_MAX, &EL_DISTRICT)},
};
static const struct tsk_shape S_JOIN = SHAPE(F_JOIN, NULL);

static const struct tsk_field F_MEMBER[] = {
    {ID(1, member, partner)},
    {FIXED(2, member, kid)},
    {FIXED(3, member, sign_pk)},
    {ARRAY(4, member, seal, 1, TSK_SEAL_KEYS_MAX, &EL_SEAL_KEY), SET},
    {ARRAY(5, member, posts, 1, TSK_POSTS_MAX, &EL_KID)},
    {SEQ(6, member, urls, 0, TSK_URLS_MAX, &EL_URL)},
    {BYTES(7, member, tls_cert, 0, TSK_DER_MAX)},
    {UINT(8, member, roles, 1, 63)},
    {SEQ(9, member, districts, 0, TSK_DISTRICTS_MAX, &EL_DISTRICT)},
    {TIME(10, member, from)},
    {TIME(11, member, until), OPTIONAL(member, until)},
    {FIXED(12, member, succeeds), OPTIONAL(member, succeeds)},
};
static const struct tsk_shape S_MEMBER = SHAPE(F_MEMBER, check_member);
const struct tsk_field tsk_element_member = {.kind = TSK_K_MAP, .shape = &S_MEMBER};

static const struct tsk_field F_PARTNER[] = {
    {ID(1, partner, id)},
    {CODE(2, partner, type, &RULE_ORG_TYPE)},
    {TEXT(3, partner, name, 1, TSK_NAME_MAX)},
    {TEXT(4, partner, kana, 0, TSK_NAME_MAX)},
    {TEXT(5, partner, name_en, 0, TSK_NAME_MAX)},
    {.key = 6, .kind = TSK_K_CODE, AT(partner, ward), SIZE(partner, ward), .min = 0, .max = 7, .rule = &RULE_WARD},
    {SEQ(7, partner, needs, 0, 32, &EL_NEED)},
    {TEXT(8, partner, hours, 0, TSK_NAME_MAX)},
    {UINT(9, partner, flags, 0, 3)},
};
static const struct tsk_shape S_PARTNER = SHAPE(F_PARTNER, NULL);
const struct tsk_field tsk_element_partner = {.kind = TSK_K_MAP, .shape = &S_PARTNER};

static const struct tsk_field F_KEEPERS[] = {
    {.kind = TSK_K_UINT, .name = "n", .offset = offsetof(struct tsk_roster, keepers[0]), .max = 255},
    {.kind = TSK_K_UINT, .name = "t", .offset = offsetof(struct tsk_roster, keepers[1]), .max = 255},
    {.kind = TSK_K_UINT, .name = "f", .offset = offsetof(struct tsk_roster, keepers[2]), .max = 255},
};
static const struct tsk_shape S_KEEPERS = SHAPE(F_KEEPERS, NULL);
static const struct tsk_field F_WITNESSES[] = {
    {.kind = TSK_K_UINT, .name = "w", .offset = offsetof(struct tsk_roster, witnesses[0]), .max = 255},
    {.kind = TSK_K_UINT, .name = "k", .offset = offsetof(struct tsk_roster, witnesses[1]), .max = 255},
};
static const struct tsk_shape S_WITNESSES = SHAPE(F_WITNESSES, NULL);

static const struct tsk_field F_ROSTER[] = {
    VERSION,
    {FIXED(2, roster, net)},
    {UINT(3, roster, seq, 1, TSK_NUMBER_MAX)},
    {FIXED(4, roster, prev)},
    {TIME(5, roster, time)},
    {TIME(6, roster, valid_until)},
    {TEXT(7, roster, name, 1, TSK_NAME_MAX)},
    {ARRAY(8, roster, roots, 1, TSK_ROOTS_MAX, &EL_PK), SET},
    {UINT(9, roster, threshold, 1, TSK_ROOTS_MAX)},
    {BYTES(10, roster, tls_ca, 0, TSK_DER_MAX)},
    {SEQ(11, roster, members, 0, TSK_MEMBERS_MAX, &tsk_element_member)},
    {SEQ(12, roster, partners, 0, TSK_PARTNERS_MAX, &tsk_element_partner)},
    {UINT(13, roster, min_suite, 1, 255)},
    {UINT(14, roster, min_mode, TSK_MODE_CARD, TSK_MODE_KEEPERS)},
    {UINT(15, roster, policy, 1, UINT16_MAX)},
    {SEQ(16, roster, notices, 0, 256, &EL_BYTES32)},
    {TUPLE(17, &S_KEEPERS)},
    {TUPLE(18, &S_WITNESSES)},
};
static const struct tsk_shape S_ROSTER = SHAPE(F_ROSTER, check_roster);

static const struct tsk_field F_HOLDER_KEM[] = {{UINT(0, holder, suite, 1, 255)}, {FIXED(0, holder, kem_pk)}};
static const struct tsk_shape S_HOLDER_KEM = SHAPE(F_HOLDER_KEM, NULL);
static const struct tsk_field F_HOLDER[] = {
    VERSION,
    {FIXED(2, holder, sign_pk)},
    {TUPLE(3, &S_HOLDER_KEM)},
    {UINT(4, holder, kind, TSK_HOLDER_CHILD, TSK_HOLDER_GUARDIAN)},
    {UINT(5, holder, state, TSK_HOLDER_ACTIVE, TSK_HOLDER_REPLACED)},
    {TIME(6, holder, time)},
    {FIXED(7, holder, enrolled_by)},
    {FIXED(8, holder, other), OPTIONAL(holder, other)},
    {FIXED(10, holder, pop)},
};
static const struct tsk_shape S_HOLDER = SHAPE(F_HOLDER, check_holder);

/* ---- sections 4 and 5 ---- */
static const struct tsk_field F_REFERRAL[] = {
    VERSION,
    {FIXED(2, referral, id)},
    {FIXED(3, referral, sender)},
    {FIXED(4, referral, recipient)},
    {ARRAY(5, referral, needs, 1, TSK_NEEDS_MAX, &EL_NEED_SENT), SET},
    {CODE(6, referral, urgency, &RULE_URGENCY)},
    {CODE(7, referral, age_band, &RULE_AGE_BAND)},
    {CODE(8, referral, ward, &RULE_WARD)},
    {TIME(9, referral, created)},
    {TIME(10, referral, reply_by)},
    {UINT(11, referral, policy, 1, UINT16_MAX)},
    {FIXED(12, referral, link)},
};
static const struct tsk_shape S_REFERRAL = SHAPE(F_REFERRAL, check_referral);

static const struct tsk_field F_AGE[] = {{UINT(0, item_core, age_class, 1, 4)}, {TIME(0, item_core, class_until)}};
static const struct tsk_shape S_AGE = SHAPE(F_AGE, NULL);
static const struct tsk_field F_ITEM_CORE[] = {
    VERSION,
    {FIXED(2, item_core, id)},
    {FIXED(3, item_core, referral)},
    {FIXED(4, item_core, sender)},
    {ARRAY(5, item_core, holders, 1, TSK_HOLDERS_MAX, &EL_KID), SET},
    {UINT(6, item_core, require, TSK_ANY, TSK_ALL)},
    {CODE(7, item_core, category, &RULE_CATEGORY)},
    {UINT(8, item_core, suite, 1, 255)},
    {UINT(9, item_core, mode, TSK_MODE_CARD, TSK_MODE_KEEPERS)},
    {TIME(10, item_core, created)},
    {TIME(11, item_core, destroy_after)},
    {TUPLE(13, &S_AGE)},
    {UINT(14, item_core, roster_seq, 1, TSK_NUMBER_MAX)},
};
const struct tsk_shape tsk_shape_item_core = SHAPE(F_ITEM_CORE, check_item_core);

static const struct tsk_field F_ITEM[] = {
    {.key = 1, .kind = TSK_K_NESTED, AT(item, core), .bytes = offsetof(struct tsk_item, core_bytes), .min = 1,
     .max = 4096, .shape = &tsk_shape_item_core},
    {FIXED(2, item, ct_hash)},
    {UINT(3, item, ct_len, 1, TSK_PARCEL_MAX)},
    {FIXED(4, item, ck_commit)},
    {ARRAY(5, item, wraps, 1, TSK_HOLDERS_MAX, &EL_WRAP)},
};
static const struct tsk_shape S_ITEM = SHAPE(F_ITEM, check_item);

static const struct tsk_field F_GRANT_ROLE[] = {{UINT(0, grant, role, 1, 2)}, {FIXED(0, grant, role_kid)}};
static const struct tsk_shape S_GRANT_ROLE = SHAPE(F_GRANT_ROLE, NULL);
static const struct tsk_field F_GRANT_NOTICE[] = {
    {FIXED(0, grant, notice_hash)},
    {TEXT(0, grant, notice_lang, 2, TSK_LANG_MAX)},
    {UINT(0, grant, notice_version, 1, UINT16_MAX)},
};
static const struct tsk_shape S_GRANT_NOTICE = SHAPE(F_GRANT_NOTICE, NULL);
static const struct tsk_field F_GRANT_HOW[] = {
    {UINT(0, grant, how, TSK_HOW_PHONE, TSK_HOW_TABLET)},
    {FIXED(0, grant, how_node)},
};
static const struct tsk_shape S_GRANT_HOW = SHAPE(F_GRANT_HOW, NULL);
static const struct tsk_field F_GRANT[] = {
    VERSION,
    {FIXED(2, grant, id)},
    {FIXED(3, grant, holder)},
    {TUPLE(4, &S_GRANT_ROLE)},
    {CONST(5, "explicit", 1)},
    {UINT(6, grant, state, TSK_GRANT_GIVEN, TSK_GRANT_REFUSED)},
    {TIME(7, grant, time)},
    {TIME(8, grant, expires)},
    {FIXED(9, grant, sender)},
    {FIXED(10, grant, recipient)},
    {CODE(11, grant, purpose, &RULE_PURPOSE)},
    {ARRAY(12, grant, items, 0, TSK_ITEMS_MAX, &EL_GRANT_ITEM), SET},
    {TUPLE(13, &S_GRANT_NOTICE)},
    {UINT(14, grant, retention_days, 0, UINT16_MAX)},
    {FIXED(15, grant, code_hash)},
    {CODE(16, grant, basis, &RULE_BASIS)},
    {TUPLE(17, &S_GRANT_HOW)},
    {ARRAY(18, grant, lifts, 0, TSK_LIFTS_MAX, &EL_ID32), SET},
    {FIXED(19, grant, referral)},
    {FIXED(20, grant, wraps_hash)},
};
static const struct tsk_shape S_GRANT = SHAPE(F_GRANT, check_grant);

static const struct tsk_field F_WRAPS[] = {
    VERSION,
    {FIXED(2, wraps, id)},
    {ARRAY(3, wraps, wraps, 1, TSK_ITEMS_MAX, &EL_REWRAP), SET},
};
static const struct tsk_shape S_WRAPS = SHAPE(F_WRAPS, NULL);

static const struct tsk_field F_TARGET[] = {
    {UINT(0, withdraw, form, TSK_STOP_GRANT, TSK_STOP_ITEM)},
    {FIXED(0, withdraw, target)},
};
static const struct tsk_shape S_TARGET = SHAPE(F_TARGET, NULL);
static const struct tsk_field F_BY_HOLDER[] = {{CONST(0, "by", TSK_BY_HOLDER)}};
static const struct tsk_field F_BY_CODE[] = {{CONST(0, "by", TSK_BY_CODE)}, {FIXED(0, withdraw, code)}};
static const struct tsk_field F_BY_STAFF[] = {
    {CONST(0, "by", TSK_BY_STAFF)},
    {CODE(0, withdraw, reason, &RULE_STOP)},
    {FIXED(0, withdraw, staff)},
    {FIXED(0, withdraw, behalf), OPTIONAL(withdraw, behalf)},
};
static const struct tsk_shape S_BY_HOLDER = SHAPE(F_BY_HOLDER, NULL);
static const struct tsk_shape S_BY_CODE = SHAPE(F_BY_CODE, NULL);
static const struct tsk_shape S_BY_STAFF = SHAPE(F_BY_STAFF, NULL);
static const struct tsk_shape *const CHOICES_BY[] = {&S_BY_HOLDER, &S_BY_CODE, &S_BY_STAFF};
static const struct tsk_field F_WITHDRAW[] = {
    VERSION,
    {FIXED(2, withdraw, id)},
    {TUPLE(3, &S_TARGET)},
    {CONST(6, "state", 2)},
    {TIME(7, withdraw, time)},
    {.key = 8, .kind = TSK_K_CHOICE, AT(withdraw, by), .max = TSK_BY_STAFF, .choices = CHOICES_BY},
};
static const struct tsk_shape S_WITHDRAW = SHAPE(F_WITHDRAW, NULL);

static const struct tsk_field F_STATUS[] = {
    VERSION,
    {FIXED(2, status, id)},
    {FIXED(3, status, referral)},
    {UINT(4, status, seq, 1, TSK_STATUS_MAX)},
    {FIXED(5, status, prev)},
    {UINT(6, status, state, TSK_ST_ACKED, TSK_ST_COUNT - 1)}, /* the states before are the sender's own, or derived */
    {TIME(7, status, time)},
    {FIXED(8, status, item), OPTIONAL(status, item)},
    {CODE(9, status, reason, NULL), OPTIONAL(status, reason)}, /* its list depends on the state: tsk_status_fields */
    {FIXED(10, status, staff), OPTIONAL(status, staff)},
    {FIXED(11, status, answers), OPTIONAL(status, answers)},
    {FIXED(12, status, seen)},
    {TIME(13, status, at), OPTIONAL(status, at)},
    {ID(14, status, recommend), OPTIONAL(status, recommend)},
};
static const struct tsk_shape S_STATUS = SHAPE(F_STATUS, check_status);

static const struct tsk_field F_RECEIPT[] = {
    VERSION,
    {FIXED(2, receipt, id)},
    {FIXED(3, receipt, to)},
    {ARRAY(4, receipt, lines, 1, TSK_PARCEL_RECORDS_MAX, &EL_RECEIPT_LINE), SET},
    {TIME(5, receipt, time)},
};
static const struct tsk_shape S_RECEIPT = SHAPE(F_RECEIPT, NULL);

static const struct tsk_field F_OPEN[] = {
    VERSION,
    {FIXED(2, open, id)},
    {FIXED(3, open, grant)},
    {FIXED(4, open, item)},
    {FIXED(5, open, epk)},
    {TIME(6, open, time)},
    {ARRAY(7, open, staff, 1, 2, &EL_ID16)},
    {CODE(8, open, purpose, &RULE_PURPOSE)},
};
static const struct tsk_shape S_OPEN = SHAPE(F_OPEN, check_open);

static const struct tsk_field F_COSIGN[] = {
    VERSION,
    {FIXED(2, cosign, id)},
    {FIXED(3, cosign, target)},
    {UINT(4, cosign, role, TSK_COSIGN_CAPTURE, TSK_COSIGN_OUTSIDE)},
    {TIME(5, cosign, time)},
    {FIXED(6, cosign, staff)},
};
static const struct tsk_shape S_COSIGN = SHAPE(F_COSIGN, NULL);

static const struct tsk_field F_DELETED[] = {
    VERSION,
    {FIXED(2, deleted, id)},
    {FIXED(3, deleted, grant)},
    {ARRAY(4, deleted, items, 1, TSK_ITEMS_MAX, &EL_ID32), SET},
    {TIME(5, deleted, time)},
    {UINT(6, deleted, how, 1, 2)},
};
static const struct tsk_shape S_DELETED = SHAPE(F_DELETED, NULL);

/* ---- section 6 ---- */
static const struct tsk_field F_PUT[] = {
    VERSION,
    {FIXED(2, put, id)},
    {TIME(3, put, time)},
    {FIXED(4, put, post)},
    {FIXED(5, put, parcel_hash)},
    {FIXED(6, put, to)},
};
static const struct tsk_shape S_PUT = SHAPE(F_PUT, NULL);

static const struct tsk_field F_FETCH[] = {
    VERSION,
    {FIXED(2, fetch, id)},
    {TIME(3, fetch, time)},
    {FIXED(4, fetch, post)},
    {FIXED(5, fetch, epoch)},
    {UINT(6, fetch, after, 0, TSK_NUMBER_MAX)},
    {UINT(7, fetch, max, 1, TSK_FETCH_MAX)},
    {UINT(8, fetch, wait_ms, 0, TSK_FETCH_WAIT_MS)},
};
static const struct tsk_shape S_FETCH = SHAPE(F_FETCH, NULL);

static const struct tsk_field F_CONFIRM[] = {
    VERSION,
    {FIXED(2, confirm, id)},
    {TIME(3, confirm, time)},
    {FIXED(4, confirm, post)},
    {FIXED(5, confirm, epoch)},
    {UINT(6, confirm, up_to, 0, TSK_NUMBER_MAX)},
};
static const struct tsk_shape S_CONFIRM = SHAPE(F_CONFIRM, NULL);

static const struct tsk_field F_PARCEL[] = {
    {FIXED(1, parcel, to)},
    {FIXED(2, parcel, key_id8)},
    {FIXED(3, parcel, enc)},
    {BYTES(4, parcel, ct, 1, TSK_PARCEL_MAX)},
};
static const struct tsk_shape S_PARCEL = SHAPE(F_PARCEL, NULL);

static const struct tsk_field F_INNER[] = {
    {FIXED(1, inner, from)},
    {UINT(2, inner, seq, 0, TSK_NUMBER_MAX)},
    {FIXED(3, inner, prev)},
    {UINT(4, inner, floor, 0, TSK_NUMBER_MAX)},
    {SEQ(5, inner, records, 1, TSK_PARCEL_RECORDS_MAX, &EL_RECORD)},
    {SEQ(6, inner, cts, 0, TSK_PARCEL_RECORDS_MAX, &EL_CT)},
    {SEQ(7, inner, wraps, 0, TSK_PARCEL_RECORDS_MAX, &EL_WRAPS)},
};
static const struct tsk_shape S_INNER = SHAPE(F_INNER, NULL);

static const struct tsk_field F_REPLY_ROSTER[] = {
    {UINT(0, reply, roster_seq, 0, TSK_NUMBER_MAX)},
    {FIXED(0, reply, roster_id)},
};
static const struct tsk_shape S_REPLY_ROSTER = SHAPE(F_REPLY_ROSTER, NULL);
static const struct tsk_field F_REPLY[] = {
    {UINT(1, reply, code, 0, 13)},
    {TUPLE(2, &S_REPLY_ROSTER)},
    {FIXED(3, reply, epoch)},
    {UINT(4, reply, end, 0, TSK_NUMBER_MAX)},
    {SEQ(5, reply, mail, 0, TSK_FETCH_MAX, &tsk_element_mail)},
};
static const struct tsk_shape S_REPLY = SHAPE(F_REPLY, NULL);

const struct tsk_shape *const tsk_shapes[TSK_REC_COUNT] = {
#define TSK_RECORD(name, NAME, max_len, form, signer, parcel) [TSK_REC_##NAME] = &S_##NAME,
#include "schema/records.def"
#undef TSK_RECORD
};
