/* SPDX-License-Identifier: MIT */
#include "scheduler/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "db/watch.h"
#include "scheduler/options_parts.h"

enum { US_PER_SECOND = 1000000, MOST_COMPLAINTS = 10000, MOST_TOLD = 60 };

static const struct option_row rows[OPT_COUNT] = {
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) {#name, KIND_##kind, lambda, toast, least, most, when, where},
#include "scheduler/options.def"
#undef OPTION
};

static const enum server_option own_options[OWN_COUNT] = {
#define OWN_OF_PLAYER(name) [OWN_##name] = OPT_##name,
#define OWN_OF_SERVE(name)
#define OWN_OF_WORLD(name)
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) OWN_OF_##where(name)
#include "scheduler/options.def"
#undef OPTION
};

static bool is_number(const struct option_row *row) {
    return row->kind != KIND_OTHER;
}

struct server_options *options_new(struct scheduler *s) {
    struct server_options *o = xcalloc(1, sizeof *o);
    for (int i = 0; i < OPT_COUNT; i++) {
        o->names[i] = str_from(rows[i].name);
        if (is_number(&rows[i])) db_watch(s->db, rows[i].name);
    }
    o->quota_group = str_from("quota_group");
    db_watch(s->db, "quota_group");
    db_watch(s->db, "server_options");
    return o;
}

void options_free(struct server_options *o) {
    for (int i = 0; i < OPT_COUNT; i++) str_unref(o->names[i]);
    str_unref(o->quota_group);
    idmap_fini(&o->complaints);
    free(o);
}

const char *option_name(enum server_option which) {
    return rows[which].name;
}

bool option_is_flag(enum server_option which) {
    return rows[which].where != WORLD;
}

enum server_option option_of_own(enum own_option own) {
    return own_options[own];
}

int64_t option_default(struct scheduler *s, enum server_option which) {
    return s->m->dialect->larger_limits ? rows[which].toast : rows[which].lambda;
}

bool option_allows(enum server_option which, int64_t n) {
    return n >= rows[which].least && n <= rows[which].most;
}

value option_value(enum server_option which, int64_t n) {
    return rows[which].kind == KIND_SECONDS ? value_float((double)n / US_PER_SECOND) : value_int(n);
}

/* ---- from values ---- */

enum fit { FITS, LIFTED, UNFIT };

static bool raw_number(const struct option_row *row, value v, int64_t *out) {
    if (row->kind == KIND_TRUTH) *out = value_is_true(v);
    else if (v.type == V_INT && row->kind == KIND_SECONDS) *out = v.u.i > row->most / US_PER_SECOND ? INT64_MAX : v.u.i < 0 ? -1 : v.u.i * US_PER_SECOND;
    else if (v.type == V_INT) *out = v.u.i;
    else if (v.type == V_FLOAT && row->kind == KIND_SECONDS) *out = !(v.u.f >= 0) ? -1 : v.u.f * US_PER_SECOND > (double)row->most ? INT64_MAX : (int64_t)(v.u.f * US_PER_SECOND);
    else return false;
    return true;
}

static enum fit fit(const struct option_row *row, value v, int64_t *out) {
    if (!raw_number(row, v, out) || *out > row->most) return UNFIT;
    if (*out >= row->least) return FITS;
    if (row->kind != KIND_INT) return UNFIT;
    *out = row->least;
    return LIFTED;
}

static void print_range(struct buf *out, enum server_option which) {
    bool seconds = rows[which].kind == KIND_SECONDS;
    value least = option_value(which, rows[which].least), most = option_value(which, rows[which].most);
    buf_add_c(out, seconds ? "a number from " : "an integer from ");
    value_print_literal(out, least);
    buf_add_c(out, " to ");
    value_print_literal(out, most);
}

bool option_parse(enum server_option which, const char *text, int64_t *out, struct buf *why) {
    char *end;
    errno = 0;
    value v = rows[which].kind == KIND_SECONDS ? value_float(strtod(text, &end)) : value_int(strtoll(text, &end, 10));
    if (end != text && !*end && !errno && fit(&rows[which], v, out) == FITS) return true;
    print_range(why, which);
    return false;
}

/* ---- what does not count is told, once ---- */

static uint32_t fingerprint(value v) {
    struct buf text = BUF_INIT;
    value_print_literal_up_to(&text, v, MOST_TOLD, NULL);
    uint32_t h = str_hash_bytes(buf_c(&text), text.len) | 1;
    buf_fini(&text);
    return h;
}

/* Whether it has not been told yet. A world that has thousands of bad values hears of some of them again. */
static bool is_news(struct server_options *o, objid holder, enum server_option which, value v) {
    int64_t key = holder * OPT_COUNT + (int64_t)which;
    void *mark = (void *)(uintptr_t)fingerprint(v);
    if (idmap_get(&o->complaints, key) == mark) return false;
    if (o->complaints.len >= MOST_COMPLAINTS) idmap_fini(&o->complaints);
    idmap_put(&o->complaints, key, mark);
    return true;
}

static void complain(struct scheduler *s, objid holder, enum server_option which, value v, int64_t instead) {
    if (rows[which].where == WORLD || !is_news(s->options, holder, which, v)) return;
    struct buf text = BUF_INIT;
    value holds = option_value(which, instead);
    buf_printf(&text, "#%lld.%s is ", (long long)holder, rows[which].name);
    if (!value_print_literal_up_to(&text, v, MOST_TOLD, NULL)) buf_add_c(&text, "...");
    buf_add_c(&text, ", but must be ");
    print_range(&text, which);
    buf_add_c(&text, "; ");
    value_print_literal(&text, holds);
    log_warning("%s holds instead", buf_c(&text));
    buf_fini(&text);
}

/* Takes v. false: it does not count. */
static bool number_from(struct scheduler *s, objid holder, enum server_option which, value v, int64_t instead, int64_t *out) {
    int64_t n = 0;
    enum fit f = fit(&rows[which], v, &n);
    if (f != FITS) complain(s, holder, which, v, f == LIFTED ? n : instead);
    value_unref(v);
    if (f != UNFIT) *out = n;
    return f != UNFIT;
}

/* ---- of the world ---- */

static objid options_object(struct scheduler *s, objid handler) {
    value options;
    if (!db_valid(s->db, handler) || !db_read_property(s->db, handler, "server_options", NULL, &options)) return NOTHING;
    objid o = options.type == V_OBJ && db_valid(s->db, options.u.o) ? options.u.o : NOTHING;
    value_unref(options);
    return o;
}

bool option_read_raw(struct scheduler *s, objid handler, const char *name, value *out) {
    objid o = options_object(s, handler);
    return o != NOTHING && db_read_property(s->db, o, name, NULL, out);
}

/* When the world says nothing. */
static int64_t beyond_world(struct scheduler *s, enum server_option which, enum option_source *source) {
    bool flag = s->options->flag_given[which];
    *source = flag ? SOURCE_FLAG : SOURCE_DEFAULT;
    return flag ? s->options->flags[which] : option_default(s, which);
}

static int64_t number_of(struct scheduler *s, objid options, enum server_option which, enum option_source *source) {
    struct propref p;
    int64_t n = beyond_world(s, which, source), own;
    if (options == NOTHING || !db_find_property(s->db, options, s->options->names[which], &p)) return n;
    if (!number_from(s, options, which, db_prop_value(s->db, &p), n, &own) || (which == OPT_tick_quota && own == 0)) return n;
    *source = SOURCE_WORLD;
    return own;
}

static void read_numbers(struct scheduler *s, enum option_when when) {
    struct server_options *o = s->options;
    objid options = options_object(s, 0);
    for (int i = 0; i < OPT_COUNT; i++)
        if (rows[i].when == when && is_number(&rows[i])) o->numbers[i] = number_of(s, options, (enum server_option)i, &o->sources[i]);
}

static void refresh(struct scheduler *s) {
    struct server_options *o = s->options;
    uint64_t count = db_watch_count(s->db);
    if (o->seen == count) return;
    o->seen = count;
    read_numbers(s, LIVE);
}

void options_read_cached(struct scheduler *s) {
    read_numbers(s, CACHED);
}

int64_t option_int(struct scheduler *s, enum server_option which) {
    refresh(s);
    return s->options->numbers[which];
}

enum option_source option_source(struct scheduler *s, enum server_option which) {
    refresh(s);
    return s->options->sources[which];
}

uint64_t option_count(const struct scheduler *s) {
    return db_watch_count(s->db) + s->options->flags_set;
}

void sched_set_flag(struct scheduler *s, enum server_option which, int64_t n) {
    must(option_is_flag(which));
    struct server_options *o = s->options;
    o->flags[which] = n;
    o->flag_given[which] = which != OPT_tick_quota || n > 0;
    o->flags_set++;
    read_numbers(s, LIVE);
}

int64_t option_flag(const struct scheduler *s, enum server_option which) {
    return s->options->flag_given[which] ? s->options->flags[which] : 0;
}

/* ---- of players ---- */

/* A property that grants something: who may write it does. Players own themselves, so it must not be them. Owned. */
static bool read_granted(struct scheduler *s, objid player, struct str *name, value *out) {
    struct propref p;
    bool granted = db_find_property(s->db, player, name, &p) && p.builtin == BP_NONE && db_is_wizard(s->db, db_prop_owner(s->db, &p)) && !(db_prop_flags(s->db, &p) & PF_WRITE);
    if (granted) *out = db_prop_value(s->db, &p);
    return granted;
}

int64_t option_of_player(struct scheduler *s, objid player, enum own_option own, enum option_source *source) {
    enum server_option which = own_options[own];
    int64_t n = option_int(s, which);
    value v;
    if (source) *source = option_source(s, which);
    if (!read_granted(s, player, s->options->names[which], &v)) return n;
    if (v.type == V_INT && v.u.i == -1) return n; /* what set_tick_quota() leaves, and worlds write who mean none of their own */
    if (number_from(s, player, which, v, n, &n) && source) *source = SOURCE_PLAYER;
    return n;
}

objid option_quota_group(struct scheduler *s, objid player) {
    value v;
    if (!read_granted(s, player, s->options->quota_group, &v)) return NOTHING;
    objid group = v.type == V_OBJ && db_valid(s->db, v.u.o) ? v.u.o : NOTHING;
    value_unref(v);
    return group;
}
