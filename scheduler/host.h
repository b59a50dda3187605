/* SPDX-License-Identifier: MIT */
/*
 * What tasks ask of whoever hosts them: the server with its sockets, or a fake in tests. `conn` is a player or a negative connection number.
 * Calls of functions for a conn that is not connected return false (or 0) and do nothing. Strings are borrowed.
 */
#ifndef SCHEDULER_HOST_H
#define SCHEDULER_HOST_H

#include "base/buf.h"
#include "base/list.h"
#include "base/str.h"
#include "base/value.h"

struct vm;

struct connection_facts {
    objid listener; /* handler object */
    int64_t connected_us; /* monotonic, since login; 0: not logged in */
    int64_t last_input_us; /* monotonic */
    bool outbound, binary;
};

enum connection_name_form {
    CONNECTION_NAME_CLASSIC, /* port 7777 from localhost, port 36362 */
    CONNECTION_NAME_ADDRESS, /* 127.0.0.1 */
    CONNECTION_NAME_LOG, /* as the classic one */
    CONNECTION_NAME_HOST, /* localhost */
    CONNECTION_NAME_BOTH /* port 7777 from localhost [127.0.0.1], port 36362 */
};

/* Work for a thread, for a task that waits (lang/threaded.h). */
struct work_order {
    int64_t task_id;
    objid owner; /* on whose account */
    bool finish; /* a reboot waits for it */
    bool again; /* it was taken before a reboot or restart: it is not refused for what waits already */
    void (*work)(const void *request, size_t len, struct buf *answer);
    struct buf request; /* owned */
};

struct host {
    void *ctx;
    /* connections */
    bool (*is_connected)(void *ctx, objid conn);
    bool (*facts)(void *ctx, objid conn, struct connection_facts *out);
    value (*connected)(void *ctx, bool all); /* new list of objects, newest first; those being booted left out */
    struct str *(*connection_name)(void *ctx, objid conn, int form); /* owned; NULL when not connected. enum connection_name_form */
    /* One line (or, on a binary connection, decoded bytes without line end). false: no_flush and no room. */
    bool (*notify)(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush, bool no_newline);
    int64_t (*buffered_output)(void *ctx, objid conn); /* bytes; conn NOTHING: the maximum */
    void (*boot)(void *ctx, objid conn); /* marked now, closed after the current task */
    /* The connection becomes this player's: login (also switch_player). An older connection of that player is closed, without hooks, messages or
       sched_connection_closed(): these are the scheduler's business, which has sent what was to be sent. Connected-since begins anew. */
    void (*become)(void *ctx, objid conn, objid player);
    /* A line of the server's own (a message of $server_options): as notify, but also to a connection that is marked for closing. NULL: notify is used. `no_flush': rather not said
       than that what waits is dropped for it. */
    bool (*say)(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush);
    /* While on, the player counts as not connected. NULL allowed. */
    void (*hide)(void *ctx, objid player, bool on);
    /* A slice begins, or the one around it goes on; vm NULL: none runs. NULL allowed. */
    void (*runs)(void *ctx, int64_t task_id, const struct vm *vm);
    /* After each slice, when no task runs: close what was booted meanwhile (sched_connection_closed() may be called from here), shut down if asked. false: there was nothing to do. NULL allowed. */
    bool (*slice_ended)(void *ctx);
    /* options kept by the server: binary, client-echo, ... Result of get: owned, NONE when there is no such option. set: false when the value does not fit. */
    value (*get_option)(void *ctx, objid conn, const struct str *name);
    bool (*set_option)(void *ctx, objid conn, const struct str *name, value v);
    value (*option_names)(void *ctx, objid conn);
    void (*pause_input)(void *ctx, objid conn, bool on); /* input queue over its limit */
    /* listeners and outbound */
    enum error (*listen)(void *ctx, objid handler, value desc, bool print_messages, value *bound);
    bool (*unlisten)(void *ctx, value desc);
    value (*listeners)(void *ctx);
    enum error (*open_connection)(void *ctx, struct str *host_name, int64_t port, objid listener, objid *conn, int64_t task_id); /* E_NONE with *conn FAILED_MATCH: under way, the task is woken (sched_wake_with); host_name NULL: only asks whether it is allowed */
    /* the world */
    void (*shutdown)(void *ctx, struct str *message); /* when the task has ended */
    void (*checkpoint)(void *ctx); /* soon */
    void (*save)(void *ctx, int64_t task_id); /* the task is woken when all that is so now is on disk, or with an error. NULL: saves are not to be had */
    enum error (*backup)(void *ctx, struct str *name, int64_t task_id); /* E_NONE: the task is woken when it is made, or with an error; name NULL: of the ring. E_INVARG: no name for one. NULL: not to be had */
    value (*save_stats)(void *ctx); /* owned: {{name, value}...}. NULL: {} */
    enum error (*reboot)(void *ctx, objid who, struct str *binary, struct str *reason); /* when the task has ended; `who' is told how it goes. NULL allowed for both texts. E_QUOTA: one to another program is under way */
    int64_t (*db_disk_size)(void *ctx);
    void (*options_changed)(void *ctx); /* load_server_options() */
    const char *(*work)(void *ctx, struct work_order *order); /* takes the request; the answer comes with sched_work_done(). Or why it is refused. NULL: it is not to be had */
    void (*drop_work)(void *ctx, int64_t task_id); /* nobody waits for it any more, if it was ordered. With work */
    enum error (*read_stdin)(void *ctx, int64_t task_id); /* E_NONE: the task is woken with a line of the server's standard input */
};

#endif
