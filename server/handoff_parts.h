/* SPDX-License-Identifier: MIT */
/*
 * The content of each section of a hand-off (server/sections.def): put_NAME() appends its payload, take_NAME() rebuilds the server from it. What cannot be is d->bad, or a
 * reason in *why.
 */
#ifndef SERVER_HANDOFF_PARTS_H
#define SERVER_HANDOFF_PARTS_H

#include "server/server.h"

#define SECTION(number, name, first, last, flag, what) \
    void put_##name(struct server *s, struct buf *out); \
    void take_##name(struct server *s, struct dec *d, struct buf *why);
#include "server/sections.def"
#undef SECTION

#endif
