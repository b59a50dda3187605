/* SPDX-License-Identifier: MIT */
/* $server_options. One table: options.def. Reading one never fails: what is absent or does not fit is the default of the world's dialect. */
#ifndef SCHEDULER_OPTIONS_H
#define SCHEDULER_OPTIONS_H

#include <stdint.h>

#include "base/value.h"

struct scheduler;
struct server_options;

enum server_option {
#define OPTION(name, kind, lambda, toast, least, when, doc) OPT_##name,
#include "scheduler/options.def"
#undef OPTION
    OPT_COUNT
};

/* Those that a player may have in properties of the same name. */
enum option_override { OVERRIDE_tick_quota, OVERRIDE_fg_ticks, OVERRIDE_bg_ticks, OVERRIDE_fg_seconds, OVERRIDE_bg_seconds, OVERRIDE_COUNT };

struct server_options *options_new(void);
void options_free(struct server_options *o);
void options_load(struct scheduler *s); /* the cached ones; the host is not told */
int64_t option_int(struct scheduler *s, enum server_option which);
int64_t option_default(struct scheduler *s, enum server_option which); /* compiled in, by dialect */
/* As option_int, for a connection of this listener. */
int64_t option_int_of(struct scheduler *s, objid listener, enum server_option which);
/* A player's own property, when a wizard owns its slot: the number, or -1. */
int64_t option_override(struct scheduler *s, objid player, enum option_override which);
const char *option_name(enum server_option which);
/* The lines that the message option stands for when the world says nothing: NULL-terminated. */
const char *const *option_default_message(const char *name);

#endif
