/* SPDX-License-Identifier: MIT */
/*
 * Any bytes through the parser. What parses must list to text that parses, and list the same again, in either form. The first byte picks the language version
 * and whether the program is an imported one.
 */
#include <stdint.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "db/code.h"
#include "lang/ast.h"

static int lookup(void *ctx, const char *name, size_t len) {
    (void)ctx;
    return len == 1 && (name[0] | 32) == 'f' ? 0 : -1;
}

static const char *name_of(void *ctx, int id) {
    (void)ctx;
    (void)id;
    return "f";
}

static const struct function_names functions = {lookup, name_of, NULL};

static struct ast *parse(const char *text, size_t len, int version, bool imported) {
    struct parse_options options = {version, imported, 1, &functions};
    struct list *messages = list_empty();
    struct ast *a = parse_program(text, len, &options, &messages);
    must(a || messages->len > 0);
    list_unref(messages);
    return a;
}

/* The listing of a program that must parse. */
static void relist(const struct buf *text, int version, bool full, struct buf *out) {
    struct unparse_options options = {full, !full, &functions};
    struct ast *a = parse(buf_c(text), text->len, version, true);
    must(a);
    buf_clear(out);
    unparse_program(a, &options, out);
    ast_free(a);
}

static void check_listing(const struct ast *a, bool full) {
    struct buf first = BUF_INIT, second = BUF_INIT, third = BUF_INIT;
    struct unparse_options options = {full, !full, &functions};
    unparse_program(a, &options, &first);
    int version = a->version > LANGUAGE_VERSION ? a->version : LANGUAGE_VERSION;
    relist(&first, version, full, &second);
    relist(&second, version, full, &third);
    must(second.len == third.len && memcmp(buf_c(&second), buf_c(&third), second.len) == 0);
    buf_fini(&first);
    buf_fini(&second);
    buf_fini(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct ast *a = parse((const char *)data + 1, size - 1, data[0] % 6 == 5 ? LANGUAGE_WITH_MAPS : data[0] % 6, data[0] & 8);
    if (a) {
        check_listing(a, false);
        check_listing(a, true);
    }
    ast_free(a);
    return 0;
}
