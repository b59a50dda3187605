// The librarian owns library code that needs nobody's rights: it is no wizard, and nobody can log in as it.
object LIBRARIAN
  name: "the librarian"
  parent: ROOT
  owner: WIZARD
  programmer: true
  readable: true

  override aliases = {"the librarian", "librarian"};
  override description = "Whoever runs library code that needs no rights of its own.";
  override import_export_id = "librarian";
endobject
