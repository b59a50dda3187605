/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "server/top.h"

static void read_line(struct top_line *l, char *text) {
    for (char *field; l->n < TOP_MOST_FIELDS && (field = strsep(&text, "\t"));) l->fields[l->n++] = field;
}

void top_state_read(struct top_state *st, const char *text) {
    top_state_fini(st);
    st->text = xstrdup(text);
    st->lines = xcalloc(TOP_MOST_LINES, sizeof *st->lines);
    char *rest = st->text;
    for (char *line; st->n < TOP_MOST_LINES && (line = strsep(&rest, "\n"));)
        if (*line) read_line(&st->lines[st->n++], line);
}

void top_state_fini(struct top_state *st) {
    free(st->text);
    free(st->lines);
    *st = (struct top_state){.n = 0};
}

const struct top_line *top_next(const struct top_state *st, const char *kind, const struct top_line *before) {
    for (size_t i = before ? (size_t)(before - st->lines) + 1 : 0; i < st->n; i++)
        if (!strcmp(st->lines[i].fields[0], kind)) return &st->lines[i];
    return NULL;
}

int64_t top_field(const struct top_line *l, size_t i) { return l && i < l->n ? strtoll(l->fields[i], NULL, 10) : 0; }

const char *top_text(const struct top_state *st, const char *name) {
    const struct top_line *l = top_next(st, name, NULL);
    return l && l->n > 1 ? l->fields[1] : "";
}

int64_t top_number(const struct top_state *st, const char *name) { return top_field(top_next(st, name, NULL), 1); }
