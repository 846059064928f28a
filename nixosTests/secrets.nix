# Threat: somebody but its service reads a secret.
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
  script =
    enrolled.script
    + lib.optionalString broken ''
      site.succeed("chmod 0644 ${builtins.head data.key_directories}/*")
    '';
  check = ''
    owners = {"/var/lib/suture/executor/keys": "root", "/var/lib/suture/agent/keys": "suture-agent"}
    for directory in json.loads('${builtins.toJSON data.key_directories}'):
        found = site.succeed(f"stat --format '%a %U' {directory}").split()
        assert found == ["${lib.removePrefix "0" data.directory_mode}", owners[directory]], found
        for file in site.succeed(f"find {directory} -type f").split():
            mode, owner = site.succeed(f"stat --format '%a %U' {file}").split()
            assert owner == owners[directory], f"{file} is {owner}'s"
            assert file.endswith((".crt", ".pub", ".earlier")) or int(mode, 8) & 0o177 == 0, f"{file} is {mode}"
    sheet = site.succeed("stat --format '%a %U' /run/sheet.json").split()
    assert sheet == ["${lib.removePrefix "0" data.mode_max}", "root"], sheet
    site.fail(f"grep -rqF {told['secret']} /etc/suture/ /run/current-system/etc/suture/")
  '';
}
