# The hub's unit, its user, and the hub itself where there is none yet.
{ config, lib, ... }:
let
  cfg = config.services.compliance-hub;
  nixosUnit = import ../nixos-unit.nix { inherit lib; };
  documentation = "file:${cfg.package}/share/doc/suture/running-a-hub.md";
  argument = name: value: lib.optional (value != null) "--${name} ${value}";
  path = value: if value == null then null else "${value}";
  secret = value: if value == null then null else toString value;
  arguments = lib.concatLists [
    (argument "name" cfg.name)
    (argument "device" cfg.deviceAddress)
    (argument "operator" cfg.operatorAddress)
    (argument "operator-name" cfg.operator.name)
    (argument "operator-certificate" (secret cfg.operator.certificateFile))
    (argument "operator-key" (secret cfg.operator.keyFile))
    (argument "oidc-issuer" cfg.oidc.issuer)
    (argument "oidc-client" cfg.oidc.client)
    (argument "oidc-secret" (secret cfg.oidc.secretFile))
    (argument "alerts" "/etc/suture/alerts.yaml")
    (argument "models" (path cfg.modelsFile))
    (argument "packets" (secret cfg.packetsFile))
    (argument "nats" (path cfg.natsFile))
    (argument "otlp" cfg.otlpUrl)
    (argument "witness-policy" (path cfg.witnessPolicyFile))
    (argument "witness-for" (path cfg.witnessForFile))
    (argument "timestamp-url" cfg.timestampUrl)
    (argument "archive-dir" (secret cfg.archive.dir))
    (argument "archive-years" (toString cfg.archive.years))
    (argument "baseline" (path cfg.baselineFile))
    (argument "rules" (path cfg.rulesFile))
    (argument "runbooks" (path cfg.runbooksDir))
    (argument "trace" cfg.trace)
    (lib.optionals (cfg.archive.s3 != null) (
      argument "archive-s3" cfg.archive.s3
      ++ argument "archive-s3-region" cfg.archive.s3Region
      ++ argument "archive-s3-credentials" (secret cfg.archive.s3CredentialsFile)
    ))
  ];
  hub = nixosUnit {
    file = ../../packaging/systemd/suture-hub.service;
    overrides = {
      Unit.Documentation = documentation;
      Unit.ConditionPathExists = null;
      Service.ExecStart = "${cfg.package}/bin/suture-hub serve --dir /var/lib/suture-hub $SUTURE_HUB_OPTIONS";
    };
  };
in
{
  config = lib.mkIf cfg.enable {
    environment.etc."suture/hub.env".text = ''
      SUTURE_HUB_OPTIONS="${lib.concatStringsSep " " arguments}"
    '';
    systemd.services.suture-hub = hub // {
      restartTriggers = [
        config.environment.etc."suture/hub.env".text
        config.environment.etc."suture/alerts.yaml".text
      ];
      serviceConfig =
        hub.serviceConfig
        // lib.optionalAttrs (cfg.archive.dir != null) { ReadWritePaths = [ (toString cfg.archive.dir) ]; };
    };
    users.users.suture-hub = {
      isSystemUser = true;
      group = "suture-hub";
      description = "Suture's hub";
      home = "/var/lib/suture-hub";
    };
    users.groups.suture-hub = { };
    systemd.tmpfiles.rules = lib.optional (
      cfg.archive.dir != null
    ) "d ${toString cfg.archive.dir} 0700 suture-hub suture-hub -";
    networking.firewall.allowedTCPPorts = lib.optional cfg.openFirewall (
      lib.toInt (lib.last (lib.splitString ":" cfg.deviceAddress))
    );
    environment.systemPackages = [ cfg.package ];
  };
}
