/* SPDX-License-Identifier: MIT */
/*
 * Programs on stdin, each "VERSION LENGTH NAME\n" and LENGTH bytes of text as a dump has it: parsed as imported ones and listed fully parenthesized they must
 * come out as they went in; listed in the minimal form, indented, parsed and listed again, too. Prints what differs, then "N passed, N failed".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/must.h"
#include "base/str.h"
#include "lang/ast.h"

static const char *const names[] = {
#define BUILTIN(name, ...) #name,
#define BUILTIN2(name, ...) #name,
#define CALLING2(name, ...) #name,
#define THREADED(name, ...) #name,
#define ALIAS(name, ...) #name,
#include "builtins/builtins.def"
};

static int lookup(void *ctx, const char *name, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncasecmp(names[i], name, len) == 0 && names[i][len] == 0) return (int)i;
    return -1;
}

static const char *name_of(void *ctx, int id) {
    (void)ctx;
    return names[id];
}

static const struct function_names functions = {lookup, name_of, NULL};

/* `out' is the listing; false, and what was said, when the text does not parse. */
static bool relist(const char *text, size_t len, int version, bool full, struct buf *out) {
    struct parse_options options = {version, true, 1, &functions};
    struct unparse_options listing = {full, !full, &functions};
    struct list *messages = list_empty();
    struct ast *a = parse_program(text, len, &options, &messages);
    buf_clear(out);
    if (a) unparse_program(a, &listing, out);
    if (!a)
        for (uint32_t i = 0; i < messages->len; i++) printf("  %s\n", messages->items[i].u.s->data);
    list_unref(messages);
    ast_free(a);
    return a != NULL;
}

static bool same(const char *name, const char *what, const char *text, size_t len, const struct buf *listing) {
    if (listing->len == len && memcmp(buf_c(listing), text, len) == 0) return true;
    printf("%s: %s differs\n--- wanted\n%.*s--- got\n%s", name, what, (int)len, text, buf_c(listing));
    return false;
}

static bool check(const char *name, const char *text, size_t len, int version) {
    struct buf full = BUF_INIT, minimal = BUF_INIT;
    bool ok = relist(text, len, version, true, &full) && same(name, "the full listing", text, len, &full) && relist(text, len, version, false, &minimal) &&
              relist(buf_c(&minimal), minimal.len, version, true, &full) && same(name, "the listing of the minimal one", text, len, &full);
    if (!ok) printf("%s: failed\n", name);
    buf_fini(&full);
    buf_fini(&minimal);
    return ok;
}

int main(void) {
    int version, passed = 0, failed = 0;
    size_t len;
    char name[200];
    while (scanf("%d %zu %199[^\n]", &version, &len, name) == 3) {
        getchar();
        char *text = xmalloc(len + 1);
        if (fread(text, 1, len, stdin) != len) break;
        if (check(name, text, len, version))
            passed++;
        else
            failed++;
        free(text);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
