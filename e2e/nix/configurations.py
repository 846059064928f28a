"""Configurations that stand for users' own: good ones, and what is changed in them to make bad ones."""

KEY = "0123456789abcdef" * 4
OTHER_KEY = "fedcba9876543210" * 4
DIGEST = "sha256:" + KEY

# What nobody can leave out.
AGENT = f"""{{
  services.compliance-agent = {{
    enable = true;
    tenant = "riverside";
    site = "main-street";
    host = "h4f1c09d2";
    origin = "hub.msp.example/h4f1c09d2";
    hub.url = "https://hub.msp.example:8443";
    hub.keys = [ "{KEY}" ];
    hub.witnessKey = "hub.msp.example/witness+1f2e3d4c+BA";
    catalogueDigest = "{DIGEST}";
    egress.allow = [ {{ address = "192.0.2.10"; port = 8443; why = "the hub"; }} ];
  }};
}}"""

HUB = """{
  services.compliance-hub = {
    enable = true;
    name = "hub.msp.example";
  };
}"""

# Every option that can be set.
FULL_AGENT = f"""{{
  security.tpm2.enable = true;
  services.compliance-agent = {{
    hub.retiredKeys = [ {{ key = "{OTHER_KEY}"; until = "2026-06-30T00:00:00Z"; }} ];
    hub.proxy = "http://proxy.clinic.example:3128";
    enrolment.sheetFile = "/run/secrets/suture-sheet";
    agentUid = 641;
    logLevel = "warn";
    tpm = true;
    tpmDevice = "/dev/tpmrm1";
    mode = "enforce";
    modeSetBy = "a-fischer";
    enforceRunbooks = [ ];
    window = {{ zone = "Europe/Berlin"; days = [ "tue" "thu" ]; from = "22:00"; to = "04:00"; }};
    criticalUnits = [ "practice-server.service" ];
    tags = [ "reception" ];
    operators = {{ a-fischer = "{KEY}"; b-ode = "{OTHER_KEY}"; }};
    limits = {{ targetsMax = 1; runsMax = 1; orderLifetime = 300; clockErrorMs = 1000; }};
    evidenceKeepMiB = 4096;
    retentionYears = 10;
    logDirectories = [ "/var/log/practice" ];
    certificates = [ "/var/lib/acme/practice.example/cert.pem" ];
    certificateKeys = [ "/var/lib/acme/practice.example/key.pem" ];
    stamps.backup = "/var/lib/backup/last-success";
    stamps.restoreTest = "/var/lib/backup/last-restore-test";
    exceptionsFile = "/etc/suture/exceptions.yaml";
    siteKeyFile = "/run/secrets/suture-site-key";
    rescanInterval = 600;
    aloneAfter = 120;
    egress.wholeMachine = true;
    egress.allow = [
      {{ address = "2001:db8::53"; port = 53; protocol = "udp"; why = "names"; }}
      {{ address = "198.51.100.0/24"; port = 443; why = "backups"; }}
    ];
    rebuild = {{ healthTimeout = 180; holdDown = 30; healthUnits = [ "suture-agent.service" "sshd.service" ]; }};
    baseline = "hipaa-v1";
  }};
}}"""

FULL_HUB = """{
  services.compliance-hub = {
    deviceAddress = "[::]:8443";
    operatorAddress = "192.0.2.20:6767";
    openFirewall = true;
    operator = { name = "suture.msp.example"; certificateFile = "/var/lib/acme/s/fullchain.pem"; keyFile = "/var/lib/acme/s/key.pem"; };
    oidc = { issuer = "https://login.msp.example"; client = "suture"; secretFile = "/run/secrets/suture-oidc"; };
    archive = { dir = "/var/lib/suture-archive"; s3 = "https://s3.example/evidence"; s3Region = "eu-central-1"; s3CredentialsFile = "/run/secrets/suture-s3"; years = 10; };
    timestampUrl = "https://time.example/tsa";
    packetsFile = "/etc/suture/packets.yaml";
    otlpUrl = "http://127.0.0.1:4318";
    trace = "json";
    deployment = { mode = "reseller"; reseller = "northwind-it"; };
    alerts = {
      siteDarkAfterMinutes = 30;
      backupWithinHours = 26;
      quiet = { zone = "Europe/Berlin"; from = "22:00"; to = "06:30"; except = [ "evidence" "fault" ]; };
      channels.rmm.webhook = { url = "https://rmm.msp.example/in"; secretFile = "/run/secrets/suture-webhook"; };
      channels.log.syslog.socket = "/dev/log";
      channels.siem.syslog.tcp = "192.0.2.30:601";
      channels.mail.smtp = { host = "mail.example"; port = 465; tls = "implicit"; from = "hub@msp.example"; to = [ "help@msp.example" ]; };
      routes = [ { channels = [ "log" "rmm" ]; } { kinds = [ "site-dark" ]; channels = [ "mail" ]; } ];
      escalation = { afterMinutes = 30; channels = [ "rmm" ]; };
    };
  };
}"""

FULL_APPLIANCE = """({ lib, ... }: {
  services.compliance-appliance = {
    sshAuthority = lib.mkForce "ssh-ed25519 AAAA other";
    sshFrom = [ "192.168.7.0/24" ];
    person = "night-watch";
    passwordFile = lib.mkForce "/run/secrets/other";
    disk = "/dev/disk/by-partlabel/other";
    bootKeyFile = "/etc/secrets/other";
    generations = 40;
  };
})"""


def changed(option, expression):
    """One option of the agent's set to something else, above what it was."""
    return f"({{ lib, ... }}: {{ services.compliance-agent.{option} = lib.mkForce ({expression}); }})"


def changed_hub(option, expression):
    return f"({{ lib, ... }}: {{ services.compliance-hub.{option} = lib.mkForce ({expression}); }})"
