// The first wizard. No password: the first login from the machine itself asks for one.
object WIZARD
  name: "Wizard"
  parent: WIZ
  location: HALL
  owner: WIZARD
  player: true
  wizard: true
  programmer: true

  override aliases = {"Wizard"};
  override description = "Somebody with a lot of keys.";
  override import_export_id = "wizard";
endobject
