/* SPDX-License-Identifier: MIT */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*must_hook)(void);

void must_set_hook(void (*hook)(void)) { must_hook = hook; }

_Noreturn void must_fail(const char *file, int line, const char *what) {
    fprintf(stderr, "*** evermoo: %s:%d: this must hold: %s\n", file, line, what);
    void (*hook)(void) = must_hook;
    must_hook = NULL; /* a fault inside the hook must not come back here */
    if (hook) hook();
    fflush(stderr);
    abort();
}

static void *checked(void *p) {
    if (!p) must_fail(__FILE__, __LINE__, "memory is left");
    return p;
}

void *xmalloc(size_t n) { return checked(malloc(n ? n : 1)); }
void *xcalloc(size_t n, size_t size) { return checked(calloc(n ? n : 1, size ? size : 1)); }
void *xrealloc(void *p, size_t n) { return checked(realloc(p, n ? n : 1)); }
char *xstrdup(const char *s) { return checked(strdup(s)); }
