"""Random MOO programs, as a file for moorun: programs(seed, count). Every loop ends; most operations can fail; h() calls are everywhere, t() looks at the ticks, in lines that begin so."""
import random

VARS = ["a", "b", "c", "d", "e", "s", "l", "this", "args", "argstr"]
BINARY = ["+", "-", "*", "/", "%", "^", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"]
LITERALS = ["0", "1", "2", "-1", "3", '"abc"', '"x"', '""', "1.5", "#0", "#2", "E_DIV", "{}", "{1, 2, 3}", '{"a", {1, 2}, 3}', "{{1, {2}}, {3}}"]
CODES = ["ANY", "E_DIV, E_TYPE", "E_RANGE, E_VARNF", "@{E_INVARG, E_PROPNF}, E_ARGS", "E_TYPE, @h({E_RANGE})"]


MAPS = ["[]", '["a" -> 1, 2 -> {1, 2}]', '[1 -> [1 -> 2], "x" -> "abc", #0 -> 3]']


class Writer:
    def __init__(self, rng, toast=False):
        self.rng = rng
        self.toast = toast  # maps, loops over more, ^
        self.loops = []
        self.count = 0

    def pick(self, *choices):
        return self.rng.choice(choices)

    def variable(self):
        return self.rng.choice(VARS)

    def items(self, depth, least=0):
        return ", ".join(self.pick("", "", "", "@") + self.expr(depth - 1) for _ in range(self.rng.randint(least, 4)))

    def target(self, depth):
        base = self.pick(self.variable(), self.variable(), "#0.p", "#0.q", "o.p", "o.(n)")
        for _ in range(self.rng.choice([0, 0, 1, 1, 2, 3])):
            base += f"[{self.index(depth)}]"
        if self.rng.random() < 0.15:
            base += f"[{self.index(depth)}..{self.index(depth)}]"
        return base

    def index(self, depth):
        if self.toast and self.rng.random() < 0.3:
            return self.pick("^", '"a"', '"x"', '"k"')
        return self.pick("1", "2", "$", "1", self.expr(depth - 1), "h(1)", "h(2)", "length({o = #1})", 'length({n = "q"})')

    def scatter(self, depth):
        targets = []
        rest = False
        for _ in range(self.rng.randint(1, 4)):
            kind = self.rng.random()
            name = self.variable()
            if kind < 0.5:
                targets.append(name)
            elif kind < 0.6:
                targets.append("?" + name)
            elif kind < 0.85 or rest:
                targets.append(f"?{name} = {self.expr(depth - 1)}")
            else:
                targets.append("@" + name)
                rest = True
        return f"({{{', '.join(targets)}}} = {self.expr(depth - 1)})"

    def map_expr(self, depth):
        if self.rng.random() < 0.3:
            return self.rng.choice(MAPS)
        return "[" + ", ".join(f"{self.pick('1', '2', chr(34) + 'k' + chr(34), 'h(2)', self.expr(depth - 1))} -> {self.expr(depth - 1)}" for _ in range(self.rng.randint(0, 3))) + "]"

    def expr(self, depth):
        if self.toast and self.rng.random() < 0.12:
            return self.map_expr(depth) if depth > 0 else self.rng.choice(MAPS)
        if depth <= 0:
            return self.pick(self.variable(), self.rng.choice(LITERALS), self.variable())
        kind = self.rng.randrange(20)
        x = lambda: self.expr(depth - 1)
        if kind < 4:
            return f"({x()} {self.rng.choice(BINARY)} {x()})"
        if kind == 4:
            return f"({self.pick('-', '!')}{x()})"
        if kind == 5:
            return f"({x()} ? {x()} | {x()})"
        if kind in (6, 7):
            return f"{{{self.items(depth)}}}"
        if kind == 8:
            return f"{self.variable()}[{self.index(depth)}]"
        if kind == 9:
            return f"({x()})[{self.index(depth)}..{self.index(depth)}]"
        if kind in (10, 11):
            return f"h({x()})"
        if kind == 12:
            return f"({self.target(depth)} = {x()})"
        if kind == 13:
            return self.scatter(depth)
        if kind == 14:
            default = f" => {x()}" if self.rng.random() < 0.5 else ""
            return f"`{x()} ! {self.rng.choice(CODES)}{default}'"
        if kind == 15:
            return f"#0:{self.pick('id', 'add', 'fail', 'fin', 'nod')}({self.items(depth)})"
        if kind == 16:
            return self.pick("#0.p", "#0.q", "#0.nope", f"({x()}).p", "o.p", "o.(n)")
        if kind == 17:
            return f"{self.pick('length', 'typeof', 'toliteral', 'is_member')}({self.items(depth)})"
        if kind == 18:
            return f'twice(#0, "{self.pick("id", "add", "fail")}", {x()})'
        if self.rng.random() < 0.4:
            return self.pick(f"(o = {self.pick('#0', '#1', x())})", '(n = "p")', '(n = "q")')
        return f"({self.variable()} = {x()})"

    def body(self, depth):
        return "".join(self.statement(depth - 1) for _ in range(self.rng.randint(0, 3)))

    def loop(self, depth, name, head, tail):
        self.loops.append(name)
        text = f"{head}\n{self.body(depth)}{tail}\n"
        self.loops.pop()
        return text

    def new_name(self):
        self.count += 1
        return f"n{self.count}"

    def statement(self, depth):
        kind = self.rng.randrange(16) if depth > 0 else self.rng.randrange(7)
        if kind < 3:
            return f"{self.variable()} = {self.expr(3)};\n"
        if kind == 3:
            return f"{self.target(2)} = {self.expr(2)};\n"
        if kind == 4:
            return f"show({self.pick('1', 'a', 'b, c', 'l', 's, d', 'l')});\n"
        if kind == 5:
            v = self.variable()
            return self.pick(f"{v} = {{@{v}, {self.expr(1)}}};\n", f"{v} = {v} + {self.expr(1)};\n", f"{v}[{self.index(1)}] = {self.expr(1)};\n", f"{self.scatter(2)};\n")
        if kind == 6:
            return self.expr(3) + ";\n"
        if kind in (7, 8):
            otherwise = f"else\n{self.body(depth)}" if self.rng.random() < 0.5 else ""
            middle = f"elseif ({self.expr(2)})\n{self.body(depth)}" if self.rng.random() < 0.3 else ""
            return f"if ({self.expr(2)})\n{self.body(depth)}{middle}{otherwise}endif\n"
        if kind == 9:
            name = self.new_name()
            if self.toast and self.rng.random() < 0.5:
                key = self.new_name()
                return self.loop(depth, self.pick(name, key), f"for {name}, {key} in ({self.pick(self.expr(2), self.map_expr(2), 'h(' + self.map_expr(1) + ')')})", "endfor")
            return self.loop(depth, name, f"for {name} in ({self.expr(2)})", "endfor")
        if kind == 10:
            name = self.new_name()
            return self.loop(depth, name, f"for {name} in [{self.pick('1', 'h(1)', '2')}..{self.pick('3', 'h(2)', '1')}]", "endfor")
        if kind == 11:
            name, counter = self.new_name(), self.new_name()
            return f"{counter} = 0;\n" + self.loop(depth, name, f"while {name} ({counter} < 3 && ({counter} = {counter} + 1))", "endwhile")
        if kind in (12, 13):
            clauses = "".join(f"except {self.pick('', 'e ')}({self.rng.choice(CODES[1:])})\n{self.body(depth)}" for _ in range(self.rng.randint(1, 2)))
            return f"try\n{self.body(depth)}{clauses}{self.pick('', 'except (ANY)' + chr(10))}endtry\n"
        if kind == 14:
            return f"try\n{self.body(depth)}finally\n{self.body(depth)}endtry\n"
        if self.loops and self.rng.random() < 0.7:
            return f"{self.pick('break', 'continue')} {self.pick(self.rng.choice(self.loops), '')};\n".replace(" ;", ";")
        return self.pick(f"return {self.expr(2)};\n", f"fork ({self.pick('7', '1', 'h(1)', '-1')})\n{self.forked(depth)}endfork\n")

    def forked(self, depth):
        outer, self.loops = self.loops, []
        text = self.body(depth) + "show(a, l);\n"
        self.loops = outer
        return text

    def program(self):
        text = 'add_property(#0, "p", {1, {2, "xyz"}}, {#2, "rw"});\nadd_property(#0, "q", "text", {#2, "rw"});\n'
        text += 'add_property(#1, "p", {5, {6, 7}}, {#2, "rw"});\no = #0;\nn = "p";\n'
        text += 'a = 1;\nb = "text";\nl = {1, {2, 3}, "abc"};\n'
        for _ in range(self.rng.randint(3, 8)):
            piece = self.statement(3)
            text += f"try\n{piece}except (ANY)\nshow(a);\nendtry\n" if self.rng.random() < 0.8 else piece
        return text + "show(\"ticks\", t());\nshow(a, b, l, s, #0.p, #0.q, #1.p, o, n);\n"


VERBS = """--- verb #0:id xd
return h(args[1]);
--- verb #0:add xd
{x, ?y = h(2), @r} = args;
try
  return x + y;
finally
  h(0);
endtry
--- verb #0:fail xd
h(0);
return args[1] / 0;
--- verb #0:fin xd
for i in (args)
  try
    if (i == 2)
      continue;
    endif
    return {i, h(3)};
  except (E_TYPE)
    return h("type");
  endtry
endfor
--- verb #0:nod x
x = args[5] + h(1);
x[h(2)] = 1;
return {x, @5, h(7)};
"""


def programs(seed, count):
    for i in range(count):
        rng = random.Random(f"{seed}/{i}")
        toast = i % 3 == 0
        yield f"=== {seed}/{i}{' [toast]' if toast else ''}\n{VERBS}--- run{' nodebug' if i % 4 == 1 else ''} ticks 100000\n{Writer(rng, toast).program()}--- expect\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write("".join(programs(sys.argv[1], int(sys.argv[2]))))
