/* SPDX-License-Identifier: MIT */
/*
 * Damage that is met while the world is in use. What is dirty is in memory, and what is not is as the last save left it: so the file is closed, set aside, and made again from the newest
 * backup and the deltas up to exactly that save. Then the one that was reading reads again.
 */
#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "db/backup.h"
#include "db/delta.h"
#include "db/load.h"
#include "db/place.h"
#include "db/save.h"

static const int64_t AGAIN_US = 60000000;

void db_set_recovery(struct db *db, void (*done)(void *ctx, bool recovered, const char *text), void *ctx) {
    db->recovered = done;
    db->recovered_ctx = ctx;
}

bool db_is_damaged(struct db *db) { return db->damage_met || (db->store && store_is_damaged(db->store)); }

static void note(void *ctx, const char *text) {
    (void)ctx;
    log_error("DAMAGE: %s", text);
}

/* The save that is on disk; the save under way has ended, either way. */
static uint64_t generation_on_disk(struct db *db) {
    uint64_t generation = db->generation;
    save_wait_for_writer(db, &generation);
    return generation;
}

/* Beside the damaged file, which stays open as long as it may not have to make room. */
static int rebuild(struct db *db, struct buf *text, struct buf *why) {
    struct buf making = BUF_INIT, aside = BUF_INIT;
    struct db_restore_report report;
    buf_printf(&making, "%s/recover.new", db->dir);
    files_remove_tree(buf_c(&making));
    struct db_restore_options options = {.at = INT64_MAX, .generation = generation_on_disk(db), .to = buf_c(&making), .note = note};
    int rc = db_restore(db->dir, &options, &report, why);
    if (!rc) {
        store_let_go(db->store);
        rc = place_data(db->dir, buf_c(&making), &aside, why);
    }
    if (!rc) buf_printf(text, "the world's file was damaged, and has been made again as of save %llu: nothing is lost. The damaged one lies in %s", (unsigned long long)report.generation, buf_c(&aside));
    if (!rc && db->deltas) delta_log_begin_file(db->deltas);
    files_remove_tree(buf_c(&making));
    db_restore_report_fini(&report);
    buf_fini(&making);
    buf_fini(&aside);
    return rc;
}

bool db_recover(struct db *db) {
    struct buf text = BUF_INIT, why = BUF_INIT;
    int64_t now = clock_monotonic_us();
    if (!db->recovered || db->recovering || db->no_recovery || !db->store) return false;
    if (db->recovered_us && now - db->recovered_us < AGAIN_US) return db->damage_met = false; /* what is read is as the backup has it: no damage of the file */
    db->recovering = true;
    log_error("DAMAGE: %s/data.mdb cannot be read any more; it is made again from a backup, and everybody waits", db->dir);
    bool done = rebuild(db, &text, &why) == 0;
    if (!done) buf_printf(&text, "the world's file is damaged, and cannot be made again (%s). What is in memory is served on, but some of the rest is gone, and saves may fail: write a text dump, or stop the server and run `evermoo check --repair'", buf_c(&why));
    db->damage_met = false;
    db->no_recovery = !done; /* one that failed would fail again, after a long time */
    db->recovering = false;
    db->recovered_us = clock_monotonic_us();
    db->recovered(db->recovered_ctx, done, buf_c(&text));
    buf_fini(&text);
    buf_fini(&why);
    return done;
}

bool recover_for_load(struct db *db, uint64_t damaged_before) {
    if (db->damaged == damaged_before && !store_is_damaged(db->store)) return false;
    db->damage_met = true;
    return !store_is_reading(db->store) && db_recover(db);
}
