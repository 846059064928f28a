# Types that several options share. What the programs would refuse is refused here already, with the same grammar.
{ lib }:
let
  inherit (lib) types;
  matching =
    words: pattern:
    (types.strMatching pattern)
    // {
      description = words;
      descriptionClass = "noun";
    };
in
{
  # crates/contract/src/ids.rs
  id = matching "an id: lower-case letters, digits and dashes, at most 40" "[a-z0-9][a-z0-9-]{0,39}";
  runbook = matching "the id of a runbook, such as RB-SERVICE-001-restart" "[A-Za-z0-9][A-Za-z0-9-]{0,63}";
  # crates/policy/src/word.rs
  tag = matching "a tag: lower-case letters, digits, dots and dashes, at most 64" "[a-z0-9.-]{1,64}";
  # crates/contract/src/digest.rs, dsse.rs
  digest = matching "a digest: sha256: and 64 hexadecimal digits" "sha256:[0-9a-f]{64}";
  publicKey = matching "an Ed25519 key: 64 hexadecimal digits" "[0-9a-f]{64}";
  instant = matching "an instant in UTC, such as 2026-01-31T00:00:00Z" "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z";
  # agent/src/config.rs
  httpsUrl = matching "an address such as https://hub.example:8443" "https://[^/?#@ ]+";
  proxyUrl = matching "an address such as http://proxy.example:3128" "http://[^/?#@ ]+";
  # crates/contract/src/window.rs
  time = matching "a time of day, such as \"02:00\"" "([01][0-9]|2[0-3]):[0-5][0-9]";
  zone = matching "a time zone by its IANA name, such as Europe/Berlin" "[A-Za-z]+(/[A-Za-z0-9_+-]+)*";
  day = types.enum [
    "mon"
    "tue"
    "wed"
    "thu"
    "fri"
    "sat"
    "sun"
  ];
  unit = matching "the name of a unit, such as nginx.service" "[A-Za-z0-9:_.@-]+\\.[a-z]+";
}
