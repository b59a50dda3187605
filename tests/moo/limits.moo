Ticks, depth and sizes.

=== ticks are counted
--- verb #0:t xd
return ticks_left();
--- run
a = ticks_left(); b = ticks_left(); base = a - b;
a = ticks_left(); x = 1; show(a - ticks_left() - base, "x = 1: 1");
a = ticks_left(); x = 1 + 2; show(a - ticks_left() - base, "x = 1 + 2: 2");
a = ticks_left(); x = {1, 2, 3}; show(a - ticks_left() - base, "list: 2");
y = 5; a = ticks_left(); x = {y, y}; show(a - ticks_left() - base, "list: 2");
a = ticks_left(); x = length("a"); show(a - ticks_left() - base, "x = length(): 3");
a = ticks_left(); #2.name; show(a - ticks_left() - base, "prop: 1");
a = ticks_left(); for i in [1..10] endfor show(a - ticks_left() - base, "loop: 11");
a = ticks_left(); for i in ({1, 2, 3}) endfor show(a - ticks_left() - base, "for list: 5");
x = {1}; a = ticks_left(); x[1] = 2; show(a - ticks_left() - base, "x[1] = 2: 2");
x = {{1}}; a = ticks_left(); x[1][1] = 2; show(a - ticks_left() - base, "x[1][1] = 2: 3");
a = ticks_left(); x[1..1] = {2}; show(a - ticks_left() - base, "range store: 2");
a = ticks_left(); `1/0 ! E_DIV'; show(a - ticks_left() - base, "catch: 4");
a = ticks_left(); `1/0 ! E_DIV => 0'; show(a - ticks_left() - base, "catch with default: 3");
a = ticks_left(); `1/1 ! ANY'; show(a - ticks_left() - base, "catch nothing: 2");
a = ticks_left(); if (1) endif show(a - ticks_left() - base, "if: 1");
a = ticks_left(); if (0) x = 1; elseif (0) else endif show(a - ticks_left() - base, "if elseif: 2");
a = ticks_left(); if (1) x = 1; else endif show(a - ticks_left() - base, "if: 2");
a = ticks_left(); if (0) else x = 1; y = 2; endif show(a - ticks_left() - base, "else: 3");
a = ticks_left(); if (1 && 0) endif show(a - ticks_left() - base, "and: 2");
a = ticks_left(); if (1 == 1 && 2 < 3) endif show(a - ticks_left() - base, "and compared: 4");
a = ticks_left(); if (1 == 2 && 2 < 3) endif show(a - ticks_left() - base, "and compared: 3");
a = ticks_left(); if (y == 2 || y < 3) endif show(a - ticks_left() - base, "or compared: 3");
a = ticks_left(); x = y || 3; show(a - ticks_left() - base, "or: 2");
a = ticks_left(); x = y ? 3 | 4 + 5; show(a - ticks_left() - base, "cond: 2");
a = ticks_left(); x = !y ? 3 | 4 + 5; show(a - ticks_left() - base, "cond: 4");
a = ticks_left(); i = 0; while (i < 3) i = i + 1; endwhile show(a - ticks_left() - base, "while: 1 + 4 * 2 + 3 * 2 = 15");
a = ticks_left(); while (1) break; endwhile show(a - ticks_left() - base, "break: 2");
a = ticks_left(); while w (0) endwhile show(a - ticks_left() - base, "while w: 1");
a = ticks_left(); try endtry_ = 0; except (ANY) endtry show(a - ticks_left() - base, "try: 2");
a = ticks_left(); try 1/0; except e (E_DIV) endtry show(a - ticks_left() - base, "try caught: 1 + 1 + 1 + 1 = 4");
a = ticks_left(); try x = 0; finally y = 1; endtry show(a - ticks_left() - base, "finally: 3");
a = ticks_left(); {p, ?q = 5, ?r = 6} = {1}; show(a - ticks_left() - base, "scatter: list 1 + 1 + 2 = 4");
a = ticks_left(); -y; - 5; show(a - ticks_left() - base, "minus: 1");
a = ticks_left(); x = {@{1}, y}; show(a - ticks_left() - base, "splice: 3");
a = ticks_left(); x = "abc"[2..$]; show(a - ticks_left() - base, "range: 2");
a = ticks_left(); x = #0:t(); show(a - x - base, "verb call to builtin: ");
a = ticks_left(); fork (0) endfork show(a - ticks_left() - base, "fork: 1");
--- expect
1 "x = 1: 1"
2 "x = 1 + 2: 2"
2 "list: 2"
2 "list: 2"
3 "x = length(): 3"
1 "prop: 1"
11 "loop: 11"
5 "for list: 5"
2 "x[1] = 2: 2"
3 "x[1][1] = 2: 3"
2 "range store: 2"
4 "catch: 4"
3 "catch with default: 3"
2 "catch nothing: 2"
1 "if: 1"
2 "if elseif: 2"
2 "if: 2"
3 "else: 3"
2 "and: 2"
4 "and compared: 4"
3 "and compared: 3"
3 "or compared: 3"
2 "or: 2"
2 "cond: 2"
4 "cond: 4"
15 "while: 1 + 4 * 2 + 3 * 2 = 15"
2 "break: 2"
1 "while w: 1"
2 "try: 2"
4 "try caught: 1 + 1 + 1 + 1 = 4"
3 "finally: 3"
4 "scatter: list 1 + 1 + 2 = 4"
1 "minus: 1"
3 "splice: 3"
2 "range: 2"
1 "verb call to builtin: "
1 "fork: 1"
=> 0

=== out of ticks
--- verb #0:burn xd
try
  while (1)
  endwhile
finally
  print("never");
endtry
--- run ticks 100
print("begin");
#0:burn();
--- expect
begin
#0:burn, line 2:  Task ran out of ticks
... called from #2:test program, line 2
(End of traceback)

=== exactly at the limit
--- run ticks 3
x = 1;
x = 2;
--- expect
=> 0

=== one too many
--- run ticks 2
x = 1;
x = 2;
x = 3;
--- expect
#2:test program, line 2:  Task ran out of ticks
(End of traceback)

=== ticks before something is seen
--- run ticks 6
x = 1; x = 2; print("seen");
x = 3; print("not seen");
--- expect
seen
#2:test program, line 5:  Task ran out of ticks
(End of traceback)

=== out of ticks in try
--- run ticks 50
try
  while (1) endwhile
except (ANY)
  print("caught");
endtry
--- expect
#2:test program, line 2:  Task ran out of ticks
(End of traceback)

=== too many verb calls
--- verb #0:r xd
return args[1] == 0 ? length(callers()) | #0:r(args[1] - 1);
--- run
show(`#0:r(48) ! ANY', `#0:r(49) ! ANY');
#0:r(60);
--- expect
49 E_MAXREC
#0:r, line 1:  Too many verb calls
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #0:r, line 1
... called from #2:test program, line 2
(End of traceback)

=== strings that are too long
--- run maxstring 1000
s = "0123456789"; for i in [1..10] s = s + s; endfor
--- expect
#2:test program, line 3:  Task ran out of seconds
(End of traceback)

=== strings that are too long, catchable
--- run maxstring 1000 catchable
s = "0123456789"; try for i in [1..10] s = s + s; endfor except e (ANY) show(e[1], length(s)); endtry
--- expect
E_QUOTA 640
=> 0

=== suspended tasks are killed with their built-ins
--- verb #0:v xd
try die(); finally print("never"); endtry
--- run
twice(#0, "v", 1);
--- expect
twice unwinds
killed

=== names are no longer than a million bytes, but those that wizards give
--- verb #0:t xd #3
{o} = args;
n = "x"; while (length(n) < 1000001) n = n + n; endwhile
half = n[1..600000];
show(`add_property(o, n, 1, {#3, "r"}) ! ANY', `add_verb(o, {#3, "rxd", n}, {"this", "none", "this"}) ! ANY', `o.name = n ! ANY');
add_property(o, "p", 1, {#3, "r"}); add_verb(o, {#3, "rxd", "v"}, {"this", "none", "this"});
show(`set_property_info(o, "p", {#3, "r", n}) ! ANY', `set_verb_info(o, 1, {#3, "rxd", n}) ! ANY', properties(o), verbs(o));
show(add_verb(o, {#3, "rxd", half}, {"this", "none", "this"}), `add_property(o, half, 1, {#3, "r"}) ! ANY');
show(set_verb_info(o, 2, {#3, "rxd", "y" + half[2..$]}), `set_verb_info(o, 1, {#3, "rxd", half}) ! ANY', length(verbs(o)));
o.name = half;
#2.name = n;
--- run
o = create(#1, #3);
`#0:t(o) ! E_PERM => show("permission comes first")';
n = "x"; while (length(n) < 1000001) n = n + n; endwhile
show(add_property(o, n, 1, {#3, "r"}), add_verb(o, {#3, "rxd", n}, {"this", "none", "this"}), length(o.name = n) > 1000000);
--- expect
E_QUOTA E_QUOTA E_QUOTA
E_QUOTA E_QUOTA {"p"} {"v"}
2 E_QUOTA
0 E_QUOTA 2
"permission comes first"
0 3 1
=> 0
