/* SPDX-License-Identifier: MIT */
#include "db/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void read_all(int fd, struct buf *out) {
    char bytes[4096];
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR);)
        if (n > 0) buf_add(out, bytes, (size_t)n);
}

_Noreturn static void be_child(void (*work)(void *ctx, int fd), void *ctx, int fd) {
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    work(ctx, fd);
    _exit(0);
}

int child_run(void (*work)(void *ctx, int fd), void *ctx, struct buf *answer, struct buf *why) {
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC)) return buf_printf(why, "cannot start a process: %s", strerror(errno)), -1;
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        close(ends[0]);
        be_child(work, ctx, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) buf_printf(why, "cannot start a process: %s", strerror(errno));
    else read_all(ends[0], answer);
    close(ends[0]);
    if (pid < 0) return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    buf_printf(why, "its data.mdb is so damaged that reading it fails (%s)", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "error");
    return -1;
}
