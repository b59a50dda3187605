/* SPDX-License-Identifier: MIT */
/*
 * Tasks and whose turn it is.
 *
 * A ring of players, a ring of ready tasks for each, deficit round robin between players (Shreedhar and Varghese, 1995) with a tick quota; sleepers in a heap.
 * Exactly one task runs at a time, until it ends, suspends or reads. The server calls sched_run() from its loop and hands in lines; everything else comes from MOO code.
 */
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "db/foreign.h"
#include "db/textdump.h"
#include "db/world.h"
#include "lang/machine.h"
#include "scheduler/host.h"

struct scheduler;

struct scheduler *sched_new(struct machine *m, const struct host *host); /* sets m->scheduler and the hooks */
void sched_free(struct scheduler *s);

/* Runs ready slices for at most `budget_us`, or until a round is over: then the sockets come first. Result: microseconds until there is more to do: 0 at once, -1 nothing until something comes. */
int64_t sched_run(struct scheduler *s, int64_t budget_us);
bool sched_is_idle(const struct scheduler *s);

/* ---- connections (the input half of each is kept here; sockets are the server's) ---- */
void sched_connection_opened(struct scheduler *s, objid conn, objid listener, bool print_messages, bool outbound, bool login_prompt);
/* One that was there before the server began, already logged in when `conn' is a player; nothing is called or said. */
void sched_connection_kept(struct scheduler *s, objid conn, objid listener, bool print_messages, bool outbound);
/* One line, without line end. A full queue asks host->pause_input(). */
void sched_input(struct scheduler *s, objid conn, struct str *line);
bool sched_lines_can_run(const struct scheduler *s, objid conn); /* lines of it wait for nothing but their turn, or one runs */
/* To be called while the host still knows the connection (its name, say()), no task running. Calls the hook (user_client_disconnected or user_disconnected), writes
   the log line, and says boot_msg (recycle_msg, and no hook, when the player object is gone). Its reader gets E_INVARG once queued lines are used up. */
void sched_connection_closed(struct scheduler *s, objid conn, bool by_client);
/* The same for one that did not log in in time: user_disconnected, TIMEOUT in the log, timeout_msg. */
void sched_connection_timed_out(struct scheduler *s, objid conn);
/* Seconds a connection of this listener may idle before login; 0: for ever. */
int64_t sched_connect_timeout(struct scheduler *s, objid listener);
/* Says a message option ("boot_msg", ...) of the listener: its lines, or the default. `no_flush': not to who has no room for them. */
void sched_say_message(struct scheduler *s, objid conn, objid listener, const char *name, bool no_flush);
/* To be called by whoever destroys an object: a player of that number is disconnected after the task. */
void sched_object_recycled(struct scheduler *s, objid o);
/* The world has just been started: #0:server_started() after user_disconnected for each player of `were_connected' (list of {player, listener}, borrowed). */
void sched_world_started(struct scheduler *s, const struct list *were_connected);
void sched_players_gone(struct scheduler *s, const struct list *were_connected); /* only user_disconnected */

/* Connection options: those kept here and, through the host, those of the server. */
value sched_connection_option(struct scheduler *s, objid conn, const struct str *name); /* owned; NONE: no such option */
bool sched_set_connection_option(struct scheduler *s, objid conn, const struct str *name, value v); /* borrows; false: unknown, or does not fit */
value sched_connection_options(struct scheduler *s, objid conn); /* {{name, value}...} in the classic order */
void sched_output_delimiters(struct scheduler *s, objid conn, value *prefix, value *suffix); /* owned strings */
/* Takes line; as if typed, also for an object that is not connected. E_QUOTA: too much waits there already. */
enum error sched_force_input(struct scheduler *s, objid conn, struct str *line, bool at_front);
void sched_flush_input(struct scheduler *s, objid conn, bool show);
/* read() of conn by the running task: E_NONE, E_PERM or E_INVARG. */
enum error sched_check_read(struct scheduler *s, objid conn);
value sched_read_now(struct scheduler *s, objid conn); /* a queued in-band line, or integer 0 */
int64_t sched_last_input_task(struct scheduler *s, objid conn);
enum error sched_switch_player(struct scheduler *s, objid conn, objid player, bool silent);

/* ---- verbs the server calls (server-verbs.txt) ---- */
struct server_verb_call {
    objid object, player;
    const char *verb;
    struct list *args; /* taken; NULL {} */
    struct str *argstr; /* borrowed; NULL "" */
};
/* Runs it at once as a foreground task. VM_DONE and the value (owned) when it returned at once; VM_SUSPENDED and so on else. *found false: no such verb. */
enum vm_status sched_call_verb(struct scheduler *s, const struct server_verb_call *call, value *result, bool *found);
/* Evaluates text as a wizard (`evermoo eval', emergency mode). 0 and the value, or -1 and messages or traceback lines as a list. */
int sched_eval(struct scheduler *s, objid wizard, const char *text, bool debug, value *result); /* debug: the d bit */

/* The traceback of the task that runs now, if one does, to the log: for the end of a server that has a fault. */
void sched_log_running(const struct scheduler *s);

/* ---- saving ---- */
void sched_save_part(struct scheduler *s, struct db_save_part *part); /* tasks, queues and queued input */
bool sched_has_changes(const struct scheduler *s); /* tasks or lines came, went or moved since the last save was begun */
int sched_load(struct scheduler *s, struct buf *why); /* after db_world_open: tasks that were saved or came with a dump */
/* For an export of a world that is not running: saved tasks only; what came with a dump stays as it came. Nothing is ever run. */
int sched_load_for_export(struct scheduler *s, struct buf *why);
/* struct export_options.each_forked, with the scheduler as its context: live forked tasks, and after sched_load_for_export() those that came with a dump before them. */
void sched_each_forked(void *sched, foreign_emit *emit, void *to);
/* The same rows for the reboot hand-off, reading tasks and input queues of connections included. */
void sched_hand_off(struct scheduler *s, struct buf *out);
/* `made_us': when it was handed off, by the monotonic clock; 0: not told, and what sleeps sleeps longer by the time in between. */
int sched_take_over(struct scheduler *s, struct dec *d, int64_t made_us, struct buf *why);

void sched_load_options(struct scheduler *s); /* $server_options */
/* An option of $server_options as an integer with default; a message option of `handler' ($server_options of the listener, then of #0). */
int64_t sched_option_int(struct scheduler *s, const char *name, int64_t fallback);
value sched_option(struct scheduler *s, objid handler, const char *name); /* owned; NONE if absent */

/* ---- for the task builtins ---- */
int64_t sched_current_task_id(struct scheduler *s); /* 0: none runs */
int64_t sched_seconds_left(struct scheduler *s); /* of the running slice: of fg_seconds or bg_seconds as much as it has left of the CPU time that it may use */
int64_t sched_slice_ticks(struct scheduler *s); /* that it began with; at least 1 */
/* What is left of the running slice, which has so many ticks left: of its ticks or of its time, whichever is less; from 1 down to 0. */
double sched_slice_left(struct scheduler *s, double ticks_left);
enum error sched_check_task_limit(struct scheduler *s, objid progr); /* E_QUOTA: no more tasks may be queued */
bool sched_task_exists(struct scheduler *s, int64_t id);
enum error sched_kill(struct scheduler *s, int64_t id, objid progr, bool *is_current);
/* After a crash in it: its traceback goes to the log, and it is gone; what stands in `finally' is not run. false: there is no such task. */
bool sched_end_failed(struct scheduler *s, int64_t id);
/* So many seconds from now the task ends, wherever it is then, as out of seconds; 0 or less: it does not. Who may kill it may do that. */
enum error sched_set_deadline(struct scheduler *s, int64_t id, double seconds, objid progr);
enum error sched_resume(struct scheduler *s, int64_t id, value v, objid progr); /* takes v */
value sched_queued_tasks(struct scheduler *s, objid progr, const struct patience *patience); /* rows; NONE: given up */
enum error sched_task_stack(struct scheduler *s, int64_t id, bool lines, objid progr, value *out);
value sched_queue_owners(struct scheduler *s);
int64_t sched_queue_count(struct scheduler *s, objid player);
void sched_wake_with(struct scheduler *s, int64_t task_id, value v); /* takes; a task that waits for work (SUSPEND_WORK, SUSPEND_SAVE) */
void sched_work_done(struct scheduler *s, int64_t task_id, const struct buf *answer); /* of host.work, between slices; nothing happens when the task does not wait for it */
void sched_wake_raising(struct scheduler *s, int64_t task_id, enum error e, const char *message); /* such a task, with an error */

#endif
