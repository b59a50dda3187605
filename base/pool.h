/* SPDX-License-Identifier: MIT */
/*
 * Memory for small blocks: no header, sizes in steps of 8 bytes, given by class (size / 8, rounded up). Blocks of one class share slabs of 16 KB, aligned to their size, so a
 * block finds its slab by its address.
 *
 * What is given back is used again by the next block of its class; a slab without blocks is used again by any class, and but for a few its memory goes back to the system at
 * once. So memory that is released in the order in which it was taken, or nearly so, leaves the process; of what is released here and there only the room stays, for its class.
 *
 * Each thread has its own slabs; a block may be put back by any thread. In builds with an address sanitizer every block is malloc()'s.
 *
 * Each thread counts what it has taken, in slabs and in blocks too large for one. Somebody can have a bit of a word set whenever the thread takes more than so much: what that costs
 * is paid once a slab, not once a block.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_IS_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_IS_MALLOC 1
#endif

#endif

enum { POOL_SLAB = 16384, POOL_STEP = 8, POOL_BLOCK_MAX = 256, POOL_CLASSES = POOL_BLOCK_MAX / POOL_STEP + 1 };

static inline unsigned pool_class(size_t bytes) { return (unsigned)((bytes + POOL_STEP - 1) / POOL_STEP); } /* bytes: 1..POOL_BLOCK_MAX */

size_t pool_held(void); /* bytes of all slabs that have blocks, of all threads */
size_t pool_in_use(void); /* the same without the room in this thread's slabs; in time proportional to the slabs that have any */

struct pool_account {
    int64_t taken; /* bytes, what was given back subtracted; to be compared with itself only, as blocks wander between threads */
    int64_t most; /* when more is taken than this, ... */
    volatile int *word; /* ... `bit' is set in *word */
    int bit;
};
extern _Thread_local struct pool_account pool_account;

static inline void pool_count(int64_t bytes) {
    struct pool_account *a = &pool_account;
    a->taken += bytes;
    if (bytes > 0 && a->taken > a->most) __atomic_fetch_or(a->word, a->bit, __ATOMIC_RELAXED);
}

#ifdef POOL_IS_MALLOC

#include <malloc.h>

static inline void *pool_get(unsigned class) {
    pool_count((int64_t)class * POOL_STEP);
    return xmalloc((size_t)class * POOL_STEP);
}
static inline void pool_put(void *p) {
    pool_count(-(int64_t)malloc_usable_size(p));
    free(p);
}

#else

struct pool_owner;
#define POOL_NOBODY ((struct pool_owner *)1) /* not NULL: that is pool_me of a thread that never took a block */
struct pool_slab {
    void *free; /* chain of blocks */
    struct pool_owner *open_to; /* the owner while this is in its list of slabs with room; POOL_NOBODY while it is full */
    uint32_t used, class;
    struct pool_owner *owner;
    struct pool_slab *next, *prev;
    char *fresh; /* blocks from here on were never given out */
};

extern _Thread_local struct pool_slab *pool_heads[POOL_CLASSES];
extern _Thread_local struct pool_owner *pool_me;
void *pool_get_more(unsigned class);
void pool_put_rare(struct pool_slab *s, void *p); /* another thread's, or of a full slab */
void pool_slab_empty(struct pool_slab *s);

static inline void *pool_get(unsigned class) {
    struct pool_slab *s = pool_heads[class];
    void *p = s ? s->free : NULL;
    if (__builtin_expect(!p, 0)) return pool_get_more(class);
    s->free = *(void **)p;
    s->used++;
    return p;
}

static inline void pool_put(void *p) {
    struct pool_slab *s = (struct pool_slab *)((uintptr_t)p & ~(uintptr_t)(POOL_SLAB - 1));
    if (__builtin_expect(s->open_to != pool_me, 0)) {
        pool_put_rare(s, p);
        return;
    }
    *(void **)p = s->free;
    s->free = p;
    if (__builtin_expect(--s->used == 0, 0)) pool_slab_empty(s);
}

#endif

/* Of any size: from its class, or from malloc() when it is too large for one. Whoever frees or resizes it must tell the same size. */
static inline void *pool_alloc(size_t bytes) {
    if (bytes <= POOL_BLOCK_MAX) return pool_get(pool_class(bytes));
    pool_count((int64_t)bytes);
    return xmalloc(bytes);
}
static inline void pool_free(void *p, size_t bytes) {
    if (!p) return;
    if (bytes <= POOL_BLOCK_MAX) {
        pool_put(p);
        return;
    }
    pool_count(-(int64_t)bytes);
    free(p);
}
void *pool_resize(void *p, size_t bytes, size_t new_bytes);

#endif
