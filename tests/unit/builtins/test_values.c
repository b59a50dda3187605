/* SPDX-License-Identifier: MIT */
/* Functions of values alone: every result and every error, in both dialects. */
#include "tests/unit/builtins/bi_help.h"

#include <stdio.h>

#include "db/world.h"

static const struct bi_case conversion[] = {
    {"typeof(1)", "0"}, {"typeof(#1)", "1"}, {"typeof(\"\")", "2"}, {"typeof(E_PERM)", "3"}, {"typeof({})", "4"}, {"typeof(1.0)", "9"},
    {"toint(17)", "17"}, {"toint(-1.9)", "-1"}, {"toint(#-3)", "-3"}, {"toint(E_PERM)", "3"}, {"toint({})", "E_TYPE"},
    {"toint(1e30)", "E_FLOAT"}, {"toint(-9223372036854775808.0)", "-9223372036854775808"},
    {"toint(9223372036854775808.0)", "E_FLOAT"},
    {"toint(\" 12 \")", "12"}, {"toint(\"1.9\")", "1"}, {"toint(\"-3e2\")", "-300"}, {"toint(\"\")", "0"}, {"toint(\"12abc\")", "0"},
    {"toint(\"#5\")", "0"}, {"toint(\"0x10\")", "0"}, {"toint(\"inf\")", "0"}, {"toint(\"1e\")", "0"}, {"toint(\".5\")", "0"},
    {"toint(\"5.\")", "5"}, {"toint(\"-\")", "0"}, {"toint(\"9223372036854775807\")", "9223372036854775807"},
    {"toint(\"9223372036854775808\")", "9223372036854775807"}, {"toint(\"-1e40\")", "-9223372036854775808"},
    {"tonum(\"7\")", "7"},
    {"toobj(5)", "#5"}, {"toobj(\"#5\")", "#5"}, {"toobj(\" 5 \")", "#5"}, {"toobj(\"#-2\")", "#-2"}, {"toobj(\"x\")", "#0"},
    {"toobj(\"1.5\")", "#0"}, {"toobj(1.9)", "#1"}, {"toobj({})", "E_TYPE"}, {"toobj(E_DIV)", "#2"},
    {"tofloat(5)", "5.0"}, {"tofloat(#5)", "5.0"}, {"tofloat(E_DIV)", "2.0"}, {"tofloat(\"1.5\")", "1.5"}, {"tofloat(\" - 5 \")", "-5.0"},
    {"tofloat(\"1e999\")", "E_INVARG"}, {"tofloat(\"inf\")", "E_INVARG"}, {"tofloat(\"nan\")", "E_INVARG"}, {"tofloat(\"\")", "E_INVARG"},
    {"tofloat(\"1x\")", "E_INVARG"}, {"tofloat({})", "E_TYPE"}, {"tofloat(1.5)", "1.5"}, {"tofloat(\"0x10\")", "E_INVARG"},
    {"tostr()", "\"\""}, {"tostr(1, #2, \"x\", E_PERM, {1}, 1.0)", "\"1#2xPermission denied{list}1.0\""},
    {"toliteral({1, {\"a\\\"b\\\\\", #-1}, E_DIV, 1e15})", "\"{1, {\\\"a\\\\\\\"b\\\\\\\\\\\", #-1}, E_DIV, 1e+15}\""},
    {"toliteral({})", "\"{}\""},
    {"equal(\"a\", \"A\")", "0"}, {"equal({\"a\"}, {\"a\"})", "1"}, {"equal(1, 1.0)", "0"},
    {"value_bytes(1)", "16"}, {"value_bytes(1.0)", "24"}, {"value_bytes(\"abc\")", "20"}, {"value_bytes({})", "32"}, {"value_bytes({1, 2})", "64"},
};

Test(values, conversion) {
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, conversion);
    bi_close(&w);
}

static const struct bi_case numbers[] = {
    {"min(3, 1, 2)", "1"}, {"max(3, 1, 2)", "3"}, {"min(1, 2.0)", "E_TYPE"}, {"max(1.5, 2.5)", "2.5"}, {"min(\"a\")", "E_TYPE"}, {"min()", "E_ARGS"},
    {"max(1, #2)", "E_TYPE"},
    {"abs(-5)", "5"}, {"abs(-5.5)", "5.5"}, {"abs(toint(\"-9223372036854775808\"))", "-9223372036854775808"}, {"abs(#1)", "E_TYPE"},
    {"random(0)", "E_INVARG"}, {"random(1)", "1"}, {"random(-4)", "E_INVARG"}, {"typeof(random())", "0"},
    {"floatstr(1.2345, 2)", "\"1.23\""}, {"floatstr(12345.0, 2, 1)", "\"1.23e+04\""}, {"floatstr(1.0, -1)", "E_INVARG"}, {"floatstr(1.0, 0)", "\"1\""},
    {"length(floatstr(1.0, 500))", "21"}, {"length(floatstr(1e308, 500))", "329"}, {"floatstr(1, 1)", "E_TYPE"},
    {"sqrt(4.0)", "2.0"}, {"sqrt(4)", "E_TYPE"}, {"sqrt(-1.0)", "E_INVARG"}, {"acos(2.0)", "E_INVARG"}, {"log(-1.0)", "E_INVARG"}, {"log(0.0)", "E_FLOAT"},
    {"exp(1000.0)", "E_FLOAT"}, {"exp(0.0)", "1.0"}, {"log10(1000.0)", "3.0"}, {"ceil(1.2)", "2.0"}, {"floor(-1.2)", "-2.0"}, {"trunc(-1.9)", "-1.0"},
    {"sin(0.0)", "0.0"}, {"cos(0.0)", "1.0"}, {"tan(0.0)", "0.0"}, {"asin(0.0)", "0.0"}, {"asin(1.1)", "E_INVARG"}, {"sinh(0.0)", "0.0"}, {"cosh(0.0)", "1.0"},
    {"tanh(0.0)", "0.0"}, {"sinh(1000.0)", "E_FLOAT"}, {"atan(1.0)", "0.785398163397448"}, {"atan(-1.0, -1.0)", "-2.35619449019234"},
    {"acos(1.0)", "0.0"},
};

Test(values, numbers) {
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, numbers);
    static const struct bi_case lambda[] = {{"random(1, 2)", "E_ARGS"}};
    BI_CHECK(&w, PROGRAMMER, lambda);
    bi_close(&w);
    bi_open(&w, "toast");
    static const struct bi_case toast[] = {
        {"random(4, 3)", "E_INVARG"}, {"random(-3, -3)", "-3"}, {"length(floatstr(1.0, 500))", "23"}, {"random(\"a\")", "E_TYPE"}};
    BI_CHECK(&w, PROGRAMMER, toast);
    bi_close(&w);
}

static const struct bi_case strings[] = {
    {"length(\"abc\")", "3"}, {"length(\"å\")", "1"}, {"length({1, 2})", "2"}, {"length(1)", "E_TYPE"},
    {"index(\"foobar\", \"o\")", "2"}, {"rindex(\"foobar\", \"o\")", "3"}, {"index(\"foobar\", \"OB\")", "3"}, {"index(\"foobar\", \"OB\", 1)", "0"},
    {"index(\"foobar\", \"\")", "1"}, {"rindex(\"foobar\", \"\")", "7"}, {"index(\"\", \"x\")", "0"}, {"rindex(\"foobar\", \"OO\", {})", "2"},
    {"index(\"åäö\", \"ö\")", "3"}, {"index(1, \"x\")", "E_TYPE"},
    {"strsub(\"banana\", \"an\", \"x\")", "\"bxxa\""}, {"strsub(\"banana\", \"ANA\", \"x\")", "\"bxna\""}, {"strsub(\"banana\", \"A\", \"x\", 1)", "\"banana\""},
    {"strsub(\"aaa\", \"a\", \"aa\")", "\"aaaaaa\""}, {"strsub(\"x\", \"\", \"y\")", "E_INVARG"}, {"strsub(\"\", \"a\", \"b\")", "\"\""}, {"strsub(\"aBc\", \"b\", \"\")", "\"ac\""},
    {"strcmp(\"a\", \"b\")", "-1"}, {"strcmp(\"a\", \"A\")", "1"}, {"strcmp(\"a\", \"a\")", "0"}, {"strcmp(\"a\", \"ab\")", "-1"}, {"strcmp(\"b\", \"ab\")", "1"},
    {"decode_binary(\"foo~0D~0Abar\")", "{\"foo\", 13, 10, \"bar\"}"}, {"decode_binary(\"a~7eb\", 1)", "{97, 126, 98}"}, {"decode_binary(\"~7e\")", "{\"~\"}"},
    {"decode_binary(\"~09x\")", "{\"\tx\"}"}, {"decode_binary(\"~zz\")", "E_INVARG"}, {"decode_binary(\"~0\")", "E_INVARG"}, {"decode_binary(\"\")", "{}"},
    {"decode_binary(\"å\")", "{195, 165}"}, {"decode_binary(\"~\")", "E_INVARG"},
    {"encode_binary(\"a~b\", 10, {13, {\"x\"}, {}})", "\"a~7Eb~0A~0Dx\""}, {"encode_binary(256)", "E_INVARG"}, {"encode_binary(-1)", "E_INVARG"}, {"encode_binary(#1)", "E_INVARG"},
    {"encode_binary()", "\"\""}, {"encode_binary(\"å\t\")", "\"~C3~A5~09\""}, {"encode_binary({1.0})", "E_INVARG"},
};

Test(values, strings) {
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, strings);
    static const struct bi_case lambda[] = {{"index(\"a\", \"a\", 0, 0)", "E_ARGS"}};
    BI_CHECK(&w, PROGRAMMER, lambda);
    bi_close(&w);
    bi_open(&w, "toast");
    static const struct bi_case toast[] = {
        {"index(\"foobar\", \"o\", 0, 2)", "1"}, {"index(\"foobar\", \"o\", 0, -1)", "E_INVARG"}, {"index(\"foobar\", \"o\", 0, 99)", "0"},
        {"rindex(\"foobar\", \"o\", 0, -4)", "2"}, {"rindex(\"foobar\", \"o\", 0, 1)", "E_INVARG"}, {"rindex(\"foobar\", \"o\", 0, -99)", "0"},
        {"index(\"x\", \"x\", 1, \"x\")", "E_TYPE"}};
    BI_CHECK(&w, PROGRAMMER, toast);
    bi_close(&w);
}

static const struct bi_case lists[] = {
    {"is_member(\"A\", {\"a\", \"A\"})", "2"}, {"is_member(1, {})", "0"}, {"is_member({\"a\"}, {{\"A\"}, {\"a\"}})", "2"},
    {"listappend({1, 2}, 3)", "{1, 2, 3}"}, {"listappend({1, 2}, 3, 1)", "{1, 3, 2}"}, {"listappend({1, 2}, 3, 0)", "{3, 1, 2}"}, {"listappend({1, 2}, 3, -5)", "{3, 1, 2}"},
    {"listappend({1, 2}, 3, 99)", "{1, 2, 3}"}, {"listappend({}, 3, 9223372036854775807)", "{3}"},
    {"listinsert({1, 2}, 3)", "{3, 1, 2}"}, {"listinsert({1, 2}, 3, 2)", "{1, 3, 2}"}, {"listinsert({1, 2}, 3, 99)", "{1, 2, 3}"}, {"listinsert({1, 2}, 3, -99)", "{3, 1, 2}"},
    {"listdelete({1, 2, 3}, 2)", "{1, 3}"}, {"listdelete({1}, 0)", "E_RANGE"}, {"listdelete({1}, 2)", "E_RANGE"}, {"listdelete({}, 1)", "E_RANGE"},
    {"listset({1, 2}, \"x\", 2)", "{1, \"x\"}"}, {"listset({1}, 1, 2)", "E_RANGE"}, {"listset({1}, 1, 0)", "E_RANGE"},
    {"setadd({\"a\"}, \"A\")", "{\"a\"}"}, {"setadd({1}, 2)", "{1, 2}"}, {"setremove({\"a\", \"b\", \"a\"}, \"A\")", "{\"b\", \"a\"}"}, {"setremove({1}, 2)", "{1}"},
    {"listset(1, 1, 1)", "E_TYPE"},
};

Test(values, lists) {
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, lists);
    static const struct bi_case lambda[] = {{"is_member(1, 2)", "E_TYPE"}};
    BI_CHECK(&w, PROGRAMMER, lambda);
    bi_close(&w);
    bi_open(&w, "toast");
    static const struct bi_case toast[] = {{"is_member(1, 2)", "E_INVARG"}, {"is_member(\"A\", {\"a\", \"A\"}, 0)", "1"}, {"is_member(\"A\", {\"a\", \"A\"}, 1)", "2"}};
    BI_CHECK(&w, PROGRAMMER, toast);
    bi_close(&w);
}

static const struct bi_case maps[] = {
    {"typeof([])", "10"}, {"length([])", "0"}, {"length([1 -> 2, \"a\" -> 3])", "2"}, {"tostr([1 -> 2])", "\"[map]\""}, {"toliteral([2 -> {}, 1 -> \"x\"])", "\"[1 -> \\\"x\\\", 2 -> {}]\""},
    {"value_bytes([])", "32"}, {"value_bytes([1 -> 2])", "88"}, {"equal([1 -> \"a\"], [1 -> \"A\"])", "0"}, {"toint([])", "E_TYPE"}, {"tofloat([])", "E_TYPE"}, {"toobj([])", "E_TYPE"},
    {"mapkeys([\"b\" -> 1, 2 -> 3])", "{2, \"b\"}"}, {"mapkeys([])", "{}"}, {"mapkeys({})", "E_TYPE"}, {"mapkeys()", "E_ARGS"},
    {"mapvalues([\"b\" -> 1, 2 -> 3])", "{3, 1}"}, {"mapvalues([\"b\" -> 1, 2 -> 3], \"b\", 2)", "{1, 3}"}, {"mapvalues([\"b\" -> 1], \"B\")", "E_RANGE"}, {"mapvalues([], {})", "E_RANGE"}, {"mapvalues(1)", "E_TYPE"},
    {"mapdelete([1 -> 2, \"K\" -> 3], \"k\")", "[1 -> 2]"}, {"mapdelete([1 -> 2, 3 -> 4], {3, 1})", "[]"}, {"mapdelete([1 -> 2], 3)", "E_RANGE"}, {"mapdelete([1 -> 2], {1, 1})", "E_RANGE"},
    {"mapdelete([1 -> 2], [])", "E_TYPE"}, {"mapdelete([1 -> 2], {{}})", "E_TYPE"}, {"mapdelete(1, 1)", "E_TYPE"},
    {"maphaskey([\"K\" -> 3], \"k\")", "1"}, {"maphaskey([\"K\" -> 3], \"k\", 1)", "0"}, {"maphaskey([], 1)", "0"}, {"maphaskey([], {})", "E_TYPE"}, {"maphaskey([], 1, \"x\")", "E_TYPE"},
    {"is_member(\"a\", [5 -> \"A\", 6 -> \"a\"])", "2"}, {"is_member(\"a\", [5 -> \"A\"], 0)", "1"}, {"is_member(1, [])", "0"},
    {"value_hash([1 -> 2]) == string_hash(\"[1 -> 2]\")", "1"}, {"encode_binary([])", "E_INVARG"}, {"sqrt([])", "E_TYPE"}, {"listappend([], 1)", "E_TYPE"}, {"setadd({[]}, [])", "{[]}"}};

Test(values, maps) {
    struct bi_world w;
    bi_open(&w, "toast");
    BI_CHECK(&w, PROGRAMMER, maps);
    w.m.max_concat_catchable = true;
    w.m.max_map_bytes = w.m.max_string_concat = 5000;
    cr_expect_str_eq(bi_run(&w, "m = []; for i in [1..100] m[i] = i; endfor return m;"), "E_QUOTA");
    w.m.max_map_bytes = 0;
    cr_expect_str_eq(bi_run(&w, "m = []; for i in [1..40] m = [1 -> m, 2 -> m]; endfor return toliteral(m);"), "E_QUOTA");
    bi_close(&w);
    bi_open(&w, "lambda");
    static const struct bi_case lambda[] = {{"mapkeys({})", "E_TYPE"}, {"maphaskey(1, 2)", "E_TYPE"}};
    BI_CHECK(&w, PROGRAMMER, lambda);
    bi_close(&w);
}

Test(values, digests) {
    static const struct bi_case lambda[] = {
        {"string_hash(\"abc\")", "\"900150983CD24FB0D6963F7D28E17F72\""}, {"binary_hash(\"~61bc\")", "\"900150983CD24FB0D6963F7D28E17F72\""},
        {"binary_hash(\"~6\")", "E_INVARG"}, {"value_hash({})", "\"99914B932BD37A50B983C5E7C90AE93B\""}, {"string_hash(\"a\", \"md5\")", "E_ARGS"},
    };
    static const struct bi_case toast[] = {
        {"string_hash(\"abc\")", "\"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\""},
        {"string_hash(\"abc\", \"MD5\")", "\"900150983CD24FB0D6963F7D28E17F72\""}, {"string_hash(\"abc\", \"bozo\")", "E_INVARG"},
        {"string_hash(\"\", \"md5\", 1)", "\"~D4~1D~8C~D9~8F~00~B2~04~E9~80~09~98~EC~F8~42~7E\""},
        {"binary_hash(\"~00~00~00~00~00\", \"ripemd160\")", "\"585BD7ED566208944B1F2E13170CD4B66325B8EE\""},
        {"string_hash(\"abc\", \"sha1\")", "\"A9993E364706816ABA3E25717850C26C9CD0D89D\""}, {"length(value_hash(1, \"sha512\"))", "128"},
    };
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, lambda);
    bi_close(&w);
    bi_open(&w, "toast");
    BI_CHECK(&w, PROGRAMMER, toast);
    bi_close(&w);
}

/* Bytes are those of the world's encoding. */
Test(values, encodings) {
    static const struct bi_case utf8[] = {{"string_hash(\"é\")", "\"66DDCD97CFDEABB2F6FB8A999B4BC76F\""}, {"encode_binary(\"é\")", "\"~C3~A9\""}, {"decode_binary(\"é\")", "{195, 169}"}};
    static const struct bi_case latin1[] = {
        {"string_hash(\"é\")", "\"3406877694691DDD1DFB0ACA54681407\""}, {"encode_binary(\"é\")", "\"~E9\""}, {"decode_binary(\"é\")", "{233}"}, {"binary_hash(\"~E9\") == string_hash(\"é\")", "1"},
        {"crypt(\"é\", \"ab\") == crypt(\"e\", \"ab\")", "0"}};
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, utf8);
    db_set_encoding(w.db, ENC_LATIN1);
    BI_CHECK(&w, PROGRAMMER, latin1);
    bi_close(&w);
}

Test(values, crypt) {
    static const struct bi_case both[] = {
        {"crypt(\"rasmuslerdorf\", \"rl\")", "\"rl.3StKT.4T8M\""}, {"crypt(\"rasmuslerdorf\", \"rl.3StKT.4T8M\")", "\"rl.3StKT.4T8M\""}, {"length(crypt(\"x\"))", "13"},
        {"length(crypt(\"x\", \"a\"))", "13"}, {"crypt(\"foobar\", \"$2a$05$KRGxLBS0Lxe3KBCwKxOzLe\")", "\"$2a$05$KRGxLBS0Lxe3KBCwKxOzLeMe5OhXhsCBVMLq7IYo9z2kiiCZMSmz6\""},
        {"crypt(\"foobar\", \"$2a$05$short\")", "E_INVARG"}, {"crypt(\"x\", \"$5$rounds=10000$abc\")", "E_PERM"}, {"crypt(\"x\", \"$2a$10$KRGxLBS0Lxe3KBCwKxOzLe\")", "E_PERM"},
        {"crypt(\"x\", \"$6$rounds=z$abc\")", "E_INVARG"}, {"crypt(\"x\", \"$y$j9T$abcdefgh\")", "E_PERM"}, {"crypt(\"x\", \"_J9..rasm\")", "E_PERM"},
    };
    static const struct bi_case wizard[] = {
        {"index(crypt(\"x\", \"$5$rounds=10000$abc\"), \"$5$rounds=10000$\")", "1"}, {"crypt(\"x\", \"$2a$31$KRGxLBS0Lxe3KBCwKxOzLe\")", "E_QUOTA"},
        {"crypt(\"x\", \"$5$rounds=999999999$abc\")", "E_QUOTA"}, {"crypt(\"x\", \"$2a$32$KRGxLBS0Lxe3KBCwKxOzLe\")", "E_INVARG"}};
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, both);
    BI_CHECK(&w, WIZARD, wizard);
    static const struct bi_case lambda[] = {{"crypt(\"x\", \"!!\")", "E_INVARG"}, {"crypt(\"x\", \"$99$\")", "E_INVARG"}};
    BI_CHECK(&w, PROGRAMMER, lambda);
    bi_close(&w);
    bi_open(&w, "toast");
    static const struct bi_case toast[] = {{"crypt(\"x\", \"$99$\")", "\"*0\""}};
    BI_CHECK(&w, PROGRAMMER, toast);
    BI_CHECK(&w, PROGRAMMER, both);
    bi_close(&w);
}

static const struct bi_case functions[] = {
    {"function_info(\"tostr\")", "{\"tostr\", 0, -1, {}}"}, {"function_info(\"notify\")", "{\"notify\", 2, 3, {1, 2, -1}}"},
    {"function_info(\"max\")", "{\"max\", 1, -1, {-2}}"}, {"function_info(\"zork\")", "E_INVARG"}, {"length(function_info()) >= 131", "1"},
    {"call_function(\"length\", \"abc\")", "3"}, {"call_function(\"length\")", "E_ARGS"}, {"call_function(\"length\", 1)", "E_TYPE"}, {"call_function(\"zork\")", "E_INVARG"},
    {"call_function(\"sqrt\", 1)", "E_TYPE"}, {"call_function(\"call_function\", \"length\", {})", "0"}, {"call_function()", "E_ARGS"}, {"call_function(1)", "E_TYPE"},
    {"raise(E_DIV)", "E_DIV"}, {"raise(\"x\", \"y\", 3)", "\"x\""},
    {"ctime(0)[21..24]", "\"1970\""}, {"length(ctime(0)) >= 24", "1"}, {"ctime(9223372036854775807)", "E_INVARG"}, {"typeof(ctime())", "2"},
};

Test(values, functions) {
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, functions);
    bi_close(&w);
}

/* The text of arguments' errors: plain, or ToastStunt's. */
Test(values, messages) {
    struct bi_world w;
    bi_open(&w, "lambda");
    cr_assert_str_eq(bi_run(&w, "try length(); except e (ANY) return e[2]; endtry"), "\"Incorrect number of arguments\"");
    cr_assert_str_eq(bi_run(&w, "try sqrt(1); except e (ANY) return e[2]; endtry"), "\"Type mismatch\"");
    cr_assert_str_eq(bi_run(&w, "try call_function(\"zork\"); except e (ANY) return e[2..3]; endtry"), "{\"Unknown built-in function\", \"zork\"}");
    cr_assert_str_eq(bi_run(&w, "try raise({1}); except e (ANY) return e[1..3]; endtry"), "{{1}, \"{list}\", 0}");
    bi_close(&w);
    bi_open(&w, "toast");
    cr_assert_str_eq(bi_run(&w, "try length(); except e (ANY) return e[2]; endtry"), "\"Incorrect number of arguments (expected 1; got 0)\"");
    cr_assert_str_eq(bi_run(&w, "try index(1); except e (ANY) return e[2]; endtry"), "\"Incorrect number of arguments (expected 2-4; got 1)\"");
    cr_assert_str_eq(bi_run(&w, "try min(); except e (ANY) return e[2]; endtry"), "\"Incorrect number of arguments (expected 1--1; got 0)\"");
    cr_assert_str_eq(bi_run(&w, "try sqrt(1); except e (ANY) return e[2]; endtry"), "\"Type mismatch (args[1] of sqrt() expected float; got integer)\"");
    cr_assert_str_eq(bi_run(&w, "try call_function(\"sqrt\", 1); except e (ANY) return e[2]; endtry"), "\"Type mismatch (args[1] of sqrt() expected float; got integer)\"");
    cr_assert_str_eq(bi_run(&w, "try min(\"x\"); except e (ANY) return e[2]; endtry"), "\"Type mismatch (args[1] of min() expected number; got string)\"");
    bi_close(&w);
}

/* Large things that are held very often are compared once. A test that takes for ever is one that fails. */
Test(values, comparisons_end) {
    static const char big[] = "s = \"x\"; for i in [1..14] s = s + s; endfor t = s + \"\"; t[$] = \"y\"; t[$] = \"x\"; a = b = {}; for i in [1..4000] a = {@a, s}; b = {@b, t}; endfor "
                              "for i in [1..6] a = {a, a, a, a}; b = {b, b, b, b}; endfor ";
    struct bi_world w;
    bi_open(&w, "lambda");
    static const struct bi_case cases[] = {{"a == b", "1"}, {"equal(a, b)", "1"}, {"a in {b}", "1"}, {"setadd({a}, b) == {a}", "1"}, {"is_member(b, {1, a})", "2"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char program[500];
        snprintf(program, sizeof program, "%sreturn %s;", big, cases[i].expression);
        cr_expect_str_eq(bi_run(&w, program), cases[i].expect, "%s", cases[i].expression);
    }
    bi_close(&w);
}

/* What would be endless when it is written out is not stored. */
Test(values, endless_values_are_not_stored) {
    static const char endless[] = "l = {1}; for i in [1..70] l = {l, l}; endfor ";
    struct bi_world w;
    bi_open(&w, "lambda");
    static const struct bi_case cases[] = {
        {"add_property(#0, \"p\", l, {#2, \"\"})", "E_QUOTA"}, {"{add_property(#0, \"p\", {}, {#2, \"\"}), `#0.p = l ! E_QUOTA', #0.p = {2}, `#0.p = l ! E_QUOTA', #0.p}", "{0, E_QUOTA, {2}, E_QUOTA, {2}}"},
        {"value_bytes(l) > 1000000000", "1"}, {"value_bytes(l[1][1]) > 1000000000", "1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char program[500];
        snprintf(program, sizeof program, "%sreturn %s;", endless, cases[i].expression);
        cr_expect_str_eq(bi_run(&w, program), cases[i].expect, "%s", cases[i].expression);
    }
    static const char program[] = "l = {1}; for i in [1..70] l = {l, l}; endfor for i in [1..3] `#0.p = l ! E_QUOTA'; #0.p = i; endfor return #0.p;"; /* one place, warm and cold */
    cr_expect_str_eq(bi_run(&w, program), "3");
    bi_close(&w);
}

/* What grows beyond the limits is refused before memory is taken. */
Test(values, sizes) {
    struct bi_world w;
    bi_open(&w, "lambda");
    w.m.max_string_concat = 1000;
    w.m.max_list_concat = 100;
    w.m.max_concat_catchable = true;
    cr_assert_str_eq(bi_run(&w, "s = \"aaaaaaaaaa\"; for i in [1..7] s = s + s; endfor return s;"), "E_QUOTA");
    static const char grow[] = "s = \"aaaaaaaaaa\"; for i in [1..5] s = s + s; endfor ";
    static const struct bi_case cases[] = {
        {"tostr(s, s, s, s)", "E_QUOTA"}, {"strsub(s, \"a\", \"12345\")", "E_QUOTA"}, {"toliteral({s, s, s, s})", "E_QUOTA"}, {"encode_binary(s, s, s, s)", "E_QUOTA"},
        {"length(tostr(s, s, s))", "960"}, {"decode_binary(s, 1)", "E_QUOTA"}, {"encode_binary(strsub(s, \"a\", \"~\"), s)", "E_QUOTA"}, {"value_hash({s, s, s, s})", "E_QUOTA"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char program[300];
        snprintf(program, sizeof program, "%sreturn %s;", grow, cases[i].expression);
        cr_expect_str_eq(bi_run(&w, program), cases[i].expect, "%s", cases[i].expression);
    }
    static const char list[] = "l = {}; for i in [1..100] l = {@l, i}; endfor ";
    static const char *const longer[] = {"listappend(l, 1)", "listinsert(l, 1)", "setadd(l, 0)"};
    for (size_t i = 0; i < 3; i++) {
        char program[300];
        snprintf(program, sizeof program, "%sreturn %s;", list, longer[i]);
        cr_expect_str_eq(bi_run(&w, program), "E_QUOTA", "%s", longer[i]);
    }
    /* short in memory, endless in print */
    cr_expect_str_eq(bi_run(&w, "l = {}; for i in [1..40] l = {l, l}; endfor return toliteral(l);"), "E_QUOTA");
    bi_close(&w);
}
