/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"
#include "base/pool.h"

/* ---- what there is ---- */

/* The number in the file; INT64_MAX for "max" and for none. */
static int64_t number_in(const char *path) {
    FILE *f = fopen(path, "re");
    int64_t n = INT64_MAX;
    if (f && fscanf(f, "%" SCNd64, &n) != 1) n = INT64_MAX;
    if (f) fclose(f);
    return n > 0 ? n : INT64_MAX;
}

/* The least limit on the way up from the group, which is a path below `root'. */
static int64_t group_limit(const char *root, char *group, const char *file) {
    int64_t least = INT64_MAX;
    char path[1200];
    for (;;) {
        snprintf(path, sizeof path, "%s%s/%s", root, group, file);
        int64_t n = number_in(path);
        if (n < least) least = n;
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

/* Version 2: "0::/path"; version 1: "5:memory:/path". */
static int64_t groups_limit(void) {
    FILE *f = fopen("/proc/self/cgroup", "re");
    int64_t least = INT64_MAX;
    char line[1024];
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        int64_t n = INT64_MAX;
        if (!names[1]) n = group_limit("/sys/fs/cgroup", path, "memory.max");
        else if (!strcmp(names + 1, "memory")) n = group_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
        if (n < least) least = n;
    }
    if (f) fclose(f);
    return least;
}

int64_t memory_limit(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    int64_t machine = pages > 0 && size > 0 ? (int64_t)pages * size : INT64_MAX, group = groups_limit();
    int64_t least = machine < group ? machine : group;
    return least == INT64_MAX ? -1 : least;
}

/* ---- what is used ---- */

int64_t memory_anonymous(void) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    int64_t size, resident, shared;
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = 0;
    if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &size, &resident, &shared) != 3) return -1;
    return (resident - shared) * sysconf(_SC_PAGESIZE);
}

int64_t memory_in_blocks(void) {
#ifdef POOL_IS_MALLOC
    return -1;
#endif
    struct mallinfo2 m = mallinfo2();
    return (int64_t)(m.uordblks + m.hblkhd + pool_in_use());
}

void memory_trim(void) { malloc_trim(0); }

/* ---- pages ---- */

void *memory_pages(void *p, size_t bytes, size_t new_bytes) {
    if (p && !new_bytes) return munmap(p, bytes), NULL;
    void *q = p ? mremap(p, bytes, new_bytes, MREMAP_MAYMOVE) : mmap(NULL, new_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (q == MAP_FAILED) must(!"memory is left");
    return q;
}
