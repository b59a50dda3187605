// $help: `help TOPIC'. Topics are properties; commands, verbs, built-in functions and utilities tell about themselves.
object HELP
  name: "the help"
  parent: ROOT
  owner: WIZARD
  readable: true

  property builtin_classes (owner: WIZARD, flags: "r") = {"integer", "object", "string", "error", "list"};
  property index (owner: WIZARD, flags: "r") = {
    "help TOPIC tells about one of these:",
    "",
    "  introduction    the first minutes",
    "  moving          getting about",
    "  talking         say, emote, page, whisper",
    "  things          look, get, drop, give, put",
    "  yourself        description, name, password, home",
    "  building        rooms, exits and things of your own",
    "  programming     verbs and properties of your own",
    "  permissions     who may read, write and call what",
    "  utilities       $string_utils and its kin",
    "  functions       all built-in functions",
    "  tasks           what runs when, and how to stop it",
    "  toy             a generic, from beginning to end",
    "  wizards         looking after the world",
    "",
    "`commands' lists your commands; `help @create' tells about one of them.",
    "`help length()' tells about a built-in function, `help $string_utils' about an",
    "object, `help $string_utils:explode' about a verb."
  };
  property introduction (owner: WIZARD, flags: "r") = {
    "You are somebody in a place.  `look' shows the place, `look note' a thing in it,",
    "`look me' you.  Type a direction (`north' or `n') to walk.  `say hello', or just",
    "`\"hello', speaks to who is there; `:waves' shows that you wave.  `@who' shows who",
    "else is connected, `page NAME with ...' reaches them anywhere.  `@quit' leaves.",
    "",
    "`@describe me as ...' says what others see when they look at you.",
    "",
    "Everything here was made from inside, and so can be what you think of: see",
    "`help building' and then `help programming'."
  };
  property moving (owner: WIZARD, flags: "r") = {
    "Type the name of an exit (`look' lists them) or its short form: `north', `n'.",
    "`go north' does the same.  `home' takes you home, `@sethome' makes the place where",
    "you are your home.  `@go #12' takes you to a room by its number, `@move me to #12'",
    "too."
  };
  property talking (owner: WIZARD, flags: "r") = {
    "say TEXT  or  \"TEXT              everybody in the room hears it",
    "emote TEXT  or  :TEXT            everybody in the room sees you do it",
    "whisper \"TEXT\" to NAME           one person in the room hears it",
    "page NAME with TEXT              one person anywhere hears it"
  };
  property things (owner: WIZARD, flags: "r") = {
    "look THING                       what it looks like;  examine THING: more",
    "get THING, drop THING            also take, throw",
    "give THING to NAME",
    "inventory  or  i                 what you carry",
    "put THING in CONTAINER, take THING from CONTAINER, look in CONTAINER",
    "open CONTAINER, close CONTAINER",
    "read NOTE, write \"TEXT\" on NOTE, erase NOTE",
    "",
    "A name may be shortened, as long as it means one thing.  `me' is you, `here' the",
    "place, #12 an object by number, $thing one of the world's important objects,",
    "~NAME a player anywhere."
  };
  property yourself (owner: WIZARD, flags: "r") = {
    "@describe me as TEXT             what others see",
    "@rename me to NAME[,ALIAS...]    what you are called",
    "@password OLD NEW",
    "@sethome, home",
    "@who, @quit"
  };
  property building (owner: WIZARD, flags: "r") = {
    "@dig north|south to The Library  a room, an exit to it and one back",
    "@dig up to #30                   an exit to a room that is",
    "@create $thing named red ball,ball",
    "                                 a thing; also $container, $note, $toy",
    "@describe ball as TEXT",
    "@rename ball to NAME[,ALIAS...]  @addalias NAME to ball, @rmalias NAME from ball",
    "@drop_succeeded ball is TEXT     a message: the property drop_succeeded_msg",
    "@move ball to PLACE",
    "@recycle ball                    destroys it",
    "@audit                           what you own",
    "@parents, @kids, @contents, @exits, @entrances",
    "",
    "Exits can be added to rooms that are yours, and to those whose owner allows it",
    "(the property free_building)."
  };
  property programming (owner: WIZARD, flags: "r") = {
    ";EXPRESSION                      its value: ;2 + 2, ;player.location.name",
    ";;STATEMENTS                     ;;for i in [1..3] player:tell(i); endfor",
    "",
    "A property keeps a value, a verb a program.",
    "",
    "@property ball.bounces 0         adds one;  @set ball.bounces to 3;  @rmproperty",
    "@verb ball:bounce this           adds one that is typed `bounce ball'",
    "@program ball:bounce             then lines of program, then a line `.'",
    "    this.bounces = this.bounces + 1;",
    "    player:tell(\"It has bounced \", this.bounces, \" times.\");",
    "    player.location:announce(player.name, \" bounces \", this.name, \".\");",
    "    .",
    "@list ball:bounce                shows it;  @args, @rename, @rmverb change it",
    "@show ball, @show ball.bounces, @display ball:",
    "@history ball:bounce             what it was before, and who changed it; also of",
    "                                 ball.bounces.  @undo-verb, @undo-property go back",
    "",
    "When something goes wrong the lines that follow say where, from the inside out.",
    "A verb whose arguments are `this none this' cannot be typed, only called:",
    "ball:height(). See also `help permissions', `help tasks', `help functions',",
    "`help utilities', `help toy'."
  };
  property permissions (owner: WIZARD, flags: "r") = {
    "A verb runs with the rights of who wrote it, whoever types it.  It can change what",
    "its author owns, and nothing else.",
    "",
    "Properties:  r others may read it.  w others may write it: hardly ever right.",
    "             c in a child of the object, the child's owner owns the property; without",
    "             c its owner stays who it is.  Messages want c, a program's state does not.",
    "Verbs:       r others may list it.  w others may program it: never.  x programs may",
    "             call it.  d errors stop it and are shown.",
    "Objects:     r others may list its verbs and properties.  w others may add some.",
    "             f others may make children of it.",
    "",
    "@chmod ball.bounces r            @chmod ball:bounce +x      @chmod ball f",
    "",
    "In a verb, `player' is who typed the command that began it all, and proves nothing.",
    "caller_perms() is with whose rights the calling verb runs; caller is the object it",
    "runs on.  A setter asks:  if (!$perm_utils:controls(caller_perms(), this))",
    "                            return E_PERM;",
    "                          endif"
  };
  property tasks (owner: WIZARD, flags: "r") = {
    "fork (5) ... endfork             runs what is between in five seconds",
    "suspend(5)                       waits five seconds and goes on",
    "$command_utils:suspend_if_needed(0)  waits only when little time is left",
    "@tasks                           what waits, and what it has used;  @kill NUMBER,",
    "                                 @kill all.  @forked tells when each goes on",
    "@lag                             how busy the server is, and what you owe",
    "@quota-cpu                       what you may use",
    "@profile OBJECT:VERB for 10 seconds",
    "                                 where a verb's time goes",
    "",
    "A task that runs too long is stopped: `Task ran out of ticks'.  Whoever computes a",
    "lot waits longer for the next turn, and nobody else does."
  };
  property toy (owner: WIZARD, flags: "r") = {
    "A generic is an object that others make children of.  $toy is one: try",
    "    @create $toy named wind-up penguin,penguin",
    "    wind penguin",
    "    drop penguin",
    "and read it: `@list $toy:wind', `@list $toy:drop', `@list $toy:run'.",
    "",
    "Its messages are `rc': `@wind_down penguin is falls over.' works, for the penguin's",
    "messages are yours.  Its state is `r': `@set penguin.wound to 99' does not, for",
    "`wound' belongs to the toy's author, whose verb changes it.  `@show penguin.wound'",
    "tells.  If you write a generic: @chmod its state `r' before anybody has children of",
    "it, and then `@chmod GENERIC f'."
  };
  property wizards (owner: WIZARD, flags: "r") = {
    "@dump-database                   writes the world to disk now",
    "@backup [NAME]                   copies the world, and reads the copy back",
    "@reboot [SECONDS] [REASON]       a new server program; nobody is disconnected",
    "@abort-reboot [REASON]           calls it off while it counts down",
    "@shutdown [SECONDS] [REASON]     the end",
    "@programmer NAME, @wizard NAME   ranks",
    "@newpassword NAME [PASSWORD], @boot NAME, @toad NAME",
    "@chown OBJECT to NAME            also OBJECT.PROPERTY and OBJECT:VERB",
    "@tasks, @kill                    everybody's",
    "@lag                             who and what keeps everybody waiting",
    "@quota-cpu NAME is TICKS         what a player may use;  0: no background tasks",
    "",
    "$login.welcome_message is the first screen; $login.create_enabled whether newcomers",
    "may make a character; $player_class and $player_start what they are and where they",
    "begin; $server_options the server's limits, read again by load_server_options()."
  };

  override aliases = {"the help", "help"};
  override description = "What `help' looks into.  A topic is a property: add_property($help, \"topic\", {lines}, {#2, \"r\"}).";
  override import_export_id = "help";

  verb lines_for (this none this) owner: WIZARD flags: "rxd"
    "lines_for(TEXT, WHO): what `help TEXT' shows WHO.";
    set_task_perms(caller_perms());
    {topic, who} = args;
    topic = $string_utils:trim(topic);
    if (!topic)
      return this.index;
    elseif (topic == "functions")
      return this:function_list();
    elseif (topic == "utilities")
      return this:utility_list();
    elseif (topic == "commands")
      return this:command_list(who);
    endif
    for search in ({"topic_lines", "command_lines", "function_lines", "object_lines", "verb_lines", "partial_topic_lines"})
      if (lines = this:(search)(topic, who))
        return lines;
      endif
    endfor
    return {tostr("Sorry, but no help is available on `", topic, "'.")};
  endverb

  verb topic_lines (this none this) owner: WIZARD flags: "rxd"
    "A topic with just this name.";
    {topic, who} = args;
    if (!(topic in properties(this)) || topic in {"builtin_classes"})
      return {};
    endif
    text = this.(topic);
    return typeof(text) == LIST ? text | {text};
  endverb

  verb partial_topic_lines (this none this) owner: WIZARD flags: "rxd"
    "The one topic whose name begins so.";
    {topic, who} = args;
    found = {};
    for name in (setremove(properties(this), "builtin_classes"))
      if (index(name, topic) == 1)
        found = {@found, name};
      endif
    endfor
    return length(found) == 1 ? this:topic_lines(found[1], who) | (found ? {tostr("Do you mean ", $string_utils:english_list(found, "", " or "), "?")} | {});
  endverb

  verb command_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "The texts of a command, wherever it is in reach.";
    {topic, who} = args;
    topic = topic == ";" ? "eval" | (topic == "\"" ? "say" | (topic == ":" ? "emote" | topic));
    if (index(topic, " ") || index(topic, "."))
      return {};
    endif
    lines = {};
    for what in ({who, $wiz, valid(who.location) ? who.location | $room, $room, $thing, $container, $note, $toy})
      o = what;
      while (valid(o) && !lines)
        names = `verbs(o) ! E_PERM => {}';
        for i in [1..length(names)]
          if ($code_utils:verbname_match(names[i], topic) && verb_args(o, i) != {"this", "none", "this"})
            text = this:verb_text(o, i);
            lines = text ? {@lines, @lines ? {""} | {}, @this:usage_lines(text)} | lines;
            definer = o;
          endif
        endfor
        o = parent(o);
      endwhile
      if (lines)
        return definer == $wiz && !$object_utils:isa(who, $wiz) ? {@lines, "(That is for wizards.)"} | lines;
      endif
    endfor
    return lines;
  endverb

  verb usage_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "A command's texts: how it is typed, then what it does, in lines of a screen's width.";
    {text} = args;
    lines = {};
    for line in (text[1..max(length(text) - 1, 1)])
      lines = {@lines, "    " + line};
    endfor
    return length(text) > 1 ? {@lines, @this:fill(text[$])} | lines;
  endverb

  verb fill (this none this) owner: LIBRARIAN flags: "rxd"
    "fill(TEXT [, WIDTH]): as lines no longer than that.";
    {text, ?width = 78} = args;
    lines = {};
    line = "";
    for word in ($string_utils:explode(text))
      if (line && length(line) + length(word) >= width)
        lines = {@lines, line};
        line = word;
      else
        line = line ? line + " " + word | word;
      endif
    endfor
    return line ? {@lines, line} | lines;
  endverb

  verb verb_text (this none this) owner: LIBRARIAN flags: "rxd"
    "verb_text(OBJECT, VERB): the strings that its program begins with.";
    {o, n} = args;
    lines = {};
    for line in (`verb_code(o, n) ! ANY => {}')
      parsed = line && line[1] == "\"" ? $string_utils:prefix_to_value(line) | {0};
      if (!parsed[1])
        return lines;
      endif
      lines = {@lines, parsed[2]};
    endfor
    return lines;
  endverb

  verb function_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "A built-in function: what it takes.";
    {topic, who} = args;
    if (at = index(topic, "("))
      topic = topic[1..at - 1];
    endif
    info = `function_info(topic) ! ANY';
    if (typeof(info) != LIST)
      return {};
    endif
    {name, least, most, types} = info;
    if (most < 0)
      count = tostr("at least ", least);
    else
      count = least == most ? tostr(least) | tostr(least, " to ", most);
    endif
    return {this:function_line(info), tostr("Arguments: ", count, types ? ".  Types: " + this:type_words(types) | "", ".")};
  endverb

  verb type_words (this none this) owner: LIBRARIAN flags: "rxd"
    "The types of a function's arguments in words.";
    words = {};
    for type in (args[1])
      at = type in {INT, FLOAT, STR, LIST, OBJ, ERR, -1, -2};
      words = {@words, at ? {"integer", "float", "string", "list", "object", "error", "anything", "number"}[at] | tostr("type ", type)};
    endfor
    return $string_utils:from_list(words, ", ") || "none";
  endverb

  verb function_line (this none this) owner: LIBRARIAN flags: "rxd"
    "\"name(a [, b])\" of a row of function_info().";
    {name, least, most, types} = args[1];
    text = name + "(";
    for i in [1..most < 0 ? max(least, 1) | most]
      type = i <= length(types) ? types[i] | -1;
      at = type in {INT, FLOAT, STR, LIST, OBJ, ERR, -2};
      word = at ? {"int", "float", "str", "list", "obj", "err", "num"}[at] | "value";
      text = text + (i > least ? " [" | "") + (i > 1 ? ", " | "") + word;
    endfor
    for i in [least + 1..most]
      text = text + "]";
    endfor
    return text + (most < 0 ? ", ...)" | ")");
  endverb

  verb function_list (this none this) owner: LIBRARIAN flags: "rxd"
    "The names of all built-in functions.";
    return {"Built-in functions (`help NAME()' tells about one):", "", @$string_utils:columnize($list_utils:slice(function_info()), 3)};
  endverb

  verb utility_list (this none this) owner: LIBRARIAN flags: "rxd"
    "The objects that have a help_msg.";
    lines = {"Objects with verbs for programs (`help $NAME' tells about one):", ""};
    for name in (properties(#0))
      o = `#0.(name) ! ANY => 0';
      if (typeof(o) == OBJ && valid(o) && `o.help_msg ! ANY => 0')
        lines = {@lines, $string_utils:left("  $" + name, 22) + o.name};
      endif
    endfor
    return lines;
  endverb

  verb object_lines (this none this) owner: WIZARD flags: "rxd"
    "An object: its help_msg, or its description.";
    set_task_perms(caller_perms());
    {topic, who} = args;
    if (index(topic, ":"))
      return {};
    endif
    o = topic[1] in {"$", "#"} ? $string_utils:literal_object(topic) | `#0.(topic) ! ANY => #-1';
    o = typeof(o) == OBJ && valid(o) ? o | who:my_match_object(topic);
    if (!valid(o))
      return {};
    endif
    text = `o.help_msg ! ANY => ""' || `o:description() ! ANY => ""';
    text = typeof(text) == LIST ? text | (text ? {text} | {});
    commands = $code_utils:commands_of(o);
    return {$string_utils:nn(o), @text, @commands ? {"", "Commands:"} | {}, @commands};
  endverb

  verb verb_lines (this none this) owner: WIZARD flags: "rxd"
    "OBJECT:VERB: what its program begins with.";
    set_task_perms(caller_perms());
    {topic, who} = args;
    if (!(ref = $code_utils:parse_verbref(topic)))
      return {};
    endif
    o = who:my_match_object(ref[1]);
    if (!valid(o) || !(found = $code_utils:find_verb(o, ref[2])))
      return {};
    endif
    text = this:verb_text(@found);
    return {tostr(found[1], ":", $code_utils:verb_names(@found), "   ", $string_utils:from_list(verb_args(@found), " ")), @text || {"It does not say what it does."}};
  endverb

  verb command_list (this none this) owner: LIBRARIAN flags: "rxd"
    "command_list(WHO): the commands of somebody, by class.";
    {who} = args;
    lines = {};
    for o in ({@$list_utils:reverse({who, @$object_utils:ancestors(who)}), $room, $thing, $container, $note})
      words = {};
      names = `verbs(o) ! E_PERM => {}';
      for i in [1..length(names)]
        if (verb_args(o, i) != {"this", "none", "this"} && this:verb_text(o, i))
          words = setadd(words, strsub($string_utils:explode(names[i])[1], "*", ""));
        endif
      endfor
      if (words)
        lines = {@lines, o.name + ":", @$list_utils:map_arg(this, "indent", this:fill($string_utils:from_list(words, "  "), 76))};
      endif
    endfor
    return {@lines, "`help COMMAND' tells about one of them."};
  endverb

  verb indent (this none this) owner: LIBRARIAN flags: "rxd"
    return "  " + args[1];
  endverb
endobject
