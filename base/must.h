/* SPDX-License-Identifier: MIT */
/*
 * Our own faults, and memory. must() is on in release: it prints file, line and condition, then what the hook adds (the MOO traceback of
 * the running task), and aborts. Sizes that a MOO program chooses are checked against limits before memory is taken.
 *
 * Allocation never returns NULL. When the system refuses memory, a reserve is given back, then what the allocator holds unused, and the request is made again a few times over
 * two seconds; only then the process ends, as by must(). Whoever runs a loop asks memory_was_short() in each turn: then is the time to give back what can be done without.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define must(cond) ((cond) ? (void)0 : must_fail(__FILE__, __LINE__, #cond))
_Noreturn void must_fail(const char *file, int line, const char *what);
void must_set_hook(void (*hook)(void)); /* called once before abort(); may print to stderr */

/* From any thread. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
void *xpages(size_t n); /* zeroed, of the system; for munmap() */

pthread_t thread_start(void *(*run)(void *ctx), void *ctx); /* for which memory is found likewise; signals stay with the others. It has a stack for handlers of its own faults */
int thread_try(void *(*run)(void *ctx), void *ctx, pthread_t *thread); /* the same for who can do without: 0, or errno */

void memory_for_libraries(void); /* those that cannot do without ask likewise; before their first use */
void memory_keep_reserve(void); /* a few megabytes of address space, for a time when there are none */
bool memory_was_short(void); /* since the last call: the system refused memory, and it was found all the same. Keeps a reserve again */

#endif
