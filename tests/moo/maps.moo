Maps: their literals, indexes, loops and functions. In LambdaMOO's dialect there are none of these.

=== literals and looking [toast]
--- run
x = 2;
m = ["b" -> x, 1 -> {}, #3 -> [], E_PERM -> 1.5, 2.5 -> [1 -> [2 -> 3]], "A" -> "q"];
show(m, [], ["a" -> 1, "A" -> x], [x -> x, x + 0 -> 5]);
show(m["B"], m[1], m[#3], m[E_PERM], m[2.5][1][2], length(m), typeof(m) == MAP, MAP);
show(`m["zz"] ! ANY', `m[{}] ! ANY', `m[[]] ! ANY', `m[2] ! ANY', `[][1] ! ANY');
show(tostr(m, []), toliteral([1 -> "x"]), value_bytes([]), value_bytes([1 -> 2]), !m, ![], m && 1);
show(m[^], m[$], `[][^] ! ANY', `[][$] ! ANY', {4, 5}[^], "xyz"[^..$], `{}[^] ! ANY');
show([1 -> 2] == [1 -> 2], ["a" -> 1] == ["A" -> 1], equal(["a" -> 1], ["A" -> 1]), [1 -> 2] == [1 -> 3], [1 -> 2] == [2 -> 2], [] == {}, [1 -> [2 -> {3}]] == [1 -> [2 -> {3}]]);
show(`[] < [] ! ANY', `[] + [] ! ANY', `-[] ! ANY', `{@[]} ! ANY', `[{} -> 1] ! ANY', `[[] -> 1] ! ANY');
show("Q" in m, 7 in m, is_member("q", m), is_member("Q", m), is_member("Q", m, 0), [] in {1, []}, {} in m);
--- expect
[1 -> {}, #3 -> [], E_PERM -> 1.5, 2.5 -> [1 -> [2 -> 3]], "A" -> "q", "b" -> 2] [] ["A" -> 2] [2 -> 5]
2 {} [] 1.5 3 6 1 10
E_RANGE E_TYPE E_TYPE E_RANGE E_RANGE
"[map][map]" "[1 -> \"x\"]" 32 88 0 1 1
{} 2 E_RANGE E_RANGE 4 "xyz" E_RANGE
1 1 0 0 0 0 1
E_TYPE E_TYPE E_TYPE E_TYPE E_TYPE E_TYPE
5 0 5 0 5 2 1
=> 0

=== storing [toast]
--- run
m = [];
m["a"] = 1; m[2] = "two"; m["A"] = {}; n = m;
m["a"] = 3; show(m, n);
m["in"] = ["er" -> {1, [5 -> 6]}];
m["in"]["er"][2][5] = "deep"; m["IN"]["er"][1] = m; show(m);
show(`m["none"]["x"] = 1 ! ANY', `m[2]["x"] = 1 ! ANY', `m[{}] = 1 ! ANY', `m["in"]["er"][3] = 1 ! ANY', length(m));
l = {1, ["x" -> 1]}; l[2]["y"] = l[2]["x"] + 1; show(l, l[2]["z"] = {}, l);
add_property(#0, "p", ["k" -> ["n" -> 1]], {#2, "rw"});
#0.p["k"]["n"] = 2; #0.p["new"] = "v"; show(#0.p, #0.p["k"]["n"] = 9, #0.p["k"]);
#0.p["k".."k"] = ["q" -> 1]; show(#0.p);
x = ["s" -> "abc"]; x["s"][2] = "X"; show(x); x["s"][1..2] = ""; show(x);
x = [1 -> 1]; x[1] = x; x[2] = x; show(x);
--- expect
[2 -> "two", "a" -> 3] [2 -> "two", "A" -> {}]
[2 -> "two", "a" -> 3, "IN" -> ["er" -> {[2 -> "two", "a" -> 3, "in" -> ["er" -> {1, [5 -> "deep"]}]], [5 -> "deep"]}]]
E_RANGE E_TYPE E_TYPE E_RANGE 3
{1, ["x" -> 1, "y" -> 2]} {} {1, ["x" -> 1, "y" -> 2, "z" -> {}]}
["k" -> ["n" -> 2], "new" -> "v"] 9 ["n" -> 9]
["new" -> "v", "q" -> 1]
["s" -> "aXc"]
["s" -> "c"]
[1 -> [1 -> 1], 2 -> [1 -> [1 -> 1]]]
=> 0

=== ranges [toast]
--- run
m = [1 -> "a", 2 -> "b", 3 -> "c", "k" -> "d"];
show(m[1..2], m[2..$], m[^..^], m[3..1], m[^..$] == m, `m[0..2] ! ANY', `m[1..9] ! ANY', `m[{}..1] ! ANY', `[][1..1] ! ANY');
n = m; n[2..3] = ["z" -> 1, 0 -> 2]; show(n, m);
n = m; n[1..$] = []; show(n);
n = m; n["k"..1] = ["K" -> 5, 7 -> 7]; show(n);
show(`m[1..2] = {} ! ANY', `m[1..5] = [] ! ANY', `(l = {1, 2})[1] ! ANY', `l[1..2] = [] ! ANY', m[2..3] = [2 -> 2]);
show(m, m[(a = ^)..(b = $)] == m, a, b);
--- expect
[1 -> "a", 2 -> "b"] [2 -> "b", 3 -> "c", "k" -> "d"] [1 -> "a"] [] 1 E_RANGE E_RANGE E_TYPE E_RANGE
[0 -> 2, 1 -> "a", "k" -> "d", "z" -> 1] [1 -> "a", 2 -> "b", 3 -> "c", "k" -> "d"]
[]
[1 -> "a", 2 -> "b", 3 -> "c", 7 -> 7, "k" -> "d"]
E_TYPE E_RANGE 1 E_TYPE [2 -> 2]
[1 -> "a", 2 -> 2, "k" -> "d"] 1 1 "k"
=> 0

=== loops [toast]
--- run
m = ["x" -> 1, 3 -> "three", #5 -> {}];
for v in (m) show(v); endfor
for v, k in (m) show(k, v); m[k] = "gone"; m["new" + tostr(k)] = 1; endfor
show(m);
for c in ("aéz") show(c); endfor
for c, i in ("añ") show(i, c); endfor
for e, i in ({"p", "q"}) if (i == 1) continue; endif show(i, e); endfor
for v in ([]) show("never"); endfor
for v, k in ({}) show("never"); endfor
for v, k in ("") show("never"); endfor
for v in ([1 -> 2, 2 -> 3]) break; endfor show(v);
for x, x in ({7, 8}) show(x); endfor
show(`eval("for x in (5) endfor") ! ANY', `eval("for x, y in (#0) endfor") ! ANY');
for i in [1..3] for v, k in ([i -> i * 2, 10 -> 1]) show(k, v); endfor endfor
m = [];
for i in [1..1000] m[(i * 7919) % 1000] = i; endfor
n = 0; last = -1; for v, k in (m) n = n + 1; if (k <= last) show("out of order", k); endif last = k; endfor
show(n, length(m), m[0], m[999]);
--- expect
"three"
{}
1
3 "three"
#5 {}
"x" 1
[3 -> "gone", #5 -> "gone", "new#5" -> 1, "new3" -> 1, "newx" -> 1, "x" -> "gone"]
"a"
"é"
"z"
1 "a"
2 "ñ"
2 "q"
2
1
2
E_TYPE E_TYPE
1 2
10 1
2 4
10 1
3 6
10 1
1000 1000 1000 321
=> 0

=== functions [toast]
--- run
m = ["b" -> 1, "A" -> 2, 3 -> {4}];
show(mapkeys(m), mapvalues(m), mapvalues(m, "b", 3), `mapvalues(m, "a") ! ANY', `mapvalues(m, {}) ! ANY', mapkeys([]), mapvalues([]));
show(mapdelete(m, "a"), mapdelete(m, {3, "B"}), mapdelete(m, {}), m, `mapdelete(m, 9) ! ANY', `mapdelete(m, []) ! ANY', `mapdelete(m, {{}}) ! ANY');
try mapdelete(m, {3, "zz"}); except e (ANY) show(e[1..3]); endtry
try mapdelete({}, 3); except e (ANY) show(e[1..3]); endtry
show(maphaskey(m, "a"), maphaskey(m, "a", 1), maphaskey(m, "A", 1), maphaskey(m, 0), `maphaskey(m, {}) ! ANY');
show(value_hash([]) == string_hash("[]"), toint(`toint([]) ! ANY'), `tofloat([]) ! ANY', `[]:foo() ! ANY', `m.foo ! ANY');
show(`{@m} ! ANY', `{a} = m ! ANY', `setadd(m, 1) ! ANY', setadd({m}, m), `"x" + [] ! ANY', `[] in [] ! ANY');
--- expect
{3, "A", "b"} {{4}, 2, 1} {1, {4}} E_RANGE E_RANGE {} {}
[3 -> {4}, "b" -> 1] ["A" -> 2] [3 -> {4}, "A" -> 2, "b" -> 1] [3 -> {4}, "A" -> 2, "b" -> 1] E_RANGE E_TYPE E_TYPE
{E_RANGE, "Key \"zz\" not found in map", "zz"}
{E_TYPE, "Type mismatch (args[1] of mapdelete() expected map; got list)", 0}
1 0 1 0 E_TYPE
1 1 E_TYPE E_TYPE E_TYPE
E_TYPE E_TYPE E_TYPE {[3 -> {4}, "A" -> 2, "b" -> 1]} E_TYPE 0
=> 0

=== what is wrong in them [toast]
--- run
for s in ({"[1 -> ]", "[1]", "[1, 2]", "[-> 2]", "[@{1} -> 2]", "return ^;", "return $;", "x[^] = [1 -> 2,];", "for a, b in [1..2] endfor", "for a, in (x) endfor", "[1 -> 2] = 3;", "1 -> 2"})
  show(eval(s)[2]);
endfor
--- expect
{"Line 1:  syntax error"}
{"Line 1:  syntax error"}
{"Line 1:  syntax error"}
{"Line 1:  syntax error"}
{"Line 1:  syntax error"}
{"Line 1:  Illegal context for `^' expression."}
{"Line 1:  Illegal context for `$' expression."}
{"Line 1:  syntax error"}
{"Line 1:  syntax error"}
{"Line 1:  syntax error"}
{"Line 1:  Illegal expression on left side of assignment."}
{"Line 1:  syntax error"}
=> 0

=== none of it in a LambdaMOO world
--- run
for s in ({"return [];", "return [1 -> 2];", "return {1}[^];", "for a, b in ({}) endfor", "return MAP;", "MAP = 4; return MAP;", "return a ->b;"})
  show(`eval(s) ! ANY');
endfor
show(`mapkeys({}) ! ANY');
for s in ("abc")
endfor
--- expect
{0, {"Line 1:  syntax error"}}
{0, {"Line 1:  syntax error"}}
{0, {"Line 1:  syntax error"}}
{0, {"Line 1:  syntax error"}}
E_VARNF
{1, 4}
{0, {"Line 1:  syntax error"}}
E_TYPE
#2:test program, line 5:  Type mismatch
(End of traceback)

=== too large [toast]
--- run catchable
m = [];
for i in [1..3]
  m[i] = m;
endfor
s = "0123456789012345678901234567890123456789012345678901234567890123"; for i in [1..14] s = s + s; endfor
show(length(s));
m = [0 -> []];
for i in [1..100]
  try
    m[0][i] = s;
  except e (E_QUOTA)
    show(i, length(m[0]), e[2], `[1 -> m, 2 -> s] ! ANY');
    break;
  endtry
endfor
--- expect
1048576
62 61 "Resource limit exceeded" E_QUOTA
=> 0

=== errors without the d bit [toast]
--- run nodebug
m = [1 -> 2];
show(m[3], [{} -> 1, 2 -> 3], m[{}..1]);
m[{}] = 3; show(m);
m = [1 -> [2 -> 3]]; m[5][1] = 6; show(m);
m = [1 -> [2 -> 3]]; m[1][{}] = 6; show(m);
for x in (5) show("never"); endfor
--- expect
E_RANGE E_TYPE E_TYPE
E_TYPE
[1 -> [2 -> 3], 5 -> E_TYPE]
[1 -> E_TYPE]
=> 0
