{
  description = "Suture: a compliance appliance for clinics";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";
    # For its Rust alone: the compiler of 25.11 is older than the one that rust-toolchain.toml names.
    nixpkgs-rust.url = "github:NixOS/nixpkgs/nixos-unstable";
  };

  outputs =
    {
      self,
      nixpkgs,
      nixpkgs-rust,
    }:
    let
      inherit (nixpkgs) lib;
      forEachSystem =
        f:
        lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
          system: f (nixpkgs.legacyPackages.${system}.extend self.overlays.default)
        );
      # A module with the package of this flake, unless somebody names another.
      withPackage =
        service: module:
        { pkgs, ... }:
        {
          imports = [ module ];
          services.${service}.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.suture;
        };
    in
    {
      overlays.default = import ./nix/overlay.nix { inherit nixpkgs-rust; };

      packages = forEachSystem (pkgs: {
        inherit (pkgs) suture;
        default = pkgs.suture;
      });

      nixosModules = {
        agent = withPackage "compliance-agent" ./modules/compliance-agent.nix;
        hub = withPackage "compliance-hub" ./modules/hub.nix;
        appliance = ./modules/appliance.nix;
      };

      nixosConfigurations.appliance = lib.nixosSystem {
        modules = [
          self.nixosModules.agent
          self.nixosModules.appliance
          ./nix/appliance.nix
        ];
      };

      checks = forEachSystem (pkgs: import ./nix/checks.nix { inherit lib pkgs self; });

      devShells = forEachSystem (pkgs: {
        default = pkgs.callPackage ./nix/shell.nix { };
      });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-rfc-style);
    };
}
