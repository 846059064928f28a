# What the executor may do here. Each option can only narrow what the programs allow by themselves: none weakens a
# signature check, a guardrail or the log, and there is no switch that lets something disruptive run outside the window.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  ours = import ../types.nix { inherit lib; };
  window = types.submodule {
    options = {
      zone = mkOption {
        type = ours.zone;
        example = "Europe/Berlin";
        description = "The site's time zone: windows are by the clock on its wall.";
      };
      days = mkOption {
        type = types.nonEmptyListOf ours.day;
        example = [
          "tue"
          "thu"
        ];
        description = "On which days it opens.";
      };
      from = mkOption {
        type = ours.time;
        example = "02:00";
        description = "When it opens.";
      };
      to = mkOption {
        type = ours.time;
        example = "04:00";
        description = "When it closes; before `from`: on the next day.";
      };
    };
  };
in
{
  options.services.compliance-agent = {
    mode = mkOption {
      type = types.enum [
        "observe"
        "enforce"
        "maintenance"
      ];
      default = "observe";
      example = "enforce";
      description = "observe: look, and say what would be done; enforce: repair; maintenance: people are at work, touch nothing.";
    };
    modeSetBy = mkOption {
      type = types.nullOr ours.id;
      default = null;
      example = "a-fischer";
      description = "Who set the mode, for the people who look. Nothing is decided by it.";
    };
    enforceRunbooks = mkOption {
      type = types.listOf ours.runbook;
      default = [ ];
      example = [ "RB-TIME-001-sync" ];
      description = "Runbooks that may repair even while the site only observes. The approved catalogue must hold them.";
    };
    window = mkOption {
      type = types.nullOr window;
      default = null;
      example = {
        zone = "Europe/Berlin";
        days = [
          "tue"
          "thu"
        ];
        from = "02:00";
        to = "04:00";
      };
      description = "The maintenance window, in which disruptive steps may run. Without one they never do.";
    };
    criticalUnits = mkOption {
      type = types.listOf ours.unit;
      default = [ ];
      example = [ "practice-server.service" ];
      description = "Units that a patient's visit waits for: what they depend on is not restarted while they run.";
    };
    tags = mkOption {
      type = types.listOf ours.tag;
      default = [ ];
      example = [ "reception" ];
      description = "What the site calls this machine, for rules of its policy that ask.";
    };
    operators = mkOption {
      type = types.attrsOf ours.publicKey;
      default = { };
      example = {
        "a-fischer" = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
      };
      description = "The people who may approve orders and break the glass, each with a key of their own.";
    };
    limits.targetsMax = mkOption {
      type = types.ints.between 1 64;
      default = 5;
      example = 1;
      description = "The most things that one run may touch.";
    };
    limits.runsMax = mkOption {
      type = types.ints.between 1 16;
      default = 2;
      example = 1;
      description = "The most runs at once.";
    };
    limits.orderLifetime = mkOption {
      type = types.ints.between 60 900;
      default = 900;
      example = 300;
      description = "How old an order may be when it comes, in seconds. The hub gives each order 900; the site may ask for less, never for more.";
    };
    limits.clockErrorMs = mkOption {
      type = types.ints.between 50 5000;
      default = 5000;
      example = 1000;
      description = "How far off the machine's clock may be, in milliseconds, for a disruptive step to run. At most 5000.";
    };
  };
}
