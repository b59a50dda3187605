/* SPDX-License-Identifier: MIT */
#include "lang/machine.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/must.h"
#include "db/world.h"
#include "lang/program.h"

enum { DEFAULT_STACK_DEPTH = 50, DEFAULT_STRING_CONCAT = 33554423, DEFAULT_LIST_CONCAT = 4194302, DEFAULT_MAP_BYTES = 64537861 };

static uint32_t name_hash(const char *name, size_t len) { return str_hash_bytes(name, len); }

int machine_find_builtin(const struct machine *m, const char *name, size_t len) {
    if (!m->builtin_index) return -1;
    for (uint32_t i = name_hash(name, len) & m->builtin_mask;; i = (i + 1) & m->builtin_mask) {
        int id = m->builtin_index[i];
        if (id < 0) return -1;
        if (strlen(m->builtins[id].name) == len && !strncasecmp(m->builtins[id].name, name, len)) return id;
    }
}

static int lookup_function(void *ctx, const char *name, size_t len) { return machine_find_builtin(ctx, name, len); }
static const char *function_name(void *ctx, int id) {
    const struct machine *m = ctx;
    return id >= 0 && id < m->nbuiltins ? m->builtins[id].name : "?";
}

static void index_builtins(struct machine *m) {
    uint32_t size = 16;
    while (size < (uint32_t)m->nbuiltins * 2 + 1) size *= 2;
    m->builtin_mask = size - 1;
    m->builtin_index = xmalloc(size * sizeof *m->builtin_index);
    for (uint32_t i = 0; i < size; i++) m->builtin_index[i] = -1;
    for (int id = 0; id < m->nbuiltins; id++) {
        const char *name = m->builtins[id].name;
        uint32_t i = name_hash(name, strlen(name)) & m->builtin_mask;
        while (m->builtin_index[i] >= 0) i = (i + 1) & m->builtin_mask;
        m->builtin_index[i] = id;
    }
}

static void release_program(void *program) { program_free(program); }

void machine_init(struct machine *m, struct db *db, const struct builtin *builtins, int nbuiltins) {
    *m = (struct machine){.db = db, .builtins = builtins, .nbuiltins = nbuiltins};
    m->dialect = db ? db_dialect(db) : NULL;
    if (!m->dialect) m->dialect = dialect_by_name("lambda");
    m->protect = xcalloc((size_t)nbuiltins + 1, 1);
    m->max_stack_depth = DEFAULT_STACK_DEPTH;
    m->max_string_concat = DEFAULT_STRING_CONCAT;
    m->max_list_concat = DEFAULT_LIST_CONCAT;
    m->max_map_bytes = DEFAULT_MAP_BYTES;
    m->functions = (struct function_names){lookup_function, function_name, m};
    index_builtins(m);
    code_set_release(release_program);
}

void machine_fini(struct machine *m) {
    free(m->protect);
    free(m->builtin_index);
    m->protect = NULL;
    m->builtin_index = NULL;
}

/* ---- programs that are entered ---- */

struct code *machine_compile_text(struct machine *m, const char *text, size_t len, struct list **messages) {
    int version = language_version(m->dialect);
    struct parse_options po = {.version = version, .imported = false, .first_line = 1, .functions = &m->functions};
    *messages = list_empty();
    struct ast *ast = parse_program(text, len, &po, messages);
    if (!ast) return NULL;
    struct program *p = compile_program(m, ast, &(struct compile_options){.nodebug = false});
    ast_free(ast);
    if (!p) {
        *messages = list_append_take(*messages, value_str(str_from("Line 1:  Program too large")));
        return NULL;
    }
    struct str *s = str_new(text, len);
    struct code *code = code_new(m->db ? db_code_table(m->db) : NULL, s, version, false, 1);
    str_unref(s);
    if (code->program) program_free(p);
    else code->program = p;
    return code;
}

struct code *machine_compile(struct machine *m, const struct list *lines, struct list **messages) {
    struct buf text = BUF_INIT;
    for (uint32_t i = 1; i <= lines->len; i++) {
        value v = list_get(lines, i);
        must(v.type == V_STR);
        buf_add(&text, v.u.s->data, v.u.s->len);
        buf_byte(&text, '\n');
    }
    struct code *code = machine_compile_text(m, buf_c(&text), text.len, messages);
    buf_fini(&text);
    return code;
}

bool machine_list_code(struct machine *m, struct code *code, bool fully_parenthesized, bool indent, struct buf *out) {
    struct parse_options po = {.version = code->version, .imported = code->imported, .first_line = code->first_line, .functions = &m->functions};
    struct list *messages = list_empty();
    struct ast *ast = parse_program(code->text->data, code->text->len, &po, &messages);
    list_unref(messages);
    if (!ast) {
        buf_add(out, code->text->data, code->text->len);
        return false;
    }
    struct unparse_options uo = {.fully_parenthesized = fully_parenthesized, .indent = indent, .functions = &m->functions};
    unparse_program(ast, &uo, out);
    ast_free(ast);
    return true;
}
