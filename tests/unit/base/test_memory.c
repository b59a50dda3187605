/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/must.h"

static size_t address_space(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    return pages * 4096;
}

#ifndef __SANITIZE_ADDRESS__ /* which takes all address space there is */
Test(memory, a_reserve_is_given_back_when_there_is_none) {
    cr_assert_not(memory_was_short());
    memory_keep_reserve();
    rlim_t most = address_space() + (1 << 20);
    setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
    char *p = xmalloc(3 << 20);
    memset(p, 1, 3 << 20);
    cr_assert(memory_was_short());
    cr_assert_not(memory_was_short());
    p = xrealloc(p, (3 << 20) + 1000);
    cr_assert_eq(p[(3 << 20) - 1], 1);
    free(p);
    cr_assert_not_null(p = xcalloc(3, 1 << 20));
    free(p);
}
#endif
