/* SPDX-License-Identifier: MIT */
/* What object-definition files say, parsed but not yet built. Inside lang/objdef_*.c only. */
#ifndef LANG_OBJDEF_MODEL_H
#define LANG_OBJDEF_MODEL_H

#include "base/str.h"
#include "db/db.h"
#include "lang/objdef.h"

/* Where something stands. */
struct objdef_place {
    const char *path; /* borrowed from the files */
    int line;
};

struct objdef_prop {
    struct objdef_place at;
    struct str *name;
    value v; /* NONE: clear */
    objid owner;
    unsigned flags;
    bool is_override, has_info;
};

struct objdef_verb {
    struct objdef_place at;
    struct objdef_place code_at; /* of the first line of text */
    struct str *names;
    char *text; /* as written, CR dropped; every line ended by LF */
    size_t len;
    objid owner;
    unsigned flags;
    enum verb_arg dobj, iobj;
    int prep;
};

struct objdef_object {
    struct objdef_place at;
    struct objdef_place parent_at, location_at;
    objid id, parent, owner, location;
    struct str *name;
    unsigned flags; /* OF_ bits */
    struct objdef_prop *props;
    size_t nprops;
    struct objdef_verb *verbs;
    size_t nverbs;
};

/* Names to positions, without regard to case or with it. Keys are owned. */
struct objdef_table {
    struct objdef_slot {
        struct str *key;
        size_t index;
    } *slots;
    size_t n, cap;
    bool match_case;
};
/* Position of key, or SIZE_MAX. */
size_t objdef_table_find(const struct objdef_table *t, const struct str *key);
void objdef_table_add(struct objdef_table *t, struct str *key, size_t index); /* takes key */
void objdef_table_fini(struct objdef_table *t);

struct objdef_constant {
    value v; /* NONE: a value that we refuse */
    const char *refused; /* then why */
};

struct objdef_world {
    const struct objdef_files *files;
    const struct objdef_options *options;
    struct objdef_constant *constants;
    size_t nconstants;
    struct objdef_table constant_names, constant_values, numbers;
    struct objdef_object *objects;
    size_t nobjects;
    size_t notices;
    struct buf *why;
};
void objdef_world_fini(struct objdef_world *w);

/* Sets the one error message; returns false. */
bool objdef_fail(struct objdef_world *w, struct objdef_place at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports what is left out; false when that is an error. */
bool objdef_note(struct objdef_world *w, struct objdef_place at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Parses one file into w. */
bool objdef_parse_file(struct objdef_world *w, const struct objdef_file *file);

/* A file named by include!, relative to the file that names it: its bytes, to be freed; NULL with the reason in *why. */
char *objdef_include(const struct objdef_files *files, const char *from, const char *name, size_t *len, struct buf *why);

/* The end of a verb's code: the `endverb' that ends it, or NULL. Strings, comments and variables of that name do not. */
const char *objdef_find_endverb(const char *p, const char *end);
/* Copy of the code that lies in [p, end): CR dropped, LF at the end of every line. With `plain' also without `//' comments, which are not MOO, and with TYPE_INT
   and its kin, as mooR calls them, as INT. */
void objdef_copy_code(const char *p, const char *end, bool plain, struct buf *out);
/* Past blanks and comments, counting lines. An open comment ends at `end'. */
const char *objdef_skip_blank(const char *p, const char *end, int *line);

#endif
