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

struct result bf_index(struct builtin_call *c) {
    struct str *s = c->args[0].u.s, *what = c->args[1].u.s;
    int64_t skip = int_arg(c, 3, 0);
    if (skip < 0) return result_raise(E_INVARG);
    if (skip == 0) return result_int(str_index(s, what, flag_arg(c, 2)));
    if (skip > str_chars(s)) skip = str_chars(s);
    struct str *rest = str_range(s, skip + 1, str_chars(s));
    int64_t at = str_index(rest, what, flag_arg(c, 2));
    str_unref(rest);
    return result_int(at);
}

struct result bf_rindex(struct builtin_call *c) {
    struct str *s = c->args[0].u.s, *what = c->args[1].u.s;
    int64_t cut = int_arg(c, 3, 0);
    if (cut > 0) return result_raise(E_INVARG);
    if (cut == 0) return result_int(str_rindex(s, what, flag_arg(c, 2)));
    struct str *rest = str_range(s, 1, cut < -(int64_t)str_chars(s) ? 0 : (int64_t)str_chars(s) + cut);
    int64_t at = str_rindex(rest, what, flag_arg(c, 2));
    str_unref(rest);
    return result_int(at);
}

struct result bf_strcmp(struct builtin_call *c) {
    const struct str *a = c->args[0].u.s, *b = c->args[1].u.s;
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);
    if (order == 0) order = (a->len > b->len) - (a->len < b->len);
    return result_int((order > 0) - (order < 0));
}

static void lower_ascii(char *p, size_t n) {
    for (size_t i = 0; i < n; i++) p[i] = (char)ascii_lower((unsigned char)p[i]);
}

/* The text to search in or for: the string's own bytes, or a lower-case copy in `copy'. */
static const char *searchable(const struct str *s, bool match_case, struct buf *copy) {
    if (match_case) return s->data;
    buf_add(copy, s->data, s->len);
    lower_ascii(copy->data, copy->len);
    return buf_c(copy);
}

/* s with every `what' replaced, appended to out; false when that would be longer than max. `find' and `needle' are what is compared. */
static bool replace_all(struct buf *out, const struct str *s, const char *find, const char *needle, size_t needle_len, const struct str *with, size_t max) {
    size_t from = 0;
    const char *at;
    while ((at = memmem(find + from, s->len - from, needle, needle_len))) {
        size_t upto = (size_t)(at - find);
        if (out->len + (upto - from) + with->len > max) return false;
        buf_add(out, s->data + from, upto - from);
        buf_add(out, with->data, with->len);
        from = upto + needle_len;
    }
    if (out->len + (s->len - from) > max) return false;
    buf_add(out, s->data + from, s->len - from);
    return true;
}

struct result bf_strsub(struct builtin_call *c) {
    const struct str *s = c->args[0].u.s, *what = c->args[1].u.s, *with = c->args[2].u.s;
    bool match_case = flag_arg(c, 3);
    if (what->len == 0) return result_raise(E_INVARG);
    struct buf out = BUF_INIT, folded = BUF_INIT, folded_what = BUF_INIT;
    const char *find = searchable(s, match_case, &folded), *needle = searchable(what, match_case, &folded_what);
    bool fits = replace_all(&out, s, find, needle, what->len, with, support_string_limit(c));
    buf_fini(&folded);
    buf_fini(&folded_what);
    if (fits) return support_buf_result(c, &out);
    buf_fini(&out);
    return support_size_error(c);
}

/* ---- binary strings ---- */

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
