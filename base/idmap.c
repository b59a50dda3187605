/* SPDX-License-Identifier: MIT */
#include "base/idmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/*
 * Another one for each capacity: one table is often filled in the order of another, and if both had the same function each key would come right behind the one before, into ever longer runs.
 * The constants are those of MurmurHash3's finalizer.
 */
static size_t place(const struct idmap *m, int64_t key) {
    uint64_t h = ((uint64_t)key ^ (uint64_t)m->cap * 0x9E3779B97F4A7C15u) * 0xFF51AFD7ED558CCDu;
    h = (h ^ h >> 32) * 0xC4CEB9FE1A85EC53u;
    return (size_t)(h >> 33) & (m->cap - 1);
}

void idmap_fini(struct idmap *m) {
    free(m->slots);
    *m = (struct idmap)IDMAP_INIT;
}

/* The slot that holds key, or the free one where it would go. */
static size_t find_slot(const struct idmap *m, int64_t key) {
    size_t i = place(m, key);
    while (m->slots[i].item && m->slots[i].key != key) i = (i + 1) & (m->cap - 1);
    return i;
}

void *idmap_get(const struct idmap *m, int64_t key) {
    return m->cap ? m->slots[find_slot(m, key)].item : NULL;
}

static void grow(struct idmap *m) {
    struct idmap bigger = {NULL, m->len, m->cap ? m->cap * 2 : 16};
    bigger.slots = xcalloc(bigger.cap, sizeof *bigger.slots);
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].item) bigger.slots[find_slot(&bigger, m->slots[i].key)] = m->slots[i];
    free(m->slots);
    *m = bigger;
}

void idmap_put(struct idmap *m, int64_t key, void *item) {
    must(item);
    if ((m->len + 1) * 4 > m->cap * 3) grow(m);
    struct idmap_slot *slot = &m->slots[find_slot(m, key)];
    if (!slot->item) m->len++;
    *slot = (struct idmap_slot){key, item};
}

void idmap_replace(struct idmap *m, int64_t key, void *item) {
    must(item && m->cap);
    struct idmap_slot *slot = &m->slots[find_slot(m, key)];
    must(slot->item);
    slot->item = item;
}

struct idmap idmap_dup(const struct idmap *m) {
    struct idmap copy = *m;
    if (!m->cap) return copy;
    copy.slots = xmalloc(m->cap * sizeof *copy.slots);
    memcpy(copy.slots, m->slots, m->cap * sizeof *copy.slots);
    return copy;
}

void idmap_remove(struct idmap *m, int64_t key) {
    if (!m->cap) return;
    size_t hole = find_slot(m, key);
    if (!m->slots[hole].item) return;
    m->len--;
    /* Close the gap: whoever would have liked this place, or one before it, moves up. */
    for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].item; i = (i + 1) & (m->cap - 1)) {
        size_t want = place(m, m->slots[i].key);
        if (((i - want) & (m->cap - 1)) < ((i - hole) & (m->cap - 1))) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole].item = NULL;
}

void *idmap_next(const struct idmap *m, size_t *at) {
    while (*at < m->cap) {
        void *item = m->slots[(*at)++].item;
        if (item) return item;
    }
    return NULL;
}
