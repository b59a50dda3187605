"""A tiny world as a text dump of format 4: a system object, a room, three players and a class for them, enough to test a server with."""

ANY, NONE, THIS = "any", "none", "this"
_ARG = {NONE: 0, ANY: 1, THIS: 2}
R, W, X, D = 1, 2, 4, 8

SYSTEM_VERBS = {
    "do_login_command": """
        if (!args)
        notify(player, "Welcome to the tiny world.");
        elseif (args[1] == "connect" && length(args) > 1)
        for p in (players())
        if (p.name == args[2])
        return p;
        endif
        endfor
        notify(player, "There is no such player.");
        elseif (args[1] == "create" && length(args) > 1)
        p = create(#6, #-1);
        p.name = args[2];
        p.programmer = 1;
        set_player_flag(p, 1);
        move(p, #2);
        return p;
        elseif (args[1] == "quit")
        boot_player(player);
        else
        notify(player, "Login: " + toliteral(args) + " " + toliteral(argstr));
        endif
        """,
    "user_connected user_disconnected user_client_disconnected user_reconnected user_created": """
        this.events = {@this.events, {verb, args[1]}};
        for p in (connected_players())
        if (p != args[1] || verb == "user_connected" || verb == "user_reconnected" || verb == "user_created")
        notify(p, "* " + verb + " " + tostr(args[1]));
        endif
        endfor
        """,
    "server_started checkpoint_started checkpoint_finished": """
        this.events = {@this.events, {verb, args}};
        """,
    "do_out_of_band_command": """
        notify(player, "OOB " + toliteral(args) + " " + toliteral(argstr));
        """,
}

PLAYER_VERBS = {
    "eval": """
        set_task_perms(player);
        code = (argstr && argstr[1] == ";") ? argstr[2..$] | "return " + argstr + ";";
        r = eval(code);
        if (r[1])
        notify(player, "=> " + toliteral(r[2]));
        else
        for line in (r[2])
        notify(player, line);
        endfor
        endif
        """,
    "say": """
        for p in (connected_players())
        notify(p, player.name + " says, " + toliteral(argstr));
        endfor
        """,
    "@quit": """
        boot_player(player);
        """,
    "@dump-database": """
        set_task_perms(player);
        dump_database();
        notify(player, "Dumping...");
        """,
    "@reboot": """
        set_task_perms(player);
        reboot("", argstr);
        """,
}


def lines_of(text):
    return [line.strip() for line in text.strip().splitlines()]


class Thing:
    def __init__(self, name, flags=0x10, owner=3, parent=1, location=-1):
        self.name, self.flags, self.owner, self.parent, self.location = name, flags, owner, parent, location
        self.verbs, self.props = [], []

    def verb(self, names, program, perms=R | X | D, dobj=THIS, prep=-1, iobj=THIS):
        self.verbs.append((names, perms | _ARG[dobj] << 4 | _ARG[iobj] << 6, prep, lines_of(program)))

    def command(self, names, program):
        self.verb(names, program, R | D, ANY, -2, ANY)

    def prop(self, name, tag, *value):
        self.props.append((name, [str(tag), *map(str, value)]))


def things():
    world = [
        Thing("System Object"), Thing("Root Class", 0x90, parent=-1), Thing("The Tiny Room"),
        Thing("Wizard", 0x17, 3, 6, 2), Thing("Alice", 0x13, 4, 6, 2), Thing("Bob", 0x11, 5, 6, 2),
        Thing("Players", 0x90), Thing("Server Options"), Thing("Other Handler"),
    ]
    system, players = world[0], world[6]
    system.prop("server_options", 1, 7)
    system.prop("events", 4, 0)
    for names, program in SYSTEM_VERBS.items():
        system.verb(names, program)
    for names, program in PLAYER_VERBS.items():
        players.command(names, program)
    return world


def chain(world, of, link):
    """{holder: [members]} for `location' or `parent'."""
    held = {}
    for number, thing in enumerate(world):
        held.setdefault(getattr(thing, link), []).append(number)
    return held.get(of, [])


def following(members, number):
    at = members.index(number) + 1
    return members[at] if at < len(members) else -1


def all_props(world, number):
    """Own definitions first, then the parent's: (definition or None, lines of the value)."""
    out, first = [], True
    while number != -1:
        for _, value in world[number].props:
            out.append(value if first else ["5"])
        number, first = world[number].parent, False
    return out


def dump(world=None):
    world = world or things()
    out = ["** LambdaMOO Database, Format Version 4 **", len(world), sum(len(t.verbs) for t in world), 0]
    players = [n for n, t in enumerate(world) if t.flags & 1]
    out += [len(players), *players]
    for n, t in enumerate(world):
        inside, children = chain(world, n, "location"), chain(world, n, "parent")
        out += [f"#{n}", t.name, "", t.flags, t.owner, t.location, inside[0] if inside else -1]
        out += [following(chain(world, t.location, "location"), n) if t.location != -1 else -1]
        out += [t.parent, children[0] if children else -1, following(chain(world, t.parent, "parent"), n) if t.parent != -1 else -1]
        out += [len(t.verbs)]
        for names, perms, prep, _ in t.verbs:
            out += [names, t.owner if t.owner != n else 3, perms, prep]
        out += [len(t.props), *(name for name, _ in t.props)]
        values = all_props(world, n)
        out += [len(values)]
        for value in values:
            out += [*value, 3, 1]
    for n, t in enumerate(world):
        for i, (_, _, _, program) in enumerate(t.verbs):
            out += [f"#{n}:{i}", *program, "."]
    out += ["0 clocks", "0 queued tasks", "0 suspended tasks", "0 active connections"]
    return "\n".join(map(str, out)) + "\n"


if __name__ == "__main__":
    print(dump(), end="")
