/* SPDX-License-Identifier: MIT */
#include "db/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"

static int say(struct buf *why, const char *what, const char *path) {
    buf_printf(why, "%s: %s: %s", path, what, strerror(errno));
    return -1;
}

static const char *path_in(struct buf *b, const char *dir, const char *name) {
    buf_clear(b);
    buf_printf(b, "%s/%s", dir, name);
    return buf_c(b);
}

static int make_aside(const char *dir, struct buf *name, struct buf *why) {
    time_t now = (time_t)clock_wall_seconds();
    struct tm tm;
    char stamp[32] = "";
    if (gmtime_r(&now, &tm)) strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    int rc = -1;
    errno = EEXIST;
    for (int i = 1; rc && errno == EEXIST && i < 10000; i++) {
        buf_clear(name);
        buf_printf(name, "%s/aside-%s", dir, stamp);
        if (i > 1) buf_printf(name, "-%d", i);
        rc = mkdir(buf_c(name), 0700);
    }
    return rc ? say(why, "cannot be made", buf_c(name)) : 0;
}

/* *swapped: the old one has no name any more but the one that lies aside. */
static int swap_data(const char *dir, const char *making, const char *aside, bool *swapped, struct buf *why) {
    struct buf from = BUF_INIT, to = BUF_INIT;
    int rc = link(path_in(&from, dir, "data.mdb"), path_in(&to, aside, "data.mdb"));
    if (rc && errno == ENOENT) rc = 0;
    if (rc) say(why, "cannot be set aside", buf_c(&from));
    if (!rc && (files_sync(aside) || files_sync(dir))) rc = say(why, "cannot be synced", aside);
    if (!rc && rename(path_in(&from, making, "data.mdb"), path_in(&to, dir, "data.mdb"))) rc = say(why, "cannot be put in place", buf_c(&from));
    *swapped = rc == 0;
    if (!rc) (void)rename(path_in(&from, dir, "lock.mdb"), path_in(&to, aside, "lock.mdb"));
    if (!rc && files_sync(dir)) rc = say(why, "cannot be synced", dir);
    buf_fini(&from);
    buf_fini(&to);
    return rc;
}

int place_data(const char *dir, const char *making, struct buf *aside, struct buf *why) {
    struct buf path = BUF_INIT;
    bool swapped = false;
    if (make_aside(dir, aside, why)) return -1;
    int rc = swap_data(dir, making, buf_c(aside), &swapped, why);
    if (rc && !swapped) {
        unlink(path_in(&path, buf_c(aside), "data.mdb"));
        rmdir(buf_c(aside));
    }
    buf_fini(&path);
    return rc;
}
