/* SPDX-License-Identifier: MIT */
/* The server as programs see it: its version, its log, its end, its saves, its measures. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/version.h"
#include "builtins/support.h"
#include "scheduler/host.h"
#include "scheduler/scheduler.h"

static const struct host *host_of(const struct builtin_call *c) { return c->m->host; }

/* ---- version ----
   Worlds look here for what the server's language can do, so the numbers are those of the server whose dialect it is. */

struct server_release {
    int major, minor, release;
    const char *ext, *text;
};

static const struct server_release *release_of(const struct builtin_call *c) {
    static const struct server_release lambda = {1, 8, 3, "+", "1.8.3+?_ad_hoc_??"}, toast = {2, 7, 3, "+evermoo", "2.7.3+evermoo_" EVERMOO_VERSION};
    return c->m->dialect->toast_version ? &toast : &lambda;
}

static value text_value(const char *s) { return value_str(str_from(s)); }
static value pair(const char *name, value v) { return value_list(list_of(2, text_value(name), v)); }

static value version_options(const struct builtin_call *c) {
    struct scheduler *s = c->m->scheduler;
    static const struct {
        const char *name, *option;
        int64_t fallback;
    } rows[] = {{"DEFAULT_MAX_STACK_DEPTH", "max_stack_depth", 50}, {"DEFAULT_FG_TICKS", "fg_ticks", 30000}, {"DEFAULT_BG_TICKS", "bg_ticks", 15000}, {"DEFAULT_FG_SECONDS", "fg_seconds", 5},
                {"DEFAULT_BG_SECONDS", "bg_seconds", 3}, {"DEFAULT_CONNECT_TIMEOUT", "connect_timeout", 300}, {"MAX_QUEUED_OUTPUT", "max_queued_output", 65536}, {"MAX_QUEUED_INPUT", NULL, 65536}};
    struct list *l = list_new(sizeof rows / sizeof *rows + 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) l = list_append_take(l, pair(rows[i].name, value_int(rows[i].option ? sched_option_int(s, rows[i].option, rows[i].fallback) : rows[i].fallback)));
    const struct host *h = c->m->host;
    objid conn;
    bool outbound = h->open_connection(h->ctx, NULL, 0, NOTHING, &conn, 0) == E_NONE;
    l = list_append_take(l, pair("OUTBOUND_NETWORK", outbound ? value_list(list_of(1, value_int(0))) : value_obj(NOTHING)));
    return value_list(l);
}

static value version_details(const struct builtin_call *c) {
    const struct server_release *r = release_of(c);
    struct list *l = list_new(8);
    l = list_append_take(l, pair("major", value_int(r->major)));
    l = list_append_take(l, pair("minor", value_int(r->minor)));
    l = list_append_take(l, pair("release", value_int(r->release)));
    l = list_append_take(l, pair("ext", text_value(r->ext)));
    l = list_append_take(l, pair("string", text_value(r->text)));
    l = list_append_take(l, pair("features", value_list(list_new(0))));
    l = list_append_take(l, pair("options", version_options(c)));
    l = list_append_take(l, pair("source", value_list(list_of(1, pair("evermoo", text_value(EVERMOO_VERSION))))));
    return value_list(l);
}

/* The entry of that name in a list of {name, value}; case matters. NONE if there is none. Owned. */
static value find_entry(value list, const char *name, size_t len) {
    if (list.type != V_LIST) return value_none();
    for (uint32_t i = 0; i < list.u.l->len; i++) {
        value row = list.u.l->items[i];
        if (row.type != V_LIST || row.u.l->len != 2 || row.u.l->items[0].type != V_STR) continue;
        const struct str *s = row.u.l->items[0].u.s;
        if (s->len == len && !memcmp(s->data, name, len)) return value_ref(row.u.l->items[1]);
    }
    return value_none();
}

struct result bf_server_version(struct builtin_call *c) {
    if (!has_arg(c, 0)) return result_value(text_value(release_of(c)->text));
    value at = version_details(c);
    if (c->args[0].type != V_STR || !c->args[0].u.s->len) return result_value(at);
    const char *p = c->args[0].u.s->data;
    while (at.type != V_NONE) {
        size_t n = strcspn(p, "/");
        value next = find_entry(at, p, n);
        value_unref(at);
        at = next;
        if (!p[n]) break;
        p += n + 1;
    }
    return at.type == V_NONE ? result_raise(E_INVARG) : result_value(at);
}

/* ---- log, end, saves ---- */

struct result bf_server_log(struct builtin_call *c) {
    if (!is_wizard(c)) return result_raise(E_PERM);
    if (flag_arg(c, 1)) log_error("> %s", c->args[0].u.s->data);
    else log_info("> %s", c->args[0].u.s->data);
    return result_int(0);
}

struct result bf_shutdown(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    const char *message = has_arg(c, 0) ? c->args[0].u.s->data : "";
    struct str *text = str_printf("shutdown() called by %s (#%lld)%s%s", db_name(db_of(c), c->progr)->data, (long long)c->progr, *message ? ": " : "", message);
    h->shutdown(h->ctx, text);
    str_unref(text);
    return result_int(0);
}

struct result bf_reboot(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    enum error e = h->reboot(h->ctx, vm_task_player(c->vm), has_arg(c, 0) ? c->args[0].u.s : NULL, has_arg(c, 1) ? c->args[1].u.s : NULL);
    return e == E_QUOTA ? result_raise_text(e, "A reboot to another program is under way") : result_error(e);
}

struct result bf_dump_database(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    h->checkpoint(h->ctx);
    return result_int(0);
}

struct result bf_save_database(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    if (!h->save) return result_raise_text(E_QUOTA, "The world is not being served: it is saved at the end");
    h->save(h->ctx, sched_current_task_id(c->m->scheduler));
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_SAVE};
}

struct result bf_backup_database(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    if (!h->backup) return result_raise_text(E_QUOTA, "The world is not being served: say `evermoo backup'");
    enum error e = h->backup(h->ctx, has_arg(c, 0) ? c->args[0].u.s : NULL, sched_current_task_id(c->m->scheduler));
    return e == E_NONE ? (struct result){.kind = R_SUSPEND, .why = SUSPEND_WORK} : result_raise_text(e, "This is no name for a backup");
}

/* ---- measures ---- */

struct result bf_save_stats(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    return h->save_stats ? result_value(h->save_stats(h->ctx)) : result_list(list_new(0));
}

struct result bf_db_disk_size(struct builtin_call *c) {
    const struct host *h = host_of(c);
    int64_t size = h->db_disk_size(h->ctx);
    return size < 0 ? result_raise_text(E_QUOTA, "No database file(s) available") : result_int(size);
}

/* ToastStunt: size, resident, shared, text and data in pages. LambdaMOO: rows of an allocator that keeps such rows; ours keeps none. */
struct result bf_memory_usage(struct builtin_call *c) {
    struct list *l = list_new(5);
    double pages[7] = {0};
    if (!c->m->dialect->memory_usage_in_pages) return result_list(l);
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        for (int i = 0; i < 7 && fscanf(f, "%lf", &pages[i]) == 1; i++) continue;
        fclose(f);
    }
    for (int i = 0; i < 6; i++)
        if (i != 4) l = list_append_take(l, value_float(pages[i])); /* libraries are not counted by the kernel */
    return result_list(l);
}

enum { HISTOGRAM = 17 };

struct result bf_verb_cache_stats(struct builtin_call *c) {
    uint64_t hits, misses, generation;
    if (!is_wizard(c)) return result_raise(E_PERM);
    db_verb_cache_stats(db_of(c), &hits, &misses, &generation);
    struct list *histogram = list_new(HISTOGRAM);
    for (int i = 0; i < HISTOGRAM; i++) histogram = list_append_take(histogram, value_int(0));
    return result_list(list_of(5, value_int((int64_t)hits), value_int(0), value_int((int64_t)misses), value_int((int64_t)generation), value_list(histogram)));
}

struct result bf_log_cache_stats(struct builtin_call *c) {
    uint64_t hits, misses, generation;
    if (!is_wizard(c)) return result_raise(E_PERM);
    db_verb_cache_stats(db_of(c), &hits, &misses, &generation);
    log_info("Verb cache: %llu hits, %llu misses, generation %llu", (unsigned long long)hits, (unsigned long long)misses, (unsigned long long)generation);
    return result_int(0);
}

struct result bf_read_stdin(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    enum error e = h->read_stdin(h->ctx, sched_current_task_id(c->m->scheduler));
    return e == E_NONE ? (struct result){.kind = R_SUSPEND, .why = SUSPEND_WORK} : result_raise(e);
}
