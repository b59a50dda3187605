/* SPDX-License-Identifier: MIT */
/*
 * bounds [-t] [NAME...]: how long the longest turn of the scheduler is while a program of rows.def runs, each in a process and a world of its own.
 *
 * Without -t, for `make check', time is counted, not measured: the program is compiled so that each basic block calls __sanitizer_cov_trace_pc(), and the C library's functions over many bytes
 * count by these. When a slice has done ALLOWED, its time is over, as the watchdog would say; from then on the turn must end within LATE. That is the same on every machine,
 * however busy. A function of builtins/builtins.def without a row fails.
 *
 * With -t (bench/bounds.py) it is not compiled so: the milliseconds of CPU time of the longest turn at the default limits.
 */
#include "tests/bounds/large.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/must.h"
#include "builtins/registry.h"
#include "lang/vm.h"
#include "scheduler/state.h"

/* Blocks: of a slice of SLICE_MS, as a machine of today does them, and those it may take to come to its end. */
enum { SLICE_MS = 10, ALLOWED = 5000000, LATE = 5000000 };

static const struct row {
    const char *name, *program;
} rows[] = {
#define ROW(name, program) {#name, program},
#include "tests/bounds/rows.def"
#undef ROW
};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- counted time ---- */

static struct scheduler *watched; /* NULL: nothing is counted */
static int64_t work, longest;

void __sanitizer_cov_trace_pc(void);
static volatile int over; /* enum slice_flag, of the slice that runs */
static int64_t begun_us, told; /* when it began; work when the clock was set last */

static void count(int64_t n) {
    if (!watched) return;
    work += n;
    if (work > ALLOWED) over |= SLICE_OVER;
    if (work - told < ALLOWED / 1000) return;
    told = work;
    clock_fake(begun_us + work * SLICE_MS * 1000 / ALLOWED, INT64_C(1800000000000000));
}
void __sanitizer_cov_trace_pc(void) { count(1); }

/* A block is about as long as so many bytes of these. */
enum { BYTES_A_BLOCK = 16 };
#define WRAPPED(type, name, parameters, arguments, n)      \
    type __real_##name parameters;                         \
    type __wrap_##name parameters;                         \
    type __wrap_##name parameters {                        \
        count((int64_t)((n) / BYTES_A_BLOCK));             \
        return __real_##name arguments;                    \
    }
#ifdef BOUNDS_COUNTED
volatile int *__wrap_watchdog_begin(void);
volatile int *__wrap_watchdog_begin(void) {
    over = 0;
    return &over;
}
WRAPPED(void *, memcpy, (void *to, const void *from, size_t n), (to, from, n), n)
WRAPPED(void *, memmove, (void *to, const void *from, size_t n), (to, from, n), n)
WRAPPED(void *, memset, (void *to, int c, size_t n), (to, c, n), n)
WRAPPED(int, memcmp, (const void *a, const void *b, size_t n), (a, b, n), n)
/* These look no further than they find. */
void *__real_memchr(const void *p, int c, size_t n);
void *__wrap_memchr(const void *p, int c, size_t n);
void *__wrap_memchr(const void *p, int c, size_t n) {
    const char *found = __real_memchr(p, c, n);
    count((int64_t)(found ? (size_t)(found - (const char *)p) : n) / BYTES_A_BLOCK);
    return (void *)(uintptr_t)found;
}
void *__real_memmem(const void *p, size_t n, const void *what, size_t m);
void *__wrap_memmem(const void *p, size_t n, const void *what, size_t m);
void *__wrap_memmem(const void *p, size_t n, const void *what, size_t m) {
    const char *found = __real_memmem(p, n, what, m);
    count((int64_t)(found ? (size_t)(found - (const char *)p) : n) / BYTES_A_BLOCK + (int64_t)m / BYTES_A_BLOCK);
    return (void *)(uintptr_t)found;
}
WRAPPED(size_t, strlen, (const char *p), (p), strnlen(p, SIZE_MAX))
#endif

/* ---- one row ---- */

struct outcome {
    int64_t longest; /* of all turns: blocks, or microseconds */
    char last[200]; /* of what the player was told */
};

static void set_limits(struct fake *f, bool timed) {
    if (timed) return;
    fake_property(f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOT), WORLD_WIZARD);
    fake_property(f, WORLD_ROOT, "max_slice_ms", value_int(SLICE_MS), WORLD_WIZARD);
}

static void make_sleepers(struct fake *f, const char *program) {
    struct list *messages = NULL;
    struct str *name = str_from("sleeper");
    struct vm_start start = {.player = WORLD_ANN, .this_ = WORLD_ANN, .progr = WORLD_ANN, .verb = {.definer = NOTHING}, .debug = true, .verb_name = name, .full_name = name, .dobj = NOTHING, .iobj = NOTHING};
    if (!strstr(program, "$sleepers")) return;
    fake_property(f, WORLD_SYSTEM, "sleepers", value_int(0), WORLD_WIZARD);
    start.code = machine_compile_text(&f->m, "x = 1;", 6, &messages);
    for (int i = 0; i < 100000; i++) must(f->m.hooks.fork(f->m.hooks.ctx, NULL, vm_new(&f->m, &start), 1e6, i + 1) == E_NONE);
}

static int64_t elapsed(bool timed) { return timed ? clock_cpu_us() : work; }

static void run_turns(struct fake *f, bool timed) {
    for (int64_t rest = 0; rest == 0;) {
        work = told = 0;
        begun_us = f->now_us;
        int64_t begun = elapsed(timed);
        rest = sched_run(f->s, 0);
        if (elapsed(timed) - begun > longest) longest = elapsed(timed) - begun;
        if (!timed) clock_fake(f->now_us += 1000000, INT64_C(1800000000000000));
    }
}

/* Saves what is there and opens it again: nothing that nobody asked for is in memory. */
static void open_again(struct fake *f, const char *dir) {
    struct buf why = BUF_INIT;
    must(db_save(f->db, NULL, 0, NULL, &why) == 0);
    fake_close(f);
    fake_open_with(f, "toast", dir, false, NULL, 0);
}

static void run_row(const struct row *row, const char *dir, bool timed, struct outcome *out) {
    struct fake f;
    fake_open_with(&f, "toast", dir, dir, NULL, 0);
    set_limits(&f, timed);
    large_make(&f, row->program);
    if (dir) open_again(&f, dir);
    make_sleepers(&f, row->program);
    fake_login(&f, WORLD_ANN);
    if (timed) clock_fake_off();
    struct buf line = BUF_INIT;
    const char *command = strchr(row->program, '\n');
    buf_printf(&line, ";%.*s return 0;", (int)strcspn(row->program, "\n"), row->program);
    fake_input(&f, WORLD_ANN, buf_c(&line));
    watched = timed ? NULL : f.s;
    run_turns(&f, timed);
    if (command) fake_input(&f, WORLD_ANN, command + 1), run_turns(&f, timed);
    watched = NULL;
    out->longest = longest;
    const char *said = fake_output(&f, WORLD_ANN);
    snprintf(out->last, sizeof out->last, "%.150s", said);
    out->last[strcspn(out->last, "\n")] = 0;
    _exit(0);
}

/* false: the process died. */
static bool try_row(const struct row *row, bool timed, struct outcome *out) {
    int status = -1;
    char dir[] = "/tmp/evermoo-bounds-XXXXXX";
    bool cold = large_is_cold(row->program);
    if (cold) must(mkdtemp(dir));
    memset(out, 0, sizeof *out);
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (!pid) run_row(row, cold ? dir : NULL, timed, out);
    waitpid(pid, &status, 0);
    if (cold) files_remove_tree(dir);
    return status == 0;
}

/* ---- all rows ---- */

static bool is_asked(const struct row *row, char **names) {
    if (!*names) return true;
    for (; *names; names++)
        if (!strcmp(row->name, *names)) return true;
    return false;
}

static int report(const struct row *row, bool timed, bool ended, const struct outcome *r) {
    if (timed) {
        printf("%9.1f ms  %-20s %s\n%s%s%s", (double)r->longest / 1000, row->name, row->program, r->last[0] ? "              " : "", r->last, r->last[0] ? "\n" : "");
        return !ended;
    }
    if (ended && r->longest <= ALLOWED + LATE) return 0;
    printf("bounds: %s: %s: ", row->name, row->program);
    if (ended) printf("%lld blocks without an end of its time, %d are allowed\n", (long long)(r->longest - ALLOWED), LATE);
    else printf("died\n");
    return 1;
}

static int count_missing(void) {
    int n, missing = 0;
    const struct builtin *table = builtins_for_dialect(dialect_by_name("toast"), &n);
    for (int i = 0; i < n; i++) {
        bool has_row = false;
        for (int k = 0; k < ROWS; k++) has_row |= !strcmp(rows[k].name, table[i].name);
        if (!has_row) printf("bounds: %s() has no row in tests/bounds/rows.def\n", table[i].name);
        missing += !has_row;
    }
    return missing;
}

void plain_failed(const char *file, int line, const char *text, const char *format, ...) {
    (void)format;
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    abort();
}

int main(int argc, char **argv) {
    bool timed = argc > 1 && !strcmp(argv[1], "-t");
    char **names = argv + 1 + timed;
    int passed = 0, failed = timed ? 0 : count_missing();
    struct outcome *result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < ROWS; i++) {
        if (!is_asked(&rows[i], names)) continue;
        int bad = report(&rows[i], timed, try_row(&rows[i], timed, result), result);
        failed += bad;
        passed += !bad;
    }
    if (!timed) printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
