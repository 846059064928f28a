# What the types cannot say. Each message says what to do.
{ config, lib, ... }:
let
  cfg = config.services.compliance-agent;
  secrets = import ../secrets.nix { inherit lib; };
  of = name: "services.compliance-agent.${name}";

  fromTheSheet = name: field: value: {
    assertion = value != null && value != [ ];
    message = "${of name} is not set: it is the ${field} of the machine's enrolment sheet. suture-declare SHEET prints all of these as Nix.";
  };
  repeated = lib.filter (key: lib.count (k: k == key) keys > 1) (lib.unique keys);
  keys = lib.attrValues cfg.operators;
  named = lib.attrNames (lib.filterAttrs (_: key: lib.elem key repeated) cfg.operators);
  hubHost = lib.head (lib.splitString ":" (lib.removePrefix "https://" cfg.hub.url));
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      (fromTheSheet "tenant" "tenant" cfg.tenant)
      (fromTheSheet "site" "site" cfg.site)
      (fromTheSheet "host" "host" cfg.host)
      (fromTheSheet "origin" "origin" cfg.origin)
      (fromTheSheet "hub.url" "hub" cfg.hub.url)
      (fromTheSheet "hub.keys" "hub_key" cfg.hub.keys)
      (fromTheSheet "hub.witnessKey" "witness_key" cfg.hub.witnessKey)
      (fromTheSheet "catalogueDigest" "catalogue's digest" cfg.catalogueDigest)
      {
        assertion = cfg.retentionYears >= 6;
        message = "${of "retentionYears"} is ${toString cfg.retentionYears}: documentation is kept six years (45 CFR 164.316(b)(2)(i)). Set it to 6 or more.";
      }
      {
        assertion = repeated == [ ];
        message = "${of "operators"}: ${lib.concatStringsSep " and " named} have the same key, so one person could agree as two. Give each person a key of their own.";
      }
      {
        assertion = cfg.window == null || cfg.window.from != cfg.window.to;
        message = "${of "window"} opens and closes at the same time (${
          if cfg.window == null then "" else cfg.window.from
        }), so it is never open. Set `to` to when it closes; before `from` means on the next day.";
      }
      {
        assertion = lib.all (retired: !lib.elem retired.key cfg.hub.keys) cfg.hub.retiredKeys;
        message = "${of "hub.retiredKeys"} holds a key that ${of "hub.keys"} holds too, and so would never retire. Take it out of hub.keys.";
      }
      {
        assertion = cfg.egress.enable -> cfg.egress.allow != [ ];
        message = "${of "egress.allow"} is empty, so the agent would reach nobody. List the address and port of the hub${
          lib.optionalString (cfg.hub.url != null) " (${hubHost})"
        } and of the resolvers that find it, or set ${of "egress.enable"} = false.";
      }
      {
        assertion = cfg.egress.enable -> config.networking.nftables.enable == true;
        message = "${of "egress.enable"} needs nftables, and networking.nftables.enable is off. Set it to true, or ${of "egress.enable"} to false.";
      }
      {
        assertion = cfg.tpm -> config.security.tpm2.enable == true;
        message = "${of "tpm"} is on and security.tpm2.enable is not, so there is no group that may use the TPM. Set security.tpm2.enable = true, or ${of "tpm"} = false.";
      }
      {
        assertion = cfg.rebuild.enable -> cfg.rebuild.healthUnits != [ ];
        message = "${of "rebuild.healthUnits"} is empty, so every generation would count as healthy. Name the units that must run, or set ${of "rebuild.enable"} = false.";
      }
    ]
    ++ secrets.assertions (
      {
        ${of "enrolment.sheetFile"} = cfg.enrolment.sheetFile;
        ${of "siteKeyFile"} = cfg.siteKeyFile;
      }
      // lib.listToAttrs (
        lib.imap0 (n: path: lib.nameValuePair (of "certificateKeys.${toString n}") path) cfg.certificateKeys
      )
    );
  };
}
