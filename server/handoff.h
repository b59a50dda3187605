/* SPDX-License-Identifier: MIT */
/*
 * A reboot's hand-off: what is not in the store.
 *
 *   "EVERMOO HANDOFF\n", varint version, then sections (server/sections.def): varint number (0: the end), length-prefixed envelope (base/codec.h: version, flags,
 *   CRC over number and payload). Flag 1: must be understood. A damaged section or an unknown one that must be understood is refused; unknown others are skipped.
 *
 * Times are of the monotonic clock, which goes on through exec. Descriptors keep their numbers.
 *
 * A program reads and writes a range of versions, so that the release before it and the one after it can take over from it. When it is tried (server/preflight.h) it
 * says which it reads.
 */
#ifndef SERVER_HANDOFF_H
#define SERVER_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct server;

struct handoff_versions {
    unsigned oldest, newest;
};

struct handoff_versions handoff_versions(void); /* that this program reads and writes */
static inline bool handoff_has_version(struct handoff_versions v, unsigned version) { return version >= v.oldest && version <= v.newest; }
unsigned handoff_common_version(struct handoff_versions a, struct handoff_versions b); /* the newest that both have; 0: none */
/* A line for the server that tries this program, and its meaning. A program that prints none reads version 1. */
void handoff_print_versions(struct handoff_versions v, struct buf *out);
bool handoff_parse_versions(const char *line, struct handoff_versions *out);

void handoff_encode(struct server *s, unsigned version, struct buf *out);
/* Into a server whose world is open and that has neither listeners nor connections. Touches no player's socket. 0, or -1 and why. */
int handoff_decode(struct server *s, const void *bytes, size_t len, struct buf *why);
/* What can be told without a world: magic, version, checksums. */
int handoff_check(const void *bytes, size_t len, struct buf *why);

#endif
