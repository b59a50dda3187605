/* SPDX-License-Identifier: MIT */
#include "fake_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "builtins/registry.h"

/* ---- the table of scheduler/host.h ---- */

static struct fake_connection *find_any(struct fake *f, objid conn) {
    return idmap_get(&f->by_id, conn);
}

static void rename_connection(struct fake *f, struct fake_connection *c, objid id) {
    if (c->id) idmap_remove(&f->by_id, c->id);
    c->id = id;
    if (id) idmap_put(&f->by_id, id, c);
}

static void mark(struct fake *f, struct fake_connection *c) {
    c->closing = true;
    f->marked++;
}

static struct fake_connection *find(struct fake *f, objid conn) {
    struct fake_connection *c = find_any(f, conn);
    return c && !c->closing && !c->hidden ? c : NULL;
}

static bool is_connected(void *ctx, objid conn) {
    return find(ctx, conn) != NULL;
}

static bool facts(void *ctx, objid conn, struct connection_facts *out) {
    struct fake_connection *c = find(ctx, conn);
    if (c) *out = (struct connection_facts){.listener = c->listener, .binary = c->binary};
    return c != NULL;
}

static value connected(void *ctx, bool all) {
    struct fake *f = ctx;
    struct list *l = list_new(4);
    for (size_t i = 0; i < f->nconnections; i++) {
        objid id = f->connections[i]->id;
        if (id && find(f, id) && (all || id > 0)) l = list_append_take(l, value_obj(id));
    }
    return value_list(l);
}

static struct str *connection_name(void *ctx, objid conn, int form) {
    (void)form;
    return find_any(ctx, conn) ? str_printf("line %lld", (long long)conn) : NULL;
}

static bool say(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush) {
    (void)no_flush;
    struct fake_connection *c = find_any(ctx, conn);
    if (!c) return false;
    buf_add(&c->out, bytes, len);
    buf_byte(&c->out, '\n');
    return true;
}

static bool notify(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush, bool no_newline) {
    struct fake *f = ctx;
    (void)no_newline;
    if (find(f, conn)) return say(ctx, conn, bytes, len, no_flush);
    buf_printf(&f->lost, "#%lld: %.*s\n", (long long)conn, (int)len, bytes);
    return true;
}

static int64_t buffered_output(void *ctx, objid conn) {
    (void)ctx;
    return conn == NOTHING ? 65536 : 0;
}

static void boot(void *ctx, objid conn) {
    struct fake_connection *c = find(ctx, conn);
    if (c) mark(ctx, c);
}

static void become(void *ctx, objid conn, objid player) {
    struct fake_connection *c = find_any(ctx, conn), *old = find_any(ctx, player);
    must(c);
    if (old) {
        rename_connection(ctx, old, 1000 + player); /* so that tests can look at its last words */
        if (old->closing && !old->closed) ((struct fake *)ctx)->marked--;
        old->closing = old->closed = old->hidden = true;
    }
    rename_connection(ctx, c, player);
    c->logged_in = true;
}

static void hide(void *ctx, objid player, bool on) {
    struct fake_connection *c = find_any(ctx, player);
    if (c) c->hidden = on;
}

static bool slice_ended(void *ctx) {
    struct fake *f = ctx;
    bool any = f->marked > 0;
    for (size_t i = 0; i < f->nconnections && f->marked > 0; i++) {
        struct fake_connection *c = f->connections[i];
        if (!c->id || !c->closing || c->closed) continue;
        c->closed = true;
        f->marked--;
        sched_connection_closed(f->s, c->id, false);
        rename_connection(f, c, c->id + (c->id > 0 ? 1000 : 2000));
    }
    return any;
}

static value get_option(void *ctx, objid conn, const struct str *name) {
    struct fake_connection *c = find(ctx, conn);
    if (c && str_equal_c(name, "binary")) return value_int(c->binary);
    return value_none();
}

static bool set_option(void *ctx, objid conn, const struct str *name, value v) {
    struct fake_connection *c = find(ctx, conn);
    if (!c || !str_equal_c(name, "binary")) return false;
    c->binary = value_is_true(v);
    return true;
}

static value option_names(void *ctx, objid conn) {
    (void)ctx, (void)conn;
    return value_list(list_of(1, value_str(str_from("binary"))));
}

static void pause_input(void *ctx, objid conn, bool on) {
    struct fake_connection *c = find_any(ctx, conn);
    if (c) c->paused = on;
}

static void fill_host(struct fake *f) {
    f->host = (struct host){.ctx = f, .is_connected = is_connected, .facts = facts, .connected = connected, .connection_name = connection_name, .notify = notify,
                            .buffered_output = buffered_output, .boot = boot, .become = become, .say = say, .hide = hide, .slice_ended = slice_ended,
                            .get_option = get_option, .set_option = set_option, .option_names = option_names, .pause_input = pause_input};
}

/* ---- the world ---- */

static void add_verb(struct fake *f, objid o, objid owner, const char *names, unsigned flags, enum verb_arg arg, int prep, const char *program) {
    struct str *s = str_from(names);
    struct list *messages = NULL;
    struct code *code = machine_compile_text(&f->m, program, strlen(program), &messages);
    cr_assert(code, "%s does not compile", program);
    if (messages) list_unref(messages);
    size_t at = db_add_verb(f->db, o, s, owner, flags, arg, prep, arg);
    db_verb_set_code(f->db, (struct verbref){o, (uint32_t)at}, code);
    str_unref(s);
}

void fake_verb_of(struct fake *f, objid o, objid owner, const char *names, const char *program) {
    add_verb(f, o, owner, names, VF_READ | VF_EXEC | VF_DEBUG, VA_THIS, PREP_NONE, program);
}

void fake_verb(struct fake *f, objid o, const char *names, const char *program) {
    fake_verb_of(f, o, WORLD_WIZARD, names, program);
}

void fake_command(struct fake *f, objid o, objid owner, const char *names, const char *program) {
    add_verb(f, o, owner, names, VF_READ | VF_DEBUG, VA_ANY, PREP_ANY, program);
}

void fake_property(struct fake *f, objid o, const char *name, value v, objid owner) {
    struct str *s = str_from(name);
    cr_assert_eq(db_add_propdef(f->db, o, s, v, owner, PF_READ), E_NONE);
    str_unref(s);
}

static void name(struct fake *f, objid o, const char *text) {
    struct str *s = str_from(text);
    db_set_name(f->db, o, s);
    str_unref(s);
}

static void settle(struct fake *f, objid player) {
    db_set_flag(f->db, player, OF_PLAYER, true);
    db_set_flag(f->db, player, OF_PROGRAMMER, true);
    db_move(f->db, player, WORLD_ROOM);
}

objid fake_player(struct fake *f, const char *its_name) {
    objid o = db_create(f->db, WORLD_ROOT, NOTHING);
    db_set_owner(f->db, o, o);
    name(f, o, its_name);
    settle(f, o);
    return o;
}

static void build(struct fake *f) {
    static const char *const names[] = {"System", "Root", "Wizard", "Ann", "Bob", "Room"};
    for (objid o = 0; o <= WORLD_ROOM; o++) {
        must(db_create(f->db, o == WORLD_ROOT ? NOTHING : o == WORLD_SYSTEM ? NOTHING : WORLD_ROOT, NOTHING) == o);
        name(f, o, names[o]);
    }
    for (objid o = WORLD_WIZARD; o <= WORLD_BOB; o++) settle(f, o);
    db_set_flag(f->db, WORLD_WIZARD, OF_WIZARD, true);
    fake_verb(f, WORLD_SYSTEM, "do_login_command", "if (args) return toobj(args[1]); endif notify(player, \"Who?\");");
    fake_verb(f, WORLD_ROOT, "tell", "notify(this, tostr(@args));");
    fake_command(f, WORLD_ROOT, WORLD_WIZARD, "eval",
                 "set_task_perms(player); r = eval(argstr); if (!r[1]) for l in (r[2]) notify(player, l); endfor elseif (r[2] != 0) notify(player, \"=> \" + toliteral(r[2])); endif");
}

/* `more' behind the rows of the registry. */
static void join_tables(struct fake *f, const struct builtin *more, int nmore, const struct builtin *table, int n) {
    f->table = xmalloc((size_t)(n + nmore) * sizeof *f->table);
    memcpy(f->table, table, (size_t)n * sizeof *f->table);
    memcpy(f->table + n, more, (size_t)nmore * sizeof *f->table);
}

static void start(struct fake *f, const struct dialect *dialect, const struct builtin *more, int nmore) {
    int n;
    const struct builtin *table = builtins_for_dialect(dialect, &n);
    if (nmore > 0) join_tables(f, more, nmore, table, n);
    machine_init(&f->m, f->db, nmore > 0 ? f->table : table, n + nmore);
    f->m.dialect = dialect;
    f->s = sched_new(&f->m, &f->host);
    sched_load_options(f->s);
}

static void set_clocks(const struct fake *f) {
    clock_fake(f->now_us, f->now_us + f->wall_ahead_us);
}

static void init(struct fake *f) {
    *f = (struct fake){.next_id = -2, .now_us = 1000000000, .wall_ahead_us = INT64_C(1800000000000000) - 1000000000};
    set_clocks(f);
    fill_host(f);
}

static void open_at(struct fake *f, const char *dialect, const char *dir, bool create, const struct db_options *options, const struct builtin *more, int nmore) {
    struct buf why = BUF_INIT;
    int rc = 0;
    init(f);
    if (!dir) f->db = db_world_in_memory();
    else rc = create ? db_world_create(&f->db, dir, &why) : db_world_open(&f->db, dir, options, &why);
    cr_assert_eq(rc, 0, "%s", buf_c(&why));
    buf_fini(&why);
    start(f, dialect_by_name(dialect), more, nmore);
    if (create) build(f);
}

void fake_open(struct fake *f, const char *dialect) { open_at(f, dialect, NULL, true, NULL, NULL, 0); }
void fake_open_dir(struct fake *f, const char *dir, bool create) { open_at(f, "toast", dir, create, &(struct db_options){0}, NULL, 0); }
void fake_open_dir_evicting(struct fake *f, const char *dir) { open_at(f, "toast", dir, false, &(struct db_options){.evict_always = true}, NULL, 0); }
void fake_open_with(struct fake *f, const char *dialect, const char *dir, bool create, const struct builtin *more, int n) {
    open_at(f, dialect, dir, create || !dir, &(struct db_options){0}, more, n);
}

void fake_close(struct fake *f) {
    sched_free(f->s);
    machine_fini(&f->m);
    db_world_close(f->db);
    for (size_t i = 0; i < f->nconnections; i++) {
        buf_fini(&f->connections[i]->out);
        free(f->connections[i]);
    }
    free(f->connections);
    free(f->table);
    idmap_fini(&f->by_id);
    buf_fini(&f->lost);
    clock_fake_off();
}

void fake_restart(struct fake *f) {
    sched_free(f->s);
    f->s = sched_new(&f->m, &f->host);
}

/* ---- lines and time ---- */

void fake_run(struct fake *f) {
    while (sched_run(f->s, 1000000) == 0) continue;
}

static struct fake_connection *free_connection(struct fake *f) {
    for (size_t i = 0; i < f->nconnections; i++)
        if (!f->connections[i]->id) return f->connections[i];
    f->connections = xrealloc(f->connections, (f->nconnections + 1) * sizeof(struct fake_connection *));
    return f->connections[f->nconnections++] = xcalloc(1, sizeof(struct fake_connection));
}

objid fake_accept(struct fake *f, objid listener) {
    struct fake_connection *c = free_connection(f);
    rename_connection(f, c, f->next_id--);
    c->listener = listener;
    sched_connection_opened(f->s, c->id, listener, true, false, true);
    return c->id;
}

objid fake_connect(struct fake *f, objid listener) {
    objid id = fake_accept(f, listener);
    fake_run(f);
    return id;
}

void fake_login(struct fake *f, objid player) {
    objid conn = fake_connect(f, WORLD_SYSTEM);
    char line[32];
    snprintf(line, sizeof line, "%lld", (long long)player);
    fake_type(f, conn, line);
    cr_assert(find(f, player), "login as #%lld failed", (long long)player);
    fake_forget(f, player);
}

void fake_input(struct fake *f, objid conn, const char *line) {
    sched_input(f->s, conn, str_from(line));
}

void fake_type(struct fake *f, objid conn, const char *line) {
    fake_input(f, conn, line);
    fake_run(f);
}

void fake_drop(struct fake *f, objid conn) {
    struct fake_connection *c = find_any(f, conn);
    cr_assert(c);
    sched_connection_closed(f->s, conn, true);
    buf_fini(&c->out);
    if (c->closing && !c->closed) f->marked--;
    rename_connection(f, c, 0);
    *c = (struct fake_connection){0};
}

void fake_hang_up(struct fake *f, objid conn) {
    fake_drop(f, conn);
    fake_run(f);
}

void fake_pass(struct fake *f, double seconds) {
    int64_t until = f->now_us + (int64_t)(seconds * 1e6);
    for (;;) { /* stop where something is due, as a loop over sockets would */
        int64_t next = sched_run(f->s, 1000000);
        if (next == 0) continue;
        int64_t step = next < 0 || f->now_us + next > until ? until - f->now_us : next;
        if (step == 0) return;
        fake_advance(f, step);
    }
}

void fake_advance(struct fake *f, int64_t us) {
    f->now_us += us;
    set_clocks(f);
}

const char *fake_output(struct fake *f, objid conn) {
    struct fake_connection *c = find_any(f, conn);
    return c ? buf_c(&c->out) : "(no such connection)";
}

void fake_forget(struct fake *f, objid conn) {
    struct fake_connection *c = find_any(f, conn);
    if (c) buf_clear(&c->out);
}
