/* SPDX-License-Identifier: MIT */
/* A typed line taken apart: words, first-character substitutions, prepositions, objects (language.md of the reference, "Command parser"). */
#ifndef SCHEDULER_COMMAND_H
#define SCHEDULER_COMMAND_H

#include "base/list.h"
#include "base/str.h"
#include "db/db.h"

struct command {
    struct str *verb, *argstr, *dobjstr, *prepstr, *iobjstr;
    struct list *args; /* the words after the verb */
    int prep; /* db/preps.h, PREP_NONE */
    objid dobj, iobj;
};

/* How long things may be looked through for the one that is meant. */
struct command_look {
    const struct patience *patience;
    bool gave_up; /* not all were looked at: what was not found may be there */
};

struct list *command_words(const char *line, size_t len);
/* false: nothing but blanks, and nothing to fini. No objects yet. */
bool command_from_line(const struct str *line, struct command *out);
void command_find_objects(struct db *db, objid player, struct command *c, struct command_look *look);
void command_fini(struct command *c);
/* The object that a text names for a player: NOTHING, AMBIGUOUS, FAILED_MATCH as the language has them. */
objid command_match_object(struct db *db, objid player, const struct str *text, struct command_look *look);

#endif
