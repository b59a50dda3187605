/* SPDX-License-Identifier: MIT */
/*
 * The content of a reboot's hand-off: what is not in the store.
 *
 *   "EVERMOO HANDOFF\n", varint major version, then sections: varint type (0: the end), length-prefixed envelope (base/codec.h: version, flags, CRC over type and
 *   payload). Flag 1: must be understood. Another major version, a damaged section or an unknown one that must be understood is refused; unknown others are skipped.
 *
 * Times are of the monotonic clock, which goes on through exec. Descriptors keep their numbers.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/version.h"
#include "server/phase.h"
#include "server/server.h"

static const char magic[] = "EVERMOO HANDOFF\n";
enum { MAJOR = 1, MUST_UNDERSTAND = 1 };
enum section_type { S_END, S_SERVER, S_LISTENERS, S_CONNECTIONS, S_OUTBOUND, S_TASKS, S_TERMINAL, S_REBOOT, S_SOCKETS, S_BOX, S_ASKERS, S_CHECKPOINT, S_LAST = S_CHECKPOINT };

/* ---- writing ---- */

static void add_section_with(struct buf *out, enum section_type type, unsigned flags, struct buf *payload) {
    struct buf envelope = BUF_INIT, key = BUF_INIT;
    enc_u64(&key, type);
    enc_envelope(&envelope, 1, flags, key.data, key.len, payload);
    enc_u64(out, type);
    enc_bytes(out, envelope.data, envelope.len);
    buf_fini(&envelope);
    buf_fini(&key);
    buf_fini(payload);
    buf_init(payload);
}

static void add_section(struct buf *out, enum section_type type, struct buf *payload) { add_section_with(out, type, MUST_UNDERSTAND, payload); }

static void encode_c(struct buf *b, const char *text) { enc_bytes(b, text ? text : "", text ? strlen(text) : 0); }

static void encode_server(struct server *s, struct buf *b) {
    enc_bytes(b, db_uuid(s->db), 16);
    enc_u64(b, db_generation(s->db));
    enc_i64(b, s->connections.next_number);
    enc_i64(b, s->started_us);
    enc_i64(b, s->last_checkpoint_us);
    enc_i64(b, s->reboot.who);
    encode_c(b, s->reboot.reason);
}

/* What #0:server_rebooted() is told besides. Nothing hangs on it: a program that does not know it may skip it. */
static void encode_reboot(const struct server *s, struct buf *b) {
    enc_i64(b, s->reboot.frozen_us);
    encode_c(b, EVERMOO_VERSION);
}

static void encode_listeners(struct server *s, struct buf *b) {
    size_t n = 0, all = 0;
    for (struct listener *l = s->listeners.newest; l; l = l->next) all++;
    struct listener **order = xcalloc(all, sizeof *order);
    for (struct listener *l = s->listeners.newest; l; l = l->next) order[n++] = l;
    enc_u64(b, n);
    while (n--) { /* the oldest first, so that adopting them one by one gives the same order */
        struct listener *l = order[n];
        enc_i64(b, l->handler);
        enc_i64(b, l->port);
        enc_u64(b, l->print_messages);
        enc_u64(b, l->nsockets);
        for (size_t i = 0; i < l->nsockets; i++) enc_u64(b, (uint64_t)l->sockets[i].fd);
    }
    free(order);
}

static uint64_t flags_of(const struct connection *c) {
    const bool flags[] = {c->print_messages, c->outbound, c->login_prompt, c->opened, c->eof, c->paused, c->binary, c->no_echo, c->keep_alive, c->closing, c->lookup != NULL};
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) bits |= (uint64_t)flags[i] << i;
    return bits;
}

static void set_flags(struct connection *c, uint64_t bits) {
    bool *const flags[] = {&c->print_messages, &c->outbound, &c->login_prompt, &c->opened, &c->eof, &c->paused, &c->binary, &c->no_echo, &c->keep_alive, &c->closing, &c->unnamed};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) *flags[i] = (bits >> i) & 1;
}

static void encode_connection(const struct connection *c, struct buf *b) {
    enc_u64(b, (uint64_t)c->fd);
    enc_i64(b, c->id);
    enc_i64(b, c->listener);
    enc_u64(b, flags_of(c));
    enc_i64(b, c->accepted_us);
    enc_i64(b, c->connected_us);
    enc_i64(b, c->last_input_us);
    enc_i64(b, c->eof_us);
    enc_i64(b, c->local_port);
    enc_i64(b, c->peer_port);
    encode_c(b, c->address);
    encode_c(b, c->name);
    lines_encode(&c->reader, b);
    output_encode(&c->output, b);
    enc_bytes(b, buf_c(&c->unread), c->unread.len);
}

static void encode_connections(struct server *s, struct buf *b) {
    uint64_t n = 0;
    for (struct connection *c = s->connections.oldest; c; c = c->newer) n += c->id != NOTHING;
    enc_u64(b, n);
    for (struct connection *c = s->connections.oldest; c; c = c->newer)
        if (c->id != NOTHING) encode_connection(c, b); /* else it is at its end: connections_fini() closes it */
}

/* The descriptor of the black box + 1; 0: there is none. */
static void encode_box(struct server *s, struct buf *b) { enc_u64(b, s->box ? (uint64_t)s->box->fd + 1 : 0); }

void handoff_encode(struct server *s, struct buf *out) {
    struct buf b = BUF_INIT;
    buf_add(out, magic, sizeof magic - 1);
    enc_u64(out, MAJOR);
    encode_server(s, &b);
    add_section(out, S_SERVER, &b);
    encode_listeners(s, &b);
    add_section(out, S_LISTENERS, &b);
    encode_connections(s, &b);
    add_section(out, S_CONNECTIONS, &b);
    outbound_encode(s, &b);
    add_section(out, S_OUTBOUND, &b);
    sched_hand_off(s->sched, &b);
    add_section(out, S_TASKS, &b);
    terminal_encode(s, &b);
    add_section(out, S_TERMINAL, &b);
    encode_reboot(s, &b);
    add_section_with(out, S_REBOOT, 0, &b);
    sockets_encode(s, &b);
    add_section_with(out, S_SOCKETS, 0, &b); /* a program that cannot compare them may take over all the same */
    encode_box(s, &b);
    add_section_with(out, S_BOX, 0, &b); /* who does not know it begins its own */
    control_encode_reboots(s->control, &b);
    add_section_with(out, S_ASKERS, 0, &b);
    if (s->saves.checkpoint_wanted) add_section_with(out, S_CHECKPOINT, 0, &b); /* that is all it says */
    enc_u64(out, S_END);
}

/* ---- reading ---- */

static void fail(struct buf *why, const char *text) {
    if (!why->len) buf_add_c(why, text);
}

static char *decode_c(struct dec *d) {
    size_t n;
    const void *p = dec_bytes(d, &n);
    char *s = xcalloc(n + 1, 1);
    if (n) memcpy(s, p, n);
    return s;
}

static void decode_server(struct server *s, struct dec *d, struct buf *why) {
    size_t n;
    const void *uuid = dec_bytes(d, &n);
    uint64_t generation = dec_u64(d);
    if (n != 16 || memcmp(uuid, db_uuid(s->db), 16)) {
        fail(why, "the hand-off belongs to another world");
        return;
    }
    if (s->options.check ? generation > db_generation(s->db) : generation != db_generation(s->db)) fail(why, "the hand-off was made after another save than the world's last");
    s->connections.next_number = dec_i64(d);
    s->started_us = dec_i64(d);
    s->last_checkpoint_us = dec_i64(d);
    s->reboot.who = dec_i64(d);
    s->reboot.reason = decode_c(d);
}

static void decode_reboot(struct server *s, struct dec *d) {
    s->reboot.frozen_us = dec_i64(d);
    free(s->reboot.version);
    s->reboot.version = decode_c(d);
}

static void decode_listeners(struct server *s, struct dec *d) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        int fds[LISTENER_MAX_SOCKETS];
        objid handler = dec_i64(d);
        int64_t port = dec_i64(d);
        bool print = dec_u64(d) != 0;
        uint64_t count = dec_u64(d);
        if (count > LISTENER_MAX_SOCKETS || port < 0 || port > 65535) d->bad = true;
        for (uint64_t k = 0; k < count && !d->bad; k++) fds[k] = (int)dec_u64(d);
        if (!d->bad) listener_adopt(s, handler, (int)port, print, fds, (size_t)count);
    }
}

static void decode_connection(struct server *s, struct dec *d) {
    uint64_t fd = dec_u64(d);
    objid id = dec_i64(d), listener = dec_i64(d), next = s->connections.next_number;
    uint64_t flags = dec_u64(d);
    if (fd > INT32_MAX || id == NOTHING || connection_find_any(s, id)) d->bad = true;
    if (d->bad) return;
    struct connection *c = connection_new(s, (int)fd, listener, false, false);
    s->connections.next_number = next;
    connection_set_id(c, id);
    set_flags(c, flags);
    c->accepted_us = dec_i64(d);
    c->connected_us = dec_i64(d);
    c->last_input_us = dec_i64(d);
    c->eof_us = dec_i64(d);
    c->local_port = (int)dec_i64(d);
    c->peer_port = (int)dec_i64(d);
    char *address = decode_c(d);
    snprintf(c->address, sizeof c->address, "%s", address);
    free(address);
    c->name = decode_c(d);
    lines_decode(&c->reader, d);
    output_decode(&c->output, d);
    size_t n;
    const void *unread = dec_bytes(d, &n);
    if (n) buf_add(&c->unread, unread, n);
}

static void decode_box(struct server *s, struct dec *d) {
    uint64_t fd = dec_u64(d);
    struct buf why = BUF_INIT;
    if (fd > INT32_MAX || s->options.check || !fd) return;
    s->box = blackbox_open((int)fd - 1, &why);
    if (!s->box) log_warning("REBOOT: another black box is begun: %s", buf_c(&why));
    buf_fini(&why);
}

static void decode_section(struct server *s, uint64_t type, struct dec *d, struct buf *why) {
    switch (type) {
    case S_SERVER: decode_server(s, d, why); break;
    case S_LISTENERS: decode_listeners(s, d); break;
    case S_CONNECTIONS:
        for (uint64_t n = dec_u64(d); n && !d->bad; n--) decode_connection(s, d);
        break;
    case S_OUTBOUND: outbound_decode(s, d); break;
    case S_TERMINAL: terminal_decode(s, d); break;
    case S_SOCKETS: sockets_compare(s, d); break;
    case S_REBOOT: decode_reboot(s, d); break;
    case S_BOX: decode_box(s, d); break;
    case S_CHECKPOINT: s->saves.checkpoint_wanted = true; break;
    case S_ASKERS: control_decode_reboots(s->options.check ? NULL : s->control, d); break;
    case S_TASKS:
        if (sched_take_over(s->sched, d, why)) fail(why, "the tasks in the hand-off cannot be placed");
        return;
    default: return;
    }
    if (d->bad || !dec_at_end(d)) fail(why, "the hand-off is damaged inside a section");
}

/* Each section to `s', which may be NULL. */
static int read_sections(struct server *s, const void *bytes, size_t len, struct buf *why) {
    struct dec d = dec_over(bytes, len);
    size_t head = sizeof magic - 1;
    if (len < head || memcmp(bytes, magic, head)) {
        fail(why, "this is no hand-off");
        return -1;
    }
    d.p += head;
    if (dec_u64(&d) != MAJOR) fail(why, "the hand-off is of another major version");
    while (!why->len) {
        uint64_t type = dec_u64(&d);
        if (d.bad) fail(why, "the hand-off is cut short");
        else if (type == S_END && !dec_at_end(&d)) fail(why, "the hand-off is damaged: it goes on behind its end");
        if (d.bad || type == S_END) break;
        size_t n;
        const void *envelope = dec_bytes(&d, &n);
        unsigned version, flags;
        struct dec payload;
        const char *fault = "cut short";
        struct buf key = BUF_INIT;
        enc_u64(&key, type);
        int rc = d.bad ? -1 : dec_envelope(envelope, n, key.data, key.len, &version, &flags, &payload, &fault);
        buf_fini(&key);
        if (rc) buf_printf(why, "section %llu of the hand-off is damaged: %s", (unsigned long long)type, fault);
        else if ((type > S_LAST || version > 1) && (flags & MUST_UNDERSTAND)) buf_printf(why, "section %llu of the hand-off is not known here", (unsigned long long)type);
        else if (s && type <= S_LAST) decode_section(s, type, &payload, why);
    }
    return why->len ? -1 : 0;
}

int handoff_check(const void *bytes, size_t len, struct buf *why) { return read_sections(NULL, bytes, len, why); }

int handoff_decode(struct server *s, const void *bytes, size_t len, struct buf *why) {
    if (handoff_check(bytes, len, why)) return -1; /* all checksums before anything is made */
    if (!s->options.check && !phase("decoded")) fail(why, "an error was asked for");
    return read_sections(s, bytes, len, why);
}
