// $builder: making and changing objects. All runs in the name of whoever typed it.
object BUILDER
  name: "generic builder"
  parent: PLAYER
  owner: WIZARD
  readable: true

  override aliases = {"generic builder"};
  override import_export_id = "builder";

  verb "@create" (any any any) owner: WIZARD flags: "rd"
    "@create PARENT named NAME[,ALIAS...]";
    "Makes an object: `@create $thing named brass lamp,lamp'. There are $thing, $container, $note, $toy, $room and $exit, and whatever else is fertile.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    at = "named" in args || "called" in args;
    if (at < 2 || at == length(args))
      return this:tell("Usage:  @create PARENT named NAME[,ALIAS...]");
    endif
    parent_name = $string_utils:from_list(args[1..at - 1], " ");
    parent = this:my_match_object(parent_name);
    if ($command_utils:object_match_failed(parent, parent_name))
      return;
    endif
    what = `create(parent) ! ANY';
    if (what == E_QUOTA)
      return this:tell("You have no quota left: recycle something first.");
    elseif (typeof(what) == ERR)
      return this:tell(what == E_PERM ? "Permission denied" | tostr(what));
    endif
    $building_utils:set_names(what, $string_utils:from_list(args[at + 1..$], " "));
    `move(what, this) ! ANY';
    this:tell("You now have ", $building_utils:names_text(what), " with object number ", what, " and parent ", $string_utils:name_and_number(parent), ".");
  endverb

  verb "@recycle" (any none none) owner: WIZARD flags: "rd"
    "@recycle THING";
    "Destroys an object of yours, for ever.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(dobjstr);
    if ($command_utils:object_match_failed(what, dobjstr))
      return;
    elseif (is_player(what))
      return this:tell("Players are not recycled.");
    elseif (!$perm_utils:controls(this, what))
      return this:tell("Permission denied");
    elseif (what in {$player_start, #0} || what in $object_utils:system_objects())
      return this:tell("The world needs that one.");
    endif
    name = what.name;
    result = `recycle(what) ! ANY';
    this:tell(typeof(result) == ERR ? tostr(result) | tostr(name, " (", what, ") recycled."));
  endverb

  verb "@dig" (any any any) owner: WIZARD flags: "rd"
    "@dig ROOM-NAME";
    "@dig EXIT[,ALIAS...] to ROOM";
    "@dig EXIT[,ALIAS...]|BACK[,ALIAS...] to ROOM";
    "Makes a room; or an exit from here, and one back, to a new room or to one that is (#NUMBER): `@dig north|south to The Library'.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!argstr)
      return this:tell_lines({"Usage:  @dig ROOM-NAME", "   or:  @dig EXIT[,ALIAS...][|BACK[,ALIAS...]] to ROOM-NAME", "   or:  @dig EXIT[,ALIAS...][|BACK[,ALIAS...]] to #ROOM"});
    endif
    at = "to" in args;
    if (!at)
      room = $building_utils:make_room($string_utils:from_list(args, " "));
      return;
    elseif (at == 1 || at == length(args))
      return this:tell("Usage:  @dig EXIT[|BACK] to ROOM");
    endif
    here = this.location;
    if (!valid(here) || !$object_utils:isa(here, $room))
      return this:tell("You are not in a room that could have exits.");
    endif
    room_name = $string_utils:from_list(args[at + 1..$], " ");
    if (room_name[1] in {"#", "$"})
      room = this:my_match_object(room_name);
      if ($command_utils:object_match_failed(room, room_name))
        return;
      elseif (!$object_utils:isa(room, $room))
        return this:tell($string_utils:nn(room), " is not a room.");
      endif
    else
      room = $building_utils:make_room(room_name);
      if (!valid(room))
        return;
      endif
    endif
    ways = $string_utils:explode($string_utils:from_list(args[1..at - 1], " "), "|");
    $building_utils:make_exit(ways[1], here, room);
    if (length(ways) > 1)
      $building_utils:make_exit(ways[2], room, here);
    endif
  endverb

  verb "@move @teleport" (any any any) owner: WIZARD flags: "rd"
    "@move THING to PLACE";
    "Moves yourself or something of yours anywhere that takes it: `@move me to #12'.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    at = "to" in args;
    if (at < 2 || at == length(args))
      return this:tell("Usage:  ", verb, " THING to PLACE");
    endif
    names = {$string_utils:from_list(args[1..at - 1], " "), $string_utils:from_list(args[at + 1..$], " ")};
    what = this:my_match_object(names[1]);
    if ($command_utils:object_match_failed(what, names[1]))
      return;
    endif
    where = names[2] in {"nowhere", "#-1"} ? #-1 | this:my_match_object(names[2]);
    if (where != #-1 && $command_utils:object_match_failed(where, names[2]))
      return;
    endif
    from = what.location;
    if (from == where)
      return this:tell("It is there already.");
    endif
    result = what:moveto(where);
    if (what.location != where)
      return this:tell(typeof(result) == ERR ? tostr(result) + "." | "It does not move.");
    endif
    if (is_player(what))
      if (valid(from))
        from:announce_all_but({what}, what:titlec(), " disappears.");
      endif
      if (valid(where))
        where:announce_all_but({what}, what:titlec(), " appears out of nowhere.");
      endif
    endif
    if (what != this)
      this:tell($string_utils:nn(what), " moved to ", $string_utils:nn(where), ".");
    endif
  endverb

  verb "@go" (any none none) owner: WIZARD flags: "rd"
    "@go ROOM";
    "Takes you to a room by its number.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    where = this:my_match_object(dobjstr);
    if ($command_utils:object_match_failed(where, dobjstr))
      return;
    endif
    from = this.location;
    this:moveto(where);
    if (this.location != where)
      this:tell("You can't go there.");
    elseif (valid(from) && from != where)
      from:announce_all_but({this}, this:titlec(), " disappears.");
      where:announce_all_but({this}, this:titlec(), " appears out of nowhere.");
    endif
  endverb

  verb "@chparent" (any to any) owner: WIZARD flags: "rd"
    "@chparent THING to PARENT";
    "Gives an object of yours another parent. Properties from the old one are lost.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(dobjstr);
    if ($command_utils:object_match_failed(what, dobjstr))
      return;
    endif
    parent = this:my_match_object(iobjstr);
    if ($command_utils:object_match_failed(parent, iobjstr))
      return;
    elseif (is_player(what) && !this.wizard)
      return this:tell("A wizard does that for players.");
    endif
    result = `chparent(what, parent) ! ANY';
    if (result == E_RECMOVE)
      this:tell("That parent is a descendant of the object.");
    elseif (result == E_INVARG)
      this:tell("They define the same property.");
    elseif (typeof(result) == ERR)
      this:tell(result);
    else
      this:tell("Parent changed.");
    endif
  endverb

  verb "@parents" (any none none) owner: WIZARD flags: "rd"
    "@parents THING";
    "Shows what an object descends from.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(dobjstr);
    if (!$command_utils:object_match_failed(what, dobjstr))
      this:tell($string_utils:from_list($list_utils:map_arg($string_utils, "nn", {what, @$object_utils:ancestors(what)}), "   "));
    endif
  endverb

  verb "@kids" (any none none) owner: WIZARD flags: "rd"
    "@kids THING";
    "Shows the children of an object.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(dobjstr);
    if ($command_utils:object_match_failed(what, dobjstr))
      return;
    endif
    kids = children(what);
    n = length(kids);
    this:tell($string_utils:nn(what), n ? tostr(" has ", n, n == 1 ? " kid." | " kids.") | " has no kids.");
    if (n)
      this:tell($string_utils:from_list($list_utils:map_arg($string_utils, "nn", kids), "   "));
    endif
  endverb

  verb "@contents" (any none none) owner: WIZARD flags: "rd"
    "@contents THING";
    "Shows what is in something, with numbers.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    what = this:my_match_object(dobjstr);
    if ($command_utils:object_match_failed(what, dobjstr))
      return;
    elseif (!what.contents)
      return this:tell($string_utils:nn(what), " contains nothing.");
    endif
    this:tell($string_utils:nn(what), " contains:");
    this:tell($string_utils:from_list($list_utils:map_arg($string_utils, "nn", what.contents), "   "));
  endverb

  verb "@exits @entrances" (any none none) owner: WIZARD flags: "rd"
    "@exits";
    "@entrances";
    "Shows the ways out of the room, or into it, with numbers.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    return this:show_ways(verb);
  endverb

  verb "@exits @entrances" (none none none) owner: WIZARD flags: "rd"
    return this:show_ways(verb);
  endverb

  verb show_ways (this none this) owner: LIBRARIAN flags: "rxd"
    "@exits and @entrances.";
    room = dobjstr ? this:my_match_object(dobjstr) | this.location;
    if (dobjstr && $command_utils:object_match_failed(room, dobjstr))
      return;
    elseif (!valid(room) || !$object_utils:isa(room, $room))
      return this:tell("That is not a room.");
    endif
    out = args[1] == "@exits";
    ways = out ? room.exits | room.entrances;
    for exit in (ways)
      if (valid(exit))
        this:tell($string_utils:name_and_number(exit), out ? " leads to " | " comes from ", $string_utils:name_and_number(out ? exit.dest | exit.source), " via ", toliteral(exit.aliases), ".");
      endif
    endfor
    if (!ways)
      this:tell("There are none.");
    endif
  endverb

  verb "@audit" (any none none) owner: WIZARD flags: "rd"
    "@audit";
    "@audit PLAYER";
    "Lists the objects that somebody owns.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    return this:audit(dobjstr);
  endverb

  verb "@audit" (none none none) owner: WIZARD flags: "rd"
    return this:audit("");
  endverb

  verb audit (this none this) owner: LIBRARIAN flags: "rxd"
    "@audit: goes through all numbers, with pauses.";
    who = args[1] ? $string_utils:match_player(args[1]) | this;
    if ($command_utils:player_match_failed(who, args[1]))
      return;
    endif
    this:tell("Objects owned by ", who.name, ":");
    count = 0;
    for o in [#0..max_object()]
      $command_utils:suspend_if_needed(0);
      if (valid(o) && o.owner == who)
        count = count + 1;
        this:tell($string_utils:right(tostr(o), 6), "  ", $string_utils:left(o.name, 30), " ", valid(o.location) ? "[" + o.location.name + "]" | "");
      endif
    endfor
    this:tell("-- ", count, count == 1 ? " object." | " objects.");
  endverb
endobject
