/* SPDX-License-Identifier: MIT */
/* Functions that wait for what they called, in saved tasks that are damaged: refused, not believed. */
#include "tests/unit/builtins/bi_help.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

/* A suspend() that needs no scheduler. */
static struct result pause_task(struct builtin_call *c) {
    (void)c;
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_FOREVER};
}

struct waiting {
    struct bi_world w;
    struct builtin *table;
    struct code *codes[4];
    int ncodes;
    struct buf record;
};

static void open_waiting(struct waiting *t) {
    int n;
    bi_open(&t->w, "lambda");
    const struct builtin *real = builtins_for_dialect(t->w.m.dialect, &n);
    const struct dialect *d = t->w.m.dialect;
    t->table = calloc((size_t)n, sizeof *t->table);
    memcpy(t->table, real, (size_t)n * sizeof *t->table);
    for (int i = 0; i < n; i++)
        if (!strcmp(t->table[i].name, "suspend")) t->table[i].fn = pause_task;
    machine_fini(&t->w.m);
    machine_init(&t->w.m, t->w.db, t->table, n);
    t->w.m.dialect = d;
    t->w.m.max_stack_depth = 50;
    t->ncodes = 0;
    t->record = (struct buf)BUF_INIT;
}

static void close_waiting(struct waiting *t) {
    while (t->ncodes > 0) code_unref(t->codes[--t->ncodes]);
    buf_fini(&t->record);
    bi_close(&t->w);
    free(t->table);
}

static void keep_code(void *ctx, struct code *code) {
    struct waiting *t = ctx;
    cr_assert_lt(t->ncodes, 4);
    t->codes[t->ncodes++] = code_ref(code);
}

static struct code *find_code(void *ctx, const uint8_t *hash) {
    struct waiting *t = ctx;
    for (int i = 0; i < t->ncodes; i++)
        if (!memcmp(t->codes[i]->hash, hash, CODE_HASH_BYTES)) return code_ref(t->codes[i]);
    return NULL;
}

/* One slice; the outcome is of no interest. */
static enum vm_status run(struct vm *vm) {
    struct vm_limits limits = {.ticks = 10000};
    struct vm_outcome out;
    enum vm_status status = vm_run(vm, &limits, value_int(0), &out);
    vm_outcome_fini(&out);
    return status;
}

/* Runs the program until it sleeps; its record is in t->record. */
static void sleep_in(struct waiting *t, const char *program) {
    struct list *messages;
    struct code *code = machine_compile_text(&t->w.m, program, strlen(program), &messages);
    list_unref(messages);
    cr_assert(code, "%s", program);
    struct vm_start s = {.player = WIZARD, .this_ = SYSTEM, .caller = NOTHING, .progr = WIZARD, .verb = {.definer = SYSTEM}, .code = code, .debug = true, .dobj = NOTHING, .iobj = NOTHING};
    struct vm *vm = vm_new(&t->w.m, &s);
    code_unref(code);
    cr_assert_eq(run(vm), VM_SUSPENDED);
    vm_each_code(vm, keep_code, t);
    vm_save(vm, &t->record, NULL);
    vm_free(vm);
}

/* The record as it is, loaded; NULL: refused, with a reason. */
static struct vm *load(struct waiting *t) {
    struct buf why = BUF_INIT;
    struct dec d = dec_over(t->record.data, t->record.len);
    struct vm *vm = vm_load(&t->w.m, &d, find_code, t, &why);
    cr_expect_eq(vm == NULL, why.len > 0);
    buf_fini(&why);
    return vm;
}

/* Another name of the same length in its first place. */
static void rename_first(struct waiting *t, const char *from, const char *to) {
    char *at = memmem(t->record.data, t->record.len, from, strlen(from));
    cr_assert(at, "%s", from);
    cr_assert_eq(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
}

Test(waiting, a_record_as_it_was_saved) {
    static const char *const programs[] = {"eval(\"suspend();\");", "call_function(\"eval\", \"suspend();\");"};
    for (int i = 0; i < 2; i++) {
        struct waiting t;
        open_waiting(&t);
        sleep_in(&t, programs[i]);
        struct vm *vm = load(&t);
        cr_assert(vm);
        cr_expect_eq(run(vm), VM_DONE);
        vm_free(vm);
        close_waiting(&t);
    }
}

Test(waiting, functions_that_do_not_wait_or_not_so) {
    static const struct { const char *program, *from, *to; } cases[] = {
        {"eval(\"suspend();\");", "eval", "move"}, /* its state is a list of three */
        {"eval(\"suspend();\");", "eval", "sqrt"}, /* never calls back */
        {"call_function(\"eval\", \"suspend();\");", "eval", "sqrt"},
        {"call_function(\"eval\", \"suspend();\");", "call_function", "queued_tasksX"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct waiting t;
        open_waiting(&t);
        sleep_in(&t, cases[i].program);
        rename_first(&t, cases[i].from, cases[i].to);
        struct vm *vm = load(&t);
        cr_expect(!vm, "%s for %s", cases[i].to, cases[i].from);
        vm_free(vm);
        close_waiting(&t);
    }
}
