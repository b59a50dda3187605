// $time_utils: time in words.
object TIME_UTILS
  name: "time utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "english_time(SECONDS)           \"2 hours and 5 minutes\"",
    "dhms(SECONDS)                   \"1:02:03\"",
    "short(SECONDS)                  \"5 m\""
  };

  override aliases = {"time utilities"};
  override description = "Verbs about time.  `help $time_utils' lists them.";
  override import_export_id = "time_utils";

  verb english_time (this none this) owner: LIBRARIAN flags: "rxd"
    "english_time(SECONDS): the two largest units in words.";
    {left} = args;
    parts = {};
    for unit in ({{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}})
      n = left / unit[1];
      left = left % unit[1];
      if (n && length(parts) < 2)
        parts = {@parts, tostr(n, " ", unit[2], n == 1 ? "" | "s")};
      endif
    endfor
    return $string_utils:english_list(parts, "0 seconds");
  endverb

  verb dhms (this none this) owner: LIBRARIAN flags: "rxd"
    "dhms(SECONDS): days, hours, minutes, seconds with colons.";
    {left} = args;
    if (left < 0)
      return "-" + this:dhms(-left);
    endif
    text = "";
    for unit in ({86400, 3600, 60, 1})
      n = left / unit;
      left = left % unit;
      if (text || n || unit <= 60)
        text = text + (text ? ":" + (n < 10 ? "0" | "") | "") + tostr(n);
      endif
    endfor
    return text;
  endverb

  verb short (this none this) owner: LIBRARIAN flags: "rxd"
    "short(SECONDS): in its largest unit.";
    {n} = args;
    if (n < 60)
      return tostr(n, " s");
    elseif (n < 3600)
      return tostr(n / 60, " m");
    endif
    return n < 86400 ? tostr(n / 3600, " h") | tostr(n / 86400, " d");
  endverb
endobject
