/* SPDX-License-Identifier: MIT */
/*
 * Connections: a socket, a line reader, a bounded output queue, options and whose it is.
 *
 * A connection is known by its `id': a negative number from #-2 down, never used twice in a run, until somebody logs in; then the player's. It is
 * freed by connection_close() only, which is called while settling (server.h). A `closing' one counts as not connected for everybody.
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include <ev.h>

#include "base/codec.h"
#include "base/value.h"
#include "server/lines.h"
#include "server/output.h"

struct server;
struct lookup;
struct lookup_address;

enum { MAX_LINE_BYTES = 1 << 20, MAX_LINE_BYTES_LOGIN = 1 << 14 };

struct link {
    struct link *prev, *next; /* NULL: in no list */
};

struct connection {
    struct server *server;
    struct connection *newer, *older; /* all connections, in order of opening */
    struct connection *same_hash;
    struct link settle, write; /* lists of those that wait for the end of the turn */
    objid id;
    int fd;
    uint64_t cookie; /* of its socket (server/sockets.h); 0: not asked for yet */
    ev_io readable, writable;
    ev_timer hold; /* until the name is known or has kept us waiting too long */
    struct lookup *lookup; /* its name is being asked for; NULL: it is not */
    struct line_reader reader;
    struct output output;
    struct buf unread; /* read from the socket while input is paused */

    objid listener;
    bool print_messages, outbound, login_prompt;
    bool opened; /* the scheduler knows it */
    bool closing, broken, eof; /* booted; the socket failed; the client said no more */
    bool new_player; /* who came into being after the last save: after a crash the number is nobody's, or another's */
    bool hidden; /* counts as not connected for a while */
    bool unnamed; /* its name was being asked for when the server was replaced, or failed */
    bool paused; /* the scheduler has enough lines */
    bool binary, no_echo, keep_alive;
    int64_t accepted_us, connected_us, last_input_us, eof_us; /* connected_us 0: not logged in */
    int local_port, peer_port;
    char address[64]; /* numeric */
    char *name; /* host name, or the address while it is not known */
};

struct connections {
    struct connection *newest, *oldest;
    struct connection **table; /* by id */
    size_t size, count, not_logged_in;
    struct link settle, write; /* heads of rings */
    objid next_number;
    int spare_fd; /* given up to be able to refuse when there are no descriptors left */
};

void connections_init(struct connections *all);
void connections_fini(struct server *s, bool keep_sockets); /* forgets all without a word */

/* A new connection on a socket that is open: not blocking and close-on-exec. Gets the next number. */
struct connection *connection_new(struct server *s, int fd, objid listener, bool print_messages, bool outbound);
struct connection *connection_find(struct server *s, objid id); /* NULL: there is none, or it counts as not connected */
struct connection *connection_find_any(struct server *s, objid id);
/* Finds out who is at the other end; then connection_open() by itself. `name': what an outbound one was asked for. */
void connection_introduce(struct connection *c, const char *name);
/* Goes on with that in a new image, for one that is `unnamed' or not open. */
void connection_introduce_again(struct connection *c);
/* From now on lines are read and the scheduler knows it. */
void connection_open(struct connection *c);
void connection_set_id(struct connection *c, objid id);
void connection_lose_socket(struct connection *c); /* which is not its own, and is not closed; the connection ends when it is settled */
void connection_close(struct connection *c); /* writes what the socket takes, closes, frees */

/* Queued; written at the end of the turn. false, and nothing done: there is no room and with `no_flush' nothing older is dropped for it. */
bool connection_write(struct connection *c, const char *bytes, size_t len, bool no_flush);
bool connection_write_line(struct connection *c, const char *text, size_t len, bool no_flush); /* in the connection's encoding, with CR LF */
bool connection_hears_messages(const struct connection *c); /* a line of the server's own in the midst of what is sent would not be out of place */
void connection_pause(struct connection *c, bool on);
void connection_wants_settling(struct connection *c);
void connection_listen_again(struct connection *c); /* events armed according to the state */
void connection_set_keep_alive(struct connection *c, bool on);

/* Writes all that waits; called once a turn. */
void connections_write_all(struct server *s);
/* Closes those that are booted, broken or at their end, and reads on where reading was paused. true: some wait; to be called again soon. */
bool connections_settle(struct server *s);
bool connections_need_settling(const struct server *s);
/* Closes those that have been silent too long before login. */
void connections_end_silent(struct server *s);

/* "port 7777 from localhost, port 36362" */
void connection_describe(const struct connection *c, bool with_address, struct buf *out);
#endif
