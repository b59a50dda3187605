/* SPDX-License-Identifier: MIT */
/* The delta log: a backup and the deltas since it give each save again, whatever happened to the log's end. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "db/backup.h"
#include "db/backup_ring.h"
#include "db/delta.h"
#include "db/internal.h"
#include "worlds.h"

enum { MOST_SAVES = 60 };

/* A world whose every save is remembered. */
struct past {
    char *dir;
    struct db *db;
    uint64_t seed;
    struct buf texts[MOST_SAVES]; /* by generation */
};

static struct db *open_world(const char *dir) {
    struct buf why = BUF_INIT;
    struct db *db;
    cr_assert_eq(db_world_open(&db, dir, NULL, &why), 0, "%s", buf_c(&why));
    return db;
}

static void remember(struct past *p) {
    struct buf *text = &p->texts[db_generation(p->db)];
    buf_fini(text);
    world_text(p->db, text);
}

static void change_and_save(struct past *p, int saves) {
    for (int i = 0; i < saves; i++) {
        for (int k = 0; k < 40; k++) random_step(p->db, NULL, &p->seed, 60);
        save_world(p->db);
        remember(p);
    }
}

static void back_up(struct past *p, const char *to) {
    struct buf why = BUF_INIT;
    struct db_backup_report report;
    db_world_close(p->db); /* a process has a store open once */
    cr_assert_eq(db_backup_prepare(p->dir, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(db_backup(p->dir, to, &report, NULL, NULL, &why), 0, "%s", buf_c(&why));
    p->db = open_world(p->dir);
    cr_assert_eq(report.generation, db_generation(p->db));
    buf_fini(&report.path);
}

static void begin(struct past *p, uint64_t seed) {
    struct buf why = BUF_INIT;
    *p = (struct past){.dir = new_place(), .seed = seed};
    cr_assert_eq(db_world_create(&p->db, p->dir, &why), 0, "%s", buf_c(&why));
    db_world_close(p->db);
    p->db = open_world(p->dir);
    change_and_save(p, 1);
}

static void end(struct past *p) {
    db_world_close(p->db);
    for (int i = 0; i < MOST_SAVES; i++) buf_fini(&p->texts[i]);
    remove_world(p->dir);
}

static void expect_text(struct db *db, const struct past *p, uint64_t generation) {
    struct buf text = BUF_INIT;
    cr_assert_eq(db_generation(db), generation);
    world_text(db, &text);
    cr_assert_str_eq(buf_c(&text), buf_c(&p->texts[generation]), "save %llu", (unsigned long long)generation);
    buf_fini(&text);
}

/* 0: the newest. The generation that came out; 0: refused. */
static uint64_t restored_elsewhere(const struct past *p, uint64_t generation) {
    struct buf why = BUF_INIT;
    struct db_restore_report report;
    char to[200];
    snprintf(to, sizeof to, "%s/elsewhere", p->dir);
    int rc = db_restore(p->dir, &(struct db_restore_options){.at = INT64_MAX, .generation = generation, .to = to}, &report, &why);
    uint64_t got = rc ? 0 : report.generation;
    db_restore_report_fini(&report);
    buf_fini(&why);
    if (!got) return 0;
    struct db *db = open_world(to);
    expect_text(db, p, got);
    db_world_close(db);
    files_remove_tree(to);
    return got;
}

Test(deltas, each_save_can_be_had_again) {
    struct past p;
    begin(&p, 5);
    back_up(&p, NULL);
    uint64_t first = db_generation(p.db);
    change_and_save(&p, 6);
    db_world_close(p.db);
    p.db = open_world(p.dir); /* a new file of deltas */
    change_and_save(&p, 6);
    uint64_t last = db_generation(p.db);
    cr_assert_eq(last, first + 12);
    for (uint64_t g = first; g <= last; g++) cr_assert_eq(restored_elsewhere(&p, g), g);
    cr_assert_eq(restored_elsewhere(&p, 0), last);
    cr_assert_eq(restored_elsewhere(&p, last + 1), 0);
    cr_assert_eq(restored_elsewhere(&p, first - 1), 0);
    cr_assert_eq(db_delta_gap(p.db), 0);
    end(&p);
}

/* In place, and on from there: the future that was given up does not come back. */
static void restore_here(struct past *p, uint64_t generation) {
    struct buf why = BUF_INIT;
    struct db_restore_report report;
    db_world_close(p->db);
    cr_assert_eq(db_restore(p->dir, &(struct db_restore_options){.at = INT64_MAX, .generation = generation}, &report, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(report.generation, generation);
    cr_assert(files_is_directory(buf_c(&report.aside)));
    expect_sound(buf_c(&report.aside));
    db_restore_report_fini(&report);
    p->db = open_world(p->dir);
    expect_text(p->db, p, generation);
}

Test(deltas, a_future_given_up_stays_aside) {
    struct past p;
    unsigned char uuid[16];
    begin(&p, 6);
    memcpy(uuid, db_uuid(p.db), sizeof uuid);
    back_up(&p, NULL);
    uint64_t first = db_generation(p.db);
    change_and_save(&p, 5);
    back_up(&p, "named");
    change_and_save(&p, 5);
    restore_here(&p, first + 3);
    cr_assert_not(memcmp(uuid, db_uuid(p.db), sizeof uuid));
    cr_assert_eq(restored_elsewhere(&p, 0), first + 3);
    cr_assert_eq(restored_elsewhere(&p, first + 4), 0);
    change_and_save(&p, 4);
    for (uint64_t g = first; g <= first + 7; g++) cr_assert_eq(restored_elsewhere(&p, g), g);
    restore_here(&p, first);
    cr_assert_eq(restored_elsewhere(&p, 0), first);
    change_and_save(&p, 2);
    cr_assert_eq(restored_elsewhere(&p, 0), first + 2);
    end(&p);
}

/* An old data.mdb put back by hand, without a word to the log. */
Test(deltas, an_old_file_put_back) {
    struct past p;
    char data[200], copy[200];
    begin(&p, 7);
    back_up(&p, NULL);
    change_and_save(&p, 3);
    uint64_t then = db_generation(p.db);
    snprintf(data, sizeof data, "%s/data.mdb", p.dir);
    snprintf(copy, sizeof copy, "%s/copy", p.dir);
    db_world_close(p.db);
    cr_assert_eq(files_copy(data, copy), 0);
    p.db = open_world(p.dir);
    change_and_save(&p, 3);
    db_world_close(p.db);
    cr_assert_eq(rename(copy, data), 0);
    cr_assert_eq(restored_elsewhere(&p, 0), then);
    p.db = open_world(p.dir);
    change_and_save(&p, 2);
    for (uint64_t g = then - 2; g <= then + 2; g++) cr_assert_eq(restored_elsewhere(&p, g), g);
    end(&p);
}

/* The data.mdb is gone: everything comes from the backup and the deltas. */
Test(deltas, without_a_store) {
    struct past p;
    struct buf why = BUF_INIT;
    struct db_restore_report report;
    char data[200];
    begin(&p, 8);
    back_up(&p, NULL);
    change_and_save(&p, 4);
    uint64_t last = db_generation(p.db);
    db_world_close(p.db);
    snprintf(data, sizeof data, "%s/data.mdb", p.dir);
    FILE *f = fopen(data, "r+");
    cr_assert(f);
    for (int i = 0; i < 20000; i++) fputc('x', f);
    fclose(f);
    cr_assert_eq(db_restore_newest(p.dir, &report, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(report.generation, last);
    cr_assert_eq(report.lost, 0);
    db_restore_report_fini(&report);
    unlink(data);
    cr_assert_eq(db_restore_newest(p.dir, &report, &why), 0, "%s", buf_c(&why));
    db_restore_report_fini(&report);
    p.db = open_world(p.dir);
    expect_text(p.db, &p, last);
    end(&p);
}

/* A damaged backup is passed over for the one before it; the deltas lead past it. */
Test(deltas, a_damaged_backup_is_passed_over) {
    struct past p;
    char data[300];
    begin(&p, 9);
    back_up(&p, NULL);
    change_and_save(&p, 3);
    back_up(&p, "second");
    change_and_save(&p, 3);
    snprintf(data, sizeof data, "%s/backups/second/data.mdb", p.dir);
    struct stat st;
    cr_assert_eq(stat(data, &st), 0);
    for (off_t at = 8192; at < st.st_size; at += st.st_size / 40960 * 4096 + 4096) { /* pages that opening it reads, and others */
        char page[4096], zeros[4096] = "";
        int fd = open(data, O_RDWR);
        cr_assert(fd >= 0 && pread(fd, page, sizeof page, at) == sizeof page && pwrite(fd, zeros, sizeof zeros, at) == sizeof zeros);
        cr_expect_eq(restored_elsewhere(&p, 0), db_generation(p.db), "page at %lld", (long long)at);
        cr_assert_eq(pwrite(fd, page, sizeof page, at), (ssize_t)sizeof page);
        close(fd);
    }
    cr_assert_eq(truncate(data, 8192), 0);
    cr_assert_eq(restored_elsewhere(&p, 0), db_generation(p.db));
    end(&p);
}

/* ---- what fails while it is written ---- */

static void fault_at(enum store_fault fault, unsigned n) {
    struct past p;
    struct buf why = BUF_INIT;
    begin(&p, 10 + n);
    back_up(&p, NULL);
    uint64_t first = db_generation(p.db);
    for (int i = 0; i < 3; i++) {
        change_and_save(&p, 1);
        for (int k = 0; k < 40; k++) random_step(p.db, NULL, &p.seed, 60);
        store_set_fault(p.db->store, fault, n);
        if (db_save(p.db, NULL, 0, NULL, &why) == 0) remember(&p);
        cr_assert_eq(restored_elsewhere(&p, 0), db_generation(p.db)); /* what was not committed does not count */
        change_and_save(&p, 1);
    }
    cr_assert_eq(db_delta_gap(p.db), 0);
    for (uint64_t g = first; g <= db_generation(p.db); g++) cr_assert_eq(restored_elsewhere(&p, g), g);
    end(&p);
    buf_fini(&why);
}

Test(deltas, failed_commit) { fault_at(FAULT_COMMIT, 1); }
Test(deltas, failed_put) { fault_at(FAULT_PUT, 5); }
Test(deltas, engine_panics) { fault_at(FAULT_COMMIT_PANIC, 1); }

/* Killed when the delta is on disk and the store is not: the save never was, unless the store is lost, too. */
Test(deltas, killed_between_log_and_store) {
    struct past p;
    struct buf why = BUF_INIT;
    struct db_restore_report report;
    char data[200];
    int status;
    begin(&p, 20);
    back_up(&p, NULL);
    change_and_save(&p, 3);
    uint64_t last = db_generation(p.db);
    db_world_close(p.db);
    pid_t pid = fork();
    if (!pid) {
        p.db = open_world(p.dir);
        for (int k = 0; k < 40; k++) random_step(p.db, NULL, &p.seed, 60);
        store_set_fault(p.db->store, FAULT_COMMIT_KILLED, 1);
        db_save(p.db, NULL, 0, NULL, &why);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cr_assert_eq(restored_elsewhere(&p, 0), last);
    p.db = open_world(p.dir);
    expect_text(p.db, &p, last);
    change_and_save(&p, 2); /* other saves than the one that never was */
    for (uint64_t g = last - 2; g <= last + 2; g++) cr_assert_eq(restored_elsewhere(&p, g), g);
    db_world_close(p.db);
    snprintf(data, sizeof data, "%s/data.mdb", p.dir);
    unlink(data);
    cr_assert_eq(db_restore_newest(p.dir, &report, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(report.generation, last + 2);
    db_restore_report_fini(&report);
    p.db = open_world(p.dir);
    expect_text(p.db, &p, last + 2);
    end(&p);
}

/* The log has no room: the save goes on, and says so; after a new backup all is well again. */
Test(deltas, no_room_for_the_log) {
    struct past p;
    struct rlimit before, tight;
    char dir[200], small[240];
    begin(&p, 30);
    back_up(&p, NULL);
    uint64_t first = db_generation(p.db);
    change_and_save(&p, 2);
    snprintf(dir, sizeof dir, "%s/deltas", p.dir);
    snprintf(small, sizeof small, "%s/00000001.delta", dir);
    cr_assert_eq(chmod(dir, 0500), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    struct stat st;
    cr_assert_eq(stat(small, &st), 0);
    tight.rlim_cur = (rlim_t)st.st_size + 10; /* the store is far larger already, and does not grow when it has free pages; where it does, this save fails and is repeated */
    setrlimit(RLIMIT_FSIZE, &tight);
    struct buf why = BUF_INIT;
    for (int k = 0; k < 40; k++) random_step(p.db, NULL, &p.seed, 60);
    int rc = db_save(p.db, NULL, 0, NULL, &why);
    setrlimit(RLIMIT_FSIZE, &before);
    chmod(dir, 0700);
    if (rc) save_world(p.db);
    remember(&p);
    if (rc == 0) cr_assert_eq(db_delta_gap(p.db), db_generation(p.db));
    change_and_save(&p, 1);
    uint64_t gap = db_delta_gap(p.db), now = db_generation(p.db);
    cr_assert_eq(restored_elsewhere(&p, 0), gap ? first + 2 : now);
    back_up(&p, NULL);
    change_and_save(&p, 2);
    cr_assert_eq(db_delta_gap(p.db), 0);
    cr_assert_eq(restored_elsewhere(&p, 0), now + 2);
    end(&p);
    buf_fini(&why);
}

/* ---- the end of a file, cut and damaged at every byte ---- */

struct file {
    char path[240];
    char *data;
    size_t len;
};

static struct file take_file(const struct past *p) {
    struct file f = {.data = NULL};
    struct stat st;
    snprintf(f.path, sizeof f.path, "%s/deltas/00000001.delta", p->dir);
    cr_assert_eq(stat(f.path, &st), 0);
    f.len = (size_t)st.st_size;
    f.data = malloc(f.len);
    FILE *in = fopen(f.path, "r");
    cr_assert(in && fread(f.data, 1, f.len, in) == f.len);
    fclose(in);
    return f;
}

static size_t deltas_in(const struct past *p, const struct file *f, const char *data, size_t len) {
    struct delta_set set;
    struct buf why = BUF_INIT, dir = BUF_INIT;
    FILE *out = fopen(f->path, "w");
    cr_assert(out && fwrite(data, 1, len, out) == len);
    fclose(out);
    buf_printf(&dir, "%s/deltas", p->dir);
    cr_assert_eq(delta_set_read(&set, buf_c(&dir), NULL, &why), 0, "%s", buf_c(&why));
    size_t n = set.n;
    delta_set_fini(&set);
    buf_fini(&dir);
    return n;
}

Test(deltas, torn_at_every_byte) {
    struct past p;
    begin(&p, 40);
    back_up(&p, NULL);
    change_and_save(&p, 2);
    struct file before = take_file(&p);
    change_and_save(&p, 1);
    struct file f = take_file(&p);
    cr_assert_gt(f.len, before.len);
    cr_assert_eq(deltas_in(&p, &f, f.data, f.len), 3);
    for (size_t n = before.len; n < f.len; n++) {
        cr_assert_eq(deltas_in(&p, &f, f.data, n), 2, "cut at %zu", n);
        f.data[n] ^= 0x10;
        cr_assert_eq(deltas_in(&p, &f, f.data, f.len), 2, "damaged at %zu", n);
        f.data[n] ^= 0x10;
    }
    for (size_t n = 0; n < before.len; n += 7) cr_assert_lt(deltas_in(&p, &f, f.data, n), 3);
    /* a torn end does not hide what comes in the next file */
    cr_assert_eq(deltas_in(&p, &f, f.data, f.len - 3), 2);
    free(f.data);
    free(before.data);
    end(&p);
}

Test(deltas, old_files_go) {
    struct past p;
    char dir[200];
    begin(&p, 41);
    back_up(&p, NULL);
    snprintf(dir, sizeof dir, "%s/deltas", p.dir);
    for (int i = 0; i < 4; i++) {
        db_delta_new_file(p.db);
        change_and_save(&p, 2);
    }
    uint64_t now = db_generation(p.db);
    cr_assert_eq(delta_prune(dir, now - 8), 0);
    cr_assert_eq(delta_prune(dir, now - 5), 1);
    cr_assert_eq(delta_prune(dir, now), 2); /* never the newest */
    cr_assert_eq(delta_prune(dir, now), 0);
    cr_assert_gt(delta_bytes(dir), 0);
    end(&p);
}

/* ---- the ring ---- */

#define HOURS(n) ((int64_t)(n)*3600 * 1000000)

static void expect_kept(struct ring_keep counts, const char *wanted, const int64_t *times, size_t n) {
    bool keep[32];
    char got[33] = "";
    ring_choose(times, n, &counts, keep);
    for (size_t i = 0; i < n; i++) got[i] = keep[i] ? 'k' : '.';
    cr_expect_str_eq(got, wanted);
}

Test(ring, which_are_kept) {
    /* Monday, 5 January 1970 is the first day of a week. From there, newest first. */
    const int64_t monday = HOURS(4 * 24), times[] = {monday + HOURS(50) + 5, monday + HOURS(50), monday + HOURS(49),      monday + HOURS(48), monday + HOURS(47), monday + HOURS(24),
                                                     monday + HOURS(23),     monday,             monday - HOURS(1), monday - HOURS(30), monday - HOURS(24 * 7 + 1)};
    enum { N = sizeof times / sizeof *times };
    expect_kept((struct ring_keep){0, 0, 0}, "kkkkkkkkkkk", times, N);
    expect_kept((struct ring_keep){1, 0, 0}, "k..........", times, N);
    expect_kept((struct ring_keep){3, 0, 0}, "k.kk.......", times, N);
    expect_kept((struct ring_keep){0, 3, 0}, "k...k.k....", times, N);
    expect_kept((struct ring_keep){0, 0, 3}, "k.......k.", times, N - 1);
    expect_kept((struct ring_keep){0, 0, 3}, "k.......k.k", times, N);
    expect_kept((struct ring_keep){2, 2, 2}, "k.k.k...k..", times, N);
    expect_kept((struct ring_keep){100, 100, 100}, "k.kkkkkkkkk", times, N);
}

Test(ring, names) {
    struct buf name = BUF_INIT;
    int64_t time;
    uint64_t generation;
    ring_name(&name, 1795421700123456, 812);
    cr_assert_str_eq(buf_c(&name), "20261123T081500Z-g812");
    cr_assert(ring_parse_name(buf_c(&name), &time, &generation));
    cr_assert_eq(time, 1795421700000000);
    cr_assert_eq(generation, 812);
    static const char *const others[] = {"", "x", "20261123T081500Z", "20261123T081500Z-g", "20261123T081500Z-g8x", "2026123T081500Z-g8", "20261123T081500Z-g-8", "20261123T081500Z-g08", "lock"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) cr_expect_not(ring_parse_name(others[i], &time, &generation), "%s", others[i]);
    buf_fini(&name);
}

/* Backups of a time when the clock was wrong are not those of the last days. */
Test(ring, those_of_the_future_take_no_places) {
    struct past p;
    char path[240];
    begin(&p, 50);
    back_up(&p, "mine");
    static const char *const made[] = {"20990101T003000Z-g3", "20990101T000000Z-g2", "20260302T000000Z-g5", "20260301T000000Z-g4", "20260228T000000Z-g1"};
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/backups/%s", p.dir, made[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    clock_fake(0, INT64_C(1795421700000000));
    cr_expect_eq(ring_prune(p.dir, &(struct ring_keep){0, 2, 0}), 2);
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/backups/%s", p.dir, made[i]);
        cr_expect_eq(files_is_directory(path), i % 2 == 0 ? i < 4 : i == 3, "%s", made[i]);
    }
    clock_fake_off();
    end(&p);
}

Test(ring, named_ones_and_the_newest_stay) {
    struct past p;
    char path[240];
    begin(&p, 50);
    back_up(&p, "mine");
    static const char *const made[] = {"20260101T000000Z-g1", "20260201T000000Z-g2", "20260201T003000Z-g3", "20260302T000000Z-g4"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/backups/%s", p.dir, made[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    cr_assert_eq(ring_prune(p.dir, &(struct ring_keep){0, 0, 0}), 0);
    cr_assert_eq(ring_prune(p.dir, &(struct ring_keep){2, 0, 0}), 2);
    snprintf(path, sizeof path, "%s/backups/%s", p.dir, made[2]);
    cr_assert(files_is_directory(path));
    cr_assert_eq(ring_prune(p.dir, &(struct ring_keep){0, 0, 1}), 1);
    snprintf(path, sizeof path, "%s/backups/%s", p.dir, made[3]);
    cr_assert(files_is_directory(path));
    snprintf(path, sizeof path, "%s/backups/mine", p.dir);
    expect_sound(path);
    end(&p);
}
