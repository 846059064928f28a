# Threat: an order that was held back is carried out when nobody expects it any more.
{
  lib,
  data,
  site,
  enrolled,
  broken,
}:
let
  directory = "/var/lib/suture/executor/evidence";
in
{
  nodes.hub = enrolled.hub;
  nodes.site.imports = [ site ];
  # For the site every order of the hub is a day old. The sabotage: it is not.
  script =
    enrolled.script
    + lib.optionalString (!broken) ''
      site.succeed("date --set '+${toString data.late_s} seconds'")
    ''
    + ''
      site.succeed("chmod 0755 ${directory}")
    '';
  check = ''
    site.sleep(${toString data.watched_s})
    mode = site.succeed("stat --format %a ${directory}").strip()
    assert mode == "755", f"an order that had expired was carried out: {mode}"
  '';
}
