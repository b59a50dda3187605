/* SPDX-License-Identifier: MIT */
/* An answer is the number of an error and, if that is 0, a value, else its message; both as in base/codec.h. */
#include "lang/threaded.h"

#include <string.h>

#include "base/codec.h"
#include "base/must.h"
#include "lang/machine.h"

/* ---- answers ---- */

void answer_int(struct buf *answer, int64_t n) {
    enc_u64(answer, E_NONE);
    enc_value(answer, value_int(n));
}

/* As enc_value() would; but strings are the main thread's. */
void answer_text(struct buf *answer, const char *text, size_t len) {
    enc_u64(answer, E_NONE);
    enc_u64(answer, V_STR);
    enc_bytes(answer, text, len);
}

void answer_error(struct buf *answer, enum error e, const char *message) {
    enc_u64(answer, (uint64_t)e);
    enc_bytes(answer, message, strlen(message));
}

struct result threaded_answer(const struct buf *answer) {
    struct dec d = dec_over(answer->data, answer->len);
    size_t len;
    uint64_t e = dec_u64(&d);
    if (e == E_NONE) {
        value v = dec_value(&d);
        must(!d.bad && v.type != V_NONE);
        return result_value(v);
    }
    const char *message = dec_bytes(&d, &len);
    must(!d.bad);
    struct result r = result_raise((enum error)e);
    r.message = str_from_bytes(message, len);
    return r;
}

/* ---- calls ---- */

static struct result answer_at_once(const struct builtin_call *c, const struct threaded *t) {
    struct buf request = BUF_INIT, answer = BUF_INIT;
    t->request(c->m, c->args, c->nargs, &request);
    t->work(buf_c(&request), request.len, &answer);
    struct result r = threaded_answer(&answer);
    buf_fini(&request);
    buf_fini(&answer);
    return r;
}

struct result threaded_call(struct builtin_call *c, const char *name) {
    int id = machine_find_builtin(c->m, name, strlen(name));
    must(id >= 0 && c->m->builtins[id].threaded);
    if (!c->m->has_workers) return answer_at_once(c, c->m->builtins[id].threaded);
    struct list *wish = list_new((size_t)c->nargs + 1);
    wish = list_append_take(wish, value_str(str_from(name)));
    for (int i = 0; i < c->nargs; i++) wish = list_append_take(wish, value_ref(c->args[i]));
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_WORK, .v = value_list(wish)};
}

const struct threaded *threaded_of(const struct machine *m, value wish) {
    if (wish.type != V_LIST || wish.u.l->len == 0 || wish.u.l->items[0].type != V_STR) return NULL;
    const struct str *name = wish.u.l->items[0].u.s;
    int id = machine_find_builtin(m, name->data, name->len);
    struct result fault;
    if (id < 0 || !m->builtins[id].threaded) return NULL;
    if (builtin_check_args(m, &m->builtins[id], wish.u.l->items + 1, (int)wish.u.l->len - 1, &fault)) return m->builtins[id].threaded;
    if (fault.message) str_unref(fault.message);
    return NULL;
}
