/* SPDX-License-Identifier: MIT */
#include "server/handoff_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/version.h"

static void encode_c(struct buf *b, const char *text) { enc_bytes(b, text ? text : "", text ? strlen(text) : 0); }

static char *decode_c(struct dec *d) {
    size_t n;
    const void *p = dec_bytes(d, &n);
    char *s = xcalloc(n + 1, 1);
    if (n) memcpy(s, p, n);
    return s;
}

/* ---- the server itself ---- */

void put_server(struct server *s, struct buf *b) {
    enc_bytes(b, db_uuid(s->db), 16);
    enc_u64(b, db_generation(s->db));
    enc_i64(b, s->connections.next_number);
    enc_i64(b, s->started_us);
    enc_i64(b, s->last_checkpoint_us);
    enc_i64(b, s->reboot.who);
    encode_c(b, s->reboot.reason);
}

void take_server(struct server *s, struct dec *d, struct buf *why) {
    size_t n;
    const void *uuid = dec_bytes(d, &n);
    uint64_t generation = dec_u64(d);
    if (n != 16 || memcmp(uuid, db_uuid(s->db), 16)) {
        buf_add_c(why, "the hand-off belongs to another world");
        return;
    }
    if (s->options.check ? generation > db_generation(s->db) : generation != db_generation(s->db)) buf_add_c(why, "the hand-off was made after another save than the world's last");
    s->connections.next_number = dec_i64(d);
    s->started_us = dec_i64(d);
    s->last_checkpoint_us = dec_i64(d);
    s->reboot.who = dec_i64(d);
    s->reboot.reason = decode_c(d);
}

void put_reboot(struct server *s, struct buf *b) {
    enc_i64(b, s->reboot.frozen_us);
    encode_c(b, EVERMOO_VERSION);
}

void take_reboot(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    s->reboot.frozen_us = dec_i64(d);
    free(s->reboot.version);
    s->reboot.version = decode_c(d);
}

/* The descriptor of the black box + 1; 0: there is none. */
void put_box(struct server *s, struct buf *b) { enc_u64(b, s->box ? (uint64_t)s->box->fd + 1 : 0); }

void take_box(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    uint64_t fd = dec_u64(d);
    struct buf reason = BUF_INIT;
    if (fd > INT32_MAX || s->options.check || !fd) return;
    s->box = blackbox_open((int)fd - 1, &reason);
    if (!s->box) log_warning("REBOOT: another black box is begun: %s", buf_c(&reason));
    buf_fini(&reason);
}

void put_text_dump(struct server *s, struct buf *b) { textdumps_encode(&s->textdumps, b); }

void take_text_dump(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    textdumps_decode(&s->textdumps, d);
}

void put_verification(struct server *s, struct buf *b) { enc_u64(b, damage_verify_is_owed(&s->damage)); }

void take_verification(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    s->damage.owed = dec_u64(d) != 0;
}

void put_checkpoint(struct server *s, struct buf *b) { enc_u64(b, s->saves.checkpoint_wanted); }

void take_checkpoint(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    s->saves.checkpoint_wanted |= dec_u64(d) != 0;
}

/* ---- listeners ---- */

void put_listeners(struct server *s, struct buf *b) {
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

void take_listeners(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
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

/* ---- connections ---- */

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

void put_connections(struct server *s, struct buf *b) {
    uint64_t n = 0;
    for (struct connection *c = s->connections.oldest; c; c = c->newer) n += c->id != NOTHING;
    enc_u64(b, n);
    for (struct connection *c = s->connections.oldest; c; c = c->newer)
        if (c->id != NOTHING) encode_connection(c, b); /* else it is at its end, and closed before exec */
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

void take_connections(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    for (uint64_t n = dec_u64(d); n && !d->bad; n--) decode_connection(s, d);
}

/* ---- of others ---- */

void put_outbound(struct server *s, struct buf *b) { outbound_encode(s, b); }

void take_outbound(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    outbound_decode(s, d);
}

void put_clock(struct server *s, struct buf *b) {
    (void)s;
    enc_i64(b, clock_monotonic_us());
}

void take_clock(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    s->reboot.made_us = dec_i64(d);
}

void put_tasks(struct server *s, struct buf *b) { sched_hand_off(s->sched, b); }

void take_tasks(struct server *s, struct dec *d, struct buf *why) {
    if (sched_take_over(s->sched, d, s->reboot.made_us, why) && !why->len) buf_add_c(why, "the tasks in the hand-off cannot be placed");
}

void put_terminal(struct server *s, struct buf *b) { terminal_encode(s, b); }

void take_terminal(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    terminal_decode(s, d);
}

void put_sockets(struct server *s, struct buf *b) { sockets_encode(s, b); }

void take_sockets(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    sockets_decode(s, d);
}

void put_askers(struct server *s, struct buf *b) { control_encode_reboots(s->control, b); }

void take_askers(struct server *s, struct dec *d, struct buf *why) {
    (void)why;
    control_decode_reboots(s->options.check ? NULL : s->control, d);
}
