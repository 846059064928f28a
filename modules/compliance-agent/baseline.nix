# The baseline, declared: what the agent measures is what the generation says. modules/hipaa-v1.nix is written from
# baseline/hipaa-v1.yaml by `just nixos`, and the gate is red while it is stale.
{
  config,
  options,
  lib,
  ...
}:
let
  cfg = config.services.compliance-agent;
in
{
  options.services.compliance-agent.baseline = lib.mkOption {
    type = lib.types.nullOr (lib.types.enum [ "hipaa-v1" ]);
    default = null;
    example = "hipaa-v1";
    description = ''
      The named baseline whose NixOS options this machine takes as defaults: whatever the configuration says itself
      stands above them. What is measured is the baseline that the hub signed, whether or not this is set.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.baseline == "hipaa-v1") (
    lib.mkMerge (import ../hipaa-v1.nix { inherit lib options; })
  );
}
