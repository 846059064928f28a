# Threat: while the hub is away, what happened is lost.
{
  lib,
  data,
  site,
  enrolled,
  broken,
}:
{
  nodes.hub = enrolled.hub;
  nodes.site = {
    imports = [ site ];
    # Observed only: the finding stays, and has to be told.
    services.compliance-agent.mode = "observe";
  };
  # The sabotage: the hub stays away.
  script =
    enrolled.script
    + ''
      hub.succeed("systemctl stop suture-hub.service")
      site.succeed("chmod 0755 /var/lib/suture/executor/evidence")
      site.wait_until_succeeds("find ${data.outbox} -maxdepth 1 -type f ! -name gap.json | grep -q .", timeout=${toString data.within_s})
    ''
    + lib.optionalString (!broken) ''
      hub.succeed("systemctl start suture-hub.service")
    '';
  check = ''
    site.wait_until_succeeds(
        "! find ${data.outbox} -maxdepth 1 -type f ! -name gap.json | grep -q .",
        timeout=${toString data.within_s},
    )
    receipts = site.succeed("find /var/lib/suture/executor -name 'receipt*' -size +0").strip()
    assert receipts != "", "the outbox forgot without a receipt"
  '';
}
