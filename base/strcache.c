/* SPDX-License-Identifier: MIT */
#include "base/strcache.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct str_cache {
    struct entry {
        uint64_t hash;
        struct str *s;
    } v[STR_CACHE_ENTRIES];
};

struct str_cache *str_cache_new(void) { return xcalloc(1, sizeof(struct str_cache)); }

void str_cache_clear(struct str_cache *c) {
    for (size_t i = 0; c && i < STR_CACHE_ENTRIES; i++) {
        str_unref(c->v[i].s);
        c->v[i] = (struct entry){0, NULL};
    }
}

void str_cache_free(struct str_cache *c) {
    str_cache_clear(c);
    free(c);
}

/* Eight bytes at a time; with regard to case, unlike str_hash(). */
static uint64_t hash_of(const char *p, size_t len) {
    uint64_t h = len * 0x9e3779b97f4a7c15u, w;
    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&w, p, 8);
        h = (h ^ w) * 0xbf58476d1ce4e5b9u;
        h ^= h >> 31;
    }
    w = 0;
    memcpy(&w, p, len);
    h = (h ^ w) * 0x94d049bb133111ebu;
    return h ^ h >> 29;
}

struct str *str_cache_get(struct str_cache *c, const char *bytes, size_t len) {
    if (len < 2 || len > STR_CACHE_LONGEST) return utf8_valid(bytes, len) ? str_new(bytes, len) : NULL; /* the shortest are shared as it is */
    uint64_t hash = hash_of(bytes, len);
    struct entry *e = &c->v[hash % STR_CACHE_ENTRIES];
    if (e->hash == hash && e->s && e->s->len == len && !memcmp(e->s->data, bytes, len)) return str_ref(e->s);
    if (!utf8_valid(bytes, len)) return NULL;
    str_unref(e->s);
    *e = (struct entry){hash, str_new(bytes, len)};
    return str_ref(e->s);
}
