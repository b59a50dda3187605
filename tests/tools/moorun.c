/* SPDX-License-Identifier: MIT */
/*
 * Runs MOO programs against the machine with a fake host and prints what they print; the format of the files is in tests/moo/README.md.
 *
 *   moorun FILE...            runs the cases of each file; "N passed, N failed"
 *   moorun -e 'PROGRAM'       runs one program and prints what it did
 *   moorun -d 'PROGRAM'       its instructions
 *   moorun -c                 compiles programs on stdin, each "VERSION LENGTH NAME\n" and the text: the compiler checks itself against lang/resume.c
 *   moorun -o FILE            prints the output of each case; -O: with every task saved and loaded at every sleep; -P: and whenever a few ticks are used it parks
 *   moorun -l FILE            names of the cases of a file
 *   moorun -s FILE CASE       runs the first program of a case straight through and prints its output
 *   moorun -r STATE FILE CASE the same, but h() suspends: when a task sleeps, everything is saved to STATE and the exit status is 3. The next run, perhaps of
 *                             another build, goes on from there; the last one prints the output and its exit status is 0
 *   moorun -p STATE FILE CASE the same, and tasks park whenever a few ticks are used
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "builtins/registry.h"
#include "db/world.h"
#include "lang/machine.h"
#include "lang/program.h"

enum { MAX_TASKS = 200, MAX_BUILTINS = 600, FEW_TICKS = 4 };

struct task {
    struct vm *vm; /* NULL: free */
    int64_t id;
    int order;
    double due;
    value wake;
};

struct runner {
    struct db *db;
    struct machine m;
    struct builtin builtins[MAX_BUILTINS];
    int nbuiltins;
    struct task tasks[MAX_TASKS];
    int64_t next_id;
    int order, forks;
    double now;
    struct buf out;
    int64_t ticks;
    bool debug;
    bool relay; /* h() suspends */
    bool reload; /* save and load a task whenever it sleeps */
    bool parks; /* FEW_TICKS, unless the case says how many */
    const char *dialect;
};

static struct runner *the(struct builtin_call *c) { return c->m->host; }

/* ---- the functions that only tests have ---- */

static struct result bt_print(struct builtin_call *c) {
    for (int i = 0; i < c->nargs; i++) value_print(&the(c)->out, c->args[i]);
    buf_byte(&the(c)->out, '\n');
    return result_int(0);
}

static struct result bt_show(struct builtin_call *c) {
    for (int i = 0; i < c->nargs; i++) {
        if (i) buf_add_c(&the(c)->out, " ");
        value_print_literal(&the(c)->out, c->args[i]);
    }
    buf_byte(&the(c)->out, '\n');
    return result_int(0);
}

/* yield(x [, seconds]): the task sleeps and wakes with x. */
static struct result bt_yield(struct builtin_call *c) {
    struct runner *r = the(c);
    for (int i = 0; i < MAX_TASKS; i++)
        if (r->tasks[i].vm == c->vm) {
            value_unref(r->tasks[i].wake);
            r->tasks[i].wake = c->nargs ? value_ref(c->args[0]) : value_int(0);
        }
    double seconds = c->nargs > 1 && c->args[1].type == V_INT ? (double)c->args[1].u.i : 0;
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_TIMED, .seconds = seconds};
}

/* h(x): x; where tasks are saved it arrives by way of a sleep, unless they park all the time. */
static struct result bt_h(struct builtin_call *c) {
    bool error = c->nargs && c->args[0].type == V_ERR; /* would be raised on waking */
    if (!error && !the(c)->parks && (the(c)->relay || the(c)->reload)) return bt_yield(c);
    return result_value(c->nargs ? value_ref(c->args[0]) : value_int(0));
}

/* t(): the ticks that are left, or 0 when tasks are saved (they wake with new ones). */
static struct result bt_t(struct builtin_call *c) { return result_int(the(c)->relay || the(c)->reload ? 0 : vm_ticks_left(c->vm)); }

static struct result bt_die(struct builtin_call *c) {
    (void)c;
    return (struct result){.kind = R_KILL, .v = value_int(0), .extra = value_int(0)};
}

/* twice(obj, verb, arg): calls obj:verb(arg), then obj:verb(that result). */
static struct result bt_twice(struct builtin_call *c) {
    bool found;
    if (c->step == 0) {
        struct list *keep = list_of(2, value_ref(c->args[0]), value_ref(c->args[1]));
        struct result r = result_call_verb(c->m, c->args[0].u.o, c->args[1].u.s->data, list_of(1, value_ref(c->args[2])), &found);
        c->state = value_list(keep);
        c->step = 2;
        return found ? r : result_raise(E_VERBNF);
    }
    if (c->step == 2) {
        struct list *keep = c->state.u.l;
        c->step = 3;
        return result_call_verb(c->m, list_get(keep, 1).u.o, list_get(keep, 2).u.s->data, list_of(1, value_ref(c->ret)), &found);
    }
    if (c->unwinding) {
        buf_add_c(&the(c)->out, "twice unwinds\n");
        return result_int(0);
    }
    return result_value(value_list(list_of(2, value_str(str_from("twice")), value_ref(c->ret))));
}

static bool twice_may_wait(const struct machine *m, int step, value state) {
    (void)m;
    return step >= 2 && step <= 3 && state.type == V_LIST && state.u.l->len == 2;
}

/* ---- tasks ---- */

static struct task *add_task(struct runner *r, struct vm *vm, double due, int64_t id) {
    for (int i = 0; i < MAX_TASKS; i++)
        if (!r->tasks[i].vm) {
            r->tasks[i] = (struct task){vm, id, r->order++, due, value_int(0)};
            vm_set_parker(vm, r->parks ? 2 : NOTHING);
            return &r->tasks[i];
        }
    return NULL;
}

static enum error hook_fork(void *ctx, struct vm *parent, struct vm *child, double seconds, int64_t id) {
    struct runner *r = ctx;
    (void)parent;
    seconds += 1e-6 * (double)++r->forks; /* each has its own moment, so that sleeps of one do not let another through */
    return add_task(r, child, r->now + seconds, id) ? E_NONE : E_QUOTA;
}

static int64_t hook_id(void *ctx) { return ((struct runner *)ctx)->next_id++; }

static void print_lines(struct runner *r, value lines) {
    for (uint32_t i = 1; lines.type == V_LIST && i <= lines.u.l->len; i++) {
        value_print(&r->out, list_get(lines.u.l, i));
        buf_byte(&r->out, '\n');
    }
}

/* ---- saving tasks ---- */

struct code_list {
    struct code *codes[100];
    int n;
};

static void collect_code(void *ctx, struct code *code) {
    struct code_list *l = ctx;
    for (int i = 0; i < l->n; i++)
        if (l->codes[i] == code) return;
    must(l->n < 100);
    l->codes[l->n++] = code_ref(code);
}

static struct code *find_code(void *ctx, const uint8_t *hash) {
    struct code_list *l = ctx;
    for (int i = 0; i < l->n; i++)
        if (!memcmp(l->codes[i]->hash, hash, CODE_HASH_BYTES)) return code_ref(l->codes[i]);
    return NULL;
}

static void drop_codes(struct code_list *l) {
    for (int i = 0; i < l->n; i++) code_unref(l->codes[i]);
    l->n = 0;
}

static struct vm *load_vm(struct runner *r, struct dec *d, struct code_list *l) {
    struct buf why = BUF_INIT;
    struct vm *vm = vm_load(&r->m, d, find_code, l, &why);
    if (!vm) {
        fprintf(stderr, "a task cannot be loaded: %s\n", buf_c(&why));
        exit(2);
    }
    buf_fini(&why);
    return vm;
}

/* A saved task must also fail cleanly when its record is cut short anywhere. */
static void try_damaged(struct runner *r, const struct buf *b, struct code_list *l) {
    for (size_t n = 0; n < b->len; n += 1 + b->len / 40) {
        struct buf why = BUF_INIT;
        struct dec d = dec_over(b->data, n);
        struct vm *vm = vm_load(&r->m, &d, find_code, l, &why);
        must(vm == NULL || d.bad == false);
        vm_free(vm);
        buf_fini(&why);
    }
}

static void reload_task(struct runner *r, struct task *t) {
    struct buf b = BUF_INIT;
    struct code_list l = {.n = 0};
    vm_save(t->vm, &b, NULL);
    vm_each_code(t->vm, collect_code, &l);
    vm_free(t->vm);
    if (!r->parks) try_damaged(r, &b, &l);
    struct dec d = dec_over(b.data, b.len);
    t->vm = load_vm(r, &d, &l);
    vm_set_parker(t->vm, r->parks ? 2 : NOTHING);
    drop_codes(&l);
    buf_fini(&b);
}

static void save_codes(struct runner *r, struct buf *b) {
    struct code_list l = {.n = 0};
    for (int i = 0; i < MAX_TASKS; i++)
        if (r->tasks[i].vm) vm_each_code(r->tasks[i].vm, collect_code, &l);
    enc_u64(b, (uint64_t)l.n);
    for (int i = 0; i < l.n; i++) enc_str(b, l.codes[i]->text);
    drop_codes(&l);
}

static void save_properties(struct runner *r, struct buf *b) {
    for (objid o = 0; o < 4; o++) {
        value names = db_propdefs(r->db, o);
        enc_u64(b, names.u.l->len);
        for (uint32_t i = 1; i <= names.u.l->len; i++) {
            struct propref p;
            must(db_find_property(r->db, o, list_get(names.u.l, i).u.s, &p));
            value v = db_prop_value(r->db, &p);
            enc_str(b, list_get(names.u.l, i).u.s);
            enc_value(b, v);
            value_unref(v);
        }
        value_unref(names);
    }
}

static void save_state(struct runner *r, const char *path) {
    struct buf b = BUF_INIT;
    enc_bytes(&b, buf_c(&r->out), r->out.len);
    enc_f64(&b, r->now);
    enc_i64(&b, r->next_id);
    enc_i64(&b, r->order);
    enc_i64(&b, r->forks);
    save_properties(r, &b);
    save_codes(r, &b);
    for (int i = 0; i < MAX_TASKS; i++) {
        struct task *t = &r->tasks[i];
        enc_u64(&b, t->vm != NULL);
        if (!t->vm) continue;
        enc_i64(&b, t->id);
        enc_i64(&b, t->order);
        enc_f64(&b, t->due);
        enc_value(&b, t->wake);
        vm_save(t->vm, &b, NULL);
    }
    FILE *f = fopen(path, "wb");
    must(f != NULL && fwrite(b.data, 1, b.len, f) == b.len && fclose(f) == 0);
    buf_fini(&b);
}

static void load_properties(struct runner *r, struct dec *d) {
    for (objid o = 0; o < 4; o++)
        for (uint64_t n = dec_u64(d); n > 0 && !d->bad; n--) {
            struct str *name = dec_str(d);
            value v = dec_value(d);
            must(db_add_propdef(r->db, o, name, v, 2, PF_READ) == E_NONE);
            str_unref(name);
        }
}

static bool load_state(struct runner *r, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    struct buf b = BUF_INIT;
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_add(&b, piece, n);
    fclose(f);
    struct dec d = dec_over(b.data, b.len);
    size_t len;
    const char *out = dec_bytes(&d, &len);
    buf_add(&r->out, out, len);
    r->now = dec_f64(&d);
    r->next_id = dec_i64(&d);
    r->order = (int)dec_i64(&d);
    r->forks = (int)dec_i64(&d);
    load_properties(r, &d);
    struct code_list l = {.n = (int)dec_u64(&d)};
    must(!d.bad && l.n <= 100);
    for (int i = 0; i < l.n; i++) {
        struct str *text = dec_str(&d);
        l.codes[i] = code_new(db_code_table(r->db), text, language_version(r->m.dialect), false, 1);
        str_unref(text);
    }
    for (int i = 0; i < MAX_TASKS; i++) {
        struct task *t = &r->tasks[i];
        if (!dec_u64(&d)) continue;
        t->id = dec_i64(&d);
        t->order = (int)dec_i64(&d);
        t->due = dec_f64(&d);
        t->wake = dec_value(&d);
        t->vm = load_vm(r, &d, &l);
        vm_set_parker(t->vm, r->parks ? 2 : NOTHING);
    }
    must(!d.bad && dec_at_end(&d));
    drop_codes(&l);
    buf_fini(&b);
    return true;
}

static void run_task(struct runner *r, struct task *t) {
    struct vm_limits limits = {.ticks = r->ticks, .bytes = r->m.max_task_bytes};
    struct vm_outcome o;
    value wake = t->wake;
    t->wake = value_int(0);
    switch (vm_run(t->vm, &limits, wake, &o)) {
    case VM_DONE:
        if (t->id == 1001) { /* the first; forked ones return to nobody */
            buf_add_c(&r->out, "=> ");
            value_print_literal(&r->out, o.v);
            buf_byte(&r->out, '\n');
        }
        break;
    case VM_UNCAUGHT:
    case VM_OUT_OF_TICKS:
    case VM_OUT_OF_SECONDS: print_lines(r, o.traceback); break;
    case VM_KILLED: buf_add_c(&r->out, "killed\n"); break;
    case VM_SUSPENDED:
        if (o.why == SUSPEND_PARK) t->wake = value_ref(o.v); /* and nobody else's turn comes before */
        else {
            t->due = r->now + o.seconds;
            t->order = r->order++;
        }
        vm_outcome_fini(&o);
        if (r->reload) reload_task(r, t);
        return;
    }
    vm_outcome_fini(&o);
    vm_free(t->vm);
    value_unref(t->wake);
    t->vm = NULL;
}

static struct task *next_task(struct runner *r) {
    struct task *best = NULL;
    for (int i = 0; i < MAX_TASKS; i++) {
        struct task *t = &r->tasks[i];
        if (t->vm && (!best || t->due < best->due || (t->due == best->due && t->order < best->order))) best = t;
    }
    return best;
}

/* ---- a world ---- */

static void open_world(struct runner *r) {
    *r = (struct runner){.ticks = 30000, .debug = true, .next_id = 1001, .dialect = "lambda"};
    r->db = db_world_in_memory();
    for (int i = 0; i < 4; i++) db_create(r->db, i == 0 ? NOTHING : 1 - (i == 1) * 2, i == 3 ? 3 : 2);
    static const char *const names[] = {"system", "root", "wizard", "programmer"};
    for (int i = 0; i < 4; i++) {
        struct str *s = str_from(names[i]);
        db_set_name(r->db, i, s);
        str_unref(s);
    }
    db_set_flag(r->db, 2, OF_WIZARD, true);
    for (int i = 2; i < 4; i++) {
        db_set_flag(r->db, i, OF_PLAYER, true);
        db_set_flag(r->db, i, OF_PROGRAMMER, true);
    }
}

static void add_builtin(struct runner *r, struct builtin b) { r->builtins[r->nbuiltins++] = b; }

static void open_machine(struct runner *r) {
    const struct dialect *dialect = dialect_by_name(r->dialect);
    int n;
    const struct builtin *real = builtins_for_dialect(dialect, &n);
    memcpy(r->builtins, real, (size_t)n * sizeof *real);
    r->nbuiltins = n;
    struct builtin any = {.min = 0, .max = -1, .types = {ARG_ANY, ARG_ANY, ARG_ANY, ARG_ANY, ARG_ANY}};
    add_builtin(r, (struct builtin){"print", bt_print, 0, -1, {-1, -1, -1, -1, -1}, "", "", NULL, NULL});
    any.name = "show", any.fn = bt_show;
    add_builtin(r, any);
    any.name = "yield", any.fn = bt_yield;
    add_builtin(r, any);
    any.name = "die", any.fn = bt_die;
    add_builtin(r, any);
    any.name = "t", any.fn = bt_t;
    add_builtin(r, any);
    any.name = "h", any.fn = bt_h;
    add_builtin(r, any);
    add_builtin(r, (struct builtin){"twice", bt_twice, 3, 3, {V_OBJ, V_STR, -1, -1, -1}, "", "", twice_may_wait, NULL});
    machine_init(&r->m, r->db, r->builtins, r->nbuiltins);
    r->m.dialect = dialect;
    r->m.host = r;
    r->m.hooks = (struct machine_hooks){.fork = hook_fork, .next_task_id = hook_id, .ctx = r};
}

static void close_world(struct runner *r) {
    for (int i = 0; i < MAX_TASKS; i++)
        if (r->tasks[i].vm) {
            vm_free(r->tasks[i].vm);
            value_unref(r->tasks[i].wake);
        }
    db_world_close(r->db);
    machine_fini(&r->m);
    buf_fini(&r->out);
}

static struct code *compile(struct runner *r, const char *text, size_t len) {
    struct list *messages;
    struct code *code = machine_compile_text(&r->m, text, len, &messages);
    if (!code) print_lines(r, value_list(messages));
    list_unref(messages);
    return code;
}

static void start_program(struct runner *r, const char *text, size_t len) {
    struct code *code = compile(r, text, len);
    if (!code) return;
    struct str *name = str_from("test"), *full = str_from("test program");
    struct vm_start s = {.player = 2, .this_ = 2, .caller = NOTHING, .progr = 2, .verb = {.definer = 2}, .code = code, .debug = r->debug, .verb_name = name, .full_name = full, .dobj = NOTHING, .iobj = NOTHING};
    struct vm *vm = vm_new(&r->m, &s);
    must(vm != NULL);
    code_unref(code);
    str_unref(name);
    str_unref(full);
    r->next_id = 1001;
    add_task(r, vm, r->now, r->next_id++);
}

static bool run_next(struct runner *r) {
    struct task *t = next_task(r);
    if (!t) return false;
    if (t->due > r->now) r->now = t->due;
    run_task(r, t);
    return true;
}

static void run_program(struct runner *r, const char *text, size_t len) {
    start_program(r, text, len);
    while (run_next(r)) continue;
}

/* "#0:foo [rxd] [owner]" */
static void add_verb(struct runner *r, const char *head, const char *text, size_t len) {
    int object = 0, owner = 2;
    char name[100] = "", perms[10] = "rxd";
    if (sscanf(head, "#%d:%99s %9s #%d", &object, name, perms, &owner) < 2) {
        buf_printf(&r->out, "bad verb line: %s\n", head);
        return;
    }
    unsigned flags = 0;
    for (const char *p = perms; *p; p++) flags |= *p == 'r' ? VF_READ : *p == 'w' ? VF_WRITE : *p == 'x' ? VF_EXEC : *p == 'd' ? VF_DEBUG : *p == 'p' ? VF_PARK : 0;
    struct str *names = str_from(name);
    size_t index = db_add_verb(r->db, object, names, owner, flags, VA_THIS, PREP_NONE, VA_THIS);
    str_unref(names);
    struct code *code = compile(r, text, len);
    if (code) db_verb_set_code(r->db, (struct verbref){object, (uint32_t)index}, code);
}

/* ---- files ---- */

struct section {
    char head[200];
    struct buf body;
};

static bool read_section(FILE *f, struct section *s, char *next, size_t size) {
    if (!*next) return false;
    snprintf(s->head, sizeof s->head, "%s", next);
    buf_clear(&s->body);
    char line[20000];
    *next = 0;
    while (fgets(line, sizeof line, f)) {
        if (!strncmp(line, "--- ", 4) || !strncmp(line, "=== ", 4)) {
            line[strcspn(line, "\n")] = 0;
            snprintf(next, size, "%.190s", line);
            break;
        }
        buf_add_c(&s->body, line);
    }
    while (s->body.len > 1 && s->body.data[s->body.len - 1] == '\n' && s->body.data[s->body.len - 2] == '\n') s->body.data[--s->body.len] = 0;
    return true;
}

static void set_options(struct runner *r, const char *words) {
    r->debug = !strstr(words, "nodebug");
    const char *t = strstr(words, "ticks ");
    r->ticks = t ? atoll(t + 6) : r->parks ? FEW_TICKS : 30000;
    t = strstr(words, "depth ");
    r->m.max_stack_depth = t ? atoi(t + 6) : 50;
    r->m.max_concat_catchable = strstr(words, "catchable") != NULL;
    t = strstr(words, "maxstring ");
    if (t) r->m.max_string_concat = atoll(t + 10);
    t = strstr(words, "memory ");
    r->m.max_task_bytes = t ? atoll(t + 7) : 0;
}

struct totals {
    int passed, failed;
};

static bool only_print; /* -o */

static void expect(struct runner *r, const char *file, const char *name, const struct section *s, struct totals *t) {
    if (only_print) {
        printf("=== %s\n%s", name, buf_c(&r->out));
    } else if (!strcmp(buf_c(&r->out), buf_c(&s->body))) {
        t->passed++;
    } else {
        t->failed++;
        printf("%s: %s: expected\n%sgot\n%s\n", file, name, buf_c(&s->body), buf_c(&r->out));
    }
    buf_clear(&r->out);
}

static void run_file(const char *file, bool reload, bool parks, struct totals *t) {
    FILE *f = fopen(file, "r");
    if (!f) {
        printf("%s: cannot be read\n", file);
        t->failed++;
        return;
    }
    static struct runner r;
    bool open = false;
    struct section s = {.body = BUF_INIT};
    char next[200] = "--- start", name[200] = "";
    while (read_section(f, &s, next, sizeof next)) {
        if (!strncmp(s.head, "=== ", 4)) {
            if (open) close_world(&r);
            open_world(&r);
            r.reload = reload;
            r.parks = parks;
            open = true;
            snprintf(name, sizeof name, "%.190s", s.head + 4);
            if (strstr(name, "[toast]")) r.dialect = "toast";
            open_machine(&r);
        } else if (!strncmp(s.head, "--- verb ", 9)) {
            add_verb(&r, s.head + 9, s.body.data, s.body.len);
        } else if (!strncmp(s.head, "--- run", 7)) {
            set_options(&r, s.head + 7);
            run_program(&r, buf_c(&s.body), s.body.len);
        } else if (!strncmp(s.head, "--- expect", 10)) {
            expect(&r, file, name, &s, t);
        }
    }
    if (open) close_world(&r);
    buf_fini(&s.body);
    fclose(f);
}

/* One case in a relay: straight through, or a leg of the way. */
static int run_case(const char *file, const char *wanted, const char *state, bool parks) {
    FILE *f = fopen(file, "r");
    must(f != NULL);
    static struct runner r;
    struct section s = {.body = BUF_INIT};
    char next[200] = "--- start";
    bool inside = false, started = false;
    open_world(&r);
    if (strstr(wanted, "[toast]")) r.dialect = "toast";
    open_machine(&r);
    r.relay = state != NULL;
    r.parks = parks;
    while (!started && read_section(f, &s, next, sizeof next)) {
        if (!strncmp(s.head, "=== ", 4)) inside = !strcmp(s.head + 4, wanted);
        if (!inside) continue;
        if (!strncmp(s.head, "--- verb ", 9)) add_verb(&r, s.head + 9, s.body.data, s.body.len);
        if (strncmp(s.head, "--- run", 7)) continue;
        set_options(&r, s.head + 7);
        started = true;
        if (!state || !load_state(&r, state)) start_program(&r, buf_c(&s.body), s.body.len);
    }
    fclose(f);
    buf_fini(&s.body);
    bool more = false;
    while (!more && run_next(&r)) {
        struct task *t = state ? next_task(&r) : NULL;
        more = t != NULL;
    }
    if (more) save_state(&r, state);
    else fputs(buf_c(&r.out), stdout);
    close_world(&r);
    return more ? 3 : 0;
}

/* Every jump lands in the program, every register exists, each call can be found by its node. */
static bool is_sound(const struct program *p) {
    for (uint32_t i = 0; i < p->npoints; i++) {
        const struct resume_point *point = &p->points[i];
        if (point->pc >= p->ncode || program_point_of(p, point->node) != point || program_point_at(p, point->pc) != point) return false;
        for (uint32_t k = 0; k < point->n; k++)
            if (p->places[point->first + k].reg != NO_REG && p->places[point->first + k].reg >= p->nregs) return false;
    }
    for (uint32_t i = 0; i < p->nhandlers; i++)
        if (p->handlers[i].start > p->handlers[i].end || p->handlers[i].end > p->ncode) return false;
    return p->ncode > 0;
}

static bool compile_both(struct runner *r, const char *text, size_t len, int version) {
    struct str *s = str_new(text, len);
    struct code *code = code_new(NULL, s, version, true, 1);
    str_unref(s);
    const struct program *debug = program_of(&r->m, code, true), *nodebug = program_of(&r->m, code, false);
    bool ok = !debug->broken && !nodebug->broken && is_sound(debug) && is_sound(nodebug);
    code_unref(code);
    return ok;
}

static void compile_stdin(struct totals *t) {
    static struct runner r;
    open_world(&r);
    open_machine(&r);
    int version;
    size_t len;
    char name[300];
    while (scanf("%d %zu %299[^\n]", &version, &len, name) == 3 && getchar() == '\n') {
        char *text = xmalloc(len + 1);
        must(fread(text, 1, len, stdin) == len);
        if (compile_both(&r, text, len, version)) {
            t->passed++;
        } else {
            t->failed++;
            printf("%s: does not compile\n", name);
        }
        free(text);
    }
    close_world(&r);
}

static void list_cases(const char *file) {
    FILE *f = fopen(file, "r");
    must(f != NULL);
    char line[20000];
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "=== ", 4)) fputs(line + 4, stdout);
    fclose(f);
}

static void run_text(const char *text, bool disassemble) {
    static struct runner r;
    open_world(&r);
    open_machine(&r);
    r.ticks = INT64_MAX / 2;
    if (disassemble) {
        struct code *code = compile(&r, text, strlen(text));
        if (code) {
            program_disassemble(program_of(&r.m, code, true), &r.out);
            code_unref(code);
        }
    } else {
        run_program(&r, text, strlen(text));
    }
    fputs(buf_c(&r.out), stdout);
    close_world(&r);
}

int main(int argc, char **argv) {
    struct totals t = {0, 0};
    if (argc == 3 && (!strcmp(argv[1], "-e") || !strcmp(argv[1], "-d"))) {
        run_text(argv[2], argv[1][1] == 'd');
        return 0;
    }
    bool from_stdin = argc == 2 && !strcmp(argv[1], "-c");
    if (from_stdin) compile_stdin(&t);
    if (argc == 3 && (!strcmp(argv[1], "-o") || !strcmp(argv[1], "-O") || !strcmp(argv[1], "-P"))) {
        only_print = true;
        run_file(argv[2], argv[1][1] != 'o', argv[1][1] == 'P', &t);
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "-l")) {
        list_cases(argv[2]);
        return 0;
    }
    if (argc == 4 && !strcmp(argv[1], "-s")) return run_case(argv[2], argv[3], NULL, false);
    if (argc == 5 && (!strcmp(argv[1], "-r") || !strcmp(argv[1], "-p"))) return run_case(argv[3], argv[4], argv[2], argv[1][1] == 'p');
    for (int i = 1; i < argc && !from_stdin; i++) {
        run_file(argv[i], false, false, &t);
        run_file(argv[i], true, false, &t);
    }
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
