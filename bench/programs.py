"""The small programs that evermoo and Lua are compared on: one row each.

`moo` and `lua` do the same work n times; the setups make what they need. In MOO a setup leaves what the program needs in $bench (an object).
Rows with mean=False are left out of the geometric mean: their work is not the same in the two languages.
"""
from collections import namedtuple

Program = namedtuple("Program", "name n moo lua moo_setup lua_setup mean")


def row(name, n, moo, lua, moo_setup="", lua_setup="", mean=True):
    return Program(name, n, moo, lua, moo_setup, lua_setup, mean)


def verb(name, *lines, target="$bench"):
    code = ", ".join('"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"' for line in lines)
    return (f'add_verb({target}, {{#0, "rxd", "{name}"}}, {{"this", "none", "this"}});'
            f' set_verb_code({target}, "{name}", {{{code}}});')


CHAIN = "o = $bench; for i in [1..8] o = create(o); endfor $bench.leaf = o;"
LUA_CHAIN = "local o = B; for i = 1, 8 do o = setmetatable({}, {__index = o}) end; local leaf = o"

PROGRAMS = [
    row("empty for-range", 10_000_000, "for i in [1..N] endfor", "for i = 1, N do end"),
    row("integer add", 5_000_000, "x = 0; for i in [1..N] x = x + i; endfor", "local x = 0; for i = 1, N do x = x + i end"),
    row("while", 5_000_000, "i = 0; while (i < N) i = i + 1; endwhile", "local i = 0; while i < N do i = i + 1 end"),
    row("float multiply-add", 5_000_000, "x = 1.0; for i in [1..N] x = x * 0.999 + 1.5; endfor",
        "local x = 1.0; for i = 1, N do x = x * 0.999 + 1.5 end"),
    row("if/compare", 5_000_000,
        "x = 0; for i in [1..N] if (i < 1000) x = 1; elseif (i == 5000) x = 2; else x = 3; endif endfor",
        "local x = 0; for i = 1, N do if i < 1000 then x = 1 elseif i == 5000 then x = 2 else x = 3 end end"),
    row("recursive verb call (fib)", 27, "$bench:fib(N);", "B:fib(N)",
        verb("fib", "n = args[1];", "return n < 2 ? n | this:fib(n - 1) + this:fib(n - 2);"),
        "function B:fib(n) if n < 2 then return n end return self:fib(n - 1) + self:fib(n - 2) end"),
    row("verb call", 1_000_000, "o = $bench; for i in [1..N] o:nop(i); endfor", "for i = 1, N do B:nop(i) end",
        verb("nop", "return 1;"), "function B:nop(x) return 1 end"),
    row("verb inherited through 8 parents", 1_000_000, "o = $bench.leaf; for i in [1..N] o:nop(i); endfor",
        "for i = 1, N do leaf:nop(i) end", verb("nop", "return 1;") + CHAIN, "function B:nop(x) return 1 end " + LUA_CHAIN),
    row("builtin call", 2_000_000, "for i in [1..N] abs(i); endfor", "for i = 1, N do math.abs(i) end"),
    row("property read and write", 2_000_000, "o = $bench; o.p = 0; for i in [1..N] o.p = o.p + 1; endfor",
        "B.p = 0; for i = 1, N do B.p = B.p + 1 end"),
    row("property inherited through 8 parents", 2_000_000, "o = $bench.leaf; x = 0; for i in [1..N] x = x + o.p; endfor",
        "local x = 0; for i = 1, N do x = x + leaf.p end", "$bench.p = 1;" + CHAIN, "B.p = 1 " + LUA_CHAIN),
    row("string append", 200_000, 's = ""; for i in [1..N] s = s + "x"; endfor', 'local s = ""; for i = 1, N do s = s .. "x" end', mean=False),
    row("tostr", 1_000_000, "for i in [1..N] tostr(i); endfor", "for i = 1, N do tostring(i) end"),
    row("list append by splice", 1_000_000, "l = {}; for i in [1..N] l = {@l, i}; endfor", "local l = {}; for i = 1, N do l[#l + 1] = i end"),
    row("list index read", 5_000_000, "l = {1, 2, 3, 4, 5, 6, 7, 8}; x = 0; for i in [1..N] x = l[3]; endfor",
        "local l = {1, 2, 3, 4, 5, 6, 7, 8}; local x = 0; for i = 1, N do x = l[3] end"),
    row("list index write", 5_000_000, "l = {1, 2, 3, 4, 5, 6, 7, 8}; for i in [1..N] l[3] = i; endfor",
        "local l = {1, 2, 3, 4, 5, 6, 7, 8}; for i = 1, N do l[3] = i end"),
    row("map read", 3_000_000, 'm = ["a" -> 1, "b" -> 2, "c" -> 3]; x = 0; for i in [1..N] x = m["b"]; endfor',
        'local m = {a = 1, b = 2, c = 3}; local x = 0; for i = 1, N do x = m["b"] end', mean=False),
    row("map of many numbers", 500_000, "m = []; for i in [1..N] m[i * 7919 % 500009] = i; endfor x = 0; for v, k in (m) x = x + v; endfor",
        "local m = {}; for i = 1, N do m[i * 7919 % 500009] = i end; local x = 0; for k, v in pairs(m) do x = x + v end", mean=False),
    row("for-in", 500, "l = {}; for i in [1..10000] l = {@l, i}; endfor x = 0; for k in [1..N] for e in (l) x = x + e; endfor endfor",
        "local l = {}; for i = 1, 10000 do l[i] = i end; local x = 0; for k = 1, N do for _, e in ipairs(l) do x = x + e end end"),
    row("list literals", 2_000_000, "for i in [1..N] x = {i, 2, 3}; endfor", "local x; for i = 1, N do x = {i, 2, 3} end"),
    row("insertion sort", 2000, """
l = {}; r = 42; for i in [1..N] r = (r * 1103 + 12345) % 65536; l = {@l, r}; endfor
for i in [2..N] v = l[i]; j = i - 1; while (j > 0 && l[j] > v) l[j + 1] = l[j]; j = j - 1; endwhile l[j + 1] = v; endfor""",
        """
local l, r = {}, 42; for i = 1, N do r = (r * 1103 + 12345) % 65536; l[i] = r end
for i = 2, N do local v = l[i]; local j = i - 1; while j > 0 and l[j] > v do l[j + 1] = l[j]; j = j - 1 end; l[j + 1] = v end"""),
    row("string search", 500_000, 's = $bench.text; for i in [1..N] index(s, "needle"); endfor',
        'for i = 1, N do string.find(text, "needle", 1, true) end',
        's = ""; for i in [1..40] s = s + "hay and "; endfor $bench.text = s + "needle" + s;',
        'local s = ""; for i = 1, 40 do s = s .. "hay and " end; local text = s .. "needle" .. s'),
    row("string compare", 3_000_000, 'a = "some longer words"; b = "some longer worda"; x = 0; for i in [1..N] x = a == b; endfor',
        'local a, b = "some longer words", "some longer worda"; local x; for i = 1, N do x = a == b end'),
    row("try/except", 300_000, "for i in [1..N] try raise(E_PERM); except (E_PERM) endtry endfor",
        'for i = 1, N do pcall(error, "E_PERM") end'),
    row("catch expression", 300_000, "for i in [1..N] x = `raise(E_PERM) ! E_PERM => 0'; endfor",
        'local x; for i = 1, N do local ok = pcall(error, "E_PERM"); x = ok and 1 or 0 end'),
    row("eval of a short program", 100_000, 'for i in [1..N] eval("return 1 + 2;"); endfor', 'for i = 1, N do load("return 1 + 2")() end'),
    row("create+recycle", 200_000, "o = $bench; for i in [1..N] recycle(create(o)); endfor",
        "local all, n = {}, 0; for i = 1, N do n = n + 1; local o = setmetatable({}, {__index = B}); all[n] = o; all[n] = nil end"),
]
