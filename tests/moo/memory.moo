What a task may hold (max_task_bytes): each way to more ends in E_QUOTA, which can be caught, and the slice goes on.

=== a string that doubles
--- run memory 900000
s = "0123456789"; try while (1) s = s + s; endwhile except e (E_QUOTA) show(e[1], e[2], length(s)); endtry
return "goes on";
--- expect
E_QUOTA "Resource limit exceeded: memory of a task" 327680
=> "goes on"

=== a string that grows
--- run memory 1000000
s = ""; try while (1) s = s + "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"; endwhile except (E_QUOTA) endtry
show(length(s) > 300000, length(s) < 1000000);
--- expect
1 1
=> 0

=== a list that grows, and what it held is free again
--- run memory 1000000 ticks 1000000
for i in [1..5]
  l = {};
  try while (1) l = {@l, 1}; endwhile except (E_QUOTA) show(length(l) > 20000, length(l) < 60000); endtry
endfor
--- expect
1 1
1 1
1 1
1 1
1 1
=> 0

=== a list that doubles
--- run memory 1000000
l = {1}; try while (1) l = {@l, @l}; endwhile except (E_QUOTA) show(length(l)); endtry
--- expect
32768
=> 0

=== lists of lists
--- run memory 1000000 ticks 1000000
l = {}; try while (1) l = {{l, 1, 2, 3}, 4, 5}; endwhile except e (E_QUOTA) show(e[2]); endtry
--- expect
"Resource limit exceeded: memory of a task"
=> 0

=== many small strings
--- run memory 1000000 ticks 1000000
l = {}; i = 0; try while (1) l = {@l, tostr("text number ", i = i + 1)}; endwhile except (E_QUOTA) show(i > 10000, i < 30000); endtry
--- expect
1 1
=> 0

=== small lists in a list of fixed length
--- run memory 1000000 ticks 1000000
l = {}; for i in [1..20000] l = {@l, 0}; endfor
try for i in [1..20000] l[i] = {i, i, i}; endfor except (E_QUOTA) show("too much"); endtry
--- expect
"too much"
=> 0

=== recursion
--- verb #0:deeper xd
big = {}; for i in [1..2000] big = {@big, i}; endfor
return this:deeper(args[1] + 1);
--- run memory 1000000 depth 1000 ticks 1000000
try #0:deeper(1); except e (E_QUOTA) show(length(e[4]) > 10); endtry
--- expect
1
=> 0

=== shared lists are counted once
--- run memory 1000000 ticks 1000000
big = {}; for i in [1..10000] big = {@big, i}; endfor
l = {}; for i in [1..1000] l = {@l, big}; endfor
show(length(l));
--- expect
1000
=> 0

=== properties
--- run memory 1000000 ticks 1000000
big = {}; for i in [1..10000] big = {@big, i}; endfor
n = 0;
try while (1) add_property(#0, tostr("p", n = n + 1), {@big, n}, {#2, "r"}); endwhile except (E_QUOTA) show(n); endtry
--- expect
5
=> 0

=== a handler has a little more, and no more than that
--- run memory 1000000 ticks 1000000
l = {}; caught = 0;
for i in [1..100]
  try while (1) l = {{l, 1, 2, 3}, 4, 5}; endwhile except (E_QUOTA) caught = caught + 1; endtry
endfor
show(caught, value_bytes(l) < 4000000);
--- expect
100 1
=> 0

=== uncaught
--- run memory 1000000
s = "0123456789";
while (1)
  s = s + s;
endwhile
--- expect
#2:test program, line 3:  Resource limit exceeded: memory of a task
(End of traceback)

=== nobody catches it in a frame without d, and it is not lost there
--- verb #0:v x
l = {}; while (1) l = {{l, 1, 2, 3}, 4, 5}; endwhile
--- run memory 1000000 ticks 1000000
try #0:v(); except e (E_QUOTA) show(e[1]); endtry
--- expect
E_QUOTA
=> 0

=== what it holds when it sleeps it holds when it wakes
--- run memory 1000000 ticks 1000000
l = {}; for i in [1..40000] l = {@l, i}; endfor
yield(0);
try more = {}; for i in [1..40000] more = {@more, i}; endfor except (E_QUOTA) show("too much"); endtry
l = 0;
more = {}; for i in [1..30000] more = {@more, i}; endfor
show(length(more));
--- expect
"too much"
30000
=> 0

=== a fork does not get rid of what it holds
--- run memory 1000000 ticks 1000000
l = {}; for i in [1..40000] l = {@l, i}; endfor
fork (0)
  try more = {}; for i in [1..40000] more = {@more, i}; endfor except (E_QUOTA) show("too much"); endtry
endfork
--- expect
=> 0
"too much"

=== indexed stores, ranges and scatters
--- run memory 3000000 ticks 1000000
l = {}; for i in [1..50000] l = {@l, i}; endfor
keep = {};
try while (1) m = l; m[1] = 2; keep = {@keep, m}; endwhile except (E_QUOTA) show("store", length(keep), length(m), length(l)); endtry
keep = {}; m = 0;
try while (1) keep = {@keep, l[2..$]}; endwhile except (E_QUOTA) show("range", length(keep)); endtry
keep = {};
try while (1) {a, @b} = l; keep = {@keep, b}; endwhile except (E_QUOTA) show("scatter", length(keep)); endtry
keep = {}; b = 0;
try while (1) m = l; m[1..2] = {5}; keep = {@keep, m}; endwhile except (E_QUOTA) show("range store", length(keep), length(m)); endtry
--- expect
"store" 2 50000 50000
"range" 2
"scatter" 2
"range store" 2 50000
=> 0

=== functions
--- run memory 3000000 ticks 1000000
l = {}; for i in [1..50000] l = {@l, i}; endfor
keep = {}; try while (1) keep = {@keep, listappend(l, 1)}; endwhile except (E_QUOTA) show("listappend"); endtry
keep = {}; try while (1) keep = {@keep, listdelete(l, 1)}; endwhile except (E_QUOTA) show("listdelete"); endtry
keep = {}; try while (1) keep = {@keep, listset(l, 1, 2)}; endwhile except (E_QUOTA) show("listset"); endtry
keep = {}; try while (1) keep = {@keep, setadd(l, "x")}; endwhile except (E_QUOTA) show("setadd"); endtry
keep = {}; try while (1) keep = {@keep, setremove(l, 7)}; endwhile except (E_QUOTA) show("setremove"); endtry
keep = {}; try while (1) keep = {@keep, toliteral(l)}; endwhile except (E_QUOTA) show("toliteral"); endtry
keep = {}; s = toliteral(l);
try while (1) keep = {@keep, strsub(s, "1", "one")}; endwhile except (E_QUOTA) show("strsub"); endtry
keep = {}; try while (1) keep = {@keep, tostr(s, s)}; endwhile except (E_QUOTA) show("tostr"); endtry
keep = {}; try while (1) keep = {@keep, encode_binary(s)}; endwhile except (E_QUOTA) show("encode_binary"); endtry
keep = {}; try while (1) keep = {@keep, decode_binary(s, 1)}; endwhile except (E_QUOTA) show("decode_binary"); endtry
keep = {}; try while (1) keep = {@keep, s[2..$]}; endwhile except (E_QUOTA) show("range of a string"); endtry
keep = {}; try while (1) t = s; t[1..1] = "xx"; keep = {@keep, t}; endwhile except (E_QUOTA) show("range store of a string"); endtry
--- expect
"listappend"
"listdelete"
"listset"
"setadd"
"setremove"
"toliteral"
"strsub"
"tostr"
"encode_binary"
"decode_binary"
"range of a string"
"range store of a string"
=> 0
