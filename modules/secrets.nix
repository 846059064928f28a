# Whether a path would lie in the store, which everybody on the machine can read and which is copied about.
{ lib }:
let
  inStore = path: builtins.isPath path || lib.hasPrefix builtins.storeDir (toString path);
in
{
  # An assertion for each of { "services.x.y" = path or null; }.
  assertions = lib.mapAttrsToList (
    option: path: {
      assertion = path == null || !(inStore path);
      message = "${option} would put a secret into the Nix store, where everybody on the machine can read it. Give the path at run time as a string: \"/run/secrets/…\", config.sops.secrets.<name>.path or config.age.secrets.<name>.path.";
    }
  );
}
