/* SPDX-License-Identifier: MIT */
/*
 * The built-in functions as the machine wants them: builtins.def as an array. Ids are indexes and the same in both dialects; what differs is the number and the
 * types of arguments. A row without a body does not link; a body without a row has no prototype and does not compile.
 */
#ifndef BUILTINS_REGISTRY_H
#define BUILTINS_REGISTRY_H

#include "base/dialect.h"
#include "lang/builtin.h"
#include "lang/threaded.h"

#define BUILTIN(name, ...) struct result bf_##name(struct builtin_call *c);
#define BUILTIN2(name, ...) struct result bf_##name(struct builtin_call *c);
#define CALLING2(name, ...)                       \
    struct result bf_##name(struct builtin_call *c); \
    bool bf_##name##_may_wait(const struct machine *m, int step, value state);
#define THREADED(name, ...)                                                                              \
    struct result bf_##name(struct builtin_call *c);                                                     \
    void bf_##name##_request(const struct machine *m, const value *args, int nargs, struct buf *out);    \
    void bf_##name##_work(const void *request, size_t len, struct buf *answer);
#define ALIAS(name, body, ...)
#include "builtins/builtins.def"
#undef BUILTIN
#undef BUILTIN2
#undef CALLING2
#undef THREADED
#undef ALIAS

/* The array for a dialect, static storage; *n its length. */
const struct builtin *builtins_for_dialect(const struct dialect *d, int *n);

#endif
