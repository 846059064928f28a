# What ./test and the gates of e2e/nix need, as far as NixOS has it; Debian's machines for tests are made by apt.
{
  mkShell,
  cargo-deny,
  cargo-nextest,
  deadnix,
  jq,
  just,
  nftables,
  nixfmt-rfc-style,
  nodejs,
  openssl,
  python3,
  restic,
  rustup,
  sqlite,
  swtpm,
  tpm2-tools,
}:
mkShell {
  packages = [
    cargo-deny
    cargo-nextest
    deadnix
    jq
    just
    nftables
    nixfmt-rfc-style
    nodejs
    openssl
    python3
    restic
    # The toolchain is the one that rust-toolchain.toml names.
    rustup
    sqlite
    swtpm
    tpm2-tools
  ];
}
