/* SPDX-License-Identifier: MIT */
/* A file that is damaged while its world is in use, whatever is under way: nothing is lost. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "db/backup.h"
#include "db/internal.h"
#include "db/save.h"
#include "worlds.h"

/* By another process, as this one has the world open. */
static void back_up(const char *dir) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        struct db_backup_report report;
        struct buf why = BUF_INIT;
        _exit(db_backup(dir, NULL, &report, NULL, NULL, &why) ? 1 : 0);
    }
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* One entry in each is what the library asserts that there is not. */
static void spoil_branches(int fd, off_t pages) {
    unsigned char head[16];
    for (off_t i = 2; i < pages; i++) {
        cr_assert_eq(pread(fd, head, sizeof head, i * 4096), (ssize_t)sizeof head);
        if (head[10] != 1 || head[11]) continue;
        head[12] = 18, head[13] = 0;
        cr_assert_eq(pwrite(fd, head, sizeof head, i * 4096), (ssize_t)sizeof head);
    }
}

static void spoil(const char *dir, uint64_t *seed, bool branches) {
    char path[200], junk[4096];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_RDWR);
    off_t pages = lseek(fd, 0, SEEK_END) / 4096;
    memset(junk, 0xa5, sizeof junk);
    if (branches) spoil_branches(fd, pages);
    else if (rnd(seed) % 2) cr_assert_eq(ftruncate(fd, (off_t)(rnd(seed) % 4) * 4096), 0);
    else
        for (off_t i = 2; i < pages; i++) cr_assert_eq(pwrite(fd, junk, sizeof junk, i * 4096), (ssize_t)sizeof junk);
    close(fd);
}

/* The library writes over its own memory when a write transaction meets damaged pages, and ends the process: so not in the middle of one, but before the save is settled. */
static void end_writing(struct db *db) {
    while (db->save_run->phase == SAVE_CAPTURES && !atomic_load(&db->save_run->complete)) db_save_step(db, 1);
    while (!atomic_load(&db->save_run->over)) sched_yield();
}

struct outcome {
    int recovered, failed;
};

static void count(void *ctx, bool recovered, const char *text) {
    struct outcome *o = ctx;
    o->recovered += recovered;
    o->failed += !recovered;
    if (!recovered) cr_log_error("%s", text);
}

Test(recover, nothing_is_lost_whatever_is_under_way) {
    char *dir = new_place();
    struct db *db, *model = db_world_in_memory();
    struct buf why = BUF_INIT;
    struct outcome outcome = {0};
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 41;
    db = create_world(dir);
    for (int i = 0; i < 3000; i++) random_step(model, db, &seed, 100);
    save_world(db);
    db = reopen(db, dir, false);
    cr_assert_eq(db_backup_prepare(dir, &why), 0, "%s", buf_c(&why));
    back_up(dir);
    db_set_recovery(db, count, &outcome);
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < 200; i++) random_step(model, db, &seed, 100);
        save_world(db);
        for (int i = 0; i < 100; i++) random_step(model, db, &seed, 100);
        db_evict_clean(db);
        if (round % 2) cr_assert_eq(db_save_begin(db, NULL, 0, NULL, &why), 0);
        if (round % 2) end_writing(db);
        if (round % 4 == 3) db_save_step(db, 0);
        spoil(dir, &seed, round % 4 > 1);
        db->recovered_us = 0; /* another one so soon is no fault of the backup's here */
        expect_same(model, db, round);
        if (outcome.recovered == round) cr_assert(db_recover(db));
        cr_assert_eq(outcome.recovered, round + 1);
        for (int i = 0; i < 100; i++) random_step(model, db, &seed, 100);
        db_save_finish(db);
    }
    save_world(db);
    cr_assert_eq(outcome.failed, 0);
    db_world_close(db);
    expect_sound(dir);
    db = reopen(NULL, dir, false);
    expect_same(model, db, 99);
    db_world_close(db);
    db_world_close(model);
    files_remove_tree(dir);
    free(dir);
    buf_fini(&why);
}
