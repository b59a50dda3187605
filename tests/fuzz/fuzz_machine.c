/* SPDX-License-Identifier: MIT */
/*
 * The machine under any program, and under damaged frames. The first byte picks:
 * even: the rest is a program. It runs with few ticks; whenever it sleeps it is saved, loaded and woken; with 8 in it the program parks whenever it has used three;
 * odd: a fixed program runs until its Nth sleep (second byte) and is saved; the rest of the input, in pairs of position and byte, damages the record. If that
 * still loads it must run like any other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "db/world.h"
#include "lang/machine.h"

static struct code *all_codes[64];
static int ncodes;

static struct result bf_h(struct builtin_call *c) {
    (void)c;
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_TIMED};
}

static struct result bf_twice(struct builtin_call *c) {
    bool found = true;
    if (c->step == 3) return result_value(value_ref(c->ret));
    c->step = c->step == 0 ? 2 : 3;
    return result_call_verb(c->m, 0, "v", list_of(1, c->step == 3 ? value_ref(c->ret) : value_ref(c->args[0])), &found);
}

static bool twice_may_wait(const struct machine *m, int step, value state) {
    (void)m, (void)state;
    return step == 2 || step == 3;
}

static const struct builtin builtins[] = {
    {"h", bf_h, 0, -1, {-1, -1, -1, -1, -1}, "", "", NULL, NULL},
    {"twice", bf_twice, 1, 1, {-1, -1, -1, -1, -1}, "", "", twice_may_wait, NULL},
};

static enum error no_fork(void *ctx, struct vm *parent, struct vm *child, double seconds, int64_t id) {
    (void)ctx, (void)parent, (void)child, (void)seconds, (void)id;
    return E_QUOTA;
}
static int64_t task_id(void *ctx) {
    (void)ctx;
    return 7;
}

static const char fixed[] = "l = {1, {2, 3}}; s = \"text\";\n"
                            "for i in ({1, 2, 3}) for j in [1..h()] l[h()][1] = {@l, h(), @{s, h()}}; endfor endfor\n"
                            "try try for o in [#1..#3] {a, ?b = h(), @c} = {h()}; if (b) break; endif endfor finally h(); s = s + \"x\"; endtry\n"
                            "except e (E_TYPE, @h()) h(); except (ANY) h(); endtry\n"
                            "x = `l[h()..h()] ! E_TYPE, E_RANGE => h()'; while w (h()) l = {@l, #0.p[h()]}; endwhile\n"
                            "try return twice(x + h() * 2) + h(); finally h(); #0.p[1][h()] = #0:v(1, h()); endtry\n";
static const char verb[] = "try return {@args, h(), `h() / 0 ! E_DIV'}; finally for k in (args) h(); endfor endtry";

static void note_code(void *ctx, struct code *code) {
    (void)ctx;
    for (int i = 0; i < ncodes; i++)
        if (all_codes[i] == code) return;
    if (ncodes < 64) all_codes[ncodes++] = code_ref(code);
}

/* By its hash; a damaged hash finds some program all the same. */
static struct code *find_code(void *ctx, const uint8_t *hash) {
    (void)ctx;
    for (int i = 0; i < ncodes; i++)
        if (!memcmp(all_codes[i]->hash, hash, CODE_HASH_BYTES)) return code_ref(all_codes[i]);
    return ncodes ? code_ref(all_codes[hash[0] % ncodes]) : NULL;
}

static struct vm *load(struct machine *m, const struct buf *record) {
    struct buf why = BUF_INIT;
    struct dec d = dec_over(record->data, record->len);
    struct vm *vm = vm_load(m, &d, find_code, NULL, &why);
    must(vm || why.len > 0);
    buf_fini(&why);
    return vm;
}

static void save(const struct vm *vm, struct buf *record) {
    vm_each_code(vm, note_code, NULL);
    buf_clear(record);
    vm_save(vm, record, NULL);
}

/* One slice; true when it sleeps. */
static bool run(struct vm *vm, int64_t wake, bool parks) {
    struct vm_limits limits = {.ticks = parks ? 3 : 1000};
    vm_set_parker(vm, parks ? 0 : NOTHING);
    struct vm_outcome out;
    enum vm_status status = vm_run(vm, &limits, wake % 5 == 4 ? value_list(list_of(2, value_int(wake), value_int(1))) : value_int(wake % 4), &out);
    vm_outcome_fini(&out);
    return status == VM_SUSPENDED;
}

static struct vm *start(struct machine *m, const char *text, size_t len, bool debug) {
    struct list *messages;
    struct code *code = machine_compile_text(m, text, len, &messages);
    list_unref(messages);
    if (!code) return NULL;
    struct vm_start s = {.player = 0, .this_ = 0, .caller = 0, .progr = 0, .verb = {.definer = 0}, .code = code, .debug = debug, .dobj = NOTHING, .iobj = NOTHING};
    struct vm *vm = vm_new(m, &s);
    code_unref(code);
    return vm;
}

static void run_program(struct machine *m, const uint8_t *data, size_t size) {
    struct vm *vm = start(m, (const char *)data + 1, size - 1, !(data[0] & 2));
    struct buf record = BUF_INIT;
    for (int slices = 0; vm && slices < 20 && run(vm, slices + data[0], data[0] & 8); slices++) {
        save(vm, &record);
        vm_free(vm);
        vm = load(m, &record);
        must(vm != NULL);
    }
    if (vm && data[0] & 4 && record.len) vm_kill(vm);
    else vm_free(vm);
    buf_fini(&record);
}

static void run_damaged(struct machine *m, const uint8_t *data, size_t size) {
    struct vm *vm = start(m, fixed, sizeof fixed - 1, !(data[0] & 2));
    struct buf record = BUF_INIT;
    int sleeps = size > 1 ? data[1] : 0;
    bool asleep = true;
    for (int i = 0; i <= sleeps && asleep; i++) asleep = run(vm, 2 + i % 3, data[0] & 8);
    if (asleep) save(vm, &record);
    vm_free(vm);
    for (size_t i = 2; i + 2 < size && record.len; i += 3) record.data[((size_t)data[i] << 8 | data[i + 1]) % record.len] = (char)data[i + 2];
    vm = record.len ? load(m, &record) : NULL;
    for (int i = 0; vm && i < 10 && run(vm, i, false); i++) continue;
    vm_free(vm);
    buf_fini(&record);
}

static void make_world(struct db *db, struct machine *m) {
    db_create(db, NOTHING, NOTHING);
    db_set_flag(db, 0, OF_WIZARD, true);
    struct str *p = str_from("p"), *v = str_from("v"), *text = str_from(verb);
    must(db_add_propdef(db, 0, p, value_list(list_of(2, value_list(list_of(1, value_int(1))), value_int(2))), 0, PF_READ) == E_NONE);
    db_add_verb(db, 0, v, 0, VF_EXEC | VF_DEBUG, VA_THIS, PREP_NONE, VA_THIS);
    struct list *messages;
    struct code *code = machine_compile_text(m, text->data, text->len, &messages);
    must(code);
    list_unref(messages);
    db_verb_set_code(db, (struct verbref){0, 0}, code);
    str_unref(p);
    str_unref(v);
    str_unref(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct machine m;
    struct db *db = db_world_in_memory();
    machine_init(&m, db, builtins, sizeof builtins / sizeof *builtins);
    m.hooks = (struct machine_hooks){no_fork, task_id, NULL};
    m.max_list_concat = 5000;
    m.max_string_concat = 20000;
    m.max_map_bytes = 40000;
    make_world(db, &m);
    if (data[0] & 1) run_damaged(&m, data, size);
    else run_program(&m, data, size);
    while (ncodes > 0) code_unref(all_codes[--ncodes]);
    db_world_close(db);
    machine_fini(&m);
    return 0;
}
