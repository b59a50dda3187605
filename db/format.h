/* SPDX-License-Identifier: MIT */
/* Numbers of the formats in db/formats.def. */
#ifndef DB_FORMAT_H
#define DB_FORMAT_H

enum {
    FORMAT_NONE,
#define FORMAT(number, oldest_reader, step, what) FORMAT_##number,
#include "db/formats.def"
#undef FORMAT
    FORMAT_END,
    FORMAT_VERSION = FORMAT_END - 1 /* the newest */
};
#define FORMAT(number, oldest_reader, step, what) _Static_assert(FORMAT_##number == number, "formats have no gaps");
#include "db/formats.def"
#undef FORMAT

#endif
