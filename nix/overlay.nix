# `pkgs.suture`, by nixpkgs' own rustPlatform, with a compiler that is new enough.
{ nixpkgs-rust }:
final: _prev:
let
  newer = nixpkgs-rust.legacyPackages.${final.stdenv.hostPlatform.system};
in
{
  suture = final.callPackage ./suture.nix {
    rustPlatform = final.makeRustPlatform { inherit (newer) cargo rustc; };
  };
}
