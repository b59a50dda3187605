/* SPDX-License-Identifier: MIT */
#include "server/dumpmark.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h> /* fsync */

#include "db/textdump.h"

enum { IN_A_RUN = 'c', AT_THE_END = 'f' };

struct mark {
    char kind; /* IN_A_RUN: at a checkpoint, or a run has begun since; AT_THE_END */
    unsigned char digest[DUMP_DIGEST_BYTES];
};

static void mark_path(struct buf *path, const char *world) { buf_printf(path, "%s/dumped", world); }

static int mark_write(const char *world, const struct mark *mark, struct buf *why) {
    struct buf path = BUF_INIT, aside = BUF_INIT;
    mark_path(&path, world);
    buf_printf(&aside, "%s.new", buf_c(&path));
    FILE *f = fopen(buf_c(&aside), "we");
    bool ok = f && fwrite(mark, sizeof *mark, 1, f) == 1 && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (f && fclose(f)) ok = false;
    if (ok && rename(buf_c(&aside), buf_c(&path))) ok = false;
    if (!ok) buf_printf(why, "%s: which dump was written last cannot be kept: %s", buf_c(&path), strerror(errno));
    buf_fini(&path);
    buf_fini(&aside);
    return ok ? 0 : -1;
}

static bool mark_read(const char *world, struct mark *mark) {
    struct buf path = BUF_INIT;
    mark_path(&path, world);
    FILE *f = fopen(buf_c(&path), "re");
    buf_fini(&path);
    if (!f) return false;
    bool ok = fread(mark, sizeof *mark, 1, f) == 1 && (mark->kind == IN_A_RUN || mark->kind == AT_THE_END);
    fclose(f);
    return ok;
}

int dumpmark_write(const char *world, const char *dump, bool at_end, struct buf *why) {
    struct mark mark = {.kind = at_end ? AT_THE_END : IN_A_RUN};
    int rc = textdump_digest(dump, mark.digest);
    if (rc == 0) return mark_write(world, &mark, why);
    buf_printf(why, "%s: %s", dump, strerror(rc));
    return -1;
}

bool dumpmark_matches(const char *world, const char *dump) {
    struct mark mark;
    unsigned char digest[DUMP_DIGEST_BYTES];
    return mark_read(world, &mark) && textdump_digest(dump, digest) == 0 && memcmp(digest, mark.digest, sizeof digest) == 0;
}

bool dumpmark_ended_well(const char *world) {
    struct mark mark;
    return mark_read(world, &mark) && mark.kind == AT_THE_END;
}

int dumpmark_run_begins(const char *world, struct buf *why) {
    struct mark mark;
    if (!mark_read(world, &mark)) return 0;
    mark.kind = IN_A_RUN;
    return mark_write(world, &mark, why);
}
