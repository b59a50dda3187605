/* SPDX-License-Identifier: MIT */
/*
 * Parts of the text dump reader and writer; private to db/textdump*.c and db/foreign.c.
 *
 * The reader goes through a file line by line, may go back to a place it has seen, and remembers its first fault as "FILE:LINE: reason"; after one, every call
 * returns false. No count in the file is believed before as many lines have been read. Lines are bytes; they become UTF-8 when taken as strings.
 */
#ifndef DB_TEXTDUMP_PARTS_H
#define DB_TEXTDUMP_PARTS_H

#include "base/buf.h"
#include "db/foreign.h"
#include "db/textdump.h"

enum { DUMP_NEWEST_READ = 4, DUMP_NEWEST_KNOWN = 17 };

struct reader {
    int fd;
    const char *path;
    int64_t size; /* of the file */
    char *data; /* data[0..end) are the file's bytes from `base' on */
    size_t cap, at, end, chunk;
    int64_t base;
    char *cut; /* here a NUL stands for the LF of the line last read, or NULL */
    int64_t line; /* number of the line last read */
    char *text; /* that line, NUL-terminated, until the next call */
    size_t len;
    bool no_newline; /* it was the last one and had no LF */
    bool is_utf8; /* every line so far was valid UTF-8 */
    bool latin1; /* take strings as Latin-1 */
    bool odd; /* set when a number would be printed differently than it was written */
    bool failed;
    struct buf *why;
};

int reader_open(struct reader *r, const char *path, struct buf *why); /* 0, or -1 with *why */
void reader_close(struct reader *r);
/* The first fault counts: "FILE:LINE: text" into *why. Always false. */
bool reader_fail(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool reader_fail_at(struct reader *r, int64_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
int64_t reader_tell(const struct reader *r); /* offset of the next line */
bool reader_seek(struct reader *r, int64_t offset, int64_t line); /* `line' is the number of the line before */
bool reader_at_end(struct reader *r);
bool reader_line(struct reader *r, const char *what);
bool reader_int(struct reader *r, const char *what, int64_t *out);
/* A count of things that take at least `least' bytes each: refused when the rest of the file cannot hold them. */
bool reader_count(struct reader *r, const char *what, int least, int64_t *out);
/* A line of the form "N WORDS". */
bool reader_count_words(struct reader *r, const char *words, int least, int64_t *out);
struct str *reader_str(struct reader *r); /* the current line; NULL when it fails */
bool reader_string(struct reader *r, const char *what, struct str **out); /* next line; out may be NULL */
bool reader_add_text(struct reader *r, struct buf *out); /* the current line, in UTF-8 */
/* The bytes from an earlier place up to here, in UTF-8. */
bool reader_slice(struct reader *r, int64_t from, struct buf *out);
/* At *p: a decimal number, after blanks. false: none, or out of range. */
bool scan_int(const char **p, int64_t *out);

/* ---- reading back (textdump_manifest.c) ---- */

/* The first pass of an import: grammar, links and counts, in some 60 bytes an object. 0, or -1 with *why. */
int textdump_scan(const char *path, int encoding, struct import_summary *out, struct buf *why);
/* Whether the file holds just what was written and can be imported. 0, or -1 with *why. */
int textdump_read_back(const char *path, int encoding, const struct export_summary *written, struct buf *why);
int textdump_write_manifest(struct db *db, const char *dump, const char *aside, const struct export_options *options, bool latin1, const struct export_summary *s, struct buf *why); /* of `dump', into `aside', synced */
bool textdump_has_manifest(const char *dump); /* one that was written by us */

/* ---- values ---- */

enum value_place { PLACE_PROPERTY, PLACE_VARIABLE, PLACE_STACK };
enum { LIST_DEPTH_MAX = 100000 };
/* out NULL: only checked. */
bool dump_read_value(struct reader *r, int version, enum value_place place, value *out);
/* After the line that holds the tag. */
bool dump_read_value_after_tag(struct reader *r, int version, enum value_place place, int64_t tag, value *out);
/* false: a type that the format does not have. */
bool dump_print_value(struct buf *out, value v);

/* ---- tasks ---- */

bool dump_read_forked(struct reader *r, int version, struct foreign_task *out);
bool dump_read_suspended(struct reader *r, int version, struct foreign_task *out);
/* A program's lines up to the "."; out may be NULL. */
bool dump_read_program(struct reader *r, struct buf *out);
bool dump_print_forked(struct buf *out, const struct foreign_task *t);

/* ---- what the format holds and the server does not use: rows of DB_EXTRA ---- */

enum dump_tail { TAIL_NO_SUSPENDED, TAIL_NO_CONNECTIONS, TAIL_PLAIN, TAIL_LISTENERS }; /* how the file ends */

struct dump_header { /* one row */
    int version;
    int64_t dummy;
    bool spaced_recycled; /* "# 12 recycled" */
    enum dump_tail tail;
    bool no_newline; /* at the end of the file */
    struct str *clocks; /* lines */
    struct str *leftover; /* what follows the last section */
};

struct dump_odd_value {
    struct str *property;
    struct str *printed, *raw; /* while the value prints as `printed', `raw' is written */
};

struct dump_object { /* a row for each object that needs one */
    objid object;
    bool other_recycled; /* its line has the other form */
    struct str *handles;
    struct dump_odd_value *odd;
    size_t nodd;
};

enum dump_extra { EXTRA_HEADER = 0, EXTRA_CONNECTIONS = 1, EXTRA_OBJECT = 2 };
static inline uint64_t dump_extra_key(enum dump_extra kind, uint64_t id) { return FOREIGN_EXTRA_BASE | (uint64_t)kind << 48 | id; }

void dump_header_encode(const struct dump_header *h, struct buf *out);
bool dump_header_decode(struct dump_header *h, struct dec *d);
void dump_header_fini(struct dump_header *h);
void dump_object_encode(const struct dump_object *o, struct buf *out);
bool dump_object_decode(struct dump_object *o, struct dec *d);
void dump_object_fini(struct dump_object *o);
void dump_connections_encode(const struct foreign_connection *c, size_t n, struct buf *out);
bool dump_connections_decode(struct foreign_connection **c, size_t *n, struct dec *d);

#endif
