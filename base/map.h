/* SPDX-License-Identifier: MIT */
/*
 * MOO maps: pairs of a key and a value in the order of their keys, counted, immutable while shared, changed in place by a sole holder.
 *
 * A key is of any type but list and map (map_key_fits()). Keys are ordered by type (integer, object, error, float, bool, string, anonymous object, waif), then by value; strings
 * without regard to A-Z case, and the last spelling that was put is the one that stands there. Looking up takes time in proportion to the logarithm of the length; so does
 * putting, but for moving some memory; and a copy takes a hundredth of the time and memory of the map, as the two go on sharing what neither changes.
 *
 * `bytes` is the map's value_bytes(), kept as it changes. *_take functions take the map (and the key and value passed); they work in place when the map has one holder, else on
 * a copy.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/value.h"

enum { MAP_BYTES = 32, MAP_PAIR_BYTES = 24 }; /* value_bytes() of the empty one; of a pair besides its key and value */

struct map_pair {
    value key, v;
};

struct map {
    uint32_t refs;
    uint32_t len; /* pairs */
    uint32_t nchunks, cap;
    int64_t bytes;
    uint32_t hint, before; /* for map_at(): a chunk, and the pairs before it */
    struct map_chunk *one; /* the room for `chunks' of a small map */
    struct map_chunk **chunks;
};

/* Where one stands in a map: {0} is the beginning. It ends with the next change. */
struct map_place {
    uint32_t chunk, at;
};

struct map *map_new(void); /* empty, one holder */
struct map *map_empty(void); /* a reference to the shared [] */
static inline struct map *map_ref(struct map *m) { m->refs++; return m; }
void map_unref(struct map *m);
/* For base/value.c, of a dead map: some pairs at the end go, to let_go() if nobody else holds them; how many. Then the memory, when there are no chunks any more. */
uint32_t map_shed(struct map *m, void (*let_go)(value v));
void map_free_memory(struct map *m);
static inline value value_map(struct map *m) { return (value){.type = V_MAP, .u.m = m}; } /* takes */

bool map_key_fits(value key);
int map_key_compare(value a, value b); /* the order of keys: <0, 0, >0 */

/* All borrow: the pair until the map changes. */
const struct map_pair *map_find(const struct map *m, value key); /* NULL: there is none */
const struct map_pair *map_next(const struct map *m, struct map_place *at); /* the pair there, and one on; NULL at the end */
const struct map_pair *map_at(struct map *m, int64_t i); /* pair i, counted from 1; must be there. Cheap when i is the last one asked for or the next. Main thread only */
int64_t map_find_value(const struct map *m, value v, bool match_case); /* position of the first pair with this value, or 0 */

/* What setting would make of `bytes'. */
int64_t map_bytes_with(const struct map *m, value key, value v);
struct map *map_set_take(struct map *m, value key, value v); /* the key must fit */
/* The value of the pair at *at, one on; m must have one holder. For filling in the values of keys that were put with none. */
void map_fill_take(struct map *m, struct map_place *at, value v);
struct map *map_delete_take(struct map *m, value key); /* the key must be there; borrows it */
/* The value moved out, NONE left in its place: for changing a nested value in place. m must have one holder and the key; put it back with map_set_take(). */
value map_take_out(struct map *m, value key);

/* The pairs from key to key, both there: a new map, [] when `from' comes after `to'. */
struct map *map_range(const struct map *m, value from, value to);
/* The pairs before `from', those of `with', those after `to': later ones win. */
struct map *map_replace_range(const struct map *m, value from, value to, const struct map *with);

#endif
