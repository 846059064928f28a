# What the types cannot say. Each message says what to do.
{ config, lib, ... }:
let
  cfg = config.services.compliance-hub;
  secrets = import ../secrets.nix { inherit lib; };
  of = name: "services.compliance-hub.${name}";
  routed = lib.concatMap (route: route.channels) cfg.alerts.routes;
  escalated = if cfg.alerts.escalation == null then [ ] else cfg.alerts.escalation.channels;
  unknown = lib.filter (name: !(cfg.alerts.channels ? ${name})) (lib.unique (routed ++ escalated));
  several = lib.attrNames (
    lib.filterAttrs (
      _: way:
      lib.count (w: w != null) [
        way.webhook
        way.syslog
        way.smtp
      ] != 1
    ) cfg.alerts.channels
  );
  toMachines = lib.filterAttrs (
    _: way: way.webhook != null || way.syslog != null
  ) cfg.alerts.channels;
  hears = lib.any (name: lib.elem name routed) (lib.attrNames toMachines);
  oidc = [
    cfg.oidc.issuer
    cfg.oidc.client
    cfg.oidc.secretFile
  ];
  isLoopback = lib.any (p: lib.hasPrefix p cfg.operatorAddress) [
    "127."
    "[::1]"
  ];
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.name != null;
        message = "${of "name"} is not set: give the domain name by which devices reach this hub. It cannot be changed later, since logs carry it.";
      }
      {
        assertion = cfg.archive.years >= 6;
        message = "${of "archive.years"} is ${toString cfg.archive.years}: documentation is kept six years (45 CFR 164.316(b)(2)(i)). Set it to 6 or more.";
      }
      {
        assertion = unknown == [ ];
        message = "${of "alerts"}: there is no channel ${lib.concatStringsSep ", " unknown}. Declare it under alerts.channels, or take it out of routes and escalation.";
      }
      {
        assertion = several == [ ];
        message = "${of "alerts.channels"}: ${lib.concatStringsSep ", " several} must be one of webhook, syslog and smtp. Give each way out a channel of its own.";
      }
      {
        assertion = cfg.deployment.mode == "reseller" -> cfg.deployment.reseller != null;
        message = "${of "deployment.mode"} is reseller and ${of "deployment.reseller"} is not set: give the id by which the reseller's systems know this hub.";
      }
      {
        assertion = cfg.deployment.mode == "reseller" -> hears;
        message = "${of "deployment.mode"} is reseller, and no route leads to a webhook or to syslog, so the reseller would hear of nothing. Declare one under alerts.channels and name it in alerts.routes.";
      }
      {
        assertion = cfg.deployment.mode == "direct" -> cfg.deployment.reseller == null;
        message = "${of "deployment.reseller"} is set and ${of "deployment.mode"} is direct. Set the mode to reseller, or take the id away.";
      }
      {
        assertion = isLoopback || cfg.operator.certificateFile != null;
        message = "${of "operatorAddress"} is ${cfg.operatorAddress}, which others can reach, and the operator plane has no certificate. Set operator.certificateFile, operator.keyFile and operator.name, or listen on loopback.";
      }
      {
        assertion = (cfg.operator.certificateFile == null) == (cfg.operator.keyFile == null);
        message = "${of "operator"}: certificateFile and keyFile belong together. Set both, or neither.";
      }
      {
        assertion = lib.all (o: o == null) oidc || lib.all (o: o != null) oidc;
        message = "${of "oidc"}: issuer, client and secretFile belong together. Set all three, or none.";
      }
    ]
    ++ secrets.assertions (
      {
        ${of "operator.keyFile"} = cfg.operator.keyFile;
        ${of "oidc.secretFile"} = cfg.oidc.secretFile;
        ${of "archive.s3CredentialsFile"} = cfg.archive.s3CredentialsFile;
      }
      // lib.mapAttrs' (
        name: way:
        lib.nameValuePair (of "alerts.channels.${name}.webhook.secretFile") (
          if way.webhook == null then null else way.webhook.secretFile
        )
      ) cfg.alerts.channels
      // lib.mapAttrs' (
        name: way:
        lib.nameValuePair (of "alerts.channels.${name}.smtp.password_file") (
          if way.smtp == null then null else way.smtp.password_file or null
        )
      ) cfg.alerts.channels
    );
  };
}
