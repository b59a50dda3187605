/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading what does not run. A saved vm:
 *
 *   varint version (1), zigzag error to raise on waking (-1 none; -2: it parked, and wakes with a plain value), varint number of frames, then each frame from the outermost on:
 *   varint kind. 1, a built-in that waits for a verb it called: name, zigzag step, value state, zigzag player.
 *   0, a program: 16 bytes code hash; varint flags (1 debug, 2 parks), entry, node (lang/resume.h); zigzag this, player, programmer, definer, caller; string verb name, full names;
 *   the six command variables as values; value args; varint number of variables, each as string name and value (NONE: unassigned), in the program's order;
 *   varint number of slots, each as varint kind, node, sub and value, in the order of resume.c.
 *
 * Names make sure that a record is not put into another program's variables; slots are checked one by one against what the program has at this node.
 */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/str.h"
#include "lang/vm.h"

enum { FRAMES_VERSION = 1, KIND_PROGRAM = 0, KIND_BUILTIN = 1, FLAG_DEBUG = 1, FLAG_PARKS = 2, WAKES_PARKED = -2 };

void vm_each_code(const struct vm *vm, void (*fn)(void *ctx, struct code *code), void *ctx) {
    for (uint32_t i = 0; i < vm->nframes; i++)
        if (vm->frames[i].code) fn(ctx, vm->frames[i].code);
}

/* ---- saving ---- */

static bool has_begun(const struct vm *vm, const struct frame *f) { return !(vm->state == VM_NEW && f == vm->frames); }

/* A list being built: what is in its register, and the elements that are not yet in it. Owned. */
static value list_in_parts(value base, const value *first, uint32_t n) {
    if (base.type != V_LIST) return value_ref(base); /* the error that took its place in a frame without d */
    struct list *l = list_ref(base.u.l);
    for (uint32_t i = 0; i < n; i++) l = list_append_take(l, value_ref(first[i]));
    return value_list(l);
}

static void save_slot(const struct vm *vm, const struct frame *f, const struct resume_slot *s, const struct place *at, struct buf *out, struct shares_out *shares) {
    const value *r = vm_regs(vm, f);
    value held = at->reg == NO_REG ? f->program->consts[at->konst] : r[at->reg];
    enc_u64(out, s->kind);
    enc_u64(out, s->node);
    enc_u64(out, s->sub);
    value v = list_in_parts(held, r + at->first, s->kind == SLOT_LIST ? at->n : 0);
    enc_value_shared(out, v, shares);
    value_unref(v);
}

/* Built-in variables that the program's language does not have came later than records that lack them. */
static bool is_told(const struct program *p, int i) { return i < p->nbuiltin || i >= BV_COUNT; }

static uint64_t count_told(const struct program *p) { return (uint64_t)(p->nvars - (BV_COUNT - p->nbuiltin)); }

static void save_variables(const struct vm *vm, const struct frame *f, struct buf *out, struct shares_out *shares) {
    const struct program *p = f->program;
    enc_u64(out, count_told(p));
    for (int i = 0; i < p->nvars; i++) {
        if (!is_told(p, i)) continue;
        enc_str(out, p->vars[i]);
        enc_value_shared(out, i < BV_COUNT || p->var_reg[i] != NO_REG ? vm_frame_variable(vm, f, i) : value_none(), shares);
    }
}

static void save_program(const struct vm *vm, const struct frame *f, struct buf *out, struct shares_out *shares) {
    const struct resume_point *point = NULL;
    uint32_t node = f->entry;
    if (has_begun(vm, f)) {
        point = program_point_at(f->program, f->pc - 1);
        must(point != NULL);
        node = point->node;
    }
    buf_add(out, f->code->hash, CODE_HASH_BYTES);
    enc_u64(out, (f->debug ? FLAG_DEBUG : 0) | (f->parks ? FLAG_PARKS : 0));
    enc_u64(out, f->entry);
    enc_u64(out, node);
    const objid ids[] = {f->this_, f->player, f->progr, f->definer, f->caller};
    for (int i = 0; i < 5; i++) enc_i64(out, ids[i]);
    enc_str(out, f->verb_name);
    enc_str(out, f->full_name);
    for (int i = 0; i < COMMAND_VARS; i++) enc_value_shared(out, f->command->v[i], shares);
    enc_value_shared(out, f->args, shares);
    save_variables(vm, f, out, shares);
    uint32_t n = point ? point->n : 0;
    enc_u64(out, n);
    for (uint32_t i = 0; i < n; i++) save_slot(vm, f, &f->program->slots[point->first + i], &f->program->places[point->first + i], out, shares);
}

static void save_builtin(const struct vm *vm, const struct frame *f, struct buf *out, struct shares_out *shares) {
    const char *name = vm->m->builtins[f->builtin].name;
    enc_bytes(out, name, strlen(name));
    enc_i64(out, f->step);
    enc_value_shared(out, f->state, shares);
    enc_i64(out, f->player);
}

void vm_save(const struct vm *vm, struct buf *out, struct shares_out *shares) {
    must(vm->state == VM_NEW || vm->state == VM_SLEEPING);
    enc_u64(out, FRAMES_VERSION);
    enc_i64(out, vm->parked ? WAKES_PARKED : vm->raise_on_wake);
    enc_u64(out, vm->nframes);
    for (uint32_t i = 0; i < vm->nframes; i++) {
        const struct frame *f = &vm->frames[i];
        enc_u64(out, f->program ? KIND_PROGRAM : KIND_BUILTIN);
        if (f->program) save_program(vm, f, out, shares);
        else save_builtin(vm, f, out, shares);
    }
}

/* ---- loading ---- */

struct loader {
    struct machine *m;
    struct dec *d;
    struct code *(*find_code)(void *ctx, const uint8_t *hash);
    void *ctx;
    struct buf *why;
    struct vm *vm;
};

static bool fault(struct loader *l, const char *what) {
    if (l->why && l->why->len == 0) buf_add_c(l->why, what);
    return false;
}

/* Puts a saved list back into the registers that this program keeps its parts in. */
static bool place_list(struct loader *l, struct frame *f, const struct place *at, value v) {
    value *r = vm_regs(l->vm, f);
    if (at->reg == NO_REG && at->n == 0) return true;
    if (v.type != V_LIST) {
        if (at->reg == NO_REG) return fault(l, "a saved list is none");
        reg_put(&r[at->reg], value_ref(v));
        return true;
    }
    uint32_t len = v.u.l->len;
    if (len < at->n || (at->reg == NO_REG && len != at->n)) return fault(l, "a saved list is too short");
    for (uint32_t i = 0; i < at->n; i++) reg_put(&r[at->first + i], value_ref(list_get(v.u.l, len - at->n + i + 1)));
    if (at->reg != NO_REG) reg_put(&r[at->reg], value_list(list_range(v.u.l, 1, (int64_t)len - at->n)));
    return true;
}

static bool slot_type_fits(const struct resume_slot *s, value v) {
    switch ((enum resume_kind)s->kind) {
    case SLOT_LOOP_POSITION:
    case SLOT_PENDING: return v.type == V_INT;
    case SLOT_LOOP_CURRENT:
    case SLOT_LOOP_END: return v.type == V_INT || v.type == V_OBJ;
    case SLOT_LOOP_LIST: return v.type == V_LIST || v.type == V_STR || v.type == V_MAP;
    case SLOT_SOURCE: return v.type == V_LIST;
    case SLOT_MAP:
    case SLOT_VALUE:
    case SLOT_LIST:
    case SLOT_CODES:
    case SLOT_PENDING_VALUE: return v.type != V_CLEAR;
    }
    return false;
}

static bool load_slot(struct loader *l, struct frame *f, const struct resume_slot *s, const struct place *at) {
    uint64_t kind = dec_u64(l->d), node = dec_u64(l->d), sub = dec_u64(l->d);
    value v = dec_value(l->d);
    bool ok = !l->d->bad && kind == s->kind && node == s->node && sub == s->sub && slot_type_fits(s, v);
    if (!ok) fault(l, "a saved frame does not fit its program");
    else if (s->kind == SLOT_LIST) ok = place_list(l, f, at, v);
    else if (at->reg != NO_REG && at->reg >= f->program->nlocals) reg_put(&vm_regs(l->vm, f)[at->reg], value_ref(v));
    value_unref(v);
    return ok;
}

static bool load_slots(struct loader *l, struct frame *f, const struct resume_point *point) {
    uint32_t want = point ? point->n : 0;
    if (dec_u64(l->d) != want) return fault(l, "a saved frame does not fit its program");
    for (uint32_t i = 0; i < want; i++)
        if (!load_slot(l, f, &f->program->slots[point->first + i], &f->program->places[point->first + i])) return false;
    return true;
}

static bool load_variable(struct loader *l, struct frame *f, int i) {
    bool same_name = dec_str_is(l->d, f->program->vars[i]);
    value v = dec_value(l->d);
    bool ok = !l->d->bad && same_name && v.type != V_CLEAR;
    uint16_t r = f->program->var_reg[i];
    if (!ok) fault(l, "a saved frame has other variables than its program");
    else if (r != NO_REG) reg_put(&vm_regs(l->vm, f)[r], value_ref(v));
    value_unref(v);
    return ok;
}

static bool load_variables(struct loader *l, struct frame *f) {
    if (dec_u64(l->d) != count_told(f->program)) return fault(l, "a saved frame has other variables than its program");
    for (int i = 0; i < f->program->nvars; i++)
        if (is_told(f->program, i) && !load_variable(l, f, i)) return false;
    return true;
}

static struct code *load_code(struct loader *l) {
    uint8_t hash[CODE_HASH_BYTES];
    for (int i = 0; i < CODE_HASH_BYTES; i++) {
        if (l->d->p == l->d->end) {
            l->d->bad = true;
            return NULL;
        }
        hash[i] = *l->d->p++;
    }
    struct code *code = l->find_code(l->ctx, hash);
    if (!code) fault(l, "the program of a saved frame is missing");
    return code;
}

static struct str *load_name(struct loader *l) {
    struct str *s = dec_str(l->d);
    return s ? s : str_empty();
}

static void load_activation(struct loader *l, struct frame *f) {
    objid *const ids[] = {&f->this_, &f->player, &f->progr, &f->definer, &f->caller};
    for (int i = 0; i < 5; i++) *ids[i] = dec_i64(l->d);
    f->verb_name = load_name(l);
    f->full_name = load_name(l);
    f->command = command_vars_new();
    for (int i = 0; i < COMMAND_VARS; i++) reg_put(&f->command->v[i], dec_value(l->d));
    f->args = dec_value(l->d);
}

/* Where the frame goes on: behind the instruction that waits, or at its entry. */
static bool place_frame(struct loader *l, struct frame *f, uint64_t node, bool outermost, bool last, const struct resume_point **point) {
    *point = NULL;
    if (node == f->entry && outermost) {
        l->vm->state = VM_NEW;
        return true;
    }
    *point = node <= UINT32_MAX ? program_point_of(f->program, (uint32_t)node) : NULL;
    if (!*point) return fault(l, "a saved frame waits at no place of its program");
    f->pc = (*point)->pc + 1;
    bool parks_here = l->vm->parked && last;
    return !vm_is_at_loop(f) || parks_here || fault(l, "a saved frame waits at a loop without having parked there");
}

static bool load_program(struct loader *l, bool outermost, bool last) {
    struct code *code = load_code(l);
    if (!code) return false;
    uint64_t flags = dec_u64(l->d);
    bool debug = flags & FLAG_DEBUG;
    uint64_t entry = dec_u64(l->d), node = dec_u64(l->d);
    struct program *p = program_of(l->m, code, debug);
    bool ok = !p->broken && entry <= UINT32_MAX && program_entry_pc(p, (uint32_t)entry) != UINT32_MAX;
    if (!ok) {
        code_unref(code);
        return fault(l, p->broken ? "the program of a saved frame does not parse" : "a saved frame has an entry that its program has not");
    }
    if (outermost && last) vm_make_room(l->vm, 1, p->nregs + 1u); /* as most of them are */
    struct frame *f = vm_push_program(l->vm, p, code, debug, (uint32_t)entry);
    code_unref(code);
    f->parks = flags & FLAG_PARKS;
    load_activation(l, f);
    const struct resume_point *point;
    return load_variables(l, f) && place_frame(l, f, node, outermost, last, &point) && load_slots(l, f, point);
}

static bool load_builtin(struct loader *l, bool outermost) {
    size_t len;
    const char *name = dec_bytes(l->d, &len);
    int id = name ? machine_find_builtin(l->m, name, len) : -1;
    int64_t step = dec_i64(l->d);
    value state = dec_value(l->d);
    objid player = dec_i64(l->d);
    struct vm *vm = l->vm;
    bool known = !l->d->bad && id >= 0 && step > 0 && step <= INT32_MAX;
    const struct builtin *b = known ? &l->m->builtins[id] : NULL;
    if (!known || outermost || !vm_top(vm)->program || !b->may_wait || !b->may_wait(l->m, (int)step, state)) {
        value_unref(state);
        return fault(l, "a saved task waits in a built-in function that is not here, or at a step that it has not");
    }
    uint32_t base = vm_top(vm)->base + vm_top(vm)->program->nregs;
    struct frame *f = vm_new_frame(vm);
    *f = (struct frame){.base = base, .player = player, .this_ = NOTHING, .progr = NOTHING, .definer = NOTHING, .builtin = id, .step = (int32_t)step, .state = state, .args = value_none()};
    return true;
}

static bool load_frames(struct loader *l) {
    if (dec_u64(l->d) != FRAMES_VERSION) return fault(l, "a saved task is of a version that this build does not know");
    int64_t e = dec_i64(l->d);
    uint64_t n = dec_u64(l->d);
    if (l->d->bad || n == 0 || e < WAKES_PARKED || e > 1000) return fault(l, "a saved task is damaged");
    l->vm->parked = e == WAKES_PARKED;
    l->vm->raise_on_wake = e >= 0 ? (int)e : -1;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t kind = dec_u64(l->d);
        if (l->d->bad || kind > KIND_BUILTIN) return fault(l, "a saved task is damaged");
        if (kind == KIND_PROGRAM ? !load_program(l, i == 0, i + 1 == n) : !load_builtin(l, i == 0)) return fault(l, "a saved task is damaged");
        if (l->vm->state == VM_NEW && (n > 1 || e != -1)) return fault(l, "a saved task is damaged");
    }
    if (l->d->bad || !vm_top(l->vm)->program) return fault(l, "a saved task is damaged");
    return true;
}

struct vm *vm_load(struct machine *m, struct dec *d, struct code *(*find_code)(void *ctx, const uint8_t *hash), void *ctx, struct buf *why) {
    struct loader l = {m, d, find_code, ctx, why, vm_alloc(m)};
    l.vm->state = VM_SLEEPING;
    if (load_frames(&l)) {
        l.vm->held = vm_bytes(l.vm);
        return l.vm;
    }
    vm_free(l.vm);
    return NULL;
}
