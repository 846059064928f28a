# Evaluates our modules by nixpkgs' own lib over the options that NixOS 25.11 documents, and says what came of it.
{
  lib,
  declared,
  modules,
}:
let
  inherit (lib) mkOption types;
  derivation = name: {
    type = "derivation";
    inherit name;
    pname = name;
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
    outputName = "out";
    drvPath = "/nix/store/00000000000000000000000000000000-${name}.drv";
    meta.mainProgram = name;
  };
  pkgs =
    lib.genAttrs [
      "bash"
      "coreutils"
      "gnugrep"
      "gnused"
      "nix"
      "suture"
      "systemd"
      "tpm2-tools"
      "util-linux"
      "chrony"
      "tzdata"
    ] derivation
    // {
      inherit lib;
      system = "x86_64-linux";
    };
  evaluated = lib.evalModules {
    specialArgs = { inherit pkgs; };
    modules = modules ++ [
      declared
      {
        options.assertions = mkOption {
          type = types.listOf types.unspecified;
          default = [ ];
        };
        options.warnings = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        config.nix.package = pkgs.nix;
      }
    ];
  };
  inherit (evaluated) config options;
  isSet = option: option.isDefined or false && (option.highestPrio or 1500) < 1500;
  set = lib.filter isSet (lib.collect lib.isOption (removeAttrs options [ "_module" ]));
  ofServices = name: unit: import ./render.nix { inherit lib; } name unit;
in
{
  # What the configuration is refused for.
  failed = map (a: a.message) (lib.filter (a: !a.assertion) config.assertions);
  inherit (config) warnings;
  # Every value that is set, forced: a wrong type throws.
  set = lib.length (lib.filter (option: builtins.deepSeq option.value true) set);
  etc = lib.mapAttrs (_: entry: entry.text) (
    lib.filterAttrs (_: entry: entry.text != null) (
      if config.environment.etc == null then { } else config.environment.etc
    )
  );
  units =
    lib.mapAttrs' (name: unit: lib.nameValuePair "${name}.service" (ofServices "Service" unit)) (
      if config.systemd.services == null then { } else config.systemd.services
    )
    // lib.mapAttrs' (name: unit: lib.nameValuePair "${name}.socket" (ofServices "Socket" unit)) (
      if config.systemd.sockets == null then { } else config.systemd.sockets
    )
    // lib.mapAttrs' (name: unit: lib.nameValuePair "${name}.timer" (ofServices "Timer" unit)) (
      if config.systemd.timers == null then { } else config.systemd.timers
    );
  tables = lib.mapAttrs (name: table: "table ${table.family} ${name} {\n${table.content}\n}\n") (
    if config.networking.nftables.tables == null then { } else config.networking.nftables.tables
  );
  tmpfiles = if config.systemd.tmpfiles.rules == null then [ ] else config.systemd.tmpfiles.rules;
  # Our own options, those of submodules among them, for the reference.
  reference =
    map
      (option: {
        inherit (option) name type;
        description = option.description or "";
        default = option.default.text or null;
        example = option.example.text or null;
      })
      (
        lib.filter (
          option: lib.hasPrefix "services.compliance-" option.name && !lib.hasInfix "._module." option.name
        ) (lib.optionAttrSetToDocList (options.services or { }))
      );
}
