/* SPDX-License-Identifier: MIT */
/*
 * Saves in steps while the world changes. A world on disk and one in memory go through the same random history; at each cut the latter is written down. What the save then
 * leaves on disk must be that, whatever changed between its steps; and the world in memory must be the model all the time, whatever is loaded and evicted meanwhile.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "db/internal.h"
#include "db/store.h"
#include "worlds.h"

enum { OBJECTS = 60, NAMES = 12, STEPS = 6000 };

struct history {
    struct db *db, *model;
    char *dir, *copy;
    uint64_t seed, random;
    int step;
    struct buf cut; /* the model at the cut of the save that is under way */
    int64_t cuts, cut_number; /* what the part hands over */
    int saved, failed;
    bool durable, ended, done;
    struct prop_cache caches[NAMES];
    struct str *names[NAMES];
};

/* ---- the file as it is, opened as another world ---- */

static void copy_file(const char *from, const char *to) {
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "%s/data.mdb", from);
    int in = open(path, O_RDONLY);
    snprintf(path, sizeof path, "%s/data.mdb", to);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(in >= 0 && out >= 0 && !fstat(in, &st), "%s: %s", path, strerror(errno));
    off_t at = 0;
    while (at < st.st_size) cr_assert_gt(sendfile(out, in, &at, (size_t)(st.st_size - at)), 0);
    close(in);
    close(out);
}

static bool read_number(void *ctx, uint64_t key, const void *payload, size_t len) {
    (void)key;
    cr_assert_eq(len, sizeof(int64_t));
    memcpy(ctx, payload, sizeof(int64_t));
    return true;
}

static void expect_on_disk(struct history *h) {
    struct buf why = BUF_INIT;
    struct db *copy;
    int64_t number = -1;
    copy_file(h->dir, h->copy);
    cr_assert_eq(db_world_open(&copy, h->copy, &(struct db_options){.read_only = true}, &why), 0, "seed %llu: %s", (unsigned long long)h->seed, buf_c(&why));
    cr_assert_eq(db_generation(copy), db_generation(h->db));
    expect_world_text(copy, &h->cut, h->step);
    cr_assert_eq(db_damaged(copy), 0);
    cr_assert_eq(db_scan(copy, DB_EXTRA, read_number, &number, &why), 0);
    cr_assert_eq(number, h->cut_number, "the part is of another instant");
    db_world_close(copy);
    if (rnd(&h->random) % 16 == 0) expect_sound(h->copy);
}

/* ---- saves ---- */

static void write_number(void *ctx, struct db_saver *s) {
    struct history *h = ctx;
    struct buf b = BUF_INIT;
    h->cut_number = ++h->cuts;
    buf_add(&b, (const char *)&h->cut_number, sizeof h->cut_number);
    db_saver_put(s, DB_EXTRA, 1, &b);
    buf_fini(&b);
}

static void part_done(void *ctx, bool saved) {
    struct history *h = ctx;
    cr_assert(!h->ended && !h->done);
    h->done = true;
    h->durable = saved;
}

static void save_ended(void *ctx, const struct db_save_report *report, const char *why) {
    struct history *h = ctx;
    cr_assert(h->done && !h->ended);
    cr_assert_eq(h->durable, why == NULL);
    if (!why) cr_assert_eq(report->generation, db_generation(h->db));
    h->ended = true;
}

static void begin(struct history *h, bool faults) {
    struct buf why = BUF_INIT;
    struct db_save_part part = {.write = write_number, .done = part_done, .ctx = h};
    struct db_save_end end = {save_ended, h};
    static const enum store_fault kinds[] = {FAULT_PUT, FAULT_COMMIT, FAULT_COMMIT_PANIC, FAULT_BEGIN};
    uint64_t r = rnd(&h->random);
    store_set_fault(h->db->store, faults && r % 3 == 0 ? kinds[(r >> 8) % 4] : FAULT_NONE, (r >> 8) % 4 ? 1 : 1 + (unsigned)(r >> 16) % 60);
    h->ended = h->done = false;
    buf_clear(&h->cut);
    world_text(h->model, &h->cut);
    cr_assert_eq(db_save_begin(h->db, &part, 1, &end, &why), 0, "%s", buf_c(&why));
    cr_assert(db_save_under_way(h->db));
    cr_assert_eq(db_save_begin(h->db, &part, 0, &end, &why), -1); /* one at a time */
    buf_fini(&why);
}

/* The outcome is known and not looked at yet. */
static void look_at_outcome(struct history *h) {
    h->ended = false;
    if (h->durable) {
        h->saved++;
        expect_on_disk(h);
    } else {
        h->failed++;
        cr_assert(db_has_changes(h->db));
    }
}

static void step_save(struct history *h) {
    uint64_t r = rnd(&h->random);
    if (r % 100 == 0) db_save_finish(h->db);
    else db_save_step(h->db, r % 4 ? 0 : (int64_t)(r >> 8) % 50);
}

/* ---- changes that random_step() does not make ---- */

static value appended(struct db *db, const struct propref *p, uint64_t r) {
    value v = db_prop_value(db, p);
    if (v.type != V_LIST) {
        value_unref(v);
        return value_list(list_of(2, value_int((int64_t)r), value_list(list_of(1, value_int(0)))));
    }
    struct list *l = v.u.l;
    if (l->len > 5) l = list_delete_take(l, 1);
    return value_list(list_append_take(l, value_int((int64_t)r)));
}

static void set_one(struct db *db, struct history *h, objid o, int name, uint64_t r, struct prop_cache *cache) {
    struct propref p;
    if (!db_find_property(db, o, h->names[name], &p)) return;
    value v = r & 64 ? appended(db, &p, r >> 8) : value_int((int64_t)(r >> 8));
    db_set_property(db, o, h->names[name], v, db_prop_owner(db, &p), cache);
}

/* By the warm path when it is warm; what was there has sometimes no other holder. */
static void set_some(struct history *h) {
    for (int i = 0; i < 3; i++) {
        uint64_t r = rnd(&h->random);
        objid o = (objid)(r % OBJECTS);
        int name = (int)((r >> 32) % NAMES);
        set_one(h->db, h, o, name, r, &h->caches[name]);
        set_one(h->model, h, o, name, r, NULL);
    }
}

/* Objects that come and go without having been anywhere: nothing else about them changes before they do. */
static void come_or_go(struct history *h) {
    objid o = (objid)(rnd(&h->random) % OBJECTS), parent = (objid)(rnd(&h->random) % OBJECTS);
    struct db *both[] = {h->db, h->model};
    bool goes = db_valid(h->model, o) && !db_count_children(h->model, o) && !db_count_contents(h->model, o) && db_location(h->model, o) == NOTHING;
    if (!goes && (db_valid(h->model, o) || o > db_max_object(h->model) + 1)) return;
    for (int i = 0; i < 2; i++)
        if (goes) db_destroy(both[i], o);
        else db_create_at(both[i], o, db_valid(both[i], parent) ? parent : NOTHING, parent);
}

/* ---- histories ---- */

static void history_init(struct history *h, uint64_t seed, const struct db_options *options) {
    struct buf why = BUF_INIT;
    *h = (struct history){.seed = seed, .random = seed, .dir = new_place(), .copy = new_place()};
    cr_assert_eq(db_world_create(&h->db, h->dir, &why), 0, "%s", buf_c(&why));
    db_world_close(h->db);
    cr_assert_eq(db_world_open(&h->db, h->dir, options, &why), 0, "%s", buf_c(&why));
    h->model = db_world_in_memory();
    for (int i = 0; i < NAMES; i++) h->names[i] = str_printf("p%d", i);
}

static void history_fini(struct history *h) {
    db_world_close(h->db);
    db_world_close(h->model);
    for (int i = 0; i < NAMES; i++) str_unref(h->names[i]);
    buf_fini(&h->cut);
    expect_sound(h->dir);
    remove_world(h->dir);
    remove_world(h->copy);
}

static void history(uint64_t seed, int steps, const struct db_options *options, bool faults) {
    struct history h;
    history_init(&h, seed, options);
    for (h.step = 0; h.step < steps; h.step++) {
        random_step(h.model, h.db, &h.random, OBJECTS);
        set_some(&h);
        if (h.step % 4 == 0) come_or_go(&h);
        if (!db_save_under_way(h.db) && !h.ended && rnd(&h.random) % 20 == 0) begin(&h, faults);
        for (uint64_t n = rnd(&h.random) % 4; n; n--) step_save(&h);
        if (h.ended) look_at_outcome(&h);
        if (rnd(&h.random) % 64 == 0) expect_same(h.db, h.model, h.step);
        if (rnd(&h.random) % 128 == 0) db_evict_clean(h.db);
    }
    db_save_finish(h.db);
    if (h.ended) look_at_outcome(&h);
    begin(&h, false);
    db_save_finish(h.db);
    look_at_outcome(&h);
    expect_same(h.db, h.model, h.step);
    cr_assert_eq(db_damaged(h.db), 0);
    cr_assert_gt(h.saved, steps / 500, "only %d saves", h.saved);
    if (faults && steps == STEPS) cr_assert_gt(h.failed, 0);
    history_fini(&h);
}

Test(saves, hold_the_world_of_their_cut) { history(1, STEPS, &(struct db_options){0}, false); }
Test(saves, hold_it_when_everything_is_evicted) { history(2, STEPS, &(struct db_options){.evict_always = true}, false); }
Test(saves, hold_it_when_some_fail) { history(3, STEPS, &(struct db_options){0}, true); }
Test(saves, hold_it_when_some_fail_and_all_is_evicted) { history(4, STEPS, &(struct db_options){.evict_always = true}, true); }
Test(saves, hold_it_while_the_map_grows) { history(5, STEPS, &(struct db_options){.map_size = 256 << 10}, true); }

/* For a long run: EVERMOO_SEEDS=FIRST-LAST. */
Test(saves, any_seed) {
    unsigned long long first = 6, last = 7;
    const char *asked = getenv("EVERMOO_SEEDS");
    if (asked) cr_assert_eq(sscanf(asked, "%llu-%llu", &first, &last), 2);
    for (unsigned long long seed = first; seed <= last; seed++)
        history(seed, STEPS / 4, &(struct db_options){.evict_always = seed & 1, .evict_entries = seed & 2 ? 7 : 0, .map_size = seed & 4 ? 256 << 10 : 0}, seed & 8);
}

/* ---- beside that ---- */

static void count_wake(void *ctx) { atomic_fetch_add((atomic_int *)ctx, 1); }

Test(saves, wake_who_waits) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db;
    atomic_int woken = 0;
    db = create_world(dir);
    db_save_set_wake(db, count_wake, &woken);
    for (int i = 1; i <= 20; i++) {
        db_create(db, NOTHING, NOTHING);
        cr_assert_eq(db_save_begin(db, NULL, 0, NULL, &why), 0);
        enum db_save_state s;
        while ((s = db_save_step(db, 100)) != DB_SAVE_NONE)
            if (s == DB_SAVE_WAITS)
                while (!atomic_load(&woken)) usleep(100);
        atomic_store(&woken, 0);
    }
    db_save_set_wake(db, NULL, NULL);
    atomic_store(&woken, 0);
    db_create(db, NOTHING, NOTHING);
    save_world(db);
    cr_assert_eq(atomic_load(&woken), 0);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

static void save_again(void *ctx, const struct db_save_report *report, const char *why) {
    struct db **db = ctx;
    (void)report;
    cr_assert(!why);
    db_create(*db, NOTHING, NOTHING);
    save_world(*db);
}

Test(saves, may_be_asked_for_when_one_has_ended) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = create_world(dir);
    for (int i = 0; i < 5000; i++) db_create(db, NOTHING, NOTHING);
    cr_assert_eq(db_save_begin(db, NULL, 0, &(struct db_save_end){save_again, &db}, &why), 0);
    db_save_finish(db);
    cr_assert_eq(db_generation(db), 3);
    cr_assert_not(db_has_changes(db));
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

/* Whatever it has come to, closing gives it up or finds it done: the world is that of one save or the next. */
Test(saves, may_be_given_up) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = create_world(dir);
    for (int i = 0; i < 40; i++) {
        objid max = db_max_object(db);
        for (int k = 0; k < 100; k++) db_create(db, NOTHING, NOTHING);
        cr_assert_eq(db_save_begin(db, NULL, 0, NULL, &why), 0);
        for (int k = 0; k < i * 5; k++) db_save_step(db, 0);
        db_world_close(db);
        expect_sound(dir);
        db = reopen(NULL, dir, false);
        cr_assert(db_max_object(db) == max || db_max_object(db) == max + 100);
        if (i * 5 < 100) cr_assert_eq(db_max_object(db), max);
    }
    db_world_close(db);
    remove_world(dir);
}

/* ---- programs that frames need: counted by one thread ---- */

static void keep_program(void *ctx, struct db_saver *s) { db_saver_keep_code(s, ctx); }

Test(saves, programs_of_frames_are_given_back_before_a_save_is_over) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = create_world(dir);
    struct str *text = str_from("return 1;\n");
    struct code *code = code_new(db_code_table(db), text, LANGUAGE_VERSION, false, 1);
    str_unref(text);
    uint32_t refs = code->refs;
    for (int i = 0; i < 20; i++) {
        db_create(db, NOTHING, NOTHING); /* something to save */
        cr_assert_eq(db_save(db, &(struct db_save_part){.write = keep_program, .ctx = code}, 1, NULL, &why), 0, "%s", buf_c(&why));
        cr_assert_eq(code->refs, refs);
    }
    code_unref(code);
    db_world_close(db);
    remove_world(dir);
}
