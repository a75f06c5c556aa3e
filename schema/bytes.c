#include "schema/bytes.h"

#include <string.h>

bool tsk_slice_eq(struct tsk_slice a, struct tsk_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ---- hex ---- */
void tsk_hex(const uint8_t *p, size_t n, char *ret_text)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *ret_text++ = DIGITS[p[i] >> 4];
        *ret_text++ = DIGITS[p[i] & 15];
    }
    *ret_text = '\0';
}

bool tsk_is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum tsk_err tsk_unhex(const char *text, uint8_t *ret_p, size_t n)
{
    for (size_t i = 0; i < 2 * n; i++)
        if (hex_value(text[i]) < 0) /* the NUL of a short text stops here, too */
            return TSK_E_USAGE;
    if (text[2 * n] != '\0')
        return TSK_E_USAGE;
    for (size_t i = 0; i < n; i++)
        ret_p[i] = (uint8_t)((unsigned)hex_value(text[2 * i]) << 4 | (unsigned)hex_value(text[2 * i + 1]));
    return TSK_OK;
}

/* ---- base32 ---- */
void tsk_base32(const uint8_t *p, size_t n, char *ret_text)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned held = 0, bits = 0; /* not yet written: the low `bits` bits of `held` */
    for (size_t i = 0; i < n; i++) {
        held = (held << 8 | p[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            *ret_text++ = ALPHABET[held >> (bits - 5) & 31];
    }
    if (bits > 0)
        *ret_text++ = ALPHABET[held << (5 - bits) & 31];
    *ret_text = '\0';
}

static int base32_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* One pass over the text; with p NULL it only judges, so that a bad text leaves the caller's bytes alone. */
static bool base32_pass(const char *text, uint8_t *p, size_t n)
{
    unsigned held = 0, bits = 0;
    size_t chars = 0, done = 0;
    for (; *text != '\0'; text++) {
        if (*text == ' ' || *text == '-')
            continue;
        int v = base32_value(*text);
        if (v < 0 || ++chars > (8 * n + 4) / 5)
            return false;
        held = (held << 5 | (unsigned)v) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            if (p != NULL)
                p[done] = (uint8_t)(held >> bits);
            done++;
        }
    }
    return chars == (8 * n + 4) / 5 && done == n && (held & ((1u << bits) - 1)) == 0;
}

enum tsk_err tsk_unbase32(const char *text, uint8_t *ret_p, size_t n)
{
    if (!base32_pass(text, NULL, n))
        return TSK_E_USAGE;
    (void)base32_pass(text, ret_p, n);
    return TSK_OK;
}

/* ---- UTF-8 ---- */
/* Length of the well-formed sequence at p, 0 if there is none (RFC 3629 section 4, row by row). */
static size_t utf8_step(const uint8_t *p, size_t n)
{
    static const struct { uint8_t first_lo, first_hi, second_lo, second_hi, len; } ROWS[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (p[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        if (p[0] < ROWS[i].first_lo || p[0] > ROWS[i].first_hi)
            continue;
        if (n < ROWS[i].len || p[1] < ROWS[i].second_lo || p[1] > ROWS[i].second_hi)
            return 0;
        for (size_t j = 2; j < ROWS[i].len; j++)
            if ((p[j] & 0xc0) != 0x80)
                return 0;
        return ROWS[i].len;
    }
    return 0;
}

bool tsk_utf8_ok(const uint8_t *p, size_t n, size_t *ret_scalars)
{
    size_t scalars = 0;
    for (size_t at = 0; at < n; scalars++) {
        size_t step = utf8_step(p + at, n - at);
        if (step == 0)
            return false;
        at += step;
    }
    if (ret_scalars != NULL)
        *ret_scalars = scalars;
    return true;
}

static uint32_t scalar_at(const uint8_t *p, size_t step)
{
    uint32_t c = step == 1 ? p[0] : p[0] & (0x7fu >> step);
    for (size_t i = 1; i < step; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

static bool is_kanji(uint32_t c)
{
    static const struct { uint32_t from, to; } KANJI[] = {
        {0x3005, 0x3007}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0x20000, 0x3ffff}};
    for (size_t i = 0; i < sizeof KANJI / sizeof *KANJI; i++)
        if (c >= KANJI[i].from && c <= KANJI[i].to)
            return true;
    return false;
}

bool tsk_kana_ok(struct tsk_slice text)
{
    for (size_t at = 0; at < text.n;) {
        size_t step = utf8_step(text.p + at, text.n - at);
        if (step == 0 || is_kanji(scalar_at(text.p + at, step)))
            return false;
        at += step;
    }
    return true;
}
