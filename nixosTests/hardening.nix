# Threat: a unit loses its sandbox.
{
  lib,
  data,
  site,
  broken,
  ...
}:
{
  nodes.site = {
    imports = [ site ];
    # The sabotage.
    systemd.services = lib.mkIf broken {
      suture-agent.serviceConfig.PrivateDevices = lib.mkForce "no";
      suture-executor.serviceConfig.RestrictNamespaces = lib.mkForce "no";
    };
  };
  script = ''
    import json

    site.wait_for_unit("multi-user.target")
  '';
  check = ''
    for unit, most in json.loads('${builtins.toJSON data.exposure_max}').items():
        site.succeed(f"systemd-analyze security --threshold={most} {unit}")
  '';
}
