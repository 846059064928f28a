# Enrolment: once, with a sheet that is named by path and never in the store.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.compliance-agent;
  sheet = toString cfg.enrolment.sheetFile;
in
{
  config = lib.mkIf (cfg.enable && cfg.enrolment.sheetFile != null) {
    systemd.services.suture-enrol = {
      description = "Enrols this machine with its hub, once";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "systemd-tmpfiles-setup.service"
      ];
      before = [
        "suture-agent.service"
        "suture-executor.service"
      ];
      unitConfig.ConditionPathExists = [
        sheet
        "!/var/lib/suture/agent/identity.json"
      ];
      path = [
        cfg.package
        pkgs.coreutils
        pkgs.gnugrep
        pkgs.gnused
        pkgs.systemd
        pkgs.util-linux
      ]
      ++ lib.optional cfg.tpm pkgs.tpm2-tools;
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${cfg.package}/bin/suture-enrol --declared ${lib.escapeShellArg sheet}";
        # The hub cannot be reached yet, or takes no token: tried again, with what is there kept.
        Restart = "on-failure";
        RestartSec = 30;
        UMask = "0077";
        ProtectSystem = "strict";
        ReadWritePaths = [
          "/var/lib/suture"
          "/run"
        ];
        ProtectHome = true;
        PrivateTmp = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        RestrictRealtime = true;
        LockPersonality = true;
        SystemCallArchitectures = "native";
      };
    };
  };
}
