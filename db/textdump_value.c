/* SPDX-License-Identifier: MIT */
/* Values in text dumps: a line with the type's tag, then what the type needs. Lists are read and printed with a stack of their own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "db/textdump_parts.h"

struct level {
    struct list *list; /* NULL when values are only checked */
    int64_t left;
};

struct value_reader {
    struct reader *r;
    bool build;
    struct level *levels;
    size_t depth, cap;
};

static bool read_float(struct reader *r, value *out) {
    if (!reader_line(r, "a float")) return false;
    char *end, again[40];
    double f = strtod(r->text, &end);
    if (!r->len || *r->text == ' ' || end != r->text + r->len) return reader_fail(r, "a float was expected here");
    snprintf(again, sizeof again, "%.19g", f);
    if (strcmp(again, r->text)) r->odd = true;
    *out = value_float(f);
    return true;
}

static bool read_string(struct value_reader *vr, value *out) {
    struct str *s = NULL;
    if (!reader_string(vr->r, "a string", vr->build ? &s : NULL)) return false;
    if (s) *out = value_str(s);
    return true;
}

static bool read_error(struct reader *r, value *out) {
    int64_t n;
    if (!reader_int(r, "an error code", &n)) return false;
    if (n < 0 || n > E_FLOAT) return reader_fail(r, "there is no error %lld in this format", (long long)n);
    *out = value_err((enum error)n);
    return true;
}

static bool read_number(struct reader *r, enum value_type type, value *out) {
    *out = (value){.type = type, .u.i = 0};
    return reader_int(r, "a value", &out->u.i);
}

static bool place_allows(enum value_place place, int version, int64_t tag) {
    if (tag == V_CLEAR) return place == PLACE_PROPERTY;
    if (tag == V_NONE || (tag == -1 && version == 0)) return place != PLACE_PROPERTY || version == 0;
    return place == PLACE_STACK;
}

/* Anything but a list. */
static bool read_scalar(struct value_reader *vr, int version, enum value_place place, int64_t tag, value *out) {
    switch (tag) {
    case V_INT:
    case V_OBJ: return read_number(vr->r, (enum value_type)tag, out);
    case V_STR: return read_string(vr, out);
    case V_ERR: return read_error(vr->r, out);
    case V_FLOAT: return read_float(vr->r, out);
    case -1:
    case V_CLEAR:
    case V_NONE:
    case V_CATCH:
    case V_FINALLY:
        if (vr->depth || !place_allows(place, version, tag)) break;
        if (tag == V_CATCH || tag == V_FINALLY) return read_number(vr->r, (enum value_type)tag, out);
        *out = tag == V_CLEAR ? value_clear() : place == PLACE_PROPERTY ? value_int(0) : value_none();
        return true;
    default: break;
    }
    return reader_fail(vr->r, "a value of type %lld cannot stand here in format %d", (long long)tag, version);
}

static bool open_list(struct value_reader *vr, int64_t n) {
    if (vr->depth == LIST_DEPTH_MAX) return reader_fail(vr->r, "lists nested more than %d deep", LIST_DEPTH_MAX);
    if (vr->depth == vr->cap) {
        vr->cap = vr->cap ? vr->cap * 2 : 16;
        vr->levels = xrealloc(vr->levels, vr->cap * sizeof *vr->levels);
    }
    vr->levels[vr->depth++] = (struct level){vr->build ? list_new(n < 64 ? (size_t)n : 64) : NULL, n};
    return true;
}

/* A whole value other than a list with elements, or the beginning of one of these (then not *whole). */
static bool read_head(struct value_reader *vr, int version, enum value_place place, int64_t tag, value *v, bool *whole) {
    *whole = true;
    if (tag != V_LIST) return read_scalar(vr, version, place, tag, v);
    int64_t n;
    if (!reader_count(vr->r, "the length of a list", 2, &n)) return false;
    if (n == 0) {
        if (vr->build) *v = value_list(list_empty());
        return true;
    }
    *whole = false;
    return open_list(vr, n);
}

/* Puts v where it belongs; closes lists that are full. True when the whole value is there, in *v. */
static bool deliver(struct value_reader *vr, value *v) {
    while (vr->depth) {
        struct level *top = &vr->levels[vr->depth - 1];
        if (vr->build) top->list = list_append_take(top->list, *v);
        if (--top->left) return false;
        *v = vr->build ? value_list(top->list) : value_none();
        vr->depth--;
    }
    return true;
}

bool dump_read_value_after_tag(struct reader *r, int version, enum value_place place, int64_t tag, value *out) {
    struct value_reader vr = {.r = r, .build = out != NULL};
    bool ok;
    do {
        value v = value_none();
        bool whole;
        ok = read_head(&vr, version, place, tag, &v, &whole);
        if (ok && whole && deliver(&vr, &v)) {
            if (out) *out = v;
            break;
        }
    } while (ok && (ok = reader_int(r, "the type of a value", &tag)));
    while (vr.depth) {
        vr.depth--;
        if (vr.levels[vr.depth].list) value_unref(value_list(vr.levels[vr.depth].list));
    }
    free(vr.levels);
    return ok;
}

bool dump_read_value(struct reader *r, int version, enum value_place place, value *out) {
    int64_t tag;
    return reader_int(r, "the type of a value", &tag) && dump_read_value_after_tag(r, version, place, tag, out);
}

/* ---- printing ---- */

/* A line end inside a string would be taken for its end. */
static void print_string(struct buf *out, const struct str *s) {
    size_t from = out->len;
    buf_add(out, s->data, s->len);
    for (char *p = out->data ? out->data + from : NULL; p && (p = memchr(p, '\n', (size_t)(out->data + out->len - p))); p++) *p = ' ';
    buf_byte(out, '\n');
}

static bool print_scalar(struct buf *out, value v) {
    buf_printf(out, "%d\n", (int)v.type);
    switch ((enum value_type)v.type) {
    case V_INT:
    case V_OBJ:
    case V_CATCH:
    case V_FINALLY: buf_printf(out, "%" PRId64 "\n", v.u.i); return true;
    case V_ERR: buf_printf(out, "%d\n", (int)v.u.e); return true;
    case V_STR: print_string(out, v.u.s); return true;
    case V_FLOAT: buf_printf(out, "%.19g\n", v.u.f); return true;
    case V_LIST: buf_printf(out, "%u\n", v.u.l->len); return true;
    case V_CLEAR:
    case V_NONE: return true;
    case V_MAP:
    case V_ITER:
    case V_ANON:
    case V_WAIF:
    case V_BOOL: break;
    }
    return false;
}

struct print_level {
    const struct list *list;
    uint32_t next;
};

bool dump_print_value(struct buf *out, value v) {
    struct print_level *levels = NULL;
    size_t depth = 0, cap = 0;
    bool ok = print_scalar(out, v);
    while (ok) {
        if (v.type == V_LIST) {
            if (depth == cap) {
                cap = cap ? cap * 2 : 16;
                levels = xrealloc(levels, cap * sizeof *levels);
            }
            levels[depth++] = (struct print_level){v.u.l, 0};
        }
        while (depth && levels[depth - 1].next == levels[depth - 1].list->len) depth--;
        if (!depth) break;
        struct print_level *top = &levels[depth - 1];
        v = top->list->items[top->next++];
        ok = print_scalar(out, v);
    }
    free(levels);
    return ok;
}
