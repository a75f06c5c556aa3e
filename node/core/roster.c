/* roster.c - the roster in the node's folder, and who may sign the next one.
 *
 * D/roster.cose is written first and D/roots after it. If the machine stops between the two, D/roots still names the
 * roots that signed the new roster, and the signature alone proves it; otherwise D/roots names the roster itself, which
 * matters once a roster hands over to other roots than those that signed it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "node/core/folder.h"
#include "node/core/members.h"

struct pins {
    struct tsk_id32 roster;
    uint64_t threshold;
    struct tsk_pk roots[TSK_ROOTS_MAX];
    size_t roots_n;
};

/* ---- D/roots ---- */
static enum tsk_err pins_write(const char *dir, const struct tsk_members *m)
{
    char path[TSK_PATH_CAP], hex[65], text[1024];
    TSK_TRY(tsk_path(dir, "roots", path));
    tsk_hex(m->id.b, sizeof m->id.b, hex);
    size_t n = (size_t)snprintf(text, sizeof text, "roster = %s\nthreshold = %u\n", hex, (unsigned)m->r.threshold);
    for (size_t i = 0; i < m->r.roots_n; i++) {
        tsk_hex(m->r.roots[i].b, sizeof m->r.roots[i].b, hex);
        n += (size_t)snprintf(text + n, sizeof text - n, "root = %s\n", hex);
    }
    return tsk_file_write(path, (struct tsk_slice){(const uint8_t *)text, n}, 0600);
}

static enum tsk_err pins_line(struct pins *p, const char *line)
{
    unsigned threshold;
    char end;
    if (strncmp(line, "roster = ", 9) == 0)
        return tsk_unhex(line + 9, p->roster.b, sizeof p->roster.b);
    if (strncmp(line, "root = ", 7) == 0 && p->roots_n < TSK_ROOTS_MAX) {
        TSK_TRY(tsk_unhex(line + 7, p->roots[p->roots_n].b, sizeof p->roots[0].b));
        p->roots_n++;
        return TSK_OK;
    }
    if (sscanf(line, "threshold = %u%c", &threshold, &end) != 1)
        return TSK_E_BADFILE;
    p->threshold = threshold;
    return TSK_OK;
}

static enum tsk_err pins_parse(char *text, struct pins *ret_p)
{
    struct pins p = {.threshold = 0};
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        if (pins_line(&p, line) != TSK_OK)
            return TSK_E_BADFILE;
    if (p.threshold == 0 || p.threshold > p.roots_n)
        return TSK_E_BADFILE;
    *ret_p = p;
    return TSK_OK;
}

/* `ret_found` false: nothing is pinned yet. */
static enum tsk_err pins_read(const char *dir, struct pins *ret_p, bool *ret_found)
{
    char path[TSK_PATH_CAP];
    uint8_t *text;
    size_t n;
    TSK_TRY(tsk_path(dir, "roots", path));
    *ret_found = access(path, F_OK) == 0;
    if (!*ret_found)
        return TSK_OK;
    TSK_TRY(tsk_file_read(path, 4096, &text, &n));
    enum tsk_err e = pins_parse((char *)text, ret_p);
    free(text);
    return e;
}

/* ---- loading ---- */
/* By the pinned roots, or as the very roster that was verified when it was installed. */
static enum tsk_err verify_installed(struct tsk_slice bytes, const struct pins *p, struct tsk_members **ret_m)
{
    enum tsk_err e = tsk_members_new(bytes, p->roots, p->roots_n, p->threshold, ret_m);
    if (e != TSK_E_ROSTERROOT)
        return e;
    return tsk_members_known(bytes, &p->roster, ret_m);
}

static enum tsk_err load(const char *dir, const struct pins *p, struct tsk_members **ret_m)
{
    char path[TSK_PATH_CAP];
    uint8_t *bytes;
    size_t n;
    TSK_TRY(tsk_path(dir, "roster.cose", path));
    if (access(path, F_OK) != 0)
        return TSK_E_NOROSTER;
    TSK_TRY(tsk_file_read(path, tsk_rec_max(TSK_REC_ROSTER), &bytes, &n));
    enum tsk_err e = verify_installed((struct tsk_slice){bytes, n}, p, ret_m);
    free(bytes);
    return e;
}

enum tsk_err tsk_roster_load(const char *dir, struct tsk_members **ret_m)
{
    struct pins p;
    bool found;
    TSK_TRY(tsk_crypto_init());
    TSK_TRY(pins_read(dir, &p, &found));
    return found ? load(dir, &p, ret_m) : TSK_E_NOROSTER;
}

/* ---- installing ---- */
/* Read aloud or copied from paper: spaces and case do not matter. */
static bool same_fp(const char *typed, const char *hex)
{
    for (; *typed != '\0'; typed++) {
        if (isspace((unsigned char)*typed))
            continue;
        if (tolower((unsigned char)*typed) != *hex)
            return false;
        hex++;
    }
    return *hex == '\0';
}

static enum tsk_err check_fp(const struct tsk_pk *roots, size_t n, const char *root_fp)
{
    struct tsk_slice all = {roots[0].b, n * sizeof roots[0]};
    uint8_t h[32];
    char hex[65];
    if (root_fp == NULL)
        return TSK_OK;
    TSK_TRY(tsk_sha256(&all, 1, h));
    tsk_hex(h, sizeof h, hex);
    return same_fp(root_fp, hex) ? TSK_OK : TSK_E_ROSTERROOT;
}

static enum tsk_err write_both(const char *dir, const struct tsk_members *m)
{
    char path[TSK_PATH_CAP];
    TSK_TRY(tsk_path(dir, "roster.cose", path));
    TSK_TRY(tsk_file_write(path, (struct tsk_slice){m->bytes, m->bytes_n}, 0600));
    return pins_write(dir, m);
}

/* Pins first: without them a roster file of the first install would be nobody's. */
static enum tsk_err install_first(const char *dir, const struct tsk_members *m, const char *root_fp)
{
    TSK_TRY(check_fp(m->r.roots, m->r.roots_n, root_fp));
    TSK_TRY(pins_write(dir, m));
    return write_both(dir, m);
}

static enum tsk_err first(const char *dir, struct tsk_slice bytes, const char *root_fp)
{
    struct tsk_members *m;
    TSK_TRY(tsk_members_new(bytes, NULL, 0, 0, &m));
    enum tsk_err e = install_first(dir, m, root_fp);
    tsk_members_free(m);
    return e;
}

/* `cur` NULL: only the pins are left. The roster that they name may come back under whatever signatures. */
static enum tsk_err next(const char *dir, struct tsk_slice bytes, const struct pins *p, const struct tsk_members *cur)
{
    struct tsk_members *m;
    TSK_TRY(verify_installed(bytes, p, &m));
    enum tsk_err e = cur == NULL ? TSK_OK : tsk_members_follow(cur, m);
    if (e == TSK_OK && (cur == NULL || m->r.seq > cur->r.seq))
        e = write_both(dir, m);
    tsk_members_free(m);
    return e;
}

/* Who signs the next roster: the roots that the installed one names. */
static void hand_over(struct pins *p, const struct tsk_members *cur)
{
    memcpy(p->roots, cur->r.roots, sizeof p->roots);
    p->roots_n = cur->r.roots_n;
    p->threshold = cur->r.threshold;
}

static bool same_bytes(const struct tsk_members *m, struct tsk_slice bytes)
{
    return tsk_slice_eq((struct tsk_slice){m->bytes, m->bytes_n}, bytes);
}

/* A file that is lost or damaged leaves `ret_m` NULL. What an interrupted install left behind in D/roots is made good. */
static enum tsk_err installed(const char *dir, struct pins *p, struct tsk_members **ret_m)
{
    enum tsk_err e = load(dir, p, ret_m);
    if (e == TSK_E_NOROSTER || e == TSK_E_MALFORMED || e == TSK_E_ROSTERROOT)
        return TSK_OK;
    TSK_TRY(e);
    hand_over(p, *ret_m);
    return memcmp(p->roster.b, (*ret_m)->id.b, sizeof p->roster.b) == 0 ? TSK_OK : pins_write(dir, *ret_m);
}

static enum tsk_err later(const char *dir, struct tsk_slice bytes, const char *root_fp, struct pins *p)
{
    struct tsk_members *cur = NULL;
    enum tsk_err e = installed(dir, p, &cur);
    if (e == TSK_OK)
        e = check_fp(p->roots, p->roots_n, root_fp);
    if (e == TSK_OK && (cur == NULL || !same_bytes(cur, bytes)))
        e = next(dir, bytes, p, cur);
    tsk_members_free(cur);
    return e;
}

enum tsk_err tsk_roster_install(const char *dir, struct tsk_slice bytes, const char *root_fp)
{
    struct pins p;
    bool found;
    TSK_TRY(tsk_crypto_init());
    TSK_TRY(pins_read(dir, &p, &found));
    return found ? later(dir, bytes, root_fp, &p) : first(dir, bytes, root_fp);
}
