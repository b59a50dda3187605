/* SPDX-License-Identifier: MIT */
/*
 * The parser of object-definition files: scannerless recursive descent. Functions return false after an error has been set; a value that is understood but
 * refused (a map, a lambda, ...) is not an error: `refused' says why, and the statement that holds it is skipped.
 */
#include "lang/objdef_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/must.h"
#include "db/preps.h"

enum { MAX_NESTING = 200, MAX_NUMBER = 1000000 };

struct parser {
    struct objdef_world *w;
    const struct objdef_file *file;
    const char *p, *end;
    int line;
    int depth;
    const char *refused; /* why the value being read cannot be taken */
    bool told_symbols;
};

#define FAIL(p, ...) objdef_fail((p)->w, here(p), __VA_ARGS__)

/* ---- small pieces ---- */

static struct objdef_place here(const struct parser *p) {
    return (struct objdef_place){p->file->path, p->line};
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

static void skip(struct parser *p) { p->p = objdef_skip_blank(p->p, p->end, &p->line); }

static char peek(struct parser *p) {
    skip(p);
    return p->p < p->end ? *p->p : '\0';
}

/* The word that comes next, without taking it. */
static size_t peek_word(struct parser *p) {
    skip(p);
    size_t n = 0;
    while (p->p + n < p->end && is_word(p->p[n])) n++;
    return n;
}

static bool accept_char(struct parser *p, char c) {
    if (peek(p) != c) return false;
    p->p++;
    return true;
}

/* `fold': in any case. */
static bool accept_word(struct parser *p, const char *word, bool fold) {
    size_t n = peek_word(p), len = strlen(word);
    if (n != len) return false;
    if (fold ? bytes_compare_fold(p->p, n, word, len) != 0 : memcmp(p->p, word, n) != 0) return false;
    p->p += n;
    return true;
}

/* What stands here, for messages: a word or a character. */
static void describe_next(struct parser *p, struct buf *out) {
    size_t n = peek_word(p);
    if (n > 0) buf_printf(out, "`%.*s'", (int)(n > 40 ? 40 : n), p->p);
    else if (p->p == p->end) buf_add_c(out, "the end of the file");
    else if (*p->p > ' ' && *p->p < 127) buf_printf(out, "`%c'", *p->p);
    else buf_printf(out, "the byte %02X", (unsigned char)*p->p);
}

static bool expected(struct parser *p, const char *what) {
    struct buf b = BUF_INIT;
    describe_next(p, &b);
    FAIL(p, "%s was expected here, not %s", what, buf_c(&b));
    buf_fini(&b);
    return false;
}

static bool expect_char(struct parser *p, char c, const char *what) {
    return accept_char(p, c) || expected(p, what);
}

static bool refuse(struct parser *p, const char *why) {
    if (!p->refused) p->refused = why;
    return true;
}

/* ---- strings ---- */

static int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The n hexadecimal digits of \xHH or \uHHHH. */
static bool parse_code_point(struct parser *p, int n, struct buf *out) {
    uint32_t code = 0;
    for (int i = 0; i < n; i++, p->p++) {
        int h = p->p < p->end ? hex_value(*p->p) : -1;
        if (h < 0) return FAIL(p, "a \\%c in a string needs %d hexadecimal digits", n == 2 ? 'x' : 'u', n);
        code = code * 16 + (uint32_t)h;
    }
    if (code == 0 || (code >= 0xD800 && code < 0xE000)) return FAIL(p, "a string cannot hold the character U+%04X; leave it out", (unsigned)code);
    char utf8[4];
    buf_add(out, utf8, utf8_put(utf8, code));
    return true;
}

static bool parse_escape(struct parser *p, struct buf *out) {
    char c = *p->p++;
    switch (c) {
    case 'n': buf_byte(out, '\n'); return true;
    case 't': buf_byte(out, '\t'); return true;
    case 'r': buf_byte(out, '\r'); return true;
    case 'x': return parse_code_point(p, 2, out);
    case 'u': return parse_code_point(p, 4, out);
    default: buf_byte(out, c); return true;
    }
}

/* p is at the opening quote. */
static bool parse_string_bytes(struct parser *p, struct buf *out) {
    for (p->p++; p->p < p->end && *p->p != '\n';) {
        char c = *p->p;
        if (c == '"') {
            p->p++;
            return true;
        }
        if (c == '\\' && p->p + 1 < p->end && p->p[1] != '\n' && p->p[1] != '\r') {
            p->p++;
            if (!parse_escape(p, out)) return false;
        } else {
            buf_byte(out, c);
            p->p++;
        }
    }
    return FAIL(p, "this string is not closed; end it with a \" on its line");
}

static struct str *parse_string(struct parser *p) {
    struct buf b = BUF_INIT;
    struct str *s = parse_string_bytes(p, &b) ? str_new(buf_c(&b), b.len) : NULL;
    buf_fini(&b);
    return s;
}

/* A name of a property or verb: a string, or a bare word. NULL after an error. */
static struct str *parse_name(struct parser *p, const char *what) {
    if (peek(p) == '"') return parse_string(p);
    size_t n = peek_word(p);
    if (n == 0) {
        expected(p, what);
        return NULL;
    }
    struct str *s = str_new(p->p, n);
    p->p += n;
    return s;
}

/* ---- literals ---- */

static bool parse_literal(struct parser *p, value *out);

static struct objdef_constant *find_constant(struct parser *p, const char *name, size_t n) {
    struct str *key = str_new(name, n);
    size_t i = objdef_table_find(&p->w->constant_names, key);
    str_unref(key);
    return i == SIZE_MAX ? NULL : &p->w->constants[i];
}

static bool parse_constant(struct parser *p, size_t n, value *out) {
    const struct objdef_constant *c = find_constant(p, p->p, n);
    if (!c) return FAIL(p, "the constant `%.*s' is not defined; define it in constants.moo, or before this line", (int)(n > 80 ? 80 : n), p->p);
    p->p += n;
    if (c->refused) return refuse(p, c->refused);
    *out = value_ref(c->v);
    return true;
}

static bool parse_number(struct parser *p, value *out) {
    const char *q = p->p;
    bool is_float = false;
    if (*q == '-' || *q == '+') q++;
    for (; q < p->end && (is_digit(*q) || *q == '.' || *q == 'e' || *q == 'E' || ((*q == '-' || *q == '+') && (q[-1] == 'e' || q[-1] == 'E'))); q++)
        is_float |= !is_digit(*q);
    char *text = xmalloc((size_t)(q - p->p) + 1), *stop;
    memcpy(text, p->p, (size_t)(q - p->p));
    text[q - p->p] = '\0';
    errno = 0;
    *out = is_float ? value_float(strtod(text, &stop)) : value_int(strtoll(text, &stop, 10));
    bool whole = stop != text && *stop == '\0', fits = is_float ? isfinite(out->u.f) : errno == 0;
    free(text);
    if (!whole) return FAIL(p, "this is not a number");
    if (!fits) return FAIL(p, "this number does not fit into 64 bits");
    p->p = q;
    return true;
}

/* #12, #-1; #048D05-1234567890 and #anon_... are names of objects that we lack. */
static bool parse_object_number(struct parser *p, value *out) {
    const char *q = p->p + 1;
    while (q < p->end && (is_word(*q) || *q == '-')) q++;
    const char *text = p->p + 1;
    size_t n = (size_t)(q - text);
    const char *digits = n > 0 && *text == '-' ? text + 1 : text;
    bool number = digits < q && q - digits <= 18;
    for (const char *d = digits; d < q; d++) number = number && is_digit(*d);
    bool long_number = n > 18 && strspn(digits, "0123456789") >= (size_t)(q - digits);
    p->p = q;
    if (number) {
        *out = value_obj(strtoll(text, NULL, 10));
        return true;
    }
    *out = value_obj(NOTHING);
    if (n > 5 && memcmp(text, "anon_", 5) == 0) return refuse(p, "an anonymous object, and there are none yet");
    if (n > 0 && !long_number && memchr(text, '-', n) && *text != '-') return refuse(p, "an object that is named by a UUID, and ours have numbers");
    return FAIL(p, "this is not an object number; write # and digits");
}

static const char *skip_string(const char *q, const char *end) {
    for (q++; q < end && *q != '"' && *q != '\n'; q++)
        if (*q == '\\' && q + 1 < end) q++;
    return q < end ? q + 1 : q;
}

static const char *const a_lambda = "a lambda, and there are none in our language";

/* Whether the brace at `open' begins a lambda's parameters: `{...} =>'. */
static bool at_lambda(const struct parser *p, const char *open) {
    int depth = 0;
    for (const char *q = open; q < p->end;) {
        if (*q == '"') {
            q = skip_string(q, p->end);
            continue;
        }
        depth += (*q == '{') - (*q == '}');
        q++;
        if (depth > 0) continue;
        q = objdef_skip_blank(q, p->end, NULL);
        return p->end - q >= 2 && q[0] == '=' && q[1] == '>';
    }
    return false;
}

static bool parse_list(struct parser *p, value *out) {
    const char *open = p->p;
    if (p->depth >= MAX_NESTING) return FAIL(p, "lists are nested deeper than %d here", MAX_NESTING);
    p->depth++;
    p->p++;
    struct list *l = list_new(4);
    bool ok = true;
    while (ok && !p->refused && peek(p) != '}') {
        value item = value_none();
        ok = parse_literal(p, &item);
        if (!ok || p->refused) {
            value_unref(item);
            break;
        }
        l = list_append_take(l, item);
        if (!accept_char(p, ',') && peek(p) != '}') ok = expected(p, "`,' or `}' of a list");
    }
    p->depth--;
    if (!ok || p->refused) {
        list_unref(l);
        if (ok || !at_lambda(p, open)) return ok;
        buf_clear(p->w->why); /* its parameters are no constants */
        return refuse(p, a_lambda);
    }
    p->p++;
    if (peek(p) == '=' && p->p + 1 < p->end && p->p[1] == '>') {
        list_unref(l);
        return refuse(p, a_lambda);
    }
    *out = value_list(l);
    return true;
}

/* `key -> value', into the map. */
static bool parse_pair(struct parser *p, struct map **m) {
    value key, v;
    bool ok = parse_literal(p, &key);
    if (ok && !p->refused && !map_key_fits(key)) ok = refuse(p, "a map whose key is a list or map");
    if (!ok || p->refused) {
        value_unref(key);
        return ok;
    }
    bool arrow = peek(p) == '-' && p->p + 1 < p->end && p->p[1] == '>';
    if (arrow) p->p += 2;
    ok = arrow ? parse_literal(p, &v) : expected(p, "`->' of a map");
    if (arrow && ok && !p->refused) {
        *m = map_set_take(*m, key, v);
        return true;
    }
    value_unref(key);
    if (arrow) value_unref(v);
    return ok;
}

static bool parse_map(struct parser *p, value *out) {
    if (p->depth >= MAX_NESTING) return FAIL(p, "maps are nested deeper than %d here", MAX_NESTING);
    p->depth++;
    p->p++;
    struct map *m = map_new();
    bool ok = true;
    while (ok && !p->refused && peek(p) != ']') {
        ok = parse_pair(p, &m);
        if (ok && !p->refused && !accept_char(p, ',') && peek(p) != ']') ok = expected(p, "`,' or `]' of a map");
    }
    p->depth--;
    if (!ok || p->refused) {
        map_unref(m);
        return ok;
    }
    p->p++;
    *out = value_map(m);
    return true;
}

/* ~XX notation of bytes that are not printing ASCII. */
static struct str *binary_string(const unsigned char *bytes, size_t n) {
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] >= ' ' && bytes[i] < 127 && bytes[i] != '~') buf_byte(&b, (char)bytes[i]);
        else buf_printf(&b, "~%02X", bytes[i]);
    }
    struct str *s = str_new(buf_c(&b), b.len);
    buf_fini(&b);
    return s;
}

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (c == '+') c = '-';
    if (c == '/') c = '_';
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* b"...": p is at the quote. */
static bool parse_base64(struct parser *p, value *out) {
    struct buf text = BUF_INIT, bytes = BUF_INIT;
    bool ok = parse_string_bytes(p, &text);
    unsigned bits = 0, have = 0;
    size_t n = text.len;
    while (n > 0 && text.data[n - 1] == '=') n--;
    for (size_t i = 0; ok && i < n; i++) {
        int d = base64_digit(text.data[i]);
        if (d < 0) ok = FAIL(p, "this is not base64");
        bits = (bits << 6 | (unsigned)d) & 0xFFFF;
        if ((have += 6) >= 8) buf_byte(&bytes, (char)(bits >> (have -= 8)));
    }
    if (ok && p->w->options->binary_strings) *out = value_str(binary_string((const unsigned char *)buf_c(&bytes), bytes.len));
    else if (ok) refuse(p, "a binary string; --binary-strings would take it in ~XX notation");
    buf_fini(&text);
    buf_fini(&bytes);
    return ok;
}

/* 'name: an interned name of mooR's; a string does its work. */
static bool parse_symbol(struct parser *p, value *out) {
    p->p++;
    size_t n = 0;
    while (p->p + n < p->end && is_word(p->p[n])) n++;
    if (n == 0) return FAIL(p, "a symbol needs a name after its '");
    *out = value_str(str_new(p->p, n));
    p->p += n;
    if (p->told_symbols) return true;
    p->told_symbols = true;
    return objdef_note(p->w, here(p), "symbols such as '%.*s are taken as strings in this file", (int)(n > 80 ? 80 : n), p->p - n);
}

static bool parse_error_name(struct parser *p, size_t n, value *out) {
    int code = error_by_name(p->p, n);
    p->p += n;
    if (peek(p) == '(') return refuse(p, "an error with a message, and ours have none");
    if (code < 0) return refuse(p, "an error that we do not have");
    *out = value_err((enum error)code);
    return true;
}

static bool load_include(struct parser *p, const struct str *name, bool binary, value *out) {
    struct buf why = BUF_INIT;
    size_t len = 0;
    char *bytes = objdef_include(p->w->files, p->file->path, name->data, &len, &why);
    if (!bytes) {
        FAIL(p, "%s", buf_c(&why));
        buf_fini(&why);
        return false;
    }
    if (binary && p->w->options->binary_strings) *out = value_str(binary_string((const unsigned char *)bytes, len));
    else if (binary) refuse(p, "include_bin!, a binary string; --binary-strings would take it in ~XX notation");
    else if (utf8_valid(bytes, len)) *out = value_str(str_new(bytes, len));
    else FAIL(p, "include!(\"%s\") is not UTF-8 text", name->data);
    bool ok = p->refused || out->type == V_STR;
    free(bytes);
    return ok;
}

/* include!("path"): p is at the `!'. */
static bool parse_include(struct parser *p, bool binary, value *out) {
    p->p++;
    if (!expect_char(p, '(', "`(' behind include!")) return false;
    if (peek(p) != '"') return expected(p, "a file's name in quotes");
    struct str *name = parse_string(p);
    if (!name) return false;
    bool ok = expect_char(p, ')', "`)' behind the file's name") && load_include(p, name, binary, out);
    str_unref(name);
    return ok;
}

static bool parse_word_literal(struct parser *p, value *out) {
    size_t n = peek_word(p);
    if (n == 0) return expected(p, "a value");
    if (n == 1 && *p->p == 'b' && p->p + 1 < p->end && p->p[1] == '"') {
        p->p++;
        return parse_base64(p, out);
    }
    if (n > 2 && ascii_lower((unsigned char)p->p[0]) == 'e' && p->p[1] == '_' && !find_constant(p, p->p, n)) return parse_error_name(p, n, out);
    const char *word = p->p;
    if (p->p + n < p->end && p->p[n] == '!' && (accept_word(p, "include", false) || accept_word(p, "include_bin", false))) return parse_include(p, p->p - word > 7, out);
    if (accept_word(p, "true", false)) return *out = value_int(1), true;
    if (accept_word(p, "false", false)) return *out = value_int(0), true;
    return parse_constant(p, n, out);
}

/* *out is NONE after a refusal. */
static bool parse_literal(struct parser *p, value *out) {
    *out = value_none();
    char c = peek(p);
    switch (c) {
    case '"': {
        struct str *s = parse_string(p);
        if (s) *out = value_str(s);
        return s != NULL;
    }
    case '{': return parse_list(p, out);
    case '#': return parse_object_number(p, out);
    case '\'': return parse_symbol(p, out);
    case '[': return parse_map(p, out);
    case '<': return refuse(p, "a flyweight, and there are none in our language");
    case '?': case '@': return refuse(p, a_lambda);
    default: break;
    }
    if (is_digit(c) || ((c == '-' || c == '.' || c == '+') && p->p + 1 < p->end && (is_digit(p->p[1]) || p->p[1] == '.'))) return parse_number(p, out);
    return parse_word_literal(p, out);
}

/* ---- skipping what is refused ---- */

static bool at_definition(struct parser *p) {
    static const char *const words[] = {"property", "override", "verb", "endobject", "object", "define"};
    size_t n = peek_word(p);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (bytes_compare_fold(p->p, n, words[i], strlen(words[i])) == 0) return true;
    return p->p == p->end;
}

/* To the `;' that ends the statement: one behind which the next definition stands. (A lambda's body may hold others.) */
static bool skip_statement(struct parser *p) {
    while (peek(p)) {
        const char *from = p->p;
        if (*p->p == '"') p->p = skip_string(p->p, p->end);
        else p->p++;
        for (const char *q = from; q < p->p; q++) p->line += *q == '\n';
        if (*from == ';' && at_definition(p)) return true;
    }
    return FAIL(p, "the value that began before has no `;' behind it");
}

/* ---- definitions ---- */

static bool parse_objid(struct parser *p, objid *out) {
    value v;
    if (peek(p) != '#' && peek_word(p) == 0) return expected(p, "an object number or the name of one");
    if (!parse_literal(p, &v)) return false;
    if (p->refused) return FAIL(p, "this is %s", p->refused);
    if (v.type != V_OBJ) {
        value_unref(v);
        return FAIL(p, "an object number was expected here");
    }
    *out = v.u.o;
    return true;
}

static void add_constant(struct parser *p, struct str *name, value v) {
    struct objdef_world *w = p->w;
    w->constants = xrealloc(w->constants, (w->nconstants + 1) * sizeof *w->constants);
    w->constants[w->nconstants] = (struct objdef_constant){v, p->refused};
    objdef_table_add(&w->constant_names, name, w->nconstants++);
}

/* One value, one name: what is written back must choose. */
static bool check_constant(struct parser *p, const struct str *name, value v) {
    if (objdef_table_find(&p->w->constant_names, name) != SIZE_MAX) return FAIL(p, "the constant `%s' is defined twice; drop one of them", name->data);
    if (p->refused) return true;
    struct str *literal = value_to_literal(v);
    bool known = objdef_table_find(&p->w->constant_values, literal) != SIZE_MAX;
    if (known) {
        FAIL(p, "`%s' is a second name for the value %.60s; keep one", name->data, literal->data);
        str_unref(literal);
        return false;
    }
    objdef_table_add(&p->w->constant_values, literal, p->w->nconstants);
    return true;
}

static bool parse_define(struct parser *p) {
    p->refused = NULL;
    struct str *name = parse_name(p, "the constant's name");
    if (!name) return false;
    struct objdef_place at = here(p);
    value v = value_none();
    bool ok = expect_char(p, '=', "`=' behind the constant's name") && parse_literal(p, &v);
    if (ok && p->refused) ok = objdef_note(p->w, at, "constant %s is %s: refused", name->data, p->refused) && skip_statement(p);
    else if (ok) accept_char(p, ';');
    ok = ok && check_constant(p, name, v);
    if (ok) {
        add_constant(p, name, v);
        return true;
    }
    value_unref(v);
    str_unref(name);
    return false;
}

/* The letters of a flags string as bits: letters[i] is bit 1 << i. */
static bool parse_letters(struct parser *p, const char *letters, unsigned *out) {
    if (peek(p) != '"') return expected(p, "letters in quotes");
    struct str *s = parse_string(p);
    if (!s) return false;
    *out = 0;
    bool ok = true;
    for (const char *c = s->data; ok && *c; c++) {
        const char *at = strchr(letters, *c);
        if (at) *out |= 1u << (at - letters);
        else ok = FAIL(p, "the flags \"%.20s\" hold a letter that is not one of %s", s->data, letters);
    }
    str_unref(s);
    return ok;
}

static bool expect_label(struct parser *p, const char *word, const char *what) {
    return (accept_word(p, word, false) && accept_char(p, ':')) || expected(p, what);
}

/* ( owner: X, flags: "rwc" ) */
static bool parse_info(struct parser *p, struct objdef_prop *prop) {
    prop->has_info = true;
    p->p++;
    return expect_label(p, "owner", "`owner:'") && parse_objid(p, &prop->owner) && expect_char(p, ',', "`,' behind the owner")
        && expect_label(p, "flags", "`flags:'") && parse_letters(p, "rwc", &prop->flags) && expect_char(p, ')', "`)' behind the flags");
}

static bool parse_property_value(struct parser *p, struct objdef_prop *prop) {
    if (accept_char(p, ';')) return true;
    if (!expect_char(p, '=', "`=' and a value, or `;'")) return false;
    if (!parse_literal(p, &prop->v)) return false;
    if (p->refused) {
        value_unref(prop->v);
        prop->v = value_none();
        return objdef_note(p->w, prop->at, "property `%s' is %s: left clear", prop->name->data, p->refused) && skip_statement(p);
    }
    return expect_char(p, ';', "`;' behind the value");
}

static bool parse_property(struct parser *p, struct objdef_object *o, bool is_override) {
    struct objdef_prop prop = {.at = here(p), .v = value_none(), .is_override = is_override};
    p->refused = NULL;
    prop.name = parse_name(p, "the property's name");
    if (!prop.name) return false;
    o->props = xrealloc(o->props, (o->nprops + 1) * sizeof *o->props);
    struct objdef_prop *kept = &o->props[o->nprops++];
    *kept = prop;
    if (peek(p) == '(') {
        if (!parse_info(p, kept)) return false;
    } else if (!is_override) {
        return expected(p, "`(owner: ..., flags: ...)' of a property");
    }
    return parse_property_value(p, kept);
}

static bool parse_arg_spec(struct parser *p, enum verb_arg *out) {
    static const struct { const char *word; enum verb_arg arg; } specs[] = {{"this", VA_THIS}, {"none", VA_NONE}, {"any", VA_ANY}};
    for (size_t i = 0; i < 3; i++)
        if (accept_word(p, specs[i].word, false)) return *out = specs[i].arg, true;
    return expected(p, "`this', `none' or `any'");
}

/* One word; what has several of them is written with hyphens. */
static bool parse_prep(struct parser *p, int *out) {
    skip(p);
    char text[40];
    size_t n = 0;
    while (p->p + n < p->end && n + 1 < sizeof text && (is_word(p->p[n]) || p->p[n] == '-' || p->p[n] == '/')) {
        text[n] = p->p[n] == '-' ? ' ' : p->p[n];
        n++;
    }
    text[n] = '\0';
    if (n == 0) return expected(p, "a preposition, `none' or `any'");
    p->p += n;
    if (strcmp(text, "from") == 0) strcpy(text, "out of");
    if (strcmp(text, "named") == 0) {
        *out = PREP_ANY;
        return objdef_note(p->w, here(p), "the preposition `named' is not one of ours: taken as `any'");
    }
    return prep_from_descriptor(text, out) || FAIL(p, "`%s' is not a preposition", text);
}

static bool parse_verb_code(struct parser *p, struct objdef_verb *v) {
    const char *start = p->p, *endverb = objdef_find_endverb(start, p->end);
    if (!endverb) return objdef_fail(p->w, v->at, "verb \"%s\" has no `endverb'; add one at its end", v->names->data);
    const char *first = start;
    while (first < endverb && (*first == ' ' || *first == '\t' || *first == '\r')) first++;
    if (first < endverb && *first == '\n') start = first + 1;
    v->code_at = (struct objdef_place){p->file->path, p->line + (start > p->p)};
    v->text = xmalloc((size_t)(endverb - start) + 1);
    v->len = (size_t)(endverb - start);
    memcpy(v->text, start, v->len);
    v->text[v->len] = '\0';
    for (const char *q = p->p; q < endverb; q++) p->line += *q == '\n';
    p->p = endverb + strlen("endverb");
    return true;
}

static bool parse_verb(struct parser *p, struct objdef_object *o) {
    struct objdef_verb verb = {.at = here(p)};
    verb.names = parse_name(p, "the verb's names");
    if (!verb.names) return false;
    o->verbs = xrealloc(o->verbs, (o->nverbs + 1) * sizeof *o->verbs);
    struct objdef_verb *v = &o->verbs[o->nverbs++];
    *v = verb;
    if (strspn(v->names->data, " ") == v->names->len) return objdef_fail(p->w, v->at, "a verb needs a name");
    return expect_char(p, '(', "`(' and the verb's arguments") && parse_arg_spec(p, &v->dobj) && parse_prep(p, &v->prep) && parse_arg_spec(p, &v->iobj)
        && expect_char(p, ')', "`)' behind the arguments") && expect_label(p, "owner", "`owner:'") && parse_objid(p, &v->owner)
        && expect_label(p, "flags", "`flags:'") && parse_letters(p, "rwxdp", &v->flags) && parse_verb_code(p, v);
}

/* ---- attributes ---- */

static bool parse_flag(struct parser *p, struct objdef_object *o, enum object_flag flag) {
    if (accept_word(p, "true", false)) o->flags |= (unsigned)flag;
    else if (accept_word(p, "false", false)) o->flags &= ~(unsigned)flag;
    else return expected(p, "`true' or `false'");
    return true;
}

static bool parse_object_name(struct parser *p, struct objdef_object *o) {
    value v;
    if (!parse_literal(p, &v)) return false;
    if (v.type != V_STR) {
        value_unref(v);
        return FAIL(p, "an object's name is a string");
    }
    str_unref(o->name);
    o->name = v.u.s;
    return true;
}

/* parents: {A, B}: our own extension; more than one are for a later version. */
static bool parse_parents(struct parser *p, struct objdef_object *o) {
    value v;
    if (!parse_literal(p, &v)) return false;
    bool ok = v.type == V_LIST && v.u.l->len <= 1 && (v.u.l->len == 0 || v.u.l->items[0].type == V_OBJ);
    if (ok && v.u.l->len == 1) o->parent = v.u.l->items[0].u.o;
    value_unref(v);
    return ok || FAIL(p, "an object can have one parent here; write `parent:' and one object");
}

static bool parse_attribute(struct parser *p, struct objdef_object *o, bool *found) {
    static const struct { const char *word; enum object_flag flag; } flags[] = {
        {"player", OF_PLAYER}, {"wizard", OF_WIZARD}, {"programmer", OF_PROGRAMMER}, {"fertile", OF_FERTILE}, {"readable", OF_READ}, {"writeable", OF_WRITE}};
    const char *word = p->p;
    size_t n = peek_word(p);
    word = p->p;
    const char *colon = objdef_skip_blank(p->p + n, p->end, NULL);
    *found = n > 0 && colon < p->end && *colon == ':';
    if (!*found) return true;
    p->refused = NULL;
    struct objdef_place at = here(p);
    p->p += n;
    accept_char(p, ':');
#define IS(w) (n == strlen(w) && memcmp(word, w, n) == 0)
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (IS(flags[i].word)) return parse_flag(p, o, flags[i].flag);
    if (IS("name")) return parse_object_name(p, o);
    if (IS("owner")) return parse_objid(p, &o->owner);
    if (IS("parents")) return o->parent_at = at, parse_parents(p, o);
    if (IS("parent")) return o->parent_at = at, parse_objid(p, &o->parent);
    if (IS("location")) return o->location_at = at, parse_objid(p, &o->location);
#undef IS
    return objdef_fail(p->w, at, "`%.*s:' is not an attribute; there are name, parent, owner, location, player, wizard, programmer, fertile, readable and writeable",
                       (int)(n > 40 ? 40 : n), word);
}

/* ---- objects ---- */

static struct objdef_object *add_object(struct parser *p, objid id) {
    struct objdef_world *w = p->w;
    if (w->nobjects % 64 == 0) w->objects = xrealloc(w->objects, (w->nobjects + 64) * sizeof *w->objects);
    struct objdef_object *o = &w->objects[w->nobjects++];
    *o = (struct objdef_object){.at = here(p), .parent_at = here(p), .location_at = here(p), .id = id, .parent = NOTHING, .owner = NOTHING, .location = NOTHING, .name = str_empty()};
    objdef_table_add(&w->numbers, str_printf("#%lld", (long long)id), w->nobjects - 1);
    return o;
}

static bool check_number(struct parser *p, objid id) {
    if (id < 0 || id > MAX_NUMBER) return FAIL(p, "#%lld cannot be an object's number; use 0 to %d", (long long)id, MAX_NUMBER);
    struct str *key = str_printf("#%lld", (long long)id);
    size_t i = objdef_table_find(&p->w->numbers, key);
    str_unref(key);
    if (i == SIZE_MAX) return true;
    const struct objdef_place *at = &p->w->objects[i].at;
    return FAIL(p, "object #%lld is defined already at %s:%d; renumber one of them", (long long)id, at->path, at->line);
}

static bool parse_members(struct parser *p, struct objdef_object *o) {
    for (;;) {
        if (accept_word(p, "endobject", true)) return true;
        if (accept_word(p, "property", false)) {
            if (!parse_property(p, o, false)) return false;
        } else if (accept_word(p, "override", false)) {
            if (!parse_property(p, o, true)) return false;
        } else if (accept_word(p, "verb", true)) {
            if (!parse_verb(p, o)) return false;
        } else {
            return expected(p, "`property', `override', `verb' or `endobject'");
        }
    }
}

/* An object that we cannot have: its attributes and members are read for their form, then forgotten. */
static bool skip_object(struct parser *p, const char *why) {
    struct objdef_world *w = p->w;
    if (!objdef_note(w, here(p), "this object is %s: left out", why)) return false;
    const char *q = p->p;
    while ((q = memchr(q, '\n', (size_t)(p->end - q)))) {
        q++;
        p->line++;
        const char *word = q;
        while (word < p->end && (*word == ' ' || *word == '\t')) word++;
        if ((size_t)(p->end - word) < 9 || bytes_compare_fold(word, 9, "endobject", 9) != 0) continue;
        p->p = word + 9;
        return true;
    }
    return FAIL(p, "an object has no `endobject'");
}

static bool parse_object(struct parser *p) {
    value v;
    p->refused = NULL;
    if (peek(p) == '#') {
        if (!parse_object_number(p, &v)) return false;
        if (p->refused) return skip_object(p, p->refused);
    } else if (!parse_objid(p, &v.u.o)) {
        return false;
    }
    if (!check_number(p, v.u.o)) return false;
    struct objdef_object *o = add_object(p, v.u.o);
    bool found, any = false;
    do {
        if (!parse_attribute(p, o, &found)) return false;
        any |= found;
    } while (found);
    return any ? parse_members(p, o) : expected(p, "an attribute such as `name:' or `parent:'");
}

static bool check_text(struct parser *p) {
    const char *start = p->p;
    if (utf8_valid(p->p, (size_t)(p->end - p->p))) {
        if (p->end - p->p >= 3 && memcmp(p->p, "\xEF\xBB\xBF", 3) == 0) p->p += 3;
        return true;
    }
    const char *lf;
    while ((lf = memchr(start, '\n', (size_t)(p->end - start))) && utf8_valid(start, (size_t)(lf - start))) {
        start = lf + 1;
        p->line++;
    }
    return FAIL(p, "this line is not UTF-8 text; convert the file");
}

bool objdef_parse_file(struct objdef_world *w, const struct objdef_file *file) {
    struct parser parser = {.w = w, .file = file, .p = file->text, .end = file->text + file->len, .line = 1}, *p = &parser;
    if (!check_text(p)) return false;
    while (peek(p)) {
        if (accept_word(p, "define", false)) {
            if (!parse_define(p)) return false;
        } else if (accept_word(p, "object", true)) {
            if (!parse_object(p)) return false;
        } else {
            return expected(p, "`define' or `object'");
        }
    }
    return true;
}
