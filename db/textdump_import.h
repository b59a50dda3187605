/* SPDX-License-Identifier: MIT */
/*
 * What the files of the import share (textdump_import.c says how it goes). A function that returns false has told the reader why.
 */
#ifndef DB_TEXTDUMP_IMPORT_H
#define DB_TEXTDUMP_IMPORT_H

#include "db/textdump_parts.h"

enum { NOWHERE = -1 }; /* a link to nothing */

/* One number of the file's header of an object: all links are -1 when empty. */
enum link { CONTENTS, NEXT, PARENT, CHILD, SIBLING, LOCATION, LINKS };

struct slot {
    int32_t link[LINKS];
    uint32_t nverbs, nown, nprops; /* nown: definitions of its own */
    uint32_t total; /* definitions of its own and its ancestors */
    uint32_t line;
    bool live, player;
    bool spaced; /* recycled: the form of its line */
    bool listed_in, listed_under; /* found in its location's contents, in its parent's children */
    int64_t offset; /* of its first line */
};

struct row {
    enum db_table table;
    uint64_t key;
    struct buf payload;
};

struct import {
    struct db *db;
    const struct import_options *options;
    struct import_summary *sum;
    struct reader r;
    bool build; /* second pass */
    int version;
    struct slot *slots;
    int64_t nslots, cap_slots;
    int32_t *users;
    int64_t nusers;
    int64_t nprograms, programs_offset, programs_line;
    int64_t spaced, plain; /* recycled lines of each form */
    struct dump_header header;
    /* second pass */
    struct row *rows;
    size_t nrows, cap_rows, row_bytes;
    int64_t read_bytes, saved_at; /* of the second pass: objects are visited out of order */
    uint64_t next_task;
};

/* ---- textdump_import.c ---- */

void import_note(struct import *im, const char *format, ...) __attribute__((format(printf, 2, 3))); /* for the summary; in the second pass only */
struct buf *import_add_row(struct import *im, enum db_table table, uint64_t key); /* to be filled; of the next save */
bool import_save(struct import *im);
bool import_progress(struct import *im, int64_t begun_at); /* what was read since begun_at is done: tells of it, saves when it is time */

/* ---- textdump_links.c ---- */

/* Lists agree with locations and parents, nothing is inside itself, property counts follow from ancestry. Fills in `total'. */
bool import_check_links(struct import *im);
int64_t import_tree_next(const struct import *im, int64_t o); /* in the order of the tree, parents first; NOWHERE after the last under o's root */
int64_t import_root_after(const struct import *im, int64_t o); /* NOWHERE after the last */

/* ---- textdump_objects.c ---- */

bool import_scan_objects(struct import *im);
bool import_build_objects(struct import *im);
bool import_build_players(struct import *im); /* in the order of the list */
void import_build_recycled_forms(struct import *im);

#endif
