/* SPDX-License-Identifier: MIT */
/* load_server_options(): limits of the machine, protections, history. And options that are texts. */
#include <string.h>

#include "base/must.h"
#include "scheduler/options_parts.h"

int64_t sched_option_int(struct scheduler *s, const char *name, int64_t fallback) {
    value v;
    if (!option_read_raw(s, 0, name, &v)) return fallback;
    int64_t n = v.type == V_INT ? v.u.i : fallback;
    value_unref(v);
    return n;
}

value sched_option(struct scheduler *s, objid handler, const char *name) {
    value v;
    if (handler != 0 && option_read_raw(s, handler, name, &v)) return v;
    return option_read_raw(s, 0, name, &v) ? v : value_none();
}

const char *const *option_default_message(const char *name) {
    static const struct {
        const char *name;
        const char *lines[3];
    } messages[] = {
        {"boot_msg", {"*** Disconnected ***"}},
        {"connect_msg", {"*** Connected ***"}},
        {"crash_msg", {"*** The server had a fault and goes on from its last save. ***"}},
        {"create_msg", {"*** Created ***"}},
        {"reboot_msg", {"*** The server is being replaced by a new one. Stay connected. ***"}},
        {"reboot_off_msg", {"*** The server is not replaced after all. Nothing is lost. ***"}},
        {"rebooted_msg", {"*** The new server is here. Nothing is lost. ***"}},
        {"recycle_msg", {"*** Recycled ***"}},
        {"redirect_from_msg", {"*** Redirecting connection to new port ***"}},
        {"redirect_to_msg", {"*** Redirecting old connection to this port ***"}},
        {"server_full_msg", {"*** Sorry, but the server cannot accept any more connections right now.", "*** Please try again later."}},
        {"timeout_msg", {"*** Timed-out waiting for login. ***"}},
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (strcmp(messages[i].name, name) == 0) return messages[i].lines;
    must(!"a message of that name");
    return NULL;
}

static void load_protections(struct scheduler *s) {
    struct machine *m = s->m;
    struct buf name = BUF_INIT;
    for (int i = 0; i < m->nbuiltins; i++) {
        value v;
        buf_clear(&name);
        buf_printf(&name, "protect_%s", m->builtins[i].name);
        m->protect[i] = 0;
        if (option_read_raw(s, 0, buf_c(&name), &v)) {
            m->protect[i] = value_is_true(v);
            value_unref(v);
        }
    }
    static const char *const properties[BP_COUNT] = {
        NULL,
#define BUILTIN_PROP(id, text, type, doc) text,
#include "db/builtin_props.def"
#undef BUILTIN_PROP
    };
    uint32_t mask = 0;
    for (int i = 1; i < BP_COUNT; i++) {
        value v;
        buf_clear(&name);
        buf_printf(&name, "protect_%s", properties[i]);
        if (!option_read_raw(s, 0, buf_c(&name), &v)) continue;
        if (value_is_true(v)) mask |= UINT32_C(1) << i;
        value_unref(v);
    }
    db_set_protected_props(s->db, mask);
    buf_fini(&name);
}

enum { MOST_STRING = 1 << 30, MOST_LIST = 1 << 28, MOST_MAP = 1 << 30 }; /* what strings, lists and maps can hold, whatever the world says */

/* Never so small that the world's own repair commands cannot be typed. */
static int64_t size_limit(int64_t n, int64_t least, int64_t most, int64_t fallback) {
    return n == 0 ? 0 : n < 0 ? fallback : n < least ? least : n > most ? most : n;
}

static void load_history_limits(struct scheduler *s) {
    enum { MOST_VERSIONS = 1000, MOST_DAYS = 36500 };
    int64_t versions = s->options->numbers[OPT_history_versions], days = s->options->numbers[OPT_history_days];
    db_set_history_limits(s->db, &(struct db_history_limits){.versions = (uint32_t)(versions < MOST_VERSIONS ? versions : MOST_VERSIONS),
                                                             .age_us = (days < MOST_DAYS ? days : MOST_DAYS) * 86400 * 1000000});
}

void options_load(struct scheduler *s) {
    options_read_cached(s);
    s->m->max_string_concat = size_limit(s->options->numbers[OPT_max_string_concat], 1015, MOST_STRING, option_default(s, OPT_max_string_concat));
    s->m->max_list_concat = size_limit(s->options->numbers[OPT_max_list_concat], 1022, MOST_LIST, option_default(s, OPT_max_list_concat));
    s->m->max_task_bytes = s->options->numbers[OPT_max_task_bytes];
    s->m->max_map_bytes = size_limit(s->options->numbers[OPT_max_map_value_bytes], 1021, MOST_MAP, option_default(s, OPT_max_map_value_bytes));
    s->m->max_concat_catchable = s->options->numbers[OPT_max_concat_catchable] != 0;
    load_protections(s);
    load_history_limits(s);
}

void sched_load_options(struct scheduler *s) {
    options_load(s);
    if (s->host.options_changed) s->host.options_changed(s->host.ctx);
}
