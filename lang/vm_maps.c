/* SPDX-License-Identifier: MIT */
/* What instructions do with maps; the rules of lang/vm_ops.c hold here too. */
#include "lang/vm.h"

#include "base/map.h"

/* Whether m may take the pair. */
static bool map_has_room(const struct vm *vm, const struct map *m, value key, value v) {
    int64_t max = vm_most_map_bytes(vm);
    return m->bytes + MAP_PAIR_BYTES + value_bytes(key) + value_bytes(v) <= max || map_bytes_with(m, key, v) <= max;
}

value vm_map_item(struct vm *vm, const struct map *m, value key) {
    const struct map_pair *p = map_key_fits(key) ? map_find(m, key) : NULL;
    if (!p) vm_error(vm, map_key_fits(key) ? E_RANGE : E_TYPE);
    return p ? value_ref(p->v) : value_none();
}

bool vm_map_index(struct vm *vm, value *dest, value *base, value *index) {
    value v = vm_map_item(vm, base->u.m, *index);
    if (v.type == V_NONE) return false;
    vm_used(vm, base);
    vm_used(vm, index);
    reg_put(dest, v);
    return true;
}

/* The keys must both be there. */
static enum error check_range(const struct map *m, const value *bounds) {
    if (!map_key_fits(bounds[0]) || !map_key_fits(bounds[1])) return E_TYPE;
    return map_find(m, bounds[0]) && map_find(m, bounds[1]) ? E_NONE : E_RANGE;
}

bool vm_map_range(struct vm *vm, value *dest, value *base, value *from) {
    enum error e = check_range(base->u.m, from);
    if (e != E_NONE) return vm_error(vm, e);
    if (!vm_memory_fits(vm, sizeof(struct map_pair) * (uint64_t)base->u.m->len)) return false; /* at most */
    struct map *part = map_range(base->u.m, from[0], from[1]);
    for (int i = 0; i < 2; i++) vm_used(vm, &from[i]);
    vm_used(vm, base);
    reg_put(dest, value_map(part));
    return true;
}

bool vm_map_key_at(struct vm *vm, value *dest, struct map *m, int64_t i) {
    if (m->len == 0) return vm_error(vm, E_RANGE);
    reg_put(dest, value_ref(map_at(m, i)->key));
    return true;
}

enum error vm_map_check_store(struct vm *vm, const struct map *m, value key, value v) {
    if (!map_key_fits(key)) return E_TYPE;
    return map_has_room(vm, m, key, v) ? E_NONE : E_QUOTA;
}

bool vm_store_error(struct vm *vm, enum error e) { return e == E_QUOTA ? vm_too_large(vm) : vm_error(vm, e); }

bool vm_op_mapadd(struct vm *vm, value *dest, value *key, value *v) {
    enum error e = dest->type == V_MAP ? vm_map_check_store(vm, dest->u.m, *key, *v) : E_TYPE; /* no map: after an error in a frame without d */
    if (e != E_NONE) {
        reg_put(key, value_none());
        reg_put(v, value_none());
        return vm_store_error(vm, e);
    }
    value k = reg_take(key), held = reg_take(v);
    *dest = value_map(map_set_take(reg_take(dest).u.m, k, held));
    return true;
}

bool vm_map_check_replacement(struct vm *vm, const struct map *m, const value *bounds, const value *v) {
    enum error e = v->type == V_MAP ? check_range(m, bounds) : E_TYPE;
    if (e != E_NONE) return vm_error(vm, e);
    if (m->bytes + v->u.m->bytes - MAP_BYTES > vm_most_map_bytes(vm)) return vm_too_large(vm);
    return vm_memory_fits(vm, sizeof(struct map_pair) * ((uint64_t)m->len + v->u.m->len));
}
