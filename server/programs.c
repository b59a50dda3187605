/* SPDX-License-Identifier: MIT */
#include "server/programs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/must.h"
#include "builtins/registry.h"

void programs_init(struct programs *p) {
    *p = (struct programs){.nunknown = 0};
    int n;
    const struct builtin *table = builtins_for_dialect(dialect_by_name("lambda"), &n); /* both dialects know the same names */
    machine_init(&p->machine, NULL, table, n);
}

void programs_fini(struct programs *p) {
    for (size_t i = 0; i < p->nunknown; i++) free(p->unknown[i].name);
    free(p->unknown);
    machine_fini(&p->machine);
}

static void count_unknown(struct programs *p, const char *name) {
    size_t lo = 0, hi = p->nunknown;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcasecmp(p->unknown[mid].name, name);
        if (order == 0) {
            p->unknown[mid].calls++;
            return;
        }
        if (order < 0) lo = mid + 1;
        else hi = mid;
    }
    p->unknown = xrealloc(p->unknown, (p->nunknown + 1) * sizeof *p->unknown);
    memmove(p->unknown + lo + 1, p->unknown + lo, (p->nunknown - lo) * sizeof *p->unknown);
    p->unknown[lo] = (struct unknown_function){xstrdup(name), 1};
    p->nunknown++;
}

/* The parser bounds the depth of trees. */
static void count_calls(struct programs *p, const struct node *n) {
    if (n->kind == N_CALL && n->func < 0) count_unknown(p, n->name->data);
    for (uint32_t i = 0; i < n->nkids; i++) count_calls(p, n->kids[i]);
}

bool programs_try_parse(void *ctx, const char *text, size_t len, int version, struct buf *why) {
    struct programs *p = ctx;
    struct parse_options options = {version, true, 1, &p->machine.functions};
    struct list *messages = list_empty();
    struct ast *a = parse_program(text, len, &options, &messages);
    if (a) count_calls(p, a->root);
    else if (messages->len) value_print(why, list_get(messages, 1));
    list_unref(messages);
    bool ok = a != NULL;
    if (a) ast_free(a);
    return ok;
}

bool programs_list(void *ctx, struct code *code, struct buf *out) {
    struct programs *p = ctx;
    return machine_list_code(&p->machine, code, true, false, out);
}
