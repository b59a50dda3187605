/* SPDX-License-Identifier: MIT */
/* For scheduler/options*.c alone: the rows of the table, and what was read. */
#ifndef SCHEDULER_OPTIONS_PARTS_H
#define SCHEDULER_OPTIONS_PARTS_H

#include "scheduler/state.h"

enum option_kind { KIND_INT, KIND_RANGE, KIND_SECONDS, KIND_TRUTH, KIND_OTHER };
enum option_when { LIVE, CACHED };
enum option_where { WORLD, SERVE, PLAYER };

struct option_row {
    const char *name;
    enum option_kind kind;
    int64_t lambda, toast, least, most;
    enum option_when when;
    enum option_where where;
};

struct server_options {
    int64_t numbers[OPT_COUNT]; /* of the world; live ones as of `seen' */
    enum option_source sources[OPT_COUNT];
    uint64_t seen; /* db_watch_count() */
    int64_t flags[OPT_COUNT];
    bool flag_given[OPT_COUNT];
    uint64_t flags_set; /* how often */
    struct str *names[OPT_COUNT], *quota_group; /* of the properties */
    struct idmap complaints; /* holder and option -> fingerprint of the value that was told of */
};

bool option_read_raw(struct scheduler *s, objid handler, const char *name, value *out); /* the property of handler.server_options; false when there is none */
void options_read_cached(struct scheduler *s);

#endif
