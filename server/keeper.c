/* SPDX-License-Identifier: MIT */
#include "server/keeper.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sanitized.h"

enum { STACK_BYTES = 1 << 16, KEEP_NS = 50000000 };

struct way {
    char *stack; /* its end */
    int events;
};

/* Memory is shared with the program that is about to be replaced: nothing here may change what that one looks at. */
static int keep(void *arg) {
    const struct way *w = arg;
    unsigned events = w->events < 0 ? ~0U : (unsigned)w->events;
    if (events) close_range(0, events - 1, 0); /* the world's lock ends with who serves it, and connections when they are closed */
    if (events < ~0U) close_range(events + 1, ~0U, 0);
    nanosleep(&(struct timespec){.tv_nsec = KEEP_NS}, NULL);
    _exit(0);
}

/* Between the two, so that whoever serves next has no child that it knows nothing of. */
static int begin_keeping(void *arg) {
    struct way *w = arg;
    _exit(clone(keep, w->stack, CLONE_VM | SIGCHLD, w) < 0);
}

void keeper_begin(int events) {
    static struct way way; /* there as long as this memory is */
    if (SANITIZED) return;
    sigset_t all, before;
    char *stacks = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stacks == MAP_FAILED) return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    way = (struct way){.stack = stacks + (ptrdiff_t)2 * STACK_BYTES, .events = events};
    pid_t pid = clone(begin_keeping, stacks + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &way);
    if (pid > 0) waitpid(pid, NULL, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
