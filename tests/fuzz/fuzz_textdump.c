/* SPDX-License-Identifier: MIT */
/*
 * Any bytes through the text dump reader, into a world in memory. What is taken is written again; that dump is read and written once more, and both must be the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "db/textdump.h"
#include "db/world.h"

/* A file without a name that can be opened by one. */
struct memory_file {
    int fd;
    char path[32];
};

static struct memory_file memory_file_new(const void *bytes, size_t len) {
    struct memory_file f = {memfd_create("dump", MFD_CLOEXEC), ""};
    must(f.fd >= 0 && write(f.fd, bytes, len) == (ssize_t)len);
    snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
    return f;
}

static struct db *import(const char *path) {
    struct buf why = BUF_INIT;
    struct import_options options = {.encoding = -1};
    struct import_summary summary;
    struct db *db = db_world_in_memory();
    int rc = textdump_import(db, path, &options, &summary, &why);
    import_summary_fini(&summary);
    must(rc == 0 || (why.len && !memchr(why.data, '\n', why.len)));
    buf_fini(&why);
    if (rc == 0) return db;
    db_world_close(db);
    return NULL;
}

/* The world as a dump; closes it. */
static void export(struct db *db, const char *dir, struct buf *out) {
    struct buf why = BUF_INIT, path = BUF_INIT;
    struct export_options options = {.format = 4, .encoding = -1};
    buf_printf(&path, "%s/dump-%ld", dir, (long)getpid());
    int rc = textdump_export(db, buf_c(&path), &options, NULL, &why);
    if (rc) fprintf(stderr, "%s\n", buf_c(&why));
    must(rc == 0);
    FILE *f = fopen(buf_c(&path), "r");
    must(f);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) buf_add(out, piece, n);
    fclose(f);
    unlink(buf_c(&path));
    buf_fini(&path);
    buf_fini(&why);
    db_world_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct memory_file first = memory_file_new(data, size);
    struct db *db = import(first.path);
    close(first.fd);
    if (!db) return 0;
    struct buf once = BUF_INIT, twice = BUF_INIT;
    export(db, "/dev/shm", &once);
    struct memory_file second = memory_file_new(once.data, once.len);
    db = import(second.path);
    close(second.fd);
    must(db);
    export(db, "/dev/shm", &twice);
    must(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
    buf_fini(&once);
    buf_fini(&twice);
    return 0;
}
