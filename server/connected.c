/* SPDX-License-Identifier: MIT */
/* Who is connected, as a save keeps it: rows of DB_CONNECTION, number -> player, listener. After a start user_disconnected is called for each. */
#include <stdlib.h>

#include "base/log.h"
#include "db/foreign.h"
#include "server/server.h"

static void write_connections(void *ctx, struct db_saver *saver) {
    struct server *s = ctx;
    uint64_t key = 0;
    db_saver_drop_all(saver, DB_CONNECTION);
    for (struct connection *c = s->connections.oldest; c; c = c->newer) {
        if (!c->opened || c->id == NOTHING) continue;
        struct buf row = BUF_INIT;
        enc_i64(&row, c->id);
        enc_i64(&row, c->listener);
        db_saver_put(saver, DB_CONNECTION, key++, &row);
        buf_fini(&row);
    }
    foreign_connections_drop(saver);
}

void server_note_saved_players(struct server *s) {
    for (struct connection *c = s->connections.newest; c; c = c->older) {
        if (!c->new_player) continue;
        c->new_player = db_is_new(s->db, c->id);
        blackbox_note_lines(s->box, c);
    }
}

void server_connections_part(struct server *s, struct db_save_part *part) { *part = (struct db_save_part){.write = write_connections, .ctx = s}; }

static struct list *add_stale(struct list *all, objid player, objid listener) {
    return list_append_take(all, value_list(list_of(2, value_obj(player), value_obj(listener))));
}

static bool read_connection(void *ctx, uint64_t key, const void *payload, size_t len) {
    (void)key;
    struct list **all = ctx;
    struct dec d = dec_over(payload, len);
    objid player = dec_i64(&d), listener = dec_i64(&d);
    if (!d.bad) *all = add_stale(*all, player, listener);
    return true;
}

/* Owned. */
static struct list *who_was_connected(struct server *s) {
    struct list *stale = list_new(0);
    struct buf why = BUF_INIT;
    struct foreign_connection *foreign;
    size_t n;
    if (foreign_connections(s->db, &foreign, &n, &why) == 0) {
        for (size_t i = 0; i < n; i++) stale = add_stale(stale, foreign[i].player, foreign[i].listener);
        free(foreign);
    }
    if (db_scan(s->db, DB_CONNECTION, read_connection, &stale, &why)) log_error("Who was connected cannot be read: %s", buf_c(&why));
    buf_fini(&why);
    return stale;
}

void server_announce_start(struct server *s) {
    struct list *stale = who_was_connected(s);
    sched_world_started(s->sched, stale);
    list_unref(stale);
}

void server_announce_recovery(struct server *s) {
    struct list *stale = who_was_connected(s), *gone = list_new(0);
    for (int64_t i = 1; i <= stale->len; i++) {
        value row = list_get(stale, i);
        if (!connection_find_any(s, list_get(row.u.l, 1).u.o)) gone = list_append_take(gone, value_ref(row));
    }
    sched_players_gone(s->sched, gone);
    list_unref(gone);
    list_unref(stale);
}
