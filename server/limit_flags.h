/* SPDX-License-Identifier: MIT */
/* Flags of `serve' for the options of scheduler/options.def that have one: what holds where the world says nothing. */
#ifndef SERVER_LIMIT_FLAGS_H
#define SERVER_LIMIT_FLAGS_H

#include <argp.h>

#include "scheduler/options.h"

struct limit_flags { /* zero it to begin with */
    int64_t n[OPT_COUNT];
    bool given[OPT_COUNT];
};

/* A parser for them, whose input is a struct limit_flags. It lives in `room'. */
struct limit_parser {
    struct argp argp;
    struct argp_option options[OPT_COUNT + 1];
    char names[OPT_COUNT][32];
};
void limit_parser_init(struct limit_parser *room);

void limit_flags_apply(const struct limit_flags *f, struct scheduler *s);

#endif
