/* SPDX-License-Identifier: MIT */
/*
 * Fills a world: adds so many objects with so many properties each, and tells the world where they are in #0.big.
 *
 *   bench-bigworld WORLD OBJECTS STRING-BYTES [PROPERTIES [KIND]]
 *
 * KIND is what the properties hold. text: strings of so many bytes, each beginning with the object's number and the property's, so that a reader can tell whether it got the
 * right one. short: strings of ten bytes, no two alike. equal: such strings, of which there are 1,000. mix: integers, objects, short strings and lists of three.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "db/world.h"

enum { PROPERTIES = 5, BATCH = 20000, ALIKE = 1000 };

struct kind {
    int properties;
    size_t bytes;
    const char *name;
};

static int fail(const struct buf *why) {
    fprintf(stderr, "bench-bigworld: %s\n", buf_c(why));
    return EXIT_FAILURE;
}

static value filler(objid o, int property, size_t bytes) {
    struct buf text = BUF_INIT;
    uint64_t x = (uint64_t)o * 0x9e3779b97f4a7c15u + (uint64_t)property;
    buf_printf(&text, "#%lld:%d:", (long long)o, property);
    while (text.len < bytes) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        buf_printf(&text, "%016llx", (unsigned long long)x);
    }
    struct str *s = str_new(buf_c(&text), text.len > bytes && bytes > 40 ? bytes : text.len);
    buf_fini(&text);
    return value_str(s);
}

static value short_text(uint64_t n) { return value_str(str_printf("text %05llx", (unsigned long long)n)); }

static value value_for(objid o, int property, const struct kind *kind) {
    uint64_t n = (uint64_t)o * 20 + (uint64_t)property;
    if (!strcmp(kind->name, "short")) return short_text(n);
    if (!strcmp(kind->name, "equal")) return short_text(n * 7919 % ALIKE);
    if (strcmp(kind->name, "mix")) return filler(o, property, kind->bytes);
    switch (n % 4) {
    case 0: return value_int((int64_t)n);
    case 1: return value_obj(o);
    case 2: return short_text(n);
    default: return value_list(list_of(3, value_int((int64_t)n), value_obj(o), short_text(n)));
    }
}

static objid add_generic(struct db *db, objid wizard, int properties) {
    objid generic = db_create(db, NOTHING, wizard);
    for (int i = 1; i <= properties; i++) {
        struct str *name = str_printf("text%d", i);
        db_add_propdef(db, generic, name, value_str(str_empty()), wizard, PF_READ);
        str_unref(name);
    }
    return generic;
}

static void add_object(struct db *db, objid generic, objid wizard, const struct kind *kind) {
    objid o = db_create(db, generic, wizard);
    struct str *called = str_printf("thing %lld", (long long)o);
    db_set_name(db, o, called);
    str_unref(called);
    for (int i = 1; i <= kind->properties; i++) {
        struct str *name = str_printf("text%d", i);
        struct propref p;
        if (db_find_property(db, o, name, &p)) db_prop_set_value(db, &p, value_for(o, i, kind));
        str_unref(name);
    }
}

static int fill(struct db *db, objid objects, const struct kind *kind, struct buf *why) {
    objid wizard = 0;
    while (wizard <= db_max_object(db) && !(db_is_wizard(db, wizard) && db_flag(db, wizard, OF_PLAYER))) wizard++;
    objid generic = add_generic(db, wizard, kind->properties), first = db_max_object(db) + 1;
    struct str *name = str_from("big");
    db_add_propdef(db, 0, name, value_list(list_of(3, value_obj(generic), value_obj(first), value_int(objects))), wizard, PF_READ);
    str_unref(name);
    for (objid i = 1; i <= objects; i++) {
        add_object(db, generic, wizard, kind);
        if (i % BATCH && i != objects) continue;
        if (db_save(db, NULL, 0, NULL, why)) return -1;
        db_evict_clean(db);
        fprintf(stderr, "\r%lld objects ", (long long)i);
    }
    fprintf(stderr, "\n");
    return 0;
}

int main(int argc, char **argv) {
    struct buf why = BUF_INIT;
    struct db *db;
    if (argc < 4 || argc > 6) {
        fprintf(stderr, "usage: bench-bigworld WORLD OBJECTS STRING-BYTES [PROPERTIES [KIND]]\n");
        return EXIT_FAILURE;
    }
    if (db_world_open(&db, argv[1], NULL, &why)) return fail(&why);
    struct kind kind = {argc > 4 ? atoi(argv[4]) : PROPERTIES, (size_t)atoll(argv[3]), argc > 5 ? argv[5] : "text"};
    int rc = fill(db, atoll(argv[2]), &kind, &why);
    db_world_close(db);
    return rc ? fail(&why) : EXIT_SUCCESS;
}
