// $perm_utils: who may do what.
object PERM_UTILS
  name: "permissions utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "controls(WHO, OBJECT)           whether WHO owns it or is a wizard: in a setter, $perm_utils:controls(caller_perms(), this)",
    "controls_property(WHO, OBJECT, NAME)  controls_verb(WHO, OBJECT, NAME)  likewise for these",
    "acts_for(caller_perms(), WHO)   whether a verb was typed (by WHO), or called with WHO's rights or a wizard's",
    "apply(LETTERS, CHANGE)          \"+x\", \"!r\", \"rxd\" applied to letters"
  };

  override aliases = {"permissions utilities"};
  override description = "Verbs about permissions.  `help $perm_utils' lists them.";
  override import_export_id = "perm_utils";

  verb controls (this none this) owner: LIBRARIAN flags: "rxd"
    "controls(WHO, OBJECT): whether WHO owns OBJECT or is a wizard.";
    {who, what} = args;
    return valid(who) && valid(what) && (who.wizard || what.owner == who) ? 1 | 0;
  endverb

  verb "controls_prop*erty controls_verb" (this none this) owner: WIZARD flags: "rxd"
    "controls_property(WHO, OBJECT, NAME), controls_verb(WHO, OBJECT, NAME): whether WHO owns that or is a wizard.";
    {who, what, name} = args;
    if (!valid(who))
      return 0;
    endif
    info = verb == "controls_verb" ? `verb_info(what, name) ! ANY => {#-1}' | `property_info(what, name) ! ANY => {#-1}';
    return who.wizard || info[1] == who;
  endverb

  verb acts_for (this none this) owner: LIBRARIAN flags: "rxd"
    "acts_for(PERMS, WHO): PERMS, a caller_perms(), is that of the command line (#-1; not that of an author who was recycled), or has WHO's rights. So verbs that act for `player' make sure that it is the player who acts.";
    {perms, who} = args;
    return perms == #-1 || (valid(perms) && (perms == who || perms.wizard || (valid(who) && who.owner == perms))) ? 1 | 0;
  endverb

  verb apply (this none this) owner: LIBRARIAN flags: "rxd"
    "apply(LETTERS, CHANGE): the letters that result.";
    {letters, change} = args;
    if (!change || !(change[1] in {"+", "!", "-"}))
      return change;
    endif
    for i in [2..length(change)]
      letters = strsub(letters, change[i], "");
      if (change[1] == "+")
        letters = letters + change[i];
      endif
    endfor
    return letters;
  endverb

  verb sorted (this none this) owner: LIBRARIAN flags: "rxd"
    "sorted(LETTERS, ORDER): the letters in that order; E_INVARG if there is another.";
    {letters, order} = args;
    result = "";
    for i in [1..length(order)]
      if (index(letters, order[i]))
        result = result + order[i];
        letters = strsub(letters, order[i], "");
      endif
    endfor
    return letters ? E_INVARG | result;
  endverb

  verb chmod_object (this none this) owner: WIZARD flags: "rxd"
    "chmod_object(OBJECT, CHANGE): the sentence to answer.";
    set_task_perms(caller_perms());
    {what, change} = args;
    letters = (what.r ? "r" | "") + (what.w ? "w" | "") + (what.f ? "f" | "");
    letters = this:sorted(this:apply(letters, change), "rwf");
    if (typeof(letters) == ERR)
      return tostr("\"", change, "\" is not a valid permissions string for an object.");
    endif
    try
      what.r = index(letters, "r");
      what.w = index(letters, "w");
      what.f = index(letters, "f");
    except e (ANY)
      return tostr(e[2], ".");
    endtry
    return tostr("Object permissions set to \"", letters, "\".");
  endverb

  verb chmod_property (this none this) owner: WIZARD flags: "rxd"
    "chmod_property(OBJECT, NAME, CHANGE): the sentence to answer.";
    set_task_perms(caller_perms());
    {what, name, change} = args;
    info = `property_info(what, name) ! ANY';
    if (info == E_PROPNF)
      return "That object does not have that property.";
    elseif (typeof(info) == ERR)
      return tostr(info, ".");
    endif
    letters = this:sorted(this:apply(info[2], change), "rwc");
    if (typeof(letters) == ERR)
      return tostr("\"", change, "\" is not a valid permissions string for a property.");
    endif
    result = `set_property_info(what, name, {info[1], letters}) ! ANY';
    return typeof(result) == ERR ? tostr(result, ".") | tostr("Property permissions set to \"", letters, "\".");
  endverb

  verb chmod_verb (this none this) owner: WIZARD flags: "rxd"
    "chmod_verb(OBJECT, VERB, CHANGE): the sentence to answer.";
    set_task_perms(caller_perms());
    {what, name, change} = args;
    info = `verb_info(what, name) ! ANY';
    if (typeof(info) == ERR)
      return tostr(info, ".");
    endif
    letters = this:sorted(this:apply(info[2], change), "rwxdp");
    if (typeof(letters) == ERR)
      return tostr("\"", change, "\" is not a valid permissions string for a verb.");
    endif
    result = `set_verb_info(what, name, {info[1], letters, info[3]}) ! ANY';
    return typeof(result) == ERR ? tostr(result, ".") | tostr("Verb permissions set to \"", letters, "\".");
  endverb
endobject
