/* SPDX-License-Identifier: MIT */
/* Strings and binary strings. Searches are linear in subject and pattern (base/str.h). */
#include "builtins/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/binary.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/must.h"

struct result bf_length(struct builtin_call *c) {
    value v = c->args[0];
    if (v.type == V_STR) return result_int(str_chars(v.u.s));
    if (v.type == V_MAP) return result_int(v.u.m->len);
    return v.type == V_LIST ? result_int(v.u.l->len) : result_raise(E_TYPE);
}

static struct result position(struct builtin_call *c, int64_t at) { return at < 0 ? support_gave_up(c) : result_int(at); }

struct result bf_index(struct builtin_call *c) {
    struct str *s = c->args[0].u.s, *what = c->args[1].u.s;
    struct patience patience = vm_patience(c->vm);
    int64_t skip = int_arg(c, 3, 0);
    if (skip < 0) return result_raise(E_INVARG);
    if (skip == 0) return position(c, str_index(s, what, flag_arg(c, 2), &patience));
    if (skip > str_chars(s)) skip = str_chars(s);
    if (!vm_can_afford(c->vm, s->len)) return support_gave_up(c);
    struct str *rest = str_range(s, skip + 1, str_chars(s));
    int64_t at = str_index(rest, what, flag_arg(c, 2), &patience);
    str_unref(rest);
    return position(c, at);
}

struct result bf_rindex(struct builtin_call *c) {
    struct str *s = c->args[0].u.s, *what = c->args[1].u.s;
    struct patience patience = vm_patience(c->vm);
    int64_t cut = int_arg(c, 3, 0);
    if (cut > 0) return result_raise(E_INVARG);
    if (cut == 0) return position(c, str_rindex(s, what, flag_arg(c, 2), &patience));
    if (!vm_can_afford(c->vm, s->len)) return support_gave_up(c);
    struct str *rest = str_range(s, 1, cut < -(int64_t)str_chars(s) ? 0 : (int64_t)str_chars(s) + cut);
    int64_t at = str_rindex(rest, what, flag_arg(c, 2), &patience);
    str_unref(rest);
    return position(c, at);
}

struct result bf_strcmp(struct builtin_call *c) {
    const struct str *a = c->args[0].u.s, *b = c->args[1].u.s;
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);
    if (order == 0) order = (a->len > b->len) - (a->len < b->len);
    return result_int((order > 0) - (order < 0));
}

/* s with every `what' replaced, appended to out; false when that would be longer than max or takes too long. */
static bool replace_all(struct buf *out, const struct str *s, const struct str *what, const struct str *with, bool match_case, size_t max, const struct patience *patience) {
    size_t from = 0;
    int64_t at = 0;
    for (size_t i = 1; from < s->len && (at = bytes_find(s->data + from, s->len - from, what->data, what->len, match_case, patience)) >= 0; i++) {
        if (out->len + (size_t)at + with->len > max || (i % PATIENCE_STEPS == 0 && patience_is_over(patience))) return false;
        buf_add(out, s->data + from, (size_t)at);
        buf_add(out, with->data, with->len);
        from += (size_t)at + what->len;
    }
    if (at < -1 || out->len + (s->len - from) > max) return false;
    buf_add(out, s->data + from, s->len - from);
    return true;
}

struct result bf_strsub(struct builtin_call *c) {
    const struct str *s = c->args[0].u.s, *what = c->args[1].u.s, *with = c->args[2].u.s;
    struct patience patience = vm_patience(c->vm);
    if (what->len == 0) return result_raise(E_INVARG);
    struct buf out = BUF_INIT;
    if (replace_all(&out, s, what, with, flag_arg(c, 3), support_string_limit(c), &patience)) return support_buf_result(c, &out);
    buf_fini(&out);
    return support_size_error(c);
}

/* ---- binary strings ---- */

enum { DECODE_NS = 5, ENCODE_NS = 7 }; /* a byte, at most */

static bool is_text_byte(unsigned char b) { return (b >= ' ' && b < 0x7f) || b == '\t'; }

/* How many elements decode_binary() will make of these bytes. */
static size_t count_pieces(const unsigned char *p, size_t len, bool fully) {
    if (fully) return len;
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (!is_text_byte(p[i]) || i == 0 || !is_text_byte(p[i - 1])) n++;
    return n;
}

static struct list *pieces(const unsigned char *p, size_t len, bool fully, size_t count) {
    struct list *l = list_new(count);
    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (!fully && end < len && is_text_byte(p[end])) end++;
        if (end > i) {
            l = list_append_take(l, value_str(str_new((const char *)p + i, end - i)));
            i = end;
        } else {
            l = list_append_take(l, value_int(p[i++]));
        }
    }
    return l;
}

struct result bf_decode_binary(struct builtin_call *c) {
    struct buf bytes = BUF_INIT;
    struct result r;
    bool fully = flag_arg(c, 1);
    if (!vm_can_afford(c->vm, (uint64_t)c->args[0].u.s->len * DECODE_NS)) return support_gave_up(c);
    if (!binary_decode(&bytes, c->args[0].u.s, support_latin1(c))) {
        r = result_raise(E_INVARG);
    } else {
        const unsigned char *p = (const unsigned char *)buf_c(&bytes);
        size_t n = count_pieces(p, bytes.len, fully);
        if (!support_list_fits(c, n)) r = support_size_error(c);
        else r = vm_memory_fits(c->vm, sizeof(value) * n) ? result_list(pieces(p, bytes.len, fully, n)) : support_memory_error();
    }
    buf_fini(&bytes);
    return r;
}

/* Appends the bytes of one argument that is no list; false when it has none. */
static bool add_bytes(struct buf *out, value v, bool latin1) {
    if (v.type == V_STR) {
        binary_from_text(out, v.u.s, latin1);
        return true;
    }
    if (v.type != V_INT || v.u.i < 0 || v.u.i > 255) return false;
    buf_byte(out, (char)v.u.i);
    return true;
}

/* Lists within lists, without recursion. */
struct bytes_walk {
    struct level {
        const value *at, *end;
    } *levels;
    size_t depth, cap;
    uint32_t steps;
};

static void walk_into(struct bytes_walk *w, const value *at, size_t n) {
    if (w->depth == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        w->levels = xrealloc(w->levels, w->cap * sizeof *w->levels);
    }
    w->levels[w->depth++] = (struct level){at, at + n};
}

/* E_NONE, E_INVARG, E_QUOTA: too large, or (by way of empty lists that are held very often) too long. */
static enum error collect_bytes(struct builtin_call *c, struct bytes_walk *w, struct buf *out) {
    bool latin1 = support_latin1(c);
    walk_into(w, c->args, (size_t)c->nargs);
    while (w->depth) {
        struct level *top = &w->levels[w->depth - 1];
        if (top->at == top->end) {
            w->depth--;
            continue;
        }
        value v = *top->at++;
        if (v.type == V_STR && !vm_can_afford(c->vm, (uint64_t)v.u.s->len * ENCODE_NS)) return E_QUOTA;
        if (v.type == V_LIST)
            walk_into(w, v.u.l->items, v.u.l->len);
        else if (!add_bytes(out, v, latin1))
            return E_INVARG;
        if (!support_string_fits(c, out->len)) return E_QUOTA;
        if ((++w->steps & 0xfff) == 0 && vm_deadline_passed(c->vm)) return E_QUOTA;
    }
    return support_string_fits(c, binary_encoded_length(buf_c(out), out->len)) ? E_NONE : E_QUOTA;
}

struct result bf_encode_binary(struct builtin_call *c) {
    struct buf bytes = BUF_INIT, out = BUF_INIT;
    struct bytes_walk w = {0};
    enum error e = collect_bytes(c, &w, &bytes);
    free(w.levels);
    if (e == E_NONE) binary_encode(&out, buf_c(&bytes), bytes.len, false);
    buf_fini(&bytes);
    if (e == E_NONE) return support_buf_result(c, &out);
    return e == E_QUOTA ? support_size_error(c) : result_raise(e);
}
