/* SPDX-License-Identifier: MIT */
/*
 * Our own faults, and memory. must() is on in release: it prints file, line and condition, then what the hook adds (the MOO traceback of
 * the running task), and aborts. Allocation never returns NULL: running out of memory is a fault of this kind. Sizes that a MOO program
 * chooses are checked against limits before memory is taken.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stddef.h>

#define must(cond) ((cond) ? (void)0 : must_fail(__FILE__, __LINE__, #cond))
_Noreturn void must_fail(const char *file, int line, const char *what);
void must_set_hook(void (*hook)(void)); /* called once before abort(); may print to stderr */

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
