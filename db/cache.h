/* SPDX-License-Identifier: MIT */
/*
 * What leaves memory, so that a world may be larger than it: clean objects with nobody below them, compiled programs that nobody runs and the texts of
 * those not called for long, lists of children, contents and owned objects. Least recently used first, as a clock tells (second chance; Corbato, "A paging
 * experiment with the Multics system", 1969): a hand goes round over all object numbers; what was touched since it last came by is only marked untouched.
 *
 * Nothing leaves but at the first look-up of a public function (object_enter) and between slices (db_cache_turn), where nobody holds a pointer; and there only a portion
 * of a fraction of a millisecond, so the next calls go on with it. Dirty and saving objects stay: db_wants_save().
 *
 * What inline caches hold stays true: prop_cache and verb_cache compare layout ids, those of an object that left are never given out again, and an object with verbs can leave
 * only after all that inherit them. Only a program's text that leaves while its verb stays ends an epoch of verbs.
 *
 * How much is in use is not known at each moment: malloc and the pools tell, but it takes them time in proportion to their free blocks. So they are asked now and then, at most for a
 * hundredth of the time and much less often once that takes longer than a millisecond; in between, what is loaded and evicted is added up. While the system says that the process is small,
 * nothing is asked at all. Holes between blocks (what the process takes beyond what is in use) are made up for by using less.
 */
#ifndef DB_CACHE_H
#define DB_CACHE_H

#include "db/internal.h"

struct cache *cache_new(const struct db_options *options);
void cache_free(struct cache *c);
void cache_loaded(struct db *db, const struct object *o); /* it has just come into memory */
void cache_value_loaded(struct db *db, value v); /* of an object that has been in memory */
void cache_drop(struct db *db, struct object *o); /* a clean one with nobody below it, to which nobody holds a pointer */

/* So many bytes came in or may have changed. */
enum { CACHE_CHANGE_BYTES = 256 };
static inline void cache_count(struct db *db, int64_t bytes) {
    if (db->cache && (db->look_in -= bytes) < 0) db->evict_due = true;
}

#endif
