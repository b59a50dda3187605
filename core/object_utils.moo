// $object_utils: questions about objects.
object OBJECT_UTILS
  name: "object utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "isa(OBJECT, ANCESTOR)  ancestors(OBJECT)  descendants(OBJECT)",
    "has_property(OBJECT, NAME)  all_properties(OBJECT)",
    "has_verb(OBJECT, NAME)          {who defines it}, or 0;  has_callable_verb: with x;  all_verbs(OBJECT)",
    "contains(OBJECT, WHAT)  locations(OBJECT)  connected(PLAYER)"
  };

  override aliases = {"object utilities"};
  override description = "Verbs about objects.  `help $object_utils' lists them.";
  override import_export_id = "object_utils";

  verb isa (this none this) owner: LIBRARIAN flags: "rxd"
    "isa(OBJECT, ANCESTOR): whether it is that object or descends from it.";
    {o, ancestor} = args;
    while (valid(o))
      if (o == ancestor)
        return 1;
      endif
      o = parent(o);
    endwhile
    return 0;
  endverb

  verb ancestors (this none this) owner: LIBRARIAN flags: "rxd"
    "ancestors(OBJECT): parent, its parent, and so on.";
    {o} = args;
    items = {};
    while (valid(o = parent(o)))
      items = {@items, o};
    endwhile
    return items;
  endverb

  verb descendants (this none this) owner: LIBRARIAN flags: "rxd"
    "descendants(OBJECT): children, then theirs.";
    items = children(args[1]);
    i = 0;
    while ((i = i + 1) <= length(items))
      items = {@items, @children(items[i])};
      $command_utils:suspend_if_needed(0);
    endwhile
    return items;
  endverb

  verb has_property (this none this) owner: LIBRARIAN flags: "rxd"
    "has_property(OBJECT, NAME): whether there is one, built in or defined.";
    {o, name} = args;
    try
      o.(name);
    except (E_PROPNF, E_INVIND, E_TYPE)
      return 0;
    except (E_PERM)
      return 1;
    endtry
    return 1;
  endverb

  verb "has_verb has_callable_verb" (this none this) owner: LIBRARIAN flags: "rxd"
    "has_verb(OBJECT, NAME): {the object that defines it}, or 0. has_callable_verb: one that programs may call.";
    {o, name} = args;
    while (valid(o))
      info = `verb_info(o, name) ! ANY';
      if (info == E_PERM || (typeof(info) == LIST && (verb == "has_verb" || index(info[2], "x"))))
        return {o};
      endif
      o = parent(o);
    endwhile
    return 0;
  endverb

  verb all_properties (this none this) owner: WIZARD flags: "rxd"
    "all_properties(OBJECT): the names of all that you may read.";
    set_task_perms(caller_perms());
    {o} = args;
    items = {};
    while (valid(o))
      items = {@`properties(o) ! E_PERM => {}', @items};
      o = parent(o);
    endwhile
    return items;
  endverb

  verb all_verbs (this none this) owner: WIZARD flags: "rxd"
    "all_verbs(OBJECT): the names of all, its own first.";
    set_task_perms(caller_perms());
    {o} = args;
    items = {};
    while (valid(o))
      items = {@items, @`verbs(o) ! E_PERM => {}'};
      o = parent(o);
    endwhile
    return items;
  endverb

  verb contains (this none this) owner: LIBRARIAN flags: "rxd"
    "contains(OBJECT, WHAT): whether WHAT is in it, or in something in it.";
    {o, what} = args;
    return o in this:locations(what) ? 1 | 0;
  endverb

  verb locations (this none this) owner: LIBRARIAN flags: "rxd"
    "locations(OBJECT): where it is, where that is, and so on.";
    {o} = args;
    items = {};
    while (valid(o) && valid(o = o.location))
      items = {@items, o};
    endwhile
    return items;
  endverb

  verb connected (this none this) owner: LIBRARIAN flags: "rxd"
    "connected(PLAYER): whether somebody is connected as that.";
    return args[1] in connected_players() ? 1 | 0;
  endverb

  verb system_objects (this none this) owner: LIBRARIAN flags: "rxd"
    "The objects that have a $name.";
    items = {};
    for name in (properties(#0))
      o = `#0.(name) ! ANY => 0';
      if (typeof(o) == OBJ && valid(o))
        items = setadd(items, o);
      endif
    endfor
    return items;
  endverb
endobject
