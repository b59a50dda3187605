/* SPDX-License-Identifier: MIT */
/*
 * Text as bytes. A *binary string* is text in which `~XX' is a byte in hex; everything else stands for itself in the world's encoding, Latin-1 or UTF-8. Both
 * crypt() and digests, and connections in binary mode, see bytes through here.
 */
#ifndef BASE_BINARY_H
#define BASE_BINARY_H

#include "base/buf.h"
#include "base/str.h"

/* Appends the bytes of a text; in Latin-1 a character above 255 becomes `?'. */
void binary_from_text(struct buf *out, const struct str *s, bool latin1);
/* Appends the bytes that a binary string stands for; false when a `~' is not followed by two hex digits. */
bool binary_decode(struct buf *out, const struct str *s, bool latin1);
/* Appends the binary string for bytes: printing ASCII but `~', and the blank, for themselves; all else as `~XX', and everything so when `all'. */
void binary_encode(struct buf *out, const void *bytes, size_t len, bool all);
/* Length of what binary_encode() would append. */
size_t binary_encoded_length(const void *bytes, size_t len);

#endif
