/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "server/top.h"

static const char enter_text[] = "\033[?1049h\033[?25l\033[?7l"; /* another screen, no cursor, long lines cut */
static const char leave_text[] = "\033[?7h\033[?25h\033[?1049l";
static struct termios before;
static volatile sig_atomic_t entered; /* for the handlers, which have no argument */

static void write_all(const char *p, size_t n) {
    while (n) {
        ssize_t k = write(STDOUT_FILENO, p, n);
        if (k <= 0) return;
        p += k, n -= (size_t)k;
    }
}

/* What these two call may be called in a signal's handler. */
static void take(void) {
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0, raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_all(enter_text, sizeof enter_text - 1);
    entered = 1;
}

static void give_back(void) {
    if (!entered) return;
    entered = 0;
    write_all(leave_text, sizeof leave_text - 1);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void on_end(int number) {
    give_back();
    signal(number, SIG_DFL);
    raise(number);
}

static void on_stop(int number) {
    (void)number;
    give_back();
    raise(SIGSTOP);
    take();
}

static void on_other_size(int number) { (void)number; } /* it ends the waiting */

static void handle(int number, void (*handler)(int)) {
    struct sigaction a = {.sa_handler = handler};
    sigemptyset(&a.sa_mask);
    sigaction(number, &a, NULL);
}

void screen_enter(void) {
    (void)tcgetattr(STDIN_FILENO, &before);
    const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) handle(ends[i], on_end);
    handle(SIGTSTP, on_stop);
    handle(SIGWINCH, on_other_size);
    take();
}

void screen_leave(void) { give_back(); }

void screen_size(int *width, int *height) {
    struct winsize w;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row;
    *width = known ? w.ws_col : 80;
    *height = known ? w.ws_row : 24;
}

/* In one piece, each line over the one before it, so that nothing flickers. */
void screen_show(const struct buf *page) {
    struct buf out = BUF_INIT;
    buf_add_c(&out, "\033[H");
    for (const char *p = buf_c(page); *p; p++) {
        if (*p != '\n') buf_byte(&out, *p);
        else if (p[1]) buf_add_c(&out, "\033[K\n");
    }
    buf_add_c(&out, "\033[K\033[J");
    write_all(out.data, out.len);
    buf_fini(&out);
}
