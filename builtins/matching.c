/* SPDX-License-Identifier: MIT */
/* match(), rmatch(), substitute(). A match is {start, end, {nine pairs}, subject}, in characters from 1; what took no part is {0, -1}. */
#include <string.h>

#include "builtins/regex.h"
#include "builtins/support.h"

static value pair(int64_t start, int64_t end) { return value_list(list_of(2, value_int(start), value_int(end))); }

/* Character positions of a stretch of bytes. */
static void place(const struct str *s, const struct regex_match *m, int i, int64_t *start, int64_t *end) {
    *start = str_char_at_offset(s, (size_t)m->start[i]);
    *end = *start + (m->end[i] == m->start[i] ? 0 : str_char_at_offset(s, (size_t)m->end[i]) - *start) - 1;
}

static struct list *match_list(struct str *subject, const struct regex_match *m) {
    int64_t start, end;
    value unused = pair(0, -1);
    struct list *groups = list_new(REGEX_GROUPS);
    for (int i = 1; i <= REGEX_GROUPS; i++) {
        if (m->start[i] == REGEX_UNUSED) {
            groups = list_append_take(groups, value_ref(unused));
        } else {
            place(subject, m, i, &start, &end);
            groups = list_append_take(groups, pair(start, end));
        }
    }
    value_unref(unused);
    place(subject, m, 0, &start, &end);
    return list_of(4, value_int(start), value_int(end), value_list(groups), value_str(str_ref(subject)));
}

enum { SEARCH_NS = 5, PLACE_NS = 2 }; /* a byte of the subject, at most */

static struct result search(struct builtin_call *c, bool rightmost) {
    struct str *subject = c->args[0].u.s;
    struct regex_match m;
    if (!vm_can_afford(c->vm, (uint64_t)subject->len * SEARCH_NS)) return support_gave_up(c);
    switch (regex_search(subject, c->args[1].u.s, flag_arg(c, 2), rightmost, &m)) {
    case REGEX_FOUND: return result_list(match_list(subject, &m));
    case REGEX_NONE: return result_list(list_empty());
    case REGEX_BAD_PATTERN: return result_raise(E_INVARG);
    case REGEX_TOO_HARD: break;
    }
    return result_raise(E_QUOTA);
}

struct result bf_match(struct builtin_call *c) { return search(c, false); }

struct result bf_rmatch(struct builtin_call *c) { return search(c, true); }

/* Where in the subject %0 to %9 stand, in bytes. */
struct stretches {
    size_t start[REGEX_GROUPS + 1], len[REGEX_GROUPS + 1];
};

static bool read_stretch(const struct str *subject, value start, value end, struct stretches *out, int i) {
    if (start.type != V_INT || end.type != V_INT) return false;
    out->start[i] = out->len[i] = 0;
    if (start.u.i == 0 && end.u.i == -1) return true;
    if (start.u.i < 1 || end.u.i > str_chars(subject) || end.u.i < start.u.i - 1) return false;
    out->start[i] = str_offset(subject, start.u.i);
    out->len[i] = str_offset(subject, end.u.i + 1) - out->start[i];
    return true;
}

/* Is it of the form that match() gives? */
static bool read_match(const struct list *l, struct stretches *out) {
    if (l->len != 4 || l->items[2].type != V_LIST || l->items[3].type != V_STR) return false;
    const struct list *groups = l->items[2].u.l;
    const struct str *subject = l->items[3].u.s;
    if (groups->len != REGEX_GROUPS || !read_stretch(subject, l->items[0], l->items[1], out, 0)) return false;
    for (int i = 0; i < REGEX_GROUPS; i++) {
        const struct list *p = groups->items[i].u.l;
        if (groups->items[i].type != V_LIST || p->len != 2 || !read_stretch(subject, p->items[0], p->items[1], out, i + 1)) return false;
    }
    return true;
}

/* Each of the twenty places is counted out in a text that is not all ASCII. */
static bool can_read_match(struct builtin_call *c) {
    const struct list *l = c->args[1].u.l;
    if (l->len != 4 || l->items[3].type != V_STR || str_is_ascii(l->items[3].u.s)) return true;
    return vm_can_afford(c->vm, (uint64_t)l->items[3].u.s->len * PLACE_NS * (REGEX_GROUPS + 1));
}

/* The piece of the template that begins at *p, appended; what a wrong one raises. */
static enum error substitute_piece(const struct builtin_call *c, const char **p, const char *end, const char *subject, const struct stretches *s, struct buf *out) {
    const char *mark = memchr(*p, '%', (size_t)(end - *p)), *piece = *p;
    size_t len = (size_t)((mark ? mark : end) - *p);
    *p += len;
    if (len == 0) {
        char what = end - mark > 1 ? mark[1] : 0;
        bool group = what >= '0' && what <= '9';
        if (!group && what != '%') return E_INVARG;
        piece = group ? subject + s->start[what - '0'] : mark;
        len = group ? s->len[what - '0'] : 1;
        *p += 2;
    }
    if (!support_string_fits(c, out->len + len)) return E_QUOTA;
    buf_add(out, piece, len);
    return E_NONE;
}

struct result bf_substitute(struct builtin_call *c) {
    const struct str *template = c->args[0].u.s;
    struct stretches s;
    if (!can_read_match(c)) return support_gave_up(c);
    if (!read_match(c->args[1].u.l, &s)) return result_raise(E_INVARG);
    const char *subject = c->args[1].u.l->items[3].u.s->data, *p = template->data, *end = p + template->len;
    struct buf out = BUF_INIT;
    enum error e = E_NONE;
    for (size_t i = 1; e == E_NONE && p < end; i++) {
        e = substitute_piece(c, &p, end, subject, &s, &out);
        if (i % PATIENCE_STEPS == 0 && vm_deadline_passed(c->vm)) e = E_QUOTA;
    }
    if (e == E_NONE) return support_buf_result(c, &out);
    buf_fini(&out);
    return e == E_QUOTA ? support_size_error(c) : result_raise(e);
}
