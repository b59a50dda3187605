/* SPDX-License-Identifier: MIT */
#include "base/dialect.h"

#include <stddef.h>
#include <string.h>

static const struct dialect lambda_dialect = {
    .name = "lambda",
#define DIALECT(field, lambda, toast, doc) .field = (lambda),
#include "base/dialect.def"
#undef DIALECT
};

static const struct dialect toast_dialect = {
    .name = "toast",
#define DIALECT(field, lambda, toast, doc) .field = (toast),
#include "base/dialect.def"
#undef DIALECT
};

const struct dialect *dialect_by_name(const char *name) {
    if (name && !strcmp(name, lambda_dialect.name)) return &lambda_dialect;
    if (name && !strcmp(name, toast_dialect.name)) return &toast_dialect;
    return NULL;
}
