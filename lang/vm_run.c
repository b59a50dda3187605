/* SPDX-License-Identifier: MIT */
/*
 * The machine's loop. Short cases with their fast paths; everything else is in vm_ops.c and vm_call.c.
 *
 * While it runs, the top frame's pc, its registers and the ticks are in local variables: SYNC writes them back before anything else looks, RELOAD fetches them
 * after frames may have changed. With EVERMOO_SWITCH (or the alternative machine) instructions are chosen by a switch instead of computed jumps.
 */
#include "lang/vm.h"

#include <math.h>

#include "base/list.h"
#include "base/str.h"
#include "db/fast.h"

#if defined(EVERMOO_ALT_MACHINE) && !defined(EVERMOO_SWITCH)
#define EVERMOO_SWITCH 1
#endif

static inline void put_int(value *r, int64_t i) {
    if (__builtin_expect(value_is_counted(*r), 0)) value_unref(*r);
    *r = value_int(i);
}

static inline void put_float(value *r, double f) {
    if (__builtin_expect(value_is_counted(*r), 0)) value_unref(*r);
    *r = value_float(f);
}

static inline bool both_int(const value *a, const value *b) { return (a->type | b->type) == V_INT; }
static inline bool both_float(const value *a, const value *b) { return a->type == V_FLOAT && b->type == V_FLOAT; }
static inline bool truth(const value *v) { return v->type == V_INT ? v->u.i != 0 : value_is_true(*v); }

static inline bool equal_fast(const value *a, const value *b, bool *known) {
    *known = a->type == b->type && (a->type == V_INT || a->type == V_OBJ);
    return a->u.i == b->u.i;
}

/* The opcode on registers that an opcode with an immediate or constant stands for. */
static int plain_op(int op) {
    switch (op) {
    case OP_SUBI:
    case OP_SUBK: return OP_SUB;
    case OP_MULI:
    case OP_MULK: return OP_MUL;
    case OP_DIVK: return OP_DIV;
    case OP_MODK: return OP_MOD;
    case OP_JLT:
    case OP_JLTI: return OP_LT;
    case OP_JLE:
    case OP_JLEI: return OP_LE;
    case OP_JGT:
    case OP_JGTI: return OP_GT;
    case OP_JGE:
    case OP_JGEI: return OP_GE;
    default: return op;
    }
}

#define A (pc[-1].a)
#define B (pc[-1].b)
#define C (pc[-1].c)
#define CS ((int16_t)pc[-1].c)
#define BC (insn_bc(pc[-1]))
#define RA (&R[A])
#define RB (&R[B])
#define RC (&R[C])
#define KC (&K[C])

#define SYNC() (f->pc = (uint32_t)(pc - f->program->code), vm->ticks = ticks)
#define ENTER() (R = vm_regs(vm, f), K = f->program->consts, pc = f->program->code + f->pc)
#define RELOAD() (f = vm_top(vm), ENTER(), ticks = vm->ticks)
/* A helper that may fail, for the current instruction. */
#define TRY(call)                \
    do {                         \
        SYNC();                  \
        if (!(call)) goto failed; \
    } while (0)
#define COUNT(n)                                                                                      \
    do {                                                                                              \
        ticks -= (n);                                                                                 \
        if (__builtin_expect(ticks <= 0 || __atomic_load_n(out_of_time, __ATOMIC_RELAXED) != 0, 0)) { \
            SYNC();                                                                                   \
            go = vm_interrupted(vm);                                                                  \
            if (go != GO_HERE) goto go_on;                                                            \
            ticks = vm->ticks;                                                                        \
        }                                                                                             \
    } while (0)

#ifdef EVERMOO_SWITCH
#define CASE(name) case OP_##name
#define NEXT() break
#else
#define CASE(name) L_##name
#define NEXT() goto *labels[(pc++)->op]
#endif

#define ARITH(name, wrapped, floating)                                              \
    CASE(name) : {                                                                  \
        value *l_ = RB, *r_ = RC;                                                   \
        if (both_int(l_, r_)) {                                                     \
            uint64_t x = (uint64_t)l_->u.i, y = (uint64_t)r_->u.i;                  \
            put_int(RA, (int64_t)(wrapped));                                        \
        } else if (both_float(l_, r_)) {                                            \
            double x = l_->u.f, y = r_->u.f, z = (floating);                        \
            if (!isfinite(z)) goto float_error;                                     \
            put_float(RA, z);                                                       \
        } else {                                                                    \
            TRY(OP_##name == OP_ADD ? vm_op_add(vm, RA, l_, r_) : vm_op_arith(vm, OP_##name, RA, l_, r_)); \
        }                                                                           \
        NEXT();                                                                     \
    }

#define ARITH_I(name, wrapped)                                                      \
    CASE(name) : {                                                                  \
        value *l_ = RB;                                                             \
        if (__builtin_expect(l_->type == V_INT, 1)) {                               \
            uint64_t x = (uint64_t)l_->u.i, y = (uint64_t)(int64_t)CS;              \
            put_int(RA, (int64_t)(wrapped));                                        \
        } else {                                                                    \
            value k_ = value_int(CS);                                               \
            TRY(OP_##name == OP_ADDI ? vm_op_add(vm, RA, l_, &k_) : vm_op_arith(vm, plain_op(OP_##name), RA, l_, &k_)); \
        }                                                                           \
        NEXT();                                                                     \
    }

#define ARITH_K(name, wrapped, floating)                                            \
    CASE(name) : {                                                                  \
        value *l_ = RB, *r_ = KC;                                                   \
        if (both_float(l_, r_)) {                                                   \
            double x = l_->u.f, y = r_->u.f, z = (floating);                        \
            if (!isfinite(z)) goto float_error;                                     \
            put_float(RA, z);                                                       \
        } else if (both_int(l_, r_)) {                                              \
            uint64_t x = (uint64_t)l_->u.i, y = (uint64_t)r_->u.i;                  \
            put_int(RA, (int64_t)(wrapped));                                        \
        } else {                                                                    \
            TRY(OP_##name == OP_ADDK ? vm_op_add(vm, RA, l_, r_) : vm_op_arith(vm, plain_op(OP_##name), RA, l_, r_)); \
        }                                                                           \
        NEXT();                                                                     \
    }

#define COMPARE(name, operator)                                                     \
    CASE(name) : {                                                                  \
        value *l_ = RB, *r_ = RC;                                                   \
        bool yes;                                                                   \
        if (both_int(l_, r_)) yes = l_->u.i operator r_->u.i;                       \
        else if (both_float(l_, r_)) yes = l_->u.f operator r_->u.f;                \
        else TRY(vm_op_compare(vm, OP_##name, l_, r_, &yes));                       \
        put_int(RA, yes);                                                           \
        NEXT();                                                                     \
    }

#define JUMP_COMPARE(name, operator)                                                \
    CASE(name) : {                                                                  \
        value *l_ = RA, *r_ = RB;                                                   \
        bool yes;                                                                   \
        if (both_int(l_, r_)) yes = l_->u.i operator r_->u.i;                       \
        else if (both_float(l_, r_)) yes = l_->u.f operator r_->u.f;                \
        else TRY(vm_op_compare(vm, plain_op(OP_##name), l_, r_, &yes));             \
        if (!yes) pc += CS;                                                         \
        NEXT();                                                                     \
    }

#define JUMP_COMPARE_I(name, operator)                                              \
    CASE(name) : {                                                                  \
        value *l_ = RA;                                                             \
        bool yes;                                                                   \
        if (__builtin_expect(l_->type == V_INT, 1)) {                               \
            yes = l_->u.i operator(int16_t) B;                                      \
        } else {                                                                    \
            value k_ = value_int((int16_t)B);                                       \
            TRY(vm_op_compare(vm, plain_op(OP_##name), l_, &k_, &yes));             \
        }                                                                           \
        if (!yes) pc += CS;                                                         \
        NEXT();                                                                     \
    }

#define EQUAL(yes, l_, r_)                          \
    do {                                            \
        bool known_;                                \
        yes = equal_fast(l_, r_, &known_);          \
        if (!known_) {                              \
            SYNC();                                 \
            yes = vm_op_equal(vm, l_, r_);          \
        }                                           \
    } while (0)

enum vm_status vm_loop(struct vm *vm) {
#ifndef EVERMOO_SWITCH
    static const void *const labels[] = {
#define OP(name, nodebug, doc) [OP_##name] = &&L_##name,
#include "lang/opcodes.def"
#undef OP
    };
#endif
    volatile int *out_of_time = vm->limits->out_of_time;
    struct db *db = vm->m->db;
    struct frame *f;
    value *R, *K;
    const struct insn *pc;
    int64_t ticks;
    enum go go;
    value returned;
    RELOAD();

#ifdef EVERMOO_SWITCH
again:
    for (;;) switch ((int)(pc++)->op) {
#else
    NEXT();
#endif
    CASE(NOP) : NEXT();
    CASE(MOVE) : {
        reg_copy(RA, RB);
        NEXT();
    }
    CASE(TAKE) : {
        value v = reg_take(RB);
        reg_put(RA, v);
        NEXT();
    }
    CASE(GETVAR) : {
        if (__builtin_expect(RB->type != V_NONE, 1)) reg_copy(RA, RB);
        else TRY(vm_op_getvar(vm, RA, B));
        NEXT();
    }
    CASE(LOADK) : {
        reg_copy(RA, &K[(uint32_t)BC]);
        NEXT();
    }
    CASE(LOADI) : {
        put_int(RA, BC);
        NEXT();
    }
    CASE(CLEAR) : {
        for (uint32_t n = 0; n < B; n++) reg_put(&RA[n], value_none());
        NEXT();
    }
    ARITH(ADD, x + y, x + y)
    ARITH(SUB, x - y, x - y)
    ARITH(MUL, x *y, x *y)
    CASE(DIV) : {
        value *l_ = RB, *r_ = RC;
        if (both_float(l_, r_) && r_->u.f != 0.0) {
            double z = l_->u.f / r_->u.f;
            if (!isfinite(z)) goto float_error;
            put_float(RA, z);
        } else if (both_int(l_, r_) && r_->u.i > 0) {
            put_int(RA, l_->u.i / r_->u.i);
        } else {
            TRY(vm_op_arith(vm, OP_DIV, RA, l_, r_));
        }
        NEXT();
    }
    CASE(MOD) : {
        value *l_ = RB, *r_ = RC;
        if (both_int(l_, r_) && l_->u.i >= 0 && r_->u.i > 0) put_int(RA, l_->u.i % r_->u.i);
        else TRY(vm_op_arith(vm, OP_MOD, RA, l_, r_));
        NEXT();
    }
    CASE(POW) : {
        TRY(vm_op_arith(vm, OP_POW, RA, RB, RC));
        NEXT();
    }
    ARITH_I(ADDI, x + y)
    ARITH_I(SUBI, x - y)
    ARITH_I(MULI, x *y)
    ARITH_K(ADDK, x + y, x + y)
    ARITH_K(SUBK, x - y, x - y)
    ARITH_K(MULK, x *y, x *y)
    CASE(DIVK) : {
        value *l_ = RB, *r_ = KC;
        if (both_int(l_, r_) && r_->u.i > 0) put_int(RA, l_->u.i / r_->u.i);
        else TRY(vm_op_arith(vm, OP_DIV, RA, l_, r_));
        NEXT();
    }
    CASE(MODK) : {
        value *l_ = RB, *r_ = KC;
        if (both_int(l_, r_) && l_->u.i >= 0 && r_->u.i > 0) put_int(RA, l_->u.i % r_->u.i);
        else TRY(vm_op_arith(vm, OP_MOD, RA, l_, r_));
        NEXT();
    }
    CASE(NEG) : {
        TRY(vm_op_neg(vm, RA, RB));
        NEXT();
    }
    CASE(NOT) : {
        bool no = !truth(RB);
        if (value_is_counted(*RB) && B >= f->program->nlocals) reg_put(RB, value_none());
        put_int(RA, no);
        NEXT();
    }
    CASE(EQ) : {
        bool yes;
        EQUAL(yes, RB, RC);
        put_int(RA, yes);
        NEXT();
    }
    CASE(NE) : {
        bool yes;
        EQUAL(yes, RB, RC);
        put_int(RA, !yes);
        NEXT();
    }
    COMPARE(LT, <)
    COMPARE(LE, <=)
    COMPARE(GT, >)
    COMPARE(GE, >=)
    CASE(IN) : {
        TRY(vm_op_in(vm, RA, RB, RC));
        NEXT();
    }

    /* jumps */
    CASE(JMP) : {
        ticks -= (int16_t)A;
        pc += BC;
        NEXT();
    }
    CASE(LOOP) : {
        COUNT(A);
        pc += BC;
        NEXT();
    }
    CASE(TICK) : {
        ticks -= (int16_t)A;
        NEXT();
    }
    CASE(CHECK) : {
        COUNT(A);
        NEXT();
    }
    CASE(JZ) : {
        if (!truth(RA)) pc += BC;
        NEXT();
    }
    CASE(JNZ) : {
        if (truth(RA)) pc += BC;
        NEXT();
    }
    CASE(JZT) : {
        bool yes = truth(RA);
        if (value_is_counted(*RA)) reg_put(RA, value_none());
        if (!yes) pc += BC;
        NEXT();
    }
    CASE(JNZT) : {
        bool yes = truth(RA);
        if (value_is_counted(*RA)) reg_put(RA, value_none());
        if (yes) pc += BC;
        NEXT();
    }
    CASE(JEQ) : {
        bool yes;
        EQUAL(yes, RA, RB);
        if (!yes) pc += CS;
        NEXT();
    }
    CASE(JNE) : {
        bool yes;
        EQUAL(yes, RA, RB);
        if (yes) pc += CS;
        NEXT();
    }
    JUMP_COMPARE(JLT, <)
    JUMP_COMPARE(JLE, <=)
    JUMP_COMPARE(JGT, >)
    JUMP_COMPARE(JGE, >=)
    CASE(JEQI) : {
        bool yes = RA->type == V_INT && RA->u.i == (int16_t)B;
        if (value_is_counted(*RA) && A >= f->program->nlocals) reg_put(RA, value_none());
        if (!yes) pc += CS;
        NEXT();
    }
    CASE(JNEI) : {
        bool yes = RA->type == V_INT && RA->u.i == (int16_t)B;
        if (value_is_counted(*RA) && A >= f->program->nlocals) reg_put(RA, value_none());
        if (yes) pc += CS;
        NEXT();
    }
    JUMP_COMPARE_I(JLTI, <)
    JUMP_COMPARE_I(JLEI, <=)
    JUMP_COMPARE_I(JGTI, >)
    JUMP_COMPARE_I(JGEI, >=)
    CASE(JEQK) : {
        bool yes;
        EQUAL(yes, RA, &K[B]);
        if (!yes) pc += CS;
        NEXT();
    }
    CASE(JNEK) : {
        bool yes;
        EQUAL(yes, RA, &K[B]);
        if (yes) pc += CS;
        NEXT();
    }

    /* indexes and properties */
    CASE(INDEX) : {
        value *l_ = RB, *i_ = RC;
        if (l_->type == V_LIST && i_->type == V_INT && (uint64_t)(i_->u.i - 1) < l_->u.l->len && B < f->program->nlocals) {
            reg_copy(RA, &l_->u.l->items[i_->u.i - 1]);
        } else {
            TRY(vm_op_index(vm, RA, l_, i_));
        }
        NEXT();
    }
    CASE(INDEXI) : {
        value *l_ = RB;
        if (l_->type == V_LIST && (uint64_t)((int64_t)CS - 1) < l_->u.l->len && B < f->program->nlocals) {
            reg_copy(RA, &l_->u.l->items[CS - 1]);
        } else {
            value k_ = value_int(CS);
            TRY(vm_op_index(vm, RA, l_, &k_));
        }
        NEXT();
    }
    CASE(PUSHREF) : {
        TRY(vm_op_pushref(vm, RA, RB, RC));
        NEXT();
    }
    CASE(RANGE) : {
        TRY(vm_op_range(vm, RA, RB, RC));
        NEXT();
    }
    CASE(LENGTH) : {
        TRY(vm_op_length(vm, RA, RB));
        NEXT();
    }
    CASE(FIRST) : {
        TRY(vm_op_first(vm, RA, RB));
        NEXT();
    }
    CASE(GETPROP) : {
        value *o_ = RB, v;
        struct prop_site *site = &f->program->props[C];
        if (o_->type == V_OBJ && db_fast_get(db, o_->u.o, f->progr, &site->cache, &v)) reg_put(RA, v);
        else TRY(vm_op_get_property(vm, RA, o_, site->name, &site->cache));
        NEXT();
    }
    CASE(GETPROPD) : {
        TRY(vm_op_get_property_dynamic(vm, RA, RB, RC));
        NEXT();
    }
    CASE(SETPROP) : {
        value *o_ = RA, *v_ = RB;
        struct prop_site *site = &f->program->props[C];
        COUNT(site->ticks);
        value v = value_ref(*v_);
        if (o_->type != V_OBJ || !db_fast_set(db, o_->u.o, v, f->progr, &site->cache)) {
            value_unref(v);
            TRY(vm_op_set_property(vm, o_, site->name, v_, &site->cache));
        }
        NEXT();
    }
    CASE(SETPROPD) : {
        TRY(vm_op_set_property_dynamic(vm, RA, RB, RC));
        NEXT();
    }
    CASE(SETIDX) : {
        value *l_ = RA, *i_ = RB, *v_ = RC;
        if (l_->type == V_LIST && i_->type == V_INT && l_->u.l->refs == 1 && (uint64_t)(i_->u.i - 1) < l_->u.l->len && !value_is_counted(*v_)) {
            value *at = &l_->u.l->items[i_->u.i - 1];
            if (!value_is_counted(*at) && at->type != V_FLOAT && v_->type != V_FLOAT) { /* of one size: the list's bytes stay */
                value_copy(at, v_);
                NEXT();
            }
        }
        TRY(vm_op_setidx(vm, l_, i_, v_));
        NEXT();
    }
    CASE(SETINDEX) : {
        TRY(vm_op_setindex(vm, RA, RB, C, (uint16_t)insn_bc(pc[0])));
        pc++;
        NEXT();
    }
    CASE(SETRANGE) : {
        TRY(vm_op_setrange(vm, RA, RB, RC, (uint16_t)insn_bc(pc[0])));
        pc++;
        NEXT();
    }

    /* lists */
    CASE(MKLIST) : {
        struct list *l = list_from_take(RB, C);
        reg_put(RA, value_list(l));
        NEXT();
    }
    CASE(LISTOF) : {
        TRY(vm_op_listof(vm, RA, RB));
        NEXT();
    }
    CASE(LISTADD) : {
        TRY(vm_op_listadd(vm, RA, RB, C));
        NEXT();
    }
    CASE(SPLICE) : {
        TRY(vm_op_splice(vm, RA, RB));
        NEXT();
    }
    CASE(APPEND) : {
        TRY(vm_op_append(vm, RA, RB));
        NEXT();
    }
    CASE(LISTSET) : {
        TRY(vm_op_listset(vm, RA, RB, C));
        NEXT();
    }
    CASE(MAPADD) : {
        TRY(vm_op_mapadd(vm, RA, RB, RC));
        NEXT();
    }
    CASE(SCATTER) : {
        uint32_t to;
        TRY(vm_op_scatter(vm, RA, &f->program->scatters[B], &to));
        pc = f->program->code + to;
        NEXT();
    }

    /* loops */
    CASE(FORLPREP) : {
        bool enter;
        COUNT(pc[0].op);
        TRY(vm_op_for_list(vm, RA, RB, &enter));
        pc += enter ? 1 : 1 + insn_bc(pc[0]);
        NEXT();
    }
    CASE(FORLLOOP) : {
        value *state = RA;
        COUNT(pc[0].op);
        if (state->type == V_LIST && state[1].type == V_INT && (uint64_t)state[1].u.i < state->u.l->len) {
            reg_copy(RB, &state->u.l->items[state[1].u.i++]);
            pc += 1 + insn_bc(pc[0]);
        } else if (vm_op_for_next(state, RB)) {
            pc += 1 + insn_bc(pc[0]);
        } else {
            pc++;
        }
        NEXT();
    }
    CASE(FORKEY) : {
        vm_op_for_key(RB, RA);
        NEXT();
    }
    CASE(FORRPREP) : {
        bool enter;
        COUNT(pc[0].op);
        TRY(vm_op_for_range(vm, RA, RB, &enter));
        pc += enter ? 1 : 1 + insn_bc(pc[0]);
        NEXT();
    }
    CASE(FORRLOOP) : {
        value *state = RA;
        COUNT(pc[0].op);
        int64_t i = state[0].u.i;
        if (i < state[1].u.i) {
            value *var = RB;
            state[0].u.i = ++i;
            if (__builtin_expect(value_is_counted(*var), 0)) value_unref(*var);
            *var = (value){.type = state[0].type, .u.i = i};
            pc += 1 + insn_bc(pc[0]);
        } else {
            pc++;
        }
        NEXT();
    }

    /* calls */
    CASE(CALLV) : {
        COUNT(f->program->verbs[C].ticks);
        f->pc = (uint32_t)(pc - f->program->code);
        struct frame *g_ = vm_call_verb_fast(vm, f, pc[-1]);
        if (__builtin_expect(g_ != NULL, 1)) {
            f = g_;
            ENTER();
            NEXT();
        }
        vm->ticks = ticks;
        go = vm_call_verb(vm, pc[-1]);
        goto go_on;
    }
    CASE(CALLB) : {
        COUNT(f->program->calls[C].ticks);
        SYNC();
        go = vm_call_builtin(vm, pc[-1]);
        goto go_on;
    }
    CASE(RETURN) : {
        COUNT(C);
        returned = reg_take(RA);
        goto returning;
    }
    CASE(RETURNI) : {
        COUNT(C);
        returned = value_int((int16_t)B);
        goto returning;
    }
    CASE(ENDFINALLY) : {
        value *p = RA;
        if (p->type != V_INT || (p->u.i != PENDING_RAISE && p->u.i != PENDING_UNCAUGHT)) NEXT();
        SYNC();
        go = vm_raise_again(vm, p);
        goto go_on;
    }
    CASE(FORK) : {
        TRY(vm_op_fork(vm, pc[-1]));
        NEXT();
    }
#ifdef EVERMOO_SWITCH
    default: must(!"an opcode");
    }
#endif

returning: /* back to a program's frame at once; by way of vm_deliver_return() to a waiting built-in or out of the task */
    vm_pop(vm);
    if (__builtin_expect(vm->nframes == 0 || !f[-1].program, 0)) {
        vm->ticks = ticks;
        go = vm_deliver_return(vm, returned);
        goto go_on;
    }
    f--;
    ENTER();
    if (A == NO_REG) value_unref(returned);
    else reg_put(RA, returned);
#ifdef EVERMOO_SWITCH
    goto again;
#else
    NEXT();
#endif

go_on:
    if (__builtin_expect(go == GO_RAISE, 0)) go = vm_operation_failed(vm);
    if (__builtin_expect(go == GO_STOP, 0)) return vm->status;
    RELOAD();
#ifdef EVERMOO_SWITCH
    goto again;
#else
    NEXT();
#endif
float_error:
    SYNC();
    vm_error(vm, E_FLOAT);
failed:
    go = GO_RAISE;
    goto go_on;
}
