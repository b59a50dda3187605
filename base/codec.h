/* SPDX-License-Identifier: MIT */
/*
 * The encoding of every record: in the store, in saved tasks and in the reboot hand-off.
 *
 * Primitives: unsigned varint (LEB128), zigzag varint, 8-byte little-endian double, length-prefixed bytes, and MOO values as type code + payload,
 * nested. An *envelope* wraps a record: version, flags, CRC-32C over key and payload, payload.
 * A `dec` never reads outside its bytes, never loops on bad input and bounds its recursion; after the first fault `bad` stays set and every
 * read gives zero, so callers check once at the end.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/buf.h"
#include "base/shares.h"
#include "base/value.h"

void enc_u64(struct buf *b, uint64_t n);
void enc_i64(struct buf *b, int64_t n);
void enc_f64(struct buf *b, double d);
void enc_bytes(struct buf *b, const void *p, size_t len);
void enc_str(struct buf *b, const struct str *s); /* NULL allowed: comes back as NULL */
void enc_value(struct buf *b, value v);
void enc_value_shared(struct buf *b, value v, struct shares_out *shares); /* what it holds with others is written once (base/shares.h); NULL: as enc_value() */
void enc_be64(struct buf *b, uint64_t n); /* for keys: big-endian, so that byte order is number order (signed numbers: flip the top bit first) */

struct str_cache;
struct dec {
    const unsigned char *p, *end;
    bool bad;
    struct str_cache *strings; /* where equal ones are looked up (base/strcache.h); NULL: each string is a new one */
    struct shares_in *shares; /* of enc_value_shared(); NULL: such a value is bad */
};

static inline struct dec dec_over(const void *p, size_t len) {
    const unsigned char *q = p;
    return (struct dec){q, q + len, false, NULL, NULL};
}
uint64_t dec_u64(struct dec *d);
int64_t dec_i64(struct dec *d);
double dec_f64(struct dec *d);
const void *dec_bytes(struct dec *d, size_t *len); /* borrowed from the input; NULL and 0 when bad */
struct str *dec_str(struct dec *d); /* may be NULL; checks UTF-8 */
bool dec_str_is(struct dec *d, const struct str *s); /* reads a string, and makes none: whether it equals `s', case ignored */
struct str *dec_text(struct dec *d, const char *p, size_t len); /* of bytes that were read; NULL and bad when they are no UTF-8 */
value dec_value(struct dec *d); /* NONE when bad */
/* The same in portions, of a value that can be long. */
struct dec_level;
struct dec_run {
    struct dec d; /* set to begin with, the rest zero */
    struct dec_level *levels; /* lists and maps that are being filled, outermost first */
    size_t depth, cap;
    struct str *text; /* a long one, as far as it is read */
    bool begun;
};
struct patience;
bool dec_run(struct dec_run *r, const struct patience *p, value *out); /* as dec_value(), and nothing is held any more; false: no patience now, and the next call goes on */
void dec_run_fini(struct dec_run *r); /* in the midst of it */
int64_t dec_skip_value(struct dec *d); /* makes nothing: bad when dec_value() would find it bad. The value_bytes() of the value */
uint64_t dec_be64(struct dec *d);
static inline bool dec_at_end(const struct dec *d) { return d->p == d->end; }

uint32_t crc32c(uint32_t seed, const void *p, size_t len);

/* Envelope: appends version, flags, CRC, payload to out. */
void enc_envelope(struct buf *out, unsigned version, unsigned flags, const void *key, size_t key_len, const struct buf *payload);
/* Opens one; 0, or -1 with `why` (static text) when it is damaged. The payload is borrowed from the input. */
int dec_envelope(const void *p, size_t len, const void *key, size_t key_len, unsigned *version, unsigned *flags, struct dec *payload, const char **why);

#endif
