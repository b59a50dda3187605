/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdbool.h>
#include <time.h>

static bool fake;
static int64_t fake_monotonic, fake_wall;

static int64_t read_clock(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void) { return fake ? fake_monotonic : read_clock(CLOCK_MONOTONIC); }
int64_t clock_wall_us(void) { return fake ? fake_wall : read_clock(CLOCK_REALTIME); }
int64_t clock_cpu_us(void) { return fake ? fake_monotonic : read_clock(CLOCK_THREAD_CPUTIME_ID); }
int64_t clock_process_cpu_us(void) { return fake ? fake_monotonic : read_clock(CLOCK_PROCESS_CPUTIME_ID); }

int64_t clock_machine_us(int64_t us) { return fake ? read_clock(CLOCK_MONOTONIC) : us; }

void clock_fake(int64_t monotonic_us, int64_t wall_us) {
    fake = true;
    fake_monotonic = monotonic_us;
    fake_wall = wall_us;
}

void clock_fake_off(void) { fake = false; }
