/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "base/must.h"
#include "base/str.h"

enum { BUF_FIRST = 64, BUF_LARGE = 1 << 20 }; /* from there on it grows without being copied, as that would take milliseconds */

void buf_init(struct buf *b) { *b = (struct buf)BUF_INIT; }

void buf_fini(struct buf *b) {
    if (b->cap >= BUF_LARGE) large_free(b->data, b->cap);
    else free(b->data);
    buf_init(b);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    if (b->data) b->data[0] = 0;
}

static char *resize(char *data, size_t used, size_t cap, size_t new_cap) {
    if (new_cap < BUF_LARGE) return xrealloc(data, new_cap);
    if (cap >= BUF_LARGE) return large_resize(data, cap, new_cap);
    char *larger = large_resize(NULL, 0, new_cap);
    if (used) memcpy(larger, data, used);
    free(data);
    return larger;
}

void buf_reserve(struct buf *b, size_t more) {
    size_t need = b->len + more + 1;
    must(need > more);
    if (need <= b->cap) return;
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap < need) cap += cap / 2 + BUF_FIRST;
    b->data = resize(b->data, b->len, b->cap, cap);
    b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t len) {
    buf_reserve(b, len);
    if (len) memcpy(b->data + b->len, p, len);
    b->len += len;
    b->data[b->len] = 0;
}

void buf_add_c(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_vprintf(struct buf *b, const char *format, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    must(n >= 0);
    buf_reserve(b, (size_t)n);
    vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
    va_end(again);
    b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    buf_vprintf(b, format, ap);
    va_end(ap);
}

void buf_drop_front(struct buf *b, size_t n) {
    must(n <= b->len);
    if (!n) return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = 0;
}

const char *buf_c(const struct buf *b) { return b->len ? b->data : ""; }

struct str *buf_to_str(const struct buf *b) { return str_new(buf_c(b), b->len); }
