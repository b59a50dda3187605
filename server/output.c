/* SPDX-License-Identifier: MIT */
#include "server/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/must.h"

void output_init(struct output *o) {
    *o = (struct output){.ring = 0};
    buf_init(&o->bytes);
}

void output_fini(struct output *o) {
    buf_fini(&o->bytes);
    free(o->ends);
    *o = (struct output){.ring = 0};
}

static void push_length(struct output *o, size_t len) {
    if (o->count == o->ring) {
        size_t bigger = o->ring ? o->ring * 2 : 16;
        uint32_t *ends = xmalloc(bigger * sizeof *ends);
        for (size_t i = 0; i < o->count; i++) ends[i] = o->ends[(o->first + i) & (o->ring - 1)];
        free(o->ends);
        o->ends = ends, o->ring = bigger, o->first = 0;
    }
    o->ends[(o->first + o->count++) & (o->ring - 1)] = (uint32_t)len;
}

static void advance(struct output *o, size_t n) {
    o->start += n;
    if (o->start == o->bytes.len) {
        if (o->bytes.cap > 65536) buf_fini(&o->bytes), buf_init(&o->bytes);
        else buf_clear(&o->bytes);
        o->start = 0;
    } else if (o->start > 65536 && o->start > o->bytes.len / 2) {
        buf_drop_front(&o->bytes, o->start);
        o->start = 0;
    }
}

static void drop_oldest(struct output *o) {
    size_t len = o->ends[o->first];
    o->first = (o->first + 1) & (o->ring - 1);
    o->count--;
    o->lost++;
    advance(o, len);
}

void output_add(struct output *o, const char *bytes, size_t len, size_t max) {
    must(len <= UINT32_MAX);
    if (!len) return; /* pieces without bytes would pile up behind a full socket without end */
    while (o->count && output_length(o) + len > max) drop_oldest(o);
    buf_add(&o->bytes, bytes, len);
    push_length(o, len);
}

static void prepend(struct output *o, const char *p, size_t len) {
    struct buf b = BUF_INIT;
    buf_add(&b, p, len);
    buf_add(&b, buf_c(&o->bytes) + o->start, output_length(o));
    buf_fini(&o->bytes);
    o->bytes = b;
    o->start = 0;
    push_length(o, 0); /* makes room; then everything moves one on */
    for (size_t i = o->count - 1; i > 0; i--) o->ends[(o->first + i) & (o->ring - 1)] = o->ends[(o->first + i - 1) & (o->ring - 1)];
    o->ends[o->first] = (uint32_t)len;
}

/* The notice goes out only when there is room for it, so that it can say of all that was lost until then. Results as output_write(). */
static int tell_of_loss(struct output *o, int fd) {
    struct buf notice = BUF_INIT;
    buf_printf(&notice, "\r\n>> Network buffer overflow: %llu line%s of output to you %s been lost <<\r\n", (unsigned long long)o->lost, o->lost == 1 ? "" : "s",
               o->lost == 1 ? "has" : "have");
    ssize_t n;
    do n = send(fd, notice.data, notice.len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    int rc = 0;
    if (n < 0) {
        rc = errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
    } else {
        o->lost = 0;
        if ((size_t)n < notice.len) prepend(o, notice.data + n, notice.len - (size_t)n);
    }
    buf_fini(&notice);
    return rc;
}

static void forget_written(struct output *o, size_t n) {
    size_t left = n;
    while (left && o->count) {
        uint32_t *len = &o->ends[o->first];
        if (*len > left) {
            *len -= (uint32_t)left;
            break;
        }
        left -= *len;
        o->first = (o->first + 1) & (o->ring - 1);
        o->count--;
    }
    advance(o, n);
}

int output_write(struct output *o, int fd) {
    int rc = o->lost ? tell_of_loss(o, fd) : 0;
    if (rc) return rc;
    while (output_length(o)) {
        ssize_t n = send(fd, o->bytes.data + o->start, output_length(o), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
        forget_written(o, (size_t)n);
    }
    while (o->count) o->first = (o->first + 1) & (o->ring - 1), o->count--; /* empty pieces */
    return 0;
}

void output_encode(const struct output *o, struct buf *out) {
    enc_bytes(out, buf_c(&o->bytes) + o->start, output_length(o));
    enc_u64(out, o->count);
    for (size_t i = 0; i < o->count; i++) enc_u64(out, o->ends[(o->first + i) & (o->ring - 1)]);
    enc_u64(out, o->lost);
}

void output_decode(struct output *o, struct dec *d) {
    size_t n, sum = 0;
    const void *p = dec_bytes(d, &n);
    if (n) buf_add(&o->bytes, p, n);
    uint64_t count = dec_u64(d);
    for (uint64_t i = 0; i < count && !d->bad; i++) {
        uint64_t len = dec_u64(d);
        if (len > n - sum) {
            d->bad = true;
            break;
        }
        sum += len;
        push_length(o, len);
    }
    if (sum != n) d->bad = true;
    o->lost = dec_u64(d);
}
