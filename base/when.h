/* SPDX-License-Identifier: MIT */
/*
 * Times as people write them:
 *     now                          10 minutes ago (seconds, minutes, hours, days, weeks)
 *     2026-11-23 08:15[:30[.5]]    local time; also with T between, and with Z or +01:00 behind for another zone; only the day: its beginning
 *     08:15[:30]                   today, local time
 *     @1794123456[.5]              seconds since 1970
 * A time without a fraction means the whole of its last second.
 */
#ifndef BASE_WHEN_H
#define BASE_WHEN_H

#include "base/buf.h"

/* Microseconds since 1970; `now' likewise. 0, or -1 with *why. */
int when_parse(const char *text, int64_t now, int64_t *out, struct buf *why);

#endif
