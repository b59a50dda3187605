/* SPDX-License-Identifier: MIT */
/*
 * How objects look in memory. For db/ alone, and for the inline functions of db/fast.h.
 *
 * Invariants
 * 1. objects[n] is a loaded object, NULL (not in memory: ask the store) or OBJECT_ABSENT (known to be invalid).
 * 2. A loaded object's parent is loaded: `up` and the kid/sibling links are plain pointers. So eviction goes from the leaves up.
 * 3. A shape lists the slots of an object from the root's definitions down, so a property has the same slot in all who inherit it. Objects without
 *    definitions of their own share their parent's shape.
 * 4. Objects with one parent and no definitions of their own have one layout id, the parent's child_layout: the same slots, the same verbs, and a clear slot's
 *    value in the same place. An object with definitions has a layout id of its own. Ids are not used again.
 * 5. What a layout id stands for changes only together with an epoch, or by giving the object another id. A change to an object without loaded children needs only
 *    the latter; nobody can have cached what was never loaded.
 * 6. A change is marked dirty in the function that makes it, and before it is made: object_dirty() or object_mark(); where nothing is to be marked, object_touch(). An
 *    object that a save has yet to capture is captured by these, as it was at the cut. A dirty object, or one that a save writes, is never evicted.
 * 7. A slot that is UNREAD is clean, and has a record: who is about to mark it for a reason other than a new value reads it first.
 */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include "base/must.h"
#include "db/db.h"
#include "db/world.h"

/*
 * Slots: the properties of one object, ten bytes each, as there are many. `slots' points into the middle of a block: payloads (any member of a value's union) forward from
 * there, what else there is to say backward. Reach them through the functions below.
 */
struct slot_meta {
    uint8_t type; /* V_CLEAR: inherited */
    uint8_t bits; /* PF_ and SLOT_ */
};
/* The type of a slot whose value is long and still in the store: its payload is the value_bytes() of it. No value has this type, and slot_value() of such a slot is nobody's. */
enum { SLOT_UNREAD = V_CLEAR | 16 };
static inline bool type_is_no_value(unsigned type) { return (type & 15) == V_CLEAR; } /* CLEAR or UNREAD: codes end below 16 */
/* STORED: there is a record. PUTTING, DELETING: the save that is under way writes or deletes it. OWNED: its owner is in `owners', not the one that the definition gives. */
enum { PF_ALL = 7, SLOT_DIRTY = 8, SLOT_STORED = 16, SLOT_PUTTING = 32, SLOT_DELETING = 64, SLOT_OWNED = 128 };
struct slot_owners;

struct propdef {
    uint64_t id; /* global, never used again */
    struct str *name;
    objid owner; /* as first defined: what a slot without a record has */
    uint8_t perms;
};

struct shape_slot {
    uint64_t id;
    struct str *name;
    objid definer;
    objid owner;
    uint8_t perms;
};

struct shape {
    uint32_t refs;
    uint32_t n;
    uint32_t mask; /* of `index' */
    uint32_t *index; /* open addressing by name; slot + 1 */
    struct shape_slot *slots;
    uint32_t *by_id; /* slots in order of id; NULL until asked */
};

enum { VERB_HAS_CODE = 1, VERB_DIRTY = 2, VERB_STORED = 4, VERB_PUTTING = 8 };

struct verb {
    uint64_t id; /* global, never used again; ascending within an object */
    struct str *names;
    objid owner;
    struct code *code; /* NULL while not loaded */
    uint16_t perms; /* VERB_PERMS_ */
    int16_t prep;
    uint32_t state; /* VERB_ bits */
    uint32_t code_bytes; /* of its program; 0: not known, or none */
    uint8_t hash[CODE_HASH_BYTES];
};

/* An ordered set of objects under ascending keys, with holes where some were removed. */
struct link {
    uint64_t key;
    objid o; /* LINK_DEAD: removed */
};
#define LINK_DEAD INT64_MIN
struct links {
    struct link *v;
    uint32_t first, n, cap; /* v[first..n) */
    uint32_t live;
    uint64_t read_to; /* of a list that is read in portions: up to this key it is as it is to be, and above it empty */
};

/* What only some objects have: definitions, heirs, lists. Most have none of it. */
struct defs {
    struct propdef *props;
    struct verb *verbs;
    uint32_t nprops, nverbs, verb_cap;
    uint32_t child_layout; /* 0: not given yet */
    struct object *kid; /* the first loaded one */
    struct slot_owners *owners; /* of slots with SLOT_OWNED; NULL: none */
    struct links *children, *contents; /* NULL: none */
};

enum object_state {
    OS_HEADER = 1, /* dirty: the object record */
    OS_PROPDEFS = 2,
    OS_SLOTS = 4,
    OS_VERBS = 8,
    OS_LISTS = 16, /* rows of its children or contents */
    OS_QUEUED = 32, /* is in db->dirty */
    OS_COLD_CHILDREN = 64, /* the store may have more than is in `children' */
    OS_COLD_CONTENTS = 128,
    OS_OWN_LAYOUT = 256,
    OS_SAVING = 512, /* the save that is under way writes some of it: `saving' */
    OS_STORED = 1024, /* there may be records of it */
    OS_LISTS_ASKED = 2048, /* children or contents, since the cache's clock came by */
    OS_PARITY = 4096, /* of the cut after which it became dirty: with OS_QUEUED and another than the db's, the save that is under way has yet to capture it */
    OS_DIRTY_MASK = OS_HEADER | OS_PROPDEFS | OS_SLOTS | OS_VERBS | OS_LISTS
};

struct object {
    uint32_t layout;
    uint16_t state; /* OS_ bits */
    uint8_t touched; /* TOUCHED: used since the cache's clock came by. In the line that every look-up has read */
    uint8_t saving; /* OS_DIRTY_MASK bits that were captured */
    int64_t *slots;
    int64_t id : 41;
    uint64_t flags : 23; /* OF_ bits, and what else a dump had */
    objid owner, location;
    struct str *name;
    struct shape *shape;
    struct object *up, *next, *prev; /* loaded ones only */
    struct defs *defs; /* NULL: nothing of it */
    uint64_t child_key, content_key; /* this object's place in its parent's and location's lists */
};
enum { TOUCHED = 255 };

#define OBJECT_LIMIT ((objid)1 << 40) /* numbers from this on are damage, or an attack on memory */
#define OBJECT_ABSENT ((struct object *)1)

static inline objid object_parent(const struct object *o) { return o->up ? o->up->id : NOTHING; }
static inline struct object *object_kid(const struct object *o) { return o->defs ? o->defs->kid : NULL; }
static inline struct links *object_children(const struct object *o) { return o->defs ? o->defs->children : NULL; }
static inline struct links *object_contents(const struct object *o) { return o->defs ? o->defs->contents : NULL; }

struct verb_hit;
struct rowset;
struct store;
struct owned_index;
struct cache;
struct str_cache;
struct free_numbers;
struct history;
struct usage;
struct watch;
struct readings;

struct db {
    struct object **objects;
    size_t cap; /* entries of objects */
    bool evict_due; /* the next public function makes room first */
    int64_t look_in; /* bytes to be loaded or changed before the cache looks at how much is in use */
    struct cache *cache; /* NULL: nothing leaves memory */
    uint64_t prop_epoch, verb_epoch;
    uint64_t verb_hits, verb_misses;
    objid max;
    uint32_t next_layout;
    uint32_t protected_props;
    struct shape *no_shape; /* of objects without properties */
    struct verb_hit *verb_table;
    struct code_table *codes;
    struct str_cache *strings; /* met in records lately; NULL in memory */
    uint64_t next_prop_id, next_verb_id, next_key, next_blob;
    uint64_t cut_key; /* next_key at the last cut */
    objid cut_max; /* highest number at any cut */
    struct links *players;
    struct owned_index *owned;
    struct free_numbers *free_numbers; /* NULL until first asked */
    bool players_cold;
    bool changed; /* anything since the last save */
    bool meta_changed;
    bool read_only;
    objid *dirty;
    size_t ndirty, dirty_cap;
    unsigned cut_parity; /* OS_PARITY or 0: of what is dirty since the last cut */
    struct rowset *rows; /* changed rows of the tables that are not object records; NULL in memory */
    struct rowset *rows_saving; /* those of the save that is under way */
    struct usage *usage, *usage_saving; /* what changed since the last cut, and what the save that is under way writes (NULL) */
    struct watch *watch; /* db/watch.h */
    struct readings *readings; /* db/readings.h; NULL: none */
    objid bring_first; /* for db_bring(): an ancestor beyond which nobody has read yet; NOTHING */
    struct history *history; /* versions of verbs that wait for the next save */
    struct history *history_saving; /* those of the save that is under way; NULL */
    struct db_history_limits history_limits;
    int64_t history_time; /* of the last version noted */
    struct str *history_option; /* the name of the property that tells whether an object has any; NULL until first needed */
    struct store *store; /* NULL: a world in memory */
    void (*recovered)(void *ctx, bool recovered, const char *text); /* NULL: damage is only told */
    void *recovered_ctx;
    bool damage_met, recovering, no_recovery;
    int64_t recovered_us; /* 0: never */
    struct delta_log *deltas; /* NULL: none are kept */
    bool no_deltas; /* by an option */
    const struct dialect *dialect, *own_dialect; /* in use; recorded in meta */
    enum db_encoding encoding;
    uint64_t generation;
    uint64_t format; /* of the world on disk, and of what is saved; not the newest only when it was opened for reading or by a reboot (db/upgrade.h) */
    unsigned char uuid[16];
    uint64_t damaged; /* records that could not be read */
    int pid_file; /* holds the lock on the world; -1 */
    char *dir;
    struct save_run *save_run; /* the save that is under way; NULL */
    struct save_thread *save_thread; /* from the first save on */
    void (*save_wake)(void *ctx);
    void *save_wake_ctx;
};

/* ---- world.c ---- */

void db_keep_deltas(struct db *db); /* once the store is open and its meta record read */

/* ---- object.c ---- */

struct object *object_load(struct db *db, objid id); /* NULL: invalid */

/* NULL when invalid. The pointer ends when the object is destroyed or evicted: at the end of the public function that asked. */
static inline struct object *object_at(struct db *db, objid id) {
    if ((uint64_t)id >= db->cap) return NULL;
    struct object *o = db->objects[id];
    if ((uintptr_t)o > 1) return o->touched = TOUCHED, o;
    return o || !db->store ? NULL : object_load(db, id);
}
void cache_turn(struct db *db); /* db/cache.h */
/* The first look-up of a public function: nobody holds a pointer yet, so objects may leave. */
static inline struct object *object_enter(struct db *db, objid id) {
    if (__builtin_expect(db->evict_due, 0)) cache_turn(db);
    return object_at(db, id);
}
static inline struct object *object_must(struct db *db, objid id) {
    struct object *o = object_enter(db, id);
    must(o);
    return o;
}
struct object *object_new(struct db *db, objid id, objid owner); /* without parent and location; in the table */
void object_free(struct db *db, struct object *o); /* memory only: not in the table any more */
void object_table_grow(struct db *db, objid id);
void object_mark(struct db *db, struct object *o, unsigned what); /* OS_ bits; before the change (invariant 6) */
static inline void object_dirty(struct db *db, struct object *o, unsigned what) {
    if (__builtin_expect(((o->state ^ db->cut_parity) & (what | OS_PARITY)) != what, 0)) object_mark(db, o, what);
}
static inline bool object_is_pending(const struct db *db, const struct object *o) { /* the save that is under way has yet to capture it */
    return (o->state & OS_QUEUED) && ((o->state ^ db->cut_parity) & OS_PARITY);
}
void object_capture(struct db *db, struct object *o); /* a pending one (save.c) */
static inline void object_touch(struct db *db, struct object *o) {
    if (object_is_pending(db, o)) object_capture(db, o);
}
static inline bool object_is_wizard(struct db *db, objid who) {
    struct object *o = object_at(db, who);
    return o && (o->flags & OF_WIZARD);
}
/* Next in the tree of loaded objects under root, parents first; NULL at the end. */
struct object *object_next_below(struct object *o, const struct object *root);
void object_attach(struct object *o, struct object *parent); /* up, kid, next, prev */
void object_detach(struct object *o);
/* So much of a list at most: rows, and time. What was read stays; false: it is not all, and the next call goes on there. NULL: all. */
struct read_limit {
    size_t rows;
    const struct patience *patience;
};
bool object_load_children(struct db *db, struct object *o, const struct read_limit *limit);
bool object_load_contents(struct db *db, struct object *o, const struct read_limit *limit);
void object_load_tree(struct db *db, struct object *o); /* all descendants */
void object_put_child(struct db *db, struct object *parent, uint64_t key, objid o); /* list and row */
void object_put_content(struct db *db, struct object *where, uint64_t key, objid o);
void object_drop_records(struct db *db, struct object *o); /* from the store, at the next save */
void object_set_name(struct db *db, struct object *o, struct str *name);
void object_set_owner(struct db *db, struct object *o, objid owner);
uint64_t db_next_key(struct db *db); /* for the end of any ordered list */

/* ---- links.c ---- */

struct links *links_new(void);
void links_free(struct links *l);
void links_append(struct links **l, uint64_t key, objid o); /* key above all present */
void links_insert(struct links **l, uint64_t key, objid o);
void links_insert_read(struct links **l, bool cold, uint64_t key, objid o); /* into a cold list only if it is read so far: else it comes with the rest */
bool links_remove(struct links *l, uint64_t key);
objid links_next(const struct links *l, uint64_t *cursor); /* first with a key above *cursor; NOTHING */
value links_to_list(const struct links *l, const struct patience *p); /* V_NONE: patience was over */
static inline size_t links_count(const struct links *l) { return l ? l->live : 0; }

/* ---- shape.c ---- */

struct shape *shape_new(const struct shape *base, objid definer, const struct propdef *props, size_t n);
static inline struct shape *shape_ref(struct shape *s) { s->refs++; return s; }
void shape_unref(struct shape *s);
int64_t shape_find(const struct shape *s, const struct str *name); /* slot or -1 */
int64_t shape_find_id(struct shape *s, uint64_t id); /* slot or -1 */
/* Gives o the shape that its parent and its definitions ask for, moving its slots over; new ones are clear with owner and letters by the rules. */
void shape_refit(struct db *db, struct object *o);
void shape_refit_tree(struct db *db, struct object *o);
void layout_assign(struct db *db, struct object *o); /* by parent, or one of its own */
void layout_changed(struct db *db, struct object *o); /* definitions or parent: nothing cached about o or its heirs holds */
void layout_values_moved(struct db *db, struct object *o); /* a slot of o became clear or not clear */
struct defs *object_defs(struct object *o); /* made if there is none */
void object_drop_defs(struct object *o); /* if there is nothing in it any more */
bool object_defines(const struct object *o);

/* ---- slots.c ---- */

static inline struct slot_meta *slot_meta(int64_t *slots, uint32_t i) { return (struct slot_meta *)slots + ~(int64_t)i; }
static inline unsigned slot_type(const struct object *o, uint32_t i) { return slot_meta(o->slots, i)->type; }
static inline unsigned slot_bits(const struct object *o, uint32_t i) { return slot_meta(o->slots, i)->bits; }
static inline unsigned slot_perms(const struct object *o, uint32_t i) { return slot_bits(o, i) & PF_ALL; }
static inline void slot_add_bits(struct object *o, uint32_t i, unsigned bits) { slot_meta(o->slots, i)->bits |= (uint8_t)bits; }
static inline void slot_drop_bits(struct object *o, uint32_t i, unsigned bits) { slot_meta(o->slots, i)->bits &= (uint8_t)~bits; }
static inline void slot_set_perms(struct object *o, uint32_t i, unsigned perms) {
    struct slot_meta *m = slot_meta(o->slots, i);
    m->bits = (uint8_t)((m->bits & ~(unsigned)PF_ALL) | (perms & PF_ALL));
}
static inline value slot_value(const struct object *o, uint32_t i) { return (value){.type = slot_type(o, i), .u.i = o->slots[i]}; } /* borrows */
static inline bool slot_is_unread(const struct object *o, uint32_t i) { return slot_type(o, i) == SLOT_UNREAD; }
static inline int64_t slot_value_bytes(const struct object *o, uint32_t i) { return slot_is_unread(o, i) ? o->slots[i] : value_bytes(slot_value(o, i)); }
static inline void slot_put_value(struct object *o, uint32_t i, value v) { /* takes; the old one is the caller's */
    slot_meta(o->slots, i)->type = (uint8_t)v.type;
    o->slots[i] = v.u.i;
}
objid slot_owner(const struct object *o, uint32_t i);
void slot_set_owner(struct object *o, uint32_t i, objid owner);
bool slot_keep_owner(struct object *o, uint32_t i); /* before o's owner changes; false: the slot does not care */
void slot_default(struct object *o, uint32_t i); /* what no record stands for. Its value is gone already */
void slots_default(struct object *o); /* the slots of o's shape, where there were none */
bool slot_is_default(const struct object *o, uint32_t i);
int64_t *slots_new(uint32_t n); /* not filled in */
void slots_free(int64_t *slots, uint32_t n); /* values and owners are the caller's */
/* Slots of o's shape go where they are in `now' (o's shape is still the old one); those that have no place are passed to `drop'. New ones have type NONE. */
void slots_move(struct object *o, struct shape *now, int64_t (*moved_to)(const struct shape *old, uint32_t i, struct shape *now),
                void (*drop)(void *ctx, uint32_t i), void *ctx);

/* load.c: an unread slot gets its value, or is clear when that cannot be read. false: no patience, and the next call goes on. */
bool slot_load(struct db *db, struct object *o, uint32_t i, const struct patience *p);
static inline void slot_need(struct db *db, struct object *o, uint32_t i) {
    if (slot_is_unread(o, i)) slot_load(db, o, i, NULL);
}

/* property.c: a clean slot of o, which is marked, is about to get another value: SLOT_DIRTY, and who changed it. */
__attribute__((cold)) void slot_first_change(struct db *db, struct object *o, uint32_t i, value v, value old, objid progr);

/* ---- verb.c ---- */

struct verb *object_append_verb(struct object *o); /* zeroed */
void verb_fini(struct verb *v);
size_t verb_code_bytes(struct db *db, struct verb *v);
void verb_table_free(struct db *db);

/* ---- index.c ---- */

void owned_add(struct db *db, objid owner, objid o);
void owned_remove(struct db *db, objid owner, objid o);
value owned_objects(struct db *db, objid owner, const struct read_limit *limit); /* V_NONE: not all was read */
void owned_free(struct db *db);
void owned_cool(struct db *db); /* drops what was not asked for since the last call */
void players_add(struct db *db, objid o);
void players_remove(struct db *db, objid o);
bool players_load(struct db *db, const struct read_limit *limit);
struct links *players_loaded(struct db *db);

/* ---- free_numbers.c ---- */

void free_add(struct db *db, objid o);
void free_remove(struct db *db, objid o);
void free_cool(struct db *db); /* forgets them; a world in memory knows them nowhere else */

/* ---- rows that have changed; nothing in a world in memory ---- */

/* ROW_HISTORY: (object, kind), all of it deleted. ROW_SETTER is in no table: (object, property) -> who changed it. */
enum row_table { ROW_CONTENTS, ROW_CHILDREN, ROW_PLAYER, ROW_OWNED, ROW_FREE, ROW_OBJECT, ROW_PROPDEF, ROW_PROPVAL, ROW_VERBDEF, ROW_HISTORY, ROW_SETTER, ROW_TABLES };
void row_put(struct db *db, enum row_table t, uint64_t a, uint64_t b, objid v);
void row_delete(struct db *db, enum row_table t, uint64_t a, uint64_t b);

/* save.c */
void save_close(struct db *db); /* gives up a save that is under way, without a word */

/* code.c */
struct code_table *code_table_new(void);
void code_table_free(struct code_table *t);
struct code *code_find(struct code_table *t, const uint8_t hash[CODE_HASH_BYTES]);

#endif
