/* SPDX-License-Identifier: MIT */
#include "db/cache.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/strcache.h"
#include "db/readings.h"
#include "db/store.h"

enum {
    PORTION_US = 300,
    LOOK_AT_LEAST_US = 50000, /* between slices */
    STUCK_US = 500000, /* until rounds that brought nothing are tried again, if no save ended */
    PASS_WORK = 1, VISIT_WORK = 8, EVICT_WORK = 256, /* an entry passed over, an object looked at, one evicted: about as they take time */
    WORK = 2048, /* between two looks at the clock */
    SPARED = 2, /* rounds more for objects with verbs: these are few and often wanted */
    SHORT_US = 1000,
    MEASURE_SHARE = 100, RARE_SHARE = 20000, /* at most this part of the time goes to measuring; when it takes longer than SHORT_US, this part */
    TRIM_SHARE = 1000,
    BLOCK_BYTES = 4, /* rounding */
    DIRTY_BYTES = 8192 /* a save needs about this for a changed object: pages of the store that it writes anew */
};

struct cache {
    int64_t budget;
    int64_t in_use;
    int64_t anonymous, measured_anonymous;
    int64_t goal; /* evict until in_use is not above */
    int64_t looked_us, measured_us, measuring_us, trimmed_us, trimming_us;
    size_t hand;
    size_t fruitless; /* entries since something left */
    uint64_t loaded, evicted;
    int64_t longest_us; /* of a portion */
    bool evict_always;
    unsigned evict_entries;
    int64_t stuck_us;
    uint64_t stuck_generation;
    int64_t unsaved; /* while it was passed over in the last round before it got stuck */
    bool stuck; /* rounds, and nothing left, but too much is in use */
    bool texts_left;
};

struct cache *cache_new(const struct db_options *o) {
    struct cache *c = xcalloc(1, sizeof *c);
    c->evict_always = o->evict_always;
    c->evict_entries = o->evict_entries;
    c->anonymous = -1;
    c->budget = o->cache_size < INT64_MAX ? (int64_t)o->cache_size : INT64_MAX;
    if (!c->budget) {
        int64_t limit = memory_limit();
        c->budget = limit > 0 ? limit / 2 : INT64_MAX;
    }
    return c;
}

void cache_free(struct cache *c) { free(c); }

/* ---- what an object takes ---- */

static int64_t object_cost(const struct object *o) {
    int64_t n = (int64_t)(sizeof *o + o->shape->n * (sizeof *o->slots + sizeof(struct slot_meta))) + o->name->len + 4 * BLOCK_BYTES;
    for (uint32_t i = 0; i < o->shape->n; i++) {
        value v = slot_value(o, i);
        if (value_is_counted(v)) n += value_bytes(v) + BLOCK_BYTES;
    }
    if (o->defs) n += (int64_t)(sizeof *o->defs + o->defs->nprops * (sizeof *o->defs->props + sizeof *o->shape->slots) + o->defs->nverbs * (sizeof *o->defs->verbs + 4 * BLOCK_BYTES));
    return n;
}

void cache_loaded(struct db *db, const struct object *o) {
    if (!db->cache) return;
    int64_t cost = object_cost(o);
    db->cache->loaded++;
    db->cache->in_use += cost;
    cache_count(db, cost);
}

void cache_value_loaded(struct db *db, value v) {
    if (!db->cache || !value_is_counted(v)) return;
    int64_t cost = value_bytes(v) + BLOCK_BYTES;
    db->cache->in_use += cost;
    cache_count(db, cost);
}

/* ---- one at a time ---- */

static inline bool is_loaded(const struct object *o) { return (uintptr_t)o > 1; }
static bool evictable(const struct object *o) { return !object_kid(o) && !(o->state & (OS_QUEUED | OS_SAVING)); }

void cache_drop(struct db *db, struct object *o) {
    if (db->cache) {
        db->cache->evicted++;
        db->cache->in_use -= object_cost(o);
    }
    db->objects[o->id] = NULL;
    object_detach(o);
    object_free(db, o);
}

/* Of a cold list all is in the store or among the changed rows. */
static void cool_lists(struct object *o) {
    o->state |= OS_COLD_CHILDREN | OS_COLD_CONTENTS;
    if (!o->defs) return;
    links_free(o->defs->children);
    links_free(o->defs->contents);
    o->defs->children = o->defs->contents = NULL;
    object_drop_defs(o);
}

/* The compiled form when nobody but the verb holds the program, and at the next round its text. */
static void cool_program(struct cache *c, struct verb *v) {
    struct code *code = v->code;
    if (!code || (v->state & (VERB_DIRTY | VERB_PUTTING)) || !(v->state & VERB_STORED)) return;
    if (code->touched) {
        code->touched = 0;
    } else if (code->refs == 1 && code->program) {
        code_drop_program(code);
    } else if (code->refs == 1) {
        v->code = NULL;
        code_unref(code);
        c->texts_left = true;
    }
}

static bool was_touched(struct object *o) {
    if (o->touched == TOUCHED) {
        o->touched = o->defs && o->defs->nverbs ? SPARED : 0;
        return true;
    }
    if (!o->touched) return false;
    o->touched--;
    return true;
}

/* The hand is at this entry. true: the object left. */
static bool visit(struct db *db, struct object *o) {
    if (!is_loaded(o)) return false;
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) cool_program(db->cache, &o->defs->verbs[i]);
    if (o->state & OS_LISTS_ASKED) o->state &= (uint16_t)~OS_LISTS_ASKED;
    else if (object_children(o) || object_contents(o)) cool_lists(o);
    if (was_touched(o) || !evictable(o)) return false;
    cache_drop(db, o);
    return true;
}

/* ---- portions ---- */

static struct object *advance(struct db *db) {
    struct cache *c = db->cache;
    if (c->hand >= db->cap) {
        c->hand = 0;
        owned_cool(db);
    }
    return db->objects[c->hand++];
}

static void begin_round(struct cache *c) {
    c->stuck = false;
    c->fruitless = 0;
    c->unsaved = 0;
}

static void get_stuck(struct db *db) {
    struct cache *c = db->cache;
    c->stuck = true;
    c->stuck_us = clock_monotonic_us();
    c->stuck_generation = db->generation;
}

/* The work that one entry was. */
static int step(struct db *db) {
    struct cache *c = db->cache;
    struct object *o = advance(db);
    if (visit(db, o)) {
        begin_round(c);
        return EVICT_WORK;
    }
    c->fruitless++;
    if (c->fruitless > db->cap * (2 + SPARED)) get_stuck(db); /* every object had time to be untouched */
    if (!is_loaded(o)) return PASS_WORK;
    if (c->fruitless > db->cap * (1 + SPARED) && (o->state & (OS_QUEUED | OS_SAVING))) c->unsaved += object_cost(o);
    return VISIT_WORK;
}

/* Until the goal is reached, the time is over or rounds brought nothing. */
static void evict_portion(struct db *db) {
    struct cache *c = db->cache;
    int64_t begun = clock_monotonic_us(), now = begun;
    while (c->in_use > c->goal && !c->stuck && now - begun < PORTION_US) {
        for (int work = 0; work < WORK && c->in_use > c->goal && !c->stuck;) work += step(db);
        now = clock_monotonic_us();
    }
    if (now - begun > c->longest_us) c->longest_us = now - begun;
}

/* ---- how much is in use ---- */

/* It is not yet time to measure again: that would cost more than its share of the time or, where it makes a pause that somebody may feel, nothing tells of a need. */
static bool put_off(const struct cache *c, int64_t now) {
    int64_t ago = now - c->measured_us, moved = c->anonymous - c->measured_anonymous;
    if (!c->measured_us || ago >= c->measuring_us * RARE_SHARE) return false;
    if (ago < c->measuring_us * MEASURE_SHARE) return true;
    return c->measuring_us > SHORT_US && moved < c->budget / 16 && -moved < c->budget / 16;
}

static void measure(struct cache *c, int64_t now) {
    if (put_off(c, now)) return;
    c->measured_anonymous = c->anonymous;
    int64_t blocks = memory_in_blocks();
    bool untold = blocks < 0, untouched = c->anonymous >= 0 && blocks > c->anonymous; /* untouched: some were never written to */
    c->in_use = untold || untouched ? c->anonymous : blocks;
    c->measured_us = clock_monotonic_us();
    c->measuring_us = c->measured_us - now;
}

/* again: more was loaded or changed, so there is something to look at even if nothing could leave before. */
static void look(struct db *db, bool again) {
    struct cache *c = db->cache;
    int64_t now = clock_monotonic_us(), margin = c->budget / 16;
    c->looked_us = now;
    c->anonymous = memory_anonymous();
    db->look_in = c->budget / 64;
    if (c->stuck && (again || now - c->stuck_us > STUCK_US || c->stuck_generation != db->generation)) begin_round(c);
    if (c->anonymous >= 0 && c->anonymous < c->budget - 2 * margin) {
        c->in_use = c->anonymous;
        c->goal = c->budget;
        return;
    }
    measure(c, now);
    int64_t over = c->anonymous - c->budget; /* holes between the blocks: with fewer blocks they are used */
    if (over < 0) over = 0;
    if (over > c->budget / 4) over = c->budget / 4;
    c->goal = c->budget - margin - over;
}

/* ---- from outside ---- */

/* Not from a file that cannot be read any more: what is in memory is all that there is. */
static bool may_be_read_again(const struct db *db) { return db->store && !db->no_recovery; }

void cache_turn(struct db *db) {
    struct cache *c = db->cache;
    int64_t taken = pool_account.taken; /* what leaves was the world's: the task that runs gave nothing back */
    if (!may_be_read_again(db)) {
        db->evict_due = false;
    } else if (c->evict_always) {
        db_evict_clean(db);
    } else if (c->evict_entries) {
        size_t most = db->cap;
        for (unsigned n = 0; n < c->evict_entries && most--;) {
            struct object *o = advance(db);
            n += is_loaded(o);
            visit(db, o);
        }
    } else {
        if (db->look_in < 0) look(db, true);
        evict_portion(db);
        db->evict_due = c->in_use > c->goal && !c->stuck;
    }
    if (c->texts_left) db->verb_epoch++; /* verb caches borrow them */
    c->texts_left = false;
    pool_account.taken = taken;
}

static void trim(struct cache *c) {
    int64_t now = clock_monotonic_us();
    if (c->anonymous < c->budget + c->budget / 8 || c->anonymous - c->in_use < c->budget / 4 || now - c->trimmed_us < 1000000 + c->trimming_us * TRIM_SHARE) return;
    memory_trim();
    c->trimmed_us = clock_monotonic_us();
    c->trimming_us = c->trimmed_us - now;
}

void db_cache_turn(struct db *db) {
    struct cache *c = db->cache;
    if (!c || c->evict_always || c->evict_entries || !may_be_read_again(db)) return;
    if (clock_monotonic_us() - c->looked_us >= LOOK_AT_LEAST_US) {
        look(db, false);
        trim(c);
        readings_age(db);
        db->evict_due = c->in_use > c->goal && !c->stuck;
    }
    if (db->evict_due) cache_turn(db);
}

/* The pages that the next save has in memory until they are written. */
static int64_t save_needs(const struct db *db) { return (int64_t)db->ndirty * DIRTY_BYTES; }

bool db_wants_save(const struct db *db) {
    const struct cache *c = db->cache;
    if (!c || c->evict_always || !db->ndirty || db_save_under_way(db)) return false;
    return save_needs(db) > c->budget / 8 || (c->stuck && save_needs(db) + c->unsaved > c->budget / 64);
}

bool db_should_wait(const struct db *db) {
    const struct cache *c = db->cache;
    if (!c || !db_save_under_way(db)) return false;
    bool full = c->stuck && c->in_use > c->budget + c->budget / 4 && save_needs(db) + c->unsaved > c->budget / 16; /* of what is unsaved, not of tasks */
    return full || save_needs(db) > c->budget / 4;
}

void db_cache_stats(const struct db *db, struct db_cache_stats *out) {
    const struct cache *c = db->cache;
    *out = (struct db_cache_stats){.anonymous = -1};
    if (c) *out = (struct db_cache_stats){c->budget, c->in_use, c->anonymous, c->loaded, c->evicted, c->longest_us};
}

/* ---- all at once ---- */

/* From a leaf up, as far as nobody needs them. */
static void evict_line(struct db *db, struct object *o) {
    while (o && evictable(o)) {
        struct object *up = o->up;
        cache_drop(db, o);
        o = up;
    }
}

void db_evict_clean(struct db *db) {
    if (!may_be_read_again(db)) return;
    for (size_t i = 0; i < db->cap; i++)
        if (is_loaded(db->objects[i])) evict_line(db, db->objects[i]);
    for (size_t i = 0; i < db->cap; i++)
        if (is_loaded(db->objects[i])) cool_lists(db->objects[i]);
    owned_free(db);
    links_free(db->players);
    db->players = NULL;
    db->players_cold = true;
    free_cool(db);
    if (db->cache && db->cache->evict_always) return; /* what follows is too much to do each time */
    str_cache_clear(db->strings);
    store_forget_pages(db->store);
}
