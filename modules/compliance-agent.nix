# The clinic's machine: agent, executor, what they are told, and what watches over a new generation.
#
# The units are those of packaging/systemd, which Debian's package installs as they are; the two configuration files are
# rendered from the options below and hold nothing secret. Secrets are named by path and are never in the store.
{
  imports = [
    ./compliance-agent/identity.nix
    ./compliance-agent/guard.nix
    ./compliance-agent/observed.nix
    ./compliance-agent/files.nix
    ./compliance-agent/units.nix
    ./compliance-agent/enrolment.nix
    ./compliance-agent/egress.nix
    ./compliance-agent/generation.nix
    ./compliance-agent/retention.nix
    ./compliance-agent/baseline.nix
    ./compliance-agent/assertions.nix
  ];
}
