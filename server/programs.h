/* SPDX-License-Identifier: MIT */
/* What text dumps ask of the language: does a program parse, which functions of it are unknown here, how is it listed. */
#ifndef SERVER_PROGRAMS_H
#define SERVER_PROGRAMS_H

#include "base/buf.h"
#include "db/code.h"
#include "lang/machine.h"

struct unknown_function {
    char *name;
    int64_t calls;
};

struct programs {
    struct machine machine; /* for its functions; runs nothing */
    struct unknown_function *unknown; /* in order of name */
    size_t nunknown;
};

void programs_init(struct programs *p);
void programs_fini(struct programs *p);
/* As struct import_options wants it; ctx: struct programs. Counts unknown functions. */
bool programs_try_parse(void *ctx, const char *text, size_t len, int version, struct buf *why);
/* As struct export_options wants it. */
bool programs_list(void *ctx, struct code *code, struct buf *out);

#endif
