/* SPDX-License-Identifier: MIT */
/* Functions whose bodies have not landed yet. Weak, so that a body elsewhere takes over; this file goes when the last is there. */
#include "builtins/registry.h"

#define PENDING(name) \
    __attribute__((weak)) struct result bf_##name(struct builtin_call *c) { \
        (void)c; \
        return result_raise(E_VERBNF); \
    }
PENDING(match)
PENDING(rmatch)
PENDING(substitute)
