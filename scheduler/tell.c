/* SPDX-License-Identifier: MIT */
/* Lines of the scheduler's own to a connection, or to the log. */
#include <stdarg.h>

#include "base/log.h"
#include "scheduler/state.h"

void tell(struct scheduler *s, objid conn, const char *format, ...) {
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&b, format, ap);
    va_end(ap);
    s->host.notify(s->host.ctx, conn, buf_c(&b), b.len, false, false);
    buf_fini(&b);
}

void tell_lines(struct scheduler *s, objid conn, value lines) {
    if (lines.type != V_LIST) return;
    for (int64_t i = 1; i <= lines.u.l->len; i++) {
        value line = list_get(lines.u.l, i);
        if (line.type == V_STR) s->host.notify(s->host.ctx, conn, line.u.s->data, line.u.s->len, false, false);
    }
}

void tell_log(value lines) {
    if (lines.type != V_LIST) return;
    for (int64_t i = 1; i <= lines.u.l->len; i++) {
        value line = list_get(lines.u.l, i);
        if (line.type == V_STR) log_error("%s", line.u.s->data);
    }
}
