# Threat: a generation is switched to on which the executor does not start.
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
    services.compliance-agent.rebuild = {
      # The sabotage: nobody watches.
      enable = lib.mkForce (!broken);
      healthTimeout = data.health_timeout_s;
      holdDown = data.hold_down_s;
    };
    system.switch.enable = true;
    specialisation.bad.configuration.systemd.services.suture-executor.serviceConfig.ExecStart =
      lib.mkForce "/run/current-system/sw/bin/false";
  };
  script =
    enrolled.script
    + ''
      first = site.succeed("readlink -f /run/current-system").strip()
      bad = site.succeed("readlink -f /run/current-system/specialisation/bad").strip()
      site.succeed(f"nix-env --profile /nix/var/nix/profiles/system --set {first}")
    ''
    + lib.optionalString (!broken) ''
      site.wait_until_succeeds(
          f"[ $(readlink -f /var/lib/suture/generation/confirmed) = {first} ]", timeout=${toString data.within_s}
      )
    ''
    + ''
      site.succeed(f"nix-env --profile /nix/var/nix/profiles/system --set {bad}")
      site.execute(f"{bad}/bin/switch-to-configuration switch")
    '';
  check = ''
    site.wait_until_succeeds(
        f"[ $(readlink -f /run/current-system) = {first} ] && systemctl is-active suture-executor.service",
        timeout=${toString data.within_s},
    )
    boots = site.succeed("readlink -f /nix/var/nix/profiles/system").strip()
    assert boots == first, f"{boots} would boot"
  '';
}
