//! Packet filter and listening sockets.

use contract::fact::Absence;

use crate::tree::{Tree, as_root, check, number, ports, word};

const FACT: &str = "firewall:inbound_default";

/// What `nft -j list ruleset` prints for one table with an input chain of this policy and these rules, and a chain `refuse` that drops.
fn ruleset(family: &str, policy: &str, rules: &[&str]) -> String {
    let chain = format!(
        r#"{{"chain": {{"family": "{family}", "table": "f", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "{policy}"}}}}"#
    );
    let refuse = format!(r#"{{"chain": {{"family": "{family}", "table": "f", "name": "refuse"}}}}"#);
    let rule = |chain: &str, expr: &str| {
        format!(r#"{{"rule": {{"family": "{family}", "table": "f", "chain": "{chain}", "expr": [{expr}]}}}}"#)
    };
    let mut items = vec![r#"{"metainfo": {"version": "1.0.6"}}"#.to_owned(), chain, refuse];
    items.push(rule("refuse", r#"{"limit": {"rate": 5, "per": "second"}}, {"log": {"prefix": "x"}}"#));
    items.push(rule("refuse", r#"{"counter": {"packets": 0, "bytes": 0}}, {"drop": null}"#));
    items.extend(rules.iter().map(|expr| rule("in", expr)));
    format!(r#"{{"nftables": [{}]}}"#, items.join(", "))
}

fn printing(json: &str) -> Tree {
    Tree::new().program("/usr/sbin/nft", &format!("cat <<'END'\n{json}\nEND"))
}

#[test]
fn a_packet_that_no_rule_speaks_of_meets_policy_or_the_last_word() {
    let ssh = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}"#;
    let cases: [(&str, &str, &[&str], &str); 8] = [
        ("inet", "drop", &[ssh], "drop"),
        ("inet", "accept", &[ssh], "accept"),
        ("inet", "accept", &[ssh, r#"{"jump": {"target": "refuse"}}"#], "drop"),
        ("inet", "accept", &[r#"{"goto": {"target": "refuse"}}"#], "drop"),
        ("inet", "accept", &[r#"{"reject": {"type": "icmpx"}}"#], "drop"),
        ("inet", "drop", &[ssh, r#"{"accept": null}"#], "accept"),
        ("inet", "accept", &[r#"{"jump": {"target": "in"}}"#], "accept"),
        ("ip", "drop", &[ssh], "accept"),
    ];
    for (family, policy, rules, want) in cases {
        let json = ruleset(family, policy, rules);
        assert_eq!(printing(&json).read(FACT), as_root(word(want)), "{json}");
    }
}

#[test]
fn what_nft_cannot_show_is_not_called_open() {
    let empty = r#"{"nftables": [{"metainfo": {}}]}"#;
    let old = printing(empty).file("/proc/net/ip_tables_names", "filter\n");
    assert_eq!(old.read(FACT), as_root(Err(Absence::Unreadable)));
    assert_eq!(printing(empty).read(FACT), as_root(word("accept")));
    assert_eq!(printing("not json").read(FACT), as_root(Err(Absence::Malformed)));
    let refused = Tree::new().program("/usr/sbin/nft", "exit 1");
    assert_eq!(refused.read(FACT), as_root(Err(Absence::Unreadable)));
    check(&[], FACT, &Err(Absence::NotInstalled));
}

const HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n";

#[test]
fn sockets_that_others_can_reach_are_listed() {
    let tcp = format!(
        "{HEADER}   0: 00000000:0016 00000000:0000 0A 0 0\n   1: 0100007F:1F90 00000000:0000 0A 0 0\n   2: 3500007F:0035 00000000:0000 0A 0 0\n   3: 0A00A8C0:0016 0B00A8C0:C001 01 0 0\n   4: 0A00A8C0:0017 00000000:0000 0A 0 0\n"
    );
    let tcp6 = format!(
        "{HEADER}   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0\n   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0\n   2: 0000000000000000FFFF00000100007F:0277 00000000000000000000000000000000:0000 0A 0\n"
    );
    let udp = format!(
        "{HEADER}   0: 00000000:0044 00000000:0000 07 0 0\n   1: 0A00A8C0:A001 0B00A8C0:0035 01 0 0\n"
    );
    let files = [("/proc/net/tcp", tcp.as_str()), ("/proc/net/tcp6", &tcp6), ("/proc/net/udp", &udp)];
    check(&files, "listening:tcp_ports", &ports(&[22, 23, 443]));
    check(&files, "listening:udp_ports", &ports(&[68]));
    check(&files, "listening:plaintext_ports", &number(1));
}

#[test]
fn a_table_of_sockets_that_makes_no_sense_is_not_an_empty_one() {
    let fact = "listening:tcp_ports";
    check(&[], fact, &Err(Absence::NotInstalled));
    check(&[("/proc/net/tcp", HEADER)], fact, &ports(&[]));
    for text in ["", "   0: 00000000:0016 00000000:0000 0A\n", &format!("{HEADER}   0: nonsense\n")] {
        check(&[("/proc/net/tcp", text)], fact, &Err(Absence::Malformed));
    }
    check(&[("/proc/net/tcp", HEADER), ("/proc/net/tcp6", "x")], fact, &Err(Absence::Malformed));
}
