// $match_utils: what a player means by a name.
object MATCH_UTILS
  name: "matching utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "match_object(TEXT, PLACE, WHO)  me, here, #12, $thing, or the name of something that WHO carries or that is in PLACE"
  };

  override aliases = {"matching utilities"};
  override description = "Verbs that find objects.  `help $match_utils' lists them.";
  override import_export_id = "match_utils";

  verb match_object (this none this) owner: LIBRARIAN flags: "rxd"
    "match_object(TEXT, PLACE, WHO): an object, or $nothing, $failed_match, $ambiguous_match.";
    {text, ?place = player.location, ?who = player} = args;
    text = $string_utils:trim(text);
    if (!text)
      return $nothing;
    elseif (text == "me")
      return who;
    elseif (text == "here")
      return place;
    elseif (text[1] == "#" || text[1] == "$")
      o = $string_utils:literal_object(text);
      if (valid(o))
        return o;
      elseif (match(text, "^#-?[0-9]+$"))
        return $failed_match;
      endif
    elseif (text[1] == "~")
      return $string_utils:match_player(text[2..$]);
    endif
    return $string_utils:match(text, {@valid(who) ? who.contents | {}, @valid(place) ? place.contents | {}});
  endverb
endobject
