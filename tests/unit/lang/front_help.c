/* SPDX-License-Identifier: MIT */
#include "tests/unit/lang/front_help.h"

#include <criterion/criterion.h>
#include <string.h>
#include <strings.h>

#include "db/code.h"

static const char *const names[] = {"length", "tostr", "notify", "f", "g", "eval"};

static int lookup(void *ctx, const char *name, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0) return (int)i;
    return -1;
}

static const char *name_of(void *ctx, int id) {
    (void)ctx;
    return names[id];
}

const struct function_names front_functions = {lookup, name_of, NULL};

struct ast *front_parse(const char *text, int version, bool imported, struct list **messages) {
    struct parse_options options = {version, imported, 1, &front_functions};
    struct list *said = list_empty();
    struct ast *a = parse_program(text, strlen(text), &options, &said);
    if (messages) {
        *messages = said;
    } else {
        cr_assert(said->len == 0, "%s\n%s", text, said->items[0].u.s->data);
        cr_assert_not_null(a);
        list_unref(said);
    }
    return a;
}

const char *front_messages(const char *text) {
    static struct buf out;
    struct list *said;
    ast_free(front_parse(text, LANGUAGE_VERSION, false, &said));
    buf_clear(&out);
    for (uint32_t i = 0; i < said->len; i++) {
        if (i > 0) buf_byte(&out, '\n');
        buf_add_c(&out, said->items[i].u.s->data);
    }
    list_unref(said);
    return buf_c(&out);
}

const char *front_list(const struct ast *a, bool full, bool indent) {
    static struct buf out;
    struct unparse_options options = {full, indent, &front_functions};
    buf_clear(&out);
    unparse_program(a, &options, &out);
    return buf_c(&out);
}

const char *front_relist(const char *text, bool full, bool indent) {
    struct ast *a = front_parse(text, LANGUAGE_VERSION, false, NULL);
    const char *s = front_list(a, full, indent);
    ast_free(a);
    return s;
}

void front_dump(const struct ast *a, const struct node *n, struct buf *out) {
    buf_printf(out, "(%s", node_kind_name(n->kind));
    if (n->flags & NODE_ANY) buf_add_c(out, " any");
    if (n->kind == N_LIT) {
        buf_byte(out, ' ');
        value_print_literal(out, n->lit);
    }
    if (n->var >= 0) buf_printf(out, " %s", a->vars[n->var]->data);
    if (n->name) buf_printf(out, " %s", n->name->data);
    for (uint32_t i = 0; i < n->nkids; i++) {
        buf_byte(out, ' ');
        front_dump(a, n->kids[i], out);
    }
    buf_byte(out, ')');
}
