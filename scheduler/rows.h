/* SPDX-License-Identifier: MIT */
/*
 * Tasks and queued lines as bytes: the rows that the store keeps (saving.c) and the same in the hand-off of a reboot (handing.c).
 *
 * Row of a task: version, number, state, flags, time on the wall, order, the object read from, wake value, frames (vm_save). Row of an input: version, lines.
 * Rows that this server cannot read or place are kept as they are and logged, so that a later one may.
 *
 * A row is of the lowest version that can hold it. One that is new comes with a new format of the store (db/formats.def) and a new version of the hand-off: the
 * release before does not know it.
 */
#ifndef SCHEDULER_ROWS_H
#define SCHEDULER_ROWS_H

#include "scheduler/state.h"

/* WISH: of a task that waits for a threaded built-in, else as the one before; ENDS: behind the rest, its deadline and who lets it park. */
enum { ROW_VERSION = 1, WISH_VERSION = 2, ENDS_VERSION = 3 };

struct kept_row {
    struct kept_row *next;
    enum db_table table;
    uint64_t key;
    size_t len;
    unsigned char payload[];
};

/* Where frames find their programs. */
struct code_finder {
    struct db *db;
    struct code **codes; /* that came along, or were asked for */
    size_t n;
};
void finder_add(struct code_finder *f, struct code *code); /* takes */
void finder_fini(struct code_finder *f);

void row_put_task(struct buf *out, const struct task *t, struct shares_out *shares); /* NULL in the store, where each row stands alone */
/* The task with its frames, in no list yet (state as saved). NULL with *why. */
struct task *row_get_task(struct scheduler *s, struct dec *d, struct code_finder *finder, struct buf *why);

/* Of a reboot: the save before it wrote the row of each task that has one, and of each input. The next save writes what changes from here on. */
bool row_is_storable(const struct task *t);
void rows_take_task(struct scheduler *s, struct task *t, bool stored);
void rows_take_inputs(struct scheduler *s);

/* A row of the store, or one that was kept: taken up, or kept (again). true: for db_scan(). ctx: the scheduler. */
bool load_task_row(void *ctx, uint64_t key, const void *payload, size_t len);
bool load_input_row(void *ctx, uint64_t key, const void *payload, size_t len);

#endif
