/* SPDX-License-Identifier: MIT */
/*
 * `evermoo top': what the server tells about its load through the control socket, and the page that is made of it.
 *
 * The answer to the request `top' (server/top_answer.c) is lines of fields with tabs between them. The first field says what the line is: a number by name ("ready\t12"), or a row of a table
 * ("player\tWizard (#2)\t..."). Whoever reads it passes over lines that it does not know, and takes what is missing as 0: the two programs may be of different releases.
 */
#ifndef SERVER_TOP_H
#define SERVER_TOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* ---- an answer (top_state.c) ---- */

enum { TOP_MOST_FIELDS = 16, TOP_MOST_LINES = 1000 };
struct top_line {
    const char *fields[TOP_MOST_FIELDS];
    size_t n;
};

/* All bytes zero: nothing is known. */
struct top_state {
    char *text;
    struct top_line *lines;
    size_t n;
};

void top_state_read(struct top_state *st, const char *text); /* in place of what it held */
void top_state_fini(struct top_state *st);
const char *top_text(const struct top_state *st, const char *name); /* "": it was not told */
int64_t top_number(const struct top_state *st, const char *name);
const struct top_line *top_next(const struct top_state *st, const char *kind, const struct top_line *before); /* before NULL: the first row of a table. NULL: there is none */
int64_t top_field(const struct top_line *l, size_t i);

/* ---- the page (top_page.c) ---- */

struct top_look {
    int width, height; /* height 0: as high as it becomes */
    const char *note; /* what else is to be said at its head; NULL */
};
/* Lines, none longer than the look is wide, nor more than it is high. `before': an earlier answer, for what happened since then. */
void top_page(const struct top_state *now, const struct top_state *before, const struct top_look *look, struct buf *out);

/* ---- the terminal (top_screen.c) ---- */
/* Takes the terminal; gives it back at screen_leave(), and when the process is ended by SIGINT, SIGTERM, SIGHUP or stopped by SIGTSTP. */
void screen_enter(void);
void screen_leave(void);
void screen_size(int *width, int *height);
void screen_show(const struct buf *page);

#endif
