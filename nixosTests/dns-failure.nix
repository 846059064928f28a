# Threat: the clinic's resolver dies, and what happened meanwhile is lost.
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
    services.compliance-agent.mode = "observe";
  };
  # In the test's network names stand in /etc/hosts: without it there is no hub. The sabotage: it stays away.
  script =
    enrolled.script
    + ''
      site.succeed("cp --remove-destination $(readlink -f /etc/hosts) /etc/hosts; cp /etc/hosts /run/hosts; sed -i '/hub/d' /etc/hosts")
      hub.succeed("systemctl restart suture-hub.service")
      site.succeed("chmod 0755 /var/lib/suture/executor/evidence")
      site.wait_until_succeeds("find ${data.outbox} -maxdepth 1 -type f ! -name gap.json | grep -q .", timeout=${toString data.within_s})
      site.succeed("systemctl is-active suture-agent.service")
    ''
    + lib.optionalString (!broken) ''
      site.succeed("cp /run/hosts /etc/hosts")
    '';
  check = ''
    site.wait_until_succeeds(
        "! find ${data.outbox} -maxdepth 1 -type f ! -name gap.json | grep -q .",
        timeout=${toString data.within_s},
    )
  '';
}
