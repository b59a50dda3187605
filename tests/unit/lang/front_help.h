/* SPDX-License-Identifier: MIT */
/* What the tests of the language's front end share: parsing to a tree or to messages, listing, comparing trees. */
#ifndef TESTS_FRONT_HELP_H
#define TESTS_FRONT_HELP_H

#include "base/list.h"
#include "db/code.h"
#include "lang/ast.h"

extern const struct function_names front_functions;

/* Messages go to *messages if that is not NULL (owned), else there must be none. */
struct ast *front_parse(const char *text, int version, bool imported, struct list **messages);
/* Messages of a program typed in, joined by LF; "" if there are none. A static buffer. */
const char *front_messages(const char *text);
/* Listing; a static buffer. */
const char *front_list(const struct ast *a, bool full, bool indent);
/* The listing of what `text' parses to. */
const char *front_relist(const char *text, bool full, bool indent);
/* The tree in one line of nested parentheses, ids and lines left out; appended. */
void front_dump(const struct ast *a, const struct node *n, struct buf *out);

#endif
