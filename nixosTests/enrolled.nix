# A hub, a site, and the script that enrols one with the other.
{
  hub = {
    services.compliance-hub = {
      enable = true;
      name = "hub";
      openFirewall = true;
    };
  };

  # A token is given beside no running hub. What the sheet pins replaces what site.nix could not know.
  script = ''
    import base64
    import hashlib
    import json

    hub.wait_for_unit("suture-hub.service")
    hub.wait_for_open_port(8443)
    hub.succeed("systemctl stop suture-hub.service")
    sheet = hub.succeed("runuser -u suture-hub -- suture-hub token --dir /var/lib/suture-hub --tenant riverside --site main")
    hub.succeed("systemctl start suture-hub.service")
    hub.wait_for_open_port(8443)

    told = json.loads(sheet)
    catalogue = json.loads(base64.b64decode(told["catalogue"]))
    pinned = {key: told[key] for key in ("origin", "tenant", "site", "host", "witness_key")}
    pinned["hub_keys"] = [told["hub_key"]]
    pinned["approved_catalogue"] = "sha256:" + hashlib.sha256(base64.b64decode(catalogue["payload"])).hexdigest()
    site.wait_for_unit("multi-user.target")
    site.succeed("cp --remove-destination $(readlink -f /etc/suture/executor.yaml) /etc/suture/executor.yaml")
    for key, value in pinned.items():
        site.succeed(f"sed -i 's|^{key}: .*|{key}: {json.dumps(value)}|' /etc/suture/executor.yaml")
    site.succeed("install -m 0400 /dev/null /run/sheet.json")
    site.succeed(f"cat >/run/sheet.json <<'END'\n{sheet}\nEND")
    site.succeed("suture-enrol --declared /run/sheet.json")
    site.wait_for_unit("suture-executor.service")
    site.wait_for_unit("suture-agent.service")
  '';

}
