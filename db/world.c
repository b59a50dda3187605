/* SPDX-License-Identifier: MIT */
/* A world as a whole: made, opened, closed, and what is true of all of it. */
#include "db/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/dialect.h"
#include "db/internal.h"
#include "db/load.h"

static struct db *world_new(void) {
    struct db *db = xcalloc(1, sizeof *db);
    db->max = NOTHING;
    db->prop_epoch = db->verb_epoch = 1;
    db->next_layout = 1;
    db->next_prop_id = db->next_verb_id = db->next_blob = 1;
    db->no_shape = shape_new(NULL, NOTHING, NULL, 0);
    db->codes = code_table_new();
    db->dialect = dialect_by_name("toast");
    db->encoding = ENC_UTF8;
    object_table_grow(db, 0);
    return db;
}

struct db *db_world_in_memory(void) {
    struct db *db = world_new();
    db->free_loaded = true;
    return db;
}

void db_world_close(struct db *db) {
    if (!db) return;
    for (size_t i = 0; i < db->cap; i++) {
        struct object *o = db->objects[i];
        db->objects[i] = NULL;
        if ((uintptr_t)o > 1) object_free(db, o);
    }
    verb_table_free(db);
    owned_free(db);
    links_free(db->players);
    free(db->free_bits);
    free(db->objects);
    free(db->dirty);
    shape_unref(db->no_shape);
    code_table_free(db->codes);
    free(db);
}

const struct dialect *db_dialect(struct db *db) { return db->dialect; }

void db_set_dialect(struct db *db, const char *name) {
    const struct dialect *d = dialect_by_name(name);
    must(d);
    db->dialect = d;
    db->changed = db->meta_changed = true;
}

enum db_encoding db_encoding(struct db *db) { return db->encoding; }

void db_set_encoding(struct db *db, enum db_encoding e) {
    db->encoding = e;
    db->changed = db->meta_changed = true;
}

uint64_t db_generation(struct db *db) { return db->generation; }
const unsigned char *db_uuid(struct db *db) { return db->uuid; }
struct code_table *db_code_table(struct db *db) { return db->codes; }
bool db_has_changes(struct db *db) { return db->changed; }
