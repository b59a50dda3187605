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
    "remove_duplicates(LIST)  remove_all(LIST, X)  count(X, LIST)",
    "union(LISTS...)  intersection(A, B)  difference(A, B)"
  };

  override aliases = {"list utilities"};
  override description = "Verbs about lists.  `help $list_utils' lists them.";
  override import_export_id = "list_utils";

  verb make (this none this) owner: LIBRARIAN flags: "rxd"
    "make(N [, X]): a list of N times X (0).";
    {n, ?x = 0} = args;
    list = {};
    for i in [1..n]
      list = {@list, x};
    endfor
    return list;
  endverb

  verb range (this none this) owner: LIBRARIAN flags: "rxd"
    "range([M,] N): {M, M + 1, ..., N}; M is 1.";
    {m, ?n = E_NONE} = args;
    if (n == E_NONE)
      n = m;
      m = 1;
    endif
    list = {};
    for i in [m..n]
      list = {@list, i};
    endfor
    return list;
  endverb

  verb map_prop (this none this) owner: WIZARD flags: "rxd"
    "map_prop(OBJECTS, PROPERTY): its value on each.";
    set_task_perms(caller_perms());
    {objects, name} = args;
    list = {};
    for o in (objects)
      list = {@list, o.(name)};
    endfor
    return list;
  endverb

  verb map_verb (this none this) owner: WIZARD flags: "rxd"
    "map_verb(OBJECTS, VERB [, ARGS...]): what it returns on each.";
    set_task_perms(caller_perms());
    {objects, name, @rest} = args;
    list = {};
    for o in (objects)
      list = {@list, o:(name)(@rest)};
    endfor
    return list;
  endverb

  verb map_arg (this none this) owner: WIZARD flags: "rxd"
    "map_arg(OBJECT, VERB, LIST): what OBJECT:VERB(x) returns for each x of LIST.";
    set_task_perms(caller_perms());
    {object, name, items} = args;
    list = {};
    for x in (items)
      list = {@list, object:(name)(x)};
    endfor
    return list;
  endverb

  verb reverse (this none this) owner: LIBRARIAN flags: "rxd"
    "reverse(LIST): from behind.";
    {list} = args;
    result = {};
    for i in [1..n = length(list)]
      result = {@result, list[n + 1 - i]};
    endfor
    return result;
  endverb

  verb sort (this none this) owner: LIBRARIAN flags: "rxd"
    "sort(LIST [, KEYS]): in order of its elements, or of the keys at the same places. Equal ones keep their order.";
    {list, ?keys = list} = args;
    n = length(list);
    if (n < 2)
      return list;
    endif
    half = n / 2;
    a = this:sort(list[1..half], keys[1..half]);
    ak = keys == list ? a | this:sort(keys[1..half]);
    b = this:sort(list[half + 1..n], keys[half + 1..n]);
    bk = keys == list ? b | this:sort(keys[half + 1..n]);
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

  verb slice (this none this) owner: LIBRARIAN flags: "rxd"
    "slice(LIST [, I]): the I-th element (the first) of each element.";
    {list, ?i = 1} = args;
    result = {};
    for x in (list)
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
    for list in (args)
      result = {@result, @list};
    endfor
    return result;
  endverb

  verb "assoc iassoc" (this none this) owner: LIBRARIAN flags: "rxd"
    "assoc(X, LIST [, I]): the element whose I-th element is X, or {}. iassoc: its place, or 0.";
    {x, list, ?at = 1} = args;
    for i in [1..length(list)]
      row = list[i];
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
    {list, x} = args;
    while (x in list)
      list = setremove(list, x);
    endwhile
    return list;
  endverb

  verb count (this none this) owner: LIBRARIAN flags: "rxd"
    "count(X, LIST): how often X is in it.";
    {x, list} = args;
    n = 0;
    for y in (list)
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
