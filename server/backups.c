/* SPDX-License-Identifier: MIT */
#include "server/backups.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "base/must.h"
#include "db/backup.h"
#include "db/backup_ring.h"
#include "server/server.h"

#define SECOND INT64_C(1000000)
static const int64_t FIRST_AFTER_US = 60 * SECOND, LOOK_EVERY_US = 30 * SECOND, RETRY_AFTER_US = 600 * SECOND, SAY_AGAIN_US = 3600 * SECOND;
static const struct ring_keep DEFAULT_KEEP = {.hourly = 2, .daily = 2, .weekly = 1};
enum { REST = 20 }; /* times as long as a backup took the disk then has for other things */

struct backup_request {
    struct backup_request *next;
    char *name; /* NULL: of the ring */
    backup_answer *answer; /* NULL: nobody waits for it any more */
    void *ctx;
};

/* ---- what is kept ---- */

/* {hourly, daily, weekly}; anything else is as if it were not there. */
static struct ring_keep keep_option(struct server *s) {
    value v = sched_option(s->sched, 0, "backup_keep");
    struct ring_keep k = DEFAULT_KEEP;
    int64_t *counts[] = {&k.hourly, &k.daily, &k.weekly}, n[3];
    bool fits = v.type == V_LIST && v.u.l->len == 3;
    for (uint32_t i = 0; fits && i < 3; i++) {
        value e = v.u.l->items[i];
        fits = e.type == V_INT && e.u.i >= 0 && e.u.i <= 10000;
        if (fits) n[i] = e.u.i;
    }
    for (int i = 0; fits && i < 3; i++) *counts[i] = n[i];
    value_unref(v);
    return k;
}

/* ---- one after the other ---- */

static void begin_next(struct server *s);

static void finish(struct server *s, const struct backup_outcome *o) {
    struct backups *b = &s->backups;
    struct backup_request *r = b->asked;
    int64_t now = clock_monotonic_us();
    b->asked = r->next;
    b->busy = false;
    free(b->last_error);
    b->last_error = o->why ? xstrdup(o->why) : NULL;
    if (o->why) log_error("BACKUP failed: %s", o->why);
    else log_info("BACKUP %s: save %lld, %lld records, %lld bytes, read back, %.1f s", o->path, (long long)o->generation, (long long)o->records, (long long)o->bytes, (double)o->microseconds / 1e6);
    b->not_before_us = now + (o->why ? RETRY_AFTER_US : o->microseconds * REST);
    b->look_us = 0;
    if (!o->why) {
        b->newest_generation = (uint64_t)o->generation;
        if (!r->name) b->newest_time_us = o->time_us;
        db_delta_new_file(s->db);
    }
    if (r->answer) r->answer(s, r->ctx, o);
    free(r->name);
    free(r);
    begin_next(s);
}

static void fail(struct server *s, const char *why) { finish(s, &(struct backup_outcome){.why = why}); }

static int64_t field(const char *text, const char *name) {
    const char *at = strstr(text, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

/* What `evermoo backup --for-server' prints: the path, and lines of a word and a number. */
static void on_made(struct server *s, int status, const char *text) {
    char *copy = xstrdup(text), *end = strchr(copy, '\n');
    if (status || !end) {
        const char *words = !strncmp(text, "evermoo backup: ", 16) ? text + 16 : text;
        fail(s, *words ? words : "the copying process said nothing");
        free(copy);
        return;
    }
    *end = 0;
    const char *rest = end + 1;
    finish(s, &(struct backup_outcome){.path = copy,
                                       .generation = field(rest, "generation "),
                                       .time_us = field(rest, "time "),
                                       .records = field(rest, "records "),
                                       .bytes = field(rest, "bytes "),
                                       .microseconds = field(rest, "microseconds ")});
    free(copy);
}

static void saved(struct server *s, void *ctx, const struct save_outcome *o) {
    (void)ctx;
    struct backups *b = &s->backups;
    if (o->why || s->end != SERVER_RUNS) {
        fail(s, o->why ? o->why : "the server ends");
        return;
    }
    struct ring_keep k = keep_option(s);
    struct buf keep = BUF_INIT;
    buf_printf(&keep, "--for-server=%lld,%lld,%lld", (long long)k.hourly, (long long)k.daily, (long long)k.weekly);
    char evermoo[] = "evermoo", backup[] = "backup", no_save[] = "--no-save", no_more[] = "--", *world = xstrdup(s->options.world);
    char *argv[] = {evermoo, backup, no_save, keep.data, no_more, world, b->asked->name, NULL};
    if (job_begin(s, &b->job, argv, on_made)) fail(s, strerror(errno));
    free(world);
    buf_fini(&keep);
}

static void begin_next(struct server *s) {
    struct backups *b = &s->backups;
    struct buf why = BUF_INIT;
    if (!b->asked || b->busy || s->end != SERVER_RUNS) return;
    b->busy = true;
    if (!s->options.no_deltas && db_backup_prepare(s->options.world, &why)) log_warning("Saves do not log what they change: %s", buf_c(&why));
    buf_fini(&why);
    saves_ask(s, saved, b);
}

void backups_ask(struct server *s, const char *name, backup_answer *answer, void *ctx) {
    struct backup_request *r = xcalloc(1, sizeof *r), **at = &s->backups.asked;
    *r = (struct backup_request){.name = name ? xstrdup(name) : NULL, .answer = answer, .ctx = ctx};
    while (*at) at = &(*at)->next;
    *at = r;
    begin_next(s);
}

void backups_forget(struct server *s, const void *ctx) {
    for (struct backup_request *r = s->backups.asked; r; r = r->next)
        if (r->ctx == ctx) r->answer = NULL;
}

void backups_interrupt(struct server *s, const char *why) {
    for (struct backup_request *r = s->backups.asked; r; r = r->next) {
        backup_answer *answer = r->answer;
        r->answer = NULL;
        if (answer) answer(s, r->ctx, &(struct backup_outcome){.why = why});
    }
}

/* ---- the ring ---- */

static bool has_room(struct server *s) {
    struct backups *b = &s->backups;
    int64_t now = clock_monotonic_us(), room = files_free_bytes(s->options.world), size = db_disk_size(s->db);
    if (room < 0 || size < 0 || room >= 2 * size) return true;
    if (!b->skipped_us || now - b->skipped_us >= SAY_AGAIN_US) {
        b->skipped_us = now;
        log_warning("The backup that is due is not made: %.1f MB are free in %s, less than twice the world's %.1f MB", (double)room / 1e6, s->options.world, (double)size / 1e6);
    }
    return false;
}

bool backups_are_due(const struct ring_keep *k, const struct backup_moment *m) {
    int64_t period = (k->hourly ? 3600 : k->daily ? 86400 : k->weekly ? 7 * 86400 : 0) * SECOND, age = m->wall_us - m->newest_time_us;
    if (!period || m->generation == m->newest_generation) return false; /* fewer saves than it has: the world was taken back behind a backup that could not be set aside */
    if (m->gap > m->newest_generation) return true; /* points in time after a gap in the log need a new backup */
    if (!m->newest_time_us) return m->up_us >= FIRST_AFTER_US;
    return age >= period || age < 0; /* a clock that was set back must not stop them */
}

/* Wizards hear of a gap in the log of changes, once until there is a backup behind it. */
static void look_for_gap(struct server *s) {
    struct backups *b = &s->backups;
    uint64_t gap = db_delta_gap(s->db);
    if (gap <= b->gap) return;
    if (b->gap <= b->newest_generation) server_say_to_wizards(s, "*** What saves change cannot be logged; the world itself is saved. Points in time from now on need a new backup; the log tells more. ***");
    b->gap = gap;
    b->look_us = 0;
}

static bool is_due(struct server *s, const struct ring_keep *k) {
    const struct backups *b = &s->backups;
    return backups_are_due(k, &(struct backup_moment){.wall_us = clock_wall_us(),
                                                      .up_us = clock_monotonic_us() - s->started_us,
                                                      .generation = db_generation(s->db),
                                                      .gap = b->gap,
                                                      .newest_generation = b->newest_generation,
                                                      .newest_time_us = b->newest_time_us});
}

double backups_turn(struct server *s) {
    struct backups *b = &s->backups;
    int64_t now = clock_monotonic_us();
    look_for_gap(s);
    if (s->end != SERVER_RUNS || b->asked) return INFINITY;
    if (now < b->look_us) return (double)(b->look_us - now) / 1e6;
    b->look_us = now + LOOK_EVERY_US;
    struct ring_keep k = keep_option(s);
    if (is_due(s, &k) && now >= b->not_before_us && has_room(s)) backups_ask(s, NULL, NULL, NULL);
    return (double)LOOK_EVERY_US / 1e6;
}

/* ---- for programs and people ---- */


value backups_info(const struct backup_outcome *o) {
    struct list *l = list_new(6);
    list_add_pair(&l, "path", value_str(str_from(o->path)));
    list_add_pair(&l, "generation", value_int(o->generation));
    list_add_pair(&l, "time", value_int(o->time_us / SECOND));
    list_add_pair(&l, "records", value_int(o->records));
    list_add_pair(&l, "bytes", value_int(o->bytes));
    list_add_pair(&l, "seconds", value_float((double)o->microseconds / 1e6));
    return value_list(l);
}

void backups_describe(const struct server *s, struct buf *out) {
    const struct backups *b = &s->backups;
    if (b->newest_time_us) buf_printf(out, "newest backup of the ring: save of %lld seconds ago\n", (long long)((clock_wall_us() - b->newest_time_us) / SECOND));
    if (b->busy) buf_add_c(out, "a backup is being made\n");
    if (b->last_error) buf_printf(out, "THE LAST BACKUP FAILED: %s\n", b->last_error);
    if (b->gap > b->newest_generation) buf_add_c(out, "THE LOG OF CHANGES HAS A GAP: points in time from there on need a new backup\n");
}

/* ---- beginning and end ---- */

void backups_init(struct server *s) {
    job_init(&s->backups.job);
    struct ring_backup newest = ring_newest_name(s->options.world);
    s->backups.newest_time_us = newest.instant.time;
    s->backups.newest_generation = newest.instant.generation;
}

void backups_fini(struct server *s) {
    struct backups *b = &s->backups;
    job_let_go(s, &b->job);
    while (b->asked) {
        struct backup_request *next = b->asked->next;
        free(b->asked->name);
        free(b->asked);
        b->asked = next;
    }
    free(b->last_error);
    *b = (struct backups){.busy = false};
    job_init(&b->job);
}
