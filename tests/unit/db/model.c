/* SPDX-License-Identifier: MIT */
/*
 * A world on disk against a model of it: one in memory that goes through the same history. Every function that changes a world is called with random arguments, in both; every
 * function that reads is asked in both, some through inline caches, and must say the same. Meanwhile the world on disk loads what is asked for, lets objects leave in several ways, saves in
 * steps while it changes, and is closed and opened again.
 *
 * EVERMOO_MODEL_STEPS and EVERMOO_MODEL_SEED make other histories; a failure prints its seed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "worlds.h"

enum { NAMES = 12, PLACES = 4 };

struct side {
    struct db *db;
    struct prop_cache props[NAMES][PLACES];
    struct verb_cache verbs[NAMES][PLACES];
};

struct trial {
    struct side model, disk;
    struct str *names[NAMES];
    char *dir;
    uint64_t seed;
    objid max;
    int step, saves, failed;
};

/* ---- what is read: as text ---- */

static void print_value(struct buf *out, value v) {
    if (v.type == V_CLEAR) buf_add_c(out, "clear");
    else value_print_literal(out, v);
    value_unref(v);
}

static void read_verb(struct side *s, const struct verbref *v, struct buf *out) {
    enum verb_arg dobj, iobj;
    int prep;
    db_verb_args(s->db, *v, &dobj, &prep, &iobj);
    buf_printf(out, "#%lld:%u %s", (long long)v->definer, v->index, db_verb_names(s->db, *v)->data);
    buf_printf(out, " #%lld %u %d %d %d", (long long)db_verb_owner(s->db, *v), db_verb_flags(s->db, *v), dobj, prep, iobj);
    struct code *c = db_verb_code(s->db, *v);
    buf_printf(out, " %s", c ? c->text->data : "-");
}

static void read_cached_verb(struct side *s, objid o, struct str *name, struct verb_cache *cache, struct buf *out) {
    struct verbref v;
    if (!db_find_callable_verb(s->db, o, name, cache, &v)) {
        buf_add_c(out, "none");
        return;
    }
    /* what the cache borrows is used before anything else is asked */
    buf_printf(out, "%s #%lld %u %s ", cache->names->data, (long long)cache->owner, cache->flags, cache->code ? cache->code->text->data : "-");
    read_verb(s, &v, out);
}

static void read_property(struct side *s, objid o, struct str *name, objid who, struct buf *out) {
    struct propref p;
    if (!db_find_property(s->db, o, name, &p)) {
        buf_add_c(out, "none");
        return;
    }
    buf_printf(out, "#%lld #%lld %u", (long long)p.definer, (long long)db_prop_owner(s->db, &p), db_prop_flags(s->db, &p));
    buf_printf(out, " %d %d %d ", db_prop_is_clear(s->db, &p), db_prop_allows(s->db, &p, who, PF_READ), db_prop_allows(s->db, &p, who, PF_WRITE));
    print_value(out, db_prop_value(s->db, &p));
    print_value(out, db_prop_raw_value(s->db, &p));
}

static void read_all_properties(struct side *s, objid o, struct buf *out) {
    for (size_t i = 0; i < db_count_props(s->db, o); i++) {
        struct propref p;
        struct str *name;
        db_prop_at(s->db, o, i, &p, &name);
        buf_printf(out, "%s #%lld ", name->data, (long long)p.definer);
    }
    print_value(out, db_propdefs(s->db, o));
}

static void read_header(struct side *s, objid o, objid p, struct buf *out) {
    struct db *db = s->db;
    buf_printf(out, "%s #%lld", db_name(db, o)->data, (long long)db_owner(db, o));
    buf_printf(out, " %x #%lld", db_flags(db, o), (long long)db_parent(db, o));
    buf_printf(out, " #%lld %d", (long long)db_location(db, o), db_is_a(db, o, p));
    buf_printf(out, " %d %d", db_controls(db, p, o), db_object_allows(db, o, p, OF_READ));
}

static void read_walk(struct side *s, objid o, struct buf *out) {
    uint64_t cursor = 0;
    for (objid at; (at = db_next_content(s->db, o, &cursor)) != NOTHING;) buf_printf(out, "#%lld ", (long long)at);
    buf_printf(out, "%zu %zu", db_count_children(s->db, o), db_count_contents(s->db, o));
    buf_printf(out, " #%lld #%lld", (long long)db_first_child(s->db, o), (long long)db_first_content(s->db, o));
}

enum { READ_OF_VALID = 8, READS = 16 };

static void read_one(struct trial *t, struct side *s, unsigned what, objid o, objid p, uint64_t r, struct buf *out) {
    unsigned name = (unsigned)(r % NAMES), place = (unsigned)(r >> 8) % PLACES;
    struct verbref v;
    value got = value_none();
    if (what >= READ_OF_VALID && !db_valid(s->db, o)) what = 0;
    switch (what) {
    case 0: buf_printf(out, "%d %d %d", db_valid(s->db, o), db_is_wizard(s->db, o), db_is_programmer(s->db, o)); break;
    case 1: buf_printf(out, "#%lld #%lld", (long long)db_max_object(s->db), (long long)db_next_free(s->db, o, t->max)); break;
    case 2: print_value(out, db_owned_objects(s->db, o, NULL)); break;
    case 3: print_value(out, db_players(s->db, NULL)); break;
    case 4:
    case 5:
        buf_printf(out, "%d ", db_get_property(s->db, o, t->names[name], p, &s->props[name][place], NULL, &got));
        print_value(out, got);
        break;
    case 6: read_cached_verb(s, o, t->names[name], &s->verbs[name][place], out); break;
    case 7:
        if (db_read_property(s->db, o, t->names[name]->data, NULL, &got)) print_value(out, got);
        break;
    case 8: read_header(s, o, p, out); break;
    case 9: print_value(out, db_contents(s->db, o, NULL)); break;
    case 10: print_value(out, db_children(s->db, o, NULL)); break;
    case 11: read_property(s, o, t->names[name], p, out); break;
    case 12: read_all_properties(s, o, out); break;
    case 13:
        if (db_find_own_verb(s->db, o, t->names[name], &v)) read_verb(s, &v, out);
        buf_printf(out, "%zu", db_count_verbs(s->db, o));
        break;
    case 14:
        if (db_find_command_verb(s->db, o, t->names[name]->data, t->names[name]->len, o, (int)(r % 15), p, &v)) read_verb(s, &v, out);
        break;
    default: read_walk(s, o, out); break;
    }
}

static void fail(struct trial *t, const char *what, const struct buf *model, const struct buf *disk) {
    cr_assert_fail("EVERMOO_MODEL_SEED=%llu: step %d: %s: the model says\n%.400s\nand the world on disk\n%.400s", (unsigned long long)t->seed, t->step, what, model->data, disk->data);
}

static objid some_object(const struct trial *t, uint64_t r) { return (objid)(r % (uint64_t)(t->max + 2)) - 1; }

static void compare_read(struct trial *t, uint64_t *state) {
    struct buf model = BUF_INIT, disk = BUF_INIT;
    unsigned what = (unsigned)(rnd(state) % READS);
    uint64_t r = rnd(state);
    objid o = some_object(t, rnd(state)), p = some_object(t, rnd(state));
    read_one(t, &t->model, what, o, p, r, &model);
    read_one(t, &t->disk, what, o, p, r, &disk);
    char name[30];
    snprintf(name, sizeof name, "read %u of #%d", what, (int)o);
    if (strcmp(buf_c(&model), buf_c(&disk))) fail(t, name, &model, &disk);
    buf_fini(&model);
    buf_fini(&disk);
}

/* Writing as programs do it, through inline caches and with their permissions. */
static void compare_write(struct trial *t, uint64_t *state) {
    unsigned name = (unsigned)(rnd(state) % NAMES), place = (unsigned)(rnd(state) % PLACES);
    objid o = some_object(t, rnd(state)), who = some_object(t, rnd(state));
    uint64_t r = rnd(state);
    int model = db_set_property(t->model.db, o, t->names[name], random_property_value(r), who, &t->model.props[name][place]);
    int disk = db_set_property(t->disk.db, o, t->names[name], random_property_value(r), who, &t->disk.props[name][place]);
    cr_assert_eq(model, disk, "EVERMOO_MODEL_SEED=%llu: step %d: writing #%d.%s: %s in the model, %s on disk", (unsigned long long)t->seed, t->step, (int)o, t->names[name]->data,
                 error_name(model), error_name(disk));
}

/* ---- the world on disk: saves, evictions, openings ---- */

static void save_ended(void *ctx, const struct db_save_report *report, const char *why) {
    struct trial *t = ctx;
    (void)report;
    t->saves++;
    if (why) t->failed++;
}

static void begin_save(struct trial *t) {
    struct db_save_end end = {save_ended, t};
    struct buf why = BUF_INIT;
    if (!db_save_under_way(t->disk.db)) cr_assert_eq(db_save_begin(t->disk.db, NULL, 0, &end, &why), 0, "%s", buf_c(&why));
    buf_fini(&why);
}

static void reopen_disk(struct trial *t, uint64_t r) {
    struct db_options way = {.evict_entries = (r >> 4) % 2 ? 1 + (unsigned)(r >> 8) % 20 : 0};
    if ((r >> 5) % 16 == 0) way = (struct db_options){.evict_always = true};
    if ((r >> 5) % 16 == 1) way = (struct db_options){.cache_size = 1};
    struct buf why = BUF_INIT;
    if (t->disk.db) {
        db_save_finish(t->disk.db);
        save_world(t->disk.db);
        cr_assert_eq(db_damaged(t->disk.db), 0);
        db_world_close(t->disk.db);
        if (r % 16 == 0) expect_sound(t->dir);
    }
    memset(t->disk.props, 0, sizeof t->disk.props); /* they belong to programs, which do not outlive a world */
    memset(t->disk.verbs, 0, sizeof t->disk.verbs);
    cr_assert_eq(db_world_open(&t->disk.db, t->dir, &way, &why), 0, "%s", buf_c(&why));
}

static void disturb(struct trial *t, uint64_t *state) {
    uint64_t r = rnd(state);
    db_cache_turn(t->disk.db);
    if (r % 4 == 0) db_save_step(t->disk.db, (int64_t)(r >> 8) % 40);
    r >>= 32;
    if (r % 150 == 0) begin_save(t);
    if (r % 400 == 1) db_save_finish(t->disk.db);
    if (r % 300 == 2) db_evict_clean(t->disk.db);
    if (r % 5000 == 3) reopen_disk(t, rnd(state));
}

/* ---- the trial ---- */

static void begin(struct trial *t, uint64_t seed, objid max) {
    struct buf why = BUF_INIT;
    *t = (struct trial){.seed = seed, .max = max, .dir = new_place()};
    for (int i = 0; i < NAMES; i++) t->names[i] = str_printf("p%d", i);
    t->model.db = db_world_in_memory();
    cr_assert_eq(db_world_create(&t->disk.db, t->dir, &why), 0, "%s", buf_c(&why));
    reopen_disk(t, seed);
}

static void end(struct trial *t) {
    reopen_disk(t, 0);
    expect_same(t->model.db, t->disk.db, t->step);
    db_world_close(t->disk.db);
    db_world_close(t->model.db);
    for (int i = 0; i < NAMES; i++) str_unref(t->names[i]);
    remove_world(t->dir);
}

static void run(uint64_t seed, int steps, objid max) {
    struct trial t;
    uint64_t state = seed;
    cr_log_info("EVERMOO_MODEL_SEED=%llu, %d steps, %d objects", (unsigned long long)seed, steps, (int)max);
    begin(&t, seed, max);
    for (; t.step < steps; t.step++) {
        random_step(t.model.db, t.disk.db, &state, max);
        compare_write(&t, &state);
        for (int i = 0; i < 3; i++) compare_read(&t, &state);
        disturb(&t, &state);
        if (t.step % 5000 == 4999) expect_same(t.model.db, t.disk.db, t.step);
    }
    end(&t);
    cr_assert_eq(t.failed, 0);
    cr_assert_gt(t.saves, steps / 1000, "only %d saves in steps ended", t.saves);
}

static uint64_t chosen(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static int chosen_steps(void) { return (int)chosen("EVERMOO_MODEL_STEPS", 200000) / 2; }

Test(model, small_worlds) { run(chosen("EVERMOO_MODEL_SEED", 1), chosen_steps(), 60); }
Test(model, larger_worlds) { run(chosen("EVERMOO_MODEL_SEED", 2), chosen_steps(), 500); }
