/* SPDX-License-Identifier: MIT */
/*
 * The moments of server/phase.h in the test program evermoo-faults: EVERMOO_CRASH_AT=PHASE[:HOW[:FILE]] in its environment makes it fail at that moment.
 * HOW: segv (the default), overflow (of the stack), thread (segv in another one), must, swap (two connections' descriptors; goes on), abort, kill, stop (goes on at SIGCONT), hang, exit, error. With FILE it happens when that file is there, which is then removed: once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "server/phase.h"

static volatile int *volatile nowhere;

static int overflow(int n) {
    volatile char page[4096];
    if (n < 0) return 0;
    page[n % 4096] = (char)n;
    return overflow(n + 1) + page[(n * 7) % 4096];
}

static void *fall(void *ctx) { return (void)ctx, *nowhere = 0, NULL; }

/* The two oldest connections' sockets take each other's numbers. */
static void swap_sockets(void) {
    struct sockaddr_storage address;
    int found[2], n = 0;
    for (int fd = 3; fd < 1024 && n < 2; fd++) {
        socklen_t len = sizeof address;
        if (getpeername(fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_INET) found[n++] = fd;
    }
    if (n < 2) return;
    int kept = dup(found[0]);
    dup2(found[1], found[0]);
    dup2(kept, found[1]);
    close(kept);
}

static bool fail(const char *how) {
    if (!strcmp(how, "error")) return false;
    if (!strcmp(how, "kill")) kill(getpid(), SIGKILL);
    else if (!strcmp(how, "stop")) kill(getpid(), SIGSTOP);
    else if (!strcmp(how, "swap")) swap_sockets();
    else if (!strcmp(how, "abort")) abort();
    else if (!strcmp(how, "must")) must(!"what a test asked for");
    else if (!strcmp(how, "overflow")) exit(overflow(0));
    else if (!strcmp(how, "thread")) pthread_join(thread_start(fall, NULL), NULL);
    else if (!strcmp(how, "exit")) _exit(1);
    else if (!strcmp(how, "hang")) for (;;) pause();
    else *nowhere = 0;
    return true;
}

bool phase(const char *name) {
    const char *what = getenv("EVERMOO_CRASH_AT");
    size_t n = strlen(name);
    if (!what || strncmp(what, name, n) || (what[n] && what[n] != ':')) return true;
    char how[32] = "segv";
    const char *file = NULL;
    if (what[n]) {
        snprintf(how, sizeof how, "%.*s", (int)strcspn(what + n + 1, ":"), what + n + 1);
        file = strchr(what + n + 1, ':');
    }
    return file && unlink(file + 1) ? true : fail(how);
}
