/* SPDX-License-Identifier: MIT */
/*
 * From bytes of a socket to lines: ends of lines (CR, LF, CR LF, CR NUL), backspace, control characters, telnet commands, encodings.
 *
 * Telnet commands are swallowed wherever they stand and however they are split; whatever is kept of a byte stream does not depend on how it was cut
 * into reads. A line is bounded: what goes beyond `max` is dropped. Nothing here knows of sockets. The struct is the caller's.
 */
#ifndef SERVER_LINES_H
#define SERVER_LINES_H

#include "base/buf.h"
#include "base/codec.h"
#include "base/str.h"

enum line_encoding {
    LINE_AUTO, /* valid UTF-8 is taken as it is, a line that is not is read as Latin-1 */
    LINE_UTF8, /* what is not valid becomes '?' */
    LINE_LATIN1
};

struct line_reader {
    struct buf partial; /* the line so far, as bytes */
    uint8_t telnet; /* where in a telnet command we are */
    bool skip; /* the line is not to be taken: its beginning is lost */
    bool after_cr; /* a LF or NUL that follows belongs to the line's end */
    uint8_t encoding; /* enum line_encoding */
    uint32_t subnegotiation; /* bytes of it seen so far */
    size_t max; /* longest line in bytes */
};

void lines_init(struct line_reader *r, size_t max);
void lines_fini(struct line_reader *r);

/* Called for each line, which it takes. false: lines_feed() is to stop behind this one. */
typedef bool line_sink(void *ctx, struct str *line);

/* Reads bytes until they are used up or the sink says stop; the number of bytes used. */
size_t lines_feed(struct line_reader *r, const char *bytes, size_t n, line_sink *sink, void *ctx);

/* The state between two reads, for the reboot hand-off. */
void lines_encode(const struct line_reader *r, struct buf *out);
void lines_decode(struct line_reader *r, struct dec *d);

/* "auto", "utf-8", "latin-1"; -1 for another word. */
const char *line_encoding_name(int encoding);
int line_encoding_by_name(const struct str *name);
/* Text for a connection: as it is, or in Latin-1 with '?' for what that cannot say and 255 doubled for telnet. */
void line_encode_text(struct buf *out, const char *bytes, size_t len, int encoding);

#endif
