/* SPDX-License-Identifier: MIT */
/* Lines of the server's standard input for the tasks that ask (read_stdin()), in the order of asking; at its end they get the integer 0. */
#ifndef SERVER_TERMINAL_H
#define SERVER_TERMINAL_H

#include <ev.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/codec.h"

struct server;

struct terminal {
    ev_io readable;
    struct buf partial;
    int64_t *tasks;
    size_t ntasks;
};

void terminal_ask(struct server *s, int64_t task_id);
void terminal_fini(struct server *s);
void terminal_encode(struct server *s, struct buf *out); /* for a reboot */
void terminal_decode(struct server *s, struct dec *d);

#endif
