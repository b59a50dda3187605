/* SPDX-License-Identifier: MIT */
/*
 * $server_options. One table: options.def. Reading one never fails: what is absent or does not count is what the next source says: the player, the world, the flags of `serve', the default
 * of the world's dialect. Live ones are always as the world has them now, and yet cost nothing to read: they are read anew only when a property of such a name may have changed (db/watch.h).
 */
#ifndef SCHEDULER_OPTIONS_H
#define SCHEDULER_OPTIONS_H

#include <stdint.h>

#include "base/value.h"

struct scheduler;
struct server_options;

enum server_option {
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) OPT_##name,
#include "scheduler/options.def"
#undef OPTION
    OPT_COUNT
};

/* Those that a player may have in properties of the same name. */
enum own_option {
#define OWN_OF_PLAYER(name) OWN_##name,
#define OWN_OF_SERVE(name)
#define OWN_OF_WORLD(name)
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) OWN_OF_##where(name)
#include "scheduler/options.def"
#undef OPTION
#undef OWN_OF_PLAYER
#undef OWN_OF_SERVE
#undef OWN_OF_WORLD
    OWN_COUNT
};

enum option_source { SOURCE_DEFAULT, SOURCE_FLAG, SOURCE_WORLD, SOURCE_PLAYER };

struct server_options *options_new(struct scheduler *s);
void options_free(struct server_options *o);
void options_load(struct scheduler *s); /* the cached ones; the host is not told */
int64_t option_int(struct scheduler *s, enum server_option which);
int64_t option_default(struct scheduler *s, enum server_option which); /* compiled in, by dialect */

/* ---- those of players ---- */
enum server_option option_of_own(enum own_option own);
int64_t option_of_player(struct scheduler *s, objid player, enum own_option own, enum option_source *source); /* source may be NULL */
objid option_quota_group(struct scheduler *s, objid player); /* .quota_group, likewise a wizard's: a valid object, or NOTHING */
uint64_t option_count(const struct scheduler *s); /* while it stands still, so do all of these, and the live ones of the world */

/* ---- what they are, for who asks ---- */
const char *option_name(enum server_option which);
bool option_is_flag(enum server_option which); /* of `serve' */
bool option_allows(enum server_option which, int64_t n); /* it is in range */
value option_value(enum server_option which, int64_t n); /* as the world would say it: seconds as a float */
enum option_source option_source(struct scheduler *s, enum server_option which);
void sched_set_flag(struct scheduler *s, enum server_option which, int64_t n); /* what holds where the world says nothing */
int64_t option_flag(const struct scheduler *s, enum server_option which); /* 0: not given */
/* Of `serve': from text. false: it is none, or out of range; then what it must be is in `why'. */
struct buf;
bool option_parse(enum server_option which, const char *text, int64_t *out, struct buf *why);
/* The lines that the message option stands for when the world says nothing: NULL-terminated. */
const char *const *option_default_message(const char *name);

#endif
