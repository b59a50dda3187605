/* SPDX-License-Identifier: MIT */
/*
 * Every function of this layer that works on values, objects, properties and verbs, called with arguments from a pool of awkward ones: whatever comes, it is a value or an
 * error, and the world is sound enough to go on. The seed is fixed.
 */
#include "tests/unit/builtins/bi_help.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static const char *const pool[] = {
    "0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775807", "1.5", "-0.0", "1e308", "#0", "#1", "#2", "#3", "#4", "#5", "#6", "#7", "#-1", "#-2", "#99", "E_PERM", "E_NONE",
    "\"\"", "\"a\"", "\"p\"", "\"name\"", "\"foo*bar\"", "\"~zz\"", "\"~00~FF\"", "\"å∫𝄞\"", "\"rwxd\"", "\"  \"", "\"return 1;\"", "\"if (1\"", "\"$5$ab\"", "\"1e5\"", "\"%1\"",
    "{}", "{1, 2, 3}", "{#2, \"rw\"}", "{#2, \"r\", \"p\"}", "{#2, \"xd\", \"foo\"}", "{\"this\", \"none\", \"this\"}", "{\"return this;\"}", "{{{}}, \"x\", {255, 256}}",
};

static const char *const functions[] = {
    "typeof", "toint", "tonum", "toobj", "tofloat", "tostr", "toliteral", "equal", "value_bytes", "min", "max", "abs", "random", "floatstr", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "exp", "log", "log10", "ceil", "floor", "trunc", "time", "ctime", "length", "index", "rindex", "strsub", "strcmp", "decode_binary", "encode_binary", "string_hash", "binary_hash",
    "value_hash", "crypt", "is_member", "listappend", "listinsert", "listdelete", "listset", "setadd", "setremove", "valid", "create", "recycle", "move", "parent", "children", "chparent", "max_object",
    "players", "is_player", "set_player_flag", "renumber", "reset_max_object", "object_bytes", "owned_bytes", "owned_objects", "recycled_objects", "next_recycled_object", "properties", "property_info", "property_history", "set_property_info", "add_property", "delete_property", "clear_property",
    "is_clear_property", "verbs", "verb_info", "set_verb_info", "verb_args", "set_verb_args", "add_verb", "delete_verb", "verb_code", "verb_history", "set_verb_code", "eval", "disassemble", "raise", "pass",
    "call_function", "function_info", "match", "rmatch", "substitute",
};

static uint32_t next(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void random_call(struct buf *program, uint32_t *seed) {
    size_t nfunctions = sizeof functions / sizeof functions[0], npool = sizeof pool / sizeof pool[0];
    buf_printf(program, "`%s(", functions[next(seed) % nfunctions]);
    for (uint32_t i = 0, n = next(seed) % 5; i < n; i++) buf_printf(program, "%s%s", i ? ", " : "", pool[next(seed) % npool]);
    buf_add_c(program, ") ! ANY';");
}

static void run_many(const char *dialect, objid programmer, uint32_t seed) {
    struct bi_world w;
    bi_open(&w, dialect);
    for (int i = 0; i < 3000; i++) {
        struct buf program = BUF_INIT;
        for (int k = 0; k < 4; k++) random_call(&program, &seed);
        w.programmer = programmer;
        db_set_flag(w.db, WIZARD, OF_WIZARD, true); /* a program may have taken it away */
        cr_expect_str_eq(bi_run(&w, buf_c(&program)), "0", "%s", buf_c(&program));
        buf_fini(&program);
        if (!db_valid(w.db, WIZARD) || !db_valid(w.db, PROGRAMMER)) { /* recycled or renumbered: a new world */
            bi_close(&w);
            bi_open(&w, dialect);
        }
    }
    bi_close(&w);
}

Test(random, as_wizard) { run_many("lambda", WIZARD, 1); }
Test(random, as_programmer) { run_many("lambda", PROGRAMMER, 2); }
Test(random, as_toast) { run_many("toast", WIZARD, 3); }
