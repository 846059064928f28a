# The MSP's hub: packaging/systemd's unit, its options by way of /etc/suture/hub.env as on Debian, and whom it tells.
{
  imports = [
    ./compliance-hub/serve.nix
    ./compliance-hub/alerts.nix
    ./compliance-hub/unit.nix
    ./compliance-hub/assertions.nix
  ];
}
