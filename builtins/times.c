/* SPDX-License-Identifier: MIT */
#include "builtins/support.h"

#include <time.h>

#include "base/clock.h"

struct result bf_time(struct builtin_call *c) {
    (void)c;
    return result_int(clock_wall_seconds());
}

struct result bf_ctime(struct builtin_call *c) {
    time_t t = (time_t)int_arg(c, 0, clock_wall_seconds());
    struct tm parts;
    char text[100];
    if (!localtime_r(&t, &parts) || !strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y %Z", &parts)) return result_raise(E_INVARG);
    return result_str(str_from(text));
}
