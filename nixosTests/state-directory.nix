# Threat: somebody opens the directory of the evidence to others.
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
    # The sabotage: the site only observes.
    services.compliance-agent.mode = lib.mkIf broken "observe";
  };
  script = enrolled.script + ''
    site.succeed("chmod ${data.loosened} ${data.directory}")
  '';
  check = ''
    site.wait_until_succeeds(
        "[ $(stat --format %a ${data.directory}) = ${lib.removePrefix "0" data.mode} ]",
        timeout=${toString data.within_s},
    )
  '';
}
