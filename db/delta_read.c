/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "db/delta_parts.h"

static bool read_at(int fd, int64_t offset, void *out, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t k = pread(fd, (char *)out + at, n - at, offset + (int64_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        at += (size_t)k;
    }
    return true;
}

static uint32_t u32_of(const unsigned char *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

/* ---- the head ---- */

static void read_tables(struct delta_file *f, struct dec *d) {
    uint64_t n = dec_u64(d);
    if (n > (uint64_t)(d->end - d->p)) n = 0, d->bad = true;
    f->tables = xmalloc((n + 1) * sizeof *f->tables);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        size_t len;
        const char *name = dec_bytes(d, &len);
        enum store_table t = 0;
        while (!d->bad && t < T_COUNT && (strlen(store_table_name(t)) != len || memcmp(store_table_name(t), name, len))) t++;
        f->tables[f->ntables++] = t;
    }
}

static int read_head(int fd, struct delta_file *f) {
    unsigned char fixed[24];
    if (!read_at(fd, 0, fixed, sizeof fixed) || memcmp(fixed, DELTA_MAGIC, 16)) return -1;
    uint32_t len = u32_of(fixed + 16);
    if (len > DELTA_HEAD_MOST) return -1;
    unsigned char *body = xmalloc(len + 1u);
    int rc = !read_at(fd, sizeof fixed, body, len) || crc32c(0, body, len) != u32_of(fixed + 20) ? -1 : 0;
    struct dec d = dec_over(body, rc ? 0 : len);
    if (!rc && (dec_u64(&d) != DELTA_VERSION || d.end - d.p < 16)) rc = -1;
    if (!rc) {
        memcpy(f->uuid, d.p, 16);
        d.p += 16;
        f->generation = dec_u64(&d);
        read_tables(f, &d);
        rc = d.bad ? -1 : 0;
    }
    f->good = (int64_t)sizeof fixed + len;
    free(body);
    return rc;
}

/* ---- frames ---- */

/* The frame at this place, whole and sound. *out: its operations, packed if they are. */
static bool read_frame(int fd, int64_t offset, struct delta_frame *f, struct buf *out) {
    unsigned char head[DELTA_FRAME_HEAD];
    uint32_t crc;
    if (!read_at(fd, offset, head, sizeof head) || delta_decode_frame(head, f, &crc)) return false;
    buf_clear(out);
    buf_reserve(out, (size_t)f->bytes + 1);
    if (!read_at(fd, offset + DELTA_FRAME_HEAD, out->data, f->bytes)) return false;
    out->len = f->bytes;
    return crc32c(crc32c(0, head + 8, sizeof head - 8), out->data, out->len) == crc;
}

int delta_file_read(int fd, struct delta_file *f, void (*found)(void *ctx, const struct delta *d), void *ctx) {
    struct delta_frame frame;
    struct buf ops = BUF_INIT;
    struct delta now = {0};
    bool open = false;
    char more;
    if (read_head(fd, f)) return -1;
    int64_t at = f->good;
    for (; read_frame(fd, at, &frame, &ops); at += DELTA_FRAME_HEAD + frame.bytes) {
        if (frame.flags & DELTA_FIRST) now = (struct delta){.offset = at, .before = frame.before}, open = true;
        if (!open || frame.before != now.before || !(frame.flags & DELTA_LAST)) continue;
        now.end = at + DELTA_FRAME_HEAD + frame.bytes;
        now.after = frame.after;
        now.generation = frame.generation;
        now.time = frame.time;
        open = false;
        found(ctx, &now);
    }
    f->good = at;
    f->torn = read_at(fd, at, &more, 1);
    buf_fini(&ops);
    return 0;
}

static int run_ops(const struct delta_file *f, const struct buf *ops, delta_op *op, void *ctx, struct buf *why) {
    struct dec d = dec_over(buf_c(ops), ops->len);
    while (!d.bad && !dec_at_end(&d)) {
        uint64_t head = dec_u64(&d);
        size_t klen, len = 0;
        const void *key = dec_bytes(&d, &klen), *data = head & 1 ? NULL : dec_bytes(&d, &len);
        if (d.bad || head >> 1 >= f->ntables || klen == 0 || klen > 511) break;
        if (f->tables[head >> 1] == T_COUNT) return buf_add_c(why, "a delta has a table that this server does not know"), -1;
        int rc = op(ctx, f->tables[head >> 1], key, klen, data, len, head & 1);
        if (rc) return rc;
    }
    if (!d.bad && dec_at_end(&d)) return 0;
    buf_add_c(why, "a delta makes no sense, though its checksum is right");
    return -1;
}

int delta_file_ops(int fd, const struct delta_file *f, const struct delta *delta, delta_op *op, void *ctx, struct buf *why) {
    struct delta_frame frame;
    struct buf ops = BUF_INIT;
    int rc = 0;
    for (int64_t at = delta->offset; !rc && at < delta->end; at += DELTA_FRAME_HEAD + frame.bytes) {
        if (read_frame(fd, at, &frame, &ops) && delta_unpack(&frame, &ops) == 0) rc = run_ops(f, &ops, op, ctx, why);
        else buf_add_c(why, "a delta cannot be read again"), rc = -1;
    }
    buf_fini(&ops);
    return rc;
}

/* ---- all files ---- */

static int by_number(const void *a, const void *b) {
    const struct delta_file *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int list_files(struct delta_set *out, const char *dir, struct buf *why) {
    DIR *d = opendir(dir);
    const struct dirent *e;
    if (!d && errno == ENOENT) return 0;
    if (!d) return buf_printf(why, "%s: %s", dir, strerror(errno)), -1;
    while ((e = readdir(d))) {
        struct delta_file f = {0};
        struct buf path = BUF_INIT;
        if (!delta_parse_name(e->d_name, &f.number)) continue;
        buf_printf(&path, "%s/%s", dir, e->d_name);
        f.path = path.data;
        out->files = xrealloc(out->files, (out->nfiles + 1) * sizeof *out->files);
        out->files[out->nfiles++] = f;
    }
    closedir(d);
    if (out->nfiles) qsort(out->files, out->nfiles, sizeof *out->files, by_number);
    return 0;
}

struct collector {
    struct delta_set *set;
    uint32_t file;
    size_t cap;
};

static void collect(void *ctx, const struct delta *d) {
    struct collector *c = ctx;
    if (c->set->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->set->v = xrealloc(c->set->v, c->cap * sizeof *c->set->v);
    }
    c->set->v[c->set->n] = *d;
    c->set->v[c->set->n++].file = c->file;
}

static int order_of_marks(const void *a, const void *b, void *ctx) {
    const struct delta *v = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (v[x].before != v[y].before) return v[x].before < v[y].before ? -1 : 1;
    return (x > y) - (x < y);
}

static void sort_marks(struct delta_set *d) {
    d->by_before = xmalloc((d->n + 1) * sizeof *d->by_before);
    for (size_t i = 0; i < d->n; i++) d->by_before[i] = (uint32_t)i;
    if (d->n) qsort_r(d->by_before, d->n, sizeof *d->by_before, order_of_marks, d->v);
}

int delta_set_read(struct delta_set *out, const char *dir, const unsigned char *uuid, struct buf *why) {
    *out = (struct delta_set){0};
    struct collector c = {.set = out};
    if (list_files(out, dir, why)) return -1;
    for (; c.file < out->nfiles; c.file++) {
        struct delta_file *f = &out->files[c.file];
        size_t before = out->n;
        int fd = open(f->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            buf_printf(why, "%s: %s", f->path, strerror(errno));
            delta_set_fini(out);
            return -1;
        }
        if (delta_file_read(fd, f, collect, &c)) f->torn = true;
        else if (uuid && memcmp(uuid, f->uuid, sizeof f->uuid)) out->n = before; /* of another world */
        close(fd);
    }
    sort_marks(out);
    return 0;
}

void delta_set_fini(struct delta_set *d) {
    for (size_t i = 0; i < d->nfiles; i++) {
        free(d->files[i].path);
        free(d->files[i].tables);
    }
    free(d->files);
    free(d->v);
    free(d->by_before);
    *d = (struct delta_set){0};
}

const struct delta *delta_next(const struct delta_set *d, uint64_t mark, uint64_t generation) {
    size_t low = 0, high = d->n;
    while (low < high) { /* the first behind those that begin at the mark */
        size_t mid = low + (high - low) / 2;
        if (d->v[d->by_before[mid]].before <= mark) low = mid + 1;
        else high = mid;
    }
    const struct delta *last = low ? &d->v[d->by_before[low - 1]] : NULL;
    return last && last->before == mark && last->generation > generation ? last : NULL;
}

static int to_store(void *ctx, enum store_table t, const void *key, size_t klen, const void *data, size_t len, bool deleted) {
    return deleted ? store_delete(ctx, t, key, klen) : store_put(ctx, t, key, klen, data, len);
}

int delta_apply(const struct delta_set *d, const struct delta *delta, struct store *writer, struct buf *why) {
    const struct delta_file *f = &d->files[delta->file];
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return buf_printf(why, "%s: %s", f->path, strerror(errno)), -1;
    int rc = delta_file_ops(fd, f, delta, to_store, writer, why);
    if (rc && !why->len) buf_add_c(why, store_error(writer));
    close(fd);
    return rc;
}

int64_t delta_bytes(const char *dir) {
    struct delta_set d = {0};
    struct buf why = BUF_INIT;
    struct stat st;
    int64_t bytes = 0;
    if (list_files(&d, dir, &why)) d.nfiles = 0;
    for (size_t i = 0; i < d.nfiles; i++)
        if (stat(d.files[i].path, &st) == 0) bytes += (int64_t)st.st_size;
    buf_fini(&why);
    delta_set_fini(&d);
    return bytes;
}

size_t delta_prune(const char *dir, uint64_t generation) {
    struct delta_set d = {0};
    struct buf why = BUF_INIT;
    size_t removed = 0;
    if (list_files(&d, dir, &why)) d.nfiles = 0;
    for (size_t i = 0; i < d.nfiles; i++) { /* only the heads are needed */
        int fd = open(d.files[i].path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read_head(fd, &d.files[i])) d.files[i].generation = UINT64_MAX;
        if (fd >= 0) close(fd);
    }
    for (; removed + 1 < d.nfiles && d.files[removed + 1].generation <= generation; removed++)
        if (unlink(d.files[removed].path)) break;
    buf_fini(&why);
    delta_set_fini(&d);
    return removed;
}
