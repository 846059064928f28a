# Who this machine is, which hub it belongs to, and how it is enrolled.
#
# All of it but the sheet is public and stands in the sheet that the hub gave (packaging/suture-declare prints it as
# Nix): pinned here, so that no file on the machine decides whom it believes.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  ours = import ../types.nix { inherit lib; };
in
{
  options.services.compliance-agent = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = "Whether Suture's agent and executor look after this machine.";
    };
    package = mkOption {
      type = types.package;
      default = pkgs.suture or (pkgs.callPackage ../../nix/suture.nix { });
      defaultText = lib.literalExpression "pkgs.suture";
      example = lib.literalExpression "inputs.suture.packages.\${pkgs.system}.suture";
      description = "The package with suture-agent, suture-executor and suture-enrol.";
    };
    tenant = mkOption {
      type = types.nullOr ours.id;
      default = null;
      example = "riverside";
      description = "The client of the MSP whose machine this is: the sheet's `tenant`.";
    };
    site = mkOption {
      type = types.nullOr ours.id;
      default = null;
      example = "main-street";
      description = "The place where it stands: the sheet's `site`.";
    };
    host = mkOption {
      type = types.nullOr ours.id;
      default = null;
      example = "h4f1c09d2";
      description = "The machine's opaque id, which the hub drew: the sheet's `host`.";
    };
    origin = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "hub.msp.example/h4f1c09d2";
      description = "The origin of this machine's evidence log: the sheet's `origin`.";
    };
    hub.url = mkOption {
      type = types.nullOr ours.httpsUrl;
      default = null;
      example = "https://hub.msp.example:8443";
      description = "The hub's device plane, by which the agent reports and fetches orders: the sheet's `hub`.";
    };
    hub.keys = mkOption {
      type = types.listOf ours.publicKey;
      default = [ ];
      example = [ "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" ];
      description = "The keys with which the hub signs orders, catalogue and baseline: the sheet's `hub_key`. No other is believed.";
    };
    hub.retiredKeys = mkOption {
      type = types.listOf (
        types.submodule {
          options = {
            key = mkOption {
              type = ours.publicKey;
              example = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
              description = "The earlier key.";
            };
            until = mkOption {
              type = ours.instant;
              example = "2026-06-30T00:00:00Z";
              description = "Until when it still counts.";
            };
          };
        }
      );
      default = [ ];
      example = lib.literalExpression ''[ { key = "0123…"; until = "2026-06-30T00:00:00Z"; } ]'';
      description = "Keys with which the hub signed before, each with the instant at which it stops counting.";
    };
    hub.witnessKey = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "hub.msp.example/witness+1f2e3d4c+BA…";
      description = "The key with which the hub cosigns evidence, as a C2SP verifier key: the sheet's `witness_key`.";
    };
    hub.proxy = mkOption {
      type = types.nullOr ours.proxyUrl;
      default = null;
      example = "http://proxy.clinic.example:3128";
      description = "The clinic's HTTP proxy, where the hub is reached by it. It holds no credentials: this file is no place for them.";
    };
    catalogueDigest = mkOption {
      type = types.nullOr ours.digest;
      default = null;
      example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
      description = "The catalogue of runbooks that this site approves, by its digest. The executor refuses to start on another one.";
    };
    enrolment.sheetFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/secrets/suture-sheet";
      description = ''
        The enrolment sheet, which holds a token that works once: a path at run time, never in the store. While it is
        there and the machine is not enrolled, `suture-enrol.service` makes the machine's keys here and asks the hub for
        its certificate. null: somebody runs `suture-enrol --declared SHEET` by hand.
      '';
    };
    agentUid = mkOption {
      type = types.ints.between 400 999;
      default = 640;
      example = 641;
      description = "The number of the agent's user. The executor lets nobody else in, by this number, so it is fixed and not drawn.";
    };
    logLevel = mkOption {
      type = types.enum [
        "error"
        "warn"
        "info"
        "debug"
        "trace"
      ];
      default = "info";
      example = "warn";
      description = "How much agent and executor write to their own trace (`SUTURE_TRACE` in the units). It holds no log lines of others, and decides nothing.";
    };
    tpm = mkOption {
      type = types.bool;
      default = config.security.tpm2.enable == true;
      defaultText = lib.literalExpression "config.security.tpm2.enable";
      example = true;
      description = "Whether agent and executor may use the machine's TPM 2.0 (/dev/tpmrm0), which seals their keys when they are enrolled.";
    };
    tpmDevice = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/dev/tpmrm1";
      description = "The TPM 2.0 that sealed the keys, where it is not the kernel's own device.";
    };
  };
}
