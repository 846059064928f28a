# Threat: the agent's user speaks to somebody who is not listed.
{
  lib,
  data,
  site,
  broken,
  ...
}:
let
  listening = port: {
    wantedBy = [ "sockets.target" ];
    listenStreams = [ (toString port) ];
    socketConfig.Accept = true;
  };
in
{
  nodes.hub = {
    networking.firewall.allowedTCPPorts = [
      data.listed_port
      data.unlisted_port
    ];
    systemd.sockets.listed = listening data.listed_port;
    systemd.sockets.unlisted = listening data.unlisted_port;
    systemd.services."listed@".serviceConfig.ExecStart = "/bin/sh -c :";
    systemd.services."unlisted@".serviceConfig.ExecStart = "/bin/sh -c :";
  };
  nodes.site = {
    imports = [ site ];
    services.compliance-agent.egress = {
      # The sabotage: nothing is filtered.
      enable = lib.mkForce (!broken);
      # The test network gives addresses in the order of names: hub is the first.
      allow = [
        {
          address = "192.168.1.1";
          port = data.listed_port;
          why = "the hub";
        }
      ];
    };
  };
  script = ''
    def speaks(port: int) -> str:
        return f"runuser -u suture-agent -- timeout 5 bash -c 'exec 3<>/dev/tcp/192.168.1.1/{port}'"

    hub.wait_for_open_port(${toString data.listed_port})
    hub.wait_for_open_port(${toString data.unlisted_port})
    site.wait_for_unit("multi-user.target")
  '';
  check = ''
    site.succeed(speaks(${toString data.listed_port}))
    site.fail(speaks(${toString data.unlisted_port}))
  '';
}
