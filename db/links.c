/* SPDX-License-Identifier: MIT */
/*
 * Ordered lists of objects: children, contents, players, what one owns.
 *
 * An array in order of key. Appending is amortised O(1), finding by key is a binary search, removing leaves a hole; when more than half are holes the array
 * is closed up, so that walking stays linear in what is there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "db/internal.h"

struct links *links_new(void) { return xcalloc(1, sizeof(struct links)); }

void links_free(struct links *l) {
    if (!l) return;
    free(l->v);
    free(l);
}

static void make_room(struct links *l) {
    if (l->n < l->cap) return;
    l->cap = l->cap ? l->cap * 2 : 4;
    l->v = xrealloc(l->v, l->cap * sizeof *l->v);
}

/* First position whose key is not below `key'. */
static uint32_t lower_bound(const struct links *l, uint64_t key) {
    uint32_t lo = l->first, hi = l->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (l->v[mid].key < key) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

void links_append(struct links **lp, uint64_t key, objid o) {
    if (!*lp) *lp = links_new();
    struct links *l = *lp;
    must(l->first == l->n || l->v[l->n - 1].key < key);
    make_room(l);
    l->v[l->n++] = (struct link){key, o};
    l->live++;
}

void links_insert(struct links **lp, uint64_t key, objid o) {
    if (!*lp) *lp = links_new();
    struct links *l = *lp;
    uint32_t at = lower_bound(l, key);
    if (at < l->n && l->v[at].key == key) {
        if (l->v[at].o == LINK_DEAD) l->live++;
        l->v[at].o = o;
        return;
    }
    make_room(l);
    memmove(l->v + at + 1, l->v + at, (l->n - at) * sizeof *l->v);
    l->v[at] = (struct link){key, o};
    l->n++;
    l->live++;
}

void links_insert_read(struct links **lp, bool cold, uint64_t key, objid o) {
    if (!cold || (*lp && key <= (*lp)->read_to)) links_insert(lp, key, o);
}

static void close_up(struct links *l) {
    uint32_t to = 0;
    for (uint32_t i = l->first; i < l->n; i++)
        if (l->v[i].o != LINK_DEAD) l->v[to++] = l->v[i];
    l->first = 0;
    l->n = to;
    if (l->cap > 16 && to < l->cap / 4) {
        l->cap = to < 4 ? 4 : to * 2;
        l->v = xrealloc(l->v, l->cap * sizeof *l->v);
    }
}

bool links_remove(struct links *l, uint64_t key) {
    if (!l) return false;
    uint32_t at = lower_bound(l, key);
    if (at == l->n || l->v[at].key != key || l->v[at].o == LINK_DEAD) return false;
    l->v[at].o = LINK_DEAD;
    l->live--;
    while (l->first < l->n && l->v[l->first].o == LINK_DEAD) l->first++;
    while (l->n > l->first && l->v[l->n - 1].o == LINK_DEAD) l->n--;
    if (l->first == l->n) l->first = l->n = 0;
    if (l->n - l->first > 8 && l->live < (l->n - l->first) / 2) close_up(l);
    else if (l->first > 64 && l->first > l->cap / 2) close_up(l);
    return true;
}

objid links_next(const struct links *l, uint64_t *cursor) {
    if (!l) return NOTHING;
    for (uint32_t i = lower_bound(l, *cursor + 1); i < l->n; i++) {
        if (l->v[i].o == LINK_DEAD) continue;
        *cursor = l->v[i].key;
        return l->v[i].o;
    }
    return NOTHING;
}

value links_to_list(const struct links *l, const struct patience *p) {
    struct list *out = links_count(l) ? list_new(l->live) : list_empty();
    for (uint32_t i = l ? l->first : 0; l && i < l->n; i++) {
        if (l->v[i].o != LINK_DEAD) out = list_append_take(out, value_obj(l->v[i].o));
        if (i % PATIENCE_STEPS != PATIENCE_STEPS - 1 || !patience_is_over(p)) continue;
        list_unref(out);
        return value_none();
    }
    return value_list(out);
}
