# One appliance, as an example: everything here is public, and the secrets are paths. Replace it by what suture-declare
# prints of your sheet, your authority and your addresses.
{
  networking.hostName = "appliance";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "25.11";
  time.timeZone = "UTC";
  networking.timeServers = [ "198.51.100.123" ];
  hardware.enableRedistributableFirmware = true;
  hardware.cpu.intel.updateMicrocode = true;

  services.compliance-appliance = {
    sshAuthority = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBs9xT7H1m0mE0v0m3XxkX1cY1n1m8q2uS7C9lC0yqkM msp-user-ca";
    sshFrom = [ "10.20.0.0/24" ];
    passwordFile = "/run/secrets/msp-password";
  };

  services.compliance-agent = {
    tenant = "riverside";
    site = "main-street";
    host = "h4f1c09d2";
    origin = "hub.msp.example/h4f1c09d2";
    hub.url = "https://hub.msp.example:8443";
    hub.keys = [ "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" ];
    hub.witnessKey = "hub.msp.example/witness+1f2e3d4c+BA";
    catalogueDigest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    # sops-nix and agenix put them below /run at each start.
    enrolment.sheetFile = "/run/secrets/suture-sheet";
    siteKeyFile = "/run/secrets/suture-site-key";
    window = {
      zone = "Europe/Berlin";
      days = [
        "tue"
        "thu"
      ];
      from = "22:00";
      to = "04:00";
    };
    egress.allow = [
      {
        address = "192.0.2.10";
        port = 8443;
        why = "the hub";
      }
      {
        address = "192.0.2.53";
        port = 53;
        protocol = "udp";
        why = "names";
      }
      {
        address = "198.51.100.123";
        port = 123;
        protocol = "udp";
        why = "time";
      }
      {
        address = "203.0.113.20";
        port = 443;
        why = "backups";
      }
    ];
    rebuild.healthUnits = [
      "suture-executor.service"
      "suture-agent.service"
      "sshd.service"
    ];
  };
}
