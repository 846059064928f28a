# Threat: nobody knows what time it is, and nobody is told.
{
  lib,
  data,
  site,
  enrolled,
  broken,
}:
{
  nodes.hub = {
    imports = [ enrolled.hub ];
    # The sabotage: there is a clock to go by, so that no record can say that there was none.
    services.chrony = lib.mkIf broken {
      enable = true;
      servers = [ ];
      extraConfig = "local stratum 8\nallow 192.168.1.0/24\n";
    };
    networking.firewall.allowedUDPPorts = [ 123 ];
  };
  nodes.site = {
    imports = [ site ];
    networking.timeServers = [ "hub" ];
    services.timesyncd.enable = false;
    services.chrony = lib.mkIf broken {
      enable = true;
      extraConfig = "makestep 1 -1\n";
    };
  };
  script =
    lib.optionalString broken ''
      hub.wait_for_unit("chronyd.service")
      site.wait_for_unit("chronyd.service")
      site.wait_until_succeeds("chronyc waitsync 30 0.1 100 1", timeout=120)
    ''
    + enrolled.script;
  check = ''
    site.wait_until_succeeds(
        """grep -raqF '"clock":"unsynchronised"' /var/lib/suture/executor/evidence""",
        timeout=${toString data.within_s},
    )
  '';
}
