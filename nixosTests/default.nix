# One threat a file, each as two tests: the threat is held, and a twin in which the machine is sabotaged and the very same
# assertion has to fail. What is asserted with stands in scenarios.json, which the tests that run without NixOS read too.
#
# Not booted here: they are evaluated, and the names and calls of their scripts are looked up (docs/nixos.md). `nix build .#checks.x86_64-linux.bad-generation` boots one.
{
  lib,
  # pkgs.testers.runNixOSTest
  run,
  # The modules under test.
  modules,
}:
let
  scenarios = builtins.fromJSON (builtins.readFile ./scenarios.json);
  twin = import ./twin.nix { inherit lib modules; };
  test =
    name: broken:
    run (twin {
      inherit name broken;
      scenario = scenarios.${name};
    });
in
lib.concatMapAttrs (name: _: {
  ${name} = test name false;
  "${name}-can-fail" = test name true;
}) scenarios
