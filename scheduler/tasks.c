/* SPDX-License-Identifier: MIT */
/* Tasks that are set aside: how they come there, whose they are, and what kill_task(), resume(), queued_tasks() and their kin see and do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

/* ---- numbers ---- */

static uint64_t next_random(struct scheduler *s) {
    uint64_t a = s->random[0], b = s->random[1]; /* xorshift128+ */
    s->random[0] = b;
    a ^= a << 23;
    s->random[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return s->random[1] + b;
}

static bool is_running(const struct scheduler *s, int64_t id) {
    for (const struct run *r = s->run; r; r = r->outer)
        if (r->task_id == id) return true;
    return false;
}

int64_t task_new_id(struct scheduler *s) {
    if (s->random[0] == 0 && s->random[1] == 0) {
        must(getrandom(s->random, sizeof s->random, 0) == (ssize_t)sizeof s->random);
        s->random[0] |= 1;
    }
    for (;;) {
        int64_t id = (int64_t)(next_random(s) >> 33); /* 31 bits: what worlds of old have room for */
        if (id > 0 && !idmap_get(&s->tasks, id) && !is_running(s, id)) return id;
    }
}

/* ---- whose ---- */

objid task_queue_owner(struct scheduler *s, const struct vm *vm) {
    objid progr = vm_progr(vm);
    struct activation_info top;
    if (db_is_wizard(s->db, progr) && vm_activation(vm, 0, &top) && db_valid(s->db, top.player) && db_flag(s->db, top.player, OF_PLAYER)) return top.player;
    return progr;
}

static intptr_t count_of(struct scheduler *s, objid progr) {
    return (intptr_t)idmap_get(&s->counts, progr);
}

void task_count(struct scheduler *s, struct task *t, int by) {
    if (t->state == TASK_READING || t->state == TASK_WORKING) return;
    intptr_t n = count_of(s, t->progr) + by;
    if (n > 0) idmap_put(&s->counts, t->progr, (void *)n);
    else idmap_remove(&s->counts, t->progr);
}

enum error sched_check_task_limit(struct scheduler *s, objid progr) {
    struct queue *q = idmap_get(&s->queues, progr);
    int64_t limit = q ? queue_option(s, q, OWN_queued_task_limit) : option_of_player(s, progr, OWN_queued_task_limit, NULL);
    return limit < 0 || count_of(s, progr) < limit ? E_NONE : E_QUOTA;
}

/* ---- coming and going ---- */

struct task *task_new(struct scheduler *s, int64_t id, struct vm *vm) {
    struct task *t = xcalloc(1, sizeof *t);
    t->id = id;
    t->vm = vm;
    t->progr = vm_progr(vm);
    t->wake = value_int(0);
    t->conn = NOTHING;
    t->timer.order = ++s->order;
    t->stored = idmap_get(&s->dirty_tasks, id) == &s->dirty_tasks; /* it woke and sleeps again: its row of before is still there */
    t->queue = queue_get(s, task_queue_owner(s, vm));
    t->queue->tasks++;
    t->deadline = deadline_of(s, id);
    vm_set_owner(vm, t);
    idmap_put(&s->tasks, id, t);
    return t;
}

/* Out of the list, heap or input in which it waits. */
static void take_out(struct scheduler *s, struct task *t) {
    struct input *in;
    switch (t->state) {
    case TASK_READY: queue_take_task(s, t->queue, t); break;
    case TASK_SLEEPING: timers_remove(&s->sleepers, &t->timer); break;
    case TASK_READING:
        if ((in = input_get(s, t->conn)) && in->reader == t) {
            in->reader = NULL;
            input_update(s, in);
        }
        break;
    case TASK_WORKING: work_drop(s, t); break;
    case TASK_FOREVER: break;
    }
}

/* What a wake-up time in the store's rows is about to be lost for. */
void task_changed(struct scheduler *s, struct task *t) {
    idmap_put(&s->dirty_tasks, t->id, t);
}

static void forget(struct scheduler *s, struct task *t) {
    struct queue *q = t->queue;
    idmap_remove(&s->tasks, t->id);
    if (t->stored) idmap_put(&s->dirty_tasks, t->id, &s->dirty_tasks); /* its row is to go */
    else idmap_remove(&s->dirty_tasks, t->id);
    q->tasks--;
    queue_release(s, q);
    free(t);
}

struct vm *task_take_vm(struct scheduler *s, struct task *t, value *wake) {
    struct vm *vm = t->vm;
    task_will_change(s, t);
    take_out(s, t);
    task_count(s, t, -1);
    *wake = t->wake;
    saving_release_codes(s, t);
    vm_set_owner(vm, NULL);
    forget(s, t);
    return vm;
}

void task_free(struct scheduler *s, struct task *t) {
    value wake;
    struct vm *vm = task_take_vm(s, t, &wake);
    value_unref(wake);
    vm_free(vm);
}

void task_make_ready_since(struct scheduler *s, struct task *t, int64_t since_us) {
    t->state = TASK_READY;
    t->timer.due_us = since_us;
    queue_put_task(s, t->queue, t);
}

void task_make_ready(struct scheduler *s, struct task *t) {
    task_make_ready_since(s, t, clock_monotonic_us());
}

void tasks_wake(struct scheduler *s, int64_t now_us) {
    for (struct timer *first; (first = timers_due(&s->sleepers, now_us));) {
        struct task *t = TIMER_OWNER(first, struct task);
        timers_remove(&s->sleepers, first);
        task_make_ready_since(s, t, t->timer.due_us);
    }
}

static void sleep_from(struct scheduler *s, struct task *t, int64_t now_us, int64_t due_us, int64_t start_wall_us) {
    t->timer.due_us = due_us;
    t->start_wall_us = start_wall_us;
    if (due_us <= now_us) {
        tasks_wake(s, now_us); /* who was due before goes before */
        task_make_ready_since(s, t, now_us);
    } else {
        t->state = TASK_SLEEPING;
        timers_add(&s->sleepers, &t->timer);
    }
}

void task_sleep(struct scheduler *s, struct task *t, int64_t due_us, int64_t start_wall_us) {
    sleep_from(s, t, clock_monotonic_us(), due_us, start_wall_us);
}

int64_t microseconds(double seconds) {
    if (!(seconds > -9e9)) return 0;
    return seconds < 9e9 ? (int64_t)llround(seconds * 1e6) : INT64_C(9000000000000000);
}

static void sleep_for(struct scheduler *s, struct task *t, int64_t now_us, double seconds) {
    int64_t us = microseconds(seconds);
    sleep_from(s, t, now_us, now_us + us, clock_wall_us() + us);
}

enum error task_fork(struct scheduler *s, struct vm *child, double seconds, int64_t id) {
    if (sched_check_task_limit(s, vm_progr(child)) != E_NONE || vm_bytes(child) > VALUE_STORED_MAX) return E_QUOTA;
    struct task *t = task_new(s, id, child);
    t->forked = true;
    sleep_for(s, t, clock_monotonic_us(), seconds);
    task_count(s, t, 1);
    task_changed(s, t);
    s->counted.forks++;
    return E_NONE;
}

static void set_aside_reading(struct scheduler *s, struct task *t, objid conn) {
    struct input *in = input_get(s, conn);
    t->conn = conn;
    if (!in || in->reader || (!in->connected && !in->first)) { /* gone between the call and now */
        t->wake = value_err(E_INVARG);
        t->start_wall_us = clock_wall_us();
        task_make_ready(s, t);
        task_count(s, t, 1);
        task_changed(s, t);
        return;
    }
    t->state = TASK_READING;
    in->reader = t;
    input_update(s, in);
}

void task_set_aside(struct scheduler *s, int64_t id, struct vm *vm, const struct vm_outcome *o) {
    struct task *t = task_new(s, id, vm);
    s->counted.suspends++;
    if (s->turn) s->turn->yields = true;
    switch (o->why) {
    case SUSPEND_TIMED:
        t->from_suspend = true;
        t->wake = value_ref(o->v);
        sleep_for(s, t, s->lap_us, o->seconds); /* its slice has just ended */
        break;
    case SUSPEND_FOREVER:
        t->from_suspend = true;
        t->state = TASK_FOREVER;
        t->start_wall_us = INT64_MAX;
        break;
    case SUSPEND_PARK: /* whatever its limit: it never asked to wait */
        t->wake = value_ref(o->v);
        t->start_wall_us = clock_wall_us();
        task_make_ready(s, t);
        break;
    case SUSPEND_READ: set_aside_reading(s, t, o->object); return;
    case SUSPEND_SAVE:
    case SUSPEND_WORK:
        t->for_save = o->why == SUSPEND_SAVE;
        t->state = TASK_WORKING;
        t->start_wall_us = clock_wall_us();
        task_changed(s, t);
        if (o->v.type != V_LIST) return; /* whoever set it aside wakes it */
        t->wake = value_ref(o->v);
        work_begin(s, t, false);
        return;
    }
    task_count(s, t, 1);
    task_changed(s, t);
}

/* ---- for builtins ---- */

bool sched_task_exists(struct scheduler *s, int64_t id) {
    return idmap_get(&s->tasks, id) || is_running(s, id);
}

objid task_belongs_to(const struct task *t) {
    return t->state == TASK_READING ? t->conn : t->progr;
}

enum error task_may_end(struct scheduler *s, int64_t id, objid progr, struct task **t) {
    *t = idmap_get(&s->tasks, id);
    if (!*t) return E_INVARG;
    return progr == task_belongs_to(*t) || db_is_wizard(s->db, progr) ? E_NONE : E_PERM;
}

enum error sched_kill(struct scheduler *s, int64_t id, objid progr, bool *is_current) {
    *is_current = s->run && s->run->task_id == id;
    if (*is_current) return E_NONE;
    struct task *t;
    enum error e = task_may_end(s, id, progr, &t);
    if (e != E_NONE) return e;
    deadline_drop(s, id);
    value wake;
    bool has_begun = !t->forked;
    struct vm *vm = task_take_vm(s, t, &wake);
    value_unref(wake);
    if (has_begun) vm_kill(vm); /* what waits in it for a verb is finished */
    else vm_free(vm);
    return E_NONE;
}

bool sched_end_failed(struct scheduler *s, int64_t id) {
    struct task *t = idmap_get(&s->tasks, id);
    if (!t) return false;
    value lines = vm_traceback(t->vm, "Ended, as it ran when the server failed"), wake;
    tell_log(lines);
    value_unref(lines);
    deadline_drop(s, id);
    vm_free(task_take_vm(s, t, &wake));
    value_unref(wake);
    return true;
}

enum error sched_resume(struct scheduler *s, int64_t id, value v, objid progr) {
    struct task *t = idmap_get(&s->tasks, id);
    enum error e = E_NONE;
    if (!t || !t->from_suspend) e = E_INVARG;
    else if (progr != t->progr && !db_is_wizard(s->db, progr)) e = E_PERM;
    if (e != E_NONE) {
        value_unref(v);
        return e;
    }
    task_will_change(s, t);
    value_unref(t->wake);
    t->wake = v;
    if (t->state != TASK_READY) {
        if (t->state == TASK_SLEEPING) timers_remove(&s->sleepers, &t->timer);
        t->timer.order = ++s->order;
        t->start_wall_us = clock_wall_us();
        task_make_ready(s, t);
    }
    task_changed(s, t);
    return E_NONE;
}

void sched_wake_with(struct scheduler *s, int64_t id, value v) {
    struct task *t = idmap_get(&s->tasks, id);
    if (!t || t->state != TASK_WORKING) {
        value_unref(v);
        return;
    }
    task_will_change(s, t);
    value_unref(t->wake);
    t->wake = v;
    t->timer.order = ++s->order;
    t->start_wall_us = clock_wall_us();
    task_make_ready(s, t);
    task_count(s, t, 1);
    task_changed(s, t);
}

void sched_wake_raising(struct scheduler *s, int64_t id, enum error e, const char *message) {
    struct task *t = idmap_get(&s->tasks, id);
    if (t && t->state == TASK_WORKING) {
        task_will_change(s, t);
        vm_set_raise_on_wake(t->vm, e, str_from(message));
    }
    sched_wake_with(s, id, value_err(e));
}

static int64_t start_seconds(struct scheduler *s, const struct task *t) {
    if (t->state == TASK_READING) return -1;
    if (t->start_wall_us == INT64_MAX) return s->m->dialect->larger_limits ? INT64_MAX : INT32_MAX;
    return t->start_wall_us / 1000000;
}

static value task_row(struct scheduler *s, const struct task *t) {
    struct activation_info top;
    must(vm_activation(t->vm, 0, &top));
    value start = value_int(start_seconds(s, t));
    if (t->state == TASK_WORKING && s->m->dialect->work_in_words) start = value_str(str_from("waiting for work to be done"));
    return value_list(list_of(10, value_int(t->id), start, value_int(0), value_int(option_default(s, OPT_bg_ticks)), value_obj(task_belongs_to(t)),
                              value_obj(top.definer), value_str(str_ref(top.full_name)), value_int(top.line), value_obj(top.this_), value_int(vm_bytes(t->vm))));
}

static bool waits_for_time(const struct task *t) {
    return t->state == TASK_SLEEPING || t->state == TASK_FOREVER;
}

/* Reading and ready ones as they came, then by the time they wait for. */
static int compare_tasks(const void *x, const void *y) {
    const struct task *a = *(struct task *const *)x, *b = *(struct task *const *)y;
    if (waits_for_time(a) != waits_for_time(b)) return waits_for_time(a) ? 1 : -1;
    if (waits_for_time(a) && a->start_wall_us != b->start_wall_us) return a->start_wall_us < b->start_wall_us ? -1 : 1;
    return a->timer.order < b->timer.order ? -1 : a->timer.order > b->timer.order;
}

value sched_queued_tasks(struct scheduler *s, objid progr, const struct patience *patience) {
    bool all = db_is_wizard(s->db, progr);
    struct task **found = xmalloc((s->tasks.len + 1) * sizeof(struct task *));
    size_t n = 0, at = 0;
    struct task *t;
    while ((t = idmap_next(&s->tasks, &at)))
        if (all || task_belongs_to(t) == progr) found[n++] = t;
    qsort(found, n, sizeof(struct task *), compare_tasks);
    enum { PORTION = 256 };
    struct list *rows = list_new(n);
    size_t done = 0;
    for (; done < n && (done % PORTION || !patience_is_over(patience)); done++) rows = list_append_take(rows, task_row(s, found[done]));
    free(found);
    if (done == n) return value_list(rows);
    list_unref(rows);
    return value_none();
}

enum error sched_task_stack(struct scheduler *s, int64_t id, bool lines, objid progr, value *out) {
    struct task *t = idmap_get(&s->tasks, id);
    if (!t || t->forked) return E_INVARG;
    if (progr != task_belongs_to(t) && !db_is_wizard(s->db, progr)) return E_PERM;
    *out = vm_stack_list(t->vm, 0, lines);
    return E_NONE;
}

value sched_queue_owners(struct scheduler *s) {
    struct list *l = list_new(4);
    size_t at = 0;
    struct input *in;
    while ((in = idmap_next(&s->inputs, &at))) l = list_append_take(l, value_obj(in->conn));
    at = 0;
    struct queue *q;
    while ((q = idmap_next(&s->queues, &at)))
        if (q->tasks > 0 && !idmap_get(&s->inputs, q->owner)) l = list_append_take(l, value_obj(q->owner));
    return value_list(l);
}

int64_t sched_queue_count(struct scheduler *s, objid player) {
    return count_of(s, player);
}
