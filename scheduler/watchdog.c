/* SPDX-License-Identifier: MIT */
/*
 * The time limit of slices. A thread of its own looks at the main thread's CPU clock a hundred times a second, while slices run, and once more when the
 * present one can have used what it may, and sets a flag when it has. When a slice began is known to one look: it counts from the look before, so that
 * none lasts longer than it may. Beginning and ending a slice costs the main thread two stores and no system call; when nothing has run for a second
 * the thread sleeps until it is woken.
 *
 * Slices are numbered. The flag of slice n is flags[n % FLAGS], so that a flag set a moment too late hits a slice long gone.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/must.h"
#include "scheduler/state.h"

enum { FLAGS = 64, LOOK_EVERY_US = 10000, LEAST_PAUSE_US = 100, IDLE_LOOKS = 100 };

struct watchdog {
    _Atomic uint64_t slice; /* odd: it runs */
    _Atomic int64_t limit_us;
    volatile int flags[FLAGS];
    _Atomic bool asleep;
    bool stop; /* under lock */
    clockid_t clock; /* of the thread that runs slices */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
};

static int64_t cpu_us(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0;
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void set_flag(struct watchdog *w, uint64_t slice) {
    __atomic_store_n(&w->flags[(slice / 2) % FLAGS], 1, __ATOMIC_RELAXED);
}

static void pause_a_moment(int64_t most_us) {
    int64_t ns = most_us < LOOK_EVERY_US ? (most_us > LEAST_PAUSE_US ? most_us : LEAST_PAUSE_US) * 1000 : LOOK_EVERY_US * 1000;
    nanosleep(&(struct timespec){0, ns}, NULL);
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

static void *watch(void *arg) {
    struct watchdog *w = arg;
    uint64_t seen = 0;
    int64_t since = 0, last = 0; /* CPU time: of the slice that was seen, and of the look before */
    int idle = 0;
    while (!is_stopped(w)) {
        uint64_t now = atomic_load(&w->slice);
        if (now != seen) {
            seen = now;
            since = last;
            idle = 0;
        } else if (now % 2 == 0 && ++idle > IDLE_LOOKS) {
            idle = 0;
            if (!sleep_until_woken(w, seen)) break;
            last = cpu_us(w->clock);
            continue;
        }
        last = cpu_us(w->clock);
        int64_t left = now % 2 == 1 ? atomic_load(&w->limit_us) - (last - since) : LOOK_EVERY_US;
        if (left <= 0) set_flag(w, now);
        pause_a_moment(left > 0 ? left : LOOK_EVERY_US);
    }
    return NULL;
}

struct watchdog *watchdog_new(void) {
    struct watchdog *w = xcalloc(1, sizeof *w);
    must(pthread_getcpuclockid(pthread_self(), &w->clock) == 0);
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

volatile int *watchdog_begin(struct watchdog *w, int64_t cpu_limit_us) {
    uint64_t slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    slice += slice % 2 == 0 ? 1 : 2; /* a slice within a slice is a new one too */
    volatile int *flag = &w->flags[(slice / 2) % FLAGS];
    __atomic_store_n(flag, 0, __ATOMIC_RELAXED);
    atomic_store_explicit(&w->limit_us, cpu_limit_us, memory_order_relaxed);
    atomic_store(&w->slice, slice);
    if (atomic_load(&w->asleep)) {
        pthread_mutex_lock(&w->lock);
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
    }
    return flag;
}

void watchdog_end(struct watchdog *w) {
    uint64_t slice = atomic_load_explicit(&w->slice, memory_order_relaxed);
    if (slice % 2 == 1) atomic_store_explicit(&w->slice, slice + 1, memory_order_relaxed);
}
