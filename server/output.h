/* SPDX-License-Identifier: MIT */
/*
 * What waits to be written to a connection: whole pieces (lines) in order, bounded. When there is no room the oldest pieces are dropped and counted;
 * before the next write the reader is told how many lines were lost, in the classic words. The struct is the caller's.
 */
#ifndef SERVER_OUTPUT_H
#define SERVER_OUTPUT_H

#include "base/buf.h"
#include "base/codec.h"

struct output {
    struct buf bytes;
    size_t start; /* bytes before it are gone */
    uint32_t *ends; /* lengths of the pieces, a ring */
    size_t first, count, ring; /* ring: its size, a power of two or 0 */
    uint64_t lost; /* pieces dropped and not yet told of */
};

void output_init(struct output *o);
void output_fini(struct output *o);
static inline size_t output_length(const struct output *o) { return o->bytes.len - o->start; }
static inline bool output_waits(const struct output *o) { return output_length(o) > 0 || o->lost > 0; }

/* Appends one piece; drops the oldest ones while there would be more than `max` bytes. */
void output_add(struct output *o, const char *bytes, size_t len, size_t max);
/* Writes what the socket takes: 0 all written, 1 some is left, -1 the connection is gone. */
int output_write(struct output *o, int fd);

void output_encode(const struct output *o, struct buf *out);
void output_decode(struct output *o, struct dec *d);

#endif
