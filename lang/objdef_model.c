/* SPDX-License-Identifier: MIT */
#include "lang/objdef_model.h"

#include <stdlib.h>

#include "base/must.h"

/* ---- tables: open addressing, at most half full ---- */

static bool same_key(const struct objdef_table *t, const struct str *a, const struct str *b) {
    return t->match_case ? str_identical(a, b) : str_equal(a, b);
}

static struct objdef_slot *find_slot(const struct objdef_table *t, const struct str *key) {
    size_t i = str_hash(key) & (t->cap - 1);
    while (t->slots[i].key && !same_key(t, t->slots[i].key, key)) i = (i + 1) & (t->cap - 1);
    return &t->slots[i];
}

size_t objdef_table_find(const struct objdef_table *t, const struct str *key) {
    if (t->cap == 0) return SIZE_MAX;
    const struct objdef_slot *s = find_slot(t, key);
    return s->key ? s->index : SIZE_MAX;
}

static void grow(struct objdef_table *t) {
    struct objdef_table bigger = {.cap = t->cap ? t->cap * 2 : 64, .n = t->n, .match_case = t->match_case};
    bigger.slots = xcalloc(bigger.cap, sizeof *bigger.slots);
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].key) *find_slot(&bigger, t->slots[i].key) = t->slots[i];
    free(t->slots);
    *t = bigger;
}

void objdef_table_add(struct objdef_table *t, struct str *key, size_t index) {
    if ((t->n + 1) * 2 > t->cap) grow(t);
    struct objdef_slot *s = find_slot(t, key);
    if (s->key) str_unref(s->key);
    else t->n++;
    *s = (struct objdef_slot){key, index};
}

void objdef_table_fini(struct objdef_table *t) {
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].key) str_unref(t->slots[i].key);
    free(t->slots);
}

/* ---- messages ---- */

/* One line, whatever names in the file hold. */
static void print_message(struct buf *out, struct objdef_place at, const char *format, va_list ap) {
    buf_printf(out, "%s:%d: ", at.path, at.line);
    buf_vprintf(out, format, ap);
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->data[i] < ' ') out->data[i] = ' ';
}

bool objdef_fail(struct objdef_world *w, struct objdef_place at, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    buf_clear(w->why);
    print_message(w->why, at, format, ap);
    va_end(ap);
    return false;
}

bool objdef_note(struct objdef_world *w, struct objdef_place at, const char *format, ...) {
    struct buf line = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    print_message(&line, at, format, ap);
    va_end(ap);
    w->notices++;
    if (w->options->strict) {
        buf_clear(w->why);
        buf_add(w->why, line.data, line.len);
    } else if (w->options->notice) {
        w->options->notice(w->options->ctx, buf_c(&line));
    }
    buf_fini(&line);
    return !w->options->strict;
}

/* ---- the world ---- */

static void object_fini(struct objdef_object *o) {
    for (size_t i = 0; i < o->nprops; i++) {
        str_unref(o->props[i].name);
        value_unref(o->props[i].v);
    }
    for (size_t i = 0; i < o->nverbs; i++) {
        str_unref(o->verbs[i].names);
        free(o->verbs[i].text);
    }
    free(o->props);
    free(o->verbs);
    str_unref(o->name);
}

void objdef_world_fini(struct objdef_world *w) {
    for (size_t i = 0; i < w->nobjects; i++) object_fini(&w->objects[i]);
    for (size_t i = 0; i < w->nconstants; i++) value_unref(w->constants[i].v);
    free(w->objects);
    free(w->constants);
    objdef_table_fini(&w->constant_names);
    objdef_table_fini(&w->constant_values);
    objdef_table_fini(&w->numbers);
}
