/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a file of deltas. The first byte picks: as they are; or with head and checksums made right, so that what lies behind them is reached: frames of any flags and lengths, operations of any kind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"
#include "db/delta_parts.h"

static int any_op(void *ctx, enum store_table t, const void *key, size_t klen, const void *data, size_t len, bool deleted) {
    must(t < T_COUNT && key && klen && (deleted ? !data && !len : data || !len));
    *(size_t *)ctx += klen + len;
    return 0;
}

struct reading {
    int fd;
    struct delta_file *file;
    int64_t last;
};

static void found(void *ctx, const struct delta *d) {
    struct reading *r = ctx;
    struct buf why = BUF_INIT;
    size_t bytes = 0;
    must(d->offset >= r->last && d->end > d->offset);
    r->last = d->end;
    if (delta_file_ops(r->fd, r->file, d, any_op, &bytes, &why)) must(why.len > 0);
    buf_fini(&why);
}

/* Pieces of the input as frames: flags, a length, marks; then so many bytes. */
static void add_frames(struct buf *out, const uint8_t *data, size_t size) {
    while (size >= 3) {
        struct delta_frame f = {.flags = data[0] & 3, .before = data[0] >> 4, .after = data[1] & 15, .generation = data[1], .time = data[2]};
        size_t n = data[2] < size - 3 ? data[2] : size - 3;
        struct buf ops = BUF_INIT;
        buf_add(&ops, data + 3, n);
        delta_encode_frame(out, &f, &ops);
        buf_fini(&ops);
        data += 3 + n;
        size -= 3 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const unsigned char uuid[16] = "fuzz";
    struct buf bytes = BUF_INIT;
    struct delta_file f = {0};
    if (!size) return 0;
    if (data[0] & 1) {
        delta_encode_head(&bytes, uuid, data[0]);
        add_frames(&bytes, data + 1, size - 1);
    } else {
        buf_add(&bytes, data + 1, size - 1);
    }
    struct reading r = {.fd = memfd_create("fuzz", 0), .file = &f};
    must(r.fd >= 0 && write(r.fd, buf_c(&bytes), bytes.len) == (ssize_t)bytes.len);
    if (delta_file_read(r.fd, &f, found, &r) == 0) must(f.good <= (int64_t)bytes.len && f.good >= r.last);
    close(r.fd);
    free(f.tables);
    buf_fini(&bytes);
    return 0;
}
