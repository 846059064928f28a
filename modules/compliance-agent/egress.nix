# Where this machine may speak to: an allow list for the packet filter, by address, since names are not the filter's to
# know. What is not listed is rejected, and counted.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.compliance-agent;
  destination = types.submodule {
    options = {
      address = mkOption {
        type = types.strMatching "[0-9a-fA-F.:]+(/[0-9]{1,3})?";
        example = "192.0.2.10";
        description = "An address, or a network.";
      };
      port = mkOption {
        type = types.port;
        example = 8443;
        description = "The port there.";
      };
      protocol = mkOption {
        type = types.enum [
          "tcp"
          "udp"
        ];
        default = "tcp";
        example = "udp";
        description = "By which protocol.";
      };
      why = mkOption {
        type = types.singleLineStr;
        example = "the hub";
        description = "What is there, for whoever reads the rules.";
      };
    };
  };
  family = address: if lib.hasInfix ":" address then "ip6" else "ip";
  accept =
    d:
    ''${family d.address} daddr ${d.address} ${d.protocol} dport ${toString d.port} accept comment "${d.why}"'';
  uid = toString cfg.agentUid;
  # By number: the names of users are not known where NixOS checks the rules.
  agent = [
    "  meta skuid ${uid} jump listed"
    "  meta skuid ${uid} counter reject with icmpx type admin-prohibited"
  ];
  machine = [
    "  ct state established,related accept"
    "  udp sport 68 udp dport 67 accept comment \"DHCP\""
    "  udp sport 546 udp dport 547 accept comment \"DHCP\""
    "  icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report } accept"
    "  icmp type { destination-unreachable, time-exceeded } accept"
    "  icmpv6 type { destination-unreachable, packet-too-big, time-exceeded } accept"
    "  jump listed"
    "  counter reject with icmpx type admin-prohibited"
  ];
in
{
  options.services.compliance-agent.egress = {
    enable = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether nftables lets the agent's user out to `egress.allow` and nowhere else.";
    };
    wholeMachine = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether the same list holds for the whole machine, as on an appliance: names (DNS), time (NTP) and backups must
        then be listed too. Answers to what came in, loopback, DHCP and what IPv6 itself needs are let out.
      '';
    };
    allow = mkOption {
      type = types.listOf destination;
      default = [ ];
      example = [
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
      ];
      description = "Where may be spoken to: the hub, the resolvers, the declared backup targets, and nothing else.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.egress.enable) {
    networking.nftables.enable = true;
    networking.nftables.tables.suture = {
      family = "inet";
      content = lib.concatStringsSep "\n" (
        [ "chain listed {" ]
        ++ map (d: "  ${accept d}") cfg.egress.allow
        ++ [
          "}"
          "chain output {"
          "  type filter hook output priority 0; policy accept;"
          "  oifname \"lo\" accept"
        ]
        ++ (if cfg.egress.wholeMachine then machine else agent)
        ++ [ "}" ]
      );
    };
  };
}
