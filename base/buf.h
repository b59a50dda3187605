/* SPDX-License-Identifier: MIT */
/* A growing byte buffer. init/fini: the struct is the caller's. Data is always followed by a NUL that is not counted. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* NULL while empty and never written */
    size_t len, cap;
};

#define BUF_INIT {0, 0, 0}

void buf_init(struct buf *b);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b); /* length 0, memory kept */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t len);
void buf_add_c(struct buf *b, const char *s);
static inline void buf_byte(struct buf *b, char c) {
    if (b->len + 1 >= b->cap) buf_reserve(b, 1);
    b->data[b->len++] = c;
    b->data[b->len] = 0;
}
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list ap);
void buf_drop_front(struct buf *b, size_t n);
const char *buf_c(const struct buf *b); /* "" when empty; borrowed until the next change */
struct str *buf_to_str(const struct buf *b);

#endif
