/* SPDX-License-Identifier: MIT */
#include "scheduler/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum { MOST_PROFILES = 8, MOST_STACKS = 2048, MOST_FRAMES = 128, LONGEST_TEXT = 1000, LONGEST_NAME = 80, SLOTS = 2 * MOST_STACKS, DEFAULT_HZ = 1000 };
enum { LONGEST_US = 600 * 1000 * 1000 };

struct folded {
    struct str *text;
    int64_t us;
};

struct profile {
    objid programmer;
    struct profile_target what; /* names owned */
    bool on;
    int64_t began_us, every_us, looks;
    int64_t other_us; /* of stacks for which there was no room */
    size_t len;
    struct folded slots[SLOTS];
};

struct profiles {
    struct profile *all[MOST_PROFILES];
};

/* ---- whose ---- */

/* The first of a verb's names, without the star. */
static void add_first_name(struct buf *b, const struct str *names) {
    for (uint32_t i = 0; i < names->len && names->data[i] != ' '; i++)
        if (names->data[i] != '*' || names->len == 1 || names->data[i + 1] == 0) buf_byte(b, names->data[i] == ';' ? ',' : names->data[i]);
}

bool profile_owns_verb(struct db *db, objid programmer, objid definer, const struct str *names) {
    struct verbref v;
    struct buf b = BUF_INIT;
    add_first_name(&b, names);
    struct str *first = buf_to_str(&b);
    buf_fini(&b);
    bool owns = db_valid(db, definer) && db_find_own_verb(db, definer, first, &v) && str_identical(db_verb_names(db, v), names) && db_verb_owner(db, v) == programmer;
    str_unref(first);
    return owns;
}

static bool is_own_frame(struct db *db, objid programmer, const struct activation_info *frame) {
    if (frame->is_builtin || frame->progr != programmer) return false;
    return frame->definer == NOTHING || profile_owns_verb(db, programmer, frame->definer, frame->full_name);
}

/* The innermost row that it may see; -1: none. */
static int first_row(struct scheduler *s, const struct profile *p, const struct vm *vm) {
    struct activation_info frame;
    if (db_is_wizard(s->db, p->programmer)) return 0;
    for (int row = 0; row < MOST_FRAMES && vm_activation(vm, row, &frame); row++)
        if (is_own_frame(s->db, p->programmer, &frame)) return row;
    return -1;
}

/* ---- stacks ---- */

static bool has_verb(const struct vm *vm, int row, const struct profile_target *what) {
    struct activation_info frame;
    for (; row < MOST_FRAMES && vm_activation(vm, row, &frame); row++)
        if (!frame.is_builtin && frame.definer == what->definer && str_identical(frame.full_name, what->names)) return true;
    return false;
}

/* To so many bytes, or less lest a character is cut. */
static void cut(struct buf *b, size_t len) {
    while ((b->data[len] & 0xC0) == 0x80) len--;
    b->len = len;
    b->data[len] = 0;
}

static void add_frame(struct buf *b, const struct activation_info *frame) {
    if (frame->is_builtin) return;
    if (b->len) buf_byte(b, ';');
    if (frame->definer == NOTHING) {
        buf_add_c(b, "eval");
    } else {
        buf_printf(b, "#%lld:", (long long)frame->definer);
        size_t begin = b->len;
        add_first_name(b, frame->full_name);
        if (b->len - begin > LONGEST_NAME) cut(b, begin + LONGEST_NAME);
    }
}

static struct str *fold(const struct vm *vm, int first) {
    struct buf b = BUF_INIT;
    struct activation_info frame;
    int last = vm_depth(vm) - 1;
    if (last >= first + MOST_FRAMES) {
        last = first + MOST_FRAMES - 1;
        buf_add_c(&b, "...");
    }
    for (int row = last; row >= first && b.len < LONGEST_TEXT; row--)
        if (vm_activation(vm, row, &frame)) add_frame(&b, &frame);
    if (first > 0) buf_add_c(&b, ";(called)");
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return s;
}

static void count_stack(struct profile *p, struct str *text, int us) {
    uint32_t i = str_hash(text) % SLOTS;
    while (p->slots[i].text && !str_identical(p->slots[i].text, text)) i = (i + 1) % SLOTS;
    if (!p->slots[i].text && p->len == MOST_STACKS) {
        p->other_us += us;
        return;
    }
    if (!p->slots[i].text) {
        p->slots[i].text = str_ref(text);
        p->len++;
    }
    p->slots[i].us += us;
}

static void clear(struct profile *p) {
    for (int i = 0; i < SLOTS; i++)
        if (p->slots[i].text) str_unref(p->slots[i].text);
    if (p->what.names) str_unref(p->what.names);
    memset(p, 0, sizeof *p);
}

/* ---- on and off ---- */

static void set_pace(struct scheduler *s) {
    int64_t every = 0;
    for (int i = 0; i < MOST_PROFILES; i++) {
        const struct profile *p = s->profiles->all[i];
        if (p && p->on && (!every || p->every_us < every)) every = p->every_us;
    }
    watchdog_look_every(s->watchdog, every);
}

static struct profile *find(const struct scheduler *s, objid programmer) {
    for (int i = 0; s->profiles && i < MOST_PROFILES; i++) {
        struct profile *p = s->profiles->all[i];
        if (p && p->programmer == programmer) return p;
    }
    return NULL;
}

/* A place for one more: an empty one, or that of one that does not run. */
static struct profile **place(struct profiles *all) {
    for (int i = 0; i < MOST_PROFILES; i++)
        if (!all->all[i]) return &all->all[i];
    for (int i = 0; i < MOST_PROFILES; i++)
        if (!all->all[i]->on) return &all->all[i];
    return NULL;
}

enum error profile_start(struct scheduler *s, objid programmer, const struct profile_target *what, int64_t hz) {
    if (!s->profiles) s->profiles = xcalloc(1, sizeof *s->profiles);
    struct profile *p = find(s, programmer);
    if (!p) {
        struct profile **at = place(s->profiles);
        if (!at) return E_QUOTA;
        if (!*at) *at = xcalloc(1, sizeof **at);
        p = *at;
    }
    clear(p);
    p->programmer = programmer;
    p->what = *what;
    if (what->names) str_ref(what->names);
    p->every_us = 1000000 / (hz ? hz : DEFAULT_HZ);
    p->began_us = clock_monotonic_us();
    p->on = true;
    set_pace(s);
    return E_NONE;
}

int64_t profile_stop(struct scheduler *s, objid programmer) {
    struct profile *p = find(s, programmer);
    if (!p) return -1;
    p->on = false;
    set_pace(s);
    return p->looks;
}

void profile_sample(struct scheduler *s, const struct vm *vm, int us) {
    for (int i = 0; s->profiles && i < MOST_PROFILES; i++) {
        struct profile *p = s->profiles->all[i];
        if (!p || !p->on) continue;
        if (clock_monotonic_us() - p->began_us > LONGEST_US) {
            profile_stop(s, p->programmer);
            continue;
        }
        int first = first_row(s, p, vm);
        if (first < 0 || (p->what.player != NOTHING && vm_task_player(vm) != p->what.player) || (p->what.names && !has_verb(vm, first, &p->what))) continue;
        struct str *text = fold(vm, first);
        count_stack(p, text, us);
        str_unref(text);
        p->looks++;
    }
}

void profiles_free(struct profiles *all) {
    for (int i = 0; all && i < MOST_PROFILES; i++) {
        if (!all->all[i]) continue;
        clear(all->all[i]);
        free(all->all[i]);
    }
    free(all);
}

/* ---- what it has seen ---- */

static int heaviest_first(const void *x, const void *y) {
    const struct folded *a = x, *b = y;
    if (a->us != b->us) return a->us < b->us ? 1 : -1;
    return str_compare(a->text, b->text);
}

value profile_lines(const struct scheduler *s, objid programmer) {
    const struct profile *p = find(s, programmer);
    struct list *l = list_new(p ? p->len + 1 : 0);
    if (!p) return value_list(l);
    struct folded *found = xmalloc((p->len + 1) * sizeof *found);
    size_t n = 0;
    for (int i = 0; i < SLOTS; i++)
        if (p->slots[i].text) found[n++] = p->slots[i];
    qsort(found, n, sizeof *found, heaviest_first);
    for (size_t i = 0; i < n; i++) l = list_append_take(l, value_str(str_printf("%s %lld", found[i].text->data, (long long)found[i].us)));
    if (p->other_us) l = list_append_take(l, value_str(str_printf("(other) %lld", (long long)p->other_us)));
    free(found);
    return value_list(l);
}
