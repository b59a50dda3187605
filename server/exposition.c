/* SPDX-License-Identifier: MIT */
#include "server/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void exposition_family(struct exposition *e, const char *name, enum exposition_type type, const char *help) {
    static const char *const types[] = {[EXPOSITION_COUNTER] = "counter", [EXPOSITION_GAUGE] = "gauge", [EXPOSITION_HISTOGRAM] = "histogram"};
    e->family = name;
    buf_printf(e->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

static void add_label(struct buf *out, const struct exposition_label *l) {
    buf_printf(out, "%s=\"", l->name);
    for (const char *p = l->value; *p; p++) {
        if (*p == '\n') buf_add_c(out, "\\n");
        else if (*p == '\\' || *p == '"') buf_byte(out, '\\'), buf_byte(out, *p);
        else buf_byte(out, *p);
    }
    buf_byte(out, '"');
}

static void add_labels(struct buf *out, const struct exposition_label *labels) {
    char before = '{';
    for (; labels && labels->name; labels++) {
        if (!labels->value) continue;
        buf_byte(out, before);
        add_label(out, labels);
        before = ',';
    }
    if (before == ',') buf_byte(out, '}');
}

/* The shortest text that reads as the same number. */
static void add_number(struct buf *out, double value) {
    char text[40];
    if (isnan(value)) buf_add_c(out, "NaN");
    else if (isinf(value)) buf_add_c(out, value > 0 ? "+Inf" : "-Inf");
    else {
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value) break;
        }
        buf_add_c(out, text);
    }
}

static void add_sample(struct exposition *e, const char *suffix, const struct exposition_label *labels, double value) {
    buf_printf(e->out, "%s%s", e->family, suffix);
    add_labels(e->out, labels);
    buf_byte(e->out, ' ');
    add_number(e->out, value);
    buf_byte(e->out, '\n');
}

void exposition_sample(struct exposition *e, const struct exposition_label *labels, double value) { add_sample(e, "", labels, value); }

void exposition_single(struct exposition *e, const char *name, enum exposition_type type, const char *help, double value) {
    exposition_family(e, name, type, help);
    exposition_sample(e, NULL, value);
}

void exposition_histogram(struct exposition *e, const double *bounds, const uint64_t *cumulative, size_t n, uint64_t count, double sum) {
    for (size_t i = 0; i <= n; i++) {
        struct buf bound = BUF_INIT;
        add_number(&bound, i < n ? bounds[i] : INFINITY);
        add_sample(e, "_bucket", (const struct exposition_label[]){{"le", buf_c(&bound)}, {NULL, NULL}}, (double)(i < n ? cumulative[i] : count));
        buf_fini(&bound);
    }
    add_sample(e, "_sum", NULL, sum);
    add_sample(e, "_count", NULL, (double)count);
}
