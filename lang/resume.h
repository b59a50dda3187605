/* SPDX-License-Identifier: MIT */
/*
 * Where a saved frame waits and what is alive there, from the syntax tree alone. This is a format: every build and every code generator, now and later, must
 * agree with it, so it only ever grows.
 *
 * A place is (entry, node): entry 0 is the main program, else the id of a FORK node, whose body is a program of its own; node is the id of the VERBCALL or CALL
 * node whose result is awaited, or of the FOR_LIST, FOR_PAIRS, FOR_RANGE or WHILE node at whose back edge a task has parked (behind a turn of its body, before the next is
 * looked for), or the entry itself (0, or the FORK node) in a frame that has not begun.
 *
 * The slots of a place, outermost first, are what has been evaluated on the way to it and is still wanted. Each holds one value.
 */
#ifndef LANG_RESUME_H
#define LANG_RESUME_H

#include "lang/ast.h"

enum resume_kind {
    SLOT_VALUE = 1, /* an operand; sub: which */
    SLOT_LIST = 2, /* a list being built: list items, arguments, codes */
    SLOT_CODES = 3, /* evaluated codes of a catch expression or an EXCEPT clause; integer 0: ANY */
    SLOT_SOURCE = 4, /* the list being dealt out by a scatter */
    SLOT_LOOP_LIST = 5, /* a for loop's list, string or map */
    SLOT_LOOP_POSITION = 6, /* and the position of the element being worked on */
    SLOT_LOOP_CURRENT = 7, /* a range loop's number */
    SLOT_LOOP_END = 8, /* and its last */
    SLOT_PENDING = 9, /* a finally handler that runs: what is pending (enum pending) */
    SLOT_MAP = 11, /* a map being built */
    SLOT_PENDING_VALUE = 10 /* the value to return, or the exception: {code, message, value, stack [, traceback]} */
};
/* Values of SLOT_PENDING; PENDING_EXIT + 2 * loop's node id + 1 if it is a continue: a jump. */
enum pending { PENDING_NOTHING = 0, PENDING_RAISE = 1, PENDING_RETURN = 2, PENDING_UNCAUGHT = 3, PENDING_EXIT = 4 };

struct resume_slot {
    uint32_t node; /* that holds it */
    uint8_t kind;
    uint8_t sub;
};

/* The slots at `node` of `entry`, as a malloc'd array in *out. Returns their number, or -1 when the node is no place to wait in this entry. */
int resume_slots(const struct ast *ast, uint32_t entry, uint32_t node, struct resume_slot **out);

#endif
