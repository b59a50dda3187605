/* SPDX-License-Identifier: MIT */
/* Making a world of its source: object-definition files in a directory, or the bundled ones that are part of the program. */
#ifndef SERVER_BUILD_H
#define SERVER_BUILD_H

#include "lang/objdef.h"

/* The bundled world's source (core/), embedded when the program is built (tools/embed-core). */
struct core_file {
    const char *path, *text;
};
extern const struct core_file core_files[];
extern const size_t core_file_count;

/*
 * Builds a new world in the directory `dir', which must not exist: made aside, saved, checked in full before it gets that name. 0, or -1 with one line in *why and
 * nothing left behind. options->functions is filled in here.
 */
int build_world(const char *dir, const struct objdef_files *files, const struct objdef_options *options, struct objdef_report *report, struct buf *why);
/* The bundled world. */
int world_build_default(const char *dir, struct buf *why);

#endif
