/* SPDX-License-Identifier: MIT */
/*
 * What the tests of built-in functions share: a small world in memory and MOO programs run in it.
 *
 * Objects: #0 the system, #1 the root (fertile), #2 a wizard, #3 a programmer, #4 the programmer's own, #5 a wizard's that is open to nobody, #6 like #5 but writable, readable
 * and fertile. Nothing has a location.
 */
#ifndef TESTS_BI_HELP_H
#define TESTS_BI_HELP_H

#include <criterion/criterion.h>

#include "builtins/registry.h"
#include "lang/machine.h"

enum { SYSTEM, ROOT, WIZARD, PROGRAMMER, OWN, CLOSED, OPEN };

struct bi_world {
    struct machine m;
    struct db *db;
    objid programmer; /* whose permissions programs have */
};

void bi_open(struct bi_world *w, const char *dialect);
void bi_close(struct bi_world *w);
/* The value of an expression as a literal, or the name of the error it raised. A static buffer. */
const char *bi_eval(struct bi_world *w, const char *expression);
/* The same for statements. */
const char *bi_run(struct bi_world *w, const char *program);

struct bi_case {
    const char *expression, *expect;
};
/* Evaluates each in turn, as WIZARD or PROGRAMMER, in one world; all that differ are printed. */
void bi_check(struct bi_world *w, objid programmer, const struct bi_case *cases, size_t n);
#define BI_CHECK(w, programmer, cases) bi_check(w, programmer, cases, sizeof(cases) / sizeof((cases)[0]))

#endif
