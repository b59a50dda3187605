// $player: what everybody can do.
object PLAYER
  name: "generic player"
  parent: ROOT
  owner: WIZARD
  readable: true

  property password (owner: WIZARD, flags: "") = 0;
  property home (owner: WIZARD, flags: "rc") = HALL;
  property first_connect_time (owner: WIZARD, flags: "r") = 0;
  property last_connect_time (owner: WIZARD, flags: "r") = 0;
  property last_disconnect_time (owner: WIZARD, flags: "r") = 0;

  override aliases = {"generic player"};
  override description = "You see somebody who has not typed `@describe me as ...' yet.";
  override import_export_id = "player";

  // ---- what programs ask of a player

  verb notify (this none this) owner: WIZARD flags: "rxd"
    "this:notify(LINE): one line to the connection, as it is. For the player's own verbs and wizards.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    return notify(this, args[1]);
  endverb

  verb tell (this none this) owner: WIZARD flags: "rxd"
    "this:tell(X...): all of it as one line.";
    this:notify(tostr(@args));
  endverb

  verb accept (this none this) owner: LIBRARIAN flags: "rxd"
    "Things may be put into one's hands; players not.";
    return !is_player(args[1]);
  endverb

  verb moveto (this none this) owner: WIZARD flags: "rxd"
    "Players move by themselves, through exits, or by a wizard's hand; always in their own name, so that the place is asked.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    set_task_perms(this);
    return `move(this, args[1]) ! ANY';
  endverb

  verb "my_match_object match_object" (this none this) owner: LIBRARIAN flags: "rxd"
    "What this player means by a name.";
    return $match_utils:match_object(args[1], this.location, this);
  endverb

  verb is_awake (this none this) owner: LIBRARIAN flags: "rxd"
    "Whether somebody is connected as this player.";
    return this in connected_players() ? 1 | 0;
  endverb

  verb look_self (this none this) owner: LIBRARIAN flags: "rxd"
    "Name, description, whether awake, and what is in the hands.";
    player:tell(this:title());
    pass(@args);
    if (!this:is_awake())
      player:tell("Sleeping.");
    elseif ((idle = `idle_seconds(this) ! ANY => 0') < 60)
      player:tell("Awake and looking alert.");
    else
      player:tell("Awake, but has not moved for ", $time_utils:english_time(idle), ".");
    endif
    if (this.contents)
      player:tell("Carrying ", $string_utils:english_list($list_utils:map_verb(this.contents, "title")), ".");
    endif
  endverb

  verb set_name (this none this) owner: WIZARD flags: "rxd"
    "this:set_name(NAME): for the player and wizards. 1, or what is wrong with the name, or E_PERM.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    elseif (why = $login:name_trouble(args[1], this))
      return why;
    endif
    this.name = args[1];
    return 1;
  endverb

  verb set_aliases (this none this) owner: WIZARD flags: "rxd"
    "Names that another player has are left out.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    aliases = {};
    for name in (args[1])
      if (!$login:name_trouble(name, this))
        aliases = {@aliases, name};
      endif
    endfor
    this.aliases = aliases;
    return 1;
  endverb

  verb set_password (this none this) owner: WIZARD flags: "rxd"
    "this:set_password(TEXT): for wizards and $player's own verbs.";
    if (!caller_perms().wizard)
      return E_PERM;
    endif
    this.password = $login:encrypt(args[1]);
  endverb

  verb initialize (this none this) owner: WIZARD flags: "rxd"
    "A new player.";
    return pass(@args);
  endverb

  verb recycle (this none this) owner: WIZARD flags: "rxd"
    "Players are not things to throw away: a wizard takes the player flag first.";
    return pass(@args);
  endverb

  // ---- coming and going

  verb confunc (this none this) owner: WIZARD flags: "rxd"
    "#0 only: logged in. args[1] is \"created\", \"connected\" or \"reconnected\".";
    if (caller != #0)
      return E_PERM;
    endif
    player = this;
    last = this.last_connect_time;
    this.last_connect_time = time();
    if (args[1] == "reconnected")
      this:tell("You are back on a new line.");
    endif
    if (!this.password && !this:choose_password())
      return;
    elseif (args[1] == "reconnected")
      return;
    endif
    if (!valid(this.location))
      this:go_home();
    else
      this.location:announce_all_but({this}, this:titlec(), " has connected.");
      `this.location:look_self() ! ANY';
    endif
    if (!last)
      this.first_connect_time = time();
      this:tell("This is your first visit.  `help' tells what you can do here.");
    else
      this:tell("Last connected ", ctime(last), ".");
    endif
  endverb

  verb choose_password (this none this) owner: WIZARD flags: "rxd"
    "Asks somebody without a password for one. 0 when the line is gone.";
    if (caller != this || !caller_perms().wizard)
      return E_PERM;
    endif
    this:tell("You have no password yet: you can log in from this machine only.");
    this:tell("Please choose one now (an empty line: later):");
    while (1)
      line = `read(this) ! ANY => 0';
      if (typeof(line) != STR)
        return 0;
      elseif (!(line = $string_utils:trim(line)))
        this:tell("No password for now.  `@password NEW-PASSWORD' sets one.");
        return 1;
      elseif (why = $login:password_trouble(line))
        this:tell(why, "  Please choose another:");
      else
        this:set_password(line);
        this:tell("Password set.  `@password OLD NEW' changes it.");
        return 1;
      endif
    endwhile
  endverb

  verb disfunc (this none this) owner: WIZARD flags: "rxd"
    "#0 only: the line is gone.";
    if (caller != #0)
      return E_PERM;
    endif
    this.last_disconnect_time = time();
    if (valid(this.location))
      this.location:announce_all_but({this}, this:titlec(), " has disconnected.");
    endif
  endverb

  verb go_home (this none this) owner: WIZARD flags: "rxd"
    "this:go_home(): for the player and wizards.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    for place in ({this.home, $player_start})
      if (valid(place) && this.location != place)
        this:moveto(place);
        if (this.location == place)
          return 1;
        endif
      endif
    endfor
    return 0;
  endverb

  // ---- looking

  verb "l*ook" (any any any) owner: LIBRARIAN flags: "rxd"
    "look";
    "look THING";
    "look in CONTAINER";
    "Shows where you are, or what something looks like.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    elseif (!argstr)
      if (valid(this.location))
        this.location:look_self();
      else
        this:tell("You are nowhere.  `home' takes you home.");
      endif
      return;
    endif
    what = this:my_match_object($string_utils:from_list(args, " "));
    if (what == $failed_match && prepstr && !dobjstr)
      what = this:my_match_object(iobjstr);
      if (valid(what) && prepstr in {"in", "inside", "into"} && $object_utils:has_callable_verb(what, "look_contents"))
        if (what.location in {this, this.location})
          return what:look_contents();
        endif
      endif
    endif
    if (what == $failed_match && valid(this.location) && $object_utils:isa(this.location, $room))
      if (valid(exit = this.location:match_exit(argstr)))
        what = exit;
      endif
    endif
    if (!$command_utils:object_match_failed(what, argstr))
      what:look_self();
    endif
  endverb

  verb "exam*ine" (any none none) owner: WIZARD flags: "rd"
    "examine THING";
    "Tells what something is: owner, parent, and the commands that it understands.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(argstr);
    if ($command_utils:object_match_failed(what, argstr))
      return;
    endif
    this:tell($string_utils:nn(what), " is owned by ", $string_utils:nn(what.owner), ".");
    this:tell("Aliases: ", $string_utils:english_list(what.aliases, "none"), ".");
    text = what:description();
    this:tell_lines(text ? text | "(No description.)");
    if (what.contents)
      this:tell("Contents: ", $string_utils:english_list($list_utils:map_arg($string_utils, "nn", what.contents)), ".");
    endif
    if (lines = $code_utils:commands_of(what))
      this:tell("Obvious commands:");
      for line in (lines)
        this:tell("  ", line);
      endfor
    endif
  endverb

  verb "i inv*entory" (none none none) owner: LIBRARIAN flags: "rd"
    "inventory";
    "Tells what you carry.";
    if (!this.contents)
      this:tell("You are empty-handed.");
    else
      this:tell("Carrying:");
      for what in (this.contents)
        this:tell("  ", what:title());
      endfor
    endif
  endverb

  // ---- others

  verb "@who who @users" (any none none) owner: LIBRARIAN flags: "rd"
    "@who";
    "@who NAME...";
    "Shows who is connected, since when, how idle, and where.";
    if (args)
      whos = {};
      for name in (args)
        who = $string_utils:match_player(name);
        if (!$command_utils:player_match_failed(who, name))
          whos = {@whos, who};
        endif
      endfor
      if (!whos)
        return;
      endif
    else
      whos = connected_players();
    endif
    $code_utils:show_who(whos);
  endverb

  verb "p*age" (any any any) owner: LIBRARIAN flags: "rd"
    "page PLAYER with TEXT";
    "page PLAYER";
    "Speaks to somebody who is elsewhere.";
    if (!args)
      return this:tell("Usage:  page PLAYER with TEXT");
    endif
    who = $string_utils:match_player(args[1]);
    if ($command_utils:player_match_failed(who, args[1]))
      return;
    endif
    place = valid(this.location) ? this.location:title() | "nowhere";
    text = $string_utils:from_list(listdelete(args, 1), " ");
    if (length(args) > 1 && args[2] == "with")
      text = $string_utils:from_list(args[3..$], " ");
    endif
    if (!who:is_awake())
      return this:tell(who:titlec(), " is not connected.");
    endif
    who:tell(this:titlec(), " pages from ", place, text ? ": \"" + text + "\"" | ".");
    this:tell("Your message has been sent to ", who:title(), ".");
  endverb

  verb "wh*isper" (any to any) owner: LIBRARIAN flags: "rd"
    "whisper \"TEXT\" to PLAYER";
    "Says something to one person in the room.";
    if ($command_utils:object_match_failed(iobj, iobjstr))
      return;
    endif
    iobj:tell(this:titlec(), " whispers, \"", dobjstr, "\"");
    this:tell("You whisper, \"", dobjstr, "\" to ", iobj:title(), ".");
  endverb

  // ---- the server's time

  verb "@lag" (any none none) owner: WIZARD flags: "rd"
    "@lag";
    "@lag PLAYER";
    "Tells how busy the server is, how much of that is yours, and what you owe because of it. Programmers see which of their verbs used most, wizards who and what keeps everybody waiting.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    who = dobjstr ? $string_utils:match_player(dobjstr) | this;
    if ($command_utils:player_match_failed(who, dobjstr))
      return;
    elseif (dobjstr)
      return this:tell_lines(`$lag_utils:player_lines(who) ! E_PERM => {"Only wizards can see what others use."}');
    endif
    this:tell_lines($lag_utils:server_lines());
    this:tell_lines($lag_utils:player_lines(this));
    for kind in (this.wizard ? {"players", "verbs"} | {"verbs"})
      if (lines = $lag_utils:top_lines(kind))
        this:tell_lines({"", @lines});
      endif
    endfor
    if (lines = $lag_utils:slow_lines())
      this:tell_lines({"", "The slowest slices of the last hour:", @lines});
    endif
  endverb

  verb "@quota-cpu" (any any any) owner: WIZARD flags: "rd"
    "@quota-cpu";
    "@quota-cpu PLAYER";
    "@quota-cpu PLAYER is TICKS";
    "@quota-cpu PLAYER is default";
    "Tells what you may use of the server's time: ticks that you earn in each round, and how much one slice may take. Wizards see and set that of others; 0 makes a player's background tasks stand still.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    name = prepstr == "is" ? dobjstr | $string_utils:from_list(args, " ");
    who = name ? $string_utils:match_player(name) | this;
    if ($command_utils:player_match_failed(who, name))
      return;
    elseif (prepstr != "is")
      return this:tell_lines(`$lag_utils:quota_lines(who) ! E_PERM => {"Only wizards can see the quota of others."}');
    elseif (iobjstr != "default" && !$string_utils:is_integer(iobjstr))
      return this:tell("Usage:  @quota-cpu PLAYER is TICKS, or @quota-cpu PLAYER is default");
    endif
    try
      set_tick_quota(who, iobjstr == "default" ? -1 | toint(iobjstr));
    except e (ANY)
      return this:tell(e[1] == E_PERM ? "Only wizards can do that." | e[2]);
    endtry
    this:tell($lag_utils:quota_lines(who)[1]);
  endverb

  // ---- oneself

  verb "@desc*ribe" (any as any) owner: WIZARD flags: "rd"
    "@describe THING as TEXT";
    "Says what others see when they look at something of yours: `@describe me as A tall stranger.'";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(dobjstr);
    if ($command_utils:object_match_failed(what, dobjstr))
      return;
    endif
    result = what:set_description(iobjstr);
    this:tell(typeof(result) == ERR ? tostr(result) + "." | "Description set.");
  endverb

  verb "@ren*ame" (any to any) owner: WIZARD flags: "rd"
    "@rename THING to NAME[,ALIAS...]";
    "@rename OBJECT:VERB to NAMES";
    "Gives something of yours another name, and the other names that it goes by.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (ref = $code_utils:parse_verbref(dobjstr))
      return $building_utils:rename_verb(@ref, iobjstr);
    endif
    what = this:my_match_object(dobjstr);
    if ($command_utils:object_match_failed(what, dobjstr))
      return;
    endif
    result = $building_utils:set_names(what, iobjstr);
    if (result == 1)
      this:tell("Name of ", what, " changed to \"", what.name, "\", with aliases ", toliteral(what.aliases), ".");
    else
      this:tell(typeof(result) == ERR ? tostr(result) + "." | result);
    endif
  endverb

  verb "@addalias" (any to any) owner: WIZARD flags: "rd"
    "@addalias NAME[,NAME...] to THING";
    "Adds names that something goes by.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(iobjstr);
    if ($command_utils:object_match_failed(what, iobjstr))
      return;
    endif
    names = what.aliases;
    for name in ($string_utils:explode(dobjstr, ","))
      names = setadd(names, $string_utils:trim(name));
    endfor
    result = what:set_aliases(names);
    this:tell(typeof(result) == ERR ? tostr(result) + "." | tostr("Aliases for ", $string_utils:nn(what), " are now ", toliteral(what.aliases), "."));
  endverb

  verb "@rmalias" (any from any) owner: WIZARD flags: "rd"
    "@rmalias NAME from THING";
    "Takes away a name that something goes by.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(iobjstr);
    if ($command_utils:object_match_failed(what, iobjstr))
      return;
    endif
    result = what:set_aliases(setremove(what.aliases, dobjstr));
    this:tell(typeof(result) == ERR ? tostr(result) + "." | tostr("Aliases for ", $string_utils:nn(what), " are now ", toliteral(what.aliases), "."));
  endverb

  verb "@password" (any any any) owner: WIZARD flags: "rd"
    "@password OLD NEW";
    "@password NEW";
    "Changes your password; the second form when you have none.";
    if (!$perm_utils:acts_for(caller_perms(), player) || player != this)
      return E_PERM;
    elseif (length(args) != (this.password ? 2 | 1))
      this:tell("Usage:  @password ", this.password ? "OLD NEW" | "NEW");
    elseif (this.password && !$login:password_fits(this, args[1]))
      this:tell("That's not your old password.");
    elseif (why = $login:password_trouble(args[$]))
      this:tell(why);
    else
      this:set_password(args[$]);
      this:tell("New password set.");
    endif
  endverb

  verb "@quit quit" (none none none) owner: WIZARD flags: "rd"
    "@quit";
    "Leaves.";
    if (player != this || !$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    endif
    boot_player(this);
  endverb

  verb home (none none none) owner: WIZARD flags: "rd"
    "home";
    "Takes you home from wherever you are.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    elseif (this.location == this.home)
      return this:tell("You are at home already.");
    endif
    from = this.location;
    this:tell("You close your eyes, and are home.");
    if (this:go_home() && valid(from))
      from:announce_all_but({this}, this:titlec(), " goes home.");
    endif
  endverb

  verb "@sethome" (none none none) owner: WIZARD flags: "rd"
    "@sethome";
    "Makes the place where you are your home.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!valid(this.location) || !this.location:accept(this))
      return this:tell("This can't be anybody's home.");
    endif
    this.home = this.location;
    this:tell(this.location:titlec(), " is your home now.");
  endverb

  // ---- help

  verb "help @help ? info*rmation" (any any any) owner: WIZARD flags: "rd"
    "help";
    "help TOPIC";
    "Tells about a topic, a command (`help @create'), a built-in function (`help length()'), an object (`help $string_utils') or a verb (`help $string_utils:explode').";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    this:tell_lines($help:lines_for(argstr, this));
  endverb

  verb "@uptime uptime @version" (none none none) owner: LIBRARIAN flags: "rd"
    "@version";
    "Tells which server this is and what time it has.";
    this:tell("The server is evermoo, version ", server_version(), ".  It is ", ctime(), ".");
  endverb

  verb "commands @commands" (none none none) owner: LIBRARIAN flags: "rd"
    "commands";
    "Lists the commands that you have.";
    this:tell_lines($help:command_list(this));
  endverb

  verb my_huh (this none this) owner: WIZARD flags: "rxd"
    "this:my_huh(VERB, ARGS, ARGSTR): nothing matched. Messages (`@drop_succeeded box is ...'), then a word of help.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    set_task_perms(this);
    {word, words, text} = args;
    if (length(word) > 1 && word[1] == "@" && (where = "is" in words) > 1)
      if ($building_utils:set_message(word[2..$], $string_utils:from_list(words[1..where - 1], " "), $string_utils:from_list(words[where + 1..$], " ")))
        return;
      endif
    endif
    lines = $code_utils:usages(word, {this, this.location, dobj, iobj, $thing, $container, $note});
    if (lines && dobjstr && dobj in {$failed_match, $ambiguous_match})
      return $command_utils:object_match_failed(dobj, dobjstr);
    elseif (lines && iobjstr && iobj in {$failed_match, $ambiguous_match})
      return $command_utils:object_match_failed(iobj, iobjstr);
    endif
    this:tell("I don't understand that.");
    for line in (lines)
      this:tell("Try this:  ", line);
    endfor
  endverb
endobject
