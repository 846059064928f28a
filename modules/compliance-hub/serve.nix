# What `suture-hub serve` is told. Each option is one of its arguments.
{ lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  word = types.strMatching "[^[:space:]\"'\\\\$]+";
  file =
    description: example:
    mkOption {
      type = types.nullOr types.path;
      default = null;
      inherit example description;
    };
in
{
  options.services.compliance-hub = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = "Whether this machine is Suture's hub.";
    };
    package = mkOption {
      type = types.package;
      default = pkgs.suture or (pkgs.callPackage ../../nix/suture.nix { });
      defaultText = lib.literalExpression "pkgs.suture";
      example = lib.literalExpression "inputs.suture.packages.\${pkgs.system}.suture";
      description = "The package with suture-hub.";
    };
    name = mkOption {
      type = types.nullOr word;
      default = null;
      example = "hub.msp.example";
      description = "The domain name by which devices reach the hub. It never changes, since logs carry it. (--name)";
    };
    deviceAddress = mkOption {
      type = word;
      default = "0.0.0.0:8443";
      example = "[::]:8443";
      description = "Where devices connect, by mutual TLS 1.3. (--device)";
    };
    operatorAddress = mkOption {
      type = word;
      default = "127.0.0.1:6767";
      example = "192.0.2.20:6767";
      description = "Where operators connect: loopback, unless `operator.certificateFile` is given. (--operator)";
    };
    openFirewall = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = "Whether the firewall lets devices in, to the port of `deviceAddress`.";
    };
    operator.name = mkOption {
      type = types.nullOr word;
      default = null;
      example = "suture.msp.example";
      description = "The name by which browsers reach the operator plane. (--operator-name)";
    };
    operator.certificateFile = file "The operator plane's certificate and chain. (--operator-certificate)" "/var/lib/acme/suture.msp.example/fullchain.pem";
    operator.keyFile = file "Its key: a path at run time, never in the store. (--operator-key)" "/var/lib/acme/suture.msp.example/key.pem";
    oidc.issuer = mkOption {
      type = types.nullOr word;
      default = null;
      example = "https://login.msp.example";
      description = "The provider of identities by which people may sign in. (--oidc-issuer)";
    };
    oidc.client = mkOption {
      type = types.nullOr word;
      default = null;
      example = "suture";
      description = "What it calls this hub. (--oidc-client)";
    };
    oidc.secretFile = file "The file with this hub's client secret, at run time, never in the store. (--oidc-secret)" "/run/secrets/suture-oidc";
    archive.dir = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/suture-archive";
      description = "A directory in which evidence is written once. (--archive-dir)";
    };
    archive.s3 = mkOption {
      type = types.nullOr (types.strMatching "https://[^[:space:]\"'\\\\$]+");
      default = null;
      example = "https://s3.example/evidence";
      description = "A bucket with Object Lock in which evidence is locked. (--archive-s3)";
    };
    archive.s3Region = mkOption {
      type = word;
      default = "us-east-1";
      example = "eu-central-1";
      description = "The bucket's region. (--archive-s3-region)";
    };
    archive.s3CredentialsFile = file "The file with the bucket's access key, at run time, never in the store. (--archive-s3-credentials)" "/run/secrets/suture-s3";
    archive.years = mkOption {
      type = types.ints.positive;
      default = 7;
      example = 10;
      description = "For how many years evidence is locked. Less than six is refused, here and by the hub. (--archive-years)";
    };
    modelsFile = file "Which models to ask what no rule speaks of. (--models)" "/etc/suture/models.yaml";
    packetsFile = file "Which tenants get packets by themselves, how they look, and who gets them by mail. Logos lie beside it. (--packets)" "/etc/suture/packets.yaml";
    natsFile = file "The NATS servers that keep the tenants' queues. (--nats)" "/etc/suture/nats.yaml";
    witnessPolicyFile = file "Who witnesses the log of all sites' heads: a C2SP tlog-policy. (--witness-policy)" "/etc/suture/witnesses";
    witnessForFile = file "Whose logs this hub cosigns besides its own sites'. (--witness-for)" "/etc/suture/witness-for";
    timestampUrl = mkOption {
      type = types.nullOr word;
      default = null;
      example = "https://time.example/tsa";
      description = "An RFC 3161 authority that stamps the log of all sites' heads once a day. (--timestamp-url)";
    };
    otlpUrl = mkOption {
      type = types.nullOr word;
      default = null;
      example = "http://127.0.0.1:4318";
      description = "An OpenTelemetry collector that spans are sent to. (--otlp)";
    };
    baselineFile = file "A baseline in place of the shipped one. (--baseline)" "/etc/suture/baseline.yaml";
    rulesFile = file "A rule table in place of the shipped one. (--rules)" "/etc/suture/rules.yaml";
    runbooksDir = file "A directory of runbooks in place of the shipped ones. (--runbooks)" "/etc/suture/runbooks";
    trace = mkOption {
      type = types.enum [
        "text"
        "json"
      ];
      default = "text";
      example = "json";
      description = "How the hub's trace is written. (--trace)";
    };
  };
}
