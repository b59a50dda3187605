/* SPDX-License-Identifier: MIT */
#include "base/map.h"
#include "builtins/support.h"

/* The list argument, one holder more. */
static struct list *same_list(const struct builtin_call *c) { return list_ref(c->args[0].u.l); }

/* The same for a change of it that makes it so many elements longer, for the *_take functions of base/list.h; NULL: not possible, support_memory_error() tells. */
static struct list *list_to_change(const struct builtin_call *c, uint64_t more) {
    struct list *l = same_list(c);
    if (vm_list_own(c->vm, &l, more)) return l;
    list_unref(l);
    return NULL;
}

struct result bf_is_member(struct builtin_call *c) {
    value in = c->args[1];
    bool match_case = !has_arg(c, 2) || flag_arg(c, 2);
    if (in.type == V_MAP) return result_int(vm_map_find(c->vm, in.u.m, c->args[0], match_case));
    if (in.type != V_LIST) return result_raise(E_INVARG);
    return result_int(vm_list_find(c->vm, in.u.l, c->args[0], match_case));
}

/* `before' is clipped to 1..length + 1. */
static struct result insert(struct builtin_call *c, int64_t before) {
    struct list *l = c->args[0].u.l;
    if (!support_list_fits(c, (size_t)l->len + 1)) return support_size_error(c);
    if (before < 1) before = 1;
    if (before > (int64_t)l->len + 1) before = (int64_t)l->len + 1;
    l = list_to_change(c, 1);
    return l ? result_list(list_insert_take(l, before, value_ref(c->args[1]))) : support_memory_error();
}

struct result bf_listinsert(struct builtin_call *c) { return insert(c, int_arg(c, 2, 1)); }

struct result bf_listappend(struct builtin_call *c) {
    int64_t behind = int_arg(c, 2, INT64_MAX - 1);
    return insert(c, behind == INT64_MAX ? behind : behind + 1);
}

static bool in_range(const struct builtin_call *c, int64_t i) { return i >= 1 && i <= (int64_t)c->args[0].u.l->len; }

static struct result delete_element(struct builtin_call *c, int64_t i) {
    struct list *l = list_to_change(c, 0);
    return l ? result_list(list_delete_take(l, i)) : support_memory_error();
}

struct result bf_listdelete(struct builtin_call *c) {
    int64_t i = c->args[1].u.i;
    return in_range(c, i) ? delete_element(c, i) : result_raise(E_RANGE);
}

struct result bf_listset(struct builtin_call *c) {
    int64_t i = c->args[2].u.i;
    if (!in_range(c, i)) return result_raise(E_RANGE);
    struct list *l = list_to_change(c, 0);
    return l ? result_list(list_set_take(l, i, value_ref(c->args[1]))) : support_memory_error();
}

struct result bf_setadd(struct builtin_call *c) {
    struct list *l = c->args[0].u.l;
    if (vm_list_find(c->vm, l, c->args[1], false)) return result_list(same_list(c));
    if (!support_list_fits(c, (size_t)l->len + 1)) return support_size_error(c);
    l = list_to_change(c, 1);
    return l ? result_list(list_append_take(l, value_ref(c->args[1]))) : support_memory_error();
}

struct result bf_setremove(struct builtin_call *c) {
    int64_t i = vm_list_find(c->vm, c->args[0].u.l, c->args[1], false);
    return i ? delete_element(c, i) : result_list(same_list(c));
}
