/* SPDX-License-Identifier: MIT */
/*
 * MOO patterns into PCRE2 patterns, piece by piece. Each piece is written as one unit, so that a repetition can be written behind it.
 *
 * What PCRE2 would do differently is avoided here: `+?' is a repeated repetition and not a lazy one; a reference to a group that does not exist never matches; a range from high to
 * low is empty.
 */
#include <string.h>

#include "builtins/regex.h"

enum { MOST_NESTED = 200 };

struct translator {
    const char *p, *end;
    struct regex_form form;
    struct buf *out;
    int open; /* groups begun and not ended */
    int groups, most_referred;
    bool beginning; /* nothing yet in this alternative */
    bool repeats[MOST_NESTED + 1]; /* by open groups: is there a repetition without end in it? */
    bool nested; /* a repetition without end of something that has one */
};

static void put(struct translator *t, const char *s) { buf_add_c(t->out, s); }

/* ---- characters ---- */

/* The code point at p, which stands before the end of valid UTF-8. */
static uint32_t next_char(const char **p) {
    unsigned char c = (unsigned char)*(*p)++;
    if (c < 0x80) return c;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    uint32_t n = c & (0x3fu >> more);
    for (; more > 0; more--) n = n << 6 | ((unsigned char)*(*p)++ & 0x3f);
    return n;
}

static uint32_t fold(const struct translator *t, uint32_t c) { return t->form.fold && c < 0x80 ? ascii_lower((unsigned char)c) : c; }

static bool is_word_char(uint32_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static void put_char(struct translator *t, uint32_t c) {
    char bytes[4];
    c = fold(t, c);
    if (c < 0x80 && !is_word_char(c)) buf_byte(t->out, '\\');
    buf_add(t->out, bytes, utf8_put(bytes, c));
}

/* ---- sets ---- */

struct set {
    bool has[128];
    struct buf beyond; /* members that are not ASCII, as PCRE2 writes them */
};

static void set_add(const struct translator *t, struct set *s, uint32_t low, uint32_t high) {
    for (uint32_t c = low; c <= high && c < 0x80; c++) s->has[fold(t, c)] = true;
    if (high < 0x80 || low > high) return;
    buf_printf(&s->beyond, "\\x{%x}-\\x{%x}", low < 0x80 ? 0x80 : low, high);
}

/* Behind `[' and a possible `^': members up to the closing bracket; false if there is none. */
static bool read_members(struct translator *t, struct set *s) {
    int64_t last = -1; /* what a range could begin with */
    bool range = false, first = true;
    for (; t->p < t->end; first = false) {
        uint32_t c = next_char(&t->p);
        if (c == ']' && !first) {
            if (range) set_add(t, s, '-', '-');
            return true;
        }
        if (range) {
            set_add(t, s, (uint32_t)last, c);
            range = false;
            last = -1;
        } else if (c == '-' && last >= 0) {
            range = true;
        } else {
            set_add(t, s, c, c);
            last = c;
        }
    }
    return false;
}

static void put_set(struct translator *t, const struct set *s, bool inverted) {
    size_t before = t->out->len;
    put(t, inverted ? "[^" : "[");
    size_t empty = t->out->len;
    for (uint32_t low = 0, high; low < 128; low = high + 1) {
        for (high = low; high < 128 && s->has[high]; high++) continue;
        if (high > low) buf_printf(t->out, "\\x{%x}-\\x{%x}", low, high - 1);
    }
    buf_add(t->out, buf_c(&s->beyond), s->beyond.len);
    bool none = t->out->len == empty;
    put(t, "]");
    if (!none) return;
    t->out->len = before;
    put(t, inverted ? "." : "(?:(?!))");
}

static bool translate_set(struct translator *t) {
    struct set s = {.beyond = BUF_INIT};
    bool inverted = t->p < t->end && *t->p == '^';
    if (inverted) t->p++;
    bool ok = read_members(t, &s);
    if (ok) put_set(t, &s, inverted);
    buf_fini(&s.beyond);
    return ok;
}

/* ---- what follows a percent sign ---- */

static const char *const ascii_word[] = {"[a-zA-Z0-9]", "[^a-zA-Z0-9]"}, *const unicode_word[] = {"[\\p{L}\\p{N}]", "[^\\p{L}\\p{N}]"};

/* %w %W %b %B %< %>: written with W and N for a character of a word and one that is none. */
static const char *word_form(uint32_t c) {
    switch (c) {
    case 'w': return "W";
    case 'W': return "N";
    case 'b': return "(?:\\A|\\z|(?<=W)(?!W)|(?<!W)(?=W))";
    case 'B': return "(?:(?<=W)(?=N)|(?<=N)(?=W))";
    case '<': return "(?:(?<!W)(?=W))";
    case '>': return "(?:(?<=W)(?!W))";
    default: return NULL;
    }
}

static void put_word_form(struct translator *t, const char *s) {
    const char *const *word = t->form.unicode ? unicode_word : ascii_word;
    for (; *s; s++) {
        if (*s == 'W' || *s == 'N')
            put(t, word[*s == 'N']);
        else
            buf_byte(t->out, *s);
    }
}

static void put_reference(struct translator *t, int group) {
    if (group > t->most_referred) t->most_referred = group;
    if (t->form.counted)
        buf_printf(t->out, "(?:(?C%d)\\g{%d})", REGEX_CALLOUT_REFERENCE + group, group);
    else
        buf_printf(t->out, "\\g{%d}", group);
}

/* ---- pieces ---- */

/* Where an alternative may end. */
static bool at_end_of_alternative(const struct translator *t) { return t->p == t->end || (t->end - t->p > 1 && t->p[0] == '%' && (t->p[1] == '|' || t->p[1] == ')')); }

static bool is_repetition(const struct translator *t) { return t->p < t->end && (*t->p == '*' || *t->p == '+' || *t->p == '?'); }

/* A run of repetitions is one: x+? is what x* is. `inner': what is repeated has repetitions itself. */
static void translate_repetition(struct translator *t, bool inner) {
    t->repeats[t->open] |= inner;
    if (!is_repetition(t)) return;
    char kind = *t->p;
    for (; is_repetition(t); t->p++)
        if (*t->p != kind) kind = '*';
    buf_byte(t->out, kind);
    t->nested |= kind != '?' && inner;
    t->repeats[t->open] |= kind != '?';
    if (t->form.counted) put(t, "(?C)");
}

/* Ends an alternative: nothing to repeat stands before what follows. */
static bool begin_alternative(struct translator *t, const char *s) {
    put(t, s);
    if (t->form.counted) put(t, "(?C)");
    t->beginning = true;
    return true;
}

static bool begin_group(struct translator *t) {
    if (t->open == MOST_NESTED) return false;
    t->groups++;
    t->repeats[++t->open] = false;
    return begin_alternative(t, "(");
}

static bool translate_percent(struct translator *t) {
    if (t->p == t->end) return false;
    uint32_t c = next_char(&t->p);
    const char *form = word_form(c);
    bool inner = false;
    if (c == '(') return begin_group(t);
    if (c == '|') return begin_alternative(t, "|");
    if (c == ')') {
        if (t->open == 0) return false;
        inner = t->repeats[t->open--];
        put(t, ")");
    } else if (c >= '1' && c <= '9') {
        put_reference(t, (int)(c - '0'));
    } else if (form) {
        put_word_form(t, form);
    } else {
        put_char(t, c);
    }
    t->beginning = false;
    translate_repetition(t, inner);
    return true;
}

static bool translate_piece(struct translator *t) {
    if (is_repetition(t)) return false; /* of nothing */
    uint32_t c = next_char(&t->p);
    if (c == '%') return translate_percent(t);
    if (c == '^' && !t->beginning) return false;
    if (c == '$' && !at_end_of_alternative(t)) return false;
    t->beginning = false;
    if (c == '^')
        put(t, "(?:\\A)");
    else if (c == '$')
        put(t, "(?:\\z)");
    else if (c == '.')
        put(t, ".");
    else if (c != '[')
        put_char(t, c);
    else if (!translate_set(t))
        return false;
    translate_repetition(t, false);
    return true;
}

bool regex_translate(const struct str *pattern, struct regex_form form, struct buf *out, bool *nested) {
    struct translator t = {.p = pattern->data, .end = pattern->data + pattern->len, .form = form, .out = out};
    begin_alternative(&t, "(?:");
    while (t.p < t.end)
        if (!translate_piece(&t)) return false;
    put(&t, ")");
    if (t.most_referred > t.groups) {
        put(&t, "|(?!)");
        for (int i = t.groups; i < t.most_referred; i++) put(&t, "()");
    }
    *nested = t.nested;
    return t.open == 0;
}
