# A unit's text as NixOS writes it (nixos/lib/systemd-lib.nix): for a test that holds it to the unit that Debian gets.
{ lib }:
kind: unit:
let
  value =
    v:
    if v == true then
      "true"
    else if v == false then
      "false"
    else
      toString v;
  line = key: v: lib.concatMapStrings (one: "${key}=${value one}\n") (lib.toList v);
  section = name: entries: "[${name}]\n" + lib.concatStrings (lib.mapAttrsToList line entries);
  words = list: lib.concatStringsSep " " (if list == null then [ ] else list);
  given = attrs: lib.filterAttrs (_: v: v != null && v != "" && v != [ ]) attrs;
  or' = fallback: v: if v == null then fallback else v;
  path = map (p: "${p}/bin") (or' [ ] (unit.path or null));
in
section "Unit" (
  given {
    Description = unit.description;
    Documentation = words unit.documentation;
    After = words unit.after;
    Before = words unit.before;
    Requires = words unit.requires;
    Wants = words unit.wants;
  }
  // or' { } unit.unitConfig
)
+ "\n"
+ (
  if kind == "Socket" then
    section kind ({ ListenStream = unit.listenStreams; } // or' { } unit.socketConfig)
  else if kind == "Timer" then
    section kind (or' { } unit.timerConfig)
  else
    section kind (
      given {
        Environment = lib.mapAttrsToList (name: v: ''"${name}=${toString v}"'') (or' { } unit.environment);
        PATH = null;
      }
      // lib.optionalAttrs (path != [ ]) {
        Environment = [ ''"PATH=${lib.concatStringsSep ":" path}"'' ];
      }
      // or' { } unit.serviceConfig
    )
)
