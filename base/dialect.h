/* SPDX-License-Identifier: MIT */
/* Where the two ancestors disagree a world follows one of them. dialect.def is the one table; nothing else asks which dialect it is. */
#ifndef BASE_DIALECT_H
#define BASE_DIALECT_H

#include <stdbool.h>

struct dialect {
    const char *name; /* "lambda" or "toast" */
#define DIALECT(field, lambda, toast, doc) bool field;
#include "base/dialect.def"
#undef DIALECT
};

const struct dialect *dialect_by_name(const char *name); /* NULL if unknown; static storage */

#endif
