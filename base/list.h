/* SPDX-License-Identifier: MIT */
/*
 * MOO lists: counted arrays of values, immutable while shared, changed in place by a sole holder.
 *
 * `bytes` is the list's value_bytes(), kept as it changes and never summed again. Indexes here are 1-based, as in the language.
 * *_take functions take the list (and the values passed); they work in place when the list has one holder, else on a copy.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/value.h"

struct list {
    uint32_t refs;
    uint32_t len;
    uint32_t cap;
    uint32_t spare;
    int64_t bytes;
    value items[]; /* items[0] is element 1 */
};

struct list *list_new(size_t capacity); /* empty, one holder */
struct list *list_empty(void); /* a reference to the shared {} */
struct list *list_of(size_t n, ...); /* n values, taken */
struct list *list_from_take(value *items, size_t n); /* of n values, moved out: NONE is left in their place */
static inline struct list *list_ref(struct list *l) { l->refs++; return l; }
void list_unref(struct list *l);
void list_free_memory(struct list *l); /* for base/value.c: of a list whose elements are gone */

static inline value list_get(const struct list *l, int64_t i) { return l->items[i - 1]; } /* borrows; must be in range */

struct list *list_append_take(struct list *l, value v);
void list_add_pair(struct list **l, const char *name, value v); /* appends {name, v}, taking v: what is known by name */
struct list *list_set_take(struct list *l, int64_t i, value v);
struct list *list_insert_take(struct list *l, int64_t before, value v); /* before: 1..len+1 */
struct list *list_delete_take(struct list *l, int64_t i);
struct list *list_concat_take(struct list *l, const struct list *tail);
/* l and n elements of `from', which is another list, from its element i on. */
struct list *list_extend_take(struct list *l, const struct list *from, int64_t i, int64_t n);
struct list *list_range(const struct list *l, int64_t i, int64_t j); /* a new list; j < i gives {} */
/* Element i moved out, NONE left in its place: for changing a nested list in place. l must have one holder; put it back with list_put. */
value list_take_out(struct list *l, int64_t i);
void list_put(struct list *l, int64_t i, value v);

int64_t list_find(const struct list *l, value v, bool match_case); /* position or 0 */

#endif
