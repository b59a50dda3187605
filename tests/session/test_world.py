"""The bundled world, as newcomers, builders, programmers and its wizard use it."""
import pathlib
import re
import subprocess
import tempfile

from session import EVERMOO, Client, Server, until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DONE = "-=- done -=-"


class World(Server):
    """A server that found no world and so built the bundled one."""

    def __init__(self, *options):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="evermoo-session-"))
        self.world, self.log = self.dir / "world", self.dir / "log"
        self.options, self.clients, self.process = options, [], None
        self.start()

    def wizard(self, password="sesame"):
        w = self.join()
        w.send("connect wizard")
        w.expect("Please choose one now")
        w.send(password)
        w.expect("Password set.")
        return w.ready()

    def join(self):
        c = Player(self.port, greeting=False)
        self.clients.append(c)
        c.expect("Welcome to evermoo.")
        return c

    def save(self):
        done = subprocess.run([EVERMOO, "save", str(self.world)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def create(self, name, password="secret"):
        c = self.join()
        c.send(f"create {name} {password}")
        c.expect("*** Created ***")
        return c.ready()

    def connect_as(self, name, password):
        c = self.join()
        c.send(f'connect "{name}" {password}')
        c.expect("*** Connected ***")
        return c.ready()


class Player(Client):
    def ready(self):
        self.send("SUFFIX " + DONE, "@version")
        self.expect(DONE)
        return self

    def lines(self, command):
        """All that comes until the command has ended or sleeps."""
        self.send(command)
        text = self.expect_bytes(DONE.encode() + b"\r\n")
        return text.decode().splitlines()

    def do(self, command, *expected):
        got = self.lines(command)
        for line in expected:
            assert line in got, f"{command!r}: expected {line!r}, got {got!r}"
        return got

    def says(self, command, *expected):
        """The answer is these lines; before it may stand what others did meanwhile."""
        got = self.lines(command)
        assert got[-len(expected) :] == list(expected), f"{command!r}: expected {list(expected)!r}, got {got!r}"

    def value(self, code):
        got = self.lines(";" + code)
        assert got[-1].startswith("=> "), f"{code!r}: {got!r}"
        return got[-1][3:]

    def refused(self, code):
        got = self.lines(";" + code)
        assert got[0].startswith("=> E_PERM") or re.search("Permission denied", got[0]), f"{code!r} was not refused: {got!r}"

    def program(self, verb, *code, errors=()):
        self.do("@program " + verb, "[Type lines of input; use `.' to end or `@abort' to abort the command.]")
        self.send(*code, ".")
        for error in errors:
            self.expect(error)
        self.expect(f"{len(errors)} error(s)." if errors else "0 errors.")
        self.expect("Verb not programmed." if errors else "Verb programmed.")


def number(lines):
    return re.search(r"object number (#\d+)|\((#\d+)\) created", " ".join(lines)).expand(r"\1\2")


# ---- newcomers


def test_before_login():
    with World() as world:
        c = world.join()
        c.send("help", "who", "dance", "create Ann", "create Ann x", "create wizard secret", "create 12 secret", "connect nobody secret")
        for line in ("connect NAME PASSWORD", "Nobody is logged in.", "I don't understand that.", "Usage:  create NAME PASSWORD", "at least 3 characters",
                     "not available", "at least one letter", "Either that player does not exist, or has a different password."):
            c.expect(line)
        c.send("quit")
        c.expect("*** Disconnected ***")
        c.expect_end()


def test_guessing_passwords_ends():
    with World() as world:
        world.wizard()
        c = world.join()
        c.send(*["connect wizard guess"] * 5)
        c.expect("That was once too often.")
        c.expect("*** Disconnected ***")
        c.expect_end()


def test_first_ten_minutes():
    with World() as world:
        ann = world.create("Ann")
        assert "The Hall" in ann.lines("look")
        ann.do("read note", "Welcome.")
        ann.says("get note", "It is pinned to its stand.")
        ann.says("@describe me as A painter.", "Description set.")
        ann.do("look me", "Ann", "A painter.", "Awake and looking alert.")
        ann.says("say hello there", 'You say, "hello there"')
        ann.says('"quoted', 'You say, "quoted"')
        ann.says(":waves.", "Ann waves.")
        ann.do("n", "The Garden")
        ann.do("go south", "The Hall")
        attic = number(ann.lines("@dig up,u|down,d to The Attic"))
        ann.do("u", "The Attic", "Exits: down.")
        assert ann.value("here") == f"{attic}  (The Attic)"
        ann.do("look down", "You see nothing special.")
        box = number(ann.lines("@create $container named oak box,box"))
        ann.do("i", "Carrying:", "  oak box")
        ann.says("drop box", "You drop oak box.")
        ann.do("@create $thing named red ball,ball")
        ann.says("put ball in box", "You put red ball in oak box.")
        ann.do("look in box", "Contents:", "  red ball")
        ann.says("close box", "You close oak box.")
        ann.says("take ball from box", "Oak box is closed.")
        ann.says("open box", "You open oak box.")
        ann.says("take ball from box", "You take red ball from oak box.")
        ann.says(f"@rename box to chest,{'c'}", f'Name of {box} changed to "chest", with aliases {{"chest", "c"}}.')
        ann.says("@recycle chest", f"chest ({box}) recycled.")
        ann.says("look chest", 'I see no "chest" here.')
        ann.says("dance", "I don't understand that.")
        ann.says("get nothing", 'I see no "nothing" here.')
        ann.send("@quit")
        ann.expect("*** Disconnected ***")
        ann.expect_end()
        again = world.connect_as("ann", "secret")
        again.do("look", "The Attic")


def test_rooms_go_with_their_exits():
    with World() as world:
        ann = world.create("Ann")
        ann.do("@dig den|out to Den")
        ann.do("den", "Exits: out.")
        ann.says("@sethome", "Den is your home now.")
        ann.do("@recycle here", "The room fades away around you.", "The Hall", "Exits: north, east.", "Den (#38) recycled.")
        assert ann.value("{valid(#39), valid(#40), #26.exits, #26.entrances}") == "{0, 0, {#29, #31}, {#30, #32}}"
        ann.do("@dig den to Den")
        ann.says("@recycle #42", "den (#42) recycled.")
        ann.do("look", "Exits: north, east.")


def test_nowhere():
    with World() as world:
        ann = world.create("Ann")
        ann.lines("@create $toy named duck")
        ann.lines("@move me to nowhere")
        ann.says("look", "You are nowhere.  `home' takes you home.")
        ann.says("wind duck", "You wind up duck.")
        ann.says("drop duck", "There is nowhere to put it.")
        ann.says("say hello", "I couldn't understand that.")
        ann.do("home", "The Hall")
        ann.says("drop duck", "You drop duck.", "Duck starts moving.")
        ann.says("@recycle duck", "duck (#38) recycled.")
        ann.says(";;suspend(1.2); return 1;")
        assert ann.expect(re.compile("^(=> 1|#.*)$"))[0] == "=> 1"


def test_programming():
    with World() as world:
        ann = world.create("Ann")
        box = number(ann.lines("@create $thing named Box"))
        ann.says('@property box.colour "red"', 'Property added with value "red".')
        ann.says('@property box.colour "red"', f"Property {box}.colour already exists.")
        ann.says("@property box.size", "Property added with value 0.")
        ann.says('@property box.list {1, "two", #3, E_PERM, 4.5}', 'Property added with value {1, "two", #3, E_PERM, 4.5}.')
        ann.says('@property box.bad "x" "zz"', "Unknown permission bit:  z")
        ann.says("@show box.colour", f"{box}.colour", "Owner:        Ann (#37)", "Permissions:  rc", 'Value:        "red"')
        ann.says("@set box.size to 4", f"Property {box}.size set to 4.")
        ann.says("@set box.size to {4", "Could not parse: {4")
        ann.says("@set box.nosuch to 4", "That object does not define that property.")
        ann.says("@rmproperty box.colour", "Property removed.")
        ann.says("@verb box:shake this", "Verb added (1).")
        ann.says("@verb box:peek this none this", "Verb added (2).")
        ann.says("@verb box:put any in this rxd", "Verb added (3).")
        ann.says("@verb box:bad any nowhere this", '"nowhere" is not a valid preposition.')
        ann.do("@display box:", ":shake                   Ann (#37)            r  d  this none none", ":peek                    Ann (#37)            r xd  this none this",
               ":put                     Ann (#37)            r xd  any in/inside/into this")
        ann.program("box:shake", "x = 1 +;", errors=["Line 1:  syntax error"])
        ann.program("box:shake", 'player:tell("You shake ", this.name, ".");', "", "x = this.nosuch;")
        got = ann.lines("shake box")
        assert got[0] == "You shake Box." and re.match(re.escape(f"{box}:shake") + r".*, line 2:  Property not found", got[1]) and got[2] == "(End of traceback)", got
        ann.says("@list box:shake", f"{box}:shake   this none none", ' 1:  player:tell("You shake ", this.name, ".");', " 2:  x = this.nosuch;")
        ann.says("@list box:nosuch", "That object does not define that verb.")
        ann.do("@list box:get", "#5:\"g*et t*ake\"   this none none")
        ann.says("@args box:shake", "this none none")
        ann.says("@args box:shake this with any", "Verb arguments changed.")
        ann.says("@chmod box:shake +x", 'Verb permissions set to "rxd".')
        ann.says("@chmod box:shake zz", '"zz" is not a valid permissions string for a verb.')
        ann.says("@chmod box.size !c", 'Property permissions set to "r".')
        ann.says("@chmod box f", 'Object permissions set to "f".')
        ann.says('@rename box:shake to "jolt j*iggle"', "Verb name changed.")
        ann.says("@rmverb box:jig", f"Verb {box}:jolt j*iggle (1) {{this with/using any}} removed.")
        ann.do("@program box:peek", f"Now programming Box:peek(1).")
        ann.send("return 1;", "@abort")
        ann.expect(">> Command Aborted <<")
        ann.do("@show box", f"Object ID:  {box}", "    put", "    size", "    size: 4")


def test_eval():
    with World() as world:
        ann = world.create("Ann")
        ann.says(";1 + 1", "=> 2")
        ann.says(";player", "=> #37  (Ann)")
        ann.says(";E_PERM", "=> E_PERM  (Permission denied)")
        ann.says(";;for i in [1..2] player:tell(i); endfor", "1", "2", "=> 0")
        ann.says(";if (me == player) return \"yes\"; endif", '=> "yes"')
        ann.says(";1 +", "Line 1:  syntax error", "1 error.")
        ann.send(";;suspend(0); return here;")
        ann.expect("=> #26  (The Hall)")
        got = ann.lines(";1/0")
        assert re.match(r"#-1:Input to EVAL.*, line 3:  Division by zero", got[1] if got[0] == DONE else got[0]), got


def test_two_players():
    with World() as world:
        ann, bob = world.create("Ann"), world.create("Bob")
        ann.expect("Bob has connected.")
        bob.lines("say hello")
        ann.expect('Bob says, "hello"')
        ann.lines("page bob with are you there")
        bob.expect('Ann pages from The Hall: "are you there"')
        bob.says('whisper "psst" to ann', 'You whisper, "psst" to Ann.')
        ann.expect('Bob whispers, "psst"')
        ann.lines("@create $thing named ball")
        ann.says("give ball to bob", "You give ball to Bob.")
        bob.expect("Ann gives you ball.")
        bob.says("drop ball", "You drop ball.")
        ann.expect("Bob drops ball.")
        ann.lines("north")
        bob.expect("Ann leaves for The Garden.")
        bob.lines("n")
        ann.expect("Bob has arrived.")
        who = ann.lines("@who")
        assert any(line.startswith("Bob (#38)") and line.endswith("The Garden") for line in who) and who[-1] == "Total: 2 players.", who
        bob.send("@quit")
        ann.expect("Bob has disconnected.")
        ann.do("look", "The Garden", "Bob is asleep here.")


# ---- who may do what


def test_the_toy_and_its_child():
    with World() as world:
        ann, bob = world.create("Ann"), world.create("Bob")
        toy = number(ann.lines("@create $thing named Generic Wind-Up Toy,toy"))
        ann.says("@property toy.wound 0", "Property added with value 0.")
        ann.says('@property toy.wind_down_msg "finishes."', 'Property added with value "finishes.".')
        ann.lines("@verb toy:wind this")
        ann.program("toy:wind", "this.wound = this.wound + 2;", 'player:tell("You wind up the ", this.name, ".");')
        ann.says('@verb toy:"d*rop th*row" this', "Verb added (2).")
        ann.program("toy:drop", "pass(@args);", "if (this.location == player.location && this.wound)", "fork (0)", "while (this.wound)",
                    'this.location:announce_all(this.name, " spins.");', "this.wound = this.wound - 1;", "suspend(0);", "endwhile",
                    'this.location:announce_all(this.name, " ", this.wind_down_msg);', "endfork", "endif")
        ann.says("wind toy", "You wind up the Generic Wind-Up Toy.")
        ann.send("drop toy")
        for line in ("You drop Generic Wind-Up Toy.", "Generic Wind-Up Toy spins.", "Generic Wind-Up Toy spins.", "Generic Wind-Up Toy finishes."):
            ann.expect(line)
        ann.ready()
        bob.ready()
        bob.says(f"@create {toy} named Sushi", "Permission denied")
        ann.says("@chmod toy f", 'Object permissions set to "f".')
        sushi = number(bob.lines(f"@create {toy} named Sushi"))
        bob.says("@show sushi.wound", f"{sushi}.wound", "Owner:        Bob (#38)", "Permissions:  rc", "Value:        0")
        assert re.match(re.escape(toy) + r":wind.*, line 1:  Permission denied", bob.lines("wind sushi")[0])
        ann.says("@chmod toy.wound !c", 'Property permissions set to "r".')
        roll = number(bob.lines(f"@create {toy} named Roll"))
        bob.says("@show roll.wound", f"{roll}.wound", "Owner:        Ann (#37)", "Permissions:  r", "Value:        0")
        bob.says("wind roll", "You wind up the Roll.")
        bob.says("@set roll.wound to 5", f"Unable to set {roll}.wound: Permission denied")
        bob.says("@chparent sushi to $thing", "Parent changed.")
        bob.says("@show sushi.wound", "Property not found")
        bob.says(f"@chparent sushi to {toy}", "Parent changed.")
        bob.says("wind sushi", "You wind up the Sushi.")
        bob.says("@wind_down sushi is stops.", f'You set the "wind_down" message of Sushi ({sushi}).')


def test_history_and_undo():
    with World() as world:
        ann, bob = world.create("Ann"), world.create("Bob")
        box = number(ann.lines("@create $thing named Box"))
        ann.lines("@verb box:shake this")
        ann.says("@history box:shake", "No change of it is known.")
        ann.says("@undo-verb box:shake", "No change of it is known.")
        ann.program("box:shake", 'player:tell("one");')
        ann.program("box:shake", 'player:tell("two");', "return;")
        got = ann.lines("@history box:shake")
        assert re.match(r" 1:  \d+ seconds? ago, by Ann \(#37\)$", got[0]) and got[1] == '       before: 1 line: player:tell("one");' and got[3] == "       before: no program", got
        got = ann.lines("@undo-verb box:shake")
        assert re.match(re.escape(f"Verb {box}:shake is as it was before the change by Ann (#37) ") + r"\d+ seconds? ago \(1 line\)\.$", got[-1]), got
        ann.says("shake box", "one")
        ann.lines("@undo-verb box:shake")
        ann.says("shake box", "two")
        ann.lines("@undo-v box:shake 3")
        ann.says("shake box", "one")
        ann.says("@undo-verb box:shake 9", "There is no change 9: say 1 to 5.")
        ann.says("@undo-verb", "Usage:  @undo-verb OBJECT:VERB [N]")
        ann.says("@history box", "Usage:  @history OBJECT:VERB, or @history OBJECT.PROPERTY")
        ann.says("@undo-verb box:nosuch", "That object does not have that verb definition.")
        ann.lines("@property box.colour \"red\"")
        world.save()
        ann.says("@history box.colour", "No change of it is known.")
        ann.lines("@set box.colour to blue")
        got = ann.lines("@history box.colour")
        assert got[1] == '       before: "red"', got
        got = ann.lines("@undo-property box.colour")
        assert got[-1].endswith(' ago: "red".') and ann.value(f"{box}.colour") == '"red"', got
        world.save()
        ann.lines("@describe box as a box.")
        got = ann.lines("@undo-p box.description")
        assert got[-1].endswith(" ago: clear.") and ann.value(f'is_clear_property({box}, "description")') == "1", got
        ann.says("drop box", "You drop Box.")
        bob.says("@history box.colour", "Permission denied")
        bob.says("@undo-verb box:shake", "That object does not have that verb definition.")
        bob.says("@undo-property box.colour", "Permission denied")


def test_no_rights_for_the_asking():
    with World() as world:
        wizard, bob = world.wizard(), world.create("Bob")
        for code in ("#2.password", 'me.password', '#2.name = "x"', "player.wizard = 1", "set_task_perms(#2)", "shutdown()", "dump_database()", "backup_database()", '#2:set_password("abc")',
                     "#2:moveto(#27)", "#29:move(#2)", '#2:notify("x")', '#2:confunc("created")', '$login:make_player("x", "yyyy")', '$login:password_fits(#2, "sesame")',
                     "$login:is_local(player)", '#0:do_login_command("connect", "wizard")', "#0:user_connected(#2)", "#2:go_home()", "#33:set_text({})", '#2:set_name("x")',
                     '#2:set_description("x")', '$login:connect_command("wizard")', "#0:watch_checkpoint(me)", '#5:set_name("x")',
                     "#26:change_list(\"exits\", #29, 0, #2)", "#26:remove_exit(#29)", "#34:set_opened(0)", "boot_player(#2)", "#28:recycle()", "#31:recycle()",
                     "#2:warn_all(\"goes down\", 0, \"\")", "add_verb(#2, {me, \"rxd\", \"tell\"}, {\"this\", \"none\", \"this\"})", "#2:choose_password()", "#2:disfunc()",
                     "$login:reset_failures()", "#2:forget_reboot()", "#2:say_to_all(\"x\")"):
            bob.refused(code)
        for command in ("@shutdown", "@reboot", "@abort-reboot", "@dump-database", "@backup", "@boot wizard", "@newpassword wizard x", "@wizard bob"):
            bob.do(command, "I don't understand that.")
        bob.says("@rename here to Bob's", "Permission denied.")
        bob.says("@recycle here", "Permission denied")
        bob.says("@chmod here w", "Permission denied.")
        bob.says("@property here.x 1", "Permission denied")
        bob.says("@verb here:x", "Permission denied")
        bob.says("@move wizard to #28", "Permission denied.")
        bob.says("@chparent me to $wiz", "A wizard does that for players.")
        assert bob.value("`chparent(me, $wiz) ! ANY'").startswith("E_PERM")
        assert bob.value("me.wizard") == "0"
        assert wizard.value("{#2.location, #26.name, length(#26.exits)}") == '{#26, "The Hall", 2}'


def test_listening_is_not_reading():
    """What somebody else types cannot be read by an object that hears it."""
    with World() as world:
        ann, bob = world.create("Ann"), world.create("Bob")
        bob.lines("@create $thing named Ear")
        bob.lines("@property ear.got {}")
        bob.lines("@verb ear:tell this none this")
        bob.lines("drop ear")
        bob.program("ear:tell", "this.got = {@this.got, `$command_utils:read() ! ANY', `read(player) ! ANY', `player:notify(\"x\") ! ANY', `player:moveto(#27) ! ANY'};")
        ann.says("say hello", 'You say, "hello"')
        ann.do("look", "The Hall")
        assert bob.value("#39.got[1..4]") == "{E_PERM, E_PERM, E_PERM, E_PERM}"


def test_rooms_that_refuse():
    """Neither a home nor an exit of one's own leads into a room that does not let one in."""
    with World() as world:
        w, bob = world.wizard(), world.create("Bob")
        vault = number(w.lines("@dig The Vault"))
        w.says(f"@set {vault}.free_entry to 0", f"Property {vault}.free_entry set to 0.")
        bob.says(f";me.home = {vault}", f"=> {vault}  (The Vault)")
        bob.lines("north")
        bob.do("home", "The Hall")
        bob.do(f"@dig hole to {vault}")
        bob.says("hole", "You can't go that way.")
        bob.says(f"@move me to {vault}", "Move refused by destination.")
        w.do(f"@go {vault}", "The Vault")


def test_rooms_do_not_act_for_who_is_in_them():
    with World() as world:
        w, bob = world.wizard(), world.create("Bob")
        w.lines("@create $thing named Sword")
        den = number(bob.lines("@dig Den"))
        bob.do(f"@dig den to {den}")
        bob.lines(f"@verb {den}:announce_all_but this none this")
        bob.program(f"{den}:announce_all_but", """x = {`player:my_huh("@drop_failed", {"#38", "is", "evil"}, "") ! ANY', `#3:say() ! ANY', `#38:drop() ! ANY'};""",
                    """this.description = toliteral({@x, `player:set_description("x") ! ANY'});""")
        w.lines("den")
        assert w.lines("say ho")[0].startswith("You say")
        assert w.value(f"{den}.description") == '"{E_PERM, E_PERM, E_PERM, E_PERM}"'
        w.do("i", "  Sword")


def test_recycled_authors_have_no_rights():
    """A verb whose author is gone does not act for whoever is `player'."""
    with World() as world:
        w, bob, ann = world.wizard(), world.create("Bob"), world.create("Ann")
        note = number(w.lines("@create $note named memo"))
        w.lines("drop memo")
        ear = number(bob.lines("@create $thing named Ear"))
        bob.lines("@verb ear:tell this none this")
        bob.lines("drop ear")
        bob.program("ear:tell", 'dobjstr = "rude";', f"`{note}:write() ! ANY';", "this.nosuch = 1;")
        bob.send(";recycle(me)")
        bob.expect("*** Recycled ***")
        w.do("say hello", 'You say, "hello"')
        assert w.value(f"{note}.text") == "{}"
        assert w.value(f"valid({ear})") == "1"


def test_programs_may_ask_who_started_them():
    with World() as world:
        ann, bob = world.create("Ann"), world.create("Bob")
        bob.lines("@create $thing named Quiz")
        bob.lines("@verb quiz:play this")
        bob.program("quiz:play", 'if ($command_utils:yes_or_no("Ready?"))', 'player:tell("You said ", $command_utils:read("a word"), ".");', "else", 'player:tell("Later.");', "endif")
        bob.lines("drop quiz")
        ann.do("play quiz", "Ready? [Enter `yes' or `no']")
        ann.send("perhaps", "yes", "apple")
        ann.expect("Please enter `yes' or `no'.")
        ann.expect("[Type a word or `@abort' to abort the command.]")
        ann.expect("You said apple.")


# ---- wizards


def test_first_wizard():
    with World() as world:
        w = world.join()
        w.send("connect wizard")
        w.expect("You have no password yet")
        w.send("")
        w.expect("No password for now.")
        w.expect("The Hall")
        w.ready()
        w.says("@password ab", "A password has at least 3 characters.")
        w.send("@quit")
        w.expect_end()
        w = world.join()
        w.send("connect wizard anything", "a b", "x", "sesame")
        w.expect("Please choose one now")
        w.expect("A password has no blanks in it.")
        w.expect("A password has at least 3 characters.")
        w.expect("Password set.")
        w.ready()
        w.says("@password wrong other", "That's not your old password.")
        w.says("@password sesame OPEN", "New password set.")
        w.send("@quit")
        w.expect_end()
        c = world.join()
        for attempt in ("connect wizard", "connect wizard open", "connect wizard sesame"):
            c.send(attempt)
            c.expect("Either that player does not exist, or has a different password.")
        world.connect_as("wizard", "OPEN")


def test_without_a_password_from_this_machine_only():
    with World() as world:
        w = world.join()
        w.send("connect wizard", "")
        w.expect("No password for now.")
        w.ready()
        assert w.value("$login:is_local(me)") == "1"
        w.program("$login:is_local", "return 0;")
        c = world.join()
        c.send("connect wizard")
        c.expect("Who has no password yet can log in from the machine itself only.")


def test_tasks_and_killing():
    with World() as world:
        w, bob = world.wizard(), world.create("Bob")
        w.says("@tasks", "No tasks.")
        bob.says(";;fork t (1000) endfork fork (2000) player:tell(1); endfork return typeof(t);", "=> 0")
        rows = bob.lines("@tasks")
        assert len(rows) == 4 and "#-1:Input to EVAL" in rows[2], rows
        task = rows[2].split()[0]
        assert w.lines("@tasks")[2:] == rows[2:]
        w.says("@kill all", "No tasks.")
        bob.says(f"@kill {task}", f"Killed: task {task}, verb #-1:Input to EVAL, line 4")
        bob.says(f"@kill {task}", "There is no such task.")
        other = w.lines("@tasks")[2].split()[0]
        assert w.lines(f"@kill {other}")[0].startswith(f"Killed: task {other}")
        bob.says("@forked", "No tasks.")
        carol = world.create("Carol")
        carol.says(";;fork (1000) endfork", "=> 0")
        bob.says("@tasks", "No tasks.")


def test_saved_and_killed():
    with World() as world:
        w, ann = world.wizard(), world.create("Ann")
        ann.lines("@create $thing named lamp")
        w.send("@dump-database")
        w.expect("Dumping...")
        w.expect(re.compile(r"^The world is saved: save \d+, \d+ records in [\d.e-]+ seconds\.$"))
        w.says("@backup ../feast", "This is no name for a backup.")
        w.send("@backup feast", "@backup feast")
        w.expect(re.compile(r"^Save \d+ is in .*/backups/feast: \d+ records, \d+ bytes, read back and sound\.$"))
        w.expect("backups/feast exists already: name another place.")
        world.kill()
        world.start()
        ann = world.connect_as("Ann", "secret")
        ann.do("i", "  lamp")
        w = world.connect_as("Wizard", "sesame")
        ann.ready()
        w.send("@shutdown for the night")
        ann.expect("*** Shutting down: shutdown() called by Wizard (#2): for the night ***")
        assert world.wait() == 0


def test_reboot_keeps_everybody():
    with World() as world:
        w, ann = world.wizard(), world.create("Ann")
        ann.says(';;fork (0) x = suspend(); player:tell("back with ", x); endfork me.description = "waits";', "=> 0")
        pid = world.pid
        w.lines("@reboot 1 a new server")
        ann.expect("*** The server reboots in 1 second: a new server ***")
        world.expect_log("has taken over")
        assert world.pid == pid
        w.says(";resume(queued_tasks()[1][1], \"news\")", "=> 0")
        ann.expect("back with news")
        ann.do("look me", "waits")


def test_ranks_and_boots():
    with World() as world:
        w, bob = world.wizard(), world.create("Bob")
        w.says("@newpassword bob other", "New password set for Bob (#37).")
        w.says("@wizard bob", "Bob (#37) is now a wizard.")
        bob.expect("You are now a wizard.")
        bob.ready()
        assert bob.value("{me.wizard, parent(me)}") == "{1, #12}"
        w.says("@boot bob being noisy", "Bob (#37) booted.")
        bob.expect("You have been disconnected by Wizard: being noisy")
        bob.expect_end()
        bob = world.connect_as("bob", "other")
        w.says("@toad bob", "Bob (#37) is not a player any more.  `@recycle' would destroy what is left.")
        bob.expect_end()
        w.says("@who bob", '"bob" is not the name of any player.')
        thing = number(w.lines("@create $thing named gift"))
        world.create("Carol")
        w.lines("@version")
        w.says("@chown gift to carol", f"Owner of gift ({thing}) is now Carol (#39).")


# ---- help, and the source itself


def test_help_for_each_command():
    with World() as world:
        w = world.wizard()
        commands = [word for line in w.lines("commands") if line.startswith("  ") for word in line.split()]
        assert {"look", "@dig", "@program", "@reboot", "say", "get", "put"} <= set(commands)
        for command in commands:
            got = w.lines("help " + command)
            assert len(got) > 1 and (got[0].startswith("    ") or command == "commands"), (command, got)
        for topic in re.findall(r"^  (\w+) ", "\n".join(w.lines("help")), re.M):
            assert not w.lines("help " + topic)[0].startswith("Sorry"), topic
        w.says("help nosuchtopic", "Sorry, but no help is available on `nosuchtopic'.")
        w.do("help length()", "length(value)")
        w.do("help $string_utils:explode", "#14:explode   this none this")
        assert "string utilities (#14)" in w.lines("help $string_utils")
        bob = world.create("Bob")
        bob.do("help @shutdown", "(That is for wizards.)")


def test_every_utility_verb_says_what_it_does():
    with World() as world:
        w = world.wizard()
        silent = w.value('; silent = {}; for o in ({$string_utils, $list_utils, $object_utils, $perm_utils, $command_utils, $code_utils, $match_utils, $building_utils, $time_utils}) '
                         'for i in [1..length(verbs(o))] if (!$help:verb_text(o, i)) silent = {@silent, verbs(o)[i]}; endif endfor endfor return silent;')
        assert silent == "{}", silent


def test_utilities():
    with World() as world:
        w = world.wizard()
        for code, value in (
            ('$string_utils:explode("a b  c")', '{"a", "b", "c"}'),
            ('$string_utils:explode("a,b", ",")', '{"a", "b"}'),
            ('$string_utils:words("a \\"b c\\" d\\\\ e")', '{"a", "b c", "d e"}'),
            ('$string_utils:english_list({1, 2, 3})', '"1, 2 and 3"'),
            ('$string_utils:trim("  a t ")', '"a t"'),
            ('$string_utils:capitalize("abc")', '"Abc"'),
            ('$string_utils:uppercase("aBc")', '"ABC"'),
            ('$string_utils:left("ab", 4) + "|" + $string_utils:right("ab", 4) + "|" + $string_utils:center("ab", 4)', '"ab  |  ab| ab "'),
            ('$string_utils:left("abcdef", -3)', '"abc"'),
            ('$string_utils:to_value("{1, \\"a\\\\\\"b\\", {#2, E_PERM}, -1.5}")', '{1, {1, "a\\"b", {#2, E_PERM}, -1.5}}'),
            ('$string_utils:to_value("{1")[1]', "0"),
            ('$string_utils:is_integer(" -12 ")', "1"),
            ('$string_utils:match("wiz", {#2, #5})', "#2  (Wizard)"),
            ('$string_utils:match("generic", {#3, #5})', "#-2  (<ambiguous match>)"),
            ('$string_utils:match_object("here", here)', "#26  (The Hall)"),
            ('$string_utils:match_object("$thing", here)', "#5  (generic thing)"),
            ('$string_utils:match_player("wiz")', "#2  (Wizard)"),
            ('$string_utils:nn(#5)', '"generic thing (#5)"'),
            ('$string_utils:pronoun_sub("%N takes %t: 5%%.", #2, #5)', '"Wizard takes generic thing: 5%."'),
            ('$list_utils:sort({3, 1, 2})', "{1, 2, 3}"),
            ('$list_utils:sort({"a", "b", "c"}, {2, 3, 1})', '{"c", "a", "b"}'),
            ('$list_utils:reverse({1, 2, 3})', "{3, 2, 1}"),
            ('$list_utils:assoc(2, {{1, "a"}, {2, "b"}})', '{2, "b"}'),
            ('$list_utils:flatten({1, {2, {3}}})', "{1, 2, 3}"),
            ('$list_utils:difference({1, 2, 3}, {2})', "{1, 3}"),
            ('$object_utils:isa(#2, $player)', "1"),
            ('$object_utils:has_property(#2, "password")', "1"),
            ('$object_utils:has_callable_verb(#2, "tell")', "{#6}"),
            ('$object_utils:ancestors($note)', "{#5, #1}"),
            ('$perm_utils:controls(#2, #26)', "1"),
            ('$perm_utils:controls(#22, #5)', "0"),
            ('$perm_utils:apply("rx", "+d")', '"rxd"'),
            ('$time_utils:english_time(3725)', '"1 hour and 2 minutes"'),
            ('$time_utils:dhms(3725)', '"1:02:05"'),
            ('$code_utils:parse_argspec({"this", "in", "front", "of", "any", "rxd"})', '{{"this", "in front of", "any"}, {"rxd"}}'),
            ('$code_utils:verbname_match("g*et take", "ge")', "1"),
            ('$code_utils:task_valid(task_id())', "1"),
            ('$code_utils:task_valid(0)', "0"),
        ):
            assert w.value(code) == value, (code, w.value(code))


def run(*arguments):
    return subprocess.run([EVERMOO, *map(str, arguments)], capture_output=True, text=True)


def test_build():
    """The source builds without a notice, into a sound world; a faulty one builds nothing."""
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        done = run("build", "--strict", ROOT / "core", place / "world")
        assert done.returncode == 0 and re.search(r"\d+ objects, .* verbs$", done.stdout), done
        assert run("check", place / "world").returncode == 0
        again = run("build", ROOT / "core", place / "world")
        assert again.returncode == 1 and again.stderr.count("\n") == 1 and "exists already" in again.stderr, again
        (place / "bad").mkdir()
        (place / "bad" / "a.moo").write_text("object #0\n  nome: \"x\"\nendobject\n")
        bad = run("build", place / "bad", place / "other")
        assert bad.returncode == 1 and bad.stderr.count("\n") == 1 and "a.moo:2: `nome:' is not an attribute" in bad.stderr, bad
        (place / "bad" / "a.moo").write_text("object #0\n  name: \"x\"\n  verb v (this none this) owner: #0 flags: \"\"\n    x = ;\n  endverb\nendobject\n")
        assert run("build", "--strict", place / "bad", place / "other").returncode == 1
        kept = run("build", place / "bad", place / "kept")
        assert kept.returncode == 0 and "a.moo:4: #0:v: syntax error" in kept.stdout, kept
        assert run("build", place / "nothing", place / "other").returncode == 1
        assert run("build", place / "bad").returncode == 64
        assert sorted(p.name for p in place.iterdir()) == ["bad", "kept", "world"]
