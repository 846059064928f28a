# Threat: somebody exchanges what the hub signed.
{
  lib,
  data,
  site,
  enrolled,
  broken,
}:
{
  nodes.hub = enrolled.hub;
  nodes.site.imports = [ site ];
  # The sabotage is that nothing is bent: then it starts, and the assertion has to say so.
  script =
    enrolled.script
    + lib.optionalString (!broken) ''
      path = "/var/lib/suture/executor/${data.file}"
      byte = int(site.succeed(f"od -An -tu1 -j ${toString data.byte} -N 1 {path}"))
      bent = byte ^ ${toString data.xor}
      site.succeed(f"printf '\\{bent:03o}' | dd of={path} bs=1 seek=${toString data.byte} conv=notrunc status=none")
    ''
    + ''
      site.execute("systemctl restart suture-executor.service")
      site.sleep(5)
    '';
  check = ''
    status = site.succeed("systemctl show --property ExecMainStatus --value suture-executor.service").strip()
    assert status == "${toString data.status}", status
    site.fail("systemctl is-active suture-executor.service")
  '';
}
