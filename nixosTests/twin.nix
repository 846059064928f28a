# A scenario as a test of NixOS: its script, then its assertion; with `broken`, the assertion must fail.
{ lib, modules }:
{
  name,
  scenario,
  broken,
}:
let
  threat = import ./${name}.nix {
    inherit lib broken;
    inherit (scenario) data;
    site = import ./site.nix;
    enrolled = import ./enrolled.nix;
  };
  lines = text: lib.filter (line: line != "") (lib.splitString "\n" text);
  indented = text: lib.concatMapStrings (line: "    ${line}\n") (lines text);
in
{
  name = "suture-${name}${lib.optionalString broken "-can-fail"}";
  nodes = lib.mapAttrs (_: node: { imports = modules ++ [ node ]; }) threat.nodes;
  testScript = ''
    start_all()
  ''
  + threat.script
  + "\ndef check() -> None:\n"
  + indented threat.check
  + (
    if broken then
      ''

        try:
            check()
        except Exception as noticed:
            print(f"noticed: {noticed}")
        else:
            raise Exception("${name}: the machine was sabotaged, and nothing was noticed")
      ''
    else
      "\ncheck()\n"
  );
}
