# How long things are kept on the machine itself. Documentation is kept six years (45 CFR 164.316(b)(2)(i)).
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.compliance-agent;
in
{
  options.services.compliance-agent = {
    evidenceKeepMiB = mkOption {
      type = types.ints.between 64 1048576;
      default = 1024;
      example = 4096;
      description = "How many MiB of evidence entries stay on this machine. Older ones go once the hub has given its signed receipt for them; the tree stays. How long the hub keeps them is services.compliance-hub.archive.years.";
    };
    retentionYears = mkOption {
      type = types.ints.positive;
      default = 7;
      example = 10;
      description = "How many years the journal may be kept (journald's MaxRetentionSec). Less than six is refused.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.journald.extraConfig = lib.mkAfter "MaxRetentionSec=${toString cfg.retentionYears}year";
  };
}
