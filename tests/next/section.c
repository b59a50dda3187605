/* SPDX-License-Identifier: MIT */
/* The section of a hand-off that a next release has more (tests/next/server/sections.def). */
#include <string.h>

#include "base/log.h"
#include "server/handoff_parts.h"

static const char words[] = "of a next release";

void put_next(struct server *s, struct buf *out) {
    (void)s;
    enc_bytes(out, words, sizeof words);
}

void take_next(struct server *s, struct dec *d, struct buf *why) {
    size_t n;
    const void *got = dec_bytes(d, &n);
    (void)s;
    if (n != sizeof words || memcmp(got, words, n)) buf_add_c(why, "the section of the next release has other words");
    else log_info("REBOOT: the hand-off is one of a next release");
}
