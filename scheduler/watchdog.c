/* SPDX-License-Identifier: MIT */
/*
 * The time limit of slices. A thread of its own looks at the main thread's CPU clock a hundred times a second, while slices run, and once more when the
 * present one can have used what it may, and sets a flag when it has. What it has used is known to one look: it counts from the look before, so that none lasts
 * longer than it may, but never as more than has passed since it began, so that none is ended for what others used. Beginning and ending a slice costs the main thread two stores and no system call; when nothing has run for a second
 * the thread sleeps until it is woken. Each look also asks the machine to show its frames (scheduler/profile.h), and stands for the time since the look before.
 *
 * Slices are numbered. The flag of slice n is flags[n % FLAGS], so that a flag set a moment too late hits a slice long gone.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum { FLAGS = 64, LOOK_EVERY_US = 10000, LEAST_PAUSE_US = 100, IDLE_US = 1000000, NEAR_PART = 4, MOST_FOR_A_LOOK_US = 2 * LOOK_EVERY_US, MOST_LOOKS_US = 1 << 28 };

struct watchdog {
    _Atomic uint64_t slice; /* odd: it runs */
    _Atomic int64_t limit_us, began_us; /* of the present one: CPU time; when it began, by the machine's monotonic clock */
    _Atomic int64_t look_every_us;
    volatile int flags[FLAGS];
    _Atomic bool asleep;
    bool stop; /* under lock */
    clockid_t clock; /* of the thread that runs slices */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
};

static int64_t time_us(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0;
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t monotonic_us(void) { return time_us(CLOCK_MONOTONIC); } /* the machine's: a test's fake clock is not this thread's */

static void set_flags(struct watchdog *w, uint64_t slice, int bits) {
    __atomic_fetch_or(&w->flags[(slice / 2) % FLAGS], bits, __ATOMIC_RELAXED);
}

static void add_look(struct watchdog *w, uint64_t slice, int64_t us) {
    volatile int *flag = &w->flags[(slice / 2) % FLAGS];
    if (us > 0 && __atomic_load_n(flag, __ATOMIC_RELAXED) < MOST_LOOKS_US) __atomic_fetch_add(flag, (int)(us < MOST_FOR_A_LOOK_US ? us : MOST_FOR_A_LOOK_US) * SLICE_SEEN, __ATOMIC_RELAXED);
}

static void pause_a_moment(int64_t us) {
    nanosleep(&(struct timespec){0, (us > LEAST_PAUSE_US ? us : LEAST_PAUSE_US) * 1000}, NULL);
}

/* false: the end. */
static bool sleep_until_woken(struct watchdog *w, uint64_t seen) {
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->asleep, true);
    while (!w->stop && atomic_load(&w->slice) == seen) pthread_cond_wait(&w->wake, &w->lock);
    atomic_store(&w->asleep, false);
    bool go_on = !w->stop;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static bool is_stopped(struct watchdog *w) {
    pthread_mutex_lock(&w->lock);
    bool stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return stop;
}

/* By the present slice, at most. */
static int64_t used_us(struct watchdog *w, int64_t cpu_us, int64_t now_us) {
    int64_t passed = now_us - atomic_load(&w->began_us);
    return passed < cpu_us ? passed : cpu_us;
}

static void *watch(void *arg) {
    struct watchdog *w = arg;
    uint64_t seen = 0;
    int64_t since = 0, last = time_us(w->clock); /* CPU time: of the slice that was seen, and of the look before */
    int64_t looked = monotonic_us(), idle = 0;
    while (!is_stopped(w)) {
        uint64_t now = atomic_load(&w->slice);
        int64_t every = atomic_load(&w->look_every_us);
        if (now != seen) {
            seen = now;
            since = last;
            idle = 0;
        } else if (now % 2 == 0 && (idle += every) > IDLE_US) {
            idle = 0;
            if (!sleep_until_woken(w, seen)) break;
            last = time_us(w->clock);
            looked = monotonic_us();
            continue;
        }
        last = time_us(w->clock);
        int64_t before = looked;
        looked = monotonic_us();
        int64_t limit = now % 2 == 1 ? atomic_load(&w->limit_us) : 0, near = limit / NEAR_PART;
        int64_t left = now % 2 == 1 ? limit - used_us(w, last - since, looked) : every;
        if (now % 2 == 1) add_look(w, now, looked - before);
        if (now % 2 == 1 && left <= near) set_flags(w, now, left <= 0 ? SLICE_OVER : SLICE_NEAR);
        int64_t pause = left > near ? left - near : left > 0 ? left : every;
        pause_a_moment(pause < every ? pause : every);
    }
    return NULL;
}

struct watchdog *watchdog_new(void) {
    struct watchdog *w = xcalloc(1, sizeof *w);
    must(pthread_getcpuclockid(pthread_self(), &w->clock) == 0);
    atomic_store(&w->look_every_us, LOOK_EVERY_US);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    w->thread = thread_start(watch, w);
    return w;
}

void watchdog_free(struct watchdog *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void watchdog_look_every(struct watchdog *w, int64_t us) { atomic_store(&w->look_every_us, us ? us : LOOK_EVERY_US); }

volatile int *watchdog_begin(struct watchdog *w, int64_t cpu_limit_us, int64_t now_us) {
    uint64_t slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    slice += slice % 2 == 0 ? 1 : 2; /* a slice within a slice is a new one too */
    volatile int *flag = &w->flags[(slice / 2) % FLAGS];
    __atomic_store_n(flag, 0, __ATOMIC_RELAXED);
    atomic_store_explicit(&w->limit_us, cpu_limit_us, memory_order_relaxed);
    atomic_store_explicit(&w->began_us, clock_machine_us(now_us), memory_order_relaxed);
    atomic_store(&w->slice, slice);
    if (atomic_load(&w->asleep)) {
        pthread_mutex_lock(&w->lock);
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
    }
    return flag;
}

void watchdog_shorten(struct watchdog *w, int64_t cpu_limit_us) { atomic_store(&w->limit_us, cpu_limit_us); }

void watchdog_end(struct watchdog *w) {
    uint64_t slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    if (slice % 2 == 1) atomic_store_explicit(&w->slice, slice + 1, memory_order_relaxed);
}
