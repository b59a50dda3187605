/* SPDX-License-Identifier: MIT */
/* A map from 64-bit numbers (task ids, objects) to pointers. Open addressing; what is pointed to is the caller's. NULL cannot be stored. */
#ifndef BASE_IDMAP_H
#define BASE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
    int64_t key;
    void *item; /* NULL: free */
};

struct idmap {
    struct idmap_slot *slots;
    size_t len, cap; /* cap is a power of two or 0 */
};

#define IDMAP_INIT {0, 0, 0}

void idmap_fini(struct idmap *m);
void *idmap_get(const struct idmap *m, int64_t key); /* NULL if there is none */
void idmap_put(struct idmap *m, int64_t key, void *item); /* replaces */
void idmap_replace(struct idmap *m, int64_t key, void *item); /* the same where there is one already: nothing moves */
struct idmap idmap_dup(const struct idmap *m);
void idmap_remove(struct idmap *m, int64_t key);
/* All items in no particular order: *at is 0 first; NULL at the end. The map must not change meanwhile. */
void *idmap_next(const struct idmap *m, size_t *at);

#endif
