/* SPDX-License-Identifier: MIT */
/*
 * The machine: compiles programs and runs tasks' stacks of activations (struct vm), a slice at a time.
 *
 * It knows nothing of players, queues or sockets: what it cannot do itself it asks of `hooks`, or returns to whoever called vm_run().
 * One machine a world. No globals.
 */
#ifndef LANG_MACHINE_H
#define LANG_MACHINE_H

#include "base/dialect.h"
#include "base/codec.h"
#include "base/patience.h"
#include "lang/ast.h"
#include "lang/builtin.h"

struct vm;

struct machine_hooks {
    /* A fork statement: takes child (a vm ready to run its body). E_NONE and *id, or E_QUOTA (then child is freed by the machine). `id' is decided by next_task_id. */
    enum error (*fork)(void *ctx, struct vm *parent, struct vm *child, double seconds, int64_t id);
    int64_t (*next_task_id)(void *ctx); /* fresh, unique, positive, random */
    void (*sampled)(void *ctx, const struct vm *vm, int us); /* who limits the slice wants its frames seen; NULL: nobody looks. The vm must not be changed */
    void *ctx;
};

struct machine {
    struct db *db;
    const struct dialect *dialect;
    const struct builtin *builtins; /* ids are indexes */
    int nbuiltins;
    uint8_t *protect; /* one byte a builtin: $server_options.protect_NAME */
    struct machine_hooks hooks;
    int max_stack_depth;
    int64_t max_string_concat; /* bytes; 0: the machine's own maximum */
    int64_t max_list_concat; /* elements */
    int64_t max_map_bytes; /* value_bytes(); 0: the machine's own maximum */
    bool max_concat_catchable;
    int64_t max_task_bytes; /* that a task may hold; 0: any number. For who fills in vm_limits */
    bool has_workers; /* who runs the tasks has the work of threaded built-ins done (lang/threaded.h) */
    void *scheduler; /* for builtins of the layers above; the machine never looks */
    void *host;
    struct function_names functions; /* filled by machine_init from builtins */
    int *builtin_index; /* hash of names to ids; -1 free */
    uint32_t builtin_mask;
};
void machine_init(struct machine *m, struct db *db, const struct builtin *builtins, int nbuiltins);
void machine_fini(struct machine *m);
int machine_find_builtin(const struct machine *m, const char *name, size_t len);

/* Compiles typed lines (a MOO list of strings) with a program's rules: an owned code, or NULL with messages (owned list). */
struct code *machine_compile(struct machine *m, const struct list *lines, struct list **messages);
enum { MACHINE_COMPILE_NS = 200, MACHINE_COMPILE_AGAIN_NS = 100 }; /* for a byte of the text, at most; when it has no errors */
struct code *machine_compile_text(struct machine *m, const char *text, size_t len, struct list **messages);
/* The listing of a code, appended as lines with LF; false when it does not parse (then its text as it is). */
bool machine_list_code(struct machine *m, struct code *code, bool fully_parenthesized, bool indent, struct buf *out);

/* ---- starting ---- */

/* The first frame of a task. All borrowed. */
struct vm_start {
    objid player, this_, caller, progr; /* progr NOTHING: the verb's owner */
    struct verbref verb; /* the program; or code != NULL: that program, with definer verb.definer and names full_name */
    struct code *code;
    bool debug; /* only with code */
    struct str *verb_name; /* as called */
    struct str *full_name; /* only with code: e.g. "Input to EVAL" */
    struct list *args;
    struct str *argstr, *dobjstr, *prepstr, *iobjstr;
    objid dobj, iobj;
};
struct vm *vm_new(struct machine *m, const struct vm_start *start); /* NULL: the program does not parse and this is to be reported as E_VERBNF/E_INVARG by the caller */
void vm_free(struct vm *vm); /* at any time when not running; `finally' is not run */
/* kill_task() of a sleeping one: built-ins that wait in it are finished first (language.md 11); then as vm_free(). */
void vm_kill(struct vm *vm);

/* ---- running ---- */

enum vm_status {
    VM_DONE, /* value: the task's result */
    VM_UNCAUGHT, /* code, message, value, stack, traceback of the outcome are set; the task is over, its finally handlers have run */
    VM_SUSPENDED, /* suspend: why, seconds, object */
    VM_OUT_OF_TICKS, /* stack and traceback set; over */
    VM_OUT_OF_SECONDS,
    VM_KILLED
};
struct vm_outcome {
    value v;
    value code, message, extra, stack, traceback; /* traceback: list of lines, the last "(End of traceback)" */
    enum suspend_why why; /* SUSPENDED: for SUSPEND_WORK, v is what it sleeps with; for SUSPEND_PARK, what it is to be woken with */
    double seconds;
    objid object;
};
void vm_outcome_fini(struct vm_outcome *o);
/* As vm_kill(), of one whose time is over: stack and traceback of the outcome are set. */
void vm_expire(struct vm *vm, struct vm_outcome *out);

struct vm_limits {
    int64_t ticks; /* in; what is left on return */
    volatile int *out_of_time; /* bits of enum slice_flag, set from anywhere at any time; looked at when a tick is counted. NULL: nobody sets any */
    int64_t deadline_us; /* clock_monotonic_us() or 0: long builtins poll it */
    int64_t finish_us; /* clock_monotonic_us() when out_of_time can be set at the earliest; 0: never */
    int64_t bytes; /* that the task may hold; 0: any number */
};
enum slice_flag { SLICE_OVER = 1 /* its time is over */, SLICE_NEAR = 2 /* a quarter is left of it at most: whoever parks does so now */, SLICE_MEMORY = 4 /* it has taken more memory than it may (lang/vm_limits.c) */, SLICE_SEEN = 8 /* and above: microseconds that hooks.sampled is told */ };
/* Runs until the task ends or sleeps. `wake` is taken: the value of the suspended call (an error value is raised there); ignored at the first run. */
enum vm_status vm_run(struct vm *vm, struct vm_limits *limits, value wake, struct vm_outcome *out);
/* Instead of vm_run on a sleeping task: raises `e' in it first. */
int64_t vm_ticks_left(const struct vm *vm);
/* Builtins that may take long or much ask these; vm NULL: there are no limits. */
bool vm_deadline_passed(const struct vm *vm);
struct patience vm_patience(const struct vm *vm); /* ends with the slice; for what base/ offers */
/* Will so many nanoseconds of work still fit into the slice? false: vm_abort_seconds(). For what cannot be interrupted, with an estimate that is rather too high; short work need not ask. */
bool vm_can_afford(struct vm *vm, uint64_t ns);
bool vm_bring(struct vm *vm, objid o); /* db_bring(), as far as the slice lasts; false: vm_abort_seconds() */
uint64_t vm_time_left_ns(const struct vm *vm); /* of which more is refused: no need to count further. UINT64_MAX: there is no limit */
/* May the running task take so much more memory? false: the error is set (E_QUOTA). For blocks whose size a program chooses; small ones may be taken unasked. */
#define VM_MEMORY_MESSAGE "Resource limit exceeded: memory of a task"
enum { VM_SMALL = 64 << 10 };
bool vm_memory_ask(struct vm *vm, uint64_t more);
static inline bool vm_memory_fits(struct vm *vm, uint64_t more) { return more < VM_SMALL || vm_memory_ask(vm, more); }
/* *l, owned, made ready for a change in place of so many elements more: shared and large, it is copied now, in portions. false: the error is set, or vm_abort_seconds(); *l is as it was. */
bool vm_list_own(struct vm *vm, struct list **l, uint64_t more);
/* list_extend_take() in portions. */
bool vm_list_extend(struct vm *vm, struct list **l, const struct list *from, int64_t i, int64_t n);
/* list_find(), which can take long: an element can be large, and there very often. 0 and vm_abort_seconds() when the time is over. */
int64_t vm_list_find(struct vm *vm, const struct list *l, value v, bool match_case);
int64_t vm_map_find(struct vm *vm, const struct map *m, value v, bool match_case); /* the same of map_find_value() */
/* At a limit the task parks: it is suspended (SUSPEND_PARK), to go on where it is as soon as its turn comes; in code that runs with this programmer's permissions, and in verbs with
   VF_PARK and what they call with the same permissions. NOTHING: only there. */
void vm_set_parker(struct vm *vm, objid programmer);
objid vm_parker(const struct vm *vm);
/* The builtin now running asks for the task's end after it, or for an abort as out of seconds (oversized values that are not catchable). */
void vm_abort_seconds(struct vm *vm);

/* ---- looking ---- */

struct activation_info {
    objid this_, player, progr, definer; /* definer: vloc */
    struct str *verb_name, *full_name; /* borrowed; "" in frames made by builtins where language.md says so */
    int line;
    bool is_builtin; /* a row for a built-in that called back: verb_name is its name, line its step */
    bool debug;
};
/* Row 0 is the top (running) frame; builtin rows included. false past the end. */
bool vm_activation(const struct vm *vm, int row, struct activation_info *out);
int vm_depth(const struct vm *vm);
/* Rows as callers(): from row `from` on; with_line adds line numbers. New list. */
value vm_stack_list(const struct vm *vm, int from, bool with_line);
objid vm_caller_perms(const struct vm *vm); /* of the frame below the running one, builtins skipped; NOTHING */
void vm_set_task_perms(struct vm *vm, objid progr); /* running frame */
objid vm_progr(const struct vm *vm);
int64_t vm_bytes(const struct vm *vm); /* memory, as queued_tasks() shows */
/* Raises e at the point where the task sleeps when it is next run. The message is taken; NULL: the error's own. A saved task keeps the error only. */
void vm_set_raise_on_wake(struct vm *vm, enum error e, struct str *message);
value vm_traceback(const struct vm *vm, const char *message); /* list of lines */
/* Value of a variable of the running frame, borrowed; NONE when unset. */
value vm_variable(const struct vm *vm, enum builtin_var var);
objid vm_task_player(const struct vm *vm); /* player of the outermost frame */
struct str *vm_first_verb(const struct vm *vm, objid *definer); /* the outermost frame's: its names, borrowed */
/* What scheduler/ keeps with a task from slice to slice; it is not saved. The machine never looks, but hands `first' on to a fork that begins likewise. */
struct task_sums {
    int64_t began_us; /* monotonic; 0: it has not */
    int64_t ticks, cpu_us, wait_us;
    uint32_t slices;
    struct task_first { /* with what it began; scheduler/stats.c */
        uint32_t epoch;
        void *verb;
        objid player;
    } first;
};
struct task_sums *vm_sums(struct vm *vm);
void *vm_owner(const struct vm *vm); /* the task it belongs to: set by scheduler/ */
void vm_set_owner(struct vm *vm, void *task);

/* ---- tasks that have not begun, for text dumps: lang/vm_fork.c ---- */

size_t vm_count_variables(const struct vm *vm); /* of the top frame, the built-in ones first */
struct str *vm_variable_at(const struct vm *vm, size_t i, value *v); /* its name, owned; *v owned, NONE when unassigned */
void vm_set_named_variable(struct vm *vm, const struct str *name, value v); /* takes v; nothing when the program does not mention it */
/* What is going to run as the text of a program of its own, fully parenthesized. *first_line: the line of the verb that is its first. false: it cannot be listed. */
bool vm_fork_program(const struct vm *vm, struct buf *out, int *version, int64_t *first_line);

/* ---- portable frames (lang/resume.h) ---- */

/* Everything of a vm that is not running, independent of the code generator. Codes are named by hash. `shares': what vms hold in common is written once (base/shares.h), for a vm_load() that has it too; NULL: no. */
void vm_save(const struct vm *vm, struct buf *out, struct shares_out *shares);
void vm_each_code(const struct vm *vm, void (*fn)(void *ctx, struct code *code), void *ctx);
/* NULL with *why when it cannot be placed. `find_code' returns an owned code or NULL. */
struct vm *vm_load(struct machine *m, struct dec *d, struct code *(*find_code)(void *ctx, const uint8_t *hash), void *ctx, struct buf *why);

#endif
