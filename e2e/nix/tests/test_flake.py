"""The flake's outputs, with inputs that are played: real ones are fetched from a network. And the lock file's form."""
import json
import re
import unittest

import nix

# nixpkgs, as far as the flake asks it: its real lib, packages that are names, and NixOS as evaluate.nix plays it.
PLAYED = f"""
let
  lib = import {nix.lib()};
  package = name: {{ type = "derivation"; inherit name; outPath = "/nix/store/00000000000000000000000000000000-${{name}}"; }};
  names = lib.genAttrs [ "cargo-deny" "cargo-nextest" "deadnix" "jq" "just" "nftables" "nixfmt-rfc-style" "nodejs" "openssl" "python3" "restic" "rustup" "sqlite" "swtpm" "tpm2-tools" ] package;
  played = system: names // {{
    stdenv.hostPlatform.system = system;
    rustc = "rustc of ${{system}}";
    cargo = "cargo";
    makeRustPlatform = tools: {{ buildRustPackage = made: made // {{ inherit tools; type = "derivation"; outPath = "/x"; }}; }};
    callPackage = file: given: let f = import file; in f (builtins.intersectAttrs (builtins.functionArgs f) (names // {{ inherit lib; installShellFiles = null; makeWrapper = null; mkShell = s: s; }} // given));
    extend = overlay: let final = played system // overlay final (played system); in final;
    testers.runNixOSTest = test: test.name;
    runCommand = name: _: text: {{ inherit name; said = builtins.stringLength text; }};
    writeText = name: _: name;
  }};
  nixpkgs = {{
    lib = lib // {{ nixosSystem = {{ modules }}: {{ count = builtins.length modules; config = {{ assertions = [ ]; systemd.units = {{ }}; }}; }}; }};
    legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] played;
  }};
  flake = import {nix.TREE}/flake.nix;
  outputs = flake.outputs {{ self = outputs; inherit nixpkgs; nixpkgs-rust = nixpkgs; }};
in
"""


class Flake(unittest.TestCase):
    def test_its_outputs(self):
        said = nix.value(PLAYED + """{
          outputs = builtins.attrNames outputs;
          modules = builtins.attrNames outputs.nixosModules;
          appliance = outputs.nixosConfigurations.appliance.count;
          checks = builtins.mapAttrs (_: check: check.name or check.pname or check) outputs.checks.x86_64-linux;
          systems = builtins.attrNames outputs.packages;
          package = { inherit (outputs.packages.aarch64-linux.suture) pname version cargoBuildFlags; compiler = outputs.packages.aarch64-linux.suture.tools.rustc; };
          shell = builtins.length outputs.devShells.x86_64-linux.default.packages;
        }""")
        self.assertEqual(said["outputs"], ["checks", "devShells", "formatter", "nixosConfigurations", "nixosModules", "overlays", "packages"])
        self.assertEqual(said["modules"], ["agent", "appliance", "hub"])
        self.assertEqual(said["systems"], ["aarch64-linux", "x86_64-linux"])
        self.assertEqual(said["appliance"], 3)
        scenarios = json.loads((nix.TREE / "nixosTests/scenarios.json").read_text())
        tests = set(scenarios) | {f"{name}-can-fail" for name in scenarios}
        self.assertEqual(set(said["checks"]), tests | {"agent-module", "hub-module", "suture"})
        self.assertEqual(said["checks"]["hub-down-can-fail"], "suture-hub-down-can-fail")
        self.assertEqual(said["package"]["compiler"], "rustc of aarch64-linux")
        self.assertEqual(said["package"]["cargoBuildFlags"][:2], ["-p", "agent"])
        self.assertGreater(said["shell"], 10)

    def test_the_lock_pins_what_the_flake_names(self):
        lock = json.loads((nix.TREE / "flake.lock").read_text())
        inputs = nix.value(f"builtins.mapAttrs (_: i: i.url) (import {nix.TREE}/flake.nix).inputs")
        self.assertEqual(set(lock["nodes"]["root"]["inputs"]), set(inputs))
        for name, url in inputs.items():
            node = lock["nodes"][name]
            wanted = node["original"]
            self.assertEqual(url, f"github:{wanted['owner']}/{wanted['repo']}/{wanted['ref']}")
            self.assertRegex(node["locked"]["rev"], "^[0-9a-f]{40}$")
            self.assertRegex(node["locked"]["narHash"], "^sha256-[A-Za-z0-9+/]{43}=$")

    def test_it_is_thin(self):
        self.assertLess(len((nix.TREE / "flake.nix").read_text().splitlines()), 100)
        self.assertEqual(re.findall("buildRustPackage|crane|naersk", (nix.TREE / "flake.nix").read_text()), [], "one builder, in nix/suture.nix")
