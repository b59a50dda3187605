/* SPDX-License-Identifier: MIT */
/*
 * Invariants: bytes == 32 + the sum of value_bytes(items[i]); items beyond len are not values. The shared {} holds a reference of its own.
 */
#include "base/list.h"

#include <stdarg.h>
#include <string.h>

#include "base/must.h"
#include "base/pool.h"
#include "base/str.h"

enum { LIST_BYTES = 32, PLAIN_BYTES = 16 };

static void change_bytes(struct list *l, int64_t in, int64_t out) { l->bytes = value_bytes_changed(l->bytes, in, out); }

enum { ARGS_CAP = 4 }; /* for the arguments of most calls */

static inline size_t list_size(size_t cap) { return sizeof(struct list) + cap * sizeof(value); }

/* Arguments come and go with every call: some that were freed wait here, chained by `bytes', with the right `cap'. */
#ifdef POOL_IS_MALLOC
enum { SPARE_MAX = 0 };
#else
enum { SPARE_MAX = 32 };
#endif
static _Thread_local struct list *spare;
static _Thread_local int spares;

void list_free_memory(struct list *l) {
    if (l->cap != ARGS_CAP || spares >= SPARE_MAX) {
        pool_free(l, list_size(l->cap));
        return;
    }
    l->bytes = (int64_t)(intptr_t)spare;
    spare = l;
    spares++;
}

static inline struct list *list_alloc(size_t cap) {
    must(cap <= UINT32_MAX / 2);
    struct list *l = pool_alloc(list_size(cap));
    *l = (struct list){.refs = 1, .cap = (uint32_t)cap, .bytes = LIST_BYTES};
    return l;
}

struct list *list_new(size_t capacity) { return list_alloc(capacity); }

struct list *list_empty(void) {
    static struct list *empty;
    if (!empty) empty = list_alloc(0);
    return list_ref(empty);
}

static inline struct list *list_alloc_args(size_t n) {
    struct list *l = spare;
    if (__builtin_expect(n > ARGS_CAP || !l, 0)) return list_alloc(n < ARGS_CAP ? ARGS_CAP : n);
    spare = (struct list *)(intptr_t)l->bytes;
    spares--;
    l->refs = 1;
    return l;
}

struct list *list_from_take(value *items, size_t n) {
    if (n == 0) return list_empty();
    struct list *l = list_alloc_args(n);
    int64_t bytes = LIST_BYTES;
    value *to = l->items;
    for (value *end = items + n; items < end; items++, to++) {
        bytes += items->type == V_INT || items->type == V_OBJ ? PLAIN_BYTES : value_bytes(*items);
        value_copy(to, items);
        *items = value_none();
    }
    l->len = (uint32_t)n;
    l->bytes = bytes < VALUE_BYTES_MAX ? bytes : VALUE_BYTES_MAX;
    return l;
}

struct list *list_of(size_t n, ...) {
    struct list *l = list_alloc(n);
    va_list ap;
    va_start(ap, n);
    for (size_t i = 0; i < n; i++) l = list_append_take(l, va_arg(ap, value));
    va_end(ap);
    return l;
}

void list_unref(struct list *l) {
    if (l && --l->refs == 0) value_free_block(value_list(l));
}

/* A list with the same elements, one holder and room for `cap'. Takes l; moves the elements when that was the only holder. */
static struct list *list_own(struct list *l, size_t cap) {
    if (l->refs == 1 && cap <= l->cap) return l;
    if (l->refs == 1) {
        l = pool_resize(l, list_size(l->cap), list_size(cap));
        l->cap = (uint32_t)cap;
        return l;
    }
    struct list *copy = list_alloc(cap < l->len ? l->len : cap);
    for (uint32_t i = 0; i < l->len; i++) copy->items[i] = value_ref(l->items[i]);
    copy->len = l->len;
    copy->bytes = l->bytes;
    list_unref(l);
    return copy;
}

static size_t grown(const struct list *l, size_t more) {
    size_t need = (size_t)l->len + more;
    if (need <= l->cap && l->refs == 1) return l->cap;
    return l->refs == 1 ? need + need / 2 + 2 : need + (need < 8 ? 2 : need / 8);
}

struct list *list_append_take(struct list *l, value v) {
    if (l->refs != 1 || l->len == l->cap) l = list_own(l, grown(l, 1));
    l->items[l->len++] = v;
    change_bytes(l, value_bytes(v), 0);
    return l;
}

void list_add_pair(struct list **l, const char *name, value v) { *l = list_append_take(*l, value_list(list_of(2, value_str(str_from(name)), v))); }

struct list *list_set_take(struct list *l, int64_t i, value v) {
    must(i >= 1 && i <= (int64_t)l->len);
    l = list_own(l, l->len);
    value old = l->items[i - 1];
    change_bytes(l, value_bytes(v), value_bytes(old));
    l->items[i - 1] = v;
    value_unref(old);
    return l;
}

struct list *list_insert_take(struct list *l, int64_t before, value v) {
    must(before >= 1 && before <= (int64_t)l->len + 1);
    l = list_own(l, grown(l, 1));
    memmove(&l->items[before], &l->items[before - 1], ((size_t)l->len - (size_t)before + 1) * sizeof(value));
    l->items[before - 1] = v;
    l->len++;
    change_bytes(l, value_bytes(v), 0);
    return l;
}

struct list *list_delete_take(struct list *l, int64_t i) {
    must(i >= 1 && i <= (int64_t)l->len);
    l = list_own(l, l->len);
    value old = l->items[i - 1];
    memmove(&l->items[i - 1], &l->items[i], ((size_t)l->len - (size_t)i) * sizeof(value));
    l->len--;
    change_bytes(l, 0, value_bytes(old));
    value_unref(old);
    return l;
}

struct list *list_concat_take(struct list *l, const struct list *tail) {
    if (tail->len == 0) return l;
    uint32_t n = tail->len; /* tail may be l itself, seen through a second reference */
    if (l->refs != 1 || (size_t)l->len + n > l->cap) {
        struct list *owned = list_own(l, grown(l, n));
        if (tail == l) tail = owned;
        l = owned;
    }
    for (uint32_t i = 0; i < n; i++) l->items[l->len + i] = value_ref(tail->items[i]);
    change_bytes(l, tail->bytes, LIST_BYTES);
    l->len += n;
    return l;
}

struct list *list_extend_take(struct list *l, const struct list *from, int64_t i, int64_t n) {
    must(i >= 1 && n >= 0 && i + n - 1 <= (int64_t)from->len && l != from);
    if (l->refs != 1 || (size_t)l->len + (size_t)n > l->cap) l = list_own(l, grown(l, (size_t)n));
    const value *at = &from->items[i - 1];
    int64_t bytes = 0;
    for (int64_t k = 0; k < n; k++) {
        l->items[l->len + k] = value_ref(at[k]);
        bytes += value_bytes(at[k]);
        if (bytes > VALUE_BYTES_MAX) bytes = VALUE_BYTES_MAX;
    }
    change_bytes(l, bytes, 0);
    l->len += (uint32_t)n;
    return l;
}

struct list *list_range(const struct list *l, int64_t i, int64_t j) {
    if (j < i) return list_empty();
    return list_extend_take(list_alloc((size_t)(j - i + 1)), l, i, j - i + 1);
}

value list_take_out(struct list *l, int64_t i) {
    must(l->refs == 1 && i >= 1 && i <= (int64_t)l->len);
    value v = l->items[i - 1];
    l->items[i - 1] = value_none();
    change_bytes(l, value_bytes(value_none()), value_bytes(v));
    return v;
}

void list_put(struct list *l, int64_t i, value v) {
    must(l->refs == 1 && i >= 1 && i <= (int64_t)l->len && l->items[i - 1].type == V_NONE);
    l->items[i - 1] = v;
    change_bytes(l, value_bytes(v), value_bytes(value_none()));
}

int64_t list_find(const struct list *l, value v, bool match_case) {
    for (uint32_t i = 0; i < l->len; i++)
        if (match_case ? value_identical(l->items[i], v) : value_equal(l->items[i], v)) return (int64_t)i + 1;
    return 0;
}
