# Threat: what somebody writes into the journal leaves the machine, or the journal is told to forget within six years.
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
    # The sabotage: the journal forgets.
    services.journald.extraConfig = lib.mkIf broken (lib.mkOrder 2000 "MaxRetentionSec=1month");
  };
  script = enrolled.script + ''
    site.succeed("logger --tag sshd 'Failed password for ${data.word} from 203.0.113.9 port 22 ssh2'")
    site.succeed("systemctl restart systemd-journald.service")
    site.sleep(15)
  '';
  check = ''
    site.succeed("systemctl is-active suture-agent.service")
    limits = site.succeed("systemd-analyze cat-config systemd/journald.conf | grep '^MaxRetentionSec='").split()
    assert limits[-1] == "${data.retention}", limits
    site.fail("grep -raqF '${data.word}' /var/lib/suture")
    hub.fail("grep -raqF '${data.word}' /var/lib/suture-hub")
  '';
}
