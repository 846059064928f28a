# A clinic's machine as the tests declare it. Who it is and whom it believes the hub says when it has begun: enrolled.nix
# puts that into the rendered files, where a site would have declared it.
{ lib, ... }:
let
  unknown = "0000000000000000000000000000000000000000000000000000000000000000";
in
{
  services.compliance-agent = {
    enable = true;
    tenant = "riverside";
    site = "main";
    host = "not-enrolled";
    origin = "hub/not-enrolled";
    hub.url = "https://hub:8443";
    hub.keys = [ unknown ];
    hub.witnessKey = "hub/witness";
    catalogueDigest = "sha256:${unknown}";
    mode = lib.mkDefault "enforce";
    aloneAfter = 0;
    rescanInterval = 10;
    egress.enable = lib.mkDefault false;
    rebuild.enable = lib.mkDefault false;
  };
}
