/* SPDX-License-Identifier: MIT */
#include "tests/unit/builtins/bi_help.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/must.h"
#include "db/world.h"

static void name_object(struct db *db, objid o, const char *name) {
    struct str *s = str_from(name);
    db_set_name(db, o, s);
    str_unref(s);
}

static void make_objects(struct db *db) {
    static const struct {
        const char *name;
        objid parent, owner;
        unsigned flags;
    } objects[] = {
        [SYSTEM] = {"system", NOTHING, WIZARD, OF_READ},
        [ROOT] = {"root", NOTHING, WIZARD, OF_READ | OF_FERTILE},
        [WIZARD] = {"wizard", ROOT, WIZARD, OF_PLAYER | OF_PROGRAMMER | OF_WIZARD},
        [PROGRAMMER] = {"programmer", ROOT, PROGRAMMER, OF_PLAYER | OF_PROGRAMMER},
        [OWN] = {"own", ROOT, PROGRAMMER, 0},
        [CLOSED] = {"closed", ROOT, WIZARD, 0},
        [OPEN] = {"open", ROOT, WIZARD, OF_READ | OF_WRITE | OF_FERTILE},
    };
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        objid o = db_create(db, objects[i].parent, objects[i].owner);
        must(o == (objid)i);
        name_object(db, o, objects[i].name);
        for (unsigned f = 1; f <= OF_FERTILE; f <<= 1)
            if (objects[i].flags & f) db_set_flag(db, o, (enum object_flag)f, true);
    }
}

void bi_open(struct bi_world *w, const char *dialect) {
    int n;
    const struct dialect *d = dialect_by_name(dialect);
    const struct builtin *table = builtins_for_dialect(d, &n);
    w->db = db_world_in_memory();
    w->programmer = WIZARD;
    make_objects(w->db);
    machine_init(&w->m, w->db, table, n);
    w->m.dialect = d;
    if (w->m.max_stack_depth == 0) w->m.max_stack_depth = 50;
}

void bi_close(struct bi_world *w) {
    machine_fini(&w->m);
    db_world_close(w->db);
}

static const char *literal(value v) {
    static struct buf text;
    buf_clear(&text);
    value_print_literal(&text, v);
    return buf_c(&text);
}

static struct code *compile(struct bi_world *w, const char *program) {
    struct list *messages = NULL;
    struct code *code = machine_compile_text(&w->m, program, strlen(program), &messages);
    cr_assert(code, "%s: %s", program, messages ? literal(value_list(messages)) : "");
    if (messages) list_unref(messages);
    return code;
}

const char *bi_run(struct bi_world *w, const char *program) {
    struct vm_start start = {.player = w->programmer, .this_ = NOTHING, .caller = NOTHING, .progr = w->programmer, .verb = {NOTHING, 0}, .debug = true, .dobj = NOTHING, .iobj = NOTHING};
    struct str *empty = str_empty();
    start.code = compile(w, program);
    start.verb_name = start.full_name = start.argstr = start.dobjstr = start.prepstr = start.iobjstr = empty;
    start.args = list_empty();
    struct vm *vm = vm_new(&w->m, &start);
    int out_of_time = 0;
    struct vm_limits limits = {.ticks = 1000000, .out_of_time = &out_of_time};
    struct vm_outcome outcome = {0};
    enum vm_status status = vm_run(vm, &limits, value_int(0), &outcome);
    const char *result = status == VM_DONE ? literal(outcome.v) : status == VM_UNCAUGHT ? literal(outcome.code) : "not done";
    vm_outcome_fini(&outcome);
    vm_free(vm);
    code_unref(start.code);
    list_unref(start.args);
    str_unref(empty);
    return result;
}

const char *bi_eval(struct bi_world *w, const char *expression) {
    struct buf program = BUF_INIT;
    buf_printf(&program, "return %s;", expression);
    const char *result = bi_run(w, buf_c(&program));
    buf_fini(&program);
    return result;
}

void bi_check(struct bi_world *w, objid programmer, const struct bi_case *cases, size_t n) {
    w->programmer = programmer;
    for (size_t i = 0; i < n; i++) {
        const char *got = bi_eval(w, cases[i].expression);
        cr_expect_str_eq(got, cases[i].expect, "#%d: %s: expected %s, got %s", (int)programmer, cases[i].expression, cases[i].expect, got);
    }
}
