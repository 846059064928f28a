# Whom the hub tells, and how: rendered as alerts.yaml, which the hub reads strictly. Secrets stay paths.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  ours = import ../types.nix { inherit lib; };
  cfg = config.services.compliance-hub;
  kind = types.enum [
    "site-dark"
    "hosts-dark"
    "call"
    "waiting"
    "evidence"
    "fault"
  ];
  channel = types.submodule {
    options = {
      webhook = mkOption {
        type = types.nullOr (
          types.submodule {
            options.url = mkOption {
              type = types.strMatching "https?://[^[:space:]]+";
              example = "https://rmm.msp.example/in";
              description = "Where to: https, or http to this machine.";
            };
            options.secretFile = mkOption {
              type = types.path;
              example = "/run/secrets/suture-webhook";
              description = "The secret that signs it: a path at run time, never in the store.";
            };
          }
        );
        default = null;
        example = {
          url = "https://rmm.msp.example/in";
          secretFile = "/run/secrets/suture-webhook";
        };
        description = "A signed HTTP POST, such as a remote monitoring system takes.";
      };
      syslog = mkOption {
        type = types.nullOr (
          types.submodule {
            options.socket = mkOption {
              type = types.nullOr types.path;
              default = null;
              example = "/dev/log";
              description = "The machine's own socket.";
            };
            options.tcp = mkOption {
              type = types.nullOr types.str;
              default = null;
              example = "192.0.2.30:601";
              description = "A collector, by plain TCP.";
            };
          }
        );
        default = null;
        example = {
          socket = "/dev/log";
        };
        description = "RFC 5424.";
      };
      smtp = mkOption {
        type = types.nullOr (types.attrsOf types.anything);
        default = null;
        example = {
          host = "mail.example";
          port = 465;
          tls = "implicit";
          from = "hub@msp.example";
          to = [ "help@msp.example" ];
        };
        description = "Mail, with the keys of docs/running-a-hub.md.";
      };
    };
  };
  # A key that is null is one that was not given.
  given = lib.filterAttrs (_: value: value != null);
  wayOut =
    ways:
    if ways.webhook != null then
      {
        webhook = {
          inherit (ways.webhook) url;
          secret_file = toString ways.webhook.secretFile;
        };
      }
    else if ways.syslog != null then
      {
        syslog = given {
          socket = if ways.syslog.socket == null then null else toString ways.syslog.socket;
          inherit (ways.syslog) tcp;
        };
      }
    else
      { inherit (ways) smtp; };
  alerts = given {
    version = 1;
    inherit (cfg.deployment) reseller;
    site_dark_after_minutes = cfg.alerts.siteDarkAfterMinutes;
    backup_within_hours = cfg.alerts.backupWithinHours;
    quiet = if cfg.alerts.quiet == null then null else cfg.alerts.quiet;
    channels = lib.mapAttrs (_: wayOut) cfg.alerts.channels;
    routes = map (route: given { inherit (route) kinds channels; }) cfg.alerts.routes;
    escalation =
      if cfg.alerts.escalation == null then
        null
      else
        {
          after_minutes = cfg.alerts.escalation.afterMinutes;
          inherit (cfg.alerts.escalation) channels;
        };
  };
in
{
  options.services.compliance-hub = {
    deployment.mode = mkOption {
      type = types.enum [
        "reseller"
        "direct"
      ];
      default = "direct";
      example = "reseller";
      description = "direct: the MSP's own people look into the console. reseller: others look after the clinics, and hear by a webhook or by syslog, which must then be declared.";
    };
    deployment.reseller = mkOption {
      type = types.nullOr ours.id;
      default = null;
      example = "northwind-it";
      description = "By what id the reseller's systems know this hub: it stands in each webhook and syslog line.";
    };
    alerts.siteDarkAfterMinutes = mkOption {
      type = types.ints.between 1 10080;
      default = 15;
      example = 30;
      description = "After how many minutes without a word a site is dark.";
    };
    alerts.backupWithinHours = mkOption {
      type = types.nullOr (types.ints.between 1 8784);
      default = null;
      example = 26;
      description = "How old the hub's last backup may be. null: backups are somebody else's matter.";
    };
    alerts.quiet = mkOption {
      type = types.nullOr (
        types.submodule {
          options.zone = mkOption {
            type = ours.zone;
            example = "Europe/Berlin";
            description = "By the clock on whose wall.";
          };
          options.from = mkOption {
            type = ours.time;
            example = "22:00";
            description = "When it becomes quiet.";
          };
          options.to = mkOption {
            type = ours.time;
            example = "06:30";
            description = "When that ends.";
          };
          options.except = mkOption {
            type = types.listOf kind;
            default = [ ];
            example = [ "evidence" ];
            description = "What cannot wait.";
          };
        }
      );
      default = null;
      example = {
        zone = "Europe/Berlin";
        from = "22:00";
        to = "06:30";
        except = [ "evidence" ];
      };
      description = "Hours in which what can wait waits.";
    };
    alerts.channels = mkOption {
      type = types.attrsOf channel;
      default = { };
      example = {
        rmm.webhook = {
          url = "https://rmm.msp.example/in";
          secretFile = "/run/secrets/suture-webhook";
        };
      };
      description = "The ways out, each by webhook, syslog or mail.";
    };
    alerts.routes = mkOption {
      type = types.listOf (
        types.submodule {
          options.kinds = mkOption {
            type = types.nullOr (types.listOf kind);
            default = null;
            example = [ "site-dark" ];
            description = "Of what. null: of everything.";
          };
          options.channels = mkOption {
            type = types.nonEmptyListOf types.str;
            example = [ "rmm" ];
            description = "By which channels.";
          };
        }
      );
      default = [ ];
      example = [ { channels = [ "rmm" ]; } ];
      description = "What is told by which channels.";
    };
    alerts.escalation = mkOption {
      type = types.nullOr (
        types.submodule {
          options.afterMinutes = mkOption {
            type = types.ints.between 1 10080;
            example = 30;
            description = "After how many minutes that nobody acknowledged.";
          };
          options.channels = mkOption {
            type = types.nonEmptyListOf types.str;
            example = [ "pager" ];
            description = "By which channels.";
          };
        }
      );
      default = null;
      example = {
        afterMinutes = 30;
        channels = [ "pager" ];
      };
      description = "Who hears of what nobody acknowledged in time.";
    };
  };

  config = lib.mkIf cfg.enable {
    # As JSON, which is YAML.
    environment.etc."suture/alerts.yaml".text = builtins.toJSON alerts + "\n";
  };
}
