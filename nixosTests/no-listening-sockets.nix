# Threat: agent or executor open a listening network socket.
{
  lib,
  data,
  site,
  enrolled,
  broken,
}:
let
  port = toString data.stray_port;
in
{
  nodes.hub = enrolled.hub;
  nodes.site = {
    imports = [ site ];
    # The sabotage: something listens, by whatever name.
    systemd.sockets.stray = lib.mkIf broken {
      wantedBy = [ "sockets.target" ];
      listenStreams = [ port ];
      socketConfig.Accept = true;
    };
    systemd.services."stray@" = lib.mkIf broken { serviceConfig.ExecStart = "/bin/sh -c :"; };
  };
  script = enrolled.script;
  check = ''
    listening = site.succeed("ss --no-header --listening --numeric --tcp").strip()
    assert listening == "", listening
    for unit in ("suture-agent", "suture-executor"):
        group = f"/sys/fs/cgroup/system.slice/{unit}.service/cgroup.procs"
        for process in site.succeed(f"cat {group}").split():
            udp = site.succeed(f"ss --no-header --listening --numeric --udp --processes | grep -F 'pid={process},' || true")
            assert udp.strip() == "", udp
  '';
}
