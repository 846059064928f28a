# Agent, executor and the socket between them: packaging/systemd's units, with what differs on NixOS and nothing else.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.compliance-agent;
  nixosUnit = import ../nixos-unit.nix { inherit lib; };
  bin = program: "${cfg.package}/bin/${program}";
  documentation = "file:${cfg.package}/share/doc/suture/installing.md";
  trace = lib.optionalAttrs (cfg.logLevel != "info") { SUTURE_TRACE = cfg.logLevel; };

  agent = nixosUnit {
    file = ../../packaging/systemd/suture-agent.service;
    overrides = {
      Unit.Documentation = documentation;
      # The configuration is always there: enrolled is who has an identity.
      Unit.ConditionPathExists = "/var/lib/suture/agent/identity.json";
      Service.ExecStart = "${bin "suture-agent"} run --config /etc/suture/agent.yaml";
    };
  };
  executor = nixosUnit {
    file = ../../packaging/systemd/suture-executor.service;
    overrides = {
      Unit.Documentation = documentation;
      Unit.ConditionPathExists = "/var/lib/suture/executor/catalogue.dsse";
      Service.ExecStart = "${bin "suture-executor"} run --config /etc/suture/executor.yaml";
    };
  };
  socket = nixosUnit {
    file = ../../packaging/systemd/suture-executor.socket;
    kind = "Socket";
  };

  # The units know the kernel's own TPM. The user's groups are the service's too.
  service =
    unit:
    unit
    // lib.optionalAttrs (cfg.tpmDevice != null) {
      serviceConfig = unit.serviceConfig // {
        BindPaths = [ "-${cfg.tpmDevice}" ];
      };
    };
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.suture-agent = service agent // {
      environment = trace;
      # tpm2_unseal opens the device's key.
      path = lib.optional cfg.tpm pkgs.tpm2-tools;
      restartTriggers = [ config.environment.etc."suture/agent.yaml".text ];
    };
    systemd.services.suture-executor = service executor // {
      environment = trace;
      restartTriggers = [ config.environment.etc."suture/executor.yaml".text ];
      # A step may be under way, a switch to another generation among them: the executor is told, and ends by itself.
      stopIfChanged = false;
    };
    systemd.sockets.suture-executor = socket;

    users.users.suture-agent = {
      isSystemUser = true;
      uid = cfg.agentUid;
      group = "suture-agent";
      description = "Suture's agent";
      home = "/var/lib/suture/agent";
      extraGroups = lib.optional cfg.tpm "tss";
    };
    users.groups.suture-agent.gid = cfg.agentUid;
    # The unit names it, for logs that are files; a unit whose group is not there does not start.
    users.groups.adm = { };

    # The lines that Debian's package installs; what is not executable text there is not here either.
    systemd.tmpfiles.rules = lib.filter (line: line != "" && !lib.hasPrefix "#" line) (
      lib.splitString "\n" (builtins.readFile ../../packaging/systemd/suture.tmpfiles)
    );
    environment.systemPackages = [ cfg.package ];
  };
}
