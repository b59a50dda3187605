/* SPDX-License-Identifier: MIT */
/*
 * The text format of Prometheus, version 0.0.4. A family (its HELP and TYPE) comes first, then its samples; each name once in a text.
 *
 * Names and help are ours and as the format wants them; values of labels may be any UTF-8, and are escaped.
 */
#ifndef SERVER_EXPOSITION_H
#define SERVER_EXPOSITION_H

#include "base/buf.h"

struct exposition {
    struct buf *out;
    const char *family; /* whose samples are written */
};

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE, EXPOSITION_HISTOGRAM };
struct exposition_label {
    const char *name, *value; /* value NULL: left out */
};

void exposition_family(struct exposition *e, const char *name, enum exposition_type type, const char *help);
/* labels: up to a name of NULL; NULL: none. */
void exposition_sample(struct exposition *e, const struct exposition_label *labels, double value);
/* A family of one sample without labels. */
void exposition_single(struct exposition *e, const char *name, enum exposition_type type, const char *help, double value);
/* A histogram: for each bucket, how many were not above its bound (cumulative), then all and their sum. */
void exposition_histogram(struct exposition *e, const double *bounds, const uint64_t *cumulative, size_t n, uint64_t count, double sum);

#endif
