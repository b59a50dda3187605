/* SPDX-License-Identifier: MIT */
/*
 * What bounds a slice besides its ticks: time and memory.
 *
 * Memory is counted by what this thread takes and gives back (base/pool.h) while the task runs; a task that wakes is taken to hold what it was left with when it went to sleep. Large blocks
 * are asked for before they are taken (vm_memory_fits()). For the many small ones the pool sets SLICE_MEMORY when there is more than the task may have, and the machine finds that when it counts
 * the next tick. Dead lists that are not freed yet are in the count: when it is too high they are freed first.
 *
 * Once E_QUOTA is raised there is a little more to handle it with, until the task has given back what was too much.
 */
#include "lang/vm.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"

enum { PORTION = 16384 /* elements between two looks at the clock */, HEADROOM_SHARE = 16, SHORT_NS = 1000000, HANDLER_BYTES = 4096 };

/* ---- time ---- */

bool vm_deadline_passed(const struct vm *vm) {
    const struct vm_limits *l = vm ? vm->limits : NULL;
    if (!l) return false;
    if (l->out_of_time && (__atomic_load_n(l->out_of_time, __ATOMIC_RELAXED) & SLICE_OVER)) return true;
    return l->deadline_us != 0 && clock_monotonic_us() >= l->deadline_us;
}

static bool is_over(const void *vm) { return vm_deadline_passed(vm); }

struct patience vm_patience(const struct vm *vm) { return (struct patience){is_over, vm}; }

uint64_t vm_time_left_ns(const struct vm *vm) {
    const struct vm_limits *l = vm ? vm->limits : NULL;
    if (!l || !l->finish_us) return UINT64_MAX;
    int64_t us = l->finish_us - clock_monotonic_us();
    return us < SHORT_NS / 1000 ? SHORT_NS : (uint64_t)us * 1000;
}

bool vm_can_afford(struct vm *vm, uint64_t ns) {
    if (ns <= SHORT_NS || ns <= vm_time_left_ns(vm)) return true;
    vm_abort_seconds(vm);
    return vm_error(vm, E_QUOTA);
}

bool vm_bring(struct vm *vm, objid o) {
    if (!vm) return true;
    struct patience patience = vm_patience(vm);
    if (db_bring(vm->m->db, o, &patience)) return true;
    vm_abort_seconds(vm);
    return vm_error(vm, E_QUOTA);
}

/* ---- memory ---- */

static int64_t held_now(const struct vm *vm) { return vm->held + pool_account.taken - vm->taken_before; }

/* What it holds, if that is worth a walk over the frames. */
static int64_t held_of(const struct vm *vm, int64_t most) {
    if (most <= VM_SMALL) return most < 0 ? 0 : most;
    int64_t n = vm_bytes(vm);
    return n < most ? n : most;
}

static int64_t bytes_allowed(const struct vm *vm) { return vm->limits && vm->limits->bytes > 0 ? vm->limits->bytes : INT64_MAX; }

static void set_alarm(const struct vm *vm) {
    int64_t allowed = bytes_allowed(vm);
    if (allowed != INT64_MAX) allowed += (vm->over_memory ? allowed / HEADROOM_SHARE : 0) + vm->taken_before - vm->held;
    if (vm->over_memory && allowed < pool_account.taken + HANDLER_BYTES) allowed = pool_account.taken + HANDLER_BYTES; /* or the error's own value would raise the next one, outside of what handles the first */
    pool_account.most = allowed;
}

void vm_account_begin(struct vm *vm, struct pool_account *outer) {
    *outer = pool_account;
    vm->taken_before = pool_account.taken;
    vm->over_memory = false;
    pool_account.word = vm->limits->out_of_time;
    pool_account.bit = SLICE_MEMORY;
    set_alarm(vm);
}

void vm_account_end(struct vm *vm, const struct pool_account *outer) {
    vm->held = held_of(vm, held_now(vm));
    vm->taken_before = pool_account.taken;
    pool_account.most = outer->most;
    pool_account.word = outer->word;
    pool_account.bit = outer->bit;
}

void vm_account_fork(const struct vm *vm, struct vm *child) { child->held = held_of(child, held_now(vm)); }

/* Is there room for so much more? */
static bool memory_fits(struct vm *vm, uint64_t more) {
    int64_t allowed = bytes_allowed(vm);
    bool fits;
    while (!(fits = more <= (uint64_t)allowed && held_now(vm) <= allowed - (int64_t)more) && !vm_deadline_passed(vm) && (value_free_some(PORTION) || held_now(vm) <= allowed - (int64_t)more))
        continue;
    bool was_over = vm->over_memory;
    vm->over_memory = !fits;
    if (was_over || !fits) set_alarm(vm);
    return fits;
}

static bool memory_error(struct vm *vm) { return vm_error_text(vm, E_QUOTA, str_from(VM_MEMORY_MESSAGE), value_int(0)); }

bool vm_memory_ask(struct vm *vm, uint64_t more) { return !vm || memory_fits(vm, more) || memory_error(vm); }

/* ---- both, when a tick is counted ---- */

enum go vm_interrupted(struct vm *vm) {
    bool parks = vm_parks(vm);
    int seen = __atomic_fetch_and(vm->limits->out_of_time, SLICE_OVER | (parks ? SLICE_NEAR : 0), __ATOMIC_RELAXED);
    if (seen >= SLICE_SEEN && vm->m->hooks.sampled) vm->m->hooks.sampled(vm->m->hooks.ctx, vm, seen / SLICE_SEEN);
    if (vm->abort_seconds) return vm_abort(vm, VM_OUT_OF_SECONDS); /* an operation that cannot fail was given up */
    bool no_ticks = vm->ticks <= 0 && !(parks && vm_lend_ticks(vm)), near = vm->ticks <= vm->lent || seen & SLICE_NEAR;
    if (no_ticks || seen & SLICE_OVER || (parks && near)) {
        enum go go = vm_at_limit(vm, no_ticks ? VM_OUT_OF_TICKS : VM_OUT_OF_SECONDS, no_ticks || seen & SLICE_OVER);
        if (go != GO_HERE) return go;
    }
    if (!(seen & SLICE_MEMORY) || memory_fits(vm, 0)) return GO_HERE;
    memory_error(vm);
    return vm_raise(vm); /* in a frame without d too: there is no operation whose value the error could be */
}

/* ---- large lists ---- */

static bool out_of_time(struct vm *vm) {
    if (!vm_deadline_passed(vm)) return false;
    vm_abort_seconds(vm);
    return true;
}

bool vm_list_extend(struct vm *vm, struct list **l, const struct list *from, int64_t i, int64_t n) {
    while (n > 0) {
        int64_t portion = n < PORTION ? n : PORTION;
        *l = list_extend_take(*l, from, i, portion);
        i += portion;
        n -= portion;
        if (n > 0 && out_of_time(vm)) return vm_error(vm, E_QUOTA);
    }
    return true;
}

bool vm_list_own(struct vm *vm, struct list **l, uint64_t more) {
    struct list *old = *l;
    uint64_t need = old->len + more;
    if (need <= PORTION || (old->refs == 1 && need <= old->cap)) return true;
    if (!vm_memory_fits(vm, sizeof(value) * (old->refs == 1 ? need + need / 2 - old->cap : need + need / 8))) return false;
    if (old->refs == 1 || old->len < PORTION) return true;
    struct list *copy = list_new(need + (more ? need / 8 : 0));
    bool ok = vm_list_extend(vm, &copy, old, 1, old->len);
    list_unref(ok ? old : copy);
    if (ok) *l = copy;
    return ok;
}

/* After how many comparisons with v the clock is looked at, less 1. */
static uint32_t look_often(value v) {
    if (v.type == V_STR && v.u.s->len > VM_SMALL) return 0;
    return v.type == V_LIST || v.type == V_STR || v.type == V_MAP ? 31 : PORTION - 1;
}

int64_t vm_map_find(struct vm *vm, const struct map *m, value v, bool match_case) {
    struct patience patience = vm_patience(vm);
    uint32_t often = look_often(v), i = 0;
    struct map_place at = {0};
    for (const struct map_pair *p; (p = map_next(m, &at)); i++) {
        if ((i & often) == often && out_of_time(vm)) break;
        int rc = p->v.type == v.type ? value_equal_while(p->v, v, match_case, &patience) : 0;
        if (rc > 0) return (int64_t)i + 1;
        if (rc < 0 && out_of_time(vm)) break;
    }
    return 0;
}

int64_t vm_list_find(struct vm *vm, const struct list *l, value v, bool match_case) {
    struct patience patience = vm_patience(vm);
    uint32_t often = look_often(v);
    for (uint32_t i = 0; i < l->len; i++) {
        if ((i & often) == often && out_of_time(vm)) break;
        if (l->items[i].type != v.type) continue;
        int rc = value_equal_while(l->items[i], v, match_case, &patience);
        if (rc > 0) return (int64_t)i + 1;
        if (rc < 0 && out_of_time(vm)) break;
    }
    return 0;
}
