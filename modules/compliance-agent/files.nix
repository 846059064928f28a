# The two configuration files, rendered from the options: one key a line, each value as JSON, which is YAML. Nothing in
# them is secret. The programs read them strictly, so a key that they do not know would stop them; a test has the
# programs themselves read what is rendered here.
{ config, lib, ... }:
let
  cfg = config.services.compliance-agent;
  directory = "/var/lib/suture";
  socket = "/run/suture/executor.sock";

  yaml =
    values:
    "# Rendered from services.compliance-agent. Unknown keys are refused.\n"
    + lib.concatStrings (
      lib.mapAttrsToList (key: value: "${key}: ${builtins.toJSON value}\n") (
        lib.filterAttrs (_: value: value != null && value != { }) values
      )
    );
  # Paths as they are: what lies in the store already stays named by its place there.
  path = value: if value == null then null else "${value}";

  # What no machine can know by itself. Both look at it: the executor believes no measurement but its own.
  observed = {
    certificates = map toString cfg.certificates;
    certificate_keys = map toString cfg.certificateKeys;
    stamps = lib.filterAttrs (_: stamp: stamp != null) {
      backup = if cfg.stamps.backup == null then null else toString cfg.stamps.backup;
      restore_test = if cfg.stamps.restoreTest == null then null else toString cfg.stamps.restoreTest;
    };
  };

  agent = {
    hub = cfg.hub.url;
    dir = "${directory}/agent";
    inherit socket;
    executor_uid = 0;
    own = {
      evidence = "${directory}/executor/evidence";
      executor_keys = "${directory}/executor/keys";
      agent_keys = "${directory}/agent/keys";
    };
    inherit (observed) certificates certificate_keys stamps;
    exceptions = path cfg.exceptionsFile;
    rescan_s = cfg.rescanInterval;
    alone_after_s = cfg.aloneAfter;
    logs =
      if cfg.logDirectories == null then "auto" else { directories = map toString cfg.logDirectories; };
    tpm_device = cfg.tpmDevice;
    site_key = if cfg.siteKeyFile == null then null else toString cfg.siteKeyFile;
    inherit (cfg.hub) proxy;
  };

  executor = {
    inherit (cfg)
      origin
      tenant
      site
      host
      mode
      ;
    hub_keys = cfg.hub.keys;
    witness_key = cfg.hub.witnessKey;
    directory = "${directory}/executor";
    inherit socket;
    agent_uid = cfg.agentUid;
    agent_keys = "${directory}/agent/keys";
    retired_hub_keys = map (retired: { inherit (retired) key until; }) cfg.hub.retiredKeys;
    inherit (cfg) operators tags;
    window =
      if cfg.window == null then
        null
      else
        {
          inherit (cfg.window)
            zone
            days
            from
            to
            ;
        };
    critical_units = cfg.criticalUnits;
    targets_max = cfg.limits.targetsMax;
    runs_max = cfg.limits.runsMax;
    order_lifetime_s_max = cfg.limits.orderLifetime;
    clock_error_ms_max = cfg.limits.clockErrorMs;
    mode_set_by = cfg.modeSetBy;
    enforce = cfg.enforceRunbooks;
    inherit (observed) certificates certificate_keys stamps;
    approved_catalogue = cfg.catalogueDigest;
    tpm_device = cfg.tpmDevice;
    evidence_keep_mb = cfg.evidenceKeepMiB;
  };
in
{
  config = lib.mkIf cfg.enable {
    environment.etc."suture/agent.yaml".text = yaml agent;
    environment.etc."suture/executor.yaml".text = yaml executor;
  };
}
