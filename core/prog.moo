// $prog: programming. All runs in the name of whoever typed it, and needs the programmer bit where the server wants it.
object PROG
  name: "generic programmer"
  parent: BUILDER
  owner: WIZARD
  readable: true

  override aliases = {"generic programmer"};
  override import_export_id = "prog";

  verb "eval*-d" (any any any) owner: WIZARD flags: "rd"
    ";EXPRESSION";
    ";;STATEMENTS";
    "Runs a line of program: `;1 + 1', `;;for i in [1..3] player:tell(i); endfor'. `me' and `here' are you and where you are.";
    if (player != this || valid(caller_perms()))
      return this:tell("That is for the command line.");
    elseif (!player.programmer)
      return this:tell("You need to be a programmer to eval code.");
    endif
    set_task_perms(player);
    text = argstr;
    statements = match(text, "^ *%(if%|for%|fork%|return%|while%|try%)%W") || match(text, "^ *;");
    if (match(text, "^ *;"))
      text = text[index(text, ";") + 1..$];
    endif
    if (!statements)
      text = "return " + text + (match(text, "; *$") ? "" | ";");
    elseif (!match(text, "%(;%|end[a-z]+%) *$"))
      text = text + ";";
    endif
    result = eval("me = player; here = player.location; " + text);
    if (result[1])
      this:tell("=> ", $code_utils:show_value(result[2]));
    else
      this:tell_lines(result[2]);
      n = length(result[2]);
      this:tell(n, n == 1 ? " error." | " errors.");
    endif
  endverb

  verb "@prop*erty" (any any any) owner: WIZARD flags: "rd"
    "@property OBJECT.NAME [VALUE [LETTERS [OWNER]]]";
    "Adds a property. LETTERS: r (others read), w (others write: think twice), c (children's owners own theirs); without, rc. VALUE is a literal; without, 0.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:may_program())
      return;
    endif
    usage = tostr("Usage:  ", verb, " OBJECT.NAME [VALUE [LETTERS [OWNER]]]");
    spec = $code_utils:split_property_spec(argstr);
    if (!spec)
      return this:tell(usage);
    endif
    {objname, propname, rest} = spec;
    what = this:my_match_object(objname);
    if ($command_utils:object_match_failed(what, objname))
      return;
    endif
    value = 0;
    perms = "rc";
    owner = player;
    if (rest)
      parsed = $string_utils:prefix_to_value(rest);
      if (!parsed[1])
        return this:tell(parsed[2]);
      endif
      {ok, value, rest} = parsed;
      words = $string_utils:words(rest);
      if (words)
        perms = words[1];
      endif
      if (length(words) > 1)
        owner = $string_utils:match_player(words[2]);
        if ($command_utils:player_match_failed(owner, words[2]))
          return;
        endif
      endif
    endif
    for i in [1..length(perms)]
      if (!index("rwc", perms[i]))
        return this:tell("Unknown permission bit:  ", perms[i]);
      endif
    endfor
    result = `add_property(what, propname, value, {owner, perms}) ! ANY';
    if (result == E_INVARG)
      this:tell("Property ", what, ".", propname, " already exists.");
    elseif (typeof(result) == ERR)
      this:tell(result);
    else
      this:tell("Property added with value ", toliteral(`what.(propname) ! ANY => value'), ".");
    endif
  endverb

  verb "@rmprop*erty" (any none none) owner: WIZARD flags: "rd"
    "@rmproperty OBJECT.NAME";
    "Takes a property away from the object that defines it, and so from its descendants.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:may_program() || !(ref = this:match_propref(argstr, "Usage:  @rmproperty OBJECT.NAME")))
      return;
    endif
    result = `delete_property(@ref) ! ANY';
    if (result == E_PROPNF)
      this:tell("That object does not define that property.");
    else
      this:tell(typeof(result) == ERR ? result | "Property removed.");
    endif
  endverb

  verb "@clearp*roperty" (any none none) owner: WIZARD flags: "rd"
    "@clearproperty OBJECT.NAME";
    "Makes a property inherit its value again.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!(ref = this:match_propref(argstr, "Usage:  @clearproperty OBJECT.NAME")))
      return;
    endif
    result = `clear_property(@ref) ! ANY';
    if (result == E_PROPNF)
      this:tell("That object does not have that property.");
    elseif (result == E_INVARG)
      this:tell("You can't clear ", ref[1], ".", ref[2], "; none of the ancestors define that property.");
    else
      this:tell(typeof(result) == ERR ? result | "Property cleared.");
    endif
  endverb

  verb "@set*property" (any to any) owner: WIZARD flags: "rd"
    "@set OBJECT.NAME to VALUE";
    "Gives a property a value, written as a literal: 12, \"text\", {1, 2}, #5. What is no literal counts as text.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!(ref = this:match_propref(dobjstr, "Usage:  @set OBJECT.NAME to VALUE")))
      return;
    endif
    return this:set_property(ref, $code_utils:text_after_to(argstr));
  endverb

  verb set_property (this none this) owner: WIZARD flags: "rxd"
    "@set: {object, name}, text of the value.";
    set_task_perms(caller_perms());
    {ref, text} = args;
    {what, name} = ref;
    value = text;
    if (text && index("\"{#-0123456789E", text[1]))
      parsed = $string_utils:to_value(text);
      if (parsed[1])
        value = parsed[2];
      elseif (index("\"{", text[1]))
        return this:tell("Could not parse: ", text);
      endif
    endif
    result = `what.(name) = value ! ANY';
    if (result == E_PROPNF && value != E_PROPNF)
      this:tell("That object does not define that property.");
    elseif (typeof(result) == ERR && result != value)
      this:tell("Unable to set ", what, ".", name, ": ", result);
    else
      this:tell("Property ", what, ".", name, " set to ", toliteral(`what.(name) ! ANY => value'), ".");
    endif
  endverb

  verb "@verb" (any any any) owner: WIZARD flags: "rd"
    "@verb OBJECT:NAMES [DOBJ [PREP [IOBJ [LETTERS [OWNER]]]]]";
    "Adds a verb: `@verb box:\"open o*pen\" this', `@verb box:put any in this'. LETTERS: r (others list), w (others program: never), x (programs call), d (errors are raised).";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:may_program())
      return;
    endif
    usage = "Usage:  @verb OBJECT:NAMES [DOBJ [PREP [IOBJ [LETTERS [OWNER]]]]]";
    if (!args || !(ref = $code_utils:parse_verbref(args[1])))
      return this:tell(usage);
    endif
    what = this:my_match_object(ref[1]);
    if ($command_utils:object_match_failed(what, ref[1]))
      return;
    endif
    parsed = $code_utils:parse_argspec(args[2..$]);
    if (typeof(parsed) == STR)
      return this:tell(parsed);
    endif
    {spec, rest} = parsed;
    letters = spec == {"this", "none", "this"} ? "rxd" | "rd";
    owner = player;
    if (rest)
      letters = rest[1];
    endif
    if (length(rest) > 1)
      owner = $string_utils:match_player(rest[2]);
      if ($command_utils:player_match_failed(owner, rest[2]))
        return;
      endif
    endif
    name = $string_utils:explode(ref[2])[1];
    if (`verb_info(what, strsub(name, "*", "")) ! ANY => 0')
      this:tell("Warning:  Verb `", name, "' already defined on that object.");
    endif
    result = `add_verb(what, {owner, letters, ref[2]}, spec) ! ANY';
    if (result == E_INVARG)
      this:tell("\"", letters, "\" is not a valid permissions string for a verb, or the name is no good.");
    else
      this:tell(typeof(result) == ERR ? tostr(result) | tostr("Verb added (", result, ")."));
    endif
  endverb

  verb "@rmverb" (any none none) owner: WIZARD flags: "rd"
    "@rmverb OBJECT:NAME";
    "Takes a verb away.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:may_program() || !(ref = this:match_verbref(argstr, "Usage:  @rmverb OBJECT:NAME")))
      return;
    endif
    {what, n} = ref;
    names = $code_utils:verb_names(what, n);
    spec = $string_utils:from_list(`verb_args(what, n) ! ANY => {}', " ");
    result = `delete_verb(what, n) ! ANY';
    this:tell(typeof(result) == ERR ? tostr(result) | tostr("Verb ", what, ":", names, " (", n, ") {", spec, "} removed."));
  endverb

  verb "@args" (any any any) owner: WIZARD flags: "rd"
    "@args OBJECT:NAME";
    "@args OBJECT:NAME DOBJ [PREP [IOBJ]]";
    "Shows or changes the arguments of a verb. DOBJ and IOBJ: this, any, none; PREP: a preposition, any, none.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    usage = "Usage:  @args OBJECT:NAME [DOBJ [PREP [IOBJ]]]";
    if (!args)
      return this:tell(usage);
    elseif (!(ref = this:match_verbref(args[1], usage)))
      return;
    elseif (length(args) == 1)
      spec = `verb_args(@ref) ! ANY';
      return this:tell(typeof(spec) == ERR ? tostr(spec) | $string_utils:from_list(spec, " "));
    endif
    parsed = $code_utils:parse_argspec(args[2..$]);
    if (typeof(parsed) == STR)
      return this:tell(parsed);
    endif
    result = `set_verb_args(@ref, parsed[1]) ! ANY';
    this:tell(typeof(result) == ERR ? tostr(result) | "Verb arguments changed.");
  endverb

  verb "@program" (any any any) owner: WIZARD flags: "rd"
    "@program OBJECT:NAME";
    "Programs a verb: the lines that you type next, up to one that is `.', become its code.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:may_program())
      return;
    endif
    if (!args)
      this:tell("Usage:  @program OBJECT:NAME");
    endif
    ref = args ? this:match_verbref(args[1], "") | 0;
    if (ref && !this:may_write_verb(@ref))
      this:tell("Permission denied.");
      ref = 0;
    endif
    if (!ref)
      this:tell("Now ignoring code for ", args ? args[1] | "nothing in particular", ".");
      $command_utils:read_lines();
      return this:tell("Verb code ignored.");
    endif
    {what, n} = ref;
    this:tell("Now programming ", what.name, ":", $code_utils:verb_names(what, n), "(", n, ").");
    lines = $command_utils:read_lines();
    if (typeof(lines) != LIST)
      return this:tell("Verb not programmed.");
    elseif (!valid(what))
      return this:tell("That object appears to have disappeared ...");
    endif
    errors = `set_verb_code(what, n, lines) ! ANY';
    if (typeof(errors) == ERR)
      return this:tell(errors, ".  Verb not programmed.");
    endif
    this:tell_lines(errors);
    count = length(errors);
    this:tell(count, errors ? " error(s)." | " errors.");
    this:tell(errors ? "Verb not programmed." | "Verb programmed.");
  endverb

  verb "@list" (any any any) owner: WIZARD flags: "rd"
    "@list OBJECT:NAME [with parentheses] [without numbers]";
    "Shows a verb's program, of the object or of the ancestor that has it.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!args || !(ref = $code_utils:parse_verbref(args[1])))
      return this:tell("Usage:  @list OBJECT:NAME [with parentheses] [without numbers]");
    endif
    what = this:my_match_object(ref[1]);
    if ($command_utils:object_match_failed(what, ref[1]))
      return;
    elseif (!(found = $code_utils:find_verb(what, ref[2])))
      return this:tell("That object does not define that verb.");
    endif
    this:tell_lines($code_utils:listing(@found, "parentheses" in args && !("without" in args), !("numbers" in args && "without" in args)));
  endverb

  verb "@history" (any any any) owner: WIZARD flags: "rd"
    "@history OBJECT:VERB";
    "@history OBJECT.PROPERTY";
    "Lists the last changes of a verb or a property, newest first: how long ago, with whose permissions, and what it was before.";
    "`@undo-verb' and `@undo-property' go back.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if ($code_utils:parse_verbref(argstr))
      ref = this:match_verbref(argstr, "");
      rows = ref ? `verb_history(@ref) ! ANY' | 0;
    elseif ($code_utils:parse_propref(argstr))
      ref = this:match_propref(argstr, "");
      rows = ref ? `property_history(@ref) ! ANY' | 0;
    else
      return this:tell("Usage:  @history OBJECT:VERB, or @history OBJECT.PROPERTY");
    endif
    if (ref)
      this:tell_lines(typeof(rows) == ERR ? {tostr(rows)} | $code_utils:history_lines(rows));
    endif
  endverb

  verb "@undo-v*erb" (any any any) owner: WIZARD flags: "rd"
    "@undo-verb OBJECT:VERB [N]";
    "Makes a verb's program what it was before its last change, or before change N of `@history OBJECT:VERB'. That is a change too: the same again undoes it.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:may_program() || !(found = this:match_change(args, "verb")))
      return;
    endif
    {ref, row} = found;
    errors = `set_verb_code(@ref, row[4]) ! ANY';
    if (errors)
      return this:tell_lines(typeof(errors) == ERR ? {tostr(errors)} | {@errors, "Verb not programmed."});
    endif
    n = length(row[4]);
    this:tell("Verb ", ref[1], ":", row[3], " is as it was before ", $code_utils:change_text(row), n == 1 ? " (1 line)." | tostr(" (", n, " lines)."));
  endverb

  verb "@undo-p*roperty" (any any any) owner: WIZARD flags: "rd"
    "@undo-property OBJECT.NAME [N]";
    "Gives a property the value that it had before its last change, or before change N of `@history OBJECT.NAME'. That is a change too: the same again undoes it.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!(found = this:match_change(args, "property")))
      return;
    endif
    {ref, row} = found;
    {what, name} = ref;
    try
      if (length(row) < 3)
        clear_property(what, name);
      else
        what.(name) = row[3];
      endif
    except e (ANY)
      return this:tell(e[2]);
    endtry
    this:tell("Property ", what, ".", name, " is as it was before ", $code_utils:change_text(row), length(row) < 3 ? ": clear." | tostr(": ", toliteral(row[3]), "."));
  endverb

  verb match_change (this none this) owner: WIZARD flags: "rxd"
    "this:match_change(WORDS, \"verb\" or \"property\"): {reference, row of its history} for the words behind @undo-verb and @undo-property; 0 when that failed, and said so.";
    set_task_perms(caller_perms());
    {words, kind} = args;
    n = length(words) > 1 ? toint(words[2]) | 1;
    if (!words || length(words) > 2)
      this:tell("Usage:  ", kind == "verb" ? "@undo-verb OBJECT:VERB [N]" | "@undo-property OBJECT.NAME [N]");
      return 0;
    endif
    ref = kind == "verb" ? this:match_verbref(words[1], "") | this:match_propref(words[1], "");
    if (!ref)
      return 0;
    endif
    rows = kind == "verb" ? `verb_history(@ref) ! ANY' | `property_history(@ref) ! ANY';
    if (typeof(rows) == ERR)
      this:tell(rows);
    elseif (n < 1 || n > length(rows))
      this:tell(rows ? tostr("There is no change ", words[$], ": say 1 to ", length(rows), ".") | "No change of it is known.");
    else
      return {ref, rows[n]};
    endif
    return 0;
  endverb

  verb "@show" (any none none) owner: WIZARD flags: "rd"
    "@show OBJECT";
    "@show OBJECT.PROPERTY";
    "@show OBJECT:VERB";
    "Shows all about an object, a property or a verb.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if ((ref = $code_utils:parse_verbref(argstr)) && valid(what = this:my_match_object(ref[1])))
      return this:tell_lines($code_utils:show_verb(what, ref[2]));
    elseif ((ref = $code_utils:parse_propref(argstr)) && valid(what = this:my_match_object(ref[1])))
      return this:tell_lines($code_utils:show_property(what, ref[2]));
    endif
    what = this:my_match_object(argstr);
    if (!$command_utils:object_match_failed(what, argstr))
      this:tell_lines($code_utils:show_object(what));
    endif
  endverb

  verb "@d*isplay" (any none none) owner: WIZARD flags: "rd"
    "@display OBJECT";
    "@display OBJECT.";
    "@display OBJECT:";
    "@display OBJECT.PROPERTY";
    "@display OBJECT:VERB";
    "Shows an object; with `.' its properties, with `,' the inherited ones too, with `:' its verbs.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    parts = match(argstr, "^%([^.,:]*%)%([.,:]*%)%(.*%)$");
    {name, marks, rest} = parts ? {substitute("%1", parts), substitute("%2", parts), substitute("%3", parts)} | {argstr, "", ""};
    what = this:my_match_object(name);
    if ($command_utils:object_match_failed(what, name))
      return;
    endif
    this:tell_lines($code_utils:display(what, marks, rest));
    this:tell("--- finished ---");
  endverb

  verb "@chmod" (any any any) owner: WIZARD flags: "rd"
    "@chmod OBJECT LETTERS";
    "@chmod OBJECT.PROPERTY LETTERS";
    "@chmod OBJECT:VERB LETTERS";
    "Changes permissions: the letters there shall be, or +LETTERS or !LETTERS for a change. Objects: rwf; properties: rwc; verbs: rwxdp.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (length(args) != 2)
      return this:tell("Usage:  @chmod OBJECT-OR-PROPERTY-OR-VERB LETTERS");
    endif
    {target, letters} = args;
    if ($code_utils:parse_verbref(target))
      ref = this:match_verbref(target, "");
      return ref ? this:tell($perm_utils:chmod_verb(@ref, letters)) | 0;
    elseif ($code_utils:parse_propref(target))
      ref = this:match_propref(target, "");
      return ref ? this:tell($perm_utils:chmod_property(@ref, letters)) | 0;
    endif
    what = this:my_match_object(target);
    if (!$command_utils:object_match_failed(what, target))
      this:tell($perm_utils:chmod_object(what, letters));
    endif
  endverb

  verb "@tasks" (any none none) owner: WIZARD flags: "rd"
    "@tasks";
    "@tasks PLAYER";
    "Lists your tasks that are set aside: what each does, and what it has used so far; a wizard sees everybody's, or those of one player.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (rows = this:rows_of_tasks(dobjstr))
      this:tell_lines($lag_utils:task_lines(@rows));
    endif
  endverb

  verb "@forked" (any none none) owner: WIZARD flags: "rd"
    "@forked";
    "@forked PLAYER";
    "Lists the same tasks with the time at which each goes on, and its size.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (rows = this:rows_of_tasks(dobjstr))
      this:tell_lines($lag_utils:forked_lines(@rows));
    endif
  endverb

  verb rows_of_tasks (this none this) owner: WIZARD flags: "rxd"
    "this:rows_of_tasks(NAME): {rows of queued_tasks()}, of the player called so, or of all that the caller may see; {} when there is no such player, and said so.";
    set_task_perms(caller_perms());
    {name} = args;
    if (!name)
      return {queued_tasks()};
    endif
    who = $string_utils:match_player(name);
    if ($command_utils:player_match_failed(who, name))
      return {};
    endif
    found = {};
    for row in (queued_tasks())
      $command_utils:suspend_if_needed(0);
      if (row[5] == who)
        found = {@found, row};
      endif
    endfor
    return {found};
  endverb

  verb "@kill" (any any any) owner: WIZARD flags: "rd"
    "@kill TASK-NUMBER";
    "@kill all";
    "@kill OBJECT:VERB";
    "Ends tasks that wait.  Their numbers: @tasks.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!args)
      return this:tell("Usage:  @kill TASK-NUMBER, or @kill all, or @kill OBJECT:VERB");
    elseif (!(found = $code_utils:match_tasks(args[1], this)))
      return this:tell($string_utils:is_integer(args[1]) ? "There is no such task." | "No tasks.");
    endif
    for row in (found)
      result = `kill_task(row[1]) ! ANY';
      this:tell(typeof(result) == ERR ? tostr("Task ", row[1], ": ", result) | tostr("Killed: task ", row[1], ", verb ", row[6], ":", row[7], ", line ", row[8]));
    endfor
  endverb

  verb "@profile" (any any any) owner: WIZARD flags: "rd"
    "@profile [for SECONDS]";
    "@profile OBJECT:VERB [for SECONDS]";
    "@profile PLAYER [for SECONDS]";
    "@profile ... as flame";
    "Looks for some seconds (5) where time goes: in your verbs, in what runs in one verb, in a player's tasks; wizards see all verbs. `as flame' prints the stacks as programs that draw flame graphs read them.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:may_program() || !(request = this:parse_profile(args)))
      return;
    endif
    {target, seconds, flame} = request;
    try
      verb_profile("start", target);
    except e (ANY)
      return this:tell(e[2], e[1] == E_QUOTA ? ": too many profiles are being made." | ".");
    endtry
    this:tell("Looking for ", seconds, seconds == 1 ? " second..." | " seconds...");
    suspend(seconds);
    verb_profile("stop");
    lines = verb_profile("flame");
    this:tell_lines((flame ? lines | $lag_utils:profile_lines(lines)) || {"Nothing of that was seen at work."});
  endverb

  verb parse_profile (this none this) owner: WIZARD flags: "rxd"
    "this:parse_profile(WORDS): {what verb_profile(\"start\") is to be given, seconds, whether as flame}; 0 when that failed, and said so.";
    set_task_perms(caller_perms());
    {words} = args;
    seconds = 5;
    if (flame = length(words) > 1 && words[$ - 1..$] == {"as", "flame"})
      words = words[1..$ - 2];
    endif
    if (at = "for" in words)
      seconds = at < length(words) ? toint(words[at + 1]) | 0;
      words = words[1..at - 1];
    endif
    if (seconds < 1 || seconds > 600)
      this:tell("For how long?  Say 1 to 600 seconds.");
      return 0;
    endif
    text = $string_utils:from_list(words, " ");
    if (!text)
      return {0, seconds, flame};
    elseif ($code_utils:parse_verbref(text))
      ref = this:match_verbref(text, "");
      return ref ? {{ref[1], $string_utils:explode(strsub(verbs(ref[1])[ref[2]], "*", ""))[1]}, seconds, flame} | 0;
    endif
    who = $string_utils:match_player(text);
    return $command_utils:player_match_failed(who, text) ? 0 | {who, seconds, flame};
  endverb

  verb may_program (this none this) owner: LIBRARIAN flags: "rxd"
    "Whether this player is a programmer; says so if not.";
    if (!this.programmer)
      this:tell("You need to be a programmer to do this.");
    endif
    return this.programmer;
  endverb

  verb may_write_verb (this none this) owner: WIZARD flags: "rxd"
    "this:may_write_verb(OBJECT, VERB): whether the caller may program it.";
    {what, n} = args;
    info = verb_info(what, n);
    return info[1] == caller_perms() || caller_perms().wizard || index(info[2], "w");
  endverb

  verb match_propref (this none this) owner: WIZARD flags: "rxd"
    "this:match_propref(TEXT, USAGE): {object, name} for OBJECT.NAME; 0 when that failed, and said so.";
    set_task_perms(caller_perms());
    {text, usage} = args;
    if (!(ref = $code_utils:parse_propref(text)))
      this:tell(usage || tostr("\"", text, "\" is not of the form OBJECT.PROPERTY."));
      return 0;
    endif
    what = this:my_match_object(ref[1]);
    return $command_utils:object_match_failed(what, ref[1]) ? 0 | {what, ref[2]};
  endverb

  verb match_verbref (this none this) owner: WIZARD flags: "rxd"
    "this:match_verbref(TEXT, USAGE): {object, position} for OBJECT:NAME; 0 when that failed, and said so.";
    set_task_perms(caller_perms());
    {text, usage} = args;
    if (!(ref = $code_utils:parse_verbref(text)))
      this:tell(usage || tostr("\"", text, "\" is not of the form OBJECT:VERB."));
      return 0;
    endif
    what = this:my_match_object(ref[1]);
    if ($command_utils:object_match_failed(what, ref[1]))
      return 0;
    elseif (!(n = $code_utils:verb_position(what, ref[2])))
      this:tell("That object does not have that verb definition.");
      return 0;
    endif
    return {what, n};
  endverb
endobject
