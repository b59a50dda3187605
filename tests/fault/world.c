/* SPDX-License-Identifier: MIT */
/*
 * A world that is changed at random and saved again and again, for tests that take its disk away meanwhile.
 *
 *   faultworld new DIR               makes one
 *   faultworld run DIR SEED SAVES    changes and saves it. Before each save the journal gets a mark "written GENERATION DIGEST", after it "done GENERATION"
 *   faultworld look DIR              opens it, prints "GENERATION DIGEST", changes it, saves it, and verifies every record. One line on stderr when anything is wrong
 *
 * With FAULT_PATIENT in the environment a save that fails is said ("failed: WHY") and done again after a line was read from the input.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/list.h"
#include "base/must.h"
#include "db/internal.h"
#include "db/store.h"
#include "tests/fault/preload.h"
#include "tests/unit/db/random.h"

enum { RANDOM_OBJECTS = 60, MORE_OBJECTS = 600, ROWS = 5 };

struct run {
    struct db *db;
    uint64_t seed;
    int journal;
    bool ended, failed;
    int wake[2];
};

static int complain(const char *dir, const char *why) {
    fprintf(stderr, "%s: %s\n", dir, why);
    return EXIT_FAILURE;
}

/* The same, and `why' is done with. */
static int give_up(const char *dir, struct buf *why) {
    complain(dir, buf_c(why));
    buf_fini(why);
    return EXIT_FAILURE;
}

static void mark(const struct run *r, const char *text) {
    struct {
        struct entry e;
        char text[80];
    } line = {.e = {.kind = ENTRY_MARK, .len = (uint32_t)strlen(text)}};
    memcpy(line.text, text, line.e.len);
    if (r->journal >= 0) must(write(r->journal, &line, sizeof line.e + line.e.len) > 0);
}

static uint64_t digest(struct db *db) {
    struct buf text = BUF_INIT;
    world_text(db, &text);
    uint64_t h = store_row_hash("", 0, buf_c(&text), text.len);
    buf_fini(&text);
    return h;
}

/* ---- rows of others: each holds the generation with which it was saved ---- */

static void write_rows(void *ctx, struct db_saver *saver) {
    struct run *r = ctx;
    db_saver_drop_all(saver, DB_TASK);
    for (uint64_t i = 0; i < ROWS; i++) {
        struct buf row = BUF_INIT;
        enc_u64(&row, db_generation(r->db) + 1);
        db_saver_put(saver, DB_TASK, i + rnd(&r->seed) % 2 * 10, &row);
        buf_fini(&row);
    }
    struct str *text = str_printf("return %d;\n", (int)(rnd(&r->seed) % 9));
    struct code *code = code_new(db_code_table(r->db), text, LANGUAGE_VERSION, false, 1);
    db_saver_keep_code(saver, code);
    code_unref(code);
    str_unref(text);
}

struct rows {
    uint64_t generation;
    int right, wrong;
};

static bool read_task_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct rows *rows = ctx;
    struct dec d = dec_over(payload, len);
    (void)key;
    (*(dec_u64(&d) == rows->generation ? &rows->right : &rows->wrong))++;
    return true;
}

/* ---- changes ---- */

/* Beyond the numbers that random_step() uses: many small objects, or none any more. */
static void change_many(struct db *db, uint64_t *seed) {
    struct str *name = str_from("text");
    bool have = db_max_object(db) >= RANDOM_OBJECTS * 2;
    for (objid o = RANDOM_OBJECTS * 2; o < RANDOM_OBJECTS * 2 + MORE_OBJECTS; o++) {
        if (have && rnd(seed) % 4 && db_valid(db, o)) db_destroy(db, o);
        else if (!have) db_create_at(db, o, NOTHING, NOTHING);
        if (db_valid(db, o)) db_add_propdef(db, o, name, value_str(str_printf("%0*d", (int)(rnd(seed) % 900), 7)), o, PF_READ);
    }
    if (have) db_reset_max_object(db);
    str_unref(name);
}

/* Values around the size from which they lie in chunks. */
static void change_large(struct db *db, uint64_t *seed) {
    objid o = RANDOM_OBJECTS + (objid)(rnd(seed) % 4);
    if (!db_valid(db, o)) db_create_at(db, o, NOTHING, NOTHING);
    struct str *name = str_from("large");
    db_delete_propdef(db, o, name);
    if (rnd(seed) % 4) db_add_propdef(db, o, name, value_str(str_printf("%0*d", (int)(rnd(seed) % 200000), 1)), o, PF_READ);
    str_unref(name);
}

static void change(struct run *r, int steps) {
    for (int i = 0; i < steps; i++) random_step(r->db, NULL, &r->seed, RANDOM_OBJECTS);
    if (rnd(&r->seed) % 10 == 0) change_many(r->db, &r->seed);
    if (rnd(&r->seed) % 3 == 0) change_large(r->db, &r->seed);
}

/* ---- saves ---- */

static void wake(void *ctx) {
    struct run *r = ctx;
    must(write(r->wake[1], "w", 1) == 1);
}

static void wait_for_disk(struct run *r) {
    char bytes[64];
    struct pollfd p = {.fd = r->wake[0], .events = POLLIN};
    must(poll(&p, 1, -1) == 1 && read(r->wake[0], bytes, sizeof bytes) > 0);
}

static void ended(void *ctx, const struct db_save_report *report, const char *why) {
    struct run *r = ctx;
    char text[80];
    r->ended = true;
    r->failed = why != NULL;
    if (why) printf("failed: %s\n", why);
    fflush(stdout);
    snprintf(text, sizeof text, "done %" PRIu64, report->generation);
    if (!why) mark(r, text);
}

/* In steps, with changes meanwhile, or in one go. false: it failed. */
static bool save(struct run *r, bool in_steps) {
    struct db_save_part part = {.write = write_rows, .ctx = r};
    struct buf why = BUF_INIT;
    char text[80];
    snprintf(text, sizeof text, "written %" PRIu64 " %016" PRIx64, db_generation(r->db) + 1, digest(r->db));
    mark(r, text);
    r->ended = r->failed = false;
    if (in_steps) {
        must(!db_save_begin(r->db, &part, 1, &(struct db_save_end){ended, r}, &why));
        while (db_save_under_way(r->db)) {
            change(r, 3);
            if (db_save_step(r->db, (int64_t)(rnd(&r->seed) % 3) * 50) == DB_SAVE_WAITS) wait_for_disk(r);
        }
    } else {
        struct db_save_report report = {0};
        int rc = db_save(r->db, &part, 1, &report, &why);
        ended(r, &report, rc ? buf_c(&why) : NULL);
    }
    buf_fini(&why);
    return !r->failed;
}

static bool save_at_last(struct run *r, bool in_steps) {
    char line[80];
    while (!save(r, in_steps))
        if (!getenv("FAULT_PATIENT") || !fgets(line, sizeof line, stdin)) return false;
    return true;
}

/* ---- the commands ---- */

static int make_new(const char *dir) {
    struct buf why = BUF_INIT;
    struct db *db;
    if (db_world_create(&db, dir, &why)) return give_up(dir, &why);
    db_create(db, NOTHING, NOTHING);
    int rc = db_save(db, NULL, 0, NULL, &why);
    db_world_close(db);
    return rc ? give_up(dir, &why) : EXIT_SUCCESS;
}

static int run_world(const char *dir, uint64_t seed, int saves) {
    struct buf why = BUF_INIT;
    const char *journal = getenv("FAULT_JOURNAL");
    struct run r = {.seed = seed, .journal = journal ? open(journal, O_WRONLY | O_APPEND) : -1};
    if (pipe(r.wake) || db_world_open(&r.db, dir, &(struct db_options){.map_size = 1 << 20}, &why)) return give_up(dir, &why);
    db_save_set_wake(r.db, wake, &r);
    bool saved = true;
    for (int i = 0; i < saves && saved; i++) {
        change(&r, (int)(rnd(&r.seed) % 60));
        saved = save_at_last(&r, rnd(&r.seed) % 2);
    }
    db_world_close(r.db);
    return saved ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void say_fault(void *ctx, const char *text) { complain(ctx, text); }

static int look(const char *dir) {
    struct buf why = BUF_INIT;
    struct run r = {.journal = -1, .seed = 1};
    if (db_world_open(&r.db, dir, NULL, &why)) return give_up(dir, &why);
    struct rows rows = {.generation = db_generation(r.db)};
    int bad = db_scan(r.db, DB_TASK, read_task_row, &rows, &why);
    printf("%" PRIu64 " %016" PRIx64 "\n", db_generation(r.db), digest(r.db));
    bad |= rows.wrong || db_damaged(r.db);
    if (bad) complain(dir, rows.wrong ? "rows of others are from another save" : "what was read is damaged");
    change(&r, 20);
    if (db_save(r.db, &(struct db_save_part){.write = write_rows, .ctx = &r}, 1, NULL, &why)) bad = complain(dir, buf_c(&why));
    db_world_close(r.db);
    if (db_world_check(dir, say_fault, NULL, (void *)dir, &why)) bad = complain(dir, why.len ? buf_c(&why) : "the world is not sound");
    buf_fini(&why);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    memory_for_libraries();
    if (argc == 3 && !strcmp(argv[1], "new")) return make_new(argv[2]);
    if (argc == 5 && !strcmp(argv[1], "run")) return run_world(argv[2], strtoull(argv[3], NULL, 10), atoi(argv[4]));
    if (argc == 3 && !strcmp(argv[1], "look")) return look(argv[2]);
    fprintf(stderr, "usage: faultworld new DIR | run DIR SEED SAVES | look DIR\n");
    return 2;
}
