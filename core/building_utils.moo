// $building_utils: what @create, @dig and @rename have in common. Runs in its caller's name.
object BUILDING_UTILS
  name: "building utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property short_names (owner: WIZARD, flags: "r") = {
    {"north", "n"}, {"south", "s"}, {"east", "e"}, {"west", "w"}, {"northeast", "ne"}, {"northwest", "nw"},
    {"southeast", "se"}, {"southwest", "sw"}, {"up", "u"}, {"down", "d"}
  };
  property help_msg (owner: WIZARD, flags: "rc") = {
    "parse_names(TEXT)               {name, aliases} of NAME[,ALIAS...] or NAME:ALIAS,...",
    "set_names(OBJECT, TEXT)         gives it these",
    "make_room(NAME)  make_exit(NAMES, FROM, TO)",
    "_create(PARENT [, OWNER])       a new object, or an error as a value;  _recycle(OBJECT)"
  };

  override aliases = {"building utilities"};
  override description = "Verbs for builders.  `help $building_utils' lists them.";
  override import_export_id = "building_utils";

  verb _create (this none this) owner: WIZARD flags: "rxd"
    "$recycler:_create(PARENT [, OWNER]): a new object of the caller's, or an error as a value.";
    set_task_perms(caller_perms());
    return `create(@args) ! ANY';
  endverb

  verb _recycle (this none this) owner: WIZARD flags: "rxd"
    "$recycler:_recycle(OBJECT): destroys an object of the caller's. An error is a value.";
    set_task_perms(caller_perms());
    return `recycle(@args) ! ANY';
  endverb

  verb parse_names (this none this) owner: LIBRARIAN flags: "rxd"
    "parse_names(TEXT): {name, aliases} of \"NAME,ALIAS,...\" or \"NAME:ALIAS,...\".";
    {text} = args;
    name = "";
    colon = index(text, ":");
    comma = index(text, ",");
    if (colon && (!comma || colon < comma))
      name = $string_utils:trim(text[1..colon - 1]);
      text = text[colon + 1..$];
    endif
    aliases = name ? {name} | {};
    for alias in ($string_utils:explode(text, ","))
      if (alias = $string_utils:trim(alias))
        aliases = setadd(aliases, alias);
      endif
    endfor
    return {name || (aliases ? aliases[1] | ""), aliases};
  endverb

  verb set_names (this none this) owner: WIZARD flags: "rxd"
    "set_names(OBJECT, TEXT): 1, or an error, or a sentence about what is wrong.";
    set_task_perms(caller_perms());
    {what, text} = args;
    {name, aliases} = this:parse_names(text);
    if (!name)
      return "A name is needed.";
    endif
    result = `what:set_name(name) ! ANY';
    if (result != 1)
      return result == E_INVARG ? "That is no good as a name." | result;
    endif
    result = `what:set_aliases(aliases) ! ANY';
    return result == 1 || typeof(result) != ERR ? 1 | result;
  endverb

  verb names_text (this none this) owner: LIBRARIAN flags: "rxd"
    "names_text(OBJECT): \"name (aka other and another)\".";
    {what} = args;
    others = setremove(what.aliases, what.name);
    return what.name + (others ? " (aka " + $string_utils:english_list(others) + ")" | "");
  endverb

  verb make_room (this none this) owner: WIZARD flags: "rxd"
    "make_room(NAME): a new room of the caller's; $nothing, and a word to the player, when there can be none.";
    set_task_perms(caller_perms());
    {name} = args;
    room = `create($room) ! ANY';
    if (typeof(room) == ERR)
      player:tell(room == E_QUOTA ? "You have no quota left: recycle something first." | room);
      return $nothing;
    endif
    this:set_names(room, name);
    player:tell(room.name, " (", room, ") created.");
    return room;
  endverb

  verb make_exit (this none this) owner: WIZARD flags: "rxd"
    "make_exit(NAMES, FROM, TO): a new exit of the caller's; tells the player about it.";
    set_task_perms(caller_perms());
    {names, from, to} = args;
    exit = `create($exit) ! ANY';
    if (typeof(exit) == ERR)
      player:tell(exit == E_QUOTA ? "You have no quota left: recycle something first." | exit);
      return $nothing;
    endif
    this:set_names(exit, names);
    if (row = $list_utils:assoc(exit.name, this.short_names))
      exit:set_aliases(setadd(exit.aliases, row[2]));
    endif
    exit.source = from;
    exit.dest = to;
    result = from:add_exit(exit);
    if (result != 1)
      `recycle(exit) ! ANY';
      player:tell("You can't add an exit to ", $string_utils:nn(from), "; its owner, ", $string_utils:nn(from.owner), ", can.");
      return $nothing;
    endif
    to:add_entrance(exit);
    player:tell("Exit from ", $string_utils:nn(from), " to ", $string_utils:nn(to), " via ", toliteral(exit.aliases), " created with id ", exit, ".");
    return exit;
  endverb

  verb rename_verb (this none this) owner: WIZARD flags: "rxd"
    "rename_verb(OBJECT-NAME, VERB, NAMES): for @rename; tells the player.";
    set_task_perms(caller_perms());
    {object_name, name, names} = args;
    what = player:my_match_object(object_name);
    if ($command_utils:object_match_failed(what, object_name))
      return;
    elseif (!(n = $code_utils:verb_position(what, name)))
      return player:tell("That object does not define that verb.");
    endif
    info = `verb_info(what, n) ! ANY';
    result = typeof(info) == ERR ? info | `set_verb_info(what, n, listset(info, names, 3)) ! ANY';
    player:tell(typeof(result) == ERR ? tostr(result, ".") | "Verb name changed.");
  endverb

  verb set_message (this none this) owner: WIZARD flags: "rxd"
    "set_message(NAME, OBJECT-NAME, TEXT): for `@NAME OBJECT is TEXT', if OBJECT has a property NAME_msg. Whether that was it.";
    set_task_perms(caller_perms());
    {name, object_name, text} = args;
    what = player:my_match_object(object_name);
    if (!valid(what) || !$object_utils:has_property(what, name + "_msg"))
      return 0;
    endif
    result = `what.(name + "_msg") = text ! ANY';
    player:tell(typeof(result) == ERR && result != text ? tostr(result, ".") | tostr("You set the \"", name, "\" message of ", $string_utils:nn(what), "."));
    return 1;
  endverb
endobject
