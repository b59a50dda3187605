/* SPDX-License-Identifier: MIT */
/* Types and conversion. Numbers in strings are decimal: what strtod() knows beyond that (inf, nan, hex) is text. */
#include "builtins/support.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *skip_blanks(const char *p) {
    while (is_blank(*p)) p++;
    return p;
}

static const char *skip_digits(const char *p) {
    while (is_digit(*p)) p++;
    return p;
}

/* Behind an optional sign and digits, or NULL. */
static const char *scan_integer(const char *p) {
    if (*p == '-' || *p == '+') p++;
    return is_digit(*p) ? skip_digits(p) : NULL;
}

/* Behind unsigned float text ("1", "1.5", ".5", "5.", "1e-3"), or NULL. */
static const char *scan_float(const char *p) {
    const char *q = skip_digits(p);
    bool digits = q > p;
    if (*q == '.') {
        const char *fraction = skip_digits(q + 1);
        digits = digits || fraction > q + 1;
        q = fraction;
    }
    if (!digits) return NULL;
    if (*q == 'e' || *q == 'E') q = scan_integer(q + 1);
    return q;
}

static bool ends_here(const char *p) { return p && *skip_blanks(p) == 0; }

/* A float without its fraction; false outside the integers. */
static bool truncate_float(double f, int64_t *out) {
    if (!(f >= -9223372036854775808.0 && f < 9223372036854775808.0)) return false;
    *out = (int64_t)f;
    return true;
}

/* 0 when the text is no number; the nearest integer when it is too large for one. */
static int64_t string_to_int(const char *text) {
    const char *p = skip_blanks(text);
    if (ends_here(scan_integer(p))) return strtoll(p, NULL, 10);
    bool sign = *p == '-' || *p == '+';
    if (!ends_here(scan_float(p + sign))) return 0;
    double f = strtod(p, NULL);
    int64_t i;
    return truncate_float(f, &i) ? i : f < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t string_to_obj(const char *text) {
    const char *p = skip_blanks(text);
    if (*p == '#') p++;
    return ends_here(scan_integer(p)) ? strtoll(p, NULL, 10) : 0;
}

static bool string_to_float(const char *text, double *out) {
    const char *p = skip_blanks(text);
    bool negative = *p == '-';
    if (negative || *p == '+') p = skip_blanks(p + 1);
    if (!ends_here(scan_float(p))) return false;
    double f = strtod(p, NULL);
    if (!isfinite(f)) return false;
    *out = negative ? -f : f;
    return true;
}

struct result bf_typeof(struct builtin_call *c) { return result_int(c->args[0].type); }

/* What toint() and toobj() share: everything but strings. */
static enum error plain_to_int(value v, int64_t *out) {
    switch ((enum value_type)v.type) {
    case V_INT:
    case V_BOOL: *out = v.u.i; return E_NONE;
    case V_OBJ: *out = v.u.o; return E_NONE;
    case V_ERR: *out = v.u.e; return E_NONE;
    case V_FLOAT: return truncate_float(v.u.f, out) ? E_NONE : E_FLOAT;
    case V_STR:
    case V_LIST:
    case V_MAP:
    case V_ANON:
    case V_WAIF:
    case V_CLEAR:
    case V_NONE:
    case V_CATCH:
    case V_FINALLY:
    case V_ITER: return E_TYPE;
    }
    return E_TYPE;
}

enum { SCAN_NS = 3, COPY_NS = 2 }; /* a byte, at most */

static bool can_scan(struct builtin_call *c) { return c->args[0].type != V_STR || vm_can_afford(c->vm, (uint64_t)c->args[0].u.s->len * SCAN_NS); }

struct result bf_toint(struct builtin_call *c) {
    value v = c->args[0];
    if (!can_scan(c)) return support_gave_up(c);
    if (v.type == V_STR) return result_int(string_to_int(v.u.s->data));
    int64_t i = 0;
    enum error e = plain_to_int(v, &i);
    return e == E_NONE ? result_int(i) : result_raise(e);
}

struct result bf_toobj(struct builtin_call *c) {
    value v = c->args[0];
    if (!can_scan(c)) return support_gave_up(c);
    if (v.type == V_STR) return result_obj(string_to_obj(v.u.s->data));
    int64_t i = 0;
    enum error e = plain_to_int(v, &i);
    return e == E_NONE ? result_obj(i) : result_raise(e);
}

struct result bf_tofloat(struct builtin_call *c) {
    value v = c->args[0];
    double f = 0;
    if (!can_scan(c)) return support_gave_up(c);
    if (v.type == V_FLOAT) return result_value(v);
    if (v.type == V_STR) return string_to_float(v.u.s->data, &f) ? result_value(value_float(f)) : result_raise(E_INVARG);
    int64_t i = 0;
    enum error e = v.type == V_BOOL ? E_TYPE : plain_to_int(v, &i);
    return e == E_NONE ? result_value(value_float((double)i)) : result_raise(e);
}

struct result bf_tostr(struct builtin_call *c) {
    if (c->nargs == 1 && c->args[0].type == V_STR) return result_value(value_ref(c->args[0]));
    struct buf out = BUF_INIT;
    for (int i = 0; i < c->nargs; i++) {
        value v = c->args[i];
        if (v.type == V_STR && !(support_string_fits(c, out.len + v.u.s->len) && vm_can_afford(c->vm, (uint64_t)v.u.s->len * COPY_NS))) {
            buf_fini(&out);
            return support_size_error(c);
        }
        value_print(&out, v);
        if (i % PATIENCE_STEPS == PATIENCE_STEPS - 1 && vm_deadline_passed(c->vm)) break;
    }
    if (support_string_fits(c, out.len) && !vm_deadline_passed(c->vm)) return support_buf_result(c, &out);
    buf_fini(&out);
    return support_size_error(c);
}

struct result bf_toliteral(struct builtin_call *c) {
    struct buf out = BUF_INIT;
    struct patience patience = vm_patience(c->vm);
    if (value_print_literal_up_to(&out, c->args[0], support_string_limit(c), &patience)) return support_buf_result(c, &out);
    buf_fini(&out);
    return support_size_error(c);
}

struct result bf_equal(struct builtin_call *c) {
    struct patience patience = vm_patience(c->vm);
    int rc = value_equal_while(c->args[0], c->args[1], true, &patience);
    return rc < 0 ? support_gave_up(c) : result_int(rc);
}

struct result bf_value_bytes(struct builtin_call *c) { return result_int(value_bytes(c->args[0])); }
