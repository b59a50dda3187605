/* SPDX-License-Identifier: MIT */
/*
 * What the compiler makes of a syntax tree and the machine runs. Never stored: lang/frames.c saves tasks in terms of the tree.
 *
 * A frame has nregs registers: first the variables that the program mentions (var_reg), then temporaries. A code has up to two programs: frames
 * without the d bit run one that trusts nothing an error may have left undone (`nodebug').
 */
#ifndef LANG_PROGRAM_H
#define LANG_PROGRAM_H

#include "db/db.h"
#include "lang/ast.h"
#include "lang/machine.h"
#include "lang/resume.h"

enum opcode {
#ifndef EVERMOO_ALT_MACHINE
#define OP(name, nodebug, doc) OP_##name,
#include "lang/opcodes.def"
#undef OP
    OP_COUNT
#else
    OP_ALT_FIRST = 100, /* another numbering, so that nothing can depend on it */
#define OP(name, nodebug, doc) OP_##name,
#include "lang/opcodes.def"
#undef OP
    OP_COUNT
#endif
};

struct insn {
    uint16_t op, a, b, c;
};
static inline int32_t insn_bc(struct insn i) { return (int32_t)((uint32_t)i.b | (uint32_t)i.c << 16); }

/* What is known of each instruction besides its fields. */
struct where {
    int32_t line;
    int16_t pending; /* ticks of this and earlier instructions that no checkpoint has counted yet */
    int16_t after; /* the same with what follows at once: the assignment of its result */
};

struct prop_site {
    struct str *name; /* owned */
    struct prop_cache cache;
    int32_t ticks;
};

enum { ARGS_IN_LIST = -1, NO_REG = 0xFFFF };
struct verb_site {
    struct str *name; /* owned; NULL: in register name_reg */
    struct verb_cache cache;
    uint16_t name_reg, args;
    int32_t nargs; /* ARGS_IN_LIST: R[args] is the list */
    int32_t ticks;
};
struct call_site {
    int32_t id;
    int32_t nargs;
    int32_t ticks;
    bool counted; /* nargs is right for this function */
    struct str *unknown; /* owned: id is call_function(), this its first argument; else NULL */
};

struct scatter_item {
    uint8_t kind; /* N_TARGET, N_OPTIONAL, N_REST */
    uint16_t reg;
    bool has_default;
    uint32_t pc; /* of the default */
};
struct scatter {
    uint32_t nitems, nrequired, noptional;
    bool rest;
    uint32_t done; /* pc */
    struct scatter_item *items;
};

enum handler_kind { HANDLER_EXCEPT, HANDLER_CATCH, HANDLER_FINALLY };
struct clause {
    bool any;
    bool is_const;
    uint16_t reg; /* codes: a register, or a constant */
    uint32_t konst;
    uint16_t value_reg; /* receives the exception (EXCEPT) or its code (CATCH); NO_REG none */
    uint32_t target;
};
struct handler {
    uint32_t start, end; /* instructions covered */
    uint8_t kind;
    uint16_t depth; /* temporaries from here on are dropped */
    uint16_t pending; /* FINALLY: its two registers */
    uint32_t target; /* FINALLY */
    uint32_t nclauses;
    struct clause *clauses;
};

/* A place where a saved frame may wait, and where each operand of resume.c stands there. */
struct place {
    uint16_t reg; /* NO_REG: konst */
    uint16_t first, n; /* lists being built: more elements in registers */
    uint32_t konst;
};
struct resume_point {
    uint32_t pc; /* of the instruction that waits */
    uint32_t node;
    uint32_t first, n; /* into places and slots */
};

struct program {
    struct insn *code;
    struct where *where;
    uint32_t ncode;
    value *consts;
    uint32_t nconsts;
    uint16_t nlocals, nregs;
    int16_t nvars;
    int16_t nbuiltin; /* of these built-in ones that the language version has or, before maps, knew a place for: the others are not told of anywhere */
    struct str **vars; /* names, owned */
    uint16_t *var_reg; /* by variable; NO_REG: not mentioned */
    uint16_t nstart; /* built-in variables that are mentioned */
    struct { uint8_t var; uint16_t reg; } start[BV_COUNT];
    bool sets_player, sets_command; /* assigns to `player', to one of argstr dobj dobjstr prepstr iobj iobjstr */
    struct prop_site *props;
    struct verb_site *verbs;
    struct call_site *calls;
    struct scatter *scatters;
    struct handler *handlers; /* inner ones first */
    struct resume_point *points; /* by pc */
    struct place *places;
    struct resume_slot *slots;
    struct { uint32_t node, pc; bool loops; } *forks; /* loops: begins with `for' */
    uint32_t nprops, nverbs, ncalls, nscatters, nhandlers, npoints, nplaces, nforks;
    int32_t last_line;
    size_t bytes;
    struct program *nodebug;
    bool broken; /* the text does not parse: raises when called */
    struct list *messages; /* when broken */
};

struct compile_options {
    bool nodebug; /* for frames without the d bit */
};
/* NULL only when a limit of the machine is exceeded (65,000 registers...). */
struct program *compile_program(struct machine *m, const struct ast *ast, const struct compile_options *options);
void program_free(struct program *p);
/* The program of a code for frames with or without the d bit, made at first use; never NULL; maybe `broken'. */
struct program *program_of(struct machine *m, struct code *code, bool debug);
const struct resume_point *program_point_at(const struct program *p, uint32_t pc); /* NULL if none */
const struct resume_point *program_point_of(const struct program *p, uint32_t node);
const char *opcode_name(int op);
/* One line an instruction. */
void program_disassemble(const struct program *p, struct buf *out);

#endif
