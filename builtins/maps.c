/* SPDX-License-Identifier: MIT */
/* Functions of maps. */
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "builtins/support.h"

static struct map *map_arg(const struct builtin_call *c) { return c->args[0].u.m; }

/* The pair with this very key, NULL if there is none; without `match_case' also one that is spelled otherwise. */
static const struct map_pair *find_spelled(const struct map *m, value key, bool match_case) {
    const struct map_pair *p = map_key_fits(key) ? map_find(m, key) : NULL;
    return p && match_case && !value_identical(p->key, key) ? NULL : p;
}

struct result bf_maphaskey(struct builtin_call *c) {
    if (!map_key_fits(c->args[1])) return result_raise(E_TYPE);
    return result_int(find_spelled(map_arg(c), c->args[1], flag_arg(c, 2)) != NULL);
}

/* The keys of the map, or its values. */
static struct result list_side(struct builtin_call *c, bool keys) {
    const struct map *m = map_arg(c);
    if (!support_list_fits(c, m->len)) return support_size_error(c);
    if (!vm_memory_fits(c->vm, sizeof(value) * m->len)) return support_memory_error();
    struct list *l = list_new(m->len);
    struct map_place at = {0};
    for (const struct map_pair *p; (p = map_next(m, &at));) {
        l = list_append_take(l, value_ref(keys ? p->key : p->v));
        if (l->len % PATIENCE_STEPS || !vm_deadline_passed(c->vm)) continue;
        list_unref(l);
        return support_gave_up(c);
    }
    return result_list(l);
}

struct result bf_mapkeys(struct builtin_call *c) { return list_side(c, true); }

struct result bf_mapvalues(struct builtin_call *c) {
    if (c->nargs == 1) return list_side(c, false);
    struct list *values = list_new((size_t)c->nargs - 1);
    for (int i = 1; i < c->nargs; i++) {
        const struct map_pair *p = find_spelled(map_arg(c), c->args[i], true);
        if (!p) {
            list_unref(values);
            return result_raise(E_RANGE);
        }
        values = list_append_take(values, value_ref(p->v));
        if (i % PATIENCE_STEPS == 0 && vm_deadline_passed(c->vm)) {
            list_unref(values);
            return support_gave_up(c);
        }
    }
    return result_list(values);
}

static struct result key_missing(value key) {
    struct str *literal = value_to_literal(key), *message = str_printf("Key %s not found in map", literal->data);
    struct result r = result_raise_text(E_RANGE, message->data);
    r.extra = value_ref(key);
    str_unref(literal);
    str_unref(message);
    return r;
}

static struct result delete_keys(struct builtin_call *c, const struct list *keys) {
    struct map *m = map_ref(map_arg(c));
    for (uint32_t i = 0; i < keys->len; i++) {
        value key = keys->items[i];
        if (i % PATIENCE_STEPS == PATIENCE_STEPS - 1 && vm_deadline_passed(c->vm)) {
            map_unref(m);
            return support_gave_up(c);
        }
        if (map_key_fits(key) && map_find(m, key)) {
            m = map_delete_take(m, key);
            continue;
        }
        map_unref(m);
        return map_key_fits(key) ? key_missing(key) : result_raise(E_TYPE);
    }
    return result_value(value_map(m));
}

struct result bf_mapdelete(struct builtin_call *c) {
    value key = c->args[1];
    if (key.type == V_LIST) return delete_keys(c, key.u.l);
    if (!map_key_fits(key)) return result_raise(E_TYPE);
    if (!map_find(map_arg(c), key)) return result_raise(E_RANGE);
    return result_value(value_map(map_delete_take(map_ref(map_arg(c)), key)));
}
