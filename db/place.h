/* SPDX-License-Identifier: MIT */
/* A data.mdb that was made beside a world takes the place of the world's own, which is set aside and never deleted. */
#ifndef DB_PLACE_H
#define DB_PLACE_H

#include "base/buf.h"

/*
 * data.mdb of the directory `making' becomes that of the world in `dir'; what was there, and the lock file, which tells of its transactions, go to WORLD/aside-YYYYMMDDTHHMMSSZ (or with a number behind it),
 * named in *aside. The world is locked, and open nowhere. Each moment of a crash leaves one of the two under the world's name. 0, or -1 with *why and all as it was.
 */
int place_data(const char *dir, const char *making, struct buf *aside, struct buf *why);

#endif
