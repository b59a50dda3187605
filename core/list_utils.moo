// $list_utils: work on lists.
object LIST_UTILS
  name: "list utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "make(N [, X])  range([M,] N)",
    "map_prop(OBJECTS, PROPERTY)  map_verb(OBJECTS, VERB [, ARGS...])  map_arg(OBJECT, VERB, LIST)",
    "reverse(LIST)  sort(LIST [, KEYS])  slice(LIST [, I])  flatten(LIST)  append(LISTS...)",
    "assoc(X, LIST [, I])            the element whose I-th element (the first) is X, or {};  iassoc: its place, or 0",
    "fact(FACTS, NAME...)            what built-in functions tell by name: FACTS is a map, or a list of {name, value}; several names: fact of a fact",
    "remove_duplicates(LIST)  remove_all(LIST, X)  count(X, LIST)",
    "union(LISTS...)  intersection(A, B)  difference(A, B)"
  };

  override aliases = {"list utilities"};
  override description = "Verbs about lists.  `help $list_utils' lists them.";
  override import_export_id = "list_utils";

  verb make (this none this) owner: LIBRARIAN flags: "rxd"
    "make(N [, X]): a list of N times X (0).";
    {n, ?x = 0} = args;
    items = {};
    for i in [1..n]
      items = {@items, x};
    endfor
    return items;
  endverb

  verb range (this none this) owner: LIBRARIAN flags: "rxd"
    "range([M,] N): {M, M + 1, ..., N}; M is 1.";
    {m, ?n = E_NONE} = args;
    if (n == E_NONE)
      n = m;
      m = 1;
    endif
    items = {};
    for i in [m..n]
      items = {@items, i};
    endfor
    return items;
  endverb

  verb map_prop (this none this) owner: WIZARD flags: "rxd"
    "map_prop(OBJECTS, PROPERTY): its value on each.";
    set_task_perms(caller_perms());
    {objects, name} = args;
    items = {};
    for o in (objects)
      items = {@items, o.(name)};
    endfor
    return items;
  endverb

  verb map_verb (this none this) owner: WIZARD flags: "rxd"
    "map_verb(OBJECTS, VERB [, ARGS...]): what it returns on each.";
    set_task_perms(caller_perms());
    {objects, name, @rest} = args;
    items = {};
    for o in (objects)
      items = {@items, o:(name)(@rest)};
    endfor
    return items;
  endverb

  verb map_arg (this none this) owner: WIZARD flags: "rxd"
    "map_arg(OBJECT, VERB, LIST): what OBJECT:VERB(x) returns for each x of LIST.";
    set_task_perms(caller_perms());
    {object, name, items} = args;
    result = {};
    for x in (items)
      result = {@result, object:(name)(x)};
    endfor
    return result;
  endverb

  verb reverse (this none this) owner: LIBRARIAN flags: "rxd"
    "reverse(LIST): from behind.";
    {items} = args;
    result = {};
    for i in [1..n = length(items)]
      result = {@result, items[n + 1 - i]};
    endfor
    return result;
  endverb

  verb sort (this none this) owner: LIBRARIAN flags: "rxd"
    "sort(LIST [, KEYS]): in order of its elements, or of the keys at the same places. Equal ones keep their order.";
    {items, ?keys = items} = args;
    n = length(items);
    if (n < 2)
      return items;
    endif
    half = n / 2;
    a = this:sort(items[1..half], keys[1..half]);
    ak = keys == items ? a | this:sort(keys[1..half]);
    b = this:sort(items[half + 1..n], keys[half + 1..n]);
    bk = keys == items ? b | this:sort(keys[half + 1..n]);
    result = {};
    i = j = 1;
    while (i <= half && j <= n - half)
      if (bk[j] < ak[i])
        result = {@result, b[j]};
        j = j + 1;
      else
        result = {@result, a[i]};
        i = i + 1;
      endif
    endwhile
    return {@result, @a[i..$], @b[j..$]};
  endverb

  verb fact (this none this) owner: LIBRARIAN flags: "rxd"
    "fact(FACTS, NAME...): what is called NAME in FACTS, which is a map, or, in worlds without them, a list of {name, value}; 0 if it is not there. With several names: in that again.";
    {facts, @names} = args;
    for name in (names)
      if (typeof(facts) == LIST)
        pair = this:assoc(name, facts);
        facts = pair ? pair[2] | 0;
      else
        facts = `facts[name] ! ANY => 0';
      endif
    endfor
    return facts;
  endverb

  verb slice (this none this) owner: LIBRARIAN flags: "rxd"
    "slice(LIST [, I]): the I-th element (the first) of each element.";
    {items, ?i = 1} = args;
    result = {};
    for x in (items)
      result = {@result, x[i]};
    endfor
    return result;
  endverb

  verb flatten (this none this) owner: LIBRARIAN flags: "rxd"
    "flatten(LIST): with the elements of its lists, and of theirs, in their places.";
    result = {};
    for x in (args[1])
      result = typeof(x) == LIST ? {@result, @this:flatten(x)} | {@result, x};
    endfor
    return result;
  endverb

  verb "append" (this none this) owner: LIBRARIAN flags: "rxd"
    "append(LISTS...): one behind the other.";
    result = {};
    for items in (args)
      result = {@result, @items};
    endfor
    return result;
  endverb

  verb "assoc iassoc" (this none this) owner: LIBRARIAN flags: "rxd"
    "assoc(X, LIST [, I]): the element whose I-th element is X, or {}. iassoc: its place, or 0.";
    {x, items, ?at = 1} = args;
    for i in [1..length(items)]
      row = items[i];
      if (typeof(row) == LIST && length(row) >= at && row[at] == x)
        return verb == "assoc" ? row | i;
      endif
    endfor
    return verb == "assoc" ? {} | 0;
  endverb

  verb remove_duplicates (this none this) owner: LIBRARIAN flags: "rxd"
    "remove_duplicates(LIST): each element once.";
    result = {};
    for x in (args[1])
      result = setadd(result, x);
    endfor
    return result;
  endverb

  verb "remove_all setremove_all" (this none this) owner: LIBRARIAN flags: "rxd"
    "remove_all(LIST, X): without any X.";
    {items, x} = args;
    while (x in items)
      items = setremove(items, x);
    endwhile
    return items;
  endverb

  verb count (this none this) owner: LIBRARIAN flags: "rxd"
    "count(X, LIST): how often X is in it.";
    {x, items} = args;
    n = 0;
    for y in (items)
      n = n + (x == y);
    endfor
    return n;
  endverb

  verb union (this none this) owner: LIBRARIAN flags: "rxd"
    "union(LISTS...): what is in any of them, once.";
    return this:remove_duplicates(this:append(@args));
  endverb

  verb "intersection difference" (this none this) owner: LIBRARIAN flags: "rxd"
    "intersection(A, B): what is in both; difference(A, B): what is in A only.";
    {a, b} = args;
    result = {};
    for x in (a)
      if ((x in b ? 1 | 0) == (verb == "intersection"))
        result = setadd(result, x);
      endif
    endfor
    return result;
  endverb
endobject
