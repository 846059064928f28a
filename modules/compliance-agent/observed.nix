# What the agent looks at, and how often.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.services.compliance-agent = {
    logDirectories = mkOption {
      type = types.nullOr (types.listOf types.path);
      default = null;
      example = [ "/var/log/practice" ];
      description = "Directories whose log files are followed. null: the journal, or where there is none the files below /var/log.";
    };
    certificates = mkOption {
      type = types.listOf types.path;
      default = [ ];
      example = [ "/var/lib/acme/practice.example/cert.pem" ];
      description = "Certificates that this machine presents to others: their end, their strength and what vouches for them are watched.";
    };
    certificateKeys = mkOption {
      type = types.listOf types.path;
      default = [ ];
      example = [ "/var/lib/acme/practice.example/key.pem" ];
      description = "Their private keys, by path: only who may read them is looked at. Never in the store.";
    };
    stamps.backup = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/backup/last-success";
      description = "A file that is touched when a backup has ended well.";
    };
    stamps.restoreTest = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/backup/last-restore-test";
      description = "A file that is touched when a backup was restored and compared.";
    };
    exceptionsFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = lib.literalExpression "./exceptions/riverside.yaml";
      description = "The tenant's accepted failures, each with owner, approver and end. Not secret: it may lie in the store.";
    };
    siteKeyFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/secrets/suture-site-key";
      description = "The secret that all machines of the site share, under which the same address has the same pseudonym on each. A path at run time, never in the store; the agent's user must be able to read it.";
    };
    rescanInterval = mkOption {
      type = types.ints.between 10 86400;
      default = 3600;
      example = 600;
      description = "Seconds between full looks at the baseline, as a backstop behind the events (the roadmap's poll interval: orders wait for no interval, the agent keeps a request open for them).";
    };
    aloneAfter = mkOption {
      type = types.ints.between 0 3600;
      default = 60;
      example = 120;
      description = "How many seconds after its start the site waits for a hub that cannot be reached before it writes evidence on its own.";
    };
  };
}
