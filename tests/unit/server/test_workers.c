/* SPDX-License-Identifier: MIT */
/* The pool: one thread, held at a gate by the orders that say so, so that what waits is known at each moment. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "lang/threaded.h"
#include "server/workers.h"

static sem_t begun, gate;

struct bench {
    struct ev_loop *loop;
    struct workers *w;
    char order[400]; /* of the answers: "7:text " each */
};

/* "g...": waits at the gate. The answer is what was asked. */
static void echo(const void *request, size_t len, struct buf *answer) {
    if (len && *(const char *)request == 'g') {
        sem_post(&begun);
        while (sem_wait(&gate)) continue;
    }
    buf_add(answer, request, len);
}

static void on_answer(void *ctx, int64_t task_id, const struct buf *answer) {
    struct bench *b = ctx;
    size_t n = strlen(b->order);
    snprintf(b->order + n, sizeof b->order - n, "%lld:%s ", (long long)task_id, buf_c(answer));
}

static void open_bench(struct bench *b, bool open) {
    *b = (struct bench){.loop = ev_loop_new(EVFLAG_AUTO)};
    sem_init(&begun, 0, 0);
    sem_init(&gate, 0, 0);
    b->w = workers_new(b->loop, 1, on_answer, b);
    if (open) workers_open(b->w);
}

static void close_bench(struct bench *b) {
    workers_free(b->w, 10);
    ev_loop_destroy(b->loop);
}

static const char *ask(struct bench *b, int64_t id, objid owner, const char *text, bool finish) {
    struct work_order o = {.task_id = id, .owner = owner, .finish = finish, .work = echo, .request = BUF_INIT};
    buf_add_c(&o.request, text);
    const char *why = workers_ask(b->w, &o);
    cr_expect(!o.request.data, "the request is taken");
    return why;
}

/* The gate's order is under way when this returns. */
static void ask_gated(struct bench *b, int64_t id) {
    cr_assert_null(ask(b, id, 1, "gated", false));
    while (sem_wait(&begun)) continue;
}

/* Turns of the loop until so many answers have come. */
static void expect_answers(struct bench *b, const char *order) {
    while (strlen(b->order) < strlen(order)) ev_run(b->loop, EVRUN_ONCE);
    ev_run(b->loop, EVRUN_NOWAIT);
    cr_expect_str_eq(b->order, order);
}

Test(workers, answers_come_with_the_loop) {
    struct bench b;
    open_bench(&b, true);
    ask_gated(&b, 1);
    cr_expect_null(ask(&b, 2, 1, "two", false));
    ev_run(b.loop, EVRUN_NOWAIT);
    cr_expect_str_eq(b.order, "");
    sem_post(&gate);
    expect_answers(&b, "1:gated 2:two ");
    close_bench(&b);
}

Test(workers, nothing_is_begun_before_it_is_open) {
    struct bench b;
    size_t waiting, running;
    open_bench(&b, false);
    cr_expect_null(ask(&b, 1, 1, "one", false));
    workers_count(b.w, &waiting, &running);
    cr_expect(waiting == 1 && running == 0);
    workers_open(b.w);
    expect_answers(&b, "1:one ");
    close_bench(&b);
}

/* A thread whose stack is larger than the address space. */
static void let_threads_start(bool on) {
    static pthread_attr_t before;
    pthread_attr_t huge;
    if (on) {
        pthread_setattr_default_np(&before);
        return;
    }
    pthread_getattr_default_np(&before);
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, (size_t)1 << 60);
    cr_assert_eq(pthread_setattr_default_np(&huge), 0);
}

Test(workers, without_a_thread_everybody_gets_an_error) {
    struct bench b;
    struct buf error = BUF_INIT;
    char expected[400];
    answer_error(&error, E_QUOTA, "No thread can be started: Resource temporarily unavailable");
    snprintf(expected, sizeof expected, "1:%s 2:%s 3:%s ", buf_c(&error), buf_c(&error), buf_c(&error));
    buf_fini(&error);
    open_bench(&b, false);
    ask(&b, 1, 1, "one", false);
    ask(&b, 2, 1, "two", false);
    let_threads_start(false);
    workers_open(b.w);
    cr_expect_null(ask(&b, 3, 1, "three", false));
    expect_answers(&b, expected);
    let_threads_start(true);
    ask_gated(&b, 4);
    sem_post(&gate);
    snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "4:gated ");
    expect_answers(&b, expected);
    close_bench(&b);
}

Test(workers, owners_take_turns) {
    struct bench b;
    open_bench(&b, true);
    ask_gated(&b, 1);
    for (int64_t i = 10; i < 14; i++) ask(&b, i, 1, "a", false);
    for (int64_t i = 20; i < 22; i++) ask(&b, i, 2, "b", false);
    ask(&b, 30, 3, "c", false);
    sem_post(&gate);
    expect_answers(&b, "1:gated 10:a 20:b 30:c 11:a 21:b 12:a 13:a ");
    close_bench(&b);
}

Test(workers, what_was_dropped_is_not_answered) {
    struct bench b;
    open_bench(&b, true);
    ask_gated(&b, 1);
    for (int64_t i = 2; i < 6; i++) ask(&b, i, 1, "x", false);
    workers_drop(b.w, 3); /* waits */
    workers_drop(b.w, 1); /* is under way */
    workers_drop(b.w, 77); /* never was */
    workers_drop(NULL, 1);
    sem_post(&gate);
    expect_answers(&b, "2:x 4:x 5:x ");
    ask_gated(&b, 6);
    ask(&b, 7, 1, "x", true);
    ask(&b, 8, 1, "gated", false);
    sem_post(&gate);
    while (sem_wait(&begun)) continue; /* 6 and 7 are done, and nobody has looked */
    workers_drop(b.w, 7);
    workers_drop(b.w, 7);
    sem_post(&gate);
    ask(&b, 9, 1, "x", false);
    expect_answers(&b, "2:x 4:x 5:x 6:gated 8:gated 9:x ");
    close_bench(&b);
}

static void *open_gate(void *ctx) {
    sem_post(ctx);
    return NULL;
}

Test(workers, a_reboot_waits_for_what_is_to_be_finished) {
    struct bench b;
    pthread_t helper;
    open_bench(&b, true);
    ask_gated(&b, 1);
    ask(&b, 2, 1, "two", true);
    ask(&b, 3, 1, "three", true);
    pthread_create(&helper, NULL, open_gate, &gate);
    workers_finish(b.w, 1000);
    pthread_join(helper, NULL);
    cr_expect_str_eq(b.order, "1:gated 2:two 3:three "); /* without a turn of the loop */
    ask_gated(&b, 4);
    workers_drop(b.w, 4);
    workers_finish(b.w, 1000); /* not for that one, nor for what nobody waits for */
    sem_post(&gate);
    ask(&b, 5, 1, "five", false);
    expect_answers(&b, "1:gated 2:two 3:three 5:five ");
    close_bench(&b);
}

Test(workers, nor_does_it_wait_for_ever) {
    struct bench b;
    open_bench(&b, true);
    ask_gated(&b, 1);
    ask(&b, 2, 1, "two", true);
    workers_finish(b.w, 0.01);
    cr_expect_str_eq(b.order, "");
    sem_post(&gate);
    expect_answers(&b, "1:gated 2:two ");
    close_bench(&b);
}

Test(workers, the_end_leaves_behind_what_does_not_end) {
    struct bench b;
    open_bench(&b, true);
    ask_gated(&b, 1);
    ask(&b, 2, 1, "two", false);
    workers_free(b.w, 0.01);
    ev_run(b.loop, EVRUN_NOWAIT);
    cr_expect_str_eq(b.order, "");
    ev_loop_destroy(b.loop);
    sem_post(&gate); /* it frees what is left */
    workers_free(NULL, 1);
}

Test(workers, who_orders_too_much_is_refused) {
    struct bench b;
    char why[100] = "";
    open_bench(&b, false);
    for (int64_t i = 0; i < THREADED_MOST_WAITING; i++) {
        objid owner = i / THREADED_MOST_OF_ONE;
        cr_expect_null(ask(&b, i + 1, owner, "x", false));
        if (i + 1 == THREADED_MOST_OF_ONE) snprintf(why, sizeof why, "%s", ask(&b, 5000, owner, "x", false));
    }
    cr_expect_str_eq(why, "Too much work of yours waits to be done");
    cr_expect_str_eq(ask(&b, 5001, 5001, "x", false), "Too much work waits to be done");
    workers_drop(b.w, 1);
    cr_expect_null(ask(&b, 5001, 5001, "x", false));
    struct work_order again = {.task_id = 5002, .owner = 1, .again = true, .work = echo, .request = BUF_INIT};
    cr_expect_null(workers_ask(b.w, &again), "before the reboot a thread had it");
    close_bench(&b);
    open_bench(&b, false);
    struct work_order o = {.task_id = 1, .work = echo, .request = BUF_INIT};
    buf_reserve(&o.request, THREADED_MOST_BYTES + 1);
    memset(o.request.data, 'x', THREADED_MOST_BYTES + 1);
    o.request.len = THREADED_MOST_BYTES + 1;
    cr_expect_str_eq(workers_ask(b.w, &o), "The arguments are too long");
    close_bench(&b);
}
