# The programs, by nixpkgs' own builder for Rust: from this tree and its lock file.
{
  lib,
  rustPlatform,
  installShellFiles,
  jq,
  makeWrapper,
}:
let
  manifest = (lib.importTOML ../Cargo.toml).workspace.package;
  # What the build does not read changes no package: pages, tests' machines, these modules.
  sources = [
    "agent"
    "baseline"
    "bench"
    "cli"
    "crates"
    "docs"
    "e2e"
    "executor"
    "faults"
    "hub"
    "packaging"
    "planner"
    "runbooks"
    "typeset"
    "verify"
    "witness"
    "xtask"
    "Cargo.toml"
    "Cargo.lock"
    "LICENSE"
    "README.md"
    "clippy.toml"
  ];
  root = toString ../.;
in
rustPlatform.buildRustPackage {
  pname = "suture";
  inherit (manifest) version;
  src = lib.cleanSourceWith {
    src = ../.;
    filter =
      path: _:
      lib.elem (lib.head (lib.splitString "/" (lib.removePrefix "${root}/" (toString path)))) sources;
  };
  cargoLock.lockFile = ../Cargo.lock;
  cargoBuildFlags =
    lib.concatMap
      (p: [
        "-p"
        p
      ])
      [
        "agent"
        "executor"
        "hub"
        "cli"
        "verify"
        # Beside the hub, which starts it for each PDF.
        "suture-typeset"
      ];
  nativeBuildInputs = [
    installShellFiles
    makeWrapper
  ];
  # Tests need a systemd machine, disks and a clock of their own: ./test runs them.
  doCheck = false;
  postInstall = ''
    install -D -m 755 packaging/suture-enrol $out/bin/suture-enrol
    install -D -m 755 packaging/suture-declare $out/bin/suture-declare
    wrapProgram $out/bin/suture-declare --prefix PATH : ${lib.makeBinPath [ jq ]}
    install -D -m 644 docs/installing.md docs/running-a-hub.md docs/nixos.md -t $out/share/doc/suture
    for shell in bash zsh fish; do
      $out/bin/suture-hub completions $shell >suture-hub.$shell
      installShellCompletion --$shell --name suture-hub.$shell suture-hub.$shell
    done
  '';
  meta = {
    description = "Monitors clinics' machines, repairs what drifts, and keeps evidence of it";
    license = lib.licenses.asl20;
    platforms = lib.platforms.linux;
    mainProgram = "suture-agent";
  };
}
