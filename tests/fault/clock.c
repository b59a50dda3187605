/* SPDX-License-Identifier: MIT */
/* A library for tests (LD_PRELOAD): the clock on the wall goes wrong by as many seconds as the file named in FAULT_CLOCK holds, an int64_t that a test may change at any time. Other clocks are as they are. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t right, *wrong_by = &right;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAULT_CLOCK");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *wrong_by, PROT_READ, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) wrong_by = p;
    if (fd >= 0) close(fd);
}

int clock_gettime(clockid_t id, struct timespec *out) {
    int rc = (int)syscall(SYS_clock_gettime, id, out);
    if (!rc && id == CLOCK_REALTIME) out->tv_sec += (time_t)*wrong_by;
    return rc;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
