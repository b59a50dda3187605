/* SPDX-License-Identifier: MIT */
#include "builtins/support.h"

/* The list argument, one holder more: what the *_take functions of base/list.h want. */
static struct list *take_list(const struct builtin_call *c) { return list_ref(c->args[0].u.l); }

struct result bf_is_member(struct builtin_call *c) {
    if (c->args[1].type != V_LIST) return result_raise(E_INVARG);
    return result_int(vm_list_find(c->vm, c->args[1].u.l, c->args[0], !has_arg(c, 2) || flag_arg(c, 2)));
}

/* `before' is clipped to 1..length + 1. */
static struct result insert(struct builtin_call *c, int64_t before) {
    struct list *l = c->args[0].u.l;
    if (!support_list_fits(c, (size_t)l->len + 1)) return support_size_error(c);
    if (before < 1) before = 1;
    if (before > (int64_t)l->len + 1) before = (int64_t)l->len + 1;
    return result_list(list_insert_take(take_list(c), before, value_ref(c->args[1])));
}

struct result bf_listinsert(struct builtin_call *c) { return insert(c, int_arg(c, 2, 1)); }

struct result bf_listappend(struct builtin_call *c) {
    int64_t behind = int_arg(c, 2, INT64_MAX - 1);
    return insert(c, behind == INT64_MAX ? behind : behind + 1);
}

static bool in_range(const struct builtin_call *c, int64_t i) { return i >= 1 && i <= (int64_t)c->args[0].u.l->len; }

struct result bf_listdelete(struct builtin_call *c) {
    int64_t i = c->args[1].u.i;
    if (!in_range(c, i)) return result_raise(E_RANGE);
    return result_list(list_delete_take(take_list(c), i));
}

struct result bf_listset(struct builtin_call *c) {
    int64_t i = c->args[2].u.i;
    if (!in_range(c, i)) return result_raise(E_RANGE);
    return result_list(list_set_take(take_list(c), i, value_ref(c->args[1])));
}

struct result bf_setadd(struct builtin_call *c) {
    struct list *l = c->args[0].u.l;
    if (vm_list_find(c->vm, l, c->args[1], false)) return result_list(take_list(c));
    if (!support_list_fits(c, (size_t)l->len + 1)) return support_size_error(c);
    return result_list(list_append_take(take_list(c), value_ref(c->args[1])));
}

struct result bf_setremove(struct builtin_call *c) {
    int64_t i = vm_list_find(c->vm, c->args[0].u.l, c->args[1], false);
    return result_list(i ? list_delete_take(take_list(c), i) : take_list(c));
}
