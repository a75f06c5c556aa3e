#include "node/core/conf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/folder.h"

#define CONF_CAP (64 * 1024)

enum type { NUM, STR };

struct row {
    const char *key, *what;
    enum type type;
    size_t offset;
    uint64_t num;      /* default of a NUM */
    const char *text;  /* default of a STR */
    uint64_t min, max; /* of the value, or of its length */
};

#define DEFAULT_NUM(v) .num = (v)
#define DEFAULT_STR(v) .text = (v)
#define TSK_CONF(field, TYPE, key_, dflt, min_, max_, what_)                                                       \
    {.key = (key_), .what = (what_), .type = TYPE, .offset = offsetof(struct tsk_conf, field), DEFAULT_##TYPE(dflt), \
     .min = (min_), .max = (max_)},
static const struct row rows[] = {
#include "node/core/conf.def"
};
#undef TSK_CONF
#define ROWS (sizeof rows / sizeof *rows)

static void *at(struct tsk_conf *c, const struct row *r)
{
    return (char *)c + r->offset;
}

static uint64_t *num_at(struct tsk_conf *c, const struct row *r)
{
    return at(c, r);
}

static char *text_at(struct tsk_conf *c, const struct row *r)
{
    return at(c, r);
}

void tsk_conf_defaults(struct tsk_conf *ret_conf)
{
    memset(ret_conf, 0, sizeof *ret_conf);
    for (const struct row *r = rows; r < rows + ROWS; r++) {
        if (r->type == NUM)
            *num_at(ret_conf, r) = r->num;
        else
            snprintf(text_at(ret_conf, r), sizeof ret_conf->partner, "%s", r->text);
    }
}

/* ---- reading ---- */
/* Cuts the spaces off both ends, in place. */
static char *trim(char *s)
{
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
        n--;
    s[n] = '\0';
    return s;
}

static bool set_num(const struct row *r, const char *value, uint64_t *ret_v)
{
    size_t n = strlen(value);
    if (n == 0 || n > 18 || strspn(value, "0123456789") != n)
        return false;
    uint64_t v = strtoull(value, NULL, 10);
    if (v < r->min || v > r->max)
        return false;
    *ret_v = v;
    return true;
}

static bool text_ok(const struct row *r, const char *value)
{
    size_t n = strlen(value);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
            return false;
    return n >= r->min && n <= r->max;
}

static bool set_text(const struct row *r, const char *value, char *ret_text)
{
    if (!text_ok(r, value))
        return false;
    memcpy(ret_text, value, strlen(value) + 1); /* r->max is below the field's size */
    return true;
}

static const struct row *row_of(const char *key)
{
    for (const struct row *r = rows; r < rows + ROWS; r++)
        if (strcmp(r->key, key) == 0)
            return r;
    return NULL;
}

static bool set_line(char *line, struct tsk_conf *c, bool seen[ROWS])
{
    char *s = trim(line), *eq = strchr(s, '=');
    if (*s == '\0' || *s == '#')
        return true;
    if (eq == NULL)
        return false;
    *eq = '\0';
    const struct row *r = row_of(trim(s));
    if (r == NULL || seen[r - rows])
        return false;
    seen[r - rows] = true;
    const char *value = trim(eq + 1);
    return r->type == NUM ? set_num(r, value, num_at(c, r)) : set_text(r, value, text_at(c, r));
}

static bool complete(struct tsk_conf *c)
{
    for (const struct row *r = rows; r < rows + ROWS; r++)
        if (r->type == STR && !text_ok(r, text_at(c, r)))
            return false;
    return true;
}

/* 0 or the number of the line at fault. */
static unsigned parse(char *text, struct tsk_conf *c)
{
    bool seen[ROWS] = {false};
    unsigned number = 1;
    for (char *line = text, *end; *line != '\0'; line = end, number++) {
        end = line + strcspn(line, "\n");
        if (*end == '\n')
            *end++ = '\0';
        if (!set_line(line, c, seen))
            return number;
    }
    return complete(c) ? 0 : number;
}

enum tsk_err tsk_conf_read(const char *dir, struct tsk_conf *ret_conf, unsigned *ret_line)
{
    char path[TSK_PATH_CAP];
    uint8_t *bytes;
    size_t n;
    struct tsk_conf c;
    *ret_line = 0;
    TSK_TRY(tsk_path(dir, "node.conf", path));
    TSK_TRY(tsk_file_read(path, CONF_CAP, &bytes, &n));
    tsk_conf_defaults(&c);
    bool whole = memchr(bytes, '\0', n) == NULL;
    unsigned fault = whole ? parse((char *)bytes, &c) : 0;
    free(bytes);
    *ret_line = fault;
    if (!whole || fault != 0)
        return TSK_E_BADFILE;
    *ret_conf = c;
    return TSK_OK;
}

/* ---- writing ---- */
static void print_row(FILE *f, struct tsk_conf *c, const struct row *r)
{
    if (r->type == NUM)
        fprintf(f, "\n# %s (%" PRIu64 " to %" PRIu64 ", usually %" PRIu64 ")\n%s = %" PRIu64 "\n", r->what, r->min, r->max,
                r->num, r->key, *num_at(c, r));
    else
        fprintf(f, "\n# %s\n%s = %s\n", r->what, r->key, text_at(c, r));
}

/* What reading would refuse is not written. */
static bool readable(struct tsk_conf *c)
{
    for (const struct row *r = rows; r < rows + ROWS; r++)
        if (r->type == NUM && (*num_at(c, r) < r->min || *num_at(c, r) > r->max))
            return false;
    return complete(c);
}

enum tsk_err tsk_conf_write(const char *dir, const struct tsk_conf *conf)
{
    struct tsk_conf c = *conf;
    char path[TSK_PATH_CAP], *text = NULL;
    size_t n = 0;
    TSK_TRY(tsk_path(dir, "node.conf", path));
    if (!readable(&c))
        return TSK_E_USAGE;
    FILE *f = open_memstream(&text, &n);
    if (f == NULL)
        return TSK_E_NOMEM;
    fputs("# Settings of this node: `key = value`, read at the start and on SIGHUP. Every key is shown.\n", f);
    for (const struct row *r = rows; r < rows + ROWS; r++)
        print_row(f, &c, r);
    if (fclose(f) != 0) {
        free(text);
        return TSK_E_NOMEM;
    }
    enum tsk_err e = tsk_file_write(path, (struct tsk_slice){(const uint8_t *)text, n}, 0600);
    free(text);
    return e;
}
