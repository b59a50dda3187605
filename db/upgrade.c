/* SPDX-License-Identifier: MIT */
/*
 * From format to format, one step each, all in one transaction. A step reads and puts records through the writer; memory may grow with the number of objects, never with
 * what they hold.
 */
#include "db/upgrade.h"

#include "base/clock.h"
#include "base/log.h"
#include "db/backup.h"
#include "db/backup_ring.h"
#include "db/load.h"
#include "db/save.h"
#include "db/usage.h"

enum { ATTEMPTS = 24 };

struct step {
    unsigned to, oldest_reader; /* formats */
    const char *what;
    int (*run)(struct db *db, struct writer *w); /* results as store_put(); NULL: its tables and fields begin empty */
};
static const struct step steps[] = {
#define FORMAT(number, oldest_reader, step, what) {number, oldest_reader, what, step},
#include "db/formats.def"
#undef FORMAT
};

uint64_t upgrade_oldest_reader(uint64_t format) { return steps[format - 1].oldest_reader; }

/* In the open transaction. */
static int run_steps(struct db *db, struct writer *w) {
    int rc = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !rc; i++) {
        if (steps[i].to <= db->format || !steps[i].run) continue;
        log_info("%s: to format %u: %s", db->dir, steps[i].to, steps[i].what);
        rc = steps[i].run(db, w);
    }
    return rc;
}

/* STORE_FULL and STORE_BROKEN ask for another. */
static int attempt(struct db *db) {
    struct writer w = {.store = store_writer(db->store), .next_blob = &db->next_blob};
    int rc = store_begin(w.store);
    if (!rc && store_forgot_digests(w.store)) rc = load_digests(w.store);
    if (!rc) rc = run_steps(db, &w);
    struct rec_meta meta = save_meta(db);
    meta.format = FORMAT_VERSION;
    meta.oldest_reader = upgrade_oldest_reader(FORMAT_VERSION);
    if (!rc) rc = write_meta(&w, &meta);
    hashes_fini(&w.dropped);
    if (!rc) return store_commit(w.store);
    store_abort(w.store);
    return rc;
}

static int upgrade_records(struct db *db, struct buf *why) {
    int64_t start = clock_monotonic_us();
    int rc = attempt(db);
    for (int i = 1; i < ATTEMPTS && (rc == STORE_FULL || rc == STORE_BROKEN); i++) rc = attempt(db);
    if (rc) {
        buf_printf(why, "%s: cannot be upgraded from format %llu to %d: %s; it is as it was", db->dir, (unsigned long long)db->format, FORMAT_VERSION,
                   store_error(store_writer(db->store)));
        return -1;
    }
    db->generation++;
    log_info("%s: upgraded from format %llu to %d in %lld ms", db->dir, (unsigned long long)db->format, FORMAT_VERSION, (long long)(clock_monotonic_us() - start) / 1000);
    db->format = FORMAT_VERSION;
    return 0;
}

static int last_save(struct db *db, struct instant *out, struct buf *why) {
    int rc = store_read_begin(db->store) || instant_read(db->store, out) ? -1 : 0;
    if (rc) buf_printf(why, "%s: its meta record cannot be read again: %s", db->dir, store_error(db->store));
    store_read_end(db->store);
    return rc;
}

/* The world is closed meanwhile: nobody opens one twice in a process. The name is that of its save, so that an upgrade that is tried again and again makes one copy. */
static int back_up(struct db *db, const struct instant *save, struct buf *why) {
    struct buf name = BUF_INIT;
    struct db_backup_report report;
    buf_printf(&name, "format-%llu-", (unsigned long long)db->format);
    ring_name(&name, save->time, save->generation);
    log_info("%s: a world of format %llu; before it is upgraded to %d it is copied to %s/backups/%s", db->dir, (unsigned long long)db->format, FORMAT_VERSION, db->dir,
             buf_c(&name));
    int rc = db_backup(db->dir, buf_c(&name), &report, NULL, NULL, why);
    if (rc) buf_printf(why, "; the world was not upgraded from format %llu, as that needs a backup first", (unsigned long long)db->format);
    buf_fini(&report.path);
    buf_fini(&name);
    return rc;
}

static int upgrade_world(struct db *db, const struct store_options *how, struct buf *why) {
    struct instant save;
    if (last_save(db, &save, why)) return -1;
    store_close(db->store);
    db->store = NULL;
    if (back_up(db, &save, why) || store_open(&db->store, db->dir, how, why)) return -1;
    if (load_meta(db, db->dir, why)) return -1;
    db_keep_deltas(db);
    return upgrade_records(db, why);
}

int upgrade_if_old(struct db *db, const struct store_options *how, enum db_upgrade when, struct buf *why) {
    if (db->format == FORMAT_VERSION) return 0;
    if (when != DB_UPGRADE_NOW && db->format >= OLDEST_SAVED) {
        log_info("%s: the world stays in format %llu, and is upgraded to %d when the server is started anew; until then programs that know no newer one can go on with it", db->dir,
                 (unsigned long long)db->format, FORMAT_VERSION);
        return 0;
    }
    if (when == DB_UPGRADE_NEVER) {
        buf_printf(why, "%s: a world of format %llu; this program saves format %d, and a reboot upgrades no world: stop the server and start this program", db->dir,
                   (unsigned long long)db->format, FORMAT_VERSION);
        return -1;
    }
    return how->read_only ? 0 : upgrade_world(db, how, why);
}
