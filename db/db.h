/* SPDX-License-Identifier: MIT */
/*
 * The world: objects, properties, verbs, players; how they inherit; who may touch them; and their store.
 *
 * Everything goes through accessors that may load from the store. A borrowed pointer (struct str *, struct code *) ends at the next db_ call
 * on the same object unless it is ref'd; nothing outside db/ ever holds a pointer to an object. Changes are remembered as dirty and written by db_save().
 *
 * Functions named db_* take objects that must be valid unless they say otherwise (must() else). Those that MOO code can get wrong return `enum error`, E_NONE
 * for success. Permission checks are made only where the comment says so: the rest is mechanism, and builtins/ decides.
 *
 * Layouts. Objects with the same ancestry and no definitions of their own share a layout: a 32-bit id, never used again, that fixes which slot a property name has and
 * which verb a name finds. Inline caches (struct prop_cache, struct verb_cache) remember layout ids and epochs, never pointers to objects. Any change of
 * parents, property definitions or verbs gives new layout ids or a new epoch.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/patience.h"
#include "base/str.h"
#include "base/value.h"
#include "db/code.h"

struct db;
struct buf;

/* Object flags: bits as in text dumps. */
enum object_flag {
    OF_PLAYER = 0x1,
    OF_PROGRAMMER = 0x2,
    OF_WIZARD = 0x4,
    OF_READ = 0x10,
    OF_WRITE = 0x20,
    OF_FERTILE = 0x80,
    OF_ANONYMOUS = 0x100
};
#define OBJECT_FLAGS_MAX 0x7fffff

/* ---- objects ---- */

bool db_valid(struct db *db, objid o);
/* Has o and its ancestors in memory; true as well when there is no such object. false: no patience; the ancestors that were read stay, and the next call goes on. */
bool db_bring(struct db *db, objid o, const struct patience *p);
bool db_is_new(struct db *db, objid o); /* it came into being after the last save began: that one has nothing of it */
objid db_max_object(struct db *db); /* highest number ever given out since the last reset */
void db_reset_max_object(struct db *db);
/* A new object with the next number; no checks, no hooks. Slots as language.md 13. owner NOTHING: owns itself. */
objid db_create(struct db *db, objid parent, objid owner);
/* Removes o, which must have no contents, no children and no location. Drops its verbs, properties and player flag. */
void db_destroy(struct db *db, objid o);
objid db_renumber(struct db *db, objid o); /* to the lowest free number below; the new number */

struct str *db_name(struct db *db, objid o); /* borrowed */
void db_set_name(struct db *db, objid o, struct str *name); /* borrows */
objid db_owner(struct db *db, objid o);
void db_set_owner(struct db *db, objid o, objid owner);
bool db_flag(struct db *db, objid o, enum object_flag f);
void db_set_flag(struct db *db, objid o, enum object_flag f, bool on); /* OF_PLAYER also keeps players() */
objid db_parent(struct db *db, objid o);
objid db_location(struct db *db, objid o);
/* New lists, which may have to be read first. V_NONE: patience was over; what was read is kept, and the next call goes on there. */
value db_contents(struct db *db, objid o, const struct patience *p);
value db_children(struct db *db, objid o, const struct patience *p);
value db_owned_objects(struct db *db, objid owner, const struct patience *p); /* by number; owner need not be valid */
value db_players(struct db *db, const struct patience *p); /* in order of getting the flag */
bool db_load_contents(struct db *db, objid o, const struct patience *p); /* reads them only; false: patience was over */
objid db_next_free(struct db *db, objid from, objid below); /* lowest number in from..below-1 that is not in use; NOTHING */
size_t db_count_children(struct db *db, objid o);
bool db_is_leaf(struct db *db, objid o); /* without children, and that is known without reading */
size_t db_count_contents(struct db *db, objid o);
objid db_first_content(struct db *db, objid o); /* NOTHING when empty */
objid db_first_child(struct db *db, objid o);
/* Cursor over contents in order, which may change meanwhile: pass *cursor 0 first; NOTHING at the end. */
objid db_next_content(struct db *db, objid o, uint64_t *cursor);
bool db_is_a(struct db *db, objid o, objid ancestor); /* o itself counts */
/*
 * About how many nanoseconds a change of o takes with all below it, in memory or not; counted no further than `most', when what is returned is above it. `slots': of each that is in memory or has to be
 * loaded for it, to be made or moved; *made: how many such objects there are.
 */
enum refit { REFIT_DEFINE /* a definition more, or another name for one */, REFIT_UNDEFINE, REFIT_PARENT };
uint64_t db_refit_ns(struct db *db, objid o, enum refit what, size_t slots, uint64_t most, size_t *made);
uint64_t db_change_ns(struct db *db, const struct list *objects, uint32_t from, uint64_t most); /* another owner or another place for each of these but the first `from' */
/* E_INVARG: a property name would be defined twice along a line; E_RECMOVE: a cycle. NOTHING allowed. */
enum error db_chparent(struct db *db, objid o, objid parent);
/* Last in the new contents. The caller has excluded cycles. `where' may be NOTHING. */
void db_move(struct db *db, objid what, objid where);
int64_t db_object_bytes(struct db *db, objid o);
int64_t db_owned_bytes(struct db *db, objid owner, int64_t *objects); /* what they take (db/usage.h), and how many; owner need not be valid, objects may be NULL */

/* For importers and builders. db_create_at: as db_create(), with a number that must be free; the maximum rises with it. Flags: all bits as dumps have them,
   obsolete ones too (0x8, 0x40); setting them leaves players() as it is when OF_PLAYER does not change. */
void db_create_at(struct db *db, objid o, objid parent, objid owner);
void db_set_max_object(struct db *db, objid max); /* not below the highest object */
unsigned db_flags(struct db *db, objid o);
void db_set_flags(struct db *db, objid o, unsigned flags);

bool db_is_wizard(struct db *db, objid who); /* false for invalid */
bool db_is_programmer(struct db *db, objid who);
bool db_controls(struct db *db, objid who, objid o); /* owner of o, or wizard */
/* Does `who` hold this object flag's right on o: the flag itself, owner, wizard. */
bool db_object_allows(struct db *db, objid o, objid who, enum object_flag f);

/* ---- properties ---- */

enum prop_flag { PF_READ = 1, PF_WRITE = 2, PF_CHOWN = 4 };

enum builtin_prop {
    BP_NONE = 0,
#define BUILTIN_PROP(id, name, type, doc) BP_##id,
#include "db/builtin_props.def"
#undef BUILTIN_PROP
    BP_COUNT
};
enum builtin_prop builtin_prop_by_name(const struct str *name); /* BP_NONE if it is none */

/* Inline cache of one place in a program; zero it to begin with. Contents belong to db/. */
#define PROP_OWNER_OF_OBJECT INT64_MIN
struct prop_cache {
    uint32_t layout;
    uint32_t slot; /* where layout is 0: the enum builtin_prop */
    uint64_t epoch;
    objid holder; /* where a clear slot's value was found */
    objid owner; /* that the definition gives the slot */
};

/* o.name for a frame with permissions of `progr': all checks in order (o may be anything: E_INVIND, E_PROPNF, E_PERM), built-in ones too. *out owned.
   cache may be NULL. V_NONE: there is no patience to read it (.contents, and long values that are not in memory). */
enum error db_get_property(struct db *db, objid o, struct str *name, objid progr, struct prop_cache *cache, const struct patience *p, value *out);
/* o.name = v with all checks (E_TYPE of built-in ones before E_PERM). Takes v always. */
enum error db_set_property(struct db *db, objid o, struct str *name, value v, objid progr, struct prop_cache *cache);
/* Without permission: for the server's own reading ($server_options, .aliases). false if there is none. */
bool db_read_property(struct db *db, objid o, const char *name, const struct patience *p, value *out);

/* A property found on an object; ends at the next change of definitions or parents. */
struct propref {
    objid object;
    enum builtin_prop builtin; /* then the rest is unused */
    objid definer;
    uint32_t slot;
};
bool db_find_property(struct db *db, objid o, struct str *name, struct propref *out);
objid db_prop_owner(struct db *db, const struct propref *p);
unsigned db_prop_flags(struct db *db, const struct propref *p);
void db_prop_set_info(struct db *db, const struct propref *p, objid owner, unsigned flags);
bool db_prop_allows(struct db *db, const struct propref *p, objid who, enum prop_flag f); /* flag, owner of the slot, wizard */
bool db_prop_ready(struct db *db, const struct propref *p, const struct patience *patience); /* has the slot's own value in memory, which db_prop_set_info() needs; false: no patience */
bool db_prop_is_clear(struct db *db, const struct propref *p);
void db_prop_clear(struct db *db, const struct propref *p, objid progr); /* progr: for its history */
value db_prop_value(struct db *db, const struct propref *p); /* owned; inherited when clear */
void db_prop_set_value(struct db *db, const struct propref *p, value v); /* takes; into no history */
/* The raw slot: CLEAR when clear. Owned. For dumps. */
value db_prop_raw_value(struct db *db, const struct propref *p);

/* An object is read into memory in one go. So that this takes no longer than a few milliseconds, who is no wizard may not let one have more properties, inherited ones too, or more verbs of its own
   than this, or names of its own that are longer in all (those of 100 bytes are not counted); the length of its own name has the same limit. names: bytes more. Heirs that are not in memory are not
   looked at by the first. */
enum { DB_DEFINITIONS_MAX = 10000, DB_NAMES_MAX = DB_DEFINITIONS_MAX * 100 };
bool db_can_define(struct db *db, objid o, objid who, size_t properties, size_t verbs, size_t names);
bool db_can_inherit(struct db *db, objid o, objid parent, objid who); /* loads all heirs, as db_chparent() will */

/* E_INVARG: a built-in name, or defined on an ancestor or descendant. Takes v. */
enum error db_add_propdef(struct db *db, objid o, struct str *name, value v, objid owner, unsigned flags);
/* Many at once, in one go: all or none. Takes the values (NONE is left in their place), borrows the names. */
struct propdef_new {
    struct str *name;
    value v;
    objid owner;
    unsigned flags;
};
enum error db_add_propdefs(struct db *db, objid o, struct propdef_new *defs, size_t n);
enum error db_delete_propdef(struct db *db, objid o, struct str *name); /* E_PROPNF: not defined on o itself */
enum error db_rename_propdef(struct db *db, objid o, struct str *old_name, struct str *new_name); /* E_PROPNF, E_INVARG */
value db_propdefs(struct db *db, objid o); /* new list of names defined on o */
/* All slots of o in dump order: own definitions, then the parent's, ... Returns the count; i-th as a propref and its name (borrowed). */
size_t db_count_props(struct db *db, objid o);
void db_prop_at(struct db *db, objid o, size_t i, struct propref *out, struct str **name);

/* Bit BP_x set: $server_options.protect_<name> is on: only wizards read or write it. */
void db_set_protected_props(struct db *db, uint32_t mask);

/* ---- verbs ---- */

enum verb_flag { VF_READ = 1, VF_WRITE = 2, VF_EXEC = 4, VF_DEBUG = 8, VF_PARK = 16 };
enum verb_arg { VA_NONE = 0, VA_ANY = 1, VA_THIS = 2 };
enum { PREP_ANY = -2, PREP_NONE = -1 }; /* else 0..14: db/preps.h */

struct verbref {
    objid definer;
    uint32_t index; /* 0-based among the definer's verbs */
};

/* A verb's flags and argument specifiers in one number, as dumps and records have them: r 1, w 2, x 4, d 8, dobj << 4, iobj << 6, p 256. */
enum { VERB_PERMS_DOBJ = 4, VERB_PERMS_IOBJ = 6, VERB_PERMS_LETTERS = 0xf, VERB_PERMS_PARK = 0x100, VERB_PERMS_KNOWN = 0x1ff };
static inline unsigned verb_perms_flags(unsigned perms) { return (perms & VERB_PERMS_LETTERS) | (perms & VERB_PERMS_PARK ? VF_PARK : 0); }
static inline unsigned verb_flags_perms(unsigned flags) { return (flags & VERB_PERMS_LETTERS) | (flags & VF_PARK ? VERB_PERMS_PARK : 0); }

struct verb_cache {
    uint32_t layout;
    uint32_t spare;
    uint64_t epoch;
    struct verbref verb;
    struct code *code; /* borrowed: valid while the epoch is; NULL when unprogrammed */
    struct str *names; /* borrowed likewise */
    objid owner;
    uint32_t flags;
};

/* Pattern is a names string ("foo*bar baz"), word what was typed or called. */
bool verb_names_match(const struct str *names, const char *word, size_t len);

/* obj:name(): o, then its ancestors; first match with x. cache may be NULL; when given it is filled with what a call needs. Misses are cached as well. */
bool db_find_callable_verb(struct db *db, objid o, struct str *name, struct verb_cache *cache, struct verbref *out);
/* As typed: match names and specifiers (dobj, iobj as matched; prep found or PREP_NONE); no x needed. */
bool db_find_command_verb(struct db *db, objid o, const char *word, size_t len, objid dobj, int prep, objid iobj, struct verbref *out);
/* On o itself, by name as calls match, or by 0-based position. */
bool db_find_own_verb(struct db *db, objid o, struct str *name, struct verbref *out);
size_t db_count_verbs(struct db *db, objid o);

struct str *db_verb_names(struct db *db, struct verbref v); /* borrowed */
objid db_verb_owner(struct db *db, struct verbref v);
unsigned db_verb_flags(struct db *db, struct verbref v); /* VF_ bits only */
void db_verb_args(struct db *db, struct verbref v, enum verb_arg *dobj, int *prep, enum verb_arg *iobj);
struct code *db_verb_code(struct db *db, struct verbref v); /* borrowed; NULL when unprogrammed */
bool db_verb_allows(struct db *db, struct verbref v, objid who, enum verb_flag f);

void db_verb_set_info(struct db *db, struct verbref v, struct str *names, objid owner, unsigned flags);
void db_verb_set_args(struct db *db, struct verbref v, enum verb_arg dobj, int prep, enum verb_arg iobj);
void db_verb_set_code(struct db *db, struct verbref v, struct code *code); /* takes; NULL: unprogrammed */
void db_verb_program(struct db *db, struct verbref v, struct code *code, objid programmer); /* the same, and what it was goes into its history, if it was something else */
size_t db_add_verb(struct db *db, objid o, struct str *names, objid owner, unsigned flags, enum verb_arg dobj, int prep, enum verb_arg iobj); /* its 0-based position */
void db_delete_verb(struct db *db, struct verbref v);
/* ---- what verbs and properties were before they were changed ---- */

struct db_history_limits {
    uint32_t versions; /* of each; 0: none are kept from now on */
    int64_t age_us;
};
enum { HISTORY_VERSIONS = 10, HISTORY_DAYS = 30 };
void db_set_history_limits(struct db *db, const struct db_history_limits *limits);
/* One change: when, with whose permissions, and what it was before. Equal times do not occur in one history. */
struct db_version {
    int64_t time; /* microseconds since 1970 */
    objid programmer;
    value value; /* of a property; CLEAR: inherited */
    struct str *names; /* of a verb */
    struct code *code; /* NULL: not programmed */
};
/* Newest first, within the limits; what is not saved yet too. The count; *out for db_versions_free(). */
size_t db_property_history(struct db *db, const struct propref *p, struct db_version **out);
size_t db_verb_history(struct db *db, struct verbref v, struct db_version **out);
void db_versions_free(struct db_version *v, size_t n);

/* Generation of the whole verb world, for verb_cache_stats(). */
void db_verb_cache_stats(struct db *db, uint64_t *hits, uint64_t *misses, uint64_t *generation);

#endif
