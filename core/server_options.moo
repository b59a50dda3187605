// $server_options: what the server reads. load_server_options() after a change.
object SERVER_OPTIONS
  name: "Server Options"
  parent: ROOT
  owner: WIZARD
  readable: true

  property fg_ticks (owner: WIZARD, flags: "r") = 60000;
  property fg_seconds (owner: WIZARD, flags: "r") = 5;
  property bg_ticks (owner: WIZARD, flags: "r") = 30000;
  property bg_seconds (owner: WIZARD, flags: "r") = 3;
  property max_stack_depth (owner: WIZARD, flags: "r") = 50;
  property connect_timeout (owner: WIZARD, flags: "r") = 300;
  property save_interval (owner: WIZARD, flags: "r") = 5;
  property dump_interval (owner: WIZARD, flags: "r") = 3600;
  property max_concat_catchable (owner: WIZARD, flags: "r") = 1;

  override aliases = {"Server Options"};
  override description = "Properties here set the server's limits and messages.  `;load_server_options()' makes changes known.";
  override import_export_id = "server_options";
endobject
