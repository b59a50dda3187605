/* SPDX-License-Identifier: MIT */
/*
 * The compiler's own header: shared by lang/compile*.c only.
 *
 * Rules that every function here keeps:
 * 1. An expression writes its destination last: until then a variable that is the destination keeps its old value.
 * 2. Temporaries are allocated in stack discipline, in order of evaluation. A temporary that is not live holds no counted value.
 * 3. `pending' ticks are those of the instructions since the last checkpoint; whatever can be seen from outside (a call, a property store, a fork, leaving the
 *    frame) counts them first. All ways into a label agree on pending: label_bind() sees to it.
 * 4. What resume.c says is alive at a call is on the `live' stack when the call is emitted, in that order.
 */
#ifndef LANG_COMPILE_H
#define LANG_COMPILE_H

#include "base/must.h"
#include "lang/program.h"

struct label_ref {
    uint32_t pc;
    int pending;
};
struct label {
    struct label_ref *refs;
    uint32_t nrefs, cap;
    uint64_t assigned; /* by all that jump here */
};

struct loop {
    struct loop *outer;
    const struct node *node;
    struct label leave, again;
    uint16_t state; /* registers to be emptied when it is left early; NO_REG none */
    int depth; /* number of loops around */
};
enum exit_kind { EXIT_BREAK, EXIT_CONTINUE };
struct final_exit {
    struct loop *loop;
    enum exit_kind kind;
};
/* A `finally' whose body is being compiled: ways out go through its handler. */
struct final {
    struct final *outer;
    struct label handler;
    uint16_t pending; /* and pending + 1: the value */
    int loop_depth; /* loops open when it began */
    bool returns;
    struct final_exit *exits;
    uint32_t nexits;
};
struct stub {
    uint32_t jump, target;
    int ticks;
};
struct live {
    struct resume_slot slot;
    struct place place;
};
struct fork_body {
    const struct node *node;
    uint64_t assigned;
};

struct compiler {
    struct machine *m;
    const struct ast *ast;
    struct program *p;
    bool nodebug;
    bool direct; /* operands may name variables; constants folded */
    bool fuse; /* compare-and-branch and other superinstructions */
    bool too_far; /* a short jump did not reach: again without fusing */
    bool failed; /* a limit of the machine */
    uint8_t *assigns; /* by node id: the subtree assigns something */
    uint32_t top; /* first free register */
    int pending;
    uint64_t assigned; /* definitely assigned variables, by index after the built-in ones; the first 64 only */
    bool reachable;
    int32_t line;
    uint16_t length_reg; /* what `$' measures */
    uint32_t entry;
    struct live *live;
    uint32_t nlive, live_cap;
    struct loop *loop;
    struct final *final;
    struct stub *stubs;
    uint32_t nstubs;
    struct fork_body *forks;
    uint32_t cap_code, cap_consts, cap_handlers, cap_points, cap_places;
};

/* ---- compile.c: emitting ---- */
uint32_t emit(struct compiler *c, int op, uint32_t a, uint32_t b, uint32_t cc);
uint32_t emit_bc(struct compiler *c, int op, uint32_t a, int32_t bc);
void emit_ext(struct compiler *c, int ticks, int32_t bc); /* the second word */
static inline uint32_t here(const struct compiler *c) { return c->p->ncode; }
void tick(struct compiler *c, int n);
void tick_after(struct compiler *c, int n); /* of the instruction just emitted, if it succeeds */
void flush_ticks(struct compiler *c); /* a checkpoint, if anything is pending */
int take_ticks(struct compiler *c); /* pending, for an instruction that is a checkpoint itself */

void label_init(struct label *l);
void label_fini(struct label *l);
void label_jump(struct compiler *c, struct label *l, uint32_t pc); /* the jump just emitted at pc goes to l */
void label_bind(struct compiler *c, struct label *l); /* here, once */
void jump_to(struct compiler *c, struct label *l); /* an unconditional jump */
void patch_jump(struct compiler *c, uint32_t pc, uint32_t target);

uint16_t temp_alloc(struct compiler *c);
bool is_local(const struct compiler *c, uint16_t reg);
uint32_t konst(struct compiler *c, value v); /* borrows */
void live_push(struct compiler *c, int kind, const struct node *n, int sub, uint16_t reg);
void live_push_const(struct compiler *c, int kind, const struct node *n, int sub, uint32_t k);
static inline void live_pop(struct compiler *c, uint32_t n) { c->nlive -= n; }
void mark_point(struct compiler *c, uint32_t pc, const struct node *n); /* a frame may wait at pc */
uint16_t variable_reg(const struct compiler *c, int32_t var);
bool variable_ready(const struct compiler *c, int32_t var); /* certainly assigned */
void variable_assigned(struct compiler *c, int32_t var);
bool assigns_variable(const struct compiler *c, const struct node *n, int32_t var); /* NULL allowed */
void *grow(void *p, uint32_t n, uint32_t *cap, size_t size);

/* ---- compile_expr.c ---- */
void expr_to(struct compiler *c, const struct node *n, uint16_t dest);
/* In any register: a variable's own when nothing in `rest' (evaluated before the use) can change it. */
uint16_t expr_reg(struct compiler *c, const struct node *n, const struct node *const *rest, uint32_t nrest);
void expr_drop(struct compiler *c, const struct node *n); /* for its effects */
/* Jumps to l when n is false; `extra' ticks are counted with the test, on both sides. */
void expr_branch_false(struct compiler *c, const struct node *n, struct label *l, int extra);
/* Emits a property read; obj and a dynamic name stay as they are. */
void emit_get_property(struct compiler *c, uint16_t dest, uint16_t obj, const struct node *name, uint16_t name_reg);
bool is_string_literal(const struct node *n);
/* Evaluates the codes of a CODES node: a clause without target. Pushes their slot. */
void codes_expr(struct compiler *c, const struct node *codes, struct clause *out);
void add_handler(struct compiler *c, const struct handler *h); /* takes clauses */
/* A list of kids [from..): in *dest. */
struct items {
    uint16_t base; /* NO_REG: no list yet */
    uint16_t first, n;
};
void build_items(struct compiler *c, const struct node *n, uint32_t from, int sub, struct items *out);

/* ---- compile_assign.c: dest NO_REG: value not wanted ---- */
void assign_expr(struct compiler *c, const struct node *n, uint16_t dest);
void scatter_expr(struct compiler *c, const struct node *n, uint16_t dest);

/* ---- compile_stmt.c ---- */
void block_stmt(struct compiler *c, const struct node *n);

#endif
