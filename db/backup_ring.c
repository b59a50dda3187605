/* SPDX-License-Identifier: MIT */
#include "db/backup_ring.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/must.h"
#include "db/delta.h"

#define LEAST_CAP ((int64_t)256 << 20)

/* ---- names ---- */

void ring_name(struct buf *out, int64_t time_us, uint64_t generation) {
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    char text[32];
    must(gmtime_r(&seconds, &tm));
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
    buf_printf(out, "%s-g%llu", text, (unsigned long long)generation);
}

bool ring_parse_name(const char *name, int64_t *time_us, uint64_t *generation) {
    struct tm tm = {0};
    const char *rest = strptime(name, "%Y%m%dT%H%M%SZ-g", &tm);
    char *end;
    if (!rest || *rest < '0' || *rest > '9') return false;
    *generation = strtoull(rest, &end, 10);
    *time_us = (int64_t)timegm(&tm) * 1000000;
    struct buf again = BUF_INIT; /* nothing else counts: 1-digit months, blanks */
    ring_name(&again, *time_us, *generation);
    bool same = !*end && !strcmp(buf_c(&again), name);
    buf_fini(&again);
    return same;
}

/* ---- the rule ---- */

enum { HOUR = 3600, DAY = 86400, WEEK = 7 * DAY, THURSDAY = 4 }; /* 1970 began on a Thursday; weeks begin on Mondays */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static void choose_by(const int64_t *times, size_t n, int64_t seconds, int64_t shift, int64_t count, bool *keep) {
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < n && count > 0; i++) {
        int64_t period = floor_div(floor_div(times[i], 1000000) + shift, seconds);
        if (period == last) continue;
        last = period;
        keep[i] = true;
        count--;
    }
}

void ring_choose(const int64_t *times, size_t n, const struct ring_keep *counts, bool *keep) {
    bool off = counts->hourly <= 0 && counts->daily <= 0 && counts->weekly <= 0;
    for (size_t i = 0; i < n; i++) keep[i] = off || i == 0;
    choose_by(times, n, HOUR, 0, counts->hourly, keep);
    choose_by(times, n, DAY, 0, counts->daily, keep);
    choose_by(times, n, WEEK, (int64_t)(THURSDAY - 1) * DAY, counts->weekly, keep);
}

/* ---- directories ---- */

struct ring_entry {
    int64_t time;
    uint64_t generation;
};

static int newest_first(const void *a, const void *b) {
    const struct ring_entry *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? 1 : -1;
    return (x->generation < y->generation) - (x->generation > y->generation);
}

static size_t read_ring(const char *parent, struct ring_entry **out) {
    DIR *d = opendir(parent);
    const struct dirent *e;
    size_t n = 0;
    *out = NULL;
    while (d && (e = readdir(d))) {
        struct ring_entry entry;
        if (!ring_parse_name(e->d_name, &entry.time, &entry.generation)) continue;
        *out = xrealloc(*out, (n + 1) * sizeof **out);
        (*out)[n++] = entry;
    }
    if (d) closedir(d);
    if (n) qsort(*out, n, sizeof **out, newest_first);
    return n;
}

/* Its name first, so that a removal cut short leaves no backup that is half there. */
static void remove_backup(const char *parent, const struct ring_entry *e) {
    struct buf path = BUF_INIT, doomed = BUF_INIT;
    buf_printf(&path, "%s/", parent);
    ring_name(&path, e->time, e->generation);
    buf_printf(&doomed, "%s.new", buf_c(&path));
    if (rename(buf_c(&path), buf_c(&doomed)) == 0) files_remove_tree(buf_c(&doomed));
    buf_fini(&path);
    buf_fini(&doomed);
}

size_t ring_prune(const char *dir, const struct ring_keep *counts) {
    struct buf parent = BUF_INIT;
    struct ring_entry *entries;
    buf_printf(&parent, "%s/backups", dir);
    size_t n = read_ring(buf_c(&parent), &entries), removed = 0, ahead = 0;
    int64_t *times = xmalloc((n + 1) * sizeof *times);
    bool *keep = xcalloc(n + 1, sizeof *keep);
    for (size_t i = 0; i < n; i++) times[i] = entries[i].time;
    while (ahead < n && times[ahead] > clock_wall_us()) ahead++; /* made while the clock was wrong: they must not take the places of the others */
    ring_choose(times, ahead, counts, keep);
    ring_choose(times + ahead, n - ahead, counts, keep + ahead);
    for (size_t i = 0; i < n; i++) {
        if (keep[i]) continue;
        remove_backup(buf_c(&parent), &entries[i]);
        removed++;
    }
    free(times);
    free(keep);
    free(entries);
    buf_fini(&parent);
    return removed;
}

struct ring_backup ring_newest_name(const char *dir) {
    struct buf parent = BUF_INIT;
    struct ring_entry *entries;
    struct ring_backup newest = {.path = NULL};
    buf_printf(&parent, "%s/backups", dir);
    if (read_ring(buf_c(&parent), &entries)) newest.instant = (struct instant){.time = entries[0].time, .generation = entries[0].generation};
    free(entries);
    buf_fini(&parent);
    return newest;
}

static int64_t data_size(const char *dir) {
    struct buf path = BUF_INIT;
    struct stat st;
    buf_printf(&path, "%s/data.mdb", dir);
    int rc = stat(buf_c(&path), &st);
    buf_fini(&path);
    return rc ? 0 : (int64_t)st.st_size;
}

size_t ring_prune_deltas(const char *dir) {
    struct ring_backups all;
    struct buf path = BUF_INIT;
    size_t removed = 0, in_ring = 0;
    int64_t most = data_size(dir) > LEAST_CAP ? data_size(dir) : LEAST_CAP;
    buf_printf(&path, "%s/deltas", dir);
    ring_list(dir, &all, NULL, NULL);
    for (size_t i = 0; i < all.n; i++) in_ring += !all.v[i].named;
    for (size_t i = all.n; i-- > 0;) { /* from the oldest; they stay as they are, only the way on from them may go */
        const struct ring_backup *b = &all.v[i];
        if (b->named && in_ring) continue;
        removed += delta_prune(buf_c(&path), b->instant.generation);
        if (delta_bytes(buf_c(&path)) <= most) break;
    }
    ring_backups_fini(&all);
    buf_fini(&path);
    return removed;
}

/* ---- what there is ---- */

static int by_time(const void *a, const void *b) {
    const struct ring_backup *x = a, *y = b;
    if (x->instant.time != y->instant.time) return x->instant.time < y->instant.time ? 1 : -1;
    return (x->instant.generation < y->instant.generation) - (x->instant.generation > y->instant.generation);
}

void ring_list(const char *dir, struct ring_backups *out, void (*unreadable)(void *ctx, const char *text), void *ctx) {
    struct buf path = BUF_INIT, why = BUF_INIT;
    const struct dirent *e;
    *out = (struct ring_backups){NULL, 0};
    buf_printf(&path, "%s/backups", dir);
    DIR *d = opendir(buf_c(&path));
    while (d && (e = readdir(d))) {
        size_t n = strlen(e->d_name);
        int64_t time;
        uint64_t generation;
        struct ring_backup b = {.named = !ring_parse_name(e->d_name, &time, &generation)};
        buf_clear(&path);
        buf_clear(&why);
        buf_printf(&path, "%s/backups/%s", dir, e->d_name);
        if (e->d_name[0] == '.' || (n >= 4 && !strcmp(e->d_name + n - 4, ".new")) || !files_is_directory(buf_c(&path))) continue;
        if (instant_peek(buf_c(&path), &b.instant, &why)) {
            if (unreadable) unreadable(ctx, buf_c(&why));
            continue;
        }
        b.path = xstrdup(buf_c(&path));
        out->v = xrealloc(out->v, (out->n + 1) * sizeof *out->v);
        out->v[out->n++] = b;
    }
    if (d) closedir(d);
    if (out->n) qsort(out->v, out->n, sizeof *out->v, by_time);
    buf_fini(&path);
    buf_fini(&why);
}

void ring_backups_fini(struct ring_backups *b) {
    for (size_t i = 0; i < b->n; i++) free(b->v[i].path);
    free(b->v);
    *b = (struct ring_backups){NULL, 0};
}
