/* SPDX-License-Identifier: MIT */
/*
 * MOO strings: UTF-8, counted, immutable while shared, indexed by code point from 1.
 *
 * `data` is always valid UTF-8 and NUL-terminated (a string holds no NUL). str_is_ascii() says that every byte is a character, so
 * indexing is O(1). Comparison folds A-Z only, then compares bytes. A string with one holder grows in place (amortised O(1)).
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/value.h"

enum { STR_ASCII = 1, STR_CLASS_SHIFT = 1, STR_CLASS_MASK = 0x7e, STR_HASH_SHIFT = 8 };

/* Twelve bytes before the text, as there are many. Long strings have `struct str_long' before these. */
struct str {
    uint32_t refs;
    uint32_t len; /* bytes, without the NUL */
    uint32_t tag; /* STR_ASCII, class of base/pool.h (0: long), str_hash() (0: not yet known) */
    char data[];
};
struct str_long {
    uint32_t cap; /* bytes that data can hold, without the NUL */
    uint32_t chars;
};

static inline bool str_is_ascii(const struct str *s) { return s->tag & STR_ASCII; }
uint32_t str_count_chars(const struct str *s);
static inline uint32_t str_chars(const struct str *s) { return str_is_ascii(s) ? s->len : str_count_chars(s); } /* code points */

struct str *str_new(const char *bytes, size_t len); /* bytes must be valid UTF-8 without NUL */
struct str *str_with_room(size_t len); /* empty, for so many bytes that will be appended */
struct str *str_from(const char *c_string);
struct str *str_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct str *str_empty(void); /* a reference to the shared "" */
/* Bytes of unknown encoding: valid UTF-8 is taken as it is, anything else read as Latin-1; NUL and LF are dropped. */
struct str *str_from_bytes(const char *bytes, size_t len);
static inline struct str *str_ref(struct str *s) { s->refs++; return s; }
void str_unref(struct str *s);
void str_free_memory(struct str *s); /* for base/value.c: the last reference is gone */

/* a + bytes. Takes a; in place (perhaps moved) when a has one holder. */
struct str *str_append_take(struct str *a, const char *bytes, size_t len);
bool str_has_room(const struct str *a, size_t len); /* would that be in place? */
struct str *str_concat(const struct str *a, const struct str *b);

/* The character at i (1-based), the characters i..j; must() be in range (j < i gives ""). Single ASCII characters are shared. */
struct str *str_at(const struct str *s, int64_t i);
struct str *str_range(const struct str *s, int64_t i, int64_t j);
/* s with character i replaced by the one-character string c; in place when possible. Takes s. */
struct str *str_set_at_take(struct str *s, int64_t i, const struct str *c);
/* Byte offset of character i (1-based; chars + 1 is the end), and back. */
size_t str_offset(const struct str *s, int64_t i);
int64_t str_char_at_offset(const struct str *s, size_t offset);

bool str_equal(const struct str *a, const struct str *b); /* case ignored (A-Z) */
bool str_identical(const struct str *a, const struct str *b);
int str_compare(const struct str *a, const struct str *b); /* case ignored */
bool str_equal_c(const struct str *a, const char *b); /* case ignored */
uint32_t str_hash(const struct str *s); /* case ignored, never 0, cached */
uint32_t str_hash_bytes(const char *p, size_t len); /* the same function over bytes */

/* First or last occurrence of `what' as a character position, 0 if none, -1 when it was given up; "" is found at 1 (first) or chars + 1 (last). */
struct patience;
int64_t str_index(const struct str *s, const struct str *what, bool match_case, const struct patience *patience);
int64_t str_rindex(const struct str *s, const struct str *what, bool match_case, const struct patience *patience);
/* The first occurrence of n > 0 bytes as an offset, -1 if none, -2 when it was given up. */
int64_t bytes_find(const char *text, size_t len, const char *what, size_t n, bool match_case, const struct patience *patience);

static inline unsigned char ascii_lower(unsigned char c) { return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c; }
int bytes_compare_fold(const char *a, size_t alen, const char *b, size_t blen);

bool utf8_valid(const char *p, size_t len); /* strict; NUL is invalid */
size_t utf8_put(char out[4], uint32_t code_point);

#endif
