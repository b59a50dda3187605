/* SPDX-License-Identifier: MIT */
/*
 * The control socket of a running world, WORLD/control: how the commands of `evermoo' reach the server. Only the owner of the server's process, and root, may.
 *
 * One request a connection (server/requests.def): a word, a line feed, a text; the asker then shuts its sending side. One answer: the digit of an exit status, a line feed, a text. The
 * answer to `stop' comes when the last save is done, the one to `reboot' from the program that serves then; the one to `log' goes on until either side ends.
 */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/codec.h"

struct server;
struct control;

/* NULL with a line in the log when there cannot be one: the world is served all the same. */
struct control *control_open(struct server *s);
void control_close(struct control *k);
/* The answer to all who asked for the end. */
void control_answer_stops(struct control *k, bool saved, const char *text);

/* To all who asked for a reboot, how it went. */
void control_answer_reboots(struct control *k, int status, const char *text);
/* Their sockets in a hand-off: who takes over has them answered. Decoding with k NULL drops them. */
void control_encode_reboots(const struct control *k, struct buf *out);
void control_decode_reboots(struct control *k, struct dec *d);
void control_keep_reboots(struct control *k, bool on); /* open through exec, and by control_close() */

/* The asking side. 0: *status and *answer are the server's. 1: nobody serves this world. -1 and *why: it is served, but cannot be reached. */
int control_ask(const char *world, const char *word, const char *text, int *status, struct buf *answer, struct buf *why);
/* As control_ask(), but an answer with status 0 goes to `out' as it comes, until it ends; another one is in *answer. */
int control_follow(const char *world, const char *word, const char *text, FILE *out, int *status, struct buf *answer, struct buf *why);
/*
 * control_ask() in two parts, for who has other things to do meanwhile. control_begin() is as it, with a socket in the place of the answer, from which that is to be read to its end; the
 * socket is the caller's. control_end() is told all that was read, and leaves in *answer what it says.
 */
int control_begin(const char *world, const char *word, const char *text, int *fd, struct buf *why);
int control_end(const char *world, int *status, struct buf *answer, struct buf *why);

#endif
