/* SPDX-License-Identifier: MIT */
#include "lang/lexer.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct keyword {
    const char *word;
    int token;
    int since;
};

static const struct keyword keywords[] = {
#define KEYWORD(token, word, since) {word, T_##token, since},
#include "lang/keywords.def"
#undef KEYWORD
};

static bool is_digit(int c) { return c >= '0' && c <= '9'; }
static bool is_id_start(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_id_char(int c) { return is_id_start(c) || is_digit(c); }
static bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Error names came with the language, but for this one. */
static int error_since(int e) { return e == E_FLOAT ? 3 : 0; }

static const struct keyword *find_keyword(const char *word, size_t len) {
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        const char *k = keywords[i].word;
        if ((unsigned char)k[0] == ascii_lower((unsigned char)word[0]) && strlen(k) == len && bytes_compare_fold(k, len, word, len) == 0)
            return &keywords[i];
    }
    return NULL;
}

static int find_error(const char *word, size_t len) {
    return len > 2 && ascii_lower((unsigned char)word[0]) == 'e' && word[1] == '_' ? error_by_name(word, len) : -1;
}

bool lexer_is_keyword(const char *word, size_t len, int version) {
    if (len == 0) return false;
    const struct keyword *k = find_keyword(word, len);
    if (k) return k->since <= version;
    int e = find_error(word, len);
    return e >= 0 && error_since(e) <= version;
}

bool lexer_is_name(const char *word, size_t len) {
    if (len == 0 || !is_id_start((unsigned char)word[0])) return false;
    for (size_t i = 1; i < len; i++)
        if (!is_id_char((unsigned char)word[i])) return false;
    return !lexer_is_keyword(word, len, INT_MAX);
}

void lexer_init(struct lexer *x, const char *text, size_t len, int version) {
    *x = (struct lexer){.p = text, .end = text + len, .line = 1, .version = version, .scratch = BUF_INIT};
}

void lexer_fini(struct lexer *x) { buf_fini(&x->scratch); }

/* The byte `ahead` places on, or -1. */
static int look(const struct lexer *x, size_t ahead) { return (size_t)(x->end - x->p) > ahead ? (unsigned char)x->p[ahead] : -1; }

/* Behind the end of a comment, x->p standing behind its opening. */
static void skip_comment(struct lexer *x) {
    for (; x->p < x->end; x->p++) {
        if (*x->p == '\n') x->line++;
        if (*x->p == '*' && look(x, 1) == '/') {
            x->p += 2;
            return;
        }
    }
    x->complain(x->ctx, false, "End of program while in a comment");
}

static void skip_blanks(struct lexer *x) {
    for (;;) {
        int c = look(x, 0);
        if (c == '\n') x->line++;
        if (is_space(c)) {
            x->p++;
        } else if (c == '/' && look(x, 1) == '*') {
            x->p += 2;
            skip_comment(x);
        } else {
            return;
        }
    }
}

static void malformed(struct lexer *x, struct token *out, const char *what) {
    x->complain(x->ctx, false, "Malformed %s", what);
    x->ended = true;
    out->kind = T_EOF;
}

static uint64_t read_digits(struct lexer *x) {
    uint64_t n = 0;
    for (; is_digit(look(x, 0)); x->p++) n = n * 10 + (uint64_t)(*x->p - '0');
    return n;
}

static void read_float(struct lexer *x, const char *start, struct token *out) {
    while (is_digit(look(x, 0))) x->p++;
    int c = look(x, 0);
    if (c == 'e' || c == 'E') {
        x->p++;
        c = look(x, 0);
        if (c == '+' || c == '-') x->p++;
        if (!is_digit(look(x, 0))) {
            malformed(x, out, "floating-point literal");
            return;
        }
        while (is_digit(look(x, 0))) x->p++;
    }
    buf_clear(&x->scratch);
    buf_add(&x->scratch, start, (size_t)(x->p - start));
    double d = strtod(buf_c(&x->scratch), NULL);
    if (!isfinite(d)) {
        x->complain(x->ctx, false, "Floating-point literal out of range");
        d = 0.0;
    }
    out->kind = T_FLOAT;
    out->lit = value_float(d);
}

/* Digits are an integer unless a point (but not the two of a range) or an exponent follows. */
static void read_number(struct lexer *x, struct token *out) {
    const char *start = x->p;
    uint64_t n = read_digits(x);
    int c = look(x, 0);
    if (c == '.' && look(x, 1) != '.') {
        x->p++;
        read_float(x, start, out);
    } else if (c == 'e' || c == 'E') {
        read_float(x, start, out);
    } else {
        out->kind = T_INT;
        out->lit = value_int((int64_t)n);
    }
}

static void read_object(struct lexer *x, struct token *out) {
    bool negative = look(x, 0) == '-';
    if (negative) x->p++;
    if (!is_digit(look(x, 0))) {
        malformed(x, out, "object number");
        return;
    }
    uint64_t n = read_digits(x);
    out->kind = T_OBJ;
    out->lit = value_obj((objid)(negative ? 0 - n : n));
}

/* x->p stands behind the opening quote. */
static void read_string(struct lexer *x, struct token *out) {
    buf_clear(&x->scratch);
    for (;;) {
        int c = look(x, 0);
        if (c == '"') {
            x->p++;
            break;
        }
        if (c == '\\') {
            x->p++;
            c = look(x, 0);
        }
        if (c == '\n' || c == -1) {
            x->complain(x->ctx, false, "Missing quote");
            if (c == '\n') x->p++; /* not counted, so that what follows is reported as ever */
            break;
        }
        buf_byte(&x->scratch, (char)c);
        x->p++;
    }
    out->kind = T_STR;
    out->lit = value_str(str_from_bytes(buf_c(&x->scratch), x->scratch.len));
}

static void read_word(struct lexer *x, struct token *out) {
    out->kind = T_ID;
    out->text = x->p;
    while (is_id_char(look(x, 0))) x->p++;
    out->len = (size_t)(x->p - out->text);
    const struct keyword *k = find_keyword(out->text, out->len);
    int e = k ? -1 : find_error(out->text, out->len);
    if (!k && e < 0) return;
    if ((k ? k->since : error_since(e)) > x->version) {
        if (!x->renaming) x->complain(x->ctx, true, "Renaming old use of new keyword: %.*s", (int)out->len, out->text);
        x->renaming = true;
    } else if (k) {
        out->kind = k->token;
    } else {
        out->kind = T_ERR;
        out->lit = value_err((enum error)e);
    }
}

static int pair_kind(int c, int d) {
    switch (c) {
    case '=': return d == '=' ? T_EQ : d == '>' ? T_ARROW : 0;
    case '!': return d == '=' ? T_NE : 0;
    case '<': return d == '=' ? T_LE : 0;
    case '>': return d == '=' ? T_GE : 0;
    case '&': return d == '&' ? T_AND : 0;
    case '|': return d == '|' ? T_OR : 0;
    case '.': return d == '.' ? T_TO : 0;
    case '-': return d == '>' ? T_PAIR : 0;
    default: return 0;
    }
}

static void read_mark(struct lexer *x, struct token *out) {
    int c = look(x, 0);
    out->kind = pair_kind(c, look(x, 1));
    x->p += out->kind ? 2 : 1;
    if (!out->kind) out->kind = c > 0 && strchr("=!<>|.,:;()[]{}+-*/%^?@$`'", c) ? c : T_JUNK;
}

void lexer_next(struct lexer *x, struct token *out) {
    *out = (struct token){.kind = T_EOF, .lit = value_int(0)};
    if (x->ended) return;
    skip_blanks(x);
    int c = look(x, 0);
    if (c == -1) return;
    if (is_digit(c)) {
        read_number(x, out);
    } else if (c == '.' && is_digit(look(x, 1))) {
        const char *start = x->p++;
        read_float(x, start, out);
    } else if (is_id_start(c)) {
        read_word(x, out);
    } else if (c == '"') {
        x->p++;
        read_string(x, out);
    } else if (c == '#') {
        x->p++;
        read_object(x, out);
    } else {
        read_mark(x, out);
    }
}
