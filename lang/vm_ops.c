/* SPDX-License-Identifier: MIT */
/*
 * What instructions do beyond their fast paths. A function that returns false has set vm->error (or vm->abort_seconds) and changed nothing but temporaries.
 * Operands that are temporaries are used up; variables and constants are left alone.
 */
#include "lang/vm.h"

#include <math.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

enum { T_INT = 1u << V_INT, T_FLOAT = 1u << V_FLOAT, T_STR = 1u << V_STR, T_LIST = 1u << V_LIST, T_OBJ = 1u << V_OBJ, T_MAP = 1u << V_MAP };

/* The operand's value, owned: moved out of a temporary, else one more reference. */
static value operand_take(struct vm *vm, value *p) { return vm_is_temp(vm, p) ? reg_take(p) : value_ref(*p); }

bool vm_too_large(struct vm *vm) {
    if (vm->m->max_concat_catchable) return vm_error(vm, E_QUOTA);
    vm->abort_seconds = true;
    return vm_error(vm, E_QUOTA);
}

static bool string_fits(struct vm *vm, uint64_t bytes) {
    uint64_t max = vm->m->max_string_concat > 0 ? (uint64_t)vm->m->max_string_concat : 1u << 30;
    return bytes <= max ? true : vm_too_large(vm);
}

static bool list_fits(struct vm *vm, uint64_t elements) {
    uint64_t max = vm->m->max_list_concat > 0 ? (uint64_t)vm->m->max_list_concat : 1u << 28;
    return elements <= max ? true : vm_too_large(vm);
}

/* May the list, which is owned and about to be changed, become n elements longer? It may be another block then. */
static inline bool has_room(const struct list *l, uint64_t n) { return l->refs == 1 && l->len + n <= l->cap; }
static bool may_grow(struct vm *vm, value *l, uint64_t n) { return list_fits(vm, l->u.l->len + n) && (has_room(l->u.l, n) || vm_list_own(vm, &l->u.l, n)); }

/* ---- arithmetic ---- */

static bool put_float(struct vm *vm, value *dest, double f) {
    if (!isfinite(f)) return vm_error(vm, E_FLOAT);
    reg_put(dest, value_float(f));
    return true;
}

enum { COPIED_A_NS = 1 }; /* bytes of text, at least */

static bool add_strings(struct vm *vm, value *dest, value *l, value *r) {
    struct str *a = l->u.s, *b = r->u.s;
    uint64_t len = (uint64_t)a->len + b->len;
    bool grows = a != b && (l == dest || vm_is_temp(vm, l)); /* the left side is not needed any more: in place if nobody else holds it */
    if (!string_fits(vm, len)) return false;
    if (!(grows && str_has_room(a, b->len)) && !(vm_memory_fits(vm, grows ? len + len / 2 : len) && vm_can_afford(vm, len / COPIED_A_NS))) return false;
    struct str *sum;
    if (grows) {
        *l = value_none();
        sum = str_append_take(a, b->data, b->len);
    } else {
        sum = str_concat(a, b);
    }
    vm_used(vm, l);
    vm_used(vm, r);
    reg_put(dest, value_str(sum));
    return true;
}

bool vm_op_add(struct vm *vm, value *dest, value *l, value *r) {
    if (l->type == V_STR && r->type == V_STR) return add_strings(vm, dest, l, r);
    if (l->type == V_INT && r->type == V_INT) {
        reg_put(dest, value_int((int64_t)((uint64_t)l->u.i + (uint64_t)r->u.i)));
        return true;
    }
    if (l->type == V_FLOAT && r->type == V_FLOAT) return put_float(vm, dest, l->u.f + r->u.f);
    unsigned left = l->type == V_FLOAT || l->type == V_STR ? 1u << l->type : T_INT;
    return vm_error_types(vm, left, (int)r->type);
}

static int64_t int_power(int64_t base, int64_t exponent) {
    uint64_t result = 1, b = (uint64_t)base;
    for (uint64_t e = (uint64_t)exponent; e; e >>= 1) {
        if (e & 1) result *= b;
        b *= b;
    }
    return (int64_t)result;
}

static bool power_int(struct vm *vm, value *dest, int64_t base, int64_t exponent) {
    if (exponent >= 0) {
        reg_put(dest, value_int(int_power(base, exponent)));
        return true;
    }
    if (base == 0) return vm_error(vm, E_DIV);
    int64_t v = base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    reg_put(dest, value_int(v));
    return true;
}

static bool power(struct vm *vm, value *dest, const value *l, const value *r) {
    if (l->type == V_INT && r->type == V_INT) return power_int(vm, dest, l->u.i, r->u.i);
    if (l->type == V_FLOAT && r->type == V_FLOAT) return put_float(vm, dest, pow(l->u.f, r->u.f));
    if (l->type == V_FLOAT && r->type == V_INT) return put_float(vm, dest, pow(l->u.f, (double)r->u.i));
    if (l->type == V_INT) return r->type == V_FLOAT ? vm_error(vm, E_TYPE) : vm_error_types(vm, T_INT, (int)r->type);
    return vm_error_types(vm, T_INT | T_FLOAT, (int)(l->type == V_FLOAT ? r->type : l->type));
}

static bool divide_int(struct vm *vm, int op, value *dest, int64_t a, int64_t b) {
    if (b == 0) return vm_error(vm, E_DIV);
    int64_t v;
    if (op == OP_DIV) {
        v = b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    } else {
        v = b == -1 ? 0 : a % b;
        if (vm->m->dialect->floored_modulo && v != 0 && (v < 0) != (b < 0)) v += b;
    }
    reg_put(dest, value_int(v));
    return true;
}

static bool divide_float(struct vm *vm, int op, value *dest, double a, double b) {
    if (b == 0.0) return vm_error(vm, E_DIV);
    if (op == OP_DIV) return put_float(vm, dest, a / b);
    double v = fmod(a, b);
    if (vm->m->dialect->floored_modulo && v != 0.0 && (v < 0.0) != (b < 0.0)) v += b;
    return put_float(vm, dest, v);
}

bool vm_op_arith(struct vm *vm, int op, value *dest, value *l, value *r) {
    if (op == OP_POW) return power(vm, dest, l, r);
    if (l->type == V_INT && r->type == V_INT) {
        uint64_t a = (uint64_t)l->u.i, b = (uint64_t)r->u.i;
        if (op != OP_SUB && op != OP_MUL) return divide_int(vm, op, dest, l->u.i, r->u.i);
        reg_put(dest, value_int((int64_t)(op == OP_SUB ? a - b : a * b)));
        return true;
    }
    if (l->type == V_FLOAT && r->type == V_FLOAT) {
        double a = l->u.f, b = r->u.f;
        if (op != OP_SUB && op != OP_MUL) return divide_float(vm, op, dest, a, b);
        return put_float(vm, dest, op == OP_SUB ? a - b : a * b);
    }
    bool number = l->type == V_INT || l->type == V_FLOAT;
    return vm_error_types(vm, T_INT | T_FLOAT, (int)(number ? r->type : l->type));
}

bool vm_op_neg(struct vm *vm, value *dest, value *x) {
    if (x->type == V_INT) reg_put(dest, value_int((int64_t)(0 - (uint64_t)x->u.i)));
    else if (x->type == V_FLOAT) reg_put(dest, value_float(-x->u.f));
    else return vm_error_types(vm, T_INT | T_FLOAT, (int)x->type);
    return true;
}

/* ---- comparison ---- */

static bool is_ordered(uint32_t t) { return t == V_INT || t == V_OBJ || t == V_ERR || t == V_FLOAT || t == V_STR; }

bool vm_op_compare(struct vm *vm, int op, value *l, value *r, bool *result) {
    if (l->type != r->type || !is_ordered(l->type)) {
        bool mixed = (l->type == V_INT && r->type == V_FLOAT) || (l->type == V_FLOAT && r->type == V_INT);
        if (mixed || (l->type != r->type && !is_ordered(l->type))) return vm_error(vm, E_TYPE);
        return vm_error_types(vm, 1u << l->type, (int)r->type);
    }
    int c = value_compare(*l, *r);
    *result = op == OP_LT ? c < 0 : op == OP_LE ? c <= 0 : op == OP_GT ? c > 0 : c >= 0;
    vm_used(vm, l);
    vm_used(vm, r);
    return true;
}

bool vm_op_equal(struct vm *vm, value *l, value *r) {
    struct patience patience = vm_patience(vm);
    int equal = l->type == V_STR && r->type == V_STR ? str_equal(l->u.s, r->u.s) : value_equal_while(*l, *r, false, &patience);
    if (equal < 0) { /* given up: nothing happens any more but that the next tick ends the slice */
        vm_abort_seconds(vm);
        __atomic_fetch_or(vm->limits->out_of_time, SLICE_OVER, __ATOMIC_RELAXED);
    }
    vm_used(vm, l);
    vm_used(vm, r);
    return equal == 1;
}

bool vm_op_in(struct vm *vm, value *dest, value *l, value *r) {
    if (r->type != V_LIST && r->type != V_MAP) return vm_error_types(vm, T_LIST | T_MAP, (int)r->type);
    int64_t at = r->type == V_LIST ? vm_list_find(vm, r->u.l, *l, false) : vm_map_find(vm, r->u.m, *l, false);
    if (vm->abort_seconds) return false;
    vm_used(vm, l);
    vm_used(vm, r);
    reg_put(dest, value_int(at));
    return true;
}

/* ---- indexes ---- */

bool vm_op_getvar(struct vm *vm, value *dest, uint16_t reg) {
    const struct frame *f = vm_top(vm);
    value v = vm_regs(vm, f)[reg];
    if (v.type != V_NONE) {
        reg_put(dest, value_ref(v));
        return true;
    }
    if (!vm->m->dialect->detailed_messages) return vm_error(vm, E_VARNF);
    for (int i = 0; i < f->program->nvars; i++)
        if (f->program->var_reg[i] == reg) {
            struct str *name = f->program->vars[i];
            return vm_error_text(vm, E_VARNF, str_printf("Variable not found: %s", name->data), value_list(list_of(2, value_obj(NOTHING), value_str(str_ref(name)))));
        }
    return vm_error(vm, E_VARNF);
}

static int64_t length_of(const value *v) { return v->type == V_STR ? str_chars(v->u.s) : v->u.l->len; }
static bool is_sequence(const value *v) { return v->type == V_STR || v->type == V_LIST; }

bool vm_op_index(struct vm *vm, value *dest, value *base, value *index) {
    if (base->type == V_MAP) return vm_map_index(vm, dest, base, index);
    if (!is_sequence(base) || index->type != V_INT) return vm_error(vm, E_TYPE);
    int64_t i = index->u.i;
    if (i < 1 || i > length_of(base)) return vm_error(vm, E_RANGE);
    if (base->type == V_STR && !str_is_ascii(base->u.s) && !vm_can_afford(vm, base->u.s->len / COPIED_A_NS)) return false;
    value v = base->type == V_STR ? value_str(str_at(base->u.s, i)) : value_ref(list_get(base->u.l, i));
    vm_used(vm, base);
    reg_put(dest, v);
    return true;
}

bool vm_op_pushref(struct vm *vm, value *dest, const value *base, const value *index) {
    if (base->type == V_MAP) {
        value v = vm_map_item(vm, base->u.m, *index);
        if (v.type != V_NONE) reg_put(dest, v);
        return v.type != V_NONE;
    }
    if (base->type != V_LIST || index->type != V_INT) return vm_error(vm, E_TYPE);
    if (index->u.i < 1 || index->u.i > base->u.l->len) return vm_error(vm, E_RANGE);
    reg_put(dest, value_ref(list_get(base->u.l, index->u.i)));
    return true;
}

static bool part_of(struct vm *vm, const struct list *l, int64_t i, int64_t j, value *part) {
    if (!vm_memory_fits(vm, j < i ? 0 : sizeof(value) * (uint64_t)(j - i + 1))) return false;
    struct list *made = j < i ? list_empty() : list_new((size_t)(j - i + 1));
    *part = value_list(made);
    if (j < i || vm_list_extend(vm, &part->u.l, l, i, j - i + 1)) return true;
    list_unref(part->u.l);
    return false;
}

bool vm_op_range(struct vm *vm, value *dest, value *base, value *from) {
    if (base->type == V_MAP) return vm_map_range(vm, dest, base, from);
    if (!is_sequence(base) || from[0].type != V_INT || from[1].type != V_INT) return vm_error(vm, E_TYPE);
    int64_t i = from[0].u.i, j = from[1].u.i, len = length_of(base);
    if (i <= j && (i < 1 || i > len || j < 1 || j > len)) return vm_error(vm, E_RANGE);
    if (i > j) i = 1, j = 0;
    value v = value_none();
    if (base->type == V_STR) {
        uint64_t bytes = j < i ? 0 : str_is_ascii(base->u.s) ? (uint64_t)(j - i + 1) : base->u.s->len;
        if (!vm_memory_fits(vm, bytes) || !vm_can_afford(vm, bytes / COPIED_A_NS)) return false;
        v = value_str(str_range(base->u.s, i, j));
    } else if (!part_of(vm, base->u.l, i, j, &v)) {
        return false;
    }
    vm_used(vm, base);
    reg_put(dest, v);
    return true;
}

bool vm_op_length(struct vm *vm, value *dest, const value *base) {
    if (base->type == V_MAP) return vm_map_key_at(vm, dest, base->u.m, base->u.m->len);
    if (!is_sequence(base)) return vm_error(vm, E_TYPE);
    reg_put(dest, value_int(length_of(base)));
    return true;
}

bool vm_op_first(struct vm *vm, value *dest, const value *base) {
    if (base->type == V_MAP) return vm_map_key_at(vm, dest, base->u.m, 1);
    if (!is_sequence(base)) return vm_error(vm, E_TYPE);
    reg_put(dest, value_int(length_of(base) > 0));
    return true;
}

/* ---- lists ---- */

bool vm_op_listof(struct vm *vm, value *dest, value *src) {
    if (src->type != V_LIST) return vm_error_types(vm, T_LIST, (int)src->type);
    value v = operand_take(vm, src);
    reg_put(dest, v);
    return true;
}

static struct list *append_all(struct list *l, value *first, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) l = list_append_take(l, reg_take(&first[i]));
    return l;
}

bool vm_op_listadd(struct vm *vm, value *dest, value *first, uint32_t n) {
    if (dest->type != V_LIST) return vm_error(vm, E_TYPE); /* after an error in a frame without d */
    if (!may_grow(vm, dest, n)) return false;
    *dest = value_list(append_all(reg_take(dest).u.l, first, n));
    return true;
}

enum { MANY = 1 << 14 }; /* as many as vm_list_own() copies */

/* `tail' may be *l itself. */
static bool concat_many(struct vm *vm, struct list **l, struct list *tail) {
    struct list *from = list_ref(tail);
    bool ok = vm_list_own(vm, l, from->len) && vm_list_extend(vm, l, from, 1, from->len);
    list_unref(from);
    return ok;
}

bool vm_op_splice(struct vm *vm, value *dest, value *src) {
    if (dest->type != V_LIST) return vm_error(vm, E_TYPE);
    if (src->type != V_LIST) return vm_error_types(vm, T_LIST, (int)src->type);
    if (!may_grow(vm, dest, src->u.l->len)) return false;
    if (src->u.l->len < MANY) *dest = value_list(list_concat_take(reg_take(dest).u.l, src->u.l));
    else if (!concat_many(vm, &dest->u.l, src->u.l)) return false;
    vm_used(vm, src);
    return true;
}

bool vm_op_append(struct vm *vm, value *dest, value *item) {
    if (dest->type != V_LIST) return vm_error_types(vm, T_LIST, (int)dest->type);
    if (!may_grow(vm, dest, 1)) return false;
    value v = operand_take(vm, item);
    *dest = value_list(list_append_take(reg_take(dest).u.l, v));
    return true;
}

/* Drops the variable's hold on a list or map that it shares with `held' only, when it is about to be overwritten: what follows is done in place. */
static bool share_no_more(value *var, const value *held) {
    bool nest = var->type == V_LIST || var->type == V_MAP;
    if (!nest || var->type != held->type || var->u.p != held->u.p || ((struct counted *)var->u.p)->refs != 2) return false;
    ((struct counted *)var->u.p)->refs = 1;
    *var = value_none();
    return true;
}

bool vm_op_listset(struct vm *vm, value *dest, value *base, uint32_t n) {
    if (base->type != V_LIST) return vm_error(vm, E_TYPE);
    bool moved = share_no_more(dest, base);
    if (!may_grow(vm, base, n)) {
        if (moved) *dest = value_ref(*base);
        return false;
    }
    value v = value_list(append_all(reg_take(base).u.l, base + 1, n));
    reg_put(dest, v);
    return true;
}

/* ---- indexed stores ---- */

static enum error check_store(struct vm *vm, const value *base, const value *index, const value *v) {
    if (base->type == V_MAP) return vm_map_check_store(vm, base->u.m, *index, *v);
    if (index->type != V_INT || !is_sequence(base) || (base->type == V_STR && v->type != V_STR)) return E_TYPE;
    if (index->u.i < 1 || index->u.i > length_of(base)) return E_RANGE;
    if (base->type == V_STR && str_chars(v->u.s) != 1) return E_INVARG;
    return E_NONE;
}

/* base[index] = v; takes v; base changes in place if it is the only holder. */
static enum error store(struct vm *vm, value *base, const value *index, value v) {
    enum error e = check_store(vm, base, index, &v);
    if (e != E_NONE) {
        value_unref(v);
        return e;
    }
    if (base->type == V_LIST) {
        base->u.l = list_set_take(base->u.l, index->u.i, v);
    } else if (base->type == V_MAP) {
        base->u.m = map_set_take(base->u.m, value_ref(*index), v);
    } else {
        base->u.s = str_set_at_take(base->u.s, index->u.i, v.u.s);
        value_unref(v);
    }
    return E_NONE;
}

static bool contains_itself(const value *base, const value *v) { return base->type == v->type && base->u.p == v->u.p; }

/* A copy is made unless it is the only holder, and of text that is not all ASCII always. */
static bool can_store_char(struct vm *vm, const struct str *s, const struct str *c) {
    if (s->refs == 1 && str_is_ascii(s) && str_is_ascii(c)) return true;
    return vm_memory_fits(vm, s->len) && vm_can_afford(vm, (uint64_t)s->len * 3);
}

bool vm_op_setidx(struct vm *vm, value *base, value *index, value *v) {
    enum error e = check_store(vm, base, index, v);
    if (e != E_NONE) return vm_store_error(vm, e);
    if (base->type == V_LIST && !vm_list_own(vm, &base->u.l, 0)) return false;
    if (base->type == V_STR && !can_store_char(vm, base->u.s, v->u.s)) return false;
    value put = contains_itself(base, v) ? value_ref(*v) : operand_take(vm, v);
    store(vm, base, index, put);
    vm_used(vm, index);
    return true;
}

/* What `outer' holds at the index, borrowed; NONE when it is no list or map with one holder, or has nothing there. */
static value held_at(const value *outer, const value *index) {
    if (outer->type == V_MAP && outer->u.m->refs == 1 && map_key_fits(*index)) {
        const struct map_pair *p = map_find(outer->u.m, *index);
        return p ? p->v : value_none();
    }
    if (outer->type != V_LIST || outer->u.l->refs != 1 || index->type != V_INT) return value_none();
    return index->u.i < 1 || index->u.i > outer->u.l->len ? value_none() : list_get(outer->u.l, index->u.i);
}

/*
 * The chain in registers: index 1, list 1, index 2, list 2, ... index n, value. List (or map) k is an element of list k - 1; when the chain's registers and the
 * lists around are the only holders, each is taken out of its list, changed in place and put back.
 */
static void detach_chain(value *base, value *chain, uint32_t levels) {
    const value *outer = base;
    for (uint32_t i = 0; i + 1 < levels; i++) {
        value *index = &chain[2 * i], *inner = &chain[2 * i + 1];
        value at = held_at(outer, index);
        if (at.type != inner->type || at.u.p != inner->u.p || !value_is_counted(at)) return;
        value_unref(outer->type == V_LIST ? list_take_out(outer->u.l, index->u.i) : map_take_out(outer->u.m, *index));
        outer = inner;
    }
}

/* Of a chain: list or map i, counted from 0. */
static value *chain_holder(value *base, value *chain, uint32_t i) { return i == 0 ? base : &chain[2 * i - 1]; }

/* Is there memory for those that others hold too, besides what they are taken from? */
static bool copies_fit(struct vm *vm, value *base, value *chain, uint32_t levels) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < levels; i++) {
        const value *holder = chain_holder(base, chain, i);
        if (holder->type == V_LIST && holder->u.l->refs > 2) bytes += sizeof(value) * holder->u.l->len;
    }
    return vm_memory_fits(vm, bytes);
}

/* By how much the value at the end of a chain changes the size of what holds it. */
static int64_t chain_growth(const value *last, const value *index, const value *v) {
    if (last->type == V_MAP) return map_bytes_with(last->u.m, *index, *v) - last->u.m->bytes;
    return last->type == V_LIST ? value_bytes(*v) - value_bytes(list_get(last->u.l, index->u.i)) : 0;
}

/* All that can fail in a chain, before anything changes: the innermost store, and the size of maps around. */
static enum error check_chain(struct vm *vm, value *base, value *chain, uint32_t levels) {
    const value *last = chain_holder(base, chain, levels - 1), *index = &chain[2 * levels - 2], *v = &chain[2 * levels - 1];
    enum error e = check_store(vm, last, index, v);
    if (e != E_NONE || levels == 1) return e;
    int64_t growth = chain_growth(last, index, v), max = vm_most_map_bytes(vm);
    for (uint32_t i = 0; growth > 0 && i + 1 < levels; i++) {
        const value *holder = chain_holder(base, chain, i);
        if (holder->type == V_MAP && holder->u.m->bytes + growth > max) return E_QUOTA;
    }
    return E_NONE;
}

bool vm_op_setindex(struct vm *vm, value *base, value *chain, uint32_t levels, uint16_t var) {
    const struct frame *f = vm_top(vm);
    value *target = var == NO_REG ? base : &vm_regs(vm, f)[var];
    if (f->debug) {
        enum error e = check_chain(vm, base, chain, levels);
        if (e != E_NONE) return vm_store_error(vm, e);
    }
    if (!copies_fit(vm, base, chain, levels)) return false;
    if (target != base) share_no_more(target, base);
    detach_chain(base, chain, levels);
    value v = reg_take(&chain[2 * levels - 1]);
    for (uint32_t i = levels; i > 0; i--) {
        value *holder = chain_holder(base, chain, i - 1);
        if (holder->type == V_LIST && !vm_list_own(vm, &holder->u.l, 0)) { /* the time is over */
            value_unref(v);
            return false;
        }
        enum error e = store(vm, holder, &chain[2 * i - 2], v);
        if (i > 1) v = e == E_NONE ? reg_take(holder) : value_err(e);
        else if (e != E_NONE) reg_put(base, value_err(e));
    }
    for (uint32_t i = 0; i < levels; i++) vm_used(vm, &chain[2 * i]);
    if (target != base) reg_put(target, reg_take(base));
    return true;
}

/* Elements or characters before i, then v, then those after j. */
static struct str *replace_text(struct str *base, int64_t i, int64_t j, const struct str *v) {
    int64_t len = str_chars(base);
    struct str *s = i > 1 ? str_range(base, 1, i - 1) : str_new("", 0);
    s = str_append_take(s, v->data, v->len);
    if (j >= len) return s;
    size_t from = str_offset(base, j + 1);
    return str_append_take(s, base->data + from, base->len - from);
}

static bool replace_elements(struct vm *vm, struct list **l, const struct list *base, int64_t i, int64_t j, const struct list *v) {
    int64_t len = base->len, before = i > 1 ? i - 1 : 0, after = j < len ? len - j : 0;
    size_t n = (size_t)(before + v->len + after);
    if (!vm_memory_fits(vm, sizeof(value) * n)) return false;
    *l = list_new(n);
    if (vm_list_extend(vm, l, base, 1, before) && vm_list_extend(vm, l, v, 1, v->len) && vm_list_extend(vm, l, base, j + 1, after)) return true;
    list_unref(*l);
    return false;
}

static bool replace_range(struct vm *vm, value *result, const value *base, int64_t i, int64_t j, const value *v) {
    result->type = base->type;
    if (base->type == V_LIST) return replace_elements(vm, &result->u.l, base->u.l, i, j, v->u.l);
    uint64_t bytes = 2 * (uint64_t)base->u.s->len + v->u.s->len;
    if (!vm_memory_fits(vm, bytes) || !vm_can_afford(vm, bytes / COPIED_A_NS)) return false;
    result->u.s = replace_text(base->u.s, i, j, v->u.s);
    return true;
}

static bool check_range(struct vm *vm, const value *base, const value *bounds, const value *v) {
    if (base->type == V_MAP) return vm_map_check_replacement(vm, base->u.m, bounds, v);
    if (!is_sequence(base) || base->type != v->type || bounds[0].type != V_INT || bounds[1].type != V_INT) return vm_error(vm, E_TYPE);
    if (bounds[0].u.i > length_of(base) + 1 || bounds[1].u.i < 0) return vm_error(vm, E_RANGE);
    uint64_t total = (uint64_t)length_of(base) * 2 + (uint64_t)length_of(v);
    return base->type == V_STR ? string_fits(vm, (uint64_t)base->u.s->len + v->u.s->len) : total < (1u << 20) || list_fits(vm, total - (uint64_t)length_of(base));
}

bool vm_op_setrange(struct vm *vm, value *base, value *bounds, value *v, uint16_t var) {
    const struct frame *f = vm_top(vm);
    value result = value_none();
    if (check_range(vm, base, bounds, v)) {
        int64_t i = bounds[0].u.i, j = bounds[1].u.i;
        if (base->type == V_MAP) result = value_map(map_replace_range(base->u.m, bounds[0], bounds[1], v->u.m));
        else if (!replace_range(vm, &result, base, i < 1 ? 1 : i, j, v)) return false;
    } else if (f->debug || vm->abort_seconds) {
        return false;
    } else {
        result = value_ref(vm->error.code);
    }
    vm_used(vm, v);
    for (int i = 0; i < 2; i++) vm_used(vm, &bounds[i]);
    if (var == NO_REG) {
        reg_put(base, result);
        return true;
    }
    value *target = &vm_regs(vm, f)[var];
    if (target != base) vm_used(vm, base);
    reg_put(target, result);
    return true;
}

/* ---- properties ---- */

static bool property_error(struct vm *vm, enum error e, objid o, struct str *name) {
    if (e != E_PROPNF || !vm->m->dialect->detailed_messages) return vm_error(vm, e);
    struct str *text = str_printf("Property not found: #%lld.%s", (long long)o, name->data);
    return vm_error_text(vm, e, text, value_list(list_of(2, value_obj(o), value_str(str_ref(name)))));
}

bool vm_op_get_property(struct vm *vm, value *dest, const value *obj, struct str *name, struct prop_cache *cache) {
    if (obj->type != V_OBJ) return vm_error_types(vm, T_OBJ, (int)obj->type);
    value v;
    if (!vm_bring(vm, obj->u.o)) return false;
    struct patience patience = vm_patience(vm);
    enum error e = db_get_property(vm->m->db, obj->u.o, name, vm_top(vm)->progr, cache, &patience, &v);
    if (e != E_NONE) return property_error(vm, e, obj->u.o, name);
    if (v.type == V_NONE) {
        vm_abort_seconds(vm);
        return vm_error(vm, E_QUOTA);
    }
    reg_put(dest, v);
    return true;
}

bool vm_op_get_property_dynamic(struct vm *vm, value *dest, const value *obj, const value *name) {
    if (name->type != V_STR) return vm_error_types(vm, T_STR, (int)name->type);
    if (!vm_can_afford(vm, (uint64_t)name->u.s->len * VM_NAME_NS)) return false;
    return vm_op_get_property(vm, dest, obj, name->u.s, NULL);
}

/* Who becomes a wizard, and by whose program, is in the log. */
static void log_wizard_change(struct vm *vm, objid o, bool now) {
    log_info("%sWIZARDED: #%lld by programmer #%lld", now ? "" : "DE", (long long)o, (long long)vm_top(vm)->progr);
    value lines = vm_traceback(vm, now ? "Wizard bit set." : "Wizard bit unset.");
    for (uint32_t i = 1; lines.type == V_LIST && i <= lines.u.l->len; i++) {
        value line = list_get(lines.u.l, i);
        if (line.type == V_STR) log_info("%s", line.u.s->data);
    }
    value_unref(lines);
}

bool vm_op_set_property(struct vm *vm, const value *obj, struct str *name, value *v, struct prop_cache *cache) {
    if (obj->type != V_OBJ) return vm_error_types(vm, T_OBJ, (int)obj->type);
    if (!vm_bring(vm, obj->u.o)) return false;
    bool was_wizard = db_is_wizard(vm->m->db, obj->u.o);
    enum error e = db_set_property(vm->m->db, obj->u.o, name, value_ref(*v), vm_top(vm)->progr, cache);
    if (e != E_NONE) return property_error(vm, e, obj->u.o, name);
    if (db_is_wizard(vm->m->db, obj->u.o) != was_wizard) log_wizard_change(vm, obj->u.o, !was_wizard);
    return true;
}

bool vm_op_set_property_dynamic(struct vm *vm, const value *obj, const value *name, value *v) {
    if (obj->type != V_OBJ) return vm_error_types(vm, T_OBJ, (int)obj->type);
    if (name->type != V_STR) return vm_error_types(vm, T_STR, (int)name->type);
    return vm_op_set_property(vm, obj, name->u.s, v, NULL);
}

/* ---- scattering ---- */

static bool check_scatter(struct vm *vm, const value *src, const struct scatter *s) {
    if (src->type != V_LIST) return vm_error_types(vm, T_LIST, (int)src->type);
    uint32_t n = src->u.l->len;
    if (n < s->nrequired || (!s->rest && n > s->nrequired + s->noptional)) return vm_error(vm, E_ARGS);
    return true;
}

/* What the item with the @ gets. */
static bool rest_of(struct vm *vm, const struct list *l, const struct scatter *s, uint32_t optional, uint32_t rest, value *part) {
    int64_t at = 1;
    for (uint32_t i = 0; i < s->nitems && s->items[i].kind != N_REST; i++) {
        if (s->items[i].kind == N_TARGET) at++;
        else if (optional > 0) optional--, at++;
    }
    return part_of(vm, l, at, at + rest - 1, part);
}

/* The list's elements are dealt in order; the list may lie in a variable that is a target. */
bool vm_op_scatter(struct vm *vm, value *src, const struct scatter *s, uint32_t *pc) {
    if (!check_scatter(vm, src, s)) return false;
    value *r = vm_regs(vm, vm_top(vm));
    struct list *l = list_ref(src->u.l);
    uint32_t n = l->len, optional = n - s->nrequired, at = 1;
    if (optional > s->noptional) optional = s->noptional;
    uint32_t rest = n - s->nrequired - optional;
    value part = value_none();
    if (s->rest && !rest_of(vm, l, s, optional, rest, &part)) {
        list_unref(l);
        return false;
    }
    *pc = s->done;
    bool wanting = false;
    for (uint32_t i = 0; i < s->nitems; i++) {
        const struct scatter_item *t = &s->items[i];
        if (t->kind == N_REST) {
            reg_put(&r[t->reg], part);
            at += rest;
        } else if (t->kind == N_TARGET || optional > 0) {
            reg_put(&r[t->reg], value_ref(list_get(l, at++)));
            if (t->kind == N_OPTIONAL) optional--;
        } else if (t->has_default && !wanting) {
            *pc = t->pc;
            wanting = true;
        }
    }
    list_unref(l);
    return true;
}

/* ---- loops and forks ---- */

/* Element, character or value i, owned; NONE: it has none. */
static value loop_item(const value *over, int64_t i) {
    if (i < 1) return value_none();
    if (over->type == V_MAP) return i <= (int64_t)over->u.m->len ? value_ref(map_at(over->u.m, i)->v) : value_none();
    if (over->type == V_LIST) return i <= (int64_t)over->u.l->len ? value_ref(list_get(over->u.l, i)) : value_none();
    return over->type == V_STR && i <= str_chars(over->u.s) ? value_str(str_at(over->u.s, i)) : value_none();
}

bool vm_op_for_list(struct vm *vm, value *state, value *var, bool *enter) {
    bool more = vm->m->dialect->loops_over_more && (state->type == V_STR || state->type == V_MAP);
    if (state->type != V_LIST && !more) return vm_error_types(vm, T_STR | T_LIST | T_MAP, (int)state->type);
    reg_put(&state[1], value_int(0));
    *enter = vm_op_for_next(state, var);
    return true;
}

bool vm_op_for_next(value *state, value *var) {
    value v = state[1].type == V_INT && state[1].u.i < INT32_MAX ? loop_item(state, state[1].u.i + 1) : value_none();
    if (v.type == V_NONE) {
        reg_put(state, value_none());
        return false;
    }
    state[1].u.i++;
    reg_put(var, v);
    return true;
}

void vm_op_for_key(const value *state, value *dest) {
    int64_t i = state[1].type == V_INT ? state[1].u.i : 0;
    bool in_map = state->type == V_MAP && i >= 1 && i <= (int64_t)state->u.m->len;
    reg_put(dest, in_map ? value_ref(map_at(state->u.m, i)->key) : value_int(i));
}

bool vm_op_for_range(struct vm *vm, value *state, value *var, bool *enter) {
    uint32_t t = state[0].type;
    if (t != V_INT && t != V_OBJ) return vm_error_types(vm, T_INT | T_OBJ, (int)t);
    if (t != state[1].type) return vm_error(vm, E_TYPE);
    *enter = state[0].u.i <= state[1].u.i;
    if (*enter) reg_put(var, state[0]);
    return true;
}

static bool fork_delay(struct vm *vm, const value *v, double *seconds) {
    if (v->type == V_INT) *seconds = (double)v->u.i;
    else if (v->type == V_FLOAT && vm->m->dialect->fractional_delays) *seconds = v->u.f;
    else return vm_error_types(vm, T_INT | T_FLOAT, (int)v->type);
    return *seconds >= 0 ? true : vm_error(vm, E_INVARG);
}

bool vm_op_fork(struct vm *vm, struct insn i) {
    struct machine_hooks *hooks = &vm->m->hooks;
    struct frame *f = vm_top(vm);
    double seconds = 0;
    if (vm->abort_seconds || !fork_delay(vm, &vm_regs(vm, f)[i.a], &seconds)) return false;
    if (!hooks->fork) return vm_error(vm, E_QUOTA);
    struct vm *child = vm_fork(vm, f, f->program->forks[i.b].node);
    int64_t id = hooks->next_task_id(hooks->ctx);
    if (i.c != NO_REG) reg_put(&vm_regs(child, child->frames)[i.c], value_int(id));
    enum error e = hooks->fork(hooks->ctx, vm, child, seconds, id);
    if (e != E_NONE) {
        vm_free(child);
        return vm_error(vm, e);
    }
    f = vm_top(vm);
    if (i.c != NO_REG) reg_put(&vm_regs(vm, f)[i.c], value_int(id));
    return true;
}
