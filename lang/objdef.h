/* SPDX-License-Identifier: MIT */
/*
 * Object-definition files: a world as a directory of text, one object a file (docs/objdef.md is the format). Reading only.
 *
 * Reading is all or nothing: every file is parsed and every reference resolved before the first object is made, and a fault is one line "FILE:LINE: what and what to
 * do". What the format holds and we lack (flyweights, lambdas, verbs in another language, ...) is refused by name in a *notice*, and the load goes on without it.
 */
#ifndef LANG_OBJDEF_H
#define LANG_OBJDEF_H

#include "base/buf.h"
#include "lang/ast.h"

struct db;

struct objdef_file {
    char *path; /* as messages name it */
    char *text; /* LF or CR LF */
    size_t len;
};

struct objdef_files {
    struct objdef_file *v;
    size_t n;
    char *root; /* real path that include! may not leave; NULL: no include! */
};

/* Every file that ends in .moo, in all sub-folders, constants.moo of the top folder first, the others by name. 0, or -1 and *why; fini is right after both. */
int objdef_files_read(struct objdef_files *files, const char *dir, struct buf *why);
void objdef_files_fini(struct objdef_files *files);

struct objdef_options {
    const struct function_names *functions;
    bool strict; /* a notice is an error */
    bool binary_strings; /* b"..." and include_bin! become strings in ~XX notation; else they are refused */
    void (*notice)(void *ctx, const char *line); /* "FILE:LINE: ..."; NULL: dropped */
    void *ctx;
};

struct objdef_report {
    size_t objects, properties, overrides, verbs, notices;
};

/* Builds the objects into `db', which has none yet. 0, or -1 with *why; then nothing of the world is to be kept. */
int objdef_load(struct db *db, const struct objdef_files *files, const struct objdef_options *options, struct objdef_report *report, struct buf *why);

#endif
