/* SPDX-License-Identifier: MIT */
/* Numbers. An infinity or NaN never leaves a function: it is E_FLOAT, or E_INVARG where the argument was outside the function's domain. */
#include "builtins/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The extreme argument, all of the first one's type; sign 1 for the largest, -1 for the smallest. */
static struct result extreme(struct builtin_call *c, int sign) {
    value best = c->args[0];
    for (int i = 1; i < c->nargs; i++) {
        if (c->args[i].type != best.type) return result_raise(E_TYPE);
        if (value_compare(c->args[i], best) * sign > 0) best = c->args[i];
        if (i % PATIENCE_STEPS == 0 && vm_deadline_passed(c->vm)) return support_gave_up(c);
    }
    return result_value(best);
}

struct result bf_min(struct builtin_call *c) { return extreme(c, -1); }
struct result bf_max(struct builtin_call *c) { return extreme(c, 1); }

struct result bf_abs(struct builtin_call *c) {
    value v = c->args[0];
    if (v.type == V_FLOAT) return result_value(value_float(fabs(v.u.f)));
    return result_int(v.u.i < 0 ? (int64_t)(0 - (uint64_t)v.u.i) : v.u.i); /* the smallest integer stays itself */
}

/* Uniform in 0..span, without the bias of a plain remainder. */
static uint64_t random_up_to(uint64_t span) {
    uint64_t r;
    arc4random_buf(&r, sizeof r);
    if (span == UINT64_MAX) return r;
    uint64_t n = span + 1, fair = UINT64_MAX - UINT64_MAX % n;
    while (r >= fair) arc4random_buf(&r, sizeof r);
    return r % n;
}

struct result bf_random(struct builtin_call *c) {
    int64_t low = c->nargs == 2 ? c->args[0].u.i : 1;
    int64_t high = c->nargs ? c->args[c->nargs - 1].u.i : INT64_MAX;
    if (high < low) return result_raise(E_INVARG);
    return result_int((int64_t)((uint64_t)low + random_up_to((uint64_t)high - (uint64_t)low)));
}

struct result bf_floatstr(struct builtin_call *c) {
    int64_t most = c->m->dialect->long_floatstr ? 21 : 19, precision = c->args[1].u.i;
    if (precision < 0) return result_raise(E_INVARG);
    char text[400]; /* the largest double has 309 digits before the point */
    snprintf(text, sizeof text, flag_arg(c, 2) ? "%.*e" : "%.*f", (int)(precision < most ? precision : most), c->args[0].u.f);
    return result_str(str_from(text));
}

/* NaN: outside the domain. Infinite: overflow or a pole. */
static struct result float_result(double f) {
    if (isnan(f)) return result_raise(E_INVARG);
    return isinf(f) ? result_raise(E_FLOAT) : result_value(value_float(f));
}

#define FLOAT_FUNCTION(name) \
    struct result bf_##name(struct builtin_call *c) { return float_result(name(c->args[0].u.f)); }
FLOAT_FUNCTION(sqrt)
FLOAT_FUNCTION(sin)
FLOAT_FUNCTION(cos)
FLOAT_FUNCTION(tan)
FLOAT_FUNCTION(asin)
FLOAT_FUNCTION(acos)
FLOAT_FUNCTION(sinh)
FLOAT_FUNCTION(cosh)
FLOAT_FUNCTION(tanh)
FLOAT_FUNCTION(exp)
FLOAT_FUNCTION(log)
FLOAT_FUNCTION(log10)
FLOAT_FUNCTION(ceil)
FLOAT_FUNCTION(floor)
FLOAT_FUNCTION(trunc)

struct result bf_atan(struct builtin_call *c) {
    double y = c->args[0].u.f;
    return float_result(c->nargs == 2 ? atan2(y, c->args[1].u.f) : atan(y));
}
