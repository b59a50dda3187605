/* SPDX-License-Identifier: MIT */
/* Verbs of #0 that the server calls about itself. */
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "base/version.h"
#include "server/server.h"

void server_call_hook(struct server *s, const char *verb, struct list *args) {
    value v = value_none();
    bool found;
    struct server_verb_call call = {.object = 0, .player = NOTHING, .verb = verb, .args = args};
    (void)sched_call_verb(s->sched, &call, &v, &found);
    value_unref(v);
    s->saves.changed = true;
}

static value text(const char *s) { return value_str(str_from(s ? s : "")); }

void server_hook_rebooting(struct server *s) { server_call_hook(s, "server_rebooting", list_of(1, text(s->reboot.reason))); }

void server_hook_rebooted(struct server *s) {
    const struct reboot_request *r = &s->reboot;
    struct list *info = list_new(7);
    list_add_pair(&info, "reason", text(r->reason));
    list_add_pair(&info, "who", value_obj(r->who));
    list_add_pair(&info, "seconds", value_float(r->frozen_us ? (double)(clock_monotonic_us() - r->frozen_us) / 1e6 : 0));
    list_add_pair(&info, "version_before", text(r->version));
    list_add_pair(&info, "version_after", text(EVERMOO_VERSION));
    list_add_pair(&info, "generation", value_int((int64_t)db_generation(s->db)));
    list_add_pair(&info, "went_back", value_int(s->options.back));
    reboot_free(s); /* it is over: the verb may ask for the next one */
    server_call_hook(s, "server_rebooted", list_of(1, value_list(info)));
}
