// $note: something to read and to write on.
object NOTE
  name: "generic note"
  parent: THING
  owner: WIZARD
  fertile: true
  readable: true

  property text (owner: WIZARD, flags: "rc") = {};

  override aliases = {"generic note"};
  override import_export_id = "note";

  verb "r*ead" (this none none) owner: LIBRARIAN flags: "rxd"
    "read NOTE";
    "Shows what is written on it.";
    player:tell_lines(this.text ? this.text | {"There is nothing on it."});
  endverb

  verb set_text (this none this) owner: WIZARD flags: "rxd"
    "this:set_text(LINES): for whoever controls the note.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    elseif (typeof(args[1]) != LIST)
      return E_TYPE;
    endif
    this.text = args[1];
    return 1;
  endverb

  verb "wr*ite" (any on this) owner: WIZARD flags: "rxd"
    "write \"TEXT\" on NOTE";
    "Adds a line to your own note.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (this:set_text({@this.text, dobjstr}) == E_PERM)
      player:tell("You can't write on that; it is not yours.");
    else
      player:tell("Line added to note.");
    endif
  endverb

  verb "er*ase" (this none none) owner: WIZARD flags: "rxd"
    "erase NOTE";
    "Makes your own note empty.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (this:set_text({}) == E_PERM)
      player:tell("You can't erase that; it is not yours.");
    else
      player:tell("Note erased.");
    endif
  endverb
endobject
