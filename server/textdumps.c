/* SPDX-License-Identifier: MIT */
#include "server/textdumps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "server/server.h"

static void begin(struct server *s, bool at_end);

/* One that asks for a save while nobody is there to answer fails, and is begun anew. */
static void on_end(struct server *s, int status, const char *text) {
    bool again = status && s->textdumps.taken_over && s->end == SERVER_RUNS;
    s->textdumps.taken_over = false;
    s->textdumps.written = status == 0;
    if (again) {
        begin(s, false);
        return;
    }
    if (!status) log_info("DUMPED: %s", s->options.text_dump);
    else log_error("The text dump %s could not be written; the one before it is as it was. %s", s->options.text_dump, text);
}

static void begin(struct server *s, bool at_end) {
    char evermoo[] = "evermoo", export_[] = "export", quiet[] = "--quiet", manifest[] = "--manifest", run[] = "--mark=run", end[] = "--mark=end";
    char *world = xstrdup(s->options.world), *dump = xstrdup(s->options.text_dump);
    char *argv[] = {evermoo, export_, quiet, manifest, at_end ? end : run, world, dump, NULL};
    s->textdumps.written = false;
    if (job_begin(s, &s->textdumps.job, argv, on_end)) log_error("The text dump cannot be begun: %s: %s", s->exe, strerror(errno));
    free(world);
    free(dump);
}

void textdumps_init(struct server *s) { job_init(&s->textdumps.job); }

void textdumps_begin(struct server *s) {
    if (!s->options.text_dump) return;
    if (job_is_under_way(&s->textdumps.job)) log_warning("The last text dump is still being written; the next checkpoint will make another");
    else begin(s, false);
}

bool textdumps_finish(struct server *s) {
    if (!s->options.text_dump) return true;
    job_wait(s, &s->textdumps.job);
    begin(s, true);
    job_wait(s, &s->textdumps.job);
    return s->textdumps.written;
}

void textdumps_fini(struct server *s, bool keep) {
    if (keep) s->textdumps.job.out = -1;
    job_let_go(s, &s->textdumps.job);
}

void textdumps_encode(const struct textdumps *t, struct buf *out) { job_encode(&t->job, out); }
void textdumps_decode(struct textdumps *t, struct dec *d) { t->taken_over = job_decode(&t->job, d); }

void textdumps_go_on(struct server *s) {
    if (s->textdumps.taken_over) job_go_on(s, &s->textdumps.job, on_end);
}
