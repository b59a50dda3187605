/* SPDX-License-Identifier: MIT */
#include "base/must.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

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

/* ---- memory ---- */

enum { RESERVE_BYTES = 4 << 20, ATTEMPTS = 20, WAIT_MS = 100, HANDLER_STACK_BYTES = 1 << 18 };

static _Atomic(void *) reserve;
static atomic_bool was_short;

void memory_keep_reserve(void) {
    if (reserve) return;
    void *none = NULL, *p = malloc(RESERVE_BYTES); /* never touched, so it takes no memory while there is enough */
    if (p && !atomic_compare_exchange_strong(&reserve, &none, p)) free(p);
}

bool memory_was_short(void) {
    if (!was_short || !atomic_exchange(&was_short, false)) return false;
    memory_keep_reserve();
    return true;
}

/* Nothing but the allocator's own may be given back here: the caller is in the middle of something. */
static void find_memory(int attempt) {
    was_short = true;
    free(atomic_exchange(&reserve, NULL));
    malloc_trim(0);
    if (attempt) nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL); /* another thread may give some back, or another process */
}

static _Noreturn void no_memory(size_t n) {
    fprintf(stderr, "*** evermoo: the system has no %zu bytes of memory left\n", n);
    must_fail(__FILE__, __LINE__, "memory is left");
}

/* malloc, calloc or realloc has returned NULL. What realloc was given is still there. */
static void *try_again(void *old, size_t n, bool zeroed) {
    for (int i = 0; i < ATTEMPTS; i++) {
        find_memory(i);
        void *p = zeroed ? calloc(1, n) : realloc(old, n);
        if (p) return p;
    }
    no_memory(n);
}

void *xpages(size_t n) {
    for (int i = 0; i <= ATTEMPTS; i++) {
        void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED) return p;
        find_memory(i);
    }
    no_memory(n);
}

void *xmalloc(size_t n) {
    void *p = malloc(n ? n : 1);
    return __builtin_expect(p != NULL, 1) ? p : try_again(NULL, n ? n : 1, false);
}

void *xcalloc(size_t n, size_t size) {
    if (!n || !size) n = size = 1;
    void *p = calloc(n, size);
    if (__builtin_expect(p != NULL, 1)) return p;
    must(n <= SIZE_MAX / size);
    return try_again(NULL, n * size, true);
}

void *xrealloc(void *old, size_t n) {
    void *p = realloc(old, n ? n : 1);
    return __builtin_expect(p != NULL, 1) ? p : try_again(old, n ? n : 1, false);
}

/* The library of digests does not survive being refused memory. */
static void *ask(size_t n, const char *file, int line) { return (void)file, (void)line, xmalloc(n); }
static void *ask_again(void *p, size_t n, const char *file, int line) { return (void)file, (void)line, xrealloc(p, n); }
static void give_back(void *p, const char *file, int line) { (void)file, (void)line, free(p); }

void memory_for_libraries(void) { CRYPTO_set_mem_functions(ask, ask_again, give_back); }

char *xstrdup(const char *s) {
    size_t n = strlen(s) + 1;
    return memcpy(xmalloc(n), s, n);
}

/* ---- threads ---- */

struct start {
    void *(*run)(void *ctx);
    void *ctx;
};

/* Handlers that want a stack of their own (SA_ONSTACK) find one in each thread, so that an overflow of the thread's is a fault like any other. */
static void *run_thread(void *p) {
    struct start start = *(struct start *)p;
    stack_t before, ours = {.ss_size = HANDLER_STACK_BYTES};
    free(p);
    bool has_one = sigaltstack(NULL, &before) || !(before.ss_flags & SS_DISABLE); /* a sanitizer has */
    if (!has_one) {
        ours.ss_sp = xpages(ours.ss_size);
        (void)sigaltstack(&ours, NULL);
    }
    void *result = start.run(start.ctx);
    if (!has_one) {
        (void)sigaltstack(&before, NULL);
        munmap(ours.ss_sp, ours.ss_size);
    }
    return result;
}

int thread_try(void *(*run)(void *ctx), void *ctx, pthread_t *thread) {
    struct start *start = xcalloc(1, sizeof *start);
    *start = (struct start){run, ctx};
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* what the thread does itself: blocked, these would kill the process unasked */
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, run_thread, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) free(start);
    return rc;
}

pthread_t thread_start(void *(*run)(void *ctx), void *ctx) {
    pthread_t thread;
    int rc = thread_try(run, ctx, &thread);
    for (int i = 0; rc == EAGAIN && i < ATTEMPTS; i++) {
        find_memory(i);
        rc = thread_try(run, ctx, &thread);
    }
    must(rc == 0);
    return thread;
}
