/* SPDX-License-Identifier: MIT */
/* What a save keeps of the tasks is of the instant at which it was begun, however long it takes and whatever they do meanwhile. */
#include <stdlib.h>

#include "base/must.h"
#include "base/sanitized.h"
#include "crowd.h"
#include "scheduler/rows.h"

enum { PLAYERS = 40, SAVES = 60 };

struct snapshot {
    struct sim *sim;
    struct idmap rows; /* of tasks -> struct str: what the store is to have */
    size_t found;
};

/* What a row says, but for whether a sleeper has come to be due: that is not written again. */
static struct str *meaning_of(const void *row, size_t len) {
    struct dec d = dec_over(row, len);
    uint64_t version = dec_u64(&d), id = dec_u64(&d), state = dec_u64(&d);
    struct buf b = BUF_INIT;
    must(!d.bad);
    enc_u64(&b, version);
    enc_u64(&b, id);
    enc_u64(&b, state == TASK_READY ? TASK_SLEEPING : state);
    buf_add(&b, d.p, (size_t)(d.end - d.p));
    struct str *s = str_new(buf_c(&b), b.len);
    buf_fini(&b);
    return s;
}

static void take_snapshot(struct snapshot *snap, struct sim *sim) {
    size_t at = 0;
    struct task *t;
    *snap = (struct snapshot){.sim = sim};
    while ((t = idmap_next(&sim->f.s->tasks, &at))) {
        struct buf row = BUF_INIT;
        if (!row_is_storable(t)) continue;
        row_put_task(&row, t, NULL);
        idmap_put(&snap->rows, t->id, meaning_of(buf_c(&row), row.len));
        buf_fini(&row);
    }
}

static bool compare_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct snapshot *snap = ctx;
    struct str *wanted = idmap_get(&snap->rows, (int64_t)key), *found = meaning_of(payload, len);
    snap->found++;
    sim_check(snap->sim, wanted, "the store has task %llu, which was not there when the save was begun", (unsigned long long)key);
    sim_check(snap->sim, str_equal(wanted, found), "the row of task %llu is not as it was when the save was begun", (unsigned long long)key);
    str_unref(found);
    return true;
}

static void check_store(struct snapshot *snap) {
    struct buf why = BUF_INIT;
    sim_check(snap->sim, db_scan(snap->sim->f.db, DB_TASK, compare_row, snap, &why) == 0, "%s", buf_c(&why));
    sim_check(snap->sim, snap->found == snap->rows.len, "of %zu tasks the store has %zu", snap->rows.len, snap->found);
    size_t at = 0;
    struct str *row;
    while ((row = idmap_next(&snap->rows, &at))) str_unref(row);
    idmap_fini(&snap->rows);
    buf_fini(&why);
}

/* A step now and then, while the tasks run on. */
static void save_meanwhile(struct sim *sim) {
    struct buf why = BUF_INIT;
    struct db_save_part part;
    struct snapshot snap;
    take_snapshot(&snap, sim);
    sched_save_part(sim->f.s, &part);
    sim_check(sim, db_save_begin(sim->f.db, &part, 1, NULL, &why) == 0, "%s", buf_c(&why));
    for (int i = 0; i < 20; i++) {
        sim_run(sim, 0.02);
        db_save_step(sim->f.db, 0);
    }
    db_save_finish(sim->f.db);
    check_store(&snap);
    buf_fini(&why);
}

Test(saves, are_of_one_instant) {
    uint64_t seed, last;
    for (sim_seeds(2, &seed, &last); seed <= last; seed++) {
        struct sim sim;
        struct crowd crowd;
        struct sim_place place;
        sim_place_new(&place);
        sim_open(&sim, "saves/*", seed, PLAYERS, place.dir);
        crowd_gather(&crowd, &sim, PLAYERS, HABIT_COUNT);
        for (int i = 0; i < (SANITIZED ? SAVES / 4 : SAVES); i++) {
            sim_run(&sim, sim_exponential(&sim, 2));
            save_meanwhile(&sim);
        }
        model_end(&sim);
        crowd_disperse(&crowd);
        sim_close(&sim);
        sim_place_remove(&place);
    }
}
