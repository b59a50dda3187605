/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "base/must.h"
#include "db/delta.h"
#include "db/delta_parts.h"

enum { FILE_BYTES = 16 << 20 };
#define FILE_AGE_US ((int64_t)3600 * 1000000)
#define TELL_AGAIN_US ((int64_t)600 * 1000000)
#define LEAVE_FREE ((int64_t)32 << 20) /* of the file system when a file is begun: the store comes first */

struct delta_log {
    char *dir; /* WORLD/deltas */
    struct store *store;
    int fd; /* -1: none is begun */
    uint64_t number; /* of the file, 0: not looked yet */
    int64_t size, began_us;
    /* of the transaction that is open */
    bool on, failed, any; /* any: it changes something */
    int64_t start; /* where its first frame is */
    uint32_t flags; /* of the next frame */
    struct instant before, after;
    struct buf ops, out;
    struct buf trouble; /* of a save that has ended: the reader is the one who waited for it */
    int64_t told_us; /* when it was logged last; 0: all has been well since */
    _Atomic uint64_t gap;
    atomic_bool new_file;
};

uint64_t delta_log_gap(const struct delta_log *l) { return l ? atomic_load(&l->gap) : 0; }

void delta_log_begin_file(struct delta_log *l) {
    if (l) atomic_store(&l->new_file, true);
}

void delta_log_tell(struct delta_log *l) {
    if (!l || !l->trouble.len) return;
    int64_t now = clock_monotonic_us();
    bool again = l->told_us && now - l->told_us < TELL_AGAIN_US;
    if (!again) l->told_us = now;
    if (!again) log_error("%s; the save is whole without it, but points in time after save %llu need a new backup", buf_c(&l->trouble), (unsigned long long)l->before.generation);
    buf_clear(&l->trouble);
}

/* ---- files ---- */

static void close_file(struct delta_log *l) {
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
}

/* The save goes on without its delta. What was written of it goes, if it can, so that a full disk has its room back. */
static void fail(struct delta_log *l, const char *what) {
    buf_clear(&l->trouble);
    buf_printf(&l->trouble, "%s: %s: %s", l->dir, what, strerrordesc_np(errno));
    l->failed = true;
    if (l->fd >= 0 && ftruncate(l->fd, l->start)) buf_add_c(&l->trouble, "; its beginning stays in the file");
    close_file(l);
}

static uint64_t highest_number(const char *dir) {
    DIR *d = opendir(dir);
    const struct dirent *e;
    uint64_t highest = 0, n;
    while (d && (e = readdir(d)))
        if (delta_parse_name(e->d_name, &n) && n > highest) highest = n;
    if (d) closedir(d);
    return highest;
}

static bool write_out(struct delta_log *l) {
    for (size_t at = 0; at < l->out.len;) {
        ssize_t n = write(l->fd, l->out.data + at, l->out.len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += (size_t)n;
    }
    l->size += (int64_t)l->out.len;
    buf_clear(&l->out);
    return true;
}

static void begin_file(struct delta_log *l) {
    struct buf path = BUF_INIT;
    int64_t room = files_free_bytes(l->dir);
    l->number = (l->number ? l->number : highest_number(l->dir)) + 1;
    l->size = l->start = 0;
    if (room >= 0 && room < LEAVE_FREE) {
        errno = ENOSPC;
        fail(l, "what room there is is left to the store");
        return;
    }
    buf_printf(&path, "%s/", l->dir);
    delta_name(&path, l->number);
    l->fd = open(buf_c(&path), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    buf_fini(&path);
    if (l->fd < 0) {
        fail(l, "no file for deltas can be made");
        return;
    }
    buf_clear(&l->out);
    delta_encode_head(&l->out, l->before.uuid, l->before.generation);
    if (!write_out(l) || files_sync(l->dir)) fail(l, "no file for deltas can be written");
    l->start = l->size;
    l->began_us = clock_monotonic_us();
}

/* It may have been removed under us, to switch the log off or to begin anew. */
static bool file_is_gone(const struct delta_log *l) {
    struct stat st;
    return l->fd < 0 || fstat(l->fd, &st) || st.st_nlink == 0;
}

static void use_file(struct delta_log *l) {
    bool gone = file_is_gone(l), wanted = atomic_exchange(&l->new_file, false);
    if (gone || wanted || l->size >= FILE_BYTES || clock_monotonic_us() - l->began_us >= FILE_AGE_US) {
        if (gone) l->number = 0;
        close_file(l);
        begin_file(l);
    }
    l->start = l->size;
}

/* ---- a transaction ---- */

static void on_begin(void *ctx, struct store *writer) {
    struct delta_log *l = ctx;
    l->on = files_is_directory(l->dir) && instant_read(writer, &l->before) == 0;
    l->failed = l->any = false;
    l->flags = DELTA_FIRST;
    l->after = (struct instant){0};
    buf_clear(&l->ops);
}

static void write_frame(struct delta_log *l, uint32_t flags) {
    if (l->flags & DELTA_FIRST) use_file(l);
    if (l->failed) return;
    struct delta_frame f = {.flags = l->flags | flags, .before = l->before.mark, .after = l->after.mark, .generation = l->after.generation, .time = l->after.time};
    buf_clear(&l->out);
    delta_encode_frame(&l->out, &f, &l->ops);
    buf_clear(&l->ops);
    l->flags = 0;
    if (!write_out(l)) fail(l, "a delta cannot be written");
}

static void on_put(void *ctx, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct delta_log *l = ctx;
    if (!l->on || l->failed) return;
    l->any = true;
    if (t == T_META) instant_of_meta(key, klen, data, len, &l->after);
    enc_u64(&l->ops, (uint64_t)t << 1);
    enc_bytes(&l->ops, key, klen);
    enc_bytes(&l->ops, data, len);
    if (l->ops.len >= DELTA_FRAME_BYTES) write_frame(l, 0);
}

static void on_removed(void *ctx, enum store_table t, const void *key, size_t klen) {
    struct delta_log *l = ctx;
    if (!l->on || l->failed) return;
    l->any = true;
    enc_u64(&l->ops, (uint64_t)t << 1 | 1);
    enc_bytes(&l->ops, key, klen);
    if (l->ops.len >= DELTA_FRAME_BYTES) write_frame(l, 0);
}

static void on_committing(void *ctx) {
    struct delta_log *l = ctx;
    if (!l->on || l->failed || !l->after.mark) return;
    write_frame(l, DELTA_LAST);
    if (!l->failed && fdatasync(l->fd)) fail(l, "a delta cannot be synced");
}

static void on_ended(void *ctx, bool committed) {
    struct delta_log *l = ctx;
    if (l->on && committed && l->any && (l->failed || !l->after.mark)) atomic_store(&l->gap, l->after.mark ? l->after.generation : l->before.generation + 1);
    if (!committed) buf_clear(&l->trouble);
    if (committed && l->on && l->after.mark && !l->failed) l->told_us = 0;
    l->on = false;
    buf_clear(&l->ops);
    if (l->ops.cap > 4 * DELTA_FRAME_BYTES) buf_fini(&l->ops);
}

struct delta_log *delta_log_new(const char *dir, struct store *s) {
    struct delta_log *l = xcalloc(1, sizeof *l);
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/deltas", dir);
    l->dir = path.data;
    l->store = s;
    l->fd = -1;
    store_set_sink(s, &(struct store_sink){on_begin, on_put, on_removed, on_committing, on_ended, l});
    return l;
}

void delta_log_free(struct delta_log *l) {
    if (!l) return;
    store_set_sink(l->store, NULL);
    close_file(l);
    buf_fini(&l->ops);
    buf_fini(&l->out);
    buf_fini(&l->trouble);
    free(l->dir);
    free(l);
}
