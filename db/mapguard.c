/* SPDX-License-Identifier: MIT */
#include "db/mapguard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPS = 16, PAGE = 4096, META_PAGES = 2 };

static struct guard {
    atomic_uintptr_t from; /* 0: free */
    atomic_size_t size;
    atomic_int fd;
    atomic_ulong faults;
} guards[MAPS];
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static bool installed;

/* As db/pages.h has them: a leaf without rows, or a meta page whose trees are empty. The library takes them for what they are, and finds nothing. */
static void fill_page(unsigned char *page, uint64_t number) {
    for (int i = 0; i < 8; i++) page[i] = (unsigned char)(number >> 8 * i);
    if (number < META_PAGES) {
        page[10] = 8;
        memset(page + 16 + 24 + 40, 0xff, 8); /* no root of the free list */
        memset(page + 16 + 72 + 40, 0xff, 8); /* nor of the tree of tables */
        page[16 + 120] = 1; /* the last page */
    } else {
        page[10] = 2;
        page[12] = 16; /* no rows: they would begin behind the header */
        page[15] = PAGE >> 8;
    }
}

/* Behind the end of the file all is gone, and nothing but zeros takes no memory; in it, one page. */
static bool replace(struct guard *g, uintptr_t at) {
    struct stat st;
    uintptr_t from = atomic_load(&g->from), page = at & ~(uintptr_t)(PAGE - 1), end = from + atomic_load(&g->size);
    bool behind = !fstat(atomic_load(&g->fd), &st) && page - from >= ((size_t)st.st_size + PAGE - 1) / PAGE * PAGE;
    size_t number = (page - from) / PAGE, size = behind && number >= META_PAGES ? end - page : PAGE;
    void *p = mmap((void *)page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (p == MAP_FAILED) return false;
    fill_page(p, number);
    mprotect(p, PAGE, PROT_READ);
    if (size > PAGE && mmap((void *)(page + PAGE), size - PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED) return false;
    atomic_fetch_add(&g->faults, 1);
    return true;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    uintptr_t at = (uintptr_t)info->si_addr;
    for (int i = 0; i < MAPS; i++) {
        uintptr_t from = atomic_load(&guards[i].from);
        if (from && at >= from && at - from < atomic_load(&guards[i].size) && replace(&guards[i], at)) return;
    }
    if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) before.sa_sigaction(number, info, context);
    else sigaction(number, &before, NULL); /* it happens again, and is dealt with as before */
}

int mapguard_watch(const void *map, size_t size, int fd) {
    int found = -1;
    pthread_mutex_lock(&changing);
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, now;
    sigemptyset(&act.sa_mask);
    if (!installed || (!sigaction(SIGBUS, NULL, &now) && now.sa_sigaction != on_fault)) installed = !sigaction(SIGBUS, &act, &before);
    for (int i = 0; i < MAPS && installed && found < 0; i++) {
        if (atomic_load(&guards[i].from)) continue;
        atomic_store(&guards[i].size, size);
        atomic_store(&guards[i].fd, fd);
        atomic_store(&guards[i].faults, 0);
        atomic_store(&guards[i].from, (uintptr_t)map);
        found = i;
    }
    pthread_mutex_unlock(&changing);
    return found;
}

void mapguard_forget(int guard) {
    if (guard >= 0) atomic_store(&guards[guard].from, 0);
}

unsigned long mapguard_faults(int guard) { return guard < 0 ? 0 : atomic_load(&guards[guard].faults); }
