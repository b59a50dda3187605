// $lag_utils: how busy the server is, who keeps it busy, what waits, as text for people.
object LAG_UTILS
  name: "lag utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "duration(MICROSECONDS)          \"12.3 ms\";  short_number(N)  \"12.3k\";  percent(PART, WHOLE)",
    "verb_name(OBJECT, NAMES)        \"#3:look (generic room)\"",
    "server_lines()                  how busy the server is;  player_lines(WHO)  and what of it is WHO's",
    "quota_lines(WHO)                what WHO may use",
    "top_lines(KIND)                 who, or which verbs (\"players\", \"verbs\"), used most;  slow_lines()  the slowest slices",
    "task_lines(ROWS)                rows of queued_tasks(), with their state and cost;  forked_lines(ROWS)  as the classics print them",
    "profile_lines(LINES)            folded stacks, summed up by verb"
  };
  property most_rows (owner: WIZARD, flags: "r") = 100;

  override aliases = {"lag utilities"};
  override description = "Verbs about where time goes.  `help $lag_utils' lists them.";
  override import_export_id = "lag_utils";

  // ---- numbers

  verb duration (this none this) owner: LIBRARIAN flags: "rxd"
    "duration(MICROSECONDS): \"0.85 ms\", \"12.3 ms\", \"123 ms\", \"4.5 s\".";
    {us} = args;
    ms = tofloat(us) / 1000.0;
    if (us >= 1000000)
      return floatstr(ms / 1000.0, 1) + " s";
    endif
    return floatstr(ms, us < 1000 ? 2 | (us < 100000 ? 1 | 0)) + " ms";
  endverb

  verb short_number (this none this) owner: LIBRARIAN flags: "rxd"
    "short_number(N): three digits and a letter: \"999\", \"1.00k\", \"12.3k\", \"4.56M\".";
    {n} = args;
    x = tofloat(n);
    if (abs(x) < 999.5)
      return typeof(n) == INT || abs(x) >= 10.0 ? floatstr(x, 0) | floatstr(x, 1);
    endif
    unit = 0;
    while (abs(x) >= 999.5 && unit < 4)
      x = x / 1000.0;
      unit = unit + 1;
    endwhile
    return floatstr(x, abs(x) < 9.995 ? 2 | (abs(x) < 99.95 ? 1 | 0)) + "kMGT"[unit];
  endverb

  verb percent (this none this) owner: LIBRARIAN flags: "rxd"
    "percent(PART, WHOLE): \"12.3\"; \"0.0\" of nothing.";
    {part, whole} = args;
    whole = tofloat(whole);
    return floatstr(whole > 0.0 ? 100.0 * tofloat(part) / whole | 0.0, 1);
  endverb

  verb verb_name (this none this) owner: LIBRARIAN flags: "rxd"
    "verb_name(OBJECT, NAMES): \"#3:look (generic room)\", with the first of the names.";
    {what, names} = args;
    at = index(names, " ");
    return valid(what) ? tostr(what, ":", at ? names[1..at - 1] | names, " (", what.name, ")") | names || "Input to EVAL";
  endverb

  // ---- the server, and one's own part in it

  verb server_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "server_lines(): how busy the server is.";
    stats = scheduler_stats();
    lines = {};
    for span in ({"minute", "hour"})
      used = $list_utils:fact(stats, "used", span, "cpu_us");
      times = $list_utils:fact(stats, "latency", span);
      n = $list_utils:fact(times, "count");
      busy = tostr("In the last ", span, " tasks took ", this:percent(used, $list_utils:fact(stats, "seconds", span) * 1000000.0), " % of the server's time.");
      if (n)
        lines = {@lines, busy, tostr("    ", n, n == 1 ? " command: " | " commands: ", "half in ", this:duration($list_utils:fact(times, "p50_us")), ", 99 % in ", this:duration($list_utils:fact(times, "p99_us")), ", the longest in ", this:duration($list_utils:fact(times, "worst_us")), ".")};
      else
        lines = {@lines, busy};
      endif
    endfor
    stall = $list_utils:fact(stats, "stall", "hour", "worst_us");
    {tasks, ready, queues} = {$list_utils:fact(stats, "tasks"), $list_utils:fact(stats, "ready"), $list_utils:fact(stats, "queues_ready")};
    return {@lines, tostr("    The longest time in which nobody was heard: ", this:duration(stall), "."), tostr(this:count(tasks, "task"), " set aside, ", ready, " ready; ", this:count(queues, "player"), " in the queue for a turn.")};
  endverb

  verb count (this none this) owner: LIBRARIAN flags: "rxd"
    "count(N, WORD): \"1 task\", \"2 tasks\", \"no tasks\".";
    {n, word} = args;
    return tostr(n || "no", " ", word, n == 1 ? "" | "s");
  endverb

  verb player_lines (this none this) owner: WIZARD flags: "rxd"
    "player_lines(WHO): what WHO has used, owes and waits for. For WHO and wizards.";
    set_task_perms(caller_perms());
    {who} = args;
    {stats, all} = {scheduler_stats(who), scheduler_stats()};
    {name, owes} = who == player ? {"You", "You owe"} | {$string_utils:nn(who), $string_utils:nn(who) + " owes"};
    parts = {};
    for span in ({"minute", "hour"})
      part = $list_utils:fact(stats, "used", span, "cpu_us");
      seconds = $list_utils:fact(all, "seconds", span);
      parts = {@parts, tostr(this:percent(part, seconds * 1000000.0), " % of the last ", span)};
    endfor
    lines = {tostr(name, ": ", $string_utils:english_list(parts), ".")};
    {tasks, ready, quota, debt} = {$list_utils:fact(stats, "queued"), $list_utils:fact(stats, "ready"), $list_utils:fact(stats, "quota_us"), $list_utils:fact(stats, "debt_us")};
    lines = {@lines, tostr("    ", this:count(tasks, "task"), " set aside, ", ready, " ready; ", this:duration(quota), " of CPU time earned in each round.")};
    share = $list_utils:fact(stats, "share");
    if (share != who)
      lines = {@lines, tostr("    All players of the group ", valid(share) ? $string_utils:nn(share) | share, " share these, and its debt.")};
    endif
    if (debt <= 0)
      return {@lines, tostr(owes, " nothing.")};
    endif
    us = $list_utils:fact(stats, "fades_in_us");
    lines = {@lines, tostr(owes, " ", this:duration(debt), ", which is ", quota > 0 ? this:short_number(tofloat(debt) / tofloat(quota)) | "many", " rounds: whoever owes less goes first.")};
    return {@lines, us < 0 ? "    It does not fade: it has to be paid off." | tostr("    With nothing to run, that will have faded in ", this:duration(us), ".")};
  endverb

  verb quota_lines (this none this) owner: WIZARD flags: "rxd"
    "quota_lines(WHO): what WHO may use in a round and in a slice, and who says so. For WHO and wizards.";
    set_task_perms(caller_perms());
    {who} = args;
    options = scheduler_options(who);
    {quota, source} = $list_utils:fact(options, "tick_quota");
    lines = {tostr($string_utils:nn(who), quota > 0 ? tostr(" earns ", quota, " ticks in each round ") | " is paused: background tasks stand still ", this:source_text(source), ".")};
    for name in ({"fg_ticks", "fg_seconds", "bg_ticks", "bg_seconds", "queued_task_limit"})
      {value, source} = $list_utils:fact(options, name);
      lines = {@lines, tostr("    ", $string_utils:left(name, 20), $string_utils:right(name == "queued_task_limit" && value < 0 ? "none" | value, 8), "  ", this:source_text(source))};
    endfor
    return lines;
  endverb

  verb source_text (this none this) owner: LIBRARIAN flags: "rxd"
    "source_text(SOURCE): where an option comes from, in words.";
    {source} = args;
    row = $list_utils:assoc(source, {{"player", "set for this player"}, {"server_options", "as $server_options says"}, {"flag", "as the server was started"}, {"default", "the default"}});
    return tostr("(", row ? row[2] | source, ")");
  endverb

  // ---- tables

  verb top_lines (this none this) owner: WIZARD flags: "rxd"
    "top_lines(\"players\"), top_lines(\"verbs\"): who, or which verbs, used most in the last minute and hour. Players for wizards; verbs for wizards, and for others their own.";
    set_task_perms(caller_perms());
    {kind} = args;
    rows = {};
    tables = {};
    for span in ({"minute", "hour"})
      table = kind == "players" ? scheduler_stats("players", span, 10) | verb_profile(span, 10);
      tables = {@tables, table};
      for row in (table)
        rows = setadd(rows, row[1..$ - 1]);
      endfor
    endfor
    if (!rows)
      return {};
    endif
    debts = kind == "players";
    columns = debts ? "  cpu %  ticks/s  longest" | " task %  itself %  longest";
    width = debts ? 22 | 28;
    spans = $string_utils:center("--- the last minute ---", length(columns)) + $string_utils:center("--- the last hour ---", length(columns));
    lines = {$string_utils:trimr($string_utils:space(width) + spans), $string_utils:left(debts ? "Player" | "Verb", width) + columns + columns + (debts ? "    owes" | "")};
    seconds = $list_utils:fact(scheduler_stats(), "seconds");
    for row in (rows)
      $command_utils:suspend_if_needed(0);
      name = debts ? $string_utils:nn(row[1]) | this:verb_name(@row);
      line = $string_utils:left(name, -width);
      for i in [1..2]
        line = line + this:usage_columns(kind, this:row_of(tables[i], row), $list_utils:fact(seconds, {"minute", "hour"}[i]));
      endfor
      if (debts)
        us = $list_utils:fact(`scheduler_stats(row[1]) ! ANY => {}', "debt_us");
        line = line + $string_utils:right(us > 0 ? this:duration(us) | "-", 8);
      endif
      lines = {@lines, line};
    endfor
    return lines;
  endverb

  verb row_of (this none this) owner: LIBRARIAN flags: "rxd"
    "The facts of the row of a table that begins so; {} if there is none.";
    {table, row} = args;
    for other in (table)
      if (other[1..$ - 1] == row)
        return other[$];
      endif
    endfor
    return {};
  endverb

  verb usage_columns (this none this) owner: LIBRARIAN flags: "rxd"
    "usage_columns(KIND, USED, SECONDS): share of the processor; of players ticks a second, of verbs the share of the verb itself, in whatever task; and the longest slice.";
    {kind, used, seconds} = args;
    us = tofloat(seconds) * 1000000.0;
    columns = {{this:percent($list_utils:fact(used, "cpu_us"), us), 7}};
    if (kind == "players")
      columns = {@columns, {this:short_number(tofloat($list_utils:fact(used, "ticks")) / max(1.0, tofloat(seconds))), 9}};
    else
      columns = {@columns, {this:percent($list_utils:fact(used, "self_us"), us), 10}};
    endif
    columns = {@columns, {this:duration($list_utils:fact(used, "worst_slice_us")), 9}};
    text = "";
    for column in (columns)
      text = text + $string_utils:right(@column);
    endfor
    return text;
  endverb

  verb slow_lines (this none this) owner: WIZARD flags: "rxd"
    "slow_lines([N]): the N (5) slowest slices of the last hour, and where they were when they were looked at. Wizards see all, others their own.";
    set_task_perms(caller_perms());
    {?n = 5} = args;
    lines = {};
    for slice in (slow_slices())
      if ((n = n - 1) < 0)
        break;
      endif
      stack = $list_utils:fact(slice, "stack");
      who = $list_utils:fact(slice, "payer");
      began = this:verb_name($list_utils:fact(slice, "object"), $list_utils:fact(slice, "verb"));
      rows = {tostr(ctime($list_utils:fact(slice, "time"))[12..19], $string_utils:right(this:duration($list_utils:fact(slice, "us")), 9), "  ", valid(who) ? $string_utils:nn(who) | "the server", ": ", began, ", ", $list_utils:fact(slice, "end"))};
      if (stack && stack[1][6])
        rows = {@rows, tostr("                     was in ", this:verb_name(stack[1][4], stack[1][2]), ", line ", stack[1][6])};
      endif
      for row in (rows)
        lines = {@lines, length(row) > 80 ? row[1..77] + "..." | row};
      endfor
    endfor
    return lines;
  endverb

  // ---- tasks

  verb shortened (this none this) owner: LIBRARIAN flags: "rxd"
    "shortened(ROWS): no more of them than fit on a screen or some, and a line about the rest.";
    {rows} = args;
    more = length(rows) - this.most_rows;
    return more > 0 ? {rows[1..this.most_rows], {tostr("... and ", more, " more.  `@tasks PLAYER' lists those of one player.")}} | {rows, {}};
  endverb

  verb place_of (this none this) owner: LIBRARIAN flags: "rxd"
    "place_of(ROW): \"#3:look (5) [#12]\" for a row of queued_tasks().";
    {id, start, x, ticks, owner, definer, names, line, what, @rest} = args[1];
    return tostr(definer, ":", names, " (", line, ")", what == definer ? "" | tostr(" [", what, "]"));
  endverb

  verb task_lines (this none this) owner: WIZARD flags: "rxd"
    "task_lines(ROWS): rows of queued_tasks() as a table with what each is doing and has used.";
    set_task_perms(caller_perms());
    {rows} = args;
    if (!rows)
      return {"No tasks."};
    endif
    lines = {"Task ID     State             CPU    Slices  Owner         Verb (Line) [This]", "-------     -----             ---    ------  -----         ------------------"};
    {rows, more} = this:shortened(rows);
    for row in (rows)
      $command_utils:suspend_if_needed(0);
      if (stats = `task_stats(row[1]) ! E_INVARG => 0')
        cost = $string_utils:right(this:duration($list_utils:fact(stats, "cpu_us")), 9) + $string_utils:right($list_utils:fact(stats, "slices"), 10);
        lines = {@lines, tostr($string_utils:left(row[1], 12), $string_utils:left(this:state_of(row, stats), 12), cost, "  ", $string_utils:left(valid(row[5]) ? row[5].name | row[5], -13), " ", this:place_of(row))};
      endif
    endfor
    return {@lines, @more};
  endverb

  verb state_of (this none this) owner: LIBRARIAN flags: "rxd"
    "state_of(ROW, FACTS): \"ready\", \"sleeps 5 m\", \"reading\" and the like.";
    {row, stats} = args;
    state = $list_utils:fact(stats, "state");
    if (state != "sleeping")
      return state;
    endif
    left = max(0, toint(row[2]) - time());
    return "sleeps " + $time_utils:short(left < 120 ? left | (left + 30) / 60 * 60);
  endverb

  verb forked_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "forked_lines(ROWS): rows of queued_tasks() as a table with start and size.";
    {rows} = args;
    if (!rows)
      return {"No tasks."};
    endif
    lines = {"Queue ID    Start Time            Owner         {Size} Verb (Line) [This]", "--------    ----------            -----         -----------------"};
    {rows, more} = this:shortened(rows);
    for row in (rows)
      $command_utils:suspend_if_needed(0);
      start = row[2];
      if (typeof(start) == INT)
        start = start < 0 ? "reads a line" | (start > time() + 1000000000 ? "when resumed" | ctime(start)[5..24]);
      endif
      size = tostr("{", $string_utils:right((row[10] + 1023) / 1024, 3), "K}");
      lines = {@lines, tostr($string_utils:left(row[1], 12), $string_utils:left(start, 22), $string_utils:left(valid(row[5]) ? row[5].name | row[5], -13), " ", size, " ", this:place_of(row))};
    endfor
    return {@lines, @more};
  endverb

  // ---- profiles

  verb profile_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "profile_lines(LINES): verb_profile(\"flame\"), \"#3:a;#4:b 3000\" each, as a table: time in each verb itself, and in it with all that it called.";
    {folded} = args;
    names = selfs = totals = {};
    all = 0;
    for line in (folded)
      $command_utils:suspend_if_needed(0);
      at = rindex(line, " ");
      us = toint(line[at + 1..$]);
      frames = $string_utils:explode(line[1..at - 1], ";");
      all = all + us;
      for frame in ($list_utils:remove_duplicates(frames))
        if (!(i = frame in names))
          names = {@names, frame};
          selfs = {@selfs, 0};
          totals = {@totals, 0};
          i = length(names);
        endif
        totals[i] = totals[i] + us;
        if (frame == frames[$])
          selfs[i] = selfs[i] + us;
        endif
      endfor
    endfor
    if (!all)
      return {};
    endif
    lines = {tostr("Seen at work: ", this:duration(all), "."), " itself %     total %  verb"};
    order = $list_utils:reverse($list_utils:sort($list_utils:range(length(names)), selfs));
    for i in (order[1..min(20, $)])
      $command_utils:suspend_if_needed(0);
      lines = {@lines, tostr($string_utils:right(this:percent(selfs[i], all), 9), $string_utils:right(this:percent(totals[i], all), 12), "  ", this:frame_name(names[i]))};
    endfor
    return lines;
  endverb

  verb frame_name (this none this) owner: LIBRARIAN flags: "rxd"
    "frame_name(\"#3:look\"): \"#3:look (generic room)\".";
    {frame} = args;
    at = index(frame, ":");
    what = at > 2 && frame[1] == "#" ? toobj(frame[1..at - 1]) | #-1;
    return valid(what) ? tostr(frame, " (", what.name, ")") | frame;
  endverb
endobject
