Programs whose frames are saved while they wait: h(x) is x, by way of a sleep. Each is run straight through, then with every task saved and loaded at every sleep,
and (tests/suites/relay) handed back and forth between two builds.

=== operands
--- run
x = 1;
show(x + h(2) * (x - h(3)), h(1) + h(2), h({1, 2})[h(2)], "abc"[h(1)..h(2)], {1, 2, 3}[h(2)..$]);
show({x, x = h(2), x}, {@{x, h(5)}, @h({6, 7}), h(8)}, {h(1), {h(2), {h(3)}}});
y = x + (x = h(10));
show(y, x, -h(5), !h(0), h(1) in {h(3), h(1)});
show(h(1) && h(2), h(0) || h(3), h(0) ? h(1) | h(2), x == h(10) ? "yes" | "no");
show(h(1) < h(2), h("a") == h("A"), 2 ^ h(3) ^ h(2));
--- expect
-3 3 2 "ab" {2, 3}
{1, 2, 2} {2, 5, 6, 7, 8} {1, {2, {3}}}
12 10 -5 1 2
2 3 2 "yes"
1 1 512
=> 0

=== loops
--- run
s = {};
for i in ({1, 2, h(3)})
  for j in [h(1)..h(3)]
    if (j == 2)
      continue i;
    endif
    s = {@s, {i, h(j)}};
  endfor
  h(0);
endfor
show(s);
n = h(3);
while w (n = n - h(1))
  s = {@s, w, h(n)};
  while inner (h(1))
    h(0);
    break w;
  endwhile
endwhile
show(s, n, w, inner);
for o in [#1..h(#3)]
  h(0);
  show(o);
endfor
for e in (h({}))
  show("never");
endfor
--- expect
{{1, 1}, {2, 1}, {3, 1}}
{{1, 1}, {2, 1}, {3, 1}, 2, 2} 2 2 1
#1
#2
#3
=> 0

=== assignments
--- verb #0:obj xd
return h(#0);
--- run
add_property(#0, "p", {1, {2, 3}, "xyz"}, {#2, "rw"});
l = {1, {2, {3, 4}}, "abc"};
l[h(2)][h(2)][h(1)] = h("deep");
l[3][h(2)] = h("Q");
l[h(1)..h(1)] = h({7, 8});
show(l);
x = (l[h(1)] = h(99)) + 1;
show(x, l);
#0:obj().p[h(2)][h(1)] = h(5);
#0.(h("p"))[3][h(1)] = h("X");
show(#0.p);
#0:obj().p[h(1)..h(0)] = {0, h(0)};
show(#0.p);
#0.p = h(3) + #0.p[h(1)];
show(#0.p);
z = {1, 2, 3};
z[z[2]] = (z = h({9, 9, 9}))[1];
show(z);
--- expect
{7, 8, {2, {"deep", 4}}, "aQc"}
100 {99, 8, {2, {"deep", 4}}, "aQc"}
{1, {5, 3}, "Xyz"}
{0, 0, 1, {5, 3}, "Xyz"}
3
{1, 9, 3}
=> 0

=== scatter
--- run
{a, ?b = h(2), ?c = h(a + b), @d} = h({1});
show(a, b, c, d);
{?x = y + h(1), y} = {7};
show(x, y);
{?x = h(1), ?y = h(2), z, ?w = h(4)} = {5, 6};
show(x, y, z, w);
show({a, ?b = h(50)} = {1});
show(b);
--- expect
1 2 3 {}
8 7
5 2 6 4
{1}
50
=> 0

=== errors
--- verb #0:fail xd
h(0);
raise(args[1], "message", h("extra"));
--- run
show(`#0:fail(E_PERM) ! @h({E_PERM}), E_TYPE => h("caught")', `#0:fail(E_NACC) ! ANY');
try
  #0:fail(h({E_RANGE})[1]);
except (h(0), @h({E_TYPE}))
  show("wrong");
except e (@h({E_RANGE}))
  h(0);
  show(e[1..3]);
endtry
try
  show(`h(1) / h(0) ! E_TYPE');
except (E_DIV)
  show("outer");
endtry
l = {};
try
  try
    l = {@l, h(1)};
    #0:fail(E_INVARG);
  finally
    l = {@l, h(2)};
    try
      h(0);
    finally
      l = {@l, h(3)};
    endtry
    l = {@l, h(4)};
  endtry
except e (ANY)
  show(l, e[1], e[2], e[3]);
endtry
--- expect
"caught" E_NACC
{E_RANGE, "message", "extra"}
"outer"
{1, 2, 3, 4} E_INVARG "message" "extra"
=> 0

=== finally
--- verb #0:ret xd
try
  return h("body");
finally
  h(0);
  print("finally");
endtry
--- verb #0:replace xd
try
  return 1;
finally
  return h(2);
endtry
--- run
show(#0:ret(), #0:replace());
for i in [1..3]
  try
    try
      if (i == 2)
        continue;
      elseif (i == 3)
        break;
      endif
    finally
      print("inner ", h(i));
    endtry
  finally
    print("outer ", h(i));
  endtry
  print("end ", h(i));
endfor
while out (1)
  try
    for k in ({1, 2})
      try
        break out;
      finally
        h(0);
        print("a");
      endtry
    endfor
  finally
    h(0);
    print("b");
  endtry
endwhile
try
  return h(7);
finally
  h(0);
  print("last");
endtry
--- expect
finally
"body" 2
inner 1
outer 1
end 1
inner 2
outer 2
inner 3
outer 3
a
b
last
=> 7

=== uncaught through finally
--- run
try
  h(0);
  x = 1 / h(0);
finally
  h(0);
  print("cleaning");
  h(0);
endtry
print("not here");
--- expect
cleaning
#2:test program, line 3:  Division by zero
(End of traceback)

=== forks
--- verb #0:f xd
{n} = args;
fork t (h(1))
  for i in [1..n]
    print("child ", i, " ", h(i) + n);
    fork (1)
      print("grandchild of ", h(i), " ", verb, " ", this);
    endfork
  endfor
endfork
return typeof(t);
--- run
show(#0:f(h(2)));
x = 5;
fork (3)
  x = x + h(1);
  try
    print("later ", h(x));
    return;
  finally
    h(0);
    print("done");
  endtry
endfork
x = 100;
h(0);
--- expect
0
=> 0
child 1 3
child 2 4
grandchild of 1 f #0
grandchild of 2 f #0
later 6
done

=== builtins that called back
--- verb #0:v xd
x = h(args[1]);
return x + h(1);
--- verb #0:bad xd
h(0);
return args[1] / 0;
--- run
show({1, twice(#0, "v", h(10)), h(3)});
show(eval("x = h(2); for i in [1..3] x = x + h(i); endfor return {x, h(4)};"));
show(`twice(#0, "bad", 1) ! E_DIV => h("div")');
show(eval("return #0:v(eval(\"return h(4);\")[2]);"));
show(`eval("h(0); return 1 / 0;") ! ANY => "raised"');
--- expect
{1, {"twice", 12}, 3}
{1, {8, 4}}
twice unwinds
"div"
{1, 5}
"raised"
=> 0

=== verbs and their variables
--- verb #1:probe xd
h(0);
x = {this, caller, verb, args, player, dobjstr, callers()[1][2]};
return this == #1 ? x | #1:probe(h(1), @args);
--- verb #0:start xd
dobjstr = "changed";
argstr = h("too");
return {@#2:probe(@h({4, 5})), #0:seen()};
--- verb #0:seen xd
return {argstr, dobjstr};
--- run
show(#0:(h("start"))());
show(h(#0):(h("seen"))(h(1)));
this = h(5); player = 7; verb = "z"; args = h(8);
show(this, player, verb, args, caller, argstr);
--- expect
{#1, #2, "probe", {1, 4, 5}, #2, "changed", "probe", {"too", "changed"}}
{"", ""}
5 7 "z" 8 #-1 ""
=> 0

=== unset variables and strings that grow
--- run
if (h(0))
  never = 1;
endif
show(`never ! E_VARNF => h("unset")');
s = "";
for i in [1..5]
  s = s + tostr(h(i));
endfor
show(s, `never ! ANY');
{?opt} = {};
show(`opt ! ANY => "still"');
--- expect
"unset"
"12345" E_VARNF
"still"
=> 0

=== no d bit
--- run nodebug
x = 1 / h(0);
show(x);
l = {1, 2};
l[h(5)] = h(3);
show(l);
{a, b} = h({1});
show(a, {1, @h(5), h(3)}, h(1) < h("a") ? "yes" | "no");
for i in (h(5))
  show("never");
endfor
l = {1, {2}};
l[h(2)][h(9)] = 1;
show(l, `h(1) / 0 ! ANY => 7');
--- expect
E_DIV
E_RANGE
E_VARNF E_TYPE "no"
{1, E_RANGE} E_DIV
=> 0

=== maps [toast]
--- verb #0:obj xd
return h(#0);
--- run
add_property(#0, "p", ["k" -> [1 -> "a"]], {#2, "rw"});
m = [h("b") -> h(1), "a" -> h({2}), h(3) -> [h(4) -> h(5), "const" -> {1}]];
show(m, m[h(3)][h(4)], m[h(^)..h("a")], h(m)[h("b")], h("x") in h(m), h({2}) in m);
m[h("new")] = h(7); m[h(3)][h("y")] = h(8); show(m, m[h("a")][h(1)]);
m[h(3)..h($)] = h(["only" -> h(1)]); show(m);
#0:obj().p[h("k")][h(2)] = h("b"); #0.(h("p"))["new"] = h([]); show(#0.p);
x = (m["q"] = h([1 -> 2]))[h(1)] + 1; show(x, m);
for v in (h(["a" -> 1, "b" -> 2, 0 -> 3]))
  show(h(v));
endfor
for v, k in (["a" -> h(1), "b" -> 2, 0 -> 3])
  for c, i in (h("aé"))
    if (i == 2 && h(k) == "a")
      break v;
    endif
    show(h(k), c, h(i), v);
  endfor
  h(0);
endfor
for v, k in (h({"p", "q"}))
  for x in ({1, 2})
    if (h(x) == 2)
      continue k;
    endif
    m[k] = h(v);
  endfor
endfor
for v, k in (h({"p", "q"}))
  while (1)
    h(0);
    break k;
  endwhile
endfor
show(m, `[h(1) -> 2, h({}) -> 3] ! ANY => h("caught")', `m[h("none")] ! E_RANGE => h([])');
n = []; for i in [1..200] n[i] = i; endfor
sum = 0; for v, k in (n) if (k % 50 == 0) n[k] = h(0); endif sum = sum + v * k; endfor
show(sum, n[50], n[51], length(n));
fork (0)
  show(m, MAP, typeof(n));
endfork
--- expect
[3 -> [4 -> 5, "const" -> {1}], "a" -> {2}, "b" -> 1] 5 [3 -> [4 -> 5, "const" -> {1}], "a" -> {2}] 1 0 2
[3 -> [4 -> 5, "const" -> {1}, "y" -> 8], "a" -> {2}, "b" -> 1, "new" -> 7] 2
["only" -> 1]
["k" -> [1 -> "a", 2 -> "b"], "new" -> []]
3 ["only" -> 1, "q" -> [1 -> 2]]
3
1
2
0 "a" 1 3
0 "é" 2 3
"a" "a" 1 1
[1 -> "p", 2 -> "q", "only" -> 1, "q" -> [1 -> 2]] "caught" []
2686700 0 51 200
=> 0
[1 -> "p", 2 -> "q", "only" -> 1, "q" -> [1 -> 2]] 10 10

=== maps without the d bit [toast]
--- run nodebug
show([h({}) -> h(1), h(2) -> h(3)]);
m = [1 -> 2]; m[h({})][h(1)] = h(2); show(m);
--- expect
E_TYPE
E_TYPE
=> 0
