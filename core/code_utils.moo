// $code_utils: verbs, properties and tasks as text.
object CODE_UTILS
  name: "code utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property prepositions (owner: WIZARD, flags: "r") = {
    "none", "any", "with", "using", "at", "to", "in front of", "in", "inside", "into", "on top of", "on", "onto", "upon", "out of", "from inside",
    "from", "over", "through", "under", "underneath", "beneath", "behind", "beside", "for", "about", "is", "as", "off of", "off"
  };
  property help_msg (owner: WIZARD, flags: "rc") = {
    "parse_verbref(TEXT)             {object, verb} as text of OBJECT:VERB, or 0;  parse_propref(TEXT) of OBJECT.NAME",
    "parse_argspec(WORDS)            {{dobj, prep, iobj}, rest}, or a sentence about what is wrong",
    "find_verb(OBJECT, NAME)         {definer, position} here or on an ancestor, or 0;  verb_position(OBJECT, NAME)",
    "verbname_match(NAMES, WORD)     whether NAMES, with *, match WORD",
    "listing(OBJECT, VERB [, PARENTHESES [, NUMBERS]])  lines as @list prints them",
    "show_value(X)                   as `;' prints it",
    "history_lines(ROWS)             rows of verb_history() or property_history(), as @history prints them;  change_text(ROW)",
    "task_valid(ID)                  whether that task waits",
    "verb_usage(OBJECT, VERB)        how a command is typed"
  };

  override aliases = {"code utilities"};
  override description = "Verbs about verbs.  `help $code_utils' lists them.";
  override import_export_id = "code_utils";

  verb parse_verbref (this none this) owner: LIBRARIAN flags: "rxd"
    "parse_verbref(TEXT): {object, verb} as text, or 0 if it is not OBJECT:VERB.";
    {text} = args;
    at = index(text, ":");
    return at > 1 && at < length(text) ? {text[1..at - 1], text[at + 1..$]} | 0;
  endverb

  verb parse_propref (this none this) owner: LIBRARIAN flags: "rxd"
    "parse_propref(TEXT): {object, property} as text, or 0 if it is not OBJECT.PROPERTY. A name that is no word stands in (\"...\").";
    {text} = args;
    at = index(text, ".");
    if (at < 2 || at == length(text))
      return 0;
    endif
    name = text[at + 1..$];
    if (found = match(name, "^(\"?%([^\"]*%)\"?)$"))
      name = substitute("%1", found);
    endif
    return {$string_utils:trim(strsub(text[1..at - 1], "\"", "")), name};
  endverb

  verb split_property_spec (this none this) owner: LIBRARIAN flags: "rxd"
    "split_property_spec(TEXT): {object, property, rest} of OBJECT.NAME REST, or 0.";
    {text} = args;
    if (found = match(text, "^%([^.]+%)%.%((\"[^\"]*\")%|[^ (]+%) *%(.*%)$"))
      ref = this:parse_propref(substitute("%1.%2", found));
      return ref ? {@ref, substitute("%3", found)} | 0;
    endif
    return 0;
  endverb

  verb text_after_to (this none this) owner: LIBRARIAN flags: "rxd"
    "text_after_to(TEXT): what stands behind the first word `to', as it was typed.";
    {text} = args;
    at = index(text, " to ");
    return at ? $string_utils:trim(text[at + 4..$]) | "";
  endverb

  verb parse_argspec (this none this) owner: LIBRARIAN flags: "rxd"
    "parse_argspec(WORDS): {{dobj, prep, iobj}, rest of WORDS}, or a sentence about what is wrong.";
    {words} = args;
    spec = {"none", "none", "none"};
    if (!words)
      return {spec, {}};
    elseif (!(words[1] in {"this", "any", "none"}))
      return tostr("\"", words[1], "\" is not a valid direct object specifier.");
    endif
    spec[1] = words[1];
    words = listdelete(words, 1);
    if (words)
      n = 0;
      for size in [1..min(3, length(words))]
        text = $string_utils:from_list(words[1..size], " ");
        if (slash = index(text, "/"))
          text = text[1..slash - 1];
        endif
        n = text in this.prepositions ? size | n;
      endfor
      if (!n)
        return tostr("\"", words[1], "\" is not a valid preposition.");
      endif
      spec[2] = $string_utils:from_list(words[1..n], " ");
      words = words[n + 1..$];
    endif
    if (words)
      if (!(words[1] in {"this", "any", "none"}))
        return tostr("\"", words[1], "\" is not a valid indirect object specifier.");
      endif
      spec[3] = words[1];
      words = listdelete(words, 1);
    endif
    return {spec, words};
  endverb

  verb verbname_match (this none this) owner: LIBRARIAN flags: "rxd"
    "verbname_match(NAMES, WORD): whether WORD is one of NAMES, where `*' stands behind what must be typed.";
    {names, word} = args;
    word = strsub(word, "*", "");
    for name in ($string_utils:explode(names))
      star = index(name, "*");
      full = strsub(name, "*", "");
      if (full == word)
        return 1;
      elseif (star && star == length(name))
        if (star == 1 || index(word, full) == 1)
          return 1;
        endif
      elseif (star && length(word) >= star - 1 && word && index(full, word) == 1)
        return 1;
      endif
    endfor
    return 0;
  endverb

  verb verb_position (this none this) owner: WIZARD flags: "rxd"
    "verb_position(OBJECT, NAME): which of its own verbs that is, from 1, or 0. NAME may be the position itself.";
    set_task_perms(caller_perms());
    {what, name} = args;
    names = `verbs(what) ! E_PERM => {}';
    if ($string_utils:is_integer(name) && toint(name) >= 1 && toint(name) <= length(names))
      return toint(name);
    endif
    for i in [1..length(names)]
      if (names[i] == name || this:verbname_match(names[i], name))
        return i;
      endif
    endfor
    return 0;
  endverb

  verb find_verb (this none this) owner: WIZARD flags: "rxd"
    "find_verb(OBJECT, NAME): {definer, position} of that verb here or on the nearest ancestor, or 0.";
    set_task_perms(caller_perms());
    {what, name} = args;
    while (valid(what))
      if (n = this:verb_position(what, name))
        return {what, n};
      endif
      what = parent(what);
    endwhile
    return 0;
  endverb

  verb verb_names (this none this) owner: WIZARD flags: "rxd"
    "verb_names(OBJECT, VERB): all its names.";
    set_task_perms(caller_perms());
    return `verb_info(@args)[3] ! ANY => "?"';
  endverb

  verb listing (this none this) owner: WIZARD flags: "rxd"
    "listing(OBJECT, VERB [, PARENTHESES [, NUMBERS]]): lines as @list prints them.";
    set_task_perms(caller_perms());
    {what, n, ?parentheses = 0, ?numbers = 1} = args;
    code = `verb_code(what, n, parentheses) ! ANY';
    if (typeof(code) == ERR)
      return {tostr(code)};
    endif
    names = verb_info(what, n)[3];
    lines = {tostr(what, ":", index(names, " ") ? toliteral(names) | names, "   ", $string_utils:from_list(verb_args(what, n), " "))};
    if (!code)
      return {@lines, "(That verb has not been programmed.)"};
    endif
    width = max(2, length(tostr(length(code))));
    for i in [1..length(code)]
      $command_utils:suspend_if_needed(0);
      lines = {@lines, numbers ? tostr($string_utils:right(tostr(i), width), ":  ", code[i]) | code[i]};
    endfor
    return lines;
  endverb

  verb show_value (this none this) owner: LIBRARIAN flags: "rxd"
    "show_value(X): the literal; with the name of an object, the text of an error.";
    {x} = args;
    if (typeof(x) == OBJ)
      names = {"nothing", "ambiguous match", "failed match"};
      name = valid(x) ? x.name | (x in {#-1, #-2, #-3} ? "<" + names[-toint(x)] + ">" | "<invalid>");
      return tostr(x, "  (", name, ")");
    elseif (typeof(x) == ERR)
      return tostr(toliteral(x), "  (", x, ")");
    endif
    return toliteral(x);
  endverb

  verb change_text (this none this) owner: LIBRARIAN flags: "rxd"
    "change_text(ROW): who made the change in a row of verb_history() or property_history(), and how long ago.";
    {row} = args;
    return tostr("the change by ", $string_utils:nn(row[2]), " ", $time_utils:english_time(max(time() - row[1], 0)), " ago");
  endverb

  verb history_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "history_lines(ROWS): of verb_history() or property_history(), as @history shows them.";
    {rows} = args;
    lines = {};
    for i in [1..length(rows)]
      row = rows[i];
      if (length(row) == 4)
        n = length(row[4]);
        was = n ? tostr(n, n == 1 ? " line: " | " lines: ", row[4][1]) | "no program";
      else
        was = length(row) < 3 ? "clear" | toliteral(row[3]);
      endif
      was = length(was) > 200 ? was[1..197] + "..." | was;
      lines = {@lines, tostr($string_utils:right(i, 2), ":  ", $time_utils:english_time(max(time() - row[1], 0)), " ago, by ", $string_utils:nn(row[2])), "       before: " + was};
    endfor
    return lines || {"No change of it is known."};
  endverb

  verb show_object (this none this) owner: WIZARD flags: "rxd"
    "show_object(OBJECT): lines for @show.";
    set_task_perms(caller_perms());
    {what} = args;
    lines = {tostr("Object ID:  ", what), tostr("Name:       ", what.name)};
    for row in ({{"Parent:", parent(what)}, {"Location:", what.location}, {"Owner:", what.owner}})
      lines = {@lines, $string_utils:left(row[1], 12) + $string_utils:nn(row[2])};
    endfor
    flags = "";
    for row in ({{is_player(what), " player"}, {what.programmer, " programmer"}, {what.wizard, " wizard"}, {what.r, " r"}, {what.w, " w"}, {what.f, " f"}})
      flags = row[1] ? flags + row[2] | flags;
    endfor
    lines = {@lines, "Flags:     " + flags};
    if (names = `verbs(what) ! E_PERM => {}')
      lines = {@lines, "Verb definitions:"};
      for name in (names)
        lines = {@lines, "    " + name};
      endfor
    endif
    if (names = `properties(what) ! E_PERM => {}')
      lines = {@lines, "Property definitions:"};
      for name in (names)
        lines = {@lines, "    " + name};
      endfor
    endif
    lines = {@lines, "Properties:"};
    for name in ($object_utils:all_properties(what))
      $command_utils:suspend_if_needed(0);
      value = `what.(name) ! E_PERM => "(not readable)"';
      lines = {@lines, tostr("    ", name, ": ", value == "(not readable)" ? value | toliteral(value))};
    endfor
    return lines;
  endverb

  verb show_property (this none this) owner: WIZARD flags: "rxd"
    "show_property(OBJECT, NAME): lines for @show.";
    set_task_perms(caller_perms());
    {what, name} = args;
    value = `what.(name) ! ANY';
    info = `property_info(what, name) ! ANY';
    if (info == E_PROPNF && value == E_PROPNF)
      return {"Property not found"};
    elseif (info == E_PERM)
      return {"Permission denied"};
    elseif (info == E_PROPNF)
      return {tostr(what, ".", name), "Built-in property.", "Value:        " + toliteral(value)};
    endif
    return {tostr(what, ".", name), tostr("Owner:        ", $string_utils:nn(info[1])), tostr("Permissions:  ", info[2]), tostr("Value:        ", toliteral(value))};
  endverb

  verb show_verb (this none this) owner: WIZARD flags: "rxd"
    "show_verb(OBJECT, NAME): lines for @show.";
    set_task_perms(caller_perms());
    {what, name} = args;
    if (!(found = this:find_verb(what, name)))
      return {"That object does not define that verb."};
    endif
    info = `verb_info(@found) ! ANY';
    if (typeof(info) == ERR)
      return {tostr(info)};
    endif
    {owner, letters, names} = info;
    return {tostr(found[1], ":", names), tostr("Owner:        ", $string_utils:nn(owner)), tostr("Permissions:  ", letters), tostr("Arguments:    ", $string_utils:from_list(verb_args(@found), " ")), tostr("Lines:        ", length(`verb_code(@found) ! ANY => {}'))};
  endverb

  verb display (this none this) owner: WIZARD flags: "rxd"
    "display(OBJECT, MARKS, NAME): lines for @display.";
    set_task_perms(caller_perms());
    {what, marks, name} = args;
    lines = {};
    if (!name)
      flags = (what.r ? "r" | "") + (what.w ? "w" | "") + (what.f ? "f" | "");
      lines = {tostr($string_utils:nn(what), " [", flags, "]"), "  Owned by " + $string_utils:nn(what.owner) + ".", "  Child of " + $string_utils:nn(parent(what)) + ".", "  Location " + $string_utils:nn(what.location) + "."};
    endif
    if (index(marks, ":"))
      return {@lines, @this:display_verbs(what, name)};
    elseif (marks)
      names = name ? {name} | `properties(what) ! E_PERM => {}';
      if (index(marks, ",") && !name)
        names = $object_utils:all_properties(what);
      endif
      for p in (names)
        $command_utils:suspend_if_needed(0);
        info = `property_info(what, p) ! ANY';
        if (typeof(info) == ERR)
          lines = {@lines, tostr(".", p, ": ", info)};
        else
          lines = {@lines, this:display_row("." + p, info[1], info[2], "rwc", toliteral(what.(p)))};
        endif
      endfor
    endif
    return lines;
  endverb

  verb display_verbs (this none this) owner: WIZARD flags: "rxd"
    "The verbs of @display.";
    set_task_perms(caller_perms());
    {what, name} = args;
    lines = {};
    names = `verbs(what) ! E_PERM => {}';
    for i in [1..length(names)]
      if (!name || this:verbname_match(names[i], name))
        info = `verb_info(what, i) ! ANY';
        if (typeof(info) == ERR)
          lines = {@lines, tostr(":", names[i], ": ", info)};
        else
          lines = {@lines, this:display_row(":" + names[i], info[1], info[2], "rwxdp", $string_utils:from_list(verb_args(what, i), " "))};
        endif
      endif
    endfor
    return lines || {name ? "That object does not define that verb." | "  It has no verbs of its own."};
  endverb

  verb display_row (this none this) owner: LIBRARIAN flags: "rxd"
    "One row of @display.";
    {name, owner, letters, all, text} = args;
    shown = "";
    for i in [1..length(all)]
      shown = shown + (index(letters, all[i]) ? all[i] | " ");
    endfor
    return tostr($string_utils:left(name, 24), " ", $string_utils:left($string_utils:nn(owner), 20), " ", $string_utils:left(shown, 6), length(text) > 500 ? text[1..500] + "..." | text);
  endverb

  verb match_tasks (this none this) owner: WIZARD flags: "rxd"
    "match_tasks(WORD, WHO): rows of queued_tasks() that WORD names: a task's id, all (WHO's), or OBJECT:VERB.";
    set_task_perms(caller_perms());
    {word, who} = args;
    ref = this:parse_verbref(word);
    what = ref ? who:my_match_object(ref[1]) | #-1;
    found = {};
    for row in (queued_tasks())
      if (word == "all" ? row[5] == who | (ref ? (row[6] == what || row[9] == what) && this:verbname_match(row[7], ref[2]) | tostr(row[1]) == word))
        found = {@found, row};
      endif
    endfor
    return found;
  endverb

  verb task_valid (this none this) owner: WIZARD flags: "rxd"
    "task_valid(ID): whether a task of that number runs or waits.";
    {id} = args;
    if (id == task_id())
      return 1;
    endif
    for row in (queued_tasks())
      if (row[1] == id)
        return 1;
      endif
    endfor
    return 0;
  endverb

  verb who_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "who_lines(PLAYERS): the table that @who prints.";
    {whos} = args;
    if (!whos)
      return {"Nobody is logged in."};
    endif
    lines = {"Player name             Connected    Idle    Location", "-----------             ---------    ----    --------"};
    for who in (whos)
      seconds = `connected_seconds(who) ! ANY => -1';
      if (seconds < 0)
        times = $string_utils:left(who.last_connect_time ? "not connected" | "never seen", 21);
      else
        times = $string_utils:left($time_utils:dhms(seconds), 13) + $string_utils:left($time_utils:short(`idle_seconds(who) ! ANY => 0'), 8);
      endif
      lines = {@lines, tostr($string_utils:left($string_utils:nn(who), 24), times, valid(who.location) ? who.location.name | "Nowhere")};
    endfor
    n = length(whos);
    return {@lines, "", tostr("Total: ", n, n == 1 ? " player." | " players.")};
  endverb

  verb show_who (this none this) owner: LIBRARIAN flags: "rxd"
    "show_who(PLAYERS): tells the player the table of them.";
    player:tell_lines(this:who_lines(args[1]));
  endverb

  verb verb_usage (this none this) owner: LIBRARIAN flags: "rxd"
    "verb_usage(NAMES, SPEC, THING): how a command with these arguments is typed.";
    {names, spec, what} = args;
    name = strsub($string_utils:explode(names)[1], "*", "");
    {dobj_spec, prep, iobj_spec} = spec;
    words = {name};
    for part in ({dobj_spec, prep, iobj_spec})
      if (part == "this")
        words = {@words, valid(what) ? what.name | "THIS"};
      elseif (part == "any")
        words = {@words, "<any>"};
      elseif (part != "none")
        words = {@words, part};
      endif
    endfor
    return $string_utils:from_list(words, " ");
  endverb

  verb usages (this none this) owner: WIZARD flags: "rxd"
    "usages(WORD, OBJECTS): how the commands called WORD are typed, as their own text or their arguments say.";
    set_task_perms(caller_perms());
    {word, objects} = args;
    lines = {};
    for what in (objects)
      o = what;
      while (valid(o))
        names = `verbs(o) ! E_PERM => {}';
        for i in [1..length(names)]
          if (this:verbname_match(names[i], word) && (spec = verb_args(o, i)) != {"this", "none", "this"})
            text = $help:verb_text(o, i);
            lines = length(text) > 1 ? {@lines, @text[1..$ - 1]} | setadd(lines, this:verb_usage(names[i], spec, what));
          endif
        endfor
        o = parent(o);
      endwhile
    endfor
    lines = $list_utils:remove_duplicates(lines);
    return length(lines) > 4 ? lines[1..4] | lines;
  endverb

  verb commands_of (this none this) owner: WIZARD flags: "rxd"
    "commands_of(OBJECT): how its commands are typed, those of its ancestors up to $thing and $room included.";
    set_task_perms(caller_perms());
    {what} = args;
    lines = {};
    o = what;
    while (valid(o) && !(o in {$root, $player, $room, $builder, $prog, $wiz}))
      names = `verbs(o) ! E_PERM => {}';
      for i in [1..length(names)]
        spec = verb_args(o, i);
        if ("this" in {spec[1], spec[3]} && spec != {"this", "none", "this"})
          lines = setadd(lines, this:verb_usage(names[i], spec, what));
        endif
      endfor
      o = parent(o);
    endwhile
    return lines;
  endverb
endobject
