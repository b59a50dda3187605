/* SPDX-License-Identifier: MIT */
/*
 * Slabs are cut from regions that are never unmapped: what goes back to the system is their memory, not their place (MADV_DONTNEED), so the number of mappings stays small.
 * After J. Bonwick, "The Slab Allocator" (1994).
 */
#include "base/pool.h"

#include <string.h>

_Thread_local struct pool_account pool_account = {.most = INT64_MAX};

void *pool_resize(void *p, size_t bytes, size_t new_bytes) {
    if (bytes > POOL_BLOCK_MAX && new_bytes > POOL_BLOCK_MAX) {
        pool_count((int64_t)new_bytes - (int64_t)bytes);
        return xrealloc(p, new_bytes);
    }
    void *q = pool_alloc(new_bytes);
    memcpy(q, p, bytes < new_bytes ? bytes : new_bytes);
    pool_free(p, bytes);
    return q;
}

#ifdef POOL_IS_MALLOC

size_t pool_held(void) { return 0; } /* malloc() knows */
size_t pool_in_use(void) { return 0; }

#else

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { REGION = 4 << 20, WARM = 32, PORTION = 4096 };

struct pool_owner {
    _Atomic(void *) remote; /* chain of blocks that other threads gave back */
};

_Thread_local struct pool_slab *pool_heads[POOL_CLASSES];
_Thread_local struct pool_owner *pool_me;

/* ---- slabs without blocks, of all threads ---- */

struct stack {
    struct pool_slab **v;
    size_t n, cap;
};

static struct {
    pthread_mutex_t lock;
    struct stack warm, cold; /* with and without memory */
    char *region, *region_end; /* not cut yet */
    size_t held;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void stack_push(struct stack *s, struct pool_slab *slab) {
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->v = xrealloc(s->v, s->cap * sizeof *s->v);
    }
    s->v[s->n++] = slab;
}

static struct pool_slab *cut_slab(void) {
    if (all.region == all.region_end) {
        char *p = xpages(REGION + POOL_SLAB);
        all.region = p + (POOL_SLAB - ((uintptr_t)p & (POOL_SLAB - 1))) % POOL_SLAB;
        all.region_end = all.region + REGION;
    }
    struct pool_slab *s = (struct pool_slab *)(void *)all.region;
    all.region += POOL_SLAB;
    return s;
}

static struct pool_slab *take_slab(void) {
    pthread_mutex_lock(&all.lock);
    struct stack *from = all.warm.n ? &all.warm : &all.cold;
    struct pool_slab *s = from->n ? from->v[--from->n] : cut_slab();
    all.held += POOL_SLAB;
    pthread_mutex_unlock(&all.lock);
    pool_count(POOL_SLAB);
    return s;
}

static void give_slab(struct pool_slab *s) {
    pthread_mutex_lock(&all.lock);
    bool keep = all.warm.n < WARM;
    if (!keep) madvise(s, POOL_SLAB, MADV_DONTNEED);
    stack_push(keep ? &all.warm : &all.cold, s);
    all.held -= POOL_SLAB;
    pthread_mutex_unlock(&all.lock);
    pool_count(-POOL_SLAB);
}

size_t pool_held(void) {
    pthread_mutex_lock(&all.lock);
    size_t n = all.held;
    pthread_mutex_unlock(&all.lock);
    return n;
}

/* ---- a thread's slabs with room, by class; blocks are taken from the first ---- */

static size_t block_size(const struct pool_slab *s) { return (size_t)s->class * POOL_STEP; }

static bool has_fresh(const struct pool_slab *s) { return s->fresh + block_size(s) <= (const char *)s + POOL_SLAB; }

static void list_slab(struct pool_slab *s) {
    struct pool_slab **head = &pool_heads[s->class], *first = *head;
    s->open_to = s->owner;
    s->prev = first; /* behind the first, which stays what blocks are taken from */
    s->next = first ? first->next : NULL;
    if (s->next) s->next->prev = s;
    if (first) first->next = s;
    else *head = s;
}

static void unlist_slab(struct pool_slab *s) {
    if (s->next) s->next->prev = s->prev;
    if (s->prev) s->prev->next = s->next;
    else pool_heads[s->class] = s->next;
    s->open_to = POOL_NOBODY;
}

size_t pool_in_use(void) {
    size_t n = pool_held(), room = 0;
    for (unsigned c = 0; c < POOL_CLASSES; c++)
        for (const struct pool_slab *s = pool_heads[c]; s; s = s->next) room += POOL_SLAB - sizeof *s - s->used * block_size(s);
    return n - room;
}

/* A page's worth of blocks at a time, so that memory is touched as it is needed. */
static void cut_blocks(struct pool_slab *s) {
    size_t size = block_size(s);
    void **tail = &s->free;
    for (size_t done = 0; done < PORTION && has_fresh(s); done += size) {
        *tail = s->fresh;
        tail = (void **)(void *)s->fresh;
        s->fresh += size;
    }
    *tail = NULL;
}

static void new_slab(unsigned class) {
    struct pool_slab *s = take_slab();
    *s = (struct pool_slab){.class = class, .owner = pool_me, .fresh = (char *)(s + 1)};
    list_slab(s);
}

void pool_slab_empty(struct pool_slab *s) {
    if (s == pool_heads[s->class]) return; /* its next block would bring it back */
    unlist_slab(s);
    give_slab(s);
}

static void put_own(struct pool_slab *s, void *p) {
    *(void **)p = s->free;
    s->free = p;
    s->used--;
    if (s->open_to == POOL_NOBODY) list_slab(s);
    if (!s->used) pool_slab_empty(s);
}

/* ---- threads ---- */

static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void take_back_remote(void) {
    void *p = atomic_exchange_explicit(&pool_me->remote, NULL, memory_order_acquire);
    while (p) {
        void *next = *(void **)p;
        put_own((struct pool_slab *)((uintptr_t)p & ~(uintptr_t)(POOL_SLAB - 1)), p);
        p = next;
    }
}

/* What the thread still has out stays valid; its owner record stays for those who give it back. */
static void thread_ends(void *owner) {
    pool_me = owner;
    take_back_remote();
    for (unsigned c = 0; c < POOL_CLASSES; c++)
        for (struct pool_slab *s = pool_heads[c], *next; s; s = next) {
            next = s->next;
            if (s->used) continue;
            unlist_slab(s);
            give_slab(s);
        }
    pool_me = NULL;
}

static void make_key(void) { must(!pthread_key_create(&ending, thread_ends)); }

static void thread_begins(void) {
    must(!pthread_once(&once, make_key));
    pool_me = xcalloc(1, sizeof *pool_me);
    must(!pthread_setspecific(ending, pool_me));
}

/* ---- what is seldom ---- */

void *pool_get_more(unsigned class) {
    must(class && class < POOL_CLASSES);
    if (!pool_me) thread_begins();
    if (atomic_load_explicit(&pool_me->remote, memory_order_relaxed)) take_back_remote();
    for (struct pool_slab *s; (s = pool_heads[class]) && !s->free; unlist_slab(s)) {
        if (!has_fresh(s)) continue;
        cut_blocks(s);
        break;
    }
    if (!pool_heads[class]) new_slab(class), cut_blocks(pool_heads[class]);
    return pool_get(class);
}

void pool_put_rare(struct pool_slab *s, void *p) {
    if (s->owner == pool_me) {
        put_own(s, p);
        return;
    }
    void *first = atomic_load_explicit(&s->owner->remote, memory_order_relaxed);
    do *(void **)p = first;
    while (!atomic_compare_exchange_weak_explicit(&s->owner->remote, &first, p, memory_order_release, memory_order_relaxed));
}

#endif
