/* SPDX-License-Identifier: MIT */
#include "base/large.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/must.h"

void *large_zeroed(size_t bytes) { return bytes < LARGE_LEAST ? xcalloc(1, bytes) : memory_pages(NULL, 0, bytes); }

void *large_resize(void *p, size_t bytes, size_t new_bytes) {
    if (new_bytes < LARGE_LEAST) return xrealloc(p, new_bytes);
    if (bytes >= LARGE_LEAST) return memory_pages(p, bytes, new_bytes);
    void *q = memory_pages(NULL, 0, new_bytes);
    if (p) memcpy(q, p, bytes);
    free(p);
    return q;
}

void large_free(void *p, size_t bytes) {
    if (bytes < LARGE_LEAST) free(p);
    else memory_pages(p, bytes, 0);
}
