// $string_utils: taking strings apart, putting them together, finding objects by them.
object STRING_UTILS
  name: "string utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "explode(TEXT [, SEPARATOR])     the pieces between separators (a blank), empty ones dropped",
    "words(TEXT)                     the words as a command line has them: \"...\" holds together",
    "from_list(LIST [, SEPARATOR])   all elements as one string",
    "english_list(LIST [, NOTHING])  \"a, b and c\"",
    "capitalize uppercase lowercase trim triml trimr",
    "left right center(TEXT, WIDTH [, FILL])  space(N [, FILL])  columnize(LIST, COLUMNS [, WIDTH])",
    "is_integer is_numeric(TEXT)",
    "to_value(TEXT)                  {1, value} of a literal, or {0, what is wrong}",
    "match(TEXT, OBJECTS)            the object called so, exactly or by a beginning, or $failed_match, $ambiguous_match",
    "match(TEXT, LIST, PROPERTY...)  likewise by the named properties, in pairs",
    "match_object(TEXT, PLACE [, WHO])  what WHO means by it there: me, here, #12, $thing, names",
    "match_player(TEXT)              a player by name or its beginning;  match_player_exactly(TEXT)",
    "nn(OBJECT)  name_and_number     \"brass lamp (#12)\"",
    "pronoun_sub(TEXT [, WHO [, THING [, PLACE]]])  %n name of WHO, %t of THING, %l of PLACE; %s they, %o them, %p their; %N %T ... capital; %% a percent sign"
  };

  override aliases = {"string utilities"};
  override description = "Verbs about strings.  `help $string_utils' lists them.";
  override import_export_id = "string_utils";

  verb explode (this none this) owner: LIBRARIAN flags: "rxd"
    "explode(TEXT [, SEPARATOR]): the pieces of TEXT between separators, without empty ones.";
    {text, ?separator = " "} = args;
    pieces = {};
    n = length(separator);
    while (at = index(text, separator))
      if (at > 1)
        pieces = {@pieces, text[1..at - 1]};
      endif
      text = text[at + n..$];
    endwhile
    return text ? {@pieces, text} | pieces;
  endverb

  verb words (this none this) owner: LIBRARIAN flags: "rxd"
    "words(TEXT): the words of a command line: quotes hold together, a backslash takes the next character as it is.";
    {text} = args;
    words = {};
    word = "";
    begun = quoted = i = 0;
    n = length(text);
    while ((i = i + 1) <= n)
      c = text[i];
      if (c == "\"")
        quoted = !quoted;
        begun = 1;
      elseif (c == "\\" && i < n)
        word = word + text[i = i + 1];
        begun = 1;
      elseif (c == " " && !quoted)
        if (begun)
          words = {@words, word};
        endif
        word = "";
        begun = 0;
      else
        word = word + c;
        begun = 1;
      endif
    endwhile
    return begun ? {@words, word} | words;
  endverb

  verb from_list (this none this) owner: LIBRARIAN flags: "rxd"
    "from_list(LIST [, SEPARATOR]): all elements as one string.";
    {items, ?separator = ""} = args;
    if (!items)
      return "";
    endif
    text = tostr(items[1]);
    for x in (items[2..$])
      text = text + separator + tostr(x);
    endfor
    return text;
  endverb

  verb english_list (this none this) owner: LIBRARIAN flags: "rxd"
    "english_list(LIST [, NOTHING [, AND [, SEPARATOR]]]): \"a, b and c\".";
    {items, ?nothing = "nothing", ?and_word = " and ", ?separator = ", "} = args;
    n = length(items);
    if (n == 0)
      return nothing;
    elseif (n == 1)
      return tostr(items[1]);
    endif
    return this:from_list(items[1..n - 1], separator) + and_word + tostr(items[n]);
  endverb

  verb "capitalize cap" (this none this) owner: LIBRARIAN flags: "rxd"
    "capitalize(TEXT): with a capital first letter.";
    text = args[1];
    return text ? this:uppercase(text[1]) + text[2..$] | text;
  endverb

  verb "uppercase lowercase" (this none this) owner: LIBRARIAN flags: "rxd"
    "uppercase(TEXT), lowercase(TEXT): A to Z.";
    text = args[1];
    upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    lower = "abcdefghijklmnopqrstuvwxyz";
    {from, to} = verb == "uppercase" ? {lower, upper} | {upper, lower};
    for i in [1..26]
      text = strsub(text, from[i], to[i], 1);
    endfor
    return text;
  endverb

  verb "triml trimr trim" (this none this) owner: LIBRARIAN flags: "rxd"
    "trim(TEXT): without blanks at its ends; triml, trimr: at one of them.";
    text = args[1];
    if (verb != "trimr")
      first = match(text, "[^ ]");
      text = first ? text[first[1]..$] | "";
    endif
    if (verb != "triml")
      last = rmatch(text, "[^ ]");
      text = last ? text[1..last[2]] | "";
    endif
    return text;
  endverb

  verb space (this none this) owner: LIBRARIAN flags: "rxd"
    "space(N [, FILL]): N blanks, or FILL again and again to that length.";
    {n, ?fill = " "} = args;
    if (typeof(n) == STR)
      n = length(n);
    endif
    if (n <= 0 || !fill)
      return "";
    endif
    text = fill;
    while (length(text) < n)
      text = text + text;
    endwhile
    return text[1..n];
  endverb

  verb "left right center centre" (this none this) owner: LIBRARIAN flags: "rxd"
    "left(TEXT, WIDTH [, FILL]): TEXT and fill to that width; right, center likewise. A negative width cuts what is longer.";
    {text, width, ?fill = " "} = args;
    text = tostr(text);
    missing = abs(width) - length(text);
    if (missing <= 0)
      return width < 0 ? text[1..-width] | text;
    elseif (verb == "left")
      return text + this:space(missing, fill);
    elseif (verb == "right")
      return this:space(missing, fill) + text;
    endif
    return this:space(missing / 2, fill) + text + this:space(missing - missing / 2, fill);
  endverb

  verb columnize (this none this) owner: LIBRARIAN flags: "rxd"
    "columnize(LIST, COLUMNS [, WIDTH]): lines that show LIST in columns, read downward.";
    {items, columns, ?width = 79} = args;
    rows = (length(items) + columns - 1) / columns;
    size = width / columns;
    lines = {};
    for row in [1..rows]
      line = "";
      for column in [0..columns - 1]
        at = column * rows + row;
        if (at <= length(items))
          line = this:left(line, column * size) + tostr(items[at]);
        endif
      endfor
      lines = {@lines, line};
    endfor
    return lines;
  endverb

  verb is_integer (this none this) owner: LIBRARIAN flags: "rxd"
    "is_integer(TEXT): whether it is a whole number.";
    return match(args[1], "^ *[-+]?[0-9]+ *$") ? 1 | 0;
  endverb

  verb "is_numeric is_float" (this none this) owner: LIBRARIAN flags: "rxd"
    "is_numeric(TEXT): whether it is a number.";
    return match(args[1], "^ *[-+]?%([0-9]+%.?[0-9]*%|%.[0-9]+%)%(e[-+]?[0-9]+%)? *$") ? 1 | 0;
  endverb

  verb "nn name_and_number" (this none this) owner: LIBRARIAN flags: "rxd"
    "nn(OBJECT): \"name (#number)\".";
    {o} = args;
    if (valid(o))
      return tostr(o.name, " (", o, ")");
    endif
    names = {"nothing", "ambiguous match", "failed match"};
    return o in {#-1, #-2, #-3} ? tostr("<", names[-toint(o)], "> (", o, ")") | tostr("<recycled> (", o, ")");
  endverb

  verb literal_object (this none this) owner: LIBRARIAN flags: "rxd"
    "literal_object(TEXT): the object that #NUMBER or $NAME is, else $failed_match.";
    {text} = args;
    if (match(text, "^#-?[0-9]+$"))
      return toobj(text);
    elseif (match(text, "^%$[a-z_][a-z0-9_.]*$"))
      o = #0;
      for name in (this:explode(text[2..$], "."))
        o = `o.(name) ! ANY => $failed_match';
        if (typeof(o) != OBJ)
          return $failed_match;
        endif
      endfor
      return o;
    endif
    return $failed_match;
  endverb

  verb match (this none this) owner: LIBRARIAN flags: "rxd"
    "match(TEXT, OBJECTS): by name and aliases. match(TEXT, LIST, PROPERTY, ...): by these properties, strings or lists of them.";
    {text, @pairs} = args;
    if (length(pairs) == 1)
      pairs = {pairs[1], "name", pairs[1], "aliases"};
    endif
    if (!text)
      return $nothing;
    endif
    exact = partial = {};
    while (length(pairs) >= 2)
      {objects, property, @pairs} = pairs;
      for o in (objects)
        names = valid(o) ? `o.(property) ! ANY => {}' | {};
        for name in (typeof(names) == LIST ? names | {names})
          if (typeof(name) != STR)
            "Not a name.";
          elseif (name == text)
            exact = setadd(exact, o);
          elseif (index(name, text) == 1)
            partial = setadd(partial, o);
          endif
        endfor
      endfor
    endwhile
    found = exact || partial;
    return found ? length(found) == 1 ? found[1] | $ambiguous_match | $failed_match;
  endverb

  verb match_object (this none this) owner: LIBRARIAN flags: "rxd"
    "match_object(TEXT, PLACE [, WHO]): what WHO (the player) means by TEXT in PLACE.";
    {text, ?place = player.location, ?who = player} = args;
    return $match_utils:match_object(text, place, who);
  endverb

  verb match_player (this none this) owner: LIBRARIAN flags: "rxd"
    "match_player(TEXT): a player by name, alias, number, `me', or a beginning of a name; or $failed_match, $ambiguous_match.";
    {text, ?who = player} = args;
    if (typeof(text) == LIST)
      return $list_utils:map_arg(this, "match_player", text);
    elseif (text == "me")
      return who;
    elseif (text && text[1] in {"#", "$"})
      o = this:literal_object(text);
      return valid(o) && is_player(o) ? o | $failed_match;
    endif
    return this:match(text, players());
  endverb

  verb match_player_exactly (this none this) owner: LIBRARIAN flags: "rxd"
    "match_player_exactly(TEXT): the player with just this name or alias, names first; or $failed_match.";
    {text} = args;
    everybody = players();
    for who in (everybody)
      if (who.name == text)
        return who;
      endif
    endfor
    for who in (everybody)
      if (text in `who.aliases ! ANY => {}')
        return who;
      endif
    endfor
    return $failed_match;
  endverb

  verb pronoun_sub (this none this) owner: LIBRARIAN flags: "rxd"
    "pronoun_sub(TEXT [, WHO [, THING [, PLACE]]]): TEXT, a string or list of them, with %n and so on replaced.";
    {text, ?who = player, ?thing = caller, ?place = #-1} = args;
    if (typeof(text) == LIST)
      lines = {};
      for line in (text)
        lines = {@lines, this:pronoun_sub(line, who, thing, place)};
      endfor
      return lines;
    endif
    if (!index(text, "%"))
      return text;
    endif
    place = valid(place) ? place | (valid(who) ? who.location | #-1);
    values = {};
    for o in ({who, thing, place, dobj, iobj})
      values = {@values, valid(o) ? `o:title() ! ANY => o.name' | "nothing"};
    endfor
    values = {@values, "they", "them", "their", "%"};
    result = "";
    while (at = index(text, "%"))
      result = result + text[1..at - 1];
      letter = at < length(text) ? text[at + 1] | "";
      code = letter ? index("ntldisop%", letter) | 0;
      if (!code)
        result = result + "%" + letter;
      else
        value = values[code];
        result = result + (strcmp(letter, "Z") <= 0 && letter != "%" ? this:capitalize(value) | value);
      endif
      text = text[at + 1 + length(letter)..$];
    endwhile
    return result + text;
  endverb

  verb print (this none this) owner: LIBRARIAN flags: "rxd"
    "print(VALUE): as a literal.";
    return toliteral(args[1]);
  endverb

  verb to_value (this none this) owner: LIBRARIAN flags: "rxd"
    "to_value(TEXT): {1, value} of the literal that TEXT is, or {0, what is wrong}.";
    parsed = this:prefix_to_value(args[1]);
    if (parsed[1] && this:trim(parsed[3]))
      return {0, "There is more behind the value: " + this:trim(parsed[3])};
    endif
    return parsed[1] ? parsed[1..2] | parsed;
  endverb

  verb prefix_to_value (this none this) owner: LIBRARIAN flags: "rxd"
    "prefix_to_value(TEXT): {1, value, rest} of the literal that TEXT begins with, or {0, what is wrong}.";
    text = this:triml(args[1]);
    if (!text)
      return {0, "There is no value."};
    elseif (text[1] == "{")
      return this:prefix_to_list(text[2..$]);
    elseif (text[1] == "\"")
      return this:prefix_to_string(text[2..$]);
    elseif (found = match(text, "^#-?[0-9]+"))
      return {1, toobj(text[1..found[2]]), text[found[2] + 1..$]};
    elseif (found = match(text, "^-?%([0-9]+%.?[0-9]*%|%.[0-9]+%)%(e[-+]?[0-9]+%)?"))
      number = text[1..found[2]];
      value = match(number, "[.e]") ? `tofloat(number) ! ANY => E_INVARG' | toint(number);
      return typeof(value) == ERR ? {0, "That number is too large: " + number} | {1, value, text[found[2] + 1..$]};
    elseif (found = match(text, "^E_[a-z]+"))
      for e in ({E_NONE, E_TYPE, E_DIV, E_PERM, E_PROPNF, E_VERBNF, E_VARNF, E_INVIND, E_RECMOVE, E_MAXREC, E_RANGE, E_ARGS, E_NACC, E_INVARG, E_QUOTA, E_FLOAT})
        if (toliteral(e) == text[1..found[2]])
          return {1, e, text[found[2] + 1..$]};
        endif
      endfor
    elseif (found = match(text, "^%$[a-z_][a-z0-9_]*"))
      o = this:literal_object(text[1..found[2]]);
      if (o != $failed_match)
        return {1, o, text[found[2] + 1..$]};
      endif
    endif
    return {0, "That is not a value: " + text};
  endverb

  verb prefix_to_string (this none this) owner: LIBRARIAN flags: "rxd"
    "The string whose opening quote has been read.";
    {text} = args;
    value = "";
    while (found = match(text, "[\"\\]"))
      at = found[1];
      value = value + text[1..at - 1];
      if (text[at] == "\"")
        return {1, value, text[at + 1..$]};
      elseif (at == length(text))
        break;
      endif
      value = value + text[at + 1];
      text = text[at + 2..$];
    endwhile
    return {0, "A string has no closing quote."};
  endverb

  verb prefix_to_list (this none this) owner: LIBRARIAN flags: "rxd"
    "The list whose opening brace has been read.";
    text = this:triml(args[1]);
    items = {};
    if (text && text[1] == "}")
      return {1, items, text[2..$]};
    endif
    while (1)
      parsed = this:prefix_to_value(text);
      if (!parsed[1])
        return parsed;
      endif
      items = {@items, parsed[2]};
      text = this:triml(parsed[3]);
      if (!text || !(text[1] in {",", "}"}))
        return {0, "A list has no closing brace."};
      endif
      more = text[1] == ",";
      text = text[2..$];
      if (!more)
        return {1, items, text};
      endif
    endwhile
  endverb
endobject
