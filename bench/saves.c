/* SPDX-License-Identifier: MIT */
/*
 * bench-saves DIR [OBJECTS]: what saves cost in a world of OBJECTS (1,000,000) objects with ten properties, made in DIR if it is not there.
 *
 * For each number of changes: how long until the save is durable, what the main thread does for it, and its longest single call of begin or step (as a server makes them:
 * 500 us at a time). Then changes a second with and without a save under way. On a busy machine the system stops this thread for others now and then; what was going on when it did
 * (by getrusage) says nothing and is left out of times by the clock, but waiting for a lock, memory or the disk is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "db/world.h"

enum { PROPS = 10, BUDGET_US = 500, BUILD_SAVE = 50000, SETS_BETWEEN_STEPS = 500 };

static struct str *names[PROPS];
static struct prop_cache caches[PROPS];

static void die(const struct buf *why) {
    fprintf(stderr, "%s\n", buf_c(why));
    exit(1);
}

struct moment {
    int64_t first_us, us, cpu_us; /* first_us: before it was asked for interruptions, us: after */
    long interruptions; /* times that the system gave the processor to somebody else */
};

static struct moment moment(void) {
    struct timespec t;
    struct rusage u;
    int64_t first_us = clock_monotonic_us();
    getrusage(RUSAGE_THREAD, &u);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (struct moment){first_us, clock_monotonic_us(), t.tv_sec * 1000000 + t.tv_nsec / 1000, u.ru_nivcsw};
}

static uint64_t rnd(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static value value_of(int prop, uint64_t r) {
    return prop % 2 ? value_int((int64_t)(r >> 1)) : value_str(str_printf("a text with the number %llu", (unsigned long long)(r >> 40)));
}

static void set(struct db *db, objid o, int prop, uint64_t r) {
    enum error e = db_set_property(db, o, names[prop], value_of(prop, r), 0, &caches[prop]);
    must(e == E_NONE);
}

/* ---- the world ---- */

static void build(const char *dir, objid n) {
    struct buf why = BUF_INIT;
    struct db *db;
    uint64_t seed = 1;
    if (db_world_create(&db, dir, &why)) die(&why);
    objid root = db_create(db, NOTHING, 0);
    db_set_flag(db, root, OF_WIZARD, true);
    for (int p = 0; p < PROPS; p++) db_add_propdef(db, root, names[p], value_int(0), 0, PF_READ | PF_WRITE);
    for (objid i = 1; i < n; i++) {
        objid o = db_create(db, root, 0);
        for (int p = 0; p < PROPS; p++) set(db, o, p, rnd(&seed));
        if (i % BUILD_SAVE) continue;
        if (db_save(db, NULL, 0, NULL, &why)) die(&why);
        db_evict_clean(db);
    }
    if (db_save(db, NULL, 0, NULL, &why)) die(&why);
    db_world_close(db);
}

static struct db *open_warm(const char *dir) {
    struct buf why = BUF_INIT;
    struct db *db;
    value v;
    if (db_world_open(&db, dir, &(struct db_options){.cache_size = INT64_MAX}, &why)) die(&why);
    for (objid o = 0; o <= db_max_object(db); o++)
        if (!db_get_property(db, o, names[1], 0, &caches[1], NULL, &v)) value_unref(v);
    return db;
}

/* ---- one save ---- */

struct cost {
    struct db_save_report report;
    bool over;
    int64_t total_cpu, longest_us, longest_cpu;
};

static void note_end(void *ctx, const struct db_save_report *report, const char *why) {
    struct cost *c = ctx;
    if (why) fprintf(stderr, "%s\n", why), exit(1);
    c->report = *report;
    c->over = true;
}

static void note_longest(struct cost *c, int64_t us, int64_t cpu) {
    if (us > c->longest_us) c->longest_us = us;
    if (cpu > c->longest_cpu) c->longest_cpu = cpu;
}

static void note_call(struct cost *c, struct moment from) {
    struct moment to = moment();
    c->total_cpu += to.cpu_us - from.cpu_us;
    note_longest(c, to.interruptions == from.interruptions ? to.first_us - from.us : 0, to.cpu_us - from.cpu_us);
}

static void begin(struct db *db, struct cost *c) {
    struct buf why = BUF_INIT;
    struct moment from = moment();
    *c = (struct cost){0};
    if (db_save_begin(db, NULL, 0, &(struct db_save_end){note_end, c}, &why)) die(&why);
    note_call(c, from);
}

static enum db_save_state step(struct db *db, struct cost *c) {
    struct moment from = moment();
    enum db_save_state s = db_save_step(db, BUDGET_US);
    note_call(c, from);
    return s;
}

static void run(struct db *db, struct cost *c) {
    enum db_save_state s;
    begin(db, c);
    while ((s = step(db, c)) != DB_SAVE_NONE)
        if (s == DB_SAVE_WAITS) usleep(200);
}

/* Each in another object. */
static void change(struct db *db, objid n, uint64_t *seed) {
    objid max = db_max_object(db), stride = max / n ? max / n : 1;
    for (objid i = 0, o = 1 + (objid)(rnd(seed) % (uint64_t)stride); i < n; i++, o += stride) set(db, o > max ? o - max : o, (int)(rnd(seed) % PROPS), rnd(seed));
}

static void table(struct db *db, objid objects, uint64_t *seed) {
    printf("changes   durable after   records      MB   main thread, CPU   longest call: clock      CPU   (worst of all rounds)\n");
    for (objid n = 1; n <= objects; n *= 10) {
        int rounds = n <= 1000 ? 10 : n <= 100000 ? 5 : 2;
        struct cost worst = {0}, c;
        int64_t durable = 0, cpu = 0;
        for (int i = 0; i < rounds; i++) {
            change(db, n, seed);
            run(db, &c);
            durable += c.report.microseconds;
            cpu += c.total_cpu;
            note_longest(&worst, c.longest_us, c.longest_cpu);
        }
        printf("%7lld %12.1f ms  %8llu %7.1f %14.2f ms %19.3f ms %5.3f ms\n", (long long)n, (double)durable / rounds / 1000, (unsigned long long)c.report.records,
               (double)c.report.bytes / 1e6, (double)cpu / rounds / 1000, (double)worst.longest_us / 1000, (double)worst.longest_cpu / 1000);
        fflush(stdout);
    }
}

/* ---- meanwhile ---- */

struct rate {
    double by_clock, by_cpu;
    int64_t longest_us; /* of SETS_BETWEEN_STEPS changes */
};

/* Changes all over, until the save is over or, with none, for a second. */
static struct rate changes_a_second(struct db *db, struct cost *c, uint64_t *seed) {
    uint64_t max = (uint64_t)db_max_object(db), n = 0, quiet = 0;
    int64_t quiet_us = 0;
    struct rate r = {0};
    struct moment start = moment(), now = start;
    while (c ? !c->over : now.us - start.us < 1000000) {
        struct moment then = now;
        for (int i = 0; i < SETS_BETWEEN_STEPS; i++, n++) set(db, 1 + (objid)(rnd(seed) % max), (int)(rnd(seed) % PROPS), rnd(seed));
        int64_t changed_us = clock_monotonic_us();
        if (c) step(db, c);
        now = moment();
        if (now.interruptions != then.interruptions) continue;
        quiet += SETS_BETWEEN_STEPS;
        quiet_us += now.first_us - then.us;
        if (changed_us - then.us > r.longest_us) r.longest_us = changed_us - then.us;
    }
    r.by_clock = (double)quiet * 1e6 / (double)quiet_us;
    r.by_cpu = (double)n * 1e6 / (double)(now.cpu_us - start.cpu_us);
    return r;
}

static void throughput(struct db *db, objid n, uint64_t *seed) {
    printf("\nchanges a second without a save, and while one of %lld changes runs: by the clock, by CPU time; the longest %d of them\n", (long long)n, SETS_BETWEEN_STEPS);
    for (int i = 0; i < 5; i++) {
        struct cost c;
        change(db, n, seed);
        run(db, &c);
        struct rate before = changes_a_second(db, NULL, seed);
        run(db, &c); /* what these changed */
        change(db, n, seed);
        begin(db, &c);
        struct rate during = changes_a_second(db, &c, seed);
        printf("%8.0f %8.0f %4.0f %%   %8.0f %8.0f %4.0f %%   %.2f ms %.2f ms   longest call %.3f ms, CPU %.3f ms\n", before.by_clock, during.by_clock,
               100 * during.by_clock / before.by_clock, before.by_cpu, during.by_cpu, 100 * during.by_cpu / before.by_cpu, (double)before.longest_us / 1000,
               (double)during.longest_us / 1000, (double)c.longest_us / 1000, (double)c.longest_cpu / 1000);
        fflush(stdout);
        db_save_finish(db);
    }
}

/* New objects change rows of many tables. */
static void creation(struct db *db, objid n) {
    struct cost c;
    struct cost one = {0};
    for (objid i = 0; i < n; i++) {
        struct moment from = moment();
        db_create(db, 0, 0);
        note_call(&one, from);
    }
    printf("\n%lld objects created: %.2f us CPU each, the slowest %.3f ms, CPU %.3f ms; ", (long long)n, (double)one.total_cpu / (double)n, (double)one.longest_us / 1000,
           (double)one.longest_cpu / 1000);
    run(db, &c);
    printf("saved in %.0f ms, %llu records, longest call %.3f ms, CPU %.3f ms\n", (double)c.report.microseconds / 1000, (unsigned long long)c.report.records,
           (double)c.longest_us / 1000, (double)c.longest_cpu / 1000);
}

int main(int argc, char **argv) {
    struct stat st;
    uint64_t seed = 2;
    if (argc < 2) return fprintf(stderr, "bench-saves DIR [OBJECTS]\n"), 2;
    objid objects = argc > 2 ? atoll(argv[2]) : 1000000;
    for (int i = 0; i < PROPS; i++) names[i] = str_printf("property_%d", i);
    if (stat(argv[1], &st)) build(argv[1], objects);
    struct db *db = open_warm(argv[1]);
    printf("%lld objects, %d properties each, %.0f MB on disk\n\n", (long long)objects, PROPS, (double)db_disk_size(db) / 1e6);
    table(db, objects, &seed);
    throughput(db, objects / 10, &seed);
    creation(db, objects / 10);
    db_world_close(db);
    return 0;
}
