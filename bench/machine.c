/* SPDX-License-Identifier: MIT */
/*
 * bench-machine SETUP RUN: runs one MOO program after another in a world in memory and prints the CPU seconds of the second.
 * #0 is a wizard that owns everything; $bench is a fresh object for the programs' verbs and properties. `N = ...;' in RUN is its own business.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/must.h"
#include "builtins/registry.h"
#include "db/world.h"
#include "lang/machine.h"

static struct str *read_file(const char *path) {
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(2);
    }
    struct buf b = BUF_INIT;
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_add(&b, piece, n);
    fclose(f);
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return s;
}

static void print_list(value v) {
    if (v.type != V_LIST) return;
    for (uint32_t i = 0; i < v.u.l->len; i++)
        if (v.u.l->items[i].type == V_STR) fprintf(stderr, "%s\n", v.u.l->items[i].u.s->data);
}

static objid new_object(struct db *db, objid parent) {
    objid o = db_create(db, parent, NOTHING);
    db_set_flag(db, o, OF_FERTILE, true);
    return o;
}

static struct db *new_world(void) {
    struct db *db = db_world_in_memory();
    objid system = new_object(db, NOTHING);
    db_set_flag(db, system, OF_WIZARD, true);
    db_set_flag(db, system, OF_PROGRAMMER, true);
    objid bench = new_object(db, NOTHING);
    db_set_owner(db, bench, system);
    static const struct {
        objid object;
        const char *name;
    } properties[] = {{0, "bench"}, {1, "p"}, {1, "leaf"}, {1, "text"}};
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        struct str *name = str_from(properties[i].name);
        must(db_add_propdef(db, properties[i].object, name, value_obj(bench), system, PF_READ) == E_NONE);
        str_unref(name);
    }
    return db;
}

/* Seconds of CPU; does not return when the program fails. */
static double run_program(struct machine *m, struct str *text) {
    struct list *messages = list_empty();
    struct code *code = machine_compile_text(m, text->data, text->len, &messages);
    if (!code) {
        print_list(value_list(messages));
        exit(1);
    }
    struct str *name = str_from("bench"), *empty = str_empty();
    struct list *args = list_empty();
    struct vm_start start = {.player = 0,
                             .this_ = 0,
                             .caller = 0,
                             .progr = 0,
                             .verb = {.definer = 0},
                             .code = code,
                             .debug = true,
                             .verb_name = name,
                             .full_name = name,
                             .args = args,
                             .argstr = empty,
                             .dobjstr = empty,
                             .prepstr = empty,
                             .iobjstr = empty,
                             .dobj = NOTHING,
                             .iobj = NOTHING};
    struct vm *vm = vm_new(m, &start);
    must(vm);
    static volatile int out_of_time;
    struct vm_limits limits = {.ticks = INT64_MAX / 2, .out_of_time = &out_of_time};
    struct vm_outcome out;
    memset(&out, 0, sizeof out);
    int64_t started = clock_cpu_us();
    enum vm_status status = vm_run(vm, &limits, value_none(), &out);
    double seconds = (double)(clock_cpu_us() - started) / 1e6;
    if (status != VM_DONE) {
        print_list(out.traceback);
        exit(1);
    }
    vm_outcome_fini(&out);
    vm_free(vm);
    code_unref(code);
    list_unref(messages);
    list_unref(args);
    str_unref(name);
    str_unref(empty);
    return seconds;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: bench-machine SETUP RUN\n");
        return 2;
    }
    struct db *db = new_world();
    struct machine m;
    int count;
    const struct builtin *builtins = builtins_for_dialect(db_dialect(db), &count);
    machine_init(&m, db, builtins, count);
    m.max_stack_depth = 1000;
    for (int i = 1; i <= 2; i++) {
        struct str *text = read_file(argv[i]);
        double seconds = run_program(&m, text);
        if (i == 2) printf("%.6f\n", seconds);
        str_unref(text);
    }
    machine_fini(&m);
    db_world_close(db);
    return 0;
}
