Expressions, statements and calls.

=== arithmetic
--- run
show(1 + 2, 7 / 2, -7 / 2, -7 % 3, 7 % -3, 2 ^ 10, 2 ^ -1, -1 ^ -3, 0 ^ 0, 1 ^ -5);
show(1.5 + 2.25, 7.0 / 2.0, -7.5 % 2.0, 2.0 ^ 0.5, 2.0 ^ -1, 10.0 - 0.5 * 4.0);
show(9223372036854775807 + 1, -9223372036854775807 - 1, (-9223372036854775807 - 1) / -1, (-9223372036854775807 - 1) % -1);
show(`1 / 0 ! ANY', `1 % 0 ! ANY', `1.0 / 0.0 ! ANY', `0.0 / 0.0 ! ANY', `1.0 % 0.0 ! ANY', `0 ^ -1 ! ANY', `0.0 ^ -1 ! ANY', `1e308 * 10.0 ! ANY', `2 ^ 0.5 ! ANY');
show(`1 + 1.0 ! ANY', `"a" + 1 ! ANY', `{} + 1 ! ANY', `-"x" ! ANY', `1 < 1.0 ! ANY', `{} < {} ! ANY', `#1 + 1 ! ANY');
x = 5; x = x * x - x; show(x, -x, - -x, !x, !!x, "a" + "b" + "c");

--- expect
3 3 -3 -1 1 1024 0 -1 1 1
3.75 3.5 -1.5 1.4142135623731 0.5 8.0
-9223372036854775808 -9223372036854775808 -9223372036854775808 0
E_DIV E_DIV E_DIV E_DIV E_DIV E_DIV E_FLOAT E_FLOAT E_TYPE
E_TYPE E_TYPE E_TYPE E_TYPE E_TYPE E_TYPE E_TYPE
20 -20 20 0 1 "abc"
=> 0

=== comparison
--- run
show(1 == 1.0, "abc" == "ABC", {1, {"A"}} == {1, {"a"}}, E_PERM == 3, #1 == #1, 1 != 2, "a" < "B", #1 < #2, E_TYPE < E_DIV, "a" >= "A");
show(2 in {1, 2}, "B" in {"a", "b"}, 5 in {}, `1 in 2 ! ANY');
show({1} && "x", 0 || "y", #5 || E_PERM, "" || {}, 1 && 0 && 3, 1 || 0 && 0, 0.0 || 3);
show(1 < 2 < 3, #0 ? 1 | 2, {} ? 1 | 2, "0" ? 1 | 2);
if (1 < 2 && "a" == "A" || 0) show("yes"); else show("no"); endif
if (!(1 > 2) && !0) show("yes"); endif
if (#1) show("no"); elseif (E_PERM) show("no"); elseif (0.0) show("no"); else show("right"); endif
--- expect
0 1 1 0 1 1 1 1 1 1
2 2 0 E_TYPE
"x" "y" E_PERM {} 0 0 3
1 2 2 1
"yes"
"yes"
"right"
=> 0

=== indexing
--- run
s = "hello"; l = {1, 2, {3, 4}};
show(s[1], s[$], l[$][1], l[3][$], s[2..3], s[$ - 1..$], l[2..1], s[7..1], {1,2,3}[2..$], "héllo"[2]);
show(l[l[1] + 1], l[length(l[$])..$], {5,6}[{1,2}[$]]);
show(`s[0] ! ANY', `s[6] ! ANY', `l[4] ! ANY', `5[1] ! ANY', `l["a"] ! ANY', `s[1..6] ! ANY', `{}[$] ! ANY', `5[$] ! ANY', `s[1.0] ! ANY', `l[2..9] ! ANY', `l[0..2] ! ANY');
--- expect
"h" "o" 3 4 "el" "lo" {} "" {2, 3} "é"
2 {2, {3, 4}} 6
E_RANGE E_RANGE E_RANGE E_TYPE E_TYPE E_RANGE E_RANGE E_TYPE E_TYPE E_RANGE E_RANGE
=> 0

=== stores
--- run
l = {1, 2, 3};
l[4..3] = {9}; show(l); l = {1,2,3}; l[1..0] = {9}; show(l); l = {1,2,3}; l[2..99] = {9}; show(l); l = {1,2,3}; l[-5..1] = {9}; show(l); l = {1,2,3}; l[3..1] = {9}; show(l);
s = "abc"; s[2] = "X"; show(s); s[1..1] = ""; show(s); s[3..2] = "tail"; show(s);
m = {1, {2, {3, "deep"}}}; n = m; m[2][2][2][1] = "D"; show(m, n); m[2][2][2][1..2] = "__"; show(m);
show((m[1] = 5), (m[1..1] = {7}), m);
show(`x[1] = 2 ! ANY', `l[9] = 1 ! ANY', `l["a"] = 1 ! ANY', `s[1] = 5 ! ANY', `s[1] = "ab" ! ANY', `l[9..10] = {} ! ANY', `l[1..-1] = {} ! ANY', `l[1..1] = "a" ! ANY', `m[1][1] = 2 ! ANY');
t = {"abc"}; show(`t[1][1][1] = "x" ! ANY', `t[1][2] = "Z" ! ANY', t);
q = 5; show(`q[1] = 2 ! ANY', q);
a = b = c = {1}; a[1] = 2; show(a, b, c); b = {@b, 5}; c[1] = b; show(b, c); b[2] = c; show(b, c);
x = {1, 2, 3}; x[x[2]] = (x = {9,9,9})[1]; show(x);
l = {1}; l[1] = l; show(l); l = {@l, l}; show(l); l[2][1] = 5; show(l);
--- expect
{1, 2, 3, 9}
{9, 1, 2, 3}
{1, 9}
{9, 2, 3}
{1, 2, 9, 2, 3}
"aXc"
"Xc"
"Xctail"
{1, {2, {3, "Deep"}}} {1, {2, {3, "deep"}}}
{1, {2, {3, "__ep"}}}
5 {7} {7, {2, {3, "__ep"}}}
E_VARNF E_RANGE E_TYPE E_TYPE E_INVARG E_RANGE E_RANGE E_TYPE E_TYPE
E_TYPE "Z" {"aZc"}
E_TYPE 5
{2} {1} {1}
{1, 5} {{1, 5}}
{1, {{1, 5}}} {{1, 5}}
{1, 9, 3}
{{1}}
{{1}, {{1}}}
{{1}, {5}}
=> 0

=== scatter
--- run
{a, ?b, c} = {1, 2}; show(a, `b ! ANY', c);
{a, ?b = a + 1, @c} = {1}; show(a, b, c);
{a, ?b, @c} = {1, 2, 3, 4}; show(a, b, c);
{@a, b} = {1, 2, 3}; show(a, b);
{?x = y, y} = {7}; show(x, y);
{a, a} = {1, 2}; show(a);
a = {1, 2}; {a, b} = a; show(a, b);
a = 1; b = 2; {a, b} = {b, a}; show(a, b);
show(`{a, b} = {1} ! ANY', `{a} = {1, 2} ! ANY', `{a} = 5 ! ANY', a, b);
show({a, b} = {3, 4}, a, b);
x = ({a, ?d = 9} = {1})[1]; show(x, d);
--- expect
1 E_VARNF 2
1 2 {}
1 2 {3, 4}
{1, 2} 3
7 7
2
1 2
2 1
E_ARGS E_ARGS E_TYPE 2 1
{3, 4} 3 4
1 9
=> 0

=== loops
--- run
for i in [1..3] for j in [i..3] if (j == 2) continue i; endif show(i, j); endfor endfor
for i in [3..1] show("no"); endfor
show(`i ! ANY');
for o in [#1..#3] show(o); endfor
for x in ({"a", 2, {3}}) show(x); x = 5; endfor show(x);
l = {1, 2, 3}; for x in (l) l = {@l, x}; endfor show(l);
for i in [9223372036854775806..9223372036854775807] show(i); endfor
i = 0; while foo (i < 5) i = i + 1; if (i == 2) continue foo; endif if (i == 4) break foo; endif show(i, foo); endwhile
try for i in [1.0..2.0] endfor except (E_TYPE) show("type"); endtry
try for i in ("abc") endfor except (E_TYPE) show("type"); endtry
try for i in [1..#3] endfor except (E_TYPE) show("type"); endtry
while (1) while (1) break; endwhile break; endwhile
for i in ({}) endfor
for x in ({1, 2}) while w (1) try break x; finally show("f"); endtry endwhile endfor
show(x, w);
--- expect
1 1
3 3
3
#1
#2
#3
"a"
2
{3}
5
{1, 2, 3, 1, 2, 3}
9223372036854775806
9223372036854775807
1 1
3 1
"type"
"type"
"type"
"f"
1 1
=> 0

=== try
--- run
try x = 1 / 0; except (E_TYPE) show(1); except e (E_RANGE, E_DIV) show(e); except (ANY) show(2); endtry
try raise("custom", "msg", {1}); except e ("CUSTOM") show(e); endtry
try raise(E_PERM, "mine"); except (ANY) show("any"); endtry
try try 1 / 0; except (E_PERM) show("no"); endtry except e (E_DIV) show(e[1]); endtry
try try 1 / 0; except (E_DIV) raise(E_RANGE); endtry except e (ANY) show(e[1]); endtry
try try 1 / 0; finally show("fin"); endtry except e (ANY) show(e[1]); endtry
try try 1 / 0; finally {}[1]; endtry except e (ANY) show(e[1]); endtry
show(`E_PERM.y.z ! E_TYPE, E_PROPNF => "t"', `nosuch ! E_VARNF', `1 ! 5', `1 / 0 ! @{E_DIV, E_PERM} => 2', `{1, 1 / 0} ! ANY => {}');
show(`1 / 0 ! E_DIV => `2 / 0 ! ANY => 3'', `raise(5, "five") ! 5');
try try x = {}[1]; except (1 / 0) endtry except (E_DIV) show("codes outside"); endtry
x = 5; try x = x + "a"; except (E_TYPE) show(x); endtry
for i in [1..2] try if (i == 1) continue; endif show(i); finally show("f", i); endtry endfor
show(`{1, 2, @3} ! ANY', `{@{1}, @"a"} ! ANY');
return `raise(E_NONE) ! ANY => 1';
--- expect
{E_DIV, "Division by zero", 0, {{#2, "test", #2, #2, #2, 2}}}
{"custom", "msg", {1}, {{#2, "test", #2, #2, #2, 11}}}
"any"
E_DIV
E_RANGE
"fin"
E_DIV
E_RANGE
"t" E_VARNF 1 2 {}
3 5
"codes outside"
5
"f" 1
2
"f" 2
E_TYPE E_TYPE
=> 1

=== finally returns
--- verb #0:a xd
try return 1; finally return 2; endtry
--- verb #0:b xd
try 1 / 0; finally return 3; endtry
--- verb #0:c xd
for i in [1..5] try return i; finally if (i < 3) continue; endif endtry endfor
--- verb #0:d xd
try try return 1; finally show("in"); endtry finally show("out"); endtry
--- verb #0:e xd
try return; finally 5; endtry
--- run
show(#0:a(), #0:b(), #0:c(), #0:d(), #0:e());
--- expect
"in"
"out"
2 3 3 1 0
=> 0

=== properties
--- run
add_property(#1, "foo", 7, {#2, "r"}); add_property(#0, "wiz", #2, {#2, ""});
show(#2.foo, #3.("foo"), #0.wiz, $wiz, $wiz.name);
#2.foo = 8; show(#2.foo, #1.foo, (#2.foo = {1, 2}));
#2.foo[1] = "x"; show(#2.foo); #2.foo[2..1] = {5}; show(#2.foo); $wiz.foo[1][1] = "y"; show(#2.foo);
show(`#2.bar ! ANY', `(5).foo ! ANY', `#99.foo ! ANY', `#2.(5) ! ANY', `#2.bar = 1 ! ANY', `5 .foo = 1 ! ANY', `#2.name = 5 ! ANY', `#2.location = #1 ! ANY');
set_task_perms(#3); show(`#0.wiz ! ANY', `#0.wiz = 1 ! ANY', `#1.foo = 1 ! ANY', #1.foo);
--- expect
7 7 #2 #2 "wizard"
8 7 {1, 2}
{"x", 2}
{"x", 5, 2}
{"y", 5, 2}
E_PROPNF E_TYPE E_INVIND E_TYPE E_PROPNF E_TYPE E_TYPE E_PERM
E_PERM E_PERM E_PERM 7
=> 0

=== verb calls
--- verb #1:who xd
return {this, caller, verb, args, player};
--- verb #1:f*oo xd
return verb;
--- verb #1:over xd
return "root";
--- verb #2:over xd
return {"wizard", pass(@args), `pass(1):x() ! ANY'};
--- verb #1:noexec rd
return 1;
--- verb #1:empty xd
--- run
show(#2:who(), #2:who(1, @{2, 3}), #2:("who")(), #2:f(), #2:foo(), #2:over(), #2:empty());
show(`#2:nosuch() ! ANY', `#2:noexec() ! ANY', `5:foo() ! ANY', `#2:(5)() ! ANY', `#-1:foo() ! ANY', `#2:foo(@5) ! ANY');
this = 7; player = #3; show(#2:who());
set_task_perms(#3); player = #1; show(#2:who());
--- expect
{#2, #2, "who", {}, #2} {#2, #2, "who", {1, 2, 3}, #2} {#2, #2, "who", {}, #2} "f" "foo" {"wizard", "root", E_TYPE} 0
E_VERBNF E_VERBNF E_TYPE E_TYPE E_INVIND E_TYPE
{#2, #2, "who", {}, #3}
{#2, #2, "who", {}, #2}
=> 0

=== object and name of a target are those before its indexes
--- run
add_property(#0, "p", {1, 2}, {#2, "rw"}); add_property(#1, "p", {7, 8}, {#2, "rw"}); add_property(#0, "q", {5, 6}, {#2, "rw"});
o = #0; o.p[(o = #1) == #1] = 9; show(#0.p, #1.p, o);
o = #0; n = "p"; o.(n)[(n = "q") == "q"] = 3; show(#0.p, #0.q, n);
o = #0; o.p[1..length({o = #1})] = {4}; show(#0.p, #1.p);
o = #0; o.p[2] = (o = #1); show(#0.p); (o = #0).p = (o = 5); show(#0.p);
--- expect
{9, 2} {7, 8} #1
{3, 2} {5, 6} "q"
{4, 2} {7, 8}
{4, #1}
5
=> 0

=== call_function of itself
--- run
show(call_function("call_function", "call_function", "length", "abc"), `call_function("call_function") ! ANY', `call_function("Call_Function", 5) ! ANY');
show(call_function("call_function", "eval", "return yield(5);"));
l = {"call_function"}; for i in [1..16] l = {@l, @l}; endfor
show(`call_function(@l) ! ANY', call_function(@l, "abs", -3));
--- expect
3 E_ARGS E_TYPE
{1, 5}
E_ARGS 3
=> 0

=== lists that have become empty, within lists
--- run
a = {1, {2}}; a[2] = listdelete(a[2], 1);
b = {1, {3}}; b[2] = setremove(b[2], 3);
show(a == b, equal(a, b), {b, a} == {a, b}, a == {1, {}}, {a} == {{2, {}}}, a in {b}, is_member(a, {b}));
if (a[2] == b[2]) show("and by themselves"); endif
--- expect
1 1 1 1 0 1 1
"and by themselves"
=> 0
