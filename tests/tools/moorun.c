/* SPDX-License-Identifier: MIT */
/*
 * Runs MOO programs against the machine with a fake host and prints what they print. See tests/README.md for the format of the files.
 *
 *   moorun FILE...            runs the cases of each file; "N passed, N failed"
 *   moorun -e 'PROGRAM'       runs one program and prints what it did
 *   moorun -d 'PROGRAM'       its instructions
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

enum { MAX_TASKS = 200, MAX_BUILTINS = 600 };

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
    int order;
    double now;
    struct buf out;
    int64_t ticks;
    bool debug;
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

/* yield(x): the task sleeps for a moment and wakes with x. */
static struct result bt_yield(struct builtin_call *c) {
    struct runner *r = the(c);
    for (int i = 0; i < MAX_TASKS; i++)
        if (r->tasks[i].vm == c->vm) {
            value_unref(r->tasks[i].wake);
            r->tasks[i].wake = c->nargs ? value_ref(c->args[0]) : value_int(0);
        }
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_TIMED, .seconds = 0};
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

/* ---- tasks ---- */

static struct task *add_task(struct runner *r, struct vm *vm, double due, int64_t id) {
    for (int i = 0; i < MAX_TASKS; i++)
        if (!r->tasks[i].vm) {
            r->tasks[i] = (struct task){vm, id, r->order++, due, value_int(0)};
            return &r->tasks[i];
        }
    return NULL;
}

static enum error hook_fork(void *ctx, struct vm *parent, struct vm *child, double seconds, int64_t id) {
    struct runner *r = ctx;
    (void)parent;
    return add_task(r, child, r->now + seconds, id) ? E_NONE : E_QUOTA;
}

static int64_t hook_id(void *ctx) { return ((struct runner *)ctx)->next_id++; }

static void print_lines(struct runner *r, value lines) {
    for (uint32_t i = 1; lines.type == V_LIST && i <= lines.u.l->len; i++) {
        value_print(&r->out, list_get(lines.u.l, i));
        buf_byte(&r->out, '\n');
    }
}

static void run_task(struct runner *r, struct task *t, bool first) {
    struct vm_limits limits = {.ticks = r->ticks};
    struct vm_outcome o;
    value wake = t->wake;
    t->wake = value_int(0);
    switch (vm_run(t->vm, &limits, wake, &o)) {
    case VM_DONE:
        if (first || o.v.type != V_INT || o.v.u.i != 0) {
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
        t->due = r->now + o.seconds;
        t->order = r->order++;
        vm_outcome_fini(&o);
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
    add_builtin(r, (struct builtin){"print", bt_print, 0, -1, {-1, -1, -1, -1, -1}, "", ""});
    any.name = "show", any.fn = bt_show;
    add_builtin(r, any);
    any.name = "yield", any.fn = bt_yield;
    add_builtin(r, any);
    add_builtin(r, (struct builtin){"twice", bt_twice, 3, 3, {V_OBJ, V_STR, -1, -1, -1}, "", ""});
    machine_init(&r->m, r->db, r->builtins, r->nbuiltins);
    r->m.dialect = dialect;
    r->m.host = r;
    r->m.hooks = (struct machine_hooks){hook_fork, hook_id, r};
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

static void run_program(struct runner *r, const char *text, size_t len) {
    struct code *code = compile(r, text, len);
    if (!code) return;
    struct str *name = str_from("test"), *full = str_from("test program");
    struct vm_start s = {.player = 2, .this_ = 2, .caller = NOTHING, .progr = 2, .verb = {.definer = 2}, .code = code, .debug = r->debug, .verb_name = name, .full_name = full, .dobj = NOTHING, .iobj = NOTHING};
    struct vm *vm = vm_new(&r->m, &s);
    must(vm != NULL);
    code_unref(code);
    str_unref(name);
    str_unref(full);
    struct task *t = add_task(r, vm, 0, r->next_id++);
    run_task(r, t, true);
    for (int turns = 0; turns < 100000 && (t = next_task(r)); turns++) {
        if (t->due > r->now) r->now = t->due;
        run_task(r, t, t->vm == vm);
    }
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
    for (const char *p = perms; *p; p++) flags |= *p == 'r' ? VF_READ : *p == 'w' ? VF_WRITE : *p == 'x' ? VF_EXEC : *p == 'd' ? VF_DEBUG : 0;
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
    r->ticks = t ? atoll(t + 6) : 30000;
    t = strstr(words, "depth ");
    r->m.max_stack_depth = t ? atoi(t + 6) : 50;
    r->m.max_concat_catchable = strstr(words, "catchable") != NULL;
    t = strstr(words, "maxstring ");
    if (t) r->m.max_string_concat = atoll(t + 10);
}

struct totals {
    int passed, failed;
};

static void expect(struct runner *r, const char *file, const char *name, const struct section *s, struct totals *t) {
    if (!strcmp(buf_c(&r->out), buf_c(&s->body))) {
        t->passed++;
    } else {
        t->failed++;
        printf("%s: %s: expected\n%sgot\n%s\n", file, name, buf_c(&s->body), buf_c(&r->out));
    }
    buf_clear(&r->out);
}

static void run_file(const char *file, struct totals *t) {
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
    for (int i = 1; i < argc; i++) run_file(argv[i], &t);
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
