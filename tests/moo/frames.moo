What programs see of frames and errors: messages, tracebacks, stacks, the d bit, forks; lists and strings that change in place.

=== tracebacks
--- verb #1:bar xd
"a comment";

x = 5;
return {x}[2];
--- verb #0:a*bc xd
return #2:bar();
--- run
x = 1;
if (x)
  y = eval("return #0:abc();");
endif
--- expect
#1:bar (this == #2), line 3:  Range error
... called from #0:a*bc, line 1
... called from #-1:Input to EVAL, line 1
... called from built-in function eval()
... called from #2:test program, line 3
(End of traceback)

=== tracebacks with detail [toast]
--- verb #1:bar xd
return nosuchvar;
--- verb #0:a*bc xd
return #2:bar();
--- run
#0:abc();
--- expect
#1:bar, line 1:  Variable not found: nosuchvar
... called from #0:a*bc (this == #0), line 1
... called from #2:test program (this == #2), line 1
(End of traceback)

=== messages [toast]
--- run
for p in ({"x", "#2.foo", "#2:foo()", "1 + 1.0", "1.0 + 1", "\"a\" + 1", "1 - \"a\"", "{} * 2", "-\"a\"", "1 < 1.0", "1 < \"a\"", "5[1]", "{1}[\"a\"]", "5 .foo", "5:foo()", "#2:(5)()", "#2.(5)", "{@5}", "1 in 5", "length()", "length(1, 2)", "strcmp(1, 2)", "abs(\"a\")", "raise()", "random(1, 2, 3)", "2 ^ \"a\"", "\"a\" ^ 2", "2.0 ^ \"a\"", "2 ^ 3.0", "{} < {}", "length(5)", "#99.foo", "#99:foo()"})
  try
    eval("return " + p + ";");
  except e (ANY)
    show(p, e[2], e[3]);
  endtry
endfor
try
  for i in [1.0..2.0]
  endfor
except e (ANY)
  show(e[2], e[3]);
endtry
show(-7 % 3, 7 % -3, -7 / 2, -7.5 % 2.0, 7 % 3, -6 % 3);
--- expect
"x" "Variable not found: x" {#-1, "x"}
"#2.foo" "Property not found: #2.foo" {#2, "foo"}
"#2:foo()" "Verb not found: #2:foo()" {#2, "foo"}
"1 + 1.0" "Type mismatch (expected integer; got float)" {{0}, 9}
"1.0 + 1" "Type mismatch (expected float; got integer)" {{9}, 0}
"\"a\" + 1" "Type mismatch (expected string; got integer)" {{2}, 0}
"1 - \"a\"" "Type mismatch (expected integer or float; got string)" {{0, 9}, 2}
"{} * 2" "Type mismatch (expected integer or float; got list)" {{0, 9}, 4}
"-\"a\"" "Type mismatch (expected integer or float; got string)" {{0, 9}, 2}
"1 < 1.0" "Type mismatch" 0
"1 < \"a\"" "Type mismatch (expected integer; got string)" {{0}, 2}
"5[1]" "Type mismatch" 0
"{1}[\"a\"]" "Type mismatch" 0
"5 .foo" "Type mismatch (expected object; got integer)" {{1}, 0}
"5:foo()" "Type mismatch" 0
"#2:(5)()" "Type mismatch (expected string; got integer)" {{2}, 0}
"#2.(5)" "Type mismatch (expected string; got integer)" {{2}, 0}
"{@5}" "Type mismatch (expected list; got integer)" {{4}, 0}
"1 in 5" "Type mismatch (expected list or map; got integer)" {{4, 10}, 0}
"length()" "Incorrect number of arguments (expected 1; got 0)" 0
"length(1, 2)" "Incorrect number of arguments (expected 1; got 2)" 0
"strcmp(1, 2)" "Type mismatch (args[1] of strcmp() expected string; got integer)" 0
"abs(\"a\")" "Type mismatch (args[1] of abs() expected number; got string)" 0
"raise()" "Incorrect number of arguments (expected 1-3; got 0)" 0
"random(1, 2, 3)" "Incorrect number of arguments (expected 0-2; got 3)" 0
"2 ^ \"a\"" "Type mismatch (expected integer; got string)" {{0}, 2}
"\"a\" ^ 2" "Type mismatch (expected integer or float; got string)" {{0, 9}, 2}
"2.0 ^ \"a\"" "Type mismatch (expected integer or float; got string)" {{0, 9}, 2}
"2 ^ 3.0" "Type mismatch" 0
"{} < {}" "Type mismatch (expected list; got list)" {{4}, 4}
"length(5)" "Type mismatch" 0
"#99.foo" "Invalid indirection" 0
"#99:foo()" "Invalid indirection" 0
"Type mismatch (expected integer or object; got float)" {{0, 1}, 9}
2 -2 -3 0.5 1 0
=> 0

=== messages of LambdaMOO
--- run
for p in ({"x", "#2.foo", "#2:foo()", "1 + 1.0", "length()", "strcmp(1, 2)"})
  try
    eval("return " + p + ";");
  except e (ANY)
    show(p, e[2], e[3]);
  endtry
endfor
--- expect
"x" "Variable not found" 0
"#2.foo" "Property not found" 0
"#2:foo()" "Verb not found" 0
"1 + 1.0" "Type mismatch" 0
"length()" "Incorrect number of arguments" 0
"strcmp(1, 2)" "Type mismatch" 0
=> 0

=== stacks
--- verb #0:a xd
return #1:b(@args);
--- verb #1:b xd
show(callers(), callers(1));
show(caller_perms());
raise(E_PERM, "deep");
--- run
try
  twice(#0, "a", 5);
except e (E_PERM)
  show(e);
endtry
eval("#0:a();");
--- expect
{{#0, "a", #2, #0, #2}, {#-1, "twice", #-1, #-1, #2}, {#2, "test", #2, #2, #2}} {{#0, "a", #2, #0, #2, 1}, {#-1, "twice", #-1, #-1, #2, 2}, {#2, "test", #2, #2, #2, 2}}
#2
twice unwinds
{E_PERM, "deep", 0, {{#1, "b", #2, #1, #2, 3}, {#0, "a", #2, #0, #2, 1}, {#-1, "twice", #-1, #-1, #2, 2}, {#2, "test", #2, #2, #2, 2}}}
{{#0, "a", #2, #0, #2}, {#-1, "", #2, #-1, #2}, {#-1, "eval", #-1, #-1, #2}, {#2, "test", #2, #2, #2}} {{#0, "a", #2, #0, #2, 1}, {#-1, "", #2, #-1, #2, 1}, {#-1, "eval", #-1, #-1, #2, 2}, {#2, "test", #2, #2, #2, 6}}
#2
#1:b, line 3:  deep
... called from #0:a, line 1
... called from #-1:Input to EVAL, line 1
... called from built-in function eval()
... called from #2:test program, line 6
(End of traceback)

=== uncaught
--- verb #0:a xd
try
  raise("weird", "text", 5);
finally
  print("cleanup");
endtry
--- run
#0:a();
--- expect
cleanup
#0:a, line 2:  text
... called from #2:test program, line 1
(End of traceback)

=== a frame without d
--- verb #0:nod x
a = 1/0; show(a);
x = {1}; x[5] = 3; show(x);
x = {1, {2}}; x[2][5] = 3; show(x);
x = {1}; x["a"] = 3; show(x);
x = {1}; x[5..6] = {3}; show(x);
{p, q} = {1}; show(p, q);
show({p, q} = {1});
show(raise("hi"), unset, length(), {@5}, {1, @5, 2}, f = length(@5));
for i in (5) show("no"); endfor
for i in ["a".."b"] show("no"); endfor
fork (-1) show("no"); endfork
fork ("a") show("no"); endfork
show(`1/0 ! ANY => 7', `#0:deb() ! ANY => 8');
show(#2.nope, #2.nope = 5, #2:nope(), 5:x(), 5 .x, (5).x = 6, #0:(5)());
if (1 < "a") show("no"); else show("else"); endif
while (1 < "a") show("no"); endwhile
show(1 < "a", 1 + "a", -"a", "abc"[9], "abc"[2..9], "a" in 5, {}[$]);
try show({}[1]); except (ANY) show("no"); endtry
y = "keep"; y = y + 5; show(y);
z = z + 1; show(z);
return 1/0;
--- verb #0:deb xd
return 1/0;
--- verb #0:through x
#0:deb();
show("no");
--- run
show(#0:nod());
show(`#0:through() ! E_DIV => "passed"');
show(eval("return `1/0 ! ANY => \"d\"';"));
--- expect
E_DIV
E_RANGE
{1, E_RANGE}
E_TYPE
E_RANGE
E_VARNF E_VARNF
E_ARGS
"hi" E_VARNF E_ARGS E_TYPE E_TYPE E_TYPE
E_DIV 8
E_PROPNF E_PROPNF E_VERBNF E_TYPE E_TYPE E_TYPE E_TYPE
"else"
E_TYPE E_TYPE E_TYPE E_RANGE E_RANGE E_TYPE E_RANGE
E_RANGE
E_TYPE
E_TYPE
E_DIV
"passed"
{1, "d"}
=> 0

=== built-in variables
--- run
show(NUM, OBJ, STR, LIST, ERR, INT, FLOAT, player, this, caller, verb, args, argstr, dobj, dobjstr, prepstr, iobj, iobjstr);
INT = 7; show(INT, INT + 1); args = {@args, 5}; show(args);
--- expect
0 1 2 4 3 0 9 #2 #2 #-1 "test" {} "" #-1 "" "" #-1 ""
7 8
{5}
=> 0

=== forks
--- verb #0:f xd
local = "kept";
fork id (2)
  show(local, this, verb, args, caller, callers(), caller_perms());
  local = "changed";
  fork (1) show(local); endfork
  1/0;
endfork
show(id > 0, local);
local = "later";
--- run
#0:f(1, 2);
fork (1) show("first"); endfork
fork (2) show("after"); endfork
show(yield({1}, 5));
show("end");
--- expect
1 "kept"
"first"
"kept" #0 "f" {1, 2} #2 {} #-1
#0:f, line 8:  Division by zero
(End of traceback)
"after"
"changed"
{1}
"end"
=> 0

=== fractions of a second [toast]
--- run
fork (1) show("second"); endfork
fork (0.5) show("first"); endfork
--- expect
=> 0
"first"
"second"

=== eval
--- run
show(eval("return 1 + 1;"), eval("1 +"), eval("x = {@args, verb, this, caller, player, dobj, argstr}; return x;"));
show(eval("return callers();"), eval("fork (0) show(this, caller); endfork"));
show(`eval("return 1 / 0;") ! ANY');
--- expect
{1, 2} {0, {"Line 2:  syntax error"}} {1, {"", #-1, #2, #2, #-1, ""}}
{1, {{#-1, "eval", #-1, #-1, #2}, {#2, "test", #2, #2, #2}}} {1, 0}
E_DIV
=> 0
#-1 #2

=== protected built-ins
--- verb #0:bf_length xd
return {"bf_length", args, caller, callers()};
--- verb #1:test xd
return length(@args);
--- run
show(length("abc"));
--- expect
3
=> 0

=== in place
--- run
l = {}; for i in [1..1000] l = {@l, i}; endfor m = l; l = {@l, "x"}; show(length(l), length(m), l[$], m[$]);
s = ""; for i in [1..1000] s = s + "y"; endfor t = s; s = s + "z"; show(length(s), length(t), s[$], t[$]);
a = {1, 2}; b = a; a[1] = 9; show(a, b);
a = {{1}, {2}}; b = a[1]; a[1][1] = 9; show(a, b); a[2][1] = 8; show(a);
l = {1, 2}; try l = {@l, 1/0}; except (ANY) show(l); endtry
l = {1, 2}; try l = {@l, @5}; except (ANY) show(l); endtry
l = {1, 2}; try l[3] = 5; except (ANY) show(l); endtry
l = {{1}, 2}; try l[1][3] = 5; except (ANY) show(l); endtry
l = {{1}, 2}; try l[1][1..2] = 5; except (ANY) show(l); endtry
s = "abc"; try s = s + 1; except (ANY) show(s); endtry
s = "abc"; s = s + s; show(s); s = s + s[1]; show(s); s = "" + s; show(s);
l = {1}; l = {@l, l, @l}; show(l); l = {@l, (l = {5})[1]}; show(l);
l = {1, 2, 3}; for x in (l) l[1] = {x, l[1]}; endfor show(l);
s = "é"; s[1] = "a"; s = s + "ü"; s[2] = "z"; show(s);
f = 1.5; l = {f, f}; l[1] = 2; l[2] = 3.5; show(l, value_bytes(l)); l[1] = "abc"; show(value_bytes(l));
--- expect
1001 1000 "x" 1000
1001 1000 "z" "y"
{9, 2} {1, 2}
{{9}, {2}} {1}
{{9}, {8}}
{1, 2}
{1, 2}
{1, 2}
{{1}, 2}
{{1}, 2}
"abc"
"abcabc"
"abcabca"
"abcabca"
{1, {1}, 1}
{1, {1}, 1, 5}
{{3, {2, {1, 1}}}, 2, 3}
"az"
{2, 3.5} 72
76
=> 0
