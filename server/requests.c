/* SPDX-License-Identifier: MIT */
/* What may be asked of a running server: one function a row of server/requests.def. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"
#include "db/backup.h"
#include "server/control_parts.h"
#include "server/offline.h"

enum { LONGEST_VALUE = 1 << 28 };

/* "#N" and a line feed, or only that: the first there is. false: no such wizard. */
static bool choose_wizard(struct server *s, const char **text, objid *out) {
    const char *end = strchr(*text, '\n'), *digits = *text + (**text == '#');
    char *stop;
    if (!end) return false;
    *out = end == *text ? offline_first_wizard(s->db) : strtoll(digits, &stop, 10);
    if (end != *text && (stop != end || stop == digits)) return false;
    *text = end + 1;
    return db_valid(s->db, *out) && db_is_wizard(s->db, *out);
}

static void print_lines(struct buf *out, value lines) {
    for (uint32_t i = 0; lines.type == V_LIST && i < lines.u.l->len; i++) {
        value_print(out, lines.u.l->items[i]);
        buf_byte(out, '\n');
    }
}

/* As a literal. 0, or -1 and a line that says that it would be too long. */
static int print_value(struct buf *out, value v) {
    bool fits = value_print_literal_up_to(out, v, LONGEST_VALUE, NULL);
    if (!fits) {
        buf_fini(out);
        buf_add_c(out, "the value is too long to be printed");
    }
    buf_byte(out, '\n');
    return fits ? 0 : -1;
}

static void eval_saved(struct server *s, void *ctx, const struct save_outcome *o) {
    (void)s;
    struct asker *a = ctx;
    if (o->why && a->status == 0) {
        a->status = 1;
        buf_clear(&a->result);
        buf_printf(&a->result, "the save failed: %s\n", o->why);
    }
    control_answer(a, a->status, buf_c(&a->result));
}

/* The value as a literal, or the messages or traceback as lines. What was changed before a failure stays changed. */
void request_eval(struct asker *a, const char *text) {
    struct server *s = a->control->server;
    objid wizard;
    struct buf out = BUF_INIT;
    value v = value_none();
    if (!choose_wizard(s, &text, &wizard)) {
        control_answer(a, 1, "there is no such wizard\n");
        return;
    }
    int rc = sched_eval(s->sched, wizard, text, true, &v);
    if (rc) print_lines(&out, v);
    else rc = print_value(&out, v);
    value_unref(v);
    s->saves.changed = true;
    a->status = rc ? 1 : 0;
    a->result = out;
    control_wait(a);
    saves_ask(s, eval_saved, a);
}

static void saved(struct server *s, void *ctx, const struct save_outcome *o) {
    (void)s;
    struct buf out = BUF_INIT;
    if (o->why) buf_printf(&out, "the save failed: %s\n", o->why);
    else buf_printf(&out, "save %llu is on disk\n", (unsigned long long)o->report.generation);
    control_answer(ctx, o->why ? 1 : 0, buf_c(&out));
    buf_fini(&out);
}

void request_save(struct asker *a, const char *text) {
    (void)text;
    control_wait(a);
    saves_ask_checkpoint(a->control->server, saved, a);
}

void request_sync(struct asker *a, const char *text) {
    (void)text;
    control_wait(a);
    saves_ask(a->control->server, saved, a);
}

static void backed_up(struct server *s, void *ctx, const struct backup_outcome *o) {
    (void)s;
    struct asker *a = ctx;
    struct buf out = BUF_INIT;
    a->gone = NULL;
    if (o->why) buf_printf(&out, "%s\n", o->why);
    else buf_printf(&out, "%s: save %lld, %lld records, %lld bytes; read back and sound\n", o->path, (long long)o->generation, (long long)o->records, (long long)o->bytes);
    control_answer(a, o->why ? 1 : 0, buf_c(&out));
    buf_fini(&out);
}

static void backup_asker_gone(struct asker *a) { backups_forget(a->control->server, a); }

void request_backup(struct asker *a, const char *text) {
    if (*text && !db_backup_name_is_good(text)) {
        control_answer(a, 1, "this is no name for a backup: no slash, no control character, not beginning with . or -, not ending in .new\n");
        return;
    }
    control_wait(a);
    a->gone = backup_asker_gone;
    backups_ask(a->control->server, *text ? text : NULL, backed_up, a);
}

void request_stop(struct asker *a, const char *text) {
    struct server *s = a->control->server;
    struct str *words = str_printf("evermoo stop%s%s", *text ? ": " : "", text);
    a->waits_for_end = true;
    control_wait(a);
    if (s->end == SERVER_RUNS) s->host.shutdown(s, words);
    str_unref(words);
}

/* "PROGRAM" or "PROGRAM" and a line with the version of the hand-off. */
void request_reboot(struct asker *a, const char *text) {
    struct server *s = a->control->server;
    const char *end = strchr(text, '\n');
    unsigned version = end ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
    struct str *binary = str_from_bytes(text, end ? (size_t)(end - text) : strlen(text));
    bool joins = s->reboot.wanted || s->reboot.under_way;
    bool other = joins && version && version != s->reboot.asked_version;
    bool taken = !other && s->host.reboot(s, NOTHING, binary, NULL) == E_NONE;
    str_unref(binary);
    if (!taken) {
        control_answer(a, 1, other ? "a reboot with another hand-off is under way; ask again when it is over\n" : "a reboot to another program is under way; ask again when it is over\n");
        return;
    }
    if (!joins) s->reboot.asked_version = version;
    a->waits_for_reboot = true;
    control_wait(a);
}

static void describe_memory(struct server *s, struct buf *out) {
    struct db_cache_stats m;
    db_cache_stats(s->db, &m);
    buf_printf(out, "memory: %lld MB in use of a cache of %lld MB, %lld MB anonymous; %llu objects loaded, %llu dropped again, for at most %.1f ms at a time\n", (long long)m.in_use >> 20,
               (long long)m.budget >> 20, (long long)m.anonymous >> 20, (unsigned long long)m.loaded, (unsigned long long)m.evicted, (double)m.longest_us / 1e3);
}

static void describe_work(struct server *s, struct buf *out) {
    size_t waiting, running;
    workers_count(s->workers, &waiting, &running);
    if (waiting || running) buf_printf(out, "threads: %zu calls at work, %zu wait\n", running, waiting);
}

void request_status(struct asker *a, const char *text) {
    (void)text;
    struct server *s = a->control->server;
    struct buf out = BUF_INIT;
    buf_printf(&out, "evermoo %s, process %ld\nup %lld seconds\n", EVERMOO_VERSION, (long)getpid(), (long long)(clock_monotonic_us() - s->started_us) / 1000000);
    saves_describe(s, &out);
    describe_memory(s, &out);
    backups_describe(s, &out);
    describe_work(s, &out);
    metrics_describe(s->metrics, &out);
    buf_printf(&out, "%zu connections, %zu of them not logged in\n", s->connections.count, s->connections.not_logged_in);
    for (struct listener *l = s->listeners.newest; l; l = l->next) {
        buf_printf(&out, "listening for #%lld on ", (long long)l->handler);
        listener_describe(l, &out);
        buf_byte(&out, '\n');
    }
    control_answer(a, 0, buf_c(&out));
    buf_fini(&out);
}
