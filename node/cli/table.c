/* Columns that align without asking the locale: a machine with LANG=C shows the same table. */
#include <string.h>

#include "node/cli/cli.h"

struct range { uint32_t first, last; };
/* Unicode East Asian Width W and F, in the blocks that Japanese text uses, and emoji. */
static const struct range WIDE[] = {
    {0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0x33FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xA000, 0xA4CF},
    {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}, {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
    {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};
static const struct range NONE[] = {
    {0x0300, 0x036F}, {0x200B, 0x200F}, {0x3099, 0x309A}, {0xFE00, 0xFE0F},
};

static bool within(const struct range *r, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].first && c <= r[i].last)
            return true;
    return false;
}

/* The next scalar of well-formed text; anything else counts byte by byte. */
static uint32_t next_scalar(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    size_t n = s[0] < 0xC0 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    uint32_t c = n == 1 ? s[0] : (uint32_t)(s[0] & (0xFF >> (n + 1)));
    size_t i = 1;
    for (; i < n && (s[i] & 0xC0) == 0x80; i++)
        c = c << 6 | (s[i] & 0x3F);
    *p += i;
    return c;
}

size_t tsk_width(const char *text)
{
    size_t n = 0;
    while (*text) {
        uint32_t c = next_scalar(&text);
        if (!within(NONE, sizeof NONE / sizeof *NONE, c))
            n += within(WIDE, sizeof WIDE / sizeof *WIDE, c) ? 2 : 1;
    }
    return n;
}

void tsk_table_notes(FILE *f, const char *const *cells, const char *const *notes, size_t rows, size_t columns)
{
    size_t width[32] = {0};
    for (size_t i = 0; i < rows * columns; i++) {
        size_t w = cells[i] ? tsk_width(cells[i]) : 0;
        width[i % columns] = w > width[i % columns] ? w : width[i % columns];
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < columns; k++) {
            const char *text = cells[r * columns + k] ? cells[r * columns + k] : "";
            size_t pad = k + 1 < columns ? width[k] - tsk_width(text) + 2 : 0;
            fprintf(f, "%s%*s", text, (int)pad, "");
        }
        fputc('\n', f);
        if (notes && notes[r])
            fprintf(f, "         %s\n", notes[r]);
    }
}

void tsk_table_print(FILE *f, const char *const *cells, size_t rows, size_t columns)
{
    tsk_table_notes(f, cells, NULL, rows, columns);
}
