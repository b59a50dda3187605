/* SPDX-License-Identifier: MIT */
/*
 * Lists and maps nest as deep as a program likes, so nothing here recurses: walks over what is nested keep their own stack.
 */
#include "base/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/must.h"
#include "base/patience.h"
#include "base/str.h"

/* ---- tables ---- */

static const struct {
    int code;
    const char *name, *text;
} errors[] = {
#define ERROR(name, code, text) {code, #name, text},
#include "base/errors.def"
#undef ERROR
};

const char *error_name(int e) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == e) return errors[i].name;
    return "E_?";
}

const char *error_text(int e) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == e) return errors[i].text;
    return "Unknown Error";
}

int error_by_name(const char *name, size_t len) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strlen(errors[i].name) == len && !bytes_compare_fold(errors[i].name, len, name, len)) return errors[i].code;
    return -1;
}

const char *type_word(int type) {
    switch (type) {
#define TYPE(name, code, variable, doc)                                                                                                    \
    case code: return doc;
#include "base/types.def"
#undef TYPE
    default: return "unknown type";
    }
}

/* ---- a stack of lists and maps being walked ---- */

struct walk_level {
    value a, b; /* borrowed; b: the other side of a comparison, as long as a */
    uint32_t next, len;
    struct map_place at, bt; /* in maps */
};

/* In pieces, so that a walk that is a million deep neither copies what it has nor asks for much at once between two looks at the time. */
enum { WALK_FIXED = 24, WALK_PIECE = 512 };

struct walk_piece {
    struct walk_piece *below;
    struct walk_level levels[WALK_PIECE];
};

struct walk {
    struct walk_level fixed[WALK_FIXED];
    struct walk_piece *pieces; /* the top one first */
    size_t depth;
};

static void walk_init(struct walk *w) {
    w->pieces = NULL;
    w->depth = 0;
}

static void walk_drop_piece(struct walk *w) {
    struct walk_piece *below = w->pieces->below;
    free(w->pieces);
    w->pieces = below;
}

static void walk_fini(struct walk *w) {
    while (w->pieces) walk_drop_piece(w);
}

/* `depth' of them are in use, at least one. */
static struct walk_level *walk_top(struct walk *w) {
    return w->depth <= WALK_FIXED ? &w->fixed[w->depth - 1] : &w->pieces->levels[(w->depth - WALK_FIXED - 1) % WALK_PIECE];
}

static void walk_pop(struct walk *w) {
    w->depth--;
    if (w->depth >= WALK_FIXED && (w->depth - WALK_FIXED) % WALK_PIECE == 0) walk_drop_piece(w);
}

static bool is_nest(value v) { return v.type == V_LIST || v.type == V_MAP; }

static uint32_t nest_len(value v) { return v.type == V_LIST ? v.u.l->len : v.u.m->len; }
static int64_t nest_bytes(value v) { return v.type == V_LIST ? v.u.l->bytes : v.u.m->bytes; }

static void walk_push(struct walk *w, value a, value b) {
    if (w->depth >= WALK_FIXED && (w->depth - WALK_FIXED) % WALK_PIECE == 0) {
        struct walk_piece *piece = xmalloc(sizeof *piece);
        piece->below = w->pieces;
        w->pieces = piece;
    }
    w->depth++;
    *walk_top(w) = (struct walk_level){.a = a, .b = b, .len = nest_len(a)};
}

/* ---- freeing ---- */

/*
 * Dead lists and maps wait in a chain through their `bytes' field, which nobody reads any more; the lowest bit of a link tells which it leads to. `refs' of a list is then how many of the
 * elements are gone already; a map loses its pairs from the end. A thread that frees later leaves a large rest there: each one that dies does a portion, so that the chain gets no longer
 * than what a program can make, and value_free_some() the others.
 */
enum { FLAT_MAX = 4 /* elements of a list that is worth a look */, PORTION = 4096, LINK_MAP = 1 };

static _Thread_local intptr_t dead;
static _Thread_local bool frees_later;

static void bury(value v) {
    *(v.type == V_LIST ? &v.u.l->bytes : &v.u.m->bytes) = (int64_t)dead;
    ((struct counted *)v.u.p)->refs = 0;
    dead = (intptr_t)v.u.p | (v.type == V_MAP ? LINK_MAP : 0);
}

static void let_go(value v) {
    if (!value_is_counted(v) || --((struct counted *)v.u.p)->refs) return;
    if (is_nest(v)) bury(v);
    else value_free_block(v);
}

static bool is_flat(const struct list *l) {
    for (uint32_t i = 0; i < l->len; i++)
        if (value_is_counted(l->items[i])) return false;
    return true;
}

/* Elements of a dead list, at most n: how many. One that dies with them is in front of it afterwards. */
static size_t drop_elements(struct list *l, size_t n) {
    intptr_t front = dead;
    uint32_t from = l->refs, end = l->len - from < n ? l->len : from + (uint32_t)n, i = from;
    while (i < end && dead == front) let_go(l->items[i++]);
    l->refs = i;
    return i - from;
}

static bool free_some_of_list(struct list *l, size_t *done, size_t work) {
    if (l->refs < l->len) *done += drop_elements(l, work - *done);
    return dead == (intptr_t)l && l->refs == l->len;
}

bool value_free_some(size_t work) {
    for (size_t done = 0; dead && done < work; done++) {
        if (dead & LINK_MAP) {
            struct map *m = (struct map *)(dead - LINK_MAP); /* NOLINT: put there by bury() */
            if (m->nchunks) {
                done += map_shed(m, let_go);
                continue;
            }
            dead = (intptr_t)m->bytes;
            map_free_memory(m);
        } else {
            struct list *l = (struct list *)dead; /* NOLINT: put there by bury() */
            if (!free_some_of_list(l, &done, work)) continue;
            dead = (intptr_t)l->bytes;
            list_free_memory(l);
        }
    }
    return dead != 0;
}

void value_free_later(bool later) {
    frees_later = later;
    if (!later) value_free_some(SIZE_MAX);
}

void value_free_block(value v) {
    if (v.type == V_STR) {
        str_free_memory(v.u.s);
    } else if (v.type == V_LIST && v.u.l->len <= FLAT_MAX && is_flat(v.u.l)) { /* most often the arguments of a call */
        list_free_memory(v.u.l);
    } else { /* there are no other counted types so far */
        bury(v);
        value_free_some(frees_later ? PORTION : SIZE_MAX);
    }
}

/* ---- truth, equality, order, size ---- */

bool value_is_true(value v) {
    switch ((enum value_type)v.type) {
    case V_INT:
    case V_BOOL: return v.u.i != 0;
    case V_FLOAT: return v.u.f != 0.0;
    case V_STR: return v.u.s->len != 0;
    case V_LIST: return v.u.l->len != 0;
    case V_MAP: return v.u.m->len != 0;
    case V_OBJ:
    case V_ERR:
    case V_CLEAR:
    case V_NONE:
    case V_CATCH:
    case V_FINALLY:
    case V_ITER:
    case V_ANON:
    case V_WAIF: break;
    }
    return false;
}

static bool bytes_agree(value a, value b) { return nest_bytes(a) == nest_bytes(b) || nest_bytes(a) == VALUE_BYTES_MAX || nest_bytes(b) == VALUE_BYTES_MAX; }

/* Equality of all but what lists and maps hold: 1, 0, or -1: two of one length, still to be compared. */
static int equal_shallow(value a, value b, bool match_case) {
    if (a.type != b.type) return 0;
    switch ((enum value_type)a.type) {
    case V_INT:
    case V_BOOL:
    case V_OBJ:
    case V_CATCH:
    case V_FINALLY: return a.u.i == b.u.i;
    case V_ERR: return a.u.e == b.u.e;
    case V_FLOAT: return a.u.f == b.u.f;
    case V_STR: return match_case ? str_identical(a.u.s, b.u.s) : str_equal(a.u.s, b.u.s);
    case V_LIST:
    case V_MAP:
        if (a.u.p == b.u.p) return 1;
        return nest_len(a) == nest_len(b) && bytes_agree(a, b) ? -1 : 0;
    case V_CLEAR:
    case V_NONE: return 1;
    case V_ITER:
    case V_ANON:
    case V_WAIF: break;
    }
    return a.u.p == b.u.p;
}

/*
 * Lists, maps and long strings that were found equal, as classes (union-find). A list can hold one list many times, and that one another, so that few lists in
 * memory are endless as a tree. After MANY comparisons, two that are in one class already are not compared again. One that differs ends it all; so
 * it is linear in what is in memory.
 */
enum { MANY = 4096, LONG_STRING = 64 };

struct classes {
    struct entry {
        const void *block, *up;
    } *entries;
    size_t mask, n;
};

static struct entry *classes_find(const struct classes *c, const void *block) {
    size_t at = ((uintptr_t)block >> 4) * 0x9e3779b97f4a7c15u >> 20 & c->mask;
    while (c->entries[at].block && c->entries[at].block != block) at = (at + 1) & c->mask;
    return &c->entries[at];
}

static void classes_grow(struct classes *c) {
    struct classes old = *c;
    c->mask = old.entries ? old.mask * 2 + 1 : 1023;
    c->entries = xcalloc(c->mask + 1, sizeof *c->entries);
    for (size_t i = 0; old.entries && i <= old.mask; i++)
        if (old.entries[i].block) *classes_find(c, old.entries[i].block) = old.entries[i];
    free(old.entries);
}

static const void *classes_root(struct classes *c, const void *block) {
    if (!c->entries || c->n * 2 > c->mask) classes_grow(c);
    struct entry *e = classes_find(c, block);
    if (!e->block) {
        *e = (struct entry){block, block};
        c->n++;
    }
    while (e->up != e->block) {
        struct entry *up = classes_find(c, e->up);
        e->up = up->up;
        e = classes_find(c, e->up);
    }
    return e->block;
}

static bool classes_same(struct classes *c, const void *a, const void *b) { return c->entries && classes_root(c, a) == classes_root(c, b); }

static void classes_join(struct classes *c, const void *a, const void *b) {
    a = classes_root(c, a);
    b = classes_root(c, b);
    classes_find(c, a)->up = b;
}

/* Only such a one can be met again, but inside of another that is. */
static bool is_shared(value v) { return ((const struct counted *)v.u.p)->refs > 1; }

static bool is_long(value v) { return is_nest(v) || (v.type == V_STR && v.u.s->len >= LONG_STRING); }

/* equal_shallow() of two elements, with what is known. */
static int equal_elements(value x, value y, bool match_case, struct classes *known, size_t *compared) {
    bool both_long = x.type == y.type && is_long(x) && x.u.p != y.u.p && ++*compared > MANY && (is_shared(x) || is_shared(y));
    if (both_long && classes_same(known, x.u.p, y.u.p)) return 1;
    int rc = equal_shallow(x, y, match_case);
    if (both_long && rc == 1) classes_join(known, x.u.p, y.u.p);
    return rc;
}

/* The next two values on a level; false: two maps differ in their keys. */
static bool next_two(struct walk_level *l, bool match_case, value *x, value *y) {
    if (l->a.type == V_LIST) {
        *x = l->a.u.l->items[l->next];
        *y = l->b.u.l->items[l->next++];
        return true;
    }
    const struct map_pair *p = map_next(l->a.u.m, &l->at), *q = map_next(l->b.u.m, &l->bt);
    l->next++;
    *x = p->v;
    *y = q->v;
    return equal_shallow(p->key, q->key, match_case) == 1;
}

int value_equal_while(value a, value b, bool match_case, const struct patience *patience) {
    int rc = equal_shallow(a, b, match_case);
    if (rc >= 0) return rc;
    struct walk w;
    struct classes known = {0};
    size_t compared = 0;
    uint32_t steps = 0;
    walk_init(&w);
    walk_push(&w, a, b);
    for (rc = 1; rc && w.depth; steps++) {
        if (steps % PATIENCE_STEPS == PATIENCE_STEPS - 1 && patience_is_over(patience)) {
            rc = -1;
            break;
        }
        struct walk_level *top = walk_top(&w);
        if (top->next == top->len) {
            if (compared > MANY && (is_shared(top->a) || is_shared(top->b))) classes_join(&known, top->a.u.p, top->b.u.p);
            walk_pop(&w);
            continue;
        }
        value x, y;
        rc = next_two(top, match_case, &x, &y) ? equal_elements(x, y, match_case, &known, &compared) : 0;
        if (rc < 0) {
            walk_push(&w, x, y);
            rc = 1; /* nothing differs so far: they may be empty */
        }
    }
    free(known.entries);
    walk_fini(&w);
    return rc;
}

bool value_equal(value a, value b) { return value_equal_while(a, b, false, NULL) == 1; }
bool value_identical(value a, value b) { return value_equal_while(a, b, true, NULL) == 1; }

#define ORDER(x, y) ((x) < (y) ? -1 : (x) > (y))

int value_compare(value a, value b) {
    must(a.type == b.type);
    switch (a.type) {
    case V_INT:
    case V_OBJ: return ORDER(a.u.i, b.u.i);
    case V_ERR: return ORDER(a.u.e, b.u.e);
    case V_FLOAT: return ORDER(a.u.f, b.u.f);
    default: must(a.type == V_STR); return str_compare(a.u.s, b.u.s);
    }
}

int64_t value_bytes(value v) {
    switch (v.type) {
    case V_STR: return 16 + (int64_t)v.u.s->len + 1;
    case V_LIST:
    case V_MAP: return nest_bytes(v);
    case V_FLOAT: return 24;
    default: return 16;
    }
}

/* ---- printing ---- */

void float_print(struct buf *out, double f) {
    char text[40];
    snprintf(text, sizeof text, "%.15g", f);
    buf_add_c(out, text);
    if (!strpbrk(text, ".eni")) buf_add_c(out, ".0"); /* n, i: nan and inf, which only a dump could bring */
}

static void print_quoted_part(struct buf *out, const char *p, const char *end) {
    buf_reserve(out, 2 * (size_t)(end - p));
    char *to = out->data + out->len;
    for (; p < end; p++) {
        if (*p == '"' || *p == '\\') *to++ = '\\';
        *to++ = *p;
    }
    *to = 0;
    out->len = (size_t)(to - out->data);
}

static bool print_quoted(struct buf *out, const struct str *s, size_t max, const struct patience *patience) {
    buf_byte(out, '"');
    for (size_t at = 0; at < s->len; at += PATIENCE_BYTES) {
        if (at && (out->len > max || patience_is_over(patience))) return false;
        print_quoted_part(out, s->data + at, s->data + (s->len - at < PATIENCE_BYTES ? s->len : at + PATIENCE_BYTES));
    }
    buf_byte(out, '"');
    return true;
}

static void print_int(struct buf *out, const char *prefix, int64_t i) {
    char text[32];
    snprintf(text, sizeof text, "%s%" PRId64, prefix, i);
    buf_add_c(out, text);
}

static void print_simple(struct buf *out, value v, bool literal) {
    switch ((enum value_type)v.type) {
    case V_INT: print_int(out, "", v.u.i); break;
    case V_OBJ: print_int(out, "#", v.u.o); break;
    case V_STR:
        if (literal)
            (void)print_quoted(out, v.u.s, SIZE_MAX, NULL);
        else
            buf_add(out, v.u.s->data, v.u.s->len);
        break;
    case V_ERR: buf_add_c(out, literal ? error_name((int)v.u.e) : error_text((int)v.u.e)); break;
    case V_FLOAT: float_print(out, v.u.f); break;
    case V_BOOL: buf_add_c(out, v.u.i ? "true" : "false"); break;
    case V_MAP: buf_add_c(out, "[map]"); break;
    case V_ANON: buf_add_c(out, "*anonymous*"); break;
    case V_WAIF: buf_add_c(out, "[[waif]]"); break;
    case V_LIST: buf_add_c(out, "{list}"); break;
    case V_CLEAR:
    case V_NONE:
    case V_CATCH:
    case V_FINALLY:
    case V_ITER: buf_printf(out, "<%s>", type_word((int)v.type)); break;
    }
}

void value_print(struct buf *out, value v) { print_simple(out, v, false); }

static void open_nest(struct buf *out, struct walk *w, value v) {
    buf_byte(out, v.type == V_MAP ? '[' : '{');
    walk_push(w, v, value_none());
}

/* The next value on a level, behind what stands before it. */
static value next_to_print(struct buf *out, struct walk_level *l) {
    if (l->next) buf_add(out, ", ", 2);
    if (l->a.type == V_LIST) return l->a.u.l->items[l->next++];
    const struct map_pair *p = map_next(l->a.u.m, &l->at);
    l->next++;
    print_simple(out, p->key, true);
    buf_add(out, " -> ", 4);
    return p->v;
}

/* Of what holds no others. */
static bool print_literal(struct buf *out, value v, size_t max, const struct patience *patience) {
    if (v.type == V_STR) return print_quoted(out, v.u.s, max, patience);
    print_simple(out, v, true);
    return true;
}

bool value_print_literal_up_to(struct buf *out, value v, size_t max, const struct patience *patience) {
    if (!is_nest(v)) return print_literal(out, v, max, patience) && out->len <= max;
    struct walk w;
    bool goes_on = true;
    walk_init(&w);
    open_nest(out, &w, v);
    for (uint32_t steps = 1; goes_on && w.depth && out->len <= max; steps++) {
        struct walk_level *top = walk_top(&w);
        if (steps % PATIENCE_STEPS == 0) goes_on = !patience_is_over(patience);
        if (top->next == top->len) {
            buf_byte(out, top->a.type == V_MAP ? ']' : '}');
            walk_pop(&w);
            continue;
        }
        value item = next_to_print(out, top);
        if (is_nest(item)) open_nest(out, &w, item);
        else goes_on = print_literal(out, item, max, patience) && goes_on;
    }
    walk_fini(&w);
    return goes_on && out->len <= max;
}

void value_print_literal(struct buf *out, value v) { (void)value_print_literal_up_to(out, v, SIZE_MAX, NULL); }

struct str *value_to_str(value v) {
    if (v.type == V_STR) return str_ref(v.u.s);
    struct buf b = BUF_INIT;
    value_print(&b, v);
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return s;
}

struct str *value_to_literal(value v) {
    struct buf b = BUF_INIT;
    value_print_literal(&b, v);
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return s;
}
