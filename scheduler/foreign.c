/* SPDX-License-Identifier: MIT */
/* Forked tasks of text dumps: those that came with one become live tasks at the first start, live ones are described for an export. Suspended ones stay rows. */
#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"
#include "db/code.h"
#include "scheduler/state.h"

/* ---- in ---- */

static value *find_variable(struct foreign_task *t, const char *name) {
    for (size_t i = 0; i < t->nvariables; i++)
        if (str_equal_c(t->variables[i].name, name)) return &t->variables[i].v;
    return NULL;
}

static objid object_variable(struct foreign_task *t, const char *name) {
    value *v = find_variable(t, name);
    return v && v->type == V_OBJ ? v->u.o : NOTHING;
}

static struct str *text_variable(struct foreign_task *t, const char *name) { /* borrowed, or NULL */
    value *v = find_variable(t, name);
    return v && v->type == V_STR ? v->u.s : NULL;
}

static struct vm *make_vm(struct scheduler *s, struct foreign_task *t) {
    value *args = find_variable(t, "args");
    struct code *code = code_new(db_code_table(s->db), t->program, t->version, true, (int)(t->first_line > 0 && t->first_line < INT32_MAX ? t->first_line : 1));
    struct vm_start start = {.player = t->player,
                             .this_ = t->this_,
                             .caller = object_variable(t, "caller"),
                             .progr = t->programmer,
                             .verb = {t->definer, 0},
                             .code = code,
                             .debug = t->debug != 0,
                             .verb_name = t->verb,
                             .full_name = t->full_name,
                             .args = args && args->type == V_LIST ? args->u.l : NULL,
                             .argstr = text_variable(t, "argstr"),
                             .dobjstr = text_variable(t, "dobjstr"),
                             .prepstr = text_variable(t, "prepstr"),
                             .iobjstr = text_variable(t, "iobjstr"),
                             .dobj = object_variable(t, "dobj"),
                             .iobj = object_variable(t, "iobj")};
    struct vm *vm = vm_new(s->m, &start);
    code_unref(code);
    for (size_t i = 0; vm && i < t->nvariables; i++) vm_set_named_variable(vm, t->variables[i].name, value_ref(t->variables[i].v));
    return vm;
}

struct take_over {
    struct scheduler *s;
    size_t waiting; /* rows that stay */
};

static void note_taken(struct scheduler *s, uint64_t key) {
    s->foreign_taken = xrealloc(s->foreign_taken, (s->nforeign_taken + 1) * sizeof *s->foreign_taken);
    s->foreign_taken[s->nforeign_taken++] = key;
}

static bool take_row(void *ctx, uint64_t key, struct foreign_task *t) {
    struct take_over *all = ctx;
    struct scheduler *s = all->s;
    struct vm *vm = t->kind == FOREIGN_FORKED && t->program ? make_vm(s, t) : NULL;
    if (!vm) {
        all->waiting++;
        if (t->kind == FOREIGN_FORKED)
            log_warning("The forked task %lld of #%lld:%s, which came with the text dump, does not parse; it is kept as it is and written back when the world is exported.",
                        (long long)t->id, (long long)t->definer, t->full_name ? t->full_name->data : "");
        return true;
    }
    bool is_free = t->id > 0 && t->id <= INT32_MAX && !sched_task_exists(s, t->id);
    struct task *task = task_new(s, is_free ? t->id : task_new_id(s), vm);
    task->forked = true;
    task->state = TASK_SLEEPING;
    task->start_wall_us = t->time > 0 && t->time < INT64_MAX / 1000000 ? t->time * 1000000 : 0;
    saving_go_to_sleep(s, task);
    task_changed(s, task);
    note_taken(s, key);
    return true;
}

int foreign_take_over(struct scheduler *s, struct buf *why) {
    struct take_over all = {s, 0};
    if (foreign_each(s->db, take_row, &all, why) != 0) return -1;
    if (all.waiting) log_info("%zu suspended tasks of another server's dump are kept as they are.", all.waiting);
    return 0;
}

/* ---- out ---- */

static void describe(struct scheduler *s, const struct task *t, struct foreign_task *out) {
    struct activation_info top;
    struct buf program = BUF_INIT;
    must(vm_activation(t->vm, 0, &top));
    *out = (struct foreign_task){.kind = FOREIGN_FORKED,
                                 .id = t->id,
                                 .time = t->start_wall_us / 1000000,
                                 .this_ = top.this_,
                                 .player = top.player,
                                 .programmer = top.progr,
                                 .definer = top.definer,
                                 .debug = top.debug ? VF_DEBUG : 0,
                                 .verb = str_ref(top.verb_name),
                                 .full_name = str_ref(top.full_name)};
    vm_fork_program(t->vm, &program, &out->version, &out->first_line);
    out->program = buf_to_str(&program);
    buf_fini(&program);
    out->nvariables = vm_count_variables(t->vm);
    out->variables = xcalloc(out->nvariables, sizeof *out->variables);
    for (size_t i = 0; i < out->nvariables; i++) out->variables[i].name = vm_variable_at(t->vm, i, &out->variables[i].v);
    (void)s;
}

struct emitter {
    foreign_emit *emit;
    void *to;
};

static bool emit_row(void *ctx, uint64_t key, struct foreign_task *t) {
    struct emitter *e = ctx;
    (void)key;
    if (t->kind == FOREIGN_FORKED) e->emit(e->to, t);
    return true;
}

static int by_order(const void *x, const void *y) {
    const struct task *a = *(struct task *const *)x, *b = *(struct task *const *)y;
    return a->timer.order < b->timer.order ? -1 : a->timer.order > b->timer.order;
}

void sched_each_forked(void *sched, foreign_emit *emit, void *to) {
    struct scheduler *s = sched;
    struct emitter e = {emit, to};
    struct buf why = BUF_INIT;
    if (!s->foreign_live && foreign_each(s->db, emit_row, &e, &why) != 0) log_error("%s", buf_c(&why));
    buf_fini(&why);
    struct task **all = xmalloc((s->tasks.len + 1) * sizeof(struct task *)), *t;
    size_t n = 0, at = 0;
    while ((t = idmap_next(&s->tasks, &at)))
        if (t->forked) all[n++] = t;
    qsort(all, n, sizeof(struct task *), by_order);
    for (size_t i = 0; i < n; i++) {
        struct foreign_task out;
        describe(s, all[i], &out);
        emit(to, &out);
        foreign_task_fini(&out);
    }
    free(all);
}
