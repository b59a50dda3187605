/* SPDX-License-Identifier: MIT */
/* What programs see of saves: lists of {name, value}, as there are no maps. */
#include <stdlib.h>

#include "base/list.h"
#include "base/must.h"
#include "base/str.h"
#include "server/server.h"

static double seconds(int64_t us) { return (double)us / 1e6; }

static value info(const struct db_save_report *r, int64_t wall_us, int64_t pause_us, const char *why) {
    struct list *l = list_new(7);
    list_add_pair(&l, "generation", value_int((int64_t)r->generation));
    list_add_pair(&l, "time", value_int(wall_us / 1000000));
    list_add_pair(&l, "records", value_int((int64_t)r->records));
    list_add_pair(&l, "bytes", value_int((int64_t)r->bytes));
    list_add_pair(&l, "seconds", value_float(seconds(r->microseconds)));
    list_add_pair(&l, "longest_pause", value_int(pause_us));
    if (why) list_add_pair(&l, "error", value_str(str_from(why)));
    return value_list(l);
}

value saves_info(const struct save_outcome *o) { return info(&o->report, o->wall_us, o->pause_us, o->why); }

void saves_count(struct server *s, const struct save_outcome *o) {
    struct saves *v = &s->saves;
    if (o->why) {
        v->total.failures++;
        v->total.last_error_wall_us = o->wall_us;
        free(v->total.last_error);
        v->total.last_error = xstrdup(o->why);
        return;
    }
    const struct db_save_report *last = v->total.saves ? &v->total.last[(v->total.saves - 1) % SAVES_KEPT] : NULL;
    if (last && last->generation == o->report.generation) return; /* everything was on disk already */
    v->counted = true;
    size_t i = v->total.saves++ % SAVES_KEPT;
    v->total.records += o->report.records;
    v->total.bytes += o->report.bytes;
    v->total.us += o->report.microseconds;
    v->total.last[i] = o->report;
    v->total.wall_us[i] = o->wall_us;
    v->total.pauses_us[i] = o->pause_us;
}

value saves_stats(const struct server *s) {
    const struct saves *v = &s->saves;
    struct list *l = list_new(10), *last = list_new(SAVES_KEPT);
    for (uint64_t i = v->total.saves; i > 0 && i + SAVES_KEPT > v->total.saves; i--) {
        size_t at = (i - 1) % SAVES_KEPT;
        last = list_append_take(last, info(&v->total.last[at], v->total.wall_us[at], v->total.pauses_us[at], NULL));
    }
    list_add_pair(&l, "generation", value_int((int64_t)db_generation(s->db)));
    list_add_pair(&l, "saves", value_int((int64_t)v->total.saves));
    list_add_pair(&l, "failures", value_int((int64_t)v->total.failures));
    list_add_pair(&l, "failures_in_a_row", value_int(v->failures));
    list_add_pair(&l, "last_error", value_str(str_from(v->total.last_error ? v->total.last_error : "")));
    list_add_pair(&l, "last_error_time", value_int(v->total.last_error_wall_us / 1000000));
    list_add_pair(&l, "records", value_int((int64_t)v->total.records));
    list_add_pair(&l, "bytes", value_int((int64_t)v->total.bytes));
    list_add_pair(&l, "seconds", value_float(seconds(v->total.us)));
    list_add_pair(&l, "longest_pause", value_int(v->total.pause_us));
    list_add_pair(&l, "last", value_list(last));
    return value_list(l);
}
