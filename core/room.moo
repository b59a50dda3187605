// $room: a place to be in.
object ROOM
  name: "generic room"
  parent: ROOT
  owner: WIZARD
  fertile: true
  readable: true

  property exits (owner: WIZARD, flags: "r") = {};
  property entrances (owner: WIZARD, flags: "r") = {};
  property free_entry (owner: WIZARD, flags: "rc") = 1;
  property free_building (owner: WIZARD, flags: "rc") = 0;

  override aliases = {"generic room"};
  override import_export_id = "room";

  verb accept (this none this) owner: LIBRARIAN flags: "rxd"
    "Anybody, unless free_entry is off: then what belongs to the room's owner.";
    what = args[1];
    return this.free_entry || what.owner == this.owner || what.owner.wizard;
  endverb

  verb enterfunc (this none this) owner: WIZARD flags: "rxd"
    "A player who arrives looks around.";
    {who} = args;
    if (is_player(who) && who.location == this && who:is_awake() && $perm_utils:controls(caller_perms(), who))
      "A wizard's change of `player' reaches the verbs that are called.";
      player = who;
      this:look_self();
    endif
  endverb

  verb look_self (this none this) owner: LIBRARIAN flags: "rxd"
    "Name, description, who and what is here, the ways out.";
    player:tell(this:title());
    text = this:description();
    player:tell_lines(text ? text | "You see nothing special.");
    this:tell_contents();
    this:tell_exits();
  endverb

  verb tell_contents (this none this) owner: LIBRARIAN flags: "rxd"
    "Who and what is here.";
    things = people = asleep = {};
    awake = connected_players();
    for what in (setremove(this.contents, player))
      if (!is_player(what))
        things = {@things, what:title()};
      elseif (what in awake)
        people = {@people, what:title()};
      else
        asleep = {@asleep, what:title()};
      endif
    endfor
    if (things)
      player:tell("You see ", $string_utils:english_list(things), " here.");
    endif
    if (people)
      player:tell($string_utils:english_list(people), length(people) == 1 ? " is here." | " are here.");
    endif
    if (asleep)
      player:tell($string_utils:english_list(asleep), length(asleep) == 1 ? " is asleep here." | " are asleep here.");
    endif
  endverb

  verb tell_exits (this none this) owner: LIBRARIAN flags: "rxd"
    "The ways out, by name.";
    names = {};
    for exit in (this.exits)
      if (valid(exit))
        names = {@names, exit.name};
      endif
    endfor
    if (names)
      player:tell("Exits: ", $string_utils:from_list(names, ", "), ".");
    endif
  endverb

  verb announce (this none this) owner: LIBRARIAN flags: "rxd"
    "Tells everybody here but the player.";
    this:announce_all_but({player}, @args);
  endverb

  verb announce_all (this none this) owner: LIBRARIAN flags: "rxd"
    "Tells everybody here.";
    this:announce_all_but({}, @args);
  endverb

  verb announce_all_but (this none this) owner: LIBRARIAN flags: "rxd"
    "this:announce_all_but(LIST, TEXT...): tells everybody here who is not in LIST.";
    {but, @text} = args;
    for who in (this.contents)
      if (!(who in but))
        `who:tell(@text) ! ANY';
      endif
    endfor
  endverb

  verb say (any any any) owner: LIBRARIAN flags: "rxd"
    "say TEXT";
    "\"TEXT";
    "Says something to everybody in the room.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    elseif (!argstr)
      return player:tell("Say what?");
    endif
    player:tell("You say, \"", argstr, "\"");
    this:announce(player:titlec(), " says, \"", argstr, "\"");
  endverb

  verb emote (any any any) owner: LIBRARIAN flags: "rxd"
    "emote TEXT";
    ":TEXT";
    "Shows everybody in the room that you do something: `:waves.' With `::' no blank follows your name.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    elseif (!argstr)
      player:tell("Emote what?");
    elseif (argstr[1] == ":")
      this:announce_all(player:titlec(), argstr[2..$]);
    else
      this:announce_all(player:titlec(), " ", argstr);
    endif
  endverb

  verb "go" (any any any) owner: WIZARD flags: "rxd"
    "go DIRECTION";
    "Leaves the room by an exit. Its name alone does too.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    elseif (!argstr)
      player:tell("Go where?");
    elseif (valid(exit = this:match_exit(argstr)))
      exit:invoke();
    elseif (exit == $ambiguous_match)
      player:tell("I don't know which way \"", argstr, "\" you mean.");
    else
      player:tell("You can't go that way.");
    endif
  endverb

  verb huh (this none this) owner: WIZARD flags: "rxd"
    "The server: nothing matched what the player typed. Exits by name; what the player makes of it; a word of help.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      "A room's own `huh' passed on what it did not want; it does not act for the player.";
      player:tell("I don't understand that.");
    elseif (!args && valid(exit = this:match_exit(verb)))
      exit:invoke();
    elseif (!args && exit == $ambiguous_match)
      player:tell("Which \"", verb, "\" do you mean?  There are several ways out of that name.");
    else
      player:my_huh(verb, args, argstr);
    endif
  endverb

  verb match_exit (this none this) owner: LIBRARIAN flags: "rxd"
    "The exit with this name, or $failed_match, $ambiguous_match.";
    return $string_utils:match(args[1], this.exits);
  endverb

  verb match_object (this none this) owner: LIBRARIAN flags: "rxd"
    "this:match_object(NAME [, WHO]): what WHO, standing here, means by NAME.";
    {name, ?who = player} = args;
    return $match_utils:match_object(name, this, who);
  endverb

  verb add_exit (this none this) owner: WIZARD flags: "rxd"
    "this:add_exit(EXIT): for the room's owner; with free_building, for the exit's.";
    return this:change_list("exits", args[1], 1, caller_perms());
  endverb

  verb add_entrance (this none this) owner: WIZARD flags: "rxd"
    "this:add_entrance(EXIT): for the owner of the room or of the exit.";
    return this:change_list("entrances", args[1], 1, caller_perms());
  endverb

  verb "remove_exit remove_entrance" (this none this) owner: WIZARD flags: "rxd"
    "this:remove_exit(EXIT): for the owner of the room or of the exit.";
    return this:change_list(verb == "remove_exit" ? "exits" | "entrances", args[1], 0, caller_perms());
  endverb

  verb change_list (this none this) owner: WIZARD flags: "rxd"
    "Only for the verbs above: they say in whose name.";
    {which, exit, adding, who} = args;
    if (caller != this || !caller_perms().wizard)
      return E_PERM;
    elseif (!valid(exit) || !$object_utils:isa(exit, $exit))
      return E_INVARG;
    elseif (!$perm_utils:controls(who, this) && !($perm_utils:controls(who, exit) && (!adding || which == "entrances" || this.free_building)))
      return E_PERM;
    endif
    this.(which) = adding ? setadd(this.(which), exit) | setremove(this.(which), exit);
    return 1;
  endverb

  verb recycle (this none this) owner: WIZARD flags: "rxd"
    "Players who are in a room that goes are sent home first; exits to and from it go with it.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    for exit in ({@this.exits, @this.entrances})
      if (valid(exit) && $object_utils:isa(exit, $exit) && this in {exit.source, exit.dest})
        exit:leave_rooms();
        if (exit.owner == this.owner)
          `recycle(exit) ! ANY';
        endif
      endif
    endfor
    for who in (this.contents)
      if (is_player(who))
        who:tell("The room fades away around you.");
        who:go_home();
      endif
    endfor
    return pass(@args);
  endverb
endobject
