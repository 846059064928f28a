# A unit of packaging/systemd as NixOS declares units: what must differ there is handed in, all else is the file's.
#
#   nixosUnit file { Service.ExecStart = "…"; Unit.ConditionPathExists = null; }
#
# null takes a key away. An override of a key that the file does not have is refused, so that nothing is left behind
# here when the unit changes; what NixOS adds goes into the module's own definitions.
{ lib }:
let
  unitFile = import ./unit-file.nix { inherit lib; };
  words =
    value: lib.filter (w: w != "") (lib.splitString " " (lib.concatStringsSep " " (lib.toList value)));

  # Unit= keys that NixOS has options of their own for.
  lists = {
    After = "after";
    Before = "before";
    Requires = "requires";
    Wants = "wants";
  };
in
{
  # [Service] or [Socket], as the kind of unit says.
  kind ? "Service",
  file,
  overrides ? { },
}:
let
  source = unitFile file;
  override =
    section: given:
    let
      changes = overrides.${section} or { };
      strangers = lib.filter (key: !(given ? ${key})) (lib.attrNames changes);
    in
    if strangers != [ ] then
      throw "${baseNameOf (toString file)}: the module overrides ${section} ${lib.concatStringsSep ", " strangers}, which the unit does not have"
    else
      lib.filterAttrs (_: value: value != null) (given // changes);
  unit = override "Unit" (source.Unit or { });
  body = override kind source.${kind};
  install = override "Install" (source.Install or { });
in
lib.mapAttrs' (key: option: lib.nameValuePair option (words (unit.${key} or ""))) lists
// {
  description = unit.Description;
  documentation = words (unit.Documentation or "");
  wantedBy = words (install.WantedBy or "");
  unitConfig = removeAttrs unit (
    lib.attrNames lists
    ++ [
      "Description"
      "Documentation"
    ]
  );
}
// (
  if kind == "Socket" then
    {
      listenStreams = lib.toList body.ListenStream;
      socketConfig = removeAttrs body [ "ListenStream" ];
    }
  else
    { serviceConfig = body; }
)
