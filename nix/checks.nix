# The tests that boot machines, each with its twin, and the modules evaluated with NixOS itself.
{
  lib,
  pkgs,
  self,
}:
let
  evaluated =
    name: modules:
    let
      system = lib.nixosSystem {
        modules = modules ++ [
          {
            nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
            system.stateVersion = "25.11";
            boot.isContainer = true;
          }
        ];
      };
      failed = map (a: a.message) (lib.filter (a: !a.assertion) system.config.assertions);
    in
    # The units as NixOS writes them; an assertion that fails is a build that fails.
    pkgs.runCommand "suture-module-${name}" { } (
      if failed != [ ] then
        throw (lib.concatStringsSep "\n" failed)
      else
        "mkdir $out\n"
        + lib.concatStrings (
          lib.mapAttrsToList (unit: text: "cp ${pkgs.writeText unit text} $out/${unit}\n") (
            lib.mapAttrs (_: unit: unit.text) (
              lib.filterAttrs (unit: _: lib.hasPrefix "suture-" unit) system.config.systemd.units
            )
          )
        )
    );
  site = import ../nixosTests/site.nix;
in
import ../nixosTests {
  inherit lib;
  run = pkgs.testers.runNixOSTest;
  modules = [
    ../modules/compliance-agent.nix
    ../modules/hub.nix
  ];
}
// {
  agent-module = evaluated "agent" [
    self.nixosModules.agent
    site
  ];
  hub-module = evaluated "hub" [
    self.nixosModules.hub
    {
      services.compliance-hub = {
        enable = true;
        name = "hub.msp.example";
      };
    }
  ];
  inherit (pkgs) suture;
}
