# A new generation is confirmed by the units that it must run, or gone back from: by a unit of its own that asks nobody
# but systemd, so that a generation with a broken executor, agent or network is undone too.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  ours = import ../types.nix { inherit lib; };
  cfg = config.services.compliance-agent;
  state = "/var/lib/suture/generation";
  arguments = [
    "/nix/var/nix/profiles/system"
    "/run/current-system"
    state
    (toString cfg.rebuild.healthTimeout)
    (toString cfg.rebuild.holdDown)
  ]
  ++ cfg.rebuild.healthUnits;
in
{
  options.services.compliance-agent.rebuild = {
    enable = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether a generation that is not healthy in time is gone back from, to the last one that was.";
    };
    healthTimeout = mkOption {
      type = types.ints.between 10 3600;
      default = 60;
      example = 180;
      description = "How many seconds after a switch, or after the start of the machine, the units may take until they run.";
    };
    holdDown = mkOption {
      type = types.ints.between 1 600;
      default = 10;
      example = 30;
      description = "How many seconds they must go on running before the generation counts as healthy.";
    };
    healthUnits = mkOption {
      type = types.listOf ours.unit;
      default = [
        "suture-executor.service"
        "suture-agent.service"
      ];
      example = [
        "suture-executor.service"
        "suture-agent.service"
        "sshd.service"
      ];
      description = "The units that must run. Until a machine is enrolled nothing is watched.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.rebuild.enable) {
    systemd.services.suture-generation-watch = {
      description = "Confirms the generation that runs, or goes back from it";
      wantedBy = [ "multi-user.target" ];
      # Who is not enrolled has no agent and no executor to be healthy by.
      unitConfig.ConditionPathExists = "/var/lib/suture/agent/identity.json";
      # A switch must not end the watch over it.
      restartIfChanged = false;
      stopIfChanged = false;
      path = [
        pkgs.coreutils
        pkgs.gnused
        pkgs.systemd
        config.nix.package
      ];
      serviceConfig = {
        # Not oneshot: a switch waits for those, and this waits for the switch.
        Type = "exec";
        ExecStart = "${pkgs.bash}/bin/sh ${./generation-watch.sh} ${lib.escapeShellArgs arguments}";
        SyslogIdentifier = "suture-generation-watch";
        # The switch itself runs as a transient unit; this one moves links.
        ProtectSystem = "strict";
        ReadWritePaths = [
          "/nix/var/nix"
          state
        ];
        ProtectHome = true;
        PrivateTmp = true;
        PrivateDevices = true;
        PrivateNetwork = true;
        ProtectClock = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        RestrictAddressFamilies = [ "AF_UNIX" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        SystemCallArchitectures = "native";
        UMask = "0077";
      };
    };
    # Behind the switch's own start of it: a switch that stops halfway is watched within a minute all the same.
    systemd.timers.suture-generation-watch = {
      description = "Looks whether a generation that nobody confirmed runs";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = 30;
        OnUnitInactiveSec = 60;
        AccuracySec = 1;
      };
    };
    systemd.tmpfiles.rules = [
      "d ${state} 0700 root root -"
      # What is gone back to is not collected as garbage.
      "L+ /nix/var/nix/gcroots/suture-confirmed - - - - ${state}/confirmed"
    ];
  };
}
