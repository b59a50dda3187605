/* SPDX-License-Identifier: MIT */
/* Quotas and limits as programs see them: what holds, for whom, and who said so. */
#include "base/facts.h"
#include "builtins/support.h"
#include "scheduler/options.h"
#include "scheduler/scheduler.h"

static struct scheduler *sched_of(const struct builtin_call *c) {
    must(c->m->scheduler);
    return c->m->scheduler;
}

/* Argument i is a valid object about which the programmer may ask. */
static enum error player_arg(const struct builtin_call *c, int i, objid *out) {
    enum error e = support_valid_arg(c, i, out);
    return e == E_NONE && c->progr != *out && !is_wizard(c) ? E_PERM : e;
}

/* ---- scheduler_options() ---- */

static const char *source_word(enum option_source source) {
    switch (source) {
    case SOURCE_PLAYER: return "player";
    case SOURCE_WORLD: return "server_options";
    case SOURCE_FLAG: return "flag";
    case SOURCE_DEFAULT: break;
    }
    return "default";
}

static value value_and_source(enum server_option which, int64_t n, enum option_source source) {
    return value_list(list_of(2, option_value(which, n), value_str(str_from(source_word(source)))));
}

/* What holds for the player (NOTHING: for who has none of his own). */
static value option_now(struct scheduler *s, objid player, enum server_option which) {
    for (int i = 0; player != NOTHING && i < OWN_COUNT; i++) {
        enum option_source source;
        if (option_of_own((enum own_option)i) != which) continue;
        int64_t n = option_of_player(s, player, (enum own_option)i, &source);
        return value_and_source(which, n, source);
    }
    return value_and_source(which, option_int(s, which), option_source(s, which));
}

struct result bf_scheduler_options(struct builtin_call *c) {
    objid player = NOTHING;
    enum error e = has_arg(c, 0) ? player_arg(c, 0, &player) : E_NONE;
    if (e != E_NONE) return result_raise(e);
    struct facts f = facts_new(c->m->dialect);
    for (int i = 0; i < OPT_COUNT; i++) {
        enum server_option which = (enum server_option)i;
        if (option_is_flag(which)) facts_put(&f, option_name(which), option_now(sched_of(c), player, which));
    }
    return result_value(facts_value(&f));
}

/* ---- tick_quota(), set_tick_quota() ---- */

struct result bf_tick_quota(struct builtin_call *c) {
    objid player;
    enum error e = player_arg(c, 0, &player);
    return e == E_NONE ? result_int(option_of_player(sched_of(c), player, OWN_tick_quota, NULL)) : result_raise(e);
}

enum { NO_QUOTA = -1 }; /* none of the player's own */

/* The slot is this wizard's now, and nobody else can write it; or the value would not count. */
static void grant(struct db *db, const struct propref *p, objid wizard) {
    unsigned letters = db_prop_flags(db, p);
    if (db_is_wizard(db, db_prop_owner(db, p)) && !(letters & PF_WRITE)) return;
    db_prop_set_info(db, p, wizard, letters & ~(unsigned)(PF_WRITE | PF_CHOWN));
}

static enum error set_quota(const struct builtin_call *c, objid player, int64_t n) {
    struct db *db = db_of(c);
    struct str *name = str_from(option_name(OPT_tick_quota));
    struct propref p;
    enum error e = E_NONE;
    bool is_there = db_find_property(db, player, name, &p);
    if (is_there && n == NO_QUOTA && p.definer != player) {
        db_prop_clear(db, &p, c->progr);
    } else if (is_there) {
        grant(db, &p, c->progr);
        e = db_set_property(db, player, name, value_int(n), c->progr, NULL);
    } else if (n != NO_QUOTA) {
        e = db_add_propdef(db, player, name, value_int(n), c->progr, PF_READ);
    }
    str_unref(name);
    return e;
}

struct result bf_set_tick_quota(struct builtin_call *c) {
    objid player;
    int64_t n = c->args[1].u.i;
    if (!is_wizard(c)) return result_raise(E_PERM);
    enum error e = support_valid_arg(c, 0, &player);
    if (e == E_NONE && n != NO_QUOTA && !option_allows(OPT_tick_quota, n)) e = E_INVARG;
    if (e == E_NONE) e = set_quota(c, player, n);
    return e == E_NONE ? result_int(0) : result_raise(e);
}
