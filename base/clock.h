/* SPDX-License-Identifier: MIT */
/* Clocks. All in microseconds except where named. Tests can set a fake clock; nothing else reads the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_us(void); /* never jumps; only differences mean something */
int64_t clock_wall_us(void); /* since 1970 */
int64_t clock_cpu_us(void); /* CPU time of this thread */
int64_t clock_process_cpu_us(void); /* and of all threads */
static inline int64_t clock_wall_seconds(void) { return clock_wall_us() / 1000000; }
int64_t clock_machine_us(int64_t us); /* what the machine's own monotonic clock says when clock_monotonic_us() said us just now: the same, but for tests */
/* Both clocks stand still at these values until clock_fake_off(). */
void clock_fake(int64_t monotonic_us, int64_t wall_us);
void clock_fake_off(void);

#endif
