/* The directory of organisations, from the program's own table or from a file in the same columns. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/cli/registrar.h"
#include "node/core/folder.h"

#define FILE_MAX (8u << 20)
#define COLUMNS 9       /* of every file */
#define COLUMNS_MAX 11  /* kana and name_en may follow, together or one alone */
#define FLAG_HIDDEN 1
#define FLAG_FICTIONAL 2

enum tsk_err tsk_elements_init(struct tsk_elements *e, size_t cap)
{
    e->p = malloc(cap);
    if (!e->p)
        return TSK_E_NOMEM;
    e->cap = cap;
    e->n = 0;
    tsk_cbor_out_init(&e->out, e->p, cap);
    return TSK_OK;
}

void tsk_elements_drop(struct tsk_elements *e)
{
    free(e->p);
}

void tsk_folder_undo(const char *dir, const char *files)
{
    char path[TSK_PATH_CAP], name[32];
    for (const char *p = files; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        if (tsk_path(dir, name, path) == TSK_OK)
            unlink(path);
        p += n;
    }
    rmdir(dir);
}

struct tsk_seq tsk_elements_seq(const struct tsk_elements *e)
{
    return (struct tsk_seq){{e->p, e->out.n}, e->n};
}

static struct tsk_slice text_slice(const char *text)
{
    return (struct tsk_slice){(const uint8_t *)text, strlen(text)};
}

/* One organisation; `needs` are codes with spaces between. TSK_E_MALFORMED for what a roster would not take. */
static enum tsk_err put_partner(struct tsk_elements *e, const struct tsk_partner_row *row)
{
    struct tsk_partner p = {.type = tsk_code(row->type), .name = text_slice(row->name),
                            .kana = text_slice(row->kana), .name_en = text_slice(row->name_en), .ward = tsk_code(row->ward),
                            .hours = text_slice(row->hours),
                            .flags = (row->hidden ? FLAG_HIDDEN : 0) | (row->fictional ? FLAG_FICTIONAL : 0)};
    uint8_t needs[256];
    struct tsk_cbor_out out;
    tsk_cbor_out_init(&out, needs, sizeof needs);
    if (!tsk_partner_id_ok(row->id))
        return TSK_E_MALFORMED;
    snprintf(p.id, sizeof p.id, "%s", row->id);
    for (const char *s = row->needs + strspn(row->needs, " "); *s;) {
        size_t n = strcspn(s, " ");
        tsk_cbor_put_text(&out, (struct tsk_slice){(const uint8_t *)s, n});
        p.needs.n++;
        s += n + strspn(s + n, " ");
    }
    TSK_TRY(tsk_cbor_out_done(&out, &p.needs.bytes));
    TSK_TRY(tsk_partner_encode(&e->out, &p));
    e->n++;
    return TSK_OK;
}

enum tsk_err tsk_partners_sample(struct tsk_elements *e)
{
    size_t n;
    const struct tsk_partner_row *rows = tsk_sample_partners(&n);
    for (size_t i = 0; i < n; i++)
        TSK_TRY(put_partner(e, &rows[i]));
    return TSK_OK;
}

/* ---- a file ---- */
/* Where the two names that a file may add stand; 0: it has none. */
struct columns { size_t n, kana, name_en; };

/* Cuts a line at its tabs in place; the number of cells, or SIZE_MAX if they are too many. */
static size_t cut(char *line, char *cells[COLUMNS_MAX])
{
    size_t n = 0;
    cells[n++] = line;
    while ((line = strchr(line, '\t')) != NULL) {
        if (n == COLUMNS_MAX)
            return SIZE_MAX;
        *line++ = '\0';
        cells[n++] = line;
    }
    return n;
}

/* The heading says that these are the columns meant. */
static enum tsk_err read_heading(char *line, struct columns *ret_cols)
{
    char *x[COLUMNS_MAX];
    struct columns cols = {.n = cut(line, x)};
    if (cols.n < COLUMNS || cols.n > COLUMNS_MAX || strcmp(x[0], "id") != 0)
        return TSK_E_BADFILE;
    for (size_t i = COLUMNS; i < cols.n; i++) {
        size_t *where = strcmp(x[i], "kana") == 0 ? &cols.kana : strcmp(x[i], "name_en") == 0 ? &cols.name_en : NULL;
        if (!where || *where != 0)
            return TSK_E_BADFILE;
        *where = i;
    }
    *ret_cols = cols;
    return TSK_OK;
}

static enum tsk_err put_line(struct tsk_elements *e, char *line, const struct columns *cols)
{
    char *x[COLUMNS_MAX];
    if (!tsk_utf8_ok((const uint8_t *)line, strlen(line), NULL) || cut(line, x) != cols->n)
        return TSK_E_BADFILE;
    bool whole_city = x[3][0] == '\0' || strcmp(x[3], "-") == 0;
    struct tsk_partner_row row = {
        .id = x[0], .type = x[1], .name = x[2], .ward = whole_city ? "" : x[3],
        .needs = x[4], .hours = x[5],
        .kana = cols->kana ? x[cols->kana] : "", .name_en = cols->name_en ? x[cols->name_en] : "",
        .hidden = strstr(x[7], "hidden") != NULL, .fictional = strstr(x[8], "fictional") != NULL,
    };
    bool codes = tsk_code_find(TSK_LIST_ORG_TYPE, row.type) && (whole_city || tsk_code_find(TSK_LIST_WARD, row.ward));
    return codes && *row.name && tsk_kana_ok(text_slice(row.kana)) ? put_partner(e, &row) : TSK_E_BADFILE;
}

enum tsk_err tsk_partners_file(struct tsk_cli *c, const char *path, struct tsk_elements *e)
{
    TSK_HEAP *text = NULL;
    size_t n = 0;
    struct columns cols = {0};
    TSK_TRY(tsk_want_file(c, path, FILE_MAX, &text, &n));
    char *at = (char *)text;
    for (unsigned line = 1; *at; line++) {
        char *end = at + strcspn(at, "\n"), *next = *end ? end + 1 : end;
        *end = '\0';
        if (end > at && end[-1] == '\r')
            end[-1] = '\0';
        enum tsk_err err = line == 1 ? read_heading(at, &cols) : *at ? put_line(e, at, &cols) : TSK_OK;
        if (err != TSK_OK)
            return tsk_refuse(c, err == TSK_E_NOMEM ? err : TSK_E_BADFILE, "%s:%u", path, line);
        at = next;
    }
    return e->n > 0 ? TSK_OK : tsk_refuse(c, TSK_E_BADFILE, "%s", path);
}
