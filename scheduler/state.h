/* SPDX-License-Identifier: MIT */
/*
 * What the files of scheduler/ share, and nobody else sees: tasks, queues, the input half of connections.
 *
 * A *task* (struct task) exists here only while it is set aside: forked, suspended, reading or waiting for work. While it runs it is a struct run on the C stack.
 * A *queue* is what a player has to run: the lines typed by its connections and its ready background tasks. It has a place in a share (shares.h). An *input* belongs to a connection, or to an
 * object that is not connected but has lines to run (force_input).
 *
 * Invariants. (1) A queue is in the ring of its share's typed part exactly when it has lines to run, of the background part exactly when it has ready tasks and is not paused; it stays where it is as
 * long as a slice of it runs. (2) A task is in exactly one of: a queue's ready list (TASK_READY), the heap of
 * sleepers (TASK_SLEEPING), neither. (3) Every task counts once for its programmer in `counts', unless it reads or waits for work. (4) An input is in its queue's list of inputs
 * exactly when input_can_run() holds.
 */
#ifndef SCHEDULER_STATE_H
#define SCHEDULER_STATE_H

#include "base/buf.h"
#include "base/codec.h"
#include "base/idmap.h"
#include "scheduler/options.h"
#include "scheduler/profile.h"
#include "scheduler/scheduler.h"
#include "scheduler/timers.h"
#include "scheduler/shares.h"
#include "scheduler/stats.h"

enum task_state { TASK_READY, TASK_SLEEPING, TASK_FOREVER, TASK_READING, TASK_WORKING };

struct task {
    int64_t id;
    enum task_state state;
    bool forked; /* has not begun */
    bool from_suspend; /* set aside by suspend(): resume() may be used */
    bool for_save; /* WORKING: until what it did is on disk. A record of it is read from there only if that is so */
    bool stored; /* the store has a row of it */
    bool holds_codes; /* counted in scheduler.codes */
    struct vm *vm;
    objid progr; /* of the top frame: limits, queued_tasks() and kill_task() go by it */
    struct queue *queue;
    value wake; /* what it goes on with; WORKING for a threaded built-in: its name and arguments, as a list */
    struct timer timer; /* due_us: SLEEPING: when it wakes; READY: since when it is */
    struct deadline *deadline; /* NULL: none */
    int64_t start_wall_us; /* when it was or will be due, by the clock on the wall; INT64_MAX: never by itself */
    objid conn; /* READING */
    struct task *next, *prev; /* READY: in its queue */
};

struct deadline {
    struct timer timer;
    int64_t task_id;
    int64_t wall_us; /* the same by the clock on the wall */
};

struct line {
    struct line *next;
    struct str *text;
    int64_t read_us; /* monotonic */
    bool out_of_band, quoted; /* as it looks: whether it counts depends on disable-oob when its turn comes */
};

struct input {
    objid conn;
    bool connected;
    int busy; /* a line of it runs: not to be freed */
    objid listener;
    bool print_messages, outbound;
    struct queue *queue;
    bool runnable;
    struct input *next, *prev; /* in the queue, while runnable */
    struct line *first, *last;
    size_t bytes, out_of_band_lines;
    bool paused;
    bool hold, disable_oob, dirty;
    struct str *flush; /* NULL: none */
    unsigned intrinsics; /* bits by enum intrinsic */
    struct str *prefix, *suffix; /* NULL: none */
    struct task *reader;
    int64_t last_task_id;
    struct buf *program; /* not NULL: lines go to .program */
    objid program_object;
    struct str *program_verb;
};

struct queue {
    objid owner;
    bool logins; /* of the connections of listener `owner' that have not logged in */
    struct share *share; /* NULL: it has had nothing to run yet */
    struct queue_place { /* in the rings of the share's parts */
        struct queue *next, *prev;
        bool listed;
        uint64_t round; /* the last one of this ring in which it earned */
        int64_t balance; /* against the others in this ring */
    } places[PARTS];
    enum part part; /* that has the turn, or will */
    bool paused; /* a quota of 0: background tasks stand still */
    struct queue *next_paused, *prev_paused;
    bool has_turn; /* a slice of it runs */
    bool yields; /* the task that has the turn went to sleep: the others come first */
    struct input *first_input, *last_input;
    struct task *first, *last; /* ready */
    size_t tasks, inputs; /* that belong here, ready or not */
    size_t nready; /* tasks */
    int64_t own[OWN_COUNT]; /* what holds for the player; see queue_option() */
    uint64_t own_count, place_count; /* option_count() when these were read, and when it was last seen that the queue is where it belongs; 0: not yet */
    struct usage_entry *usage; /* what is counted of it, while usage_epoch is that of the table */
    uint32_t usage_epoch;
};

/* A slice under way. */
struct run {
    struct run *outer;
    int64_t task_id;
    struct vm *vm;
    int64_t started_us;
    int64_t ticks; /* it may use */
    int64_t seconds; /* what it counts as having, and the CPU time that these come to */
    int64_t limit_us;
    struct task_sums *sums; /* the task's */
    int64_t wait_us, cpu_us;
    value stack; /* when it was last seen running for long; NONE: it was not */
    int64_t stack_us; /* when that was, monotonic */
    bool is_handler; /* runs a verb that hears of errors or long slices: its own are not reported to it */
};

/* A slice that was longer than task_lag_threshold. */
struct lag {
    value stack;
    int64_t us;
};

/* A verb of a listener that hears of a player, to be called when no task runs. */
struct hook {
    objid listener, player;
    const char *verb;
    bool hidden; /* the player counts as not connected meanwhile */
};

struct scheduler {
    struct machine *m;
    struct db *db;
    struct host host;
    struct idmap tasks, queues, login_queues, inputs;
    struct idmap counts; /* programmer -> number of tasks, as (intptr_t) */
    struct idmap shares, login_shares;
    struct queue *paused;
    uint64_t paused_count; /* option_count() when these were looked at */
    struct share *ring; /* whose turn it is */
    struct share *waiting; /* for the next round */
    size_t nactive; /* in both */
    struct share *newcomer; /* the last of those behind it who came in since it, or one before it in the ring, had its turn; NULL: none */
    uint64_t round; /* from 1 */
    struct timers sleepers;
    struct idmap deadlines; /* task -> struct deadline */
    struct timers deadline_timers;
    uint64_t order;
    uint64_t random[2];
    struct run *run;
    struct queue *turn; /* pays for what runs; NULL: nobody */
    int64_t ticks_used; /* in this turn */
    int64_t mark_us, cpu_mark_us; /* the monotonic clock and the thread's when this one was last read */
    int64_t lap_us; /* monotonic: until when CPU time has been charged */
    int64_t wait_us; /* of this turn, until its first slice takes it */
    int64_t line_us; /* when the line that this turn runs was read; 0: none, or not to be counted */
    int64_t look_us; /* when the things that a line names began to be looked for; 0: the slice that this may cost time has begun, or there is none */
    int64_t turn_cpu_us, slices_cpu_us; /* of this turn, and of the slices in it */
    bool turn_is_fresh; /* nothing has been done in it yet */
    struct lag *lags; /* long slices of which the world has not heard */
    size_t nlags;
    size_t nready; /* tasks in the lists of queues */
    struct stats *stats;
    struct stats_counts counted;
    size_t shares_after_sweep;
    struct profiles *profiles; /* NULL: none was ever started */
    struct watchdog *watchdog;
    struct server_options *options;
    struct hook *hooks;
    size_t nhooks;
    struct idmap recycled; /* inputs whose player object went during this slice */
    /* saving */
    struct idmap codes; /* address of a program that stored tasks need -> how many, as (intptr_t) */
    struct code **kept_codes;
    size_t nkept_codes;
    bool foreign_live; /* forked tasks of a dump have become tasks */
    uint64_t *foreign_taken; /* their rows, to be dropped */
    size_t nforeign_taken;
    struct kept_row *kept_rows; /* could not be read: written back as they are */
    bool rows_are_known; /* the last save reached the store, so what follows is changes */
    struct idmap dirty_tasks; /* id -> task, or &dirty_tasks: a row to be dropped */
    struct idmap dirty_inputs;
    struct { /* rows as they were at the cut of the save that is under way */
        struct db_saver *saver; /* NULL: all are handed over */
        struct idmap tasks; /* id -> task; &dirty_tasks: a row to be dropped; &cut: handed over */
        size_t next; /* slot */
    } cut;
};

/* tasks.c */
struct task *task_new(struct scheduler *s, int64_t id, struct vm *vm);
void task_free(struct scheduler *s, struct task *t); /* from wherever it stands, with its vm */
/* Out of the tables, to be run: the caller has its vm. */
struct vm *task_take_vm(struct scheduler *s, struct task *t, value *wake);
int64_t task_new_id(struct scheduler *s);
enum error task_fork(struct scheduler *s, struct vm *child, double seconds, int64_t id); /* takes child unless E_QUOTA */
/* The vm has just returned VM_SUSPENDED. `forget': nobody waits for its value. */
void task_set_aside(struct scheduler *s, int64_t id, struct vm *vm, const struct vm_outcome *o);
void task_make_ready(struct scheduler *s, struct task *t);
void task_make_ready_since(struct scheduler *s, struct task *t, int64_t since_us);
void task_sleep(struct scheduler *s, struct task *t, int64_t due_us, int64_t start_wall_us);
objid task_queue_owner(struct scheduler *s, const struct vm *vm);
objid task_belongs_to(const struct task *t); /* who may kill it and look at it, and in whose list it stands */
void task_count(struct scheduler *s, struct task *t, int by);
void task_changed(struct scheduler *s, struct task *t); /* the store's row is stale */
/* To be called before anything of it changes that its row tells: a save under way gets it as it was. */
void task_will_change(struct scheduler *s, struct task *t);

void tasks_wake(struct scheduler *s, int64_t now_us); /* all sleepers that are due become ready */
enum error task_may_end(struct scheduler *s, int64_t id, objid progr, struct task **t); /* one that is set aside: kill_task() and the like */
int64_t microseconds(double seconds); /* of a program's, never beyond three hundred years; not a number: 0 */

/* deadlines.c */
struct deadline *deadline_of(const struct scheduler *s, int64_t id); /* NULL: it has none */
void deadline_restore(struct scheduler *s, int64_t id, int64_t wall_us); /* of a task that was saved */
void deadline_drop(struct scheduler *s, int64_t id); /* it ends, if it has one */
int64_t deadline_left_us(const struct scheduler *s, int64_t id, int64_t now_us); /* at least 1; INT64_MAX: it has none */
bool deadline_end_one(struct scheduler *s, int64_t now_us); /* the first task whose deadline has passed; false: there is none */
void deadlines_fini(struct scheduler *s);

/* queues.c */
struct queue *queue_get(struct scheduler *s, objid owner);
struct queue *queue_get_logins(struct scheduler *s, objid listener);
void queue_put_task(struct scheduler *s, struct queue *q, struct task *t);
void queue_take_task(struct scheduler *s, struct queue *q, struct task *t);
void queue_put_input(struct scheduler *s, struct input *in);
void queue_take_input(struct scheduler *s, struct input *in);
void queue_release(struct scheduler *s, struct queue *q); /* freed when nothing belongs to it */
struct queue *queues_next(struct scheduler *s); /* whose turn it is, and of which part; NULL: nothing is ready */
struct queue *queues_next_of_round(struct scheduler *s); /* NULL also if nobody who is ready has anything left of this round */
void queue_begin_turn(struct queue *q);
void queue_begin_unasked_turn(struct scheduler *s, struct queue *q); /* of a background task, though it is not the queue's turn */
void queue_end_turn(struct scheduler *s, struct queue *q, int64_t ticks, int64_t cpu_us); /* what the slice has used is charged; may free q */
int64_t queue_option(struct scheduler *s, struct queue *q, enum own_option which); /* as it is now */
void queues_fini(struct scheduler *s);

/* measure.c: what is counted of turns, slices and how tasks end */
void measure_begin_turn(struct scheduler *s, int64_t now_us, int64_t ready_us); /* what runs was ready since then; 0: not known */
void measure_line(struct scheduler *s, int64_t read_us); /* it runs such a line */
int64_t measure_end_turn(struct scheduler *s); /* s->turn_cpu_us is what it has cost. The time, monotonic */
void measure_begin_slice(struct scheduler *s, struct run *run); /* before it is s->run; sets started_us */
void measure_end_slice(struct scheduler *s, struct run *run, enum vm_status status, int64_t ticks, const struct vm_outcome *out); /* when it is no longer; s->lap_us is when it ended */
void measure_bad_end(struct scheduler *s, enum vm_status status); /* of a task that is over, but not done */
void measure_sample(void *sched, const struct vm *vm, int us); /* machine_hooks.sampled */

/* slow.c: long slices */
void slow_keep_stack(struct run *run, int64_t now_us);
void slow_end_slice(struct scheduler *s, struct run *run, struct slow_slice slice, const struct vm_outcome *out); /* of at least SLOW_SLICE_US; us, cpu_us, ticks, end and at_us of `slice' are set */
void slow_tell(struct scheduler *s); /* #0:handle_lagging_task(); no task runs */
void slow_fini(struct scheduler *s);

/* run.c */
enum run_class { RUN_FOREGROUND, RUN_BACKGROUND };
/* Runs a vm to its end or sleep, and does all that its end asks for (errors, time-outs, setting aside). Takes vm and wake. *result (may be NULL) is owned. */
enum vm_status run_vm(struct scheduler *s, struct vm *vm, int64_t id, enum run_class class, value wake, value *result);
/* A verb of the world, as task `id'. result and found may be NULL. */
enum vm_status run_verb(struct scheduler *s, const struct server_verb_call *call, int64_t id, value *result, bool *found);
/* A verb on #0 that hears of something long or bad; nothing is reported to it of itself. Takes args. */
void run_handler(struct scheduler *s, const char *verb, struct list *args);
void run_input(struct scheduler *s, struct input *in);
void run_task(struct scheduler *s, struct task *t);
void run_expired(struct scheduler *s, struct task *t, int64_t now_us); /* a turn in which it ends as out of seconds */
int64_t run_typed_us(struct scheduler *s); /* CPU time that what this turn's player typed may use */
int64_t run_begin_look(struct scheduler *s); /* for the things that a line names: until when, monotonic. What it takes its slice does not have */
void run_shorten(struct scheduler *s, int64_t us); /* the slice under way has no more time than that */

/* tell.c */
void tell(struct scheduler *s, objid conn, const char *format, ...) __attribute__((format(printf, 3, 4)));
void tell_lines(struct scheduler *s, objid conn, value lines);
void tell_log(value lines); /* of what the server itself began: there is nobody to tell */

/* input.c */
enum intrinsic { INTRINSIC_PROGRAM, INTRINSIC_PREFIX, INTRINSIC_SUFFIX, INTRINSIC_OUTPUTPREFIX, INTRINSIC_OUTPUTSUFFIX, INTRINSIC_COUNT };
enum { INTRINSICS_ALL = (1 << INTRINSIC_COUNT) - 1 };
struct input *input_get(struct scheduler *s, objid conn); /* NULL if there is none */
struct input *input_make(struct scheduler *s, objid conn); /* or a new one for an object that is not connected */
void input_free(struct scheduler *s, struct input *in);
void input_update(struct scheduler *s, struct input *in); /* runnable or not; freed when of no more use: do not touch it afterwards */
void input_drop_lines(struct scheduler *s, struct input *in);
void input_add_line(struct scheduler *s, struct input *in, struct str *text, bool at_front);
/* The next line that may run now, owned; NULL none. *out_of_band tells what it is, *read_us when it was read; 0 when it then waited for its reader. */
struct str *input_next_line(struct scheduler *s, struct input *in, bool *out_of_band, int64_t *read_us);
bool input_can_run(const struct input *in);
void input_disappoint_reader(struct scheduler *s, struct input *in); /* it gets E_INVARG */
void input_move_queue(struct scheduler *s, struct input *in, struct queue *q);
void input_changed(struct scheduler *s, struct input *in);
void input_drop_row(struct scheduler *s, objid conn); /* what the store has of it goes with the next save */

/* dispatch.c, login.c, programming.c */
void dispatch_command(struct scheduler *s, struct input *in, struct str *line);
void dispatch_out_of_band(struct scheduler *s, struct input *in, struct str *line);
void login_line(struct scheduler *s, struct input *in, struct str *line);
/* The connection becomes the player's: messages now, hooks when the slice has ended. */
void login_become(struct scheduler *s, struct input *in, objid player, bool created, bool silent);
void login_run_hooks(struct scheduler *s); /* those that waited for the end of the slice; no task runs */
void login_close_recycled(struct scheduler *s);
struct command_look;
void programming_start(struct scheduler *s, struct input *in, struct str *spec, struct command_look *look);
void programming_line(struct scheduler *s, struct input *in, struct str *line);

/* saving.c */
void saving_fini(struct scheduler *s);
void saving_end_cut(struct scheduler *s); /* nobody asks for its rows any more */
void saving_go_to_sleep(struct scheduler *s, struct task *t); /* one that was away: until start_wall_us */
void saving_release_codes(struct scheduler *s, struct task *t);

/* working.c */
bool work_is_wanted(const struct task *t); /* it waits for a threaded built-in */
void work_begin(struct scheduler *s, struct task *t, bool again); /* such a one: its work is ordered (again: work_order.again); it may be ready, with an error, on return */
void work_begin_again(struct scheduler *s); /* for all that were saved, in their order: after a restart or a reboot */
void work_drop(struct scheduler *s, struct task *t); /* it goes */

/* foreign.c */
int foreign_take_over(struct scheduler *s, struct buf *why);

/* watchdog.c */
struct watchdog;
struct watchdog *watchdog_new(void);
void watchdog_free(struct watchdog *w);
/* The slice's flags (enum slice_flag): it is over when it has used that much CPU time; each look adds how long it stands for. */
volatile int *watchdog_begin(struct watchdog *w, int64_t cpu_limit_us, int64_t now_us);
void watchdog_look_every(struct watchdog *w, int64_t us); /* 0: as usual */
void watchdog_shorten(struct watchdog *w, int64_t cpu_limit_us); /* the present slice's limit is now this */
void watchdog_end(struct watchdog *w);

#endif
