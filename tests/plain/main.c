/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criterion/criterion.h"

static struct plain_test *tests;

void plain_add(struct plain_test *t) {
    t->next = tests;
    tests = t;
}

void plain_failed(const char *file, int line, const char *text, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    fprintf(stderr, "%s:%d: %s: ", file, line, text);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

void plain_log(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
}

void plain_skip(void) { exit(0); }

static bool is_asked(const struct plain_test *t, int argc, char **argv) {
    char name[200];
    bool asked = false;
    snprintf(name, sizeof name, "%s/%s", t->suite, t->name);
    for (int i = 1; i < argc; i++) asked |= !strncmp(name, argv[i], strlen(argv[i]));
    return asked || argc < 2;
}

static bool passes(const struct plain_test *t) {
    int status = -1;
    pid_t pid = fork();
    if (!pid) {
        t->run();
        exit(0);
    }
    waitpid(pid, &status, 0);
    if (status) fprintf(stderr, "FAIL %s/%s\n", t->suite, t->name);
    return status == 0;
}

int main(int argc, char **argv) {
    int n = 0, bad = 0;
    for (struct plain_test *t = tests; t; t = t->next) {
        if (!is_asked(t, argc, argv)) continue;
        n++;
        bad += !passes(t);
    }
    printf("%d passed, %d failed\n", n - bad, bad);
    return bad ? 1 : 0;
}
