/* SPDX-License-Identifier: MIT */
/*
 * What the program that goes on after a crash must know and the store does not: which descriptors are sockets and whose, and which task ran. It lies in a memory file that stays open
 * through exec, is kept up to date as connections come and go (a slot for each descriptor, so nothing is searched or allocated), and is only read after a crash.
 *
 * What is in it is only as good as the moment of the crash: who reads it checks each socket against the cookie that the system gave it. The layout is fixed for each version; a box of
 * another version is not read. Times are of the monotonic clock.
 */
#ifndef SERVER_BLACKBOX_H
#define SERVER_BLACKBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct connection;
struct listener;

enum { BOX_VERSION = 3, BOX_SLOTS = 1 << 17, BOX_STRIKES = 3, BOX_STRIKE_US = 10000000 };
enum box_kind { BOX_FREE, BOX_LISTENER, BOX_CONNECTION };
enum box_flag { BOX_PRINT_MESSAGES = 1, BOX_OUTBOUND = 2, BOX_BINARY = 4, BOX_NO_ECHO = 8, BOX_KEEP_ALIVE = 16, BOX_IN_LINE = 32, BOX_OUT_LINE = 64, BOX_NEW_PLAYER = 128, BOX_UNNAMED = 256 };

struct box_slot {
    uint32_t kind, flags; /* kind is written last and cleared first */
    uint64_t cookie;
    int64_t id, listener; /* of a listener: its handler */
    int64_t accepted_us, connected_us, last_input_us;
    int32_t local_port, peer_port;
    uint32_t encoding;
    char address[64], name[128];
    uint32_t stored; /* a service manager's store has the socket of this cookie; also of a slot that is free */
};

struct box_running {
    int64_t task, player, this_; /* task 0: none */
    char verb[64];
};

struct box_content {
    char magic[16];
    uint32_t version, slot_size;
    uint32_t used; /* no descriptor of this number or above has a slot */
    uint32_t strikes;
    int64_t crashes_us[BOX_STRIKES]; /* the newest last */
    unsigned char world[16]; /* its number */
    int64_t saved_us; /* the world on disk is as it was then */
    int64_t next_number; /* of connections */
    int64_t generation;
    struct box_running running;
    struct box_running failed; /* what ran at the last crash: the main thread goes on for a moment when another one fails */
    int32_t signal; /* of the last crash */
    uint32_t back; /* a crash now executes the program before this one, as a reboot was just now */
    char report[512]; /* file about it */
    struct box_slot slots[];
};

struct blackbox {
    int fd;
    struct box_content *content;
};

/* In a reboot it goes on to the new program, which reads it again if it knows its version, and else begins another. */
struct blackbox *blackbox_new(void); /* NULL with errno */
struct blackbox *blackbox_open(int fd, struct buf *why); /* one that the program before left open; takes fd, unless it fails. NULL with *why */
void blackbox_free(struct blackbox *box); /* NULL is fine, here and below */
void blackbox_leave(struct blackbox *box); /* the same, but the descriptor stays open: whoever takes over opens it again */

void blackbox_note_connection(struct blackbox *box, struct connection *c);
void blackbox_note_lines(struct blackbox *box, const struct connection *c); /* its time of input, and whether it is in the midst of a line, in or out */
void blackbox_note_listener(struct blackbox *box, const struct listener *l);
void blackbox_forget(struct blackbox *box, int fd);
/* For server/fdstore.h: whether the store has what is open under this number. */
void blackbox_note_stored(struct blackbox *box, int fd);
bool blackbox_is_stored(const struct blackbox *box, int fd);

/* Copies the slot of `fd' if the socket is the same as was noted. Else false, and *fault says why; NULL: there is nothing there. */
bool blackbox_look(struct blackbox *box, int fd, struct box_slot *out, const char **fault);

/* ---- for signal handlers ---- */
void blackbox_keep_sockets(const struct blackbox *box); /* open through exec */
void blackbox_close_sockets(const struct blackbox *box); /* in a child */
/* Counts a crash. false: it is the third within ten seconds. */
bool blackbox_count_crash(struct blackbox *box, int64_t now_us);

#endif
