/* SPDX-License-Identifier: MIT */
/*
 * Verb code inside an object-definition file: where it ends, and its text.
 *
 * Code is scanned token by token. An `endverb' ends it when what follows can only be the next part of the file: no MOO program has
 * the words `endverb' and `verb' (or `endobject', ...) side by side, whatever its variables are called.
 */
#include "lang/objdef_model.h"

#include <string.h>

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *line_end(const char *p, const char *end) {
    const char *lf = memchr(p, '\n', (size_t)(end - p));
    return lf ? lf : end;
}

/* Behind the comment that begins at p. */
static const char *comment_end(const char *p, const char *end) {
    if (p[1] == '/') return line_end(p, end);
    for (p += 2; p + 1 < end; p++)
        if (p[0] == '*' && p[1] == '/') return p + 2;
    return end;
}

static bool at_comment(const char *p, const char *end) {
    return p + 1 < end && p[0] == '/' && (p[1] == '/' || p[1] == '*');
}

/* Behind the string that begins at p; one that is not closed ends with its line. */
static const char *string_end(const char *p, const char *end) {
    for (p++; p < end && *p != '\n'; p++) {
        if (*p == '"') return p + 1;
        if (*p == '\\' && p + 1 < end && p[1] != '\n') p++;
    }
    return p;
}

const char *objdef_skip_blank(const char *p, const char *end, int *line) {
    while (p < end) {
        const char *from = p;
        if (at_comment(p, end)) p = comment_end(p, end);
        else if (*p == ' ' || (*p >= '\t' && *p <= '\r')) p++;
        else break;
        for (; line && from < p; from++)
            if (*from == '\n') ++*line;
    }
    return p;
}

static bool word_is(const char *p, size_t len, const char *what) {
    return bytes_compare_fold(p, len, what, strlen(what)) == 0;
}

static bool next_is_definition(const char *p, const char *end) {
    p = objdef_skip_blank(p, end, NULL);
    if (p == end) return true;
    const char *q = p;
    while (q < end && is_word(*q)) q++;
    size_t len = (size_t)(q - p);
    return word_is(p, len, "verb") || word_is(p, len, "endobject") || word_is(p, len, "property") || word_is(p, len, "override");
}

const char *objdef_find_endverb(const char *p, const char *end) {
    while (p < end) {
        if (*p == '"') {
            p = string_end(p, end);
        } else if (at_comment(p, end)) {
            p = comment_end(p, end);
        } else if (is_word(*p)) {
            const char *q = p;
            while (q < end && is_word(*q)) q++;
            if (word_is(p, (size_t)(q - p), "endverb") && next_is_definition(q, end)) return p;
            p = q;
        } else {
            p++;
        }
    }
    return NULL;
}

static void copy_without_cr(const char *p, const char *end, struct buf *out) {
    for (; p < end; p++)
        if (*p != '\r' || (p + 1 < end && p[1] != '\n')) buf_byte(out, *p);
}

/* mooR calls our type codes TYPE_INT and so on: the length of that prefix, or 0. */
static size_t type_prefix(const char *p, const char *end) {
    static const char *const names[] = {"INT", "NUM", "FLOAT", "STR", "OBJ", "LIST", "ERR"};
    const size_t n = strlen("TYPE_");
    const char *q = p;
    while (q < end && is_word(*q)) q++;
    if ((size_t)(q - p) <= n || memcmp(p, "TYPE_", n) != 0) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == (size_t)(q - p) - n && memcmp(p + n, names[i], (size_t)(q - p) - n) == 0) return n;
    return 0;
}

/* A run of blanks and words, without strings or comments. */
static void copy_plain(const char *p, const char *end, bool our_types, struct buf *out) {
    while (p < end) {
        const char *q = p + 1;
        if (is_word(*p)) {
            while (q < end && is_word(*q)) q++;
            if (our_types) p += type_prefix(p, q);
        } else {
            while (q < end && !is_word(*q)) q++;
        }
        copy_without_cr(p, q, out);
        p = q;
    }
}

void objdef_copy_code(const char *p, const char *end, bool plain, struct buf *out) {
    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) end--;
    while (p < end) {
        const char *q = p + 1;
        if (*p == '"') {
            q = string_end(p, end);
            copy_without_cr(p, q, out);
        } else if (at_comment(p, end)) {
            q = comment_end(p, end);
            if (!plain || p[1] != '/') copy_without_cr(p, q, out);
        } else {
            while (q < end && *q != '"' && !at_comment(q, end)) q++;
            copy_plain(p, q, plain, out);
        }
        p = q;
    }
    if (out->len > 0 && out->data[out->len - 1] != '\n') buf_byte(out, '\n');
}
