/* Every leaf of a record in order, with a path for people: key, indices, name ("6.urgency", "12[0].category"). */
#include <stdio.h>
#include <string.h>

#include "schema/shapes.h"

#define PATH_CAP 64

/* A path that grows to the right and is cut back by whoever let it grow. */
struct walk {
    tsk_rec_each *each;
    void *arg;
    char path[PATH_CAP];
    size_t n;
};

static void walk_value(struct walk *w, const struct tsk_field *f, const void *base);

static void grow(struct walk *w, const char *format, unsigned long long v)
{
    int n = snprintf(w->path + w->n, PATH_CAP - w->n, format, v);
    if (n > 0 && (size_t)n < PATH_CAP - w->n)
        w->n += (size_t)n;
}

static void cut(struct walk *w, size_t n)
{
    w->n = n;
    w->path[n] = '\0';
}

static void walk_fields(struct walk *w, const struct tsk_shape *s, const void *base)
{
    size_t before = w->n;
    for (size_t i = 0; i < s->n; i++) {
        if (!tsk_field_present(&s->fields[i], base))
            continue;
        if (s->fields[i].key != 0)
            grow(w, before == 0 ? "%llu" : ".%llu", s->fields[i].key);
        walk_value(w, &s->fields[i], base);
        cut(w, before);
    }
}

static void walk_array(struct walk *w, const struct tsk_field *f, const void *base)
{
    size_t before = w->n, n = tsk_count_at(base, f->count);
    for (size_t i = 0; i < n && i < f->max; i++) {
        grow(w, "[%llu]", i);
        walk_value(w, f->element, (const uint8_t *)base + f->offset + i * f->size);
        cut(w, before);
    }
}

static void walk_seq(struct walk *w, const struct tsk_field *f, const void *base)
{
    size_t before = w->n;
    struct tsk_seq seq;
    memcpy(&seq, (const uint8_t *)base + f->offset, sizeof seq);
    union tsk_element room;
    for (unsigned long long i = 0; tsk_seq_next(&seq, f->element, &room, sizeof room); i++) {
        grow(w, "[%llu]", i);
        walk_value(w, f->element, &room);
        cut(w, before);
    }
}

static void walk_leaf(struct walk *w, const struct tsk_field *f, const void *base)
{
    struct tsk_leaf v = tsk_leaf_get(f, base);
    size_t before = w->n;
    snprintf(w->path + before, PATH_CAP - before, ".%s", f->name);
    w->each(w->arg, w->path, v.type, v.bytes, v.num);
    cut(w, before);
}

static void walk_value(struct walk *w, const struct tsk_field *f, const void *base)
{
    const void *here = (const uint8_t *)base + f->offset;
    uint64_t which;
    switch (f->kind) {
    case TSK_K_ARRAY:
        walk_array(w, f, base);
        return;
    case TSK_K_TUPLE:
    case TSK_K_MAP:
    case TSK_K_NESTED:
        walk_fields(w, f->shape, here);
        return;
    case TSK_K_CHOICE:
        which = tsk_num_at(base, f->offset);
        if (which >= 1 && which <= f->max)
            walk_fields(w, f->choices[which - 1], base);
        return;
    case TSK_K_SEQ:
        walk_seq(w, f, base);
        return;
    default:
        walk_leaf(w, f, base);
        return;
    }
}

void tsk_rec_walk(enum tsk_rec r, const void *record, tsk_rec_each *each, void *arg)
{
    struct walk w = {.each = each, .arg = arg};
    walk_fields(&w, tsk_shapes[r], record);
}
