/* SPDX-License-Identifier: MIT */
/* The pieces of a file of deltas; for delta_*.c. */
#ifndef DB_DELTA_PARTS_H
#define DB_DELTA_PARTS_H

#include "db/delta.h"

#define DELTA_MAGIC "evermoo deltas\n" /* with its NUL: 16 bytes */
#define DELTA_FRAME_MAGIC 0x464c4445u

void delta_name(struct buf *out, uint64_t number);
bool delta_parse_name(const char *name, uint64_t *number);
void delta_encode_head(struct buf *out, const unsigned char uuid[16], uint64_t generation);
void delta_encode_frame(struct buf *out, const struct delta_frame *f, const struct buf *ops);
int delta_unpack(const struct delta_frame *f, struct buf *bytes); /* what follows a frame's head becomes its operations; -1: it makes no sense */
int delta_decode_frame(const unsigned char head[DELTA_FRAME_HEAD], struct delta_frame *f, uint32_t *crc); /* -1: no frame, or one of impossible size */

#endif
