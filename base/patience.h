/* SPDX-License-Identifier: MIT */
/* Work that can take long asks now and then, about once a millisecond or oftener, whether it is still wanted, and gives up when it is not. NULL: it is. */
#ifndef BASE_PATIENCE_H
#define BASE_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>

struct patience {
    bool (*is_over)(const void *ctx);
    const void *ctx;
};

enum { PATIENCE_STEPS = 1 << 12, PATIENCE_BYTES = 1 << 18 }; /* of work between two questions: elements or the like; bytes of text */

static inline bool patience_is_over(const struct patience *p) { return p && p->is_over(p->ctx); }

#endif
