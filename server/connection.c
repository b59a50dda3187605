/* SPDX-License-Identifier: MIT */
#include "server/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/binary.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "server/server.h"

enum { READ_AT_ONCE = 65536, EOF_GRACE_US = 1000000, EOF_LINES_GRACE_US = 60000000, FIRST_NUMBER = -2 };

/* ---- lists ---- */

static void link_in(struct link *head, struct link *l) {
    if (l->next) return;
    l->prev = head->prev, l->next = head;
    head->prev->next = l;
    head->prev = l;
}

static void link_out(struct link *l) {
    if (!l->next) return;
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->prev = l->next = NULL;
}

#define OF_LINK(l, field) ((struct connection *)(void *)((char *)(l) - offsetof(struct connection, field)))

static size_t hash_id(const struct connections *all, objid id) { return (size_t)(((uint64_t)id * 0x9E3779B97F4A7C15u) >> 32) & (all->size - 1); }

static void table_remove(struct connections *all, struct connection *c) {
    struct connection **p = &all->table[hash_id(all, c->id)];
    while (*p && *p != c) p = &(*p)->same_hash;
    if (*p) *p = c->same_hash;
    c->same_hash = NULL;
}

static void table_add(struct connections *all, struct connection *c) {
    if (all->count >= all->size) {
        struct connection **old = all->table;
        all->size = all->size ? all->size * 2 : 64;
        all->table = xcalloc(all->size, sizeof *all->table);
        for (struct connection *o = all->newest; o; o = o->older) {
            if (o == c || o->id == NOTHING) continue;
            struct connection **at = &all->table[hash_id(all, o->id)];
            o->same_hash = *at;
            *at = o;
        }
        free(old);
    }
    struct connection **at = &all->table[hash_id(all, c->id)];
    c->same_hash = *at;
    *at = c;
}

void connections_init(struct connections *all) {
    *all = (struct connections){.next_number = FIRST_NUMBER};
    all->settle.prev = all->settle.next = &all->settle;
    all->write.prev = all->write.next = &all->write;
    all->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

struct connection *connection_find_any(struct server *s, objid id) {
    struct connections *all = &s->connections;
    if (!all->size || id == NOTHING) return NULL;
    struct connection *c = all->table[hash_id(all, id)];
    while (c && c->id != id) c = c->same_hash;
    return c;
}

struct connection *connection_find(struct server *s, objid id) {
    struct connection *c = connection_find_any(s, id);
    return c && c->opened && !c->closing && !c->hidden ? c : NULL;
}

/* ---- reading ---- */

static bool take_line(void *ctx, struct str *line) {
    struct connection *c = ctx;
    c->last_input_us = clock_monotonic_us();
    sched_input(c->server->sched, c->id, line);
    return !c->paused && !c->closing && !c->binary;
}

/* Bytes go on as lines until the scheduler has enough of them; the rest waits here. */
static void take_bytes(struct connection *c, const char *bytes, size_t n) {
    size_t used = 0;
    while (used < n && !c->paused && !c->closing) {
        if (!c->binary) {
            c->reader.max = c->connected_us ? MAX_LINE_BYTES : MAX_LINE_BYTES_LOGIN;
            used += lines_feed(&c->reader, bytes + used, n - used, take_line, c);
        } else {
            struct buf text = BUF_INIT;
            binary_encode(&text, bytes + used, n - used, false);
            take_line(c, buf_to_str(&text));
            buf_fini(&text);
            used = n;
        }
    }
    if (used < n && !c->closing) buf_add(&c->unread, bytes + used, n - used);
    blackbox_note_lines(c->server->box, c);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct connection *c = w->data;
    static char buffer[READ_AT_ONCE];
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
    if (n > 0) {
        take_bytes(c, buffer, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n == 0) c->eof = true, c->eof_us = clock_monotonic_us();
    else c->broken = true;
    ev_io_stop(c->server->loop, &c->readable);
    connection_wants_settling(c);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int events) {
    (void)events;
    struct connection *c = w->data;
    ev_io_stop(loop, w);
    link_in(&c->server->connections.write, &c->write);
}

void connection_listen_again(struct connection *c) {
    struct ev_loop *loop = c->server->loop;
    bool want = c->opened && !c->paused && !c->closing && !c->eof && !c->broken && !c->unread.len;
    if (want) ev_io_start(loop, &c->readable);
    else ev_io_stop(loop, &c->readable);
    if (output_waits(&c->output)) link_in(&c->server->connections.write, &c->write);
}

void connection_pause(struct connection *c, bool on) {
    c->paused = on;
    if (on) ev_io_stop(c->server->loop, &c->readable);
    else connection_wants_settling(c);
}

void connection_wants_settling(struct connection *c) { link_in(&c->server->connections.settle, &c->settle); }

/* ---- opening ---- */

struct connection *connection_new(struct server *s, int fd, objid listener, bool print_messages, bool outbound) {
    struct connections *all = &s->connections;
    struct connection *c = xcalloc(1, sizeof *c);
    c->server = s;
    c->fd = fd;
    c->id = all->next_number--;
    c->listener = listener;
    c->print_messages = print_messages;
    c->outbound = outbound;
    c->accepted_us = c->last_input_us = clock_monotonic_us();
    lines_init(&c->reader, MAX_LINE_BYTES_LOGIN);
    output_init(&c->output);
    buf_init(&c->unread);
    ev_io_init(&c->readable, on_readable, fd, EV_READ);
    ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
    ev_init(&c->hold, NULL);
    c->readable.data = c->writable.data = c;
    c->older = all->newest;
    if (all->newest) all->newest->newer = c;
    else all->oldest = c;
    all->newest = c;
    table_add(all, c);
    all->count++;
    all->not_logged_in++;
    fdstore_keep(s, fd);
    if (s->box) s->box->content->next_number = all->next_number;
    return c;
}

void connection_open(struct connection *c) {
    struct buf text = BUF_INIT;
    connection_describe(c, false, &text);
    log_info("%s: #%lld on %s", c->outbound ? "CONNECT" : "ACCEPT", (long long)c->id, buf_c(&text));
    buf_fini(&text);
    c->opened = true;
    c->accepted_us = c->last_input_us = clock_monotonic_us();
    sched_connection_opened(c->server->sched, c->id, c->listener, c->print_messages, c->outbound, c->login_prompt);
    connection_listen_again(c);
    blackbox_note_connection(c->server->box, c);
}

void connection_set_id(struct connection *c, objid id) {
    struct connections *all = &c->server->connections;
    if (c->id != NOTHING) table_remove(all, c);
    if (c->id < 0 && id >= 0) all->not_logged_in--;
    c->id = id;
    if (id != NOTHING) table_add(all, c);
    else blackbox_forget(c->server->box, c->fd); /* at its end */
}

void connection_set_keep_alive(struct connection *c, bool on) {
    int v = on, idle = 300, interval = 120, count = 5;
    c->keep_alive = on;
    (void)setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &v, sizeof v);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/* ---- writing ---- */

/* A socket that was full is not tried again before it says that it has room. */
static void write_some(struct connection *c) {
    if (c->broken || ev_is_active(&c->writable)) return;
    int rc = output_write(&c->output, c->fd);
    if (rc > 0) {
        ev_io_start(c->server->loop, &c->writable);
        blackbox_note_lines(c->server->box, c);
    }
    if (rc >= 0) return;
    c->broken = true;
    connection_wants_settling(c);
}

bool connection_write(struct connection *c, const char *bytes, size_t len, bool no_flush) {
    size_t max = (size_t)c->server->max_queued_output;
    if (output_length(&c->output) + len > max) write_some(c);
    if (no_flush && output_length(&c->output) + len > max) return false;
    output_add(&c->output, bytes, len, max);
    link_in(&c->server->connections.write, &c->write);
    return true;
}

bool connection_write_line(struct connection *c, const char *text, size_t len, bool no_flush) {
    struct buf line = BUF_INIT;
    line_encode_text(&line, text, len, c->reader.encoding);
    buf_add(&line, "\r\n", 2);
    bool written = connection_write(c, line.data, line.len, no_flush);
    buf_fini(&line);
    return written;
}

bool connection_hears_messages(const struct connection *c) { return c->print_messages && !c->binary; }

void connections_write_all(struct server *s) {
    struct link *head = &s->connections.write;
    while (head->next != head) {
        struct connection *c = OF_LINK(head->next, write);
        link_out(&c->write);
        write_some(c);
    }
}

/* ---- closing ---- */

static void release(struct connection *c) {
    struct connections *all = &c->server->connections;
    struct ev_loop *loop = c->server->loop;
    if (c->lookup) lookup_cancel(c->lookup);
    ev_io_stop(loop, &c->readable);
    ev_io_stop(loop, &c->writable);
    ev_timer_stop(loop, &c->hold);
    link_out(&c->settle);
    link_out(&c->write);
    if (c->id != NOTHING) table_remove(all, c);
    if (c->id < 0 && c->connected_us == 0) all->not_logged_in--;
    round_forget(c->server, c);
    if (c->newer) c->newer->older = c->older;
    else all->newest = c->older;
    if (c->older) c->older->newer = c->newer;
    else all->oldest = c->newer;
    all->count--;
    lines_fini(&c->reader);
    output_fini(&c->output);
    buf_fini(&c->unread);
    free(c->name);
    if (c->fd >= 0) {
        blackbox_forget(c->server->box, c->fd);
        fdstore_forget(c->server, c->fd);
        close(c->fd);
    }
    free(c);
}

/* What the client typed and nobody will read is taken off the socket first: closing over it would reset the connection and could cost it the last lines. */
void connection_close(struct connection *c) {
    char rest[4096];
    if (!c->broken) {
        (void)output_write(&c->output, c->fd);
        (void)shutdown(c->fd, SHUT_WR);
        for (int i = 0; i < 64 && recv(c->fd, rest, sizeof rest, 0) > 0; i++) continue;
    }
    release(c);
}

void connection_lose_socket(struct connection *c) {
    ev_io_stop(c->server->loop, &c->readable);
    ev_io_stop(c->server->loop, &c->writable);
    c->fd = -1;
    c->broken = true;
    connection_wants_settling(c);
}

void connections_fini(struct server *s, bool keep_sockets) {
    while (s->connections.newest) {
        struct connection *c = s->connections.newest;
        if (keep_sockets && c->id != NOTHING) { /* another has its player already: nobody is left to take it over */
            ev_io_stop(s->loop, &c->readable);
            ev_io_stop(s->loop, &c->writable);
            c->fd = -1;
            release(c);
        } else {
            connection_close(c);
        }
    }
    free(s->connections.table);
    if (s->connections.spare_fd >= 0) close(s->connections.spare_fd);
    s->connections = (struct connections){.spare_fd = -1};
}

void connection_describe(const struct connection *c, bool with_address, struct buf *out) {
    buf_printf(out, "port %d %s %s", c->local_port, c->outbound ? "to" : "from", c->name ? c->name : c->address);
    if (with_address) buf_printf(out, " [%s]", c->address);
    buf_printf(out, ", port %d", c->peer_port);
}

/* ---- settling ---- */

/* The scheduler calls the hook, writes the log line and says the message; it may still ask for our name meanwhile. */
static void end_connection(struct connection *c, bool by_client) {
    c->closing = true;
    if (c->opened) sched_connection_closed(c->server->sched, c->id, by_client);
    connection_close(c);
}

static void end_timed_out(struct connection *c) {
    c->closing = true;
    sched_connection_timed_out(c->server->sched, c->id);
    connection_close(c);
}

/* A client that said its lines and hung up has them acted on first, however busy others keep the server. true: it waits on. */
static bool eof_waits(struct connection *c) {
    int64_t waited = clock_monotonic_us() - c->eof_us;
    if (waited < EOF_LINES_GRACE_US && sched_lines_can_run(c->server->sched, c->id)) return true;
    if (waited > EOF_GRACE_US) return false;
    return c->unread.len > 0 || !sched_is_idle(c->server->sched);
}

static void settle_one(struct connection *c, bool *waits) {
    if (c->closing) {
        if (c->id == NOTHING) connection_close(c);
        else end_connection(c, false);
        return;
    }
    if (c->broken) {
        end_connection(c, true);
        return;
    }
    if (!c->paused && c->unread.len) {
        struct buf bytes = c->unread;
        buf_init(&c->unread);
        take_bytes(c, bytes.data, bytes.len);
        buf_fini(&bytes);
    }
    if (c->eof && !eof_waits(c)) {
        end_connection(c, true);
        return;
    }
    connection_listen_again(c);
    if (c->eof || (c->unread.len && !c->paused)) {
        connection_wants_settling(c);
        *waits = true;
    }
}

/* Those marked when this begins; what hooks mark meanwhile is for the next time. */
bool connections_settle(struct server *s) {
    struct link *head = &s->connections.settle, now = {.prev = &now, .next = &now};
    bool waits = false;
    while (head->next != head) {
        struct link *l = head->next;
        link_out(l);
        link_in(&now, l);
    }
    while (now.next != &now) {
        struct connection *c = OF_LINK(now.next, settle);
        link_out(&c->settle);
        settle_one(c, &waits);
    }
    return waits;
}

bool connections_need_settling(const struct server *s) { return s->connections.settle.next != &s->connections.settle; }

void connections_end_silent(struct server *s) {
    int64_t now = clock_monotonic_us();
    for (struct connection *c = s->connections.newest, *older; c; c = older) {
        older = c->older;
        if (c->connected_us || c->outbound || c->closing || !c->opened || now - c->last_input_us < 1000000) continue;
        int64_t seconds = sched_connect_timeout(s->sched, c->listener);
        if (seconds && now - c->last_input_us > seconds * 1000000) end_timed_out(c);
    }
}
